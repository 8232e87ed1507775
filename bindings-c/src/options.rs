//! Structs that know their size, so that header and library may be of different versions.
//!
//! A struct begins with its `struct_size`. A shorter one (an older header) gets the defaults for what it lacks. A longer
//! one (a newer header) is taken when what lies beyond is zero, and refused when it asks for what this library does not
//! know. All sizes are multiples of 8, and no field crosses such a border, so that none is ever cut.

use core::mem::MaybeUninit;

use crate::door::Door;
use crate::status::{Done, Failure};

/// A struct of options or of results.
///
/// # Safety
/// `repr(C)`, without padding, begins with `struct_size: u32`, any bytes are a value, and its size is a multiple of 8.
pub(crate) unsafe trait Sized32: Copy {
    /// Its name in errors.
    const NAME: &'static str;
    /// The size that it had when it was first published.
    const FIRST: usize;
    /// The defaults.
    fn defaults() -> Self;
}

/// More than any version will have.
const LARGEST: usize = 4096;

fn check<T: Sized32>(found: u32) -> Done<usize> {
    let size = found as usize;
    if (T::FIRST..=LARGEST).contains(&size) && size.is_multiple_of(8) {
        return Ok(size);
    }
    Err(Failure::StructSize { what: T::NAME, found, here: size_of::<T>() })
}

impl Door {
    fn struct_size<T: Sized32>(&self, at: *const T) -> Done<usize> {
        // What is read first is a u32; that all of the struct is aligned was checked.
        check::<T>(*self.get(T::NAME, at.cast::<u32>())?)
    }

    /// The options, with defaults for what an older header lacks.
    pub fn options<T: Sized32>(&self, at: *const T) -> Done<T> {
        self.aligned_struct(at)?;
        let found = self.struct_size(at)?;
        let bytes: &[u8] = self.slice(T::NAME, at.cast(), found)?;
        let here = size_of::<T>();
        if let Some(beyond) = bytes.get(here..).and_then(|more| more.iter().position(|byte| *byte != 0)) {
            return Err(Failure::Option { what: T::NAME, offset: here + beyond });
        }
        let mut options = MaybeUninit::new(T::defaults());
        // SAFETY: at most the size of the struct, of which any bytes are a value.
        let mut options = unsafe {
            options.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), found.min(here));
            options.assume_init()
        };
        // SAFETY: every such struct begins with its size.
        unsafe { (&raw mut options).cast::<u32>().write(here as u32) };
        Ok(options)
    }

    /// The options, or the defaults where NULL asks for them.
    pub fn options_or_default<T: Sized32>(&self, at: *const T) -> Done<T> {
        if at.is_null() { Ok(T::defaults()) } else { self.options(at) }
    }

    /// Writes the defaults into a struct of `found` bytes.
    pub fn init<T: Sized32>(&self, at: *mut T, found: u32) -> Done {
        self.fill(at, check::<T>(found)?, T::defaults())
    }

    /// The size of a struct that is to be filled, whose `struct_size` the caller has set.
    pub fn results<T: Sized32>(&self, at: *mut T) -> Done<Results<T>> {
        self.aligned_struct(at)?;
        let size = self.struct_size(at.cast_const())?;
        self.note(T::NAME, at as usize, size, true)?;
        Ok(Results { at, size })
    }

    /// Fills a struct that [`results`](Door::results) has looked at.
    pub fn give<T: Sized32>(&self, to: Results<T>, value: T) -> Done {
        self.fill(to.at, to.size, value)
    }

    fn fill<T: Sized32>(&self, at: *mut T, found: usize, mut value: T) -> Done {
        self.aligned_struct(at)?;
        let here = found.min(size_of::<T>());
        // SAFETY: every such struct begins with its size; the caller's has `found` bytes.
        unsafe {
            (&raw mut value).cast::<u32>().write(found as u32);
            at.cast::<u8>().copy_from_nonoverlapping((&raw const value).cast(), here);
            at.cast::<u8>().add(here).write_bytes(0, found - here);
        }
        Ok(())
    }

    fn aligned_struct<T: Sized32>(&self, at: *const T) -> Done {
        if at.is_null() {
            return Err(Failure::Null(T::NAME));
        }
        let (address, align) = (at as usize, align_of::<T>());
        if address.is_multiple_of(align) {
            Ok(())
        } else {
            Err(Failure::Misaligned { what: T::NAME, address, align })
        }
    }
}

/// A struct of the caller's that is to be filled.
pub(crate) struct Results<T> {
    at: *mut T,
    size: usize,
}

/// Refuses flags: none is known yet.
pub(crate) fn no_flags(what: &'static str, flags: u32) -> Done {
    if flags == 0 { Ok(()) } else { Err(Failure::Option { what, offset: 4 }) }
}

/// The entry of a list that a number of C names.
pub(crate) fn choice<T: Copy>(what: &'static str, all: &[T], found: i32, expected: &'static str) -> Done<T> {
    let at = usize::try_from(found).ok();
    let refused = pauca::Error::InvalidParameter { name: what, value: found.into(), expected };
    at.and_then(|at| all.get(at)).copied().ok_or(Failure::Core(refused))
}

/// 0 or 1.
pub(crate) fn switch(what: &'static str, found: i32) -> Done<bool> {
    choice(what, &[false, true], found, "0 or 1")
}
