//! Exact sums of the rows of clusters.
//!
//! Rows of ordinary magnitudes and of weight 1 are added on the device, by integers; all others on the host. Counts are
//! kept on the host at once. What the device has added since it was last asked waits there, and is fetched when
//! centroids are made, or when the sums leave.

use pauca::exact::{self, Metric, dot64, float, unit_row};
use pauca::{Context, Error, Result};

use crate::device::Gpu;
use crate::kernels::sums::PLANES;
use crate::launch;
use crate::link::Buffer;
use crate::memory::{try_collect, try_grow, try_vec};
use crate::plan::{Move, Runs, pieces, runs_of_launch};
use crate::rows::{Chunk, GpuBlock, copy_rows};

/// Exact sums, partly on the device.
pub struct GpuSums {
    /// All counts, and the sums but for what waits on the device.
    host: exact::Sums,
    /// Clusters whose sums changed since centroids were made of them.
    changed: Vec<bool>,
    waiting: Option<Waiting>,
}

/// What the device has added.
struct Waiting {
    /// `[PLANES, k, d]`.
    words: Buffer,
    /// Which clusters it has added to.
    touched: Vec<bool>,
}

/// Which rows move where.
#[derive(Clone, Copy)]
pub(crate) struct Moves<'m> {
    pub from: Option<&'m [u32]>,
    pub to: &'m [u32],
    pub weights: Option<&'m [f32]>,
}

impl Moves<'_> {
    /// The weight of a row that moves, and the clusters, below `k`, that it leaves and joins.
    fn of(&self, row: usize, k: usize) -> Option<(f32, Option<u32>, Option<u32>)> {
        let (from, to) = (self.from.map(|from| from[row]), self.to[row]);
        let weight = self.weights.map_or(1.0, |weights| weights[row]);
        let inside = |label: &u32| (*label as usize) < k;
        // Widened: a host that reads subnormal numbers as 0 would lose rows.
        let moves = from != Some(to) && float::widen(weight) != 0.0;
        moves.then(|| (weight, from.filter(inside), Some(to).filter(inside)))
    }
}

impl GpuSums {
    pub(crate) fn new(k: usize, d: usize, weighted: bool) -> Result<Self> {
        let host = if weighted { exact::Sums::weighted(k, d)? } else { exact::Sums::new(k, d)? };
        Ok(Self { host, changed: try_vec(k, false)?, waiting: None })
    }

    pub(crate) fn host(&self) -> &exact::Sums {
        &self.host
    }

    /// See [`Backend::accumulate`](pauca::backend::Backend::accumulate); lengths were checked.
    pub(crate) fn accumulate(
        &mut self,
        gpu: &Gpu,
        block: &GpuBlock<'_>,
        moves: Moves<'_>,
        cx: &Context,
    ) -> Result<()> {
        let k = self.host.n_clusters();
        let plain = |w: &f32| *w == 0.0 || *w == 1.0;
        if !self.host.is_weighted() && !moves.weights.is_none_or(|weights| weights.iter().all(plain)) {
            return Err(Error::Mismatch { what: "weights, but sums without weights" });
        }
        if (0..moves.to.len()).all(|row| moves.of(row, k).is_none()) {
            return cx.control.check();
        }
        let runs = runs_of_launch(&gpu.limits(), block.dim());
        let fits = k.saturating_mul(PLANES * block.dim()) <= gpu.limits().words();
        let on_device = runs.filter(|_| fits && block.fits(gpu));
        let Some(runs) = on_device else {
            let all = (0..moves.to.len()).filter_map(|row| Some((row, moves.of(row, k)?)));
            return self.on_host(block, all, cx);
        };
        block.for_chunks(gpu, cx, |chunk| self.add_chunk(gpu, block, chunk, moves, runs, cx))
    }

    /// Adds the rows of a chunk, `runs` runs a launch.
    fn add_chunk(
        &mut self,
        gpu: &Gpu,
        block: &GpuBlock<'_>,
        chunk: &Chunk,
        moves: Moves<'_>,
        runs: usize,
        cx: &Context,
    ) -> Result<()> {
        let k = self.host.n_clusters();
        let (mut joined, mut left) = (try_vec(k, 0u64)?, try_vec(k, 0u64)?);
        let (mut sides, mut others) = (Vec::new(), Vec::new());
        for local in 0..chunk.rows.len() {
            let row = chunk.rows.start + local;
            let Some(of_row) = moves.of(row, k) else { continue };
            let (weight, from, to) = of_row;
            if weight != 1.0 || !chunk.is_ordinary(local) {
                try_grow(&mut others, 1)?;
                others.push((row, of_row));
                continue;
            }
            try_grow(&mut sides, 2)?;
            let row = local as u32;
            if let Some(cluster) = from {
                sides.push(Move { row, cluster, leaves: true });
                left[cluster as usize] += 1;
            }
            if let Some(cluster) = to {
                sides.push(Move { row, cluster, leaves: false });
                joined[cluster as usize] += 1;
            }
        }
        // Rows join before any leave, so that no count falls below 0 on the way.
        for cluster in 0..k {
            self.host.count_rows(cluster, joined[cluster], 0)?;
        }
        self.on_host(block, others.iter().copied(), cx)?;
        for cluster in 0..k {
            self.host.count_rows(cluster, 0, left[cluster])?;
            self.changed[cluster] |= joined[cluster] + left[cluster] > 0;
        }
        if sides.is_empty() {
            return Ok(());
        }
        let Runs { list, runs: all } = Runs::new(&sides, k)?;
        let (link, dim) = (gpu.link(), block.dim());
        let waiting = self.waiting(gpu, dim)?;
        sides.iter().for_each(|side| waiting.touched[side.cluster as usize] = true);
        let (list, all) = (link.upload(&list)?, link.upload(&all)?);
        for part in pieces(all.len() / 3, runs) {
            cx.control.check()?;
            let words = &waiting.words;
            launch::add_runs(link, &chunk.values, &list, &all, words, part.start, part.len(), dim)?;
        }
        Ok(())
    }

