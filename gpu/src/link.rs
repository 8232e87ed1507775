//! The way to a device: every transfer and every launch passes here, is counted, and can be made to fail in tests.

use std::sync::atomic::{AtomicU64, Ordering};

use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;

use crate::error::GpuError;
use crate::limits::Traffic;

type Outcome<T> = Result<T, GpuError>;

/// A device's queue, and what has passed.
pub(crate) struct Link {
    pub client: Client,
    launches: AtomicU64,
    uploads: AtomicU64,
    bytes_up: AtomicU64,
    reads: AtomicU64,
    bytes_down: AtomicU64,
    /// Steps (uploads, launches, reads) until one fails; 0 never does.
    #[cfg(test)]
    pub fails_in: AtomicU64,
    /// Whether every step fails from then on, as of a device that is lost.
    #[cfg(test)]
    pub lost: std::sync::atomic::AtomicBool,
}

/// Words of 32 bits on the device, released with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    handle: Handle,
    len: usize,
}

impl Buffer {
    /// How many words.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buffer as an argument of a launch.
    pub fn arg(&self) -> BufferArg {
        // SAFETY: `len` is the length with which the handle was made, in words of the size of all element types here.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len) }
    }

    /// The buffer as an argument that is read by four words at once.
    pub fn fours(&self) -> BufferArg {
        // SAFETY: as above; the last words that fill no four are left out.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len / 4) }
    }
}

impl Link {
    pub fn new(client: Client) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            client,
            launches: zero(),
            uploads: zero(),
            bytes_up: zero(),
            reads: zero(),
            bytes_down: zero(),
            #[cfg(test)]
            fails_in: zero(),
            #[cfg(test)]
            lost: Default::default(),
        }
    }

    /// What has passed.
    pub fn traffic(&self) -> Traffic {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            launches: get(&self.launches),
            uploads: get(&self.uploads),
            bytes_up: get(&self.bytes_up),
            reads: get(&self.reads),
            bytes_down: get(&self.bytes_down),
        }
    }

    /// In tests, fails when it was told to.
    fn step(&self, doing: &'static str) -> Outcome<()> {
        #[cfg(test)]
        {
            let left = self.fails_in.load(Ordering::Relaxed);
            let stays = left == 1 && self.lost.load(Ordering::Relaxed);
            self.fails_in.store(if stays { 1 } else { left.saturating_sub(1) }, Ordering::Relaxed);
            if left == 1 {
                return Err(GpuError::Failed { doing, report: "it was told to".to_owned() });
            }
        }
        let _ = doing;
        Ok(())
    }

    /// Sends values. The queue copies them, so they need not stay.
    pub fn upload<T: CubeElement>(&self, values: &[T]) -> Outcome<Buffer> {
        const { assert!(size_of::<T>() == 4) }
        self.step("sending")?;
        self.uploads.fetch_add(1, Ordering::Relaxed);
        self.bytes_up.fetch_add(4 * values.len() as u64, Ordering::Relaxed);
        Ok(Buffer { handle: self.client.create_from_slice(T::as_bytes(values)), len: values.len() })
    }

    /// Room for `len` words, which hold anything. A device without room says so when they are read.
    pub fn room(&self, len: usize) -> Outcome<Buffer> {
        self.step("asking for memory")?;
        Ok(Buffer { handle: self.client.empty(4 * len), len })
    }

    /// Counts a launch, which comes next. A launch reports nothing: its outputs must be read.
    pub fn launches(&self) -> Outcome<()> {
        self.step("a launch")?;
        self.launches.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Fetches a buffer, and with it every failure of what should have written it, or what that was made of.
    pub fn read<T: CubeElement>(&self, buffer: &Buffer) -> Outcome<Vec<T>> {
        self.read_first(buffer, buffer.len)
    }

    /// The same for the first `len` words, at most all.
    pub fn read_first<T: CubeElement>(&self, buffer: &Buffer, len: usize) -> Outcome<Vec<T>> {
        const { assert!(size_of::<T>() == 4) }
        self.step("reading")?;
        let handle = buffer.handle.clone().offset_end(4 * buffer.len.saturating_sub(len) as u64);
        let bytes = self.client.read_one(handle).map_err(|error| {
            let mut report: String = format!("{error:?}").chars().take(400).collect();
            report.retain(|c| c != '\n');
            GpuError::Failed { doing: "reading", report }
        })?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes_down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if bytes.len() != 4 * len {
            let report = format!("{} bytes of {}", bytes.len(), 4 * len);
            return Err(GpuError::Failed { doing: "reading", report });
        }
        Ok(T::from_bytes(&bytes).to_vec())
    }
}
