//! The files in tests/vectors: valid by their schema, equal to what `make-vectors` writes today,
//! and equal to what the library finds, on every level.

use std::path::PathBuf;

use pauca::{Cpu, Level};
use pauca_tests::vectors::{self, schema};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json") && name != "schema.json")
        .collect();
    names.sort();
    names
}

#[test]
fn vectors_are_valid_by_their_schema() {
    let rules = read("schema.json");
    for name in names() {
        if let Err(problem) = schema::validate(&rules, &read(&name)) {
            panic!("{name}: {problem}");
        }
    }
    // The validator is able to refuse.
    let mut broken = read(&names()[0]);
    broken["format_version"] = Value::from(99);
    assert!(schema::validate(&rules, &broken).is_err());
}

#[test]
fn vectors_are_those_of_the_reference() {
    let made = vectors::make();
    assert_eq!(names(), made.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (name, value) in made {
        let written = read(&name);
        let but_cases = |file: &Value| {
            let mut file = file.clone();
            file["cases"] = Value::Null;
            file
        };
        assert!(but_cases(&written) == but_cases(&value), "{name} is stale: run make-vectors");
        let (written, made) = (written["cases"].as_array().unwrap(), value["cases"].as_array().unwrap());
        assert_eq!(written.len(), made.len(), "{name} is stale: run make-vectors");
        for (written, mut made) in written.iter().zip(made.clone()) {
            // Sines of the reference are the platform's.
            if let Err(problem) = vectors::agree(&made["outputs"], &written["outputs"]) {
                panic!("{name} is stale, run make-vectors: {}, {problem}", written["id"]);
            }
            made["outputs"] = written["outputs"].clone();
            assert!(*written == made, "{name} is stale: run make-vectors");
        }
    }
}

#[test]
fn the_library_reproduces_every_vector() {
    for level in Level::available() {
        let backend = Cpu::with_level(level).unwrap();
        for name in names() {
            let file = read(&name);
            for case in file["cases"].as_array().unwrap() {
                let found = vectors::compute_with_pauca(&backend, case);
                assert!(case["outputs"].is_object());
                if let Err(problem) = vectors::agree(&found, &case["outputs"]) {
                    panic!("{name}, case {}, level {}: {problem}", case["id"], level.name());
                }
            }
        }
    }
}
