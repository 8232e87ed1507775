//! Vectors of statistics, length, SCIP, paired metrics and synthetic corruptions, by the reference
//! and by the library.

use ndarray::Array2;
use pauca::backend::Backend;
use pauca::corruption::{Corruption, CorruptionMetrics, Corruptor, Scip, Syntax};
use pauca::length::{Concentration, Cut, LengthBins, LengthControlled, LengthPruning};
use pauca::{Clusters, Context, Control, Exec, Init, KMeans, Rows, stats};
use pauca_reference::{kmeans, length, scip, statistics, synthetic, truth};
use serde_json::{Value, json};

use super::{booleans, corruptions, f64_bits, input, integers};
use crate::layout::array;

/// The algorithms here, with the parameters of their cases.
pub fn algorithms() -> [(&'static str, Value); 6] {
    [
        ("statistics", json!({"resamples": 40, "level": 0.9, "seed": 3})),
        ("length", json!({"modulus": 50, "seed": 8, "share": 0.3, "bins": 4, "remove": 0.4})),
        ("scip", json!({"k": 4, "prune": 0.35, "alpha": 0.6})),
        ("paired", json!({"k": 3})),
        ("synthetic", json!({"rate": 0.4, "seed": 21, "row": 77})),
        ("corruptions", json!({"rate": 0.3, "seed": 5, "row": 1234})),
    ]
}

fn number(p: &Value, key: &str) -> f64 {
    p[key].as_f64().unwrap_or(0.0)
}

fn whole(p: &Value, key: &str) -> u64 {
    p[key].as_u64().unwrap_or(0)
}

fn column(x: &[Vec<f32>], j: usize) -> Vec<f64> {
    x.iter().map(|row| row[j] as f64).collect()
}

fn take<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&i| values[i]).collect()
}

/// Length of row i: hash(seed, i) mod modulus.
fn lengths(p: &Value, n: usize) -> Vec<u64> {
    (0..n as u64).map(|i| input::hash(whole(p, "seed"), i) % whole(p, "modulus")).collect()
}

