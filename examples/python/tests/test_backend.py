"""The choice of a backend: names, what was not built, and the same bits on a device where there is one."""

import threading

import numpy as np
import pytest

import pauca


def rows():
    return np.random.default_rng(5).normal(size=(300, 12)).astype(np.float32)


@pytest.mark.parametrize("name", ["gpu", "", "cpu:0", "wgpu:", "wgpu:-1", "WGPU", "cuda:x", "wgpu:4294967295"])
def test_what_is_no_backend_is_refused(name):
    with pytest.raises(ValueError, match="the backend is"):
        with pauca.backend(name):
            pass


def test_a_backend_that_was_not_built_is_refused_by_the_call():
    if "wgpu" in pauca.build_info():
        pytest.skip("the library has wgpu")
    assert (pauca.devices("cpu"), pauca.devices("wgpu")) == (1, 0)
    with pauca.backend("wgpu"), pytest.raises(pauca.InputError, match="built without"):
        pauca.kmeans(rows(), 4)
    pauca.kmeans(rows(), 4)


def test_the_choice_is_of_the_thread_and_ends():
    found = []
    with pauca.backend("wgpu:4242"):
        worker = threading.Thread(target=lambda: found.append(pauca.kmeans(rows(), 4).n_iter))
        worker.start()
        worker.join()
        with pauca.backend("cpu"):
            found.append(pauca.kmeans(rows(), 4).n_iter)
        with pytest.raises(pauca.Error):
            pauca.kmeans(rows(), 4)
    found.append(pauca.kmeans(rows(), 4).n_iter)
    assert len(found) == 3 and len(set(found)) == 1


def test_a_device_gives_the_same_bits():
    if not pauca.devices("wgpu"):
        pytest.skip("no device that the library was built for")
    x = rows()

    def answers():
        clusters = pauca.kmeans(x, 9, spherical=True, seed=3)
        unique = pauca.semdedup(x, clusters, epsilon=0.4)
        chosen = pauca.d4(x, keep_fraction=0.5, seed=7, clusters=9)
        return clusters.labels, clusters.centroids, unique.keep, unique.witness, unique.similarity, chosen.keep

    expected = answers()
    with pauca.backend("wgpu"):
        for ours, theirs in zip(answers(), expected):
            assert ours.tobytes() == theirs.tobytes()
    with pauca.backend("wgpu:4242"), pytest.raises(pauca.DeviceError, match="no such device: wgpu:4242"):
        pauca.kmeans(x, 4)
