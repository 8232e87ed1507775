//! Whether the bytes of a picture agree with each other, before they go into a page.
//!
//! A browser shows half of a broken picture, or nothing, and says nothing. So a picture is read to its end first:
//!
//! | kind | what has to agree |
//! |---|---|
//! | PNG | all of it: every checksum, and as many pixels as the header says |
//! | JPEG | lengths of segments; one size; a scan; the mark of the end |
//! | GIF | lengths of blocks; frames that lie within the picture; the mark of the end |
//! | WebP | lengths of chunks; one size in the header and in the picture |
//!
//! A refusal says what is wrong, to follow "picture cannot be read: ".

use crate::console;

/// Most pixels of a picture: 65,536 tiles of 32 x 32, 256 MiB once decoded.
pub const MOST_PIXELS: u64 = 1 << 26;

/// What is found, or why the picture cannot be read.
type Found<T> = std::result::Result<T, String>;

/// The media type of a picture that can be read.
///
/// # Errors
/// Why it cannot.
pub fn kind(bytes: &[u8]) -> Found<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes).map(|()| "image/png"),
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes).map(|()| "image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif(bytes).map(|()| "image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            webp(bytes).map(|()| "image/webp")
        }
        [] => Err("there are no bytes".into()),
        _ => Err("it is no PNG, JPEG, GIF or WebP".into()),
    }
}

/// A picture of this size.
fn sized(width: u64, height: u64) -> Found<()> {
    match width.saturating_mul(height) {
        0 => Err(format!("it has {width} x {height} pixels")),
        pixels if pixels > MOST_PIXELS => {
            Err(format!("it has {width} x {height} pixels, more than {MOST_PIXELS}"))
        }
        _ => Ok(()),
    }
}

/// A decoder that looks at every checksum, also those of parts that it could pass over.
pub fn strict<R: std::io::BufRead + std::io::Seek>(file: R) -> png::Decoder<R> {
    let mut options = png::DecodeOptions::default();
    options.set_ignore_checksums(false);
    options.set_skip_ancillary_crc_failures(false);
    png::Decoder::new_with_options(file, options)
}

fn png(bytes: &[u8]) -> Found<()> {
    let decode = || {
        let decoder = strict(std::io::Cursor::new(bytes));
        let wrong = |e: png::DecodingError| match e {
            png::DecodingError::IoError(_) => "it ends too early".to_string(),
            e => format!("its parts contradict each other ({e})"),
        };
        let mut reader = decoder.read_info().map_err(wrong)?;
        sized(reader.info().width.into(), reader.info().height.into())?;
        while reader.next_interlaced_row().map_err(wrong)?.is_some() {}
        reader.finish().map_err(wrong)
    };
    console::caught(decode).unwrap_or_else(|| Err("its parts contradict each other".into()))
}

