//! The numbers: scores of all pairs, which stay, and how well the scores tell on a sample.

use ndarray::Array2;
use pauca::alignment::{
    ClipScore, Filter, HardNegatives, Matches, Negatives, RankTies, Retrieval, Selected, balanced_sample,
    mismatched,
};
use pauca::stats::{Interval, auc, bootstrap, quantile};
use pauca::{Context, Cpu, RowSource, Rows, Scratch};

/// Level of all intervals.
pub const LEVEL: f64 = 0.95;
/// The k of R@k.
pub const PLACES: [u64; 3] = [1, 5, 10];
/// Wrong pictures kept for each text of the sample.
const HARDEST: usize = 4;
/// Rows gathered at once.
const BLOCK: usize = 8192;

/// What is wanted.
pub struct Wanted {
    /// What a score is.
    pub score: ClipScore,
    /// Which pairs stay.
    pub filter: Filter,
    /// Most pairs of the sample.
    pub evaluate: usize,
    /// Resamples of intervals.
    pub resamples: usize,
    /// Seed.
    pub seed: u64,
}

/// One direction of retrieval on the sample.
pub struct Direction {
    /// "text to picture".
    pub name: &'static str,
    /// R@k with its interval and that of chance, for [`PLACES`].
    pub recall: [(Interval, f64); 3],
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Median rank.
    pub median_rank: f64,
    /// The rank of each pair of the sample.
    pub ranks: Vec<f64>,
}

/// The result. Pairs are numbered among the rows that were used.
pub struct Measured {
    /// Score of each pair.
    pub scores: Vec<f64>,
    /// The mean of the scores.
    pub mean: f64,
    /// Pairs with a row of zeros.
    pub zero_rows: u64,
    /// Which pairs stay.
    pub selected: Selected,
    /// The pairs of the sample, ascending.
    pub sample: Vec<usize>,
    /// Score of each picture of the sample with the text of another pair.
    pub shuffled: Vec<f64>,
    /// How often a true pair scores above a shuffled one.
    pub auc: Interval,
    /// Text to picture, picture to text.
    pub directions: [Direction; 2],
    /// For each pair of the sample the most similar wrong pictures of its text (pairs), the nearest first.
    pub mistaken: Vec<Vec<usize>>,
}

/// Measures the pairs of `images` and `texts`; `begin` hears the name and rows of each stage.
///
/// # Errors
/// The library's.
pub fn measure(
    images: &Rows<'_>,
    texts: &Rows<'_>,
    wanted: &Wanted,
    cx: &Context,
    begin: &dyn Fn(&str, usize),
) -> pauca::Result<Measured> {
    let n = images.n_rows();
    begin("score", n);
    let found = wanted.score.score_in(images, texts, cx)?;
    let scores = found.scores.to_vec();
    let selected = wanted.filter.select(&scores)?;

    let ids: Vec<u64> = (0..n as u64).collect();
    let drawn = balanced_sample(&vec![0; n], &ids, wanted.evaluate, wanted.seed)?;
    let sample: Vec<usize> = (0..n).filter(|&i| drawn[i]).collect();
    let m = sample.len();
    begin("shuffle", m);
    let (x, y) = (gather(images, &sample)?, gather(texts, &sample)?);
    let partner = mismatched(m, wanted.seed)?;
    let wrong = gather(texts, &partner.iter().map(|&p| sample[p]).collect::<Vec<_>>())?;
    let shuffled = wanted.score.score_in(&Rows::F32(x.view()), &Rows::F32(wrong.view()), cx)?.scores.to_vec();
    let positive: Vec<bool> = (0..2 * m).map(|i| i < m).collect();
    let area = |rows: &[usize]| {
        let of = |i: &usize| scores[sample[*i]];
        let all: Vec<f64> = rows.iter().map(of).chain(rows.iter().map(|&i| shuffled[i])).collect();
        auc(&all, &positive)
    };
    let auc = bootstrap(m, wanted.resamples, wanted.seed, LEVEL, |rows| {
        cx.control.check()?;
        area(rows)
    })?;

    begin("retrieve", m);
    let cpu = Cpu::new()?;
    let to_picture = Retrieval::of_on(&cpu, &y, &x, Matches::Diagonal, cx)?;
    let to_text = Retrieval::of_on(&cpu, &x, &y, Matches::Diagonal, cx)?;
    let hard = HardNegatives::new(HARDEST.min(m - 1)).find_on(&cpu, &y, &x, Matches::Diagonal, cx)?;
    let mistaken = hard
        .rows
        .outer_iter()
        .map(|row| row.iter().filter(|&&j| j != Negatives::NONE).map(|&j| sample[j as usize]).collect())
        .collect();
    begin("intervals", m);
    let directions = [
        direction("text to picture", &to_picture, wanted, cx)?,
        direction("picture to text", &to_text, wanted, cx)?,
    ];
    Ok(Measured {
        scores,
        mean: found.mean,
        zero_rows: found.zero_rows,
        selected,
        sample,
        shuffled,
        auc,
        directions,
        mistaken,
    })
}

fn direction(
    name: &'static str,
    found: &Retrieval,
    wanted: &Wanted,
    cx: &Context,
) -> pauca::Result<Direction> {
    let ties = RankTies::Expected;
    let mut recall = Vec::new();
    for k in PLACES {
        let hits = found.hits(k, ties)?;
        let mean = |rows: &[usize]| rows.iter().map(|&i| hits[i]).sum::<f64>() / rows.len() as f64;
        let interval = bootstrap(hits.len(), wanted.resamples, wanted.seed, LEVEL, |rows| {
            cx.control.check()?;
            Ok(Some(mean(rows)))
        })?;
        recall.push((interval, found.chance(k).unwrap_or(f64::NAN)));
    }
    let ranks = found.queries().filter_map(|i| found.rank(i, ties)).collect();
    Ok(Direction {
        name,
        recall: [recall[0], recall[1], recall[2]],
        mrr: found.mrr(ties).unwrap_or(f64::NAN),
        median_rank: found.median_rank(ties).unwrap_or(f64::NAN),
        ranks,
    })
}

/// The rows `wanted` as f32, which holds every element type exactly.
pub fn gather(rows: &Rows<'_>, wanted: &[usize]) -> pauca::Result<Array2<f32>> {
    let mut out = Array2::zeros((wanted.len(), rows.dim()));
    let mut scratch = Scratch::new();
    for (rows_out, wanted) in out.axis_chunks_iter_mut(ndarray::Axis(0), BLOCK).zip(wanted.chunks(BLOCK)) {
        let mut rows_out = rows_out;
        match rows.gather(wanted, &mut scratch)? {
            Rows::F32(v) => rows_out.assign(&v),
            Rows::F16(v) => rows_out.zip_mut_with(&v, |o, v| *o = v.to_f32()),
            Rows::Bf16(v) => rows_out.zip_mut_with(&v, |o, v| *o = v.to_f32()),
            _ => return Err(pauca::Error::Source("rows of an unknown type".into())),
        }
    }
    Ok(out)
}

impl Measured {
    /// Pairs by descending score, the lower first where equal.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]).then(a.cmp(&b)));
        order
    }

    /// Median score of true and of shuffled pairs of the sample.
    pub fn medians(&self) -> [f64; 2] {
        let median = |mut scores: Vec<f64>| {
            scores.sort_by(f64::total_cmp);
            quantile(&scores, 0.5)
        };
        [median(self.sample.iter().map(|&i| self.scores[i]).collect()), median(self.shuffled.clone())]
    }
}
