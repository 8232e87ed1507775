//! The two questions of a study: do larger models memorize faster, and do they forget less?
//!
//! Models are compared in pairs that differ in size alone: equal training set, learning rate and
//! tau (or equal special batch and number of passes). A share that was not reached comes after
//! every epoch; pairs of which neither reached it say nothing and are left out.

use super::measure::{Forgotten, Measured};
use super::study::{Run, Study};

/// Outcomes of pairs of models that differ in size alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Pairs in which the larger model came out ahead.
    pub larger: usize,
    /// Pairs in which both models came out the same.
    pub equal: usize,
    /// Pairs in which the smaller model came out ahead.
    pub smaller: usize,
}

impl Pairs {
    /// All pairs.
    pub fn total(&self) -> usize {
        self.larger + self.equal + self.smaller
    }

    fn add(&mut self, order: std::cmp::Ordering) {
        match order {
            std::cmp::Ordering::Greater => self.larger += 1,
            std::cmp::Ordering::Equal => self.equal += 1,
            std::cmp::Ordering::Less => self.smaller += 1,
        }
    }

    /// "larger models VERB", as strongly as the pairs say; `not` where they do not.
    pub fn says(&self, verb: &str) -> String {
        let share = self.larger as f64 / self.total().max(1) as f64;
        let word = match () {
            () if self.total() == 0 => return format!("whether larger models {verb} cannot be told"),
            () if self.larger == self.total() => "",
            () if share >= 0.75 => " in most comparisons",
            () => return format!("larger models do not clearly {verb}"),
        };
        format!("larger models {verb}{word}")
    }
}

/// One line of the table of T(N, tau): a size, and what its runs needed.
pub struct Size {
    /// Parameters.
    pub parameters: u64,
    /// Indices of its plain runs.
    pub runs: Vec<usize>,
}

/// Runs that differ in size alone share these.
pub fn same_setting(a: &Run, b: &Run) -> bool {
    a.set == b.set && a.learning_rate.total_cmp(&b.learning_rate).is_eq()
}

/// The plain runs by size, smallest first.
pub fn sizes(study: &Study) -> Vec<Size> {
    let mut sizes: Vec<Size> = Vec::new();
    for (i, run) in study.runs.iter().enumerate().filter(|(_, run)| run.variant.is_none()) {
        match sizes.iter_mut().find(|size| size.parameters == run.parameters) {
            Some(size) => size.runs.push(i),
            None => sizes.push(Size { parameters: run.parameters, runs: vec![i] }),
        }
    }
    sizes.sort_by_key(|size| size.parameters);
    sizes
}

/// Pairs of plain runs that differ in size alone: (smaller, larger).
fn pairs(study: &Study) -> Vec<(usize, usize)> {
    let plain: Vec<usize> = (0..study.runs.len()).filter(|&i| study.runs[i].variant.is_none()).collect();
    let mut pairs = Vec::new();
    for &a in &plain {
        for &b in &plain {
            let (small, large) = (&study.runs[a], &study.runs[b]);
            if small.parameters < large.parameters && same_setting(small, large) {
                pairs.push((a, b));
            }
        }
    }
    pairs
}

/// Who reached each of `n_taus` shares first.
pub fn faster(study: &Study, runs: &[Measured], n_taus: usize) -> Vec<Pairs> {
    let mut found = vec![Pairs::default(); n_taus];
    for (small, large) in pairs(study) {
        for (t, pairs) in found.iter_mut().enumerate() {
            let epoch = |i: usize| runs[i].reach[t].unwrap_or(u64::MAX);
            if epoch(small).min(epoch(large)) < u64::MAX {
                pairs.add(epoch(small).cmp(&epoch(large)));
            }
        }
    }
    found
}

/// Who forgot less of the special batch, by its baseline and by the least excess over the same
/// model without it; each for one number of passes.
pub fn forgets_less(study: &Study, found: &[Forgotten], passes: u64) -> (Pairs, Pairs) {
    let (mut baseline, mut excess) = (Pairs::default(), Pairs::default());
    for (small, a) in study.forgetting.iter().zip(found) {
        for (large, b) in study.forgetting.iter().zip(found) {
            let same = small.passes == passes && large.passes == passes && small.set == large.set;
            if !same || small.parameters >= large.parameters {
                continue;
            }
            baseline.add(b.forgetting.baseline.total_cmp(&a.forgetting.baseline));
            if let (Some(a), Some(b)) = (a.least_excess, b.least_excess) {
                excess.add(b.total_cmp(&a));
            }
        }
    }
    (baseline, excess)
}

/// The numbers of passes that special batches had, ascending.
pub fn passes(study: &Study) -> Vec<u64> {
    let mut passes: Vec<u64> = study.forgetting.iter().map(|special| special.passes).collect();
    passes.sort_unstable();
    passes.dedup();
    passes
}

/// All pairs of several lists together.
pub fn together(all: &[Pairs]) -> Pairs {
    all.iter().fold(Pairs::default(), |sum, p| Pairs {
        larger: sum.larger + p.larger,
        equal: sum.equal + p.equal,
        smaller: sum.smaller + p.smaller,
    })
}

/// The verdict in one sentence.
pub fn verdict(study: &Study, runs: &[Measured], found: &[Forgotten], taus: &[f64]) -> String {
    let faster = together(&faster(study, runs, taus.len()));
    let mut text = format!(
        "Here {} (first in {} of {} comparisons)",
        faster.says("memorize faster"),
        faster.larger,
        faster.total()
    );
    let excess: Vec<Pairs> = passes(study).iter().map(|p| forgets_less(study, found, *p).1).collect();
    let excess = together(&excess);
    if !study.forgetting.is_empty() {
        text.push_str(&format!(
            ", and {} ({} of {}).",
            excess.says("keep more of a special batch").replace("larger models ", "they "),
            excess.larger,
            excess.total()
        ));
    } else {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_say_what_they_say() {
        let say = |larger, equal, smaller| Pairs { larger, equal, smaller }.says("run");
        assert_eq!(say(4, 0, 0), "larger models run");
        assert_eq!(say(3, 0, 1), "larger models run in most comparisons");
        assert_eq!(say(1, 1, 2), "larger models do not clearly run");
        assert_eq!(say(0, 0, 0), "whether larger models run cannot be told");
    }
}
