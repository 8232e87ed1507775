"""What the README shows runs, and says what it says."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_the_quick_start_runs(capsys):
    code, new_rows = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    names: dict = {}
    exec(compile(code, str(README), "exec"), names)
    said = capsys.readouterr().out
    assert "<Dedup: 4000 of 5000 rows kept" in said and "2500 of 5000 rows kept" in said
    assert re.search(r"row \d+, column \d+", said), said
    exec(compile(new_rows, str(README), "exec"), names)
    said = capsys.readouterr().out
    assert said == "<DedupAgainst: 700 of 1000 new rows kept>\n700 rows are new\n", said


@pytest.mark.parametrize("name", ["pauca.sklearn", "pauca.ray"])
def test_submodules_that_need_a_package_name_it(name, monkeypatch):
    import builtins
    import importlib
    import sys

    package = "sklearn" if name == "pauca.sklearn" else "ray"
    real = builtins.__import__

    def without(module, *rest, **more):
        if module.split(".")[0] == package:
            raise ImportError(f"no {module}")
        return real(module, *rest, **more)

    for loaded in [m for m in sys.modules if m == name or m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install"):
        module = importlib.import_module(name)
        module.pool()


def test_the_page_on_shards_is_python(repository):
    blocks = re.findall(r"```python\n(.*?)```", (repository / "docs" / "ray.md").read_text(), re.S)
    assert len(blocks) == 3
    for block in blocks:
        compile(block, "docs/ray.md", "exec")


def test_sums_of_ranks_are_those_of_the_page(repository, blobs):
    """The function of the page, with an all-reduce that adds what three ranks give."""
    import sys
    import threading
    import types

    import numpy as np

    import pauca

    code = next(b for b in re.findall(r"```python\n(.*?)```", (repository / "docs" / "ray.md").read_text(), re.S) if "Allreduce" in b)
    meet, given, out = threading.Barrier(3), [], [None] * 3

    class World:
        @staticmethod
        def Allreduce(_in_place, planes):
            given.append(planes.copy())
            meet.wait()
            planes[:] = sum(given)
            meet.wait()

    mpi = types.SimpleNamespace(COMM_WORLD=World, IN_PLACE=None)
    names: dict = {}
    old = {name: sys.modules.get(name) for name in ("mpi4py",)}
    sys.modules["mpi4py"] = types.SimpleNamespace(MPI=mpi)
    try:
        exec(compile(code, "docs/ray.md", "exec"), names)
    finally:
        for name, module in old.items():
            sys.modules.pop(name) if module is None else sys.modules.__setitem__(name, module)

    def rank(i):
        out[i] = names["iteration"](blobs[i::3], blobs[:6])[0]

    threads = [threading.Thread(target=rank, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one = pauca.kmeans(blobs, 6, spherical=True, init=blobs[:6], max_iter=1)
    assert all(np.array_equal(part, one.centroids) for part in out)
