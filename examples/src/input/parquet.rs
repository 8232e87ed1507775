//! Parquet without Arrow: a column of lists of floats as rows, other columns as the values of records.
//!
//! Parquet stores lists and lists of a fixed length alike: values one after the other, and with each two
//! levels. The repetition level is 0 where a row begins; the definition level is the column's highest
//! where nothing on the way to the value is null. So one reader serves whatever wrote the file.
//! *Source*: Apache Parquet format, "Nested Encoding".

use std::fs::File;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::file;
use super::record::{Cell, Kind, missing};
use crate::console;
use crate::failure::{Failure, Result};

/// Rows decoded at once.
const BATCH: usize = 1024;

/// The element types that a column of lists can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32,
    /// IEEE half precision.
    F16,
    /// 64-bit floats.
    F64,
}

/// A Parquet file.
pub struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
}

/// A column of lists of floats.
#[derive(Clone, Debug)]
pub struct Lists {
    /// The name of the column.
    pub name: String,
    /// What the lists hold.
    pub element: Element,
    leaf: usize,
}

type Said<T> = std::result::Result<T, String>;

impl Table {
    /// Opens `path` and reads what it says of itself.
    ///
    /// # Errors
    /// [`Failure::Data`] for what is no Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = file::open(path)?;
        let reader = console::caught(|| SerializedFileReader::new(file));
        let reader = reader.ok_or_else(|| Failure::data(path, BROKEN))?;
        let reader = reader.map_err(|e| Failure::data(path, unreadable(&e)))?;
        if reader.metadata().file_metadata().num_rows() < 0 {
            return Err(Failure::data(path, BROKEN));
        }
        Ok(Self { path: path.to_path_buf(), reader })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.reader.metadata().file_metadata().num_rows() as usize
    }

    /// What reads it.
    pub fn reader(&self) -> &SerializedFileReader<File> {
        &self.reader
    }

    fn leaf(&self, i: usize) -> &ColumnDescriptor {
        self.reader.metadata().file_metadata().schema_descr().columns()[i].as_ref()
    }

    fn leaves(&self) -> std::ops::Range<usize> {
        0..self.reader.metadata().file_metadata().schema_descr().num_columns()
    }

    /// The name of the column in the table that the leaf `i` belongs to.
    fn root(&self, i: usize) -> &str {
        self.leaf(i).path().parts().first().map_or("", String::as_str)
    }

    /// The leaf that `column` names: a whole column of one leaf, or a part of one as `image.bytes`.
    fn find(&self, column: &str) -> Said<usize> {
        let exact = self.leaves().find(|&i| self.leaf(i).path().string() == column);
        let inside: Vec<usize> = self.leaves().filter(|&i| self.root(i) == column).collect();
        // A picture as Hugging Face stores it: a structure of bytes and path.
        let bytes =
            || inside.iter().copied().find(|&i| self.leaf(i).path().string() == format!("{column}.bytes"));
        match (exact, &inside[..]) {
            (Some(leaf), _) | (None, &[leaf]) => Ok(leaf),
            (None, []) => {
                let mut names: Vec<&str> = self.leaves().map(|i| self.root(i)).collect();
                names.dedup();
                Err(missing(column, names.into_iter()))
            }
            (None, several) => bytes().ok_or_else(|| {
                let parts: Vec<String> =
                    several.iter().map(|&i| format!("'{}'", self.leaf(i).path())).collect();
                format!("column '{column}' has several parts: {}", parts.join(", "))
            }),
        }
    }

    fn element(&self, leaf: usize) -> Option<Element> {
        let leaf = self.leaf(leaf);
        if leaf.max_rep_level() != 1 {
            return None;
        }
        match leaf.physical_type() {
            Physical::FLOAT => Some(Element::F32),
            Physical::DOUBLE => Some(Element::F64),
            Physical::FIXED_LEN_BYTE_ARRAY if leaf.logical_type_ref() == Some(&LogicalType::Float16) => {
                Some(Element::F16)
            }
            _ => None,
        }
    }

    /// The column of lists of floats named `wanted`, or the only one.
    ///
    /// # Errors
    /// [`Failure::Data`] when there is none or which one is meant cannot be told.
    pub fn lists(&self, wanted: Option<&str>) -> Result<Lists> {
        self.find_lists(wanted).map_err(|what| Failure::data(&self.path, what))
    }

    fn find_lists(&self, wanted: Option<&str>) -> Said<Lists> {
        let of = |leaf: usize, element| Lists { name: self.root(leaf).to_string(), element, leaf };
        if let Some(column) = wanted {
            let leaf = self.find(column)?;
            return match self.element(leaf) {
                Some(element) => Ok(of(leaf, element)),
                None => Err(format!(
                    "column '{column}' holds no lists of floats but {}",
                    self.leaf(leaf).physical_type().to_string().to_lowercase()
                )),
            };
        }
        let all: Vec<Lists> = self.leaves().filter_map(|i| Some(of(i, self.element(i)?))).collect();
        match &all[..] {
            [one] => Ok(one.clone()),
            [] => {
                let names = self.leaves().take(8).map(|i| format!("'{}'", self.root(i))).collect::<Vec<_>>();
                Err(format!("has no column of lists of floats; it has {}", names.join(", ")))
            }
            several => {
                let names: Vec<String> = several.iter().map(|lists| format!("'{}'", lists.name)).collect();
                Err(format!(
                    "has several columns of lists of floats; pick one with --embedding: {}",
                    names.join(", ")
                ))
            }
        }
    }

    /// Values in the first row of `lists`.
    ///
    /// # Errors
    /// [`Failure::Data`] when it cannot be read, is null or empty.
    pub fn dim(&self, lists: &Lists) -> Result<usize> {
        let mut dim = None;
        self.each(lists, None, 1, &mut |_, n| {
            dim = Some(n);
            Ok(())
        })?;
        dim.ok_or_else(|| Failure::data(&self.path, "holds no rows"))
    }

    /// Calls `take` with the bytes (little-endian values) and number of all rows of `lists`, each of `dim`
    /// values, some at a time.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first row that is null, holds a null, or has another number of values;
    /// those of `take`.
    pub fn values(
        &self,
        lists: &Lists,
        dim: usize,
        take: &mut dyn FnMut(&[u8], usize) -> Result<()>,
    ) -> Result<()> {
        self.each(lists, Some(dim), usize::MAX, &mut |bytes, n| take(bytes, n / dim))
    }

    /// As [`values`](Self::values), of about the first `most` rows.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn first(
        &self,
        lists: &Lists,
        dim: usize,
        most: usize,
        take: &mut dyn FnMut(&[u8], usize) -> Result<()>,
    ) -> Result<()> {
        self.each(lists, Some(dim), most, &mut |bytes, n| take(bytes, n / dim))
    }

    fn each(
        &self,
        lists: &Lists,
        dim: Option<usize>,
        most: usize,
        take: &mut dyn FnMut(&[u8], usize) -> Result<()>,
    ) -> Result<()> {
        let mut failed = None;
        let mut walk =
            Walk { column: &lists.name, level: self.leaf(lists.leaf).max_def_level(), dim, row: 0, most };
        let mut told = |bytes: &[u8], n: usize| {
            take(bytes, n).map_err(|failure| {
                failed = Some(failure);
                String::new()
            })
        };
        let read: Option<Said<()>> = console::caught(|| {
            for group in 0..self.reader.num_row_groups() {
                match self.column(group, lists.leaf)? {
                    ColumnReader::FloatColumnReader(reader) => {
                        walk.group(reader, &mut |v: &[f32]| told(bytemuck::cast_slice(v), v.len()))?;
                    }
                    ColumnReader::DoubleColumnReader(reader) => {
                        walk.group(reader, &mut |v: &[f64]| told(bytemuck::cast_slice(v), v.len()))?;
                    }
                    ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                        let mut bytes = Vec::new();
                        walk.group(reader, &mut |v: &[FixedLenByteArray]| {
                            bytes.clear();
                            v.iter().for_each(|half| bytes.extend_from_slice(half.data()));
                            told(&bytes, v.len())
                        })?;
                    }
                    _ => return Err(BROKEN.into()),
                }
            }
            Ok(())
        });
        match (read.unwrap_or(Err(BROKEN.into())), failed) {
            (_, Some(failure)) => Err(failure),
            (Err(what), None) => Err(Failure::data(&self.path, what)),
            (Ok(()), None) if walk.row < self.rows().min(most) => {
                Err(Failure::data(&self.path, format!("holds {} rows, it says {}", walk.row, self.rows())))
            }
            (Ok(()), None) => Ok(()),
        }
    }

    fn column(&self, group: usize, leaf: usize) -> Said<ColumnReader> {
        let group = self.reader.get_row_group(group).map_err(|e| unreadable(&e))?;
        group.get_column_reader(leaf).map_err(|e| unreadable(&e))
    }

    /// Calls `take` with the row and the values of `columns` in every record, in order.
    ///
    /// # Errors
    /// One clause that says what is wrong, to follow the file's name.
    pub fn visit(&self, columns: &[&str], take: &mut super::meta::Take<'_>) -> Said<()> {
        let mut leaves = Vec::new();
        for column in columns {
            let leaf = self.find(column)?;
            if self.leaf(leaf).max_rep_level() > 0 {
                return Err(format!("column '{column}' holds lists, single values are needed"));
            }
            leaves.push(leaf);
        }
        console::caught(|| {
            let mut row = 0;
            for group in 0..self.reader.num_row_groups() {
                let mut readers = Vec::new();
                for &leaf in &leaves {
                    readers.push(self.column(group, leaf)?);
                }
                let metadata = self.reader.metadata().row_group(group);
                let mut left = usize::try_from(metadata.num_rows()).map_err(|_| BROKEN)?;
                let mut columns = vec![Vec::new(); leaves.len()];
                while left > 0 {
                    let wanted = left.min(BATCH);
                    for ((reader, &leaf), cells) in readers.iter_mut().zip(&leaves).zip(&mut columns) {
                        cells.clear();
                        read_cells(reader, self.leaf(leaf), wanted, cells)?;
                        if cells.len() != wanted {
                            return Err(BROKEN.to_string());
                        }
                    }
                    let mut record = vec![Cell::default(); leaves.len()];
                    for i in 0..wanted {
                        for (cell, cells) in record.iter_mut().zip(&mut columns) {
                            *cell = std::mem::take(&mut cells[i]);
                        }
                        take(row, &mut record)?;
                        row += 1;
                    }
                    left -= wanted;
                }
            }
            Ok(())
        })
        .unwrap_or(Err(BROKEN.into()))
    }
}

