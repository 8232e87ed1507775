//! What is asked of a run, and the parts that it is composed of.

use crate::check;
use crate::dedup::{Boundary, Order, Rule, SemDedup};
use crate::error::Result;
use crate::kmeans::{Init, KMeans};
use crate::params::{default_is_new, setters};
use crate::prototypes::{Prototypes, Prune, Scope};

/// Random streams of one stage; stage s uses those from 16 s on.
const STREAMS_PER_STAGE: u32 = 16;

/// D4: parameters.
///
/// |kept| = round_half_even(keep_fraction n), after the first stage
/// round_half_even(dedup_keep_fraction n). Equal, to the bit, to calling by hand what
/// [`first_clustering`](D4::first_clustering), [`deduplication`](D4::deduplication),
/// [`second_clustering`](D4::second_clustering) and [`prototypes`](D4::prototypes) give. A [`KMeans`]
/// of the same parameters is not the second clustering: that draws from random streams of its own.
///
/// # Tier
/// A.
/// # Cost
/// Two k-means runs, d n_c² flops for each first cluster of n_c rows.
/// # Example
/// ```
/// use pauca::D4;
/// let x = ndarray::Array2::from_shape_fn((100, 4), |(i, j)| ((i * 37 + j * 11) % 23) as f32 - 11.5);
/// let chosen = D4::new().clusters(5).keep_fraction(0.25).seed(1).fit(&x)?;
/// assert_eq!(chosen.kept(), 25);
/// assert_eq!(chosen.survivors.len(), 75);
///
/// // The same by hand.
/// let d4 = D4::new().clusters(5).keep_fraction(0.25).seed(1);
/// let clusters = d4.first_clustering(100)?.fit(&x)?;
/// let dedup = d4.deduplication()?.fit(&x, &clusters)?;
/// let survivors: Vec<usize> = (0..100).filter(|&i| dedup.keep[i]).collect();
/// // Survivors keep their numbers, and with them their random draws: a Subset, not a copy of the rows.
/// let rest = pauca::Subset::new(pauca::Rows::F32(x.view()), survivors.clone())?;
/// let cpu = pauca::Cpu::new()?;
/// let again = d4.second_clustering(100, 75).fit_on(&cpu, &rest, None, &pauca::Context::default())?;
/// let (distances, labels) = (again.distances.to_vec(), again.labels.to_vec());
/// let kept = d4.prototypes().select_count(25, &distances, &labels, 5)?;
/// assert!(survivors.iter().zip(&kept).all(|(&row, &kept)| chosen.keep[row] == kept));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct D4 {
    clusters: Option<usize>,
    recluster: Option<usize>,
    dedup_keep_fraction: f64,
    pub(super) keep_fraction: f64,
    seed: u64,
    max_iter: usize,
    spherical: bool,
    init: Init,
    order: Order,
    scope: Scope,
}

default_is_new!(D4);

impl D4 {
    /// round(sqrt(n)) clusters twice, spherical, 20 iterations, 0.75 then 0.5 of the rows, seed 0.
    pub fn new() -> Self {
        Self {
            clusters: None,
            recluster: None,
            dedup_keep_fraction: 0.75,
            keep_fraction: 0.5,
            seed: 0,
            max_iter: 20,
            spherical: true,
            init: Init::KMeansPlusPlus,
            order: Order::Hard,
            scope: Scope::Global,
        }
    }

    setters! {
        /// Clusters of the first clustering, and of the second unless [`recluster`](D4::recluster)
        /// says otherwise.
        clusters(k: usize) { clusters = Some(k) }
        /// Clusters of the second clustering (never more than survivors; the result tells).
        recluster(k: usize) { recluster = Some(k) }
        /// Share of the input that deduplication keeps.
        dedup_keep_fraction: f64;
        /// Share of the input that is kept in the end; at most the share that deduplication keeps.
        keep_fraction: f64;
        /// Seed of both clusterings.
        seed: u64;
        /// Iterations of each clustering, at most.
        max_iter: usize;
        /// Spherical (the default) or Euclidean clusterings. Duplicates are by cosine either way.
        spherical: bool;
        /// First centroids of the first clustering. The second starts by k-means++, or by
        /// [`Init::Random`] where that is asked for here.
        init: Init;
        /// Which rows deduplication prefers.
        order: Order;
        /// Whether the last stage ranks all survivors together or each cluster by itself.
        scope: Scope;
    }

    /// A copy, or [`OutOfMemory`](crate::Error::OutOfMemory): given centroids and keys may be large.
    pub(super) fn try_clone(&self) -> Result<Self> {
        Ok(Self { init: self.init.try_clone()?, order: self.order.try_clone()?, ..*self })
    }

    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in
            [("dedup_keep_fraction", self.dedup_keep_fraction), ("keep_fraction", self.keep_fraction)]
        {
            check::fraction(name, value)?;
        }
        let holds = self.keep_fraction <= self.dedup_keep_fraction;
        check::parameter("keep_fraction", self.keep_fraction, "at most dedup_keep_fraction", holds)
    }

    fn first_k(&self, n: usize) -> usize {
        self.clusters.unwrap_or_else(|| (libm::rint(libm::sqrt(n as f64)) as usize).max(1))
    }

    /// The clustering of all `n` rows.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory): given centroids may be large.
    pub fn first_clustering(&self, n: usize) -> Result<KMeans> {
        let init = self.init.try_clone()?;
        Ok(KMeans::new(self.first_k(n))
            .spherical(self.spherical)
            .seed(self.seed)
            .max_iter(self.max_iter)
            .init(init))
    }

    /// The deduplication inside the clusters of [`first_clustering`](D4::first_clustering).
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory): the keys of an order may be large.
    pub fn deduplication(&self) -> Result<SemDedup> {
        Ok(SemDedup::new(Rule::EarlierMax)
            .keep_fraction(self.dedup_keep_fraction)
            .boundary(Boundary::Gt)
            .order(self.order.try_clone()?))
    }

    /// The clustering of those of `n` rows that survived, as a [`Subset`](crate::Subset), in which they keep their
    /// numbers. Its random streams are not those of [`KMeans::new`]: both stages draw from one seed, and neither sees
    /// the other's numbers.
    pub fn second_clustering(&self, n: usize, survivors: usize) -> KMeans {
        let asked = self.recluster.or(self.clusters).unwrap_or_else(|| self.first_k(n));
        let init = match self.init {
            Init::Random => Init::Random,
            Init::KMeansPlusPlus | Init::Given(_) => Init::KMeansPlusPlus,
        };
        KMeans::new(asked.min(survivors))
            .spherical(self.spherical)
            .seed(self.seed)
            .stream_base(STREAMS_PER_STAGE)
            .max_iter(self.max_iter)
            .init(init)
    }

    /// The last stage: which survivors stay, by their distances to the centroids of
    /// [`second_clustering`](D4::second_clustering). [`Prototypes::select_count`] takes the number of rows, which is
    /// round_half_even(keep_fraction n) of the input's n.
    pub fn prototypes(&self) -> Prototypes {
        Prototypes::new().prune(Prune::Nearest).scope(self.scope)
    }
}
