"""The random numbers of the library: a function of seed, stream and row, and so the same on every shard."""

from __future__ import annotations

import numpy as np

from .._lib import lib

FIRST_SEED, RACE, RANDOM_INIT, DEDUP_ORDER = 0, 1, 2, 3
#: Streams of one stage of D4.
STAGE = 16

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def bits(seed: int, stream: int, rows: np.ndarray) -> np.ndarray:
    """[n] uint64: Philox4x32-10, words 0 and 1 of the block of each row."""
    rows = rows.astype(np.uint64)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    c0, c1, c2, c3 = rows & _LOW, rows >> _32, np.full_like(rows, stream), np.zeros_like(rows)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (q >> _32) ^ c1 ^ np.uint64(k0), q & _LOW, (p >> _32) ^ c3 ^ np.uint64(k1), p & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0 | c1 << _32


def uniform(seed: int, stream: int, rows: np.ndarray) -> np.ndarray:
    """[n] float64 within (0, 1): ((bits >> 12) + 0.5) 2^-52, exactly."""
    return ((bits(seed, stream, rows) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def clocks(seed: int, stream: int, rows: np.ndarray) -> np.ndarray:
    """[n] float64: -ln u, correctly rounded."""
    ln = lib.pauca_exact_ln
    return -np.fromiter((ln(u) for u in uniform(seed, stream, rows).tolist()), np.float64, len(rows))
