//! Weights, scores, what stays, and what the published rules say.

use std::path::Path;

use pauca::Context;
use pauca::quality::{
    DocumentScore, NoWeight, QualityPruned, QualityPruning, Scores, Split, TextQuality, Unit, Weighting,
    Weights, doc_scores, line_scores,
};
use pauca::stats::{self, Interval};

use super::args::{Args, RulesName};
use super::columns::{Columns, Matrix};
use super::likelihoods::{Part, Source};
use super::presets::{Preset, Rule, Tally};
use super::texts::{Document, Texts};
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::interrupt;
use crate::page::Fact;
use crate::progress::{count, percent};

/// A preset of rules, judged.
pub struct Judged {
    /// The name of the preset.
    pub name: String,
    /// The rules.
    pub rules: Vec<Rule>,
    /// What the rules say of the documents that stay, and of those that go.
    pub tallies: [Tally; 2],
}

/// Resamples of the intervals, their seed and level.
const RESAMPLES: usize = 1000;
const SEED: u64 = 0;
/// Share of the resamples within an interval.
pub const LEVEL: f64 = 0.95;

/// How far the choice of the documents moves what was found.
pub struct Intervals {
    /// The interval of each weight.
    pub weights: Vec<Interval>,
    /// The interval of the perplexity of the removed documents divided by that of the kept.
    pub ratio: Interval,
    /// The interval of the rank correlation (Spearman) of a document's score with its perplexity.
    pub rank: Interval,
}

/// How a line comes to its score.
pub enum Lines {
    /// The predicates scored the lines.
    Asked(TextQuality),
    /// The caller's matrix gave the score of every line of all documents.
    Given(Vec<f64>),
}

/// Everything that was found.
pub struct Outcome {
    /// Perplexities, and where they come from.
    pub source: Source,
    /// The weight of each predicate.
    pub weights: Weights,
    /// The scoring of lines.
    pub lines: Lines,
    /// The score of each document.
    pub scores: Vec<DocumentScore>,
    /// What stays.
    pub pruned: QualityPruned,
    /// The rule of `--pass` that each document fails first; empty without `--pass`.
    pub failed: Vec<Option<String>>,
    /// The presets of rules, judged.
    pub judged: Vec<Judged>,
    /// Where the likelihoods of lines are known.
    pub intervals: Option<Intervals>,
}

impl Outcome {
    /// Weights, scores and what stays.
    ///
    /// # Errors
    /// [`Failure::Data`] when nothing can be scored, [`Failure::Cancelled`].
    pub fn score(
        args: &Args,
        texts: &Texts,
        source: Source,
        failed: Vec<Option<String>>,
        file: &Path,
        cx: &Context,
    ) -> Result<Self> {
        let weighted = match &source.perplexities {
            Some(perplexities) => {
                Weighting::new().empty_subset(args.empty_subset.into()).weights(perplexities)
            }
            None => Weights::given(&vec![1.0; source.columns.len()]),
        };
        let weights = weighted.map_err(|e| match e {
            pauca::Error::Empty { .. } => Failure::data(file, "no line passes one of the predicates"),
            e => Failure::data(file, crate::failure::chain(&e)),
        })?;
        if weights.informative() == 0 && NoWeight::from(args.no_weight) == NoWeight::Error {
            let n = weights.values().len();
            return Err(Failure::data(
                file,
                format!(
                    "every one of the {n} weights is 0 (no predicate's lines are easier to predict than all lines), \
                     so that no score is defined; --no-weight ones keeps the first documents"
                ),
            ));
        }
        let library = |e: pauca::Error| match e {
            pauca::Error::Cancelled => Failure::stopped(),
            e => Failure::library(texts.path(), &e),
        };
        let (lines, scores) = match &source.columns {
            Columns::Asked(predicates) => {
                let quality = TextQuality::new(weights.clone())
                    .predicates(predicates)
                    .split(args.split.into())
                    .unit(args.unit.into())
                    .no_weight(args.no_weight.into());
                let scores = quality.documents(&texts.documents, cx).map_err(library)?;
                (Lines::Asked(quality), scores)
            }
            Columns::Given(matrix) => by_matrix(args, texts, matrix, &weights).map_err(library)?,
        };
        let prune = QualityPruning::new()
            .keep_fraction(args.share_to_keep())
            .share(args.share.into())
            .ties(args.ties.into());
        let select = |wanted: &dyn Fn(usize) -> bool| {
            let mut gathered = Scores::new();
            for (id, found) in scores.iter().enumerate().filter(|(id, _)| wanted(*id)) {
                gathered.push(id as u64, found.score, found.tokens)?;
            }
            gathered.finish(&prune)
        };
        let mut pruned = select(&|_| true).map_err(library)?;
        if failed.iter().any(Option::is_some) {
            let passing = |d: usize| failed[d].is_none();
            if !(0..failed.len()).any(passing) {
                return Err(Failure::data(texts.path(), "no document passes the rules of --pass"));
            }
            let of_passing = select(&passing).map_err(library)?;
            pruned.keep.fill(false);
            for (id, keep) in of_passing.ids.iter().zip(&of_passing.keep) {
                pruned.keep[*id as usize] = *keep;
            }
            pruned.threshold = of_passing.threshold;
        }
        Ok(Self { source, weights, lines, scores, pruned, failed, judged: Vec::new(), intervals: None })
    }

