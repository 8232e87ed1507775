//! k-means: Lloyd's algorithm, Euclidean and spherical.
//!
//! ```text
//! centroids = init(x)
//! labels = nearest(x, centroids)
//! repeat up to max_iter times
//!     fill empty clusters, in ascending order, with the farthest rows
//!     centroid j = mean (or direction of the mean) of the rows labelled j
//!     labels = nearest(x, centroids); stop when none changed
//! ```
//!
//! The code differs from this only in how much it computes:
//! 1. Sums are exact ([`Sums`](crate::exact::Sums)), so only rows that changed their cluster are
//!    taken out of one and added to another; the result is that of summing anew.
//! 2. `labels` always equal `predict(x, centroids)` to the bit: a run of T iterations makes
//!    T + 1 assignments. That is also why a [`Checkpoint`] needs no labels.
//! 3. Rows come in blocks and never have to lie in memory at once.

mod bytes;
mod checkpoint;
mod init;
mod params;
mod partition;
mod result;
mod run;

pub use checkpoint::Checkpoint;
pub use params::{EmptyClusters, Init, KMeans};
pub use partition::Partition;
pub use result::Clusters;
pub use run::Lloyd;
