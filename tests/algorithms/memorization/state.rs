//! States as bytes.

use ndarray::s;
use pauca::Error;
use pauca::memorization::{
    Curve, Hits, IGNORED, LogitScan, LogitSpread, Memorized, TagCounts, TokenScores, UnitLengths,
};
use pauca_tests::data::Rng;
use pauca_tests::layout::array;

use super::some_logits;

/// Every cut and every changed byte is an error, never a panic.
fn damage<T>(good: &[u8], read: impl Fn(&[u8]) -> pauca::Result<T>) {
    assert!(read(good).is_ok());
    for i in 0..good.len() {
        assert!(matches!(read(&good[..i]), Err(Error::Corrupt { .. })), "cut at {i}");
        for bit in [0, 3, 7] {
            let mut bad = good.to_vec();
            bad[i] ^= 1 << bit;
            assert!(matches!(read(&bad), Err(Error::Corrupt { .. })), "byte {i}, bit {bit}");
        }
    }
}

#[test]
fn states_are_read_back_and_damage_is_noticed() {
    let mut curve = Curve::new();
    for epoch in 1..6 {
        curve.push(epoch, Memorized { hits: epoch, total: 7 }).unwrap();
    }
    let bytes = curve.to_bytes().unwrap();
    assert_eq!(Curve::from_bytes(&bytes).unwrap(), curve);
    damage(&bytes, Curve::from_bytes);

    for n in [0, 1, 63, 64, 65, 130] {
        let ids: Vec<u32> = (0..n).map(|i| i % 3).collect();
        let mask: Vec<bool> = (0..n).map(|i| i % 5 != 4).collect();
        let hits = Hits::from_ids(&ids, &vec![1; n as usize], Some(&mask), 3).unwrap();
        let bytes = hits.to_bytes().unwrap();
        assert_eq!(Hits::from_bytes(&bytes).unwrap(), hits);
        damage(&bytes, Hits::from_bytes);
    }

    let hits = Hits::from_bits(&[0b1101_1100], 6).unwrap();
    let mut units = UnitLengths::new();
    units.push(&hits, &[6]).unwrap();
    let bytes = units.to_bytes().unwrap();
    assert_eq!(UnitLengths::from_bytes(&bytes).unwrap(), units);
    damage(&bytes, UnitLengths::from_bytes);

    for predicted in [None, Some(&[0u8, 1, 1, 0, 0, 1][..])] {
        let mut tags = TagCounts::new(2).unwrap();
        tags.push(&hits, &[0, 1, 0, 1, 0, 1], predicted).unwrap();
        let bytes = tags.to_bytes().unwrap();
        assert_eq!(TagCounts::from_bytes(&bytes).unwrap(), tags);
        damage(&bytes, TagCounts::from_bytes);
    }
    let other = curve.to_bytes().unwrap();
    assert!(matches!(TagCounts::from_bytes(&other), Err(Error::Corrupt { offset: 0, .. })));
}

#[test]
fn a_scan_goes_on_from_its_bytes() {
    let rows = some_logits(&mut Rng(3), 5, 40);
    let x = array(&rows);
    let targets = [3, 39, 0, 7, 12];
    let mut whole = LogitScan::new(&targets, 40).unwrap();
    whole.push(0, &x).unwrap();
    let mut part = LogitScan::new(&targets, 40).unwrap();
    part.push(11, &x.slice(s![.., 11..25])).unwrap();
    let bytes = part.to_bytes().unwrap();
    damage(&bytes, LogitScan::from_bytes);
    let mut part = LogitScan::from_bytes(&bytes).unwrap();
    part.push(0, &x.slice(s![.., ..11])).unwrap();
    let mut rest = LogitScan::new(&targets, 40).unwrap();
    rest.push(25, &x.slice(s![.., 25..])).unwrap();
    rest.merge(&LogitScan::from_bytes(&part.to_bytes().unwrap()).unwrap()).unwrap();
    assert_eq!(rest, whole);
    assert_eq!(rest.to_bytes().unwrap(), whole.to_bytes().unwrap(), "canonical");
}

#[test]
fn a_spread_goes_on_from_its_bytes_without_the_first_pass() {
    let mut rows = some_logits(&mut Rng(3), 5, 40);
    // A target without a probability.
    rows[1][39] = f32::NEG_INFINITY;
    let x = array(&rows);
    let mut scan = LogitScan::new(&[3, 39, IGNORED, 7, 12], 40).unwrap();
    scan.push(0, &x).unwrap();
    let scores = scan.finish().unwrap();
    let mut whole = LogitSpread::new(&scores).unwrap();
    whole.push(0, &x).unwrap();
    let mut part = LogitSpread::new(&scores).unwrap();
    part.push(11, &x.slice(s![.., 11..25])).unwrap();
    let bytes = part.to_bytes().unwrap();
    damage(&bytes, LogitSpread::from_bytes);
    let mut part = LogitSpread::from_bytes(&bytes).unwrap();
    part.push(0, &x.slice(s![.., ..11])).unwrap();
    let mut rest = LogitSpread::new(&scores).unwrap();
    drop(scores);
    rest.push(25, &x.slice(s![.., 25..])).unwrap();
    rest.merge(&LogitSpread::from_bytes(&part.to_bytes().unwrap()).unwrap()).unwrap();
    assert_eq!(rest, whole);
    assert_eq!(rest.to_bytes().unwrap(), whole.to_bytes().unwrap(), "canonical");
    let found = rest.finish().unwrap();
    assert!(found.excess[1] == f64::NEG_INFINITY && found.excess[2].is_nan());
}

/// Scores that no scan finds.
#[test]
fn scores_that_were_changed_start_no_spread() {
    let mut scan = LogitScan::new(&[1], 2).unwrap();
    scan.push(0, &array(&[vec![0.0, 1.0]])).unwrap();
    let scores = scan.finish().unwrap();
    let changes: [fn(&mut TokenScores); 6] = [
        |s| s.max_logit[0] = f64::NAN,
        |s| s.max_logit[0] = -1.0,
        |s| s.target_logit[0] = 2.0,
        |s| s.targets[0] = 2,
        |s| s.vocabulary = usize::MAX,
        |s| s.max_logit = ndarray::array![],
    ];
    for change in changes {
        let mut scores = scores.clone();
        change(&mut scores);
        assert!(LogitSpread::new(&scores).is_err());
    }
}
