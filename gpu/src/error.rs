//! What can be wrong with a device.

use thiserror::Error;

/// Why there is no device, or why it failed. The operations of [`Gpu`](crate::Gpu) return it inside
/// [`pauca::Error::Device`].
///
/// # Example
/// ```
/// use pauca_gpu::{Gpu, GpuError};
/// // No machine has so many.
/// assert!(matches!(Gpu::wgpu(4242), Err(GpuError::NoDevice { .. })));
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GpuError {
    /// There is no such device, or the program was built without its kind.
    #[error("no such device: {asked}; this build finds {there}")]
    NoDevice {
        /// What was asked for.
        asked: String,
        /// The devices that there are, in words.
        there: String,
    },
    /// The device answered wrongly when it was tried, or cannot do what every operation needs.
    #[error("device refused: {reason}")]
    Refused {
        /// What it did.
        reason: String,
    },
    /// The device, or its driver, reported a failure: no memory, a launch that could not run, a device that is gone.
    #[error("{doing} failed: {report}")]
    Failed {
        /// What was done.
        doing: &'static str,
        /// What was reported.
        report: String,
    },
}

impl From<GpuError> for pauca::Error {
    fn from(error: GpuError) -> Self {
        pauca::Error::Device(Box::new(error))
    }
}
