//! What an audit reads.

use std::ffi::OsStr;
use std::path::Path;

use ndarray::{Array2, Array3};
use pauca::vq::MASKED;

use super::AuditArgs;
use crate::failure::{Failure, Result};
use crate::input::{file, file_name};
use crate::memorization::arrays::{Array, Arrays, Part};

/// Most values of latents that are held.
const MOST: usize = 1 << 31;

/// Everything read.
pub struct Inputs {
    /// [items, positions, d].
    pub latents: Option<Array3<f32>>,
    /// [items, positions].
    pub ids: Array2<u32>,
    /// [k, d].
    pub codebook: Option<Array2<f32>>,
    /// Number of codes.
    pub codes: usize,
    /// (rate, distortion) of each tokenizer, in the order of the table.
    pub rates: Vec<(String, Vec<[f64; 2]>)>,
    /// (compute, loss) of the runs of each tokenizer.
    pub runs: Vec<(String, Vec<[f64; 2]>)>,
    /// Files and their SHA-256.
    pub digests: Vec<(String, String)>,
}

impl Inputs {
    /// Items.
    pub fn items(&self) -> usize {
        self.ids.nrows()
    }

    /// Positions of an item.
    pub fn positions(&self) -> usize {
        self.ids.ncols()
    }

    /// Reads and checks everything that `args` names.
    ///
    /// # Errors
    /// [`Failure::Data`] with the file; [`Failure::Usage`] for more than a machine holds.
    pub fn read(args: &AuditArgs) -> Result<Self> {
        let mut arrays = Arrays::default();
        let array = array(&args.ids, "ids", &mut arrays)?;
        let [items, positions] = array.shape[..] else {
            return Err(array.failure(format!("has shape {:?}, expected [items, positions]", array.shape)));
        };
        if items == 0 || positions == 0 {
            return Err(array.failure(format!("has shape {:?}: no token", array.shape)));
        }
        // Padding of other programs, -1 and -100, becomes the mask.
        let values = array.integers(0..items * positions)?;
        let codebook = match &args.codebook {
            None => None,
            Some(path) => {
                let (values, shape) = numbers(path, "codebook", &mut arrays)?;
                let [k, d] = shape[..] else {
                    return Err(Failure::data(path, format!("has shape {shape:?}, expected [k, d]")));
                };
                Some(Array2::from_shape_vec((k, d), values).map_err(|e| Failure::data(path, e))?)
            }
        };
        let largest = values.iter().filter(|id| **id != MASKED).max().map_or(0, |id| *id as usize);
        let codes = args.codes.or(codebook.as_ref().map(Array2::nrows)).unwrap_or(largest + 1);
        if largest >= codes {
            return Err(array.failure(format!("holds id {largest}, there are {codes} codes")));
        }
        let ids = Array2::from_shape_vec((items, positions), values).map_err(|e| array.failure(e))?;
        let latents = match &args.latents {
            None => None,
            Some(path) => {
                let (values, shape) = numbers(path, "latents", &mut arrays)?;
                let [n, p, d] = shape[..] else {
                    let what = format!("has shape {shape:?}, expected [items, positions, d]");
                    return Err(Failure::data(path, what));
                };
                if (n, p) != (items, positions) {
                    let what = format!("has shape {shape:?}, the ids are {items} items of {positions}");
                    return Err(Failure::data(path, what));
                }
                if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                    return Err(Failure::data(path, format!("holds {} at {at}", values[at])));
                }
                Some(Array3::from_shape_vec((n, p, d), values).map_err(|e| Failure::data(path, e))?)
            }
        };
        if let (Some(path), Some(codebook), Some(latents)) = (&args.codebook, &codebook, &latents)
            && codebook.ncols() != latents.dim().2
        {
            let what = format!("has codes of {} values, latents have {}", codebook.ncols(), latents.dim().2);
            return Err(Failure::data(path, what));
        }
        let mut digests = arrays.digests;
        Ok(Self {
            latents,
            ids,
            codebook,
            codes,
            rates: points(args.rates.as_deref(), ["rate", "distortion"], &mut digests)?,
            runs: points(args.runs.as_deref(), ["compute", "loss"], &mut digests)?,
            digests,
        })
    }
}

fn array(path: &Path, tensor: &str, arrays: &mut Arrays) -> Result<Array> {
    let part = match path.extension().and_then(OsStr::to_str) {
        Some("safetensors") => Part::Tensor(Some(tensor)),
        Some("npy") => Part::Npy,
        _ => return Err(Failure::data(path, "is neither a .npy nor a .safetensors file")),
    };
    arrays.read(path.to_path_buf(), part)
}

fn numbers(path: &Path, tensor: &str, arrays: &mut Arrays) -> Result<(Vec<f32>, Vec<usize>)> {
    let array = array(path, tensor, arrays)?;
    if array.len() > MOST {
        return Err(array.failure(format!("has {} values, at most {MOST} are read", array.len())));
    }
    let values = array.numbers(0..array.len())?.into_iter().map(|v| v as f32).collect();
    Ok((values, array.shape))
}

/// Points of each tokenizer of a table.
fn points(
    path: Option<&Path>,
    columns: [&str; 2],
    digests: &mut Vec<(String, String)>,
) -> Result<Vec<(String, Vec<[f64; 2]>)>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let wrong = |what: String| Failure::data(path, what);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file::stream(path)?);
    let head = reader.headers().map_err(|e| wrong(format!("cannot be read: {e}")))?.clone();
    let place = |name: &str| {
        head.iter().position(|h| h == name).ok_or_else(|| wrong(format!("has no column '{name}'")))
    };
    let (name, at) = (place("tokenizer")?, [place(columns[0])?, place(columns[1])?]);
    let mut found: Vec<(String, Vec<[f64; 2]>)> = Vec::new();
    for (row, line) in reader.records().enumerate() {
        let line = line.map_err(|e| wrong(format!("row {}: {e}", row + 1)))?;
        let number = |i: usize| {
            let text = line.get(at[i]).unwrap_or_default();
            let value = text.parse::<f64>().ok().filter(|v| v.is_finite() && (*v > 0.0 || i == 1));
            value.ok_or_else(|| {
                let text = crate::page::shorten(text, 40);
                wrong(format!("row {}: {} is '{text}', a number above 0 is needed", row + 1, columns[i]))
            })
        };
        let point = [number(0)?, number(1)?];
        let name = line.get(name).unwrap_or_default();
        match found.iter_mut().find(|(known, _)| known == name) {
            Some((_, points)) => points.push(point),
            None => found.push((name.to_string(), vec![point])),
        }
    }
    if found.is_empty() {
        return Err(wrong("has no row".into()));
    }
    digests.push((file_name(path), file::digest(path)?));
    Ok(found)
}
