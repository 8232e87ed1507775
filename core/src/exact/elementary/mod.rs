//! Elementary functions whose bits decide, correctly rounded.
//!
//! The best f64 for a real number is the same whoever computes it, on every machine and after
//! every upgrade. Mathematical libraries disagree in the last bit (two common ones on 7 % of
//! logarithms), and a bit of a firing time can change which row seeds a cluster.
//!
//! **ln** in two phases (Ziv 1991). x = 2^k m with m in [0.703, 1.406).
//! 1. Quick: a table gives c, of ten bits, near 1 / m and -ln c in two doubles; z = m c - 1 is
//!    exact in two doubles; ln(1 + z) = z - z²/2 + z³ P(z), the first two terms in two doubles.
//!    The sum h + l has a relative error below 2^-61 (mostly from the f64 evaluation of z³ P(z),
//!    which is below 2^-13 of z). If h + l with that error added and taken away rounds to one
//!    number, that is the answer: so for all but one argument in a hundred.
//! 2. Exact enough: k ln 2 + 2 atanh((m - 1) / (m + 1)) in fixed point with 192 bits after the
//!    point. The absolute error is below 2^-180. The hardest ln of all f64 needs 118 bits
//!    (Lefèvre and Muller 2001), of arguments near 1 (ln down to 2^-53) 2^-171 in absolute terms.
//!
//! [`half_turns`] goes the same two ways, with one more between them; [`exp`], of which a call needs
//! few, the second only.
//!
//! Only additions, multiplications, divisions of integers; nothing is fused, no intermediate
//! result is subnormal, arguments are taken apart by their bits: any denormal flags will do.

mod exp;
mod half_turns;

use super::twofold::{split, two_product, two_sum};

pub use exp::exp;
pub use half_turns::half_turns;
pub(crate) use half_turns::half_turns_all;

/// ln 2 in two doubles: a multiple of 2^-42, and the rest.
const LN2: (f64, f64) = (f64::from_bits(0x3fe6_2e42_fefa_3800), f64::from_bits(0x3d2e_f357_93c7_6730));

/// floor(2^192 ln 2).
const LN2_FIXED: Fixed = Fixed([0x40f3_4326_7298_b62d, 0xc9e3_b398_03f2_f6af, 0xb172_17f7_d1cf_79ab, 0]);

/// Natural logarithm, correctly rounded (to nearest, ties do not occur). Tier A.
///
/// Right for every positive finite x, subnormal ones too. ln 1 = +0.0, ln 0 = -infinity (either
/// zero), ln infinity = infinity; NaN for negative x and for NaN. Some tens of ns; some µs for
/// one argument in a hundred.
///
/// ```
/// use pauca::exact::elementary::ln;
/// assert_eq!(ln(2.0), core::f64::consts::LN_2);
/// assert_eq!(ln(1.0), 0.0);
/// assert!(ln(-1.0).is_nan());
/// ```
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    match bits {
        // Negative, -0 excepted, and NaN of either sign.
        0x8000_0000_0000_0001.. | 0x7ff0_0000_0000_0001..=0x7fff_ffff_ffff_ffff => return f64::NAN,
        0 | 0x8000_0000_0000_0000 => return f64::NEG_INFINITY,
        0x7ff0_0000_0000_0000 => return f64::INFINITY,
        0x3ff0_0000_0000_0000 => return 0.0,
        _ => {}
    }
    // x = significand 2^(k - 52), the significand in [2^52, 2^53) for subnormals as well.
    let (significand, mut k) = if bits >> 52 == 0 {
        let shift = bits.leading_zeros() - 11;
        (bits << shift, -1022 - shift as i32)
    } else {
        (bits & ((1 << 52) - 1) | 1 << 52, (bits >> 52) as i32 - 1023)
    };
    // Around 1 rather than above it, so that nothing cancels just below 1.
    let upper = significand >= 45 << 47;
    k += i32::from(upper);
    let field = 1023 - u64::from(upper);
    let m = f64::from_bits((field << 52) + (significand - (1 << 52)));
    quick(m, k).unwrap_or_else(|| exact(significand, upper, k))
}

