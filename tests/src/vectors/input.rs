//! Inputs by formula: a few lines in any language.

use serde_json::Value;

/// SplitMix64's output function of `seed + (index + 1) * 0x9e3779b97f4a7c15`.
pub fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One value, exact in f32, from its hash.
fn value(formula: &str, h: u64) -> f32 {
    let uniform = ((h >> 40) as f32 - 8_388_608.0) / 8_388_608.0;
    match formula {
        "uniform" => uniform,
        "grid" => (h % 5) as f32 - 2.0,
        "offset" => (8_192_000 + (h >> 32) % 256) as f32 / 8192.0,
        "scaled" => uniform * 2f32.powi((h % 121) as i32 - 60),
        other => panic!("unknown formula {other}"),
    }
}

/// The rows of an input: `{formula, rows, dim, seed, copies, zeros}`.
///
/// `x[i][j]` comes from hash(seed, i * dim + j). With `copies` = c > 0 every row i with i % c = c - 1
/// is row i / 2 again; with `zeros` = z > 0 every row i with i % z = z - 1 is all zeros.
pub fn rows(input: &Value) -> Vec<Vec<f32>> {
    let number = |key: &str| input[key].as_u64().unwrap_or(0) as usize;
    let (n, d, copies, zeros) = (number("rows"), number("dim"), number("copies"), number("zeros"));
    let formula = input["formula"].as_str().unwrap_or("");
    let seed = input["seed"].as_u64().unwrap_or(0);
    let mut x: Vec<Vec<f32>> = Vec::with_capacity(n);
    for i in 0..n {
        let mut row: Vec<f32> = (0..d).map(|j| value(formula, hash(seed, (i * d + j) as u64))).collect();
        if copies > 0 && i % copies == copies - 1 {
            row.clone_from(&x[i / 2]);
        }
        if zeros > 0 && i % zeros == zeros - 1 {
            row = vec![0.0; d];
        }
        x.push(row);
    }
    x
}

/// Weights: null for none, or `{"modulus": m, "seed": s}`: (hash(s, i) % m) / 4.
pub fn weights(value: &Value, n: usize) -> Option<Vec<f32>> {
    let (modulus, seed) = (value["modulus"].as_u64()?, value["seed"].as_u64()?);
    Some((0..n as u64).map(|i| (hash(seed, i) % modulus) as f32 / 4.0).collect())
}
