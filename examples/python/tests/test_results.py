"""Results are those of the definitions, in plain NumPy and Python."""

import fractions
import math

import numpy as np
import pytest

import pauca


def distances(x, centroids):
    """[n, k] squared distances of float32 rows, exactly, as fractions would have them to 1e-12."""
    difference = x[:, None, :].astype(np.float64) - centroids[None, :, :]
    return (difference**2).sum(axis=2)


def test_labels_are_nearest_and_centroids_are_means(blobs):
    found = pauca.kmeans(blobs, 12, seed=5)
    assert found.converged and found.n_clusters == 12 and len(found) == len(blobs)
    assert (found.labels == distances(blobs, found.centroids).argmin(axis=1)).all()
    assert (found.counts == np.bincount(found.labels, minlength=12)).all()
    for j in range(12):
        members = blobs[found.labels == j].astype(np.float64)
        mean = [np.float32(math.fsum(column) / len(members)) for column in members.T]
        assert found.centroids[j].tolist() == mean
    assert found.inertia == math.fsum(found.distances)
    # Rounded once each: 8 squares of differences, their sum.
    expected = distances(blobs, found.centroids).min(axis=1)
    np.testing.assert_allclose(found.distances, expected, rtol=1e-13)


def test_threads_and_weights_of_one_change_no_bit(blobs):
    one, two = (pauca.kmeans(blobs, 9, seed=1, threads=threads) for threads in (1, 2))
    ones = pauca.kmeans(blobs, 9, seed=1, weights=np.ones(600))
    for other in (two, ones):
        assert other.labels.tobytes() == one.labels.tobytes()
        assert other.centroids.tobytes() == one.centroids.tobytes()
        assert other.inertia == one.inertia


def test_a_weight_of_two_is_two_rows(blobs):
    weights = np.arange(600) % 3
    twice = np.repeat(blobs, weights, axis=0)
    init = blobs[[3, 50, 400]]
    weighted = pauca.kmeans(blobs, 3, weights=weights, init=init)
    repeated = pauca.kmeans(twice, 3, init=init)
    assert weighted.centroids.tobytes() == repeated.centroids.tobytes()
    assert weighted.inertia == repeated.inertia


def test_predict_assign_and_measure_agree_with_the_fit(blobs):
    found = pauca.kmeans(blobs, 7, spherical=True, seed=2)
    assert (found.predict(blobs) == found.labels).all()
    labels, distance = found.assign(blobs[::-1])
    assert (labels[::-1] == found.labels).all() and (distance[::-1] == found.distances).all()
    foreign = pauca.Clusters.from_parts(found.centroids, found.labels)
    assert foreign.distances is None and math.isnan(foreign.inertia)
    assert (foreign.measure(blobs) == found.distances).all()


def cosines(x, y):
    """[n, m] cosines of float32 rows in float64, rounded otherwise than the definition."""
    x, y = (np.asarray(rows, np.float64) for rows in (x, y))
    return (x @ y.T) / np.sqrt(np.outer((x * x).sum(axis=1), (y * y).sum(axis=1)))


#: Both round a dot product of 8 values, two squares, a product, a root and a quotient: less than 30 roundings of 2^-53.
COSINE_ERROR = 30 * 2.0**-53


