//! The causal transformer, one sequence at a time.
//!
//! "A 2-layer causal transformer" (the paper); pre-LN as in Xiong et al. 2020, layer by layer:
//!   e_t = z_{t-1} E + P_t (e_0 = P_0);
//!   e_t += attention over steps 0..=t of LN(e), through O;
//!   e_t += gelu(LN(e_t) F + f) G + g;
//!   prediction_t = LN(e_t) H + h.

use super::{Matrix, affine, gelu, take};

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of P.
    pub steps: usize,
    /// Layers.
    pub layers: usize,
    /// Width of e.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Hidden units.
    pub hidden: usize,
}

fn layer_norm(e: &[f64], gain: &[f64], shift: &[f64]) -> Vec<f64> {
    let n = e.len() as f64;
    let mean = e.iter().sum::<f64>() / n;
    let variance = e.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (0..e.len()).map(|j| (e[j] - mean) / (variance + 1e-5).sqrt() * gain[j] + shift[j]).collect()
}

/// What step t gathers from steps 0..=t, all heads side by side; `rows` are [queries | keys | values].
fn attend(rows: &[Vec<f64>], t: usize, heads: usize) -> Vec<f64> {
    let w = rows[t].len() / 3;
    let size = w / heads;
    let mut out = vec![0.0; w];
    for head in 0..heads {
        let columns = head * size..(head + 1) * size;
        let score = |s: usize| {
            let products = columns.clone().map(|j| rows[t][j] * rows[s][w + j]);
            products.sum::<f64>() / (size as f64).sqrt()
        };
        let scores: Vec<f64> = (0..=t).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = scores.iter().map(|v| (v - largest).exp()).collect();
        let total: f64 = shares.iter().sum();
        for j in columns.clone() {
            out[j] = (0..=t).map(|s| shares[s] / total * rows[s][2 * w + j]).sum();
        }
    }
    out
}

/// Guesses for every latent of a sequence. Parameters: E, P; each layer's first gain and shift, A, a, O, o, second
/// gain and shift, F, f, G, g; last gain and shift, H, h.
pub fn transformer(shape: Shape, mut params: &[f64], z: &Matrix, outputs: usize) -> Matrix {
    let (w, dim) = (shape.width, z.first().map_or(0, Vec::len));
    let embed = take(&mut params, dim, w);
    let positions = take(&mut params, shape.steps, w);
    let before = |t: usize| if t == 0 { vec![0.0; dim] } else { z[t - 1].clone() };
    let mut e: Matrix = (0..z.len()).map(|t| affine(&before(t), &embed, &positions[t])).collect();
    for _ in 0..shape.layers {
        let mut row = |cols| take(&mut params, 1, cols).remove(0);
        let (gain, shift) = (row(w), row(w));
        let (a, a_shift) = (take(&mut params, w, 3 * w), take(&mut params, 1, 3 * w).remove(0));
        let (o, o_shift) = (take(&mut params, w, w), take(&mut params, 1, w).remove(0));
        let mut row = |cols| take(&mut params, 1, cols).remove(0);
        let (gain2, shift2) = (row(w), row(w));
        let (f, f_shift) = (take(&mut params, w, shape.hidden), take(&mut params, 1, shape.hidden).remove(0));
        let (g, g_shift) = (take(&mut params, shape.hidden, w), take(&mut params, 1, w).remove(0));
        let rows: Matrix = e.iter().map(|e| affine(&layer_norm(e, &gain, &shift), &a, &a_shift)).collect();
        for t in 0..e.len() {
            let mixed = affine(&attend(&rows, t, shape.heads), &o, &o_shift);
            (0..w).for_each(|j| e[t][j] += mixed[j]);
        }
        for e in &mut e {
            let inner = affine(&layer_norm(e, &gain2, &shift2), &f, &f_shift);
            let out = affine(&inner.into_iter().map(gelu).collect::<Vec<_>>(), &g, &g_shift);
            (0..w).for_each(|j| e[j] += out[j]);
        }
    }
    let (gain, shift) = (take(&mut params, 1, w).remove(0), take(&mut params, 1, w).remove(0));
    let (head, head_shift) = (take(&mut params, w, outputs), take(&mut params, 1, outputs).remove(0));
    e.iter().map(|e| affine(&layer_norm(e, &gain, &shift), &head, &head_shift)).collect()
}
