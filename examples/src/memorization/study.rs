//! A study: its manifest, read and checked against its arrays before any work.

use std::path::{Path, PathBuf};

use pauca::memorization::Hits;
use serde_json::Value;

use super::arrays::{Array, Arrays, Tile};
use super::probes::Probes;
use crate::failure::{Failure, Result};
use crate::input::{file, file_name, hex, text};
use sha2::{Digest, Sha256};

/// The only version of the format.
pub const FORMAT_VERSION: u64 = 1;
/// A tag that says: none.
pub const UNTAGGED: u8 = 255;

/// Texts that models are trained on or tested with.
pub struct Set {
    /// The name of the set.
    pub name: String,
    /// Tokens in all texts.
    pub tokens: usize,
    /// Where each text ends.
    pub ends: Vec<usize>,
    /// A part of speech for each token.
    pub tags: Option<Vec<u8>>,
    /// The true ids.
    pub targets: Option<Vec<u32>>,
}

/// Predictions at a list of epochs.
pub enum Predictions {
    /// Packed bits `[epochs, bytes]`.
    Bits(Array),
    /// Ids `[epochs, tokens]`, and the log-probability of the target.
    Pairs(Array, Option<Array>),
    /// Logits of every epoch, in tiles of the vocabulary.
    Logits(Vec<Vec<Tile>>),
}

/// One trained model.
pub struct Run {
    /// The name of the run.
    pub name: String,
    /// Parameters of the model.
    pub parameters: u64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Index of its training set.
    pub set: usize,
    /// What is special about it; none for the plain runs that are compared.
    pub variant: Option<String>,
    /// Epochs after which it was tested.
    pub epochs: Vec<u64>,
    /// Predictions on its training set.
    pub predictions: Predictions,
    /// Whether the predicted token has the true part of speech, packed bits.
    pub tag_hits: Option<Array>,
    /// Perplexity of the validation set after each epoch.
    pub perplexity: Option<Vec<f64>>,
    /// Hits and tokens of the batch of each update.
    pub updates: Option<Vec<(u32, u32)>>,
    /// Hits on a set that it never trains on: index and packed bits.
    pub held_out: Option<(usize, Array)>,
}

/// A special batch, trained on for a moment and never again.
pub struct Special {
    /// The name of the special batch.
    pub name: String,
    /// Parameters of the model.
    pub parameters: u64,
    /// Index of the run that it branched off, where that is there.
    pub run: Option<usize>,
    /// Index of the set that is the special batch.
    pub set: usize,
    /// How often it was seen.
    pub passes: u64,
    /// The epoch of the run after which it was seen.
    pub after_epoch: u64,
    /// Epochs since: -1 before, 0 right after.
    pub epochs: Vec<i64>,
    /// Packed bits.
    pub hits: Array,
}

/// The whole study.
pub struct Study {
    /// The manifest.
    pub path: PathBuf,
    /// What the study is about.
    pub title: String,
    /// Where the data are from.
    pub source: String,
    /// Ids in the vocabulary.
    pub vocabulary: usize,
    /// Names of the parts of speech.
    pub tags: Vec<String>,
    /// Texts.
    pub sets: Vec<Set>,
    /// Models.
    pub runs: Vec<Run>,
    /// Special batches.
    pub forgetting: Vec<Special>,
    /// Extraction, membership, exposure, counterfactuals.
    pub probes: Probes,
    /// Files read and their SHA-256.
    pub digests: Vec<(String, String)>,
}

/// Reads fields of one object of the manifest and names the place of what is wrong.
pub(super) struct Fields<'v> {
    pub path: &'v Path,
    pub place: String,
    pub value: &'v Value,
}

