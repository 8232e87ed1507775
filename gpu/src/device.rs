//! Devices: which there are, and how one is opened.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cubecl::Device;
use cubecl::client::Client;
use cubecl::device::{WgpuDevice, WgpuDeviceKind};
use cubecl::ir::features::MmaConfig;
use cubecl::ir::{ElemType, FloatKind};
use pauca::Cpu;

use crate::error::GpuError;
use crate::kernels::definition::Square;
use crate::limits::{Limits, Traffic};
use crate::link::Link;
use crate::selftest;

/// By which interface a device is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Api {
    /// NVIDIA's CUDA: feature `cuda`.
    Cuda,
    /// AMD's ROCm: feature `hip`.
    Hip,
    /// Vulkan, DirectX or Metal through wgpu: feature `wgpu`.
    Wgpu,
}

impl Api {
    /// The name of its feature: "cuda", "hip" or "wgpu".
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Hip => "hip",
            Self::Wgpu => "wgpu",
        }
    }
}

/// What kind of device it is, the more capable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// A card of its own.
    Discrete,
    /// Part of a processor, sharing its memory.
    Integrated,
    /// Part of a virtual machine.
    Virtual,
    /// Something else.
    Other,
    /// A processor that plays a device, as lavapipe and WARP do: for tests.
    Software,
}

/// A device of this machine, not opened yet.
///
/// # Example
/// ```
/// for found in pauca_gpu::Gpu::enumerate() {
///     assert!(found.to_string().contains(':'));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// By which interface.
    pub api: Api,
    /// Its number among the devices of that interface.
    pub index: usize,
    /// What kind it is.
    pub class: Class,
    device: Device,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({:?})", self.api.name(), self.index, self.class)
    }
}

/// A backend on a device: every answer has the bits of the CPU's. Clones share the device, and the rows on it.
///
/// What floats on the device cannot settle the CPU backend does: see [`Gpu::host`].
///
/// # Example
/// ```no_run
/// use pauca::{Context, KMeans, Rows};
/// use pauca_gpu::Gpu;
/// let x = ndarray::Array2::from_shape_fn((1000, 16), |(i, j)| ((i * 7 + j * 5) % 11) as f32);
/// let (kmeans, cx, gpu) = (KMeans::new(10).seed(1), Context::default(), Gpu::auto()?);
/// assert_eq!(kmeans.fit_on(&gpu, &Rows::F32(x.view()), None, &cx)?, kmeans.fit(&x)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
    limits: Limits,
    host: Cpu,
}

struct Shared {
    link: Link,
    name: String,
    found: Found,
    /// Bytes of rows that stay on the device.
    used: AtomicU64,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("device", &self.shared.found).field("limits", &self.limits).finish()
    }
}

impl Gpu {
    /// The devices of this machine that this build can open; none without drivers.
    pub fn enumerate() -> Vec<Found> {
        // A driver that is half installed may fail in any way.
        let devices = catch_unwind(Device::enumerate_all).unwrap_or_default();
        let (mut cuda, mut hip, mut wgpu) = (0.., 0.., 0..);
        let mut found = Vec::new();
        for device in devices {
            let (api, class, numbers) = match &device {
                Device::Cuda(_) => (Api::Cuda, Class::Discrete, &mut cuda),
                Device::Hip(_) => (Api::Hip, Class::Discrete, &mut hip),
                Device::Wgpu(WgpuDevice { kind, .. }) => (Api::Wgpu, class_of(kind), &mut wgpu),
                _ => continue,
            };
            if let Some(index) = numbers.next() {
                found.push(Found { api, index, class, device });
            }
        }
        found
    }

    /// The most capable device that is no software: CUDA, then ROCm, then others, cards of their own first. Devices that
    /// [`open`](Gpu::open) refuses are passed over.
    ///
    /// # Errors
    /// [`GpuError::NoDevice`]; the refusal of the first device, where all were refused.
    pub fn auto() -> Result<Self, GpuError> {
        Self::first("any but software", |found| found.class != Class::Software)
    }

    /// The device `index` of those that an interface finds, or the most capable one: cards of their own first,
    /// software last. Devices that [`open`](Gpu::open) refuses are passed over.
    ///
    /// # Errors
    /// [`GpuError::NoDevice`]; the refusal of the first device, where all were refused.
    ///
    /// # Example
    /// ```
    /// use pauca_gpu::{Api, Gpu, GpuError};
    /// let error = Gpu::choose(Api::Cuda, Some(4242)).unwrap_err();
    /// assert!(error.to_string().starts_with("no such device: cuda:4242; this build finds "));
    /// ```
    pub fn choose(api: Api, index: Option<usize>) -> Result<Self, GpuError> {
        let name = api.name();
        let asked = index.map_or(name.to_owned(), |index| format!("{name}:{index}"));
        Self::first(&asked, |found| found.api == api && index.is_none_or(|index| found.index == index))
    }

