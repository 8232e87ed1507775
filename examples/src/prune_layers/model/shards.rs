//! The tensors of a checkpoint: one `.safetensors` file, or shards with an index; read and written
//! through a buffer, so that no file is ever in memory.
//!
//! A `.safetensors` file is a u64 header length, a JSON header of name -> type, shape, byte range, then
//! the values. The index is JSON: `weight_map` says which file holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};
use crate::input::{file, map, safetensors, text};
use crate::interrupt;
use crate::output::OutDir;

/// The name of a checkpoint in one file.
pub const WHOLE: &str = "model.safetensors";
/// The name of the index of shards.
pub const INDEX: &str = "model.safetensors.index.json";
/// Bytes that are in memory at a time.
const PIECE: usize = 1 << 22;

/// A tensor in a file of a checkpoint.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// The file that holds it, by number.
    pub file: usize,
    /// Byte of that file at which its values begin.
    pub start: u64,
    /// Bytes of its values.
    pub bytes: u64,
    /// Its type and shape, as the header has them.
    pub entry: Value,
}

impl Tensor {
    /// Values in it.
    pub fn values(&self) -> u64 {
        self.entry["shape"].as_array().into_iter().flatten().filter_map(Value::as_u64).product()
    }
}

/// A checkpoint on disk.
pub struct Checkpoint {
    /// What was named, or the index found in the folder that was.
    pub path: PathBuf,
    files: Vec<PathBuf>,
    /// All tensors, in the order of the files and of the values in them.
    pub tensors: Vec<Tensor>,
    metadata: Option<Value>,
    /// The field `metadata` of the index.
    index: Option<Value>,
}

impl Checkpoint {
    /// Opens a folder, an index or one file.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with it.
    pub fn open(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { in_folder(path)? } else { path.to_path_buf() };
        let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
        let (files, index, listed) = if json {
            let (files, index, listed) = indexed(&path)?;
            (files, Some(index), Some(listed))
        } else {
            (vec![path.clone()], None, None)
        };
        let mut found = Self { path, files, tensors: Vec::new(), metadata: None, index };
        for file in 0..found.files.len() {
            found.header(file)?;
        }
        if let Some(listed) = listed {
            found.compare(&listed)?;
        }
        Ok(found)
    }

