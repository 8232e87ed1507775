//! Assignment, output, losses: contracts S1 to S3; two of the numbered hard cases.

use ndarray::{Array2, array, s};
use pauca::vq::{
    Estimator, MASKED, Quantized, Real, Reduction, Training, Upstream, VectorQuantizer, l2_normalize, rotate,
    rotate_backward,
};
use pauca::{Context, Control, Cpu, Error, Exec, Level, Metric};
use pauca_reference::vq as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::{Layout, Stored};
use pauca_tests::run::{serial, threads};

use super::problem::{Problem, Rows, array, bits, normal};

const METRICS: [Metric; 2] = [Metric::SqEuclidean, Metric::Cosine];

fn forward<T: Real>(vq: &VectorQuantizer, z: &Rows, codes: &Rows, mask: Option<&[bool]>) -> Quantized<T> {
    vq.forward(array::<T>(z).view(), array::<T>(codes).view(), mask).unwrap()
}

fn wide(rows: &[Vec<f32>]) -> Rows {
    rows.iter().map(|r| r.iter().map(|&v| v as f64).collect()).collect()
}

/// Ids and distances of both element types are those of the definition.
fn check_ids<T: Real>(z: &Rows, codes: &Rows, metric: Metric, what: &str) {
    let found =
        VectorQuantizer::new().metric(metric).assign(array::<T>(z).view(), array::<T>(codes).view(), None);
    let found = found.unwrap();
    for (i, row) in z.iter().enumerate() {
        let (id, distance) = reference::nearest(row, codes, metric == Metric::Cosine);
        assert_eq!(found.ids[i], id, "{what}, {metric:?}, row {i}");
        assert_eq!(found.distances[i].to_bits(), distance.to_bits(), "{what}, {metric:?}, row {i}");
    }
}

#[test]
fn assign_equals_the_definition_on_every_kind_of_data() {
    let mut rng = Rng(1);
    for kind in Kind::ALL {
        for (n, k, d) in [(70, 33, 5), (40, 16, 8), (33, 20, 19)] {
            let z = wide(&kind.rows(n, d, &mut rng));
            let codes = wide(&kind.rows(k, d, &mut rng));
            for metric in METRICS {
                check_ids::<f32>(&z, &codes, metric, &format!("{kind:?}"));
                check_ids::<f64>(&z, &codes, metric, &format!("{kind:?}, f64"));
            }
        }
    }
}

#[test]
fn assign_of_f64_sees_what_f32_rounds_away() {
    // Codes that are one f32: only f64 can tell them apart.
    let tiny = 2f64.powi(-40);
    let z = vec![vec![1.0 + tiny, 0.0], vec![1.0 + 3.0 * tiny, 0.0]];
    let codes = vec![vec![1.0 + 4.0 * tiny, 0.0], vec![1.0, 0.0]];
    let found = forward::<f64>(&VectorQuantizer::new(), &z, &codes, None);
    assert_eq!(found.ids.to_vec(), [1, 0]);
    check_ids::<f64>(&z, &codes, Metric::SqEuclidean, "close codes");
}

#[test]
fn assign_equals_the_definition_far_from_the_origin() {
    let mut rng = Rng(2);
    for (k, d) in [(2048, 8), (256, 256)] {
        let mut z = normal(256, d, &mut rng);
        let mut codes = normal(k, d, &mut rng);
        for row in z.iter_mut().chain(&mut codes) {
            row.iter_mut().for_each(|v| *v = (*v + 100.0) as f32 as f64);
        }
        check_ids::<f32>(&z, &codes, Metric::SqEuclidean, "100 sigma");
    }
}

