//! Runs of one setting over the seeds as means with intervals, differences to the plain tokenizer, and
//! the verdict on the paper's claim.

use pauca::stats::student_t;
use pauca::tokens::bd_rate;

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

impl Estimate {
    /// The summary of values of different seeds.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half = (values.len() > 1).then(|| {
            let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
            student_t(0.95, values.len() - 1).unwrap_or(f64::INFINITY) * (variance / n).sqrt()
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
    /// Entropy of a token at its place in the picture: the mean over the positions.
    pub placed: Estimate,
    /// Entropy given the token before.
    pub conditional: Estimate,
    /// R² of the best linear prediction.
    pub linear_r2: Estimate,
    /// Validation loss of each of [`SIZES`].
    pub losses: Vec<Estimate>,
    /// The entropy of a token at its place less the loss of each of [`SIZES`]: what the tokens before explain. (The entropy
    /// of a token by itself would also credit a model for knowing the place.)
    pub explained: Vec<Estimate>,
    /// Bits of a picture, coded by the last of [`SIZES`].
    pub bits: Estimate,
    /// Difference of the error to the plain tokenizer, seed by seed.
    pub mse_change: Estimate,
    /// Difference of each validation loss to the plain tokenizer, seed by seed.
    pub loss_changes: Vec<Estimate>,
    /// Difference of the entropy of a token at its place to the plain tokenizer, seed by seed.
    pub placed_change: Estimate,
    /// Difference of what the tokens before explain to the plain tokenizer, seed by seed.
    pub explained_changes: Vec<Estimate>,
}

/// Entropy of a token at its place, nats.
fn placed(o: &Outcome) -> f64 {
    o.position_perplexity.iter().map(|p| p.ln()).sum::<f64>() / o.position_perplexity.len() as f64
}

fn explained(o: &Outcome, s: usize) -> f64 {
    placed(o) - o.models[s].loss
}

/// Bits of a picture, coded by the last of [`SIZES`].
fn bits(o: &Outcome) -> f64 {
    let loss = o.models.last().map_or(0.0, |m| m.loss);
    loss / std::f64::consts::LN_2 * o.position_perplexity.len() as f64
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
                placed: each(&placed),
                conditional: each(&|o| o.conditional),
                linear_r2: each(&|o| o.linear_r2),
                losses: sizes.clone().map(|s| each(&|o| o.models[s].loss)).collect(),
                explained: sizes.clone().map(|s| each(&|o| explained(o, s))).collect(),
                bits: each(&bits),
                mse_change: change(&|o| o.mse),
                loss_changes: sizes.clone().map(|s| change(&|o| o.models[s].loss)).collect(),
                placed_change: change(&placed),
                explained_changes: sizes.map(|s| change(&|o| explained(o, s))).collect(),
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
///
/// A loss may fall because single tokens became less uncertain, which fewer codes would do as well. The claim is that
/// tokens explain each other better, so the loss has to fall by more than the entropy of single tokens, each at its
/// place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With both sizes the loss falls, and by more than the entropy of single tokens.
    Holds,
    /// The same by the means, but seeds do not say so surely.
    Seems,
    /// With both sizes the loss falls, but not by more than the entropy of single tokens.
    Entropy,
    /// Tokens are not easier to model with both sizes.
    Fails,
    /// One seed: nothing can be said.
    Unsaid,
}

/// The verdict, and the row it rests on: the lambda with the lowest loss of the large model.
pub fn verdict(rows: &[Row], seeds: usize) -> (Verdict, Option<&Row>) {
    let last = SIZES.len() - 1;
    let with = rows.iter().filter(|row| row.lambda > 0.0);
    let best = with.min_by(|a, b| a.losses[last].mean.total_cmp(&b.losses[last].mean));
    let Some(row) = best else { return (Verdict::Fails, None) };
    let lower = row.loss_changes.iter().all(|change| change.mean < 0.0);
    let more = row.explained_changes.iter().all(|change| change.mean > 0.0);
    let surely = row.loss_changes.iter().all(|change| change.surely(false))
        && row.explained_changes.iter().all(|change| change.surely(true));
    let verdict = match (lower, more) {
        _ if seeds < 2 => Verdict::Unsaid,
        (true, true) if surely => Verdict::Holds,
        (true, true) => Verdict::Seems,
        (true, false) => Verdict::Entropy,
        _ => Verdict::Fails,
    };
    (verdict, Some(row))
}

