//! One run of Lloyd's algorithm, an iteration at a time.

use alloc::borrow::Cow;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use ndarray::Array1;

use super::checkpoint::{Checkpoint, settings};
use super::init;
use super::params::{EmptyClusters, Init, KMeans};
use super::result::Clusters;
use crate::arrays::{matrix, view};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Blocks, Copies, SearchStats};
use crate::check;
use crate::control::{Context, Iteration, Stage};
use crate::error::*;
use crate::exact::float::{finite, positive};
use crate::exact::{self, F64Sum, Metric, squared_distance};
use crate::memory::{area, try_capacity, try_collect, try_copy, try_grow, try_vec};
use crate::rows::{IntoRows, RowSource, Rows, Scratch, gather_from, with_view};

impl KMeans {
    /// Clusters rows in memory on the CPU.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooManyClusters`], [`Error::NonFinite`], and
    /// [`Error::InvalidParameter`] for 0 clusters or a bad tolerance.
    pub fn fit<'a>(&self, x: impl IntoRows<'a>) -> Result<Clusters> {
        self.fit_on(&Cpu::new()?, &x.into_rows()?, None, &Context::default())
    }

    /// [`fit`](KMeans::fit) with a weight for every row: finite, at least 0, not all 0. A row of
    /// weight 2 counts as two copies; rows of weight 0 get a label but do not count.
    ///
    /// # Errors
    /// As [`fit`](KMeans::fit); [`Error::ShapeMismatch`], [`Error::InvalidParameter`] for weights.
    pub fn fit_weighted<'a>(&self, x: impl IntoRows<'a>, weights: &[f32]) -> Result<Clusters> {
        self.fit_on(&Cpu::new()?, &x.into_rows()?, Some(weights), &Context::default())
    }

    /// Clusters any source on any backend.
    ///
    /// # Errors
    /// As [`fit`](KMeans::fit); [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`].
    pub fn fit_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        weights: Option<&[f32]>,
        cx: &Context,
    ) -> Result<Clusters> {
        let mut run = self.start_on(backend, source, weights.map(Cow::Borrowed), cx)?;
        while run.step(cx)? {}
        run.finish(cx)
    }

    /// Chooses the first centroids and makes the first assignment; the caller drives the rest.
    ///
    /// The run holds what it is given: references, or a backend and a source of its own
    /// (a `Box<dyn RowSource + Send>`, an `Arc`).
    ///
    /// # Errors
    /// As [`fit_on`](KMeans::fit_on).
    pub fn start_on<'a, B: Backend, S: RowSource + 'a>(
        &self,
        backend: B,
        source: S,
        weights: Option<Cow<'a, [f32]>>,
        cx: &Context,
    ) -> Result<Lloyd<'a, B, S>> {
        Lloyd::new(self, backend, source, weights, None, cx)
    }

    /// Continues a run from its checkpoint, to the same bits: one assignment, then as before.
    /// The data must be those of the checkpoint; only their shape and the parameters are checked.
    ///
    /// # Errors
    /// As [`fit_on`](KMeans::fit_on); [`Error::Mismatch`] when shape or parameters differ.
    pub fn resume_on<'a, B: Backend, S: RowSource + 'a>(
        &self,
        backend: B,
        source: S,
        weights: Option<Cow<'a, [f32]>>,
        checkpoint: &Checkpoint,
        cx: &Context,
    ) -> Result<Lloyd<'a, B, S>> {
        Lloyd::new(self, backend, source, weights, Some(checkpoint), cx)
    }
}

