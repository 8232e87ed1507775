"""Shards give the bits of one call: in any number, by any map, stopped and resumed, with workers that die."""

import concurrent.futures
import functools
import os
import pathlib

import numpy as np
import pytest

import pauca
import pauca.shards
from pauca.shards import _random, _select


def folder(place, x, m, name="rows"):
    path = pathlib.Path(place, name)
    path.mkdir()
    for i, part in enumerate(np.array_split(x, m)):
        np.save(path / f"{i:05}.npy", part)
    return path


def same_clusters(ours, theirs):
    assert ours.labels().tobytes() == theirs.labels.tobytes()
    assert ours.distances().tobytes() == theirs.distances.tobytes()
    assert ours.centroids.tobytes() == theirs.centroids.tobytes()
    assert (ours.counts == theirs.counts).all()
    for name in ("inertia", "n_iter", "converged", "relocated", "distinct_rows"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.fixture(scope="module")
def hard():
    """[500, 6] float32: copies, rows of zeros, -0.0, few places: ties and empty clusters."""
    random = np.random.default_rng(5)
    x = random.integers(-2, 3, (500, 6)).astype(np.float32)
    x[::50] = 0
    x[1::50] *= -0.0
    x[100:160] = x[7]
    return x


@pytest.mark.parametrize("shards", [1, 3, pytest.param(8, marks=pytest.mark.deep)])
@pytest.mark.parametrize("init", ["random", "k-means++", "given"])
@pytest.mark.parametrize("spherical", [False, True])
def test_kmeans(tmp_path, blobs, hard, shards, init, spherical):
    for i, (x, k) in enumerate(((blobs, 12), (hard, 40), (hard[::-1], 90))):
        x = np.ascontiguousarray(x)
        first = x[:k] if init == "given" else init
        how = {"spherical": spherical, "seed": i, "init": first, "max_iter": 30}
        theirs = pauca.kmeans(x, k, **how)
        ours = pauca.shards.kmeans(folder(tmp_path, x, shards, f"{i}"), k, tmp_path / f"work{i}", **how)
        same_clusters(ours, theirs)


def test_what_is_rare_in_kmeans(tmp_path, hard):
    # Rows are moved into empty clusters; fewer rows differ than clusters were asked for; a tolerance; kept clusters.
    few = np.repeat(hard[:9], 20, axis=0)
    cases = [
        (hard, 300, {"init": np.repeat(hard[:1], 300, axis=0)}),
        (hard, 300, {"init": np.repeat(hard[:1], 300, axis=0), "spherical": True}),
        (hard, 300, {"init": np.repeat(hard[:1], 300, axis=0), "empty": "keep"}),
        (few, 40, {}),
        (few, 40, {"spherical": True}),
        (np.zeros((30, 4), np.float32), 5, {"spherical": True}),
        (hard, 20, {"tolerance": 0.5}),
        (hard, 500, {}),
        (hard, 1, {}),
    ]
    relocated = 0
    for i, (x, k, how) in enumerate(cases):
        theirs = pauca.kmeans(x, k, seed=2, max_iter=9, **how)
        where = folder(tmp_path, x, 4, f"{i}")
        same_clusters(pauca.shards.kmeans(where, k, tmp_path / f"w{i}", seed=2, max_iter=9, **how), theirs)
        relocated += theirs.relocated
    assert relocated > 100


@pytest.mark.parametrize("how", [
    {"epsilon": 0.05},
    {"epsilon": 0.0, "boundary": "ge", "order": "easy"},
    {"epsilon": 0.1, "rule": "greedy_cover", "order": "random", "order_seed": 9},
    {"keep_fraction": 0.5, "order": "random"},
    {"keep_fraction": 0.3, "published": True, "order": "easy"},
    {"keep_fraction": 0.0},
    {"keep_fraction": 1.0},
])
@pytest.mark.parametrize("spherical", [False, True])
def test_semdedup(tmp_path, blobs, hard, how, spherical):
    for i, (x, k) in enumerate(((blobs, 12), (hard, 10))):
        clusters = pauca.kmeans(x, k, seed=1, spherical=spherical)
        theirs = pauca.semdedup(x, clusters, **how)
        for shards in (1, 5):
            where = folder(tmp_path, x, shards, f"{i}-{shards}")
            ours = pauca.shards.kmeans(where, k, f"{where}-k", seed=1, spherical=spherical)
            ours = pauca.shards.semdedup(where, ours, f"{where}-d", bucket_bytes=4000, **how)
            assert (ours.keep() == theirs.keep).all() and ours.n_kept == theirs.n_kept
            assert (ours.witness() == theirs.witness).all()
            assert ours.similarity().tobytes() == theirs.similarity.tobytes()
            assert (ours.epsilon, ours.reached, ours.exact_copies) == (theirs.epsilon, theirs.reached, theirs.exact_copies)


@pytest.mark.parametrize("how", [
    {},
    {"scope": "per_cluster", "init": "random", "keep_fraction": 0.21},
    {"spherical": False, "clusters": 9, "recluster": 5, "order": "random", "order_seed": 4},
    {"keep_fraction": 0.0},
])
def test_d4(tmp_path, blobs, hard, how):
    for i, x in enumerate((blobs, hard)):
        theirs = pauca.d4(x, seed=3, **how)
        for shards in (1, 7):
            where = folder(tmp_path, x, shards, f"{i}-{shards}")
            ours = pauca.shards.d4(where, f"{where}-work", seed=3, **how)
            assert (ours.keep() == theirs.keep).all() and ours.n_kept == theirs.n_kept
            same_clusters(ours.reclustered, theirs.reclustered)


def test_types_and_shards_without_rows(tmp_path, blobs):
    for kind in (np.float16, np.float64, ">f4"):
        name = np.dtype(kind).name + np.dtype(kind).byteorder.replace("=", "")
        where = folder(tmp_path, blobs.astype(kind), 3, name.replace(">", "big"))
        np.save(where / "00001a.npy", np.zeros((0, 8), kind))
        ours = pauca.shards.kmeans(where, 6, f"{where}-w", seed=1, shards_per_task=2)
        same_clusters(ours, pauca.kmeans(pauca.Rows(blobs.astype(kind), rounded=True), 6, seed=1))


def test_parquet(tmp_path, blobs):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    for name, kind in (("lists", pa.list_(pa.float32())), ("fixed", pa.list_(pa.float32(), 8)), ("wide", pa.list_(pa.float64()))):
        where = tmp_path / name
        where.mkdir()
        for i, part in enumerate(np.array_split(blobs, 3)):
            table = pa.table({"id": range(len(part)), "e": pa.array(part.tolist(), kind)})
            pyarrow.parquet.write_table(table, where / f"{i}.parquet", row_group_size=77)
        shards = pauca.shards.Folder(where, column="e")
        ours = pauca.shards.kmeans(shards, 6, tmp_path / f"{name}-w", seed=1)
        same_clusters(ours, pauca.kmeans(blobs, 6, seed=1))
        ours = pauca.shards.semdedup(shards, ours, tmp_path / f"{name}-d", epsilon=0.02)
        assert (ours.kept() == pauca.semdedup(blobs, pauca.kmeans(blobs, 6, seed=1), epsilon=0.02).kept).all()


class Stops:
    """A map that fails after so many tasks."""

    def __init__(self, after):
        self.left = after

    def __call__(self, task, items):
        for item in items:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield task(item)


def test_a_stopped_run_goes_on(tmp_path, blobs):
    theirs, where, tries = pauca.d4(blobs, clusters=12, seed=3), folder(tmp_path, blobs, 5), 0
    while True:
        tries += 1
        try:
            ours = pauca.shards.d4(where, tmp_path / "work", clusters=12, seed=3, run=Stops(40))
            break
        except KeyboardInterrupt:
            assert tries < 100
    assert tries > 3
    assert (ours.kept() == theirs.kept).all()
    same_clusters(ours.reclustered, theirs.reclustered)
    again = pauca.shards.d4(where, tmp_path / "work", clusters=12, seed=3, run=Stops(0))
    assert (again.kept() == ours.kept()).all()
    with pytest.raises(ValueError, match="seed"):
        pauca.shards.d4(where, tmp_path / "work", clusters=12, seed=4)


def test_more_iterations_can_be_asked_for(tmp_path, blobs):
    where = folder(tmp_path, blobs, 4)
    for max_iter in (0, 2, 100):
        ours = pauca.shards.kmeans(where, 12, tmp_path / "work", seed=4, max_iter=max_iter)
        same_clusters(ours, pauca.kmeans(blobs, 12, seed=4, max_iter=max_iter))


def twice(task, item):
    task(item)
    return task(item)


def test_a_task_may_be_done_twice(tmp_path, blobs):
    def run(task, items):
        return map(functools.partial(twice, task), items)

    ours = pauca.shards.d4(folder(tmp_path, blobs, 4), tmp_path / "work", clusters=12, seed=3, run=run)
    assert (ours.kept() == pauca.d4(blobs, clusters=12, seed=3).kept).all()


def dies_once(marker, task, item):
    result = task(item)
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return result
    os._exit(9)  # its work is done, and nobody hears of it


def test_processes_and_one_that_dies(tmp_path, blobs):
    theirs = pauca.kmeans(blobs, 12, seed=4)
    where = folder(tmp_path, blobs, 6)
    import multiprocessing

    def pool():
        return concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))

    deaths = 0
    while True:
        with pool() as executor:
            def run(task, items):
                return executor.map(functools.partial(dies_once, str(tmp_path / "marker"), task), items)

            try:
                ours = pauca.shards.kmeans(where, 12, tmp_path / "work", seed=4, run=run)
                break
            except concurrent.futures.BrokenExecutor:
                deaths += 1
    assert deaths == 1
    same_clusters(ours, theirs)


