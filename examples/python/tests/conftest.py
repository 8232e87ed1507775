"""What the tests share. A test that needs what is not there says so in the closing lines (pytest -ra)."""

import os
import pathlib
import shutil

import numpy as np
import pytest

REPOSITORY = pathlib.Path(os.environ.get("PAUCA_REPOSITORY", pathlib.Path(__file__).resolve().parents[3]))


def pytest_configure(config):
    config.addinivalue_line("markers", "deep: takes long: check.sh deep runs it")


@pytest.fixture(scope="session")
def repository() -> pathlib.Path:
    if not (REPOSITORY / "bindings-c").exists():
        pytest.skip("not in the repository")
    return REPOSITORY


@pytest.fixture(scope="session")
def mail(repository) -> np.ndarray:
    """[6046, 384] float16: embeddings of mails, with many near copies."""
    return np.load(repository / "examples" / "data" / "mail.f16.npy")


@pytest.fixture(scope="session")
def curate(repository) -> str:
    """The program of the repository: that of PAUCA_CURATE, or the one that was built last."""
    named = os.environ.get("PAUCA_CURATE")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", repository / "target"))
    built = [path for kind in ("release", "debug") if (path := target / kind / "curate").exists()]
    if not named and not built:
        pytest.skip("no curate: cargo build --release -p pauca-examples --bin curate")
    return shutil.which(named) if named else str(built[0])


@pytest.fixture(scope="session")
def blobs() -> np.ndarray:
    """[600, 8] float32: twelve clouds, with copies."""
    random = np.random.default_rng(3)
    centres = random.normal(size=(12, 8)) * 4
    x = (centres[random.integers(0, 12, 600)] + random.normal(size=(600, 8))).astype(np.float32)
    x[100:110] = x[200:210]
    return x
