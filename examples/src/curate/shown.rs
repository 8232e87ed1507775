//! What the report shows of a row besides its number: identifier, text, picture.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::args::Args;
use super::evidence::Evidence;
use super::outcome::Outcome;
use super::report::Report;
use super::settings::Settings;
use crate::failure::{Failure, Result};
use crate::input::file::digest;
use crate::input::ids::Ids;
use crate::input::images::Images;
use crate::input::meta::Meta;
use crate::input::{Matrix, file_name};
use crate::output::OutDir;

/// What the report can show of a row besides its number.
pub struct Shown {
    /// The metadata.
    pub meta: Option<Meta>,
    /// Identifiers of all rows.
    pub ids: Option<Ids>,
    text: Option<String>,
    images: Option<Images>,
    /// Name and digest of what the pictures come from.
    pub image_identity: Option<(String, Option<String>)>,
}

impl Shown {
    /// Opens what `args` name beside the input of `rows` rows.
    ///
    /// # Errors
    /// [`Failure::Data`] for files that do not fit, [`Failure::Usage`] for names of nothing.
    pub fn open(args: &Args, rows: usize) -> Result<Self> {
        let sheet = args.images.as_ref().map(PathBuf::from).filter(|path| path.is_file());
        let column = args.images.as_deref().filter(|_| sheet.is_none());
        if let (Some(column), None) = (column, &args.meta) {
            return Err(Failure::usage(format!(
                "--images {column} is neither a file nor, without --meta, a column"
            )));
        }
        let columns: Vec<&str> =
            [args.id_column.as_deref(), args.text.as_deref(), column].into_iter().flatten().collect();
        let meta = args.meta.as_ref().map(|path| Meta::open(path, rows, &columns)).transpose()?;
        let ids = match (&meta, &args.id_column) {
            (Some(meta), Some(column)) => Some(meta.ids(column)?),
            _ => None,
        };
        let images = match (&sheet, column) {
            (Some(path), _) => Some(Images::sheet(path, args.image_size, rows)?),
            (None, Some(column)) => Some(Images::Column(column.to_string())),
            (None, None) => None,
        };
        let image_identity = match (&sheet, column) {
            (Some(path), _) => Some((file_name(path), Some(digest(path)?))),
            (None, column) => column.map(|column| (column.to_string(), None)),
        };
        Ok(Self { meta, ids, text: args.text.clone(), images, image_identity })
    }

    /// The page about `outcome`.
    ///
    /// # Errors
    /// [`Failure::Data`] when the metadata cannot be read again.
    pub fn report(
        &self,
        outcome: &Outcome,
        settings: &Settings,
        matrix: &Matrix,
        plots: &BTreeMap<&'static str, String>,
        out: &OutDir,
        configuration: &Value,
    ) -> Result<String> {
        let evidence = Evidence::of(outcome);
        let rows = evidence.rows();
        let texts = match (&self.meta, &self.text) {
            (Some(meta), Some(column)) => meta.values(column, &rows)?,
            _ => BTreeMap::new(),
        };
        let images = match &self.images {
            Some(images) => images.addresses(&rows, self.meta.as_ref())?,
            None => BTreeMap::new(),
        };
        let report = Report {
            outcome,
            settings,
            evidence: &evidence,
            input: matrix.file_name(),
            dim: matrix.layout().dim,
            ids: self.ids.as_ref(),
            texts,
            images,
            plots,
            written: out.written(),
            configuration,
        };
        Ok(report.html())
    }
}
