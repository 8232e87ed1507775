//! The keys of a configuration that say which layer is what, one rule a kind.
//!
//! | a key that | becomes |
//! |---|---|
//! | gives the number of layers | the number of those kept |
//! | is a list of as many values as layers | the values of the layers kept |
//! | lists numbers of layers | the new numbers of those kept |
//! | gives how many of the first layers are of a kind | how many of these are kept |
//! | gives a period and an offset | others that fit the kept layers, or the refusal |
//! | is left out, and the family tells the kinds by number | the list of the kept layers' kinds, written out |
//! | names tensors (quantization) | the new names |
//! | may say which layer is what, and is not known | the refusal, with its name |

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::keys::{BELOW, NUMBERS, OWN, TIED, by_layer, counting, telling};
use super::names::renumbered;

/// One clause that says what is wrong, to follow the file's name.
pub type Clause<T> = std::result::Result<T, String>;

/// A part of a configuration under work.
pub struct Work<'a> {
    /// Layers that stay, by their old numbers.
    pub kept: Vec<usize>,
    /// Layers that there were.
    pub layers: usize,
    /// Those that go.
    pub dropped: &'a BTreeSet<usize>,
    /// The part.
    pub keys: &'a mut Map<String, Value>,
    /// What the keys say of each layer.
    pub labels: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Keys that need no more.
    pub done: Vec<String>,
}