/// ln(2^k m) where the error bound can decide its rounding.
fn quick(m: f64, k: i32) -> Option<f64> {
    // m lies within 1/128 of j / 64.
    let j = (m * 64.0 + 0.5) as usize;
    let (c, high, low) = *TABLE.get(j.wrapping_sub(45))?;
    let c = c as f64 / 512.0;
    // Both products have at most 37 bits, and so does the difference.
    let (m_high, m_low) = split(m);
    let (z, z_low) = two_sum(m_high * c - 1.0, m_low * c);
    // z² as an exact product of z by itself, and the rest of (z + z_low)² to first order.
    let (square, lost) = two_product(z, z);
    let square_low = lost + 2.0 * z * z_low;
    let mut p = -1.0 / 12.0;
    for n in [11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0] {
        p = SIGN[n as usize & 1] / n + z * p;
    }
    let k = k as f64;
    // Both are multiples of 2^-42 below 2^10: the sum is exact.
    let base = k * LN2.0 + f64::from_bits(high);
    let base_low = k * LN2.1 + f64::from_bits(low);
    let (s, e) = two_sum(base, z);
    let (s, f) = two_sum(s, -0.5 * square);
    let tail = e + f + (z_low - 0.5 * square_low) + base_low + square * z * p;
    let (h, l) = two_sum(s, tail);
    let error = h.abs() * f64::from_bits((1023 - 61) << 52);
    let up = h + (l + error);
    (up == h + (l - error)).then_some(up)
}

/// Signs of the even and of the odd terms of ln(1 + z).
const SIGN: [f64; 2] = [-1.0, 1.0];

/// A number of [0, 2^64) with 192 bits after the point, lowest word first.
#[derive(Clone, Copy, PartialEq)]
struct Fixed([u64; 4]);

impl PartialOrd for Fixed {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl Fixed {
    /// A number of [2^-140, 2^64), exactly.
    fn from_f64(x: f64) -> Fixed {
        let significand = x.to_bits() & ((1 << 52) - 1) | 1 << 52;
        // The place of the lowest bit of x, counted from the lowest bit of all words.
        let shift = (x.to_bits() >> 52) as usize + 192 - 1075;
        let wide = (significand as u128) << (shift % 64);
        let mut words = [0; 4];
        for (word, part) in words.iter_mut().skip(shift / 64).zip([wide as u64, (wide >> 64) as u64]) {
            *word = part;
        }
        Fixed(words)
    }

    fn plus(mut self, other: Fixed) -> Fixed {
        let mut carry = 0u128;
        for (a, b) in self.0.iter_mut().zip(other.0) {
            carry += *a as u128 + b as u128;
            *a = carry as u64;
            carry >>= 64;
        }
        self
    }

    /// `self - other`, which must not be negative.
    fn minus(mut self, other: Fixed) -> Fixed {
        let mut borrow = false;
        for (a, b) in self.0.iter_mut().zip(other.0) {
            let (d, first) = a.overflowing_sub(b);
            let (d, second) = d.overflowing_sub(u64::from(borrow));
            (*a, borrow) = (d, first | second);
        }
        self
    }

    fn times_small(mut self, n: u64) -> Fixed {
        let mut carry = 0u128;
        for a in &mut self.0 {
            carry += *a as u128 * n as u128;
            *a = carry as u64;
            carry >>= 64;
        }
        self
    }

    /// Rounded down.
    fn over(mut self, n: u64) -> Fixed {
        let mut rest = 0u128;
        for a in self.0.iter_mut().rev() {
            rest = rest << 64 | *a as u128;
            *a = (rest / n as u128) as u64;
            rest %= n as u128;
        }
        self
    }

    /// Rounded down.
    fn times(self, other: Fixed) -> Fixed {
        let mut wide = [0u64; 8];
        for (i, a) in self.0.into_iter().enumerate() {
            let mut carry = 0u128;
            for (j, b) in other.0.into_iter().enumerate() {
                carry += a as u128 * b as u128 + wide[i + j] as u128;
                wide[i + j] = carry as u64;
                carry >>= 64;
            }
            wide[i + 4] = carry as u64;
        }
        Fixed([wide[3], wide[4], wide[5], wide[6]])
    }

    fn is_zero(&self) -> bool {
        self.0 == [0; 4]
    }

