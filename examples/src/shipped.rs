//! The data that ships with the programs: what they run on when nothing is named.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Folder of the shipped data: what `PAUCA_DATA` names, else `data` beside the program, else that beside the
/// sources that built it.
pub fn folder() -> PathBuf {
    if let Some(named) = std::env::var_os("PAUCA_DATA") {
        return PathBuf::from(named);
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("data")));
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("data"))
}

/// Shipped files by name, in place of what the user did not name: `needed` as in "`INPUT is` needed".
///
/// # Errors
/// [`Failure::Usage`] when one is not where the program was built.
pub fn files<const N: usize>(needed: &str, names: [&str; N]) -> Result<[PathBuf; N]> {
    let data = folder();
    let files = names.map(|name| data.join(name));
    if files.iter().all(|file| file.is_file()) {
        return Ok(files);
    }
    Err(Failure::usage(format!(
        "{needed} needed: the shipped data is not at {} (PAUCA_DATA names another folder)",
        data.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_files_are_there_or_named_as_missing() {
        assert!(files("INPUT is", ["emoji.f16.npy", "emoji-names.txt"]).is_ok());
        let text = files("INPUT is", ["emoji.f16.npy", "absent"]).unwrap_err().to_string();
        assert!(text.starts_with("INPUT is needed: the shipped data is not at "), "{text}");
    }
}
