//! The same problems on the host. With `--features pauca/rayon` also with threads and std.

#[path = "../src/answer.rs"]
mod answer;

#[test]
fn answer_is_that_of_bare_machines() -> pauca::Result<()> {
    assert_eq!(format!("{:#x}", answer::answer()?), format!("{:#x}", answer::EXPECTED));
    Ok(())
}
