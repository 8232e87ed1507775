//! The outputs of a case by the library.

use ndarray::{Array1, Axis, s};
use pauca::backend::Backend;
use pauca::exact::{F64Sum, cosine, dot64, elementary, squared_distance};
use pauca::random::Stream;
use pauca::{
    Boundary, Clusters, Context, Control, D4, Dedup, DedupAgainst, DensityPruning, Exec, Init, KMeans, Order,
    Prototypes, Prune, Rows, Rule, Scope, SemDedup, SemDedupAgainst,
};
use serde_json::{Value, json};

use super::{booleans, choice, f32_bits, f64_bits, input, integers, layers, memorization, quality, text};
use crate::layout::{array, rows_of};

fn integer(p: &Value, key: &str) -> usize {
    p[key].as_u64().unwrap_or(0) as usize
}

fn number(p: &Value, key: &str) -> f64 {
    p[key].as_f64().unwrap_or(0.0)
}

fn seed(p: &Value) -> u64 {
    p["seed"].as_u64().unwrap_or(0)
}

/// What the library finds for `case`, in the form of its "outputs". Panics where it fails.
pub fn compute_with_pauca<B: Backend>(backend: &B, case: &Value) -> Value {
    let x = input::rows(&case["input"]);
    let p = &case["parameters"];
    match text(case, "algorithm") {
        "truth" => truth(&x),
        "random" => random(p, x.len()),
        "layers" => layers::by_pauca(&x, p),
        "causal" => super::causal::by_library(&x, p).expect("the case is valid"),
        "vq" => super::codebooks::library(backend, &x, p).expect("the case is valid"),
        "alignment" => super::alignment::by_library(&x, p).expect("the case is valid"),
        name if super::code::algorithms().iter().any(|(known, _)| *known == name) => {
            super::code::library(backend, name, &x, p).expect("the case is valid")
        }
        "memorization" => memorization::by_library(&x, p).expect("the case is valid"),
        "quality" => quality::library(case).expect("the case is valid"),
        algorithm => on_backend(backend, algorithm, &x, p).expect("the case is valid"),
    }
}

