//! Text quality: the score, its weights, the predicates, the published rules.
//!
//! | room | what it holds |
//! |---|---|
//! | [`hand`] | documents worked by hand, and every edge case of the contract by name |
//! | [`perplexities`] | weights from perplexities |
//! | [`scores`] | properties of lines and documents; the reference, to the bit |
//! | [`shards`] | any split, any order, any executor, bytes: the same |
//! | [`measures`] | what the published rules measure, by hand |
//! | [`predicates`] | each question at its boundary; the reference on odd texts |
//! | [`rules`] | measures and presets at their thresholds; the reference |

mod hand;
mod measures;
mod perplexities;
mod predicates;
mod rules;
mod scores;
mod shards;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Cases of each property; `PAUCA_TEST_CASES` overrides.
fn cases() -> u32 {
    std::env::var("PAUCA_TEST_CASES").ok().and_then(|v| v.parse().ok()).unwrap_or(256)
}

/// Runs `property` on seeds that are a function of its name, and reports the seed that fails.
fn check(name: &str, property: fn(&mut pauca_tests::data::Rng)) {
    let mut seed = [0u8; 32];
    name.bytes().enumerate().for_each(|(i, b)| seed[i % 32] = seed[i % 32].wrapping_mul(31).wrapping_add(b));
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let outcome = TestRunner::new_with_rng(config, rng).run(&proptest::num::u64::ANY, |seed| {
        property(&mut pauca_tests::data::Rng(seed));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// One test a property.
macro_rules! properties {
    ($($property:ident),* $(,)?) => {
        mod properties {
            $(#[test]
            fn $property() {
                crate::quality::check(stringify!($property), super::$property);
            })*
        }
    };
}
pub(crate) use properties;
