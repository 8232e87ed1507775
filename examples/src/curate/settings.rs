//! What a run does, decided and checked before any work: flags, defaults and the shape of the
//! input become [`Settings`], and those a JSON configuration that names the run.

use std::path::PathBuf;

use ndarray::Array2;
use pauca::{Boundary, EmptyClusters, Init, Order, Prune, Rule, Scope};
use serde_json::{Value, json};

use super::args::{Args, BoundaryName, EmptyName, Method, RuleName, ScopeName};
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::input::{Embeddings, Matrix};

/// Most bytes of codes of the rows that a clustering keeps from one iteration to the next.
pub const CODE_BYTES: usize = 512 << 20;

/// Semantic deduplication: the epsilon where neither that nor a share is given, as in its own experiments.
const EPSILON: f64 = 0.05;
/// Density-based pruning: the nearest centroids that a cluster's complexity is about, as published.
const NEIGHBOURS: usize = 20;
/// Density-based pruning: the share of an even split that every cluster keeps, as published.
const LEAST: f64 = 0.5;

/// What is done with the clusters.
#[derive(Clone, Debug)]
pub enum Job {
    /// Nothing is removed: clusters are the result.
    Kmeans,
    /// Semantic deduplication.
    Semdedup {
        /// Which rows are duplicates.
        rule: Rule,
        /// Similarity above `1 - epsilon`, or enough to keep a share.
        goal: Goal,
        /// A similarity exactly at the threshold.
        boundary: Boundary,
        /// Which rows of a cluster come first.
        order: Order,
        /// Whether as the published pseudo-code to the letter.
        published: bool,
    },
    /// Pruning by distance to the centroid.
    Prototypes {
        /// Share of the input to keep.
        keep: f64,
        /// Which end goes.
        drop: Prune,
        /// The rows among which a row is ranked.
        scope: Scope,
    },
    /// Pruning of what is outlying.
    Scip {
        /// Share of the input to keep.
        keep: f64,
        /// Share of the removed rows that goes by the size of their cluster.
        alpha: f64,
    },
    /// Quotas by the spread of clusters.
    Dbp {
        /// Share of the input to keep.
        keep: f64,
        /// How evenly clusters share it.
        temperature: f64,
        /// The nearest centroids that a cluster's complexity is about.
        neighbours: usize,
        /// The share of an even split that every cluster keeps.
        least: f64,
        /// Which end of a cluster goes.
        drop: Prune,
        /// Whether clusters without rows share in the split, as in the published code.
        published: bool,
    },
    /// The composition.
    D4 {
        /// Share of the input to keep.
        keep: f64,
        /// Share of the input that deduplication leaves.
        dedup_keep: f64,
        /// Which rows deduplication prefers.
        order: Order,
        /// The rows among which a row is ranked in the last stage.
        scope: Scope,
    },
}

/// How far deduplication goes.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// A threshold.
    Epsilon(f64),
    /// A share of the input to keep.
    Keep(f64),
}

/// Everything that decides the result.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is done.
    pub job: Job,
    /// The name of the method.
    pub method: Method,
    /// Number of clusters.
    pub clusters: usize,
    /// Whether clusters are made by direction.
    pub spherical: bool,
    /// Most iterations of each clustering.
    pub max_iter: usize,
    /// Seed.
    pub seed: u64,
    /// First centroids.
    pub init: Init,
    /// Name or digest of `init` for the configuration.
    pub init_name: String,
    /// A clustering also stops when its centroids moved by no more.
    pub tolerance: f64,
    /// What happens to clusters that lose all rows.
    pub empty: EmptyClusters,
    /// The order of preference as it was asked for, where it is none of the library's own.
    order_name: Option<String>,
}

