//! Embeddings from a file: memory-mapped, checked once, seen as [`pauca::Rows`].
//!
//! A [`Matrix`] owns the map and knows where the `[n, d]` values lie in it; [`Source`] is the
//! [`pauca::RowSource`] over it, resident or in blocks. Every refusal names the file, what is wrong and
//! the numbers, and says what fixes it where something does.

pub mod chosen;
pub mod embeddings;
pub mod file;
pub mod ids;
pub mod images;
pub mod meta;
pub mod npy;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod paths;
pub mod pictures;
pub mod record;
pub mod safetensors;
mod source;
mod spill;
pub mod text;
mod wide;

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use ndarray::{Array2, ArrayView2, ShapeBuilder};
use pauca::Rows;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::embeddings::Embeddings;
pub use self::file::map;
pub use self::source::{Source, gather};
use crate::failure::{Failure, Result};

/// Element types that the library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
}

impl Dtype {
    /// The usual name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// The type that a `.npy` header names.
    ///
    /// # Errors
    /// One clause that says what fixes the file, to follow its name.
    pub fn of_npy(descr: &str) -> std::result::Result<Self, String> {
        let refusal = match descr {
            "<f4" => return Ok(Self::F32),
            "<f2" => return Ok(Self::F16),
            "<f8" => "holds float64 (<f8); cast it once with np.save(path, x.astype(np.float32))".into(),
            big if big.starts_with('>') => {
                format!("holds big-endian values ({big}); save it with np.save(path, x.astype('<f4'))")
            }
            "<V2" | "|V2" => "holds 2-byte values without a type (bfloat16 loses its name in .npy); \
                              save it as .safetensors or as x.astype(np.float32)"
                .into(),
            other => format!(
                "holds values of type {other}; rows of float32 (<f4) or float16 (<f2) are needed: \
                 np.save(path, x.astype(np.float32))"
            ),
        };
        Err(refusal)
    }

    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Where the values of an `[n, d]` array lie in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Element type.
    pub dtype: Dtype,
    /// Rows.
    pub rows: usize,
    /// Values in a row.
    pub dim: usize,
    /// Whether columns, not rows, lie side by side.
    pub fortran_order: bool,
    /// Byte at which the values begin.
    pub start: usize,
    /// Name of the tensor, where the format has names.
    pub tensor: Option<String>,
}

/// An `[n, d]` array in a memory-mapped file.
pub struct Matrix {
    path: PathBuf,
    map: Mmap,
    layout: Layout,
    /// The values copied to aligned memory, for a file that does not align them.
    aligned: Option<Vec<u64>>,
}

impl Matrix {
    /// Opens `path` (`.npy` or `.safetensors`, told apart by content); `tensor` picks one of
    /// several tensors.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the file.
    pub fn open(path: &Path, tensor: Option<&str>) -> Result<Self> {
        let map = map(path)?;
        let safetensors_name = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        let layout = if safetensors_name && !map.starts_with(npy::MAGIC) {
            safetensors::layout(&map, tensor)
        } else if tensor.is_some() {
            return Err(Failure::usage(format!(
                "--tensor names a tensor of a .safetensors file, {} is not one",
                path.display()
            )));
        } else {
            npy_layout(&map)
        };
        let layout = layout.map_err(|what| Failure::data(path, what))?;
        let mut matrix = Self { path: path.to_path_buf(), map, layout, aligned: None };
        if !matrix.values().as_ptr().addr().is_multiple_of(matrix.layout.dtype.size()) {
            let bytes = matrix.values();
            let mut copy = Vec::new();
            copy.try_reserve_exact(bytes.len().div_ceil(8)).map_err(|_| {
                Failure::data(path, format!("out of memory: {} bytes could not be had", bytes.len()))
            })?;
            copy.resize(bytes.len().div_ceil(8), 0u64);
            bytemuck::cast_slice_mut(&mut copy)[..bytes.len()].copy_from_slice(bytes);
            matrix.aligned = Some(copy);
        }
        Ok(matrix)
    }

    /// Rows in a file of raw values that was written for this run; `path` names where they come from.
    fn spilled(path: &Path, map: Mmap, layout: Layout) -> Self {
        Self { path: path.to_path_buf(), map, layout, aligned: None }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the file without folders.
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// Shape, type and place.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    fn values(&self) -> &[u8] {
        let length = self.layout.rows * self.layout.dim * self.layout.dtype.size();
        match &self.aligned {
            Some(copy) => &bytemuck::cast_slice(copy)[..length],
            None => &self.map[self.layout.start..self.layout.start + length],
        }
    }

