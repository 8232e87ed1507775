//! The natural logarithm of a number in (0, 1), correctly rounded.
//!
//! The logarithm decides which row wins a race in [`seeding`](crate::seeding), and system
//! libraries differ in its last bit for several per cent of arguments, so it is computed here
//! once, in numbers of twice the precision (a pair of `f64` whose sum is the value: Dekker 1971),
//! and rounded once. With u = m 2^e and m within a factor sqrt(2) of 1,
//!
//!   ln u = e ln 2 + 2 atanh(s),  s = (m - 1) / (m + 1),  atanh(s) = s (1 + s²/3 + s⁴/5 + ...)
//!
//! and |s| < 0.172, so 24 terms reach below 2^-110. The relative error before the one rounding
//! is below 2^-98: the result is the correctly rounded one except with probability about 2^-44
//! per argument.

use crate::twofold::{LN_2, add, divide, multiply, two_sum};

/// ln u for a normal u > 0, rounded to nearest.
pub fn ln(u: f64) -> f64 {
    let mut e = (u.to_bits() >> 52) as i32 - 1023;
    let mut m = f64::from_bits((u.to_bits() & 0x000f_ffff_ffff_ffff) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        e += 1;
    }
    // m - 1 is exact; m + 1 needs the pair.
    let s = divide((m - 1.0, 0.0), two_sum(m, 1.0));
    let square = multiply(s, s);
    let mut series = (0.0, 0.0);
    for i in (0..24).rev() {
        let coefficient = divide((1.0, 0.0), ((2 * i + 1) as f64, 0.0));
        series = add(multiply(series, square), coefficient);
    }
    let atanh = multiply(s, series);
    let whole = multiply((e as f64, 0.0), LN_2);
    add(whole, (2.0 * atanh.0, 2.0 * atanh.1)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with Python's decimal module at 70 digits, whose ln is correctly rounded:
    // (bits of u, bits of ln u).
    #[test]
    fn equals_seventy_digits_rounded() {
        let known: [(u64, u64); 40] = [
            (0x3fe0000000000000, 0xbfe62e42fefa39ef),
            (0x3fd0000000000000, 0xbff62e42fefa39ef),
            (0x3fe8000000000000, 0xbfd269621134db92),
            (0x3ca0000000000000, 0xc0425e4f7b2737fa),
            (0x3fefffffffffffff, 0xbca0000000000000),
            (0x3feffffffffffffd, 0xbcb8000000000001),
            (0x3fb999999999999a, 0xc0026bb1bbb55515),
            (0x3feccccccccccccd, 0xbfbaf8e8210a415c),
            (0x3fefffeb074a771d, 0xbee4f8bc681df714),
            (0x3fe6a09e667f3bcc, 0xbfd62e42fefa39f1),
            (0x3fe6a09e667f3bcd, 0xbfd62e42fefa39ee),
            (0x3fd059367dd9f116, 0xbff5d601aae97532),
            (0x3d16e00000000000, 0xc03f86fe13df04c0),
            (0x3fefffffffffffcb, 0xbcfa800000000016),
            (0x3fed83af4dd7193d, 0xbfb4b31966454069),
            (0x3dcdb3a400000000, 0xc037a43ba406189c),
            (0x3fefffc3a008e56b, 0xbefe301807aded86),
            (0x3faa8c94c4664ab0, 0xc007acb3ad383a93),
            (0x3f5413b7350b5200, 0xc01ad1647fbf26a5),
            (0x3fefffe1fac68349, 0xbeee054791a620b9),
            (0x3fe1667cc2f2b39d, 0xbfe37ef1a65f1f4e),
            (0x3ef25db834358000, 0xc025e7a5e273cb1e),
            (0x3fefff44d12fca49, 0xbf17661e76782047),
            (0x3fd1e309a1f259b2, 0xbff465a5e11218e9),
            (0x3cde000000000000, 0xc04103ae17926378),
            (0x3feffffffffffffb, 0xbcc4000000000002),
            (0x3fb26a1cc11d3578, 0xc0050e6a73b34ec0),
            (0x3d73c68000000000, 0xc03b8397f926a4b8),
            (0x3feffbf2151c3e7f, 0xbf4038b2a6cc39ab),
            (0x3fef1d6200e8a261, 0xbf9cb9f1283d6bd2),
            (0x3ea5c3df14700000, 0xc02c7f2a71d93f4f),
            (0x3feffe46b19cfae1, 0xbf2b95a466f10e5a),
            (0x3fc54f5efab0ec04, 0xbffcaf855e3c050d),
            (0x3f1412dd283fa000, 0xc022f458b8bedc1d),
            (0x3feffffffffffc7f, 0xbd3c080000000189),
            (0x3fca3635017ed50c, 0xbff95f878a80e16e),
            (0x3d2e100000000000, 0xc03e8f995320e572),
            (0x3fefffffe111e79b, 0xbe6eee1873f2acae),
            (0x3f9616931f5b7c20, 0xc00eb101b9c2e709),
            (0x3f3a8dd571dbc800, 0xc01f3ea42653b81c),
        ];
        for (u, expected) in known {
            let u = f64::from_bits(u);
            assert_eq!(ln(u).to_bits(), expected, "ln {u:e}");
        }
    }

    #[test]
    fn is_within_one_unit_of_the_system_library() {
        for i in 1..20_000u64 {
            let u = crate::philox::uniform(3, i, 9).powi((i % 40 + 1) as i32);
            let apart = ln(u).to_bits().abs_diff(u.ln().to_bits());
            assert!(apart <= 1, "ln {u:e}");
        }
    }
}
