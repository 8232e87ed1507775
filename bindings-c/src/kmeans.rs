//! k-means: one call, or a run that the caller steps.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use pauca::{EmptyClusters, Init, KMeans, RowSource};

use crate::clusters::{METRICS, pauca_clusters};
use crate::context::{pauca_context, within};
use crate::device::ready;
use crate::door::{Door, size};
use crate::options::{Sized32, choice, no_flags};
use crate::status::{Done, pauca_error, pauca_status};
use crate::view::{packed, pauca_view};

/// First centroids by k-means++.
pub const PAUCA_INIT_PLUS_PLUS: i32 = 0;
/// First centroids: distinct rows, uniformly.
pub const PAUCA_INIT_RANDOM: i32 = 1;
/// First centroids: those of init_centroids.
pub const PAUCA_INIT_GIVEN: i32 = 2;

/// A cluster that lost its rows gets the farthest row of another.
pub const PAUCA_EMPTY_RELOCATE: i32 = 0;
/// A cluster that lost its rows keeps its centroid.
pub const PAUCA_EMPTY_KEEP: i32 = 1;

/// What is asked of k-means. Begin with pauca_kmeans_options_init, and set n_clusters.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_kmeans_options {
    /// sizeof(pauca_kmeans_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// k, at least 1. There is no default.
    pub n_clusters: u64,
    /// Seed of the first centroids. Default 0.
    pub seed: u64,
    /// At most so many iterations; 0 only assigns to the first centroids. Default 100.
    pub max_iter: u64,
    /// Also stop when the squared distances that the centroids moved sum to at most this. Default 0: stop when no label
    /// changes.
    pub shift_tolerance: f64,
    /// PAUCA_EUCLIDEAN (default), or PAUCA_COSINE for spherical k-means.
    pub metric: i32,
    /// PAUCA_INIT_PLUS_PLUS (default), PAUCA_INIT_RANDOM, PAUCA_INIT_GIVEN.
    pub init: i32,
    /// PAUCA_EMPTY_RELOCATE (default), PAUCA_EMPTY_KEEP.
    pub empty_clusters: i32,
    /// 0.
    pub reserved: i32,
    /// [k, d], copied: the first centroids for PAUCA_INIT_GIVEN; else NULL.
    pub init_centroids: *const pauca_view,
}

// SAFETY: repr(C), no padding but at its end where pointers have 4 bytes, any bytes are a value.
unsafe impl Sized32 for pauca_kmeans_options {
    const NAME: &'static str = "k-means options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            n_clusters: 0,
            seed: 0,
            max_iter: 100,
            shift_tolerance: 0.0,
            metric: 0,
            init: 0,
            empty_clusters: 0,
            reserved: 0,
            init_centroids: core::ptr::null(),
        }
    }
}

/// First centroids that C names by number, or gives.
pub(crate) fn init(door: &Door, init: i32, given: *const pauca_view) -> Done<Init> {
    let expected = "one of PAUCA_INIT_...";
    let wanted =
        choice("init", &[PAUCA_INIT_PLUS_PLUS, PAUCA_INIT_RANDOM, PAUCA_INIT_GIVEN], init, expected)?;
    Ok(match wanted {
        PAUCA_INIT_GIVEN => Init::Given(packed(&door.rows("init_centroids", given)?)?),
        PAUCA_INIT_RANDOM => Init::Random,
        _ => Init::KMeansPlusPlus,
    })
}

pub(crate) fn params(door: &Door, options: *const pauca_kmeans_options) -> Done<KMeans> {
    let o = door.options(options)?;
    no_flags("k-means options", o.flags)?;
    if o.reserved != 0 {
        let offset = core::mem::offset_of!(pauca_kmeans_options, reserved);
        return Err(crate::status::Failure::Option { what: "k-means options", offset });
    }
    let metric = choice("metric", &METRICS, o.metric, "PAUCA_EUCLIDEAN or PAUCA_COSINE")?;
    let policies = [EmptyClusters::Relocate, EmptyClusters::Keep];
    let empty = choice("empty_clusters", &policies, o.empty_clusters, "one of PAUCA_EMPTY_...")?;
    Ok(KMeans::new(size("n_clusters", o.n_clusters)?)
        .spherical(metric == pauca::Metric::Cosine)
        .seed(o.seed)
        .max_iter(usize::try_from(o.max_iter).unwrap_or(usize::MAX))
        .shift_tolerance(o.shift_tolerance)
        .init(init(door, o.init, o.init_centroids)?)
        .empty_clusters(empty))
}

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_options_init(
    options: *mut pauca_kmeans_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Clusters the rows of x [n, d] into k clusters (Lloyd's algorithm, every label the one of the f64 definition).
/// weights: NULL, or n values, finite, at least 0 and not all 0; a row of weight 2 counts as two. options: not NULL, as k
/// has no default. Spherical, a row of zeros is allowed. The result does not depend on threads or SIMD level. Free it
/// with pauca_clusters_free.
/// Errors: PAUCA_EMPTY, PAUCA_TOO_MANY_CLUSTERS, PAUCA_NON_FINITE with the place, PAUCA_INVALID_PARAMETER,
/// PAUCA_CANCELLED (a run keeps its state: pauca_kmeans_start), PAUCA_OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans(
    x: *const pauca_view,
    weights: *const f32,
    options: *const pauca_kmeans_options,
    out: *mut *mut pauca_clusters,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let x = door.rows("x", x)?;
        let weights = door.slice_or_null("weights", weights, x.n_rows())?;
        let params = params(door, options)?;
        let out = door.handle("out", out)?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            let mut run = params.start_on(ready(&call.machine)?, &x, weights.map(Cow::Borrowed), &call.cx)?;
            while run.step(&call.cx)? {}
            out.put(pauca_clusters { clusters: Arc::new(run.finish(&call.cx)?) })
        })
    })
}
