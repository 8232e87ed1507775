//! The bodies of each level, with the sizes of their tiles.

use super::super::level::Level;
use super::super::vector::Plain;
use super::coding::{Code, Coding, Measure, Scale, WIDTH};
use super::encode::{encode, measure};
use super::limits::{Limits, limits};
use super::pairs::{Pairs, pairs, products};
use super::scan::{Scan, scan};
use super::sums::{PlainSums, Sums};
#[cfg(target_arch = "x86_64")]
use super::words::{self, x86::Words256};
use super::words::{Factors, WordScan};

/// What one level runs, as raw functions; see the bodies for their contracts. Whoever calls them has checked that the
/// machine has the level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bodies {
    /// Rows of a tile.
    #[cfg(test)]
    pub rows: usize,
    /// The codes of the tile, and of pairs.
    pub tile: Coding,
    pub pair: Coding,
    /// Whether the tile adds short products.
    pub short: bool,
    /// Whether a unit multiplies whole tiles.
    pub matrix: bool,
    /// Columns of a tile: a panel keeps as many together.
    pub group: usize,
    pub measure: unsafe fn(&[f32]) -> Measure,
    pub encode: unsafe fn(Coding, &[f32], Scale, u8, *mut u8) -> Code,
    pub scan: unsafe fn(&Scan<'_>) -> usize,
    pub limits: unsafe fn(&Limits),
    /// Scans in sums of 16 bits, where products are short.
    pub words: Option<Words>,
    /// Pairs of rows in the tile's coding, and in that of pairs.
    pub tile_pairs: unsafe fn(&Pairs<'_>),
    pub pairs: unsafe fn(&Pairs<'_>),
    /// The inner product of signed codes, a multiple of 16 of them.
    pub dot: unsafe fn(*const u8, *const u8, usize) -> i32,
}

/// Scans in sums of 16 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub scan: unsafe fn(&WordScan<'_>) -> usize,
    pub factors: unsafe fn(&Factors<'_>),
}

/// Rows of bytes around 128: unsigned times signed.
#[cfg(target_arch = "x86_64")]
const UNSIGNED: Coding = Coding { reach: 127, offset: 128 };
/// Rows of at most 127: short products.
#[cfg(target_arch = "x86_64")]
const SHORT: Coding = Coding { reach: 63, offset: 64 };
/// Signed rows.
const SIGNED: Coding = Coding { reach: 127, offset: 0 };

/// Declares the bodies of one level. Short products need a register for each of the four steps of a column that they add
/// at once, so their tiles are one register wide. The sizes of its tile and the number of registers that a pass over a row keeps busy
/// stand here alone.
macro_rules! level {
    ($name:ident, $scan:ident, tile $tile:ty: $mr:literal x $nv:literal, $tile_coding:ident, pairs $pair:ty, $pair_coding:ident,
     signed $signed:ty, floats $floats:ty: $n:literal, words $words:expr $(, $feature:literal)?) => {
        pub(super) mod $name {
            use super::*;

            pub const BODIES: Bodies = {
                assert!(WIDTH.is_multiple_of($nv * <$tile>::LANES));
                assert!(<$tile>::OFFSET == ($tile_coding.offset > 0) && <$pair>::OFFSET == ($pair_coding.offset > 0));
                assert!(<$tile>::SHORT == ($tile_coding.reach == 63) && !<$signed>::OFFSET);
                assert!(<$tile>::SHORT == $words.is_some());
                Bodies {
                    #[cfg(test)]
                    rows: $mr,
                    tile: $tile_coding,
                    pair: $pair_coding,
                    short: <$tile>::SHORT,
                    matrix: false,
                    group: $nv * <$tile>::LANES,
                    measure: measure_row,
                    encode: encode_row,
                    scan: $scan,
                    limits: limits_of,
                    words: $words,
                    tile_pairs,
                    pairs: pair_pairs,
                    dot,
                }
            };

            /// # Safety
            /// As [`scan`]; the caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn $scan(args: &Scan<'_>) -> usize {
                // SAFETY: the caller's contract is the same.
                unsafe { scan::<$tile, $mr, $nv>(args) }
            }

            /// # Safety
            /// As [`limits`]; the caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn limits_of(args: &Limits) {
                // SAFETY: the caller's contract is the same.
                unsafe { limits::<$floats>(args) }
            }

            /// # Safety
            /// As [`pairs`]; the caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn tile_pairs(args: &Pairs<'_>) {
                // SAFETY: the caller's contract is the same.
                unsafe { pairs::<$tile>(args) }
            }

            /// # Safety
            /// As [`pairs`]; the caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn pair_pairs(args: &Pairs<'_>) {
                // SAFETY: the caller's contract is the same.
                unsafe { pairs::<$pair>(args) }
            }

            /// # Safety
            /// Both pointers are valid for `depth` codes, a multiple of 16; the caller has checked that the machine has the
            /// level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn dot(a: *const u8, b: *const u8, depth: usize) -> i32 {
                // SAFETY: the caller's contract is the same.
                unsafe { products::<$signed, false>([a; 4], [b; 4], [b; 4], depth)[0] }
            }

            /// # Safety
            /// The caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn measure_row(x: &[f32]) -> Measure {
                // SAFETY: the caller's contract is the same.
                unsafe { measure::<$floats, $n>(x) }
            }

            /// # Safety
            /// As [`encode`]; the caller has checked that the machine has the level.
            $(#[target_feature(enable = $feature)])?
            unsafe fn encode_row(coding: Coding, x: &[f32], scale: Scale, offset: u8, out: *mut u8) -> Code {
                // SAFETY: the caller's contract is the same.
                unsafe { encode::<$floats, $n>(coding, x, scale, offset, out) }
            }
        }
    };
}

