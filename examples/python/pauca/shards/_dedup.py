"""SemDeDup over shards: rows go to files by their clusters, and clusters are deduplicated as tasks."""

from __future__ import annotations

import functools
import os
import shutil
from typing import Any, Optional, Sequence, Union

import numpy as np

from .. import _dedup, _kmeans, _options
from .._rows import Rows
from . import _random, _select
from ._folder import Folder, Part, Run, Work, groups, parts_of, save, settings_of
from ._kmeans import Clusters

#: What a bucket remembers of a row beside its values.
_OF_ROW = np.dtype([("row", "i8"), ("label", "u4"), ("distance", "f8"), ("key", "u8")])
#: What deduplication found of a row. place: where the row comes in the order of preference of the bucket.
_FOUND = np.dtype([("row", "i8"), ("witness", "i8"), ("similarity", "f8"), ("place", "i8"), ("keep", "?")])


class Dedup:
    """A deduplication of the rows of a folder. What belongs to rows lies in files of the work folder."""

    def __init__(self, parts: Sequence[Part], work: Work):
        self._parts, self._work = parts, work
        state = work.state
        self.n_kept: int = state["n_kept"]
        self.epsilon: float = float.fromhex(state["epsilon"])
        self.reached: bool = state["reached"]
        self.exact_copies: int = state["exact_copies"]

    def __len__(self) -> int:
        return sum(part.n for part in self._parts)

    def __repr__(self) -> str:
        return f"<Dedup: {self.n_kept} of {len(self)} rows in {len(self._parts)} shards kept, epsilon {self.epsilon:.6g}>"

    def keep_file(self, part: Part) -> str:
        """[rows of the part] bool: whether the row is kept."""
        return self._work.file(f"keep-{part.index:05}.npy")

    def witness_file(self, part: Part) -> str:
        """[rows of the part] int64: the earlier row that stands for the row, by its place in all shards; -1 for none."""
        return self._work.file(f"witness-{part.index:05}.npy")

    def similarity_file(self, part: Part) -> str:
        """[rows of the part] float64: the cosine to the witness; NaN without one."""
        return self._work.file(f"similarity-{part.index:05}.npy")

    def keep(self) -> np.ndarray:
        """[n] bool, in memory."""
        return np.concatenate([np.load(self.keep_file(part)) for part in self._parts])

    def kept(self) -> np.ndarray:
        """[n_kept] int64: the rows that are kept, ascending, in memory."""
        return np.flatnonzero(self.keep())

    def witness(self) -> np.ndarray:
        """[n] int64, in memory."""
        return np.concatenate([np.load(self.witness_file(part)) for part in self._parts])

    def similarity(self) -> np.ndarray:
        """[n] float64, in memory."""
        return np.concatenate([np.load(self.similarity_file(part)) for part in self._parts])


def semdedup(
    folder: Union[Folder, str, os.PathLike, list[Part]],
    clusters: Clusters,
    work: Union[str, os.PathLike],
    *,
    run: Run = map,
    epsilon: float = 0.05,
    keep_fraction: Optional[float] = None,
    rule: str = "earlier_max",
    boundary: str = "gt",
    order: str = "hard",
    order_seed: int = 0,
    published: bool = False,
    bucket_bytes: int = 1 << 30,
    shards_per_task: int = 1,
) -> Dedup:
    """Deduplicates the rows of a folder within their clusters, to the bits of :func:`pauca.semdedup` on all of them.

    clusters: those of :func:`kmeans` on this folder. bucket_bytes: clusters are put together into buckets of about so
    many bytes of rows, each a task; a larger cluster is a bucket of its own. order: "hard", "easy" or "random". The other
    arguments are those of :func:`pauca.semdedup`.

    The work folder holds each row once more meanwhile. A task holds a shard, or a bucket, 90 bytes a row, and blocks of at
    most 16 Mi values of the bucket: gathered, widened to f32 and coded.
    """
    parts = parts_of(folder)
    n = sum(part.n for part in parts)
    if len(clusters) != n:
        raise ValueError(f"clusters of {len(clusters)} rows, expected those of this folder, {n}")
    how = {
        "epsilon": float(epsilon),
        "rule": rule,
        "boundary": boundary,
        "order": order,
        "order_seed": _options._whole("order_seed", order_seed),
        "published": bool(published),
    }
    for name, value, choices in (
        ("rule", rule, _options.RULES),
        ("boundary", boundary, _options.BOUNDARIES),
        ("order", order, _options.ORDERS),
    ):
        _options.named(name, value, choices)
    if keep_fraction is not None and (rule != "earlier_max" or not 0 <= keep_fraction <= 1):
        raise ValueError("keep_fraction is within [0, 1], and of the rule 'earlier_max'")
    settings = settings_of(parts, kind="semdedup", centroids=clusters.centroids, keep_fraction=keep_fraction, **how)
    place = Work(work, settings)
    if "n_kept" not in place.state:
        _Run(parts, clusters, place, run, groups(parts, shards_per_task), how, keep_fraction).go(bucket_bytes)
    return Dedup(parts, place)


