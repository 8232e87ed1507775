//! What is kept of the values of one pair of states: exact sums, extremes, spread.

use alloc::vec::Vec;

use crate::error::Result;
use crate::exact::F64Sum;
use crate::exact::twofold::two_product;
use crate::memory::{try_all, try_grow, try_vec};

use super::Quantiles;

/// Bins of an octave, as a power of two.
const FINE: u32 = 6;
/// The first octave begins at 2^-32; values below it share bin 0.
const LOWEST: u64 = (1023 - 32) << FINE;
/// Bin 0, 33 octaves to 2, and 2 itself.
pub(crate) const BINS: usize = 1 + (33 << FINE) + 1;

/// How the spread is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spread {
    Values(Vec<f64>),
    Counts(Vec<u64>),
}

/// Everything about one pair of states. Merging is exact, so any split gives the same bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub count: u64,
    /// Samples where either state is all zeros.
    pub skipped: u64,
    pub sum: F64Sum,
    pub squares: F64Sum,
    pub min: f64,
    pub max: f64,
    pub spread: Spread,
}

/// The bin of a value of [0, 2].
fn bin(value: f64) -> usize {
    let fine = value.to_bits() >> (52 - FINE);
    ((fine + 1).saturating_sub(LOWEST) as usize).min(BINS - 1)
}

/// The middle of a bin.
fn middle(bin: usize) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let start = (LOWEST + bin as u64 - 1) << (52 - FINE);
    f64::from_bits(start | 1 << (51 - FINE))
}

impl Moments {
    pub(crate) fn new(quantiles: Quantiles) -> Result<Self> {
        let spread = match quantiles {
            Quantiles::Exact => Spread::Values(Vec::new()),
            Quantiles::Histogram => Spread::Counts(try_vec(BINS, 0)?),
        };
        let (sum, squares) = (F64Sum::new(), F64Sum::new());
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Ok(Self { count: 0, skipped: 0, sum, squares, min, max, spread })
    }

    /// Room for `more` values, so that [`add`](Moments::add) and [`merge`](Moments::merge) of that
    /// many cannot fail.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<()> {
        match &mut self.spread {
            Spread::Values(values) => try_grow(values, more),
            Spread::Counts(_) => Ok(()),
        }
    }

    /// Values that merging this into another would add to its memory.
    pub(crate) fn stored(&self) -> usize {
        match &self.spread {
            Spread::Values(values) => values.len(),
            Spread::Counts(_) => 0,
        }
    }

    /// Adds a value of [0, 2], or NaN for a sample without one.
    pub(crate) fn add(&mut self, value: f64) {
        if value.is_nan() {
            self.skipped += 1;
            return;
        }
        self.count += 1;
        self.sum.add(value);
        self.squares.add_wide_product(value, value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        match &mut self.spread {
            Spread::Values(values) => values.push(value),
            Spread::Counts(counts) => counts[bin(value)] += 1,
        }
    }

    /// Adds everything of `other`, which is of the same kind.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.skipped += other.skipped;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        match (&mut self.spread, &other.spread) {
            (Spread::Values(values), Spread::Values(more)) => values.extend_from_slice(more),
            (Spread::Counts(counts), Spread::Counts(more)) => {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            }
            // The caller compared the kinds.
            _ => {}
        }
    }

    /// The exact sum, rounded, over the count; NaN without values.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.sum.value() / self.count as f64 }
    }

    /// The exact sum of (value - mean)², with the mean as returned, rounded, over count - 1; NaN
    /// below two values.
    pub(crate) fn variance(&self) -> f64 {
        if self.count < 2 {
            return f64::NAN;
        }
        let mean = self.mean();
        // sum v² - 2 mean sum v + count mean², where the exact sum of v is a few doubles.
        let mut total = self.squares.clone();
        let mut rest = self.sum.clone();
        loop {
            let part = rest.value();
            if part == 0.0 {
                break;
            }
            rest.add(-part);
            total.add_wide_product(-2.0 * mean, part);
        }
        let (square, lost) = two_product(mean, mean);
        total.add_times(self.count, square);
        total.add_times(self.count, lost);
        total.value() / (self.count - 1) as f64
    }

    /// Sorts the values, for [`quantile`](Moments::quantile).
    pub(crate) fn sort(&mut self) {
        if let Spread::Values(values) = &mut self.spread {
            values.sort_unstable_by(f64::total_cmp);
        }
    }

    /// The quantile of sorted values, interpolated between neighbouring ranks.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        match &self.spread {
            Spread::Values(values) => Some(crate::stats::quantile(values, q)),
            Spread::Counts(counts) => {
                let rank = q * (self.count - 1) as f64;
                let below = libm::floor(rank);
                let at = |rank: u64| {
                    let mut left = rank;
                    let found = counts.iter().position(|&n| {
                        let here = left < n;
                        left = left.saturating_sub(n);
                        here
                    });
                    found.map_or(self.max, middle).clamp(self.min, self.max)
                };
                let (low, high) =
                    (at(below as u64), at((below as u64).saturating_add(1).min(self.count - 1)));
                Some(low + (rank - below) * (high - low))
            }
        }
    }
}

/// Empty moments, one for each pair of states.
pub(crate) fn fresh(n_layers: usize, quantiles: Quantiles) -> Result<Vec<Moments>> {
    let pairs = n_layers * (n_layers + 1) / 2;
    try_all((0..pairs).map(|_| Moments::new(quantiles)))
}

/// Place of the pair of states l < m among all pairs of L + 1 states.
pub(crate) fn pair(n_layers: usize, l: usize, m: usize) -> usize {
    // State 0 has L partners above it, state 1 has L - 1, ...
    l * (2 * n_layers + 1 - l) / 2 + (m - l - 1)
}
