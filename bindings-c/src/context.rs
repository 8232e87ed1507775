//! Where a call runs and how it is watched.

use alloc::ffi::CString;
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::{AtomicI32, Ordering};

use pauca::{Context, Control, Cpu, Exec, Progress, Stage};

use crate::abi::{abi, level, level_number};
use crate::device::{self, Machine, PAUCA_ANY_DEVICE, PAUCA_BACKEND_CPU};
use crate::door::{Door, free, size};
use crate::options::{Sized32, no_flags};
use crate::pool::Threads;
use crate::status::{Done, Failure, pauca_error, pauca_status};

/// How far a call has come.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_progress {
    /// The size of this struct in the library; fields beyond it are not there.
    pub struct_size: u32,
    /// 1 when this reports a finished iteration, else 0.
    pub is_iteration: i32,
    /// What is being done, "iterate" for one. Never freed.
    pub stage: *const c_char,
    /// Units done in this stage.
    pub done: u64,
    /// Units in this stage.
    pub total: u64,
    /// The number of the finished iteration, from 1; 0 is the assignment to the first centroids.
    pub iteration: u64,
    /// Rows whose label the iteration changed.
    pub moved: u64,
    /// The inertia after the iteration.
    pub objective: f64,
}

/// A message for the log that names what the caller may want to know: rows of f64 that are rounded, a pool made anew.
pub const PAUCA_LOG_WARNING: i32 = 1;
/// A message for who looks for something.
pub const PAUCA_LOG_INFO: i32 = 2;

/// Hears of the progress, on the thread that made the call, as often as report_pause allows and once for each
/// iteration. Returns 1 to go on and 0 to stop: the call then returns PAUCA_CANCELLED. Must return (no longjmp, no
/// exception), and must not use the handles of the call.
pub type pauca_progress_callback =
    Option<unsafe extern "C" fn(user: *mut c_void, progress: *const pauca_progress) -> i32>;

/// Hears of a message, on the thread that made the call. The text is UTF-8, closed by 0, and lives until the callback
/// returns.
pub type pauca_log_callback =
    Option<unsafe extern "C" fn(user: *mut c_void, level: i32, message: *const c_char, length: u64)>;

/// A task of the library's: to be called once for each index below the number of tasks, on any thread.
pub type pauca_task = Option<unsafe extern "C" fn(task_context: *mut c_void, index: u64)>;

/// The host's own threads: calls task(task_context, i) once for every i < tasks, in any order, on any threads, and
/// returns when all calls have returned. The library makes one such call at a time for each of its own calls. Results do
/// not depend on order or threads.
pub type pauca_parallel_for =
    Option<unsafe extern "C" fn(user: *mut c_void, tasks: u64, task: pauca_task, task_context: *mut c_void)>;

/// What a context is made of. Begin with pauca_context_options_init.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_context_options {
    /// sizeof(pauca_context_options).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// PAUCA_ABI_VERSION, which pauca_context_options_init has been given.
    pub abi_version: u32,
    /// Threads of the context's own pool: 0 for one on each core, 1 for the calling thread alone (no pool).
    pub threads: u32,
    /// PAUCA_SIMD_DEFAULT or another level. Never changes a result.
    pub simd_level: i32,
    /// The width of parallel_for: how many of its tasks run at once.
    pub width: u32,
    /// Rows of a source that a pass keeps for the next, in bytes.
    pub keep_bytes: u64,
    /// NULL, or a number that any thread sets to another value than 0 to stop the calls of this context; it is read
    /// atomically, and must live as long as the context.
    pub cancel: *const i32,
    /// What the callbacks get as their first argument.
    pub user: *mut c_void,
    /// NULL, or hears of the progress.
    pub progress: pauca_progress_callback,
    /// NULL, or hears of messages.
    pub log: pauca_log_callback,
    /// NULL, or the host's own threads, in place of a pool.
    pub parallel_for: pauca_parallel_for,
    /// At least so many milliseconds lie between two reports of the progress, those of finished iterations aside.
    /// Default 50; without a clock (no std) 0.
    pub report_pause: u32,
    /// PAUCA_BACKEND_CPU or another backend. Never changes a result. What the device leaves open is done by the
    /// threads of the context.
    pub backend: i32,
    /// The number of the device, from 0 on. Default PAUCA_ANY_DEVICE.
    pub device: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), no padding (checked below), any bytes are a value: C promises callable pointers.