impl Settings {
    /// The settings that `args` ask for on `rows` rows of `embeddings`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for flags that do not fit the method or values that do not fit the
    /// input; [`Failure::Data`] for an unusable file of centroids.
    pub fn resolve(args: &Args, embeddings: &Embeddings, rows: usize) -> Result<Self> {
        let (init, init_name) = initial(args, embeddings)?;
        let given = match &init {
            Init::Given(centroids) => Some(centroids.nrows()),
            _ => None,
        };
        let clusters = match (args.clusters, given) {
            (Some(k), Some(found)) if k != found => {
                return Err(Failure::usage(format!(
                    "--clusters {k}, but --init {} holds {found} centroids",
                    args.init
                )));
            }
            (None, Some(k)) | (Some(k), _) => k,
            (None, None) => ((rows as f64).sqrt().round() as usize).max(1),
        };
        if clusters > rows {
            return Err(Failure::usage(format!(
                "{clusters} clusters asked of {rows} rows in {}",
                embeddings.name()
            )));
        }
        let mut settings = Self {
            job: job(args)?,
            method: args.method,
            clusters,
            spherical: args.spherical && !args.euclidean,
            max_iter: args.max_iter,
            seed: args.drawing.seed,
            init,
            init_name,
            tolerance: args.tolerance.unwrap_or(0.0),
            empty: match args.empty_clusters {
                Some(EmptyName::Keep) => EmptyClusters::Keep,
                None | Some(EmptyName::Relocate) => EmptyClusters::Relocate,
            },
            order_name: args.order.clone().filter(|_| matches!(order(args), Order::Custom(_))),
        };
        if settings.order_name.as_deref() == Some("first") {
            settings.prefer((0..rows).map(|row| row as f64).collect());
        }
        Ok(settings)
    }

    /// The column whose values order the rows, and whether the least come first.
    pub fn column(&self) -> Option<(String, bool)> {
        let name = self.order_name.as_deref().filter(|name| *name != "first")?;
        Some(match name.rsplit_once(':') {
            Some((column, "asc")) => (column.into(), true),
            Some((column, "desc")) => (column.into(), false),
            _ => (name.into(), false),
        })
    }

    /// Rows with smaller keys are preferred.
    pub fn prefer(&mut self, keys: Vec<f64>) {
        if let Job::Semdedup { order, .. } | Job::D4 { order, .. } = &mut self.job {
            *order = Order::Custom(keys);
        }
    }

    /// The rows among which a row is ranked, where the method ranks rows by distance.
    pub fn scope(&self) -> Option<Scope> {
        match self.job {
            Job::D4 { scope, .. } | Job::Prototypes { scope, .. } => Some(scope),
            _ => None,
        }
    }

    /// Whether the method follows its published code where that differs.
    pub fn published(&self) -> bool {
        matches!(self.job, Job::Semdedup { published: true, .. } | Job::Dbp { published: true, .. })
    }

    /// The settings as they name the run: everything that decides the result, nothing else.
    pub fn describe(&self) -> Value {
        let mut value = json!({
            "method": self.method.name(),
            "clusters": self.clusters,
            "spherical": self.spherical,
            "max_iter": self.max_iter,
            "init": self.init_name,
            "seed": self.seed,
        });
        // What came later stands here only where asked for, so that runs without it keep their name.
        if self.tolerance > 0.0 {
            value["tolerance"] = json!(self.tolerance);
        }
        if self.empty != EmptyClusters::Relocate {
            value["empty_clusters"] = json!(self.empty.name());
        }
        if self.scope() == Some(Scope::PerCluster) {
            value["scope"] = json!(ScopeName::PerCluster.name());
        }
        if self.published() {
            value["published"] = json!(true);
        }
        match &self.job {
            Job::Kmeans => {}
            Job::Semdedup { rule, goal, boundary, order, .. } => {
                value["rule"] = json!(rule.name());
                match goal {
                    Goal::Epsilon(epsilon) => value["epsilon"] = json!(epsilon),
                    Goal::Keep(keep) => value["keep"] = json!(keep),
                }
                value["boundary"] = json!(boundary.name());
                value["order"] = json!(self.order_name.as_deref().unwrap_or(order.name()));
            }
            Job::Prototypes { keep, drop, .. } => {
                value["keep"] = json!(keep);
                value["order"] = json!(drop_name(*drop));
            }
            Job::Dbp { keep, temperature, neighbours, least, drop, .. } => {
                value["keep"] = json!(keep);
                value["temperature"] = json!(temperature);
                value["neighbours"] = json!(neighbours);
                value["least"] = json!(least);
                value["order"] = json!(drop_name(*drop));
            }
            Job::Scip { keep, alpha } => {
                value["keep"] = json!(keep);
                value["alpha"] = json!(alpha);
            }
            Job::D4 { keep, dedup_keep, order, .. } => {
                value["order"] = json!(self.order_name.as_deref().unwrap_or(order.name()));
                value["dedup_keep"] = json!(dedup_keep);
                value["keep"] = json!(keep);
            }
        }
        value
    }
}

