"""Columns as a stream of Apache Arrow, by the PyCapsule interface.

``pl.DataFrame(result)``, ``pa.table(result)``, ``pd.DataFrame.from_arrow(result)`` and ``duckdb.sql("from result")``
read such a stream. What it stands on belongs to the library, because a reader may release it while an exception is on
its way, where no code of Python's may run.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, cast
from typing import Any, Optional

import numpy as np

from . import _abi
from ._call import check
from ._lib import lib


class _Schema(Structure):
    pass


_Schema._fields_ = (
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_char_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(_Schema))),
    ("dictionary", c_void_p),
    ("release", CFUNCTYPE(None, POINTER(_Schema))),
    ("private_data", c_void_p),
)


class _Stream(Structure):
    _fields_ = (
        ("get_schema", CFUNCTYPE(c_int, c_void_p, POINTER(_Schema))),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", CFUNCTYPE(None, c_void_p)),
        ("private_data", c_void_p),
    )


_DTYPES = {
    "bool": _abi.PAUCA_BOOL,
    "uint32": _abi.PAUCA_U32,
    "int64": _abi.PAUCA_I64,
    "uint64": _abi.PAUCA_U64,
    "float32": _abi.PAUCA_F32,
    "float64": _abi.PAUCA_F64,
}


class Column:
    """A name, values, and where they are missing."""

    def __init__(self, name: str, values: np.ndarray, missing: Optional[np.ndarray] = None):
        self.name = name
        self.values = np.ascontiguousarray(values)
        self.valid = ~missing if missing is not None and missing.any() else None


_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, (c_void_p, c_char_p, c_void_p)

#: Capsules that were handed out, and their structs. A capsule has no destructor: one of Python's would run while an
#: exception may be on its way. So it is held here, and dropped when nobody else holds it.
_streams: list[tuple[Any, _Stream]] = []
#: References to a capsule that nobody else holds: the tuple's, the loop's, the argument's.
_OURS = 3


def sweep() -> None:
    """Drops the capsules that nobody holds any more."""
    left = []
    for capsule, struct in _streams:
        if sys.getrefcount(capsule) > _OURS:
            left.append((capsule, struct))
        elif struct.release:  # nobody has read it
            struct.release(ctypes.addressof(struct))
    _streams[:] = left


def stream(columns: list) -> Any:
    """A capsule of a stream of one chunk: these columns."""
    sweep()
    made, of_c = _Stream(), (_abi.pauca_column * len(columns))()
    names = [column.name.encode() for column in columns]
    for one, name, column in zip(of_c, names, columns):
        one.name = cast(c_char_p(name), c_void_p)
        one.values = column.values.ctypes.data
        one.valid = None if column.valid is None else column.valid.ctypes.data
        one.dtype = _DTYPES[column.values.dtype.name]
    check(lib.pauca_arrow_stream, of_c, len(columns), len(columns[0].values), byref(made))
    capsule = _new(ctypes.addressof(made), b"arrow_array_stream", None)
    _streams.append((capsule, made))
    return capsule


def formats(at: int) -> list[bytes]:
    """The formats of the schema of a stream that was not read yet, and of its children."""
    given = cast(c_void_p(at), POINTER(_Stream))
    schema = _Schema()
    if not given.contents.get_schema or given.contents.get_schema(at, byref(schema)) != 0:
        return []  # who reads the stream will say why
    found, left = [], [schema]
    while left:
        one = left.pop()
        found.append(one.format)
        left += [one.children[i].contents for i in range(one.n_children)]
    schema.release(byref(schema))
    return found


class Tabular:
    """A result that is a table too."""

    def _columns(self) -> list:
        raise NotImplementedError

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return stream(self._columns())

    def to_dict(self) -> dict[str, np.ndarray]:
        """The columns of the table, by name; where Arrow has nulls, whole numbers are -1 and others NaN.

        >>> import numpy as np, pauca
        >>> found = pauca.semdedup(np.eye(3, dtype=np.float32)[[0, 1, 0]], 1)
        >>> found.to_dict()["keep"].tolist()
        [True, True, False]
        """
        return {column.name: column.values for column in self._columns()}


class Flagged(Tabular):
    """A result that flags the rows to keep: of the data looked at, never of a reference."""

    keep: np.ndarray
    """[n] bool."""

    @property
    def kept(self) -> np.ndarray:
        """[n_kept] int64: the rows that ``keep`` flags, ascending."""
        return np.flatnonzero(self.keep)

    @property
    def n_kept(self) -> int:
        """Rows that ``keep`` flags."""
        return int(np.count_nonzero(self.keep))

    def __len__(self) -> int:
        return len(self.keep)
