//! CLIPScore: how well a text fits its picture.
//!
//! score = w S, or w max(S, 0) when clipped, with S the cosine of the two embeddings. The survey
//! of Bordes et al. 2024 (section 3.1) means the plain cosine (w = 1, not clipped); Hessel et al.
//! 2021 scale by w = 2.5 and clip at 0, so that scores of good captions fill [0, 1]. Other tools
//! use 100 and clip. The scale changes no ranking; the clip makes ties, so both have names.

use ndarray::{Array1, ArrayView2};

use crate::check;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::finite;
use crate::exact::{self, cosine_from, dot64};
use crate::memory::{try_collect, try_vec};
use crate::params::{choices, setters};
use crate::rows::{Element, IntoRows, Rows, row_of, with_view};

/// Pairs of one job.
const CHUNK: usize = 1024;

/// What happens with a pair of which one row is all zeros and has no direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ZeroRows {
    /// The pair is an error, [`Error::ZeroRow`]. The default: such a row is mostly a failed embedding.
    Refuse,
    /// The pair has the cosine 0, as everywhere in this library, and is counted.
    Zero,
}

choices!(ZeroRows: Refuse, Zero);

/// The score of image-text pairs: parameters.
///
/// # Example
/// ```
/// use pauca::alignment::ClipScore;
/// let images = ndarray::array![[3.0f32, 4.0], [1.0, 0.0]];
/// let texts = ndarray::array![[4.0f32, 3.0], [-1.0, 0.0]];
/// let found = ClipScore::survey().score(&images, &texts)?;
/// assert_eq!(found.scores.to_vec(), [0.96, -1.0]);
/// let found = ClipScore::hessel().score(&images, &texts)?;
/// assert_eq!(found.scores.to_vec(), [2.4, 0.0]);
/// assert_eq!(found.mean, 1.2);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipScore {
    weight: f64,
    clip: bool,
    zero_rows: ZeroRows,
}

/// The scores of pairs. Tier A.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PairScores {
    /// `[n]`: the score of pair i.
    pub scores: Array1<f64>,
    /// The exact mean of the scores, rounded once for the sum and once for the division.
    pub mean: f64,
    /// Pairs with a row of zeros, scored by cosine 0.
    pub zero_rows: u64,
}

impl ClipScore {
    /// Plain cosine: w = 1, not clipped (Bordes et al. 2024, section 3.1).
    pub fn survey() -> Self {
        Self { weight: 1.0, clip: false, zero_rows: ZeroRows::Refuse }
    }

    /// 2.5 max(cosine, 0) (Hessel et al. 2021, section 3).
    pub fn hessel() -> Self {
        Self { weight: 2.5, clip: true, zero_rows: ZeroRows::Refuse }
    }

    setters! {
        /// The factor w; finite and above 0.
        weight: f64;
        /// Whether a negative cosine scores 0.
        clip_negative(clip: bool) { clip = clip }
        /// What happens with rows of zeros.
        zero_rows: ZeroRows;
    }

    /// The score of a pair whose cosine is known.
    ///
    /// ```
    /// assert_eq!(pauca::alignment::ClipScore::hessel().of_cosine(0.5), 1.25);
    /// ```
    pub fn of_cosine(&self, cosine: f64) -> f64 {
        if self.clip && cosine <= 0.0 { 0.0 } else { self.weight * cosine }
    }

    /// The score of every pair (row i of `images`, row i of `texts`).
    ///
    /// w S(x_i, y_i), clipped at 0 where asked. *Source*: see the type.
    /// # Shapes
    /// images, texts: [n, d]; scores: `[n]`.
    /// # Units
    /// Cosine times w: in [-w, w], clipped in [0, w]. Tier A.
    /// # Ties, NaN
    /// A NaN row is an error; rows of zeros follow [`ZeroRows`].
    /// # Errors
    /// `Empty`, `ShapeMismatch`, `NonFinite` naming "images" or "texts", `ZeroRow`,
    /// `InvalidParameter` for the weight, `OutOfMemory`.
    /// # Cost
    /// O(n d), 8 n bytes. Pairs are independent: blocks of them may be scored apart.
    pub fn score<'a, 'b>(&self, images: impl IntoRows<'a>, texts: impl IntoRows<'b>) -> Result<PairScores> {
        self.score_in(&images.into_rows()?, &texts.into_rows()?, &Context::default())
    }

    /// [`score`](ClipScore::score), watched and on chosen threads.
    ///
    /// # Errors
    /// As [`score`](ClipScore::score), and `Cancelled`.
    pub fn score_in(&self, images: &Rows<'_>, texts: &Rows<'_>, cx: &Context) -> Result<PairScores> {
        check::positive("weight", self.weight)?;
        check_sides(images, texts)?;
        check::same_length("rows of texts", images.n_rows(), texts.n_rows())?;
        with_view!(images, x => with_view!(texts, y => self.run(x, y, cx)))
    }

    fn run<X: Element, Y: Element>(
        &self,
        images: &ArrayView2<'_, X>,
        texts: &ArrayView2<'_, Y>,
        cx: &Context,
    ) -> Result<PairScores> {
        let (n, d) = images.dim();
        let mut scores = try_vec(n, 0.0f64)?;
        let mut jobs = try_collect(
            scores
                .chunks_mut(CHUNK)
                .enumerate()
                .map(|(c, out)| Job::new(Part { first: c * CHUNK, out, zeros: 0 })),
        )?;
        cx.in_waves(&mut jobs, 3 * (CHUNK * d) as u64, |part| {
            let (mut a, mut b) = (try_vec(d, 0.0f32)?, try_vec(d, 0.0f32)?);
            for (k, out) in part.out.iter_mut().enumerate() {
                let row = part.first + k;
                let x = checked(row_of(images, row, &mut a), "images", row)?;
                let y = checked(row_of(texts, row, &mut b), "texts", row)?;
                let (xx, yy) = (dot64(x, x), dot64(y, y));
                if xx == 0.0 || yy == 0.0 {
                    check::direction(row as u64, self.zero_rows == ZeroRows::Refuse)?;
                    part.zeros += 1;
                }
                *out = self.of_cosine(cosine_from(dot64(x, y), xx, yy));
            }
            Ok(())
        })?;
        let zero_rows = jobs.iter().map(|job| job.work.zeros).sum();
        drop(jobs);
        let mean = exact::sum(scores.iter().copied()) / n as f64;
        Ok(PairScores { mean, scores: Array1::from_vec(scores), zero_rows })
    }
}

struct Part<'a> {
    first: usize,
    out: &'a mut [f64],
    zeros: u64,
}

/// `row` itself, when all its values are finite.
pub(super) fn checked<'r>(row: &'r [f32], what: &'static str, i: usize) -> Result<&'r [f32]> {
    match row.iter().position(|v| !finite(*v)) {
        None => Ok(row),
        Some(col) => Err(Error::NonFinite { what, row: i as u64, col }),
    }
}

/// Both sides have rows, values, and the same number of these; their rows can be numbered by u32.
pub(super) fn check_sides(x: &Rows<'_>, y: &Rows<'_>) -> Result<()> {
    for (what, rows, dim) in [("x", x.n_rows(), x.dim()), ("y", y.n_rows(), y.dim())] {
        check::not_empty(what, rows.min(dim))?;
        check::at_most("rows of one call", rows, u32::MAX as usize - 1)?;
    }
    check::same_length("columns of y", x.dim(), y.dim())
}
