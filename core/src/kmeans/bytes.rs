//! A clustering as bytes. The counts are those of the labels, and effort is no part of a result: neither travels.

use ndarray::{Array1, Array2};

use super::result::Clusters;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::error::Result;
use crate::exact::Metric;

impl State for Clusters {
    const MARK: &'static [u8; 8] = b"paucaCL\0";
    const WHAT: &'static str = "clusters";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.choice(&Metric::ALL, self.metric);
        to.u32(u32::from(!self.distances.is_empty()));
        to.u32(u32::from(self.converged));
        for number in [
            self.labels.len() as u64,
            self.centroids.nrows() as u64,
            self.centroids.ncols() as u64,
            self.n_iter as u64,
            self.relocated,
            self.distinct_rows.map_or(0, |n| n.saturating_add(1)),
            self.inertia.to_bits(),
        ] {
            to.u64(number);
        }
        to.u32s(self.centroids.iter().map(|c| c.to_bits()));
        to.u32s(self.labels.iter().copied());
        to.f64s(self.distances.iter().copied());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let metric = from.choice(&Metric::ALL)?;
        let (measured, converged) = (from.below(2)? == 1, from.below(2)? == 1);
        let (n, k, d) = (from.size()?, from.size()?, from.size()?);
        let (n_iter, relocated, distinct) = (from.size()?, from.count()?, from.count()?);
        let inertia = f64::from_bits(from.u64()?);
        let cells = k.checked_mul(d);
        let rows = n.checked_mul(if measured { 12 } else { 4 });
        from.expect(cells.and_then(|cells| cells.checked_mul(4)?.checked_add(rows?)))?;
        let impossible = "values that no clustering has";
        let centroids = Array2::from_shape_vec((k, d), from.f32s(cells.unwrap_or_default())?);
        let centroids = centroids.map_err(|_| from.corrupt(impossible))?;
        let labels = Array1::from_vec(from.u32s(n)?);
        let distances = if measured { Some(Array1::from_vec(from.f64s(n)?)) } else { None };
        let made = Self::from_parts(metric, centroids, labels, distances);
        let made = made.map_err(|error| from.refused(error, impossible))?;
        if distinct > k as u64 || inertia.is_nan() == measured {
            return Err(from.corrupt(impossible));
        }
        Ok(Self { inertia, n_iter, converged, relocated, distinct_rows: distinct.checked_sub(1), ..made })
    }
}

to_and_from_bytes! {
    /// # Example
    /// ```
    /// use pauca::{Clusters, KMeans};
    /// let clusters = KMeans::new(2).fit(&ndarray::array![[1.0f32], [2.0], [9.0]])?;
    /// assert_eq!(Clusters::from_bytes(&clusters.to_bytes()?)?, clusters);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    impl [] Clusters
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::error::Error;
    use crate::kmeans::KMeans;

    fn some() -> Result<Clusters> {
        KMeans::new(3).fit(&ndarray::array![[1.0f32, 0.0], [2.0, 0.0], [9.0, 1.0], [5.0, 5.0]])
    }

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        let fitted = some()?;
        let alone = Clusters::from_parts(fitted.metric, fitted.centroids.clone(), Array1::default(0), None)?;
        assert!(alone.inertia.is_nan());
        for clusters in [fitted, alone] {
            let again = Clusters::from_bytes(&clusters.to_bytes()?)?;
            assert_eq!(again.inertia.to_bits(), clusters.inertia.to_bits());
            assert_eq!(Clusters { inertia: 0.0, ..again }, Clusters { inertia: 0.0, ..clusters });
        }
        Ok(())
    }

    /// A right checksum is no proof: each number alone, forged.
    #[test]
    fn forged_numbers_are_corrupt() -> Result<()> {
        let forge = |change: &dyn Fn(&mut Clusters)| -> Result<()> {
            let mut forged = some()?;
            change(&mut forged);
            let found = Clusters::from_bytes(&forged.to_bytes()?);
            assert!(matches!(found, Err(Error::Corrupt { .. })), "{forged:?}");
            Ok(())
        };
        forge(&|c| c.labels[3] = 3)?;
        forge(&|c| c.centroids[[2, 1]] = f32::NAN)?;
        forge(&|c| c.distances[0] = f64::INFINITY)?;
        forge(&|c| c.inertia = f64::NAN)?;
        forge(&|c| c.relocated = u64::MAX)?;
        forge(&|c| c.distinct_rows = Some(4))?;
        forge(&|c| c.centroids = Array2::default((0, 2)))?;
        forge(&|c| c.labels = Array1::from_iter(c.labels.iter().copied().take(3).collect::<Vec<_>>()))
    }
}
