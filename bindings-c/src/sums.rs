//! Exact sums of the rows of clusters: they merge to the same bits in any order and any split.

use core::ffi::c_void;

use pauca::backend::Backend;
use pauca::exact::Sums;
use pauca::{Error, Metric, RowSource};

use crate::blob::pauca_blob;
use crate::clusters::METRICS;
use crate::context::{Call, pauca_context, within};
use crate::door::{Door, free, room, size};
use crate::options::{choice, switch};
use crate::status::{Done, Failure, pauca_error, pauca_status};
use crate::view::{Input, blocks, pauca_view};

/// The layout of pauca_sums_planes_get: k counts; then for each of 9 planes (weighted: 18), lowest first, k times d digits
/// (weighted: d + 1, the last being the weight of the cluster).
pub const PAUCA_PLANES_V1: u32 = 1;

/// Exact sums of rows, for each of k clusters: integers, so that any order and any split give the same. Used by one call
/// at a time, on any thread.
pub struct pauca_sums {
    sums: Sums,
}

/// Empty sums of k clusters of d columns; weighted: 1 if rows have weights, else 0. Free them with pauca_sums_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_new(
    n_clusters: u64,
    dim: u64,
    weighted: i32,
    out: *mut *mut pauca_sums,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let (k, d) = (size("n_clusters", n_clusters)?, size("dim", dim)?);
        let weighted = switch("weighted", weighted)?;
        door.handle("out", out)?.put(pauca_sums { sums: empty(k, d, weighted)? })
    })
}

fn empty(k: usize, d: usize, weighted: bool) -> Done<Sums> {
    Ok(if weighted { Sums::weighted(k, d)? } else { Sums::new(k, d)? })
}

/// Clusters, columns, and whether rows have weights. Each of the three may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_shape(
    sums: *const pauca_sums,
    n_clusters: *mut u64,
    dim: *mut u64,
    weighted: *mut i32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        let k = door.out_or_null("n_clusters", n_clusters, 1)?;
        let d = door.out_or_null("dim", dim, 1)?;
        let w = door.out_or_null("weighted", weighted, 1)?;
        k.write(&[sums.n_clusters() as u64]);
        d.write(&[sums.dim() as u64]);
        w.write(&[sums.is_weighted().into()]);
        Ok(())
    })
}

/// Adds the rows of x [n, d] to the sums of their clusters: labels [n] below k; weights NULL, or n values for weighted
/// sums, finite and at least 0 (rows of weight 0 are left out). metric PAUCA_COSINE adds unit rows, as spherical k-means
/// does. The sums are as before after an error.
/// Errors: PAUCA_LABEL_OUT_OF_RANGE, PAUCA_NON_FINITE, PAUCA_SHAPE_MISMATCH, PAUCA_MISMATCH for weights that the sums do
/// not have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_add_rows(
    sums: *mut pauca_sums,
    x: *const pauca_view,
    labels: *const u32,
    weights: *const f32,
    metric: i32,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = door.get_mut("sums", sums)?;
        let added = collected(door, &sums.sums, (x, labels, weights), metric, context)?;
        Ok(sums.sums.merge(&added)?)
    })
}

/// Takes the rows of x [n, d] away again, which must be among those that were added. The sums are as before after an
/// error. Errors: as pauca_sums_add_rows, and PAUCA_MISMATCH when a cluster has fewer rows than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_remove_rows(
    sums: *mut pauca_sums,
    x: *const pauca_view,
    labels: *const u32,
    weights: *const f32,
    metric: i32,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = door.get_mut("sums", sums)?;
        let taken = collected(door, &sums.sums, (x, labels, weights), metric, context)?;
        Ok(sums.sums.remove(&taken)?)
    })
}

