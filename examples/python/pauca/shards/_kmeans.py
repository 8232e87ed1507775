"""k-means over shards: the iterations of core/src/kmeans/run.rs, of which tasks do what looks at rows."""

from __future__ import annotations

import functools
import glob
import heapq
import math
import os
from typing import Any, Optional, Sequence, Union

import numpy as np

from .. import _kmeans, _options, exact
from . import _seed
from ._folder import Folder, Part, Run, Work, groups, parts_of, save, settings_of


class Clusters:
    """A clustering of the rows of a folder. What belongs to rows lies in files of the work folder."""

    def __init__(self, parts: Sequence[Part], work: Work, spherical: bool):
        self._parts, self._work = parts, work
        self.spherical = spherical
        state = work.state
        self.n_iter: int = state["n_iter"]
        self.converged: bool = state["converged"]
        self.relocated: int = state["relocated"]
        self.distinct_rows: Optional[int] = state["distinct_rows"]
        self.inertia: float = float.fromhex(state["inertia"])
        self.centroids: np.ndarray = np.load(work.file(f"centroids-{self.n_iter}.npy"))
        self.counts: np.ndarray = np.load(work.file("counts.npy"))

    @property
    def n_clusters(self) -> int:
        return len(self.centroids)

    def __len__(self) -> int:
        return sum(part.n for part in self._parts)

    def __repr__(self) -> str:
        kind = "spherical" if self.spherical else "Euclidean"
        return f"<Clusters: {len(self)} rows in {len(self._parts)} shards, {self.n_clusters} clusters, {kind}, inertia {self.inertia:.6g}>"

    def label_file(self, part: Part) -> str:
        """[rows of the part] uint32."""
        return self._work.file(f"labels-{part.index:05}.npy")

    def distance_file(self, part: Part) -> str:
        """[rows of the part] float64."""
        return self._work.file(f"distances-{part.index:05}.npy")

    def labels(self) -> np.ndarray:
        """[n] uint32: the labels of all rows, in memory."""
        return np.concatenate([np.load(self.label_file(part)) for part in self._parts])

    def distances(self) -> np.ndarray:
        """[n] float64: the distances of all rows, in memory."""
        return np.concatenate([np.load(self.distance_file(part)) for part in self._parts])


def kmeans(
    folder: Union[Folder, str, os.PathLike],
    n_clusters: int,
    work: Union[str, os.PathLike],
    *,
    run: Run = map,
    spherical: bool = False,
    seed: int = 0,
    max_iter: int = 100,
    init: Any = "k-means++",
    tolerance: float = 0.0,
    empty: str = "relocate",
    shards_per_task: int = 1,
) -> Clusters:
    """k-means of all rows of a folder, to the bits of :func:`pauca.kmeans` on them.

    work: a folder that all workers see, for this run alone; the run goes on from there. run: what does the tasks.
    shards_per_task: fewer, larger tasks send fewer sums. The other arguments are those of :func:`pauca.kmeans`.

    A task holds a shard's rows (mapped, or of one Parquet file), 12 bytes a row, and 120 k d bytes; k-means++ 32 bytes a
    row more. The caller holds about 120 k d bytes; each iteration sends 4 k d bytes to each task and 40 k d back.
    """
    return lloyd(
        parts_of(folder), n_clusters, work, run, spherical, seed, max_iter, init, tolerance, empty, shards_per_task, 0
    )


def lloyd(parts, k, work, run, spherical, seed, max_iter, init, tolerance, empty, per, base) -> Clusters:
    """k-means of some parts; base: the random streams of a later stage."""
    n, d = sum(part.n for part in parts), parts[0].d
    k = _options._whole("n_clusters", k)
    _options.named("empty", empty, _options.EMPTY)
    if isinstance(init, str):
        _options.named("init", init, _options.INITS)
    else:
        init = np.ascontiguousarray(init, np.float32)
        if init.shape != (k, d) or not np.isfinite(init).all():
            raise ValueError(f"init of shape {init.shape}, expected finite numbers {(k, d)}")
    if not 1 <= k <= n:
        raise ValueError(f"n_clusters is {k}, expected 1 to the number of rows, {n}")
    settings = settings_of(
        parts, kind="kmeans", k=k, spherical=bool(spherical), seed=seed, init=init, tolerance=tolerance, empty=empty, base=base
    )
    work = Work(work, settings)
    if work.state.get("max_iter") != max_iter and "inertia" in work.state:
        del work.state["inertia"]  # more iterations, or fewer, were asked for before
    work.state["max_iter"] = max_iter
    if "inertia" in work.state:
        return Clusters(parts, work, spherical)
    if "n_iter" not in work.state:
        _begin(parts, k, work, run, spherical, seed, init, per, base)
    _Lloyd(parts, work, run, spherical, tolerance, empty, per).iterate(max_iter)
    return Clusters(parts, work, spherical)