/// Bytes that are taken one after the other.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Found<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Found<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// The lowest byte first.
    fn low(&mut self, count: usize) -> Found<u64> {
        Ok(self.take(count)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The highest byte first.
    fn high(&mut self, count: usize) -> Found<u64> {
        Ok(self.take(count)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

fn jpeg(bytes: &[u8]) -> Found<()> {
    let (mut rest, mut size, mut scans) = (Bytes(&bytes[2..]), None, 0);
    loop {
        if rest.byte()? != 0xff {
            return Err("a segment ends where none begins".into());
        }
        let mut mark = rest.byte()?;
        while mark == 0xff {
            mark = rest.byte()?;
        }
        match mark {
            0xd9 if scans > 0 => return Ok(()),
            0xd9 => return Err("it ends without a picture".into()),
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | 0xd8 => return Err("a segment ends where none begins".into()),
            _ => {}
        }
        let length = rest.high(2)?.checked_sub(2).ok_or("a segment has a length of less than 2")?;
        let mut segment = Bytes(rest.take(length as usize)?);
        match mark {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => {
                segment.byte()?;
                let (height, width) = (segment.high(2)?, segment.high(2)?);
                sized(width, height)?;
                if size.replace((width, height)).is_some_and(|before| before != (width, height)) {
                    return Err("two of its parts have two sizes".into());
                }
            }
            0xda => {
                size.ok_or("a scan comes before the size of the picture")?;
                scans += 1;
                // The values of the scan: no mark is among them but those that start its parts anew.
                let mark = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
                let end = rest.0.windows(2).position(mark).ok_or("it ends too early")?;
                rest.take(end)?;
            }
            _ => {}
        }
    }
}

fn gif(bytes: &[u8]) -> Found<()> {
    let mut rest = Bytes(&bytes[6..]);
    let (width, height) = (rest.low(2)?, rest.low(2)?);
    sized(width, height)?;
    let colors = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let flags = rest.byte()?;
    rest.take(2 + colors(flags))?;
    let pieces = |rest: &mut Bytes<'_>| -> Found<usize> {
        let mut all = 0;
        loop {
            match rest.byte()? {
                0 => return Ok(all),
                length => all += rest.take(length.into())?.len(),
            }
        }
    };
    let mut frames = 0;
    loop {
        match rest.byte()? {
            0x21 => {
                rest.byte()?;
                pieces(&mut rest)?;
            }
            0x2c => {
                let [left, top, w, h] = [rest.low(2)?, rest.low(2)?, rest.low(2)?, rest.low(2)?];
                sized(w, h)?;
                if left + w > width || top + h > height {
                    return Err(format!("a frame does not lie within its {width} x {height} pixels"));
                }
                let flags = rest.byte()?;
                rest.take(colors(flags))?;
                rest.byte()?;
                if pieces(&mut rest)? == 0 {
                    return Err("a frame has no pixels".into());
                }
                frames += 1;
            }
            0x3b if frames > 0 => return Ok(()),
            0x3b => return Err("it ends without a picture".into()),
            _ => return Err("a block ends where none begins".into()),
        }
    }
}

fn webp(bytes: &[u8]) -> Found<()> {
    let length = Bytes(&bytes[4..]).low(4)? as usize;
    let mut rest = Bytes(bytes.get(12..8 + length).ok_or("it ends too early")?);
    let (mut canvas, mut picture, mut moves) = (None, None, false);
    while !rest.0.is_empty() {
        let name = rest.take(4)?;
        let length = rest.low(4)? as usize;
        let mut chunk = Bytes(rest.take(length)?);
        if length % 2 == 1 && !rest.0.is_empty() {
            rest.byte()?;
        }
        match name {
            b"VP8X" => {
                chunk.take(4)?;
                canvas = Some((chunk.low(3)? + 1, chunk.low(3)? + 1));
            }
            b"VP8 " => {
                if chunk.byte()? & 1 != 0 || chunk.take(5)?[2..] != [0x9d, 0x01, 0x2a] {
                    return Err("its picture does not begin as one".into());
                }
                picture = Some((chunk.low(2)? & 0x3fff, chunk.low(2)? & 0x3fff));
            }
            b"VP8L" => {
                if chunk.byte()? != 0x2f {
                    return Err("its picture does not begin as one".into());
                }
                let bits = chunk.low(4)?;
                picture = Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1));
            }
            b"ANMF" => moves = true,
            _ => {}
        }
    }
    match (canvas, picture) {
        (Some((width, height)), _) if moves => sized(width, height),
        (_, None) => Err("it ends without a picture".into()),
        (Some((width, height)), Some((w, h))) if (width, height) != (w, h) => {
            Err(format!("its header has {width} x {height} pixels, its picture {w} x {h}"))
        }
        (_, Some((width, height))) => sized(width, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG of 4 x 4 pixels.
    fn sound_png() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 4, 4);
        // With a part that a decoder could pass over: which colors are transparent.
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(vec![9, 8, 7, 200, 100, 50]);
        encoder.set_trns(vec![0, 255]);
        encoder.write_header().unwrap().write_image_data(&[1; 16]).unwrap();
        bytes
    }

    /// A GIF of one pixel, and a JPEG and two WebP that are sound as far as this file looks.
    fn others() -> [(&'static str, Vec<u8>); 4] {
        let gif =
            b"GIF89a\x01\x00\x01\x00\x80\x00\x00\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0\xff\xda\0\x02ab\xff\0c\xff\xd9";
        let lossless = b"RIFF\x16\0\0\0WEBPVP8L\x09\0\0\0\x2f\x02\x40\0\0abcd\0";
        let extended =
            b"RIFF\x28\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x02\0\0\x01\0\0VP8L\x09\0\0\0\x2f\x02\x40\0\0abcd\0";
        [
            ("image/gif", gif.to_vec()),
            ("image/jpeg", jpeg.to_vec()),
            ("image/webp", lossless.to_vec()),
            ("image/webp", extended.to_vec()),
        ]
    }

    #[test]
    fn sound_pictures_are_told_by_their_kind() {
        assert_eq!(kind(&sound_png()), Ok("image/png"));
        for (name, bytes) in others() {
            assert_eq!(kind(&bytes), Ok(name));
        }
        assert!(kind(b"").is_err() && kind(b"BM1234").is_err());
    }

    #[test]
    fn a_cut_picture_is_none() {
        for bytes in others().into_iter().map(|(_, bytes)| bytes).chain([sound_png()]) {
            // A WebP may leave out the byte that fills its last chunk.
            for end in 0..bytes.len() - usize::from(bytes.starts_with(b"RIFF")) {
                assert!(kind(&bytes[..end]).is_err(), "{end} of {bytes:?}");
            }
        }
    }

    #[test]
    fn any_changed_byte_of_a_png_is_seen() {
        let sound = sound_png();
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= 0x10;
            assert!(kind(&bytes).is_err(), "byte {place}");
        }
    }

    #[test]
    fn sizes_that_contradict_each_other_are_named() {
        let mut canvas = others()[3].1.clone();
        canvas[24] = 9;
        assert_eq!(kind(&canvas).unwrap_err(), "its header has 10 x 2 pixels, its picture 3 x 2");
        let mut frame = others()[0].1.clone();
        frame[24] = 2;
        assert_eq!(kind(&frame).unwrap_err(), "a frame does not lie within its 1 x 1 pixels");
        let mut flat = others()[1].1.clone();
        flat[14] = 0;
        assert_eq!(kind(&flat).unwrap_err(), "it has 3 x 0 pixels");
        let second = b"\xff\xc0\0\x0b\x08\0\x05\0\x03\x01\x01\x11\0";
        let mut two = others()[1].1.clone();
        two.splice(8..8, second.iter().copied());
        assert_eq!(kind(&two).unwrap_err(), "two of its parts have two sizes");
        // As many pixels as no page can show.
        let mut large = others()[1].1.clone();
        large[13..17].copy_from_slice(&[0xff; 4]);
        assert!(kind(&large).unwrap_err().contains("65535 x 65535 pixels, more than"));
    }
}
