//! e^x, correctly rounded.
//!
//! |x| = n ln 2 + r with 0 <= r < ln 2, in fixed point with 192 bits after the point; e^r by its
//! series, 45 terms. For negative x the next n and its r, so that the series is always that of a
//! number from 0 on and e^x = 2^±n e^r. The product n ln 2 is short by less than 2^-181, the
//! series by 2^-184: the error of e^r is below 2^-179. The hardest e^x of all f64 needs 113 bits
//! after the first for |x| >= 2^-30 and 158 for smaller ones (Lefèvre and Muller 2001), down to
//! |x| = 2^-54, where 1 is the answer; roundings to fewer bits, of subnormal results, meet the same
//! numbers or easier ones.

use super::{Fixed, LN2_FIXED};

/// The largest x whose exponential is finite, and the smallest whose is not 0.
const RANGE: (f64, f64) = (f64::from_bits(0xc087_4910_d52d_3051), f64::from_bits(0x4086_2e42_fefa_39ef));

/// The exponential, correctly rounded (to nearest; only e^0 = 1 is exact). Tier A.
///
/// Right for every x, subnormal results included. NaN for NaN; infinity above 709.78, 0 below
/// -745.13. About 2 µs: for the few values of a call that decide.
///
/// ```
/// use pauca::exact::elementary::exp;
/// assert_eq!(exp(0.0), 1.0);
/// assert_eq!(exp(1.0), core::f64::consts::E);
/// assert_eq!(exp(-800.0), 0.0);
/// ```
pub fn exp(x: f64) -> f64 {
    let bits = x.to_bits() & !(1 << 63);
    if bits > 0x7ff0_0000_0000_0000 {
        return f64::NAN;
    }
    // Below 2^-54 e^x is nearer to 1 than to any other number.
    if bits <= (1023 - 54) << 52 {
        return 1.0;
    }
    if x > RANGE.1 {
        return f64::INFINITY;
    }
    if x < RANGE.0 {
        return 0.0;
    }
    let size = f64::from_bits(bits);
    let fixed = Fixed::from_f64(size);
    // Right but for a neighbour.
    let mut n = (size * core::f64::consts::LOG2_E) as u64;
    if fixed < LN2_FIXED.times_small(n) {
        n -= 1;
    } else if fixed >= LN2_FIXED.times_small(n + 1) {
        n += 1;
    }
    if x > 0.0 {
        scaled(series(fixed.minus(LN2_FIXED.times_small(n))), n as i32)
    } else {
        scaled(series(LN2_FIXED.times_small(n + 1).minus(fixed)), -(n as i32) - 1)
    }
}

/// e^r for r in [0, ln 2].
fn series(r: Fixed) -> Fixed {
    let one = Fixed([0, 0, 0, 1]);
    let (mut term, mut sum, mut i) = (one, one, 1);
    while !term.is_zero() {
        term = term.times(r).over(i);
        sum = sum.plus(term);
        i += 1;
    }
    sum
}

