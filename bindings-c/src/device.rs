//! Backends: the processor, and devices where the library was built with them. No backend changes a result.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use alloc::boxed::Box;
use alloc::string::String;

use pauca::Cpu;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use pauca_gpu::{Api, Gpu};

use crate::door::Door;
use crate::status::{Done, Failure, pauca_error, pauca_status};

/// The processor.
pub const PAUCA_BACKEND_CPU: i32 = 0;
/// A Vulkan, DirectX or Metal device. The library has to be built with the feature wgpu.
pub const PAUCA_BACKEND_WGPU: i32 = 1;
/// An NVIDIA device. The library has to be built with the feature cuda.
pub const PAUCA_BACKEND_CUDA: i32 = 2;

/// As a number of a device: the most capable one.
pub const PAUCA_ANY_DEVICE: u32 = u32::MAX;

/// What a context computes on.
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
pub(crate) type Machine = Cpu;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) use pauca_gpu::Machine;

/// The name of a backend, and whether the library was built with it.
fn known(backend: i32) -> Done<(&'static str, bool)> {
    match backend {
        PAUCA_BACKEND_CPU => Ok(("cpu", true)),
        PAUCA_BACKEND_WGPU => Ok(("wgpu", cfg!(feature = "wgpu"))),
        PAUCA_BACKEND_CUDA => Ok(("cuda", cfg!(feature = "cuda"))),
        _ => Err(pauca::Error::InvalidParameter {
            name: "backend",
            value: backend.into(),
            expected: "one of PAUCA_BACKEND_...",
        }
        .into()),
    }
}

/// The backend that a context asks for; `cpu` works alone, or beside a device.
pub(crate) fn open(backend: i32, device: u32, cpu: Cpu) -> Done<Machine> {
    match known(backend)? {
        (_, true) => opened(backend, device, cpu),
        (name, false) => Err(Failure::Backend { name, why: "the library was built without it" }),
    }
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
mod kinds {
    use super::{Cpu, Done, Machine, String};

    pub fn opened(_: i32, _: u32, cpu: Cpu) -> Done<Machine> {
        Ok(cpu)
    }

    pub fn cpu(machine: &Machine) -> &Cpu {
        machine
    }

    pub fn ready(machine: &Machine) -> Done<Machine> {
        Ok(*machine)
    }

    pub fn name(_: &Machine) -> String {
        "cpu".into()
    }

    pub fn devices(_: i32) -> Done<usize> {
        Ok(0)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod kinds {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn api(backend: i32) -> Api {
        if backend == PAUCA_BACKEND_CUDA { Api::Cuda } else { Api::Wgpu }
    }

    pub fn opened(backend: i32, device: u32, cpu: Cpu) -> Done<Machine> {
        if backend == PAUCA_BACKEND_CPU {
            return Ok(Machine::Cpu(cpu));
        }
        same_process(api(backend).name(), true)?;
        let index = (device != PAUCA_ANY_DEVICE).then_some(device as usize);
        let gpu = Gpu::choose(api(backend), index).map_err(|error| pauca::Error::Device(Box::new(error)))?;
        Ok(Machine::Gpu(gpu.with_host(cpu)))
    }

    /// The process that opened a device first; 0 for none.
    static FIRST: AtomicU32 = AtomicU32::new(0);

    /// Refuses a child whose parent had a device before the fork: what serves the device did not come along, and the child
    /// would wait for ever.
    fn same_process(name: &'static str, opens: bool) -> Done {
        let here = std::process::id();
        let first = match opens {
            true => FIRST
                .compare_exchange(0, here, Ordering::Relaxed, Ordering::Relaxed)
                .unwrap_or_else(|first| first),
            false => FIRST.load(Ordering::Relaxed),
        };
        if first == 0 || first == here {
            return Ok(());
        }
        let why = "the parent process used a device before the fork: start the child anew (spawn) instead";
        Err(Failure::Backend { name, why })
    }

    /// The machine for a call.
    pub fn ready(machine: &Machine) -> Done<Machine> {
        if let Machine::Gpu(gpu) = machine {
            same_process(gpu.found().api.name(), false)?;
        }
        Ok(machine.clone())
    }

    pub fn cpu(machine: &Machine) -> &Cpu {
        machine.cpu()
    }

    pub fn name(machine: &Machine) -> String {
        machine.name()
    }

    pub fn devices(backend: i32) -> Done<usize> {
        same_process(api(backend).name(), false)?;
        Ok(Gpu::enumerate().iter().filter(|found| found.api == api(backend)).count())
    }
}

pub(crate) use kinds::{cpu, name, ready};
use kinds::{devices, opened};

/// How many devices of a backend there are; of PAUCA_BACKEND_CPU 1. A backend that the library was built without has
/// none. Drivers are asked each time. Errors: PAUCA_INVALID_PARAMETER for a number that is no backend,
/// PAUCA_UNSUPPORTED_DEVICE in a child whose parent used a device before the fork.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_device_count(
    backend: i32,
    count: *mut u32,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let count = door.out("count", count, 1)?;
        let found = match known(backend)? {
            (_, true) if backend == PAUCA_BACKEND_CPU => 1,
            (_, true) => devices(backend)?,
            (_, false) => 0,
        };
        count.write(&[found as u32]);
        Ok(())
    })
}
