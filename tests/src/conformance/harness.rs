//! Runs a property on many problems, and counts.

use std::io::Write;

/// Named by `conformance!`, whose callers need not.
pub use pauca::backend::Backend;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::data::Kind;
use crate::problem::{Problem, Recipe};
use crate::subject::Subject;

/// Problems of each property on each backend; `PAUCA_TEST_CASES` overrides.
pub fn cases() -> u32 {
    std::env::var("PAUCA_TEST_CASES").ok().and_then(|v| v.parse().ok()).unwrap_or(256)
}

/// Writes past the capture of the test runner.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let dims = prop::sample::select(vec![1usize, 2, 3, 5, 8, 15, 16, 17, 33, 70, 130]);
    (prop::sample::select(Kind::ALL.to_vec()), 1usize..=40, dims, 0usize..6, any::<bool>(), any::<u64>())
        .prop_map(|(kind, n, d, k, spherical, seed)| Recipe { kind, n, d, k, spherical, seed })
}

/// What is checked of a backend.
pub type Property<B> = fn(&Subject<B>, &mut Problem);

/// Runs `property` on problems that are a function of its name, and reports the smallest failure.
pub fn check_once(name: &str, property: impl Fn(&mut Problem)) {
    check_cases(name, cases(), property);
}

fn check_cases(name: &str, cases: u32, property: impl Fn(&mut Problem)) {
    let mut seed = [0u8; 32];
    name.bytes().enumerate().for_each(|(i, b)| seed[i % 32] = seed[i % 32].wrapping_mul(31).wrapping_add(b));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&recipes(), |recipe| {
        property(&mut recipe.problem());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The same for a backend, where this machine has it.
pub fn check<B: Backend>(name: &str, subject: Option<Subject<B>>, property: Property<B>) {
    if let Some(subject) = subject {
        check_on(name, &subject, cases(), property);
    }
}

/// The same with so many problems. Panics where the property fails.
pub fn check_on<B: Backend>(name: &str, subject: &Subject<B>, cases: u32, property: Property<B>) {
    check_cases(name, cases, |problem| property(subject, problem));
}

/// Says so where this machine lacks a backend: all its tests pass then.
pub fn announce<B>(name: &str, subject: Option<Subject<B>>) {
    if subject.is_none() {
        say(&format!("SKIPPED: {name} is not available on this machine"));
    }
}