#[test]
fn assign_is_the_same_for_any_threads_level_and_layout() {
    let mut rng = Rng(3);
    let z32 = Kind::Normal.rows(3000, 6, &mut rng);
    let codes = Stored::new(&Kind::Normal.rows(300, 6, &mut rng), Layout::C, 0.0);
    let mask: Vec<bool> = (0..z32.len()).map(|_| rng.chance(0.8)).collect();
    for metric in METRICS {
        let vq = VectorQuantizer::new().metric(metric).estimator(Estimator::Rotation);
        let z = Stored::new(&z32, Layout::C, 0.0);
        let upstream = Stored::new(&Kind::Normal.rows(3000, 6, &mut rng), Layout::C, 0.0);
        let run = |cpu: &Cpu, cx: &Context, z: &Stored<f32>| {
            let mut step = vq.forward_on(cpu, z.view(), codes.view(), Some(&mask), cx).unwrap();
            let g = Upstream::of(upstream.view());
            let g = vq.backward_in(z.view(), codes.view(), &step, g, cx).unwrap();
            step.search = Default::default();
            (
                bits(step.quantized.view()),
                step.ids,
                step.losses,
                bits(g.latents.view()),
                bits(g.codes.unwrap().view()),
            )
        };
        let best = Cpu::new().unwrap();
        let expected = run(&best, &serial(), &z);
        for n in [2, 8] {
            assert!(run(&best, &threads(n), &z) == expected, "{n} threads");
        }
        for level in Level::available() {
            let cpu = Cpu::with_level(level).unwrap();
            assert!(run(&cpu, &Context::default(), &z) == expected, "{level:?}");
        }
        for layout in Layout::ALL {
            let z = Stored::new(&z32, layout, f32::NAN);
            assert!(run(&best, &Context::default(), &z) == expected, "{layout:?}");
        }
    }
}

#[test]
fn case_54_ties_pick_the_lowest_code() {
    let vq = VectorQuantizer::new();
    for codes in [array![[-1.0f32], [1.0]], array![[1.0f32], [-1.0]], array![[1.0f32], [1.0]]] {
        assert_eq!(vq.forward(array![[0.0f32]].view(), codes.view(), None).unwrap().ids[0], 0);
    }
}

#[test]
fn case_55_one_code_takes_all_rows() {
    // usage.rs has the perplexity.
    let z = normal(9, 3, &mut Rng(4));
    let found = forward::<f32>(&VectorQuantizer::new(), &z, &vec![vec![9.0; 3]], None);
    assert!(found.ids.iter().all(|&id| id == 0));
}

#[test]
fn the_output_is_the_code_to_the_bit() {
    let mut rng = Rng(5);
    let z = normal(60, 4, &mut rng);
    let codes = normal(20, 4, &mut rng);
    let stored = array::<f32>(&codes);
    let found = forward::<f32>(&VectorQuantizer::new(), &z, &codes, None);
    for (row, &id) in found.quantized.rows().into_iter().zip(&found.ids) {
        assert_eq!(row, stored.row(id as usize));
    }
    // z + (e - z), as others do, is not: the test can fail.
    let sum = &array::<f32>(&z) + &(&found.quantized - &array::<f32>(&z));
    assert_ne!(sum, found.quantized);
    // Cosine: unit codes; codes of EMA are unit already and not touched.
    let vq = VectorQuantizer::new().metric(Metric::Cosine);
    let unit = forward::<f32>(&vq, &z, &codes, None);
    let mut expected = [0.0f32; 4];
    for (row, &id) in unit.quantized.rows().into_iter().zip(&unit.ids) {
        l2_normalize(stored.row(id as usize).as_slice().unwrap(), &mut expected).unwrap();
        assert_eq!(row.to_vec(), expected);
    }
    assert_eq!(vq.decode(stored.view(), unit.ids.as_slice().unwrap()).unwrap(), unit.quantized);
    let ema = forward::<f32>(&vq.training(Training::Ema), &z, &codes, None);
    for (row, &id) in ema.quantized.rows().into_iter().zip(&ema.ids) {
        assert_eq!(row, stored.row(id as usize));
    }
}

