//! Published rules that documents are judged by, whatever they are made of: a list of measures and bounds, or a program
//! that cleans a page and looks at what is left.
//!
//! `stop` is asked while a document is read, and between two rules: a document of many megabytes takes seconds.

use pauca::quality::{Bound, C4, Page, PageFault, Rules, Unit};
use pauca::{Context, Control, Exec};

use super::args::RulesName;

/// What the released C4 is.
const C4_CODE: &str = "c4_utils.clean_page of tensorflow_datasets, the same from 2020 to 4.9.9 (2025)";

/// A set of published rules.
#[derive(Clone, Debug)]
pub enum Preset {
    /// Measures of a document, and their bounds.
    Measured(Rules),
    /// C4's program: lines go first, and the page fails by what is left of it.
    Cleaned(C4),
}

/// One rule, as a person reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The name of the rule.
    pub name: &'static str,
    /// When a document stays.
    pub bound: Bound,
    /// What the bound is one of, where the name does not say it.
    pub of: &'static str,
    /// Where the rule stands.
    pub source: &'static str,
}

/// How many documents failed each rule of a preset: the library's `Tally` counts verdicts of `Rules` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Documents judged.
    pub documents: u64,
    /// Documents that passed every rule.
    pub passed: u64,
    /// Documents that failed each rule.
    pub failed: Vec<u64>,
}

impl Tally {
    /// Counts a document, by whether it passes each rule.
    pub fn push(&mut self, passes: &[bool]) {
        self.failed.resize(passes.len(), 0);
        self.documents += 1;
        self.passed += u64::from(passes.iter().all(|passes| *passes));
        self.failed.iter_mut().zip(passes).for_each(|(failed, passes)| *failed += u64::from(!passes));
    }
}

impl Preset {
    /// The rules of this name; `None` for no rules.
    pub fn of(name: RulesName) -> Option<Self> {
        Some(match name {
            RulesName::Gopher => Self::Measured(Rules::gopher_quality()),
            RulesName::GopherRepetition => Self::Measured(Rules::gopher_repetition()),
            RulesName::C4 => Self::Measured(Rules::c4_pages()),
            RulesName::C4Released => Self::Cleaned(C4::released()),
            RulesName::Fineweb => Self::Measured(Rules::fineweb()),
            RulesName::FinewebReleased => Self::Measured(Rules::fineweb_released()),
            RulesName::None => return None,
        })
    }

    /// The rules. Of C4's program a document fails one at most: that of the first line which shows a fault, or else the
    /// sentences.
    pub fn rules(&self) -> Vec<Rule> {
        match self {
            Self::Measured(rules) => rules
                .rules()
                .iter()
                .map(|rule| Rule { name: rule.name, bound: rule.bound, of: "", source: rule.source })
                .collect(),
            Self::Cleaned(_) => PageFault::ALL.iter().map(|fault| cleaned(*fault)).collect(),
        }
    }

    /// Whether `text` passes each of the [`rules`](Preset::rules).
    ///
    /// # Errors
    /// The library's; [`Cancelled`](pauca::Error::Cancelled) soon after `stop` says so.
    pub fn judge(&self, text: &str, stop: &dyn Fn() -> bool) -> pauca::Result<Vec<bool>> {
        let cx = Context::new(Exec::serial(), Control::new().stop_when(stop));
        cx.control.check()?;
        match self {
            Self::Measured(rules) => {
                let page = Page::new_in(text, Unit::Words, &cx)?;
                let passes = rules.rules().iter().map(|rule| {
                    cx.control.check()?;
                    Ok(rule.bound.passes(page.measure(rule.measure)?))
                });
                passes.collect()
            }
            Self::Cleaned(rules) => {
                let fault = rules.clean_in(text, &cx)?.fault;
                Ok(PageFault::ALL.iter().map(|found| fault != Some(*found)).collect())
            }
        }
    }
}

/// A fault of a page as a rule.
fn cleaned(fault: PageFault) -> Rule {
    let rule = |name, bound, of| Rule { name, bound, of, source: C4_CODE };
    match fault {
        PageFault::CurlyBracket => {
            rule("curly_bracket", Bound::AtMost(0.0), "{ in lines that end as sentences")
        }
        PageFault::LoremIpsum => rule("lorem_ipsum", Bound::AtMost(0.0), "in lines that end as sentences"),
        _ => rule("sentences", Bound::AtLeast(3.0), "in the lines that stay"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn failed(name: RulesName, text: &str) -> Vec<&'static str> {
        let preset = Preset::of(name).unwrap();
        let passes = preset.judge(text, &|| false).unwrap();
        let rules = preset.rules();
        assert_eq!(passes.len(), rules.len());
        rules.iter().zip(passes).filter(|(_, passes)| !passes).map(|(rule, _)| rule.name).collect()
    }

    #[test]
    fn the_paper_and_the_program_of_c4_differ_where_documented() {
        // A line of code goes, and its bracket with it.
        let three = "Home\nfunction f() {\nThe first line is here.\nThe second line is here.\nThe third line is here.\n";
        assert_eq!(failed(RulesName::C4Released, three), [""; 0]);
        assert_eq!(failed(RulesName::C4, three), ["curly_brackets"]);
        // Five sentences in a line that does not end as one.
        let open = "One is here. Two is here. Three is here. Four is here. Five is here and";
        assert_eq!(failed(RulesName::C4, open), [""; 0]);
        assert_eq!(failed(RulesName::C4Released, open), ["sentences"]);
        let code = "The set { a } is open here.\n".repeat(5);
        assert_eq!(failed(RulesName::C4Released, &code), ["curly_bracket"]);
        let latin = "Here is lorem ipsum for you all.\n".repeat(5);
        assert_eq!(failed(RulesName::C4Released, &latin), ["lorem_ipsum"]);
    }

    #[test]
    fn the_program_of_c4_stops_within_a_page() {
        let (page, asked) = ("One sentence is here.\n".repeat(2000), Cell::new(0));
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > 3
        };
        let preset = Preset::of(RulesName::C4Released).unwrap();
        assert!(matches!(preset.judge(&page, &stop), Err(pauca::Error::Cancelled)));
        assert_eq!(asked.get(), 4);
    }

    #[test]
    fn rules_are_those_of_the_library_and_stop_between_two_of_them() {
        for rules in [Rules::gopher_quality(), Rules::gopher_repetition(), Rules::c4_pages()] {
            let preset = Preset::Measured(rules.clone());
            for text in ["", "One. Two {", "the same the same the same the same\n\nthe same the same"] {
                assert_eq!(preset.judge(text, &|| false).unwrap(), rules.judge(text).unwrap().passed);
            }
            // Asked in the reading and before each rule, and obeyed at once.
            for most in 0..rules.rules().len() + 3 {
                let asked = Cell::new(0);
                let stop = || {
                    asked.set(asked.get() + 1);
                    asked.get() > most
                };
                assert!(matches!(preset.judge("One. Two.", &stop), Err(pauca::Error::Cancelled)));
                assert_eq!(asked.get(), most + 1);
            }
        }
    }
}
