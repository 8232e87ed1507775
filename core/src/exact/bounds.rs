//! Certificates: when a fast score may decide in place of the definition.
//!
//! A kernel computes a score z_ij of row i against target j whose order is that of the
//! definition but for rounding. This module bounds |z_ij - D_ij| + (error of the definition) by
//! E_ij, where D_ij is the real number that both approximate. If z_ij + E_ij < z_il - E_il, then
//! the definition, too, puts j before l, whatever the roundings were. All bounds are evaluated
//! in `f64` with a final factor 1 + 2^-20 that absorbs the roundings of the evaluation itself.
//!
//! **Notation.** u = 2^-24 for the `f32` kernel, 2^-53 for the `f64` kernel; w = the smallest
//! normal number of that type (results below it may be flushed, operands below it read as 0);
//! m = min(d, 512) + ceil(d / 512) + 2, the roundings on the longest path of the kernel's
//! summation (accumulators of 512 steps are added to a total; a product that is not fused adds one);
//! for other kernels see [`Summation`];
//! gamma = m u / (1 - m u); t = ceil(d / 16) + 4, the additions on the longest path of the
//! definition.
//!
//! **Euclidean.** D_ij = |C|²/2 - X.C with X = s (x - c0), C = s (c - c0) for a shift c0 and a
//! power of two s: half the squared distance, scaled by s², less |X|²/2, which is the same for all
//! j. The shift is what makes data far from the origin certifiable. The kernel sees X', C'
//! with norms A >= |X'|, B >= |C'|:
//! 1. X' = fl(fl(x - c0) s). The subtraction rounds once: relative error u of the difference.
//!    Subnormal operands and results cost at most w each, times s. So with r(A) = (1 + 2u)
//!    (u A + sqrt(d) (3 s + 1) w): |X' - X| <= r(A), |C' - C| <= r(B).
//! 2. |X'.C' - X.C| <= r(A) B + A r(B) + r(A) r(B).
//! 3. ||C'|²/2 - |C|²/2| <= (B + r(B)) r(B).
//! 4. The offset h = fl(|C'|²/2), summed in `f64`: error <= (u + (d + 2) 2^-53) B²/2 + w.
//! 5. The inner product p: error <= gamma A B + 2 (d + m) w (Cauchy-Schwarz over the products).
//! 6. z = fl(h - p): error <= u (B² + 2 A B) + w (B² and 2 A B cover h and p with their errors).
//! 7. The definition's squared distance has relative error <= (t + 4) 2^-53; in the units of D that
//!    is at most (t + 4) 2^-53 (A + r(A) + B + r(B))² / 2.
//!
//! **Cosine.** D_ij = -X.C with X = x / |x|, C = c / |c|.
//! 1. X' = fl(x g) with g = fl(1 / sqrt(dot(x, x))), or the same in `f64` then rounded, when |x|² lies
//!    outside [2^-60, 2^60]: relative error <= 2u + (t + 5) 2^-53 an element; subnormals cost
//!    <= 2^31 w an element. r = 2.01 u + (t + 5) 2^-53 + sqrt(d) 2^31 w; A = B = 1 + r.
//! 2. As in 2 and 5 above; h = 0, and 0 - p is exact.
//! 3. The definition: each of the three dot products has error <= t 2^-53 times the product of
//!    norms; product, square root and division round once each: <= (2 t + 6) 2^-53. The clamp
//!    only reduces the error.
//!
//! **Codes.** A screen writes the rows of the kernel as integers: X' = x^ + f with x^ = s q for a
//! scale s and codes q, likewise C' = c^ + g. Products of codes are exact integers p. With |f| <= e, |g| <= e':
//! 1. |X'.C' - s s' p| = |x^.g + f.C'| <= |x^| e' + e |C'|. Of the rest E is what it was: steps 1 to 4
//!    and 7 of the Euclidean bound, 1 and 3 of that for the cosine. That rest is K(a, b), for norms a >= |X'|, |x^| and
//!    b >= |C'|, |c^|.
//! 2. e and |x^| are measured with each row (simd/codes/coding.rs). Nothing is assumed of how codes were chosen.
//! 3. z = fl(h - s s' p), and every number with which a test compares it, is made in `f32` by few operations on
//!    numbers of at most M = b²/2 + 2 a b and of the error term t = |x^| e' + e |C'| + K (all thresholds are such sums).
//!    32 of them are granted: K holds 32 u M + 2^34 w (a product s s' that is flushed costs less than 2^31 w), and
//!    every t is multiplied by 1 + 2^-18, 64 u, before it is used.
//! 4. Two targets j and b, when C' is known more closely, as c^ + c~ with c~ = s~ q~ and a rest g of norm at most v:
//!    z_j - z_b, both lessened by s s~ p~, errs by f.(C'_j - C'_b) + x^.(g_j - g_b), that is by at most
//!    e |C'_j - C'_b| + |x^| (v_j + v_b) + 2 K. The error of the row meets the difference of the targets only.
//! 5. |C'_j - C'_b| <= |c^_j - c^_b| + e'_j + e'_b, and |c^_j - c^_b|² = s_j² q_j.q_j + s_b² q_b.q_b - 2 s_j s_b q_j.q_b,
//!    products of integers below 2^31 and scales of 24 bits in `f64`: each term has relative error 2 x 2^-53, and
//!    2^-50 (s_j |q_j| + s_b |q_b|)² covers the sum.
//!
//! **Leading dimensions.** P holds few vectors, nearly orthonormal: |P P' - I| <= D in the Frobenius norm. Q = P'(P P')^-1 P projects on their
//! span, so X.C = QX.QC + (X - QX).(C - QC), and with D' = D / (1 - D):
//! 1. QX.QC = (PX)'(P P')^-1 (PC) <= PX.PC + D' |PX| |PC|, and |X - QX|² <= |X|² - (1 - D') |PX|².
//! 2. The kernel finds a with |a - PX| <= r(X) = gamma |P| |X| + flush, where |P| is the Frobenius norm: each coordinate errs by at
//!    most gamma times the norms of its two sides.
//! 3. With n(X) >= |a| + r(X), at least |PX|, X.C exceeds a.b by at most r(X) n(C) + n(X) r(C) + D' n(X) n(C) + rho(X) rho(C), where
//!    rho(X)² = |X|² - (1 - D') max(0, |a| - r(X))².
//! 4. Codes stand for a and b as for any row. So in "Codes", step 1, the error of a row is e + r(X) + D' n(X), that of a target
//!    e' + r(C), their norms are n(X) and n(C), and z = h - s s' p - rho rho is a lower end only.
//!
//! A threshold test S > b with b in `f64` is certified by |S' - b| > E with the same E.
//! The one constant is checked, not trusted: the tests attack it with near-ties built to sit
//! just outside and just inside the bound.

