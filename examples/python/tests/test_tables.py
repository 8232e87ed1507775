"""Round trips with what reads and writes Arrow. Each needs its package; the deep checks of the repository have all."""

import gc

import numpy as np
import pytest

import pauca
from pauca import _arrow


@pytest.fixture(scope="module")
def found(blobs):
    return pauca.semdedup(blobs, pauca.kmeans(blobs, 6, spherical=True, seed=1), epsilon=0.02)


@pytest.fixture(scope="module")
def same(blobs):
    expected = pauca.kmeans(blobs, 6, seed=1).to_bytes()

    def check(x):
        assert pauca.kmeans(x, 6, seed=1).to_bytes() == expected

    return check


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    gc.collect()
    _arrow.sweep()
    assert not _arrow._streams


def test_a_stream_that_nobody_reads_is_freed(found):
    capsule = found.__arrow_c_stream__()
    assert _arrow._streams
    del capsule


def test_polars(blobs, found, same):
    pl = pytest.importorskip("polars")
    same(pl.Series(blobs, dtype=pl.Array(pl.Float32, 8)))
    same(pl.DataFrame({"e": pl.Series(blobs, dtype=pl.Array(pl.Float32, 8))}))
    same(pl.DataFrame(blobs))
    same(pl.concat([pl.Series(blobs[:50].tolist(), dtype=pl.List(pl.Float32)), pl.Series(blobs[50:].tolist(), dtype=pl.List(pl.Float32))], rechunk=False))
    with pytest.warns(pauca.RoundedWarning):
        same(pl.Series(blobs.astype(np.float64), dtype=pl.Array(pl.Float64, 8)))
    table = pl.DataFrame(found)
    assert table.columns == ["row", "keep", "witness", "similarity", "cluster"]
    assert table.filter("keep")["row"].to_numpy().tolist() == found.kept.tolist()
    assert table["witness"].null_count() == (found.witness < 0).sum() == table["similarity"].null_count()
    assert table["witness"].fill_null(-1).to_numpy().tolist() == found.witness.tolist()
    for result in (found.clusters, pauca.prototypes(found.clusters), pauca.d4(blobs, clusters=4)):
        assert len(pl.DataFrame(result)) == len(blobs)
    with pytest.raises(pauca.InputError, match="columns id, e: pass the one"):
        pauca.kmeans(pl.DataFrame({"id": ["a"] * 600, "e": blobs.tolist()}), 2)
    with pytest.raises(pauca.InputError) as caught:
        pauca.kmeans(pl.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)), 1)
    assert (caught.value.name, caught.value.row) == ("NullValue", 1)
    with pytest.raises(pauca.InputError):
        pauca.kmeans(pl.Series([[1.0], [1.0, 2.0]], dtype=pl.List(pl.Float32)), 1)
    with pytest.raises(pauca.InputError):
        pauca.kmeans(pl.Series(["a", "b"]), 1)


def test_pyarrow(blobs, found, same):
    pa = pytest.importorskip("pyarrow")
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(blobs.ravel()), 8)
    lists = pa.array(list(blobs))
    same(fixed)
    same(lists)
    same(pa.array(list(blobs), pa.large_list(pa.float32())))
    same(pa.concat_arrays([fixed[:3], fixed])[3:])
    same(pa.concat_arrays([lists[:3], lists])[3:])
    same(pa.chunked_array([fixed[:100], fixed[100:]]))
    same(pa.table({"e": pa.chunked_array([lists[:100], lists[100:]])}))
    same(pa.record_batch({"e": fixed}))
    with pytest.raises(pauca.InputError, match="columns id, e: pass the one"):
        pauca.kmeans(pa.table({"id": range(600), "e": fixed}), 2)
    half = pa.FixedSizeListArray.from_arrays(pa.array(blobs.astype(np.float16).ravel()), 8)
    assert (pauca.Rows(half).to_numpy() == blobs.astype(np.float16)).all()
    table = pa.table(found)
    assert table.column("keep").to_numpy().tolist() == found.keep.tolist()
    assert table.schema.field("witness").nullable and not table.schema.field("row").nullable
    assert table.column("similarity").null_count == np.isnan(found.similarity).sum()
    # A reader that takes an exception while a capsule dies.
    with pytest.raises(Exception):
        pa.table(found, schema=pa.schema([("other", pa.int8())]))


def test_pandas(blobs, found, same):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"id": range(len(blobs)), "e": list(blobs)})
    same(frame["e"])
    same(frame[["e"]])
    same(pd.DataFrame(blobs))
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(found)["row"][found.keep].tolist() == found.kept.tolist()
    assert len(frame[found.keep]) == len(frame.iloc[found.kept]) == found.n_kept
    assert pd.DataFrame(found.to_dict())["keep"].tolist() == found.keep.tolist()
    with pytest.raises(pauca.InputError, match="columns name, e: pass the one"):
        pauca.kmeans(frame.assign(name="a")[["name", "e"]], 2)
    frame.loc[7, "e"] = None
    with pytest.raises(pauca.InputError) as caught:
        pauca.kmeans(frame["e"], 2)
    assert caught.value.row == 7


def test_duckdb(blobs, found, same):
    duckdb = pytest.importorskip("duckdb")
    pa = pytest.importorskip("pyarrow")
    embeddings = pa.table({"e": pa.FixedSizeListArray.from_arrays(pa.array(blobs.ravel()), 8)})
    same(duckdb.sql("select e from embeddings"))
    same(duckdb.sql("select e::float[] as e from embeddings"))
    result = found
    count = duckdb.sql("select sum(keep::int), count(witness), count(*) from result").fetchall()
    assert count[0] == (found.n_kept, (found.witness >= 0).sum(), len(blobs))
    assert result is found and embeddings is not None
    with pytest.raises(pauca.InputError, match="columns e, one: pass the one"):
        pauca.kmeans(duckdb.sql("select e, 1 as one from embeddings"), 2)


def test_datasets(blobs, found, same):
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"e": blobs, "id": list(range(len(blobs)))})
    same(data.select_columns("e"))
    with pytest.raises(pauca.InputError, match="columns e, id: pass the one"):
        pauca.kmeans(data, 2)
    order = np.random.default_rng(0).permutation(len(blobs))
    same(data.select(order).select(np.argsort(order)).select_columns("e"))
    chosen = data.select(found.kept)
    assert chosen["id"][:] == found.kept.tolist()
    with pytest.warns(pauca.RoundedWarning):
        same(data["e"])
