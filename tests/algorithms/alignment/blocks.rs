//! The losses over blocks of the logits, as ranks compute them: the machinery of distributed*.rs.

use core::ops::Range;

use ndarray::{Array2, s};
use pauca::Result;
use pauca::alignment::{InfoNce, InfoNceTotals, LossGradients, Matches, Real, SoftmaxRows, Targets};
use pauca_tests::data::Rng;

/// Targets of the whole that can be cut.
pub enum Whole<T> {
    Groups([Vec<u64>; 2]),
    Pairs(Vec<[u32; 2]>),
    Soft(Array2<T>),
}

/// Targets of a block, in its own row numbers.
pub enum Cut<'a, T> {
    Groups(&'a [u64], &'a [u64]),
    Pairs(Vec<[u32; 2]>),
    Soft(ndarray::ArrayView2<'a, T>),
}

impl<T: Real> Whole<T> {
    /// The global diagonal: groups whose ids are the global row numbers.
    pub fn diagonal(n: usize, m: usize) -> Self {
        Self::Groups([(0..n as u64).collect(), (0..m as u64).collect()])
    }

    pub fn cut(&self, rows: &Range<usize>, cols: &Range<usize>) -> Cut<'_, T> {
        match self {
            Self::Groups([x, y]) => Cut::Groups(&x[rows.clone()], &y[cols.clone()]),
            Self::Pairs(pairs) => {
                let inside = pairs
                    .iter()
                    .filter(|[i, j]| rows.contains(&(*i as usize)) && cols.contains(&(*j as usize)));
                let shifted = inside.map(|[i, j]| [i - rows.start as u32, j - cols.start as u32]);
                Cut::Pairs(shifted.collect())
            }
            Self::Soft(soft) => Cut::Soft(soft.slice(s![rows.clone(), cols.clone()])),
        }
    }

    /// The weight of every pair.
    pub fn weights(&self, n: usize, m: usize) -> Vec<Vec<f64>> {
        let weight = |i: usize, j: usize| match self {
            Self::Groups([x, y]) => f64::from(x[i] == y[j]),
            Self::Pairs(pairs) => f64::from(pairs.contains(&[i as u32, j as u32])),
            Self::Soft(soft) => soft[[i, j]].to_f64(),
        };
        (0..n).map(|i| (0..m).map(|j| weight(i, j)).collect()).collect()
    }
}

impl<T: Real> Cut<'_, T> {
    pub fn targets(&self) -> Targets<'_, T> {
        match self {
            Self::Groups(x, y) => Matches::Groups { x, y }.into(),
            Self::Pairs(pairs) => Matches::Pairs(pairs).into(),
            Self::Soft(soft) => soft.view().into(),
        }
    }
}

/// Rows on ranks: `x_cuts` and `y_cuts` are where the ranges end.
pub struct Ranks<'a, T> {
    pub x: &'a Array2<T>,
    pub y: &'a Array2<T>,
    pub scale: f64,
    pub targets: &'a Whole<T>,
    pub x_ranges: Vec<Range<usize>>,
    pub y_ranges: Vec<Range<usize>>,
}

/// Ranges that end at `ends`.
pub fn ranges(ends: &[usize]) -> Vec<Range<usize>> {
    let starts = core::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| start..*end).collect()
}

/// What all ranks know in the end.
pub struct Complete {
    pub rows: Vec<SoftmaxRows>,
    pub columns: Vec<SoftmaxRows>,
    pub totals: InfoNceTotals,
}