use crate::exact::KERNEL_DEPTH;
use crate::exact::float::widen;

/// The order in which a kernel sums products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Summation {
    /// Products are added one after the other, in accumulators of so many steps that are added to a total.
    Blocks(usize),
    /// Products are added in any order: the machine's compiler or its matrix units choose.
    Any,
}

/// The arithmetic of a kernel.
///
/// # Example
/// ```
/// use pauca::exact::bounds::{Precision, Summation, cosine_error};
/// // A device whose f32 operations are right to one unit in the last place, in any order.
/// let device = Precision { unit: 2f64.powi(-23), summation: Summation::Any, ..Precision::F32 };
/// assert!(cosine_error(device, 384) > cosine_error(Precision::F32, 384));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Precision {
    /// The largest relative error of one operation: half the distance from 1 to the next number
    /// where it rounds to nearest.
    pub unit: f64,
    /// Smallest normal number.
    pub tiny: f64,
    /// The order of sums.
    pub summation: Summation,
}

impl Precision {
    /// The arithmetic of the `f32` kernel.
    pub const F32: Self = Self {
        unit: f64::from_bits((1023 - 24) << 52),
        tiny: f64::from_bits((1023 - 126) << 52),
        summation: Summation::Blocks(KERNEL_DEPTH),
    };
    /// The arithmetic of the `f64` kernel.
    pub const F64: Self = Self {
        unit: f64::from_bits((1023 - 53) << 52),
        tiny: f64::MIN_POSITIVE,
        summation: Summation::Blocks(KERNEL_DEPTH),
    };

    /// Roundings on the longest path of the kernel's summation over `d` steps.
    fn roundings(self, d: usize) -> f64 {
        match self.summation {
            Summation::Blocks(steps) => (d.min(steps) + d.div_ceil(steps.max(1)) + 2) as f64,
            // d products and d - 1 additions, each addend in at most all of these.
            Summation::Any => (d + 2) as f64,
        }
    }

    fn gamma(self, d: usize) -> f64 {
        let e = self.roundings(d) * self.unit;
        // Beyond 1/8 the bound means nothing; infinity certifies nothing.
        if e > 0.125 { f64::INFINITY } else { e / (1.0 - e) }
    }
}

const ABSORB: f64 = 1.0 + f64::from_bits((1023 - 20) << 52);
const U64: f64 = Precision::F64.unit;

fn truth_additions(d: usize) -> f64 {
    (d.div_ceil(16) + 4) as f64
}

