//! Initial centroids: k-means++ as an exponential race, and random rows.
//!
//! k-means++ (Arthur and Vassilvitskii 2007, section 2.2):
//!   1a. take one centre uniformly at random;
//!   1b. take a new centre, choosing x with probability D(x)² / sum D²;
//!   1c. repeat 1b until there are k.
//!
//! The race. Give every row one exponential clock of rate h_i = w_i D_i². The first clock to
//! ring belongs to row i with probability h_i / sum h: exactly 1b, and one number per row is
//! drawn once, whatever the order in which rows are met. A row that has not rung yet has learnt
//! nothing about its future (an exponential has no memory), so the race simply goes on, with
//! new rates after each centre: a clock holds a *remaining* exponential amount, which runs down
//! at rate h_i. Restarting the clocks instead would be biased.
//!
//! Under the cosine a row of zeros has no direction: it is never drawn, and seeds only when too few
//! others can.

use crate::ln::ln;
use crate::philox::{FIRST_SEED, RACE, RANDOM_INIT, STREAMS_PER_STAGE, bits, uniform};
use crate::truth::Metric;

/// Rows chosen as initial centroids.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeds {
    /// The rows, in the order in which they were chosen.
    pub rows: Vec<usize>,
    /// How many of them were drawn before every row coincided with a centre; the others are
    /// the lowest unused rows.
    pub distinct: usize,
}

/// One row's clock.
struct Clock {
    /// Distance to the nearest centre so far: squared Euclidean, or 1 - S.
    nearest: f64,
    /// Amount that still has to run down.
    remaining: f64,
    /// Rate since `since`.
    hazard: f64,
    /// When the rate last changed.
    since: f64,
    /// When it rings at the present rate; infinity: never.
    rings: f64,
}

/// Whether row `i` has no direction under the metric.
fn undirected(row: &[f32], metric: Metric) -> bool {
    metric == Metric::Cosine && row.iter().all(|&v| v as f64 == 0.0)
}

/// k-means++ by the race. `weights[i] = 0`: never chosen.
pub fn kmeans_plus_plus(
    x: &[Vec<f32>],
    ids: &[u64],
    weights: &[f32],
    k: usize,
    metric: Metric,
    seed: u64,
    stage: u32,
) -> Seeds {
    let stream = |s: u32| s + STREAMS_PER_STAGE * stage;
    let exponential = |i: usize, s: u32| -ln(uniform(seed, ids[i], stream(s)));

    let rates: Vec<f64> =
        (0..x.len()).map(|i| if undirected(&x[i], metric) { 0.0 } else { weights[i] as f64 }).collect();

    // 1a. The first centre: a race on the weights.
    let first = earliest(
        (0..x.len())
            .map(|i| if rates[i] > 0.0 { exponential(i, FIRST_SEED) / rates[i] } else { f64::INFINITY }),
    );
    let mut rows: Vec<usize> = first.into_iter().collect();

    // Time starts at 0 with the first centre. Until a row has met a centre its hazard is 0.
    let mut now = 0.0;
    let mut clocks: Vec<Clock> = (0..x.len())
        .map(|i| Clock {
            nearest: f64::INFINITY,
            remaining: exponential(i, RACE),
            hazard: 0.0,
            since: 0.0,
            rings: 0.0,
        })
        .collect();

    while rows.len() < k {
        let Some(&centre) = rows.last() else { break };
        for (i, clock) in clocks.iter_mut().enumerate() {
            let distance = metric.distance(&x[i], &x[centre]);
            // Only a centre that is strictly nearer changes the rate.
            if distance < clock.nearest {
                clock.remaining = (clock.remaining - clock.hazard * (now - clock.since)).max(0.0);
                clock.since = now;
                clock.nearest = distance;
                clock.hazard = rates[i] * distance;
                clock.rings = if clock.hazard > 0.0 {
                    // Never earlier than before, whatever the rounding.
                    clock.rings.max(now + clock.remaining / clock.hazard)
                } else {
                    f64::INFINITY
                };
            }
        }
        clocks[centre].rings = f64::INFINITY;
        clocks[centre].nearest = 0.0;
        // 1b. The next row to ring.
        match earliest(clocks.iter().map(|c| c.rings)) {
            Some(next) => {
                now = clocks[next].rings;
                rows.push(next);
            }
            None => break,
        }
    }

    // Fewer distinct rows than k: fill up with the lowest unused rows.
    let distinct = rows.len();
    for (i, &weight) in weights.iter().enumerate() {
        if rows.len() < k && weight > 0.0 && !rows.contains(&i) {
            rows.push(i);
        }
    }
    Seeds { rows, distinct }
}