/// Which end of the distances goes, as an order: the rows that come first stay.
fn drop_name(drop: Prune) -> &'static str {
    match drop {
        Prune::Nearest => "hard",
        Prune::Farthest => "easy",
    }
}

fn job(args: &Args) -> Result<Job> {
    use Method::{D4, Dbp, Kmeans, Prototypes, Scip, Semdedup};
    const ONE_CLUSTERING: &[Method] = &[Semdedup, Prototypes, Scip, Dbp, Kmeans];
    let flags: [(&str, bool, &[Method]); 18] = [
        ("--epsilon", args.epsilon.is_some(), &[Semdedup]),
        ("--keep", args.keep.is_some(), &[D4, Semdedup, Prototypes, Scip, Dbp]),
        ("--keep-tokens", args.keep_tokens.is_some(), &[D4, Prototypes]),
        ("--dedup-keep", args.dedup_keep.is_some(), &[D4]),
        ("--alpha", args.alpha.is_some(), &[Scip]),
        ("--temperature", args.temperature.is_some(), &[Dbp]),
        ("--neighbours", args.neighbours.is_some(), &[Dbp]),
        ("--least", args.least.is_some(), &[Dbp]),
        ("--scope", args.scope.is_some(), &[D4, Prototypes]),
        ("--published", args.published, &[Semdedup, Dbp]),
        ("--tolerance", args.tolerance.is_some(), ONE_CLUSTERING),
        ("--empty-clusters", args.empty_clusters.is_some(), ONE_CLUSTERING),
        ("--weights", args.weights.is_some(), ONE_CLUSTERING),
        ("--rule", args.rule.is_some(), &[Semdedup]),
        ("--order", args.order.is_some(), &[D4, Semdedup, Prototypes, Dbp]),
        ("--boundary", args.boundary.is_some(), &[Semdedup]),
        ("--write-uids", args.write_uids, &[D4, Semdedup, Prototypes, Scip, Dbp]),
        ("--write-filtered", args.write_filtered, &[D4, Semdedup, Prototypes, Scip, Dbp]),
    ];
    let misplaced = flags.iter().find(|(_, given, methods)| *given && !methods.contains(&args.method));
    if let Some((flag, ..)) = misplaced {
        let hint = match (*flag, args.method) {
            ("--epsilon", Method::D4) => ": its threshold follows from --dedup-keep",
            ("--order", Method::Scip) => ": small clusters and far rows go",
            ("--weights", Method::D4) => ": all rows weigh the same in its two clusterings",
            ("--scope", Method::Dbp) => ": every cluster has a quota of its own",
            _ => "",
        };
        return Err(Failure::usage(format!(
            "{flag} has no meaning with --method {}{hint}",
            args.method.name()
        )));
    }
    let scope = if args.scope == Some(ScopeName::PerCluster) { Scope::PerCluster } else { Scope::Global };
    if scope == Scope::PerCluster && args.keep_tokens.is_some() {
        return Err(Failure::usage(
            "--scope per-cluster has no meaning with --keep-tokens: tokens are counted over all clusters",
        ));
    }
    // SCIP's own experiments remove a fifth.
    let keep = args.keep.unwrap_or(if args.method == Method::Scip { 0.8 } else { 0.5 });
    // What a share of the tokens is decides at the end.
    let by_tokens = args.keep_tokens.is_some();
    Ok(match args.method {
        Method::Kmeans => Job::Kmeans,
        Method::D4 => {
            let dedup_keep = args.dedup_keep.unwrap_or(f64::max(0.75, keep));
            let keep = if by_tokens { dedup_keep } else { keep };
            if keep > dedup_keep {
                return Err(Failure::usage(format!(
                    "--keep {keep} exceeds --dedup-keep {dedup_keep}: both are shares of the input"
                )));
            }
            Job::D4 { keep, dedup_keep, order: order(args), scope }
        }
        Method::Prototypes => {
            Job::Prototypes { keep: if by_tokens { 1.0 } else { keep }, drop: drop(args)?, scope }
        }
        Method::Dbp => Job::Dbp {
            keep,
            temperature: temperature(args)?,
            neighbours: args.neighbours.unwrap_or(NEIGHBOURS),
            least: args.least.unwrap_or(LEAST),
            drop: drop(args)?,
            published: args.published,
        },
        Method::Scip => Job::Scip { keep, alpha: args.alpha.unwrap_or(0.8) },
        Method::Semdedup => semdedup(args)?,
    })
}

