//! The parts of a self-contained HTML page: text that is safe to embed, one style sheet, no
//! script, nothing fetched.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde_json::Value;

use crate::input::images::Picture;
use crate::output::Written;
use crate::progress::count;
use crate::run;

/// One fact of a result: the same words on the terminal and in the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What the fact is about, in a word or two.
    pub about: String,
    /// The number; may be empty.
    pub value: String,
    /// What the number means, in a clause; may be empty.
    pub detail: String,
}

impl Fact {
    /// Where the words begin on a terminal.
    pub const COLUMN: usize = 17;

    /// A fact of one clause.
    pub fn words(about: &str, words: impl Into<String>) -> Self {
        Self { about: about.to_string(), value: String::new(), detail: words.into() }
    }
}

impl Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = !self.value.is_empty() && !self.detail.is_empty();
        let between = if both { "; " } else { "" };
        write!(f, "{:<16} {}{between}{}", self.about, self.value, self.detail)
    }
}

/// Facts side by side.
pub fn fact_list(facts: &[Fact]) -> String {
    let cells = facts.iter().map(|fact| {
        format!(
            "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>",
            escape(&fact.about),
            escape(&fact.value),
            escape(&fact.detail)
        )
    });
    format!("<dl class=\"facts\">{}</dl>\n", cells.collect::<String>())
}

/// The last section: what was written, by which configuration, and `promise` (HTML).
pub fn file_list(written: &BTreeMap<String, Written>, configuration: &Value, promise: &str) -> String {
    let rows = written.iter().map(|(name, file)| {
        vec![escape(name), count(file.bytes), format!("<span class=\"mono\">{}</span>", file.sha256)]
    });
    let mut html = table(&["file", "bytes", "SHA-256"], &["", "num", ""], rows);
    let mut lines = Vec::new();
    flatten("", configuration, &mut lines);
    let lines = lines.into_iter().map(|(name, value)| {
        format!("<div><dt>{}</dt><dd class=\"mono\">{}</dd></div>", escape(&name), escape(&value))
    });
    if let Some(command) = run::command() {
        html.push_str(&format!("<h3>Command</h3>\n<p class=\"mono\">{}</p>\n", escape(command)));
    }
    html.push_str(&format!(
        "<h3>Configuration</h3>\n<dl class=\"settings\">{}</dl>\n<footer>{promise} Times are in report.json. pauca {}.</footer>\n",
        lines.collect::<String>(),
        env!("CARGO_PKG_VERSION")
    ));
    section("Files", "", &html)
}

/// What most programs promise of their bytes.
pub const SAME_BYTES: &str =
    "The same input, settings and seed give these same bytes on any machine and any number of threads.";

/// Every value that is one, with the way to it as its name; a list is one value.
fn flatten(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name} {key}") };
                flatten(&name, value, lines);
            }
        }
        Value::Null => {}
        Value::Array(values) if values.iter().all(|value| !value.is_object()) => {
            lines.push((name.to_string(), values.iter().map(text).collect::<Vec<_>>().join(", ")));
        }
        Value::Array(values) => {
            for (i, value) in values.iter().enumerate() {
                flatten(&format!("{name} {}", i + 1), value, lines);
            }
        }
        other => lines.push((name.to_string(), text(other))),
    }
}

/// The picture of a row called `name`, framed by what became of the row; where it cannot be read, the name and the reason
/// stand in its place.
pub fn tile(picture: &Picture, class: &str, name: &str) -> String {
    let name = escape(name);
    match picture {
        Picture::Address(address) => {
            format!("<img class=\"tile {class}\" src=\"{address}\" alt=\"{name}\" title=\"{name}\">")
        }
        Picture::Unreadable(why) => format!(
            "<span class=\"word lost {class}\">{name}<small>picture cannot be read: {}</small></span>",
            escape(&shorten(why, REASON))
        ),
    }
}

/// Longest reason in the place of a picture.
const REASON: usize = 90;

