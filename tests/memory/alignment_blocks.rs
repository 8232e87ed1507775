//! Blocks of contrastive losses, their states, scores of pairs, balancing.

use pauca::alignment::{
    Balance, ClipScore, Counts, Directions, Filter, InfoNce, InfoNceTotals, Matcher, Matches, Ndcg,
    SoftmaxRows, ZeroShot, balanced_sample, mismatched, threshold_for_tail,
};
use pauca::{Cpu, Rows};
use pauca_tests::memory::{every_refusal_few, refusals};
use pauca_tests::run::serial;

use crate::{digest, latents};

/// More than one tile.
const N: usize = 257;
const D: usize = 24;

#[test]
fn refused_memory_is_an_error_for_blocks_of_losses() {
    let (x, y, cx) = (latents::<f32>(N, D, 0), latents::<f32>(N, D, 1), serial());
    let ids: Vec<u64> = (0..N as u64).map(|i| i % 50).collect();
    let groups = Matches::Groups { x: &ids, y: &ids };
    for directions in [Directions::Both, Directions::XToY] {
        let loss = InfoNce::new().directions(directions);
        let block = || loss.block_statistics_in(x.view(), y.view(), 9.0, groups, &cx);
        let found = block().unwrap();
        let totals = loss.totals(&found.rows, &found.columns).unwrap();
        let both = (&found.rows, &found.columns);
        let (rows, all) = (found.rows.to_bytes().unwrap(), totals.to_bytes().unwrap());
        every_refusal_few("block statistics", || block()?.rows.to_bytes());
        every_refusal_few("block gradients", || {
            let found = totals.block_gradients_in(x.view(), y.view(), groups, both, &cx)?;
            Ok((digest(&found.x), digest(&found.y)))
        });
        every_refusal_few("new statistics", || SoftmaxRows::new(N)?.to_bytes());
        every_refusal_few("statistics from bytes", || SoftmaxRows::from_bytes(&rows)?.to_bytes());
        every_refusal_few("totals to bytes", || totals.to_bytes());
        // These hold nothing that grows.
        assert_eq!(refusals("totals", || loss.totals(&found.rows, &found.columns).map(drop)), 0);
        assert_eq!(refusals("totals", || InfoNceTotals::from_bytes(&all).map(drop)), 0);
    }
}

#[test]
fn refused_memory_is_an_error_for_scores_of_pairs_and_balancing() {
    let (x, y, cx) = (latents::<f32>(N, D, 0), latents::<f32>(N, D, 1), serial());
    let (a, b) = (Rows::F32(x.view()), Rows::F32(y.view()));
    let ids: Vec<u64> = (0..N as u64).map(|i| i % 50).collect();
    let scores: Vec<f64> = (0..2 * N as u32).map(f64::from).collect();
    let classes: Vec<u32> = (0..N as u32).map(|i| i % 60).collect();
    let backend = Cpu::new().unwrap();
    every_refusal_few("clip score", || ClipScore::survey().score_in(&a, &b, &cx));
    every_refusal_few("filter", || Filter::fraction(0.5).select(&scores));
    every_refusal_few("mismatched", || mismatched(N, 1));
    every_refusal_few("balanced", || balanced_sample(&ids, &ids, 2, 1));
    every_refusal_few("ndcg", || Ndcg::new().of_on(&backend, &x, &y, Matches::Diagonal, &cx).map(drop));
    every_refusal_few("zero shot", || ZeroShot::from_texts_on(&backend, &a, &classes, 60, &cx).map(drop));
    let counts = Counts::from(vec![7; N]);
    every_refusal_few("counts", || Counts::new(N).map(drop));
    every_refusal_few("balance", || Balance::new(&counts, 3).map(drop));
    every_refusal_few("tail", || threshold_for_tail(counts.as_slice(), 0.5));
    let entries: Vec<String> = (0..N).map(|i| format!("e{i}")).collect();
    let (matcher, text) = (Matcher::new(&entries).unwrap(), entries.join(" "));
    every_refusal_few("matches", || matcher.matches(&text));
}
