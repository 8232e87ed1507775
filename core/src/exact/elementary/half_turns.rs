//! The arctangent in half turns, correctly rounded: what angles between rows are measured in.
//!
//! (2 / pi) atan t, in three phases, two of them as for [`ln`](super::ln).
//! 1. Quick: u = min(t, 1 / t) in two doubles, c = k / 32 the nearest such number,
//!    z = (u - c) / (1 + u c), |z| <= 1/64, and atan u = atan c + z - z³/3 + ... The table holds
//!    (2 / pi) atan c in two doubles; only z³ (...), below 2^-13 of z, is summed in one. The
//!    relative error stays below 2^-62 (2^-64 by count). If the sum with that error added and
//!    taken away rounds to one number, that is the answer: so for 99 of 100 arguments.
//! 2. Careful: the same with everything in two doubles but the terms from z^11 on, which are below
//!    2^-60 of z. Every step has a relative error of a few 2^-104 and none cancels more than half of
//!    a number; it decides by an error of 2^-90. So for all but one argument in 2^35.
//! 3. Exact enough: Euler's series atan(u) / u = (1 - y) sum c_n y^n, y = u² / (1 + u²) <= 1/2,
//!    c_n = 2 n / (2 n + 1) c_(n-1), all terms positive, in fixed point with 192 bits after the
//!    point.

use super::Fixed;
use crate::exact::twofold::{over, plus, times, two_product, two_sum};

/// 2 / pi in two doubles.
const TWO_OVER_PI: (f64, f64) =
    (f64::from_bits(0x3fe4_5f30_6dc9_c883), f64::from_bits(0xbc86_b01e_c541_7056));

/// floor(2^192 2 / pi).
const TWO_OVER_PI_FIXED: Fixed =
    Fixed([0xdb62_9599_3c43_9041, 0xfc27_57d1_f534_ddc0, 0xa2f9_836e_4e44_1529, 0]);

/// 2^e for a normal result.
const fn power(e: i64) -> f64 {
    f64::from_bits(((1023 + e) as u64) << 52)
}

/// (2 / pi) atan t for t >= 0: the angle whose tangent is t, in quarter turns; so also the angle
/// whose *half* has the tangent t, in half turns. Tier A: correctly rounded for 0, infinity and
/// every t of at least 2^-900.
///
/// Exactly 0, 1/2 and 1 for 0, 1 and infinity; NaN for NaN and for t < 0. Some tens of ns.
///
/// ```
/// use pauca::exact::elementary::half_turns;
/// assert_eq!(half_turns(1.0), 0.5);
/// assert_eq!(half_turns(f64::INFINITY), 1.0);
/// assert!((half_turns(3.0f64.sqrt()) - 2.0 / 3.0).abs() < 1e-15);
/// ```
pub fn half_turns(t: f64) -> f64 {
    if t.is_nan() || t < 0.0 {
        return f64::NAN;
    }
    if t == 0.0 {
        return 0.0;
    }
    if t == 1.0 {
        return 0.5;
    }
    // From here on 1 - (2 / pi) / t rounds to 1.
    if t >= power(54) {
        return 1.0;
    }
    // So far down the function is linear; scaled, no error term is subnormal.
    if t < power(-400) {
        return half_turns(t * power(300)) * power(-300);
    }
    let mut one = [t];
    if !quick(&mut one)[0] {
        one[0] = slow(t);
    }
    one[0]
}

/// [`half_turns`] of every value, in its place: the same bits, several at a time.
pub(crate) fn half_turns_all(values: &mut [f64]) {
    let (body, tail) = values.as_chunks_mut::<16>();
    for t in body {
        let ordinary = |t: &f64| (*t >= power(-400)) & (*t < power(54)) & (*t != 1.0);
        if t.iter().fold(true, |all, t| all & ordinary(t)) {
            let all = *t;
            for (i, decided) in quick(t).into_iter().enumerate() {
                if !decided {
                    t[i] = slow(all[i]);
                }
            }
        } else {
            t.iter_mut().for_each(|t| *t = half_turns(*t));
        }
    }
    tail.iter_mut().for_each(|t| *t = half_turns(*t));
}

/// What [`quick`] leaves.
#[cold]
fn slow(t: f64) -> f64 {
    careful(t).unwrap_or_else(|| exact(t))
}

