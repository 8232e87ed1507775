//! `report.html`: the verdict first, then the curves of the paper.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Size, faster, forgets_less, passes, sizes};
use super::draw::{plain_of, shown_for_tags};
use super::measure::{Forgotten, Measured};
use super::study::Study;
use crate::output::Written;
use crate::page::{Fact, escape, fact_list, figure, file_list, page, section, table};
use crate::progress::{count, counted, percent};

/// What the page is made of.
pub struct Report<'a> {
    /// The study.
    pub study: &'a Study,
    /// What was found in its runs.
    pub runs: &'a [Measured],
    /// What was found for its special batches.
    pub found: &'a [Forgotten],
    /// Shares asked for.
    pub taus: &'a [f64],
    /// The verdict.
    pub verdict: &'a str,
    /// Pictures by file name.
    pub pictures: &'a BTreeMap<String, String>,
    /// Files written before the page.
    pub written: &'a BTreeMap<String, Written>,
    /// What was read, and how.
    pub configuration: &'a Value,
}

/// Least and largest of some numbers of epochs; those not reached are counted.
fn range(values: &[Option<u64>]) -> String {
    let reached: Vec<u64> = values.iter().copied().flatten().collect();
    let missed = values.len() - reached.len();
    let spread = match (reached.iter().min(), reached.iter().max()) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high}"),
        (Some(low), _) => low.to_string(),
        _ => return "not reached".into(),
    };
    if missed == 0 { spread } else { format!("{spread}; {missed} of {} not reached", values.len()) }
}

