"""The library: where it lies, and its functions."""

import ctypes
import os
import pathlib
import sys

from . import _abi

NAMES = {"win32": "pauca.dll", "darwin": "libpauca.dylib"}


def path() -> str:
    """The file of the library: that of the environment variable PAUCA_LIB, else the one of the package."""
    asked = os.environ.get("PAUCA_LIB")
    if asked:
        return asked
    return str(pathlib.Path(__file__).parent / "lib" / NAMES.get(sys.platform, "libpauca.so"))


def load() -> ctypes.CDLL:
    file = path()
    try:
        library = ctypes.CDLL(file)
    except OSError as error:
        raise ImportError(
            f"pauca: the library {file} cannot be loaded ({error}). The wheel brings one; PAUCA_LIB names another"
        ) from error
    for name, (returned, arguments) in _abi.FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise ImportError(f"pauca: {file} has no {name}: it is older than this package") from error
        function.restype = returned
        function.argtypes = arguments
    if library.pauca_abi_check(_abi.PAUCA_ABI_VERSION, None) != 0:
        found, here = library.pauca_abi_version(), _abi.PAUCA_ABI_VERSION
        raise ImportError(f"pauca: {file} has ABI {found:#x}, this package was made for {here:#x}")
    return library


lib = load()
