#!/usr/bin/env bash
# Builds the crate and runs its tests on a device: the first that wgpu finds, which is Mesa's lavapipe where there is no GPU.
#
#   gpu/check.sh            16 problems of each property (PAUCA_TEST_CASES for more)
#
# Lavapipe is Debian's mesa-vulkan-drivers with libvulkan1; where it is missing and cannot be installed, what needs a
# device is skipped, and a line says so.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PAUCA_TEST_CASES=${PAUCA_TEST_CASES:-16} XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work}

has_vulkan() {
    # Without -q, which ends ldconfig by a signal when it has seen enough.
    ldconfig -p | grep 'libvulkan\.so' > /dev/null && compgen -G '/usr/share/vulkan/icd.d/*.json' > /dev/null
}

if ! has_vulkan && command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    { apt-get update && apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1; } > /dev/null 2>&1 || true
fi
if has_vulkan; then
    export PAUCA_GPU_REQUIRED=1
else
    echo "SKIPPED: no Vulkan driver (mesa-vulkan-drivers, libvulkan1): the kernels are compiled, but nothing runs"
fi
cargo fmt --all --check
cargo metadata --locked --format-version 1 > /dev/null
# All packages in every step, so that what they share is built once.
cargo test -q --locked --workspace --features wgpu
PAUCA_GPU_CUT=1 cargo test -q --locked --workspace --features wgpu suite::
./gate.sh
cargo clippy -q --locked --workspace --all-targets --features wgpu -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc -q --locked --workspace --features wgpu --no-deps
