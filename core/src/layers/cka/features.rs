//! By sums over features: memory that does not grow with the samples.
//!
//! For rows x_i of state l and y_i of state m (less the first row of the stream), a_i = |x_i|²,
//! c_i = |y_i|², the state is M = sum x y' for all l <= m, the vectors sum c_i x_i, the numbers sum a_i c_i,
//! and S = sum x, A = sum a. Moved to the mean, S = 0 and
//! tr(K~ L~) = |M|² - sum a c, 1'K~L~1 = sum a c, 1'K~1 = -A.

use alloc::vec::Vec;

use super::result::{CkaTable, Traces};
use crate::arrays::view;
use crate::backend::cpu::Cpu;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::float::widen;
use crate::memory::{area, try_all, try_capacity, try_collect, try_copy, try_vec};
use crate::products::{Left, Multiplier, Right};

/// Rows added at a time.
pub(super) const BLOCK: usize = 128;

/// The sums.
#[derive(Clone, Debug)]
pub(super) struct Features {
    dims: Vec<usize>,
    /// Rows added.
    pub n: u64,
    /// M of each pair l <= m, [d_l, d_m].
    products: Vec<Vec<f64>>,
    /// sum over i of a_i(m) x_i(l), for each l: [d_l, states].
    weighted: Vec<Vec<f64>>,
    /// sum a_i(l) a_i(m), [states, states].
    squares: Vec<f64>,
    /// S of each state.
    sums: Vec<Vec<f64>>,
    /// A of each state.
    norms: Vec<f64>,
}

/// Two states, l <= m.
type Pair = (usize, usize);

/// All the memory that adding `n` rows takes. It is asked for before anything changes, so that a batch that there
/// is no memory for leaves the stream as it was.
pub(super) struct Space {
    n: usize,
    multiplier: Multiplier<f64>,
    /// x of one state at a time, [n, d].
    x: Vec<f64>,
    /// Every state: x' as the left side of products, x as the right one.
    packed: Vec<(Left<f64>, Right<f64>)>,
    /// a_i of every state, [n, states]; and packed in the same way.
    norms: Vec<f64>,
    all: (Left<f64>, Right<f64>),
    /// The product of each pair, while it is added to.
    jobs: Vec<Job<(Pair, Vec<f64>)>>,
}

impl Space {
    pub(super) fn new(cpu: &Cpu, dims: &[usize], n: usize) -> Result<Self> {
        let (states, multiplier) = (dims.len(), Multiplier::at(cpu.level())?);
        let sides = |d: usize| -> Result<(Left<f64>, Right<f64>)> {
            let (mut left, mut right) = (multiplier.left(), multiplier.right());
            left.reserve(d, n)?;
            right.reserve(n, d)?;
            Ok((left, right))
        };
        let packed = try_all(dims.iter().map(|&d| sides(d)))?;
        let widest = dims.iter().copied().max().unwrap_or(0);
        let (x, norms) = (try_vec(area(n, widest)?, 0.0)?, try_vec(area(n, states)?, 0.0)?);
        let jobs = try_capacity(states * (states + 1) / 2)?;
        Ok(Self { n, multiplier, x, packed, norms, all: sides(states)?, jobs })
    }
}

/// What [`Features::moved`] finds.
struct Moved {
    weighted: Vec<Vec<f64>>,
    squares: Vec<f64>,
    norms: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds `scale` times the outer product of `x` and `y`.
fn add_outer(to: &mut [f64], scale: f64, x: &[f64], y: &[f64]) {
    for (row, x) in to.chunks_exact_mut(y.len()).zip(x) {
        row.iter_mut().zip(y).for_each(|(to, y)| *to += scale * x * y);
    }
}

impl Features {
    pub(super) fn new(dims: &[usize]) -> Result<Self> {
        let states = dims.len();
        let own = try_copy(dims)?;
        let mut products = try_capacity(states * (states + 1) / 2)?;
        for l in 0..states {
            for m in l..states {
                products.push(try_vec(dims[l].saturating_mul(dims[m]), 0.0)?);
            }
        }
        let (mut weighted, mut sums) = (try_capacity(states)?, try_capacity(states)?);
        for d in dims {
            weighted.push(try_vec(d * states, 0.0)?);
            sums.push(try_vec(*d, 0.0)?);
        }
        let (squares, norms) = (try_vec(states * states, 0.0)?, try_vec(states, 0.0)?);
        Ok(Self { dims: own, n: 0, products, weighted, squares, sums, norms })
    }

