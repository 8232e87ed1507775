#!/usr/bin/env bash
# The families of models that prune-layers takes, against the transformers package: see families.py. Downloads about 3 GB of
# packages unless PYTHON names an interpreter that has them; some minutes of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build -q --release -p pauca-examples --bin prune-layers
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
if [ -z "${PYTHON:-}" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q -r .ci/deep/families.txt
    PYTHON=$work/venv/bin/python
fi
"$PYTHON" .ci/deep/families.py "$target/release/prune-layers" "$@"
