//! What the tests of the programs share: made-up inputs, running a program, comparing folders.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ndarray::Array2;
use pauca_examples::input::npy::Header;
use pauca_examples::output::npy::matrix;
use serde_json::Value;

/// A program under test, run in the folder of a [`Bench`].
#[derive(Clone, Copy)]
pub struct Program {
    name: &'static str,
    path: &'static str,
}

pub const CURATE: Program = Program { name: "curate", path: env!("CARGO_BIN_EXE_curate") };
pub const FILTER_PAIRS: Program = Program { name: "filter-pairs", path: env!("CARGO_BIN_EXE_filter-pairs") };
pub const MEMORIZATION: Program = Program { name: "memorization", path: env!("CARGO_BIN_EXE_memorization") };
pub const PRUNE_CODE: Program = Program { name: "prune-code", path: env!("CARGO_BIN_EXE_prune-code") };
pub const PRUNE_LAYERS: Program = Program { name: "prune-layers", path: env!("CARGO_BIN_EXE_prune-layers") };
pub const SCORE_TEXT: Program = Program { name: "score-text", path: env!("CARGO_BIN_EXE_score-text") };
pub const TOKENIZE: Program = Program { name: "tokenize", path: env!("CARGO_BIN_EXE_tokenize") };

impl Program {
    pub fn path(self) -> &'static str {
        self.path
    }

    /// Not yet started.
    pub fn command(self, bench: &Bench, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path);
        command.args(arguments).current_dir(bench.dir.path()).stdin(Stdio::null());
        command.env_remove("PAUCA_SIMD");
        command
    }

    pub fn run(self, bench: &Bench, arguments: &[&str]) -> Output {
        self.command(bench, arguments).output().unwrap()
    }

    /// Runs it with `input` on its stdin.
    pub fn fed(self, bench: &Bench, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(bench, arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses its flags does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs it; it must succeed.
    #[track_caller]
    pub fn done(self, bench: &Bench, arguments: &[&str]) -> Output {
        let output = self.run(bench, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        output
    }

    /// Runs it without progress, into `out` where nothing else is said: it must fail with `code` and one line that
    /// holds all of `parts`, say nothing else and leave nothing behind.
    #[track_caller]
    pub fn refused(self, bench: &Bench, arguments: &[&str], code: i32, parts: &[&str]) {
        let mut all = arguments.to_vec();
        for [flag, value] in [["--out", "out"], ["--progress", "none"]] {
            if !arguments.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        let output = self.run(bench, &all);
        self.assert_refused(bench, &output, code, parts);
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }

    /// That it failed with `code` and one line that holds all of `parts`, and left nothing in `out`.
    #[track_caller]
    pub fn assert_refused(self, bench: &Bench, output: &Output, code: i32, parts: &[&str]) {
        let text = stderr(output);
        assert_eq!(output.status.code(), Some(code), "{parts:?}: {text}");
        let one_line = text.trim_end().lines().count() == 1;
        assert!(text.starts_with(&format!("{}: ", self.name)) && one_line, "{parts:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
        assert_eq!(bench.names("out"), [""; 0], "{parts:?}: something is left behind");
    }
}

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

    /// All files of a folder and the folders in it, without the field of the report that may differ between runs.
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
        let mut all = BTreeMap::new();
        for name in self.names(folder) {
            let inner = format!("{folder}/{name}");
            if self.path(&inner).is_dir() {
                all.extend(
                    self.contents(&inner).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)),
                );
            } else {
                all.extend([read(name)]);
            }
        }
        all
    }

    /// One file of a folder.
    pub fn contents_of(&self, folder: &str, name: &str) -> Vec<u8> {
        std::fs::read(self.path(folder).join(name)).unwrap()
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

/// Values of a one-dimensional `.npy`.
pub fn values<T: bytemuck::Pod>(bytes: &[u8]) -> Vec<T> {
    let header = Header::parse(bytes).unwrap();
    assert_eq!(header.shape.len(), 1);
    let values: Vec<T> =
        bytes[header.data_start..].chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect();
    assert_eq!(values.len(), header.shape[0]);
    values
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

/// The values of an array, as they lie in a file.
pub fn values_of(rows: &Array2<f32>) -> Vec<u8> {
    rows.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A Parquet file of `rows`, with ids and texts; `None` where the build has no Parquet.
#[cfg(not(feature = "parquet"))]
pub fn parquet_of(_: &Array2<f32>) -> Option<Vec<u8>> {
    None
}

/// A Parquet file of `rows`, with ids and texts; `None` where the build has no Parquet.
#[cfg(feature = "parquet")]
pub fn parquet_of(rows: &Array2<f32>) -> Option<Vec<u8>> {
    let lists: Vec<Option<Vec<f32>>> = rows.rows().into_iter().map(|row| Some(row.to_vec())).collect();
    let ids: Vec<i64> = (0..rows.nrows() as i64).collect();
    Some(parquet::file(&lists, &ids, 10))
}

/// Parquet files, written value by value.
#[cfg(feature = "parquet")]
pub mod parquet {
    use std::sync::Arc;

    use ::parquet::basic::Compression;
    use ::parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
    use ::parquet::file::metadata::KeyValue;
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    /// The columns id (i64), text (null in every seventh row), emb (lists of floats, or null), tags (lists of
    /// texts, of 0 to 2), in row groups of `group` rows, packed by snappy, with a note.
    pub fn file(lists: &[Option<Vec<f32>>], ids: &[i64], group: usize) -> Vec<u8> {
        let schema = "message schema {
            required int64 id;
            optional binary text (UTF8);
            optional group emb (LIST) { repeated group list { optional float element; } }
            optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let note = KeyValue::new("note".to_string(), "kept".to_string());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![note]))
            .build();
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for (lists, ids) in lists.chunks(group).zip(ids.chunks(group)) {
            let mut out = writer.next_row_group().unwrap();
            let mut column = out.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(ids, None, None).unwrap();
            column.close().unwrap();
            let mut column = out.next_column().unwrap().unwrap();
            let there: Vec<i64> = ids.iter().copied().filter(|id| id % 7 != 6).collect();
            let texts: Vec<ByteArray> =
                there.iter().map(|id| text(&format!("text {id}. It ends."))).collect();
            let levels: Vec<i16> = ids.iter().map(|id| i16::from(id % 7 != 6)).collect();
            column.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None).unwrap();
            column.close().unwrap();
            let mut column = out.next_column().unwrap().unwrap();
            let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
            for list in lists {
                match list.as_deref() {
                    None | Some([]) => {
                        defined.push(i16::from(list.is_some()));
                        repeated.push(0);
                    }
                    Some(list) => {
                        // Minus zero stands for a null here.
                        defined.extend(list.iter().map(|v| if v.to_bits() == 1 << 31 { 2 } else { 3 }));
                        repeated.extend((0..list.len()).map(|i| i16::from(i > 0)));
                        values.extend(list.iter().filter(|v| v.to_bits() != 1 << 31));
                    }
                }
            }
            column.typed::<FloatType>().write_batch(&values, Some(&defined), Some(&repeated)).unwrap();
            column.close().unwrap();
            let mut column = out.next_column().unwrap().unwrap();
            let (mut tags, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
            for id in ids {
                match id.rem_euclid(3) {
                    0 => {
                        defined.push(1);
                        repeated.push(0);
                    }
                    n => {
                        tags.extend((0..n).map(|i| text(&format!("tag {id} {i}"))));
                        defined.extend((0..n).map(|_| 3));
                        repeated.extend((0..n).map(|i| i16::from(i > 0)));
                    }
                }
            }
            column.typed::<ByteArrayType>().write_batch(&tags, Some(&defined), Some(&repeated)).unwrap();
            column.close().unwrap();
            out.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn text(text: &str) -> ByteArray {
        ByteArray::from(text.as_bytes().to_vec())
    }
}
