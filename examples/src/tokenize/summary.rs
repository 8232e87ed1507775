//! Runs of one setting over the seeds as means with intervals, differences to the plain tokenizer, and
//! the verdict on the paper's claim.

use super::experiment::Outcome;
use super::model::SIZES;

/// A mean over seeds and, from two seeds on, half the width of its 95 % interval (Student's t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// mean +- this.
    pub half: Option<f64>,
}

/// 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom.
const T: [f64; 12] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179];

impl Estimate {
    /// The summary of values of different seeds.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half = (values.len() > 1).then(|| {
            let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
            // With many seeds, the quantile of a few more than asked: never too narrow.
            T[(values.len() - 2).min(T.len() - 1)] * (variance / n).sqrt()
        });
        Self { mean, half }
    }

    /// Whether 0 is outside the interval, on the given side.
    pub fn surely(&self, positive: bool) -> bool {
        let sign = if positive { 1.0 } else { -1.0 };
        self.half.is_some_and(|half| sign * self.mean > half)
    }

    /// The mean with its interval, for people; `digits` after the point.
    pub fn text(&self, digits: usize) -> String {
        match self.half {
            Some(half) => format!("{:.digits$} ± {half:.digits$}", self.mean),
            None => format!("{:.digits$}", self.mean),
        }
    }
}

/// All runs of one tokenizer setting.
pub struct Row {
    /// Codes.
    pub codes: usize,
    /// Weight of the regularizer.
    pub lambda: f64,
    /// Mean squared error of values in [0, 1].
    pub mse: Estimate,
    /// Perplexity of the tokens.
    pub perplexity: Estimate,
    /// Codes used.
    pub used: Estimate,
    /// Entropy of a token by itself.
    pub entropy: Estimate,
    /// Entropy given the token before.
    pub conditional: Estimate,
    /// R² of the best linear prediction.
    pub linear_r2: Estimate,
    /// Validation loss of each of [`SIZES`].
    pub losses: Vec<Estimate>,
    /// Difference of the error to the plain tokenizer, seed by seed.
    pub mse_change: Estimate,
    /// Difference of each validation loss to the plain tokenizer, seed by seed.
    pub loss_changes: Vec<Estimate>,
}

/// The settings in the order of the runs, the plain one first.
pub fn rows(outcomes: &[Outcome]) -> Vec<Row> {
    let mut settings: Vec<(usize, f64)> = Vec::new();
    for outcome in outcomes {
        let setting = (outcome.job.codes, outcome.job.lambda);
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    let of = |setting: (usize, f64)| -> Vec<&Outcome> {
        outcomes.iter().filter(|o| (o.job.codes, o.job.lambda) == setting).collect()
    };
    let plain = settings.first().map(|&first| of(first)).unwrap_or_default();
    settings
        .iter()
        .map(|&setting| {
            let runs = of(setting);
            let each = |f: &dyn Fn(&Outcome) -> f64| {
                Estimate::of(&runs.iter().map(|run| f(run)).collect::<Vec<_>>())
            };
            let change = |f: &dyn Fn(&Outcome) -> f64| {
                let pairs = runs.iter().zip(&plain).map(|(run, plain)| f(run) - f(plain));
                Estimate::of(&pairs.collect::<Vec<_>>())
            };
            let sizes = 0..SIZES.len();
            Row {
                codes: setting.0,
                lambda: setting.1,
                mse: each(&|o| o.mse),
                perplexity: each(&|o| o.perplexity),
                used: each(&|o| o.used as f64),
                entropy: each(&|o| o.entropy),
                conditional: each(&|o| o.conditional),
                linear_r2: each(&|o| o.linear_r2),
                losses: sizes.clone().map(|s| each(&|o| o.models[s].loss)).collect(),
                mse_change: change(&|o| o.mse),
                loss_changes: sizes.map(|s| change(&|o| o.models[s].loss)).collect(),
            }
        })
        .collect()
}

impl Row {
    /// The name of the tokenizer in plots and tables.
    pub fn name(&self, plain_codes: usize) -> String {
        match (self.lambda, self.codes) {
            (0.0, codes) if codes == plain_codes => "plain".into(),
            (0.0, codes) => format!("plain, {codes} codes"),
            (lambda, _) => format!("λ = {lambda}"),
        }
    }
}

/// What the runs say of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some lambda makes tokens easier to model with both sizes, at some cost in reconstruction.
    Holds,
    /// Tokens are easier with both sizes, but seeds do not say so surely, or there is one seed.
    Seems,
    /// Tokens are not easier to model with both sizes.
    Fails,
}

