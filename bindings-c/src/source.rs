//! Rows larger than memory, in shards, or made by the caller.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::fmt;
use core::ops::Range;

use half::{bf16, f16};
use pauca::{Error, IntoRows, Result, RowElement, RowSource, Rows, Scratch, Shards, Subset};

use crate::door::{Door, free, room, size};
use crate::options::{Sized32, no_flags, switch};
use crate::status::{Done, Failure, pauca_error, pauca_status};
use crate::view::{Input, PAUCA_BF16, PAUCA_F16, PAUCA_F32, PAUCA_OF_SOURCE, Shared, pauca_view};

/// What lies at the beginning of every source, so that a view of anything else is not taken for one.
const MARK: u64 = u64::from_le_bytes(*b"pauca-RS");

/// Rows that can be read again and again. pauca_source_as_view makes a pauca_view of it, which any call takes; calls and
/// runs that were given such a view share the source, so that it may be freed before them. Memory and callbacks that it
/// stands on must live until the source and all runs on it are freed. Shareable.
pub struct pauca_source {
    mark: u64,
    rows: Input,
}

/// Rows that the caller reads or computes. The callbacks return 0, or another number for a failure: the call then returns
/// PAUCA_SOURCE with it. They are called one at a time, on the calling thread or on a thread of the context's pool, with
/// room for as many rows as are asked for, row by row, and must write all of them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_source_callbacks {
    /// sizeof(pauca_source_callbacks).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// n.
    pub n_rows: u64,
    /// d.
    pub dim: u64,
    /// PAUCA_F32, PAUCA_F16 or PAUCA_BF16: what the callbacks write.
    pub dtype: i32,
    /// 0.
    pub reserved: i32,
    /// The most rows that read is asked for at once; 0 for 8192.
    pub block_rows: u64,
    /// What the callbacks get as their first argument.
    pub user: *mut c_void,
    /// Writes the rows first .. first + count to out.
    pub read:
        Option<unsafe extern "C" fn(user: *mut c_void, first: u64, count: u64, out: *mut c_void) -> i32>,
    /// Writes the rows that are named, repeats allowed, in their order. NULL: read is called for each.
    pub gather: Option<
        unsafe extern "C" fn(user: *mut c_void, rows: *const u64, count: u64, out: *mut c_void) -> i32,
    >,
    /// NULL, or called once when nothing reads the source any more.
    pub release: Option<unsafe extern "C" fn(user: *mut c_void)>,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value: C
// promises callable pointers.
unsafe impl Sized32 for pauca_source_callbacks {
    const NAME: &'static str = "source callbacks";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            n_rows: 0,
            dim: 0,
            dtype: 0,
            reserved: 0,
            block_rows: 0,
            user: core::ptr::null_mut(),
            read: None,
            gather: None,
            release: None,
        }
    }
}

/// The caller's callbacks as a source.
struct OfCaller {
    calls: pauca_source_callbacks,
    n: usize,
    d: usize,
    block: usize,
}

// SAFETY: the caller is told on which threads the callbacks are called, one at a time.
unsafe impl Send for OfCaller {}
// SAFETY: as above.
unsafe impl Sync for OfCaller {}

/// What a callback answered.
#[derive(Debug)]
struct Refused(i32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the callback returned {}", self.0)
    }
}

impl core::error::Error for Refused {}

fn answered(answer: i32) -> Result<()> {
    if answer == 0 { Ok(()) } else { Err(Error::Source(Box::new(Refused(answer)))) }
}

impl OfCaller {
    fn filled<'a>(
        &self,
        n: usize,
        scratch: &'a mut Scratch,
        fill: impl FnOnce(*mut c_void) -> Result<()>,
    ) -> Result<Rows<'a>> {
        match self.calls.dtype {
            PAUCA_F16 => self.typed::<f16>(n, scratch, fill),
            PAUCA_BF16 => self.typed::<bf16>(n, scratch, fill),
            _ => self.typed::<f32>(n, scratch, fill),
        }
    }

    fn typed<'a, T: RowElement + Pod + 'a>(
        &self,
        n: usize,
        scratch: &'a mut Scratch,
        fill: impl FnOnce(*mut c_void) -> Result<()>,
    ) -> Result<Rows<'a>> {
        let len = n.checked_mul(self.d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let out = T::room(scratch, len)?;
        fill(out.as_mut_ptr().cast())?;
        (&*out, n, self.d).into_rows()
    }
}

