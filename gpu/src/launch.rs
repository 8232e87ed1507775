//! Launches: the shapes are checked here, so that no kernel leaves its buffers. The only room with `unsafe` but for
//! [`Buffer::arg`](crate::link::Buffer::arg).

use cubecl::prelude::*;

use crate::error::GpuError;
use crate::kernels::definition::{self, Value};
use crate::kernels::report::{self, OPEN_WORDS};
use crate::kernels::search::{NORM_LANES, NORM_ROWS, Start, WORDS};
use crate::kernels::tensor::{self, FACTS, Instruction};
use crate::kernels::{fill, gather, mma, search, sums, wgmma};
use crate::limits::Limits;
use crate::link::{Buffer, Link};
use crate::plan::Search;
use crate::tensor::words;

type Outcome<T> = Result<T, GpuError>;

/// Refuses a launch whose buffers are shorter than the kernel takes them to be: a mistake in this crate.
fn fits(all: &[(&'static str, bool)]) -> Outcome<()> {
    match all.iter().find(|(_, fits)| !fits) {
        None => Ok(()),
        Some((what, _)) => {
            Err(GpuError::Failed { doing: "a launch", report: format!("{what} is too short") })
        }
    }
}

/// The two sides of a search: rows `first .. first + n` of `x`, and `k` targets of `dim` values.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'s> {
    pub x: &'s Buffer,
    pub c: &'s Buffer,
    /// Center and half norms; for [`above`], as many zeros as a row has values.
    pub aux: &'s Buffer,
    pub windows: Option<&'s Buffer>,
    pub first: usize,
    pub n: usize,
    pub k: usize,
    pub dim: usize,
}

impl Sides<'_> {
    fn check(&self, cubes: usize, aux: usize) -> Outcome<()> {
        let words = u32::MAX as usize;
        fits(&[
            ("rows", (self.first + self.n) * self.dim <= self.x.len() && self.x.len() <= words),
            ("targets", self.k * self.dim <= self.c.len() && self.c.len() <= words),
            ("center and half norms", aux <= self.aux.len()),
            ("windows", self.windows.is_none_or(|w| 2 * (cubes + self.n) <= w.len())),
        ])
    }
}

/// How a search scores: scale of the coordinates, and the margin as a polynomial of a row's norm.
#[derive(Clone, Copy)]
pub(crate) struct Scoring {
    pub scale: f32,
    pub margin: [f32; 3],
}

/// [`search::nearest`]; the first target is listed as `base`.
#[allow(clippy::too_many_arguments, reason = "a launch")]
pub(crate) fn nearest(
    link: &Link,
    plan: &Search,
    sides: Sides<'_>,
    scoring: Scoring,
    norms: &Buffer,
    best: &Buffer,
    found: &Buffer,
    base: usize,
    start: Start,
) -> Outcome<()> {
    let (cubes, Sides { n, k, dim, first, .. }) = (plan.cubes(sides.n), sides);
    sides.check(cubes, dim + k)?;
    fits(&[
        ("norms", first + n <= norms.len()),
        ("best", n <= best.len()),
        ("found", n * WORDS <= found.len()),
    ])?;
    link.launches()?;
    // SAFETY: the kernel reads x below (first + n) dim, c below k dim, aux below dim + k, norms below first + n, windows below
    // 2 (cubes + n) when `ranged`, and reads and writes best below n and found below n WORDS: all checked above.
    unsafe {
        search::nearest::launch_unchecked(
            &link.client,
            CubeCount::Static(cubes as u32, 1, 1),
            CubeDim::new_1d(plan.tile.units() as u32),
            sides.x.arg(),
            sides.c.arg(),
            sides.aux.arg(),
            norms.arg(),
            sides.windows.unwrap_or(sides.aux).arg(),
            best.arg(),
            found.arg(),
            scoring.scale,
            scoring.margin[0],
            scoring.margin[1],
            scoring.margin[2],
            first as u32,
            n as u32,
            k as u32,
            base as u32,
            dim as u32,
            cubes as u32,
            u32::from(sides.windows.is_some()),
            start as u32,
            plan.tile,
        );
    }
    Ok(())
}

/// [`definition::settle`] of the lists that [`nearest`] wrote for rows `first .. first + n` of `x` and all targets of `c`, both as
/// they are: no list names a target that `c` has not.
#[allow(clippy::too_many_arguments, reason = "a launch")]
pub(crate) fn settle(
    link: &Link,
    x: &Buffer,
    c: &Buffer,
    found: &Buffer,
    first: usize,
    n: usize,
    dim: usize,
    value: Value,
) -> Outcome<()> {
    fits(&[
        ("rows", (first + n) * dim <= x.len() && x.len() <= u32::MAX as usize),
        ("targets", c.len() <= u32::MAX as usize),
        ("found", n * WORDS <= found.len()),
    ])?;
    link.launches()?;
    // SAFETY: the kernel reads x below (first + n) dim, c at targets that are listed, see above, and changes found below n WORDS.
    unsafe {
        definition::settle::launch_unchecked(
            &link.client,
            CubeCount::Static(n.div_ceil(definition::UNITS as usize) as u32, 1, 1),
            CubeDim::new_1d(definition::UNITS),
            x.arg(),
            c.arg(),
            found.arg(),
            first as u32,
            n as u32,
            dim as u32,
            value,
        );
    }
    Ok(())
}

