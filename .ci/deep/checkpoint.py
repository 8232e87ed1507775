#!/usr/bin/env python3
"""A checkpoint of 2.7 GB in three shards, as the transformers package saves a random Llama of 24 layers in bfloat16,
pruned by `prune-layers --apply`: its time, its peak memory, whether the output loads, every tensor against its source.

    python checkpoint.py PATH/TO/prune-layers FOLDER        # packages: families.txt; exits with 1 where something differs
"""
import os, pathlib, re, subprocess, sys, time

import numpy as np, torch, transformers
from safetensors import safe_open

LAYERS, DROP = 24, 6


def tensors(folder):
    """File of each tensor."""
    files = sorted(folder.glob("*.safetensors"))
    return {name: file for file in files for name in safe_open(file, "pt").keys()}


def main():
    program, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        num_hidden_layers=LAYERS, hidden_size=2048, intermediate_size=5504, num_attention_heads=16, vocab_size=32_000,
        num_key_value_heads=16, use_cache=False, dtype="bfloat16",
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder / "source", max_shard_size="1GB")
    del model
    source = tensors(folder / "source")
    size = sum(file.stat().st_size for file in set(source.values()))
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"{size / 1e9:.2f} GB in {len(set(source.values()))} shards, {len(source)} tensors")
    # States whose layers 13 to 18 hardly change anything.
    random = np.random.default_rng(1)
    step = lambda layer: (0.01 if 12 <= layer < 12 + DROP else 1.0) * random.standard_normal((16, 2048))
    states = np.cumsum([random.standard_normal((16, 2048)), *(step(layer) for layer in range(LAYERS))], 0)
    np.save(folder / "states.npy", states.transpose(1, 0, 2).astype(np.float32, order="C"))
    index = folder / "source/model.safetensors.index.json"
    flags = ["--drop", str(DROP), "--apply", index, "--out", folder / "out", "--overwrite", "--progress", "none"]
    start = time.monotonic()
    child = subprocess.Popen([program, folder / "states.npy", *flags, "--quiet"])
    # Its own peak, asked for while it runs: what the system keeps of an ended process has the peak of this one in it.
    peak = 0
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
        peak = max([peak, *map(int, re.findall(r"VmHWM:\s+(\d+)", status))])
        time.sleep(0.002)
    _, status, used = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    if status:
        sys.exit("prune-layers failed")
    print(f"pruned in {took:.2f} s ({used.ru_utime + used.ru_stime:.2f} CPU s), peak memory {peak} kB")
    pruned = next(folder.glob("out/**/config.json")).parent
    found = tensors(pruned)
    gone = range(12, 12 + DROP)
    kept = [layer for layer in range(LAYERS) if layer not in gone]
    equal = 0
    for name, file in found.items():
        was = re.sub(r"layers\.(\d+)\.", lambda m: f"layers.{kept[int(m[1])]}.", name)
        a, b = (safe_open(f, "pt").get_tensor(n) for f, n in ((file, name), (source[was], was)))
        equal += a.dtype == b.dtype and torch.equal(a.view(torch.int16), b.view(torch.int16))
    files = len(set(found.values()))
    print(f"{equal} of {len(found)} tensors in {files} shards equal in every bit, {len(source) - len(found)} gone")
    _, keys = transformers.AutoModelForCausalLM.from_pretrained(pruned, output_loading_info=True)
    print(", ".join(f"{len(keys[kind])} {kind}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")))
    right = equal == len(found) == len(source) - 9 * DROP
    sys.exit(int(not right or any(keys[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))))


main()