impl<'v> Fields<'v> {
    pub fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        Failure::data(self.path, format!("{place}{what}"))
    }

    pub fn get(&self, key: &str) -> Option<&'v Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    fn need(&self, key: &str) -> Result<&'v Value> {
        self.get(key).ok_or_else(|| self.wrong(format!("'{key}' is missing")))
    }

    pub fn text(&self, key: &str) -> Result<&'v str> {
        self.need(key)?.as_str().ok_or_else(|| self.wrong(format!("'{key}' is not a text")))
    }

    pub fn name(&self, key: &str) -> Result<Option<&'v str>> {
        self.get(key).map(|_| self.text(key)).transpose()
    }

    fn count(&self, key: &str) -> Result<u64> {
        self.need(key)?.as_u64().ok_or_else(|| self.wrong(format!("'{key}' is not a whole number")))
    }

    pub fn list(&self, key: &str) -> Result<&'v [Value]> {
        let value = self.need(key)?.as_array().map(Vec::as_slice);
        value.ok_or_else(|| self.wrong(format!("'{key}' is not a list")))
    }

    /// Parameters of a model: they are drawn on a logarithmic axis.
    fn parameters(&self) -> Result<u64> {
        match self.count("parameters")? {
            0 => Err(self.wrong("'parameters' is 0; a model has at least one")),
            n => Ok(n),
        }
    }

    /// Names of files.
    pub fn texts(&self, key: &str) -> Result<Vec<String>> {
        let names: Option<Vec<_>> = self.list(key)?.iter().map(|v| v.as_str().map(str::to_string)).collect();
        names.ok_or_else(|| self.wrong(format!("'{key}' holds something that is no text")))
    }

    fn whole_numbers(&self, key: &str) -> Result<Vec<i64>> {
        let values: Option<Vec<i64>> = self.list(key)?.iter().map(Value::as_i64).collect();
        let values =
            values.ok_or_else(|| self.wrong(format!("'{key}' holds something that is no whole number")))?;
        if !values.is_sorted_by(|a, b| a < b) || values.is_empty() {
            return Err(self.wrong(format!("'{key}' is empty or does not ascend")));
        }
        Ok(values)
    }
}

impl Study {
    /// Reads and checks the study at `path`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first thing that is wrong and where.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = file::read(path, file::DOCUMENT)?;
        let value: Value = serde_json::from_str(text::whole(path, &bytes)?)
            .map_err(|e| Failure::data(path, format!("is not JSON: {e}")))?;
        let top = Fields { path, place: String::new(), value: &value };
        if top.get("format").and_then(Value::as_str) != Some("pauca-memorization") {
            return Err(top.wrong("is not a study: 'format' is not \"pauca-memorization\""));
        }
        let version = top.count("format_version")?;
        if version != FORMAT_VERSION {
            return Err(top.wrong(format!("is of format version {version}, known is {FORMAT_VERSION}")));
        }
        let mut arrays = Arrays::open(path, top.name("arrays")?)?;
        let vocabulary = top.count("vocabulary")? as usize;
        let tags = match top.get("tags") {
            None => Vec::new(),
            Some(_) => {
                let names: Option<Vec<_>> =
                    top.list("tags")?.iter().map(|v| v.as_str().map(str::to_string)).collect();
                names.ok_or_else(|| top.wrong("'tags' holds something that is no text"))?
            }
        };
        let sets = top.need("sets")?.as_object().ok_or_else(|| top.wrong("'sets' is no object"))?;
        let sets: Vec<Set> = sets
            .iter()
            .map(|(name, value)| {
                let fields = Fields { path, place: format!("set '{name}'"), value };
                set(&fields, name, &tags, &mut arrays)
            })
            .collect::<Result<_>>()?;
        let probes = Probes::open(&top, &sets, vocabulary, &mut arrays)?;
        let mut runs: Vec<Run> = Vec::new();
        let listed = if top.get("runs").is_none() && probes.any() { &[][..] } else { top.list("runs")? };
        for (i, value) in listed.iter().enumerate() {
            let fields = Fields { path, place: format!("run {i}"), value };
            let place = format!("run '{}'", fields.text("name")?);
            let run = run(&Fields { path, place, value }, &sets, vocabulary, &mut arrays)?;
            if runs.iter().any(|other| other.name == run.name) {
                return Err(fields.wrong(format!("a run is called '{}' already", run.name)));
            }
            runs.push(run);
        }
        if runs.is_empty() && !probes.any() {
            return Err(top.wrong("'runs' is empty"));
        }
        let mut forgetting = Vec::new();
        if top.get("forgetting").is_some() {
            for (i, value) in top.list("forgetting")?.iter().enumerate() {
                let fields = Fields { path, place: format!("forgetting {i}"), value };
                forgetting.push(special(&fields, &sets, &runs, &mut arrays)?);
            }
        }
        let mut digests = arrays.digests;
        digests.insert(0, (file_name(path), hex(&Sha256::digest(&bytes))));
        Ok(Self {
            path: path.to_path_buf(),
            title: top.name("title")?.unwrap_or("Memorization").to_string(),
            source: top.name("source")?.unwrap_or("").to_string(),
            vocabulary,
            tags,
            sets,
            runs,
            forgetting,
            probes,
            digests,
        })
    }
}

