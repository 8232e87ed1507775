//! Linear CKA of whole states.

use pauca::layers::{Cka, CkaPath, CkaStream, CkaTable, LayerCka, Tokens};
use pauca::{Cpu, Error, Level, Rows};
use pauca_reference::cka as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;
use pauca_tests::states::replaced;

use super::{States, arrays, serial, threads, views};

/// Against the Gram formula in f64: what is asked.
const ASKED: f64 = 1e-10;

/// The same numbers, added in another order.
const REORDERED: f64 = 1e-12;
/// Rows that were turned, and rounded to f32.
const TURNED: f64 = 1e-5;
/// A ratio of three sums of four numbers, made twice.
const RATIO: f64 = 1e-14;

fn table(states: &States, path: CkaPath) -> CkaTable {
    let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
    let arrays: Vec<_> = states.iter().map(|s| array(s)).collect();
    LayerCka::new(&dims).unwrap().path(path).fit_in(&views(&arrays), Tokens::Rows, &serial()).unwrap()
}

fn value(cka: Cka) -> f64 {
    cka.value().unwrap_or_else(|| panic!("{cka:?}"))
}

/// States of different widths that share some of their variance.
fn related(n: usize, rng: &mut Rng) -> States {
    let base = Kind::Normal.rows(n, 5, rng);
    (0..3)
        .map(|_| {
            let d = 1 + rng.below(30);
            let mix: Vec<usize> = (0..d).map(|_| rng.below(5)).collect();
            let noise = rng.unit() as f32;
            base.iter()
                .map(|row| mix.iter().map(|&j| row[j] + noise * rng.normal() as f32).collect())
                .collect()
        })
        .collect()
}

