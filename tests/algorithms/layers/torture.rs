//! The hard cases 48 to 53.

use pauca::Rows;
use pauca::layers::{Keep, LayerDistances, LayerMetric, angular_distance};
use pauca_tests::data::Rng;

fn long(rng: &mut Rng) -> Vec<f32> {
    (0..100_000).map(|_| rng.normal() as f32).collect()
}

#[test]
fn case_48_the_same_vector_is_at_exactly_0() {
    let x = long(&mut Rng(48));
    assert_eq!(angular_distance(&x, &x).map(f64::to_bits), Some(0));
}

#[test]
fn case_49_opposite_vectors_are_at_exactly_1() {
    let x = long(&mut Rng(49));
    let y: Vec<f32> = x.iter().map(|v| -v).collect();
    assert_eq!(angular_distance(&x, &y), Some(1.0));
}

#[test]
fn case_50_an_eighth_of_a_turn() {
    let found = angular_distance(&[1.0, 0.0], &[1.0, 1.0]).unwrap();
    // The case asks for 1e-7; the definition gives the number itself.
    assert_eq!(found, 0.25);
}

#[test]
fn case_51_a_small_angle_is_not_lost() {
    /// The case asks for 1e-10; 1e-4 in f32 is off by 2.5e-12, and so by 8e-13 of a half turn.
    const ASKED: f64 = 1e-12;
    let found = angular_distance(&[1.0, 0.0], &[1.0, 1e-4]).unwrap();
    // f32 arccos gives 0.
    assert!((found - 3.183_098_851e-5).abs() < ASKED, "{found:e}");
}

#[test]
fn case_52_a_zero_state_is_counted_and_skipped() {
    let mut rng = Rng(52);
    let x = ndarray::Array2::from_shape_fn((100, 8), |_| rng.normal() as f32);
    let mut y = x.clone();
    y.row_mut(37).fill(0.0);
    for &metric in LayerMetric::ALL {
        let states = [Rows::F32(x.view()), Rows::F32(y.view()), Rows::F32(x.view())];
        let table = LayerDistances::new(2).metric(metric).fit(&states).unwrap();
        assert_eq!((table.samples, table.count[[0, 1]], table.count[[0, 2]]), (100, 99, 100));
        assert_eq!(
            (table.distance(0, 1), table.distance(1, 1), table.distance(0, 2)),
            (Some(0.0), Some(0.0), Some(0.0))
        );
    }
}

#[test]
fn case_53_of_two_equal_blocks_the_lowest_is_chosen() {
    // States turn by the same angle from layer to layer, forth and back.
    let a = ndarray::array![[1.0f32, 0.0]];
    let b = ndarray::array![[1.0f32, 1.0]];
    let states: Vec<Rows> = (0..7).map(|l| Rows::F32(if l % 2 == 0 { a.view() } else { b.view() })).collect();
    let table = LayerDistances::new(6).fit(&states).unwrap();
    for n in 1..=5 {
        assert_eq!(table.best_block(n, Keep::default()).unwrap().block.start, 0);
        assert_eq!(table.best_block(n, Keep { first: 1, last: 0 }).unwrap().block.start, 1);
    }
}
