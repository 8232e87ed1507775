//! Sites of the kinds that take content away: statements, bodies, comments.

use core::ops::Range;

use super::lines::Scanned;
use super::{Change, Found};
use crate::corruption::syntax::Kind;
use crate::error::Result;

impl Scanned<'_> {
    pub(super) fn statements(&self, found: &mut Found) -> Result<()> {
        let mut lines = self.lines(true)?;
        lines.retain(|line| self.first_code(line).is_some());
        for (at, line) in lines.iter().enumerate() {
            let (Some(first), Some(last)) = (self.first_code(line), self.last_code(line)) else { continue };
            if self.is_one_of(last, ":{,([") || self.is_one_of(first, "})]@") {
                continue;
            }
            // The only statement of an indented block holds it together.
            let width = |at: usize| lines.get(at).map_or(0, |line| self.indent(line).len());
            let alone = at > 0 && self.opens(&lines[at - 1]) && width(at + 1) < width(at);
            if !(self.hash && alone) {
                found.add(self.begin(line), self.beyond(line), Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    pub(super) fn bodies(&self, found: &mut Found) -> Result<()> {
        let mut lines = self.lines(self.hash)?;
        lines.retain(|line| self.first_code(line).is_some());
        match self.hash {
            true => self.bodies_by_indentation(&lines, found),
            false => self.bodies_of_braces(&lines, found),
        }
    }

    fn bodies_by_indentation(&self, lines: &[Range<usize>], found: &mut Found) -> Result<()> {
        for (at, header) in lines.iter().enumerate().filter(|(_, line)| self.opens(line)) {
            // Each line is looked at for no more headers than it has blanks to begin with.
            let width = self.indent(header).len();
            let body = lines[at + 1..].iter().take_while(|line| self.indent(line).len() > width).count();
            let Some((first, last)) = lines.get(at + 1).zip(lines.get(at + body)).filter(|_| body > 0) else {
                continue;
            };
            if !(body == 1 && self.first_code(first).is_some_and(|i| self.word(i) == "pass")) {
                let indent = self.indent(first);
                let change = Change::Pass { indent_start: indent.start, indent_end: indent.end };
                found.add(self.begin(first), self.beyond(last), change)?;
            }
        }
        Ok(())
    }

    fn bodies_of_braces(&self, lines: &[Range<usize>], found: &mut Found) -> Result<()> {
        let partner = self.partners("{", "}")?;
        let code = self.counts(|i| self.tokens[i].is_code())?;
        for open in lines.iter().filter(|line| self.opens(line)).filter_map(|line| self.last_code(line)) {
            let close = partner[open];
            if close != usize::MAX && code[close] > code[open + 1] {
                found.add(self.tokens[open].end, self.tokens[close].start, Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    pub(super) fn comments(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            let code = self.first_code(&line);
            let comments = || line.clone().filter(|&i| self.kind(i) == Some(Kind::Comment));
            // The line that names the interpreter is no comment to the system.
            if line.start == 0 && self.text.starts_with("#!") {
                continue;
            }
            match code {
                None if comments().next().is_some() => {
                    found.add(self.begin(&line), self.beyond(&line), Change::Fixed(""))?;
                }
                None => {}
                // A string that is all of a line documents something.
                Some(i)
                    if self.hash
                        && self.kind(i) == Some(Kind::Text)
                        && self.last_code(&line) == Some(i)
                        && self.word(i).len() > 2 =>
                {
                    found.add(self.tokens[i].start, self.tokens[i].end, Change::Fixed("\"\""))?;
                }
                Some(_) => {
                    for i in comments() {
                        let blank = i > line.start && self.kind(i - 1) == Some(Kind::Blank);
                        let start = if blank { self.tokens[i - 1].start } else { self.tokens[i].start };
                        found.add(start, self.tokens[i].end, Change::Fixed(""))?;
                    }
                }
            }
        }
        Ok(())
    }
}
