//! The door: what C hands in is checked here, and panics stop here.
//!
//! [`Door`] can only be opened by promising the contract of the header for all pointers that pass through it, so its
//! methods are safe and the functions behind it hold no other `unsafe`. Outputs are borrowed as [`Out`] and written at
//! the end, after everything that can fail.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ops::Range;

use pauca::Error;

use crate::status::{Done, Failure, PAUCA_OK, pauca_error, pauca_status};

/// The most arguments that one call has as buffers.
const SPANS: usize = 24;

#[derive(Clone, Copy)]
struct Span {
    what: &'static str,
    start: usize,
    end: usize,
    output: bool,
}

/// One call of C.
pub(crate) struct Door {
    err: *mut pauca_error,
    spans: RefCell<([Option<Span>; SPANS], usize)>,
}

/// Values of the caller's that this call writes, or none where the caller wants none.
pub(crate) struct Out<'d, T> {
    at: *mut T,
    len: usize,
    door: PhantomData<&'d Door>,
}

impl<'d, T: Copy> Out<'d, T> {
    /// Whether the caller wants the values.
    pub fn is_wanted(&self) -> bool {
        !self.at.is_null()
    }

    /// Writes the values, which are as many as were announced.
    pub fn write(self, values: &[T]) {
        debug_assert_eq!(values.len(), self.len);
        if !self.at.is_null() {
            // SAFETY: the door checked alignment; the caller promised room for `len` values, which overlap nothing
            // of ours.
            unsafe { self.at.copy_from_nonoverlapping(values.as_ptr(), values.len().min(self.len)) }
        }
    }

    /// Writes the values at the places that `wanted` names, and leaves the others.
    pub fn write_where(self, values: &[T], wanted: impl Fn(usize) -> bool) {
        if !self.at.is_null() {
            for (i, value) in values.iter().take(self.len).enumerate().filter(|(i, _)| wanted(*i)) {
                // SAFETY: as in `write`.
                unsafe { self.at.add(i).write(*value) }
            }
        }
    }

    /// Writes values that do not lie side by side.
    pub fn write_each(self, values: impl Iterator<Item = T>) {
        if !self.at.is_null() {
            for (i, value) in values.take(self.len).enumerate() {
                // SAFETY: as in `write`.
                unsafe { self.at.add(i).write(value) }
            }
        }
    }
}

/// A number of C as a size of this machine.
pub(crate) fn size(what: &'static str, value: u64) -> Done<usize> {
    usize::try_from(value)
        .map_err(|_| Error::TooLarge { what, size: usize::MAX, limit: isize::MAX as usize }.into())
}

/// The bytes of `len` values, which no buffer may exceed.
fn extent<T>(what: &'static str, len: usize) -> Done<usize> {
    let limit = isize::MAX as usize / size_of::<T>().max(1);
    if len > limit {
        return Err(Error::TooLarge { what, size: len, limit }.into());
    }
    Ok(len * size_of::<T>())
}

impl Door {
    /// # Safety
    /// Every pointer that is given to this door is an argument of the exported function that opens it, or lies in a
    /// struct that such an argument points to, and obeys the contract of the header.
    pub unsafe fn open(err: *mut pauca_error) -> Self {
        Self { err, spans: RefCell::new(([None; SPANS], 0)) }
    }

    /// Makes the call: its panics become a status, and its failure fills the caller's error.
    pub fn run(self, call: impl FnOnce(&Self) -> Done) -> pauca_status {
        let failure = match self.error_size() {
            Err(failure) => return failure.code(),
            Ok(size) => match crate::door::contained(|| call(&self)) {
                Ok(()) => return PAUCA_OK,
                Err(failure) => (failure, size),
            },
        };
        let (failure, size) = failure;
        if !self.err.is_null() {
            let mut error = pauca_error {
                struct_size: size as u32,
                code: 0,
                detail: [0; 2],
                message: [0; crate::status::PAUCA_MESSAGE_SIZE],
            };
            error.fill(&failure);
            let here = size.min(size_of::<pauca_error>());
            // A shorter error of another version still ends with 0.
            error.message[here - pauca_error::HEAD - 1] = 0;
            // SAFETY: the caller's error was checked by `error_size` and has at least `here` bytes.
            unsafe {
                self.err.cast::<u8>().copy_from_nonoverlapping((&raw const error).cast(), here);
            }
        }
        failure.code()
    }

