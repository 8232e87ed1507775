//! Scores from tiles of the vocabulary.

use half::{bf16, f16};
use ndarray::{Array2, s};
use pauca::memorization::{IGNORED, LogitScan, LogitSpread, Spread, TokenScores};
use pauca::{Context, Control, Error, Exec};
use pauca_reference::softmax as reference;
use pauca_tests::agree::bits;
use pauca_tests::data::Rng;
use pauca_tests::layout::{Layout, Stored, array};
use pauca_tests::run::{serial, threads};

use super::{some_logits, ulps};

/// Documented: relative error below 2^-49 is 16 units in the last place.
const LOG_PROB_ULPS: f64 = 16.0;
/// Documented: absolute error below 2^-50 (1 + |lse|).
const LSE: f64 = 4.0 * f64::EPSILON;
/// Documented: relative error of sigma² below v 2^-49, so of sigma below v 2^-50.
const SPREAD: f64 = 4.0 * f64::EPSILON;

/// Beyond e^-700 of the largest nothing is summed: at most v 700² e^-700 of sigma², so its root of sigma.
const LEFT_OUT: f64 = 1e-140;
/// In the place of a deviation or an entropy of 0.
const TINY: f64 = 1e-300;
/// The logarithm of ten equal terms: two units of ln 10.
const LN_10_ULPS: f64 = 5.0 * f64::EPSILON;

fn cuts(v: usize, width: usize) -> Vec<std::ops::Range<usize>> {
    (0..v).step_by(width).map(|start| start..(start + width).min(v)).collect()
}

fn scan(x: &Array2<f32>, targets: &[u32], tiles: &[std::ops::Range<usize>], cx: &Context<'_>) -> TokenScores {
    let mut scan = LogitScan::new(targets, x.ncols()).unwrap();
    for tile in tiles {
        scan.push_in(tile.start, &x.slice(s![.., tile.clone()]), cx).unwrap();
    }
    scan.finish().unwrap()
}

fn spread(
    x: &Array2<f32>,
    scores: &TokenScores,
    tiles: &[std::ops::Range<usize>],
    cx: &Context<'_>,
) -> Spread {
    let mut second = LogitSpread::new(scores).unwrap();
    for tile in tiles {
        second.push_in(tile.start, &x.slice(s![.., tile.clone()]), cx).unwrap();
    }
    second.finish().unwrap()
}

/// Every bit of the scores and of the spread.
fn all_bits(scores: &TokenScores, spread: &Spread) -> (Vec<u32>, Vec<u64>) {
    let parts = [&scores.log_prob, &scores.log_sum_exp, &scores.max_logit, &scores.target_logit];
    let more = [&spread.entropy, &spread.deviation, &spread.excess];
    let all = parts.into_iter().chain(more).flat_map(|a| a.iter().copied());
    (scores.argmax.to_vec(), bits(all))
}

fn problem(seed: u64) -> (Vec<Vec<f32>>, Vec<u32>) {
    let mut rng = Rng(seed);
    let (t, v) = (1 + rng.below(20), 1 + rng.below(300));
    let x = some_logits(&mut rng, t, v);
    let target = |rng: &mut Rng| if rng.chance(0.1) { IGNORED } else { rng.below(v) as u32 };
    let targets = (0..t).map(|_| target(&mut rng)).collect();
    (x, targets)
}

