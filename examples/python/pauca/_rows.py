"""The one door for rows: NumPy, DLPack, Arrow, anything that NumPy reads."""

from __future__ import annotations

import ctypes
import sys
import warnings
from ctypes import byref, c_char_p, c_int32, c_uint64, c_void_p, sizeof
from typing import Any, Callable, Optional, Sequence

import numpy as np

from . import _abi, _arrow
from ._call import _whole, check
from ._lib import lib
from .errors import InputError, RoundedWarning

_KINDS = {"float32": _abi.PAUCA_F32, "float16": _abi.PAUCA_F16, "bfloat16": _abi.PAUCA_BF16, "float64": _abi.PAUCA_F64}
#: Integers that f32 holds exactly.
_SMALL = ("bool", "int8", "uint8", "int16", "uint16")
_HOST = (_abi.PAUCA_DEVICE_CPU, _abi.PAUCA_DEVICE_CUDA_HOST)
_CUDA = (_abi.PAUCA_DEVICE_CUDA, _abi.PAUCA_DEVICE_CUDA_MANAGED)

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, (ctypes.py_object, c_char_p)
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, (ctypes.py_object, c_char_p)

_READ = ctypes.CFUNCTYPE(c_int32, c_void_p, c_uint64, c_uint64, c_void_p)


