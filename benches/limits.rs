//! Every hot operation beside the machine's limit, one thread, both measured in one run; a table at the end.
//!
//! `cargo bench -p pauca-benches --bench limits`; `PAUCA_SIMD=avx2` and the like choose the level. An operation counts the
//! work of its definition: an assignment n k d multiply-adds, whatever screens save of them, so that a share may exceed 1.
//! The limit is the fastest arithmetic in which the level could do that work, all of it in registers, or the reading of the
//! rows in order and nothing else. Every number is the thread's own time in the fastest sample, so that other work on the
//! machine costs little.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]
#![allow(clippy::print_stdout, reason = "the table")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use ndarray::{Array2, s};
use pauca::alignment::{InfoNce, Matches};
use pauca::backend::{Above, Backend, Best, Boundary, Copies, Pairs, Products, Samples, Threshold};
use pauca::layers::{CkaPath, LayerCka, Tokens};
use pauca::{Context, Control, Cpu, Exec, Init, IntoRows, KMeans, Level, Metric, Rows, Screens};
use pauca_benches::random::Uniform;

/// What bounds an operation: the place of its rate among those measured.
#[derive(Clone, Copy)]
enum Limit {
    Bytes,
    Floats,
    Doubles,
    Reading,
}

impl Limit {
    const ALL: [Self; 4] = [Self::Bytes, Self::Floats, Self::Doubles, Self::Reading];

    fn name(self) -> &'static str {
        match self {
            Self::Bytes => "products of 8-bit codes",
            Self::Floats => "products of f32",
            Self::Doubles => "products of f64",
            Self::Reading => "reading rows",
        }
    }

    fn unit(self) -> &'static str {
        if matches!(self, Self::Reading) { "GB/s" } else { "G multiply-adds/s" }
    }
}

/// The time that this thread has had a processor, where Linux tells it, else time on the wall.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse().ok());
    spent.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// Measures, and keeps what it measured for the table.
struct Run<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    level: Level,
    /// Work a second at each limit, in thousand millions.
    limits: [f64; 4],
    lines: Vec<(String, f64, Limit)>,
}

impl Run<'_> {
    /// Thousand millions of `work` a second in the fastest sample; None for a name that was not asked for.
    fn rate(&mut self, name: &str, work: f64, mut once: impl FnMut()) -> Option<f64> {
        let mut samples: Vec<(Duration, u64)> = Vec::new();
        self.group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let start = clock();
                (0..times).for_each(|_| once());
                let spent = clock().saturating_sub(start);
                samples.push((spent, times));
                spent
            });
        });
        // The clock ticks in some milliseconds: the short samples of the warm-up do not count.
        let longest = samples.iter().map(|(spent, _)| *spent).max()?;
        let long = samples.iter().filter(|(spent, _)| 2 * *spent >= longest);
        let rates = long.map(|(spent, times)| work * *times as f64 / spent.as_secs_f64() / 1e9);
        rates.max_by(f64::total_cmp)
    }

    /// A line of the table.
    fn time(&mut self, name: &str, limit: Limit, work: f64, once: impl FnMut()) {
        if let Some(rate) = self.rate(name, work, once) {
            self.lines.push((name.to_owned(), rate, limit));
        }
    }

    fn table(&self) {
        println!("| operation | level | throughput | limit | share |\n|---|---|---|---|---|");
        for (name, rate, limit) in &self.lines {
            let most = self.limits[*limit as usize];
            let (level, unit, limit) = (self.level.name(), limit.unit(), limit.name());
            println!("| {name} | {level} | {rate:.1} {unit} | {most:.1}, {limit} | {:.2} |", rate / most);
        }
    }
}

/// Steps of a limit in one call.
const STEPS: usize = 1 << 16;

