//! What the library is: versions, levels, features.

use core::ffi::{CStr, c_char};

use pauca::Level;

use crate::door::Door;
use crate::status::{Done, Failure, pauca_error, pauca_status};

/// The version of this header: major number times 65536, plus minor number. Within a major number later libraries serve
/// programs that were compiled with an earlier header.
pub const PAUCA_ABI_VERSION: u32 = 4;

/// The level that the environment variable PAUCA_SIMD names, else the best one of the machine.
pub const PAUCA_SIMD_DEFAULT: i32 = 0;
/// What every machine of the target has.
pub const PAUCA_SIMD_SCALAR: i32 = 1;
/// x86-64 with AVX2 and FMA.
pub const PAUCA_SIMD_AVX2: i32 = 2;
/// x86-64 with AVX-512F and AVX-512VL.
pub const PAUCA_SIMD_AVX512: i32 = 3;
/// AArch64 with NEON.
pub const PAUCA_SIMD_NEON: i32 = 4;
/// x86-64 with AVX-VNNI.
pub const PAUCA_SIMD_AVX_VNNI: i32 = 5;
/// x86-64 with AVX-512 VNNI.
pub const PAUCA_SIMD_AVX512_VNNI: i32 = 6;
/// x86-64 with AVX-512 VNNI and AMX-INT8, on Linux. The first question for it, or for the best level, asks Linux for the registers; from
/// then on Linux refuses alternate signal stacks that are too small for them. PAUCA_SIMD=avx512vnni in the environment asks for nothing.
pub const PAUCA_SIMD_AMX: i32 = 7;

const LEVELS: [(Level, &CStr); Level::ALL.len()] = [
    (Level::Scalar, c"scalar"),
    (Level::Avx2, c"avx2"),
    (Level::Avx512, c"avx512"),
    (Level::Neon, c"neon"),
    (Level::AvxVnni, c"avxvnni"),
    (Level::Avx512Vnni, c"avx512vnni"),
    (Level::Amx, c"amx"),
];

/// The level of a number of C; none for the default.
pub(crate) fn level(found: i32) -> Done<Option<Level>> {
    match found {
        PAUCA_SIMD_DEFAULT => Ok(None),
        PAUCA_SIMD_SCALAR..=PAUCA_SIMD_AMX => Ok(Some(LEVELS[found as usize - 1].0)),
        _ => Err(pauca::Error::InvalidParameter {
            name: "simd_level",
            value: found.into(),
            expected: "one of PAUCA_SIMD_...",
        }
        .into()),
    }
}

/// The number that C has for a level.
pub(crate) fn level_number(level: Level) -> i32 {
    LEVELS.iter().position(|(other, _)| *other == level).map_or(PAUCA_SIMD_DEFAULT, |at| at as i32 + 1)
}

/// The version of the ABI of the library, as PAUCA_ABI_VERSION has it for the header.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_abi_version() -> u32 {
    PAUCA_ABI_VERSION
}

/// Whether a program that was compiled with a header of this version works with the library: pass PAUCA_ABI_VERSION.
/// Errors: PAUCA_ABI for another major number, or a later minor number than that of the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_abi_check(header_version: u32, error: *mut pauca_error) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|_| abi(header_version))
}

pub(crate) fn abi(found: u32) -> Done {
    let here = PAUCA_ABI_VERSION;
    let fits = found >> 16 == here >> 16 && found & 0xffff <= here & 0xffff;
    if fits { Ok(()) } else { Err(Failure::Abi { found, here }) }
}

/// The version of the library: "0.1.0". Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_version_string() -> *const c_char {
    const VERSION: &CStr = text(concat!(env!("CARGO_PKG_VERSION"), "\0"));
    VERSION.as_ptr()
}

/// Version, target and features of the library, in one line. Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_build_info() -> *const c_char {
    const INFO: &CStr = text(concat!(
        "pauca ",
        env!("CARGO_PKG_VERSION"),
        " ",
        env!("PAUCA_TARGET"),
        " ",
        env!("PAUCA_FEATURES"),
        "\0"
    ));
    INFO.as_ptr()
}

const fn text(with_end: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(with_end.as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    }
}

/// 1 if this machine has the level, else 0. PAUCA_SIMD_DEFAULT always is.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_simd_available(simd_level: i32) -> i32 {
    match level(simd_level) {
        Ok(None) => 1,
        Ok(Some(level)) => level.is_available().into(),
        Err(_) => 0,
    }
}

/// "scalar", "avx2", "avx512", "neon", "avxvnni", "avx512vnni" or "amx"; for PAUCA_SIMD_DEFAULT the best level of the machine; "?" for other numbers.
/// Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_simd_name(simd_level: i32) -> *const c_char {
    let known = level(simd_level).ok().map(|level| level_number(level.unwrap_or_else(Level::detect)));
    known.map_or(c"?".as_ptr(), |number| LEVELS[number.max(1) as usize - 1].1.as_ptr())
}
