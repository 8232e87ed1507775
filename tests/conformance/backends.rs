//! What a backend is asked to do: the calls of whole algorithms, counted.

use pauca::alignment::{Matches, Retrieval};
use pauca::{Blocked, Context, Cpu, D4, D4Stage, KMeans, Rows, Rule, SemDedup};
use pauca_tests::counting::Counting;
use pauca_tests::data::Rng;
use pauca_tests::plain::{KEPT_ROWS, Plain};

fn points(n: usize) -> ndarray::Array2<f32> {
    let mut rng = Rng(n as u64);
    ndarray::Array2::from_shape_fn((n, 4), |_| rng.unit() as f32 - 0.5)
}

/// One load for all passes, and one call for each assignment: an iteration, and the one before.
#[test]
fn kmeans_loads_rows_in_memory_once() {
    let (x, cx) = (points(120), Context::default());
    let (cpu, plain) = (Counting::new(Cpu::new().unwrap()), Counting::new(Plain));
    let rows = Rows::F32(x.view());
    let config = KMeans::new(5).seed(1);
    let clusters = config.fit_on(&cpu, &rows, None, &cx).unwrap();
    let calls = cpu.take();
    assert_eq!((calls.load, calls.keep, calls.reassign), (1, 0, clusters.n_iter + 1));
    assert_eq!(config.fit_on(&plain, &rows, None, &cx).unwrap(), clusters);
    assert_eq!(plain.take(), calls, "what is asked does not depend on who answers");
}

/// Rows that a backend holds are gathered there.
#[test]
fn semdedup_gathers_where_the_backend_can() {
    let (x, cx) = (points(120), Context::default());
    let clusters = KMeans::new(5).spherical(true).fit(&x).unwrap();
    let config = SemDedup::new(Rule::GreedyCover).epsilon(0.05);
    let (cpu, plain) = (Counting::new(Cpu::new().unwrap()), Counting::new(Plain));
    let dedup = config.fit_on(&plain, &Rows::F32(x.view()), &clusters, &cx).unwrap();
    assert!(plain.take().gather > 0);
    assert_eq!(config.fit_on(&cpu, &Rows::F32(x.view()), &clusters, &cx).unwrap(), dedup);
    assert_eq!(cpu.take().gather, 0);
}

/// What a gathering backend holds serves all stages of D4, where they compare alike.
#[test]
fn d4_loads_rows_in_memory_once_where_the_backend_gathers() {
    let (x, cx) = (points(120), Context::default());
    let rows = Rows::F32(x.view());
    // Where the clusters are Euclidean, the keep-order and the deduplication need rows for cosines.
    for (spherical, loads) in [(true, 1), (false, 3)] {
        let (cpu, plain) = (Counting::new(Cpu::new().unwrap()), Counting::new(Plain));
        let config = D4::new().clusters(5).keep_fraction(0.5).seed(7).spherical(spherical);
        let curated = config.fit_on(&plain, &rows, &cx).unwrap();
        let calls = plain.take();
        assert!(calls.gather >= 2 && calls.keep == 0, "{calls:?}");
        assert_eq!(calls.load, loads);
        assert_eq!(config.fit_on(&cpu, &rows, &cx).unwrap(), curated);
        assert_eq!(cpu.take().gather, 0);
    }
}

/// Every block is offered once, until one does not fit; a pass loads those that were not kept.
#[test]
fn d4_loads_kept_blocks_once() {
    let (x, cx) = (points(120), Context::default());
    let block_rows = 6;
    let blocked = Blocked::new(Rows::F32(x.view()), block_rows).unwrap();
    let (blocks, kept) = (120 / block_rows, KEPT_ROWS / block_rows);
    let plain = Counting::new(Plain);
    let config = D4::new().clusters(5).keep_fraction(0.5).seed(7);
    let mut run = config.start_on(&plain, &blocked, &cx).unwrap();
    assert_eq!(plain.take().keep, kept + 1);
    while run.stage() == D4Stage::Cluster {
        run.step(&cx).unwrap();
        let calls = plain.take();
        assert_eq!((calls.load, calls.keep, calls.kept), (blocks - kept, 0, kept));
    }
    run.step(&cx).unwrap();
    // The survivors fit.
    let survivors = plain.take().keep;
    assert!(0 < survivors && survivors < blocks);
    while run.stage() == D4Stage::Recluster {
        let more = run.step(&cx).unwrap();
        let calls = plain.take();
        assert_eq!((calls.load, calls.keep, calls.kept), (0, 0, survivors));
        if !more {
            break;
        }
    }
    let curated = run.finish(&cx).unwrap();
    assert_eq!(plain.take().load, 0);
    assert_eq!(curated, config.fit(&x).unwrap());
}

/// An operation with a body is served by a backend that does not know it.
#[test]
fn retrieval_ranks_by_the_default() {
    let (x, y, cx) = (points(60), points(61), Context::default());
    let plain = Counting::new(Plain);
    let ranked = Retrieval::of_on(&plain, &x, &y, Matches::Diagonal, &cx).unwrap();
    let calls = plain.take();
    assert!(calls.ranks > 0 && calls.pairs_above == 0, "the inner default lists pairs, not this one");
    assert_eq!(ranked.above, Retrieval::of(&x, &y, Matches::Diagonal).unwrap().above);
}
