# For the scripts beside it, which source it: where they run, where cargo puts programs, and a place to work in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')

built() { # built NAME: a program of pauca-examples, built; sets `program`
    cargo build -q --release -p pauca-examples --bin "$1"
    program=$target/release/$1
}

workplace() { # workplace [FOLDER]: sets `work`, a folder that goes at the end unless it is named
    work=${1:-}
    [ -z "$work" ] || return 0
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

python_with() { # python_with PIP-ARGUMENTS...: sets `PYTHON`, unless it names an interpreter that has the packages
    [ -z "${PYTHON:-}" ] || return 0
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" -q install "$@"
    PYTHON=$work/venv/bin/python
}
