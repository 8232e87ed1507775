//! Near-ties, built to lie just outside and just inside the bounds of the screen, against the definition.

use alloc::vec;
use alloc::vec::Vec;

use super::super::carry::CpuCarry;
use super::super::machine::{Cpu, Screens};
use super::super::nearest::Nearest;
use super::super::search;
use super::block::Block;
use super::coding::RowsInCodes;
use crate::backend::{Above, Backend, Best, Boundary, Copies, Pairs, Threshold};
use crate::control::{Context, Control};
use crate::error::Result;
use crate::exact::Metric;
use crate::exec::Exec;
use crate::random::Stream;
use crate::rows::IntoRows;
use crate::simd::Level;

/// Targets of one row: one panel.
const TARGETS: usize = 48;

/// Pairs of targets of which one was certified to be farther, those among them whose scores differ by at most four times
/// the bound, and those for which the definition says otherwise.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    certified: u64,
    near: u64,
    wrong: u64,
}

/// Random numbers in [-1, 1) of one trial.
struct Draws(Stream, u64, u32);

impl Draws {
    fn next(&mut self) -> f64 {
        self.2 += 1;
        self.0.uniform(self.1, self.2) * 2.0 - 1.0
    }

    /// A random direction: values of any distribution will do.
    fn direction(&mut self, d: usize) -> Vec<f64> {
        let v: Vec<f64> = (0..d).map(|_| self.next() + self.next() + self.next()).collect();
        scaled(&v, 1.0 / norm(&v))
    }
}

fn norm(v: &[f64]) -> f64 {
    libm::sqrt(v.iter().map(|x| x * x).sum())
}

fn scaled(v: &[f64], by: f64) -> Vec<f64> {
    v.iter().map(|x| x * by).collect()
}

/// A row and targets that are almost equally far from it (almost equally similar to it): within `width` of each other, in
/// units of half squared distances (of similarities).
fn near_ties(draws: &mut Draws, metric: Metric, d: usize, radius: f64, width: f64) -> (Vec<f32>, Vec<f32>) {
    let row = draws.direction(d);
    let mut targets = Vec::new();
    for _ in 0..TARGETS {
        let (u, t) = (draws.direction(d), width * draws.next());
        let along: f64 = u.iter().zip(&row).map(|(u, x)| u * x).sum();
        let target: Vec<f64> = match metric {
            Metric::SqEuclidean => {
                let length = libm::sqrt((radius * radius + 2.0 * t).max(0.0));
                row.iter().zip(&u).map(|(x, u)| x + length * u).collect()
            }
            Metric::Cosine => {
                let across: Vec<f64> = u.iter().zip(&row).map(|(u, x)| u - along * x).collect();
                let (cos, size) = ((1.0 - 0.5 * radius * radius + t).clamp(-1.0, 1.0), 1.5 + draws.next());
                let across = scaled(&across, libm::sqrt(1.0 - cos * cos) / norm(&across));
                row.iter().zip(&across).map(|(x, a)| size * (cos * x + a)).collect()
            }
        };
        targets.extend(target.iter().map(|c| *c as f32));
    }
    (row.iter().map(|x| *x as f32).collect(), targets)
}

