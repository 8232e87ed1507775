//! Hidden states from files: [samples, states, values] at chosen tokens, or [sequences, states, tokens,
//! values] with a mask; seen state by state, one file after the other.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use ndarray::{Array2, ArrayView2};
use pauca::Rows;
use pauca::layers::Tokens;
use safetensors::tensor::Dtype as Stored;
use sha2::{Digest, Sha256};

use super::args::{Order, Which};
use crate::failure::{Failure, Result};
use crate::input::safetensors as tensors;
use crate::input::{Dtype, file_name, hex, map, npy};

/// Names under which a file of states may hold its mask.
const MASKS: [&str; 2] = ["attention_mask", "mask"];
/// What is needed, in a refusal.
const WANTED: &str = "[samples, layers + 1, values] or [sequences, layers + 1, tokens, values]";

/// How states are to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Which tensor of a `.safetensors` file.
    pub tensor: Option<&'a str>,
    /// Layers of the model.
    pub layers: Option<usize>,
    /// Which axis comes first.
    pub order: Option<Order>,
    /// Which tokens of a sequence count.
    pub which: Option<Which>,
    /// A `.npy` that says which tokens of all sequences are real.
    pub mask: Option<&'a Path>,
}

/// The states of a model for some samples.
pub struct States {
    files: Vec<Shard>,
    which: Which,
    /// What the files say of themselves that a person should know.
    pub notes: Vec<String>,
}

/// One file of them.
struct Shard {
    path: PathBuf,
    map: Mmap,
    dtype: Dtype,
    shape: Vec<usize>,
    /// The axis of the states.
    axis: usize,
    /// Whether the file alone tells it.
    told: bool,
    start: usize,
    /// The values copied to aligned memory, for a file that does not align them.
    aligned: Option<Vec<u64>>,
    /// Real tokens, [sequences, tokens].
    mask: Option<Array2<bool>>,
}

impl States {
    /// Opens `files`, which must be of one model.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with them, [`Failure::Usage`] for flags that they cannot follow.
    pub fn open(files: &[PathBuf], asked: Asked<'_>) -> Result<Self> {
        let mut notes = Vec::new();
        let mut shards: Vec<Shard> = Vec::new();
        for path in files {
            let shard = Shard::open(path, asked, &mut notes)?;
            if let Some(first) = shards.first() {
                let of = |shard: &Shard| {
                    (shard.shape[shard.axis], shard.shape[shard.shape.len() - 1], shard.shape.len())
                };
                if of(first) != of(&shard) {
                    let ((s, d, n), (t, e, m)) = (of(first), of(&shard));
                    let what = format!(
                        "holds {t} states of {e} values in {m} dimensions, {} {s} of {d} in {n}",
                        first.path.display()
                    );
                    return Err(Failure::data(path, what));
                }
            }
            shards.push(shard);
        }
        // As many samples as states: another file tells which is which.
        if let Some(path) = shards.iter().find(|shard| !shard.told).map(|shard| shard.path.clone()) {
            let Some(axis) = shards.iter().find(|shard| shard.told).map(|shard| shard.axis) else {
                let what = "has as many samples as states, both axes fit: --order says which comes first";
                return Err(Failure::data(&path, what));
            };
            shards.iter_mut().filter(|shard| !shard.told).for_each(|shard| shard.axis = axis);
        }
        let Some(first) = shards.first() else { return Err(Failure::usage("STATES are needed")) };
        let whole = first.shape.len() == 4;
        if !whole && (asked.which.is_some() || asked.mask.is_some()) {
            return Err(Failure::usage(format!(
                "--tokens and --mask are about arrays of all tokens; {} holds one state a sample",
                first.path.display()
            )));
        }
        if let Some(path) = asked.mask {
            let mask = mask_of_npy(path)?;
            let mut from = 0;
            for shard in &mut shards {
                let [sequences, tokens] = shard.sequences();
                let fits = mask.ncols() == tokens && from + sequences <= mask.nrows();
                if !fits {
                    let what = format!(
                        "has the shape ({}, {}), {} needs {sequences} rows of {tokens} from row {from} on",
                        mask.nrows(),
                        mask.ncols(),
                        shard.path.display()
                    );
                    return Err(Failure::data(path, what));
                }
                shard.mask = Some(mask.slice(ndarray::s![from..from + sequences, ..]).to_owned());
                from += sequences;
            }
            if from != mask.nrows() {
                return Err(Failure::data(path, format!("has {} rows for {from} sequences", mask.nrows())));
            }
        }
        Ok(Self { files: shards, which: asked.which.unwrap_or(Which::Last), notes })
    }

