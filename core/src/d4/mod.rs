//! D4: deduplicate, re-cluster, diversify.
//!
//! ```text
//! 1  cluster all rows; SemDeDup (EarlierMax) down to the share dedup_keep_fraction
//! 2  cluster the survivors anew: without the duplicates, centroids no longer sit on them
//! 3  drop the survivors nearest to their new centroid, down to the share keep_fraction
//! ```
//!
//! *Source*: Tirumala, Simig, Aghajanyan, Morcos 2023 (D4), section 3.4 and appendix A.1. The order of
//! steps, the share 0.75 of step 1 and spherical k-means with 20 iterations are the paper's; both
//! shares here are of the *input*. The paper's K = 11,000 is about the square root of what it
//! clustered, which is the default here.

mod checkpoint;
mod params;
mod result;
mod run;

pub use checkpoint::D4Checkpoint;
pub use params::D4;
pub use result::Curated;
pub use run::{D4Run, D4Stage};
