//! A run of k-means that the caller steps, saves and resumes.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::ffi::c_void;

use pauca::{Checkpoint, Lloyd, RowSource};

use crate::blob::pauca_blob;
use crate::clusters::pauca_clusters;
use crate::context::{pauca_context, within};
use crate::device::{Machine, ready};
use crate::door::{Door, free};
use crate::kmeans::{params, pauca_kmeans_options};
use crate::options::Sized32;
use crate::running::Running;
use crate::status::{Done, pauca_error, pauca_status};
use crate::view::{Input, pauca_view};

/// A run of k-means between two iterations. It reads its rows and weights until it is freed. Used by one thread at a
/// time, which need not be the one that started it. It computes on the backend of the context with which it was started;
/// the contexts of its later calls give threads, callbacks and the flag that stops.
pub struct pauca_kmeans_run {
    running: Running<Lloyd<'static, Machine, Input>>,
}

/// Where a run is. Set struct_size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_kmeans_state {
    /// sizeof(pauca_kmeans_state).
    pub struct_size: u32,
    /// 1 if there is nothing more to do but pauca_kmeans_finish, else 0.
    pub is_done: i32,
    /// Iterations made.
    pub n_iter: u64,
    /// Rows whose label the last iteration changed.
    pub moved: u64,
    /// Distances that k-means++ evaluated; 0 for other starts and for a resumed run.
    pub seed_distances: u64,
}

// SAFETY: repr(C), no padding, any bytes are a value.
unsafe impl Sized32 for pauca_kmeans_state {
    const NAME: &'static str = "k-means state";
    const FIRST: usize = size_of::<Self>();
    fn defaults() -> Self {
        Self { struct_size: size_of::<Self>() as u32, is_done: 0, n_iter: 0, moved: 0, seed_distances: 0 }
    }
}

fn start(
    door: &Door,
    x: *const pauca_view,
    weights: *const f32,
    options: *const pauca_kmeans_options,
    checkpoint: Option<&Checkpoint>,
    out: *mut *mut pauca_kmeans_run,
    context: *const pauca_context,
) -> Done {
    let x = door.rows("x", x)?;
    let weights: Option<&'static [f32]> = door.slice_or_null("weights", weights, x.n_rows())?;
    let params = params(door, options)?;
    let out = door.handle("out", out)?;
    within(door.get_or_null("context", context)?, |call| {
        x.announce(call);
        let weights = weights.map(Cow::Borrowed);
        let run = match checkpoint {
            None => params.start_on(ready(&call.machine)?, x, weights, &call.cx)?,
            Some(checkpoint) => params.resume_on(ready(&call.machine)?, x, weights, checkpoint, &call.cx)?,
        };
        out.put(pauca_kmeans_run { running: Running::new(run, call)? })
    })
}

/// Chooses the first centroids and makes the first assignment; pauca_kmeans_step makes the iterations. x and weights are
/// read until the run is freed. Free it with pauca_kmeans_free. Errors: as pauca_kmeans.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_start(
    x: *const pauca_view,
    weights: *const f32,
    options: *const pauca_kmeans_options,
    out: *mut *mut pauca_kmeans_run,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| start(door, x, weights, options, None, out, context))
}

/// Makes one iteration, unless the run is done. more: NULL, or 1 if there is more to do and 0 if not. After an error (a
/// cancellation, say) the run is where its last finished iteration left it, and may be stepped again.
/// Errors: PAUCA_CANCELLED, PAUCA_SOURCE, PAUCA_OUT_OF_MEMORY, PAUCA_CONFLICT for a run that has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_step(
    run: *mut pauca_kmeans_run,
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
pub unsafe extern "C" fn pauca_kmeans_get_state(
    run: *const pauca_kmeans_run,
    state: *mut pauca_kmeans_state,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get("run", run)?.running.get()?;
        let state = door.results(state)?;
        let value = pauca_kmeans_state {
            is_done: run.is_done().into(),
            n_iter: run.n_iter() as u64,
            moved: run.moved(),
            seed_distances: run.seed_distances(),
            ..pauca_kmeans_state::defaults()
        };
        door.give(state, value)
    })
}

/// The state after the last finished iteration, as bytes: 4 k d of them, and some. Also after an error. Free them with
/// pauca_blob_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_checkpoint(
    run: *const pauca_kmeans_run,
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

/// Goes on from the bytes of a checkpoint, to the same bits. Rows, weights and options must be those of the saved run; their shape
/// and the options are checked. max_iter may differ. Errors: as pauca_kmeans; PAUCA_CORRUPT, PAUCA_MISMATCH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_resume(
    x: *const pauca_view,
    weights: *const f32,
    options: *const pauca_kmeans_options,
    bytes: *const c_void,
    bytes_size: u64,
    out: *mut *mut pauca_kmeans_run,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let checkpoint = Checkpoint::from_bytes(door.bytes(bytes, bytes_size)?)?;
        start(door, x, weights, options, Some(&checkpoint), out, context)
    })
}

/// The clustering as it stands, with distances and inertia. The run has ended then, and is still to be freed; after an
/// error its checkpoint can still be had. Errors: as pauca_kmeans_step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_finish(
    run: *mut pauca_kmeans_run,
    out: *mut *mut pauca_clusters,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let run = door.get_mut("run", run)?;
        let out = door.handle("out", out)?;
        within(door.get_or_null("context", context)?, |call| {
            let clusters = run.running.end()?.finish(&call.cx)?;
            out.put(pauca_clusters { clusters: Arc::new(clusters) })
        })
    })
}

/// Frees a run, at any time; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_kmeans_free(run: *mut pauca_kmeans_run) {
    // SAFETY: the contract of the header.
    unsafe { free(run) }
}
