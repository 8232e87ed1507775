//! Predictors that see the last k latents: linear, low-rank, and one hidden layer.
//!
//! The rows x_t = [z_{t-1} | z_{t-2} | ... | z_{t-k}] of all steps form one matrix, so that each
//! map is one product. Latents before the first are zero or learned.

use ndarray::{Array2, ArrayView2};

use super::batch::sequences;
use super::layout::{Fill, Layout, Pass, Sink, views_mut};
use super::maps::{affine, affine_backward, gelu};
use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::params::{choices, setters};
use crate::products::add_product;
use crate::real::Real;

/// What stands before the first latent of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Start {
    /// Zeros.
    #[default]
    Zero,
    /// k learned latents, one for each place before the first.
    Learned,
}

choices!(Start: Zero, Learned);

/// A predictor of the last `lags` latents: parameters.
///
/// | | prediction | blocks |
/// |---|---|---|
/// | [`linear`](Self::linear) | x W + b | W [k d, d'], b |
/// | [`low_rank`](Self::low_rank) | x U V + b | U [k d, r], V [r, d'], b |
/// | [`mlp`](Self::mlp) | gelu(x U + c) V + b | U [k d, h], c, V [h, d'], b |
///
/// with x_t = [z_{t-1} | ... | z_{t-k}] a row; rows (j - 1) d .. j d of W are the transpose of the
/// W_j of AR(k). With [`Start::Learned`] a block S [k, d] comes first: row m - 1 stands for the latent
/// m steps before the first. At the start W, V, b, c and S are 0, U is uniform with variance
/// 1 / (k d): the first prediction is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub(super) lags: usize,
    pub(super) middle: Middle,
    pub(super) start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Middle {
    None,
    Linear(usize),
    Gelu(usize),
}

impl Window {
    /// AR(k) with k = `lags`.
    pub fn linear(lags: usize) -> Self {
        Self { lags, middle: Middle::None, start: Start::Zero }
    }

    /// AR(k) whose matrix has rank `rank` at most.
    pub fn low_rank(lags: usize, rank: usize) -> Self {
        Self { lags, middle: Middle::Linear(rank), start: Start::Zero }
    }

    /// One hidden layer of `hidden` units.
    pub fn mlp(lags: usize, hidden: usize) -> Self {
        Self { lags, middle: Middle::Gelu(hidden), start: Start::Zero }
    }

    setters! {
        /// What stands before the first latent.
        start: Start;
    }

    /// How many latents the predictor sees.
    pub fn lags(&self) -> usize {
        self.lags
    }

    pub(super) fn layout(&self, inputs: usize, outputs: usize) -> Result<Layout> {
        let hidden = match self.middle {
            Middle::None => 1,
            Middle::Linear(h) | Middle::Gelu(h) => h,
        };
        check::at_least_one("lags", self.lags)?;
        check::at_least_one("rank or hidden", hidden)?;
        let seen = check::product("lags", self.lags, inputs)?;
        let mut layout = Layout::new();
        if self.start == Start::Learned {
            layout.block("S", self.lags, inputs, Fill::Zeros)?;
        }
        let mut last = ("W", seen);
        if self.middle != Middle::None {
            layout.block("U", seen, hidden, Fill::Uniform { inputs: seen })?;
            last = ("V", hidden);
        }
        if let Middle::Gelu(_) = self.middle {
            layout.block("c", 1, hidden, Fill::Zeros)?;
        }
        layout.block(last.0, last.1, outputs, Fill::Zeros)?;
        layout.block("b", 1, outputs, Fill::Zeros)?;
        Ok(layout)
    }

    /// Predictions for every row of the sequences that end at `ends`.
    pub(super) fn forward<T: Real>(
        &self,
        pass: &Pass<'_, T>,
        x: &ArrayView2<'_, T>,
    ) -> Result<(Array2<T>, Saved<T>)> {
        let p = pass.weights()?;
        let (start, p) = p.split_at(usize::from(self.start == Start::Learned));
        let seen = self.seen(x, pass.ends, start.first())?;
        Ok(match self.middle {
            Middle::None => (affine(&seen.view(), &p[0], &p[1])?, Saved { seen, hidden: None, slopes: None }),
            Middle::Linear(_) => {
                let mut hidden = zeros(seen.nrows(), p[0].ncols())?;
                add_product(&mut hidden.view_mut(), T::one(), &seen.view(), &p[0])?;
                let out = affine(&hidden.view(), &p[1], &p[2])?;
                (out, Saved { seen, hidden: Some(hidden), slopes: None })
            }
            Middle::Gelu(_) => {
                let mut hidden = affine(&seen.view(), &p[0], &p[1])?;
                let slopes = gelu(&mut hidden)?;
                let out = affine(&hidden.view(), &p[2], &p[3])?;
                (out, Saved { seen, hidden: Some(hidden), slopes: Some(slopes) })
            }
        })
    }

