//! Bad input is an error that names what and where.

use ndarray::{Array2, array};
use pauca::alignment::{
    Balance, ClipScore, Counts, Directions, Filter, HardNegatives, InfoNce, Matcher, Matches, Retrieval,
    SigLip, Winoground, ZeroShot, balanced_sample, choices, mismatched, pairwise,
};
use pauca::{Boundary, Control, Cpu, Error, Exec, Rows};
use pauca_tests::data::Rng;

macro_rules! fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("{:?} is not {}", other.err(), stringify!($pattern)),
        }
    };
}

fn toy() -> Array2<f32> {
    array![[1.0, 0.5], [-1.0, 2.0], [0.5, 0.5]]
}

#[test]
fn non_finite_values_are_named_with_their_side_and_place() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (row, col) in [(0, 0), (1, 1), (2, 0)] {
            let (x, mut y) = (toy(), toy());
            y[[row, col]] = bad;
            let place = |r: u64, c: usize| (r, c) == (row as u64, col);
            fails!(ClipScore::survey().score(&x, &y), Error::NonFinite { what: "texts", row, col } if place(row, col));
            fails!(ClipScore::survey().score(&y, &x), Error::NonFinite { what: "images", row, col } if place(row, col));
            fails!(Retrieval::of(&x, &y, Matches::Diagonal), Error::NonFinite { what: "y", row, col } if place(row, col));
            let hard = HardNegatives::new(1);
            fails!(hard.find(&y, &x, Matches::Diagonal), Error::NonFinite { what: "x", row, col } if place(row, col));
            fails!(ZeroShot::from_texts(&y, &[0, 1, 2], 3), Error::NonFinite { row, col, .. } if place(row, col));
            let info = InfoNce::new().gradients(x.view(), y.view(), 1.0, Matches::Diagonal);
            fails!(info, Error::NonFinite { what: "y", row, col } if place(row, col));
            let sig = SigLip::new().gradients(y.view(), x.view(), 1.0, 0.0, Matches::Diagonal);
            fails!(sig, Error::NonFinite { what: "x", row, col } if place(row, col));
            let soft = y.mapv(f32::abs);
            let (a, b) = (toy(), array![[1.0f32, 0.0], [0.0, 1.0]]);
            let info = InfoNce::new().value(a.view(), b.view(), 1.0, soft.view());
            fails!(info, Error::NonFinite { what: "targets", row, col } if place(row, col));
        }
    }
    fails!(Filter::top(1).select(&[0.0, f64::NAN]), Error::NonFinite { what: "scores", row: 1, .. });
    fails!(pairwise(&[0.0], &[f64::NAN]), Error::NonFinite { what: "wrong scores", row: 0, .. });
    fails!(pairwise(&[f64::INFINITY], &[0.0]), Error::NonFinite { what: "right scores", row: 0, .. });
    fails!(choices(array![[0.0, f64::NAN]].view(), &[0]), Error::NonFinite { row: 0, col: 1, .. });
    fails!(
        Winoground::of(&[[[0.0; 2]; 2], [[0.0, 0.0], [f64::NAN, 0.0]]]),
        Error::NonFinite { row: 1, col: 2, .. }
    );
    let scores = array![[0.0, 1.0], [f64::NAN, 1.0]];
    fails!(Retrieval::of_scores(scores.view(), Matches::Diagonal), Error::NonFinite { row: 1, col: 0, .. });
}

#[test]
fn overflowing_logits_are_named() {
    let x = array![[1e200f64, 0.0], [0.0, 1.0]];
    let found = InfoNce::new().gradients(x.view(), x.view(), 1.0, Matches::Diagonal);
    fails!(found, Error::NonFinite { row: 0, col: 0, .. });
    let found = SigLip::new().gradients(x.view(), x.view(), 1.0, 0.0, Matches::Diagonal);
    fails!(found, Error::NonFinite { row: 0, col: 0, .. });
    // A gradient that f32 cannot hold.
    let (x, y) = (array![[1e-30f32], [-1e-30]], array![[-3e38f32], [3e38]]);
    let found = InfoNce::new().gradients(x.view(), y.view(), 1e6, Matches::Diagonal);
    fails!(found, Error::NonFinite { what: "gradient of x", row: 0, col: 0 });
    // f32 rows whose products overflow f32 are no trouble.
    let x = array![[3e38f32, 0.0], [0.0, 3e38]];
    assert!(InfoNce::new().value(x.view(), x.view(), 1e-70, Matches::Diagonal).unwrap() < 1.0);
}

