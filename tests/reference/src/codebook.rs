//! What becomes of codes: moving averages, revival of dead ones, usage; and codes that are no codebook.

use crate::fsum::fsum;
use crate::ln::ln;
use crate::philox::philox;
use crate::vq::unit;

/// A codebook of moving averages (van den Oord et al. 2017, appendix A.1, eq. 6-8), by count and mean.
#[derive(Clone, Debug)]
pub struct Ema {
    /// N_i, 1 at the start.
    pub counts: Vec<f64>,
    /// m_i / N_i, the code at the start.
    pub means: Vec<Vec<f64>>,
    /// e_i.
    pub codes: Vec<Vec<f64>>,
}

impl Ema {
    /// From first codes (unit ones under cosine).
    pub fn new(codes: &[Vec<f64>], cosine: bool, single: bool) -> Self {
        let codes: Vec<Vec<f64>> =
            if cosine { codes.iter().map(|e| unit(e, single)).collect() } else { codes.to_vec() };
        Self { counts: vec![1.0; codes.len()], means: codes.clone(), codes }
    }

    /// One step from the rows of the batch and their codes. A code without rows keeps its mean.
    pub fn update(&mut self, z: &[Vec<f64>], ids: &[u32], g: f64, eps: f64, cosine: bool, single: bool) {
        let k = self.counts.len();
        let old = self.counts.clone();
        let n: Vec<f64> = (0..k).map(|j| ids.iter().filter(|&&i| i as usize == j).count() as f64).collect();
        for j in 0..k {
            self.counts[j] = g * old[j] + (1.0 - g) * n[j];
        }
        let total = fsum(&self.counts);
        for j in (0..k).filter(|&j| n[j] > 0.0) {
            let rows: Vec<Vec<f64>> = (0..z.len())
                .filter(|&i| ids[i] as usize == j)
                .map(|i| if cosine { unit(&z[i], single) } else { z[i].clone() })
                .collect();
            for c in 0..self.means[j].len() {
                let s = fsum(&rows.iter().map(|r| r[c]).collect::<Vec<_>>());
                let m = self.means[j][c];
                self.means[j][c] = if g * old[j] == 0.0 {
                    s / n[j]
                } else {
                    m + (1.0 - g) * (s - n[j] * m) / self.counts[j]
                };
            }
            let count = self.counts[j];
            let factor =
                if eps > 0.0 { count / ((count + eps) / (total + k as f64 * eps) * total) } else { 1.0 };
            let code: Vec<f64> = if cosine {
                let norm = crate::truth::dot_of_sums(&self.means[j], &self.means[j]).sqrt();
                if norm == 0.0 {
                    continue;
                }
                self.means[j].iter().map(|m| m / norm).collect()
            } else {
                self.means[j].iter().map(|m| m * factor).collect()
            };
            self.codes[j] = code.iter().map(|&v| if single { v as f32 as f64 } else { v }).collect();
        }
    }
}

/// Which rows dead codes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// By ascending random key.
    Random,
    /// By descending distance.
    Farthest,
    /// From the code with the largest count / (1 + given).
    Busiest,
}

/// Rows (as codes) that dead codes take, in ascending order of the codes: each new, each once.
#[allow(clippy::too_many_arguments, reason = "plain data")]
pub fn revive(
    wanted: usize,
    rows: &[Vec<f64>],
    codes: &[Vec<f64>],
    ids: &[u32],
    distances: &[f64],
    policy: Policy,
    seed: u64,
    round: u64,
    zero_allowed: bool,
) -> Vec<usize> {
    let fresh = |i: usize| {
        (zero_allowed || rows[i].iter().any(|v| *v != 0.0))
            && codes.iter().all(|e| *e != rows[i])
            && (0..i).all(|j| ids[j] == u32::MAX || rows[j] != rows[i])
    };
    let mut left: Vec<usize> = (0..rows.len()).filter(|&i| ids[i] != u32::MAX && fresh(i)).collect();
    let key = |i: usize| {
        let counter = [i as u32, (i as u64 >> 32) as u32, 13, round as u32];
        let w = philox(counter, [seed as u32, (seed >> 32) as u32]);
        (w[0] as u64 | (w[1] as u64) << 32, i)
    };
    match policy {
        Policy::Random => left.sort_by_key(|&i| key(i)),
        _ => left.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b))),
    }
    if policy != Policy::Busiest {
        left.truncate(wanted);
        return left;
    }
    let mut given = vec![0usize; codes.len()];
    let mut out = Vec::new();
    while out.len() < wanted && !left.is_empty() {
        let count = |j: usize| ids.iter().filter(|&&i| i as usize == j).count();
        let able = (0..codes.len()).filter(|&j| left.iter().any(|&i| ids[i] as usize == j));
        let better = |a: usize, b: usize| count(b) * (1 + given[a]) > count(a) * (1 + given[b]);
        let Some(best) = able.reduce(|a, b| if better(a, b) { b } else { a }) else { break };
        let Some(at) = left.iter().position(|&i| ids[i] as usize == best) else { break };
        out.push(left.remove(at));
        given[best] += 1;
    }
    out
}

/// Entropy in nats of a histogram, 0 ln 0 = 0.
pub fn entropy(counts: &[u64]) -> f64 {
    let n: u64 = counts.iter().sum();
    let used = counts.iter().filter(|c| **c > 0);
    fsum(&used.map(|&c| c as f64 / n as f64 * ln(n as f64 / c as f64)).collect::<Vec<_>>())
}

/// Finite scalar quantization of one value (Mentzer et al. 2023, appendix A.1, with atanh): its level, from 0.
pub fn scalar_level(z: f64, levels: u32) -> u32 {
    let h = (levels as f64 - 1.0) * 1.001 / 2.0;
    let o = if levels.is_multiple_of(2) { 0.5 } else { 0.0 };
    let y = h * (z + (o / h).atanh()).tanh() - o;
    (y.round_ties_even() + (levels / 2) as f64).clamp(0.0, levels as f64 - 1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    // Torture 56 and 57.
    #[test]
    fn perplexity_of_three_to_one() {
        assert!((entropy(&[3, 0, 1]).exp() - 1.7547653506033232).abs() < 4e-16);
        assert_eq!(entropy(&[0, 9]), 0.0);
    }

    #[test]
    fn decay_zero_gives_the_mean_and_no_rows_change_nothing() {
        let mut book = Ema::new(&[vec![5.0], vec![7.0]], false, false);
        book.update(&[vec![1.0], vec![2.0]], &[0, 0], 0.0, 0.0, false, false);
        assert_eq!(book.codes, [[1.5], [7.0]]);
    }

    #[test]
    fn every_level_is_reached() {
        for levels in [2u32, 3, 4, 5, 8] {
            let mut seen: Vec<u32> = (-100..=100).map(|i| scalar_level(i as f64 / 10.0, levels)).collect();
            assert!(seen.is_sorted());
            seen.dedup();
            assert_eq!(seen, (0..levels).collect::<Vec<_>>());
        }
    }
}
