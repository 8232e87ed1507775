#!/usr/bin/env bash
# What programs, C and Python give on a device, beside what they give on the processor: every file, byte by byte. The device is
# the first that wgpu finds: lavapipe (Debian's mesa-vulkan-drivers and libvulkan1) where there is no GPU. Half an hour.
#
#   .ci/deep/backends.sh [ROWS.npy]        beside the shipped data also this file, such as 20,000 rows of one's own
source "$(dirname "$0")/common.sh"
workplace
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work}
cargo build --release -p pauca-examples -p pauca-c --features wgpu --lib --bin curate
bin=$target/release
inputs=(emoji mail)
for path; do inputs+=("$(absolute "$path")"); done

same() { # same NAME ARGUMENTS...: the same command on both machines
    local name=$1 file differs=0
    shift
    "$bin/curate" "$@" --out "$work/$name-cpu" --quiet --progress none
    "$bin/curate" "$@" --out "$work/$name-gpu" --quiet --progress none --backend wgpu 2> /dev/null
    for file in $(cd "$work/$name-cpu" && find . -type f | sort); do
        if [ "$file" = ./report.json ]; then # what the run took and where is in `run` alone
            python3 - "$work/$name-cpu/$file" "$work/$name-gpu/$file" << 'END' || differs=1
import json, sys
a, b = (json.load(open(path)) for path in sys.argv[1:])
run = b.pop("run"), a.pop("run")
assert run[0]["backend"].startswith("wgpu:"), run[0]
sys.exit(a != b)
END
        else
            cmp "$work/$name-cpu/$file" "$work/$name-gpu/$file" || differs=1
        fi
    done
    [ "$(cd "$work/$name-cpu" && find . | sort)" = "$(cd "$work/$name-gpu" && find . | sort)" ] || differs=1
    [ $differs = 0 ] || { echo "$name: DIFFERS" >&2; return 1; }
    echo "$name: $(find "$work/$name-cpu" -type f | wc -l) files, the same bytes"
    rm -r "$work/$name-cpu" "$work/$name-gpu"
}

for method in d4 semdedup prototypes scip dbp kmeans; do
    for input in "${inputs[@]}"; do
        file=$input name=$(basename "$input" .npy)
        [ -f "$file" ] || file=examples/data/$input.f16.npy
        same "$name-$method" "$file" --method $method --max-iter 5
    done
done
same emoji-greedy examples/data/emoji.f16.npy --method semdedup --rule greedy-cover --euclidean --clusters 20
echo "== stopped on one machine, resumed on the other"
for order in "wgpu cpu" "cpu wgpu"; do
    set -- $order
    "$bin/curate" examples/data/emoji.f16.npy --out "$work/stop" --checkpoint-every 1 --progress none --backend "$1" 2> /dev/null &
    until [ -f "$work/stop/checkpoint.bin" ]; do sleep 0.02; done
    kill -INT $! 2> /dev/null || true
    wait $! || true
    "$bin/curate" examples/data/emoji.f16.npy --out "$work/stop" --resume --quiet --progress none --backend "$2" 2> /dev/null
    "$bin/curate" examples/data/emoji.f16.npy --out "$work/whole" --quiet --progress none
    for file in kept.npy labels.npy centroids.npy similarity.npy witness.npy labels2.npy centroids2.npy; do
        cmp "$work/stop/$file" "$work/whole/$file"
    done
    echo "$1, then $2: the same arrays"
    rm -r "$work/stop" "$work/whole"
done

echo "== C"
ln -s "$bin/libpauca_c.so" "$work/libpauca.so"
ln -s "$bin/libpauca_c.so" "$work/libpauca.so.0"
cc -std=c11 -O1 -Wall -Wextra -Werror -D_DEFAULT_SOURCE -Ibindings-c/include examples/c/curate.c -o "$work/curate-c" -L"$work" \
    -Wl,-rpath,"$work" -lpauca -lm
python3 - "$work/rows.npy" << 'END' # the emoji as f32, by hand: NumPy is not asked for here
import struct, sys
raw = open("examples/data/emoji.f16.npy", "rb").read()
length = struct.unpack("<H", raw[8:10])[0]
header, values = raw[10 : 10 + length].decode(), raw[10 + length :]
floats = struct.unpack(f"<{len(values) // 2}e", values)
header = header.replace("<f2", "<f4")
open(sys.argv[1], "wb").write(raw[:8] + struct.pack("<H", length) + header.encode() + struct.pack(f"<{len(floats)}f", *floats))
END
"$work/curate-c" "$work/rows.npy" 30 0.1 cpu > "$work/c-cpu"
"$work/curate-c" "$work/rows.npy" 30 0.1 wgpu > "$work/c-gpu" 2> /dev/null
diff <(grep -v computed "$work/c-cpu") <(grep -v computed "$work/c-gpu")
grep -h "computed\|checksum" "$work/c-cpu" "$work/c-gpu"
for name in table rows runs fork; do # the library with devices keeps every promise of the one without
    cc -std=c11 -O1 -D_DEFAULT_SOURCE -Ibindings-c/include "bindings-c/tests/c/$name.c" -o "$work/$name" -L"$work" \
        -Wl,-rpath,"$work" -lpauca -lpthread -lm
    arguments=()
    [ "$name" != fork ] || arguments=(200)
    "$work/$name" "${arguments[@]}" 2> /dev/null | tail -1
done

echo "== Python"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check numpy pytest
cp -r examples/python/pauca examples/python/tests "$work"
PAUCA_REPOSITORY=$PWD PAUCA_LIB=$bin/libpauca_c.so PYTHONPATH=$work "$work/venv/bin/python" -m pytest -q -ra -p no:cacheprovider \
    "$work/tests/test_backend.py" "$work/tests/test_results.py" 2> /dev/null
