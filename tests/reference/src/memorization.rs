//! Memorization of training text.
//!
//! Tirumala et al. 2022 (Memorization Without Overfitting), section 3:
//!   1. V is the size of the vocabulary, C a set of contexts (s, y): an incomplete block of text and
//!      the index of the true next (or masked) token;
//!   2. a context is memorized iff argmax f(s) = y;
//!   3. M(f) is the number of memorized contexts over the number of contexts;
//!   4. T(N, tau) is the least number of passes over each training text so that M(f) >= tau;
//!   5. T_update(N, tau) is the least U with M_update(f, U) >= tau, on the batch of the U-th update.
//!
//! Section 4: overfitting begins at the first epoch at which the validation perplexity increases.
//! Section 5: the forgetting baseline is the minimum of M on a special batch after its one update.
//! Appendix A.3: the memory unit length of a memorized unigram is 1, of a bigram 2, and so on.

/// Steps 2 and 3: (hits, contexts) over the positions that count.
pub fn memorized(predicted: &[u32], targets: &[u32], counted: &[bool]) -> (u64, u64) {
    let (mut hits, mut total) = (0, 0);
    for i in 0..targets.len() {
        if counted[i] {
            total += 1;
            if predicted[i] == targets[i] {
                hits += 1;
            }
        }
    }
    (hits, total)
}

/// Steps 4 and 5: the first time whose M reaches tau.
pub fn first_reach(times: &[u64], counts: &[(u64, u64)], tau: f64) -> Option<u64> {
    for i in 0..times.len() {
        if counts[i].0 as f64 / counts[i].1 as f64 >= tau {
            return Some(times[i]);
        }
    }
    None
}

/// Section 4.
pub fn overfit_onset(perplexity: &[f64]) -> Option<usize> {
    (1..perplexity.len()).find(|&i| perplexity[i] > perplexity[i - 1])
}

/// Section 5: (baseline, where it is first reached).
pub fn forgetting_baseline(curve: &[f64]) -> (f64, usize) {
    let mut at = 0;
    for i in 1..curve.len() {
        if curve[i] < curve[at] {
            at = i;
        }
    }
    (curve[at], at)
}

/// Appendix A.3: lengths of the maximal runs of hits, document by document.
pub fn runs(hits: &[bool], ends: &[usize]) -> Vec<usize> {
    let (mut lengths, mut start) = (Vec::new(), 0);
    for &end in ends {
        let mut length = 0;
        for i in start..end {
            if hits[i] {
                length += 1;
            } else {
                if length > 0 {
                    lengths.push(length);
                }
                length = 0;
            }
        }
        if length > 0 {
            lengths.push(length);
        }
        start = end;
    }
    lengths
}

/// Section 4, parts of speech: for each tag (positions, right tags, exact tokens).
pub fn tags(
    hits: &[bool],
    counted: &[bool],
    truth: &[u8],
    predicted: &[u8],
    n: usize,
) -> Vec<(u64, u64, u64)> {
    (0..n)
        .map(|p| {
            let (mut tokens, mut right, mut exact) = (0, 0, 0);
            for i in (0..hits.len()).filter(|&i| counted[i] && truth[i] as usize == p) {
                tokens += 1;
                right += u64::from(predicted[i] == truth[i]);
                exact += u64::from(hits[i]);
            }
            (tokens, right, exact)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(memorized(&[1, 2, 3], &[1, 5, 3], &[true, true, false]), (1, 2));
        assert_eq!(first_reach(&[3, 5, 9], &[(1, 4), (3, 4), (4, 4)], 0.75), Some(5));
        assert_eq!(overfit_onset(&[3.0, 2.0, 2.0, 2.5]), Some(3));
        assert_eq!(forgetting_baseline(&[0.5, 0.25, 0.25, 0.375]), (0.25, 1));
        assert_eq!(runs(&[true, true, false, true, true], &[4, 4, 5]), [2, 1, 1]);
        assert_eq!(tags(&[true, false], &[true; 2], &[0, 0], &[0, 1], 2), [(2, 1, 1), (0, 0, 0)]);
    }
}
