//! The data that ships with the programs: what `curate` runs on when nothing is named.

use std::path::{Path, PathBuf};

use super::args::Args;
use crate::failure::{Failure, Result};
use crate::input::meta::TEXT;

/// Folder of the shipped data: beside the sources that built the program.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// `args` with the emoji set and its pictures where no input is named.
///
/// # Errors
/// [`Failure::Usage`] when the shipped data is not where the program was built.
pub fn fill(mut args: Args) -> Result<Args> {
    if args.input.is_some() {
        return Ok(args);
    }
    let data = folder();
    let [rows, names, sheet] =
        ["emoji.f16.npy", "emoji-names.txt", "emoji-sheet.png"].map(|name| data.join(name));
    if !rows.is_file() {
        return Err(Failure::usage(format!(
            "INPUT is needed: the shipped data is not at {}",
            data.display()
        )));
    }
    args.input = Some(rows);
    args.out = args.out.or_else(|| Some(PathBuf::from("out/emoji")));
    if args.meta.is_none() && names.is_file() {
        args.meta = Some(names);
        args.id_column = Some(TEXT.into());
    }
    if args.images.is_none() && sheet.is_file() {
        args.images = Some(sheet.to_string_lossy().into_owned());
    }
    Ok(args)
}