    /// The words on the device, zeros at first.
    fn waiting(&mut self, gpu: &Gpu, dim: usize) -> Result<&mut Waiting> {
        let waiting = match self.waiting.take() {
            Some(waiting) => waiting,
            None => {
                let (k, link) = (self.host.n_clusters(), gpu.link());
                let words = link.room(PLANES * k * dim)?;
                launch::fill(link, &words, 0)?;
                Waiting { words, touched: try_vec(k, false)? }
            }
        };
        Ok(self.waiting.insert(waiting))
    }

    /// Adds rows, with (row, (weight, from, to)), on the host.
    fn on_host(
        &mut self,
        block: &GpuBlock<'_>,
        moves: impl Iterator<Item = (usize, (f32, Option<u32>, Option<u32>))> + Clone,
        cx: &Context,
    ) -> Result<()> {
        let (rows, dim) = (block.cpu.rows(), block.dim());
        let (mut buffer, mut unit) = (try_vec(dim, 0.0f32)?, try_vec(dim, 0.0f32)?);
        for joins in [true, false] {
            for (row, (weight, from, to)) in moves.clone() {
                let Some(cluster) = (if joins { to } else { from }) else { continue };
                let mut values = rows.row(row, &mut buffer)?;
                if block.cpu.metric() == Metric::Cosine {
                    unit_row(values, dot64(values, values), &mut unit);
                    values = &unit;
                }
                let cluster = cluster as usize;
                self.changed[cluster] = true;
                match (joins, weight == 1.0) {
                    (true, true) => self.host.add_row(cluster, values)?,
                    (true, false) => self.host.add_weighted_row(cluster, values, weight)?,
                    (false, true) => self.host.remove_row(cluster, values)?,
                    (false, false) => self.host.remove_weighted_row(cluster, values, weight)?,
                }
            }
            cx.control.check()?;
        }
        Ok(())
    }

    /// Fetches what waits on the device.
    pub(crate) fn fetch(&mut self, gpu: &Gpu) -> Result<()> {
        if let Some(waiting) = self.waiting.take() {
            waiting.add_to(gpu, &mut self.host)?;
        }
        Ok(())
    }

    /// Adds the sums to others of the same shape.
    pub(crate) fn add_to(&self, gpu: &Gpu, sums: &mut exact::Sums) -> Result<()> {
        sums.merge(&self.host)?;
        self.waiting.as_ref().map_or(Ok(()), |waiting| waiting.add_to(gpu, sums))
    }

    /// Calls `f` on the sums and on the clusters that changed, which count as unchanged afterwards.
    pub(crate) fn for_changed(&mut self, f: impl FnOnce(&exact::Sums, &[bool]) -> Result<()>) -> Result<()> {
        f(&self.host, &self.changed)?;
        self.changed.fill(false);
        Ok(())
    }
}

impl Waiting {
    /// Adds the words to the sums; rows are counted already.
    fn add_to(&self, gpu: &Gpu, sums: &mut exact::Sums) -> Result<()> {
        let (k, dim, link) = (sums.n_clusters(), sums.dim(), gpu.link());
        let touched = try_collect(k, (0..k).filter(|cluster| self.touched[*cluster]))?;
        let m = touched.len();
        let words = if m == k {
            link.read::<u32>(&self.words)?
        } else {
            // Side by side: [PLANES, m, d].
            let rows = |plane| touched.iter().enumerate().map(move |(i, j)| [plane * k + j, plane * m + i]);
            let pairs = (0..PLANES).flat_map(rows).flatten().map(|row| row as u32);
            let some = link.room(PLANES * m * dim)?;
            copy_rows(gpu, &self.words, &try_collect(2 * PLANES * m, pairs)?, &some, dim)?;
            link.read::<u32>(&some)?
        };
        let mut units = try_vec(dim, 0i128)?;
        for (i, cluster) in touched.iter().enumerate() {
            for (column, unit) in units.iter_mut().enumerate() {
                let word = |plane: usize| u128::from(words[(plane * m + i) * dim + column]) << (32 * plane);
                *unit = (0..PLANES).fold(0u128, |all, plane| all | word(plane)) as i128;
            }
            sums.add_units(*cluster, &units)?;
        }
        Ok(())
    }
}
