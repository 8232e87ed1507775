//! SVCCA, PWCCA and Procrustes by one-sided Jacobi rotations.
//!
//! Raghu et al. 2017 (SVCCA), section 2: (1) of each state keep the fewest singular directions with 99 %
//! of the variance; (2) canonical correlations between what is left; the similarity is their mean.
//! Morcos et al. 2018, section 3: the mean weighted by sum_j |<h_i, x_j>|, h_i being the canonical
//! directions of x. Ding et al. 2021, section 3: |x|² + |y|² - 2 |x'y|_* of states of length 1.
//!
//! Matrices are lists of columns.

/// Columns.
pub type Columns = Vec<Vec<f64>>;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The columns of `x` less their means.
pub fn centred(x: &[Vec<f32>]) -> Columns {
    let n = x.len() as f64;
    (0..x[0].len())
        .map(|j| {
            let mean = x.iter().map(|row| row[j] as f64).sum::<f64>() / n;
            x.iter().map(|row| row[j] as f64 - mean).collect()
        })
        .collect()
}

/// Hestenes 1958: rotations of pairs of columns until all are orthogonal; their lengths are then
/// the singular values. Gives the unit columns with their lengths, longest first, without those
/// that are nothing but rounding.
pub fn decompose(mut x: Columns) -> Vec<(f64, Vec<f64>)> {
    for _ in 0..60 {
        let mut turned = false;
        for i in 0..x.len() {
            for j in i + 1..x.len() {
                let (a, b, c) = (dot(&x[i], &x[i]), dot(&x[j], &x[j]), dot(&x[i], &x[j]));
                if c.abs() <= 1e-15 * (a * b).sqrt() {
                    continue;
                }
                turned = true;
                let zeta = (b - a) / (2.0 * c);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                let sin = cos * t;
                for k in 0..x[i].len() {
                    let (u, v) = (x[i][k], x[j][k]);
                    (x[i][k], x[j][k]) = (cos * u - sin * v, sin * u + cos * v);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> = x.into_iter().map(|c| (dot(&c, &c).sqrt(), c)).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let floor = found[0].0 * 1e-12;
    found.retain(|(s, _)| *s > floor);
    found.iter_mut().for_each(|(s, c)| c.iter_mut().for_each(|v| *v /= *s));
    found
}

/// Q_x' Q_y of two bases.
fn product(x: &[(f64, Vec<f64>)], y: &[(f64, Vec<f64>)]) -> Columns {
    y.iter().map(|(_, v)| x.iter().map(|(_, u)| dot(u, v)).collect()).collect()
}

/// SVCCA.
pub fn svcca(x: &[Vec<f32>], y: &[Vec<f32>], keep: f64) -> f64 {
    let cut = |x: &[Vec<f32>]| {
        let mut found = decompose(centred(x));
        let total: f64 = found.iter().map(|(s, _)| s * s).sum();
        let mut sum = 0.0;
        let last = found.iter().position(|(s, _)| {
            sum += s * s;
            sum >= keep * total
        });
        found.truncate(last.map_or(usize::MAX, |last| last + 1));
        found
    };
    let (x, y) = (cut(x), cut(y));
    let least = x.len().min(y.len());
    decompose(product(&x, &y)).iter().take(least).map(|(rho, _)| rho).sum::<f64>() / least as f64
}

/// PWCCA.
pub fn pwcca(x: &[Vec<f32>], y: &[Vec<f32>]) -> f64 {
    let columns = centred(x);
    let (basis, other) = (decompose(columns.clone()), decompose(centred(y)));
    let (mut sum, mut total) = (0.0, 0.0);
    for (rho, left) in decompose(product(&basis, &other)) {
        // h = Q_x left
        let h: Vec<f64> = (0..columns[0].len())
            .map(|i| basis.iter().zip(&left).map(|((_, u), l)| u[i] * l).sum())
            .collect();
        let weight: f64 = columns.iter().map(|column| dot(&h, column).abs()).sum();
        sum += weight * rho;
        total += weight;
    }
    sum / total
}

/// Procrustes distance.
pub fn procrustes(x: &[Vec<f32>], y: &[Vec<f32>]) -> f64 {
    let unit = |x: &[Vec<f32>]| {
        let columns = centred(x);
        let length = columns.iter().map(|c| dot(c, c)).sum::<f64>().sqrt();
        columns.into_iter().map(|c| c.iter().map(|v| v / length).collect()).collect::<Columns>()
    };
    let (x, y) = (unit(x), unit(y));
    let cross: Columns = y.iter().map(|v| x.iter().map(|u| dot(u, v)).collect()).collect();
    2.0 - 2.0 * decompose(cross).iter().map(|(s, _)| s).sum::<f64>()
}
