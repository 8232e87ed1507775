//! Random numbers for made-up data: a linear congruential generator, the same on every machine.

/// Uniform numbers from a seed.
#[derive(Clone, Debug)]
pub struct Uniform(u64);

impl Uniform {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // The high bits are the good ones.
        self.0 >> 24
    }

    /// The next number in [0, 1).
    pub fn next_f32(&mut self) -> f32 {
        (self.next() >> 16) as f32 / (1u64 << 24) as f32
    }

    /// The next whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}
