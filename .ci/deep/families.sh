#!/usr/bin/env bash
# The families of models that prune-layers takes, against the transformers package: see families.py. Downloads about 3 GB of
# packages unless PYTHON names an interpreter that has them; some minutes of one core.
source "$(dirname "$0")/common.sh"
built prune-layers
workplace
python_with -r .ci/deep/families.txt
"$PYTHON" .ci/deep/families.py "$program" "$@"
