#!/usr/bin/env bash
# The GPU crate more thoroughly than gpu/check.sh does: all 256 problems of each property on the first device that wgpu finds,
# lavapipe where there is no GPU, whole and with limits at which nothing fits at once; the machine code that CUDA's compiler makes;
# and the types of the feature `cuda`, for which the dependencies are built once more. Each step says how long it took.
source "$(dirname "$0")/common.sh"
export CARGO_INCREMENTAL=0 PAUCA_GPU_REQUIRED=1 PAUCA_TEST_CASES=256

step() { # step NAME COMMAND...
    local name=$1 from=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    "$@"
    printf -- '--- %s: ok, %d s\n' "$name" $((SECONDS - from))
}

suite() { # the suite of every backend, as it is called
    cargo test --manifest-path gpu/Cargo.toml --locked --workspace --features wgpu suite:: 2>&1 \
        | grep -E '^(test |device|SKIPPED)|panicked|^error'
}

cut_suite() {
    PAUCA_GPU_CUT=1 suite
}

cuda_types() { # DOCS_RS keeps dependencies from fetching LLVM; nothing is linked
    DOCS_RS=1 cargo check --manifest-path gpu/Cargo.toml --locked -p pauca-gpu --features cuda
}

step "build" cargo test -q --manifest-path gpu/Cargo.toml --locked --workspace --features wgpu --no-run
step "suite" suite
step "suite, cut" cut_suite
step "machine code of CUDA" gpu/gate.sh
step "types of the feature cuda" cuda_types