impl Report<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let study = self.study;
        let kicker = format!(
            "memorization · {} · {} · vocabulary of {}",
            escape(&study.title),
            counted(study.runs.len() as u64, "run"),
            count(study.vocabulary as u64)
        );
        let mut body = format!("<p class=\"kicker\">{kicker}</p>\n<h1>{}</h1>\n", escape(self.verdict));
        if !study.runs.is_empty() {
            body.push_str(&self.facts());
            body.push_str(&self.curves());
            body.push_str(&self.speed());
        }
        body.push_str(&self.forgetting());
        if !study.runs.is_empty() {
            body.push_str(&self.variants());
            body.push_str(&self.tags());
            body.push_str(&self.units());
            body.push_str(&self.overfitting());
        }
        body.push_str(&super::probed::html(&study.probes));
        let promise = format!(
            "{} The same study and flags give these same bytes on any machine and any number of threads.",
            escape(&study.source)
        );
        body.push_str(&file_list(self.written, self.configuration, &promise));
        page(&format!("{}: {}", study.title, self.verdict), &body)
    }

    fn facts(&self) -> String {
        let study = self.study;
        let best = self.runs.iter().flat_map(|run| &run.m).copied().fold(0.0, f64::max);
        let sizes = sizes(study);
        let span = match (sizes.first(), sizes.last()) {
            (Some(a), Some(b)) => format!("{} to {}", count(a.parameters), count(b.parameters)),
            _ => "none".into(),
        };
        let texts: Vec<String> = study
            .sets
            .iter()
            .map(|set| {
                format!(
                    "{} texts, {} tokens ({})",
                    count(set.ends.len() as u64),
                    count(set.tokens as u64),
                    set.name
                )
            })
            .collect();
        let lowest = self.runs.iter().filter_map(|run| run.m.last()).copied().fold(1.0, f64::min);
        let fact = |about: &str, value: String, detail: String| Fact { about: about.into(), value, detail };
        fact_list(&[
            fact("models", counted(sizes.len() as u64, "size"), format!("{span} parameters")),
            fact("most memorized", percent(best), "of the tokens of a training set".into()),
            fact("least memorized", percent(lowest), "at the end of a run".into()),
            fact("texts", counted(study.sets.len() as u64, "set"), texts.join("; ")),
        ])
    }

    /// The pictures `PREFIX.SET.svg`, each under the name of its set.
    fn by_set(&self, prefix: &str) -> String {
        let figures = self.study.sets.iter().filter_map(|set| {
            let svg = self.pictures.get(&format!("{prefix}.{}.svg", set.name))?;
            let texts = count(set.ends.len() as u64);
            Some(figure(&format!("Training set \"{}\": {texts} texts", set.name), svg))
        });
        format!("<div class=\"two\">{}</div>\n", figures.collect::<String>())
    }

    fn curves(&self) -> String {
        let lead = "M(f) is the share of training tokens that are the model's most probable one, given the true tokens \
                    before them. From yellow to violet models grow.";
        section("Memorization while training", lead, &self.by_set("curves"))
    }

    fn speed(&self) -> String {
        let sizes = sizes(self.study);
        let mut html = self.by_set("reach");
        let mut head = vec!["parameters".to_string(), "runs".to_string()];
        head.extend(self.taus.iter().map(|tau| format!("M = {tau}")));
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows = sizes.iter().map(|Size { parameters, runs }| {
            let mut row = vec![count(*parameters), runs.len().to_string()];
            for t in 0..self.taus.len() {
                row.push(range(&runs.iter().map(|&i| self.runs[i].reach[t]).collect::<Vec<_>>()));
            }
            row
        });
        html.push_str("<h3>Epochs until M is reached <span>· least to most over learning rates and training sets</span></h3>\n");
        html.push_str(&table(&head, &["num", "num"], rows));
        let wins = faster(self.study, self.runs, self.taus.len());
        let rows = wins.iter().zip(self.taus).map(|(p, tau)| {
            vec![format!("M = {tau}"), p.larger.to_string(), p.equal.to_string(), p.smaller.to_string()]
        });
        html.push_str(
            "<h3>Pairs of models that differ in size alone <span>· how many were first</span></h3>\n",
        );
        html.push_str(&table(
            &["share", "the larger one", "both at once", "the smaller one"],
            &["", "num", "num", "num"],
            rows,
        ));
        let logged = self
            .study
            .runs
            .iter()
            .zip(self.runs)
            .filter_map(|(run, found)| Some((run, found.update_reach.as_ref()?)));
        let rows: Vec<Vec<String>> = logged
            .map(|(run, reach)| {
                let mut row = vec![escape(&run.name), count(run.parameters)];
                row.extend(reach.iter().map(|u| u.map_or("not reached".into(), count)));
                row
            })
            .collect();
        if !rows.is_empty() {
            let mut head = vec!["run", "parameters"];
            let names: Vec<String> = self.taus.iter().map(|tau| format!("M_update = {tau}")).collect();
            head.extend(names.iter().map(String::as_str));
            html.push_str("<h3>Updates until one batch is memorized <span>· T_update(N, tau), before the batch's own update</span></h3>\n");
            html.push_str(&table(&head, &["", "num"], rows));
        }
        let lead = "T(N, tau): how often each text was seen until M(f) >= tau; shares that a run never reached \
                    have no point.";
        section("How fast", lead, &html)
    }

    fn forgetting(&self) -> String {
        if self.found.is_empty() {
            return String::new();
        }
        let figures = passes(self.study).into_iter().filter_map(|p| {
            let svg = self.pictures.get(&format!("forgetting.{p}.svg"))?;
            let seen = if p == 1 { "once".to_string() } else { format!("{p} times") };
            Some(figure(&format!("Special batch seen {seen}"), svg))
        });
        let mut html = format!("<div class=\"two\">{}</div>\n", figures.collect::<String>());
        let rows = self.study.forgetting.iter().zip(self.found).map(|(special, found)| {
            let f = &found.forgetting;
            let at = |epoch: i64| {
                special.epochs.iter().position(|e| *e == epoch).map_or(String::new(), |i| percent(found.m[i]))
            };
            vec![
                count(special.parameters),
                special.passes.to_string(),
                at(-1),
                at(0),
                percent(f.baseline),
                found.least_excess.map_or(String::new(), |e| format!("{:+.1} points", 100.0 * e)),
                f.decay.map_or("no fit".into(), |d| match d.half_life() {
                    Some(epochs) => format!("{epochs:.1} epochs"),
                    None => "does not shrink".into(),
                }),
            ]
        });
        let head =
            ["parameters", "passes", "before", "right after", "baseline", "least excess", "falls halve in"];
        html.push_str(&table(&head, &["num"; 7], rows));
        let mut words = String::new();
        for p in passes(self.study) {
            let (baseline, excess) = forgets_less(self.study, self.found, p);
            let seen = if p == 1 { "once".to_string() } else { format!("{p} times") };
            words.push_str(&format!(
                "Seen {seen}: of {} pairs the larger model has the higher baseline in {} and keeps the larger excess in {}. ",
                baseline.total(), baseline.larger, excess.larger
            ));
        }
        let lead = format!(
            "M on a batch of texts that the model sees for a moment and never again. Dashed: the same model without that \
             moment, which shows how much is not memory but ability; dotted: the forgetting baseline, the least M since. \
             The excess is the difference to the dashed line at its least. {words}"
        );
        section("Forgetting", &lead, &html)
    }

    fn variants(&self) -> String {
        let Some(svg) = self.pictures.get("variants.svg") else { return String::new() };
        let rows =
            self.study.runs.iter().enumerate().filter(|(_, run)| run.variant.is_some()).map(|(i, run)| {
                let mut row = vec![escape(run.variant.as_deref().unwrap_or("")), count(run.parameters)];
                let plain = plain_of(self.study, i);
                for t in 0..self.taus.len() {
                    let epochs = |i: usize| self.runs[i].reach[t].map_or("-".into(), |e| e.to_string());
                    row.push(format!("{} ({})", epochs(i), plain.map_or("-".into(), epochs)));
                }
                row
            });
        let mut head = vec!["before every text", "parameters"];
        let names: Vec<String> = self.taus.iter().map(|tau| format!("M = {tau}")).collect();
        head.extend(names.iter().map(String::as_str));
        let html = format!(
            "<div class=\"two\">{}<div>{}</div></div>\n",
            figure("With and without", svg),
            table(&head, &["", "num"], rows)
        );
        let lead = "The paper's hypothesis: a unique identifier before a text makes it easier to memorize. Epochs with it, \
                    in brackets without.";
        section("Unique identifiers", lead, &html)
    }

    fn tags(&self) -> String {
        let Some(i) = shown_for_tags(self.study, self.runs) else { return String::new() };
        let figures = [
            ("tags.right.svg", "Right part of speech, R(p)"),
            ("tags.memorized.svg", "Right token, R_mem(p)"),
        ]
        .into_iter()
        .filter_map(|(file, caption)| Some(figure(caption, self.pictures.get(file)?)));
        let mut html = format!("<div class=\"two\">{}</div>\n", figures.collect::<String>());
        let (run, found) = (&self.study.runs[i], &self.runs[i]);
        // Where half of all is memorized the parts of speech differ most; else at the end.
        let at = found.m.iter().position(|m| *m >= 0.5).unwrap_or(found.m.len() - 1);
        let mut rows: Vec<(f64, Vec<String>)> = (self.study.tags.iter().zip(&found.tags[at]))
            .filter(|(_, ratio)| ratio.tokens > 0)
            .map(|(tag, ratio)| {
                let show = |value: Option<f64>| value.map_or(String::new(), percent);
                let row = vec![escape(tag), count(ratio.tokens), show(ratio.right), show(ratio.memorized)];
                (ratio.memorized.unwrap_or(0.0), row)
            })
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        html.push_str(&format!(
            "<h3>After epoch {} <span>· M = {}</span></h3>\n",
            run.epochs[at],
            percent(found.m[at])
        ));
        let head = ["part of speech", "tokens", "R: tag right", "R_mem: token right"];
        html.push_str(&table(&head, &["", "num", "num", "num"], rows.into_iter().map(|(_, row)| row)));
        let lead = format!(
            "Of the tokens with a tag, the share predicted with that tag, and exactly; run {}.",
            escape(&run.name)
        );
        section("Parts of speech", &lead, &html)
    }

    fn units(&self) -> String {
        let lead = "Mean length of the maximal runs of memorized tokens: pieces known by heart grow from words to clauses.";
        section("Memory unit length", lead, &self.by_set("units"))
    }

    fn overfitting(&self) -> String {
        let rows: Vec<Vec<String>> = (self.study.runs.iter().zip(self.runs))
            .filter_map(|(run, found)| {
                let onset = found.onset?;
                let cells = match onset {
                    Some(i) => [run.epochs[i].to_string(), percent(found.m[i])],
                    None => ["not yet".into(), String::new()],
                };
                let [epoch, m] = cells;
                Some(vec![
                    escape(&run.name),
                    count(run.parameters),
                    escape(&self.study.sets[run.set].name),
                    epoch,
                    m,
                ])
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let head = ["run", "parameters", "training set", "overfitting begins after epoch", "M there"];
        let html = table(&head, &["", "num", "", "num", "num"], rows);
        let lead = "The first epoch at which the perplexity of held-out texts rises, and how much was memorized by then.";
        section("Memorization before overfitting", lead, &html)
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_say_what_was_not_reached() {
        assert_eq!(range(&[Some(3), Some(9)]), "3 to 9");
        assert_eq!(range(&[Some(3), None, Some(3)]), "3; 1 of 3 not reached");
        assert_eq!(range(&[None]), "not reached");
        assert_eq!(range(&[]), "not reached");
    }
}
