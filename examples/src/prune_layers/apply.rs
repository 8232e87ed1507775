//! A model file without some of its layers: tensors dropped, the rest renumbered, streamed.
//!
//! The `.safetensors` format: a u64 header length, a JSON header of name -> type, shape, byte range,
//! then the values. Values are copied as they are; only names and places change.

use std::collections::BTreeSet;
use std::path::Path;

use ::safetensors::SafeTensors;
use memmap2::Mmap;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};
use crate::input::{file, map, safetensors};
use crate::interrupt;
use crate::output::OutDir;

/// Names under which models keep their list of layers.
const LISTS: [&str; 5] = ["layers", "h", "blocks", "layer", "block"];
/// Names under which configurations give the number of layers.
const COUNTS: [&str; 5] = ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"];
/// Configuration values with one entry a layer.
const PER_LAYER: [&str; 3] = ["layer_types", "no_rope_layers", "attention_layers"];

/// The layer in a tensor's name: what stands before its number, the number, what stands after.
fn layer_of(name: &str) -> Option<(&str, usize, &str)> {
    for (dot, _) in name.match_indices('.') {
        let list = name[..dot].rsplit('.').next()?;
        let digits = name[dot + 1..].split('.').next()?;
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if LISTS.contains(&list) && number {
            let end = dot + 1 + digits.len();
            return Some((&name[..=dot], digits.parse().ok()?, &name[end..]));
        }
    }
    None
}

/// The name of a tensor once the layers `dropped` are gone; `None` where it goes with them.
fn renamed(name: &str, dropped: &BTreeSet<usize>) -> Option<String> {
    match layer_of(name) {
        None => Some(name.to_string()),
        Some((_, layer, _)) if dropped.contains(&layer) => None,
        Some((before, layer, after)) => {
            Some(format!("{before}{}{after}", layer - dropped.range(..layer).count()))
        }
    }
}

/// A model to be pruned.
pub struct Model {
    map: Mmap,
    header: Map<String, Value>,
    /// Where the values begin.
    start: usize,
}

impl Model {
    /// Opens `path`, which must hold the `layers` layers of one list.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the file.
    pub fn open(path: &Path, layers: usize) -> Result<Self> {
        let map = map(path)?;
        let tensors = safetensors::open(&map).map_err(|what| Failure::data(path, what))?;
        let mut lists: Vec<(String, BTreeSet<usize>)> = Vec::new();
        for name in tensors.names() {
            if let Some((before, layer, _)) = layer_of(name) {
                match lists.iter_mut().find(|(list, _)| list == before) {
                    Some((_, numbers)) => drop(numbers.insert(layer)),
                    None => lists.push((before.to_string(), BTreeSet::from([layer]))),
                }
            }
        }
        lists.sort();
        match &lists[..] {
            [(_, numbers)] if numbers.iter().copied().eq(0..layers) => {}
            [(list, numbers)] => {
                let what = format!(
                    "has {} layers under '{list}', numbered {} to {}; the states are of {layers} layers",
                    numbers.len(),
                    numbers.first().copied().unwrap_or(0),
                    numbers.last().copied().unwrap_or(0)
                );
                return Err(Failure::data(path, what));
            }
            [] => return Err(Failure::data(path, "has no tensors with numbered layers in their names")),
            _ => {
                let names: Vec<String> = lists.iter().map(|(list, _)| format!("'{list}'")).collect();
                let what = format!("has several lists of layers, one is needed: {}", names.join(", "));
                return Err(Failure::data(path, what));
            }
        }
        drop(tensors);
        let length = map.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)) as usize;
        let header = serde_json::from_slice(&map[8..8 + length])
            .map_err(|e| Failure::data(path, format!("has a header that cannot be read: {e}")))?;
        Ok(Self { map, header, start: 8 + length })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> usize {
        self.map.len()
    }

    /// The tensors that stay, as (old name, new name), in their order in the file.
    fn kept(&self, dropped: &BTreeSet<usize>) -> Vec<(&str, String)> {
        let mut kept: Vec<(&str, String)> = self
            .header
            .keys()
            .filter(|name| *name != "__metadata__")
            .filter_map(|name| Some((name.as_str(), renamed(name, dropped)?)))
            .collect();
        kept.sort_by_key(|(name, _)| self.range(name)[0]);
        kept
    }

    fn range(&self, name: &str) -> [usize; 2] {
        let at = |i: usize| self.header[name]["data_offsets"][i].as_u64().unwrap_or(0) as usize;
        [at(0), at(1)]
    }

    fn values(&self, name: &str) -> &[u8] {
        let [start, end] = self.range(name);
        &self.map[self.start + start..self.start + end]
    }

    /// Writes the model without `dropped` as `name` into `out` and reads it back; `told` hears of the
    /// bytes written. Gives the number of tensors written.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason or with what was read back wrong,
    /// [`Failure::Cancelled`]; then nothing is left.
    pub fn write(
        &self,
        dropped: &BTreeSet<usize>,
        out: &mut OutDir,
        name: &str,
        told: &dyn Fn(u64, u64),
    ) -> Result<usize> {
        let kept = self.kept(dropped);
        let mut header = Map::new();
        if let Some(metadata) = self.header.get("__metadata__") {
            header.insert("__metadata__".into(), metadata.clone());
        }
        let mut at = 0;
        for (old, new) in &kept {
            let [start, end] = self.range(old);
            let mut entry = self.header[*old].clone();
            entry["data_offsets"] = json!([at, at + end - start]);
            at += end - start;
            header.insert(new.clone(), entry);
        }
        // The format wants the values aligned to eight bytes.
        let mut text = Value::Object(header).to_string();
        while !text.len().is_multiple_of(8) {
            text.push(' ');
        }
        out.write(name, |w| {
            w.write_all(&(text.len() as u64).to_le_bytes())?;
            w.write_all(text.as_bytes())?;
            let mut done = 0;
            for (old, _) in &kept {
                for piece in self.values(old).chunks(1 << 22) {
                    if interrupt::requested() {
                        return Err(std::io::Error::other("stopped"));
                    }
                    w.write_all(piece)?;
                    done += piece.len() as u64;
                    told(done, at as u64);
                }
            }
            Ok(())
        })
        .map_err(|failure| if interrupt::requested() { Failure::stopped() } else { failure })?;
        self.check(&kept, &out.pending(name))?;
        Ok(kept.len())
    }

    /// Reads back what was written: every tensor under its new name, with its old bytes.
    fn check(&self, kept: &[(&str, String)], path: &Path) -> Result<()> {
        let back = map(path)?;
        let wrong = |what: String| Failure::data(path, format!("was read back wrong: {what}"));
        let tensors = SafeTensors::deserialize(&back).map_err(|e| wrong(e.to_string()))?;
        if tensors.len() != kept.len() {
            return Err(wrong(format!("{} tensors instead of {}", tensors.len(), kept.len())));
        }
        for (old, new) in kept {
            let found = tensors.tensor(new).map_err(|e| wrong(e.to_string()))?;
            let shape: Vec<u64> = found.shape().iter().map(|n| *n as u64).collect();
            let same = found.data() == self.values(old) && json!(shape) == self.header[*old]["shape"];
            if !same {
                return Err(wrong(format!("tensor '{new}' is not '{old}'")));
            }
        }
        Ok(())
    }
}

