//! Latents as sequences: which positions exist, in which order they are read, and on which side of
//! the quantizer's projection.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3};

use super::maps::{affine, affine_backward};
use crate::arrays::{matrix, view, zeros};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{area, try_capacity, try_grow, try_vec};
use crate::params::setters;
use crate::real::Real;

/// Rows of one tile of work, at least one sequence. A constant of the result: sums of gradients
/// are formed tile by tile.
const TILE_ROWS: usize = 512;

/// A batch of sequences of latents: z [B, T, D] and how it is to be read.
///
/// - **Padding**: `lengths[b]` positions of sequence b exist, the first ones in the order of z. The
///   rest is never read (it may hold NaN) and gets a gradient of exactly 0.
/// - **Order**: the permutation `order` says which position is read at which step (default: as
///   they lie, which for image patches row by row is raster order). Positions that do not exist
///   are skipped.
/// - **Side**: with [`projected`](Self::projected) the sequence is z W + b, so that an encoder may
///   hand over what it has before the quantizer's projection; gradients arrive before it too.
/// - **Normalized**: every latent divided by its Euclidean length, after the projection, as
///   quantizers of cosine codes do; a row of zeros stays zero and gets a gradient of 0.
///
/// The paper says "pre-quantization latents" and no more about the last two: both readings are
/// here, the default is z as given.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    z: ArrayView3<'a, T>,
    lengths: Option<&'a [usize]>,
    order: Option<&'a [usize]>,
    projection: Option<(ArrayView2<'a, T>, Option<ArrayView1<'a, T>>)>,
    normalized: bool,
}

/// Where a row of a batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Sequence b of z.
    pub sequence: usize,
    /// When it is read: 0 is first.
    pub step: usize,
    /// The position of the latent in z.
    pub position: usize,
}

impl<'a, T: Real> Batch<'a, T> {
    /// Sequences z [B, T, D] of full length, read as they lie, unprojected, not normalized.
    pub fn new(z: ArrayView3<'a, T>) -> Self {
        Self { z, lengths: None, order: None, projection: None, normalized: false }
    }

