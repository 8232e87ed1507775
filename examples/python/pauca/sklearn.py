"""Estimators for scikit-learn (1.6 or newer).

:class:`KMeans` and :class:`SphericalKMeans` stand where scikit-learn's clusterers do. :class:`SemDedup`, :class:`D4` and
:class:`Prototypes` choose rows: ``get_support()`` says which, ``fit_resample`` is what imbalanced-learn's pipelines call.

>>> import numpy as np
>>> from pauca.sklearn import KMeans, SemDedup
>>> x = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float32)
>>> KMeans(n_clusters=2, random_state=0).fit(x).inertia_ < 0.001
True
>>> SemDedup(n_clusters=2, random_state=0).fit(x).get_support(indices=True).tolist()
[1, 3]
"""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("pauca.sklearn needs scikit-learn 1.6 or newer: pip install 'pauca[sklearn]'") from error

from . import _d4, _dedup, _kmeans, _prune
from ._kmeans import Clusters
from ._rows import Rows
from .exact import F64Sum

__all__ = ["D4", "KMeans", "Prototypes", "SemDedup", "SphericalKMeans"]


def _seed(random_state: Any) -> int:
    """A whole number is the seed itself, so that results are those of pauca.kmeans with that seed."""
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _checked(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    return validate_data(estimator, X, reset=reset, dtype=[np.float32, np.float64, np.float16])


def _enough(X: np.ndarray, k: int) -> None:
    if len(X) < k:
        raise ValueError(f"n_samples={len(X)} should be >= n_clusters={k}")


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means: every label the one of the f64 definition, the same bits for any number of threads.

    Parameters beyond scikit-learn's: tol is not scaled by the variance (0 waits until no label changes); empty,
    "relocate" or "keep"; n_threads, None for one on each core. init: "k-means++", "random" or centroids [k, d]. Rows are
    rounded to float32.

    Fitted: cluster_centers_ [k, d] float32, labels_ [n] int32, inertia_, n_iter_, n_features_in_.
    """

    _spherical = False

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        max_iter: int = 300,
        tol: float = 0.0,
        random_state: Any = None,
        empty: str = "relocate",
        n_threads: Optional[int] = None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.empty = empty
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Clusters X [n, d]; sample_weight [n]."""
        X = _checked(self, X, True)
        _enough(X, self.n_clusters)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        found = _kmeans.kmeans(
            Rows(X, rounded=True),
            self.n_clusters,
            spherical=self._spherical,
            weights=sample_weight,
            seed=_seed(self.random_state),
            max_iter=self.max_iter,
            init=self.init,
            tolerance=self.tol,
            empty=self.empty,
            threads=self.n_threads,
        )
        self.cluster_centers_ = found.centroids
        self.labels_ = found.labels.astype(np.int32)
        self.inertia_ = found.inertia
        self.n_iter_ = found.n_iter
        self._n_features_out = found.n_clusters
        return self

    def _found(self) -> Clusters:
        check_is_fitted(self)
        return Clusters.from_parts(self.cluster_centers_, spherical=self._spherical)

    def predict(self, X: Any) -> np.ndarray:
        """The nearest centroid of each row: [n] int32. On the rows of the fit these are labels_."""
        found = self._found()
        X = Rows(_checked(self, X, False), rounded=True)
        return found.predict(X, threads=self.n_threads).astype(np.int32)

    def transform(self, X: Any) -> np.ndarray:
        """The distance of each row to each centroid: [n, k], Euclidean (not squared), or 1 - cosine."""
        check_is_fitted(self)
        X = _checked(self, X, False)
        rows, out = Rows(X, rounded=True), np.empty((len(X), len(self.cluster_centers_)), X.dtype)
        for j, centre in enumerate(self.cluster_centers_):
            distance = Clusters.from_parts(centre[np.newaxis], spherical=self._spherical).assign(rows)[1]
            out[:, j] = distance if self._spherical else np.sqrt(distance)
        return out

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the inertia of the rows."""
        found = self._found()
        X = _checked(self, X, False)
        distances = found.assign(Rows(X, rounded=True), threads=self.n_threads)[1]
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return -F64Sum().add(distances, sample_weight).value

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class SphericalKMeans(KMeans):
    """k-means by cosine: rows count by their direction only. Parameters and attributes are those of :class:`KMeans`."""

    _spherical = True


class _Selector(ClusterMixin, BaseEstimator):
    """What choosing rows has in common: fit sets keep_ [n] bool and labels_ [n] int32."""

    def get_support(self, indices: bool = False) -> np.ndarray:
        """[n] bool: which rows of the fit are kept; or their places."""
        check_is_fitted(self)
        return np.flatnonzero(self.keep_) if indices else self.keep_

    def fit_resample(self, X: Any, y: Any = None) -> Any:
        """The rows of X that are kept, as they were given; with y those of y too."""
        keep = self.fit(X).get_support(indices=True)
        parts = [_taken(part, keep) for part in (X, y) if part is not None]
        return parts[0] if y is None else tuple(parts)

    def _rows(self, X: Any) -> tuple[Rows, np.ndarray]:
        X = _checked(self, X, True)
        return Rows(X, rounded=True), X

    def _set(self, keep: np.ndarray, clusters: Clusters) -> None:
        self.keep_ = keep
        self.labels_ = clusters.labels.astype(np.int32)
        self.cluster_centers_ = clusters.centroids
        self.n_iter_ = clusters.n_iter


def _taken(part: Any, keep: np.ndarray) -> Any:
    if hasattr(part, "iloc"):
        return part.iloc[keep]
    return part[keep] if hasattr(part, "shape") else [part[i] for i in keep]


class SemDedup(_Selector):
    """Removes duplicates of other rows of their cluster (Abbas et al. 2023). Parameters: those of pauca.semdedup, and
    n_clusters, max_iter of the spherical k-means before it; random_state seeds both.

    Fitted: keep_, labels_, witness_ [n] int64 (-1 without one), similarity_ [n], cluster_centers_, n_iter_.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        epsilon: float = 0.05,
        keep_fraction: Optional[float] = None,
        rule: str = "earlier_max",
        boundary: str = "gt",
        order: Any = "hard",
        max_iter: int = 20,
        random_state: Any = None,
        n_threads: Optional[int] = None,
    ):
        self.n_clusters = n_clusters
        self.epsilon = epsilon
        self.keep_fraction = keep_fraction
        self.rule = rule
        self.boundary = boundary
        self.order = order
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> SemDedup:
        """Deduplicates the rows of X [n, d]."""
        rows, X = self._rows(X)
        _enough(X, self.n_clusters)
        seed, threads = _seed(self.random_state), self.n_threads
        clusters = _kmeans.kmeans(
            rows, self.n_clusters, spherical=True, seed=seed, max_iter=self.max_iter, threads=threads
        )
        found = _dedup.semdedup(
            rows,
            clusters,
            epsilon=self.epsilon,
            keep_fraction=self.keep_fraction,
            rule=self.rule,
            boundary=self.boundary,
            order=self.order,
            order_seed=seed,
            threads=threads,
        )
        self._set(found.keep, clusters)
        self.witness_, self.similarity_ = found.witness, found.similarity
        return self


