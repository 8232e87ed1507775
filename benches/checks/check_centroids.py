#!/usr/bin/env python3
"""Are the centroids of a `curate` run the correctly rounded means of their rows?

    check_centroids.py X.npy OUT [--previous OUT2]

Every element, no sampling. Euclidean: numpy.float32(math.fsum(column) / count). Spherical: the rows are
f32(x / sqrt(dot(x, x))), S is math.fsum of each column, the centroid numpy.float32(S / sqrt(dot(S, S))).

A run that stopped at --max-iter has centroids that are the means of the labels before its last assignment, which it
does not write: give --previous, the same run with --max-iter one less. A cluster without rows keeps its old centroid
and is counted, not checked.
"""
import argparse, math, sys

import numpy as np

import definition as de


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("x")
    parser.add_argument("out")
    parser.add_argument("--previous", help="folder of the same run with one iteration less")
    options = parser.parse_args()
    run = de.Run(options.x, options.out)
    previous = de.Run(options.x, options.previous) if options.previous else None
    bad = False
    for at, (name, rows, labels, centroids, report) in enumerate(run.clusterings):
        if not report["converged"]:
            if at > 0:
                print(f"{name}: not converged, and its rows may not be those of another run: not checked")
                continue
            if previous is None:
                sys.exit(f"{name}: stopped after {report['iterations']} iterations before it converged: run it again with "
                         f"--max-iter {report['iterations'] - 1} and name that folder by --previous")
            _, rows, labels, _, before = previous.clusterings[at]
            if before["iterations"] + 1 != report["iterations"]:
                sys.exit(f"--previous has {before['iterations']} iterations, not {report['iterations'] - 1}")
            if before["relocated"] != report["relocated"]:
                sys.exit("the last iteration moved rows into empty clusters; compare another number of iterations")
        order = rows[np.argsort(labels[rows], kind="stable")]
        ends = np.searchsorted(labels[order], np.arange(len(centroids) + 1))
        elements = wrong = empty = 0
        for j in range(len(centroids)):
            members = np.sort(order[ends[j] : ends[j + 1]])
            if not len(members):
                empty += 1
                continue
            x = run.block(members)
            if run.spherical:
                total = np.array([math.fsum(column) for column in de.unit(x).T.tolist()])
                norm = np.sqrt(de.dot(total[None], total[None]))[0]
                if norm == 0:  # no direction: keeps its old centroid
                    empty += 1
                    continue
                expected = (total / norm).astype(np.float32)
            else:
                expected = np.array([np.float32(math.fsum(column) / len(members)) for column in x.T.tolist()], np.float32)
            # -0.0 and 0.0 are the same mean.
            unequal = (expected + np.float32(0)).view(np.uint32) != (centroids[j] + np.float32(0)).view(np.uint32)
            elements += len(unequal)
            if unequal.any() and wrong < 10:
                e = int(np.flatnonzero(unequal)[0])
                print(f"  {name}: centroid {j}, element {e}: {float(centroids[j][e])!r}, expected {float(expected[e])!r}")
            wrong += int(unequal.sum())
        print(f"{name.replace('labels', 'centroids')}.npy: {elements - wrong} of {elements} elements equal "
              f"{'the rounded direction' if run.spherical else 'numpy.float32(math.fsum(column) / count)'}"
              f"{f', {wrong} WRONG' if wrong else ''}; {empty} clusters without rows")
        bad |= wrong > 0
    sys.exit(bad)


if __name__ == "__main__":
    main()
