//! MetaCLIP: matching like the naive search, decisions by row id alone.

use pauca::Error;
use pauca::alignment::{Balance, Counts, Matcher, tail_share, threshold_for_tail};
use pauca_reference::metaclip as reference;
use pauca_tests::data::Rng;
use pauca_tests::states::replaced;
use proptest::prelude::*;

/// Texts over few letters and all special characters, so that entries overlap everywhere.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a", "b", "c", " ", " ", ",", ".", "!", "`", ":", ";", "?", "\t", "\n", "\r", "é", "a b",
        ]),
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

fn entries() -> impl Strategy<Value = Vec<String>> {
    let entry =
        prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "é", " ", "a b", ",", "."]), 1..5);
    prop::collection::vec(entry.prop_map(|parts| parts.concat()), 1..12)
}

proptest! {
    #[test]
    fn matcher_equals_the_naive_search(texts in prop::collection::vec(text(), 1..8), entries in entries()) {
        let matcher = Matcher::new(&entries).unwrap();
        let names: Vec<&str> = entries.iter().map(String::as_str).collect();
        for text in &texts {
            prop_assert_eq!(matcher.matches(text).unwrap(), reference::matches(text, &names), "{:?}", text);
        }
    }

    #[test]
    fn probabilities_and_decisions_equal_the_reference(
        counts in prop::collection::vec(0u64..2000, 6), t in 1u64..500, seed: u64, row: u64, mask in 0u8..64
    ) {
        let ids: Vec<u32> = (0..6).filter(|e| mask >> e & 1 == 1).collect();
        let balance = Balance::new(&Counts::from(counts.clone()), t).unwrap().seed(seed);
        let p = balance.probability(&ids).unwrap();
        prop_assert_eq!(p.to_bits(), reference::probability(&ids, &counts, t).to_bits());
        prop_assert_eq!(balance.keep(&ids, row).unwrap(), reference::keep(&ids, &counts, t, seed, row));
        prop_assert!((0.0..=1.0).contains(&p));
        if ids.iter().any(|&e| counts[e as usize] <= t) {
            prop_assert!(p == 1.0 && balance.keep(&ids, row).unwrap());
        }
        if ids.is_empty() {
            prop_assert!(p == 0.0 && !balance.keep(&ids, row).unwrap());
        }
        prop_assert!(balance.shares().iter().all(|p| *p > 0.0 && *p <= 1.0));
    }
}

#[test]
fn matching_counts_a_text_once_an_entry() {
    let matcher = Matcher::new(["a"]).unwrap();
    assert_eq!(matcher.matches("a a a, a").unwrap(), [0]);
    let mut counts = Counts::new(1).unwrap();
    counts.add(&matcher.matches("a a a, a").unwrap()).unwrap();
    assert_eq!(counts.as_slice(), [1]);
}

#[test]
fn matches_are_ascending_ids_each_once() {
    // Found in the order 3, 1, 0, 2, 1.
    let matcher = Matcher::new(["c", "b", "d", "a"]).unwrap();
    assert_eq!(matcher.matches("a b c d b").unwrap(), [0, 1, 2, 3]);
    assert_eq!(matcher.matches("").unwrap(), [] as [u32; 0]);
}

#[test]
fn overlapping_matches_share_a_space() {
    // Neighbours share the space between them; equal entries both match.
    let matcher = Matcher::new(["a", "a b", "b", "a"]).unwrap();
    assert_eq!(matcher.matches("a b").unwrap(), [0, 1, 2, 3]);
}

#[test]
fn padding_spaces_out_marks_and_keeps_case() {
    // An entry with a spaced-out mark never matches.
    let matcher = Matcher::new(["fox", "U.S.", "it's"]).unwrap();
    assert_eq!(matcher.matches("Fox? (fox)\nfox!").unwrap(), [0]);
    assert_eq!(matcher.matches("the U.S. it's").unwrap(), [2]);
    assert_eq!(matcher.matches("Fox (fox) foxes").unwrap(), [] as [u32; 0]);
}

