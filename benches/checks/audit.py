"""Judges an output of `tokenize audit` by NumPy: every number of report.json and positions.csv, but what a transformer
that was trained on request predicts.

    python audit.py --out results --ids ids.npy [--latents latents.npy] [--codebook codes.npy] [--codes K] [--lags 1]
        [--rates rates.csv] [--runs runs.csv]

Files may be .safetensors with tensors ids, latents, codebook. Exits with 1 where a number differs by more than rounding.
"""

import argparse
import csv
import itertools
import json
import os
import sys

import numpy as np

# Sums of a few thousand logarithms; the prediction is rounded to f32 and has a ridge of 1e-6 of the variance; a least
# squares fit is flat at its best exponent, so half of the digits are left to it.
SUMS, FIT, FLAT = 1e-10, 1e-4, 1e-6
# The ends of both intervals are found to the last digits that least squares leave.
ENDS = 1e-6


def load(path, name):
    if path is None:
        return None
    if path.endswith(".safetensors"):
        from safetensors.numpy import load_file

        return load_file(path)[name]
    return np.load(path)


def entropy(*columns):
    _, counts = np.unique(np.stack(columns, 1), axis=0, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum(), len(counts), counts.sum()


def front(points):
    """Points that no other beats in both, by rate."""
    beaten = lambda p, q: q[0] <= p[0] and q[1] <= p[1] and (q[0] < p[0] or q[1] < p[1])
    kept = [i for i, p in enumerate(points) if not any(beaten(p, q) for q in points) and p not in points[:i]]
    return sorted(kept, key=lambda i: points[i])


def hull(points):
    """Points of the front that lie on or below every line between two others of it."""
    kept = front(points)
    below = lambda i, a, b: points[i][1] <= np.interp(points[i][0], *zip(points[a], points[b])) or i in (a, b)
    pairs = [(a, b) for a, b in itertools.combinations(kept, 2)]
    return [i for i in kept if all(below(i, a, b) for a, b in pairs if points[a][0] <= points[i][0] <= points[b][0])]


def rate_at_equal_distortion(a, b):
    """Mean of ln(rate of b / rate of a) over shared distortions, by fine steps."""
    sides = [np.array(sorted(([p[i] for i in front(p)]), key=lambda p: p[1])) for p in (a, b)]
    low, high = max(s[0, 1] for s in sides), min(s[-1, 1] for s in sides)
    if not low < high:
        return None
    # Corners are among the steps, so the trapezoids are exact.
    at = np.unique(np.concatenate([np.linspace(low, high, 1001), *(s[:, 1] for s in sides)]))
    at = at[(at >= low) & (at <= high)]
    logs = [np.interp(at, s[:, 1], np.log(s[:, 0])) for s in sides]
    return np.expm1(np.trapezoid(logs[1] - logs[0], at) / (high - low))


def student(level, freedom):
    """The (1 + level) / 2 quantile, by the integral of the density."""
    from math import exp, lgamma, pi, sqrt

    x = np.linspace(0, 400, 4_000_001)
    density = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    density = density * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)]) * (x[1] - x[0])
    return np.interp(level / 2, below, x)


class Law:
    """floor + scale C^exponent by least squares: the squares as a function of one parameter, the others being best."""

    def __init__(self, points):
        self.c, self.y = np.array(points).T
        self.log = np.log(self.c) - np.log(self.c).mean()
        self.span = self.log.max() - self.log.min()

    def given_exponent(self, alpha):
        x = np.exp(alpha * self.log)
        dx, dy = x - x.mean(), self.y - self.y.mean()
        scale = (dx * dy).sum() / (dx * dx).sum()
        floor = self.y.mean() - scale * x.mean()
        return ((self.y - floor - scale * x) ** 2).sum(), floor, scale

    def given_floor(self, floor):
        def squares(alpha):
            x = np.exp(alpha * self.log)
            scale = (x * (self.y - floor)).sum() / (x * x).sum()
            return ((self.y - floor - scale * x) ** 2).sum()

        return squares(least(squares, -20 / self.span, -1e-4 / self.span))

    def fit(self):
        return least(lambda a: self.given_exponent(a)[0], -20 / self.span, -1e-4 / self.span)


def least(f, low, high):
    """The place of the least value: a grid of logarithms, then golden section."""
    grid = -np.exp(np.linspace(np.log(-high), np.log(-low), 600))
    i = int(np.argmin([f(x) for x in grid]))
    a, b = sorted((grid[max(i - 1, 0)], grid[min(i + 1, 599)]))
    ratio = (5**0.5 - 1) / 2
    for _ in range(80):
        m, n = b - ratio * (b - a), a + ratio * (b - a)
        a, b = (a, n) if f(m) < f(n) else (m, b)
    return (a + b) / 2


def end(f, limit, start, step):
    """Where f passes `limit`, going from `start` by steps that double; None where it does not."""
    inside, reach = start, step
    for _ in range(60):
        outside = start + reach
        if not np.isfinite(f(outside)) or f(outside) > limit:
            break
        inside, reach = outside, 2 * reach
    else:
        return None
    for _ in range(80):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if f(middle) <= limit else (inside, middle)
    return inside


