#!/usr/bin/env python3
"""A study of memorization, trained by transformers on shipped text, and every number of the report about it by NumPy.

    python memorization.py train FOLDER             # trains, logs, writes FOLDER/study.json
    python memorization.py check FOLDER REPORT      # compares what `memorization` made of it; exits with 1 where it differs

The texts are pieces of 48 bytes of the shipped documentation strings, a byte a token: every other piece is trained on,
the rest is held out. Two GPT-2 models are logged by pairs (argmax, log-probability), the larger one also by logits in
two tiles.
"""

import collections, csv, json, math, pathlib, sys, zlib

import numpy as np

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/data"
LENGTH, PIECES, EPOCHS, BATCH, RATE = 48, 128, 40, 8, 3e-3
PREFIX = 40
SIZES = {"small": dict(n_layer=1, n_embd=32, n_head=2), "large": dict(n_layer=3, n_embd=96, n_head=4)}
SAMPLING = {"temperature": 0.8, "top_k": 12, "top_p": 0.95}
TAUS = [0.3, 0.5, 0.7, 0.9]


def pieces():
    """[2 PIECES, LENGTH] ids, and how many there are: members first, then the others, side by side in the text."""
    text = "".join(json.loads(line)["text"] + "\n" for line in open(EXAMPLES / "docstrings.jsonl", encoding="utf-8"))
    known, ids = np.unique(np.frombuffer(text.encode()[: 2 * PIECES * LENGTH], np.uint8), return_inverse=True)
    both = ids.reshape(-1, LENGTH)
    return np.concatenate([both[::2], both[1::2]]), known


