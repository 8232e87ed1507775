//! The arrays of a study: tensors of one `.safetensors` file, or `.npy` and `.safetensors` files beside it, one an
//! epoch where the name says so.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use memmap2::Mmap;
use pauca::IntoRows;
use pauca::Rows;
use pauca::memorization::IGNORED;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::input::npy::Header;
use crate::input::{file, file_name, hex, safetensors};

/// Where arrays are found, and what was read so far.
#[derive(Default)]
pub struct Arrays {
    folder: PathBuf,
    /// The tensor file.
    tensors: Option<PathBuf>,
    /// Whose digests are known.
    known: HashSet<PathBuf>,
    /// File name and SHA-256 of everything read, each once.
    pub digests: Vec<(String, String)>,
}

/// What of a file is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The array of a `.npy` file.
    Npy,
    /// The tensor of this name, or the only one.
    Tensor(Option<&'a str>),
}

/// Element types of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    U16,
    U32,
    I16,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

/// What is read, for messages.
const KNOWN: &str = "known are u8, u16, u32, i16, i32, i64, f16, bf16, f32, f64";

impl Kind {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// The type that NumPy calls so. It saves bfloat16 of ml_dtypes as two bytes without a type, and nothing else so.
    fn of_descr(descr: &str) -> Option<Self> {
        Some(match descr {
            "|u1" | "|b1" => Self::U8,
            "<u2" => Self::U16,
            "<u4" => Self::U32,
            "<i2" => Self::I16,
            "<i4" => Self::I32,
            "<i8" => Self::I64,
            "<f2" => Self::F16,
            "<V2" | "|V2" => Self::Bf16,
            "<f4" => Self::F32,
            "<f8" => Self::F64,
            _ => return None,
        })
    }

    fn of_tensor(dtype: Dtype) -> Option<Self> {
        Some(match dtype {
            Dtype::U8 | Dtype::BOOL => Self::U8,
            Dtype::U16 => Self::U16,
            Dtype::U32 => Self::U32,
            Dtype::I16 => Self::I16,
            Dtype::I32 => Self::I32,
            Dtype::I64 => Self::I64,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            _ => return None,
        })
    }
}

/// Type, shape and place of an array in a file.
type Place = (Kind, Vec<usize>, Range<usize>);

/// The array of a whole `.npy` file.
fn npy(bytes: &[u8]) -> std::result::Result<Place, String> {
    let header = Header::parse(bytes)?;
    let kind =
        Kind::of_descr(&header.descr).ok_or_else(|| format!("is of type '{}', {KNOWN}", header.descr))?;
    if header.fortran_order && header.shape.len() > 1 {
        return Err("is in Fortran order; save numpy.ascontiguousarray of it".into());
    }
    let values = header.shape.iter().try_fold(kind.size(), |n, size| n.checked_mul(*size));
    let found = bytes.len() - header.data_start;
    if values != Some(found) {
        return Err(format!("holds {found} bytes of values, shape {:?} needs others", header.shape));
    }
    Ok((kind, header.shape, header.data_start..bytes.len()))
}

/// A tensor of a whole `.safetensors` file: the one of this name, or the only one.
fn tensor(bytes: &[u8], name: Option<&str>) -> std::result::Result<Place, String> {
    let tensors = safetensors::open(bytes)?;
    let name = match (name, &tensors.names()[..]) {
        (Some(name), _) => name,
        (None, [name]) => name,
        (None, names) => {
            return Err(format!("holds {} tensors; name one of them: FILE.safetensors:TENSOR", names.len()));
        }
    };
    let view = tensors.tensor(name).map_err(|_| format!("has no tensor '{name}'"))?;
    let unknown = || format!("tensor '{name}' is of type {:?}, {KNOWN}", view.dtype());
    let kind = Kind::of_tensor(view.dtype()).ok_or_else(unknown)?;
    let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
    Ok((kind, view.shape().to_vec(), start..start + view.data().len()))
}

