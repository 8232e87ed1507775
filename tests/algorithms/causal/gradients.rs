//! Every gradient against central differences of the reference's values, 100 problems for each predictor.

use ndarray::{Array1, Array2};
use pauca::Context;
use pauca::causal::{Batch, CrtGradients, Flow, Predictor, Transformer};
use pauca_reference::causal as reference;

use super::problem::{KINDS, Problem, difference, worst, worst_of_largest};

const PROBLEMS: u64 = 100;
/// Differences of order 4 leave about 1e-9 of the largest derivative; the bar is the project's.
const DIFFERENCE: f64 = 1e-6;
/// Values of sums of a few dozen terms of size 1 in two orders.
const VALUE: f64 = 1e-12;
/// f32 has 6e-8; a chain of some tens of operations, and layer norms, multiply it by a hundred at the worst here.
const SINGLE: f64 = 1e-4;

/// Gradients of the reference's value with respect to z, parameters, and projection.
struct Truth {
    z: Vec<f64>,
    params: Vec<f64>,
    projection: Vec<f64>,
}

fn truth(p: &Problem, flow: Flow) -> Truth {
    // What is held fixed where a flow is cut.
    let (targets, guesses) = (p.sequences(), p.guesses());
    let value = |q: &Problem| match flow {
        Flow::Both => q.value(),
        Flow::Inputs => q.lambda * reference::loss(&targets, &q.guesses(), q.rule),
        Flow::Targets => q.lambda * reference::loss(&q.sequences(), &guesses, q.rule),
    };
    let moved = |change: &dyn Fn(&mut Problem, f64)| {
        difference(|h| {
            let mut q = p.clone();
            change(&mut q, h);
            value(&q)
        })
    };
    let z = p.z.indexed_iter().map(|(at, _)| moved(&|q, h| q.z[at] += h)).collect();
    let whole = |q: &Problem| q.value();
    let params = (0..p.params.len())
        .map(|i| {
            difference(|h| {
                let mut q = p.clone();
                q.params[i] += h;
                whole(&q)
            })
        })
        .collect();
    let mut projection = Vec::new();
    if let Some((w, b)) = &p.projection {
        for (at, _) in w.indexed_iter() {
            projection.push(moved(&|q, h| q.projection.as_mut().unwrap().0[at] += h));
        }
        for j in 0..b.len() {
            projection.push(moved(&|q, h| q.projection.as_mut().unwrap().1[j] += h));
        }
    }
    Truth { z, params, projection }
}

fn flat<T: pauca::causal::Real>(found: &CrtGradients<T>) -> [Vec<f64>; 3] {
    let empty = (Array2::from_elem((0, 0), T::zero()), Array1::from_elem(0, T::zero()));
    let (w, b) = found.dprojection.as_ref().unwrap_or(&empty);
    [
        found.dz.iter().map(|v| v.to_f64()).collect(),
        found.dparams.iter().map(|v| v.to_f64()).collect(),
        w.iter().chain(b).map(|v| v.to_f64()).collect(),
    ]
}

fn check(kind: &str) {
    let (mut worst_difference, mut worst_single) = (0.0f64, 0.0f64);
    for seed in 0..PROBLEMS {
        let p = Problem::random(kind, seed);
        let flow = [Flow::Both, Flow::Inputs, Flow::Targets][seed as usize % 3];
        let crt = p.crt().flow(flow);
        let cx = Context::default();
        let arrays = p.arrays::<f64>();
        let found = crt.gradients(&p.predictor::<f64>(), &p.batch(&arrays), &cx).unwrap();
        let value = p.value();
        assert!((found.value.loss - value).abs() <= VALUE * value.abs().max(1.0), "{kind} {seed}");
        let truth = truth(&p, flow);
        let [z, params, projection] = flat(&found);
        for (what, found, truth) in [
            ("z", &z, &truth.z),
            ("params", &params, &truth.params),
            ("projection", &projection, &truth.projection),
        ] {
            let error = worst(found, truth);
            assert!(error <= DIFFERENCE, "{kind}, problem {seed}, {flow:?}, {what}: {error:e}\n{p:?}");
            worst_difference = worst_difference.max(error);
        }
        let arrays = p.arrays::<f32>();
        let single = crt.gradients(&p.predictor::<f32>(), &p.batch(&arrays), &cx).unwrap();
        for (found, truth) in flat(&single).iter().zip([&z, &params, &projection]) {
            let error = worst_of_largest(found, truth);
            assert!(error <= SINGLE, "{kind}, problem {seed} in f32: {error:e}");
            worst_single = worst_single.max(error);
        }
    }
    println!("{kind}: f64 against differences {worst_difference:.1e}, f32 against f64 {worst_single:.1e}");
}

