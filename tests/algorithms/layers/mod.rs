//! Layer similarity against the reference, exact arithmetic, and what must hold whatever the data.
//!
//! | room | what it holds |
//! |---|---|
//! | [`angles`] | two rows: exact truth, exact ends, symmetries |
//! | [`distances`] | all pairs in one pass: the reference, batches, merges, threads, padding, bytes |
//! | [`blocks`] | choosing blocks, labels, plans |
//! | [`cka`], [`canonical`] | similarities of whole states |
//! | [`torture`] | the numbered hard cases |
//! | [`misuse`] | errors, cancellation |
//! | [`machines`] | the same bits on a machine that is not the CPU |

mod angles;
mod blocks;
mod canonical;
mod cka;
mod distances;
mod machines;
mod misuse;
mod torture;

use pauca::Rows;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;
use pauca_tests::run::{serial, threads};

/// States of one network: `[L + 1][samples][d]`.
pub type States = Vec<Vec<Vec<f32>>>;

/// States that resemble each other as those of a network do: each adds a little to the one before
/// it; sometimes nothing, sometimes all is turned round.
pub fn residual(layers: usize, samples: usize, d: usize, rng: &mut Rng) -> States {
    let mut x: Vec<Vec<f32>> = Kind::Normal.rows(samples, d, rng);
    let mut states = vec![x.clone()];
    for _ in 0..layers {
        let step = rng.pick(&[0.0, 1e-7, 1e-4, 0.03, 0.3, 1.0]);
        let factor = rng.pick(&[1.0f32, 1.0, 2.0, 3.0, -1.0]);
        for row in &mut x {
            for v in row.iter_mut() {
                *v = (*v + step * rng.normal() as f32) * factor;
            }
        }
        states.push(x.clone());
    }
    states
}

/// States of every awkward kind.
pub fn some_states(rng: &mut Rng) -> States {
    let (layers, samples, d) = (1 + rng.below(6), rng.below(9), 1 + rng.below(40));
    if rng.chance(0.4) {
        return residual(layers, samples, d, rng);
    }
    let kind = rng.pick(&Kind::ALL);
    (0..=layers).map(|_| kind.rows(samples, d, rng)).collect()
}

/// The arrays behind the views.
pub fn arrays(states: &States, d: usize) -> Vec<ndarray::Array2<f32>> {
    let of =
        |rows: &Vec<Vec<f32>>| if rows.is_empty() { ndarray::Array2::zeros((0, d)) } else { array(rows) };
    states.iter().map(of).collect()
}

/// The views.
pub fn views(arrays: &[ndarray::Array2<f32>]) -> Vec<Rows<'_>> {
    arrays.iter().map(|a| Rows::F32(a.view())).collect()
}
