//! Screens, forced on: answers are those of the definition on every kind of data, and every tier settles rows of it.

use std::ops::Range;

use pauca::backend::{Above, Backend, Best, Boundary, Copies, Pair, Pairs, SearchStats, Threshold};
use pauca::{Blocked, Context, Control, Cpu, Exec, Init, KMeans, Level, Metric, Rows, Screens};
use pauca_reference::kmeans::predict;
use pauca_reference::truth::{Metric as Truth, cosine};
use pauca_tests::agree::assert_same;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;
use pauca_tests::subject::Subject;

/// What screens are for, and data that are hard for them.
#[derive(Clone, Copy, Debug)]
enum Hard {
    /// Targets of few clusters, rows near them.
    Clustered,
    /// 1 and noise of 1e-4: all rows are nearly parallel.
    NearTies,
    Kind(Kind),
}

fn kinds() -> impl Iterator<Item = Hard> {
    [Hard::Clustered, Hard::NearTies].into_iter().chain(Kind::ALL.into_iter().map(Hard::Kind))
}

impl Hard {
    fn rows(self, n: usize, d: usize, rng: &mut Rng) -> Vec<Vec<f32>> {
        match self {
            Hard::Kind(kind) => kind.rows(n, d, rng),
            Hard::NearTies => {
                (0..n).map(|_| (0..d).map(|_| (1.0 + 1e-4 * rng.normal()) as f32).collect()).collect()
            }
            Hard::Clustered => (0..n)
                .map(|_| {
                    // The centres are the same for rows and targets.
                    let mut centre = Rng(rng.below(40) as u64 + 1000);
                    (0..d).map(|_| (centre.normal() + 0.3 * rng.normal()) as f32).collect()
                })
                .collect(),
        }
    }
}

/// The row of the largest similarity, the first of equals.
fn most_similar(rows: Range<usize>, similarity: impl Fn(usize) -> f64) -> Best {
    rows.fold(Best::NONE, |best, i| {
        let found = Best { similarity: similarity(i), row: i as u64 };
        if found.similarity > best.similarity { found } else { best }
    })
}

fn truth(metric: Metric) -> Truth {
    match metric {
        Metric::SqEuclidean => Truth::SqEuclidean,
        Metric::Cosine => Truth::Cosine,
    }
}

/// Every kind of data, at shapes from one value to many: the nearest targets, with and without what was nearest before.
#[test]
fn every_path_gives_the_answers_of_the_definition() {
    let shapes: [(usize, usize, usize); 10] = [
        (70, 1, 5),
        (120, 3, 60),
        (600, 8, 130),
        (520, 64, 150),
        (80, 100, 49),
        (100, 384, 120),
        (40, 1300, 97),
        (4, 66_000, 3),
        (30, 16, 5000),
        (200, 31, 2),
    ];
    let levels = Level::available();
    let mut all = vec![SearchStats::default(); levels.len()];
    for hard in kinds() {
        for (seed, &(n, d, k)) in shapes.iter().enumerate() {
            for metric in Metric::ALL {
                let mut rng = Rng(seed as u64);
                let (x, c) = (hard.rows(n, d, &mut rng), hard.rows(k, d, &mut rng));
                let (xs, cs) = (array(&x), array(&c));
                let expected = predict(&x, &c, truth(metric));
                // Nothing known; the answer; wrong answers, and targets that are none.
                let wrong: Vec<u32> = (0..n).map(|i| [0, k as u32 - 1, u32::MAX][i % 3]).collect();
                for (level, all) in levels.iter().zip(&mut all) {
                    let cpu = Cpu::with_level(*level).unwrap().screens(Screens::Always);
                    let cx = Context::new(Exec::serial(), Control::new());
                    let block = cpu.load(Rows::F32(xs.view()), metric, &cx).unwrap();
                    let targets = cpu.targets(Rows::F32(cs.view()), metric, Copies::Collapse, &cx).unwrap();
                    for before in [None, Some(&expected), Some(&wrong)] {
                        let mut out = vec![u32::MAX; n];
                        let before = before.map(|before| &before[..]);
                        let stats = cpu.nearest(&block, &targets, before, &mut out, &cx).unwrap();
                        assert_eq!(out, expected, "{level:?} {hard:?} {metric:?} {n} {d} {k}");
                        assert_eq!(stats.rows, n as u64);
                        assert_eq!(stats.int8 + stats.f32 + stats.f64 + stats.truth, stats.rows, "{stats:?}");
                        all.merge(&stats);
                    }
                }
            }
        }
    }
    for (level, all) in levels.iter().zip(&all) {
        let least = [all.int8, all.f32, all.f64, all.truth].into_iter().min();
        assert!(least > Some(0), "a tier that settled nothing at {level:?}: {all:?}");
    }
}

