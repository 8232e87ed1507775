//! Results as a table of Apache Arrow: a stream of one chunk, by the C Stream interface.
//!
//! The values are copied, because a reader keeps them as long as it likes. What a struct stands on lies in a box at its
//! private_data; a child may be moved out of its parent, so each has a box of its own.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null;

use pauca::Error;

use crate::arrow::{Array, Schema, Stream};
use crate::door::{Door, boxed, contained, copied, room, size};
use crate::status::{Done, Failure, pauca_error, pauca_status};
use crate::view::{PAUCA_F32, PAUCA_F64};

/// One byte each, 0 for false: a column of truth values.
pub const PAUCA_BOOL: i32 = 10;
/// u32, in a column.
pub const PAUCA_U32: i32 = 11;
/// i64, in a column.
pub const PAUCA_I64: i32 = 12;
/// u64, in a column.
pub const PAUCA_U64: i32 = 13;

/// A column of a table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_column {
    /// Its name: UTF-8, closed by 0.
    pub name: *const c_char,
    /// [n]: its values.
    pub values: *const c_void,
    /// NULL, or [n]: 0 where the value is missing, else 1.
    pub valid: *const u8,
    /// PAUCA_BOOL, PAUCA_U32, PAUCA_I64, PAUCA_U64, PAUCA_F32 or PAUCA_F64.
    pub dtype: i32,
    /// 0.
    pub reserved: i32,
}

/// ARROW_FLAG_NULLABLE.
const NULLABLE: i64 = 2;
/// ENOMEM, EINVAL.
const OUT_OF_MEMORY: c_int = 12;
const INVALID: c_int = 22;

/// A column that was copied.
struct Column {
    name: Vec<u8>,
    format: &'static CStr,
    /// In words, so that they are aligned for any type.
    values: Vec<u64>,
    is_nullable: bool,
    /// One bit a value.
    valid: Option<Vec<u64>>,
    missing: i64,
}

/// What a stream stands on. A chunk takes the values with it.
struct Table {
    columns: Vec<Column>,
    n: usize,
    /// The chunk was handed out.
    is_done: bool,
}

/// What a schema stands on.
struct SchemaParts {
    name: Vec<u8>,
    children: Vec<Schema>,
    pointers: Vec<*const Schema>,
}

/// What an array stands on.
struct ArrayParts {
    column: Option<Column>,
    buffers: [*const c_void; 2],
    children: Vec<Array>,
    pointers: Vec<*const Array>,
}

/// One bit for each byte that is not 0.
fn bits(bytes: &[u8]) -> Done<Vec<u64>> {
    let mut words = room(bytes.len().div_ceil(64))?;
    words.extend(bytes.chunks(64).map(|chunk| {
        let mut word = [0u8; 8];
        chunk.iter().enumerate().for_each(|(i, byte)| word[i / 8] |= u8::from(*byte != 0) << (i % 8));
        u64::from_ne_bytes(word)
    }));
    Ok(words)
}

/// The bytes as words.
fn words(bytes: &[u8]) -> Done<Vec<u64>> {
    let mut words = room(bytes.len().div_ceil(8))?;
    words.extend(bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    }));
    Ok(words)
}

/// The bytes of `n` values of a column.
fn bytes<'d, T>(door: &'d Door, column: &pauca_column, n: usize) -> Done<&'d [u8]> {
    door.slice("values of a column", column.values.cast::<T>(), n)?;
    door.slice("values of a column", column.values.cast::<u8>(), n * size_of::<T>())
}

