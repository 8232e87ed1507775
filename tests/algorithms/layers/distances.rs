//! All pairs of states in one pass.

use half::{bf16, f16};
use pauca::layers::{LayerDistances, LayerMetric, LayerStream, LayerTable, Quantiles, Tokens, last_tokens};
use pauca::stats::quantile;
use pauca::{Cpu, Error, Level, Rows};
use pauca_reference::layers as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::{Layout, Stored, array};
use pauca_tests::states::replaced;
use proptest::prelude::*;

use super::{States, arrays, residual, serial, some_states, threads, views};

fn dim(states: &States) -> usize {
    states[0].first().map_or(1, Vec::len)
}

fn config(states: &States, metric: LayerMetric, quantiles: Quantiles) -> LayerDistances {
    LayerDistances::new(states.len() - 1).metric(metric).quantiles(quantiles)
}

fn stream_of(states: &States, metric: LayerMetric, quantiles: Quantiles) -> LayerStream {
    stream_of_rows(states, dim(states), metric, quantiles)
}

fn stream_of_rows(states: &States, d: usize, metric: LayerMetric, quantiles: Quantiles) -> LayerStream {
    let arrays = arrays(states, d);
    let mut stream = config(states, metric, quantiles).start(d).unwrap();
    stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
    stream
}

fn part(states: &States, keep: impl Fn(usize) -> bool) -> States {
    let rows = |rows: &Vec<Vec<f32>>| (0..rows.len()).filter(|i| keep(*i)).map(|i| rows[i].clone()).collect();
    states.iter().map(rows).collect()
}

/// Every number of two tables, to the bit.
#[track_caller]
fn assert_same(a: &LayerTable, b: &LayerTable) {
    let bits = |x: &ndarray::Array2<f64>| x.mapv(f64::to_bits);
    assert_eq!((a.metric, a.n_layers, a.samples, &a.count), (b.metric, b.n_layers, b.samples, &b.count));
    assert_eq!(bits(&a.mean), bits(&b.mean));
    assert_eq!(bits(&a.variance), bits(&b.variance));
    assert_eq!((bits(&a.min), bits(&a.max)), (bits(&b.min), bits(&b.max)));
    for l in 0..=a.n_layers {
        for m in 0..=a.n_layers {
            for q in [0.0, 0.1, 0.5, 0.77, 1.0] {
                assert_eq!(a.quantile(l, m, q).map(f64::to_bits), b.quantile(l, m, q).map(f64::to_bits));
            }
        }
    }
}