    /// Samples, or sequences where all tokens are there.
    pub fn samples(&self) -> usize {
        self.files.iter().map(|shard| shard.shape[1 - shard.axis]).sum()
    }

    /// Layers of the model.
    pub fn layers(&self) -> usize {
        self.files[0].shape[self.files[0].axis] - 1
    }

    /// Values in a row.
    pub fn dim(&self) -> usize {
        *self.files[0].shape.last().unwrap_or(&0)
    }

    /// Whether every token is a sample.
    pub fn all_tokens(&self) -> bool {
        self.files[0].shape.len() == 4 && self.which == Which::All
    }

    /// The first file, which stands for all of them in a failure.
    pub fn path(&self) -> &Path {
        &self.files[0].path
    }

    /// What names the files in a report.
    pub fn describe(&self) -> serde_json::Value {
        let all: Vec<_> = self.files.iter().map(|shard| shard.describe()).collect();
        match &all[..] {
            [one] => one.clone(),
            _ => serde_json::json!({
                "file": format!("{} and {} more", file_name(self.path()), all.len() - 1), "files": all,
            }),
        }
    }

    /// Calls `take` with all states of some samples, file by file.
    ///
    /// # Errors
    /// Those of `take`, with the file.
    pub fn each(
        &self,
        take: &mut dyn FnMut(&[Rows<'_>], Tokens<'_>) -> pauca::Result<()>,
    ) -> std::result::Result<(), (PathBuf, pauca::Error)> {
        for shard in &self.files {
            shard.each(self.which, take).map_err(|e| (shard.path.clone(), e))?;
        }
        Ok(())
    }
}

impl Shard {
    fn open(path: &Path, asked: Asked<'_>, notes: &mut Vec<String>) -> Result<Self> {
        let map = map(path)?;
        let refused = |what: String| Failure::data(path, what);
        let npy = map.starts_with(npy::MAGIC) || path.extension().is_none_or(|e| e != "safetensors");
        if npy && asked.tensor.is_some() {
            return Err(Failure::usage(format!(
                "--tensor names a tensor of a .safetensors file, {} is not one",
                path.display()
            )));
        }
        let mut layers = asked.layers;
        let Found { dtype, shape, start, bytes, mask } = if npy {
            of_npy(&map).map_err(refused)?
        } else {
            // What our own script says of the states.
            tensors::open(&map).map_err(refused)?;
            let said = ::safetensors::SafeTensors::read_metadata(&map)
                .ok()
                .and_then(|(_, said)| said.metadata().clone());
            let said = said.unwrap_or_default();
            layers = layers.or_else(|| said.get("layers").and_then(|text| text.parse().ok()));
            if said.get("final_norm").is_some_and(|text| text == "after") {
                notes.push(format!("{}: the last state was taken after the final norm", path.display()));
            }
            of_safetensors(&map, asked.tensor).map_err(refused)?
        };
        let length = sized(bytes, &shape, dtype).map_err(refused)?;
        if shape.contains(&0) {
            return Err(refused(format!("holds no values (shape {})", npy::shape_text(&shape))));
        }
        let found = axis(&shape, layers, asked.order).map_err(refused)?;
        let (axis, told) = (found.unwrap_or(1), found.is_some());
        if shape[axis] == 1 {
            let what = "holds 1 state per sample; a model of L layers has L + 1, at least 2";
            return Err(refused(what.into()));
        }
        let mut shard =
            Self { path: path.to_path_buf(), map, dtype, shape, axis, told, start, aligned: None, mask };
        if let Some(mask) = &shard.mask
            && shard.shape.len() == 4
            && [mask.nrows(), mask.ncols()] != shard.sequences()
        {
            let [n, t] = shard.sequences();
            let what = format!(
                "holds a mask of ({}, {}) for {n} sequences of {t} tokens",
                mask.nrows(),
                mask.ncols()
            );
            return Err(refused(what));
        }
        let bytes = &shard.map[start..start + length];
        if !bytes.as_ptr().addr().is_multiple_of(dtype.size()) {
            let mut copy = vec![0u64; length.div_ceil(8)];
            bytemuck::cast_slice_mut(&mut copy)[..length].copy_from_slice(bytes);
            shard.aligned = Some(copy);
        }
        Ok(shard)
    }

