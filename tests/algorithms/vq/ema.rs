//! Moving averages: contract S5, one of the numbered hard cases; statistics of many workers.

use ndarray::array;
use pauca::vq::{CodeStats, Ema, EmaCodebook, MASKED, Real, Smoothing, VectorQuantizer, kmeans_codes};
use pauca::{Context, Control, Cpu, Error, Exec, KMeans, Metric};
use pauca_reference::codebook as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::states::replaced;

use super::problem::{Rows, array, bits, normal};

const METRICS: [Metric; 2] = [Metric::SqEuclidean, Metric::Cosine];

fn stats<T: Real>(z: &Rows, ids: &[u32], k: usize, metric: Metric) -> CodeStats {
    let mut stats = CodeStats::new(k, z[0].len(), metric).unwrap();
    stats.collect(array::<T>(z).view(), ids).unwrap();
    stats
}

fn ids(n: usize, k: usize, rng: &mut Rng) -> Vec<u32> {
    (0..n).map(|_| rng.below(k) as u32).collect()
}

/// Several steps equal the reference to the bit.
fn check<T: Real>(single: bool) {
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let (n, k, d) = (1 + rng.below(20), 1 + rng.below(8), 1 + rng.below(6));
        let codes = normal(k, d, &mut rng);
        let decay = rng.pick(&[0.0, 0.5, 0.99, 0.8]);
        let eps = rng.pick(&[0.0, 1e-5, 0.1]);
        for metric in METRICS {
            let cosine = metric == Metric::Cosine;
            let smoothing = if eps > 0.0 { Smoothing::Laplace(eps) } else { Smoothing::None };
            let params = Ema::new(metric).decay(decay).smoothing(smoothing);
            let mut book = params.start(array::<T>(&codes).view()).unwrap();
            let mut expected = reference::Ema::new(&codes, cosine, single);
            for step in 0..5 {
                let z = normal(n, d, &mut rng);
                let ids = ids(n, k, &mut rng);
                book.update(&stats::<T>(&z, &ids, k, metric)).unwrap();
                expected.update(&z, &ids, decay, eps, cosine, single);
                let found = bits(book.codes());
                let wanted: Vec<u64> = expected.codes.iter().flatten().map(|v| v.to_bits()).collect();
                assert_eq!(found, wanted, "seed {seed}, {metric:?}, step {step}");
                assert_eq!(book.counts(), expected.counts);
            }
        }
    }
}

#[test]
fn updates_equal_the_reference_to_the_bit() {
    check::<f32>(true);
    check::<f64>(false);
}

#[test]
fn case_57_a_code_without_rows_is_the_same_to_the_bit_after_10_000_steps() {
    let mut rng = Rng(1);
    let codes = normal(6, 3, &mut rng);
    for metric in METRICS {
        for smoothing in [Smoothing::None, Smoothing::Laplace(1e-5)] {
            for decay in [0.99, 0.8, 0.0] {
                let params = Ema::new(metric).decay(decay).smoothing(smoothing);
                let mut book = params.start(array::<f32>(&codes).view()).unwrap();
                let before = bits(book.codes());
                for step in 0..10_000 {
                    let z = array![[step as f32, 1.0, -2.0]];
                    let mut stats = CodeStats::new(6, 3, metric).unwrap();
                    stats.collect(z.view(), &[(step % 2) as u32]).unwrap();
                    book.update(&stats).unwrap();
                }
                let after = bits(book.codes());
                assert_eq!(after[6..], before[6..], "{metric:?}, decay {decay}");
                assert_ne!(after[..6], before[..6]);
                // Its count fades to nothing; then it may still wake up.
                let mut stats = CodeStats::new(6, 3, metric).unwrap();
                stats.collect(array![[0.5f32, 0.25, 4.0]].view(), &[5]).unwrap();
                book.update(&stats).unwrap();
                assert!(book.codes().iter().all(|v| v.is_finite()));
                assert!((book.codes()[[5, 2]] - 4.0).abs() < 4.0 && book.codes()[[5, 2]] > 0.9);
            }
        }
    }
}

