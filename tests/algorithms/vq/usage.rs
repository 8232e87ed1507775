//! Usage and perplexity: contract S7; the numbered hard cases of counting.

use pauca::Error;
use pauca::vq::{MASKED, PositionUsage, Usage, pack_ids};
use pauca_reference::codebook as reference;
use pauca_tests::data::Rng;

/// Rounded terms and one exponential: a few ulp for entropies of a few nats.
const PERPLEXITY: f64 = 8.0 * f64::EPSILON;

fn usage(ids: &[u32], k: usize) -> Usage {
    let mut usage = Usage::new(k).unwrap();
    usage.add(ids).unwrap();
    usage
}

#[test]
fn case_55_one_code_has_perplexity_exactly_1() {
    for k in [1, 2, 1000] {
        let found = usage(&[0; 17], k);
        assert_eq!((found.perplexity(), found.entropy(), found.bits()), (1.0, 0.0, 0.0));
    }
}

#[test]
fn case_56_uses_of_three_to_one() {
    // Within 2 ulp.
    let found = usage(&[0, 0, 1, 0], 2).perplexity();
    assert!((found - 1.7547653506033232).abs() <= 2.0 * f64::EPSILON, "{found}");
}

#[test]
fn case_57_unused_codes_count_nothing() {
    let found = usage(&[0, 0, 900, 0], 1000);
    assert!((found.perplexity() - 1.7547653506033232).abs() <= 2.0 * f64::EPSILON);
    assert_eq!((found.used(), found.fraction(), found.dead().unwrap().len()), (2, 0.002, 998));
    assert_eq!(usage(&[], 4).perplexity(), 1.0);
}

#[test]
fn case_58_ids_that_do_not_fit_are_an_error() {
    assert_eq!(pack_ids::<u8>(&[0, 255, 7], 256).unwrap(), [0, 255, 7]);
    assert!(matches!(pack_ids::<u8>(&[0], 257), Err(Error::TooLarge { size: 257, limit: 256, .. })));
    assert_eq!(pack_ids::<u16>(&[65535], 65536).unwrap(), [65535]);
    assert!(matches!(pack_ids::<u16>(&[0], 65537), Err(Error::TooLarge { .. })));
    assert_eq!(pack_ids::<u32>(&[70000, MASKED], 70001).unwrap(), [70000, MASKED]);
    assert_eq!(pack_ids::<u8>(&[MASKED, 3], 255).unwrap(), [255, 3]);
    assert!(matches!(pack_ids::<u8>(&[MASKED], 256), Err(Error::TooLarge { limit: 255, .. })));
    assert!(matches!(pack_ids::<u8>(&[9], 9), Err(Error::LabelOutOfRange { row: 0, label: 9, k: 9 })));
}

#[test]
fn uniform_use_has_perplexity_k() {
    for k in [2u32, 3, 10, 1024, 16_384] {
        let ids: Vec<u32> = (0..3 * k).map(|i| i % k).collect();
        let found = usage(&ids, k as usize).perplexity();
        assert!((found - k as f64).abs() <= PERPLEXITY * k as f64 * (k as f64).ln(), "{k}: {found}");
    }
}

#[test]
fn entropy_equals_the_reference_and_lies_in_its_range() {
    let mut rng = Rng(1);
    for _ in 0..200 {
        let k = 1 + rng.below(30);
        let skew = rng.below(k) + 1;
        let mut ids: Vec<u32> = (0..1 + rng.below(200)).map(|_| rng.below(skew) as u32).collect();
        let found = usage(&ids, k);
        assert_eq!(found.entropy().to_bits(), reference::entropy(found.counts()).to_bits());
        assert!(found.perplexity() >= 1.0 && found.perplexity() <= k as f64);
        // Masked ids do not count, in any order.
        ids.push(MASKED);
        ids.reverse();
        assert_eq!(usage(&ids, k), found);
        assert_eq!(found.total() as usize, ids.len() - 1);
    }
}

#[test]
fn gini_of_even_single_and_no_use() {
    assert_eq!(usage(&[0, 1, 2, 3], 4).gini().unwrap(), Some(0.0));
    assert_eq!(usage(&[2; 9], 4).gini().unwrap(), Some(0.75));
    assert_eq!(usage(&[], 4).gini().unwrap(), None);
}

