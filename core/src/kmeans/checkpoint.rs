//! What a run of k-means needs to go on: its centroids and counters. Labels are the nearest
//! centroids and sums are exact, so both are made anew to the same bits.

use alloc::vec::Vec;

use super::params::{EmptyClusters, KMeans};
use crate::bytes::{Reader, State, Writer, place, to_and_from_bytes};
use crate::error::Result;
use crate::exact::Metric;
use crate::memory::try_copy;

/// The state of a k-means run between two iterations. 4 k d bytes.
///
/// # Example
/// ```
/// use pauca::{Checkpoint, Context, Cpu, KMeans, Rows};
/// let x = ndarray::Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let (backend, rows, cx) = (Cpu::new()?, Rows::F32(x.view()), Context::default());
/// let k_means = KMeans::new(4);
/// let mut run = k_means.start_on(&backend, &rows, None, &cx)?;
/// run.step(&cx)?;
/// let bytes = run.checkpoint()?.to_bytes()?;
/// let mut again = k_means.resume_on(&backend, &rows, None, &Checkpoint::from_bytes(&bytes)?, &cx)?;
/// while again.step(&cx)? {}
/// assert_eq!(again.finish(&cx)?, k_means.fit(&x)?);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(crate) n: u64,
    pub(crate) d: u64,
    /// Parameters that a resumed run must share.
    pub(super) settings: [u64; 5],
    pub(super) n_iter: u64,
    pub(super) relocated: u64,
    pub(super) distinct_rows: Option<u64>,
    pub(super) converged: bool,
    pub(super) centroids: Vec<f32>,
}

/// Parameters as numbers. `max_iter` and the origin of the centroids are not among them: a run
/// may be continued for longer than it was begun for.
pub(super) fn settings(params: &KMeans) -> [u64; 5] {
    [
        params.n_clusters as u64,
        place(&Metric::ALL, params.metric),
        params.seed,
        params.shift_tolerance.to_bits(),
        place(EmptyClusters::ALL, params.empty),
    ]
}

impl Checkpoint {
    /// A copy, or [`OutOfMemory`](crate::Error::OutOfMemory).
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self { centroids: try_copy(&self.centroids)?, ..*self })
    }

    /// Iterations made so far.
    pub fn n_iter(&self) -> usize {
        self.n_iter as usize
    }
}

to_and_from_bytes!(impl[] Checkpoint);

impl State for Checkpoint {
    const MARK: &'static [u8; 8] = b"paucaKM\0";
    const WHAT: &'static str = "k-means checkpoint";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64s(&[self.n, self.d]);
        to.u64s(&self.settings);
        let distinct = self.distinct_rows.map_or(0, |n| n + 1);
        to.u64s(&[self.n_iter, self.relocated, distinct, self.converged.into(), self.centroids.len() as u64]);
        to.f32s(&self.centroids);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (n, d) = (from.u64()?, from.u64()?);
        let mut settings = [0; 5];
        for s in &mut settings {
            *s = from.u64()?;
        }
        let (n_iter, relocated, distinct, converged) = (from.u64()?, from.u64()?, from.u64()?, from.u64()?);
        let len = from.size()?;
        let centroids = from.f32s(len)?;
        let [k, metric, _, tolerance, empty] = settings;
        // What no run writes; that it is this run's is seen when it is resumed.
        let in_range = k.checked_mul(d) == Some(len as u64)
            && 0 < d
            && (1..=n).contains(&k)
            && n <= u32::MAX.into()
            && distinct <= k
            && converged <= 1
            && metric < Metric::ALL.len() as u64
            && empty < EmptyClusters::ALL.len() as u64
            && f64::from_bits(tolerance) >= 0.0
            && centroids.iter().all(|c| c.is_finite());
        from.holds(in_range, "values out of range")?;
        let distinct_rows = distinct.checked_sub(1);
        Ok(Self { n, d, settings, n_iter, relocated, distinct_rows, converged: converged == 1, centroids })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::error::Error;

    /// A right checksum is no proof: each number alone, forged.
    #[test]
    fn forged_numbers_are_corrupt() -> Result<()> {
        let honest = Checkpoint {
            n: 5,
            d: 3,
            settings: settings(&KMeans::new(2)),
            n_iter: 4,
            relocated: 1,
            distinct_rows: Some(1),
            converged: false,
            centroids: vec![0.5; 6],
        };
        assert_eq!(Checkpoint::from_bytes(&honest.to_bytes()?)?, honest);
        let forge = |change: &dyn Fn(&mut Checkpoint)| -> Result<()> {
            let mut forged = honest.try_clone()?;
            change(&mut forged);
            let found = Checkpoint::from_bytes(&forged.to_bytes()?);
            assert!(matches!(found, Err(Error::Corrupt { .. })), "{forged:?}");
            Ok(())
        };
        forge(&|c| c.n = 1)?;
        forge(&|c| c.n = 0)?;
        forge(&|c| c.n = 1 << 32)?;
        forge(&|c| c.d = 2)?;
        forge(&|c| (c.d, c.centroids) = (0, vec![]))?;
        forge(&|c| (c.settings[0], c.centroids) = (0, vec![]))?;
        forge(&|c| c.settings[0] = 1 << 63)?;
        forge(&|c| c.settings[1] = 2)?;
        forge(&|c| c.settings[3] = f64::NAN.to_bits())?;
        forge(&|c| c.settings[3] = (-1.0f64).to_bits())?;
        forge(&|c| c.settings[4] = 2)?;
        forge(&|c| c.distinct_rows = Some(2))?;
        forge(&|c| c.distinct_rows = Some(u64::MAX - 1))?;
        forge(&|c| c.centroids[5] = f32::NAN)?;
        forge(&|c| c.centroids.truncate(5))
    }
}