class Rows:
    """Rows [n, d] that the library reads where they lie. Any function that takes rows makes one of what it is given.

    Made of, without a copy: NumPy arrays of float32, float16, bfloat16 (package ml_dtypes), float64 (rounded to float32
    as they are read, with a :class:`pauca.RoundedWarning`), in any strides of at least 0; tensors by ``__dlpack__`` in
    memory of the host (those of a CUDA device are copied to the host: by each call, and once by ``shards``, ``subset`` and ``to_numpy``); lists of equal length by ``__arrow_c_stream__`` or ``__arrow_c_array__`` (Polars, DuckDB, pandas,
    pyarrow), chunk by chunk. With a copy: integers, lists, pandas columns of arrays, frames of numbers, and whatever else
    NumPy reads by ``__array_interface__`` or ``__array__``. rounded: says that rounding is wanted: no warning.

    >>> import numpy as np, pauca
    >>> rows = pauca.Rows(np.arange(6, dtype=np.float32).reshape(3, 2))
    >>> rows.shape
    (3, 2)
    >>> pauca.Rows.shards([rows, rows]).subset([5, 0]).to_numpy()
    array([[4., 5.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, x: Any, *, rounded: bool = False):
        self._rounded = rounded
        self._view = _abi.pauca_view()
        self._source: Optional[c_void_p] = None
        self._kept: Any = None
        self._failure: Optional[BaseException] = None
        self._reads_python = False
        if isinstance(x, Rows):
            raise TypeError("these are Rows already")
        x = _of_datasets(x)
        module = type(x).__module__
        if isinstance(x, np.ndarray):
            self._array(x)
        elif module.startswith("pandas") or _is_wide(x):
            self._pandas(x)
        elif hasattr(x, "__arrow_c_stream__"):
            if len(_names(x)) > 1:
                raise _several(x)
            self._stream(x.__arrow_c_stream__())
        elif hasattr(x, "__arrow_c_array__"):
            self._arrow(*x.__arrow_c_array__())
        elif hasattr(x, "__dlpack__"):
            self._dlpack(x)
        else:
            self._array(np.asarray(x))

    @classmethod
    def shards(cls, parts: Sequence[Any], own_ids: bool = False) -> Rows:
        """The rows of several parts, one after the other. own_ids: rows are known, in random draws and in errors, by
        their places in their part, and not by those in the whole."""
        parts = [rows(part) for part in parts]
        handles = (c_void_p * len(parts))(*[part._shared() for part in parts])
        made = cls.__new__(cls)
        made._adopt(lib.pauca_source_shards, handles, len(parts), int(own_ids), keep=parts)
        made._reads_python = any(part._reads_python for part in parts)
        return made

    @classmethod
    def computed(cls, n: int, d: int, read: Callable[[int, int], Any], block_rows: int = 0) -> Rows:
        """Rows that a function makes: read(first, count) returns [count, d], which is copied as float32. It is called
        again in each pass, from threads of the library, one call at a time; its exception ends the call that reads.

        >>> import numpy as np, pauca
        >>> whole = np.arange(12, dtype=np.float32).reshape(6, 2)
        >>> rows = pauca.Rows.computed(6, 2, lambda first, count: whole[first : first + count])
        >>> int(pauca.kmeans(rows, 2).counts.sum())
        6
        """
        made = cls.__new__(cls)

        def fill(_user: Any, first: int, count: int, out: int) -> int:
            try:
                block = np.asarray(read(first, count))
                if block.shape != (count, d):
                    raise ValueError(f"read({first}, {count}) returned shape {block.shape}, expected {(count, d)}")
                to = np.ctypeslib.as_array((ctypes.c_float * (count * d)).from_address(out))
                to.reshape(count, d)[...] = block
                return 0
            except BaseException as failure:  # it cannot pass through C
                made._failure = failure
                return 1

        callback = _READ(fill)
        calls = _abi.pauca_source_callbacks()
        check(lib.pauca_source_callbacks_init, byref(calls), sizeof(calls))
        calls.n_rows, calls.dim, calls.dtype = _whole("n", n), _whole("d", d), _abi.PAUCA_F32
        calls.block_rows = _whole("block_rows", block_rows)
        calls.read = ctypes.cast(callback, c_void_p).value
        made._adopt(lib.pauca_source_of_callbacks, byref(calls), keep=callback)
        made._reads_python = True
        return made

    def subset(self, chosen: Any) -> Rows:
        """Some of the rows, in the given order, known by their places here."""
        chosen = np.ascontiguousarray(chosen, np.uint64)
        made = type(self).__new__(type(self))
        at = c_void_p(chosen.ctypes.data)
        made._adopt(lib.pauca_source_subset, self._shared(), at, chosen.size, keep=self)
        made._reads_python = self._reads_python
        return made

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self._view.rows, self._view.cols

    def __len__(self) -> int:
        return self._view.rows

    def to_numpy(self, first: int = 0, count: Optional[int] = None) -> np.ndarray:
        """The rows first .. first + count, copied as float32 [count, d]."""
        count = len(self) - first if count is None else count
        out = np.empty((count, self._view.cols), np.float32)
        check(lib.pauca_source_read, self._shared(), first, count, out.ctypes.data)
        return out

    def _adopt(self, function: Callable, *arguments: Any, keep: Any) -> None:
        """Stands on a source that a function makes."""
        self._view, self._failure, self._kept, self._reads_python = _abi.pauca_view(), None, keep, False
        self._source = c_void_p()
        check(function, *arguments, byref(self._source))
        check(lib.pauca_source_as_view, self._source, byref(self._view))

    def _shared(self) -> c_void_p:
        """A source of these rows."""
        if self._source is None:
            self._source = c_void_p()
            check(lib.pauca_source_view, byref(self._view), byref(self._source))
        return self._source

    def __del__(self):
        if getattr(self, "_source", None):
            lib.pauca_source_free(self._source)

    def _failed(self) -> Optional[BaseException]:
        kept = self._kept
        deeper = kept if isinstance(kept, list) else [kept]
        found = [part._failed() for part in deeper if isinstance(part, Rows)]
        return self._failure or next((failure for failure in found if failure), None)

    def _array(self, x: np.ndarray) -> None:
        if x.dtype == object:
            x = _stacked(x)
        if x.ndim != 2:
            hint = "; one row is x[np.newaxis]" if x.ndim == 1 else ""
            raise InputError(f"rows of shape {x.shape}, expected two dimensions [n, d]{hint}")
        if not x.dtype.isnative:
            x = x.astype(x.dtype.newbyteorder("="))
        kind = _KINDS.get(x.dtype.name)
        if kind is None:
            if x.dtype.name in _SMALL:
                x = x.astype(np.float32)
            elif x.dtype.kind in "iuf":
                x = x.astype(np.float64)
            else:
                raise InputError(f"rows of dtype {x.dtype}, expected real numbers")
            kind = _KINDS[x.dtype.name]
        size = x.itemsize
        if not x.flags.aligned or any(s < 0 or s % size for s in x.strides) or _overlaps(x):
            x = np.array(x, order="C")
        self._told(kind == _abi.PAUCA_F64)
        n, d = x.shape
        view = self._view
        view.rows, view.cols, view.dtype, view.device = n, d, kind, _abi.PAUCA_DEVICE_CPU
        if n and d:
            view.data = x.__array_interface__["data"][0]
            row, col = (stride // size for stride in x.strides)
            view.col_stride = col if d > 1 else 1
            view.row_stride = row if n > 1 else d * view.col_stride
        self._kept = x

    def _told(self, wide: bool) -> None:
        if wide and not self._rounded:
            warnings.warn("rows of f64 are rounded to f32 as they are read", RoundedWarning, stacklevel=_outside())

    def _pandas(self, x: Any) -> None:
        columns = getattr(x, "columns", None)
        if columns is not None and len(columns) == 1:
            x = x.iloc[:, 0] if hasattr(x, "iloc") else x
        try:
            kind = getattr(x, "dtype", None)
            if "list" in str(kind) and hasattr(x, "__arrow_c_stream__"):
                return self._stream(x.__arrow_c_stream__())
        except ImportError:  # pandas exports by pyarrow
            pass
        array = x.to_numpy()
        if array.ndim == 2 and array.dtype.kind not in "biuf":
            raise _several(x)
        self._array(array)

    def _stream(self, capsule: Any) -> None:
        at = _pointer(capsule, b"arrow_array_stream")
        self._told(b"g" in _arrow.formats(at))
        self._adopt(lib.pauca_source_from_arrow_stream, at, keep=None)

    def _arrow(self, schema: Any, array: Any) -> None:
        at = _pointer(schema, b"arrow_schema"), _pointer(array, b"arrow_array")
        check(lib.pauca_view_from_arrow, *at, byref(self._view))
        self._told(self._view.dtype == _abi.PAUCA_F64)
        self._kept = schema, array

    def _dlpack(self, x: Any) -> None:
        device = x.__dlpack_device__()
        if int(device[0]) in _HOST:
            wanted, old = {"dl_device": (_abi.PAUCA_DEVICE_CPU, 0)}, {}
        elif int(device[0]) in _CUDA:
            wanted = old = {"stream": 1}  # the default stream, on which the library copies
        else:
            raise InputError(
                f"rows on device {tuple(map(int, device))} of DLPack: only memory of the host and of CUDA devices is read; "
                "copy them there",
                _abi.PAUCA_UNSUPPORTED_DEVICE,
                "UnsupportedDevice",
            )
        try:
            capsule = x.__dlpack__(max_version=(1, 3), copy=False, **wanted)
        except TypeError:  # written before DLPack 1.0
            capsule = x.__dlpack__(**old)
        for name, function in (
            (b"dltensor_versioned", lib.pauca_view_from_dlpack_versioned),
            (b"dltensor", lib.pauca_view_from_dlpack),
        ):
            if _is_valid(capsule, name):
                # The capsule stays unused, so that its own destructor gives the tensor back.
                check(function, _pointer(capsule, name), byref(self._view))
                self._told(self._view.dtype == _abi.PAUCA_F64)
                self._kept = capsule
                return
        raise InputError("__dlpack__ returned no tensor of DLPack")


def rows(x: Any) -> Rows:
    """x as Rows; Rows stay as they are."""
    return x if isinstance(x, Rows) else Rows(x)


def _outside() -> int:
    """How many frames up the first one outside of this package is: where a warning belongs."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "pauca":
        level, frame = level + 1, frame.f_back
    return level