/// A run of k-means between two iterations.
///
/// After an error (a cancellation, say) the run is where the last finished iteration left it:
/// [`checkpoint`](Lloyd::checkpoint) still works and [`step`](Lloyd::step) may be called again.
///
/// A run that borrows nothing may live in a handle, and be stepped on any thread.
///
/// # Example
/// ```
/// use pauca::{Context, Cpu, KMeans, Lloyd, RawRows, ElementType, RowSource};
/// struct Handle {
///     run: Lloyd<'static, Cpu, Box<dyn RowSource + Send>>,
/// }
/// let x: Vec<u8> = (0..60).flat_map(|i| ((i * 37 % 23) as f32).to_le_bytes()).collect();
/// let source = Box::new(RawRows::new(x, .., ElementType::F32, 20, 3)?);
/// let run = KMeans::new(2).start_on(Cpu::new()?, source as _, None, &Context::default())?;
/// let mut handle = Handle { run };
/// let moved = std::thread::spawn(move || handle.run.step(&Context::default()).map(|_| handle.run.moved()));
/// assert!(moved.join().unwrap()? <= 20);
/// # Ok::<(), pauca::Error>(())
/// ```
pub struct Lloyd<'a, B: Backend, S: RowSource> {
    params: KMeans,
    blocks: Blocks<'a, B, S>,
    weights: Option<Cow<'a, [f32]>>,
    /// [k, d] of the last finished iteration.
    centroids: Vec<f32>,
    /// Nearest of `centroids`, unless `stale`.
    labels: Vec<u32>,
    /// Sums of the rows by `labels`, unless `stale`.
    sums: B::Sums,
    /// What the backend remembers of each block.
    carries: Vec<B::Carry>,
    /// `centroids` as targets, unless `stale`.
    targets: Option<B::Targets<'static>>,
    /// An iteration was left half done: labels and sums must be made anew.
    stale: bool,
    n_iter: usize,
    moved: u64,
    relocated: u64,
    distinct_rows: Option<u64>,
    seed_distances: u64,
    converged: bool,
    search: SearchStats,
}

impl<'a, B: Backend, S: RowSource + 'a> Lloyd<'a, B, S> {
    /// A run from its beginning, or from a checkpoint.
    pub(crate) fn new(
        params: &KMeans,
        backend: B,
        source: S,
        weights: Option<Cow<'a, [f32]>>,
        checkpoint: Option<&Checkpoint>,
        cx: &Context,
    ) -> Result<Self> {
        Self::over(params, Blocks::of(backend, source, params.metric, cx)?, weights, checkpoint, cx)
    }
}

impl<'a, B: Backend, S: RowSource> Lloyd<'a, B, S> {
    /// A run over blocks that are there, whose metric is that of the parameters.
    pub(crate) fn over(
        params: &KMeans,
        blocks: Blocks<'a, B, S>,
        weights: Option<Cow<'a, [f32]>>,
        checkpoint: Option<&Checkpoint>,
        cx: &Context,
    ) -> Result<Self> {
        let (n, d, k) = (blocks.n, blocks.d, params.n_clusters);
        if let Some(checkpoint) = checkpoint {
            check::same("the shape of the rows", [checkpoint.n, checkpoint.d] == [n as u64, d as u64])?;
            check::same("a parameter of k-means", checkpoint.settings == settings(params))?;
        }
        params.check(n, d, weights.as_deref())?;
        let size = area(k, d)?;
        let mut run = Self {
            centroids: try_capacity(size)?,
            labels: try_vec(n, 0)?,
            sums: blocks.backend.sums(k, d, weights.is_some(), cx)?,
            carries: Vec::new(),
            targets: None,
            params: params.without_init(),
            blocks,
            weights,
            stale: true,
            n_iter: 0,
            moved: 0,
            relocated: 0,
            distinct_rows: None,
            seed_distances: 0,
            converged: false,
            search: SearchStats::default(),
        };
        match checkpoint {
            None => run.seed(&params.init, cx)?,
            Some(checkpoint) => {
                run.centroids.extend_from_slice(&checkpoint.centroids);
                run.n_iter = checkpoint.n_iter as usize;
                run.relocated = checkpoint.relocated;
                run.distinct_rows = checkpoint.distinct_rows;
                run.converged = checkpoint.converged;
            }
        }
        run.assign_all(cx)?;
        Ok(run)
    }

