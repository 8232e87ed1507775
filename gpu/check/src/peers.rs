//! The same work by torch and flash-kmeans, in a process of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Found;

const SCRIPT: &str = include_str!("../peers.py");

/// What the peers take; the reason where they cannot run. Peers are never wrong here: they are only slower or faster.
pub fn run(python: &str, n: usize, dims: &[usize], clusters: &[usize], repetitions: usize) -> Found {
    let shapes = json!({"rows": n, "dims": dims, "clusters": clusters, "repetitions": repetitions});
    let spawned = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = spawned.and_then(|mut child| {
        child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(shapes.to_string().as_bytes()))?;
        child.wait_with_output()
    });
    let value = match output {
        Ok(output) => match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(value @ Value::Object(_)) => value,
            _ => json!({"skipped": String::from_utf8_lossy(&output.stderr).lines().last()}),
        },
        Err(error) => json!({"skipped": format!("{python}: {error}")}),
    };
    (true, value)
}
