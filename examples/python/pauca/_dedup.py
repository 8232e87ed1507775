"""Semantic deduplication."""

from __future__ import annotations

from ctypes import byref, c_uint64, c_void_p, sizeof
from typing import Any, Callable, Optional, Union

import numpy as np

from . import _abi, _options
from ._arrow import Column, Flagged, Tabular
from ._call import ProgressLike, call, check
from ._kmeans import Clusters, kmeans
from ._lib import lib
from ._options import Order, pointer
from ._rows import Rows, rows


ClustersLike = Union[Clusters, int, None]


class Dedup(Tabular):
    """What deduplication found.

    As a table: row, keep, witness (null without one), similarity (null without one), cluster.
    """

    def __init__(self, handle: c_void_p, clusters: Clusters):
        self._handle = handle
        self._cache: dict[str, np.ndarray] = {}
        self.clusters = clusters
        self._info = _abi.pauca_dedup_info(struct_size=sizeof(_abi.pauca_dedup_info))
        check(lib.pauca_dedup_get_info, handle, byref(self._info))

    @classmethod
    def from_bytes(cls, data: bytes, clusters: Clusters) -> Dedup:
        """What :meth:`to_bytes` wrote, with the clusters that were deduplicated, which do not travel along."""
        out = c_void_p()
        check(lib.pauca_dedup_from_bytes, data, len(data), byref(out))
        return cls(out, clusters)

    def to_bytes(self) -> bytes:
        """Versioned, checksummed bytes, the same on every machine."""
        out = c_void_p()
        check(lib.pauca_dedup_to_bytes, self._handle, byref(out))
        return _options.blob_bytes(out)

    def __reduce__(self):
        return Dedup.from_bytes, (self.to_bytes(), self.clusters)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_dedup_free(self._handle)

    def __len__(self) -> int:
        return self._info.n_rows

    def __repr__(self) -> str:
        return f"<Dedup: {self.n_kept} of {len(self)} rows kept, epsilon {self.epsilon:.6g}>"

    def _copied(self, name: str, length: int, dtype: Any) -> np.ndarray:
        if name not in self._cache:
            out = np.empty(length, dtype)
            arrays = _abi.pauca_dedup_arrays(struct_size=sizeof(_abi.pauca_dedup_arrays))
            setattr(arrays, name, pointer(out))
            setattr(arrays, name + "_len", out.size)
            check(lib.pauca_dedup_copy, self._handle, byref(arrays))
            self._cache[name] = out
        return self._cache[name]

    @property
    def keep(self) -> np.ndarray:
        """[n] bool: whether the row is kept. ``x[result.keep]`` are the rows."""
        return self._copied("keep", len(self), np.bool_)

    @property
    def kept(self) -> np.ndarray:
        """[n_kept] int64: the rows that are kept, ascending. ``ds.select(result.kept)`` are the rows."""
        return self._copied("kept", self.n_kept, np.int64)

    @property
    def witness(self) -> np.ndarray:
        """[n] int64: the earlier row that stands for the row, -1 where there is none."""
        return self._copied("witness", len(self), np.int64)

    @property
    def similarity(self) -> np.ndarray:
        """[n] float64: the cosine to the witness; NaN without one."""
        return self._copied("similarity", len(self), np.float64)

    @property
    def order(self) -> np.ndarray:
        """[n] int64: the rows in the order of preference, cluster after cluster."""
        return self._copied("order", len(self), np.int64)

    @property
    def offsets(self) -> np.ndarray:
        """[k + 1] int64: where each cluster begins in order."""
        return self._copied("offsets", self._info.n_clusters + 1, np.int64)

    @property
    def n_kept(self) -> int:
        """Rows that are kept."""
        return self._info.n_kept

    @property
    def epsilon(self) -> float:
        """The epsilon asked for, or for a share of the rows 1 - the largest similarity kept."""
        return self._info.epsilon

    @property
    def exact_copies(self) -> int:
        """Rows that are exact copies of an earlier row of their cluster."""
        return self._info.exact_copies

    @property
    def reached(self) -> bool:
        """False when more rows than the share asked for have no earlier row in their cluster."""
        return bool(self._info.reached)

    def kept_at(self, epsilon: float, boundary: str = "gt") -> int:
        """How many rows another epsilon would keep, without comparing anything anew (rule "earlier_max")."""
        out = c_uint64()
        number = _options.named("boundary", boundary, _options.BOUNDARIES)
        check(lib.pauca_dedup_kept_at, self._handle, epsilon, number, byref(out))
        return out.value

    def curve(self) -> np.ndarray:
        """[n] float64, ascending: the largest similarity of each row to an earlier one, -inf where there is none. A
        row is kept at epsilon unless its value passes 1 - epsilon (rule "earlier_max")."""
        out = np.empty(len(self), np.float64)
        check(lib.pauca_dedup_curve, self._handle, pointer(out), out.size)
        return out

    def _columns(self) -> list:
        return [
            Column("row", np.arange(len(self))),
            Column("keep", self.keep),
            Column("witness", self.witness, self.witness < 0),
            Column("similarity", self.similarity, np.isnan(self.similarity)),
            Column("cluster", self.clusters.labels),
        ]


