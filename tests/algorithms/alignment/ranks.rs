//! Retrieval and hard negatives: decisions by the definition, ties by name.

use ndarray::{Array2, s};
use pauca::alignment::{HardNegatives, Matches, Negatives, RankTies, Retrieval};
use pauca_reference::retrieval as reference;
use pauca_reference::truth::cosine;
use pauca_tests::data::{Kind, Rng};
use proptest::prelude::*;

use super::{array, bits, threads};

const POLICIES: [RankTies; 3] = [RankTies::Optimistic, RankTies::Pessimistic, RankTies::Expected];
/// Sums and quotients of at most a few hundred f64 terms in [0, 1], in another order than the reference's.
const METRIC: f64 = 1e-12;

/// Two sides, their groups, and the matrix of right pairs.
#[allow(clippy::type_complexity, reason = "four plain vectors")]
fn problem(
    kind: Kind,
    n: usize,
    m: usize,
    d: usize,
    seed: u64,
) -> (Vec<Vec<f32>>, Vec<Vec<f32>>, Vec<u64>, Vec<u64>) {
    let mut rng = Rng(seed);
    let mut rows = kind.rows(n + m, d, &mut rng);
    let y = rows.split_off(n);
    let groups = |n: usize, rng: &mut Rng| (0..n).map(|_| rng.below(7) as u64 * 1_000_003).collect();
    let gx = groups(n, &mut rng);
    (rows, y, gx, groups(m, &mut rng))
}

#[test]
fn ranks_equal_the_definition_on_every_kind_of_data() {
    for (seed, kind) in Kind::ALL.into_iter().enumerate() {
        for (n, m, d) in [(1, 1, 1), (9, 30, 2), (40, 35, 5), (140, 150, 33)] {
            let (x, y, gx, gy) = problem(kind, n, m, d, seed as u64);
            let matches = Matches::Groups { x: &gx, y: &gy };
            let found = Retrieval::of(&array(&x), &array(&y), matches).unwrap();
            let hard = HardNegatives::new(4).find(&array(&x), &array(&y), matches).unwrap();
            for i in 0..n {
                let scores: Vec<f64> = y.iter().map(|y| cosine(&x[i], y)).collect();
                let right: Vec<bool> = gy.iter().map(|g| *g == gx[i]).collect();
                let rank = reference::rank(&scores, &right);
                let counts = [found.above[i], found.tied[i], found.best[i], found.right[i]];
                assert_eq!(counts, [rank.above, rank.tied, rank.best, rank.right], "{kind:?} {n} {d} {i}");
                let best = (0..m).filter(|&j| right[j]).map(|j| scores[j]).fold(f64::NAN, f64::max);
                assert_eq!(
                    found.similarity[i].to_bits(),
                    if rank.right == 0 { f64::NAN } else { best }.to_bits()
                );
                let expected = reference::hardest(&scores, &right, 4);
                for k in 0..4 {
                    let row = expected.get(k).map_or(Negatives::NONE, |j| *j as u32);
                    assert_eq!(hard.rows[[i, k]], row, "{kind:?} {n} {d} row {i} place {k}");
                    let s = expected.get(k).map_or(f64::NAN, |j| scores[*j]);
                    assert_eq!(hard.similarities[[i, k]].to_bits(), s.to_bits());
                }
            }
        }
    }
}

/// Copies and rows that differ in the last bit: the matrix product alone would decide wrongly.
#[test]
fn ranks_of_near_ties_are_settled_by_the_definition() {
    let (x, y, _, _) = problem(Kind::LastBit, 130, 260, 64, 3);
    let found = Retrieval::of(&array(&x), &array(&y), Matches::Diagonal).unwrap();
    // The right candidate ties with itself, so no query is ranked by the fast arithmetic alone.
    assert_eq!((found.search.rows, found.search.truth), (130, 130));
    for i in 0..130 {
        let scores: Vec<f64> = y.iter().map(|y| cosine(&x[i], y)).collect();
        assert_eq!(found.above[i], scores.iter().filter(|s| **s > scores[i]).count() as u64);
        assert_eq!(found.tied[i] + 1, scores.iter().filter(|s| **s == scores[i]).count() as u64);
    }
}