    /// The first centroids.
    fn seed(&mut self, init: &Init, cx: &Context) -> Result<()> {
        let (k, seed, base) = (self.params.n_clusters, self.params.seed, self.params.stream_base);
        let (blocks, weights) = (&mut self.blocks, self.weights.as_deref());
        let seeds = match init {
            Init::Given(given) => {
                self.centroids.extend(given.iter().copied().map(unsigned));
                return Ok(());
            }
            Init::Random => init::random(blocks, weights, k, seed, base, cx)?,
            Init::KMeansPlusPlus => init::plus_plus(blocks, weights, k, seed, base, cx)?,
        };
        self.distinct_rows = seeds.distinct.map(|n| n as u64);
        self.seed_distances = seeds.distances;
        let mut scratch = Scratch::new();
        let rows = gather_from(&blocks.source, &seeds.rows, &mut scratch)?;
        with_view!(&rows, view => {
            self.centroids.extend(view.iter().map(|x| unsigned(crate::rows::Element::to_f32(*x))));
        });
        if !self.centroids.iter().all(|x| finite(*x)) {
            // The first bad row is named, not the first that seeds.
            blocks.check(cx)?;
        }
        Ok(())
    }

    /// Iterations made.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// Distances that k-means++ looked at, by the definition or by a certified test; the textbook's prefix sums take
    /// n k. 0 for other starts and for a resumed run.
    pub fn seed_distances(&self) -> u64 {
        self.seed_distances
    }

    /// Rows whose label the last iteration changed.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Whether there is nothing more to do.
    pub fn is_done(&self) -> bool {
        self.converged || self.n_iter >= self.params.max_iter
    }

    /// Makes one iteration, unless the run is done. Returns whether there is more to do.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`].
    pub fn step(&mut self, cx: &Context) -> Result<bool> {
        if self.stale {
            self.assign_all(cx)?;
        }
        if self.is_done() {
            return Ok(false);
        }
        self.stale = true;
        let relocated = match self.params.empty {
            EmptyClusters::Relocate => self.fill_empty(cx)?,
            EmptyClusters::Keep => 0,
        };
        let next = self.updated(cx)?;
        let still = self.params.shift_tolerance > 0.0 && self.shift(&next) <= self.params.shift_tolerance;
        let (moved, search, inertia) = self.assign(&next, cx)?;
        self.centroids = next;
        self.relocated = self.relocated.saturating_add(relocated);
        self.n_iter += 1;
        self.moved = moved;
        self.search = search;
        self.converged = moved == 0 || still;
        self.stale = false;
        self.report(inertia, cx);
        Ok(!self.is_done())
    }

