//! CLIPScore, filters, sampling, pairwise benchmarks, zero-shot classes.

use ndarray::{Array2, s};
use pauca::alignment::{
    ClipScore, Filter, Winoground, ZeroRows, ZeroShot, balanced_sample, choices, mismatched, pairwise,
};
use pauca::stats::round_half_even;
use pauca::{Boundary, Cpu, Error, Level, Rows};
use pauca_reference::clip_score as reference;
use pauca_tests::data::{Kind, Rng};
use proptest::prelude::*;

use super::{array, bits, serial, threads};

fn sides(kind: Kind, n: usize, d: usize, seed: u64) -> [Vec<Vec<f32>>; 2] {
    let mut rng = Rng(seed);
    [kind.rows(n, d, &mut rng), kind.rows(n, d, &mut rng)]
}

#[test]
fn clip_score_equals_the_reference_on_every_kind_of_data() {
    for (seed, kind) in Kind::ALL.into_iter().enumerate() {
        for d in [1, 3, 17, 70] {
            let [x, y] = sides(kind, 33, d, seed as u64);
            let (a, b) = (array(&x), array(&y));
            for (preset, weight, clip) in [
                (ClipScore::survey(), 1.0, false),
                (ClipScore::hessel(), 2.5, true),
                (ClipScore::survey().weight(100.0).clip_negative(true), 100.0, true),
            ] {
                let expected: Vec<f64> =
                    x.iter().zip(&y).map(|(x, y)| reference::score(x, y, weight, clip)).collect();
                let found = preset.zero_rows(ZeroRows::Zero).score(&a, &b).unwrap();
                assert_eq!(bits(found.scores.to_vec()), bits(expected.clone()), "{kind:?} {d}");
                assert_eq!(found.mean.to_bits(), reference::mean(&expected).to_bits());
                assert!(found.scores.iter().all(|s| s.abs() <= weight && (!clip || *s >= 0.0)));
            }
        }
    }
}

/// Clipped within [0, w], plain within [-w, w]: also where rounding would leave it.
#[test]
fn score_in_0_w() {
    for (seed, kind) in Kind::ALL.into_iter().enumerate() {
        for d in [1, 2, 7, 33] {
            let [x, mut y] = sides(kind, 60, d, seed as u64);
            // The ends: the row itself, and its opposite.
            y[..20].clone_from_slice(&x[..20]);
            for (to, from) in y[20..40].iter_mut().zip(&x[20..40]) {
                *to = from.iter().map(|v| -v).collect();
            }
            for w in [1.0, 2.5, 100.0, 0.1] {
                let score = ClipScore::survey().weight(w).zero_rows(ZeroRows::Zero);
                let within = |clip: bool, low: f64| {
                    let found = score.clip_negative(clip).score(&array(&x), &array(&y)).unwrap();
                    assert!(found.scores.iter().all(|s| (low..=w).contains(s)), "{kind:?} {d} {w}");
                    assert!((low..=w).contains(&found.mean));
                };
                within(true, 0.0);
                within(false, -w);
            }
        }
    }
}

#[test]
fn survey_is_the_plain_cosine_and_hessel_2_5_clipped() {
    let same = |a: ClipScore, b: ClipScore| assert_eq!(a, b);
    same(ClipScore::survey(), ClipScore::hessel().weight(1.0).clip_negative(false));
    same(ClipScore::hessel(), ClipScore::survey().weight(2.5).clip_negative(true));
    assert_eq!([0.5, -0.5].map(|c| ClipScore::survey().of_cosine(c)), [0.5, -0.5]);
    assert_eq!([0.5, -0.5].map(|c| ClipScore::hessel().of_cosine(c)), [1.25, 0.0]);
}

#[test]
fn clip_score_is_the_same_for_any_threads_strides_and_element_types() {
    let [x, y] = sides(Kind::Short, 3000, 20, 5);
    let (a, b) = (array(&x), array(&y));
    let (rows_a, rows_b) = (Rows::F32(a.view()), Rows::F32(b.view()));
    let score = ClipScore::hessel();
    let expected = score.score_in(&rows_a, &rows_b, &serial()).unwrap();
    for n in [1, 2, 3, 8] {
        assert_eq!(score.score_in(&rows_a, &rows_b, &threads(n)).unwrap(), expected);
    }
    let fortran = a.t().as_standard_layout().into_owned();
    let wide = Array2::from_shape_fn((3000, 41), |(i, j)| if j % 2 == 1 { b[[i, j / 2]] } else { f32::NAN });
    assert_eq!(score.score(fortran.t(), wide.slice(s![.., 1..;2])).unwrap(), expected);
    assert_eq!(score.score(&a.mapv(half::f16::from_f32), &b).unwrap(), expected);
    assert_eq!(score.score(&a, &b.mapv(half::bf16::from_f32)).unwrap(), expected);
}