    /// Judges every document by the published rules, shard by shard.
    ///
    /// # Errors
    /// [`Failure::Cancelled`], [`Failure::Data`] when memory runs out.
    pub fn judge(&mut self, args: &Args, texts: &Texts, threads: usize) -> Result<()> {
        for name in &args.rules {
            let Some(preset) = Preset::of(*name) else { continue };
            let rules = preset.rules();
            let mut tallies = [(); 2].map(|()| Tally { failed: vec![0; rules.len()], ..Tally::default() });
            for (passes, keep) in verdicts(&preset, texts, threads)?.iter().zip(&self.pruned.keep) {
                tallies[usize::from(!keep)].push(passes);
            }
            self.judged.push(Judged { name: name.name(), rules, tallies });
        }
        Ok(())
    }

    /// The score of line `l` of document `d`, whose text is `line`; none when memory runs out.
    pub fn line(&self, d: usize, l: usize, line: &str) -> Option<f64> {
        match (&self.lines, &self.source.columns) {
            (Lines::Asked(quality), _) => quality.line(line).ok(),
            (Lines::Given(scores), Columns::Given(matrix)) => scores.get(matrix.offsets[d] + l).copied(),
            _ => None,
        }
    }

    /// Share of the tokens that stay.
    pub fn token_share(&self) -> f64 {
        let all = self.pruned.tokens.sum();
        self.pruned.kept_tokens() as f64 / all.max(1) as f64
    }

    /// Perplexities of all documents, of those that stay, of those that go; where the likelihoods of
    /// lines are known.
    pub fn perplexities(&self) -> Option<[f64; 3]> {
        let documents = self.source.documents.as_ref()?;
        let of = |wanted: &dyn Fn(usize) -> bool| {
            let parts = documents.iter().enumerate().filter(|(d, _)| wanted(*d)).map(|(_, parts)| parts[0]);
            parts.fold(Part::default(), Part::plus).perplexity(self.source.pooling).unwrap_or(f64::NAN)
        };
        Some([of(&|_| true), of(&|d| self.pruned.keep[d]), of(&|d| !self.pruned.keep[d])])
    }

    /// How far the choice of the documents moves what was found: bootstrap over documents.
    ///
    /// # Errors
    /// [`Failure::Cancelled`], [`Failure::Data`] when memory runs out.
    pub fn measure(&mut self, texts: &Texts) -> Result<()> {
        let Some(documents) = &self.source.documents else { return Ok(()) };
        let n = documents.len();
        let pooling = self.source.pooling;
        let library = |e: pauca::Error| match e {
            pauca::Error::Cancelled => Failure::stopped(),
            e => Failure::library(texts.path(), &e),
        };
        let interval = |f: &dyn Fn(&[usize]) -> pauca::Result<Option<f64>>| {
            let checked =
                |rows: &[usize]| if interrupt::requested() { Err(pauca::Error::Cancelled) } else { f(rows) };
            stats::bootstrap(n, RESAMPLES, SEED, LEVEL, checked).map_err(library)
        };
        let part = |rows: &[usize], i: usize, wanted: &dyn Fn(usize) -> bool| {
            let chosen = rows.iter().filter(|d| wanted(**d)).map(|&d| documents[d][i]);
            chosen.fold(Part::default(), Part::plus).perplexity(pooling)
        };
        let mut weights = Vec::new();
        for i in 0..self.source.columns.len() {
            weights.push(interval(&|rows| {
                let (all, subset) = (part(rows, 0, &|_| true), part(rows, i + 1, &|_| true));
                Ok(all.map(|all| subset.map_or(0.0, |subset| ((all - subset) / all).max(0.0))))
            })?);
        }
        let ratio = interval(&|rows| {
            let kept = part(rows, 0, &|d| self.pruned.keep[d]);
            let removed = part(rows, 0, &|d| !self.pruned.keep[d]);
            Ok(removed.zip(kept).map(|(removed, kept)| removed / kept))
        })?;
        // Of documents that have both, the score against the perplexity of the document alone.
        let pairs: Vec<Option<(f64, f64)>> =
            (0..n).map(|d| self.scores[d].score.zip(documents[d][0].perplexity(pooling))).collect();
        let rank = interval(&|rows| {
            let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().filter_map(|&d| pairs[d]).unzip();
            stats::spearman(&x, &y)
        })?;
        self.intervals = Some(Intervals { weights, ratio, rank });
        Ok(())
    }

