//! The element types of rows, as values.

use super::Rows;

/// The element types that rows can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// `f32`, 4 bytes.
    F32,
    /// IEEE half precision, 2 bytes.
    #[cfg(feature = "f16")]
    F16,
    /// bfloat16, 2 bytes.
    #[cfg(feature = "f16")]
    Bf16,
}

impl ElementType {
    /// All element types of this build.
    pub const ALL: &[Self] = &[
        Self::F32,
        #[cfg(feature = "f16")]
        Self::F16,
        #[cfg(feature = "f16")]
        Self::Bf16,
    ];
}

/// Runs `$body` with the type `$t` that an [`ElementType`] stands for.
macro_rules! with_type {
    ($element:expr, $t:ident => $body:expr) => {
        match $element {
            $crate::rows::ElementType::F32 => {
                type $t = f32;
                $body
            }
            #[cfg(feature = "f16")]
            $crate::rows::ElementType::F16 => {
                type $t = half::f16;
                $body
            }
            #[cfg(feature = "f16")]
            $crate::rows::ElementType::Bf16 => {
                type $t = half::bf16;
                $body
            }
        }
    };
}
pub(super) use with_type;

impl ElementType {
    /// The type of the values of `rows`.
    pub fn of(rows: &Rows<'_>) -> Self {
        match rows {
            Rows::F32(_) => Self::F32,
            #[cfg(feature = "f16")]
            Rows::F16(_) => Self::F16,
            #[cfg(feature = "f16")]
            Rows::Bf16(_) => Self::Bf16,
        }
    }

    /// Bytes of one value.
    pub fn size(self) -> usize {
        with_type!(self, T => size_of::<T>())
    }
}
