#!/usr/bin/env bash
# Every program at terminals and files that go away: closed pipe, full disk, closed terminal, 40 columns, TERM=dumb, no
# colour. Writes a transcript of each into FOLDER and exits 1 where a program does not do what it shall.
# Needs Linux, root (for a file system of 256 KiB) and Python with venv; PYTHON may name an interpreter with pyte. A minute
# or two.
# terminals.sh FOLDER [PROGRAMS [NAME...]]: where the transcripts go; the folder with built programs; which of them.
source "$(dirname "$0")/common.sh"
folder=$(absolute "${1:?terminals.sh FOLDER}")
mkdir -p "$folder"
if [ -n "${2:-}" ]; then
    programs=$(absolute "$2")
else
    cargo build -q --release -p pauca-examples --bins
    programs=$target/release
fi
workplace
trap 'umount "$work/full" 2> /dev/null || true; leave' EXIT
mkdir "$work/full"
mount -t tmpfs -o size=256k tmpfs "$work/full"
python_with pyte==0.8.2
"$PYTHON" .ci/deep/terminals.py "$programs" "$work" "$folder" "${@:3}"
