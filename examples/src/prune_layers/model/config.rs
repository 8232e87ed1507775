//! The configuration of a model without some of its layers.
//!
//! It finds the part of it that is about the list of layers, the keys that give their number, and refuses families that
//! nobody compared; the keys of that part are the work of [`rules`](super::rules).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::json;
use super::keys::{COUNTS, DRAFTS, FAMILIES, SIDES, WRAPPERS};
use super::names::{layer_of, renamed};
use super::rules::{Clause, Work};
use crate::failure::{Failure, Result};
use crate::input::file;

/// The configuration of a model.
pub struct Config {
    path: PathBuf,
    value: Value,
}

/// A configuration without some layers.
pub struct Cut {
    /// The configuration.
    pub config: Value,
    /// What the keys said of each layer.
    pub labels: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Config {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`Failure::Data`] when it is no JSON object.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = file::read(path, file::DOCUMENT)?;
        let value = json::parse(&bytes).map_err(|e| Failure::data(path, format!("is not JSON: {e}")))?;
        if !value.is_object() {
            return Err(Failure::data(path, "is not a JSON object"));
        }
        Ok(Self { path: path.to_path_buf(), value })
    }

    /// How many of `numbered` layers of a list are draft layers.
    pub fn drafts(&self, list: &str, numbered: usize) -> usize {
        let Ok(place) = self.part(list, None) else { return 0 };
        let part = at(&self.value, &place);
        let Some(count) = counts(part, list).first().and_then(|key| part[*key].as_u64()) else { return 0 };
        let drafts = DRAFTS.iter().filter_map(|key| part[*key].as_u64()).find(|drafts| *drafts > 0);
        drafts.filter(|drafts| count.checked_add(*drafts) == Some(numbered as u64)).unwrap_or(0) as usize
    }

    /// The configuration of the model of `layers` layers under `list` without `dropped`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the key that is of another model or cannot follow.
    pub fn without(
        &self,
        list: &str,
        layers: usize,
        dropped: &BTreeSet<usize>,
        any_family: bool,
    ) -> Result<Cut> {
        self.cut(list, layers, dropped, any_family).map_err(|what| Failure::data(&self.path, what))
    }

    fn cut(&self, list: &str, layers: usize, dropped: &BTreeSet<usize>, any_family: bool) -> Clause<Cut> {
        let place = self.part(list, Some(layers))?;
        let mut notes = Vec::new();
        self.family(&place, any_family, &mut notes)?;
        let mut config = self.value.clone();
        names_in(&mut config, list, dropped)?;
        let part = at(&self.value, &place);
        let found = counts(part, list);
        if let Some(key) = found.iter().find(|key| part[**key] != json!(layers)) {
            return Err(format!("says {key} {}, the states are of {layers} layers", part[*key]));
        }
        let counted: Vec<String> = found.iter().map(|key| (*key).to_string()).collect();
        let keys = part_of(&mut config, &place)?;
        for key in &counted {
            keys.insert(key.clone(), json!(layers - dropped.len()));
        }
        let mut work = Work {
            kept: (0..layers).filter(|layer| !dropped.contains(layer)).collect(),
            layers,
            dropped,
            keys,
            labels: vec![String::new(); layers],
            notes,
            done: counted,
        };
        work.kinds()?;
        work.all()?;
        let Work { labels, notes, kept, .. } = work;
        if kind(list) == VISION {
            features(&mut config, &kept, layers)?;
        }
        // Some repeat the number at the top.
        if !place.is_empty() {
            for key in COUNTS {
                if config[key] == json!(layers) {
                    config[key] = json!(layers - dropped.len());
                }
            }
        }
        Ok(Cut { config, labels, notes })
    }

    /// The part of the configuration that is about `list`, as the keys that lead there.
    fn part(&self, list: &str, layers: Option<usize>) -> Clause<Vec<String>> {
        let mut found = Vec::new();
        parts(&self.value, &mut Vec::new(), &mut found);
        let of = |place: &Vec<String>| kind(&place.join("."));
        let nested = found.iter().any(|place| !place.is_empty() && of(place) == kind(list));
        found.retain(|place| of(place) == kind(list) && (!nested || !place.is_empty()));
        for side in ["encoder", "decoder"] {
            let named = |place: &Vec<String>| place.iter().any(|key| key.contains(side));
            if found.len() > 1 && list.contains(side) && found.iter().any(named) {
                found.retain(named);
            }
        }
        if let Some(layers) = layers
            && found.len() > 1
        {
            let fits = |place: &Vec<String>| {
                let part = at(&self.value, place);
                counts(part, list).iter().all(|key| part[*key] == json!(layers))
            };
            if found.iter().any(fits) {
                found.retain(fits);
            }
        }
        match &found[..] {
            [one] => Ok(one.clone()),
            [] => Err(format!("does not give the number of layers ({})", COUNTS.join(", "))),
            _ => {
                let names: Vec<String> = found.iter().map(|place| format!("'{}'", place.join("."))).collect();
                Err(format!(
                    "has several parts with layers, {}: none is clearly that of '{list}'",
                    names.join(", ")
                ))
            }
        }
    }

    /// Refuses families that nobody compared.
    fn family(&self, place: &[String], any: bool, notes: &mut Vec<String>) -> Clause<()> {
        let types = [Some(&self.value), (!place.is_empty()).then(|| at(&self.value, place))];
        for (i, value) in types.into_iter().flatten().enumerate() {
            let Some(name) = value["model_type"].as_str() else {
                notes.push("the configuration has no model_type: its keys alone were looked at".into());
                continue;
            };
            if FAMILIES.contains(&name) || (i == 0 && !place.is_empty() && WRAPPERS.contains(&name)) {
                continue;
            }
            if !any {
                return Err(format!(
                    "model_type '{name}' is of no family whose layers were compared; --any-family goes by its keys alone"
                ));
            }
            notes.push(format!("model_type '{name}' is of no family whose layers were compared: its keys alone were looked at"));
        }
        Ok(())
    }
}

