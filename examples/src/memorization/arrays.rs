//! The arrays of a study: tensors of one `.safetensors` file, or `.npy` files beside it.

use std::path::{Path, PathBuf};

use ::safetensors::{Dtype, SafeTensors};
use pauca::memorization::IGNORED;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::input::npy::Header;
use crate::input::{file, hex, safetensors};

/// Where arrays are found, and what was read so far.
pub struct Arrays {
    folder: PathBuf,
    /// The tensor file: where it lies and its bytes.
    tensors: Option<(PathBuf, Vec<u8>)>,
    /// File name and SHA-256 of everything read.
    pub digests: Vec<(String, String)>,
}

/// Element types of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    U16,
    U32,
    I64,
    F32,
    F64,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

/// One array, C-ordered, little-endian.
pub struct Array {
    /// The file and the array's name, for messages.
    path: PathBuf,
    name: String,
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
        let mut arrays = Self { folder, tensors: None, digests: Vec::new() };
        if let Some(name) = name {
            let path = arrays.folder.join(name);
            let bytes = arrays.read(&path)?;
            safetensors::open(&bytes).map_err(|what| Failure::data(&path, what))?;
            arrays.tensors = Some((path, bytes));
        }
        Ok(arrays)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>> {
        let bytes = file::read(path, u64::MAX)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.digests.push((name, hex(&Sha256::digest(&bytes))));
        Ok(bytes)
    }

    /// The array that a study calls `name`.
    ///
    /// # Errors
    /// [`Failure::Data`] when it is not there or of a type that is not read.
    pub fn get(&mut self, name: &str) -> Result<Array> {
        if name.ends_with(".npy") {
            return self.npy(name);
        }
        let Some((path, bytes)) = &self.tensors else {
            let place = self.folder.join(name);
            return Err(Failure::data(&place, "is neither a .npy file, nor is there a file of \"arrays\""));
        };
        let wrong = |what: String| Failure::data(path, what);
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| wrong(e.to_string()))?;
        let tensor = tensors.tensor(name).map_err(|_| wrong(format!("has no tensor '{name}'")))?;
        let kind = match tensor.dtype() {
            Dtype::U8 => Kind::U8,
            Dtype::U16 => Kind::U16,
            Dtype::U32 => Kind::U32,
            Dtype::I64 => Kind::I64,
            Dtype::F32 => Kind::F32,
            Dtype::F64 => Kind::F64,
            other => {
                return Err(wrong(format!(
                    "tensor '{name}' is of type {other:?}, known are u8, u16, u32, i64, f32, f64"
                )));
            }
        };
        let (shape, bytes) = (tensor.shape().to_vec(), tensor.data().to_vec());
        Ok(Array { path: path.clone(), name: name.to_string(), kind, shape, bytes })
    }

    fn npy(&mut self, name: &str) -> Result<Array> {
        let path = self.folder.join(name);
        let bytes = self.read(&path)?;
        let header = Header::parse(&bytes).map_err(|e| Failure::data(&path, e))?;
        let kind = match header.descr.as_str() {
            "|u1" => Kind::U8,
            "<u2" => Kind::U16,
            "<u4" => Kind::U32,
            "<i8" => Kind::I64,
            "<f4" => Kind::F32,
            "<f8" => Kind::F64,
            other => {
                return Err(Failure::data(
                    &path,
                    format!("is of type '{other}', known are u8, u16, u32, i64, f32, f64"),
                ));
            }
        };
        if header.fortran_order && header.shape.len() > 1 {
            return Err(Failure::data(&path, "is in Fortran order; save numpy.ascontiguousarray of it"));
        }
        let values = header.shape.iter().try_fold(kind.size(), |n, size| n.checked_mul(*size));
        let bytes = bytes[header.data_start..].to_vec();
        if values != Some(bytes.len()) {
            let (shape, found) = (&header.shape, bytes.len());
            return Err(Failure::data(
                &path,
                format!("holds {found} bytes of values, shape {shape:?} needs others"),
            ));
        }
        Ok(Array { path, name: name.to_string(), kind, shape: header.shape, bytes })
    }
}

impl Array {
    /// What is wrong with this array.
    pub fn failure(&self, what: impl std::fmt::Display) -> Failure {
        if self.name.ends_with(".npy") {
            return Failure::data(&self.path, what);
        }
        Failure::data(&self.path, format!("tensor '{}' {what}", self.name))
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

    fn values<T>(&self, range: std::ops::Range<usize>, of: impl Fn(&[u8]) -> T) -> Vec<T> {
        let size = self.kind.size();
        self.bytes[range.start * size..range.end * size].chunks_exact(size).map(of).collect()
    }

    /// Elements `range` as token ids or counts; -100 and -1 become [`IGNORED`].
    ///
    /// # Errors
    /// [`Failure::Data`] for floats or integers that are no id.
    pub fn integers(&self, range: std::ops::Range<usize>) -> Result<Vec<u32>> {
        Ok(match self.kind {
            Kind::U8 => self.values(range, |b| b[0] as u32),
            Kind::U16 => self.values(range, |b| u16::from_le_bytes([b[0], b[1]]) as u32),
            Kind::U32 => self.values(range, |b| u32::from_le_bytes(b.try_into().unwrap_or_default())),
            Kind::I64 => {
                let wide =
                    self.values(range.clone(), |b| i64::from_le_bytes(b.try_into().unwrap_or_default()));
                let mut ids = Vec::with_capacity(wide.len());
                for (i, value) in wide.into_iter().enumerate() {
                    ids.push(match value {
                        -100 | -1 => IGNORED,
                        _ => u32::try_from(value).map_err(|_| {
                            self.failure(format!("holds {value} at {}, no id", range.start + i))
                        })?,
                    });
                }
                ids
            }
            _ => return Err(self.failure("holds floats, integers are needed")),
        })
    }

    /// Elements `range` as numbers.
    ///
    /// # Errors
    /// [`Failure::Data`] for integers.
    pub fn numbers(&self, range: std::ops::Range<usize>) -> Result<Vec<f64>> {
        match self.kind {
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
