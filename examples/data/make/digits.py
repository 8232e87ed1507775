#!/usr/bin/env python3
"""Remakes digits-sheet.png from the handwritten digits that come with scikit-learn.

    python3 -m venv .venv && .venv/bin/pip install -r requirements-digits.txt
    .venv/bin/python digits.py                # writes beside this folder
    .venv/bin/python digits.py --check        # remakes and compares with the shipped file

Every digit has 8 x 8 values from 0 to 16; ink of v becomes grey 255 - round(255 v / 16), 64 pictures a row, in order.
"""
import argparse, hashlib, pathlib, sys, tempfile

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE, PER_ROW = 8, 64


def make(out):
    ink = load_digits().images
    n = len(ink)
    rows = -(-n // PER_ROW)
    sheet = np.full((rows * SIDE, PER_ROW * SIDE), 255, np.uint8)
    for i, picture in enumerate(ink):
        y, x = i // PER_ROW * SIDE, i % PER_ROW * SIDE
        sheet[y : y + SIDE, x : x + SIDE] = 255 - np.rint(255 * picture / 16).astype(np.uint8)
    Image.fromarray(sheet).save(out / "digits-sheet.png", optimize=True)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    parser.add_argument("--check", action="store_true", help="write to a temporary folder and compare with --out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        target = pathlib.Path(tmp) if options.check else options.out
        make(target)
        data = (target / "digits-sheet.png").read_bytes()
        same = data == (options.out / "digits-sheet.png").read_bytes()
        print(hashlib.sha256(data).hexdigest(), len(data), "" if not options.check else "same" if same else "DIFFERS")
        sys.exit(not same)


if __name__ == "__main__":
    main()
