#!/usr/bin/env bash
# What CUDA's compiler makes of the kernels, on a machine without CUDA: see gate/gate.py.
#
#   gpu/gate.sh             compares with gate/table.csv
#   gpu/gate.sh --write     writes it anew
#
# Needs a Vulkan driver, as gpu/check.sh does, Python with venv, and 240 MB for packages of PyPI; what cannot be had is SKIPPED
# aloud, or with PAUCA_GPU_REQUIRED a failure.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work}

skip() {
    echo "SKIPPED: $*: nobody has looked at the machine code of CUDA"
    [ -z "${PAUCA_GPU_REQUIRED:-}" ] || exit 1
    exit 0
}

target=$(cargo metadata --locked --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
# The packages stay, under a name that changes with the list of them.
venv=$target/gate/venv-$(sha256sum gate/requirements.txt | cut -c1-16)
if [ ! -e "$venv/done" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" || skip "no Python with venv"
    "$venv/bin/python" -m pip -q --disable-pip-version-check install -r gate/requirements.txt \
        || skip "pip cannot install gate/requirements.txt"
    touch "$venv/done"
fi
# Without -q, which ends ldconfig by a signal when it has seen enough.
ldconfig -p | grep 'libvulkan\.so' > /dev/null || skip "no Vulkan driver (mesa-vulkan-drivers, libvulkan1)"
# With the other packages, as check.sh builds them.
cargo build -q --locked --workspace --features wgpu
"$target/debug/pauca-gpu-gate" "$work/sources"
"$venv/bin/python" gate/gate.py "$work/sources" "$@"
