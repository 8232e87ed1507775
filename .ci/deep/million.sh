#!/usr/bin/env bash
# D4 of 1,000,000 x 768 synthetic rows in 20 shards, in 7 shards, and stopped and resumed: the same bytes, within 2 GiB of
# memory of its own (the shards are memory-mapped). Prints time, memory, disk and sums; exits 1 where one differs.
# Needs Python with venv, 7 GB of disk under TMPDIR and about 6 GB of memory for the mapped file; some tens of minutes of two cores.
# million.sh [ROWS]: fewer rows for a try.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build -q --release -p pauca-examples --bin curate
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install 'numpy>=2,<3'
"$work/venv/bin/python" .ci/deep/million.py "$target/release/curate" "$work" "${1:-1000000}"
