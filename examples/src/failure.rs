//! How a program ends when it cannot do what was asked: one line, and an exit code.
//!
//! | code | meaning |
//! |---|---|
//! | 1 | bad data, or the system refused to read or write |
//! | 2 | bad usage: flags that do not fit together, or impossible values |
//! | 130 | stopped by the user; the state is saved, or nothing is written |

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::console;

/// Result of everything a program does.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why a program stops, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Flags or values that cannot be served.
    Usage(String),
    /// Data or files that cannot be used.
    Data(String),
    /// The user asked to stop.
    Cancelled(String),
}

impl Failure {
    /// Bad usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// Bad data in `path`: the message says what is wrong with it.
    pub fn data(path: &Path, message: impl fmt::Display) -> Self {
        Self::Data(format!("{}: {message}", path.display()))
    }

    /// The system's answer to reading or writing `path`; `action` as in "cannot be `read`".
    pub fn io(path: &Path, action: &str, error: &std::io::Error) -> Self {
        Self::Data(format!("{}: cannot be {action}: {error}", path.display()))
    }

    /// The same with `words` in brackets behind, where `yes`.
    pub fn also(self, yes: bool, words: impl FnOnce() -> String) -> Self {
        match self {
            Self::Data(text) if yes => Self::Data(format!("{text} ({})", words())),
            other => other,
        }
    }

    /// The user asked to stop, and there is nothing to continue from.
    pub fn stopped() -> Self {
        Self::Cancelled("stopped; nothing was written".into())
    }

    /// What the library reported while it worked on `path`.
    pub fn library(path: &Path, error: &pauca::Error) -> Self {
        let text = chain(error);
        match error {
            pauca::Error::Cancelled => Self::stopped(),
            pauca::Error::InvalidParameter { .. }
            | pauca::Error::Conflict { .. }
            | pauca::Error::TooManyClusters { .. }
            | pauca::Error::SimdLevel { .. } => Self::Usage(text),
            _ => Self::Data(format!("{}: {text}", path.display())),
        }
    }

    /// The one line about it of the program `name`: nothing in it that a terminal would obey, and no more of
    /// a foreign text than a person can use. The command that continues a stopped run is given in full.
    pub fn line(&self, name: &str) -> String {
        let text = format!("{name}: {self}");
        let text = console::visible(&text);
        match self {
            Self::Cancelled(_) => text.into_owned(),
            _ => console::clipped(&text, console::LONGEST).into_owned(),
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Data(_) => 1,
            Self::Usage(_) => 2,
            Self::Cancelled(_) => 130,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text) | Self::Data(text) | Self::Cancelled(text)) = self;
        // One line, whatever a nested message holds.
        for (i, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// What clap says is wrong with the arguments, without the usage that follows: one line. Of its tips those
/// stay that name another flag or value.
pub fn usage_of(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let text = text.split("\nUsage:").next().unwrap_or(&text);
    let text = text.replace("For more information, try '--help'.", "");
    let parts =
        text.trim_start_matches("error: ").split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let useful = parts.filter(|part| !part.starts_with("tip: to pass"));
    Failure::usage(useful.collect::<Vec<_>>().join("; "))
}

/// An error and what caused it, joined by ": ".
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_library_names_file_and_causes() {
        let error = pauca::Error::Source("shard 3: gone".into());
        let failure = Failure::library(Path::new("x.npy"), &error);
        assert_eq!(failure.to_string(), "x.npy: row source failed: shard 3: gone");
    }

    #[test]
    fn failure_message_is_one_line() {
        assert_eq!(Failure::usage("a\n\n  b\n").to_string(), "a b");
        let line = Failure::usage(format!("{}\x1b[2J", "x".repeat(1 << 20))).line("p");
        assert_eq!((line.chars().count(), line.ends_with("x\\u{1b}[2J")), (300, true));
    }
}
