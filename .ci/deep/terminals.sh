#!/usr/bin/env bash
# Every program at terminals and files that go away: closed pipe, full disk, closed terminal, 40 columns, TERM=dumb, no
# colour. Writes a transcript of each into FOLDER and exits 1 where a program does not do what it shall.
# Needs Linux, root (for a file system of 256 KiB) and Python with venv; a minute or two.
# terminals.sh FOLDER [PROGRAMS [NAME...]]: where the transcripts go; the folder with built programs; which of them.
set -euo pipefail
folder=$(mkdir -p "${1:?terminals.sh FOLDER}" && cd "$1" && pwd)
source "$(dirname "$0")/common.sh"
programs=${2:-}
if [ -z "$programs" ]; then
    cargo build -q --release -p pauca-examples --bins
    programs=$target/release
fi
work=$(mktemp -d)
trap 'umount "$work/full" 2> /dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/full"
mount -t tmpfs -o size=256k tmpfs "$work/full"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pyte==0.8.2
"$work/venv/bin/python" .ci/deep/terminals.py "$programs" "$work" "$folder" "${@:3}"