#[test]
fn ranks_are_the_same_for_any_threads_and_layout() {
    let (x, y, gx, gy) = problem(Kind::Grid, 300, 270, 12, 4);
    let (a, b) = (array(&x), array(&y));
    let matches = Matches::Groups { x: &gx, y: &gy };
    let expected = Retrieval::of_on(&pauca::Cpu::new().unwrap(), &a, &b, matches, &super::serial()).unwrap();
    for n in [1, 2, 8] {
        let found = Retrieval::of_on(&pauca::Cpu::new().unwrap(), &a, &b, matches, &threads(n)).unwrap();
        assert_eq!(
            (&found.above, &found.tied, found.search.rows),
            (&expected.above, &expected.tied, expected.search.rows)
        );
    }
    let wide = Array2::from_shape_fn((12, 600), |(k, i)| a[[i / 2, k]]);
    let found = Retrieval::of(wide.slice(s![.., ..;2]).t(), &b, matches).unwrap();
    assert_eq!((found.above, found.tied), (expected.above, expected.tied));
}

#[test]
fn hard_negatives_are_the_same_for_any_threads() {
    let (x, y, gx, gy) = problem(Kind::Grid, 300, 270, 12, 4);
    let (a, b) = (array(&x), array(&y));
    let matches = Matches::Groups { x: &gx, y: &gy };
    let run = |cx: &pauca::Context| {
        HardNegatives::new(5).find_on(&pauca::Cpu::new().unwrap(), &a, &b, matches, cx).unwrap()
    };
    let expected = run(&super::serial());
    for n in [1, 2, 8] {
        let found = run(&threads(n));
        assert_eq!(found.rows, expected.rows);
        assert_eq!(bits(found.similarities), bits(expected.similarities.iter().copied()));
    }
}

#[test]
fn identity_similarity_gives_all_1() {
    let eye = Array2::from_shape_fn((20, 20), |(i, j)| f32::from(u8::from(i == j)));
    let found = Retrieval::of(&eye, &eye, Matches::Diagonal).unwrap();
    for &ties in RankTies::ALL {
        assert_eq!(found.recall_at(1, ties), Some(1.0));
        assert_eq!(
            (found.mrr(ties), found.mean_rank(ties), found.median_rank(ties)),
            (Some(1.0), Some(1.0), Some(1.0))
        );
    }
}

#[test]
fn retrieval_of_a_constant_model_is_chance() {
    let x = Array2::from_elem((30, 3), 1.5f32);
    let y = Array2::from_elem((50, 3), -2.0f32);
    let found = Retrieval::of(&x, &y, Matches::Diagonal).unwrap();
    for k in [1, 5, 10, 50] {
        let chance = k as f64 / 50.0;
        assert!((found.chance(k).unwrap() - chance).abs() < METRIC);
        assert!((found.recall_at(k, RankTies::Expected).unwrap() - chance).abs() < METRIC);
        assert_eq!(found.recall_at(k, RankTies::Optimistic), Some(1.0));
        assert_eq!(found.recall_at(k, RankTies::Pessimistic), Some(if k == 50 { 1.0 } else { 0.0 }));
    }
    assert_eq!(found.median_rank(RankTies::Expected), Some(25.5));
    assert_eq!(found.mean_rank(RankTies::Pessimistic), Some(50.0));
}

#[test]
fn queries_without_a_right_candidate_take_no_part() {
    let scores = ndarray::array![[0.9, 0.1], [0.5, 0.6], [0.3, 0.2]];
    let found = Retrieval::of_scores(scores.view(), Matches::Pairs(&[[0, 0], [1, 0]])).unwrap();
    assert_eq!(found.right.to_vec(), [1, 1, 0]);
    assert_eq!(found.recall_at(1, RankTies::Expected), Some(0.5));
    assert_eq!(found.hits(1, RankTies::Expected).unwrap(), [1.0, 0.0]);
    assert_eq!((found.rank(2, RankTies::Expected), found.rank(9, RankTies::Expected)), (None, None));
    assert!(found.similarity[2].is_nan());
    let none = Retrieval::of_scores(scores.view(), Matches::Pairs(&[])).unwrap();
    assert_eq!((none.recall_at(1, RankTies::Expected), none.mrr(RankTies::Expected)), (None, None));
    assert_eq!((none.median_rank(RankTies::Optimistic), none.chance(1)), (None, None));
}