/// The file that `FILE.npy`, `FILE.safetensors` or `FILE.safetensors:TENSOR` names, and what of it; none for other names.
fn file_of(name: &str) -> Option<(&str, Part<'_>)> {
    const ENDING: &str = ".safetensors";
    // What follows the file is the tensor, whatever it ends with.
    if let Some(at) = name.find(".safetensors:") {
        let (file, tensor) = name.split_at(at + ENDING.len());
        return Some((file, Part::Tensor(Some(&tensor[1..]))));
    }
    if name.ends_with(".npy") {
        return Some((name, Part::Npy));
    }
    name.ends_with(ENDING).then_some((name, Part::Tensor(None)))
}

/// Maps a file and finds the `part` of it.
fn find(path: &Path, part: Part<'_>) -> Result<(Mmap, Place)> {
    let map = file::map(path)?;
    let found = match part {
        Part::Npy => npy(&map),
        Part::Tensor(name) => tensor(&map, name),
    };
    let found = found.map_err(|what| Failure::data(path, what))?;
    Ok((map, found))
}

/// One array, C-ordered, little-endian.
pub struct Array {
    /// The file, and the tensor that was asked for by name, for messages.
    path: PathBuf,
    tensor: Option<String>,
    kind: Kind,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Arrays {
    /// Opens the tensor file `name` beside `study`, if there is one.
    ///
    /// # Errors
    /// [`Failure::Data`] for a file that cannot be read or is none.
    pub fn open(study: &Path, name: Option<&str>) -> Result<Self> {
        let folder = study.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut arrays = Self { folder, ..Self::default() };
        if let Some(name) = name {
            let path = arrays.folder.join(name);
            let map = file::map(&path)?;
            safetensors::open(&map).map_err(|what| Failure::data(&path, what))?;
            arrays.note(&path, &map);
            arrays.tensors = Some(path);
        }
        Ok(arrays)
    }

    /// Remembers that the file is read, by its name and its digest; `bytes` are all of it.
    fn note(&mut self, path: &Path, bytes: &[u8]) {
        if self.known.insert(path.to_path_buf()) {
            let digest = (file_name(path), hex(&Sha256::digest(bytes)));
            if !self.digests.contains(&digest) {
                self.digests.push(digest);
            }
        }
    }

    /// The file that a study means by `name`, and what of it.
    fn place<'n>(&self, name: &'n str) -> Result<(PathBuf, Part<'n>)> {
        match (file_of(name), &self.tensors) {
            (Some((file, part)), _) => Ok((self.folder.join(file), part)),
            (None, Some(path)) => Ok((path.clone(), Part::Tensor(Some(name)))),
            (None, None) => {
                let what = "is neither a .npy nor a .safetensors file, nor is there a file of \"arrays\"";
                Err(Failure::data(&self.folder.join(name), what))
            }
        }
    }

    /// The array that a study calls `name`.
    ///
    /// # Errors
    /// [`Failure::Data`] when it is not there or of a type that is not read.
    pub fn get(&mut self, name: &str) -> Result<Array> {
        let (path, part) = self.place(name)?;
        self.read(path, part)
    }

    /// The array that is the `part` of a file.
    ///
    /// # Errors
    /// [`Failure::Data`] as [`get`](Self::get).
    pub fn read(&mut self, path: PathBuf, part: Part<'_>) -> Result<Array> {
        let (map, (kind, shape, values)) = find(&path, part)?;
        self.note(&path, &map);
        let tensor = match part {
            Part::Tensor(Some(name)) => Some(name.to_string()),
            _ => None,
        };
        Ok(Array { path, tensor, kind, shape, bytes: map[values].to_vec() })
    }