/// `trials` rows with their targets. Three steps: the sweep's scores, the closer look, leading dimensions.
fn attack(level: Level, trials: u64) -> Result<[Step; 3]> {
    let (cpu, cx) = (Cpu::with_level(level)?.screens(Screens::Always), Context::default());
    let mut steps = [Step::default(); 3];
    for trial in 0..trials {
        let mut draws = Draws(Stream::new(13, 99), trial, 0);
        let d = 8 + (trial * 7 % 57) as usize;
        let metric = Metric::ALL[(trial % 2) as usize];
        let radius = [1.0, 0.3, 0.05][(trial / 2 % 3) as usize];
        // What the codes of both sides leave, and so the bounds of the steps, by their size. Leading dimensions are made of
        // targets in more dimensions only by way of trial: what lies outside of the basis is seldom near its bound.
        let (left, aim) = (1.6 / 127.0 / libm::sqrt(12.0), (trial / 6 % 3) as usize);
        // Rows of the kernel are centered, so that a Euclidean row is nearer to 0 than its targets are.
        let (inner, outer) = match metric {
            Metric::SqEuclidean => (radius / libm::sqrt(TARGETS as f64), radius),
            Metric::Cosine => (1.0, 1.0),
        };
        let bound = left * inner * if aim == 1 { 1.4 * radius } else { 4.0 * outer };
        // So wide that most pairs are certified, and so narrow that half of those lie within 4 bounds.
        let width = 5.0 * bound;
        let (row, values) = near_ties(&mut draws, metric, d, radius, width);
        let x = cpu.load((&row[..], 1, d).into_rows()?, metric, &cx)?;
        let rows = || (&values[..], TARGETS, d).into_rows();
        let mut targets = cpu.targets(rows()?, metric, Copies::Keep, &cx)?;
        // The second targets of a run, where rows are coded, make the basis.
        let mut carry = CpuCarry::default();
        if aim == 2 {
            carry.codes(&search(&cpu, &x, &targets)?, &x.name, &cx)?;
            targets = cpu.next_targets(targets, rows()?, metric, Copies::Keep, &cx)?;
        }
        let search = search(&cpu, &x, &targets)?;
        let given = if aim == 2 { carry.codes(&search, &x.name, &cx)? } else { RowsInCodes::default() };
        let Some(codes) = targets.codes_at(level) else { panic!("targets that cannot be coded") };
        let mut out = [0];
        let mut question = Nearest::new(search, 0, None, &mut out);
        let mut block = Block::new(codes, codes.tiles.as_ref(), given, &search, 1)?;
        block.load(&search, 0, &mut question, 0..1, true)?;
        let (swept, close) = block.scores(&search)?;
        let mut low = Vec::new();
        if aim == 2 {
            block.load(&search, 0, &mut question, 0..1, false)?;
            assert!(block.leads(), "no leading dimensions");
            low = block.scores(&search)?.0;
        }
        // The definition; of similarities the negative.
        let truth = |j: u32| match metric {
            Metric::SqEuclidean => targets.distance(&row, 0.0, j),
            Metric::Cosine => -targets.similarity(&row, search.square(0), j),
        };
        let truth: Vec<f64> = (0..TARGETS as u32).map(truth).collect();
        for a in 0..TARGETS {
            for b in (0..TARGETS).filter(|b| *b != a) {
                let (zb, eb) = swept[b];
                let (certified, gap, bound) = match aim {
                    0 => (swept[a].0 - swept[a].1 > zb + eb, swept[a].0 - zb, swept[a].1 + eb),
                    1 => {
                        let exceeds = block.exceeds(&search, 0, close[a], close[b]);
                        (exceeds, close[a].z - close[b].z, block.bound(&search, 0, close[a], close[b]))
                    }
                    _ => (low[a].0 - low[a].1 > zb + eb, low[a].0 - zb, low[a].1 + eb),
                };
                if certified {
                    steps[aim].certified += 1;
                    steps[aim].near += u64::from(gap <= 4.0 * bound);
                    steps[aim].wrong += u64::from(truth[a] <= truth[b]);
                }
            }
        }
    }
    Ok(steps)
}

#[allow(clippy::print_stdout, reason = "the long run tells each level as it ends")]
fn check(trials: u64, least: u64) -> Result<()> {
    for level in Level::available().into_iter().rev() {
        let steps = attack(level, trials)?;
        std::println!("{level:?}: {steps:?}");
        for step in steps {
            assert_eq!(step.wrong, 0, "{level:?}: {steps:?}");
            assert!(step.certified >= least && 2 * step.near >= step.certified, "{level:?}: {steps:?}");
        }
    }
    Ok(())
}

#[test]
fn a_million_certified_near_ties_are_right() -> Result<()> {
    check(10_000, 1_000_000)
}

/// 10^8 pairs a step, after a change of the bounds; the best level first, each told as it ends.
#[test]
#[ignore = "a quarter of an hour: .ci/deep/bounds.sh"]
fn a_hundred_million_certified_near_ties_are_right() -> Result<()> {
    check(1_000_000, 100_000_000)
}

