#!/usr/bin/env bash
# Looks at the machine code of the register-tile kernels, for every level, whether this machine has it or not: the
# innermost loop has to hold one fused multiply-add per accumulator and must not touch the stack with a vector.
# A kernel whose accumulators are spilled gives right results at a twentieth of the speed, which no test would notice.
#
#   benches/checks/codegen.sh [PROGRAM]     default: peer-kmeans, built in release
set -euo pipefail
cd "$(dirname "$0")/../.."

# symbol, register, accumulators (rows of the tile times vectors of the panel: core/src/simd/{tile,dots}.rs)
kernels="tile_f32_avx2 ymm 12
tile_f64_avx2 ymm 12
tile_f32_avx512 zmm 24
tile_f64_avx512 zmm 24
dots_avx2 ymm 12
dots_avx512 zmm 24"

skip() { echo "SKIPPED: $*: the generated code of the kernels was not looked at"; exit 0; }
[ "$(uname -m)" = x86_64 ] || skip "this is no x86-64 machine"
command -v objdump > /dev/null && command -v nm > /dev/null || skip "no objdump or nm (Debian: binutils)"

program=${1:-${CARGO_TARGET_DIR:-target}/release/peer-kmeans}
# Release programs are stripped, and here symbols are asked for: of this program alone, so that nothing else is built anew.
[ $# -gt 0 ] || cargo rustc -q --release -p pauca-benches --bin peer-kmeans -- -C strip=none

names=$(nm "$program")
bad=0
while read -r kernel register accumulators; do
    symbol=$(awk -v k="$kernel" '$3 ~ "[0-9]" k "17h" { print $3; exit }' <<< "$names")
    if [ -z "$symbol" ]; then
        echo "FAILED: no symbol of $kernel in $program (renamed? inlined?)"
        bad=1
        continue
    fi
    objdump -d --no-show-raw-insn --disassemble="$symbol" "$program" | awk -v kernel="$kernel" \
        -v register="$register" -v wanted="$accumulators" '
        function number(hex,    i, v) { # mawk knows no hexadecimal constants
            v = 0
            for (i = 1; i <= length(hex); i++) v = v * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
            return v
        }
        /^ *[0-9a-f]+:\t/ {
            n++
            address = $1; sub(/:/, "", address); at[n] = number(address)
            text = $0; sub(/^[^\t]*\t/, "", text); code[n] = text
            fma[n] = fma[n - 1] + (text ~ /^vfn?madd[0-9]+p[sd]/ && text ~ ("%" register))
            spill[n] = spill[n - 1] + (text ~ /^v/ && text ~ /\(%rsp/)
            if (text ~ /^j/) { target = text; sub(/^[a-z]+ +/, "", target); sub(/ .*/, "", target); to[n] = number(target) }
        }
        END {
            # The innermost loop with a multiply-add: the shortest stretch that a backward jump closes.
            for (i = 1; i <= n; i++) {
                if (!(i in to) || to[i] > at[i]) continue
                for (first = i; first > 1 && at[first] > to[i]; first--) ;
                if (at[first] != to[i] || fma[i] == fma[first - 1]) continue
                if (best == 0 || i - first < last - best) { best = first; last = i }
            }
            if (best == 0) { print "FAILED: " kernel ": no loop with multiply-adds on " register; exit 1 }
            found = fma[last] - fma[best - 1]; spilled = spill[last] - spill[best - 1]
            ok = found >= wanted && spilled == 0
            printf "%s %-15s inner loop of %d instructions: %d multiply-adds on %s (at least %d), %d vectors on the stack\n",
                ok ? "ok:    " : "FAILED:", kernel, last - best + 1, found, register, wanted, spilled
            if (!ok) for (i = best; i <= last; i++) print "    " code[i]
            exit !ok
        }' || bad=1
done <<< "$kernels"
exit $bad
