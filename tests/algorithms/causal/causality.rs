//! What a prediction may depend on, to the bit.

use ndarray::s;
use pauca::causal::{Batch, Predictor, Real};
use pauca::{Context, Control, Exec};
use pauca_tests::data::Rng;

use super::problem::{KINDS, Problem};

fn bits<T: Real>(values: impl IntoIterator<Item = T>) -> Vec<u64> {
    values.into_iter().map(|v| v.to_f64().to_bits()).collect()
}

/// Perturbs one latent, by a little or beyond all measure, and compares every prediction.
fn check<T: Real>(kind: &str, seed: u64, largest: f64) {
    let mut p = Problem::random(kind, seed);
    let mut rng = Rng(seed);
    let predictor = p.predictor::<T>();
    let cx = Context::default();
    let arrays = p.arrays::<T>();
    let before = predictor.predict(&p.batch(&arrays), &cx).unwrap();
    let places = p.batch(&arrays).places().unwrap();
    if places.is_empty() {
        return;
    }
    let changed = places[rng.below(places.len())];
    for size in [1e-3, 1.0, largest] {
        let at = [changed.sequence, changed.position, rng.below(p.z.dim().2)];
        p.z[at] = if rng.chance(0.5) { size } else { -size };
        let arrays = p.arrays::<T>();
        let after = predictor.predict(&p.batch(&arrays), &cx).unwrap();
        let mut later = 0;
        for place in &places {
            let row = s![place.sequence, place.position, ..];
            let same = bits(before.slice(row).iter().copied()) == bits(after.slice(row).iter().copied());
            if place.sequence != changed.sequence || place.step <= changed.step {
                assert!(same, "{kind} {seed}: latent {changed:?} reached the prediction at {place:?}");
            } else {
                later += usize::from(!same);
            }
        }
        // The test can see what it looks for: a transformer looks back all the way, as a window does one step.
        let follows = places.iter().any(|p| p.sequence == changed.sequence && p.step == changed.step + 1);
        if follows && !p.normalized && size == largest {
            assert!(later > 0, "{kind} {seed}: latent {changed:?} reached nothing");
        }
    }
}

#[test]
fn predictions_never_see_their_own_or_later_latents() {
    for kind in KINDS {
        for seed in 0..100 {
            check::<f64>(kind, seed, 1e300);
            check::<f32>(kind, seed, 1e30);
        }
    }
}

#[test]
fn predictions_of_a_sequence_do_not_depend_on_the_others() {
    for kind in KINDS {
        for seed in 0..40 {
            let p = Problem::random(kind, seed);
            let (arrays, cx) = (p.arrays::<f32>(), Context::default());
            let predictor = p.predictor::<f32>();
            let all = predictor.predict(&p.batch(&arrays), &cx).unwrap();
            for b in 0..p.z.dim().0 {
                let mut one = p.clone();
                one.z = p.z.slice(s![b..b + 1, .., ..]).to_owned();
                one.lengths = p.lengths.as_ref().map(|lengths| vec![lengths[b]]);
                let arrays = one.arrays::<f32>();
                let alone = predictor.predict(&one.batch(&arrays), &cx).unwrap();
                assert_eq!(
                    bits(alone),
                    bits(all.slice(s![b..b + 1, .., ..]).iter().copied()),
                    "{kind} {seed}"
                );
            }
        }
    }
}

/// Enough rows for several tiles, of which the last is small.
fn many(kind: &str) -> (Problem, Predictor<f32>) {
    let mut p = Problem::random(kind, 11);
    let mut rng = Rng(5);
    (p.projection, p.lengths, p.order, p.normalized) = (None, None, None, false);
    let steps = if kind == "transformer" { 3 } else { 7 };
    p.z = ndarray::Array3::from_shape_simple_fn((3500 / steps, steps, p.dim), || rng.normal());
    if kind == "transformer" {
        p.kind = pauca::causal::Transformer::new(3).width(8).heads(2).into();
        let fresh = Predictor::<f64>::new(p.kind, p.dim, p.dim, 2).unwrap();
        p.params = fresh.params().iter().map(|v| v + 0.1 * rng.normal()).collect();
    }
    let predictor = p.predictor();
    (p, predictor)
}

#[test]
fn threads_leave_no_trace() {
    for kind in KINDS {
        let (p, predictor) = many(kind);
        let arrays = p.arrays::<f32>();
        let run = |exec| {
            let cx = Context::new(exec, Control::new());
            let found = p.crt().gradients(&predictor, &p.batch(&arrays), &cx).unwrap();
            let value = p.crt().value(&predictor, &p.batch(&arrays), &cx).unwrap();
            // As text: steps without predictions have no number.
            assert_eq!(format!("{:?}", found.value), format!("{value:?}"));
            (bits(found.dz), bits(found.dparams), value.loss.to_bits())
        };
        let one = run(Exec::serial());
        for threads in [2, 3, 8] {
            assert!(run(Exec::threads(threads).unwrap()) == one, "{kind}, {threads} threads");
        }
    }
}

#[test]
fn cancelled_calls_say_so() {
    let (p, predictor) = many("mlp");
    let (arrays, stop) = (p.arrays::<f32>(), || true);
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let found = p.crt().gradients(&predictor, &p.batch(&arrays), &cx);
    assert!(matches!(found, Err(pauca::Error::Cancelled)));
    let found = predictor.predict(&Batch::new(arrays.z.view()), &cx);
    assert!(matches!(found, Err(pauca::Error::Cancelled)));
}
