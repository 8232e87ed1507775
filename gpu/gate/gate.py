"""Compiles the kernels of pauca-gpu for NVIDIA devices, without one, and looks at the machine code.

    python gate.py FOLDER [--write] [--keep]

FOLDER holds what pauca-gpu-gate wrote. Each text is compiled by NVRTC for those of sm_80 and sm_90a that have its instructions,
with the options of CubeCL's CUDA runtime, and disassembled. What comes out must be what table.csv says, to the number, and keep the
rules below whatever the table says. A difference is told with kernel, architecture, column, what was expected and what was found;
then the status is 1. --write writes the table anew; --keep leaves PTX, machine code and its text beside the sources. Python needs
the packages of requirements.txt.

What it cannot see: a device's driver makes machine code of the PTX once more, so registers and spills there may differ. What may be
fused is decided in the PTX, which is looked at, too.
"""

import argparse
import collections
import csv
import ctypes
import glob
import os
import re
import subprocess
import sys
import time

ARCHITECTURES = ["sm_80", "sm_90a"]
COLUMNS = ["registers", "spills", "stack", "shared", "ffma", "dfma", "dmul", "dadd", "float", "mma", "mma0", "atomics", "total"]
KEYS = ["kernel", "shape", "arch"]
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "table.csv")
# Bytes that may be spilled; 0 where nothing is said.
SPILLS = {}
# Operations of f64 in the PTX, all of a kind: a driver may fuse mul.f64 with an addition, never mul.rn.f64. Dot products may be fused,
# because products of f32 are exact, and cosines round in the root and the quotient only.
PTX = {
    ("settle", "distance"): ("mul|fma", ["mul.rn.f64"]),
    ("settle", "cosine"): ("sqrt|rsqrt|div|rcp", ["div.rn.f64", "sqrt.rn.f64"]),
}
# Instructions of the tensor core, and how many a kernel has at least.
TENSOR = {"nearest_mma": ("HMMA", 64), "nearest_wgmma": ("HGMMA", 4)}
# Instructions on floats that move, select or compare no number are not among them; see `is_float`.
FLOAT = re.compile(r"^(F(ADD|MUL|FMA|MNMX|SET|SETP|CHK|RND|SWZADD)|MUFU|D(ADD|MUL|FMA|SETP|MNMX)|H\w+2|I2F\w*|F2[FI]\w*|\w+MMA)\b")


class Failed(Exception):
    """What keeps the gate from looking at all."""


def find(pattern):
    """The only file among the packages that matches."""
    found = sorted(glob.glob(os.path.join(sys.prefix, "lib/python*/site-packages/nvidia", pattern), recursive=True))
    if not found:
        raise Failed(f"no {pattern} among the packages of {sys.prefix}")
    return found[0]


class Nvrtc:
    """NVRTC through its C interface."""

    def __init__(self):
        path = find("**/libnvrtc.so.1[0-9]")
        # It opens these by name, so they have to be there before.
        for builtins in glob.glob(os.path.join(os.path.dirname(path), "libnvrtc-builtins.so*")):
            ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
        self.library = ctypes.CDLL(path)
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = f"{major.value}.{minor.value}"
        self.include = os.path.dirname(find("**/include/cuda_runtime.h"))

    def compile(self, text, architecture):
        """The report of the assembler, the PTX and the machine code."""
        options = [f"--gpu-architecture={architecture}", f"--include-path={self.include}", "-lineinfo", "--ptxas-options=-v"]
        program = ctypes.c_void_p()
        if self.library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), None, 0, None, None) != 0:
            raise Failed("NVRTC made no program")
        array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
        status = self.library.nvrtcCompileProgram(program, len(options), array)
        log = self.part(program, "ProgramLog").decode(errors="replace").rstrip("\0")
        if status != 0:
            raise Failed(f"NVRTC refuses it:\n{log}")
        result = log, self.part(program, "PTX").decode().rstrip("\0"), self.part(program, "CUBIN")
        self.library.nvrtcDestroyProgram(ctypes.byref(program))
        return result

    def part(self, program, name):
        size = ctypes.c_size_t()
        if getattr(self.library, f"nvrtcGet{name}Size")(program, ctypes.byref(size)) != 0:
            raise Failed(f"NVRTC has no {name}")
        buffer = ctypes.create_string_buffer(size.value)
        if getattr(self.library, f"nvrtcGet{name}")(program, buffer) != 0:
            raise Failed(f"NVRTC gives no {name}")
        return buffer.raw