#[test]
fn decay_zero_gives_the_mean_of_the_batch() {
    let mut rng = Rng(2);
    for kind in Kind::ALL {
        let z = kind.rows(50, 4, &mut rng);
        let ids = ids(50, 7, &mut rng);
        let x = pauca_tests::layout::array(&z);
        let first = ndarray::Array2::<f32>::ones((7, 4));
        let mut book = Ema::new(Metric::SqEuclidean).decay(0.0).start(first.view()).unwrap();
        let mut stats = CodeStats::new(7, 4, Metric::SqEuclidean).unwrap();
        stats.collect(x.view(), &ids).unwrap();
        book.update(&stats).unwrap();
        for j in 0..7 {
            let rows: Vec<&Vec<f32>> = (0..50).filter(|&i| ids[i] == j as u32).map(|i| &z[i]).collect();
            for c in 0..4 {
                let sum = pauca_reference::fsum::fsum(&rows.iter().map(|r| r[c] as f64).collect::<Vec<_>>());
                let mean = if rows.is_empty() { 1.0 } else { (sum / rows.len() as f64) as f32 };
                assert_eq!(book.codes()[[j, c]].to_bits(), (mean + 0.0).to_bits(), "{kind:?}");
            }
        }
    }
}

#[test]
fn decay_one_changes_nothing() {
    let codes = array![[1.0f32, 2.0], [3.0, 4.0]];
    let mut book = Ema::new(Metric::SqEuclidean).decay(1.0).start(codes.view()).unwrap();
    book.update(&stats::<f32>(&vec![vec![9.0, 9.0]], &[0], 2, Metric::SqEuclidean)).unwrap();
    assert_eq!(book.codes(), codes);
    assert_eq!(book.counts(), [1.0, 1.0]);
}

