//! What callers in other languages lean on: rows by strides, results in their buffers, names of choices.

use std::collections::BTreeSet;

use ndarray::{Array2, ShapeBuilder, s};
use pauca::{
    Boundary, Context, Cpu, D4, D4Stage, ElementType, EmptyClusters, Error, KMeans, Level, Metric, Rows,
    Rule, SemDedup, Stage,
};

fn values(rows: &Rows<'_>) -> Vec<Vec<f32>> {
    let mut buffer = vec![0.0; rows.dim()];
    (0..rows.n_rows()).map(|i| rows.row(i, &mut buffer).unwrap().to_vec()).collect()
}

#[test]
fn strided_rows_are_those_of_the_array() {
    let x = Array2::from_shape_fn((7, 5), |(i, j)| (i * 10 + j) as f32);
    let flat = x.as_slice().unwrap();
    // Fortran order.
    let f = Array2::from_shape_fn((7, 5).f(), |(i, j)| (i * 10 + j) as f32);
    let column_major = Rows::strided(f.as_slice_memory_order().unwrap(), [7, 5], [1, 7]).unwrap();
    assert_eq!(values(&column_major), values(&Rows::F32(x.view())));
    let clusters = KMeans::new(2).fit(column_major).unwrap();
    assert_eq!(clusters, KMeans::new(2).fit(&x).unwrap());
    // A window: rows 2, 4, 6 and columns 1..4.
    let window = Rows::strided(&flat[2 * 5 + 1..], [3, 3], [10, 1]).unwrap();
    assert_eq!(values(&window), values(&Rows::F32(x.slice(s![2..7;2, 1..4]))));
    let half: Vec<half::f16> = flat.iter().map(|v| half::f16::from_f32(*v)).collect();
    assert_eq!(values(&Rows::strided(&half, [7, 5], [5, 1]).unwrap()), values(&Rows::F32(x.view())));
    // Strides of 0 repeat; nothing is reached without rows.
    assert_eq!(values(&Rows::strided(&[1.0f32, 2.0], [3, 2], [0, 1]).unwrap()), vec![vec![1.0, 2.0]; 3]);
    assert_eq!(values(&Rows::strided(&[1.0f32, 2.0], [2, 3], [1, 0]).unwrap()), [[1.0; 3], [2.0; 3]]);
    assert_eq!(Rows::strided::<f32>(&[], [0, 3], [3, 1]).unwrap().n_rows(), 0);
}

#[test]
fn strides_that_leave_the_buffer_are_refused() {
    let x = [0.0f32; 35];
    assert!(Rows::strided(&x, [7, 5], [5, 1]).is_ok());
    let refused = |shape, strides| Rows::strided(&x, shape, strides).unwrap_err();
    assert!(matches!(refused([7, 5], [-5, 1]), Error::InvalidParameter { name: "stride", .. }));
    assert!(matches!(refused([7, 5], [5, -1]), Error::InvalidParameter { name: "stride", .. }));
    assert!(matches!(refused([7, 5], [5, isize::MIN]), Error::InvalidParameter { .. }));
    assert!(matches!(refused([8, 5], [5, 1]), Error::ShapeMismatch { expected: 40, found: 35, .. }));
    assert!(matches!(refused([7, 6], [5, 1]), Error::ShapeMismatch { expected: 36, found: 35, .. }));
    assert!(matches!(refused([2, 2], [isize::MAX, 1]), Error::TooLarge { .. }));
    assert!(matches!(refused([usize::MAX, 2], [isize::MAX, isize::MAX]), Error::TooLarge { .. }));
    for size in [usize::MAX, usize::MAX / 2 + 1] {
        // Nothing lies outside, but no array has so many rows.
        assert!(Rows::strided(&x, [size, 5], [0, 1]).is_err());
    }
}

#[test]
fn results_come_in_the_callers_buffers() {
    let x = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
    let (backend, cx, rows) = (Cpu::new().unwrap(), Context::default(), Rows::F32(x.view()));
    let clusters = KMeans::new(4).fit(&x).unwrap();
    let mut labels = [9; 40];
    clusters.predict_into(&backend, &rows, &mut labels, &cx).unwrap();
    assert_eq!(labels.to_vec(), clusters.labels.to_vec());
    let short = clusters.predict_into(&backend, &rows, &mut labels[..39], &cx);
    assert!(matches!(short, Err(Error::ShapeMismatch { expected: 40, found: 39, .. })));
    let mut mask = [9; 40];
    let dedup = SemDedup::new(Rule::GreedyCover).fit(&x, &clusters).unwrap();
    dedup.keep_into(&mut mask).unwrap();
    assert!(mask.iter().zip(&dedup.keep).all(|(byte, kept)| *byte == u8::from(*kept)));
    assert_eq!(mask.iter().map(|byte| usize::from(*byte)).sum::<usize>(), dedup.kept());
    assert!(matches!(dedup.keep_into(&mut [0; 41]), Err(Error::ShapeMismatch { .. })));
    let curated = D4::new().clusters(3).fit(&x).unwrap();
    curated.keep_into(&mut mask).unwrap();
    assert_eq!(mask.iter().filter(|byte| **byte == 1).count(), 20);
}

/// Names are those of programs and files: none is empty, none is used twice.
#[test]
fn every_choice_is_listed_and_named_once() {
    let all = [
        Stage::ALL.iter().map(|v| v.name()).collect::<Vec<_>>(),
        D4Stage::ALL.iter().map(|v| v.name()).collect(),
        Metric::ALL.iter().map(|v| v.name()).collect(),
        EmptyClusters::ALL.iter().map(|v| v.name()).collect(),
        Rule::ALL.iter().map(|v| v.name()).collect(),
        Boundary::ALL.iter().map(|v| v.name()).collect(),
        Level::ALL.iter().map(|v| v.name()).collect(),
    ];
    for names in all {
        assert!(names.iter().all(|name| !name.is_empty()));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }
    assert_eq!(ElementType::ALL.iter().map(|t| t.size()).collect::<Vec<_>>(), [4, 2, 2]);
    assert_eq!(D4Stage::ALL.first().map(|s| s.name()), Some("cluster"));
    assert!(Stage::ALL.iter().any(|s| s.to_string() == "gradient of x"));
}
