//! What the tests share: data sets of every awkward kind, layouts in memory, the backends under
//! test, and the comparison with the reference, to the bit.

pub mod agree;
pub mod data;
pub mod layout;
pub mod problem;
pub mod states;
pub mod subject;
pub mod vectors;
