#!/usr/bin/env python3
"""Are the labels of a `curate` run those of an independent f64 arg-min in NumPy?

    check_labels.py X.npy OUT

For every row the distances to all centroids are computed by a matrix product in f64; centroids that its rounding
cannot tell from the nearest are compared by the definition (definition.py), equal values going to the lowest index.
d4 has two clusterings, both are checked. distance.npy and the inertia of report.json must equal the definition to
the bit. Exit code 1 on the first kind of disagreement found, after counting all.
"""
import argparse, sys

import numpy as np

import definition as de

DOUBT = 1e-11  # of |x||c| + |c|^2: far above the rounding of an f64 product of a few thousand terms
NEAR_TIE = 1e-12  # relative difference of the two smallest distances


def nearest(x, centroids, spherical):
    """(label by the definition, label by the product alone, rows in doubt, exact ties, near-ties)."""
    if spherical:
        norms = np.sqrt((centroids * centroids).sum(1))
        norms[norms == 0] = 1
        scores = -(x @ (centroids / norms[:, None]).T)
        doubt = DOUBT * (np.sqrt((x * x).sum(1)) + np.finfo(float).tiny)
    else:
        half = 0.5 * (centroids * centroids).sum(1)
        scores = half - x @ centroids.T
        doubt = DOUBT * (np.sqrt((x * x).sum(1)) * np.sqrt(2 * half.max()) + 2 * half.max())
    plain = scores.argmin(1)
    candidates = scores <= (scores.min(1) + doubt)[:, None]
    label = plain.copy()
    unsure = np.flatnonzero(candidates.sum(1) > 1)
    ties = near = 0
    for i in unsure:
        those = np.flatnonzero(candidates[i])
        row = np.broadcast_to(x[i], (len(those), x.shape[1]))
        values = -de.cosine(row, centroids[those]) if spherical else de.squared_distance(row, centroids[those])
        label[i] = those[values.argmin()]  # the first of equal ones
        first, second = np.sort(values)[:2]
        ties += first == second
        near += first != second and second - first <= NEAR_TIE * max(abs(first), abs(second))
    return label, plain, len(unsure), ties, near


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("x")
    parser.add_argument("out")
    options = parser.parse_args()
    run = de.Run(options.x, options.out)
    bad = False
    for name, rows, labels, centroids, report in run.clusterings:
        wide = centroids.astype(np.float64)
        wrong, products, unsure, ties, near, values = [], 0, 0, 0, 0, np.full(len(labels), np.nan)
        for part in de.blocks(rows):
            x = run.block(part)
            label, plain, *counts = nearest(x, wide, run.spherical)
            unsure, ties, near = (a + b for a, b in zip((unsure, ties, near), counts))
            products += int((plain == labels[part]).sum())
            values[part] = de.distance(x, wide[labels[part]], run.spherical)
            wrong += [(int(i), int(a), int(b)) for i, a, b in zip(part, labels[part], label) if a != b]
        print(f"{name}.npy: {len(rows)} rows, {len(centroids)} centroids, {'cosine' if run.spherical else 'Euclidean'}: "
              f"{len(rows) - len(wrong)} equal the definition, {len(wrong)} WRONG")
        print(f"  the matrix product alone agrees on {products}; in doubt {unsure}, of them exact ties {ties}, "
              f"near-ties (within {NEAR_TIE:g}) {near}")
        for i, ours, theirs in wrong[:10]:
            pair = de.distance(np.repeat(run.block([i]), 2, 0), wide[[ours, theirs]], run.spherical)
            print(f"  row {i}: label {ours} at {float(pair[0])!r}, nearest is {theirs} at {float(pair[1])!r}")
        total = de.inertia(values[rows])
        same = total == report["inertia"]
        print(f"  inertia {report['inertia']!r}: {'equal to the exact sum' if same else f'WRONG, the exact sum is {total!r}'}")
        bad |= bool(wrong) or not same
    # distance.npy belongs to the clustering that pruned: the last one.
    written = np.load(run.out / "distance.npy")
    differ = int((written.view(np.uint64) != values.view(np.uint64))[~(np.isnan(written) & np.isnan(values))].sum())
    print(f"distance.npy: {len(written) - differ} of {len(written)} equal the definition to the bit"
          + (f", {differ} WRONG" if differ else ""))
    sys.exit(bad or differ > 0)


if __name__ == "__main__":
    main()