/// Every kind of data, at shapes from one value to many: the most similar earlier row, and pairs above thresholds that
/// are similarities of the data, within groups and across.
#[test]
fn every_path_compares_pairs_as_the_definition_does() {
    let shapes = [(70, 1), (300, 8), (600, 64), (130, 100), (200, 384), (60, 1300), (6, 66_000)];
    let levels = Level::available();
    let mut all = vec![SearchStats::default(); levels.len()];
    for hard in kinds() {
        for (seed, &(n, d)) in shapes.iter().enumerate() {
            let mut rng = Rng(seed as u64 + 50);
            let x = hard.rows(n, d, &mut rng);
            let xs = array(&x);
            let similar: Vec<Vec<f64>> =
                (0..n).map(|j| (0..n).map(|i| cosine(&x[i], &x[j])).collect()).collect();
            let groups = [0, n / 3, n / 3, n / 3 + 1, n];
            // The earlier rows of a row: of its group, or all.
            let earlier = |j: usize, across: bool| match across {
                true => 0..n,
                false => groups.iter().rfind(|o| **o <= j).copied().unwrap_or(0)..j,
            };
            let thresholds: Vec<f64> = (0..n)
                .map(|_| {
                    let s = similar[rng.below(n)][rng.below(n)];
                    [s, s, s.next_down(), s.next_up(), 0.95][rng.below(5)]
                })
                .collect();
            for (level, all) in levels.iter().zip(&mut all) {
                let cpu = Cpu::with_level(*level).unwrap().screens(Screens::Always);
                let cx = Context::new(Exec::serial(), Control::new());
                let block = cpu.load(Rows::F32(xs.view()), Metric::Cosine, &cx).unwrap();
                let packed = [
                    cpu.pack(&block, Copies::Keep, &cx).unwrap(),
                    cpu.pack_pairs(&block, (n * n) as u64, None, &cx).unwrap(),
                    // A hint, and a wrong one: smaller similarities are asked for, too.
                    cpu.pack_pairs(&block, (n * n) as u64, Some(0.9), &cx).unwrap(),
                ];
                for (targets, across) in packed.iter().flat_map(|t| [(t, false), (t, true)]) {
                    let pairs = if across { Pairs::Across } else { Pairs::Within(&groups) };
                    let case = format!("{level:?} {hard:?} {n} {d} {across}");
                    let mut best = vec![Best::NONE; n];
                    all.merge(&cpu.earlier_max(&block, targets, pairs, 0, &mut best, &cx).unwrap());
                    for (j, best) in best.iter().enumerate() {
                        assert_eq!(
                            *best,
                            most_similar(earlier(j, across), |i| similar[j][i]),
                            "{case}: row {j}"
                        );
                    }
                    // What is known already: as similar a row, and one that is a little less similar.
                    let known = best.clone();
                    all.merge(&cpu.earlier_max(&block, targets, pairs, 7, &mut best, &cx).unwrap());
                    assert_eq!(best, known, "{case}");
                    let less = |best: &Best| Best { similarity: best.similarity.next_down(), row: u64::MAX };
                    best = known.iter().map(less).collect();
                    all.merge(&cpu.earlier_max(&block, targets, pairs, 0, &mut best, &cx).unwrap());
                    let found = best.iter().zip(&known).filter(|(_, known)| known.similarity.is_finite());
                    assert!(found.clone().all(|(best, known)| best == known), "{case}");
                    for (boundary, first_only) in [(Boundary::Gt, false), (Boundary::Ge, true)] {
                        let threshold = Threshold::Each(&thresholds);
                        let above = Above { threshold, boundary, first_only };
                        let mut found = Vec::new();
                        all.merge(&cpu.pairs_above(&block, targets, pairs, above, &mut found, &cx).unwrap());
                        let expected = (0..n).flat_map(|j| {
                            let passes =
                                move |s: f64, t: f64| if boundary == Boundary::Gt { s > t } else { s >= t };
                            let (similar, thresholds) = (&similar, &thresholds);
                            earlier(j, across)
                                .filter(move |i| passes(similar[j][*i], thresholds[j]))
                                .map(move |i| Pair {
                                    later: j as u32,
                                    earlier: i as u32,
                                    similarity: similar[j][i],
                                })
                                .take(if first_only { 1 } else { n })
                        });
                        assert!(found.iter().copied().eq(expected), "{case} {boundary:?}");
                    }
                }
            }
        }
    }
    for (level, all) in levels.iter().zip(&all) {
        let least = all.int8.min(all.truth).min(all.leading);
        assert!(least > 1000, "a tier that settled little at {level:?}: {all:?}");
    }
}

