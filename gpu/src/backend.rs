//! The seam, on a device.

use pauca::backend::{
    Above, Backend, Best, Copies, Job, Levels, Pair, Pairs, Products, Rank, SearchStats, Threshold,
};
use pauca::exact::{self, Metric, dot64};
use pauca::{Context, Cpu, Error, Result, Rows};

use crate::device::Gpu;
use crate::memory::{try_capacity, try_vec};
use crate::nearest;
use crate::pairs::{self, Both};
use crate::rows::{GpuBlock, GpuKept};
use crate::sums::{GpuSums, Moves};
use crate::targets::GpuTargets;

fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::ShapeMismatch { what, expected, found }) }
}

/// Both sides agree in dimension and metric.
fn check_sides(block: &GpuBlock<'_>, targets: &GpuTargets) -> Result<()> {
    same_length("dimension of the targets", block.dim(), targets.dim)?;
    if block.cpu.metric() != targets.metric {
        return Err(Error::Conflict { first: "rows", second: "targets", why: "their metrics differ" });
    }
    Ok(())
}

/// The two sides of an operation on pairs, which compares by cosine and numbers all targets.
fn both<'s, 'b>(
    gpu: &'s Gpu,
    block: &'s GpuBlock<'b>,
    targets: &'s GpuTargets,
    pairs: Pairs<'s>,
) -> Result<Both<'s, 'b>> {
    check_sides(block, targets)?;
    let (first, limit) = ("pairs of rows", u32::MAX as usize);
    if targets.metric != Metric::Cosine {
        return Err(Error::Conflict { first, second: "Euclidean rows", why: "pairs are compared by cosine" });
    }
    if targets.copies != Copies::Keep {
        return Err(Error::Conflict { first, second: "collapsed targets", why: "every target takes part" });
    }
    if block.n() > limit {
        return Err(Error::TooLarge { what: "later rows", size: block.n(), limit });
    }
    pairs.check(block.n(), targets.n())?;
    Ok(Both { gpu, block, targets, pairs })
}

impl Gpu {
    /// `out[i] = f(i, row i)` on the host.
    fn by_row(
        block: &GpuBlock<'_>,
        out: &mut [f64],
        cx: &Context,
        f: impl Fn(usize, &[f32]) -> f64 + Sync + Send,
    ) -> Result<()> {
        let (rows, dim) = (block.cpu.rows(), block.dim());
        let step = (64 * 1024 / dim.max(1)).max(1);
        let mut jobs = try_capacity(out.len().div_ceil(step))?;
        jobs.extend(out.chunks_mut(step).enumerate().map(|(i, out)| Job::new((i * step, out))));
        cx.in_waves(&mut jobs, (8 * step * dim) as u64, |(first, out)| {
            let mut buffer = try_vec(dim, 0.0f32)?;
            for (i, out) in out.iter_mut().enumerate() {
                *out = f(*first + i, rows.row(*first + i, &mut buffer)?);
            }
            Ok(())
        })
    }
}