    fn error_size(&self) -> Done<usize> {
        if self.err.is_null() {
            return Ok(0);
        }
        aligned("error", self.err)?;
        // SAFETY: not NULL, aligned, and the caller's promise.
        let found = unsafe { (&raw const (*self.err).struct_size).read() };
        let here = size_of::<pauca_error>();
        let sane = (pauca_error::HEAD + 8..=4096).contains(&(found as usize));
        if sane { Ok(found as usize) } else { Err(Failure::StructSize { what: "error", found, here }) }
    }

    /// What a handle or a struct that is only read points to.
    pub fn get<T>(&self, what: &'static str, at: *const T) -> Done<&T> {
        self.get_or_null(what, at)?.ok_or(Failure::Null(what))
    }

    /// The same where NULL has a meaning.
    pub fn get_or_null<T>(&self, what: &'static str, at: *const T) -> Done<Option<&T>> {
        aligned(what, at)?;
        // SAFETY: NULL or aligned, and the caller's promise.
        Ok(unsafe { at.as_ref() })
    }

    /// What a handle that is changed points to.
    #[allow(clippy::mut_from_ref, reason = "the caller promises that no other call uses the handle")]
    pub fn get_mut<T>(&self, what: &'static str, at: *mut T) -> Done<&mut T> {
        aligned(what, at)?;
        // SAFETY: NULL or aligned, and the caller's promise: one call at a time.
        unsafe { at.as_mut() }.ok_or(Failure::Null(what))
    }

    /// Values that are read. They may be NULL where there are none.
    pub fn slice<'a, T>(&self, what: &'static str, at: *const T, len: usize) -> Done<&'a [T]> {
        let bytes = extent::<T>(what, len)?;
        if len == 0 {
            return Ok(&[]);
        }
        if at.is_null() {
            return Err(Failure::Null(what));
        }
        aligned(what, at)?;
        self.note(what, at as usize, bytes, false)?;
        // SAFETY: not NULL, aligned, of a size that an object may have; the caller promises the values, and no output
        // overlaps them once `outputs_are_apart` has passed.
        Ok(unsafe { core::slice::from_raw_parts(at, len) })
    }

    /// Values that are read, or none where NULL says so.
    pub fn slice_or_null<'a, T>(
        &self,
        what: &'static str,
        at: *const T,
        len: usize,
    ) -> Done<Option<&'a [T]>> {
        if at.is_null() { Ok(None) } else { self.slice(what, at, len).map(Some) }
    }

    /// Values that are written on success, or none where NULL says so.
    pub fn out_or_null<T: Copy>(&self, what: &'static str, at: *mut T, len: usize) -> Done<Out<'_, T>> {
        let bytes = extent::<T>(what, len)?;
        aligned(what, at)?;
        if !at.is_null() {
            self.note(what, at as usize, bytes, true)?;
        }
        Ok(Out { at, len, door: PhantomData })
    }

    /// Values that are written on success.
    pub fn out<T: Copy>(&self, what: &'static str, at: *mut T, len: usize) -> Done<Out<'_, T>> {
        let out = self.out_or_null(what, at, len)?;
        if at.is_null() && len > 0 { Err(Failure::Null(what)) } else { Ok(out) }
    }

    /// A place of the caller's for as many values as must be there, of which the caller says how many there are.
    pub fn out_of<T: Copy>(
        &self,
        what: &'static str,
        at: *mut T,
        found: u64,
        expected: usize,
    ) -> Done<Out<'_, T>> {
        if !at.is_null() && found != expected as u64 {
            let found = size(what, found)?;
            return Err(Error::ShapeMismatch { what, expected, found }.into());
        }
        self.out_or_null(what, at, expected)
    }

    /// The same where the values must be wanted.
    pub fn out_exactly<T: Copy>(
        &self,
        what: &'static str,
        at: *mut T,
        found: u64,
        expected: usize,
    ) -> Done<Out<'_, T>> {
        if at.is_null() { Err(Failure::Null(what)) } else { self.out_of(what, at, found, expected) }
    }

    /// A saved state.
    pub fn bytes<'a>(&self, at: *const c_void, len: u64) -> Done<&'a [u8]> {
        self.slice("bytes", at.cast(), size("bytes_size", len)?)
    }

    /// Where a new handle is put.
    pub fn handle<T>(&self, what: &'static str, at: *mut *mut T) -> Done<NewHandle<'_, T>> {
        if at.is_null() {
            return Err(Failure::Null(what));
        }
        aligned(what, at)?;
        self.note(what, at as usize, size_of::<*mut T>(), true)?;
        Ok(NewHandle { at, door: PhantomData })
    }

    /// Remembers a buffer, and refuses one that overlaps another where one of them is written.
    pub fn note(&self, what: &'static str, start: usize, bytes: usize, output: bool) -> Done {
        let end = start.checked_add(bytes).ok_or(Error::TooLarge {
            what,
            size: bytes,
            limit: usize::MAX - start,
        })?;
        let span = Span { what, start, end, output };
        let (spans, used) = &mut *self.spans.borrow_mut();
        for other in spans.iter().flatten() {
            let both = Range { start: start.max(other.start), end: end.min(other.end) };
            if !both.is_empty() && (output || other.output) {
                let (output, other) = if output { (what, other.what) } else { (other.what, what) };
                return Err(Failure::Overlap { output, other });
            }
        }
        if let Some(free) = spans.get_mut(*used) {
            *free = Some(span);
            *used += 1;
        }
        Ok(())
    }
}