#[test]
fn clip_score_of_rows_of_zeros_follows_the_policy() {
    let a = ndarray::array![[1.0f32, 0.0], [0.0, -0.0], [0.0, 2.0]];
    let b = ndarray::array![[1.0f32, 0.0], [1.0, 0.0], [0.0, 1.0]];
    for (x, y) in [(&a, &b), (&b, &a)] {
        assert!(matches!(ClipScore::survey().score(x, y), Err(Error::ZeroRow { row: 1 })));
        let found = ClipScore::survey().zero_rows(ZeroRows::Zero).score(x, y).unwrap();
        assert_eq!((found.scores.to_vec(), found.zero_rows), (vec![1.0, 0.0, 1.0], 1));
    }
}

#[test]
fn clip_score_orders_do_not_depend_on_the_preset_above_zero() {
    let [x, y] = sides(Kind::Normal, 200, 8, 9);
    let survey = ClipScore::survey().score(&array(&x), &array(&y)).unwrap().scores;
    let hessel = ClipScore::hessel().score(&array(&x), &array(&y)).unwrap().scores;
    for i in 0..200 {
        assert_eq!(hessel[i], if survey[i] > 0.0 { 2.5 * survey[i] } else { 0.0 });
        assert_eq!(hessel[i], ClipScore::hessel().of_cosine(survey[i]));
    }
}

fn coarse() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-4i8..4).prop_map(|v| f64::from(v) / 4.0), 0..60)
}

/// The four scores of a Winoground item, of `levels` values.
fn item(levels: i8) -> impl Strategy<Value = [[f64; 2]; 2]> {
    prop::array::uniform2(prop::array::uniform2((0..levels).prop_map(f64::from)))
}