    /// The most capable device that is wanted and can be opened.
    fn first(asked: &str, wanted: impl Fn(&Found) -> bool) -> Result<Self, GpuError> {
        let all = Self::enumerate();
        let mut fits: Vec<&Found> = all.iter().filter(|found| wanted(found)).collect();
        fits.sort_by_key(|found| (found.api as u8, found.class as u8));
        let mut refused = None;
        for found in fits {
            match Self::open(found) {
                Ok(gpu) => return Ok(gpu),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            GpuError::NoDevice { asked: asked.to_owned(), there }
        }))
    }

    /// The device `index` of those that wgpu finds, software included.
    ///
    /// # Errors
    /// As [`open`](Gpu::open).
    pub fn wgpu(index: usize) -> Result<Self, GpuError> {
        Self::choose(Api::Wgpu, Some(index))
    }

    /// The device `index` of those that CUDA finds.
    ///
    /// # Errors
    /// As [`open`](Gpu::open).
    pub fn cuda(index: usize) -> Result<Self, GpuError> {
        Self::choose(Api::Cuda, Some(index))
    }

    /// Opens a device and tries it: sums of integers against known answers, scores against the bound on which
    /// all certificates rest, and a launch that must fail and must say so. Some milliseconds, and the time to compile four
    /// kernels. On CUDA it also tries the definition, without which the host decides.
    ///
    /// # Errors
    /// [`GpuError::NoDevice`] when it is gone, [`GpuError::Refused`] with what it did wrong, or what it lacks.
    pub fn open(found: &Found) -> Result<Self, GpuError> {
        let refused = |reason: &str| GpuError::Refused { reason: reason.to_owned() };
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let client = found.device.client();
            let limits = limits_of(&client, found.class);
            let host = Cpu::new().map_err(|error| refused(&error.to_string()))?;
            let name = client.properties().identity.name.clone();
            let bindings = client.properties().hardware.max_bindings;
            let shared =
                Shared { link: Link::new(client), name, found: found.clone(), used: AtomicU64::new(0) };
            let mut gpu = Self { shared: Arc::new(shared), limits, host };
            if bindings < selftest::BINDINGS {
                return Err(refused("a kernel cannot be given enough buffers"));
            }
            selftest::run(&gpu)?;
            gpu.limits.decides = found.api == Api::Cuda && selftest::decides(&gpu);
            Ok(gpu)
        }));
        opened.unwrap_or_else(|_| Err(refused("its driver panicked")))
    }

    /// The same device with lower limits: to leave room for others, and to test what small devices do.
    ///
    /// # Example
    /// ```no_run
    /// use pauca_gpu::{Gpu, Limits};
    /// let gpu = Gpu::auto()?;
    /// let limits = Limits { memory: 1 << 30, ..gpu.limits() };
    /// assert!(gpu.with_limits(limits).limits().memory <= 1 << 30);
    /// # Ok::<(), pauca_gpu::GpuError>(())
    /// ```
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits.lowered_to(&self.limits);
        self
    }

    /// The same device beside another CPU backend, for what the device leaves open.
    pub fn with_host(mut self, host: Cpu) -> Self {
        self.host = host;
        self
    }

    /// What the device can do.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The name that the device gives itself.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Which device it is.
    pub fn found(&self) -> &Found {
        &self.shared.found
    }

    /// The CPU that does what floats on the device cannot settle.
    pub fn host(&self) -> &Cpu {
        &self.host
    }

    /// What has passed between host and device, all clones together.
    pub fn traffic(&self) -> Traffic {
        self.shared.link.traffic()
    }

    /// The same device, believed in its `f64` whatever it is.
    #[cfg(test)]
    pub(crate) fn trusted(mut self) -> Self {
        self.limits.decides = true;
        self
    }

    /// The same device, allowed to launch the kernels for tensor cores where it names their instruction: for [`trial`](crate::trial) only,
    /// by whoever tries a device with `gpu-check --tensor`.
    #[doc(hidden)]
    pub fn with_tensor(mut self) -> Self {
        let (half, single) = (ElemType::Float(FloatKind::F16), ElemType::Float(FloatKind::F32));
        let config = MmaConfig { a_type: half, b_type: half, cd_type: single, m: 16, n: 8, k: 16 };
        let named = self.link().client.properties().features.matmul.mma.contains(&config);
        self.limits.tensor = named && self.found().api == Api::Cuda;
        self
    }

    /// Whether it is of the generation that has `wgmma`, as far as a device tells: from sm_90 on there are copies by tensor maps.
    pub(crate) fn names_wgmma(&self) -> bool {
        self.limits.tensor && !self.link().client.properties().features.tma.is_empty()
    }

    /// How the kernels must square what they decide by.
    pub(crate) fn square(&self) -> Square {
        if self.found().api == Api::Cuda { Square::Rounded } else { Square::Plain }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }

    /// Room for `bytes` of rows that stay, until the lease is dropped; none where there is no room.
    pub(crate) fn lease(&self, bytes: u64) -> Option<Lease> {
        let (used, most) = (&self.shared.used, self.limits.memory);
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Lease { shared: Arc::clone(&self.shared), bytes })
    }
}

/// Room for rows on a device.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn class_of(kind: &WgpuDeviceKind) -> Class {
    match kind {
        WgpuDeviceKind::DiscreteGpu(_) => Class::Discrete,
        WgpuDeviceKind::IntegratedGpu(_) => Class::Integrated,
        WgpuDeviceKind::VirtualGpu(_) => Class::Virtual,
        WgpuDeviceKind::Cpu => Class::Software,
        _ => Class::Other,
    }
}

/// Multiply-adds in about 50 ms, as a power of two below what the slowest devices of a class should do; not
/// measured on a GPU.
fn work_of(class: Class) -> u64 {
    match class {
        Class::Software => 1 << 26,
        Class::Discrete => 1 << 34,
        _ => 1 << 31,
    }
}

fn limits_of(client: &Client, class: Class) -> Limits {
    let properties = client.properties();
    let (hardware, memory) = (&properties.hardware, &properties.memory);
    let (x, y, _) = hardware.max_cube_count;
    Limits {
        buffer: memory.max_page_size,
        shared: hardware.max_shared_memory_size as u64,
        units: hardware.max_units_per_cube.min(hardware.max_cube_dim.0),
        cubes: x.min(y),
        // Half of what there is: the other half for targets, sums, and others.
        memory: memory.max_memory().map_or(1 << 30, |bytes| bytes / 2),
        work: work_of(class),
        decides: false,
        tensor: false,
    }
}
