//! One deduplication, from the order to the kept rows.

use ndarray::Array1;

use super::curve::KeepCurve;
use super::params::{Rule, SemDedup, Target};
use super::result::Dedup;
use super::{compare, order};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Blocks, NO_ROW};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::kmeans::Partition;
use crate::memory::{try_collect, try_vec};
use crate::rows::{IntoRows, RowSource};
use crate::select::{Boundary, ascending, count, ranked};

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
        let blocks = || Blocks::to_gather(backend, source, Metric::Cosine, cx);
        self.fit_over(backend, source, clusters, blocks, cx)
    }

    /// The same over blocks that are made when the rows have been looked at, or before.
    pub(crate) fn fit_over<'r, 'a, 'p, B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &'a B,
        source: &'a S,
        clusters: impl Into<Partition<'p>>,
        blocks: impl FnOnce() -> Result<Blocks<'r, &'a B, &'a S>>,
        cx: &Context,
    ) -> Result<Dedup> {
        self.check()?;
        let n = source.n_rows();
        let clusters = clusters.into();
        let (order, offsets) =
            order::keep_order(&self.order, self.published, backend, source, &clusters, cx)?;
        let plan = compare::Plan::new("x", source, &order, &offsets, blocks, cx)?;
        let mut similarity = try_vec(n, f64::NEG_INFINITY)?;
        let mut witness = try_vec(n, NO_ROW)?;
        let mut keep = try_vec(n, true)?;
        let mut found = compare::Found::new(&mut similarity, &mut witness);
        let (curve, epsilon, reached, search);
        match self.rule {
            Rule::EarlierMax => {
                plan.earlier_max(&mut found, cx)?;
                search = found.search;
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
                plan.greedy_cover(1.0 - e, self.boundary, &mut found, cx)?;
                search = found.search;
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
                Ok((epsilon_above(largest, self.boundary), kept == wanted))
            }
        }
    }
}

/// An epsilon that removes nothing of a similarity of at most `stays`, and what is well above: 1 - `stays`, or the
/// number below. 1 - epsilon is rounded, and may come out below `stays`.
fn epsilon_above(stays: f64, boundary: Boundary) -> f64 {
    if stays == f64::NEG_INFINITY {
        return 2.0;
    }
    let threshold = match boundary {
        Boundary::Gt => stays,
        Boundary::Ge => stays.next_up(),
    };
    let epsilon = 1.0 - threshold;
    let kept = if 1.0 - epsilon < threshold { epsilon.next_down() } else { epsilon };
    kept.clamp(0.0, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written with the boundary's own words: `stays` does not pass, and at a step of the threshold more it does.
    #[test]
    fn epsilon_above_keeps_and_a_step_more_does_not() {
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        for i in 0..20_000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(i);
            let magnitude = [1.0, 0.5, 0.25, 1e-3, 1e-9, 1e-300][i as usize % 6];
            let stays = ((bits >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * magnitude;
            for boundary in [Boundary::Gt, Boundary::Ge] {
                let epsilon = epsilon_above(stays, boundary);
                assert!(!boundary.passes(stays, 1.0 - epsilon), "{stays} {boundary:?} {epsilon}");
                let more = epsilon + f64::EPSILON;
                assert!(boundary.passes(stays, 1.0 - more) || more > 2.0, "{stays} {boundary:?} {epsilon}");
            }
        }
        assert_eq!(epsilon_above(1.0, Boundary::Gt), 0.0);
        assert_eq!(epsilon_above(f64::NEG_INFINITY, Boundary::Ge), 2.0);
    }
}
