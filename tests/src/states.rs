//! Serialised states with bytes replaced and the checksum made right again, so that they are wrong in no other
//! way than is meant.

/// `state` with `new` at byte `at`.
pub fn replaced(state: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = state[..state.len() - 8].to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// The checksum that ends a state.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |h: u64, word: u64| (h ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let mut h = step(0x7061_7563_6120_3031, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        h = step(h, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    h = step(step(h, u64::from_le_bytes(last)), 0);
    h ^ h >> 32
}