fn on_backend<B: Backend>(backend: &B, algorithm: &str, x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let cx = Context::new(Exec::serial(), Control::new());
    let stored = array(x);
    let rows = Rows::F32(stored.view());
    let k = integer(p, "k");
    let given = || Init::Given(stored.slice(s![..k, ..]).to_owned());
    let first_rows = |spherical| {
        KMeans::new(k).spherical(spherical).init(given()).max_iter(2).fit_on(backend, &rows, None, &cx)
    };
    Ok(match algorithm {
        "kmeans" => {
            let init = match text(p, "init") {
                "k-means++" => Init::KMeansPlusPlus,
                "random" => Init::Random,
                _ => given(),
            };
            let weights = input::weights(&p["weights"], x.len());
            let config = KMeans::new(k)
                .spherical(text(p, "metric") == "cosine")
                .init(init)
                .max_iter(integer(p, "max_iter"))
                .seed(seed(p));
            clusters(&config.fit_on(backend, &rows, weights.as_deref(), &cx)?)
        }
        "prototypes" => {
            let c = first_rows(false)?;
            let config = Prototypes::new()
                .keep_fraction(number(p, "keep"))
                .prune(choice(p, "drop", &[("nearest", Prune::Nearest), ("farthest", Prune::Farthest)]))
                .scope(choice(p, "scope", &[("global", Scope::Global), ("per_cluster", Scope::PerCluster)]));
            json!({"keep": booleans(config.select(&c.distances.to_vec(), &c.labels.to_vec(), k)?)})
        }
        "density" => {
            let found = DensityPruning::new()
                .keep_fraction(number(p, "keep"))
                .temperature(number(p, "temperature"))
                .neighbours(integer(p, "neighbours"))
                .least(number(p, "least"))
                .select_in(&first_rows(true)?, &cx)?;
            json!({
                "intra": f64_bits(&found.intra.to_vec()),
                "inter": f64_bits(&found.inter.to_vec()),
                "quotas": integers(found.quotas.iter().map(|&q| Some(q))),
                "keep": booleans(found.keep.iter().copied()),
            })
        }
        "semdedup" => {
            let rules = [("earlier_max", Rule::EarlierMax), ("greedy_cover", Rule::GreedyCover)];
            let order = match text(p, "order") {
                "hard" => Order::Hard,
                "easy" => Order::Easy,
                "random" => Order::Random { seed: seed(p) },
                other => panic!("{other} is no order of the library"),
            };
            let config = SemDedup::new(choice(p, "rule", &rules))
                .epsilon(number(p, "epsilon"))
                .boundary(choice(p, "boundary", &Boundary::ALL.map(|b| (b.name(), b))))
                .order(order);
            let found = config.fit_on(backend, &rows, &first_rows(true)?, &cx)?;
            json!({
                "order": integers(found.order.iter().map(|&i| Some(i))),
                "keep": booleans(found.keep.iter().copied()),
                "witness": integers(found.witness.iter().map(|&w| (w != Dedup::NONE).then_some(w))),
                "similarity": f64_bits(&found.similarity.to_vec()),
            })
        }
        "semdedup_against" => {
            let (stays, new) = stored.view().split_at(Axis(0), x.len() / 2);
            let (stays, new) = (Rows::F32(stays), Rows::F32(new));
            let clustering = KMeans::new(k).spherical(true).init(given()).max_iter(2);
            let clusters = clustering.fit_on(backend, &stays, None, &cx)?;
            let found = SemDedupAgainst::new()
                .epsilon(number(p, "epsilon"))
                .boundary(choice(p, "boundary", &Boundary::ALL.map(|b| (b.name(), b))))
                .fit_on(backend, &new, &stays, &clusters, &cx)?;
            json!({
                "labels": integers(found.labels.iter().map(|&l| Some(l as u64))),
                "keep": booleans(found.keep.iter().copied()),
                "witness": integers(found.witness.iter().map(|&w| (w != DedupAgainst::NONE).then_some(w))),
                "similarity": f64_bits(&found.similarity.to_vec()),
            })
        }
        "d4" => {
            let config = D4::new()
                .clusters(k)
                .recluster(integer(p, "recluster"))
                .dedup_keep_fraction(number(p, "dedup_keep"))
                .keep_fraction(number(p, "keep"))
                .spherical(p["spherical"] == Value::Bool(true))
                .max_iter(integer(p, "max_iter"))
                .seed(seed(p));
            let found = config.fit_on(backend, &rows, &cx)?;
            json!({
                "clusters": clusters(&found.clusters),
                "survivors": integers(found.survivors.iter().map(|&i| Some(i))),
                "epsilon": f64_bits(&[found.dedup.epsilon]),
                "reclustered": clusters(&found.reclustered),
                "keep": booleans(found.keep.iter().copied()),
            })
        }
        other => panic!("{other} is no job of the vectors"),
    })
}

fn truth(x: &[Vec<f32>]) -> Value {
    let over =
        |f: fn(&[f32], &[f32]) -> f64| f64_bits(&x.windows(2).map(|w| f(&w[0], &w[1])).collect::<Vec<_>>());
    let sums: Array1<f64> = (0..x[0].len())
        .map(|j| {
            let mut sum = F64Sum::new();
            x.iter().for_each(|row| sum.add(row[j] as f64));
            sum.value()
        })
        .collect();
    json!({
        "dot": over(dot64),
        "squared_distance": over(squared_distance),
        "cosine": over(cosine),
        "column_sums": f64_bits(&sums.to_vec()),
    })
}

fn random(p: &Value, n: usize) -> Value {
    let stream = Stream::new(seed(p), integer(p, "stream") as u32);
    let rows: Vec<u64> = (0..n as u64).map(|i| i * 0x1_2345_6789).collect();
    let uniform: Vec<f64> = rows.iter().map(|&row| stream.uniform(row, 0)).collect();
    json!({
        "bits": integers(rows.iter().map(|&row| Some(stream.bits(row, 0)))),
        "uniform": f64_bits(&uniform),
        "exponential": f64_bits(&uniform.iter().map(|&u| -elementary::ln(u)).collect::<Vec<_>>()),
    })
}

fn clusters(c: &Clusters) -> Value {
    json!({
        "labels": integers(c.labels.iter().map(|&l| Some(l as u64))),
        "centroids": f32_bits(&rows_of(&c.centroids)),
        "distances": f64_bits(&c.distances.to_vec()),
        "inertia": f64_bits(&[c.inertia]),
        "n_iter": integers([Some(c.n_iter as u64)]),
        "converged": booleans([c.converged]),
        "relocated": integers([Some(c.relocated)]),
    })
}
