//! What the tests of the programs share: made-up inputs, running a program, comparing folders.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ndarray::Array2;
use pauca_examples::output::npy::matrix;
use serde_json::Value;

/// A folder that goes away, with ways to fill it.
pub struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A `.npy` of `rows`.
    pub fn npy(&self, name: &str, rows: &Array2<f32>) -> PathBuf {
        let mut bytes = Vec::new();
        matrix(&mut bytes, rows.view()).unwrap();
        self.write(name, &bytes)
    }

    /// Runs `curate` with `arguments` in the folder.
    pub fn curate(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_curate"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("PAUCA_SIMD");
        command
    }

    /// Runs `curate`, which must succeed.
    pub fn curated(&self, arguments: &[&str]) -> Output {
        let output = self.curate(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        output
    }

    /// Names in a folder; none when it is not there.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn report(&self, folder: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(folder).join("report.json")).unwrap()).unwrap()
    }

    /// All files of a folder, without the field of the report that may differ between runs.
    pub fn contents(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let read = |name: String| {
            let mut bytes = std::fs::read(self.path(folder).join(&name)).unwrap();
            if name == "report.json" {
                let mut report: Value = serde_json::from_slice(&bytes).unwrap();
                report.as_object_mut().unwrap().remove("run").unwrap();
                bytes = report.to_string().into_bytes();
            }
            (name, bytes)
        };
        self.names(folder).into_iter().map(read).collect()
    }

    /// Every file equal, byte for byte.
    pub fn assert_same(&self, a: &str, b: &str) {
        let (one, other) = (self.contents(a), self.contents(b));
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, bytes) in &one {
            assert!(*bytes == other[name], "{name} differs between {a} and {b}");
        }
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Values in [-0.5, 0.5), the same everywhere.
pub fn uniform(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array2::from_shape_simple_fn((n, d), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    })
}

/// Rows of which every third is nearly the one before, and every tenth an exact copy.
pub fn redundant(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rows = uniform(n, d, seed);
    let noise = uniform(n, d, seed + 1);
    for i in 1..n {
        let before = rows.row(i - 1).to_owned();
        if i % 10 == 0 {
            rows.row_mut(i).assign(&before);
        } else if i % 3 == 0 {
            rows.row_mut(i).assign(&(&before + &(&noise.row(i) * 0.05)));
        }
    }
    rows
}

/// A `.npy` with any header.
pub fn npy_with_header(descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while !(11 + text.len()).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(values);
    bytes
}

/// A `.safetensors` with tensors of (name, type, shape, bytes).
pub fn safetensors(tensors: &[(&str, &str, &[usize], &[u8])]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut values = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let start = values.len();
        values.extend_from_slice(bytes);
        header.insert(
            name.to_string(),
            serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [start, values.len()]}),
        );
    }
    let text = Value::Object(header).to_string();
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.into_bytes());
    bytes.extend(values);
    bytes
}

/// Whether `path` holds a file within the time.
pub fn appears(path: &Path, seconds: u64) -> bool {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    while std::time::Instant::now() < end {
        if path.exists() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    false
}
