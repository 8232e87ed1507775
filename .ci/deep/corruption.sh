#!/usr/bin/env bash
# Corrupted code before the judges of its language: at least five real files each of nine languages, every file accepted
# before, and the share accepted after, by kind. Files come from the packages that this fetches (npm, PyPI), from this
# machine's Python, C++ headers, Go and scripts, and from the crates that cargo has fetched. Exits 1 where a corruption of
# content is refused. Needs node, npm, gcc, a JDK, Go, rustfmt, bash and Python with venv. About ten minutes of one core.
source "$(dirname "$0")/common.sh"
program=${1:-}
[ -n "$program" ] || built prune-code
workplace
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install sqlglot==25.24.5
"$work/venv/bin/pip" -q download --no-deps --no-binary :all: sqlglot==25.24.5 -d "$work"
(cd "$work" && npm pack --silent rxjs@7.8.1 commander@12.1.0 semver@7.6.3 acorn@8.12.1 react-native-device-info@10.14.0)
npm install --silent --no-audit --no-fund --prefix "$work" esbuild@0.23.1
"$work/venv/bin/python" .ci/deep/corruption.py "$program" "$work"