def _clusters_of(x: Rows, clusters: ClustersLike, threads: Optional[int], progress: ProgressLike) -> Clusters:
    """The clusters that are given, or so many spherical ones; None stands for the square root of n."""
    if clusters is None:
        clusters = max(1, round(len(x) ** 0.5))
    if isinstance(clusters, Clusters):
        return clusters
    return kmeans(x, clusters, spherical=True, max_iter=20, threads=threads, progress=progress)


def semdedup(
    x: Any,
    clusters: ClustersLike = None,
    *,
    epsilon: float = 0.05,
    keep_fraction: Optional[float] = None,
    rule: str = "earlier_max",
    boundary: str = "gt",
    order: Order = "hard",
    order_seed: int = 0,
    published: bool = False,
    threads: Optional[int] = None,
    progress: ProgressLike = None,
) -> Dedup:
    """Finds the rows of x [n, d] that are duplicates of another row of their cluster (Abbas et al. 2023).

    clusters: of the same rows; a number or None (the square root of n) has spherical ones made by k-means of 20
    iterations. epsilon: rows whose cosine passes 1 - epsilon are duplicates. keep_fraction: the share of rows to keep,
    in place of epsilon. rule: "earlier_max", a row goes when any earlier row of its cluster is similar, or
    "greedy_cover", when a kept earlier row is. boundary: "gt" or "ge". order: which rows of a cluster come first and so
    are preferred: "hard", "easy", "random" (by order_seed), or keys [n] of which smaller ones come first. published: the
    paper's pseudo-code to the letter. threads, progress: as for :func:`kmeans`.

    >>> import numpy as np, pauca
    >>> x = np.array([[1, 0], [0, 1], [2, 0], [1, 1]], np.float32)
    >>> found = pauca.semdedup(x, 1, epsilon=0.01, order=[0, 1, 2, 3])
    >>> found.kept.tolist(), found.witness.tolist()
    ([0, 1, 3], [-1, 0, 0, 0])
    >>> found.kept_at(0.5)
    2
    """
    kept: list = []
    x, out = rows(x), c_void_p()
    clusters = _clusters_of(x, clusters, threads, progress)
    options = _options.fresh(_abi.pauca_semdedup_options, lib.pauca_semdedup_options_init)
    options.rule = _options.named("rule", rule, _options.RULES)
    options.boundary = _options.named("boundary", boundary, _options.BOUNDARIES)
    options.epsilon = float(epsilon)
    options.keep_fraction = float("nan") if keep_fraction is None else float(keep_fraction)
    options.published = int(bool(published))
    _options.of_order(options, order, order_seed, kept)
    call(
        lib.pauca_semdedup,
        byref(x._view),
        clusters._handle,
        byref(options),
        byref(out),
        work=float(len(x)) ** 2 / clusters.n_clusters * x.shape[1] * 8,
        threads=threads,
        progress=progress,
        failed=_options.reads(x),
    )
    return Dedup(out, clusters)


