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

use crate::{array, bits, serial, threads};

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

#[test]
fn clip_score_is_the_same_for_any_threads_strides_and_element_types() {
    let [x, y] = sides(Kind::Short, 3000, 20, 5);
    let (a, b) = (array(&x), array(&y));
    let (rows_a, rows_b) = (Rows::F32(a.view()), Rows::F32(b.view()));
    let score = ClipScore::hessel();
    let expected = score.score_on(&rows_a, &rows_b, &serial()).unwrap();
    for n in [1, 2, 3, 8] {
        assert_eq!(score.score_on(&rows_a, &rows_b, &threads(n)).unwrap(), expected);
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
    fn smaller_fractions_keep_subsets(scores in coarse(), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
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
    fn balanced_samples_of_shards_merge(groups in prop::collection::vec(0u64..5, 1..80), cap in 0usize..6, seed: u64) {
        let ids: Vec<u64> = (0..groups.len() as u64).map(|i| i * 7 + 3).collect();
        let whole = balanced_sample(&groups, &ids, cap, seed).unwrap();
        for group in 0..5 {
            let members = (0..groups.len()).filter(|&i| groups[i] == group);
            let (all, kept) = members.fold((0, 0), |(all, kept), i| (all + 1, kept + usize::from(whole[i])));
            prop_assert_eq!(kept, cap.min(all));
        }
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
    fn winoground_equals_the_reference_and_groups_are_never_better(
        items in prop::collection::vec(prop::array::uniform2(prop::array::uniform2((0i8..4).prop_map(f64::from))), 1..30)
    ) {
        let found = Winoground::of(&items).unwrap();
        let expected = items.iter().fold([0; 3], |mut wins, item| {
            wins.iter_mut().zip(reference::winoground(item)).for_each(|(w, won)| *w += u64::from(won));
            wins
        });
        prop_assert_eq!([found.text.wins, found.image.wins, found.group.wins], expected);
        prop_assert!(found.group.wins <= found.text.wins.min(found.image.wins));
        for outcomes in [found.text, found.image, found.group] {
            prop_assert_eq!(outcomes.items(), items.len() as u64);
            prop_assert!(outcomes.tie_credit >= 0.0 && outcomes.tie_credit <= outcomes.ties as f64);
        }
    }

    /// Infinitesimal noise, drawn, has the mean that `tie_credit` states.
    #[test]
    fn tie_credit_is_what_noise_gives(item in prop::array::uniform2(prop::array::uniform2((0i8..2).prop_map(f64::from)))) {
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
fn pairwise_signed_zeros_tie() {
    let found = pairwise(&[0.0, 1.0, 2.0], &[-0.0, 2.0, 1.0]).unwrap();
    assert_eq!((found.wins, found.ties, found.losses), (1, 1, 1));
}

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
            assert!((accuracy.by_class() - by_class).abs() < 1e-15);
        }
    }
}