proptest! {
    #[test]
    fn metrics_equal_the_reference(
        scores in prop::collection::vec(prop::collection::vec((0i8..4).prop_map(f64::from), 9), 1..12),
        groups in prop::collection::vec(0u64..4, 9),
    ) {
        let n = scores.len();
        let gx: Vec<u64> = (0..n as u64).map(|i| i % 4).collect();
        let matrix = array(&scores);
        let found = Retrieval::of_scores(matrix.view(), Matches::Groups { x: &gx, y: &groups }).unwrap();
        let ranks: Vec<reference::Rank> = (0..n)
            .map(|i| reference::rank(&scores[i], &groups.iter().map(|g| *g == gx[i]).collect::<Vec<_>>()))
            .filter(|r| r.right > 0)
            .collect();
        let mean = |f: &dyn Fn(&reference::Rank) -> f64| {
            (!ranks.is_empty()).then(|| ranks.iter().map(f).sum::<f64>() / ranks.len() as f64)
        };
        let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < METRIC,
            (a, b) => a == b,
        };
        for k in 0..=9 {
            prop_assert!(close(found.recall_at(k, RankTies::Expected), mean(&|r| reference::hit(r, k))));
            prop_assert!(close(found.recall_at(k, RankTies::Optimistic), mean(&|r| f64::from(r.above < k))));
            prop_assert!(close(found.recall_at(k, RankTies::Pessimistic), mean(&|r| f64::from(r.above + r.tied < k))));
            let now = POLICIES.map(|ties| found.recall_at(k, ties));
            prop_assert!(now[1] <= now[2].map(|v| v + METRIC) && now[2] <= now[0].map(|v| v + METRIC));
        }
        prop_assert!(close(found.mrr(RankTies::Expected), mean(&reference::reciprocal)));
        let places = |r: &reference::Rank| reference::places(r).iter().map(|(at, p)| *at as f64 * p).sum();
        prop_assert!(close(found.mean_rank(RankTies::Expected), mean(&places)));
        prop_assert!(close(found.mrr(RankTies::Optimistic), mean(&|r| 1.0 / (r.above + 1) as f64)));
    }

    #[test]
    fn chance_is_that_of_random_orders(m in 1u64..40, p in 1u64..40, k in 0u64..45) {
        let p = p.min(m);
        let y: Vec<u64> = (0..m).map(|j| u64::from(j >= p)).collect();
        let scores = Array2::from_elem((1, m as usize), 0.0);
        let found = Retrieval::of_scores(scores.view(), Matches::Groups { x: &[0], y: &y }).unwrap();
        let r = reference::Rank { above: 0, tied: m - p, best: p, right: p };
        prop_assert!((found.chance(k).unwrap() - reference::hit(&r, k)).abs() < METRIC);
        prop_assert!((found.recall_at(k, RankTies::Expected).unwrap() - reference::hit(&r, k)).abs() < METRIC);
    }

    #[test]
    fn recall_at_all_candidates_is_1(seed: u64) {
        let (found, m) = (coarse_retrieval(seed), 20);
        for &ties in RankTies::ALL {
            prop_assert!(found.recall_at(m, ties).is_none_or(|recall| recall == 1.0), "R@M = 1");
            prop_assert_eq!(found.recall_at(m + 3, ties), found.recall_at(m, ties));
            prop_assert!(found.recall_at(0, ties).is_none_or(|recall| recall == 0.0));
        }
    }

    #[test]
    fn recall_is_monotone_in_k(seed: u64) {
        let found = coarse_retrieval(seed);
        for &ties in RankTies::ALL {
            for k in 0..20 {
                let (few, many) = (found.recall_at(k, ties), found.recall_at(k + 1, ties));
                prop_assert!(many >= few.map(|few| few - METRIC), "{:?} {}", ties, k);
            }
        }
    }

    /// Candidates in another order change nothing; queries in another order change places.
    #[test]
    fn retrieval_is_permutation_equivariant(seed: u64) {
        let (x, y, gx, gy) = problem(Kind::Grid, 12, 20, 3, seed);
        let (to, order) = (Rng(seed ^ 2).permutation(12), Rng(seed ^ 1).permutation(20));
        let (px, pgx): (Vec<_>, Vec<_>) = to.iter().map(|&i| (x[i].clone(), gx[i])).unzip();
        let (py, pgy): (Vec<_>, Vec<_>) = order.iter().map(|&j| (y[j].clone(), gy[j])).unzip();
        let a = Retrieval::of(&array(&x), &array(&y), Matches::Groups { x: &gx, y: &gy }).unwrap();
        let b = Retrieval::of(&array(&px), &array(&py), Matches::Groups { x: &pgx, y: &pgy }).unwrap();
        for (k, &i) in to.iter().enumerate() {
            let of = |r: &Retrieval, i: usize| (r.above[i], r.tied[i], r.best[i], r.right[i]);
            prop_assert_eq!(of(&a, i), of(&b, k));
            prop_assert_eq!(a.similarity[i].to_bits(), b.similarity[k].to_bits());
        }
        for &ties in RankTies::ALL {
            prop_assert_eq!(a.recall_at(3, ties), b.recall_at(3, ties));
            prop_assert_eq!((a.mrr(ties), a.median_rank(ties)), (b.mrr(ties), b.median_rank(ties)));
        }
    }

    #[test]
    fn hard_negatives_never_return_the_excluded(seed: u64, k in 1usize..30) {
        let (found, groups) = hard_of_copies(seed, k);
        for i in 0..20 {
            let rows = || found.rows.row(i).into_iter().filter(|j| **j != Negatives::NONE);
            prop_assert!(rows().all(|&j| groups[j as usize] != groups[i] && j as usize != i));
        }
    }

    #[test]
    fn hard_negatives_are_min_of_k_and_available_each_once(seed: u64, k in 1usize..30) {
        let (found, groups) = hard_of_copies(seed, k);
        for i in 0..20 {
            let available = groups.iter().filter(|g| **g != groups[i]).count();
            let mut rows: Vec<u32> = found.rows.row(i).iter().copied().filter(|j| *j != Negatives::NONE).collect();
            prop_assert_eq!(rows.len(), k.min(available));
            prop_assert!(found.similarities.row(i).iter().take(rows.len()).is_sorted_by(|a, b| a >= b));
            rows.sort_unstable();
            rows.dedup();
            prop_assert_eq!(rows.len(), k.min(available));
        }
    }
}

