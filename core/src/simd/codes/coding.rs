//! What a code stands for, which codes a kernel takes, and how far its integers are exact.
//!
//! A row x is coded by one scale s > 0 and d whole numbers q of magnitude at most `reach`: x^ = s q stands for it, and
//! |x - x^| is measured, not assumed. Scales have [`SCALE_BITS`] significant bits, so s q needs at most 24 and is exact in
//! `f32`; so is x - x^, except where a value lies half a step from two codes.

/// Columns of a panel, at every level.
pub(crate) const WIDTH: usize = 48;

/// Depths of panels and of coded rows are multiples of this many codes; the codes after the end of a row are 0.
pub(crate) const DEPTH_STEP: usize = 16;

/// The largest depth at which an inner product of codes is exact in `i32`.
///
/// A row's code, less the offset, lies in -128..=127, a column's in -127..=127. So an inner product over d codes is at most
/// 128 * 127 d in magnitude, which `i32` holds for d <= (2^31 - 1) / 16,256 = 132,104. Partial sums may leave `i32`: they are
/// added modulo 2^32, and so is the start that takes the offset away, hence the final number is right whenever it fits.
pub(crate) const MAX_DEPTH: usize = i32::MAX as usize / (128 * 127) / DEPTH_STEP * DEPTH_STEP;

/// The least and the most that the largest magnitude of a row may be ([`Measure::servable`]): 2^-40 and 2^50.
///
/// Within, scales lie in [2^-47, 2^45], their products are normal numbers, and no score of a pair overflows: norms are at
/// most 2^50 sqrt(MAX_DEPTH) < 2^58.6, products of two norms below 2^117.2.
const SERVABLE: core::ops::RangeInclusive<f32> =
    f32::from_bits((127 - 40) << 23)..=f32::from_bits((127 + 50) << 23);

/// Significant bits of a scale: 24 less the 7 of a code's magnitude.
const SCALE_BITS: u32 = 17;

/// Which whole numbers a kernel takes, and what byte a row's code 0 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(super) reach: u8,
    pub(super) offset: u8,
}

impl Coding {
    /// The largest magnitude of a code: 127 or 63.
    #[cfg(test)]
    pub fn reach(self) -> u8 {
        self.reach
    }

    /// The byte of code 0 in a row: 128, 64, or 0 where rows are signed. Columns are always signed.
    pub fn offset(self) -> u8 {
        self.offset
    }

    /// The scale for values of at most `largest` in magnitude: `largest / reach`, rounded up to a number of 17 bits, so by
    /// at most 2^-16 of itself. Zero where no row of that magnitude is [`servable`](Measure::servable).
    pub fn scale(self, largest: f32) -> Scale {
        if !SERVABLE.contains(&largest) {
            return Scale(0.0);
        }
        let step = 1u32 << (24 - SCALE_BITS);
        // One step of 17 bits up is more than the half unit by which the quotient may be too small.
        let exact = largest / f32::from(self.reach);
        Scale(f32::from_bits((exact.to_bits() + step) & !(step - 1)))
    }

    /// What an accumulator starts from, so that the offset of the rows is taken away: -offset times the `sum` of a column's
    /// codes, modulo 2^32.
    pub fn start(self, sum: i32) -> i32 {
        sum.wrapping_mul(-i32::from(self.offset))
    }
}

/// A scale of 17 significant bits; only [`Coding::scale`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(crate) struct Scale(pub(super) f32);

impl Scale {
    #[cfg(test)]
    pub fn get(self) -> f32 {
        self.0
    }
}

/// What one pass over a row finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measure {
    /// The sum of squares, within [`relative`] of itself and d 2^-126; infinite where it overflows.
    pub squares: f32,
    /// The largest magnitude, exactly; not finite if and only if some value is not.
    pub largest: f32,
}

impl Measure {
    /// Whether all values are finite.
    #[cfg(test)]
    pub fn finite(self) -> bool {
        self.largest.to_bits() < 0x7f80_0000
    }

    /// Whether codes may stand for the row: all values are 0, or the largest magnitude is in [2^-40, 2^50]. A row whose
    /// values are all subnormal is not zero.
    pub fn servable(self) -> bool {
        self.largest.to_bits() == 0 || SERVABLE.contains(&self.largest)
    }
}

/// What the codes of a row or column stand for. Bounds hold under any denormal flags.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(crate) struct Code {
    /// s in x^ = s q.
    pub scale: f32,
    /// At least |x^|.
    pub norm: f32,
    /// At least |x - x^|.
    pub error: f32,
    /// The sum of the codes, exactly, to [`MAX_DEPTH`].
    pub sum: i32,
}

/// u, half the distance from 1 to the next `f32`.
pub(super) const U: f32 = f32::from_bits((127 - 24) << 23);

/// A bound of the relative error of a sum of `d` squares of `f32`, as [`Measure::squares`], at every level.
///
/// Each level adds into at least 16 lanes, so a lane takes ceil(d / 16) addends at most, and the lanes are added to each other
/// on a path of at most 6 additions (64 lanes). An addend is a rounded square, or fused. No addend is negative, so each
/// rounding changes the total by at most u of itself: the relative error is at most (1 + u)^m - 1 with
/// m = ceil(d / 16) + 7, and that is below 1.001 m u while m u < 2^-10, that is for d < 2^18. Above, the bound is infinite.
/// Squares below 2^-126 may be flushed; that is the caller's d 2^-126.
pub(crate) fn relative(d: usize) -> f32 {
    if d >= 1 << 18 {
        return f32::INFINITY;
    }
    (d.div_ceil(16) + 7) as f32 * U * 1.002
}