/// The most similar earlier rows of long rows: directions without order, of which leading dimensions leave nearly all pairs, so
/// that they are given up again and again; then copies with noise, of which they leave few.
#[test]
fn leading_dimensions_come_and_go_for_maxima() -> Result<()> {
    let (n, d, cx) = (2600, 512, Context::default());
    let values: Vec<f32> = (0..n)
        .flat_map(|i| {
            let mut own = Draws(Stream::new(15, 99), i, 0);
            let mut kind = Draws(Stream::new(16, 99), i % 40, 0);
            let order = if i < 1100 { 0.0 } else { 1.0 };
            (0..d)
                .map(|_| (own.next() * (1.0 - 0.7 * order) + kind.next() * order) as f32)
                .collect::<Vec<_>>()
        })
        .collect();
    let found = |level: Level, screens: Screens| -> Result<(Vec<(u64, u64)>, u64)> {
        let cpu = Cpu::with_level(level)?.screens(screens);
        let block = cpu.load((&values[..], n as usize, d).into_rows()?, Metric::Cosine, &cx)?;
        let mut best = vec![Best::NONE; n as usize];
        // Each target will meet more rows than these.
        let targets = cpu.pack_pairs(&block, 2000 * n, None, &cx)?;
        let groups = [0, n as usize];
        let stats = cpu.earlier_max(&block, &targets, Pairs::Within(&groups), 0, &mut best, &cx)?;
        Ok((best.iter().map(|b| (b.row, b.similarity.to_bits())).collect(), stats.leading))
    };
    // AMX looks for maxima at full depth alone.
    for level in Level::available().into_iter().filter(|level| *level != Level::Amx) {
        let (plain, none) = found(level, Screens::Never)?;
        let (screened, leading) = found(level, Screens::Auto)?;
        assert_eq!(plain, screened, "{level:?}");
        assert!(
            none == 0 && (leading > 0 || level == Level::Scalar),
            "{level:?}: {leading} in leading dimensions"
        );
    }
    Ok(())
}

/// Pairs above a threshold, of directions without order: leading dimensions leave them all, and codes of full depth are made only
/// then. Targets that were meant for a threshold serve maxima, too, and thresholds for rows of another block.
#[test]
fn codes_of_full_depth_are_made_when_leading_dimensions_fail() -> Result<()> {
    // One task after the other, so that the first tells the next.
    let (n, d, cx) = (2600u64, 256, Context::new(Exec::serial(), Control::new()));
    let values: Vec<f32> = (0..n)
        .flat_map(|i| {
            let (mut own, mut kind) =
                (Draws(Stream::new(17, 99), i, 0), Draws(Stream::new(18, 99), i % 900, 0));
            (0..d).map(|_| (kind.next() + 0.5 * own.next()) as f32).collect::<Vec<_>>()
        })
        .collect();
    for level in Level::available() {
        let found = |screens: Screens| -> Result<_> {
            let cpu = Cpu::with_level(level)?.screens(screens);
            let load = || cpu.load((&values[..], n as usize, d).into_rows()?, Metric::Cosine, &cx);
            let (block, other) = (load()?, load()?);
            let targets = cpu.pack_pairs(&block, 2000 * n, Some(0.5), &cx)?;
            let late = targets.codes_at(level).is_some_and(|codes| codes.tiles.is_none());
            let groups = [0, n as usize];
            let mut pairs = Vec::new();
            let above = Above { threshold: Threshold::One(0.5), boundary: Boundary::Ge, first_only: false };
            let mut stats = Vec::new();
            for (block, which) in
                [(&block, Pairs::Within(&groups)), (&other, Pairs::Within(&groups)), (&other, Pairs::Across)]
            {
                stats.push(cpu.pairs_above(block, &targets, which, above, &mut pairs, &cx)?);
            }
            let mut best = vec![Best::NONE; n as usize];
            stats.push(cpu.earlier_max(&block, &targets, Pairs::Within(&groups), 0, &mut best, &cx)?);
            let pairs: Vec<_> = pairs.iter().map(|p| (p.later, p.earlier, p.similarity.to_bits())).collect();
            let best: Vec<_> = best.iter().map(|b| (b.row, b.similarity.to_bits())).collect();
            Ok(((pairs, best), stats, late))
        };
        let (plain, _, none) = found(Screens::Never)?;
        let (screened, stats, late) = found(Screens::Auto)?;
        assert!(plain == screened && plain.0.len() > 5000, "{level:?}");
        // The first block was looked at in leading dimensions; the screen has settled all the same.
        let codes = level != Level::Scalar;
        assert!(!none && late == codes, "{level:?}");
        assert!(!codes || (1..n).contains(&stats[0].leading), "{level:?}: {:?}", stats[0]);
        for stats in stats {
            assert!((stats.f32 == 0 && stats.f64 == 0) == codes, "{level:?}: {stats:?}");
        }
        let (always, _, late) = found(Screens::Always)?;
        assert!(always == plain && !late, "{level:?}");
    }
    Ok(())
}

