//! Tensors of DLPack, borrowed: the structs of dlpack.h, declared once more because that header may be included too.

use core::ffi::c_void;

use crate::door::Door;
use crate::status::{Done, Failure, pauca_error, pauca_status};
use crate::view::{
    PAUCA_BF16, PAUCA_DEVICE_CPU, PAUCA_DEVICE_CUDA, PAUCA_DEVICE_CUDA_HOST, PAUCA_DEVICE_CUDA_MANAGED,
    PAUCA_F16, PAUCA_F32, PAUCA_F64, pauca_view,
};

#[repr(C)]
#[derive(Clone, Copy)]
struct Device {
    kind: i32,
    id: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

/// DLTensor, 48 bytes where pointers have 8.
#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device: Device,
    ndim: i32,
    dtype: DataType,
    shape: *const i64,
    strides: *const i64,
    byte_offset: u64,
}

/// DLManagedTensorVersioned of major version 1.
#[repr(C)]
struct Versioned {
    major: u32,
    minor: u32,
    manager: *mut c_void,
    deleter: *const c_void,
    flags: u64,
    tensor: Tensor,
}

/// kDLFloat, kDLBfloat.
const FLOAT: u8 = 2;
const BFLOAT: u8 = 4;

fn view_of(door: &Door, tensor: &Tensor) -> Done<pauca_view> {
    let what = "tensor";
    let known = [PAUCA_DEVICE_CPU, PAUCA_DEVICE_CUDA, PAUCA_DEVICE_CUDA_HOST, PAUCA_DEVICE_CUDA_MANAGED];
    if !known.contains(&tensor.device.kind) {
        let why = "only memory of the host and of CUDA devices is read";
        return Err(Failure::Device { what, device: tensor.device.kind, why });
    }
    if tensor.ndim != 2 {
        let found = tensor.ndim.into();
        return Err(Failure::Type { what: "number of dimensions of the tensor", found, expected: "2" });
    }
    let dtype = match (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) {
        (FLOAT, 16, 1) => PAUCA_F16,
        (FLOAT, 32, 1) => PAUCA_F32,
        (FLOAT, 64, 1) => PAUCA_F64,
        (BFLOAT, 16, 1) => PAUCA_BF16,
        (code, bits, lanes) => {
            let found = i64::from(code) << 32 | i64::from(bits) << 16 | i64::from(lanes);
            let expected = "a float of 16, 32 or 64 bits, or a bfloat, of one lane";
            return Err(Failure::Type { what: "type of the tensor (code, bits, lanes)", found, expected });
        }
    };
    let &[n, d] = door.slice("shape", tensor.shape, 2)? else { return Err(Failure::Null("shape")) };
    let negative = |found| Failure::Type { what: "shape of the tensor", found, expected: "at least 0" };
    let (rows, cols) =
        (u64::try_from(n).map_err(|_| negative(n))?, u64::try_from(d).map_err(|_| negative(d))?);
    let (row, col) = match door.slice_or_null("strides", tensor.strides, 2)? {
        Some(&[row, col]) => (row, col),
        _ => (d, 1),
    };
    // A stride that is never taken may be anything.
    let col_stride = if cols > 1 { col } else { 1 };
    let row_stride = if rows > 1 { row } else { d.saturating_mul(col_stride) };
    let data = tensor.data.cast::<u8>().wrapping_add(tensor.byte_offset as usize);
    let data = if tensor.data.is_null() { core::ptr::null() } else { data.cast_const() };
    Ok(pauca_view {
        row_stride,
        col_stride,
        dtype,
        device: tensor.device.kind,
        device_id: tensor.device.id,
        ..pauca_view::packed(data.cast(), rows, cols)
    })
}

/// A view of a DLTensor of two dimensions (dlpack.h: pass &managed->dl_tensor). The tensor is borrowed: its memory must
/// live as long as the view is used, and its deleter stays the caller's to call. A tensor of a CUDA device: set the stream
/// of the view where its values are made on another than the default stream.
/// Errors: PAUCA_UNSUPPORTED_DEVICE, PAUCA_UNSUPPORTED_TYPE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_view_from_dlpack(
    dl_tensor: *const c_void,
    view: *mut pauca_view,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let tensor = door.get("dl_tensor", dl_tensor.cast::<Tensor>())?;
        let out = door.out("view", view, 1)?;
        out.write(&[view_of(door, tensor)?]);
        Ok(())
    })
}

/// A view of a DLManagedTensorVersioned (DLPack 1.x) of two dimensions, borrowed as by pauca_view_from_dlpack.
/// Errors: PAUCA_UNSUPPORTED_TYPE also for another major version, PAUCA_UNSUPPORTED_DEVICE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_view_from_dlpack_versioned(
    dl_managed_tensor: *const c_void,
    view: *mut pauca_view,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        // Only the version may be looked at before it is known.
        let version = door.get("dl_managed_tensor", dl_managed_tensor.cast::<[u32; 2]>())?;
        if version[0] != 1 {
            let (what, found) = ("major version of DLPack", version[0].into());
            return Err(Failure::Type { what, found, expected: "1" });
        }
        let managed = door.get("dl_managed_tensor", dl_managed_tensor.cast::<Versioned>())?;
        let out = door.out("view", view, 1)?;
        out.write(&[view_of(door, &managed.tensor)?]);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn structs_have_the_sizes_of_dlpack() {
        assert_eq!((size_of::<Tensor>(), size_of::<Versioned>()), (48, 80));
    }
}
