//! Semantic deduplication.

use alloc::sync::Arc;
use core::ffi::c_void;

use pauca::{Boundary, Dedup, Order, RowSource, Rule, SemDedup};

use crate::blob::pauca_blob;
use crate::clusters::pauca_clusters;
use crate::context::{pauca_context, within};
use crate::door::{Door, copied, free, size};
use crate::options::{Sized32, choice, no_flags, switch};
use crate::status::{Done, Failure, pauca_error, pauca_status};
use crate::view::pauca_view;

/// A row goes when any earlier row of its cluster is similar, be that one kept or not: the pseudo-code of the paper.
/// Earlier means earlier in the order of preference, not a lower number.
pub const PAUCA_EARLIER_MAX: i32 = 0;
/// A row goes when a kept earlier row of its cluster is similar: every removed row has a kept witness.
pub const PAUCA_GREEDY_COVER: i32 = 1;

/// Duplicates have a similarity above 1 - epsilon.
pub const PAUCA_GREATER: i32 = 0;
/// Duplicates have a similarity of at least 1 - epsilon.
pub const PAUCA_GREATER_OR_EQUAL: i32 = 1;

/// Rows far from their centroid come first, and so are preferred.
pub const PAUCA_ORDER_HARD: i32 = 0;
/// Rows near to their centroid come first.
pub const PAUCA_ORDER_EASY: i32 = 1;
/// Rows come in random order, by order_seed.
pub const PAUCA_ORDER_RANDOM: i32 = 2;
/// Rows come in ascending order of order_keys.
pub const PAUCA_ORDER_CUSTOM: i32 = 3;

pub(crate) const BOUNDARIES: [Boundary; 2] = [Boundary::Gt, Boundary::Ge];

/// What is asked of deduplication. Begin with pauca_semdedup_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_semdedup_options {
    /// sizeof(pauca_semdedup_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// PAUCA_EARLIER_MAX (default) or PAUCA_GREEDY_COVER.
    pub rule: i32,
    /// PAUCA_GREATER (default) or PAUCA_GREATER_OR_EQUAL.
    pub boundary: i32,
    /// Rows whose cosine passes 1 - epsilon are duplicates; within [0, 2]. Default 0.05.
    pub epsilon: f64,
    /// NaN (default), or the share of the rows to keep, in place of epsilon; PAUCA_EARLIER_MAX only.
    pub keep_fraction: f64,
    /// One of PAUCA_ORDER_... Default PAUCA_ORDER_HARD.
    pub order: i32,
    /// 1 for the published pseudo-code to the letter, else 0 (default).
    pub published: i32,
    /// The seed of PAUCA_ORDER_RANDOM. Default 0.
    pub order_seed: u64,
    /// The keys of PAUCA_ORDER_CUSTOM, [n], copied; else NULL.
    pub order_keys: *const f64,
    /// n, or 0.
    pub order_keys_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_semdedup_options {
    const NAME: &'static str = "semdedup options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            rule: 0,
            boundary: 0,
            epsilon: 0.05,
            keep_fraction: f64::NAN,
            order: 0,
            published: 0,
            order_seed: 0,
            order_keys: core::ptr::null(),
            order_keys_len: 0,
        }
    }
}

/// The order that C names by number.
pub(crate) fn order(door: &Door, order: i32, seed: u64, keys: *const f64, len: u64) -> Done<Order> {
    let all = [PAUCA_ORDER_HARD, PAUCA_ORDER_EASY, PAUCA_ORDER_RANDOM, PAUCA_ORDER_CUSTOM];
    Ok(match choice("order", &all, order, "one of PAUCA_ORDER_...")? {
        PAUCA_ORDER_EASY => Order::Easy,
        PAUCA_ORDER_RANDOM => Order::Random { seed },
        PAUCA_ORDER_CUSTOM if keys.is_null() => return Err(Failure::Null("order_keys")),
        PAUCA_ORDER_CUSTOM => {
            Order::Custom(copied(door.slice("order_keys", keys, size("order_keys_len", len)?)?)?)
        }
        _ => Order::Hard,
    })
}

fn params(door: &Door, options: *const pauca_semdedup_options) -> Done<SemDedup> {
    let o = door.options_or_default(options)?;
    no_flags("semdedup options", o.flags)?;
    let rules = [Rule::EarlierMax, Rule::GreedyCover];
    let rule = choice("rule", &rules, o.rule, "PAUCA_EARLIER_MAX or PAUCA_GREEDY_COVER")?;
    let boundary = choice("boundary", &BOUNDARIES, o.boundary, "one of PAUCA_GREATER...")?;
    let params = SemDedup::new(rule)
        .epsilon(o.epsilon)
        .boundary(boundary)
        .order(order(door, o.order, o.order_seed, o.order_keys, o.order_keys_len)?)
        .published(switch("published", o.published)?);
    Ok(if o.keep_fraction.is_nan() { params } else { params.keep_fraction(o.keep_fraction) })
}