#[test]
fn gradients_of_the_linear_predictor_equal_differences() {
    check(KINDS[0]);
}

#[test]
fn gradients_of_the_low_rank_predictor_equal_differences() {
    check(KINDS[1]);
}

#[test]
fn gradients_of_the_perceptron_equal_differences() {
    check(KINDS[2]);
}

#[test]
fn gradients_of_the_transformer_equal_differences() {
    check(KINDS[3]);
}

/// Minus the logarithm of the share that softmax gives to `code`, and the gradient of the logits.
fn cross_entropy(logits: &[f64], code: usize) -> (f64, Vec<f64>) {
    let sum: f64 = logits.iter().map(|v| v.exp()).sum();
    let slope = |(k, v): (usize, &f64)| v.exp() / sum - f64::from(u8::from(k == code));
    (sum.ln() - logits[code], logits.iter().enumerate().map(slope).collect())
}

#[test]
fn backpropagate_takes_any_loss_of_any_number_of_outputs() {
    let (codes, dim) = (5, 3);
    let transformer = Transformer::new(4).width(4).heads(2).layers(1).hidden(3);
    let mut predictor = Predictor::<f64>::new(transformer, dim, codes, 3).unwrap();
    let shift: Vec<f64> = (0..predictor.params().len()).map(|i| (i as f64 * 0.7).sin() * 0.4).collect();
    predictor.params_mut().iter_mut().zip(&shift).for_each(|(p, s)| *p += s);
    let z = ndarray::Array3::from_shape_fn((3, 4, dim), |(b, t, j)| ((b * 12 + t * 3 + j) as f64).sin());
    let code = |b: usize, t: usize| (b * 2 + t * 3) % codes;
    let cx = Context::default();
    let found = predictor
        .backpropagate(
            &Batch::new(z.view()),
            |mut part| {
                for (i, place) in part.places.iter().enumerate() {
                    let (value, slopes) =
                        cross_entropy(&part.out.row(i).to_vec(), code(place.sequence, place.position));
                    part.values[i] = value;
                    part.dout.row_mut(i).assign(&Array1::from_vec(slopes));
                }
                Ok(())
            },
            &cx,
        )
        .unwrap();
    let value = |predictor: &Predictor<f64>, z: &ndarray::Array3<f64>| -> f64 {
        let out = predictor.predict(&Batch::new(z.view()), &cx).unwrap();
        let places = (0..3).flat_map(|b| (0..4).map(move |t| (b, t)));
        places.map(|(b, t)| cross_entropy(&out.slice(ndarray::s![b, t, ..]).to_vec(), code(b, t)).0).sum()
    };
    assert!((found.values.sum() - value(&predictor, &z)).abs() <= VALUE * found.values.sum());
    let params: Vec<f64> = (0..shift.len())
        .map(|i| {
            difference(|h| {
                let mut moved = predictor.clone();
                moved.params_mut()[i] += h;
                value(&moved, &z)
            })
        })
        .collect();
    assert!(worst(found.dparams.as_slice().unwrap(), &params) <= DIFFERENCE);
    let dz: Vec<f64> = z
        .indexed_iter()
        .map(|(at, _)| {
            difference(|h| {
                let mut moved = z.clone();
                moved[at] += h;
                value(&predictor, &moved)
            })
        })
        .collect();
    assert!(worst(&found.dz.iter().copied().collect::<Vec<_>>(), &dz) <= DIFFERENCE);
}
