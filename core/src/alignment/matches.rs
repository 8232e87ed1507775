//! Which rows of the two sides belong together.

use alloc::vec::Vec;
use core::ops::Range;

use crate::check;
use crate::error::Result;
use crate::memory::{try_capacity, try_collect};

/// Which pairs (i of x, j of y) belong together.
///
/// # Example
/// ```
/// use pauca::alignment::Matches;
/// // Two pictures, five captions: three of picture 40, two of picture 41.
/// let captions = Matches::Groups { x: &[40, 41], y: &[40, 40, 41, 40, 41] };
/// // The same as a list.
/// let listed = Matches::Pairs(&[[0, 0], [0, 1], [0, 3], [1, 2], [1, 4]]);
/// # let _ = (captions, listed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matches<'a> {
    /// Row i belongs to row i; further rows of y belong to none.
    Diagonal,
    /// Rows of equal group id.
    Groups {
        /// `[B]`: the group of each row of x.
        x: &'a [u64],
        /// `[M]`: the group of each row of y.
        y: &'a [u64],
    },
    /// Exactly these pairs [i, j], in any order, none twice.
    Pairs(&'a [[u32; 2]]),
}

/// The matches of every row, sorted: checked and ready to be looked up.
pub(super) struct Table<'a> {
    kind: Kind<'a>,
}

enum Kind<'a> {
    Diagonal,
    /// Sorted (key, column); the key of a row is its group, or its number.
    Listed {
        group: Option<&'a [u64]>,
        pairs: Vec<(u64, u32)>,
    },
}

/// The columns that match one row, ascending.
pub(super) enum Columns<'t> {
    One(u32),
    Many(&'t [(u64, u32)]),
}

impl Columns<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let (one, many) = match self {
            Self::One(j) => (Some(*j), &[][..]),
            Self::Many(pairs) => (None, *pairs),
        };
        one.into_iter().chain(many.iter().map(|pair| pair.1)).map(|j| j as usize)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(pairs) => pairs.len(),
        }
    }

    pub(super) fn contains(&self, j: usize) -> bool {
        match self {
            Self::One(own) => *own as usize == j,
            Self::Many(pairs) => pairs.binary_search_by(|pair| (pair.1 as usize).cmp(&j)).is_ok(),
        }
    }

    /// The matches inside `range`.
    pub(super) fn within(&self, range: &Range<usize>) -> Self {
        match *self {
            Self::One(j) if range.contains(&(j as usize)) => Self::One(j),
            Self::One(_) => Self::Many(&[]),
            Self::Many(pairs) => {
                let below = |end: usize| pairs.partition_point(|pair| (pair.1 as usize) < end);
                Self::Many(&pairs[below(range.start)..below(range.end)])
            }
        }
    }
}

impl<'a> Table<'a> {
    /// The table of `matches` between `n` and `m` rows.
    pub(super) fn new(matches: Matches<'a>, n: usize, m: usize) -> Result<Self> {
        let kind = match matches {
            Matches::Diagonal => {
                check::shape("rows of y, at least those of x", n, m, n <= m)?;
                Kind::Diagonal
            }
            Matches::Groups { x, y } => {
                check::same_length("groups of x", n, x.len())?;
                check::same_length("groups of y", m, y.len())?;
                let mut pairs = try_collect(y.iter().enumerate().map(|(j, group)| (*group, j as u32)))?;
                pairs.sort_unstable();
                Kind::Listed { group: Some(x), pairs }
            }
            Matches::Pairs(listed) => {
                let mut pairs: Vec<(u64, u32)> = try_capacity(listed.len())?;
                for &[i, j] in listed {
                    check::place("row of x in a pair", i as usize, n)?;
                    check::place("row of y in a pair", j as usize, m)?;
                    pairs.push((i as u64, j));
                }
                pairs.sort_unstable();
                let twice = pairs.windows(2).find(|w| w[0] == w[1]);
                let (name, expected) = ("pair listed twice, row of x", "each pair once");
                check::parameter(name, twice.map_or(0.0, |w| w[0].0 as f64), expected, twice.is_none())?;
                Kind::Listed { group: None, pairs }
            }
        };
        Ok(Self { kind })
    }

    /// The matches of row `i`.
    pub(super) fn of(&self, i: usize) -> Columns<'_> {
        match &self.kind {
            Kind::Diagonal => Columns::One(i as u32),
            Kind::Listed { group, pairs } => {
                let key = group.map_or(i as u64, |group| group[i]);
                let start = pairs.partition_point(|pair| pair.0 < key);
                let count = pairs[start..].partition_point(|pair| pair.0 == key);
                Columns::Many(&pairs[start..start + count])
            }
        }
    }
}
