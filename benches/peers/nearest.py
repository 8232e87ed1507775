#!/usr/bin/env python3
"""Nearest codes: pauca beside torch's product in chunks, every run in its own process, peers in turn.

    .venv/bin/python benches/peers/nearest.py [--rows 100000] [--k 16384] [--dim 8] [--threads 1 2] [--reps 3]
        [--peers pauca torch numpy] [--json FILE]

Latents and codes are normal. torch and numpy compute |c|²/2 - x.c in f32 for 2,048 latents at a time and take the
arg-min. "wrong ids" counts ids that differ from the nearest code by f64 arithmetic; times of pauca include checking and
packing both sides.
"""
import json, pathlib, re, sys, tempfile

import rounds

CHUNK = 2048


def one(peer, folder, threads):
    import numpy as np

    x, codes = np.load(folder / "x.npy"), np.load(folder / "codes.npy")
    found = {}
    if peer == "torch":
        import torch

        torch.set_num_threads(threads)
        blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
        version = f"torch {torch.__version__}, {blas[1] if blas else 'BLAS unknown'}, {torch.backends.cpu.get_cpu_capability()}"
        x, codes = torch.from_numpy(x), torch.from_numpy(codes)

        def run():
            half = 0.5 * (codes * codes).sum(1)
            ids = [torch.addmm(half, x[i : i + CHUNK], codes.T, alpha=-1).argmin(1) for i in range(0, len(x), CHUNK)]
            found["ids"] = torch.cat(ids).numpy()
    elif peer == "numpy":
        version = f"numpy {np.__version__}, {rounds.blas()}"

        def run():
            half = 0.5 * (codes * codes).sum(1)
            ids = [(half - x[i : i + CHUNK] @ codes.T).argmin(1) for i in range(0, len(x), CHUNK)]
            found["ids"] = np.concatenate(ids)
    else:
        sys.exit(f"{peer}: no such peer")
    with rounds.Meter() as meter:
        run()
    np.save(folder / "labels.npy", found["ids"].astype(np.uint32))
    print(json.dumps(dict(meter.cost, version=version)))


def truth(x, codes):
    """Ids by f64 products; sums of 64 squares round far below the distances of normal codes."""
    import numpy as np

    x, codes = x.astype(np.float64), codes.astype(np.float64)
    half = 0.5 * (codes * codes).sum(1)
    return np.concatenate([(half - x[i : i + 512] @ codes.T).argmin(1) for i in range(0, len(x), 512)])


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]))
    parser = rounds.parser(__doc__, ["pauca", "torch", "numpy"], "also pauca:avx2", repetitions=3)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--k", type=int, default=16_384)
    parser.add_argument("--dim", type=int, default=8)
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-nearest", options.peers)
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        random = np.random.default_rng(0)
        x, codes = (random.standard_normal((n, options.dim), np.float32) for n in (options.rows, options.k))
        np.save(folder / "x.npy", x)
        np.save(folder / "codes.npy", codes)
        print(f"normal: {options.rows} x {options.dim}, {options.k} codes, {options.reps} rounds\n{rounds.machine()}\n",
              flush=True)
        ids, kept = truth(x, codes), {}

        def run(peer, threads, repetition):
            name, level, _ = rounds.split(peer)
            if name == "pauca":
                command = [program, "--x", str(folder / "x.npy"), "--codes", str(folder / "codes.npy"),
                           "--out", str(folder), "--threads", str(threads)]
            else:
                command = [sys.executable, __file__, "--one", name, str(folder), str(threads)]
            result = rounds.call(command, rounds.environment(threads, level), options.timeout)
            if result is None:
                return None
            labels = np.load(folder / "labels.npy")
            result["wrong"] = int((labels != ids).sum())
            if name == "pauca":
                rounds.same_bits(result, kept, labels=labels)
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)
    rounds.tables(options, results, ["wrong ids"], lambda runs: ["/".join(sorted({str(run["wrong"]) for run in runs}))])
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
