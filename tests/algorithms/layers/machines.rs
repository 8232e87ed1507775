//! Machines other than the CPU: the trait `Products`, from its documentation alone.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use pauca::backend::{Products, Samples};
use pauca::layers::{CkaPath, LayerCka, LayerDistances, LayerMetric, LayerStream, Quantiles, Tokens};
use pauca::{Context, Cpu, Error, Level, Result, Rows};
use pauca_tests::data::Rng;

use super::{arrays, residual, serial, some_states, threads, views};

/// Plain loops in the order of the definition; asked `calls` times; anything else on the slowest CPU.
#[derive(Debug, Default)]
struct Plain {
    calls: AtomicUsize,
}

/// Nothing of its own.
struct Idle;

impl Products for Idle {}

fn dot(x: &[f32], y: &[f32]) -> f64 {
    let mut lanes = [0.0; 16];
    for (i, (x, y)) in x.iter().zip(y).enumerate() {
        lanes[i % 16] += *x as f64 * *y as f64;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

impl Products for Plain {
    fn host(&self) -> Result<Cpu> {
        Cpu::with_level(Level::Scalar)
    }

    fn pair_dots(
        &self,
        samples: Samples<'_, '_>,
        range: Range<usize>,
        out: &mut [f64],
        cx: &Context<'_>,
    ) -> Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let n = samples.n_states();
        // What nobody asked for must not show.
        out.fill(f64::NAN);
        for (sample, out) in range.zip(out.chunks_exact_mut(n * n)) {
            cx.control.check()?;
            let (mut a, mut b) = (vec![0.0; samples.dim()], vec![0.0; samples.dim()]);
            for l in 0..n {
                let x = samples.row(l, sample, &mut a)?;
                if x.iter().any(|v| !v.is_finite()) {
                    return Err(Error::NonFiniteState { state: 77, row: 77, col: 77 });
                }
                for m in l..n {
                    out[l * n + m] = dot(x, samples.row(m, sample, &mut b)?);
                }
            }
        }
        Ok(())
    }
}

#[test]
fn distances_have_the_same_bits_on_every_machine() {
    let plain = Plain::default();
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let states = some_states(&mut rng);
        let (n, d) = (states[0].len(), states[0].first().map_or(1, Vec::len));
        let arrays = arrays(&states, d);
        let mask = ndarray::Array2::from_shape_fn((n, 1), |(i, _)| i % 3 != 1);
        for &metric in LayerMetric::ALL {
            let config = LayerDistances::new(states.len() - 1).metric(metric).quantiles(Quantiles::Exact);
            let mut cpu = config.start(d).unwrap();
            let (mut lent, mut idle) =
                (config.start_on(&plain, d).unwrap(), config.start_on(Idle, d).unwrap());
            for tokens in [Tokens::Rows, Tokens::Real(mask.view())] {
                cpu.push(&views(&arrays), tokens, &serial()).unwrap();
                lent.push(&views(&arrays), tokens, &threads(2)).unwrap();
                idle.push(&views(&arrays), tokens, &threads(2)).unwrap();
            }
            let bytes = cpu.to_bytes().unwrap();
            assert_eq!(lent.to_bytes().unwrap(), bytes, "seed {seed}");
            assert_eq!(idle.to_bytes().unwrap(), bytes, "seed {seed}");
            // A shard from elsewhere goes on here.
            let mut moved = config.start_on(&plain, d).unwrap();
            moved.merge(&LayerStream::from_bytes(&bytes).unwrap()).unwrap();
            moved.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
            cpu.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
            assert_eq!(moved.to_bytes().unwrap(), cpu.to_bytes().unwrap(), "seed {seed}");
        }
    }
    assert!(plain.calls.into_inner() > 200);
}

#[test]
fn a_bad_value_is_named_whatever_the_machine_says() {
    let mut rng = Rng(3);
    let mut states = residual(3, 6, 5, &mut rng);
    (states[2][1][4], states[3][0][0]) = (f32::NAN, f32::INFINITY);
    let arrays = arrays(&states, 5);
    let plain = Plain::default();
    let mut stream = LayerDistances::new(3).start_on(&plain, 5).unwrap();
    let error = stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap_err();
    assert!(matches!(error, Error::NonFiniteState { state: 2, row: 1, col: 4 }), "{error:?}");
    assert_eq!(stream.samples(), 0);
}

#[test]
fn cka_is_made_on_the_host_of_the_machine() {
    /// What is asked of CKA beside the Gram formula; levels differ in their last bits.
    const ASKED: f64 = 1e-10;
    let mut rng = Rng(4);
    let states = residual(2, 200, 9, &mut rng);
    let arrays = arrays(&states, 9);
    let host = Cpu::with_level(Level::Scalar).unwrap();
    for path in [CkaPath::Gram, CkaPath::Features] {
        let config = LayerCka::new(&[9; 3]).unwrap().path(path);
        let [on_plain, on_host, on_best] =
            [config.start_on(&Plain::default()), config.start_on(&host), config.start()].map(|stream| {
                let mut stream = stream.unwrap();
                stream.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
                stream.finish(&serial()).unwrap()
            });
        assert_eq!(on_plain, on_host, "{path:?}");
        for (l, m) in [(0, 1), (0, 2), (1, 2)] {
            let (a, b) = (on_plain.unbiased(l, m).value(), on_best.unbiased(l, m).value());
            assert!((a.unwrap() - b.unwrap()).abs() < ASKED, "{path:?}");
        }
    }
}

#[test]
fn products_refuse_what_does_not_fit() {
    let (x, y) = (ndarray::Array2::<f32>::ones((4, 3)), ndarray::Array2::<f32>::ones((4, 2)));
    let (states, other) = ([Rows::F32(x.view()); 2], [Rows::F32(x.view()), Rows::F32(y.view())]);
    let misfit = |result: Result<()>| matches!(result, Err(Error::ShapeMismatch { .. }));
    assert!(misfit(Samples::new(&other, None).map(drop)));
    assert!(misfit(Samples::new(&states, Some(&[0, 4])).map(drop)));
    let chosen = Samples::new(&states, Some(&[3, 0])).unwrap();
    assert_eq!((chosen.n_samples(), chosen.n_states(), chosen.dim()), (2, 2, 3));
    assert!(misfit(chosen.row(0, 2, &mut [0.0; 3]).map(drop)));
    assert!(misfit(chosen.row(2, 0, &mut [0.0; 3]).map(drop)));
    let cpu = Cpu::new().unwrap();
    let dots = |range, values: usize| cpu.pair_dots(chosen, range, &mut vec![0.0; values], &serial());
    assert!(dots(0..2, 8).is_ok() && dots(1..1, 0).is_ok());
    assert!(misfit(dots(0..2, 7)) && misfit(dots(1..3, 8)) && misfit(dots(0..usize::MAX, 8)));
    let none = Samples::new(&[], None).unwrap();
    assert!(cpu.pair_dots(none, 0..0, &mut [], &serial()).is_ok());
}
