"""What the README shows runs, and says what it says."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_the_quick_start_runs(capsys):
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.S).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    exec(compile(code, str(README), "exec"), {})
    said = capsys.readouterr().out
    assert "<Dedup: 4000 of 5000 rows kept" in said and "2500 of 5000 rows kept" in said
    assert re.search(r"row \d+, column \d+", said), said


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