    /// All rows, without a copy.
    pub fn rows(&self) -> Rows<'_> {
        let bytes = self.values();
        match self.layout.dtype {
            Dtype::F32 => Rows::F32(self.view::<f32>(bytes)),
            Dtype::F16 => Rows::F16(self.view::<f16>(bytes)),
            Dtype::Bf16 => Rows::Bf16(self.view::<bf16>(bytes)),
        }
    }

    fn view<'a, T: bytemuck::Pod>(&self, bytes: &'a [u8]) -> ArrayView2<'a, T> {
        let shape = (self.layout.rows, self.layout.dim).set_f(self.layout.fortran_order);
        ArrayView2::from_shape(shape, bytemuck::cast_slice(bytes))
            .expect("open() checked length and alignment")
    }

    /// Calls `take` with the bytes and number of all rows, some at a time.
    ///
    /// # Errors
    /// Those of `take`.
    fn write(&self, take: &mut dyn FnMut(&[u8], usize) -> Result<()>) -> Result<()> {
        const ROWS: usize = 1024;
        let (row, layout) = (self.layout.dim * self.layout.dtype.size(), &self.layout);
        if !layout.fortran_order {
            return self.values().chunks(ROWS * row).try_for_each(|bytes| take(bytes, bytes.len() / row));
        }
        let library = |e: pauca::Error| Failure::library(&self.path, &e);
        let (rows, mut scratch) = (self.rows(), pauca::Scratch::new());
        for start in (0..layout.rows).step_by(ROWS) {
            let wanted: Vec<usize> = (start..layout.rows.min(start + ROWS)).collect();
            let gathered = pauca::RowSource::gather(&rows, &wanted, &mut scratch).map_err(library)?;
            let bytes = match &gathered {
                Rows::F32(v) => v.as_slice().map(bytemuck::cast_slice),
                Rows::F16(v) => v.as_slice().map(bytemuck::cast_slice),
                Rows::Bf16(v) => v.as_slice().map(bytemuck::cast_slice),
                _ => None,
            };
            take(bytes.expect("gathered rows lie one after the other"), wanted.len())?;
        }
        Ok(())
    }

    /// The values widened to `f32`: for small arrays such as initial centroids.
    pub fn to_f32(&self) -> Array2<f32> {
        match self.rows() {
            Rows::F32(v) => v.to_owned(),
            Rows::F16(v) => v.mapv(f16::to_f32),
            Rows::Bf16(v) => v.mapv(bf16::to_f32),
            _ => unreachable!("rows() builds the three types above"),
        }
    }

    /// What names it in a configuration.
    pub fn describe(&self) -> Value {
        json!({
            "file": self.file_name(), "dtype": self.layout.dtype.name(), "rows": self.layout.rows,
            "dim": self.layout.dim, "sha256": self.sha256(),
        })
    }

    /// SHA-256 of the whole file, in hexadecimal.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.map[..]))
    }

    /// Bytes of the whole file.
    pub fn file_size(&self) -> usize {
        self.map.len()
    }
}

fn npy_layout(bytes: &[u8]) -> std::result::Result<Layout, String> {
    let header = npy::Header::parse(bytes)?;
    let dtype = Dtype::of_npy(&header.descr)?;
    let (rows, dim) = two_dimensions(&header.shape)?;
    sized(bytes.len() - header.data_start, rows, dim, dtype.size(), dtype.name())?;
    Ok(Layout {
        dtype,
        rows,
        dim,
        fortran_order: header.fortran_order,
        start: header.data_start,
        tensor: None,
    })
}

/// Refuses a `.npy` whose `have` bytes of values are not those of its shape.
fn sized(have: usize, rows: usize, dim: usize, size: usize, name: &str) -> std::result::Result<(), String> {
    let need = value_bytes(rows, dim, size)?;
    if have < need {
        return Err(format!(
            "is truncated: shape ({rows}, {dim}) of {name} needs {need} bytes of values, the file holds {have}"
        ));
    }
    if have > need {
        return Err(format!(
            "holds {} bytes after the values of shape ({rows}, {dim}) of {name}: more than one array, or a wrong header",
            have - need
        ));
    }
    Ok(())
}

/// Rows and columns of a shape that has both.
fn two_dimensions(shape: &[usize]) -> std::result::Result<(usize, usize), String> {
    let &[rows, dim] = shape else {
        let plural = if shape.len() == 1 { "" } else { "s" };
        return Err(format!(
            "has {} dimension{plural} (shape {}), an array of [rows, values] is needed",
            shape.len(),
            npy::shape_text(shape)
        ));
    };
    match (rows, dim) {
        (0, _) => Err(format!("holds no rows (shape (0, {dim}))")),
        (_, 0) => Err(format!("holds rows without values (shape ({rows}, 0))")),
        sizes => Ok(sizes),
    }
}

fn value_bytes(rows: usize, dim: usize, size: usize) -> std::result::Result<usize, String> {
    rows.checked_mul(dim)
        .and_then(|values| values.checked_mul(size))
        .ok_or_else(|| format!("has a header with the impossible shape ({rows}, {dim})"))
}

/// Last component of a path, as text.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
