//! Parquet out: a file again without some of its rows, and tables of one's own.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::FileReader;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::input::parquet::Table;

/// Records copied at once.
const BATCH: usize = 1024;
/// Rows of a row group of one's own.
const GROUP: usize = 1 << 16;

/// Writes the rows of `table` that `kept` names, a flag for each: all columns, in their order, with the
/// schema, the compression, the row groups and the notes (key-value metadata) of the file.
///
/// # Errors
/// The writer's, or what cannot be read.
pub fn filtered(table: &Table, kept: &[bool], out: &mut (dyn Write + Send)) -> io::Result<()> {
    let metadata = table.reader().metadata();
    let schema = metadata.file_metadata().schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(out, schema, like(metadata)).map_err(io_error)?;
    let mut kept = kept;
    for group in 0..metadata.num_row_groups() {
        let rows = usize::try_from(metadata.row_group(group).num_rows()).unwrap_or(0);
        let (here, rest) =
            kept.split_at_checked(rows).ok_or_else(|| io::Error::other("more rows than it says"))?;
        kept = rest;
        if !here.contains(&true) {
            continue;
        }
        let reader = table.reader().get_row_group(group).map_err(io_error)?;
        let mut group = writer.next_row_group().map_err(io_error)?;
        let mut leaf = 0;
        while let Some(mut column) = group.next_column().map_err(io_error)? {
            copy(reader.get_column_reader(leaf).map_err(io_error)?, &mut column, here).map_err(io_error)?;
            column.close().map_err(io_error)?;
            leaf += 1;
        }
        group.close().map_err(io_error)?;
    }
    writer.close().map_err(io_error).map(drop)
}

/// How the file was written, as far as a file tells.
fn like(metadata: &ParquetMetaData) -> WriterPropertiesPtr {
    let file = metadata.file_metadata();
    let mut properties =
        WriterProperties::builder().set_key_value_metadata(file.key_value_metadata().cloned());
    if let Some(group) = metadata.row_groups().first() {
        for column in group.columns() {
            let path = column.column_path().clone();
            properties = properties
                .set_column_compression(path.clone(), column.compression())
                .set_column_dictionary_enabled(path, column.dictionary_page_offset().is_some());
        }
    }
    Arc::new(properties.build())
}

fn copy(
    reader: ColumnReader,
    out: &mut SerializedColumnWriter<'_>,
    kept: &[bool],
) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(r) => records(r, out.typed::<BoolType>(), kept),
        ColumnReader::Int32ColumnReader(r) => records(r, out.typed::<Int32Type>(), kept),
        ColumnReader::Int64ColumnReader(r) => records(r, out.typed::<Int64Type>(), kept),
        ColumnReader::Int96ColumnReader(r) => records(r, out.typed::<Int96Type>(), kept),
        ColumnReader::FloatColumnReader(r) => records(r, out.typed::<FloatType>(), kept),
        ColumnReader::DoubleColumnReader(r) => records(r, out.typed::<DoubleType>(), kept),
        ColumnReader::ByteArrayColumnReader(r) => records(r, out.typed::<ByteArrayType>(), kept),
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            records(r, out.typed::<FixedLenByteArrayType>(), kept)
        }
    }
}

/// Copies the records of a column that stay, with their levels: a record begins at repetition level 0, and
/// has a value for each definition level that is the column's highest.
fn records<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    out: &mut ColumnWriterImpl<'_, T>,
    kept: &[bool],
) -> Result<(), ParquetError> {
    let (level, lists) = {
        let descriptor = out.get_descriptor();
        (descriptor.max_def_level(), descriptor.max_rep_level() > 0)
    };
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < kept.len() {
        values.clear();
        defined.clear();
        repeated.clear();
        let wanted = BATCH.min(kept.len() - at);
        let (found, ..) =
            reader.read_records(wanted, Some(&mut defined), Some(&mut repeated), &mut values)?;
        if found == 0 {
            return Err(ParquetError::General("a column ends before its row group".into()));
        }
        let mut chosen = Chosen { values: Vec::new(), defined: Vec::new(), repeated: Vec::new() };
        let (mut from, mut value) = (0, 0);
        for keep in &kept[at..at + found] {
            let next = if lists {
                let rest = repeated.get(from + 1..).unwrap_or_default();
                rest.iter().position(|level| *level == 0).map_or(repeated.len(), |n| from + 1 + n)
            } else {
                from + 1
            };
            let levels = if level > 0 { defined.get(from..next).unwrap_or_default() } else { &[] };
            let count = if level > 0 { levels.iter().filter(|found| **found == level).count() } else { 1 };
            if *keep {
                chosen.values.extend_from_slice(values.get(value..value + count).unwrap_or_default());
                chosen.defined.extend_from_slice(levels);
                if lists {
                    chosen.repeated.extend_from_slice(repeated.get(from..next).unwrap_or_default());
                }
            }
            (from, value) = (next, value + count);
        }
        let levels = (level > 0).then_some(&chosen.defined[..]);
        out.write_batch(&chosen.values, levels, lists.then_some(&chosen.repeated[..]))?;
        at += found;
    }
    Ok(())
}

