#!/usr/bin/env python3
"""Training steps of an EMA codebook beside vector-quantize-pytorch, and beside plain torch that searches in chunks: the
same latents, first codes and gradient of the output; forward, backward, statistics and moving averages; every run in
its own process, peers in turn (A B C A B C ...).

    .venv/bin/python benches/peers/vq.py [--rows 32768] [--k 16384] [--dim 8] [--mean 0] [--steps 1] [--threads 1 2]
        [--reps 3] [--peers pauca lucidrains torch] [--cosine] [--json FILE]

Latents and codes are normal, about --mean standard deviations from the origin. The peer is asked for what pauca does:
Euclidean (or cosine) codes, decay 0.99, commitment weight 1, straight-through, no revival. The peer "torch" computes
|c|²/2 - x.c for 2,048 latents at a time, so it holds no rows x codes matrix. "wrong ids" counts
ids of the first step that differ from the nearest code by f64 arithmetic. Extra memory includes results.
"""
import json, pathlib, sys, tempfile

import rounds

DECAY = 0.99
CHUNK = 2048


def plain(z, codes, gradient, steps):
    """Steps of plain torch, the search in chunks; Euclidean codes."""
    import torch

    codes, counts = codes.clone(), torch.ones(len(codes))
    sums, found = codes.clone(), {}

    def run():
        for _ in range(steps):
            x = z.clone().requires_grad_(True)
            with torch.no_grad():
                half = 0.5 * (codes * codes).sum(1)
                parts = [torch.addmm(half, part, codes.T, alpha=-1).argmin(1) for part in x.split(CHUNK)]
                ids = torch.cat(parts)
            taken = codes[ids]
            loss = ((taken.detach() - x) ** 2).mean()
            quantized = x + (taken - x).detach()
            ((quantized * gradient).sum() + loss).backward()
            with torch.no_grad():
                counts.mul_(DECAY).add_(torch.bincount(ids, minlength=len(codes)), alpha=1 - DECAY)
                sums.mul_(DECAY).add_(torch.zeros_like(codes).index_add_(0, ids, z), alpha=1 - DECAY)
                codes.copy_(sums / counts[:, None])
            found.setdefault("ids", ids)
            found["loss"] = float(loss.detach())

    return run, found, codes


def one(peer, folder, steps, threads, cosine):
    import importlib.metadata
    import re
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    level = torch.backends.cpu.get_cpu_capability()
    version = f"torch {torch.__version__}, BLAS {blas[1] if blas else 'unknown'}, {level}"
    z, codes, gradient = (torch.from_numpy(np.load(folder / f"{n}.npy")) for n in ("z", "codes", "grad"))
    k, dim = codes.shape
    if peer == "torch":
        if cosine:
            sys.exit("torch: only Euclidean codes")
        run, found, codes = plain(z, codes, gradient, steps)
        with rounds.Meter() as meter:
            run()
        np.save(folder / "labels.npy", found["ids"].numpy().astype(np.uint32))
        np.save(folder / "centroids.npy", codes.numpy())
        print(json.dumps(dict(meter.cost, loss=found["loss"], version=version)))
        return
    from vector_quantize_pytorch import VectorQuantize

    model = VectorQuantize(dim=dim, codebook_size=k, decay=DECAY, commitment_weight=1.0, use_cosine_sim=cosine,
                           kmeans_init=False, threshold_ema_dead_code=0, rotation_trick=False)
    model.train()
    book = model._codebook
    with torch.no_grad():
        first = torch.nn.functional.normalize(codes, dim=-1) if cosine else codes
        book.embed.copy_(first[None])
        book.embed_avg.copy_(first[None])
        book.cluster_size.fill_(1.0)
    found = {}

    def run():
        for _ in range(steps):
            x = z[None].clone().requires_grad_(True)
            quantized, ids, loss = model(x)
            ((quantized * gradient[None]).sum() + loss.sum()).backward()
            found.setdefault("ids", ids.reshape(-1).detach())
            found["loss"] = float(loss.sum())

    with rounds.Meter() as meter:
        run()
    np.save(folder / "labels.npy", found["ids"].numpy().astype(np.uint32))
    np.save(folder / "centroids.npy", book.embed[0].detach().numpy().astype(np.float32))
    version = f"vector-quantize-pytorch {importlib.metadata.version('vector-quantize-pytorch')}, {version}"
    print(json.dumps(dict(meter.cost, loss=found["loss"], version=version)))