/// Text as it may stand in an element or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Control characters have no place in HTML.
            c if c.is_control() && c != '\n' && c != '\t' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// At most `most` characters of `text`, on one line, with an ellipsis where cut.
pub fn shorten(text: &str, most: usize) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = flat.join(" ");
    match flat.char_indices().nth(most) {
        None => flat,
        Some((end, _)) => format!("{}…", &flat[..end]),
    }
}

/// Begins a section; what stands between this and the end of the heading names the section.
const SECTION: &str = "<section>\n<h2>";

/// `body` with an address for every section and, where there are several, links to them.
fn linked(body: &str) -> String {
    let mut pieces = body.split(SECTION);
    let mut linked = pieces.next().unwrap_or_default().to_string();
    let (mut links, mut sections) = (String::new(), String::new());
    for (i, piece) in pieces.enumerate() {
        let heading = piece.split("</h2>").next().unwrap_or_default();
        links.push_str(&format!("<a href=\"#part-{i}\">{heading}</a>\n"));
        sections.push_str(&format!("<section id=\"part-{i}\">\n<h2>{piece}"));
    }
    if !links.is_empty() {
        linked.push_str(&format!("<nav aria-label=\"Parts of this page\">\n{links}</nav>\n"));
    }
    linked + &sections
}

/// A whole page.
pub fn page(title: &str, body: &str) -> String {
    let body = linked(body);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// A section with a heading and one explaining sentence (HTML).
pub fn section(heading: &str, lead: &str, content: &str) -> String {
    let lead = if lead.is_empty() { String::new() } else { format!("<p class=\"lead\">{lead}</p>\n") };
    let heading = escape(heading);
    // A drawing without a title of its own is called as its section is.
    let content = content.replace("<svg width", &format!("<svg role=\"img\" aria-label=\"{heading}\" width"));
    let content = content
        .replace("tabindex=\"0\">", &format!("tabindex=\"0\" role=\"group\" aria-label=\"{heading}\">"));
    format!("{SECTION}{heading}</h2>\n{lead}{content}</section>\n")
}

/// A plot under its title, which may be empty.
pub fn figure(caption: &str, svg: &str) -> String {
    let (caption, svg) = match escape(caption) {
        caption if caption.is_empty() => (caption, svg.to_string()),
        caption => {
            let named =
                svg.replacen("<svg width", &format!("<svg role=\"img\" aria-label=\"{caption}\" width"), 1);
            (format!("<figcaption>{caption}</figcaption>"), named)
        }
    };
    // The drawing scales with the column; its own size is only a default. Below the size at which it can be read it
    // scrolls.
    format!("<figure>{caption}<div class=\"plot\" tabindex=\"0\">{svg}</div></figure>\n")
}

/// A table; every cell is HTML already. `classes` styles the columns.
pub fn table<C: Display>(head: &[&str], classes: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> String {
    let class = |i: usize| {
        classes.get(i).filter(|c| !c.is_empty()).map_or(String::new(), |c| format!(" class=\"{c}\""))
    };
    // A table wider than the page scrolls by itself; whoever uses a keyboard has to be able to reach it.
    let mut html = String::from("<div class=\"scroll\" tabindex=\"0\">\n<table>\n");
    if !head.is_empty() {
        html.push_str("<thead><tr>");
        for (i, name) in head.iter().enumerate() {
            // A heading without words is none.
            match name.is_empty() {
                true => html.push_str(&format!("<td{}></td>", class(i))),
                false => html.push_str(&format!("<th scope=\"col\"{}>{name}</th>", class(i))),
            }
        }
        html.push_str("</tr></thead>\n");
    }
    html.push_str("<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            html.push_str(&format!("<td{}>{cell}</td>", class(i)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    html
}

const STYLE: &str = r##":root { color-scheme: light dark; --ground: #fff; --plate: #f6f7f8; --ink: #22262b; --soft: #5f666f; --line: #e2e5e9; --kept: #1f7a5c; --dup: #c44e35; --pruned: #e3a84b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1080px; margin: 0 auto; padding: 44px 24px 72px; }
.kicker { margin: 0 0 8px; color: var(--soft); font-size: 14px; }
h1 { margin: 0 0 26px; font-size: 29px; line-height: 1.28; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 0 0 2px; font-size: 20px; font-weight: 650; }
h3 { margin: 22px 0 8px; font-size: 14px; font-weight: 600; }
h3 span { font-weight: 400; color: var(--soft); }
section { margin-top: 52px; }
nav { display: flex; flex-wrap: wrap; gap: 2px 20px; margin-top: 28px; font-size: 14px; }
nav a { color: var(--soft); padding: 3px 0; }
.lead { margin: 0 0 14px; color: var(--soft); max-width: 60em; }
.bar { display: flex; height: 30px; border-radius: 5px; overflow: hidden; }
.bar div { min-width: 2px; }
.key { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 10px 0 0; padding: 0; list-style: none; font-size: 15px; }
.key b { font-weight: 650; }
.dot { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 6px 0 0; }
.frames { display: block; margin-bottom: 8px; }
.frames .dot:not(:first-child) { margin-left: 14px; }
.dot.kept { background: var(--kept); }
.dot.dup { background: repeating-linear-gradient(45deg, var(--dup) 0 3px, var(--ground) 3px 4.5px); }
.dot.pruned { background: radial-gradient(var(--pruned) 40%, var(--ground) 46%) 0 0 / 5.5px 5.5px; box-shadow: inset 0 0 0 1px var(--pruned); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 14px 28px; margin: 30px 0 0; }
.facts div { border-top: 1px solid var(--line); padding-top: 9px; }
.facts dt { color: var(--soft); font-size: 14px; }
.facts dd { margin: 0; font-size: 17px; font-weight: 600; }
.facts small { display: block; font-size: 13.5px; font-weight: 400; color: var(--soft); }
.pairs { display: grid; grid-template-columns: repeat(8, 1fr); gap: 10px; }
.pair { margin: 0; text-align: center; font-size: 13px; color: var(--soft); break-inside: avoid; }
.pair .tiles { display: flex; justify-content: center; gap: 3px; margin-bottom: 2px; }
.tile { width: 54px; height: 54px; object-fit: contain; border-radius: 5px; background: var(--plate); border: 2px solid transparent; padding: 2px; display: inline-block; vertical-align: top; }
.tile.kept { border-color: var(--kept); }
.tile.dup { border-color: var(--dup); border-style: dashed; }
.tile.pruned { border-color: var(--pruned); border-style: dotted; }
.word { display: inline-block; max-width: 100%; border-left: 3px solid var(--line); padding: 1px 0 1px 9px; font-size: 14px; line-height: 1.4; overflow-wrap: anywhere; }
.word.lost { max-width: 150px; font-size: 12px; text-align: left; }
.word.lost small { display: block; color: var(--soft); font-size: 11px; }
.word.kept { border-color: var(--kept); }
.word.dup { border-color: var(--dup); border-left-style: dashed; }
.word.pruned { border-color: var(--pruned); border-left-style: dotted; }
.group { display: flex; align-items: flex-start; gap: 14px; padding: 10px 0; border-top: 1px solid var(--line); break-inside: avoid; }
.group > .size { flex: 0 0 96px; font-size: 14px; color: var(--soft); padding-top: 4px; }
.group > .size b { display: block; color: var(--ink); font-size: 17px; }
.group .members { display: flex; flex-wrap: wrap; gap: 4px; min-width: 0; }
.group .members.words { flex-direction: column; gap: 5px; }
.group .members small { color: var(--soft); align-self: center; }
.group .members.words small { align-self: flex-start; padding-left: 12px; }
.extremes { display: grid; grid-template-columns: 110px 1fr 1fr; gap: 8px 22px; align-items: start; padding: 10px 0; border-top: 1px solid var(--line); break-inside: avoid; font-size: 14px; }
.extremes.head { border: 0; color: var(--soft); padding-bottom: 0; }
.extremes .members { display: flex; flex-wrap: wrap; gap: 4px; }
.extremes .members.words { flex-direction: column; gap: 5px; }
.extremes b { font-size: 15px; display: block; }
.extremes small { color: var(--soft); font-size: 13px; }
.two { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px; }
figure { margin: 14px 0 0; break-inside: avoid; }
figcaption { font-size: 15px; font-weight: 600; }
.plot, .scroll { overflow-x: auto; }
figure svg { display: block; width: 100%; height: auto; min-width: min(100%, 420px); }
.plot:has(svg[width="960"]) svg { min-width: 640px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr { break-inside: avoid; }
.num { text-align: right; white-space: nowrap; }
.mono { font: 12.5px/1.6 ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.half { width: 44%; }
.line { padding-left: 30px; background: linear-gradient(to right, var(--kept) var(--score), var(--line) var(--score)) 0 0.4em / 22px 0.8em no-repeat; }
.wide { overflow-x: auto; }
.wide table { font-size: 13px; }
.wide th, .wide td { padding-right: 9px; }
.settings { columns: 2; column-gap: 36px; margin: 0; }
.settings div { display: flex; gap: 14px; padding: 3px 0; border-bottom: 1px solid var(--line); break-inside: avoid; font-size: 14px; }
.settings dt { flex: 0 0 112px; color: var(--soft); }
.settings dd { margin: 0; min-width: 0; }
footer { margin-top: 44px; color: var(--soft); font-size: 13.5px; }
@media screen and (max-width: 760px) { .pairs { grid-template-columns: repeat(auto-fill, minmax(122px, 1fr)); } .two { grid-template-columns: minmax(0, 1fr); } .settings { columns: 1; } .extremes { grid-template-columns: 1fr; } .extremes.head { display: none; } .extremes .members::before { content: "nearest to the centroid"; flex-basis: 100%; color: var(--soft); } .extremes .members + .members::before { content: "farthest from it"; } h1 { font-size: 25px; } }
@media screen and (max-width: 760px) { main { padding: 28px 16px 48px; } .scroll table { min-width: max-content; } .scroll td { max-width: 22em; } .half { width: auto; min-width: 11em; } tr:has(.side) { display: flex; flex-direction: column; } .scroll:has(.side) table { min-width: 0; } td.side { width: auto; max-width: none; } table:has(.side) thead { display: none; } td.side::before { content: "kept"; display: block; color: var(--soft); font-size: 13px; } td.side + td.side::before { content: "removed"; } }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #16191d; --plate: #23282e; --ink: #e6e9ed; --soft: #a3abb5; --line: #353b43; --kept: #3fae87; --dup: #e5745c; --pruned: #e3a84b; } svg > rect:first-of-type { fill: none; }
  svg [fill="#22262B"] { fill: var(--ink); } svg [stroke="#22262B"] { stroke: var(--ink); }
  svg [fill="#E6E8EB"] { fill: var(--line); } svg [stroke="#E6E8EB"] { stroke: var(--line); }
  svg [fill="#1F7A5C"] { fill: var(--kept); } svg [stroke="#1F7A5C"] { stroke: var(--kept); }
  svg [fill="#C44E35"] { fill: var(--dup); } svg [stroke="#C44E35"] { stroke: var(--dup); }
  svg [fill="#E3A84B"] { fill: var(--pruned); } svg [stroke="#E3A84B"] { stroke: var(--pruned); }
  svg [fill="#3B5BA5"] { fill: #86a2e6; } svg [stroke="#3B5BA5"] { stroke: #86a2e6; }
  svg [fill="#8A4F9E"] { fill: #c391d6; } svg [stroke="#8A4F9E"] { stroke: #c391d6; }
  svg [fill="#2BA3B0"] { fill: #45c2d0; } svg [stroke="#2BA3B0"] { stroke: #45c2d0; }
  svg [fill="#6B7078"] { fill: #a3abb5; } svg [stroke="#6B7078"] { stroke: #a3abb5; }
  svg [fill="#9C7A3C"] { fill: #cfab65; } svg [stroke="#9C7A3C"] { stroke: #cfab65; }
  svg [fill="#4A1F5C"] { fill: #b787d8; } svg [stroke="#4A1F5C"] { stroke: #b787d8; }
  svg [fill="#444B54"] { fill: #b9c0c9; } svg [stroke="#444B54"] { stroke: #b9c0c9; } }
@media print { @page { margin: 13mm; } nav { display: none; } body { font-size: 11px; } main { padding: 0; max-width: none; } section { margin-top: 24px; } h1 { font-size: 21px; margin-bottom: 14px; } h2 { font-size: 15px; } h2, h3, .lead { break-after: avoid; } .lead, .two { break-inside: avoid; } .plot, .scroll, .wide { overflow: visible; } th.num { white-space: normal; } h3 { font-size: 11px; margin: 12px 0 5px; } .bar { height: 20px; } .key, .facts dt, .pair, .word, .group > .size, .extremes, figcaption, table, footer { font-size: 10.5px; } .facts { grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px 16px; margin-top: 16px; } .facts dd { font-size: 12.5px; } .facts small, .extremes small { font-size: 10px; } .tile { width: 34px; height: 34px; border-width: 1.5px; } .pairs { gap: 5px; } .group, .extremes { padding: 6px 0; } .group > .size { flex-basis: 70px; } .group > .size b, .extremes b { font-size: 12px; } .extremes { grid-template-columns: 70px 1fr 1fr; gap: 6px 12px; } .two { gap: 16px; } th, td { padding: 3px 10px 3px 0; } .settings div { font-size: 10px; padding: 2px 0; } .mono { font-size: 9px; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"##;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_text_cannot_become_markup() {
        assert_eq!(escape("<b a='1'>&\"\u{0}"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;\u{fffd}");
        assert_eq!(shorten("a\n b  cdé f", 6), "a b cd…");
        assert_eq!(shorten("abc", 3), "abc");
    }

    #[test]
    fn every_section_has_an_address() {
        let html = page("t", &(section("One", "", "a") + &section("Two <b>", "", "b")));
        for part in ["<a href=\"#part-0\">One</a>", "<section id=\"part-1\">\n<h2>Two &lt;b&gt;</h2>"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!page("t", "words").contains("<nav"));
    }

    #[test]
    fn fact_is_one_line_whatever_it_lacks() {
        let fact = Fact { about: "kept".into(), value: "5".into(), detail: "of 9".into() };
        assert_eq!(fact.to_string(), "kept             5; of 9");
        assert_eq!(Fact::words("kept", "all").to_string(), "kept             all");
        assert!(fact_list(&[Fact::words("a<b", "x")]).contains("<dt>a&lt;b</dt><dd><small>x</small></dd>"));
    }

    #[test]
    fn files_name_every_setting() {
        let configuration = serde_json::json!({
            "keep": 0.5, "only": null, "input": {"file": "x", "rows": 3}, "tau": [0.1, "b"],
            "inputs": [{"file": "y"}, {"file": "z"}],
        });
        let html = file_list(&BTreeMap::new(), &configuration, "Promised.");
        for (name, value) in [
            ("keep", "0.5"),
            ("input file", "x"),
            ("input rows", "3"),
            ("tau", "0.1, b"),
            ("inputs 1 file", "y"),
            ("inputs 2 file", "z"),
        ] {
            assert!(
                html.contains(&format!("<dt>{name}</dt><dd class=\"mono\">{value}</dd>")),
                "{name}: {html}"
            );
        }
        assert!(!html.contains("only") && html.contains("<footer>Promised. Times"));
    }
}
