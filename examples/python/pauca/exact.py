"""The definitions that decide, and sums without rounding.

Sums are integers inside: they merge to the same bits in any order and any split, and travel as bytes or as flat int64
that an all-reduce adds. :mod:`pauca.shards` is made of them.
"""

from __future__ import annotations

from ctypes import byref, c_double, c_int32, c_uint64, c_void_p
from typing import Any, Iterable, Optional

import numpy as np

from . import _abi, _options
from ._call import _whole, call, check
from ._lib import lib
from ._options import pointer
from ._rows import rows

__all__ = ["F64Sum", "Sums", "cosine", "cosine_error", "dot64", "euclidean_error", "exp", "half_turns", "ln", "squared_distance"]

_PRECISIONS = {"f32": _abi.PAUCA_PRECISION_F32, "f64": _abi.PAUCA_PRECISION_F64}


def _pair(function: Any, a: Any, b: Any) -> float:
    a, b = (np.ascontiguousarray(v, np.float32) for v in (a, b))
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape}, expected [d] twice")
    out = c_double()
    check(function, pointer(a), pointer(b), a.size, byref(out))
    return out.value


def cosine(a: Any, b: Any) -> float:
    """The cosine of a [d] and b [d], as float32, by the definition; 0 where one is all zeros.

    >>> import pauca.exact
    >>> pauca.exact.cosine([3, 4], [4, 3])
    0.96
    """
    return _pair(lib.pauca_exact_cosine, a, b)


def squared_distance(a: Any, b: Any) -> float:
    """The squared Euclidean distance of a [d] and b [d], as float32, by the definition."""
    return _pair(lib.pauca_exact_squared_distance, a, b)


def dot64(a: Any, b: Any) -> float:
    """The dot product of a [d] and b [d], as float32, in f64 and in one fixed order."""
    return _pair(lib.pauca_exact_dot64, a, b)


def exp(x: float) -> float:
    """e^x, correctly rounded."""
    return lib.pauca_exact_exp(x)


def ln(x: float) -> float:
    """The natural logarithm of x, correctly rounded."""
    return lib.pauca_exact_ln(x)


def half_turns(t: float) -> float:
    """(2 / pi) atan t for t >= 0, correctly rounded."""
    return lib.pauca_exact_half_turns(t)


def cosine_error(d: int, precision: str = "f32") -> float:
    """How far the cosine of two rows of d values, computed in a precision, may be from the definition."""
    out = c_double()
    check(lib.pauca_exact_cosine_error, _options.named("precision", precision, _PRECISIONS), _whole("d", d), byref(out))
    return out.value


def euclidean_error(d: int, scale: float, norm_a: float, norm_b: float, precision: str = "f32") -> float:
    """The bound for half the squared distance of rows of d values scaled by scale, of norms at most norm_a, norm_b."""
    out, kind = c_double(), _options.named("precision", precision, _PRECISIONS)
    check(lib.pauca_exact_euclidean_error, kind, _whole("d", d), scale, norm_a, norm_b, byref(out))
    return out.value


class F64Sum:
    """An exact sum of float64 values; its value is rounded once.

    >>> import pauca.exact
    >>> pauca.exact.F64Sum([1e100, 1.0, -1e100]).value
    1.0
    """

    def __init__(self, values: Iterable[float] = ()):
        self._handle = c_void_p()
        check(lib.pauca_f64sum_new, byref(self._handle))
        self.add(values)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_f64sum_free(self._handle)

    def add(self, values: Any, weights: Any = None) -> F64Sum:
        """Adds values; with weights (as float32) each times its weight, exactly."""
        values = np.ascontiguousarray(values if isinstance(values, np.ndarray) else list(values), np.float64).ravel()
        weights = _options.vector("weights", weights, np.float32, values.size)
        check(lib.pauca_f64sum_add, self._handle, pointer(values), pointer(weights), values.size)
        return self

    def merge(self, other: F64Sum) -> F64Sum:
        """Adds another sum."""
        check(lib.pauca_f64sum_merge, self._handle, other._handle)
        return self

    @property
    def value(self) -> float:
        """The sum, rounded to nearest, ties to even."""
        out = c_double()
        check(lib.pauca_f64sum_value, self._handle, byref(out))
        return out.value

    def parts(self) -> list[float]:
        """A few numbers whose exact sum is this one: how a sum travels. F64Sum(parts) is the sum again."""
        left, parts = F64Sum().merge(self), []
        while left.value != 0.0:
            part = left.value
            parts.append(part)
            if not np.isfinite(part):
                break
            left.add([-part])
        return parts


