//! Every level's bodies against plain loops, natively and on plain arrays at the level's shape.

use alloc::vec;
use alloc::vec::Vec;

use super::super::level::Level;
use super::super::portable::{Portable, skipped};
use super::coding::U;
use super::encode::{encode, measure};
use super::lanes::Lanes;
use super::levels::{Bodies, Words};
use super::limits::limits;
use super::pairs::{pairs, products};
use super::panel::short_sum;
use super::scan::scan;
use super::sums::{Arrays, SHORT, SHORT_SUM, SIGNED, Sums, UNSIGNED};
use super::words::{self, Array};
use super::*;
use crate::random::Stream;

/// Results that a test cannot do without.
trait Must<T> {
    fn must(self) -> T;
}

impl<T> Must<T> for crate::error::Result<T> {
    fn must(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Numbers by a seed, one after the other.
struct Numbers(Stream, u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(Stream::new(seed, 13), 0)
    }

    fn bits(&mut self) -> u64 {
        self.1 += 1;
        self.0.bits(self.1, 0)
    }

    /// From 0 to `n` - 1.
    fn below(&mut self, n: usize) -> usize {
        (self.bits() >> 32) as usize % n
    }

    /// From -1 to 1.
    fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// The bodies of a level's kernel at its shape, on plain arrays.
fn portable<V, P, S, F, const MR: usize, const NV: usize, const N: usize>(reach: u8) -> CodeKernel
where
    V: Sums,
    P: Sums,
    S: Sums,
    F: Lanes,
{
    let coding = |offset| match (offset, reach) {
        (false, _) => Coding { reach: 127, offset: 0 },
        (true, 63) => Coding { reach: 63, offset: 64 },
        (true, _) => Coding { reach: 127, offset: 128 },
    };
    let pair = if P::OFFSET { Coding { reach: 127, offset: 128 } } else { Coding { reach: 127, offset: 0 } };
    CodeKernel(Bodies {
        rows: MR,
        tile: coding(V::OFFSET),
        pair,
        short: V::SHORT,
        matrix: false,
        group: NV * V::LANES,
        measure: measure::<F, N>,
        encode: encode::<F, N>,
        scan: scan::<V, MR, NV>,
        limits: limits::<F>,
        words: V::SHORT.then_some(Words { scan: words::scan::<Array>, factors: words::factors }),
        tile_pairs: pairs::<V>,
        pairs: pairs::<P>,
        dot: |a, b, depth| {
            // SAFETY: no instruction set is needed; the caller's contract is the same.
            unsafe { products::<S, false>([a; 4], [b; 4], [b; 4], depth)[0] }
        },
    })
}

/// The shapes of the levels that need more than the target's baseline.
fn shapes() -> [(Level, CodeKernel); 6] {
    type Signed8 = Arrays<8, SIGNED>;
    type Unsigned8 = Arrays<8, UNSIGNED>;
    type Unsigned16 = Arrays<16, UNSIGNED>;
    type Signed4 = Arrays<4, SIGNED>;
    let vnni = portable::<Unsigned16, Unsigned16, Signed8, Portable<f32, 16>, 8, 3, 2>(127);
    let amx = Bodies {
        rows: matrix::ROWS,
        matrix: true,
        scan: matrix::scan::<matrix::Plain, Unsigned16>,
        ..vnni.0
    };
    [
        (Level::Avx2, portable::<Arrays<8, SHORT>, Signed8, Signed8, Portable<f32, 8>, 6, 1, 2>(63)),
        (Level::AvxVnni, portable::<Unsigned8, Unsigned8, Signed8, Portable<f32, 8>, 6, 2, 2>(127)),
        (Level::Avx512, portable::<Arrays<16, SHORT>, Signed8, Signed8, Portable<f32, 16>, 12, 1, 2>(63)),
        (Level::Avx512Vnni, vnni),
        (Level::Amx, CodeKernel(amx)),
        (Level::Neon, portable::<Signed4, Signed4, Signed4, Portable<f32, 4>, 8, 3, 4>(127)),
    ]
}

/// Every kernel that this machine can run: its levels, and all shapes on plain arrays.
fn all() -> Vec<(Level, CodeKernel)> {
    let native = Level::available().into_iter().map(|level| match CodeKernel::new(level) {
        Ok(kernel) => (level, kernel),
        Err(_) => panic!("{level:?} is listed but refused"),
    });
    native.chain(shapes()).collect()
}

/// Codes of a side, as numbers: row r or column c, step t at `[r * depth + t]`.
struct Problem {
    depth: usize,
    rows: Vec<i8>,
    columns: Vec<i8>,
}

#[derive(Clone, Copy, Debug)]
enum Codes {
    /// Any codes.
    Any,
    /// Only the largest and the smallest: what saturates if anything does.
    Extreme,
    /// All the largest: each sum is as large as can be.
    Largest,
    /// Rows at their ends, and columns whose four steps just fit 16 bits.
    JustFour,
}

impl Problem {
    fn new(coding: Coding, codes: Codes, n: usize, count: usize, depth: usize, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let reach = i32::from(coding.reach);
        // Where a byte has room for it, rows go one farther down: byte 0.
        let low = -reach - i32::from(coding.offset == 128);
        let mut code = |low: i32, i: usize| {
            (match codes {
                Codes::Any => low + numbers.below((reach - low + 1) as usize) as i32,
                Codes::Extreme => [low, reach][numbers.below(2)],
                Codes::Largest => reach,
                Codes::JustFour if low == -reach => {
                    [63, 63, 1, 1, 1, 1, 63, 63, 0, 63, -63, 2, 2, 0, 0, -63][i % 16]
                }
                Codes::JustFour => reach,
            }) as i8
        };
        let rows =
            (0..n * depth).map(|i| code(low - i32::from(low == -reach), i).max(-reach as i8)).collect();
        let columns = (0..count * depth).map(|i| code(-reach, i)).collect();
        Self { depth, rows, columns }
    }

    fn product(&self, r: usize, c: usize) -> i64 {
        let (x, c) =
            (&self.rows[r * self.depth..][..self.depth], &self.columns[c * self.depth..][..self.depth]);
        x.iter().zip(c).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
    }

    /// The bytes of the rows, `stride` from one to the next.
    fn bytes(&self, coding: Coding, stride: usize) -> Vec<u8> {
        let mut out = vec![0xa5; self.rows.len() / self.depth * stride];
        for (row, out) in self.rows.chunks_exact(self.depth).zip(out.chunks_exact_mut(stride)) {
            row.iter().zip(out).for_each(|(&q, out)| *out = (q as u8).wrapping_add(coding.offset));
        }
        out
    }
}

/// A scan whose scores are whole numbers, so that every level must find them exactly.
fn check_scan(level: Level, kernel: CodeKernel, codes: Codes, n: usize, count: usize, depth: usize) {
    let coding = kernel.tile();
    let problem = Problem::new(coding, codes, n, count, depth, (depth * 64 + count) as u64);
    let stride = depth + 16;
    let rows = problem.bytes(coding, stride);
    let mut packed = Lines::zeros(depth * WIDTH).must();
    packed.bytes_mut().fill(0x77);
    let mut panel = kernel.pack(&problem.columns, depth, depth, count, packed.codes_mut());
    let row_scale: Vec<f32> = (0..n).map(|r| [1.0, 0.5, 2.0][r % 3]).collect();
    let residue: Vec<f32> = (0..n).map(|r| (r % 5) as f32).collect();
    for c in 0..count {
        panel.h[c] = c as f32 * 16.0;
        panel.scale[c] = [1.0, 2.0][c % 2];
        panel.rho[c] = (c % 7) as f32;
    }
    let mut numbers = Numbers::new(5);
    for with_residue in [false, true] {
        let score = |r: usize, c: usize| {
            let moved = if with_residue { (r % 5 * (c % 7)) as f64 } else { 0.0 };
            let product = f64::from(row_scale[r]) * f64::from(panel.scale[c]) * problem.product(r, c) as f64;
            let z = c as f64 * 16.0 - moved - product;
            assert!(z.abs() < 16_777_216.0, "a score that f32 cannot hold");
            z as f32
        };
        // Nothing, everything, and about a third, by the score of one of the columns.
        let middle = |r: usize| if count == 0 { 0.0 } else { score(r, r % count) };
        for kind in 0..4 {
            let threshold: Vec<f32> = (0..n)
                .map(|r| match (kind, r % 4) {
                    (0, 0) => f32::NAN,
                    (0, _) => f32::NEG_INFINITY,
                    (1, _) => f32::INFINITY,
                    (2, 0) => f32::NEG_INFINITY,
                    _ => middle(r),
                })
                .collect();
            for (length, in_turn) in [0, 1, 5, 6, 7, 8, 9, 12, 13, 24, 41]
                .map(|length| (length, false))
                .into_iter()
                .chain([(16, true), (61, true)])
            {
                // Rows of any place, and rows side by side, again from the first after the last.
                let row = |e: usize, any: usize| if in_turn { e % n } else { any };
                let list: Vec<u16> = (0..length).map(|e| row(e, numbers.below(n)) as u16).collect();
                let mut expected = Vec::new();
                let mut rest = vec![f32::INFINITY; length];
                for (e, &r) in list.iter().enumerate() {
                    for c in 0..count {
                        let z = score(r.into(), c);
                        if z <= threshold[usize::from(r)] {
                            expected.push((Hit::new(r.into(), 96 + c), z));
                        } else {
                            rest[e] = rest[e].min(z);
                        }
                    }
                }
                let place = (level, codes, depth, count, kind, length, in_turn, with_residue);
                let residue = if with_residue { &residue[..] } else { &[] };
                let rows = CodedRows {
                    codes: &rows,
                    stride,
                    depth,
                    scale: &row_scale,
                    residue,
                    threshold: &threshold,
                };
                let pairs: Vec<Hit> = expected.iter().map(|e| e.0).collect();
                let scores: Vec<f32> = expected.iter().map(|e| e.1).collect();
                let (mut hits, mut scored) = (Hits::default(), Hits::scored());
                kernel.scan(&rows, &list, &panel, packed.codes(), 96, &mut hits).must();
                assert_eq!(hits.pairs(), pairs, "{place:?}");
                assert!(hits.scores().is_empty());
                // What a second scan finds is appended.
                let mut least = vec![f32::NAN; length + 1];
                for _ in 0..2 {
                    kernel
                        .scan_least(&rows, &list, &panel, packed.codes(), 96, &mut scored, &mut least)
                        .must();
                }
                assert_eq!(scored.pairs(), [&pairs[..], &pairs[..]].concat(), "{place:?}");
                assert_eq!(scored.scores(), [&scores[..], &scores[..]].concat(), "{place:?}");
                assert_eq!(least[..length], rest, "{place:?}");
                assert!(least[length].is_nan(), "{place:?}");
                scored.restart(true);
                assert!(scored.pairs().is_empty() && scored.scores().is_empty());
            }
        }
    }
}

#[test]
fn scan_finds_the_hits_of_plain_loops() {
    for (level, kernel) in all() {
        for codes in [Codes::Any, Codes::Extreme, Codes::Largest, Codes::JustFour] {
            for (depth, count) in
                [(16, 48), (16, 1), (32, 17), (48, 47), (80, 48), (128, 48), (176, 48), (208, 33), (64, 0)]
            {
                check_scan(level, kernel, codes, 30, count, depth);
            }
            // More steps than a tile has rows.
            if matches!(codes, Codes::Any) {
                check_scan(level, kernel, codes, 30, 20, 1104);
            }
        }
    }
}

#[test]
fn scan_is_exact_at_the_largest_depth() {
    for (level, kernel) in all() {
        let (coding, depth) = (kernel.tile(), MAX_DEPTH);
        let reach = i64::from(coding.reach);
        let low = if coding.offset == 128 { -128 } else { -reach };
        // A row at each end against columns at each end: the largest and the smallest sums that codes can have.
        for (row, column) in [(low, -reach), (low, reach), (reach, -reach), (reach, reach)] {
            let bytes = vec![(row as u8).wrapping_add(coding.offset); depth];
            let mut packed = Lines::zeros(depth * WIDTH).must();
            let mut panel = kernel.pack(&vec![column as i8; depth], depth, depth, 1, packed.codes_mut());
            panel.scale[0] = 1.0;
            let rows = CodedRows {
                codes: &bytes,
                stride: depth,
                depth,
                scale: &[-1.0],
                residue: &[],
                threshold: &[f32::INFINITY],
            };
            let mut hits = Hits::scored();
            kernel.scan(&rows, &[0], &panel, packed.codes(), 0, &mut hits).must();
            let exact = row * column * depth as i64;
            assert!(i32::try_from(exact).is_ok());
            assert_eq!(hits.scores(), [exact as i32 as f32], "{level:?} {row} {column}");
            if coding.reach == 127 {
                let mut out = [0];
                let columns = vec![column as i8; depth];
                let start = [coding.start((column * depth as i64) as i32)];
                kernel.pairs(
                    coding,
                    &bytes,
                    &columns,
                    &start,
                    depth,
                    depth,
                    &[Hit::new(0, 0)],
                    false,
                    &mut out,
                );
                assert_eq!(i64::from(out[0]), exact, "{level:?} {row} {column}");
            }
        }
    }
    assert_eq!(i32::MAX as usize / (127 * 128) - MAX_DEPTH, 8);
}

#[test]
fn scan_adds_four_steps_only_where_they_fit() {
    let kernel = shapes()[0].1;
    let pack = |column: &[i8]| {
        let mut packed = vec![0; column.len() * WIDTH];
        kernel.pack(column, column.len(), column.len(), 1, &mut packed).four
    };
    for at in [0, 2, 16, 30] {
        let mut column = [0i8; 32];
        let places = [at, at + 1].map(|i| i / 16 * 16 + i % 4);
        // 63 * 4 + 6 = 258 in one 16-bit lane of four steps; 127 * 258 < 2^15 <= 127 * 259.
        for (step, value) in [63, -63, 63, -63].into_iter().enumerate() {
            column[places[0] + 4 * step] = value;
        }
        column[places[1]] = 6;
        assert!(pack(&column), "{at}");
        column[places[1]] = -7;
        assert!(!pack(&column), "{at}");
    }
}

#[test]
fn columns_of_tiles_are_coded_so_that_four_steps_fit() {
    for (level, kernel) in all() {
        let mut numbers = Numbers::new(21);
        // All alike is the worst; of the others, some fit at once.
        for kind in 0..4 {
            let x: Vec<f32> = (0..70)
                .map(|i| match kind {
                    0 => -1.5,
                    1 => [2.0, -2.0][i % 2],
                    2 => numbers.unit(),
                    _ => {
                        if i == 9 {
                            1.0
                        } else {
                            1e-3 * numbers.unit()
                        }
                    }
                })
                .collect();
            let largest = kernel.measure(&x).largest;
            let mut out = [0x55i8; 80];
            let code = kernel.encode_tile_column(&x, largest, &mut out);
            assert!(!kernel.0.short || short_sum(&out) <= SHORT_SUM, "{level:?} {kind}");
            assert!(out[70..].iter().all(|q| *q == 0));
            let left = x.iter().zip(&out).map(|(x, q)| f64::from(*x) - f64::from(code.scale) * f64::from(*q));
            let left: f64 = left.map(|e| e * e).sum();
            assert!(libm::sqrt(left) <= code.error.into(), "{level:?} {kind}");
            // At the worst, codes reach half as far.
            let usual = kernel.tile().scale(largest).get();
            assert!(code.scale <= 2.1 * usual && (kernel.0.short || code.scale == usual), "{level:?} {kind}");
        }
    }
}

/// A problem of leading dimensions: rows and columns as numbers, coded.
struct Leading {
    depth: usize,
    rows: Vec<u8>,
    scale: Vec<f32>,
    columns: Vec<i8>,
    codes: Vec<Code>,
}

impl Leading {
    fn new(kernel: CodeKernel, n: usize, count: usize, size: usize, numbers: &mut Numbers) -> Self {
        let depth = size.next_multiple_of(DEPTH_STEP);
        let (mut rows, mut scale) = (vec![0; n * depth], Vec::new());
        let mut values = |by: f32, alike: f32| -> Vec<f32> {
            (0..size)
                .map(|i| by * (numbers.unit() * (1.0 - alike) + alike * libm::sinf(i as f32 * 0.7)))
                .collect()
        };
        for r in 0..n {
            // Rows like all columns, so that products are as large as they can be, rows of zeros, and rows of other sizes.
            let x = values([1.0, 0.0, 3e-4, 7.0][r % 4], [0.0, 0.6, 1.0][r % 3]);
            let (measure, out) = (kernel.measure(&x), &mut rows[r * depth..][..depth]);
            let code = kernel.encode_word_row(&x, measure.largest, libm::sqrtf(measure.squares), out);
            // Half a step for each of 1,000 codes, of a norm of 202 steps: below a tenth. Of fewer, the largest code alone is 63.
            assert!(code.error < 0.1 * libm::sqrtf(measure.squares) || measure.largest == 0.0);
            scale.push(code.scale);
        }
        let of: Vec<f32> =
            (0..count).flat_map(|c| values([2.0, 1.0, -2.0][c % 7 % 3], [0.0, 0.6, 1.0][c % 3])).collect();
        let most = of
            .chunks(size)
            .map(|x| kernel.measure(x))
            .fold([0.0f32; 2], |most, m| [most[0].max(m.largest), most[1].max(libm::sqrtf(m.squares))]);
        let (mut columns, mut codes) = (vec![0; count * depth], vec![Code::default(); count]);
        kernel.encode_word_columns(&of, size, most, depth, &mut columns, &mut codes);
        Self { depth, rows, scale, columns, codes }
    }
}

fn in_words() -> impl Iterator<Item = (Level, CodeKernel)> {
    all().into_iter().filter(|(_, kernel)| kernel.in_words())
}

#[test]
fn words_hold_the_products_of_their_codes() {
    for (level, kernel) in in_words() {
        let mut numbers = Numbers::new(31);
        for size in [1, 16, 30, 32, 96, 128, 192, 1000] {
            let problem = Leading::new(kernel, 24, 48, size, &mut numbers);
            let offset = i32::from(kernel.tile().offset());
            let square = |row: &[i32]| row.iter().map(|q| q * q).sum::<i32>();
            let rows = problem.rows.chunks(problem.depth);
            let rows: Vec<_> = rows
                .map(|row| square(&row.iter().map(|q| i32::from(*q) - offset).collect::<Vec<_>>()))
                .collect();
            let columns = problem.columns.chunks(problem.depth);
            let columns: Vec<_> =
                columns.map(|c| square(&c.iter().map(|q| i32::from(*q)).collect::<Vec<_>>())).collect();
            // 202²; scales are larger by half of a hundredth and once more by a fiftieth, at most.
            let most = [&rows, &columns].map(|all| all.iter().fold(0, |most, q| *q.max(&most)));
            assert!(most.into_iter().all(|most| most <= 40_804), "{level:?} {size} {most:?}");
            assert!(size < 96 || most.into_iter().all(|most| most > 38_000), "{level:?} {size} {most:?}");
            assert!(problem.codes.iter().all(|code| code.scale == problem.codes[0].scale));
        }
        // What no scale can serve ends, too.
        let mut out = [7; 16];
        assert_eq!(kernel.encode_word_row(&[1e30; 3], 1e30, 2e30, &mut out).scale, 0.0);
    }
}

/// Scans in words: what the formula in f64 calls a hit is one, and what is one beside is within few units of the products.
#[test]
fn words_lose_no_hit() {
    let (mut told_of_all, mut beside, mut least, mut most) = (0, 0, 0, 0);
    for (level, kernel) in in_words() {
        for (seed, (size, count)) in
            [(1, 48), (16, 48), (30, 17), (32, 48), (96, 33), (128, 48), (128, 0), (200, 48)]
                .into_iter()
                .enumerate()
        {
            let (n, mut numbers) = (41, Numbers::new(seed as u64));
            let problem = Leading::new(kernel, n, count, size, &mut numbers);
            let mut some =
                |n: usize, by: f32| -> Vec<f32> { (0..n).map(|_| by * (1.5 + numbers.unit())).collect() };
            let (h, rho) = (some(count, 2.0), some(count, 1.0));
            let residues = some(n, 0.4);
            for kind in 0..6 {
                let with = |on: bool, x: f32| if on { x } else { 0.0 };
                let of_columns: Vec<WordColumn> = (0..count)
                    .map(|c| WordColumn { h: with(kind % 2 == 0, h[c]), rho: with(kind != 4, rho[c]) })
                    .collect();
                let mut packed = Lines::zeros(problem.depth * WIDTH).must();
                let scale = problem.codes.first().map_or(0.0, |code| code.scale);
                let panel = kernel.pack_words(
                    &problem.columns,
                    problem.depth,
                    problem.depth,
                    scale,
                    &of_columns,
                    packed.codes_mut(),
                );
                // Without residues, rho counts for nothing.
                let residue = if kind == 5 { &[][..] } else { &residues[..] };
                let residue_of = |row: usize| residue.get(row).copied().unwrap_or(0.0);
                let offset = i32::from(kernel.tile().offset());
                let scores: Vec<_> = (0..n)
                    .map(|r| {
                        let row = &problem.rows[r * problem.depth..][..problem.depth];
                        let row: Vec<i32> = row.iter().map(|q| i32::from(*q) - offset).collect();
                        panel.scores(packed.codes(), &row, problem.scale[r], residue_of(r))
                    })
                    .collect();
                // The score of one of the columns, as near as numbers can be to it, or all, or none.
                let threshold: Vec<f32> = (0..n)
                    .map(|r| match (r + kind) % 9 {
                        0 => f32::INFINITY,
                        1 => f32::NEG_INFINITY,
                        2 => f32::NAN,
                        _ if count == 0 => 0.0,
                        _ => scores[r][(r * 7 + kind) % count].0 as f32,
                    })
                    .collect();
                let rows = CodedRows {
                    codes: &problem.rows,
                    stride: problem.depth,
                    depth: problem.depth,
                    scale: &problem.scale,
                    residue,
                    threshold: &threshold,
                };
                for length in [0, 1, 3, 4, 5, 8, 41] {
                    let list: Vec<u16> = (0..length).map(|e| ((e * 11 + kind) % n) as u16).collect();
                    let (mut hits, mut scratch) = (Hits::default(), [vec![0; n], vec![0; n], vec![0; n]]);
                    kernel
                        .scan_words(&rows, &list, &panel, packed.codes(), 96, &mut hits, &mut scratch)
                        .must();
                    let mut found = hits.pairs().iter();
                    for &r in &list {
                        let row = usize::from(r);
                        for c in 0..count {
                            let (z, product) = scores[row][c];
                            (least, most) = (product.min(least), product.max(most));
                            let limit = f64::from(threshold[row]);
                            let hit = found.clone().next() == Some(&Hit::new(row, 96 + c));
                            let place = (level, size, kind, row, c, z, limit, product);
                            assert!(hit || z > limit || limit.is_nan(), "lost: {place:?}");
                            if hit {
                                found.next();
                                let unit = f64::from(problem.scale[row]) * f64::from(scale);
                                // Factors end at 2^15 - 1, products below the smallest look large, and the least limit lets all in.
                                let ends = |of: fn(&WordColumn) -> f32| {
                                    let each = of_columns.iter().map(of);
                                    let [least, most] =
                                        [each.clone().reduce(f32::min), each.reduce(f32::max)];
                                    [least, most].map(|end| f64::from(end.unwrap_or(0.0)))
                                };
                                let ([h, high], [low, rho]) = (ends(|c| c.h), ends(|c| c.rho));
                                let residue = f64::from(residue_of(row));
                                let factor = (high - h).max(residue * (rho - low)) / unit;
                                let above = (h - limit - residue * rho) / unit - 8_192.0;
                                let told = product > -24_576 && factor < 32_767.0 && above > -32_760.0;
                                told_of_all += usize::from(told);
                                beside += usize::from(told && z > limit);
                                // 3 of slack, and what two subtrahends are too small by: 2.5 each.
                                let near = z <= limit + 8.0 * unit;
                                assert!(
                                    near || !told || limit == f64::NEG_INFINITY || limit.is_nan(),
                                    "{place:?}"
                                );
                            }
                        }
                    }
                    assert_eq!(found.next(), None, "hits out of order, or of the padding");
                }
            }
        }
    }
    // Products that look larger than they are, and such as 16 bits alone would not hold.
    assert!(least < -24_576 && most > 32_767, "{least} {most}");
    assert!(told_of_all > 20 * beside && beside > 0, "{told_of_all} {beside}");
}

#[test]
fn limits_are_upper_ends_and_errors() {
    for (level, kernel) in all() {
        let mut numbers = Numbers::new(22);
        for n in [0, 1, 7, 16, 33] {
            let mut some = || (0..n).map(|_| numbers.unit()).collect::<Vec<f32>>();
            let (upper, fixed, norm, error) = (some(), some(), some(), some());
            let terms = ErrorTerms { fixed: &fixed, norm: &norm, error: &error };
            let mut out = vec![f32::NAN; n];
            kernel.limits(&upper, &terms, [0.25, 3.0], 1.5, &mut out);
            for i in 0..n {
                let [upper, fixed, norm, error] = [upper[i], fixed[i], norm[i], error[i]].map(f64::from);
                let (exact, parts) = (
                    upper + 1.5 * (fixed + norm * 0.25 + error * 3.0),
                    upper.abs() + 1.5 * (fixed.abs() + norm.abs() * 0.25 + error.abs() * 3.0),
                );
                // Eight roundings, each of no more than all parts together.
                assert!((f64::from(out[i]) - exact).abs() <= 8.0 * f64::from(U) * parts, "{level:?} {n} {i}");
            }
        }
        let terms = ErrorTerms { fixed: &[1.0], norm: &[0.0], error: &[0.0] };
        let mut out = [0.0];
        kernel.limits(&[f32::INFINITY], &terms, [0.0, 0.0], 1.0, &mut out);
        assert_eq!(out, [f32::INFINITY]);
    }
}

/// Numbers about 1, and now and then anything.
fn rough(numbers: &mut Numbers) -> f32 {
    match numbers.below(200) {
        0 => f32::from_bits(numbers.bits() as u32),
        1 => f32::NAN,
        2 => f32::INFINITY,
        3 => f32::from_bits(numbers.bits() as u32 & 0x807f_ffff),
        _ => numbers.unit(),
    }
}

#[test]
fn levels_do_what_plain_arrays_do() {
    for (level, portable) in shapes() {
        let Ok(native) = CodeKernel::new(level) else {
            skipped(level, "the kernel of codes");
            continue;
        };
        // NEON without products of bytes is what the scalar level is, which rounds products: no fused twin has its scores.
        let plain = level == Level::Neon && native.0.rows != portable.0.rows;
        let portable = if plain { CodeKernel::new(Level::Scalar).must() } else { portable };
        assert_eq!(native.0.rows, portable.0.rows, "{level:?}");
        assert_eq!(
            (native.0.group, native.tile(), native.pair()),
            (portable.0.group, portable.tile(), portable.pair())
        );
        let mut numbers = Numbers::new(77);
        for depth in [16, 48, 128] {
            let (n, coding) = (25, native.tile());
            let problem = Problem::new(coding, Codes::Any, n, WIDTH, depth, 3);
            let rows = problem.bytes(coding, depth);
            let mut floats =
                |n: usize, by: f32| -> Vec<f32> { (0..n).map(|_| by * rough(&mut numbers)).collect() };
            let (scale, residue, threshold) = (floats(n, 1.0 / 127.0), floats(n, 1.0), floats(n, 2.0));
            let (h, rho, columns) = (floats(WIDTH, 1.0), floats(WIDTH, 1.0), floats(WIDTH, 1.0 / 127.0));
            let rows = CodedRows {
                codes: &rows,
                stride: depth,
                depth,
                scale: &scale,
                residue: &residue,
                threshold: &threshold,
            };
            let list: Vec<u16> = (0..n as u16).rev().collect();
            let found = [native, portable].map(|kernel| {
                let mut packed = Lines::zeros(depth * WIDTH).must();
                let mut panel = kernel.pack(&problem.columns, depth, depth, WIDTH, packed.codes_mut());
                panel.h.copy_from_slice(&h);
                panel.rho.copy_from_slice(&rho);
                panel.scale.copy_from_slice(&columns);
                let (mut hits, mut least) = (Hits::scored(), vec![0.0; n]);
                kernel.scan_least(&rows, &list, &panel, packed.codes(), 0, &mut hits, &mut least).must();
                let scores: Vec<u32> = hits.scores().iter().map(|z| z.to_bits()).collect();
                // Zeros of both signs are one least score.
                let least: Vec<u32> = least.iter().map(|z| (z + 0.0).to_bits()).collect();
                (hits.pairs().to_vec(), scores, least)
            });
            assert!(found[0].0.len() > n && found[0].0.len() < n * WIDTH);
            assert_eq!(found[0], found[1], "{level:?} {depth}");
        }
        for d in [1, 15, 16, 31, 33, 64, 65, 384, 1000] {
            let x: Vec<f32> = (0..d).map(|_| numbers.unit() * 3.0).collect();
            let wild: Vec<f32> = (0..d).map(|_| rough(&mut numbers)).collect();
            let same = |a: Measure, b: Measure| {
                assert_eq!(a.largest.to_bits(), b.largest.to_bits(), "{level:?} {d}");
                assert!(
                    a.squares.to_bits() == b.squares.to_bits() || a.squares.is_nan() && b.squares.is_nan(),
                    "{level:?} {d}"
                );
            };
            same(native.measure(&x), portable.measure(&x));
            same(native.measure(&wild), portable.measure(&wild));
            for coding in [native.tile(), native.pair()] {
                let scale = coding.scale(native.measure(&x).largest);
                let mut out = [vec![1; d + 9], vec![2; d + 9]];
                let a = native.encode_row(coding, &x, scale, &mut out[0]);
                let b = portable.encode_row(coding, &x, scale, &mut out[1]);
                assert_eq!(out[0], out[1], "{level:?} {d}");
                assert_eq!(
                    (a.norm.to_bits(), a.error.to_bits()),
                    (b.norm.to_bits(), b.error.to_bits()),
                    "{level:?} {d}"
                );
                assert_eq!((a.scale, a.sum), (b.scale, b.sum), "{level:?} {d}");
            }
        }
    }
}

#[test]
fn pairs_are_exact_in_any_order() {
    for (level, kernel) in all() {
        for coding in [kernel.tile(), kernel.pair()] {
            for codes in [Codes::Any, Codes::Extreme, Codes::Largest] {
                for depth in [16, 32, 48, 64, 80, 128, 384, 400] {
                    let (n, count) = (9, 13);
                    let mut problem = Problem::new(coding, codes, n, count, depth, depth as u64);
                    // Columns reach 127 for rows of either coding.
                    let wide = Problem::new(Coding { reach: 127, offset: 0 }, codes, 1, count, depth, 8);
                    problem.columns = wide.columns;
                    let stride = depth + 32;
                    let rows = problem.bytes(coding, stride);
                    let mut columns = vec![99i8; count * stride];
                    let mut start = Vec::new();
                    for (c, column) in problem.columns.chunks_exact(depth).enumerate() {
                        columns[c * stride..][..depth].copy_from_slice(column);
                        start.push(coding.start(column.iter().map(|&q| i32::from(q)).sum()));
                    }
                    // Nothing lies behind the last codes.
                    let (rows, columns) =
                        (&rows[..(n - 1) * stride + depth], &columns[..(count - 1) * stride + depth]);
                    let mut numbers = Numbers::new(4);
                    for length in [0, 1, 2, 3, 4, 5, 8, 30] {
                        let list: Vec<Hit> =
                            (0..length).map(|_| Hit::new(numbers.below(n), numbers.below(count))).collect();
                        for far in [false, true] {
                            let mut out = vec![7; length + 1];
                            kernel.pairs(coding, rows, columns, &start, stride, depth, &list, far, &mut out);
                            for (e, hit) in list.iter().enumerate() {
                                let exact = problem.product(hit.row(), hit.slot());
                                assert_eq!(
                                    i64::from(out[e]),
                                    exact,
                                    "{level:?} {coding:?} {codes:?} {depth} {length} {hit:?}"
                                );
                            }
                            assert_eq!(out[length], 7);
                        }
                    }
                    for c in 0..count - 1 {
                        let (a, b) = (
                            &problem.columns[c * depth..][..depth],
                            &problem.columns[(c + 1) * depth..][..depth],
                        );
                        let exact: i64 = a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum();
                        assert_eq!(i64::from(kernel.dot(a, b)), exact, "{level:?} {codes:?} {depth}");
                    }
                }
            }
        }
    }
}

/// |x|, |x - s q| and |s q| in `f64`, which holds each difference within 2^-53 of itself.
fn norms(x: &[f32], scale: f32, codes: impl Iterator<Item = i32>) -> [f64; 3] {
    let mut sums = [0.0f64; 3];
    for (x, q) in x.iter().zip(codes) {
        let (x, value) = (f64::from(*x), f64::from(scale) * f64::from(q));
        [x, x - value, value].iter().zip(&mut sums).for_each(|(v, sum)| *sum += v * v);
    }
    sums.map(libm::sqrt)
}

/// The oracle's own roundings, of at most 2^17 additions.
const ORACLE: f64 = 1.0 + 1e-10;

#[test]
fn bounds_of_codes_hold_at_all_magnitudes_and_depths() {
    for (level, kernel) in all() {
        let mut numbers = Numbers::new(21);
        for d in [1, 2, 3, 16, 100, 384, 1200, 66_000] {
            for exponent in (-40..=38).step_by(if d > 1000 { 13 } else { 3 }) {
                let size = libm::pow(10.0, f64::from(exponent)) as f32;
                // Uniform; nearly all at the ends of steps; one large value among small ones.
                for kind in 0..3 {
                    let x: Vec<f32> = (0..d)
                        .map(|i| match kind {
                            0 => size * numbers.unit(),
                            1 => size * ((numbers.below(255) as f32 - 127.0 + 0.499) / 128.0),
                            _ if i == d / 2 => size,
                            _ => size * 1e-4 * numbers.unit(),
                        })
                        .collect();
                    let place = (level, d, exponent, kind);
                    let m = kernel.measure(&x);
                    let largest = x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                    assert_eq!(m.largest, largest, "{place:?}");
                    assert!(m.finite());
                    let [norm, ..] = norms(&x, 0.0, x.iter().map(|_| 0));
                    if m.squares.is_finite() {
                        let slack =
                            f64::from(relative(d)) * norm * norm + d as f64 * f64::from(f32::MIN_POSITIVE);
                        assert!((f64::from(m.squares) - norm * norm).abs() <= slack * ORACLE, "{place:?}");
                    } else {
                        assert!(norm > 1.8e19);
                    }
                    let servable = largest == 0.0
                        || (libm::ldexp(1.0, -40)..=libm::ldexp(1.0, 50)).contains(&f64::from(largest));
                    assert_eq!(m.servable(), servable, "{place:?}");
                    for coding in [kernel.tile(), kernel.pair()] {
                        let scale = coding.scale(m.largest);
                        let mut row = vec![0u8; d + 3];
                        let mut column = vec![0i8; d + 3];
                        let code = kernel.encode_row(coding, &x, scale, &mut row);
                        assert_eq!(code, kernel.encode_column(coding, &x, scale, &mut column), "{place:?}");
                        let q: Vec<i32> =
                            row.iter().map(|b| i32::from(b.wrapping_sub(coding.offset) as i8)).collect();
                        assert!(q.iter().zip(&column).all(|(&a, &b)| a == i32::from(b)));
                        assert!(
                            q[..d].iter().all(|q| q.abs() <= i32::from(coding.reach)) && q[d..] == [0, 0, 0]
                        );
                        assert_eq!(code.sum, q.iter().sum::<i32>(), "{place:?}");
                        assert_eq!(code.scale, scale.get());
                        let [_, error, reached] = norms(&x, code.scale, q.into_iter());
                        assert!(f64::from(code.error) * ORACLE >= error, "{place:?}: {} {error}", code.error);
                        assert!(f64::from(code.norm) * ORACLE >= reached, "{place:?}");
                        if servable && largest > 0.0 {
                            assert!(scale.get() > 0.0);
                            // No value is farther than half a step, but for the rounding of the quotient.
                            let half = 0.5 * f64::from(code.scale) * libm::sqrt(d as f64);
                            assert!(error <= half * 1.0001, "{place:?}");
                            // Bounds are tight: the relative error of their sums, and flushed squares.
                            let loose = 1.0 + f64::from(relative(d)) + 1e-5;
                            let flushed = libm::sqrt(d as f64 * 4.0 * f64::from(f32::MIN_POSITIVE));
                            assert!(f64::from(code.error) <= error * loose + flushed * loose, "{place:?}");
                            assert!(f64::from(code.norm) <= reached * loose + flushed * loose, "{place:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn scales_have_seventeen_bits_and_reach() {
    let mut numbers = Numbers::new(2);
    for coding in [Coding { reach: 127, offset: 0 }, Coding { reach: 63, offset: 64 }] {
        for _ in 0..100_000 {
            let exponent = numbers.below(90) as u32 + 127 - 40;
            let largest = f32::from_bits(exponent << 23 | numbers.bits() as u32 & 0x7f_ffff);
            let scale = coding.scale(largest).get();
            assert_eq!(scale.to_bits() & 0x7f, 0);
            let reached = f64::from(scale) * f64::from(coding.reach);
            assert!(
                reached >= f64::from(largest)
                    && reached <= f64::from(largest) * (1.0 + libm::ldexp(1.0, -15)),
                "{largest}"
            );
            // Every multiple is an f32.
            let q = numbers.below(coding.reach.into()) as f32;
            assert_eq!(f64::from(scale * q), f64::from(scale) * f64::from(q));
        }
        for largest in [0.0, 1e-39, 9e-13, 1.2e15, f32::MAX, f32::INFINITY, f32::NAN] {
            assert_eq!(coding.scale(largest).get(), 0.0, "{largest}");
        }
    }
}

#[test]
fn codes_are_the_same_at_every_level() {
    let mut numbers = Numbers::new(8);
    let x: Vec<f32> = (0..777).map(|_| numbers.unit()).collect();
    for coding in [Coding { reach: 127, offset: 128 }, Coding { reach: 63, offset: 64 }] {
        let mut first = None;
        for (level, kernel) in all() {
            let scale = coding.scale(kernel.measure(&x).largest);
            let mut out = vec![0; 800];
            kernel.encode_row(coding, &x, scale, &mut out);
            let first = first.get_or_insert_with(|| out.clone());
            assert_eq!(*first, out, "{level:?}");
        }
    }
}

#[test]
fn rows_that_codes_cannot_serve_say_so() {
    for (level, kernel) in all() {
        for d in [1, 40, 70] {
            let row = |value: f32| {
                let mut x = vec![0.0; d];
                x[d - 1] = value;
                kernel.measure(&x)
            };
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(!row(value).finite() && !row(value).servable(), "{level:?} {value}");
            }
            for value in [1e-45, 1e-38, 9e-13, 1.2e15, f32::MAX] {
                assert!(row(value).finite() && !row(value).servable(), "{level:?} {value}");
                assert!(!row(-value).servable(), "{level:?} {value}");
            }
            for value in [0.0, -0.0, 1.0, -1e-12, 1.1e15] {
                assert!(row(value).servable(), "{level:?} {value}");
            }
            // A scale that is too small for the row: codes stop at the ends, and the error says so.
            let x = vec![5.0; d];
            let scale = kernel.tile().scale(1.0);
            let mut out = vec![0; d];
            let code = kernel.encode_column(kernel.tile(), &x, scale, &mut out);
            assert!(out.iter().all(|&q| q == kernel.tile().reach() as i8));
            let exact =
                (5.0 - f64::from(scale.get()) * f64::from(kernel.tile().reach())) * libm::sqrt(d as f64);
            assert!(f64::from(code.error) >= exact && f64::from(code.error) < exact * 1.001, "{level:?} {d}");
        }
    }
}

#[test]
fn lines_start_at_a_cache_line() {
    for len in [0, 1, 63, 64, 65, 1000] {
        let mut lines = Lines::zeros(len).must();
        assert_eq!((lines.bytes().len(), lines.codes_mut().len()), (len, len));
        assert!(len == 0 || lines.bytes().as_ptr().addr().is_multiple_of(64));
        lines.bytes_mut().fill(255);
        assert!(lines.codes().iter().all(|&q| q == -1));
    }
}

#[test]
fn hits_keep_rows_and_slots() {
    for (row, slot) in
        [(0, 0), (Hit::ROWS - 1, 0), (0, Hit::SLOTS - 1), (Hit::ROWS - 1, Hit::SLOTS - 1), (77, 131_072)]
    {
        let hit = Hit::new(row, slot);
        assert_eq!((hit.row(), hit.slot()), (row, slot));
    }
}

#[test]
fn the_largest_row_and_slot_of_hits() {
    assert_eq!(Hit::largest(&[]), (0, 0));
    // The row of one, the slot of another.
    let hits = [Hit::new(7, 3), Hit::new(2, Hit::SLOTS - 1), Hit::new(Hit::ROWS - 1, 0), Hit::new(9, 40)];
    assert_eq!(Hit::largest(&hits), (Hit::ROWS - 1, Hit::SLOTS - 1));
    assert_eq!(Hit::largest(&hits[..1]), (7, 3));
}
