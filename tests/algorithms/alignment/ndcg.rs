//! nDCG: the reference, scikit-learn's numbers, what must hold for every model.

use ndarray::{Array2, ArrayView2, s};
use pauca::alignment::{Matches, Ndcg, RankTies};
use pauca::{Context, Control, Error, Exec};
use pauca_reference::retrieval as reference;
use pauca_reference::truth::cosine;
use pauca_tests::data::{Kind, Rng};

use super::{array, bits, threads};

const POLICIES: [(RankTies, i8); 3] =
    [(RankTies::Optimistic, -1), (RankTies::Expected, 0), (RankTies::Pessimistic, 1)];
/// A few hundred terms of at most 1, added in another order, and two libraries' log2.
const METRIC: f64 = 1e-13;

fn groups(n: usize, rng: &mut Rng) -> Vec<u64> {
    (0..n).map(|_| rng.below(9) as u64).collect()
}

fn some_scores(seed: u64) -> (Array2<f64>, Vec<u64>, Vec<u64>) {
    let mut rng = Rng(seed);
    let (n, m) = (1 + rng.below(6), 1 + rng.below(60));
    let coarse = 1.0 + rng.below(30) as f64;
    let scores = Array2::from_shape_simple_fn((n, m), || (rng.unit() * coarse).floor() - 3.0);
    let mut rng = Rng(seed + 1000);
    (scores, groups(n, &mut rng), groups(m, &mut rng))
}

#[test]
fn ndcg_equals_the_reference_on_every_kind_of_data() {
    for (seed, kind) in Kind::ALL.into_iter().enumerate() {
        for (n, m, d) in [(1, 1, 1), (9, 30, 2), (140, 150, 33)] {
            let mut rng = Rng(seed as u64);
            let mut x = kind.rows(n + m, d, &mut rng);
            let y = x.split_off(n);
            let (gx, gy) = (groups(n, &mut rng), groups(m, &mut rng));
            for (k, (ties, policy)) in [1u64, 10, u64::MAX].into_iter().zip(POLICIES) {
                let found = Ndcg::new()
                    .at(k)
                    .ties(ties)
                    .of(&array(&x), &array(&y), Matches::Groups { x: &gx, y: &gy })
                    .unwrap();
                for i in 0..n {
                    let scores: Vec<f64> = y.iter().map(|y| cosine(&x[i], y)).collect();
                    let right: Vec<bool> = gy.iter().map(|g| *g == gx[i]).collect();
                    let expected = reference::ndcg(&scores, &right, k.min(m as u64) as usize, policy);
                    assert_eq!(found.values[i].is_nan(), expected.is_none());
                    let gap = found.values[i] - expected.unwrap_or(f64::NAN);
                    assert!(expected.is_none() || gap.abs() < METRIC, "{kind:?} {n} {k} {i} {gap:e}");
                }
            }
        }
    }
}

/// `sklearn.metrics.ndcg_score(relevance, scores, k=k)` of version 1.9.1, ties averaged.
#[test]
fn ndcg_equals_the_values_of_scikit_learn() {
    let scores = ndarray::array![[0.5, 0.2, 0.9, 0.5, 0.1, 0.5], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]];
    let pairs = [[0, 0], [0, 3], [0, 4], [1, 2], [1, 5]];
    for (k, expected) in SKLEARN {
        let found = Ndcg::new().at(k).of_scores(scores.view(), Matches::Pairs(&pairs)).unwrap();
        for (value, expected) in found.values.iter().zip(expected) {
            assert!((value - expected).abs() < METRIC, "{k}: {value} {expected}");
        }
    }
}

const SKLEARN: [(u64, [f64; 2]); 5] = [
    (1, [0.0, 0.3333333333333333]),
    (2, [0.25790187148969435, 0.3333333333333333]),
    (3, [0.35381418265149567, 0.43552453212757636]),
    (4, [0.4885524136518606, 0.5235472396517733]),
    (6, [0.655712868618063, 0.6754156228475935]),
];

#[test]
fn ndcg_of_given_scores_equals_the_reference_and_lies_between_its_bounds() {
    for seed in 0..400 {
        let (scores, gx, gy) = some_scores(seed);
        let matches = Matches::Groups { x: &gx, y: &gy };
        let k = [1, 2, 5, 100][seed as usize % 4];
        let [first, mean, last] = POLICIES.map(|(ties, policy)| {
            let found = Ndcg::new().at(k).ties(ties).of_scores(scores.view(), matches).unwrap();
            for (i, value) in found.values.iter().enumerate() {
                let right: Vec<bool> = gy.iter().map(|g| *g == gx[i]).collect();
                let expected = reference::ndcg(&scores.row(i).to_vec(), &right, k as usize, policy);
                assert!(expected.map_or(value.is_nan(), |e| (value - e).abs() < METRIC), "{seed}");
            }
            found.values
        });
        for i in (0..gx.len()).filter(|&i| !mean[i].is_nan()) {
            assert!(
                0.0 <= last[i]
                    && last[i] <= mean[i] + METRIC
                    && mean[i] <= first[i] + METRIC
                    && first[i] <= 1.0
            );
        }
    }
}

