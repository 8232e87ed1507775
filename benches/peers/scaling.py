#!/usr/bin/env python3
"""How time and memory of pauca grow with n, k and d: each is doubled from a base while the others stay; exponents are
fitted to the medians, and a plot is drawn. Times are processor seconds of all threads, so that work beside counts little;
they come in hundredths, so a base wants tenths of a second.

    .venv/bin/python benches/peers/scaling.py [--work kmeans seeding dedup] [--rows 12500] [--k 250] [--dim 96] [--steps 4]
        [--iters 5] [--threads 1] [--reps 3] [--plot scaling.svg] [--json FILE]

Rows are a mixture of normal clusters, twice as many as there are centroids. Every run is a process of its own; the sizes of
a round come in turn, so that a busy minute hits all. "exponent" is the slope of log2(time) over log2(size): 1 is linear.
The last column is the slope between the two largest sizes, where constants matter least.
"""
import json, pathlib, statistics, sys, tempfile

import rounds

PROGRAMS = {"kmeans": "peer-kmeans", "seeding": "peer-seeding", "dedup": "peer-dedup"}


def rows(n, d, k):
    import numpy as np

    random = np.random.default_rng(0)
    centres = random.standard_normal((2 * k, d), np.float32)
    return centres[random.integers(2 * k, size=n)] + 0.7 * random.standard_normal((n, d), np.float32)


def command(work, program, folder, size, options):
    common = [program, "--x", str(folder / "x.npy"), "--out", str(folder)]
    if work == "kmeans":
        return common + ["--init", str(folder / "init.npy"), "--iters", str(options.iters)]
    if work == "seeding":
        return common + ["--k", str(size["k"])]
    return common


def plot(path, measured):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    works, axes = sorted({work for work, _, _ in measured}), ("n", "k", "d")
    figure, grid = plt.subplots(2, len(works), figsize=(4.2 * len(works), 7), squeeze=False, sharex="col")
    for column, work in enumerate(works):
        for what, unit, line in (("cpu", "CPU seconds", grid[0][column]), ("extra_mb", "MB beside the input", grid[1][column])):
            for axis in axes:
                points = sorted((factor, runs) for (w, a, factor), runs in measured.items() if (w, a) == (work, axis))
                if points:
                    # A time below a hundredth is told as 0, which a logarithm does not have.
                    middle = [max(statistics.median(run[what] for run in runs), 0.005) for _, runs in points]
                    line.plot([factor for factor, _ in points], middle, marker="o", label=axis)
            line.set(xscale="log", yscale="log", ylabel=unit)
            line.set_xscale("log", base=2)
            line.grid(True, alpha=0.3)
        grid[0][column].set_title(work)
        grid[1][column].set_xlabel("times the base")
        grid[0][column].legend()
    figure.tight_layout()
    figure.savefig(path)
    print(f"{path} was drawn.")


def main():
    parser = rounds.parser(__doc__, ["pauca"], "also pauca:avx2 (one)", repetitions=3)
    parser.add_argument("--work", nargs="+", default=["kmeans", "seeding"], choices=list(PROGRAMS))
    parser.add_argument("--rows", type=int, default=12_500)
    parser.add_argument("--k", type=int, default=250)
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--steps", type=int, default=4, help="sizes of each: 1, 2, 4, ... times the base")
    parser.add_argument("--iters", type=int, default=5)
    parser.add_argument("--plot", type=pathlib.Path, default=pathlib.Path("scaling.svg"))
    parser.set_defaults(threads=[1])
    options = parser.parse_args()
    import numpy as np

    peer, threads = options.peers[0], options.threads[0]
    level = rounds.split(peer)[1]
    base = dict(n=options.rows, k=options.k, d=options.dim)
    print(f"base {base}, {options.iters} iterations, {threads} thread(s), {options.reps} rounds\n{rounds.machine()}\n", flush=True)
    measured = {}
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        programs = {work: rounds.binary(PROGRAMS[work], [peer]) for work in options.work}
        for repetition in range(options.reps):
            for axis in ("n", "k", "d"):
                for factor in (2**step for step in range(options.steps)):
                    size = dict(base, **{axis: base[axis] * factor})
                    x = rows(size["n"], size["d"], base["k"])
                    np.save(folder / "x.npy", x)
                    np.save(folder / "init.npy", x[np.random.default_rng(1).choice(len(x), size["k"], replace=False)])
                    for work in options.work:
                        if work == "dedup" and axis == "k":
                            continue
                        line = command(work, programs[work], folder, size, options) + ["--threads", str(threads)]
                        result = rounds.call(line, rounds.environment(threads, level), options.timeout)
                        if result is not None:
                            measured.setdefault((work, axis, factor), []).append(result)
            print(f"  round {repetition + 1} done", file=sys.stderr)
    lines = []
    for work in options.work:
        for axis in ("n", "k", "d"):
            points = sorted((factor, runs) for (w, a, factor), runs in measured.items() if (w, a) == (work, axis))
            if len(points) < 2:
                continue
            sizes = np.log2([factor for factor, _ in points])
            middle = lambda what: np.array([statistics.median(run[what] for run in runs) for _, runs in points])
            seconds, memory = np.maximum(middle("cpu"), 0.005), np.maximum(middle("extra_mb"), 1)
            slope = np.polyfit(sizes, np.log2(seconds), 1)[0]
            lines.append([work, axis, " ".join(f"{base[axis] * factor}" for factor, _ in points),
                          " ".join(f"{t:.2f}" for t in seconds), " ".join(f"{m:.0f}" for m in memory), f"{slope:.2f}",
                          f"{np.log2(seconds[-1] / seconds[-2]):.2f}", f"{np.polyfit(sizes, np.log2(memory), 1)[0]:.2f}"])
    rounds.table(["work", "doubled", "sizes", "CPU seconds", "extra MB", "exponent", "of the last doubling", "of memory"], lines)
    plot(options.plot, measured)
    if options.json:
        flat = [dict(work=w, axis=a, factor=f, **run) for (w, a, f), runs in measured.items() for run in runs]
        options.json.write_text(json.dumps(flat, indent=1))


if __name__ == "__main__":
    main()
