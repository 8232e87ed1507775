#!/usr/bin/env python3
"""k-means++ alone: pauca's race beside scikit-learn's kmeans_plusplus, every run in its own process, peers in turn.

    .venv/bin/python benches/peers/seeding.py [--x X.npy] [--rows 100000] [--dim 16] [--k 10000] [--threads 1] [--reps 3]
        [--peers pauca sklearn sklearn-one] [--json FILE]

Without --x the rows are normal, of --dim values. scikit-learn draws 2 + ln k candidates a seed and keeps the best
(sklearn, its default); sklearn-one draws one, as the paper's algorithm and pauca do (n_local_trials=1).
"potential" is the sum of squared distances to the nearest seed, in f64: lower is better, and local trials lower it.
"""
import json, pathlib, sys, tempfile

import rounds


def one(peer, folder, k, threads, seed):
    import numpy as np
    import sklearn
    from sklearn.cluster import kmeans_plusplus

    x = np.load(folder / "x.npy")
    found = {}
    with rounds.Meter() as meter:
        found["seeds"] = kmeans_plusplus(x, k, random_state=seed, n_local_trials=1 if peer == "sklearn-one" else None)[0]
    np.save(folder / "centroids.npy", found["seeds"])
    print(json.dumps(dict(meter.cost, version=f"scikit-learn {sklearn.__version__}")))


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), *map(int, sys.argv[4:7]))
    parser = rounds.parser(__doc__, ["pauca", "sklearn", "sklearn-one"], "also pauca:avx2", repetitions=3)
    parser.add_argument("--x", help=".npy of f16 or f32 rows")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--k", type=int, default=10_000)
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-seeding", options.peers)
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        if options.x:
            x = np.ascontiguousarray(np.load(options.x, mmap_mode="r")[: options.rows], np.float32)
        else:
            x = np.random.default_rng(0).standard_normal((options.rows, options.dim), np.float32)
        np.save(folder / "x.npy", x)
        print(f"{pathlib.Path(options.x).name if options.x else 'normal'}: {x.shape[0]} x {x.shape[1]}, {options.k} seeds, "
              f"{options.reps} rounds\n{rounds.machine()}\n", flush=True)
        kept = {}

        def run(peer, threads, repetition):
            name, level, _ = rounds.split(peer)
            if name == "pauca":
                command = [program, "--x", str(folder / "x.npy"), "--out", str(folder), "--k", str(options.k),
                           "--threads", str(threads)]
            else:
                command = [sys.executable, __file__, "--one", name, str(folder), str(options.k), str(threads),
                           str(repetition)]
            result = rounds.call(command, rounds.environment(threads, level), options.timeout)
            if result is None:
                return None
            seeds = np.load(folder / "centroids.npy")
            if name == "pauca":
                rounds.same_bits(result, kept, seeds=seeds)
            else:
                result["potential"] = rounds.potential(x, seeds)
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)
    rounds.tables(options, results, ["potential (f64)", "distances / (n k)"], lambda runs: [
        rounds.spread([run["potential"] for run in runs], 1),
        f"{runs[0]['distances'] / (len(x) * options.k):.3f}" if "distances" in runs[0] else ""])
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
