//! The file of vectors, without the rest of them (the suite holds all against the reference).

use pauca::Cpu;
use pauca_tests::vectors::{compute_with_pauca, schema};
use serde_json::Value;

#[test]
fn vectors_of_layers_are_reproduced() {
    let read = |name: &str| -> Value {
        let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let file = read("layers.json");
    schema::validate(&read("schema.json"), &file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        assert_eq!(compute_with_pauca(&Cpu::new().unwrap(), case), case["outputs"], "case {}", case["id"]);
    }
}
