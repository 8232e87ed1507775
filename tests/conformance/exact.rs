//! Sums, logarithms and random bits of the library against the reference's, which are made in
//! other ways.

use pauca::exact::{F64Sum, Sums, elementary};
use pauca::random::Stream;
use pauca::stats::{largest_remainder, round_half_even};
use pauca_reference::{fsum, ln, philox, prototypes};
use pauca_tests::data::{Kind, Rng, weights};

/// Addends over hundreds of binades, with cancellation down to the last bit.
#[test]
fn scalar_sums_equal_fsum() {
    for seed in 0..3000 {
        let mut rng = Rng(seed);
        let span = rng.pick(&[1, 30, 200, 900]);
        let mut values: Vec<f64> = (0..1 + rng.below(60))
            .map(|_| rng.normal() * 2f64.powi(rng.below(2 * span) as i32 - span as i32))
            .collect();
        for i in 0..values.len() {
            match rng.below(4) {
                0 => values.push(-values[i]),
                1 => values.push(-values[i] * (1.0 + f64::EPSILON)),
                _ => {}
            }
        }
        let (mut whole, mut half, mut other) = (F64Sum::new(), F64Sum::new(), F64Sum::new());
        for (i, &v) in values.iter().enumerate() {
            whole.add(v);
            if i % 2 == 0 { half.add(v) } else { other.add(v) }
        }
        half.merge(&other);
        let expected = fsum::fsum(&values).to_bits();
        assert_eq!((whole.value().to_bits(), half.value().to_bits()), (expected, expected), "seed {seed}");
    }
}

#[test]
fn weighted_scalar_sums_equal_fsum() {
    for seed in 0..1000 {
        let mut rng = Rng(seed);
        let n = 1 + rng.below(40);
        let weights = weights(n, 1, &mut rng);
        let values: Vec<f64> =
            (0..n).map(|_| rng.normal() * 2f64.powi(rng.below(300) as i32 - 200)).collect();
        let mut sum = F64Sum::new();
        weights.iter().zip(&values).for_each(|(&w, &v)| sum.add_product(w, v));
        assert_eq!(sum.value().to_bits(), fsum::weighted_fsum(&weights, &values).to_bits(), "seed {seed}");
    }
}

/// Rows that come, move and go leave no trace; any split merges to the same.
#[test]
fn cluster_sums_equal_fsum_after_any_moves() {
    for seed in 0..800 {
        let mut rng = Rng(seed);
        let (n, d, k) = (1 + rng.below(30), 1 + rng.below(40), 1 + rng.below(5));
        let x = Kind::ALL[seed as usize % 17].rows(n, d, &mut rng);
        let w = rng.chance(0.5).then(|| weights(n, 1, &mut rng));
        let new = || if w.is_some() { Sums::weighted(k, d) } else { Sums::new(k, d) }.unwrap();
        let change = |sums: &mut Sums, i: usize, cluster: usize, add: bool| match (&w, add) {
            (None, true) => sums.add_row(cluster, &x[i]),
            (None, false) => sums.remove_row(cluster, &x[i]),
            (Some(w), true) => sums.add_weighted_row(cluster, &x[i], w[i]),
            (Some(w), false) => sums.remove_weighted_row(cluster, &x[i], w[i]),
        };
        let (mut sums, mut part) = (new(), new());
        let mut labels: Vec<usize> = (0..n).map(|_| rng.below(k)).collect();
        for (i, &label) in labels.iter().enumerate() {
            change(if i % 3 == 0 { &mut part } else { &mut sums }, i, label, true).unwrap();
        }
        sums.merge(&part).unwrap();
        for _ in 0..20 {
            let (i, to) = (rng.below(n), rng.below(k));
            change(&mut sums, i, labels[i], false).unwrap();
            change(&mut sums, i, to, true).unwrap();
            labels[i] = to;
        }
        for j in 0..k {
            let members: Vec<usize> = (0..n).filter(|&i| labels[i] == j).collect();
            assert_eq!(sums.rows(j), members.len() as u64);
            for t in 0..d {
                let product = |&i: &usize| x[i][t] as f64 * w.as_ref().map_or(1.0, |w| w[i] as f64);
                let expected = fsum::fsum(&members.iter().map(product).collect::<Vec<_>>());
                assert_eq!(sums.column_sum(j, t).to_bits(), expected.to_bits(), "seed {seed}");
            }
        }
    }
}