    /// The pairs l <= m, in the order of `products`.
    fn pairs(&self) -> impl Iterator<Item = Pair> + use<> {
        let states = self.dims.len();
        (0..states).flat_map(move |l| (l..states).map(move |m| (l, m)))
    }

    /// Adds the rows from `at` on of `rows`, less `first`, as many as `space` is for. Asks for no memory; stopped
    /// on the way, the sums are of no use.
    pub(super) fn add(
        &mut self,
        space: &mut Space,
        rows: &[Vec<f32>],
        first: &[Vec<f64>],
        at: usize,
        cx: &Context<'_>,
    ) -> Result<()> {
        let (pairs, states) = (self.pairs(), self.dims.len());
        let Space { n, multiplier, x, packed, norms, all, jobs } = space;
        for (l, (left, right)) in packed.iter_mut().enumerate() {
            let (d, first) = (self.dims[l], &first[l]);
            let rows = rows[l][at * d..].chunks_exact(d.max(1)).zip(x.chunks_exact_mut(d.max(1)));
            for ((row, x), norms) in rows.zip(norms.chunks_exact_mut(states.max(1))) {
                norms[l] = 0.0;
                for (((to, x), f), sum) in x.iter_mut().zip(row).zip(first).zip(&mut self.sums[l]) {
                    *to = widen(*x) - f;
                    norms[l] += *to * *to;
                    *sum += *to;
                }
            }
            let x = view(x, *n, d)?;
            left.pack(&x.t())?;
            right.pack(&x)?;
        }
        let by_state = view(norms, *n, states)?;
        all.0.pack(&by_state.t())?;
        all.1.pack(&by_state)?;
        for ((left, _), weighted) in packed.iter().zip(&mut self.weighted) {
            multiplier.add(weighted, 1.0, left, &all.1);
        }
        multiplier.add(&mut self.squares, 1.0, &all.0, &all.1);
        for norms in norms.chunks_exact(states.max(1)) {
            self.norms.iter_mut().zip(norms).for_each(|(sum, a)| *sum += a);
        }
        let widest = self.dims.iter().copied().max().unwrap_or(1);
        jobs.extend(pairs.zip(self.products.drain(..)).map(Job::new));
        let done = cx.in_waves(jobs, (*n * widest * widest / 4) as u64, |((l, m), product)| {
            multiplier.add(product, 1.0, &packed[*l].0, &packed[*m].1);
            Ok(())
        });
        self.products.extend(jobs.drain(..).map(|job| job.work.1));
        self.n += *n as u64;
        done
    }

    /// Copies the sums.
    pub(super) fn copy(&self) -> Result<Self> {
        let mut copy = Self::new(&self.dims)?;
        copy.merge(self);
        Ok(copy)
    }

    /// All sums, always in the same order.
    pub(super) fn values(&self) -> impl Iterator<Item = &Vec<f64>> {
        let (squares, norms) = (core::iter::once(&self.squares), core::iter::once(&self.norms));
        self.products.iter().chain(&self.weighted).chain(squares).chain(&self.sums).chain(norms)
    }

    /// As [`values`](Features::values), to be filled in.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        let (squares, norms) = (core::iter::once(&mut self.squares), core::iter::once(&mut self.norms));
        let products = self.products.iter_mut().chain(&mut self.weighted);
        products.chain(squares).chain(&mut self.sums).chain(norms)
    }

    /// Adds the sums of `other`, of the same shift.
    pub(super) fn merge(&mut self, other: &Self) {
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        let add_all = |to: &mut [Vec<f64>], from: &[Vec<f64>]| {
            to.iter_mut().zip(from).for_each(|(to, from)| add(to, from));
        };
        add_all(&mut self.products, &other.products);
        add_all(&mut self.weighted, &other.weighted);
        add_all(&mut self.sums, &other.sums);
        add(&mut self.squares, &other.squares);
        add(&mut self.norms, &other.norms);
        self.n += other.n;
    }

