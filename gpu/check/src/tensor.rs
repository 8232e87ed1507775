//! The kernels for tensor cores on hard problems: each answer against the definition, and each best score against what
//! is assumed of a tensor core.

use pauca_gpu::{Gpu, trial};
use serde_json::{Value, json};

use crate::Found;
use crate::truth::said;

/// Tries them. A device without them fails, because then nothing was shown.
pub fn run(gpu: &Gpu) -> Found {
    let gpu = gpu.clone().with_tensor();
    if !gpu.limits().tensor {
        return (false, json!({"refused": "the device names no tensor cores for f16 by CUDA"}));
    }
    match trial::tensor(&gpu) {
        Ok(trials) => judged(&trials),
        Err(error) => (false, json!({"error": said(&error)})),
    }
}

/// Every problem, and whether all speak for the device.
fn judged(trials: &[trial::Trial]) -> Found {
    let right = !trials.is_empty() && trials.iter().all(|trial| trial.verdict.is_right());
    let of = |trial: &trial::Trial| {
        let verdict = &trial.verdict;
        json!({
            "instruction": format!("{:?}", trial.instruction), "metric": format!("{:?}", trial.metric),
            "values": trial.dim, "kind": trial.kind, "rows": verdict.rows, "left": verdict.left, "needless": verdict.needless,
            "wrong": verdict.wrong,
            "worst_share_of_assumed_error": verdict.worst,
        })
    };
    (right, json!({"trials": trials.iter().map(of).collect::<Vec<Value>>()}))
}