#[test]
fn scores_equal_the_reference_within_the_documented_error() {
    let (mut worst, mut worst_spread) = (0.0f64, 0.0f64);
    for seed in 0..300 {
        let (rows, targets) = problem(seed);
        let x = array(&rows);
        let whole = [0..x.ncols()];
        let scores = scan(&x, &targets, &whole, &serial());
        let second = spread(&x, &scores, &whole, &serial());
        for (i, row) in rows.iter().enumerate().filter(|(i, _)| targets[*i] != IGNORED) {
            let y = targets[i] as usize;
            assert_eq!(scores.argmax[i] as usize, reference::argmax(row));
            let expected = reference::log_prob(row, y);
            if expected == f64::NEG_INFINITY {
                assert_eq!(scores.log_prob[i], expected);
            } else {
                worst = worst.max(ulps(scores.log_prob[i], expected));
            }
            let lse = reference::log_sum_exp(row);
            assert!((scores.log_sum_exp[i] - lse).abs() <= LSE * (1.0 + lse.abs()), "seed {seed}, token {i}");
            let (entropy, deviation, excess) = reference::moments(row, y);
            let tolerance = SPREAD * row.len() as f64;
            let apart = (second.deviation[i] - deviation).abs();
            assert!(apart <= tolerance * deviation + LEFT_OUT, "seed {seed}, token {i}: {apart:e}");
            worst_spread = worst_spread.max(apart / (deviation + TINY) / f64::EPSILON);
            assert!((second.entropy[i] - entropy).abs() <= 8.0 * f64::EPSILON * (entropy + 1.0));
            if excess.is_finite() {
                let scale = excess.abs() + entropy + TINY;
                assert!((second.excess[i] - excess).abs() <= 16.0 * f64::EPSILON * scale, "{excess:e}");
            } else {
                assert_eq!(second.excess[i], excess);
            }
        }
    }
    assert!(worst <= LOG_PROB_ULPS, "log-probabilities are off by {worst} units");
    println!("largest error: log-probability {worst:.2} units, sigma {worst_spread:.1} epsilon");
}

#[test]
fn a_memorized_token_keeps_its_digits() {
    // 1 - p from 1e-1 to 1e-300: x_y - lse would be 0 or noise from 1e-16 on.
    for exponent in [1, 5, 20, 50, 100, 200, 300, 600] {
        let gap = exponent as f32 * 1.1513;
        let row = vec![0.5f32, 0.5 + gap, -3.0];
        let scores = scan(&array(&[row.clone()]), &[1], &[0..3], &serial());
        let expected = reference::log_prob(&row, 1);
        assert!(expected < 0.0 && ulps(scores.log_prob[0], expected) <= LOG_PROB_ULPS, "gap {gap}");
    }
}

#[test]
fn fifty_thousand_ids_in_tiles_of_any_size_give_the_same_bits() {
    let (t, v) = (6, 50_000);
    let mut rng = Rng(1);
    let rows: Vec<Vec<f32>> = (0..t).map(|_| (0..v).map(|_| (rng.normal() * 3.0) as f32).collect()).collect();
    let targets: Vec<u32> = (0..t).map(|_| rng.below(v) as u32).collect();
    let x = array(&rows);
    let whole = [0..v];
    let scores = scan(&x, &targets, &whole, &serial());
    let expected = all_bits(&scores, &spread(&x, &scores, &whole, &serial()));
    for width in [7, 64, 100, 1_000, 4_096, 49_999] {
        let tiles = cuts(v, width);
        let found = scan(&x, &targets, &tiles, &serial());
        assert!(all_bits(&found, &spread(&x, &found, &tiles, &serial())) == expected, "tiles of {width}");
        // Backwards, and in an order drawn at random.
        let backwards: Vec<_> = tiles.iter().rev().cloned().collect();
        let shuffled: Vec<_> = rng.permutation(tiles.len()).into_iter().map(|i| tiles[i].clone()).collect();
        for tiles in [backwards, shuffled] {
            let found = scan(&x, &targets, &tiles, &serial());
            assert!(all_bits(&found, &spread(&x, &found, &tiles, &serial())) == expected, "tiles of {width}");
        }
    }
    for n in [1, 2, 3, 8] {
        let cx = threads(n);
        let tiles = cuts(v, 5_000);
        let found = scan(&x, &targets, &tiles, &cx);
        assert!(all_bits(&found, &spread(&x, &found, &tiles, &cx)) == expected, "{n} threads");
    }
    // And the answer is right.
    for i in 0..t {
        assert!(
            ulps(scores.log_prob[i], reference::log_prob(&rows[i], targets[i] as usize)) <= LOG_PROB_ULPS
        );
    }
}