#[test]
fn empty_sides() {
    let (none, flat) = (Array2::<f32>::zeros((0, 2)), Array2::<f32>::zeros((3, 0)));
    for (x, y) in [(&none, &none), (&flat, &flat)] {
        fails!(ClipScore::survey().score(x, y), Error::Empty { .. });
        fails!(Retrieval::of(x, y, Matches::Diagonal), Error::Empty { .. });
        fails!(HardNegatives::new(1).find(x, y, Matches::Diagonal), Error::Empty { .. });
        fails!(InfoNce::new().value(x.view(), y.view(), 1.0, Matches::Diagonal), Error::Empty { .. });
        fails!(SigLip::new().value(x.view(), y.view(), 1.0, 0.0, Matches::Diagonal), Error::Empty { .. });
        fails!(ZeroShot::from_texts(x, &[], 0), Error::Empty { .. });
    }
    fails!(Retrieval::of_scores(Array2::zeros((0, 3)).view(), Matches::Diagonal), Error::Empty { .. });
    fails!(pairwise(&[], &[]), Error::Empty { .. });
    fails!(choices(Array2::zeros((0, 2)).view(), &[]), Error::Empty { .. });
    fails!(Winoground::of(&[]), Error::Empty { .. });
    fails!(Matcher::new([""; 0]), Error::Empty { .. });
    fails!(Counts::new(0), Error::Empty { .. });
    assert_eq!(Filter::fraction(0.5).select(&[]).unwrap().kept, 0);
    assert_eq!(balanced_sample(&[], &[], 1, 1).unwrap().len(), 0);
}

#[test]
fn shapes_that_do_not_fit() {
    let (x, y) = (toy(), array![[1.0f32, 0.0], [0.0, 1.0]]);
    let thin = array![[1.0f32], [1.0], [1.0]];
    fails!(ClipScore::survey().score(&x, &y), Error::ShapeMismatch { expected: 3, found: 2, .. });
    fails!(ClipScore::survey().score(&x, &thin), Error::ShapeMismatch { expected: 2, found: 1, .. });
    fails!(Retrieval::of(&x, &thin, Matches::Diagonal), Error::ShapeMismatch { .. });
    fails!(Retrieval::of(&x, &y, Matches::Diagonal), Error::ShapeMismatch { expected: 3, found: 2, .. });
    let info = |x: &Array2<f32>, y: &Array2<f32>, m| InfoNce::new().value(x.view(), y.view(), 1.0, m);
    fails!(info(&x, &thin, Matches::Diagonal), Error::ShapeMismatch { expected: 2, found: 1, .. });
    fails!(info(&x, &y, Matches::Diagonal), Error::ShapeMismatch { expected: 3, found: 2, .. });
    fails!(
        info(&x, &y, Matches::Groups { x: &[1, 2], y: &[1, 2] }),
        Error::ShapeMismatch { expected: 3, found: 2, .. }
    );
    fails!(
        info(&x, &y, Matches::Groups { x: &[1, 2, 3], y: &[1] }),
        Error::ShapeMismatch { expected: 2, found: 1, .. }
    );
    fails!(info(&x, &y, Matches::Pairs(&[[3, 0]])), Error::ShapeMismatch { expected: 3, found: 3, .. });
    fails!(info(&x, &y, Matches::Pairs(&[[0, 2]])), Error::ShapeMismatch { expected: 2, found: 2, .. });
    fails!(
        info(&x, &y, Matches::Pairs(&[[2, 1], [0, 0], [2, 1]])),
        Error::InvalidParameter { value: 2.0, .. }
    );
    let soft = Array2::<f32>::ones((3, 3));
    fails!(
        InfoNce::new().value(x.view(), y.view(), 1.0, soft.view()),
        Error::ShapeMismatch { expected: 2, found: 3, .. }
    );
    fails!(ZeroShot::from_texts(&x, &[0, 1], 2), Error::ShapeMismatch { expected: 3, found: 2, .. });
    let classes = ZeroShot::from_texts(&x, &[0, 1, 1], 2).unwrap();
    fails!(classes.accuracy(&[0], &[0, 1]), Error::ShapeMismatch { .. });
    fails!(classes.accuracy(&[0], &[2]), Error::LabelOutOfRange { row: 0, label: 2, k: 2 });
    fails!(classes.accuracy(&[], &[]), Error::Empty { .. });
    fails!(classes.predict(&thin), Error::ShapeMismatch { .. });
    fails!(pairwise(&[1.0], &[]), Error::ShapeMismatch { expected: 1, found: 0, .. });
    fails!(choices(array![[0.0, 1.0]].view(), &[2]), Error::ShapeMismatch { expected: 2, found: 2, .. });
    fails!(choices(array![[0.0, 1.0]].view(), &[]), Error::ShapeMismatch { .. });
    fails!(balanced_sample(&[1], &[], 1, 1), Error::ShapeMismatch { .. });
    fails!(HardNegatives::new(1).within(true).find(&x, &y, Matches::Pairs(&[])), Error::Conflict { .. });
    let (mut a, b) = (Counts::new(2).unwrap(), Counts::new(3).unwrap());
    fails!(a.merge(&b), Error::ShapeMismatch { expected: 2, found: 3, .. });
    fails!(a.add(&[2]), Error::LabelOutOfRange { row: 0, label: 2, k: 2 });
    fails!(a.add(&[1, 0]), Error::InvalidParameter { .. });
    fails!(a.add(&[1, 1]), Error::InvalidParameter { .. });
    assert_eq!(a.as_slice(), [0, 0], "nothing was counted");
    fails!(Balance::new(&a, 5).unwrap().probability(&[7]), Error::LabelOutOfRange { label: 7, k: 2, .. });
}

