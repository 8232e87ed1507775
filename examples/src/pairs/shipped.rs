//! What `filter-pairs` runs on when nothing is named.

use std::path::{Path, PathBuf};

use super::args::Args;
use crate::failure::Result;
use crate::shipped;

/// What the report says of the shipped pairs.
const NOTE: &str = "These are pictures of emoji and their names. No CLIP was at hand: the names were embedded by a small \
text model and put into the space of the picture vectors (principal components of pixels) by a ridge regression fitted \
on other emoji. Only the subjects held out of that fit are shown and measured here. It stands in for a CLIP to show the \
method; it says nothing about any CLIP.";

/// `args` with the emoji pairs where no input is named, and what to say about them.
///
/// # Errors
/// [`Failure::Usage`](crate::failure::Failure::Usage) when the shipped data is not where the program was built.
pub fn fill(mut args: Args) -> Result<(Args, Option<&'static str>)> {
    if let Some(images) = &args.images {
        let sheet = args.pictures.as_deref().map(Path::new);
        let beside = [args.texts.as_deref(), args.meta.as_deref(), sheet];
        args.running.name_out(std::slice::from_ref(images), &beside);
        return Ok((args, None));
    }
    let [images, texts, table, sheet] = shipped::files(
        "IMAGES and TEXTS are",
        ["emoji.f16.npy", "emoji-text.f16.npy", "emoji-pairs.csv", "emoji-sheet.png"],
    )?;
    (args.images, args.texts) = (Some(images), Some(texts));
    args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/pairs")));
    if args.meta.is_none() {
        args.meta = Some(table);
        args.name = args.name.or_else(|| Some("name".into()));
        args.only = args.only.or_else(|| Some("split=test".into()));
    }
    args.pictures = args.pictures.or_else(|| Some(sheet.to_string_lossy().into_owned()));
    Ok((args, Some(NOTE)))
}
