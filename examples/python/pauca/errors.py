"""What can go wrong.

Every error of the library is an :class:`Error` with the library's own message, which names the argument, the place and
the numbers.

>>> import numpy as np, pauca
>>> x = np.ones((4, 3), np.float32)
>>> x[2, 1] = np.nan
>>> try:
...     pauca.kmeans(x, 2)
... except pauca.InputError as error:
...     print(error.name, error.row, error.column)
NonFinite 2 1
"""

from __future__ import annotations

from typing import Optional

from . import _abi

__all__ = ["Cancelled", "DefectError", "DeviceError", "Error", "InputError", "MemoryRefused", "RoundedWarning", "SourceError"]

_ROW_ONLY = (_abi.PAUCA_ZERO_ROW, _abi.PAUCA_LABEL_OUT_OF_RANGE)
_ROW_AND_COLUMN = (_abi.PAUCA_NON_FINITE, _abi.PAUCA_NON_FINITE_STATE, _abi.PAUCA_NULL_VALUE)


class Error(Exception):
    """Any error of the library.

    code: the status of the C ABI (never changes its meaning). name: its name, "NonFinite" for one. detail: the two
    numbers that the code names, None where there is none.
    """

    def __init__(self, message: str, code: int = 0, name: str = "", detail: tuple = (None, None)):
        super().__init__(message)
        self.code = code
        self.name = name
        self.detail = detail

    def __reduce__(self):
        return type(self), (str(self), self.code, self.name, self.detail)

    @property
    def row(self) -> Optional[int]:
        """The row that the error is about, or None."""
        return self.detail[0] if self.code in _ROW_ONLY + _ROW_AND_COLUMN else None

    @property
    def column(self) -> Optional[int]:
        """The column that the error is about, or None."""
        return self.detail[1] if self.code in _ROW_AND_COLUMN else None


class InputError(Error, ValueError):
    """An argument, or the rows, are not what the call takes."""


class MemoryRefused(Error, MemoryError):
    """The system refused memory; nothing was changed."""


class Cancelled(Error):
    """A progress function asked to stop. A run is where its last finished iteration left it."""


class SourceError(Error, RuntimeError):
    """A source of rows, or a device, failed; the cause is chained where it was an exception of Python's."""


class DefectError(Error, RuntimeError):
    """A defect of the library. Please report it."""


class DeviceError(Error, RuntimeError):
    """There is no such device, or the device failed."""


class RoundedWarning(UserWarning):
    """Rows of f64 are rounded to f32 as they are read."""


_CLASSES = {
    _abi.PAUCA_OUT_OF_MEMORY: MemoryRefused,
    _abi.PAUCA_CANCELLED: Cancelled,
    _abi.PAUCA_SOURCE: SourceError,
    _abi.PAUCA_DEVICE: DeviceError,
    _abi.PAUCA_PANIC: DefectError,
    _abi.PAUCA_ABI: DefectError,
    _abi.PAUCA_STRUCT_SIZE: DefectError,
}


def of(error: _abi.pauca_error, name: str) -> Error:
    """The exception of an error of C."""
    detail = tuple(None if number == _abi.PAUCA_NONE else number for number in error.detail)
    message = error.message.decode("utf-8", "replace")
    return _CLASSES.get(error.code, InputError)(message, error.code, name, detail)
