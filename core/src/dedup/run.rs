//! One deduplication, from the order to the kept rows.

use ndarray::Array1;

use super::curve::KeepCurve;
use super::params::{Rule, SemDedup, Target};
use super::result::Dedup;
use super::{compare, order};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, NO_ROW, SearchStats};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::kmeans::Partition;
use crate::memory::{try_collect, try_vec};
use crate::rows::{IntoRows, RowSource};
use crate::select::{ascending, count, ranked};

impl SemDedup {
    /// Deduplicates rows in memory on the CPU.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `clusters` are not over these rows, those of [`Partition::new`],
    /// [`Error::InvalidParameter`] for an epsilon outside [0, 2] or a fraction outside [0, 1],
    /// [`Error::Conflict`] for a fraction with GreedyCover, [`Error::NonFinite`].
    pub fn fit<'a, 'p>(&self, x: impl IntoRows<'a>, clusters: impl Into<Partition<'p>>) -> Result<Dedup> {
        self.fit_on(&Cpu::new()?, &x.into_rows()?, clusters, &Context::default())
    }

    /// Deduplicates any source on any backend.
    ///
    /// # Errors
    /// As [`fit`](SemDedup::fit); [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`].
    pub fn fit_on<'p, B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        clusters: impl Into<Partition<'p>>,
        cx: &Context,
    ) -> Result<Dedup> {
        self.check()?;
        let n = source.n_rows();
        let clusters = clusters.into();
        let (order, offsets) =
            order::keep_order(&self.order, self.published, backend, source, &clusters, cx)?;
        let plan = compare::Plan::new(backend, source, &order, &offsets, cx)?;
        let mut similarity = try_vec(n, f64::NEG_INFINITY)?;
        let mut witness = try_vec(n, NO_ROW)?;
        let mut keep = try_vec(n, true)?;
        let mut search = SearchStats::default();
        let mut found = compare::Found { similarity: &mut similarity, witness: &mut witness };
        let (curve, epsilon, reached);
        match self.rule {
            Rule::EarlierMax => {
                plan.earlier_max(&mut found, &mut search, cx)?;
                if self.published {
                    similarity.iter_mut().for_each(|s| *s = s.max(0.0));
                }
                (epsilon, reached) = self.select(&similarity, &order, &mut keep)?;
                curve = Some(KeepCurve::new(&similarity)?);
            }
            Rule::GreedyCover => {
                let Target::Epsilon(e) = self.target else {
                    return Err(Error::Conflict {
                        first: "keep_fraction",
                        second: "GreedyCover",
                        why: "its kept sets are not nested in epsilon; use EarlierMax or an epsilon",
                    });
                };
                plan.greedy_cover(1.0 - e, self.boundary, &mut found, &mut search, cx)?;
                keep.iter_mut().zip(&witness).for_each(|(keep, &w)| *keep = w == NO_ROW);
                (curve, epsilon, reached) = (None, e, true);
            }
        }
        let exact_copies = plan.exact_copies();
        similarity.iter_mut().for_each(|s| {
            if *s == f64::NEG_INFINITY {
                *s = f64::NAN;
            }
        });
        let rows = try_collect(order.iter().map(|&i| i as u64))?;
        Ok(Dedup {
            rule: self.rule,
            boundary: self.boundary,
            epsilon,
            reached,
            keep: Array1::from_vec(keep),
            witness: Array1::from_vec(witness),
            similarity: Array1::from_vec(similarity),
            order: Array1::from_vec(rows),
            offsets,
            exact_copies,
            curve,
            search,
        })
    }

    /// Marks what EarlierMax removes. Returns the epsilon used and whether a target was reached.
    fn select(&self, similarity: &[f64], order: &[usize], keep: &mut [bool]) -> Result<(f64, bool)> {
        let n = similarity.len();
        match self.target {
            Target::Epsilon(epsilon) => {
                let threshold = 1.0 - epsilon;
                for (keep, &s) in keep.iter_mut().zip(similarity) {
                    *keep = !self.boundary.passes(s, threshold);
                }
                Ok((epsilon, true))
            }
            Target::KeepFraction(fraction) => {
                let wanted = count("keep_fraction", fraction, n)?;
                // Rows that no earlier row resembles at all cannot be removed as duplicates.
                let unremovable = similarity.iter().filter(|&&s| s == f64::NEG_INFINITY).count();
                let kept = wanted.max(unremovable);
                let of = |place: usize| similarity[order[place]];
                let places = ranked(n, |a, b| ascending(of(a), of(b)))?;
                let (stay, go) = places.split_at(kept);
                go.iter().for_each(|&place| keep[order[place]] = false);
                let largest = stay.last().map_or(f64::NEG_INFINITY, |&place| of(place));
                Ok((1.0 - largest.max(-1.0), kept == wanted))
            }
        }
    }
}
