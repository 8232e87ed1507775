"""The machine that does the arithmetic of calls: the processor, or a device."""

from __future__ import annotations

import contextlib
import re
from contextvars import ContextVar
from ctypes import byref, c_uint32
from typing import Iterator

from . import _abi
from ._lib import lib

_NUMBERS = {"cpu": _abi.PAUCA_BACKEND_CPU, "wgpu": _abi.PAUCA_BACKEND_WGPU, "cuda": _abi.PAUCA_BACKEND_CUDA}
_chosen: ContextVar[tuple[int, int]] = ContextVar("pauca_backend", default=(_abi.PAUCA_BACKEND_CPU, 0))


def chosen() -> tuple[int, int]:
    """The backend of calls that are made here, and the number of its device."""
    return _chosen.get()


def _number(name: str) -> int:
    if name not in _NUMBERS:
        raise ValueError(f"the backend is {name!r}, expected 'cpu', 'wgpu' or 'cuda'")
    return _NUMBERS[name]


@contextlib.contextmanager
def backend(name: str) -> Iterator[None]:
    """Calls within compute on this backend: "cpu", "wgpu", "cuda", or one device of it such as "wgpu:1".

    No backend changes a result. "wgpu" is Vulkan, DirectX or Metal. Without a number the most capable device is taken. The
    choice holds for the thread, or the task of asyncio, that makes it. Calls whose library was built without the backend
    raise :class:`pauca.InputError`; calls that find no such device, or one that fails, raise :class:`pauca.DeviceError`.

    >>> import numpy as np, pauca
    >>> x = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    >>> with pauca.backend("wgpu" if pauca.devices("wgpu") else "cpu"):
    ...     there = pauca.kmeans(x, 5, seed=1)
    >>> bool((there.labels == pauca.kmeans(x, 5, seed=1).labels).all())
    True
    """
    asked = re.fullmatch(r"([a-z]+)(?::([0-9]+))?", name)
    kind, index = (asked[1], asked[2]) if asked else (name, None)
    number = _number(kind)
    if kind == "cpu" and index is not None:
        raise ValueError(f"the backend is {name!r}, expected 'cpu' without a number")
    if index is not None and int(index) >= _abi.PAUCA_ANY_DEVICE:
        raise ValueError(f"the backend is {name!r}, expected a smaller number of a device")
    token = _chosen.set((number, _abi.PAUCA_ANY_DEVICE if index is None else int(index)))
    try:
        yield
    finally:
        _chosen.reset(token)


def devices(name: str) -> int:
    """How many devices of a backend the library finds: 0 where it was built without the backend.

    >>> pauca.devices("cpu")
    1
    """
    from ._call import check

    count = c_uint32()
    check(lib.pauca_device_count, _number(name), byref(count))
    return count.value
