//! The edges of every operation: empty blocks and single rows are served, what does not fit together is an
//! error that names it, and nothing is a panic.

use ndarray::Array2;
use pauca::backend::{Backend, Best, Boundary, Copies, Pair, Pairs, SearchStats};
use pauca::{Error, Metric, Result, Rows};

use super::search::{above, itself, load, metric, rows_nearby, targets};
use super::sums::host;
use crate::layout::array;
use crate::problem::Problem;
use crate::subject::Subject;

const METRICS: [Metric; 2] = [Metric::SqEuclidean, Metric::Cosine];

/// The result, which may have no form to print, is the error.
macro_rules! fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            Err(other) => panic!("{other:?} is not {}", stringify!($pattern)),
            Ok(_) => panic!("served instead of {}", stringify!($pattern)),
        }
    };
}

fn nearest<B: Backend>(
    s: &Subject<B>,
    block: &B::Block<'_>,
    targets: &B::Targets<'_>,
    n: usize,
) -> Result<(SearchStats, Vec<u32>)> {
    let mut labels = vec![u32::MAX; n];
    s.backend.nearest(block, targets, None, &mut labels, &s.cx).map(|stats| (stats, labels))
}

fn values<B: Backend>(
    s: &Subject<B>,
    block: &B::Block<'_>,
    targets: &B::Targets<'_>,
    pair: &[u32],
) -> Result<Vec<f64>> {
    let mut values = vec![f64::NAN; pair.len()];
    s.backend.values(block, targets, pair, &mut values, &s.cx).map(|_| values)
}

fn earlier_max<B: Backend>(
    s: &Subject<B>,
    later: &B::Block<'_>,
    earlier: &B::Targets<'_>,
    pairs: Pairs<'_>,
    n: usize,
) -> Result<(SearchStats, Vec<Best>)> {
    let mut best = vec![Best::NONE; n];
    s.backend.earlier_max(later, earlier, pairs, 0, &mut best, &s.cx).map(|stats| (stats, best))
}

fn pairs_above<B: Backend>(
    s: &Subject<B>,
    later: &B::Block<'_>,
    earlier: &B::Targets<'_>,
    pairs: Pairs<'_>,
) -> Result<(SearchStats, Vec<Pair>)> {
    let mut found = Vec::new();
    let above = above(-2.0, Boundary::Gt, false);
    let stats = s.backend.pairs_above(later, earlier, pairs, above, &mut found, &s.cx)?;
    Ok((stats, found))
}

/// The first NaN or infinity, by its row in the block and its column; of blocks and of targets.
pub fn bad_values_are_named<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (n, d) = (p.x.len(), p.x[0].len());
    let (row, col) = (p.rng.below(n), p.rng.below(d));
    let mut x = array(&p.x);
    x[[n - 1, d - 1]] = f32::NAN;
    x[[row, col]] = p.rng.pick(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let (rows, named) = (Rows::F32(x.view()), row as u64);
    for metric in METRICS {
        fails!(s.backend.load(rows, metric, &s.cx),
            Error::NonFinite { what: "x", row, col: c } if (row, c) == (named, col));
        for copies in [Copies::Collapse, Copies::Keep] {
            fails!(s.backend.targets(rows, metric, copies, &s.cx),
                Error::NonFinite { what: "x", row, col: c } if (row, c) == (named, col));
        }
    }
}

pub fn empty_blocks_are_served<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let d = p.x[0].len();
    let (none, x) = (Array2::zeros((0, d)), array(&p.x));
    for metric in METRICS {
        let (block, targets) = (load(s, &none, metric), targets(s, &x, metric, Copies::Keep));
        assert_eq!(nearest(s, &block, &targets, 0).unwrap().0.rows, 0);
        assert!(values(s, &block, &targets, &[]).unwrap().is_empty());
        let mut sums = s.backend.sums(p.k, d, true, &s.cx).unwrap();
        s.backend.accumulate(&block, Some(&[]), &[], Some(&[]), &mut sums, &s.cx).unwrap();
        assert_eq!(
            host(s, &sums, p, true).planes().unwrap(),
            host(s, &s.backend.sums(p.k, d, true, &s.cx).unwrap(), p, true).planes().unwrap()
        );
    }
    let (block, of_x) = (load(s, &none, Metric::Cosine), load(s, &x, Metric::Cosine));
    let (nothing, earlier) = (itself(s, &block, none.nrows()), itself(s, &of_x, x.nrows()));
    for (earlier, pairs) in [
        (&earlier, Pairs::Across),
        (&nothing, Pairs::Across),
        (&nothing, Pairs::Within(&[0])),
        (&nothing, Pairs::Within(&[0, 0, 0])),
    ] {
        assert_eq!(earlier_max(s, &block, earlier, pairs, 0).unwrap().0.rows, 0);
        let (stats, found) = pairs_above(s, &block, earlier, pairs).unwrap();
        assert_eq!((stats.rows, found.len()), (0, 0));
    }
}