/// Two algorithms, one table-driven, one a series in double-double.
#[test]
fn logarithms_equal_the_reference() {
    for row in 0..300_000u64 {
        let u = philox::uniform(1, row, 7);
        // Near 0, in the middle, near 1.
        let u = [u, u * 2f64.powi(-(row as i32 % 50)), 1.0 - u * 2f64.powi(-(row as i32 % 52) - 1)]
            [row as usize % 3];
        assert_eq!(elementary::ln(u).to_bits(), ln::ln(u).to_bits(), "ln {u:e}");
    }
}

/// Arguments whose logarithm lies within about 2^-22 of a unit from the middle of two f64, found among
/// 2 * 10^8, with the answers by Python's decimal module at 60 digits: (bits of u, bits of ln u).
const HARD: [(u64, u64); 24] = [
    (0x3fec3ba99c172bed, 0xbfc007f1456cab63),
    (0x3fef503572409349, 0xbf96368da915efda),
    (0x3fefacbb80b6bdbf, 0xbf84ec64a76de217),
    (0x3feeae37a6691403, 0xbfa58f1b0c71de99),
    (0x3fea2b02bf5ce849, 0xbfc9c0dcde8a8c77),
    (0x3fe8c71e17f7f73d, 0xbfd05ed3581c6049),
    (0x3fef3de55a2ad9e3, 0xbf988e19e4348c7d),
    (0x3fe31e737b23dc8f, 0xbfe07b5694f6bd01),
    (0x3fef462c02a7630f, 0xbf977efb573fc088),
    (0x3fe118846457cab7, 0xbfe40f9ab7da3312),
    (0x3fe9b2e4e645bce7, 0xbfcc11bd9a0a953a),
    (0x3fe76a0ca0b5ca1f, 0xbfd3fe36468e0e42),
    (0x3fef25d5b8abbe61, 0xbf9ba3ee12d070d1),
    (0x3fddb7381e041576, 0xbfe88cf6dca06684),
    (0x3fee4a0ba15944c3, 0xbfac218993127743),
    (0x3fee2c1b3dfa0001, 0xbfae1c98cbac8c08),
    (0x3fef4d0e2e85fd49, 0xbf969db1d009a378),
    (0x3fef416028942601, 0xbf981c129f0a4b62),
    (0x3fef3d02c18839d3, 0xbf98ab1d5c74aef0),
    (0x3fecc2a473ed2689, 0xbfbb53424358cf58),
    (0x3fef36de58a53949, 0xbf99748925a194bc),
    (0x3fefb7d6b209bdbb, 0xbf821ec9888fd853),
    (0x3feabe876b5b8cdd, 0xbfc6f71cb1bafcdb),
    (0x3fea5a58c33d345d, 0xbfc8da226b957a79),
];

#[test]
fn hard_logarithms_are_correctly_rounded() {
    for (u, expected) in HARD {
        let u = f64::from_bits(u);
        assert_eq!(elementary::ln(u).to_bits(), expected, "ln {u:e}");
        assert_eq!(ln::ln(u).to_bits(), expected, "reference, ln {u:e}");
    }
}

#[test]
fn random_bits_equal_the_reference() {
    let mut rng = Rng(5);
    for _ in 0..10_000 {
        let (seed, row, stream) = (rng.bits(), rng.bits() >> rng.below(64), rng.below(40) as u32);
        let found = Stream::new(seed, stream);
        assert_eq!(found.bits(row, 0), philox::bits(seed, row, stream));
        assert_eq!(found.uniform(row, 0), philox::uniform(seed, row, stream));
    }
}

#[test]
fn rounding_and_apportionment_equal_the_reference() {
    let mut rng = Rng(6);
    for _ in 0..5000 {
        let sizes: Vec<usize> = (0..1 + rng.below(8)).map(|_| rng.below(20)).collect();
        let n: usize = sizes.iter().sum();
        let total = rng.below(n + 1);
        let found = largest_remainder(total as u64, &sizes.iter().map(|&s| s as u64).collect::<Vec<_>>());
        let expected: Vec<u64> = prototypes::quotas(&sizes, total).into_iter().map(|q| q as u64).collect();
        assert_eq!(found.unwrap(), expected);
        let x = rng.below(1000) as f64 / 2.0;
        assert_eq!(round_half_even(x), x.round_ties_even());
    }
}
