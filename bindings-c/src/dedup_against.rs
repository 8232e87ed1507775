//! Semantic deduplication against rows that stay.

use pauca::{RowSource, SemDedupAgainst};

use crate::clusters::pauca_clusters;
use crate::context::{pauca_context, within};
use crate::dedup::BOUNDARIES;
use crate::door::Door;
use crate::options::{Sized32, choice, no_flags};
use crate::status::{Failure, pauca_error, pauca_status};
use crate::view::pauca_view;

/// What is asked of deduplication against rows that stay. Begin with pauca_semdedup_against_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_semdedup_against_options {
    /// sizeof(pauca_semdedup_against_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Rows whose cosine passes 1 - epsilon are duplicates; within [0, 2]. Default 0.05.
    pub epsilon: f64,
    /// PAUCA_GREATER (default) or PAUCA_GREATER_OR_EQUAL.
    pub boundary: i32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_semdedup_against_options {
    const NAME: &'static str = "semdedup_against options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self { struct_size: size_of::<Self>() as u32, flags: 0, epsilon: 0.05, boundary: 0, reserved: 0 }
    }
}

/// Where pauca_semdedup_against puts its results: NULL for what is not wanted; lengths count values and must be exact. Set
/// struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_dedup_against_arrays {
    /// sizeof(pauca_dedup_against_arrays).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// [n]: 1 for a new row that is kept, else 0.
    pub keep: *mut u8,
    /// n.
    pub keep_len: u64,
    /// [n]: the most similar row of the reference in the cluster, of kept rows too, or PAUCA_NONE.
    pub witness: *mut u64,
    /// n.
    pub witness_len: u64,
    /// [n]: the similarity to the witness; NaN without one.
    pub similarity: *mut f64,
    /// n.
    pub similarity_len: u64,
    /// [n]: the cluster of each new row.
    pub labels: *mut u32,
    /// n.
    pub labels_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_dedup_against_arrays {
    const NAME: &'static str = "dedup_against arrays";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            keep: core::ptr::null_mut(),
            keep_len: 0,
            witness: core::ptr::null_mut(),
            witness_len: 0,
            similarity: core::ptr::null_mut(),
            similarity_len: 0,
            labels: core::ptr::null_mut(),
            labels_len: 0,
        }
    }
}

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_semdedup_against_options_init(
    options: *mut pauca_semdedup_against_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Finds the new rows x [n, d] that are duplicates of a row of the reference [m, d], all of which stay. clusters: of the
/// m rows of the reference; a new row belongs to the nearest centroid (the lowest of equally near ones) and meets the rows
/// of its cluster: with one cluster all of them. The most similar one is the witness, the lowest of equally similar ones.
/// New rows do not remove each other: pauca_semdedup on those that are kept does that. n and m may be 0. options: NULL
/// for the defaults.
/// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_INVALID_PARAMETER, PAUCA_NON_FINITE, PAUCA_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_semdedup_against(
    x: *const pauca_view,
    reference: *const pauca_view,
    clusters: *const pauca_clusters,
    options: *const pauca_semdedup_against_options,
    arrays: *const pauca_dedup_against_arrays,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let x = door.rows("x", x)?;
        let reference = door.rows("reference", reference)?;
        let clusters = &*door.get("clusters", clusters)?.clusters;
        let o = door.options_or_default(options)?;
        no_flags("semdedup_against options", o.flags)?;
        if o.reserved != 0 {
            let offset = core::mem::offset_of!(pauca_semdedup_against_options, reserved);
            return Err(Failure::Option { what: "semdedup_against options", offset });
        }
        let boundary = choice("boundary", &BOUNDARIES, o.boundary, "one of PAUCA_GREATER...")?;
        let params = SemDedupAgainst::new().epsilon(o.epsilon).boundary(boundary);
        let to = door.options(arrays)?;
        no_flags("dedup_against arrays", to.flags)?;
        let n = x.n_rows();
        let keep = door.out_of("keep", to.keep, to.keep_len, n)?;
        let witness = door.out_of("witness", to.witness, to.witness_len, n)?;
        let similarity = door.out_of("similarity", to.similarity, to.similarity_len, n)?;
        let labels = door.out_of("labels", to.labels, to.labels_len, n)?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            reference.announce(call);
            let found = params.fit_on(&call.machine, &x, &reference, clusters, &call.cx)?;
            keep.write_each(found.keep.iter().map(|keep| u8::from(*keep)));
            witness.write_each(found.witness.iter().copied());
            similarity.write_each(found.similarity.iter().copied());
            labels.write_each(found.labels.iter().copied());
            Ok(())
        })
    })
}
