//! The data set again without the rows that went: the same files, columns and order.
//!
//! | file | what is written |
//! |---|---|
//! | `.npy` | the kept rows in the type of the file, C-ordered |
//! | `.safetensors` | every tensor with as many rows as the file has; others as they are |
//! | `.parquet` | all columns, schema, compression, notes; see [`parquet`](super::parquet) |
//! | `.csv`, `.jsonl`, `.txt` | the bytes of the kept records |

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::OutDir;
use crate::failure::{Failure, Result};
use crate::input::npy::{Header, MAGIC, write_header};
use crate::input::{Embeddings, file, paths};
use crate::interrupt;

/// Folder of the filtered files in the output folder.
pub const FOLDER: &str = "filtered";

/// A file, the rows of it, and the name of its filtered twin in the output folder.
pub struct Twin {
    path: PathBuf,
    rows: usize,
    /// The name in the output folder.
    pub name: String,
    /// The tensor of a `.safetensors` whose rows are meant.
    tensor: Option<String>,
}

/// The files of a data set and their twins: those of `embeddings`, and of `records` (file and records) beside
/// them, where these are others.
///
/// # Errors
/// [`Failure::Usage`] when two twins would have one name.
pub fn twins(embeddings: &Embeddings, records: &[(PathBuf, usize)]) -> Result<Vec<Twin>> {
    let shards: Vec<(PathBuf, usize)> =
        embeddings.shards().iter().map(|shard| (shard.path.clone(), shard.rows)).collect();
    let own: Vec<(PathBuf, usize)> =
        records.iter().filter(|(path, _)| shards.iter().all(|(other, _)| other != path)).cloned().collect();
    let mut all = named([&shards, &own], embeddings.metadata().and_then(Path::parent))?;
    for (i, twin) in all.iter_mut().take(shards.len()).enumerate() {
        twin.tensor = embeddings.tensor(i).map(str::to_string);
    }
    Ok(all)
}

/// The twins of two sets of files (file and rows), the files of each named by their places in the folder `inside`, or in
/// the folder that holds all of the set.
///
/// # Errors
/// [`Failure::Usage`] when two twins would have one name.
pub fn named(sets: [&[(PathBuf, usize)]; 2], inside: Option<&Path>) -> Result<Vec<Twin>> {
    let mut all = Vec::new();
    for files in sets {
        let root = inside.map_or_else(|| parent(files), Path::to_path_buf);
        for (path, rows) in files {
            let inner = path.strip_prefix(&root).unwrap_or(path.file_name().map_or(path, Path::new));
            let parts: Vec<_> = inner.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            let name = format!("{FOLDER}/{}", parts.join("/"));
            all.push(Twin { path: path.clone(), rows: *rows, name, tensor: None });
        }
    }
    let mut names = BTreeSet::new();
    match all.iter().find(|twin| !names.insert(twin.name.as_str())) {
        None => Ok(all),
        Some(twin) => Err(Failure::usage(format!(
            "--write-filtered would write {} twice; give the files names of their own",
            twin.name
        ))),
    }
}

/// The folder in which all of `files` lie.
fn parent(files: &[(PathBuf, usize)]) -> PathBuf {
    let mut folders = files.iter().map(|(path, _)| path.parent().unwrap_or(Path::new("")));
    let mut common = folders.next().unwrap_or(Path::new("")).to_path_buf();
    for folder in folders {
        while !folder.starts_with(&common) && common.pop() {}
    }
    common
}

/// Writes the twins with the rows that `kept` flags, file after file. The rows begin anew behind the last one.
///
/// # Errors
/// [`Failure::Data`] with the system's reason or what cannot be read; [`Failure::Cancelled`].
pub fn write(out: &mut OutDir, twins: &[Twin], kept: &[bool]) -> Result<()> {
    let mut at = 0;
    for twin in twins {
        if interrupt::requested() {
            return Err(Failure::stopped());
        }
        if at == kept.len() {
            at = 0;
        }
        let here = kept.get(at..at + twin.rows).unwrap_or_default();
        at += twin.rows;
        one(out, twin, here)?;
    }
    Ok(())
}

