//! The sums of a few columns for a few clusters: what one task owns.

use alloc::vec::Vec;
use core::ops::Range;

use super::{MAX_PENDING, balanced};
use crate::check;
use crate::error::{Error, Result};
use crate::exact::float::widen;
use crate::memory::try_vec;

/// Digits of f32 values: 2^-160 (b = -5) up to 2^128.
pub(super) const DIGITS: usize = 9;
/// Digits of products of two f32: 2^-320 (b = -10) up to 2^256.
pub(super) const WEIGHTED_DIGITS: usize = 18;

/// What differs when weights come to sums made without.
pub(crate) const UNWEIGHTED: &str = "weights (these sums were made for rows without)";

/// What a fast addition may add to a digit, in addends below 2^32: it takes |x| < 2^16 into the
/// digit of 2^-32.
const FAST_COST: u32 = 1 << 16;

/// 1.5 * 2^52 q rounds what is added to it to a multiple of q, and the difference of the bits is
/// that multiple: with 1.5 the binade is not left on either side.
pub(crate) const fn magic(q: i32) -> f64 {
    f64::from_bits((1023 + 52 + q as i64) as u64 * (1 << 52) + (1 << 51))
}

/// Exact sums of a range of columns for a range of clusters. Plane b holds the digit b of all of them, and is
/// allocated when first touched.
pub(crate) struct Chunk {
    clusters: Range<usize>,
    columns: Range<usize>,
    /// The lowest digit counts multiples of 2^(32 base).
    base: i32,
    /// Each empty or of clusters * width, cluster by cluster.
    planes: Vec<Vec<i64>>,
    /// Addends below 2^32 since the last carry, a cluster.
    pending: Vec<u32>,
}

/// Whether all values are 0 or of an ordinary magnitude: below 2^16, and with 24 bits a multiple
/// of 2^-64.
#[inline(always)]
pub(crate) fn ordinary(values: &[f32]) -> bool {
    const LOW: u32 = (127 - 41) << 23;
    const SPAN: u32 = (41 + 16) << 23;
    let odd = |x: &f32| {
        let magnitude = x.to_bits() & 0x7fff_ffff;
        u32::from(magnitude.wrapping_sub(LOW) >= SPAN) & u32::from(magnitude != 0)
    };
    values.iter().fold(0, |any, x| any | odd(x)) == 0
}

/// Whether all products with `w`, which have 48 bits, fit on three digits. A subnormal value is not
/// ordinary, whatever the product.
#[inline(always)]
pub(crate) fn ordinary_products(values: &[f32], w: f64) -> bool {
    const LOW: f64 = f64::from_bits((1023 - 49) << 52);
    const LIMIT: f64 = 65536.0;
    let fine = |x: &f32| {
        let product = (*x as f64 * w).abs();
        let magnitude = x.to_bits() & 0x7fff_ffff;
        let value = (magnitude == 0) | (magnitude >= 0x0080_0000);
        value & ((product == 0.0) | (LOW..LIMIT).contains(&product))
    };
    values.iter().fold(true, |all, x| all & fine(x))
}

/// Significand and exponent of an f64 that is 0 or normal: |x| = m 2^e with m odd or 0, so that e
/// is not below that of the lowest bit set.
#[inline(always)]
fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits() << 1 >> 1;
    if bits == 0 {
        return (0, 0);
    }
    let m = bits & ((1 << 52) - 1) | 1 << 52;
    let zeros = m.trailing_zeros();
    (m >> zeros, (bits >> 52) as i32 - 1075 + zeros as i32)
}

impl Chunk {
    pub(super) fn new(clusters: Range<usize>, columns: Range<usize>, weighted: bool) -> Result<Self> {
        let digits = if weighted { WEIGHTED_DIGITS } else { DIGITS };
        let mut planes = crate::memory::try_capacity(digits)?;
        planes.resize_with(digits, Vec::new);
        let pending = try_vec(clusters.len(), 0)?;
        Ok(Self { clusters, columns, base: if weighted { -10 } else { -5 }, planes, pending })
    }

    /// Empty sums of the same shape.
    pub(crate) fn alike(&self) -> Result<Self> {
        Self::new(self.clusters.clone(), self.columns.clone(), self.is_weighted())
    }

    /// The clusters whose rows this chunk sums.
    pub(crate) fn clusters(&self) -> Range<usize> {
        self.clusters.clone()
    }