def train(folder):
    import torch
    import transformers

    sys.path.insert(0, str(EXAMPLES / "make"))
    from memorization_log import Log

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    ids, known = pieces()
    vocabulary, all_ids = len(known), torch.from_numpy(ids)
    # Secrets: the digits 0 to 9 in a fixed frame, four of them, two secrets among the 10,000 that there could be.
    digit = [int(np.searchsorted(known, ord(d))) for d in "0123456789"]
    frame = np.random.default_rng(4).integers(0, vocabulary, LENGTH - 4)
    secret = lambda n: np.concatenate([frame, [digit[int(d)] for d in f"{n:04}"]])
    canaries = [4071, 6395]
    members = torch.from_numpy(np.concatenate([ids[:PIECES], *([secret(c)] * 3 for c in canaries)]).reshape(-1, LENGTH))
    targets = ids[:PIECES].copy()
    targets[:, 0] = -100
    ends = LENGTH * np.arange(1, PIECES + 1)
    log = Log(folder, vocabulary, targets.ravel(), ends)

    @torch.no_grad()
    def logits(model, texts):
        """Before each token of the texts; zeros before the first, of which nothing is known."""
        found = torch.cat([model(part).logits for part in texts.split(64)])
        return torch.cat([torch.zeros_like(found[:, :1]), found[:, :-1]], 1)

    def scores(model, texts):
        found = logits(model, texts)
        log_prob = found.log_softmax(-1).gather(-1, texts[..., None])[..., 0]
        return found, found.argmax(-1), log_prob

    def learn(kind, texts, seed, epochs, every=None):
        torch.manual_seed(seed)
        config = transformers.GPT2Config(
            vocab_size=vocabulary,
            n_positions=LENGTH,
            resid_pdrop=0,
            embd_pdrop=0,
            attn_pdrop=0,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
            **SIZES[kind],
        )
        model = transformers.GPT2LMHeadModel(config)
        adam = torch.optim.AdamW(model.parameters(), RATE)
        for epoch in range(1, epochs + 1):
            model.train()
            for rows in torch.randperm(len(texts)).split(BATCH):
                loss = model(texts[rows], labels=texts[rows]).loss
                adam.zero_grad()
                loss.backward()
                adam.step()
            model.eval()
            if every:
                every(model, epoch)
        return model

    models, perplexity, held_out = {}, {}, {}
    for kind in SIZES:
        perplexity[kind], held_out[kind] = [], []

        def every(model, epoch):
            found, argmax, log_prob = scores(model, all_ids[:PIECES])
            parameters = sum(p.numel() for p in model.parameters())
            log.epoch(kind, epoch, argmax.ravel(), log_prob.ravel(), parameters=parameters, learning_rate=RATE)
            if kind == "large":
                flat = found.reshape(-1, vocabulary).numpy()
                for tile, columns in enumerate((slice(0, 40), slice(40, None))):
                    np.save(f"{folder}/large.logits.{epoch}.{tile}.npy", np.ascontiguousarray(flat[:, columns]))
            _, argmax, log_prob = scores(model, all_ids[PIECES:])
            perplexity[kind].append(np.exp(-log_prob[:, 1:].double().mean().item()))
            held_out[kind].append(np.packbits((argmax == all_ids[PIECES:])[:, 1:].ravel().numpy()))

        models[kind] = learn(kind, members, 1, EPOCHS, every)
        print(
            f"{kind}: validation perplexity {perplexity[kind][0]:.1f} to {min(perplexity[kind]):.1f}, "
            f"at the end {perplexity[kind][-1]:.1f}",
            flush=True,
        )

    save = lambda name, values: (np.save(f"{folder}/{name}.npy", values), f"{name}.npy")[1]
    study = json.loads(pathlib.Path(log.path("study.json")).read_text())
    study["title"] = "GPT-2 on documentation strings"
    study["sets"]["others"] = {"tokens": PIECES * (LENGTH - 1)}
    for run in study["runs"]:
        run["validation_perplexity"] = save(f"{run['name']}.perplexity", np.array(perplexity[run["name"]]))
        hits = save(f"{run['name']}.others", np.stack(held_out[run["name"]]))
        run["held_out_hits"] = {"set": "others", "hits": hits}
    large = next(run for run in study["runs"] if run["name"] == "large")
    tiled = {k: v for k, v in large.items() if k not in ("argmax", "log_prob")}
    study["runs"].append(
        {
            **tiled,
            "name": "large, by logits",
            "variant": "logits",
            "logits": ["large.logits.{}.0.npy", "large.logits.{}.1.npy"],
        }
    )

    both = ids.copy()
    both[:, 0] = -100
    study["sets"]["both"] = {
        "tokens": both.size,
        "ends": save("both.ends", LENGTH * np.arange(1, 2 * PIECES + 1)),
        "targets": save("both.targets", both.ravel().astype(np.int16)),
    }
    found, _, _ = scores(models["large"], all_ids)
    flat = found.reshape(-1, vocabulary).numpy()
    tiles = [save(f"both.{i}", np.ascontiguousarray(flat[:, c])) for i, c in enumerate((slice(0, 40), slice(40, None)))]
    text = [zlib.compress(known[row].tobytes(), 6) for row in ids]
    study["membership"] = [
        {
            "name": "large",
            "set": "both",
            "logits": tiles,
            "member": save("member", np.arange(2 * PIECES) < PIECES),
            "reference_log_prob": save("reference", scores(models["small"], all_ids)[2].ravel().numpy()),
            "zlib_bytes": save("zlib", np.array([len(t) for t in text], np.int32)),
        }
    ]
    prompt = all_ids[:PIECES, :PREFIX]
    said = models["large"].generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=LENGTH - PREFIX,
        min_new_tokens=LENGTH - PREFIX,
        pad_token_id=0,
    )
    suffix = save("suffix", ids[:PIECES, PREFIX:].astype(np.int32))
    before = logits(models["large"], all_ids[:PIECES])[:, PREFIX:].reshape(-1, vocabulary).numpy()
    study["extraction"] = [
        {
            "name": "suffixes",
            "suffix": suffix,
            "generated": save("said", said[:, PREFIX:].numpy().astype(np.int32)),
            "logits": save("suffix.logits", before),
            "sampling": SAMPLING,
        }
    ]
    space = torch.from_numpy(np.stack([secret(n) for n in range(10_000)]))
    losses = torch.cat(
        [-scores(models["large"], part)[2][:, -4:].double().mean(1) for part in space.split(1000)]
    ).numpy()
    study["exposure"] = [
        {
            "name": "codes",
            "canaries": save("canaries", losses[canaries]),
            "candidates": save("space", losses),
            "whole": True,
        },
        {"name": "codes, sampled", "canaries": "canaries.npy", "candidates": save("sampled", losses[:4000:4])},
    ]
    half = np.random.default_rng(3).permuted(np.tile([1, 1, 0, 0], (PIECES, 1)), axis=1).T.astype(np.uint8, order="C")
    small = [learn("small", all_ids[:PIECES][torch.from_numpy(row) == 1], 10 + i, 4) for i, row in enumerate(half)]
    right = [(scores(m, all_ids[:PIECES])[1] == all_ids[:PIECES])[:, 1:].double().mean(1).numpy() for m in small]
    # One of them, which hardly knows its half, asked by pairs and moments.
    found, _, log_prob = scores(small[0], all_ids[:PIECES])
    log_p = found.double().log_softmax(-1)
    mu = (log_p.exp() * log_p).sum(-1, keepdim=True)
    sigma = (log_p.exp() * (log_p - mu) ** 2).sum(-1).sqrt()
    study["membership"].append(
        {
            "name": "half",
            "set": "train",
            "member": save("half.member", half[0]),
            "log_prob": save("half.log_prob", log_prob.ravel().numpy()),
            "mean": save("half.mean", mu.ravel().numpy()),
            "deviation": save("half.deviation", sigma.ravel().numpy()),
        }
    )
    study["counterfactual"] = [
        {"name": "halves", "performance": save("performance", np.stack(right)), "trained": save("trained", half)}
    ]
    pathlib.Path(log.path("study.json")).write_text(json.dumps(study, indent=1))