/// Euclidean bound for targets of one kind, as a function of the two norms.
#[derive(Clone, Copy, Debug)]
pub struct Euclidean {
    p: Precision,
    gamma: f64,
    flush: f64,
    residue: f64,
    offset: f64,
    truth: f64,
}

impl Euclidean {
    /// The bound for rows of `d` values scaled by `scale`.
    pub fn new(p: Precision, d: usize, scale: f64) -> Self {
        let size = d as f64;
        Self {
            p,
            gamma: p.gamma(d),
            flush: (2.0 * (size + p.roundings(d)) + 2.0) * p.tiny,
            residue: libm::sqrt(size) * (3.0 * scale + 1.0) * p.tiny,
            offset: 0.5 * (p.unit + (size + 2.0) * U64),
            truth: 0.5 * (truth_additions(d) + 4.0) * U64,
        }
    }

    /// E for a row of norm at most `a` and a target of norm at most `b` (step 1 to 7).
    pub fn error(&self, a: f64, b: f64) -> f64 {
        let u = self.p.unit;
        let sum = self.before(a, b) + self.gamma * a * b + u * (b * b + 2.0 * a * b) + self.flush;
        sum * ABSORB
    }

    /// [`error`](Euclidean::error) for targets of norm at most `b` as a polynomial in the norm of the row: its
    /// coefficients `[e0, e1, e2]`, none of them negative, so that E = e0 + e1 a + e2 a². For a device that knows the
    /// norms of its rows.
    ///
    /// # Example
    /// ```
    /// use pauca::exact::bounds::{Euclidean, Precision};
    /// let bound = Euclidean::new(Precision::F32, 384, 1.0);
    /// let [e0, e1, e2] = bound.polynomial(2.0);
    /// let (a, ratio) = (3.0, |x: f64, y: f64| (x / y - 1.0).abs());
    /// assert!(ratio(e0 + e1 * a + e2 * a * a, bound.error(a, 2.0)) < 1e-6);
    /// ```
    pub fn polynomial(&self, b: f64) -> [f64; 3] {
        let u = self.p.unit;
        // r(a) = v a + r0, and the reach is (1 + v) a + rest.
        let v = (1.0 + 2.0 * u) * u;
        let r0 = (1.0 + 2.0 * u) * self.residue;
        let rb = v * b + r0;
        let rest = r0 + b + rb;
        let e0 = r0 * (b + rb)
            + (b + rb) * rb
            + self.offset * b * b
            + self.p.tiny
            + self.truth * rest * rest
            + u * b * b
            + self.flush;
        let e1 = v * (b + rb) + rb + 2.0 * self.truth * (1.0 + v) * rest + self.gamma * b + 2.0 * u * b;
        let e2 = self.truth * (1.0 + v) * (1.0 + v);
        [e0, e1, e2].map(|e| e * ABSORB)
    }

    /// What no kernel changes: coordinates, offset, and the definition (steps 1 to 4 and 7).
    fn before(&self, a: f64, b: f64) -> f64 {
        let u = self.p.unit;
        let r = |norm: f64| (1.0 + 2.0 * u) * (u * norm + self.residue);
        let (ra, rb) = (r(a), r(b));
        let reach = a + ra + b + rb;
        ra * b
            + a * rb
            + ra * rb
            + (b + rb) * rb
            + self.offset * b * b
            + self.p.tiny
            + self.truth * reach * reach
    }
}

/// The scale s of Euclidean coordinates: the power of two that brings the largest norm of the targets into
/// [2^30, 2^31), within what `f32` can hold; 1 where the norm is 0 or not finite. Any scale gives the same answers.
///
/// # Example
/// ```
/// use pauca::exact::bounds::scale_for;
/// assert_eq!((scale_for(1.5), scale_for(0.0)), (2f32.powi(30), 1.0));
/// ```
pub fn scale_for(largest: f64) -> f32 {
    if largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let exponent = (largest.to_bits() >> 52) as i32 - 1023;
    let shift = (30 - exponent).clamp(-110, 110);
    f32::from_bits(((127 + shift) as u32) << 23)
}

/// Cosine bound: one number for all pairs of rows of `d` values.
pub fn cosine_error(p: Precision, d: usize) -> f64 {
    let (size, norm) = (d as f64, 1.0 + unit_error(p, d));
    let sum = cosine_before(p, d) + p.gamma(d) * norm * norm + 2.0 * (size + p.roundings(d)) * p.tiny;
    sum * ABSORB
}

