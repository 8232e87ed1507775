//! Flags that mean the same in every program: stated once, flattened into a program's own.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::input::paths;
use crate::machine::Asked;
use crate::progress::Style;
use crate::values::{bytes, positive};

/// Flags that change no result: a command without them gives the same bytes.
pub const CHANGE_NOTHING: [&str; 12] = [
    "out",
    "threads",
    "overwrite",
    "progress",
    "quiet",
    "spill",
    "spill_limit",
    "resume",
    "checkpoint_every",
    "block_rows",
    "backend",
    "plan",
];

/// How a run goes and where it writes; nothing here changes a result.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct Running {
    /// Folder for the results [default: out/NAME, after the input]
    #[arg(long, value_name = "DIR", display_order = 0)]
    pub out: Option<PathBuf>,

    /// Why there is no folder, where none is named and none could be made up.
    #[arg(skip)]
    pub no_out: Option<String>,

    /// Threads; never changes a result [default: all cores]
    #[arg(long, value_name = "T", value_parser = positive)]
    pub threads: Option<usize>,

    /// Replace a finished run of other settings in --out
    #[arg(long)]
    pub overwrite: bool,

    /// How to show progress, on stderr
    #[arg(long, value_enum, default_value_t = Style::Auto)]
    pub progress: Style,

    /// Leave out the closing facts, or the closing object of --progress json
    #[arg(long, short)]
    pub quiet: bool,
}

impl Running {
    /// Where none is named, results go to `out/` and the name of what is read: of a file without its extension, of a
    /// pattern its folder, of several inputs the folder of the first in natural order. Never into a folder that holds one
    /// of the inputs or of the files `beside`: then one has to be named. Files named inside others are not known here.
    pub fn name_out(&mut self, inputs: &[PathBuf], beside: &[Option<&Path>]) {
        if self.out.is_none() {
            match named_after(inputs, beside) {
                Ok(out) => self.out = Some(out),
                Err(why) => self.no_out = Some(why),
            }
        }
    }
}

fn named_after(inputs: &[PathBuf], beside: &[Option<&Path>]) -> std::result::Result<PathBuf, String> {
    let out = name(inputs).map(|name| Path::new("out").join(name));
    let out = out.ok_or("what is read gives the default folder no name")?;
    let Ok(there) = fs::canonicalize(&out) else { return Ok(out) };
    // Where a path stands, and what it leads to.
    let within = |path: &Path| fs::canonicalize(path).is_ok_and(|path| path.starts_with(&there));
    let read = inputs.iter().map(PathBuf::as_path).chain(beside.iter().copied().flatten());
    match read.flat_map(paths::expanded).any(|path| within(&path) || path.parent().is_some_and(within)) {
        true => Err(format!("the default folder, {}, would hold what is read", out.display())),
        false => Ok(out),
    }
}

/// One plain name after the first of `inputs` in natural order.
fn name(inputs: &[PathBuf]) -> Option<OsString> {
    let first = inputs.iter().min_by(|a, b| paths::natural(&a.to_string_lossy(), &b.to_string_lossy()))?;
    let place = match paths::fixed(first) {
        Some(folder) => folder,
        None if inputs.len() > 1 => first.parent()?.to_path_buf(),
        None => first.clone(),
    };
    let place = if place.as_os_str().is_empty() { PathBuf::from(".") } else { place };
    // A name as it was written: a link is not called after what it leads to.
    let named = if place.file_name().is_some() { place.clone() } else { fs::canonicalize(&place).ok()? };
    let name = if place.is_dir() { named.file_name()? } else { named.file_stem()? };
    // Without its extension `...npy` would lead out of the folder.
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)).then(|| name.to_os_string())
}

/// Where it is computed; never changes a result.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct Computing {
    /// Machine that does the arithmetic: cpu, wgpu (Vulkan, DirectX or Metal) or cuda, with the number of a device where
    /// there are several; never changes a result. Devices need a build with --features wgpu or cuda
    #[arg(long, value_name = "cpu|wgpu[:I]|cuda[:I]", default_value_t)]
    pub backend: Asked,
}