class _Run:
    def __init__(self, parts, clusters: Clusters, work: Work, run: Run, tasks, how: dict, keep_fraction):
        self.parts, self.clusters, self.work, self.run, self.tasks = parts, clusters, work, run, tasks
        self.how, self.keep_fraction = how, keep_fraction
        self.n = len(clusters)

    def go(self, bucket_bytes: int) -> None:
        d, width = self.parts[0].d, self.parts[0].array().dtype.itemsize
        edges = self.work.state.get("edges") or buckets(self.clusters.counts, d * width, bucket_bytes)
        self.work.put(edges=edges)
        self.split(np.asarray(edges))
        files = [self.work.file(f"bucket-{b:05}") for b in range(len(edges) - 1)]
        task = functools.partial(_deduplicate, self.clusters.centroids, self.clusters.spherical, self.how)
        copies = sum(self.run(task, [(f, edges[b], edges[b + 1]) for b, f in enumerate(files)]))
        found = [f"{file}/found.npy" for file in files if os.path.exists(f"{file}/found.npy")]
        epsilon, reached = self.select(found)
        final = {name: self.work.file(name) for name in ("keep", "witness", "similarity")}
        kept = sum(self.run(functools.partial(_collect, found, final), self.tasks))
        self.work.put(n_kept=kept, epsilon=epsilon.hex(), reached=reached, exact_copies=copies)
        for file in files:
            shutil.rmtree(file, ignore_errors=True)

    def split(self, edges: np.ndarray) -> None:
        """Rows into the files of their buckets."""
        for b in range(len(edges) - 1):
            os.makedirs(self.work.file(f"bucket-{b:05}"), exist_ok=True)
        given = [
            [(part, self.clusters.label_file(part), self.clusters.distance_file(part)) for part in group] for group in self.tasks
        ]
        for _ in self.run(functools.partial(_split, edges, self.work.file("bucket"), self.how), given):
            pass

    def select(self, found: list[str]) -> tuple[float, bool]:
        """Marks the share of the rows to keep. Returns the epsilon, and whether the share was reached."""
        if self.keep_fraction is None:
            return self.how["epsilon"], True
        wanted = min(round(self.keep_fraction * self.n), self.n)
        unremovable = sum(self.run(_unremovable, found))
        kept = max(wanted, unremovable)
        if kept == 0:
            largest, below = -np.inf, 0
        else:
            largest, below = _select.cut(self.run, _scores, found, kept)
        # Equal scores go by place: clusters ascending, and so are buckets.
        ties = list(self.run(functools.partial(_ties, largest), found))
        left, given = kept - below, []
        for file, tied in zip(found, ties):
            given.append((file, min(left, tied) if kept else 0))
            left -= given[-1][1]
        for _ in self.run(functools.partial(_mark, largest if kept else -np.inf), given):
            pass
        return 1.0 - max(largest, -1.0), kept == wanted


def buckets(counts: np.ndarray, row_bytes: int, bucket_bytes: int) -> list[int]:
    """Where buckets of whole clusters begin, and where the last ends."""
    edges, size = [0], 0
    for j, count in enumerate(counts.tolist()):
        size += count * row_bytes
        if size > bucket_bytes and j > edges[-1]:
            edges.append(j)
            size = count * row_bytes
    return [*edges, len(counts)]


