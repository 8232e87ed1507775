//! The ladder: one driver of tiers of arithmetic for every search.
//!
//! ```text
//! a task owns some rows of the block, and their question
//! start     each row says which targets it looks at, and beyond which score none matters (what
//!           an earlier answer told)
//! tier      looks at the rows that are still open, and leaves of each the few targets that its
//!           bound cannot exclude, or says that there are too many
//! settle    one target left: certified; a few: the definition decides among them;
//!           too many: the row stays open for the next tier
//! ```
//!
//! A tier is a file with a bound derived in [`bounds`](crate::exact::bounds) and an entry in
//! [`climb`]. A tier that leaves sparse sets (a screen) and one that sweeps all targets (a tile) are
//! used alike: the next tier is told the sparse set, and may look at more than it.
//!
//! | part | what it is |
//! |---|---|
//! | `screen`, `narrow`, `wide` | the tiers: codes, the `f32` tile and the `f64` tile |
//! | `nearest`, `earlier`, `above`, `ranks` | the questions |

use alloc::vec::Vec;
use core::ops::Range;

use super::narrow::Narrow;
use super::question::{Open, Question, Search, Sieve, Tier};
use super::screen::{BLOCK, Screen};
use super::sweep::capacity;
use super::targets::SCORE_VALUES_SHORT;
use super::wide::Wide;
use crate::backend::SearchStats;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};

/// The screen does so many products while the tile does one, as a rule. Its score comes on top.
const PRODUCTS_AT_ONCE: usize = 4;

/// Rows that are searched together, from `first` on.
pub(super) struct Task<Q> {
    pub question: Q,
    first: usize,
    rows: usize,
    open: Open,
    stats: SearchStats,
}

impl<Q: Question> Task<Q> {
    fn new(first: usize, rows: usize, question: Q) -> Job<Self> {
        let stats = SearchStats { rows: rows as u64, ..SearchStats::default() };
        Job::new(Self { question, first, rows, open: Open::All(rows as u32), stats })
    }

    /// Lets a tier look at the open rows.
    fn step<T: Tier>(&mut self, search: &Search<'_>, tier: &T, last: bool) -> Result<()> {
        if self.open.len() == 0 {
            return Ok(());
        }
        let buffer = try_vec(search.dim(), 0.0f32)?;
        let mut sieve = Sieve { last, open: Vec::new(), certified: 0, decided: 0, leading: 0, buffer };
        tier.pass(search, self.first, &mut self.question, &self.open, &mut sieve)?;
        *tier.count(&mut self.stats) += sieve.certified;
        self.stats.truth += sieve.decided;
        self.stats.leading += sieve.leading;
        self.open = Open::Some(sieve.open);
        Ok(())
    }
}

/// The rows of one task of pairs: fewer than a screen takes together where there are not enough for all threads.
pub(super) fn pair_step(search: &Search<'_>, screen: Option<&Screen<'_>>, cx: &Context) -> usize {
    let n = search.rows.n_rows();
    match screen {
        Some(_) => n.div_ceil(4 * cx.exec.width()).next_multiple_of(64).min(BLOCK),
        None => capacity(&search.cpu.narrow, search.dim(), n),
    }
}

/// Cuts `n` rows into tasks of at most `step` and gives each a question of its own.
pub(super) fn tasks<Q: Question>(
    n: usize,
    step: usize,
    mut question: impl FnMut(Range<usize>) -> Result<Q>,
) -> Result<Vec<Job<Task<Q>>>> {
    let mut tasks = try_capacity(n.div_ceil(step.max(1)))?;
    for first in (0..n).step_by(step.max(1)) {
        let rows = first..n.min(first + step);
        tasks.push(Task::new(first, rows.len(), question(rows)?));
    }
    Ok(tasks)
}

/// The last word, on the targets that other tiers told.
struct Definition;

impl Tier for Definition {
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
        &mut stats.truth
    }

    fn pass<Q: Question>(
        &self,
        _: &Search<'_>,
        _: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()> {
        (0..open.len()).try_for_each(|at| match open.targets(at) {
            Some(targets) => sieve.settle(question, open.row(at), targets),
            None => sieve.all(open.row(at)),
        })
    }
}

/// Settles every row of the tasks.
pub(super) fn climb<Q: Question>(
    search: &Search<'_>,
    screen: Option<&Screen<'_>>,
    tasks: &mut [Job<Task<Q>>],
    cx: &Context,
) -> Result<SearchStats> {
    climb_from(search, screen, tasks, cx)
}

