"""What the comparisons share: their options, every run in its own process, peers in turn, medians and ranges, tables."""
import argparse, json, os, pathlib, platform, shutil, statistics, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What holds the matrix products of a peer to a level: OpenBLAS by the name of a machine, MKL, torch and faiss by instructions.
FORCED = {"avx2": {"OPENBLAS_CORETYPE": "Haswell", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
                   "FAISS_OPT_LEVEL": "avx2"}}
LEVELS = ("scalar", "neon", "avx2", "avxvnni", "avx512", "avx512vnni", "amx")


def parser(doc, peers, also="", repetitions=5, timeout=900):
    """The options that every comparison has; `also`: what --help says of other peers."""
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options.add_argument("--reps", type=int, default=repetitions)
    options.add_argument("--peers", nargs="+", default=peers, help=also)
    options.add_argument("--timeout", type=float, default=timeout, help="seconds after which a run is left out")
    options.add_argument("--json", type=pathlib.Path, help="write every single run here")
    return options


def binary(name, peers, peer="pauca", manifest="Cargo.toml"):
    """The Rust program of a peer, built if cargo is at hand, else where cargo leaves it; None when nobody asks for it."""
    if not any(asked.split(":")[0] == peer for asked in peers):
        return None
    manifest = ROOT / manifest
    if shutil.which("cargo"):
        command = ["cargo", "build", "--release", "--quiet", "--manifest-path", str(manifest), "--bin", name]
        command += ["-p", "pauca-benches"] if peer == "pauca" else ["--locked"]
        subprocess.run(command, check=True)
    path = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", manifest.parent / "target")) / "release" / name
    if not path.exists():
        sys.exit(f"{path} is missing: cargo build --release --manifest-path {manifest}")
    return str(path)


def machine():
    model, flags = platform.processor() or platform.machine(), ""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        field = lambda name: next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(name))
        model, flags = field("model name"), field("flags")
    except (OSError, StopIteration):
        pass
    have = [name for name in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8") if f" {name} " in f" {flags} "]
    return f"{model}, {os.cpu_count()} cores, {' '.join(have)}; load {os.getloadavg()[0]:.1f} at the start"


def environment(threads, level=None):
    env = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        env[name] = str(threads)
    # Meant for older builds of OpenBLAS: a current one chooses better by itself, and its kernel stands in the tables.
    for name in ("PAUCA_SIMD", "OPENBLAS_L2_SIZE", *(name for forced in FORCED.values() for name in forced)):
        env.pop(name, None)
    if level:
        env["PAUCA_SIMD"] = level
        env.update(FORCED.get(level, {}))
    return env


def split(peer):
    """"pauca:avx2:f16" -> ("pauca", "avx2", "f16"): level None and type f32 where not said."""
    name, *rest = peer.split(":")
    level, kind = None, "f32"
    for word in rest:
        if word in LEVELS:
            level = word
        elif word in ("f16", "f32"):
            kind = word
        else:
            sys.exit(f"{peer}: {word} is neither a level nor f16 or f32")
    if name != "pauca" and level and level not in FORCED:
        sys.exit(f"{peer}: another library can be held to {', '.join(FORCED)} alone")
    return name, level, kind


def blas():
    """The BLAS of this process as threadpoolctl names it: "openblas 0.3.30 SkylakeX"."""
    import threadpoolctl

    found = {f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip()
             for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}
    return ", ".join(sorted(found))


class Meter:
    """Wall, processor time and extra resident memory of a piece of work of this process."""

    def __enter__(self):
        try:
            pathlib.Path("/proc/self/clear_refs").write_text("5")
            self.forgotten = True
        except OSError:
            self.forgotten = False
        self.memory, self.cpu, self.clock = self.status("VmRSS:"), self.seconds(), time.perf_counter()
        return self

    def __exit__(self, *_):
        wall, cpu = time.perf_counter() - self.clock, self.seconds() - self.cpu
        extra = self.status("VmHWM:") - self.memory if self.forgotten else float("nan")
        self.cost = dict(wall=wall, cpu=cpu, extra_mb=extra / 1024)

    @staticmethod
    def seconds():
        times = os.times()
        return times.user + times.system

    @staticmethod
    def status(field):
        for line in open("/proc/self/status"):
            if line.startswith(field):
                return float(line.split()[1])
        return float("nan")


def rounds(peers, threads, repetitions, run):
    """Calls run(peer, threads, repetition) in turn: A B C A B C ...; gives {(peer, threads): [results]}.

    A peer that fails is named and left out of what follows."""
    results, failed = {}, set()
    for repetition in range(repetitions):
        for count in threads:
            for peer in peers:
                if peer in failed:
                    continue
                result = run(peer, count, repetition)
                if result is None:
                    failed.add(peer)
                    continue
                results.setdefault((peer, count), []).append(result)
                print(f"  round {repetition + 1}: {peer}, {count} thread(s): {result['wall']:.2f} s", file=sys.stderr)
    return results


def call(command, env, timeout):
    """The JSON that a process prints last, or None with its complaint shown."""
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        print(f"LEFT OUT: {' '.join(command[:3])} ... took more than {timeout} s", file=sys.stderr)
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"LEFT OUT: {' '.join(command[:4])} ...: exit {done.returncode}: {last}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def same_bits(result, first, **arrays):
    """Notes in a result of pauca whether its arrays are those of pauca's first run, which `first` keeps."""
    result["same_bits"] = all(array.tobytes() == first.setdefault(name, array).tobytes() for name, array in arrays.items())


def potential(x, centroids):
    """Sum of squared distances of rows to the nearest centroid: f32 products choose, f64 differences sum."""
    import numpy as np

    half, total = 0.5 * (centroids * centroids).sum(1), 0.0
    for i in range(0, len(x), 2048):
        rows = x[i : i + 2048]
        difference = rows.astype(np.float64) - centroids[(half - rows @ centroids.T).argmin(1)]
        total += float((difference * difference).sum())
    return total


def spread(values, digits=2):
    """Median (smallest-largest)."""
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def tables(options, results, head, cells):
    """A table for each number of threads: times and memory of every peer, then cells(runs) under `head`."""
    for threads in options.threads:
        first, rows = results.get((options.peers[0], threads)), []
        for peer in options.peers:
            runs = results.get((peer, threads))
            if not runs:
                continue
            walls = [run["wall"] for run in runs]
            base = statistics.median(run["wall"] for run in first) if first else float("nan")
            rows.append([peer, runs[0]["version"], runs[0].get("level", ""), spread(walls),
                         f"{statistics.median(walls) / base:.2f}", spread([run["cpu"] for run in runs]),
                         f"{max(run['extra_mb'] for run in runs):.0f}"] + cells(runs))
        print(f"Threads: {threads}. Seconds: median (smallest-largest) of {options.reps}.\n")
        table(["peer", "version", "level", "wall s", f"x {options.peers[0]}", "CPU s", "extra MB"] + head, rows)


def finish(options, results):
    """Writes every run where --json says, and ends the program: 1 if pauca's runs differ in a bit."""
    if options.json:
        flat = [dict(peer=peer, threads=threads, **run) for (peer, threads), runs in results.items() for run in runs]
        options.json.write_text(json.dumps(flat, indent=1))
    sys.exit(not all(run.get("same_bits", True) for runs in results.values() for run in runs))