    /// The state after the last finished iteration.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let centroids = try_copy(&self.centroids)?;
        Ok(Checkpoint {
            n: self.labels.len() as u64,
            d: self.blocks.d as u64,
            settings: settings(&self.params),
            n_iter: self.n_iter as u64,
            relocated: self.relocated,
            distinct_rows: self.distinct_rows,
            converged: self.converged,
            centroids,
        })
    }

    /// The clustering as it stands, with distances and inertia.
    ///
    /// # Errors
    /// As [`step`](Lloyd::step).
    pub fn finish(self, cx: &Context) -> Result<Clusters> {
        self.into_parts(cx).map(|(clusters, _)| clusters)
    }

    /// The clustering, and the rows.
    pub(crate) fn into_parts(mut self, cx: &Context) -> Result<(Clusters, Blocks<'a, B, S>)> {
        if self.stale {
            self.assign_all(cx)?;
        }
        let k = self.params.n_clusters;
        let distances = self.distances(cx)?;
        let mut counts = try_vec(k, 0u64)?;
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        let mut inertia = F64Sum::new();
        add_inertia(&mut inertia, self.weights.as_deref(), &distances);
        let clusters = Clusters {
            metric: self.params.metric,
            centroids: matrix(k, self.blocks.d, self.centroids)?,
            labels: Array1::from_vec(self.labels),
            distances: Array1::from_vec(distances),
            counts: Array1::from_vec(counts),
            inertia: inertia.value(),
            n_iter: self.n_iter,
            converged: self.converged,
            relocated: self.relocated,
            distinct_rows: self.distinct_rows,
            search: self.search,
        };
        Ok((clusters, self.blocks))
    }

    /// Labels and sums anew from the centroids.
    fn assign_all(&mut self, cx: &Context) -> Result<()> {
        self.stale = true;
        let (k, d) = (self.params.n_clusters, self.blocks.d);
        self.sums = self.blocks.backend.sums(k, d, self.weights.is_some(), cx)?;
        // These labels name no cluster, so the first assignment takes no row out of a sum.
        self.labels.fill(u32::MAX);
        let centroids = core::mem::take(&mut self.centroids);
        let assigned = self.assign(&centroids, cx);
        self.centroids = centroids;
        let (moved, search, inertia) = assigned?;
        self.search = search;
        self.stale = false;
        if self.n_iter == 0 {
            self.moved = moved;
            self.report(inertia, cx);
            self.moved = 0;
        }
        Ok(())
    }

    /// Reports the finished iteration.
    fn report(&self, inertia: Option<f64>, cx: &Context) {
        if let Some(objective) = inertia {
            let iteration = Iteration { number: self.n_iter as u64, moved: self.moved, objective };
            cx.control.finished(Stage::Iterate, self.labels.len() as u64, iteration);
        }
    }

    /// Assigns every row to the nearest of `centroids` and moves it between the sums. Returns the
    /// inertia too, where somebody listens.
    fn assign(&mut self, centroids: &[f32], cx: &Context) -> Result<(u64, SearchStats, Option<f64>)> {
        let targets = self.targets(centroids, cx)?;
        let targets = &*self.targets.insert(targets);
        let Self { params, blocks, labels, sums, weights, carries, .. } = self;
        let (mut moved, mut search, k) = (0, SearchStats::default(), params.n_clusters);
        let (n, weights) = (labels.len() as u64, weights.as_deref());
        let mut inertia = cx.control.is_heard().then(F64Sum::new);
        let (mut distances, mut at) = (Vec::new(), 0);
        blocks.for_each(cx, |backend, range, block| {
            if at == carries.len() {
                try_grow(carries, 1)?;
                carries.push(B::Carry::default());
            }
            let labels = &mut labels[range.clone()];
            let weights = weights.map(|w| &w[range.clone()]);
            let done = backend.reassign(block, targets, weights, labels, &mut carries[at], sums, cx)?;
            check::labels(&*labels, k)?;
            moved = done.moved.saturating_add(moved);
            search.merge(&done.search);
            at += 1;
            if let Some(inertia) = &mut inertia {
                if distances.len() < range.len() {
                    distances = try_vec(range.len(), 0.0)?;
                }
                let distances = &mut distances[..range.len()];
                backend.values(block, targets, labels, distances, cx)?;
                add_inertia(inertia, weights, distances);
            }
            cx.control.poll(Stage::Iterate, range.end as u64, n)
        })?;
        Ok((moved, search, inertia.map(|sum| sum.value())))
    }

    /// The centroids as targets, which follow those of the iteration before.
    fn targets(&mut self, centroids: &[f32], cx: &Context) -> Result<B::Targets<'static>> {
        let (k, d) = (self.params.n_clusters, self.blocks.d);
        let rows = Rows::F32(view(centroids, k, d)?);
        let (backend, metric, copies) = (&self.blocks.backend, self.params.metric, Copies::Collapse);
        match self.targets.take() {
            Some(before) => backend.next_targets(before, rows, metric, copies, cx),
            None => backend.targets(rows, metric, copies, cx),
        }
    }

    /// Distance of every row to the centroid of its label, by the definition.
    fn distances(&mut self, cx: &Context) -> Result<Vec<f64>> {
        let Self { blocks, labels, targets, .. } = self;
        let mut distances = try_vec(labels.len(), 0.0)?;
        // Made by the assignment that made the labels.
        let Some(targets) = targets else { return Err(Error::Empty { what: "targets" }) };
        blocks.for_each(cx, |backend, range, block| {
            backend.values(block, targets, &labels[range.clone()], &mut distances[range], cx)
        })?;
        Ok(distances)
    }

    /// Centroids of the current sums; a cluster without weight or direction keeps its old one.
    fn updated(&mut self, cx: &Context) -> Result<Vec<f32>> {
        let mut next = try_copy(&self.centroids)?;
        self.blocks.backend.centroids(&mut self.sums, self.params.metric, &mut next, cx)?;
        Ok(next)
    }

    /// Sum of squared distances between old and new centroids, exact but for one rounding.
    fn shift(&self, next: &[f32]) -> f64 {
        let d = self.blocks.d;
        let pairs = self.centroids.chunks_exact(d).zip(next.chunks_exact(d));
        exact::sum(pairs.map(|(a, b)| squared_distance(a, b)))
    }

    /// Moves the farthest rows into the clusters without weight. Returns how many.
    fn fill_empty(&mut self, cx: &Context) -> Result<u64> {
        let k = self.params.n_clusters;
        let mut counts = try_vec(k, 0u64)?;
        self.blocks.backend.counts(&self.sums, &mut counts, cx)?;
        if counts.iter().all(|count| *count > 0) {
            return Ok(0);
        }
        let distances = self.distances(cx)?;
        let mut farthest: BinaryHeap<(Ordered, Reverse<usize>)> = {
            let mut all = try_capacity(distances.len())?;
            let counts = |i: &usize| self.weights.as_ref().is_none_or(|w| positive(w[*i]));
            all.extend((0..distances.len()).filter(counts).map(|i| (Ordered(distances[i]), Reverse(i))));
            BinaryHeap::from(all)
        };
        let mut moves: Vec<(usize, u32)> = try_capacity(k)?;
        let mut left = try_copy(&counts)?;
        let mut scratch = Scratch::new();
        for j in (0..k).filter(|&j| counts[j] == 0) {
            // A cluster down to one row stays so: a row skipped here is never eligible again.
            let taken = loop {
                match farthest.pop() {
                    Some((Ordered(distance), Reverse(i))) if distance > 0.0 => {
                        let donor = self.labels[i] as usize;
                        if left[donor] > 1 && self.has_direction(i, distance, &mut scratch, cx)? {
                            left[donor] -= 1;
                            break Some(i);
                        }
                    }
                    _ => break None,
                }
            };
            match taken {
                Some(i) => moves.push((i, j as u32)),
                None => break,
            }
        }
        self.relocate(&moves, cx)?;
        Ok(moves.len() as u64)
    }

    /// Whether row `i` can move a centroid. Under the cosine a row of zeros cannot: put into an empty
    /// cluster, it would leave it as it was, and be the farthest row again in the next iteration.
    fn has_direction(&self, i: usize, distance: f64, scratch: &mut Scratch, cx: &Context) -> Result<bool> {
        // Zeros are at distance 1 from everything: few other rows have to be read.
        if self.params.metric == Metric::SqEuclidean || distance != 1.0 {
            return Ok(true);
        }
        let mut square = [0.0];
        let backend = &self.blocks.backend;
        self.blocks.with_rows(&[i], scratch, cx, |block| backend.squares(block, &mut square, cx))?;
        Ok(square[0] > 0.0)
    }

    /// Moves single rows between the sums.
    fn relocate(&mut self, moves: &[(usize, u32)], cx: &Context) -> Result<()> {
        if moves.is_empty() {
            return Ok(());
        }
        let Self { blocks, labels, sums, weights, .. } = self;
        let rows = try_collect(moves.iter().map(|&(i, _)| i))?;
        let from = try_collect(moves.iter().map(|&(i, _)| labels[i]))?;
        let to = try_collect(moves.iter().map(|&(_, j)| j))?;
        let mut w = try_capacity(if weights.is_some() { moves.len() } else { 0 })?;
        if let Some(weights) = weights {
            w.extend(moves.iter().map(|&(i, _)| weights[i]));
        }
        let (mut scratch, backend) = (Scratch::new(), &blocks.backend);
        blocks.with_rows(&rows, &mut scratch, cx, |block| {
            backend.accumulate(block, Some(&from), &to, weights.as_ref().map(|_| &w[..]), sums, cx)
        })?;
        for &(i, j) in moves {
            labels[i] = j;
        }
        Ok(())
    }
}

/// Zero has no sign in a first centroid: -0.0 and 0.0 are one value in rows, so results must not tell
/// them apart. (A mean that underflows keeps its sign; that is a value of its own.)
fn unsigned(x: f32) -> f32 {
    // The bits are compared: under DAZ a subnormal is equal to 0.
    if x.to_bits() == (-0.0f32).to_bits() { 0.0 } else { x }
}

fn add_inertia(inertia: &mut F64Sum, weights: Option<&[f32]>, distances: &[f64]) {
    match weights {
        None => inertia.extend(distances.iter().copied()),
        Some(w) => distances.iter().zip(w).for_each(|(distance, w)| inertia.add_product(*w, *distance)),
    }
}

/// A distance in a heap; distances are finite and at least 0.
#[derive(PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
