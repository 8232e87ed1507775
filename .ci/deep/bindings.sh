#!/usr/bin/env bash
# The programs of C once more, under valgrind (at AVX2, whose instructions it knows) and with the sanitizers of the C side;
# and the library without std as it is shipped. Minutes. Needs valgrind and gcc.
source "$(dirname "$0")/common.sh"
workplace
cargo build --release -p pauca-c --features test-panic
target=$target/release
ln -s "$target/libpauca_c.so" "$work/libpauca.so"
ln -s "$target/libpauca_c.so" "$work/libpauca.so.0"
build() { # build NAME PROGRAM FLAGS...
    local name=$1 program=$2
    shift 2
    cc -std=c11 -g -O1 -Wall -Wextra -Werror -D_DEFAULT_SOURCE -Ibindings-c/include "$@" "bindings-c/tests/c/$name.c" \
        -o "$work/$program" -L"$work" -Wl,-rpath,"$work" -lpauca -lpthread -lm
}
# The library itself is not instrumented: what is looked at is what it does with memory of the C side.
for name in table rows runs fork; do
    build "$name" "$name-san" -DPAUCA_TEST_PANIC -fsanitize=address,undefined -fno-sanitize-recover=all
    echo "== $name, address and undefined-behaviour sanitizers"
    arguments=()
    [ "$name" != fork ] || arguments=(200)
    ASAN_OPTIONS=detect_leaks=1 "$work/$name-san" "${arguments[@]}" | grep -v '^tried '
done
for name in table rows runs; do
    build "$name" "$name-plain" -DPAUCA_TEST_PANIC
    echo "== $name, valgrind"
    arguments=()
    [ "$name" != runs ] || arguments=(1500) # rows of the calls that are stopped
    PAUCA_SIMD=avx2 valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        "$work/$name-plain" "${arguments[@]}" | grep -v '^tried '
done
# Without std, as it is shipped, and with the labels of the library with std.
PROFILE=release bindings-c/tests/no_std.sh "$target"
