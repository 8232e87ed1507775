//! The angle between two rows by its half.

use crate::exact::elementary::half_turns;
use crate::exact::float::widen;
use crate::exact::{dot64, strided};

use super::LayerMetric;

/// Rows whose 1 - |cos| is below this are compared by differences.
const NEAR: f64 = 1.0 / 8192.0;

/// The angle between `x` and `y` in half turns: 0 for the same direction, 1/2 for orthogonal rows,
/// 1 for opposite ones; `None` where either is all zeros or holds a NaN or an infinity. Tier A.
///
/// (2 / pi) atan(sqrt(a / b)) with tan²(theta / 2) = a / b: quotient and root each rounded once,
/// then the arctangent in half turns correctly rounded. With p = sqrt(dot(x, x) dot(y, y)),
/// s = dot(x, y) and the sums in the order of [`dot64`](crate::exact::dot64)
/// - a = p - s and b = p + s where p - |s| >= p / 8192, else
/// - a = sum (|x| y_i - |y| x_i)², b = 4 dot(x, x) dot(y, y) - a where s > 0,
/// - b = sum (|x| y_i + |y| x_i)², a = 4 dot(x, x) dot(y, y) - b where s < 0; except that rows that
///   are exact multiples of one another (x_i y_j = x_j y_i for all i, j) have a = 0 or b = 0.
///
/// The relative error is below 1e-9 (d / 16 + 8) / 500 for angles down to 1e-6. Symmetric, and
/// unchanged when a row is scaled by a power of two, to the bit. Slices of different lengths are
/// compared over the shorter one. *Source*: Gromov et al. 2024, equation 7; the half-angle form is
/// Kahan's.
///
/// ```
/// use pauca::layers::angular_distance;
/// assert_eq!(angular_distance(&[1.0, 0.0], &[1.0, 1.0]), Some(0.25));
/// assert_eq!(angular_distance(&[1.0, 2.0], &[3.0, 6.0]), Some(0.0));
/// assert_eq!(angular_distance(&[1.0, 2.0], &[-1.0, -2.0]), Some(1.0));
/// assert_eq!(angular_distance(&[1.0, 2.0], &[0.0, 0.0]), None);
/// ```
pub fn angular_distance(x: &[f32], y: &[f32]) -> Option<f64> {
    distance(x, y, LayerMetric::Angular)
}

/// 1 - cos of the angle between `x` and `y`, from 0 to 2, as 2 a / (a + b) with a and b as for
/// [`angular_distance`]: near 0 it keeps its relative precision, which 1 - cos loses. `None` as
/// there. Tier A.
///
/// ```
/// use pauca::layers::cosine_distance;
/// assert_eq!(cosine_distance(&[1.0, 0.0], &[0.0, 1.0]), Some(1.0));
/// assert_eq!(cosine_distance(&[1.0, 2.0], &[-3.0, -6.0]), Some(2.0));
/// ```
pub fn cosine_distance(x: &[f32], y: &[f32]) -> Option<f64> {
    distance(x, y, LayerMetric::Cosine)
}

fn distance(x: &[f32], y: &[f32], metric: LayerMetric) -> Option<f64> {
    let d = x.len().min(y.len());
    let (x, y) = (x.get(..d)?, y.get(..d)?);
    let (xx, yy) = (dot64(x, x), dot64(y, y));
    let defined = xx > 0.0 && yy > 0.0 && xx.is_finite() && yy.is_finite();
    defined.then(|| {
        let dots = [xx, yy, dot64(x, y)];
        let chords = Chords::far(dots).unwrap_or_else(|| Chords::near(x, y, dots));
        match metric {
            LayerMetric::Angular => half_turns(chords.tangent()),
            LayerMetric::Cosine => chords.cosine_distance(),
        }
    })
}

/// Squares of the chords of the angle and of its supplement, to a common scale:
/// tan²(theta / 2) = a / b.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chords {
    a: f64,
    b: f64,
}

impl Chords {
    /// The chords of two finite rows, neither all zeros, from their dot products xx, yy, xy; `None` where
    /// these say too little and [`near`](Chords::near) is called for.
    #[inline]
    pub(crate) fn far([xx, yy, xy]: [f64; 3]) -> Option<Self> {
        let p = libm::sqrt(xx * yy);
        (p - xy.abs() >= p * NEAR).then_some(Self { a: p - xy, b: p + xy })
    }

    /// The chords from the rows themselves.
    #[cold]
    pub(crate) fn near(x: &[f32], y: &[f32], [xx, yy, xy]: [f64; 3]) -> Self {
        let (nx, ny) = (libm::sqrt(xx), libm::sqrt(yy));
        let whole = 4.0 * (xx * yy);
        let sign = if xy > 0.0 { -1.0 } else { 1.0 };
        let small = if multiples(x, y) {
            0.0
        } else {
            strided(x, y, |lane, x, y| {
                let e = nx * y + sign * (ny * x);
                lane + e * e
            })
        };
        if xy > 0.0 { Self { a: small, b: whole - small } } else { Self { a: whole - small, b: small } }
    }

    /// tan(theta / 2).
    #[inline]
    pub(crate) fn tangent(self) -> f64 {
        libm::sqrt(self.a / self.b)
    }

    /// 1 - cos theta.
    #[inline]
    pub(crate) fn cosine_distance(self) -> f64 {
        2.0 * self.a / (self.a + self.b)
    }
}

/// Whether the rows are exact multiples of one another: products of two `f32` are exact.
fn multiples(x: &[f32], y: &[f32]) -> bool {
    let Some((p, q)) = x.iter().zip(y).map(|(&x, &y)| (widen(x), widen(y))).find(|(x, _)| *x != 0.0) else {
        return false;
    };
    x.iter().zip(y).all(|(&x, &y)| widen(x) * q == widen(y) * p)
}