proptest! {
    #[test]
    fn fractions_keep_exactly_their_number_and_the_lower_index_on_ties(scores in coarse(), f in 0.0..=1.0f64) {
        let n = scores.len();
        let count = round_half_even(f * n as f64) as usize;
        let found = Filter::fraction(f).select(&scores).unwrap();
        prop_assert_eq!(found.keep.to_vec(), reference::top(&scores, count));
        prop_assert_eq!(found.kept, count);
        prop_assert_eq!(&found.keep, &Filter::top(count).select(&scores).unwrap().keep);
        let level = (0..n).filter(|&i| scores[i] == found.cutoff && !found.keep[i]).count();
        prop_assert_eq!(found.tied_out, level);
        prop_assert_eq!(found.cutoff.is_nan(), count == 0);
    }

    #[test]
    fn fractions_are_nested(scores in coarse(), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
        let few = Filter::fraction(a.min(b)).select(&scores).unwrap();
        let many = Filter::fraction(a.max(b)).select(&scores).unwrap();
        prop_assert!(few.keep.iter().zip(&many.keep).all(|(few, many)| !few || *many));
    }

    #[test]
    fn thresholds_split_at_the_boundary(scores in coarse(), t in -4i8..4) {
        let t = f64::from(t) / 4.0;
        let ge = Filter::threshold(t, Boundary::Ge).select(&scores).unwrap();
        let gt = Filter::threshold(t, Boundary::Gt).select(&scores).unwrap();
        for i in 0..scores.len() {
            prop_assert_eq!(ge.keep[i], scores[i] >= t);
            prop_assert_eq!(gt.keep[i], scores[i] > t);
        }
        prop_assert_eq!(ge.tied_out, 0);
    }

    #[test]
    fn mismatched_is_a_cycle_without_fixed_rows(n in 2usize..200, seed: u64) {
        let partner = mismatched(n, seed).unwrap();
        let (mut at, mut steps) = (0, 0);
        loop {
            prop_assert_ne!(partner[at], at);
            at = partner[at];
            steps += 1;
            if at == 0 {
                break;
            }
        }
        prop_assert_eq!(steps, n);
    }

    #[test]
    fn balanced_samples_are_min_of_cap_and_group(groups in prop::collection::vec(0u64..5, 1..80), cap in 0usize..6, seed: u64) {
        let ids: Vec<u64> = (0..groups.len() as u64).map(|i| i * 7 + 3).collect();
        let keep = balanced_sample(&groups, &ids, cap, seed).unwrap();
        for group in 0..5 {
            let members = || (0..groups.len()).filter(|&i| groups[i] == group);
            prop_assert_eq!(members().filter(|&i| keep[i]).count(), cap.min(members().count()));
        }
    }

    #[test]
    fn balanced_samples_are_those_of_seed_and_ids_in_any_order(groups in prop::collection::vec(0u64..5, 1..80), cap in 0usize..6, seed: u64) {
        let ids: Vec<u64> = (0..groups.len() as u64).map(|i| i * 7 + 3).collect();
        let keep = balanced_sample(&groups, &ids, cap, seed).unwrap();
        let order = Rng(seed ^ 1).permutation(groups.len());
        let of = |values: &[u64]| order.iter().map(|&i| values[i]).collect::<Vec<_>>();
        let moved = balanced_sample(&of(&groups), &of(&ids), cap, seed).unwrap();
        prop_assert!(order.iter().zip(&moved).all(|(&i, kept)| keep[i] == *kept));
    }

    #[test]
    fn balanced_samples_of_shards_merge(groups in prop::collection::vec(0u64..5, 1..80), cap in 0usize..6, seed: u64) {
        let ids: Vec<u64> = (0..groups.len() as u64).map(|i| i * 7 + 3).collect();
        let whole = balanced_sample(&groups, &ids, cap, seed).unwrap();
        for shards in [1, 3, 8] {
            let mut left: Vec<usize> = Vec::new();
            for shard in 0..shards {
                let rows: Vec<usize> = (0..groups.len()).filter(|i| i % shards == shard).collect();
                let pick = |of: &[u64]| rows.iter().map(|&i| of[i]).collect::<Vec<_>>();
                let keep = balanced_sample(&pick(&groups), &pick(&ids), cap, seed).unwrap();
                left.extend(rows.iter().zip(&keep).filter(|(_, k)| **k).map(|(i, _)| *i));
            }
            left.sort_unstable();
            let pick = |of: &[u64]| left.iter().map(|&i| of[i]).collect::<Vec<_>>();
            let keep = balanced_sample(&pick(&groups), &pick(&ids), cap, seed).unwrap();
            let merged: Vec<usize> = left.iter().zip(&keep).filter(|(_, k)| **k).map(|(i, _)| *i).collect();
            let expected: Vec<usize> = (0..groups.len()).filter(|&i| whole[i]).collect();
            prop_assert_eq!(merged, expected);
        }
    }

    #[test]
    fn winoground_equals_the_reference(items in prop::collection::vec(item(4), 1..30)) {
        let found = Winoground::of(&items).unwrap();
        let expected = items.iter().fold([0; 3], |mut wins, item| {
            wins.iter_mut().zip(reference::winoground(item)).for_each(|(w, won)| *w += u64::from(won));
            wins
        });
        prop_assert_eq!([found.text.wins, found.image.wins, found.group.wins], expected);
        for outcomes in [found.text, found.image, found.group] {
            prop_assert_eq!(outcomes.items(), items.len() as u64);
            prop_assert!(outcomes.tie_credit >= 0.0 && outcomes.tie_credit <= outcomes.ties as f64);
        }
    }

    #[test]
    fn winoground_group_is_at_most_text_and_image(items in prop::collection::vec(item(3), 1..30)) {
        let found = Winoground::of(&items).unwrap();
        prop_assert!(found.group.wins <= found.text.wins.min(found.image.wins));
        prop_assert!(found.group.strict() <= found.text.strict().min(found.image.strict()));
        // A sum of 24ths on either side.
        let slack = items.len() as f64 * f64::EPSILON;
        prop_assert!(found.group.expected() <= found.text.expected().min(found.image.expected()) + slack);
    }

    /// Infinitesimal noise, drawn, has the mean that `tie_credit` states.
    #[test]
    fn tie_credit_is_what_noise_gives(item in item(2)) {
        const DRAWS: usize = 4000;
        /// Five standard errors of a share of `DRAWS` draws.
        const NOISE: f64 = 5.0 * 0.5 / 63.2;
        let found = Winoground::of(&[item]).unwrap();
        let mut rng = Rng(1);
        let mut wins = [0.0; 3];
        for _ in 0..DRAWS {
            let noisy = item.map(|row| row.map(|v| v + 1e-9 * rng.unit()));
            wins.iter_mut().zip(reference::winoground(&noisy)).for_each(|(w, won)| *w += f64::from(won));
        }
        for (wins, outcomes) in wins.iter().zip([found.text, found.image, found.group]) {
            prop_assert!((wins / DRAWS as f64 - outcomes.expected()).abs() < NOISE);
        }
    }
}

