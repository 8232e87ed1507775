//! Memorization: contracts, the reference, torture, tiles, memory.
//!
//! | room | what it holds |
//! |---|---|
//! | [`counts`] | M(f) from ids, pairs, bits, logits; runs; parts of speech; curves; forgetting |
//! | [`logits`] | scores from tiles: same bits for every tiling, order, merging, threads; accuracy |
//! | [`extraction`] | suffixes, sampling schemes, discoverability, exposure, counterfactual |
//! | [`membership`] | Min-K%, Min-K%++, true-positive rates |
//! | [`state`] | bytes, damage |
//! | [`forged`] | states of every room with a right checksum and hostile numbers |
//! | [`torture`] | the numbered hard cases |

#![allow(
    clippy::single_range_in_vec_init,
    clippy::needless_borrows_for_generic_args,
    clippy::cloned_ref_to_slice_refs,
    reason = "a list of one tile is meant; rows are built where they are used"
)]
#![allow(clippy::print_stdout, reason = "tests say what they measured")]

mod counts;
mod extraction;
mod forged;
mod logits;
mod membership;
mod state;
mod torture;

use pauca_tests::data::Rng;

/// Logits of `t` tokens over `v` ids: a spread of a few units, some ties, some masked ids.
pub fn some_logits(rng: &mut Rng, t: usize, v: usize) -> Vec<Vec<f32>> {
    let coarse = rng.chance(0.3);
    let spread = rng.pick(&[1.0, 6.0, 40.0, 2000.0]);
    let masked = if rng.chance(0.3) { 0.2 } else { 0.0 };
    let mut value = || match () {
        () if rng.chance(masked) => f32::NEG_INFINITY,
        () if coarse => rng.below(5) as f32 - 2.0,
        () => ((rng.unit() - 0.5) * spread) as f32,
    };
    let mut rows: Vec<Vec<f32>> = (0..t).map(|_| (0..v).map(|_| value()).collect()).collect();
    // At least one id of every token has a probability.
    rows.iter_mut().filter(|row| row.iter().all(|x| !x.is_finite())).for_each(|row| row[0] = 0.5);
    rows
}

/// Distance of two numbers in units of the last place of the larger.
pub fn ulps(a: f64, b: f64) -> f64 {
    match a == b {
        true => 0.0,
        false => (a - b).abs() / (a.abs().max(b.abs()) * f64::EPSILON / 2.0),
    }
}