impl Column {
    fn new(door: &Door, column: &pauca_column, n: usize) -> Done<Self> {
        if column.reserved != 0 {
            let offset = core::mem::offset_of!(pauca_column, reserved);
            return Err(Failure::Option { what: "column", offset });
        }
        door.get("name of a column", column.name)?;
        // SAFETY: not NULL; the header promises a text closed by 0.
        let name = copied(unsafe { CStr::from_ptr(column.name) }.to_bytes_with_nul())?;
        let (format, values) = match column.dtype {
            PAUCA_BOOL => (c"b", bits(bytes::<u8>(door, column, n)?)?),
            PAUCA_U32 => (c"I", words(bytes::<u32>(door, column, n)?)?),
            PAUCA_I64 => (c"l", words(bytes::<i64>(door, column, n)?)?),
            PAUCA_U64 => (c"L", words(bytes::<u64>(door, column, n)?)?),
            PAUCA_F32 => (c"f", words(bytes::<f32>(door, column, n)?)?),
            PAUCA_F64 => (c"g", words(bytes::<f64>(door, column, n)?)?),
            other => {
                let (what, found) = ("dtype of a column", other.into());
                return Err(Failure::Type { what, found, expected: "a type of columns" });
            }
        };
        let valid = door.slice_or_null("valid of a column", column.valid, n)?;
        let missing = valid.map_or(0, |valid| valid.iter().filter(|valid| **valid == 0).count()) as i64;
        let valid = valid.map(bits).transpose()?;
        Ok(Self { name, format, values, is_nullable: valid.is_some(), valid, missing })
    }
}

/// Where the children of a struct are.
fn places<T>(children: &mut [T]) -> Done<Vec<*const T>> {
    let mut pointers = room(children.len())?;
    pointers.extend(children.iter_mut().map(|child| (&raw mut *child).cast_const()));
    Ok(pointers)
}

impl SchemaParts {
    fn new(name: &[u8], children: usize) -> Done<Self> {
        Ok(Self { name: copied(name)?, children: room(children)?, pointers: Vec::new() })
    }

    /// The schema that stands on these parts.
    fn schema(mut self, format: &'static CStr, flags: i64) -> Done<Schema> {
        self.pointers = places(&mut self.children)?;
        let parts = boxed(self)?;
        Ok(Schema {
            format: format.as_ptr(),
            name: parts.name.as_ptr().cast(),
            metadata: null(),
            flags,
            n_children: parts.children.len() as i64,
            children: if parts.children.is_empty() { null() } else { parts.pointers.as_ptr() },
            dictionary: null(),
            release: Some(release_schema),
            private_data: Box::into_raw(parts).cast(),
        })
    }
}

impl ArrayParts {
    fn new(column: Option<Column>, children: usize) -> Done<Self> {
        let buffers = column.as_ref().map_or([null(); 2], |column| {
            let valid = column.valid.as_ref().map_or(null(), |bits| bits.as_ptr().cast());
            [valid, column.values.as_ptr().cast()]
        });
        Ok(Self { column, buffers, children: room(children)?, pointers: Vec::new() })
    }

    /// The array of `n` values that stands on these parts.
    fn array(mut self, n: usize) -> Done<Array> {
        self.pointers = places(&mut self.children)?;
        let parts = boxed(self)?;
        let (null_count, n_buffers) = parts.column.as_ref().map_or((0, 1), |column| (column.missing, 2));
        Ok(Array {
            length: n as i64,
            null_count,
            offset: 0,
            n_buffers,
            n_children: parts.children.len() as i64,
            buffers: parts.buffers.as_ptr(),
            children: if parts.children.is_empty() { null() } else { parts.pointers.as_ptr() },
            dictionary: null(),
            release: Some(release_array),
            private_data: Box::into_raw(parts).cast(),
        })
    }
}

impl Drop for SchemaParts {
    fn drop(&mut self) {
        // A child that was moved out has no release any more.
        for child in &mut self.children {
            if let Some(release) = child.release {
                // SAFETY: a schema of ours that was not released yet.
                unsafe { release(&raw mut *child) }
            }
        }
    }
}

impl Drop for ArrayParts {
    fn drop(&mut self) {
        for child in &mut self.children {
            if let Some(release) = child.release {
                // SAFETY: an array of ours that was not released yet.
                unsafe { release(&raw mut *child) }
            }
        }
    }
}

unsafe extern "C" fn release_schema(schema: *mut Schema) {
    // SAFETY: Arrow calls this with a schema of ours, once.
    unsafe {
        drop(Box::from_raw((*schema).private_data.cast::<SchemaParts>()));
        (*schema).release = None;
    }
}