/// [`report::report`] of the lists of `n` rows; `counts` are two zeros.
pub(crate) fn report(
    link: &Link,
    found: &Buffer,
    slots: &Buffer,
    open: &Buffer,
    counts: &Buffer,
    n: usize,
) -> Outcome<()> {
    fits(&[
        ("found", n * WORDS <= found.len()),
        ("slots", n <= slots.len()),
        ("open rows", n * OPEN_WORDS <= open.len()),
        ("counts", counts.len() >= 2),
    ])?;
    link.launches()?;
    // SAFETY: the kernel reads found below n WORDS, counts in two words, of which the first was 0, and so writes open
    // below n OPEN_WORDS; slots below n.
    unsafe {
        report::report::launch_unchecked(
            &link.client,
            CubeCount::Static(n.div_ceil(report::UNITS as usize) as u32, 1, 1),
            CubeDim::new_1d(report::UNITS),
            found.arg(),
            slots.arg(),
            open.arg(),
            counts.arg(),
            n as u32,
        );
    }
    Ok(())
}

/// The two sides of a search by tensor cores, as `src/tensor.rs` makes them: `n` rows, and `k` targets of `dim` values.
pub(crate) struct HalfSides<'s> {
    pub x: &'s Buffer,
    pub facts: &'s Buffer,
    pub c: &'s Buffer,
    pub halves: &'s Buffer,
    pub scale: f32,
    pub margin: [f32; 4],
    pub n: usize,
    pub k: usize,
    pub dim: usize,
}

/// [`mma::nearest_mma`] or [`wgmma::nearest_wgmma`], of all rows, afresh; refused unless [`Limits::tensor`].
pub(crate) fn nearest_half(
    link: &Link,
    limits: &Limits,
    instruction: Instruction,
    sides: &HalfSides<'_>,
    best: &Buffer,
    found: &Buffer,
) -> Outcome<()> {
    if !limits.tensor {
        let report = "the device is not allowed to use its tensor cores".to_owned();
        return Err(GpuError::Failed { doing: "a launch", report });
    }
    let HalfSides { n, k, dim, .. } = *sides;
    let (row, index) = (words(dim), u32::MAX as usize);
    fits(&[
        ("rows", n.next_multiple_of(tensor::ROWS) * row <= sides.x.len() && sides.x.len() <= index),
        ("targets", k.next_multiple_of(tensor::TARGETS) * row <= sides.c.len() && sides.c.len() <= index),
        ("facts", n * FACTS <= sides.facts.len()),
        ("half norms", k <= sides.halves.len()),
        ("best", n <= best.len()),
        ("found", n * WORDS <= found.len()),
    ])?;
    link.launches()?;
    macro_rules! launched {
        ($kernel:path, $rows:expr) => {
            // SAFETY: the kernel reads x below n and c below k, each rounded up to whole tiles, facts below FACTS n and halves
            // below k, and writes best below n and found below n WORDS: all checked above.
            unsafe {
                use $kernel as kernel;
                kernel::launch_unchecked(
                    &link.client,
                    CubeCount::Static(n.div_ceil($rows) as u32, 1, 1),
                    CubeDim::new_1d(tensor::UNITS),
                    sides.x.fours(),
                    sides.c.fours(),
                    sides.halves.arg(),
                    sides.facts.arg(),
                    best.arg(),
                    found.arg(),
                    sides.scale,
                    sides.margin[0],
                    sides.margin[1],
                    sides.margin[2],
                    sides.margin[3],
                    0,
                    n as u32,
                    k as u32,
                    2 * row as u32,
                    1,
                )
            }
        };
    }
    match instruction {
        Instruction::Mma => launched!(mma::nearest_mma, tensor::ROWS),
        Instruction::Wgmma => launched!(wgmma::nearest_wgmma, wgmma::ROWS),
    };
    Ok(())
}

