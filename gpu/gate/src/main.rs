//! Writes every kernel of pauca-gpu as CUDA C++ into a folder: the text that CubeCL's CUDA runtime would hand to NVRTC. Needs no
//! CUDA and no LLVM, but any device that wgpu finds, lavapipe too, for the arguments of kernels. `gate.py` compiles what it writes.
//!
//! ```sh
//! cargo run -p pauca-gpu-gate FOLDER
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use cubecl::Compiler;
use cubecl::ir::settings::ExecutionMode;
use cubecl::ir::types::MatrixLayout;
use cubecl::ir::{ContiguousElements, MmaProperties, TargetProperties};
use cubecl_cpp::cuda::mma::manual::contiguous_elements_cuda;
use cubecl_cpp::shared::{CompilationOptions, CppCompiler, CppSupportedFeatures};
use cubecl_cpp::target::Cuda;
use pauca_gpu::Gpu;
use pauca_gpu::gate::{Kernel, kernels};

/// As the CUDA runtime of CubeCL 0.11.3 declares them.
fn target() -> TargetProperties {
    TargetProperties {
        mma: MmaProperties {
            register_size_bits: 32,
            const_plane_size: 32,
            register_layout_a: MatrixLayout::RowMajor,
            register_layout_b: MatrixLayout::ColMajor,
            register_layout_acc: MatrixLayout::RowMajor,
            register_duplication_a: 1,
            register_duplication_b: 1,
            register_duplication_acc: 1,
            contiguous_elements: ContiguousElements::new(contiguous_elements_cuda),
        },
    }
}

/// As the same runtime sets them for sm_80. For sm_90 it sets `clusters` and `elect_sync`, too, of which no kernel here makes use.
fn options() -> CompilationOptions {
    CompilationOptions {
        warp_size: 32,
        supports_features: CppSupportedFeatures {
            fast_math: true,
            dp4a: true,
            grid_constants: true,
            fast_tanh: true,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// The kernel as CUDA C++, and the bytes of shared memory that a launch reserves for it.
fn text_of(kernel: &Kernel) -> Result<(String, usize), Box<dyn Error>> {
    let mut definition = cubecl::define_kernel(&*kernel.kernel).map_err(|error| format!("{error:?}"))?;
    // As `launch_unchecked`.
    definition.settings.execution_mode = ExecutionMode::Unchecked;
    let compiled = CppCompiler::<Cuda>::default().compile(definition, &options());
    let compiled = compiled.map_err(|error| format!("{}: {error:?}", kernel.name))?;
    Ok((compiled.source, compiled.shared_memory_size))
}

/// The names of all kernels in the sources of pauca-gpu: what follows `#[cube(launch`.
fn names_in_sources() -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut names = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/kernels"))? {
        let text = fs::read_to_string(file?.path())?;
        for after in text.split("#[cube(launch").skip(1) {
            let name = after.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            names.insert(name.ok_or("a kernel without a name")?.0.to_owned());
        }
    }
    Ok(names)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("say a folder to write to")?;
    let all = kernels(&Gpu::wgpu(0)?, target())?;
    let (here, there) = (all.iter().map(|k| k.name.to_owned()).collect(), names_in_sources()?);
    if there != here {
        return Err(format!("kernels in the sources: {there:?}, kernels written: {here:?}").into());
    }
    fs::create_dir_all(&folder)?;
    for kernel in &all {
        let (text, shared) = text_of(kernel)?;
        let Kernel { name, shape, units, shared: planned, least, .. } = kernel;
        if shared > *planned {
            return Err(
                format!("{name} {shape}: {shared} bytes of shared memory, {planned} in the plan").into()
            );
        }
        let head = format!(
            "// kernel: {name}\n// shape: {shape}\n// units: {units}\n// shared: {shared}\n// least: {least}\n"
        );
        let dot = if shape.is_empty() { "" } else { "." };
        fs::write(Path::new(&folder).join(format!("{name}{dot}{shape}.cu")), head + &text)?;
    }
    Ok(())
}
