//! Hidden states from a file: [samples, states, values], seen state by state.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use ndarray::{ArrayView3, Axis};
use pauca::Rows;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::input::{Dtype, file_name, hex, map, npy, safetensors};

/// The states of a model for some samples.
pub struct States {
    path: PathBuf,
    map: Mmap,
    dtype: Dtype,
    shape: [usize; 3],
    start: usize,
    /// The values copied to aligned memory, for a file that does not align them.
    aligned: Option<Vec<u64>>,
}

impl States {
    /// Opens `path`; `tensor` picks one of several tensors.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the file.
    pub fn open(path: &Path, tensor: Option<&str>) -> Result<Self> {
        let map = map(path)?;
        let found = if map.starts_with(npy::MAGIC) || path.extension().is_none_or(|e| e != "safetensors") {
            if tensor.is_some() {
                return Err(Failure::usage(format!(
                    "--tensor names a tensor of a .safetensors file, {} is not one",
                    path.display()
                )));
            }
            of_npy(&map)
        } else {
            of_safetensors(&map, tensor)
        };
        let (dtype, shape, start) = found.map_err(|what| Failure::data(path, what))?;
        let length = shape.iter().try_fold(dtype.size(), |n, size| n.checked_mul(*size));
        let have = map.len() - start;
        let Some(length) = length.filter(|length| *length <= have) else {
            let [n, s, d] = shape;
            return Err(Failure::data(
                path,
                format!(
                    "is truncated: shape ({n}, {s}, {d}) of {} does not fit {have} bytes of values",
                    dtype.name()
                ),
            ));
        };
        match shape {
            [_, 0 | 1, _] => {
                let what =
                    format!("holds {} state per sample; a model of L layers has L + 1, at least 2", shape[1]);
                return Err(Failure::data(path, what));
            }
            [0, ..] | [.., 0] => {
                return Err(Failure::data(path, format!("holds no values (shape {shape:?})")));
            }
            _ => {}
        }
        let mut states = Self { path: path.to_path_buf(), map, dtype, shape, start, aligned: None };
        let bytes = &states.map[start..start + length];
        if !bytes.as_ptr().addr().is_multiple_of(dtype.size()) {
            let mut copy = vec![0u64; length.div_ceil(8)];
            bytemuck::cast_slice_mut(&mut copy)[..length].copy_from_slice(bytes);
            states.aligned = Some(copy);
        }
        Ok(states)
    }

    /// Samples, states, values in a row.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Layers of the model.
    pub fn layers(&self) -> usize {
        self.shape[1] - 1
    }

    /// What names the file in a report.
    pub fn describe(&self) -> serde_json::Value {
        let [samples, states, dim] = self.shape;
        serde_json::json!({
            "file": file_name(&self.path), "dtype": self.dtype.name(), "samples": samples, "states": states,
            "dim": dim, "bytes": self.map.len(), "sha256": hex(&Sha256::digest(&self.map[..])),
        })
    }

    /// Each state as [samples, values].
    pub fn rows(&self) -> Vec<Rows<'_>> {
        let length = self.shape.iter().product::<usize>() * self.dtype.size();
        let bytes = match &self.aligned {
            Some(copy) => &bytemuck::cast_slice(copy)[..length],
            None => &self.map[self.start..self.start + length],
        };
        match self.dtype {
            Dtype::F32 => self.each(bytes, |view: ndarray::ArrayView2<'_, f32>| Rows::F32(view)),
            Dtype::F16 => self.each(bytes, |view: ndarray::ArrayView2<'_, f16>| Rows::F16(view)),
            Dtype::Bf16 => self.each(bytes, |view: ndarray::ArrayView2<'_, bf16>| Rows::Bf16(view)),
        }
    }

    fn each<'a, T: bytemuck::Pod>(
        &self,
        bytes: &'a [u8],
        rows: impl Fn(ndarray::ArrayView2<'a, T>) -> Rows<'a>,
    ) -> Vec<Rows<'a>> {
        let all = ArrayView3::from_shape(self.shape, bytemuck::cast_slice(bytes))
            .expect("open() checked length and alignment");
        (0..self.shape[1]).map(|l| rows(all.index_axis_move(Axis(1), l))).collect()
    }
}

type Found = std::result::Result<(Dtype, [usize; 3], usize), String>;

fn of_npy(bytes: &[u8]) -> Found {
    let header = npy::Header::parse(bytes)?;
    let dtype = Dtype::of_npy(&header.descr)?;
    if header.fortran_order {
        return Err("is in Fortran order; save it with np.save(path, np.ascontiguousarray(x))".into());
    }
    Ok((dtype, three(&header.shape)?, header.data_start))
}

fn three(shape: &[usize]) -> std::result::Result<[usize; 3], String> {
    <[usize; 3]>::try_from(shape).map_err(|_| {
        let plural = if shape.len() == 1 { "" } else { "s" };
        format!(
            "has {} dimension{plural} (shape {shape:?}), an array of [samples, layers + 1, values] is needed",
            shape.len()
        )
    })
}

fn of_safetensors(bytes: &[u8], tensor: Option<&str>) -> Found {
    let found = safetensors::find(bytes, tensor, 3, "[samples, layers + 1, values]")?;
    let shape = three(&found.shape).map_err(|what| format!("tensor '{}' {what}", found.name))?;
    Ok((found.dtype, shape, found.start))
}
