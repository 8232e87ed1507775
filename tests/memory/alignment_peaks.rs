//! What the losses and searches of images and texts hold.

use ndarray::Array2;
use pauca::Cpu;
use pauca::alignment::{HardNegatives, InfoNce, Matches, RankTies, Retrieval};
use pauca_tests::data::Rng;
use pauca_tests::memory::peak;
use pauca_tests::run::serial;

fn unit(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = Rng(seed);
    let mut x = Array2::from_shape_simple_fn((n, d), || rng.unit() as f32 - 0.5);
    x.outer_iter_mut().for_each(|mut row| {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    });
    x
}

/// Statistics of a block take 32 bytes a row beside the tiles.
#[test]
fn blocks_hold_tiles_and_statistics_but_no_matrix() {
    const STATISTICS: i64 = 2 * 4096 * 32;
    // Column statistics of 16 row tiles, factors of two sides, and what tiles of d = 16 hold.
    const TILES: i64 = 16 * 4096 * 32 + 2 * 4096 * 8 + 700_000;
    let (x, y) = (unit(4096, 16, 7), unit(4096, 16, 8));
    let loss = InfoNce::new();
    let run = || loss.block_statistics_in(x.view(), y.view(), 20.0, Matches::Diagonal, &serial()).unwrap();
    let (found, held) = peak(run);
    // The logits would take 134 MB.
    assert!(held < STATISTICS + TILES, "{held}");
    let totals = loss.totals(&found.rows, &found.columns).unwrap();
    let both = (&found.rows, &found.columns);
    let run = || totals.block_gradients_in(x.view(), y.view(), Matches::Diagonal, both, &serial()).unwrap();
    let outputs = 2 * 4096 * 16 * 4;
    assert!(peak(run).1 < outputs + TILES);
}

/// The promise: 64 MB beyond inputs and outputs at B = 4096, d = 512 (the logits alone would be 134 MB in f64).
#[test]
fn info_nce_at_4096_by_512_stays_within_64_mb() {
    const LIMIT: i64 = 64_000_000;
    /// Gradients rounded to f32, summed over two million entries.
    const ROUNDING: f64 = 1e-6;
    let (n, d) = (4096, 512);
    let (x, y) = (unit(n, d, 1), unit(n, d, 2));
    let loss = InfoNce::new();
    let (found, held) =
        peak(|| loss.gradients_in(x.view(), y.view(), 100.0, Matches::Diagonal, &serial()).unwrap());
    let outputs = 2 * (n * d * 4) as i64;
    println!(
        "InfoNCE, value and gradient, B = {n}, d = {d}: {:.1} MB beyond inputs and outputs",
        (held - outputs) as f64 / 1e6
    );
    assert!(held - outputs < LIMIT, "{held}");
    // sum_i x_i . dL/dx_i = dL/d(ln s) = sum_j y_j . dL/dy_j.
    for (side, gradient) in [(&x, &found.x), (&y, &found.y)] {
        let sum: f64 = side.iter().zip(gradient).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!(
            (sum - found.log_scale).abs() < ROUNDING * found.log_scale.abs(),
            "{sum} {}",
            found.log_scale
        );
    }
    assert!(found.value > 8.0 && found.value < 40.0);
}

#[test]
fn retrieval_holds_no_matrix() {
    let (x, y) = (unit(3000, 16, 3), unit(3000, 16, 4));
    // A matrix of 3000 x 3000 f64 would be 72 MB.
    let (found, held) =
        peak(|| Retrieval::of_on(&Cpu::new().unwrap(), &x, &y, Matches::Diagonal, &serial()).unwrap());
    assert!(held < 2_000_000, "{held}");
    assert!(found.recall_at(1, RankTies::Expected).is_some());
    let (_, held) = peak(|| {
        HardNegatives::new(5).find_on(&Cpu::new().unwrap(), &x, &y, Matches::Diagonal, &serial()).unwrap()
    });
    assert!(held < 2_000_000, "{held}");
}
