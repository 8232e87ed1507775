//! Test vectors: inputs by formula, outputs as bit patterns.
//!
//! A case is `{id, algorithm, input, parameters, outputs}`. [`make`] fills in the outputs by the
//! reference, [`compute_with_pauca`] by the library; the file format is described in
//! tests/vectors/README.md and checked by [`schema`].

mod alignment;
mod causal;
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

/// The output with another class than A, and how far its values may lie from the written ones.
fn within(class: &str, tolerance: Value, mut output: Value) -> Value {
    output["class"] = Value::from(class);
    output["tolerance"] = tolerance;
    output
}

fn text<'a>(p: &'a Value, key: &str) -> &'a str {
    p[key].as_str().unwrap_or("")
}

/// The choice that a parameter names. A name that is none of them is never taken for another.
fn choice<T: Copy>(p: &Value, key: &str, choices: &[(&str, T)]) -> T {
    let name = text(p, key);
    match choices.iter().find(|(choice, _)| *choice == name) {
        Some((_, value)) => *value,
        None => panic!("{key} is {name:?}, which is no choice of the vectors"),
    }
}

/// Whether outputs are those expected: classes, types, shapes and values of class A to the bit, values of
/// classes B and C within the tolerance written beside them. Says where not.
///
/// # Errors
/// The first difference.
pub fn agree(found: &Value, expected: &Value) -> Result<(), String> {
    let tolerance = expected.get("tolerance").filter(|_| expected["class"] != "A");
    let (Some(tolerance), Some(values)) = (tolerance, expected["values"].as_array()) else {
        return match (found.as_object(), expected.as_object()) {
            // Only groups of outputs hold anything that is not compared to the bit.
            (Some(these), Some(those)) if expected.get("class").is_none() => {
                if these.len() != those.len() {
                    return Err(format!("{} outputs in place of {}", these.len(), those.len()));
                }
                let part =
                    |name: &String| agree(&found[name], &expected[name]).map_err(|e| format!("{name}: {e}"));
                those.keys().try_for_each(part)
            }
            _ if found == expected => Ok(()),
            _ => Err(format!("{found}\n{expected}")),
        };
    };
    let mut same = found.clone();
    same["values"] = expected["values"].clone();
    let found = found["values"].as_array().filter(|found| same == *expected && found.len() == values.len());
    let found = found.ok_or("another class, type, shape, tolerance or number of values")?;
    for (i, (a, b)) in found.iter().zip(values).enumerate() {
        let read =
            |v: &Value| u64::from_str_radix(v.as_str().unwrap_or(""), 16).map_err(|e| format!("{v}: {e}"));
        let (a, b) = (read(a)?, read(b)?);
        let (x, y) = (f64::from_bits(a), f64::from_bits(b));
        let near = match (tolerance["ulp"].as_u64(), tolerance["relative"].as_f64()) {
            _ if a == b => true,
            (Some(ulp), _) => (x < 0.0) == (y < 0.0) && a.abs_diff(b) <= ulp,
            (_, Some(relative)) => y.is_finite() && (x - y).abs() <= relative * y.abs(),
            _ => false,
        };
        if !near {
            return Err(format!("value {i} is {x:e}, expected {y:e}"));
        }
    }
    Ok(())
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