#[test]
fn distance_is_zero_for_a_row_that_is_a_code() {
    let codes = normal(30, 5, &mut Rng(6));
    let found = forward::<f32>(&VectorQuantizer::new(), &codes, &codes, None);
    assert_eq!(found.ids.to_vec(), (0..30).collect::<Vec<u32>>());
    assert!(found.distances.iter().all(|&d| d == 0.0));
    assert_eq!((found.losses.codebook, found.losses.commitment), (0.0, 0.0));
}

#[test]
fn permuting_codes_permutes_ids() {
    let mut rng = Rng(7);
    let (z, codes) = (normal(80, 3, &mut rng), normal(25, 3, &mut rng));
    let order = rng.permutation(25);
    let permuted: Rows = order.iter().map(|&j| codes[j].clone()).collect();
    for metric in METRICS {
        let vq = VectorQuantizer::new().metric(metric);
        let (a, b) = (forward::<f32>(&vq, &z, &codes, None), forward::<f32>(&vq, &z, &permuted, None));
        for (a, b) in a.ids.iter().zip(&b.ids) {
            assert_eq!(*a as usize, order[*b as usize]);
        }
    }
}

#[test]
fn shifting_and_scaling_together_change_no_id() {
    let mut rng = Rng(8);
    // Integers: shifts are exact.
    let integers = |n, rng: &mut Rng| -> Rows {
        (0..n).map(|_| (0..3).map(|_| rng.below(1000) as f64).collect()).collect()
    };
    let (z, codes) = (integers(200, &mut rng), integers(50, &mut rng));
    let vq = VectorQuantizer::new();
    let expected = forward::<f32>(&vq, &z, &codes, None).ids;
    let mapped = |rows: &Rows, f: &dyn Fn(f64) -> f64| -> Rows {
        rows.iter().map(|r| r.iter().map(|&v| f(v)).collect()).collect()
    };
    for f in [&(|v| v + 4096.0) as &dyn Fn(f64) -> f64, &|v| v * 2f64.powi(-60), &|v| v * 2f64.powi(60)] {
        assert_eq!(forward::<f32>(&vq, &mapped(&z, f), &mapped(&codes, f), None).ids, expected);
        assert_eq!(forward::<f64>(&vq, &mapped(&z, f), &mapped(&codes, f), None).ids, expected);
    }
}

#[test]
fn losses_equal_the_reference_to_the_bit() {
    for seed in 0..60 {
        let p = Problem::new(seed);
        for (reduction, per) in [
            (Reduction::MeanElements, reference::Per::Element),
            (Reduction::MeanRows, reference::Per::Row),
            (Reduction::Sum, reference::Per::All),
        ] {
            for metric in METRICS {
                let vq = VectorQuantizer::new()
                    .metric(metric)
                    .reduction(reduction)
                    .commitment(0.3)
                    .codebook_weight(0.7);
                let found = forward::<f32>(&vq, &p.z, &p.codes, p.mask());
                let project = |row: &Vec<f64>| match metric {
                    Metric::SqEuclidean => row.clone(),
                    Metric::Cosine => reference::unit(row, true),
                };
                let t: Rows = p.valid().iter().map(|&i| project(&p.z[i])).collect();
                let q: Rows = p.valid().iter().map(|&i| project(&p.codes[found.ids[i] as usize])).collect();
                let mean = reference::mean_square(&t, &q, per);
                assert_eq!(found.losses.codebook.to_bits(), (0.7 * mean).to_bits(), "seed {seed}");
                assert_eq!(found.losses.commitment.to_bits(), (0.3 * mean).to_bits(), "seed {seed}");
                assert_eq!(found.losses.total, 0.7 * mean + 0.3 * mean);
            }
        }
    }
}

