"""Options of C from arguments of Python."""

from __future__ import annotations

from ctypes import addressof, byref, c_void_p, create_string_buffer, sizeof
from typing import Any, Callable, Optional, Union

import numpy as np

from . import _abi
from ._call import _whole, check
from ._lib import lib
from ._rows import Rows, rows

METRICS = {"euclidean": _abi.PAUCA_EUCLIDEAN, "cosine": _abi.PAUCA_COSINE}
INITS = {"k-means++": _abi.PAUCA_INIT_PLUS_PLUS, "random": _abi.PAUCA_INIT_RANDOM}
EMPTY = {"relocate": _abi.PAUCA_EMPTY_RELOCATE, "keep": _abi.PAUCA_EMPTY_KEEP}
RULES = {"earlier_max": _abi.PAUCA_EARLIER_MAX, "greedy_cover": _abi.PAUCA_GREEDY_COVER}
BOUNDARIES = {"gt": _abi.PAUCA_GREATER, "ge": _abi.PAUCA_GREATER_OR_EQUAL}
ORDERS = {"hard": _abi.PAUCA_ORDER_HARD, "easy": _abi.PAUCA_ORDER_EASY, "random": _abi.PAUCA_ORDER_RANDOM}
PRUNES = {"nearest": _abi.PAUCA_PRUNE_NEAREST, "farthest": _abi.PAUCA_PRUNE_FARTHEST}
SCOPES = {"global": _abi.PAUCA_SCOPE_GLOBAL, "per_cluster": _abi.PAUCA_SCOPE_PER_CLUSTER}

#: A name ("hard", "easy", "random"), or keys [n] of which smaller ones come first.
Order = Union[str, Any]
#: A name ("k-means++", "random"), or the first centroids [k, d].
Init = Union[str, Any]


def named(name: str, value: Any, choices: dict[str, int]) -> int:
    """The number of a named choice."""
    try:
        return choices[value]
    except (KeyError, TypeError):
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(map(repr, choices))}") from None


def fresh(kind: type, init: Callable) -> Any:
    """Options with their defaults."""
    options = kind()
    check(init, byref(options), sizeof(options))
    return options


def centroids(x: Any) -> Rows:
    """Centroids [k, d], which are float32 as any centroid is."""
    return rows(x if isinstance(x, Rows) else np.asarray(x, np.float32))


def of_init(options: Any, init: Any, kept: list) -> None:
    """Sets init: a name, or the first centroids."""
    if isinstance(init, str):
        options.init = named("init", init, INITS)
        return
    given = centroids(init)
    options.init, options.init_centroids = _abi.PAUCA_INIT_GIVEN, addressof(given._view)
    kept.append(given)


def of_order(options: Any, order: Order, seed: int, kept: list) -> None:
    """Sets order: a name, or keys [n]."""
    if isinstance(order, str):
        options.order = named("order", order, ORDERS)
        options.order_seed = _whole("order_seed", seed)
        return
    keys = np.ascontiguousarray(order, np.float64)
    if keys.ndim != 1:
        raise ValueError(f"order of shape {keys.shape}, expected a name or keys [n]")
    options.order, options.order_keys, options.order_keys_len = _abi.PAUCA_ORDER_CUSTOM, pointer(keys), keys.size
    kept.append(keys)


def kmeans(
    n_clusters: int, spherical: bool, seed: int, max_iter: int, init: Any, tolerance: float, empty: str, kept: list
) -> Any:
    options = fresh(_abi.pauca_kmeans_options, lib.pauca_kmeans_options_init)
    options.n_clusters = _whole("n_clusters", n_clusters)
    options.metric = _abi.PAUCA_COSINE if spherical else _abi.PAUCA_EUCLIDEAN
    options.seed = _whole("seed", seed)
    options.max_iter = _whole("max_iter", max_iter)
    options.shift_tolerance = float(tolerance)
    options.empty_clusters = named("empty", empty, EMPTY)
    of_init(options, init, kept)
    return options


def vector(name: str, value: Any, dtype: Any, length: int) -> Optional[np.ndarray]:
    """An argument [n], or None."""
    if value is None:
        return None
    array = np.asarray(value)
    if array.shape != (length,):
        raise ValueError(f"{name} of shape {array.shape}, expected ({length},)")
    if np.dtype(dtype).kind == "u" and array.dtype.kind not in "ub":
        if array.dtype.kind not in "i" and array.size and not np.all(np.floor(array) == array):
            raise ValueError(f"{name} of dtype {array.dtype}, expected whole numbers")
        bad = np.flatnonzero((array < 0) | (array > np.iinfo(dtype).max))
        if bad.size:
            raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}, expected 0 to {np.iinfo(dtype).max}")
    return np.ascontiguousarray(array, dtype)


def pointer(array: Optional[np.ndarray]) -> Optional[int]:
    """Where the values of an array lie; None is NULL."""
    return None if array is None else array.__array_interface__["data"][0]


def blob_bytes(blob: c_void_p) -> bytes:
    """The bytes of a blob, which is freed."""
    try:
        size = lib.pauca_blob_size(blob)
        out = create_string_buffer(size)
        check(lib.pauca_blob_copy, blob, out, size)
        return out.raw
    finally:
        lib.pauca_blob_free(blob)


def reads(x: Rows) -> Optional[Callable]:
    """What tells why rows that Python reads have failed."""
    return x._failed if x._reads_python else None
