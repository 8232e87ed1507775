//! One tokenizer, models of its tokens, and everything measured of them; many of these side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use pauca::tokens::NGrams;
use pauca::vq::{PositionUsage, Usage};

use super::args::PredictorName;
use super::library;
use super::model::{Learned, Model, SIZES};
use super::pictures::Pictures;
use super::state::Started;
use super::tokenizer::{Settings, State, Tokenizer, Training};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::progress::Reporter;

/// Pictures shown as they are and as they come back.
pub const SHOWN: usize = 12;
/// Samples shown of a model.
pub const SAMPLES: usize = 24;

/// What all runs share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Pixels along the side of a patch.
    pub patch: usize,
    /// Training steps of a tokenizer.
    pub steps: usize,
    /// Operations for each model of tokens.
    pub budget: f64,
    /// Who predicts the latents.
    pub predictor: PredictorName,
    /// Whether the tokens of seed 0 are kept.
    pub tokens: bool,
}

/// One run: a tokenizer by its two settings, and a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Codes.
    pub codes: usize,
    /// Weight of the regularizer.
    pub lambda: f64,
    /// Seed.
    pub seed: u64,
}

/// What a run found. Entropies and losses in nats a token, on pictures not trained on.
pub struct Outcome {
    /// Which run.
    pub job: Job,
    /// Mean squared error of values in [0, 1].
    pub mse: f64,
    /// Mean squared error of the training pictures.
    pub train_mse: f64,
    /// exp of the entropy of all tokens.
    pub perplexity: f64,
    /// Codes used at all.
    pub used: usize,
    /// Perplexity at each position.
    pub position_perplexity: Vec<f64>,
    /// Entropy of a token by itself, of all pictures.
    pub entropy: f64,
    /// Entropy given the token before, of all pictures, Miller-Madow.
    pub conditional: f64,
    /// R² of the best linear prediction of latents.
    pub linear_r2: f64,
    /// For each of [`SIZES`].
    pub models: Vec<Learned>,
    /// Decoded validation pictures; only of seed 0.
    pub shown: Vec<Picture>,
    /// Pictures from samples of each model; only of seed 0.
    pub samples: Vec<Vec<Picture>>,
    /// Latents, ids and codes of all pictures as a .safetensors file; empty where they are not asked for.
    pub tokens: Vec<u8>,
}

/// Rows of the validation pictures that are shown: evenly among them.
pub fn shown_rows(pictures: &Pictures) -> Vec<usize> {
    let n = pictures.valid.len();
    (0..SHOWN).map(|i| pictures.valid[(2 * i + 1) * n / (2 * SHOWN)]).collect()
}

/// A picture by its bytes.
pub type Picture = Vec<u8>;

fn bytes(pictures: Vec<Vec<f32>>) -> Vec<Picture> {
    let byte = |v: f32| (255.0 * v.clamp(0.0, 1.0)).round() as u8;
    pictures.into_iter().map(|picture| picture.into_iter().map(byte).collect()).collect()
}

/// Units of progress of a run, about in proportion to its time.
fn weight(plan: &Plan, tokens: usize, codes: usize) -> usize {
    plan.steps + SIZES.iter().map(|size| size.steps(plan.budget, tokens, codes)).sum::<usize>()
}

/// One run. Where it fails or is stopped, the tokenizer as far as it was trained is left in `kept`.
fn run(
    pictures: &Pictures,
    plan: &Plan,
    job: Job,
    kept: &mut Option<State>,
    poll: &dyn Fn() -> Result<()>,
) -> Result<Outcome> {
    let Plan { patch, steps, predictor, .. } = *plan;
    let Job { codes, lambda, seed } = job;
    let settings = Settings { patch, codes, lambda, steps, seed, predictor };
    let mut training = Training::new(pictures, &settings, kept.as_ref())?;
    while training.unfinished() {
        if let Err(stopped) = poll() {
            *kept = Some(training.state()?);
            return Err(stopped);
        }
        training.step()?;
    }
    *kept = Some(training.state()?);
    judged(pictures, plan, job, &training.finish(), poll)
}

