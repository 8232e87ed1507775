#!/usr/bin/env bash
# The one-way arrows of ARCHITECTURE.md, checked on the source of core and of the reference.
#
#   tests/arrows.sh [ROOT]     ROOT: the repository (default: the one this script lies in)
#
# 1. Each module of core may name only the modules in its row below. A new module needs a row, which is the moment to
#    ask where it belongs.
# 2. No two-way arrow: neither in the table, nor among the modules, nor among the files of any folder. There a
#    subfolder is one file. A mod.rs is two things: its `pub use` lines are the folder's face, and who takes a name
#    from the face takes it from the file behind; whatever else stands in a mod.rs is a file like any other.
#
# Comments, documentation and tests do not count.
set -euo pipefail
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}

foundation="error check memory arrays bytes params exec control random exact select rows real stats"
below="$foundation backend" # the default backend of `fit` is in backend, so nobody needs simd or threads
arrows="
error      :
check      : error
memory     : error
params     :
arrays     : error check memory
bytes      : error check memory
exec       : error check
control    : error exec params
random     :
exact      : error check memory bytes params
rows       : error check memory arrays params exact
real       : error check exact simd
products   : error check memory arrays exact real simd
select     : error check memory params
stats      : error check memory random exact select
simd       : error exact params
backend    : $foundation
backend/cpu: $foundation backend simd products
kmeans     : $below products
dedup      : $below kmeans
prototypes : $below kmeans
length     : $foundation
corruption : $below kmeans
quality    : $foundation
d4         : $below kmeans dedup prototypes
layers     : $below products
vq         : $below kmeans products
causal     : $foundation vq products
tokens     : $foundation vq
alignment  : $below products
memorization : $foundation
"
# TEMPORARY: folders whose files still stand in a circle. Empty this list; one that needs no place on it fails.
circles=""

bad=0
say() { echo "arrows: $*" >&2; bad=1; }

# "FILE LINE FOLDER FROM TO" for each name that FROM takes from TO, two files (or subfolders) of FOLDER. The arguments
# are the files of core, seen from its src/.
names() {
    awk '
        # A path from the crate root, named by module `from`: the arrow, in the folder in which the two part ways.
        function arrow(i, from, path,    a, b, n, m, k, folder, to) {
            n = split(from, a, "::"); m = split(path, b, "::"); folder = ""
            for (k = 1; k <= n && k < m && a[k] == b[k] && (folder a[k]) in is_folder; k++) folder = folder a[k] "::"
            to = (folder b[k]) in is_module ? b[k] : (folder b[k]) in face ? face[folder b[k]] : "mod"
            if (k > n) a[k] = "mod"
            gsub(/::/, "/", folder); sub(/\/$/, "", folder)
            if (to != a[k]) print file[i], line[i], (folder == "" ? "." : folder), a[k], to
        }
        function take(path) { file[++taken] = FILENAME; line[taken] = FNR; named[taken] = path; kind[taken] = using }

        FNR == 1 {
            module = FILENAME; is_mod = sub(/\/mod\.rs$/, "", module); sub(/\.rs$/, "", module); gsub(/\//, "::", module)
            if (module == "lib") { module = ""; is_mod = 1 }
            module_of[FILENAME] = module; is_module[module] = 1; if (is_mod) is_folder[module] = 1
            test = using = 0
        }
        # Tests end where the brace of their item closes, or with its semicolon.
        test == 2 { if ($0 == indent "}") test = 0; next }
        /^ *#\[cfg\((all\()?test/ { test = 1; indent = $0; sub(/#.*/, "", indent); next }
        test && !/^ *#/ { test = /;$/ ? 0 : 2; next }
        /^ *\/\// { next }
        /^[A-Za-z]/ { depth = 0; prefix[0] = before = "" }
        {
            text = $0; gsub(/'\''.'\''|"([^"\\]|\\.)*"/, "", text); sub(/\/\/.*/, "", text)
            sub(/^ *pub(\([a-z]+\))? use /, "pub_use ", text)
            # Before each brace stands the path that holds for what is inside: use a::{b, c::{d, e}}.
            while (match(text, /[A-Za-z0-9_]+(::[A-Za-z0-9_]+)*(::)?|[{};]/)) {
                word = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
                if (word == "{") prefix[++depth] = before ~ /::$/ ? prefix[depth - 1] before : ""
                else if (word == "}") { if (depth) depth-- }
                else if (word == ";") using = 0
                else if (word == "use" || word == "pub_use") using = word
                else if (before != "as" && before != "mod") {
                    path = prefix[depth] word; sub(/::$/, "", path)
                    if (substr(text, 1, 1) != "{" && (is_mod || path ~ /^(crate|self|super)::/)) take(path)
                }
                before = word
            }
        }
        END {
            for (pass = 1; pass <= 2; pass++) for (i = 1; i <= taken; i++) {
                from = home = module_of[file[i]]; path = named[i]; near = 0
                if (sub(/^crate::/, "", path)) home = ""
                else if (!sub(/^self::/, "", path)) {
                    near = path !~ /^super::/
                    while (sub(/^super::/, "", path)) sub(/(::)?[A-Za-z0-9_]+$/, "", home)
                }
                n = split(path, part, "::"); child = (home == "" ? "" : home "::") part[1]
                shown = kind[i] && home == from && child in is_module && file[i] ~ /(mod|lib)\.rs$/
                if (pass == 1) { if (shown) face[(home == "" ? "" : home "::") part[n]] = part[1]; continue }
                # Of the other words of a mod.rs only paths into its children and names of its face matter.
                if (near && !(n > 1 ? child in is_module : child in face)) continue
                if (from == "" || shown && kind[i] == "pub_use") continue
                arrow(i, from, (home == "" ? "" : home "::") path)
            }
        }' "$@"
}