#[test]
fn cka_equals_the_gram_formula_on_either_path() {
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let n = 4 + rng.below(200);
        let mut states = related(n, &mut rng);
        if seed % 3 == 0 {
            // Far from the origin.
            states.iter_mut().flatten().flatten().for_each(|v| *v = 1000.0 + 0.01 * *v);
        }
        for &path in CkaPath::ALL {
            let table = table(&states, path);
            for l in 0..3 {
                for m in 0..3 {
                    let (x, y) = (&states[l], &states[m]);
                    let biased = value(table.biased(l, m)) - reference::cka(x, y, reference::hsic_biased);
                    let unbiased =
                        value(table.unbiased(l, m)) - reference::cka(x, y, reference::hsic_unbiased);
                    assert!(
                        biased.abs() < ASKED && unbiased.abs() < ASKED,
                        "seed {seed} {path:?}: {biased:e}, {unbiased:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn cka_of_a_state_with_itself_is_exactly_1() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let (n, d) = (5 + rng.below(60), 1 + rng.below(20));
        let factor = rng.pick(&[1.0, 1e-18, 1e18, 1e-30]);
        let x: Vec<Vec<f32>> = Kind::Normal.rows(n, d, &mut rng);
        let x: Vec<Vec<f32>> = x.into_iter().map(|r| r.into_iter().map(|v| v * factor).collect()).collect();
        for &path in CkaPath::ALL {
            let table = table(&vec![x.clone(), x.clone()], path);
            for (l, m) in [(0, 0), (0, 1), (1, 0)] {
                // Of two equal states the sums are equal too, but not the way in which they are made.
                assert!((value(table.biased(l, m)) - 1.0).abs() < REORDERED);
                assert!((value(table.unbiased(l, m)) - 1.0).abs() < REORDERED);
            }
            assert_eq!(table.unbiased(0, 0), Cka::Value(1.0));
            assert_eq!(table.biased(1, 1), Cka::Value(1.0));
        }
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the numbers behind the verdict")]
fn cka_of_independent_data_averages_0_within_its_standard_error() {
    let (n, d, trials) = (64, 2048, 30);
    let (mut unbiased, mut biased) = (Vec::new(), 0.0);
    for seed in 0..trials {
        let mut rng = Rng(1000 + seed);
        let states: States = (0..2).map(|_| Kind::Normal.rows(n, d, &mut rng)).collect();
        let table = table(&states, CkaPath::Auto);
        unbiased.push(value(table.unbiased(0, 1)));
        biased += value(table.biased(0, 1)) / trials as f64;
    }
    let mean = unbiased.iter().sum::<f64>() / trials as f64;
    let variance = unbiased.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (trials - 1) as f64;
    let error = (variance / trials as f64).sqrt();
    println!("unbiased {mean:.5}, standard error {error:.5}; biased {biased:.5}");
    // Two standard errors: 95 % of such data sets; this one is fixed.
    assert!(mean.abs() < 2.0 * error, "{mean} with standard error {error}");
    assert!(error < 0.01);
    // The biased estimator has the expectation (d / n) / (d / n + 1), about.
    assert!((biased - 0.969).abs() < 0.003, "{biased}");
}

#[test]
fn cka_of_too_few_samples_is_typed() {
    let mut rng = Rng(5);
    for n in 0..6 {
        for &path in CkaPath::ALL {
            let x = if n == 0 {
                ndarray::Array2::zeros((0, 3))
            } else {
                array(&Kind::Normal.rows(n, 3, &mut rng))
            };
            let table = LayerCka::new(&[3, 3])
                .unwrap()
                .path(path)
                .fit(&[Rows::F32(x.view()), Rows::F32(x.view())])
                .unwrap();
            assert_eq!(table.samples, n as u64);
            let few = Cka::TooFew { n: n as u64 };
            assert_eq!(table.biased(0, 1) == few, n < 2, "{n}");
            assert_eq!(table.unbiased(0, 1) == few, n < 4, "{n}");
        }
    }
}

#[test]
fn cka_without_variance_is_typed() {
    let mut rng = Rng(6);
    for offset in [0.0, 0.1, 1e20] {
        let mut states: States = vec![Kind::Normal.rows(9, 4, &mut rng); 3];
        states[1].iter_mut().for_each(|row| row.fill(offset));
        for &path in CkaPath::ALL {
            let table = table(&states, path);
            for (l, m) in [(0, 1), (1, 0), (1, 1), (1, 2)] {
                assert_eq!(table.biased(l, m), Cka::Degenerate { state: 1 });
                assert_eq!(table.unbiased(l, m), Cka::Degenerate { state: 1 });
            }
            assert_eq!(table.unbiased(0, 0), Cka::Value(1.0));
            assert_eq!(table.unbiased(0, 7), Cka::Degenerate { state: 7 });
        }
    }
    // A simplex: it varies, but all its rows are equally far from each other.
    let simplex: Vec<Vec<f32>> =
        (0..8).map(|i| (0..8).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    for &path in CkaPath::ALL {
        let table = table(&vec![simplex.clone()], path);
        assert_eq!(table.unbiased(0, 0), Cka::Degenerate { state: 0 });
        assert_eq!(table.biased(0, 0), Cka::Value(1.0));
    }
}

#[test]
fn cka_ignores_rotation_scale_and_shift() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let states = related(40, &mut rng);
        // A Householder reflection in f64, rounded: nearly orthogonal.
        let d = states[0][0].len();
        let v: Vec<f64> = (0..d).map(|_| rng.normal()).collect();
        let vv: f64 = v.iter().map(|v| v * v).sum();
        let turned: Vec<Vec<f32>> = states[0]
            .iter()
            .map(|row| {
                let along: f64 = 2.0 * row.iter().zip(&v).map(|(x, v)| *x as f64 * v).sum::<f64>() / vv;
                row.iter().zip(&v).map(|(x, v)| ((*x as f64 - along * v) * 7.5 + 3.0) as f32).collect()
            })
            .collect();
        let both = vec![states[0].clone(), turned, states[1].clone()];
        let table = table(&both, CkaPath::Auto);
        assert!((value(table.unbiased(0, 1)) - 1.0).abs() < TURNED);
        assert!((value(table.unbiased(0, 2)) - value(table.unbiased(1, 2))).abs() < TURNED);
        // Columns permute and signs flip: the same numbers, added in another order.
        let order = rng.permutation(d);
        let moved = states[0].iter().map(|row| order.iter().map(|&j| -row[j]).collect()).collect();
        let table = self::table(&vec![states[0].clone(), moved], CkaPath::Auto);
        assert!((value(table.biased(0, 1)) - 1.0).abs() < REORDERED);
    }
}

#[test]
fn cka_is_symmetric_and_in_range() {
    for seed in 0..30 {
        let mut rng = Rng(seed);
        let n = 4 + rng.below(30);
        let kind = rng.pick(&[
            Kind::Normal,
            Kind::Grid,
            Kind::Cauchy,
            Kind::MixedRows,
            Kind::Extreme,
            Kind::Subnormal,
        ]);
        let states: States = (0..3).map(|_| kind.rows(n, 6, &mut rng)).collect();
        let table = table(&states, rng.pick(CkaPath::ALL));
        for l in 0..3 {
            for m in 0..3 {
                let (b, u) = (table.biased(l, m), table.unbiased(l, m));
                assert_eq!(
                    (b.value(), u.value()),
                    (table.biased(m, l).value(), table.unbiased(m, l).value())
                );
                assert!(b.value().is_none_or(|b| (0.0..=1.0).contains(&b)), "{kind:?} {b:?}");
                assert!(u.value().is_none_or(|u| (-1.0..=1.0).contains(&u)), "{kind:?} {u:?}");
            }
        }
    }
}

fn stream(states: &States, path: CkaPath) -> CkaStream {
    let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
    let arrays: Vec<_> = states.iter().map(|s| array(s)).collect();
    let mut stream = LayerCka::new(&dims).unwrap().path(path).start().unwrap();
    stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
    stream
}

fn part(states: &States, range: std::ops::Range<usize>) -> States {
    states.iter().map(|rows| rows[range.clone()].to_vec()).collect()
}

#[test]
fn batches_and_threads_do_not_change_a_bit_of_cka() {
    let mut rng = Rng(21);
    let states = related(700, &mut rng);
    let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
    for &path in CkaPath::ALL {
        let expected = stream(&states, path).finish(&serial()).unwrap();
        for cut in [1, 50, 128, 333] {
            let cx = threads(1 + cut % 3);
            let mut stream = LayerCka::new(&dims).unwrap().path(path).start().unwrap();
            for start in (0..700).step_by(cut) {
                stream.begin_batch(Tokens::Rows).unwrap();
                for rows in part(&states, start..(start + cut).min(700)) {
                    stream.push_layer(&array(&rows)).unwrap();
                }
                stream.end_batch(&cx).unwrap();
            }
            assert_eq!(stream.samples(), 700);
            assert_eq!(stream.finish(&cx).unwrap(), expected, "{path:?}, batches of {cut}");
        }
    }
}

#[test]
fn cka_goes_on_from_its_bytes_to_the_same_bits() {
    let mut rng = Rng(31);
    let states = related(500, &mut rng);
    let read = |s: &CkaStream| CkaStream::from_bytes(&s.to_bytes().unwrap()).unwrap();
    for &path in CkaPath::ALL {
        let whole = stream(&states, path);
        for cut in [1, 100, 129, 300] {
            let mut again = read(&stream(&part(&states, 0..cut), path));
            assert_eq!(again.samples(), cut as u64);
            let rest: Vec<_> = part(&states, cut..500).iter().map(|s| array(s)).collect();
            again.push(&views(&rest), Tokens::Rows, &threads(2)).unwrap();
            assert_eq!(again.to_bytes().unwrap(), whole.to_bytes().unwrap(), "{path:?}, {cut}");
            assert_eq!(read(&again).finish(&serial()).unwrap(), whole.finish(&serial()).unwrap());
            // A merge of what travelled has the bits of a merge of what stayed.
            let (first, second) =
                (stream(&part(&states, 0..cut), path), stream(&part(&states, cut..500), path));
            let (mut here, mut there) = (first.clone(), read(&first));
            here.merge(&second, &serial()).unwrap();
            there.merge(&read(&second), &serial()).unwrap();
            assert_eq!(there.to_bytes().unwrap(), here.to_bytes().unwrap(), "{path:?}, {cut}");
        }
        let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
        let empty = LayerCka::new(&dims).unwrap().path(path).start().unwrap();
        assert_eq!(read(&empty).finish(&serial()).unwrap(), empty.finish(&serial()).unwrap());
    }
    let mut open = stream(&states, CkaPath::Auto);
    open.begin_batch(Tokens::Rows).unwrap();
    assert!(matches!(open.to_bytes(), Err(Error::Conflict { .. })));
}

#[test]
fn tables_of_cka_add_after_the_way_as_before_it() {
    let mut rng = Rng(32);
    let states = related(60, &mut rng);
    let (mut here, other) =
        (table(&part(&states, 0..30), CkaPath::Auto), table(&part(&states, 30..60), CkaPath::Auto));
    let bytes = here.to_bytes().unwrap();
    let read = |table: &CkaTable| CkaTable::from_bytes(&table.to_bytes().unwrap()).unwrap();
    let mut there = read(&here);
    here.add(&other).unwrap();
    there.add(&read(&other)).unwrap();
    assert_eq!(there, here);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(matches!(CkaTable::from_bytes(&bad), Err(Error::Corrupt { .. })), "byte {at}");
        assert!(matches!(CkaTable::from_bytes(&bytes[..at]), Err(Error::Corrupt { .. })));
    }
    // Mark 8, version 4, samples, states (u64 each), then numbers; the last is a scale.
    let last = bytes.len() - 16;
    for (at, new) in
        [(20, 0), (20, 2), (20, 1 << 32), (20, u64::MAX), (28, f64::NAN.to_bits()), (last, (-1f64).to_bits())]
    {
        let found = CkaTable::from_bytes(&replaced(&bytes, at, &new.to_le_bytes()));
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {found:?}");
    }
}

#[test]
fn damaged_and_contradictory_bytes_of_cka_are_an_error() {
    let states: States = vec![vec![vec![1.0, 2.0], vec![0.5, -1.0], vec![3.0, 0.0]]; 2];
    // Mark 8, version 4, then path, sums or none (u32 each), number of states, widths, rows, rows in sums (u64 each).
    let (path, summed, count, width, held, n, values) = (12, 16, 20, 28, 44, 52, 60);
    for &kind in CkaPath::ALL {
        let good = stream(&states, kind).to_bytes().unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(matches!(CkaStream::from_bytes(&bad), Err(Error::Corrupt { .. })), "{kind:?}, byte {at}");
            assert!(matches!(CkaStream::from_bytes(&good[..at]), Err(Error::Corrupt { .. })));
        }
        assert_eq!(CkaStream::from_bytes(&replaced(&good, 0, b"paucaLC\0")).unwrap().samples(), 3);
        let last = good.len() - 12;
        let mut changes: Vec<(usize, Vec<u8>)> = vec![
            (path, 3u32.to_le_bytes().into()),
            (summed, 2u32.to_le_bytes().into()),
            (summed, u32::from(kind != CkaPath::Features).to_le_bytes().into()),
            (n, 1u64.to_le_bytes().into()),
            (n, (1u64 << 63).to_le_bytes().into()),
            (values, f64::NAN.to_le_bytes().into()),
            (values, f64::INFINITY.to_le_bytes().into()),
            (last, f32::NAN.to_le_bytes().into()),
        ];
        for at in [count, width, held] {
            for size in [0, 4, 1 << 33, 1 << 62, u64::MAX] {
                changes.push((at, size.to_le_bytes().into()));
            }
        }
        for (at, new) in changes {
            let found = CkaStream::from_bytes(&replaced(&good, at, &new));
            assert!(matches!(found, Err(Error::Corrupt { .. })), "{kind:?}, byte {at}: {found:?}");
        }
    }
    // Two streams of half of all samples that are counted each.
    let good = stream(&vec![vec![vec![1.0]; 1]], CkaPath::Features).to_bytes().unwrap();
    let mut most = CkaStream::from_bytes(&replaced(&good, 44, &(1u64 << 62).to_le_bytes())).unwrap();
    assert!(matches!(most.merge(&most.clone(), &serial()), Err(Error::TooLarge { .. })));
    assert!(most.finish(&serial()).is_ok());
    assert!(matches!(LayerCka::new(&[usize::MAX, 3]), Err(Error::TooLarge { .. })));
}

#[test]
fn merged_shards_of_cka_equal_one_pass() {
    for seed in 0..30 {
        let mut rng = Rng(seed);
        // Enough for the sums over features in some shards, not in others.
        let n = 40 + rng.below(500);
        let mut states = related(n, &mut rng);
        if seed % 2 == 0 {
            states.iter_mut().flatten().flatten().for_each(|v| *v += 50.0);
        }
        let cuts = [rng.below(n + 1), rng.below(n + 1)];
        let (a, b) = (cuts[0].min(cuts[1]), cuts[0].max(cuts[1]));
        let path = rng.pick(CkaPath::ALL);
        let shard = |range: std::ops::Range<usize>| {
            if range.is_empty() {
                let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
                return LayerCka::new(&dims).unwrap().path(path).start().unwrap();
            }
            stream(&part(&states, range), path)
        };
        let (x, y, z) = (shard(0..a), shard(a..b), shard(b..n));
        let mut left = x.clone();
        left.merge(&y, &serial()).unwrap();
        left.merge(&z, &serial()).unwrap();
        let mut right = y.clone();
        right.merge(&z, &serial()).unwrap();
        let mut last = x.clone();
        last.merge(&right, &serial()).unwrap();
        let whole = stream(&states, path).finish(&serial()).unwrap();
        for found in [left.finish(&serial()).unwrap(), last.finish(&serial()).unwrap()] {
            assert_eq!(found.samples, n as u64);
            for l in 0..3 {
                for m in 0..3 {
                    let biased = value(found.biased(l, m)) - value(whole.biased(l, m));
                    let unbiased = value(found.unbiased(l, m)) - value(whole.unbiased(l, m));
                    assert!(
                        biased.abs() < ASKED && unbiased.abs() < ASKED,
                        "seed {seed}, {path:?}: {unbiased:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn hsic_itself_equals_the_gram_formula() {
    // In CKA a wrong factor cancels.
    for seed in 0..20 {
        let mut rng = Rng(60 + seed);
        let states = related(4 + rng.below(90), &mut rng);
        let grams: Vec<_> = states.iter().map(|s| reference::gram(s)).collect();
        for &path in CkaPath::ALL {
            let table = table(&states, path);
            for l in 0..3 {
                for m in 0..3 {
                    for (found, of) in [
                        (table.biased_hsic[[l, m]], reference::hsic_biased as fn(&_, &_) -> f64),
                        (table.unbiased_hsic[[l, m]], reference::hsic_unbiased),
                    ] {
                        let scale = (of(&grams[l], &grams[l]) * of(&grams[m], &grams[m])).sqrt();
                        let error = (found - of(&grams[l], &grams[m])).abs() / scale;
                        assert!(error < ASKED, "seed {seed}, {path:?}, states {l} and {m}: {error:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn levels_change_only_the_last_bits_of_cka() {
    // Rows and widths that fill tiles and blocks, and that do not.
    for (n, d) in [(4, 1), (5, 600), (64, 24), (129, 7), (200, 48)] {
        let mut rng = Rng(51 + n as u64);
        let states: States = (0..3).map(|_| Kind::Offset.rows(n, d, &mut rng)).collect();
        let arrays: Vec<_> = states.iter().map(|s| array(s)).collect();
        for (path, level) in
            CkaPath::ALL.iter().flat_map(|&path| Level::available().into_iter().map(move |l| (path, l)))
        {
            let cpu = Cpu::with_level(level).unwrap();
            let mut stream = LayerCka::new(&[d; 3]).unwrap().path(path).start_on(&cpu).unwrap();
            stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
            let table = stream.finish(&serial()).unwrap();
            for (l, m) in [(0, 1), (2, 1), (0, 2)] {
                let (x, y) = (&states[l], &states[m]);
                let biased = value(table.biased(l, m)) - reference::cka(x, y, reference::hsic_biased);
                let unbiased = value(table.unbiased(l, m)) - reference::cka(x, y, reference::hsic_unbiased);
                let place = format!("n {n}, d {d}, {path:?}, {level:?}: {biased:e}, {unbiased:e}");
                assert!(biased.abs() < ASKED && unbiased.abs() < ASKED, "{place}");
            }
        }
    }
}

#[test]
fn an_empty_stream_of_cka_takes_over_what_is_merged_into_it() {
    let mut rng = Rng(71);
    // So many that Auto has turned rows into sums, and some are left over.
    let states = related(700, &mut rng);
    let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
    for &path in CkaPath::ALL {
        let empty = || LayerCka::new(&dims).unwrap().path(path).start().unwrap();
        let mut whole = stream(&states, path);
        let expected = whole.finish(&serial()).unwrap();
        let mut taken = empty();
        taken.merge(&whole, &serial()).unwrap();
        assert_eq!((taken.samples(), taken.finish(&serial()).unwrap()), (700, expected.clone()), "{path:?}");
        // And an empty one changes nothing.
        whole.merge(&empty(), &serial()).unwrap();
        assert_eq!(whole.finish(&serial()).unwrap(), expected, "{path:?}");
    }
}

#[test]
fn minibatch_cka_is_the_ratio_of_sums() {
    let mut rng = Rng(31);
    let states = related(120, &mut rng);
    let batches: Vec<CkaTable> =
        (0..120).step_by(30).map(|i| table(&part(&states, i..i + 30), CkaPath::Auto)).collect();
    let mut sum = batches[0].clone();
    batches[1..].iter().for_each(|b| sum.add(b).unwrap());
    let of = |l: usize, m: usize| batches.iter().map(|b| b.unbiased_hsic[[l, m]]).sum::<f64>();
    let expected = of(0, 1) / (of(0, 0) * of(1, 1)).sqrt();
    assert!((value(sum.unbiased(0, 1)) - expected).abs() < RATIO);
    assert_eq!(sum.samples, 30);
    // The smallest batch is named, wherever it comes.
    let small = table(&part(&states, 0..9), CkaPath::Auto);
    let mut mixed = sum.clone();
    mixed.add(&small).unwrap();
    mixed.add(&sum).unwrap();
    assert_eq!(mixed.samples, 9);
    // Near the whole: both estimate the same.
    let whole = value(table(&states, CkaPath::Auto).unbiased(0, 1));
    assert!((expected - whole).abs() < 0.1, "{expected} {whole}");
    assert!(matches!(
        sum.add(&table(&states[..2].to_vec(), CkaPath::Auto)),
        Err(Error::ShapeMismatch { .. })
    ));
}

#[test]
fn padded_tokens_are_left_out_of_cka() {
    let mut rng = Rng(41);
    let states = related(24, &mut rng);
    let mask = ndarray::Array2::from_shape_fn((6, 4), |(i, t)| t <= i % 3);
    let rows: Vec<usize> = mask.iter().enumerate().filter(|(_, real)| **real).map(|(i, _)| i).collect();
    let chosen: States = states.iter().map(|s| rows.iter().map(|&i| s[i].clone()).collect()).collect();
    let dims: Vec<usize> = states.iter().map(|s| s[0].len()).collect();
    let arrays = arrays(&states, 1);
    let found =
        LayerCka::new(&dims).unwrap().fit_in(&views(&arrays), Tokens::Real(mask.view()), &serial()).unwrap();
    assert_eq!(found, table(&chosen, CkaPath::Auto));
}
