//! D4: deduplicate, cluster anew, drop the prototypical.

use alloc::sync::Arc;
use core::ffi::c_void;

use ndarray::Array1;
use pauca::{Clusters, Curated, D4, D4Checkpoint, D4Run, D4Stage, Dedup};

use crate::blob::pauca_blob;
use crate::clusters::{METRICS, PAUCA_COSINE, pauca_clusters};
use crate::context::{pauca_context, within};
use crate::dedup::{order, pauca_dedup};
use crate::device::{Machine, ready};
use crate::door::{Door, free, size};
use crate::kmeans::init;
use crate::options::{Sized32, choice, no_flags};
use crate::prototypes::SCOPES;
use crate::running::Running;
use crate::status::{Done, pauca_error, pauca_status};
use crate::view::{Input, pauca_view};

/// What is asked of D4. Begin with pauca_d4_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_d4_options {
    /// sizeof(pauca_d4_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Clusters of the first clustering; 0 (default) for round(sqrt(n)).
    pub clusters: u64,
    /// Clusters of the second clustering, never more than survivors; 0 (default) for as many as the first.
    pub recluster: u64,
    /// The share of the rows that deduplication keeps. Default 0.75.
    pub dedup_keep_fraction: f64,
    /// The share of the rows that is kept in the end, at most dedup_keep_fraction. Default 0.5.
    pub keep_fraction: f64,
    /// Seed of both clusterings. Default 0.
    pub seed: u64,
    /// Iterations of each clustering, at most. Default 20.
    pub max_iter: u64,
    /// PAUCA_COSINE (default) or PAUCA_EUCLIDEAN, for the clusterings; duplicates are by cosine.
    pub metric: i32,
    /// One of PAUCA_INIT_..., for the first clustering.
    pub init: i32,
    /// One of PAUCA_ORDER_...: which rows deduplication prefers.
    pub order: i32,
    /// One of PAUCA_SCOPE_...: how the last stage ranks.
    pub scope: i32,
    /// The seed of PAUCA_ORDER_RANDOM. Default 0.
    pub order_seed: u64,
    /// The keys of PAUCA_ORDER_CUSTOM, [n], copied; else NULL.
    pub order_keys: *const f64,
    /// n, or 0.
    pub order_keys_len: u64,
    /// [clusters, d], copied: the first centroids for PAUCA_INIT_GIVEN; else NULL.
    pub init_centroids: *const pauca_view,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_d4_options {
    const NAME: &'static str = "D4 options";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            clusters: 0,
            recluster: 0,
            dedup_keep_fraction: 0.75,
            keep_fraction: 0.5,
            seed: 0,
            max_iter: 20,
            metric: PAUCA_COSINE,
            init: 0,
            order: 0,
            scope: 0,
            order_seed: 0,
            order_keys: core::ptr::null(),
            order_keys_len: 0,
            init_centroids: core::ptr::null(),
        }
    }
}

fn params(door: &Door, options: *const pauca_d4_options) -> Done<D4> {
    let o = door.options_or_default(options)?;
    no_flags("D4 options", o.flags)?;
    let metric = choice("metric", &METRICS, o.metric, "PAUCA_EUCLIDEAN or PAUCA_COSINE")?;
    let params = D4::new()
        .dedup_keep_fraction(o.dedup_keep_fraction)
        .keep_fraction(o.keep_fraction)
        .seed(o.seed)
        .max_iter(usize::try_from(o.max_iter).unwrap_or(usize::MAX))
        .spherical(metric == pauca::Metric::Cosine)
        .init(init(door, o.init, o.init_centroids)?)
        .order(order(door, o.order, o.order_seed, o.order_keys, o.order_keys_len)?)
        .scope(choice("scope", &SCOPES, o.scope, "one of PAUCA_SCOPE_...")?);
    let params = if o.clusters == 0 { params } else { params.clusters(size("clusters", o.clusters)?) };
    Ok(if o.recluster == 0 { params } else { params.recluster(size("recluster", o.recluster)?) })
}

/// What D4 chose. Shareable, read-only.
pub struct pauca_curated {
    keep: Array1<bool>,
    survivors: Array1<u64>,
    clusters: Arc<Clusters>,
    dedup: Arc<Dedup>,
    reclustered: Arc<Clusters>,
}

impl From<Curated> for pauca_curated {
    fn from(c: Curated) -> Self {
        Self {
            keep: c.keep,
            survivors: c.survivors,
            clusters: Arc::new(c.clusters),
            dedup: Arc::new(c.dedup),
            reclustered: Arc::new(c.reclustered),
        }
    }
}

impl pauca_curated {
    fn kept(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }
}

/// The first clustering, of all rows.
pub const PAUCA_FIRST: i32 = 0;
/// The second clustering, of the survivors.
pub const PAUCA_SECOND: i32 = 1;

/// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_options_init(
    options: *mut pauca_d4_options,
    struct_size: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.init(options, struct_size))
}

/// Chooses rows of x [n, d]: clusters them, removes duplicates, clusters the rest, drops the prototypical. options: NULL
/// for the defaults. Free the result with pauca_curated_free.
/// Errors: as pauca_kmeans and pauca_semdedup; PAUCA_INVALID_PARAMETER for shares out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4(
    x: *const pauca_view,
    options: *const pauca_d4_options,
    out: *mut *mut pauca_curated,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let x = door.rows("x", x)?;
        let params = params(door, options)?;
        let out = door.handle("out", out)?;
        within(door.get_or_null("context", context)?, |call| {
            x.announce(call);
            out.put(params.fit_on(&call.machine, &x, &call.cx)?.into())
        })
    })
}

/// A run of D4 between two steps. It reads its rows until it is freed. Used by one thread at a time, which need not be the
/// one that started it.
pub struct pauca_d4_run {
    running: Running<D4Run<'static, Machine, Input>>,
}

/// D4 iterates the first clustering.
pub const PAUCA_D4_CLUSTER: i32 = 0;
/// D4 deduplicates in its next step.
pub const PAUCA_D4_DEDUPLICATE: i32 = 1;
/// D4 iterates the second clustering.
pub const PAUCA_D4_RECLUSTER: i32 = 2;
/// An error ended the run; its checkpoint goes on.
pub const PAUCA_D4_ENDED: i32 = 3;

/// Where a run is. Set struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_d4_state {
    /// sizeof(pauca_d4_state).
    pub struct_size: u32,
    /// What the next step works on: one of PAUCA_D4_...
    pub stage: i32,
    /// Iterations made by the current clustering.
    pub n_iter: u64,
    /// Rows whose label the last iteration changed.
    pub moved: u64,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_d4_state {
    const NAME: &'static str = "D4 state";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self { struct_size: size_of::<Self>() as u32, stage: 0, n_iter: 0, moved: 0 }
    }
}

fn start(
    door: &Door,
    x: *const pauca_view,
    options: *const pauca_d4_options,
    checkpoint: Option<&D4Checkpoint>,
    out: *mut *mut pauca_d4_run,
    context: *const pauca_context,
) -> Done {
    let x = door.rows("x", x)?;
    let params = params(door, options)?;
    let out = door.handle("out", out)?;
    within(door.get_or_null("context", context)?, |call| {
        x.announce(call);
        let run = match checkpoint {
            None => params.start_on(ready(&call.machine)?, x, &call.cx)?,
            Some(checkpoint) => params.resume_on(ready(&call.machine)?, x, checkpoint, &call.cx)?,
        };
        out.put(pauca_d4_run { running: Running::new(run, call)? })
    })
}

/// Starts a run that the caller steps. x is read until the run is freed. Free it with pauca_d4_free. Errors: as pauca_d4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_start(
    x: *const pauca_view,
    options: *const pauca_d4_options,
    out: *mut *mut pauca_d4_run,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| start(door, x, options, None, out, context))
}

/// Makes one step: an iteration of a clustering, or the deduplication between them. more: NULL, or 1 if there is more to
/// do before pauca_d4_finish and 0 if not. After an error the checkpoint is that of the last finished step.
/// Errors: as pauca_d4, and PAUCA_CONFLICT for a run that has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_step(
    run: *mut pauca_d4_run,
    more: *mut i32,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get_mut("run", run)?;
        let more = door.out_or_null("more", more, 1)?;
        within(door.get_or_null("context", context)?, |call| {
            more.write(&[run.running.step(call)?.into()]);
            Ok(())
        })
    })
}

/// Writes where the run is into state. Errors: PAUCA_CONFLICT for a run that has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_get_state(
    run: *const pauca_d4_run,
    state: *mut pauca_d4_state,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get("run", run)?.running.get()?;
        let state = door.results(state)?;
        let stage = match run.stage() {
            D4Stage::Cluster => PAUCA_D4_CLUSTER,
            D4Stage::Deduplicate => PAUCA_D4_DEDUPLICATE,
            D4Stage::Recluster => PAUCA_D4_RECLUSTER,
            _ => PAUCA_D4_ENDED,
        };
        let (n_iter, moved) = (run.n_iter() as u64, run.moved());
        door.give(state, pauca_d4_state { stage, n_iter, moved, ..pauca_d4_state::defaults() })
    })
}

/// The state after the last finished step, as bytes. Also after an error. Free them with pauca_blob_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_checkpoint(
    run: *const pauca_d4_run,
    out: *mut *mut pauca_blob,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get("run", run)?;
        let out = door.handle("out", out)?;
        out.put(pauca_blob { bytes: run.running.saved()? })
    })
}