#[test]
fn rows_on_their_code_leave_it_where_it_is() {
    fn check<T: Real>() {
        let mut rng = Rng(3);
        let codes = normal(5, 3, &mut rng);
        let mut book = Ema::new(Metric::SqEuclidean).decay(0.9).start(array::<T>(&codes).view()).unwrap();
        let before = bits(book.codes());
        for _ in 0..200 {
            let ids = ids(11, 5, &mut rng);
            let z: Rows = ids.iter().map(|&j| codes[j as usize].clone()).collect();
            book.update(&stats::<T>(&z, &ids, 5, Metric::SqEuclidean)).unwrap();
            assert_eq!(bits(book.codes()), before);
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn workers_merge_to_the_same_bits() {
    let mut rng = Rng(4);
    for kind in [Kind::Normal, Kind::MixedValues, Kind::Offset, Kind::Extreme, Kind::Copies] {
        let z = kind.rows(203, 5, &mut rng);
        let mut ids = ids(203, 9, &mut rng);
        ids[17] = MASKED;
        let x = pauca_tests::layout::array(&z);
        let run = |workers: usize, metric: Metric| {
            let mut parts: Vec<CodeStats> = Vec::new();
            for w in 0..workers {
                let mut stats = CodeStats::new(9, 5, metric).unwrap();
                // Interleaved, and the last worker first.
                for i in (0..203).rev().filter(|i| i % workers == w) {
                    let row = x.slice(ndarray::s![i..i + 1, ..]);
                    stats.collect(row, &ids[i..i + 1]).unwrap();
                }
                parts.push(stats);
            }
            // All-reduce: an elementwise sum of flat buffers; and merging.
            let mut reduced = vec![0i64; parts[0].planes().unwrap().len()];
            for part in &parts {
                reduced.iter_mut().zip(part.planes().unwrap()).for_each(|(a, b)| *a += b);
            }
            let reduced = CodeStats::from_planes(9, 5, metric, &reduced).unwrap();
            let mut merged = parts.pop().unwrap();
            for part in &parts {
                merged.merge(part).unwrap();
            }
            assert_eq!(merged.planes().unwrap(), reduced.planes().unwrap());
            let mut book = Ema::new(metric).start(ndarray::Array2::<f32>::ones((9, 5)).view()).unwrap();
            book.update(&reduced).unwrap();
            (merged.planes().unwrap(), bits(book.codes()))
        };
        for metric in METRICS {
            let mut whole = CodeStats::new(9, 5, metric).unwrap();
            whole.collect(x.view(), &ids).unwrap();
            for workers in [1, 3, 8] {
                let (planes, codes) = run(workers, metric);
                assert_eq!(planes, whole.planes().unwrap(), "{kind:?}, {workers} workers");
                assert_eq!(codes, run(1, metric).1);
            }
            assert_eq!(whole.total(), 202);
        }
    }
}

#[test]
fn statistics_of_f64_are_exact_and_merge() {
    let mut rng = Rng(5);
    let z: Rows = (0..90).map(|_| vec![rng.normal() * 1e10, rng.normal() * 1e-10, rng.normal()]).collect();
    let ids = ids(90, 4, &mut rng);
    let whole = stats::<f64>(&z, &ids, 4, Metric::SqEuclidean);
    for j in 0..4 {
        for c in 0..3 {
            let column: Vec<f64> = (0..90).filter(|&i| ids[i] == j as u32).map(|i| z[i][c]).collect();
            assert_eq!(whole.sum(j, c).to_bits(), pauca_reference::fsum::fsum(&column).to_bits());
        }
    }
    for metric in METRICS {
        let mut parts = stats::<f64>(&z[..30].to_vec(), &ids[..30], 4, metric);
        parts.merge(&stats::<f64>(&z[30..].to_vec(), &ids[30..], 4, metric)).unwrap();
        assert_eq!(parts.planes().unwrap(), stats::<f64>(&z, &ids, 4, metric).planes().unwrap());
    }
    let mut stats = CodeStats::new(1, 1, Metric::SqEuclidean).unwrap();
    assert!(matches!(stats.collect(array![[1e39f64]].view(), &[0]), Err(Error::InvalidParameter { .. })));
}

#[test]
fn threads_do_not_show_in_statistics() {
    let mut rng = Rng(6);
    let z = pauca_tests::layout::array(&Kind::Normal.rows(500, 300, &mut rng));
    let ids = ids(500, 20, &mut rng);
    let run = |exec: Exec<'static>| {
        let mut stats = CodeStats::new(20, 300, Metric::Cosine).unwrap();
        stats.collect_on(&Cpu::new().unwrap(), z.view(), &ids, &Context::new(exec, Control::new())).unwrap();
        stats.planes().unwrap()
    };
    let expected = run(Exec::serial());
    assert!(run(Exec::threads(2).unwrap()) == expected && run(Exec::threads(8).unwrap()) == expected);
}

#[test]
fn masked_rows_may_hold_anything() {
    let z = array![[1.0f32, 2.0], [f32::NAN, f32::INFINITY], [3.0, 4.0]];
    let mut stats = CodeStats::new(2, 2, Metric::SqEuclidean).unwrap();
    stats.collect(z.view(), &[1, MASKED, 1]).unwrap();
    assert_eq!((stats.count(1), stats.sum(1, 0), stats.sum(1, 1)), (2, 4.0, 6.0));
    assert!(matches!(
        stats.collect(z.view(), &[1, 1, 1]),
        Err(Error::NonFinite { what: "z", row: 1, col: 0 })
    ));
}

#[test]
fn unit_codes_stay_unit() {
    /// Rounding of each value to f32, and of their squares.
    const UNIT: f64 = 1e-6;
    let mut rng = Rng(7);
    let codes = normal(4, 8, &mut rng);
    let mut book = Ema::new(Metric::Cosine).decay(0.9).start(array::<f32>(&codes).view()).unwrap();
    for _ in 0..300 {
        let z = normal(10, 8, &mut rng);
        let found =
            VectorQuantizer::new().metric(Metric::Cosine).assign(array::<f32>(&z).view(), book.codes(), None);
        let ids = found.unwrap().ids.to_vec();
        book.update(&stats::<f32>(&z, &ids, 4, Metric::Cosine)).unwrap();
        for code in book.codes().rows() {
            let square: f64 = code.iter().map(|&v| v as f64 * v as f64).sum();
            assert!((square - 1.0).abs() < UNIT);
        }
    }
    // Opposite rows have no direction: the code is held.
    let mut book = Ema::new(Metric::Cosine).decay(0.0).start(array![[0.6f32, 0.8]].view()).unwrap();
    book.update(&stats::<f32>(&vec![vec![1.0, 0.0], vec![-2.0, 0.0]], &[0, 0], 1, Metric::Cosine)).unwrap();
    assert_eq!(book.codes(), array![[0.6f32, 0.8]]);
}

#[test]
fn a_checkpoint_goes_on_to_the_same_bits_and_damage_is_an_error() {
    let mut rng = Rng(8);
    let params = Ema::new(Metric::SqEuclidean).smoothing(Smoothing::Laplace(1e-3));
    let mut book = params.start(array::<f32>(&normal(3, 2, &mut rng)).view()).unwrap();
    let step = |book: &mut EmaCodebook<f32>, seed| {
        let mut rng = Rng(seed);
        let (z, ids) = (normal(9, 2, &mut rng), ids(9, 3, &mut rng));
        book.update(&stats::<f32>(&z, &ids, 3, Metric::SqEuclidean)).unwrap();
    };
    step(&mut book, 1);
    let bytes = book.to_bytes().unwrap();
    let mut again = EmaCodebook::<f32>::from_bytes(&bytes).unwrap();
    assert_eq!(again, book);
    step(&mut book, 2);
    step(&mut again, 2);
    assert_eq!(again, book);
    assert!(matches!(EmaCodebook::<f64>::from_bytes(&bytes), Err(Error::Corrupt { .. })));
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(matches!(EmaCodebook::<f32>::from_bytes(&bad), Err(Error::Corrupt { .. })));
        assert!(matches!(EmaCodebook::<f32>::from_bytes(&bytes[..at]), Err(Error::Corrupt { .. })));
    }
}

#[test]
fn statistics_come_back_from_their_bytes_and_damage_is_an_error() {
    let mut rng = Rng(9);
    let (z, to) = (normal(9, 2, &mut rng), ids(9, 3, &mut rng));
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        let whole = stats::<f32>(&z, &to, 3, metric);
        let bytes = whole.to_bytes().unwrap();
        let again = CodeStats::from_bytes(&bytes).unwrap();
        assert_eq!((again.metric(), again.total()), (metric, whole.total()));
        assert_eq!(again.planes().unwrap(), whole.planes().unwrap());
        // Merged after the way, as before it.
        let mut merged =
            CodeStats::from_bytes(&stats::<f32>(&z[..4].to_vec(), &to[..4], 3, metric).to_bytes().unwrap())
                .unwrap();
        merged.merge(&stats::<f32>(&z[4..].to_vec(), &to[4..], 3, metric)).unwrap();
        assert_eq!(merged.to_bytes().unwrap(), bytes);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(matches!(CodeStats::from_bytes(&bad), Err(Error::Corrupt { .. })), "byte {at}");
            assert!(matches!(CodeStats::from_bytes(&bytes[..at]), Err(Error::Corrupt { .. })));
        }
        // Mark 8, version 4, metric 4; codes, columns (u64 each), weights (u32), then the counts.
        for (at, new) in [(12, 2u64), (16, u64::MAX), (24, u64::MAX), (32, 1), (36, u64::MAX), (36, 1 << 63)]
        {
            let new = new.to_le_bytes();
            let new = if at == 12 || at == 32 { &new[..4] } else { &new[..] };
            let found = CodeStats::from_bytes(&replaced(&bytes, at, new));
            assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {found:?}");
        }
    }
}

