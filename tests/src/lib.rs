//! What the tests share: the conformance suite that every backend must pass, data sets of every
//! awkward kind, layouts in memory, and the comparison with the reference, to the bit.

pub mod agree;
pub mod conformance;
pub mod counting;
pub mod data;
pub mod layout;
pub mod memory;
pub mod plain;
pub mod problem;
pub mod run;
pub mod states;
pub mod subject;
pub mod vectors;