/// A few rows among many lie in a tight ball of more targets than a row may have left: they alone go to the next tier.
#[test]
fn few_rows_with_many_targets_are_settled_beside_the_others() {
    let (n, d, mut rng) = (300, 24, Rng(11));
    let ball = Hard::NearTies.rows(400, d, &mut rng);
    let clusters = Hard::Clustered.rows(n, d, &mut rng);
    // Every hundredth row lies in the ball.
    let mixed: Vec<Vec<f32>> =
        (0..n).map(|i| if i % 100 == 7 { ball[399 - i].clone() } else { clusters[i].clone() }).collect();
    let targets: Vec<Vec<f32>> = clusters[..100].iter().chain(&ball[..390]).cloned().collect();
    let (x, c) = (array(&mixed), array(&targets));
    let cx = Context::new(Exec::serial(), Control::new());
    for level in Level::available() {
        let cpu = Cpu::with_level(level).unwrap().screens(Screens::Always);
        for metric in Metric::ALL {
            let block = cpu.load(Rows::F32(x.view()), metric, &cx).unwrap();
            let packed = cpu.targets(Rows::F32(c.view()), metric, Copies::Collapse, &cx).unwrap();
            let mut labels = vec![u32::MAX; n];
            let stats = cpu.nearest(&block, &packed, None, &mut labels, &cx).unwrap();
            assert_eq!(labels, predict(&mixed, &targets, truth(metric)), "{level:?} {metric:?}");
            assert!(
                stats.int8 > 200 && stats.f32 + stats.f64 + stats.truth >= 3,
                "{level:?} {metric:?}: {stats:?}"
            );
        }
        // Pairs, whose targets have codes of 16 bits, or of 8.
        let all: Vec<Vec<f32>> = targets.iter().chain(&mixed).cloned().collect();
        let of_all = array(&all);
        let block = cpu.load(Rows::F32(of_all.view()), Metric::Cosine, &cx).unwrap();
        for least in [None, Some(0.9)] {
            let packed = cpu.pack_pairs(&block, u64::MAX, least, &cx).unwrap();
            let mut best = vec![Best::NONE; all.len()];
            cpu.earlier_max(&block, &packed, Pairs::Within(&[0, all.len()]), 0, &mut best, &cx).unwrap();
            for (j, best) in best.iter().enumerate() {
                let expected = most_similar(0..j, |i| cosine(&all[i], &all[j]));
                assert_eq!(*best, expected, "{level:?} {least:?}: row {j}");
            }
        }
    }
}

