#!/usr/bin/env bash
# libpauca without Rust's standard library, in a program of C that counts its memory: it links, gives the labels that the
# library with std gives, and gives every byte back.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build -q --release --manifest-path no-std/Cargo.toml
archive=${CARGO_TARGET_DIR:-no-std/target}/release/libpauca_no_std.a
cc -std=c11 -O1 -Wall -Wextra -Werror -Iinclude -Ino-std no-std/host.c "$archive" -Wl,--gc-sections -o "$work/host"
"$work/host"
# Nothing of Rust's standard library, and no unwinder.
if nm "$work/host" | grep -E '_Unwind_|std::|_ZN3std' | head -3 | grep .; then
    echo "the program holds parts of std" >&2
    exit 1
fi
ldd "$work/host" | grep -v -E 'libc\.so|ld-linux|vdso|libm\.so' && { echo "it needs more than libc" >&2; exit 1; }
size "$work/host"
