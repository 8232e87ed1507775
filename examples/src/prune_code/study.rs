//! What the program computes: all of it from the library, nothing of it printed here.

use ndarray::Array2;
use pauca::corruption::{Corruption, CorruptionMetrics, PairedReport, PairedSummary, Scip, ScipPruned};
use pauca::length::{
    Concentration, Confound, Cut, End, LengthBins, LengthBucket, LengthConfound, LengthControlled,
    LengthPruning, SelectionLength, length_of_selection, perplexity_by_length,
};
use pauca::random::Stream;
use pauca::{Clusters, Context, Dedup, KMeans, Prototypes, Prune, RowSource, Rows, Rule, Scope, SemDedup};

use super::args::Method;
use super::inputs::Inputs;
use crate::machine::Machine;
use crate::stepping::Stepping;

/// Shares of the longest files that are looked at.
pub const LONGEST: [f64; 4] = [0.01, 0.02, 0.05, 0.10];
/// Bins of perplexity by length.
const BINS: usize = 10;
/// Stream of the random selection: far from those of the library.
const RANDOM_SELECTION: u32 = 1000;

/// What decides the study's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What decides which files go.
    pub method: Method,
    /// Share to keep.
    pub keep: f64,
    /// SCIP's weight of the size.
    pub alpha: f64,
    /// Clusters.
    pub clusters: usize,
    /// Most iterations.
    pub max_iter: usize,
    /// Resamples.
    pub resamples: usize,
    /// Level of the intervals.
    pub level: f64,
    /// Seed.
    pub seed: u64,
}

/// A score of every file.
pub struct Score {
    /// The name of the score.
    pub name: &'static str,
    /// What a high value means, and who prunes by it.
    pub meaning: &'static str,
    /// The values.
    pub values: Vec<f64>,
    /// How far it is about length.
    pub confound: Confound,
}

/// A way to choose, at the same share of files.
pub struct Selection {
    /// The name of the selection.
    pub name: &'static str,
    /// The lengths that the selection prefers to remove.
    pub length: SelectionLength,
}

/// What one kind of corruption did.
pub struct Kind {
    /// The name of the kind, or of the yardstick.
    pub name: String,
    /// "syntax", "content" or nothing.
    pub family: &'static str,
    /// Per pair.
    pub report: PairedReport,
    /// Means with intervals.
    pub summary: PairedSummary,
}

/// Everything found.
pub struct Study {
    /// Spherical k-means of all files.
    pub clusters: Clusters,
    /// How much the longest hold.
    pub concentration: Concentration,
    /// Scores and how far they are about length.
    pub scores: Vec<Score>,
    /// Selections of the same share of files.
    pub selections: Vec<Selection>,
    /// Corruptions, and last the yardstick: another file in the file's place.
    pub kinds: Vec<Kind>,
    /// Perplexity by length, where it was given.
    pub perplexity: Option<Vec<LengthBucket>>,
    /// SCIP's two sets.
    pub scip: ScipPruned,
    /// What the method keeps.
    pub keep: Vec<bool>,
    /// The lengths that the method prefers to remove.
    pub kept: SelectionLength,
    /// The tokens of the longest file that stays, where a share of the tokens ends at it.
    pub unfit: Option<u64>,
}

/// Runs the study.
///
/// # Errors
/// The errors of [`Stepping::clusters`]. Whenever the user asks to stop, the clustering is saved.
pub fn run(
    inputs: &Inputs<'_>,
    settings: &Settings,
    with: &Stepping<'_, '_>,
    cx: &Context<'_>,
) -> crate::failure::Result<Study> {
    let kmeans =
        KMeans::new(settings.clusters).spherical(true).seed(settings.seed).max_iter(settings.max_iter);
    let (clusters, state) = with.clusters(&kmeans, settings.max_iter, cx)?;
    judge(inputs, clusters, settings, with, cx).map_err(|e| with.stopped(&e, Some(state)))
}