#[test]
fn any_tiling_order_and_merging_gives_the_same_bits() {
    for seed in 300..500 {
        let (rows, targets) = problem(seed);
        let x = array(&rows);
        let v = x.ncols();
        let scores = scan(&x, &targets, &[0..v], &serial());
        let second = spread(&x, &scores, &[0..v], &serial());
        let expected = all_bits(&scores, &second);
        let mut rng = Rng(seed);
        // Shards of the vocabulary, merged in any order; empty tiles do nothing.
        let tiles = cuts(v, 1 + rng.below(v));
        let n = 1 + rng.below(4);
        let mut shards: Vec<LogitScan> = (0..n).map(|_| LogitScan::new(&targets, v).unwrap()).collect();
        for i in rng.permutation(tiles.len()) {
            let tile = tiles[i].clone();
            let shard = &mut shards[rng.below(n)];
            shard.push(tile.start, &x.slice(s![.., tile.clone()])).unwrap();
            shard.push(0, &x.slice(s![.., 0..0])).unwrap();
        }
        let mut merged = shards.pop().unwrap();
        for shard in &shards {
            merged.merge(shard).unwrap();
        }
        let found = merged.finish().unwrap();
        let mut halves = [LogitSpread::new(&scores).unwrap(), LogitSpread::new(&scores).unwrap()];
        for (i, tile) in tiles.iter().enumerate() {
            halves[i % 2].push(tile.start, &x.slice(s![.., tile.clone()])).unwrap();
        }
        let [mut a, b] = halves;
        a.merge(&b).unwrap();
        assert!(all_bits(&found, &a.finish().unwrap()) == expected, "seed {seed}");
    }
}

#[test]
fn layouts_and_half_precision_give_the_bits_of_their_values() {
    for seed in 500..540 {
        let (rows, targets) = problem(seed);
        let v = rows[0].len();
        let expected = scan(&array(&rows), &targets, &[0..v], &serial());
        for layout in Layout::ALL {
            let stored = Stored::new(&rows, layout, f32::NAN);
            let mut scan = LogitScan::new(&targets, v).unwrap();
            scan.push(0, stored.view()).unwrap();
            assert_eq!(bits(scan.finish().unwrap().log_prob), bits(expected.log_prob.clone()), "{layout:?}");
        }
        macro_rules! half_precision {
            ($half:ty) => {
                let narrow = |row: &Vec<f32>| row.iter().map(|x| <$half>::from_f32(*x)).collect();
                let narrow: Vec<Vec<$half>> = rows.iter().map(narrow).collect();
                let wide: Vec<Vec<f32>> =
                    narrow.iter().map(|row| row.iter().map(|x| x.to_f32()).collect()).collect();
                let expected = scan(&array(&wide), &targets, &[0..v], &serial());
                for layout in [Layout::C, Layout::Strided] {
                    let stored = Stored::new(&narrow, layout, <$half>::NAN);
                    let mut scan = LogitScan::new(&targets, v).unwrap();
                    scan.push(0, stored.view()).unwrap();
                    let found = scan.finish().unwrap();
                    assert_eq!(bits(found.log_prob), bits(expected.log_prob.clone()));
                    assert_eq!(found.argmax, expected.argmax);
                }
            };
        }
        half_precision!(f16);
        half_precision!(bf16);
    }
}

