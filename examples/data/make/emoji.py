#!/usr/bin/env python3
"""Remakes emoji-names.txt, emoji-sheet.png and emoji.f16.npy from the npm package
@iconify-json/fluent-emoji-flat 1.2.6 (Microsoft's Fluent Emoji, MIT).

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python emoji.py                 # fetches the package with `npm pack`, writes beside this folder
    .venv/bin/python emoji.py --icons icons.json --out /tmp/emoji
    .venv/bin/python emoji.py --check         # remakes and compares with the shipped files

Pictures: every icon in the package's order, drawn by resvg at 32 x 32 on white, 64 a row.
Vectors: principal components of the centred pixels.

1. X = the n x 3072 bytes of the pictures. The scatter matrix n X'X - s s' (s the column sums) consists of integers
   below 2^53, so its f64 sums have no rounding and do not depend on the BLAS, its threads or the processor.
2. Its 256 leading eigenvectors, each with the sign that makes its entry of largest magnitude positive.
3. Scores of the centred pixels, f64; rows divided by their length, f64; rounded to f32; stored as f16.

Step 2 is the only one whose last bits a different LAPACK may change: errors near 1e-12 of a score, against an f16
spacing of 5e-4, so that at most a stray last bit of f16 can differ on another machine.
"""
import argparse, hashlib, io, json, pathlib, subprocess, sys, tarfile, tempfile

import numpy as np
import resvg_py
from PIL import Image

PACKAGE = "@iconify-json/fluent-emoji-flat@1.2.6"
ICONS_SHA256 = "f5f4cf457c0db2ad5a2e42e033e02e0c87d10e43d0164cfffb3bb84914970a63"
SIDE, PER_ROW, COMPONENTS = 32, 64, 256


def icons_json(path):
    """The bytes of the package's icons.json, from a file or from the registry."""
    if path:
        data = pathlib.Path(path).read_bytes()
    else:
        with tempfile.TemporaryDirectory() as tmp:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=tmp, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(pathlib.Path(tmp).glob("*.tgz"))) as tar:
                data = tar.extractfile("package/icons.json").read()
    if hashlib.sha256(data).hexdigest() != ICONS_SHA256:
        sys.exit(f"icons.json is not the one of {PACKAGE}")
    return json.loads(data)


def draw(icon, width, height):
    """One icon as [32, 32, 3] bytes on white. Two icons are 33 units high: they are shrunk, not cropped."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{SIDE}" '
        f'height="{SIDE}" viewBox="0 0 {icon.get("width", width)} {icon.get("height", height)}">{icon["body"]}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", skip_system_fonts=True))
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    assert picture.size == (SIDE, SIDE)
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))


def vectors(pictures):
    """[n, 256] f16 rows of unit length (up to f16) from [n, 32, 32, 3] bytes."""
    n = len(pictures)
    x = pictures.reshape(n, -1).astype(np.float64)
    sums = x.sum(0)
    scatter = n * (x.T @ x) - np.outer(sums, sums)
    assert np.abs(scatter).max() < 2**53
    values, basis = np.linalg.eigh(scatter)
    values, basis = values[::-1][:COMPONENTS], basis[:, ::-1][:, :COMPONENTS]
    basis = basis * np.sign(basis[np.abs(basis).argmax(0), np.arange(COMPONENTS)])
    print(f"explained variance {values.sum() / np.trace(scatter):.4f}, "
          f"smallest relative gap {(-np.diff(values) / values[:-1]).min():.1e}")
    scores = (x - sums / n) @ basis
    unit = scores / np.sqrt((scores * scores).sum(1, keepdims=True))
    return unit.astype(np.float32).astype(np.float16)


def make(icons, out):
    names = list(icons["icons"])
    pictures = np.stack([draw(icons["icons"][name], icons["width"], icons["height"]) for name in names])
    rows = -(-len(names) // PER_ROW)
    sheet = np.full((rows * SIDE, PER_ROW * SIDE, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // PER_ROW * SIDE, i % PER_ROW * SIDE
        sheet[y : y + SIDE, x : x + SIDE] = picture
    out.mkdir(parents=True, exist_ok=True)
    (out / "emoji-names.txt").write_text("".join(name + "\n" for name in names))
    Image.fromarray(sheet).save(out / "emoji-sheet.png", optimize=True)
    np.save(out / "emoji.f16.npy", vectors(pictures))


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--icons", help="icons.json of the unpacked package (default: fetched with npm)")
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    parser.add_argument("--check", action="store_true", help="write to a temporary folder and compare with --out")
    options = parser.parse_args()
    icons = icons_json(options.icons)
    with tempfile.TemporaryDirectory() as tmp:
        target = pathlib.Path(tmp) if options.check else options.out
        make(icons, target)
        differ = False
        for name in ("emoji-names.txt", "emoji-sheet.png", "emoji.f16.npy"):
            digest = hashlib.sha256((target / name).read_bytes()).hexdigest()
            verdict = ""
            if options.check:
                same = (options.out / name).read_bytes() == (target / name).read_bytes()
                verdict = "  same" if same else "  DIFFERS"
                differ |= not same
            print(f"{digest}  {name}{verdict}")
        sys.exit(differ)


if __name__ == "__main__":
    main()
