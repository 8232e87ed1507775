"""The m-th smallest of numbers that lie in many files."""

from __future__ import annotations

import functools
from typing import Callable, Sequence

import numpy as np

from ._folder import Run

_DIGIT = 16


def keys(scores: np.ndarray) -> np.ndarray:
    """[n] uint64 in the order of the scores; -0.0 is 0.0, NaN is refused before."""
    bits = (scores + 0.0).view(np.uint64)
    return np.where(bits >> np.uint64(63), ~bits, bits | np.uint64(1 << 63))


def score(key: int) -> float:
    """The score of a key."""
    bits = key ^ (1 << 63) if key >> 63 else ~key & (2**64 - 1)
    return float(np.array(bits, np.uint64).view(np.float64))


def _histogram(scores: Callable, prefix: int, shift: int, item) -> np.ndarray:
    """How many keys that begin with prefix have each next digit."""
    of = keys(scores(item))
    if shift + _DIGIT < 64:
        of = of[of >> np.uint64(shift + _DIGIT) == np.uint64(prefix)]
    return np.bincount((of >> np.uint64(shift)).astype(np.int64) & 0xFFFF, minlength=1 << _DIGIT)


def cut(run: Run, scores: Callable, items: Sequence, m: int) -> tuple[float, int]:
    """The m-th smallest score (m from 1), and how many scores lie below it. scores(item) is what a task reads.

    Four passes over the scores, of 16 bits each; 512 kB come back from each task.
    """
    prefix, below = 0, 0
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        found = run(functools.partial(_histogram, scores, prefix, shift), items)
        counts = sum(found, np.zeros(1 << _DIGIT, np.int64))
        reached = below + np.cumsum(counts)
        digit = int(np.searchsorted(reached, m))
        below += int(counts[:digit].sum())
        prefix = prefix << _DIGIT | digit
    return score(prefix), below