#[test]
fn ndcg_of_identity_similarity_is_exactly_1() {
    let eye = Array2::<f64>::eye(7);
    for (ties, _) in POLICIES {
        let found = Ndcg::new().ties(ties).of_scores(eye.view(), Matches::Diagonal).unwrap();
        assert!(found.values.iter().all(|v| *v == 1.0) && found.mean() == Some(1.0));
    }
    // Every right candidate before every wrong one, in any order.
    let scores =
        Array2::from_shape_fn((3, 300), |(_, j)| if j % 3 == 0 { 1.0 + j as f64 } else { -(j as f64) });
    let group: Vec<u64> = (0..300).map(|j| u64::from(j % 3 == 0)).collect();
    let matches = Matches::Groups { x: &[1; 3], y: &group };
    for k in [1, 50, 100, 101, 300, 1000] {
        assert!(
            Ndcg::new().at(k).of_scores(scores.view(), matches).unwrap().values.iter().all(|v| *v == 1.0)
        );
    }
}

#[test]
fn ndcg_of_a_constant_model_is_that_of_chance() {
    let constant = Array2::<f64>::zeros((1, 40));
    let chance = |k: u64| {
        // Each place is right with probability 3 / 40.
        let discount = |r: u64| 1.0 / (r as f64 + 2.0).log2();
        (0..k.min(40)).map(discount).sum::<f64>() * 3.0 / 40.0 / (0..k.min(3)).map(discount).sum::<f64>()
    };
    for k in [1, 2, 3, 10, 40, 77] {
        let found = Ndcg::new().at(k).of_scores(constant.view(), Matches::Pairs(&[[0, 5], [0, 6], [0, 39]]));
        assert!((found.unwrap().values[0] - chance(k)).abs() < METRIC, "{k}");
    }
}

#[test]
fn ndcg_is_permutation_equivariant() {
    let (scores, gx, gy) = some_scores(77);
    let mut rng = Rng(5);
    let order = rng.permutation(gy.len());
    let turned = Array2::from_shape_fn(scores.dim(), |(i, j)| scores[[i, order[j]]]);
    let group: Vec<u64> = order.iter().map(|&j| gy[j]).collect();
    for (ties, _) in POLICIES {
        let of = |scores: ArrayView2<'_, f64>, y: &[u64]| {
            Ndcg::new().ties(ties).of_scores(scores, Matches::Groups { x: &gx, y }).unwrap().values
        };
        assert_eq!(bits(of(scores.view(), &gy)), bits(of(turned.view(), &group)));
    }
}

#[test]
fn ndcg_is_the_same_for_any_threads_and_layout() {
    let mut rng = Rng(4);
    let x = array(&Kind::Grid.rows(300, 12, &mut rng));
    let y = array(&Kind::Grid.rows(270, 12, &mut rng));
    let (gx, gy) = (groups(300, &mut rng), groups(270, &mut rng));
    let matches = Matches::Groups { x: &gx, y: &gy };
    let expected = Ndcg::new().of(&x, &y, matches).unwrap();
    for n in [1, 2, 3, 8] {
        assert_eq!(
            Ndcg::new().of_on(&pauca::Cpu::new().unwrap(), &x, &y, matches, &threads(n)).unwrap(),
            expected
        );
    }
    let wide = Array2::from_shape_fn((540, 12), |(j, k)| if j % 2 == 0 { y[[j / 2, k]] } else { f32::NAN });
    assert_eq!(Ndcg::new().of(&x, wide.slice(s![..;2, ..]), matches).unwrap(), expected);
}

#[test]
fn queries_without_a_right_candidate_have_none_and_bad_input_is_named() {
    let scores = ndarray::array![[0.1, 0.2], [0.3, 0.1]];
    let found = Ndcg::new().of_scores(scores.view(), Matches::Pairs(&[[1, 0]])).unwrap();
    assert!(found.values[0].is_nan() && found.values[1] == 1.0 && found.mean() == Some(1.0));
    assert_eq!(Ndcg::new().of_scores(scores.view(), Matches::Pairs(&[])).unwrap().mean(), None);
    let error = Ndcg::new().at(0).of_scores(scores.view(), Matches::Diagonal).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "k", .. }), "{error}");
    let bad = ndarray::array![[0.1, 0.2], [0.3, f64::NAN]];
    let error = Ndcg::new().of_scores(bad.view(), Matches::Diagonal).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 1, col: 1, .. }), "{error}");
    let (x, stop) = (ndarray::array![[1.0f32, 0.0]], || true);
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    assert!(matches!(
        Ndcg::new().of_on(&pauca::Cpu::new().unwrap(), &x, &x, Matches::Diagonal, &cx),
        Err(Error::Cancelled)
    ));
}