/// For t of [2^-400, 2^54): u = min(t, 1 / t) in two doubles, and the k for which it lies within 1/64
/// of k / 32.
#[inline(always)]
fn reduced(t: f64) -> (f64, f64, usize) {
    /// Adding it rounds to an integer, which the low bits then are.
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    let inverse = 1.0 / t;
    let (p, e) = two_product(inverse, t);
    let inverse_low = ((1.0 - p) - e) / t;
    let (u, u_low) = if t > 1.0 { (inverse, inverse_low) } else { (t, 0.0) };
    (u, u_low, ((u * 32.0 + ROUND).to_bits() & 63) as usize)
}

/// (2 / pi) atan of every t of [2^-400, 2^54) in its place, and whether the error bound decides its
/// rounding. Written as loops over N numbers, so that they fill vectors.
#[inline(always)]
fn quick<const N: usize>(t: &mut [f64; N]) -> [bool; N] {
    let (mut u, mut u_low, mut k) = ([0.0; N], [0.0; N], [0; N]);
    for i in 0..N {
        (u[i], u_low[i], k[i]) = reduced(t[i]);
    }
    let (mut high, mut low) = ([0.0; N], [0.0; N]);
    for i in 0..N {
        let (a, b) = TABLE[k[i].min(32)];
        (high[i], low[i]) = (f64::from_bits(a), f64::from_bits(b));
    }
    let mut decided = [false; N];
    for i in 0..N {
        let (u, u_low, c) = (u[i], u_low[i], k[i] as u32 as f64 / 32.0);
        // The difference is exact.
        let n = u - c;
        let (p, p_low) = two_product(u, c);
        let (d, e) = two_sum(1.0, p);
        let d_low = e + p_low + u_low * c;
        let z = n / d;
        let (q, q_low) = two_product(z, d);
        let z_low = (((n - q) - q_low) + u_low - z * d_low) / d;
        let square = z * z;
        let mut sum = 1.0 / 13.0;
        for inverse in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0] {
            sum = inverse - square * sum;
        }
        let rest = z_low - z * square * sum;
        let (v, v_low) = two_product(z, TWO_OVER_PI.0);
        let (s, e) = two_sum(high[i], v);
        let tail = e + (v_low + z * TWO_OVER_PI.1 + rest * TWO_OVER_PI.0 + low[i]);
        let (far, far_low) = two_sum(1.0, -s);
        let above = t[i] > 1.0;
        let (s, tail) = if above { (far, far_low - tail) } else { (s, tail) };
        let (h, l) = two_sum(s, tail);
        let error = h * power(-62);
        let up = h + (l + error);
        decided[i] = up == h + (l - error);
        t[i] = up;
    }
    decided
}

/// (2 / pi) atan t for t of [2^-400, 2^54) where two doubles decide its rounding.
fn careful(t: f64) -> Option<f64> {
    let (u, u_low, k) = reduced(t);
    let (high, low) = *TABLE.get(k)?;
    let c = k as f64 / 32.0;
    let z = over(two_sum(u - c, u_low), plus((1.0, 0.0), times((u, u_low), (c, 0.0))));
    let square = times(z, z);
    let mut sum = 1.0 / 19.0;
    for m in [17.0, 15.0, 13.0, 11.0] {
        sum = 1.0 / m - square.0 * sum;
    }
    let mut sum = (sum, 0.0);
    for m in [9.0, 7.0, 5.0, 3.0, 1.0] {
        let (p, q) = times(square, sum);
        sum = plus(over((1.0, 0.0), (m, 0.0)), (-p, -q));
    }
    let part = times(times(z, sum), TWO_OVER_PI);
    let (a, b) = plus((f64::from_bits(high), f64::from_bits(low)), part);
    let (h, l) = if t > 1.0 { plus((1.0, 0.0), (-a, -b)) } else { (a, b) };
    let error = h * power(-90);
    let up = h + (l + error);
    (up == h + (l - error)).then_some(up)
}

/// `x` over 2^bits, rounded down.
fn shifted(x: Fixed, bits: usize) -> Fixed {
    let at = |i: usize| x.0.get(i).copied().unwrap_or(0) as u128;
    let mut out = Fixed([0; 4]);
    for (i, word) in out.0.iter_mut().enumerate() {
        let from = i + bits / 64;
        *word = ((at(from) | at(from + 1) << 64) >> (bits % 64)) as u64;
    }
    out
}

