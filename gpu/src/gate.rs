//! Every kernel that the crate launches, in every shape that a plan can choose, for `gate/`, which looks at their machine code.
//! No part of the API: it comes with the feature `gate`, and changes as it must.

#![allow(missing_docs, reason = "no part of the API")]

use std::sync::Arc;

use cubecl::CubeKernel;
use cubecl::ir::TargetProperties;
use cubecl::prelude::*;

use crate::device::Gpu;
use crate::error::GpuError;
use crate::kernels::definition::{self, Square, Value};
use crate::kernels::search::{NORM_LANES, NORM_ROWS};
use crate::kernels::tile::Tile;
use crate::kernels::{fill, gather, mma, report, search, sums, tensor, wgmma};

/// A kernel that can be compiled, but not launched.
pub struct Kernel {
    /// The function.
    pub name: &'static str,
    /// What it was made for, where it is made for several.
    pub shape: String,
    /// Units of a cube.
    pub units: u32,
    /// The most bytes of shared memory that the plan counts for a cube.
    pub shared: usize,
    /// The least architecture of CUDA that has its instructions.
    pub least: u32,
    pub kernel: Box<dyn CubeKernel>,
}

/// All kernels, for a target that need not be the device; of the device they take room for their arguments only.
pub fn kernels(gpu: &Gpu, target: TargetProperties) -> Result<Vec<Kernel>, GpuError> {
    let (room, target) = (gpu.link().room(1)?, Arc::new(target));
    let (device, count) = (gpu.link().client.properties_shared(), || CubeCount::Static(1, 1, 1));
    let mut all = Vec::new();
    // The numbers of a launch are zeros.
    macro_rules! add {
        ($module:ident :: $kernel:ident; $shape:expr; $units:expr, $shared:expr; $($argument:expr),*) => {
            all.push(Kernel {
                name: stringify!($kernel),
                shape: $shape,
                units: $units,
                shared: $shared,
                least: 80,
                kernel: Box::new($module::$kernel::create_dummy_kernel(
                    device.clone(), target.clone(), count(), CubeDim::new_1d($units), $($argument),*
                )),
            })
        };
    }
    let (b, none) = (|| room.arg(), String::new);
    for tile in Tile::ALL {
        let shape = format!("{}x{}x{}", tile.rows, tile.targets, tile.depth);
        let (units, shared) = (tile.units() as u32, tile.shared());
        add!(search::nearest; shape.clone(); units, shared;
            b(), b(), b(), b(), b(), b(), b(), 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0, tile);
        add!(search::above; shape; units, shared; b(), b(), b(), b(), b(), b(), b(), 0, 0, 0, 0, 0, 0, tile);
    }
    let lanes = NORM_ROWS * NORM_LANES;
    add!(search::norms; none(); lanes as u32, 4 * lanes; b(), b(), b(), 0.0, 0.0, 0.0, 0, 0, 0);
    add!(sums::add_runs; none(); sums::SLAB as u32, 0; b(), b(), b(), b(), 0, 0, 0);
    add!(gather::gather; none(); gather::UNITS, 0; b(), b(), b(), 0, 0, 0);
    add!(fill::fill; none(); fill::UNITS, 0; b(), 0, 0, 0);
    for (shape, value) in [("distance", Value::Distance(Square::Rounded)), ("cosine", Value::Cosine)] {
        add!(definition::settle; shape.to_owned(); definition::UNITS, 0; b(), b(), b(), 0, 0, 0, value);
    }
    add!(report::report; none(); report::UNITS, 0; b(), b(), b(), b(), 0);
    add!(mma::nearest_mma; none(); tensor::UNITS, mma::SHARED;
        b(), b(), b(), b(), b(), b(), 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0);
    add!(wgmma::nearest_wgmma; none(); tensor::UNITS, wgmma::SHARED;
        b(), b(), b(), b(), b(), b(), 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0);
    if let Some(kernel) = all.last_mut() {
        kernel.least = 90;
    }
    Ok(all)
}
