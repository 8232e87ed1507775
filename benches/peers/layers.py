#!/usr/bin/env python3
"""Angular distances between all pairs of hidden states: one pass of pauca beside the pairwise computation in NumPy, every
run in its own process, peers in turn.

    python3 -m venv .venv && .venv/bin/pip install -r benches/peers/requirements.txt
    .venv/bin/python benches/peers/layers.py [--samples 2000] [--states 33] [--dim 1024] [--threads 1 2] [--reps 3]

The states are a random walk from layer to layer, with four layers that hardly move, in f32. NumPy computes what the
tools in use compute: for each pair of states the row-wise dot product over the norms, clipped, arccos, mean (numpy: in f32;
numpy64: the same in f64). pauca also counts, finds variance, extremes and quantiles. "worst error" is the largest relative
difference of a mean from pauca's.
"""
import json, pathlib, sys, tempfile

import rounds


def one(peer, folder, states):
    """One run of NumPy, in this process."""
    import numpy as np

    x = np.load(folder / "x.npy")
    x = x.reshape(-1, states, x.shape[1])
    layers = [np.ascontiguousarray(x[:, l]) for l in range(states)]
    del x
    mean = np.zeros((states, states))

    def run():
        rows = layers if peer == "numpy" else [h.astype(np.float64) for h in layers]
        norms = [np.sqrt(np.einsum("nd,nd->n", h, h)) for h in rows]
        for l in range(states):
            for m in range(l + 1, states):
                cosine = np.einsum("nd,nd->n", rows[l], rows[m]) / (norms[l] * norms[m])
                mean[l, m] = mean[m, l] = np.mean(np.arccos(np.clip(cosine, -1, 1)) / np.pi)

    with rounds.Meter() as meter:
        run()
    np.save(folder / "mean.npy", mean)
    print(json.dumps(dict(meter.cost, version=f"numpy {np.__version__}")))


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]))
    parser = rounds.parser(__doc__, ["pauca", "numpy", "numpy64"], repetitions=3, timeout=600)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--states", type=int, default=33)
    parser.add_argument("--dim", type=int, default=1024)
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-layers", options.peers)
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        random = np.random.default_rng(0)
        x = np.empty((options.samples, options.states, options.dim), np.float32)
        x[:, 0] = random.standard_normal((options.samples, options.dim), np.float32)
        for l in range(1, options.states):
            step = 1e-3 if l % 8 == 0 else 0.3
            x[:, l] = x[:, l - 1] + step * random.standard_normal((options.samples, options.dim), np.float32)
        np.save(folder / "x.npy", x.reshape(-1, options.dim))
        print(f"{options.states} states, {options.samples} samples, d {options.dim} ({x.nbytes / 1e6:.0f} MB), "
              f"{options.reps} rounds\n{rounds.machine()}\n", flush=True)
        del x
        ours = {}

        def run(peer, threads, repetition):
            if peer == "pauca":
                command = [program, "--x", str(folder / "x.npy"), "--states", str(options.states), "--out", str(folder),
                           "--threads", str(threads)]
            else:
                command = [sys.executable, __file__, "--one", peer, str(folder), str(options.states)]
            result = rounds.call(command, rounds.environment(threads), options.timeout)
            if result is None:
                return None
            mean = np.load(folder / "mean.npy")
            if peer == "pauca":
                rounds.same_bits(result, ours, mean=mean)
            upper = np.triu_indices(options.states, 1)
            result["worst"] = float(np.abs(mean[upper] / ours["mean"][upper] - 1).max()) if ours else float("nan")
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)
    rows = []
    for (peer, threads), runs in sorted(results.items(), key=lambda item: item[0][1]):
        rows.append([peer, runs[0]["version"], threads, rounds.spread([r["wall"] for r in runs]),
                     rounds.spread([r["cpu"] for r in runs]), f"{max(r['extra_mb'] for r in runs):.0f}",
                     f"{max(r['worst'] for r in runs):.1e}"])
    rounds.table(["peer", "version", "threads", "wall s", "CPU s", "extra MB", "worst error"], rows)
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