/// What deduplication found. Shareable, read-only.
pub struct pauca_dedup {
    pub(crate) dedup: Arc<Dedup>,
}

/// What deduplication found, in numbers. Set struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_dedup_info {
    /// sizeof(pauca_dedup_info).
    pub struct_size: u32,
    /// The rule that was applied.
    pub rule: i32,
    /// n, the number of rows.
    pub n_rows: u64,
    /// Rows that are kept.
    pub n_kept: u64,
    /// k, the number of clusters.
    pub n_clusters: u64,
    /// The epsilon asked for, or for a share of the rows 1 - the largest similarity kept.
    pub epsilon: f64,
    /// Rows that are exact copies of an earlier row of their cluster.
    pub exact_copies: u64,
    /// 0 when more rows than the share asked for have no earlier row in their cluster, else 1.
    pub reached: i32,
    /// 1 if pauca_dedup_kept_at and pauca_dedup_curve can be asked (PAUCA_EARLIER_MAX), else 0.
    pub has_curve: i32,
    /// Rows compared. This and the other counts of the search depend on the SIMD level.
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
unsafe impl Sized32 for pauca_dedup_info {
    const NAME: &'static str = "dedup info";
    const FIRST: usize = core::mem::offset_of!(Self, search_int8);
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            rule: 0,
            n_rows: 0,
            n_kept: 0,
            n_clusters: 0,
            epsilon: 0.0,
            exact_copies: 0,
            reached: 0,
            has_curve: 0,
            search_rows: 0,
            search_f32: 0,
            search_f64: 0,
            search_truth: 0,
            search_int8: 0,
            search_leading: 0,
        }
    }
}

/// Where pauca_dedup_copy puts its arrays: NULL for what is not wanted; lengths count values and must be exact. Set
/// struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_dedup_arrays {
    /// sizeof(pauca_dedup_arrays).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// [n]: 1 for a row that is kept, else 0.
    pub keep: *mut u8,
    /// n.
    pub keep_len: u64,
    /// [n_kept]: the rows that are kept, ascending.
    pub kept: *mut u64,
    /// n_kept.
    pub kept_len: u64,
    /// [n]: the most similar earlier row of the cluster, or PAUCA_NONE without one; keep says whether the row goes. With
    /// PAUCA_EARLIER_MAX kept rows have a witness too, and a witness may be removed itself; with PAUCA_GREEDY_COVER only
    /// removed rows have one, the first kept row that removes them.
    pub witness: *mut u64,
    /// n.
    pub witness_len: u64,
    /// [n]: the similarity to the witness; NaN without one.
    pub similarity: *mut f64,
    /// n.
    pub similarity_len: u64,
    /// [n]: the rows in the order of preference, cluster after cluster.
    pub order: *mut u64,
    /// n.
    pub order_len: u64,
    /// [k + 1]: where each cluster begins in order.
    pub offsets: *mut u64,
    /// k + 1.
    pub offsets_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_dedup_arrays {
    const NAME: &'static str = "dedup arrays";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            keep: core::ptr::null_mut(),
            keep_len: 0,
            kept: core::ptr::null_mut(),
            kept_len: 0,
            witness: core::ptr::null_mut(),
            witness_len: 0,
            similarity: core::ptr::null_mut(),
            similarity_len: 0,
            order: core::ptr::null_mut(),
            order_len: 0,
            offsets: core::ptr::null_mut(),
            offsets_len: 0,
        }
    }
}

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_semdedup_options_init(
    options: *mut pauca_semdedup_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Finds the rows of x [n, d] that are duplicates of another row of their cluster. clusters: of the same n rows. options:
/// NULL for the defaults. Of duplicates the row farthest from its centroid stays; for the first row of the file to stay,
/// give PAUCA_ORDER_CUSTOM the row numbers as keys. A row of zeros has no direction: it is kept, without a witness.
/// Free the result with pauca_dedup_free.
/// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_INVALID_PARAMETER, PAUCA_CONFLICT for a share with PAUCA_GREEDY_COVER,
/// PAUCA_NON_FINITE, PAUCA_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_semdedup(
    x: *const pauca_view,
    clusters: *const pauca_clusters,
    options: *const pauca_semdedup_options,
    out: *mut *mut pauca_dedup,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let x = door.rows("x", x)?;
        let clusters = &*door.get("clusters", clusters)?.clusters;
        let params = params(door, options)?;
        let out = door.handle("out", out)?;
        let (expected, found) = (clusters.labels.len(), x.n_rows());
        if expected > 0 && found != expected {
            let what = "x beside its clusters";
            return Err(Failure::Core(pauca::Error::ShapeMismatch { what, expected, found }));
        }
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            let dedup = params.fit_on(&call.machine, &x, clusters, &call.cx)?;
            out.put(pauca_dedup { dedup: Arc::new(dedup) })
        })
    })
}

