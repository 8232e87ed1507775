"""D4 of many rows in shards: see million.sh.

million.py CURATE FOLDER ROWS
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np

VALUES, COMPONENTS, BLOCK = 768, 2000, 20_000
# Of the process itself: RssAnon counts neither the mapped shards nor the program's code.
MOST_MEMORY = 2 << 30
# Between two looks at /proc.
PAUSE = 0.05


def rows_of(path, n, seed=0):
    """Unit rows around components whose sizes follow a power law, with noise of a falling spectrum and a common direction,
    as embeddings have; a tenth are copies of earlier rows at cosine distances from 0 to 0.04."""
    random = np.random.default_rng(seed)
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    normal = lambda shape: random.standard_normal(shape, dtype=np.float32)
    spectrum = np.arange(1, VALUES + 1, dtype=np.float32) ** -0.5
    turn = np.linalg.qr(normal((VALUES, VALUES)))[0]
    centers = unit((normal((COMPONENTS, VALUES)) * spectrum) @ turn) + 0.4 * unit(normal((1, VALUES)))
    sizes = np.arange(1, COMPONENTS + 1) ** -1.2
    component = random.choice(COMPONENTS, n, p=sizes / sizes.sum())
    noise = np.float32(0.7 / np.sqrt((spectrum**2).sum()))
    x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, VALUES))
    for at in range(0, n, BLOCK):
        part = slice(at, min(at + BLOCK, n))
        block = centers[component[part]]
        x[part] = unit(block + ((normal(block.shape) * spectrum) @ turn) * noise)
        copies = np.flatnonzero(random.random(len(block)) < 0.1)[:, None]
        sources = x[random.integers(0, max(at, 1), len(copies))]
        away = normal(sources.shape)
        away = unit(away - (away * sources).sum(1, keepdims=True) * sources)
        cosine = 1 - random.uniform(0, 0.04, copies.shape).astype(np.float32)
        x[at + copies[:, 0]] = cosine * sources + np.sqrt(1 - cosine**2) * away
    return x


def shards_of(x, folder, number):
    os.makedirs(folder)
    bounds = [len(x) * i // number for i in range(number + 1)]
    for i in range(number):
        np.save(f"{folder}/part-{i}.npy", x[bounds[i] : bounds[i + 1]])


def status(pid):
    """RssAnon and all threads' seconds of the process; None where it is gone."""
    try:
        lines = open(f"/proc/{pid}/status").read()
        times = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if "RssAnon:" not in lines:
        return None
    return int(lines.split("RssAnon:")[1].split()[0]) << 10, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def size(folder):
    return sum(os.stat(f"{root}/{name}").st_size for root, _, names in os.walk(folder) for name in names)


def run(curate, shards, out, more=(), stop=None):
    """Runs D4; `stop`: (signal, seconds after the start). Exit code, seconds, peak of its own memory and of its disk."""
    command = [curate, shards, "--out", out, "--threads", "2", "--progress", "none", "--quiet", *more]
    begun = time.monotonic()
    process = subprocess.Popen(command)
    memory = disk = cpu = 0
    while process.poll() is None:
        if found := status(process.pid):
            memory, cpu = max(memory, found[0]), found[1]
        if os.path.isdir(out):
            try:
                disk = max(disk, size(out))
            except FileNotFoundError:
                pass  # a file was renamed meanwhile
        if stop and time.monotonic() - begun > stop[1]:
            process.send_signal(stop[0])
            stop = None
        time.sleep(PAUSE)
    return process.returncode, time.monotonic() - begun, cpu, memory, disk


def sums(out):
    names = sorted(name for name in os.listdir(out) if name.endswith((".npy", ".csv", ".parquet", ".txt")))
    return {name: hashlib.sha256(open(f"{out}/{name}", "rb").read()).hexdigest() for name in names}


def main():
    curate, folder, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    x = rows_of(f"{folder}/x.npy", n)
    for number in (20, 7):
        shards_of(x, f"{folder}/{number}", number)
    del x
    os.remove(f"{folder}/x.npy")
    print(subprocess.run([curate, f"{folder}/20", "--plan", "--threads", "2"], capture_output=True, text=True, check=True).stdout)
    bad, expected, whole = [], None, 0
    plan = [("20 shards", 20, None), ("7 shards", 7, None), ("SIGINT, resumed", 20, signal.SIGINT), ("SIGKILL, resumed", 7, signal.SIGKILL)]
    for name, number, sign in plan:
        out = f"{folder}/out"
        subprocess.run(["rm", "-rf", out], check=True)
        if sign:
            code, seconds, *_ = run(curate, f"{folder}/{number}", out, stop=(sign, whole / 2))
            expect = 130 if sign == signal.SIGINT else -sign
            print(f"{name}: stopped after {seconds:.1f} s with {code}", flush=True)
            if code != expect:
                bad.append(f"{name}: stopped with {code}, not {expect}")
        code, seconds, cpu, memory, disk = run(curate, f"{folder}/{number}", out, ["--resume"] if sign else [])
        if code:
            bad.append(f"{name}: exit code {code}")
            break
        # Half of the faster one: a run that was slowed by others would be over.
        whole = min(whole or seconds, seconds)
        found = sums(out)
        report = json.load(open(f"{out}/report.json"))
        print(
            f"{name}: {seconds:.1f} s, {cpu:.1f} CPU s, {memory / 2**20:.0f} MiB of its own at most,"
            f" {disk / 2**20:.0f} MiB in --out at most",
            flush=True,
        )
        print(f"  kept.npy {found['kept.npy']}", flush=True)
        if sign is None:
            print("  " + json.dumps(report["run"]), flush=True)
        if memory > MOST_MEMORY:
            bad.append(f"{name}: {memory} bytes of memory")
        expected = expected or found
        bad += [f"{name}: {key} differs" for key in expected if found.get(key) != expected[key]]
    print("\n".join(bad) or f"{len(expected)} files alike in all runs")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