const BROKEN: &str = "is not a readable Parquet file: its parts contradict each other";

/// Why a file cannot be read, in the words of the library.
fn unreadable(error: &parquet::errors::ParquetError) -> String {
    let text = error.to_string();
    // The library names the feature that it was built without: a compression.
    if let Some((_, codec)) = text.split_once("Disabled feature at compile time: ") {
        return format!("is compressed by {codec}; zstd, gzip and snappy are read, and no compression");
    }
    format!("is not a readable Parquet file: {}", text.trim_start_matches("Parquet error: "))
}

/// The way through a column of lists.
struct Walk<'c> {
    column: &'c str,
    /// The definition level of a value that is there.
    level: i16,
    dim: Option<usize>,
    row: usize,
    most: usize,
}

impl Walk<'_> {
    fn group<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        take: &mut dyn FnMut(&[T::T]) -> Said<()>,
    ) -> Said<()> {
        let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        while self.row < self.most {
            values.clear();
            defined.clear();
            repeated.clear();
            let wanted = BATCH.min(self.most - self.row);
            let read = reader.read_records(wanted, Some(&mut defined), Some(&mut repeated), &mut values);
            let (records, ..) = read.map_err(|e| unreadable(&e))?;
            if records == 0 {
                break;
            }
            self.check(&defined, &repeated)?;
            take(&values)?;
            self.row += records;
        }
        Ok(())
    }

    /// Refuses nulls and lists of another length.
    fn check(&mut self, defined: &[i16], repeated: &[i16]) -> Said<()> {
        let mut start = 0;
        let mut row = self.row;
        while start < repeated.len() {
            let next = repeated[start + 1..].iter().position(|level| *level == 0);
            let end = next.map_or(repeated.len(), |n| start + 1 + n);
            let wrong = |what: &str| Err(format!("row {row}: the list in column '{}' {what}", self.column));
            if let Some(at) = defined[start..end].iter().position(|level| *level != self.level) {
                return match end - start {
                    1 => wrong("is null or empty"),
                    _ => wrong(&format!("holds a null at place {at}")),
                };
            }
            let length = end - start;
            let dim = *self.dim.get_or_insert(length);
            if length != dim {
                return wrong(&format!("holds {length} values, {dim} are needed as in the rows before"));
            }
            (start, row) = (end, row + 1);
        }
        Ok(())
    }
}