/// How much more bits (a share) pictures need with causal regularization than with fewer codes, at equal reconstruction
/// error; none where fewer codes were not tried or the errors do not overlap.
pub fn bits_at_equal_error(rows: &[Row]) -> Option<f64> {
    let plain_codes = rows.first()?.codes;
    let of = |keep: &dyn Fn(&&Row) -> bool| -> Vec<[f64; 2]> {
        rows.iter().filter(keep).map(|row| [row.bits.mean, row.mse.mean]).collect()
    };
    let fewer = of(&|row| row.lambda == 0.0);
    let regularized = of(&|row| row.codes == plain_codes);
    bd_rate(&fewer, &regularized).ok().flatten()
}

/// The verdict in one sentence.
pub fn sentence(rows: &[Row], seeds: usize) -> String {
    let (verdict, row) = verdict(rows, seeds);
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
        Verdict::Holds => "Causal regularization makes tokens explain each other better",
        Verdict::Seems => "Causal regularization seems to make tokens explain each other better",
        Verdict::Entropy => {
            "Causal regularization makes tokens easier to model only as far as single tokens are less uncertain"
        }
        Verdict::Fails => "Causal regularization does not make tokens easier to model here",
        Verdict::Unsaid => {
            return "One seed: no verdict. The table has the differences; --seeds 5 gives them intervals."
                .into();
        }
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
        "{head}: at λ = {} the loss of models of equal compute changes by {}, the entropy of single tokens at their \
         places by {:+.1} %, the reconstruction error by {worse:+.1} %.{simpler}",
        row.lambda,
        parts.join(" and "),
        share(row.placed_change.mean, plain.placed.mean),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenize::experiment::Job;
    use crate::tokenize::model::Learned;

    #[test]
    fn estimates_are_students() {
        let one = Estimate::of(&[3.0]);
        assert_eq!((one.mean, one.half), (3.0, None));
        // Mean 2, deviation 1, standard error 1 / sqrt 3.
        let three = Estimate::of(&[1.0, 2.0, 3.0]);
        assert!((three.half.unwrap() - 4.302_652_729_749_462 / 3f64.sqrt()).abs() < 1e-12);
        assert!(!three.surely(true) && Estimate::of(&[5.0, 5.1, 5.2]).surely(true));
        assert!(Estimate::of(&[-5.0, -5.1]).surely(false) && !one.surely(true));
        assert_eq!(Estimate::of(&[1.0, 1.0]).text(2), "1.00 ± 0.00");
    }

    /// Runs by (lambda, entropy at every position, loss of both sizes, error), seeds in turn.
    fn runs(of: &[(f64, f64, f64, f64)]) -> Vec<Outcome> {
        let learned = |loss| Learned { curve: Vec::new(), per_position: Vec::new(), loss };
        let run = |(i, &(lambda, entropy, loss, mse)): (usize, &(f64, f64, f64, f64))| Outcome {
            job: Job { codes: 8, lambda, seed: i as u64 / 2 },
            mse,
            train_mse: mse,
            perplexity: 1.0,
            used: 8,
            position_perplexity: vec![entropy.exp(); 4],
            entropy: entropy + 0.5,
            conditional: 0.0,
            linear_r2: 0.0,
            models: SIZES.iter().map(|_| learned(loss)).collect(),
            shown: Vec::new(),
            samples: Vec::new(),
            tokens: Vec::new(),
        };
        of.iter().enumerate().map(run).collect()
    }

    #[test]
    fn a_loss_that_falls_with_the_entropy_explains_nothing() {
        let of = |entropy: f64, loss: f64| {
            let seeds = [0.0, 0.001, 0.002];
            runs(&seeds.map(|e| [(0.0, 3.0 + e, 2.5 + e, 0.1), (0.3, entropy - e, loss - e, 0.12)]).concat())
        };
        let verdict_of = |outcomes: &[Outcome], seeds| {
            let rows = rows(outcomes);
            (verdict(&rows, seeds).0, sentence(&rows, seeds))
        };
        // As on the shipped digits: the loss falls by .118 nats, the entropy by .148.
        let (found, words) = verdict_of(&of(2.852, 2.382), 3);
        assert_eq!(found, Verdict::Entropy);
        assert!(words.contains("only as far as single tokens are less uncertain"), "{words}");
        assert_eq!(verdict_of(&of(2.99, 2.382), 3).0, Verdict::Holds);
        assert_eq!(verdict_of(&of(3.0, 2.6), 3).0, Verdict::Fails);
        let (found, words) = verdict_of(&of(2.99, 2.382)[..2], 1);
        assert_eq!(found, Verdict::Unsaid);
        assert!(words.starts_with("One seed: no verdict. The table"), "{words}");
        let rows = rows(&of(2.852, 2.382));
        assert!((rows[1].explained[0].mean - 0.47).abs() < 1e-12);
        assert!((rows[0].bits.mean - 4.0 * 2.501 / 2f64.ln()).abs() < 1e-12);
    }
}