    /// The array that a study calls `name`, or, where the name holds `{}`, one array for each of `epochs` with the epoch
    /// in its place, one below the other: what a training loop appends to.
    ///
    /// # Errors
    /// [`Failure::Data`] as [`get`](Self::get), and where files of two epochs differ in shape or type.
    pub fn of_epochs(&mut self, name: &str, epochs: &[impl std::fmt::Display]) -> Result<Array> {
        if !name.contains("{}") {
            return self.get(name);
        }
        let mut all: Option<Array> = None;
        for epoch in epochs {
            let one = self.get(&name.replace("{}", &epoch.to_string()))?;
            // A row by itself, or a matrix of one row.
            let row = if one.shape.len() > 1 && one.shape[0] == 1 { &one.shape[1..] } else { &one.shape[..] };
            match &mut all {
                None => {
                    let shape = [&[1], row].concat();
                    all = Some(Array { shape, ..one });
                }
                Some(all) if all.kind == one.kind && all.shape[1..] == *row => {
                    all.shape[0] += 1;
                    all.bytes.extend_from_slice(&one.bytes);
                }
                Some(all) => {
                    let (found, first) = (&one.shape, &all.shape[1..]);
                    return Err(one.failure(format!(
                        "has shape {found:?} or a type that differ from those of the first epoch, {first:?}"
                    )));
                }
            }
        }
        all.ok_or_else(|| Failure::data(&self.folder.join(name), "stands for no epoch"))
    }

    /// The tiles of logits that a study calls `names`: arrays `[tokens, ids]`, the first holding the lowest ids.
    ///
    /// # Errors
    /// [`Failure::Data`] for arrays of other shapes or types, and where they hold other than `vocabulary` ids.
    pub fn logits(&mut self, names: &[String], tokens: usize, vocabulary: usize) -> Result<Vec<Tile>> {
        let mut tiles = Vec::new();
        let mut ids = 0usize;
        for name in names {
            let (path, part) = self.place(name)?;
            let (map, (kind, shape, values)) = find(&path, part)?;
            let wrong = |what: String| Failure::data(&path, what);
            if !matches!(kind, Kind::F16 | Kind::Bf16 | Kind::F32) {
                return Err(wrong(format!("is of type {}; logits are f16, bf16 or f32", kind.name())));
            }
            let [rows, width] = shape[..] else {
                return Err(wrong(format!("has shape {shape:?}, expected [tokens, ids]")));
            };
            if rows != tokens {
                return Err(wrong(format!("has shape {shape:?}, expected {tokens} tokens")));
            }
            let next = ids.checked_add(width).ok_or_else(|| {
                wrong(format!("has shape {shape:?}: with the {ids} ids before it more than can be counted"))
            })?;
            self.note(&path, &map);
            tiles.push(Tile { path, map, kind, values, rows, width, first: ids });
            ids = next;
        }
        if ids != vocabulary {
            let place = self.folder.join(names.first().map_or("", String::as_str));
            return Err(Failure::data(
                &place,
                format!("and the tiles after it hold {ids} ids of {vocabulary}"),
            ));
        }
        Ok(tiles)
    }
}

/// Logits of all tokens for some ids, in a mapped file.
pub struct Tile {
    /// The file.
    pub path: PathBuf,
    map: Mmap,
    kind: Kind,
    values: Range<usize>,
    rows: usize,
    width: usize,
    /// The lowest id.
    pub first: usize,
}

impl Tile {
    /// Calls `f` with the logits `[tokens, ids]`.
    ///
    /// # Errors
    /// What `f` reports of this file.
    pub fn rows<T>(&self, f: impl FnOnce(Rows<'_>) -> pauca::Result<T>) -> Result<T> {
        let (bytes, n, d) = (&self.map[self.values.clone()], self.rows, self.width);
        let found = match self.kind {
            Kind::F16 => {
                let values = aligned::<half::f16>(bytes);
                (&*values, n, d).into_rows().and_then(f)
            }
            Kind::Bf16 => {
                let values = aligned::<half::bf16>(bytes);
                (&*values, n, d).into_rows().and_then(f)
            }
            _ => {
                let values = aligned::<f32>(bytes);
                (&*values, n, d).into_rows().and_then(f)
            }
        };
        found.map_err(|e| Failure::data(&self.path, e))
    }
}

/// The values of little-endian bytes: in place where the file lays them so.
fn aligned<T: bytemuck::Pod>(bytes: &[u8]) -> std::borrow::Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(values) => values.into(),
        Err(_) => {
            bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect::<Vec<T>>().into()
        }
    }
}

