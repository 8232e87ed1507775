//! Runs that borrow nothing: held in a struct, stepped from other threads, cancelled, saved, resumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;
use pauca::{
    Blocked, Checkpoint, Context, Control, Cpu, D4, D4Checkpoint, D4Run, ElementType, Error, Exec, KMeans,
    Lloyd, RawRows, RowSource, Rows, SemDedup,
};
use pauca_tests::conformance::d4::assert_same_curated;
use pauca_tests::counting::Counting;
use pauca_tests::data::Rng;

/// What a binding would keep behind a pointer.
struct Handle {
    run: Option<Lloyd<'static, Cpu, Box<dyn RowSource + Send>>>,
    stop: Arc<AtomicBool>,
    error: Option<Error>,
}

impl Handle {
    fn step(&mut self) -> bool {
        let cx = Context::new(Exec::serial(), Control::new().stop_flag(&self.stop));
        let run = self.run.as_mut().unwrap();
        match run.step(&cx) {
            Ok(more) => more,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }
}

fn rows() -> Array2<f32> {
    let mut rng = Rng(11);
    Array2::from_shape_fn((300, 4), |_| rng.unit() as f32 - 0.5)
}

/// The rows as a source that owns its bytes.
fn owned(x: &Array2<f32>) -> Box<dyn RowSource + Send> {
    let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
    Box::new(RawRows::new(bytes, .., ElementType::F32, x.nrows(), x.ncols()).unwrap())
}

#[test]
fn handle_is_stepped_by_threads_cancelled_saved_and_resumed_to_the_same_bits() {
    let x = rows();
    let cx = Context::default();
    for spherical in [false, true] {
        let config = KMeans::new(9).spherical(spherical).seed(4);
        let expected = config.fit(&x).unwrap();
        assert!(expected.n_iter > 2, "steps to divide: {}", expected.n_iter);
        let run = config.start_on(Cpu::new().unwrap(), owned(&x), None, &cx).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut handle = Handle { run: Some(run), stop: stop.clone(), error: None };
        // Another thread each step.
        for _ in 0..2 {
            handle = std::thread::spawn(move || {
                assert!(handle.step());
                handle
            })
            .join()
            .unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(!handle.step());
        assert!(matches!(handle.error, Some(Error::Cancelled)));
        let run = handle.run.take().unwrap();
        assert_eq!(run.n_iter(), 2, "the step that was stopped left no trace");
        let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
        drop(run);
        let saved = Checkpoint::from_bytes(&bytes).unwrap();
        let mut resumed = config.resume_on(Cpu::new().unwrap(), owned(&x), None, &saved, &cx).unwrap();
        while resumed.step(&cx).unwrap() {}
        assert_eq!(resumed.finish(&cx).unwrap(), expected);
    }
}

#[test]
fn weighted_run_owns_its_weights() {
    let x = rows();
    let cx = Context::default();
    let weights: Vec<f32> = (0..300).map(|i| (i % 4) as f32).collect();
    let expected = KMeans::new(5).fit_weighted(&x, &weights).unwrap();
    let start = |weights: Vec<f32>| -> Lloyd<'static, Cpu, Box<dyn RowSource + Send>> {
        KMeans::new(5).start_on(Cpu::new().unwrap(), owned(&x), Some(weights.into()), &cx).unwrap()
    };
    let mut run = start(weights);
    while run.step(&cx).unwrap() {}
    assert_eq!(run.finish(&cx).unwrap(), expected);
}

#[test]
fn d4_handle_goes_on_on_another_thread_and_from_its_bytes() {
    let x = rows();
    let cx = Context::default();
    let config = D4::new().clusters(6).max_iter(3);
    let expected = config.fit(&x).unwrap();
    let mut run: D4Run<'static, Arc<Cpu>, Arc<dyn RowSource + Send>> =
        config.start_on(Arc::new(Cpu::new().unwrap()), owned(&x).into(), &cx).unwrap();
    let mut saved = Vec::new();
    loop {
        let (more, after) =
            std::thread::spawn(move || (run.step(&Context::default()).unwrap(), run)).join().unwrap();
        run = after;
        saved.push(run.checkpoint().unwrap().to_bytes().unwrap());
        if !more {
            break;
        }
    }
    assert_same_curated(&run.finish(&cx).unwrap(), &expected);
    assert!(saved.len() >= 3);
    for bytes in saved {
        let state = D4Checkpoint::from_bytes(&bytes).unwrap();
        let run = config.resume_on(Cpu::new().unwrap(), owned(&x), &state, &cx).unwrap();
        assert_same_curated(&run.finish(&cx).unwrap(), &expected);
    }
}

/// Rows that last are loaded once, whoever holds the source; rows within a source of its own are read
/// block by block, and kept by the backend.
#[test]
fn rows_that_last_are_loaded_once() {
    let x = rows();
    let cx = Context::new(Exec::serial(), Control::new());
    let counting = Counting::new(Cpu::new().unwrap());
    let rows = Rows::F32(x.view());
    // One for the rows, the others for targets of one seed or k centroids, as before.
    let loads = |run: &dyn Fn() -> usize| {
        counting.take();
        let steps = run();
        let calls = counting.take();
        assert_eq!(calls.targets, 2, "one for the seed, one for the first assignment");
        assert_eq!(calls.next_targets, steps, "one for each iteration");
        calls.load
    };
    fn drive<S: RowSource>(counting: &Counting<Cpu>, source: S, cx: &Context<'_>) -> usize {
        let mut run = KMeans::new(4).seed(1).start_on(counting, source, None, cx).unwrap();
        while run.step(cx).unwrap() {}
        run.n_iter()
    }
    assert_eq!(loads(&|| drive(&counting, rows, &cx)), 1);
    assert_eq!(loads(&|| drive(&counting, rows, &cx)), 1);
    assert_eq!(loads(&|| drive(&counting, Box::new(rows) as Box<dyn RowSource + '_>, &cx)), 1);
    assert_eq!(loads(&|| drive(&counting, Arc::new(rows), &cx)), 1);
    let blocked = Blocked::new(rows, 100).unwrap();
    assert_eq!(loads(&|| drive(&counting, Box::new(blocked), &cx)), 3, "each block once, then kept");
}

/// Whatever points at a backend hands on what the backend does better than the trait's own bodies.
#[test]
fn backends_behind_pointers_are_asked_themselves() {
    let x = rows();
    let cx = Context::new(Exec::serial(), Control::new());
    let clusters = KMeans::new(3).fit(&x).unwrap();
    let counting = Counting::new(Cpu::new().unwrap());
    let run = |by: &dyn Fn()| {
        counting.take();
        by();
        counting.take()
    };
    let source = Rows::F32(x.view());
    let dedup = SemDedup::new(pauca::Rule::EarlierMax);
    let plain = run(&|| drop(dedup.fit_on(&counting, &source, &clusters, &cx).unwrap()));
    let lent = run(&|| drop(dedup.fit_on(&&&counting, &source, &clusters, &cx).unwrap()));
    assert_eq!(plain, lent);
    let plain = run(&|| drop(KMeans::new(4).fit_on(&counting, &source, None, &cx).unwrap()));
    assert!(plain.reassign > 0 && plain.targets > 0 && plain.rows_at_once == 0);
    let lent = run(&|| drop(KMeans::new(4).fit_on(&&&counting, &source, None, &cx).unwrap()));
    assert_eq!(plain, lent);
}
