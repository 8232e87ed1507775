"""D4: deduplicate, cluster again, drop the prototypical."""

from __future__ import annotations

from ctypes import byref, c_int32, c_uint64, c_void_p, sizeof
from typing import Any, Iterator, NamedTuple, Optional

import numpy as np

from . import _abi, _options
from ._arrow import Column, Tabular
from ._call import ProgressLike, _whole, call, check
from ._dedup import Dedup
from ._kmeans import Clusters
from ._lib import lib
from ._options import Init, Order, pointer
from ._rows import Rows, rows

STAGES = {
    _abi.PAUCA_D4_CLUSTER: "cluster",
    _abi.PAUCA_D4_DEDUPLICATE: "deduplicate",
    _abi.PAUCA_D4_RECLUSTER: "recluster",
    _abi.PAUCA_D4_ENDED: "ended",
}


class Curated(Tabular):
    """What D4 chose.

    As a table: row, keep, survivor (of deduplication), witness, similarity, cluster (of the first clustering).
    """

    def __init__(self, handle: c_void_p):
        self._handle = handle
        numbers = [c_uint64() for _ in range(3)]
        check(lib.pauca_curated_get_info, handle, *map(byref, numbers))
        self._n, self._n_survivors, self._n_kept = (number.value for number in numbers)
        self._cache: dict[str, np.ndarray] = {}
        self.clusters = self._clusters(_abi.PAUCA_FIRST)
        """The first clustering, of all rows."""
        self.reclustered = self._clusters(_abi.PAUCA_SECOND)
        """The second clustering, of the survivors."""
        out = c_void_p()
        check(lib.pauca_curated_dedup, handle, byref(out))
        self.dedup = Dedup(out, self.clusters)
        """The deduplication between them."""

    def _clusters(self, which: int) -> Clusters:
        out = c_void_p()
        check(lib.pauca_curated_clusters, self._handle, which, byref(out))
        return Clusters(out)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_curated_free(self._handle)

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        return f"<Curated: {self._n_kept} of {self._n} rows kept, {self._n_survivors} after deduplication>"

    def _copied(self, name: str, length: int, dtype: Any) -> np.ndarray:
        if name not in self._cache:
            out = np.empty(length, dtype)
            arrays = _abi.pauca_curated_arrays(struct_size=sizeof(_abi.pauca_curated_arrays))
            setattr(arrays, name, pointer(out))
            setattr(arrays, name + "_len", out.size)
            check(lib.pauca_curated_copy, self._handle, byref(arrays))
            self._cache[name] = out
        return self._cache[name]

    @property
    def keep(self) -> np.ndarray:
        """[n] bool: whether the row is kept in the end."""
        return self._copied("keep", self._n, np.bool_)

    @property
    def kept(self) -> np.ndarray:
        """[n_kept] int64: the rows that are kept in the end, ascending."""
        return self._copied("kept", self._n_kept, np.int64)

    @property
    def survivors(self) -> np.ndarray:
        """[n_survivors] int64: the rows that deduplication kept, ascending: those of the second clustering."""
        return self._copied("survivors", self._n_survivors, np.int64)

    @property
    def n_kept(self) -> int:
        """Rows that are kept in the end."""
        return self._n_kept

    def _columns(self) -> list:
        row, survivor, *rest = self.dedup._columns()
        return [row, Column("keep", self.keep), Column("survivor", survivor.values), *rest]


def _asked(keep_fraction, dedup_keep_fraction, clusters, recluster, spherical, seed, max_iter, init, order, order_seed, scope):
    kept: list = []
    options = _options.fresh(_abi.pauca_d4_options, lib.pauca_d4_options_init)
    options.keep_fraction, options.dedup_keep_fraction = float(keep_fraction), float(dedup_keep_fraction)
    for name, value in (("clusters", clusters), ("recluster", recluster)):
        number = 0 if value is None else _whole(name, value)
        if value is not None and number == 0:
            raise ValueError(f"{name} is 0, expected at least 1")
        setattr(options, name, number)
    options.seed, options.max_iter = _whole("seed", seed), _whole("max_iter", max_iter)
    options.metric = _abi.PAUCA_COSINE if spherical else _abi.PAUCA_EUCLIDEAN
    options.scope = _options.named("scope", scope, _options.SCOPES)
    _options.of_init(options, init, kept)
    _options.of_order(options, order, order_seed, kept)
    return options, kept


def _work(x: Rows, options: Any, iterations: int) -> float:
    n, d = x.shape
    k = options.clusters or max(1.0, float(n) ** 0.5)
    return float(n) * d * k * (iterations + 2) + float(n) ** 2 * d / k


