#!/usr/bin/env python3
"""k-means beside other libraries: the same rows, the same initial centroids, T iterations and the labels on the final
centroids, every run in its own process, peers in turn (A B C A B C ...).

    python3 -m venv .venv && .venv/bin/pip install -r benches/peers/requirements.txt
    .venv/bin/python benches/peers/kmeans.py --x wordnet-glosses.f16.npy [--rows 100000] [--k 1000] [--iters 10]
        [--threads 1 2] [--reps 5] [--peers pauca sklearn intelex numpy faiss superkmeans fastkmeans linfa] [--json FILE]

pauca:avx2 forces a SIMD level, pauca:f16 reads the rows as f16 (the others get f32, as they ask for). superkmeans:avx2 and
sklearn:avx2 hold the matrix products of a peer to AVX2; its other loops stay as they were compiled. The table names the
OpenBLAS kernels of each process. linfa is built here, from a lock file of its own; it takes minutes where others take
seconds, so it runs only where it is named.
Times are those of the fit, reading the file excluded. The inertia of every result is recomputed in f64 from its own
labels and centroids, by unfused differences; "other labels" counts rows that pauca labels otherwise.
superkmeans and fastkmeans take no initial centroids, and the labels of superkmeans are approximate: compare their
inertia loosely. Everybody starts from rows, so no seeding is timed; it has a table of its own (seeding.py).
"""
import json, pathlib, sys, tempfile

import rounds

PEERS = ["pauca", "sklearn", "intelex", "numpy", "faiss", "superkmeans", "fastkmeans"]