unsafe impl Sized32 for pauca_context_options {
    const NAME: &'static str = "context options";
    const FIRST: usize = core::mem::offset_of!(Self, report_pause);
    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            abi_version: 0,
            threads: 0,
            simd_level: 0,
            width: 0,
            keep_bytes: 64 << 20,
            cancel: core::ptr::null(),
            user: core::ptr::null_mut(),
            progress: None,
            log: None,
            parallel_for: None,
            report_pause: 50,
            backend: PAUCA_BACKEND_CPU,
            device: PAUCA_ANY_DEVICE,
            reserved: 0,
        }
    }
}

/// Where calls run and how they are watched: threads, SIMD level or device, callbacks, a flag that stops. Never changes a
/// result. Long-lived: making one starts threads. Several threads may use one at once, where its callbacks allow that. A
/// forked child may go on to use it: it gets threads of its own. A context with a device is its parent's alone. NULL in
/// place of a context is the calling thread and the default level.
pub struct pauca_context {
    machine: Machine,
    /// The machine's name for C.
    name: CString,
    threads: Threads,
    options: pauca_context_options,
}

// SAFETY: the pointers are the caller's, who is told that several threads may use them.
unsafe impl Send for pauca_context {}
// SAFETY: as above.
unsafe impl Sync for pauca_context {}

/// Writes the defaults: threads on all cores, the best level, no callbacks. Pass sizeof *options and PAUCA_ABI_VERSION.
/// Errors: PAUCA_ABI when header and library do not work together, PAUCA_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_context_options_init(
    options: *mut pauca_context_options,
    struct_size: u32,
    abi_version: u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        abi(abi_version)?;
        door.init(options, struct_size)?;
        door.get_mut("context options", options.cast::<[u32; 3]>())?[2] = abi_version;
        Ok(())
    })
}

/// Makes a context. options may be NULL for the defaults. Threads are started by the first call that needs them. A device
/// is opened and tried, which takes some milliseconds and its driver's time to compile.
/// Errors: PAUCA_SIMD_LEVEL, PAUCA_ABI, PAUCA_UNSUPPORTED_OPTION, PAUCA_INVALID_PARAMETER, PAUCA_UNSUPPORTED_DEVICE for a
/// backend that the library was built without, PAUCA_DEVICE where there is no such device or its trial fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_context_new(
    options: *const pauca_context_options,
    out: *mut *mut pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let out = door.handle("out", out)?;
        let chosen = door.options_or_default(options)?;
        no_flags("context options", chosen.flags)?;
        if chosen.reserved != 0 {
            let offset = core::mem::offset_of!(pauca_context_options, reserved);
            return Err(Failure::Option { what: "context options", offset });
        }
        if !options.is_null() {
            abi(chosen.abi_version)?;
        }
        if chosen.parallel_for.is_some() && cfg!(not(feature = "std")) {
            return Err(Failure::Format { what: "parallel_for", why: "this library was built without std" });
        }
        door.get_or_null("cancel", chosen.cancel)?;
        let cpu = match level(chosen.simd_level)? {
            None => Cpu::new()?,
            Some(level) => Cpu::with_level(level)?,
        };
        let cpu = cpu.keep_bytes(size("keep_bytes", chosen.keep_bytes)?);
        let machine = device::open(chosen.backend, chosen.device, cpu)?;
        let name = CString::new(device::name(&machine)).unwrap_or_default();
        out.put(pauca_context { machine, name, threads: Threads::new(chosen.threads), options: chosen })
    })
}

/// Frees the context and ends its threads; NULL is nothing. Not while a call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_context_free(context: *mut pauca_context) {
    // SAFETY: the contract of the header.
    unsafe { free(context) }
}