class DedupAgainst(Flagged):
    """What deduplication against rows that stay found, of each new row.

    As a table: row, keep, witness (a row of the reference, null without one), similarity (null without one), cluster.
    """

    def __init__(self, keep, witness, similarity, labels, clusters: Clusters):
        self.keep: np.ndarray = keep
        """[n] bool: whether the new row is kept. ``x[result.keep]`` are the rows."""
        self.witness: np.ndarray = witness
        """[n] int64: the most similar row of the reference in the cluster, of kept rows too; -1 without one."""
        self.similarity: np.ndarray = similarity
        """[n] float64: the cosine to the witness; NaN without one. ``similarity > 1 - e`` are the duplicates at any e."""
        self.labels: np.ndarray = labels
        """[n] uint32: the cluster of each new row."""
        self.clusters = clusters
        """The clusters of the reference."""

    def kept_clusters(self) -> Clusters:
        """The clusters of the kept rows, for :func:`semdedup` on them."""
        c = self.clusters
        return Clusters.from_parts(c.centroids, self.labels[self.keep], spherical=c.spherical)

    def __repr__(self) -> str:
        return f"<DedupAgainst: {self.n_kept} of {len(self)} new rows kept>"

    def _columns(self) -> list:
        return [
            Column("row", np.arange(len(self))),
            Column("keep", self.keep),
            Column("witness", self.witness, self.witness < 0),
            Column("similarity", self.similarity, np.isnan(self.similarity)),
            Column("cluster", self.labels),
        ]


def semdedup_against(
    x: Any,
    reference: Any,
    clusters: ClustersLike = None,
    *,
    epsilon: float = 0.05,
    boundary: str = "gt",
    threads: Optional[int] = None,
    progress: ProgressLike = None,
) -> DedupAgainst:
    """Finds the new rows x [n, d] that are duplicates of a row of the reference [m, d], all of which stay.

    clusters: of the rows of the reference; a number or None (the square root of m) has spherical ones made of them by
    k-means of 20 iterations. A new row belongs to the nearest centroid, and meets the rows of the reference in that
    cluster; ``clusters=1`` compares every new row with every row of the reference. The most similar one is its witness,
    the lowest of equally similar ones. epsilon: rows whose cosine passes 1 - epsilon are duplicates. boundary: "gt" or
    "ge". threads, progress: as for :func:`kmeans`.

    New rows do not remove each other. ``semdedup(x[found.keep], found.kept_clusters())`` then finds duplicates among
    those that are kept.

    >>> import numpy as np, pauca
    >>> train = np.array([[1, 0], [0, 1]], np.float32)
    >>> new = np.array([[2, 0], [1, 1], [1, 1]], np.float32)
    >>> found = pauca.semdedup_against(new, train, 1)
    >>> found.kept.tolist(), found.witness.tolist()
    ([1, 2], [0, 0, 0])
    >>> pauca.semdedup(new[found.keep], found.kept_clusters()).n_kept
    1
    """
    x, reference = rows(x), rows(reference)
    n, m = len(x), len(reference)
    if m == 0 and not isinstance(clusters, Clusters):
        raise ValueError("a reference without rows has no clusters to be made: give Clusters.from_parts(centroids)")
    clusters = _clusters_of(reference, clusters, threads, progress)
    options = _options.fresh(_abi.pauca_semdedup_against_options, lib.pauca_semdedup_against_options_init)
    options.boundary = _options.named("boundary", boundary, _options.BOUNDARIES)
    options.epsilon = float(epsilon)
    made: dict[str, np.ndarray] = {
        "keep": np.empty(n, np.bool_),
        "witness": np.empty(n, np.int64),
        "similarity": np.empty(n, np.float64),
        "labels": np.empty(n, np.uint32),
    }
    arrays = _abi.pauca_dedup_against_arrays(struct_size=sizeof(_abi.pauca_dedup_against_arrays))
    for name, array in made.items():
        setattr(arrays, name, pointer(array))
        setattr(arrays, name + "_len", n)
    call(
        lib.pauca_semdedup_against,
        byref(x._view),
        byref(reference._view),
        clusters._handle,
        byref(options),
        byref(arrays),
        work=float(n) * (m / clusters.n_clusters + clusters.n_clusters) * x.shape[1],
        threads=threads,
        progress=progress,
        failed=_either(_options.reads(x), _options.reads(reference)),
    )
    return DedupAgainst(**made, clusters=clusters)


def _either(*failed: Optional[Callable]) -> Optional[Callable]:
    """What the first of the sources that failed has failed with."""
    asked = [ask for ask in failed if ask is not None]
    return (lambda: next((error for ask in asked if (error := ask()) is not None), None)) if asked else None
