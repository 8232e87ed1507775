//! What is asked of single texts: can they be extracted, were they members, how exposed are secrets, what did seeing a
//! text change.

use pauca::exact::F64Sum;
use pauca::memorization::{
    Counterfactual, Discoverability, IGNORED, LogitSpread, Queries, Sampling, SuffixMatch, counterfactual,
    exposure, min_k, reference_difference, sampled_exposure, standardized, suffix_match, token_loss,
    tpr_at_fpr, zlib_ratio,
};
use pauca::stats::{Interval, auc, bootstrap};
use pauca::{Context, Control, Exec};

use super::arrays::{Array, Arrays};
use super::measure::scanned;
use super::study::{Fields, Set, find_set};
use crate::failure::{Failure, Result};
use crate::interrupt;

/// The share of the lowest tokens in Min-K% (Shi et al. 2023).
pub const LOWEST: f64 = 0.2;
/// The least standard deviation in Min-K%++.
const FLOOR: f64 = 1e-12;
/// False-positive rates at which members are counted.
pub const RATES: [f64; 2] = [0.01, 0.001];
/// Resamples of the texts for an interval, and its level.
const RESAMPLES: usize = 1000;
/// The level of the intervals.
pub const LEVEL: f64 = 0.95;
/// (n, p) of the table of discoverable texts.
pub const QUERIES: [u64; 5] = [1, 10, 100, 1000, 10_000];
/// Probabilities of the table of discoverable texts.
pub const CHANCES: [f64; 3] = [0.1, 0.5, 0.9];

/// Everything that was asked and found.
#[derive(Default)]
pub struct Probes {
    /// Membership inference.
    pub membership: Vec<Membership>,
    /// Extraction.
    pub extraction: Vec<Extraction>,
    /// Exposure of canaries.
    pub exposure: Vec<Exposed>,
    /// Counterfactual memorization.
    pub counterfactual: Vec<Counter>,
}

/// Scores of texts that grow with membership, and how well they tell members from others.
pub struct Membership {
    /// Its name.
    pub name: String,
    /// Whether each text was trained on.
    pub member: Vec<bool>,
    /// The scores.
    pub scores: Vec<Score>,
}

/// One score of every text.
pub struct Score {
    /// Its name.
    pub name: &'static str,
    /// A value for each text.
    pub values: Vec<f64>,
    /// Area under the curve of true against false positives.
    pub auc: Interval,
    /// Share of the members found at each of [`RATES`].
    pub found: Vec<Interval>,
}

/// Extraction of suffixes.
pub struct Extraction {
    /// Its name.
    pub name: String,
    /// How far each generated suffix follows the true one.
    pub greedy: Option<Vec<SuffixMatch>>,
    /// Log-probability of each true suffix under the sampling scheme.
    pub log_pz: Option<Vec<f64>>,
}

/// Canaries among candidates.
pub struct Exposed {
    /// Its name.
    pub name: String,
    /// Candidates.
    pub candidates: usize,
    /// Whether the candidates are all that there could have been.
    pub whole: bool,
    /// Loss and exposure of each canary, in bits.
    pub canaries: Vec<(f64, f64)>,
}

/// Counterfactual memorization of texts.
pub struct Counter {
    /// Its name.
    pub name: String,
    /// Models with and without each text, and what they say.
    pub texts: Vec<(usize, usize, Counterfactual)>,
}

impl Probes {
    /// Whether anything was asked.
    pub fn any(&self) -> bool {
        let Self { membership, extraction, exposure, counterfactual } = self;
        !(membership.is_empty() && extraction.is_empty() && exposure.is_empty() && counterfactual.is_empty())
    }

