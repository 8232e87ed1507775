"""The estimators are scikit-learn's kind: its own checks, and that results are those of pauca."""

import numpy as np
import pytest

import pauca

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import pauca.sklearn as estimators

#: Checks that fail, and why. scikit-learn expects the same of its own KMeans.
EXPECTED = {
    name: {
        "check_sample_weight_equivalence_on_dense_data": "each row draws its own random number, so that a row given twice"
        " founds other first centroids than a row of weight 2; with given centroids the two are equal to the bit"
    }
    for name in ("KMeans", "SphericalKMeans")
}
#: Checks that scikit-learn skips itself.
SKIPPED = {"check_array_api_input"}


def checks():
    for name in estimators.__all__:
        for estimator, check in estimator_checks_generator(getattr(estimators, name)(), legacy=True):
            found = getattr(check, "func", check).__name__
            yield pytest.param(name, estimator, check, found, id=f"{name}-{found}")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("name, estimator, check, found", list(checks()))
def test_estimator(name, estimator, check, found):
    if found in EXPECTED.get(name, {}):
        with pytest.raises(AssertionError, match="not equivalent"):
            check(estimator)
        return
    from unittest import SkipTest

    try:
        check(estimator)
    except SkipTest:
        assert found in SKIPPED
        pytest.skip(f"scikit-learn skips {found}: SCIPY_ARRAY_API is not set")


def test_kmeans_is_pauca(blobs):
    theirs = pauca.kmeans(blobs, 6, seed=3, max_iter=300)
    ours = estimators.KMeans(6, random_state=3).fit(blobs)
    assert ours.cluster_centers_.tobytes() == theirs.centroids.tobytes()
    assert (ours.labels_ == theirs.labels).all() and ours.inertia_ == theirs.inertia
    assert (ours.predict(blobs) == ours.labels_).all()
    assert -ours.score(blobs) == ours.inertia_
    distances = ours.transform(blobs)
    assert distances.dtype == np.float32 and (distances.argmin(axis=1) == ours.labels_).mean() > 0.99
    np.testing.assert_allclose(distances.min(axis=1) ** 2, theirs.distances, rtol=1e-5)
    assert ours.get_feature_names_out()[0] == "kmeans0"


def test_weights_are_repetitions_where_the_first_centroids_are_given(blobs):
    weights = np.arange(600) % 3
    init = blobs[[3, 50, 400]]
    one = estimators.KMeans(3, init=init).fit(blobs, sample_weight=weights)
    two = estimators.KMeans(3, init=init).fit(np.repeat(blobs, weights, axis=0))
    assert one.cluster_centers_.tobytes() == two.cluster_centers_.tobytes()


def test_selectors_are_pauca(blobs):
    labels = np.arange(600)
    clusters = pauca.kmeans(blobs, 6, spherical=True, seed=3, max_iter=20)
    dedup = estimators.SemDedup(6, epsilon=0.02, random_state=3)
    assert (dedup.fit(blobs).get_support() == pauca.semdedup(blobs, clusters, epsilon=0.02).keep).all()
    x, y = dedup.fit_resample(blobs, labels)
    assert (y == dedup.get_support(indices=True)).all() and (x == blobs[y]).all()
    chosen = estimators.Prototypes(6, random_state=3).fit(blobs)
    assert (chosen.get_support() == pauca.prototypes(clusters).keep).all()
    d4 = estimators.D4(6, random_state=3).fit(blobs)
    assert (d4.get_support() == pauca.d4(blobs, clusters=6, seed=3).keep).all()


def test_pipelines_and_clones(blobs):
    pipe = make_pipeline(StandardScaler(), estimators.SphericalKMeans(5, random_state=0))
    again = clone(pipe)
    assert (pipe.fit_predict(blobs) == again.fit_predict(blobs)).all()
    assert pipe.fit_transform(blobs.astype(np.float64)).dtype == np.float64
