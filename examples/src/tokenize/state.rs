//! Finished runs, and tokenizers in training, as bytes, for a stopped program to continue from: numbers by their bits,
//! so that what is read back is what was written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::experiment::{Job, Outcome, Picture};
use super::model::Learned;
use super::tokenizer::State;

fn bits(values: &[f64]) -> Value {
    values.iter().map(|v| v.to_bits()).collect::<Vec<_>>().into()
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(|v| v.as_u64().map(f64::from_bits)).collect()
}

fn encode_pictures(pictures: &[Picture]) -> Value {
    pictures.iter().map(|picture| STANDARD.encode(picture)).collect::<Vec<_>>().into()
}

fn decode_pictures(value: &Value) -> Option<Vec<Picture>> {
    value.as_array()?.iter().map(|text| STANDARD.decode(text.as_str()?).ok()).collect()
}

/// A tokenizer in training, and whose it is.
pub type Started = (Job, State);

/// Finished and started runs as bytes.
pub fn encode(outcomes: &[&Outcome], started: &[Started]) -> Vec<u8> {
    let runs = outcomes.iter().map(|o| {
        let models = o.models.iter().map(|m| {
            let (flops, losses): (Vec<f64>, Vec<f64>) = m.curve.iter().copied().unzip();
            json!({"flops": bits(&flops), "losses": bits(&losses), "per_position": bits(&m.per_position), "loss": bits(&[m.loss])})
        });
        json!({
            "codes": o.job.codes, "seed": o.job.seed, "used": o.used,
            "numbers": bits(&[o.job.lambda, o.mse, o.train_mse, o.perplexity, o.entropy, o.conditional, o.linear_r2]),
            "position_perplexity": bits(&o.position_perplexity),
            "models": models.collect::<Vec<_>>(),
            "shown": encode_pictures(&o.shown),
            "samples": o.samples.iter().map(|s| encode_pictures(s)).collect::<Vec<_>>(),
            "tokens": STANDARD.encode(&o.tokens),
        })
    });
    let started = started.iter().map(|(job, state)| {
        json!({
            "codes": job.codes, "seed": job.seed, "lambda": bits(&[job.lambda]), "step": state.step,
            "parts": encode_pictures(&state.parts),
        })
    });
    json!({"finished": runs.collect::<Vec<_>>(), "started": started.collect::<Vec<_>>()})
        .to_string()
        .into_bytes()
}

/// The runs again; `None` when the bytes are of something else.
pub fn decode(bytes: &[u8]) -> Option<(Vec<Outcome>, Vec<Started>)> {
    let saved: Value = serde_json::from_slice(bytes).ok()?;
    let model = |m: &Value| {
        Some(Learned {
            curve: numbers(&m["flops"])?.into_iter().zip(numbers(&m["losses"])?).collect(),
            per_position: numbers(&m["per_position"])?,
            loss: *numbers(&m["loss"])?.first()?,
        })
    };
    let run = |o: &Value| {
        let list = numbers(&o["numbers"])?;
        let [lambda, mse, train_mse, perplexity, entropy, conditional, linear_r2] =
            list[..].try_into().ok()?;
        Some(Outcome {
            job: Job { codes: o["codes"].as_u64()? as usize, lambda, seed: o["seed"].as_u64()? },
            mse,
            train_mse,
            perplexity,
            used: o["used"].as_u64()? as usize,
            position_perplexity: numbers(&o["position_perplexity"])?,
            entropy,
            conditional,
            linear_r2,
            models: o["models"].as_array()?.iter().map(model).collect::<Option<_>>()?,
            shown: decode_pictures(&o["shown"])?,
            samples: o["samples"].as_array()?.iter().map(decode_pictures).collect::<Option<_>>()?,
            tokens: STANDARD.decode(o["tokens"].as_str()?).ok()?,
        })
    };
    let start = |o: &Value| {
        let lambda = *numbers(&o["lambda"])?.first()?;
        let job = Job { codes: o["codes"].as_u64()? as usize, lambda, seed: o["seed"].as_u64()? };
        Some((job, State { step: o["step"].as_u64()? as usize, parts: decode_pictures(&o["parts"])? }))
    };
    let finished = saved["finished"].as_array()?.iter().map(run).collect::<Option<_>>()?;
    Some((finished, saved["started"].as_array()?.iter().map(start).collect::<Option<_>>()?))
}
