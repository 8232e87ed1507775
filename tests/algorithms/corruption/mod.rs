//! Corruption: SCIP and its shards, paired metrics, synthetic corruptions and their twin.

mod metrics;
mod scip;
mod synthetic;
mod twin;