/// What follows from the clusters.
fn judge(
    inputs: &Inputs<'_>,
    clusters: Clusters,
    settings: &Settings,
    with: &Stepping<'_, '_>,
    cx: &Context<'_>,
) -> pauca::Result<Study> {
    let (backend, reporter) = (with.backend, with.reporter);
    let n = inputs.tokens.len();
    let rows = inputs.source.n_rows() as u64;
    reporter.stage("compare", rows, 0);
    let dedup = SemDedup::new(Rule::EarlierMax).keep_fraction(settings.keep);
    let dedup = dedup.fit_on(backend, inputs.source, &clusters, cx)?;
    reporter.stage("corruptions", inputs.corrupted.as_ref().map_or(0, |c| c.rows.nrows() as u64), 0);
    let kinds = kinds(inputs, &clusters, settings, backend, cx)?;
    reporter.stage("scores", rows, 0);
    let distances = clusters.distances.to_vec();
    let mut scores = vec![
        ("distance to centroid", "far from its cluster; SCIP drops high, D4 drops low", distances.clone()),
        ("cluster size", "in a large cluster; SCIP drops low", sizes(&clusters)),
        ("similarity in cluster", "near a file that is preferred; SemDeDup drops high", similarities(&dedup)),
    ];
    for (family, name) in [("syntax", "towards broken syntax"), ("content", "towards lost content")] {
        if let Some(values) = direction(inputs, family, &clusters, backend, cx)? {
            scores.push((name, "lies in the direction in which corruption moves files", values));
        }
    }
    let confound =
        LengthConfound::new().resamples(settings.resamples).level(settings.level).seed(settings.seed);
    let mut judged = Vec::new();
    for (name, meaning, values) in scores {
        cx.control.check()?;
        let confound = confound.report(&values, &inputs.tokens)?;
        judged.push(Score { name, meaning, values, confound });
    }
    let scip =
        Scip::new().prune_fraction(1.0 - settings.keep).alpha(settings.alpha).select_from(&clusters)?;
    let removed = 1.0 - settings.keep;
    let longest = LengthPruning::new(Cut::Documents(removed)).select(&inputs.tokens)?.keep.to_vec();
    let controlled = LengthControlled::new().remove(removed).end(End::Highest);
    let controlled = controlled.select(&distances, &inputs.tokens)?.to_vec();
    let prototypes = |drop: Prune| {
        let labels = clusters.labels.to_vec();
        let select = Prototypes::new().keep_fraction(settings.keep).prune(drop).scope(Scope::Global);
        select.select(&distances, &labels, settings.clusters).map(|keep| keep.to_vec())
    };
    let draws = Stream::new(settings.seed, RANDOM_SELECTION);
    let keys: Vec<f64> = (0..n as u64).map(|i| draws.uniform(i, 0)).collect();
    let random = Prototypes::new().keep_fraction(settings.keep).select(&keys, &vec![0; n], 1)?.to_vec();
    let mut selections = Vec::new();
    for (name, keep) in [
        ("random", random),
        ("longest files", longest.clone()),
        ("SCIP", scip.keep.to_vec()),
        ("farthest from centroid", prototypes(Prune::Farthest)?),
        ("nearest to centroid (D4)", prototypes(Prune::Nearest)?),
        ("near-duplicates (SemDeDup)", dedup.keep.to_vec()),
        ("farthest, length-controlled", controlled.clone()),
    ] {
        selections.push(Selection { name, length: length_of_selection(&keep, &inputs.tokens)? });
    }
    let keep = match settings.method {
        Method::Scip => scip.keep.to_vec(),
        Method::Longest => longest,
        Method::Tokens => LengthPruning::new(Cut::Tokens(removed)).select(&inputs.tokens)?.keep.to_vec(),
        Method::Controlled => controlled,
    };
    let perplexity = match &inputs.perplexity {
        None => None,
        Some(values) => {
            let bins = LengthBins::equal(&inputs.tokens, BINS)?;
            Some(perplexity_by_length(values, &inputs.tokens, &bins)?)
        }
    };
    Ok(Study {
        concentration: Concentration::of(&inputs.tokens)?,
        scores: judged,
        selections,
        kinds,
        perplexity,
        kept: length_of_selection(&keep, &inputs.tokens)?,
        unfit: match settings.method {
            Method::Tokens => (0..n).filter(|&i| keep[i]).map(|i| inputs.tokens[i]).max(),
            _ => None,
        },
        keep,
        scip,
        clusters,
    })
}