#[test]
fn beta_weighs_the_commitment_only() {
    let p = Problem::new(11);
    let one = forward::<f64>(&VectorQuantizer::new().commitment(1.0), &p.z, &p.codes, None);
    let two = forward::<f64>(&VectorQuantizer::new().commitment(2.0), &p.z, &p.codes, None);
    assert_eq!(one.losses.codebook, one.losses.commitment);
    assert_eq!(two.losses.codebook, one.losses.codebook);
    assert_eq!(two.losses.commitment, 2.0 * one.losses.commitment);
    let ema = VectorQuantizer::new().training(Training::Ema);
    assert_eq!(forward::<f64>(&ema, &p.z, &p.codes, None).losses.codebook, 0.0);
}

#[test]
fn an_all_true_mask_is_no_mask_to_the_bit() {
    for seed in 0..30 {
        let p = Problem::new(100 + seed);
        for metric in METRICS {
            let vq = VectorQuantizer::new().metric(metric);
            let (z, codes) = (array::<f32>(&p.z), array::<f32>(&p.codes));
            let run = |mask: Option<&[bool]>| {
                let mut step = vq.forward(z.view(), codes.view(), mask).unwrap();
                let g = vq.backward(z.view(), codes.view(), &step, Upstream::of(z.view())).unwrap();
                step.search = Default::default();
                (step, g)
            };
            assert_eq!(run(None), run(Some(&vec![true; p.z.len()])));
        }
    }
}

#[test]
fn masked_rows_do_not_count_whatever_they_hold() {
    for seed in 0..40 {
        let mut p = Problem::new(200 + seed);
        let n = p.z.len();
        let mask: Vec<bool> = (0..n).map(|i| i == 0 || p.rng.chance(0.6)).collect();
        let kept: Rows = (0..n).filter(|&i| mask[i]).map(|i| p.z[i].clone()).collect();
        for i in (0..n).filter(|&i| !mask[i]) {
            p.z[i].fill(p.rng.pick(&[f64::NAN, f64::INFINITY, 1e30]));
        }
        let vq = VectorQuantizer::new();
        let (z, codes) = (array::<f32>(&p.z), array::<f32>(&p.codes));
        let step = vq.forward(z.view(), codes.view(), Some(&mask)).unwrap();
        let alone = forward::<f32>(&vq, &kept, &p.codes, None);
        assert_eq!(step.losses, alone.losses);
        assert_eq!(step.valid, kept.len());
        let g = vq.backward(z.view(), codes.view(), &step, Upstream::of(z.view())).unwrap();
        let kept = array::<f32>(&kept);
        let g_alone = vq.backward(kept.view(), codes.view(), &alone, Upstream::of(kept.view())).unwrap();
        assert_eq!(g.codes, g_alone.codes);
        let mut at = 0;
        for i in 0..n {
            if mask[i] {
                assert_eq!(step.ids[i], alone.ids[at]);
                assert_eq!(g.latents.row(i), g_alone.latents.row(at));
                at += 1;
            } else {
                assert_eq!(step.ids[i], MASKED);
                assert!(step.distances[i].is_nan());
                assert!(step.quantized.row(i).iter().chain(g.latents.row(i)).all(|v| v.to_bits() == 0));
            }
        }
    }
}

#[test]
fn an_all_false_mask_gives_zero_losses_and_gradients() {
    let p = Problem::new(12);
    let (z, codes) = (array::<f32>(&p.z), array::<f32>(&p.codes));
    let vq = VectorQuantizer::new().entropy(pauca::vq::EntropyLoss::new(1.0));
    let step = vq.forward(z.view(), codes.view(), Some(&vec![false; p.z.len()])).unwrap();
    assert_eq!((step.losses.total, step.valid), (0.0, 0));
    let g = vq.backward(z.view(), codes.view(), &step, Upstream::of(z.view())).unwrap();
    assert!(g.latents.iter().chain(g.codes.unwrap().iter()).all(|v| *v == 0.0));
}

/// Every second row of an array filled with NaN: what a caller's buffer may look like.
fn buffer(n: usize, d: usize) -> Array2<f32> {
    Array2::from_elem((2 * n, d), f32::NAN)
}