def nearest(z, codes, cosine):
    """Ids by f64 products about the mean code."""
    import numpy as np

    z, codes = z.astype(np.float64), codes.astype(np.float64)
    if cosine:
        z, codes = (v / np.sqrt((v * v).sum(1, keepdims=True)) for v in (z, codes))
    else:
        z, codes = z - codes.mean(0), codes - codes.mean(0)
    half = 0.5 * (codes * codes).sum(1)
    return np.concatenate([(half - z[i : i + 512] @ codes.T).argmin(1) for i in range(0, len(z), 512)])


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6] == "1")
    parser = rounds.parser(__doc__, ["pauca", "lucidrains", "torch"], "also pauca:avx2, pauca:scalar", repetitions=3)
    parser.add_argument("--rows", type=int, default=32_768)
    parser.add_argument("--k", type=int, default=16_384)
    parser.add_argument("--dim", type=int, default=8)
    parser.add_argument("--mean", type=float, default=0.0, help="distance from the origin, in standard deviations")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--cosine", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-vq", options.peers)
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        random = np.random.default_rng(options.seed)
        normal = lambda n: random.standard_normal((n, options.dim), np.float32)
        z, codes, gradient = normal(options.rows), normal(options.k), normal(options.rows)
        z += np.float32(options.mean)
        codes += np.float32(options.mean)
        for name, values in (("z", z), ("codes", codes), ("grad", gradient)):
            np.save(folder / f"{name}.npy", values)
        print(f"{options.rows} x {options.dim}, k {options.k}, {'cosine' if options.cosine else 'Euclidean'}, mean "
              f"{options.mean:g} sigma, {options.steps} step(s), {options.reps} rounds\n{rounds.machine()}\n", flush=True)
        truth = nearest(z, codes, options.cosine)
        kept = {}

        def run(peer, threads, repetition):
            name, level, _ = rounds.split(peer)
            if name == "pauca":
                command = [program, "--x", str(folder / "z.npy"), "--codes", str(folder / "codes.npy"),
                           "--grad", str(folder / "grad.npy"), "--out", str(folder), "--steps", str(options.steps),
                           "--threads", str(threads), "--decay", str(DECAY), "--cosine", str(int(options.cosine))]
            else:
                command = [sys.executable, __file__, "--one", name, str(folder), str(options.steps), str(threads),
                           str(int(options.cosine))]
            result = rounds.call(command, rounds.environment(threads, level), options.timeout)
            if result is None:
                return None
            labels, found = np.load(folder / "labels.npy"), np.load(folder / "centroids.npy")
            result["wrong"] = int((labels != truth).sum())
            if name == "pauca":
                rounds.same_bits(result, kept, labels=labels, codes=found)
            # Codes that got rows; the others' averages are each library's own affair.
            used = np.unique(truth)
            if kept:
                result["codes_differ"] = float(np.abs(found[used] - kept["codes"][used]).max())
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)

    def cells(runs):
        same = {run["same_bits"] for run in runs if "same_bits" in run}
        return ["/".join(sorted({str(run["wrong"]) for run in runs})), f"{runs[0]['loss']:.6f}",
                f"{runs[0].get('codes_differ', float('nan')):.1e}", ("yes" if all(same) else "NO") if same else ""]

    rounds.tables(options, results, ["wrong ids", "loss", "codes differ by", "same bits"], cells)
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
