//! Runs a property on many problems for one backend, and counts.

use std::io::Write;

use pauca::backend::Backend;
use pauca::{Cpu, Exec, Level};
use pauca_tests::data::Kind;
use pauca_tests::problem::{Problem, Recipe};
use pauca_tests::subject::{Backwards, Subject};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Problems of each property on each backend; `PAUCA_TEST_CASES` overrides.
pub fn cases() -> u32 {
    std::env::var("PAUCA_TEST_CASES").ok().and_then(|v| v.parse().ok()).unwrap_or(256)
}

/// The CPU at a level, if this machine has it.
pub fn cpu(level: Level, exec: Exec<'static>) -> Option<Subject<Cpu>> {
    Some(Subject::new(Cpu::with_level(level).ok()?, exec))
}

/// The caller's own executor.
pub fn custom() -> Exec<'static> {
    Exec::custom(&Backwards)
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

/// Runs `property` on problems that are a function of its name, and reports the smallest failure.
pub fn check<B: Backend>(name: &str, subject: Option<Subject<B>>, property: fn(&Subject<B>, &mut Problem)) {
    let Some(subject) = subject else {
        return;
    };
    let mut seed = [0u8; 32];
    name.bytes().enumerate().for_each(|(i, b)| seed[i % 32] = seed[i % 32].wrapping_mul(31).wrapping_add(b));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&recipes(), |recipe| {
        property(&subject, &mut recipe.problem());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Lists the properties once, and defines `conformance!`, which tests all of them on a backend.
macro_rules! properties {
    (($d:tt) $($room:ident { $($property:ident),* $(,)? })*) => {
        /// Every property, by name.
        const PROPERTIES: &[&str] = &[$($(concat!(stringify!($room), "::", stringify!($property))),*),*];

        /// One test for every property, on the backend that `make` gives.
        macro_rules! conformance {
            ($d name:ident, $d make:expr) => {
                mod $d name {
                    $(mod $room {
                        $(#[test]
                        fn $property() {
                            let name = concat!(stringify!($room), "::", stringify!($property));
                            crate::harness::check(name, $d make, crate::$room::$property);
                        })*
                    })*
                }
            };
        }
    };
}

#[test]
fn summary_of_properties_and_cases() {
    let available = Level::available();
    for level in [Level::Scalar, Level::Avx2, Level::Avx512, Level::Neon] {
        if !available.contains(&level) {
            say(&format!("SKIPPED: level {} is not available on this machine", level.name()));
        }
    }
    let properties = crate::PROPERTIES.len();
    // The available levels, and the best one on rayon and on a custom executor.
    let backends = available.len() + 2;
    say(&format!(
        "{properties} properties x {backends} backends x {} cases = {} cases, and {} whole problems",
        cases(),
        properties * backends * cases() as usize,
        crate::random_problems::PROBLEMS,
    ));
}
