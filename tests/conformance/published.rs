//! EarlierMax as published against the transcription of the pseudo-code.

use pauca::{KMeans, Order, Rule, SemDedup};
use pauca_reference::published::published;
use pauca_reference::truth::cosine;
use pauca_tests::agree::bits;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::{array, rows_of};

#[test]
fn published_mode_is_the_pseudo_code_on_1000_random_cases() {
    let mut ties = 0;
    for case in 0..1000 {
        let mut rng = Rng(9000 + case);
        let kind = Kind::ALL[case as usize % Kind::ALL.len()];
        let (n, d) = (1 + rng.below(40), 1 + rng.below(20));
        let x = kind.rows(n, d, &mut rng);
        let k = 1 + rng.below(n.min(4));
        let c = KMeans::new(k).spherical(rng.chance(0.5)).max_iter(2).seed(case).fit(&array(&x)).unwrap();
        let centroids = rows_of(&c.centroids);
        let epsilon = rng.pick(&[0.0, 0.01, 0.1, 0.5, 1.0, 1.3, 2.0]);
        for (order, easy) in [(Order::Hard, false), (Order::Easy, true)] {
            let config = SemDedup::new(Rule::EarlierMax).epsilon(epsilon).order(order).published(true);
            let found = config.fit(&array(&x), &c).unwrap();
            for j in 0..k {
                let rows: Vec<usize> = (0..n).filter(|&i| c.labels[i] as usize == j).collect();
                let similarity: Vec<Vec<f64>> =
                    rows.iter().map(|&a| rows.iter().map(|&b| cosine(&x[a], &x[b])).collect()).collect();
                let distance: Vec<f64> = rows.iter().map(|&i| 1.0 - cosine(&x[i], &centroids[j])).collect();
                ties += distance.windows(2).filter(|w| w[0] == w[1]).count();
                let expected = published(&similarity, &distance, epsilon, easy);
                let order: Vec<u64> = expected.order.iter().map(|&i| rows[i] as u64).collect();
                assert_eq!(
                    found.order.to_vec()[found.offsets[j]..found.offsets[j + 1]],
                    order,
                    "case {case}"
                );
                for (i, &row) in rows.iter().enumerate() {
                    assert_eq!(found.keep[row], expected.keep[i], "case {case}, row {row}");
                }
                let scores: Vec<f64> = rows.iter().map(|&row| found.similarity[row]).collect();
                assert_eq!(bits(&scores), bits(&expected.score), "case {case}");
            }
        }
    }
    assert!(ties > 1000, "only {ties} ties were tested");
}
