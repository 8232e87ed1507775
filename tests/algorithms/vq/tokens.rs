//! Statistics of tokens: contracts S12 and S13.

use ndarray::Array2;
use pauca::Error;
use pauca::tokens::{NGrams, PositionNGrams, bd_rate, lower_hull, mutual_information, pareto};
use pauca::vq::{MASKED, Usage};
use pauca_reference::tokens as reference;
use pauca_tests::data::Rng;

/// Sums of up to a few hundred terms of order 1, rounded one by one in the reference.
const SUMS: f64 = 1e-12;

fn grams_of(items: &[Vec<u32>], k: usize, context: usize) -> NGrams {
    let mut grams = NGrams::new(k, context).unwrap();
    items.iter().for_each(|item| grams.add(item).unwrap());
    grams
}

/// Items that remember: a token is often that before plus one.
fn items(count: usize, length: usize, k: usize, rng: &mut Rng) -> Vec<Vec<u32>> {
    (0..count)
        .map(|_| {
            let mut item: Vec<u32> = vec![rng.below(k) as u32];
            for i in 1..length {
                let next = if rng.chance(0.7) { (item[i - 1] + 1) % k as u32 } else { rng.below(k) as u32 };
                item.push(next);
            }
            item
        })
        .collect()
}

#[test]
fn entropies_equal_the_reference() {
    let mut rng = Rng(1);
    for _ in 0..40 {
        let (k, context) = (1 + rng.below(6), rng.below(4));
        let (count, length) = (1 + rng.below(20), 1 + rng.below(20));
        let train = items(count, length, k, &mut rng);
        let test = items(1 + rng.below(5), 4 + rng.below(9), k, &mut rng);
        let (known, asked) = (grams_of(&train, k, context), grams_of(&test, k, context));
        for n in 0..=context {
            let found = known.conditional_entropy(n).unwrap();
            let (plug_in, correction) = reference::conditional_entropy(&train, n, context);
            assert!((found.plug_in - plug_in).abs() < SUMS);
            assert!((found.miller_madow - plug_in - correction).abs() < SUMS);
            for alpha in [0.01, 1.0] {
                let found = known.held_out(n, &asked, alpha).unwrap();
                let expected = reference::held_out(&train, &test, n, context, k, alpha);
                assert!((found - expected).abs() < SUMS, "{found} for {expected}");
            }
        }
    }
}

#[test]
fn entropy_falls_with_the_context_and_stays_below_log_k() {
    let mut rng = Rng(2);
    for _ in 0..40 {
        let k = 2 + rng.below(8);
        let found = grams_of(&items(10, 30, k, &mut rng), k, 4);
        let entropies: Vec<f64> = (0..=4).map(|n| found.conditional_entropy(n).unwrap().plug_in).collect();
        assert!(entropies[0] <= (k as f64).ln() + SUMS);
        assert!(entropies.windows(2).all(|w| w[1] <= w[0] + SUMS) && entropies[4] >= 0.0);
    }
}

#[test]
fn uniform_tokens_reach_log_k_and_a_cycle_reaches_zero() {
    let mut rng = Rng(3);
    let (k, n) = (16, 200_000);
    let uniform = grams_of(&[(0..n).map(|_| rng.below(k) as u32).collect()], k, 1);
    for order in [0, 1] {
        let found = uniform.conditional_entropy(order).unwrap();
        // The bias of the plug-in is (cells - contexts) / 2n; the spread is far below it.
        let cells = (found.grams - found.contexts) as f64;
        assert!(((k as f64).ln() - found.plug_in).abs() < 2.0 * cells / (2.0 * n as f64), "{found:?}");
        assert!(((k as f64).ln() - found.miller_madow).abs() < 0.5 * cells / (2.0 * n as f64), "{found:?}");
    }
    let cycle = grams_of(&[(0..1000).map(|i| i % 7).collect()], 7, 2);
    assert_eq!(cycle.conditional_entropy(1).unwrap().plug_in, 0.0);
    assert_eq!(cycle.conditional_entropy(2).unwrap().plug_in, 0.0);
    /// 998 tokens are no multiple of 7, so the seven are not equally frequent.
    const UNEVEN: f64 = 1e-4;
    // The first token costs log2 7 bits, the others nothing.
    assert!((cycle.pooled_bits_per_item(256).unwrap() - 7f64.log2()).abs() < UNEVEN);
}

