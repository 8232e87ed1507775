"""First centroids of rows that lie in many shards: those that one call would choose.

**Random** takes the rows of the k smallest random keys: the k smallest of all shards are among the k smallest of each.

**k-means++** is a race of exponential clocks (core/src/kmeans/init/race.rs). A clock only slows down as seeds are drawn,
so a firing time that was computed with fewer seeds is a lower bound. Each task brings its rows up to date with the seeds
so far and hands in its first rows, and the time before which no other row of its own can fire. The race is run among
those, until a time is reached that some shard could undercut: then the next round begins.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple, Optional, Sequence

import numpy as np

from .._kmeans import Clusters
from .._rows import Rows
from . import _random
from ._folder import Part, Run, Work, groups, save


class Seeds(NamedTuple):
    rows: list[int]
    """Places among the rows of all parts."""
    distinct: Optional[int]


def values(run: Run, parts: Sequence[Part], rows: Sequence[int], per: int) -> np.ndarray:
    """[m, d] float32: rows by their places. -0.0 is 0.0, as in first centroids of one call."""
    wanted = np.asarray(rows, np.int64)
    out = np.empty((len(wanted), parts[0].d), np.float32)
    tasks = []
    for group in groups(parts, per):
        inside = (wanted >= group[0].start) & (wanted < group[-1].start + group[-1].n)
        if inside.any():
            tasks.append((group, np.flatnonzero(inside)))
    given = [(group, wanted[at]) for group, at in tasks]
    for (_, at), found in zip(tasks, run(_values, given)):
        out[at] = found
    return out + np.float32(0)


def _values(item: tuple[list[Part], np.ndarray]) -> np.ndarray:
    parts, wanted = item
    out = np.empty((len(wanted), parts[0].d), np.float32)
    for part in parts:
        at = np.flatnonzero((wanted >= part.start) & (wanted < part.start + part.n))
        if at.size:
            out[at] = part.take(wanted[at] - part.start)
    return out


def _zeros(part: Part, spherical: bool) -> np.ndarray:
    """[n] bool: rows without a direction."""
    if not spherical:
        return np.zeros(part.n, bool)
    out = []
    x, chosen = part.array(), part.chosen()
    for begin in range(0, part.n, 65536):
        block = slice(begin, min(begin + 65536, part.n))
        out.append(~np.asarray(x[block if chosen is None else chosen[block]]).any(axis=1))
    return np.concatenate(out)


def random(run: Run, parts: Sequence[Part], k: int, seed: int, base: int, spherical: bool, per: int) -> Seeds:
    """The k rows of the smallest random keys; rows without a direction after all others."""
    task = functools.partial(_smallest, k, seed, base, spherical)
    found = [key for keys in run(task, groups(parts, per)) for key in keys]
    return Seeds([row for _, _, row in sorted(found)[:k]], None)


def _smallest(k: int, seed: int, base: int, spherical: bool, parts: list[Part]) -> list[tuple[bool, int, int]]:
    found: list[tuple[bool, int, int]] = []
    for part in parts:
        bits = _random.bits(seed, base + _random.RANDOM_INIT, part.ids())
        zeros = _zeros(part, spherical)
        first = np.lexsort((np.arange(part.n), bits, zeros))[:k]
        found += zip(zeros[first].tolist(), bits[first].tolist(), (part.start + first).tolist())
    return sorted(found)[:k]


def plus_plus(
    run: Run, parts: Sequence[Part], k: int, seed: int, base: int, spherical: bool, per: int, work: Work
) -> Seeds:
    """k-means++ of the rows of all parts."""
    grouped = groups(parts, per)
    n = sum(part.n for part in parts)
    first = min((t for t in run(functools.partial(_first, seed, base, spherical), grouped) if t is not None), default=None)
    rows = [] if first is None else [first[1]]
    if rows and k > 1:
        race = _Race(values(run, parts, rows, per), spherical)
        while len(rows) < k:
            more = _round(run, grouped, rows, race, seed, base, k, work)
            if not more:
                break
    distinct = None if len(rows) == k else len(rows)
    if distinct is not None:
        used = set(rows)
        rows += [row for row in range(min(n, k + len(used))) if row not in used][: k - len(rows)]
    return Seeds(rows, distinct)


def _first(seed: int, base: int, spherical: bool, parts: list[Part]) -> Optional[tuple[float, int]]:
    """The row whose clock of rate 1 fires first, and when."""
    found = []
    for part in parts:
        u = _random.uniform(seed, base + _random.FIRST_SEED, part.ids())
        u[_zeros(part, spherical)] = 0
        # The largest u fires first; those so near that rounding may tie them are asked exactly.
        near = np.flatnonzero(u >= u.max() * (1 - 2.0**-40))
        if u.max() > 0:
            found += [(-_random.lib.pauca_exact_ln(float(u[i])), part.start + int(i)) for i in near]
    return min(found, default=None)


class _Race:
    """The seeds so far: their values, and when they were drawn."""

    def __init__(self, values: np.ndarray, spherical: bool):
        self.values, self.times, self.spherical = values, [0.0], spherical

    def add(self, value: np.ndarray, time: float) -> None:
        self.values = np.concatenate([self.values, value[np.newaxis]])
        self.times.append(time)


class _Clocks:
    """The clocks of some rows, all of which have seen the same seeds."""

    def __init__(self, d2: np.ndarray, rem: np.ndarray, anchor: np.ndarray, time: np.ndarray):
        self.d2, self.rem, self.anchor, self.time = d2, rem, anchor, time

    @classmethod
    def start(cls, d2: np.ndarray, rem: np.ndarray, zeros: np.ndarray) -> _Clocks:
        with np.errstate(divide="ignore"):
            time = np.where((d2 > 0) & ~zeros, rem / d2, np.inf)
        return cls(d2, rem, np.zeros(len(d2), np.int32), time)

    def see(self, rows: Rows, race: _Race, c: int) -> None:
        """Shows all rows seed c, which comes after those that they have seen."""
        d2 = Clusters.from_parts(race.values[c : c + 1], spherical=race.spherical).assign(rows, threads=1)[1]
        at = np.flatnonzero(d2 < self.d2)
        times = np.array(race.times)
        elapsed = times[c] - times[self.anchor[at]]
        rem = np.maximum(self.rem[at] - self.d2[at] * elapsed, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            fires = np.where(d2[at] > 0, times[c] + rem / d2[at], np.inf)
        self.time[at] = np.maximum(self.time[at], fires)
        self.d2[at], self.rem[at], self.anchor[at] = d2[at], rem, c

    def state(self) -> np.ndarray:
        return np.stack([self.d2, self.rem, self.anchor.astype(np.float64), self.time])

    @classmethod
    def of(cls, state: np.ndarray) -> _Clocks:
        d2, rem, anchor, time = state
        return cls(d2.copy(), rem.copy(), anchor.astype(np.int32), time.copy())


def _round(run: Run, grouped: list, rows: list[int], race: _Race, seed: int, base: int, k: int, work: Work) -> bool:
    """Draws seeds until a shard could undercut the next. Returns whether one was drawn."""
    seen = len(rows)
    handed = max(64, 4 * (k - seen) // len(grouped))
    task = functools.partial(_candidates, race.values, race.times, race.spherical, list(rows), seed, base, handed, work.file("race"))
    found = list(run(task, grouped))
    for part in (part for group in grouped for part in group):
        for file in _old(work.file("race"), part, seen):
            os.unlink(file)
    limit = min(bound for bound, *_ in found)
    at = np.concatenate([f[1] for f in found])
    x = np.concatenate([f[2] for f in found])
    clocks = _Clocks.of(np.concatenate([f[3] for f in found], axis=1))
    if not len(at):
        return False
    given, drawn = Rows(x), False
    while len(rows) < k:
        # Who comes after the limit cannot fire in this round any more.
        stays = clocks.time <= limit if limit < np.inf else clocks.time < np.inf
        if np.count_nonzero(stays) < 0.8 * len(at):
            at, x, clocks = at[stays], x[stays], _Clocks.of(clocks.state()[:, stays])
            given = Rows(x)
            if not len(at):
                break
        first = np.lexsort((at, clocks.time))[0]
        key = (clocks.time[first], int(at[first]))
        if key[0] == np.inf or key[0] > limit:
            break
        clocks.time[first] = np.inf
        rows.append(key[1])
        race.add(x[first] + np.float32(0), float(key[0]))
        drawn = True
        if len(rows) < k:
            clocks.see(given, race, len(rows) - 1)
    return drawn


def _old(prefix: str, part: Part, seen: int) -> list[str]:
    folder, name = os.path.split(prefix)
    begin = f"{name}-{part.index:05}-"
    return [
        os.path.join(folder, file)
        for file in os.listdir(folder)
        if file.startswith(begin) and not file.endswith(f"-{seen}.npy") and not file.endswith(".part")
    ]


def _candidates(values, times, spherical, chosen, seed, base, handed, prefix, parts):
    """The rows of a group that may fire next: (a time before which no other row does, places, rows, clocks)."""
    race = _Race(values, spherical)
    race.times = times
    ends, places, rows, states = [np.inf], [], [], []
    for part in parts:
        given, seen = part.rows(), 1
        saved = [(int(f.rsplit("-", 1)[1][:-4]), f) for f in _old(prefix, part, 0)]
        saved = [(m, f) for m, f in saved if m <= len(times)]
        with part.named():
            if saved:
                seen, file = max(saved)
                clocks = _Clocks.of(np.load(file))
            else:
                d2 = Clusters.from_parts(values[:1], spherical=spherical).assign(given, threads=1)[1]
                rem = _random.clocks(seed, base + _random.RACE, part.ids())
                clocks = _Clocks.start(d2, rem, _zeros(part, spherical))
            for c in range(seen, len(times)):
                clocks.see(given, race, c)
        inside = [row - part.start for row in chosen if part.start <= row < part.start + part.n]
        clocks.time[inside] = np.inf
        save(f"{prefix}-{part.index:05}-{len(times)}.npy", clocks.state())
        if handed < part.n:  # all other rows fire later than the last of these
            ends.append(np.partition(clocks.time, handed)[handed])
        first = np.flatnonzero((clocks.time <= (ends[-1] if handed < part.n else np.inf)) & (clocks.time < np.inf))
        places.append(part.start + first)
        rows.append(part.take(first))
        states.append(clocks.state()[:, first])
    return min(ends), np.concatenate(places), np.concatenate(rows), np.concatenate(states, axis=1)
