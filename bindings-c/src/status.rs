//! Status codes, and the caller's error.

use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};

use pauca::Error;

/// What a call returns: 0, or the code of what went wrong. Codes are never given a new meaning; later versions may add
/// some. `pauca_status_name` names them.
pub type pauca_status = i32;

/// Success.
pub const PAUCA_OK: pauca_status = 0;
/// An input holds a NaN or an infinity. detail: row, column.
pub const PAUCA_NON_FINITE: pauca_status = 1;
/// An input without rows or without columns.
pub const PAUCA_EMPTY: pauca_status = 2;
/// Two lengths that must agree do not. detail: the expected one, the one found.
pub const PAUCA_SHAPE_MISMATCH: pauca_status = 3;
/// A parameter outside of its documented range.
pub const PAUCA_INVALID_PARAMETER: pauca_status = 4;
/// Two settings that exclude each other.
pub const PAUCA_CONFLICT: pauca_status = 5;
/// More clusters than rows that can found one. detail: clusters, rows.
pub const PAUCA_TOO_MANY_CLUSTERS: pauca_status = 6;
/// A label outside of the clusters. detail: row, label.
pub const PAUCA_LABEL_OUT_OF_RANGE: pauca_status = 7;
/// A row of zeros where it has no meaning. detail: row.
pub const PAUCA_ZERO_ROW: pauca_status = 8;
/// A size that integers or proven bounds cannot serve. detail: the size, the limit.
pub const PAUCA_TOO_LARGE: pauca_status = 9;
/// Memory that grows with the input was refused. detail: bytes.
pub const PAUCA_OUT_OF_MEMORY: pauca_status = 10;
/// The caller asked to stop. The state of a run is that of its last finished iteration.
pub const PAUCA_CANCELLED: pauca_status = 11;
/// A SIMD level that is unknown or that this machine lacks.
pub const PAUCA_SIMD_LEVEL: pauca_status = 12;
/// Bytes that are no state of this library, are of another version, or were damaged. detail: byte.
pub const PAUCA_CORRUPT: pauca_status = 13;
/// A state of other data or of another configuration.
pub const PAUCA_MISMATCH: pauca_status = 14;
/// A hidden state holds a NaN or an infinity. detail: row, column.
pub const PAUCA_NON_FINITE_STATE: pauca_status = 15;
/// A sequence without a real token. detail: sequence.
pub const PAUCA_NO_TOKEN: pauca_status = 16;
/// A token id that the vocabulary does not have. detail: position, id.
pub const PAUCA_TOKEN_OUT_OF_RANGE: pauca_status = 17;
/// Every weight is 0, so that no score is defined.
pub const PAUCA_NO_INFORMATIVE_FILTER: pauca_status = 18;
/// An id that must be given once was given twice. detail: id.
pub const PAUCA_DUPLICATE_ID: pauca_status = 19;
/// The caller's source of rows failed.
pub const PAUCA_SOURCE: pauca_status = 20;
/// A device failed.
pub const PAUCA_DEVICE: pauca_status = 21;

/// A pointer is NULL that must not be.
pub const PAUCA_NULL_POINTER: pauca_status = 1001;
/// A pointer is not aligned for its type.
pub const PAUCA_MISALIGNED: pauca_status = 1002;
/// An output overlaps an input or another output.
pub const PAUCA_OVERLAP: pauca_status = 1003;
/// struct_size is no size that this struct ever had. detail: the size found, the size here.
pub const PAUCA_STRUCT_SIZE: pauca_status = 1004;
/// A flag or a field of a later version is set, which this library does not know. detail: byte of the struct.
pub const PAUCA_UNSUPPORTED_OPTION: pauca_status = 1005;
/// A type of elements, or a format, that this call does not take.
pub const PAUCA_UNSUPPORTED_TYPE: pauca_status = 1006;
/// Memory of a device that this library cannot read.
pub const PAUCA_UNSUPPORTED_DEVICE: pauca_status = 1007;
/// A defect of the library: it panicked. The handles of the call can only be freed. Please report it.
pub const PAUCA_PANIC: pauca_status = 1008;
/// Header and library are of versions that do not work together. detail: the header's, the library's.
pub const PAUCA_ABI: pauca_status = 1009;
/// A null where a value must be. detail: row, column.
pub const PAUCA_NULL_VALUE: pauca_status = 1010;

