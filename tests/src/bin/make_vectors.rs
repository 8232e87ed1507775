//! Writes tests/vectors/*.json from the reference: `cargo run -p pauca-tests --bin make-vectors`.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, value) in pauca_tests::vectors::make() {
        std::fs::write(folder.join(name), serde_json::to_string(&value)? + "\n")?;
    }
    Ok(())
}