def _overlaps(x: np.ndarray) -> bool:
    """Whether two values lie in one place, as in what np.broadcast_to makes, or rows are interleaved."""
    n, d = x.shape
    row, col = (stride // x.itemsize for stride in x.strides)
    apart = (n <= 1 or row > (d - 1) * col) and (d <= 1 or col > 0)
    nested = (d <= 1 or col > (n - 1) * row) and (n <= 1 or row > 0)
    return n > 0 and d > 0 and not (apart or nested)


def _stacked(x: np.ndarray) -> np.ndarray:
    """A column of arrays or lists as rows."""
    if x.ndim != 1:
        return x.astype(np.float64)
    if len(x) == 0:
        raise InputError("a column without rows", _abi.PAUCA_EMPTY, "Empty")
    parts: list[np.ndarray] = []
    for i, part in enumerate(x):
        part = None if part is None else np.asarray(part)
        if part is None or part.ndim != 1:
            found = "nothing" if part is None else repr(x[i])[:40] if part.ndim == 0 else f"of shape {part.shape}"
            raise InputError(
                f"row {i} of the column is {found}, expected a list of numbers: the embedding of the row", _abi.PAUCA_NULL_VALUE, "NullValue", (i, None)
            )
        if len(part) != len(parts[0] if parts else part):
            raise InputError(
                f"row {i} of the column has {len(part)} values, expected {len(parts[0])}",
                _abi.PAUCA_SHAPE_MISMATCH,
                "ShapeMismatch",
                (len(parts[0]), len(part)),
            )
        parts.append(part)
    return np.stack(parts)


def _names(x: Any) -> list:
    """The names of the columns of a frame or a table; nothing where x has none."""
    names = getattr(x, "column_names", None)
    names = getattr(x, "columns", ()) if names is None else names
    return [] if names is None or callable(names) else list(names)


def _several(x: Any) -> InputError:
    return InputError(
        f"a table of the columns {', '.join(map(str, _names(x)))}: pass the one with the embeddings alone,"
        " table['embedding'] or a selection of one column",
        _abi.PAUCA_UNSUPPORTED_TYPE,
        "UnsupportedType",
    )


def _is_wide(x: Any) -> bool:
    """Whether x is a frame of several columns, whose rows are rows of numbers."""
    columns = getattr(x, "columns", None)
    return isinstance(columns, (list, tuple)) and len(columns) > 1 and hasattr(x, "to_numpy")


def _of_datasets(x: Any) -> Any:
    """Of the package datasets: the Arrow table, in the order that the data set has."""
    if not type(x).__module__.startswith("datasets."):
        return x
    if hasattr(x, "column_names") and hasattr(x, "with_format"):
        return x.with_format("arrow")[:]
    return np.asarray(x.with_format("numpy")[:] if hasattr(x, "with_format") else x[:])
