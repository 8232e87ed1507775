"""Shards: files of rows, and what is written beside them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import tempfile
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence, Union

import numpy as np

from .. import errors
from .._rows import Rows

#: Anything shaped like the built-in ``map``.
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclasses.dataclass(frozen=True)
class Part:
    """Some rows of one shard: what a task works on."""

    index: int
    path: str
    column: Optional[str]
    #: The place of the first row of the shard among the rows of all shards: rows are known by such places.
    first_id: int
    #: The place of the first of these rows among the rows of all parts.
    start: int
    n: int
    d: int
    #: A file that says which rows of the shard these are; None for all.
    mask: Optional[str] = None

    def array(self) -> np.ndarray:
        """All rows of the shard: mapped into memory, or read from Parquet."""
        return _npy(self.path) if self.column is None else _parquet(self.path, self.column)

    def chosen(self) -> Optional[np.ndarray]:
        """The rows of the shard that these are; None for all."""
        return None if self.mask is None else np.flatnonzero(np.load(self.mask))

    def rows(self) -> Rows:
        whole, chosen = Rows(self.array(), rounded=True), self.chosen()
        return whole if chosen is None else whole.subset(chosen)

    def ids(self) -> np.ndarray:
        """[n] uint64: by which random draws know the rows."""
        chosen = self.chosen()
        return np.uint64(self.first_id) + (np.arange(self.n) if chosen is None else chosen).astype(np.uint64)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Some of these rows, as float32."""
        chosen = self.chosen()
        return np.ascontiguousarray(self.array()[rows if chosen is None else chosen[rows]], np.float32)

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Errors about rows name the file, and the row of that file."""
        try:
            yield
        except errors.Error as error:
            chosen, row = self.chosen(), error.row
            detail = error.detail
            if row is not None and chosen is not None:
                detail = (int(chosen[row]), detail[1])
            raise type(error)(f"{self.path}: {error}", error.code, error.name, detail) from error


def _npy(path: str) -> np.ndarray:
    return np.load(path, mmap_mode="r")


def _parquet(path: str, column: str) -> np.ndarray:
    import pyarrow.parquet

    values = pyarrow.parquet.read_table(path, columns=[column]).column(0)
    rows = Rows(values, rounded=True)  # nulls and lists of different lengths are refused, with their row
    flat = values.combine_chunks().flatten() if values.num_chunks != 1 else values.chunk(0).flatten()
    return flat.to_numpy(zero_copy_only=False).reshape(rows.shape)


def _shape(path: str, column: Optional[str]) -> tuple[int, int]:
    if column is None:
        shape = _npy(path).shape
        if len(shape) != 2:
            raise ValueError(f"{path} has shape {shape}, expected [rows, values]")
        return shape
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    first = next(file.iter_batches(1, columns=[column]), None)
    d = 0 if first is None or len(first) == 0 else len(first.column(0)[0])
    return file.metadata.num_rows, d


class Folder:
    """A folder of .npy files [rows, values], or of Parquet files with a column of lists, in the order of their names.

    Rows are numbered through all files in that order; shards without rows are left out.
    """

    def __init__(self, path: Union[str, os.PathLike], column: Optional[str] = None):
        self.path = pathlib.Path(path).absolute()
        pattern = "*.npy" if column is None else "*.parquet"
        files = sorted(self.path.glob(pattern))
        if not files:
            raise FileNotFoundError(f"{self.path} has no {pattern}" + ("" if column else " (column= reads *.parquet)"))
        self.parts: list[Part] = []
        start = 0
        for file in files:
            n, d = _shape(str(file), column)
            if n == 0:
                continue
            if self.parts and d != self.parts[0].d:
                raise ValueError(f"{file} has rows of {d} values, {self.parts[0].path} of {self.parts[0].d}")
            self.parts.append(Part(len(self.parts), str(file), column, start, start, n, d))
            start += n
        if not self.parts:
            raise ValueError(f"{self.path}: no file has rows")

    def __len__(self) -> int:
        return sum(part.n for part in self.parts)


def parts_of(folder: Union[Folder, str, os.PathLike, list[Part]]) -> list[Part]:
    """The parts of a folder."""
    if isinstance(folder, list):
        return folder
    return (folder if isinstance(folder, Folder) else Folder(folder)).parts


def groups(parts: Sequence[Part], shards_per_task: int) -> list[list[Part]]:
    """What each task works on."""
    return [list(parts[i : i + shards_per_task]) for i in range(0, len(parts), shards_per_task)]


def save(path: Union[str, os.PathLike], array: np.ndarray) -> None:
    """Writes a file at once or not at all: a task that is done twice, or killed, leaves nothing half done."""
    _replace(path, lambda file: np.save(file, array, allow_pickle=False))


def save_json(path: Union[str, os.PathLike], value: dict) -> None:
    """Writes a state at once or not at all."""
    _replace(path, lambda file: file.write(json.dumps(value, indent=1).encode()))


def _replace(path: Union[str, os.PathLike], write: Callable[[Any], Any]) -> None:
    path = pathlib.Path(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as file:
        try:
            write(file)
        except BaseException:
            os.unlink(file.name)
            raise
    os.replace(file.name, path)


class Work:
    """A folder for what a run leaves behind, and the state from which it goes on."""

    def __init__(self, path: Union[str, os.PathLike], settings: dict):
        self.path = pathlib.Path(path).absolute()
        self.path.mkdir(parents=True, exist_ok=True)
        self.state: dict = {"settings": json.loads(json.dumps(settings))}
        file = self.path / "state.json"
        if file.exists():
            found = json.loads(file.read_text())
            if found["settings"] != self.state["settings"]:
                differs = [k for k, v in self.state["settings"].items() if found["settings"].get(k) != v]
                raise ValueError(f"{self.path} holds a run of other rows or settings ({', '.join(differs)}): take another folder")
            self.state = found

    def put(self, **values: Any) -> None:
        """Adds to the state."""
        self.state.update(values)
        save_json(self.path / "state.json", self.state)

    def file(self, name: str) -> str:
        return str(self.path / name)


def settings_of(parts: Sequence[Part], **more: Any) -> dict:
    """What a run is of."""
    listed = [[os.path.basename(p.path), p.n, p.d, os.stat(p.path).st_size, p.mask] for p in parts]
    return {"shards": listed, **{name: _plain(value) for name, value in more.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        import hashlib

        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return value