#[test]
fn bits_of_an_item_follow_the_chain_rule() {
    let mut rng = Rng(4);
    let found = grams_of(&items(50, 12, 5, &mut rng), 5, 2);
    let h: Vec<f64> = (0..=2).map(|n| found.conditional_entropy(n).unwrap().plug_in / 2f64.ln()).collect();
    for (positions, expected) in
        [(0, 0.0), (1, h[0]), (2, h[0] + h[1]), (3, h[0] + h[1] + h[2]), (9, h[0] + h[1] + 7.0 * h[2])]
    {
        assert!((found.pooled_bits_per_item(positions).unwrap() - expected).abs() < SUMS, "{positions}");
    }
}

#[test]
fn merging_equals_counting_together_and_blocks_do_not_show() {
    let mut rng = Rng(5);
    let all = items(200, 700, 50, &mut rng);
    let whole = grams_of(&all, 50, 2);
    let mut parts = grams_of(&all[..70], 50, 2);
    parts.merge(&grams_of(&all[70..], 50, 2)).unwrap();
    for n in 0..=2 {
        assert_eq!(parts.conditional_entropy(n).unwrap(), whole.conditional_entropy(n).unwrap());
    }
    assert_eq!(whole.conditional_entropy(2).unwrap().tokens, 200 * 698);
    let usage = {
        let mut usage = Usage::new(50).unwrap();
        all.iter().for_each(|item| usage.add(&item[2..]).unwrap());
        usage.entropy()
    };
    assert!((whole.conditional_entropy(0).unwrap().plug_in - usage).abs() < SUMS);
    assert!(matches!(parts.merge(&grams_of(&[], 50, 1)), Err(Error::Mismatch { .. })));
}

#[test]
fn masked_tokens_break_grams() {
    let with = grams_of(&[vec![0, 1, MASKED, 2, 1, 0]], 3, 1);
    let apart = grams_of(&[vec![0, 1], vec![2, 1, 0]], 3, 1);
    assert_eq!(with.conditional_entropy(1).unwrap(), apart.conditional_entropy(1).unwrap());
    // Items do not run into each other.
    assert_eq!(apart.conditional_entropy(0).unwrap().tokens, 3);
}

#[test]
fn token_edges() {
    assert!(matches!(NGrams::new(0, 1), Err(Error::InvalidParameter { .. })));
    // 2^14 tokens: nine of them fit 127 bits.
    assert!(NGrams::new(1 << 14, 8).is_ok());
    assert!(matches!(NGrams::new(1 << 14, 9), Err(Error::TooLarge { size: 9, limit: 8, .. })));
    assert!(NGrams::new(1, 1_000_000).is_ok());
    let mut found = grams_of(&[vec![0, 1, 2]], 3, 1);
    assert!(matches!(found.add(&[0, 3]), Err(Error::LabelOutOfRange { row: 1, label: 3, k: 3 })));
    assert!(matches!(found.conditional_entropy(2), Err(Error::TooLarge { size: 2, limit: 1, .. })));
    let none = NGrams::new(3, 1).unwrap();
    let empty = none.conditional_entropy(1).unwrap();
    assert_eq!((empty.plug_in, empty.miller_madow, empty.tokens), (0.0, 0.0, 0));
    assert!(matches!(found.held_out(0, &none, 1.0), Err(Error::Empty { .. })));
    assert!(matches!(found.held_out(0, &found, 0.0), Err(Error::InvalidParameter { name: "alpha", .. })));
    // Nothing known: every token costs ln k.
    assert!((none.held_out(1, &found, 0.5).unwrap() - 3f64.ln()).abs() < SUMS);
    let items = ndarray::array![[0u32, 1]];
    assert!(matches!(mutual_information(items.view(), 0, 2), Err(Error::ShapeMismatch { .. })));
    assert_eq!(mutual_information(Array2::zeros((0, 2)).view(), 0, 1).unwrap(), 0.0);
}