#[test]
fn shares_lie_above_0_up_to_1_and_counts_up_to_t_have_1() {
    let balance = Balance::new(&Counts::from(vec![0, 1, 9, 10, 11, 20, u64::MAX]), 10).unwrap();
    assert_eq!(balance.shares()[..6], [1.0, 1.0, 1.0, 1.0, 10.0 / 11.0, 0.5]);
    assert!(balance.shares().iter().all(|p| *p > 0.0 && *p <= 1.0));
}

/// 1 - (1 - 1/2)(1 - 1/4) = 5/8.
#[test]
fn probability_is_1_minus_the_product_of_1_minus_the_shares() {
    let balance = Balance::new(&Counts::from(vec![20, 40]), 10).unwrap();
    assert_eq!(balance.probability(&[0, 1]).unwrap(), 0.625);
}

#[test]
fn a_text_without_a_match_is_dropped_and_one_of_a_rare_entry_kept() {
    let balance = Balance::new(&Counts::from(vec![3, 1_000_000]), 10).unwrap().seed(4);
    assert!((0..2000).all(|row| !balance.keep(&[], row).unwrap()));
    assert!((0..2000).all(|row| balance.keep(&[0, 1], row).unwrap()));
}

#[test]
fn counts_come_back_from_their_bytes_and_damage_is_an_error() {
    let mut counts = Counts::from(vec![1, u64::MAX, 0]);
    let bytes = counts.to_bytes().unwrap();
    let again = Counts::from_bytes(&bytes).unwrap();
    assert_eq!(again, counts);
    counts.merge(&again).unwrap();
    assert_eq!(counts.as_slice(), [2, u64::MAX, 0]);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(matches!(Counts::from_bytes(&bad), Err(Error::Corrupt { .. })), "byte {at}");
        assert!(matches!(Counts::from_bytes(&bytes[..at]), Err(Error::Corrupt { .. })));
    }
    // Mark 8, version 4, then the number of entries.
    for entries in [2u64, 4, 1 << 61, u64::MAX] {
        let found = Counts::from_bytes(&replaced(&bytes, 12, &entries.to_le_bytes()));
        assert!(matches!(found, Err(Error::Corrupt { .. })), "{entries}: {found:?}");
    }
}

#[test]
fn counts_of_shards_merge_to_those_of_the_whole() {
    let (entries, texts) = corpus(900);
    let matcher = Matcher::new(&entries).unwrap();
    let count = |texts: &mut dyn Iterator<Item = &String>| {
        let mut counts = Counts::new(entries.len()).unwrap();
        texts.for_each(|text| counts.add(&matcher.matches(text).unwrap()).unwrap());
        counts
    };
    let whole = count(&mut texts.iter());
    assert!(whole.as_slice().iter().sum::<u64>() > 900);
    for shards in [2, 7] {
        let mut merged = Counts::new(entries.len()).unwrap();
        for shard in (0..shards).rev() {
            merged.merge(&count(&mut texts.iter().skip(shard).step_by(shards))).unwrap();
        }
        assert_eq!(merged, whole);
    }
}

