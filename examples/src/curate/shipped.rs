//! What `curate` runs on when nothing is named.

use std::path::{Path, PathBuf};

use super::args::Args;
use crate::failure::Result;
use crate::input::meta::TEXT;
use crate::shipped;

/// `args` with the emoji set and its pictures where no input is named.
///
/// # Errors
/// [`Failure::Usage`](crate::failure::Failure::Usage) when the shipped data is not where the program was built.
pub fn fill(mut args: Args) -> Result<Args> {
    if !args.input.is_empty() {
        let sheet = args.images.as_deref().map(Path::new);
        args.running.name_out(&args.input, &[args.rows.as_deref(), args.meta.as_deref(), sheet]);
        return Ok(args);
    }
    let [rows, names, sheet] =
        shipped::files("INPUT is", ["emoji.f16.npy", "emoji-names.txt", "emoji-sheet.png"])?;
    args.input = vec![rows];
    args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/emoji")));
    if args.meta.is_none() {
        args.meta = Some(names);
        args.id_column = Some(TEXT.into());
    }
    if args.images.is_none() {
        args.images = Some(sheet.to_string_lossy().into_owned());
    }
    Ok(args)
}
