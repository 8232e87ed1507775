//! Whole algorithms on rows of ordinary size: every bit against the processor's.

use ndarray::Array2;
use pauca::{Clusters, Context, Cpu, D4, KMeans, Result, Rows, Rule, SemDedup};
use pauca_gpu::Gpu;
use serde_json::{Value, json};

use crate::Found;
use crate::times::rows;

/// Rows, values and clusters of each trial.
const TRIALS: [(usize, usize, usize); 4] =
    [(20_000, 64, 100), (20_000, 385, 141), (50_000, 128, 1000), (3000, 1536, 55)];

/// Every answer of the algorithms that curate, as bits.
#[derive(PartialEq)]
struct Answers {
    clusters: Clusters,
    dedup: Vec<(bool, u64, u64)>,
    kept: Vec<bool>,
}

fn answers<B: pauca::backend::Backend>(
    backend: &B,
    x: &Array2<f32>,
    k: usize,
    spherical: bool,
) -> Result<Answers> {
    let (rows, cx) = (Rows::F32(x.view()), Context::default());
    let clusters =
        KMeans::new(k).spherical(spherical).seed(7).max_iter(5).fit_on(backend, &rows, None, &cx)?;
    let dedup = SemDedup::new(Rule::EarlierMax).epsilon(0.1).fit_on(backend, &rows, &clusters, &cx)?;
    let chosen = D4::new().clusters(k).spherical(spherical).seed(7).max_iter(3).keep_fraction(0.5);
    let chosen = chosen.fit_on(backend, &rows, &cx)?;
    let bits = dedup.keep.iter().zip(&dedup.witness).zip(&dedup.similarity);
    Ok(Answers {
        clusters,
        dedup: bits.map(|((keep, witness), s)| (*keep, *witness, s.to_bits())).collect(),
        kept: chosen.keep.to_vec(),
    })
}

/// Compares all trials, spherical and Euclidean, on at most `most` rows.
pub fn run(gpu: &Gpu, most: usize) -> Found {
    let cpu = gpu.host();
    let mut trials: Vec<Value> = Vec::new();
    let mut right = true;
    for (n, d, k) in TRIALS {
        let (n, k) = (n.min(most), k.min(most));
        let x = rows(n, d, 11);
        for spherical in [true, false] {
            let (found, expected) = (answers(gpu, &x, k, spherical), answers::<Cpu>(cpu, &x, k, spherical));
            let (same, settled, error) = match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    let search = found.clusters.search;
                    (
                        found == expected,
                        json!({"device": search.f32, "definition": search.truth, "rows": search.rows}),
                        None,
                    )
                }
                (Err(error), _) | (_, Err(error)) => (false, Value::Null, Some(said(&error))),
            };
            right &= same;
            trials.push(json!({
                "rows": n, "values": d, "clusters": k, "spherical": spherical, "same_bits": same, "settled": settled,
                "error": error,
            }));
        }
    }
    (right, json!({"trials": trials}))
}

/// An error with its causes.
pub fn said(error: &pauca::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