/// Sums of the rows alone.
fn collected(
    door: &Door,
    like: &Sums,
    (x, labels, weights): (*const pauca_view, *const u32, *const f32),
    metric: i32,
    context: *const pauca_context,
) -> Done<Sums> {
    let x = door.rows("x", x)?;
    let labels = door.slice("labels", labels, x.n_rows())?;
    let weights = door.slice_or_null("weights", weights, x.n_rows())?;
    let metric = choice("metric", &METRICS, metric, "PAUCA_EUCLIDEAN or PAUCA_COSINE")?;
    if weights.is_some() != like.is_weighted() {
        return Err(Error::Mismatch { what: "presence of weights in the sums" }.into());
    }
    if x.dim() != like.dim() {
        return Err(
            Error::ShapeMismatch { what: "columns of x", expected: like.dim(), found: x.dim() }.into()
        );
    }
    let k = like.n_clusters();
    if let Some((row, &label)) = labels.iter().enumerate().find(|(_, label)| **label as usize >= k) {
        return Err(Error::LabelOutOfRange { row, label, k }.into());
    }
    let bad = |w: &f32| !(w.is_finite() && *w >= 0.0);
    if let Some(row) = weights.and_then(|weights| weights.iter().position(bad)) {
        let value = weights.map_or(0.0, |weights| weights[row].into());
        let expected = "finite and at least 0";
        return Err(match f64::is_finite(value) {
            true => Error::InvalidParameter { name: "weights", value, expected },
            false => Error::NonFinite { what: "weights", row: row as u64, col: 0 },
        }
        .into());
    }
    within(door.get_or_null("context", context)?, |call| {
        x.announce(call);
        sum_of(like, &x, labels, weights, metric, call)
    })
}

fn sum_of(
    like: &Sums,
    x: &Input,
    labels: &[u32],
    weights: Option<&[f32]>,
    metric: Metric,
    call: &Call<'_>,
) -> Done<Sums> {
    let (k, d, machine, cx) = (like.n_clusters(), like.dim(), &call.machine, &call.cx);
    let mut parts = machine.sums(k, d, weights.is_some(), cx)?;
    blocks(x, |range, rows| {
        let first = range.start;
        let block = machine.load(rows, metric, cx).map_err(|error| match error {
            Error::NonFinite { row, col, .. } => {
                Error::NonFinite { what: "x", row: x.row_id(first + row as usize), col }
            }
            other => other,
        })?;
        let weights = weights.map(|weights| &weights[range.clone()]);
        Ok(machine.accumulate(&block, None, &labels[range], weights, &mut parts, cx)?)
    })?;
    let mut sums = empty(k, d, weights.is_some())?;
    machine.add_to(&parts, &mut sums, cx)?;
    Ok(sums)
}

/// Adds the sums of other, which are of the same shape. Errors: PAUCA_SHAPE_MISMATCH, PAUCA_MISMATCH; after
/// PAUCA_OUT_OF_MEMORY the sums can only be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_merge(
    sums: *mut pauca_sums,
    other: *const pauca_sums,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        if core::ptr::eq(sums, other) && !sums.is_null() {
            return Err(Failure::Overlap { output: "sums", other: "other" });
        }
        let other = door.get("other", other)?;
        Ok(door.get_mut("sums", sums)?.sums.merge(&other.sums)?)
    })
}

/// Takes the sums of other away. Errors: as pauca_sums_merge, and PAUCA_MISMATCH when a cluster has fewer rows than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_remove(
    sums: *mut pauca_sums,
    other: *const pauca_sums,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        if core::ptr::eq(sums, other) && !sums.is_null() {
            return Err(Failure::Overlap { output: "sums", other: "other" });
        }
        let other = door.get("other", other)?;
        Ok(door.get_mut("sums", sums)?.sums.remove(&other.sums)?)
    })
}

/// Rows and weight of each cluster: counts and weights have k values each; either may be NULL. Without weights the weight
/// is the number of rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_counts(
    sums: *const pauca_sums,
    counts: *mut u64,
    weights: *mut f64,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        let k = sums.n_clusters();
        let counts = door.out_of("counts", counts, len, k)?;
        let weights = door.out_of("weights", weights, len, k)?;
        counts.write_each((0..k).map(|j| sums.rows(j)));
        weights.write_each((0..k).map(|j| sums.weight(j)));
        Ok(())
    })
}

/// The sum of each cluster and column, rounded once: out has k d values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_column_sums(
    sums: *const pauca_sums,
    out: *mut f64,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        let (k, d) = (sums.n_clusters(), sums.dim());
        let out = door.out_exactly("out", out, len, k * d)?;
        out.write_each((0..k * d).map(|at| sums.column_sum(at / d, at % d)));
        Ok(())
    })
}