fn sizes(clusters: &Clusters) -> Vec<f64> {
    clusters.labels.iter().map(|&l| clusters.counts[l as usize] as f64).collect()
}

/// Similarity to the most similar preferred file of the cluster; -1 for the first of a cluster.
fn similarities(dedup: &Dedup) -> Vec<f64> {
    dedup.similarity.iter().map(|s| if s.is_nan() { -1.0 } else { *s }).collect()
}

/// Rows of the originals and of the corrupted files of some records.
fn pairs(inputs: &Inputs<'_>, wanted: impl Fn(&str) -> bool) -> (Array2<f32>, Array2<f32>) {
    let Some(corrupted) = &inputs.corrupted else {
        return (Array2::zeros((0, 0)), Array2::zeros((0, 0)));
    };
    let of: Vec<usize> = (0..corrupted.kinds.len()).filter(|&i| wanted(&corrupted.kinds[i])).collect();
    let originals: Vec<usize> = of.iter().map(|&i| corrupted.original[i]).collect();
    (inputs.rows.select(ndarray::Axis(0), &originals), corrupted.rows.select(ndarray::Axis(0), &of))
}

fn kinds(
    inputs: &Inputs<'_>,
    clusters: &Clusters,
    settings: &Settings,
    backend: &Machine,
    cx: &Context<'_>,
) -> pauca::Result<Vec<Kind>> {
    let Some(corrupted) = &inputs.corrupted else {
        return Ok(Vec::new());
    };
    let measure = |x: &Array2<f32>, y: &Array2<f32>, name: String, family: &'static str| {
        let report = moved(x, y, clusters, backend, cx)?;
        let summary = report.summary(settings.resamples, settings.seed, settings.level)?;
        Ok::<_, pauca::Error>(Kind { name, family, report, summary })
    };
    // Known kinds in the library's order, then names of the caller's own, in theirs.
    let mut names: Vec<&str> = Corruption::ALL.iter().map(|kind| kind.name()).collect();
    for name in &corrupted.kinds {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut found = Vec::new();
    for name in names {
        let (x, y) = pairs(inputs, |kind| kind == name);
        if x.nrows() > 0 {
            found.push(measure(&x, &y, name.to_string(), family(name))?);
        }
    }
    // The yardstick: every corrupted file's original against the next one.
    let mut originals = corrupted.original.clone();
    originals.sort_unstable();
    originals.dedup();
    if originals.len() > 1 {
        let x = inputs.rows.select(ndarray::Axis(0), &originals);
        originals.rotate_left(1);
        let y = inputs.rows.select(ndarray::Axis(0), &originals);
        found.push(measure(&x, &y, "another file".into(), "")?);
    }
    Ok(found)
}

fn family(name: &str) -> &'static str {
    Corruption::from_name(name).map_or("", |kind| kind.family().name())
}

/// How far every file lies in the direction in which a family of corruptions moves files.
fn direction(
    inputs: &Inputs<'_>,
    wanted: &str,
    clusters: &Clusters,
    backend: &Machine,
    cx: &Context<'_>,
) -> pauca::Result<Option<Vec<f64>>> {
    let (x, y) = pairs(inputs, |kind| family(kind) == wanted);
    if x.nrows() == 0 {
        return Ok(None);
    }
    match moved(&x, &y, clusters, backend, cx)?.direction {
        None => Ok(None),
        Some(direction) => Ok(Some(direction.score(&inputs.rows)?.to_vec())),
    }
}

/// Where the rows of `x` go when they become those of `y`.
fn moved(
    x: &Array2<f32>,
    y: &Array2<f32>,
    clusters: &Clusters,
    backend: &Machine,
    cx: &Context<'_>,
) -> pauca::Result<PairedReport> {
    CorruptionMetrics::of(clusters).measure_on(backend, &Rows::F32(x.view()), &Rows::F32(y.view()), cx)
}
