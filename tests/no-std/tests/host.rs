//! The same problems on the host. With `--features pauca/rayon` also with threads and std.

#[path = "../src/answer.rs"]
mod answer;

/// What every machine gives.
const EXPECTED: u64 = 0x5dbb_f98e_a627_b7a6;

#[test]
fn answer_is_that_of_bare_machines() -> pauca::Result<()> {
    assert_eq!(format!("{:#x}", answer::answer()?), format!("{:#x}", EXPECTED));
    Ok(())
}