pub fn a_block_of_one_row_is_served<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (one, c) = (p.x[..1].to_vec(), rows_nearby(p, 3));
    let (x, targets_of) = (array(&one), array(&c));
    let (block, targets) = (load(s, &x, metric(p)), targets(s, &targets_of, metric(p), Copies::Collapse));
    let (stats, labels) = nearest(s, &block, &targets, 1).unwrap();
    assert_eq!((stats.rows, labels[0]), (1, p.metric().nearest(&one[0], &c)));
    let value = values(s, &block, &targets, &[2]).unwrap()[0];
    assert_eq!(value.to_bits(), p.metric().distance(&one[0], &c[2]).to_bits());
    let mut sums = s.backend.sums(p.k, one[0].len(), false, &s.cx).unwrap();
    s.backend.accumulate(&block, None, &[0], None, &mut sums, &s.cx).unwrap();
    let sums = host(s, &sums, p, false);
    let row = if p.spherical { pauca_reference::truth::unit(&one[0]) } else { one[0].clone() };
    assert!(row.iter().enumerate().all(|(j, v)| sums.column_sum(0, j) == *v as f64) && sums.rows(0) == 1);
    let block = load(s, &x, Metric::Cosine);
    let itself = itself(s, &block, x.nrows());
    for offsets in [&[0, 1][..], &[0, 0, 1, 1]] {
        let (stats, best) = earlier_max(s, &block, &itself, Pairs::Within(offsets), 1).unwrap();
        assert_eq!((stats.rows, best[0]), (1, Best::NONE));
        let (stats, found) = pairs_above(s, &block, &itself, Pairs::Within(offsets)).unwrap();
        assert_eq!((stats.rows, found.len()), (1, 0));
    }
    let (_, found) = pairs_above(s, &block, &itself, Pairs::Across).unwrap();
    assert_eq!((found.len(), found[0].later, found[0].earlier), (1, 0, 0));
}

/// Nothing is nearest where there is nothing; nothing is an earlier row where there is none.
pub fn no_targets_are_served_or_named<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let (x, none) = (array(&p.x), Array2::zeros((0, p.x[0].len())));
    for metric in METRICS {
        let block = load(s, &x, metric);
        for copies in [Copies::Collapse, Copies::Keep] {
            let targets = targets(s, &none, metric, copies);
            fails!(nearest(s, &block, &targets, n), Error::Empty { what: "targets" });
            fails!(
                values(s, &block, &targets, &vec![0; n]),
                Error::LabelOutOfRange { row: 0, label: 0, k: 0 }
            );
        }
    }
    let (block, targets) = (load(s, &x, Metric::Cosine), targets(s, &none, Metric::Cosine, Copies::Keep));
    let (stats, best) = earlier_max(s, &block, &targets, Pairs::Across, n).unwrap();
    assert_eq!((stats.rows, best), (n as u64, vec![Best::NONE; n]));
    let (stats, found) = pairs_above(s, &block, &targets, Pairs::Across).unwrap();
    assert_eq!((stats.rows, found.len()), (n as u64, 0));
}

pub fn dimensions_must_agree<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (n, d) = (p.x.len(), p.x[0].len());
    let wide: Vec<Vec<f32>> = p.x.iter().map(|row| [&row[..], &[1.0]].concat()).collect();
    let (x, wide) = (array(&p.x), array(&wide));
    for metric in METRICS {
        let (block, targets) = (load(s, &x, metric), targets(s, &wide, metric, Copies::Keep));
        fails!(nearest(s, &block, &targets, n), Error::ShapeMismatch { .. });
        fails!(values(s, &block, &targets, &vec![0; n]), Error::ShapeMismatch { .. });
        for d in [d + 1, d.max(2) - 1].into_iter().filter(|wrong| *wrong != d) {
            let mut sums = s.backend.sums(p.k, d, false, &s.cx).unwrap();
            let labels = vec![0; n];
            fails!(
                s.backend.accumulate(&block, None, &labels, None, &mut sums, &s.cx),
                Error::ShapeMismatch { .. }
            );
        }
    }
    let (block, earlier) = (load(s, &x, Metric::Cosine), targets(s, &wide, Metric::Cosine, Copies::Keep));
    for pairs in [Pairs::Across, Pairs::Within(&[0, n])] {
        fails!(earlier_max(s, &block, &earlier, pairs, n), Error::ShapeMismatch { .. });
        fails!(pairs_above(s, &block, &earlier, pairs), Error::ShapeMismatch { .. });
    }
}