/// What a context came to: its level (PAUCA_SIMD_...) and its threads. Each of the two may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_context_info(
    context: *const pauca_context,
    simd_level: *mut i32,
    threads: *mut u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let context = door.get("context", context)?;
        let level = door.out_or_null("simd_level", simd_level, 1)?;
        let threads = door.out_or_null("threads", threads, 1)?;
        level.write(&[level_number(device::cpu(&context.machine).level())]);
        threads.write(&[context.width() as u32]);
        Ok(())
    })
}

/// What a context computes on: "cpu", or of a device its interface, number, kind and name. NULL is "cpu". Lives until the
/// context is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_context_backend(context: *const pauca_context) -> *const c_char {
    // SAFETY: the contract of the header.
    unsafe { context.as_ref() }.map_or(c"cpu", |context| &context.name).as_ptr()
}

impl pauca_context {
    /// Rows of a source that a pass may keep, in bytes.
    pub(crate) fn keep_bytes(&self) -> u64 {
        self.options.keep_bytes
    }

    /// How many tasks run at once.
    pub(crate) fn width(&self) -> usize {
        match self.options.parallel_for {
            Some(_) => self.options.width.max(1) as usize,
            None => self.threads.count(),
        }
    }

    fn is_cancelled(&self) -> bool {
        let flag = self.options.cancel.cast_mut();
        // SAFETY: NULL or aligned, which was checked, and alive as long as the context, which the caller promises.
        !flag.is_null() && unsafe { AtomicI32::from_ptr(flag) }.load(Ordering::Relaxed) != 0
    }

    fn log(&self, level: i32, message: &CStr) {
        if let Some(log) = self.options.log {
            // SAFETY: the caller's function, called as the header says.
            unsafe { log(self.options.user, level, message.as_ptr(), message.count_bytes() as u64) }
        }
    }

    /// Whether the caller wants to go on.
    fn goes_on(&self, progress: &Progress) -> bool {
        let Some(report) = self.options.progress else { return true };
        let iteration = progress.iteration;
        let of_c = pauca_progress {
            struct_size: size_of::<pauca_progress>() as u32,
            is_iteration: iteration.is_some().into(),
            stage: stage_name(progress.stage).as_ptr(),
            done: progress.done,
            total: progress.total,
            iteration: iteration.map_or(0, |i| i.number),
            moved: iteration.map_or(0, |i| i.moved),
            objective: iteration.map_or(0.0, |i| i.objective),
        };
        // SAFETY: the caller's function, called as the header says.
        unsafe { report(self.options.user, &raw const of_c) != 0 }
    }
}

/// What a call hands to core.
pub(crate) struct Call<'c> {
    pub machine: Machine,
    pub cx: Context<'c>,
    context: Option<&'c pauca_context>,
}

impl Call<'_> {
    /// Tells the log of something that the caller may want to know.
    pub fn warn(&self, message: &CStr) {
        if let Some(context) = self.context {
            context.log(PAUCA_LOG_WARNING, message);
        }
    }
}

