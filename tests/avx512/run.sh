#!/usr/bin/env bash
# Tests the kernels of the AVX-512 level on an x86-64 machine that has AVX2 only: their instructions are carried out by the
# library beside this file, on the processor's own arithmetic. The product's code is the shipped one; only the compiler's answer to
# "is this machine known to have AVX-512?" is yes. A signal costs about ten microseconds and an instruction a tenth of one, so
# this shows bits, never speed, and continuous integration does not run it.
#
#   tests/avx512/run.sh [TARGET [FILTER]...]    tests of one target (default: suite cpu_avx512)
#   tests/avx512/run.sh --program NAME [ARGUMENT]...    a program, with PAUCA_SIMD=avx512
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "this is no x86-64 Linux" >&2; exit 2; }
grep -qw avx2 /proc/cpuinfo || { echo "this machine has no AVX2" >&2; exit 2; }
grep -qw avx512f /proc/cpuinfo && { echo "this machine has AVX-512: the plain tests run it" >&2; exit 2; }

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/avx512
cargo build -q --release --manifest-path tests/avx512/Cargo.toml
library=$CARGO_TARGET_DIR/release/libpauca_avx512.so
# As a configuration, not as -C target-feature: the compiler itself must not use the instructions elsewhere.
export RUSTFLAGS='--cfg target_feature="avx512f" --cfg target_feature="avx512vl" -A explicit_builtin_cfgs_in_flags'
if [ "${1:-}" = --program ]; then
    cargo build -q --release -p pauca-examples --bin "$2"
    PAUCA_SIMD=avx512 LD_PRELOAD=$library exec "$CARGO_TARGET_DIR/release/$2" "${@:3}"
fi
[ $# -gt 0 ] || set -- suite cpu_avx512
tests=$(cargo test --no-run -p pauca-tests --test "$1" --message-format=json | sed -n "s/.*\"executable\":\"\([^\"]*$1-[^\"]*\)\".*/\1/p")
cd tests
LD_PRELOAD=$library exec "$tests" "${@:2}"