def _begin(parts, k, work, run, spherical, seed, init, per, base) -> None:
    """Chooses and saves the first centroids."""
    if isinstance(init, np.ndarray):
        seeds, centroids = _seed.Seeds([], None), init + np.float32(0)
    else:
        if init == "random":
            seeds = _seed.random(run, parts, k, seed, base, spherical, per)
        else:
            seeds = _seed.plus_plus(run, parts, k, seed, base, spherical, per, work)
        centroids = _seed.values(run, parts, seeds.rows, per)
    save(work.file("centroids-0.npy"), centroids)
    work.put(n_iter=0, relocated=0, distinct_rows=seeds.distinct, converged=False)
    for file in glob.glob(glob.escape(work.file("race-")) + "*.npy"):
        os.unlink(file)


class _Lloyd:
    """A run between two iterations. All that is not in the work folder is made anew from the centroids."""

    def __init__(self, parts, work: Work, run: Run, spherical, tolerance, empty, per):
        self.parts, self.work, self.run, self.spherical = parts, work, run, spherical
        self.tolerance, self.empty, self.tasks = tolerance, empty, groups(parts, per)
        self.centroids = np.load(work.file(f"centroids-{work.state['n_iter']}.npy"))
        self.sums: exact.Sums
        self.slot = 0

    def iterate(self, max_iter: int) -> None:
        state = self.work.state
        self.assign(self.centroids, {}, first=True)
        while not state["converged"] and state["n_iter"] < max_iter:
            moves = self.fill_empty() if self.empty == "relocate" else []
            following = self.sums.centroids(self.centroids, spherical=self.spherical)
            still = self.tolerance > 0 and self.shift(following) <= self.tolerance
            moved = self.assign(following, self.by_part(moves))
            self.centroids = following
            n_iter = state["n_iter"] + 1
            save(self.work.file(f"centroids-{n_iter}.npy"), following)
            self.work.put(
                n_iter=n_iter, moved=moved, relocated=state["relocated"] + len(moves), converged=moved == 0 or bool(still)
            )
            if n_iter > 1:
                os.unlink(self.work.file(f"centroids-{n_iter - 1}.npy"))
        self.finish()

    def labels(self, slot: int) -> str:
        return self.work.file(f"labels-{slot}")

    def assign(self, centroids: np.ndarray, moves: dict, first: bool = False) -> int:
        """Labels and sums of all rows. Returns how many labels changed."""
        before = None if first else self.labels(self.slot)
        self.slot = 1 - self.slot
        task = functools.partial(_assign, centroids, self.spherical, before, self.labels(self.slot), moves)
        moved, self.sums = 0, exact.Sums(*centroids.shape)
        for changed, sums in self.run(task, self.tasks):
            moved += changed
            self.sums.merge(exact.Sums.from_bytes(sums))
        return moved

    def shift(self, following: np.ndarray) -> float:
        """Sum of squared distances between old and new centroids, exact but for one rounding."""
        return math.fsum(exact.squared_distance(a, b) for a, b in zip(self.centroids, following))

    def fill_empty(self) -> list[tuple[int, int, int]]:
        """Moves the farthest rows into the clusters without rows: (row, from, to)."""
        counts = self.sums.counts.astype(np.int64)
        empty = np.flatnonzero(counts == 0)
        if not len(empty):
            return []
        handed = 4 * len(empty) + 16
        while True:
            moves = self.farthest(counts, empty, handed)
            if moves is not None:
                break
            handed *= 4
        if moves:
            rows = [row for row, _, _ in moves]
            x = _seed.values(self.run, self.parts, rows, 1)
            self.sums.remove(x, [source for _, source, _ in moves], spherical=self.spherical)
            self.sums.add(x, [to for _, _, to in moves], spherical=self.spherical)
        return moves

    def farthest(self, counts: np.ndarray, empty: np.ndarray, handed: int) -> Optional[list[tuple[int, int, int]]]:
        """The moves, or None when a task may have rows that it has not handed in and that would come first."""
        task = functools.partial(_farthest, self.centroids, self.spherical, self.labels(self.slot), handed)
        found = list(self.run(task, self.tasks))
        # Candidates by falling distance, equal ones by row; where a task's end, others of its own may follow.
        merged = heapq.merge(*[candidates for candidates, _ in found])
        ends = [candidates[-1][:2] for candidates, more in found if more]
        left, moves = counts.copy(), []
        for to in empty.tolist():
            for distance, row, source, has_direction in merged:
                if any((distance, row) > end for end in ends):
                    return None
                if left[source] > 1 and has_direction:
                    left[source] -= 1
                    moves.append((row, source, to))
                    break
            else:
                return None if ends else moves
        return moves

    def by_part(self, moves: Sequence[tuple[int, int, int]]) -> dict:
        """The moves of each part: {index: [(row of the part, to)]}."""
        out: dict = {}
        for row, _, to in moves:
            part = next(p for p in self.parts if p.start <= row < p.start + p.n)
            out.setdefault(part.index, []).append((row - part.start, to))
        return out

    def finish(self) -> None:
        """Distances and inertia of the labels as they are."""
        task = functools.partial(
            _measure, self.centroids, self.spherical, self.labels(self.slot), self.work.file("labels"), self.work.file("distances")
        )
        inertia = exact.F64Sum()
        for parts_of_sum in self.run(task, self.tasks):
            inertia.add(parts_of_sum)
        save(self.work.file("counts.npy"), self.sums.counts)
        self.work.put(inertia=inertia.value.hex())
        for slot in (0, 1):
            for part in self.parts:
                file = f"{self.labels(slot)}-{part.index:05}.npy"
                if os.path.exists(file):
                    os.unlink(file)


