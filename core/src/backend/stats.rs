//! How much work a search was.

/// How many rows (or pairs) each tier of arithmetic settled.
///
/// Statistics of effort: they depend on the machine and its SIMD level, and are no part of a
/// result. Results that carry them are compared without them.
///
/// # Example
/// ```
/// let x = ndarray::array![[0.0f32], [1.0], [10.0], [11.0]];
/// let clusters = pauca::KMeans::new(2).seed(1).fit(&x)?;
/// assert_eq!(clusters.search.rows, 4);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SearchStats {
    /// Rows searched.
    pub rows: u64,
    /// Settled by the certificate of a screen of 8-bit codes.
    pub int8: u64,
    /// Rows of all tiers that were looked at in leading dimensions of a basis, some targets or all.
    pub leading: u64,
    /// Settled by the certificate of the `f32` kernel alone.
    pub f32: u64,
    /// Settled by the certificate of the `f64` kernel.
    pub f64: u64,
    /// Settled by evaluating the definition on the candidates that remained.
    pub truth: u64,
}

impl SearchStats {
    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &SearchStats) {
        for (mine, theirs) in [
            (&mut self.rows, other.rows),
            (&mut self.int8, other.int8),
            (&mut self.leading, other.leading),
            (&mut self.f32, other.f32),
            (&mut self.f64, other.f64),
            (&mut self.truth, other.truth),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// Equality of a result by the listed fields: all but `search`. A field that is left out does not
/// compile.
macro_rules! equal_but_for_search {
    ($type:ident $(<$scalar:ident>)?: $($field:ident),+) => {
        impl $(<$scalar: PartialEq>)? PartialEq for $type $(<$scalar>)? {
            /// Compares everything but `search`, which is no part of the result.
            fn eq(&self, other: &Self) -> bool {
                let Self { $($field,)+ search: _ } = self;
                $(*$field == other.$field)&&+
            }
        }
    };
}
pub(crate) use equal_but_for_search;