/// The values of the next `wanted` records of a column without lists.
fn read_cells(
    reader: &mut ColumnReader,
    leaf: &ColumnDescriptor,
    wanted: usize,
    cells: &mut Vec<Cell>,
) -> Said<()> {
    let text = leaf.converted_type() == ConvertedType::UTF8
        || matches!(
            leaf.logical_type_ref(),
            Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
        );
    let unsigned = match leaf.logical_type_ref() {
        Some(LogicalType::Integer(kind)) => !kind.is_signed,
        _ => matches!(
            leaf.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    };
    let level = leaf.max_def_level();
    let plain = |kind: Kind, text: String| Ok(Cell { text, kind });
    let bytes = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => plain(Kind::Text, text.to_string()),
        Err(_) if text => Err("holds text that is not UTF-8".to_string()),
        Err(_) => plain(Kind::Bytes, STANDARD.encode(bytes)),
    };
    match reader {
        ColumnReader::BoolColumnReader(r) => {
            typed(r, level, wanted, cells, |v: &bool| plain(Kind::Other, v.to_string()))
        }
        ColumnReader::Int32ColumnReader(r) => typed(r, level, wanted, cells, |v: &i32| {
            plain(Kind::Number, if unsigned { v.cast_unsigned().to_string() } else { v.to_string() })
        }),
        ColumnReader::Int64ColumnReader(r) => typed(r, level, wanted, cells, |v: &i64| {
            plain(Kind::Number, if unsigned { v.cast_unsigned().to_string() } else { v.to_string() })
        }),
        ColumnReader::Int96ColumnReader(r) => {
            typed(r, level, wanted, cells, |v| plain(Kind::Other, format!("{v:?}")))
        }
        ColumnReader::FloatColumnReader(r) => {
            typed(r, level, wanted, cells, |v: &f32| plain(Kind::Float, v.to_string()))
        }
        ColumnReader::DoubleColumnReader(r) => {
            typed(r, level, wanted, cells, |v: &f64| plain(Kind::Float, v.to_string()))
        }
        ColumnReader::ByteArrayColumnReader(r) => {
            typed(r, level, wanted, cells, |v: &ByteArray| bytes(v.data()))
        }
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            typed(r, level, wanted, cells, |v: &FixedLenByteArray| plain(Kind::Text, super::hex(v.data())))
        }
    }
}

fn typed<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    level: i16,
    wanted: usize,
    cells: &mut Vec<Cell>,
    cell: impl Fn(&T::T) -> Said<Cell>,
) -> Said<()> {
    let (mut values, mut defined) = (Vec::new(), Vec::new());
    while cells.len() < wanted {
        values.clear();
        defined.clear();
        let read = reader.read_records(wanted - cells.len(), Some(&mut defined), None, &mut values);
        let (records, ..) = read.map_err(|e| unreadable(&e))?;
        if records == 0 {
            break;
        }
        let mut values = values.iter();
        for i in 0..records {
            if level > 0 && defined.get(i).is_some_and(|found| *found < level) {
                cells.push(Cell::default());
            } else {
                cells.push(cell(values.next().ok_or(BROKEN)?)?);
            }
        }
    }
    Ok(())
}
