//! Exact copies: rows whose values are all equal, with -0.0 equal to 0.0.
//!
//! Such rows have distance 0 and similarity 1 by definition, so they are found by hashing, not by
//! arithmetic. Equal hashes are only a hint: the rows themselves are compared.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::{try_up_to, try_vec};

/// A 64-bit hash of the values of a row; equal rows have equal hashes, -0.0 counts as 0.0.
pub fn hash_row(row: &[f32]) -> u64 {
    // Four independent lanes of multiply-rotate, folded at the end: one multiplication an element.
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [K, K.rotate_left(16), K.rotate_left(32), K.rotate_left(48)];
    let mix = |h: u64, x: f32| (h.rotate_left(23) ^ canonical(x) as u64).wrapping_mul(K);
    let (body, tail) = row.as_chunks::<4>();
    for x in body {
        for l in 0..4 {
            lanes[l] = mix(lanes[l], x[l]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(tail) {
        *lane = mix(*lane, *x);
    }
    lanes.iter().fold(row.len() as u64, |h, &lane| (h ^ (lane >> 29) ^ lane).wrapping_mul(K).rotate_left(31))
}

/// Bits of the value, the same for both zeros. By integers: a comparison with 0.0 would take
/// subnormals for zeros under DAZ.
#[inline(always)]
fn canonical(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits == 0x8000_0000 { 0 } else { bits }
}

/// Whether two rows are exact copies.
pub fn same_row(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| canonical(*x) == canonical(*y))
}

/// For positions `0..hashes.len()`: the first position that holds the same row. Positions of
/// equal hash are compared by `same`, in ascending order. Expected O(n log n) and O(n) memory;
/// a row is compared with one representative per distinct row of its hash.
pub fn first_occurrences(
    hashes: &[u64],
    mut same: impl FnMut(usize, usize) -> Result<bool>,
) -> Result<Vec<usize>> {
    let mut first = try_vec(hashes.len(), 0usize)?;
    let mut sorted = try_up_to(hashes.len(), hashes.iter().copied().zip(0..))?;
    sorted.sort_unstable();
    let mut representatives: Vec<usize> = Vec::new();
    let mut previous = None;
    for (hash, i) in sorted {
        if previous != Some(hash) {
            representatives.clear();
            previous = Some(hash);
        }
        let mut found = i;
        for &r in &representatives {
            if same(r, i)? {
                found = r;
                break;
            }
        }
        if found == i {
            crate::memory::try_grow(&mut representatives, 1)?;
            representatives.push(i);
        }
        first[i] = found;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_zeros_are_one_value_and_subnormals_are_not_zero() {
        assert_eq!(hash_row(&[0.0f32, 1.0]), hash_row(&[-0.0f32, 1.0]));
        assert!(same_row(&[0.0f32, 1.0], &[-0.0f32, 1.0]));
        assert!(!same_row(&[0.0f32, 1.0], &[f32::from_bits(1), 1.0]));
    }

    /// One value more, less or other, at any place of rows of any length.
    #[test]
    fn every_value_counts_for_the_hash() {
        let row: [f32; 40] = core::array::from_fn(|i| 1.0 + i as f32);
        for len in 0..row.len() {
            assert_ne!(hash_row(&row[..len]), hash_row(&row[..len + 1]), "{len}");
            for at in 0..len {
                let mut other = row;
                other[at] = -1.0;
                assert_ne!(hash_row(&row[..len]), hash_row(&other[..len]), "{len}, {at}");
                other = row;
                other.swap(at, len);
                assert_ne!(hash_row(&row[..=len]), hash_row(&other[..=len]), "{len}, {at}");
            }
        }
    }

    #[test]
    fn first_occurrences_survive_equal_hashes() {
        let rows = [[1.0f32], [2.0], [1.0], [3.0], [2.0], [1.0]];
        let first = first_occurrences(&[7; 6], |a, b| Ok(same_row(&rows[a], &rows[b])));
        assert!(matches!(first, Ok(f) if f == [0, 1, 0, 3, 1, 0]));
    }
}
