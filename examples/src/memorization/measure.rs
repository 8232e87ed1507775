//! What the library finds in each run of a study.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pauca::memorization::{
    Curve, Forgetting, Hits, LogitScan, Memorized, RunLengths, TagCounts, TagRatio, TokenScores, UnitLengths,
    overfit_onset, token_loss,
};

use super::arrays::Tile;
use super::study::{Predictions, Run, Special, Study, UNTAGGED};
use crate::failure::{Failure, Result};
use crate::interrupt;

/// What was found in a run.
pub struct Measured {
    /// M(f) after every epoch.
    pub curve: Curve,
    /// M(f) after every epoch, as shares.
    pub m: Vec<f64>,
    /// Memory unit lengths after every epoch.
    pub units: Vec<RunLengths>,
    /// Ratios by part of speech after every epoch; empty without tags.
    pub tags: Vec<Vec<TagRatio>>,
    /// T(N, tau) for every tau asked.
    pub reach: Vec<Option<u64>>,
    /// T_update(N, tau) for every tau asked, where updates were logged.
    pub update_reach: Option<Vec<Option<u64>>>,
    /// Index of the epoch at which overfitting begins; none inside where it does not.
    pub onset: Option<Option<usize>>,
    /// Mean loss of the counted tokens after every epoch, where log-probabilities were logged.
    pub loss: Option<Vec<f64>>,
    /// M on a set that the run never trains on.
    pub held_out: Option<Vec<f64>>,
}

/// What was found for a special batch.
pub struct Forgotten {
    /// M on it, at the epochs of the study.
    pub m: Vec<f64>,
    /// The forgetting of the batch, from the moment after it was seen.
    pub forgetting: Forgetting,
    /// M on it of the run that never saw it, at the same epochs, where known.
    pub never: Vec<Option<f64>>,
    /// The least difference to the run that never saw it, over the epochs since; none where unknown.
    pub least_excess: Option<f64>,
}

/// Measures every run, on `threads` threads.
///
/// # Errors
/// [`Failure::Data`] with the first run, in their order, that has something wrong;
/// [`Failure::Cancelled`].
pub fn runs(study: &Study, taus: &[f64], threads: usize) -> Result<Vec<Measured>> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<Result<Measured>>>> = study.runs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(study.runs.len()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = study.runs.get(i) else { break };
                    let found = measure(study, run, taus);
                    *slots[i].lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                }
            });
        }
    });
    let lost = || Err(Failure::Data("a thread ended without its result".into()));
    slots
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(lost))
        .collect()
}

fn measure(study: &Study, run: &Run, taus: &[f64]) -> Result<Measured> {
    let set = &study.sets[run.set];
    let wrong = |e: &pauca::Error| Failure::data(&study.path, format!("run '{}': {e}", run.name));
    let mut curve = Curve::new();
    let (mut units, mut tags) = (Vec::new(), Vec::new());
    let logged = matches!(run.predictions, Predictions::Pairs(_, Some(_)) | Predictions::Logits(_));
    let mut loss = logged.then(Vec::new);
    for (i, &epoch) in run.epochs.iter().enumerate() {
        if interrupt::requested() {
            return Err(Failure::stopped());
        }
        let wrong = |e| Failure::data(&study.path, format!("run '{}', epoch {epoch}: {e}", run.name));
        let hits = hits_at(study, run, i, loss.as_mut())?;
        curve.push(epoch, hits.count()).map_err(wrong)?;
        let mut lengths = UnitLengths::new();
        lengths.push(&hits, &set.ends).map_err(wrong)?;
        units.push(lengths.finish().map_err(wrong)?);
        if let Some(truth) = &set.tags {
            let tagged: Vec<bool> = truth.iter().map(|tag| *tag != UNTAGGED).collect();
            let predicted = match &run.tag_hits {
                None => None,
                Some(array) => {
                    let right = Hits::from_bits(array.byte_row(i)?, set.tokens).map_err(wrong)?;
                    // Only whether the tag is right is known: any other one stands for a wrong one.
                    let guess = |(right, tag): (&bool, &u8)| if *right { *tag } else { (*tag == 0) as u8 };
                    Some(right.hit().iter().zip(truth).map(guess).collect::<Vec<u8>>())
                }
            };
            let mut counts = TagCounts::new(study.tags.len().max(2)).map_err(wrong)?;
            let hits = hits.masked(&tagged).map_err(wrong)?;
            counts.push(&hits, truth, predicted.as_deref()).map_err(wrong)?;
            tags.push(counts.ratios().map_err(wrong)?);
        }
    }
    let reach = taus
        .iter()
        .map(|tau| curve.first_reach(*tau))
        .collect::<pauca::Result<_>>()
        .map_err(|e| wrong(&e))?;
    let update_reach = match &run.updates {
        None => None,
        Some(updates) => {
            let mut of_updates = Curve::new();
            for (u, &(hits, total)) in updates.iter().enumerate() {
                let count = Memorized { hits: hits as u64, total: total as u64 };
                of_updates.push(u as u64 + 1, count).map_err(|e| wrong(&e))?;
            }
            let reach: pauca::Result<_> = taus.iter().map(|tau| of_updates.first_reach(*tau)).collect();
            Some(reach.map_err(|e| wrong(&e))?)
        }
    };
    let onset = match &run.perplexity {
        None => None,
        Some(values) => Some(overfit_onset(values).map_err(|e| wrong(&e))?),
    };
    let held_out = match &run.held_out {
        None => None,
        Some((set, array)) => {
            let tokens = study.sets[*set].tokens;
            let m = (0..run.epochs.len()).map(|i| share(study, &run.name, array.byte_row(i)?, tokens));
            Some(m.collect::<Result<_>>()?)
        }
    };
    let m = curve.fractions().map_err(|e| wrong(&e))?;
    Ok(Measured { curve, m, units, tags, reach, update_reach, onset, loss, held_out })
}

