use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2, s};

use super::*;
use crate::error::Error;
use crate::random::Stream;

fn levels<T: Real>() -> impl Iterator<Item = (Level, Multiplier<T>)> {
    Level::available().into_iter().map(|level| match Multiplier::at(level) {
        Ok(multiplier) => (level, multiplier),
        Err(_) => panic!("{level:?} is listed but refused"),
    })
}

fn matrix<T: Real>(rows: usize, columns: usize, salt: u64) -> Array2<T> {
    let stream = Stream::new(salt, 99);
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        T::from_f64(stream.uniform((i * columns + j) as u64, 0) - 0.5)
    })
}

/// (rows, inner, columns): 0 and 1, less and more than a tile, blocks and their remainders.
const SHAPES: [(usize, usize, usize); 14] = [
    (0, 3, 4),
    (4, 0, 3),
    (3, 4, 0),
    (1, 1, 1),
    (1, 7, 50),
    (50, 7, 1),
    (5, 3, 7),
    (8, 16, 48),
    (13, 600, 9),
    (24, 512, 25),
    (97, 513, 49),
    (193, 9, 481),
    (17, 1025, 485),
    (2, 2050, 3),
];

/// The bound of the module's head, with a few roundings more for the loop that is compared with.
fn bound<T: Real>(scale: f64, depth: usize, start: f64, magnitude: f64) -> f64 {
    let unit = if size_of::<T>() == 4 { f32::EPSILON as f64 } else { f64::EPSILON };
    let steps = depth.min(KERNEL_DEPTH) + 2 * depth.div_ceil(KERNEL_DEPTH) + 2;
    // The loop in f64 errs by depth roundings of its own.
    let own = if size_of::<T>() == 4 { 0 } else { depth };
    (steps + own) as f64 * unit * (scale.abs() * magnitude + start.abs())
}

fn check<T: Real>(a: &ArrayView2<'_, T>, b: &ArrayView2<'_, T>, scale: f64) -> Vec<Array2<T>> {
    let start = matrix::<T>(a.nrows(), b.ncols(), 7);
    let mut found = Vec::new();
    for (level, multiplier) in levels::<T>() {
        let mut out = start.clone();
        let done = multiplier.add_product(&mut out.view_mut(), T::from_f64(scale), a, b);
        assert!(done.is_ok(), "{done:?}");
        for ((i, j), out) in out.indexed_iter() {
            let (mut sum, mut magnitude) = (0.0, 0.0);
            for t in 0..a.ncols() {
                let term = a[[i, t]].to_f64() * b[[t, j]].to_f64();
                sum += term;
                magnitude += term.abs();
            }
            let expected = start[[i, j]].to_f64() + scale * sum;
            let allowed = bound::<T>(scale, a.ncols(), start[[i, j]].to_f64(), magnitude);
            let shape = (a.dim(), b.dim());
            assert!(
                (out.to_f64() - expected).abs() <= allowed,
                "{level:?} {shape:?} {i} {j}: {out:?} {expected}"
            );
        }
        if level != Level::Scalar {
            found.push(out);
        }
    }
    found
}

fn all<T: Real>() {
    for (m, depth, n) in SHAPES {
        let (a, b) = (matrix::<T>(m, depth, 1), matrix::<T>(depth, n, 2));
        let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
        let plain = check(&a.view(), &b.view(), 0.75);
        // Levels that fuse agree, and how the factors lie in memory does not matter.
        for (x, y) in [(a.view(), bt.t()), (at.t(), b.view()), (at.t(), bt.t())] {
            for out in check(&x, &y, 0.75) {
                assert_eq!(out, plain[0], "{m} {depth} {n}");
            }
        }
    }
}

#[test]
fn products_are_within_the_bound_and_do_not_depend_on_the_layout() {
    all::<f32>();
    all::<f64>();
}

