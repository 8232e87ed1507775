//! Against integers of 640 bits, against copies, and against themselves in other orders.

use alloc::vec::Vec;

use super::{MAX_PENDING, Sums, round};
use crate::error::{Error, Result};
use crate::random::Stream;

/// A signed integer of 640 bits in two's complement, in units of 2^-320: the second opinion.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Wide([u64; 10]);

impl Wide {
    fn add(&mut self, other: &Wide) {
        let mut carry = false;
        for (a, b) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = a.overflowing_add(b);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*a, carry) = (sum, first | second);
        }
    }

    fn negated(&self) -> Wide {
        let mut out = Wide(self.0.map(|w| !w));
        let mut one = Wide([0; 10]);
        one.0[0] = 1;
        out.add(&one);
        out
    }

    /// Twice as much, `times` times: slow and plainly right.
    fn doubled(mut self, times: i32) -> Wide {
        for _ in 0..times {
            let copy = self;
            self.add(&copy);
        }
        self
    }

    /// w * x by long multiplication of the integer significands.
    fn product(w: f32, x: f32) -> Wide {
        let split = |x: f32| {
            let field = (x.to_bits() >> 23 & 0xff) as i32;
            let fraction = (x.to_bits() & 0x7f_ffff) as u64;
            if field == 0 { (fraction, -149) } else { (fraction + 0x80_0000, field - 150) }
        };
        let ((a, e), (b, f)) = (split(w), split(x));
        let mut out = Wide([0; 10]);
        out.0[0] = a * b;
        let out = out.doubled(e + f + 320);
        if w.is_sign_negative() != x.is_sign_negative() { out.negated() } else { out }
    }

    /// To the nearest f64, ties to even, bit by bit.
    fn nearest(&self) -> f64 {
        let negative = self.0[9] >> 63 == 1;
        let magnitude = if negative { self.negated() } else { *self };
        let Some(top) = (0..640).rev().find(|i| magnitude.0[i / 64] >> (i % 64) & 1 == 1) else {
            return 0.0;
        };
        let bit = |i: i32| i >= 0 && magnitude.0[i as usize / 64] >> (i % 64) & 1 == 1;
        let top = top as i32;
        let mut m = (0..53).fold(0u64, |m, i| m << 1 | u64::from(bit(top - i)));
        let below = (0..top - 53).any(bit);
        if bit(top - 53) && (below || m & 1 == 1) {
            m += 1;
        }
        // Exact: sums of f32 products are far inside the range.
        let value = m as f64 * f64::from_bits(((top - 52 - 320 + 1023) as u64) << 52);
        if negative { -value } else { value }
    }
}

/// Random f32 of one of several kinds of data.
fn value(case: u64, i: u32, kind: u64) -> f32 {
    let bits = Stream::new(11, 99).bits(case, i);
    let word = bits as u32;
    let unit = (bits >> 40) as f32 / (1 << 23) as f32 - 1.0;
    match kind % 6 {
        0 => unit,
        // Any finite value.
        1 => f32::from_bits(if word >> 23 & 0xff == 0xff { word & !(1 << 23) } else { word }),
        // Subnormal.
        2 => f32::from_bits(word & 0x807f_ffff),
        3 => [1e20, 1e-30, f32::MAX, -f32::MAX, f32::MIN_POSITIVE, -1e-30, 0.0, -0.0][(word % 8) as usize],
        // About the limits of the fast path.
        4 => unit * [65536.0, 131072.0, 1e-12, 4e-13][(word % 4) as usize],
        _ => (word % 1000) as f32 - 500.0,
    }
}

#[test]
fn sums_equal_wide_integers() -> Result<()> {
    for case in 0..400u64 {
        let (k, d, n) = (3, 1 + (case as usize * 7) % 70, 1 + case as u32 % 25);
        let weighted = case % 2 == 1;
        let mut sums = if weighted { Sums::weighted(k, d)? } else { Sums::new(k, d)? };
        if case % 3 > 0 {
            sums.parts_mut().0.iter_mut().try_for_each(|c| c.prepare())?;
        }
        let mut exact = alloc::vec![Wide([0; 10]); k * d];
        let mut rows = Vec::new();
        for i in 0..n {
            let row: Vec<f32> = (0..d as u32).map(|j| value(case, i * 100 + j, case / 2)).collect();
            let weight = if weighted { value(case, 1 << 20 | i, case / 12).abs() } else { 1.0 };
            rows.push((i as usize % k, row, weight));
        }
        for (cluster, row, weight) in &rows {
            sums.add_weighted_row(*cluster, row, *weight)?;
            for (j, x) in row.iter().enumerate() {
                exact[cluster * d + j].add(&Wide::product(*weight, *x));
            }
        }
        for (i, exact) in exact.iter().enumerate() {
            let (found, expected) = (sums.column_sum(i / d, i % d), exact.nearest());
            assert_eq!(found.to_bits(), expected.to_bits(), "case {case}: {found:e} for {expected:e}");
        }
        // Split, in another order, merged: the same bytes; and through bytes and planes.
        let bytes = sums.to_bytes()?;
        let mut parts = [Sums::build(k, d, weighted)?, Sums::build(k, d, weighted)?];
        for (i, (cluster, row, weight)) in rows.iter().enumerate().rev() {
            parts[i * 7 % 5 % 2].add_weighted_row(*cluster, row, *weight)?;
        }
        let [mut first, second] = parts;
        let planes: Vec<i64> = first.planes()?.iter().zip(second.planes()?).map(|(a, b)| a + b).collect();
        assert!(Sums::from_planes(k, d, weighted, &planes)?.to_bytes()? == bytes);
        first.merge(&second)?;
        assert!(first.to_bytes()? == bytes, "case {case}");
        let mut again = Sums::from_bytes(&bytes)?;
        assert!(again.to_bytes()? == bytes);
        // Taking all rows away leaves nothing.
        for (cluster, row, weight) in &rows {
            again.remove_weighted_row(*cluster, row, *weight)?;
        }
        assert!(again.to_bytes()? == Sums::build(k, d, weighted)?.to_bytes()?);
    }
    Ok(())
}

