//! What callers bring: their own row sources, which may fail, and their closures, which watch and
//! stop.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Array2, s};
use pauca::{
    Blocked, Context, Control, Cpu, D4, EmptyClusters, Error, Exec, Init, KMeans, Progress, Result,
    RowSource, Rows, Rule, Scratch, SemDedup, SemDedupAgainst, Stage,
};
use pauca_tests::conformance::d4::assert_same_curated;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;

/// Rows that can be read so often and no more; counts the largest read.
struct Failing<'a> {
    rows: Blocked<'a>,
    left: AtomicU64,
    largest: AtomicU64,
}

impl Failing<'_> {
    fn answer(&self, rows: usize) -> Result<()> {
        self.largest.fetch_max(rows as u64, Ordering::Relaxed);
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| Error::Source("the disk is gone".into()))
    }
}

impl RowSource for Failing<'_> {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }
    fn dim(&self) -> usize {
        self.rows.dim()
    }
    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.answer(range.len())?;
        self.rows.read(range, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.answer(0)?;
        self.rows.gather(rows, scratch)
    }
}

fn rows() -> Array2<f32> {
    array(&Kind::LastBit.rows(60, 5, &mut Rng(3)))
}

/// Every read in turn is the one that fails: the caller gets its own error back.
#[test]
fn a_source_that_fails_is_reported_from_every_read() {
    let x = rows();
    let backend = Cpu::new().unwrap();
    let cx = Context::new(Exec::serial(), Control::new());
    let clusters = KMeans::new(3).spherical(true).fit(&x).unwrap();
    let kmeans = KMeans::new(3).max_iter(3);
    let d4 = D4::new().clusters(3).max_iter(2);
    let (against, honest) = (SemDedupAgainst::new(), Rows::F32(x.view()));
    let run = |source: &Failing, what: usize| match what {
        0 => kmeans.fit_on(&backend, source, None, &cx).map(|_| ()),
        1 => SemDedup::new(Rule::EarlierMax).fit_on(&backend, source, &clusters, &cx).map(|_| ()),
        2 => SemDedup::new(Rule::GreedyCover).fit_on(&backend, source, &clusters, &cx).map(|_| ()),
        3 => clusters.predict_on(&backend, source, &cx).map(|_| ()),
        4 => against.fit_on(&backend, source, &honest, &clusters, &cx).map(|_| ()),
        5 => against.fit_on(&backend, &honest, source, &clusters, &cx).map(|_| ()),
        _ => d4.fit_on(&backend, source, &cx).map(|_| ()),
    };
    for what in 0..7 {
        for reads in 0.. {
            let rows = Blocked::new(Rows::F32(x.view()), 16).unwrap();
            let source = Failing { rows, left: AtomicU64::new(reads), largest: AtomicU64::new(0) };
            let outcome = run(&source, what);
            assert!(source.largest.load(Ordering::Relaxed) <= 16, "more rows than the source's blocks have");
            match outcome {
                Ok(()) => break,
                Err(Error::Source(error)) => assert_eq!(error.to_string(), "the disk is gone"),
                Err(error) => panic!("job {what}, read {reads}: {error}"),
            }
            assert!(reads < 100_000);
        }
    }
}

/// Rows of which one answer in turn has too few or too many rows or columns, or another number of them than was
/// told before.
struct Lying<'a> {
    all: Rows<'a>,
    rows: Blocked<'a>,
    resident: bool,
    left: AtomicU64,
    lie: usize,
}

impl Lying<'_> {
    fn answer<'r>(&self, rows: Rows<'r>) -> Result<Rows<'r>> {
        let Rows::F32(view) = rows else { panic!("rows of f32") };
        let (n, d) = view.dim();
        if self.left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return Ok(Rows::F32(view));
        }
        Ok(Rows::F32(match self.lie {
            0 => view.slice_move(s![..n - 1, ..]),
            1 => view.slice_move(s![.., ..d - 1]),
            2 => view.slice_move(s![..0, ..]),
            _ => view.slice_move(s![.., ..0]),
        }))
    }
}

impl RowSource for Lying<'_> {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }
    fn dim(&self) -> usize {
        self.rows.dim()
    }
    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }
    fn resident(&self) -> Option<Rows<'_>> {
        if self.resident { self.answer(self.all.view()).ok() } else { None }
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.answer(self.rows.read(range, scratch)?)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.answer(self.rows.gather(rows, scratch)?)
    }
}

