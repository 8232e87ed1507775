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
