//! The one place that writes to a terminal or a pipe.
//!
//! What is said here (progress, facts, the line of a failure) is dropped where it cannot be written: a
//! reader that goes away, a full disk or a closed terminal never ends a run. What may come from a file
//! is shown with its control characters escaped, so that no name moves the cursor.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// The most characters of the line of a failure.
pub const LONGEST: usize = 300;

/// Says `text` on stderr, if anybody hears it.
pub fn say(text: &str) {
    let line = format!("{}\n", visible(text));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Says `text` on stderr; a terminal shows no word of it broken, and further lines indented by `indent`.
pub fn say_wrapped(text: &str, indent: usize) {
    match terminal_size::terminal_size_of(io::stderr()) {
        Some((width, _)) => say(&wrapped(text, usize::from(width.0), indent)),
        None => say(text),
    }
}

/// `text` in lines of at most `width` characters where its words allow.
fn wrapped(text: &str, width: usize, indent: usize) -> String {
    // Half of a narrow window is for the words.
    let indent = indent.min(width / 4);
    let (mut lines, mut used) = (String::new(), 0);
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if used > indent && used + length > width {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = indent;
        }
        lines.push_str(word);
        used += word.chars().count();
    }
    lines
}

/// Writes `text` to stdout, if anybody reads it.
///
/// # Errors
/// The system's; a reader that went away has read enough.
pub fn result(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(format!("{}\n", visible(text)).as_bytes()).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// `text` with all characters escaped that are not shown, but for line feeds.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// At most `most` characters of `text`: the middle goes, since the ends say where and what.
pub fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(count - (most - most / 2 - 1)).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

thread_local! {
    /// Whether a panic of this thread is caught and told by its caller.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives; `None` where it panics, of which nothing is said: for decoders of foreign code on
/// files of unknown origin.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_without_control_characters() {
        assert_eq!(visible("a\tb\n"), "a\\tb\n");
        assert_eq!(visible("\x1b[31mé\0\u{202e}"), "\\u{1b}[31mé\\u{0}\\u{202e}");
        assert!(matches!(visible("plain é"), Cow::Borrowed(_)));
        assert_eq!(clipped("abcdefghij", 10), "abcdefghij");
        assert_eq!(clipped("abcdefghijk", 6), "abc…jk");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("kept    5 of 9 rows", 40, 8), "kept    5 of 9 rows");
        assert_eq!(wrapped("kept    5 of 9 rows; and more", 20, 8), "kept    5 of 9 rows;\n     and more");
        assert_eq!(wrapped("open /a/very/long/path here", 8, 5), "open\n  /a/very/long/path\n  here");
        assert_eq!(wrapped("", 0, 5), "");
    }

    #[test]
    fn a_panic_is_caught_in_silence() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { panic!("not shown") }), None);
    }
}
