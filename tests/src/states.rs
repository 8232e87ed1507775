//! Serialized states with bytes replaced and the checksum made right again, so that they are wrong in no other
//! way than is meant.

use std::any::type_name;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Nothing that a small state is asked takes longer, not even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What replaces each word: numbers that sums overflow with, that loops count to, that are no numbers.
const WORDS: [u64; 14] = [
    0,
    1,
    2,
    u64::MAX,
    1 << 63,
    (1 << 63) - 1,
    1 << 62,
    1 << 32,
    f64::NAN.to_bits(),
    f64::INFINITY.to_bits(),
    f64::NEG_INFINITY.to_bits(),
    f64::MAX.to_bits(),
    f64::MIN.to_bits(),
    f64::MIN_POSITIVE.to_bits() >> 1,
];

/// Reads `state` with every word in turn replaced by hostile ones, checksum right, and uses what is read: `work`
/// gets it twice, so that states merge. A panic fails, and so does work that does not end. Returns how many of
/// the forged states were read.
///
/// Words of eight and of four bytes are replaced at every multiple of four, each by itself, and those of eight
/// together with all that are equal, since sizes and totals are often there twice.
pub fn forge<S: 'static>(state: Vec<u8>, read: fn(&[u8]) -> pauca::Result<S>, work: fn(S, S)) -> usize {
    let what = type_name::<S>();
    assert!(read(&state).is_ok(), "{what}: the state itself");
    let (sender, cases) = channel();
    let worker = thread::spawn(move || {
        let mut accepted = 0;
        let mut run = |forged: Vec<u8>, at: usize, value: u64, how: &'static str| {
            sender.send((at, value, how)).expect("somebody waits");
            let forged = replaced(&forged, 0, &[]);
            if let (Ok(one), Ok(two)) = (read(&forged), read(&forged)) {
                accepted += 1;
                work(one, two);
            }
        };
        let end = state.len() - 8;
        for at in (12..end).step_by(4) {
            for value in WORDS {
                let bytes = value.to_le_bytes();
                for (len, how) in [(8, "a word of eight"), (4, "a word of four"), (4, "a high word of four")]
                {
                    let new = if how.contains("high") { &bytes[4..] } else { &bytes[..len] };
                    if at + len <= end {
                        let mut forged = state.clone();
                        forged[at..at + len].copy_from_slice(new);
                        run(forged, at, value, how);
                    }
                }
                if at + 8 <= end {
                    let same = |from: &usize| state[*from..*from + 8] == state[at..at + 8];
                    let places: Vec<usize> = (12..=end - 8).step_by(4).filter(same).collect();
                    if places[0] == at && places.len() > 1 {
                        let mut forged = state.clone();
                        places.iter().for_each(|at| forged[*at..*at + 8].copy_from_slice(&bytes));
                        run(forged, at, value, "all equal words");
                    }
                }
            }
        }
        accepted
    });
    let mut last = None;
    loop {
        match cases.recv_timeout(PATIENCE) {
            Ok(case) => last = Some(case),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("{what}: {} does not end", show(last)),
        }
    }
    worker.join().unwrap_or_else(|_| panic!("{what}: {} panics", show(last)))
}

fn show(case: Option<(usize, u64, &str)>) -> String {
    case.map_or(String::new(), |(at, value, how)| format!("{how} at byte {at} replaced by {value:#x}"))
}

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
