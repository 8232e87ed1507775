//! Every gradient against central differences of the reference's values, in `f64`; `f32` against `f64`.
//! Contracts S2 to S4 and S8.

use ndarray::Array2;
use pauca::Metric;
use pauca::vq::{
    EntropyLoss, Estimator, QuantizerGradients, Real, Reduction, Training, Upstream, VectorQuantizer,
    l2_normalize_backward, rotate_backward,
};
use pauca_reference::vq as reference;
use pauca_tests::data::Rng;

use super::problem::{Problem, Rows, array, normal, rows};

/// Largest difference over the largest entry. Central differences with h = 1e-5 are good to about 1e-9.
const DIFFERENCES: f64 = 1e-6;
/// `f32` against `f64`, relative to the largest entry. Under cosine `f32` takes the gradient at unit rows rounded to
/// 2^-24, which costs 2^-24 of the curvature, not of the gradient: up to 2^8 times as much where the parts of the
/// entropy loss all but cancel.
const SINGLE: f64 = 1.0 / 65536.0;
const STEP: f64 = 1e-5;
const PROBLEMS: u64 = 100;

/// Central differences of `f` in every entry of `x`.
fn differences(x: &Rows, mut f: impl FnMut(&Rows) -> f64) -> Rows {
    let mut x = x.clone();
    let mut out = x.clone();
    for i in 0..x.len() {
        for j in 0..x[i].len() {
            let kept = x[i][j];
            let mut at = |v: f64, x: &mut Rows| {
                x[i][j] = v;
                f(x)
            };
            out[i][j] = (at(kept + STEP, &mut x) - at(kept - STEP, &mut x)) / (2.0 * STEP);
            x[i][j] = kept;
        }
    }
    out
}

/// Differences of values near 1 cannot see gradients below 1e-10, which is DIFFERENCES of this.
const SEEN: f64 = 1e-4;
/// The same along a random direction, of which more entries add up.
const SEEN_ALONG: f64 = 1e-3;

#[track_caller]
fn close(found: &Rows, expected: &Rows, tolerance: f64, what: &str) {
    let largest = expected.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        for (j, (a, b)) in a.iter().zip(b).enumerate() {
            let error = (a - b).abs();
            assert!(error <= tolerance * largest.max(SEEN), "{what} at {i}, {j}: {a} for {b} of {largest}");
        }
    }
}

/// What is asked of one problem.
#[derive(Clone, Copy)]
struct Ask {
    metric: Metric,
    commitment: f64,
    codebook: f64,
    entropy: Option<(f64, f64, f64)>,
    estimator: Estimator,
    upstream: bool,
    training: Training,
}

const PLAIN: Ask = Ask {
    metric: Metric::SqEuclidean,
    commitment: 0.0,
    codebook: 0.0,
    entropy: None,
    estimator: Estimator::StraightThrough,
    upstream: false,
    training: Training::Gradient,
};

impl Ask {
    fn quantizer(&self, reduction: Reduction) -> VectorQuantizer {
        let vq = VectorQuantizer::new()
            .metric(self.metric)
            .commitment(self.commitment)
            .codebook_weight(self.codebook)
            .estimator(self.estimator)
            .training(self.training)
            .reduction(reduction);
        match self.entropy {
            None => vq,
            Some((s, b, tau)) => {
                vq.entropy(EntropyLoss::new(0.0).sample_weight(s).batch_weight(b).temperature(tau))
            }
        }
    }
}

fn project(ask: &Ask, row: &[f64], code: bool) -> Vec<f64> {
    match (ask.metric, code && ask.training == Training::Ema) {
        (Metric::Cosine, false) => reference::unit(row, false),
        _ => row.to_vec(),
    }
}