#[test]
fn views_of_any_strides_are_read_and_written() {
    let (big, other) = (matrix::<f64>(40, 90, 3), matrix::<f64>(70, 60, 4));
    let a = big.slice(s![3..;2, ..;-3]);
    let b = other.slice(s![..;-2, 5..;2]).slice_move(s![..30, ..]);
    let expected = check(&a, &b, -2.0);
    for (_, multiplier) in levels::<f64>().filter(|(level, _)| *level != Level::Scalar) {
        // Every second row and column of a larger array; the others stay.
        let (start, mut wide) = (matrix::<f64>(a.nrows(), b.ncols(), 7), Array2::<f64>::zeros((38, 56)));
        wide.slice_mut(s![..;2, ..;2]).assign(&start);
        let mut out = wide.slice_mut(s![..;2, ..;2]);
        let done = multiplier.add_product(&mut out, -2.0, &a, &b);
        assert!(done.is_ok() && out == expected[0]);
        assert!(wide.indexed_iter().all(|((i, j), v)| i % 2 == 0 && j % 2 == 0 || *v == 0.0));
    }
}

#[test]
fn entries_do_not_depend_on_what_stands_beside_them() {
    let (a, b) = (matrix::<f32>(30, 700, 5), matrix::<f32>(700, 60, 6));
    for (level, multiplier) in levels::<f32>() {
        let product = |a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>| {
            let mut out = Array2::zeros((a.nrows(), b.ncols()));
            let done = multiplier.add_product(&mut out.view_mut(), 1.0, &a, &b);
            assert!(done.is_ok());
            out
        };
        let whole = product(a.view(), b.view());
        let part = product(a.slice(s![7..12, ..]), b.slice(s![.., 33..34]));
        assert_eq!(whole.slice(s![7..12, 33..34]), part, "{level:?}");
    }
}

#[test]
fn an_infinity_reaches_its_row_and_column_only() {
    let (mut a, mut b) = (matrix::<f64>(9, 5, 1), matrix::<f64>(5, 27, 2));
    (a[[8, 0]], b[[4, 26]]) = (f64::INFINITY, f64::NAN);
    for (_, multiplier) in levels::<f64>() {
        let mut out = Array2::zeros((9, 27));
        assert!(multiplier.add_product(&mut out.view_mut(), 1.0, &a.view(), &b.view()).is_ok());
        assert!(out.indexed_iter().all(|((i, j), v): (_, &f64)| v.is_finite() == (i != 8 && j != 26)));
    }
}

#[test]
fn packed_sides_are_used_again() {
    for (level, multiplier) in levels::<f64>() {
        let (mut left, mut right) = (multiplier.left(), multiplier.right());
        // What an earlier, larger product left behind must not show.
        for (m, depth, n) in [(40, 700, 50), (5, 3, 7), (9, 16, 49), (3, 0, 2)] {
            let (a, b) = (matrix::<f64>(m, depth, 1), matrix::<f64>(depth, n, 2));
            let (mut found, mut expected) = (Array2::zeros((m, n)), Array2::zeros((m, n)));
            assert!(left.pack(&a.view()).is_ok() && right.pack(&b.view()).is_ok());
            if let Some(found) = found.as_slice_mut() {
                multiplier.add(found, 3.0, &left, &right);
            }
            let done = multiplier.add_product(&mut expected.view_mut(), 3.0, &a.view(), &b.view());
            assert!(done.is_ok());
            assert_eq!(found, expected, "{level:?} {m} {depth} {n}");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let zeros = |m, n| Array2::<f32>::zeros((m, n));
    for (out, a, b) in [((2, 2), (2, 3), (4, 2)), ((1, 2), (2, 3), (3, 2)), ((2, 1), (2, 3), (3, 2))] {
        let (mut out, a, b) = (zeros(out.0, out.1), zeros(a.0, a.1), zeros(b.0, b.1));
        let refused = product(&mut out.view_mut(), 1.0, &a.view(), &b.view());
        assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    }
}