/// The codes that `pauca::Error` does not have.
pub(crate) const DOOR_CODES: &[(pauca_status, &core::ffi::CStr)] = &[
    (PAUCA_OK, c"Ok"),
    (PAUCA_NULL_POINTER, c"NullPointer"),
    (PAUCA_MISALIGNED, c"Misaligned"),
    (PAUCA_OVERLAP, c"Overlap"),
    (PAUCA_STRUCT_SIZE, c"StructSize"),
    (PAUCA_UNSUPPORTED_OPTION, c"UnsupportedOption"),
    (PAUCA_UNSUPPORTED_TYPE, c"UnsupportedType"),
    (PAUCA_UNSUPPORTED_DEVICE, c"UnsupportedDevice"),
    (PAUCA_PANIC, c"Panic"),
    (PAUCA_ABI, c"Abi"),
    (PAUCA_NULL_VALUE, c"NullValue"),
];

/// The codes of `pauca::Error`, as C strings.
pub(crate) const CORE_CODES: &[(pauca_status, &core::ffi::CStr)] = &[
    (PAUCA_NON_FINITE, c"NonFinite"),
    (PAUCA_EMPTY, c"Empty"),
    (PAUCA_SHAPE_MISMATCH, c"ShapeMismatch"),
    (PAUCA_INVALID_PARAMETER, c"InvalidParameter"),
    (PAUCA_CONFLICT, c"Conflict"),
    (PAUCA_TOO_MANY_CLUSTERS, c"TooManyClusters"),
    (PAUCA_LABEL_OUT_OF_RANGE, c"LabelOutOfRange"),
    (PAUCA_ZERO_ROW, c"ZeroRow"),
    (PAUCA_TOO_LARGE, c"TooLarge"),
    (PAUCA_OUT_OF_MEMORY, c"OutOfMemory"),
    (PAUCA_CANCELLED, c"Cancelled"),
    (PAUCA_SIMD_LEVEL, c"SimdLevel"),
    (PAUCA_CORRUPT, c"Corrupt"),
    (PAUCA_MISMATCH, c"Mismatch"),
    (PAUCA_NON_FINITE_STATE, c"NonFiniteState"),
    (PAUCA_NO_TOKEN, c"NoToken"),
    (PAUCA_TOKEN_OUT_OF_RANGE, c"TokenOutOfRange"),
    (PAUCA_NO_INFORMATIVE_FILTER, c"NoInformativeFilter"),
    (PAUCA_DUPLICATE_ID, c"DuplicateId"),
    (PAUCA_SOURCE, c"Source"),
    (PAUCA_DEVICE, c"Device"),
];

/// Length of the message of an error, the closing 0 included.
pub const PAUCA_MESSAGE_SIZE: usize = 240;

/// No row, no number: in `detail`, in witnesses.
pub const PAUCA_NONE: u64 = u64::MAX;

/// What went wrong, in memory of the caller. Set struct_size, or begin with PAUCA_ERROR_INIT. A call that succeeds
/// leaves it as it is; a call that fails fills it. Nothing has to be freed. One error a thread.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pauca_error {
    /// sizeof(pauca_error), set by the caller.
    pub struct_size: u32,
    /// The status that the call returned.
    pub code: pauca_status,
    /// The numbers that the code names, else PAUCA_NONE.
    pub detail: [u64; 2],
    /// A text that names the argument, the place and the numbers. UTF-8, closed by 0.
    pub message: [c_char; PAUCA_MESSAGE_SIZE],
}