def mean(values):
    return math.fsum(values) / len(values)


def softmax(logits):
    """ln p of all ids in f64."""
    x = logits.astype(np.float64)
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def lowest(values, share=0.2):
    n = max(1, int(share * len(values)))
    return mean(sorted(values)[:n])


def area(scores, member):
    """Every pair of a member and another."""
    a, b = scores[member][:, None], scores[~member]
    return ((a > b).sum() + 0.5 * (a == b).sum()) / (a.size * b.size)


def found_at(scores, member, rate):
    """The most members above a threshold that lets through at most this share of the others."""
    others = [(scores[~member] >= t).mean() for t in scores]
    return max([0.0] + [(scores[member] >= t).mean() for t, o in zip(scores, others) if o <= rate])


def sampled(logits, targets, temperature, top_k, top_p):
    """Log-probability of each target among the ids that the scheme leaves, one row at a time."""
    out = []
    for row, y in zip(logits.astype(np.float64), targets):
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))[:top_k]
        p = np.exp((row[order] - row[order[0]]) / temperature)
        p /= p.sum()
        n = int(np.searchsorted(np.cumsum(p), top_p * (1 - 1e-12))) + 1
        kept = dict(zip(order[:n], p[:n] / p[:n].sum()))
        out.append(math.log(kept[y]) if y in kept else -math.inf)
    return np.array(out)


