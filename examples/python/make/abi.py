"""Writes pauca/_abi.py from bindings-c/include/pauca.h: the constants, structs and functions of the C ABI for ctypes.

    python make/abi.py            writes the file
    python make/abi.py --check    says whether the file is what the header asks for

Every pointer becomes c_void_p, so that numbers, byref(...) and None can be passed alike; a text that a function returns
becomes c_char_p.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
HEADER = HERE.parent.parent / "bindings-c" / "include" / "pauca.h"
OUT = HERE / "pauca" / "_abi.py"

SCALARS = {
    "int": "c_int32",
    "int32_t": "c_int32",
    "pauca_status": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
    "double": "c_double",
    "float": "c_float",
    "uint8_t": "c_uint8",
    "char": "c_char",
    "void": "None",
}

HEAD = '''\
"""The C ABI for ctypes. Written by make/abi.py from pauca.h: change it there."""

from ctypes import Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p

'''


def kind(text: str) -> str:
    """The ctypes name of a type of C."""
    text = re.sub(r"\b(const|struct)\b", "", text).strip()
    if "*" in text or text.endswith("_callback") or text in ("pauca_task", "pauca_parallel_for"):
        return "c_void_p"
    return SCALARS[text.strip()]


def split(declaration: str) -> tuple[str, str]:
    """Type and name of a field or an argument."""
    if "(" in declaration:  # a pointer to a function
        return "c_void_p", re.search(r"\(\*(\w+)\)", declaration).group(1)
    found = re.fullmatch(r"(.*?)(\w+)(?:\[(\w+)\])?", declaration.strip(), re.S)
    found_kind = kind(found.group(1))
    return f"{found_kind} * {found.group(3)}" if found.group(3) else found_kind, found.group(2)


def written(text: str) -> str:
    """The module, from the text of the header."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    out = [HEAD]
    for name, value in re.findall(r"^#define (PAUCA_\w+) (\S+)$", text, re.M):
        value = value.replace('UINT64_MAX', '2**64 - 1').replace('UINT32_MAX', '2**32 - 1')
        out.append(f"{name} = {value}\n")
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, re.S):
        fields = [split(field) for field in body.split(";") if field.strip()]
        if fields[0][1] not in ("struct_size", "data", "name"):
            continue  # a handle
        out.append(f"\n\nclass {name}(Structure):\n    _fields_ = (\n")
        out += [f'        ("{field}", {what}),\n' for what, field in fields]
        out.append("    )\n")
    out.append("\n\n# name: (what is returned, arguments)\nFUNCTIONS = {\n")
    functions = text[text.index('extern "C"') :]
    for returned, name, arguments in re.findall(r"^([\w *]+?)(pauca_\w+)\(([^;]*?)\);", functions, re.M):
        takes = [] if arguments.strip() == "void" else [split(a)[0] for a in arguments.split(",")]
        gives = "c_char_p" if re.sub(r"\bconst\b", "", returned).strip() == "char *" else kind(returned)
        listed = ", ".join(takes) + ("," if len(takes) == 1 else "")
        line = f'    "{name}": ({gives}, ({listed})),\n'
        if len(line) > 121:
            line = f'    "{name}": (\n        {gives},\n        ({listed}),\n    ),\n'
        out.append(line)
    out.append("}\n")
    return "".join(out)


def main() -> int:
    new = written(HEADER.read_text())
    if "--check" in sys.argv:
        return int(not OUT.exists() or OUT.read_text() != new)
    OUT.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