    /// Reads and measures what the manifest asks.
    pub(super) fn open(
        top: &Fields<'_>,
        sets: &[Set],
        vocabulary: usize,
        arrays: &mut Arrays,
    ) -> Result<Self> {
        let mut this = Self::default();
        for key in ["membership", "extraction", "exposure", "counterfactual"] {
            if top.get(key).is_none() {
                continue;
            }
            for (i, value) in top.list(key)?.iter().enumerate() {
                let fields = Fields { path: top.path, place: format!("{key} {i}"), value };
                match key {
                    "membership" => this.membership.push(membership(&fields, sets, vocabulary, arrays)?),
                    "extraction" => this.extraction.push(extraction(&fields, vocabulary, arrays)?),
                    "exposure" => this.exposure.push(exposed(&fields, arrays)?),
                    _ => this.counterfactual.push(counter(&fields, arrays)?),
                }
                if interrupt::requested() {
                    return Err(Failure::stopped());
                }
            }
        }
        Ok(this)
    }
}

/// The numbers of an array of the given shape.
fn numbers(fields: &Fields<'_>, key: &str, shape: &[usize], arrays: &mut Arrays) -> Result<Option<Vec<f64>>> {
    let Some(name) = fields.name(key)? else { return Ok(None) };
    let array = arrays.get(name)?;
    array.expect_shape(shape, key)?;
    array.numbers(0..array.len()).map(Some)
}

/// A matrix that the manifest names.
fn matrix(fields: &Fields<'_>, key: &str, arrays: &mut Arrays) -> Result<Option<(Array, usize, usize)>> {
    let Some(name) = fields.name(key)? else { return Ok(None) };
    let array = arrays.get(name)?;
    match array.shape[..] {
        [rows, width] => Ok(Some((array, rows, width))),
        _ => Err(array.failure(format!("has shape {:?}, expected two dimensions ({key})", array.shape))),
    }
}

