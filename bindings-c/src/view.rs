//! Rows as C hands them in.

use alloc::sync::Arc;
use core::ffi::c_void;
use core::ops::Range;

use half::{bf16, f16};
use ndarray::{Array2, ArrayView2, ShapeBuilder};
use pauca::exact::float::narrow;
use pauca::{Error, IntoRows, Result, RowElement, RowSource, Rows, Scratch};

use crate::context::Call;
use crate::door::{Door, room, size};
use crate::status::{Done, Failure};

/// f32.
pub const PAUCA_F32: i32 = 1;
/// IEEE half precision.
pub const PAUCA_F16: i32 = 2;
/// bfloat16.
pub const PAUCA_BF16: i32 = 3;
/// f64: each value is rounded to f32 when it is read; the log of the context hears of it.
pub const PAUCA_F64: i32 = 4;
/// No values: data is a pauca_source (see pauca_source_as_view).
pub const PAUCA_OF_SOURCE: i32 = 100;

/// Memory of the host: the numbers of devices are those of DLPack.
pub const PAUCA_DEVICE_CPU: i32 = 1;
/// Memory of a CUDA device. A call copies the rows into memory of the host, on the stream of the view; f64 is refused.
pub const PAUCA_DEVICE_CUDA: i32 = 2;
/// Memory of the host that a CUDA device can read.
pub const PAUCA_DEVICE_CUDA_HOST: i32 = 3;
/// Memory that host and CUDA devices share. It is read as that of a CUDA device.
pub const PAUCA_DEVICE_CUDA_MANAGED: i32 = 13;

/// Rows that lie in memory of the caller: value j of row i is data[i * row_stride + j * col_stride]. Memory of the host is
/// not copied: it is read during the call, and for a run (pauca_kmeans_start and so on) until the run is freed. Memory of
/// a CUDA device is copied to the host once, by the call that gets the view. The library never writes to either.
///
/// Strides count elements, not bytes. Where both are 0, the rows lie side by side:
/// pauca_view x = {.data = data, .rows = n, .cols = d, .dtype = PAUCA_F32}; is enough. Set both strides or neither. A
/// stride below 0 is refused, and so are rows that overlap: |row_stride| must be at least the reach of a
/// row, or, for rows that are stored column by column, col_stride the reach of a column.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_view {
    /// The first value of the first row; aligned for the type.
    pub data: *const c_void,
    /// n, the number of rows.
    pub rows: u64,
    /// d, the number of values in a row.
    pub cols: u64,
    /// Elements from a row to the next.
    pub row_stride: i64,
    /// Elements from a column to the next.
    pub col_stride: i64,
    /// PAUCA_F32, PAUCA_F16, PAUCA_BF16, PAUCA_F64.
    pub dtype: i32,
    /// 0 or PAUCA_DEVICE_CPU, or one of the other PAUCA_DEVICE_...
    pub device: i32,
    /// The number of the device. It is not looked at: the driver knows the device of an address.
    pub device_id: i32,
    /// 0.
    pub reserved: i32,
    /// The CUDA stream (CUstream) on which the data are made; NULL is the default stream. For memory of the host NULL.
    pub stream: *mut c_void,
}

/// The rows of a call.
#[derive(Clone)]
pub(crate) enum Input {
    /// They lie in memory.
    Rows(Rows<'static>),
    /// They lie in memory, and are rounded as they are read.
    Wide(Wide),
    /// They come from a source.
    Source(Shared),
}

/// A source that several handles and runs hold.
pub(crate) type Shared = Arc<dyn RowSource + Send>;

impl pauca_view {
    /// Rows of f32 side by side.
    pub(crate) fn packed(data: *const c_void, rows: u64, cols: u64) -> Self {
        Self {
            data,
            rows,
            cols,
            row_stride: 0,
            col_stride: 0,
            dtype: PAUCA_F32,
            device: PAUCA_DEVICE_CPU,
            device_id: 0,
            reserved: 0,
            stream: core::ptr::null_mut(),
        }
    }
}

/// Rows of f64.
#[derive(Clone, Copy)]
pub(crate) struct Wide {
    view: ArrayView2<'static, f64>,
}

impl Wide {
    fn copied<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = usize>,
        scratch: &'a mut Scratch,
    ) -> Result<Rows<'a>> {
        let (n, d) = (rows.len(), self.view.ncols());
        let len = n.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let out = scratch.elements::<f32>(len)?;
        for (out, i) in out.chunks_exact_mut(d.max(1)).zip(rows) {
            let expected = self.view.nrows();
            if i >= expected {
                return Err(Error::ShapeMismatch { what: "row", expected, found: i });
            }
            out.iter_mut().zip(self.view.row(i)).for_each(|(out, x)| *out = narrow(*x));
        }
        (&*out, n, d).into_rows()
    }
}

