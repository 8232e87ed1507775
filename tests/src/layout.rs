//! The same rows in every layout that a view can have, with NaN wherever nothing may be read.

use ndarray::{Array2, ArrayView2, ShapeBuilder, s};

/// A layout in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row by row.
    C,
    /// Column by column.
    Fortran,
    /// Row by row, with unused columns on both sides.
    Padded,
    /// The last row first: negative row stride.
    RowsBackwards,
    /// The last column first: negative column stride.
    ColumnsBackwards,
    /// Every second row and column of a larger array.
    Strided,
}

impl Layout {
    /// All of them.
    pub const ALL: [Layout; 6] = [
        Layout::C,
        Layout::Fortran,
        Layout::Padded,
        Layout::RowsBackwards,
        Layout::ColumnsBackwards,
        Layout::Strided,
    ];
}

/// Rows in a layout.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    all: Array2<T>,
    layout: Layout,
}

impl<T: Copy> Stored<T> {
    /// `rows` in `layout`; `poison` fills what is not part of them.
    pub fn new(rows: &[Vec<T>], layout: Layout, poison: T) -> Self {
        let (n, d) = (rows.len(), rows.first().map_or(0, Vec::len));
        let mut all = match layout {
            Layout::Fortran => Array2::from_elem((n, d).f(), poison),
            Layout::Padded => Array2::from_elem((n, d + 5), poison),
            Layout::Strided => Array2::from_elem((2 * n, 2 * d), poison),
            _ => Array2::from_elem((n, d), poison),
        };
        for (i, row) in rows.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                let place = match layout {
                    Layout::C | Layout::Fortran => (i, j),
                    Layout::Padded => (i, j + 2),
                    Layout::RowsBackwards => (n - 1 - i, j),
                    Layout::ColumnsBackwards => (i, d - 1 - j),
                    Layout::Strided => (2 * i, 2 * j),
                };
                all[place] = v;
            }
        }
        Self { all, layout }
    }

    /// The rows.
    pub fn view(&self) -> ArrayView2<'_, T> {
        let d = self.all.ncols();
        match self.layout {
            Layout::C | Layout::Fortran => self.all.view(),
            Layout::Padded => self.all.slice(s![.., 2..d - 3]),
            Layout::RowsBackwards => self.all.slice(s![..;-1, ..]),
            Layout::ColumnsBackwards => self.all.slice(s![.., ..;-1]),
            Layout::Strided => self.all.slice(s![..;2, ..;2]),
        }
    }
}

/// `rows` as an array.
pub fn array<T: Copy>(rows: &[Vec<T>]) -> Array2<T> {
    Array2::from_shape_fn((rows.len(), rows.first().map_or(0, Vec::len)), |(i, j)| rows[i][j])
}

/// An array as rows.
pub fn rows_of(array: &Array2<f32>) -> Vec<Vec<f32>> {
    array.rows().into_iter().map(|row| row.to_vec()).collect()
}
