//! Rows in memory of a CUDA device: copied into memory of the host, on the stream of the caller.
//!
//! The library is not linked with CUDA. Whoever has made such rows has loaded the driver, which is looked up when they come.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{c_char, c_int, c_void};
use core::ops::Range;

use bytemuck::Pod;
use libloading::Library;
use pauca::{Error, Result, RowElement, RowSource, Rows, Scratch};

use crate::door::room;
use crate::status::{Done, Failure};
use crate::view::{Input, Layout, pauca_view};

/// The driver, as it is named where it is installed.
const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// CU_POINTER_ATTRIBUTE_CONTEXT.
const CONTEXT: c_int = 1;

type Copy = unsafe extern "C" fn(*mut c_void, usize, usize, *mut c_void) -> c_int;

/// What the driver answered.
#[derive(Debug)]
struct Refused {
    call: &'static str,
    code: c_int,
    name: Option<String>,
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of the CUDA driver failed with {}", self.call, self.code)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl core::error::Error for Refused {}

/// The functions of the driver.
struct Driver {
    library: Library,
}

impl Driver {
    /// # Safety
    /// `T` is the type of the function that the driver has under this name.
    unsafe fn get<T: core::marker::Copy>(&self, name: &'static str) -> Done<T> {
        // SAFETY: promised by the caller.
        let found = unsafe { self.library.get::<T>(name.as_bytes()) };
        Ok(*found.map_err(|error| Error::Device(Box::new(error)))?)
    }

    /// The error of a call that did not return 0.
    fn check(&self, call: &'static str, code: c_int) -> Done {
        if code == 0 {
            return Ok(());
        }
        let mut name: *const c_char = core::ptr::null();
        // SAFETY: CUresult cuGetErrorName(CUresult, const char **), which writes NULL or a text that lives as long as the driver.
        let name = unsafe {
            self.get::<unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int>("cuGetErrorName")
                .ok()
                .map(|of| of(code, &raw mut name))
                .filter(|code| *code == 0 && !name.is_null())
                .map(|_| core::ffi::CStr::from_ptr(name).to_string_lossy().into_owned())
        };
        Err(Error::Device(Box::new(Refused { call, code, name })).into())
    }

    /// Copies `out.len()` values from the address `from` of a device, after what the stream has been given before.
    fn copy<T>(&self, from: *const c_void, out: &mut [T], stream: *mut c_void) -> Done {
        let mut context: *mut c_void = core::ptr::null_mut();
        // SAFETY: the types are those of cuda.h. The driver checks addresses and handles. The copy ends before the
        // call does, and writes the bytes of `out` alone.
        unsafe {
            let attribute: unsafe extern "C" fn(*mut c_void, c_int, usize) -> c_int =
                self.get("cuPointerGetAttribute")?;
            let push: unsafe extern "C" fn(*mut c_void) -> c_int = self.get("cuCtxPushCurrent_v2")?;
            let pop: unsafe extern "C" fn(*mut *mut c_void) -> c_int = self.get("cuCtxPopCurrent_v2")?;
            let copy: Copy = self.get("cuMemcpyDtoHAsync_v2")?;
            let synchronize: unsafe extern "C" fn(*mut c_void) -> c_int = self.get("cuStreamSynchronize")?;
            let at = from as usize;
            self.check("cuPointerGetAttribute", attribute((&raw mut context).cast(), CONTEXT, at))?;
            // Memory of a pool may belong to no context: then that of the thread serves.
            if !context.is_null() {
                self.check("cuCtxPushCurrent", push(context))?;
            }
            let copied = copy(out.as_mut_ptr().cast(), at, size_of_val(out), stream);
            let ended = synchronize(stream);
            let popped = if context.is_null() { 0 } else { pop(&raw mut context) };
            self.check("cuMemcpyDtoHAsync", copied)?;
            self.check("cuStreamSynchronize", ended)?;
            self.check("cuCtxPopCurrent", popped)
        }
    }
}

/// The rows of a view of device memory, copied.
pub(crate) fn fetched<T: RowElement + Pod + Send + Sync>(
    what: &'static str,
    view: &pauca_view,
    layout: Layout,
) -> Done<Input> {
    if layout.reach > 0 && view.data.is_null() {
        return Err(Failure::Null(what));
    }
    let mut values: Vec<T> = room(layout.reach)?;
    values.resize(layout.reach, T::zeroed());
    if layout.reach > 0 {
        // SAFETY: the driver's library may be loaded by any program; its constructors are NVIDIA's.
        let library = unsafe { Library::new(DRIVER) };
        let library = library.map_err(|error| Error::Device(Box::new(error)))?;
        Driver { library }.copy(view.data, &mut values, view.stream)?;
    }
    Ok(Input::Source(Arc::new(Copied { values, layout })))
}

/// Rows that were copied from a device.
struct Copied<T> {
    values: Vec<T>,
    layout: Layout,
}

impl<T: RowElement> Copied<T> {
    /// Rows `range`, where they lie.
    fn rows(&self, range: Range<usize>) -> Result<Rows<'_>> {
        let Layout { n, d, strides, .. } = self.layout;
        let inside = range.start <= range.end && range.end <= n;
        let first = (range.start * strides[0]).min(self.values.len());
        if !inside {
            return Err(Error::ShapeMismatch { what: "row", expected: n, found: range.end });
        }
        Rows::strided(&self.values[first..], [range.len(), d], strides.map(|stride| stride as isize))
    }
}

impl<T: RowElement + Pod + Send + Sync> RowSource for Copied<T> {
    fn n_rows(&self) -> usize {
        self.layout.n
    }

    fn dim(&self) -> usize {
        self.layout.d
    }

    fn resident(&self) -> Option<Rows<'_>> {
        self.rows(0..self.layout.n).ok()
    }

    fn read<'a>(&'a self, range: Range<usize>, _: &'a mut Scratch) -> Result<Rows<'a>> {
        self.rows(range)
    }

    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        let Layout { n, d, strides, .. } = self.layout;
        let len = rows.len().checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let out = scratch.elements::<T>(len)?;
        for (out, &i) in out.chunks_exact_mut(d.max(1)).zip(rows) {
            if i >= n {
                return Err(Error::ShapeMismatch { what: "row", expected: n, found: i });
            }
            for (j, out) in out.iter_mut().enumerate() {
                *out = self.values[i * strides[0] + j * strides[1]];
            }
        }
        Rows::strided(&*out, [rows.len(), d], [d as isize, 1])
    }
}