impl RowSource for Wide {
    fn n_rows(&self) -> usize {
        self.view.nrows()
    }
    fn dim(&self) -> usize {
        self.view.ncols()
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.copied(range, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.copied(rows.iter().copied(), scratch)
    }
}

/// Runs `$body` with the source inside.
macro_rules! each {
    ($input:expr, $source:ident => $body:expr) => {
        match $input {
            Input::Rows($source) => $body,
            Input::Wide($source) => $body,
            Input::Source($source) => {
                let $source = &**$source;
                $body
            }
        }
    };
}

impl RowSource for Input {
    fn n_rows(&self) -> usize {
        each!(self, s => RowSource::n_rows(s))
    }
    fn dim(&self) -> usize {
        each!(self, s => RowSource::dim(s))
    }
    fn row_id(&self, i: usize) -> u64 {
        each!(self, s => s.row_id(i))
    }
    fn resident(&self) -> Option<Rows<'_>> {
        each!(self, s => s.resident())
    }
    fn lasting<'a>(&self) -> Option<Rows<'a>>
    where
        Self: 'a,
    {
        match self {
            Input::Rows(rows) => rows.lasting(),
            _ => None,
        }
    }
    fn block_rows(&self) -> usize {
        each!(self, s => s.block_rows())
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        each!(self, s => s.read(range, scratch))
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        each!(self, s => s.gather(rows, scratch))
    }
}

impl Input {
    /// Tells the log when rows are rounded.
    pub fn announce(&self, call: &Call<'_>) {
        if let Input::Wide(_) = self {
            call.warn(c"rows of f64 are rounded to f32 as they are read");
        }
    }
}

/// Shape and strides of a view.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub n: usize,
    pub d: usize,
    pub strides: [usize; 2],
    /// Values from the first to the last, both counted.
    pub reach: usize,
}

fn layout(what: &'static str, view: &pauca_view) -> Done<Layout> {
    let (n, d) = (size(what, view.rows)?, size(what, view.cols)?);
    let refused = |name, value: i64, expected| {
        Err(Failure::Core(Error::InvalidParameter { name, value: value as f64, expected }))
    };
    if view.row_stride < 0 {
        return refused("row_stride", view.row_stride, "at least 0");
    }
    if view.col_stride < 0 {
        return refused("col_stride", view.col_stride, "at least 0");
    }
    let large = |size| Failure::Core(Error::TooLarge { what, size, limit: isize::MAX as usize });
    let strides = match (view.row_stride, view.col_stride) {
        (0, 0) => [d, 1],
        (row, col) => [size(what, row as u64)?, size(what, col as u64)?],
    };
    if n == 0 || d == 0 {
        return Ok(Layout { n, d, strides, reach: 0 });
    }
    let span = |count: usize, stride: usize| (count - 1).checked_mul(stride).ok_or(large(count));
    let (rows, cols) = (span(n, strides[0])?, span(d, strides[1])?);
    let last = rows.checked_add(cols).filter(|last| *last < isize::MAX as usize).ok_or(large(n))?;
    // Side by side or nested: rows in columns, or columns in rows.
    let apart = (n == 1 || strides[0] > cols) && (d == 1 || strides[1] > 0);
    let nested = (d == 1 || strides[1] > rows) && (n == 1 || strides[0] > 0);
    if !apart && !nested {
        // The larger stride is the one that has to keep rows, or columns, apart.
        let by_column = d > 1 && strides[0] > 0 && (strides[1] > strides[0] || strides[1] == 0);
        return match by_column {
            true if strides[1] == 0 => refused("col_stride", 0, "at least 1 beside this row_stride"),
            true => refused("col_stride", view.col_stride, "at least (rows - 1) * row_stride + 1"),
            false => refused("row_stride", view.row_stride, "at least (cols - 1) * col_stride + 1"),
        };
    }
    Ok(Layout { n, d, strides, reach: last + 1 })
}

#[cfg(feature = "std")]
fn from_device(what: &'static str, view: &pauca_view) -> Done<Input> {
    let layout = layout(what, view)?;
    match view.dtype {
        PAUCA_F32 => crate::cuda::fetched::<f32>(what, view, layout),
        PAUCA_F16 => crate::cuda::fetched::<f16>(what, view, layout),
        PAUCA_BF16 => crate::cuda::fetched::<bf16>(what, view, layout),
        other => {
            Err(Failure::Type { what, found: other.into(), expected: "PAUCA_F32, F16, BF16 on a device" })
        }
    }
}

