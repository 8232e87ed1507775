//! The cases, and their outputs by the reference.

use pauca_reference::density;
use pauca_reference::kmeans::{Clusters, Init, KMeans, kmeans, predict};
use pauca_reference::prototypes::{self, Drop};
use pauca_reference::semdedup::{self, Boundary, Order};
use pauca_reference::truth::{Metric, cosine, dot, squared_distance};
use pauca_reference::{d4, fsum, ln, philox};
use serde_json::{Value, json};

use super::{
    booleans, causal, choice, code, codebooks, f32_bits, f64_bits, input, integers, layers, memorization,
    quality, text,
};

/// Files: name, description, cases without outputs.
pub fn cases() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    let inputs = [
        json!({"formula": "uniform", "rows": 40, "dim": 17, "seed": 1, "copies": 0, "zeros": 0}),
        json!({"formula": "grid", "rows": 60, "dim": 3, "seed": 2, "copies": 7, "zeros": 11}),
        json!({"formula": "offset", "rows": 50, "dim": 33, "seed": 3, "copies": 5, "zeros": 0}),
        json!({"formula": "scaled", "rows": 45, "dim": 8, "seed": 4, "copies": 6, "zeros": 13}),
        json!({"formula": "uniform", "rows": 30, "dim": 100, "seed": 5, "copies": 3, "zeros": 10}),
    ];
    let over = |algorithm: &str, parameters: &[Value]| -> Vec<Value> {
        let pairs = inputs.iter().flat_map(|i| parameters.iter().map(move |p| (i, p)));
        let case = |(n, (i, p))| json!({"id": format!("{algorithm}-{n}"), "algorithm": algorithm, "input": i, "parameters": p});
        pairs.enumerate().map(case).collect()
    };
    let mut clusterings = Vec::new();
    for metric in ["sq_euclidean", "cosine"] {
        for (init, max_iter, weights) in [
            ("k-means++", 20, Value::Null),
            ("random", 3, json!({"modulus": 9, "seed": 8})),
            ("first_rows", 1, Value::Null),
        ] {
            clusterings.push(json!({
                "k": 6, "metric": metric, "init": init, "max_iter": max_iter, "seed": 7, "weights": weights,
            }));
        }
    }
    let mut dedups = Vec::new();
    for (rule, order, epsilon, boundary) in [
        ("earlier_max", "hard", 0.05, "gt"),
        ("earlier_max", "random", 0.5, "ge"),
        ("greedy_cover", "easy", 0.3, "gt"),
        ("greedy_cover", "hard", 0.0, "ge"),
    ] {
        dedups.push(json!({
            "rule": rule, "order": order, "epsilon": epsilon, "boundary": boundary, "k": 3, "seed": 11,
        }));
    }
    let fractions: Vec<Value> = [("nearest", "global", 0.3), ("farthest", "per_cluster", 0.55)]
        .map(|(drop, scope, keep)| json!({"drop": drop, "scope": scope, "keep": keep, "k": 4, "seed": 3}))
        .into();
    let densities: Vec<Value> = [(0.5, 0.5, 0.5, 20), (0.05, 0.3, 0.0, 2), (0.2, 0.8, 1.0, 1)]
        .map(|(temperature, keep, least, neighbours)| {
            json!({"temperature": temperature, "keep": keep, "least": least, "neighbours": neighbours, "k": 5})
        })
        .into();
    let curations: Vec<Value> = [(0.75, 0.5, true), (0.6, 0.2, false)]
        .map(|(dedup_keep, keep, spherical)| {
            json!({
                "k": 4, "recluster": 5, "dedup_keep": dedup_keep, "keep": keep, "spherical": spherical,
                "max_iter": 20, "seed": 9,
            })
        })
        .into();
    vec![
        (
            "alignment",
            "Image-text pairs: scores, ranks, hard negatives, samples, balancing.",
            over("alignment", &super::alignment::parameters()),
        ),
        ("causal", causal::DESCRIPTION, over("causal", &causal::parameters())),
        (
            "code",
            "Statistics, length, SCIP, paired metrics, synthetic corruptions.",
            code::algorithms().iter().flat_map(|(name, p)| over(name, std::slice::from_ref(p))).collect(),
        ),
        ("d4", "Deduplicate, re-cluster, drop the nearest.", over("d4", &curations)),
        ("density", "Quotas by the complexity of clusters, the rows they keep.", over("density", &densities)),
        ("kmeans", "Lloyd's algorithm from seeded or given centroids.", over("kmeans", &clusterings)),
        layers::cases(&inputs),
        (
            "memorization",
            memorization::DESCRIPTION,
            memorization::serve(over("memorization", &memorization::parameters())),
        ),
        ("prototypes", "Cuts by distance to the centroid.", over("prototypes", &fractions)),
        quality::cases(),
        (
            "random",
            "Bits, uniform numbers and -ln of them, by seed, row and stream.",
            over("random", &[json!({"seed": 0x0123_4567_89ab_cdefu64, "stream": 1})]),
        ),
        ("semdedup", "Semantic deduplication in clusters.", over("semdedup", &dedups)),
        (
            "semdedup_against",
            "Semantic deduplication against rows that stay.",
            over(
                "semdedup_against",
                &[
                    json!({"k": 3, "epsilon": 0.3, "boundary": "gt"}),
                    json!({"k": 1, "epsilon": 0.0, "boundary": "ge"}),
                ],
            ),
        ),
        ("truth", "Definitions on pairs of rows (i, i + 1), exact column sums.", over("truth", &[json!({})])),
        (
            "vq",
            "One step of a codebook: ids, loss, moving averages, revival.",
            over("vq", &codebooks::parameters()),
        ),
    ]
}