/// What stays of some records.
struct Chosen<V> {
    values: Vec<V>,
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

/// What a column of a table of one's own holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Text, nothing where it is empty.
    Text,
    /// 64-bit floats, nothing where they are NaN.
    Float,
    /// Whole numbers.
    Whole,
}

/// A value of a table of one's own.
#[derive(Clone, Debug)]
pub enum Value<'v> {
    /// A text.
    Text(&'v str),
    /// A float.
    Float(f64),
    /// A whole number.
    Whole(u64),
    /// No value.
    Absent,
}

/// Writes a table of the `columns` (name and what it holds); `records` calls what it is given for each record.
///
/// # Errors
/// The writer's.
pub fn table(
    out: &mut (dyn Write + Send),
    columns: &[(&str, Holds)],
    records: impl FnOnce(&mut dyn FnMut(&[Value<'_>]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let fields = columns.iter().map(|(name, holds)| {
        let of =
            |physical| Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        let field = match holds {
            Holds::Text => of(Physical::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8),
            Holds::Float => of(Physical::DOUBLE),
            Holds::Whole => of(Physical::INT64),
        };
        field.build().map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>().map_err(io_error)?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build().map_err(io_error)?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer =
        SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(io_error)?;
    let mut buffers: Vec<Buffer> = columns.iter().map(|(_, holds)| Buffer::new(*holds)).collect();
    records(&mut |record| {
        buffers.iter_mut().zip(record).for_each(|(buffer, value)| buffer.push(value));
        if buffers[0].defined.len() == GROUP { flush(&mut writer, &mut buffers) } else { Ok(()) }
    })?;
    if buffers.first().is_some_and(|buffer| !buffer.defined.is_empty()) {
        flush(&mut writer, &mut buffers)?;
    }
    writer.close().map_err(io_error).map(drop)
}

/// The values of a column that wait for their row group.
struct Buffer {
    values: Values,
    defined: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Float(Vec<f64>),
    Whole(Vec<i64>),
}

impl Buffer {
    fn new(holds: Holds) -> Self {
        let values = match holds {
            Holds::Text => Values::Text(Vec::new()),
            Holds::Float => Values::Float(Vec::new()),
            Holds::Whole => Values::Whole(Vec::new()),
        };
        Self { values, defined: Vec::new() }
    }

    fn push(&mut self, value: &Value<'_>) {
        let there = match (&mut self.values, value) {
            (Values::Text(all), Value::Text(text)) if !text.is_empty() => {
                all.push(ByteArray::from(text.as_bytes().to_vec()));
                true
            }
            (Values::Float(all), Value::Float(value)) if !value.is_nan() => {
                all.push(*value);
                true
            }
            (Values::Whole(all), Value::Whole(value)) => {
                all.push(value.cast_signed());
                true
            }
            _ => false,
        };
        self.defined.push(i16::from(there));
    }
}

fn flush<W: Write + Send>(writer: &mut SerializedFileWriter<W>, buffers: &mut [Buffer]) -> io::Result<()> {
    let mut group = writer.next_row_group().map_err(io_error)?;
    for buffer in buffers {
        let Some(mut column) = group.next_column().map_err(io_error)? else { break };
        let levels = Some(&buffer.defined[..]);
        let written = match &mut buffer.values {
            Values::Text(all) => {
                column.typed::<ByteArrayType>().write_batch(&std::mem::take(all), levels, None)
            }
            Values::Float(all) => {
                column.typed::<DoubleType>().write_batch(&std::mem::take(all), levels, None)
            }
            Values::Whole(all) => column.typed::<Int64Type>().write_batch(&std::mem::take(all), levels, None),
        };
        written.map_err(io_error)?;
        buffer.defined.clear();
        column.close().map_err(io_error)?;
    }
    group.close().map_err(io_error).map(drop)
}

/// The system's error where it is one, else the library's.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    }
}
