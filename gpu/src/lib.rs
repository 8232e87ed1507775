//! The operations of [pauca] on a GPU, with the bits of the CPU.
//!
//! [`Gpu`] implements [`pauca::backend::Backend`], so every algorithm that takes a backend runs on it: labels, sums, centroids,
//! pairs and kept sets are those of the CPU to the bit. Floats on the device only propose: a kernel lists the targets whose
//! scores lie within a proven bound of the best, and where that is more than one the definition in `f64` decides, on the host
//! or, on CUDA, on the device ([`Limits::decides`]). Sums are made of integers.
//!
//! **Not run on a GPU.** The crate is tested on Mesa's lavapipe, a Vulkan device made of a processor, through the feature
//! `wgpu`. Nothing is known about its speed on any GPU, and the other features have never run.
//!
//! # What this crate does that the core never would
//!
//! The core has no global state, no threads of its own, and reads no environment. CubeCL, on which this crate rests,
//! - keeps a registry of opened devices for the life of the process, and a thread for each of them;
//! - looks for a `cubecl.toml` in the working directory and above it, and obeys it: with logging turned on, it writes
//!   kernels and times to the files, or the standard output, that are named there;
//! - reads environment variables: `CUBECL_DEBUG_LOG`, `CUBECL_DEBUG_OPTION`, `CUBECL_WGPU_MAX_TASKS`,
//!   `CUBECL_WGPU_DEFAULT_DEVICE` and others; drivers read more of them;
//! - compiles kernels when they are first launched, by the driver, which may keep them in files of its own;
//! - asks for the host memory of a transfer without a way to be refused, where the core would report
//!   [`OutOfMemory`](pauca::Error::OutOfMemory).
//!
//! No device is opened but by the functions of [`Gpu`], which fail with a reason where there is no driver.
//!
//! # Features
//!
//! | feature | devices | needs |
//! |---|---|---|
//! | `wgpu` | Vulkan, DirectX, Metal, by WGSL | a driver at run time |
//! | `metal` | Metal by MSL, through wgpu | macOS |
//! | `cuda` | NVIDIA | CUDA's NVRTC at run time; while it is built, a download of LLVM by a dependency |
//! | `hip` | AMD | ROCm; the same download |
//!
//! Without any of them the crate compiles, and finds no device.
//!
//! # What runs where
//!
//! | operation | on the device | on the host |
//! |---|---|---|
//! | load, gather | a copy of the rows, at the first use, while there is room; gathered from a copy that is there | checks, unit rows; a copy of gathered rows |
//! | nearest | scores, candidates; on CUDA the definition for squared distances to 2 to 4 candidates | the definition for rows with 2 to 4 candidates; the CPU backend for more, and for rows 2^29 times as long as the targets |
//! | earlier maxima | scores, candidates, groups of any sizes in one launch | the definition of candidates |
//! | pairs above | all pairs that may pass | the definition |
//! | sums | rows of weight 1 below 2^16, multiples of 2^-64, while four words of each sum fit one buffer | all others; counts; centroids |
//! | squares, values, ranks, products | | all |
#![deny(missing_docs)]

mod backend;
mod coordinates;
#[cfg(all(test, feature = "wgpu"))]
mod definition;
mod device;
mod error;
#[cfg(all(test, feature = "wgpu"))]
mod faults;
#[cfg(feature = "gate")]
#[doc(hidden)]
pub mod gate;
#[cfg(test)]
mod hostile;
mod kernels;
mod launch;
mod limits;
mod link;
mod machine;
mod memory;
mod nearest;
mod pairs;
mod plan;
mod rows;
mod selftest;
mod sums;
mod targets;
mod tensor;
#[doc(hidden)]
pub mod trial;

pub use device::{Api, Class, Found, Gpu};
pub use error::GpuError;
pub use limits::{Limits, Traffic};
pub use machine::{Either, Machine};
pub use rows::{GpuBlock, GpuKept};
pub use sums::GpuSums;
pub use targets::GpuTargets;