/// Models of the tokens, and everything measured.
fn judged(
    pictures: &Pictures,
    plan: &Plan,
    job: Job,
    tokenizer: &Tokenizer,
    poll: &dyn Fn() -> Result<()>,
) -> Result<Outcome> {
    let (budget, Job { codes, seed, .. }) = (plan.budget, job);
    let (train, valid) =
        (tokenizer.encode(pictures, &pictures.train)?, tokenizer.encode(pictures, &pictures.valid)?);
    let tokens = tokenizer.tokens();
    let mut usage = Usage::new(codes).map_err(|e| library(&e))?;
    let mut positions = PositionUsage::new(tokens, codes).map_err(|e| library(&e))?;
    let mut pairs = NGrams::new(codes, 1).map_err(|e| library(&e))?;
    for ids in [&train.ids, &valid.ids] {
        usage.add(ids).map_err(|e| library(&e))?;
        positions.add(ids).map_err(|e| library(&e))?;
        for picture in ids.chunks_exact(tokens) {
            pairs.add(picture).map_err(|e| library(&e))?;
        }
    }
    let (mut models, mut samples) = (Vec::new(), Vec::new());
    for size in SIZES {
        let (model, learned) = Model::train(size, &train.ids, &valid.ids, tokens, codes, budget, seed, poll)?;
        models.push(learned);
        if seed == 0 {
            samples.push(bytes(tokenizer.decode(&model.sample(SAMPLES, seed, poll)?)?));
        }
    }
    let mut kept = Vec::new();
    if plan.tokens && seed == 0 {
        kept = tokenizer.file(pictures)?;
    }
    let mut shown = Vec::new();
    if seed == 0 {
        shown = bytes(tokenizer.decode(&tokenizer.encode(pictures, &shown_rows(pictures))?.ids)?);
    }
    Ok(Outcome {
        job,
        mse: valid.mse,
        train_mse: train.mse,
        perplexity: usage.perplexity(),
        used: usage.used(),
        position_perplexity: positions.perplexities().map_err(|e| library(&e))?,
        entropy: usage.entropy(),
        conditional: pairs.conditional_entropy(1).map_err(|e| library(&e))?.miller_madow,
        linear_r2: valid.linear_r2,
        models,
        shown,
        samples,
        tokens: kept,
    })
}

/// Keeps what is finished, and what has begun.
type Save<'s> = dyn Fn(&[&Outcome], &[Started]) -> Result<()> + 's;

/// Runs all jobs that are not among the `finished`, `threads` at a time; each by itself on one thread, so
/// that their number leaves no trace. Those among the `started` go on where they were. What is finished is handed to
/// `save`, and where the runs are stopped, so are those in training.
///
/// # Errors
/// The first failure in the order of the jobs; [`Failure::Cancelled`] after Ctrl-C; what `save` returns.
pub fn run_all(
    pictures: &Pictures,
    plan: &Plan,
    jobs: &[Job],
    threads: usize,
    (mut finished, started): (Vec<Outcome>, Vec<Started>),
    save: &Save<'_>,
    reporter: &Reporter,
) -> Result<Vec<Outcome>> {
    let tokens = (pictures.side / plan.patch).pow(2);
    let total: usize = jobs.iter().map(|job| weight(plan, tokens, job.codes)).sum();
    reporter.stage("train", (pictures.train.len() * jobs.len()) as u64, total as u64);
    let mut outcomes: Vec<Option<Result<Outcome>>> = jobs.iter().map(|_| None).collect();
    finished.retain(|outcome| jobs.contains(&outcome.job));
    let known: usize = finished.iter().map(|outcome| weight(plan, tokens, outcome.job.codes)).sum();
    for outcome in finished {
        if let Some(i) = jobs.iter().position(|job| *job == outcome.job) {
            outcomes[i] = Some(Ok(outcome));
        }
    }
    let mut started: Vec<Option<State>> = jobs
        .iter()
        .map(|job| started.iter().find(|(of, _)| of == job).map(|(_, state)| state.clone()))
        .collect();
    let known = known + started.iter().flatten().map(|state| state.step).sum::<usize>();
    let before = started.clone();
    let left: Vec<usize> = (0..jobs.len()).filter(|&i| outcomes[i].is_none()).collect();
    let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(known), AtomicBool::new(false));
    let mut saved = Ok(());
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for _ in 0..threads.min(left.len()) {
            let (send, next, done, failed, left) = (send.clone(), &next, &done, &failed, &left);
            let before = &before;
            scope.spawn(move || {
                while let Some(&i) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let job = jobs[i];
                    let poll = || {
                        done.fetch_add(1, Ordering::Relaxed);
                        match interrupt::requested() || failed.load(Ordering::Relaxed) {
                            true => Err(Failure::stopped()),
                            false => Ok(()),
                        }
                    };
                    let mut kept = before[i].clone();
                    let outcome = run(pictures, plan, job, &mut kept, &poll);
                    failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    if send.send((i, outcome, kept)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut finished = jobs.len() - left.len();
        loop {
            match receive.recv_timeout(std::time::Duration::from_millis(200)) {
                Ok((i, outcome, kept)) => {
                    finished += usize::from(outcome.is_ok());
                    started[i] = if outcome.is_ok() { None } else { kept };
                    outcomes[i] = Some(outcome);
                    let all: Vec<&Outcome> = outcomes.iter().flatten().flatten().collect();
                    let states = jobs.iter().zip(&started);
                    let states: Vec<Started> =
                        states.filter_map(|(job, state)| Some((*job, state.clone()?))).collect();
                    if let Err(failure) = save(&all, &states) {
                        failed.store(true, Ordering::Relaxed);
                        saved = Err(failure);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let done = done.load(Ordering::Relaxed).min(total) as u64;
            reporter.advance(done, &format!(", {finished} of {} tokenizers done", jobs.len()));
        }
    });
    saved?;
    // Of several failures the one that made the others stop.
    let mut found = Vec::new();
    let mut failure = None;
    for outcome in outcomes.into_iter().flatten() {
        match outcome {
            Ok(outcome) => found.push(outcome),
            Err(Failure::Cancelled(text)) => {
                failure.get_or_insert(Failure::Cancelled(text));
            }
            Err(other) => failure = Some(other),
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(found),
    }
}
