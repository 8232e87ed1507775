//! The keep-order: which rows of a cluster come first, and so are preferred.

use alloc::vec::Vec;

use crate::backend::Backend;
use crate::check;
use crate::control::{Context, Stage};
use crate::error::Result;
use crate::exact::Metric;
use crate::kmeans::Partition;
use crate::memory::{try_collect, try_copy, try_up_to};
use crate::random::{Stream, streams};
use crate::rows::RowSource;
use crate::select::{ascending, ranked};

/// Which rows of a cluster come first. Equal keys go by row index.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// Rows farthest from the centroid (by cosine) come first: keeps the hard rows, the paper's default.
    Hard,
    /// Rows nearest to the centroid come first: keeps the prototypical rows.
    Easy,
    /// Rows come in random order, a function of the seed and the row's global id only.
    Random {
        /// Seed of the order.
        seed: u64,
    },
    /// Rows come in ascending order of these keys, `[n]`: smaller keys come first.
    Custom(Vec<f64>),
}

impl Order {
    /// "hard", "easy", "random" or "custom": the name in programs, configurations and test vectors.
    pub fn name(&self) -> &'static str {
        match self {
            Order::Hard => "hard",
            Order::Easy => "easy",
            Order::Random { .. } => "random",
            Order::Custom(_) => "custom",
        }
    }

    /// A copy, or [`OutOfMemory`](crate::Error::OutOfMemory).
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(match self {
            Order::Hard => Order::Hard,
            Order::Easy => Order::Easy,
            Order::Random { seed } => Order::Random { seed: *seed },
            Order::Custom(keys) => Order::Custom(try_copy(keys)?),
        })
    }
}

/// The rows of each cluster in keep-order, and where each cluster begins.
pub(super) fn keep_order<B: Backend, S: RowSource + ?Sized>(
    order: &Order,
    published: bool,
    backend: &B,
    source: &S,
    clusters: &Partition<'_>,
    cx: &Context,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let (n, k) = (source.n_rows(), clusters.n_clusters());
    let labels = clusters.labels();
    check::same_length("labels", n, labels.len())?;
    clusters.check()?;
    let by_label = |a: usize, b: usize| labels[a].cmp(&labels[b]);
    let rows = match order {
        Order::Random { seed } => {
            let stream = Stream::new(*seed, streams::DEDUP_ORDER);
            let keys = try_collect((0..n).map(|i| stream.bits(source.row_id(i), 0)))?;
            ranked(n, |a, b| by_label(a, b).then(keys[a].cmp(&keys[b])))?
        }
        Order::Custom(keys) => {
            check::same_length("keys of the order", n, keys.len())?;
            check::finite("keys of the order", keys.iter().copied())?;
            ranked(n, |a, b| by_label(a, b).then(ascending(keys[a], keys[b])))?
        }
        Order::Hard | Order::Easy => {
            let computed;
            let distances = match clusters.distances() {
                Some(distances) if clusters.metric() == Metric::Cosine => distances,
                _ => {
                    computed = clusters.distances_by(Metric::Cosine, backend, source, cx)?;
                    ndarray::ArrayView1::from(&computed)
                }
            };
            let near = |a: usize, b: usize| ascending(distances[a], distances[b]);
            match (order, published) {
                (Order::Hard, _) => ranked(n, |a, b| by_label(a, b).then(near(b, a)))?,
                (_, false) => ranked(n, |a, b| by_label(a, b).then(near(a, b)))?,
                // The published code reverses the whole hard list, ties included.
                (_, true) => ranked(n, |a, b| by_label(a, b).then(near(a, b)).then(b.cmp(&a)))?,
            }
        }
    };
    let offsets = try_up_to(k + 1, (0..=k).map(|j| rows.partition_point(|&i| (labels[i] as usize) < j)))?;
    cx.control.poll(Stage::Order, n as u64, n as u64)?;
    Ok((rows, offsets))
}