/// By how much a row of the kernel may differ from the unit row (step 1).
fn unit_error(p: Precision, d: usize) -> f64 {
    let (size, t) = (d as f64, truth_additions(d));
    2.01 * p.unit + (t + 5.0) * U64 + libm::sqrt(size) * f64::from_bits((1023 + 31) << 52) * p.tiny
}

/// What no kernel changes: coordinates and the definition (steps 1, 2 and 3).
fn cosine_before(p: Precision, d: usize) -> f64 {
    let r = unit_error(p, d);
    2.0 * r * (1.0 + r) + r * r + (2.0 * truth_additions(d) + 6.0) * U64
}

/// The bounds of leading dimensions, for one basis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leading {
    /// D'.
    defect: f64,
    /// gamma |P|.
    product: f64,
    flush: f64,
}

/// A row in leading dimensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lead {
    /// n(X).
    pub norm: f64,
    /// r(X).
    pub error: f64,
    /// rho(X).
    pub rho: f64,
}

impl Leading {
    /// The bounds of `size` vectors of `d` values, where |P P' - I| is at most `defect` and the squares of all values sum to
    /// `squares`. None for vectors that are far from orthonormal.
    pub fn new(d: usize, size: usize, defect: f64, squares: f64) -> Option<Self> {
        let p = Precision::F32;
        let product = p.gamma(d) * libm::sqrt(squares) * ABSORB;
        let flush = 2.0 * (d as f64 + p.roundings(d)) * p.tiny * libm::sqrt(size as f64);
        let defect = (defect < 0.5).then(|| defect / (1.0 - defect) * ABSORB)?;
        product.is_finite().then_some(Self { defect, product, flush })
    }

    /// D'.
    pub fn defect(&self) -> f64 {
        self.defect
    }

    /// A row of norm at most `norm`, whose leading coordinates have a norm between `least` and `most`.
    pub fn of(&self, norm: f64, least: f64, most: f64) -> Lead {
        let error = (self.product * norm + self.flush) * ABSORB;
        let inside = (least - error).max(0.0);
        let outside = norm * norm * ABSORB - (1.0 - self.defect) * inside * inside / ABSORB;
        Lead { norm: (most + error) * ABSORB, error, rho: libm::sqrt(outside.max(0.0)) * ABSORB }
    }
}

/// The bounds of a screen of codes, for searches of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Codes {
    Euclidean(Euclidean),
    /// What no kernel changes, and the largest norm of a row.
    Cosine {
        before: f64,
        norm: f64,
    },
}

impl Codes {
    /// Operations in `f32` that stand between exact integers and a test (step 3).
    const ROUNDINGS: f64 = 32.0;
    /// What an error term is multiplied by before it is used (step 3).
    pub const GROWN: f32 = 1.0 + f32::from_bits((127 - 18) << 23);

    /// The bounds for Euclidean rows of `d` values scaled by `scale`.
    pub fn euclidean(d: usize, scale: f64) -> Self {
        Self::Euclidean(Euclidean::new(Precision::F32, d, scale))
    }

    /// The bounds for unit rows of `d` values.
    pub fn cosine(d: usize) -> Self {
        let before = cosine_before(Precision::F32, d);
        let norm = 1.0 + unit_error(Precision::F32, d);
        Self::Cosine { before, norm }
    }

    /// The norm of a row of the kernel, where `norm` is what is known of it.
    pub fn norm(&self, norm: f64) -> f64 {
        match self {
            Self::Euclidean(_) => norm,
            Self::Cosine { norm: largest, .. } => norm * largest,
        }
    }

    /// K(a, b) (steps 1 and 3).
    pub fn rest(&self, a: f64, b: f64) -> f64 {
        let (before, half) = match self {
            Self::Euclidean(bound) => (bound.before(a, b), 0.5 * b * b),
            Self::Cosine { before, .. } => (*before, 0.0),
        };
        let p = Precision::F32;
        let flushed = f64::from_bits((1023 + 34) << 52) * p.tiny;
        (before + Self::ROUNDINGS * p.unit * (half + 2.0 * a * b) + flushed) * ABSORB
    }

    /// The distance of two coded targets, each (scale, sum of the squares of its codes), whose codes have the
    /// product `product` (step 5).
    pub fn between(a: (f32, u64), b: (f32, u64), product: i32) -> f64 {
        let (s, t) = (widen(a.0), widen(b.0));
        let (aa, bb) = (s * s * a.1 as f64, t * t * b.1 as f64);
        let square = aa + bb - 2.0 * s * t * f64::from(product);
        // (x + y)² <= 2 (x² + y²).
        libm::sqrt(square.max(0.0) + 8.0 * f64::EPSILON * 2.0 * (aa + bb)) * ABSORB
    }
}