def disassembled(disassembler, path):
    """The text of machine code, and its instructions, with operands and without predicates."""
    text = subprocess.run([disassembler, "-c", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][^;]*?)\s*;", text, re.M)
    if not found:
        raise Failed("no instruction in the machine code")
    return text, [instruction for instruction in found if instruction != "NOP"]


def is_float(instruction):
    """Whether it computes with floats. HFMA2 of RZ with RZ and a constant is how a constant is moved."""
    moves = re.match(r"HFMA2(\.MMA)? \w+, -RZ, RZ, ", instruction)
    return bool(FLOAT.match(instruction)) and not moves


def facts_of(head, log, instructions):
    """A row of the table."""
    names = collections.Counter(re.split(r"[. ]", instruction)[0] for instruction in instructions)

    def reported(pattern):
        numbers = re.findall(pattern, log)
        return sum(int(number) for number in numbers)

    registers = reported(r"Used (\d+) registers")
    if registers == 0:
        raise Failed(f"the assembler reports no registers:\n{log}")
    return {
        "registers": registers,
        "spills": reported(r"(\d+) bytes spill"),
        "stack": reported(r"(\d+) bytes stack frame"),
        "shared": int(head["shared"]) + reported(r"(\d+) bytes smem"),
        "ffma": names["FFMA"],
        "dfma": names["DFMA"],
        "dmul": names["DMUL"],
        "dadd": names["DADD"],
        "float": sum(is_float(instruction) for instruction in instructions),
        "mma": names["HMMA"] + names["HGMMA"],
        "mma0": sum(bool(re.match(r"HMMA\.\S+ .*, RZ$|HGMMA\.\S+ .*, !UPT(, gsb\d)?$", instruction)) for instruction in instructions),
        "atomics": names["ATOM"] + names["ATOMG"] + names["ATOMS"] + names["RED"] + names["REDG"],
        "total": len(instructions),
    }


def broken_rules(kernel, shape, arch, facts, ptx):
    """What must hold whatever the table says, where it does not: column, expected, found."""
    rules = [("spills", f"at most {SPILLS.get((kernel, shape, arch), 0)}", facts["spills"] <= SPILLS.get((kernel, shape, arch), 0))]
    if kernel in ("add_runs", "fill"):
        # Sums are made of integers, words are moved.
        rules.append(("float", "0", facts["float"] == 0))
    if kernel == "add_runs":
        rules.append(("atomics", "at least 4", facts["atomics"] >= 4))
    if kernel.startswith("nearest_"):
        # The tensor core, by the instruction that is meant: all products of a step, in registers.
        instruction, least = TENSOR[kernel]
        rules += [("mma", f"at least {least} {instruction}", facts["mma"] >= least), ("stack", "0", facts["stack"] == 0)]
        # 16 columns an instruction, and a path of 64: each fourth begins at zero.
        rules.append(("mma0", "a quarter of mma", 4 * facts["mma0"] == facts["mma"]))
    if kernel in ("nearest", "nearest_mma", "nearest_wgmma", "above", "norms"):
        # As slow as a device has it.
        rules += [(column, "0", facts[column] == 0) for column in ("dfma", "dmul", "dadd")]
    if (kernel, shape) == ("settle", "distance"):
        # Squares decide: each is rounded before it is added.
        rules += [("dfma", "0", facts["dfma"] == 0), ("dmul", "at least 16", facts["dmul"] >= 16)]
        rules += [("dadd", "at least 32", facts["dadd"] >= 32)]
    found = [(column, expected, facts[column]) for column, expected, holds in rules if not holds]
    if (kernel, shape) in PTX:
        pattern, expected = PTX[kernel, shape]
        here = sorted(set(re.findall(rf"^\s*((?:{pattern})\S*\.f64)", ptx, re.M)))
        if here != expected:
            found.append(("PTX", " and ".join(expected), " and ".join(here) or "none"))
    return found