/// Another shape than was asked is an error from every read, never a panic.
#[test]
fn a_source_that_delivers_another_shape_is_refused_at_every_read() {
    let x = rows();
    let backend = Cpu::new().unwrap();
    let cx = Context::new(Exec::serial(), Control::new());
    let clusters = KMeans::new(3).spherical(true).fit(&x).unwrap();
    let classes = pauca::alignment::ZeroShot { classes: clusters.centroids.clone() };
    let honest = Blocked::new(Rows::F32(x.view()), 16).unwrap();
    let run = |source: &Lying, what: usize| match what {
        0 => KMeans::new(3).max_iter(3).fit_on(&backend, source, None, &cx).map(|_| ()),
        1 => KMeans::new(3).spherical(true).max_iter(2).fit_on(&backend, source, None, &cx).map(|_| ()),
        2 => SemDedup::new(Rule::EarlierMax).fit_on(&backend, source, &clusters, &cx).map(|_| ()),
        3 => SemDedup::new(Rule::GreedyCover).fit_on(&backend, source, &clusters, &cx).map(|_| ()),
        4 => clusters.predict_on(&backend, source, &cx).map(|_| ()),
        5 => D4::new().clusters(3).max_iter(2).fit_on(&backend, source, &cx).map(|_| ()),
        6 => classes.predict_on(&backend, source, &cx).map(|_| ()),
        7 => {
            let metrics = pauca::corruption::CorruptionMetrics::of(&clusters);
            metrics.measure_on(&backend, &honest, source, &cx).map(|_| ())
        }
        8 => SemDedupAgainst::new().fit_on(&backend, source, &honest, &clusters, &cx).map(|_| ()),
        9 => SemDedupAgainst::new().fit_on(&backend, &honest, source, &clusters, &cx).map(|_| ()),
        _ => KMeans::new(3).init(Init::Random).max_iter(2).fit_on(&backend, source, None, &cx).map(|_| ()),
    };
    for (what, lie, resident) in (0..11).flat_map(|w| (0..4).flat_map(move |l| [(w, l, false), (w, l, true)]))
    {
        for reads in 1.. {
            let source =
                Lying { all: Rows::F32(x.view()), rows: honest, resident, left: AtomicU64::new(reads), lie };
            let outcome = run(&source, what);
            // The lie was not reached: the job reads less often.
            if source.left.load(Ordering::Relaxed).wrapping_sub(1) < u64::MAX / 2 {
                assert!(outcome.is_ok(), "job {what}, lie {lie}: {outcome:?}");
                break;
            }
            assert!(
                matches!(outcome, Err(Error::ShapeMismatch { .. })),
                "job {what}, lie {lie}, read {reads}, resident {resident}: {outcome:?}"
            );
            assert!(reads < 100_000);
        }
    }
}

/// -0.0 equals 0.0 in a row, so it must not show in a result, whichever way a centroid began.
#[test]
fn zeros_of_centroids_have_no_sign() {
    let bits = |c: &Array2<f32>| c.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let signed = ndarray::array![[-0.0f32, 1.0], [0.0, 1.0], [-0.0, -0.0], [0.0, 0.0]];
    let unsigned = signed.mapv(|v| v + 0.0);
    for seed in 0..20 {
        for init in [Init::KMeansPlusPlus, Init::Random, Init::Given(signed.slice(s![..3, ..]).to_owned())] {
            for empty in [EmptyClusters::Relocate, EmptyClusters::Keep] {
                let config = KMeans::new(3).seed(seed).init(init.clone()).empty_clusters(empty);
                let (a, b) = (config.fit(&signed).unwrap(), config.fit(&unsigned).unwrap());
                assert_eq!((bits(&a.centroids), &a.labels), (bits(&b.centroids), &b.labels));
                assert!(a.centroids.iter().all(|v| v.to_bits() != (-0.0f32).to_bits()));
            }
        }
    }
}