/// Gradients of one problem in `T`.
fn found<T: Real>(
    ask: &Ask,
    p: &Problem,
    g: &Rows,
    reduction: Reduction,
    scale: f64,
) -> (Vec<u32>, QuantizerGradients<T>) {
    let vq = ask.quantizer(reduction);
    let (z, codes, g) = (array::<T>(&p.z), array::<T>(&p.codes), array::<T>(g));
    let step = vq.forward(z.view(), codes.view(), p.mask()).unwrap();
    let upstream = Upstream { quantized: ask.upstream.then(|| g.view()), loss: scale };
    let gradients = vq.backward(z.view(), codes.view(), &step, upstream).unwrap();
    (step.ids.to_vec(), gradients)
}

/// 100 problems: the gradients in `f64` are the differences of the reference's values, those in `f32` are near.
fn check(name: &str, ask: Ask) {
    for seed in 0..PROBLEMS {
        let mut p = Problem::new(seed);
        if ask.metric == Metric::Cosine && ask.training == Training::Ema {
            p.codes.iter_mut().for_each(|e| *e = reference::unit(e, true));
        }
        // One column has two directions only: nothing to differentiate, and opposite signs.
        if p.d() == 1 {
            continue;
        }
        let g = normal(p.z.len(), p.d(), &mut p.rng);
        let (reduction, per) = p.rng.pick(&[
            (Reduction::MeanElements, reference::Per::Element),
            (Reduction::MeanRows, reference::Per::Row),
            (Reduction::Sum, reference::Per::All),
        ]);
        let scale = p.rng.pick(&[1.0, 0.3]);
        let (ids, gradients) = found::<f64>(&ask, &p, &g, reduction, scale);
        let valid = p.valid();
        let fixed_t: Rows = valid.iter().map(|&i| project(&ask, &p.z[i], false)).collect();
        let fixed_q: Rows = valid.iter().map(|&i| project(&ask, &p.codes[ids[i] as usize], true)).collect();
        // The objective with everything that is held constant held constant.
        let objective = |z: &Rows, codes: &Rows| {
            let t: Rows = valid.iter().map(|&i| project(&ask, &z[i], false)).collect();
            let q: Rows = codes.iter().map(|e| project(&ask, e, true)).collect();
            let own: Rows = valid.iter().map(|&i| q[ids[i] as usize].clone()).collect();
            let mut loss = ask.commitment * reference::mean_square(&t, &fixed_q, per);
            loss += ask.codebook * reference::mean_square(&fixed_t, &own, per);
            if let Some((s, b, tau)) = ask.entropy {
                let (sample, batch) = reference::entropies(&t, &q, tau);
                loss += s * sample - b * batch;
            }
            let mut sum = scale * loss;
            if ask.upstream {
                for (r, &i) in valid.iter().enumerate() {
                    let out: Vec<f64> = match ask.estimator == Estimator::Rotation {
                        false => t[r].clone(),
                        true => reference::rotation(&fixed_t[r], &fixed_q[r])
                            .iter()
                            .map(|row| row.iter().zip(&t[r]).map(|(m, t)| m * t).sum())
                            .collect(),
                    };
                    sum += out.iter().zip(&g[i]).map(|(o, g)| o * g).sum::<f64>();
                }
            }
            sum
        };
        let dz = differences(&p.z, |z| objective(z, &p.codes));
        close(&rows(gradients.latents.view()), &dz, DIFFERENCES, &format!("{name} {seed}, latents"));
        match (&gradients.codes, ask.training) {
            (Some(codes), Training::Gradient) => {
                let de = differences(&p.codes, |codes| objective(&p.z, codes));
                close(&rows(codes.view()), &de, DIFFERENCES, &format!("{name} {seed}, codes"));
            }
            (None, Training::Ema) => {}
            _ => panic!("{name}: gradients of codes"),
        }
        let (ids32, single) = found::<f32>(&ask, &p, &g, reduction, scale);
        assert_eq!(ids, ids32);
        let name = format!("{name} {seed}, f32");
        close(&rows(single.latents.view()), &rows(gradients.latents.view()), SINGLE, &name);
        if let (Some(a), Some(b)) = (&single.codes, &gradients.codes) {
            close(&rows(a.view()), &rows(b.view()), SINGLE, &name);
        }
    }
}

