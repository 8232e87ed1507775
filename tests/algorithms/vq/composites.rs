//! Residual, product and scalar quantization.

use ndarray::{Array2, array, s};
use pauca::vq::{
    Bounding, Estimator, FiniteScalar, MASKED, ProductQuantizer, Real, Reduction, ResidualQuantizer,
    Upstream, VectorQuantizer,
};
use pauca::{Context, Error, Metric};
use pauca_reference::{codebook, vq as reference};
use pauca_tests::data::Rng;

use super::problem::{Rows, array, normal, rows};

/// As in gradients.rs.
const DIFFERENCES: f64 = 1e-6;
const STEP: f64 = 1e-5;

/// Residuals that each stage quantizes, by the reference.
fn residuals(z: &Rows, books: &[Rows]) -> (Vec<Rows>, Vec<Vec<u32>>) {
    let mut r = z.clone();
    let (mut all, mut ids) = (Vec::new(), Vec::new());
    for codes in books {
        all.push(r.clone());
        let of_stage: Vec<u32> = r.iter().map(|row| reference::nearest(row, codes, false).0).collect();
        for (row, &id) in r.iter_mut().zip(&of_stage) {
            row.iter_mut().zip(&codes[id as usize]).for_each(|(r, q)| *r -= q);
        }
        ids.push(of_stage);
    }
    (all, ids)
}