/// f 2^n to the nearest f64, for f in [1, 2] and n >= -1075.
fn scaled(f: Fixed, n: i32) -> f64 {
    if n >= -1022 {
        // The significand stays, the exponent moves.
        return f64::from_bits(f.round().to_bits().wrapping_add((n as u64) << 52));
    }
    // So many bits after the point count, the last of them half a unit.
    let half = (n + 1075) as u32;
    let doubled = (((f.0[3] as u128) << 64 | f.0[2] as u128) >> (64 - half)) as u64;
    f64::from_bits(doubled.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (x, e^x) by Python's decimal module at 400 digits.
    #[rustfmt::skip]
    const VECTORS: &[(u64, u64)] = &[
        (0x3ff0_0000_0000_0000, 0x4005_bf0a_8b14_5769),
        (0xbff0_0000_0000_0000, 0x3fd7_8b56_362c_ef38),
        (0x3fe0_0000_0000_0000, 0x3ffa_6129_8e1e_069c),
        (0xbfe0_0000_0000_0000, 0x3fe3_68b2_fc6f_960a),
        (0x4000_0000_0000_0000, 0x401d_8e64_b8d4_ddae),
        (0xc000_0000_0000_0000, 0x3fc1_52aa_a3bf_81cc),
        (0x4024_0000_0000_0000, 0x40d5_829d_cf95_0560),
        (0xc024_0000_0000_0000, 0x3f07_cd79_b564_7c9b),
        (0xc042_8000_0000_0000, 0x3c98_9847_1fca_6055),
        (0xc044_0000_0000_0000, 0x3c53_9792_499b_1a24),
        (0x4085_e000_0000_0000, 0x7f0d_945d_f4f8_ec8e),
        (0xc085_e000_0000_0000, 0x00d1_4f2b_0fb9_307f),
        (0x4086_2e42_fefa_39ef, 0x7fef_ffff_ffff_ff2a),
        (0xc087_4910_d52d_3051, 0x0000_0000_0000_0001),
        (0xc087_4910_d52d_3050, 0x0000_0000_0000_0001),
        (0xc087_4800_0000_0000, 0x0000_0000_0000_0001),
        (0xc086_232b_dd7a_bcd2, 0x0010_0000_0000_007c),
        (0xc086_2333_3333_3333, 0x000f_f15b_469e_df89),
        (0xc086_2800_0000_0000, 0x0008_bfe5_5de0_2338),
        (0xc087_4000_0000_0000, 0x0000_0000_0000_0002),
        (0xc086_8400_0000_0000, 0x0000_0005_cf08_fff0),
        (0x3c90_0000_0000_0001, 0x3ff0_0000_0000_0000),
        (0xbc90_0000_0000_0001, 0x3fef_ffff_ffff_ffff),
        (0x3ca0_0000_0000_0000, 0x3ff0_0000_0000_0001),
        (0xbca0_0000_0000_0000, 0x3fef_ffff_ffff_ffff),
        (0x3cb0_0000_0000_0000, 0x3ff0_0000_0000_0001),
        (0xbcb0_0000_0000_0000, 0x3fef_ffff_ffff_fffe),
        (0x3e10_0000_0000_0000, 0x3ff0_0000_0040_0000),
        (0xbe10_0000_0000_0000, 0x3fef_ffff_ff80_0000),
        (0x3fe6_2e42_fefa_39ef, 0x4000_0000_0000_0000),
        (0xbfe6_2e42_fefa_39ef, 0x3fe0_0000_0000_0000),
        (0x3fe6_2e42_fefa_39ee, 0x3fff_ffff_ffff_ffff),
        (0xbfe6_2e42_fefa_39f0, 0x3fdf_ffff_ffff_ffff),
        (0x3ff6_2e42_fefa_39ef, 0x4010_0000_0000_0000),
        (0xbff6_2e42_fefa_39ef, 0x3fd0_0000_0000_0000),
        (0x3fdf_b7fd_26cd_e7c0, 0x3ffa_438b_bf5b_ab48),
        (0xbfe3_eecf_8905_9360, 0x3fe1_2a12_7282_07a5),
        (0xbfe7_bcb8_116f_23ee, 0x3fde_7b13_f1da_8939),
        (0xbfe9_7239_c6c3_047f, 0x3fdc_e546_638f_7a33),
        (0xbfee_288d_7f5d_b50c, 0x3fd8_f062_3b91_29ee),
        (0xbfe7_ad3f_c69b_ae32, 0x3fde_89d3_c86a_6d7e),
        (0xbfed_83af_b61e_c2c4, 0x3fd9_722c_4465_1cec),
        (0xbf9d_b38b_eb90_86e0, 0x3fef_15cd_5489_05e0),
        (0xbfdd_ccc2_f635_29c2, 0x3fe4_167a_d3fb_42f5),
        (0xbfee_2ffa_6cff_07a8, 0x3fd8_ea99_6d6c_0eeb),
        (0xbfe4_c466_4835_1904, 0x3fe0_b8fc_96e6_2c08),
        (0xc01c_d42d_44a0_9da2, 0x3f48_49dc_638d_5ce3),
        (0xbfec_fb10_ebe5_bb28, 0x3fd9_dfb8_f977_dd32),
        (0xc00e_053a_2ef2_9388, 0x3f98_0552_0ca9_b340),
        (0xbfff_8fb2_d617_959c, 0x3fc1_cdef_798b_d042),
        (0xc011_667d_2c68_6bfa, 0x3f8a_6e4c_92bb_678d),
        (0xc012_5db9_e8ff_508d, 0x3f84_c2e2_eea4_3e16),
        (0xbfba_db9c_bb2e_db00, 0x3fec_d018_abbc_f56b),
        (0xbffb_bdcd_5687_c964, 0x3fc6_9b00_012e_6434),
        (0xc001_e30a_0174_e414, 0x3fbb_5dd0_eedc_abbe),
        (0xc01d_52b3_8778_4732, 0x3f45_7727_d3b7_87ac),
        (0x4077_4040_07a2_6ca9, 0x617a_1592_5453_bec1),
        (0xc07d_c8dd_9aca_9bdd, 0x14f6_4801_114e_4c3e),
        (0x407a_0017_b529_68ab, 0x6571_fe9a_2fd8_77ad),
        (0xc07f_9b9c_1dad_ce84, 0x1254_ff6d_ebaa_c72b),
        (0x4064_8ddf_777b_146d, 0x4ec2_bb67_2a09_5565),
        (0xc080_54f7_f5de_dce1, 0x10d0_3108_4a09_c2f4),
        (0xc085_cc1f_1d76_ba52, 0x0109_f617_2e88_f3c9),
        (0x4080_3fbb_af1f_703a, 0x6ed1_cb31_9e76_9978),
        (0xc079_6c2d_51f9_f00a, 0x1b41_f94f_bddf_1bcc),
        (0xc078_e538_c87f_a4e8, 0x1c04_3416_b9a1_12ff),
        (0xbfc9_7f51_ab2a_9548, 0x3fea_386c_7ad0_7dad),
        (0xc029_04ee_f4d6_73f5, 0x3ece_f62f_2333_47c1),
        (0xc037_0331_51cf_7f20, 0x3ddb_dba8_6678_95e2),
        (0xc03a_c10c_b597_e3c3, 0x3d85_242c_6427_3b72),
        (0xc009_8cdd_101c_970e, 0x3fa5_001d_2219_e450),
        (0xbfcd_d952_8667_afe0, 0x3fe9_580f_1d02_99d7),
        (0xc014_fe9d_4fb5_07bb, 0x3f75_85df_306b_46f4),
        (0xbfe2_2d13_6630_0fe7, 0x3fe2_220c_4b7f_9eb9),
        (0xbfb7_6546_9361_2878, 0x3fed_3488_0cd2_22d8),
        (0xbfb0_89c0_dcc5_86c8, 0x3fed_ff83_4c6c_946c),
        (0xc014_e1af_d692_1651, 0x3f76_23be_3d59_e344),
        (0xbfbe_d734_778f_88c8, 0x3fec_5e3a_9d4c_7889),
    ];

    #[test]
    fn pinned_bits() {
        for &(x, expected) in VECTORS {
            let x = f64::from_bits(x);
            assert_eq!(exp(x).to_bits(), expected, "exp {x:e}");
        }
    }

    #[test]
    fn special_values() {
        for x in [0.0, -0.0, f64::from_bits(1), -f64::MIN_POSITIVE, f64::from_bits((1023 - 54) << 52)] {
            assert_eq!(exp(x).to_bits(), 1f64.to_bits(), "{x:e}");
        }
        assert_eq!((exp(f64::INFINITY), exp(f64::NEG_INFINITY).to_bits()), (f64::INFINITY, 0));
        assert!(exp(f64::NAN).is_nan() && exp(-f64::NAN).is_nan());
        // Both ends of the range, and the numbers beyond them.
        let next = |x: f64, by: i64| f64::from_bits((x.to_bits() as i64 + by) as u64);
        assert!(exp(RANGE.1).is_finite() && exp(next(RANGE.1, 1)) == f64::INFINITY);
        assert_eq!((exp(RANGE.0).to_bits(), exp(next(RANGE.0, 1)).to_bits()), (1, 0));
    }

    #[test]
    fn is_within_one_unit_of_a_good_library_and_undone_by_ln() {
        let stream = crate::random::Stream::new(4, 99);
        for row in 0..20_000 {
            let x = (stream.uniform(row, 0) - 0.5) * [2.0, 40.0, 1400.0, 1e-9][row as usize % 4];
            let y = exp(x);
            assert!(y.to_bits().abs_diff(libm::exp(x).to_bits()) <= 1, "{x:e}");
            // ln of a number that is off by half a unit.
            assert!((super::super::ln(y) - x).abs() <= f64::EPSILON * (1.0 + x.abs()), "{x:e}");
        }
    }
}