def test_new_rows_meet_the_rows_that_stay_in_their_cluster(blobs):
    stays, new = blobs[:400], np.concatenate([blobs[400:], blobs[150:160], np.zeros((1, 8), np.float32)])
    clusters = pauca.kmeans(stays, 4, spherical=True, seed=1)
    for given in (clusters, 1):
        found = pauca.semdedup_against(new, stays, given, epsilon=0.02)
        of = clusters.labels if given is clusters else np.zeros(400, np.uint32)
        assert (found.labels == (clusters.predict(new) if given is clusters else 0)).all()
        with np.errstate(invalid="ignore"):
            similarity = np.where(found.labels[:, None] == of[None, :], cosines(new, stays), -2.0)
        for row, best in enumerate(similarity[:-1]):
            assert abs(found.similarity[row] - best.max()) < COSINE_ERROR
            assert best[found.witness[row]] > best.max() - COSINE_ERROR
        assert (found.keep[:-1] == (found.similarity[:-1] <= 0.98)).all()
        assert found.witness[200:210].tolist() == list(range(150, 160)) and not found.keep[200:210].any()
        assert found.keep[-1] and found.witness[-1] == -1 and np.isnan(found.similarity[-1])
        assert found.kept.tolist() == np.flatnonzero(found.keep).tolist() and found.n_kept == found.keep.sum()
        inside = pauca.semdedup(new[found.keep], found.kept_clusters(), epsilon=0.02)
        assert len(inside) == found.n_kept
    again = pauca.semdedup_against(pauca.Rows.shards([new[:7], new[7:]]), stays, clusters, epsilon=0.02, threads=1)
    other = pauca.semdedup_against(new, stays, clusters, epsilon=0.02)
    for name in ("keep", "witness", "similarity", "labels"):
        assert getattr(again, name).tobytes() == getattr(other, name).tobytes()
    bad = stays.copy()
    bad[3, 2] = np.nan
    with pytest.raises(pauca.InputError, match="reference.*row 3, column 2"):
        pauca.semdedup_against(new, bad, clusters)
    none = pauca.semdedup_against(new[:0], stays, clusters)
    assert len(none) == 0 and none.n_kept == 0
    with pytest.raises(ValueError, match="without rows"):
        pauca.semdedup_against(new, stays[:0])


def test_a_deduplication_travels_as_bytes(blobs):
    import pickle

    found = pauca.semdedup(blobs, 4, epsilon=0.02)
    again = pickle.loads(pickle.dumps(found))
    for name in ("keep", "kept", "witness", "similarity", "order", "offsets"):
        assert getattr(again, name).tobytes() == getattr(found, name).tobytes()
    assert again.curve().tobytes() == found.curve().tobytes() and again.epsilon == found.epsilon
    assert again.clusters.labels.tobytes() == found.clusters.labels.tobytes()


def test_duplicates_are_by_cosine_to_an_earlier_row(blobs):
    clusters = pauca.kmeans(blobs, 4, spherical=True, seed=1)
    keys = np.random.default_rng(0).permutation(600)
    for rule in ("earlier_max", "greedy_cover"):
        found = pauca.semdedup(blobs, clusters, epsilon=0.02, rule=rule, order=keys)
        unit = blobs / np.linalg.norm(blobs.astype(np.float64), axis=1)[:, None]
        keep = np.ones(600, bool)
        for j in range(4):
            rows = sorted(np.flatnonzero(clusters.labels == j), key=lambda i: keys[i])
            for place, i in enumerate(rows):
                before = rows[:place] if rule == "earlier_max" else [e for e in rows[:place] if keep[e]]
                keep[i] = not any(unit[i] @ unit[e] > 0.98 for e in before)
        assert (found.keep == keep).all()
        assert found.kept.tolist() == np.flatnonzero(keep).tolist() and found.n_kept == keep.sum()
        gone = np.flatnonzero(~keep)
        assert (found.similarity[gone] > 0.98).all() and (found.witness[gone] >= 0).all()
        assert found.exact_copies == 10
    with pytest.raises(pauca.InputError, match="keep_fraction"):
        pauca.semdedup(blobs, clusters, keep_fraction=0.5, rule="greedy_cover")


def test_the_curve_tells_what_another_epsilon_keeps(blobs):
    found = pauca.semdedup(blobs, 4, epsilon=0.02)
    for epsilon in (0.0, 0.01, 0.1, 0.5):
        other = pauca.semdedup(blobs, found.clusters, epsilon=epsilon)
        assert found.kept_at(epsilon) == other.n_kept == (found.curve() <= 1 - epsilon).sum()