    setters! {
        /// How many positions of each sequence exist.
        lengths(lengths: &'a [usize]) { lengths = Some(lengths) }
        /// The position read at each step: a permutation of 0..T.
        order(order: &'a [usize]) { order = Some(order) }
        /// Reads z W + b with `weight` W [D, d] and `bias` b \[d\].
        projected(weight: ArrayView2<'a, T>, bias: Option<ArrayView1<'a, T>>) { projection = Some((weight, bias)) }
        /// Divides every latent by its Euclidean length.
        normalized: bool;
    }

    /// Components of a latent as it is predicted: d with a projection, else D.
    pub fn dim(&self) -> usize {
        self.projection.as_ref().map_or(self.z.dim().2, |(weight, _)| weight.ncols())
    }

    /// Number of sequences B.
    pub fn sequences(&self) -> usize {
        self.z.dim().0
    }

    /// Number of positions T.
    pub fn steps(&self) -> usize {
        self.z.dim().1
    }

    /// The rows of the batch: every sequence after the one before, each in the order it is read.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::ShapeMismatch`], [`Error::TooLarge`] for a length above T,
    /// [`Error::InvalidParameter`] for an order that is no permutation, [`Error::OutOfMemory`].
    pub fn places(&self) -> Result<Vec<Place>> {
        let (sequences, steps, dim) = self.z.dim();
        check::not_empty("z", sequences.min(steps).min(dim))?;
        if let Some(lengths) = self.lengths {
            check::same_length("lengths", sequences, lengths.len())?;
            lengths.iter().try_for_each(|length| check::at_most("a length", *length, steps))?;
        }
        if let Some(order) = self.order {
            permutation(order, steps)?;
        }
        let rows = area(sequences, steps)?;
        let mut places = try_capacity(self.lengths.map_or(rows, |lengths| lengths.iter().sum()))?;
        for sequence in 0..sequences {
            let length = self.lengths.map_or(steps, |lengths| lengths[sequence]);
            let position = |step| self.order.map_or(step, |order| order[step]);
            let there = (0..steps).map(position).filter(|&position| position < length);
            places.extend(there.enumerate().map(|(step, position)| Place { sequence, step, position }));
        }
        Ok(places)
    }

    /// The latents as they are predicted, with what their gradient needs.
    pub(super) fn latents(&self) -> Result<Latents<T>> {
        let places = self.places()?;
        let (sequences, steps, dim) = self.z.dim();
        let mut starts = try_vec(sequences + 1, 0)?;
        places.iter().for_each(|place| starts[place.sequence + 1] += 1);
        (0..sequences).for_each(|b| starts[b + 1] += starts[b]);
        let mut rows = try_capacity(places.len() * dim)?;
        for place in &places {
            let row = self.z.slice(ndarray::s![place.sequence, place.position, ..]);
            let number = (place.sequence * steps + place.position) as u64;
            check::finite_row("z", number, row.iter().map(|v| v.to_f64()))?;
            rows.extend(row.iter().copied());
        }
        let mut x = matrix(places.len(), dim, rows)?;
        let mut raw = None;
        if let Some((weight, bias)) = &self.projection {
            check_projection(weight, bias.as_ref(), dim)?;
            let mut shift = zeros(1, weight.ncols())?;
            if let Some(bias) = bias {
                shift.row_mut(0).assign(bias);
            }
            raw = Some(core::mem::replace(&mut x, Array2::from_elem((0, 0), T::zero())));
            if let Some(raw) = &raw {
                x = affine(&raw.view(), weight, &shift.view())?;
            }
        }
        let mut sizes = Vec::new();
        if self.normalized {
            sizes = try_capacity(places.len())?;
            for mut row in x.rows_mut() {
                let size = length(row.view());
                row.iter_mut()
                    .for_each(|v| *v = if size > 0.0 { T::from_f64(v.to_f64() / size) } else { T::zero() });
                sizes.push(size);
            }
        }
        Ok(Latents { x, places, starts, raw, sizes })
    }

    /// The gradient of z (and of the projection) from that of the latents.
    pub(super) fn pull_back(&self, latents: &Latents<T>, mut dx: Array2<T>) -> Result<Pulled<T>> {
        for (i, &size) in latents.sizes.iter().enumerate() {
            let (u, mut g) = (latents.x.row(i), dx.row_mut(i));
            let along: f64 = u.iter().zip(&g).map(|(u, g)| u.to_f64() * g.to_f64()).sum();
            for (g, u) in g.iter_mut().zip(u) {
                let across = g.to_f64() - u.to_f64() * along;
                *g = if size > 0.0 { T::from_f64(across / size) } else { T::zero() };
            }
        }
        let mut projection = None;
        if let (Some((weight, _)), Some(raw)) = (&self.projection, &latents.raw) {
            let (mut dw, mut db) = (zeros(weight.nrows(), weight.ncols())?, zeros(1, weight.ncols())?);
            let d = dx.view();
            let before =
                affine_backward(&raw.view(), weight, &d, &mut dw.view_mut(), Some(&mut db.view_mut()))?;
            projection = Some((dw, Array1::from_vec(db.into_raw_vec_and_offset().0)));
            dx = before;
        }
        let (sequences, steps, dim) = self.z.dim();
        let values = try_vec(sequences * steps * dim, T::zero())?;
        let wrong = |_| Error::ShapeMismatch { what: "z", expected: steps, found: 0 };
        let mut dz = Array3::from_shape_vec((sequences, steps, dim), values).map_err(wrong)?;
        for (place, row) in latents.places.iter().zip(dx.rows()) {
            dz.slice_mut(ndarray::s![place.sequence, place.position, ..]).assign(&row);
        }
        Ok(Pulled { dz, projection })
    }
}

/// Gradients on the caller's side.
pub(super) struct Pulled<T> {
    pub dz: Array3<T>,
    pub projection: Option<(Array2<T>, Array1<T>)>,
}

/// The latents of a batch as they are predicted, row after row.
pub(super) struct Latents<T> {
    pub x: Array2<T>,
    pub places: Vec<Place>,
    /// First row of each sequence, and the end.
    pub starts: Vec<usize>,
    /// The rows before the projection, where there is one.
    raw: Option<Array2<T>>,
    /// The lengths of the latents before they were normalized; empty where they were not.
    sizes: Vec<f64>,
}

/// The rows of every sequence, by the ends of all.
pub(super) fn sequences(ends: &[usize]) -> impl Iterator<Item = core::ops::Range<usize>> {
    ends.iter().scan(0, |begin, &end| Some(core::mem::replace(begin, end)..end))
}

/// Whole sequences that one thread works on.
pub(super) struct Tile {
    /// Rows of the batch.
    pub rows: core::ops::Range<usize>,
    /// Ends of the sequences, counted from the first row of the tile.
    pub ends: Vec<usize>,
}

impl<T: Real> Latents<T> {
    /// The batch cut into tiles, by the lengths of the sequences alone.
    pub fn tiles(&self) -> Result<Vec<Tile>> {
        let mut tiles = try_capacity(self.x.nrows().div_ceil(TILE_ROWS))?;
        let mut tile = Tile { rows: 0..0, ends: Vec::new() };
        for &end in &self.starts[1..] {
            if end == tile.rows.end {
                continue;
            }
            tile.rows.end = end;
            try_grow(&mut tile.ends, 1)?;
            tile.ends.push(end - tile.rows.start);
            if tile.rows.len() >= TILE_ROWS {
                let next = Tile { rows: end..end, ends: Vec::new() };
                tiles.push(core::mem::replace(&mut tile, next));
            }
        }
        if !tile.ends.is_empty() {
            tiles.push(tile);
        }
        Ok(tiles)
    }

    /// The rows of a tile.
    pub fn rows(&self, tile: &Tile) -> Result<ArrayView2<'_, T>> {
        let dim = self.x.ncols();
        let all = self.x.as_slice().unwrap_or(&[]);
        view(&all[tile.rows.start * dim..], tile.rows.len(), dim)
    }
}

/// Errors unless every number of 0..n occurs once.
fn permutation(order: &[usize], n: usize) -> Result<()> {
    check::same_length("order", n, order.len())?;
    let mut seen = try_vec(n, false)?;
    for &position in order {
        let new = position < n && !core::mem::replace(&mut seen[position], true);
        check::parameter("order", position as f64, "each of 0..T once", new)?;
    }
    Ok(())
}

fn check_projection<T: Real>(
    weight: &ArrayView2<'_, T>,
    bias: Option<&ArrayView1<'_, T>>,
    dim: usize,
) -> Result<()> {
    check::same_length("projection", dim, weight.nrows())?;
    check::not_empty("projection", weight.ncols())?;
    if let Some(bias) = bias {
        check::same_length("projection bias", weight.ncols(), bias.len())?;
    }
    let mut all = weight
        .indexed_iter()
        .chain(bias.iter().flat_map(|bias| bias.iter().zip(0..).map(|(v, col)| ((0, col), v))));
    all.try_for_each(|(at, v)| check::finite_at("projection", at, v.to_f64()))
}

/// The Euclidean length, safe from overflow and underflow.
fn length<T: Real>(row: ArrayView1<'_, T>) -> f64 {
    let largest = row.iter().map(|v| v.to_f64().abs()).fold(0.0, f64::max);
    if largest > 0.0 {
        let squares: f64 = row.iter().map(|v| v.to_f64() / largest).map(|v| v * v).sum();
        largest * libm::sqrt(squares)
    } else {
        0.0
    }
}
