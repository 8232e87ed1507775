//! Pictures cut from a sheet, and which of them are kept from training.

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::input::images::{Images, Sheet};

/// Pictures as values in [0, 1].
pub struct Pictures {
    /// Pixels along a side.
    pub side: usize,
    /// 3, or 1 where all pixels are grey.
    pub channels: usize,
    /// [n, side, side, channels].
    pub values: Vec<f32>,
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to judge by.
    pub valid: Vec<usize>,
}

/// Neighbours on a sheet are often variants of each other (skin tones, hours of a clock). So whole
/// runs of this many are kept from training, every eighth run.
const RUN: usize = 32;
const EVERY: usize = 8;
/// Fewer pictures than this cannot be split.
const FEWEST: usize = 2 * RUN * EVERY;

impl Pictures {
    /// Cuts `sheet` into pictures of `side` pixels.
    ///
    /// # Errors
    /// [`Failure::Data`] when it is no readable PNG or holds too few.
    pub fn open(sheet: &Path, side: usize, count: Option<usize>) -> Result<Self> {
        let Images::Sheet(tiles) = Images::sheet(sheet, side, count.unwrap_or(1))? else {
            return Err(Failure::data(sheet, "is not a sheet"));
        };
        let n = count.unwrap_or_else(|| tiles.len());
        if n < FEWEST {
            return Err(Failure::data(
                sheet,
                format!("holds {n} pictures of {side} x {side}, at least {FEWEST} are needed"),
            ));
        }
        let grey = (0..n).all(|i| tiles.rgb(i).chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
        let channels = if grey { 1 } else { 3 };
        let keep = |tile: Vec<u8>| tile.into_iter().step_by(if grey { 3 } else { 1 });
        let values = (0..n).flat_map(|i| keep(tiles.rgb(i))).map(|v| f32::from(v) / 255.0).collect();
        let (valid, train) = (0..n).partition(|i| i / RUN % EVERY == EVERY - 1);
        Ok(Self { side, channels, values, train, valid })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.values.len() / self.size()
    }

    /// Always false: a sheet holds pictures.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Values of a picture.
    pub fn size(&self) -> usize {
        self.side * self.side * self.channels
    }

    /// The bytes of a picture.
    pub fn bytes(&self, i: usize) -> Vec<u8> {
        self.picture(i).iter().map(|v| (255.0 * v).round() as u8).collect()
    }

    /// One picture.
    pub fn picture(&self, i: usize) -> &[f32] {
        &self.values[i * self.size()..(i + 1) * self.size()]
    }
}

/// Pictures side by side as a `data:` address: `columns` a row, each of [side, side, channels], enlarged.
pub fn strip(pictures: &[Vec<u8>], side: usize, channels: usize, columns: usize) -> String {
    let gap = 2;
    let zoom = (72 / side).max(1);
    let cell = side * zoom + gap;
    let rows = pictures.len().div_ceil(columns.max(1));
    let (width, height) = (columns * cell - gap, rows * cell - gap);
    let mut pixels = vec![255u8; 3 * width * height];
    for (i, picture) in pictures.iter().enumerate() {
        let (left, top) = (i % columns * cell, i / columns * cell);
        for y in 0..side * zoom {
            for x in 0..side * zoom {
                let from = (y / zoom * side + x / zoom) * channels;
                for c in 0..3 {
                    let to = 3 * ((top + y) * width + left + x) + c;
                    pixels[to] = picture[from + c.min(channels - 1)];
                }
            }
        }
    }
    Sheet::encode(&pixels, width, height)
}