    /// The columns of the rows that this chunk sums.
    pub(crate) fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// Allocates the planes of ordinary magnitudes, so that a large allocation fails here.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        let lowest = if self.is_weighted() { -3 } else { -2 };
        (lowest..0).try_for_each(|b| self.touch(self.plane(b)))
    }

    fn is_weighted(&self) -> bool {
        self.planes.len() == WEIGHTED_DIGITS
    }

    /// Index of the plane of multiples of 2^(32 b).
    #[inline(always)]
    fn plane(&self, b: i32) -> usize {
        (b - self.base) as usize
    }

    fn touch(&mut self, plane: usize) -> Result<()> {
        if self.planes[plane].is_empty() {
            self.planes[plane] = try_vec(self.clusters.len() * self.columns.len(), 0)?;
        }
        Ok(())
    }

    /// Where the digits of a cluster of this chunk lie in a plane.
    #[inline(always)]
    fn digits_of(&self, local: usize) -> Range<usize> {
        let width = self.columns.len();
        local * width..(local + 1) * width
    }

    /// The position of `cluster` in this chunk, after room was made for a fast addition.
    #[inline(always)]
    fn enter(&mut self, cluster: usize, width: usize) -> Result<usize> {
        if !self.clusters.contains(&cluster) {
            let (what, expected) = ("cluster", self.clusters.end);
            return Err(Error::ShapeMismatch { what, expected, found: cluster });
        }
        let (expected, local) = (self.columns.len(), cluster - self.clusters.start);
        check::same_length("columns of the chunk", expected, width)?;
        if self.pending[local] > MAX_PENDING - FAST_COST {
            self.carry(local)?;
        }
        Ok(local)
    }

    /// The digits of 2^-32, 2^-64 and so on of `cluster`, highest first, for one fast addition or subtraction of
    /// [ordinary] values; none before the chunk is [prepared](Chunk::prepare).
    ///
    /// # Errors
    /// As [`add`](Chunk::add).
    #[inline]
    pub(crate) fn for_one_more<const N: usize>(&mut self, cluster: usize) -> Result<Option<[&mut [i64]; N]>> {
        let local = self.enter(cluster, self.columns.len())?;
        let (range, top) = (self.digits_of(local), self.plane(0));
        let mut planes = self.planes[..top].iter_mut().rev();
        let digits: [&mut [i64]; N] = core::array::from_fn(|_| match planes.next() {
            Some(plane) if !plane.is_empty() => &mut plane[range.clone()],
            _ => &mut [],
        });
        if digits.iter().any(|digits| digits.is_empty()) {
            return Ok(None);
        }
        self.pending[local] += FAST_COST;
        Ok(Some(digits))
    }

    /// Adds the chunk's columns of one row to `cluster` (`sign` +1) or takes them away (-1). The
    /// sums are unchanged after an error.
    ///
    /// # Errors
    /// `ShapeMismatch`, `InvalidParameter` for a value that is not finite, `OutOfMemory`.
    #[inline]
    pub(crate) fn add(&mut self, cluster: usize, values: &[f32], sign: i64) -> Result<()> {
        let local = self.enter(cluster, values.len())?;
        if !ordinary(values) {
            return self.add_exactly(local, values, 1.0, sign);
        }
        let Some([high, low]) = self.for_one_more(cluster)? else {
            return self.add_exactly(local, values, 1.0, sign);
        };
        const HIGH: f64 = magic(-32);
        const LOW: f64 = magic(-64);
        let flip = if sign < 0 { 1 << 31 } else { 0 };
        for ((low, high), x) in low.iter_mut().zip(high).zip(values) {
            // No value is subnormal here, so the plain conversion is exact under any flags.
            let x = f32::from_bits(x.to_bits() ^ flip) as f64;
            let rounded = x + HIGH;
            let rest = x - (rounded - HIGH);
            *high += rounded.to_bits().wrapping_sub(HIGH.to_bits()) as i64;
            *low += (rest + LOW).to_bits().wrapping_sub(LOW.to_bits()) as i64;
        }
        Ok(())
    }

    /// Adds `weight` times the chunk's columns of one row, exactly (the product of two f32 is one
    /// f64). Needs sums made by [`Sums::weighted`](super::Sums::weighted).
    #[inline]
    pub(crate) fn add_weighted(
        &mut self,
        cluster: usize,
        values: &[f32],
        weight: f32,
        sign: i64,
    ) -> Result<()> {
        let local = self.enter(cluster, values.len())?;
        let w = widen(weight);
        if !self.is_weighted() || !ordinary_products(values, w) {
            return self.add_exactly(local, values, weight, sign);
        }
        let Some([high, middle, low]) = self.for_one_more(cluster)? else {
            return self.add_exactly(local, values, weight, sign);
        };
        const HIGH: f64 = magic(-32);
        const MIDDLE: f64 = magic(-64);
        const LOW: f64 = magic(-96);
        let w = if sign < 0 { -w } else { w };
        let digits = low.iter_mut().zip(middle).zip(high);
        for (((low, middle), high), x) in digits.zip(values) {
            let x = *x as f64 * w;
            let rounded = x + HIGH;
            let rest = x - (rounded - HIGH);
            *high += rounded.to_bits().wrapping_sub(HIGH.to_bits()) as i64;
            let rounded = rest + MIDDLE;
            let rest = rest - (rounded - MIDDLE);
            *middle += rounded.to_bits().wrapping_sub(MIDDLE.to_bits()) as i64;
            *low += (rest + LOW).to_bits().wrapping_sub(LOW.to_bits()) as i64;
        }
        Ok(())
    }

    /// Any magnitudes, by the bits. The planes are found and allocated before anything is added.
    #[cold]
    #[inline(never)]
    fn add_exactly(&mut self, local: usize, values: &[f32], weight: f32, sign: i64) -> Result<()> {
        if weight != 1.0 && !self.is_weighted() {
            return Err(Error::Mismatch { what: UNWEIGHTED });
        }
        let w = widen(weight);
        let lowest = 32 * self.base;
        let digits = |x: &f32| {
            let product = widen(*x) * w;
            let (m, e) = parts(product);
            let position = if m == 0 { 0 } else { (e - lowest) as usize };
            ((m as u128) << (position % 32), position / 32, product.is_sign_negative() != (sign < 0))
        };
        let mut touched = 0u32;
        for x in values {
            if !x.is_finite() || !weight.is_finite() {
                let value = if x.is_finite() { w } else { *x as f64 };
                return Err(Error::InvalidParameter { name: "addend", value, expected: "finite" });
            }
            let (shifted, first, _) = digits(x);
            for i in 0..3 {
                touched |= u32::from((shifted >> (32 * i)) as u32 != 0) << (first + i);
            }
        }
        for plane in 0..self.planes.len() {
            if touched >> plane & 1 == 1 {
                self.touch(plane)?;
            }
        }
        for (j, x) in values.iter().enumerate() {
            let (shifted, first, negative) = digits(x);
            for i in 0..3 {
                let part = (shifted >> (32 * i)) as u32 as i64;
                if part != 0 {
                    let digit = &mut self.planes[first + i][local * values.len() + j];
                    *digit = digit.wrapping_add(if negative { -part } else { part });
                }
            }
        }
        self.pending[local] += 1;
        Ok(())
    }

    /// Carries the digits of a cluster of this chunk into [-2^31, 2^31). The sum is the same before, after, and
    /// when an allocation in between fails.
    #[cold]
    fn carry(&mut self, local: usize) -> Result<()> {
        let range = self.digits_of(local);
        for plane in 0..self.planes.len() - 1 {
            if self.planes[plane].is_empty() {
                continue;
            }
            if self.planes[plane][range.clone()].iter().any(|v| balanced(*v).0 != 0) {
                self.touch(plane + 1)?;
                let [from, to, ..] = &mut self.planes[plane..] else { continue };
                for (from, to) in from[range.clone()].iter_mut().zip(&mut to[range.clone()]) {
                    let (carry, rest) = balanced(*from);
                    *from = rest;
                    *to = to.wrapping_add(carry);
                }
            }
        }
        self.pending[local] = 1;
        Ok(())
    }

    /// Adds `units[j]` times 2^-64 to the chunk's columns of `cluster`.
    ///
    /// # Errors
    /// `ShapeMismatch`, `OutOfMemory`.
    pub(crate) fn add_units(&mut self, cluster: usize, units: &[i128]) -> Result<()> {
        let local = self.enter(cluster, units.len())?;
        let (start, lowest) = (self.digits_of(local).start, self.plane(-2));
        for (column, unit) in units.iter().enumerate() {
            let mut rest = *unit;
            for plane in lowest..lowest + 4 {
                // Three digits in [0, 2^32), and the sign in the fourth.
                let digit = if plane == lowest + 3 { rest as i64 } else { i64::from(rest as u32) };
                rest >>= 32;
                if digit != 0 {
                    self.touch(plane)?;
                    self.planes[plane][start + column] += digit;
                }
            }
        }
        self.pending[local] += 1;
        Ok(())
    }

    /// Adds the sums of `other`, a chunk of the same shape (`sign` +1), or takes them away (-1).
    pub(crate) fn merge(&mut self, other: &Self, sign: i64) -> Result<()> {
        for local in 0..self.clusters.len() {
            self.carry(local)?;
        }
        for (plane, theirs) in other.planes.iter().enumerate() {
            if !theirs.is_empty() {
                self.touch(plane)?;
                // Only sums that were read, of more rows than anybody has, reach the end of an i64.
                let add = |mine: &mut i64, theirs: i64| *mine = mine.wrapping_add(sign.wrapping_mul(theirs));
                self.planes[plane].iter_mut().zip(theirs).for_each(|(mine, theirs)| add(mine, *theirs));
            }
        }
        for (local, pending) in other.pending.iter().enumerate() {
            self.pending[local] += pending;
            self.carry(local)?;
        }
        Ok(())
    }

    /// Copies the digits of one sum, lowest first, into `out`; the column counts from the chunk's first.
    #[inline]
    pub(super) fn digits(&self, cluster: usize, column: usize, out: &mut [i64]) {
        let at = (cluster - self.clusters.start) * self.columns.len() + column;
        for (out, plane) in out.iter_mut().zip(&self.planes) {
            *out = plane.get(at).copied().unwrap_or(0);
        }
    }

    /// Sets one sum, which must be 0 before, from canonical digits.
    pub(super) fn set(&mut self, cluster: usize, column: usize, digits: &[i64]) -> Result<()> {
        let local = cluster - self.clusters.start;
        let at = local * self.columns.len() + column;
        let mut carry = 0;
        let top = self.planes.len() - 1;
        for (plane, digit) in digits.iter().enumerate() {
            let sum = *digit + carry;
            let rest;
            (carry, rest) = if plane == top { (0, sum) } else { balanced(sum) };
            if rest != 0 {
                self.touch(plane)?;
                self.planes[plane][at] = rest;
            }
        }
        self.pending[local] = 1;
        Ok(())
    }

    /// The rounded sums of `cluster` from the chunk's column `first` on.
    pub(super) fn values(&self, cluster: usize, first: usize, out: &mut [f64]) {
        let from = (cluster - self.clusters.start) * self.columns.len() + first;
        let range = from..from + out.len();
        let low = self.plane(-3);
        let [low, middle, high] =
            [low, low + 1, low + 2].map(|b| self.planes[b].get(range.clone()).unwrap_or(&[]));
        // Other planes are seldom there, and then seldom of this cluster.
        let others =
            self.planes.iter().enumerate().filter(|(b, _)| !(self.plane(-3)..self.plane(0)).contains(b));
        let rare = others.filter_map(|(_, plane)| plane.get(range.clone()));
        if rare.flatten().any(|digit| *digit != 0) {
            for (column, out) in out.iter_mut().enumerate() {
                *out = self.value(cluster, first + column);
            }
            return;
        }
        // Two digits below 2^51 are two f64, whose sum is rounded once. Below 2^51, v + 2^51 is below 2^52.
        const BITS: u64 = 1 << 51;
        let large = |digits: &[i64]| {
            digits.iter().fold(0, |any, v| any | v.wrapping_add(BITS as i64) as u64) >= 2 * BITS
        };
        if middle.len() == out.len()
            && high.len() == out.len()
            && low.iter().all(|digit| *digit == 0)
            && !large(middle)
            && !large(high)
        {
            const ONES: f64 = magic(0);
            let exact = |v: i64| f64::from_bits(ONES.to_bits().wrapping_add(v as u64)) - ONES;
            const STEP: f64 = 1.0 / (1u64 << 32) as f64;
            for ((out, middle), high) in out.iter_mut().zip(middle).zip(high) {
                *out = exact(*high) * STEP + exact(*middle) * (STEP * STEP);
            }
            return;
        }
        // Three digits are one integer of 128 bits, and its conversion rounds once.
        let at = |plane: &[i64], i: usize| plane.get(i).copied().unwrap_or(0) as i128;
        const UNIT: f64 = f64::from_bits((1023 - 96) << 52);
        for (i, out) in out.iter_mut().enumerate() {
            let whole = (at(high, i) << 64) + (at(middle, i) << 32) + at(low, i);
            *out = whole as f64 * UNIT;
        }
    }

    /// The rounded sum.
    pub(super) fn value(&self, cluster: usize, column: usize) -> f64 {
        let mut digits = [0; WEIGHTED_DIGITS];
        let digits = &mut digits[..self.planes.len()];
        self.digits(cluster, column, digits);
        super::round(digits, 32 * self.base)
    }
}