def test_threads(tmp_path, blobs):
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        ours = pauca.shards.kmeans(folder(tmp_path, blobs, 6), 12, tmp_path / "work", seed=4, run=executor.map)
    same_clusters(ours, pauca.kmeans(blobs, 12, seed=4))


def test_errors_name_the_file(tmp_path, blobs):
    x = blobs.copy()
    x[333, 5] = np.nan
    where = folder(tmp_path, x, 3)
    with pytest.raises(pauca.InputError, match="00001.npy") as caught:
        pauca.shards.kmeans(where, 3, tmp_path / "work", init=blobs[:3])
    assert (caught.value.row, caught.value.column) == (133, 5)
    np.save(where / "00009.npy", np.zeros((2, 7), np.float32))
    with pytest.raises(ValueError, match="00009.npy"):
        pauca.shards.Folder(where)
    with pytest.raises(FileNotFoundError):
        pauca.shards.Folder(tmp_path / "work" / "none")
    where = folder(tmp_path, blobs, 2, "good")
    for wrong in ({"n_clusters": 601}, {"n_clusters": 0}, {"init": "best"}, {"init": blobs[:2]}, {"empty": "never"}):
        with pytest.raises(ValueError):
            pauca.shards.kmeans(where, **{"n_clusters": 3, "work": tmp_path / "x", **wrong})


