//! The definitions: distances and similarities in `f64`, in one fixed order of operations.
//!
//! **Order.** Both rows are widened to `f64` (exact). Element `i` is added to lane `i mod 16`;
//! the lanes start at +0.0 and are then folded: lane `l` takes lane `l + w` for w = 8, 4, 2, 1.
//! Rust never fuses a multiplication with an addition, so every machine computes the same bits.
//!
//! - dot: products of two `f32` are exact in `f64`, so it would not matter if they were fused.
//! - squared distance: `e = a - b`, then `acc + e * e`, two roundings. Never
//!   |a|² - 2ab + |b|²: that cancels where it matters most.
//! - cosine: dot(x, y) / sqrt(dot(x, x) dot(y, y)), clamped to [-1, 1]. With this formula
//!   S(x, x) is exactly 1 (the square root of a square is exact); dot / (|x| |y|) is not. 0 where
//!   either norm is 0.
//!
//! Zero padding, sign flips and scaling by powers of two change no bit; permuting columns may.

use crate::exact::float::{narrow, subnormal, widen};
use crate::params::choices;

/// Lanes of the fixed order.
pub const LANES: usize = 16;

/// The end of the order: sixteen lanes become one sum.
#[inline(always)]
pub(crate) fn fold(mut lanes: [f64; LANES]) -> f64 {
    for w in [8, 4, 2, 1] {
        for l in 0..w {
            lanes[l] += lanes[l + w];
        }
    }
    lanes[0]
}

/// What a row of the fixed order holds.
pub(crate) trait Value: Copy {
    /// In `f64`, under any denormal flags.
    fn wide(self) -> f64;
    /// In `f64`, by the machine's conversion.
    fn converted(self) -> f64;
    /// Whether the machine's conversion would do under any denormal flags.
    fn plain(self) -> bool;
}

impl Value for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        widen(self)
    }

    #[inline(always)]
    fn converted(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn plain(self) -> bool {
        !subnormal(self)
    }
}

impl Value for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn converted(self) -> f64 {
        self
    }

    #[inline(always)]
    fn plain(self) -> bool {
        true
    }
}

#[inline(always)]
fn all_plain<T: Value>(values: &[T; LANES]) -> bool {
    let mut special = 0u32;
    for x in values {
        special |= u32::from(!x.plain());
    }
    special == 0
}

/// `sum f(a_i, b_i)` in the fixed order; `add(lane, a, b)` makes one step of widened values. The machine converts the sixteen of
/// a step where none is subnormal: bit by bit takes three times as long.
#[inline(always)]
pub(crate) fn strided<T: Value>(a: &[T], b: &[T], add: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let n = a.len().min(b.len());
    let mut lanes = [0.0; LANES];
    let (a_body, a_tail) = a[..n].as_chunks::<LANES>();
    let (b_body, b_tail) = b[..n].as_chunks::<LANES>();
    for (x, y) in a_body.iter().zip(b_body) {
        if all_plain(x) & all_plain(y) {
            for l in 0..LANES {
                lanes[l] = add(lanes[l], x[l].converted(), y[l].converted());
            }
        } else {
            for l in 0..LANES {
                lanes[l] = add(lanes[l], x[l].wide(), y[l].wide());
            }
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(a_tail.iter().zip(b_tail)) {
        *lane = add(*lane, x.wide(), y.wide());
    }
    fold(lanes)
}

/// Dot product in the fixed order. Tier A.
///
/// Slices of different lengths are compared over the shorter one (zero padding changes no bit).
///
/// ```
/// assert_eq!(pauca::exact::dot64(&[3.0, 4.0], &[4.0, 3.0]), 24.0);
/// let mut long = [0.0; 17];
/// long[0] = 2.0;
/// assert_eq!(pauca::exact::dot64(&long, &[3.0]), 6.0);
/// ```
pub fn dot64(a: &[f32], b: &[f32]) -> f64 {
    dot64_inline(a, b)
}

/// [`dot64`], compiled for the instruction set of the function that calls it.
#[inline(always)]
pub(crate) fn dot64_inline(a: &[f32], b: &[f32]) -> f64 {
    strided(a, b, |lane, x, y| lane + x * y)
}

/// Squared Euclidean distance in the fixed order. Tier A.
///
/// ```
/// assert_eq!(pauca::exact::squared_distance(&[1.0, 5.0], &[4.0, 1.0]), 25.0);
/// ```
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    squared_distance_inline(a, b)
}

/// [`squared_distance`], compiled for the instruction set of the function that calls it.
#[inline(always)]
pub(crate) fn squared_distance_inline(a: &[f32], b: &[f32]) -> f64 {
    strided(a, b, |lane, x, y| {
        let e = x - y;
        lane + e * e
    })
}

/// Cosine similarity in [-1, 1]; 0 where either row is all zeros. Tier A.
///
/// ```
/// assert_eq!(pauca::exact::cosine(&[3.0, 4.0], &[4.0, 3.0]), 0.96);
/// assert_eq!(pauca::exact::cosine(&[0.1, 0.7], &[0.1, 0.7]), 1.0);
/// assert_eq!(pauca::exact::cosine(&[0.0, 0.0], &[0.1, 0.7]), 0.0);
/// ```
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    cosine_from(dot64(a, b), dot64(a, a), dot64(b, b))
}

