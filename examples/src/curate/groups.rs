//! What the columns of the metadata tell of a result: the share of each group that went, the tokens that
//! stay, and orders of preference.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::outcome::{Fate, Outcome};
use crate::failure::{Failure, Result};
use crate::input::chosen::Numbering;
use crate::input::ids::Ids;
use crate::input::meta::Meta;
use crate::page::{Fact, escape, section, table};
use crate::progress::{count, percent};

/// Groups shown in the page; all of them are in report.json.
const SHOWN: usize = 30;

/// Columns that a result is counted by.
#[derive(Default)]
pub struct Columns {
    /// Name and values of the groups.
    by: Option<(String, Ids)>,
    /// Tokens of each row.
    tokens: Option<Vec<u64>>,
}

/// What became of the rows of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Rows kept, removed as duplicates, and pruned.
    pub rows: [u64; 3],
    /// Tokens of all rows, and of those kept.
    pub tokens: [u64; 2],
}

impl Columns {
    /// Reads the columns `by` and `tokens` of `meta` for the rows in use.
    ///
    /// # Errors
    /// [`Failure::Data`] for tokens that are no whole number, with the row.
    pub fn read(
        meta: Option<&Meta>,
        by: Option<&str>,
        tokens: Option<&str>,
        numbering: Numbering<'_>,
    ) -> Result<Self> {
        let Some(meta) = meta else { return Ok(Self::default()) };
        let column = |name: &str| meta.column(name).map(|values| in_use(values, numbering));
        let by = by.map(|name| Ok((name.to_string(), column(name)?))).transpose()?;
        let tokens = match tokens {
            None => None,
            Some(name) => {
                let texts = column(name)?;
                let number = |row: usize| {
                    texts.get(row).trim().parse().map_err(|_| {
                        let (row, text) = (numbering.of(row), texts.get(row));
                        let what =
                            format!("row {row}: {text:?} in column '{name}' is no whole number of tokens");
                        Failure::data(meta.path(), what)
                    })
                };
                Some((0..texts.len()).map(number).collect::<Result<Vec<u64>>>()?)
            }
        };
        Ok(Self { by, tokens })
    }

    /// The tokens of each row in use.
    pub fn tokens(&self) -> Option<&[u64]> {
        self.tokens.as_deref()
    }

    /// What became of all rows.
    pub fn total(&self, outcome: &Outcome) -> Group {
        let mut all = Group::default();
        (0..outcome.rows()).for_each(|row| self.add(&mut all, outcome, row));
        all
    }

    fn add(&self, group: &mut Group, outcome: &Outcome, row: usize) {
        let fate = outcome.fate(row);
        group.rows[fate as usize] += 1;
        let tokens = self.tokens.as_ref().map_or(0, |tokens| tokens[row]);
        group.tokens[0] = group.tokens[0].saturating_add(tokens);
        if fate == Fate::Kept {
            group.tokens[1] = group.tokens[1].saturating_add(tokens);
        }
    }

    /// What became of the rows of each group, the largest group first.
    fn groups(&self, outcome: &Outcome) -> Vec<(&str, Group)> {
        let Some((_, names)) = &self.by else { return Vec::new() };
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        (0..outcome.rows()).for_each(|row| self.add(groups.entry(names.get(row)).or_default(), outcome, row));
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.rows.iter().sum::<u64>()));
        groups
    }

    /// The part of `report.json`: null without these columns.
    pub fn record(&self, outcome: &Outcome) -> Value {
        let numbers = |group: &Group| {
            let [kept, duplicates, pruned] = group.rows;
            let mut value = json!({"rows": kept + duplicates + pruned, "kept": kept, "duplicates": duplicates, "pruned": pruned});
            if self.tokens.is_some() {
                value["tokens"] = json!(group.tokens[0]);
                value["tokens_kept"] = json!(group.tokens[1]);
            }
            value
        };
        if self.by.is_none() && self.tokens.is_none() {
            return Value::Null;
        }
        let mut value = json!({"all": numbers(&self.total(outcome))});
        if let Some((column, _)) = &self.by {
            let groups = self.groups(outcome).into_iter().map(|(name, group)| {
                let mut value = numbers(&group);
                value["group"] = json!(name);
                value
            });
            value["by"] = json!({"column": column, "groups": groups.collect::<Vec<_>>()});
        }
        value
    }

    /// The fact about tokens, if they are known.
    pub fn fact(&self, outcome: &Outcome) -> Option<Fact> {
        self.tokens.as_ref()?;
        let [all, kept] = self.total(outcome).tokens;
        Some(Fact {
            about: "tokens".into(),
            value: format!("{} of {}", count(kept), count(all)),
            detail: format!("{} of the tokens stay", percent(kept as f64 / all.max(1) as f64)),
        })
    }

    /// The section of the page about groups.
    pub fn html(&self, outcome: &Outcome) -> String {
        let Some((column, _)) = &self.by else { return String::new() };
        if outcome.keep.is_none() {
            return String::new();
        }
        let groups = self.groups(outcome);
        let share = |part: u64, all: u64| percent(part as f64 / all.max(1) as f64);
        let rows = groups.iter().take(SHOWN).map(|(name, group)| {
            let [kept, duplicates, pruned] = group.rows;
            let all = kept + duplicates + pruned;
            let mut cells = vec![
                escape(if name.is_empty() { "(none)" } else { name }),
                count(all),
                share(all - kept, all),
                share(duplicates, all),
                share(pruned, all),
            ];
            if self.tokens.is_some() {
                cells.push(share(group.tokens[1], group.tokens[0]));
            }
            cells
        });
        let mut head = vec!["group", "rows", "removed", "as duplicates", "by distance"];
        if self.tokens.is_some() {
            head.push("tokens kept");
        }
        let shown = table(&head, &["", "num", "num", "num", "num", "num"], rows);
        let lead = match groups.len() {
            n if n > SHOWN => {
                format!("The {SHOWN} largest of {} groups; all are in report.json.", count(n as u64))
            }
            _ => {
                "How much of each group went: a group that loses far more than others is worth a look.".into()
            }
        };
        section(&format!("By {column}"), &lead, &format!("<div class=\"wide\">{shown}</div>"))
    }
}

