//! Random bits as a function of (seed, row, stream): Philox4x32-10.
//!
//! Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". The
//! counter is (row low, row high, stream, draw), the key (seed low, seed high). No state is
//! carried from one number to the next, so a row draws the same number in whatever order, shard
//! or thread it is met.

/// Stream of the race for the first seed of k-means++.
pub const FIRST_SEED: u32 = 0;
/// Stream of the clocks of k-means++.
pub const RACE: u32 = 1;
/// Stream of random initial centroids.
pub const RANDOM_INIT: u32 = 2;
/// Stream of the random order of deduplication.
pub const DEDUP_ORDER: u32 = 3;
/// Stage s of D4 draws from stream + 16 s.
pub const STREAMS_PER_STAGE: u32 = 16;

/// Ten rounds of Philox4x32.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let p0 = 0xd251_1f53u64 * c0 as u64;
        let p1 = 0xcd9e_8d57u64 * c2 as u64;
        (c0, c1, c2, c3) = ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
        k0 = k0.wrapping_add(0x9e37_79b9);
        k1 = k1.wrapping_add(0xbb67_ae85);
    }
    [c0, c1, c2, c3]
}

/// 64 random bits of `row` in `stream`, draw 0.
pub fn bits(seed: u64, row: u64, stream: u32) -> u64 {
    draw(seed, row, stream, 0)
}

/// 64 random bits of `row` in `stream`, any draw.
pub fn draw(seed: u64, row: u64, stream: u32, draw: u32) -> u64 {
    let counter = [row as u32, (row >> 32) as u32, stream, draw];
    let w = philox(counter, [seed as u32, (seed >> 32) as u32]);
    w[0] as u64 | (w[1] as u64) << 32
}

/// A uniform number strictly inside (0, 1): the middle of one of 2^52 equal cells, exact.
pub fn uniform(seed: u64, row: u64, stream: u32) -> f64 {
    ((bits(seed, row, stream) >> 12) as f64 + 0.5) * 2f64.powi(-52)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Random123, file kat_vectors, lines "philox4x32 10".
    #[test]
    fn known_answers_of_random123() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    #[test]
    fn uniform_never_reaches_0_or_1() {
        let lowest = 0.5 * 2f64.powi(-52);
        let highest = ((u64::MAX >> 12) as f64 + 0.5) * 2f64.powi(-52);
        assert!(lowest > 0.0 && highest < 1.0 && highest == 1.0 - lowest);
        for row in 0..10_000 {
            let u = uniform(7, row, RACE);
            assert!(u > 0.0 && u < 1.0);
        }
    }
}
