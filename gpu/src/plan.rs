//! Plans: how a call is cut into buffers and launches. Functions of [`Limits`] and shapes alone, so that the plans of any
//! device are tested without it.

use std::ops::Range;

use pauca::Result;

use crate::kernels::report::OPEN_WORDS;
use crate::kernels::sums::{MINUS, RUN, SLAB};
use crate::kernels::tile::Tile;
use crate::limits::Limits;
use crate::memory::{try_capacity, try_grow, try_vec};

/// `0..n` in pieces of `step`, which is at least 1.
pub(crate) fn pieces(n: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    let step = step.max(1);
    (0..n).step_by(step).map(move |start| start..n.min(start.saturating_add(step)))
}

/// Rows of `dim` values in a buffer; none where not even one fits.
pub(crate) fn rows_of_buffer(limits: &Limits, dim: usize) -> Option<usize> {
    Some(limits.words() / dim.max(1)).filter(|rows| *rows > 0)
}

/// Targets of `dim` values in a buffer, with their half norms behind the center in another, and the pairs of a row with all of
/// them, of two words each, in a third.
pub(crate) fn targets_of_buffer(limits: &Limits, dim: usize) -> Option<usize> {
    let most = limits.words().saturating_sub(dim).min(limits.words() / 2);
    rows_of_buffer(limits, dim).map(|rows| rows.min(most)).filter(|rows| *rows > 0)
}

/// How the rows of a search are cut into launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub tile: Tile,
    /// Rows of a launch.
    pub rows: usize,
}

impl Search {
    /// For `n` rows that see up to `targets` targets of `dim` values each; none where the device has no tile.
    pub fn new(limits: &Limits, n: usize, targets: usize, dim: usize) -> Option<Self> {
        let tile = limits.tile(n)?;
        let work = (targets as u64).saturating_mul(dim as u64).max(1);
        let cubes = (limits.work / work) as usize / tile.rows;
        // Every row has its words among the open rows, and two in `windows` beside two for its cube.
        let most = (limits.words() / OPEN_WORDS / tile.rows).max(1);
        let cubes = cubes.clamp(1, (limits.cubes as usize).min(most));
        Some(Self { tile, rows: cubes * tile.rows })
    }

    /// The cubes of a launch of `rows` rows.
    pub fn cubes(&self, rows: usize) -> usize {
        rows.div_ceil(self.tile.rows)
    }

    /// The windows of a launch of `rows` rows, row i of which sees the targets `seen(i)`: see
    /// [`kernels::search`](crate::kernels::search).
    pub fn windows(&self, rows: usize, seen: impl Fn(usize) -> Range<usize>) -> Result<Vec<u32>> {
        let (tile, cubes) = (&self.tile, self.cubes(rows));
        let mut windows = try_vec(2 * (cubes + rows), 0u32)?;
        let (steps, ranges) = windows.split_at_mut(2 * cubes);
        for (cube, step) in steps.chunks_exact_mut(2).enumerate() {
            let (mut low, mut high) = (usize::MAX, 0);
            for row in cube * tile.rows..rows.min((cube + 1) * tile.rows) {
                let range = seen(row);
                if !range.is_empty() {
                    (low, high) = (low.min(range.start), high.max(range.end));
                    ranges[2 * row..2 * row + 2].copy_from_slice(&[range.start as u32, range.end as u32]);
                }
            }
            if low < high {
                step.copy_from_slice(&[(low / tile.targets) as u32, high.div_ceil(tile.targets) as u32]);
            }
        }
        Ok(windows)
    }
}

/// A row that joins or leaves a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub row: u32,
    pub cluster: u32,
    pub leaves: bool,
}

/// The rows of an accumulation, by cluster, in runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Rows, with [`MINUS`].
    pub list: Vec<u32>,
    /// Cluster, first and last + 1 in the list.
    pub runs: Vec<u32>,
}

impl Runs {
    /// The moves between `k` clusters, sorted by counting. Rows are below 2^31.
    pub fn new(moves: &[Move], k: usize) -> Result<Self> {
        let mut ends = try_vec(k + 1, 0usize)?;
        moves.iter().for_each(|m| ends[m.cluster as usize + 1] += 1);
        (0..k).for_each(|j| ends[j + 1] += ends[j]);
        let mut list = try_vec(moves.len(), 0u32)?;
        // Where the next row of a cluster goes: in the end, where the next cluster begins.
        for m in moves {
            let next = &mut ends[m.cluster as usize];
            list[*next] = m.row | if m.leaves { MINUS } else { 0 };
            *next += 1;
        }
        let (mut runs, mut begin) = (try_capacity(3 * moves.len().div_ceil(RUN))?, 0);
        for (cluster, &end) in ends[..k].iter().enumerate() {
            for first in (begin..end).step_by(RUN) {
                try_grow(&mut runs, 3)?;
                runs.extend([cluster, first, end.min(first + RUN)].map(|v| v as u32));
            }
            begin = end;
        }
        Ok(Self { list, runs })
    }
}

