#!/usr/bin/env bash
# libpauca without Rust's standard library, in a program of C that counts its memory: it links, needs libc alone, and gives
# every byte back.
#
#     bindings-c/tests/no_std.sh          builds and runs it, compiled in haste
#     bindings-c/tests/no_std.sh DIR      also compares its labels with those of DIR/libpauca_c.so
#     PROFILE=release ...                 as it is shipped, for minutes
set -euo pipefail
profile=${PROFILE:-quick}
with_std=${1:+$(cd "$1" && pwd)}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build -q --profile "$profile" --manifest-path no-std/Cargo.toml
archive=${CARGO_TARGET_DIR:-no-std/target}/$profile/libpauca_no_std.a
flags=(-std=c11 -O1 -Wall -Wextra -Werror -Iinclude -Ino-std no-std/host.c)
# Parts of the archive that the linker drops name the unwinder: without -static-libgcc its library would be asked for.
cc "${flags[@]}" "$archive" -static-libgcc -Wl,--gc-sections -o "$work/host"
"$work/host" | tee "$work/labels"
if nm "$work/host" | grep -E ' [TtU] _Unwind_'; then
    echo "the program holds an unwinder" >&2
    exit 1
fi
if ldd "$work/host" | grep -vE 'libc\.so|ld-linux|linux-vdso|libm\.so'; then
    echo "it needs more than libc" >&2
    exit 1
fi
size "$work/host"
if [ -n "$with_std" ]; then
    cc "${flags[@]}" -L"$with_std" -lpauca_c -o "$work/std"
    # That program does not count: its memory is Rust's own.
    mkdir "$work/names" && ln -s "$with_std/libpauca_c.so" "$work/names/libpauca.so.0"
    LD_LIBRARY_PATH=$work/names "$work/std" 2> /dev/null > "$work/std-labels"
    diff <(grep labels "$work/labels") <(grep labels "$work/std-labels")
    echo "the labels are those of the library with std"
fi
