//! The CPU backend: rows borrowed, tiles packed on the fly, work split over the executor.
//!
//! | part | what it does |
//! |---|---|
//! | `machine` | the kernels of one SIMD level |
//! | `block`, `targets` | the two sides of a search |
//! | `pack` | rows and targets in the coordinates of the kernel, with norm bounds |
//! | `sweep` | rows in tiles, swept over panels of targets |
//! | `question` | what a search asks, and what a tier answers |
//! | `ladder` | the driver of tiers, for every search |
//! | `basis` | leading dimensions |
//! | `codes` | rows and targets in 8-bit codes |
//! | `screen`, `narrow`, `wide` | the tiers: codes, the `f32` tile, the `f64` tile |
//! | `kept` | the targets that a screen has not excluded |
//! | `carry` | codes of rows that last from one assignment to the next |
//! | `nearest`, `earlier`, `above`, `ranks` | the questions of [`Backend`]'s searches |
//! | `accumulate` | exact sums |
//! | `products` | products of `f64` matrices, tier C, for [`layers`](crate::layers) |
//! | `dots` | all pairs of the states of one sample, for [`layers`](crate::layers) |

mod above;
mod accumulate;
mod basis;
mod block;
mod carry;
mod codes;
mod dots;
mod earlier;
mod kept;
mod ladder;
mod machine;
mod narrow;
mod nearest;
mod pack;
mod question;
mod ranks;
mod screen;
mod sweep;
mod targets;
mod wide;

use alloc::vec::Vec;

pub use self::accumulate::CpuSums;
use self::accumulate::{Moves, accumulate};
pub use self::block::{CpuBlock, CpuKept};
pub use self::carry::CpuCarry;
pub(crate) use self::dots::PairDots;
pub use self::machine::{Cpu, Screens};
use self::question::Search;
use self::targets::Before;
pub use self::targets::CpuTargets;
use super::{Above, Backend, Best, Copies, Levels, Pair, Pairs, Rank, Reassigned, SearchStats, Work};
use crate::check::{self, same_length};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::{self, Metric};
use crate::memory::{try_capacity, try_vec};
use crate::rows::{Rows, StoredRows};

/// The two sides of a search, which must agree in dimension and metric.
fn search<'s>(cpu: &'s Cpu, block: &'s CpuBlock<'_>, targets: &'s CpuTargets<'_>) -> Result<Search<'s>> {
    same_length("dimension of the targets", block.rows().dim(), targets.dim)?;
    if block.metric != targets.metric {
        return Err(Error::Conflict { first: "rows", second: "targets", why: "their metrics differ" });
    }
    Ok(Search { cpu, rows: block.rows(), squares: &block.squares, targets })
}

/// The two sides of an operation on pairs, which compares by cosine and numbers all targets.
fn pairing<'s>(cpu: &'s Cpu, later: &'s CpuBlock<'_>, earlier: &'s CpuTargets<'_>) -> Result<Search<'s>> {
    let search = search(cpu, later, earlier)?;
    let (first, second) = ("pairs of rows", "Euclidean rows");
    if later.metric != Metric::Cosine {
        return Err(Error::Conflict { first, second, why: "pairs are compared by cosine" });
    }
    if earlier.copies != Copies::Keep {
        return Err(Error::Conflict { first, second: "collapsed targets", why: "every target takes part" });
    }
    Ok(search)
}

