//! Bad input is an error that names what and where, and never a panic.

use ndarray::{Array2, array};
use pauca::{
    Blocked, Boundary, Checkpoint, Clusters, Context, Control, Cpu, D4, D4Checkpoint, Error, Exec, Init,
    KMeans, Level, Order, Prototypes, Prune, Rows, Rule, Scope, SemDedup, SemDedupAgainst, Subset,
};

fn toy() -> Array2<f32> {
    array![[0.0, 1.0], [1.0, 0.5], [3.0, -1.0], [2.0, 2.0]]
}

fn clusters() -> Clusters {
    KMeans::new(2).fit(&toy()).unwrap()
}

macro_rules! fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("{:?} is not {}", other.err(), stringify!($pattern)),
        }
    };
}

/// Torture 10 and 11: one bad value at every place of many shapes.
#[test]
fn non_finite_values_are_named_wherever_they_are() {
    for level in Level::available() {
        let backend = Cpu::with_level(level).unwrap();
        let cx = Context::new(Exec::serial(), Control::new());
        for (n, d) in [(1, 1), (2, 3), (5, 16), (7, 17), (18, 33), (3, 70)] {
            for row in 0..n {
                for col in 0..d {
                    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][(row + col) % 3];
                    let mut x = Array2::from_shape_fn((n, d), |(i, j)| (i * 7 + j * 3) as f32 % 5.0);
                    x[[row, col]] = bad;
                    // A later one too: the first is named.
                    x[[n - 1, d - 1]] = bad;
                    let rows = Rows::F32(x.view());
                    for spherical in [false, true] {
                        let config = KMeans::new(1).spherical(spherical);
                        let found = config.fit_on(&backend, &rows, None, &cx);
                        fails!(found, Error::NonFinite { row: r, col: c, .. } if (r, c) == (row as u64, col));
                        // Out of core, whatever row the seeding looks at first.
                        for k in [1, 2, n] {
                            let config = KMeans::new(k.min(n)).spherical(spherical).seed(col as u64);
                            let blocked = Blocked::new(rows, 2).unwrap();
                            let found = config.fit_on(&backend, &blocked, None, &cx);
                            fails!(
                                found,
                                Error::NonFinite { what: "x", row: r, col: c } if (r, c) == (row as u64, col)
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn non_finite_values_are_named_by_every_entry_point() {
    let mut x = toy();
    x[[2, 1]] = f32::NAN;
    fails!(D4::new().clusters(1).fit(&x), Error::NonFinite { row: 2, col: 1, .. });
    fails!(SemDedup::new(Rule::EarlierMax).fit(&x, &clusters()), Error::NonFinite { row: 2, col: 1, .. });
    fails!(SemDedup::new(Rule::GreedyCover).fit(&x, &clusters()), Error::NonFinite { row: 2, col: 1, .. });
    fails!(clusters().predict(&x), Error::NonFinite { row: 2, col: 1, .. });
    // Orders that look at no row, clusters that bring their distances, rows alone in a cluster.
    let spherical = KMeans::new(2).spherical(true).fit(&toy()).unwrap();
    let mut alone = clusters();
    alone.labels = ndarray::arr1(&[0, 0, 1, 0]);
    for c in [clusters(), spherical, alone] {
        for order in
            [Order::Hard, Order::Easy, Order::Random { seed: 1 }, Order::Custom(vec![4.0, 3.0, 2.0, 1.0])]
        {
            for rule in Rule::ALL {
                let config = SemDedup::new(rule).order(order.clone());
                fails!(config.fit(&x, &c), Error::NonFinite { row: 2, col: 1, .. });
            }
        }
    }
    let rows = Rows::F32(x.view());
    let (backend, cx) = (Cpu::new().unwrap(), Context::default());
    for block_rows in [1, 3] {
        let blocked = Blocked::new(rows, block_rows).unwrap();
        let found = D4::new().clusters(2).fit_on(&backend, &blocked, &cx);
        fails!(found, Error::NonFinite { row: 2, col: 1, .. });
        let found = clusters().predict_on(&backend, &blocked, &cx);
        fails!(found, Error::NonFinite { row: 2, col: 1, .. });
    }
    // Torture 12.
    let init = array![[0.0f32, 0.0], [f32::NAN, 1.0]];
    fails!(
        KMeans::new(2).init(Init::Given(init)).fit(&toy()),
        Error::NonFinite { what: "initial centroids", row: 1, col: 0 }
    );
    let half = x.mapv(half::f16::from_f32);
    fails!(KMeans::new(1).fit(&half), Error::NonFinite { row: 2, col: 1, .. });
    let brain = x.mapv(half::bf16::from_f32);
    fails!(KMeans::new(1).spherical(true).fit(&brain), Error::NonFinite { row: 2, col: 1, .. });
    fails!(
        Prototypes::new().select(&[0.0, f64::NAN], &[0, 0], 1),
        Error::NonFinite { what: "distances", row: 1, .. }
    );
}

/// Torture 13 to 15 and 17.
#[test]
fn empty_inputs_and_impossible_numbers_of_clusters() {
    fails!(KMeans::new(1).fit(&Array2::<f32>::zeros((0, 3))), Error::Empty { .. });
    fails!(KMeans::new(1).fit(&Array2::<f32>::zeros((3, 0))), Error::Empty { .. });
    fails!(D4::new().fit(&Array2::<f32>::zeros((0, 3))), Error::Empty { .. });
    fails!(KMeans::new(0).fit(&toy()), Error::InvalidParameter { name: "n_clusters", .. });
    fails!(KMeans::new(5).fit(&toy()), Error::TooManyClusters { k: 5, n: 4 });
    fails!(KMeans::new(usize::MAX).fit(&toy()), Error::TooManyClusters { .. });
    fails!(KMeans::new(3).fit_weighted(&toy(), &[1.0, 0.0, 2.0, 0.0]), Error::TooManyClusters { k: 3, n: 2 });
    fails!(D4::new().clusters(5).fit(&toy()), Error::TooManyClusters { k: 5, n: 4 });
    fails!(D4::new().clusters(0).fit(&toy()), Error::InvalidParameter { .. });
}

/// Torture 22.
#[test]
fn weights() {
    let fit = |weights: &[f32]| KMeans::new(1).fit_weighted(&toy(), weights);
    fails!(fit(&[1.0, -1.0, 1.0, 1.0]), Error::InvalidParameter { .. });
    fails!(fit(&[1.0, 1.0, f32::NAN, 1.0]), Error::NonFinite { what: "weights", row: 2, .. });
    fails!(fit(&[1.0, f32::INFINITY, 1.0, 1.0]), Error::NonFinite { what: "weights", row: 1, .. });
    fails!(fit(&[0.0; 4]), Error::InvalidParameter { .. });
    fails!(fit(&[1.0; 3]), Error::ShapeMismatch { expected: 4, found: 3, .. });
    assert!(fit(&[-0.0, 1.0, 1.0, 1.0]).is_ok());
    assert!(fit(&[f32::from_bits(1); 4]).is_ok());
}

#[test]
fn shapes() {
    let flat = [0.0f32; 6];
    fails!(KMeans::new(1).fit((&flat[..], 4, 2)), Error::ShapeMismatch { .. });
    fails!(KMeans::new(1).fit((&flat[..], usize::MAX, 2)), Error::TooLarge { .. });
    let init = Init::Given(Array2::zeros((2, 3)));
    fails!(KMeans::new(2).init(init).fit(&toy()), Error::ShapeMismatch { .. });
    let init = Init::Given(Array2::zeros((3, 2)));
    fails!(KMeans::new(2).init(init).fit(&toy()), Error::ShapeMismatch { .. });
    fails!(clusters().predict(&Array2::<f32>::zeros((4, 3))), Error::ShapeMismatch { .. });
    let other = Array2::<f32>::zeros((5, 2));
    fails!(SemDedup::new(Rule::EarlierMax).fit(&other, &clusters()), Error::ShapeMismatch { .. });
    let other = Array2::<f32>::ones((4, 3));
    fails!(SemDedup::new(Rule::EarlierMax).fit(&other, &clusters()), Error::ShapeMismatch { .. });
    let against = SemDedupAgainst::new();
    fails!(
        against.fit(&toy(), &other, &clusters()),
        Error::ShapeMismatch { what: "row of the reference", .. }
    );
    fails!(against.fit(&other, &other, &clusters()), Error::ShapeMismatch { what: "centroid", .. });
    let (none, fewer) = (Array2::<f32>::zeros((0, 2)), Array2::<f32>::zeros((3, 2)));
    for reference in [&none, &fewer] {
        let found = against.fit(&none, reference, &clusters());
        fails!(found, Error::ShapeMismatch { what: "labels of the reference", .. });
    }
    let order = Order::Custom(vec![0.0; 3]);
    fails!(
        SemDedup::new(Rule::EarlierMax).order(order).fit(&toy(), &clusters()),
        Error::ShapeMismatch { .. }
    );
    let order = Order::Custom(vec![0.0, f64::NAN, 0.0, 0.0]);
    fails!(
        SemDedup::new(Rule::EarlierMax).order(order).fit(&toy(), &clusters()),
        Error::NonFinite { row: 1, .. }
    );
    let x = toy();
    fails!(Subset::new(&Rows::F32(x.view()), vec![0, 4]), Error::ShapeMismatch { .. });
    fails!(Blocked::new(Rows::F32(x.view()), 0), Error::InvalidParameter { .. });
    fails!(Prototypes::new().select(&[0.0; 3], &[0; 4], 1), Error::ShapeMismatch { .. });
}

/// Fields of results are public, so they may have been changed.
#[test]
fn labels_out_of_range() {
    let mut c = clusters();
    c.labels[3] = 2;
    fails!(
        SemDedup::new(Rule::EarlierMax).fit(&toy(), &c),
        Error::LabelOutOfRange { row: 3, label: 2, k: 2 }
    );
    fails!(
        Prototypes::new().select(&[0.0; 2], &[0, 9], 3),
        Error::LabelOutOfRange { row: 1, label: 9, k: 3 }
    );
    let mut c = clusters();
    c.centroids[[0, 0]] = f32::NAN;
    fails!(c.predict(&toy()), Error::NonFinite { .. });
    fails!(SemDedup::new(Rule::EarlierMax).fit(&toy(), &c), Error::NonFinite { .. });
    // Distances of other data must not lead out of bounds, whatever they are.
    let mut c = clusters();
    c.distances = ndarray::arr1(&[f64::NAN, 1.0]);
    let _ = SemDedup::new(Rule::EarlierMax).fit(&toy(), &c);
}

/// Torture 30 and fractions.
#[test]
fn parameters_outside_their_range() {
    let dedup = |epsilon| SemDedup::new(Rule::GreedyCover).epsilon(epsilon).fit(&toy(), &clusters());
    for epsilon in [-1e-9, 2.0000001, f64::NAN, f64::INFINITY] {
        fails!(dedup(epsilon), Error::InvalidParameter { name: "epsilon", .. });
        let found = SemDedupAgainst::new().epsilon(epsilon).fit(&toy(), &toy(), &clusters());
        fails!(found, Error::InvalidParameter { name: "epsilon", .. });
    }
    for fraction in [-0.1, 1.5, f64::NAN] {
        let dedup = SemDedup::new(Rule::EarlierMax).keep_fraction(fraction);
        fails!(dedup.fit(&toy(), &clusters()), Error::InvalidParameter { name: "keep_fraction", .. });
        for &scope in Scope::ALL {
            let config = Prototypes::new().keep_fraction(fraction).scope(scope).prune(Prune::Farthest);
            fails!(config.select(&[0.0], &[0], 1), Error::InvalidParameter { name: "keep_fraction", .. });
        }
        fails!(D4::new().clusters(1).keep_fraction(fraction).fit(&toy()), Error::InvalidParameter { .. });
        fails!(
            D4::new().clusters(1).dedup_keep_fraction(fraction).fit(&toy()),
            Error::InvalidParameter { .. }
        );
    }
    fails!(
        D4::new().clusters(1).dedup_keep_fraction(0.5).keep_fraction(0.75).fit(&toy()),
        Error::InvalidParameter { name: "keep_fraction", .. }
    );
    let cover = SemDedup::new(Rule::GreedyCover).keep_fraction(0.5).boundary(Boundary::Ge);
    fails!(cover.fit(&toy(), &clusters()), Error::Conflict { .. });
    fails!(SemDedup::new(Rule::GreedyCover).published(true).fit(&toy(), &clusters()), Error::Conflict { .. });
    fails!(KMeans::new(1).shift_tolerance(f64::NAN).fit(&toy()), Error::InvalidParameter { .. });
    fails!(KMeans::new(1).shift_tolerance(-1.0).fit(&toy()), Error::InvalidParameter { .. });
    fails!(Level::from_name("sse9"), Error::SimdLevel { .. });
    fails!(Exec::threads(0), Error::InvalidParameter { name: "threads", .. });
}

/// Every prefix of a checkpoint and every flipped bit is refused; nothing panics.
#[test]
fn damaged_checkpoints() {
    let (backend, cx) = (Cpu::new().unwrap(), Context::default());
    let x = toy();
    let rows = Rows::F32(x.view());
    let config = KMeans::new(2);
    let mut run = config.start_on(&backend, &rows, None, &cx).unwrap();
    run.step(&cx).unwrap();
    let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
    for n in 0..bytes.len() {
        fails!(Checkpoint::from_bytes(&bytes[..n]), Error::Corrupt { .. });
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[n] ^= 1 << bit;
            fails!(Checkpoint::from_bytes(&damaged), Error::Corrupt { .. });
        }
    }
    fails!(Checkpoint::from_bytes(&[bytes.clone(), vec![0]].concat()), Error::Corrupt { .. });
    // Of other data or another configuration.
    let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
    let other = Array2::<f32>::zeros((5, 2));
    let other = Rows::F32(other.view());
    fails!(config.resume_on(&backend, &other, None, &checkpoint, &cx).map(|_| ()), Error::Mismatch { .. });
    let seeded = config.clone().seed(1);
    fails!(seeded.resume_on(&backend, &rows, None, &checkpoint, &cx).map(|_| ()), Error::Mismatch { .. });

    let config = D4::new().clusters(2);
    let mut run = config.start_on(&backend, &rows, &cx).unwrap();
    while run.step(&cx).unwrap() {}
    let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
    for n in 0..bytes.len() {
        fails!(D4Checkpoint::from_bytes(&bytes[..n]), Error::Corrupt { .. });
        let mut damaged = bytes.clone();
        damaged[n] ^= 1 << (n % 8);
        fails!(D4Checkpoint::from_bytes(&damaged), Error::Corrupt { .. });
    }
    let checkpoint = D4Checkpoint::from_bytes(&bytes).unwrap();
    fails!(
        config.clone().seed(3).resume_on(&backend, &rows, &checkpoint, &cx).map(|_| ()),
        Error::Mismatch { .. }
    );
}

/// Resuming with other data of the same shape is the caller's mistake; it ends in a result of the right
/// size, or in a checkpoint that does not fit.
#[test]
fn checkpoints_of_other_data_of_the_same_shape() {
    let (backend, cx) = (Cpu::new().unwrap(), Context::default());
    let x = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32 - 5.0);
    let rows = Rows::F32(x.view());
    let config = D4::new().clusters(3);
    let mut run = config.start_on(&backend, &rows, &cx).unwrap();
    let mut states = vec![run.checkpoint().unwrap()];
    while run.step(&cx).unwrap() {
        states.push(run.checkpoint().unwrap());
    }
    let mut refused = 0;
    for other in [x.mapv(|v| -v * v), Array2::zeros((60, 3)), Array2::ones((60, 3))] {
        for state in &states {
            let run = config.resume_on(&backend, Rows::F32(other.view()), state, &cx).unwrap();
            match run.finish(&cx) {
                Ok(found) => assert_eq!((found.keep.len(), found.kept()), (60, 30)),
                Err(error) => {
                    assert!(
                        matches!(error, Error::Mismatch { .. } | Error::TooManyClusters { .. }),
                        "{error}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(refused < 3 * states.len(), "only shape and parameters are checked");
    // Another number of rows is told apart.
    let other = Array2::<f32>::ones((61, 3));
    let wrong = config.resume_on(&backend, &Rows::F32(other.view()), &states[0], &cx).map(|_| ());
    fails!(wrong, Error::Mismatch { what: "the shape of the rows" });
}

/// Stopping at every question in turn: Cancelled, or done; and the run goes on from where it was.
#[test]
fn cancelled_at_every_question() {
    let x = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32);
    let rows = Rows::F32(x.view());
    let backend = Cpu::new().unwrap();
    let blocked = Blocked::new(rows, 16).unwrap();
    let whole = KMeans::new(4).fit(&x).unwrap();
    let mut stop_after = 0;
    loop {
        let asked = std::cell::Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > stop_after
        };
        let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
        let free = Context::new(Exec::serial(), Control::new());
        match KMeans::new(4).start_on(&backend, &blocked, None, &cx) {
            Err(error) => assert!(matches!(error, Error::Cancelled)),
            Ok(mut run) => {
                let stopped = loop {
                    match run.step(&cx) {
                        Ok(true) => {}
                        Ok(false) => break false,
                        Err(error) => break matches!(error, Error::Cancelled),
                    }
                };
                while run.step(&free).unwrap() {}
                let found = run.finish(&free).unwrap();
                assert_eq!((&found.labels, found.inertia), (&whole.labels, whole.inertia));
                if !stopped {
                    break;
                }
            }
        }
        fails_or_ends(SemDedup::new(Rule::GreedyCover).fit_on(&backend, &blocked, &whole, &cx));
        stop_after += 1;
        assert!(stop_after < 100_000);
    }
}

fn fails_or_ends<T>(result: pauca::Result<T>) {
    if let Err(error) = result {
        assert!(matches!(error, Error::Cancelled));
    }
}

/// No message holds a value of the data; all hold what is needed to act.
#[test]
fn messages_name_what_and_where() {
    let mut x = toy();
    x[[1, 0]] = f32::NAN;
    let text = KMeans::new(2).fit(&x).unwrap_err().to_string();
    assert!(text.contains("row 1") && text.contains("column 0"), "{text}");
    let text = KMeans::new(9).fit(&toy()).unwrap_err().to_string();
    assert!(text.contains('9') && text.contains('4'), "{text}");
    let text = Level::from_name("sse9").unwrap_err().to_string();
    assert!(text.contains("scalar"), "{text}");
}