#[test]
fn residual_stages_quantize_what_is_left() {
    let mut rng = Rng(1);
    for _ in 0..40 {
        let (n, d) = (1 + rng.below(20), 1 + rng.below(5));
        let z = normal(n, d, &mut rng);
        let books: Vec<Rows> = (0..3).map(|_| normal(1 + rng.below(9), d, &mut rng)).collect();
        let stored: Vec<Array2<f64>> = books.iter().map(|b| array(b)).collect();
        let views: Vec<_> = stored.iter().map(|b| b.view()).collect();
        let rvq = ResidualQuantizer::new(VectorQuantizer::new().commitment(0.5));
        let za = array::<f64>(&z);
        let step = rvq.forward(za.view(), &views, None).unwrap();
        let (residuals, ids) = residuals(&z, &books);
        let mut commitment = 0.0;
        for (s, stage) in step.stages.iter().enumerate() {
            assert_eq!(stage.ids.to_vec(), ids[s]);
            let q: Rows = ids[s].iter().map(|&j| books[s][j as usize].clone()).collect();
            commitment += 0.5 * reference::mean_square(&residuals[s], &q, reference::Per::Element);
        }
        assert_eq!(step.losses.commitment, commitment);
        assert_eq!(step.losses.codebook, 2.0 * commitment);
        let all: Vec<&[u32]> = step.stages.iter().map(|s| s.ids.as_slice().unwrap()).collect();
        assert_eq!(rvq.decode(&views, &all).unwrap(), step.quantized);
        let more: Vec<&[u32]> = all.iter().copied().chain([all[0]]).collect();
        assert!(matches!(rvq.decode(&views, &more), Err(Error::TooLarge { .. })), "ids without a codebook");
        let mut seen = 0;
        rvq.for_each_residual(za.view(), &views, &step, |s, r| {
            assert_eq!(rows(r), residuals[s]);
            seen += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, 3);
        // More stages never leave more.
        let error = |m: usize| {
            let q = rvq.decode(&views[..m], &all[..m]).unwrap();
            (&q - &za).iter().map(|e| e * e).sum::<f64>()
        };
        // Only true where each book holds the origin; so give it one.
        let mut better = stored.clone();
        better.iter_mut().for_each(|b| b.row_mut(0).fill(0.0));
        let views: Vec<_> = better.iter().map(|b| b.view()).collect();
        let step = rvq.forward(za.view(), &views, None).unwrap();
        let stages: Vec<f64> = step.stages.iter().map(|s| s.losses.codebook).collect();
        assert!(stages.is_sorted_by(|a, b| a >= b));
        let _ = error(1);
    }
}

#[test]
fn residual_gradients_are_differences() {
    let mut rng = Rng(2);
    for case in 0..30 {
        let (n, d) = (1 + rng.below(8), 2 + rng.below(4));
        let z = normal(n, d, &mut rng);
        let g = normal(n, d, &mut rng);
        let books: Vec<Rows> = (0..2).map(|_| normal(2 + rng.below(5), d, &mut rng)).collect();
        let stored: Vec<Array2<f64>> = books.iter().map(|b| array(b)).collect();
        let views: Vec<_> = stored.iter().map(|b| b.view()).collect();
        let rotate = case % 2 == 1;
        let estimator = if rotate { Estimator::Rotation } else { Estimator::StraightThrough };
        let rvq = ResidualQuantizer::new(VectorQuantizer::new().estimator(estimator));
        let (za, ga) = (array::<f64>(&z), array::<f64>(&g));
        let step = rvq.forward(za.view(), &views, None).unwrap();
        let upstream = Upstream { quantized: Some(ga.view()), loss: 0.7 };
        let found = rvq.backward_in(za.view(), &views, &step, upstream, &Context::default()).unwrap();
        let (fixed, ids) = residuals(&z, &books);
        let quantized = rows(step.quantized.view());
        // Earlier codes are held constant in later residuals.
        let objective = |z1: &Rows, books1: &[Rows]| {
            let mut sum = 0.0;
            for s in 0..2 {
                let of = |books: &[Rows]| -> Rows {
                    ids[s].iter().map(|&j| books[s][j as usize].clone()).collect()
                };
                let moved: Rows =
                    (0..n).map(|i| (0..d).map(|c| fixed[s][i][c] + z1[i][c] - z[i][c]).collect()).collect();
                sum += 0.7 * 0.25 * reference::mean_square(&moved, &of(&books), reference::Per::Element);
                sum += 0.7 * reference::mean_square(&fixed[s], &of(books1), reference::Per::Element);
            }
            for i in 0..n {
                let out: Vec<f64> = if rotate {
                    let m = reference::rotation(&z[i], &quantized[i]);
                    m.iter().map(|row| row.iter().zip(&z1[i]).map(|(m, z)| m * z).sum()).collect()
                } else {
                    z1[i].clone()
                };
                sum += out.iter().zip(&g[i]).map(|(o, g)| o * g).sum::<f64>();
            }
            sum
        };
        for i in 0..n {
            for c in 0..d {
                let at = |h: f64| {
                    let mut moved = z.clone();
                    moved[i][c] += h;
                    objective(&moved, &books)
                };
                let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                assert!((found.latents[[i, c]] - expected).abs() < DIFFERENCES, "case {case}");
            }
        }
        for s in 0..2 {
            for ((j, c), &found) in found.codes[s].as_ref().unwrap().indexed_iter() {
                let at = |h: f64| {
                    let mut moved = books.clone();
                    moved[s][j][c] += h;
                    objective(&z, &moved)
                };
                let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                assert!((found - expected).abs() < DIFFERENCES, "case {case}");
            }
        }
    }
}

#[test]
fn residual_edges() {
    let codes = array![[1.0f32, 0.0]];
    let z = array![[0.5f32, 0.5], [f32::NAN, 0.0]];
    let cosine = ResidualQuantizer::new(VectorQuantizer::new().metric(Metric::Cosine));
    assert!(matches!(cosine.forward(z.view(), &[codes.view()], None), Err(Error::Conflict { .. })));
    let rvq = ResidualQuantizer::new(VectorQuantizer::new());
    assert!(matches!(rvq.forward(z.view(), &[], None), Err(Error::Empty { what: "codebooks" })));
    assert!(matches!(rvq.forward(z.view(), &[codes.view()], None), Err(Error::NonFinite { row: 1, .. })));
    let step = rvq.forward(z.view(), &[codes.view(), codes.view()], Some(&[true, false])).unwrap();
    assert!(step.stages.iter().all(|s| s.ids.to_vec() == [0, MASKED]));
    assert_eq!(step.quantized.row(1).to_vec(), [0.0, 0.0]);
    let upstream = Upstream::of(step.quantized.view());
    let g = rvq
        .backward_in(z.view(), &[codes.view(), codes.view()], &step, upstream, &Context::default())
        .unwrap();
    assert_eq!(g.latents.row(1).to_vec(), [0.0, 0.0]);
    let fewer = rvq.backward_in(z.view(), &[codes.view()], &step, Upstream::default(), &Context::default());
    assert!(matches!(fewer, Err(Error::ShapeMismatch { what: "stages", .. })));
}

#[test]
fn product_groups_are_quantizers_side_by_side() {
    let mut rng = Rng(3);
    for _ in 0..40 {
        let n = 1 + rng.below(20);
        let widths = [1 + rng.below(3), 1 + rng.below(3), 1 + rng.below(3)];
        let d: usize = widths.iter().sum();
        let z = array::<f32>(&normal(n, d, &mut rng));
        let g = array::<f32>(&normal(n, d, &mut rng));
        let books: Vec<Array2<f32>> =
            widths.map(|w| array::<f32>(&normal(1 + rng.below(6), w, &mut rng))).into();
        let views: Vec<_> = books.iter().map(|b| b.view()).collect();
        let mask: Vec<bool> = (0..n).map(|_| rng.chance(0.8)).collect();
        for (metric, reduction) in [
            (Metric::SqEuclidean, Reduction::MeanElements),
            (Metric::Cosine, Reduction::Sum),
            (Metric::SqEuclidean, Reduction::MeanRows),
        ] {
            let group = VectorQuantizer::new().metric(metric).reduction(reduction);
            let pq = ProductQuantizer::new(group);
            let step = pq.forward(z.view(), &views, Some(&mask)).unwrap();
            let upstream = Upstream { quantized: Some(g.view()), loss: 0.5 };
            let found = pq.backward_in(z.view(), &views, &step, upstream, &Context::default()).unwrap();
            let (mut start, mut total) = (0, 0.0);
            for (i, (book, width)) in books.iter().zip(widths).enumerate() {
                let columns = s![.., start..start + width];
                let part = z.slice(columns);
                let alone = group.forward(part, book.view(), Some(&mask)).unwrap();
                assert_eq!(step.groups[i].ids, alone.ids);
                assert_eq!(step.quantized.slice(columns), alone.quantized);
                let weight = if reduction == Reduction::MeanElements { width as f64 / d as f64 } else { 1.0 };
                total += weight * alone.losses.total;
                let above = Upstream { quantized: Some(g.slice(columns)), loss: 0.5 * weight };
                let alone = group.backward(part, book.view(), &alone, above).unwrap();
                assert_eq!(found.latents.slice(columns), alone.latents);
                assert_eq!(found.codes[i], alone.codes);
                start += width;
            }
            assert_eq!(step.losses.total, total);
            let ids: Vec<&[u32]> = step.groups.iter().map(|g| g.ids.as_slice().unwrap()).collect();
            assert_eq!(pq.decode(&views, &ids).unwrap(), step.quantized);
        }
    }
    let pq = ProductQuantizer::new(VectorQuantizer::new());
    let (z, book) = (array![[0.0f32, 1.0, 2.0]], array![[0.0f32, 1.0]]);
    let wrong = pq.forward(z.view(), &[book.view()], None);
    assert!(matches!(wrong, Err(Error::ShapeMismatch { expected: 3, found: 2, .. })));
    assert!(pq.forward(z.view(), &[], None).is_err());
}

#[test]
fn product_of_equal_groups_has_the_loss_of_the_whole() {
    /// Forty squares in two sums and in one.
    const SUMS: f64 = 1e-14;
    let mut rng = Rng(4);
    let z = array::<f64>(&normal(10, 4, &mut rng));
    let books = [array::<f64>(&normal(5, 2, &mut rng)), array::<f64>(&normal(5, 2, &mut rng))];
    let pq = ProductQuantizer::new(VectorQuantizer::new());
    let step = pq.forward(z.view(), &[books[0].view(), books[1].view()], None).unwrap();
    let mean = (&step.quantized - &z).iter().map(|e| e * e).sum::<f64>() / 40.0;
    assert!((step.losses.codebook - mean).abs() < SUMS);
}

fn scalars<T: Real>() {
    let mut rng = Rng(5);
    for _ in 0..60 {
        let d = 1 + rng.below(5);
        let levels: Vec<u32> = (0..d).map(|_| 2 + rng.below(9) as u32).collect();
        let fsq = FiniteScalar::new(&levels).unwrap();
        assert_eq!(fsq.n_codes(), Some(levels.iter().product()));
        let published = fsq.clone().bounding(Bounding::Published);
        let mut z = normal(30, d, &mut rng);
        z.iter_mut().flatten().for_each(|v| *v = (*v * 2.0) as f32 as f64);
        let za = array::<T>(&z);
        let step = fsq.forward(za.view(), None).unwrap();
        for (i, row) in z.iter().enumerate() {
            let (mut id, mut basis) = (0, 1);
            for (c, (&v, &l)) in row.iter().zip(&levels).enumerate() {
                let level = codebook::scalar_level(v, l);
                let expected = (level as f64 - (l / 2) as f64) / (l / 2) as f64;
                assert_eq!(step.quantized[[i, c]], T::from_f64(expected));
                id += level * basis;
                basis *= l;
            }
            assert_eq!(step.ids[i], id);
        }
        assert_eq!(fsq.decode::<T>(step.ids.as_slice().unwrap()).unwrap(), step.quantized);
        assert_eq!(fsq.quantize(za.view(), None).unwrap(), step.quantized);
        // The formulas of the paper's appendix, with the functions of std: an id near a half may differ.
        let step = published.forward(za.view(), None).unwrap();
        for (i, row) in z.iter().enumerate() {
            for (c, (&v, &l)) in row.iter().zip(&levels).enumerate() {
                let h = (f64::from(l) - 1.0) * (1.0 - 1e-3) / 2.0;
                let o = if l.is_multiple_of(2) { 0.5 } else { 0.0 };
                let y = h * (v + (o / h).tan()).tanh() - o;
                /// Far more than tangents err by; where the value lies so near a tie, either neighbour is right.
                const TIE: f64 = 1e-9;
                let near_a_half = ((y - y.floor()) - 0.5).abs() < TIE;
                let expected = y.round_ties_even() / f64::from(l / 2);
                assert!(near_a_half || step.quantized[[i, c]] == T::from_f64(expected), "{v} of {l}");
            }
        }
    }
}

#[test]
fn the_published_bounding_differs_where_it_was_measured_to() {
    // 156 of 20,000 ids of vector-quantize-pytorch and the paper's formulas differed; here from other draws.
    let mut rng = Rng(15);
    let z = Array2::from_shape_fn((20_000, 4), |_| rng.normal());
    let fsq = FiniteScalar::new(&[8, 5, 5, 5]).unwrap();
    let ids = fsq.forward(z.view(), None).unwrap().ids;
    let published = fsq.bounding(Bounding::Published).forward(z.view(), None).unwrap().ids;
    let differ = ids.iter().zip(&published).filter(|(a, b)| a != b).count();
    assert!((100..250).contains(&differ), "{differ}");
    let names: Vec<&str> = Bounding::ALL.iter().map(|b| b.name()).collect();
    assert_eq!(names, ["inverse", "published"]);
}

#[test]
fn scalar_levels_equal_the_reference_and_ids_come_back() {
    scalars::<f32>();
    scalars::<f64>();
    // Every id is a combination of levels, and its levels have that id.
    let fsq = FiniteScalar::new(&[3, 4, 2]).unwrap();
    let ids: Vec<u32> = (0..24).collect();
    let levels = fsq.decode::<f64>(&ids).unwrap();
    // Levels lie inside the range of tanh: their latents, by its inverse.
    let latents = Array2::from_shape_fn((24, 3), |(i, c)| {
        let l = [3.0, 4.0, 2.0f64][c];
        let (h, o) = ((l - 1.0) * 1.001 / 2.0, if l % 2.0 == 0.0 { 0.5 } else { 0.0 });
        ((levels[[i, c]] * (l / 2.0).floor() + o) / h).clamp(-0.999_999, 0.999_999).atanh() - (o / h).atanh()
    });
    assert_eq!(fsq.forward(latents.view(), None).unwrap().ids.to_vec(), ids);
}

#[test]
fn scalar_gradients_are_differences() {
    /// Below these sizes an error counts as one of the size: far out tanh is flat.
    const FLAT: f64 = 1e-4;
    const FLAT_F32: f64 = 1e-2;
    /// Latents are rounded to f32 first.
    const ROUNDED: f64 = 1e-6;
    let mut rng = Rng(6);
    for _ in 0..100 {
        let levels = [2 + rng.below(9) as u32];
        let fsq = FiniteScalar::new(&levels).unwrap();
        let (z, g) = (rng.normal(), rng.normal());
        let l = levels[0] as f64;
        let (h, o) = ((l - 1.0) * 1.001 / 2.0, if levels[0].is_multiple_of(2) { 0.5 } else { 0.0 });
        let bound = |z: f64| (h * (z + (o / h).atanh()).tanh() - o) / (levels[0] / 2) as f64;
        let expected = g * (bound(z + STEP) - bound(z - STEP)) / (2.0 * STEP);
        let found = fsq.backward(array![[z]].view(), None, array![[g]].view()).unwrap()[[0, 0]];
        assert!((found - expected).abs() <= DIFFERENCES * expected.abs().max(FLAT));
        let single =
            fsq.backward(array![[z as f32]].view(), None, array![[g as f32]].view()).unwrap()[[0, 0]];
        assert!((single as f64 - found).abs() <= ROUNDED * found.abs().max(FLAT_F32));
        let masked = fsq.backward(array![[z]].view(), Some(&[false]), array![[g]].view()).unwrap();
        assert_eq!(masked[[0, 0]], 0.0);
    }
}

#[test]
fn scalar_edges() {
    assert!(matches!(FiniteScalar::new(&[]), Err(Error::Empty { .. })));
    assert!(matches!(FiniteScalar::new(&[3, 1]), Err(Error::InvalidParameter { value: 1.0, .. })));
    // More combinations than ids: levels and gradients, no ids.
    for levels in [&[65536, 65536][..], &[u32::MAX], &[4; 16]] {
        let wide = FiniteScalar::new(levels).unwrap();
        let z = Array2::from_elem((2, levels.len()), 3.0f64);
        assert_eq!(wide.n_codes(), None);
        assert!(matches!(wide.forward(z.view(), None), Err(Error::TooLarge { .. })));
        assert!(matches!(wide.decode::<f64>(&[0]), Err(Error::TooLarge { .. })));
        let found = wide.quantize(z.view(), Some(&[true, false])).unwrap();
        assert!(found.row(0).iter().all(|v| *v > 0.0) && found.row(1).iter().all(|v| *v == 0.0));
        assert!(wide.backward(z.view(), None, z.view()).unwrap().iter().all(|v| *v > 0.0));
    }
    #[cfg(target_pointer_width = "64")]
    {
        let refused = FiniteScalar::new(&[4; 16]).unwrap().decode::<f64>(&[0]);
        assert!(matches!(refused, Err(Error::TooLarge { size: 0x1_0000_0000, .. })), "{refused:?}");
    }
    assert_eq!(FiniteScalar::new(&[4; 15]).unwrap().n_codes(), Some(1 << 30));
    assert_eq!(FiniteScalar::new(&[u32::MAX - 1]).unwrap().n_codes(), Some(u32::MAX - 1));
    let fsq = FiniteScalar::new(&[5, 2000]).unwrap();
    // Far latents reach the outermost levels and no further.
    let z = array![[1e30f64, 1e30], [-1e30, -1e30], [f64::NAN, 0.0]];
    let step = fsq.forward(z.view(), Some(&[true, true, false])).unwrap();
    assert_eq!(step.ids.to_vec(), [4 + 5 * 1999, 0, MASKED]);
    assert_eq!(step.quantized.row(2).to_vec(), [0.0, 0.0]);
    assert!(matches!(fsq.forward(z.view(), None), Err(Error::NonFinite { what: "z", row: 2, col: 0 })));
    assert!(matches!(fsq.forward(array![[0.0f32]].view(), None), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(fsq.decode::<f32>(&[10_000]), Err(Error::LabelOutOfRange { k: 10_000, .. })));
    assert!(fsq.forward(Array2::<f32>::zeros((0, 2)).view(), None).is_err());
}