fn one(out: &mut OutDir, twin: &Twin, kept: &[bool]) -> Result<()> {
    let path = &twin.path;
    let unread = |e: io::Error| Failure::io(path, "read", &e);
    match paths::kind(path).as_str() {
        #[cfg(feature = "parquet")]
        "parquet" => {
            let table = crate::input::parquet::Table::open(path)?;
            out.write(&twin.name, |w| super::parquet::filtered(&table, kept, w))
        }
        "csv" => {
            let mut starts = csv_records(path)?;
            let map = file::map(path)?;
            // A record ends at the CR of a CRLF for the reader; the LF is its too.
            let split =
                |at: usize| map.get(at) == Some(&b'\n') && map.get(at.wrapping_sub(1)) == Some(&b'\r');
            starts.iter_mut().for_each(|at| *at += usize::from(split(*at)));
            out.write(&twin.name, |w| {
                w.write_all(&map[..starts[0]])?;
                kept_pieces(kept, |row| &map[starts[row]..starts[row + 1]], w)
            })
        }
        "jsonl" | "ndjson" | "txt" => {
            let blank_counts = paths::kind(path) == "txt";
            let mut reader = file::stream(path)?;
            let mut failed = None;
            let written = out.write(&twin.name, |w| {
                let (mut line, mut rows) = (Vec::new(), kept.iter());
                loop {
                    line.clear();
                    match reader.read_until(b'\n', &mut line) {
                        Ok(0) => return Ok(()),
                        Ok(_) => {}
                        Err(e) => {
                            failed = Some(unread(e));
                            return Err(io::Error::other("input"));
                        }
                    }
                    let blank = !blank_counts && line.trim_ascii().is_empty();
                    if !blank && rows.next() == Some(&true) {
                        w.write_all(&line)?;
                        if !line.ends_with(b"\n") {
                            w.write_all(b"\n")?;
                        }
                    }
                }
            });
            failed.map_or(written, Err)
        }
        _ => {
            let map = file::map(path)?;
            let wrong = |what: String| Failure::data(path, what);
            if map.starts_with(MAGIC) {
                let header = Header::parse(&map).map_err(wrong)?;
                out.write(&twin.name, |mut w| array(&mut w, &header, &map[header.data_start..], kept))
            } else {
                let length = map.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)) as usize;
                let header = serde_json::from_slice(&map[8..8 + length]).map_err(|e| wrong(e.to_string()))?;
                let values = &map[8 + length..];
                out.write(&twin.name, |w| {
                    tensors(w, &header, values, kept, twin.tensor.as_deref().unwrap_or_default())
                })
            }
        }
    }
}

fn kept_pieces<'p>(kept: &[bool], piece: impl Fn(usize) -> &'p [u8], w: &mut dyn Write) -> io::Result<()> {
    (0..kept.len()).filter(|row| kept[*row]).try_for_each(|row| w.write_all(piece(row)))
}

/// A `.npy` of two dimensions.
fn array(w: &mut impl Write, header: &Header, values: &[u8], kept: &[bool]) -> io::Result<()> {
    let (rows, dim) = (header.shape[0], header.shape[1]);
    let row = values.len() / rows.max(1);
    let size = row / dim.max(1);
    write_header(w, &header.descr, &[kept.iter().filter(|k| **k).count(), dim])?;
    if !header.fortran_order {
        return kept_pieces(kept, |i| &values[i * row..(i + 1) * row], w);
    }
    let value = |i: usize, j: usize| &values[(j * rows + i) * size..(j * rows + i + 1) * size];
    let wanted = (0..kept.len()).filter(|row| kept[*row]);
    wanted.flat_map(|i| (0..dim).map(move |j| (i, j))).try_for_each(|(i, j)| w.write_all(value(i, j)))
}

