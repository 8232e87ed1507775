#!/usr/bin/env bash
# The one-way arrows of ARCHITECTURE.md, checked on the source of core and of the reference.
#
#   tests/arrows.sh [ROOT]     ROOT: the repository (default: the one this script lies in)
#
# Each module of core may name only the modules in its row below; comments, documentation and test modules do not
# count. A new module needs a row, which is the moment to ask where it belongs.
set -euo pipefail
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}

foundation="error memory arrays bytes control exec rows real random stats exact"
below="$foundation backend" # the default backend of `fit` is in backend, so nobody needs simd or threads
arrows="
error      :
memory     : error
arrays     : error memory
bytes      : error memory
control    : error exec
exec       : error control
rows       : error memory control exec exact
real       : error exact
random     : error exact
stats      : error memory exact random
exact      : error memory bytes control exec rows random stats
simd       : error memory rows exact
backend    : $foundation
backend/cpu: $foundation backend simd
kmeans     : $below
dedup      : $below kmeans
prototypes : $below kmeans
length     : $foundation
corruption : $below kmeans
quality    : $foundation
d4         : $below kmeans dedup prototypes
layers     : $below
vq         : $below kmeans
causal     : $foundation vq
tokens     : $foundation vq
alignment  : $below
memorization : $foundation
"

bad=0
say() { echo "arrows: $*" >&2; bad=1; }

# Prints "line module" for each path of file $1 that starts at the crate root.
named() {
    awk '
        /^[[:space:]]*#\[cfg\((all\()?test/ { exit }          # test modules close a file
        { line = $0; sub(/\/\/.*/, "", line); text = text line "\n" }
        END {
            n = 1
            while (match(text, /(^|[^A-Za-z0-9_])crate::[[:space:]]*/)) {
                before = substr(text, 1, RSTART + RLENGTH - 1); n += gsub(/\n/, "", before)
                text = substr(text, RSTART + RLENGTH)
                if (substr(text, 1, 1) != "{") {
                    match(text, /^[A-Za-z0-9_]+/); print n, substr(text, 1, RLENGTH); continue
                }
                depth = 0; word = ""; fresh = 1               # crate::{a::x, b::{c, d}}: a and b
                for (i = 1; i <= length(text); i++) {
                    c = substr(text, i, 1)
                    if (c == "{") depth++
                    else if (c == "}") { depth--; if (depth == 0) break }
                    if (depth == 1 && c == ",") fresh = 1
                    else if (depth == 1 && fresh && c ~ /[A-Za-z0-9_]/) {
                        rest = substr(text, i); match(rest, /^[A-Za-z0-9_]+/)
                        print n, substr(rest, 1, RLENGTH); fresh = 0
                    }
                }
            }
        }' "$1"
}

src=$root/core/src
modules=$(cd "$src" && for m in *; do [ "$m" = lib.rs ] || echo "${m%.rs}"; done | sort -u)
files=0 edges=0
while read -r file; do
    [ "$file" = lib.rs ] && continue
    files=$((files + 1))
    module=${file%%/*}; module=${module%.rs}
    row=$module
    case $file in backend/cpu.rs | backend/cpu/*) row=backend/cpu ;; esac
    if ! allowed=$(grep -E "^$row *:" <<<"$arrows"); then
        say "core/src/$file: module $row has no row in tests/arrows.sh"
        continue
    fi
    allowed=" ${allowed#*:} $module "
    while read -r line name; do
        edges=$((edges + 1))
        # Names that lib.rs re-exports (crate::Result) hide the arrow's end: only those of error are let through.
        case $name in Error | Result) name=error ;; esac
        if ! grep -qxF "$name" <<<"$modules"; then
            say "core/src/$file:$line: crate::$name is no module: name the module, so that the arrow can be seen"
        elif [[ $allowed != *" $name "* ]]; then
            say "core/src/$file:$line: $row must not name $name (allowed:$allowed)"
        fi
    done < <(named "$src/$file")
    # A file directly below src/ and a module's mod.rs reach siblings by super:: as well.
    case $file in */*/*) continue ;; */mod.rs) ;; */*) continue ;; esac
    while IFS=: read -r line name; do
        if grep -qxF "$name" <<<"$modules"; then
            say "core/src/$file:$line: write crate::$name, not super::$name"
        fi
    done < <(sed -E 's,//.*,,; /^[[:space:]]*#\[cfg\((all\()?test/,$d' "$src/$file" \
        | grep -noE '\bsuper::[a-z_0-9]+' | sed 's/super:://' || true)
done < <(cd "$src" && find . -name '*.rs' | sed 's,^\./,,' | sort)

code() { sed -E 's,//.*,,' "$1"; }
while read -r file; do
    case $file in "$src"/exec.rs | "$src"/exec/*) continue ;; esac
    if code "$file" | grep -qE '\brayon::|\bthread::(spawn|scope)'; then
        say "${file#"$root"/}: threads are reached only through exec"
    fi
    if code "$file" | grep -qE '\b(pauca_gpu|cubecl)::'; then
        say "${file#"$root"/}: core never sees gpu"
    fi
done < <(find "$src" -name '*.rs')

# The second opinion imports nothing: no dependency, no crate but itself and std.
if [ -f "$root/tests/reference/Cargo.toml" ]; then
    if awk '/^\[/ { on = ($0 ~ /^\[((dev|build)-)?dependencies|^\[target/) } on && !/^\[/ && !/^[[:space:]]*(#|$)/' \
        "$root/tests/reference/Cargo.toml" | grep -q .; then
        say "tests/reference/Cargo.toml: the reference has dependencies"
    fi
    while read -r file; do
        if code "$file" | grep -nE '\bunsafe\b|\bextern crate\b|(^|[^A-Za-z0-9_])pauca::'; then
            say "${file#"$root"/}: the reference uses unsafe code or the core"
        fi
    done < <(find "$root/tests/reference/src" -name '*.rs')
fi

[ $bad = 0 ] || exit 1
echo "arrows: $edges names in $files files of core point the right way"