#[cfg(not(feature = "std"))]
fn from_device(what: &'static str, view: &pauca_view) -> Done<Input> {
    let why = "this library was built without std: only memory of the host is read";
    Err(Failure::Device { what, device: view.device, why })
}

impl Door {
    /// The rows of a view, for as long as the caller has promised to keep them.
    pub fn rows(&self, what: &'static str, view: *const pauca_view) -> Done<Input> {
        let view = self.get(what, view)?;
        self.note(what, (&raw const *view) as usize, size_of::<pauca_view>(), false)?;
        if view.dtype == PAUCA_OF_SOURCE {
            return crate::source::pauca_source::of_view(self, what, view);
        }
        if view.reserved != 0 {
            return Err(Failure::Option { what, offset: core::mem::offset_of!(pauca_view, reserved) });
        }
        let refused = |why| Err(Failure::Device { what, device: view.device, why });
        match view.device {
            0 | PAUCA_DEVICE_CPU | PAUCA_DEVICE_CUDA_HOST if view.stream.is_null() => {}
            0 | PAUCA_DEVICE_CPU | PAUCA_DEVICE_CUDA_HOST => {
                return refused("memory of the host has no stream");
            }
            PAUCA_DEVICE_CUDA | PAUCA_DEVICE_CUDA_MANAGED => return from_device(what, view),
            _ => return refused("only memory of the host and of CUDA devices is read"),
        }
        let layout = layout(what, view)?;
        match view.dtype {
            PAUCA_F32 => self.typed::<f32>(what, view, layout),
            PAUCA_F16 => self.typed::<f16>(what, view, layout),
            PAUCA_BF16 => self.typed::<bf16>(what, view, layout),
            PAUCA_F64 => {
                let values: &'static [f64] = self.slice(what, view.data.cast(), layout.reach)?;
                let shape = [layout.n, layout.d].strides(layout.strides);
                let view = match layout.reach {
                    0 => ArrayView2::from_shape([layout.n, layout.d], values),
                    _ => ArrayView2::from_shape(shape, values),
                };
                let view = view.map_err(|_| Error::ShapeMismatch {
                    what,
                    expected: layout.reach,
                    found: values.len(),
                })?;
                Ok(Input::Wide(Wide { view }))
            }
            other => Err(Failure::Type { what, found: other.into(), expected: "PAUCA_F32, F16, BF16, F64" }),
        }
    }

    fn typed<T: RowElement + 'static>(
        &self,
        what: &'static str,
        view: &pauca_view,
        layout: Layout,
    ) -> Done<Input> {
        let values: &'static [T] = self.slice(what, view.data.cast(), layout.reach)?;
        let strides = layout.strides.map(|stride| stride as isize);
        Ok(Input::Rows(Rows::strided(values, [layout.n, layout.d], strides)?))
    }
}

/// The rows as f32, copied side by side: for what is small, centroids for one.
pub(crate) fn packed(rows: &Input) -> Done<Array2<f32>> {
    let (n, d) = (rows.n_rows(), rows.dim());
    let mut values = room(n.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?)?;
    let mut buffer = room(d)?;
    buffer.resize(d, 0.0);
    blocks(rows, |_, block| {
        for i in 0..block.n_rows() {
            values.extend_from_slice(block.row(i, &mut buffer)?);
        }
        Ok(())
    })?;
    Ok(Array2::from_shape_vec((n, d), values).map_err(|_| Error::Empty { what: "rows" })?)
}

/// Hands on the rows block by block, with the range that each is.
pub(crate) fn blocks(rows: &Input, mut each: impl FnMut(Range<usize>, Rows<'_>) -> Done) -> Done {
    let (n, d, step) = (rows.n_rows(), rows.dim(), rows.block_rows().max(1));
    let mut scratch = Scratch::new();
    for start in (0..n).step_by(step) {
        let range = start..n.min(start.saturating_add(step));
        let block = rows.read(range.clone(), &mut scratch)?;
        // A source of the caller's is not trusted to deliver what was asked.
        for (what, expected, found) in
            [("rows of the source", range.len(), block.n_rows()), ("columns of the source", d, block.dim())]
        {
            if expected != found {
                return Err(Error::ShapeMismatch { what, expected, found }.into());
            }
        }
        each(range, block)?;
    }
    Ok(())
}