    /// Takes in the header of a file.
    fn header(&mut self, file: usize) -> Result<()> {
        let path = self.files[file].clone();
        let map = map(&path)?;
        // Only the header is touched; the library proves that every range lies in the file.
        safetensors::open(&map).map_err(|what| Failure::data(&path, what))?;
        let length = map.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)) as usize;
        let header: Map<String, Value> = serde_json::from_slice(&map[8..8 + length])
            .map_err(|e| Failure::data(&path, format!("has a header that cannot be read: {e}")))?;
        let first = self.tensors.len();
        for (name, mut entry) in header {
            if name == "__metadata__" {
                self.metadata.get_or_insert(entry);
                continue;
            }
            let at = |i: usize| entry["data_offsets"][i].as_u64().unwrap_or(0);
            let (start, end) = (at(0), at(1));
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("data_offsets");
            }
            let start = 8 + length as u64 + start;
            let bytes = 8 + length as u64 + end - start;
            self.tensors.push(Tensor { name, file, start, bytes, entry });
        }
        self.tensors[first..].sort_by(|a, b| (a.start, &a.name).cmp(&(b.start, &b.name)));
        Ok(())
    }

    /// Refuses shards that do not hold what the index lists.
    fn compare(&self, listed: &BTreeMap<String, usize>) -> Result<()> {
        let mut seen = BTreeSet::new();
        for tensor in &self.tensors {
            let shard = &self.files[tensor.file];
            if listed.get(&tensor.name) != Some(&tensor.file) {
                let what = format!("holds tensor '{}', which the index does not list there", tensor.name);
                return Err(Failure::data(shard, what));
            }
            seen.insert(tensor.name.as_str());
        }
        match listed.keys().find(|name| !seen.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let shard = self.files[listed[name]].display();
                Err(Failure::data(&self.path, format!("lists tensor '{name}' in {shard}, which lacks it")))
            }
        }
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.bytes).sum()
    }

    /// Files.
    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    /// The folder of the checkpoint.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Most bytes of values in a file of the result, where nothing else is said: those of the largest shard.
    fn usual(&self) -> u64 {
        if self.index.is_none() {
            return u64::MAX;
        }
        let sum = |file| self.tensors.iter().filter(|t| t.file == file).map(|t| t.bytes).sum();
        (0..self.files.len()).map(sum).max().unwrap_or(u64::MAX)
    }

    /// Writes the tensors that `rename` gives a new name into `out`, in files of at most `limit` bytes of
    /// values (or of one tensor), with an index where there are several, and reads all of it back.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason or with what was read back wrong,
    /// [`Failure::Cancelled`]; then nothing is left.
    pub fn write(
        &self,
        rename: &dyn Fn(&str) -> Option<String>,
        limit: Option<u64>,
        out: &mut OutDir,
        told: &dyn Fn(u64, u64),
    ) -> Result<Written> {
        let kept: Vec<(&Tensor, String)> =
            self.tensors.iter().filter_map(|t| Some((t, rename(&t.name)?))).collect();
        let shards = cut(&kept, limit.unwrap_or_else(|| self.usual()));
        let total: u64 = kept.iter().map(|(t, _)| t.bytes).sum();
        let names: Vec<String> = match shards.len() {
            1 => vec![WHOLE.to_string()],
            n => (1..=n).map(|i| format!("model-{i:05}-of-{n:05}.safetensors")).collect(),
        };
        out.claim(names.iter().map(String::as_str))?;
        let mut source = Source { files: &self.files, open: None };
        let mut weights = BTreeMap::new();
        let mut done = 0;
        for (shard, name) in shards.iter().zip(&names) {
            let shard = &kept[shard.clone()];
            out.write(name, |w| {
                w.write_all(&self.header_of(shard))?;
                for (tensor, _) in shard {
                    source.pieces(tensor, &mut |piece| {
                        w.write_all(piece)?;
                        done += piece.len() as u64;
                        told(done, total);
                        Ok(())
                    })?;
                }
                Ok(())
            })
            .map_err(|failure| if interrupt::requested() { Failure::stopped() } else { failure })?;
            check(shard, &mut source, &out.pending(name), &out.path().join(name))?;
            weights.extend(shard.iter().map(|(_, new)| (new.as_str(), name.as_str())));
        }
        if names.len() > 1 {
            let gone: u64 = self.tensors.iter().map(Tensor::values).sum::<u64>()
                - kept.iter().map(|(t, _)| t.values()).sum::<u64>();
            let mut metadata = self.index.clone().filter(Value::is_object).unwrap_or_else(|| json!({}));
            metadata["total_size"] = json!(total);
            if let Some(parameters) = metadata["total_parameters"].as_u64() {
                metadata["total_parameters"] = json!(parameters.saturating_sub(gone));
            } else if let Some(fields) = metadata.as_object_mut() {
                fields.remove("total_parameters");
            }
            let index = json!({"metadata": metadata, "weight_map": weights});
            out.write(INDEX, |w| writeln!(w, "{index:#}"))?;
        }
        Ok(Written { tensors: kept.len(), bytes: total, files: names.len() })
    }

    /// The length and the header of a file of `tensors`.
    fn header_of(&self, tensors: &[(&Tensor, String)]) -> Vec<u8> {
        let mut header = Map::new();
        if let Some(metadata) = &self.metadata {
            header.insert("__metadata__".into(), metadata.clone());
        }
        let mut at = 0;
        for (tensor, name) in tensors {
            let mut entry = tensor.entry.clone();
            entry["data_offsets"] = json!([at, at + tensor.bytes]);
            at += tensor.bytes;
            header.insert(name.clone(), entry);
        }
        // The format wants the values aligned to eight bytes.
        let mut text = Value::Object(header).to_string();
        while !text.len().is_multiple_of(8) {
            text.push(' ');
        }
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }
}

/// What was written.
pub struct Written {
    /// Tensors.
    pub tensors: usize,
    /// Bytes of their values.
    pub bytes: u64,
    /// Files.
    pub files: usize,
}

/// Which of the kept tensors go into which file.
fn cut(kept: &[(&Tensor, String)], limit: u64) -> Vec<std::ops::Range<usize>> {
    let (mut shards, mut first, mut held) = (Vec::new(), 0, 0u64);
    for (i, (tensor, _)) in kept.iter().enumerate() {
        if i > first && held.saturating_add(tensor.bytes) > limit {
            shards.push(first..i);
            (first, held) = (i, 0);
        }
        held += tensor.bytes;
    }
    shards.push(first..kept.len());
    shards
}

/// The values of a checkpoint, with one file open at a time.
struct Source<'a> {
    files: &'a [PathBuf],
    open: Option<(usize, File)>,
}

