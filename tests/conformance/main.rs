//! Every backend, SIMD level and executor under the conformance suite, and what else is tested of curation.
//!
//! | room | what it holds |
//! |---|---|
//! | [`pauca_tests::conformance`] | what every backend must do, as properties of random problems |
//! | [`prototypes`], [`density`] | what no backend takes part in |
//! | [`random_problems`] | 2000 whole problems against the reference, to the bit |
//! | [`exhaustive`] | every small set of points with coordinates in {-1, 0, 1} |
//! | [`exact`] | sums, logarithms, random bits, made in two ways |
//! | [`buffers`] | rows by strides, results in buffers, names of choices |
//! | [`handles`] | runs that borrow nothing |
//! | [`partition`] | clusters of other makers |
//! | [`torture`] | the numbered hard cases |
//! | [`published`] | SemDeDup's pseudo-code, transcribed |
//! | [`seeding_frequencies`] | k-means++ against exact D² sampling |
//! | [`seeding_race`] | k-means++ against its race in plain loops, with many seeds |
//! | [`backends`] | what algorithms ask of a backend: calls, counted |
//! | [`bad_input`], [`callers`], [`denormal_flags`] | what callers and hosts may do to us |
//! | [`screens`] | screens of 8-bit codes, forced on |
//! | [`sources`] | raw files and shards against the rows in memory, and what is wrong with files |
//! | [`vectors`] | the files in tests/vectors |

#![allow(clippy::needless_range_loop, reason = "formulas read by index")]

mod backends;
mod bad_input;
mod buffers;
mod callers;
mod denormal_flags;
mod density;
mod exact;
mod exhaustive;
mod handles;
mod partition;
mod prototypes;
mod published;
mod random_problems;
mod screens;
mod seeding_frequencies;
mod seeding_race;
mod sources;
mod torture;
mod vectors;

use pauca::{Cpu, Exec, Level, Screens};
use pauca_tests::conformance::harness::{cases, say};
use pauca_tests::plain::Plain;
use pauca_tests::subject::{Backwards, Subject};
use pauca_tests::{composition, conformance};

/// The CPU at a level, if this machine has it.
fn cpu(level: Level, exec: Exec<'static>) -> Option<Subject<Cpu>> {
    Some(Subject::new(Cpu::with_level(level).ok()?, exec))
}

/// The same with screens of 8-bit codes, which problems as small as these would not be worth.
fn screened(level: Level, exec: Exec<'static>) -> Option<Subject<Cpu>> {
    Some(Subject::new(Cpu::with_level(level).ok()?.screens(Screens::Always), exec))
}

conformance!(cpu_scalar_serial, cpu(Level::Scalar, Exec::serial()));
conformance!(cpu_avx2_serial, cpu(Level::Avx2, Exec::serial()));
conformance!(cpu_avxvnni_serial, cpu(Level::AvxVnni, Exec::serial()));
conformance!(cpu_avx512_serial, cpu(Level::Avx512, Exec::serial()));
conformance!(cpu_avx512vnni_serial, cpu(Level::Avx512Vnni, Exec::serial()));
conformance!(cpu_amx_serial, cpu(Level::Amx, Exec::serial()));
conformance!(cpu_neon_serial, cpu(Level::Neon, Exec::serial()));
conformance!(cpu_best_rayon, cpu(Level::detect(), Exec::rayon()));
conformance!(cpu_best_custom, cpu(Level::detect(), Exec::custom(&Backwards)));
conformance!(screens_scalar, screened(Level::Scalar, Exec::serial()));
conformance!(screens_avx2, screened(Level::Avx2, Exec::serial()));
conformance!(screens_best, screened(Level::detect(), Exec::rayon()));
conformance!(plain, Subject::new(Plain, Exec::rayon()));
composition!(one_backend, cpu(Level::detect(), Exec::rayon()));

/// One test, for all backends, of each property that no backend takes part in.
macro_rules! once {
    ($($room:ident { $($property:ident),* $(,)? })*) => {
        /// Every such property, by name.
        const ONCE: &[&str] = &[$($(concat!(stringify!($room), "::", stringify!($property))),*),*];

        mod once {
            $(mod $room {
                $(#[test]
                fn $property() {
                    let name = concat!(stringify!($room), "::", stringify!($property));
                    pauca_tests::conformance::harness::check_once(name, crate::$room::$property);
                })*
            })*
        }
    };
}

once! {
    prototypes {
        equal_the_reference,
        cut_at_a_threshold,
        complement,
        are_nested,
        have_exact_quotas,
    }
    density {
        executors_do_not_matter,
    }
}

#[test]
fn summary_of_properties_and_cases() {
    let (properties, once) = (conformance::PROPERTIES.len(), conformance::COMPOSITIONS.len() + ONCE.len());
    // The available levels, the best one on rayon and on a custom executor, three with screens, and the plain backend.
    let backends = Level::available().len() + 6;
    say(&format!(
        "({properties} properties x {backends} backends + {once}) x {} cases = {} cases, and {} whole problems",
        cases(),
        (properties * backends + once) * cases() as usize,
        random_problems::PROBLEMS,
    ));
}
