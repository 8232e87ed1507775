#!/usr/bin/env bash
# The wheel, from its build to its tests: built by cargo, installed with NumPy alone, the quick start, the tests that need
# nothing else. check.sh deep: in every Python that can be had, and with all that the wheel works together with.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/examples/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skip() { printf '\n****************\nSKIPPED: %s\n****************\n' "$*"; }

interpreter() { # interpreter VERSION: a Python of that version
    local found
    for found in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python; do
        if [ "$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)" = "$1" ]; then
            echo "$found"
            return
        fi
    done
}

python=python3
for version in 3.12 3.11 3.13 3.10; do # the first one that there is
    if found=$(interpreter $version) && [ -n "$found" ]; then
        python=$found
        break
    fi
done
"$python" -m venv "$work/build" || { skip "no Python with venv: the wheel is not built"; exit 0; }
"$work/build/bin/pip" install -q --disable-pip-version-check 'hatchling>=1.26'
"$work/build/bin/pip" wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$work/dist" "$here"
wheel=$(echo "$work/dist/"*.whl)
"$work/build/bin/python" - "$wheel" << 'END'
import subprocess, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
library = [i for i in wheel.infolist() if i.filename.startswith("pauca/lib/")]
assert len(library) == 1 and "pauca/py.typed" in wheel.namelist(), wheel.namelist()
size = sum(i.compress_size for i in wheel.infolist())
print(f"{sys.argv[1].rsplit('/', 1)[1]}: {size:,} bytes, the library {library[0].file_size:,}")
assert "-py3-none-" in sys.argv[1] and size < 4_000_000
END
if command -v objdump > /dev/null; then
    unzipped=$work/unzipped
    "$work/build/bin/python" -m zipfile -e "$wheel" "$unzipped"
    echo "needs $(objdump -T "$unzipped/pauca/lib/libpauca.so" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)"
fi
sed -n '/^```python$/,/^```$/p' "$here/README.md" | sed '/^```/d' > "$work/quick.py"

install() { # install NAME PACKAGES...: into an environment
    local name=$1
    shift
    "$work/build/bin/pip" --python "$work/$name/bin/python" install -q --disable-pip-version-check "$@"
}

fresh() { # fresh NAME PYTHON PACKAGES...: an environment with the wheel and these packages
    local name=$1 python=$2
    shift 2
    "$python" -m venv --without-pip "$work/$name" # whose seconds pip of the first environment saves
    install "$name" "$wheel" "$@"
}

quick() { # quick NAME: the quick start, in an empty folder, with NumPy alone
    mkdir "$work/$1-quick"
    (cd "$work/$1-quick" && "$work/$1/bin/python" "$work/quick.py") > "$work/$1.out"
    cmp "$work/$1.out" "$work/${first:=$1}.out"
}

tests() { # tests NAME PYTEST-ARGUMENTS...: against the installed wheel, not the working tree
    local name=$1
    shift
    mkdir "$work/$name-tests"
    cp -r "$here/tests" "$here/README.md" "$here/deep" "$work/$name-tests"
    (cd "$work/$name-tests" && PAUCA_REPOSITORY=$PWD0 "$work/$name/bin/python" -m pytest -q -ra -p no:cacheprovider "$@")
}
PWD0=$PWD

"$work/build/bin/python" "$here/make/abi.py" --check || { echo "examples/python/pauca/_abi.py is not that of pauca.h" >&2; exit 1; }
fresh base "$python"
quick base
cat "$work/base.out"
if [ "${1:-}" != deep ]; then
    install base pytest
    tests base tests -m "not deep" --ignore tests/test_sklearn.py --ignore tests/test_tables.py \
        --deselect "tests/test_docs.py::test_submodules_that_need_a_package_name_it" --durations 5
    exit
fi

for version in 3.10 3.11 3.12 3.13 3.14; do
    found=$(interpreter $version)
    if [ -z "$found" ]; then
        skip "no Python $version"
        continue
    fi
    fresh "$version" "$found"
    quick "$version"
    install "$version" pytest
    tests "$version" tests -m "not deep" --ignore tests/test_sklearn.py --ignore tests/test_tables.py
    echo "Python $version: the same output"
done
# scikit-learn is pinned: its own checks are among the tests.
fresh whole "$python" pytest mypy scikit-learn==1.9.1 pandas polars duckdb pyarrow datasets ml_dtypes tqdm
"$work/whole/bin/mypy" --ignore-missing-imports --cache-dir "$work/types" "$here/pauca"
tests whole tests
"$work/whole/bin/python" -m pytest -q -p no:cacheprovider --doctest-modules --pyargs pauca
# Ray is half a gigabyte.
fresh ray "$python" pytest ray==2.60.0 pyarrow
RAY_AUTH_MODE=disabled tests ray deep/test_ray.py -s