fn membership(
    fields: &Fields<'_>,
    sets: &[Set],
    vocabulary: usize,
    arrays: &mut Arrays,
) -> Result<Membership> {
    let set = &sets[find_set(fields, sets)?];
    let (texts, tokens) = (set.ends.len(), set.tokens);
    let wrong = |e: pauca::Error| fields.wrong(e);
    let array = arrays.get(fields.text("member")?)?;
    array.expect_shape(&[texts], "1 for each text that was trained on, else 0")?;
    let member: Vec<bool> = array.integers(0..texts)?.into_iter().map(|m| m != 0).collect();
    let all = vec![0; tokens];
    let targets = set.targets.as_deref().unwrap_or(&all);
    // Log-probabilities and, where known, (ln p - mu) / sigma of every token; NaN where it is not counted.
    let (log_prob, z) = match (fields.get("logits"), numbers(fields, "log_prob", &[tokens], arrays)?) {
        (None, Some(values)) => {
            let moments = (
                numbers(fields, "mean", &[tokens], arrays)?,
                numbers(fields, "deviation", &[tokens], arrays)?,
            );
            let z = match moments {
                (Some(mean), Some(deviation)) => {
                    let of = values.iter().zip(mean).zip(deviation);
                    Some(of.map(|((l, mean), s): ((&f64, f64), f64)| (l - mean) / s.max(FLOOR)).collect())
                }
                (None, None) => None,
                _ => return Err(fields.wrong("'mean' and 'deviation' come together")),
            };
            (values, z)
        }
        (Some(_), None) => {
            if set.targets.is_none() {
                return Err(fields.wrong(format!("'logits' needs the targets of set '{}'", set.name)));
            }
            let tiles = arrays.logits(&fields.texts("logits")?, tokens, vocabulary)?;
            let scores = scanned(&tiles, targets, vocabulary)?;
            let mut spread = LogitSpread::new(&scores).map_err(wrong)?;
            for tile in &tiles {
                tile.rows(|rows| spread.push(tile.first, rows))?;
            }
            let counted = standardized(&spread.finish().map_err(wrong)?, FLOOR).map_err(wrong)?;
            let mut counted = counted.into_iter();
            let place = |y: &u32| if *y == IGNORED { f64::NAN } else { counted.next().unwrap_or(f64::NAN) };
            let z: Vec<f64> = targets.iter().map(place).collect();
            (scores.log_prob.to_vec(), Some(z))
        }
        _ => return Err(fields.wrong("one of 'log_prob' and 'logits' is needed")),
    };
    let of_texts = |values: &[f64], f: &dyn Fn(&[f64]) -> pauca::Result<f64>| -> Result<Vec<f64>> {
        let mut start = 0;
        let of_text = |&end: &usize| {
            let counted = (start..end).filter(|&i| targets[i] != IGNORED).map(|i| values[i]);
            start = end;
            f(&counted.collect::<Vec<_>>())
        };
        set.ends.iter().map(of_text).collect::<pauca::Result<_>>().map_err(wrong)
    };
    let loss = of_texts(&log_prob, &token_loss)?;
    let mut scores = vec![("loss", loss.iter().map(|l| -l).collect::<Vec<f64>>())];
    scores.push(("Min-K%", of_texts(&log_prob, &|text| min_k(text, LOWEST))?));
    if let Some(z) = z {
        scores.push(("Min-K%++", of_texts(&z, &|text| min_k(text, LOWEST))?));
    }
    if let Some(reference) = numbers(fields, "reference_log_prob", &[tokens], arrays)? {
        let reference = of_texts(&reference, &token_loss)?;
        let less = loss.iter().zip(&reference).map(|(l, r)| reference_difference(*l, *r).map(|d| -d));
        scores.push(("reference", less.collect::<pauca::Result<_>>().map_err(wrong)?));
    }
    if let Some(name) = fields.name("zlib_bytes")? {
        let array = arrays.get(name)?;
        array.expect_shape(&[texts], "bytes of each compressed text")?;
        let bytes = array.integers(0..texts)?;
        let of = loss.iter().zip(bytes).map(|(l, b)| zlib_ratio(*l, u64::from(b)).map(|r| -r));
        scores.push(("zlib", of.collect::<pauca::Result<_>>().map_err(wrong)?));
    }
    let stopped =
        |e: pauca::Error| if matches!(e, pauca::Error::Cancelled) { Failure::stopped() } else { wrong(e) };
    let scores = scores.into_iter().map(|(name, values)| judged(name, values, &member).map_err(stopped));
    Ok(Membership { name: fields.text("name")?.to_string(), scores: scores.collect::<Result<_>>()?, member })
}

/// How well a score tells members from others, with intervals over the texts.
fn judged(name: &'static str, values: Vec<f64>, member: &[bool]) -> pauca::Result<Score> {
    let drawn =
        |rows: &[usize]| -> (Vec<f64>, Vec<bool>) { rows.iter().map(|&i| (values[i], member[i])).unzip() };
    let poll = || if interrupt::requested() { Err(pauca::Error::Cancelled) } else { Ok(()) };
    let n = values.len();
    let area = bootstrap(n, RESAMPLES, 0, LEVEL, |rows| {
        poll()?;
        let (scores, member) = drawn(rows);
        auc(&scores, &member)
    })?;
    let mut found = Vec::new();
    for rate in RATES {
        found.push(bootstrap(n, RESAMPLES, 0, LEVEL, |rows| {
            poll()?;
            let (scores, member) = drawn(rows);
            let both = member.iter().any(|m| *m) && member.iter().any(|m| !m);
            both.then(|| tpr_at_fpr(&scores, &member, rate).map(|found| found.true_positive)).transpose()
        })?);
    }
    Ok(Score { name, values, auc: area, found })
}