/// Room for elements in a scratch.
trait Pod: Sized {
    fn room(scratch: &mut Scratch, len: usize) -> Result<&mut [Self]>;
}

macro_rules! pod {
    ($($element:ty)*) => {$(
        impl Pod for $element {
            fn room(scratch: &mut Scratch, len: usize) -> Result<&mut [Self]> {
                scratch.elements(len)
            }
        }
    )*};
}
pod! { f32 f16 bf16 }

impl RowSource for OfCaller {
    fn n_rows(&self) -> usize {
        self.n
    }
    fn dim(&self) -> usize {
        self.d
    }
    fn block_rows(&self) -> usize {
        self.block
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        if range.start > range.end || range.end > self.n {
            return Err(Error::ShapeMismatch { what: "row range", expected: self.n, found: range.end });
        }
        let (first, count) = (range.start as u64, range.len() as u64);
        self.filled(range.len(), scratch, |out| match self.calls.read {
            // SAFETY: the caller's function, called as the header says: there is room for the rows.
            Some(read) => answered(unsafe { read(self.calls.user, first, count, out) }),
            None => Err(Error::Empty { what: "read" }),
        })
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        if let Some(found) = rows.iter().find(|row| **row >= self.n) {
            return Err(Error::ShapeMismatch { what: "row index", expected: self.n, found: *found });
        }
        let size = if self.calls.dtype == PAUCA_F32 { 4 } else { 2 } * self.d;
        self.filled(rows.len(), scratch, |out| match (self.calls.gather, self.calls.read) {
            (Some(gather), _) => {
                let mut named = Vec::new();
                let bytes = rows.len().saturating_mul(8);
                named.try_reserve_exact(rows.len()).map_err(|_| Error::OutOfMemory { bytes })?;
                named.extend(rows.iter().map(|row| *row as u64));
                // SAFETY: as in `read`.
                answered(unsafe { gather(self.calls.user, named.as_ptr(), rows.len() as u64, out) })
            }
            (None, Some(read)) => rows.iter().enumerate().try_for_each(|(i, row)| {
                // SAFETY: as in `read`; row i lies i rows behind the first.
                answered(unsafe { read(self.calls.user, *row as u64, 1, out.byte_add(i * size)) })
            }),
            (None, None) => Err(Error::Empty { what: "read" }),
        })
    }
}

impl Drop for OfCaller {
    fn drop(&mut self) {
        if let Some(release) = self.calls.release {
            // SAFETY: the caller's function, called once.
            unsafe { release(self.calls.user) }
        }
    }
}

/// A source of rows that are shared.
pub(crate) fn of(rows: impl RowSource + Send + 'static) -> pauca_source {
    let shared: Shared = Arc::new(rows);
    pauca_source { mark: MARK, rows: Input::Source(shared) }
}

impl pauca_source {
    /// The source that a view of PAUCA_OF_SOURCE stands for.
    pub(crate) fn of_view(door: &Door, what: &'static str, view: &pauca_view) -> Done<Input> {
        let source = door.get(what, view.data.cast::<pauca_source>())?;
        if source.mark != MARK {
            return Err(Failure::Format { what, why: "data is no pauca_source" });
        }
        Ok(source.rows.clone())
    }
}

/// A source of the rows of a view, whose memory is read until the source and all runs on it are freed. Memory of a CUDA
/// device is copied here, and not read later. Free the source with pauca_source_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_view(
    view: *const pauca_view,
    out: *mut *mut pauca_source,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let rows = door.rows("view", view)?;
        door.handle("out", out)?.put(pauca_source { mark: MARK, rows })
    })
}

/// One source of several, whose rows follow each other. own_ids: 0 if a row is known by its place in the whole (random
/// draws and errors), 1 if by its place in its shard. The sources are shared and may be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_shards(
    shards: *const *const pauca_source,
    n_shards: u64,
    own_ids: i32,
    out: *mut *mut pauca_source,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let n = size("n_shards", n_shards)?;
        let own = switch("own_ids", own_ids)?;
        let shards = door.slice("shards", shards, n)?;
        let mut parts = room(n)?;
        for shard in shards {
            parts.push(door.get("a shard", *shard)?.rows.clone());
        }
        let out = door.handle("out", out)?;
        out.put(of(Shards::new(parts)?.own_ids(own)))
    })
}

