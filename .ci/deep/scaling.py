#!/usr/bin/env python3
"""Bias and coverage of scaling laws: 200 draws of L = 2 + e^9 C^-0.3 with normal noise, 1 to 9 runs at each of six sizes
from 1e15 to 1e20, through `tokenize audit --runs`. Needs NumPy; a minute of one core.

    cargo build --release -p pauca-examples --bin tokenize && python3 .ci/deep/scaling.py target/release/tokenize
"""

import json, pathlib, subprocess, sys, tempfile

import numpy as np

DRAWS, EXPONENT, FLOOR = 200, -0.3, 2.0


def main():
    program, random = str(pathlib.Path(sys.argv[1]).resolve()), np.random.default_rng(16)
    print(
        "| noise | runs a size | mean exponent (true -0.3) | its error | exponent held | floor held | fits |\n"
        + "|---" * 7
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "ids.npy", np.zeros((1, 2), np.int32))
        for noise in (0.005, 0.02):
            for runs in range(1, 10):
                compute = np.repeat(10.0 ** np.arange(15, 21), runs)
                lines = ["tokenizer,compute,loss"]
                for draw in range(DRAWS):
                    loss = FLOOR + np.exp(9) * compute**EXPONENT + noise * random.standard_normal(len(compute))
                    lines += [f"{draw},{c!r},{y!r}" for c, y in zip(compute.tolist(), loss.tolist())]
                (folder / "runs.csv").write_text("\n".join(lines))
                subprocess.run(
                    [
                        program,
                        "audit",
                        "--ids",
                        "ids.npy",
                        "--runs",
                        "runs.csv",
                        "--out",
                        "out",
                        "--overwrite",
                        "--quiet",
                        "--progress",
                        "none",
                    ],
                    cwd=folder,
                    check=True,
                )
                fits = [s for s in json.loads((folder / "out/report.json").read_text())["scaling"] if s.get("exponent")]
                inside = lambda ends, true: (ends[0] is None or ends[0] <= true) and true <= ends[1]
                found = np.array([s["exponent"] for s in fits])
                held = [
                    sum(inside(s[f"{name}_interval"], true) for s in fits)
                    for name, true in (("exponent", EXPONENT), ("floor", FLOOR))
                ]
                print(
                    f"| {noise} | {runs} | {found.mean():.4f} | {found.std(ddof=1) / len(found) ** 0.5:.4f} | {held[0]} | {held[1]} "
                    f"| {len(fits)} of {DRAWS} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