impl Backend for Gpu {
    type Block<'a> = GpuBlock<'a>;
    type Targets<'t> = GpuTargets;
    type Sums = GpuSums;
    type Carry = ();
    type Kept = GpuKept;

    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<GpuBlock<'a>> {
        Ok(GpuBlock { cpu: self.host().load(rows, metric, cx)?, store: Default::default() })
    }

    fn pack(&self, block: &GpuBlock<'_>, copies: Copies, cx: &Context) -> Result<GpuTargets> {
        GpuTargets::new(block, copies, None, cx)
    }

    fn targets(&self, rows: Rows<'_>, metric: Metric, copies: Copies, cx: &Context) -> Result<GpuTargets> {
        self.pack(&self.load(rows, metric, cx)?, copies, cx)
    }

    fn next_targets(
        &self,
        before: GpuTargets,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<GpuTargets> {
        let frame =
            before.frame().filter(|frame| metric == before.metric && frame.center.len() == rows.dim());
        drop(before);
        GpuTargets::new(&self.load(rows, metric, cx)?, copies, frame, cx)
    }

    fn gathers(&self) -> bool {
        true
    }

    fn gather<'a>(
        &self,
        block: &Self::Block<'a>,
        rows: &[u32],
        cx: &Context,
    ) -> Result<Option<Self::Block<'a>>> {
        cx.control.check()?;
        let (cpu, store) = (block.cpu.gather(rows)?, block.store.gathered(rows)?);
        Ok(Some(GpuBlock { cpu, store: store.into() }))
    }

    fn squares(&self, block: &GpuBlock<'_>, out: &mut [f64], cx: &Context) -> Result<()> {
        self.host().squares(&block.cpu, out, cx)
    }

    fn nearest(
        &self,
        block: &GpuBlock<'_>,
        targets: &GpuTargets,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        check_sides(block, targets)?;
        same_length("labels", block.n(), out.len())?;
        same_length("earlier labels", out.len(), before.map_or(out.len(), <[u32]>::len))?;
        nearest::nearest(self, block, targets, out, cx)
    }

    fn values(
        &self,
        block: &GpuBlock<'_>,
        targets: &GpuTargets,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        check_sides(block, targets)?;
        let (n, k, cosine) = (block.n(), targets.n(), targets.metric == Metric::Cosine);
        same_length("pairs", n, pair.len())?;
        same_length("values", n, out.len())?;
        if let Some(row) = pair.iter().position(|target| *target as usize >= k) {
            return Err(Error::LabelOutOfRange { row, label: pair[row], k });
        }
        Self::by_row(block, out, cx, |i, row| {
            let square = if cosine { dot64(row, row) } else { 0.0 };
            targets.distance(row, square, pair[i] as usize)
        })
    }

    fn sums(&self, k: usize, d: usize, weighted: bool, _: &Context) -> Result<GpuSums> {
        GpuSums::new(k, d, weighted)
    }

    fn accumulate(
        &self,
        block: &GpuBlock<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut GpuSums,
        cx: &Context,
    ) -> Result<()> {
        let n = block.n();
        same_length("values in a row of the sums", sums.host().dim(), block.dim())?;
        same_length("labels", n, to.len())?;
        same_length("earlier labels", n, from.map_or(n, <[u32]>::len))?;
        same_length("weights", n, weights.map_or(n, <[f32]>::len))?;
        sums.accumulate(self, block, Moves { from, to, weights }, cx)
    }

    fn centroids(&self, sums: &mut GpuSums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()> {
        let (k, d) = (sums.host().n_clusters(), sums.host().dim());
        same_length("values of the centroids", k.saturating_mul(d), out.len())?;
        sums.fetch(self)?;
        sums.for_changed(|sums, changed| {
            let mut jobs = try_capacity(changed.iter().filter(|changed| **changed).count())?;
            let clusters = out.chunks_exact_mut(d).enumerate();
            jobs.extend(clusters.filter(|(cluster, _)| changed[*cluster]).map(Job::new));
            // A rounded quotient costs about a hundred multiply-adds.
            cx.in_waves(&mut jobs, 100 * d as u64, |(cluster, out)| match metric {
                Metric::SqEuclidean => {
                    sums.mean_into(*cluster, out);
                    Ok(())
                }
                Metric::Cosine => sums.direction_into(*cluster, out).map(drop),
            })
        })
    }

    fn counts(&self, sums: &GpuSums, out: &mut [u64], _: &Context) -> Result<()> {
        same_length("counts", sums.host().n_clusters(), out.len())?;
        out.iter_mut().enumerate().for_each(|(cluster, out)| *out = sums.host().rows(cluster));
        Ok(())
    }

    fn add_to(&self, sums: &GpuSums, host: &mut exact::Sums, _: &Context) -> Result<()> {
        sums.add_to(self, host)
    }

    fn earlier_max(
        &self,
        later: &GpuBlock<'_>,
        earlier: &GpuTargets,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        let both = both(self, later, earlier, pairs)?;
        same_length("best", later.n(), best.len())?;
        pairs::earlier_max(&both, first, best, cx)
    }

    fn pairs_above(
        &self,
        later: &GpuBlock<'_>,
        earlier: &GpuTargets,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        let both = both(self, later, earlier, pairs)?;
        if let Threshold::Each(values) = above.threshold {
            same_length("thresholds", later.n(), values.len())?;
        }
        pairs::pairs_above(&both, above, out, cx)
    }

    fn ranks(
        &self,
        block: &GpuBlock<'_>,
        targets: &GpuTargets,
        levels: Levels<'_>,
        ranks: &mut [Rank],
        cx: &Context,
    ) -> Result<SearchStats> {
        both(self, block, targets, Pairs::Across)?;
        let cpu = targets.on_cpu(self, cx)?;
        self.host().ranks(&block.cpu, &cpu, levels, ranks, cx)
    }

    fn keep(&self, block: &GpuBlock<'_>, held: usize, cx: &Context) -> Result<Option<GpuKept>> {
        let cpu = self.host().keep(&block.cpu, held, cx)?;
        Ok(cpu.map(|cpu| GpuKept { cpu, store: block.store.clone() }))
    }

    fn kept<'k>(&self, kept: &'k GpuKept) -> GpuBlock<'k> {
        GpuBlock { cpu: self.host().kept(&kept.cpu), store: kept.store.clone() }
    }
}

impl Products for Gpu {
    fn host(&self) -> Result<Cpu> {
        Ok(*Gpu::host(self))
    }
}
