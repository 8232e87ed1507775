//! Sites that lie in one another: which are still free.

use alloc::vec::Vec;

use super::Site;
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};

/// Sites of which any two are apart or one lies in the other, by ascending starts.
///
/// What overlaps a site are those within it, which follow it, and those around it. Each is marked
/// once, so that taking sites one after the other costs no more than there are.
pub(in crate::corruption) struct Nested {
    /// The innermost site around each; its own place where there is none.
    around: Vec<usize>,
    /// The place behind the last site within each.
    beyond: Vec<usize>,
    blocked: Vec<bool>,
}

impl Nested {
    pub fn new(sites: &[Site]) -> Result<Self> {
        let n = sites.len();
        let (mut around, mut beyond) = (try_vec(n, 0)?, try_vec(n, n)?);
        let mut open: Vec<usize> = try_capacity(n)?;
        for (i, site) in sites.iter().enumerate() {
            while let Some(&last) = open.last()
                && sites[last].end <= site.start
            {
                beyond[last] = i;
                open.pop();
            }
            around[i] = open.last().copied().unwrap_or(i);
            open.push(i);
        }
        Ok(Self { around, beyond, blocked: try_vec(n, false)? })
    }

    /// Takes site `i`, unless it overlaps one that was taken; each site once.
    pub fn take(&mut self, i: usize) -> bool {
        if self.blocked[i] {
            return false;
        }
        self.blocked[i..self.beyond[i]].fill(true);
        // A site around `i` now holds a taken site. Where such a site is blocked already, the walk ends: that site
        // holds a taken site (it lies in none, or `i` would, too), so all sites around it are blocked.
        let mut at = self.around[i];
        while !self.blocked[at] {
            self.blocked[at] = true;
            at = self.around[at];
        }
        true
    }
}