/// The arithmetic of a level on numbers in registers: sums that wait for nobody but themselves, so many that none waits.
macro_rules! steps {
    ($name:ident $(, $feature:literal)?: $sums:literal x $start:expr, |$sum:ident| $step:expr) => {
        $(#[target_feature(enable = $feature)])?
        fn $name() {
            let mut sums = black_box([$start; $sums]); // else all would be known to be equal
            for _ in 0..STEPS {
                for $sum in &mut sums {
                    *$sum = $step;
                }
            }
            black_box(sums);
        }
    };
}

/// Multiply-adds of a step, and the steps, where a level has its own.
type Arithmetic = Option<(usize, fn())>;

steps!(floats_plain: 12 x [1.0f32; 4], |sum| sum.map(|x| x * 0.5 + 1.0));
steps!(doubles_plain: 12 x [1.0f64; 2], |sum| sum.map(|x| x * 0.5 + 1.0));

#[cfg(target_arch = "x86_64")]
mod machine {
    use core::arch::x86_64::*;

    use super::*;

    steps!(floats_avx2, "avx2,fma": 12 x _mm256_set1_ps(1.0), |s| _mm256_fmadd_ps(*s, _mm256_set1_ps(0.5), _mm256_set1_ps(1.0)));
    steps!(doubles_avx2, "avx2,fma": 12 x _mm256_set1_pd(1.0), |s| _mm256_fmadd_pd(*s, _mm256_set1_pd(0.5), _mm256_set1_pd(1.0)));
    steps!(floats_avx512, "avx512f": 24 x _mm512_set1_ps(1.0), |s| _mm512_fmadd_ps(*s, _mm512_set1_ps(0.5), _mm512_set1_ps(1.0)));
    steps!(doubles_avx512, "avx512f": 24 x _mm512_set1_pd(1.0), |s| _mm512_fmadd_pd(*s, _mm512_set1_pd(0.5), _mm512_set1_pd(1.0)));
    // Products of pairs, and their sums in 16 bits: what every kernel of these levels needs at least.
    steps!(bytes_avx2, "avx2": 12 x _mm256_set1_epi8(1), |s| {
        _mm256_add_epi16(_mm256_maddubs_epi16(*s, _mm256_set1_epi8(3)), _mm256_set1_epi8(5))
    });
    steps!(bytes_avx512, "avx512bw": 24 x _mm512_set1_epi8(1), |s| {
        _mm512_add_epi16(_mm512_maddubs_epi16(*s, _mm512_set1_epi8(3)), _mm512_set1_epi8(5))
    });
    steps!(bytes_avxvnni, "avxvnni": 12 x _mm256_set1_epi8(1), |s| {
        _mm256_dpbusd_avx_epi32(*s, _mm256_set1_epi8(3), _mm256_set1_epi8(5))
    });
    steps!(bytes_avx512vnni, "avx512vnni": 24 x _mm512_set1_epi8(1), |s| {
        _mm512_dpbusd_epi32(*s, _mm512_set1_epi8(3), _mm512_set1_epi8(5))
    });

    /// Products of whole tiles: 16 x 64 bytes with 64 x 16, three sums in turn.
    ///
    /// # Safety
    /// The machine has AMX, and this process may use it.
    unsafe fn bytes_amx() {
        #[repr(align(64))]
        struct Aligned([u8; 1024]);
        let mut shapes = Aligned([0; 1024]);
        shapes.0[0] = 1;
        for tile in 0..5 {
            (shapes.0[16 + 2 * tile], shapes.0[48 + tile]) = (64, 16);
        }
        // Bytes that differ: zeros take less time.
        let bytes = Aligned(std::array::from_fn(|i| (i * 151 + i / 64 * 7) as u8));
        // SAFETY: the shapes are ones that the unit takes; the tiles are read within `bytes`.
        unsafe {
            std::arch::asm!(
                "ldtilecfg [{shapes}]",
                "tileloadd tmm3, [{bytes} + {row}*1]",
                "tileloadd tmm4, [{bytes} + {row}*1]",
                "2:",
                "tdpbusd tmm0, tmm3, tmm4",
                "tdpbusd tmm1, tmm3, tmm4",
                "tdpbusd tmm2, tmm3, tmm4",
                "dec {steps}",
                "jnz 2b",
                "tilerelease",
                shapes = in(reg) &shapes,
                bytes = in(reg) &bytes,
                row = in(reg) 64usize,
                steps = inout(reg) STEPS => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _,
                options(nostack, readonly),
            );
        }
    }

    /// 8-bit codes, `f32` and `f64` of a level that the machine has.
    pub fn of(level: Level) -> [Arithmetic; 3] {
        assert!(level.is_available());
        macro_rules! checked {
            ($multiply_adds:expr, $steps:ident) => {
                Some(($multiply_adds, || {
                    // SAFETY: the level was found to be available.
                    unsafe { $steps() }
                }))
            };
        }
        match level {
            Level::Avx2 | Level::AvxVnni => [
                if level == Level::Avx2 {
                    checked!(12 * 32, bytes_avx2)
                } else {
                    checked!(12 * 32, bytes_avxvnni)
                },
                checked!(12 * 8, floats_avx2),
                checked!(12 * 4, doubles_avx2),
            ],
            Level::Avx512 | Level::Avx512Vnni | Level::Amx => [
                match level {
                    Level::Avx512 => checked!(24 * 64, bytes_avx512),
                    Level::Avx512Vnni => checked!(24 * 64, bytes_avx512vnni),
                    _ => checked!(3 * 16 * 16 * 64, bytes_amx),
                },
                checked!(24 * 16, floats_avx512),
                checked!(24 * 8, doubles_avx512),
            ],
            _ => [None; 3],
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use core::arch::aarch64::*;

    use super::*;

    steps!(floats, "neon": 24 x vdupq_n_f32(1.0), |s| vfmaq_f32(vdupq_n_f32(1.0), *s, vdupq_n_f32(0.5)));
    steps!(doubles, "neon": 24 x vdupq_n_f64(1.0), |s| vfmaq_f64(vdupq_n_f64(1.0), *s, vdupq_n_f64(0.5)));

    /// `f32` and `f64` of a level that the machine has. NEON's product of bytes is not stable in Rust.
    pub fn of(level: Level) -> [Arithmetic; 3] {
        match level {
            Level::Neon => [
                None,
                // SAFETY: every machine of this target has NEON.
                Some((24 * 4, || unsafe { floats() })),
                // SAFETY: every machine of this target has NEON.
                Some((24 * 2, || unsafe { doubles() })),
            ],
            _ => [None; 3],
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    use super::*;

    pub fn of(_: Level) -> [Arithmetic; 3] {
        [None; 3]
    }
}

/// The limits of the level. One without products of bytes does their work in `f32`.
fn limits(run: &mut Run<'_>, x: &Array2<f32>) {
    let [bytes, floats, doubles] = machine::of(run.level);
    let floats = floats.unwrap_or((12 * 4, floats_plain));
    let each = [bytes.unwrap_or(floats), floats, doubles.unwrap_or((12 * 2, doubles_plain))];
    for (limit, (multiply_adds, steps)) in Limit::ALL.into_iter().zip(each) {
        let name = format!("limit: {}", limit.name());
        let rate = run.rate(&name, (multiply_adds * STEPS) as f64, steps);
        run.limits[limit as usize] = rate.unwrap_or(f64::NAN);
    }
    let rate = run.rate("limit: reading rows", (x.len() * 4) as f64, || {
        let chunks = black_box(x.as_slice().unwrap()).as_chunks::<64>().0;
        black_box(chunks.iter().fold([0u32; 64], |sum, x| std::array::from_fn(|l| sum[l] ^ x[l].to_bits())));
    });
    run.limits[Limit::Reading as usize] = rate.unwrap_or(f64::NAN);
}

/// Rows around 256 centres, of length 1.
fn rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut random = Uniform::new(seed);
    let mut uniform = move || random.next_f32() - 0.5;
    let centres = Array2::from_shape_fn((256, d), |_| uniform());
    let mut x = Array2::from_shape_fn((n, d), |(i, j)| centres[[i % 256, j]] + 0.7 * uniform());
    for mut row in x.rows_mut() {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    }
    x
}

fn view(x: &Array2<f32>) -> Rows<'_> {
    x.into_rows().unwrap()
}

/// k-means: seeds, coded centroids, assignments.
fn kmeans(run: &mut Run<'_>, cpu: &Cpu, x: &Array2<f32>, cx: &Context<'_>) {
    let ((n, d), k) = (x.dim(), 1024);
    let work = (n * k * d) as f64;
    let centroids = x.slice(s![..k, ..]).to_owned();
    let plain = Cpu::with_level(run.level).unwrap().screens(Screens::Never);
    let mut labels = vec![0; n];
    for (metric, name) in [(Metric::SqEuclidean, "Euclidean"), (Metric::Cosine, "cosine")] {
        let block = cpu.load(view(x), metric, cx).unwrap();
        let targets = cpu.targets(view(&centroids), metric, Copies::Collapse, cx).unwrap();
        run.time(&format!("assign, {name}"), Limit::Bytes, work, || {
            cpu.nearest(&block, &targets, None, &mut labels, cx).unwrap();
        });
    }
    let block = plain.load(view(x), Metric::SqEuclidean, cx).unwrap();
    let targets = plain.targets(view(&centroids), Metric::SqEuclidean, Copies::Collapse, cx).unwrap();
    run.time("assign, no codes", Limit::Floats, work, || {
        plain.nearest(&block, &targets, None, &mut labels, cx).unwrap();
    });
    // Rows are coded in every call; a hundred targets are the fewest that codes serve, and a third of the time.
    let few = cpu.targets(view(x).slice(0..100).unwrap(), Metric::SqEuclidean, Copies::Collapse, cx).unwrap();
    run.time("code rows, and assign to 100", Limit::Reading, (n * d * 4) as f64, || {
        cpu.nearest(&block, &few, None, &mut labels, cx).unwrap();
    });
    run.time("pack and code centroids", Limit::Reading, (k * d * 4) as f64, || {
        let copies = Copies::Collapse;
        black_box(cpu.targets(view(&centroids), Metric::SqEuclidean, copies, cx).unwrap());
    });
    for (spherical, name) in [(false, "Euclidean"), (true, "cosine")] {
        let seeds = KMeans::new(k).spherical(spherical).init(Init::KMeansPlusPlus).max_iter(0).seed(1);
        run.time(&format!("k-means++ and one assignment, {name}"), Limit::Floats, 2.0 * work, || {
            black_box(seeds.start_on(cpu, view(x), None, cx).unwrap());
        });
    }
}

/// The pairs of a cluster: coded and rotated rows, maxima, pairs above a threshold.
fn pairs(run: &mut Run<'_>, cpu: &Cpu, x: &Array2<f32>, cx: &Context<'_>) {
    let (n, d) = x.dim();
    let (all, block) = (n * (n - 1) / 2, cpu.load(view(x), Metric::Cosine, cx).unwrap());
    let (within, work) = ([0, n], (all * d) as f64);
    let pack = |least| cpu.pack_pairs(&block, all as u64, least, cx).unwrap();
    for (least, name) in [(None, "maxima"), (Some(0.95), "cosines above 0.95")] {
        run.time(
            &format!("pack, code and rotate rows for {name}"),
            Limit::Reading,
            (n * d * 4) as f64,
            || {
                black_box(pack(least));
            },
        );
    }
    let (maxima, high) = (pack(None), pack(Some(0.95)));
    run.time("most similar earlier rows", Limit::Bytes, work, || {
        let mut best = vec![Best::NONE; n];
        cpu.earlier_max(&block, &maxima, Pairs::Within(&within), 0, &mut best, cx).unwrap();
        black_box(best);
    });
    let above = Above { threshold: Threshold::One(0.95), boundary: Boundary::Gt, first_only: false };
    run.time("pairs with cosines above 0.95", Limit::Bytes, work, || {
        let mut found = Vec::new();
        cpu.pairs_above(&block, &high, Pairs::Within(&within), above, &mut found, cx).unwrap();
        black_box(found);
    });
}

/// Nearest codes of short latents.
fn codes(run: &mut Run<'_>, cpu: &Cpu, cx: &Context<'_>) {
    let (n, k) = (8_192, 16_384);
    for d in [8, 32] {
        let mut random = Uniform::new(d as u64);
        // About normal.
        let mut normal =
            |n| Array2::from_shape_fn((n, d), |_| (0..6).map(|_| random.next_f32()).sum::<f32>() - 3.0);
        let (x, codes) = (normal(n), normal(k));
        let block = cpu.load(view(&x), Metric::SqEuclidean, cx).unwrap();
        let targets = cpu.targets(view(&codes), Metric::SqEuclidean, Copies::Collapse, cx).unwrap();
        let mut ids = vec![0; n];
        run.time(&format!("nearest of {k} codes, d {d}"), Limit::Bytes, (n * k * d) as f64, || {
            cpu.nearest(&block, &targets, None, &mut ids, cx).unwrap();
        });
    }
}

/// What layers and losses multiply.
fn products(run: &mut Run<'_>, cpu: &Cpu, cx: &Context<'_>) {
    let (b, d) = (1024, 256);
    let (x, y) = (rows(b, d, 3), rows(b, d, 4));
    let (mut dx, mut dy) = (x.clone(), y.clone());
    let loss = InfoNce::new();
    // Logits and two gradients; the logits are made twice.
    run.time("InfoNCE and its gradients", Limit::Doubles, (3 * b * b * d) as f64, || {
        let into = (dx.view_mut(), dy.view_mut());
        loss.gradients_into(x.view(), y.view(), 10.0, Matches::Diagonal, into, cx).unwrap();
    });
    let states: Vec<Array2<f32>> = (0..8).map(|l| rows(512, 512, l)).collect();
    let states: Vec<Rows<'_>> = states.iter().map(view).collect();
    let (n, l) = (512, states.len());
    let cka = LayerCka::new(&vec![512; l]).unwrap().path(CkaPath::Gram);
    run.time("CKA of 8 layers", Limit::Doubles, (n * n / 2 * l * 512) as f64, || {
        let mut stream = cka.start_on(cpu).unwrap();
        stream.push(&states, Tokens::Rows, cx).unwrap();
        black_box(stream.finish(cx).unwrap());
    });
    let mut dots = vec![0.0; n * l * l];
    run.time("dots of all pairs of 8 layers", Limit::Doubles, (n * l * l / 2 * 512) as f64, || {
        cpu.pair_dots(Samples::new(&states, None).unwrap(), 0..n, &mut dots, cx).unwrap();
    });
}

fn main() {
    let (cpu, cx) = (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()));
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("limits, {}", cpu.level().name()));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(300));
    let mut run = Run { group, level: cpu.level(), limits: [f64::NAN; 4], lines: Vec::new() };
    let x = rows(16_384, 384, 1);
    limits(&mut run, &x);
    kmeans(&mut run, &cpu, &x, &cx);
    pairs(&mut run, &cpu, &x, &cx);
    codes(&mut run, &cpu, &cx);
    products(&mut run, &cpu, &cx);
    run.table();
    run.group.finish();
}
