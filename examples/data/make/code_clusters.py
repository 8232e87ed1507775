#!/usr/bin/env python3
"""Remakes code-labels.npy and code-centroids.npy: scikit-learn's clustering of code.f16.npy.

    python3 -m venv .venv && .venv/bin/pip install -r requirements-digits.txt
    .venv/bin/python code_clusters.py         # writes beside this folder

Rows of length 1 are clustered with the squared distance; labels are int32 and centroids float32, as fitted. Another
version of scikit-learn, or another processor, may find another clustering: what reads it must not care.
"""
import argparse, hashlib, pathlib

import numpy as np
from sklearn.cluster import KMeans


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    options = parser.parse_args()
    x = np.load(here / "code.f16.npy").astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    fitted = KMeans(n_clusters=24, n_init=1, random_state=0).fit(x)
    for name, values in [("labels", fitted.labels_), ("centroids", fitted.cluster_centers_)]:
        path = options.out / f"code-{name}.npy"
        np.save(path, values)
        data = path.read_bytes()
        print(path.name, values.dtype, values.shape, len(data), hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
