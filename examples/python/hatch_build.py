"""Puts libpauca into the wheel: the file that PAUCA_LIB names, else what cargo builds."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {  # what cargo calls the library, and what the package does
    "win32": ("pauca_c.dll", "pauca.dll"),
    "darwin": ("libpauca_c.dylib", "libpauca.dylib"),
}


def library(built: str) -> pathlib.Path:
    """The file of the library."""
    given = os.environ.get("PAUCA_LIB")
    if given:
        return pathlib.Path(given)
    workspace = HERE.parent.parent
    if not (workspace / "bindings-c" / "Cargo.toml").exists():
        raise RuntimeError("pauca is built in its repository (cargo builds bindings-c there), or with PAUCA_LIB=libpauca.so")
    command = ["cargo", "build", "--release", "--package", "pauca-c"]
    subprocess.run(command, cwd=workspace, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or workspace / "target")
    return (workspace / target) / "release" / built


class Library(BuildHookInterface):
    """The hook of hatchling. An editable install loads the library from the working tree too."""

    def initialize(self, version, build_data):
        built, named = NAMES.get(sys.platform, ("libpauca_c.so", "libpauca.so"))
        to = HERE / "pauca" / "lib" / named
        to.parent.mkdir(exist_ok=True)
        to.unlink(missing_ok=True)  # a program that has it loaded keeps the old file
        shutil.copyfile(library(built), to)
        if shutil.which("strip") and sys.platform == "linux":
            subprocess.run(["strip", "--strip-unneeded", str(to)], check=True)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