fn set(fields: &Fields<'_>, name: &str, tags: &[String], arrays: &mut Arrays) -> Result<Set> {
    let tokens = fields.count("tokens")? as usize;
    let ends = match fields.name("ends")? {
        None => vec![tokens],
        Some(name) => {
            let array = arrays.get(name)?;
            let ends: Vec<usize> = array.integers(0..array.len())?.into_iter().map(|e| e as usize).collect();
            if !ends.is_sorted() || ends.last() != Some(&tokens) {
                return Err(array.failure(format!("does not ascend to the {tokens} tokens of the set")));
            }
            ends
        }
    };
    let tags = match fields.name("tags")? {
        None => None,
        Some(name) => {
            let array = arrays.get(name)?;
            array.expect_shape(&[tokens], "a tag for each token")?;
            let values: Vec<u8> =
                (0..tokens).map(|i| array.byte_row(i).map(|row| row[0])).collect::<Result<_>>()?;
            if let Some(i) = values.iter().position(|&t| t != UNTAGGED && t as usize >= tags.len()) {
                let (tag, n) = (values[i], tags.len());
                return Err(array.failure(format!("holds tag {tag} at token {i}, there are {n} names")));
            }
            Some(values)
        }
    };
    let targets = match fields.name("targets")? {
        None => None,
        Some(name) => {
            let array = arrays.get(name)?;
            array.expect_shape(&[tokens], "an id for each token")?;
            Some(array.integers(0..tokens)?)
        }
    };
    Ok(Set { name: name.to_string(), tokens, ends, tags, targets })
}

pub(super) fn find_set(fields: &Fields<'_>, sets: &[Set]) -> Result<usize> {
    let name = fields.text("set")?;
    sets.iter()
        .position(|set| set.name == name)
        .ok_or_else(|| fields.wrong(format!("there is no set '{name}'")))
}

/// Packed bits for `epochs` of `tokens`.
fn bits(arrays: &mut Arrays, name: &str, of: &[impl std::fmt::Display], tokens: usize) -> Result<Array> {
    let (array, epochs) = (arrays.of_epochs(name, of)?, of.len());
    let meaning = format!("{epochs} epochs of {tokens} tokens, eight a byte");
    array.expect_shape(&[epochs, tokens.div_ceil(8)], &meaning)?;
    for i in 0..epochs {
        Hits::from_bits(array.byte_row(i)?, tokens).map_err(|e| array.failure(format!("row {i}: {e}")))?;
    }
    Ok(array)
}

