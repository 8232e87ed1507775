"""D4 over shards: k-means, deduplication, k-means of the survivors, and the share of those that is kept."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from typing import Any, Optional, Sequence, Union

import numpy as np

from .. import _options
from . import _random, _select
from ._dedup import Dedup, semdedup
from ._folder import Folder, Part, Run, Work, groups, parts_of, save, settings_of
from ._kmeans import Clusters, lloyd


class Curated:
    """What D4 chose of the rows of a folder."""

    def __init__(self, parts: Sequence[Part], work: Work, clusters: Clusters, dedup: Dedup, reclustered: Clusters):
        self._parts, self._work = parts, work
        self.clusters, self.dedup, self.reclustered = clusters, dedup, reclustered
        self.n_kept: int = work.state["n_kept"]

    def __len__(self) -> int:
        return sum(part.n for part in self._parts)

    def __repr__(self) -> str:
        survivors = self.dedup.n_kept
        return f"<Curated: {self.n_kept} of {len(self)} rows in {len(self._parts)} shards kept, {survivors} after deduplication>"

    def keep_file(self, part: Part) -> str:
        """[rows of the part] bool: whether the row is kept in the end."""
        return self._work.file(f"keep-{part.index:05}.npy")

    def keep(self) -> np.ndarray:
        """[n] bool, in memory."""
        return np.concatenate([np.load(self.keep_file(part)) for part in self._parts])

    def kept(self) -> np.ndarray:
        """[n_kept] int64: the rows that are kept in the end, ascending, in memory."""
        return np.flatnonzero(self.keep())


def d4(
    folder: Union[Folder, str, os.PathLike],
    work: Union[str, os.PathLike],
    *,
    run: Run = map,
    keep_fraction: float = 0.5,
    dedup_keep_fraction: float = 0.75,
    clusters: Optional[int] = None,
    recluster: Optional[int] = None,
    spherical: bool = True,
    seed: int = 0,
    max_iter: int = 20,
    init: Any = "k-means++",
    order: str = "hard",
    order_seed: int = 0,
    scope: str = "global",
    bucket_bytes: int = 1 << 30,
    shards_per_task: int = 1,
) -> Curated:
    """Chooses rows of a folder, to the bits of :func:`pauca.d4` on all of them.

    The arguments are those of :func:`pauca.d4`, and of :func:`kmeans` and :func:`semdedup` of this module. With the scope
    "per_cluster" the caller holds 28 bytes of each survivor at the end, else nothing that grows with the rows.
    """
    parts = parts_of(folder)
    n = sum(part.n for part in parts)
    _options.named("scope", scope, _options.SCOPES)
    if not 0 <= keep_fraction <= dedup_keep_fraction <= 1:
        raise ValueError("expected 0 <= keep_fraction <= dedup_keep_fraction <= 1")
    place = Work(
        work,
        settings_of(
            parts,
            kind="d4",
            keep_fraction=keep_fraction,
            dedup_keep_fraction=dedup_keep_fraction,
            clusters=clusters,
            recluster=recluster,
            spherical=spherical,
            seed=seed,
            max_iter=max_iter,
            init=init if isinstance(init, str) else np.asarray(init, np.float32),
            order=order,
            order_seed=order_seed,
            scope=scope,
        ),
    )
    first_k = clusters or max(1, round(math.sqrt(n)))
    # Tolerance 0, empty clusters are filled; the second clustering draws from the streams of its own stage.
    how = run, spherical, seed, max_iter
    more = 0.0, "relocate", shards_per_task
    first = lloyd(parts, first_k, place.file("cluster"), *how, init, *more, 0)
    dedup = semdedup(
        parts,
        first,
        place.file("dedup"),
        run=run,
        keep_fraction=dedup_keep_fraction,
        order=order,
        order_seed=order_seed,
        bucket_bytes=bucket_bytes,
        shards_per_task=shards_per_task,
    )
    survivors = _survivors(parts, dedup)
    k = min(recluster or clusters or first_k, dedup.n_kept)
    again = "random" if isinstance(init, str) and init == "random" else "k-means++"
    second = lloyd(survivors, k, place.file("recluster"), *how, again, *more, _random.STAGE)
    if "n_kept" not in place.state:
        kept = min(round(keep_fraction * n), n)
        chosen = _chosen(run, survivors, second, kept, scope)
        masks = [dedup.keep_file(part) for part in parts]
        given = [(part, mask, chosen.get(part.index)) for part, mask in zip(parts, masks)]
        total = sum(run(functools.partial(_keep, place.file("keep")), given))
        place.put(n_kept=total)
    return Curated(parts, place, first, dedup, second)


def _survivors(parts: Sequence[Part], dedup: Dedup) -> list[Part]:
    """The parts that deduplication has left, of their kept rows."""
    out, start = [], 0
    for part in parts:
        n = int(np.count_nonzero(np.load(dedup.keep_file(part), mmap_mode="r")))
        if n:
            out.append(dataclasses.replace(part, start=start, n=n, mask=dedup.keep_file(part)))
            start += n
    return out


def _chosen(run: Run, survivors: list[Part], second: Clusters, kept: int, scope: str) -> dict:
    """Which survivors are kept, the farthest first, equal ones by row: by part a task that tells."""
    files = [second.distance_file(part) for part in survivors]
    if scope == "global":
        if kept == 0:
            return {part.index: (file, -np.inf, 0) for part, file in zip(survivors, files)}
        largest, below = _select.cut(run, _far_first, files, kept)
        left, out = kept - below, {}
        for part, file, tied in zip(survivors, files, run(functools.partial(_tied, largest), files)):
            out[part.index] = (file, largest, min(left, tied))
            left -= out[part.index][2]
        return out
    labels, distances = second.labels(), second.distances()
    quotas = largest_remainder(kept, second.counts.tolist())
    order = np.lexsort((np.arange(len(labels)), -distances, labels))
    rank = np.empty(len(labels), np.int64)
    begins = np.concatenate([[0], np.cumsum(second.counts.astype(np.int64))])
    rank[order] = np.arange(len(labels)) - begins[labels[order]]
    keep = rank < np.asarray(quotas)[labels]
    return {part.index: keep[part.start : part.start + part.n] for part in survivors}


def largest_remainder(total: int, sizes: Sequence[int]) -> list[int]:
    """Shares of total in proportion to sizes: floors, and one more for the largest remainders, equal ones by index."""
    whole = sum(sizes)
    if whole == 0:
        return [0] * len(sizes)
    shares = [total * size // whole for size in sizes]
    first = sorted(range(len(sizes)), key=lambda j: (-(total * sizes[j] % whole), j))
    for j in first[: total - sum(shares)]:
        shares[j] += 1
    return shares


def _far_first(file: str) -> np.ndarray:
    return -np.load(file)


def _tied(largest: float, file: str) -> int:
    return int(np.count_nonzero(_far_first(file) == largest))


def _keep(prefix: str, given: tuple) -> int:
    """Writes which rows of a part are kept in the end. Returns how many."""
    part, mask, how = given
    survived = np.load(mask)
    if how is None:
        keep = np.zeros(0, bool)
    elif isinstance(how, np.ndarray):
        keep = how
    else:
        file, largest, allowed = how
        scores = _far_first(file)
        keep = scores < largest
        keep[np.flatnonzero(scores == largest)[:allowed]] = True
    survived[survived] = keep
    save(f"{prefix}-{part.index:05}.npy", survived)
    return int(np.count_nonzero(survived))
