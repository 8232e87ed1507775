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
        let lines = self.lines(self.hash)?;
        for (at, header) in lines.iter().enumerate() {
            if !self.opens(header) {
                continue;
            }
            if !self.hash {
                let Some(open) = self.last_code(header) else { continue };
                if let Some(close) = self.closing_brace(open)
                    && (open + 1..close).any(|i| self.tokens[i].is_code())
                {
                    found.add(self.tokens[open].end, self.tokens[close].start, Change::Fixed(""))?;
                }
                continue;
            }
            let width = self.indent(header).len();
            let deeper = |line: &Range<usize>| self.indent(line).len() > width;
            // Lines without code belong to the body when code follows that does.
            let mut last = None;
            for (i, line) in lines.iter().enumerate().skip(at + 1) {
                match self.first_code(line) {
                    None => {}
                    Some(_) if deeper(line) => last = Some(i),
                    Some(_) => break,
                }
            }
            let first = (at + 1..lines.len()).find(|&i| self.first_code(&lines[i]).is_some());
            if let (Some(first), Some(last)) = (first, last)
                && !(first == last && self.first_code(&lines[first]).is_some_and(|i| self.word(i) == "pass"))
            {
                let indent = self.indent(&lines[first]);
                let change = Change::Pass { indent_start: indent.start, indent_end: indent.end };
                found.add(self.begin(&lines[first]), self.beyond(&lines[last]), change)?;
            }
        }
        Ok(())
    }

    fn closing_brace(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for i in open..self.tokens.len() {
            if self.is(i, '{') {
                depth += 1;
            } else if self.is(i, '}') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(i);
                }
            }
        }
        None
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
