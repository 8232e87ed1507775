//! What a run of D4 needs to go on: the checkpoints of its clusterings.

use alloc::vec::Vec;

use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::kmeans::Checkpoint;

const MAGIC: [u8; 8] = *b"paucaD4\0";
const VERSION: u32 = 1;

/// The state of a D4 run between two steps.
///
/// # Example
/// ```
/// use pauca::{Context, Cpu, D4, D4Checkpoint, Rows};
/// let x = ndarray::Array2::from_shape_fn((90, 3), |(i, j)| ((i * 37 + j * 11) % 23) as f32 - 11.5);
/// let (backend, rows, cx) = (Cpu::new()?, Rows::F32(x.view()), Context::default());
/// let d4 = D4::new().clusters(4);
/// let mut run = d4.start_on(&backend, &rows, &cx)?;
/// run.step(&cx)?;
/// let bytes = run.checkpoint()?.to_bytes()?;
/// let mut again = d4.resume_on(&backend, &rows, &D4Checkpoint::from_bytes(&bytes)?, &cx)?;
/// while again.step(&cx)? {}
/// assert_eq!(again.finish(&cx)?.keep, d4.fit(&x)?.keep);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct D4Checkpoint {
    pub(super) first: Checkpoint,
    pub(super) second: Option<Checkpoint>,
}

impl D4Checkpoint {
    /// Versioned, little-endian, checksummed bytes.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(&MAGIC, VERSION);
        w.u64(self.second.is_some() as u64);
        self.first.write(&mut w);
        if let Some(second) = &self.second {
            second.write(&mut w);
        }
        w.finish()
    }

    /// Reads what [`to_bytes`](D4Checkpoint::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes, and for numbers that no run
    /// writes; never a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, "D4 checkpoint", &MAGIC, VERSION)?;
        let has_second = r.u64()?;
        let first = Checkpoint::read(&mut r)?;
        let second = if has_second > 0 { Some(Checkpoint::read(&mut r)?) } else { None };
        // The second clustering is of some of the rows of the first.
        let fits = second.as_ref().is_none_or(|second| second.d == first.d && second.n <= first.n);
        if has_second > 1 || !fits {
            return Err(r.corrupt("values out of range"));
        }
        r.end()?;
        Ok(Self { first, second })
    }
}