/// Progress within a stage never goes back, never passes its total, and changes no result.
#[test]
fn progress_is_told_and_changes_nothing() {
    let x = rows();
    let blocked = Blocked::new(Rows::F32(x.view()), 16).unwrap();
    let backend = Cpu::new().unwrap();
    let silent = Context::new(Exec::serial(), Control::new());
    let told: RefCell<Vec<Progress>> = RefCell::default();
    let report = |progress: &Progress| told.borrow_mut().push(*progress);
    let heard = Context::new(Exec::threads(2).unwrap(), Control::new().report_to(&report));
    let config = D4::new().clusters(4);
    let quiet = config.fit_on(&backend, &blocked, &silent).unwrap();
    let loud = config.fit_on(&backend, &blocked, &heard).unwrap();
    assert_eq!((&quiet.keep, &quiet.clusters.labels), (&loud.keep, &loud.clusters.labels));
    let told = told.into_inner();
    // The last iteration of each clustering left what the clustering reports.
    let iterations: Vec<_> = told.iter().filter_map(|p| p.iteration).collect();
    for clusters in [&quiet.clusters, &quiet.reclustered] {
        let last = |i: &&pauca::Iteration| {
            (i.number, i.objective.to_bits()) == (clusters.n_iter as u64, clusters.inertia.to_bits())
        };
        assert!(iterations.iter().any(|i| last(&i)), "{iterations:?}");
    }
    assert!(iterations.windows(2).all(|w| w[1].number == w[0].number + 1 || w[1].number == 0));
    assert!(told.len() > 5 && told.iter().all(|p| p.done <= p.total && Stage::ALL.contains(&p.stage)));
    let mut stages: Vec<Stage> = told.iter().map(|p| p.stage).collect();
    stages.dedup();
    assert!(stages.len() > 3, "{stages:?}");
}

/// Stopped at every question in turn, D4 goes on from where it was, to the same rows.
#[test]
fn d4_cancelled_at_every_question_goes_on() {
    let x = rows();
    let blocked = Blocked::new(Rows::F32(x.view()), 16).unwrap();
    let backend = Cpu::new().unwrap();
    let free = Context::new(Exec::serial(), Control::new());
    let config = D4::new().clusters(4).max_iter(4);
    let whole = config.fit_on(&backend, &blocked, &free).unwrap();
    for questions in 0.. {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() == questions
        };
        let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
        let mut cancelled = false;
        match config.start_on(&backend, &blocked, &cx) {
            Err(error) => {
                assert!(matches!(error, Error::Cancelled), "{error}");
                cancelled = true;
            }
            Ok(mut run) => {
                loop {
                    match run.step(&cx) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => {
                            assert!(matches!(error, Error::Cancelled), "{error}");
                            cancelled = true;
                            let checkpoint = run.checkpoint().unwrap();
                            run = config.resume_on(&backend, &blocked, &checkpoint, &free).unwrap();
                        }
                    }
                }
                let found = run.finish(&free).unwrap();
                assert_eq!(
                    (&found.keep, &found.reclustered.labels),
                    (&whole.keep, &whole.reclustered.labels)
                );
            }
        }
        if !cancelled && questions > 0 {
            break;
        }
        assert!(questions < 100_000);
    }
}

#[test]
fn defaults_are_as_documented() {
    let x = rows();
    let d4 = D4::new().fit(&x).unwrap();
    let named = D4::new()
        .clusters(8)
        .recluster(8)
        .dedup_keep_fraction(0.75)
        .keep_fraction(0.5)
        .seed(0)
        .max_iter(20)
        .spherical(true)
        .fit(&x)
        .unwrap();
    // 60 rows: the root is 7.7.
    assert_same_curated(&d4, &named);
    let named =
        KMeans::new(3).spherical(false).seed(0).init(pauca::Init::KMeansPlusPlus).shift_tolerance(0.0);
    assert_eq!(KMeans::new(3).fit(&x).unwrap(), named.fit(&x).unwrap());
    let c = KMeans::new(3).fit(&x).unwrap();
    for rule in Rule::ALL {
        let named = SemDedup::new(rule).epsilon(0.05).boundary(pauca::Boundary::Gt).order(pauca::Order::Hard);
        let (a, b) = (SemDedup::new(rule).fit(&x, &c).unwrap(), named.published(false).fit(&x, &c).unwrap());
        pauca_tests::agree::assert_same_dedup(&a, &b);
    }
}

/// Most rows never come near the top of the heap: far fewer than n k distances, at least one pass.
#[test]
fn seeding_evaluates_few_distances() -> Result<()> {
    let x = Kind::Normal.rows(2000, 8, &mut Rng(3));
    let x = array(&x);
    let (cpu, cx, rows) = (Cpu::new()?, Context::default(), Rows::F32(x.view()));
    let run = KMeans::new(100).seed(1).start_on(&cpu, &rows, None, &cx)?;
    assert!((2000..2000 * 100 / 4).contains(&run.seed_distances()), "{}", run.seed_distances());
    let given = KMeans::new(2).init(pauca::Init::Random).start_on(&cpu, &rows, None, &cx)?;
    assert_eq!(given.seed_distances(), 0);
    Ok(())
}