/// The hits of one epoch; the mean loss is appended to `loss`.
fn hits_at(study: &Study, run: &Run, i: usize, loss: Option<&mut Vec<f64>>) -> Result<Hits> {
    let set = &study.sets[run.set];
    let n = set.tokens;
    match &run.predictions {
        Predictions::Bits(array) => {
            Hits::from_bits(array.byte_row(i)?, n).map_err(|e| array.failure(format!("row {i}: {e}")))
        }
        Predictions::Logits(epochs) => {
            let targets = set.targets.as_deref().unwrap_or_default();
            let wrong = |e: pauca::Error| Failure::data(&study.path, format!("run '{}': {e}", run.name));
            let scores = scanned(&epochs[i], targets, study.vocabulary)?;
            let counted: Vec<f64> = scores.log_prob.iter().copied().filter(|l| !l.is_nan()).collect();
            if let Some(loss) = loss {
                loss.push(token_loss(&counted).map_err(wrong)?);
            }
            scores.hits().map_err(wrong)
        }
        Predictions::Pairs(argmax, log_prob) => {
            let targets = set.targets.as_deref().unwrap_or_default();
            let ids = argmax.integers(i * n..(i + 1) * n)?;
            let Some(array) = log_prob else {
                return Hits::from_ids(&ids, targets, None, study.vocabulary)
                    .map_err(|e| argmax.failure(format!("row {i}: {e}")));
            };
            let values = array.numbers(i * n..(i + 1) * n)?;
            let wrong = |e: pauca::Error| {
                let of_ids = matches!(e, pauca::Error::TokenOutOfRange { .. });
                let blamed = if of_ids { argmax } else { array };
                blamed.failure(format!("row {i}: {e}"))
            };
            let hits = Hits::from_pairs(&ids, &values, targets, None, study.vocabulary).map_err(wrong)?;
            let counted: Vec<f64> =
                values.into_iter().zip(hits.counted()).filter(|(_, c)| **c).map(|(l, _)| l).collect();
            if let Some(loss) = loss {
                loss.push(token_loss(&counted).map_err(wrong)?);
            }
            Ok(hits)
        }
    }
}

/// Scores of every token from the tiles of its logits.
///
/// # Errors
/// [`Failure::Data`] with the file.
pub fn scanned(tiles: &[Tile], targets: &[u32], vocabulary: usize) -> Result<TokenScores> {
    let wrong = |e: pauca::Error| Failure::data(&tiles[0].path, e);
    let mut scan = LogitScan::new(targets, vocabulary).map_err(wrong)?;
    for tile in tiles {
        tile.rows(|rows| scan.push(tile.first, rows))?;
        if interrupt::requested() {
            return Err(Failure::stopped());
        }
    }
    scan.finish().map_err(wrong)
}

fn share(study: &Study, name: &str, bytes: &[u8], tokens: usize) -> Result<f64> {
    let wrong = |e| Failure::data(&study.path, format!("'{name}': {e}"));
    Hits::from_bits(bytes, tokens).and_then(|hits| hits.count().fraction()).map_err(wrong)
}

/// Measures every special batch; `runs` are those of the study.
///
/// # Errors
/// [`Failure::Data`].
pub fn specials(study: &Study, runs: &[Measured]) -> Result<Vec<Forgotten>> {
    study.forgetting.iter().map(|special| forgotten(study, special, runs)).collect()
}

fn forgotten(study: &Study, special: &Special, runs: &[Measured]) -> Result<Forgotten> {
    let tokens = study.sets[special.set].tokens;
    let m: Vec<f64> = (0..special.epochs.len())
        .map(|i| share(study, &special.name, special.hits.byte_row(i)?, tokens))
        .collect::<Result<_>>()?;
    let from = special.epochs.iter().position(|e| *e == 0).unwrap_or(0);
    let forgetting = Forgetting::of(&m[from..])
        .map_err(|e| Failure::data(&study.path, format!("'{}': {e}", special.name)))?;
    let never_at = |epoch: i64| {
        let run = special.run?;
        let (set, _) = study.runs[run].held_out.as_ref().filter(|(set, _)| *set == special.set)?;
        debug_assert_eq!(*set, special.set);
        let epoch = special.after_epoch as i64 + epoch.max(0);
        let i = study.runs[run].epochs.iter().position(|e| *e as i64 == epoch)?;
        runs[run].held_out.as_ref().map(|m| m[i])
    };
    let never: Vec<Option<f64>> = special.epochs.iter().map(|e| never_at(*e)).collect();
    let excess = m.iter().zip(&never).skip(from).map(|(m, never)| never.map(|never| m - never));
    let excess: Option<Vec<f64>> = excess.collect();
    let least_excess = excess.map(|all| all.into_iter().fold(f64::INFINITY, f64::min));
    Ok(Forgotten { m, forgetting, never, least_excess })
}