/// The centroid of each cluster: its mean (PAUCA_EUCLIDEAN) or the direction of its sum (PAUCA_COSINE). centroids has
/// k d values. Clusters without one (no weight, or a sum of 0) keep what the caller has put there. made: NULL, or k
/// values, 1 where a centroid was written and 0 where not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_centroids(
    sums: *const pauca_sums,
    metric: i32,
    centroids: *mut f32,
    len: u64,
    made: *mut u8,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        let metric = choice("metric", &METRICS, metric, "PAUCA_EUCLIDEAN or PAUCA_COSINE")?;
        let (k, d) = (sums.n_clusters(), sums.dim());
        let out = door.out_exactly("centroids", centroids, len, k * d)?;
        let made = door.out_or_null("made", made, k)?;
        let (mut values, mut written) = (room(k * d)?, room(k)?);
        values.resize(k * d, 0.0f32);
        for (j, row) in values.chunks_exact_mut(d).enumerate() {
            written.push(match metric {
                Metric::SqEuclidean => sums.mean_into(j, row),
                Metric::Cosine => sums.direction_into(j, row)?,
            });
        }
        out.write_where(&values, |at| written[at / d]);
        made.write_each(written.iter().map(|written| u8::from(*written)));
        Ok(())
    })
}

/// How many i64 pauca_sums_planes_get writes: layout is PAUCA_PLANES_V1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_planes_len(
    sums: *const pauca_sums,
    layout: u32,
    len: *mut u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        known(layout)?;
        let out = door.out("len", len, 1)?;
        out.write(&[planes_len(sums) as u64]);
        Ok(())
    })
}

fn known(layout: u32) -> Done {
    if layout == PAUCA_PLANES_V1 {
        return Ok(());
    }
    Err(Failure::Type { what: "layout", found: layout.into(), expected: "PAUCA_PLANES_V1" })
}

fn planes_len(sums: &Sums) -> usize {
    let (planes, extra) = if sums.is_weighted() { (18, 1) } else { (9, 0) };
    sums.n_clusters() * (1 + (sums.dim() + extra) * planes)
}

/// Writes the sums as flat integers, of which an all-reduce by addition (MPI_SUM or ncclSum of int64) over up to 2^30
/// ranks is the sums of all ranks, exactly. planes: len values, as pauca_sums_planes_len says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_planes_get(
    sums: *const pauca_sums,
    layout: u32,
    planes: *mut i64,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &door.get("sums", sums)?.sums;
        known(layout)?;
        let out = door.out_exactly("planes", planes, len, planes_len(sums))?;
        out.write(&sums.planes()?);
        Ok(())
    })
}

/// Replaces the sums by those of such integers, added up or not. The sums are as before after an error.
/// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_CORRUPT for numbers that no sums have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_planes_set(
    sums: *mut pauca_sums,
    layout: u32,
    planes: *const i64,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = &mut door.get_mut("sums", sums)?.sums;
        known(layout)?;
        let planes = door.slice("planes", planes, size("len", len)?)?;
        *sums = Sums::from_planes(sums.n_clusters(), sums.dim(), sums.is_weighted(), planes)?;
        Ok(())
    })
}

/// The sums as bytes: equal sums have equal bytes. Free them with pauca_blob_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_to_bytes(
    sums: *const pauca_sums,
    out: *mut *mut pauca_blob,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sums = door.get("sums", sums)?;
        door.handle("out", out)?.put(pauca_blob { bytes: sums.sums.to_bytes()? })
    })
}

/// Reads what pauca_sums_to_bytes wrote. Errors: PAUCA_CORRUPT with the byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_from_bytes(
    bytes: *const c_void,
    bytes_size: u64,
    out: *mut *mut pauca_sums,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let bytes = door.bytes(bytes, bytes_size)?;
        let out = door.handle("out", out)?;
        out.put(pauca_sums { sums: Sums::from_bytes(bytes)? })
    })
}

/// Frees sums; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_sums_free(sums: *mut pauca_sums) {
    // SAFETY: the contract of the header.
    unsafe { free(sums) }
}
