//! Codes of rows that last from one assignment to the next.

use alloc::sync::Arc;

use super::basis::Basis;
use super::block::Name;
use super::codes::{BlockCodes, LeadCodes};
use super::question::Search;
use super::screen::{RowsInCodes, code_rows};
use super::targets::Place;
use crate::control::Context;
use crate::error::Result;
use crate::simd::Level;

/// What the CPU remembers of a block between two assignments: codes of its rows.
#[derive(Debug, Default)]
pub struct CpuCarry(Option<Kept>);

#[derive(Debug)]
struct Kept {
    /// Whose codes they are, and in which coordinates.
    name: Name,
    place: Arc<Place>,
    /// Levels have codes of their own.
    level: Level,
    codes: BlockCodes,
    lead: Option<(Arc<Basis>, LeadCodes)>,
}

impl CpuCarry {
    /// The codes of the rows of a search, which are the block of that name; made when they are first asked for, and while
    /// the run has room.
    pub(super) fn codes(
        &mut self,
        search: &Search<'_>,
        name: &Name,
        cx: &Context,
    ) -> Result<RowsInCodes<'_>> {
        let (place, basis) = (&search.targets.origin.place, &search.targets.origin.basis);
        let level = search.cpu.level();
        let Some(targets) = search.targets.codes_at(level) else { return Ok(RowsInCodes::default()) };
        let (n, d, kernel) = (search.rows.n_rows(), search.dim(), &search.cpu.codes);
        let mine = |kept: &Kept| kept.name.is(name) && Arc::ptr_eq(&kept.place, place) && kept.level == level;
        if !self.0.as_ref().is_some_and(mine) {
            self.0 = None;
            if !place.take(BlockCodes::bytes(kernel, n, d)) {
                return Ok(RowsInCodes::default());
            }
            let mut codes = BlockCodes::new(kernel, n, d, true)?;
            code_rows(search, Some((&targets.bound, &mut codes)), None, cx)?;
            place.keeps(n);
            self.0 = Some(Kept { name: name.clone(), place: place.clone(), level, codes, lead: None });
        }
        let Some(kept) = &mut self.0 else { return Ok(RowsInCodes::default()) };
        if let Some(basis) = basis {
            let mine = kept.lead.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, basis));
            if !mine && place.take(LeadCodes::bytes(n, basis.size)) {
                kept.lead = None;
                let mut lead = LeadCodes::new(n, basis.size)?;
                code_rows(search, None, Some((basis, &mut lead)), cx)?;
                kept.lead = Some((basis.clone(), lead));
            }
        }
        let lead =
            kept.lead.as_ref().filter(|(of, _)| basis.as_ref().is_some_and(|basis| Arc::ptr_eq(of, basis)));
        Ok(RowsInCodes { rows: Some(&kept.codes), lead: lead.map(|(_, lead)| lead) })
    }
}
