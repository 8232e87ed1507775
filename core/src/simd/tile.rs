//! The tile kernel: one body, one wrapper a level, one safe face.

use super::level::{Level, unavailable};
use super::vector::{Plain, Vector};
use crate::error::Result;
use crate::exact::KERNEL_DEPTH as DEPTH;

/// Largest tile of any level: 8 x 48.
pub(crate) const MAX_TILE: usize = 8 * 48;
/// Most rows of a tile of any level.
pub(crate) const MAX_ROWS: usize = 8;

/// What one call of the kernel leaves: the scores of the tile and one hit mask a row.
pub(crate) struct Tile<T> {
    /// `z[r * nr + c]`.
    pub z: [T; MAX_TILE],
    /// Bit `c` of `hits[r]`: `z[r][c] <= threshold[r]`.
    pub hits: [u64; MAX_ROWS],
}

impl<T: Default + Copy> Tile<T> {
    pub fn new() -> Self {
        Self { z: [T::default(); MAX_TILE], hits: [0; MAX_ROWS] }
    }
}

/// Raw arguments of a kernel; see [`Kernel::scan`] for what they mean.
type Run<T> = unsafe fn(usize, *const T, usize, *const T, *const T, *const T, &mut Tile<T>) -> bool;
/// Raw arguments of [`Kernel::add_product`].
#[derive(Clone, Copy)]
struct Product<T> {
    depth: usize,
    rows: *const T,
    stride: usize,
    panel: *const T,
    columns: usize,
    scale: T,
    out: *mut T,
    width: usize,
}

/// A kernel of one level: holding one is the proof that the machine has the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel<T> {
    mr: usize,
    nr: usize,
    run: Run<T>,
    add: unsafe fn(Product<T>),
}

/// The two scalar types for which kernels exist.
pub(crate) trait KernelScalar: Copy + Default + PartialOrd + Send + Sync + 'static {
    fn kernel(level: Level) -> Result<Kernel<Self>>;
}

impl<T: Copy> Kernel<T> {
    /// Rows of a tile.
    pub fn mr(&self) -> usize {
        self.mr
    }

    /// Targets of a panel.
    pub fn nr(&self) -> usize {
        self.nr
    }

    /// Scores `mr` rows against one panel and marks those at or below the thresholds.
    ///
    /// - `rows`: row `r` at `rows[r * stride..][..depth]`;
    /// - `panel`: target `c`, step `t` at `panel[t * nr + c]`;
    /// - `offset`: `nr` values; `threshold`: `mr` values (a NaN is never hit, and
    ///   -inf only by a score of -inf).
    ///
    /// Returns whether any bit of `out.hits` is set.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    pub fn scan(
        &self,
        depth: usize,
        rows: &[T],
        stride: usize,
        panel: &[T],
        offset: &[T],
        threshold: &[T],
        out: &mut Tile<T>,
    ) -> bool {
        assert!(stride >= depth && rows.len() >= (self.mr - 1) * stride + depth);
        assert!(panel.len() >= depth * self.nr && offset.len() >= self.nr && threshold.len() >= self.mr);
        let (rows, panel) = (rows.as_ptr(), panel.as_ptr());
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above
        // and cover every access that `body` documents.
        unsafe { (self.run)(depth, rows, stride, panel, offset.as_ptr(), threshold.as_ptr(), out) }
    }

    /// Adds `scale` times the product of `mr` rows and the first `columns` columns of one panel, laid
    /// out as for [`scan`](Kernel::scan), to `out`: entry (r, c) at `out[r * width + c]`. Up to `nr`
    /// columns are written, those after `columns` with anything.
    ///
    /// Steps are summed `KERNEL_DEPTH` at a time, in their order. Levels that fuse give the same bits.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    pub fn add_product(
        &self,
        depth: usize,
        rows: &[T],
        stride: usize,
        panel: &[T],
        columns: usize,
        scale: T,
        out: &mut [T],
        width: usize,
    ) {
        assert!(stride >= depth && rows.len() >= (self.mr - 1) * stride + depth);
        assert!(panel.len() >= depth * self.nr);
        assert!(width >= self.nr && out.len() >= (self.mr - 1) * width + self.nr);
        let (rows, panel, out) = (rows.as_ptr(), panel.as_ptr(), out.as_mut_ptr());
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above
        // and cover every access that `add` documents.
        unsafe { (self.add)(Product { depth, rows, stride, panel, columns, scale, out, width }) }
    }
}

