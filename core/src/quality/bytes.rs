//! What shards of texts counted, as bytes. What is read could have been counted.

use super::perplexity::Pool;
use super::{Pooling, Scores, SubsetPerplexity, Tally};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::error::Result;
use crate::exact::F64Sum;
use crate::memory::try_capacity;

to_and_from_bytes!(impl[] Scores);
to_and_from_bytes!(impl[] SubsetPerplexity);
to_and_from_bytes!(impl[] Tally);

impl State for Scores {
    const MARK: &'static [u8; 8] = b"paucaQS\0";
    const WHAT: &'static str = "quality scores";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.reserve(self.rows.len().saturating_mul(24));
        to.u64(self.rows.len() as u64);
        self.rows.iter().for_each(|(id, score, tokens)| to.u64s(&[*id, score.to_bits(), *tokens]));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let n = from.size()?;
        from.expect(n.checked_mul(24))?;
        let mut rows = try_capacity(n)?;
        for _ in 0..n {
            let (id, score, tokens) = (from.u64()?, from.f64()?, from.u64()?);
            from.holds(score.is_nan() || (0.0..=1.0).contains(&score), "a score is outside [0, 1]")?;
            rows.push((id, score + 0.0, tokens));
        }
        Ok(Self { rows })
    }
}

impl State for SubsetPerplexity {
    const MARK: &'static [u8; 8] = b"paucaQP\0";
    const WHAT: &'static str = "subset perplexities";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.choice(Pooling::ALL, self.pooling);
        to.u64(self.pools.len() as u64 - 1);
        for pool in &self.pools {
            to.u64s(&[pool.lines, pool.tokens]);
            pool.sum.write(to);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let pooling = from.choice(Pooling::ALL)?;
        let predicates = from.size()?;
        from.expect(predicates.checked_add(1).and_then(|pools| pools.checked_mul(16 + F64Sum::BYTES)))?;
        let mut state = Self::new(predicates, pooling)?;
        for pool in &mut state.pools {
            (pool.lines, pool.tokens) = (from.u64()?, from.u64()?);
            pool.sum = F64Sum::read(from)?;
        }
        let (lines, tokens) = (state.lines(), state.tokens());
        let most = state.pools.first().map_or(0.0, |all| all.sum.value());
        let possible = |pool: &Pool| {
            // exp of a negative log-likelihood is at least 1.
            let least = if pooling == Pooling::Lines { pool.lines as f64 } else { 0.0 };
            let sum = pool.sum.value();
            (pool.lines..=tokens).contains(&pool.tokens)
                && pool.lines <= lines
                && (least..=most).contains(&sum)
                && (pool.lines > 0 || pool.tokens == 0 && sum == 0.0)
        };
        from.holds(state.pools.iter().all(possible), "no lines have such sums")?;
        Ok(state)
    }
}

impl State for Tally {
    const MARK: &'static [u8; 8] = b"paucaQT\0";
    const WHAT: &'static str = "a tally of rules";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64s(&[self.documents, self.passed, self.failed.len() as u64]);
        to.u64s(&self.failed);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (documents, passed, rules) = (from.count()?, from.count()?, from.size()?);
        from.expect(rules.checked_mul(8))?;
        let failed = from.u64s(rules)?;
        // Who did not pass failed one rule at least, and each rule at most once.
        let fails = failed.iter().fold(0, |sum: u64, fails| sum.saturating_add(*fails));
        let possible = |others| others <= fails && failed.iter().all(|fails| *fails <= others);
        from.holds(documents.checked_sub(passed).is_some_and(possible), "no verdicts have such counts")?;
        Ok(Self { documents, passed, failed })
    }
}
