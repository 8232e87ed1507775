//! What the losses and searches hold, and what happens when it cannot be had.

use ndarray::Array2;
use pauca::alignment::{
    Balance, ClipScore, Counts, Directions, Filter, HardNegatives, InfoNce, InfoNceTotals, Matcher, Matches,
    Ndcg, RankTies, Retrieval, SigLip, SoftmaxRows, ZeroShot, balanced_sample, mismatched,
    threshold_for_tail,
};
use pauca::{Control, Cpu, Error, Exec, Rows};
use pauca_tests::data::Rng;

use crate::allocator::{every_refusal, peak};
use crate::serial;

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

#[test]
fn refused_memory_is_an_error_on_every_entry_point() {
    let (x, y) = (unit(300, 24, 5), unit(300, 24, 6));
    let (a, b) = (Rows::F32(x.view()), Rows::F32(y.view()));
    let soft = Array2::from_elem((300, 300), 0.5f32);
    let ids: Vec<u64> = (0..300).map(|i| i % 50).collect();
    let groups = Matches::Groups { x: &ids, y: &ids };
    let scores: Vec<f64> = (0..300).map(f64::from).collect();
    let classes: Vec<u32> = (0..300).map(|i| i % 60).collect();
    let backend = Cpu::new().unwrap();
    let most = |name: &str, n: u64| assert!(n > 0, "{name} allocates nothing");
    most("clip score", every_refusal("clip score", || ClipScore::survey().score_in(&a, &b, &serial())));
    most("filter", every_refusal("filter", || Filter::fraction(0.5).select(&scores)));
    most("mismatched", every_refusal("mismatched", || mismatched(300, 1)));
    most("balanced", every_refusal("balanced", || balanced_sample(&ids, &ids, 2, 1)));
    for matches in [Matches::Diagonal, groups] {
        let info = || InfoNce::new().gradients_in(x.view(), y.view(), 9.0, matches, &serial());
        most("info nce", every_refusal("info nce", info));
        let sig = || SigLip::new().gradients_in(x.view(), y.view(), 9.0, 0.0, matches, &serial());
        most("siglip", every_refusal("siglip", sig));
        most(
            "retrieval",
            every_refusal("retrieval", || Retrieval::of_on(&Cpu::new().unwrap(), &x, &y, matches, &serial())),
        );
        let ndcg = || Ndcg::new().of_on(&Cpu::new().unwrap(), &x, &y, matches, &serial());
        most("ndcg", every_refusal("ndcg", ndcg));
        let hard = || HardNegatives::new(3).find_on(&Cpu::new().unwrap(), &x, &y, matches, &serial());
        most("hard negatives", every_refusal("hard negatives", hard));
    }
    let info = || InfoNce::new().gradients_in(x.view(), y.view(), 9.0, soft.view(), &serial());
    most("info nce, soft", every_refusal("info nce, soft", info));
    for directions in [Directions::Both, Directions::XToY] {
        let loss = InfoNce::new().directions(directions);
        let block = || loss.block_statistics_in(x.view(), y.view(), 9.0, groups, &serial());
        most("block statistics", every_refusal("block statistics", block));
        let found = block().unwrap();
        let totals = loss.totals(&found.rows, &found.columns).unwrap();
        let both = (&found.rows, &found.columns);
        let gradients = || totals.block_gradients_in(x.view(), y.view(), groups, both, &serial());
        most("block gradients", every_refusal("block gradients", gradients));
        let (rows, all) = (found.rows.to_bytes().unwrap(), totals.to_bytes().unwrap());
        most("new statistics", every_refusal("new statistics", || SoftmaxRows::new(300)));
        most("statistics to bytes", every_refusal("statistics to bytes", || found.rows.to_bytes()));
        most(
            "statistics from bytes",
            every_refusal("statistics from bytes", || SoftmaxRows::from_bytes(&rows)),
        );
        most("totals to bytes", every_refusal("totals to bytes", || totals.to_bytes()));
        // These hold nothing that grows.
        let totals = || loss.totals(&found.rows, &found.columns);
        assert_eq!(
            every_refusal("totals", totals) + every_refusal("totals", || InfoNceTotals::from_bytes(&all)),
            0
        );
    }
    let zero = || ZeroShot::from_texts_on(&backend, &a, &classes, 60, &serial());
    most("zero shot", every_refusal("zero shot", zero));
    let counts = Counts::from(vec![7; 300]);
    most("counts", every_refusal("counts", || Counts::new(300)));
    most("balance", every_refusal("balance", || Balance::new(&counts, 3)));
    most("tail", every_refusal("tail", || threshold_for_tail(counts.as_slice(), 0.5)));
    let entries: Vec<String> = (0..300).map(|i| format!("e{i}")).collect();
    let matcher = Matcher::new(&entries).unwrap();
    let text = entries.join(" ");
    most("matches", every_refusal("matches", || matcher.matches(&text)));
}

#[test]
fn cancelled_calls_say_so() {
    let (x, y) = (unit(300, 8, 5), unit(300, 8, 6));
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
    let report = |p: &pauca::Progress| said.borrow_mut().push(p.stage.name());
    let cx = pauca::Context::new(Exec::serial(), Control::new().report_to(&report));
    loss.block_statistics_in(x.view(), y.view(), 1.0, diagonal, &cx).unwrap();
    totals.block_gradients_in(x.view(), y.view(), diagonal, both, &cx).unwrap();
    let mut stages = said.take();
    stages.dedup();
    assert_eq!(stages, ["statistics", "gradient of x", "gradient of y"]);
    InfoNce::new().gradients_in(x.view(), y.view(), 1.0, diagonal, &cx).unwrap();
    let mut stages = said.borrow().clone();
    stages.dedup();
    assert_eq!(stages, ["statistics", "gradient of x", "gradient of y"]);
}