class Prototypes(_Selector):
    """Keeps a share of the rows by their distance to their centroid (Sorscher et al. 2022). Parameters: those of
    pauca.prototypes, and n_clusters, spherical, max_iter of the k-means before it.

    Fitted: keep_, labels_, distances_ [n], cluster_centers_, n_iter_.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        keep_fraction: float = 0.5,
        prune: str = "nearest",
        scope: str = "global",
        spherical: bool = True,
        max_iter: int = 20,
        random_state: Any = None,
        n_threads: Optional[int] = None,
    ):
        self.n_clusters = n_clusters
        self.keep_fraction = keep_fraction
        self.prune = prune
        self.scope = scope
        self.spherical = spherical
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> Prototypes:
        """Ranks the rows of X [n, d]."""
        rows, X = self._rows(X)
        _enough(X, self.n_clusters)
        clusters = _kmeans.kmeans(
            rows,
            self.n_clusters,
            spherical=self.spherical,
            seed=_seed(self.random_state),
            max_iter=self.max_iter,
            threads=self.n_threads,
        )
        chosen = _prune.prototypes(clusters, keep_fraction=self.keep_fraction, prune=self.prune, scope=self.scope)
        self._set(chosen.keep, clusters)
        self.distances_ = clusters.distances
        return self


class D4(_Selector):
    """Deduplicates, clusters again, drops the prototypical (Tirumala et al. 2023). Parameters: those of pauca.d4.

    Fitted: keep_, labels_ (of the first clustering), survivors_, witness_, similarity_, cluster_centers_, n_iter_.
    """

    def __init__(
        self,
        n_clusters: Optional[int] = None,
        *,
        keep_fraction: float = 0.5,
        dedup_keep_fraction: float = 0.75,
        recluster: Optional[int] = None,
        spherical: bool = True,
        max_iter: int = 20,
        init: Any = "k-means++",
        order: Any = "hard",
        scope: str = "global",
        random_state: Any = None,
        n_threads: Optional[int] = None,
    ):
        self.n_clusters = n_clusters
        self.keep_fraction = keep_fraction
        self.dedup_keep_fraction = dedup_keep_fraction
        self.recluster = recluster
        self.spherical = spherical
        self.max_iter = max_iter
        self.init = init
        self.order = order
        self.scope = scope
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> D4:
        """Chooses among the rows of X [n, d]."""
        rows, X = self._rows(X)
        _enough(X, self.n_clusters or 2)
        seed = _seed(self.random_state)
        found = _d4.d4(
            rows,
            keep_fraction=self.keep_fraction,
            dedup_keep_fraction=self.dedup_keep_fraction,
            clusters=self.n_clusters,
            recluster=self.recluster,
            spherical=self.spherical,
            seed=seed,
            max_iter=self.max_iter,
            init=self.init,
            order=self.order,
            order_seed=seed,
            scope=self.scope,
            threads=self.n_threads,
        )
        self._set(found.keep, found.clusters)
        self.survivors_ = found.survivors
        self.witness_, self.similarity_ = found.dedup.witness, found.dedup.similarity
        return self
