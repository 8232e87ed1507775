"""Semantic deduplication."""

from __future__ import annotations

from ctypes import byref, c_uint64, c_void_p, sizeof
from typing import Any, Optional, Union

import numpy as np

from . import _abi, _options
from ._arrow import Column, Tabular
from ._call import ProgressLike, call, check
from ._kmeans import Clusters, kmeans
from ._lib import lib
from ._options import Order, pointer
from ._rows import rows


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


def semdedup(
    x: Any,
    clusters: Union[Clusters, int, None] = None,
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
    if clusters is None:
        clusters = max(1, round(len(x) ** 0.5))
    if not isinstance(clusters, Clusters):
        clusters = kmeans(x, clusters, spherical=True, max_iter=20, threads=threads, progress=progress)
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