/// A corpus whose entries fall off like a power law.
fn corpus(n: usize) -> (Vec<String>, Vec<String>) {
    let entries: Vec<String> = (0..40).map(|e| format!("w{e}")).collect();
    let mut rng = Rng(11);
    let texts = (0..n)
        .map(|_| {
            let word = |rng: &mut Rng| format!("w{}", (40.0 * rng.unit().powi(3)) as usize);
            (0..1 + rng.below(3)).map(|_| word(&mut rng)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    (entries, texts)
}

#[test]
fn decisions_are_equal_for_1_3_and_8_shards_merged() {
    let (entries, texts) = corpus(6000);
    let matcher = Matcher::new(&entries).unwrap();
    let mut decided: Vec<Vec<bool>> = Vec::new();
    for shards in [1, 3, 8] {
        // Pass 1: each shard counts; the counts are merged.
        let mut counts = Counts::new(entries.len()).unwrap();
        for shard in 0..shards {
            let mut own = Counts::new(entries.len()).unwrap();
            for text in texts.iter().skip(shard).step_by(shards) {
                own.add(&matcher.matches(text).unwrap()).unwrap();
            }
            counts.merge(&own).unwrap();
        }
        // Pass 2: each shard decides about its own rows, by their global ids.
        let balance = Balance::new(&counts, 100).unwrap().seed(5);
        let mut keep = vec![false; texts.len()];
        for shard in 0..shards {
            for row in (shard..texts.len()).step_by(shards) {
                keep[row] = balance.keep(&matcher.matches(&texts[row]).unwrap(), row as u64).unwrap();
            }
        }
        decided.push(keep);
    }
    assert_eq!(decided[0], decided[1]);
    assert_eq!(decided[0], decided[2]);
    let names: Vec<&str> = entries.iter().map(String::as_str).collect();
    let matched: Vec<Vec<u32>> = texts.iter().map(|text| reference::matches(text, &names)).collect();
    let counts = reference::counts(&matched, names.len());
    let expected: Vec<bool> =
        matched.iter().enumerate().map(|(i, ids)| reference::keep(ids, &counts, 100, 5, i as u64)).collect();
    assert_eq!(decided[0], expected);
}

/// Chi-square over the entries: the observed number of kept texts against the sum of the probabilities.
#[test]
fn kept_share_follows_the_probabilities_by_chi_square() {
    /// The 0.999 quantile of chi-square with 40 degrees of freedom.
    const LIMIT: f64 = 73.4;
    let (entries, texts) = corpus(20_000);
    let matcher = Matcher::new(&entries).unwrap();
    let matched: Vec<Vec<u32>> = texts.iter().map(|text| matcher.matches(text).unwrap()).collect();
    let mut counts = Counts::new(entries.len()).unwrap();
    matched.iter().for_each(|ids| counts.add(ids).unwrap());
    let balance = Balance::new(&counts, 200).unwrap().seed(3);
    let (mut seen, mut mean, mut variance) = (vec![0.0; 40], vec![0.0; 40], vec![0.0; 40]);
    for (row, ids) in matched.iter().enumerate() {
        let p = balance.probability(ids).unwrap();
        // By the first entry, so that the classes are independent.
        let Some(&first) = ids.first() else { continue };
        let e = first as usize;
        seen[e] += f64::from(balance.keep(ids, row as u64).unwrap());
        mean[e] += p;
        variance[e] += p * (1.0 - p);
    }
    let chi: f64 = (0..40)
        .filter(|&e| variance[e] > 0.0)
        .map(|e| (seen[e] - mean[e]) * (seen[e] - mean[e]) / variance[e])
        .sum();
    assert!(chi < LIMIT, "{chi}");
    // The head is thinned, the tail left whole.
    let kept: f64 = seen.iter().sum();
    assert!(kept < 0.6 * texts.len() as f64);
}

#[test]
fn tail_shares_and_the_threshold_nearest_to_one() {
    let counts = [5, 0, 1, 10, 4];
    assert_eq!(tail_share(&counts, 5), 0.25);
    assert_eq!(tail_share(&counts, 6), 0.5);
    assert_eq!(tail_share(&[0, 0], 6), 0.0);
    // Cumulated: 0, .05, .25, .5, 1.
    for (share, t) in [(0.0, 0), (0.04, 1), (0.2, 4), (0.375, 4), (0.5, 5), (0.9, 10), (1.0, 10)] {
        assert_eq!(threshold_for_tail(&counts, share).unwrap(), t, "{share}");
    }
    assert_eq!(tail_share(&[u64::MAX; 3], u64::MAX), 0.0);
    assert!(matches!(threshold_for_tail(&[0, 0], 0.5), Err(Error::Empty { .. })));
    assert!(matches!(threshold_for_tail(&counts, f64::NAN), Err(Error::InvalidParameter { .. })));
}