/// The sums of the products of a tile over the steps `from..to`, which are `nr` values apart in the panel.
///
/// # Safety
/// `V`'s instruction set is enabled; `rows` is valid for `(MR - 1) * stride + to` values, `panel` for
/// `to * nr`, and `NV * LANES <= nr`.
#[inline(always)]
unsafe fn sums<V: Vector, const MR: usize, const NV: usize>(
    from: usize,
    to: usize,
    rows: *const V::Scalar,
    stride: usize,
    panel: *const V::Scalar,
    nr: usize,
) -> [[V; NV]; MR]
where
    V::Scalar: Default,
{
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        let mut acc = [[V::splat(V::Scalar::default()); NV]; MR];
        let mut column = panel.add(from * nr);
        for t in from..to {
            let b: [V; NV] = core::array::from_fn(|v| V::load(column.add(v * V::LANES)));
            column = column.add(nr);
            for r in 0..MR {
                let a = V::splat(*rows.add(r * stride + t));
                for v in 0..NV {
                    acc[r][v] = acc[r][v].add_product(a, b[v]);
                }
            }
        }
        acc
    }
}

/// The body of [`Kernel::add_product`] for a tile of `MR` rows and the first `NV` vectors of a panel.
///
/// # Safety
/// `V`'s instruction set is enabled; `rows` is valid for `(MR - 1) * stride + depth` values, `panel`
/// for `depth * nr`, `out` for `(MR - 1) * width + NV * LANES`, and `NV * LANES <= nr`.
#[inline(always)]
unsafe fn add<V: Vector, const MR: usize, const NV: usize>(product: Product<V::Scalar>, nr: usize)
where
    V::Scalar: Default,
{
    let Product { depth, rows, stride, panel, scale, out, width, .. } = product;
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        let scale = V::splat(scale);
        for from in (0..depth).step_by(DEPTH) {
            let acc: [[V; NV]; MR] = sums(from, depth.min(from + DEPTH), rows, stride, panel, nr);
            for r in 0..MR {
                for v in 0..NV {
                    let at = out.add(r * width + v * V::LANES);
                    V::load(at).add_product(scale, acc[r][v]).store(at);
                }
            }
        }
    }
}

/// The kernel's body for a tile of `MR` rows and `NV` vectors.
///
/// # Safety
/// `V`'s instruction set is enabled; `rows` is valid for `(MR - 1) * stride + depth` values,
/// `panel` for `depth * NV * LANES`, `offset` for `NV * LANES`, `threshold` for `MR`;
/// `MR * NV * LANES <= MAX_TILE` and `MR <= MAX_ROWS`.
#[inline(always)]
unsafe fn body<V: Vector, const MR: usize, const NV: usize>(
    depth: usize,
    rows: *const V::Scalar,
    stride: usize,
    panel: *const V::Scalar,
    offset: *const V::Scalar,
    threshold: *const V::Scalar,
    out: &mut Tile<V::Scalar>,
) -> bool
where
    V::Scalar: Default,
{
    let nr = NV * V::LANES;
    let z = out.z.as_mut_ptr();
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        let mut from = 0;
        loop {
            let to = depth.min(from + DEPTH);
            let acc: [[V; NV]; MR] = sums(from, to, rows, stride, panel, nr);
            for r in 0..MR {
                for v in 0..NV {
                    let at = z.add(r * nr + v * V::LANES);
                    let total = if from == 0 { acc[r][v] } else { V::load(at).add(acc[r][v]) };
                    total.store(at);
                }
            }
            from = to;
            if from >= depth {
                break;
            }
        }
        let mut any = 0;
        for r in 0..MR {
            let limit = V::splat(*threshold.add(r));
            let mut mask = 0;
            for v in 0..NV {
                let at = z.add(r * nr + v * V::LANES);
                let score = V::load(offset.add(v * V::LANES)).sub(V::load(at));
                score.store(at);
                mask |= score.at_most(limit) << (v * V::LANES);
            }
            out.hits[r] = mask;
            any |= mask;
        }
        any != 0
    }
}

