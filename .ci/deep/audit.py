#!/usr/bin/env python3
"""What `tokenize audit` reads, of small tokenizers of the shipped digits by vector-quantize-pytorch: latents, ids and
codes of one; rates and distortions of two kinds with several numbers of codes; losses of n-gram models of the tokens by
the amount of text that they learned from.

    python audit.py FOLDER
"""

import csv, importlib.metadata, pathlib, sys

import numpy as np
import torch
from PIL import Image
from vector_quantize_pytorch import VectorQuantize

STEPS, BATCH, DIM = 300, 64, 8


def digits():
    sheet = pathlib.Path(__file__).resolve().parents[2] / "examples/data/digits-sheet.png"
    pixels = np.asarray(Image.open(sheet).convert("L"), np.float32) / 255
    tiles = pixels.reshape(-1, 8, pixels.shape[1] // 8, 8).swapaxes(1, 2).reshape(-1, 1, 8, 8)[:1797]
    return torch.from_numpy(np.ascontiguousarray(tiles))


class Tokenizer(torch.nn.Module):
    """8 x 8 pixels become 4 x 4 tokens."""

    def __init__(self, codes, cosine):
        super().__init__()
        from torch.nn import Conv2d, ConvTranspose2d, GELU, Sequential

        self.encoder = Sequential(Conv2d(1, 32, 4, 2, 1), GELU(), Conv2d(32, DIM, 3, 1, 1))
        self.decoder = Sequential(Conv2d(DIM, 32, 3, 1, 1), GELU(), ConvTranspose2d(32, 1, 4, 2, 1))
        self.quantizer = VectorQuantize(
            dim=DIM,
            codebook_size=codes,
            decay=0.9,
            commitment_weight=0.25,
            use_cosine_sim=cosine,
            kmeans_init=True,
            threshold_ema_dead_code=1,
        )

    def latents(self, x):
        return self.encoder(x).flatten(2).transpose(1, 2)

    def forward(self, x):
        z, ids, loss = self.quantizer(self.latents(x))
        return self.decoder(z.transpose(1, 2).unflatten(2, (4, 4))), ids, loss.sum()


def trained(codes, cosine, x):
    torch.manual_seed(codes)
    model = Tokenizer(codes, cosine)
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(STEPS):
        batch = x[torch.randint(len(x), (BATCH,))]
        out, _, loss = model(batch)
        loss = loss + ((out - batch) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model.eval()


@torch.no_grad()
def tokens(model, x):
    out, ids, _ = model(x)
    return ids.numpy(), ((out - x) ** 2).mean().item()


def bits(ids):
    """Bits an item, each position by itself."""
    shares = [np.unique(column, return_counts=True)[1] / len(ids) for column in ids.T]
    return float(sum(-(p * np.log2(p)).sum() for p in shares))


def losses(ids, codes):
    """Nats a token of bigrams with a count of 1 added, on every eighth item, by the items learned from."""
    judged, rest = ids[7::8], np.delete(ids, np.arange(7, len(ids), 8), 0)
    for n in (25, 50, 100, 200, 400, 800, 1500):
        counts = np.ones((codes, codes))
        np.add.at(counts, (rest[:n, :-1], rest[:n, 1:]), 1)
        p = counts / counts.sum(1, keepdims=True)
        yield n, -np.log(p[judged[:, :-1], judged[:, 1:]]).mean()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, vector-quantize-pytorch {importlib.metadata.version('vector-quantize-pytorch')}")
    x, rates, runs = digits(), [], []
    for cosine, kind in ((False, "Euclidean"), (True, "cosine")):
        for codes in (16, 32, 64):
            model = trained(codes, cosine, x)
            ids, error = tokens(model, x)
            rates.append((f"{kind} codes", bits(ids), error))
            print(f"{kind}, {codes} codes: {len(np.unique(ids))} in use, {rates[-1][1]:.1f} bits, error {error:.5f}")
            if codes == 32:
                runs += [(f"{kind} codes", n, loss) for n, loss in losses(ids, codes)]
            if codes == 64 and not cosine:
                with torch.no_grad():
                    np.save(folder / "latents.npy", model.latents(x).numpy())
                np.save(folder / "ids.npy", ids.astype(np.int64))
                np.save(folder / "codebook.npy", model.quantizer.codebook.detach().numpy())
    for name, head, rows in (
        ("rates", ("tokenizer", "rate", "distortion"), rates),
        ("runs", ("tokenizer", "compute", "loss"), runs),
    ):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])


if __name__ == "__main__":
    main()
