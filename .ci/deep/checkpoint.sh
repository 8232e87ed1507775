#!/usr/bin/env bash
# `prune-layers --apply` on a checkpoint of 2.7 GB in three shards: see checkpoint.py. Downloads about 3 GB of packages
# unless PYTHON names an interpreter that has them; 6 GB of disk, a minute or two of one core.
source "$(dirname "$0")/common.sh"
built prune-layers
workplace "$@"
python_with -r .ci/deep/families.txt
"$PYTHON" .ci/deep/checkpoint.py "$program" "$work"
