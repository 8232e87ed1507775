#!/usr/bin/env bash
# NEON without an ARM machine, under qemu: the kernels' own tests, a million near-ties a step, the conformance suite, and the
# files that `curate` writes beside those of this machine. On two processors: one with NEON's products of bytes (dotprod)
# and one without, on which only what asks for codes runs again. What no level changes is left out: random_problems,
# exhaustive, seeding_frequencies, seeding_race, exact, once, one_backend, the other backends, and all algorithms but those
# that multiply matrices. Debian; packages that are missing are installed. Half an hour of one core.
#
#   [PAUCA_TEST_CASES=64] .ci/deep/neon.sh        problems of each property
source "$(dirname "$0")/common.sh"
export CARGO_INCREMENTAL=0 PAUCA_TEST_CASES=${PAUCA_TEST_CASES:-64}
arm=aarch64-unknown-linux-gnu
if ! command -v qemu-aarch64 > /dev/null || ! command -v aarch64-linux-gnu-gcc > /dev/null \
    || [ ! -d /usr/aarch64-linux-gnu/include ]; then
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross
fi
rustup target add $arm 2> /dev/null
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
workplace

on() { # on PROCESSOR COMMAND...
    qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu "$@"
}

built_for_arm() { # built_for_arm NAME COMMAND...: sets `binary` to the test program of that name; cargo builds others beside it
    local name=$1
    shift
    binary=$(cargo "$@" --target $arm --no-run --message-format json \
        | grep "\"name\":\"$name\"" | sed -nE 's/.*"executable":"([^"]*)".*/\1/p')
    [ -x "$binary" ]
}

tests() { # tests PROCESSOR FOLDER BINARY FILTERS...: fails where a test does, or where no test has such a name
    local processor=$1 folder=$2 binary=$3 from=$SECONDS
    shift 3
    for filter; do
        (cd "$folder" && on "$processor" "$binary" "$filter" > "$work/tests" 2>&1) || { cat "$work/tests" >&2; return 1; }
        echo "$processor: $filter: $(sed -nE 's/^test result: ok. ([0-9]+ passed).*/\1/p' "$work/tests"), $((SECONDS - from)) s"
        grep -q '^test result: ok. [1-9]' "$work/tests" || { echo "no test is named $filter" >&2; return 1; }
        from=$SECONDS
    done
}

products_of_bytes() { # products_of_bytes PROCESSOR: how many blocks of code with `sdot` the processor met in a test of codes
    (cd core && on "$1" -d in_asm -D "$work/asm" "$kernels" simd::codes::tests::pairs_are_exact_in_any_order > /dev/null)
    grep -cE ':  4e[89][0-9a-f]9[4-7][0-9a-f]{2} ' "$work/asm" || true
}

built_for_arm pauca test -p pauca --all-features --lib
kernels=$binary
built_for_arm conformance test -p pauca-tests --test conformance
conformance=$binary
built_for_arm algorithms test -p pauca-tests --test algorithms
algorithms=$binary
[ "$(products_of_bytes max)" -gt 0 ] || { echo "the processor with products of bytes met none" >&2; exit 1; }
[ "$(products_of_bytes cortex-a57)" = 0 ] || { echo "the processor without products of bytes met some" >&2; exit 1; }

tests max core "$kernels" simd:: backend:: products:: kmeans::
tests max tests "$conformance" cpu_neon screens:: screens_best torture:: vectors:: published:: buffers::
tests max tests "$algorithms" layers::cka layers::distances vq::step alignment::losses
tests cortex-a57 core "$kernels" simd::codes backend::
tests cortex-a57 tests "$conformance" screens:: screens_best

built curate
cargo build -q --release --target $arm -p pauca-examples --bin curate
emulated=$target/$arm/release/curate
sums() { # sums FOLDER: of every file; what the run took and where is in `run` of report.json alone
    (
        cd "$1"
        python3 -c 'import json; report = json.load(open("report.json")); del report["run"]; print(json.dumps(report))' > report
        rm report.json
        find . -type f -print0 | sort -z | xargs -0 sha256sum
    )
}
for arguments in "emoji --method d4" "emoji --method kmeans --euclidean --clusters 200" "mail --method semdedup" \
    "mail --method d4" "mail --method dbp"; do
    read -r -a words <<< "$arguments"
    line=("examples/data/${words[0]}.f16.npy" "${words[@]:1}" --quiet --progress none)
    "$program" "${line[@]}" --out "$work/native"
    sums "$work/native" > "$work/native.sums"
    for processor in max cortex-a57; do
        on $processor "$emulated" "${line[@]}" --out "$work/neon"
        sums "$work/neon" > "$work/neon.sums"
        diff "$work/native.sums" "$work/neon.sums"
        echo "$processor: curate $arguments: $(wc -l < "$work/neon.sums") files, the same bytes; $(sha256sum < "$work/neon.sums" | cut -c1-16)"
        rm -r "$work/neon"
    done
    rm -r "$work/native"
done