/// What stops a call.
#[derive(Debug)]
pub(crate) enum Failure {
    Core(Error),
    Null(&'static str),
    Misaligned {
        what: &'static str,
        address: usize,
        align: usize,
    },
    Overlap {
        output: &'static str,
        other: &'static str,
    },
    StructSize {
        what: &'static str,
        found: u32,
        here: usize,
    },
    Option {
        what: &'static str,
        offset: usize,
    },
    Type {
        what: &'static str,
        found: i64,
        expected: &'static str,
    },
    Format {
        what: &'static str,
        why: &'static str,
    },
    Device {
        what: &'static str,
        device: i32,
        why: &'static str,
    },
    Backend {
        name: &'static str,
        why: &'static str,
    },
    #[cfg_attr(not(feature = "std"), allow(dead_code, reason = "a panic ends in the host's hook"))]
    Panic,
    Abi {
        found: u32,
        here: u32,
    },
    NullValue {
        row: u64,
        col: u64,
    },
    Ragged {
        row: u64,
        expected: usize,
        found: usize,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

pub(crate) type Done<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn code(&self) -> pauca_status {
        match self {
            Failure::Core(error) => error.code(),
            Failure::Null(_) => PAUCA_NULL_POINTER,
            Failure::Misaligned { .. } => PAUCA_MISALIGNED,
            Failure::Overlap { .. } => PAUCA_OVERLAP,
            Failure::StructSize { .. } => PAUCA_STRUCT_SIZE,
            Failure::Option { .. } => PAUCA_UNSUPPORTED_OPTION,
            Failure::Type { .. } | Failure::Format { .. } => PAUCA_UNSUPPORTED_TYPE,
            Failure::Device { .. } | Failure::Backend { .. } => PAUCA_UNSUPPORTED_DEVICE,
            Failure::Panic => PAUCA_PANIC,
            Failure::Abi { .. } => PAUCA_ABI,
            Failure::NullValue { .. } => PAUCA_NULL_VALUE,
            Failure::Ragged { .. } => PAUCA_SHAPE_MISMATCH,
        }
    }

    /// The failure with its row counted from `first` on.
    pub(crate) fn after(self, first: u64) -> Self {
        match self {
            Failure::NullValue { row, col } => Failure::NullValue { row: row.saturating_add(first), col },
            Failure::Ragged { row, expected, found } => {
                Failure::Ragged { row: row.saturating_add(first), expected, found }
            }
            other => other,
        }
    }

    fn detail(&self) -> [u64; 2] {
        let (a, b) = match *self {
            Failure::Core(Error::NonFinite { row, col, .. } | Error::NonFiniteState { row, col, .. }) => {
                (row, col as u64)
            }
            Failure::Core(Error::ShapeMismatch { expected, found, .. }) => (expected as u64, found as u64),
            Failure::Core(Error::TooManyClusters { k, n }) => (k as u64, n as u64),
            Failure::Core(Error::LabelOutOfRange { row, label, .. }) => (row as u64, label.into()),
            Failure::Core(Error::ZeroRow { row }) => (row, PAUCA_NONE),
            Failure::Core(Error::TooLarge { size, limit, .. }) => (size as u64, limit as u64),
            Failure::Core(Error::OutOfMemory { bytes }) => (bytes as u64, PAUCA_NONE),
            Failure::Core(Error::Corrupt { offset, .. }) => (offset as u64, PAUCA_NONE),
            Failure::Core(Error::NoToken { sequence }) => (sequence, PAUCA_NONE),
            Failure::Core(Error::TokenOutOfRange { position, id, .. }) => (position, id.into()),
            Failure::Core(Error::DuplicateId { id }) => (id, PAUCA_NONE),
            Failure::StructSize { found, here, .. } => (found.into(), here as u64),
            Failure::Option { offset, .. } => (offset as u64, PAUCA_NONE),
            Failure::Abi { found, here } => (found.into(), here.into()),
            Failure::NullValue { row, col } => (row, col),
            Failure::Ragged { expected, found, .. } => (expected as u64, found as u64),
            _ => (PAUCA_NONE, PAUCA_NONE),
        };
        [a, b]
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Core(error) => {
                write!(f, "{error}")?;
                let mut source = core::error::Error::source(error);
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Failure::Null(what) => write!(f, "{what} is NULL"),
            Failure::Misaligned { what, address, align } => {
                write!(f, "{what} at {address:#x} is not aligned to {align} bytes")
            }
            Failure::Overlap { output, other } => write!(f, "{output} and {other} overlap"),
            Failure::StructSize { what, found, here } => {
                write!(f, "{what}: struct_size is {found}, which no version had; here it is {here}")
            }
            Failure::Option { what, offset } => {
                write!(f, "{what}: byte {offset} is set, which this version does not know")
            }
            Failure::Type { what, found, expected } => write!(f, "{what} is {found}, expected {expected}"),
            Failure::Format { what, why } => write!(f, "{what}: {why}"),
            Failure::Device { what, device, why } => write!(f, "{what}: device {device}: {why}"),
            Failure::Backend { name, why } => write!(f, "backend {name}: {why}"),
            Failure::Panic => write!(f, "the library panicked: a defect, please report it"),
            Failure::Abi { found, here } => {
                let part = |v: &u32| (v >> 16, v & 0xffff);
                let ((a, b), (c, d)) = (part(found), part(here));
                write!(f, "the header is of ABI {a}.{b}, the library of ABI {c}.{d}")
            }
            Failure::NullValue { row, col: PAUCA_NONE } => write!(f, "row {row} is null"),
            Failure::Ragged { row, expected, found } => {
                write!(f, "the list of row {row} has {found} values, expected {expected}")
            }
            Failure::NullValue { row, col } => write!(f, "the value at row {row}, column {col} is null"),
        }
    }
}

/// Where a text is written: whole characters that fit, closed by 0.
struct Text<'a> {
    bytes: &'a mut [c_char],
    used: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            let mut buffer = [0; 4];
            let encoded = c.encode_utf8(&mut buffer).as_bytes();
            if self.used + encoded.len() >= self.bytes.len() {
                return Err(fmt::Error);
            }
            for byte in encoded {
                self.bytes[self.used] = *byte as c_char;
                self.used += 1;
            }
        }
        Ok(())
    }
}