/// One too many, or one too few.
pub fn lengths_must_agree<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let wrong = p.rng.pick(&[n - 1, n + 1]);
    let x = array(&p.x);
    let (block, all) = (load(s, &x, metric(p)), targets(s, &x, metric(p), Copies::Keep));
    fails!(nearest(s, &block, &all, wrong), Error::ShapeMismatch { .. });
    fails!(values(s, &block, &all, &vec![0; wrong]), Error::ShapeMismatch { .. });
    for (pairs, values) in [(n, wrong), (wrong, n)] {
        let (pairs, mut values) = (vec![0; pairs], vec![0.0; values]);
        fails!(s.backend.values(&block, &all, &pairs, &mut values, &s.cx), Error::ShapeMismatch { .. });
    }
    let (good, bad, ones) = (vec![0; n], vec![0; wrong], vec![1.0; wrong]);
    let mut sums = s.backend.sums(p.k, p.x[0].len(), true, &s.cx).unwrap();
    for (from, to, weights) in
        [(None, &bad, None), (Some(&bad[..]), &good, None), (None, &good, Some(&ones[..]))]
    {
        fails!(
            s.backend.accumulate(&block, from, to, weights, &mut sums, &s.cx),
            Error::ShapeMismatch { .. }
        );
    }
    let block = load(s, &x, Metric::Cosine);
    let itself = itself(s, &block, x.nrows());
    for pairs in [Pairs::Across, Pairs::Within(&[0, n])] {
        fails!(earlier_max(s, &block, &itself, pairs, wrong), Error::ShapeMismatch { .. });
    }
    // Rows within themselves are as many on both sides.
    let more = array(&[&p.x[..], &p.x[..1]].concat());
    let more = targets(s, &more, Metric::Cosine, Copies::Keep);
    fails!(earlier_max(s, &block, &more, Pairs::Within(&[0, n]), n), Error::ShapeMismatch { .. });
    fails!(pairs_above(s, &block, &more, Pairs::Within(&[0, n])), Error::ShapeMismatch { .. });
}

pub fn metrics_must_agree<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let x = array(&p.x);
    for (rows, other) in [(METRICS[0], METRICS[1]), (METRICS[1], METRICS[0])] {
        let (block, targets) = (load(s, &x, rows), targets(s, &x, other, Copies::Keep));
        fails!(nearest(s, &block, &targets, n), Error::Conflict { .. });
        fails!(values(s, &block, &targets, &vec![0; n]), Error::Conflict { .. });
        for pairs in [Pairs::Across, Pairs::Within(&[0, n])] {
            fails!(earlier_max(s, &block, &targets, pairs, n), Error::Conflict { .. });
            fails!(pairs_above(s, &block, &targets, pairs), Error::Conflict { .. });
        }
    }
}

/// The similarity of a pair is its cosine: distances have no pairs.
pub fn pairs_need_cosines<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let x = array(&p.x);
    let block = load(s, &x, Metric::SqEuclidean);
    let targets = targets(s, &x, Metric::SqEuclidean, Copies::Keep);
    for pairs in [Pairs::Across, Pairs::Within(&[0, n])] {
        fails!(earlier_max(s, &block, &targets, pairs, n), Error::Conflict { .. });
        fails!(pairs_above(s, &block, &targets, pairs), Error::Conflict { .. });
    }
}

/// Targets without their copies may lack rows that pairs are made of, whether they do or not.
pub fn pairs_need_copies_kept<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let targets = targets(s, &x, Metric::Cosine, Copies::Collapse);
    for pairs in [Pairs::Across, Pairs::Within(&[0, n])] {
        fails!(earlier_max(s, &block, &targets, pairs, n), Error::Conflict { .. });
        fails!(pairs_above(s, &block, &targets, pairs), Error::Conflict { .. });
    }
}

/// The first that is none is named.
pub fn labels_of_values_must_be_targets<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let c = array(&rows_nearby(p, 3));
    let x = array(&p.x);
    let (block, targets) = (load(s, &x, metric(p)), targets(s, &c, metric(p), Copies::Collapse));
    let (first, bad) = (p.rng.below(n), p.rng.pick(&[3, 4, u32::MAX]));
    let mut pair: Vec<u32> = (0..n).map(|_| p.rng.below(3) as u32).collect();
    pair[n - 1] = 77;
    pair[first] = bad;
    fails!(values(s, &block, &targets, &pair),
        Error::LabelOutOfRange { row, label, k: 3 } if (row, label) == (first, bad));
}

/// From 0 to the number of rows.
pub fn offsets_must_rise<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.x.push(p.x[0].clone());
    let n = p.x.len();
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let itself = itself(s, &block, x.nrows());
    for offsets in
        [&[][..], &[0], &[n], &[1, n], &[0, n - 1], &[0, n + 1], &[0, n, 1, n], &[0, n + 1, n], &[n, 0]]
    {
        fails!(earlier_max(s, &block, &itself, Pairs::Within(offsets), n), Error::ShapeMismatch { .. });
        fails!(pairs_above(s, &block, &itself, Pairs::Within(offsets)), Error::ShapeMismatch { .. });
    }
}