/// Rows with tens of targets that codes cannot tell apart: the definition decides among them, and no tile packs all targets.
#[test]
fn near_ties_among_many_targets_need_no_tile() -> Result<()> {
    let (d, cx) = (40, Context::default());
    for level in Level::available() {
        for metric in Metric::ALL {
            // Rows and groups of targets. Of 80 groups, a row has less than one target of 32 left; of one group, all, but these are few.
            for (n, groups) in [(160, 80), (1, 1)] {
                let (mut rows, mut values) = (Vec::new(), Vec::new());
                for group in 0..groups {
                    let mut draws = Draws(Stream::new(19, 99), group, 0);
                    let (row, mut targets) = near_ties(&mut draws, metric, d, 0.3, 1e-7);
                    // A tie, too.
                    targets.copy_within(..d, 20 * d);
                    rows.extend((0..n / groups).flat_map(|_| row.iter().copied()));
                    values.extend(targets);
                }
                let found = |screens: Screens| -> Result<_> {
                    let cpu = Cpu::with_level(level)?.screens(screens);
                    let x = cpu.load((&rows[..], n as usize, d).into_rows()?, metric, &cx)?;
                    let count = groups as usize * TARGETS;
                    let targets =
                        cpu.targets((&values[..], count, d).into_rows()?, metric, Copies::Keep, &cx)?;
                    let mut out = vec![0; n as usize];
                    let stats = cpu.nearest(&x, &targets, None, &mut out, &cx)?;
                    Ok((out, stats))
                };
                let ((plain, _), (screened, stats)) = (found(Screens::Never)?, found(Screens::Always)?);
                assert_eq!(plain, screened, "{level:?} {metric:?} {groups}");
                assert!(
                    stats.truth == n && stats.f32 == 0 && stats.f64 == 0,
                    "{level:?} {metric:?}: {stats:?}"
                );
            }
        }
    }
    Ok(())
}

/// A bound that is too small is found out.
#[test]
fn the_attack_finds_bounds_that_are_too_small() -> Result<()> {
    let (cpu, cx) = (Cpu::with_level(Level::detect())?.screens(Screens::Always), Context::default());
    let (mut wrong, d, metric) = (0, 24, Metric::SqEuclidean);
    for trial in 0..60 {
        let (row, values) = near_ties(&mut Draws(Stream::new(14, 99), trial, 0), metric, d, 1.0, 0.03);
        let x = cpu.load((&row[..], 1, d).into_rows()?, metric, &cx)?;
        let targets = cpu.targets((&values[..], TARGETS, d).into_rows()?, metric, Copies::Keep, &cx)?;
        let search = search(&cpu, &x, &targets)?;
        let Some(codes) = targets.codes_at(cpu.level()) else { panic!("targets that cannot be coded") };
        let mut out = vec![0];
        let mut block = Block::new(codes, codes.tiles.as_ref(), RowsInCodes::default(), &search, 1)?;
        block.load(&search, 0, &mut Nearest::new(search, 0, None, &mut out), 0..1, true)?;
        let (swept, _) = block.scores(&search)?;
        for a in 0..TARGETS {
            for b in 0..TARGETS {
                // A quarter of the bound.
                let certified = swept[a].0 - swept[b].0 > (swept[a].1 + swept[b].1) / 8.0;
                let truth = |j: usize| targets.distance(&row, 0.0, j as u32);
                wrong += u64::from(certified && truth(a) <= truth(b));
            }
        }
    }
    assert!(wrong > 0);
    Ok(())
}
