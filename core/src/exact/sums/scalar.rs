//! One exact sum over the whole range of f64.

use super::{MAX_PENDING, canonical, round};
use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::exact::twofold::split;

/// Weight of the lowest digit: below the smallest product, 2^-149 * 2^-1074.
const EXPONENT: i32 = -1248;
/// Products stay below 2^1152, so addends end in the last digit but one; the last takes carries.
const DIGITS: usize = 76;

/// An exact sum of `f64` values and of products of an `f32` with an `f64`. Tier A.
///
/// The state is an integer, so order and grouping of the additions do not matter, and adding
/// `-x` undoes adding `x`. It takes 624 bytes; an addition takes a few nanoseconds.
///
/// **Not finite.** A NaN among the addends makes the value NaN for good; infinities of one sign
/// make it that infinity, of both signs NaN. They are remembered beside the sum and cannot be
/// taken away again.
///
/// ```
/// use pauca::exact::F64Sum;
/// let mut sum = F64Sum::new();
/// for x in [1e300, 1.0, -1e300, 1e-300] {
///     sum.add(x);
/// }
/// assert_eq!(sum.value(), 1.0);
/// sum.add(-1.0);
/// assert_eq!(sum.value(), 1e-300);
/// ```
#[derive(Clone)]
pub struct F64Sum {
    digits: [i64; DIGITS],
    /// Addends since the last carry.
    pending: u32,
    nan: bool,
    /// Whether +infinity, -infinity were added.
    infinite: [bool; 2],
}

/// Significand and exponent of a finite value: `|x| = m * 2^e`.
#[inline(always)]
fn parts(bits: u64) -> (u64, i32) {
    let field = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) }
}

impl F64Sum {
    /// The empty sum, 0.
    pub fn new() -> Self {
        Self { digits: [0; DIGITS], pending: 0, nan: false, infinite: [false; 2] }
    }

    /// Adds `x`, which should be finite (see the type for what happens otherwise).
    #[inline]
    pub fn add(&mut self, x: f64) {
        if self.note_unless_finite(x) {
            return;
        }
        let (m, e) = parts(x.to_bits());
        self.add_parts(m as u128, e, x.is_sign_negative());
    }

    /// Adds the exact product `weight * x`; both should be finite. The integer 24 x 53 bit product
    /// keeps what one floating-point multiplication would round away.
    #[inline]
    pub fn add_product(&mut self, weight: f32, x: f64) {
        let finite = weight.is_finite() && x.is_finite();
        // The floating-point product of non-finite operands is the right infinity or NaN.
        if !finite && self.note_unless_finite(weight as f64 * x) {
            return;
        }
        let bits = weight.to_bits();
        let field = (bits >> 23 & 0xff) as i32;
        let fraction = bits & 0x007f_ffff;
        let (w, f) = if field == 0 { (fraction, -149) } else { (fraction | 0x0080_0000, field - 150) };
        let (m, e) = parts(x.to_bits());
        self.add_parts(w as u128 * m as u128, e + f, weight.is_sign_negative() != x.is_sign_negative());
    }

    /// Adds the exact product of two numbers, where no product of their halves overflows or becomes
    /// subnormal.
    pub(crate) fn add_wide_product(&mut self, x: f64, y: f64) {
        let ((a, b), (c, d)) = (split(x), split(y));
        self.extend([a * c, a * d, b * c, b * d]);
    }

    /// Adds `x` so many times, exactly: the count goes in parts of 20 bits, each exact in `f32`.
    pub(crate) fn add_times(&mut self, mut times: u64, x: f64) {
        let mut unit = 1.0f32;
        while times > 0 {
            self.add_product((times & 0xf_ffff) as f32 * unit, x);
            times >>= 20;
            unit *= 1_048_576.0;
        }
    }