/// Writes the numbers of a deduplication into info.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_get_info(
    dedup: *const pauca_dedup,
    info: *mut pauca_dedup_info,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let d = &*door.get("dedup", dedup)?.dedup;
        let info = door.results(info)?;
        let value = pauca_dedup_info {
            rule: if d.rule == Rule::GreedyCover { PAUCA_GREEDY_COVER } else { PAUCA_EARLIER_MAX },
            n_rows: d.keep.len() as u64,
            n_kept: d.kept() as u64,
            n_clusters: d.offsets.len().saturating_sub(1) as u64,
            epsilon: d.epsilon,
            exact_copies: d.exact_copies,
            reached: d.reached.into(),
            has_curve: d.curve.is_some().into(),
            search_rows: d.search.rows,
            search_f32: d.search.f32,
            search_f64: d.search.f64,
            search_truth: d.search.truth,
            search_int8: d.search.int8,
            search_leading: d.search.leading,
            ..pauca_dedup_info::defaults()
        };
        door.give(info, value)
    })
}

/// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_copy(
    dedup: *const pauca_dedup,
    arrays: *const pauca_dedup_arrays,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let d = &*door.get("dedup", dedup)?.dedup;
        let to = door.options(arrays)?;
        no_flags("dedup arrays", to.flags)?;
        let n = d.keep.len();
        let keep = door.out_of("keep", to.keep, to.keep_len, n)?;
        let kept = door.out_of("kept", to.kept, to.kept_len, d.kept())?;
        let witness = door.out_of("witness", to.witness, to.witness_len, n)?;
        let similarity = door.out_of("similarity", to.similarity, to.similarity_len, n)?;
        let order = door.out_of("order", to.order, to.order_len, n)?;
        let offsets = door.out_of("offsets", to.offsets, to.offsets_len, d.offsets.len())?;
        keep.write_each(d.keep.iter().map(|keep| u8::from(*keep)));
        kept.write_each(d.keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(i, _)| i as u64));
        witness.write_each(d.witness.iter().copied());
        similarity.write_each(d.similarity.iter().copied());
        order.write_each(d.order.iter().copied());
        offsets.write_each(d.offsets.iter().map(|offset| *offset as u64));
        Ok(())
    })
}

fn curve(door: &Door, dedup: *const pauca_dedup) -> Done<&pauca::KeepCurve> {
    let why = "its kept sets are not nested in epsilon";
    let refused = pauca::Error::Conflict { first: "a curve", second: "PAUCA_GREEDY_COVER", why };
    door.get("dedup", dedup)?.dedup.curve.as_ref().ok_or(Failure::Core(refused))
}

/// How many rows another epsilon would keep, without comparing anything anew. Errors: PAUCA_CONFLICT for
/// PAUCA_GREEDY_COVER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_kept_at(
    dedup: *const pauca_dedup,
    epsilon: f64,
    boundary: i32,
    kept: *mut u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let curve = curve(door, dedup)?;
        let boundary = choice("boundary", &BOUNDARIES, boundary, "one of PAUCA_GREATER...")?;
        let out = door.out("kept", kept, 1)?;
        out.write(&[curve.kept(epsilon, boundary) as u64]);
        Ok(())
    })
}

/// The largest similarity of each row to an earlier one, ascending, -infinity where there is none: n values. A row is kept
/// at epsilon unless its value passes 1 - epsilon. Errors: PAUCA_CONFLICT for PAUCA_GREEDY_COVER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_curve(
    dedup: *const pauca_dedup,
    similarities: *mut f64,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let values = curve(door, dedup)?.similarities();
        door.out_exactly("similarities", similarities, len, values.len())?.write(values);
        Ok(())
    })
}

/// Saves a deduplication: versioned, checksummed bytes, the same on every machine. Free them with pauca_blob_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_to_bytes(
    dedup: *const pauca_dedup,
    out: *mut *mut pauca_blob,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let d = door.get("dedup", dedup)?;
        door.handle("out", out)?.put(pauca_blob { bytes: d.dedup.to_bytes()? })
    })
}

/// Reads what pauca_dedup_to_bytes wrote; the counts of the search are 0. Errors: PAUCA_CORRUPT with the byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_from_bytes(
    bytes: *const c_void,
    bytes_size: u64,
    out: *mut *mut pauca_dedup,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let bytes = door.bytes(bytes, bytes_size)?;
        let out = door.handle("out", out)?;
        out.put(pauca_dedup { dedup: Arc::new(Dedup::from_bytes(bytes)?) })
    })
}

/// Frees a deduplication; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_dedup_free(dedup: *mut pauca_dedup) {
    // SAFETY: the contract of the header.
    unsafe { free(dedup) }
}