impl Work<'_> {
    fn number(&self, key: &str) -> Option<usize> {
        self.keys.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
    }

    fn set(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !value.is_null())
    }

    fn yes(&self, key: &str) -> bool {
        self.keys.get(key) == Some(&Value::Bool(true))
    }

    /// Notes what a key says of every layer.
    fn label(&mut self, key: &str, of: impl Fn(usize) -> String) {
        for (layer, label) in self.labels.iter_mut().enumerate() {
            *label += &format!("{key} {}; ", of(layer));
        }
    }

    /// Writes a list of kinds out that the family tells by number.
    fn list(&mut self, key: &str, of: impl Fn(usize) -> Value) {
        let all: Vec<Value> = (0..self.layers).map(of).collect();
        if all.iter().any(|kind| *kind != all[0]) {
            self.notes.push(format!(
                "{key} is written out: versions of a library that do not read it load another model"
            ));
        }
        self.keys.insert(key.to_string(), Value::Array(all));
    }

    /// Writes out what a family tells by the number of a layer, and follows the periods.
    ///
    /// # Errors
    /// The key that cannot follow.
    pub fn kinds(&mut self) -> Clause<()> {
        let family = self.keys.get("model_type").and_then(Value::as_str).unwrap_or("").to_string();
        let two = |yes: bool, a: &str, b: &str| Value::from(if yes { a } else { b });
        const SLIDING: &str = "sliding_attention";
        const FULL: &str = "full_attention";
        for (name, key, value) in OWN {
            if *name == family && !self.set(key) {
                self.keys.insert((*key).to_string(), json!(value));
            }
        }
        if family == "recurrent_gemma" && !self.set("block_types") {
            self.keys.insert("block_types".into(), json!(["recurrent", "recurrent", "attention"]));
        }
        if family == "gpt_neo" && !self.set("attention_types") {
            return Err("attention_types is left out, which says what each layer sees".into());
        }
        if !self.set("layer_types") {
            // Every n-th layer is global, the others look through a window.
            let every = match family.as_str() {
                "gemma2" | "vaultgemma" | "gpt_oss" => Some(2),
                "gemma3" | "gemma3_text" => {
                    let keys = ["sliding_window_pattern", "_sliding_window_pattern"];
                    Some(keys.iter().find_map(|key| self.number(key)).unwrap_or(6))
                }
                "cohere2" => Some(self.number("sliding_window_pattern").unwrap_or(4)),
                "exaone4" if self.set("sliding_window") => match self.keys.get("sliding_window_pattern") {
                    Some(Value::String(text)) => {
                        return Err(format!(
                            "sliding_window_pattern '{text}' is not followed; layer_types would be"
                        ));
                    }
                    _ => Some(self.number("sliding_window_pattern").unwrap_or(4)),
                },
                "olmo3" => Some(4),
                "afmoe" => Some(self.number("global_attn_every_n_layers").unwrap_or(4)),
                _ => None,
            };
            if let Some(n) = every {
                if n == 0 {
                    return Err("sliding_window_pattern 0 is no period".into());
                }
                self.list("layer_types", |i| two((i + 1) % n != 0, SLIDING, FULL));
            }
            match family.as_str() {
                "modernbert" => {
                    let n = self.number("global_attn_every_n_layers").unwrap_or(3).max(1);
                    self.list("layer_types", |i| two(i % n != 0, SLIDING, FULL));
                }
                "qwen3_next" => {
                    let n = self.number("full_attention_interval").unwrap_or(4).max(1);
                    self.list("layer_types", |i| two((i + 1) % n != 0, "linear_attention", FULL));
                }
                "qwen2" | "qwen3" if self.yes("use_sliding_window") && self.set("sliding_window") => {
                    let first = self.number("max_window_layers").unwrap_or(28);
                    self.list("layer_types", |i| two(i >= first, SLIDING, FULL));
                }
                "qwen2_moe" | "qwen3_moe" if self.yes("use_sliding_window") => {
                    let what = "use_sliding_window without layer_types: versions of the family differ in which layers slide";
                    return Err(what.into());
                }
                _ => {}
            }
        }
        if matches!(family.as_str(), "smollm3" | "llama4_text") {
            let empty = self.keys.get("no_rope_layers").and_then(Value::as_array).is_none_or(Vec::is_empty);
            if empty {
                let n = self.number("no_rope_layer_interval").unwrap_or(4).max(1);
                self.list("no_rope_layers", |i| json!(usize::from((i + 1) % n != 0)));
            }
            let rope: Vec<bool> = self.keys["no_rope_layers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|v| v.as_u64() != Some(0))
                .collect();
            if rope.len() == self.layers && !self.set("layer_types") {
                if family == "smollm3" {
                    let slides = self.yes("use_sliding_window") && self.set("sliding_window");
                    self.list("layer_types", |i| two(slides && !rope[i], SLIDING, FULL));
                } else {
                    let chunked = self.keys.get("attention_chunk_size").is_none_or(|size| !size.is_null());
                    self.list("layer_types", |i| two(chunked && rope[i], "chunked_attention", FULL));
                }
            }
            if family == "llama4_text" && !self.set("moe_layers") {
                let n = self.number("interleave_moe_layer_step").unwrap_or(1).max(1);
                let sparse: Vec<usize> = (n - 1..self.layers).step_by(n).collect();
                self.keys.insert("moe_layers".into(), json!(sparse));
            }
            self.done.extend(["no_rope_layer_interval", "interleave_moe_layer_step"].map(String::from));
        }
        self.experts()?;
        self.periods(["attn_layer_period", "attn_layer_offset"])?;
        self.periods(["expert_layer_period", "expert_layer_offset"])?;
        self.named()?;
        // What says it once more, as a period, where a list stands beside it.
        if self.set("layer_types") {
            let periods = [
                "sliding_window_pattern",
                "_sliding_window_pattern",
                "full_attention_interval",
                "global_attn_every_n_layers",
            ];
            self.done.extend(periods.map(String::from));
        }
        Ok(())
    }

    /// Which layers have experts.
    fn experts(&mut self) -> Clause<()> {
        if self.set("decoder_sparse_step") || self.set("mlp_only_layers") {
            let step = self.number("decoder_sparse_step").unwrap_or(1);
            let listed = numbers(self.keys.get("mlp_only_layers"))?;
            let dense = |i: &usize| listed.contains(i) || step == 0 || !(i + 1).is_multiple_of(step);
            let all: Vec<bool> = (0..self.layers).map(|i| dense(&i)).collect();
            let places = self.kept.iter().enumerate().filter(|(_, old)| all[**old]).map(|(new, _)| new);
            let list: Vec<usize> = places.collect();
            self.keys.insert("mlp_only_layers".into(), json!(list));
            self.keys.insert("decoder_sparse_step".into(), json!(1));
            self.label("dense", |i| all[i].to_string());
            self.done.extend(["mlp_only_layers", "decoder_sparse_step"].map(String::from));
        }
        if let Some(every) = self.number("moe_layer_freq") {
            if every != 1 {
                return Err(format!("moe_layer_freq {every} is not followed"));
            }
            self.done.push("moe_layer_freq".into());
        }
        if let Some(every) = self.number("moe_layer_interval") {
            if every != 1 {
                return Err(format!("moe_layer_interval {every} is not followed"));
            }
            let start = self.number("moe_layer_start_index").unwrap_or(0);
            let end = self.number("moe_layer_end_index").map_or(self.layers, |end| end.saturating_add(1));
            let count = |bound: usize| self.kept.iter().filter(|layer| **layer < bound).count();
            let (first, after) = (count(start), count(end));
            if first >= after {
                return Err("moe_layer_start_index and moe_layer_end_index would hold no layer".into());
            }
            self.keys.insert("moe_layer_start_index".into(), json!(first));
            self.keys.insert("moe_layer_end_index".into(), json!(after - 1));
            self.label("experts", |i| (start..end).contains(&i).to_string());
            let keys = ["moe_layer_interval", "moe_layer_start_index", "moe_layer_end_index"];
            self.done.extend(keys.map(String::from));
        }
        Ok(())
    }

    /// A period and an offset: others that fit the kept layers.
    fn periods(&mut self, keys: [&str; 2]) -> Clause<()> {
        let [Some(period), Some(offset)] = keys.map(|key| self.number(key)) else { return Ok(()) };
        if offset >= period {
            return Err(format!("has {} {offset}, which is not below {} {period}", keys[1], keys[0]));
        }
        let chosen = |i: usize, period: usize, offset: usize| i % period == offset;
        let wanted: Vec<bool> = self.kept.iter().map(|i| chosen(*i, period, offset)).collect();
        let fits = |p: usize, o: usize| wanted.iter().enumerate().all(|(i, yes)| chosen(i, p, o) == *yes);
        let all = (1..=wanted.len() + 1).flat_map(|p| (0..p).map(move |o| (p, o)));
        let Some((p, o)) = [(period, offset)].into_iter().chain(all).find(|(p, o)| fits(*p, *o)) else {
            let places: Vec<String> =
                (0..wanted.len()).filter(|i| wanted[*i]).map(|i| i.to_string()).collect();
            return Err(format!(
                "{} {period} and {} {offset}: without these layers the places are {} of {}, and no period has them; drop \
                 a multiple of {period} layers side by side",
                keys[0],
                keys[1],
                places.join(", "),
                wanted.len()
            ));
        };
        self.keys.insert(keys[0].into(), json!(p));
        self.keys.insert(keys[1].into(), json!(o));
        self.label(keys[0], |i| chosen(i, period, offset).to_string());
        self.done.extend(keys.map(String::from));
        Ok(())
    }

    /// Kinds by name: a pattern that repeats, a text with a letter a layer, keys by number.
    fn named(&mut self) -> Clause<()> {
        if let Some(Value::Array(pattern)) = self.keys.get("block_types").cloned()
            && !pattern.is_empty()
        {
            let all = |i: usize| pattern[i % pattern.len()].clone();
            let kept: Vec<Value> = self.kept.iter().map(|i| all(*i)).collect();
            self.keys.insert("block_types".into(), Value::Array(kept));
            self.label("block_types", |i| all(i).to_string());
            self.done.push("block_types".into());
        }
        if let Some(types) = self.keys.get("attention_types").cloned() {
            let mut all = Vec::new();
            for group in types.as_array().into_iter().flatten() {
                let times = group[1].as_u64().unwrap_or(0);
                for _ in 0..times.min(self.layers as u64 + 1) {
                    all.extend(group[0].as_array().into_iter().flatten().cloned());
                }
            }
            if all.len() != self.layers {
                return Err(format!("attention_types gives {} layers of {}", all.len(), self.layers));
            }
            let kept: Vec<&Value> = self.kept.iter().map(|i| &all[*i]).collect();
            let new = json!([[kept, 1]]);
            self.keys.insert("attention_types".into(), new);
            self.label("attention_types", |i| all[i].to_string());
            self.done.push("attention_types".into());
        }
        if let Some(Value::String(text)) = self.keys.get("hybrid_override_pattern").cloned() {
            let letters: Vec<char> = text.chars().collect();
            if letters.len() != self.layers {
                return Err(format!(
                    "hybrid_override_pattern has {} letters for {} layers",
                    letters.len(),
                    self.layers
                ));
            }
            let kept: String = self.kept.iter().map(|i| letters[*i]).collect();
            self.keys.insert("hybrid_override_pattern".into(), json!(kept));
            self.label("pattern", |i| letters[i].to_string());
            self.done.push("hybrid_override_pattern".into());
        }
        if let Some(Value::Object(by_number)) = self.keys.get("per_layer_config").cloned() {
            let mut kept = Map::new();
            let mut labels = vec![String::new(); self.layers];
            for (key, value) in by_number {
                let layer: usize = key
                    .parse()
                    .ok()
                    .filter(|layer| *layer < self.layers)
                    .ok_or_else(|| format!("per_layer_config has the key '{key}', which is no layer"))?;
                labels[layer] = value.to_string();
                if let Some(new) = renumbered(layer, self.dropped) {
                    kept.insert(format!("{new:0width$}", width = key.len()), value);
                }
            }
            self.keys.insert("per_layer_config".into(), Value::Object(kept));
            self.label("per_layer_config", |i| labels[i].clone());
            self.done.push("per_layer_config".into());
        }
        Ok(())
    }

    /// All other keys.
    ///
    /// # Errors
    /// The key that cannot follow.
    pub fn all(&mut self) -> Clause<()> {
        let keys: Vec<String> =
            self.keys.keys().filter(|key| !self.done.contains(key) && !counting(key)).cloned().collect();
        for key in keys {
            let value = self.keys[&key].clone();
            let on = !matches!(&value, Value::Null | Value::Bool(false))
                && value.as_u64() != Some(0)
                && value.as_array().is_none_or(|list| !list.is_empty());
            if TIED.contains(&key.as_str()) && on {
                return Err(format!(
                    "{key} ({value}) ties layers together: no model without some of them can be described"
                ));
            } else if NUMBERS.contains(&key.as_str()) && !value.is_null() {
                let listed = numbers(Some(&value)).map_err(|what| format!("{key} {what}"))?;
                if let Some(layer) = listed.iter().find(|layer| **layer >= self.layers) {
                    return Err(format!("{key} names layer {layer} of {}", self.layers));
                }
                let new: Vec<usize> = listed.iter().filter_map(|i| renumbered(*i, self.dropped)).collect();
                self.keys.insert(key.clone(), json!(new));
                self.label(&key, |i| listed.contains(&i).to_string());
            } else if BELOW.contains(&key.as_str()) {
                if let Some(first) = value.as_u64()
                    && first < self.layers as u64
                {
                    let new = self.kept.iter().filter(|layer| (**layer as u64) < first).count();
                    self.keys.insert(key.clone(), json!(new));
                    self.label(&key, |i| ((i as u64) < first).to_string());
                }
            } else if let Value::Array(list) = &value
                && list.len() == self.layers
                && by_layer(&key)
            {
                let kept: Vec<&Value> = self.kept.iter().map(|i| &list[*i]).collect();
                self.keys.insert(key.clone(), json!(kept));
                self.label(&key, |i| list[i].to_string());
                if !telling(&key) {
                    self.notes.push(format!("{key} has a value for each layer: those of the kept ones stay"));
                }
            } else if on && telling(&key) {
                let shown: String = value.to_string().chars().take(60).collect();
                return Err(format!(
                    "{key} ({shown}) may say which layer is what, and is not known; --config FILE gives a configuration without it"
                ));
            }
        }
        Ok(())
    }
}

/// A list of numbers of layers.
fn numbers(value: Option<&Value>) -> Clause<Vec<usize>> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err("is no list of numbers of layers".into()),
    };
    let whole = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    let found: Option<Vec<usize>> = items.iter().map(whole).collect();
    found.ok_or_else(|| "is no list of numbers of layers".into())
}