    /// Adds to the sink what the gradient `d` of the predictions means.
    pub(super) fn backward<T: Real>(
        &self,
        pass: &Pass<'_, T>,
        saved: Saved<T>,
        d: &ArrayView2<'_, T>,
        to: Sink<'_, T>,
    ) -> Result<()> {
        let (p, mut g) = (pass.weights()?, views_mut(pass.blocks, to.dparams)?);
        let learned = usize::from(self.start == Start::Learned);
        let p = &p[learned..];
        let (dstart, g) = g.split_at_mut(learned);
        let seen = saved.seen.view();
        // Index of the last map among the blocks; its shift follows it.
        let last = match self.middle {
            Middle::None => 0,
            Middle::Linear(_) => 1,
            Middle::Gelu(_) => 2,
        };
        let dseen = {
            let (before, from_last) = g.split_at_mut(last);
            let (dlast, dbias) = from_last.split_at_mut(1);
            let input = saved.hidden.as_ref().unwrap_or(&saved.seen).view();
            let mut below = affine_backward(&input, &p[last], d, &mut dlast[0], dbias.first_mut())?;
            if let Some(slopes) = &saved.slopes {
                below *= slopes;
            }
            match before {
                [] => below,
                [du] => affine_backward(&seen, &p[0], &below.view(), du, None)?,
                [du, dc, ..] => affine_backward(&seen, &p[0], &below.view(), du, Some(dc))?,
            }
        };
        let width = dseen.ncols() / self.lags;
        for_each_lag(pass.ends, self.lags, |row, lag, from| {
            let part = dseen.slice(ndarray::s![row, lag * width..(lag + 1) * width]);
            match from {
                Source::Row(source) => {
                    let into = &mut to.dx[source * width..(source + 1) * width];
                    into.iter_mut().zip(part).for_each(|(into, v)| *into += *v);
                }
                Source::Before(m) => {
                    if let Some(dstart) = dstart.first_mut() {
                        let mut into = dstart.row_mut(m);
                        into += &part;
                    }
                }
            }
        });
        Ok(())
    }

    /// The rows [z_{t-1} | ... | z_{t-k}].
    fn seen<T: Real>(
        &self,
        x: &ArrayView2<'_, T>,
        ends: &[usize],
        start: Option<&ArrayView2<'_, T>>,
    ) -> Result<Array2<T>> {
        let width = x.ncols();
        let mut seen = zeros(x.nrows(), self.lags * width)?;
        for_each_lag(ends, self.lags, |row, lag, from| {
            let mut part = seen.slice_mut(ndarray::s![row, lag * width..(lag + 1) * width]);
            match (from, start) {
                (Source::Row(source), _) => part.assign(&x.row(source)),
                (Source::Before(m), Some(start)) => part.assign(&start.row(m)),
                (Source::Before(_), None) => {}
            }
        });
        Ok(seen)
    }
}

/// Where a lag of a row comes from.
#[derive(Clone, Copy)]
enum Source {
    Row(usize),
    /// The place this number of steps, and one more, before the first row.
    Before(usize),
}

fn for_each_lag(ends: &[usize], lags: usize, mut f: impl FnMut(usize, usize, Source)) {
    for rows in sequences(ends) {
        for (step, row) in rows.enumerate() {
            for lag in 0..lags {
                let from = if lag < step { Source::Row(row - 1 - lag) } else { Source::Before(lag - step) };
                f(row, lag, from);
            }
        }
    }
}

/// What the backward pass needs.
pub(super) struct Saved<T> {
    seen: Array2<T>,
    hidden: Option<Array2<T>>,
    slopes: Option<Array2<T>>,
}
