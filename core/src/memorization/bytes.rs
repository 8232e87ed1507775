//! Partial results as bytes: versioned, little-endian, checksummed, the same on every machine.

use alloc::vec::Vec;

use super::curve::Curve;
use super::exponentials::Window;
use super::hits::{IGNORED, Memorized};
use super::logits::{LogitScan, Token};
use super::runs::UnitLengths;
use super::tags::TagCounts;
use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::memory::try_capacity;

const VERSION: u32 = 1;
const CURVE: (&[u8; 8], &str) = (b"paucaMC\0", "memorization curve");
const UNITS: (&[u8; 8], &str) = (b"paucaMU\0", "unit lengths");
const TAGS: (&[u8; 8], &str) = (b"paucaMT\0", "tag counts");
const SCAN: (&[u8; 8], &str) = (b"paucaML\0", "scan of logits");

impl Curve {
    /// The curve as bytes, to be merged elsewhere.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(CURVE.0, VERSION);
        w.u64(self.times.len() as u64);
        for (time, count) in self.times.iter().zip(&self.counts) {
            w.u64s(&[*time, count.hits, count.total]);
        }
        w.finish()
    }

    /// Reads what [`to_bytes`](Curve::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, CURVE.1, CURVE.0, VERSION)?;
        let points = r.size()?;
        let mut curve = Self::new();
        for _ in 0..points {
            let (time, hits, total) = (r.u64()?, r.u64()?, r.u64()?);
            let pushed = curve.push(time, Memorized { hits, total });
            pushed.map_err(|_| r.corrupt("values out of range"))?;
        }
        r.end()?;
        Ok(curve)
    }
}

impl UnitLengths {
    /// The counts as bytes, to be merged elsewhere.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(UNITS.0, VERSION);
        w.u64(self.runs.len() as u64);
        w.u64s(&self.runs);
        w.finish()
    }

    /// Reads what [`to_bytes`](UnitLengths::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, UNITS.1, UNITS.0, VERSION)?;
        let len = r.size()?;
        let runs = r.u64s(len)?;
        if runs.last() == Some(&0) {
            return Err(r.corrupt("values out of range"));
        }
        r.end()?;
        Ok(Self { runs })
    }
}

impl TagCounts {
    /// The counts as bytes, to be merged elsewhere.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(TAGS.0, VERSION);
        w.u64(self.predicted.map_or(0, |given| 1 + u64::from(given)));
        w.u64(self.counts.len() as u64);
        self.counts.iter().for_each(|counts| w.u64s(counts));
        w.finish()
    }

    /// Reads what [`to_bytes`](TagCounts::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, TAGS.1, TAGS.0, VERSION)?;
        let predicted = match r.u64()? {
            0 => None,
            1 => Some(false),
            2 => Some(true),
            _ => return Err(r.corrupt("values out of range")),
        };
        let tags = r.size()?;
        if tags == 0 || tags != r.remaining() / 24 {
            return Err(r.corrupt("values out of range"));
        }
        let mut counts = try_capacity(tags)?;
        for _ in 0..tags {
            let [tokens, right, memorized] = [r.u64()?, r.u64()?, r.u64()?];
            if right > tokens || memorized > tokens {
                return Err(r.corrupt("values out of range"));
            }
            counts.push([tokens, right, memorized]);
        }
        r.end()?;
        Ok(Self { counts, predicted })
    }
}

impl LogitScan {
    /// The scan as bytes, to be merged with that of another part of the vocabulary.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(SCAN.0, VERSION);
        w.u64s(&[self.vocabulary as u64, self.targets.len() as u64, self.seen.len() as u64]);
        self.seen.iter().for_each(|(start, end)| w.u64s(&[*start as u64, *end as u64]));
        w.reserve(self.tokens.len().saturating_mul(72));
        for (target, token) in self.targets.iter().zip(&self.tokens) {
            w.u32(*target);
            w.u32(token.argmax);
            w.u32(token.rest.top);
            w.u64s(&[token.max.to_bits(), token.target.to_bits()]);
            w.u64s(&token.rest.planes);
        }
        w.finish()
    }

    /// Reads what [`to_bytes`](LogitScan::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, SCAN.1, SCAN.0, VERSION)?;
        let (vocabulary, n, parts) = (r.size()?, r.size()?, r.size()?);
        let wrong = |r: &Reader<'_>| r.corrupt("values out of range");
        if parts > r.remaining() / 16 || n == 0 || n > r.remaining() / 68 || vocabulary >= IGNORED as usize {
            return Err(wrong(&r));
        }
        let mut seen = try_capacity(parts)?;
        let mut last = None;
        for _ in 0..parts {
            let (start, end) = (r.size()?, r.size()?);
            if start >= end || end > vocabulary || last.is_some_and(|last| start <= last) {
                return Err(wrong(&r));
            }
            last = Some(end);
            seen.push((start, end));
        }
        let (mut targets, mut tokens) = (try_capacity(n)?, try_capacity(n)?);
        for _ in 0..n {
            let (y, argmax, top) = (r.u32()?, r.u32()?, r.u32()?);
            let (max, target) = (f64::from_bits(r.u64()?), f64::from_bits(r.u64()?));
            let mut planes = [0; 5];
            for plane in &mut planes {
                *plane = r.u64()?;
            }
            let id = |id: u32| id == IGNORED || (id as usize) < vocabulary;
            let number = |x: f64| x == f64::NEG_INFINITY || x.is_finite();
            // Planes reach from below e^-(2^20) to above e^(2^20).
            if !id(y) || !id(argmax) || !number(max) || !number(target) || top >= 1 << 18 {
                return Err(wrong(&r));
            }
            targets.push(y);
            tokens.push(Token { max, argmax, target, rest: Window { top, planes } });
        }
        r.end()?;
        Ok(Self { targets, vocabulary, tokens, seen })
    }
}
