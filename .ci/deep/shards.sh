#!/usr/bin/env bash
# Three Parquet shards of the shipped mails, filtered and read back by pyarrow and DuckDB: equal schemas, counts that add
# up, and the ids that a run over one file keeps. Prints what was compared; exits 1 where something differs.
# Needs Python with venv; a minute of one core.
# shards.sh [CURATE]: the program, built.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-}
if [ -z "$program" ]; then
    cargo build -q --release -p pauca-examples --bin curate
    target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    program=$target/release/curate
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install 'numpy>=2,<3' pyarrow==26.0.1 duckdb==2.0.1
"$work/venv/bin/python" .ci/deep/shards.py "$program" examples/data "$work"