#[test]
fn a_step_into_buffers_has_the_bits_of_one_that_allocates() {
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    for seed in 0..40 {
        let mut p = Problem::new(seed);
        let (z, codes) = (array::<f32>(&p.z), array::<f32>(&p.codes));
        let ((n, d), k) = (z.dim(), codes.nrows());
        let (metric, estimator) = (p.rng.pick(&METRICS), p.rng.pick(Estimator::ALL));
        let training = p.rng.pick(Training::ALL);
        let mut vq = VectorQuantizer::new().metric(metric).estimator(estimator).training(training);
        if p.rng.chance(0.3) {
            vq = vq.entropy(pauca::vq::EntropyLoss::new(0.5));
        }
        let owned = vq.forward(z.view(), codes.view(), p.mask()).unwrap();
        let (mut ids, mut distances) = (vec![7; n], vec![0.5; n]);
        let into = (&mut ids[..], &mut distances[..]);
        vq.assign_into(&cpu, z.view(), codes.view(), p.mask(), into, &cx).unwrap();
        assert_eq!(ids, owned.ids.to_vec());
        assert!(distances.iter().zip(&owned.distances).all(|(a, b)| a.to_bits() == b.to_bits()));
        let mut rows = buffer(n, d);
        let every = s![..;2, ..];
        let step =
            vq.forward_into(&cpu, z.view(), codes.view(), p.mask(), rows.slice_mut(every), &cx).unwrap();
        assert_eq!(bits(rows.slice(every)), bits(owned.quantized.view()));
        assert_eq!((step.losses, &step.ids, step.quantized.len()), (owned.losses, &owned.ids, 0));
        // The step without its rows serves the way back.
        let back = vq.backward(z.view(), codes.view(), &owned, Upstream::of(z.view())).unwrap();
        let (mut dz, mut de) = (buffer(n, d), buffer(k, d));
        let into_codes = (training == Training::Gradient).then(|| de.slice_mut(every));
        let into = (dz.slice_mut(every), into_codes);
        let fallbacks =
            vq.backward_into(z.view(), codes.view(), &step, Upstream::of(z.view()), into, &cx).unwrap();
        assert_eq!((bits(dz.slice(every)), fallbacks), (bits(back.latents.view()), back.fallbacks));
        if let Some(codes) = back.codes {
            assert_eq!(bits(de.slice(every)), bits(codes.view()));
        }
        assert!(rows.iter().chain(&dz).skip(d).step_by(2 * d).all(|v| v.is_nan()), "between the rows");
    }
}

#[test]
fn buffers_of_another_shape_are_errors() {
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let (z, codes) = (array![[1.0f32, 0.0], [0.9, 0.1], [0.5, 0.5]], array![[1.0f32, 0.1], [-5.0, 3.0]]);
    let vq = VectorQuantizer::new();
    let step = vq.forward(z.view(), codes.view(), None).unwrap();
    let (mut ids, mut distances) = ([0; 3], [0.0; 2]);
    let found = vq.assign_into(&cpu, z.view(), codes.view(), None, (&mut ids, &mut distances), &cx);
    assert!(matches!(found, Err(Error::ShapeMismatch { expected: 3, found: 2, .. })));
    for shape in [(2, 2), (3, 1), (6, 2)] {
        let mut rows = Array2::<f32>::zeros(shape);
        let found = vq.forward_into(&cpu, z.view(), codes.view(), None, rows.view_mut(), &cx);
        assert!(matches!(found, Err(Error::ShapeMismatch { .. })), "{shape:?}");
        let back = |vq: VectorQuantizer, dz: &mut Array2<f32>, de: &mut Array2<f32>| {
            let into = (dz.view_mut(), Some(de.view_mut()));
            vq.backward_into(z.view(), codes.view(), &step, Upstream::default(), into, &cx)
        };
        let mut right = Array2::zeros((3, 2));
        assert!(matches!(back(vq, &mut rows, &mut Array2::zeros((2, 2))), Err(Error::ShapeMismatch { .. })));
        if shape != (2, 2) {
            assert!(matches!(back(vq, &mut right, &mut rows), Err(Error::ShapeMismatch { .. })));
        }
        let ema = back(vq.training(Training::Ema), &mut right, &mut Array2::zeros((2, 2)));
        assert!(matches!(ema, Err(Error::Conflict { .. })));
    }
}

