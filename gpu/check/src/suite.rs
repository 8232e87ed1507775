//! The conformance suite on the device, whole and with limits at which nothing fits at once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pauca::Exec;
use pauca_gpu::{Gpu, Limits};
use pauca_tests::conformance::harness::check_on;
use pauca_tests::conformance::{compositions, properties};
use pauca_tests::subject::Subject;
use serde_json::{Value, json};

use crate::Found;

/// Runs every property; those that fail are told.
pub fn run(gpu: &Gpu, cases: u32) -> Found {
    let limits = Limits { buffer: 4 * 1500, memory: 0, cubes: 2, work: 1 << 14, ..gpu.limits() };
    let whole = of(&Subject::new(gpu.clone(), Exec::serial()), cases);
    let pieces = of(&Subject::new(gpu.clone().with_limits(limits), Exec::serial()), cases);
    (whole.0 && pieces.0, json!({"whole": whole.1, "in_pieces": pieces.1}))
}

fn of(subject: &Subject<Gpu>, cases: u32) -> Found {
    let all: Vec<_> = properties::<Gpu>().into_iter().chain(compositions()).collect();
    let mut failed: Vec<Value> = Vec::new();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for (name, property) in &all {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check_on(name, subject, cases, *property))) {
            let text = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
            failed.push(json!({"property": name, "failure": text.chars().take(2000).collect::<String>()}));
        }
    }
    std::panic::set_hook(before);
    let value = json!({"properties": all.len(), "problems_each": cases, "failed": failed});
    (value["failed"].as_array().is_some_and(Vec::is_empty), value)
}
