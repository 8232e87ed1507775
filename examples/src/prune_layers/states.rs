//! Hidden states from a file: [samples, states, values], seen state by state.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use ndarray::{ArrayView3, Axis};
use pauca::Rows;
use sha2::{Digest, Sha256};

use super::args::Order;
use crate::failure::{Failure, Result};
use crate::input::{Dtype, file_name, hex, map, npy, safetensors};

/// The states of a model for some samples.
pub struct States {
    path: PathBuf,
    map: Mmap,
    dtype: Dtype,
    shape: [usize; 3],
    /// The axis of the states.
    axis: usize,
    start: usize,
    /// The values copied to aligned memory, for a file that does not align them.
    aligned: Option<Vec<u64>>,
}

impl States {
    /// Opens `path`; `tensor` picks one of several tensors, `layers` and `order` say which axis is that of the
    /// states.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the file.
    pub fn open(
        path: &Path,
        tensor: Option<&str>,
        layers: Option<usize>,
        order: Option<Order>,
    ) -> Result<Self> {
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
        let (dtype, shape, start, have) = found.map_err(|what| Failure::data(path, what))?;
        let refused = |what: String| Failure::data(path, what);
        let length = sized(have, shape, dtype).map_err(refused)?;
        if shape.contains(&0) {
            return Err(refused(format!("holds no values (shape {shape:?})")));
        }
        let axis = axis(shape, layers, order).map_err(refused)?;
        if shape[axis] == 1 {
            let what = "holds 1 state per sample; a model of L layers has L + 1, at least 2";
            return Err(refused(what.into()));
        }
        let mut states = Self { path: path.to_path_buf(), map, dtype, shape, axis, start, aligned: None };
        let bytes = &states.map[start..start + length];
        if !bytes.as_ptr().addr().is_multiple_of(dtype.size()) {
            let mut copy = vec![0u64; length.div_ceil(8)];
            bytemuck::cast_slice_mut(&mut copy)[..length].copy_from_slice(bytes);
            states.aligned = Some(copy);
        }
        Ok(states)
    }

    /// Samples.
    pub fn samples(&self) -> usize {
        self.shape[1 - self.axis]
    }

    /// Layers of the model.
    pub fn layers(&self) -> usize {
        self.shape[self.axis] - 1
    }

    /// What names the file in a report.
    pub fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "file": file_name(&self.path), "dtype": self.dtype.name(), "samples": self.samples(),
            "states": self.shape[self.axis], "dim": self.shape[2], "bytes": self.map.len(), "sha256": hex(&Sha256::digest(&self.map[..])),
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
        (0..self.shape[self.axis]).map(|l| rows(all.index_axis_move(Axis(self.axis), l))).collect()
    }
}

/// Bytes of the values of `shape`, of which `have` are there.
fn sized(have: usize, shape: [usize; 3], dtype: Dtype) -> std::result::Result<usize, String> {
    let [a, b, d] = shape;
    let need = shape.iter().try_fold(dtype.size(), |n, size| n.checked_mul(*size));
    let need = need.ok_or_else(|| format!("has a header with the impossible shape ({a}, {b}, {d})"))?;
    let of = format!("shape ({a}, {b}, {d}) of {}", dtype.name());
    if have < need {
        return Err(format!("is truncated: {of} needs {need} bytes of values, the file holds {have}"));
    }
    if have > need {
        let more = have - need;
        return Err(format!(
            "holds {more} bytes after the values of {of}: more than one array, or a wrong header"
        ));
    }
    Ok(need)
}

/// The axis of the states, which no shape tells by itself.
fn axis(
    shape: [usize; 3],
    layers: Option<usize>,
    order: Option<Order>,
) -> std::result::Result<usize, String> {
    let [a, b, d] = shape;
    let of = order.map(|order| if order == Order::Samples { 1 } else { 0 });
    let Some(layers) = layers else {
        return match of {
            Some(axis) => Ok(axis),
            // One state is none of a model.
            None if b == 1 => Ok(1),
            None => Err(format!(
                "has the shape ({a}, {b}, {d}): {a} samples of {} layers, or {b} of {}? --layers says which",
                b - 1,
                a.saturating_sub(1)
            )),
        };
    };
    let fits = |axis: usize| layers.checked_add(1) == Some(shape[axis]) && of.is_none_or(|of| of == axis);
    match [fits(0), fits(1)] {
        [false, true] => Ok(1),
        [true, false] => Ok(0),
        [false, false] => Err(format!(
            "has the shape ({a}, {b}, {d}), a model of {layers} layers has {} states{}",
            layers.saturating_add(1),
            of.map_or(String::new(), |axis| format!(", here on axis {axis}"))
        )),
        [true, true] => Err(format!(
            "has the shape ({a}, {b}, {d}), both axes fit {layers} layers: --order says which comes first"
        )),
    }
}

/// Type, shape, where the values begin, bytes of them.
type Found = std::result::Result<(Dtype, [usize; 3], usize, usize), String>;

fn of_npy(bytes: &[u8]) -> Found {
    let header = npy::Header::parse(bytes)?;
    let dtype = Dtype::of_npy(&header.descr)?;
    if header.fortran_order {
        return Err("is in Fortran order; save it with np.save(path, np.ascontiguousarray(x))".into());
    }
    Ok((dtype, three(&header.shape)?, header.data_start, bytes.len() - header.data_start))
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
    Ok((found.dtype, shape, found.start, found.bytes))
}