    /// Sequences, and tokens in each.
    fn sequences(&self) -> [usize; 2] {
        [self.shape[1 - self.axis], self.shape[2]]
    }

    fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "file": file_name(&self.path), "dtype": self.dtype.name(), "samples": self.shape[1 - self.axis],
            "states": self.shape[self.axis], "dim": self.shape.last(), "bytes": self.map.len(),
            "sha256": hex(&Sha256::digest(&self.map[..])),
        })
    }

    fn each(
        &self,
        which: Which,
        take: &mut dyn FnMut(&[Rows<'_>], Tokens<'_>) -> pauca::Result<()>,
    ) -> pauca::Result<()> {
        let length = self.shape.iter().product::<usize>() * self.dtype.size();
        let bytes = match &self.aligned {
            Some(copy) => &bytemuck::cast_slice(copy)[..length],
            None => &self.map[self.start..self.start + length],
        };
        let [states, samples, d] =
            [self.shape[self.axis], self.shape[1 - self.axis], *self.shape.last().unwrap_or(&1)];
        let own = |place: Place| rows(self.dtype, bytes, place);
        if self.shape.len() == 3 {
            // The rows of a state lie d or states d values apart.
            let step = if self.axis == 1 { states * d } else { d };
            let first = |l: usize| if self.axis == 1 { l * d } else { l * samples * d };
            let all: Vec<Rows<'_>> =
                (0..states).map(|l| own(Place { first: first(l), rows: samples, step, dim: d })).collect();
            return take(&all, Tokens::Rows);
        }
        let tokens = self.shape[2];
        let everything;
        let mask = match &self.mask {
            Some(mask) => mask.view(),
            None => {
                everything = Array2::from_elem((samples, tokens), true);
                everything.view()
            }
        };
        let counted = |mask| match which {
            Which::Last => Tokens::Last(mask),
            Which::All => Tokens::Real(mask),
        };
        // Sequence by sequence where these come first, else all at once.
        let (batches, rows) = if self.axis == 1 { (samples, tokens) } else { (1, samples * tokens) };
        for i in 0..batches {
            let first = |l: usize| (i * states + l) * rows * d;
            let all: Vec<Rows<'_>> =
                (0..states).map(|l| own(Place { first: first(l), rows, step: d, dim: d })).collect();
            let mask = if self.axis == 1 { mask.slice(ndarray::s![i..i + 1, ..]) } else { mask };
            take(&all, counted(mask))?;
        }
        Ok(())
    }
}

/// Where rows lie among values.
struct Place {
    first: usize,
    rows: usize,
    step: usize,
    dim: usize,
}

fn rows(dtype: Dtype, bytes: &[u8], place: Place) -> Rows<'_> {
    match dtype {
        Dtype::F32 => Rows::F32(view(bytes, place)),
        Dtype::F16 => Rows::F16(view::<f16>(bytes, place)),
        Dtype::Bf16 => Rows::Bf16(view::<bf16>(bytes, place)),
    }
}

fn view<T: bytemuck::Pod>(bytes: &[u8], place: Place) -> ArrayView2<'_, T> {
    let values: &[T] = bytemuck::cast_slice(bytes);
    let end = place.first + (place.rows - 1) * place.step + place.dim;
    let whole = &values[place.first..end.max(place.first)];
    let shape = ndarray::ShapeBuilder::strides((place.rows, place.dim), (place.step, 1));
    ArrayView2::from_shape(shape, whole).expect("open() checked length and alignment")
}

