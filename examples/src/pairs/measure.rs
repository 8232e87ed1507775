//! The numbers: scores of all pairs, which stay, and how well the scores tell on a sample.

use std::collections::HashMap;

use pauca::alignment::{
    ClipScore, Filter, HardNegatives, Matches, Negatives, RankTies, Retrieval, Selected, balanced_sample,
    mismatched,
};
use pauca::stats::{Interval, auc, bootstrap, quantile};
use pauca::{Context, Cpu, Rows};

use crate::input::gather;

/// Level of all intervals.
pub const LEVEL: f64 = 0.95;
/// The k of R@k.
pub const PLACES: [u64; 3] = [1, 5, 10];
/// Wrong pictures kept for each text of the sample.
const HARDEST: usize = 4;

/// What is wanted.
pub struct Wanted<'g> {
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
    /// The group of each row, where rows belong together: texts of one picture.
    pub groups: Option<&'g [u64]>,
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
    /// The rank of each query: texts of the sample, or pictures.
    pub ranks: Vec<f64>,
    /// Candidates of each query.
    pub candidates: usize,
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
    wanted: &Wanted<'_>,
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
    let groups: Option<Vec<u64>> = wanted.groups.map(|groups| sample.iter().map(|&i| groups[i]).collect());
    let together = |a: usize, b: usize| groups.as_ref().is_some_and(|groups| groups[a] == groups[b]);
    let cycle = mismatched(m, wanted.seed)?;
    // On the cycle of the rows, the next one that is of another group.
    let next = |i: usize| {
        let mut at = cycle[i];
        while at != i && together(at, i) {
            at = cycle[at];
        }
        at
    };
    let partner: Vec<usize> = (0..m).map(next).collect();
    let units = units(m, groups.as_deref());
    let wrong = gather(texts, &partner.iter().map(|&p| sample[p]).collect::<Vec<_>>())?;
    let shuffled = wanted.score.score_in(&Rows::F32(x.view()), &Rows::F32(wrong.view()), cx)?.scores.to_vec();
    let positive: Vec<bool> = (0..2 * m).map(|i| i < m).collect();
    let area = |rows: &[usize]| {
        let of = |i: &usize| scores[sample[*i]];
        let all: Vec<f64> = rows.iter().map(of).chain(rows.iter().map(|&i| shuffled[i])).collect();
        auc(&all, &positive)
    };
    let auc = bootstrap(units.len(), wanted.resamples, wanted.seed, LEVEL, |drawn| {
        cx.control.check()?;
        area(&drawn.iter().flat_map(|&unit| &units[unit]).copied().collect::<Vec<_>>())
    })?;

    begin("retrieve", m);
    let cpu = Cpu::new()?;
    // One picture a group: that of its first row.
    let heads: Vec<usize> = units.iter().map(|unit| unit[0]).collect();
    let x = x.select(ndarray::Axis(0), &heads);
    let pictures: Option<Vec<u64>> = groups.as_ref().map(|groups| heads.iter().map(|&i| groups[i]).collect());
    let [from_text, from_picture] = match (&groups, &pictures) {
        (Some(texts), Some(pictures)) => {
            [Matches::Groups { x: texts, y: pictures }, Matches::Groups { x: pictures, y: texts }]
        }
        _ => [Matches::Diagonal, Matches::Diagonal],
    };
    let to_picture = Retrieval::of_on(&cpu, &y, &x, from_text, cx)?;
    let to_text = Retrieval::of_on(&cpu, &x, &y, from_picture, cx)?;
    let hard = HardNegatives::new(HARDEST.min(heads.len() - 1)).find_on(&cpu, &y, &x, from_text, cx)?;
    let mistaken = hard
        .rows
        .outer_iter()
        .map(|row| {
            row.iter().filter(|&&j| j != Negatives::NONE).map(|&j| sample[heads[j as usize]]).collect()
        })
        .collect();
    begin("intervals", m);
    let directions = [
        direction("text to picture", &to_picture, (wanted, &units, heads.len()), cx)?,
        direction("picture to text", &to_text, (wanted, &self::units(heads.len(), None), m), cx)?,
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
    (wanted, units, candidates): (&Wanted<'_>, &[Vec<usize>], usize),
    cx: &Context,
) -> pauca::Result<Direction> {
    let ties = RankTies::Expected;
    let mut recall = Vec::new();
    for k in PLACES {
        let hits = found.hits(k, ties)?;
        let mean = |rows: &[usize]| rows.iter().map(|&i| hits[i]).sum::<f64>() / rows.len() as f64;
        let interval = bootstrap(units.len(), wanted.resamples, wanted.seed, LEVEL, |drawn| {
            cx.control.check()?;
            Ok(Some(mean(&drawn.iter().flat_map(|&unit| &units[unit]).copied().collect::<Vec<_>>())))
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
        candidates,
    })
}

/// The rows that are drawn together, by their first one: those of a group, or each by itself.
fn units(rows: usize, groups: Option<&[u64]>) -> Vec<Vec<usize>> {
    let Some(groups) = groups else { return (0..rows).map(|row| vec![row]).collect() };
    let mut units: Vec<Vec<usize>> = Vec::new();
    let mut at: HashMap<u64, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate() {
        let unit = *at.entry(*group).or_insert(units.len());
        match units.get_mut(unit) {
            Some(unit) => unit.push(row),
            None => units.push(vec![row]),
        }
    }
    units
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