    /// Adds the sum of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.carry();
        for (digit, theirs) in self.digits.iter_mut().zip(&other.digits) {
            // Only sums that were read, of more addends than anybody has, reach the end.
            *digit = digit.wrapping_add(*theirs);
        }
        self.pending = other.pending + 1;
        self.carry();
        self.nan |= other.nan;
        self.infinite[0] |= other.infinite[0];
        self.infinite[1] |= other.infinite[1];
    }

    /// The sum, rounded once to the nearest `f64`, ties to even. An exact 0 is +0.0; a sum beyond
    /// the largest `f64` is an infinity (and comes back when the sum does).
    pub fn value(&self) -> f64 {
        match (self.nan, self.infinite) {
            (true, _) | (_, [true, true]) => f64::NAN,
            (_, [true, false]) => f64::INFINITY,
            (_, [false, true]) => f64::NEG_INFINITY,
            _ => round(&mut self.digits.clone(), EXPONENT),
        }
    }

    /// Appends the state in canonical form: equal sums have equal bytes.
    pub(crate) fn write(&self, writer: &mut Writer) {
        let mut digits = self.digits;
        canonical(&mut digits);
        let flags = [self.nan, self.infinite[0], self.infinite[1]];
        writer.u32(flags.iter().enumerate().map(|(i, flag)| u32::from(*flag) << i).sum());
        if let Some((top, low)) = digits.split_last() {
            low.iter().for_each(|digit| writer.u32(*digit as u32));
            writer.i64(*top);
        }
    }

    /// Bytes that [`write`](F64Sum::write) appends.
    pub(crate) const BYTES: usize = 4 + 4 * (DIGITS - 1) + 8;

    /// Reads what [`write`](F64Sum::write) appended.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let flags = reader.u32()?;
        let mut digits = [0; DIGITS];
        if let Some((top, low)) = digits.split_last_mut() {
            for digit in low {
                *digit = reader.u32()? as i64;
            }
            *top = reader.i64()?;
            if flags > 7 || top.unsigned_abs() >= 1 << 62 {
                return Err(reader.corrupt("a sum is out of range"));
            }
        }
        Ok(Self { digits, pending: 1, nan: flags & 1 != 0, infinite: [flags & 2 != 0, flags & 4 != 0] })
    }

    /// Notes a NaN or an infinity; false for finite values.
    #[inline(always)]
    fn note_unless_finite(&mut self, x: f64) -> bool {
        if x.is_finite() {
            return false;
        }
        if x.is_nan() {
            self.nan = true;
        } else {
            self.infinite[usize::from(x < 0.0)] = true;
        }
        true
    }

    /// Adds `+-m * 2^e` for m below 2^77.
    #[inline(always)]
    fn add_parts(&mut self, m: u128, e: i32, negative: bool) {
        if self.pending >= MAX_PENDING {
            self.carry();
        }
        self.pending += 1;
        let position = (e - EXPONENT) as usize;
        let shifted = m << (position % 32);
        for (i, digit) in self.digits.iter_mut().skip(position / 32).take(4).enumerate() {
            let part = (shifted >> (32 * i)) as u32 as i64;
            *digit += if negative { -part } else { part };
        }
    }

    /// Carries into canonical digits; the sum stays what it is.
    fn carry(&mut self) {
        canonical(&mut self.digits);
        self.pending = 1;
    }
}

impl Default for F64Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for F64Sum {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("F64Sum").field(&self.value()).finish()
    }
}

impl PartialEq for F64Sum {
    /// Equal sums, exactly (not only after rounding), and the same infinities and NaN noted.
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.carry();
        b.carry();
        a.digits == b.digits && a.nan == b.nan && a.infinite == b.infinite
    }
}