fn integer(p: &Value, key: &str) -> usize {
    p[key].as_u64().unwrap_or(0) as usize
}

fn number(p: &Value, key: &str) -> f64 {
    p[key].as_f64().unwrap_or(0.0)
}

/// The case with its outputs by the reference.
pub fn with_outputs(mut case: Value) -> Value {
    let x = input::rows(&case["input"]);
    let p = &case["parameters"];
    let ids: Vec<u64> = (0..x.len() as u64).collect();
    let outputs = match text(&case, "algorithm") {
        "truth" => truth(&x),
        "random" => random(p, x.len()),
        "layers" => layers::by_reference(&x, p),
        "kmeans" => clusters(&cluster(&x, &ids, p)),
        "memorization" => memorization::by_reference(&x, p),
        "prototypes" => {
            let c = first_rows(&x, &ids, p, Metric::SqEuclidean);
            let drop = choice(p, "drop", &[("nearest", Drop::Nearest), ("farthest", Drop::Farthest)]);
            let (k, keep) = (integer(p, "k"), prototypes::count(number(p, "keep"), x.len()));
            let keep = if choice(p, "scope", &[("global", true), ("per_cluster", false)]) {
                prototypes::global(&c.distances, keep, drop)
            } else {
                prototypes::per_cluster(&c.distances, &c.labels, k, keep, drop)
            };
            json!({"keep": booleans(keep)})
        }
        "density" => {
            let c = first_rows(&x, &ids, p, Metric::Cosine);
            let config = density::Density {
                temperature: number(p, "temperature"),
                neighbours: integer(p, "neighbours"),
                least: number(p, "least"),
            };
            let mut sizes = vec![0u64; integer(p, "k")];
            c.labels.iter().for_each(|&l| sizes[l as usize] += 1);
            let (intra, inter) =
                density::spreads(&c.distances, &c.labels, &c.centroids, Metric::Cosine, config.neighbours);
            let total = prototypes::count(number(p, "keep"), x.len()) as u64;
            let quotas = density::quotas(total, &intra, &inter, &sizes, &config);
            json!({
                "intra": f64_bits(&intra),
                "inter": f64_bits(&inter),
                "quotas": integers(quotas.iter().map(|&q| Some(q))),
                "keep": booleans(density::select(&c.distances, &c.labels, &quotas, Drop::Nearest)),
            })
        }
        "semdedup" => dedup(&x, &ids, p),
        "semdedup_against" => dedup_against(&x, &ids, p),
        "d4" => curate(&x, p),
        "causal" => causal::by_reference(&x, p),
        "vq" => codebooks::oracle(&x, p),
        "alignment" => super::alignment::by_reference(&x, p),
        name if code::algorithms().iter().any(|(known, _)| *known == name) => code::oracle(name, &x, p),
        "quality" => quality::oracle(&case),
        other => panic!("unknown algorithm {other}"),
    };
    case["outputs"] = outputs;
    case
}

