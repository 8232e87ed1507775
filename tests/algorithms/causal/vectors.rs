//! The comparison with vectors can refuse. (The conformance suite holds every file against the library.)

use pauca_tests::vectors::agree;
use serde_json::{Value, json};

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/causal.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

#[test]
fn vectors_refuse_other_values() {
    let outputs = cases()[0]["outputs"].clone();
    assert_eq!(agree(&outputs, &outputs), Ok(()));
    let bits = |name: &str| u64::from_str_radix(outputs[name]["values"][0].as_str().unwrap(), 16).unwrap();
    let changed = |name: &str, bits: u64| {
        let mut other = outputs.clone();
        other[name]["values"][0] = json!(format!("{bits:016x}"));
        agree(&other, &outputs)
    };
    // Class A: one bit. Class C: more than the written share. A class, a shape, a missing output.
    assert!(changed("adamw", bits("adamw") ^ 1).is_err());
    assert!(changed("loss", bits("loss") + 4).is_ok());
    let loss = f64::from_bits(bits("loss"));
    assert!(changed("loss", (loss * (1.0 + 1e-9)).to_bits()).is_err());
    assert!(changed("loss", f64::NAN.to_bits()).is_err());
    let mut other = outputs.clone();
    other["loss"]["class"] = json!("A");
    assert!(agree(&other, &outputs).is_err());
    let mut other = outputs.clone();
    other["loss"]["tolerance"] = json!({"relative": 1.0});
    assert!(agree(&other, &outputs).is_err());
    let mut other = outputs.clone();
    other.as_object_mut().unwrap().remove("loss");
    assert!(agree(&other, &outputs).is_err() && agree(&outputs, &other).is_err());
    // Class B: 4 representable numbers, not 5.
    let mut at_one = outputs.clone();
    at_one["lambda_cosine"]["values"][1] = json!("3ff0000000000000");
    let mut near = at_one.clone();
    near["lambda_cosine"]["values"][1] = json!("3ff0000000000004");
    assert_eq!(agree(&near, &at_one), Ok(()));
    near["lambda_cosine"]["values"][1] = json!("3ff0000000000005");
    assert!(agree(&near, &at_one).is_err());
}
