#!/usr/bin/env bash
# D4 of 1,000,000 x 768 synthetic rows in 20 shards, in 7 shards, and stopped and resumed: the same bytes, within 2 GiB of
# memory of its own (the shards are memory-mapped). Prints time, memory, disk and sums; exits 1 where one differs.
# Needs Python with venv, 7 GB of disk under TMPDIR and about 6 GB of memory for the mapped file; some tens of minutes of
# two cores. PYTHON may name an interpreter with the packages.
# million.sh [ROWS]: fewer rows for a try.
source "$(dirname "$0")/common.sh"
built curate
workplace
python_with 'numpy>=2,<3'
"$PYTHON" .ci/deep/million.py "$program" "$work" "${1:-1000000}"
