#!/usr/bin/env python3
"""Writes the hidden states of a transformers model over texts, for prune-layers: state 0 is the input of the first layer,
state l the output of layer l. The last one is taken before the final norm (output_hidden_states gives it after the norm).

    python export_states.py MODEL TEXTS OUT [--all] [--tokens 512] [--batch 8] [--list model.layers]
    prune-layers OUT --order samples --drop 5 --apply MODEL --out pruned

TEXTS has one text a line. OUT becomes a folder of .safetensors files, one a batch, which say how many layers there are:
states [texts, layers + 1, values] at the last token of each text, or with --all (block influence) [texts, layers + 1,
tokens, values] and attention_mask [texts, tokens]. Values in the type of the model.
"""
import argparse, pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model"), parser.add_argument("texts"), parser.add_argument("out")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--tokens", type=int, default=512), parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--list", help="name of the list of layers, where the longest is not meant")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="auto").to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model, padding_side="right")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    lists = [(n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.ModuleList) and args.list in (None, n)]
    name, layers = max(lists, key=lambda item: len(item[1]))
    found = []
    first = lambda out: out[0] if isinstance(out, tuple) else out
    layers[0].register_forward_pre_hook(
        lambda _m, inputs, named: found.append(inputs[0] if inputs else named["hidden_states"]), with_kwargs=True)
    for layer in layers:
        layer.register_forward_hook(lambda _m, _i, out: found.append(first(out)))
    texts = [line for line in pathlib.Path(args.texts).read_text().splitlines() if line.strip()]
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    said = {"layers": str(len(layers)), "list": name, "final_norm": "before", "tokens": "all" if args.all else "last"}
    for i in range(0, len(texts), args.batch):
        batch = tokenizer(texts[i : i + args.batch], return_tensors="pt", padding=True, truncation=True, max_length=args.tokens)
        found.clear()
        with torch.no_grad():
            model(**batch.to(device), use_cache=False)
        states, mask = torch.stack(found, 1), batch["attention_mask"]
        last = mask.shape[1] - 1 - mask.flip(1).argmax(1)
        tensors = {"states": states, "attention_mask": mask.to(torch.uint8)} if args.all else {
            "states": states[torch.arange(len(states)), :, last]}
        tensors = {key: value.contiguous().cpu() for key, value in tensors.items()}
        save_file(tensors, out / f"states-{i // args.batch:05}.safetensors", metadata=said)
        print(f"{min(i + args.batch, len(texts))} of {len(texts)} texts, {len(layers)} layers of {name}", flush=True)


if __name__ == "__main__":
    main()