/// Bytes of the values of `shape`, of which `have` are there.
fn sized(have: usize, shape: &[usize], dtype: Dtype) -> std::result::Result<usize, String> {
    let text = npy::shape_text(shape);
    let need = shape.iter().try_fold(dtype.size(), |n, size| n.checked_mul(*size));
    let need = need.ok_or_else(|| format!("has a header with the impossible shape {text}"))?;
    let of = format!("shape {text} of {}", dtype.name());
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

/// The axis of the states, which no shape tells by itself; `None` where both fit.
fn axis(
    shape: &[usize],
    layers: Option<usize>,
    order: Option<Order>,
) -> std::result::Result<Option<usize>, String> {
    let (a, b, text) = (shape[0], shape[1], npy::shape_text(shape));
    let of = order.map(|order| if order == Order::Samples { 1 } else { 0 });
    let Some(layers) = layers else {
        return match of {
            Some(axis) => Ok(Some(axis)),
            // One state is none of a model.
            None if b == 1 => Ok(Some(1)),
            None => Err(format!(
                "has the shape {text}: {a} samples of {} layers, or {b} of {}? --layers says which",
                b - 1,
                a.saturating_sub(1)
            )),
        };
    };
    let fits = |axis: usize| layers.checked_add(1) == Some(shape[axis]) && of.is_none_or(|of| of == axis);
    match [fits(0), fits(1)] {
        [false, true] => Ok(Some(1)),
        [true, false] => Ok(Some(0)),
        [false, false] => Err(format!(
            "has the shape {text}, a model of {layers} layers has {} states{}",
            layers.saturating_add(1),
            of.map_or(String::new(), |axis| format!(", here on axis {axis}"))
        )),
        [true, true] => Ok(None),
    }
}

/// An array of states in a file.
struct Found {
    dtype: Dtype,
    shape: Vec<usize>,
    start: usize,
    bytes: usize,
    mask: Option<Array2<bool>>,
}

fn of_npy(bytes: &[u8]) -> std::result::Result<Found, String> {
    let header = npy::Header::parse(bytes)?;
    let dtype = Dtype::of_npy(&header.descr)?;
    if header.fortran_order {
        return Err("is in Fortran order; save it with np.save(path, np.ascontiguousarray(x))".into());
    }
    let (shape, start) = (three_or_four(&header.shape)?, header.data_start);
    Ok(Found { dtype, shape, start, bytes: bytes.len() - start, mask: None })
}

fn three_or_four(shape: &[usize]) -> std::result::Result<Vec<usize>, String> {
    if matches!(shape.len(), 3 | 4) {
        return Ok(shape.to_vec());
    }
    let plural = if shape.len() == 1 { "" } else { "s" };
    Err(format!(
        "has {} dimension{plural} (shape {}), an array of {WANTED} is needed",
        shape.len(),
        npy::shape_text(shape)
    ))
}

fn of_safetensors(bytes: &[u8], tensor: Option<&str>) -> std::result::Result<Found, String> {
    let all = tensors::open(bytes)?;
    let four = all.iter().any(|(_, view)| view.shape().len() == 4);
    let found = tensors::find(bytes, tensor, if four { 4 } else { 3 }, WANTED)?;
    let shape = three_or_four(&found.shape).map_err(|what| format!("tensor '{}' {what}", found.name))?;
    let mut mask = None;
    if let Some(name) = MASKS.iter().find(|name| all.tensor(name).is_ok())
        && let Ok(view) = all.tensor(name)
        && let [rows, columns] = view.shape()[..]
    {
        let size = match view.dtype() {
            Stored::BOOL | Stored::U8 | Stored::I8 => 1,
            Stored::I32 | Stored::U32 => 4,
            Stored::I64 | Stored::U64 => 8,
            other => {
                return Err(format!(
                    "holds a mask '{name}' of {other:?}; whole numbers or booleans are needed"
                ));
            }
        };
        mask = Some(booleans(view.data(), size, rows, columns)?);
    }
    Ok(Found { dtype: found.dtype, shape, start: found.start, bytes: found.bytes, mask })
}

/// Which values of `size` bytes are not zero.
fn booleans(
    bytes: &[u8],
    size: usize,
    rows: usize,
    columns: usize,
) -> std::result::Result<Array2<bool>, String> {
    let values = bytes.chunks_exact(size).map(|value| value.iter().any(|b| *b != 0)).collect();
    Array2::from_shape_vec((rows, columns), values)
        .map_err(|_| "holds a mask that is not of its shape".to_string())
}

fn mask_of_npy(path: &Path) -> Result<Array2<bool>> {
    let map = map(path)?;
    let refused = |what: String| Failure::data(path, what);
    let header = npy::Header::parse(&map).map_err(refused)?;
    let size = match header.descr.as_str() {
        "|b1" | "|u1" | "|i1" => 1,
        "<i4" | "<u4" => 4,
        "<i8" | "<u8" => 8,
        other => {
            return Err(refused(format!("holds {other}; a mask of whole numbers or booleans is needed")));
        }
    };
    let [rows, columns] = header.shape[..] else {
        return Err(refused(format!(
            "has the shape {}, a mask is [sequences, tokens]",
            npy::shape_text(&header.shape)
        )));
    };
    if header.fortran_order {
        return Err(refused(
            "is in Fortran order; save it with np.save(path, np.ascontiguousarray(x))".into(),
        ));
    }
    booleans(&map[header.data_start..], size, rows, columns).map_err(refused)
}