# The pairs that come in must have no circle: prints what stands in one.
circle() { { tsort 2>&1 > /dev/null || true; } | sed -n 's/^tsort: \([^-]\)/\1/p' | sort -u; }

src=$root/core/src
mapfile -t files < <(cd "$src" && find . -name '*.rs' ! -name tests.rs | sed 's,^\./,,' | sort)
modules=$(printf '%s\n' "${files[@]}" | sed 's,/.*,,; s,\.rs$,,' | sort -u | grep -vx lib)
for module in $modules; do
    grep -qE "^$module *:" <<<"$arrows" || say "core/src/$module: no row in tests/arrows.sh"
done
while read -r module; do
    say "core/src/$module: no mod.rs says mod ${module##*/}"
done < <(cd "$src" && comm -13 \
    <(grep -rE '^ *(pub(\([a-z]+\))? )?mod [a-z0-9_]+;' . | sed -E 's,^\./(.*)(mod|lib)\.rs:.*mod ([a-z0-9_]+);.*,\1\3,' | sort) \
    <(find . -name '*.rs' | sed -E 's,^\./,,; s,(/mod)?\.rs$,,' | grep -vx lib | sort))
found=$(cd "$src" && names "${files[@]}")

table=$(awk -F: 'NF == 2 { gsub(/ /, "", $1); n = split($2, to, " "); for (i = 1; i <= n; i++) print $1, to[i] }' <<<"$arrows")
while read -r line; do
    say "core/src/$line"
done < <(awk 'NR == FNR { allowed[$1, $2] = 1; next }
    $3 == "." {
        from = $1 ~ /^backend\/cpu(\/|\.)/ ? "backend/cpu" : $4
        if (!((from, $5) in allowed)) print $1 ":" $2 ": " from " must not name " $5
    }' <(echo "$table") <(echo "$found"))

[ -z "$(circle <<<"$table")" ] || say "the table has a circle:" $(circle <<<"$table")
for folder in $(cut -d' ' -f3 <<<"$found" | sort -u); do
    closed=$(awk -v folder="$folder" '$3 == folder { print $4, $5 }' <<<"$found" | circle | tr '\n' ' ')
    if [[ " $circles " != *" $folder "* ]]; then
        [ -z "$closed" ] || say "core/src/$folder: two-way arrow, a circle of $closed"
    elif [ -n "$closed" ]; then
        echo "arrows: WARNING, EXCEPTED: core/src/$folder: two-way arrow, a circle of $closed" >&2
    else
        say "core/src/$folder has no circle: take it off the list"
    fi
done

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
echo "arrows: $(wc -l <<<"$found") names in ${#files[@]} files of core point the right way, no two-way arrow"