#[test]
fn not_finite_logits_name_token_and_id_and_change_nothing() {
    let mut rows = vec![vec![0.5f32; 10]; 20];
    rows[13][7] = f32::NAN;
    rows[17][2] = f32::INFINITY;
    let targets = vec![3; 20];
    let mut scan = LogitScan::new(&targets, 30).unwrap();
    scan.push(0, &array(&vec![vec![1.0; 10]; 20])).unwrap();
    let before = scan.clone();
    let found = scan.push(20, &array(&rows));
    assert!(matches!(found, Err(Error::NonFinite { what: "logits", row: 13, col: 27 })), "{found:?}");
    assert_eq!(scan, before);
    rows[13][7] = 2e6;
    let found = scan.push(20, &array(&rows));
    assert!(matches!(found, Err(Error::TooLarge { what: "logit", size: 2_000_000, .. })), "{found:?}");
    rows[13][7] = 0.0;
    assert!(matches!(scan.push(20, &array(&rows)), Err(Error::NonFinite { row: 17, col: 22, .. })));
    // Tokens that do not count are not read.
    let mut ignoring = LogitScan::new(&[0, IGNORED], 2).unwrap();
    ignoring.push(0, &array(&[vec![0.0, 0.0], vec![f32::NAN, 0.0]])).unwrap();
    let scores = ignoring.finish().unwrap();
    assert_eq!(scores.argmax[1], IGNORED);
    assert!(scores.log_prob[1].is_nan() && scores.log_sum_exp[1].is_nan());
    assert_eq!(scores.memorized().total, 1);
    assert_eq!(scores.hits().unwrap().count(), scores.memorized());
}

#[test]
fn masked_vocabularies_have_probability_zero() {
    for filler in [f32::NEG_INFINITY, f32::MIN, -1e9, -2e6] {
        let row = vec![filler, 1.0, 2.0, filler];
        let plain = scan(&array(&[vec![1.0, 2.0]]), &[0], &[0..2], &serial());
        let found = scan(&array(&[row.clone()]), &[1], &[0..4], &serial());
        assert_eq!(found.log_prob[0].to_bits(), plain.log_prob[0].to_bits());
        let masked = scan(&array(&[row]), &[3], &[0..4], &serial());
        assert_eq!(masked.log_prob[0], f64::NEG_INFINITY);
    }
    // f16's smallest, -65504, is not that far away: its term is summed, and lost in rounding.
    let found = scan(&array(&[vec![-65_504.0, 1.0]]), &[0], &[0..2], &serial());
    assert!(ulps(found.log_prob[0], -65_505.0) <= 2.0);
    let mut none = LogitScan::new(&[0, 1], 2).unwrap();
    none.push(0, &array(&[vec![0.0, 1.0], vec![f32::NEG_INFINITY; 2]])).unwrap();
    assert!(matches!(none.finish(), Err(Error::NonFinite { row: 1, .. })));
}

#[test]
fn one_id_has_probability_one() {
    let scores = scan(&array(&[vec![-7.5], vec![1e6]]), &[0, 0], &[0..1], &serial());
    assert_eq!(bits(scores.log_prob.clone()), [0, 0]);
    assert_eq!(scores.memorized().fraction().unwrap(), 1.0);
    let second = spread(&array(&[vec![-7.5], vec![1e6]]), &scores, &[0..1], &serial());
    assert_eq!((second.entropy[0], second.deviation[0], second.excess[0]), (0.0, 0.0, 0.0));
}

