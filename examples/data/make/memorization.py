#!/usr/bin/env python3
"""Trains small language models on WordNet glosses and writes memorization.json and memorization.safetensors: for every
epoch, which tokens of the training texts each model predicts rightly.

    apt-get install --no-install-recommends python3-torch libopenblas0-pthread wordnet-base wordnet-sense-index
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 memorization.py    # some minutes; writes beside this folder
    ... memorization.py --quick --out try                                        # two epochs of everything: does it run?
    ... memorization.py --work pieces --one                                      # one run that is missing, each below a minute

Made with Debian 12: torch 1.13.1, numpy 1.24.2, OpenBLAS 0.3.21, WordNet 3.0. Without OpenBLAS it takes ten times as long.

Models: decoder-only transformers (two blocks, learned positions, tied embeddings, no dropout) of three widths. Adam
(0.9, 0.98), no weight decay, constant learning rate, batches of 8 texts in a seeded order, f32, one thread.
Runs: 3 widths x 2 learning rates x 2 data sizes (256 texts, and the first 64 of them).
Held-out: 64 other texts; their perplexity and hits after every epoch.
Forgetting: from the state after epoch 10 of each width (256 texts, the lower rate), the held-out texts are trained on
once (8 updates), then training goes on without them for 12 epochs; and the same with 4 passes in place of one.
Unique ids: the middle width once more with two id symbols before every text (16 x 16 ids), which are context only.

A token is hit when it is the argmax of the logits, ties to the lowest id, given the true tokens before it. The same
machine and versions give the same bytes; another BLAS rounds differently, and training amplifies that: curves move by
a few hundredths, single bits do not repeat.
"""
import argparse, copy, json, math, pathlib, struct, time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import memorization_text as corpus

WIDTHS, RATES = (32, 64, 128), (0.001, 0.003)
TRAIN, FEW, HELD_OUT, COMMON = 256, 64, 64, 4000
EPOCHS = {TRAIN: 28, FEW: 40}
BATCH, FORK, AFTER, IDS = 8, 10, 12, 16


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = max(2, width // 32)
        self.before, self.middle = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = self.qkv(self.before(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(2, 3) / math.sqrt(d // self.heads) + mask[:t, :t]
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.middle(x))))


class Model(nn.Module):
    def __init__(self, width, vocabulary, longest):
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
        nn.init.normal_(self.words.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(2))
        self.last = nn.LayerNorm(width)
        self.register_buffer("mask", torch.full((longest, longest), -math.inf).triu(1), persistent=False)

    def forward(self, ids, keep):
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, self.mask)
        return self.last(x[keep]) @ self.words.weight.T


def padded(texts, prefixes):
    """Inputs and targets [texts, longest]; -100 where nothing is to be predicted."""
    longest = max(len(p) + len(t) for p, t in zip(prefixes, texts)) - 1
    inputs = torch.zeros((len(texts), longest), dtype=torch.long)
    targets = torch.full((len(texts), longest), -100)
    for i, (prefix, text) in enumerate(zip(prefixes, texts)):
        row = torch.tensor(prefix + text)
        inputs[i, : len(row) - 1] = row[:-1]
        targets[i, len(prefix) - 1 : len(row) - 1] = row[len(prefix) :]
    return inputs, targets


def evaluate(model, data, perplexity=False):
    """Predicted ids of all tokens in order, and the perplexity if it is asked for."""
    predicted, loss, count = [], 0.0, 0
    with torch.no_grad():
        for inputs, targets in data:
            keep = targets != -100
            logits, targets = model(inputs, keep), targets[keep]
            if perplexity:
                loss += F.cross_entropy(logits, targets, reduction="sum").item()
                count += len(targets)
            predicted.append(logits.argmax(-1))
    return torch.cat(predicted).numpy(), math.exp(loss / count) if perplexity else None


class Training:
    def __init__(self, width, rate, texts, prefixes, vocabulary, longest, seed):
        torch.manual_seed(seed)
        self.model = Model(width, vocabulary, longest)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=rate, betas=(0.9, 0.98))
        self.texts, self.prefixes = texts, prefixes
        self.order = torch.Generator().manual_seed(seed)
        self.updates = []

    def one_pass(self, texts, prefixes):
        order = torch.randperm(len(texts), generator=self.order).tolist()
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            inputs, targets = padded([texts[i] for i in rows], [prefixes[i] for i in rows])
            keep = targets != -100
            logits = self.model(inputs, keep)
            loss = F.cross_entropy(logits, targets[keep])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.updates.append(((logits.argmax(-1) == targets[keep]).sum().item(), int(keep.sum())))

    def epoch(self):
        self.one_pass(self.texts, self.prefixes)

    def fork(self):
        other = copy.copy(self)
        other.model = copy.deepcopy(self.model)
        other.optimizer = torch.optim.Adam(other.model.parameters(), lr=self.optimizer.defaults["lr"], betas=(0.9, 0.98))
        other.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))
        other.order = torch.Generator()
        other.order.set_state(self.order.get_state())
        other.updates = []
        return other