/// Lines of pieces without strings and comments, one for each row, drawn by the bits of its values.
fn code(x: &[Vec<f32>]) -> String {
    let pieces = ["  ", "f(x[1])", "\t", "a = {b}", "é)", "return"];
    let line =
        |row: &Vec<f32>| row.iter().take(4).map(|v| pieces[v.to_bits() as usize % 6]).collect::<String>();
    x.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn bytes(text: &str) -> Value {
    integers(text.bytes().map(|b| Some(u64::from(b))))
}

fn optional(values: &[Option<f64>]) -> Value {
    f64_bits(&values.iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<_>>())
}

/// The outputs by the reference.
pub fn oracle(algorithm: &str, x: &[Vec<f32>], p: &Value) -> Value {
    let n = x.len();
    let ids: Vec<u64> = (0..n as u64).collect();
    let (a, b) = (column(x, 0), column(x, 1));
    match algorithm {
        "statistics" => {
            let positive: Vec<bool> = column(x, 2).iter().map(|v| *v > 0.0).collect();
            let magnitudes: Vec<f64> = a.iter().map(|v| v.abs()).collect();
            let (resamples, seed) = (whole(p, "resamples") as u32, whole(p, "seed"));
            let (low, high) = statistics::bootstrap(n, resamples, seed, number(p, "level"), |rows| {
                statistics::spearman(&take(&a, rows), &take(&b, rows))
            });
            json!({
                "ranks": f64_bits(&statistics::average_ranks(&a)),
                "spearman": optional(&[statistics::spearman(&a, &b)]),
                "kendall": optional(&[statistics::kendall(&a, &b)]),
                "auc": optional(&[statistics::auc(&a, &positive)]),
                "gini": optional(&[statistics::gini(&magnitudes)]),
                "interval": f64_bits(&[low, high]),
            })
        }
        "length" => {
            let (l, share, bins) = (lengths(p, n), number(p, "share"), whole(p, "bins") as usize);
            let remove = number(p, "remove");
            json!({
                "keep_documents": booleans(length::prune_documents(&l, share, false)),
                "keep_tokens": booleans(length::prune_tokens(&l, share, false)),
                "share_of_longest": optional(&[length::share_of_longest(&l, (share * n as f64).round_ties_even() as usize)]),
                "bins": integers(length::equal_bins(&l, bins).iter().map(|&b| Some(b as u64))),
                "keep_controlled": booleans(length::controlled(&a, &l, bins, remove, false)),
            })
        }
        "scip" => {
            let c = cluster(x, &ids, whole(p, "k") as usize);
            let sizes: Vec<u64> = (0..c.centroids.len() as u32)
                .map(|j| c.labels.iter().filter(|l| **l == j).count() as u64)
                .collect();
            let [size, distance] =
                scip::prune(&c.labels, &c.distances, &sizes, number(p, "prune"), number(p, "alpha"));
            json!({"by_size": booleans(size), "by_distance": booleans(distance)})
        }
        "paired" => {
            let (x, y) = (&x[..n / 2], &x[n - n / 2..]);
            let c = cluster(x, &ids[..n / 2], whole(p, "k") as usize);
            let sizes: Vec<u64> = (0..c.centroids.len() as u32)
                .map(|j| c.labels.iter().filter(|l| **l == j).count() as u64)
                .collect();
            let pairs = scip::pairs(x, y, &c.centroids, &sizes, truth::Metric::Cosine);
            let of = |f: fn(&scip::Pair) -> f64| f64_bits(&pairs.iter().map(f).collect::<Vec<_>>());
            let direction = scip::direction(x, y);
            let (length, unit, explained) = direction
                .map_or((0.0, Vec::new(), f64::NAN), |(length, unit, _, explained)| {
                    (length, unit, explained)
                });
            json!({
                "corrupted_labels": integers(pairs.iter().map(|p| Some(p.corrupted_label as u64))),
                "corrupted_distances": of(|p| p.corrupted_distance),
                "distances_to_original": of(|p| p.distance_to_original),
                "log_size_changes": of(|p| p.log_size_change),
                "similarities": of(|p| p.similarity),
                "direction": f64_bits(&unit),
                "length_and_explained_share": f64_bits(&[length, explained]),
            })
        }
        "corruptions" => corruptions::oracle(x, p),
        _ => {
            let (text, other, row) = (code(x), code(&x[n / 3..]), whole(p, "row"));
            let how = (number(p, "rate"), whole(p, "seed"));
            let corrupted =
                |kind| bytes(&synthetic::corrupt(kind, &text, row, (&other, row + 1), how, false).text);
            json!({
                "text": bytes(&text),
                "closing_brackets": corrupted("closing-brackets"),
                "indentation": corrupted("indentation"),
                "swapped_lines": corrupted("swapped-lines"),
                "truncation": corrupted("truncation"),
            })
        }
    }
}

/// Two spherical rounds from the first k rows.
fn cluster(x: &[Vec<f32>], ids: &[u64], k: usize) -> kmeans::Clusters {
    let config = kmeans::KMeans {
        k,
        metric: truth::Metric::Cosine,
        init: kmeans::Init::Given(x[..k].to_vec()),
        max_iter: 2,
        ..kmeans::KMeans::default()
    };
    kmeans::kmeans(x, ids, &vec![1.0; x.len()], &config)
}

/// The outputs by the library.
///
/// # Errors
/// The library's; the cases have none.
pub fn library<B: Backend>(backend: &B, algorithm: &str, x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let cx = Context::new(Exec::serial(), Control::new());
    let n = x.len();
    let (a, b) = (column(x, 0), column(x, 1));
    let clustered = |x: &Array2<f32>| -> pauca::Result<Clusters> {
        let k = whole(p, "k") as usize;
        let init = Init::Given(x.slice(ndarray::s![..k, ..]).to_owned());
        KMeans::new(k).spherical(true).init(init).max_iter(2).fit_on(backend, &Rows::F32(x.view()), None, &cx)
    };
    Ok(match algorithm {
        "statistics" => {
            let positive: Vec<bool> = column(x, 2).iter().map(|v| *v > 0.0).collect();
            let magnitudes: Vec<f64> = a.iter().map(|v| v.abs()).collect();
            let (resamples, seed) = (whole(p, "resamples") as usize, whole(p, "seed"));
            let interval = stats::bootstrap(n, resamples, seed, number(p, "level"), |rows| {
                stats::spearman(&take(&a, rows), &take(&b, rows))
            })?;
            json!({
                "ranks": f64_bits(&stats::average_ranks(&a)?),
                "spearman": optional(&[stats::spearman(&a, &b)?]),
                "kendall": optional(&[stats::kendall(&a, &b)?]),
                "auc": optional(&[stats::auc(&a, &positive)?]),
                "gini": optional(&[stats::gini(&magnitudes)?]),
                "interval": f64_bits(&[interval.low, interval.high]),
            })
        }
        "length" => {
            let (l, share, bins) = (lengths(p, n), number(p, "share"), whole(p, "bins") as usize);
            let controlled = LengthControlled::new().bins(bins).remove(number(p, "remove"));
            let bins = LengthBins::equal(&l, bins)?;
            json!({
                "keep_documents": booleans(LengthPruning::new(Cut::Documents(share)).select(&l)?.keep),
                "keep_tokens": booleans(LengthPruning::new(Cut::Tokens(share)).select(&l)?.keep),
                "share_of_longest": optional(&[Concentration::of(&l)?.share_of_longest(share)?]),
                "bins": integers(bins.bin_of.iter().map(|&b| Some(b as u64))),
                "keep_controlled": booleans(controlled.select(&a, &l)?),
            })
        }
        "scip" => {
            let scip = Scip::new().prune_fraction(number(p, "prune")).alpha(number(p, "alpha"));
            let found = scip.select_from(&clustered(&array(x))?)?;
            json!({"by_size": booleans(found.by_size), "by_distance": booleans(found.by_distance)})
        }
        "paired" => {
            let (x, y) = (array(&x[..n / 2]), array(&x[n - n / 2..]));
            let clusters = clustered(&x)?;
            let metrics = CorruptionMetrics::of(&clusters);
            let r = metrics.measure_on(backend, &Rows::F32(x.view()), &Rows::F32(y.view()), &cx)?;
            let sizes: Vec<f64> = (0..r.len()).map(|i| r.log_size_change(i)).collect();
            let (length, unit) =
                r.direction.as_ref().map_or((0.0, Vec::new()), |d| (d.length, d.unit.to_vec()));
            let explained = if unit.is_empty() { None } else { r.explained_share };
            json!({
                "corrupted_labels": integers(r.corrupted_labels.iter().map(|&l| Some(l as u64))),
                "corrupted_distances": f64_bits(&r.corrupted_distances.to_vec()),
                "distances_to_original": f64_bits(&r.distances_to_original.to_vec()),
                "log_size_changes": f64_bits(&sizes),
                "similarities": f64_bits(&r.similarities.to_vec()),
                "direction": f64_bits(&unit),
                "length_and_explained_share": f64_bits(&[length, explained.unwrap_or(f64::NAN)]),
            })
        }
        "corruptions" => corruptions::library(x, p)?,
        _ => {
            let (text, other, row) = (code(x), code(&x[n / 3..]), whole(p, "row"));
            let corrupted = |kind: Corruption| -> pauca::Result<Value> {
                let config = Corruptor::new(kind).rate(number(p, "rate")).seed(whole(p, "seed"));
                Ok(bytes(&config.syntax(Syntax::Hash).apply_with(&text, row, &other, row + 1)?.text))
            };
            json!({
                "text": bytes(&text),
                "closing_brackets": corrupted(Corruption::ClosingBrackets)?,
                "indentation": corrupted(Corruption::Indentation)?,
                "swapped_lines": corrupted(Corruption::SwappedLines)?,
                "truncation": corrupted(Corruption::Truncation)?,
            })
        }
    })
}