    /// To the nearest f64; for a result that is no tie.
    fn round(self) -> f64 {
        let Some(top) = self.0.iter().rposition(|word| *word != 0) else {
            return 0.0;
        };
        let below = |i: usize| top.checked_sub(i).map_or(0, |i| self.0[i]);
        let window = (below(0) as u128) << 64 | below(1) as u128;
        let drop = 75 - below(0).leading_zeros();
        let kept = ((window >> (drop - 1)) as u64).div_ceil(2);
        // The top word counts 2^(64 (top - 3)).
        let exponent = 64 * (top as i32 - 4) + drop as i32;
        f64::from_bits((((exponent + 1074) as u64) << 52) + kept)
    }
}

/// ln(significand 2^(k - 52)), or of half of it for `upper` (k is one more than it was then).
#[cold]
fn exact(significand: u64, upper: bool, k: i32) -> f64 {
    // m = significand / one.
    let one = 1u64 << if upper { 53 } else { 52 };
    let below_one = significand < one;
    let s = Fixed([0, 0, 0, significand.abs_diff(one)]).over(significand + one);
    // 2 atanh s = 2 (s + s³/3 + s⁵/5 + ...), |s| < 0.174: five bits a term.
    let square = s.times(s);
    let (mut power, mut sum, mut n) = (s, s, 3);
    while !power.is_zero() {
        power = power.times(square);
        sum = sum.plus(power.over(n));
        n += 2;
    }
    let part = sum.times_small(2);
    let whole = LN2_FIXED.times_small(k.unsigned_abs() as u64);
    // |ln m| is below ln 2 / 1.9, so that for other k than 0 the sign is that of k.
    let (magnitude, negative) = match (k.signum(), below_one) {
        (0, _) => (part, below_one),
        (1, false) | (-1, true) => (whole.plus(part), k < 0),
        _ => (whole.minus(part), k < 0),
    };
    let value = magnitude.round();
    if negative { -value } else { value }
}

/// For j = 45..=90: 512 c, c near 64 / j; and -ln c in two doubles, the first a multiple of 2^-42.
#[rustfmt::skip]
const TABLE: [(u16, u64, u64); 46] = [
    (728, 0xbfd6_86c8_1e9b_1000, 0xbd32_bb11_0af8_4054),
    (712, 0xbfd5_1aad_872e_0000, 0x3d3f_4bd8_db0a_7cc1),
    (697, 0xbfd3_bdd2_4eb1_5000, 0x3d32_57b4_970e_6ed9),
    (683, 0xbfd2_7161_913f_8000, 0xbd34_f4f1_f615_64b4),
    (669, 0xbfd1_1e0e_2dad_a000, 0x3d2a_47f8_8fcc_e5ba),
    (655, 0xbfcf_871b_2895_6000, 0x3d3f_75fd_6a52_6efe),
    (643, 0xbfcd_2935_81b6_c000, 0x3d38_3270_128a_aa5f),
    (630, 0xbfca_8bec_fc88_2000, 0xbd3e_3185_cf21_b9cf),
    (618, 0xbfc8_15c0_a143_6000, 0x3d30_2a52_f920_1ce8),
    (607, 0xbfc5_c940_0759_8000, 0x3d3a_8d94_8cd2_3322),
    (596, 0xbfc3_71fc_201e_8000, 0xbd3e_e877_9b2d_8abc),
    (585, 0xbfc1_0f8e_4225_4000, 0x3d29_3b38_4339_6307),
    (575, 0xbfbd_b527_0187_c000, 0xbd39_2778_56ae_181f),
    (565, 0xbfb9_375e_5559_4000, 0xbd3e_ddc3_7380_c364),
    (555, 0xbfb4_a50d_3aa1_c000, 0x3d2f_7fe1_3089_73e2),
    (546, 0xbfb0_7598_3599_0000, 0x3d3b_8ecf_e4b5_9987),
    (537, 0xbfa8_68a8_3084_0000, 0x3d12_623a_134a_c693),
    (529, 0xbfa0_b94f_7c19_8000, 0x3d2e_8989_6f02_2783),
    (520, 0xbf8f_c0a8_b0fc_0000, 0xbcdf_1e7c_f6d3_a69c),
    (512, 0x0000_0000_0000_0000, 0x0000_0000_0000_0000),
    (504, 0x3f90_2056_5893_0000, 0x3d36_11d2_7c8e_8417),
    (496, 0x3fa0_415d_89e7_8000, 0xbd3d_ddc7_f461_c516),
    (489, 0x3fa7_8859_5a35_8000, 0xbd10_8b0d_083b_3a4c),
    (482, 0x3fae_ea31_c006_8000, 0x3d3c_3dd8_3606_d891),
    (475, 0x3fb3_33d7_f818_4000, 0xbce6_92b6_a81b_8848),
    (468, 0x3fb7_00d3_0aea_c000, 0x3cec_1e8d_a99d_ed32),
    (462, 0x3fba_4e76_40b1_c000, 0xbd0e_42b6_b944_07c8),
    (455, 0x3fbe_3707_ee30_4000, 0x3d20_f684_e676_6abd),
    (449, 0x3fc0_ce7e_cdcc_c000, 0x3d14_652d_abff_5447),
    (443, 0x3fc2_8753_bc11_a000, 0x3d37_494e_3593_02e6),
    (437, 0x3fc4_462b_9dc9_c000, 0xbd38_4858_a711_b062),
    (431, 0x3fc6_0b31_00b0_a000, 0xbd37_1456_c988_f814),
    (426, 0x3fc7_898d_8544_4000, 0x3d38_e67b_e3db_af3f),
    (420, 0x3fc9_5a5a_dcf7_0000, 0x3d07_f228_58a0_ff6f),
    (415, 0x3fca_e2ca_6f67_2000, 0x3d37_a8d5_ae54_f550),
    (410, 0x3fcc_6ffb_c6f0_0000, 0x3d3e_e138_d3a6_9d43),
    (405, 0x3fce_020c_c623_6000, 0xbd25_2b00_adb9_1424),
    (400, 0x3fcf_991c_6cb3_c000, 0xbd39_0d04_cd7c_c834),
    (395, 0x3fd0_9aa5_72e6_c000, 0x3d3b_50a1_e173_4342),
    (390, 0x3fd1_6b5c_cbad_0000, 0xbd32_3299_042d_74bf),
    (386, 0x3fd2_1445_6d0e_c000, 0xbd3c_af04_28b7_28a3),
    (381, 0x3fd2_e9e2_bce1_2000, 0x3d24_300c_128d_1dc2),
    (377, 0x3fd3_96ce_359b_c000, 0xbd05_839c_5663_663d),
    (372, 0x3fd4_718d_c271_c000, 0x3d30_6c18_fb4c_14c5),
    (368, 0x3fd5_22ae_0738_a000, 0x3d2e_be70_8164_c759),
    (364, 0x3fd5_d5bd_df59_6000, 0xbd0a_0b2a_08a4_65dc),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// (x, ln x) by 400-bit arithmetic: the ends of the range and of the table's intervals,
    /// neighbours of 1, the hardest of 100,000 random arguments, Lefèvre and Muller's hardest of
    /// all (for directed rounding), and random ones.
    #[rustfmt::skip]
    const VECTORS: &[(u64, u64)] = &[
        (0x3ca0_0000_0000_0000, 0xc042_5e4f_7b27_37fa),
        (0x3fef_ffff_ffff_ffff, 0xbca0_0000_0000_0000),
        (0x3ff0_0000_0000_0001, 0x3caf_ffff_ffff_ffff),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x4000_0000_0000_0000, 0x3fe6_2e42_fefa_39ef),
        (0x3fe0_0000_0000_0000, 0xbfe6_2e42_fefa_39ef),
        (0x4010_0000_0000_0000, 0x3ff6_2e42_fefa_39ef),
        (0x4008_0000_0000_0000, 0x3ff1_93ea_7aad_030b),
        (0x4024_0000_0000_0000, 0x4002_6bb1_bbb5_5516),
        (0x0010_0000_0000_0000, 0xc086_232b_dd7a_bcd2),
        (0x7fef_ffff_ffff_ffff, 0x4086_2e42_fefa_39ef),
        (0x0000_0000_0000_0001, 0xc087_4385_446d_71c3),
        (0x000f_ffff_ffff_ffff, 0xc086_232b_dd7a_bcd2),
        (0x3fe8_0000_0000_0000, 0xbfd2_6962_1134_db92),
        (0x3ff8_0000_0000_0000, 0x3fd9_f323_ecbf_984c),
        (0x3ff6_8000_0000_0000, 0x3fd5_d1bd_bf58_09ca),
        (0x3ff6_7fff_ffff_ffff, 0x3fd5_d1bd_bf58_09c7),
        (0x3fe6_8000_0000_0000, 0xbfd6_8ac8_3e9c_6a14),
        (0x3fe6_7fff_ffff_ffff, 0xbfd6_8ac8_3e9c_6a17),
        (0x3cb0_0000_0000_0000, 0xc042_0596_6f2b_4f12),
        (0x3cb8_0000_0000_0000, 0xc041_d1b0_2751_cfe2),
        (0x3fef_fffd_0000_0000, 0xbeb8_0001_2000_1200),
        (0x3ff0_0000_0400_0000, 0x3e4f_ffff_fc00_0001),
        (0x3fef_ffff_fc00_0000, 0xbe40_0000_0100_0000),
        (0x3fef_c000_0000_0000, 0xbf80_1015_7588_de71),
        (0x3ff0_2000_0000_0000, 0x3f7f_e02a_6b10_6789),
        (0x3ff0_1fff_ffff_ffff, 0x3f7f_e02a_6b10_668b),
        (0x3fef_bfff_ffff_ffff, 0xbf80_1015_7588_deb2),
        (0x6a56_2a88_6136_29b5, 0x407d_6479_eba7_c971),
        (0x6a56_2a88_6136_29b6, 0x407d_6479_eba7_c971),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fef_ffff_ffff_fffe, 0xbcb0_0000_0000_0001),
        (0x3fe2_36ea_44cb_63eb, 0xbfe2_0855_56b7_2ba6),
        (0x3fe9_ac27_b1e2_d5bf, 0xbfcc_3352_dd37_53b8),
        (0x3fb0_27cc_386b_bc48, 0xc006_1a75_7977_124c),
        (0x3fbe_2fe4_14c3_43c8, 0xc001_1a23_d0c8_3b17),
        (0x3fe8_59cc_fda9_aaf7, 0xbfd1_7ba5_c87a_1b35),
        (0x3fde_3945_cc47_628e, 0xbfe8_0218_dbee_cfc8),
        (0x3fd8_4b9e_9b3b_306e, 0xbfee_febe_1aec_7624),
        (0x3fca_dfce_4f4e_30b4, 0xbff8_f94a_6c27_44ea),
        (0x3fdf_3908_601c_ba32, 0xbfe6_f7af_6273_9c12),
        (0x3fec_960c_0e83_8f51, 0xbfbc_e16a_5790_9de6),
        (0x1c7e_325e_a25f_94a3, 0xc078_9128_c43a_41fb),
        (0x1945_f42b_b73a_fb1c, 0xc07a_cbde_3907_6526),
        (0x1643_c71a_9dca_1f33, 0xc07c_e1e0_0dba_aaa0),
        (0x1a3f_e38b_ba75_e75d, 0xc07a_1f8a_27c5_82bb),
        (0x1e67_7e81_dccc_46f7, 0xc077_3d5f_bbc1_c660),
        (0x1b2a_4887_7257_af7c, 0xc079_7c47_0a2a_293f),
        (0x140c_c6d7_d230_c7df, 0xc07e_6b20_b9a8_b53e),
        (0x0653_dd15_36a8_4bc8, 0xc083_f6ec_56da_fea6),
        (0x2575_4ea5_decc_856c, 0xc072_59ba_2705_1b9d),
        (0x034d_c988_335a_5f25, 0xc085_0365_36e5_f865),
    ];

    #[test]
    fn pinned_bits() {
        for &(x, expected) in VECTORS {
            let x = f64::from_bits(x);
            assert_eq!(ln(x).to_bits(), expected, "ln {x:e}");
        }
    }

    fn parts(x: f64) -> (u64, bool, i32) {
        let significand = x.to_bits() & ((1 << 52) - 1) | 1 << 52;
        let upper = significand >= 45 << 47;
        (significand, upper, (x.to_bits() >> 52) as i32 - 1023 + i32::from(upper))
    }

    #[test]
    fn both_phases_agree_and_the_quick_one_mostly_decides() {
        let stream = crate::random::Stream::new(3, 99);
        let mut undecided = 0;
        for row in 0..20_000 {
            let u = stream.uniform(row, 0);
            let near = 1.0 + (stream.uniform(row, 1) - 0.5) * f64::from_bits((1023 - row % 51) << 52);
            for x in [u, near] {
                if x == 1.0 {
                    continue;
                }
                let (significand, upper, k) = parts(x);
                let m = significand as f64 / if upper { 2.0 } else { 1.0 } / (1u64 << 52) as f64;
                let slow = exact(significand, upper, k);
                match quick(m, k) {
                    Some(value) => assert_eq!(value.to_bits(), slow.to_bits(), "ln {x:e}"),
                    None => undecided += 1,
                }
                assert!((slow - libm::log(x)).abs() <= slow.abs() * f64::EPSILON);
            }
        }
        assert!(undecided < 800, "{undecided} of 40000");
    }

    #[test]
    fn special_values() {
        assert_eq!(ln(1.0).to_bits(), 0);
        assert_eq!((ln(0.0), ln(-0.0)), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        for x in [f64::NAN, -f64::NAN, -1.0, f64::NEG_INFINITY, -f64::from_bits(1)] {
            assert!(ln(x).is_nan());
        }
    }

    #[test]
    fn the_constant_is_the_series() {
        // ln 2 = 2 atanh(1/3): the argument 2 with nothing taken out.
        let (significand, one) = (2u64 << 52, 1u64 << 52);
        let s = Fixed([0, 0, 0, significand - one]).over(significand + one);
        let (mut power, mut sum, mut n) = (s, s, 3);
        while !power.is_zero() {
            power = power.times(s).times(s);
            sum = sum.plus(power.over(n));
            n += 2;
        }
        let gap = LN2_FIXED.minus(sum.times_small(2));
        assert!(gap.0[1..] == [0; 3] && gap.0[0] < 512, "{:?}", gap.0);
    }
}
