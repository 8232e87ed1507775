//! Corruption: SCIP and its shards, paired metrics, synthetic corruptions.

mod metrics;
mod scip;
mod synthetic;
