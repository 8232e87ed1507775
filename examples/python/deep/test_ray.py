"""pauca.ray on two workers: the bits of one process, with one, three and eight shards, with a worker that is killed.

Prints seconds for one and two workers, and the bytes that an iteration sends. Needs Ray; PAUCA_RAY_ROWS is a .npy file, by
default the mails of the repository.
"""

import functools
import hashlib
import os
import pathlib
import pickle
import signal
import sys
import time

import numpy as np
import pytest

os.environ.setdefault("RAY_AUTH_MODE", "disabled")
ray = pytest.importorskip("ray")

import pauca
import pauca.ray
import pauca.shards

REPOSITORY = pathlib.Path(os.environ.get("PAUCA_REPOSITORY", pathlib.Path(__file__).resolve().parents[3]))
ROWS = os.environ.get("PAUCA_RAY_ROWS", REPOSITORY / "examples" / "data" / "mail.f16.npy")
K, SEED = int(os.environ.get("PAUCA_RAY_K", "78")), 7


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not have this file
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def x():
    return np.load(ROWS)


def folder(place, x, m):
    path = pathlib.Path(place, f"rows-{m}")
    path.mkdir()
    for i, part in enumerate(np.array_split(x, m)):
        np.save(path / f"{i:05}.npy", part)
    return path


def sums(labels, centroids, *more):
    parts = [np.ascontiguousarray(a) for a in (labels.astype("<u4"), centroids.astype("<f4"), *more)]
    return [hashlib.sha256(part.tobytes()).hexdigest()[:16] for part in parts]


def say(capsys, text):
    with capsys.disabled():
        print(f"\n{text}", end="", flush=True)


@pytest.fixture(scope="module")
def one(x):
    """One process, one call each."""
    clusters = {i: pauca.kmeans(x, K, spherical=True, seed=SEED, max_iter=20, init=i) for i in ("random", "k-means++")}
    dedup = pauca.semdedup(x, clusters["random"], epsilon=0.05)
    chosen = pauca.d4(x, seed=SEED, init="random")
    return {
        **{i: sums(c.labels, c.centroids) for i, c in clusters.items()},
        "semdedup": sums(clusters["random"].labels, clusters["random"].centroids, dedup.kept),
        "d4": sums(chosen.reclustered.labels, chosen.reclustered.centroids, chosen.kept),
    }


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_the_bits_of_one_process(tmp_path, x, one, shards, capsys):
    rows = folder(tmp_path, x, shards)
    begin = time.perf_counter()
    for init in ("random", "k-means++"):
        found = pauca.ray.kmeans(rows, K, tmp_path / init, spherical=True, seed=SEED, max_iter=20, init=init)
        assert sums(found.labels(), found.centroids) == one[init]
        if init == "random":
            dedup = pauca.ray.semdedup(rows, found, tmp_path / "dedup", epsilon=0.05, bucket_bytes=1 << 20)
            assert sums(found.labels(), found.centroids, dedup.kept()) == one["semdedup"]
    chosen = pauca.ray.d4(rows, tmp_path / "d4", seed=SEED, init="random", bucket_bytes=1 << 20)
    found = sums(chosen.reclustered.labels(), chosen.reclustered.centroids, chosen.kept())
    assert found == one["d4"]
    say(capsys, f"{shards} shards: labels, centroids, kept {found} as in one process; {time.perf_counter() - begin:.1f} s")


def killed_once(folder, task, item):
    """Kills its own worker in the middle of the work, once for each tenth task."""
    result = task(item)
    before = len(os.listdir(folder))
    if before < 40:
        try:
            open(os.path.join(folder, str(before)), "x").close()
        except FileExistsError:  # another worker was faster
            return result
        if before % 10 == 9:
            os.kill(os.getpid(), signal.SIGKILL)
    return result


def test_killed_workers_change_nothing(tmp_path, x, one, capsys):
    rows, markers = folder(tmp_path, x, 8), tmp_path / "markers"
    markers.mkdir()
    on_ray = pauca.ray.pool()

    def run(task, items):
        return on_ray(functools.partial(killed_once, str(markers), task), items)

    found = pauca.shards.kmeans(rows, K, tmp_path / "work", spherical=True, seed=SEED, max_iter=20, init="random", run=run)
    assert sums(found.labels(), found.centroids) == one["random"]
    killed = len(list(markers.iterdir())) // 10
    assert killed >= 2
    say(capsys, f"{killed} workers killed by SIGKILL: the same bits")


def test_an_error_comes_out_as_it_is(tmp_path, x):
    bad = x.copy()
    bad[1234, 5] = np.nan
    with pytest.raises(pauca.InputError, match="npy") as caught:
        pauca.ray.kmeans(folder(tmp_path, bad, 2), K, tmp_path / "work", init=x[:K])
    assert (caught.value.name, caught.value.row, caught.value.column) == ("NonFinite", 1234, 5)


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on(tmp_path, x, one):
    rows, on_ray, left = folder(tmp_path, x, 3), pauca.ray.pool(), [30]

    def run(task, items):
        for result in on_ray(task, items):
            left[0] -= 1
            if left[0] == 0:
                raise Stopped
            yield result

    how = {"spherical": True, "seed": SEED, "max_iter": 20, "init": "random"}
    with pytest.raises(Stopped):
        pauca.shards.kmeans(rows, K, tmp_path / "work", run=run, **how)
    found = pauca.ray.kmeans(rows, K, tmp_path / "work", **how)
    assert sums(found.labels(), found.centroids) == one["random"]


def test_seconds_and_bytes(tmp_path, x, capsys):
    rows, iterations = folder(tmp_path, x, 8), 10
    for workers in (1, 2):
        on_ray, sent = pauca.ray.pool(pending=workers), [0, 0]

        def run(task, items):
            sent[0] += len(pickle.dumps(task))
            for result in on_ray(task, items):
                sent[1] += len(pickle.dumps(result))
                yield result

        how = {"spherical": True, "seed": SEED, "init": "random", "run": run}
        work = tmp_path / f"work{workers}"
        pauca.shards.kmeans(rows, K, work, max_iter=1, **how)
        sent[:] = [0, 0]
        begin = time.perf_counter()
        found = pauca.shards.kmeans(rows, K, work, max_iter=1 + iterations, **how)
        seconds = time.perf_counter() - begin
        made = found.n_iter  # one assignment to go on, and the iterations after the first
        say(
            capsys,
            f"{len(x)} x {x.shape[1]}, k {K}, 8 shards, {workers} workers: {seconds:.2f} s for {made} passes over the rows;"
            f" an iteration sends {sent[0] / made / 1e3:.0f} kB to each node and {sent[1] / made / 1e3:.0f} kB back",
        )
    direct = time.perf_counter()
    pauca.kmeans(x, K, spherical=True, seed=SEED, init="random", max_iter=iterations + 1)
    say(capsys, f"one call on all cores: {time.perf_counter() - direct:.2f} s for {iterations + 1} iterations")