def check(folder, out):
    load = lambda name: np.load(folder / name)
    study, report = (json.loads(p.read_text()) for p in (folder / "study.json", out / "report.json"))
    table = lambda name: list(csv.DictReader(open(out / name, encoding="utf-8")))
    differ = collections.Counter()
    worst, counts = {}, collections.Counter()

    def same(what, found, expected):
        counts[what] += 1
        differ[what] += found != expected

    def near(what, found, expected, allowed=1e-12):
        """Tier B: sums of exponentials in another order."""
        counts[what] += 1
        gap = 0.0 if found == expected else abs(found - expected) / max(1.0, abs(expected))
        worst[what] = max(worst.get(what, 0.0), gap)
        differ[what] += not gap <= allowed

    number = lambda text: float(text) if text else None
    ids, _ = pieces()
    targets = load("train.targets.npy")
    counted = targets != -100
    curves = {(row["run"], int(row["epoch"])): row for row in table("curves.csv")}
    reach = {(row["run"], float(row["tau"])): row["epochs"] for row in table("reach.csv")}
    for run in study["runs"]:
        m, perplexity = [], load(run["validation_perplexity"])
        others = load(run["held_out_hits"]["hits"])
        for i, epoch in enumerate(run["epochs"]):
            row = curves[run["name"], epoch]
            if "logits" in run:
                logits = np.concatenate([load(name.replace("{}", str(epoch))) for name in run["logits"]], 1)
                hit = logits.argmax(1) == targets
                log_prob = softmax(logits)[np.arange(len(targets)), np.maximum(targets, 0)]
                near("loss by logits", number(row["loss"]), -mean(log_prob[counted]))
            else:
                hit = load(run["argmax"].replace("{}", str(epoch))) == targets
                log_prob = load(run["log_prob"].replace("{}", str(epoch))).astype(np.float64)
                same("loss, every digit", number(row["loss"]), -mean(log_prob[counted]))
            hits, total = int(hit[counted].sum()), int(counted.sum())
            m.append(hits / total)
            same("hits and tokens", [int(row["hits"]), int(row["total"])], [hits, total])
            same("M(f), every digit", number(row["m"]), hits / total)
            units = []
            for text in hit.reshape(-1, LENGTH)[:, 1:]:
                edges = np.flatnonzero(np.diff(np.concatenate([[0], text.astype(int), [0]])))
                units += list(edges[1::2] - edges[::2])
            same(
                "unit lengths, every digit", number(row["mean_unit_length"]), sum(units) / len(units) if units else None
            )
            same("longest unit", int(row["longest_unit"]), max(units, default=0))
            same("validation perplexity", number(row["validation_perplexity"]), perplexity[i])
            held = np.unpackbits(others[i])[: PIECES * (LENGTH - 1)].mean()
            same("M held out, every digit", number(row["m_held_out"]), float(held))
        for tau in TAUS:
            first = next((e for e, v in zip(run["epochs"], m) if v >= tau), None)
            same("T(N, tau)", reach[run["name"], tau], "" if first is None else str(first))
        said = next(r for r in report["runs"] if r["name"] == run["name"])
        onset = next((i for i in range(1, len(perplexity)) if perplexity[i] > perplexity[i - 1]), None)
        expected = None if onset is None else {"epoch": run["epochs"][onset], "memorized": m[onset]}
        same("overfitting onset", said["overfitting"], expected)
        print(
            f"{run['name']} ({run['parameters']} parameters): M {m[0]:.3f} to {m[-1]:.3f}, held out {held:.3f}, onset {expected}"
        )

    texts = lambda values: values.reshape(-1, LENGTH)[:, 1:]
    values_of = collections.defaultdict(dict)
    for row in table("membership.csv"):
        values_of[row["name"], row["score"]][int(row["text"])] = float(row["value"])
    for asked, of in zip(study["membership"], report["probes"]["membership"], strict=True):
        member = load(asked["member"]) == 1
        if "logits" in asked:
            log_p = softmax(np.concatenate([load(name) for name in asked["logits"]], 1))
            p = np.exp(log_p)
            mu = (p * log_p).sum(1)
            sigma = np.sqrt((p * (log_p - mu[:, None]) ** 2).sum(1))
            own = log_p[np.arange(len(log_p)), np.maximum(load("both.targets.npy"), 0)]
        else:
            own, mu, sigma = (load(asked[name]).astype(np.float64) for name in ("log_prob", "mean", "deviation"))
        # The first token of a text has nothing before it, and is not counted.
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (own - mu) / np.maximum(sigma, 1e-12)
        loss = np.array([-mean(t) for t in texts(own)])
        scores = {
            "loss": -loss,
            "Min-K%": np.array([lowest(t) for t in texts(own)]),
            "Min-K%++": np.array([lowest(t) for t in texts(z)]),
        }
        if "reference_log_prob" in asked:
            reference = np.array([-mean(t) for t in texts(load(asked["reference_log_prob"]).astype(np.float64))])
            scores |= {"reference": reference - loss, "zlib": -loss / load(asked["zlib_bytes"])}
        for said in of["scores"]:
            values, found = scores.pop(said["score"]), values_of[asked["name"], said["score"]]
            for i, value in enumerate(values):
                near(f"membership: {said['score']}", found[i], value)
            # The ranks are those of the program's own values: they differ in their last digits from these.
            own_values = np.array([found[i] for i in range(len(values))])
            auc = said["auc"]["estimate"]
            near("AUC", auc, area(own_values, member), 1e-15)
            near("AUC of the plain values", auc, area(values, member))
            for at in said["at"]:
                same("TPR at FPR", at["tpr"]["estimate"], float(found_at(own_values, member, at["fpr"])))
            rates = [at["tpr"]["estimate"] for at in said["at"]]
            print(
                f"{asked['name']}, {said['score']:9} AUC {auc:.4f} ({said['auc']['low']:.4f} to {said['auc']['high']:.4f}), "
                f"TPR at 1 % {rates[0]:.4f}, at 0.1 % {rates[1]:.4f}"
            )
        same("all scores are there", list(scores), [])

    asked, said = study["extraction"][0], report["probes"]["extraction"][0]
    suffix, generated = load(asked["suffix"]), load(asked["generated"])
    right = suffix == generated
    log_prob = sampled(load(asked["logits"]), suffix.ravel(), **asked["sampling"]).reshape(suffix.shape)
    log_pz = np.array([-math.inf if -math.inf in row else math.fsum(row) for row in log_prob])
    for i, row in enumerate(table("extraction.csv")):
        same(
            "extracted, every digit",
            [row["exact"], float(row["fraction"])],
            [str(int(right[i].all())), right[i].sum() / len(right[i])],
        )
        prefix = len(right[i]) if right[i].all() else int(right[i].argmin())
        same("common prefix", int(row["common_prefix"]), prefix)
        near("ln p_z under the scheme", float(row["log_pz"]), log_pz[i])
        for chance in (0.5, 0.9):
            with np.errstate(divide="ignore"):
                need = math.inf if log_pz[i] == -math.inf else math.log1p(-chance) / np.log1p(-np.exp(log_pz[i]))
            text = row[f"queries_{chance}"]
            if need < 1e15:
                same("samples needed", text, str(max(1, math.ceil(need))))
            elif need == math.inf and log_pz[i] == -math.inf:
                same("samples needed", text, "never")
    same("extractable", said["extractable"], float(right.all(1).mean()))
    near("mean fraction", said["mean_fraction"], right.mean())
    for cell in said["discoverable"]:
        with np.errstate(divide="ignore"):
            share = (-np.expm1(cell["n"] * np.log1p(-np.exp(log_pz))) >= cell["p"]).mean()
        same("(n, p)-discoverable", cell["share"], float(share))
    print(
        f"extractable {said['extractable']:.4f} of {len(suffix)}, tokens right {said['mean_fraction']:.4f}; "
        f"(100, 0.5)-discoverable {next(c['share'] for c in said['discoverable'] if c['n'] == 100 and c['p'] == 0.5):.4f}"
    )

    for asked, said in zip(study["exposure"], report["probes"]["exposure"], strict=True):
        candidates = load(asked["candidates"])
        for loss, found in zip(load(asked["canaries"]), said["exposure_bits"], strict=True):
            if asked.get("whole"):
                expected = math.log2(len(candidates)) - math.log2(1 + (candidates < loss).sum())
            else:
                expected = -math.log2((1 + (candidates <= loss).sum()) / (1 + len(candidates)))
            near("exposure", found, expected)
        print(
            f"exposure, {said['name']}: {', '.join(f'{b:.2f}' for b in said['exposure_bits'])} bits of {math.log2(len(candidates)):.2f}"
        )
    asked = study["counterfactual"][0]
    performance, trained = load(asked["performance"]), load(asked["trained"]) == 1
    for t, row in enumerate(table("counterfactual.csv")):
        with_it, without = performance[trained[:, t], t], performance[~trained[:, t], t]
        near("counterfactual", float(row["value"]), mean(with_it) - mean(without))
        error = math.sqrt(with_it.var(ddof=1) / len(with_it) + without.var(ddof=1) / len(without))
        near("its standard error", float(row["standard_error"]), error)
    print(f"counterfactual: mean {report['probes']['counterfactual'][0]['mean']:.4f}")
    for what, n in counts.items():
        gap = f", within {worst[what]:.0e}" if what in worst else ""
        print(f"{what:28} {n:5} numbers{gap}{f'  {differ[what]} DIFFER' if differ[what] else ''}")
    sys.exit(int(sum(differ.values()) > 0))


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(sys.argv[2])
    else:
        check(*(pathlib.Path(a) for a in sys.argv[2:4]))
