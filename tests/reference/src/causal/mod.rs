//! Causally regularized tokenization.
//!
//! Ramanujan et al. 2024, "When Worse is Better":
//!   1. the encoder turns an image into latents z_0 .. z_{T-1} (before they are quantized), read in raster order;
//!   2. a causal predictor g guesses z_i from z_0 .. z_{i-1};
//!   3. lambda times the mean over i >= 1 of |z_i - g(z_<i)|² is added to the loss.
//!
//! Nothing here has gradients: they are what central differences of these values say.

pub mod ridge;
pub mod transformer;

/// One row after the other.
pub type Matrix = Vec<Vec<f64>>;

/// Step 1: the latents of one sequence in the order they are read. Of its positions the first `length` exist.
pub fn read(z: &[Vec<f64>], length: usize, order: &[usize]) -> Matrix {
    order.iter().filter(|&&position| position < length).map(|&position| z[position].clone()).collect()
}

/// z W + b, a row.
pub fn affine(z: &[f64], w: &Matrix, b: &[f64]) -> Vec<f64> {
    (0..b.len()).map(|j| b[j] + (0..z.len()).map(|i| z[i] * w[i][j]).sum::<f64>()).collect()
}

/// z / |z|; a row of zeros stays.
pub fn normalize(z: &[f64]) -> Vec<f64> {
    let length = z.iter().map(|v| v * v).sum::<f64>().sqrt();
    z.iter().map(|v| if length > 0.0 { v / length } else { 0.0 }).collect()
}

/// Takes the next `rows` x `cols` parameters of a flat vector.
pub fn take(params: &mut &[f64], rows: usize, cols: usize) -> Matrix {
    let (head, tail) = params.split_at(rows * cols);
    *params = tail;
    head.chunks(cols).map(<[f64]>::to_vec).collect()
}

/// Predictors that see the last `lags` latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// x W + b.
    Linear,
    /// x U V + b, the inner dimension given.
    LowRank(usize),
    /// gelu(x U + c) V + b, the hidden units given.
    Mlp(usize),
}

/// Step 2: guesses for every latent of a sequence, from the `lags` before it, x = [z_{t-1} | ... | z_{t-lags}].
/// Parameters in the order S (if `learned`: what stands before the first latent, nearest first), U, c, W or V, b.
pub fn window(
    kind: Window,
    lags: usize,
    learned: bool,
    mut params: &[f64],
    z: &Matrix,
    outputs: usize,
) -> Matrix {
    let dim = z.first().map_or(0, Vec::len);
    let before = if learned { take(&mut params, lags, dim) } else { vec![vec![0.0; dim]; lags] };
    let seen = |t: usize| -> Vec<f64> {
        (1..=lags).flat_map(|j| if j <= t { z[t - j].clone() } else { before[j - t - 1].clone() }).collect()
    };
    let hidden = match kind {
        Window::Linear => 0,
        Window::LowRank(h) | Window::Mlp(h) => h,
    };
    let u = take(&mut params, if hidden > 0 { lags * dim } else { 0 }, hidden.max(1));
    let c = if let Window::Mlp(h) = kind { take(&mut params, 1, h)[0].clone() } else { vec![0.0; hidden] };
    let last = take(&mut params, if hidden > 0 { hidden } else { lags * dim }, outputs);
    let b = take(&mut params, 1, outputs)[0].clone();
    let guess = |t| match kind {
        Window::Linear => affine(&seen(t), &last, &b),
        Window::LowRank(_) => affine(&affine(&seen(t), &u, &c), &last, &b),
        Window::Mlp(_) => {
            let inner: Vec<f64> = affine(&seen(t), &u, &c).into_iter().map(gelu).collect();
            affine(&inner, &last, &b)
        }
    };
    (0..z.len()).map(guess).collect()
}

/// x Phi(x), Phi the normal distribution function.
pub fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

/// The error function: its power series where that does not cancel, else Lentz's continued fraction of erfc.
pub fn erf(x: f64) -> f64 {
    let root_pi = std::f64::consts::PI.sqrt();
    if x.abs() < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 * sum.abs() {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 2.0 / root_pi * sum;
    }
    // erfc(x) = exp(-x²) / (sqrt(pi) (x + 1/2 / (x + 1 / (x + 3/2 / (x + ...))))), from the inside out.
    let a = x.abs();
    let fraction = (1..=120).rev().fold(a, |below, n| a + n as f64 / 2.0 / below);
    x.signum() * (1.0 - (-a * a).exp() / (root_pi * fraction))
}

/// How an error vector becomes a number, and over what is averaged.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// |e| in place of |e|².
    pub plain: bool,
    /// 0: mean over predicted latents; 1: over them and their components; 2: sum.
    pub reduction: usize,
    /// Whether the first latent of a sequence is predicted too.
    pub first: bool,
}

/// Step 3 without lambda: the loss of `targets` given the guesses for them, sequence by sequence.
pub fn loss(targets: &[Matrix], guesses: &[Matrix], rule: Rule) -> f64 {
    let (mut sum, mut count, mut dim) = (0.0, 0usize, 1);
    for (z, g) in targets.iter().zip(guesses) {
        for t in usize::from(!rule.first)..z.len() {
            let square: f64 = z[t].iter().zip(&g[t]).map(|(z, g)| (z - g) * (z - g)).sum();
            sum += if rule.plain { square.sqrt() } else { square };
            count += 1;
            dim = z[t].len();
        }
    }
    match rule.reduction {
        0 => sum / count.max(1) as f64,
        1 => sum / (count.max(1) * dim) as f64,
        _ => sum,
    }
}

/// 1 - (squared errors) / (squared deviations from the mean), over all latents that are predicted.
pub fn r2(targets: &[Matrix], guesses: &[Matrix], first: bool) -> f64 {
    let rule = Rule { plain: false, reduction: 2, first };
    let rows: Vec<&Vec<f64>> = targets.iter().flat_map(|z| z.iter().skip(usize::from(!first))).collect();
    let n = rows.len() as f64;
    let means: Vec<f64> =
        (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let deviation = |row: &Vec<f64>| row.iter().zip(&means).map(|(v, m)| (v - m) * (v - m)).sum::<f64>();
    1.0 - loss(targets, guesses, rule) / rows.into_iter().map(deviation).sum::<f64>()
}

/// Lambda at a step: from 0 to `max` in `warm` steps, in proportion or as sin².
pub fn lambda(step: u64, warm: u64, max: f64, cosine: bool) -> f64 {
    let share = if warm == 0 { 1.0 } else { (step as f64 / warm as f64).min(1.0) };
    if cosine { max * (std::f64::consts::FRAC_PI_2 * share).sin().powi(2) } else { max * share }
}

/// AdamW (Loshchilov and Hutter 2019, algorithm 2) from zero moments, over the gradients of all steps; every
/// operation rounded, beta^t by one multiplication a step.
pub fn adamw(mut p: f64, gradients: &[f64], rate: f64, betas: [f64; 2], epsilon: f64, decay: f64) -> f64 {
    let (mut m, mut v, mut powers) = (0.0, 0.0, [1.0, 1.0]);
    for g in gradients {
        m = betas[0] * m + (1.0 - betas[0]) * g;
        v = betas[1] * v + (1.0 - betas[1]) * (g * g);
        powers = [powers[0] * betas[0], powers[1] * betas[1]];
        let (m_hat, v_hat) = (m / (1.0 - powers[0]), v / (1.0 - powers[1]));
        p = p - (rate * decay) * p - rate * m_hat / (v_hat.sqrt() + epsilon);
    }
    p
}
