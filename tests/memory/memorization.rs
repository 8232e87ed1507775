//! Memory in use: what a scan asks for does not depend on the vocabulary.

use pauca::memorization::{LogitScan, LogitSpread};
use pauca_tests::memory::peak;
use pauca_tests::run::serial;

/// The most bytes that both passes over `v` ids have in use beyond the tile.
fn most_bytes(t: usize, v: usize, width: usize) -> i64 {
    let cx = serial();
    let tile = vec![0.25f32; t * width];
    let targets: Vec<u32> = (0..t as u32).collect();
    let passes = || {
        let mut scan = LogitScan::new(&targets, v).unwrap();
        for first in (0..v).step_by(width) {
            scan.push_in(first, (&tile[..], t, width), &cx).unwrap();
        }
        let scores = scan.finish().unwrap();
        let mut second = LogitSpread::new(&scores).unwrap();
        for first in (0..v).step_by(width) {
            second.push_in(first, (&tile[..], t, width), &cx).unwrap();
        }
        second.finish().unwrap();
    };
    peak(passes).1
}

#[test]
fn memory_does_not_depend_on_the_vocabulary() {
    let small = most_bytes(200, 1_000, 500);
    let large = most_bytes(200, 50_000, 500);
    assert_eq!(small, large);
    // First pass 84 bytes a token, scores 44, second pass 2 x 144 and its results.
    assert!(large < 700 * 200, "{large} bytes for 200 tokens");
    println!("{} bytes a token for 1,000 and for 50,000 ids", large / 200);
}
