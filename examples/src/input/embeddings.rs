//! The embeddings of a data set: one file or several, as one array of rows.
//!
//! `.npy` and `.safetensors` are memory-mapped where they lie. What cannot be read at random (Parquet,
//! values to be cast) is written once, row by row, to a file of raw values that is mapped in its place
//! ([`Embeddings::settle`]): memory stays small, and the disk that it takes is asked for before.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use pauca::{Blocked, RowSource, Rows, Shards};
use serde_json::{Value, json};

use super::chosen::Chosen;
#[cfg(feature = "parquet")]
use super::parquet::{Element, Lists, Table};
use super::spill::RowFile;
use super::wide::Wide;
use super::{Dtype, Layout, Matrix, Source, file, file_name, gather, paths};
use crate::failure::{Failure, Result};
use crate::flags::Reading;
use crate::progress::{Reporter, count, si};

/// Kinds of files that hold embeddings.
#[cfg(feature = "parquet")]
pub const KINDS: [&str; 3] = ["npy", "safetensors", "parquet"];
/// Kinds of files that hold embeddings.
#[cfg(not(feature = "parquet"))]
pub const KINDS: [&str; 2] = ["npy", "safetensors"];

/// Folder of the picture embeddings in the layout of clip-retrieval.
pub const IMAGES: &str = "img_emb";
/// Folder of the text embeddings in the layout of clip-retrieval.
pub const TEXTS: &str = "text_emb";

/// One file of a data set.
pub struct Shard {
    /// The file.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: usize,
    from: From,
}

/// How the rows of a file are had.
enum From {
    /// They are mapped where they lie.
    Mapped(Matrix),
    /// They are cast.
    Wide(Wide),
    /// They are decoded.
    #[cfg(feature = "parquet")]
    Table(Table, Lists),
}

/// Rows of embeddings from one file or several.
pub struct Embeddings {
    shards: Vec<Shard>,
    dtype: Dtype,
    dim: usize,
    rows: usize,
    /// The records that lie beside the embeddings by the layout of clip-retrieval.
    metadata: Option<PathBuf>,
    /// All rows in one file of raw values, once they have been written there.
    settled: Option<Matrix>,
}

impl Embeddings {
    /// Opens the files that `inputs` name, as `reading` says.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with a file, or with one beside another;
    /// [`Failure::Usage`] for flags that do not fit.
    pub fn open(inputs: &[PathBuf], reading: &Reading) -> Result<Self> {
        let mut shards = Vec::new();
        let mut first: Option<(PathBuf, Dtype, usize)> = None;
        let mut metadata = None;
        let inner = |input: &PathBuf| {
            // The layout of clip-retrieval: img_emb/, text_emb/ and metadata/ in one folder.
            let inner = input.join(IMAGES);
            if !inner.is_dir() {
                return input.clone();
            }
            metadata = Some(input.join("metadata")).filter(|folder| folder.is_dir());
            inner
        };
        let inputs: Vec<PathBuf> = inputs.iter().map(inner).collect();
        let files = paths::files(&inputs, &KINDS)?;
        reading.check(&files)?;
        for path in files {
            let (from, rows, dtype, dim) = opened(&path, reading)?;
            match &first {
                None => first = Some((path.clone(), dtype, dim)),
                Some((other, first_type, first_dim)) => {
                    if dim != *first_dim {
                        let what = format!(
                            "has rows of {dim} values, {} of {first_dim}: one data set has rows of one length",
                            other.display()
                        );
                        return Err(Failure::data(&path, what));
                    }
                    if dtype != *first_type {
                        let what = format!(
                            "holds {}, {} holds {}: one data set has one type of values",
                            dtype.name(),
                            other.display(),
                            first_type.name()
                        );
                        return Err(Failure::data(&path, what));
                    }
                }
            }
            shards.push(Shard { path, rows, from });
        }
        let Some((_, dtype, dim)) = first else {
            return Err(Failure::usage("INPUT is needed"));
        };
        let rows = shards.iter().map(|shard| shard.rows).sum();
        Ok(Self { shards, dtype, dim, rows, metadata, settled: None })
    }