level!(scalar, scan_scalar, tile PlainSums: 4 x 2, SIGNED, pairs PlainSums, SIGNED, signed PlainSums, floats Plain<f32, 4>: 4,
    words None::<Words>);
#[cfg(target_arch = "x86_64")]
use super::super::vector::x86::{Avx2F32, Avx512F32};
#[cfg(target_arch = "x86_64")]
use super::sums::x86::{Short256, Short512, Signed256, Vnni256, Vnni512};
/// Scans in sums of 16 bits, in registers of 256: with AVX-512, too, since panels are no multiple of 32 columns.
#[cfg(target_arch = "x86_64")]
const WORDS_256: Words = {
    /// # Safety
    /// As [`words::scan`]; the caller has checked that the machine has AVX2.
    #[target_feature(enable = "avx2,fma,popcnt")]
    unsafe fn scan_words(args: &WordScan<'_>) -> usize {
        // SAFETY: the caller's contract is the same.
        unsafe { words::scan::<Words256>(args) }
    }

    /// # Safety
    /// As [`words::factors`]; the caller has checked that the machine has AVX2.
    #[target_feature(enable = "avx2,fma,popcnt")]
    unsafe fn factors(args: &Factors<'_>) {
        // SAFETY: the caller's contract is the same.
        unsafe { words::factors(args) }
    }
    Words { scan: scan_words, factors }
};
#[cfg(target_arch = "x86_64")]
level!(avx2, scan_avx2, tile Short256: 6 x 1, SHORT, pairs Signed256, SIGNED, signed Signed256, floats Avx2F32: 2,
    words Some(WORDS_256), "avx2,fma,popcnt");
#[cfg(target_arch = "x86_64")]
level!(avxvnni, scan_avxvnni, tile Vnni256: 6 x 2, UNSIGNED, pairs Vnni256, UNSIGNED, signed Signed256, floats Avx2F32: 2,
    words None::<Words>, "avx2,fma,popcnt,avxvnni");
#[cfg(target_arch = "x86_64")]
level!(avx512, scan_avx512, tile Short512: 12 x 1, SHORT, pairs Signed256, SIGNED, signed Signed256, floats Avx512F32: 2,
    words Some(WORDS_256), "avx2,fma,popcnt,avx512f,avx512vl,avx512bw");
#[cfg(target_arch = "x86_64")]
level!(avx512vnni, scan_avx512vnni, tile Vnni512: 8 x 3, UNSIGNED, pairs Vnni512, UNSIGNED, signed Signed256,
    floats Avx512F32: 2, words None::<Words>, "avx2,fma,popcnt,avx512f,avx512vl,avx512bw,avx512vnni");
/// All bodies of the level below, but for the scan.
#[cfg(target_arch = "x86_64")]
pub(super) mod amx {
    use super::super::matrix::{self, x86::Amx};
    use super::*;

    pub const BODIES: Bodies = {
        assert!(avx512vnni::BODIES.group == WIDTH && avx512vnni::BODIES.tile.offset == UNSIGNED.offset);
        Bodies {
            #[cfg(test)]
            rows: matrix::ROWS,
            matrix: true,
            scan: scan_amx,
            ..avx512vnni::BODIES
        }
    };

    /// # Safety
    /// As [`matrix::scan`]; the caller has checked that the machine has the level.
    #[target_feature(enable = "avx2,fma,popcnt,avx512f,avx512vl,avx512bw,avx512vnni")]
    unsafe fn scan_amx(args: &Scan<'_>) -> usize {
        // SAFETY: the caller's contract is the same.
        unsafe { matrix::scan::<Amx, Vnni512>(args) }
    }
}
#[cfg(target_arch = "aarch64")]
use super::super::vector::arm::NeonF32;
#[cfg(target_arch = "aarch64")]
use super::sums::arm::Dot128;
#[cfg(target_arch = "aarch64")]
level!(neon, scan_neon, tile PlainSums: 4 x 2, SIGNED, pairs PlainSums, SIGNED, signed PlainSums, floats Plain<f32, 4>: 4,
    words None::<Words>, "neon");
#[cfg(target_arch = "aarch64")]
level!(dotprod, scan_dotprod, tile Dot128: 8 x 3, SIGNED, pairs Dot128, SIGNED, signed Dot128, floats NeonF32: 4,
    words None::<Words>, "neon,dotprod");

/// The bodies of a level that the caller has found to be available.
pub(super) fn bodies(level: Level) -> Bodies {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::BODIES,
        #[cfg(target_arch = "x86_64")]
        Level::AvxVnni => avxvnni::BODIES,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::BODIES,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni => avx512vnni::BODIES,
        #[cfg(target_arch = "x86_64")]
        Level::Amx => amx::BODIES,
        #[cfg(target_arch = "aarch64")]
        Level::Neon if has_dotprod() => dotprod::BODIES,
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::BODIES,
        _ => scalar::BODIES,
    }
}

/// Whether NEON has its products of bytes: every core since 2018.
#[cfg(all(target_arch = "aarch64", feature = "std"))]
fn has_dotprod() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

#[cfg(all(target_arch = "aarch64", not(feature = "std")))]
fn has_dotprod() -> bool {
    cfg!(target_feature = "dotprod")
}
