#!/usr/bin/env bash
# `memorization` on a study that the transformers package trains here: small GPT-2 models with random first weights, logged
# after every epoch by examples/data/make/memorization_log.py; every number against NumPy. Downloads about 3 GB of packages
# unless PYTHON names an interpreter that has them; two minutes of one core.
#
#     [PYTHON=python] .ci/deep/memorization.sh [FOLDER]          # FOLDER keeps the study and the report
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build -q --release -p pauca-examples --bin memorization
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
work=${1:-}
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
if [ -z "${PYTHON:-}" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q -r .ci/deep/families.txt
    PYTHON=$work/venv/bin/python
fi
"$PYTHON" .ci/deep/memorization.py train "$work/study"
"$target/release/memorization" "$work/study/study.json" --out "$work/report" --progress none --overwrite
"$PYTHON" .ci/deep/memorization.py check "$work/study" "$work/report"
