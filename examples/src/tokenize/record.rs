//! `report.json` and `runs.csv`: everything measured, for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::experiment::Outcome;
use super::model::SIZES;
use super::summary::{Estimate, Row, bits_at_equal_error, sentence, verdict};

/// Version of the format of `report.json`.
pub const FORMAT_VERSION: u32 = 1;

fn estimate(e: &Estimate) -> Value {
    json!({"mean": e.mean, "half_width_95": e.half})
}

/// The record but for outputs and `run`.
pub fn record(outcomes: &[Outcome], rows: &[Row], configuration: &Value, seeds: usize) -> Value {
    let plain_codes = rows.first().map_or(0, |row| row.codes);
    let tokenizers: Vec<Value> = rows
        .iter()
        .map(|row| {
            let by_size = |list: &[Estimate]| -> Value {
                SIZES
                    .iter()
                    .zip(list)
                    .map(|(size, e)| (size.name.to_string(), estimate(e)))
                    .collect::<Map<_, _>>()
                    .into()
            };
            json!({
                "name": row.name(plain_codes), "codes": row.codes, "lambda": row.lambda,
                "reconstruction_mse": estimate(&row.mse), "perplexity": estimate(&row.perplexity),
                "codes_used": estimate(&row.used), "entropy": estimate(&row.entropy),
                "entropy_at_position": estimate(&row.placed),
                "conditional_entropy": estimate(&row.conditional), "linear_r2": estimate(&row.linear_r2),
                "validation_loss": by_size(&row.losses),
                "reconstruction_mse_change": estimate(&row.mse_change),
                "validation_loss_change": by_size(&row.loss_changes),
                "explained": by_size(&row.explained), "explained_change": by_size(&row.explained_changes),
                "entropy_at_position_change": estimate(&row.placed_change), "bits_per_picture": estimate(&row.bits),
            })
        })
        .collect();
    let curves: Vec<Value> = outcomes
        .iter()
        .map(|o| {
            let models = SIZES.iter().zip(&o.models).map(|(size, m)| {
                json!({"size": size.name, "loss": m.loss, "curve": m.curve, "per_position": m.per_position})
            });
            json!({
                "codes": o.job.codes, "lambda": o.job.lambda, "seed": o.job.seed,
                "reconstruction_mse": o.mse, "reconstruction_mse_training": o.train_mse,
                "position_perplexity": o.position_perplexity, "models": models.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "format": "pauca-tokenize",
        "format_version": FORMAT_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": sentence(rows, seeds),
        "claim": format!("{:?}", verdict(rows, seeds).0).to_lowercase(),
        "units": {"entropies_and_losses": "nats per token", "compute": "operations", "reconstruction": "mean square of values in [0, 1]"},
        "configuration": configuration,
        "bits_at_equal_error": bits_at_equal_error(rows),
        "tokenizers": tokenizers,
        "runs": curves,
    })
}

/// One line for every run.
///
/// # Errors
/// The errors of the writer.
pub fn csv(w: &mut dyn Write, outcomes: &[Outcome]) -> io::Result<()> {
    let losses: Vec<String> = SIZES.iter().map(|size| format!("loss_{}", size.name)).collect();
    writeln!(
        w,
        "codes,lambda,seed,mse,mse_training,perplexity,codes_used,entropy,conditional_entropy,linear_r2,{}",
        losses.join(",")
    )?;
    for o in outcomes {
        let losses: Vec<String> = o.models.iter().map(|m| m.loss.to_string()).collect();
        writeln!(
            w,
            "{},{},{},{},{},{},{},{},{},{},{}",
            o.job.codes,
            o.job.lambda,
            o.job.seed,
            o.mse,
            o.train_mse,
            o.perplexity,
            o.used,
            o.entropy,
            o.conditional,
            o.linear_r2,
            losses.join(",")
        )?;
    }
    Ok(())
}