impl<T: Real> Ranks<'_, T> {
    /// All blocks, in random order.
    fn order(&self, rng: &mut Rng) -> Vec<(usize, usize)> {
        let wide = self.y_ranges.len();
        let order = rng.permutation(self.x_ranges.len() * wide);
        order.into_iter().map(|k| (k / wide, k % wide)).collect()
    }

    /// Passes 1 and 2: merged in random order, everything sent as bytes.
    pub fn complete(&self, loss: &InfoNce, rng: &mut Rng) -> Result<Complete> {
        let new = |ranges: &[Range<usize>]| -> Result<Vec<SoftmaxRows>> {
            ranges.iter().map(|range| SoftmaxRows::new(range.len())).collect()
        };
        let (mut rows, mut columns) = (new(&self.x_ranges)?, new(&self.y_ranges)?);
        for (a, b) in self.order(rng) {
            let (r, c) = (&self.x_ranges[a], &self.y_ranges[b]);
            let cut = self.targets.cut(r, c);
            let (x, y) = (self.x.slice(s![r.clone(), ..]), self.y.slice(s![c.clone(), ..]));
            let found = loss.block_statistics(x, y, self.scale, cut.targets())?;
            rows[a].merge(&SoftmaxRows::from_bytes(&found.rows.to_bytes()?)?)?;
            columns[b].merge(&SoftmaxRows::from_bytes(&found.columns.to_bytes()?)?)?;
        }
        let none = SoftmaxRows::new(0)?;
        let mut parts = Vec::new();
        for k in 0..rows.len().max(columns.len()) {
            parts.push(loss.totals(rows.get(k).unwrap_or(&none), columns.get(k).unwrap_or(&none))?);
        }
        let order = rng.permutation(parts.len());
        let mut totals = InfoNceTotals::from_bytes(&parts[order[0]].to_bytes()?)?;
        for k in &order[1..] {
            totals.merge(&InfoNceTotals::from_bytes(&parts[*k].to_bytes()?)?)?;
        }
        Ok(Complete { rows, columns, totals })
    }

    /// Pass 3: gradients of the blocks, handed to `each`, and their sums.
    pub fn gradients(
        &self,
        complete: &Complete,
        rng: &mut Rng,
        mut each: impl FnMut(&Range<usize>, &Range<usize>, &LossGradients<T>),
    ) -> Result<LossGradients<f64>> {
        let (x, y) = (Array2::zeros(self.x.dim()), Array2::zeros(self.y.dim()));
        let mut sum = LossGradients { value: complete.totals.value()?, x, y, log_scale: 0.0, bias: 0.0 };
        for (a, b) in self.order(rng) {
            let (r, c) = (&self.x_ranges[a], &self.y_ranges[b]);
            let cut = self.targets.cut(r, c);
            let (x, y) = (self.x.slice(s![r.clone(), ..]), self.y.slice(s![c.clone(), ..]));
            let both = (&complete.rows[a], &complete.columns[b]);
            let found = complete.totals.block_gradients(x, y, cut.targets(), both)?;
            each(r, c, &found);
            assert_eq!(found.value.to_bits(), sum.value.to_bits(), "the value is that of the whole");
            add(&mut sum, r, c, &found);
        }
        Ok(sum)
    }
}

/// Adds the gradients of a block to those of the whole (the value apart).
pub fn add<T: Real>(
    sum: &mut LossGradients<f64>,
    r: &Range<usize>,
    c: &Range<usize>,
    found: &LossGradients<T>,
) {
    let mut x = sum.x.slice_mut(s![r.clone(), ..]);
    x.zip_mut_with(&found.x, |sum, part| *sum += part.to_f64());
    let mut y = sum.y.slice_mut(s![c.clone(), ..]);
    y.zip_mut_with(&found.y, |sum, part| *sum += part.to_f64());
    sum.log_scale += found.log_scale;
    sum.bias += found.bias;
}

/// Ends of `parts` ranges of 0..n, none empty.
pub fn random_ends(n: usize, parts: usize, rng: &mut Rng) -> Vec<usize> {
    let mut ends = rng.permutation(n - 1);
    ends.truncate(parts - 1);
    ends.iter_mut().for_each(|end| *end += 1);
    ends.push(n);
    ends.sort_unstable();
    ends
}
