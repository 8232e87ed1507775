#!/usr/bin/env bash
# Three Parquet shards of the shipped mails, filtered and read back by pyarrow and DuckDB: equal schemas, counts that add
# up, and the ids that a run over one file keeps. Prints what was compared; exits 1 where something differs.
# Needs Python with venv; PYTHON may name an interpreter with the packages. A minute of one core.
# shards.sh [CURATE]: the program, built.
source "$(dirname "$0")/common.sh"
if [ -n "${1:-}" ]; then program=$(absolute "$1"); else built curate; fi
workplace
python_with 'numpy>=2,<3' pyarrow==26.0.1 duckdb==2.0.1
"$PYTHON" .ci/deep/shards.py "$program" examples/data "$work"