#[test]
fn impossible_parameters() {
    let x = toy();
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        fails!(
            ClipScore::survey().weight(weight).score(&x, &x),
            Error::InvalidParameter { name: "weight", .. }
        );
        let info = InfoNce::new().value(x.view(), x.view(), weight, Matches::Diagonal);
        fails!(info, Error::InvalidParameter { name: "scale", .. });
        let sig = SigLip::new().value(x.view(), x.view(), weight, 0.0, Matches::Diagonal);
        fails!(sig, Error::InvalidParameter { name: "scale", .. });
    }
    let sig = SigLip::new().value(x.view(), x.view(), 1.0, f64::NAN, Matches::Diagonal);
    fails!(sig, Error::InvalidParameter { name: "bias", .. });
    for fraction in [-0.1, 1.1, f64::NAN] {
        fails!(Filter::fraction(fraction).select(&[1.0]), Error::InvalidParameter { name: "fraction", .. });
    }
    fails!(Filter::threshold(f64::NAN, Boundary::Ge).select(&[1.0]), Error::InvalidParameter { .. });
    fails!(Filter::top(2).select(&[1.0]), Error::TooLarge { size: 2, limit: 1, .. });
    assert_eq!(Filter::threshold(f64::INFINITY, Boundary::Ge).select(&[1.0]).unwrap().kept, 0);
    let negative = array![[1.0f32, -0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let info = InfoNce::new().value(x.view(), x.view(), 1.0, negative.view());
    fails!(info, Error::InvalidParameter { name: "targets", .. });
    let above = array![[1.0f32, 1.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    assert!(InfoNce::new().value(x.view(), x.view(), 1.0, above.view()).is_ok());
    let sig = SigLip::new().value(x.view(), x.view(), 1.0, 0.0, above.view());
    fails!(sig, Error::InvalidParameter { name: "targets", .. });
    fails!(HardNegatives::new(0).find(&x, &x, Matches::Diagonal), Error::InvalidParameter { .. });
    for n in [0, 1] {
        fails!(mismatched(n, 0), Error::InvalidParameter { .. });
    }
    fails!(Balance::new(&Counts::new(1).unwrap(), 0), Error::InvalidParameter { .. });
    fails!(Matcher::new(["a", ""]), Error::InvalidParameter { value: 1.0, .. });
    fails!(ZeroShot::from_texts(&x, &[0, 0, 2], 3), Error::InvalidParameter { value: 1.0, .. });
    fails!(ZeroShot::from_texts(&x, &[0, 0, 3], 3), Error::LabelOutOfRange { row: 2, label: 3, k: 3 });
    let cancel = array![[1.0f32, 0.0], [-1.0, 0.0]];
    fails!(ZeroShot::from_texts(&cancel, &[0, 0], 1), Error::ZeroRow { row: 0 });
    let zero = array![[1.0f32, 0.0], [0.0, -0.0]];
    fails!(ZeroShot::from_texts(&zero, &[0, 0], 1), Error::ZeroRow { row: 1 });
}

#[test]
fn targets_without_a_positive_pair() {
    let x = toy();
    for &directions in Directions::ALL {
        let loss = InfoNce::new().directions(directions);
        fails!(
            loss.value(x.view(), x.view(), 1.0, Matches::Pairs(&[])),
            Error::Empty { what: "positive pairs" }
        );
        let zeros = Array2::<f32>::zeros((3, 3));
        fails!(
            loss.gradients(x.view(), x.view(), 1.0, zeros.view()),
            Error::Empty { what: "positive pairs" }
        );
    }
    // For SigLIP all pairs negative is a question like any other.
    assert!(SigLip::new().value(x.view(), x.view(), 1.0, 0.0, Matches::Pairs(&[])).is_ok());
}

#[test]
fn cancelled_calls_say_so() {
    let mut rng = Rng(5);
    let mut side = || Array2::from_shape_simple_fn((300, 8), || rng.normal() as f32);
    let (x, y) = (side(), side());
    let stop = || true;
    let cx = pauca::Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let (a, b) = (Rows::F32(x.view()), Rows::F32(y.view()));
    let diagonal = Matches::Diagonal;
    assert!(matches!(ClipScore::survey().score_in(&a, &b, &cx), Err(Error::Cancelled)));
    assert!(matches!(InfoNce::new().value_in(x.view(), y.view(), 1.0, diagonal, &cx), Err(Error::Cancelled)));
    assert!(matches!(
        SigLip::new().value_in(x.view(), y.view(), 1.0, 0.0, diagonal, &cx),
        Err(Error::Cancelled)
    ));
    assert!(matches!(Retrieval::of_on(&Cpu::new().unwrap(), &x, &y, diagonal, &cx), Err(Error::Cancelled)));
    assert!(matches!(
        HardNegatives::new(1).find_on(&Cpu::new().unwrap(), &x, &y, diagonal, &cx),
        Err(Error::Cancelled)
    ));
    let loss = InfoNce::new();
    let block = loss.block_statistics_in(x.view(), y.view(), 1.0, diagonal, &cx);
    assert!(matches!(block, Err(Error::Cancelled)));
    let block = loss.block_statistics(x.view(), y.view(), 1.0, diagonal).unwrap();
    let (totals, both) = (loss.totals(&block.rows, &block.columns).unwrap(), (&block.rows, &block.columns));
    let found = totals.block_gradients_in(x.view(), y.view(), diagonal, both, &cx);
    assert!(matches!(found, Err(Error::Cancelled)));
    let said = std::cell::RefCell::new(Vec::new());
    let report = |p: &pauca::Progress| said.borrow_mut().push(p.stage);
    let cx = pauca::Context::new(Exec::serial(), Control::new().report_to(&report));
    loss.block_statistics_in(x.view(), y.view(), 1.0, diagonal, &cx).unwrap();
    totals.block_gradients_in(x.view(), y.view(), diagonal, both, &cx).unwrap();
    let mut stages = said.take();
    stages.dedup();
    assert_eq!(
        stages.iter().map(|stage| stage.name()).collect::<Vec<_>>(),
        ["statistics", "gradient of x", "gradient of y"]
    );
    InfoNce::new().gradients_in(x.view(), y.view(), 1.0, diagonal, &cx).unwrap();
    let mut stages = said.borrow().clone();
    stages.dedup();
    assert_eq!(
        stages.iter().map(|stage| stage.name()).collect::<Vec<_>>(),
        ["statistics", "gradient of x", "gradient of y"]
    );
}
