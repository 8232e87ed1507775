//! A clustering and a deduplication, as one number.

use ndarray::Array2;
use pauca::{Context, Control, Cpu, Exec, Init, IntoRows, KMeans, Level, Result, Rule, SemDedup};

/// FNV-1a.
fn mix(hash: u64, word: u64) -> u64 {
    word.to_le_bytes().iter().fold(hash, |h, b| (h ^ *b as u64).wrapping_mul(0x100_0000_01b3))
}

/// Labels, centroids, inertia, kept rows and witnesses of small problems with many ties.
///
/// # Errors
/// None is expected.
pub fn answer() -> Result<u64> {
    let x = Array2::from_shape_fn((48, 5), |(i, j)| ((i * 7 + j * j * 3) % 16) as f32 - 4.5);
    let (cpu, cx) = (Cpu::with_level(Level::Scalar)?, Context::new(Exec::serial(), Control::new()));
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for spherical in [false, true] {
        for init in [Init::KMeansPlusPlus, Init::Random] {
            let fit = KMeans::new(5).spherical(spherical).seed(7).init(init).max_iter(20);
            let clusters = fit.fit_on(&cpu, &(&x).into_rows()?, None, &cx)?;
            hash = clusters.labels.iter().fold(hash, |h, l| mix(h, *l as u64));
            hash = clusters.centroids.iter().fold(hash, |h, c| mix(h, c.to_bits() as u64));
            hash = mix(hash, clusters.inertia.to_bits());
            if spherical {
                let rows = (&x).into_rows()?;
                let unique =
                    SemDedup::new(Rule::GreedyCover).epsilon(0.05).fit_on(&cpu, &rows, &clusters, &cx)?;
                hash = unique
                    .keep
                    .iter()
                    .zip(&unique.witness)
                    .fold(hash, |h, (k, w)| mix(mix(h, *k as u64), *w));
            }
        }
    }
    Ok(hash)
}
