//! Results as `.npy` files, little-endian and C-ordered.

use std::io::{self, Write};

use ndarray::ArrayView2;

use crate::input::npy::write_header;

/// A number of the file formats here.
pub trait Number: Copy {
    /// NumPy's name of the type.
    const DESCR: &'static str;
    /// Writes the value, little-endian.
    ///
    /// # Errors
    /// The writer's.
    fn put(self, out: &mut dyn Write) -> io::Result<()>;
}

macro_rules! number {
    ($($type:ty, $descr:literal;)*) => {$(
        impl Number for $type {
            const DESCR: &'static str = $descr;
            fn put(self, out: &mut dyn Write) -> io::Result<()> {
                out.write_all(&self.to_le_bytes())
            }
        }
    )*};
}
number! { u32, "<u4"; u64, "<u8"; f32, "<f4"; f64, "<f8"; half::f16, "<f2"; }

/// Writes a one-dimensional array.
///
/// # Errors
/// The writer's.
pub fn vector<T: Number>(
    mut out: &mut dyn Write,
    values: impl ExactSizeIterator<Item = T>,
) -> io::Result<()> {
    write_header(&mut out, T::DESCR, &[values.len()])?;
    values.into_iter().try_for_each(|value| value.put(out))
}

/// Writes a two-dimensional array.
///
/// # Errors
/// The writer's.
pub fn matrix<T: Number>(mut out: &mut dyn Write, values: ArrayView2<'_, T>) -> io::Result<()> {
    write_header(&mut out, T::DESCR, &[values.nrows(), values.ncols()])?;
    values.iter().try_for_each(|value| value.put(out))
}