unsafe extern "C" fn release_array(array: *mut Array) {
    // SAFETY: Arrow calls this with an array of ours, once.
    unsafe {
        drop(Box::from_raw((*array).private_data.cast::<ArrayParts>()));
        (*array).release = None;
    }
}

unsafe extern "C" fn release_stream(stream: *mut Stream) {
    // SAFETY: Arrow calls this with a stream of ours, once.
    unsafe {
        drop(Box::from_raw((*stream).private_data.cast::<Table>()));
        (*stream).release = None;
    }
}

impl Table {
    fn schema(&self) -> Done<Schema> {
        let mut whole = SchemaParts::new(b"\0", self.columns.len())?;
        for column in &self.columns {
            let flags = if column.is_nullable { NULLABLE } else { 0 };
            whole.children.push(SchemaParts::new(&column.name, 0)?.schema(column.format, flags)?);
        }
        whole.schema(c"+s", 0)
    }

    /// The chunk at first, and then the end, which is an array without release.
    fn next(&mut self) -> Done<Option<Array>> {
        if self.is_done {
            return Ok(None);
        }
        let mut whole = ArrayParts::new(None, self.columns.len())?;
        for column in &mut self.columns {
            let column = Column {
                name: Vec::new(),
                format: column.format,
                values: core::mem::take(&mut column.values),
                is_nullable: column.is_nullable,
                valid: column.valid.take(),
                missing: column.missing,
            };
            whole.children.push(ArrayParts::new(Some(column), 0)?.array(self.n)?);
        }
        self.is_done = true;
        whole.array(self.n).map(Some)
    }
}

fn answer(failure: &Failure) -> c_int {
    if matches!(failure, Failure::Core(Error::OutOfMemory { .. })) { OUT_OF_MEMORY } else { INVALID }
}

unsafe extern "C" fn get_schema(stream: *mut Stream, out: *mut Schema) -> c_int {
    // SAFETY: Arrow calls this with a stream of ours and room for a schema.
    unsafe {
        let table = &*(*stream).private_data.cast::<Table>();
        match contained(|| table.schema()) {
            Ok(schema) => out.write(schema),
            Err(failure) => return answer(&failure),
        }
    }
    0
}

unsafe extern "C" fn get_next(stream: *mut Stream, out: *mut Array) -> c_int {
    // SAFETY: Arrow calls this with a stream of ours and room for an array; all zeros are a released one.
    unsafe {
        let table = &mut *(*stream).private_data.cast::<Table>();
        match contained(|| table.next()) {
            Ok(array) => out.write(array.unwrap_or_else(|| core::mem::zeroed())),
            Err(failure) => return answer(&failure),
        }
    }
    0
}

unsafe extern "C" fn get_last_error(_: *mut Stream) -> *const c_char {
    null()
}

/// A struct ArrowArrayStream of a table of n_rows rows: one chunk, a struct of the columns. The values are copied. stream
/// is written over; who reads it calls its release, on any thread. For results that a data frame or a database reads.
/// Errors: PAUCA_UNSUPPORTED_TYPE, PAUCA_NULL_POINTER, PAUCA_EMPTY without columns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_arrow_stream(
    columns: *const pauca_column,
    n_columns: u64,
    n_rows: u64,
    stream: *mut c_void,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let (k, n) = (size("n_columns", n_columns)?, size("n_rows", n_rows)?);
        if k == 0 {
            return Err(Error::Empty { what: "columns" }.into());
        }
        let out = door.out("stream", stream.cast::<Stream>(), 1)?;
        let mut made = room(k)?;
        for column in door.slice("columns", columns, k)? {
            made.push(Column::new(door, column, n)?);
        }
        let table = boxed(Table { columns: made, n, is_done: false })?;
        out.write(&[Stream {
            get_schema: Some(get_schema),
            get_next: Some(get_next),
            get_last_error: Some(get_last_error),
            release: Some(release_stream),
            private_data: Box::into_raw(table).cast(),
        }]);
        Ok(())
    })
}