def test_philox_has_its_known_answers():
    # Random123's answer for the counter 0 and the key 0.
    assert _random.bits(0, 0, np.zeros(1, np.uint64))[0] == 0xE169C58D6627E8D5
    assert ((0 < (u := _random.uniform(1, 2, np.arange(1000)))) & (u < 1)).all()


def test_the_mth_smallest():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(size=200), [0.0, -0.0, np.inf, -np.inf, 5e-324], np.full(20, 0.25)])
    parts = np.array_split(values, 4)
    assert _select.keys(np.array([-0.0, 0.0])).tolist() == [1 << 63] * 2
    ordered = np.sort(values)
    for m in range(1, len(values) + 1):
        found, below = _select.cut(map, lambda part: part, parts, m)
        assert found == ordered[m - 1] and below == (values < found).sum()


def anonymous():
    """Bytes of memory of this process that are no mapped file."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


def measured(log, task, item):
    """Does a task, and notes how much more memory it held meanwhile."""
    import threading

    before, most, ended = anonymous(), [0], threading.Event()

    def watch():
        while not ended.wait(0.001):
            most[0] = max(most[0], anonymous() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    result = task(item)
    ended.set()
    thread.join()
    with open(log, "a") as file:
        print(most[0], file=file)
    return result


@pytest.mark.deep
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is measured on Linux")
def test_a_task_holds_what_is_said(tmp_path, capsys):
    n, d, k = 200_000, 64, 40
    x = np.random.default_rng(1).normal(size=(2 * n, d)).astype(np.float16)
    where = folder(tmp_path, x, 2)
    import multiprocessing

    # Blocks of rows that the library converts, of threads, of NumPy: what does not grow with the shard.
    slack = 24 << 20
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

        def run(name):
            return lambda task, items: pool.map(functools.partial(measured, str(tmp_path / name), task), items)

        # A bucket of f16, gathered and widened to f32, beside what is remembered of its rows.
        bucket = n * d
        said = {"kmeans": 12 * n, "plus": 44 * n, "semdedup": 90 * n + 3 * bucket}
        clusters = pauca.shards.kmeans(where, k, tmp_path / "a", init="random", max_iter=2, run=run("kmeans"))
        pauca.shards.kmeans(where, k, tmp_path / "b", max_iter=0, run=run("plus"))
        pauca.shards.semdedup(where, clusters, tmp_path / "c", bucket_bytes=bucket, epsilon=0.05, run=run("semdedup"))
    for name, most in said.items():
        found = max(map(int, (tmp_path / name).read_text().split()))
        limit = most + 120 * k * d + slack
        with capsys.disabled():
            print(f"\n{name}: a task held {found / 1e6:.1f} MB, said at most {limit / 1e6:.1f} MB; a shard has {n * d * 2 / 1e6:.1f}", end="")
        assert found < limit