impl Extend<f64> for F64Sum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|x| self.add(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use alloc::vec::Vec;

    /// A second opinion: floating-point expansions (Shewchuk 1997) as in Python's fsum, with the
    /// correction of the final rounding. No overflow, no products.
    fn fsum(values: &[f64]) -> f64 {
        let mut partials: Vec<f64> = Vec::new();
        for &value in values {
            let mut x = value;
            let mut kept = Vec::new();
            for &p in &partials {
                let (big, small) = if x.abs() < p.abs() { (p, x) } else { (x, p) };
                let high = big + small;
                let low = small - (high - big);
                if low != 0.0 {
                    kept.push(low);
                }
                x = high;
            }
            kept.push(x);
            partials = kept;
        }
        let Some(mut high) = partials.pop() else { return 0.0 };
        let mut low = 0.0;
        while let Some(p) = partials.pop() {
            let x = high;
            high = x + p;
            low = p - (high - x);
            if low != 0.0 {
                break;
            }
        }
        if let Some(&next) = partials.last()
            && (low < 0.0) == (next < 0.0)
            && low != 0.0
            && next != 0.0
        {
            let y = low * 2.0;
            let x = high + y;
            if y == x - high {
                high = x;
            }
        }
        high
    }

    /// Any finite value, with exponents in `low..high`.
    fn value(row: u64, draw: u32, low: u64, high: u64) -> f64 {
        let bits = Stream::new(5, 99).bits(row, draw);
        let field = low + (bits >> 52 & 0x7ff) % (high - low);
        f64::from_bits(bits & !(0x7ff << 52) | field << 52)
    }

    #[test]
    fn equals_expansions_over_the_whole_range() {
        for case in 0..3000 {
            let (low, high) = [(0, 2040), (0, 60), (1000, 1100), (1020, 1024), (0, 3)][case as usize % 5];
            let n = 1 + (case / 5 % 40) as u32;
            let values: Vec<f64> = (0..n).map(|i| value(case, i, low, high)).collect();
            let mut sum = F64Sum::new();
            sum.extend(values.iter().copied());
            assert_eq!(sum.value().to_bits(), (fsum(&values) + 0.0).to_bits(), "case {case}");
            // Any split, and away again.
            let (mut left, mut right) = (F64Sum::new(), F64Sum::new());
            left.extend(values.iter().copied().step_by(2));
            right.extend(values.iter().copied().skip(1).step_by(2));
            right.merge(&left);
            assert!(right == sum);
            sum.extend(values.iter().rev().map(|x| -x));
            assert_eq!(sum.value().to_bits(), 0);
        }
    }

    #[test]
    fn rounds_ties_to_even_and_looks_at_the_last_bit() {
        let half = f64::EPSILON / 2.0;
        for (values, expected) in [
            (&[1.0, half][..], 1.0),
            (&[1.0, half, f64::from_bits(1)], 1.0 + f64::EPSILON),
            (&[1.0, f64::EPSILON, half], 1.0 + 2.0 * f64::EPSILON),
            (&[1.0, f64::EPSILON, half, -f64::from_bits(1)], 1.0 + f64::EPSILON),
            (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
            (&[-f64::MAX, -1e292], f64::NEG_INFINITY),
            (&[-0.0], 0.0),
            (&[f64::from_bits(1), f64::from_bits(2)], f64::from_bits(3)),
        ] {
            let mut sum = F64Sum::new();
            sum.extend(values.iter().copied());
            assert_eq!(sum.value().to_bits(), expected.to_bits(), "{values:?}");
        }
    }

    #[test]
    fn products_are_exact() {
        for case in 0..3000 {
            let x = value(case, 0, 0, 2047);
            let w = f32::from_bits(Stream::new(6, 99).bits(case, 1) as u32 & 0xff7f_ffff);
            let mut sum = F64Sum::new();
            sum.add_product(w, x);
            // One factor at a time: the two halves of x have exact products with w.
            assert_eq!(sum.value().to_bits(), (w as f64 * x).to_bits(), "{w:e} * {x:e}");
            // A weight that is an integer is that many copies.
            let n = case % 50;
            let mut copies = F64Sum::new();
            (0..n).for_each(|_| copies.add(x));
            let mut weighted = F64Sum::new();
            weighted.add_product(n as f32, x);
            assert!(copies == weighted, "{n} * {x:e}");
            // What one multiplication rounds away is kept.
            let y = f64::from_bits(x.to_bits() & 0x800f_ffff_ffff_ffff | 1023 << 52);
            let v = f32::from_bits(w.to_bits() & 0x807f_ffff | 127 << 23);
            let mut rest = F64Sum::new();
            rest.add_product(v, y);
            rest.add(-(v as f64 * y));
            let head = f64::from_bits(y.to_bits() >> 29 << 29);
            assert_eq!(rest.value(), (v as f64 * head - v as f64 * y) + v as f64 * (y - head));
        }
    }

    #[test]
    fn not_finite_is_kept() {
        let mut sum = F64Sum::new();
        sum.add(f64::INFINITY);
        sum.add(1.0);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add_product(-1.0, f64::INFINITY);
        assert!(sum.value().is_nan());
        let mut product = F64Sum::new();
        product.add_product(0.0, f64::INFINITY);
        assert!(product.value().is_nan());
    }
}