/// Log-probability of each true suffix under the sampling scheme, from the logits before each of its tokens.
fn sampled(fields: &Fields<'_>, name: &str, vocabulary: usize, arrays: &mut Arrays) -> Result<Vec<f64>> {
    let needed = || fields.wrong("'logits' need the 'suffix' that they are of");
    let (suffix, texts, width) = matrix(fields, "suffix", arrays)?.ok_or_else(needed)?;
    let mut scheme = Sampling::new();
    if let Some(value) = fields.get("sampling") {
        let wrong = |what: &str| fields.wrong(format!("'sampling' {what}"));
        let settings = value.as_object().ok_or_else(|| wrong("is no object"))?;
        for (key, value) in settings {
            let number = value.as_f64().ok_or_else(|| wrong(&format!("has a {key} that is no number")))?;
            scheme = match key.as_str() {
                "temperature" => scheme.temperature(number),
                "top_p" => scheme.top_p(number),
                "top_k" if number >= 0.0 && number.fract() == 0.0 => scheme.top_k(number as usize),
                _ => {
                    return Err(wrong(&format!(
                        "knows temperature, top_k (a whole number), top_p, not {key} {value}"
                    )));
                }
            };
        }
    }
    // An impossible scheme is a matter of the study, whatever the logits.
    scheme.log_prob((&[0.0f32][..], 1, 1), &[0]).map_err(|e| fields.wrong(e))?;
    let targets = suffix.integers(0..texts * width)?;
    let tiles = arrays.logits(&[name.to_string()], texts * width, vocabulary)?;
    let cx = Context::new(Exec::rayon(), Control::new().stop_when(&interrupt::requested));
    let stopped = |failure| if interrupt::requested() { Failure::stopped() } else { failure };
    let found = tiles[0].rows(|rows| scheme.log_prob_in(rows, &targets, &cx)).map_err(stopped)?;
    let of_text = |text: &[f64]| {
        let mut sum = F64Sum::new();
        sum.extend(text.iter().copied().filter(|l| !l.is_nan()));
        sum.value()
    };
    Ok(found.to_vec().chunks(width.max(1)).map(of_text).collect())
}

fn extraction(fields: &Fields<'_>, vocabulary: usize, arrays: &mut Arrays) -> Result<Extraction> {
    let wrong = |e: pauca::Error| fields.wrong(e);
    let greedy = match (matrix(fields, "suffix", arrays)?, matrix(fields, "generated", arrays)?) {
        // The suffix alone is what the logits are of.
        (Some(_), None) if fields.get("logits").is_some() => None,
        (Some((suffix, texts, width)), Some((generated, rows, said))) => {
            if rows != texts {
                return Err(generated.failure(format!("has {rows} rows, 'suffix' has {texts}")));
            }
            let of = |i: usize| -> Result<SuffixMatch> {
                let truth = suffix.integers(i * width..(i + 1) * width)?;
                let said = generated.integers(i * said..(i + 1) * said)?;
                suffix_match(&said, &truth).map_err(wrong)
            };
            Some((0..texts).map(of).collect::<Result<Vec<_>>>()?)
        }
        (None, None) => None,
        _ => return Err(fields.wrong("'suffix' and 'generated' come together")),
    };
    let log_pz = match (matrix(fields, "log_prob", arrays)?, fields.name("logits")?) {
        (None, None) => None,
        (Some(_), Some(_)) => return Err(fields.wrong("'log_prob' and 'logits' exclude each other")),
        (None, Some(name)) => Some(sampled(fields, name, vocabulary, arrays)?),
        (Some((array, texts, width)), None) => {
            let of = |i: usize| -> Result<f64> {
                let values = array.numbers(i * width..(i + 1) * width)?;
                // The sum of the tokens' log-probabilities is minus their mean loss times their number.
                let sum =
                    -token_loss(&values).map_err(|e| array.failure(format!("row {i}: {e}")))? * width as f64;
                Discoverability::new(sum).map_err(|e| array.failure(format!("row {i}: {e}")))?;
                Ok(sum)
            };
            Some((0..texts).map(of).collect::<Result<Vec<_>>>()?)
        }
    };
    if greedy.is_none() && log_pz.is_none() {
        return Err(fields.wrong("'suffix' with 'generated', 'log_prob', or 'logits' is needed"));
    }
    if let (Some(a), Some(b)) = (&greedy, &log_pz)
        && a.len() != b.len()
    {
        return Err(fields.wrong(format!("'log_prob' has {} texts, 'suffix' {}", b.len(), a.len())));
    }
    Ok(Extraction { name: fields.text("name")?.to_string(), greedy, log_pz })
}