/// A `.safetensors`: the tensor `main`, and every other of as many rows, without the rows that went.
fn tensors(
    w: &mut dyn Write,
    header: &Map<String, Value>,
    values: &[u8],
    kept: &[bool],
    main: &str,
) -> io::Result<()> {
    let count = kept.iter().filter(|k| **k).count();
    let place = |entry: &Value| [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap_or(0) as usize);
    let cut = |name: &str, entry: &Value| {
        let rows = entry["shape"][0].as_u64();
        name == main || rows == Some(kept.len() as u64)
    };
    let mut names: Vec<&String> = header.keys().filter(|name| *name != "__metadata__").collect();
    names.sort_by_key(|name| place(&header[*name]));
    let mut new = header.clone();
    let mut at = 0;
    for name in &names {
        let entry = &header[*name];
        let [start, end] = place(entry);
        let length = if cut(name, entry) { (end - start) / kept.len().max(1) * count } else { end - start };
        if cut(name, entry) {
            new[*name]["shape"][0] = count.into();
        }
        new[*name]["data_offsets"] = Value::from(vec![at, at + length]);
        at += length;
    }
    let mut text = Value::Object(new).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    w.write_all(&(text.len() as u64).to_le_bytes())?;
    w.write_all(text.as_bytes())?;
    for name in names {
        let entry = &header[name];
        let [start, end] = place(entry);
        let bytes = &values[start..end];
        if cut(name, entry) {
            let row = bytes.len() / kept.len().max(1);
            kept_pieces(kept, |i| &bytes[i * row..(i + 1) * row], w)?;
        } else {
            w.write_all(bytes)?;
        }
    }
    Ok(())
}

/// Where each record of a .csv begins, and the end of the last one.
fn csv_records(path: &Path) -> Result<Vec<usize>> {
    let wrong = |e: csv::Error| Failure::data(path, e);
    let mut reader = csv::Reader::from_reader(file::stream(path)?);
    reader.headers().map_err(wrong)?;
    let mut starts = vec![reader.position().byte() as usize];
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        starts.push(reader.position().byte() as usize);
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_tensors_lose_rows() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::write(place("m.csv"), "\u{feff}id,t\r\na,\"x\ny\"\r\n\r\nb,z\r\nc,w").unwrap();
        std::fs::write(place("m.jsonl"), "{1}\n\n{2}\n{3}").unwrap();
        let mut out = OutDir::open(&place("out")).unwrap();
        let kept = [true, false, true];
        for name in ["m.csv", "m.jsonl"] {
            let twin = Twin { path: place(name), rows: 3, name: format!("filtered/{name}"), tensor: None };
            one(&mut out, &twin, &kept).unwrap();
        }
        out.commit(&[]).unwrap();
        let read = |name: &str| std::fs::read_to_string(place("out/filtered").join(name)).unwrap();
        let csv = read("m.csv");
        assert!(csv.starts_with("\u{feff}id,t\r\na,\"x\ny\"\r\n") && csv.ends_with("c,w"), "{csv:?}");
        assert!(!csv.contains("b,z"), "{csv:?}");
        assert_eq!(read("m.jsonl"), "{1}\n{3}\n");
        let header = serde_json::json!({
            "__metadata__": {"a": "b"},
            "scale": {"dtype": "U8", "shape": [1], "data_offsets": [6, 7]},
            "x": {"dtype": "U8", "shape": [3, 2], "data_offsets": [0, 6]},
        });
        let mut bytes = Vec::new();
        tensors(&mut bytes, header.as_object().unwrap(), &[1, 2, 3, 4, 5, 6, 9], &kept, "x").unwrap();
        let found = crate::input::safetensors::open(&bytes).unwrap();
        assert_eq!(
            (found.tensor("x").unwrap().data(), found.tensor("x").unwrap().shape()),
            (&[1, 2, 5, 6][..], &[2, 2][..])
        );
        assert_eq!(found.tensor("scale").unwrap().data(), [9]);
    }
}
