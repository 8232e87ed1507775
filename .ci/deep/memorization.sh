#!/usr/bin/env bash
# `memorization` on a study that the transformers package trains here: small GPT-2 models with random first weights, logged
# after every epoch by examples/data/make/memorization_log.py; every number against NumPy. Downloads about 3 GB of packages
# unless PYTHON names an interpreter that has them; two minutes of one core.
#
#     [PYTHON=python] .ci/deep/memorization.sh [FOLDER]          # FOLDER keeps the study and the report
source "$(dirname "$0")/common.sh"
built memorization
workplace "$@"
python_with -r .ci/deep/families.txt
"$PYTHON" .ci/deep/memorization.py train "$work/study"
"$program" "$work/study/study.json" --out "$work/report" --progress none --overwrite
"$PYTHON" .ci/deep/memorization.py check "$work/study" "$work/report"