/// Which tower a list or a part of the configuration belongs to.
fn kind(text: &str) -> u8 {
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if is(&["vis", "image"]) {
        VISION
    } else if is(&["audio", "speech"]) {
        2
    } else {
        0
    }
}

const VISION: u8 = 1;

/// Which states of a vision tower the language model sees: state 0 is the embedding, -1 the output of the last layer.
fn features(config: &mut Value, kept: &[usize], layers: usize) -> Clause<()> {
    const KEYS: [&str; 2] = ["vision_feature_layer", "vision_feature_layers"];
    let states = |layers: usize| layers as i64 + 1;
    let new = |value: &Value| -> Option<Value> {
        let state = value.as_i64()?;
        let state = if state < 0 { state.checked_add(states(layers))? } else { state };
        if !(0..states(layers)).contains(&state) {
            return None;
        }
        let state = kept.iter().filter(|layer| (**layer as i64) < state).count() as i64;
        Some(json!(if value.as_i64()? < 0 { state - states(kept.len()) } else { state }))
    };
    for key in KEYS {
        let there = &config[key];
        let found = match there {
            Value::Null => continue,
            Value::Array(list) => list.iter().map(new).collect::<Option<Vec<Value>>>().map(Value::Array),
            one => new(one),
        };
        config[key] = found.ok_or_else(|| format!("{key} ({there}) names no state of {layers} layers"))?;
    }
    Ok(())
}

fn at<'v>(value: &'v Value, place: &[String]) -> &'v Value {
    place.iter().fold(value, |value, key| &value[key.as_str()])
}

fn part_of<'v>(value: &'v mut Value, place: &[String]) -> Clause<&'v mut Map<String, Value>> {
    let part = place.iter().fold(value, |value, key| &mut value[key.as_str()]);
    part.as_object_mut().ok_or_else(|| "is not a JSON object".into())
}

/// The places of all parts that give a number of layers.
fn parts(value: &Value, place: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let Some(keys) = value.as_object() else { return };
    let sides = SIDES.iter().flat_map(|(_, keys)| keys);
    let counted = COUNTS.iter().chain(sides).any(|key| keys.get(*key).is_some_and(Value::is_u64));
    // A list of kinds counts as well as a number.
    if counted || keys.get("layers_block_type").is_some_and(Value::is_array) {
        found.push(place.clone());
    }
    for (key, value) in keys {
        place.push(key.clone());
        parts(value, place, found);
        place.pop();
    }
}

/// The keys of a part that give the number of layers under `list`.
fn counts(part: &Value, list: &str) -> Vec<&'static str> {
    let there = |key: &&'static str| part.get(*key).is_some_and(Value::is_u64);
    let both = SIDES.map(|(_, keys)| keys).concat();
    for (side, keys) in SIDES {
        let own: Vec<&str> = keys.into_iter().filter(there).collect();
        if list.contains(side) && !own.is_empty() {
            // A model of both repeats the encoder's number.
            let repeated = COUNTS.into_iter().filter(|key| side == "encoder" && there(key));
            return own.into_iter().chain(repeated).collect();
        }
    }
    let found: Vec<&str> = COUNTS.into_iter().filter(there).collect();
    if found.is_empty() { both.into_iter().filter(there).collect() } else { found }
}

/// Renames the tensors that a configuration names, as those of quantization do.
fn names_in(value: &mut Value, list: &str, dropped: &BTreeSet<usize>) -> Clause<()> {
    let own = |text: &str| {
        layer_of(text).is_some_and(|(before, ..)| list.ends_with(before) || before.ends_with(list))
    };
    let new = |text: &str| layer_of(text).and_then(|(before, ..)| renamed(text, before, dropped));
    match value {
        Value::Array(items) => {
            items.retain(|item| item.as_str().is_none_or(|text| !own(text) || new(text).is_some()));
            for item in items {
                names_in(item, list, dropped)?;
            }
        }
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            for (key, mut value) in old {
                names_in(&mut value, list, dropped)?;
                match own(&key).then(|| new(&key)) {
                    None => drop(fields.insert(key, value)),
                    Some(Some(key)) => drop(fields.insert(key, value)),
                    Some(None) => {}
                }
            }
        }
        Value::String(text) if own(text) => {
            if let Some(new) = new(text) {
                *text = new;
            }
        }
        Value::String(text) => {
            let escaped = text.replace("\\.", ".");
            if escaped != *text && own(&escaped) {
                return Err(format!("names layers by the expression '{text}', which is not followed"));
            }
        }
        _ => {}
    }
    Ok(())
}
