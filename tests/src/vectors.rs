//! Test vectors: inputs by formula, outputs as bit patterns.
//!
//! A case is `{id, algorithm, input, parameters, outputs}`. [`make`] fills in the outputs by the
//! reference, [`compute_with_pauca`] by the library; the file format is described in
//! tests/vectors/README.md and checked by [`schema`].

mod alignment;
mod code;
mod codebooks;
mod corruptions;
pub mod input;
mod layers;
mod library;
mod memorization;
mod oracle;
mod quality;
pub mod schema;

pub use library::compute_with_pauca;

use serde_json::{Value, json};

/// Version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// Name and content of every file, sorted by name.
pub fn make() -> Vec<(String, Value)> {
    oracle::cases()
        .into_iter()
        .map(|(name, description, cases)| {
            let cases: Vec<Value> = cases.into_iter().map(oracle::with_outputs).collect();
            let file = json!({
                "format_version": FORMAT_VERSION,
                "name": name,
                "description": description,
                "cases": cases,
            });
            (format!("{name}.json"), file)
        })
        .collect()
}

fn output(kind: &str, shape: Vec<usize>, values: Vec<Value>) -> Value {
    json!({ "class": "A", "type": kind, "shape": shape, "values": values })
}

/// An output of `f32` bit patterns.
pub fn f32_bits(rows: &[Vec<f32>]) -> Value {
    let values = rows.iter().flatten().map(|v| Value::from(format!("{:08x}", v.to_bits()))).collect();
    output("f32", vec![rows.len(), rows.first().map_or(0, Vec::len)], values)
}

/// An output of `f64` bit patterns. NaN is written as the quiet NaN 7ff8000000000000.
pub fn f64_bits(values: &[f64]) -> Value {
    let bits = |v: &f64| if v.is_nan() { 0x7ff8_0000_0000_0000 } else { v.to_bits() };
    let values: Vec<Value> = values.iter().map(|v| Value::from(format!("{:016x}", bits(v)))).collect();
    output("f64", vec![values.len()], values)
}

/// An output of integers; `None` is null.
pub fn integers(values: impl IntoIterator<Item = Option<u64>>) -> Value {
    let values: Vec<Value> = values.into_iter().map(|v| v.map_or(Value::Null, Value::from)).collect();
    output("integer", vec![values.len()], values)
}

/// An output of truth values.
pub fn booleans(values: impl IntoIterator<Item = bool>) -> Value {
    let values: Vec<Value> = values.into_iter().map(Value::from).collect();
    output("boolean", vec![values.len()], values)
}
