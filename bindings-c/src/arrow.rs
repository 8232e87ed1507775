//! Lists of numbers of Apache Arrow, by its C Data and C Stream interfaces.
//!
//! Rows are lists of one length: FixedSizeList, or List and LargeList all of whose lists are equally long (what pandas and
//! datasets write). Offsets of slices are honoured. Nulls are refused, with their row. A struct of one column (a record
//! batch, a frame) stands for that column.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ops::Range;

use pauca::{Error, Result, RowSource, Rows, Scratch, Shards};

use crate::door::{Door, room};
use crate::source::{of, pauca_source};
use crate::status::{Done, Failure, PAUCA_NONE, pauca_error, pauca_status};
use crate::view::{Input, PAUCA_F16, PAUCA_F32, PAUCA_F64, pauca_view};

#[repr(C)]
pub(crate) struct Schema {
    pub format: *const c_char,
    pub name: *const c_char,
    pub metadata: *const c_char,
    pub flags: i64,
    pub n_children: i64,
    pub children: *const *const Schema,
    pub dictionary: *const Schema,
    pub release: Option<unsafe extern "C" fn(*mut Schema)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
pub(crate) struct Array {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *const *const c_void,
    pub children: *const *const Array,
    pub dictionary: *const Array,
    pub release: Option<unsafe extern "C" fn(*mut Array)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    pub get_schema: Option<unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int>,
    pub get_next: Option<unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int>,
    pub get_last_error: Option<unsafe extern "C" fn(*mut Stream) -> *const c_char>,
    pub release: Option<unsafe extern "C" fn(*mut Stream)>,
    pub private_data: *mut c_void,
}

const WHAT: &str = "Arrow array";

fn malformed(why: &'static str) -> Failure {
    Failure::Format { what: WHAT, why }
}

fn index(number: i64) -> Done<usize> {
    usize::try_from(number).map_err(|_| malformed("a length or an offset is negative"))
}

/// What the lists of a schema are.
enum Lists {
    Fixed(usize),
    Small,
    Large,
}

/// The lists, and the type of their values, that a schema describes; whether they lie in a struct.
struct Column {
    lists: Lists,
    dtype: i32,
    in_struct: bool,
}

impl Column {
    fn of(door: &Door, schema: &Schema) -> Done<Self> {
        if format(door, schema)? == b"+s" {
            if schema.n_children != 1 {
                return Err(malformed("a struct must have one column: that of the rows"));
            }
            let inner = child(door, schema.children)?;
            return Ok(Self { in_struct: true, ..Self::of_list(door, inner)? });
        }
        Self::of_list(door, schema)
    }

    fn of_list(door: &Door, schema: &Schema) -> Done<Self> {
        if !schema.dictionary.is_null() {
            return Err(malformed("a dictionary is no list of numbers"));
        }
        let lists = match format(door, schema)? {
            b"+l" => Lists::Small,
            b"+L" => Lists::Large,
            other => {
                let digits = other.strip_prefix(b"+w:").and_then(|digits| core::str::from_utf8(digits).ok());
                let expected = "expected lists (+w:d, +l, +L) of numbers";
                Lists::Fixed(digits.and_then(|d| d.parse().ok()).ok_or(malformed(expected))?)
            }
        };
        if schema.n_children != 1 {
            return Err(malformed("a list has one child"));
        }
        let dtype = match format(door, child(door, schema.children)?)? {
            b"e" => PAUCA_F16,
            b"f" => PAUCA_F32,
            b"g" => PAUCA_F64,
            _ => return Err(malformed("expected lists of f16, f32 or f64")),
        };
        Ok(Self { lists, dtype, in_struct: false })
    }

    /// The rows of an array of this schema.
    fn view(&self, door: &Door, array: &Array) -> Done<pauca_view> {
        if !self.in_struct {
            return self.rows(door, array, 0, index(array.length)?);
        }
        let (offset, length) = (index(array.offset)?, index(array.length)?);
        if array.n_children != 1 {
            return Err(malformed("a struct must have one column: that of the rows"));
        }
        no_nulls(door, array, offset, length, |row| (row, None))?;
        self.rows(door, child(door, array.children)?, offset, length)
    }