def one(peer, folder, iterations, threads):
    """One peer's run, in this process; writes labels and centroids, prints JSON."""
    import numpy as np

    x, start = np.load(folder / "x.f32.npy"), np.load(folder / "init.npy")
    k, dim = start.shape
    found = {}
    if peer in ("sklearn", "intelex"):
        if peer == "intelex":
            from sklearnex import patch_sklearn

            patch_sklearn(verbose=False)
        import sklearn
        from sklearn.cluster import KMeans

        version = f"scikit-learn {sklearn.__version__}"
        if peer == "intelex":
            import importlib.metadata

            version = f"scikit-learn-intelex {importlib.metadata.version('scikit-learn-intelex')}"
        model = KMeans(k, init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")

        def run():
            model.fit(x)
            found.update(labels=model.labels_, centroids=model.cluster_centers_, n_iter=model.n_iter_)
    elif peer == "faiss":
        import faiss

        version = f"faiss-cpu {faiss.__version__}"
        faiss.omp_set_num_threads(threads)
        model = faiss.Kmeans(dim, k, niter=iterations, max_points_per_centroid=10**9, min_points_per_centroid=1, seed=0)

        def run():
            model.train(x, init_centroids=start)
            found.update(labels=model.index.search(x, 1)[1][:, 0], centroids=model.centroids, n_iter=iterations)
    elif peer == "superkmeans":
        import importlib.metadata
        from superkmeans import SuperKMeans

        version = f"superkmeans {importlib.metadata.version('superkmeans')}"
        model = SuperKMeans(k, dim, hierarchical=False, quantizer="f32", iters=iterations, sampling_fraction=1.0,
                            max_points_per_cluster=10**8, n_threads=threads, early_termination=False)

        def run():
            centroids = np.asarray(model.train(x))
            found.update(labels=model.assign(x, centroids), centroids=centroids, n_iter=iterations)
    elif peer == "fastkmeans":
        import importlib.metadata
        import torch
        from fastkmeans import FastKMeans

        torch.set_num_threads(threads)
        version = f"fastkmeans {importlib.metadata.version('fastkmeans')}, torch {torch.__version__}"
        model = FastKMeans(dim, k, niter=iterations, gpu=False, tol=-1.0, max_points_per_centroid=None, seed=0,
                           use_triton=False)

        def run():
            model.train(x)
            found.update(labels=np.asarray(model.predict(x)), centroids=np.asarray(model.centroids), n_iter=iterations)
    elif peer == "numpy":
        import scipy.sparse

        version = f"numpy {np.__version__}, {rounds.blas()}"

        def assign(centroids):
            half = 0.5 * (centroids * centroids).sum(1)
            labels = np.empty(len(x), np.int64)
            for i in range(0, len(x), 2048):
                labels[i : i + 2048] = (half - x[i : i + 2048] @ centroids.T).argmin(1)
            return labels

        def run():
            centroids = start.copy()
            for _ in range(iterations):
                labels = assign(centroids)
                members = scipy.sparse.csr_matrix((np.ones(len(x), np.float32), (labels, np.arange(len(x)))), (k, len(x)))
                counts = np.bincount(labels, minlength=k)[:, None]
                centroids = np.where(counts > 0, (members @ x) / np.maximum(counts, 1), centroids).astype(np.float32)
            found.update(labels=assign(centroids), centroids=centroids, n_iter=iterations)
    else:
        sys.exit(f"{peer}: no such peer")
    with rounds.Meter() as meter:
        run()
    np.save(folder / "labels.npy", np.asarray(found["labels"]).astype(np.uint32))
    np.save(folder / "centroids.npy", np.asarray(found["centroids"], np.float32))
    # What was loaded for the run, with the kernels that it chose.
    loaded = rounds.blas()
    version = version if loaded in version else f"{version}, {loaded}"
    print(json.dumps(dict(meter.cost, n_iter=int(found["n_iter"]), version=version)))


def inertia(x, labels, centroids):
    import numpy as np

    total = 0.0
    for i in range(0, len(x), 4096):
        difference = x[i : i + 4096].astype(np.float64) - centroids[labels[i : i + 4096]]
        total += float((difference * difference).sum())
    return total


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    parser = rounds.parser(__doc__, PEERS, "also pauca:avx2, pauca:f16, pauca:avx2:f16, superkmeans:avx2, sklearn:avx2")
    parser.add_argument("--x", required=True, help=".npy of f16 or f32 rows")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--iters", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the rows taken as initial centroids")
    options = parser.parse_args()
    import numpy as np

    program = rounds.binary("peer-kmeans", options.peers)
    linfa = rounds.binary("peer-linfa", options.peers, "linfa", "benches/peers/linfa/Cargo.toml")
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        raw = np.load(options.x, mmap_mode="r")[: options.rows]
        x = np.ascontiguousarray(raw, np.float32)
        np.save(folder / "x.f32.npy", x)
        np.save(folder / "x.f16.npy", x.astype(np.float16))
        chosen = np.random.default_rng(options.seed).choice(len(x), options.k, replace=False)
        np.save(folder / "init.npy", x[chosen])
        print(f"{pathlib.Path(options.x).name}: {x.shape[0]} x {x.shape[1]}, k {options.k}, {options.iters} iterations "
              f"and final labels, {options.reps} rounds, tol 0\n{rounds.machine()}\n", flush=True)
        ours = {}

        def run(peer, threads, repetition):
            name, level, kind = rounds.split(peer)
            if name == "pauca":
                command = [program, "--x", str(folder / f"x.{kind}.npy"), "--init", str(folder / "init.npy"),
                           "--out", str(folder), "--iters", str(options.iters), "--threads", str(threads)]
            elif name == "linfa":
                command = [linfa, "--x", str(folder / "x.f32.npy"), "--init", str(folder / "init.npy"),
                           "--out", str(folder), "--iters", str(options.iters)]
            else:
                command = [sys.executable, __file__, "--one", name, str(folder), str(options.iters), str(threads)]
            result = rounds.call(command, rounds.environment(threads, level), options.timeout)
            if result is None:
                return None
            labels, centroids = np.load(folder / "labels.npy"), np.load(folder / "centroids.npy")
            result["recomputed"] = inertia(x, labels, centroids)
            if name == "pauca":
                rounds.same_bits(result, ours, labels=labels, centroids=centroids)
            result["other"] = int((labels != ours["labels"]).sum()) if ours else None
            return result

        results = rounds.rounds(options.peers, options.threads, options.reps, run)
    words = lambda runs, f: "/".join(sorted({f(run) for run in runs}))
    rounds.tables(options, results, ["iterations", "inertia (f64)", "other labels"], lambda runs: [
        words(runs, lambda r: str(r["n_iter"])), words(runs, lambda r: f"{r['recomputed']:.4f}"),
        words(runs, lambda r: str(r["other"]))])
    shares = []
    for (peer, threads), runs in results.items():
        if "same_bits" in runs[0]:
            r = runs[0]
            rows = max(r["rows"], 1)
            shares.append([peer, threads, r["level"], r["rows"]] + [f"{100 * r[t] / rows:.3f} %" for t in ("int8", "f32", "f64", "truth")]
                          + ["yes" if all(q["same_bits"] for q in runs) else "NO"])
    if shares:
        print("Rows of the last assignment settled by each tier; same labels and centroids as the first run of pauca:\n")
        rounds.table(["run", "threads", "level", "rows", "int8", "f32", "f64", "truth", "same bits"], shares)
    rounds.finish(options, results)


if __name__ == "__main__":
    main()