    /// What is linear in the products, had `moves` been added to every row: weighted, squares, norms.
    ///
    /// |x + e|² = a + 2 e'x + |e|², multiplied out and summed.
    fn moved(&self, moves: &[Vec<f64>]) -> Result<Moved> {
        let states = self.dims.len();
        let n = self.n as f64;
        let mut squares = try_vec(states * states, 0.0)?;
        let mut weighted: Vec<Vec<f64>> = try_capacity(states)?;
        let mut norms = try_capacity(states)?;
        for (l, own) in self.weighted.iter().enumerate() {
            weighted.push(try_copy(own)?);
            norms.push(self.norms[l] + 2.0 * dot(&moves[l], &self.sums[l]) + n * dot(&moves[l], &moves[l]));
        }
        for (l, m) in self.pairs() {
            let product = &self.products[self.place(l, m)];
            let (el, em, sl, sm) = (&moves[l], &moves[m], &self.sums[l], &self.sums[m]);
            let (ll, lm) = (dot(el, el), dot(em, em));
            // M e(m) and M' e(l).
            let (mut right, mut left) = (try_vec(el.len(), 0.0)?, try_vec(em.len(), 0.0)?);
            for (row, (right, e)) in product.chunks_exact(em.len()).zip(right.iter_mut().zip(el)) {
                *right = dot(row, em);
                left.iter_mut().zip(row).for_each(|(left, v)| *left += e * v);
            }
            // e(m)' sum a y and e(l)' sum c x.
            let along = |e: &[f64], weighted: &[f64], other: usize| -> f64 {
                e.iter().zip(weighted.iter().skip(other).step_by(states)).map(|(e, w)| e * w).sum()
            };
            let (ay, cx) = (along(em, &self.weighted[m], l), along(el, &self.weighted[l], m));
            let moved = self.squares[l * states + m]
                + 2.0 * (ay + cx)
                + 4.0 * dot(el, &right)
                + lm * (self.norms[l] + 2.0 * dot(el, sl))
                + ll * (self.norms[m] + 2.0 * dot(em, sm))
                + n * ll * lm;
            squares[l * states + m] = moved;
            squares[m * states + l] = moved;
            for (l, m, product) in [(l, m, &right), (m, l, &left)] {
                let (e, lm) = (&moves[l], dot(&moves[m], &moves[m]));
                let factor = self.norms[m] + 2.0 * dot(&moves[m], &self.sums[m]) + n * lm;
                let to = weighted[l].iter_mut().skip(m).step_by(states);
                for (((to, e), p), s) in to.zip(e).zip(product).zip(&self.sums[l]) {
                    *to += e * factor + 2.0 * p + lm * s;
                }
                if l == m {
                    break;
                }
            }
        }
        Ok(Moved { weighted, squares, norms })
    }

    /// The sums as they would be had `to` been subtracted from every row instead of `from`.
    pub(super) fn shift(&mut self, from: &[Vec<f64>], to: &[Vec<f64>]) -> Result<()> {
        let n = self.n as f64;
        let mut moves: Vec<Vec<f64>> = try_capacity(self.dims.len())?;
        for (from, to) in from.iter().zip(to) {
            let e = try_collect(from.iter().zip(to).map(|(a, b)| a - b))?;
            moves.push(e);
        }
        let moved = self.moved(&moves)?;
        let pairs = self.pairs();
        for ((l, m), product) in pairs.zip(&mut self.products) {
            add_outer(product, 1.0, &self.sums[l], &moves[m]);
            add_outer(product, 1.0, &moves[l], &self.sums[m]);
            add_outer(product, n, &moves[l], &moves[m]);
        }
        for (sum, e) in self.sums.iter_mut().zip(&moves) {
            sum.iter_mut().zip(e).for_each(|(s, e)| *s += n * e);
        }
        (self.weighted, self.squares, self.norms) = (moved.weighted, moved.squares, moved.norms);
        Ok(())
    }

    /// Place of the pair l <= m in `products`.
    fn place(&self, l: usize, m: usize) -> usize {
        l * (2 * self.dims.len() + 1 - l) / 2 + (m - l)
    }

    /// The table: the sums moved to the mean.
    pub(super) fn table(&self, cx: &Context<'_>) -> Result<CkaTable> {
        let n = self.n as f64;
        let mut moves: Vec<Vec<f64>> = try_capacity(self.dims.len())?;
        for sum in &self.sums {
            let e = try_collect(sum.iter().map(|s| -s / n))?;
            moves.push(e);
        }
        let moved = self.moved(&moves)?;
        cx.control.check()?;
        let states = self.dims.len();
        CkaTable::build(states, self.n, |l, m| {
            // M at the mean is M - S S' / n.
            let rows = self.products[self.place(l, m)].chunks_exact(self.dims[m]);
            let row = |(row, e): (&[f64], &f64)| -> f64 {
                let centred = row.iter().zip(&self.sums[m]).map(|(v, s)| v + e * s);
                centred.map(|v| v * v).sum()
            };
            let trace: f64 = rows.zip(&moves[l]).map(row).sum();
            let ac = moved.squares[l * states + m];
            // Full row sums are 0 at the mean.
            Traces {
                off: trace - ac,
                diagonal: ac,
                rows: ac,
                full_rows: 0.0,
                totals: [-moved.norms[l], -moved.norms[m]],
                full_totals: [0.0; 2],
            }
        })
    }
}
