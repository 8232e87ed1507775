//! Numbered hard cases of exact memorization, and those of the softmax that every score rests on.

use pauca::Error;
use pauca::memorization::{Hits, LogitScan, TokenScores};
use pauca_tests::layout::array;

use super::ulps;

fn score(rows: &[Vec<f32>], targets: &[u32]) -> TokenScores {
    let mut scan = LogitScan::new(targets, rows[0].len()).unwrap();
    scan.push(0, &array(rows)).unwrap();
    scan.finish().unwrap()
}

#[test]
fn case_59_no_target_id_outside_all_match() {
    let none = Hits::from_ids(&[], &[], None, 10).unwrap().count();
    assert!(matches!(none.fraction(), Err(Error::Empty { .. })));
    assert!(matches!(LogitScan::new(&[], 10), Err(Error::Empty { .. })));
    let outside = Hits::from_ids(&[1], &[10], None, 10);
    assert!(matches!(
        outside,
        Err(Error::TokenOutOfRange { what: "target", position: 0, id: 10, vocabulary: 10 })
    ));
    assert!(matches!(LogitScan::new(&[10], 10), Err(Error::TokenOutOfRange { .. })));
    let all = Hits::from_ids(&[3, 1, 4], &[3, 1, 4], None, 10).unwrap().count();
    assert_eq!(all.fraction().unwrap(), 1.0);
}

/// The softmax side of the contrastive case: a row's loss is minus its target's log-probability.
#[test]
fn case_60_equal_single_huge_and_sharp_logits() {
    let equal = score(&vec![vec![0.3; 4]; 4], &[0, 1, 2, 3]);
    assert!(equal.log_prob.iter().all(|l| ulps(-l, 1.386_294_361_119_890_6) <= 2.0));
    assert_eq!(score(&[vec![5.0]], &[0]).log_prob[0].to_bits(), 0);
    let huge = score(&[vec![1e4, -1e4], vec![1e4, -1e4]], &[0, 1]);
    assert_eq!(huge.log_prob.to_vec(), [0.0, -2e4]);
    // Identity over 0.07: log1p(e^(-1/0.07)) is 6.248747556598679e-7; the f32 logit is a little
    // above 1/0.07, and the loss of that logit is what 60 digits say.
    let sharp = score(&[vec![1.0 / 0.07, 0.0]], &[0]);
    assert!(ulps(-sharp.log_prob[0], SHARP) <= 4.0, "{:e}", sharp.log_prob[0]);
}

const SHARP: f64 = 6.248_748_408_444_468e-7;