    /// The rows of a list array from `first` on, counted from its own offset.
    fn rows(&self, door: &Door, array: &Array, first: usize, n: usize) -> Done<pauca_view> {
        let own = index(array.length)?;
        if first.checked_add(n).is_none_or(|end| end > own) {
            return Err(malformed("a column is shorter than its struct"));
        }
        let start = index(array.offset)?.checked_add(first).ok_or(malformed("an offset is out of range"))?;
        no_nulls(door, array, start, n, |row| (row, None))?;
        if array.n_children != 1 {
            return Err(malformed("a list has one child"));
        }
        let values = child(door, array.children)?;
        let (from, d) = match self.lists {
            Lists::Fixed(d) => (start.checked_mul(d), d),
            Lists::Small => spans(buffer::<i32>(door, array, 1, start, n + 1)?)?,
            Lists::Large => spans(buffer::<i64>(door, array, 1, start, n + 1)?)?,
        };
        let out_of_range = || malformed("an offset is out of range");
        let (from, count) = (from.ok_or_else(out_of_range)?, n.checked_mul(d).ok_or_else(out_of_range)?);
        if from.checked_add(count).is_none_or(|end| index(values.length).is_ok_and(|len| end > len)) {
            return Err(malformed("the lists reach beyond their values"));
        }
        let from = from.checked_add(index(values.offset)?).ok_or_else(out_of_range)?;
        no_nulls(door, values, from, count, |i| (i / d.max(1), Some(i % d.max(1))))?;
        let size = match self.dtype {
            PAUCA_F16 => 2,
            PAUCA_F32 => 4,
            _ => 8,
        };
        let bytes = buffer::<u8>(door, values, 1, 0, 0)?.as_ptr();
        let data = match (count, from.checked_mul(size)) {
            (0, _) => core::ptr::null(),
            (_, Some(skip)) => bytes.wrapping_add(skip),
            _ => return Err(out_of_range()),
        };
        Ok(pauca_view { dtype: self.dtype, ..pauca_view::packed(data.cast(), n as u64, d as u64) })
    }
}

/// Where the first list begins, and how long all of them are.
fn spans<T: Copy + TryInto<i64>>(offsets: &[T]) -> Done<(Option<usize>, usize)> {
    let at = |i: usize| -> Done<usize> {
        let number = offsets.get(i).copied().and_then(|o| o.try_into().ok());
        index(number.ok_or(malformed("an offset is out of range"))?)
    };
    let begin = at(0)?;
    if offsets.len() < 2 {
        return Ok((Some(begin), 0));
    }
    let d = at(1)?.checked_sub(begin).ok_or(malformed("offsets fall"))?;
    for row in 0..offsets.len() - 1 {
        let found = at(row + 1)?.checked_sub(at(row)?).ok_or(malformed("offsets fall"))?;
        if found != d {
            return Err(Failure::Ragged { row: row as u64, expected: d, found });
        }
    }
    Ok((Some(begin), d))
}

fn format<'d>(door: &'d Door, schema: &'d Schema) -> Done<&'d [u8]> {
    door.get("format of the schema", schema.format)?;
    // SAFETY: not NULL; Arrow promises a text closed by 0.
    Ok(unsafe { CStr::from_ptr(schema.format) }.to_bytes())
}

fn child<T>(door: &Door, children: *const *const T) -> Done<&T> {
    door.get("child of an Arrow array", *door.get("children of an Arrow array", children)?)
}

/// The values of a buffer from `start` on. A NULL buffer is refused where a value is asked for.
fn buffer<'d, T>(door: &'d Door, array: &'d Array, which: usize, start: usize, len: usize) -> Done<&'d [T]> {
    let many = index(array.n_buffers)?;
    if which >= many {
        return Err(malformed("a buffer is missing"));
    }
    let all = door.slice("buffers of an Arrow array", array.buffers, many)?;
    let base = all[which].cast::<T>();
    if base.is_null() && len == 0 {
        return Ok(&[]);
    }
    if len == 0 {
        // Only the address is asked for.
        door.get("buffer of an Arrow array", base)?;
        // SAFETY: not NULL and aligned; no value is read.
        return Ok(unsafe { core::slice::from_raw_parts(base, 0) });
    }
    let from = if base.is_null() { base } else { base.wrapping_add(start) };
    door.slice("buffer of an Arrow array", from, len)
}

/// Refuses the first null among `len` values from `start` on; `place` gives its row and column.
fn no_nulls(
    door: &Door,
    array: &Array,
    start: usize,
    len: usize,
    place: impl Fn(usize) -> (usize, Option<usize>),
) -> Done {
    if array.null_count == 0 || array.n_buffers == 0 || len == 0 {
        return Ok(());
    }
    let all = door.slice("buffers of an Arrow array", array.buffers, index(array.n_buffers)?)?;
    let bits = all[0].cast::<u8>();
    if bits.is_null() {
        return Ok(());
    }
    let end = start.checked_add(len).ok_or(malformed("an offset is out of range"))?;
    let bytes = door.slice("validity of an Arrow array", bits, end.div_ceil(8))?;
    match (start..end).position(|i| bytes[i / 8] >> (i % 8) & 1 == 0) {
        None => Ok(()),
        Some(i) => {
            let (row, col) = place(i);
            Err(Failure::NullValue { row: row as u64, col: col.map_or(PAUCA_NONE, |col| col as u64) })
        }
    }
}

/// A view of an Arrow array by the C Data interface: struct ArrowSchema and struct ArrowArray. Both are borrowed: they
/// must live as long as the view is used, and their release stays the caller's to call. Lists of one length, of f16, f32
/// or f64.
/// Errors: PAUCA_UNSUPPORTED_TYPE, PAUCA_NULL_VALUE with the row, PAUCA_SHAPE_MISMATCH with the row for lists of
/// different lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_view_from_arrow(
    schema: *const c_void,
    array: *const c_void,
    view: *mut pauca_view,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let schema = door.get("schema", schema.cast::<Schema>())?;
        let array = door.get("array", array.cast::<Array>())?;
        let out = door.out("view", view, 1)?;
        if schema.release.is_none() || array.release.is_none() {
            return Err(malformed("it was released"));
        }
        out.write(&[Column::of(door, schema)?.view(door, array)?]);
        Ok(())
    })
}

