//! The race against the definition of D² sampling, and against itself without laziness.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Seeds;
use super::race::Race;
use super::shares::Shares;
use crate::backend::Blocks;
use crate::backend::cpu::Cpu;
use crate::control::{Context, Control};
use crate::error::{Error, Result};
use crate::exact::{Metric, cosine, squared_distance};
use crate::exec::Exec;
use crate::random::Stream;
use crate::rows::{Blocked, IntoRows, RowSource, Rows, Subset};
use crate::simd::Level;

fn serial() -> Context<'static> {
    Context::new(Exec::serial(), Control::new())
}

fn plus_plus<S: RowSource>(
    source: &S,
    weights: Option<&[f32]>,
    k: usize,
    metric: Metric,
    seed: u64,
    stream_base: u32,
    cx: &Context,
) -> Result<Seeds> {
    let cpu = Cpu::with_level(Level::Scalar)?;
    super::plus_plus(&mut Blocks::of(&cpu, source, metric, cx)?, weights, k, seed, stream_base, cx)
}

/// Probability of every ordered choice of k seeds, by enumeration.
fn probabilities(x: &[Vec<f32>], weights: &[f32], k: usize, metric: Metric) -> BTreeMap<Vec<usize>, f64> {
    let mut all = BTreeMap::from([(Vec::new(), 1.0)]);
    for _ in 0..k {
        let mut next = BTreeMap::new();
        for (chosen, p) in all {
            let hazard = |i: usize| {
                let d2 = chosen.iter().map(|&c: &usize| match metric {
                    Metric::SqEuclidean => squared_distance(&x[i], &x[c]),
                    Metric::Cosine => 1.0 - cosine(&x[i], &x[c]),
                });
                weights[i] as f64 * if chosen.is_empty() { 1.0 } else { d2.fold(f64::INFINITY, f64::min) }
            };
            let total: f64 = (0..x.len()).map(hazard).sum();
            for i in 0..x.len() {
                if hazard(i) > 0.0 {
                    let mut more = chosen.clone();
                    more.push(i);
                    next.insert(more, p * hazard(i) / total);
                }
            }
        }
        all = next;
    }
    all
}

#[test]
fn outcomes_have_the_probabilities_of_d2_sampling() -> Result<()> {
    let one: Vec<Vec<f32>> = [0.0f32, 0.0, 1.0, 3.0, 3.0, 5.5].iter().map(|x| vec![*x]).collect();
    let two =
        vec![vec![1.0, 0.0], vec![2.0, 0.0], vec![1.0, 1.0], vec![0.0, 3.0], vec![-1.0, 0.5], vec![1.0, 0.2]];
    for (x, weights, metric, k) in [
        (&one, [1.0, 1.0, 1.0, 1.0, 0.0, 1.0f32], Metric::SqEuclidean, 3),
        (&one, [1.0, 0.5, 3.0, 0.25, 2.0, 0.125], Metric::SqEuclidean, 4),
        (&two, [1.0, 2.0, 0.0, 1.0, 1.0, 4.0], Metric::Cosine, 3),
    ] {
        let expected = probabilities(x, &weights, k, metric);
        let flat: Vec<f32> = x.concat();
        let rows = (&flat[..], x.len(), x[0].len()).into_rows()?;
        let draws = 100_000u64;
        let mut found: BTreeMap<Vec<usize>, f64> = BTreeMap::new();
        for seed in 0..draws {
            let seeds = plus_plus(&rows, Some(&weights), k, metric, seed, 0, &serial())?;
            assert_eq!(seeds.distinct, None);
            *found.entry(seeds.rows).or_default() += 1.0;
        }
        assert!(found.keys().all(|outcome| expected.contains_key(outcome)));
        // Rare outcomes are taken together, as the test needs.
        let (mut statistic, mut cells, mut rare) = (0.0, 0.0f64, (0.0, 0.0));
        for (outcome, p) in &expected {
            let (e, f) = (p * draws as f64, found.get(outcome).copied().unwrap_or(0.0));
            if e < 10.0 {
                rare = (rare.0 + e, rare.1 + f);
            } else {
                statistic += (f - e) * (f - e) / e;
                cells += 1.0;
            }
        }
        if rare.0 > 1.0 {
            statistic += (rare.1 - rare.0) * (rare.1 - rare.0) / rare.0;
            cells += 1.0;
        }
        let limit = cells - 1.0 + 4.5 * libm::sqrt(2.0 * (cells - 1.0));
        assert!(statistic < limit, "chi square {statistic} of {cells} cells, limit {limit}");
    }
    Ok(())
}

/// Clustered rows with duplicates: row i of a stream.
fn clustered(n: usize, d: usize) -> Vec<f32> {
    let stream = Stream::new(42, 99);
    let row = |i: usize| {
        let i = if i % 7 == 3 { i - 3 } else { i } as u64;
        (0..d as u32).map(move |j| {
            let centre = stream.uniform(i % 13, j) as f32 * 8.0;
            centre + stream.uniform(i + 100, j) as f32
        })
    };
    (0..n).flat_map(row).collect()
}

