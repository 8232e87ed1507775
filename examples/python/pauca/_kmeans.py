"""k-means: clusters, and runs that are stepped, saved and resumed."""

from __future__ import annotations

from ctypes import byref, c_int32, c_void_p, sizeof
from typing import Any, Iterator, NamedTuple, Optional

import numpy as np

from . import _abi, _options
from ._arrow import Column, Tabular
from ._call import ProgressLike, call, check
from ._lib import lib
from ._options import Init, pointer
from ._rows import Rows, rows


class Clusters(Tabular):
    """A clustering. What is read of it is copied once, when it is first asked for.

    As a table (``pl.DataFrame(clusters)``, ``duckdb.sql("from clusters")``): row, cluster, distance. Pickles travel by
    the bytes of :meth:`to_bytes`.
    """

    def __init__(self, handle: c_void_p):
        self._handle = handle
        self._cache: dict[str, Any] = {}
        self._info = _abi.pauca_clusters_info(struct_size=sizeof(_abi.pauca_clusters_info))
        check(lib.pauca_clusters_get_info, handle, byref(self._info))

    @classmethod
    def from_parts(
        cls, centroids: Any, labels: Any = None, distances: Any = None, *, spherical: bool = True
    ) -> Clusters:
        """A clustering that another program made.

        centroids: [k, d]; labels: [n], below k, or None where only centroids are to be asked; distances: [n] or None.

        >>> import numpy as np, pauca
        >>> theirs = pauca.Clusters.from_parts(np.eye(2), [0, 1, 0])
        >>> theirs.counts.tolist()
        [2, 1]
        """
        centres = _options.centroids(centroids)
        n = 0 if labels is None else len(labels)
        labels = _options.vector("labels", labels, np.uint32, n)
        distances = _options.vector("distances", distances, np.float64, n)
        out, metric = c_void_p(), _abi.PAUCA_COSINE if spherical else _abi.PAUCA_EUCLIDEAN
        check(
            lib.pauca_clusters_from_parts,
            metric,
            byref(centres._view),
            pointer(labels),
            pointer(distances),
            n,
            byref(out),
        )
        return cls(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Clusters:
        """What :meth:`to_bytes` wrote."""
        out = c_void_p()
        check(lib.pauca_clusters_from_bytes, data, len(data), byref(out))
        return cls(out)

    def to_bytes(self) -> bytes:
        """Versioned, checksummed bytes, the same on every machine."""
        out = c_void_p()
        check(lib.pauca_clusters_to_bytes, self._handle, byref(out))
        return _options.blob_bytes(out)

    def __reduce__(self):
        return Clusters.from_bytes, (self.to_bytes(),)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_clusters_free(self._handle)

    def __len__(self) -> int:
        return self._info.n_rows

    def __repr__(self) -> str:
        kind = "spherical" if self.spherical else "Euclidean"
        return f"<Clusters: {len(self)} rows, {self.n_clusters} clusters, {kind}, inertia {self.inertia:.6g}>"

    def _copied(self, name: str, shape: tuple, dtype: Any) -> np.ndarray:
        if name not in self._cache:
            out = np.empty(shape, dtype)
            arrays = _abi.pauca_clusters_arrays(struct_size=sizeof(_abi.pauca_clusters_arrays))
            setattr(arrays, name, pointer(out))
            setattr(arrays, name + "_len", out.size)
            check(lib.pauca_clusters_copy, self._handle, byref(arrays))
            self._cache[name] = out
        return self._cache[name]

    @property
    def labels(self) -> np.ndarray:
        """[n] uint32: the cluster of each row; the lowest of equally near ones."""
        return self._copied("labels", (len(self),), np.uint32)

    @property
    def centroids(self) -> np.ndarray:
        """[k, d] float32."""
        return self._copied("centroids", (self.n_clusters, self._info.dim), np.float32)

    @property
    def distances(self) -> Optional[np.ndarray]:
        """[n] float64: the distance of each row to its centroid (squared, or 1 - cosine); None if not known."""
        return self._copied("distances", (len(self),), np.float64) if self._info.has_distances else None

    @property
    def counts(self) -> np.ndarray:
        """[k] uint64: rows of each cluster."""
        return self._copied("counts", (self.n_clusters,), np.uint64)

    @property
    def n_clusters(self) -> int:
        """k."""
        return self._info.n_clusters

    @property
    def spherical(self) -> bool:
        """Whether distances are by cosine."""
        return self._info.metric == _abi.PAUCA_COSINE

    @property
    def inertia(self) -> float:
        """Sum of weight times distance, exact but for one rounding; NaN where distances are not known."""
        return self._info.inertia

    @property
    def n_iter(self) -> int:
        """Iterations made."""
        return self._info.n_iter

    @property
    def converged(self) -> bool:
        """Whether the last iteration changed no label, or moved centroids less than the tolerance."""
        return bool(self._info.converged)

    @property
    def relocated(self) -> int:
        """Rows that were moved into empty clusters."""
        return self._info.relocated

    @property
    def distinct_rows(self) -> Optional[int]:
        """How many distinct rows k-means++ found, where it found fewer than clusters."""
        found = self._info.distinct_rows
        return None if found == _abi.PAUCA_NONE else found

    def predict(self, x: Any, *, threads: Optional[int] = None) -> np.ndarray:
        """The nearest centroid of each row of x [m, d]: [m] uint32."""
        x = rows(x)
        labels = np.empty(len(x), np.uint32)
        self._asked(lib.pauca_clusters_predict, x, threads, pointer(labels), labels.size)
        return labels

    def assign(self, x: Any, *, threads: Optional[int] = None) -> tuple[np.ndarray, np.ndarray]:
        """The nearest centroid of each row of x [m, d], and the distance to it: [m] uint32, [m] float64."""
        x = rows(x)
        labels, distances = np.empty(len(x), np.uint32), np.empty(len(x), np.float64)
        self._asked(lib.pauca_clusters_assign, x, threads, pointer(labels), pointer(distances), labels.size)
        return labels, distances

    def measure(self, x: Any, *, threads: Optional[int] = None) -> np.ndarray:
        """The distance of each row of x [n, d], which are the rows of this clustering, to its own centroid: [n]."""
        x = rows(x)
        distances = np.empty(len(x), np.float64)
        self._asked(lib.pauca_clusters_measure, x, threads, pointer(distances), distances.size)
        return distances

    def _asked(self, function: Any, x: Rows, threads: Optional[int], *out: Any) -> None:
        work = float(len(x)) * self._info.dim * self.n_clusters
        call(function, self._handle, byref(x._view), *out, work=work, threads=threads, failed=_options.reads(x))

    def _columns(self) -> list:
        columns = [Column("row", np.arange(len(self))), Column("cluster", self.labels)]
        return columns if self.distances is None else [*columns, Column("distance", self.distances)]


def _work(x: Rows, k: int, iterations: int) -> float:
    return float(len(x)) * x.shape[1] * k * (iterations + 2)


def kmeans(
    x: Any,
    n_clusters: int,
    *,
    spherical: bool = False,
    weights: Any = None,
    seed: int = 0,
    max_iter: int = 100,
    init: Init = "k-means++",
    tolerance: float = 0.0,
    empty: str = "relocate",
    threads: Optional[int] = None,
    progress: ProgressLike = None,
) -> Clusters:
    """Clusters the rows of x [n, d] into n_clusters clusters (Lloyd's algorithm).

    Every label is the one of the f64 definition; the result has the same bits for any number of threads.

    x: anything that :class:`Rows` takes. spherical: by cosine, and not by squared Euclidean distance. weights: [n],
    finite, at least 0, not all 0. init: "k-means++", "random" or first centroids [k, d]. tolerance: also stop when the
    squared distances that centroids moved sum to at most this (not scaled by the variance, unlike scikit-learn's tol).
    empty: "relocate" fills a cluster that lost its rows, "keep" does not. threads: None for one on each core. progress:
    True for a bar of tqdm where it is installed, or a function of a :class:`Progress`, which stops the call by
    returning False (:class:`Cancelled` is raised).

    >>> import numpy as np, pauca
    >>> x = np.array([[1], [2], [3], [10], [11], [12]], np.float32)
    >>> clusters = pauca.kmeans(x, 2, seed=1)
    >>> sorted(clusters.centroids.ravel().tolist()), clusters.inertia
    ([2.0, 11.0], 4.0)
    """
    kept: list = []
    x, out = rows(x), c_void_p()
    options = _options.kmeans(n_clusters, spherical, seed, max_iter, init, tolerance, empty, kept)
    weights = _options.vector("weights", weights, np.float32, len(x))
    call(
        lib.pauca_kmeans,
        byref(x._view),
        pointer(weights),
        byref(options),
        byref(out),
        work=_work(x, options.n_clusters, options.max_iter),
        threads=threads,
        progress=progress,
        failed=_options.reads(x),
    )
    return Clusters(out)


class KMeansState(NamedTuple):
    """Where a run of k-means is."""

    n_iter: int
    """Iterations made."""
    moved: int
    """Rows whose label the last iteration changed."""
    done: bool
    """Whether there is nothing more to do but to finish."""
    seed_distances: int
    """Distances that k-means++ evaluated."""


class KMeansRun:
    """A run of k-means between two iterations. Its arguments are those of :func:`kmeans`.

    checkpoint: bytes of :meth:`checkpoint`, from which the run goes on to the same bits, with the same rows and
    arguments (max_iter may differ). After an interrupt the run is where its last finished iteration left it.

    >>> import numpy as np, pauca
    >>> x = np.array([[1], [2], [3], [10], [11], [12]], np.float32)
    >>> run = pauca.KMeansRun(x, 2, seed=1)
    >>> saved = run.checkpoint()
    >>> for state in run:
    ...     print(state.n_iter, state.moved)
    1 0
    >>> again = pauca.KMeansRun(x, 2, seed=1, checkpoint=saved).finish()
    >>> again.inertia == run.finish().inertia
    True
    """

    def __init__(
        self,
        x: Any,
        n_clusters: int,
        *,
        spherical: bool = False,
        weights: Any = None,
        seed: int = 0,
        max_iter: int = 100,
        init: Init = "k-means++",
        tolerance: float = 0.0,
        empty: str = "relocate",
        threads: Optional[int] = None,
        progress: ProgressLike = None,
        checkpoint: Optional[bytes] = None,
    ):
        kept: list = []
        self._x = rows(x)
        self._weights = _options.vector("weights", weights, np.float32, len(self._x))
        options = _options.kmeans(n_clusters, spherical, seed, max_iter, init, tolerance, empty, kept)
        self._how: dict[str, Any] = {
            "work": _work(self._x, options.n_clusters, 1),
            "threads": threads,
            "progress": progress,
            "failed": _options.reads(self._x),
        }
        handle, given = c_void_p(), (byref(self._x._view), pointer(self._weights), byref(options))
        if checkpoint is None:
            call(lib.pauca_kmeans_start, *given, byref(handle), **self._how)
        else:
            call(lib.pauca_kmeans_resume, *given, checkpoint, len(checkpoint), byref(handle), **self._how)
        self._handle = handle

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_kmeans_free(self._handle)

    def step(self) -> bool:
        """Makes one iteration, unless the run is done. Returns whether there is more to do."""
        more = c_int32()
        call(lib.pauca_kmeans_step, self._handle, byref(more), **self._how)
        return bool(more.value)

    def __iter__(self) -> Iterator[KMeansState]:
        """The states after each of the iterations that are left."""
        while not self.state.done:
            self.step()
            yield self.state

    @property
    def state(self) -> KMeansState:
        """Where the run is."""
        state = _abi.pauca_kmeans_state(struct_size=sizeof(_abi.pauca_kmeans_state))
        check(lib.pauca_kmeans_get_state, self._handle, byref(state))
        return KMeansState(state.n_iter, state.moved, bool(state.is_done), state.seed_distances)

    def checkpoint(self) -> bytes:
        """The state after the last finished iteration: 4 k d bytes, and some."""
        out = c_void_p()
        check(lib.pauca_kmeans_checkpoint, self._handle, byref(out))
        return _options.blob_bytes(out)

    def finish(self) -> Clusters:
        """Makes the iterations that are left, and ends the run."""
        while self.step():
            pass
        out = c_void_p()
        call(lib.pauca_kmeans_finish, self._handle, byref(out), **self._how)
        return Clusters(out)