/// An array that the library has to release.
struct Owned(Box<Array>);

// SAFETY: Arrow's arrays may be released on any thread, and are not changed.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: an array that was not released yet.
            unsafe { release(&raw mut *self.0) }
        }
    }
}

/// A schema that the library has to release.
struct OwnedSchema(Schema);

impl Drop for OwnedSchema {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: a schema that was not released yet.
            unsafe { release(&raw mut self.0) }
        }
    }
}

/// A stream that the library has to release.
struct OwnedStream<'s>(&'s mut Stream);

impl Drop for OwnedStream<'_> {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: a stream that was not released yet; it sets its own release to NULL.
            unsafe { release(&raw mut *self.0) }
            self.0.release = None;
        }
    }
}

impl OwnedStream<'_> {
    /// The error of a callback that answered `code`.
    fn failed(&mut self, code: c_int) -> Failure {
        let text = self.0.get_last_error.map(|last| {
            // SAFETY: the stream's function, called after a failure.
            unsafe { last(&raw mut *self.0) }
        });
        let text = match text.filter(|text| !text.is_null()) {
            // SAFETY: Arrow promises a text closed by 0.
            Some(text) => unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned(),
            None => alloc::format!("the Arrow stream returned {code}"),
        };
        Failure::Core(Error::Source(text.into()))
    }
}

/// Chunks of a stream, one after the other.
struct Chunks {
    rows: Shards<Input>,
    _owned: Vec<Owned>,
}

impl RowSource for Chunks {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }
    fn dim(&self) -> usize {
        self.rows.dim()
    }
    fn row_id(&self, i: usize) -> u64 {
        self.rows.row_id(i)
    }
    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.rows.read(range, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.rows.gather(rows, scratch)
    }
}

/// A source of the chunks of a struct ArrowArrayStream, one after the other, without a copy. The stream is consumed and
/// released, also when this call fails (but for a NULL argument); its arrays are held until source and runs are freed.
/// f64 is rounded as it is read. Free the source with pauca_source_free.
/// Errors: as pauca_view_from_arrow, with rows counted over all chunks; PAUCA_SOURCE with the stream's own text;
/// PAUCA_EMPTY without rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_source_from_arrow_stream(
    stream: *mut c_void,
    out: *mut *mut pauca_source,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let out = door.handle("out", out)?;
        let stream = door.get_mut("stream", stream.cast::<Stream>())?;
        let (Some(get_schema), Some(get_next), Some(_)) =
            (stream.get_schema, stream.get_next, stream.release)
        else {
            return Err(Failure::Format { what: "Arrow stream", why: "it was released" });
        };
        let mut stream = OwnedStream(stream);
        // SAFETY: all zeros are an empty schema.
        let mut schema = OwnedSchema(unsafe { core::mem::zeroed() });
        // SAFETY: the stream's function, called as Arrow says.
        let code = unsafe { get_schema(&raw mut *stream.0, &raw mut schema.0) };
        if code != 0 {
            return Err(stream.failed(code));
        }
        let column = Column::of(door, &schema.0)?;
        let (mut owned, mut parts, mut before) = (Vec::new(), Vec::new(), 0u64);
        loop {
            let mut slot = room(1)?;
            // SAFETY: all zeros are a released array.
            slot.push(unsafe { core::mem::zeroed::<Array>() });
            let Ok(slot): core::result::Result<Box<[Array; 1]>, _> = slot.into_boxed_slice().try_into()
            else {
                return Err(malformed("no room"));
            };
            // SAFETY: an array of one value has the layout of that value.
            let mut array = Owned(unsafe { Box::from_raw(Box::into_raw(slot).cast()) });
            // SAFETY: the stream's function, called as Arrow says.
            let code = unsafe { get_next(&raw mut *stream.0, &raw mut *array.0) };
            if code != 0 {
                return Err(stream.failed(code));
            }
            if array.0.release.is_none() {
                break;
            }
            // The notes of one chunk's buffers are of no use to the next.
            // SAFETY: the stream's arrays obey the contract as the call's own arguments do.
            let inner = unsafe { Door::open(core::ptr::null_mut()) };
            let view = column.view(&inner, &array.0).map_err(|failure| failure.after(before))?;
            if view.rows > 0 {
                before = before.saturating_add(view.rows);
                let rows = inner.rows("chunk", &raw const view)?;
                if parts.try_reserve(1).is_err() || owned.try_reserve(1).is_err() {
                    return Err(Error::OutOfMemory { bytes: size_of::<Input>() }.into());
                }
                parts.push(rows);
                owned.push(array);
            }
        }
        let source = of(Chunks { rows: Shards::new(parts)?, _owned: owned });
        out.put(source)
    })
}
