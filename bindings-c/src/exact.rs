//! The definitions, and sums of numbers without rounding.

use pauca::exact::bounds::{Euclidean, Precision, cosine_error};
use pauca::exact::elementary;
use pauca::exact::{F64Sum, cosine, dot64, squared_distance};

use crate::door::{Door, free, size};
use crate::options::choice;
use crate::status::{Done, Failure, pauca_error, pauca_status};

/// Arithmetic in f32.
pub const PAUCA_PRECISION_F32: i32 = 0;
/// Arithmetic in f64.
pub const PAUCA_PRECISION_F64: i32 = 1;

/// Two rows of d values, and where a number about them goes.
fn of_rows(
    error: *mut pauca_error,
    (a, b, d): (*const f32, *const f32, u64),
    out: *mut f64,
    f: fn(&[f32], &[f32]) -> f64,
) -> pauca_status {
    // SAFETY: only the exported functions of this file call this, with their arguments.
    unsafe { Door::open(error) }.run(|door| {
        let d = size("d", d)?;
        let (a, b) = (door.slice("a", a, d)?, door.slice("b", b, d)?);
        let out = door.out("out", out, 1)?;
        out.write(&[f(a, b)]);
        Ok(())
    })
}

/// The dot product of two rows of d values, in f64 and in one fixed order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_exact_dot64(
    a: *const f32,
    b: *const f32,
    d: u64,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    of_rows(error, (a, b, d), out, dot64)
}

/// The squared Euclidean distance of two rows of d values, as every label is decided by it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_exact_squared_distance(
    a: *const f32,
    b: *const f32,
    d: u64,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    of_rows(error, (a, b, d), out, squared_distance)
}

/// The cosine of two rows of d values, within [-1, 1], as every duplicate is decided by it; 0 where a row is all zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_exact_cosine(
    a: *const f32,
    b: *const f32,
    d: u64,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    of_rows(error, (a, b, d), out, cosine)
}

/// e^x, correctly rounded.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_exact_exp(x: f64) -> f64 {
    elementary::exp(x)
}

/// The natural logarithm of x, correctly rounded.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_exact_ln(x: f64) -> f64 {
    elementary::ln(x)
}

/// (2 / pi) atan t for t >= 0, in half turns the angle whose half has the tangent t; NaN for t < 0. Correctly rounded.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_exact_half_turns(t: f64) -> f64 {
    elementary::half_turns(t)
}

fn precision(found: i32) -> Done<Precision> {
    choice("precision", &[Precision::F32, Precision::F64], found, "one of PAUCA_PRECISION_...")
}

/// How far the cosine of two rows of d values, computed in a precision, may be from the definition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_exact_cosine_error(
    in_precision: i32,
    d: u64,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let (p, d) = (precision(in_precision)?, size("d", d)?);
        door.out("out", out, 1)?.write(&[cosine_error(p, d)]);
        Ok(())
    })
}

/// The bound E for half the squared distance of rows of d values scaled by scale, of norms at most norm_a and norm_b,
/// computed in a precision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_exact_euclidean_error(
    in_precision: i32,
    d: u64,
    scale: f64,
    norm_a: f64,
    norm_b: f64,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let (p, d) = (precision(in_precision)?, size("d", d)?);
        door.out("out", out, 1)?.write(&[Euclidean::new(p, d, scale).error(norm_a, norm_b)]);
        Ok(())
    })
}

/// An exact sum of f64 values. Used by one call at a time, on any thread.
pub struct pauca_f64sum {
    sum: F64Sum,
}

/// An empty sum. Free it with pauca_f64sum_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_f64sum_new(
    out: *mut *mut pauca_f64sum,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| door.handle("out", out)?.put(pauca_f64sum { sum: F64Sum::new() }))
}

/// Adds len values; with weights (NULL for none) each times its weight, exactly. A NaN makes the sum NaN for good;
/// infinities make it infinite, or NaN where their signs differ.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_f64sum_add(
    sum: *mut pauca_f64sum,
    values: *const f64,
    weights: *const f32,
    len: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sum = &mut door.get_mut("sum", sum)?.sum;
        let len = size("len", len)?;
        let values = door.slice("values", values, len)?;
        match door.slice_or_null("weights", weights, len)? {
            None => sum.extend(values.iter().copied()),
            Some(weights) => weights.iter().zip(values).for_each(|(w, x)| sum.add_product(*w, *x)),
        }
        Ok(())
    })
}

/// Adds the sum of other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_f64sum_merge(
    sum: *mut pauca_f64sum,
    other: *const pauca_f64sum,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        if core::ptr::eq(sum, other) && !sum.is_null() {
            return Err(Failure::Overlap { output: "sum", other: "other" });
        }
        let other = door.get("other", other)?;
        door.get_mut("sum", sum)?.sum.merge(&other.sum);
        Ok(())
    })
}

/// The sum, rounded once to nearest, ties to even.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_f64sum_value(
    sum: *const pauca_f64sum,
    out: *mut f64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let sum = &door.get("sum", sum)?.sum;
        door.out("out", out, 1)?.write(&[sum.value()]);
        Ok(())
    })
}

/// Frees a sum; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_f64sum_free(sum: *mut pauca_f64sum) {
    // SAFETY: the contract of the header.
    unsafe { free(sum) }
}
