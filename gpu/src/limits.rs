//! What a device can do, as plain numbers.

use crate::kernels::tile::Tile;

/// What a device can do, and how much of it is used. Plain data: every plan is a function of it.
///
/// # Example
/// ```
/// use pauca_gpu::Limits;
/// // Of a device with 8 GiB, which is shared with a display: a quarter for rows that stay.
/// let limits = Limits { memory: 2 << 30, ..Limits::LEAST };
/// assert!(limits.lowered_to(&Limits::LEAST).memory <= 2 << 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the largest buffer that a kernel can be given.
    pub buffer: u64,
    /// Bytes of memory that the units of a cube share.
    pub shared: u64,
    /// Units of a cube.
    pub units: u32,
    /// Cubes of a launch, in one direction.
    pub cubes: u32,
    /// Bytes of rows that may stay on the device between calls, all blocks together. What does not fit is sent again in
    /// every call.
    pub memory: u64,
    /// Multiply-adds of a launch: so many that a device needs at most about 50 ms. Between launches a call asks
    /// whether to stop, and a desktop's driver loses no patience.
    pub work: u64,
    /// Whether the device decides by the definition, in `f64`, where its floats of 32 bits leave a few targets of a row. Only on
    /// CUDA, where what a compiler may do to `f64` is known, and only on a device whose bits were right when it was opened.
    /// Where it is false, as on all other devices, the host decides; so it does where the targets fill more than one buffer.
    pub decides: bool,
    /// Whether kernels for tensor cores may be launched. False on every device: what they rest on is an assumption that no
    /// device has shown yet (`src/tensor.rs`), and no search uses them. `gpu-check --tensor` tries them.
    pub tensor: bool,
}

impl Limits {
    /// What WebGPU promises of every device, with 256 MiB of rows.
    pub const LEAST: Self = Self {
        buffer: 128 << 20,
        shared: 16 << 10,
        units: 256,
        cubes: 65_535,
        memory: 256 << 20,
        work: 1 << 30,
        decides: false,
        tensor: false,
    };

    /// These limits, none above `others`.
    pub fn lowered_to(self, others: &Self) -> Self {
        Self {
            buffer: self.buffer.min(others.buffer),
            shared: self.shared.min(others.shared),
            units: self.units.min(others.units),
            cubes: self.cubes.min(others.cubes),
            memory: self.memory.min(others.memory),
            work: self.work.min(others.work),
            decides: self.decides && others.decides,
            tensor: self.tensor && others.tensor,
        }
    }

    /// The largest tile that fits; the small one for searches of few rows.
    pub(crate) fn tile(&self, rows: usize) -> Option<Tile> {
        let fits = |tile: &Tile| tile.shared() as u64 <= self.shared && tile.units() as u32 <= self.units;
        let serves = |tile: &Tile| fits(tile) && (rows > Tile::SMALL.rows || *tile == Tile::SMALL);
        Tile::ALL.into_iter().find(serves)
    }

    /// How many words of 32 bits a buffer may have: also so few that every index fits 32 bits.
    pub(crate) fn words(&self) -> usize {
        usize::try_from((self.buffer / 4).min(u64::from(u32::MAX))).unwrap_or(usize::MAX)
    }
}

/// What has passed between host and device since the device was opened: for tests, and to see why a run is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Kernels that were started.
    pub launches: u64,
    /// Buffers that were sent.
    pub uploads: u64,
    /// Their bytes.
    pub bytes_up: u64,
    /// Buffers that were fetched.
    pub reads: u64,
    /// Their bytes.
    pub bytes_down: u64,
}

impl Traffic {
    /// What has passed since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            launches: self.launches.wrapping_sub(before.launches),
            uploads: self.uploads.wrapping_sub(before.uploads),
            bytes_up: self.bytes_up.wrapping_sub(before.bytes_up),
            reads: self.reads.wrapping_sub(before.reads),
            bytes_down: self.bytes_down.wrapping_sub(before.bytes_down),
        }
    }
}