#[test]
fn a_code_without_rows_has_a_gradient_of_exactly_zero() {
    let z = array![[1.0f32, 0.0], [0.9, 0.1]];
    let codes = array![[1.0f32, 0.1], [-5.0, 3.0]];
    for metric in METRICS {
        let vq = VectorQuantizer::new().metric(metric);
        let step = vq.forward(z.view(), codes.view(), None).unwrap();
        let g = vq.backward(z.view(), codes.view(), &step, Upstream::default()).unwrap().codes.unwrap();
        assert!(g.row(1).iter().all(|v| *v == 0.0) && g.row(0).iter().any(|v| *v != 0.0));
    }
}

#[test]
fn bad_input_is_an_error_that_names_its_place() {
    let vq = VectorQuantizer::new();
    let (z, codes) = (array![[0.0f32, 1.0], [2.0, 3.0], [4.0, 5.0]], array![[0.0f32, 1.0], [3.0, 4.0]]);
    let none = |a: &Array2<f32>, b: &Array2<f32>| vq.forward(a.view(), b.view(), None).unwrap_err();
    let empty = |e: Error, name| assert!(matches!(e, Error::Empty { what } if what == name), "{e}");
    empty(none(&Array2::zeros((0, 2)), &codes), "z");
    empty(none(&z, &Array2::zeros((0, 2))), "codes");
    empty(none(&Array2::zeros((3, 0)), &Array2::zeros((2, 0))), "z");
    assert!(matches!(none(&z, &Array2::zeros((2, 3))), Error::ShapeMismatch { expected: 2, found: 3, .. }));
    let mut bad = z.clone();
    bad[[2, 1]] = f32::NAN;
    assert!(matches!(none(&bad, &codes), Error::NonFinite { what: "z", row: 2, col: 1 }));
    let masked = vq.forward(bad.view(), codes.view(), Some(&[false, true, true])).unwrap_err();
    assert!(matches!(masked, Error::NonFinite { what: "z", row: 2, col: 1 }), "{masked}");
    assert!(matches!(none(&z, &bad), Error::NonFinite { what: "codes", row: 2, col: 1 }));
    let (wide, wide_codes) = (bad.mapv(f64::from), codes.mapv(f64::from));
    let error = vq.forward(wide.view(), wide_codes.view(), None).unwrap_err();
    assert!(matches!(error, Error::NonFinite { what: "z", row: 2, col: 1 }));
    let short = vq.forward(z.view(), codes.view(), Some(&[true])).unwrap_err();
    assert!(matches!(short, Error::ShapeMismatch { what: "mask", expected: 3, found: 1 }));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let bad = [vq.commitment(weight), vq.codebook_weight(weight)];
        for vq in bad {
            assert!(matches!(vq.forward(z.view(), codes.view(), None), Err(Error::InvalidParameter { .. })));
        }
    }
    let step = vq.forward(z.view(), codes.view(), None).unwrap();
    let g = vq.backward(z.slice(s![..2, ..]), codes.view(), &step, Upstream::default());
    assert!(matches!(g, Err(Error::ShapeMismatch { .. })));
    let g = vq.backward(z.view(), codes.view(), &step, Upstream::of(codes.view()));
    assert!(matches!(g, Err(Error::ShapeMismatch { .. })));
    let g = vq.backward(z.view(), codes.slice(s![..1, ..]), &step, Upstream::default());
    assert!(matches!(g, Err(Error::LabelOutOfRange { k: 1, .. })));
    let other = vq.entropy(pauca::vq::EntropyLoss::new(1.0));
    let mut changed = other.forward(z.view(), codes.view(), Some(&[true, false, true])).unwrap();
    changed.ids[1] = 0;
    let g = other.backward(z.view(), codes.view(), &changed, Upstream::default());
    assert!(matches!(g, Err(Error::Mismatch { .. })));
    assert!(matches!(
        other.backward(z.view(), codes.view(), &step, Upstream::default()),
        Err(Error::Mismatch { .. })
    ));
}