#[test]
fn mutual_information_is_symmetric_and_bounded() {
    let mut rng = Rng(6);
    for _ in 0..50 {
        let all = items(100, 5, 4, &mut rng);
        let array = Array2::from_shape_fn((100, 5), |(i, j)| all[i][j]);
        let entropy = |p: usize| {
            let mut usage = Usage::new(4).unwrap();
            usage.add(&array.column(p).to_vec()).unwrap();
            usage.entropy()
        };
        let between = |a, b| mutual_information(array.view(), a, b).unwrap();
        assert!((between(1, 3) - between(3, 1)).abs() < SUMS);
        assert!(between(0, 4) >= -SUMS && between(0, 1) <= entropy(0).min(entropy(1)) + SUMS);
        assert!((between(2, 2) - entropy(2)).abs() < SUMS);
    }
    let masked = ndarray::array![[0u32, 0], [1, 1], [MASKED, 1], [1, MASKED]];
    assert!((mutual_information(masked.view(), 0, 1).unwrap() - 2f64.ln()).abs() < SUMS);
}

#[test]
fn the_front_equals_the_reference_and_the_hull_is_convex() {
    let mut rng = Rng(9);
    for _ in 0..200 {
        let n = rng.below(20);
        let coarse = rng.chance(0.5);
        let mut value = || if coarse { 1.0 + rng.below(4) as f64 } else { rng.unit() };
        let points: Vec<[f64; 2]> = (0..n).map(|_| [value(), value()]).collect();
        let front = pareto(&points).unwrap();
        assert_eq!(front, reference::pareto(&points));
        let hull = lower_hull(&points).unwrap();
        assert!(hull.iter().all(|i| front.contains(i)));
        assert_eq!((hull.first(), hull.last()), (front.first(), front.last()));
        let slope = |a: usize, b: usize| (points[b][1] - points[a][1]) / (points[b][0] - points[a][0]);
        assert!(hull.windows(3).all(|w| slope(w[0], w[1]) < slope(w[1], w[2])));
    }
    assert!(matches!(pareto(&[[0.0, f64::NAN]]), Err(Error::NonFinite { row: 0, col: 1, .. })));
}

#[test]
fn bd_rate_of_scaled_rates_is_the_factor() {
    let mut rng = Rng(10);
    for _ in 0..50 {
        let points: Vec<[f64; 2]> = (1..8).map(|i| [i as f64 + rng.unit(), 10.0 / i as f64]).collect();
        let factor = 0.3 + rng.unit();
        let scaled: Vec<[f64; 2]> = points.iter().map(|[r, d]| [r * factor, *d]).collect();
        assert!((bd_rate(&points, &scaled).unwrap().unwrap() - (factor - 1.0)).abs() < SUMS);
        let back = bd_rate(&scaled, &points).unwrap().unwrap();
        assert!((back - (1.0 / factor - 1.0)).abs() < SUMS * 10.0);
        assert_eq!(bd_rate(&points, &points).unwrap(), Some(0.0));
    }
    assert!(bd_rate(&[], &[[1.0, 1.0]]).unwrap().is_none());
    assert!(bd_rate(&[[1.0, 1.0]], &[[1.0, 1.0]]).unwrap().is_none());
    assert!(matches!(bd_rate(&[[0.0, 1.0]], &[]), Err(Error::InvalidParameter { name: "rate", .. })));
}

#[test]
fn counts_of_grams_travel_and_meet() {
    let mut rng = Rng(12);
    let items: Vec<Vec<u32>> = (0..30).map(|_| (0..9).map(|_| rng.below(7) as u32).collect()).collect();
    let count = |items: &[Vec<u32>]| {
        let mut grams = NGrams::new(7, 2).unwrap();
        items.iter().for_each(|item| grams.add(item).unwrap());
        grams
    };
    let whole = count(&items);
    let mut merged = NGrams::new(7, 2).unwrap();
    for part in items.chunks(7).rev() {
        merged.merge(&NGrams::from_bytes(&count(part).to_bytes().unwrap()).unwrap()).unwrap();
    }
    assert_eq!(merged.to_bytes().unwrap(), whole.to_bytes().unwrap(), "canonical");
    for n in 0..3 {
        assert_eq!(merged.conditional_entropy(n).unwrap(), whole.conditional_entropy(n).unwrap());
    }
}