/// Makes a call in the caller's context.
pub(crate) fn within<T>(context: Option<&pauca_context>, call: impl FnOnce(&Call<'_>) -> Done<T>) -> Done<T> {
    let Some(context) = context else {
        let cx = Context::new(Exec::serial(), Control::new());
        let machine = device::open(PAUCA_BACKEND_CPU, 0, Cpu::new()?)?;
        return call(&Call { machine, cx, context: None });
    };
    let stopped = Cell::new(false);
    let stop = || stopped.get() || context.is_cancelled();
    #[cfg(feature = "std")]
    let pause = core::time::Duration::from_millis(context.options.report_pause.into());
    #[cfg(feature = "std")]
    let last: Cell<Option<std::time::Instant>> = Cell::new(None);
    let report = |progress: &Progress| {
        #[cfg(feature = "std")]
        {
            let now = std::time::Instant::now();
            let soon = last.get().is_some_and(|last| now.duration_since(last) < pause);
            if soon && progress.iteration.is_none() {
                return;
            }
            last.set(Some(now));
        }
        if !context.goes_on(progress) {
            stopped.set(true);
        }
    };
    let mut control = Control::new().stop_when(&stop);
    if context.options.progress.is_some() {
        control = control.report_to(&report);
    }
    control.check()?;
    #[cfg(feature = "std")]
    let host;
    let exec = match context.options.parallel_for {
        #[cfg(feature = "std")]
        Some(parallel_for) => {
            host = executor::Host::new(parallel_for, context.options.user, context.width());
            Exec::custom(&host)
        }
        _ => {
            let (exec, new) = context.threads.exec()?;
            if new {
                context.log(PAUCA_LOG_INFO, c"a pool of threads was started");
            }
            exec
        }
    };
    let machine = device::ready(&context.machine)?;
    call(&Call { machine, cx: Context::new(exec, control), context: Some(context) })
}

/// The name of a stage as C has it.
fn stage_name(stage: Stage) -> &'static CStr {
    macro_rules! names {
        ($($variant:ident $name:literal)*) => {
            match stage {
                $(Stage::$variant => $name,)*
                _ => c"?",
            }
        };
    }
    names! {
        Seed c"seed"
        Iterate c"iterate"
        Order c"order"
        Copies c"copies"
        Compare c"compare"
        Complexity c"complexity"
        Measure c"measure"
        Align c"align"
        Rank c"rank"
        Search c"search"
        Statistics c"statistics"
        Value c"value"
        GradientX c"gradient of x"
        GradientY c"gradient of y"
        Layers c"layers"
        Gram c"gram"
        Assign c"assign"
        Predict c"predict"
        Score c"score"
    }
}

#[cfg(feature = "std")]
mod executor {
    //! The host's threads as an executor of core.

    use core::ffi::c_void;
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Mutex;

    use super::pauca_task;

    type ParallelFor = unsafe extern "C" fn(*mut c_void, u64, pauca_task, *mut c_void);

    pub(super) struct Host {
        parallel_for: ParallelFor,
        user: *mut c_void,
        width: usize,
    }

    // SAFETY: the caller's function and pointer, which core uses from one thread at a time.
    unsafe impl Sync for Host {}

    impl Host {
        pub fn new(parallel_for: ParallelFor, user: *mut c_void, width: usize) -> Self {
            Self { parallel_for, user, width }
        }
    }

    /// What a task of C leads to.
    struct Work<'t> {
        task: &'t (dyn Fn(usize) + Sync),
        panic: Mutex<Option<Box<dyn Any + Send>>>,
    }

    unsafe extern "C" fn task(context: *mut c_void, index: u64) {
        // SAFETY: the pointer that `run` handed out, which outlives all tasks; a `Work` is shared by threads.
        let Some(work) = (unsafe { context.cast::<Work<'_>>().as_ref() }) else { return };
        // An index that is no usize is no task.
        let Ok(index) = usize::try_from(index) else { return };
        let done = crate::pool::quiet(|| catch_unwind(AssertUnwindSafe(|| (work.task)(index))));
        if let (Err(payload), Ok(mut first)) = (done, work.panic.lock()) {
            first.get_or_insert(payload);
        }
    }

    impl pauca::Executor for Host {
        fn width(&self) -> usize {
            self.width
        }

        fn run(&self, tasks: usize, run: &(dyn Fn(usize) + Sync)) {
            let work = Work { task: run, panic: Mutex::new(None) };
            let context = (&raw const work).cast_mut().cast();
            // SAFETY: the caller's function, called as the header says; it returns when all tasks have.
            unsafe { (self.parallel_for)(self.user, tasks as u64, Some(task), context) };
            // A panic of a task must not end a thread of the host's: it goes on here.
            if let Ok(Some(payload)) = work.panic.into_inner() {
                resume_unwind(payload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_the_names_of_core() {
        for stage in Stage::ALL {
            assert_eq!(stage_name(*stage).to_str(), Ok(stage.name()));
        }
    }

    #[test]
    fn options_have_no_padding() {
        assert_eq!(size_of::<pauca_context_options>(), 48 + 5 * size_of::<usize>());
    }
}
