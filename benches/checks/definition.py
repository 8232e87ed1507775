"""pauca's definitions in NumPy, written from their documentation and sharing no code with the library, and the
reading of a folder that `curate` wrote.

Everything is widened to f64. Element i goes to lane i mod 16, lanes are folded by 8, 4, 2, 1; NumPy rounds every
multiplication and addition by itself, as the definition asks.
"""
import json, math, pathlib, sys

import numpy as np

ABSENT = 2**32 - 1  # label of a row that had been removed before this clustering


def fold(terms):
    """Sums [m, d] along d in the order of the definition."""
    m, d = terms.shape
    lanes = np.zeros((m, 16))
    for start in range(0, d - d % 16, 16):
        lanes += terms[:, start : start + 16]
    if d % 16:
        lanes[:, : d % 16] += terms[:, d - d % 16 :]
    for width in (8, 4, 2, 1):
        lanes[:, :width] += lanes[:, width : 2 * width]
    return lanes[:, 0].copy()


def dot(a, b):
    return fold(a * b)


def squared_distance(a, b):
    e = a - b
    return fold(e * e)


def cosine(a, b):
    """dot(a, b) / sqrt(dot(a, a) dot(b, b)) within [-1, 1]; 0 where either row is all zeros."""
    product = dot(a, a) * dot(b, b)
    # The norms themselves decide what is zero: their product may underflow.
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.clip(dot(a, b) / np.sqrt(product), -1, 1)
    return np.where((a == 0).all(1) | (b == 0).all(1), 0.0, s)


def distance(a, b, spherical):
    return 1 - cosine(a, b) if spherical else squared_distance(a, b)


def unit(x):
    """f32(x / sqrt(dot(x, x))); zeros for a row of zeros. What spherical sums add."""
    norm = np.sqrt(dot(x, x))
    norm[norm == 0] = 1
    return (x / norm[:, None]).astype(np.float32).astype(np.float64)


class Run:
    """A folder written by curate: settings, and one or two clusterings as (rows, labels, centroids, report)."""

    def __init__(self, x, out):
        self.x = np.load(x, mmap_mode="r")
        self.out = pathlib.Path(out)
        self.report = json.loads((self.out / "report.json").read_text())
        configuration = self.report["configuration"]
        self.method, self.spherical = configuration["method"], configuration["spherical"]
        n = len(self.x)
        self.clusterings = []
        for suffix, name in (("", "clustering"), ("2", "clustering2")):
            path = self.out / f"labels{suffix}.npy"
            if not path.exists():
                continue
            labels, centroids = np.load(path), np.load(self.out / f"centroids{suffix}.npy")
            if labels.shape != (n,) or centroids.ndim != 2 or centroids.shape[1] != self.x.shape[1]:
                sys.exit(f"{path}: {labels.shape} labels and {centroids.shape} centroids do not fit {self.x.shape} rows")
            rows = np.flatnonzero(labels != ABSENT)
            if labels[rows].max(initial=0) >= len(centroids):
                sys.exit(f"{path}: label {labels[rows].max()} of {len(centroids)} centroids")
            self.clusterings.append((f"labels{suffix}", rows, labels, centroids, self.report[name]))
        if not self.clusterings:
            sys.exit(f"{out} holds no labels.npy")

    def block(self, rows):
        return np.asarray(self.x[rows], np.float64)


def blocks(rows, size=4096):
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def inertia(values):
    """The sum without any rounding but the last."""
    return math.fsum(values.tolist())