/// The configuration of a model of `layers` layers without `dropped`.
///
/// # Errors
/// [`Failure::Data`] when it is of another number of layers or does not say.
pub fn configuration(path: &Path, layers: usize, dropped: &BTreeSet<usize>) -> Result<Value> {
    let bytes = file::read(path, file::DOCUMENT)?;
    let mut config: Value =
        serde_json::from_slice(&bytes).map_err(|e| Failure::data(path, format!("is not JSON: {e}")))?;
    // Models that also see keep the configuration of their text part inside.
    let nested = config.get("text_config").is_some_and(Value::is_object);
    let part = if nested { &mut config["text_config"] } else { &mut config };
    let Some(name) = COUNTS.iter().find(|name| part.get(**name).is_some()) else {
        return Err(Failure::data(
            path,
            format!("does not give the number of layers ({})", COUNTS.join(", ")),
        ));
    };
    if part[*name] != json!(layers) {
        return Err(Failure::data(
            path,
            format!("says {name} {}, the states are of {layers} layers", part[*name]),
        ));
    }
    part[*name] = json!(layers - dropped.len());
    for name in PER_LAYER {
        if let Some(values) = part.get_mut(name).and_then(Value::as_array_mut)
            && values.len() == layers
        {
            let mut at = 0..;
            values.retain(|_| at.next().is_some_and(|i| !dropped.contains(&i)));
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_layers_are_found_and_renumbered() {
        assert_eq!(
            layer_of("model.layers.12.mlp.up_proj.weight"),
            Some(("model.layers.", 12, ".mlp.up_proj.weight"))
        );
        assert_eq!(layer_of("transformer.h.0.attn.bias"), Some(("transformer.h.", 0, ".attn.bias")));
        assert_eq!(layer_of("h.3"), Some(("h.", 3, "")));
        for name in ["lm_head.weight", "model.layers.norm.weight", "players.3.x", "model.layers..x", "layers"]
        {
            assert_eq!(layer_of(name), None, "{name}");
        }
        // The first list counts: experts inside a layer keep their numbers.
        assert_eq!(layer_of("model.layers.2.moe.layers.7.w"), Some(("model.layers.", 2, ".moe.layers.7.w")));
        let dropped = BTreeSet::from([1, 2]);
        assert_eq!(renamed("h.0.w", &dropped).as_deref(), Some("h.0.w"));
        assert_eq!(renamed("h.2.w", &dropped), None);
        assert_eq!(renamed("h.10.w", &dropped).as_deref(), Some("h.8.w"));
        assert_eq!(renamed("norm.w", &dropped).as_deref(), Some("norm.w"));
    }
}