/// Where a new handle is put.
pub(crate) struct NewHandle<'d, T> {
    at: *mut *mut T,
    door: PhantomData<&'d Door>,
}

impl<T> NewHandle<'_, T> {
    /// Gives the caller a handle of `value`.
    pub fn put(self, value: T) -> Done {
        let handle = Box::into_raw(boxed(value)?);
        // SAFETY: the door checked the place.
        unsafe { self.at.write(handle) };
        Ok(())
    }
}

/// A copy, or an error where memory is refused.
pub(crate) fn copied<T: Copy>(values: &[T]) -> Done<Vec<T>> {
    let mut out = room(values.len())?;
    out.extend_from_slice(values);
    Ok(out)
}

/// Room for so many values, or an error where memory is refused.
pub(crate) fn room<T>(len: usize) -> Done<Vec<T>> {
    let mut out = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    out.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    Ok(out)
}

/// A box, or an error where memory is refused.
pub(crate) fn boxed<T>(value: T) -> Done<Box<T>> {
    // A box of one vector's memory: the way to a fallible allocation that is stable.
    let mut one = room(1)?;
    one.push(value);
    let slice: Box<[T]> = one.into_boxed_slice();
    let raw = Box::into_raw(slice).cast::<T>();
    // SAFETY: a slice of one value has the layout of that value.
    Ok(unsafe { Box::from_raw(raw) })
}

/// Frees a handle; NULL is nothing.
///
/// # Safety
/// `handle` is NULL, or was made by [`NewHandle::put`] and not freed yet.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: the caller's promise. A panic of a destructor stops here.
        let boxed = unsafe { Box::from_raw(handle) };
        let _ = contained(|| {
            drop(boxed);
            Ok(())
        });
    }
}

fn aligned<T>(what: &'static str, at: *const T) -> Done {
    let (address, align) = (at as usize, align_of::<T>());
    if address.is_multiple_of(align) { Ok(()) } else { Err(Failure::Misaligned { what, address, align }) }
}

/// Runs `call`; a panic becomes a failure.
#[cfg(feature = "std")]
pub(crate) fn contained<T>(call: impl FnOnce() -> Done<T>) -> Done<T> {
    crate::pool::quiet(|| {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
            // A payload whose destructor panics must not end the process: what that throws is left where it is.
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            dropped.unwrap_or_else(core::mem::forget);
            Err(Failure::Panic)
        })
    })
}

/// Without std a panic ends in the host's hook, which does not return.
#[cfg(not(feature = "std"))]
pub(crate) fn contained<T>(call: impl FnOnce() -> Done<T>) -> Done<T> {
    call()
}