#[test]
fn tiles_must_fit_and_come_once() {
    let tile = |w: usize| array(&vec![vec![0.0f32; w]; 2]);
    let mut scan = LogitScan::new(&[0, 1], 10).unwrap();
    assert!(matches!(scan.push(0, &array(&[vec![0.0; 3]])), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(scan.push(8, &tile(3)), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(scan.push(usize::MAX, &tile(3)), Err(Error::ShapeMismatch { .. })));
    scan.push(4, &tile(3)).unwrap();
    for (first, width) in [(4, 3), (2, 3), (6, 2), (5, 1), (0, 10)] {
        let before = scan.clone();
        assert!(matches!(scan.push(first, &tile(width)), Err(Error::Conflict { .. })), "{first} {width}");
        assert_eq!(scan, before);
    }
    assert!(matches!(scan.finish(), Err(Error::ShapeMismatch { expected: 10, found: 3, .. })));
    let mut other = LogitScan::new(&[0, 1], 10).unwrap();
    other.push(0, &tile(5)).unwrap();
    assert!(matches!(scan.merge(&other), Err(Error::Conflict { .. })));
    scan.push(0, &tile(4)).unwrap();
    scan.push(7, &tile(3)).unwrap();
    assert!((scan.finish().unwrap().log_prob[0] + 10f64.ln()).abs() < LN_10_ULPS);
    assert!(matches!(scan.merge(&LogitScan::new(&[0, 2], 10).unwrap()), Err(Error::Mismatch { .. })));
    assert!(matches!(scan.merge(&LogitScan::new(&[0, 1], 11).unwrap()), Err(Error::Mismatch { .. })));
    assert!(matches!(LogitScan::new(&[], 10), Err(Error::Empty { .. })));
    assert!(matches!(LogitScan::new(&[IGNORED], 0), Err(Error::Empty { .. })));
    assert!(matches!(LogitScan::new(&[0], u32::MAX as usize), Err(Error::TooLarge { .. })));

    let scores = scan.finish().unwrap();
    let mut second = LogitSpread::new(&scores).unwrap();
    assert!(matches!(second.push(0, &tile(11)), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(second.push(0, &array(&vec![vec![0.5f32; 4]; 2])), Err(Error::Mismatch { .. })));
    second.push(0, &tile(4)).unwrap();
    assert!(matches!(second.finish(), Err(Error::ShapeMismatch { found: 4, .. })));
}

#[test]
fn a_scan_stops_when_asked() {
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let mut scan = LogitScan::new(&[0], 2).unwrap();
    assert!(matches!(scan.push_in(0, &array(&[vec![0.0, 1.0]]), &cx), Err(Error::Cancelled)));
}

#[test]
fn scores_go_into_memory_of_the_callers_on_success_only() {
    let mut scan = LogitScan::new(&[1, IGNORED, 0], 3).unwrap();
    let (mut ids, mut numbers) = ([7u32; 3], [[7.0; 3]; 4]);
    let finish = |scan: &LogitScan, ids: &mut [u32], numbers: &mut [[f64; 3]; 4]| {
        let [a, b, c, d] = numbers;
        scan.finish_into(ids, a, b, c, d)
    };
    assert!(matches!(finish(&scan, &mut ids, &mut numbers), Err(Error::ShapeMismatch { expected: 3, .. })));
    let no = f32::NEG_INFINITY;
    let mut empty = scan.clone();
    empty.push(0, &array(&[vec![0.0, 1.0, 2.0], vec![1.0; 3], vec![no; 3]])).unwrap();
    assert!(matches!(finish(&empty, &mut ids, &mut numbers), Err(Error::NonFinite { row: 2, .. })));
    scan.push(0, &array(&[vec![0.0, 1.0, 2.0], vec![1.0; 3], vec![no, 0.5, 0.0]])).unwrap();
    assert!(matches!(finish(&scan, &mut ids[..2], &mut numbers), Err(Error::ShapeMismatch { found: 2, .. })));
    assert_eq!((ids, numbers), ([7; 3], [[7.0; 3]; 4]));
    finish(&scan, &mut ids, &mut numbers).unwrap();
    let scores = scan.finish().unwrap();
    assert_eq!(ids.to_vec(), scores.argmax.to_vec());
    assert_eq!(ids, [2, IGNORED, 1]);
    let TokenScores { log_prob, log_sum_exp, max_logit, target_logit, .. } = scores;
    for (found, expected) in numbers.into_iter().zip([log_prob, log_sum_exp, max_logit, target_logit]) {
        assert_eq!(bits(found), bits(expected));
    }
}