/// The tiers, cheapest first. Each takes what the one before left of all tasks; the later ones pack their targets only when
/// some row of some task is still open.
fn climb_from<Q: Question, S: Tier>(
    search: &Search<'_>,
    screen: Option<&S>,
    tasks: &mut [Job<Task<Q>>],
    cx: &Context,
) -> Result<SearchStats> {
    let most = tasks.iter().map(|task| task.work.rows).max().unwrap_or(0);
    let pairs = (most * search.targets.order.len()) as u64;
    let cost = pairs * search.dim() as u64;
    let open = |tasks: &[Job<Task<Q>>]| tasks.iter().any(|task| task.work.open.len() > 0);
    if let Some(screen) = screen {
        let screened = pairs * (search.dim() / PRODUCTS_AT_ONCE + SCORE_VALUES_SHORT) as u64;
        cx.in_waves(tasks, screened, |task| task.step(search, screen, false))?;
        if open(tasks)
            && let Some(deeper) = screen.deeper(search, cx)?
        {
            cx.in_waves(tasks, screened, |task| task.step(search, &deeper, false))?;
        }
    }
    // The tile packs all targets first. The definition of as many takes less time.
    let told = tasks.iter().try_fold(0, |sum, task| Some(sum + task.work.open.told()?));
    if open(tasks) && told.is_some_and(|told| told <= search.targets.order.len()) {
        cx.in_waves(tasks, cost, |task| task.step(search, &Definition, false))?;
    }
    if open(tasks) {
        let narrow = Narrow::new(search, cx)?;
        cx.in_waves(tasks, cost, |task| task.step(search, &narrow, false))?;
    }
    if open(tasks) {
        let wide = Wide::new(search, cx)?;
        cx.in_waves(tasks, 2 * cost, |task| task.step(search, &wide, true))?;
    }
    let mut stats = SearchStats::default();
    tasks.iter().for_each(|task| stats.merge(&task.work.stats));
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::machine::Cpu;
    use super::super::nearest::Nearest;
    use super::super::question::{FEW, Wanted};
    use super::*;
    use crate::backend::{Backend, Copies};
    use crate::exact::Metric;
    use crate::exact::float::widen;
    use crate::random::Stream;
    use crate::rows::IntoRows;
    use crate::simd::Level;

    /// A screen that looks at one column: a target whose distance in it alone exceeds that of some target by all
    /// columns cannot be the nearest. It leaves sparse sets, and gives up where they are long.
    struct FirstColumn;

    impl Tier for FirstColumn {
        fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
            // The place of a tier that this search does not reach.
            &mut stats.f64
        }

        fn pass<Q: Question>(
            &self,
            search: &Search<'_>,
            first: usize,
            question: &mut Q,
            open: &Open,
            sieve: &mut Sieve,
        ) -> Result<()> {
            assert!(Q::WANTED == Wanted::Least, "a screen for the nearest");
            let mut buffer = try_vec(search.dim(), 0.0f32)?;
            for row in (0..open.len()).map(|at| open.row(at)) {
                let all = question.start(row as usize).targets;
                let values = search.row(first + row as usize, &mut buffer);
                let target = |packed: usize| search.targets.row(search.targets.order[packed]);
                let square = |x: f32, c: f32| (widen(x) - widen(c)) * (widen(x) - widen(c));
                // Relative error of sum and definition: below (2 d + 8) 2^-53.
                const SLACK: f64 = 1e-9;
                let whole = |packed: usize| -> f64 {
                    let squares = values.iter().zip(target(packed)).map(|(x, c)| square(*x, *c));
                    squares.sum::<f64>() * (1.0 + SLACK)
                };
                let least = all.clone().map(whole).fold(f64::INFINITY, f64::min);
                let near = |packed: &usize| square(values[0], target(*packed)[0]) * (1.0 - SLACK) <= least;
                if all.clone().filter(near).count() > 3 * FEW {
                    sieve.all(row)?;
                } else {
                    let left: Vec<u32> = all.filter(near).map(|packed| packed as u32).collect();
                    sieve.some(question, row, &left)?;
                }
            }
            Ok(())
        }
    }

    /// A tier is a type and an entry in the climb: the answers stay, and each of the ways is taken.
    #[test]
    fn a_screen_changes_no_answer() -> Result<()> {
        let (n, d, k) = (700, 6, 60);
        let stream = Stream::new(5, 99);
        let rows = |count: usize, base: u64| -> Vec<f32> {
            // Coarse values tie often; the first column tells much of some rows and nothing of others.
            let value = |i: usize, j: u32| (stream.uniform(base + i as u64, j) * 16.0).floor() as f32;
            let far = |i: usize, j: u32| if j == 0 && i.is_multiple_of(3) { 100.0 } else { 1.0 };
            (0..count)
                .flat_map(|i| (0..d as u32).map(move |j| (i, j)))
                .map(|(i, j)| value(i, j) * far(i, j))
                .collect()
        };
        let (x, c) = (rows(n, 0), rows(k, 10_000));
        let (cpu, cx) = (Cpu::with_level(Level::detect())?, Context::default());
        let block = cpu.load((&x[..], n, d).into_rows()?, Metric::SqEuclidean, &cx)?;
        let targets = cpu.targets((&c[..], k, d).into_rows()?, Metric::SqEuclidean, Copies::Collapse, &cx)?;
        let run = |screened: bool| -> Result<(Vec<u32>, SearchStats)> {
            let search = super::super::search(&cpu, &block, &targets)?;
            let mut out = vec![u32::MAX; n];
            let mut rest = &mut out[..];
            let mut tasks = tasks(n, 100, |rows| {
                let (out, others) = core::mem::take(&mut rest).split_at_mut(rows.len());
                rest = others;
                Ok(Nearest::new(search, rows.start, None, out))
            })?;
            let stats = climb_from(&search, screened.then_some(&FirstColumn), &mut tasks, &cx)?;
            drop(tasks);
            Ok((out, stats))
        };
        let (plain, screened) = (run(false)?, run(true)?);
        assert_eq!(plain.0, screened.0);
        let (before, after) = (plain.1, screened.1);
        assert_eq!((before.rows, after.rows), (n as u64, n as u64));
        assert_eq!(before.f64, 0);
        // Certified by the screen, decided by the definition, passed on to the tile.
        assert!(
            after.f64 > 0 && after.truth > before.truth && (1..before.f32).contains(&after.f32),
            "{after:?}"
        );
        Ok(())
    }
}