/// The temperature: of cosine distances it has a usual value.
fn temperature(args: &Args) -> Result<f64> {
    match args.temperature {
        Some(temperature) => Ok(temperature),
        None if args.spherical && !args.euclidean => Ok(0.5),
        None => Err(Failure::usage(
            "--method dbp needs --temperature with --euclidean: it has the unit of the input to the fourth power",
        )),
    }
}

/// Which end of the distances goes.
fn drop(args: &Args) -> Result<Prune> {
    match args.order.as_deref() {
        None | Some("hard") => Ok(Prune::Nearest),
        Some("easy") => Ok(Prune::Farthest),
        Some(other) => {
            let method = args.method.name();
            Err(Failure::usage(format!(
                "--order {other} has no meaning with --method {method}: hard or easy has"
            )))
        }
    }
}

fn semdedup(args: &Args) -> Result<Job> {
    let rule = match args.rule {
        Some(RuleName::GreedyCover) => Rule::GreedyCover,
        None | Some(RuleName::EarlierMax) => Rule::EarlierMax,
    };
    if args.published && rule != Rule::EarlierMax {
        return Err(Failure::usage(format!(
            "--published has no meaning with --rule {}: the published pseudo-code is earlier-max",
            rule.name()
        )));
    }
    let goal = match (args.epsilon, args.keep) {
        (Some(epsilon), _) => Goal::Epsilon(epsilon),
        (None, Some(_)) if rule != Rule::EarlierMax => {
            return Err(Failure::usage(format!(
                "--rule {} takes --epsilon, such as 0.05, and no --keep: only earlier-max can keep a given share",
                rule.name()
            )));
        }
        (None, Some(keep)) => Goal::Keep(keep),
        (None, None) => Goal::Epsilon(EPSILON),
    };
    let boundary = if args.boundary == Some(BoundaryName::Ge) { Boundary::Ge } else { Boundary::Gt };
    Ok(Job::Semdedup { rule, goal, boundary, order: order(args), published: args.published })
}

/// The order of preference; that of a column is not known yet.
fn order(args: &Args) -> Order {
    match args.order.as_deref() {
        None | Some("hard") => Order::Hard,
        Some("easy") => Order::Easy,
        Some("random") => Order::Random { seed: args.drawing.seed },
        Some(_) => Order::Custom(Vec::new()),
    }
}

fn initial(args: &Args, embeddings: &Embeddings) -> Result<(Init, String)> {
    match args.init.as_str() {
        "k-means++" => Ok((Init::KMeansPlusPlus, args.init.clone())),
        "random" => Ok((Init::Random, args.init.clone())),
        file => {
            let path = PathBuf::from(file);
            if !path.exists() {
                return Err(Failure::usage(format!("--init {file} is neither random, k-means++ nor a file")));
            }
            let given = Matrix::open(&path, None)?;
            let (found, expected) = (given.layout().dim, embeddings.dim());
            if found != expected {
                return Err(Failure::data(
                    &path,
                    format!("holds centroids of {found} values, the input has rows of {expected}"),
                ));
            }
            let centroids: Array2<f32> = given.to_f32();
            Ok((Init::Given(centroids), format!("sha256:{}", given.sha256())))
        }
    }
}