def batches(texts, prefixes, size=32):
    return [padded(texts[i : i + size], prefixes[i : i + size]) for i in range(0, len(texts), size)]


def bits(rows):
    return np.packbits(np.array(rows, dtype=bool), axis=1)


def write_safetensors(path, arrays):
    """Tensors in the order of their names; the header padded to a multiple of 8 bytes."""
    kinds = {"uint8": "U8", "uint16": "U16", "uint32": "U32", "float64": "F64"}
    header, at = {}, 0
    for name in sorted(arrays):
        a = arrays[name]
        header[name] = {"dtype": kinds[a.dtype.name], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays))
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Study:
    """The texts, and one method for each kind of piece. A piece is (its part of the manifest, its arrays)."""

    def __init__(self, options):
        self.options = options
        self.begun = time.process_time()
        texts, words = corpus.choose(options.wordnet, TRAIN + HELD_OUT, COMMON)
        tagger = corpus.Tagger(options.wordnet)
        tags = [corpus.TAGS.index(tagger.tag(word)) for word in words]
        self.tag_of = np.array(tags + [255] * (1 + 2 * IDS), dtype=np.uint8)
        index = {word: i for i, word in enumerate(words)}
        begin, self.words, self.vocabulary = len(words), len(words), len(words) + 1 + 2 * IDS
        coded = [[index[word] for word in text] for text in texts]
        self.sets = {"train": coded[:TRAIN], "few": coded[:FEW], "held-out": coded[TRAIN:]}
        self.targets = {name: np.concatenate([np.array(text) for text in chosen]) for name, chosen in self.sets.items()}
        self.plain = [[begin]] * TRAIN
        self.named = [[begin, begin + 1 + i // IDS, begin + 1 + IDS + i % IDS] for i in range(TRAIN)]
        self.longest = max(map(len, coded)) + 3
        self.held = batches(self.sets["held-out"], self.plain)

    def begin(self, width, rate, set_name, prefixes):
        chosen, seed = self.sets[set_name], 1000 * width + int(1e6 * rate)
        return Training(width, rate, chosen, prefixes[: len(chosen)], self.vocabulary, self.longest, seed)

    def parameters(self, training, ids):
        """Embeddings of id symbols that a run never reads have no part in its size."""
        unused = 0 if ids else 2 * IDS * training.model.words.weight.shape[1]
        return sum(p.numel() for p in training.model.parameters()) - unused

    def held_out_hits(self, model):
        return evaluate(model, self.held)[0] == self.targets["held-out"]

    def train(self, name, width, rate, set_name, variant=None):
        prefixes = self.named if variant else self.plain
        training, target = self.begin(width, rate, set_name, prefixes), self.targets[set_name]
        chosen = self.sets[set_name]
        data = batches(chosen, prefixes[: len(chosen)])
        hits, right_tags, perplexity, held_hits = [], [], [], []
        for _ in range(2 if self.options.quick else EPOCHS[len(chosen)]):
            training.epoch()
            predicted, _ = evaluate(training.model, data)
            hits.append(predicted == target)
            right_tags.append(self.tag_of[predicted] == self.tag_of[target])
            if not variant:
                predicted, value = evaluate(training.model, self.held, perplexity=True)
                perplexity.append(value)
                held_hits.append(predicted == self.targets["held-out"])
        run = {"name": name, "parameters": self.parameters(training, variant), "learning_rate": rate, "set": set_name,
               "variant": variant, "epochs": list(range(1, len(hits) + 1)), "hits": f"{name}.hits",
               "updates": f"{name}.updates"}
        arrays = {f"{name}.hits": bits(hits), f"{name}.updates": np.array(training.updates, dtype=np.uint16)}
        if perplexity:
            arrays[f"{name}.perplexity"] = np.array(perplexity)
            run["validation_perplexity"] = f"{name}.perplexity"
        if set_name == "train" and rate == RATES[0] and not variant:
            arrays[f"{name}.tags"] = bits(right_tags)
            run["tag_hits"] = f"{name}.tags"
            arrays[f"{name}.held-out"] = bits(held_hits)
            run["held_out_hits"] = {"set": "held-out", "hits": f"{name}.held-out"}
        self.say(f"{name}: {run['parameters']} parameters, M " + " ".join(f"{row.mean():.2f}" for row in hits[::3])
                 + f" -> {hits[-1].mean():.3f}" + (f"; perplexity {min(perplexity):.0f} -> {perplexity[-1]:.0f}" if perplexity else ""))
        return {"runs": [run]}, arrays

    def forget(self, name, width, of):
        """Trains as the run `of` does up to the fork, then goes on from there twice."""
        training = self.begin(width, RATES[0], "train", self.plain)
        fork_at, after = (1, 2) if self.options.quick else (FORK, AFTER)
        for _ in range(fork_at):
            training.epoch()
        entries, arrays = [], {}
        for passes in (1, 4):
            fork = training.fork()
            rows = [self.held_out_hits(fork.model)]
            for _ in range(passes):
                fork.one_pass(self.sets["held-out"], self.plain)
            rows.append(self.held_out_hits(fork.model))
            for _ in range(after):
                fork.epoch()
                rows.append(self.held_out_hits(fork.model))
            key = f"{name}.x{passes}"
            arrays[key] = bits(rows)
            entries.append({
                "name": f"width {width}, {passes} pass" + ("es" if passes > 1 else ""),
                "parameters": self.parameters(training, False), "run": of, "set": "held-out", "passes": passes,
                "injected_after_epoch": fork_at, "epochs": list(range(-1, len(rows) - 1)), "hits": key,
            })
            self.say(f"{key}: " + " ".join(f"{row.mean():.3f}" for row in rows))
        return {"forgetting": entries}, arrays

    def pieces(self):
        """Name of every piece and what makes it, in the order of the manifest."""
        made = {}
        for width in WIDTHS:
            for rate in RATES:
                for set_name in ("few", "train"):
                    name = f"w{width}.{rate:g}.{set_name}"
                    made[name] = lambda n=name, w=width, r=rate, s=set_name: self.train(n, w, r, s)
            name, of = f"forgetting.w{width}", f"w{width}.{RATES[0]:g}.train"
            made[name] = lambda n=name, w=width, of=of: self.forget(n, w, of)
        name = f"w{WIDTHS[1]}.{RATES[0]:g}.train.ids"
        made[name] = lambda n=name: self.train(n, WIDTHS[1], RATES[0], "train", "unique id")
        return made

    def say(self, text):
        print(f"{time.process_time() - self.begun:6.0f} s CPU  {text}", flush=True)

    def write(self, pieces):
        manifest = {
            "format": "pauca-memorization", "format_version": 1,
            "title": "Small transformers on WordNet glosses",
            "source": "WordNet 3.0 glosses (c) 2006 Princeton University, WordNet licence; trained by make/memorization.py",
            "wordnet_sha256": corpus.digest(self.options.wordnet), "torch": torch.__version__,
            "vocabulary": self.vocabulary, "arrays": "memorization.safetensors", "tags": corpus.TAGS, "sets": {},
            "runs": [], "forgetting": [],
        }
        arrays = {}
        for name, chosen in self.sets.items():
            arrays[f"{name}.ends"] = np.cumsum([len(text) for text in chosen]).astype(np.uint32)
            arrays[f"{name}.tags"] = self.tag_of[self.targets[name]]
            manifest["sets"][name] = {"texts": len(chosen), "tokens": len(self.targets[name]), "ends": f"{name}.ends",
                                      "tags": f"{name}.tags"}
        for part, more in pieces:
            manifest["runs"] += part.get("runs", [])
            manifest["forgetting"] += part.get("forgetting", [])
            arrays.update(more)
        self.options.out.mkdir(parents=True, exist_ok=True)
        write_safetensors(self.options.out / "memorization.safetensors", arrays)
        (self.options.out / "memorization.json").write_text(json.dumps(manifest, indent=1) + "\n")
        self.say(f"{sum(a.nbytes for a in arrays.values())} bytes of arrays in {self.options.out}")


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--wordnet", type=pathlib.Path, default=pathlib.Path("/usr/share/wordnet"))
    parser.add_argument("--out", type=pathlib.Path, default=here)
    parser.add_argument("--work", type=pathlib.Path, help="folder for finished pieces, so that a stopped run goes on")
    parser.add_argument("--one", action="store_true", help="make at most one piece, then end")
    parser.add_argument("--quick", action="store_true", help="two epochs of everything")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    study, pieces, made = Study(options), [], 0
    for name, make in study.pieces().items():
        file = options.work / f"{name}.npz" if options.work else None
        if file and file.exists():
            with np.load(file) as stored:
                arrays = {key: stored[key] for key in stored.files}
            pieces.append((json.loads(bytes(arrays.pop("part"))), arrays))
            continue
        if options.one and made:
            return
        part, arrays = make()
        made += 1
        pieces.append((part, arrays))
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            text = np.frombuffer(json.dumps(part).encode(), dtype=np.uint8)
            np.savez(file, part=text, **arrays)
    study.write(pieces)


if __name__ == "__main__":
    main()
