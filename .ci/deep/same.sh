#!/usr/bin/env bash
# What `curate` wrote at an earlier revision, beside what it writes here: all methods on all shipped embeddings, here at
# every level of the machine. Every file must be the same bytes, but for `run` in report.json; with --arrays, for a revision
# whose reports had other words, every .npy that it wrote. Exits 1 where something differs. Builds both revisions; some
# minutes of one core.
#
#   .ci/deep/same.sh REVISION [--arrays]
source "$(dirname "$0")/common.sh"
revision=$(git rev-parse --verify "${1:?same.sh REVISION [--arrays]}^{commit}")
arrays=${2:-}
workplace
trap 'git worktree remove --force "$work/before" 2> /dev/null || true; leave' EXIT

git worktree add -q --detach "$work/before" "$revision"
# In a folder of its own: cargo names what it makes by a path within the workspace, so in one folder the revision whose files are
# newer would stand in for both.
CARGO_TARGET_DIR=$work/target cargo build -q --release --locked --manifest-path "$work/before/Cargo.toml" -p pauca-examples --bin curate
before=$work/target/release/curate
built curate
if cmp -s "$before" "$program"; then # each names its own folder of data
    echo "one program stands in for both revisions" >&2
    exit 1
fi

sums() { # sums FOLDER: what has to be the same in a folder of results, each with its SHA-256
    (
        cd "$1"
        if [ "$arrays" != --arrays ]; then
            python3 -c 'import json; report = json.load(open("report.json")); del report["run"]; print(json.dumps(report))' > report
            rm report.json
            find . -type f -print0
        else
            (cd "$work/old" && find . -name '*.npy' -print0)
        fi | sort -z | xargs -0 sha256sum
    )
}

refusal=$(PAUCA_SIMD=none "$program" examples/data/emoji.f16.npy --out "$work/none" 2>&1 || true)
levels=$(sed -nE 's/.*available here \(([a-z0-9, ]+)\).*/\1/p' <<< "$refusal" | tr -d ,)
[ -n "$levels" ] || { echo "curate does not say which levels there are" >&2; exit 1; }
echo "$(git rev-parse --short "$revision") beside $(git describe --always --dirty), at $levels"
compared=0 differing=0
curated() { # curated PROGRAM FOLDER ARGUMENTS...: of the `input`
    rm -rf "$work/$2"
    "$1" "examples/data/$input.f16.npy" "${@:3}" --out "$work/$2" --progress none > "$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
}

same() { # same INPUT ARGUMENTS...
    local input=$1 level
    shift
    curated "$before" old "$@"
    sums "$work/old" > "$work/old.sums"
    for level in $levels; do
        PAUCA_SIMD=$level curated "$program" new "$@"
        sums "$work/new" > "$work/new.sums"
        compared=$((compared + $(wc -l < "$work/old.sums")))
        if ! diff "$work/old.sums" "$work/new.sums" > "$work/differences"; then
            differing=$((differing + 1))
            echo "DIFFERS: $input $* at $level: $(sed -nE 's/^[<>] [0-9a-f]+ +//p' "$work/differences" | sort -u | tr '\n' ' ')"
        fi
    done
}

for input in emoji emoji-text mail code code-corrupted; do
    for method in d4 prototypes scip dbp kmeans; do
        same $input --method $method
    done
    same $input --method semdedup --epsilon 0.05
    same $input --method semdedup --epsilon 0.2 --rule greedy-cover
    same $input --method kmeans --euclidean --clusters 200
    same $input --method d4 --euclidean
    echo "$input: done, $compared files compared so far"
done
echo "$compared files, $differing runs differ"
[ $differing = 0 ] && [ $compared -gt 0 ]
