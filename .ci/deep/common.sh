# For the scripts beside it, which source it: where they run, where cargo puts programs, and a place to work in.
set -euo pipefail
called=$PWD # where the caller stands
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')

built() { # built NAME: a program of pauca-examples, built; sets `program`
    cargo build -q --release -p pauca-examples --bin "$1"
    program=$target/release/$1
}

absolute() { # absolute PATH: says a path that is relative to the caller's folder in full
    case $1 in
        /*) echo "$1" ;;
        *) echo "$called/$1" ;;
    esac
}

command_of() { # command_of NAME: says a command in full where it is a path, else as it is
    case $1 in
        */*) absolute "$1" ;;
        *) echo "$1" ;;
    esac
}

temporary=()
leave() {
    rm -rf "${temporary[@]}"
}
trap leave EXIT

workplace() { # workplace [FOLDER]: sets `work`, a folder that goes at the end unless it is named
    if [ -n "${1:-}" ]; then
        work=$(absolute "$1")
        mkdir -p "$work"
    else
        work=$(mktemp -d)
        temporary+=("$work")
    fi
}

python_with() { # python_with PIP-ARGUMENTS...: sets `PYTHON`, unless it names an interpreter that has the packages
    if [ -n "${PYTHON:-}" ]; then
        PYTHON=$(command_of "$PYTHON")
        return 0
    fi
    local venv
    venv=$(mktemp -d) # goes at the end, wherever the work stays
    temporary+=("$venv")
    python3 -m venv "$venv"
    PYTHON=$venv/bin/python
    "$PYTHON" -m pip -q install "$@"
}