@pytest.mark.parametrize("scope", ["global", "per_cluster"])
def test_prototypes_keep_the_farthest(blobs, scope):
    clusters = pauca.kmeans(blobs, 5, seed=1)
    chosen = pauca.prototypes(clusters, keep_fraction=0.3, scope=scope)
    assert chosen.n_kept == 180
    parts = [np.arange(600)] if scope == "global" else [np.flatnonzero(clusters.labels == j) for j in range(5)]
    for part in parts:
        kept, gone = chosen.keep[part], clusters.distances[part]
        assert gone[kept].min() >= gone[~kept].max()
    dense = pauca.density(clusters, keep_fraction=0.3)
    assert dense.n_kept == 180 == dense.quotas.sum()


def test_d4_composes(blobs):
    chosen = pauca.d4(blobs, clusters=6, keep_fraction=0.4, dedup_keep_fraction=0.7, seed=3)
    clusters = pauca.kmeans(blobs, 6, spherical=True, seed=3, max_iter=20)
    dedup = pauca.semdedup(blobs, clusters, keep_fraction=0.7)
    assert (chosen.survivors == dedup.kept).all() and chosen.n_kept == 240
    again = pauca.prototypes(chosen.reclustered, keep_fraction=240 / 420)
    assert (chosen.kept == dedup.kept[again.keep]).all()
    assert (chosen.keep.nonzero()[0] == chosen.kept).all()


def test_sums_are_exact_in_any_split(blobs):
    labels = np.arange(600) % 5
    whole = pauca.exact.Sums(5, 8).add(blobs, labels)
    parts = [pauca.exact.Sums(5, 8).add(blobs[a:b], labels[a:b]) for a, b in ((400, 600), (0, 7), (7, 400))]
    merged = pauca.exact.Sums(5, 8)
    for part in parts:
        merged.merge(pauca.exact.Sums.from_bytes(part.to_bytes()))
    assert merged.to_bytes() == whole.to_bytes()
    reduced = pauca.exact.Sums(5, 8).set_planes(sum(part.planes() for part in parts))
    assert reduced.to_bytes() == whole.to_bytes()
    exact = sum(fractions.Fraction(float(v)) for v in blobs[labels == 2, 3])
    assert whole.column_sums()[2, 3] == float(exact)
    assert merged.remove(blobs[:9], labels[:9]).counts.sum() == 591
    assert (whole.centroids() == [[np.float32(math.fsum(c) / 120) for c in blobs[labels == j].T] for j in range(5)]).all()


def test_a_sum_travels_as_a_few_numbers():
    random = np.random.default_rng(1)
    values = random.normal(size=1000) * 10.0 ** random.integers(-300, 300, 1000)
    total = pauca.exact.F64Sum(values)
    parts = total.parts()
    assert total.value == math.fsum(values) and len(parts) < 50
    assert sum(map(fractions.Fraction, parts)) == sum(map(fractions.Fraction, values.tolist()))
    assert pauca.exact.F64Sum(parts).value == total.value


def test_definitions():
    assert pauca.exact.squared_distance([1, 2], [4, 6]) == 25.0
    assert pauca.exact.dot64([1, 2], [3, 4]) == 11.0
    assert pauca.exact.exp(1.0) == math.e and pauca.exact.ln(math.e) == 1.0
    assert pauca.exact.half_turns(1.0) == 0.5
    assert 0 < pauca.exact.cosine_error(384, "f64") < pauca.exact.cosine_error(384) < 1e-3
    with pytest.raises(ValueError, match="expected one of"):
        pauca.exact.cosine_error(384, "f16")


def test_results_travel(blobs):
    import pickle

    found = pauca.kmeans(blobs, 4, seed=1)
    again = pickle.loads(pickle.dumps(found))
    assert again.to_bytes() == found.to_bytes()
    assert (again.labels == found.labels).all() and again.inertia == found.inertia
    with pytest.raises(pauca.InputError, match="byte"):
        pauca.Clusters.from_bytes(found.to_bytes()[:-1])
