//! Errors name what and where, and leave a stream as it was.

use std::cell::Cell;

use pauca::layers::{
    CkaPath, CkaStream, LayerCka, LayerDistances, LayerMetric, LayerStream, Quantiles, Tokens,
};
use pauca::{Context, Control, Error, Exec, Rows};
use pauca_tests::data::Rng;

use super::{arrays, residual, serial, views};

fn stream(layers: usize, d: usize) -> LayerStream {
    LayerDistances::new(layers).start(d).unwrap()
}

#[test]
fn impossible_shapes_are_errors() {
    assert!(matches!(LayerDistances::new(0).start(3), Err(Error::InvalidParameter { name: "n_layers", .. })));
    assert!(matches!(LayerDistances::new(3).start(0), Err(Error::Empty { .. })));
    assert!(matches!(LayerDistances::new(1 << 20).start(3), Err(Error::TooLarge { .. })));
    assert!(matches!(LayerDistances::new(usize::MAX).start(3), Err(Error::TooLarge { .. })));
    assert!(matches!(LayerDistances::new(2).fit(&[]), Err(Error::Empty { .. })));
    assert!(matches!(LayerCka::new(&[]), Err(Error::Empty { .. })));
    assert!(matches!(LayerCka::new(&[2, 0]), Err(Error::Empty { .. })));
}

#[test]
fn a_bad_value_is_named_with_state_row_and_column() {
    let mut rng = Rng(1);
    let good = residual(3, 6, 5, &mut rng);
    for (state, row, col) in [(0, 0, 0), (2, 5, 4), (3, 1, 2)] {
        for value in [f32::NAN, f32::INFINITY] {
            let mut bad = good.clone();
            bad[state][row][col] = value;
            bad[3][5][4] = value;
            let (good, bad) = (arrays(&good, 5), arrays(&bad, 5));
            let mut s = stream(3, 5);
            s.push(&views(&good), Tokens::Rows, &serial()).unwrap();
            let before = s.to_bytes().unwrap();
            let error = s.push(&views(&bad), Tokens::Rows, &serial()).unwrap_err();
            let named = matches!(error, Error::NonFiniteState { state: s, row: r, col: c } if (s, r, c) == (state, row as u64, col));
            assert!(named, "{error:?}");
            assert_eq!(s.to_bytes().unwrap(), before);
            s.push(&views(&good), Tokens::Rows, &serial()).unwrap();
            let error = LayerCka::new(&[5; 4]).unwrap().fit(&views(&bad)).unwrap_err();
            assert!(matches!(error, Error::NonFiniteState { state: s, .. } if s == state));
        }
    }
}

#[test]
fn states_of_other_shapes_are_errors() {
    let x = ndarray::Array2::<f32>::ones((4, 3));
    let rows = |n: usize, d: usize| ndarray::Array2::<f32>::ones((n, d));
    let mut s = stream(2, 3);
    s.begin_batch(Tokens::Rows).unwrap();
    s.push_layer(&x).unwrap();
    assert!(matches!(s.push_layer(&rows(4, 2)), Err(Error::ShapeMismatch { expected: 3, found: 2, .. })));
    assert!(matches!(s.push_layer(&rows(5, 3)), Err(Error::ShapeMismatch { expected: 4, found: 5, .. })));
    // A state is missing.
    s.push_layer(&x).unwrap();
    assert!(matches!(s.end_batch(&serial()), Err(Error::ShapeMismatch { expected: 3, found: 2, .. })));
    s.push_layer(&x).unwrap();
    // One too many.
    assert!(matches!(s.push_layer(&x), Err(Error::ShapeMismatch { expected: 3, found: 4, .. })));
    s.end_batch(&serial()).unwrap();
    assert_eq!(s.samples(), 4);
    // At once.
    let (y, z) = (rows(4, 2), rows(5, 3));
    let [x, y, z] = [&x, &y, &z].map(|a| Rows::F32(a.view()));
    for (states, wanted, got) in [
        (vec![x, x], 3, 2),
        (vec![x, x, x, x], 3, 4),
        (vec![x, y, x], 3, 2),
        (vec![x, x, z], 4, 5),
        (vec![], 3, 0),
    ] {
        let error = s.push(&states, Tokens::Rows, &serial()).unwrap_err();
        let named = matches!(error, Error::ShapeMismatch { expected, found, .. } if (expected, found) == (wanted, got));
        assert!(named, "{error:?}");
    }
    assert_eq!(s.samples(), 4);
    // A mask of another size.
    let mask = ndarray::Array2::from_elem((2, 3), true);
    s.begin_batch(Tokens::Last(mask.view())).unwrap();
    let x = ndarray::Array2::<f32>::ones((4, 3));
    assert!(matches!(s.push_layer(&x), Err(Error::ShapeMismatch { expected: 6, found: 4, .. })));
    s.abort_batch();
    assert_eq!(s.samples(), 4);
}