def d4(
    x: Any,
    *,
    keep_fraction: float = 0.5,
    dedup_keep_fraction: float = 0.75,
    clusters: Optional[int] = None,
    recluster: Optional[int] = None,
    spherical: bool = True,
    seed: int = 0,
    max_iter: int = 20,
    init: Init = "k-means++",
    order: Order = "hard",
    order_seed: int = 0,
    scope: str = "global",
    threads: Optional[int] = None,
    progress: ProgressLike = None,
) -> Curated:
    """Chooses rows of x [n, d]: clusters them, removes duplicates, clusters the rest, drops the prototypical
    (Tirumala et al. 2023).

    keep_fraction: the share of the rows kept in the end, of dedup_keep_fraction kept by deduplication. clusters,
    recluster: of the two clusterings; None for the square root of n, and for as many. init: of the first clustering.
    order, order_seed: as for :func:`semdedup`. scope: as for :func:`prototypes`. threads, progress: as for
    :func:`kmeans`.

    >>> import numpy as np, pauca
    >>> i, j = np.mgrid[:100, :4]
    >>> chosen = pauca.d4(((i * 37 + j * 11) % 23 - 11.5).astype(np.float32), clusters=5, keep_fraction=0.25, seed=1)
    >>> chosen
    <Curated: 25 of 100 rows kept, 75 after deduplication>
    """
    x, out = rows(x), c_void_p()
    options, _kept = _asked(
        keep_fraction, dedup_keep_fraction, clusters, recluster, spherical, seed, max_iter, init, order, order_seed, scope
    )
    call(
        lib.pauca_d4,
        byref(x._view),
        byref(options),
        byref(out),
        work=_work(x, options, options.max_iter),
        threads=threads,
        progress=progress,
        failed=_options.reads(x),
    )
    return Curated(out)


class D4State(NamedTuple):
    """Where a run of D4 is."""

    stage: str
    """What the next step works on: "cluster", "deduplicate", "recluster"; "ended" after an error between them."""
    n_iter: int
    """Iterations made by the current clustering."""
    moved: int
    """Rows whose label the last iteration changed."""


class D4Run:
    """A run of D4 between two steps. Its arguments are those of :func:`d4`.

    checkpoint: bytes of :meth:`checkpoint`, from which the run goes on to the same bits.

    >>> import numpy as np, pauca
    >>> x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    >>> run = pauca.D4Run(x, clusters=4, seed=1)
    >>> run.step(), run.state.stage
    (True, 'cluster')
    >>> saved = run.checkpoint()
    >>> again = pauca.D4Run(x, clusters=4, seed=1, checkpoint=saved)
    >>> np.array_equal(run.finish().kept, again.finish().kept)
    True
    """

    def __init__(
        self,
        x: Any,
        *,
        keep_fraction: float = 0.5,
        dedup_keep_fraction: float = 0.75,
        clusters: Optional[int] = None,
        recluster: Optional[int] = None,
        spherical: bool = True,
        seed: int = 0,
        max_iter: int = 20,
        init: Init = "k-means++",
        order: Order = "hard",
        order_seed: int = 0,
        scope: str = "global",
        threads: Optional[int] = None,
        progress: ProgressLike = None,
        checkpoint: Optional[bytes] = None,
    ):
        self._x = rows(x)
        options, _kept = _asked(
            keep_fraction, dedup_keep_fraction, clusters, recluster, spherical, seed, max_iter, init, order, order_seed, scope
        )
        self._how: dict[str, Any] = {
            "work": _work(self._x, options, 1),
            "threads": threads,
            "progress": progress,
            "failed": _options.reads(self._x),
        }
        handle, given = c_void_p(), (byref(self._x._view), byref(options))
        if checkpoint is None:
            call(lib.pauca_d4_start, *given, byref(handle), **self._how)
        else:
            call(lib.pauca_d4_resume, *given, checkpoint, len(checkpoint), byref(handle), **self._how)
        self._handle = handle

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.pauca_d4_free(self._handle)

    def step(self) -> bool:
        """Makes one step: an iteration, or the deduplication. Returns whether there is more to do."""
        more = c_int32()
        call(lib.pauca_d4_step, self._handle, byref(more), **self._how)
        return bool(more.value)

    def __iter__(self) -> Iterator[D4State]:
        """The states after each of the steps that are left."""
        more = True
        while more:
            more = self.step()
            yield self.state

    @property
    def state(self) -> D4State:
        """Where the run is."""
        state = _abi.pauca_d4_state(struct_size=sizeof(_abi.pauca_d4_state))
        check(lib.pauca_d4_get_state, self._handle, byref(state))
        return D4State(STAGES[state.stage], state.n_iter, state.moved)

    def checkpoint(self) -> bytes:
        """The state after the last finished step."""
        out = c_void_p()
        check(lib.pauca_d4_checkpoint, self._handle, byref(out))
        return _options.blob_bytes(out)

    def finish(self) -> Curated:
        """Makes the steps that are left, and ends the run."""
        out = c_void_p()
        call(lib.pauca_d4_finish, self._handle, byref(out), **self._how)
        return Curated(out)