impl Array {
    /// What is wrong with this array.
    pub fn failure(&self, what: impl std::fmt::Display) -> Failure {
        match &self.tensor {
            None => Failure::data(&self.path, what),
            Some(name) => Failure::data(&self.path, format!("tensor '{name}' {what}")),
        }
    }

    /// Refuses another shape; `meaning` says why this one is expected.
    ///
    /// # Errors
    /// [`Failure::Data`] with both shapes.
    pub fn expect_shape(&self, shape: &[usize], meaning: &str) -> Result<()> {
        if self.shape == shape {
            return Ok(());
        }
        Err(self.failure(format!("has shape {:?}, expected {shape:?} ({meaning})", self.shape)))
    }

    /// Row `i` of packed bits or other bytes.
    ///
    /// # Errors
    /// [`Failure::Data`] unless the elements are u8.
    pub fn byte_row(&self, i: usize) -> Result<&[u8]> {
        let width = self.shape.get(1).copied().unwrap_or(1);
        match self.kind {
            Kind::U8 => Ok(&self.bytes[i * width..(i + 1) * width]),
            _ => Err(self.failure("is not of type u8")),
        }
    }

    fn values<T>(&self, range: Range<usize>, of: impl Fn(&[u8]) -> T) -> Vec<T> {
        let size = self.kind.size();
        self.bytes[range.start * size..range.end * size].chunks_exact(size).map(of).collect()
    }

    fn signed(&self, range: &Range<usize>, of: impl Fn(&[u8]) -> i64) -> Result<Vec<u32>> {
        let wide = self.values(range.clone(), of).into_iter().enumerate();
        wide.map(|(i, value)| match value {
            -100 | -1 => Ok(IGNORED),
            _ => u32::try_from(value)
                .map_err(|_| self.failure(format!("holds {value} at {}, no id", range.start + i))),
        })
        .collect()
    }

    /// Elements `range` as token ids or counts; -100 and -1 become [`IGNORED`].
    ///
    /// # Errors
    /// [`Failure::Data`] for floats or integers that are no id.
    pub fn integers(&self, range: Range<usize>) -> Result<Vec<u32>> {
        Ok(match self.kind {
            Kind::U8 => self.values(range, |b| b[0] as u32),
            Kind::U16 => self.values(range, |b| u16::from_le_bytes([b[0], b[1]]) as u32),
            Kind::U32 => self.values(range, |b| u32::from_le_bytes(b.try_into().unwrap_or_default())),
            Kind::I16 => {
                self.signed(&range, |b| i16::from_le_bytes(b.try_into().unwrap_or_default()).into())?
            }
            Kind::I32 => {
                self.signed(&range, |b| i32::from_le_bytes(b.try_into().unwrap_or_default()).into())?
            }
            Kind::I64 => self.signed(&range, |b| i64::from_le_bytes(b.try_into().unwrap_or_default()))?,
            _ => return Err(self.failure("holds floats, integers are needed")),
        })
    }

    /// Elements `range` as numbers.
    ///
    /// # Errors
    /// [`Failure::Data`] for integers.
    pub fn numbers(&self, range: Range<usize>) -> Result<Vec<f64>> {
        match self.kind {
            Kind::F16 => Ok(self.values(range, |b| half::f16::from_le_bytes([b[0], b[1]]).to_f64())),
            Kind::Bf16 => Ok(self.values(range, |b| half::bf16::from_le_bytes([b[0], b[1]]).to_f64())),
            Kind::F32 => {
                Ok(self.values(range, |b| f32::from_le_bytes(b.try_into().unwrap_or_default()) as f64))
            }
            Kind::F64 => Ok(self.values(range, |b| f64::from_le_bytes(b.try_into().unwrap_or_default()))),
            _ => Err(self.failure("holds integers, floats are needed")),
        }
    }

    /// All elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