/// The values of the rows in use.
fn in_use(values: Ids, numbering: Numbering<'_>) -> Ids {
    match numbering.0 {
        None => values,
        Some(chosen) => chosen.names(Some(&values)),
    }
}

/// How two values of a column compare.
type Compare = fn(&str, &str) -> Ordering;

/// Keys that order rows by the column `name` of `meta`, ascending or not: whole numbers where all values are
/// such, else numbers, else texts; what is empty comes last. Equal values have equal keys.
///
/// # Errors
/// [`Failure::Data`] when the column cannot be read.
pub fn keys(meta: &Meta, name: &str, ascending: bool, numbering: Numbering<'_>) -> Result<Vec<f64>> {
    let values = in_use(meta.column(name)?, numbering);
    let texts: Vec<&str> = (0..values.len()).map(|row| values.get(row).trim()).collect();
    let there = || texts.iter().filter(|text| !text.is_empty());
    let order: Compare = if there().all(|text| text.parse::<i128>().is_ok()) {
        |a, b| a.parse::<i128>().unwrap_or(0).cmp(&b.parse().unwrap_or(0))
    } else if there().all(|text| text.parse::<f64>().is_ok_and(f64::is_finite)) {
        |a, b| a.parse::<f64>().unwrap_or(0.0).total_cmp(&b.parse().unwrap_or(0.0))
    } else {
        |a, b| a.cmp(b)
    };
    let compare = |a: usize, b: usize| {
        let (x, y) = (texts[a], texts[b]);
        let found = order(x, y);
        x.is_empty().cmp(&y.is_empty()).then(if ascending { found } else { found.reverse() })
    };
    let mut rows: Vec<usize> = (0..texts.len()).collect();
    rows.sort_by(|&a, &b| compare(a, b));
    let mut keys = vec![0.0; rows.len()];
    let mut rank = 0.0;
    for pair in rows.windows(2) {
        rank += f64::from(u8::from(compare(pair[0], pair[1]) != Ordering::Equal));
        keys[pair[1]] = rank;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(values: &[&str], ascending: bool) -> Vec<f64> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.csv");
        std::fs::write(
            &path,
            format!("k,x\n{}", values.iter().map(|v| format!("{v},\n")).collect::<String>()),
        )
        .unwrap();
        keys(&Meta::read(&[path], &["k"]).unwrap(), "k", ascending, Numbering(None)).unwrap()
    }

    #[test]
    fn keys_follow_numbers_texts_and_gaps() {
        assert_eq!(keys_of(&["9", "10", "", "9", "-1"], true), [1.0, 2.0, 3.0, 1.0, 0.0]);
        assert_eq!(keys_of(&["9", "10", "", "9", "-1"], false), [1.0, 0.0, 3.0, 1.0, 2.0]);
        assert_eq!(keys_of(&["2.5", "10", "1e1"], true), [0.0, 1.0, 1.0]);
        assert_eq!(keys_of(&["2024-05", "2023-12", "b"], true), [1.0, 0.0, 2.0]);
        // Whole numbers that a float cannot tell apart.
        assert_eq!(keys_of(&["18446744073709551617", "18446744073709551616"], true), [1.0, 0.0]);
    }
}