#[test]
fn zero_rows_under_cosine_get_code_0_or_are_refused() {
    let z = array![[1.0f32, 0.0], [0.0, -0.0], [0.0, 1.0]];
    let codes = array![[0.0f32, 1.0], [1.0, 0.0]];
    let vq = VectorQuantizer::new().metric(Metric::Cosine);
    let step = vq.forward(z.view(), codes.view(), None).unwrap();
    assert_eq!(step.ids.to_vec(), [1, 0, 0]);
    let g = vq.backward(z.view(), codes.view(), &step, Upstream::of(z.view())).unwrap();
    assert!(g.latents.iter().all(|v| v.is_finite()) && g.latents.row(1).iter().all(|v| *v == 0.0));
    let strict = vq.refuse_zero_rows(true);
    assert!(matches!(strict.forward(z.view(), codes.view(), None), Err(Error::ZeroRow { row: 1 })));
    assert!(strict.forward(z.view(), codes.view(), Some(&[true, false, true])).is_ok());
}

#[test]
fn rotations_of_extreme_lengths_map_or_fall_back() {
    // Norms whose product leaves f64, and their squares.
    let lengths = [5e-324, 1e-310, 1e-200, 1.0, 1e200, 1e308];
    for z in lengths {
        for e in lengths {
            let (z, e) = ([z, 0.0], [0.0, e]);
            let mut q = [f64::NAN; 2];
            assert!(rotate(&z, &e, &z, &mut q).unwrap(), "{z:?} {e:?}");
            /// A few roundings.
            const FEW: f64 = 1e-15;
            /// Of subnormal numbers one more.
            const LEAST: f64 = f64::from_bits(1);
            assert!((q[1] - e[1]).abs() <= FEW * e[1] + LEAST && q[0].abs() <= FEW * e[1], "{q:?}");
            for g in lengths {
                // R' turns the direction of e to that of z.
                let turned = rotate_backward(&z, &e, &[0.0, g], &mut q).unwrap();
                /// Three logarithms below 400.
                const DIGITS: f64 = 1e-9;
                let exponent = g.log10() + e[1].log10() - z[0].log10();
                match turned {
                    true => assert!(exponent < -300.0 || (q[0].log10() - exponent).abs() < DIGITS, "{q:?}"),
                    false => assert!(exponent > 308.0 && q == [0.0, g], "{z:?} {e:?} {g}"),
                }
            }
        }
    }
    // A gradient beyond f32 is straight-through and counted.
    let (z, codes, g) = (array![[1e-30f32, 0.0]], array![[1.0f32, 0.0]], array![[1e9f32, 1e9]]);
    let vq = VectorQuantizer::new().estimator(Estimator::Rotation).commitment(0.0);
    let step = vq.forward(z.view(), codes.view(), None).unwrap();
    let found = vq.backward(z.view(), codes.view(), &step, Upstream::of(g.view())).unwrap();
    assert_eq!((found.fallbacks, found.latents), (1, g));
}