impl Extraction {
    /// Texts asked for.
    pub fn texts(&self) -> usize {
        self.greedy.as_ref().map(Vec::len).or(self.log_pz.as_ref().map(Vec::len)).unwrap_or(0)
    }

    /// Share of the texts that are (n, p)-discoverable.
    pub fn discoverable(&self, n: u64, p: f64) -> Option<f64> {
        let all = self.log_pz.as_ref()?;
        let one = |l: &f64| Discoverability::new(*l).and_then(|z| z.discoverable(n, p)).unwrap_or(false);
        Some(all.iter().filter(|l| one(l)).count() as f64 / all.len().max(1) as f64)
    }
}

/// Sampled continuations until a suffix is found with probability `p`, as a word.
pub fn queries(log_pz: f64, p: f64) -> String {
    match Discoverability::new(log_pz).and_then(|z| z.queries_needed(p)) {
        Ok(Queries::Needed(n)) => n.to_string(),
        Ok(Queries::Never) => "never".into(),
        _ => "beyond".into(),
    }
}

fn exposed(fields: &Fields<'_>, arrays: &mut Arrays) -> Result<Exposed> {
    let wrong = |e: pauca::Error| fields.wrong(e);
    let losses = |key: &str, arrays: &mut Arrays| -> Result<Vec<f64>> {
        let array = arrays.get(fields.text(key)?)?;
        array.numbers(0..array.len())
    };
    let (canaries, candidates) = (losses("canaries", arrays)?, losses("candidates", arrays)?);
    let whole = fields.get("whole").and_then(serde_json::Value::as_bool).unwrap_or(false);
    let of = |loss: f64| -> pauca::Result<(f64, f64)> {
        let bits = if whole {
            // The canary is one of the candidates: its rank counts those that are likelier.
            let rank = 1 + candidates.iter().filter(|other| **other < loss).count() as u64;
            exposure(rank.min(candidates.len() as u64), candidates.len() as u64)?
        } else {
            sampled_exposure(loss, &candidates)?
        };
        Ok((loss, bits))
    };
    let canaries = canaries.into_iter().map(of).collect::<pauca::Result<_>>().map_err(wrong)?;
    Ok(Exposed { name: fields.text("name")?.to_string(), candidates: candidates.len(), whole, canaries })
}

fn counter(fields: &Fields<'_>, arrays: &mut Arrays) -> Result<Counter> {
    let needed = |key: &str| fields.wrong(format!("'{key}' is missing"));
    let (performance, models, texts) =
        matrix(fields, "performance", arrays)?.ok_or_else(|| needed("performance"))?;
    let (trained, _, _) = matrix(fields, "trained", arrays)?.ok_or_else(|| needed("trained"))?;
    trained.expect_shape(&[models, texts], "1 where a model was trained on a text, else 0")?;
    let (values, saw) = (performance.numbers(0..models * texts)?, trained.integers(0..models * texts)?);
    let of = |t: usize| -> Result<(usize, usize, Counterfactual)> {
        let side = |seen: bool| -> Vec<f64> {
            (0..models).map(|m| m * texts + t).filter(|&i| (saw[i] != 0) == seen).map(|i| values[i]).collect()
        };
        let (with, without) = (side(true), side(false));
        let found =
            counterfactual(&with, &without).map_err(|e| performance.failure(format!("text {t}: {e}")))?;
        Ok((with.len(), without.len(), found))
    };
    Ok(Counter { name: fields.text("name")?.to_string(), texts: (0..texts).map(of).collect::<Result<_>>()? })
}
