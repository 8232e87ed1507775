#!/usr/bin/env python3
"""The inertia of a Euclidean `curate` run beside scikit-learn's, from the same initial centroids.

    inertia.py X.npy --write-init INIT.npy --clusters K [--seed S]       # K rows drawn, as initial centroids
    curate X.npy --method kmeans --euclidean --init INIT.npy --clusters K --max-iter T --out OUT
    inertia.py X.npy OUT --init INIT.npy

Both results are judged by the same f64 sum of squared differences to their own centroids.
"""
import argparse, sys, time

import numpy as np

import definition as de


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("x")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--init", help="the .npy given to curate as --init")
    parser.add_argument("--write-init", metavar="FILE")
    parser.add_argument("--clusters", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.write_init:
        x = np.load(options.x, mmap_mode="r")
        chosen = np.random.default_rng(options.seed).choice(len(x), options.clusters, replace=False)
        np.save(options.write_init, np.ascontiguousarray(x[chosen], np.float32))
        return
    if not (options.out and options.init):
        parser.error("OUT and --init are needed")
    run = de.Run(options.x, options.out)
    if run.spherical:
        sys.exit("scikit-learn has no spherical k-means: run curate with --euclidean")
    _, rows, labels, centroids, report = run.clusterings[0]
    import sklearn
    from sklearn.cluster import KMeans

    x, start = np.ascontiguousarray(run.x, np.float32), np.load(options.init)
    clock = time.perf_counter()
    model = KMeans(len(start), init=start, n_init=1, max_iter=report["iterations"], tol=0, algorithm="lloyd").fit(x)
    seconds = time.perf_counter() - clock

    def total(labels, centroids):
        wide = centroids.astype(np.float64)
        return de.inertia(np.concatenate([de.squared_distance(run.block(p), wide[labels[p]]) for p in de.blocks(rows)]))

    ours, theirs = total(labels, centroids), total(model.labels_, model.cluster_centers_)
    print("| | iterations | inertia (f64, own labels) | as reported |\n|---|---|---|---|")
    print(f"| pauca | {report['iterations']} | {ours!r} | {report['inertia']!r} |")
    print(f"| scikit-learn {sklearn.__version__} ({seconds:.1f} s) | {model.n_iter_} | {theirs!r} | {float(model.inertia_)!r} |")
    print(f"\nrelative difference {(ours - theirs) / theirs:.2e}; rows with other labels {int((labels != model.labels_).sum())}")


if __name__ == "__main__":
    main()