#[test]
fn an_integer_weight_is_copies() -> Result<()> {
    for case in 0..60u64 {
        let row: Vec<f32> = (0..5).map(|j| value(case, j, case)).collect();
        let mut weighted = Sums::weighted(1, 5)?;
        let mut copies = Sums::new(1, 5)?;
        let w = case % 9;
        weighted.add_weighted_row(0, &row, w as f32)?;
        (0..w).try_for_each(|_| copies.add_row(0, &row))?;
        assert_eq!(weighted.weight(0), copies.weight(0));
        let mut means = [[7.0f32; 5]; 2];
        assert_eq!(weighted.mean_into(0, &mut means[0]), copies.mean_into(0, &mut means[1]));
        assert_eq!(means[0].map(f32::to_bits), means[1].map(f32::to_bits));
        for j in 0..5 {
            assert_eq!(weighted.column_sum(0, j).to_bits(), copies.column_sum(0, j).to_bits());
        }
    }
    Ok(())
}

#[test]
fn many_addends_are_carried_in_time() -> Result<()> {
    // More fast additions than one digit holds: 2^14 of them fill the pending count.
    let n = 3 * (MAX_PENDING >> 16) as u64 + 5;
    for sign in [1.0f32, -1.0] {
        let x = sign * (65536.0 - 1.0 / 256.0);
        let mut sums = Sums::new(1, 2)?;
        sums.parts_mut().0.iter_mut().try_for_each(|c| c.prepare())?;
        (0..n).try_for_each(|_| sums.add_row(0, &[x, f32::from_bits(1)]))?;
        (0..n).try_for_each(|_| sums.add_row(0, &[x, 0.0]))?;
        assert_eq!(sums.column_sum(0, 0), 2.0 * n as f64 * x as f64);
        assert_eq!(sums.column_sum(0, 1), n as f64 * f64::from_bits((1023 - 149) << 52));
        assert_eq!(sums.rows(0), 2 * n);
    }
    // Merging adds up to 2^30 pending addends of each side: doubling reaches the higher digits.
    let mut sums = Sums::weighted(1, 1)?;
    sums.add_weighted_row(0, &[f32::MAX], 3.0)?;
    for _ in 0..40 {
        let copy = Sums::from_bytes(&sums.to_bytes()?)?;
        sums.merge(&copy)?;
    }
    assert_eq!(sums.column_sum(0, 0), 3.0 * (1u64 << 40) as f64 * f32::MAX as f64);
    let mut mean = [0.0];
    assert!(sums.mean_into(0, &mut mean));
    assert_eq!(mean, [f32::MAX]);
    Ok(())
}

#[test]
fn means_and_directions() -> Result<()> {
    let mut sums = Sums::new(3, 2)?;
    sums.add_row(0, &[3.0, 4.0])?;
    sums.add_row(2, &[1.0, 1.0])?;
    sums.add_row(2, &[-1.0, -1.0])?;
    let mut out = [9.0; 2];
    assert!(sums.direction_into(0, &mut out)?);
    assert_eq!(out, [0.6, 0.8]);
    assert!(!sums.direction_into(1, &mut out)? && !sums.direction_into(2, &mut out)?);
    assert!(!sums.mean_into(1, &mut out) && out == [0.6, 0.8]);
    assert!(sums.mean_into(2, &mut out));
    assert_eq!(out.map(f32::to_bits), [0, 0]);
    // A subnormal mean is rounded once, to even.
    let mut tiny = Sums::new(1, 1)?;
    tiny.add_row(0, &[f32::from_bits(1)])?;
    tiny.add_row(0, &[f32::from_bits(2)])?;
    assert!(tiny.mean_into(0, &mut out[..1]));
    assert_eq!(out[0].to_bits(), 2);
    Ok(())
}