/// Pairs of a tight cluster lie just below the threshold: codes tell too little of them, and after the first rows the tile
/// takes over. Pairs far from the threshold stay with the codes.
#[test]
fn codes_that_tell_nothing_of_pairs_are_given_up() {
    let Some(level) = Level::available().into_iter().rfind(|level| *level != Level::Scalar) else {
        return pauca_tests::conformance::harness::say(
            "SKIPPED: only the scalar level, which has no screens",
        );
    };
    let (n, d, mut rng) = (1200, 128, Rng(7));
    // Similarities of about 1 / (1 + 0.23²).
    let x: Vec<Vec<f32>> =
        (0..n).map(|_| (0..d).map(|_| (1.0 + 0.23 * rng.normal()) as f32).collect()).collect();
    let xs = array(&x);
    let (cpu, cx) = (Cpu::with_level(level).unwrap(), Context::new(Exec::serial(), Control::new()));
    let block = cpu.load(Rows::F32(xs.view()), Metric::Cosine, &cx).unwrap();
    let targets = cpu.pack_pairs(&block, (n * n) as u64, None, &cx).unwrap();
    let at = |threshold: f64, cpu: &Cpu| {
        let threshold = Threshold::One(threshold);
        let above = Above { threshold, boundary: Boundary::Gt, first_only: false };
        let mut found = Vec::new();
        let stats = cpu.pairs_above(&block, &targets, Pairs::Across, above, &mut found, &cx).unwrap();
        (found, stats)
    };
    let plain = cpu.screens(Screens::Never);
    for threshold in [0.965, 0.999] {
        let ((found, stats), (expected, _)) = (at(threshold, &cpu), at(threshold, &plain));
        assert_eq!(found, expected, "{threshold}");
        assert_eq!(stats.rows, n as u64);
        // By the tile or, near the threshold, by the definition.
        let near = threshold == 0.965;
        assert_eq!(stats.f32 > 0, near, "{threshold}: {stats:?}");
        assert!(stats.int8 + stats.truth > 0, "{threshold}: {stats:?}");
    }
}

/// Targets may be packed by a backend of one level and asked by one of another: panels of its tile are packed anew.
#[test]
fn targets_of_one_level_are_asked_at_another() {
    let (n, d, k) = (70, 21, 50);
    let x = array(&Hard::Clustered.rows(n, d, &mut Rng(3)));
    let cx = Context::new(Exec::serial(), Control::new());
    let (c, screens) = (x.slice(ndarray::s![..k, ..]), [Screens::Never, Screens::Always]);
    for (level, screens) in Level::available().into_iter().flat_map(|l| screens.map(|s| (l, s))) {
        let cpu = Cpu::with_level(level).unwrap().screens(screens);
        let targets = cpu.targets(Rows::F32(c), Metric::SqEuclidean, Copies::Keep, &cx).unwrap();
        for other in Level::available() {
            let cpu = Cpu::with_level(other).unwrap().screens(screens);
            let block = cpu.load(Rows::F32(x.view()), Metric::SqEuclidean, &cx).unwrap();
            let mut labels = vec![0; n];
            cpu.nearest(&block, &targets, None, &mut labels, &cx).unwrap();
            // Rows are their own nearest targets.
            assert!(labels[..k].iter().enumerate().all(|(i, l)| i == *l as usize), "{level:?}, {other:?}");
        }
    }
}

/// Whole runs: what is carried from one iteration to the next, or has no room, changes nothing.
#[test]
fn runs_do_not_depend_on_screens() {
    let (mut settled, mut leading) = (0, 0);
    for (seed, hard) in kinds().enumerate() {
        for spherical in [false, true] {
            let (n, d, k) = (400, 45, 60);
            let x = hard.rows(n, d, &mut Rng(seed as u64));
            let weights: Vec<f32> = (0..n).map(|i| (i % 4) as f32).collect();
            let xs = array(&x);
            let rows = Rows::F32(xs.view());
            let config = KMeans::new(k).spherical(spherical).max_iter(6).init(Init::Random).seed(seed as u64);
            for weights in [None, Some(&weights[..])] {
                let fit = |screens: Screens, bytes: usize, block: usize| {
                    let cpu = Cpu::new().unwrap().screens(screens).code_bytes(bytes);
                    let s = Subject::new(cpu, Exec::rayon());
                    if block == 0 {
                        config.fit_on(&s.backend, &rows, weights, &s.cx).unwrap()
                    } else {
                        let blocked = Blocked::new(rows, block).unwrap();
                        config.fit_on(&s.backend, &blocked, weights, &s.cx).unwrap()
                    }
                };
                let expected = fit(Screens::Never, 0, 0);
                for (bytes, block) in [(usize::MAX, 0), (0, 0), (usize::MAX, 70), (10_000, 70)] {
                    let found = fit(Screens::Always, bytes, block);
                    assert_same(&found, &expected);
                    settled += found.search.int8;
                    leading += found.search.leading;
                }
            }
        }
    }
    assert!(settled > 1000 && leading > 1000, "{settled} {leading}");
}