def tokens(compare, ids, codes, rows, report):
    bits = np.zeros(3)
    for t, row in enumerate(rows):
        alone, seen, n = entropy(ids[:, t])
        given, more = alone, (seen - 1) / (2 * n * np.log(2))
        compare("entropy, Miller-Madow", row["entropy_bits_miller_madow"], alone + more, SUMS)
        mutual = 0.0
        if t:
            before, contexts, _ = entropy(ids[:, t - 1])
            both, pairs, _ = entropy(ids[:, t - 1], ids[:, t])
            given, more, mutual = both - before, (pairs - contexts) / (2 * n * np.log(2)), alone + before - both
        compare("entropy", row["entropy_bits"], alone, SUMS)
        compare("conditional entropy", row["conditional_bits"], given, SUMS)
        compare("conditional, Miller-Madow", row["conditional_bits_miller_madow"], given + more, SUMS)
        compare("mutual information", row["mutual_information_bits"], mutual, SUMS)
        compare("perplexity", row["perplexity"], 2**alone, SUMS)
        bits += [alone, given, given + more]
    names = ["by_position", "by_position_given_previous", "by_position_given_previous_miller_madow"]
    for name, value in zip(names, bits):
        compare("bits an item", report["bits_per_item"][name], value, SUMS)
    n = ids.shape[1]
    compare("bits, uniform", report["bits_per_item"]["uniform"], n * np.log2(codes), SUMS)
    if n > 1:
        before, token = ids[:, :-1].ravel(), ids[:, 1:].ravel()
        alone, both = entropy(token)[0], entropy(before, token)[0]
        pooled = alone + (n - 1) * (both - entropy(before)[0])
        compare("bits, pooled", report["bits_per_item"]["pooled_given_previous"], pooled, SUMS)
    counts = np.bincount(ids.ravel(), minlength=codes).astype(float)
    compare("codes in use", report["codes_used"], (counts > 0).sum(), 0)
    compare("entropy of all", report["entropy_bits"], entropy(ids.ravel())[0], SUMS)
    compare("perplexity of all", report["perplexity"], 2 ** entropy(ids.ravel())[0], SUMS)
    gini = np.abs(counts[:, None] - counts).sum() / (2 * codes**2 * counts.mean())
    compare("Gini", report["gini"], gini, SUMS)
    compare("items", [report["items"], report["positions"], report["codes"]], [*ids.shape, codes], 0)


def latents(compare, z, lags, rows, report):
    z = z.astype(np.float64)
    judged = np.arange(len(z)) % 8 == 7

    def pairs(z):
        x = [np.zeros_like(z) for _ in range(lags)]
        for lag in range(lags):
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


def table(path, columns):
    found = {}
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            found.setdefault(row["tokenizer"], []).append([float(row[c]) for c in columns])
    return found


def rates(compare, found, report):
    first = next(iter(found.values()))
    for (name, points), said in zip(found.items(), report["rates"], strict=True):
        compare("points of rates", [name, said["points"]], [said["tokenizer"], points], 0)
        compare("Pareto front", said["front"], front(points), 0)
        compare("lower hull", said["hull"], hull(points), 0)
        more = None if points is first else rate_at_equal_distortion(first, points)
        compare("rate at equal distortion", said["rate_against_first"], more, SUMS)


def scaling(compare, found, report):
    for (name, points), said in zip(found.items(), report["scaling"], strict=True):
        law = Law(points)
        alpha = law.fit()
        squares, floor, scale = law.given_exponent(alpha)
        log_scale = np.log(scale) - alpha * np.log(law.c).mean()
        compare("exponent", said["exponent"], alpha, FLAT)
        compare("floor", said["floor"], floor, FLAT)
        compare("log of the scale", said["log_scale"], log_scale, FLAT)
        compare("residual", said["residual"], np.sqrt(squares / len(points)), SUMS)
        freedom = len(points) - 3
        limit = squares * (1 + student(said["level"], freedom) ** 2 / freedom)
        width = abs(said["exponent_interval"][1] - alpha)
        f = lambda a: law.given_exponent(a)[0]
        for side, sign in ((0, -1), (1, 1)):
            found_end = end(f, limit, alpha, sign * min(width, -alpha) / 64)
            compare("ends of the exponent", said["exponent_interval"][side], found_end, ENDS)
        for side, sign in ((0, -1), (1, 1)):
            found_end, said_end = end(law.given_floor, limit, floor, sign * 1e-3), said["floor_interval"][side]
            both = None not in (found_end, said_end)
            compare(
                "squares at ends of the floor",
                law.given_floor(said_end) / limit if both else said_end,
                1 if both else found_end,
                ENDS,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--ids", required=True)
    for name in ("latents", "codebook", "rates", "runs"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--codes", type=int)
    parser.add_argument("--lags", type=int, default=1)
    args = parser.parse_args()
    ids, z, codebook = (load(getattr(args, n), n) for n in ("ids", "latents", "codebook"))
    codes = args.codes or (len(codebook) if codebook is not None else int(ids.max()) + 1)
    with open(os.path.join(args.out, "positions.csv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(os.path.join(args.out, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    worst = {}

    def compare(what, found, expected, allowed):
        if isinstance(found, list) or found is None or expected is None:
            difference = 0.0 if found == expected else float("inf")
        else:
            difference = abs(float(found) - expected) / max(1, abs(expected))
        before, times, _ = worst.get(what, (0, 0, allowed))
        worst[what] = max(before, difference), times + 1, allowed

    tokens(compare, ids, codes, rows, report)
    if z is not None:
        latents(compare, z, args.lags, rows, report)
        if codebook is not None:
            error = (z.astype(np.float64) - codebook.astype(np.float64)[ids]) ** 2
            compare("error of quantization", report["distortion"], error.mean(), SUMS)
    if args.rates:
        rates(compare, table(args.rates, ["rate", "distortion"]), report)
    if args.runs:
        scaling(compare, table(args.runs, ["compute", "loss"]), report)
    for what, (difference, times, allowed) in worst.items():
        print(f"{what:26} {times:3} numbers, {difference:.1e}{'' if difference <= allowed else '  DIFFERS'}")
    sys.exit(int(any(difference > allowed for difference, _, allowed in worst.values())))


if __name__ == "__main__":
    main()
