//! Partial results as bytes: versioned, little-endian, checksummed, the same on every machine.
//!
//! What is read could have been counted: no more hits than contexts, fewer than 2^63 of anything, no
//! logit that a scan refuses.

use super::curve::Curve;
use super::exponentials::{LIMIT, Window};
use super::hits::{Hits, IGNORED, Memorized};
use super::logit_spread::{LogitSpread, Moments};
use super::logits::{LogitScan, Token};
use super::runs::UnitLengths;
use super::tags::TagCounts;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check::MOST_COUNTED;
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};

to_and_from_bytes!(impl[] Hits);
to_and_from_bytes!(impl[] Curve);
to_and_from_bytes!(impl[] UnitLengths);
to_and_from_bytes!(impl[] TagCounts);
to_and_from_bytes!(impl[] LogitScan);
to_and_from_bytes!(impl[] LogitSpread);

/// Planes reach from below e^-(2^20) to above e^(2^20).
const TOPS: u32 = 1 << 18;

fn hold(from: &Reader<'_>, hold: bool) -> Result<()> {
    from.holds(hold, "values out of range")
}

impl State for Hits {
    const MARK: &'static [u8; 8] = b"paucaMH\0";
    const WHAT: &'static str = "hits";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.len() as u64);
        for (hit, counted) in self.hit().chunks(64).zip(self.counted().chunks(64)) {
            let word = |flags: &[bool]| flags.iter().rev().fold(0, |word, flag| word << 1 | u64::from(*flag));
            to.u64s(&[word(hit), word(counted)]);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let n = from.size()?;
        from.expect(n.div_ceil(64).checked_mul(16))?;
        let (mut hit, mut counted) = (try_vec(n, false)?, try_vec(n, false)?);
        for (hit, counted) in hit.chunks_mut(64).zip(counted.chunks_mut(64)) {
            let (hits, counts) = (from.u64()?, from.u64()?);
            let beyond = counts.checked_shr(hit.len() as u32).unwrap_or(0);
            hold(from, beyond == 0 && hits & !counts == 0)?;
            for (i, (hit, counted)) in hit.iter_mut().zip(counted).enumerate() {
                (*hit, *counted) = (hits >> i & 1 == 1, counts >> i & 1 == 1);
            }
        }
        Ok(Self::of_flags(hit, counted))
    }
}

impl State for Curve {
    const MARK: &'static [u8; 8] = b"paucaMC\0";
    const WHAT: &'static str = "memorization curve";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.times.len() as u64);
        for (time, count) in self.times.iter().zip(&self.counts) {
            to.u64s(&[*time, count.hits, count.total]);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let mut curve = Self::new();
        for _ in 0..from.size()? {
            let (time, hits, total) = (from.u64()?, from.count()?, from.count()?);
            let pushed = curve.push(time, Memorized { hits, total });
            pushed.map_err(|error| from.refused(error, "values out of range"))?;
        }
        Ok(curve)
    }
}

impl State for UnitLengths {
    const MARK: &'static [u8; 8] = b"paucaMU\0";
    const WHAT: &'static str = "unit lengths";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.runs.len() as u64);
        to.u64s(&self.runs);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let len = from.size()?;
        let units = Self { runs: from.counts(len)? };
        hold(from, units.runs.last() != Some(&0) && units.hits() <= MOST_COUNTED as u128)?;
        Ok(units)
    }
}

impl State for TagCounts {
    const MARK: &'static [u8; 8] = b"paucaMT\0";
    const WHAT: &'static str = "tag counts";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.predicted.map_or(0, |given| 1 + u64::from(given)));
        to.u64(self.counts.len() as u64);
        self.counts.iter().for_each(|counts| to.u64s(counts));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let predicted = match from.u64()? {
            0 => None,
            1 => Some(false),
            2 => Some(true),
            _ => return Err(from.corrupt("values out of range")),
        };
        let tags = from.size()?;
        from.expect(tags.checked_mul(24).filter(|bytes| *bytes > 0))?;
        let mut counts = try_capacity(tags)?;
        for _ in 0..tags {
            let [tokens, right, memorized] = [from.count()?, from.u64()?, from.u64()?];
            let of_predictions = if predicted == Some(true) { tokens } else { 0 };
            let counted = if predicted.is_some() { tokens } else { 0 };
            hold(from, tokens == counted && right <= of_predictions && memorized <= tokens)?;
            counts.push([tokens, right, memorized]);
        }
        Ok(Self { counts, predicted })
    }
}

