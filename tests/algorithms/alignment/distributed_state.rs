//! Losses over ranks: what travels, and what must be refused.

use ndarray::{Array2, s};
use pauca::Error;
use pauca::alignment::{
    Directions, InfoNce, InfoNceTotals, LossReduction, Matches, PairWeighting, SoftmaxRows,
};
use pauca_tests::data::Rng;
use pauca_tests::states::replaced;

use super::blocks::{Ranks, Whole, ranges};
use super::distributed_edges::small;

/// Places in the bytes of statistics: the numbers of rows, seen, scale; then max, rest, dot, weight of each row.
const ROWS: usize = 12;
const FIRST: usize = 36;

fn with(bytes: &[u8], at: usize, value: [u8; 8]) -> Vec<u8> {
    replaced(bytes, at, &value)
}

fn two<'a>(x: &'a Array2<f64>, y: &'a Array2<f64>, targets: &'a Whole<f64>) -> Ranks<'a, f64> {
    Ranks { x, y, scale: 2.0, targets, x_ranges: ranges(&[2, 5]), y_ranges: ranges(&[4, 5]) }
}

#[test]
fn bytes_of_statistics_and_totals_come_back_bit_for_bit() {
    let (x, y, targets) = small();
    let complete = two(&x, &y, &targets).complete(&InfoNce::new(), &mut Rng(1)).unwrap();
    let rows = &complete.rows[1];
    let bytes = rows.to_bytes().unwrap();
    assert_eq!(SoftmaxRows::from_bytes(&bytes).unwrap(), *rows);
    assert_eq!(SoftmaxRows::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    // The format: mark, version, header, 32 bytes a row, checksum.
    assert_eq!((&bytes[..8], bytes.len()), (&b"paucaAR\0"[..], FIRST + 3 * 32 + 8));
    let at = |at: usize| f64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(bytes[8..ROWS + 16], [1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    let last = rows.as_slice()[2];
    let found = [FIRST - 8, FIRST + 64, FIRST + 72, FIRST + 80, FIRST + 88].map(at);
    assert_eq!(found, [2.0, last.lse.max, last.lse.rest, last.dot, last.weight]);
    let new = SoftmaxRows::new(2).unwrap();
    assert_eq!(SoftmaxRows::from_bytes(&new.to_bytes().unwrap()).unwrap(), new);

    let bytes = complete.totals.to_bytes().unwrap();
    assert_eq!(InfoNceTotals::from_bytes(&bytes).unwrap(), complete.totals);
    assert!(bytes.starts_with(b"paucaAT\0") && bytes.len() < 2560);
    // Which loss it is: directions, reduction, weighting.
    for (loss, code) in [
        (InfoNce::new(), [2u32, 1, 0]),
        (InfoNce::survey(), [0, 0, 0]),
        (InfoNce::new().directions(Directions::YToX).weighting(PairWeighting::Rows), [1, 1, 1]),
    ] {
        let totals = loss.totals(&new, &new).unwrap();
        let bytes = totals.to_bytes().unwrap();
        assert_eq!(bytes[12..24], *code.map(u32::to_le_bytes).as_flattened());
        assert_eq!(InfoNceTotals::from_bytes(&bytes).unwrap(), totals);
    }
}

#[test]
fn damaged_bytes_are_corrupt() {
    let (x, y, targets) = small();
    let complete = two(&x, &y, &targets).complete(&InfoNce::new(), &mut Rng(1)).unwrap();
    let statistics = |bytes: &[u8]| matches!(SoftmaxRows::from_bytes(bytes), Err(Error::Corrupt { .. }));
    let totals = |bytes: &[u8]| matches!(InfoNceTotals::from_bytes(bytes), Err(Error::Corrupt { .. }));
    let (rows, all) = (complete.rows[1].to_bytes().unwrap(), complete.totals.to_bytes().unwrap());
    for (good, corrupt) in [(&rows, &statistics as &dyn Fn(&[u8]) -> bool), (&all, &totals)] {
        for at in 0..good.len() {
            assert!(corrupt(&good[..at]), "cut at {at}");
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(corrupt(&bad), "byte {at}");
        }
        assert!(corrupt(&[&good[..], &[0]].concat()) && corrupt(&[]));
    }
    assert!(statistics(&all) && totals(&rows));
    // Whole in themselves, but no statistics.
    assert!(!statistics(&replaced(&rows, 0, &[])) && !totals(&replaced(&all, 0, &[])));
    for rows_claimed in [0, 2, 4, u64::MAX, 1 << 59] {
        assert!(statistics(&with(&rows, ROWS, rows_claimed.to_le_bytes())), "{rows_claimed} rows");
    }
    assert!(statistics(&with(&rows, ROWS + 8, [0; 8])), "rows that have seen nothing and yet have logits");
    for (at, values) in [
        (FIRST - 8, &[0.0, -1.0, f64::NAN, f64::INFINITY][..]),
        (FIRST, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        (FIRST + 8, &[f64::NAN, f64::INFINITY, -1.0]),
        (FIRST + 16, &[f64::NAN, f64::INFINITY]),
        (FIRST + 24, &[f64::NAN, f64::INFINITY, -1.0]),
    ] {
        for value in values {
            assert!(statistics(&with(&rows, at, value.to_le_bytes())), "{value} at {at}");
        }
    }
    let mut bad = all.clone();
    bad[12] = 3;
    assert!(totals(&replaced(&bad, 0, &[])), "a fourth kind of directions");
    assert!(totals(&with(&all, 24, (-1f64).to_le_bytes())), "a negative scale");
}

#[test]
fn statistics_that_do_not_fit_are_refused_and_nothing_is_merged() {
    let (x, y, targets) = small();
    let loss = InfoNce::new();
    let complete = two(&x, &y, &targets).complete(&loss, &mut Rng(1)).unwrap();
    let (rows, columns, totals) = (&complete.rows, &complete.columns, &complete.totals);
    let mut merged = rows[0].clone();
    let found = merged.merge(&rows[1]);
    assert!(matches!(found, Err(Error::ShapeMismatch { expected: 2, found: 3, .. })), "{found:?}");
    let other = loss.block_statistics(x.view(), y.view(), 3.0, Matches::Diagonal).unwrap();
    let block = other.rows.clone();
    let mut merged = SoftmaxRows::new(5).unwrap();
    merged.merge(&block).unwrap();
    let scaled = loss.block_statistics(x.view(), y.view(), 2.0, Matches::Diagonal).unwrap();
    let found = merged.merge(&scaled.rows);
    assert!(matches!(found, Err(Error::InvalidParameter { value: 2.0, .. })), "{found:?}");
    assert_eq!(merged, block);
    let found = loss.totals(&other.rows, &scaled.columns);
    assert!(matches!(found, Err(Error::InvalidParameter { value: 2.0, .. })), "{found:?}");
    let mut changed = totals.clone();
    let found = changed.merge(&loss.totals(&other.rows, &other.columns).unwrap());
    assert!(matches!(found, Err(Error::InvalidParameter { value: 3.0, .. })), "{found:?}");
    for other in [loss.reduction(LossReduction::Sum), loss.weighting(PairWeighting::Rows), InfoNce::survey()]
    {
        let found = changed.merge(&other.totals(&scaled.rows, &scaled.columns).unwrap());
        assert!(matches!(found, Err(Error::Mismatch { .. })), "{found:?}");
    }
    assert_eq!(changed, *totals);
    // A block of rows 0..2 and columns 0..4.
    let cut = targets.cut(&(0..2), &(0..4));
    let (bx, by) = (x.slice(s![..2, ..]), y.slice(s![..4, ..]));
    let run = |r: &SoftmaxRows, c: &SoftmaxRows| totals.block_gradients(bx, by, cut.targets(), (r, c));
    assert!(run(&rows[0], &columns[0]).is_ok());
    let found = run(&rows[1], &columns[0]);
    assert!(
        matches!(found, Err(Error::ShapeMismatch { what: "statistics of x", expected: 2, found: 3 })),
        "{found:?}"
    );
    let found = run(&rows[0], &columns[1]);
    assert!(
        matches!(found, Err(Error::ShapeMismatch { what: "statistics of y", expected: 4, found: 1 })),
        "{found:?}"
    );
    // Those of the block alone: they have not seen row 4 of y, rows 2 to 4 of x.
    let part = loss.block_statistics(bx, by, 2.0, cut.targets()).unwrap();
    let found = run(&part.rows, &columns[0]);
    assert!(matches!(found, Err(Error::ShapeMismatch { expected: 5, found: 4, .. })), "{found:?}");
    let found = run(&rows[0], &part.columns);
    assert!(matches!(found, Err(Error::ShapeMismatch { expected: 5, found: 2, .. })), "{found:?}");
    // The other scale.
    let cut = targets.cut(&(0..5), &(0..5));
    let found = totals.block_gradients(x.view(), y.view(), cut.targets(), (&other.rows, &other.columns));
    assert!(matches!(found, Err(Error::InvalidParameter { value: 3.0, .. })), "{found:?}");
}

#[test]
fn forgotten_and_doubled_blocks_are_errors_not_other_losses() {
    let (x, y, _) = small();
    let loss = InfoNce::new();
    let half = |range: core::ops::Range<usize>| {
        let ids: Vec<u64> = (0..5).collect();
        let matches = Matches::Groups { x: &ids, y: &ids[range.clone()] };
        loss.block_statistics(x.view(), y.slice(s![range, ..]), 2.0, matches).unwrap()
    };
    let (left, right) = (half(0..3), half(3..5));
    let whole = loss.totals(&left.rows, &left.columns).unwrap();
    assert!(whole.value().is_ok(), "a loss of five rows of x and three of y");
    // Of rows 3 and 4 of y one knows, but x has not seen them.
    let mut totals = whole.clone();
    totals.merge(&loss.totals(&SoftmaxRows::new(0).unwrap(), &right.columns).unwrap()).unwrap();
    let (expected, found) = (5, 3);
    let missing = |found: pauca::Result<f64>, (expected, seen): (usize, usize)| match found {
        Err(Error::ShapeMismatch { expected: e, found: f, .. }) => assert_eq!((e, f), (expected, seen)),
        other => panic!("{other:?}"),
    };
    missing(totals.value(), (expected, found));
    let found = totals.block_gradients(x.view(), y.view(), Matches::Diagonal, (&left.rows, &left.columns));
    missing(found.map(|g| g.value), (5, 3));
    // x has seen the first block twice.
    let mut twice = left.rows.clone();
    twice.merge(&left.rows).unwrap();
    missing(loss.totals(&twice, &left.columns).unwrap().value(), (3, 6));
    // A rank of which the rows have seen less than those of the others.
    let mut totals = whole.clone();
    let found = totals.merge(&loss.totals(&right.rows, &right.columns).unwrap());
    missing(found.map(|()| 0.0), (3, 2));
    assert_eq!(totals, whole);
    // Rows that have seen nothing, and no rows at all.
    let (five, none) = (SoftmaxRows::new(5).unwrap(), SoftmaxRows::new(0).unwrap());
    missing(loss.totals(&five, &five).unwrap().value(), (5, 0));
    assert!(matches!(loss.totals(&none, &none).unwrap().value(), Err(Error::Empty { .. })));
    // In one direction nobody asks what y has seen.
    let loss = InfoNce::survey();
    let found = loss.block_statistics(x.view(), y.view(), 2.0, Matches::Diagonal).unwrap();
    assert_eq!(found.columns, five);
    let totals = loss.totals(&found.rows, &found.columns).unwrap();
    let single = loss.gradients(x.view(), y.view(), 2.0, Matches::Diagonal).unwrap();
    let both = (&found.rows, &none);
    assert_eq!(totals.block_gradients(x.view(), y.view(), Matches::Diagonal, both).unwrap(), single);
}

#[test]
fn logits_above_the_largest_of_the_statistics_name_the_row() {
    let (x, y, _) = small();
    let loss = InfoNce::new();
    let found = loss.block_statistics(x.view(), y.view(), 2.0, Matches::Diagonal).unwrap();
    let totals = loss.totals(&found.rows, &found.columns).unwrap();
    let run = |r: &SoftmaxRows, c: &SoftmaxRows| {
        totals.block_gradients(x.view(), y.view(), Matches::Diagonal, (r, c))
    };
    let right = run(&found.rows, &found.columns).unwrap();
    let lowered = |rows: &SoftmaxRows, row: usize, by: f64| {
        let (at, max) = (FIRST + 32 * row, rows.as_slice()[row].lse.max);
        SoftmaxRows::from_bytes(&with(&rows.to_bytes().unwrap(), at, (max - by).to_le_bytes())).unwrap()
    };
    for row in 0..5 {
        let name = "row of x with a logit above the largest of its statistics";
        match run(&lowered(&found.rows, row, 1e-10), &found.columns) {
            Err(Error::InvalidParameter { name: n, value, .. }) => assert_eq!((n, value), (name, row as f64)),
            other => panic!("{other:?}"),
        }
        let name = "row of y with a logit above the largest of its statistics";
        match run(&found.rows, &lowered(&found.columns, row, 1e-10)) {
            Err(Error::InvalidParameter { name: n, value, .. }) => assert_eq!((n, value), (name, row as f64)),
            other => panic!("{other:?}"),
        }
        /// What 1e-15 in a logit of this problem, of entries below 10, makes.
        const ROUNDING: f64 = 1e-13;
        // The last bits of another machine are no reason to refuse.
        let near = run(&lowered(&found.rows, row, 4e-16), &found.columns).unwrap();
        assert!(near.x.iter().zip(&right.x).all(|(a, b)| (a - b).abs() < ROUNDING));
    }
    // Statistics of other rows.
    let mut other = x.clone();
    other.row_mut(3).fill(0.0);
    let other = loss.block_statistics(other.view(), y.view(), 2.0, Matches::Diagonal).unwrap();
    assert!(matches!(run(&other.rows, &found.columns), Err(Error::InvalidParameter { value: 3.0, .. })));
}