    /// The files, in the order of their rows.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Where records lie beside the embeddings, if the layout of their folder says so.
    pub fn metadata(&self) -> Option<&Path> {
        self.metadata.as_deref()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values in a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Element type, as the library reads it.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Where the only file's values lie, if they are mapped there.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.shards[..] {
            [Shard { from: From::Mapped(matrix), .. }] => Some(matrix.layout()),
            _ => None,
        }
    }

    /// The tensor with the rows of file `i`, where the format has names.
    pub fn tensor(&self, i: usize) -> Option<&str> {
        match &self.shards.get(i)?.from {
            From::Mapped(matrix) => matrix.layout().tensor.as_deref(),
            _ => None,
        }
    }

    /// The name for a person: the file's, or that of the first and how many there are.
    pub fn name(&self) -> String {
        let first = file_name(&self.shards[0].path);
        match self.shards.len() {
            1 => first,
            n => format!("{first} and {} more", n - 1),
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.shards
            .iter()
            .filter_map(|shard| std::fs::metadata(&shard.path).ok())
            .map(|found| found.len())
            .sum()
    }

    /// What names them in a configuration: every file by its bytes.
    ///
    /// # Errors
    /// [`Failure::Data`] when a file cannot be read again.
    pub fn describe(&self) -> Result<Value> {
        let mut files = Vec::new();
        for shard in &self.shards {
            let bytes = std::fs::metadata(&shard.path).map_or(0, |found| found.len());
            let mut value = json!({"file": file_name(&shard.path)});
            match &shard.from {
                From::Mapped(matrix) => value["tensor"] = json!(matrix.layout().tensor),
                From::Wide(_) => value["cast"] = json!("f64"),
                #[cfg(feature = "parquet")]
                From::Table(_, lists) => value["column"] = json!(lists.name),
            }
            value["rows"] = json!(shard.rows);
            value["bytes"] = json!(bytes);
            value["sha256"] = json!(file::digest(&shard.path)?);
            files.push(value);
        }
        let mut value = match files.len() {
            1 => files.remove(0),
            _ => json!({"rows": self.rows, "files": files}),
        };
        value["dtype"] = json!(self.dtype.name());
        value["dim"] = json!(self.dim);
        Ok(value)
    }

    /// What the library reported about the rows: of which file, and there of which row.
    pub fn failure(&self, error: &pauca::Error) -> Failure {
        let (row, at) = match error {
            pauca::Error::NonFinite { row, .. } | pauca::Error::ZeroRow { row } => (*row, self.place(*row)),
            _ => (0, None),
        };
        match (error, at) {
            (pauca::Error::NonFinite { what, col, .. }, Some((shard, local))) => {
                let error = pauca::Error::NonFinite { what, row: local, col: *col };
                Failure::library(&shard.path, &error)
                    .also(self.shards.len() > 1, || format!("row {row} of all"))
            }
            (pauca::Error::ZeroRow { .. }, Some((shard, local))) => {
                Failure::library(&shard.path, &pauca::Error::ZeroRow { row: local })
            }
            _ => Failure::library(&self.shards[0].path, error),
        }
    }

    /// The file of row `row`, and its number there.
    pub fn place(&self, row: u64) -> Option<(&Shard, u64)> {
        let mut local = row;
        for shard in &self.shards {
            if local < shard.rows as u64 {
                return Some((shard, local));
            }
            local -= shard.rows as u64;
        }
        None
    }

    /// Bytes of disk that [`settle`](Embeddings::settle) takes.
    pub fn spill_bytes(&self, together: bool) -> u64 {
        let mapped = self.shards.iter().all(|shard| matches!(shard.from, From::Mapped(_)));
        if mapped && !(together && self.shards.len() > 1) {
            return 0;
        }
        self.rows as u64 * self.dim as u64 * self.dtype.size() as u64
    }

    /// Makes all rows readable at random: writes them to a file in `folder` where some are not, or where
    /// they shall lie `together` and do not. The file is gone when the process ends, however it ends.
    ///
    /// # Errors
    /// [`Failure::Data`] when that takes more than `reading` allows, with the system's reason, or for rows
    /// that cannot be read; [`Failure::Cancelled`].
    pub fn settle(
        &mut self,
        folder: &Path,
        together: bool,
        reading: &Reading,
        reporter: &Reporter,
    ) -> Result<()> {
        let bytes = self.spill_bytes(together);
        if bytes == 0 || self.settled.is_some() {
            return Ok(());
        }
        if bytes > reading.spill_limit {
            return Err(Failure::data(
                &self.shards[0].path,
                format!(
                    "{} rows of {} values take {}B on the disk while the run lasts; --spill-limit allows {}B",
                    count(self.rows as u64),
                    self.dim,
                    si(bytes as f64),
                    si(reading.spill_limit as f64)
                ),
            ));
        }
        reporter.stage("spill", self.rows as u64, 0);
        let folder = reading.spill.as_deref().unwrap_or(folder);
        let mut rows = RowFile::create(folder, self.rows, reporter)?;
        for shard in &self.shards {
            match &shard.from {
                From::Mapped(matrix) => matrix.write(&mut |bytes, n| rows.push(bytes, n))?,
                From::Wide(wide) => wide.write(&mut |bytes, n| rows.push(bytes, n))?,
                #[cfg(feature = "parquet")]
                From::Table(table, lists) => {
                    table.values(lists, self.dim, &mut |bytes, n| match lists.element {
                        Element::F64 => rows.push(&super::wide::cast(bytes), n),
                        Element::F32 | Element::F16 => rows.push(bytes, n),
                    })?
                }
            }
        }
        let layout = Layout {
            dtype: self.dtype,
            rows: self.rows,
            dim: self.dim,
            fortran_order: false,
            start: 0,
            tensor: None,
        };
        self.settled = Some(Matrix::spilled(&self.shards[0].path, rows.map()?, layout));
        Ok(())
    }

    /// The pieces that are mapped, in order: all rows once they are settled.
    fn mapped(&self) -> Vec<&Matrix> {
        match &self.settled {
            Some(all) => vec![all],
            None => {
                let matrices = self.shards.iter().filter_map(|shard| match &shard.from {
                    From::Mapped(matrix) => Some(matrix),
                    _ => None,
                });
                matrices.collect()
            }
        }
    }

    /// The rows as the library reads them, in blocks of `block_rows` where given; they must be settled.
    ///
    /// # Errors
    /// [`Failure::Usage`] when `block_rows` is 0.
    pub fn source(&self, block_rows: Option<usize>) -> Result<Source<'_>> {
        let library = |e: pauca::Error| self.failure(&e);
        match (&self.mapped()[..], block_rows) {
            ([one], block_rows) => Source::new(one, block_rows),
            (several, None) => {
                Shards::new(several.iter().map(|m| m.rows()).collect()).map(Source::Shards).map_err(library)
            }
            (several, Some(rows)) => {
                let blocked =
                    several.iter().map(|m| Blocked::new(m.rows(), rows)).collect::<pauca::Result<_>>();
                blocked.and_then(Shards::new).map(Source::Blocks).map_err(library)
            }
        }
    }

    /// About `most` of the rows, for a look at them that writes nothing: spread over all, or of tables the first of
    /// each file. None where rows cannot be read before they are written elsewhere.
    ///
    /// # Errors
    /// [`Failure::Data`] for rows that cannot be read.
    pub fn probe(&self, chosen: Option<&Chosen>, most: usize) -> Result<Option<Array2<f32>>> {
        if self.spill_bytes(false) == 0 {
            let source = self.source(None)?.only(chosen)?;
            let (n, m) = (source.n_rows(), source.n_rows().min(most));
            let wanted: Vec<usize> = (0..m).map(|i| (i as u128 * n as u128 / m as u128) as usize).collect();
            return gather(&source, &wanted).map(Some).map_err(|e| self.failure(&e));
        }
        #[cfg(feature = "parquet")]
        if self.shards.iter().all(|shard| matches!(shard.from, From::Table(..))) {
            let mut values: Vec<f32> = Vec::new();
            let each = most.div_ceil(self.shards.len()).max(1);
            for shard in &self.shards {
                let From::Table(table, lists) = &shard.from else { continue };
                table.first(lists, self.dim, each, &mut |bytes, _| {
                    let read = bytemuck::pod_read_unaligned::<u16>;
                    match lists.element {
                        Element::F64 => {
                            values.extend(
                                bytes
                                    .chunks_exact(8)
                                    .map(bytemuck::pod_read_unaligned::<f64>)
                                    .map(|v| v as f32),
                            );
                        }
                        Element::F32 => {
                            values.extend(bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned::<f32>))
                        }
                        Element::F16 => {
                            values.extend(
                                bytes
                                    .chunks_exact(2)
                                    .map(read)
                                    .map(|bits| half::f16::from_bits(bits).to_f32()),
                            );
                        }
                    }
                    Ok(())
                })?;
            }
            let rows = (values.len() / self.dim).min(most.max(self.shards.len()));
            values.truncate(rows * self.dim);
            return Ok(Array2::from_shape_vec((rows, self.dim), values).ok());
        }
        Ok(None)
    }

    /// All rows in one piece; they must be settled together.
    pub fn whole(&self) -> Rows<'_> {
        self.mapped()[0].rows()
    }

    /// The values widened to `f32`; they must be settled together.
    pub fn to_f32(&self) -> Array2<f32> {
        self.mapped()[0].to_f32()
    }
}

