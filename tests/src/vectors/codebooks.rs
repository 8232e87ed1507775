//! Vectors of codebooks: one training step on `f32` latents, by the reference and by the library.

use pauca::backend::Backend;
use pauca::vq::{CodeStats, Ema, MASKED, Policy, Revival, VectorQuantizer};
use pauca::{Context, Control, Exec, Metric};
use pauca_reference::{codebook, vq};
use serde_json::{Value, json};

use super::{f32_bits, f64_bits, integers};
use crate::layout::{array, rows_of};

/// Parameters of the cases.
pub fn parameters() -> Vec<Value> {
    [("sq_euclidean", 0.0, "random", 0), ("cosine", 0.9, "farthest", 5), ("sq_euclidean", 0.75, "busiest", 3)]
        .map(|(metric, decay, policy, masked)| {
            json!({"k": 9, "metric": metric, "decay": decay, "policy": policy, "masked": masked, "seed": 5, "round": 2})
        })
        .into()
}

struct Case<'a> {
    z: &'a [Vec<f32>],
    codes: &'a [Vec<f32>],
    mask: Vec<bool>,
    cosine: bool,
    decay: f64,
    policy: &'a str,
    seed: u64,
    round: u64,
}

/// The first k rows are the codes, the others latents; of these, every `masked`-th is left out.
fn case<'a>(x: &'a [Vec<f32>], p: &'a Value) -> Case<'a> {
    let number = |key: &str| p[key].as_u64().unwrap_or(0);
    let (codes, z) = x.split_at(number("k") as usize);
    let masked = number("masked") as usize;
    Case {
        z,
        codes,
        mask: (0..z.len()).map(|i| masked == 0 || i % masked != masked - 1).collect(),
        cosine: p["metric"] == "cosine",
        decay: p["decay"].as_f64().unwrap_or(0.0),
        policy: p["policy"].as_str().unwrap_or(""),
        seed: number("seed"),
        round: number("round"),
    }
}

struct Outcome {
    ids: Vec<u32>,
    distances: Vec<f64>,
    /// Mean over valid rows and columns of |t - q|^2.
    loss: f64,
    /// Codes of the moving averages after the step, and their counts.
    codes: Vec<Vec<f32>>,
    counts: Vec<f64>,
    /// Rows taken by the codes without rows, in ascending order of these.
    revived: Vec<u32>,
}

fn outputs(o: &Outcome) -> Value {
    json!({
        "ids": integers(o.ids.iter().map(|&id| (id != MASKED).then_some(id as u64))),
        "distances": f64_bits(&o.distances),
        "loss": f64_bits(&[o.loss]),
        "codes": f32_bits(&o.codes),
        "counts": f64_bits(&o.counts),
        "revived": integers(o.revived.iter().map(|&row| Some(row as u64))),
    })
}

fn dead(ids: &[u32], k: usize) -> Vec<u32> {
    (0..k as u32).filter(|j| !ids.contains(j)).collect()
}

/// By the reference.
pub fn oracle(x: &[Vec<f32>], p: &Value) -> Value {
    let c = case(x, p);
    let wide = |rows: &[Vec<f32>]| -> Vec<Vec<f64>> {
        rows.iter().map(|r| r.iter().map(|&v| v as f64).collect()).collect()
    };
    let (z, codes) = (wide(c.z), wide(c.codes));
    let project = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
        rows.iter().map(|r| if c.cosine { vq::unit(r, true) } else { r.clone() }).collect()
    };
    let (mut ids, mut distances) = (vec![MASKED; z.len()], vec![f64::NAN; z.len()]);
    for i in (0..z.len()).filter(|&i| c.mask[i]) {
        (ids[i], distances[i]) = vq::nearest(&z[i], &codes, c.cosine);
    }
    let (units, own) = (project(&z), project(&codes));
    let valid: Vec<usize> = (0..z.len()).filter(|&i| c.mask[i]).collect();
    let t: Vec<Vec<f64>> = valid.iter().map(|&i| units[i].clone()).collect();
    let q: Vec<Vec<f64>> = valid.iter().map(|&i| own[ids[i] as usize].clone()).collect();
    let mut book = codebook::Ema::new(&codes, c.cosine, true);
    book.update(&z, &ids, c.decay, 0.0, c.cosine, true);
    let policy = match c.policy {
        "random" => codebook::Policy::Random,
        "farthest" => codebook::Policy::Farthest,
        _ => codebook::Policy::Busiest,
    };
    let wanted = dead(&ids, codes.len()).len();
    let revived =
        codebook::revive(wanted, &units, &own, &ids, &distances, policy, c.seed, c.round, !c.cosine);
    outputs(&Outcome {
        loss: vq::mean_square(&t, &q, vq::Per::Element),
        codes: book.codes.iter().map(|e| e.iter().map(|&v| v as f32).collect()).collect(),
        counts: book.counts,
        revived: revived.into_iter().map(|row| row as u32).collect(),
        ids,
        distances,
    })
}

/// By the library.
pub fn library<B: Backend>(backend: &B, x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let c = case(x, p);
    let cx = Context::new(Exec::serial(), Control::new());
    let metric = if c.cosine { Metric::Cosine } else { Metric::SqEuclidean };
    let (z, codes) = (array(c.z), array(c.codes));
    let quantizer = VectorQuantizer::new().metric(metric).commitment(1.0);
    let step = quantizer.forward_on(backend, z.view(), codes.view(), Some(&c.mask), &cx)?;
    let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
    let mut stats = CodeStats::new(codes.nrows(), codes.ncols(), metric)?;
    stats.collect_on(backend, z.view(), &ids, &cx)?;
    // Moving averages refuse a code without direction; the inputs have none among the first rows.
    let mut book = Ema::new(metric).decay(c.decay).start(codes.view())?;
    book.update(&stats)?;
    let policy = match c.policy {
        "random" => Policy::RandomRow,
        "farthest" => Policy::FarthestRow,
        _ => Policy::SplitBusiest,
    };
    let dead = dead(&ids, codes.nrows());
    let revival = Revival::new(policy).seed(c.seed);
    let chosen = revival.choose(&dead, codes.view(), metric, z.view(), &ids, &distances, c.round)?;
    Ok(outputs(&Outcome {
        loss: step.losses.commitment,
        codes: rows_of(&book.codes().to_owned()),
        counts: book.counts().to_vec(),
        revived: chosen.iter().map(|r| r.row).collect(),
        ids,
        distances,
    }))
}
