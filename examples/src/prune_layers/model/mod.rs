//! A model without some of its layers: the whole folder, so that it loads as it is.
//!
//! | what | module |
//! |---|---|
//! | which layer a tensor belongs to | [`names`] |
//! | tensors in one file or in shards, streamed | [`shards`] |
//! | the configuration: every key that says which layer is what | [`config`], [`rules`], [`keys`] |
//! | JSON as Python writes it | [`json`] |
//!
//! A model is right when every kept layer computes what it did. Values and names are the lesser part of
//! that: many families tell the kind of a layer by its number. So the configuration is rewritten key by
//! key, and what cannot be rewritten is refused with the key's name. As a last guard the tensors
//! themselves are looked at: layers that hold other tensors than their neighbours are of another kind,
//! and some key must say so.

pub mod config;
pub mod json;
pub mod keys;
pub mod names;
pub mod rules;
pub mod shards;

#[cfg(test)]
mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::config::Config;
use self::names::{layer_of, renamed};
use self::shards::{Checkpoint, WHOLE, Written};
use crate::failure::{Failure, Result};
use crate::input::file;
use crate::output::OutDir;

/// Beginnings of the names of files that a model needs beside its weights and its configuration.
const BESIDE: [&str; 20] = [
    "added_tokens",
    "chat_template",
    "generation_config",
    "image_processor_config",
    "license",
    "merges",
    "normalizer",
    "notice",
    "preprocessor_config",
    "processor_config",
    "sentencepiece",
    "special_tokens_map",
    "spiece",
    "spm",
    "tekken",
    "tokenizer",
    "use_policy",
    "video_preprocessor_config",
    "vocab",
    "bpe",
];

/// A model to be pruned.
pub struct Model {
    checkpoint: Checkpoint,
    config: Option<Config>,
    /// What stands before the number of a layer in the names of its tensors.
    list: String,
    layers: usize,
    /// Files that go along as they are.
    beside: Vec<PathBuf>,
}