/// [`search::above`], into room for `pairs.len() / 2` pairs.
pub(crate) fn above(
    link: &Link,
    plan: &Search,
    sides: Sides<'_>,
    windows: &Buffer,
    limit: &Buffer,
    pairs: &Buffer,
    total: &Buffer,
) -> Outcome<()> {
    let sides = Sides { windows: Some(windows), ..sides };
    let (cubes, Sides { n, k, dim, first, .. }) = (plan.cubes(sides.n), sides);
    sides.check(cubes, dim)?;
    fits(&[("limits", n <= limit.len()), ("total", !total.is_empty())])?;
    link.launches()?;
    // SAFETY: as in `nearest`; the kernel reads limit below n, counts in the first word of total, and writes pairs below
    // twice the capacity only.
    unsafe {
        search::above::launch_unchecked(
            &link.client,
            CubeCount::Static(cubes as u32, 1, 1),
            CubeDim::new_1d(plan.tile.units() as u32),
            sides.x.arg(),
            sides.c.arg(),
            sides.aux.arg(),
            limit.arg(),
            windows.arg(),
            pairs.arg(),
            total.arg(),
            first as u32,
            n as u32,
            k as u32,
            dim as u32,
            cubes as u32,
            (pairs.len() / 2) as u32,
            plan.tile,
        );
    }
    Ok(())
}

/// [`search::norms`] of rows `first .. first + n` of `x`.
#[allow(clippy::too_many_arguments, reason = "a launch")]
pub(crate) fn norms(
    link: &Link,
    x: &Buffer,
    center: &Buffer,
    out: &Buffer,
    scale: f32,
    grow: f32,
    least: f32,
    first: usize,
    n: usize,
    dim: usize,
) -> Outcome<()> {
    fits(&[
        ("rows", (first + n) * dim <= x.len()),
        ("center", dim <= center.len()),
        ("norms", first + n <= out.len()),
    ])?;
    link.launches()?;
    // SAFETY: the kernel reads x below (first + n) dim and center below dim, and writes out below first + n.
    unsafe {
        search::norms::launch_unchecked(
            &link.client,
            CubeCount::Static(n.div_ceil(NORM_ROWS) as u32, 1, 1),
            CubeDim::new_1d((NORM_ROWS * NORM_LANES) as u32),
            x.arg(),
            center.arg(),
            out.arg(),
            scale,
            grow,
            least,
            first as u32,
            n as u32,
            dim as u32,
        );
    }
    Ok(())
}

/// [`gather::gather`] of all pairs. The caller has made them: their rows are below `x.len() / dim` and `out.len() / dim`.
pub(crate) fn gather(link: &Link, x: &Buffer, pairs: &Buffer, out: &Buffer, dim: usize) -> Outcome<()> {
    let n = pairs.len() / 2;
    let cubes = n.clamp(1, 1 << 14) as u32;
    link.launches()?;
    // SAFETY: pairs are read below 2 n, which is at most their length; x and out at the rows that they name, see above.
    unsafe {
        gather::gather::launch_unchecked(
            &link.client,
            CubeCount::Static(cubes, 1, 1),
            CubeDim::new_1d(gather::UNITS),
            x.arg(),
            pairs.arg(),
            out.arg(),
            n as u32,
            dim as u32,
            cubes,
        );
    }
    Ok(())
}

/// [`sums::add_runs`] of the runs `first .. first + n`. The caller has made the list and the runs: their rows are below
/// `x.len() / dim`, and their clusters below `words.len() / (PLANES dim)`.
#[allow(clippy::too_many_arguments, reason = "a launch")]
pub(crate) fn add_runs(
    link: &Link,
    x: &Buffer,
    list: &Buffer,
    runs: &Buffer,
    words: &Buffer,
    first: usize,
    n: usize,
    dim: usize,
) -> Outcome<()> {
    let plane = words.len() / sums::PLANES;
    fits(&[("runs", 3 * (first + n) <= runs.len()), ("sums", plane.is_multiple_of(dim))])?;
    link.launches()?;
    // SAFETY: runs are read below 3 (first + n); what they and the list name is in bounds, see above; columns are
    // checked against dim in the kernel.
    unsafe {
        sums::add_runs::launch_unchecked(
            &link.client,
            CubeCount::Static(n as u32, dim.div_ceil(sums::SLAB) as u32, 1),
            CubeDim::new_1d(sums::SLAB as u32),
            x.arg(),
            list.arg(),
            runs.arg(),
            words.arg(),
            first as u32,
            plane as u32,
            dim as u32,
        );
    }
    Ok(())
}

/// [`fill::fill`] of all of `out`, with a float or a word given by its bits.
pub(crate) fn fill(link: &Link, out: &Buffer, word: u32) -> Outcome<()> {
    fill_with(link, out, word, fill::UNITS)
}

/// The same with cubes of `units` units; more than the device has must be reported when `out` is read.
pub(crate) fn fill_with(link: &Link, out: &Buffer, word: u32, units: u32) -> Outcome<()> {
    let cubes = out.len().div_ceil(fill::UNITS as usize).clamp(1, 4096) as u32;
    link.launches()?;
    // SAFETY: the kernel writes below the length of out, however many units run.
    unsafe {
        fill::fill::launch_unchecked(
            &link.client,
            CubeCount::Static(cubes, 1, 1),
            CubeDim::new_1d(units),
            out.arg(),
            word,
            out.len() as u32,
            cubes,
        );
    }
    Ok(())
}