/// Declares the kernel of one level with its two wrappers: the sizes of the tile stand here alone.
macro_rules! kernel {
    ($kernel:ident, $run:ident, $add:ident, $scalar:ty, $vector:ty, $mr:literal x $nv:literal $(, $feature:literal)?) => {
        const $kernel: Kernel<$scalar> = {
            assert!($nv >= 2);
            assert!($mr <= MAX_ROWS && $mr * $nv * <$vector>::LANES <= MAX_TILE && $nv * <$vector>::LANES <= 64);
            Kernel { mr: $mr, nr: $nv * <$vector>::LANES, run: $run, add: $add }
        };

        /// # Safety
        /// As [`body`]; the caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $run(
            depth: usize,
            rows: *const $scalar,
            stride: usize,
            panel: *const $scalar,
            offset: *const $scalar,
            threshold: *const $scalar,
            out: &mut Tile<$scalar>,
        ) -> bool {
            // SAFETY: the caller's contract is the same.
            unsafe { body::<$vector, $mr, $nv>(depth, rows, stride, panel, offset, threshold, out) }
        }

        /// # Safety
        /// As [`add`]; the caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $add(product: Product<$scalar>) {
            const LANES: usize = <$vector>::LANES;
            // SAFETY: the caller's contract is the same; fewer vectors touch less.
            unsafe {
                match product.columns.div_ceil(LANES) {
                    1 => add::<$vector, $mr, 1>(product, $nv * LANES),
                    2 => add::<$vector, $mr, 2>(product, $nv * LANES),
                    _ => add::<$vector, $mr, $nv>(product, $nv * LANES),
                }
            }
        }
    };
}

