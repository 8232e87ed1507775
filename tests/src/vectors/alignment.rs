//! Image-text pairs: the cases, their outputs by the reference, and by the library.
//!
//! The first half of the rows are images, the second half texts (a last odd row is left out); row i of
//! either side is in group i mod 5. The texts of the balancing stand in the parameters.

use pauca::alignment::{
    Balance, ClipScore, Counts, Filter, HardNegatives, Matcher, Matches, Negatives, Retrieval, ZeroRows,
    balanced_sample, mismatched,
};
use pauca_reference::truth::cosine;
use pauca_reference::{clip_score, metaclip, philox, prototypes, retrieval};
use serde_json::{Value, json};

use super::{booleans, f64_bits, integers};
use crate::layout::array;

/// Groups of the rows.
const GROUPS: u64 = 5;
/// Hard negatives a row.
const HARDEST: usize = 3;

/// The parameters of the cases.
pub fn parameters() -> Vec<Value> {
    let entries = ["fox", "red fox", "snow", "the", "U.S.", "é"];
    let texts = [
        "the red fox",
        "the fox",
        "the snow, the fox",
        "snow",
        "the Fox",
        "the U.S.",
        "the",
        "the\tred",
        "é!",
        "red",
        "",
        "the end",
    ];
    [("survey", 0.4, 2), ("hessel", 0.75, 1)]
        .map(|(preset, keep, most)| {
            json!({
                "preset": preset, "keep": keep, "seed": 13, "cap": 2, "entries": entries, "texts": texts,
                "most": most,
            })
        })
        .into()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

struct Case<'a> {
    x: &'a [Vec<f32>],
    y: &'a [Vec<f32>],
    hessel: bool,
    keep: f64,
    seed: u64,
    cap: usize,
    most: u64,
    entries: Vec<&'a str>,
    texts: Vec<&'a str>,
    groups: Vec<u64>,
}

impl<'a> Case<'a> {
    fn of(rows: &'a [Vec<f32>], p: &'a Value) -> Self {
        let half = rows.len() / 2;
        Self {
            x: &rows[..half],
            y: &rows[half..2 * half],
            hessel: p["preset"] == "hessel",
            keep: p["keep"].as_f64().unwrap_or(0.0),
            seed: p["seed"].as_u64().unwrap_or(0),
            cap: p["cap"].as_u64().unwrap_or(0) as usize,
            most: p["most"].as_u64().unwrap_or(0),
            entries: strings(&p["entries"]),
            texts: strings(&p["texts"]),
            groups: (0..half as u64).map(|i| i % GROUPS).collect(),
        }
    }
}

fn numbers(values: impl IntoIterator<Item = u64>) -> Value {
    integers(values.into_iter().map(Some))
}

