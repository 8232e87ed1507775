//! What a run of k-means needs to go on: its centroids and counters. Labels are the nearest
//! centroids and sums are exact, so both are made anew to the same bits.

use alloc::vec::Vec;

use super::params::{EmptyClusters, KMeans};
use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::exact::Metric;
use crate::memory::try_capacity;

const MAGIC: [u8; 8] = *b"paucaKM\0";
const VERSION: u32 = 1;

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
    pub(super) n: u64,
    pub(super) d: u64,
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
        match params.metric {
            Metric::SqEuclidean => 0,
            Metric::Cosine => 1,
        },
        params.seed,
        params.shift_tolerance.to_bits(),
        match params.empty {
            EmptyClusters::Relocate => 0,
            EmptyClusters::Keep => 1,
        },
    ]
}

impl Checkpoint {
    /// A copy, or [`OutOfMemory`](crate::Error::OutOfMemory).
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let mut centroids = try_capacity(self.centroids.len())?;
        centroids.extend_from_slice(&self.centroids);
        Ok(Self { centroids, ..*self })
    }

    /// Iterations made so far.
    pub fn n_iter(&self) -> usize {
        self.n_iter as usize
    }

    /// Versioned, little-endian, checksummed bytes.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(&MAGIC, VERSION);
        self.write(&mut w);
        w.finish()
    }

    /// Reads what [`to_bytes`](Checkpoint::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes; never a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, "k-means checkpoint", &MAGIC, VERSION)?;
        let checkpoint = Self::read(&mut r)?;
        r.end()?;
        Ok(checkpoint)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.u64(self.n);
        w.u64(self.d);
        w.u64s(&self.settings);
        w.u64(self.n_iter);
        w.u64(self.relocated);
        w.u64(self.distinct_rows.map_or(0, |n| n + 1));
        w.u64(self.converged as u64);
        w.u64(self.centroids.len() as u64);
        w.f32s(&self.centroids);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self> {
        let (n, d) = (r.u64()?, r.u64()?);
        let mut settings = [0; 5];
        for s in &mut settings {
            *s = r.u64()?;
        }
        let (n_iter, relocated, distinct, converged) = (r.u64()?, r.u64()?, r.u64()?, r.u64()?);
        let len = r.size()?;
        let centroids = r.f32s(len)?;
        let in_range = settings[0].checked_mul(d) == Some(len as u64) && converged <= 1;
        if !in_range || centroids.iter().any(|c| !c.is_finite()) {
            return Err(r.corrupt("values out of range"));
        }
        let distinct_rows = distinct.checked_sub(1);
        Ok(Self { n, d, settings, n_iter, relocated, distinct_rows, converged: converged == 1, centroids })
    }
}