impl State for LogitScan {
    const MARK: &'static [u8; 8] = b"paucaML\0";
    const WHAT: &'static str = "scan of logits";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.sizes(&[self.vocabulary, self.targets.len(), self.seen.len()]);
        self.seen.iter().for_each(|(start, end)| to.sizes(&[*start, *end]));
        to.reserve(self.tokens.len().saturating_mul(68));
        for (target, token) in self.targets.iter().zip(&self.tokens) {
            to.u32(*target);
            to.u32(token.argmax);
            to.u32(token.rest.top);
            to.u64s(&[token.max.to_bits(), token.target.to_bits()]);
            to.u64s(&token.rest.planes);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let [vocabulary, n, parts] = from.sizes()?;
        let size = parts.checked_mul(16).and_then(|seen| n.checked_mul(68)?.checked_add(seen));
        from.expect(size)?;
        hold(from, n > 0 && (1..IGNORED as usize).contains(&vocabulary))?;
        let mut seen = try_capacity(parts)?;
        let mut last = None;
        for _ in 0..parts {
            let [start, end] = from.sizes()?;
            hold(from, start < end && end <= vocabulary && last.is_none_or(|last| last < start))?;
            last = Some(end);
            seen.push((start, end));
        }
        let (mut targets, mut tokens) = (try_capacity(n)?, try_capacity(n)?);
        for _ in 0..n {
            let (y, argmax, top) = (from.u32()?, from.u32()?, from.u32()?);
            let (max, target) = (from.f64()?, from.f64()?);
            let token = Token { max, argmax, target, rest: window(top, from)? };
            let number = |x: f64| x == f64::NEG_INFINITY || x.is_finite() && x <= LIMIT;
            // A token that was looked at has an argmax; another one is as at the start.
            let good = match y != IGNORED && last.is_some() {
                true => (argmax as usize) < vocabulary && number(max) && number(target) && target <= max,
                false => token == Token::default(),
            };
            hold(from, good && (y == IGNORED || (y as usize) < vocabulary))?;
            targets.push(y);
            tokens.push(token);
        }
        Ok(Self { targets, vocabulary, tokens, seen })
    }
}

/// The planes below a highest one.
fn window(top: u32, from: &mut Reader<'_>) -> Result<Window> {
    let mut planes = [0; 5];
    for plane in &mut planes {
        *plane = from.u64()?;
    }
    let window = Window { top, planes };
    hold(from, if top == 0 { window == Window::default() } else { top < TOPS })?;
    Ok(window)
}

impl State for LogitSpread {
    const MARK: &'static [u8; 8] = b"paucaMS\0";
    const WHAT: &'static str = "spread of logits";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.sizes(&[self.vocabulary, self.targets.len(), self.seen]);
        to.reserve(self.targets.len().saturating_mul(SPREAD_TOKEN));
        for (i, target) in self.targets.iter().enumerate() {
            to.u32(*target);
            to.u64s(&[self.max[i].to_bits(), self.below[i].to_bits()]);
            for window in &self.sums[i].0 {
                to.u32(window.top);
                to.u64s(&window.planes);
            }
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let [vocabulary, n, seen] = from.sizes()?;
        from.expect(n.checked_mul(SPREAD_TOKEN))?;
        hold(from, (1..IGNORED as usize).contains(&vocabulary) && seen <= vocabulary)?;
        let mut spread = Self::empty(vocabulary, n)?;
        for _ in 0..n {
            let y = from.u32()?;
            let (max, below) = (from.f64()?, from.f64()?);
            let mut sums = Moments::default();
            for sum in &mut sums.0 {
                let top = from.u32()?;
                *sum = window(top, from)?;
            }
            let fresh = sums == Moments::default();
            hold(from, (fresh || seen > 0 && y != IGNORED) && spread.note(y, max, below))?;
            spread.sums.push(sums);
        }
        spread.seen = seen;
        Ok(spread)
    }
}

/// Bytes of a token of a spread.
const SPREAD_TOKEN: usize = 20 + 3 * 44;