    /// The result in one sentence.
    pub fn verdict(&self) -> String {
        let n = self.pruned.ids.len() as u64;
        // Given weights say nothing of the predicates.
        let why = if self.source.perplexities.is_some() {
            let all = self.weights.values().len();
            format!("{} of {all} predicates tell good lines from bad", self.weights.informative())
        } else if self.failed.is_empty() {
            "all predicates weigh the same".into()
        } else {
            format!("{} fail the rules", count(self.failed.iter().flatten().count() as u64))
        };
        format!(
            "Kept {} of {} documents, {} of the tokens; {why}",
            count(self.pruned.kept() as u64),
            count(n),
            percent(self.token_share())
        )
    }

    /// The weights for a terminal, those of 0 named as such.
    pub fn weights_table(&self) -> String {
        let mut text = format!(
            "{:<24} {:>10} {:>8} {:>18} {:>9}\n",
            "predicate", "perplexity", "weight", "95 % interval", "lines"
        );
        if let Some(all) = self.source.all() {
            text.push_str(&format!("{:<24} {all:>10.3}\n", "(all lines)"));
        }
        for (i, name) in self.source.columns.names().into_iter().enumerate() {
            let ppl = self.source.subset(i).map_or("none".into(), |ppl| format!("{ppl:.3}"));
            let lines = self.share_passing(i).map_or(String::new(), percent);
            let weight = weight(self.weights.values()[i]);
            let range =
                self.intervals.as_ref().map_or(String::new(), |intervals| range(&intervals.weights[i]));
            text.push_str(&format!("{name:<24} {ppl:>10} {weight:>8} {range:>18} {lines:>9}\n"));
        }
        text
    }

    /// Share of the lines that pass predicate `i`, where it is known.
    pub fn share_passing(&self, i: usize) -> Option<f64> {
        let (lines, passing) = self.source.lines.as_ref()?;
        Some(passing[i] as f64 / (*lines).max(1) as f64)
    }

    /// What a person wants to know, in a few lines.
    pub fn facts(&self) -> Vec<Fact> {
        let n = self.pruned.ids.len() as u64;
        let kept = self.pruned.kept() as u64;
        let none = self.scores.iter().filter(|s| s.score.is_none()).count() as u64;
        let names = self.source.columns.names().into_iter().zip(self.weights.values());
        let zero: Vec<&str> = names.filter(|(_, w)| **w == 0.0).map(|(name, _)| name).collect();
        let fact = |about: &str, value: String, detail: String| Fact { about: about.into(), value, detail };
        let lowest = self.pruned.threshold;
        let from = if lowest.is_nan() { String::new() } else { format!(", from a score of {lowest:.4} on") };
        let mut facts = vec![fact(
            "kept",
            format!("{} of {} documents", count(kept), count(n)),
            format!("{} of the tokens{from}", percent(self.token_share())),
        )];
        if !self.failed.is_empty() {
            let failing = self.failed.iter().flatten().count() as u64;
            facts.push(fact("rules", format!("{} fail", count(failing)), "they go, as --pass asks".into()));
        }
        let all = self.weights.values().len();
        if self.source.perplexities.is_some() {
            facts.push(fact("weight 0", format!("{} of {all} predicates", zero.len()), zero.join(", ")));
        }
        if let Some([all, kept, removed]) = self.perplexities() {
            facts.push(fact(
                "perplexity",
                format!("{kept:.2} of the kept"),
                format!("{removed:.2} of the removed, {all:.2} of all"),
            ));
        }
        if let Some(intervals) = &self.intervals {
            facts.push(fact("removed / kept", between(&intervals.ratio), "perplexities".into()));
            facts.push(fact("score, perplexity", between(&intervals.rank), "rank correlation".into()));
        }
        if none > 0 {
            facts.push(Fact::words(
                "without score",
                format!("{} documents have no tokens; they go first", count(none)),
            ));
        }
        facts
    }
}

