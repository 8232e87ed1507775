//! Pictures of rows for the report: square tiles of one PNG sheet, or files named by a column.
//!
//! Tiles lie row by row, from the top left. Files are embedded as they are (PNG, JPEG, GIF or
//! WebP, whose bytes agree with each other); nothing is fetched from anywhere. A row whose picture
//! cannot be read keeps its place in the page, and the reason stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::meta::Meta;
use super::record::{Cell, Kind};
use super::{file, pictures};
use crate::console;
use crate::failure::{Failure, Result};
use crate::progress::Reporter;

/// Pictures larger than this are not embedded: 24 of them would make the page heavy.
const LARGEST_FILE: u64 = 512 << 10;
/// First bytes of every PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Where the pictures of rows come from.
pub enum Images {
    /// Tiles of one sheet, decoded to 8-bit RGBA.
    Sheet(Sheet),
    /// A metadata column with the path of each row's file, relative to the metadata file.
    Column(String),
}

/// What the page shows of a row that has a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The picture as a `data:` address.
    Address(String),
    /// Why the picture cannot be read.
    Unreadable(String),
}

/// A decoded sheet of square tiles.
pub struct Sheet {
    pixels: Vec<u8>,
    width: usize,
    tile: usize,
}

impl Images {
    /// Opens a sheet of tiles of `tile` pixels and checks that it holds `rows` of them.
    ///
    /// # Errors
    /// [`Failure::Data`] when it is not a readable PNG or too small.
    pub fn sheet(path: &Path, tile: usize, rows: usize) -> Result<Self> {
        let (pixels, width, height) = decoded(path)?;
        let tiles = (width / tile) * (height / tile);
        if tiles < rows {
            return Err(Failure::data(
                path,
                format!(
                    "holds {tiles} tiles of {tile} x {tile} ({width} x {height} pixels), the embeddings have {rows} rows"
                ),
            ));
        }
        Ok(Self::Sheet(Sheet { pixels, width, tile }))
    }

    /// The picture of each row of `wanted`; `reporter` hears of those that cannot be read.
    ///
    /// # Errors
    /// [`Failure::Data`] when the metadata cannot be read again.
    pub fn pictures(
        &self,
        wanted: &BTreeSet<u64>,
        meta: Option<&Meta>,
        reporter: &Reporter,
    ) -> Result<BTreeMap<u64, Picture>> {
        match (self, meta) {
            (Self::Sheet(sheet), _) => {
                Ok(wanted.iter().map(|&row| (row, Picture::Address(sheet.address(row as usize)))).collect())
            }
            (Self::Column(_), None) => Ok(BTreeMap::new()),
            (Self::Column(column), Some(meta)) => {
                let folder = meta.path().parent().map(PathBuf::from).unwrap_or_default();
                let cells = meta.cells(column, wanted)?;
                // The address, or the place of the picture and why it cannot be read there.
                let picture = |row: u64, cell: &Cell| match cell.kind {
                    Kind::Bytes => {
                        let bytes = STANDARD.decode(&cell.text).unwrap_or_default();
                        embedded(&bytes).map_err(|why| (format!("row {row}"), why))
                    }
                    _ => {
                        let path = folder.join(&cell.text);
                        let place = path.display().to_string();
                        let bytes = file::read(&path, LARGEST_FILE)
                            .map_err(|e| (place.clone(), reason(&e.to_string(), &place).to_string()));
                        embedded(&bytes?).map_err(|why| (place, why))
                    }
                };
                let (mut found, mut unreadable) = (BTreeMap::new(), Vec::new());
                // A row without a picture is shown by its name.
                for (row, cell) in cells.into_iter().filter(|(_, cell)| !cell.text.is_empty()) {
                    let picture = picture(row, &cell).map(Picture::Address).unwrap_or_else(|(place, why)| {
                        unreadable.push(format!("{place}: {why}"));
                        Picture::Unreadable(why)
                    });
                    found.insert(row, picture);
                }
                if let Some(first) = unreadable.first() {
                    let (n, all) = (unreadable.len(), found.len());
                    let note = format!("pictures         {n} of {all} in the page cannot be read; {first}");
                    reporter.note(&console::clipped(&note, console::LONGEST));
                }
                Ok(found)
            }
        }
    }
}