#[test]
fn bits_by_position_equal_the_reference_and_what_can_be_counted_by_hand() {
    // H(x_0) = 0, H(x_1) = 1 bit; of the four tokens together three are 0.
    let mut grams = PositionNGrams::new(2, 2, 0).unwrap();
    grams.add(&[0, 0, 0, 1]).unwrap();
    assert_eq!(grams.bits_per_item().unwrap(), 1.0);
    let pooled = grams_of(&[vec![0, 0], vec![0, 1]], 2, 0);
    assert!((pooled.pooled_bits_per_item(2).unwrap() - 2.0 * (2.0 - 0.75 * 3f64.log2())).abs() < SUMS);
    // Five positions use four codes each of twenty, all evenly: two bits a position.
    let mut grams = PositionNGrams::new(5, 20, 0).unwrap();
    let mut pooled = NGrams::new(20, 0).unwrap();
    for i in 0..1024u32 {
        let item: Vec<u32> = (0..5).map(|p| 4 * p + (i >> (2 * p) & 3)).collect();
        grams.add(&item).unwrap();
        pooled.add(&item).unwrap();
    }
    assert!((grams.bits_per_item().unwrap() - 10.0).abs() < SUMS);
    assert!((pooled.pooled_bits_per_item(5).unwrap() - 5.0 * 20f64.log2()).abs() < SUMS);
    let mut rng = Rng(13);
    for _ in 0..30 {
        let (k, context, length) = (1 + rng.below(5), rng.below(4), 1 + rng.below(6));
        let all = items(1 + rng.below(30), length, k, &mut rng);
        let mut grams = PositionNGrams::new(length, k, context).unwrap();
        all.iter().for_each(|item| grams.add(item).unwrap());
        let mut bits = 0.0;
        for i in 0..length {
            for n in 0..=context {
                let used = n.min(i).min(context);
                // Items cut after position i hold one token with i before it.
                let cut: Vec<Vec<u32>> = all.iter().map(|item| item[..=i].to_vec()).collect();
                let (plug_in, correction) = reference::conditional_entropy(&cut, used, i);
                let found = grams.conditional_entropy(i, n).unwrap();
                assert!((found.plug_in - plug_in).abs() < SUMS, "position {i}, {n} tokens");
                assert!((found.miller_madow - plug_in - correction).abs() < SUMS);
                assert_eq!(found.tokens, all.len() as u64);
            }
            bits += grams.conditional_entropy(i, context).unwrap().plug_in / 2f64.ln();
        }
        assert!((grams.bits_per_item().unwrap() - bits).abs() < SUMS);
    }
}

#[test]
fn counts_by_position_travel_and_meet() {
    let mut rng = Rng(14);
    let all: Vec<u32> =
        (0..60 * 4).map(|_| if rng.chance(0.05) { MASKED } else { rng.below(7) as u32 }).collect();
    let count = |ids: &[u32]| {
        let mut grams = PositionNGrams::new(4, 7, 2).unwrap();
        grams.add(ids).unwrap();
        grams
    };
    let whole = count(&all);
    let mut merged = PositionNGrams::new(4, 7, 2).unwrap();
    for part in all.chunks(28).rev() {
        merged.merge(&PositionNGrams::from_bytes(&count(part).to_bytes().unwrap()).unwrap()).unwrap();
    }
    assert_eq!(merged.to_bytes().unwrap(), whole.to_bytes().unwrap(), "canonical");
    assert_eq!(merged.entropies(2).unwrap(), whole.entropies(2).unwrap());
    let mut other = PositionNGrams::new(4, 7, 1).unwrap();
    assert!(matches!(other.merge(&whole), Err(Error::Mismatch { .. })));
    assert!(matches!(other.add(&[0; 5]), Err(Error::ShapeMismatch { expected: 8, found: 5, .. })));
    assert!(matches!(other.add(&[0, 1, 7, 0]), Err(Error::LabelOutOfRange { .. })));
    assert!(matches!(other.conditional_entropy(4, 0), Err(Error::ShapeMismatch { .. })));
    assert_eq!(other.bits_per_item().unwrap(), 0.0);
    assert!(matches!(PositionNGrams::new(0, 7, 1), Err(Error::InvalidParameter { .. })));
    assert!(matches!(PositionNGrams::new(200, 2, 199), Err(Error::TooLarge { .. })));
}