#[test]
fn merging_adds_histograms() {
    let mut rng = Rng(2);
    let ids: Vec<u32> = (0..100).map(|_| rng.below(7) as u32).collect();
    let mut parts = usage(&ids[..30], 7);
    parts.merge(&usage(&ids[30..], 7)).unwrap();
    assert_eq!(parts, usage(&ids, 7));
    assert!(matches!(parts.merge(&usage(&[], 8)), Err(Error::ShapeMismatch { expected: 7, found: 8, .. })));
    assert_eq!(parts.below(10_000).unwrap().len(), 7);
    parts.reset();
    assert_eq!(parts.total(), 0);
}

#[test]
fn positions_are_counted_apart() {
    /// exp of an entropy of three ids at most.
    const OF_THREE: f64 = 1e-12;
    let mut rng = Rng(3);
    let (positions, k) = (5, 11);
    let ids: Vec<u32> = (0..positions * 40).map(|i| (i % positions + rng.below(3)) as u32).collect();
    let mut found = PositionUsage::new(positions, k).unwrap();
    found.add(&ids[..positions * 15]).unwrap();
    let mut rest = PositionUsage::new(positions, k).unwrap();
    rest.add(&ids[positions * 15..]).unwrap();
    found.merge(&rest).unwrap();
    assert_eq!(found.overall().unwrap(), usage(&ids, k));
    for (p, perplexity) in found.perplexities().unwrap().into_iter().enumerate() {
        let at: Vec<u32> = ids.iter().copied().skip(p).step_by(positions).collect();
        assert_eq!(perplexity, usage(&at, k).perplexity());
        assert!(perplexity <= 3.0 + OF_THREE);
    }
    assert!(found.overall().unwrap().perplexity() > 4.0, "codes specialize by position");
    let entropies = found.entropies().unwrap();
    assert_eq!(entropies.len(), found.positions());
}

#[test]
fn bad_input_counts_nothing() {
    assert!(matches!(Usage::new(0), Err(Error::InvalidParameter { .. })));
    assert!(matches!(PositionUsage::new(0, 3), Err(Error::InvalidParameter { name: "positions", .. })));
    assert!(matches!(PositionUsage::new(3, 0), Err(Error::InvalidParameter { name: "codes", .. })));
    let mut found = usage(&[1], 3);
    assert!(matches!(found.add(&[0, 3]), Err(Error::LabelOutOfRange { row: 1, label: 3, k: 3 })));
    assert_eq!(found.total(), 1);
    let mut found = PositionUsage::new(2, 3).unwrap();
    assert!(matches!(found.add(&[0, 1, 2]), Err(Error::ShapeMismatch { expected: 4, found: 3, .. })));
    assert!(found.add(&[0, 7]).is_err());
    assert_eq!(found.overall().unwrap().total(), 0);
}

#[test]
fn usages_travel_and_meet() {
    let mut all = usage(&[0, 3, 3], 5);
    let other = usage(&[4, 0, 0], 5);
    let again = Usage::from_bytes(&all.to_bytes().unwrap()).unwrap();
    assert_eq!(again, all);
    all.merge(&Usage::from_bytes(&other.to_bytes().unwrap()).unwrap()).unwrap();
    assert_eq!(all, usage(&[0, 3, 3, 4, 0, 0], 5));
    let mut positions = PositionUsage::new(2, 3).unwrap();
    positions.add(&[0, 2, 0, 1]).unwrap();
    let bytes = positions.to_bytes().unwrap();
    assert_eq!(PositionUsage::from_bytes(&bytes).unwrap(), positions);
    assert!(matches!(Usage::from_bytes(&bytes), Err(Error::Corrupt { offset: 0, .. })));
}

/// 2^63 - 1 ids are the most, and one more is refused before anything is added.
#[test]
fn a_sum_of_usages_beyond_the_integers_is_refused() {
    let of = |ids: u64| {
        let bytes = usage(&[1], 2).to_bytes().unwrap();
        Usage::from_bytes(&pauca_tests::states::replaced(&bytes, 28, &ids.to_le_bytes())).unwrap()
    };
    let mut all = of(1 << 62);
    all.merge(&of((1 << 62) - 1)).unwrap();
    assert_eq!(all.total(), (1 << 63) - 1);
    let before = all.clone();
    assert!(matches!(all.merge(&usage(&[0], 2)), Err(Error::TooLarge { .. })));
    assert_eq!(all, before);
}