impl Source<'_> {
    /// Calls `take` with the values of a tensor, some at a time.
    fn pieces(&mut self, tensor: &Tensor, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(file, _)| *file != tensor.file) {
            self.open = Some((tensor.file, File::open(&self.files[tensor.file])?));
        }
        let Some((_, file)) = &mut self.open else { return Ok(()) };
        file.seek(SeekFrom::Start(tensor.start))?;
        let mut left = tensor.bytes;
        let mut buffer = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        while left > 0 {
            if interrupt::requested() {
                return Err(io::Error::other("stopped"));
            }
            let piece = &mut buffer[..PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            file.read_exact(piece)?;
            left -= piece.len() as u64;
            take(piece)?;
        }
        Ok(())
    }
}

/// Reads back what was written to `path`, which shall become `place`: every tensor under its new name,
/// with its old bytes.
fn check(kept: &[(&Tensor, String)], source: &mut Source<'_>, path: &Path, place: &Path) -> Result<()> {
    let wrong = |what: String| Failure::data(place, format!("was read back wrong: {what}"));
    let read = |e: io::Error| match interrupt::requested() {
        true => Failure::stopped(),
        false => Failure::io(place, "read back", &e),
    };
    let mut file = File::open(path).map_err(read)?;
    let start;
    let places: BTreeMap<String, (Vec<usize>, [usize; 2])> = {
        let map = file::mapped(path, &file)?;
        let (header, tensors) =
            ::safetensors::SafeTensors::read_metadata(&map).map_err(|e| wrong(e.to_string()))?;
        start = 8 + header as u64;
        let end = tensors.data_len() as u64 + start;
        if end != map.len() as u64 {
            return Err(wrong(format!("{} bytes instead of {end}", map.len())));
        }
        let place = |(name, info): (String, &::safetensors::tensor::TensorInfo)| {
            (name, (info.shape.clone(), [info.data_offsets.0, info.data_offsets.1]))
        };
        tensors.tensors().into_iter().map(place).collect()
    };
    if places.len() != kept.len() {
        return Err(wrong(format!("{} tensors instead of {}", places.len(), kept.len())));
    }
    let mut back = vec![0; PIECE];
    for (old, new) in kept {
        let Some((shape, [from, to])) = places.get(new) else {
            return Err(wrong(format!("no tensor '{new}'")));
        };
        let mut same = json!(shape) == old.entry["shape"] && (to - from) as u64 == old.bytes;
        file.seek(SeekFrom::Start(start + *from as u64)).map_err(read)?;
        source
            .pieces(old, &mut |piece| {
                let back = &mut back[..piece.len()];
                file.read_exact(back)?;
                same &= back == piece;
                Ok(())
            })
            .map_err(read)?;
        if !same {
            return Err(wrong(format!("tensor '{new}' is not '{}'", old.name)));
        }
    }
    Ok(())
}

/// The checkpoint in a folder.
fn in_folder(folder: &Path) -> Result<PathBuf> {
    let there = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    there(INDEX).or_else(|| there(WHOLE)).ok_or_else(|| {
        Failure::data(folder, format!("holds neither {INDEX} nor {WHOLE}; name the index or the file"))
    })
}

type Indexed = (Vec<PathBuf>, Value, BTreeMap<String, usize>);

/// The files of an index, its metadata, and which file holds which tensor.
fn indexed(path: &Path) -> Result<Indexed> {
    let bytes = file::read(path, file::DOCUMENT)?;
    let index: Value = serde_json::from_str(text::whole(path, &bytes)?)
        .map_err(|e| Failure::data(path, format!("is not JSON: {e}")))?;
    let Some(map) = index["weight_map"].as_object().filter(|map| !map.is_empty()) else {
        return Err(Failure::data(path, "is not the index of a checkpoint: it has no weight_map"));
    };
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_by(|a, b| crate::input::paths::natural(a, b));
    names.dedup();
    for name in &names {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || !name.ends_with(".safetensors") {
            return Err(Failure::data(
                path,
                format!("names '{name}', which is no .safetensors file beside it"),
            ));
        }
    }
    let mut listed = BTreeMap::new();
    for (tensor, file) in map {
        let at = file.as_str().and_then(|file| names.iter().position(|name| *name == file));
        let at = at.ok_or_else(|| Failure::data(path, format!("gives no file for tensor '{tensor}'")))?;
        listed.insert(tensor.clone(), at);
    }
    let files = names.iter().map(|name| path.with_file_name(name)).collect();
    Ok((files, index["metadata"].clone(), listed))
}