#[test]
fn rotation_maps_the_latent_to_the_code_and_falls_back_where_undefined() {
    /// Of rows that scatter around 0, where roundings cancel.
    const ROTATION: f64 = 1e-14;
    /// In the place of 1 + cosine for opposite rows.
    const OPPOSITE: f64 = 1e-15;
    // The documented bound: d roundings in each of four sums.
    let bound = |d: usize| 4.0 * (d as f64 + 8.0) * 2f64.powi(-53);
    let mut rng = Rng(9);
    for problem in 0..200 {
        let d = 1 + rng.below(if problem % 10 == 0 { 4096 } else { 20 });
        let (z, e) = (normal(1, d, &mut rng).remove(0), normal(1, d, &mut rng).remove(0));
        let mut q = vec![0.0; d];
        let turned = rotate(&z, &e, &z, &mut q).unwrap();
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if turned {
            let error: Vec<f64> = q.iter().zip(&e).map(|(q, e)| q - e).collect();
            // Close to opposite directions the plane is known less well.
            let cosine: f64 = z.iter().zip(&e).map(|(a, b)| a * b).sum::<f64>() / norm(&z) / norm(&e);
            let apart = norm(&error) / norm(&e) * (1.0 + cosine);
            assert!(apart <= ROTATION * (1.0 + cosine) / (1.0 + cosine + OPPOSITE), "{cosine}");
            assert!(apart <= bound(d), "{cosine}");
        } else {
            assert_eq!(d, 1, "opposite signs");
        }
    }
    // Rows whose roundings all fall to one side.
    for (d, z, e) in
        [(256, 0.1, 0.3), (768, 0.3, 0.2), (4096, 0.1, 0.3), (16384, 0.3, 0.2), (4096, 1000.01, 999.99)]
    {
        let (z, e, mut q) = (vec![z; d], vec![e; d], vec![0.0; d]);
        assert!(rotate(&z, &e, &z, &mut q).unwrap());
        let error: f64 = q.iter().zip(&e).map(|(q, e)| (q - e) * (q - e)).sum::<f64>().sqrt();
        assert!(error * 2.0 <= bound(d) * e[0] * (d as f64).sqrt(), "{d}");
    }
    let z = array![[0.0f64, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 2.0]];
    let vq = VectorQuantizer::new().estimator(Estimator::Rotation).commitment(0.0);
    let g = array![[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]];
    for (code, fallbacks) in [([-2.0, 0.0], 3), ([0.0, 0.0], 4)] {
        let codes = array![code];
        let step = vq.forward(z.view(), codes.view(), None).unwrap();
        let found = vq.backward(z.view(), codes.view(), &step, Upstream::of(g.view())).unwrap();
        assert_eq!(found.fallbacks, fallbacks);
        assert_eq!(found.latents.slice(s![..3, ..]), g.slice(s![..3, ..]));
    }
}

#[test]
fn unit_rows_never_overflow() {
    /// Three roundings of a value below 1.
    const ROUNDINGS: f64 = 5.0 * f64::EPSILON;
    for scale in [1e-300, 1e-200, 1.0, 1e200, 1e300] {
        let mut u = [0.0f64; 2];
        l2_normalize(&[3.0 * scale, 4.0 * scale], &mut u).unwrap();
        assert!((u[0] - 0.6).abs() < ROUNDINGS && (u[1] - 0.8).abs() < ROUNDINGS, "{scale}");
    }
    let mut u = [1.0f32; 2];
    l2_normalize(&[0.0, -0.0], &mut u).unwrap();
    assert_eq!(u, [0.0, 0.0]);
    l2_normalize(&[f32::MAX, f32::MAX], &mut u).unwrap();
    assert_eq!(u, [0.5f32.sqrt(); 2]);
    l2_normalize(&[f32::from_bits(1), 0.0], &mut u).unwrap();
    assert_eq!(u, [1.0, 0.0]);
}

#[test]
fn a_call_can_be_cancelled() {
    let p = Problem::new(13);
    let (z, codes) = (array::<f32>(&p.z), array::<f32>(&p.codes));
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let found = VectorQuantizer::new().forward_on(&Cpu::new().unwrap(), z.view(), codes.view(), None, &cx);
    assert!(matches!(found, Err(Error::Cancelled)));
}
