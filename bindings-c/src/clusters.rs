//! Clusterings, made here or elsewhere.

use alloc::sync::Arc;
use core::ffi::c_void;

use ndarray::Array1;
use pauca::{Clusters, Metric, Partition, RowSource, Rows};

use crate::blob::pauca_blob;
use crate::context::{pauca_context, within};
use crate::door::{Door, copied, free, size};
use crate::options::{Sized32, choice, no_flags};
use crate::status::{PAUCA_NONE, pauca_error, pauca_status};
use crate::view::{packed, pauca_view};

/// Squared Euclidean distance.
pub const PAUCA_EUCLIDEAN: i32 = 0;
/// Cosine distance: 1 - cosine.
pub const PAUCA_COSINE: i32 = 1;

pub(crate) const METRICS: [Metric; 2] = [Metric::SqEuclidean, Metric::Cosine];

/// The number that C has for a metric.
fn metric_number(metric: Metric) -> i32 {
    match metric {
        Metric::SqEuclidean => PAUCA_EUCLIDEAN,
        Metric::Cosine => PAUCA_COSINE,
    }
}

/// A clustering: labels, centroids, distances. Shareable, read-only.
pub struct pauca_clusters {
    pub(crate) clusters: Arc<Clusters>,
}

/// What a clustering is, in numbers. Set struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_clusters_info {
    /// sizeof(pauca_clusters_info).
    pub struct_size: u32,
    /// PAUCA_EUCLIDEAN or PAUCA_COSINE.
    pub metric: i32,
    /// n, the number of rows.
    pub n_rows: u64,
    /// k, the number of clusters.
    pub n_clusters: u64,
    /// d, the number of values in a row.
    pub dim: u64,
    /// Sum of weight times distance, exact but for one rounding; NaN where there are no distances.
    pub inertia: f64,
    /// Iterations made.
    pub n_iter: u64,
    /// Rows that were moved into empty clusters.
    pub relocated: u64,
    /// How many distinct rows k-means++ found, when it found fewer than clusters; else PAUCA_NONE.
    pub distinct_rows: u64,
    /// Clusters without a row.
    pub n_empty: u64,
    /// 1 if the last iteration changed no label, or moved the centroids less than the tolerance; else 0.
    pub converged: i32,
    /// 1 if the clustering has distances, else 0.
    pub has_distances: i32,
    /// Rows searched in the last assignment. This and the other counts of the search depend on the SIMD level.
    pub search_rows: u64,
    /// Rows settled by the certificate of the f32 kernel.
    pub search_f32: u64,
    /// Rows settled by the certificate of the f64 kernel.
    pub search_f64: u64,
    /// Rows settled by the definition.
    pub search_truth: u64,
    /// Rows settled by the certificate of 8-bit codes.
    pub search_int8: u64,
    /// Rows that were searched in leading dimensions first, whatever settled them.
    pub search_leading: u64,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_clusters_info {
    const NAME: &'static str = "clusters info";
    const FIRST: usize = core::mem::offset_of!(Self, search_int8);
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            metric: 0,
            n_rows: 0,
            n_clusters: 0,
            dim: 0,
            inertia: 0.0,
            n_iter: 0,
            relocated: 0,
            distinct_rows: PAUCA_NONE,
            n_empty: 0,
            converged: 0,
            has_distances: 0,
            search_rows: 0,
            search_f32: 0,
            search_f64: 0,
            search_truth: 0,
            search_int8: 0,
            search_leading: 0,
        }
    }
}

/// Where pauca_clusters_copy puts the arrays of a clustering: NULL for what is not wanted; lengths count values and must
/// be exact. Set struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_clusters_arrays {
    /// sizeof(pauca_clusters_arrays).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// [n]: the cluster of each row.
    pub labels: *mut u32,
    /// n.
    pub labels_len: u64,
    /// [k, d]: the centroids, row by row.
    pub centroids: *mut f32,
    /// k d.
    pub centroids_len: u64,
    /// [n]: the distance of each row to the centroid of its cluster.
    pub distances: *mut f64,
    /// n, or 0 where the clustering has no distances.
    pub distances_len: u64,
    /// [k]: rows of each cluster.
    pub counts: *mut u64,
    /// k.
    pub counts_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_clusters_arrays {
    const NAME: &'static str = "clusters arrays";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            labels: core::ptr::null_mut(),
            labels_len: 0,
            centroids: core::ptr::null_mut(),
            centroids_len: 0,
            distances: core::ptr::null_mut(),
            distances_len: 0,
            counts: core::ptr::null_mut(),
            counts_len: 0,
        }
    }
}

/// Writes the numbers of a clustering into info.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_get_info(
    clusters: *const pauca_clusters,
    info: *mut pauca_clusters_info,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let c = &*door.get("clusters", clusters)?.clusters;
        let info = door.results(info)?;
        let value = pauca_clusters_info {
            metric: metric_number(c.metric),
            n_rows: c.labels.len() as u64,
            n_clusters: c.centroids.nrows() as u64,
            dim: c.centroids.ncols() as u64,
            inertia: c.inertia,
            n_iter: c.n_iter as u64,
            relocated: c.relocated,
            distinct_rows: c.distinct_rows.unwrap_or(PAUCA_NONE),
            n_empty: c.n_empty() as u64,
            converged: c.converged.into(),
            has_distances: (!c.distances.is_empty()).into(),
            search_rows: c.search.rows,
            search_f32: c.search.f32,
            search_f64: c.search.f64,
            search_truth: c.search.truth,
            search_int8: c.search.int8,
            search_leading: c.search.leading,
            ..pauca_clusters_info::defaults()
        };
        door.give(info, value)
    })
}

/// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_copy(
    clusters: *const pauca_clusters,
    arrays: *const pauca_clusters_arrays,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let c = &*door.get("clusters", clusters)?.clusters;
        let to = door.options(arrays)?;
        no_flags("clusters arrays", to.flags)?;
        let labels = door.out_of("labels", to.labels, to.labels_len, c.labels.len())?;
        let centroids = door.out_of("centroids", to.centroids, to.centroids_len, c.centroids.len())?;
        let distances = door.out_of("distances", to.distances, to.distances_len, c.distances.len())?;
        let counts = door.out_of("counts", to.counts, to.counts_len, c.counts.len())?;
        labels.write_each(c.labels.iter().copied());
        centroids.write_each(c.centroids.iter().copied());
        distances.write_each(c.distances.iter().copied());
        counts.write_each(c.counts.iter().copied());
        Ok(())
    })
}

/// The nearest centroid of each row of x [n, d]. labels: n values, n = x->rows. On the rows of the fit these are the
/// labels of the fit. Rows that are equally near to several centroids get the lowest.
/// Errors: PAUCA_NON_FINITE, PAUCA_SHAPE_MISMATCH for another dimension or length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_predict(
    clusters: *const pauca_clusters,
    x: *const pauca_view,
    labels: *mut u32,
    labels_len: u64,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let clusters = &door.get("clusters", clusters)?.clusters;
        let x = door.rows("x", x)?;
        let out = door.out_exactly("labels", labels, labels_len, x.n_rows())?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            // The caller's buffer stays as it is until nothing can fail.
            let found = clusters.predict_on(&call.machine, &x, &call.cx)?;
            out.write_each(found.iter().copied());
            Ok(())
        })
    })
}

/// Frees a clustering; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_free(clusters: *mut pauca_clusters) {
    // SAFETY: the contract of the header.
    unsafe { free(clusters) }
}

/// A clustering that another program made: centroids [k, d] of any dtype, labels [n] below k, distances [n] or NULL. All
/// are copied. n may be 0: centroids alone can be asked too. Errors: PAUCA_EMPTY without centroids,
/// PAUCA_LABEL_OUT_OF_RANGE, PAUCA_NON_FINITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_from_parts(
    metric: i32,
    centroids: *const pauca_view,
    labels: *const u32,
    distances: *const f64,
    n_rows: u64,
    out: *mut *mut pauca_clusters,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let metric = choice("metric", &METRICS, metric, "PAUCA_EUCLIDEAN or PAUCA_COSINE")?;
        let centroids = door.rows("centroids", centroids)?;
        let n = size("n_rows", n_rows)?;
        let labels = door.slice("labels", labels, n)?;
        let distances = door.slice_or_null("distances", distances, n)?;
        let out = door.handle("out", out)?;
        let distances = distances.map(copied).transpose()?.map(Array1::from_vec);
        let labels = Array1::from_vec(copied(labels)?);
        let clusters = Clusters::from_parts(metric, packed(&centroids)?, labels, distances)?;
        out.put(pauca_clusters { clusters: Arc::new(clusters) })
    })
}

/// The nearest centroid of each row of x [n, d], and the distance to it. labels, distances: n values each; either may be
/// NULL. Errors: as pauca_clusters_predict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_assign(
    clusters: *const pauca_clusters,
    x: *const pauca_view,
    labels: *mut u32,
    distances: *mut f64,
    len: u64,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let clusters = &*door.get("clusters", clusters)?.clusters;
        let x = door.rows("x", x)?;
        let labels = door.out_of("labels", labels, len, x.n_rows())?;
        let distances = door.out_of("distances", distances, len, x.n_rows())?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            let found = clusters.predict_on(&call.machine, &x, &call.cx)?;
            if distances.is_wanted() {
                let nearest = found.as_slice().unwrap_or_default();
                let centroids = Rows::F32(clusters.centroids.view());
                let partition = Partition::new(nearest, centroids, clusters.metric)?;
                let measured = partition.measure_on(&call.machine, &x, &call.cx)?;
                distances.write_each(measured.iter().copied());
            }
            labels.write_each(found.iter().copied());
            Ok(())
        })
    })
}

/// The distance of each row of x [n, d] to the centroid of its own cluster, by the definition, whatever distances the
/// clustering has. x: the rows that were clustered. distances: n values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_measure(
    clusters: *const pauca_clusters,
    x: *const pauca_view,
    distances: *mut f64,
    distances_len: u64,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let clusters = &*door.get("clusters", clusters)?.clusters;
        let x = door.rows("x", x)?;
        let out = door.out_exactly("distances", distances, distances_len, x.n_rows())?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            let measured = Partition::from(clusters).measure_on(&call.machine, &x, &call.cx)?;
            out.write_each(measured.iter().copied());
            Ok(())
        })
    })
}

/// The clustering as bytes, to be saved or sent. Free them with pauca_blob_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_to_bytes(
    clusters: *const pauca_clusters,
    out: *mut *mut pauca_blob,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let clusters = door.get("clusters", clusters)?;
        door.handle("out", out)?.put(pauca_blob { bytes: clusters.clusters.to_bytes()? })
    })
}

/// Reads what pauca_clusters_to_bytes wrote; the counts of the search are 0. Errors: PAUCA_CORRUPT with the byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_clusters_from_bytes(
    bytes: *const c_void,
    bytes_size: u64,
    out: *mut *mut pauca_clusters,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let bytes = door.bytes(bytes, bytes_size)?;
        let out = door.handle("out", out)?;
        out.put(pauca_clusters { clusters: Arc::new(Clusters::from_bytes(bytes)?) })
    })
}