#[test]
fn counts_at_the_end_of_the_integers_do_not_overflow() {
    let metric = Metric::SqEuclidean;
    let planes = |counts: [i64; 2]| [&counts[..], &[0; 2 * 9][..]].concat();
    let both = CodeStats::from_planes(2, 1, metric, &planes([i64::MAX, i64::MAX]));
    assert!(matches!(both, Err(Error::Corrupt { .. })));
    let mut sum = CodeStats::from_planes(2, 1, metric, &planes([i64::MAX, 0])).unwrap();
    let other = CodeStats::from_planes(2, 1, metric, &planes([0, i64::MAX])).unwrap();
    let together = sum.merge(&other);
    assert!(matches!(together, Err(Error::TooLarge { .. })), "{together:?}");
    assert_eq!(sum.total(), i64::MAX as u64);
    assert!(format!("{sum:?}").contains("rows"));
    // The highest digits that a buffer may have: no rows have such sums, and they end no program.
    let mut planes = planes([1, 1]);
    planes[2 + 2 * 8..].copy_from_slice(&[(1 << 62) - 1, 1 - (1 << 62)]);
    let far = CodeStats::from_planes(2, 1, metric, &planes).unwrap();
    let mut sum = CodeStats::from_planes(2, 1, metric, &planes).unwrap();
    for _ in 0..4 {
        sum.merge(&far).unwrap();
        assert!(!sum.sum(0, 0).is_nan() && !sum.sum(1, 0).is_nan());
    }
}