/// s(C0,I0) = s(C1,I0) is no win of the text, s(C0,I0) = s(C0,I1) none of the image.
#[test]
fn winoground_wins_are_strictly_greater() {
    let wins = |item: [[f64; 2]; 2]| {
        let found = Winoground::of(&[item]).unwrap();
        [found.text, found.image, found.group].map(|o| o.wins)
    };
    // [caption][image].
    assert_eq!(wins([[2.0, 1.0], [1.0, 2.0]]), [1, 1, 1]);
    assert_eq!(wins([[2.0, 1.0], [2.0, 3.0]]), [0, 1, 0]);
    assert_eq!(wins([[2.0, 2.0], [1.0, 3.0]]), [1, 0, 0]);
    assert_eq!(wins([[1.0, 2.0], [2.0, 1.0]]), [0, 0, 0]);
}

#[test]
fn winoground_of_all_ties_is_0() {
    let found = Winoground::of(&[[[0.5; 2]; 2]; 9]).unwrap();
    for outcomes in [found.text, found.image, found.group] {
        assert_eq!((outcomes.wins, outcomes.ties, outcomes.losses, outcomes.strict()), (0, 9, 0, 0.0));
    }
}

#[test]
fn constant_scores_have_strict_0_and_the_expectation_of_chance() {
    let n = 37;
    let pairs = pairwise(&vec![0.25; n], &vec![0.25; n]).unwrap();
    assert_eq!((pairs.strict(), pairs.expected(), pairs.ties), (0.0, 0.5, n as u64));
    // Also when the right answer comes first, where argmax would score 100 %.
    let scores = Array2::from_elem((n, 4), -1.0);
    let four = choices(scores.view(), &vec![0; n]).unwrap();
    assert_eq!((four.strict(), four.expected(), four.ties), (0.0, 0.25, n as u64));
    let all = Winoground::of(&vec![[[3.0; 2]; 2]; 24]).unwrap();
    assert_eq!([all.text.strict(), all.image.strict(), all.group.strict()], [0.0; 3]);
    assert_eq!([all.text.expected(), all.image.expected()], [0.25; 2]);
    // Chance of the group score is 1/6, here a sum of 24 rounded sixths.
    assert!((all.group.expected() - 1.0 / 6.0).abs() < 24.0 * f64::EPSILON);
}

#[test]
fn a_score_that_is_not_finite_is_refused_under_every_rule() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for filter in [Filter::threshold(0.0, Boundary::Ge), Filter::fraction(0.5), Filter::top(1)] {
            let refused = filter.select(&[1.0, 0.5, bad]);
            assert!(matches!(refused, Err(Error::NonFinite { what: "scores", row: 2, .. })), "{filter:?}");
        }
    }
}

#[test]
fn pairwise_signed_zeros_tie() {
    let found = pairwise(&[0.0, 1.0, 2.0], &[-0.0, 2.0, 1.0]).unwrap();
    assert_eq!((found.wins, found.ties, found.losses), (1, 1, 1));
}

/// A mean of five shares of at most 1, added in another order.
const MEAN_OF_CLASSES: f64 = 5.0 * f64::EPSILON;

#[test]
fn zero_shot_classes_equal_the_reference_and_predict_the_nearest() {
    for (seed, kind) in [Kind::Normal, Kind::Grid, Kind::Multiples, Kind::MixedRows].into_iter().enumerate() {
        let mut rng = Rng(seed as u64);
        let mut texts = kind.rows(40, 9, &mut rng);
        texts.iter_mut().for_each(|row| row[0] += 0.5);
        let class_of: Vec<u32> = (0..40).map(|i| (i * 7 % 5) as u32).collect();
        let expected = reference::classes(&texts, &class_of, 5);
        let pictures = kind.rows(60, 9, &mut rng);
        for level in Level::available() {
            let backend = Cpu::with_level(level).unwrap();
            let (t, p) = (array(&texts), array(&pictures));
            let rows = Rows::F32(t.view());
            let found = ZeroShot::from_texts_on(&backend, &rows, &class_of, 5, &serial()).unwrap();
            assert_eq!(found.classes, array(&expected), "{kind:?}");
            let labels = found.predict_on(&backend, &Rows::F32(p.view()), &serial()).unwrap();
            for (picture, label) in pictures.iter().zip(&labels) {
                assert_eq!(*label, pauca_reference::truth::Metric::Cosine.nearest(picture, &expected));
            }
            let truth: Vec<u32> = (0..60).map(|i| i % 5).collect();
            let accuracy = found.accuracy(&labels.to_vec(), &truth).unwrap();
            assert_eq!(accuracy.total.to_vec(), [12; 5]);
            let right = labels.iter().zip(&truth).filter(|(a, b)| a == b).count();
            assert_eq!(accuracy.overall(), right as f64 / 60.0);
            let by_class = accuracy.right.iter().map(|r| *r as f64 / 12.0).sum::<f64>() / 5.0;
            assert!((accuracy.by_class() - by_class).abs() < MEAN_OF_CLASSES);
        }
    }
}