#[test]
fn commitment() {
    check("commitment", Ask { commitment: 0.25, ..PLAIN });
    check("commitment, cosine", Ask { commitment: 0.25, metric: Metric::Cosine, ..PLAIN });
}

#[test]
fn codebook() {
    check("codebook", Ask { codebook: 1.0, ..PLAIN });
    check("codebook, cosine", Ask { codebook: 1.0, metric: Metric::Cosine, ..PLAIN });
}

#[test]
fn straight_through() {
    check("straight-through", Ask { upstream: true, ..PLAIN });
    check("straight-through, cosine", Ask { upstream: true, metric: Metric::Cosine, ..PLAIN });
}

#[test]
fn rotation() {
    let ask = Ask { upstream: true, estimator: Estimator::Rotation, ..PLAIN };
    check("rotation", ask);
    check("rotation, cosine", Ask { metric: Metric::Cosine, ..ask });
}

#[test]
fn entropy() {
    for (name, weights) in [("sample", (1.0, 0.0)), ("batch", (0.0, 1.0)), ("both", (0.7, 0.4))] {
        let entropy = Some((weights.0, weights.1, 0.9));
        check(name, Ask { entropy, ..PLAIN });
        check(name, Ask { entropy, metric: Metric::Cosine, ..PLAIN });
    }
}

#[test]
fn everything_at_once() {
    let ask = Ask {
        commitment: 0.25,
        codebook: 0.8,
        entropy: Some((0.5, 0.2, 0.7)),
        estimator: Estimator::Rotation,
        upstream: true,
        ..PLAIN
    };
    check("all", ask);
    check("all, cosine", Ask { metric: Metric::Cosine, ..ask });
    check("all, EMA", Ask { training: Training::Ema, codebook: 0.0, ..ask });
    check("all, cosine, EMA", Ask { training: Training::Ema, codebook: 0.0, metric: Metric::Cosine, ..ask });
}

#[test]
fn unit_length() {
    let mut rng = Rng(1);
    for case in 0..PROBLEMS {
        let d = 2 + rng.below(9);
        let (x, g) = (normal(1, d, &mut rng), normal(1, d, &mut rng));
        let mut found = vec![0.0; d];
        l2_normalize_backward(&x[0], &g[0], &mut found).unwrap();
        let value = |x: &Rows| reference::unit(&x[0], false).iter().zip(&g[0]).map(|(u, g)| u * g).sum();
        close(&vec![found.clone()], &differences(&x, value), DIFFERENCES, &format!("case {case}"));
        /// A dot product of ten terms that cancel.
        const CANCELLED: f64 = 1e-14;
        // u.dx = 0: length does not matter.
        let along: f64 = found.iter().zip(&x[0]).map(|(d, x)| d * x).sum();
        assert!(along.abs() < CANCELLED);
    }
    let mut zero = [1.0f64; 2];
    l2_normalize_backward(&[0.0, 0.0], &[1.0, 2.0], &mut zero).unwrap();
    assert_eq!(zero, [0.0, 0.0]);
}

#[test]
fn rotation_is_transposed_backwards() {
    let mut rng = Rng(2);
    for _ in 0..PROBLEMS {
        let d = 2 + rng.below(9);
        let v = normal(3, d, &mut rng);
        let mut found = vec![0.0; d];
        assert!(rotate_backward(&v[0], &v[1], &v[2], &mut found).unwrap());
        let matrix = reference::rotation(&v[0], &v[1]);
        let expected: Vec<f64> = (0..d).map(|j| (0..d).map(|i| matrix[i][j] * v[2][i]).sum()).collect();
        close(&vec![found], &vec![expected], DIFFERENCES, "transpose");
    }
}