/// Cosine from the three dot products of [`dot64`]: x with y, x with x, y with y; 0 where one of
/// the last two is 0. Tier A.
///
/// ```
/// assert_eq!(pauca::exact::cosine_from(24.0, 25.0, 25.0), 0.96);
/// ```
#[inline]
pub fn cosine_from(ab: f64, aa: f64, bb: f64) -> f64 {
    if aa == 0.0 || bb == 0.0 {
        return 0.0;
    }
    (ab / libm::sqrt(aa * bb)).clamp(-1.0, 1.0)
}

/// How close two rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Squared Euclidean distance, [`squared_distance`].
    SqEuclidean,
    /// Cosine distance, 1 - [`cosine`].
    Cosine,
}

choices!(
    /// A third would ask more of every backend, so matches may count on them.
    [Metric]: SqEuclidean "euclidean", Cosine "cosine");

impl Metric {
    /// The distance of two rows; `xx` and `yy` are their dot products with themselves.
    #[inline(always)]
    pub(crate) fn distance(self, x: &[f32], y: &[f32], xx: f64, yy: f64) -> f64 {
        match self {
            Metric::SqEuclidean => squared_distance(x, y),
            Metric::Cosine => 1.0 - cosine_from(dot64(x, y), xx, yy),
        }
    }
}

/// The dot product of two `f64` rows in the fixed order (products rounded, never fused): the
/// norm of an exact sum.
pub(crate) fn dot_wide(a: &[f64], b: &[f64]) -> f64 {
    strided(a, b, |lane, x, y| lane + x * y)
}

/// The squared distance of two `f64` rows in the fixed order (differences and squares rounded,
/// never fused).
pub(crate) fn squared_distance_wide(a: &[f64], b: &[f64]) -> f64 {
    strided(a, b, |lane, x, y| {
        let e = x - y;
        lane + e * e
    })
}

/// Writes the unit row f32(x / sqrt(dot(x, x))), zeros for a row of zeros; `square` is dot(x, x). Tier A.
///
/// ```
/// let mut unit = [0.0; 2];
/// pauca::exact::unit_row(&[3.0, 4.0], 25.0, &mut unit);
/// assert_eq!(unit, [0.6, 0.8]);
/// ```
pub fn unit_row(row: &[f32], square: f64, out: &mut [f32]) {
    if square == 0.0 {
        out.fill(0.0);
        return;
    }
    let norm = libm::sqrt(square);
    for (o, x) in out.iter_mut().zip(row) {
        *o = narrow(widen(*x) / norm);
    }
}
