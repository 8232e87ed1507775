"""Three Parquet shards, filtered and read back: see shards.sh.

shards.py CURATE DATA WORK
"""

import csv
import json
import os
import subprocess
import sys

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Codecs that a shard may have; each shard has another one and row groups of another size.
SHARDS = [("zstd", 700), ("snappy", 512), ("gzip", 2048)]


def mails(data):
    """Embeddings, id, group, length and a line of text of each mail; the texts themselves are not shipped."""
    x = np.load(f"{data}/mail.f16.npy")
    rows = list(csv.DictReader(open(f"{data}/mail.csv")))
    return pa.table({
        "id": pa.array([row["id"] for row in rows]),
        "text": pa.array([f"{row['group']}: a mail of {row['chars']} characters, <{row['id']}>" for row in rows]),
        "group": pa.array([row["group"] for row in rows]).dictionary_encode(),
        "tokens": pa.array([int(row["chars"]) // 4 for row in rows], pa.int32()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), x.shape[1]),
    })


def run(curate, work, source, out, *more):
    command = [curate, source, "--out", out, "--id-column", "id", "--text", "text", "--by", "group", "--tokens", "tokens",
               "--write-filtered", "--progress", "none", *more]
    print("$", " ".join(os.path.basename(part) if part == curate else part for part in command))
    found = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    print(found.stderr.rstrip())
    return json.load(open(f"{work}/{out}/report.json"))


def main():
    curate, data, work = map(os.path.abspath, sys.argv[1:4])
    table = mails(data)
    n = table.num_rows
    os.mkdir(f"{work}/shards")
    bounds = [n * i // len(SHARDS) for i in range(len(SHARDS) + 1)]
    for i, (codec, size) in enumerate(SHARDS):
        part = table.slice(bounds[i], bounds[i + 1] - bounds[i])
        pq.write_table(part, f"{work}/shards/part-{i}.parquet", compression=codec, row_group_size=size)
    pq.write_table(table, f"{work}/one.parquet")
    report = run(curate, work, "shards", "many")
    run(curate, work, "one.parquet", "single")
    connection = duckdb.connect()
    ask = lambda query: connection.execute(query).fetchall()
    kept = set()
    for i, (codec, _) in enumerate(SHARDS):
        before, after = pq.ParquetFile(f"{work}/shards/part-{i}.parquet"), pq.ParquetFile(f"{work}/many/filtered/part-{i}.parquet")
        assert before.schema_arrow.equals(after.schema_arrow), (before.schema_arrow, after.schema_arrow)
        codecs = {after.metadata.row_group(0).column(c).compression for c in range(after.metadata.num_columns)}
        assert codecs == {codec.upper()}, codecs
        described = [ask(f"describe select * from '{work}/{folder}/part-{i}.parquet'") for folder in ("shards", "many/filtered")]
        assert described[0] == described[1], described
        old, new = before.read(), after.read()
        ids = set(new["id"].to_pylist())
        wanted = old.filter(pa.array([name in ids for name in old["id"].to_pylist()]))
        # Values, not the codes of a dictionary, which may be numbered anew.
        plain = lambda table: [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
        same = [a.equals(b) for a, b in zip(plain(new), plain(wanted))]
        assert all(same), f"part-{i}: not the rows of the shard: {dict(zip(new.column_names, same))}"
        counted = ask(f"select count(*), count(distinct id) from '{work}/many/filtered/part-{i}.parquet'")[0]
        assert counted == (new.num_rows, new.num_rows)
        print(f"part-{i}.parquet ({codec}): {old.num_rows} rows, {new.num_rows} kept, the same {len(new.schema)} columns")
        kept |= ids
    single = set(pq.read_table(f"{work}/single/filtered/one.parquet")["id"].to_pylist())
    assert kept == single, f"{len(kept)} ids of shards, {len(single)} of one file"
    lists = {name: ask(f"select id from '{work}/many/{name}.parquet'") for name in ("kept", "removed")}
    assert {row[0] for row in lists["kept"]} == kept
    assert len(lists["removed"]) + len(lists["kept"]) == n == len(kept | {row[0] for row in lists["removed"]})
    assert open(f"{work}/many/kept_ids.txt").read().splitlines() == [row[0] for row in lists["kept"]]
    table_of = [row[:4] for row in csv.reader(open(f"{work}/many/removed.csv"))][1:]
    columns = "row, id, witness_row, witness"
    found = ask(f"select {columns} from '{work}/many/removed.parquet'")
    assert table_of == [["" if cell is None else str(cell) for cell in row] for row in found]
    tokens = ask(f"select sum(tokens) from '{work}/many/filtered/*.parquet'")[0][0]
    page = open(f"{work}/many/report.html").read()
    for word in ("a mail of", "easy-ham", "spam", "tokens"):
        assert word in page, word
    print(f"{len(lists['kept'])} kept and {len(lists['removed'])} removed of {n}; {tokens} tokens kept; report: {report['verdict']}")
    print("ids kept of three shards equal those of one file; pyarrow", pa.__version__, "and DuckDB", duckdb.__version__)


if __name__ == "__main__":
    main()
