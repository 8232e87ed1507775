//! tests/vectors/alignment.json, on every level (the suite checks all files; this target builds alone).

use pauca::{Cpu, Level};
use pauca_tests::vectors::compute_with_pauca;
use serde_json::Value;

#[test]
fn the_library_reproduces_its_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/alignment.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for level in Level::available() {
        let backend = Cpu::with_level(level).unwrap();
        for case in cases {
            assert_eq!(compute_with_pauca(&backend, case), case["outputs"], "{}", case["id"]);
        }
    }
}
