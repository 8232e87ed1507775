"""Runs that are stepped, saved, resumed, interrupted; progress; forks; the overhead of a call."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pauca


@pytest.fixture(scope="module")
def large():
    """Rows that keep a call busy for many seconds."""
    return np.random.default_rng(0).normal(size=(60_000, 128)).astype(np.float32)


def test_a_saved_run_goes_on_to_the_same_bits(blobs):
    whole = pauca.kmeans(blobs, 12, seed=4)
    run = pauca.KMeansRun(blobs, 12, seed=4)
    assert not run.state.done and run.state.n_iter == 0
    assert run.step()
    saved = run.checkpoint()
    again = pauca.KMeansRun(blobs, 12, seed=4, checkpoint=saved)
    assert again.state.n_iter == 1
    for one in (run, again):
        assert one.finish().to_bytes() == whole.to_bytes()
    with pytest.raises(pauca.InputError):
        run.step()
    with pytest.raises(pauca.InputError) as caught:
        pauca.KMeansRun(blobs, 12, seed=5, checkpoint=saved)
    assert caught.value.name == "Mismatch"


def test_a_saved_d4_goes_on_to_the_same_bits(blobs):
    whole = pauca.d4(blobs, clusters=6, seed=1)
    run = pauca.D4Run(blobs, clusters=6, seed=1)
    stages = []
    for state in run:
        stages.append(state.stage)
        again = pauca.D4Run(blobs, clusters=6, seed=1, checkpoint=run.checkpoint()).finish()
        assert (again.kept == whole.kept).all()
        assert again.reclustered.to_bytes() == whole.reclustered.to_bytes()
    assert {"cluster", "deduplicate", "recluster"} <= set(stages)
    assert (run.finish().keep == whole.keep).all()


def test_progress_is_told_and_stops(blobs):
    heard = []
    pauca.kmeans(blobs, 12, seed=4, progress=heard.append)
    ends = [p for p in heard if p.iteration is not None]
    assert [p.iteration for p in ends] == list(range(len(ends))) and len(ends) > 2
    assert all(a.objective >= b.objective for a, b in zip(ends, ends[1:]))
    run = pauca.KMeansRun(blobs, 12, seed=4, progress=lambda p: (p.iteration or 0) < 2)
    with pytest.raises(pauca.Cancelled):
        for _ in run:
            pass
    saved = run.checkpoint()
    again = pauca.KMeansRun(blobs, 12, seed=4, checkpoint=saved).finish()
    assert again.to_bytes() == pauca.kmeans(blobs, 12, seed=4).to_bytes()


def test_an_exception_of_a_progress_function_comes_out(blobs):
    def fails(progress):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        pauca.kmeans(blobs, 12, progress=fails)
    assert pauca.kmeans(blobs, 12).n_clusters == 12


def test_progress_of_tqdm(blobs, capsys):
    pytest.importorskip("tqdm")
    pauca.kmeans(blobs, 12, progress=True)
    assert "iterate" in capsys.readouterr().err


def interrupted(call, after=0.5):
    """Seconds from SIGINT until KeyboardInterrupt comes out of call."""
    sent = []

    def send():
        time.sleep(after)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    # A shell starts what it runs in the background with SIGINT ignored: this test wants Python's own handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            call()
            time.sleep(10)  # so that the signal comes here, even if the call has ended
        seconds = time.perf_counter() - sent[0]
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    return seconds


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_returns_at_once(large, capsys):
    for name, call in (
        ("kmeans", lambda: pauca.kmeans(large, 500, max_iter=10_000)),
        ("semdedup", lambda: pauca.semdedup(large, 1)),
        ("d4", lambda: pauca.d4(large, clusters=500, max_iter=10_000)),
    ):
        seconds = interrupted(call)
        with capsys.disabled():
            print(f"\nKeyboardInterrupt out of {name}: {seconds * 1000:.1f} ms", end="")
        assert seconds < 1.0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_was_interrupted_can_be_saved_and_resumed(large):
    x = large
    how = {"seed": 1, "init": "random", "max_iter": 60}
    run = pauca.KMeansRun(x, 100, **how)
    interrupted(lambda: [None for _ in run], after=0.05)
    assert not run.state.done, "it was too fast to be interrupted"
    again = pauca.KMeansRun(x, 100, **how, checkpoint=run.checkpoint())
    whole = pauca.kmeans(x, 100, **how)
    assert again.finish().to_bytes() == whole.to_bytes() == run.finish().to_bytes()


def child(x, expected, queue):
    queue.put(pauca.kmeans(x, 12, seed=1, threads=2).to_bytes() == expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forked_children_work_and_so_does_the_parent(blobs):
    expected = pauca.kmeans(blobs, 12, seed=1, threads=2).to_bytes()
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    children = [fork.Process(target=child, args=(blobs, expected, queue)) for _ in range(20)]
    for process in children:
        process.start()
        assert pauca.kmeans(blobs, 12, seed=1, threads=2).to_bytes() == expected
    assert all(queue.get(timeout=60) for _ in children)
    for process in children:
        process.join(60)
        assert process.exitcode == 0


def test_threads_call_at_once(blobs):
    expected = pauca.kmeans(blobs, 12, seed=1).to_bytes()
    wrong = []

    def work():
        for _ in range(10):
            if pauca.kmeans(blobs, 12, seed=1, threads=2).to_bytes() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_overhead_of_a_call(capsys):
    x = np.eye(4, dtype=np.float32)
    found = pauca.kmeans(x, 2)
    found.predict(x)
    times = []
    for _ in range(2000):
        begin = time.perf_counter()
        found.predict(x)
        times.append(time.perf_counter() - begin)
    with capsys.disabled():
        print(f"\npredict of 4 x 4: median {np.median(times) * 1e6:.1f} us a call", end="")
    assert np.median(times) < 1e-3


def test_a_library_that_is_not_there_is_named(tmp_path):
    environment = {**os.environ, "PAUCA_LIB": str(tmp_path / "none.so")}
    done = subprocess.run([sys.executable, "-c", "import pauca"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "none.so" in done.stderr and "PAUCA_LIB" in done.stderr