/// Goes on from the bytes of a checkpoint, to the same bits. Rows and options must be those of the saved run; their shape
/// and the options of the clusterings are checked. Errors: as pauca_d4; PAUCA_CORRUPT, PAUCA_MISMATCH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_resume(
    x: *const pauca_view,
    options: *const pauca_d4_options,
    bytes: *const c_void,
    bytes_size: u64,
    out: *mut *mut pauca_d4_run,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let checkpoint = D4Checkpoint::from_bytes(door.bytes(bytes, bytes_size)?)?;
        start(door, x, options, Some(&checkpoint), out, context)
    })
}

/// The result; makes the steps that are left. The run has ended then, and is still to be freed; after an error the
/// checkpoint is that of the run before this call. Errors: as pauca_d4_step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_finish(
    run: *mut pauca_d4_run,
    out: *mut *mut pauca_curated,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get_mut("run", run)?;
        let out = door.handle("out", out)?;
        within(door.get_or_null("context", context)?, |call| {
            while run.running.step(call)? {}
            let d4 = run.running.end()?;
            out.put(d4.finish(&call.cx)?.into())
        })
    })
}

/// Frees a run, at any time; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_d4_free(run: *mut pauca_d4_run) {
    // SAFETY: the contract of the header.
    unsafe { free(run) }
}

/// The numbers of what D4 chose: rows, survivors of deduplication, rows kept. Each of the three may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_curated_get_info(
    curated: *const pauca_curated,
    n_rows: *mut u64,
    n_survivors: *mut u64,
    n_kept: *mut u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let c = door.get("curated", curated)?;
        let rows = door.out_or_null("n_rows", n_rows, 1)?;
        let survivors = door.out_or_null("n_survivors", n_survivors, 1)?;
        let kept = door.out_or_null("n_kept", n_kept, 1)?;
        rows.write(&[c.keep.len() as u64]);
        survivors.write(&[c.survivors.len() as u64]);
        kept.write(&[c.kept() as u64]);
        Ok(())
    })
}

/// Where pauca_curated_copy puts its arrays: NULL for what is not wanted; lengths count values and must be exact. Set
/// struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_curated_arrays {
    /// sizeof(pauca_curated_arrays).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// [n]: 1 for a row that is kept in the end, else 0.
    pub keep: *mut u8,
    /// n.
    pub keep_len: u64,
    /// [n_kept]: the rows that are kept in the end, ascending.
    pub kept: *mut u64,
    /// n_kept.
    pub kept_len: u64,
    /// [n_survivors]: the rows that deduplication kept, ascending: the rows of the second clustering.
    pub survivors: *mut u64,
    /// n_survivors.
    pub survivors_len: u64,
}

// SAFETY: repr(C), no padding where pointers have 8 bytes; where they have 4 it is never read; any bytes are a value.
unsafe impl Sized32 for pauca_curated_arrays {
    const NAME: &'static str = "curated arrays";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            keep: core::ptr::null_mut(),
            keep_len: 0,
            kept: core::ptr::null_mut(),
            kept_len: 0,
            survivors: core::ptr::null_mut(),
            survivors_len: 0,
        }
    }
}

/// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_curated_copy(
    curated: *const pauca_curated,
    arrays: *const pauca_curated_arrays,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let c = door.get("curated", curated)?;
        let to = door.options(arrays)?;
        no_flags("curated arrays", to.flags)?;
        let keep = door.out_of("keep", to.keep, to.keep_len, c.keep.len())?;
        let kept = door.out_of("kept", to.kept, to.kept_len, c.kept())?;
        let survivors = door.out_of("survivors", to.survivors, to.survivors_len, c.survivors.len())?;
        keep.write_each(c.keep.iter().map(|keep| u8::from(*keep)));
        kept.write_each(c.keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(i, _)| i as u64));
        survivors.write_each(c.survivors.iter().copied());
        Ok(())
    })
}

/// One of the clusterings of D4: PAUCA_FIRST or PAUCA_SECOND. It is shared, not copied, and may outlive the result. Free
/// it with pauca_clusters_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_curated_clusters(
    curated: *const pauca_curated,
    which: i32,
    out: *mut *mut pauca_clusters,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let c = door.get("curated", curated)?;
        let both = [&c.clusters, &c.reclustered];
        let clusters = Arc::clone(choice("which", &both, which, "PAUCA_FIRST or PAUCA_SECOND")?);
        door.handle("out", out)?.put(pauca_clusters { clusters })
    })
}

/// The deduplication of D4. It is shared, not copied, and may outlive the result. Free it with pauca_dedup_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_curated_dedup(
    curated: *const pauca_curated,
    out: *mut *mut pauca_dedup,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let dedup = Arc::clone(&door.get("curated", curated)?.dedup);
        door.handle("out", out)?.put(pauca_dedup { dedup })
    })
}

/// Frees what D4 chose; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_curated_free(curated: *mut pauca_curated) {
    // SAFETY: the contract of the header.
    unsafe { free(curated) }
}
