//! The same problems on the host, with and without threads.

#[path = "../src/answer.rs"]
mod answer;

#[test]
fn answer_is_that_of_bare_machines() -> pauca::Result<()> {
    assert_eq!(answer::answer()?, answer::EXPECTED);
    Ok(())
}