/// 12 queries and 20 candidates on a grid, so that many tie.
fn coarse_retrieval(seed: u64) -> Retrieval {
    let (x, y, gx, gy) = problem(Kind::Grid, 12, 20, 3, seed);
    Retrieval::of(&array(&x), &array(&y), Matches::Groups { x: &gx, y: &gy }).unwrap()
}

/// The hard negatives of 20 rows, many of them copies, within one set; and their groups.
fn hard_of_copies(seed: u64, k: usize) -> (Negatives, Vec<u64>) {
    let (x, _, groups, _) = problem(Kind::Copies, 20, 1, 3, seed);
    let matches = Matches::Groups { x: &groups, y: &groups };
    let found = HardNegatives::new(k).within(true).find(&array(&x), &array(&x), matches).unwrap();
    (found, groups)
}

/// The policies, by hand: one right of three equals.
#[test]
fn the_policy_for_ties_decides_not_the_index() {
    let scores = ndarray::array![[0.5, 0.5, 0.5, 0.1]];
    for right in 0..3 {
        let found = Retrieval::of_scores(scores.view(), Matches::Pairs(&[[0, right]])).unwrap();
        let at_1 = POLICIES.map(|ties| found.recall_at(1, ties).unwrap());
        assert_eq!((at_1[0], at_1[1]), (1.0, 0.0));
        assert!((at_1[2] - 1.0 / 3.0).abs() < METRIC);
        assert_eq!(POLICIES.map(|ties| found.mean_rank(ties).unwrap()), [1.0, 3.0, 2.0]);
    }
}

#[test]
fn hard_negatives_within_one_set_leave_out_the_row_itself() {
    let x = Array2::from_shape_fn((5, 2), |(i, j)| (i * 2 + j) as f32 + 1.0);
    let none = Matches::Pairs(&[]);
    let found = HardNegatives::new(4).within(true).find(&x, &x, none).unwrap();
    assert!((0..5).all(|i| found.rows.row(i).iter().all(|j| *j != i as u32 && *j != Negatives::NONE)));
    let found = HardNegatives::new(1).find(&x, &x, none).unwrap();
    assert_eq!(found.rows.column(0).to_vec(), [0, 1, 2, 3, 4]);
}
