"""Pruning by the distance of rows to the centroid of their cluster."""

from __future__ import annotations

from ctypes import byref, sizeof
from typing import Any, Optional

import numpy as np

from . import _abi, _options
from ._arrow import Column, Flagged
from ._call import call, check
from ._kmeans import Clusters
from ._lib import lib
from ._options import pointer


class Selection(Flagged):
    """Which rows are kept. As a table: row, keep, cluster, distance."""

    def __init__(self, keep: np.ndarray, clusters: Clusters):
        self.keep = keep
        """[n] bool."""
        self.clusters = clusters

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.n_kept} of {len(self)} rows kept>"

    def _columns(self) -> list:
        row = Column("row", np.arange(len(self)))
        return [row, Column("keep", self.keep), *self.clusters._columns()[1:]]


class DensitySelection(Selection):
    """Which rows density-based pruning keeps, and how many of each cluster."""

    def __init__(self, keep, clusters, quotas, intra, inter):
        super().__init__(keep, clusters)
        self.quotas: np.ndarray = quotas
        """[k] uint64: rows kept of each cluster."""
        self.intra: np.ndarray = intra
        """[k] float64: mean distance of the rows of a cluster to its centroid."""
        self.inter: np.ndarray = inter
        """[k] float64: mean distance of a centroid to its nearest neighbours."""


def _with_distances(clusters: Clusters) -> np.ndarray:
    if clusters.distances is None:
        raise ValueError("clusters without distances: give Clusters.from_parts those of Clusters.measure(x)")
    return clusters.distances


def prototypes(
    clusters: Clusters, *, keep_fraction: float = 0.5, prune: str = "nearest", scope: str = "global"
) -> Selection:
    """Keeps exactly round_half_even(keep_fraction n) rows, by their distances (Sorscher et al. 2022).

    prune: "nearest", the prototypical rows go, or "farthest". scope: rows are ranked among all ("global"), or among
    those of their cluster ("per_cluster"), of which each keeps its share. The lower of equally distant rows is kept.

    >>> import numpy as np, pauca
    >>> clusters = pauca.kmeans(np.array([[0], [1], [2], [9]], np.float32), 1)
    >>> pauca.prototypes(clusters, keep_fraction=0.25).kept.tolist()
    [3]
    """
    distances, labels = _with_distances(clusters), clusters.labels
    options = _options.fresh(_abi.pauca_prototypes_options, lib.pauca_prototypes_options_init)
    options.keep_fraction = float(keep_fraction)
    options.prune = _options.named("prune", prune, _options.PRUNES)
    options.scope = _options.named("scope", scope, _options.SCOPES)
    keep = np.empty(len(clusters), np.bool_)
    given = pointer(distances), pointer(labels), len(clusters), clusters.n_clusters
    check(lib.pauca_prototypes_select, *given, byref(options), pointer(keep))
    return Selection(keep, clusters)


def density(
    clusters: Clusters,
    *,
    keep_fraction: float = 0.5,
    temperature: float = 0.5,
    neighbours: int = 20,
    least: float = 0.5,
    prune: str = "nearest",
    nan_as_mean: bool = False,
    threads: Optional[int] = None,
) -> DensitySelection:
    """Keeps more of clusters that are wide and lie apart (Abbas et al. 2024).

    temperature: the smaller, the more the complex clusters get. neighbours: how many of the nearest centroids count.
    least: the share of an even quota that every cluster keeps. prune: as for :func:`prototypes`. nan_as_mean: clusters
    of NaN complexity get the mean of the others, as the published code does.

    >>> import numpy as np, pauca
    >>> x = np.array([[0], [1], [2], [30], [40], [50]], np.float32)
    >>> chosen = pauca.density(pauca.kmeans(x, 2, seed=1), keep_fraction=0.5)
    >>> chosen.n_kept, sorted(chosen.quotas.tolist())
    (3, [0, 3])
    """
    options = _options.fresh(_abi.pauca_density_options, lib.pauca_density_options_init)
    options.keep_fraction, options.temperature, options.least = float(keep_fraction), float(temperature), float(least)
    options.neighbours = _options._whole("neighbours", neighbours)
    options.prune = _options.named("prune", prune, _options.PRUNES)
    options.nan_as_mean = int(bool(nan_as_mean))
    n, k = len(clusters), clusters.n_clusters
    made: dict[str, Any] = {
        "keep": np.empty(n, np.bool_),
        "quotas": np.empty(k, np.uint64),
        "intra": np.empty(k, np.float64),
        "inter": np.empty(k, np.float64),
    }
    arrays = _abi.pauca_density_arrays(struct_size=sizeof(_abi.pauca_density_arrays))
    for name, array in made.items():
        setattr(arrays, name, pointer(array))
        setattr(arrays, name + "_len", array.size)
    call(
        lib.pauca_density_select,
        clusters._handle,
        byref(options),
        byref(arrays),
        work=float(k) * k * clusters._info.dim,
        threads=threads,
    )
    return DensitySelection(made["keep"], clusters, made["quotas"], made["intra"], made["inter"])