#[test]
fn forged_numbers_of_a_checkpoint_are_an_error() {
    let params = Ema::new(Metric::SqEuclidean);
    let book = params.start(array![[1.0f32, 2.0], [3.0, 4.0]].view()).unwrap();
    let bytes = book.to_bytes().unwrap();
    // Mark 8, version 4, three kinds of 4, shape and parameters 4 x 8; then counts, means, codes.
    let (counts, codes) = (56, 56 + 8 * (2 + 4));
    assert!(EmaCodebook::<f32>::from_bytes(&replaced(&bytes, counts, &2.0f64.to_le_bytes())).is_ok());
    for (at, value) in [(counts, -1.0f64), (counts, f64::NAN), (codes, f64::INFINITY), (codes, 1e300)] {
        let found = EmaCodebook::<f32>::from_bytes(&replaced(&bytes, at, &value.to_le_bytes()));
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {found:?}");
    }
}

#[test]
fn bad_parameters_and_shapes_are_errors() {
    let codes = array![[1.0f32], [2.0]];
    for decay in [-0.1, 1.1, f64::NAN] {
        let found = Ema::new(Metric::SqEuclidean).decay(decay).start(codes.view());
        assert!(matches!(found, Err(Error::InvalidParameter { name: "decay", .. })));
    }
    let found = Ema::new(Metric::SqEuclidean).smoothing(Smoothing::Laplace(-1.0)).start(codes.view());
    assert!(matches!(found, Err(Error::InvalidParameter { name: "smoothing", .. })));
    let found = Ema::new(Metric::Cosine).start(array![[1.0f32], [0.0]].view());
    assert!(matches!(found, Err(Error::ZeroRow { row: 1 })));
    let found = Ema::new(Metric::Cosine).start(array![[1.0f32], [f32::NAN]].view());
    assert!(matches!(found, Err(Error::NonFinite { what: "codes", row: 1, col: 0 })));
    let mut book = Ema::new(Metric::SqEuclidean).start(codes.view()).unwrap();
    let before = book.clone();
    for (k, d, metric) in [(3, 1, Metric::SqEuclidean), (2, 2, Metric::SqEuclidean), (2, 1, Metric::Cosine)] {
        assert!(book.update(&CodeStats::new(k, d, metric).unwrap()).is_err());
    }
    assert_eq!(book, before);
    let mut stats = CodeStats::new(2, 1, Metric::SqEuclidean).unwrap();
    assert!(matches!(
        stats.collect(codes.view(), &[0, 2]),
        Err(Error::LabelOutOfRange { row: 1, label: 2, k: 2 })
    ));
    assert!(matches!(stats.collect(codes.view(), &[0]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(
        stats.merge(&CodeStats::new(2, 1, Metric::Cosine).unwrap()),
        Err(Error::Mismatch { .. })
    ));
}

#[test]
fn kmeans_gives_first_codes() {
    let mut rng = Rng(9);
    let z = Kind::Normal.rows(200, 4, &mut rng);
    let x = pauca_tests::layout::array(&z);
    for spherical in [false, true] {
        let config = KMeans::new(10).spherical(spherical).seed(3).max_iter(5);
        let expected = config.fit(&x).unwrap().centroids;
        assert_eq!(kmeans_codes(&config, x.view(), None).unwrap(), expected);
        let wide = kmeans_codes(&config, x.mapv(f64::from).view(), None).unwrap();
        assert_eq!(wide, expected.mapv(f64::from));
        let mut more = ndarray::Array2::from_elem((201, 4), f32::NAN);
        more.slice_mut(ndarray::s![1.., ..]).assign(&x);
        let mut mask = vec![true; 201];
        mask[0] = false;
        assert_eq!(kmeans_codes(&config, more.view(), Some(&mask)).unwrap(), expected);
    }
    let few = kmeans_codes(&KMeans::new(10), x.slice(ndarray::s![..9, ..]), None);
    assert!(matches!(few, Err(Error::TooManyClusters { k: 10, n: 9 })));
}
