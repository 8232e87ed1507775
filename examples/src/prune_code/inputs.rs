//! The study's inputs, read and checked against one another.

use std::collections::HashMap;

use ndarray::Array2;

use super::args::StudyArgs;
use crate::failure::{Failure, Result};
use crate::input::ids::Ids;
use crate::input::meta::Meta;
use crate::input::{Embeddings, Matrix, Source};

/// Everything that the study reads.
pub struct Inputs<'a> {
    /// The files' embeddings as the library reads them.
    pub source: &'a Source<'a>,
    /// The embeddings as `f32`.
    pub rows: Array2<f32>,
    /// The names of the files.
    pub ids: Ids,
    /// The lengths of the files in tokens.
    pub tokens: Vec<u64>,
    /// The perplexities of the files, where given.
    pub perplexity: Option<Vec<f64>>,
    /// Corrupted files, where given.
    pub corrupted: Option<CorruptedRows>,
}

/// Embeddings of corrupted files.
pub struct CorruptedRows {
    /// [m, d].
    pub rows: Array2<f32>,
    /// Row of the original of each.
    pub original: Vec<usize>,
    /// What was done to each.
    pub kinds: Vec<String>,
}

impl<'a> Inputs<'a> {
    /// Reads what `args` name beside the embeddings.
    ///
    /// # Errors
    /// [`Failure::Data`] with file and place.
    pub fn read(
        args: &StudyArgs,
        embeddings: &Embeddings,
        source: &'a Source<'a>,
        meta: &Meta,
        corrupted: Option<&(Matrix, Meta)>,
    ) -> Result<Self> {
        let ids = meta.ids(&args.id_column)?;
        let tokens = numbers(meta, &args.tokens, "a length (a whole number)", |text| text.parse().ok())?;
        let perplexity = match &args.perplexity {
            None => None,
            Some(column) => {
                let positive = |text: &str| text.parse().ok().filter(|p: &f64| p.is_finite() && *p > 0.0);
                Some(numbers(meta, column, "a perplexity (a number above 0)", positive)?)
            }
        };
        let corrupted = match corrupted {
            None => None,
            Some((rows, table)) => Some(CorruptedRows::read(args, rows, table, embeddings.dim(), &ids)?),
        };
        Ok(Self { source, rows: embeddings.to_f32(), ids, tokens, perplexity, corrupted })
    }
}

impl CorruptedRows {
    fn read(args: &StudyArgs, rows: &Matrix, table: &Meta, expected: usize, ids: &Ids) -> Result<Self> {
        let found = rows.layout().dim;
        if found != expected {
            let what = format!("holds rows of {found} values, the input has rows of {expected}");
            return Err(Failure::data(rows.path(), what));
        }
        let mut places: HashMap<&str, usize> = HashMap::new();
        places.extend((0..ids.len()).map(|i| (ids.get(i), i)));
        let names = table.names(&args.id_column)?;
        let mut original = Vec::with_capacity(names.len());
        for i in 0..names.len() {
            let Some(&place) = places.get(names.get(i)) else {
                let what = format!("row {i}: {:?} is no file of the input", names.get(i));
                return Err(Failure::data(table.path(), what));
            };
            original.push(place);
        }
        let kinds = table.column("kind")?;
        let kinds = (0..kinds.len()).map(|i| kinds.get(i).to_string()).collect();
        let values = rows.to_f32();
        // Before the clustering: who is refused after it has a state that nobody can go on with.
        if let Some(((row, column), _)) = values.indexed_iter().find(|(_, value)| !value.is_finite()) {
            let what = format!("holds a NaN or an infinity, first at row {row}, column {column}");
            return Err(Failure::data(rows.path(), what));
        }
        Ok(Self { rows: values, original, kinds })
    }
}

/// A column of numbers.
fn numbers<T>(meta: &Meta, column: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let texts = meta.column(column)?;
    let mut values = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        let text = texts.get(row);
        values.push(parse(text.trim()).ok_or_else(|| {
            Failure::data(meta.path(), format!("row {row}: {text:?} in column '{column}' is not {what}"))
        })?);
    }
    Ok(values)
}
