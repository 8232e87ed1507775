//! k-means on data that screens tell little of: the library as it chooses its tiers, beside the `f32` tile alone.
//!
//! `check-hard [--rows 20000] [--dim 384] [--k 1000] [--iters 4] [--reps 3]`
//!
//! Prints the median seconds of both, which take turns, who settled the rows of the last assignment, and the ratio; at every
//! level of the machine that has screens, on one thread. The program fails where labels differ, or the ratio is above 1.3.
#![allow(clippy::print_stdout, reason = "the table is the program's result")]

use ndarray::{Array2, s};
use pauca::{Clusters, Context, Control, Cpu, Exec, Init, KMeans, Level, Rows, Screens};
use pauca_benches::random::Uniform;
use pauca_benches::{Failure, Options, measure};

/// What screening may cost where it saves nothing.
const LIMIT: f64 = 1.3;

/// A name, and the value at a place of the matrix: from the row, the column and random numbers.
type Kind = (&'static str, fn(usize, usize, &mut Uniform) -> f32);

const KINDS: [Kind; 8] = [
    ("normal", |_, _, random| normal(random)),
    ("binary", |_, _, random| random.below(2) as f32),
    ("near-ties", |_, _, random| 1.0 + 1e-4 * normal(random)),
    ("two tight balls", |row, _, random| (row % 2) as f32 * 100.0 + 1e-3 * normal(random)),
    ("one far ball", |_, column, random| 50.0 + (column % 7) as f32 + 1e-3 * normal(random)),
    // 1,500 kinds of rows.
    ("duplicates", |row, column, _| {
        let mut kind = Uniform::new((row % 1500) as u64 * 7919 + 1);
        (0..=column % 5).map(|_| kind.next_f32()).sum::<f32>() * (column % 11) as f32
    }),
    ("denormal", |_, _, random| normal(random) * f32::from_bits(1 << 16)),
    ("one large value", |row, column, random| if column == row % 384 { 1e4 } else { normal(random) }),
];

fn normal(random: &mut Uniform) -> f32 {
    // The sum of twelve uniform numbers has variance 1.
    (0..12).map(|_| random.next_f32()).sum::<f32>() - 6.0
}

fn main() -> Result<(), Failure> {
    let options = Options::read(&["rows", "dim", "k", "iters", "reps"])?;
    let (n, d) = (options.number("rows", 20_000)?, options.number("dim", 384)?);
    let (k, iterations) = (options.number("k", 1000)?, options.number("iters", 4)?);
    let reps = options.number("reps", 3)?;
    let mut worst = 0.0f64;
    println!("{n} x {d}, k = {k}, {iterations} iterations and final labels, one thread; medians of {reps}");
    println!("level        data             auto s   f32 s   ratio   int8 %   f32 %   f64 %  truth %");
    for level in Level::available().into_iter().filter(|level| *level != Level::Scalar) {
        for (name, value) in KINDS {
            let mut random = Uniform::new(5);
            let x = Array2::from_shape_fn((n, d), |(row, column)| value(row, column, &mut random));
            let start = x.slice(s![..k, ..]).to_owned();
            let cx = Context::new(Exec::serial(), Control::new());
            let run = |screens: Screens| -> Result<(f64, Clusters), Failure> {
                let cpu = Cpu::with_level(level)?.screens(screens);
                let config = KMeans::new(k).max_iter(iterations).init(Init::Given(start.clone()));
                let (clusters, cost) = measure(|| config.fit_on(&cpu, &Rows::F32(x.view()), None, &cx));
                Ok((cost.wall, clusters?))
            };
            let (mut auto, mut tile, mut stats) = (Vec::new(), Vec::new(), None);
            for _ in 0..reps {
                let (seconds, clusters) = run(Screens::Auto)?;
                auto.push(seconds);
                let (seconds, plain) = run(Screens::Never)?;
                tile.push(seconds);
                if clusters.labels != plain.labels {
                    return Err(format!("{} on {name}: the labels differ", level.name()).into());
                }
                stats = Some(clusters.search);
            }
            let (auto, tile) = (median(auto), median(tile));
            let Some(stats) = stats else { return Err("--reps 0".into()) };
            let share = |count: u64| 100.0 * count as f64 / stats.rows.max(1) as f64;
            println!(
                "{:12} {name:16} {auto:6.3}  {tile:6.3}  {:6.2}  {:7.2} {:7.2} {:7.2}  {:7.2}",
                level.name(),
                auto / tile,
                share(stats.int8),
                share(stats.f32),
                share(stats.f64),
                share(stats.truth),
            );
            worst = worst.max(auto / tile);
        }
    }
    println!("worst ratio {worst:.2}, limit {LIMIT}");
    if worst <= LIMIT { Ok(()) } else { Err("screening costs too much".into()) }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}