/// atan(u) / u from u², for u <= 1.
fn ratio(square: Fixed) -> Fixed {
    let one = Fixed([0, 0, 0, 1]);
    let two = Fixed([0, 0, 0, 2]);
    // 1 / (1 + u²): the f64 quotient, improved by Newton's iteration to all bits.
    let q = one.plus(square);
    let seed = (1.0 / (1.0 + square.round())).to_bits();
    let significand = seed & ((1 << 52) - 1) | 1 << 52;
    let mut r = shifted(Fixed([0, 0, 0, significand]), 1075 - (seed >> 52) as usize);
    for _ in 0..3 {
        r = r.times(two.minus(q.times(r)));
    }
    let y = one.minus(r);
    let (mut term, mut sum, mut n) = (r, r, 1);
    while !term.is_zero() {
        term = term.times(y).times_small(2 * n).over(2 * n + 1);
        sum = sum.plus(term);
        n += 1;
    }
    sum
}

/// The value by 192 bits, for t of [2^-500, 2^54) other than 1.
#[cold]
fn exact(t: f64) -> f64 {
    let bits = t.to_bits();
    let significand = bits & ((1 << 52) - 1) | 1 << 52;
    let field = (bits >> 52) as usize;
    if t < 1.0 {
        // t = significand 2^-s.
        let s = 1075 - field;
        let u = shifted(Fixed([0, 0, 0, significand]), s);
        let g = TWO_OVER_PI_FIXED.times(ratio(u.times(u)));
        return g.times_small(significand).round() * power(-(s as i64));
    }
    // 1 / t = 2^52 / significand 2^-(field - 1023).
    let u = shifted(Fixed([0, 0, 0, 1 << 52]).over(significand), field - 1023);
    let part = TWO_OVER_PI_FIXED.times(ratio(u.times(u))).times(u);
    Fixed([0, 0, 0, 1]).minus(part).round()
}

