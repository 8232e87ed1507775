//! Some hosts set FTZ and DAZ (flush subnormal results, read subnormal operands as zeros). The
//! results keep their bits.
#![cfg(target_arch = "x86_64")]

use std::arch::asm;

use pauca::{Cpu, D4, Level, Rule, SemDedup};
use pauca_tests::agree::{assert_same, assert_same_dedup};
use pauca_tests::data::Kind;
use pauca_tests::layout::array;
use pauca_tests::problem::Recipe;
use pauca_tests::subject::Subject;

const FTZ_AND_DAZ: u32 = 1 << 15 | 1 << 6;

fn flags() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores MXCSR into a local.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
    value
}

fn set_flags(value: u32) {
    // SAFETY: loads MXCSR from a local; only FTZ and DAZ differ from what was there.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags, readonly)) };
}

/// `f` as a host with FTZ and DAZ would call it.
fn flushed<T>(f: impl FnOnce() -> T) -> T {
    let before = flags();
    set_flags(before | FTZ_AND_DAZ);
    let result = f();
    assert_eq!(flags() & FTZ_AND_DAZ, FTZ_AND_DAZ, "the library changed the host's flags");
    set_flags(before);
    result
}

#[test]
fn flags_are_really_set() {
    let widened = || std::hint::black_box(std::hint::black_box(f32::from_bits(1)) as f64);
    assert_eq!(flushed(widened), 0.0);
    assert!(widened() > 0.0);
}

#[test]
fn same_bits_with_ftz_and_daz() {
    for level in Level::available() {
        let s = Subject::new(Cpu::with_level(level).unwrap(), pauca::Exec::serial());
        for i in 0..240u64 {
            let kind =
                [Kind::Subnormal, Kind::Tiny, Kind::MixedValues, Kind::Normal, Kind::Zeros, Kind::Grid]
                    [i as usize % 6];
            let recipe = Recipe {
                kind,
                n: 1 + i as usize % 37,
                d: 1 + i as usize % 19,
                k: i as usize % 5,
                spherical: i % 4 < 2,
                seed: i,
            };
            let p = recipe.problem();
            let fit = || s.kmeans(&p.config(), &p.x, p.weights.as_deref()).unwrap();
            let expected = fit();
            let found = flushed(fit);
            let outcome = std::panic::catch_unwind(|| assert_same(&found, &expected));
            assert!(outcome.is_ok(), "{recipe:?} at level {}", level.name());
            let x = array(&p.x);
            let rows = pauca::Rows::F32(x.view());
            for rule in Rule::ALL {
                let config = SemDedup::new(rule).epsilon(0.1);
                let run = || config.fit_on(&s.backend, &rows, &expected, &s.cx).unwrap();
                assert_same_dedup(&flushed(run), &run());
            }
            let config = D4::new().clusters(p.k).spherical(p.spherical).seed(i).max_iter(3);
            let run = || config.fit_on(&s.backend, &rows, &s.cx).unwrap();
            assert_eq!(flushed(run).keep, run().keep, "{recipe:?}");
        }
    }
}
