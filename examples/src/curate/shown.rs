//! What the report shows of a row besides its number: identifier, text, picture.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::args::Args;
use super::evidence::Evidence;
use super::groups::Columns;
use super::outcome::Outcome;
use super::report::Report;
use super::settings::Settings;
use crate::failure::Result;
use crate::input::chosen::{Chosen, Numbering};
use crate::input::file::digest;
use crate::input::ids::Ids;
use crate::input::images::Images;
use crate::input::meta::Meta;
use crate::input::{Embeddings, file_name};
use crate::output::OutDir;
use crate::progress::Reporter;

/// What the report can show of a row besides its number.
pub struct Shown {
    /// The metadata.
    pub meta: Option<Meta>,
    /// Identifiers of all rows in use.
    pub ids: Option<Ids>,
    /// What the result is counted by.
    pub columns: Columns,
    chosen: Option<Chosen>,
    text: Option<String>,
    images: Option<Images>,
    /// Name and digest of what the pictures come from.
    pub image_identity: Option<(String, Option<String>)>,
}

impl Shown {
    /// Opens what `args` name beside `embeddings`, of which only the rows `chosen` may be in use; `order` is the
    /// column by which rows are preferred.
    ///
    /// # Errors
    /// [`Failure::Data`](crate::failure::Failure::Data) for files that do not fit, [`Failure::Usage`](crate::failure::Failure::Usage) for names of nothing.
    pub fn open(
        args: &Args,
        embeddings: &Embeddings,
        chosen: Option<Chosen>,
        order: Option<&str>,
    ) -> Result<Self> {
        let rows = embeddings.rows();
        let sheet = args.images.as_ref().map(PathBuf::from).filter(|path| path.is_file());
        let column = args.images.as_deref().filter(|_| sheet.is_none());
        let named =
            [&args.id_column, &args.text, &args.by, &args.tokens, &args.weights].map(|name| name.as_deref());
        let columns: Vec<&str> = named.into_iter().chain([column, order]).flatten().collect();
        let meta = Meta::beside(args.meta.as_deref(), embeddings, &columns)?;
        let ids = match (&meta, &args.id_column) {
            (Some(meta), Some(column)) => Some(meta.ids(column)?),
            _ => None,
        };
        let ids = match &chosen {
            None => ids,
            Some(chosen) => Some(chosen.names(ids.as_ref())),
        };
        let numbering = Numbering(chosen.as_ref());
        let columns = Columns::read(meta.as_ref(), args, numbering)?;
        let images = match (&sheet, column) {
            (Some(path), _) => Some(Images::sheet(path, args.image_size, rows)?),
            (None, Some(column)) => Some(Images::Column(column.to_string())),
            (None, None) => None,
        };
        let image_identity = match (&sheet, column) {
            (Some(path), _) => Some((file_name(path), Some(digest(path)?))),
            (None, column) => column.map(|column| (column.to_string(), None)),
        };
        Ok(Self { meta, ids, columns, chosen, text: args.text.clone(), images, image_identity })
    }

    /// The numbers of the rows in use.
    pub fn numbering(&self) -> Numbering<'_> {
        Numbering(self.chosen.as_ref())
    }

    /// The page about `outcome`.
    ///
    /// # Errors
    /// [`Failure::Data`](crate::failure::Failure::Data) when the metadata cannot be read again.
    #[allow(clippy::too_many_arguments, reason = "one call site")]
    pub fn report(
        &self,
        outcome: &Outcome,
        settings: &Settings,
        embeddings: &Embeddings,
        plots: &BTreeMap<&'static str, String>,
        out: &OutDir,
        configuration: &Value,
        reporter: &Reporter,
    ) -> Result<String> {
        let numbering = self.numbering();
        let evidence = Evidence::of(outcome);
        let rows = evidence.rows();
        let texts = match (&self.meta, &self.text) {
            (Some(meta), Some(column)) => numbering.look(&rows, |rows| meta.values(column, rows))?,
            _ => BTreeMap::new(),
        };
        let images = match &self.images {
            Some(images) => {
                numbering.look(&rows, |rows| images.pictures(rows, self.meta.as_ref(), reporter))?
            }
            None => BTreeMap::new(),
        };
        let report = Report {
            outcome,
            settings,
            evidence: &evidence,
            input: embeddings.name(),
            dim: embeddings.dim(),
            ids: self.ids.as_ref(),
            texts,
            images,
            plots,
            written: out.written(),
            configuration,
            columns: &self.columns,
        };
        Ok(report.html())
    }
}