#[test]
fn laziness_changes_no_bit() -> Result<()> {
    let (n, d, k) = (3000, 5, 40);
    let x = clustered(n, d);
    let rows = (&x[..], n, d).into_rows()?;
    let weights: Vec<f32> = (0..n).map(|i| (i % 5) as f32 * 0.75).collect();
    for (metric, seed) in [(Metric::SqEuclidean, 1), (Metric::Cosine, 2), (Metric::SqEuclidean, 3)] {
        let cpu = Cpu::with_level(Level::Scalar)?;
        let blocks = || Blocks::of(&cpu, &rows, metric, &serial());
        let (mut one, mut other) = (blocks()?, blocks()?);
        let shares = Shares::new(&mut one, Some(&weights), &serial())?;
        let stream = Stream::new(seed, 1);
        let mut lazy = Race::start(&mut one, &shares, k, 6, stream, &serial())?;
        let mut eager = Race::start(&mut other, &shares, k, 6, stream, &serial())?;
        for done in 0..k as u64 - 1 {
            eager.refresh_all()?;
            assert_eq!(lazy.next(done, &serial())?, eager.next(done, &serial())?);
        }
        assert!(lazy.distances() < eager.distances() / 2);
        lazy.refresh_all()?;
        eager.refresh_all()?;
        assert!(lazy.state() == eager.state());
    }
    Ok(())
}

#[test]
fn blocks_threads_and_subsets_change_nothing() -> Result<()> {
    let (n, d, k) = (500, 6, 20);
    let x = clustered(n, d);
    let rows = (&x[..], n, d).into_rows()?;
    for seed in 0..5 {
        let expected = plus_plus(&rows, None, k, Metric::Cosine, seed, 16, &serial())?;
        assert!(expected.distances > n as u64);
        for block in [1, 17, 4096] {
            let blocked = Blocked::new((&x[..], n, d).into_rows()?, block)?;
            assert_eq!(
                plus_plus(&blocked, None, k, Metric::Cosine, seed, 16, &Context::default())?,
                expected
            );
        }
        // Column-major memory, rows that are no slices.
        let view = ndarray::ArrayView2::from_shape((n, d), &x[..]);
        let Ok(view) = view else { return Ok(()) };
        let columns = view.t().as_standard_layout().into_owned();
        let strided = Rows::F32(columns.t());
        assert_eq!(plus_plus(&strided, None, k, Metric::Cosine, seed, 16, &serial())?, expected);
        // The same rows in another order, under their own ids, draw the same seeds.
        let subset = Subset::new(&rows, (0..n).rev().collect())?;
        let mirrored = plus_plus(&subset, None, k, Metric::Cosine, seed, 16, &serial())?;
        let back: Vec<usize> = mirrored.rows.iter().map(|&i| n - 1 - i).collect();
        let values = |rows: &[usize]| -> Vec<f32> { rows.iter().map(|&i| x[i * d]).collect() };
        assert_eq!(values(&back), values(&expected.rows));
    }
    Ok(())
}

#[test]
fn too_few_distinct_rows_are_filled_from_the_first() -> Result<()> {
    let x = [5.0f32, 5.0, 5.0, 1.0, 1.0, 5.0];
    let rows = (&x[..], 6, 1).into_rows()?;
    for seed in 0..50 {
        let weights = [1.0f32, 0.0, 1.0, 1.0, 2.0, 1.0];
        let seeds = plus_plus(&rows, Some(&weights), 4, Metric::SqEuclidean, seed, 0, &serial())?;
        assert_eq!(seeds.distinct, Some(2));
        assert_ne!(x[seeds.rows[0]], x[seeds.rows[1]]);
        let mut rest: Vec<usize> = vec![0, 2, 3, 4, 5];
        rest.retain(|i| !seeds.rows[..2].contains(i));
        assert_eq!(seeds.rows[2..], rest[..2]);
    }
    Ok(())
}

#[test]
fn random_takes_the_smallest_keys() -> Result<()> {
    let x = clustered(100, 2);
    let rows = (&x[..], 100, 2).into_rows()?;
    let weights: Vec<f32> = (0..100).map(|i| (i % 3) as f32).collect();
    let cpu = Cpu::with_level(Level::Scalar)?;
    let mut blocks = Blocks::of(&cpu, &rows, Metric::SqEuclidean, &serial())?;
    let Seeds { rows: found, .. } = super::random(&mut blocks, Some(&weights), 10, 7, 16, &serial())?;
    let stream = Stream::new(7, 18);
    let mut keys: Vec<(u64, usize)> =
        (0..100).filter(|i| i % 3 > 0).map(|i| (stream.bits(i as u64, 0), i)).collect();
    keys.sort_unstable();
    assert_eq!(found, keys[..10].iter().map(|(_, i)| *i).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn impossible_calls_are_errors() -> Result<()> {
    let x = [1.0f32, 2.0, 3.0];
    let rows = (&x[..], 3, 1).into_rows()?;
    let run = |weights: Option<&[f32]>, k| plus_plus(&rows, weights, k, Metric::SqEuclidean, 0, 0, &serial());
    assert!(matches!(run(None, 4), Err(Error::TooManyClusters { k: 4, n: 3 })));
    assert!(matches!(run(Some(&[1.0, 0.0, 1.0]), 3), Err(Error::TooManyClusters { k: 3, n: 2 })));
    assert!(matches!(run(Some(&[1.0]), 1), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(run(None, 0), Err(Error::InvalidParameter { .. })));
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let cancelled = plus_plus(&rows, None, 2, Metric::SqEuclidean, 0, 0, &cx);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    Ok(())
}