impl Backend for Cpu {
    type Block<'a> = CpuBlock<'a>;
    type Targets<'t> = CpuTargets<'t>;
    type Sums = CpuSums;
    type Carry = CpuCarry;
    type Kept = CpuKept;

    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<CpuBlock<'a>> {
        CpuBlock::new(self, rows, metric, cx)
    }

    fn pack<'t>(&self, block: &'t CpuBlock<'_>, copies: Copies, cx: &Context) -> Result<CpuTargets<'t>> {
        CpuTargets::new(self, block, copies, Before::Nothing, cx)
    }

    fn pack_pairs<'t>(
        &self,
        block: &'t CpuBlock<'_>,
        pairs: u64,
        least: Option<f64>,
        cx: &Context,
    ) -> Result<CpuTargets<'t>> {
        CpuTargets::new(self, block, Copies::Keep, Before::Pairs { pairs, least }, cx)
    }

    fn targets(
        &self,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<CpuTargets<'static>> {
        self.pack(&self.load(rows, metric, cx)?, copies, cx)?.into_owned()
    }

    fn next_targets(
        &self,
        before: CpuTargets<'static>,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<CpuTargets<'static>> {
        let origin = before.origin.clone();
        drop(before);
        let block = self.load(rows, metric, cx)?;
        CpuTargets::new(self, &block, copies, Before::Targets(origin), cx)?.into_owned()
    }

    fn squares(&self, block: &CpuBlock<'_>, out: &mut [f64], cx: &Context) -> Result<()> {
        same_length("squares", block.rows().n_rows(), out.len())?;
        if block.metric == Metric::Cosine {
            out.copy_from_slice(&block.squares);
            return Ok(());
        }
        block.by_row(out, cx, |_, row| self.dots.dot(row, row))
    }

    fn nearest(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets<'_>,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = search(self, block, targets)?;
        same_length("labels", block.rows().n_rows(), out.len())?;
        before.map_or(Ok(()), |before| same_length("earlier labels", out.len(), before.len()))?;
        nearest::nearest(search, before, screen::RowsInCodes::default(), out, cx)
    }

    fn reassign(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets<'_>,
        weights: Option<&[f32]>,
        labels: &mut [u32],
        carry: &mut CpuCarry,
        sums: &mut CpuSums,
        cx: &Context,
    ) -> Result<Reassigned> {
        let (search, mut next) = (search(self, block, targets)?, try_vec(labels.len(), 0u32)?);
        same_length("labels", block.rows().n_rows(), labels.len())?;
        let codes = carry.codes(&search, &block.name, cx)?;
        let stats = nearest::nearest(search, Some(labels), codes, &mut next, cx)?;
        self.accumulate(block, Some(labels), &next, weights, sums, cx)?;
        let moved = labels.iter().zip(&next).filter(|(a, b)| a != b).count() as u64;
        labels.copy_from_slice(&next);
        Ok(Reassigned { moved, search: stats })
    }

    fn values(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets<'_>,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        let search = search(self, block, targets)?;
        let n = block.rows().n_rows();
        same_length("pairs", n, pair.len())?;
        same_length("values", n, out.len())?;
        check::labels(pair, targets.n())?;
        block.by_row(out, cx, |i, row| {
            if let Some(next) = pair.get(i + 1) {
                targets.ask_for(*next);
            }
            targets.distance(row, search.square(i), pair[i])
        })
    }

    fn sums(&self, k: usize, d: usize, weighted: bool, _: &Context) -> Result<CpuSums> {
        let sums = if weighted { exact::Sums::weighted(k, d)? } else { exact::Sums::new(k, d)? };
        Ok(CpuSums { sums, changed: try_vec(k, false)? })
    }

    fn accumulate(
        &self,
        block: &CpuBlock<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut CpuSums,
        cx: &Context,
    ) -> Result<()> {
        let CpuSums { sums, changed } = sums;
        accumulate(self, block, Moves { from, to, weights }, sums, |cluster| changed[cluster] = true, cx)
    }

    fn centroids(&self, sums: &mut CpuSums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()> {
        let CpuSums { sums, changed } = sums;
        let d = sums.dim();
        same_length("values of the centroids", sums.n_clusters() * d, out.len())?;
        let mut jobs = try_capacity(changed.iter().filter(|changed| **changed).count())?;
        let clusters = out.chunks_exact_mut(d).enumerate();
        jobs.extend(clusters.filter(|(cluster, _)| changed[*cluster]).map(Job::new));
        // A rounded quotient costs about as much as a hundred multiply-adds of the kernels.
        cx.in_waves(&mut jobs, 100 * d as u64, |(cluster, out)| match metric {
            Metric::SqEuclidean => {
                sums.mean_into(*cluster, out);
                Ok(())
            }
            Metric::Cosine => sums.direction_into(*cluster, out).map(drop),
        })?;
        changed.fill(false);
        Ok(())
    }

    fn counts(&self, sums: &CpuSums, out: &mut [u64], _: &Context) -> Result<()> {
        same_length("counts", sums.sums.n_clusters(), out.len())?;
        out.iter_mut().enumerate().for_each(|(cluster, out)| *out = sums.sums.rows(cluster));
        Ok(())
    }

    fn add_to(&self, sums: &CpuSums, host: &mut exact::Sums, _: &Context) -> Result<()> {
        host.merge(&sums.sums)
    }

    fn collect(&self, block: &CpuBlock<'_>, to: &[u32], host: &mut exact::Sums, cx: &Context) -> Result<()> {
        accumulate(self, block, Moves { from: None, to, weights: None }, host, |_| (), cx)
    }

    fn earlier_max(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets<'_>,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = pairing(self, later, earlier)?;
        same_length("best", later.rows().n_rows(), best.len())?;
        let codes = screen::AllCodes::new(&search, &later.name, cx)?;
        earlier::earlier_max(search, codes.rows(), pairs, first, best, cx)
    }

    fn pairs_above(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets<'_>,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = pairing(self, later, earlier)?;
        if let super::Threshold::Each(values) = above.threshold {
            same_length("thresholds", later.rows().n_rows(), values.len())?;
        }
        let codes = screen::AllCodes::new(&search, &later.name, cx)?;
        above::pairs_above(search, codes.rows(), pairs, above, out, cx)
    }

    fn ranks(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets<'_>,
        levels: Levels<'_>,
        ranks: &mut [Rank],
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = pairing(self, block, targets)?;
        let codes = screen::AllCodes::new(&search, &block.name, cx)?;
        ranks::ranks(search, codes.rows(), levels, ranks, cx)
    }

    /// Packing costs as much as some hundred pairs a row, so blocks of pairs are large where rows are short. A block of 16 Mi
    /// values is gathered (64 MiB; 32 MiB of f16, and 64 MiB of them widened) and coded (some 35 MiB for thresholds, where leading dimensions serve, 120 for maxima). A second
    /// block is gathered while it meets the first.
    fn rows_at_once(&self, dim: usize, work: Work) -> usize {
        match work {
            Work::Pass => usize::MAX,
            Work::Pairs => ((16 << 20) / dim.max(1)).clamp(1024, 32_768),
            Work::ListedPairs => 1024,
        }
    }

    fn keep(&self, block: &CpuBlock<'_>, held: usize, _: &Context) -> Result<Option<CpuKept>> {
        let rows = held.saturating_add(block.rows().n_rows());
        let fits = StoredRows::bytes(&block.rows(), rows) <= self.keep_bytes;
        fits.then(|| block.copy()).transpose()
    }

    fn kept<'k>(&self, kept: &'k CpuKept) -> CpuBlock<'k> {
        kept.block()
    }
}
