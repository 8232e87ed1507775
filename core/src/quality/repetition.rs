//! How much of a text repeats itself: lines, paragraphs, runs of words.
//!
//! *Source*: Rae et al. 2021 (Gopher), appendix A1.1 and table A1, which gives the thresholds and
//! leaves the counting to the reader. Here a copy is a repetition of an earlier item to the byte
//! (white space trimmed off), the first one is none; characters are counted once however many
//! repeated runs they lie in; all is taken of the characters of the same items.

use alloc::vec::Vec;

use super::text::{characters, collect};
use crate::control::Context;
use crate::error::Result;
use crate::memory::{try_capacity, try_collect, try_vec};

/// (copies, characters of copies, characters of all).
pub(super) fn copies(items: &[&str]) -> Result<(u64, u64, u64)> {
    let mut sorted = collect(items.iter().copied())?;
    sorted.sort_unstable();
    let all = items.iter().map(|item| characters(item)).sum();
    let mut found = (0, 0, all);
    for pair in sorted.windows(2).filter(|pair| pair[0] == pair[1]) {
        found.0 += 1;
        found.1 += characters(pair[1]);
    }
    Ok(found)
}

/// Words as numbers (equal words, equal numbers), and their lengths summed up.
pub(super) struct Runs {
    names: Vec<u32>,
    /// Characters of the words before each, and of all.
    before: Vec<u64>,
}

impl Runs {
    pub(super) fn new(words: &[&str], cx: &Context) -> Result<Self> {
        let mut order = try_collect(0..words.len())?;
        order.sort_unstable_by(|&a, &b| words[a].cmp(words[b]));
        cx.control.check()?;
        let mut names = try_vec(words.len(), 0u32)?;
        let mut name = 0;
        for (i, &word) in order.iter().enumerate() {
            if i > 0 && words[order[i - 1]] != words[word] {
                name += 1;
            }
            names[word] = name;
        }
        cx.control.check()?;
        let mut before = try_capacity(words.len() + 1)?;
        before.push(0);
        let mut sum = 0;
        for word in words {
            sum += characters(word);
            before.push(sum);
        }
        Ok(Self { names, before })
    }

    /// Characters of all words.
    pub(super) fn characters(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// Starts of all runs of `n` words, equal runs together and each group ascending.
    fn grouped(&self, n: usize) -> Result<Vec<usize>> {
        let count = (self.names.len() + 1).saturating_sub(n.max(1));
        let mut starts = try_collect(0..count)?;
        starts.sort_unstable_by(|&a, &b| self.run(a, n).cmp(self.run(b, n)).then(a.cmp(&b)));
        Ok(starts)
    }

    fn run(&self, start: usize, n: usize) -> &[u32] {
        &self.names[start..start + n]
    }

    /// Characters of the words that runs of `n` words from `starts` (ascending) cover.
    fn covered(&self, starts: &[usize], n: usize) -> u64 {
        let (mut sum, mut end) = (0, 0);
        for &start in starts {
            sum += self.before[start + n] - self.before[start.max(end)];
            end = start + n;
        }
        sum
    }

    /// Characters covered by the most frequent run of `n` words; of equally frequent ones the most
    /// characters; 0 when none occurs twice.
    pub(super) fn most_frequent(&self, n: usize) -> Result<u64> {
        let starts = self.grouped(n)?;
        let groups = starts.chunk_by(|&a, &b| self.run(a, n) == self.run(b, n));
        let repeated = groups.filter(|group| group.len() > 1);
        Ok(repeated.map(|group| (group.len(), self.covered(group, n))).max().map_or(0, |(_, sum)| sum))
    }

    /// Characters covered by all runs of `n` words that occur more than once.
    pub(super) fn repeated(&self, n: usize) -> Result<u64> {
        let mut starts = self.grouped(n)?;
        let mut kept = 0;
        let mut at = 0;
        while at < starts.len() {
            let run = self.run(starts[at], n);
            let len = starts[at..].iter().take_while(|start| self.run(**start, n) == run).count();
            if len > 1 {
                starts.copy_within(at..at + len, kept);
                kept += len;
            }
            at += len;
        }
        starts.truncate(kept);
        starts.sort_unstable();
        Ok(self.covered(&starts, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Result<Runs> {
        Runs::new(&text.split(' ').collect::<Vec<_>>(), &Context::default())
    }

    #[test]
    fn overlapping_runs_are_counted_once() -> Result<()> {
        // "a a" occurs three times and covers four characters, not six.
        let r = runs("a a a a")?;
        assert_eq!((r.most_frequent(2)?, r.repeated(2)?, r.characters()), (4, 4, 4));
        assert_eq!((r.most_frequent(3)?, r.repeated(3)?), (4, 4));
        assert_eq!((r.most_frequent(4)?, r.repeated(4)?, r.repeated(5)?), (0, 0, 0));
        Ok(())
    }

    #[test]
    fn of_equally_frequent_runs_the_longest_counts() -> Result<()> {
        let r = runs("a b x long words y a b z long words")?;
        assert_eq!(r.most_frequent(2)?, 18);
        assert_eq!(r.repeated(2)?, 22);
        assert_eq!(r.most_frequent(3)?, 0);
        Ok(())
    }

    #[test]
    fn copies_do_not_count_the_first() -> Result<()> {
        assert_eq!(copies(&["ab", "c", "ab", "ab"])?, (2, 4, 7));
        assert_eq!(copies(&[])?, (0, 0, 0));
        Ok(())
    }
}
