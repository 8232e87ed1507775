//! A deduplication as bytes. The curve is the sorted similarities, and effort is no part of a result: neither travels.

use ndarray::Array1;

use super::curve::KeepCurve;
use super::params::Rule;
use super::result::Dedup;
use crate::backend::{NO_ROW, SearchStats};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::error::Result;
use crate::memory::{try_collect, try_vec};
use crate::select::Boundary;

impl State for Dedup {
    const MARK: &'static [u8; 8] = b"paucaDD\0";
    const WHAT: &'static str = "deduplication";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.choice(&Rule::ALL, self.rule);
        to.choice(&Boundary::ALL, self.boundary);
        to.u32(self.reached.into());
        let k = self.offsets.len().saturating_sub(1);
        to.sizes(&[self.keep.len(), k]);
        to.u64(self.exact_copies);
        to.f64(self.epsilon);
        to.sizes(&self.offsets);
        self.order.iter().for_each(|row| to.u64(*row));
        self.witness.iter().for_each(|row| to.u64(*row));
        to.f64s(self.similarity.iter().copied());
        let mut kept = try_vec(self.keep.len().div_ceil(64), 0u64)?;
        for (i, _) in self.keep.iter().enumerate().filter(|(_, kept)| **kept) {
            kept[i / 64] |= 1 << (i % 64);
        }
        to.u64s(&kept);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let impossible = "values that no deduplication has";
        let (rule, boundary) = (from.choice(&Rule::ALL)?, from.choice(&Boundary::ALL)?);
        let reached = from.below(2)? == 1;
        let [n, k] = from.sizes()?;
        let (exact_copies, epsilon) = (from.count()?, from.finite()?);
        let starts = k.checked_add(1);
        let words = n.checked_mul(3).and_then(|rows| rows.checked_add(n.div_ceil(64))?.checked_add(starts?));
        from.expect(words.and_then(|words| words.checked_mul(8)))?;
        from.holds(k > 0 && (0.0..=2.0).contains(&epsilon) && exact_copies <= n as u64, impossible)?;
        let mut offsets = try_vec(starts.unwrap_or_default(), 0)?;
        for offset in &mut offsets {
            *offset = from.size()?;
        }
        let order = from.u64s(n)?;
        let (witness, mut similarity) = (from.u64s(n)?, from.f64s(n)?);
        let kept = from.u64s(n.div_ceil(64))?;
        let keep = try_collect((0..n).map(|i| kept[i / 64] >> (i % 64) & 1 == 1))?;
        let unused = kept.last().is_some_and(|last| n % 64 > 0 && *last >> (n % 64) > 0);
        from.holds(!unused && in_order(&offsets, &order, &witness)?, impossible)?;
        for (i, (&s, &w)) in similarity.iter().zip(&witness).enumerate() {
            let alone = w == NO_ROW;
            let possible = if alone { s.is_nan() || s == 0.0 } else { (-1.0..=1.0).contains(&s) };
            let as_ruled = rule != Rule::GreedyCover || keep[i] == alone;
            from.holds(possible && as_ruled, impossible)?;
        }
        let curve = match rule {
            Rule::EarlierMax => {
                let alone = |s: f64| if s.is_nan() { f64::NEG_INFINITY } else { s };
                similarity.iter_mut().for_each(|s| *s = alone(*s));
                let curve = KeepCurve::new(&similarity)?;
                similarity.iter_mut().filter(|s| **s == f64::NEG_INFINITY).for_each(|s| *s = f64::NAN);
                Some(curve)
            }
            Rule::GreedyCover => None,
        };
        Ok(Self {
            rule,
            boundary,
            epsilon,
            reached,
            keep: Array1::from_vec(keep),
            witness: Array1::from_vec(witness),
            similarity: Array1::from_vec(similarity),
            order: Array1::from_vec(order),
            offsets,
            exact_copies,
            curve,
            search: SearchStats::default(),
        })
    }
}

