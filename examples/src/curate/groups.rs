//! What the columns of the metadata tell of a result: the share of each group that went, the tokens that
//! stay; and what they ask of it: orders of preference, weights.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::Args;
use super::outcome::{Fate, Outcome};
use crate::failure::{Failure, Result};
use crate::input::chosen::Numbering;
use crate::input::ids::Ids;
use crate::input::meta::Meta;
use crate::page::{Fact, escape, section, table};
use crate::progress::{count, counted, percent};

/// Groups shown in the page; all of them are in report.json.
const SHOWN: usize = 30;

/// Columns that a result is counted by.
#[derive(Default)]
pub struct Columns {
    /// Name and values of the groups.
    by: Option<(String, Ids)>,
    /// Tokens of each row.
    tokens: Option<Vec<u64>>,
    /// Weight of each row in the clustering.
    weights: Option<Vec<f32>>,
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
    /// Reads the columns `--by`, `--tokens` and `--weights` of `meta` for the rows in use.
    ///
    /// # Errors
    /// [`Failure::Data`] for tokens that are no whole number, and for weights that are none, with the row.
    pub fn read(meta: Option<&Meta>, args: &Args, numbering: Numbering<'_>) -> Result<Self> {
        let Some(meta) = meta else { return Ok(Self::default()) };
        let column = |name: &str| meta.column(name).map(|values| in_use(values, numbering));
        let by = args.by.as_deref().map(|name| Ok((name.to_string(), column(name)?))).transpose()?;
        let tokens = args.tokens.as_deref().map(|name| {
            let whole = |text: &str| text.parse().ok();
            numbers(meta, name, "no whole number of tokens", &whole, &column(name)?, numbering)
        });
        let weights = args.weights.as_deref().map(|name| {
            let weight = |text: &str| text.parse().ok().filter(|w: &f32| w.is_finite() && *w >= 0.0);
            numbers(meta, name, "no weight, a number of at least 0", &weight, &column(name)?, numbering)
        });
        Ok(Self { by, tokens: tokens.transpose()?, weights: weights.transpose()? })
    }

    /// The weight of each row in use.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// Refuses more `clusters` than there are rows that can found one.
    ///
    /// # Errors
    /// [`Failure::Usage`] with both numbers.
    pub fn found(&self, clusters: usize) -> Result<()> {
        let Some(weights) = &self.weights else { return Ok(()) };
        let founders = weights.iter().filter(|weight| **weight > 0.0).count();
        if founders >= clusters {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "{clusters} clusters asked, but only {founders} rows weigh more than 0: --clusters K says how many"
        )))
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
        let stay = match all {
            0 => "no row has tokens".into(),
            _ => format!("{} of the tokens stay", percent(kept as f64 / all as f64)),
        };
        // A share of tokens ends at the first row that does not fit.
        let why = outcome.unfit.map_or(String::new(), |unfit| {
            let (next, room) = (counted(unfit.tokens, "token"), count(unfit.room));
            match unfit.first {
                true => format!("; none was kept: the first row in the order has {next}, room is for {room}"),
                false => format!("; the next row in the order has {next}, room was left for {room}"),
            }
        });
        Some(Fact {
            about: "tokens".into(),
            value: format!("{} of {}", count(kept), count(all)),
            detail: stay + &why,
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
        // One reason alone needs no column of its own.
        let both = outcome.dedup.is_some() && outcome.second.is_some();
        let rows = groups.iter().take(SHOWN).map(|(name, group)| {
            let [kept, duplicates, pruned] = group.rows;
            let all = kept + duplicates + pruned;
            let mut cells = vec![
                escape(if name.is_empty() { "(none)" } else { name }),
                count(all),
                share(all - kept, all),
            ];
            if both {
                cells.extend([share(duplicates, all), share(pruned, all)]);
            }
            if self.tokens.is_some() {
                cells.push(share(group.tokens[1], group.tokens[0]));
            }
            cells
        });
        let mut head = vec!["group", "rows", "removed"];
        if both {
            head.extend(["as duplicates", "by distance"]);
        }
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

/// What `read` makes of each of `texts`, the values of column `name`; what it refuses is `wrong`.
fn numbers<T>(
    meta: &Meta,
    name: &str,
    wrong: &str,
    read: &dyn Fn(&str) -> Option<T>,
    texts: &Ids,
    numbering: Numbering<'_>,
) -> Result<Vec<T>> {
    let number = |row: usize| {
        read(texts.get(row).trim()).ok_or_else(|| {
            let (row, text) = (numbering.of(row), texts.get(row));
            Failure::data(meta.path(), format!("row {row}: {text:?} in column '{name}' is {wrong}"))
        })
    };
    (0..texts.len()).map(number).collect()
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
