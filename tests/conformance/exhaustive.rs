//! Every set of points with coordinates in {-1, 0, 1}: small enough to try all, and full of ties,
//! copies, zero rows and opposite rows.

use pauca::{
    Boundary, Context, Control, Cpu, Dedup, EmptyClusters, Exec, Init, KMeans, Order, Rows, Rule, SemDedup,
};
use pauca_reference::kmeans as reference;
use pauca_reference::semdedup;
use pauca_reference::truth::Metric;
use pauca_tests::agree::assert_clusters;
use pauca_tests::layout::array;

/// All sets of `n` points of dimension `d`.
fn point_sets(n: usize, d: usize) -> impl Iterator<Item = Vec<Vec<f32>>> {
    (0..3usize.pow((n * d) as u32)).map(move |mut code| {
        let mut digit = || {
            let value = (code % 3) as f32 - 1.0;
            code /= 3;
            value
        };
        (0..n).map(|_| (0..d).map(|_| digit()).collect()).collect()
    })
}

const SHAPES: [(usize, usize); 8] = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (1, 2), (2, 2), (3, 2)];

#[test]
fn kmeans_on_every_small_set_of_points() {
    let (backend, cx) = (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()));
    let mut runs = 0;
    for (n, d) in SHAPES {
        let ids: Vec<u64> = (0..n as u64).collect();
        for x in point_sets(n, d) {
            let data = array(&x);
            for k in 1..=n.min(3) {
                for spherical in [false, true] {
                    for plus_plus in [false, true] {
                        let given = x[..k].to_vec();
                        let config = KMeans::new(k).spherical(spherical).max_iter(6).init(if plus_plus {
                            Init::KMeansPlusPlus
                        } else {
                            Init::Given(array(&given))
                        });
                        let config = config.empty_clusters(EmptyClusters::Relocate);
                        let found = config.fit_on(&backend, &Rows::F32(data.view()), None, &cx).unwrap();
                        let expected = reference::KMeans {
                            k,
                            metric: if spherical { Metric::Cosine } else { Metric::SqEuclidean },
                            init: if plus_plus {
                                reference::Init::KMeansPlusPlus
                            } else {
                                reference::Init::Given(given)
                            },
                            max_iter: 6,
                            ..Default::default()
                        };
                        assert_clusters(&found, &reference::kmeans(&x, &ids, &vec![1.0; n], &expected));
                        runs += 1;
                    }
                }
            }
        }
    }
    assert_eq!(runs, 13_728);
}

#[test]
fn semdedup_on_every_small_set_of_points() {
    let (backend, cx) = (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()));
    for (n, d) in SHAPES {
        let order = Order::Custom((0..n).map(|i| i as f64).collect());
        let in_order = vec![(0..n).collect::<Vec<_>>()];
        for x in point_sets(n, d) {
            let data = array(&x);
            let rows = Rows::F32(data.view());
            let config = KMeans::new(1).max_iter(0).init(Init::Given(array(&x[..1])));
            let c = config.fit_on(&backend, &rows, None, &cx).unwrap();
            for epsilon in [0.0, 0.3, 1.0, 2.0] {
                for (boundary, expected) in
                    [(Boundary::Gt, semdedup::Boundary::Gt), (Boundary::Ge, semdedup::Boundary::Ge)]
                {
                    let run = |rule| {
                        let config =
                            SemDedup::new(rule).epsilon(epsilon).boundary(boundary).order(order.clone());
                        config.fit_on(&backend, &rows, &c, &cx).unwrap()
                    };
                    let witness = |w: &Vec<Option<usize>>| -> Vec<u64> {
                        w.iter().map(|w| w.map_or(Dedup::NONE, |i| i as u64)).collect()
                    };
                    let max = run(Rule::EarlierMax);
                    let scores = semdedup::earlier_max(&x, &in_order);
                    assert_eq!(max.witness.to_vec(), witness(&scores.witness), "{x:?}");
                    let keep = semdedup::keep_by_epsilon(&scores.score, epsilon, expected);
                    assert_eq!(max.keep.to_vec(), keep, "{x:?}");
                    let cover = semdedup::greedy_cover(&x, &in_order, epsilon, expected);
                    assert_eq!(run(Rule::GreedyCover).witness.to_vec(), witness(&cover), "{x:?}");
                }
            }
        }
    }
}