def _split(edges, prefix, how, group) -> None:
    for part, label_file, distance_file in group:
        x, chosen = part.array(), part.chosen()
        of = np.empty(part.n, _OF_ROW)
        of["row"] = part.start + np.arange(part.n)
        of["label"], of["distance"], of["key"] = np.load(label_file), np.load(distance_file), 0
        if how["order"] == "random":
            of["key"] = _random.bits(how["order_seed"], _random.DEDUP_ORDER, part.ids())
        bucket = np.searchsorted(edges, of["label"], side="right") - 1
        for b in np.unique(bucket).tolist():
            at = np.flatnonzero(bucket == b)
            save(f"{prefix}-{b:05}/of-{part.index:05}.npy", of[at])
            rows = np.ascontiguousarray(x[at if chosen is None else chosen[at]])
            save(f"{prefix}-{b:05}/rows-{part.index:05}.npy", rows)


def _deduplicate(centroids, spherical, how, bucket) -> int:
    """What deduplication finds in a bucket, in a file. Returns how many rows are copies."""
    folder, begin, end = bucket
    names = sorted(name for name in os.listdir(folder) if name.startswith("rows-") and name.endswith(".npy"))
    if not names:
        return 0
    blocks = [np.load(os.path.join(folder, name), mmap_mode="r") for name in names]
    of = np.concatenate([np.load(os.path.join(folder, name.replace("rows-", "of-"))) for name in names])
    rows = Rows.shards([Rows(block, rounded=True) for block in blocks])
    clusters = _kmeans.Clusters.from_parts(
        centroids[begin:end], of["label"] - np.uint32(begin), of["distance"], spherical=spherical
    )
    order: Any = how["order"]
    if order == "random":
        order = np.empty(len(of))  # the rank of the key; equal keys go by row
        order[np.argsort(of["key"], kind="stable")] = np.arange(len(of))
    asked = {name: how[name] for name in ("epsilon", "rule", "boundary", "published")}
    found = _dedup.semdedup(rows, clusters, order=order, threads=1, **asked)
    out = np.empty(len(of), _FOUND)
    out["row"], out["similarity"], out["keep"] = of["row"], found.similarity, found.keep
    out["witness"] = np.where(found.witness < 0, -1, of["row"][found.witness])
    out["place"][found.order] = np.arange(len(of))
    save(os.path.join(folder, "found.npy"), out)
    return found.exact_copies


def _scores(file: str) -> np.ndarray:
    """Similarities, -infinity where no earlier row resembles a row at all."""
    similarity = np.load(file)["similarity"]
    return np.where(np.isnan(similarity), -np.inf, similarity)


def _unremovable(file: str) -> int:
    return int(np.count_nonzero(np.isnan(np.load(file)["similarity"])))


def _ties(largest: float, file: str) -> int:
    return int(np.count_nonzero(_scores(file) == largest))


def _mark(largest: float, given: tuple[str, int]) -> None:
    """Keeps the rows below the largest score, and the first so many of those that have it."""
    file, allowed = given
    found, scores = np.load(file), _scores(file)
    tied = np.flatnonzero(scores == largest)
    found["keep"] = scores < largest
    found["keep"][tied[np.argsort(found["place"][tied])][:allowed]] = True
    save(file, found)


def _collect(files, final, parts) -> int:
    """What was found of the rows of a group of parts, in files of theirs. Returns how many are kept."""
    kept = 0
    for part in parts:
        keep, witness, similarity = np.zeros(part.n, bool), np.full(part.n, -1, np.int64), np.full(part.n, np.nan)
        for file in files:
            found = np.load(file, mmap_mode="r")
            begin, end = np.searchsorted(found["row"], [part.start, part.start + part.n])
            mine = found[begin:end]
            at = mine["row"] - part.start
            keep[at], witness[at], similarity[at] = mine["keep"], mine["witness"], mine["similarity"]
        for name, values in (("keep", keep), ("witness", witness), ("similarity", similarity)):
            save(f"{final[name]}-{part.index:05}.npy", values)
        kept += int(np.count_nonzero(keep))
    return kept
