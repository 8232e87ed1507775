//! What runs of k-means and of D4 have alike: they are stepped, saved and ended.

use alloc::vec::Vec;

use pauca::{Checkpoint, Context, D4Checkpoint, D4Run, Error, Lloyd};

use crate::context::Call;
use crate::device::{self, Machine};
use crate::status::{Done, Failure};
use crate::view::Input;

/// A run of core.
pub(crate) trait Steps {
    /// Where a run is.
    type Saved;

    fn step(&mut self, cx: &Context) -> pauca::Result<bool>;
    fn checkpoint(&self) -> pauca::Result<Self::Saved>;
    fn bytes(saved: &Self::Saved) -> pauca::Result<Vec<u8>>;
}

macro_rules! steps {
    ($run:ident: $saved:ident) => {
        impl Steps for $run<'static, Machine, Input> {
            type Saved = $saved;

            fn step(&mut self, cx: &Context) -> pauca::Result<bool> {
                self.step(cx)
            }

            fn checkpoint(&self) -> pauca::Result<$saved> {
                self.checkpoint()
            }

            fn bytes(saved: &$saved) -> pauca::Result<Vec<u8>> {
                saved.to_bytes()
            }
        }
    };
}
steps!(Lloyd: Checkpoint);
steps!(D4Run: D4Checkpoint);

/// A run between two calls.
pub(crate) struct Running<R: Steps> {
    /// None after the end, after a panic, and while a call works on it.
    run: Option<R>,
    /// Where the run was when it was asked to finish.
    last: Option<R::Saved>,
    /// Where the run computes, whatever the context of a call computes on.
    machine: Machine,
}

impl<R: Steps> Running<R> {
    pub fn new(run: R, call: &Call<'_>) -> Done<Self> {
        Ok(Self { run: Some(run), last: None, machine: device::ready(&call.machine)? })
    }

    /// The run.
    pub fn get(&self) -> Done<&R> {
        self.run.as_ref().ok_or_else(ended)
    }

    /// Makes one step; whether there is more to do. A wish to stop that comes with the last report of a step counts, too: the
    /// step is made, and the call ends as cancelled.
    pub fn step(&mut self, call: &Call<'_>) -> Done<bool> {
        device::ready(&self.machine)?;
        // A panic leaves nothing behind that could be used.
        let mut run = self.run.take().ok_or_else(ended)?;
        let stepped = run.step(&call.cx);
        self.run = Some(run);
        let more = stepped?;
        call.cx.control.check()?;
        Ok(more)
    }

    /// The state after the last finished step, as bytes.
    pub fn saved(&self) -> Done<Vec<u8>> {
        device::ready(&self.machine)?;
        Ok(match (&self.run, &self.last) {
            (Some(run), _) => R::bytes(&run.checkpoint()?)?,
            (None, Some(last)) => R::bytes(last)?,
            (None, None) => return Err(ended()),
        })
    }

    /// The run, which ends here; where it was can still be had.
    pub fn end(&mut self) -> Done<R> {
        device::ready(&self.machine)?;
        self.last = Some(self.get()?.checkpoint()?);
        self.run.take().ok_or_else(ended)
    }
}

/// The error of a call on a run that has ended.
fn ended() -> Failure {
    let why = "it has ended: resume from its checkpoint instead";
    Failure::Core(Error::Conflict { first: "this call", second: "the state of the run", why })
}