fn truth(x: &[Vec<f32>]) -> Value {
    let pairs = || x.windows(2).map(|w| (&w[0], &w[1]));
    let column = |j: usize| fsum::fsum(&x.iter().map(|row| row[j] as f64).collect::<Vec<_>>());
    json!({
        "dot": f64_bits(&pairs().map(|(a, b)| dot(a, b)).collect::<Vec<_>>()),
        "squared_distance": f64_bits(&pairs().map(|(a, b)| squared_distance(a, b)).collect::<Vec<_>>()),
        "cosine": f64_bits(&pairs().map(|(a, b)| cosine(a, b)).collect::<Vec<_>>()),
        "column_sums": f64_bits(&(0..x[0].len()).map(column).collect::<Vec<_>>()),
    })
}

fn random(p: &Value, n: usize) -> Value {
    let (seed, stream) = (p["seed"].as_u64().unwrap_or(0), integer(p, "stream") as u32);
    // Rows beyond 32 bits too.
    let rows: Vec<u64> = (0..n as u64).map(|i| i * 0x1_2345_6789).collect();
    let uniform: Vec<f64> = rows.iter().map(|&row| philox::uniform(seed, row, stream)).collect();
    json!({
        "bits": integers(rows.iter().map(|&row| Some(philox::bits(seed, row, stream)))),
        "uniform": f64_bits(&uniform),
        "exponential": f64_bits(&uniform.iter().map(|&u| -ln::ln(u)).collect::<Vec<_>>()),
    })
}

fn cluster(x: &[Vec<f32>], ids: &[u64], p: &Value) -> Clusters {
    let weights = input::weights(&p["weights"], x.len()).unwrap_or_else(|| vec![1.0; x.len()]);
    let k = integer(p, "k");
    let config = KMeans {
        k,
        metric: choice(p, "metric", &[("cosine", Metric::Cosine), ("sq_euclidean", Metric::SqEuclidean)]),
        init: match text(p, "init") {
            "k-means++" => Init::KMeansPlusPlus,
            "random" => Init::Random,
            _ => Init::Given(x[..k].to_vec()),
        },
        max_iter: integer(p, "max_iter"),
        seed: p["seed"].as_u64().unwrap_or(0),
        ..KMeans::default()
    };
    kmeans(x, ids, &weights, &config)
}

/// The clustering on which prototypes and deduplication are tested: two rounds from the first rows.
fn first_rows(x: &[Vec<f32>], ids: &[u64], p: &Value, metric: Metric) -> Clusters {
    let (k, init) = (integer(p, "k"), Init::Given(x[..integer(p, "k")].to_vec()));
    kmeans(x, ids, &vec![1.0; x.len()], &KMeans { k, metric, init, max_iter: 2, ..KMeans::default() })
}

fn clusters(c: &Clusters) -> Value {
    json!({
        "labels": integers(c.labels.iter().map(|&l| Some(l as u64))),
        "centroids": f32_bits(&c.centroids),
        "distances": f64_bits(&c.distances),
        "inertia": f64_bits(&[c.inertia]),
        "n_iter": integers([Some(c.n_iter as u64)]),
        "converged": booleans([c.converged]),
        "relocated": integers([Some(c.relocated)]),
    })
}