#[test]
fn table_equals_the_reference() {
    for seed in 0..250 {
        let mut rng = Rng(seed);
        let states = some_states(&mut rng);
        for (metric, of) in LayerMetric::ALL.iter().copied().zip([reference::angular, reference::cosine]) {
            let table = stream_of(&states, metric, Quantiles::Exact).finish().unwrap();
            for l in 0..states.len() {
                assert_eq!((table.mean[[l, l]], table.variance[[l, l]]), (0.0, 0.0));
                for m in l + 1..states.len() {
                    let expected = reference::pair(&states[l], &states[m], of);
                    let place = format!("seed {seed}, states {l} and {m}");
                    assert_eq!(table.count[[l, m]], expected.count, "{place}");
                    let nan = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
                    assert_eq!(nan(table.mean[[l, m]]), nan(expected.mean), "{place}");
                    assert_eq!(nan(table.variance[[l, m]]), nan(expected.variance), "{place}");
                    for (found, value) in [
                        (table.min[[m, l]], expected.values.first()),
                        (table.max[[m, l]], expected.values.last()),
                    ] {
                        assert_eq!(nan(found), nan(value.copied().unwrap_or(f64::NAN)), "{place}");
                    }
                    for q in [0.0, 0.25, 0.9, 1.0] {
                        let value = quantile(&expected.values, q);
                        assert_eq!(table.quantile(l, m, q), (!value.is_nan()).then_some(value), "{place}");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn batches_and_merges_give_the_same_bits(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let states = some_states(&mut rng);
        let n = states[0].len();
        let metric = rng.pick(LayerMetric::ALL);
        let quantiles = rng.pick(Quantiles::ALL);
        let whole = stream_of(&states, metric, quantiles);
        let expected = whole.finish().unwrap();
        // Batches of random samples in random order.
        let shards = 1 + rng.below(4);
        let owner: Vec<usize> = (0..n).map(|_| rng.below(shards)).collect();
        let streams: Vec<LayerStream> = rng
            .permutation(shards)
            .into_iter()
            .map(|s| stream_of_rows(&part(&states, |i| owner[i] == s), dim(&states), metric, quantiles))
            .collect();
        // Merged as a chain, and through bytes as a tree from the other end.
        let mut chain = streams[0].clone();
        streams[1..].iter().for_each(|s| chain.merge(s).unwrap());
        assert_same(&chain.finish().unwrap(), &expected);
        let read = |s: &LayerStream| LayerStream::from_bytes(&s.to_bytes().unwrap()).unwrap();
        let mut tree = read(&streams[shards - 1]);
        streams[..shards - 1].iter().rev().for_each(|s| tree.merge(&read(s)).unwrap());
        assert_same(&tree.finish().unwrap(), &expected);
        prop_assert_eq!(chain.to_bytes().unwrap(), whole.to_bytes().unwrap());
        prop_assert_eq!(tree.to_bytes().unwrap(), whole.to_bytes().unwrap());
        // One stream, batch by batch.
        let mut stream = config(&states, metric, quantiles).start(dim(&states)).unwrap();
        let mut at = 0;
        while at < n {
            let end = (at + 1 + rng.below(5)).min(n);
            let arrays = arrays(&part(&states, |i| (at..end).contains(&i)), dim(&states));
            stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
            at = end;
        }
        assert_same(&stream.finish().unwrap(), &expected);
    }

    #[test]
    fn samples_permute(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let states = some_states(&mut rng);
        let order = rng.permutation(states[0].len());
        let turned: States =
            states.iter().map(|rows| order.iter().map(|&i| rows[i].clone()).collect()).collect();
        let [a, b] = [&states, &turned].map(|s| stream_of(s, LayerMetric::Angular, Quantiles::Exact));
        assert_same(&a.finish().unwrap(), &b.finish().unwrap());
    }
}

#[test]
fn threads_do_not_matter() {
    let mut rng = Rng(11);
    // Enough samples for several tasks and for several waves.
    let states = residual(6, 700, 96, &mut rng);
    let arrays = arrays(&states, 96);
    let expected = LayerDistances::new(6).fit_in(&views(&arrays), Tokens::Rows, &serial()).unwrap();
    for n in [1, 2, 3, 8] {
        let found = LayerDistances::new(6).fit_in(&views(&arrays), Tokens::Rows, &threads(n)).unwrap();
        assert_same(&found, &expected);
    }
    assert_same(&LayerDistances::new(6).fit(&views(&arrays)).unwrap(), &expected);
}

#[test]
fn levels_do_not_matter() {
    // Tiles and blocks that are full, and those that are not: seven rows a tile, 512 columns a block.
    for (layers, d) in [(1, 1), (2, 16), (3, 511), (5, 512), (6, 513), (12, 100), (33, 40), (4, 1100)] {
        let mut rng = Rng(16 + d as u64);
        let states = residual(layers, 7, d, &mut rng);
        let arrays = arrays(&states, d);
        for &metric in LayerMetric::ALL {
            let distance =
                if metric == LayerMetric::Angular { reference::angular } else { reference::cosine };
            for level in Level::available() {
                let cpu = Cpu::with_level(level).unwrap();
                let mut stream = config(&states, metric, Quantiles::Exact).start_on(&cpu, d).unwrap();
                stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
                let table = stream.finish().unwrap();
                for l in 0..layers {
                    for m in l + 1..=layers {
                        let expected = reference::pair(&states[l], &states[m], distance);
                        let place = format!("{level:?}, {layers} layers, d {d}, states {l} and {m}");
                        assert_eq!(table.count[[l, m]], expected.count, "{place}");
                        assert_eq!(table.mean[[l, m]].to_bits(), expected.mean.to_bits(), "{place}");
                        assert_eq!(table.variance[[l, m]].to_bits(), expected.variance.to_bits(), "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn subnormal_and_extreme_states_have_the_bits_of_the_reference() {
    for kind in [Kind::Subnormal, Kind::Extreme, Kind::MixedRows] {
        let mut rng = Rng(17);
        let states: States = (0..5).map(|_| kind.rows(6, 70, &mut rng)).collect();
        for level in Level::available() {
            let cpu = Cpu::with_level(level).unwrap();
            let arrays = arrays(&states, 70);
            let mut stream =
                config(&states, LayerMetric::Angular, Quantiles::Exact).start_on(&cpu, 70).unwrap();
            stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
            let table = stream.finish().unwrap();
            for (l, m) in [(0, 1), (1, 3), (2, 4)] {
                let expected = reference::pair(&states[l], &states[m], reference::angular);
                assert_eq!(table.mean[[l, m]].to_bits(), expected.mean.to_bits(), "{kind:?} {level:?}");
            }
        }
    }
}

#[test]
fn layouts_and_element_types_do_not_matter() {
    let mut rng = Rng(12);
    let states: States = (0..4).map(|_| Kind::Short.rows(9, 21, &mut rng)).collect();
    let expected = stream_of(&states, LayerMetric::Angular, Quantiles::Exact).finish().unwrap();
    for layout in Layout::ALL {
        let stored: Vec<Stored<f32>> = states.iter().map(|s| Stored::new(s, layout, f32::NAN)).collect();
        let rows: Vec<Rows> = stored.iter().map(|s| Rows::F32(s.view())).collect();
        assert_same(&LayerDistances::new(3).fit(&rows).unwrap(), &expected);
        let halves: Vec<Stored<f16>> = states
            .iter()
            .map(|s| {
                let s: Vec<Vec<f16>> =
                    s.iter().map(|r| r.iter().map(|v| f16::from_f32(*v)).collect()).collect();
                Stored::new(&s, layout, f16::NAN)
            })
            .collect();
        let rows: Vec<Rows> = halves.iter().map(|s| Rows::F16(s.view())).collect();
        assert_same(&LayerDistances::new(3).fit(&rows).unwrap(), &expected);
        let halves: Vec<Stored<bf16>> = states
            .iter()
            .map(|s| {
                let s: Vec<Vec<bf16>> =
                    s.iter().map(|r| r.iter().map(|v| bf16::from_f32(*v)).collect()).collect();
                Stored::new(&s, layout, bf16::NAN)
            })
            .collect();
        let rows: Vec<Rows> = halves.iter().map(|s| Rows::Bf16(s.view())).collect();
        assert_same(&LayerDistances::new(3).fit(&rows).unwrap(), &expected);
    }
}

#[test]
fn histogram_quantiles_are_within_a_bin() {
    let mut rng = Rng(13);
    let states = residual(5, 400, 12, &mut rng);
    for &metric in LayerMetric::ALL {
        let exact = stream_of(&states, metric, Quantiles::Exact).finish().unwrap();
        let rough = stream_of(&states, metric, Quantiles::Histogram).finish().unwrap();
        assert_eq!(exact.mean, rough.mean);
        assert_eq!(exact.variance, rough.variance);
        for l in 0..6 {
            for m in l + 1..6 {
                for q in [0.0, 0.01, 0.3, 0.5, 0.9, 1.0] {
                    let (a, b) = (exact.quantile(l, m, q).unwrap(), rough.quantile(l, m, q).unwrap());
                    // 2^-7 of a value; values below 2^-32 share a bin.
                    assert!((a - b).abs() <= a / 128.0 + 2f64.powi(-32), "{a:e} {b:e}");
                }
            }
        }
    }
}

/// Mask and states with padding, the rows of the real tokens.
fn padded(rng: &mut Rng, left: bool) -> (ndarray::Array2<bool>, States, Vec<Vec<usize>>) {
    let (sequences, positions, d, layers) = (1 + rng.below(5), 1 + rng.below(7), 1 + rng.below(9), 3);
    let mut mask = ndarray::Array2::from_elem((sequences, positions), false);
    let mut real = Vec::new();
    for i in 0..sequences {
        let length = 1 + rng.below(positions);
        let start = if left { positions - length } else { 0 };
        (start..start + length).for_each(|t| mask[[i, t]] = true);
        real.push((start..start + length).map(|t| i * positions + t).collect());
    }
    let mut states = residual(layers, sequences * positions, d, rng);
    for rows in &mut states {
        for (i, row) in rows.iter_mut().enumerate() {
            if !mask[[i / positions, i % positions]] {
                // Whatever stands at padding is never looked at.
                row.fill(f32::NAN);
            }
        }
    }
    (mask, states, real)
}

#[test]
fn padding_on_either_side_is_left_out() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (mask, states, real) = padded(&mut rng, seed % 2 == 0);
        let last: Vec<usize> = real.iter().map(|r| *r.last().unwrap()).collect();
        let positions = mask.ncols();
        assert_eq!(last_tokens(mask.view()).unwrap(), last.iter().map(|r| r % positions).collect::<Vec<_>>());
        let arrays = arrays(&states, dim(&states));
        for (tokens, rows) in [(Tokens::Last(mask.view()), last), (Tokens::Real(mask.view()), real.concat())]
        {
            let chosen: States =
                states.iter().map(|s| rows.iter().map(|&i| s[i].clone()).collect()).collect();
            let expected = stream_of(&chosen, LayerMetric::Angular, Quantiles::Exact).finish().unwrap();
            let found = LayerDistances::new(3).fit_in(&views(&arrays), tokens, &serial()).unwrap();
            assert_same(&found, &expected);
        }
    }
}

#[test]
fn last_token_of_a_mask_of_padding_is_an_error() {
    let mask = ndarray::array![[true, false], [false, false]];
    assert!(matches!(last_tokens(mask.view()), Err(Error::NoToken { sequence: 1 })));
    assert_eq!(last_tokens(ndarray::array![[true, false, true]].view()).unwrap(), [2]);
}

#[test]
fn layers_pushed_one_by_one_equal_states_at_once() {
    let mut rng = Rng(14);
    let states = residual(5, 40, 17, &mut rng);
    let expected = stream_of(&states, LayerMetric::Angular, Quantiles::Exact);
    let mut stream = LayerDistances::new(5).start(17).unwrap();
    stream.begin_batch(Tokens::Rows).unwrap();
    states.iter().for_each(|s| stream.push_layer(&array(s)).unwrap());
    stream.end_batch(&serial()).unwrap();
    assert_same(&stream.finish().unwrap(), &expected.finish().unwrap());
    assert_eq!(stream.samples(), 40);
}

#[test]
fn skipped_samples_survive_merges_and_bytes() {
    let mut rng = Rng(19);
    let mut states = residual(2, 6, 5, &mut rng);
    states[1][2].fill(0.0);
    states[0][4].fill(-0.0);
    for &quantiles in Quantiles::ALL {
        let of = |states: &States| stream_of(states, LayerMetric::Angular, quantiles);
        let whole = of(&states);
        let mut merged = of(&part(&states, |i| i < 3));
        merged.merge(&of(&part(&states, |i| i >= 3))).unwrap();
        let bytes = merged.to_bytes().unwrap();
        assert_eq!(bytes, whole.to_bytes().unwrap());
        let table = LayerStream::from_bytes(&bytes).unwrap().finish().unwrap();
        assert_same(&table, &whole.finish().unwrap());
        let count = |l: usize, m: usize| table.count[[l, m]];
        assert_eq!((table.samples, count(0, 1), count(0, 2), count(1, 2)), (6, 4, 5, 5));
    }
}

#[test]
fn mean_of_angles_is_not_the_angle_of_the_mean_cosine() {
    // Torture of the choice: the two averages prefer different layers here.
    let turned = |angle: f64| vec![angle.cos() as f32, angle.sin() as f32];
    let states: States = vec![
        vec![turned(0.0), turned(0.0)],
        vec![turned(0.5), turned(0.5)],
        vec![turned(0.5), turned(1.48)],
        vec![turned(3.0), turned(0.0)],
    ];
    let angular = stream_of(&states, LayerMetric::Angular, Quantiles::Exact).finish().unwrap();
    let cosine = stream_of(&states, LayerMetric::Cosine, Quantiles::Exact).finish().unwrap();
    assert!(angular.distance(1, 1) < angular.distance(0, 1));
    assert!(cosine.distance(1, 1) > cosine.distance(0, 1));
}

#[test]
fn a_stream_without_samples_has_a_table_without_values() {
    let table = LayerDistances::new(2).start(3).unwrap().finish().unwrap();
    assert_eq!((table.samples, table.count[[0, 1]], table.distance(0, 1)), (0, 0, None));
    assert!(table.mean[[0, 1]].is_nan() && table.variance[[0, 2]].is_nan() && table.min[[1, 2]].is_nan());
    assert_eq!((table.quantile(0, 1, 0.5), table.distance(1, usize::MAX)), (None, None));
    assert_eq!((table.quantile(0, 3, 0.5), table.quantile(1, 1, 1.5)), (None, None));
}

#[test]
fn bytes_that_contradict_themselves_are_an_error() {
    let mut rng = Rng(18);
    // Magic 8, version 4, then layers, width (u64 each), metric, quantiles (u32 each), samples (u64).
    let (layers, dim, metric, kind, samples) = (12, 20, 28, 32, 36);
    // Of each pair: count, skipped, smallest, largest, two sums of 312 bytes, values or histogram.
    let (count, skipped, min, max, sum, values) = (44, 52, 60, 68, 76, 76 + 2 * 312);
    for &quantiles in Quantiles::ALL {
        let states = residual(1, 3, 4, &mut rng);
        let good = stream_of(&states, LayerMetric::Angular, quantiles).to_bytes().unwrap();
        let with = |at: usize, new: &[u8]| LayerStream::from_bytes(&replaced(&good, at, new));
        // Nothing changed: what was counted comes back.
        assert_eq!(with(0, b"paucaLD\0").unwrap().to_bytes().unwrap(), good);
        let mut changes: Vec<(usize, Vec<u8>)> = vec![
            (0, b"paucaLE\0".to_vec()),
            (8, 2u32.to_le_bytes().into()),
            (layers, 0u64.to_le_bytes().into()),
            (layers, 2u64.to_le_bytes().into()),
            (layers, u64::MAX.to_le_bytes().into()),
            (dim, 0u64.to_le_bytes().into()),
            (metric, 2u32.to_le_bytes().into()),
            (kind, 2u32.to_le_bytes().into()),
            (samples, 4u64.to_le_bytes().into()),
            (skipped, 1u64.to_le_bytes().into()),
            (count, 2u64.to_le_bytes().into()),
            (min, f64::NAN.to_le_bytes().into()),
            (max, f64::NAN.to_le_bytes().into()),
            (min, (-0.5f64).to_le_bytes().into()),
            (min, 1.5f64.to_le_bytes().into()),
            (max, 2.5f64.to_le_bytes().into()),
            // The loop of the variance would not end: NaN, infinity; and what three distances cannot sum to.
            (sum, 1u32.to_le_bytes().into()),
            (sum, 2u32.to_le_bytes().into()),
            (sum + 312, 4u32.to_le_bytes().into()),
            (sum + 304, (-1i64).to_le_bytes().into()),
            (sum + 304, (1i64 << 61).to_le_bytes().into()),
        ];
        if quantiles == Quantiles::Exact {
            for wrong in [f64::NAN, -0.5, 2.5, f64::INFINITY] {
                changes.push((values, wrong.to_le_bytes().into()));
            }
        } else {
            changes.push((values, 77u64.to_le_bytes().into()));
            changes.push((values, u64::MAX.to_le_bytes().into()));
        }
        for (at, new) in changes {
            let found = with(at, &new);
            assert!(matches!(found, Err(Error::Corrupt { .. })), "{quantiles:?}, byte {at}: {found:?}");
        }
    }
}

#[test]
fn counts_at_the_end_of_the_integers_neither_overflow_nor_wrap() {
    let states = residual(1, 3, 4, &mut Rng(19));
    let good = stream_of(&states, LayerMetric::Angular, Quantiles::Histogram).to_bytes().unwrap();
    // As many samples as there are integers, all of distance 0.
    let all = u64::MAX.to_le_bytes();
    let mut bytes = replaced(&replaced(&good, 36, &all), 44, &all);
    for (at, len) in [(60, 16), (76, 2 * 312), (76 + 2 * 312, good.len() - 8 - 76 - 2 * 312)] {
        bytes = replaced(&bytes, at, &vec![0; len]);
    }
    bytes = replaced(&bytes, 76 + 2 * 312, &all);
    let mut stream = LayerStream::from_bytes(&bytes).unwrap();
    let table = stream.finish().unwrap();
    assert_eq!((table.count[[0, 1]], table.mean[[0, 1]], table.variance[[0, 1]]), (u64::MAX, 0.0, 0.0));
    assert_eq!(table.quantile(0, 1, 1.0), Some(0.0));
    let one = LayerStream::from_bytes(&good).unwrap();
    assert!(matches!(stream.merge(&one), Err(Error::TooLarge { .. })));
    assert_eq!(stream.to_bytes().unwrap(), bytes, "nothing was merged");
}

#[test]
fn damaged_bytes_are_an_error() {
    let mut rng = Rng(15);
    for &quantiles in Quantiles::ALL {
        let good =
            stream_of(&residual(2, 3, 4, &mut rng), LayerMetric::Cosine, quantiles).to_bytes().unwrap();
        for i in (0..good.len()).step_by(if quantiles == Quantiles::Exact { 1 } else { 97 }) {
            let mut bad = good.clone();
            bad[i] ^= 1 << rng.below(8);
            assert!(matches!(LayerStream::from_bytes(&bad), Err(Error::Corrupt { .. })), "byte {i}");
            assert!(LayerStream::from_bytes(&good[..i]).is_err());
        }
    }
}
