//! Random numbers that are a function of seed, stream and row: nothing is drawn in sequence, so
//! threads, blocks and shards see the same numbers.
//!
//! **Philox4x32-10** (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2,
//! 3") is a keyed bijection of 128 bits: ten rounds of two 32 x 32 -> 64 bit multiplications. It
//! passes BigCrush, needs no state, and the published known answers pin it.
//!
//! key = (seed low, seed high), counter = (row low, row high, stream, draw),
//! bits = w0 | w1 << 32, u = ((bits >> 12) + 0.5) 2^-52.
//!
//! u is exact and lies in [2^-53, 1 - 2^-53]. One bit more and the largest would round to 1, of
//! which the exponential clocks -ln(u) would make a row that fires at time 0 whatever its weight.

/// The numbers of the streams: what each kind of randomness is called.
///
/// A stage s of a longer run (the second clustering of D4 is stage 1) adds 16 s, so that no two
/// uses of one seed share a draw.
pub mod streams {
    /// Clocks of the race for the first seed of k-means++.
    pub const FIRST_SEED: u32 = 0;
    /// Clocks of the race for all other seeds of k-means++.
    pub const RACE: u32 = 1;
    /// Keys of random initial centroids.
    pub const RANDOM_INIT: u32 = 2;
    /// Keys of the random order of deduplication.
    pub const DEDUP_ORDER: u32 = 3;
    /// Rows of the resamples of a bootstrap: row is the place, draw the resample.
    pub const BOOTSTRAP: u32 = 4;
    /// Synthetic corruption of texts: row is the text's own number, draw the decision.
    pub const CORRUPTION: u32 = 5;
    /// Order of the rows in which [`mismatched`](crate::alignment::mismatched) pairs them.
    pub const MISMATCHED: u32 = 10;
    /// Whether a text is kept by MetaCLIP balancing.
    pub const METACLIP: u32 = 11;
    /// Keys of the rows of a group in [`balanced_sample`](crate::alignment::balanced_sample).
    pub const BALANCED_SAMPLE: u32 = 12;
    /// Keys of the rows that become dead codes.
    pub const REVIVAL: u32 = 13;
    /// First parameters of causal predictors.
    pub const PREDICTOR: u32 = 14;
    /// Streams of one stage of a composition: stage s starts at s times this number.
    pub const STAGE: u32 = 16;
}

/// One stream of random numbers under one seed, addressed by row and draw.
///
/// ```
/// use pauca::random::{Stream, streams};
/// let stream = Stream::new(7, streams::DEDUP_ORDER);
/// assert_eq!(stream.bits(3, 0), Stream::new(7, streams::DEDUP_ORDER).bits(3, 0));
/// let u = stream.uniform(3, 0);
/// assert!(0.0 < u && u < 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    seed: u64,
    stream: u32,
}

impl Stream {
    /// The stream `stream` (see [`streams`]) of `seed`.
    pub fn new(seed: u64, stream: u32) -> Self {
        Self { seed, stream }
    }

    /// 64 random bits of draw `draw` of row `row`: words 0 and 1 of the Philox block. Tier A.
    #[inline]
    pub fn bits(&self, row: u64, draw: u32) -> u64 {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let w = philox4x32_10([row as u32, (row >> 32) as u32, self.stream, draw], key);
        w[0] as u64 | (w[1] as u64) << 32
    }

    /// A uniform number of (0, 1): ((bits >> 12) + 0.5) 2^-52, exactly. Tier A.
    #[inline]
    pub fn uniform(&self, row: u64, draw: u32) -> f64 {
        unit(self.bits(row, draw))
    }
}

/// ((bits >> 12) + 0.5) 2^-52.
#[inline]
fn unit(bits: u64) -> f64 {
    // 53 significant bits at most: every step is exact.
    ((bits >> 12) as f64 + 0.5) * f64::from_bits((1023 - 52) << 52)
}

/// The block cipher: ten rounds on a counter of four words under a key of two.
#[inline]
fn philox4x32_10(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p = 0xD251_1F53u64 * c[0] as u64;
        let q = 0xCD9E_8D57u64 * c[2] as u64;
        c = [(q >> 32) as u32 ^ c[1] ^ k[0], q as u32, (p >> 32) as u32 ^ c[3] ^ k[1], p as u32];
        // The Weyl sequence of the golden ratio and of sqrt(3) - 1.
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123() {
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        for (counter, key, answer) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([!0; 4], [!0; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (pi, [0xa409_3822, 0x299f_31d0], [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
        ] {
            assert_eq!(philox4x32_10(counter, key), answer);
        }
    }

    #[test]
    fn words_are_placed_as_documented() {
        let stream = Stream::new(0x299f_31d0_a409_3822, 0x1319_8a2e);
        assert_eq!(stream.bits(0x85a3_08d3_243f_6a88, 0x0370_7344), 0x94fd_cceb_d16c_fe09);
    }

    #[test]
    fn uniforms_stay_inside() {
        assert_eq!(unit(0), f64::EPSILON / 2.0);
        assert_eq!(unit(u64::MAX), 1.0 - f64::EPSILON / 2.0);
    }

    #[test]
    fn uniforms_have_the_mean_and_variance_of_uniforms() {
        let stream = Stream::new(1, 2);
        let n = 100_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for row in 0..n {
            let u = stream.uniform(row, 0) - 0.5;
            sum += u;
            squares += u * u;
        }
        // Five standard errors.
        assert!((sum / n as f64).abs() < 5.0 * libm::sqrt(1.0 / 12.0 / n as f64));
        assert!((squares / n as f64 - 1.0 / 12.0).abs() < 5.0 * libm::sqrt(1.0 / 180.0 / n as f64));
    }
}