class Sums:
    """Exact sums of the rows of k clusters of d columns.

    >>> import numpy as np
    >>> from pauca.exact import Sums
    >>> x, labels = np.array([[1, 2], [3, 4], [5, 6]], np.float32), [0, 1, 0]
    >>> one = Sums(2, 2).add(x[:2], labels[:2])
    >>> other = Sums.from_bytes(Sums(2, 2).add(x[2:], labels[2:]).to_bytes())
    >>> one.merge(other).centroids().tolist()
    [[3.0, 4.0], [3.0, 4.0]]
    """

    def __init__(self, n_clusters: int, dim: int, weighted: bool = False):
        self._handle = c_void_p()
        k, d = _whole("n_clusters", n_clusters), _whole("dim", dim)
        check(lib.pauca_sums_new, k, d, int(weighted), byref(self._handle))
        self.n_clusters, self.dim, self.weighted = k, d, bool(weighted)

    @classmethod
    def from_bytes(cls, data: bytes) -> Sums:
        """What :meth:`to_bytes` wrote."""
        made = cls.__new__(cls)
        made._handle = c_void_p()
        check(lib.pauca_sums_from_bytes, data, len(data), byref(made._handle))
        k, d, weighted = c_uint64(), c_uint64(), c_int32()
        check(lib.pauca_sums_shape, made._handle, byref(k), byref(d), byref(weighted))
        made.n_clusters, made.dim, made.weighted = k.value, d.value, bool(weighted.value)
        return made

    def to_bytes(self) -> bytes:
        """Bytes that are equal for equal sums: 40 for each cluster and column, about twice that with weights."""
        out = c_void_p()
        check(lib.pauca_sums_to_bytes, self._handle, byref(out))
        return _options.blob_bytes(out)

    def __reduce__(self):
        return Sums.from_bytes, (self.to_bytes(),)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_sums_free(self._handle)

    def _rows(self, function: Any, x: Any, labels: Any, weights: Any, spherical: bool, threads: Optional[int]) -> Sums:
        x = rows(x)
        labels = _options.vector("labels", labels, np.uint32, len(x))
        weights = _options.vector("weights", weights, np.float32, len(x))
        metric = _abi.PAUCA_COSINE if spherical else _abi.PAUCA_EUCLIDEAN
        given = byref(x._view), pointer(labels), pointer(weights), metric
        work = float(len(x)) * self.dim * 20
        call(function, self._handle, *given, work=work, threads=threads, failed=_options.reads(x))
        return self

    def add(
        self, x: Any, labels: Any, weights: Any = None, *, spherical: bool = False, threads: Optional[int] = None
    ) -> Sums:
        """Adds the rows of x [n, d] to the sums of their clusters, labels [n]; spherical adds unit rows."""
        return self._rows(lib.pauca_sums_add_rows, x, labels, weights, spherical, threads)

    def remove(
        self, x: Any, labels: Any, weights: Any = None, *, spherical: bool = False, threads: Optional[int] = None
    ) -> Sums:
        """Takes rows away again that were added."""
        return self._rows(lib.pauca_sums_remove_rows, x, labels, weights, spherical, threads)

    def merge(self, other: Sums) -> Sums:
        """Adds other sums."""
        check(lib.pauca_sums_merge, self._handle, other._handle)
        return self

    def take(self, other: Sums) -> Sums:
        """Takes other sums away."""
        check(lib.pauca_sums_remove, self._handle, other._handle)
        return self

    @property
    def counts(self) -> np.ndarray:
        """[k] uint64: rows of each cluster."""
        out = np.empty(self.n_clusters, np.uint64)
        check(lib.pauca_sums_counts, self._handle, pointer(out), None, out.size)
        return out

    @property
    def weights(self) -> np.ndarray:
        """[k] float64: the weight of each cluster, or its rows where there are no weights."""
        out = np.empty(self.n_clusters, np.float64)
        check(lib.pauca_sums_counts, self._handle, None, pointer(out), out.size)
        return out

    def column_sums(self) -> np.ndarray:
        """[k, d] float64: each sum, rounded once."""
        out = np.empty((self.n_clusters, self.dim), np.float64)
        check(lib.pauca_sums_column_sums, self._handle, pointer(out), out.size)
        return out

    def centroids(self, previous: Any = None, *, spherical: bool = False) -> np.ndarray:
        """[k, d] float32: means, or the directions of the sums. A cluster without one (no weight, or a sum of 0) has
        that of previous [k, d], or NaN."""
        shape = (self.n_clusters, self.dim)
        out = np.full(shape, np.nan, np.float32) if previous is None else np.array(previous, np.float32, order="C")
        if out.shape != shape:
            raise ValueError(f"previous of shape {out.shape}, expected {shape}")
        metric = _abi.PAUCA_COSINE if spherical else _abi.PAUCA_EUCLIDEAN
        check(lib.pauca_sums_centroids, self._handle, metric, pointer(out), out.size, None)
        return out

    def planes(self) -> np.ndarray:
        """The sums as flat int64, of which an all-reduce by addition over up to 2^30 ranks is the sums of all."""
        length = c_uint64()
        check(lib.pauca_sums_planes_len, self._handle, _abi.PAUCA_PLANES_V1, byref(length))
        out = np.empty(length.value, np.int64)
        check(lib.pauca_sums_planes_get, self._handle, _abi.PAUCA_PLANES_V1, pointer(out), out.size)
        return out

    def set_planes(self, planes: Any) -> Sums:
        """Replaces the sums by those of such integers, added up or not."""
        planes = np.ascontiguousarray(planes, np.int64)
        check(lib.pauca_sums_planes_set, self._handle, _abi.PAUCA_PLANES_V1, pointer(planes), planes.size)
        return self