impl Sheet {
    /// Tiles on the sheet.
    pub fn len(&self) -> usize {
        (self.width / self.tile) * (self.pixels.len() / 4 / self.width.max(1) / self.tile)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Red, green and blue of every pixel of a tile, on white.
    pub fn rgb(&self, row: usize) -> Vec<u8> {
        let on_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let tile = self.tile(row);
        tile.chunks_exact(4).flat_map(|p| [0, 1, 2].map(|c| on_white(p[c], p[3]))).collect()
    }

    /// A picture of `width` x `height` pixels of red, green and blue as a `data:` address.
    pub fn encode(rgb: &[u8], width: usize, height: usize) -> String {
        encode_png(rgb, width, height, png::ColorType::Rgb)
    }

    fn tile(&self, row: usize) -> Vec<u8> {
        let per_row = self.width / self.tile;
        let (x, y) = (row % per_row * self.tile, row / per_row * self.tile);
        let mut tile = Vec::with_capacity(4 * self.tile * self.tile);
        for line in y..y + self.tile {
            let start = 4 * (line * self.width + x);
            tile.extend_from_slice(&self.pixels[start..start + 4 * self.tile]);
        }
        tile
    }

    fn address(&self, row: usize) -> String {
        encode_png(&self.tile(row), self.tile, self.tile, png::ColorType::Rgba)
    }
}

/// Pixels (8-bit RGBA), width and height of a PNG.
fn decoded(path: &Path) -> Result<(Vec<u8>, usize, usize)> {
    let mut file = file::stream(path)?;
    let start = file.fill_buf().map_err(|e| Failure::io(path, "read", &e))?;
    if !start.starts_with(PNG) {
        return Err(Failure::data(path, "is not a PNG picture, the one kind of sheet that is read"));
    }
    let file = file::open(path).map(BufReader::new)?;
    let decode = || {
        let mut decoder = pictures::strict(file);
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let wrong = |e: png::DecodingError| format!("is not a readable PNG: {e}");
        let mut reader = decoder.read_info().map_err(wrong)?;
        let (width, height) = (reader.info().width, reader.info().height);
        if u64::from(width) * u64::from(height) > pictures::MOST_PIXELS {
            return Err(format!(
                "has {width} x {height} pixels; a sheet has rows x tile x tile of them, at most {}",
                pictures::MOST_PIXELS
            ));
        }
        let size = reader.output_buffer_size().ok_or("is too large a picture")?;
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(size).map_err(|_| format!("needs {size} bytes, more than memory holds"))?;
        pixels.resize(size, 0);
        let info = reader.next_frame(&mut pixels).map_err(wrong)?;
        pixels.truncate(info.buffer_size());
        reader.finish().map_err(wrong)?;
        let pixels = match info.color_type {
            png::ColorType::GrayscaleAlpha => {
                pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect()
            }
            _ => pixels,
        };
        Ok((pixels, width as usize, height as usize))
    };
    let broken = || Err("is not a readable PNG: its parts contradict each other".into());
    console::caught(decode).unwrap_or_else(broken).map_err(|what| Failure::data(path, what))
}

/// A PNG as a `data:` address.
fn encode_png(pixels: &[u8], width: usize, height: usize, color: png::ColorType) -> String {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    match written {
        Ok(()) => address("image/png", &bytes),
        Err(_) => String::new(),
    }
}

/// The bytes of a file as a `data:` address, or why they are none.
fn embedded(bytes: &[u8]) -> std::result::Result<String, String> {
    if bytes.len() as u64 > LARGEST_FILE {
        return Err("it is larger than 512 KiB".into());
    }
    pictures::kind(bytes).map(|kind| address(kind, bytes))
}

/// Of the refusal `text` of the file `place` what follows "picture cannot be read: ".
fn reason<'t>(text: &'t str, place: &str) -> &'t str {
    let text = text.strip_prefix(place).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
    ["cannot be opened: ", "cannot be read: ", "is "]
        .iter()
        .find_map(|lead| text.strip_prefix(lead))
        .unwrap_or(text)
}

fn address(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}
