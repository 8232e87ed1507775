//! Data sets of every awkward kind, as a function of a seed.

/// SplitMix64: enough randomness for test data, a page shorter than a dependency.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer in 0..n.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n.max(1) as u64) as usize
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * 2f64.powi(-53)
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A standard normal number.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// One of `items`.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// 0..n in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// Kinds of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Standard normal: nothing special.
    Normal,
    /// Integers in -2..=2: exact ties and copies everywhere.
    Grid,
    /// Bits: in low dimensions more than a third of all nearest centroids tie.
    Binary,
    /// Few distinct rows, many copies, some with -0.0 for 0.0.
    Copies,
    /// Mean 1000, standard deviation 0.01: |x|² - 2xc + |c|² loses everything.
    Offset,
    /// About 1e20: squares overflow f32.
    Huge,
    /// About 1e-30: squares underflow f32.
    Tiny,
    /// Rows of 1e20, of 1e-30 and of 1 side by side.
    MixedRows,
    /// The same within each row.
    MixedValues,
    /// Two tight groups far apart: a global centre does not help.
    Groups,
    /// Multiples of the smallest subnormal, small ones.
    Subnormal,
    /// Copies that differ in the last bit of a few values.
    LastBit,
    /// Positive and negative multiples of a few directions.
    Multiples,
    /// Ratios of normals: heavy tails.
    Cauchy,
    /// Normal with some rows of zeros.
    Zeros,
    /// The largest and the smallest numbers there are, side by side.
    Extreme,
    /// Numbers of at most 8 significant bits: exact in f16 and bf16 as well.
    Short,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 17] = [
        Kind::Normal,
        Kind::Grid,
        Kind::Binary,
        Kind::Copies,
        Kind::Offset,
        Kind::Huge,
        Kind::Tiny,
        Kind::MixedRows,
        Kind::MixedValues,
        Kind::Groups,
        Kind::Subnormal,
        Kind::LastBit,
        Kind::Multiples,
        Kind::Cauchy,
        Kind::Zeros,
        Kind::Extreme,
        Kind::Short,
    ];

    /// `n` rows of `d` values.
    pub fn rows(self, n: usize, d: usize, rng: &mut Rng) -> Vec<Vec<f32>> {
        let normal = |rng: &mut Rng| -> Vec<f32> { (0..d).map(|_| rng.normal() as f32).collect() };
        let distinct: Vec<Vec<f32>> = (0..n.div_ceil(4)).map(|_| normal(rng)).collect();
        let magnitudes = [1e20f32, 1e-30, 1.0];
        (0..n)
            .map(|i| {
                let pick = rng.below(distinct.len());
                let base = &distinct[pick];
                let mut row = normal(rng);
                match self {
                    Kind::Normal => {}
                    Kind::Grid => row.iter_mut().for_each(|v| *v = rng.below(5) as f32 - 2.0),
                    Kind::Binary => row.iter_mut().for_each(|v| *v = rng.below(2) as f32),
                    Kind::Copies => {
                        row.clone_from(base);
                        row[0] = if rng.chance(0.5) { 0.0 } else { -0.0 };
                    }
                    Kind::Offset => row.iter_mut().for_each(|v| *v = 1000.0 + 0.01 * *v),
                    Kind::Huge => row.iter_mut().for_each(|v| *v *= 1e20),
                    Kind::Tiny => row.iter_mut().for_each(|v| *v *= 1e-30),
                    Kind::MixedRows => row.iter_mut().for_each(|v| *v *= magnitudes[i % 3]),
                    Kind::MixedValues => row.iter_mut().for_each(|v| *v *= rng.pick(&magnitudes)),
                    Kind::Groups => {
                        let centre = if i % 2 == 0 { 100.0 } else { -100.0 };
                        row.iter_mut().for_each(|v| *v = centre + 1e-4 * *v);
                    }
                    Kind::Subnormal => {
                        row.iter_mut().for_each(|v| *v = f32::from_bits(rng.below(200) as u32).copysign(*v));
                    }
                    Kind::LastBit => {
                        row.clone_from(base);
                        let j = rng.below(d);
                        row[j] = f32::from_bits(row[j].to_bits() ^ rng.below(3) as u32);
                    }
                    Kind::Multiples => {
                        let factor = rng.pick(&[1.0, 3.0, 0.1, -1.0, 1e-10, 7e9]);
                        row.clone_from(&distinct[pick % 3.min(distinct.len())]);
                        row.iter_mut().for_each(|v| *v *= factor);
                    }
                    Kind::Cauchy => row.iter_mut().for_each(|v| *v /= rng.normal() as f32 + 1e-20),
                    Kind::Zeros => {
                        if rng.chance(0.3) {
                            row.iter_mut().for_each(|v| *v = 0.0f32.copysign(*v));
                        }
                    }
                    Kind::Extreme => {
                        let ends = [f32::MAX, f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), 1.0, 0.0];
                        row.iter_mut().for_each(|v| *v = rng.pick(&ends).copysign(*v));
                    }
                    Kind::Short => row.iter_mut().for_each(|v| *v = (*v * 32.0).round() / 16.0),
                }
                row
            })
            .collect()
    }
}

/// Weights of a few kinds, at least `heavy` of them positive.
pub fn weights(n: usize, heavy: usize, rng: &mut Rng) -> Vec<f32> {
    let kind = rng.below(5);
    let mut weights: Vec<f32> = (0..n)
        .map(|_| match kind {
            0 => rng.below(4) as f32,
            1 => rng.unit() as f32,
            2 => rng.pick(&[0.0, 1e-20, 1.0, 1e20]),
            3 => (rng.normal() * 3.0).exp() as f32,
            _ => rng.pick(&[0.0, 1.0]),
        })
        .collect();
    for i in rng.permutation(n).into_iter().take(heavy) {
        if weights[i] == 0.0 {
            weights[i] = 1.0;
        }
    }
    weights
}