/// By the reference.
pub fn by_reference(rows: &[Vec<f32>], p: &Value) -> Value {
    let case = Case::of(rows, p);
    let n = case.x.len();
    let (weight, clip) = if case.hessel { (2.5, true) } else { (1.0, false) };
    let scores: Vec<f64> = (0..n).map(|i| clip_score::score(&case.x[i], &case.y[i], weight, clip)).collect();
    let right = |i: usize| (0..n).map(|j| case.groups[i] == case.groups[j]).collect::<Vec<_>>();
    let row = |i: usize| case.y.iter().map(|y| cosine(&case.x[i], y)).collect::<Vec<_>>();
    let ranks: Vec<_> = (0..n).map(|i| retrieval::rank(&row(i), &right(i))).collect();
    let hardest = (0..n).flat_map(|i| {
        let found = retrieval::hardest(&row(i), &right(i), HARDEST);
        (0..HARDEST).map(move |k| found.get(k).map(|j| *j as u64))
    });
    // The next row in the order of the random bits.
    let order = |stream: u32| {
        let mut order: Vec<u64> = (0..n as u64).collect();
        order.sort_by_key(|&i| (philox::bits(case.seed, i, stream), i));
        order
    };
    let cycle = order(10);
    let place = |i: usize| cycle.iter().position(|&c| c == i as u64).unwrap_or(0);
    let partner = (0..n).map(|i| cycle[(place(i) + 1) % n]);
    let capped = order(12);
    let before =
        |i: u64| capped.iter().take_while(move |&&c| c != i).filter(|&&c| c % GROUPS == i % GROUPS).count();
    let sampled: Vec<bool> = (0..n as u64).map(|i| before(i) < case.cap).collect();
    let matched: Vec<Vec<u32>> =
        case.texts.iter().map(|text| metaclip::matches(text, &case.entries)).collect();
    let counts = metaclip::counts(&matched, case.entries.len());
    let probability: Vec<f64> =
        matched.iter().map(|ids| metaclip::probability(ids, &counts, case.most)).collect();
    let stays = |(i, ids): (usize, &Vec<u32>)| metaclip::keep(ids, &counts, case.most, case.seed, i as u64);
    let kept: Vec<bool> = matched.iter().enumerate().map(stays).collect();
    json!({
        "mean": f64_bits(&[clip_score::mean(&scores)]),
        "keep": booleans(clip_score::top(&scores, prototypes::count(case.keep, n))),
        "scores": f64_bits(&scores),
        "above": numbers(ranks.iter().map(|r| r.above)),
        "tied": numbers(ranks.iter().map(|r| r.tied)),
        "best": numbers(ranks.iter().map(|r| r.best)),
        "hardest": integers(hardest),
        "partner": numbers(partner),
        "sampled": booleans(sampled),
        "counts": numbers(counts),
        "probability": f64_bits(&probability),
        "balanced": booleans(kept),
    })
}

/// By the library.
///
/// # Errors
/// The library's.
pub fn by_library(rows: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let case = Case::of(rows, p);
    let (x, y) = (array(case.x), array(case.y));
    let preset = if case.hessel { ClipScore::hessel() } else { ClipScore::survey() };
    let found = preset.zero_rows(ZeroRows::Zero).score(&x, &y)?;
    let scores = found.scores.to_vec();
    let matches = Matches::Groups { x: &case.groups, y: &case.groups };
    let ranks = Retrieval::of(&x, &y, matches)?;
    let hard = HardNegatives::new(HARDEST).find(&x, &y, matches)?;
    let ids: Vec<u64> = (0..case.x.len() as u64).collect();
    let matcher = Matcher::new(&case.entries)?;
    let matched: Vec<Vec<u32>> =
        case.texts.iter().map(|text| matcher.matches(text)).collect::<pauca::Result<_>>()?;
    let mut counts = Counts::new(matcher.n_entries())?;
    matched.iter().try_for_each(|ids| counts.add(ids))?;
    let balance = Balance::new(&counts, case.most)?.seed(case.seed);
    let probability: Vec<f64> =
        matched.iter().map(|ids| balance.probability(ids)).collect::<pauca::Result<_>>()?;
    let kept: Vec<bool> = matched
        .iter()
        .enumerate()
        .map(|(row, ids)| balance.keep(ids, row as u64))
        .collect::<pauca::Result<_>>()?;
    Ok(json!({
        "mean": f64_bits(&[found.mean]),
        "keep": booleans(Filter::fraction(case.keep).select(&scores)?.keep),
        "scores": f64_bits(&scores),
        "above": numbers(ranks.above),
        "tied": numbers(ranks.tied),
        "best": numbers(ranks.best),
        "hardest": integers(hard.rows.iter().map(|&j| (j != Negatives::NONE).then_some(j as u64))),
        "partner": numbers(mismatched(case.x.len(), case.seed)?.into_iter().map(|i| i as u64)),
        "sampled": booleans(balanced_sample(&case.groups, &ids, case.cap, case.seed)?),
        "counts": numbers(counts.as_slice().iter().copied()),
        "probability": f64_bits(&probability),
        "balanced": booleans(kept),
    }))
}