fn opened(path: &Path, reading: &Reading) -> Result<(From, usize, Dtype, usize)> {
    #[cfg(feature = "parquet")]
    if paths::kind(path) == "parquet" {
        let table = Table::open(path)?;
        let lists = table.lists(reading.embedding.as_deref())?;
        let dtype = match lists.element {
            Element::F32 => Dtype::F32,
            Element::F16 => Dtype::F16,
            Element::F64 if reading.cast.is_some() => Dtype::F32,
            Element::F64 => {
                let what = format!("column '{}' holds float64; --cast f32 rounds it to float32", lists.name);
                return Err(Failure::data(path, what));
            }
        };
        let (rows, dim) = (table.rows(), table.dim(&lists)?);
        return Ok((From::Table(table, lists), rows, dtype, dim));
    }
    if let Some(wide) = Wide::open(path)? {
        if reading.cast.is_none() {
            let what = "holds float64 (<f8); --cast f32 rounds it to float32, as once and for all does \
                        np.save(path, x.astype(np.float32))";
            return Err(Failure::data(path, what));
        }
        let [rows, dim] = wide.shape();
        return Ok((From::Wide(wide), rows, Dtype::F32, dim));
    }
    let matrix = Matrix::open(path, reading.tensor.as_deref())?;
    let &Layout { rows, dim, dtype, .. } = matrix.layout();
    Ok((From::Mapped(matrix), rows, dtype, dim))
}