/// For k = 0..=32: (2 / pi) atan(k / 32) in two doubles.
#[rustfmt::skip]
const TABLE: [(u64, u64); 33] = [
    (0x0000_0000_0000_0000, 0x0000_0000_0000_0000),
    (0x3f94_5d7e_1590_4628, 0xbc3e_a58d_ac85_f494),
    (0x3fa4_586a_1872_c4d7, 0x3c49_8198_0024_536d),
    (0x3fae_77fc_4d61_a048, 0x3c36_db98_b30d_2384),
    (0x3fb4_4447_5077_7668, 0x3c5b_7f92_55cb_1f1e),
    (0x3fb9_42b2_da6d_3f8f, 0xbc52_6585_01bb_1cf6),
    (0x3fbe_34ff_3a10_b9cc, 0xbc53_a82d_c04d_9fea),
    (0x3fc1_8c86_4aae_cac3, 0x3c60_9d0c_6594_6887),
    (0x3fc3_f670_b6bd_c73d, 0x3c4b_be87_e794_1244),
    (0x3fc6_5757_2a8e_b16d, 0x3c43_e82f_916a_223a),
    (0x3fc8_ae68_5509_8eec, 0x3c58_d9c7_09ee_9d4d),
    (0x3fca_faea_29d4_3dfb, 0x3c6d_0fc6_4541_8c6d),
    (0x3fcd_3c3a_482f_3ab5, 0xbc41_6f02_508c_9309),
    (0x3fcf_71cd_f27e_994d, 0x3c4e_691c_89c7_689c),
    (0x3fd0_cd98_d129_3ee4, 0x3c70_9292_0d9b_2e4b),
    (0x3fd1_dc04_2355_a3c1, 0xbc61_427b_e420_ae20),
    (0x3fd2_e405_1d9d_f308, 0x3c79_95a2_3db6_b8d4),
    (0x3fd3_e582_03d3_c359, 0xbc76_0189_02d7_d361),
    (0x3fd4_e06a_7aa3_c7de, 0xbc51_d278_68a9_3360),
    (0x3fd5_d4b6_c488_8c77, 0x3c62_af8f_8142_5f93),
    (0x3fd6_c266_f6ed_fc1e, 0x3c6f_0066_ff5b_8be7),
    (0x3fd7_a982_2cde_870c, 0x3c50_db4f_7bf3_aed2),
    (0x3fd8_8a15_bbbc_a864, 0xbc5c_70e9_6caf_7489),
    (0x3fd9_6434_6db4_96e2, 0x3c39_7a94_1ea6_e21a),
    (0x3fda_37f5_c4c4_19ef, 0x3c69_a977_0925_1cae),
    (0x3fdb_0575_4878_e5b1, 0xbc7c_ff34_593e_3d1c),
    (0x3fdb_ccd1_dfdd_0272, 0x3c6f_66e6_fcf5_dec1),
    (0x3fdc_8e2d_3876_e8e1, 0x3c76_5424_7470_75cc),
    (0x3fdd_49ab_3ac8_b1bb, 0x3c74_1af9_7894_32fb),
    (0x3fdd_ff71_8c56_3e17, 0x3c70_566f_85b7_6876),
    (0x3fde_afa7_1eeb_f23a, 0x3c7e_cdb4_2861_a8df),
    (0x3fdf_5a73_cca4_50a1, 0xbc7c_a0ca_e113_6b2c),
    (0x3fe0_0000_0000_0000, 0x0000_0000_0000_0000),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// (t, (2 / pi) atan t) by 600-bit arithmetic: the ends of the range and of the table's intervals,
    /// neighbours of 1, random ones, and the hardest of 60,000 random ones.
    #[rustfmt::skip]
    const VECTORS: &[(u64, u64)] = &[
        (0x2eb3_6d3b_7c36_a91a, 0x2ea8_bc1d_b975_717e),
        (0x37a1_6c26_2777_579c, 0x3796_2ed6_8fde_7564),
        (0x36a0_0000_0000_0000, 0x3694_5f30_6dc9_c883),
        (0x3e11_2e0b_e826_d695, 0x3e05_dfc4_48e9_0628),
        (0x3eb0_c6f7_a0b5_ed8d, 0x3ea5_5c85_af33_882e),
        (0x3f1a_36e2_eb1c_432d, 0x3f10_b048_6ff1_5c20),
        (0x3f84_7ae1_47ae_147b, 0x3f7a_1338_3a84_979b),
        (0x3f90_0000_0000_0000, 0x3f84_5ec3_cb85_04c5),
        (0x3f8f_ffff_ffff_ffff, 0x3f84_5ec3_cb85_04c5),
        (0x3fb9_9999_9999_999a, 0x3fb0_3e53_b7a0_3528),
        (0x3fa0_0000_0000_0000, 0x3f94_5d7e_1590_4628),
        (0x3fe0_0000_0000_0000, 0x3fd2_e405_1d9d_f308),
        (0x3fef_ffff_ffff_ffff, 0x3fdf_ffff_ffff_ffff),
        (0x3ff0_0000_0000_0001, 0x3fe0_0000_0000_0001),
        (0x3ff8_0000_0000_0000, 0x3fe4_0574_8722_17af),
        (0x4000_0000_0000_0000, 0x3fe6_8dfd_7131_067c),
        (0x4008_0000_0000_0000, 0x3fe9_7202_8ece_f984),
        (0x4050_0000_0000_0000, 0x3fef_ae84_f0d1_ebed),
        (0x408f_4000_0000_0000, 0x3fef_fac8_e979_e443),
        (0x412e_8480_0000_0000, 0x3fef_fffe_aa37_a50d),
        (0x41cd_cd65_0000_0000, 0x3fef_ffff_ffa8_80ef),
        (0x430c_6bf5_2634_0000, 0x3fef_ffff_ffff_fffa),
        (0x4340_0000_0000_0000, 0x3fef_ffff_ffff_ffff),
        (0x4346_a09e_667f_3bcd, 0x3ff0_0000_0000_0000),
        (0x3fc1_32d8_f91b_7584, 0x3fb5_c481_32cc_fb64),
        (0x3feb_1e2d_5b35_84f8, 0x3fdc_a494_8c4a_c883),
        (0x3fe8_70d7_7840_9f13, 0x3fda_934e_2e70_0551),
        (0x3fd0_530d_08f1_7f5c, 0x3fc4_59d8_2f1c_537d),
        (0x3fdf_b535_5e16_737a, 0x3fd2_bddc_0575_dec5),
        (0x3fdc_c476_2bc7_2882, 0x3fd1_361c_7379_b8b0),
        (0x3fe4_d9d9_8184_b9da, 0x3fd7_877b_c549_0d7a),
        (0x3fe9_3d38_c0d6_fe64, 0x3fdb_35b0_3d02_b15e),
        (0x3fb8_072e_8f9c_8590, 0x3fae_810c_cfd6_671a),
        (0x3f9d_071e_f258_3660, 0x3f92_7988_2b03_7e41),
        (0x3fea_be96_758f_2a0a, 0x3fdc_5d55_92d4_3a75),
        (0x3fdb_b274_a4dc_0872, 0x3fd0_a416_f81c_f1a1),
        (0x413e_13d8_75ce_92ed, 0x3fef_ffff_529b_c10b),
        (0x3d73_c378_68b3_b07d, 0x3d69_29ea_efd4_652e),
        (0x3fa9_092e_8385_1cea, 0x3f9f_d9ed_cfeb_9532),
        (0x4109_5384_e6f0_ea52, 0x3fef_fff9_90a3_27e9),
        (0x3e94_c0ac_87e9_89cc, 0x3e8a_6c4e_7ab6_cd98),
        (0x4226_9fb5_b588_7395, 0x3fef_ffff_fffe_32f7),
        (0x41f0_0c45_5746_304d, 0x3fef_ffff_ffeb_b063),
        (0x3d97_d8a1_62c3_203f, 0x3d8e_5ca8_2732_feda),
        (0x3d91_f219_9b85_5ef5, 0x3d86_d963_cbe2_91e0),
        (0x4023_b894_accc_19a1, 0x3fed_f0e7_d429_b30e),
        (0x4220_216d_d4d2_0afd, 0x3fef_ffff_fffd_7961),
        (0x3f57_15a5_df6c_9b09, 0x3f4d_6464_792e_a49c),
        (0x4060_5d41_326b_1e67, 0x3fef_d82a_013e_8371),
        (0x4066_f827_c8a5_9d6a, 0x3fef_e39e_79f4_2c07),
        (0x3f21_ab94_5c5a_9e72, 0x3f16_7f99_ae09_095e),
        (0x3db5_26c1_7444_2c81, 0x3daa_ee47_f35e_af0d),
        (0x3fdb_1fe5_24f4_b85c, 0x3fd0_553f_b447_3631),
        (0x4030_1664_27ee_9a7f, 0x3fee_bc3d_48a4_7fa8),
        (0x4051_36bd_b77f_0ff0, 0x3fef_b443_99f3_dbc3),
        (0x3c6a_5bac_29fe_4fa1, 0x3c60_c7b3_a54c_5327),
    ];

    #[test]
    fn pinned_bits() {
        for &(t, expected) in VECTORS {
            let t = f64::from_bits(t);
            assert_eq!(half_turns(t).to_bits(), expected, "{t:e}");
        }
    }

    #[test]
    fn all_phases_agree_and_the_quick_one_mostly_decides() {
        let stream = crate::random::Stream::new(4, 99);
        let mut undecided = 0;
        for row in 0..20_000 {
            let u = stream.uniform(row, 0);
            let far = u * power(row as i64 % 100 - 50);
            for t in [u, 1.0 / u, far] {
                let slow = exact(t);
                let mut value = [t];
                match quick(&mut value) {
                    [true] => assert_eq!(value[0].to_bits(), slow.to_bits(), "{t:e}"),
                    [false] => undecided += 1,
                }
                assert_eq!(careful(t).map(f64::to_bits), Some(slow.to_bits()), "{t:e}");
                let rough = libm::atan(t) * TWO_OVER_PI.0;
                assert!((slow - rough).abs() <= 2.0 * slow * f64::EPSILON, "{t:e}");
            }
        }
        assert!(undecided < 1200, "{undecided} of 60000");
    }

    #[test]
    fn hard_arguments_are_decided_by_two_doubles() {
        for &(t, expected) in VECTORS {
            let t = f64::from_bits(t);
            // At 0, 1 and in the far range nothing is asked of it.
            if t < power(54) && t >= power(-400) {
                assert_eq!(careful(t).map(f64::to_bits), Some(expected), "{t:e}");
            }
        }
    }

    #[test]
    fn many_at_a_time_are_the_same() {
        let stream = crate::random::Stream::new(5, 99);
        let special = [0.0, 1.0, f64::INFINITY, f64::NAN, -1.0, power(-800), power(60), 2.0];
        for case in 0..400u64 {
            let mut values: alloc::vec::Vec<f64> = (0..case as u32 % 70)
                .map(|i| {
                    let u = stream.uniform(case, i);
                    match case % 3 {
                        0 => u,
                        1 => 1.0 / u,
                        _ if i % 9 == 4 => special[(u * 8.0) as usize],
                        _ => u * power(i as i64 - 30),
                    }
                })
                .collect();
            let expected: alloc::vec::Vec<u64> = values.iter().map(|t| half_turns(*t).to_bits()).collect();
            half_turns_all(&mut values);
            assert!(values.iter().map(|v| v.to_bits()).eq(expected), "case {case}");
        }
    }

    #[test]
    fn special_values() {
        assert_eq!((half_turns(0.0).to_bits(), half_turns(1.0)), (0, 0.5));
        assert_eq!((half_turns(f64::INFINITY), half_turns(f64::MAX), half_turns(power(54))), (1.0, 1.0, 1.0));
        assert!(half_turns(f64::NAN).is_nan() && half_turns(-1.0).is_nan());
        assert_eq!(half_turns(power(-800)), TWO_OVER_PI.0 * power(-800));
    }
}
