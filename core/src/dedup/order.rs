//! The keep-order: which rows of a cluster come first, and so are preferred.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use crate::backend::{Backend, Blocks, Copies};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::kmeans::Clusters;
use crate::memory::{try_capacity, try_copy, try_vec};
use crate::random::{Stream, streams};
use crate::rows::{RowSource, Rows};

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

    /// A copy, or [`Error::OutOfMemory`].
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(match self {
            Order::Hard => Order::Hard,
            Order::Easy => Order::Easy,
            Order::Random { seed } => Order::Random { seed: *seed },
            Order::Custom(keys) => {
                let mut copy = try_capacity(keys.len())?;
                copy.extend_from_slice(keys);
                Order::Custom(copy)
            }
        })
    }
}

/// The rows of each cluster in keep-order, and where each cluster begins.
pub(super) fn keep_order<B: Backend, S: RowSource + ?Sized>(
    order: &Order,
    published: bool,
    backend: &B,
    source: &S,
    clusters: &Clusters,
    cx: &Context,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let (n, k) = (source.n_rows(), clusters.centroids.nrows());
    let labels = &clusters.labels;
    check::same_length("labels", n, labels.len())?;
    if let Some(row) = labels.iter().position(|&l| l as usize >= k) {
        return Err(Error::LabelOutOfRange { row, label: labels[row], k });
    }
    let mut rows: Vec<usize> = try_capacity(n)?;
    rows.extend(0..n);
    let label = |i: usize| labels[i];
    match order {
        Order::Random { seed } => {
            let stream = Stream::new(*seed, streams::DEDUP_ORDER);
            let mut keys = try_capacity(n)?;
            keys.extend((0..n).map(|i| stream.bits(source.row_id(i), 0)));
            rows.sort_unstable_by_key(|&i| (label(i), keys[i], i));
        }
        Order::Custom(keys) => {
            check::same_length("keys of the order", n, keys.len())?;
            if let Some(row) = keys.iter().position(|key| !key.is_finite()) {
                return Err(Error::NonFinite { what: "keys of the order", row: row as u64, col: 0 });
            }
            // Adding +0.0 makes -0.0 equal to 0.0.
            sort(&mut rows, |i| (label(i), keys[i] + 0.0, i));
        }
        Order::Hard | Order::Easy => {
            let computed;
            let distances = match clusters.metric {
                Metric::Cosine if clusters.distances.len() == n => clusters.distances.view(),
                _ => {
                    computed = cosine_distances(backend, source, clusters, cx)?;
                    ndarray::ArrayView1::from(&computed)
                }
            };
            match (order, published) {
                (Order::Hard, _) => sort(&mut rows, |i| (label(i), -distances[i] + 0.0, i)),
                (_, false) => sort(&mut rows, |i| (label(i), distances[i], i)),
                // The published code reverses the whole hard list, ties included.
                (_, true) => sort(&mut rows, |i| (label(i), distances[i], usize::MAX - i)),
            }
        }
    }
    let mut offsets = try_capacity(k + 1)?;
    offsets.extend((0..=k).map(|j| rows.partition_point(|&i| (labels[i] as usize) < j)));
    cx.control.poll("order", n as u64, n as u64)?;
    Ok((rows, offsets))
}

fn sort(rows: &mut [usize], key: impl Fn(usize) -> (u32, f64, usize)) {
    rows.sort_unstable_by(|&a, &b| {
        let ((la, ka, ia), (lb, kb, ib)) = (key(a), key(b));
        la.cmp(&lb).then(ka.total_cmp(&kb)).then(ia.cmp(&ib))
    });
}

/// 1 - cosine of every row to the centroid of its cluster.
fn cosine_distances<B: Backend, S: RowSource + ?Sized>(
    backend: &B,
    source: &S,
    clusters: &Clusters,
    cx: &Context,
) -> Result<Vec<f64>> {
    let mut blocks = Blocks::of(backend, source, Metric::Cosine, cx)?;
    let view: ArrayView2<f32> = clusters.centroids.view();
    let targets = backend.targets(Rows::F32(view), Metric::Cosine, Copies::Collapse, cx);
    let targets = targets.map_err(|error| error.at("centroids", |row| row as u64))?;
    let labels = try_copy(&clusters.labels)?;
    check::same_length("labels", blocks.n, labels.len())?;
    let mut out = try_vec(blocks.n, 0.0)?;
    blocks.for_each(cx, |range, block| {
        backend.values(block, &targets, &labels[range.clone()], &mut out[range], cx)
    })?;
    Ok(out)
}