#[test]
fn calls_out_of_order_are_conflicts() {
    let x = ndarray::Array2::<f32>::ones((4, 3));
    let mut s = stream(1, 3);
    assert!(matches!(s.push_layer(&x), Err(Error::Conflict { .. })));
    assert!(matches!(s.end_batch(&serial()), Err(Error::Conflict { .. })));
    s.begin_batch(Tokens::Rows).unwrap();
    let other = stream(1, 3);
    assert!(matches!(s.begin_batch(Tokens::Rows), Err(Error::Conflict { .. })));
    assert!(matches!(s.finish(), Err(Error::Conflict { .. })));
    assert!(matches!(s.to_bytes(), Err(Error::Conflict { .. })));
    assert!(matches!(s.merge(&other), Err(Error::Conflict { .. })));
    assert!(matches!(other.clone().merge(&s), Err(Error::Conflict { .. })));
    s.abort_batch();
    s.abort_batch();
    s.merge(&other).unwrap();
    // Streams of other configurations.
    for wrong in [
        LayerDistances::new(2).start(3).unwrap(),
        LayerDistances::new(1).metric(LayerMetric::Cosine).start(3).unwrap(),
        LayerDistances::new(1).quantiles(Quantiles::Histogram).start(3).unwrap(),
    ] {
        assert!(matches!(s.merge(&wrong), Err(Error::Conflict { .. })));
    }
    assert!(matches!(s.merge(&stream(1, 4)), Err(Error::ShapeMismatch { .. })));
    let mut c: CkaStream = LayerCka::new(&[3, 3]).unwrap().start().unwrap();
    assert!(matches!(c.push_layer(&x), Err(Error::Conflict { .. })));
    assert!(matches!(
        c.merge(&LayerCka::new(&[3]).unwrap().start().unwrap(), &serial()),
        Err(Error::Conflict { .. })
    ));
    c.begin_batch(Tokens::Rows).unwrap();
    assert!(matches!(c.finish(&serial()), Err(Error::Conflict { .. })));
}

#[test]
fn empty_batches_change_nothing() {
    let none = ndarray::Array2::<f32>::zeros((0, 3));
    let rows = [Rows::F32(none.view()), Rows::F32(none.view())];
    let mut s = stream(1, 3);
    s.push(&rows, Tokens::Rows, &serial()).unwrap();
    let mask = ndarray::Array2::from_elem((0, 7), true);
    s.push(&rows, Tokens::Last(mask.view()), &serial()).unwrap();
    let mask = ndarray::Array2::from_elem((2, 0), true);
    assert!(matches!(s.begin_batch(Tokens::Last(mask.view())), Err(Error::NoToken { sequence: 0 })));
    s.push(&rows, Tokens::Real(mask.view()), &serial()).unwrap();
    assert_eq!((s.samples(), s.to_bytes().unwrap()), (0, stream(1, 3).to_bytes().unwrap()));
}

#[test]
fn a_cancelled_call_leaves_the_stream_as_it_was() {
    let mut rng = Rng(9);
    let states = residual(5, 300, 64, &mut rng);
    let arrays = arrays(&states, 64);
    let mut s = stream(5, 64);
    s.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
    let before = s.to_bytes().unwrap();
    let mut cancelled = 0;
    for allowed in 0.. {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > allowed
        };
        let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
        match s.push(&views(&arrays), Tokens::Rows, &cx) {
            Ok(()) => break,
            Err(Error::Cancelled) => cancelled += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(s.to_bytes().unwrap(), before);
    }
    assert!(cancelled > 2 && s.samples() == 600);
}

#[test]
fn a_cancelled_sum_over_features_cannot_go_on() {
    let mut rng = Rng(10);
    let states = residual(2, 300, 8, &mut rng);
    let arrays = arrays(&states, 8);
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let mut s = LayerCka::new(&[8; 3]).unwrap().path(CkaPath::Features).start().unwrap();
    assert!(matches!(s.push(&views(&arrays), Tokens::Rows, &cx), Err(Error::Cancelled)));
    assert!(matches!(s.finish(&serial()), Err(Error::Conflict { second: "a call that was stopped", .. })));
    assert!(s.push(&views(&arrays), Tokens::Rows, &serial()).is_err());
    let whole = LayerCka::new(&[8; 3]).unwrap().path(CkaPath::Gram).start().unwrap();
    assert!(matches!(s.clone().merge(&whole, &serial()), Err(Error::Conflict { .. })));
    // By Grams nothing is lost.
    let mut s = LayerCka::new(&[8; 3]).unwrap().path(CkaPath::Gram).start().unwrap();
    s.push(&views(&arrays), Tokens::Rows, &serial()).unwrap();
    assert!(matches!(s.finish(&cx), Err(Error::Cancelled)));
    assert_eq!(s.finish(&serial()).unwrap().samples, 300);
}
