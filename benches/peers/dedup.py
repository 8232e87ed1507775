#!/usr/bin/env python3
"""In-cluster deduplication beside a block product: all rows as one cluster in the order of the file, every run in its own
process, peers in turn (A B C A B C ...).

    .venv/bin/python benches/peers/dedup.py --x code.f16.npy [--rows 20000] [--threads 1 2] [--reps 5] [--rule earlier-max]
        [--peers pauca numpy-blocks numpy-full torch-blocks semhash] [--epsilon 0.05] [--verify] [--json FILE]

--rule earlier-max: the largest cosine of every row to any earlier one. numpy-blocks and torch-blocks restate the blocked
variant of NeMo-Curator (blocks of 1024 columns, no full matrix), numpy-full the published SemDeDup (the whole n x n
matrix). They decide on f32 products of normalized rows. "wrong at E" (with --verify) counts rows decided otherwise at
epsilon E than by f64 products: for pauca it must be 0 unless a similarity lies within 1e-12 of the threshold.

--rule greedy-cover: only pairs above 1 - epsilon matter. semhash (its default index is approximate) keeps
a row unless it is near to a kept one. The other peers compute the maxima all the same: there is no cheaper way in a
product of matrices. Their counts are of earlier-max.
"""
import json, pathlib, sys, tempfile

import rounds

PEERS = ["pauca", "numpy-blocks", "numpy-full"]
EPSILONS = (0.01, 0.05, 0.1)
BLOCK = 1024


def one(peer, folder, threads, epsilon):
    import numpy as np

    x = np.load(folder / "x.f32.npy")
    found = {}
    if peer == "semhash":
        import importlib.metadata
        from semhash import SemHash

        version = f"semhash {importlib.metadata.version('semhash')}, usearch {importlib.metadata.version('usearch')}"
        records = [str(i) for i in range(len(x))]

        def run():
            index = SemHash.from_embeddings(x, records, model=None)
            found["kept"] = index.self_deduplicate(threshold=1 - epsilon).selected
        with rounds.Meter() as meter:
            run()
        kept = np.zeros(len(x), np.uint8)
        kept[[int(record) for record in found["kept"]]] = 1
        np.save(folder / "kept.npy", kept)
        print(json.dumps(dict(meter.cost, version=version)))
        return
    if peer == "torch-blocks":
        import torch

        torch.set_num_threads(threads)
        version = f"torch {torch.__version__}"

        def run():
            rows = torch.nn.functional.normalize(torch.from_numpy(x))
            best = torch.full((len(rows),), -2.0)
            for j in range(0, len(rows), BLOCK):
                product = rows[: j + BLOCK] @ rows[j : j + BLOCK].T
                # Entry (i, c) is the pair (row i, row j + c): only i < j + c counts.
                product[j:].masked_fill_(torch.ones_like(product[j:], dtype=torch.bool).tril(), -2.0)
                best[j : j + BLOCK] = product.max(0)[0]
            found["best"] = best.numpy()
    else:
        version = f"numpy {np.__version__}, {rounds.blas()}"

        def run():
            rows = x / np.sqrt((x * x).sum(1, keepdims=True))
            if peer == "numpy-full":
                product = rows @ rows.T
                product[np.tril_indices(len(rows))] = -2
                found["best"] = product.max(0)
                return
            best = np.full(len(rows), -2, np.float32)
            for j in range(0, len(rows), BLOCK):
                block = rows[j : j + BLOCK]
                product = rows[: j + BLOCK] @ block.T
                product[j:][np.tril_indices(len(block))] = -2
                best[j : j + BLOCK] = product.max(0)
            found["best"] = best
    with rounds.Meter() as meter:
        run()
    best = found["best"].astype(np.float64)
    np.save(folder / "similarity.npy", np.where(best < -1.5, np.nan, best))
    np.save(folder / "kept.npy", (best <= 1 - epsilon).astype(np.uint8))
    print(json.dumps(dict(meter.cost, version=version)))


def exact(x):
    """Largest cosine to an earlier row by f64 products; NaN for the first row."""
    import numpy as np

    x = x.astype(np.float64)
    rows = x / np.sqrt((x * x).sum(1, keepdims=True))
    best = np.full(len(rows), np.nan)
    for j in range(0, len(rows), BLOCK):
        product = rows[: j + BLOCK] @ rows[j : j + BLOCK].T
        product[j:][np.tril_indices(product.shape[1])] = -2
        best[j : j + BLOCK] = product.max(0)
    best[0] = np.nan
    return best


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    parser = rounds.parser(__doc__, PEERS, "also torch-blocks, semhash, pauca:avx2, pauca:f16")
    parser.add_argument("--x", required=True, help=".npy of f16 or f32 rows")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rule", default="earlier-max", choices=["earlier-max", "greedy-cover"])
    parser.add_argument("--epsilon", type=float, default=0.05)
    parser.add_argument("--verify", action="store_true", help="compare decisions with f64 products")
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-dedup", options.peers)
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        x = np.ascontiguousarray(np.load(options.x, mmap_mode="r")[: options.rows], np.float32)
        np.save(folder / "x.f32.npy", x)
        np.save(folder / "x.f16.npy", x.astype(np.float16))
        print(f"{pathlib.Path(options.x).name}: {x.shape[0]} x {x.shape[1]} as one cluster, {options.rule}, epsilon {options.epsilon}, "
              f"{options.reps} rounds\n{rounds.machine()}\n", flush=True)
        maxima = options.rule == "earlier-max"
        truth, ours = exact(x) if options.verify and maxima else None, {}

        def run(peer, threads, repetition):
            name, level, kind = rounds.split(peer)
            if name == "pauca":
                command = [program, "--x", str(folder / f"x.{kind}.npy"), "--out", str(folder), "--threads", str(threads),
                           "--rule", options.rule, "--epsilon", str(options.epsilon)]
            else:
                command = [sys.executable, __file__, "--one", name, str(folder), str(threads), str(options.epsilon)]
            result = rounds.call(command, rounds.environment(threads, level), options.timeout)
            if result is None:
                return None
            kept = np.load(folder / "kept.npy")
            result["removed_here"] = int(len(x) - kept.sum())
            if name == "pauca":
                rounds.same_bits(result, ours, kept=kept)
            if name == "semhash" or options.rule != "earlier-max":
                return result
            similarity = np.load(folder / "similarity.npy")
            removed = lambda s, e: np.nan_to_num(s, nan=-2.0) > 1 - e
            result["removed"] = [int(removed(similarity, e).sum()) for e in EPSILONS]
            if truth is not None:
                result["wrong"] = [int((removed(similarity, e) != removed(truth, e)).sum()) for e in EPSILONS]
                result["largest_error"] = float(np.nanmax(np.abs(similarity - truth)))
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)
    words = lambda values: " / ".join(map(str, values))
    head = [f"removed at {options.epsilon}"] + [f"removed at {words(EPSILONS)}"] * maxima
    if truth is not None:
        head += [f"wrong at {words(EPSILONS)}", "largest error"]

    def cells(runs):
        run = runs[0]
        row = [run["removed_here"]] + [words(run.get("removed", []))] * maxima
        return row + ([words(run.get("wrong", [])), f"{run.get('largest_error', float('nan')):.1e}"] if truth is not None else [])

    rounds.tables(options, results, head, cells)
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