/// The verdict, and the row it rests on: the lambda with the lowest loss of the large model.
pub fn verdict(rows: &[Row]) -> (Verdict, Option<&Row>) {
    let last = SIZES.len() - 1;
    let with = rows.iter().filter(|row| row.lambda > 0.0);
    let best = with.min_by(|a, b| a.losses[last].mean.total_cmp(&b.losses[last].mean));
    let Some(row) = best else { return (Verdict::Fails, None) };
    let lower = row.loss_changes.iter().all(|change| change.mean < 0.0);
    let surely = row.loss_changes.iter().all(|change| change.surely(false));
    let verdict = match (lower, surely) {
        (true, true) => Verdict::Holds,
        (true, false) => Verdict::Seems,
        _ => Verdict::Fails,
    };
    (verdict, Some(row))
}

/// The verdict in one sentence.
pub fn sentence(rows: &[Row], seeds: usize) -> String {
    let (verdict, row) = verdict(rows);
    let (Some(row), Some(plain)) = (row, rows.first()) else {
        return "Without a causally regularized tokenizer there is nothing to compare.".into();
    };
    let share = |change: f64, of: f64| 100.0 * change / of;
    let worse = share(row.mse_change.mean, plain.mse.mean);
    let parts: Vec<String> = SIZES
        .iter()
        .enumerate()
        .map(|(s, size)| {
            let change = share(row.loss_changes[s].mean, plain.losses[s].mean);
            format!("{change:+.1} % with the {} model", size.name)
        })
        .collect();
    let head = match verdict {
        Verdict::Holds => "Causal regularization makes tokens easier to model",
        Verdict::Seems if seeds > 1 => "Causal regularization seems to make tokens easier to model",
        Verdict::Seems => "Causal regularization makes tokens easier to model here (one seed)",
        Verdict::Fails => "Causal regularization does not make tokens easier to model here",
    };
    // The simple way to easier tokens, where it was tried and did more.
    let lower = |other: &Row| other.losses.iter().zip(&row.losses).all(|(a, b)| a.mean < b.mean);
    let fewer = |other: &&Row| other.lambda == 0.0 && other.codes < row.codes;
    let simpler = rows.iter().filter(fewer).find(|other| other.mse.mean <= row.mse.mean && lower(other));
    let simpler = simpler.map_or(String::new(), |other| {
        format!(
            " With {} codes and no regularization both losses and the error are lower still.",
            other.codes
        )
    });
    format!(
        "{head}: at λ = {} the loss of models of equal compute changes by {}, the reconstruction error by {worse:+.1} %.{simpler}",
        row.lambda,
        parts.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_students() {
        let one = Estimate::of(&[3.0]);
        assert_eq!((one.mean, one.half), (3.0, None));
        // Mean 2, deviation 1, standard error 1 / sqrt 3.
        let three = Estimate::of(&[1.0, 2.0, 3.0]);
        assert!((three.half.unwrap() - 4.303 / 3f64.sqrt()).abs() < 1e-12);
        assert!(!three.surely(true) && Estimate::of(&[5.0, 5.1, 5.2]).surely(true));
        assert!(Estimate::of(&[-5.0, -5.1]).surely(false) && !one.surely(true));
        assert_eq!(Estimate::of(&[1.0, 1.0]).text(2), "1.00 ± 0.00");
    }
}
