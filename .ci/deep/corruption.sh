#!/usr/bin/env bash
# Corrupted code before the judges of its language: at least five real files each of nine languages, every file accepted
# before, and the share accepted after, by kind. Files come from the packages that this fetches (npm, PyPI), from this
# machine's Python, C++ headers, Go and scripts, and from the crates that cargo has fetched. Exits 1 where a corruption of
# content is refused. Needs node, npm, gcc, a JDK, Go, rustfmt, bash and Python with venv; PYTHON may name an interpreter
# with sqlglot and pip. About ten minutes of one core.
# corruption.sh [PRUNE-CODE]: the program, built.
source "$(dirname "$0")/common.sh"
if [ -n "${1:-}" ]; then program=$(absolute "$1"); else built prune-code; fi
workplace
python_with sqlglot==25.24.5
"$PYTHON" -m pip -q download --no-deps --no-binary :all: sqlglot==25.24.5 -d "$work"
(cd "$work" && npm pack --silent rxjs@7.8.1 commander@12.1.0 semver@7.6.3 acorn@8.12.1 react-native-device-info@10.14.0)
npm install --silent --no-audit --no-fund --prefix "$work" esbuild@0.23.1
"$PYTHON" .ci/deep/corruption.py "$program" "$work"