/// Whether these are the rows of clusters, each once, and every witness comes earlier in its cluster.
fn in_order(offsets: &[usize], order: &[u64], witness: &[u64]) -> Result<bool> {
    let n = order.len();
    let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
    if !rising || offsets.first() != Some(&0) || offsets.last() != Some(&n) {
        return Ok(false);
    }
    let none = usize::MAX;
    let mut places = try_vec(n, none)?;
    for (place, &row) in order.iter().enumerate() {
        let row = usize::try_from(row).unwrap_or(none);
        if places.get(row) != Some(&none) {
            return Ok(false);
        }
        places[row] = place;
    }
    for bounds in offsets.windows(2) {
        for place in bounds[0]..bounds[1] {
            let w = witness[order[place] as usize];
            let before = usize::try_from(w).ok().and_then(|w| places.get(w));
            if w != NO_ROW && !before.is_some_and(|before| (bounds[0]..place).contains(before)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

to_and_from_bytes! {
    /// # Example
    /// ```
    /// use pauca::{Dedup, KMeans, Rule, SemDedup};
    /// let x = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.001]];
    /// let clusters = KMeans::new(1).spherical(true).fit(&x)?;
    /// let found = SemDedup::new(Rule::GreedyCover).fit(&x, &clusters)?;
    /// assert_eq!(Dedup::from_bytes(&found.to_bytes()?)?, found);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    impl [] Dedup
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::{Order, SemDedup};
    use crate::error::Error;
    use crate::kmeans::KMeans;

    fn some(config: SemDedup) -> Result<Dedup> {
        let x = ndarray::array![[1.0f32, 0.0], [2.0, 0.0], [9.0, 1.0], [0.0, 0.0], [5.0, 5.0], [1.0, 0.0]];
        config
            .order(Order::Custom([0.0, 1.0, 2.0, 3.0, 4.0, 5.0].into()))
            .fit(&x, &KMeans::new(2).spherical(true).fit(&x)?)
    }

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        for config in [
            SemDedup::new(Rule::GreedyCover).epsilon(0.1),
            SemDedup::new(Rule::EarlierMax).boundary(Boundary::Ge).epsilon(0.0),
            SemDedup::new(Rule::EarlierMax).keep_fraction(0.1),
            SemDedup::new(Rule::EarlierMax).published(true),
        ] {
            let found = some(config)?;
            assert_eq!(Dedup::from_bytes(&found.to_bytes()?)?, found);
        }
        Ok(())
    }

    /// A right checksum is no proof: each number alone, forged.
    #[test]
    fn forged_numbers_are_corrupt() -> Result<()> {
        let forge = |change: &dyn Fn(&mut Dedup)| -> Result<()> {
            let mut forged = some(SemDedup::new(Rule::GreedyCover).epsilon(0.1))?;
            change(&mut forged);
            let found = Dedup::from_bytes(&forged.to_bytes()?);
            assert!(matches!(found, Err(Error::Corrupt { .. })), "{forged:?}");
            Ok(())
        };
        forge(&|d| d.epsilon = 2.5)?;
        forge(&|d| d.epsilon = f64::NAN)?;
        forge(&|d| d.exact_copies = 7)?;
        forge(&|d| d.offsets = [0, 7, 6].into())?;
        forge(&|d| d.offsets = [0].into())?;
        forge(&|d| d.order[0] = d.order[1])?;
        forge(&|d| d.order[0] = 6)?;
        forge(&|d| d.witness[1] = 6)?;
        // Row 0 comes first, row 3 is of zeros and has none.
        forge(&|d| d.witness[0] = 1)?;
        forge(&|d| (d.similarity[3], d.witness[3]) = (0.5, Dedup::NONE))?;
        forge(&|d| d.similarity[1] = 1.5)?;
        forge(&|d| d.keep[1] = true)?;
        forge(&|d| d.keep = Array1::from_elem(5, true))
    }
}