#[test]
fn wrong_use_is_an_error_and_changes_nothing() -> Result<()> {
    let mut sums = Sums::new(2, 2)?;
    sums.add_row(1, &[1.0, 2.0])?;
    let before = sums.to_bytes()?;
    assert!(matches!(sums.add_row(2, &[0.0; 2]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(sums.add_row(0, &[0.0; 3]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(sums.add_row(0, &[1.0, f32::NAN]), Err(Error::InvalidParameter { .. })));
    assert!(matches!(sums.remove_row(0, &[0.0; 2]), Err(Error::Mismatch { .. })));
    assert!(matches!(sums.add_weighted_row(0, &[0.0; 2], 2.0), Err(Error::Mismatch { .. })));
    assert!(matches!(sums.add_weighted_row(0, &[0.0; 2], -1.0), Err(Error::InvalidParameter { .. })));
    assert!(matches!(sums.merge(&Sums::new(2, 3)?), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(sums.merge(&Sums::weighted(2, 2)?), Err(Error::Mismatch { .. })));
    assert!(sums.to_bytes()? == before);
    assert!(Sums::new(0, 1).is_err() && Sums::new(1, usize::MAX).is_err());
    assert_eq!((sums.column_sum(9, 0), sums.column_sum(0, 9), sums.weight(9)), (0.0, 0.0, 0.0));
    Ok(())
}

#[test]
fn damaged_states_are_errors() -> Result<()> {
    let mut sums = Sums::weighted(2, 3)?;
    sums.add_weighted_row(0, &[1.0, -2.0, 1e30], 0.5)?;
    let bytes = sums.to_bytes()?;
    for i in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[i] ^= 0x40;
        assert!(matches!(Sums::from_bytes(&bad), Err(Error::Corrupt { .. })));
        assert!(matches!(Sums::from_bytes(&bytes[..i]), Err(Error::Corrupt { .. })));
    }
    // Well-formed bytes of a shape that would need far more memory than they take.
    let mut w = crate::bytes::Writer::new(b"paucaES\0", 1);
    w.u64s(&[1 << 40, 1 << 40]);
    w.u32(0);
    assert!(matches!(Sums::from_bytes(&w.finish()?), Err(Error::Corrupt { .. })));
    let mut planes = sums.planes()?;
    assert!(Sums::from_planes(2, 3, true, &planes[1..]).is_err());
    let last = planes.len() - 1;
    planes[last] = i64::MAX;
    assert!(matches!(Sums::from_planes(2, 3, true, &planes), Err(Error::Corrupt { .. })));
    planes[0] = -1;
    assert!(matches!(Sums::from_planes(2, 3, true, &planes), Err(Error::Corrupt { .. })));
    Ok(())
}

#[test]
fn rounding_at_every_position() {
    // 2^a + 2^b for all a > b: rounded as f64 addition rounds.
    for a in 0..160 {
        for b in 0..a {
            let mut digits = [0i64; 6];
            digits[a / 32] += 1 << (a % 32);
            digits[b / 32] -= 1 << (b % 32);
            let exact = |i: usize| f64::from_bits((1023 + i as u64) << 52);
            assert_eq!(round(&mut digits.clone(), 0), exact(a) - exact(b));
            digits.iter_mut().for_each(|d| *d = -*d);
            assert_eq!(round(&mut digits, 0), exact(b) - exact(a));
        }
    }
}

#[test]
fn units_of_a_device_are_the_rows() -> Result<()> {
    let stream = Stream::new(11, 3);
    let (k, d, n) = (3, 5, 400);
    // 2^40, and 2^64 units in 1.
    const GRID: f32 = f32::from_bits((127 + 40) << 23);
    const UNITS: f64 = f64::from_bits((1023 + 64) << 52);
    for weighted in [false, true] {
        let new = || if weighted { Sums::weighted(k, d) } else { Sums::new(k, d) };
        let (mut host, mut device, mut units) = (new()?, new()?, vec![vec![0i128; d]; k]);
        for row in 0..n {
            let value = |j: usize| {
                let exponent = stream.bits(row, 2 * j as u32) % 57;
                let size = f64::from_bits((1023 - 41 + exponent) << 52);
                ((stream.uniform(row, 2 * j as u32 + 1) - 0.5) * size) as f32
            };
            // Whole multiples of 2^-64, below 2^16.
            let values: Vec<f32> = (0..d).map(value).map(|x| (x * GRID).trunc() / GRID).collect();
            let cluster = row as usize % k;
            let leaves = row % 5 == 4;
            if leaves {
                host.remove_row(cluster, &values)?;
            } else {
                host.add_row(cluster, &values)?;
            }
            device.count_rows(cluster, u64::from(!leaves), u64::from(leaves))?;
            for (unit, x) in units[cluster].iter_mut().zip(&values) {
                let x = (*x as f64 * UNITS) as i128;
                *unit += if leaves { -x } else { x };
            }
            if row % 97 == 0 {
                for (cluster, units) in units.iter_mut().enumerate() {
                    device.add_units(cluster, units)?;
                    units.fill(0);
                }
            }
        }
        (0..k).try_for_each(|cluster| device.add_units(cluster, &units[cluster]))?;
        assert_eq!(device.to_bytes()?, host.to_bytes()?);
        assert!(device.add_units(k, &units[0]).is_err() && device.add_units(0, &units[0][1..]).is_err());
        assert!(device.count_rows(0, 0, n).is_err() && device.count_rows(k, 1, 0).is_err());
    }
    Ok(())
}
