//! k-means++ by the race against exact D² sampling: frequencies of whole outcomes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use pauca::{Context, Control, Cpu, Exec, KMeans, Result, RowSource, Rows, Scratch};
use pauca_tests::layout::array;

/// A cosine within this of 1 is that of a copy: the rows here differ by far more.
const COPY: f64 = 1e-15;

/// Probability of every ordered outcome of k draws by D² sampling, by enumeration.
fn exact(x: &[Vec<f32>], weights: &[f64], k: usize, spherical: bool) -> HashMap<Vec<usize>, f64> {
    let distance = |a: usize, b: usize| -> f64 {
        let (x, y) = (&x[a], &x[b]);
        if spherical {
            let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
            let cosine = dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
            if cosine > 1.0 - COPY { 0.0 } else { 1.0 - cosine }
        } else {
            x.iter().zip(y).map(|(a, b)| (*a as f64 - *b as f64).powi(2)).sum()
        }
    };
    let mut outcomes = HashMap::from([(Vec::new(), 1.0)]);
    for _ in 0..k {
        let mut longer: HashMap<Vec<usize>, f64> = HashMap::new();
        for (seeds, probability) in outcomes {
            let hazard: Vec<f64> = (0..x.len())
                .map(|i| {
                    let nearest = seeds.iter().map(|&c| distance(i, c)).fold(f64::INFINITY, f64::min);
                    weights[i] * if seeds.is_empty() { 1.0 } else { nearest }
                })
                .collect();
            let total: f64 = hazard.iter().sum();
            for (i, h) in hazard.into_iter().enumerate().filter(|(_, h)| *h > 0.0) {
                *longer.entry([seeds.clone(), vec![i]].concat()).or_default() += probability * h / total;
            }
        }
        outcomes = longer;
    }
    outcomes
}

/// Rows in memory that remember which of them were asked for last: copies have equal values, and are told
/// apart by that.
struct Remembering<'a> {
    rows: Rows<'a>,
    last: Mutex<Vec<usize>>,
}

impl RowSource for Remembering<'_> {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }
    fn dim(&self) -> usize {
        self.rows.dim()
    }
    fn resident(&self) -> Option<Rows<'_>> {
        Some(self.rows.view())
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        RowSource::read(&self.rows, range, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        *self.last.lock().unwrap() = rows.to_vec();
        self.rows.gather(rows, scratch)
    }
}

/// Chi-square of `draws` outcomes of the race.
fn chi_square(x: &[Vec<f32>], weights: &[f32], k: usize, spherical: bool, draws: u64) {
    let expected = exact(x, &weights.iter().map(|w| *w as f64).collect::<Vec<_>>(), k, spherical);
    let data = array(x);
    let source = Remembering { rows: Rows::F32(data.view()), last: Mutex::default() };
    let (backend, cx) = (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()));
    let mut seen: HashMap<Vec<usize>, u64> = HashMap::new();
    for seed in 0..draws {
        let config = KMeans::new(k).spherical(spherical).seed(seed).max_iter(0);
        let found = config.fit_on(&backend, &source, Some(weights), &cx).unwrap();
        // The rows asked for last became the centroids.
        let seeds = source.last.lock().unwrap().clone();
        assert!(seeds.len() == k && seeds.iter().zip(found.centroids.rows()).all(|(&i, c)| c == data.row(i)));
        *seen.entry(seeds).or_default() += 1;
    }
    assert!(seen.keys().all(|outcome| expected.contains_key(outcome)), "an impossible outcome");
    // Outcomes expected less than ten times share a cell.
    let (mut statistic, mut cells, mut rare, mut rare_seen) = (0.0, 0, 0.0, 0.0);
    for (outcome, probability) in &expected {
        let (e, o) = (probability * draws as f64, *seen.get(outcome).unwrap_or(&0) as f64);
        if e < 10.0 {
            (rare, rare_seen) = (rare + e, rare_seen + o);
        } else {
            statistic += (o - e).powi(2) / e;
            cells += 1;
        }
    }
    if rare > 10.0 {
        statistic += (rare_seen - rare).powi(2) / rare;
        cells += 1;
    }
    // Wilson and Hilferty's normal approximation; 4.5 deviations are one in 300,000.
    let freedom = (cells - 1) as f64;
    let z = ((statistic / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom))) / (2.0 / (9.0 * freedom)).sqrt();
    assert!(z < 4.5, "chi-square {statistic} for {freedom} degrees of freedom: {z} deviations");
    // The test is able to fail: draws of another law would be seen.
    assert!(cells >= 4, "too few outcomes to tell");
}

fn column(values: &[f32]) -> Vec<Vec<f32>> {
    values.iter().map(|&v| vec![v]).collect()
}

#[test]
fn seeds_on_a_line() {
    chi_square(&column(&[0.0, 1.0, 3.0, 7.0, 7.5]), &[1.0; 5], 3, false, 100_000);
}

#[test]
fn seeds_with_copies_and_weights_of_zero() {
    let x = column(&[0.0, 0.0, 2.0, 2.0, 5.0, 9.0]);
    chi_square(&x, &[1.0, 2.0, 0.5, 1.0, 0.0, 0.25], 3, false, 100_000);
}

#[test]
fn seeds_by_cosine() {
    let x = vec![vec![1.0, 0.0], vec![2.0, 0.0], vec![1.0, 1.0], vec![0.0, 3.0], vec![-1.0, 0.5]];
    chi_square(&x, &[1.0, 1.0, 1.0, 1.0, 1.0], 3, true, 100_000);
}

/// Four centres: remaining times are carried over three changes of rate.
#[test]
fn seeds_after_several_changes_of_rate() {
    let x =
        vec![vec![0.0, 0.0], vec![1.0, 0.0], vec![0.0, 2.0], vec![3.0, 3.0], vec![4.0, 3.0], vec![1.0, 1.0]];
    chi_square(&x, &[1.0; 6], 4, false, 120_000);
}
