"""Judges an output of `tokenize audit` by NumPy: entropies, mutual information, bits an item, the linear prediction.

    python audit.py --ids ids.npy [--latents latents.npy] --out results [--lags 1]

Exits with 1 where a number differs by more than rounding.
"""

import argparse
import csv
import json
import os
import sys

import numpy as np

# Sums of a few thousand logarithms; the prediction is rounded to f32 and has a ridge of 1e-6 of the variance.
SUMS, FIT = 1e-10, 1e-4


def entropy(*columns):
    _, counts = np.unique(np.stack(columns, 1), axis=0, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum(), len(counts), counts.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", required=True)
    parser.add_argument("--latents")
    parser.add_argument("--out", required=True)
    parser.add_argument("--lags", type=int, default=1)
    args = parser.parse_args()
    ids = np.load(args.ids)
    with open(os.path.join(args.out, "positions.csv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(os.path.join(args.out, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    worst = {}

    def compare(what, found, expected, allowed):
        worst[what] = max(worst.get(what, (0, allowed))[0], abs(float(found) - expected) / max(1, abs(expected))), allowed

    bits = np.zeros(3)
    for t, row in enumerate(rows):
        alone, seen, n = entropy(ids[:, t])
        given, more = alone, (seen - 1) / (2 * n * np.log(2))
        mutual = 0.0
        if t:
            before, contexts, _ = entropy(ids[:, t - 1])
            both, pairs, _ = entropy(ids[:, t - 1], ids[:, t])
            given, more, mutual = both - before, (pairs - contexts) / (2 * n * np.log(2)), alone + before - both
        compare("entropy", row["entropy_bits"], alone, SUMS)
        compare("conditional entropy", row["conditional_bits"], given, SUMS)
        compare("Miller-Madow", row["conditional_bits_miller_madow"], given + more, SUMS)
        compare("mutual information", row["mutual_information_bits"], mutual, SUMS)
        compare("perplexity", row["perplexity"], 2**alone, SUMS)
        bits += [alone, given, given + more]
    names = ["by_position", "by_position_given_previous", "by_position_given_previous_miller_madow"]
    for name, value in zip(names, bits):
        compare("bits an item", report["bits_per_item"][name], value, SUMS)
    if args.latents:
        z = np.load(args.latents).astype(np.float64)
        judged = np.arange(len(z)) % 8 == 7

        def pairs(z):
            x = [np.zeros_like(z) for _ in range(args.lags)]
            for lag in range(args.lags):
                x[lag][:, lag + 1 :] = z[:, : -lag - 1]
            x = np.concatenate([np.ones_like(z[..., :1]), *x], 2)[:, 1:]
            return x, z[:, 1:]

        x, y = pairs(z[~judged])
        w, *_ = np.linalg.lstsq(x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2]), rcond=None)
        x, y = pairs(z[judged])
        error = ((y - x @ w) ** 2).sum(2)
        spread = ((y - y.reshape(-1, y.shape[2]).mean(0)) ** 2).sum(2)
        compare("R²", report["linear_r2"], 1 - error.sum() / spread.sum(), FIT)
        for t in range(1, z.shape[1]):
            of = y[:, t - 1]
            own = ((of - of.mean(0)) ** 2).sum()
            compare("R² by position", rows[t]["linear_r2"], 1 - error[:, t - 1].sum() / own, FIT)
    for what, (difference, allowed) in worst.items():
        print(f"{what:24} {difference:.1e}{'' if difference <= allowed else '  DIFFERS'}")
    sys.exit(int(any(difference > allowed for difference, allowed in worst.values())))


if __name__ == "__main__":
    main()