/// The k rows of positive weight with the smallest random bits, ascending; those without a
/// direction after all others.
pub fn random_rows(
    x: &[Vec<f32>],
    ids: &[u64],
    weights: &[f32],
    k: usize,
    metric: Metric,
    seed: u64,
    stage: u32,
) -> Vec<usize> {
    let stream = RANDOM_INIT + STREAMS_PER_STAGE * stage;
    let mut rows: Vec<usize> = (0..ids.len()).filter(|&i| weights[i] > 0.0).collect();
    rows.sort_by_key(|&i| (undirected(&x[i], metric), bits(seed, ids[i], stream), i));
    rows.truncate(k);
    rows
}

/// Index of the smallest finite time, the lowest index on ties.
fn earliest(times: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best = None;
    let mut best_time = f64::INFINITY;
    for (i, time) in times.enumerate() {
        if time < best_time {
            best = Some(i);
            best_time = time;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[f32]) -> (Vec<Vec<f32>>, Vec<u64>, Vec<f32>) {
        let n = values.len();
        (values.iter().map(|&v| vec![v]).collect(), (0..n as u64).collect(), vec![1.0; n])
    }

    #[test]
    fn identical_rows_give_one_distinct_seed_and_the_lowest_rows() {
        let (x, ids, w) = column(&[2.0; 6]);
        let seeds = kmeans_plus_plus(&x, &ids, &w, 3, Metric::SqEuclidean, 1, 0);
        assert_eq!(seeds.distinct, 1);
        let mut rest = seeds.rows[1..].to_vec();
        rest.push(seeds.rows[0]);
        assert_eq!(rest[..2], (0..6).filter(|i| *i != seeds.rows[0]).collect::<Vec<_>>()[..2]);
    }

    #[test]
    fn rows_of_weight_0_and_used_rows_are_never_chosen() {
        let (x, ids, mut w) = column(&[1.0, 2.0, 3.0, 4.0, 100.0]);
        w[4] = 0.0;
        for seed in 0..200 {
            let mut rows = kmeans_plus_plus(&x, &ids, &w, 4, Metric::SqEuclidean, seed, 0).rows;
            rows.sort();
            assert_eq!(rows, [0, 1, 2, 3]);
        }
    }

    // Second centre given the first: probability D²/sum. 40,000 draws, 6 standard deviations.
    #[test]
    fn second_centre_follows_d_squared() {
        let (x, ids, w) = column(&[0.0, 1.0, 3.0]);
        let (mut from_0, mut far) = (0.0, 0.0);
        for seed in 0..40_000 {
            let rows = kmeans_plus_plus(&x, &ids, &w, 2, Metric::SqEuclidean, seed, 0).rows;
            if rows[0] == 0 {
                from_0 += 1.0;
                far += (rows[1] == 2) as u32 as f64;
            }
        }
        let deviation = (far / from_0 - 0.9f64).abs();
        assert!(deviation < 6.0 * (0.9 * 0.1 / from_0).sqrt(), "{deviation}");
        assert!((from_0 / 40_000.0 - 1.0 / 3.0f64).abs() < 6.0 * (2.0 / 9.0 / 40_000f64).sqrt());
    }
}
