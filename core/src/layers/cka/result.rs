//! HSIC of all pairs, and CKA from it.

use ndarray::Array2;

use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::memory::try_vec;

/// Self-HSIC below this share of its largest term is rounding, not signal.
const NOISE: f64 = 1.0 / (1u64 << 40) as f64;

/// A value of CKA, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cka {
    /// The value: biased in [0, 1], unbiased in [-1, 1] (below 0 is ordinary noise around 0).
    Value(f64),
    /// Fewer samples than the estimator needs: 2, or 4 where it is unbiased.
    TooFew {
        /// Samples of the (smallest) batch.
        n: u64,
    },
    /// A state's HSIC with itself is 0 within rounding: its rows are all equal or, for the
    /// unbiased estimator, all equally far from each other. (It is a sum of squares, never
    /// negative.)
    Degenerate {
        /// The first such state.
        state: usize,
    },
}

impl Cka {
    /// The value, where there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// HSIC between all pairs of states, from which CKA follows. Tier C.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CkaTable {
    /// Samples; of the smallest one where batches were [added](CkaTable::add).
    pub samples: u64,
    /// HSIC0 = tr(K H L H) / (n - 1)², [states, states]; summed over batches that were added. 0
    /// for n < 2.
    pub biased_hsic: Array2<f64>,
    /// HSIC1 (see the module's head), [states, states]; summed over batches that were added. 0 for
    /// n < 4.
    pub unbiased_hsic: Array2<f64>,
    /// What unbiased self-HSIC is small against.
    pub(super) scale: alloc::vec::Vec<f64>,
}

/// The sums over pairs of rows that both estimators are made of, for one pair of states.
pub(super) struct Traces {
    /// tr(K L) over i != j.
    pub off: f64,
    /// sum K_ii L_ii.
    pub diagonal: f64,
    /// sum_i r_i s_i with r_i = sum over j != i of K_ij, s likewise.
    pub rows: f64,
    /// sum_i (r_i + K_ii)(s_i + L_ii).
    pub full_rows: f64,
    /// sum r, sum s.
    pub totals: [f64; 2],
    /// sum (r + K_ii), sum (s + L_ii).
    pub full_totals: [f64; 2],
}

impl CkaTable {
    pub(super) fn build(states: usize, samples: u64, at: impl Fn(usize, usize) -> Traces) -> Result<Self> {
        let (mut biased, mut unbiased) = (zeros(states, states)?, zeros(states, states)?);
        let mut scale = try_vec(states, 0.0)?;
        let n = samples as f64;
        for l in 0..states {
            for m in l..states {
                let t = at(l, m);
                if samples >= 2 {
                    let [k, s] = t.full_totals;
                    let trace = t.off + t.diagonal - 2.0 / n * t.full_rows + k / n * (s / n);
                    biased[[l, m]] = trace / ((n - 1.0) * (n - 1.0));
                }
                if samples >= 4 {
                    let [k, s] = t.totals;
                    let sum = t.off + k / (n - 1.0) * (s / (n - 2.0)) - 2.0 / (n - 2.0) * t.rows;
                    unbiased[[l, m]] = sum / (n * (n - 3.0));
                    if l == m {
                        scale[l] = (t.off.abs() + t.diagonal.abs()) / (n * (n - 3.0));
                    }
                }
                biased[[m, l]] = biased[[l, m]];
                unbiased[[m, l]] = unbiased[[l, m]];
            }
        }
        Ok(Self { samples, biased_hsic: biased, unbiased_hsic: unbiased, scale })
    }

    /// Adds the HSIC of another batch: minibatch CKA, sum HSIC(K, L) / sqrt(sum HSIC(K, K) sum HSIC(L, L)).
    /// It estimates the same as CKA of all samples, from less. *Source*: Nguyen et al. 2021,
    /// equation 2.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for another number of states.
    pub fn add(&mut self, batch: &Self) -> Result<()> {
        check::same_length("table", self.scale.len(), batch.scale.len())?;
        self.samples = self.samples.min(batch.samples);
        self.biased_hsic += &batch.biased_hsic;
        self.unbiased_hsic += &batch.unbiased_hsic;
        self.scale.iter_mut().zip(&batch.scale).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// CKA of states `l` and `m` by HSIC0. Far above 0 for independent states of more columns than
    /// samples. A state out of range is degenerate.
    pub fn biased(&self, l: usize, m: usize) -> Cka {
        self.cka(&self.biased_hsic, 2, l, m, |_| 0.0, 0.0)
    }

    /// CKA of states `l` and `m` by HSIC1. A state out of range is degenerate.
    pub fn unbiased(&self, l: usize, m: usize) -> Cka {
        self.cka(&self.unbiased_hsic, 4, l, m, |state| NOISE * self.scale[state], -1.0)
    }

    fn cka(
        &self,
        hsic: &Array2<f64>,
        least: u64,
        l: usize,
        m: usize,
        noise: impl Fn(usize) -> f64,
        lowest: f64,
    ) -> Cka {
        for state in [l, m] {
            if state >= self.scale.len() {
                return Cka::Degenerate { state };
            }
        }
        if self.samples < least {
            return Cka::TooFew { n: self.samples };
        }
        for state in [l, m] {
            if hsic[[state, state]] <= noise(state) {
                return Cka::Degenerate { state };
            }
        }
        if l == m {
            return Cka::Value(1.0);
        }
        // Two roots: of extreme states the product could leave the range.
        let lengths = libm::sqrt(hsic[[l, l]]) * libm::sqrt(hsic[[m, m]]);
        Cka::Value((hsic[[l, m]] / lengths).clamp(lowest, 1.0))
    }
}