kernel!(F32_SCALAR, tile_f32_scalar, add_f32_scalar, f32, Plain<f32, 4>, 4 x 2);
kernel!(F64_SCALAR, tile_f64_scalar, add_f64_scalar, f64, Plain<f64, 2>, 4 x 2);
#[cfg(target_arch = "x86_64")]
use super::vector::x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
#[cfg(target_arch = "x86_64")]
kernel!(F32_AVX2, tile_f32_avx2, add_f32_avx2, f32, Avx2F32, 6 x 2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernel!(F64_AVX2, tile_f64_avx2, add_f64_avx2, f64, Avx2F64, 6 x 2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernel!(F32_AVX512, tile_f32_avx512, add_f32_avx512, f32, Avx512F32, 8 x 3, "avx512f,avx512vl,fma");
#[cfg(target_arch = "x86_64")]
kernel!(F64_AVX512, tile_f64_avx512, add_f64_avx512, f64, Avx512F64, 8 x 3, "avx512f,avx512vl,fma");
#[cfg(target_arch = "aarch64")]
use super::vector::arm::{NeonF32, NeonF64};
#[cfg(target_arch = "aarch64")]
kernel!(F32_NEON, tile_f32_neon, add_f32_neon, f32, NeonF32, 8 x 3, "neon");
#[cfg(target_arch = "aarch64")]
kernel!(F64_NEON, tile_f64_neon, add_f64_neon, f64, NeonF64, 8 x 3, "neon");

macro_rules! kernels {
    ($scalar:ty: $plain:ident, $avx2:ident, $avx512:ident, $neon:ident) => {
        impl KernelScalar for $scalar {
            fn kernel(level: Level) -> Result<Kernel<Self>> {
                if !level.is_available() {
                    return Err(unavailable());
                }
                Ok(match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 | Level::AvxVnni => $avx2,
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 | Level::Avx512Vnni | Level::Amx => $avx512,
                    #[cfg(target_arch = "aarch64")]
                    Level::Neon => $neon,
                    _ => $plain,
                })
            }
        }
    };
}
kernels!(f32: F32_SCALAR, F32_AVX2, F32_AVX512, F32_NEON);
kernels!(f64: F64_SCALAR, F64_AVX2, F64_AVX512, F64_NEON);

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::portable::{Portable, skipped};
    use super::*;
    use crate::random::Stream;

    /// The body of a level's kernel at its shape, on plain arrays.
    fn portable<V: Vector, const MR: usize, const NV: usize>() -> Kernel<V::Scalar>
    where
        V::Scalar: Default,
    {
        /// # Safety
        /// As [`add`].
        unsafe fn added<V: Vector, const MR: usize, const NV: usize>(product: Product<V::Scalar>)
        where
            V::Scalar: Default,
        {
            // SAFETY: the caller's contract is the same; fewer vectors touch less.
            unsafe {
                match product.columns.div_ceil(V::LANES) {
                    1 => add::<V, MR, 1>(product, NV * V::LANES),
                    2 => add::<V, MR, 2>(product, NV * V::LANES),
                    _ => add::<V, MR, NV>(product, NV * V::LANES),
                }
            }
        }
        Kernel { mr: MR, nr: NV * V::LANES, run: body::<V, MR, NV>, add: added::<V, MR, NV> }
    }

    /// The shapes of the levels that need more than the target's baseline.
    fn f32_levels() -> [(Level, Kernel<f32>); 3] {
        [
            (Level::Avx2, portable::<Portable<f32, 8>, 6, 2>()),
            (Level::Avx512, portable::<Portable<f32, 16>, 8, 3>()),
            (Level::Neon, portable::<Portable<f32, 4>, 8, 3>()),
        ]
    }

    fn f64_levels() -> [(Level, Kernel<f64>); 3] {
        [
            (Level::Avx2, portable::<Portable<f64, 4>, 6, 2>()),
            (Level::Avx512, portable::<Portable<f64, 8>, 8, 3>()),
            (Level::Neon, portable::<Portable<f64, 2>, 8, 3>()),
        ]
    }

    /// Small integers: every product and sum is exact, so all levels must agree to the bit.
    fn check<T: KernelScalar + core::fmt::Debug>(
        level: Level,
        kernel: Kernel<T>,
        from: impl Fn(i32) -> T,
        to: impl Fn(T) -> i64,
    ) {
        let (mr, nr) = (kernel.mr(), kernel.nr());
        for depth in [1, 2, 7, 16, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 3] {
            let stride = depth + 3;
            let value = |i: usize| ((i * 31 + i / 7) % 11) as i32 - 5;
            let rows: Vec<T> = (0..mr * stride).map(|i| from(value(i))).collect();
            let panel: Vec<T> = (0..depth * nr).map(|i| from(value(i + 5))).collect();
            let offset: Vec<T> = (0..nr).map(|c| from(c as i32)).collect();
            let expected = |r: usize, c: usize| {
                let dot: i64 =
                    (0..depth).map(|t| value(r * stride + t) as i64 * value(t * nr + c + 5) as i64).sum();
                c as i64 - dot
            };
            let threshold: Vec<T> = (0..mr).map(|r| from(expected(r, r % nr) as i32)).collect();
            let mut out = Tile::new();
            assert!(kernel.scan(depth, &rows, stride, &panel, &offset, &threshold, &mut out));
            for r in 0..mr {
                for c in 0..nr {
                    assert_eq!(to(out.z[r * nr + c]), expected(r, c), "{level:?} {depth} {r} {c}");
                    let hit = out.hits[r] >> c & 1 == 1;
                    assert_eq!(hit, expected(r, c) <= expected(r, r % nr), "{level:?} {depth} {r} {c}");
                }
            }
            let never = vec![from(-1_000_000); mr];
            assert!(!kernel.scan(depth, &rows, stride, &panel, &offset, &never, &mut out));
            for columns in 1..=nr {
                let mut sums: Vec<T> = (0..mr * nr).map(|i| from(i as i32)).collect();
                kernel.add_product(depth, &rows, stride, &panel, columns, from(-1), &mut sums, nr);
                for (r, c) in (0..mr).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                    let product = expected(r, c) - c as i64;
                    let sum = (r * nr + c) as i64 + product;
                    assert_eq!(to(sums[r * nr + c]), sum, "{level:?} {depth} {r} {c} of {columns}");
                }
            }
        }
    }

    #[test]
    fn tile_scores_and_hits_at_every_shape() {
        f32_levels().into_iter().for_each(|(level, kernel)| check(level, kernel, |i| i as f32, |x| x as i64));
        f64_levels().into_iter().for_each(|(level, kernel)| check(level, kernel, |i| i as f64, |x| x as i64));
    }

    #[test]
    fn tile_scores_and_hits_at_every_level() {
        for level in Level::available() {
            let Ok(kernel) = f32::kernel(level) else { panic!("{level:?} is listed but refused") };
            check(level, kernel, |i| i as f32, |x| x as i64);
            let Ok(kernel) = f64::kernel(level) else { panic!("{level:?} is listed but refused") };
            check(level, kernel, |i| i as f64, |x| x as i64);
        }
    }

    /// A level's own instructions do what the plain arrays do, to the bit: roundings, NaN, infinities, subnormals.
    fn natively<T: KernelScalar>(
        level: Level,
        portable: Kernel<T>,
        number: impl Fn(u64) -> T,
        bits: impl Fn(T) -> u64,
    ) {
        let Ok(native) = T::kernel(level) else {
            skipped(level, "the tile kernel");
            return;
        };
        let (mr, nr) = (portable.mr(), portable.nr());
        assert_eq!((native.mr(), native.nr()), (mr, nr), "the shape of {level:?}");
        for depth in [1, 17, DEPTH + 5] {
            let stream = Stream::new(depth as u64, 7);
            let numbers = |n: usize, kind: u32| -> Vec<T> {
                (0..n).map(|i| number(stream.bits(i as u64, kind))).collect()
            };
            let (rows, panel) = (numbers(mr * depth, 0), numbers(depth * nr, 1));
            let (offset, threshold) = (numbers(nr, 2), numbers(mr, 3));
            let mut tiles = [Tile::new(), Tile::new()];
            let any = [(0, native), (1, portable)]
                .map(|(i, k)| k.scan(depth, &rows, depth, &panel, &offset, &threshold, &mut tiles[i]));
            assert_eq!(any[0], any[1], "{level:?} {depth}");
            assert_eq!(tiles[0].hits, tiles[1].hits, "{level:?} {depth}");
            for (i, (a, b)) in tiles[0].z.iter().zip(&tiles[1].z).enumerate().take(mr * nr) {
                assert_eq!(bits(*a), bits(*b), "{level:?} {depth} {i}");
            }
        }
    }

    #[test]
    fn tile_instructions_do_what_plain_arrays_do() {
        // Mostly about 1, so that roundings are seen; now and then anything, such as a NaN or a subnormal.
        let narrow = |b: u64| match b % 499 {
            0 => f32::from_bits((b >> 32) as u32),
            1 => f32::NAN,
            _ => (b >> 40) as f32 / (1 << 23) as f32 - 1.0,
        };
        let wide = |b: u64| match b % 499 {
            0 => f64::from_bits(b),
            1 => f64::NAN,
            _ => (b >> 11) as f64 / (1u64 << 52) as f64 - 1.0,
        };
        // All NaN are one.
        let bits32 = |x: f32| if x.is_nan() { 0x7fc0_0000 } else { u64::from(x.to_bits()) };
        let bits64 = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        f32_levels().into_iter().for_each(|(level, kernel)| natively(level, kernel, narrow, bits32));
        f64_levels().into_iter().for_each(|(level, kernel)| natively(level, kernel, wide, bits64));
    }
}
