"""pauca: choosing what a model learns from, exactly and reproducibly.

>>> import numpy as np, pauca
>>> x = np.random.default_rng(0).normal(size=(1000, 16)).astype(np.float32)
>>> clusters = pauca.kmeans(x, 10, spherical=True, seed=7)
>>> unique = pauca.semdedup(x, clusters, epsilon=0.4)
>>> chosen = pauca.d4(x, keep_fraction=0.5, seed=7)
>>> len(x[unique.keep]) == unique.n_kept, chosen.n_kept
(True, 500)

Rows [n, d] may be whatever :class:`Rows` takes: NumPy, DLPack, Arrow. Results are NumPy arrays, and tables for whatever
reads Arrow streams. Sub-modules: :mod:`pauca.errors`, :mod:`pauca.exact`, :mod:`pauca.shards` (more rows than one machine
holds), and, each with a package of its own to be installed, :mod:`pauca.sklearn` and :mod:`pauca.ray`.
"""

from . import errors, exact
from ._backend import backend, devices
from ._call import Progress
from ._d4 import Curated, D4Run, D4State, d4
from ._dedup import Dedup, DedupAgainst, semdedup, semdedup_against
from ._kmeans import Clusters, KMeansRun, KMeansState, kmeans
from ._lib import lib as _lib
from ._prune import DensitySelection, Selection, density, prototypes
from ._rows import Rows
from .errors import Cancelled, DefectError, DeviceError, Error, InputError, MemoryRefused, RoundedWarning, SourceError

__all__ = [
    "Cancelled",
    "Clusters",
    "Curated",
    "D4Run",
    "D4State",
    "Dedup",
    "DedupAgainst",
    "DefectError",
    "DensitySelection",
    "DeviceError",
    "Error",
    "InputError",
    "KMeansRun",
    "KMeansState",
    "MemoryRefused",
    "Progress",
    "RoundedWarning",
    "Rows",
    "Selection",
    "SourceError",
    "backend",
    "build_info",
    "d4",
    "density",
    "devices",
    "errors",
    "exact",
    "kmeans",
    "prototypes",
    "semdedup",
    "semdedup_against",
]

__version__ = _lib.pauca_version_string().decode()


def build_info() -> str:
    """Version, target, features and SIMD level of the library, in one line."""
    return f"{_lib.pauca_build_info().decode()}, {_lib.pauca_simd_name(0).decode()}"