/// Writes the defaults: zeros. Pass sizeof *callbacks. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_callbacks_init(
    callbacks: *mut pauca_source_callbacks,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(callbacks, struct_size))
}

/// A source of rows that the caller reads or computes. release is called once, when source and runs are freed; not if
/// this call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_of_callbacks(
    callbacks: *const pauca_source_callbacks,
    out: *mut *mut pauca_source,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let calls = door.options(callbacks)?;
        no_flags("source callbacks", calls.flags)?;
        if calls.reserved != 0 {
            let offset = core::mem::offset_of!(pauca_source_callbacks, reserved);
            return Err(Failure::Option { what: "source callbacks", offset });
        }
        if ![PAUCA_F32, PAUCA_F16, PAUCA_BF16].contains(&calls.dtype) {
            let expected = "PAUCA_F32, F16 or BF16";
            return Err(Failure::Type { what: "dtype", found: calls.dtype.into(), expected });
        }
        if calls.read.is_none() {
            return Err(Failure::Null("read"));
        }
        let (n, d) = (size("n_rows", calls.n_rows)?, size("dim", calls.dim)?);
        let block = if calls.block_rows == 0 { 8192 } else { size("block_rows", calls.block_rows)? };
        // A source that is not handed out must not release what it was not given.
        let mut source = OfCaller { calls, n, d, block };
        let release = source.calls.release.take();
        let out = door.handle("out", out)?;
        source.calls.release = release;
        out.put(of(source))
    })
}

/// Some rows of a source [n_rows], in the given order, known by their places in that source. The source is shared and may
/// be freed. rows are copied. Errors: PAUCA_SHAPE_MISMATCH for a row that the source does not have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_subset(
    source: *const pauca_source,
    rows: *const u64,
    n_rows: u64,
    out: *mut *mut pauca_source,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let source = door.get("source", source)?;
        let rows = door.slice("rows", rows, size("n_rows", n_rows)?)?;
        let mut chosen = room(rows.len())?;
        for row in rows {
            chosen.push(size("rows", *row)?);
        }
        let out = door.handle("out", out)?;
        out.put(of(Subset::new(source.rows.clone(), chosen)?))
    })
}

/// Rows and columns of a source. Either may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_shape(
    source: *const pauca_source,
    n_rows: *mut u64,
    dim: *mut u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let rows = &door.get("source", source)?.rows;
        let n = door.out_or_null("n_rows", n_rows, 1)?;
        let d = door.out_or_null("dim", dim, 1)?;
        n.write(&[rows.n_rows() as u64]);
        d.write(&[rows.dim() as u64]);
        Ok(())
    })
}

/// A view of the source, which any call takes as its rows. It is good until the source is freed; runs that were started
/// with it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_as_view(
    source: *const pauca_source,
    view: *mut pauca_view,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let rows = &door.get("source", source)?.rows;
        let (n, d) = (rows.n_rows() as u64, rows.dim() as u64);
        let out = door.out("view", view, 1)?;
        out.write(&[pauca_view { dtype: PAUCA_OF_SOURCE, ..pauca_view::packed(source.cast(), n, d) }]);
        Ok(())
    })
}

/// Copies the rows first .. first + count of a source, as f32: out has count d values. For who looks at what a source
/// delivers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_read(
    source: *const pauca_source,
    first: u64,
    count: u64,
    out: *mut f32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let rows = &door.get("source", source)?.rows;
        let (first, count, d) = (size("first", first)?, size("count", count)?, rows.dim());
        let end = first.checked_add(count).filter(|end| *end <= rows.n_rows());
        let found = first.saturating_add(count);
        let end = end.ok_or(Error::ShapeMismatch { what: "row range", expected: rows.n_rows(), found })?;
        let len = count.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let out = door.out("out", out, len)?;
        let (mut values, mut buffer) = (room(len)?, room(d)?);
        buffer.resize(d, 0.0f32);
        let mut scratch = Scratch::new();
        let block = rows.read(first..end, &mut scratch)?;
        for i in 0..count {
            values.extend_from_slice(block.row(i, &mut buffer)?);
        }
        out.write(&values);
        Ok(())
    })
}

/// Frees a source; NULL is nothing. Runs on it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_free(source: *mut pauca_source) {
    // SAFETY: the contract of the header.
    unsafe { free(source) }
}