/// How many runs a launch adds, of rows of `dim` values; none where the columns are too many for one.
pub(crate) fn runs_of_launch(limits: &Limits, dim: usize) -> Option<usize> {
    let slabs = dim.div_ceil(SLAB);
    let fits = slabs <= limits.cubes as usize;
    // An integer addition of four words costs more than ten multiply-adds.
    let work = (RUN * dim * 16) as u64;
    fits.then(|| ((limits.work / work.max(1)) as usize).clamp(1, limits.cubes as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUGE: Limits = Limits {
        buffer: 1 << 40,
        shared: 1 << 20,
        units: 1024,
        cubes: u32::MAX,
        memory: 1 << 40,
        work: 1 << 40,
        decides: false,
        tensor: false,
    };

    #[test]
    fn a_launch_stays_within_every_limit() {
        for limits in [Limits::LEAST, Limits { work: 1, ..Limits::LEAST }, Limits { cubes: 3, ..HUGE }, HUGE]
        {
            for (n, t, d) in [(1, 1, 1), (1003, 1000, 385), (1 << 22, 1 << 20, 768), (10, 1, 1 << 28)] {
                let plan = Search::new(&limits, n, t, d).unwrap();
                assert!(plan.rows >= plan.tile.rows && plan.rows.is_multiple_of(plan.tile.rows));
                assert!(plan.cubes(plan.rows) <= limits.cubes as usize);
                assert!(plan.rows * OPEN_WORDS <= limits.words().max(plan.tile.rows * OPEN_WORDS));
                let one_cube = plan.rows == plan.tile.rows;
                assert!(one_cube || (plan.rows * t * d) as u64 <= limits.work, "{limits:?} {n} {t} {d}");
                assert!(
                    plan.tile.shared() as u64 <= limits.shared && plan.tile.units() as u32 <= limits.units
                );
            }
        }
        let tiny = Limits { shared: 1 << 10, ..HUGE };
        assert_eq!(Search::new(&tiny, 1000, 10, 10), None, "no tile fits 1 KiB");
        assert_eq!(Search::new(&Limits::LEAST, 1000, 10, 10).unwrap().tile, Tile::SMALL, "16 KiB");
        assert_eq!(Search::new(&HUGE, 1000, 10, 10).unwrap().tile, Tile::LARGE);
    }

    #[test]
    fn buffers_hold_whole_rows() {
        let limits = Limits { buffer: 4 * 1000, ..HUGE };
        assert_eq!((rows_of_buffer(&limits, 7), rows_of_buffer(&limits, 1000)), (Some(142), Some(1)));
        assert_eq!((rows_of_buffer(&limits, 1001), targets_of_buffer(&limits, 1000)), (None, None));
        assert_eq!(targets_of_buffer(&limits, 1), Some(500), "all pairs of a row have room");
        assert!(rows_of_buffer(&HUGE, 3).unwrap() * 3 <= u32::MAX as usize);
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!((pieces(0, 3).count(), pieces(3, 0).count()), (0, 3));
    }

    #[test]
    fn windows_cover_what_rows_see_and_no_more_steps() {
        let plan = Search { tile: Tile::SMALL, rows: 64 };
        // Row i sees the rows before it in its group; groups end at 5, 40 and 70.
        let seen = |i: usize| [0, 5, 40].into_iter().rfind(|o| *o <= i).unwrap()..i;
        let windows = plan.windows(70, seen).unwrap();
        assert_eq!(plan.cubes(70), 3);
        assert_eq!(windows[..6], [0, 1, 0, 2, 1, 3]);
        for i in 0..70 {
            let range = windows[6 + 2 * i] as usize..windows[7 + 2 * i] as usize;
            assert!(range == seen(i) || (range.is_empty() && seen(i).is_empty()), "{i}");
        }
        assert!(plan.windows(0, seen).unwrap().is_empty());
    }

    #[test]
    fn runs_hold_every_move_once_by_cluster() {
        let moves: Vec<Move> =
            (0..1000u32).map(|i| Move { row: i / 2, cluster: i * 7 % 5 % 4, leaves: i % 2 == 1 }).collect();
        let Runs { list, runs } = Runs::new(&moves, 6).unwrap();
        let mut seen = Vec::new();
        let mut next = 0;
        for run in runs.chunks(3) {
            assert!(run[1] == next && run[1] < run[2] && (run[2] - run[1]) as usize <= RUN);
            next = run[2];
            seen.extend(list[run[1] as usize..run[2] as usize].iter().map(|entry| {
                let (row, leaves) = (entry & !MINUS, entry & MINUS != 0);
                Move { row, cluster: run[0], leaves }
            }));
        }
        let key = |m: &Move| (m.cluster, m.row, m.leaves);
        let mut expected = moves.clone();
        expected.sort_by_key(key);
        seen.sort_by_key(key);
        assert_eq!(seen, expected);
        assert_eq!(Runs::new(&[], 3).unwrap(), Runs::default());
    }

    #[test]
    fn runs_of_a_launch_fit_the_grid() {
        assert_eq!(runs_of_launch(&Limits::LEAST, 1 << 23), None, "more slabs than cubes in a direction");
        for d in [1, 64, 65, 768, 65_535 * SLAB] {
            let runs = runs_of_launch(&Limits::LEAST, d).unwrap();
            assert!((1..=65_535).contains(&runs), "{d}");
        }
    }
}
