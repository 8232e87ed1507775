//! Many short texts in two allocations: one identifier per row.

use std::collections::HashMap;

/// One text per row.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    /// Adds the next row's text.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Text of row `i`; empty outside.
    pub fn get(&self, i: usize) -> &str {
        let start = i.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(i)) {
            (Some(start), Some(&end)) => &self.text[start..end],
            _ => "",
        }
    }

    /// The first two rows of one text, if there are such; the rest of the search stops there.
    pub fn repeated(&self) -> Option<[usize; 2]> {
        let mut rows: HashMap<&str, usize> = HashMap::with_capacity(self.len());
        (0..self.len()).find_map(|row| rows.insert(self.get(row), row).map(|before| [before, row]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_rows() {
        let mut ids = Ids::default();
        for id in ["a", "", "ccc"] {
            ids.push(id);
        }
        assert_eq!((0..4).map(|i| ids.get(i)).collect::<Vec<_>>(), ["a", "", "ccc", ""]);
        assert_eq!((ids.len(), ids.repeated()), (3, None));
        ids.push("b");
        ids.push("ccc");
        assert_eq!(ids.repeated(), Some([2, 4]));
    }
}
