"""The declarations for ctypes are those of the header."""

import ctypes
import subprocess
import sys

import pauca
from pauca import _abi
from pauca._lib import lib


def test_declarations_are_made_of_the_header(repository):
    made = subprocess.run([sys.executable, repository / "examples" / "python" / "make" / "abi.py", "--check"])
    assert made.returncode == 0, "pauca/_abi.py is not that of pauca.h: python make/abi.py"


def test_structs_have_the_sizes_of_the_library():
    structs = [s for s in vars(_abi).values() if isinstance(s, type) and issubclass(s, ctypes.Structure)]
    checked = 0
    for struct in structs:
        init = struct.__name__.removesuffix("_options") + "_options_init"
        function = getattr(lib, init, None)
        if function is None or struct.__name__ == "pauca_context_options":
            continue
        options = struct()
        assert function(ctypes.byref(options), ctypes.sizeof(options), None) == 0
        error = _abi.pauca_error(struct_size=ctypes.sizeof(_abi.pauca_error))
        assert function(ctypes.byref(options), ctypes.sizeof(options) + 4, ctypes.byref(error)) == _abi.PAUCA_STRUCT_SIZE
        assert error.detail[1] == ctypes.sizeof(options), struct.__name__
        checked += 1
    assert checked >= 5


def test_the_package_says_what_it_is():
    assert pauca.__version__ in pauca.build_info()
    assert set(pauca.__all__) <= set(dir(pauca))