impl pauca_error {
    /// Bytes before the message.
    pub(crate) const HEAD: usize = core::mem::offset_of!(pauca_error, message);

    /// Fills the error.
    pub(crate) fn fill(&mut self, failure: &Failure) {
        self.code = failure.code();
        self.detail = failure.detail();
        self.message = [0; PAUCA_MESSAGE_SIZE];
        let mut text = Text { bytes: &mut self.message, used: 0 };
        // A text that does not fit is cut.
        let _ = write!(text, "{failure}");
    }
}

/// The name of a status, "NonFinite" for one; "?" for a code that this library does not know. Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn pauca_status_name(status: c_int) -> *const c_char {
    let all = DOOR_CODES.iter().chain(CORE_CODES);
    all.clone().find(|(code, _)| *code == status).map_or(c"?".as_ptr(), |(_, name)| name.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_core() {
        let here: Vec<_> = CORE_CODES.iter().map(|(code, name)| (*code, name.to_str().unwrap())).collect();
        assert_eq!(here, Error::CODES, "a code that the header lacks, or names otherwise");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut error =
            pauca_error { struct_size: 0, code: 0, detail: [0; 2], message: [1; PAUCA_MESSAGE_SIZE] };
        error.fill(&Failure::Core(Error::Source("é".repeat(300).into())));
        let bytes: Vec<u8> = error.message.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("row source failed: éé") && text.len() > 230, "{text}");
        assert_eq!(error.code, PAUCA_SOURCE);
    }
}
