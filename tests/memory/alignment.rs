//! Contrastive losses, and the searches that share their tiles.

use ndarray::Array2;
use pauca::Real;
use pauca::alignment::{
    Directions, HardNegatives, InfoNce, Matches, PairWeighting, Retrieval, SigLip, Targets,
};
use pauca_tests::memory::every_refusal;
use pauca_tests::run::serial;

use crate::{digest, latents};

/// More than one tile of either side.
const N: usize = 257;
const M: usize = 150;
const D: usize = 24;

fn losses<'a, T: Real>(name: &str, [x, y]: &'a [Array2<T>; 2], targets: Targets<'a, T>) {
    let cx = serial();
    let gradients = |g: pauca::alignment::LossGradients<T>| (g.value.to_bits(), digest(&g.x), digest(&g.y));
    for &directions in Directions::ALL {
        let loss = InfoNce::new().directions(directions).weighting(PairWeighting::Rows);
        every_refusal(&format!("info nce, {name}"), || {
            let value = loss.value_in(x.view(), y.view(), 3.0, targets, &cx)?;
            Ok((value.to_bits(), gradients(loss.gradients_in(x.view(), y.view(), 3.0, targets, &cx)?)))
        });
    }
    every_refusal(&format!("siglip, {name}"), || {
        let value = SigLip::new().value_in(x.view(), y.view(), 3.0, -1.0, targets, &cx)?;
        Ok((
            value.to_bits(),
            gradients(SigLip::new().gradients_in(x.view(), y.view(), 3.0, -1.0, targets, &cx)?),
        ))
    });
}

#[test]
fn refused_memory_is_an_error_for_contrastive_losses() {
    let groups: Vec<u64> = (0..N as u64).map(|i| i % 40).collect();
    let pairs: Vec<[u32; 2]> = (0..N as u32).map(|i| [i, i * 7 % M as u32]).collect();
    let soft = Array2::from_elem((N, M), 0.5f64);
    let narrow = [latents::<f32>(N, D, 0), latents(M, D, 1)];
    let wide = [latents::<f64>(N, D, 0), latents(M, D, 1)];
    losses("groups", &narrow, Matches::Groups { x: &groups, y: &groups[..M] }.into());
    losses("pairs", &wide, Matches::Pairs(&pairs).into());
    losses("soft", &wide, soft.view().into());
}

#[test]
fn refused_memory_is_an_error_for_cross_searches() {
    let (x, y, cx) = (latents::<f32>(N, D, 0), latents::<f32>(M, D, 1), serial());
    let pairs: Vec<[u32; 2]> = (0..N as u32).map(|i| [i, i * 7 % M as u32]).collect();
    let matches = Matches::Pairs(&pairs);
    every_refusal("retrieval", || Retrieval::of_on(&pauca::Cpu::new().unwrap(), &x, &y, matches, &cx));
    every_refusal("hard negatives", || {
        let found = HardNegatives::new(3).find_on(&pauca::Cpu::new().unwrap(), &x, &y, matches, &cx)?;
        Ok((found.rows, digest(&found.similarities)))
    });
    let scores = Array2::from_shape_fn((N, M), |(i, j)| ((i * 31 + j * 17) % 97) as f64);
    every_refusal("retrieval of scores", || Retrieval::of_scores(scores.view(), matches));
}
