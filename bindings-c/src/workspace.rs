//! How much memory a call takes, before it is made.

use pauca::Error;

use crate::context::pauca_context;
use crate::door::{Door, size};
use crate::options::choice;
use crate::status::{pauca_error, pauca_status};

/// pauca_kmeans, pauca_kmeans_start and the steps of a run.
pub const PAUCA_WORK_KMEANS: i32 = 0;
/// pauca_clusters_predict, pauca_clusters_assign.
pub const PAUCA_WORK_PREDICT: i32 = 1;
/// pauca_semdedup.
pub const PAUCA_WORK_SEMDEDUP: i32 = 2;
/// pauca_d4 and its runs.
pub const PAUCA_WORK_D4: i32 = 3;
/// pauca_semdedup_against; n_rows are those of both sides together.
pub const PAUCA_WORK_SEMDEDUP_AGAINST: i32 = 4;

/// Blocks of rows that are compared, tiles and what threads hold: an upper bound for each thread.
const TILES: u128 = 4 << 20;
/// The most rows that are packed or read at once.
const BLOCK: u128 = 8192;

/// Bytes that a call takes at most, its result included and the rows of x not, for n_rows rows of dim values and
/// n_clusters clusters (for PAUCA_WORK_D4 the larger of its two numbers; not 0). of_source: 0 for rows in memory, 1 for
/// rows that are read from a source. A bound for budgets, not a promise to the byte: it may be several times too high for
/// small problems, and covers threads of the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_workspace_bytes(
    work: i32,
    n_rows: u64,
    dim: u64,
    n_clusters: u64,
    of_source: i32,
    bytes: *mut u64,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let all = [
            PAUCA_WORK_KMEANS,
            PAUCA_WORK_PREDICT,
            PAUCA_WORK_SEMDEDUP,
            PAUCA_WORK_D4,
            PAUCA_WORK_SEMDEDUP_AGAINST,
        ];
        let work = choice("work", &all, work, "one of PAUCA_WORK_...")?;
        let of_source = crate::options::switch("of_source", of_source)?;
        // Beyond this no product below fits, and no machine has it.
        for (what, number) in [("n_rows", n_rows), ("dim", dim), ("n_clusters", n_clusters)] {
            if number >= 1 << 48 {
                return Err(
                    Error::TooLarge { what, size: size(what, number)?, limit: usize::MAX >> 16 }.into()
                );
            }
        }
        let context = door.get_or_null("context", context)?;
        let out = door.out("bytes", bytes, 1)?;
        let (n, d, k) = (u128::from(n_rows), u128::from(dim), u128::from(n_clusters));
        let width = context.map_or(1, |context| context.width()) as u128;
        let source = match context {
            _ if !of_source => 0,
            // What is kept, and two blocks of f32.
            Some(context) => u128::from(context.keep_bytes()) + 2 * BLOCK * d * 4,
            None => (64 << 20) + 2 * BLOCK * d * 4,
        };
        let tiles = width * (TILES + 64 * d);
        // Centroids twice, sums of up to four planes, packed targets in f32 and f64; labels, distances, squares.
        let k_means = 40 * n + 64 * k * d + 256 * k;
        // Order, keys, witnesses, similarities, the curve; two packed blocks of rows.
        let predict = 16 * n + 16 * k * d + 64 * k;
        let dedup = 128 * n + 24 * n.min(2 * BLOCK) * d + 32 * k;
        let bytes = source
            + tiles
            + match work {
                PAUCA_WORK_PREDICT => predict,
                PAUCA_WORK_SEMDEDUP => dedup,
                PAUCA_WORK_SEMDEDUP_AGAINST => dedup + predict,
                PAUCA_WORK_D4 => 2 * k_means + dedup + 16 * n,
                _ => k_means,
            };
        let refused = Error::TooLarge { what: "workspace", size: usize::MAX, limit: isize::MAX as usize };
        out.write(&[u64::try_from(bytes).map_err(|_| refused)?]);
        Ok(())
    })
}