fn dedup(x: &[Vec<f32>], ids: &[u64], p: &Value) -> Value {
    let c = first_rows(x, ids, p, Metric::Cosine);
    let order = match text(p, "order") {
        "hard" => Order::Hard,
        "easy" => Order::Easy,
        "random" => Order::Random(p["seed"].as_u64().unwrap_or(0), 0),
        other => panic!("{other} is no order of the vectors"),
    };
    let order = semdedup::order(x, ids, &c.labels, &c.centroids, &order);
    let boundary = choice(p, "boundary", &[("gt", Boundary::Gt), ("ge", Boundary::Ge)]);
    let epsilon = number(p, "epsilon");
    let (keep, witness, similarity) = match text(p, "rule") {
        "earlier_max" => {
            let scores = semdedup::earlier_max(x, &order);
            let keep = semdedup::keep_by_epsilon(&scores.score, epsilon, boundary);
            let reported = |s: f64| if s.is_finite() { s } else { f64::NAN };
            (keep, scores.witness, scores.score.into_iter().map(reported).collect())
        }
        "greedy_cover" => {
            let witness = semdedup::greedy_cover(x, &order, epsilon, boundary);
            let keep = witness.iter().map(Option::is_none).collect();
            let pair = |(i, w): (usize, &Option<usize>)| w.map_or(f64::NAN, |w| cosine(&x[w], &x[i]));
            let similarity: Vec<f64> = witness.iter().enumerate().map(pair).collect();
            (keep, witness, similarity)
        }
        other => panic!("{other} is no rule of the vectors"),
    };
    json!({
        "order": integers(order.concat().into_iter().map(|i| Some(i as u64))),
        "keep": booleans(keep),
        "witness": integers(witness.into_iter().map(|w| w.map(|i| i as u64))),
        "similarity": f64_bits(&similarity),
    })
}

/// The first half of the rows stays.
fn dedup_against(x: &[Vec<f32>], ids: &[u64], p: &Value) -> Value {
    let (stays, new) = x.split_at(x.len() / 2);
    let c = first_rows(stays, &ids[..stays.len()], p, Metric::Cosine);
    let labels = predict(new, &c.centroids, Metric::Cosine);
    let scores = semdedup::against(new, &labels, stays, &c.labels);
    let boundary = choice(p, "boundary", &[("gt", Boundary::Gt), ("ge", Boundary::Ge)]);
    let reported: Vec<f64> = scores.score.iter().map(|s| if s.is_finite() { *s } else { f64::NAN }).collect();
    json!({
        "labels": integers(labels.iter().map(|&l| Some(l as u64))),
        "keep": booleans(semdedup::keep_by_epsilon(&scores.score, number(p, "epsilon"), boundary)),
        "witness": integers(scores.witness.into_iter().map(|w| w.map(|i| i as u64))),
        "similarity": f64_bits(&reported),
    })
}

fn curate(x: &[Vec<f32>], p: &Value) -> Value {
    let metric = if p["spherical"] == Value::Bool(true) { Metric::Cosine } else { Metric::SqEuclidean };
    let clustering = KMeans {
        k: integer(p, "k"),
        metric,
        max_iter: integer(p, "max_iter"),
        seed: p["seed"].as_u64().unwrap_or(0),
        ..KMeans::default()
    };
    let (dedup_keep, keep) = (number(p, "dedup_keep"), number(p, "keep"));
    let found = d4::d4(x, &d4::D4 { clustering, recluster: integer(p, "recluster"), dedup_keep, keep });
    json!({
        "clusters": clusters(&found.clusters),
        "survivors": integers(found.survivors.iter().map(|&i| Some(i as u64))),
        "epsilon": f64_bits(&[found.dedup.epsilon]),
        "reclustered": clusters(&found.reclustered),
        "keep": booleans(found.keep),
    })
}
