//! Exact conversions that do not depend on the host's floating-point flags.
//!
//! Some hosts set FTZ and DAZ (flush subnormal results, read subnormal operands as zero). The
//! ordinary `f32 as f64` then turns a subnormal into 0. Here the conversion is made of integer
//! operations wherever a subnormal could be involved; `f64` intermediates of `f32` data are
//! never subnormal (the smallest product is 2^-298), so nothing else needs care.

/// The exact value of `x` in `f64`, subnormals included, under any denormal flags.
#[inline(always)]
pub fn widen(x: f32) -> f64 {
    let bits = x.to_bits();
    let sign = ((bits >> 31) as u64) << 63;
    let magnitude = bits & 0x7fff_ffff;
    // Exponent bias 127 -> 1023 in place; infinities and NaN keep a full exponent.
    let special = if magnitude >= 0x7f80_0000 { 896u64 << 52 } else { 0 };
    let normal = f64::from_bits(((magnitude as u64) << 29) + (896 << 52) + special);
    // A subnormal is its integer significand times 2^-149.
    let small = magnitude as i32 as f64 * f64::from_bits((1023 - 149) << 52);
    let value = if magnitude < 0x0080_0000 { small } else { normal };
    f64::from_bits(value.to_bits() | sign)
}

/// Whether a number is subnormal: of a subnormal alone, the magnitude less 1 is below 2^23 - 1 (that of 0 wraps).
#[inline(always)]
pub(crate) fn subnormal(x: f32) -> bool {
    (x.to_bits() & 0x7fff_ffff).wrapping_sub(1) < 0x007f_ffff
}

/// `x` rounded to the nearest `f32`, ties to even, subnormal results included, under any
/// denormal flags.
#[inline(always)]
pub fn narrow(x: f64) -> f32 {
    // 2^-126, the smallest normal f32.
    if x.abs() >= f64::from_bits((1023 - 126) << 52) || x.is_nan() {
        return x as f32;
    }
    // |x| 2^149 < 2^23; adding 2^52 rounds it to an integer, ties to even.
    let shift = f64::from_bits((1023 + 52) << 52);
    let units = (x.abs() * f64::from_bits((1023 + 149) << 52) + shift).to_bits() & 0x00ff_ffff;
    f32::from_bits(units as u32 | if x.is_sign_negative() { 0x8000_0000 } else { 0 })
}

/// Neither NaN nor infinite, by its bits.
#[inline(always)]
pub(crate) fn finite(x: f32) -> bool {
    x.to_bits() & 0x7f80_0000 != 0x7f80_0000
}

/// Whether a number is above 0, under any denormal flags. The comparison is made in `f64`: the compiler turns a
/// test of the bits of an `f32` against those of 0 into a comparison of floats, which DAZ falsifies.
pub(crate) fn positive(x: f32) -> bool {
    widen(x) > 0.0
}

/// `x` rounded up to the next `f32`, for upper bounds.
///
/// ```
/// assert!(f64::from(pauca::exact::float::narrow_up(0.1)) >= 0.1);
/// ```
#[inline(always)]
pub fn narrow_up(x: f64) -> f32 {
    let y = x as f32;
    // Under FTZ a tiny positive bound could become 0: the smallest normal is above it.
    if x > 0.0 && y < f32::MIN_POSITIVE {
        return f32::MIN_POSITIVE;
    }
    if (y as f64) < x { y.next_up() } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widen_equals_the_cast_on_every_exponent() {
        for high in 0..=u16::MAX {
            for low in [0u32, 1, 0x7fff, 0x8000, 0xffff] {
                let x = f32::from_bits((high as u32) << 16 | low);
                assert_eq!(subnormal(x), x.is_subnormal(), "{x:e}");
                if x.is_nan() {
                    assert!(widen(x).is_nan());
                } else {
                    assert_eq!(widen(x).to_bits(), (x as f64).to_bits(), "{x:e}");
                }
            }
        }
    }

    #[test]
    fn narrow_equals_the_cast_at_and_between_subnormals() {
        for units in (0..0x0100_0000u32).step_by(97).chain([0x7fffff, 0x800000]) {
            let x = f32::from_bits(units) as f64;
            let step = f64::from_bits((1023 - 151) << 52);
            for y in [x, x + step, x + 2.0 * step, x + 3.0 * step, -x, -x - 2.0 * step] {
                assert_eq!(narrow(y).to_bits(), (y as f32).to_bits(), "{y:e}");
            }
        }
        assert!(narrow(f64::NAN).is_nan());
        assert_eq!(narrow(1e300), f32::INFINITY);
    }
}