def head_of(text):
    """The comments at the head of a source."""
    return dict(re.findall(r"^// (\w+): ?(.*)$", text, re.M))


def looked_at(folder, keep):
    """Rows of the table by kernel, shape and architecture, and the rules that are broken."""
    nvrtc, disassembler = Nvrtc(), find("**/bin/nvdisasm")
    os.chmod(disassembler, 0o755)
    print(f"NVRTC {nvrtc.version}, {', '.join(ARCHITECTURES)}")
    rows, broken = {}, []
    sources = sorted(glob.glob(os.path.join(folder, "*.cu")))
    if not sources:
        raise Failed(f"no source in {folder}")
    for source in sources:
        with open(source, encoding="utf-8") as file:
            text = file.read()
        head = head_of(text)
        for arch in ARCHITECTURES:
            if int(re.search(r"\d+", arch)[0]) < int(head["least"]):
                continue
            try:
                log, ptx, cubin = nvrtc.compile(text, arch)
                stem = f"{source[:-3]}.{arch}"
                with open(f"{stem}.cubin", "wb") as file:
                    file.write(cubin)
                assembly, instructions = disassembled(disassembler, f"{stem}.cubin")
                facts = facts_of(head, log, instructions)
            except Failed as error:
                raise Failed(f"{os.path.basename(source)} {arch}: {error}") from None
            if keep:
                for end, content in (("ptx", ptx), ("sass", assembly)):
                    with open(f"{stem}.{end}", "w", encoding="utf-8") as file:
                        file.write(content)
            key = head["kernel"], head["shape"], arch
            rows[key] = facts
            broken += [(key, *rule) for rule in broken_rules(*key, facts, ptx)]
    return rows, broken


def differences(expected, found):
    """Where two tables differ: key, column, expected, found."""
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            yield key, "kernel", "in the table", "not among the sources"
        elif key not in expected:
            yield key, "kernel", "not in the table", "among the sources"
        else:
            for column in COLUMNS:
                if expected[key][column] != found[key][column]:
                    yield key, column, expected[key][column], found[key][column]


def read_table():
    with open(TABLE, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {tuple(row[key] for key in KEYS): {column: int(row[column]) for column in COLUMNS} for row in rows}


def write_table(rows):
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(KEYS + COLUMNS)
        for key in sorted(rows):
            out.writerow([*key, *(rows[key][column] for column in COLUMNS)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--write", action="store_true", help="write the table anew")
    parser.add_argument("--keep", action="store_true", help="leave what was compiled beside the sources")
    args = parser.parse_args()
    begin = time.monotonic()
    try:
        rows, broken = looked_at(args.folder, args.keep)
    except Failed as error:
        sys.exit(f"gate: {error}")
    told = [("rule", *rule) for rule in broken]
    if args.write and not broken:
        write_table(rows)
        print(f"{len(rows)} rows written to table.csv")
    elif not args.write:
        told += [("table", *difference) for difference in differences(read_table(), rows)]
    for source, (kernel, shape, arch), column, expected, found in told:
        name = f"{kernel} {shape}".strip()
        print(f"{source}: {name}, {arch}, {column}: expected {expected}, found {found}")
    print(f"{len(rows)} kernels and architectures, {len(told)} differences, {time.monotonic() - begin:.1f} s")
    sys.exit(bool(told))


if __name__ == "__main__":
    main()