/// Where rows of embeddings come from; nothing here changes a result but the choice of what is read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Input")]
pub struct Reading {
    /// Column of .parquet files with the embeddings, lists of floats [default: the only such column]
    #[arg(long, value_name = "COLUMN")]
    pub embedding: Option<String>,

    /// Tensor of .safetensors files with the embeddings [default: the only 2-D one]
    #[arg(long, value_name = "NAME")]
    pub tensor: Option<String>,

    /// Round float64 to float32, which the library does not do by itself
    #[arg(long, value_enum, value_name = "TYPE")]
    pub cast: Option<Cast>,

    /// Folder for the row file into which .parquet and cast files are written once; gone after the run
    /// [default: --out]
    #[arg(long, value_name = "DIR")]
    pub spill: Option<PathBuf>,

    /// Most bytes of that row file
    #[arg(long, value_name = "SIZE", default_value = "64G", value_parser = bytes)]
    pub spill_limit: u64,
}

/// What float64 becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Cast {
    /// 32-bit floats
    F32,
}

impl Reading {
    /// Refuses a flag that none of `files` can follow.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self, files: &[PathBuf]) -> Result<()> {
        for (flag, given, what, kind) in [
            ("--tensor", self.tensor.is_some(), "a tensor", "safetensors"),
            ("--embedding", self.embedding.is_some(), "a column", "parquet"),
        ] {
            if given && let Some(other) = files.iter().find(|path| paths::kind(path) != kind) {
                return Err(Failure::usage(format!(
                    "{flag} names {what} of a .{kind} file, {} is not one",
                    other.display()
                )));
            }
        }
        Ok(())
    }
}

/// Flags of programs that save their state.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct Resuming {
    /// Continue a stopped run in --out; from the beginning where none is
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
}

/// Flags of programs whose state may be saved in between.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct Saving {
    /// Save the state every N iterations (0: only when stopped)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub checkpoint_every: usize,
}

/// Flags of programs that draw.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct Drawing {
    /// Seed of everything that is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// The name of a choice, as on the command line.
pub trait Named {
    /// The name.
    fn name(&self) -> String;
}

impl<T: clap::ValueEnum> Named for T {
    fn name(&self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_named_after_what_is_read() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["shards.v1", "other", "v.9", "v.10"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let place = |name: &str| root.path().join(name);
        for (inputs, name) in [
            (vec!["mail.f16.npy"], Some("out/mail.f16")),
            (vec!["absent/mail"], Some("out/mail")),
            (vec!["shards.v1"], Some("out/shards.v1")),
            (vec!["shards.v1/../shards.v1/."], Some("out/shards.v1")),
            (vec!["shards.v1/*.parquet"], Some("out/shards.v1")),
            (vec!["shards.v1/*/part-?.npy"], Some("out/shards.v1")),
            (vec!["shards.v1/a.npy", "shards.v1/b.npy"], Some("out/shards.v1")),
            (vec!["shards.v1/b.npy", "other/a.npy"], Some("out/other")),
            (vec!["other/a.npy", "shards.v1/b.npy"], Some("out/other")),
            (vec!["v.10/a.npy", "v.9/b.npy"], Some("out/v.9")),
            (vec!["shards.v1/.."], root.path().file_name().map(|name| name.to_str().unwrap())),
            (vec![".npy"], Some("out/.npy")),
            (vec!["....npy"], Some("out/...")),
            (vec!["...npy"], None),
            (vec!["..npy"], None),
            (vec![], None),
        ] {
            let found = named_after(&inputs.iter().map(|name| place(name)).collect::<Vec<_>>(), &[]);
            let wanted = name.map(|name| Path::new("out").join(name.trim_start_matches("out/")));
            assert_eq!(found.ok(), wanted, "{inputs:?}");
        }
        let nameless = named_after(&[PathBuf::from(std::path::MAIN_SEPARATOR_STR)], &[]);
        assert_eq!(nameless, Err("what is read gives the default folder no name".into()));
        assert_eq!(named_after(&[PathBuf::from("x.npy")], &[]), Ok(PathBuf::from("out/x")));
    }
}