def _assign(centroids, spherical, before, after, moves, parts):
    """Labels of a group of parts, in files. Returns how many changed, and the sums as bytes."""
    clusters = _kmeans.Clusters.from_parts(centroids, spherical=spherical)
    sums, moved = exact.Sums(*centroids.shape), 0
    for part in parts:
        with part.named():
            rows = part.rows()
            labels = clusters.predict(rows, threads=1)
            if before is not None:
                old = np.load(f"{before}-{part.index:05}.npy")
                for row, to in moves.get(part.index, ()):
                    old[row] = to
                moved += int(np.count_nonzero(labels != old))
            sums.add(rows, labels, spherical=spherical, threads=1)
        save(f"{after}-{part.index:05}.npy", labels)
    return moved, sums.to_bytes()


def _farthest(centroids, spherical, labels, handed, parts):
    """The farthest rows of a group: (minus the distance, row, cluster, whether it has a direction), and whether more
    rows lie apart from their centroid."""
    found: list = []
    total = 0
    for part in parts:
        of = np.load(f"{labels}-{part.index:05}.npy")
        with part.named():
            distances = _kmeans.Clusters.from_parts(centroids, of, spherical=spherical).measure(part.rows(), threads=1)
        apart = np.flatnonzero(distances > 0)
        total += len(apart)
        first = apart[np.lexsort((apart, -distances[apart]))][:handed]
        # Rows of zeros are at distance 1 from everything under the cosine, and can move no centroid.
        moves = part.take(first).any(axis=1) if spherical else np.ones(len(first), bool)
        found += zip((-distances[first]).tolist(), (part.start + first).tolist(), of[first].tolist(), moves.tolist())
    found.sort()
    return found[:handed], total > handed


def _measure(centroids, spherical, labels, final_labels, distances, parts):
    """Distances of a group of parts, in files. Returns a few numbers whose sum is their sum."""
    total = exact.F64Sum()
    for part in parts:
        of = np.load(f"{labels}-{part.index:05}.npy")
        with part.named():
            measured = _kmeans.Clusters.from_parts(centroids, of, spherical=spherical).measure(part.rows(), threads=1)
        total.add(measured)
        save(f"{distances}-{part.index:05}.npy", measured)
        save(f"{final_labels}-{part.index:05}.npy", of)
    return total.parts()
