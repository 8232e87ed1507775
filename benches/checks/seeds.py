#!/usr/bin/env python3
"""Differences of the tokenizers of a `tokenize --seeds N` run to the plain one, seed by seed, with 95 % intervals by a
bootstrap over the seeds (10,000 draws, percentiles), beside Student's t of the report. Needs NumPy.

    python benches/checks/seeds.py OUT
"""

import json, pathlib, sys

import numpy as np

report = json.loads((pathlib.Path(sys.argv[1]) / "report.json").read_text())
settings, values = [(t["codes"], t["lambda"]) for t in report["tokenizers"]], {}
for run in report["runs"]:
    loss = {model["size"]: model["loss"] for model in run["models"]}
    placed = np.mean(np.log(run["position_perplexity"]))
    explained = {f"explained, {size}": placed - of for size, of in loss.items()}
    values[run["codes"], run["lambda"], run["seed"]] = (
        {"error x 1000": 1e3 * run["reconstruction_mse"], "H(token | place)": placed}
        | {f"loss, {size}": of for size, of in loss.items()}
        | explained
    )
seeds = sorted({seed for *_, seed in values})
draws = np.random.default_rng(0).integers(0, len(seeds), (10_000, len(seeds)))
names = list(next(iter(values.values())))
print(f"{len(values)} runs, {len(seeds)} seeds\n| tokenizer | {' | '.join(names)} |" + "\n" + "|---" * (1 + len(names)) + "|")
for row, setting in zip(report["tokenizers"][1:], settings[1:]):
    cells = []
    for name in names:
        change = np.array([values[*setting, seed][name] - values[*settings[0], seed][name] for seed in seeds])
        low, high = np.quantile(change[draws].mean(1), [0.025, 0.975])
        cells.append(f"{change.mean():.3f} [{low:.3f}, {high:.3f}]")
    print(f"| {row['name']} | {' | '.join(cells)} |")
