//! Codes of rows that last from one assignment to the next.

use alloc::sync::Arc;

use super::block::Name;
use super::codes::BlockCodes;
use super::question::Search;
use super::screen::code_rows;
use super::targets::Origin;
use crate::control::Context;
use crate::error::Result;

/// What the CPU remembers of a block between two assignments: codes of its rows.
#[derive(Debug, Default)]
pub struct CpuCarry(Option<Kept>);

#[derive(Debug)]
struct Kept {
    /// Whose codes they are, and in which coordinates.
    name: Name,
    origin: Arc<Origin>,
    codes: BlockCodes,
}

impl CpuCarry {
    /// The codes of the rows of a search, which are the block of that name; made when they are first asked for, and while
    /// the run has room. None where targets have no codes.
    pub(super) fn codes(
        &mut self,
        search: &Search<'_>,
        name: &Name,
        cx: &Context,
    ) -> Result<Option<&BlockCodes>> {
        let origin = &search.targets.origin;
        let Some(targets) = &search.targets.codes else { return Ok(None) };
        let mine = |kept: &Kept| kept.name.is(name) && Arc::ptr_eq(&kept.origin, origin);
        if !self.0.as_ref().is_some_and(mine) {
            self.0 = None;
            let (n, d, kernel) = (search.rows.n_rows(), search.dim(), &search.cpu.codes);
            if !origin.take(BlockCodes::bytes(kernel, n, d)) {
                return Ok(None);
            }
            let mut codes = BlockCodes::new(kernel, n, d)?;
            code_rows(search, &targets.bound, &mut codes, cx)?;
            self.0 = Some(Kept { name: name.clone(), origin: origin.clone(), codes });
        }
        Ok(self.0.as_ref().map(|kept| &kept.codes))
    }
}