/// Whether every document passes each rule of `preset`, shard by shard.
fn verdicts(preset: &Preset, texts: &Texts, threads: usize) -> Result<Vec<Vec<bool>>> {
    let shard = |documents: &[Document]| -> Result<Vec<Vec<bool>>> {
        let judge = |document: &Document| {
            let found = preset.judge(&document.text, &interrupt::requested);
            found.map_err(|e| Failure::library(texts.path(), &e))
        };
        documents.iter().map(judge).collect()
    };
    let size = texts.documents.len().div_ceil(threads.max(1)).max(1);
    let found: Vec<Result<Vec<Vec<bool>>>> = std::thread::scope(|scope| {
        let shard = &shard;
        let shards: Vec<_> =
            texts.documents.chunks(size).map(|documents| scope.spawn(move || shard(documents))).collect();
        let lost = |_| Err(Failure::data(texts.path(), "a thread that judged rules was lost"));
        shards.into_iter().map(|shard| shard.join().unwrap_or_else(lost)).collect()
    });
    let mut all = Vec::with_capacity(texts.documents.len());
    for shard in found {
        all.extend(shard?);
    }
    Ok(all)
}

/// The first rule of the presets `pass` that each document fails; nothing without presets.
///
/// # Errors
/// [`Failure::Cancelled`], [`Failure::Data`] when memory runs out.
pub fn failed(pass: &[RulesName], texts: &Texts, threads: usize) -> Result<Vec<Option<String>>> {
    let mut all = Vec::new();
    for name in pass {
        let Some(preset) = Preset::of(*name) else { continue };
        let rules = preset.rules();
        all.resize(texts.documents.len(), None);
        for (failed, passes) in all.iter_mut().zip(verdicts(&preset, texts, threads)?) {
            let first = passes.iter().position(|passes| !passes);
            if failed.is_none()
                && let Some(first) = first
            {
                *failed = Some(format!("{} {}", name.name(), rules[first].name));
            }
        }
    }
    Ok(all)
}

/// Scores of lines and documents by the caller's matrix.
fn by_matrix(
    args: &Args,
    texts: &Texts,
    matrix: &Matrix,
    weights: &Weights,
) -> pauca::Result<(Lines, Vec<DocumentScore>)> {
    let unit = Unit::from(args.unit);
    let lines = line_scores(matrix.passes.view(), weights, args.no_weight.into())?.to_vec();
    let pieces = texts.documents.iter().flat_map(|d| Split::from(args.split).of(&d.text));
    let tokens: Vec<u64> = pieces.map(|line| unit.count(line)).collect();
    let scores = doc_scores(&lines, &tokens, &matrix.offsets)?;
    let documents = scores.iter().zip(matrix.offsets.windows(2)).map(|(score, lines)| DocumentScore {
        score: (!score.is_nan()).then_some(*score),
        tokens: tokens[lines[0]..lines[1]].iter().sum(),
        lines: (lines[1] - lines[0]) as u64,
    });
    let documents = documents.collect();
    Ok((Lines::Given(lines), documents))
}

/// A weight for people: a 0 is a 0.
pub fn weight(w: f64) -> String {
    if w == 0.0 { "0".into() } else { format!("{w:.4}") }
}

/// The ends of an interval.
pub fn range(interval: &Interval) -> String {
    if interval.low.is_nan() {
        "undefined".into()
    } else {
        format!("{:.4} - {:.4}", interval.low, interval.high)
    }
}

/// An estimate with its interval.
pub fn between(interval: &Interval) -> String {
    if interval.estimate.is_nan() || interval.low.is_nan() {
        return "undefined".into();
    }
    format!("{:.3} (95 %: {:.3} to {:.3})", interval.estimate, interval.low, interval.high)
}