fn run(fields: &Fields<'_>, sets: &[Set], vocabulary: usize, arrays: &mut Arrays) -> Result<Run> {
    let set = find_set(fields, sets)?;
    let tokens = sets[set].tokens;
    let epochs: Vec<u64> = fields.whole_numbers("epochs")?.into_iter().map(|e| e.max(0) as u64).collect();
    if epochs[0] == 0 {
        return Err(fields.wrong("'epochs' begins below 1"));
    }
    let n = epochs.len();
    let needs_targets = |key: &str| match &sets[set] {
        Set { targets: None, name, .. } => {
            Err(fields.wrong(format!("'{key}' needs the targets of set '{name}'")))
        }
        _ => Ok(()),
    };
    let given = (fields.name("hits")?, fields.name("argmax")?, fields.get("logits"));
    let predictions = match given {
        (Some(name), None, None) => Predictions::Bits(bits(arrays, name, &epochs, tokens)?),
        (None, None, Some(_)) => {
            needs_targets("logits")?;
            let names = fields.texts("logits")?;
            let of = |epoch: &u64| -> Vec<String> {
                names.iter().map(|name| name.replace("{}", &epoch.to_string())).collect()
            };
            let tiles = epochs.iter().map(|epoch| arrays.logits(&of(epoch), tokens, vocabulary));
            Predictions::Logits(tiles.collect::<Result<_>>()?)
        }
        (None, Some(name), None) => {
            needs_targets("argmax")?;
            let meaning = format!("{n} epochs of {tokens} tokens");
            let argmax = arrays.of_epochs(name, &epochs)?;
            argmax.expect_shape(&[n, tokens], &meaning)?;
            let log_prob =
                fields.name("log_prob")?.map(|name| arrays.of_epochs(name, &epochs)).transpose()?;
            log_prob.as_ref().map_or(Ok(()), |array| array.expect_shape(&[n, tokens], &meaning))?;
            Predictions::Pairs(argmax, log_prob)
        }
        _ => return Err(fields.wrong("one of 'hits', 'argmax' and 'logits' is needed")),
    };
    let learning_rate = fields.get("learning_rate").map_or(Ok(f64::NAN), |v| {
        v.as_f64().ok_or_else(|| fields.wrong("'learning_rate' is not a number"))
    })?;
    let perplexity = fields.name("validation_perplexity")?.map(|name| {
        let array = arrays.get(name)?;
        array.expect_shape(&[n], "a perplexity for each epoch")?;
        array.numbers(0..n)
    });
    let perplexity = perplexity.transpose()?;
    let updates = fields.name("updates")?.map(|name| {
        let array = arrays.get(name)?;
        if array.shape.len() != 2 || array.shape[1] != 2 {
            return Err(array.failure(format!("has shape {:?}, expected [updates, 2]", array.shape)));
        }
        let flat = array.integers(0..array.len())?;
        Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    });
    let updates = updates.transpose()?;
    let tag_hits = match fields.name("tag_hits")? {
        Some(name) if sets[set].tags.is_some() => Some(bits(arrays, name, &epochs, tokens)?),
        Some(_) => return Err(fields.wrong("'tag_hits' needs the tags of its set")),
        None => None,
    };
    let held_out = match fields.get("held_out_hits") {
        None => None,
        Some(value) => {
            let inner = Fields { path: fields.path, place: fields.place.clone(), value };
            let set = find_set(&inner, sets)?;
            Some((set, bits(arrays, inner.text("hits")?, &epochs, sets[set].tokens)?))
        }
    };
    Ok(Run {
        name: fields.text("name")?.to_string(),
        parameters: fields.parameters()?,
        learning_rate,
        set,
        variant: fields.name("variant")?.map(str::to_string),
        epochs,
        predictions,
        tag_hits,
        perplexity,
        updates,
        held_out,
    })
}

fn special(fields: &Fields<'_>, sets: &[Set], runs: &[Run], arrays: &mut Arrays) -> Result<Special> {
    let set = find_set(fields, sets)?;
    let epochs = fields.whole_numbers("epochs")?;
    if !epochs.contains(&0) {
        return Err(fields.wrong("'epochs' lacks 0, the moment after the special batch"));
    }
    let run = match fields.name("run")? {
        None => None,
        Some(name) => Some(
            runs.iter()
                .position(|run| run.name == name)
                .ok_or_else(|| fields.wrong(format!("there is no run '{name}'")))?,
        ),
    };
    Ok(Special {
        name: fields.text("name")?.to_string(),
        parameters: fields.parameters()?,
        run,
        set,
        passes: fields.count("passes")?,
        after_epoch: fields.count("injected_after_epoch")?,
        hits: bits(arrays, fields.text("hits")?, &epochs, sets[set].tokens)?,
        epochs,
    })
}
