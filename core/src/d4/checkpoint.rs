//! What a run of D4 needs to go on: the checkpoints of its clusterings.

use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::error::Result;
use crate::kmeans::Checkpoint;

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

to_and_from_bytes!(impl[] D4Checkpoint);

impl State for D4Checkpoint {
    const MARK: &'static [u8; 8] = b"paucaD4\0";
    const WHAT: &'static str = "D4 checkpoint";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.second.is_some().into());
        self.first.write(to)?;
        self.second.iter().try_for_each(|second| second.write(to))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let has_second = from.u64()?;
        let first = Checkpoint::read(from)?;
        let second = if has_second > 0 { Some(Checkpoint::read(from)?) } else { None };
        // The second clustering is of some of the rows of the first.
        let fits = second.as_ref().is_none_or(|second| second.d == first.d && second.n <= first.n);
        from.holds(has_second <= 1 && fits, "values out of range")?;
        Ok(Self { first, second })
    }
}
