"""The same bits as the program of this repository, on the mail data."""

import subprocess

import numpy as np
import pytest

import pauca


@pytest.fixture(scope="module")
def of_program(curate, repository, tmp_path_factory):
    def run(method, *flags):
        out = tmp_path_factory.mktemp(method)
        data = repository / "examples" / "data" / "mail.f16.npy"
        command = [curate, data, "--method", method, "--seed", "7", "--out", out, *flags]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        return {path.stem: np.load(path) for path in out.glob("*.npy")}

    return run


def same(ours, theirs):
    assert ours.shape == theirs.shape
    return ours.astype(theirs.dtype).tobytes() == theirs.tobytes()


def test_kmeans(of_program, mail):
    theirs, ours = of_program("kmeans"), pauca.kmeans(mail, 78, spherical=True, seed=7, max_iter=20)
    assert same(ours.labels, theirs["labels"])
    assert same(ours.centroids, theirs["centroids"])
    assert same(ours.distances, theirs["distance"])


def test_semdedup(of_program, mail):
    theirs, ours = of_program("semdedup", "--epsilon", "0.05"), None
    clusters = pauca.kmeans(mail, 78, spherical=True, seed=7, max_iter=20)
    ours = pauca.semdedup(mail, clusters, epsilon=0.05)
    assert 0 < ours.n_kept < len(mail)
    assert same(ours.kept, theirs["kept"])
    assert same(ours.similarity, theirs["similarity"])


def test_prototypes(of_program, mail):
    theirs = of_program("prototypes")
    clusters = pauca.kmeans(mail, 78, spherical=True, seed=7, max_iter=20)
    assert same(pauca.prototypes(clusters).kept, theirs["kept"])


def test_d4(of_program, mail):
    theirs, ours = of_program("d4"), pauca.d4(mail, seed=7)
    assert same(ours.kept, theirs["kept"])
    assert same(ours.clusters.labels, theirs["labels"])
    assert same(ours.clusters.centroids, theirs["centroids"])
    assert same(ours.reclustered.labels, theirs["labels2"][ours.survivors])
    assert same(ours.reclustered.centroids, theirs["centroids2"])
    assert same(ours.dedup.similarity, theirs["similarity"])