impl Model {
    /// Opens the checkpoint `path` (a folder, an index, one file) and its configuration; `list` names the
    /// list of layers where there are several, `layers` is their number where it is known.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the files, [`Failure::Usage`] for a list that is
    /// not there.
    pub fn open(
        path: &Path,
        config: Option<&Path>,
        list: Option<&str>,
        layers: Option<usize>,
    ) -> Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let mut lists: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for tensor in &checkpoint.tensors {
            if let Some((before, layer, _)) = layer_of(&tensor.name) {
                lists.entry(before).or_default().insert(layer);
            }
        }
        let (list, numbers) = chosen(&checkpoint.path, &lists, list)?;
        let (list, numbers) = (list.to_string(), numbers.clone());
        let beside = checkpoint.folder().join("config.json");
        let config = match config {
            Some(path) => Some(Config::open(path)?),
            None if beside.is_file() => Some(Config::open(&beside)?),
            None => None,
        };
        // Draft layers stand behind the others in the same list.
        let drafts = config.as_ref().map_or(0, |config| config.drafts(&list, numbers.len()));
        let found = numbers.len().saturating_sub(drafts);
        let in_order = numbers.iter().copied().eq(0..numbers.len());
        let layers = match layers {
            Some(layers) if in_order && layers == found => layers,
            None if in_order && found > 0 => found,
            _ => {
                let what = format!(
                    "has {} layers under '{list}', numbered {} to {}{}",
                    numbers.len(),
                    numbers.first().copied().unwrap_or(0),
                    numbers.last().copied().unwrap_or(0),
                    layers.map_or(String::new(), |layers| format!("; the states are of {layers} layers"))
                );
                return Err(Failure::data(&checkpoint.path, what));
            }
        };
        let beside = beside_of(checkpoint.folder())?;
        Ok(Self { checkpoint, config, list, layers, beside })
    }

    /// Layers in the list.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Bytes of the values.
    pub fn bytes(&self) -> u64 {
        self.checkpoint.bytes()
    }

    /// The folder of the checkpoint.
    pub fn folder(&self) -> &Path {
        self.checkpoint.folder()
    }

    /// Whether there is a configuration.
    pub fn has_config(&self) -> bool {
        self.config.is_some()
    }

    /// What names the model in a report.
    pub fn describe(&self) -> Value {
        serde_json::json!({
            "file": crate::input::file_name(&self.checkpoint.path), "files": self.checkpoint.n_files(),
            "bytes": self.bytes(), "list": self.list.trim_end_matches('.'), "layers": self.layers,
        })
    }

    /// Names of the files that go along, and of weights that lie in `out` from another run.
    pub fn names(&self, out: &Path) -> Vec<String> {
        let there = std::fs::read_dir(out).into_iter().flatten().flatten();
        let there = there.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let weights = there.filter(|name| name.starts_with("model") && name.ends_with(".safetensors"));
        weights
            .filter(|name| name != WHOLE)
            .chain(self.beside.iter().map(|path| crate::input::file_name(path)))
            .collect()
    }

    /// The configuration without the layers `dropped`, and what a person should know of it.
    ///
    /// # Errors
    /// [`Failure::Data`] with the key that cannot follow.
    pub fn configuration(&self, dropped: &BTreeSet<usize>, any_family: bool) -> Result<Option<config::Cut>> {
        let cut = match &self.config {
            None => None,
            Some(config) => Some(config.without(&self.list, self.layers, dropped, any_family)?),
        };
        let labels = cut.as_ref().map_or(&[][..], |cut| &cut.labels);
        self.guard(labels, dropped)?;
        Ok(cut)
    }

    /// Refuses layers that hold other tensors than their neighbours when no key says why: `labels` is what
    /// the keys say of each layer. Odd layers at the very beginning are fine as long as all of these stay,
    /// since they keep their numbers.
    fn guard(&self, labels: &[String], dropped: &BTreeSet<usize>) -> Result<()> {
        let mut held: Vec<BTreeMap<&str, &Value>> = vec![BTreeMap::new(); self.layers];
        for tensor in &self.checkpoint.tensors {
            if let Some((list, layer, rest)) = layer_of(&tensor.name)
                && list == self.list
                && let Some(held) = held.get_mut(layer)
            {
                held.insert(rest, &tensor.entry["shape"]);
            }
        }
        let label = |layer: usize| labels.get(layer).map_or("", String::as_str);
        // The usual layer of each label: what most of them hold.
        let mut usual: BTreeMap<&str, usize> = BTreeMap::new();
        for layer in 0..self.layers {
            let same =
                |i: usize| (0..self.layers).filter(|j| label(i) == label(*j) && held[i] == held[*j]).count();
            let best = usual.entry(label(layer)).or_insert(layer);
            if same(layer) > same(*best) {
                *best = layer;
            }
        }
        let odd: Vec<usize> = (0..self.layers).filter(|i| held[*i] != held[usual[label(*i)]]).collect();
        let Some(last) = odd.last() else { return Ok(()) };
        if dropped.range(..=*last).next().is_none() {
            return Ok(());
        }
        let other = usual[label(odd[0])];
        let (a, b) = (&held[odd[0]], &held[other]);
        let differs = |(name, shape): &(&&str, &&Value)| b.get(**name) != Some(*shape);
        let name = a.iter().find(differs).or_else(|| b.iter().find(|(name, _)| !a.contains_key(**name)));
        let what = format!(
            "the tensor '{}N{}' is not the same in layers {} and {other} (counted from 0), and no key of the configuration says \
             why: a model without layers before it cannot be described",
            self.list,
            name.map_or("", |(name, _)| name),
            odd[0],
        );
        Err(Failure::data(&self.checkpoint.path, what))
    }

    /// Writes the tensors of all other layers into `out`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::write`].
    pub fn write(
        &self,
        dropped: &BTreeSet<usize>,
        limit: Option<u64>,
        out: &mut OutDir,
        told: &dyn Fn(u64, u64),
    ) -> Result<Written> {
        self.checkpoint.write(&|name| renamed(name, &self.list, dropped), limit, out, told)
    }

    /// The linear maps of the feed-forward parts of the layers, by the last part of their names.
    pub fn feed_forward(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for tensor in &self.checkpoint.tensors {
            let Some((list, _, rest)) = layer_of(&tensor.name) else { continue };
            let parts: Vec<&str> = rest.split('.').filter(|part| !part.is_empty()).collect();
            let [before @ .., module, "weight"] = &parts[..] else { continue };
            let inside =
                |part: &str| ["mlp", "ffn", "feed_forward", "feedforward"].iter().any(|w| part.contains(w));
            let own = before.iter().any(|part| inside(part)) || ["fc1", "fc2"].contains(module);
            let flat = tensor.entry["shape"].as_array().is_some_and(|shape| shape.len() == 2);
            // A router chooses experts, and is no part of them.
            let router = *module == "gate" || module.contains("router") || module.ends_with("_gate");
            if list == self.list && own && flat && !router {
                found.insert((*module).to_string());
            }
        }
        found.into_iter().collect()
    }

    /// Copies the files that go along.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn copy(&self, out: &mut OutDir) -> Result<()> {
        for path in &self.beside {
            let mut from = file::stream(path)?;
            out.write(&crate::input::file_name(path), |w| std::io::copy(&mut from, w).map(drop))?;
        }
        Ok(())
    }
}

/// The list that is meant.
fn chosen<'a>(
    path: &Path,
    lists: &'a BTreeMap<&'a str, BTreeSet<usize>>,
    key: Option<&str>,
) -> Result<(&'a str, &'a BTreeSet<usize>)> {
    let all = || {
        lists.keys().map(|list| format!("'{}'", list.trim_end_matches('.'))).collect::<Vec<_>>().join(", ")
    };
    let mut found = lists.iter().filter(|(list, _)| {
        let list = list.trim_end_matches('.');
        key.is_none_or(|key| key.trim_end_matches('.') == list)
    });
    match (found.next(), found.next(), key) {
        (Some((list, numbers)), None, _) => Ok((list, numbers)),
        (None, _, Some(key)) if !lists.is_empty() => Err(Failure::usage(format!(
            "--layer-list {key}: {} has no such list; it has {}",
            path.display(),
            all()
        ))),
        (None, ..) => Err(Failure::data(path, "has no tensors with numbered layers in their names")),
        (Some(_), Some(_), _) => Err(Failure::data(
            path,
            format!("has several lists of layers; --layer-list names one of {}", all()),
        )),
    }
}

/// The files of a folder that go along with a model, in the order of their names.
fn beside_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |e: std::io::Error| Failure::io(folder, "read", &e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let weights =
            [".safetensors", ".bin", ".pt", ".gguf", ".index.json"].iter().any(|end| name.ends_with(end));
        let wanted = BESIDE.iter().any(|start| name.starts_with(start))
            || [".tiktoken", ".jinja", ".py"].iter().any(|end| name.ends_with(end));
        if wanted && !weights && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
