//! A second backend, written from the documentation of [`Backend`] alone: the definitions in plain
//! loops, without proposals and certificates. It shares no code with the CPU's, and what the two
//! answer must be equal to the bit.
//!
//! It also takes the paths that the CPU leaves: it gathers, keeps copies of the first rows of a
//! source, asks for few rows at once, and leaves the centroids of untouched clusters as they are.
//! The operations that have a body in the trait keep it.

use std::borrow::Cow;

use pauca::backend::{Above, Backend, Best, Copies, Job, Pair, Pairs, SearchStats, Threshold, Work};
use pauca::exact::{self, Metric, cosine_from, dot64, float, squared_distance, unit_row};
use pauca::{Context, Error, Result, Rows};

/// Rows of one source that are kept at most.
pub const KEPT_ROWS: usize = 100;

/// The plain backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

/// Rows side by side as `f32`, with their dot(x, x).
#[derive(Clone, Debug)]
pub struct Block<'a> {
    values: Cow<'a, [f32]>,
    squares: Cow<'a, [f64]>,
    dim: usize,
    metric: Metric,
}

/// Rows to be searched for. Collapsed targets lose every tie, so nothing has to be taken out.
#[derive(Debug)]
pub struct Targets {
    rows: Block<'static>,
    copies: Copies,
}

/// Sums of clusters, and which of them changed since the centroids were made.
pub struct Totals {
    sums: exact::Sums,
    changed: Vec<bool>,
}

impl Block<'_> {
    fn len(&self) -> usize {
        self.squares.len()
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..][..self.dim]
    }

    fn cosine(&self, i: usize, other: &Self, j: usize) -> f64 {
        cosine_from(dot64(self.row(i), other.row(j)), self.squares[i], other.squares[j])
    }

    fn distance(&self, i: usize, other: &Self, j: usize) -> f64 {
        match self.metric {
            Metric::SqEuclidean => squared_distance(self.row(i), other.row(j)),
            Metric::Cosine => 1.0 - self.cosine(i, other, j),
        }
    }

    fn copy(&self) -> Block<'static> {
        let (values, squares) = (self.values.to_vec().into(), self.squares.to_vec().into());
        Block { values, squares, dim: self.dim, metric: self.metric }
    }
}

fn equal(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::ShapeMismatch { what, expected, found }) }
}

fn fits_u32(what: &'static str, size: usize) -> Result<()> {
    let limit = u32::MAX as usize;
    if size <= limit { Ok(()) } else { Err(Error::TooLarge { what, size, limit }) }
}

/// Both sides have the same shape of rows and the same metric.
fn check_sides(block: &Block, targets: &Targets) -> Result<()> {
    equal("values in a target", block.dim, targets.rows.dim)?;
    if block.metric != targets.rows.metric {
        let why = "both sides are compared by one metric";
        return Err(Error::Conflict { first: "metric of the block", second: "metric of the targets", why });
    }
    Ok(())
}

/// Whether a pair operation can serve these arguments.
fn check_pairs(later: &Block, earlier: &Targets, pairs: Pairs) -> Result<()> {
    check_sides(later, earlier)?;
    let conflict = |second, why| Error::Conflict { first: "pairs", second, why };
    if later.metric != Metric::Cosine {
        return Err(conflict("squared Euclidean rows", "pairs are compared by cosine"));
    }
    if earlier.copies != Copies::Keep {
        return Err(conflict("collapsed targets", "every target takes part in pairs"));
    }
    fits_u32("later rows", later.len())?;
    pairs.check(later.len(), earlier.rows.len())
}

/// Calls `f` for each row and its output, on the caller's threads.
fn for_rows<T: Send>(
    out: &mut [T],
    targets: &Targets,
    cx: &Context,
    f: impl Fn(usize, &mut T) + Sync + Send,
) -> Result<()> {
    let mut jobs: Vec<_> = out.iter_mut().enumerate().map(Job::new).collect();
    cx.in_waves(&mut jobs, targets.rows.values.len() as u64, |(i, out)| {
        f(*i, out);
        Ok(())
    })
}

/// All `rows` rows were settled by the definition.
fn by_definition(rows: usize) -> SearchStats {
    let mut stats = SearchStats::default();
    (stats.rows, stats.truth) = (rows as u64, rows as u64);
    stats
}

