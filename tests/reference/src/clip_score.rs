//! CLIPScore and the filters on it, pairwise benchmarks, zero-shot classes.
//!
//! Bordes et al. 2024, section 3.1: the score of an image-text pair is the cosine of its
//! embeddings. Hessel et al. 2021, section 3: CLIP-S(c, v) = w max(cos(c, v), 0), w = 2.5.
//! LAION keeps the pairs above a threshold, DataComp a share of the best.

use crate::fsum::fsum;
use crate::truth::{cosine, dot_of_sums, unit};

/// The score of pair (image, text); `clip` sets negative cosines to 0.
pub fn score(image: &[f32], text: &[f32], weight: f64, clip: bool) -> f64 {
    let s = cosine(image, text);
    if clip && s <= 0.0 { 0.0 } else { weight * s }
}

/// The exact mean of the scores: one rounding for the sum, one for the quotient.
pub fn mean(scores: &[f64]) -> f64 {
    fsum(scores) / scores.len() as f64
}

/// The `count` highest scores; of equal ones the lower index.
pub fn top(scores: &[f64], count: usize) -> Vec<bool> {
    (0..scores.len())
        .map(|i| {
            let before = |j: usize| scores[j] > scores[i] || (scores[j] == scores[i] && j < i);
            (0..scores.len()).filter(|&j| before(j)).count() < count
        })
        .collect()
}

/// Zero-shot classes (Radford et al. 2021, section 3.1.4): the direction of the exact sum of the unit rows
/// of the texts of each class.
pub fn classes(texts: &[Vec<f32>], class_of: &[u32], k: usize) -> Vec<Vec<f32>> {
    let members = |c: usize| (0..texts.len()).filter(move |&i| class_of[i] as usize == c);
    (0..k)
        .map(|c| {
            let column = |j: usize| fsum(&members(c).map(|i| unit(&texts[i])[j] as f64).collect::<Vec<_>>());
            let sum: Vec<f64> = (0..texts[0].len()).map(column).collect();
            let norm = dot_of_sums(&sum, &sum).sqrt();
            sum.iter().map(|s| (s / norm) as f32).collect()
        })
        .collect()
}

/// Winoground (Thrush et al. 2022, equations 1 to 3) with strict inequalities: text, image, group of
/// the scores `s[caption][picture]`.
pub fn winoground(s: &[[f64; 2]; 2]) -> [bool; 3] {
    let text = s[0][0] > s[1][0] && s[1][1] > s[0][1];
    let image = s[0][0] > s[0][1] && s[1][1] > s[1][0];
    [text, image, text && image]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_3_4() {
        assert_eq!(score(&[3.0, 4.0], &[4.0, 3.0], 1.0, false), 0.96);
        assert_eq!(score(&[3.0, 4.0], &[-4.0, -3.0], 2.5, true), 0.0);
        assert_eq!(score(&[3.0, 4.0], &[-4.0, -3.0], 2.5, false), -2.4);
    }

    #[test]
    fn ties_keep_the_lower_index() {
        assert_eq!(top(&[1.0, 2.0, 1.0, 1.0], 2), [true, true, false, false]);
    }
}
