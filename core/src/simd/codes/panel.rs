//! Columns, packed for the tile.

use super::coding::{Coding, WIDTH};
use super::sums::SHORT_SUM;

/// The columns of a panel, besides their codes. [`CodeKernel::pack`](super::CodeKernel::pack) makes it; the caller sets what
/// is public.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Panel {
    /// What products are subtracted from. A NaN, which stands in columns that are padding, is never hit.
    pub h: [f32; WIDTH],
    /// The scales of the columns.
    pub scale: [f32; WIDTH],
    /// What multiplies the residues of the rows; not looked at where the rows have none.
    pub rho: [f32; WIDTH],
    /// What the sums begin with: minus the offset of the rows times the sum of the column.
    pub(super) start: [i32; WIDTH],
    /// Four steps may be added in 16 bits.
    pub(super) four: bool,
}

/// Packs `count` columns of `depth` codes, column c at `columns[c * stride..]`, in groups of `group` columns: group g, step
/// t, column c of the group and its four codes at `((g * depth / 4 + t) * group + c) * 4`.
pub(super) fn pack(
    coding: Coding,
    group: usize,
    columns: &[i8],
    stride: usize,
    depth: usize,
    count: usize,
    out: &mut [i8],
) -> Panel {
    if count < WIDTH {
        out.fill(0);
    }
    let mut panel =
        Panel { h: [f32::NAN; WIDTH], scale: [0.0; WIDTH], rho: [0.0; WIDTH], start: [0; WIDTH], four: true };
    for c in 0..count {
        let column = &columns[c * stride..][..depth];
        panel.h[c] = 0.0;
        panel.start[c] = coding.start(column.iter().map(|&q| i32::from(q)).sum());
        panel.four = panel.four && short_sum(column) <= SHORT_SUM;
        let places = out[c / group * group * depth..][..group * depth].chunks_exact_mut(4 * group);
        for (four, places) in column.chunks_exact(4).zip(places) {
            places[c % group * 4..][..4].copy_from_slice(four);
        }
    }
    panel
}

/// The largest sum of the magnitudes of the codes that share 16 bits where four steps are added at once, for each four from
/// the first on.
pub(super) fn short_sum(column: &[i8]) -> i32 {
    let sums = column.as_chunks::<16>().0.iter().map(|codes| {
        let half = |h: usize| {
            (0..4).map(|w| magnitude(codes[4 * w + h]) + magnitude(codes[4 * w + h + 1])).sum::<i32>()
        };
        half(0).max(half(2))
    });
    sums.fold(0, i32::max)
}

fn magnitude(code: i8) -> i32 {
    i32::from(code).abs()
}