impl Backend for Plain {
    type Block<'a> = Block<'a>;
    type Targets<'t> = Targets;
    type Sums = Totals;
    type Carry = ();
    type Kept = Block<'static>;

    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, _: &Context) -> Result<Block<'a>> {
        let (n, dim) = (rows.n_rows(), rows.dim());
        let (mut values, mut squares) = (Vec::with_capacity(n * dim), Vec::with_capacity(n));
        let mut buffer = vec![0.0; dim];
        for i in 0..n {
            let row = rows.row(i, &mut buffer)?;
            if let Some(col) = row.iter().position(|value| !value.is_finite()) {
                return Err(Error::NonFinite { what: "x", row: i as u64, col });
            }
            values.extend_from_slice(row);
            squares.push(dot64(row, row));
        }
        Ok(Block { values: values.into(), squares: squares.into(), dim, metric })
    }

    fn pack(&self, block: &Block<'_>, copies: Copies, _: &Context) -> Result<Targets> {
        fits_u32("targets", block.len())?;
        Ok(Targets { rows: block.copy(), copies })
    }

    fn targets(&self, rows: Rows<'_>, metric: Metric, copies: Copies, cx: &Context) -> Result<Targets> {
        self.pack(&self.load(rows, metric, cx)?, copies, cx)
    }

    fn squares(&self, block: &Block<'_>, out: &mut [f64], _: &Context) -> Result<()> {
        equal("squares", block.len(), out.len())?;
        out.copy_from_slice(&block.squares);
        Ok(())
    }

    fn gathers(&self) -> bool {
        true
    }

    fn gather<'a>(
        &self,
        block: &Self::Block<'a>,
        rows: &[u32],
        _: &Context,
    ) -> Result<Option<Self::Block<'a>>> {
        let (mut values, mut squares) = (Vec::new(), Vec::new());
        for &row in rows {
            let i = row as usize;
            let square = block.squares.get(i).ok_or(Error::ShapeMismatch {
                what: "gathered row",
                expected: block.len(),
                found: i,
            })?;
            values.extend_from_slice(block.row(i));
            squares.push(*square);
        }
        Ok(Some(Block { values: values.into(), squares: squares.into(), ..*block }))
    }

    fn nearest(
        &self,
        block: &Block<'_>,
        targets: &Targets,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        check_sides(block, targets)?;
        equal("labels", block.len(), out.len())?;
        equal("labels before", block.len(), before.map_or(block.len(), <[u32]>::len))?;
        if targets.rows.len() == 0 {
            return Err(Error::Empty { what: "targets" });
        }
        // Not by 1 - cosine, whose rounding makes ties that cosines do not have.
        let score = |i, j| match block.metric {
            Metric::SqEuclidean => block.distance(i, &targets.rows, j),
            Metric::Cosine => -block.cosine(i, &targets.rows, j),
        };
        for_rows(out, targets, cx, |i, label| {
            let mut smallest = f64::INFINITY;
            for j in 0..targets.rows.len() {
                let score = score(i, j);
                if score < smallest {
                    (smallest, *label) = (score, j as u32);
                }
            }
        })?;
        Ok(by_definition(block.len()))
    }

    fn values(
        &self,
        block: &Block<'_>,
        targets: &Targets,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        check_sides(block, targets)?;
        equal("pairs", block.len(), pair.len())?;
        equal("distances", block.len(), out.len())?;
        let k = targets.rows.len();
        if let Some(row) = pair.iter().position(|&target| target as usize >= k) {
            return Err(Error::LabelOutOfRange { row, label: pair[row], k });
        }
        for_rows(out, targets, cx, |i, distance| {
            *distance = block.distance(i, &targets.rows, pair[i] as usize);
        })
    }

    fn sums(&self, k: usize, d: usize, weighted: bool, _: &Context) -> Result<Totals> {
        let sums = if weighted { exact::Sums::weighted(k, d)? } else { exact::Sums::new(k, d)? };
        Ok(Totals { sums, changed: vec![true; k] })
    }

    fn accumulate(
        &self,
        block: &Block<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        Totals { sums, changed }: &mut Totals,
        cx: &Context,
    ) -> Result<()> {
        let b = block.len();
        equal("values in a row of the sums", sums.dim(), block.dim)?;
        equal("labels", b, to.len())?;
        equal("labels before", b, from.map_or(b, <[u32]>::len))?;
        equal("weights", b, weights.map_or(b, <[f32]>::len))?;
        if !sums.is_weighted() && weights.is_some_and(|all| all.iter().any(|&w| w != 0.0 && w != 1.0)) {
            return Err(Error::Mismatch { what: "weights, but sums without weights" });
        }
        let mut unit = vec![0.0; block.dim];
        for i in 0..b {
            let weight = weights.map_or(1.0, |weights| weights[i]);
            let from = from.map(|from| from[i]);
            // Widened, because a host that reads subnormals as zeros would lose rows.
            if from == Some(to[i]) || float::widen(weight) == 0.0 {
                continue;
            }
            let mut row = block.row(i);
            if block.metric == Metric::Cosine {
                unit_row(row, block.squares[i], &mut unit);
                row = &unit;
            }
            let cluster = |label: u32| Some(label as usize).filter(|&cluster| cluster < changed.len());
            let (from, to) = (from.and_then(cluster), cluster(to[i]));
            match (from, weight == 1.0) {
                (Some(cluster), true) => sums.remove_row(cluster, row)?,
                (Some(cluster), false) => sums.remove_weighted_row(cluster, row, weight)?,
                (None, _) => {}
            }
            match (to, weight == 1.0) {
                (Some(cluster), true) => sums.add_row(cluster, row)?,
                (Some(cluster), false) => sums.add_weighted_row(cluster, row, weight)?,
                (None, _) => {}
            }
            from.into_iter().chain(to).for_each(|cluster| changed[cluster] = true);
        }
        cx.control.check()
    }

    fn centroids(
        &self,
        Totals { sums, changed }: &mut Totals,
        metric: Metric,
        out: &mut [f32],
        _: &Context,
    ) -> Result<()> {
        equal("centroids", sums.n_clusters() * sums.dim(), out.len())?;
        for (cluster, out) in out.chunks_exact_mut(sums.dim()).enumerate() {
            if !std::mem::take(&mut changed[cluster]) {
                continue;
            }
            // Where there is none, nothing is written.
            let _ = match metric {
                Metric::SqEuclidean => sums.mean_into(cluster, out),
                Metric::Cosine => sums.direction_into(cluster, out)?,
            };
        }
        Ok(())
    }

    fn counts(&self, Totals { sums, .. }: &Totals, out: &mut [u64], _: &Context) -> Result<()> {
        equal("counts", sums.n_clusters(), out.len())?;
        (0..).zip(out).for_each(|(cluster, count)| *count = sums.rows(cluster));
        Ok(())
    }

    fn add_to(&self, sums: &Totals, host: &mut exact::Sums, _: &Context) -> Result<()> {
        host.merge(&sums.sums)
    }

    fn earlier_max(
        &self,
        later: &Block<'_>,
        earlier: &Targets,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        check_pairs(later, earlier, pairs)?;
        equal("best", later.len(), best.len())?;
        for_rows(best, earlier, cx, |i, best| {
            for j in pairs.earlier_of(i, earlier.rows.len()) {
                let similarity = later.cosine(i, &earlier.rows, j);
                if similarity > best.similarity {
                    *best = Best { similarity, row: first.wrapping_add(j as u64) };
                }
            }
        })?;
        Ok(by_definition(later.len()))
    }

    fn pairs_above(
        &self,
        later: &Block<'_>,
        earlier: &Targets,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        check_pairs(later, earlier, pairs)?;
        if let Threshold::Each(thresholds) = above.threshold {
            equal("thresholds", later.len(), thresholds.len())?;
        }
        let mut of_rows = vec![Vec::new(); later.len()];
        for_rows(&mut of_rows, earlier, cx, |i, out| {
            let passing = pairs.earlier_of(i, earlier.rows.len()).filter_map(|j| {
                let similarity = later.cosine(i, &earlier.rows, j);
                let passes = above.boundary.passes(similarity, above.threshold.of(i));
                passes.then_some(Pair { later: i as u32, earlier: j as u32, similarity })
            });
            out.extend(passing.take(if above.first_only { 1 } else { usize::MAX }));
        })?;
        out.extend(of_rows.into_iter().flatten());
        Ok(by_definition(later.len()))
    }

    fn rows_at_once(&self, _dim: usize, work: Work) -> usize {
        match work {
            Work::Pass => 7,
            Work::Pairs => 5,
            _ => 3,
        }
    }

    fn keep(&self, block: &Block<'_>, held: usize, _: &Context) -> Result<Option<Block<'static>>> {
        Ok((held + block.len() <= KEPT_ROWS).then(|| block.copy()))
    }

    fn kept<'k>(&self, kept: &'k Block<'static>) -> Block<'k> {
        let (values, squares) = (Cow::Borrowed(&*kept.values), Cow::Borrowed(&*kept.squares));
        Block { values, squares, dim: kept.dim, metric: kept.metric }
    }
}