#[test]
fn entropy_is_within_its_bounds_and_equals_the_reference() {
    /// n k terms of order 1, each rounded a few times.
    const VALUE: f64 = 1e-12;
    for seed in 0..PROBLEMS {
        let p = Problem::new(seed);
        for (metric, tau) in [(Metric::SqEuclidean, 1.0), (Metric::Cosine, 0.3), (Metric::SqEuclidean, 0.01)]
        {
            let vq = VectorQuantizer::new().metric(metric).entropy(EntropyLoss::new(0.5).temperature(tau));
            let step =
                vq.forward(array::<f64>(&p.z).view(), array::<f64>(&p.codes).view(), p.mask()).unwrap();
            let found = step.losses.entropy.unwrap();
            let ask = Ask { metric, ..PLAIN };
            let t: Rows = p.valid().iter().map(|&i| project(&ask, &p.z[i], false)).collect();
            let q: Rows = p.codes.iter().map(|e| project(&ask, e, false)).collect();
            let (sample, batch) = reference::entropies(&t, &q, tau);
            assert!((found.sample - sample).abs() < VALUE && (found.batch - batch).abs() < VALUE, "{seed}");
            assert!(found.value <= VALUE && found.value >= -0.5 * (p.codes.len() as f64).ln() - VALUE);
        }
    }
}

#[test]
fn entropy_does_not_change_when_all_is_shifted() {
    /// Shifting rounds values to 2^-43, about 1e-13; the temperature and the sums stretch that.
    const SHIFTED: f64 = 1e-10;
    let p = Problem::new(5);
    let vq = VectorQuantizer::new().entropy(EntropyLoss::new(1.0).temperature(0.5));
    let run = |shift: f64| {
        let moved = |rows: &Rows| -> Array2<f64> { array::<f64>(rows) + shift };
        let (z, codes) = (moved(&p.z), moved(&p.codes));
        let step = vq.forward(z.view(), codes.view(), None).unwrap();
        let g = vq.backward(z.view(), codes.view(), &step, Upstream::default()).unwrap();
        (step.losses.entropy.unwrap().value, rows(g.latents.view()))
    };
    let ((a, ga), (b, gb)) = (run(0.0), run(1024.0));
    assert!((a - b).abs() < SHIFTED);
    close(&gb, &ga, 10.0 * SHIFTED, "shifted");
}

#[test]
fn entropy_tiles_do_not_show() {
    /// Means of 700 entropies of up to ln 300, added in another order.
    const TILES: f64 = 1e-12;
    // More rows and codes than one tile of either sweep.
    let mut rng = Rng(3);
    let (z, codes) = (normal(700, 3, &mut rng), normal(300, 3, &mut rng));
    let vq = VectorQuantizer::new()
        .codebook_weight(0.0)
        .commitment(0.0)
        .entropy(EntropyLoss::new(1.0).temperature(0.5));
    let (za, ca) = (array::<f64>(&z), array::<f64>(&codes));
    let step = vq.forward(za.view(), ca.view(), None).unwrap();
    let g = vq.backward(za.view(), ca.view(), &step, Upstream::default()).unwrap();
    let (sample, batch) = reference::entropies(&z, &codes, 0.5);
    assert!((step.losses.entropy.unwrap().value - (sample - batch)).abs() < TILES);
    // Directional differences along random directions see every entry.
    for _ in 0..3 {
        let (dz, dc) = (normal(700, 3, &mut rng), normal(300, 3, &mut rng));
        let moved = |x: &Rows, d: &Rows, h: f64| -> Rows {
            x.iter().zip(d).map(|(x, d)| x.iter().zip(d).map(|(x, d)| x + h * d).collect()).collect()
        };
        let value = |h: f64| {
            let (s, b) = reference::entropies(&moved(&z, &dz, h), &moved(&codes, &dc, h), 0.5);
            s - b
        };
        let expected = (value(STEP) - value(-STEP)) / (2.0 * STEP);
        let along =
            |g: &Array2<f64>, d: &Rows| g.iter().zip(d.iter().flatten()).map(|(g, d)| g * d).sum::<f64>();
        let found = along(&g.latents, &dz) + along(g.codes.as_ref().unwrap(), &dc);
        assert!(
            (found - expected).abs() <= DIFFERENCES * expected.abs().max(SEEN_ALONG),
            "{found} for {expected}"
        );
    }
}
