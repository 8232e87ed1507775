//! What is heard of a run while it goes: a bar on a terminal, JSON lines for machines, or one
//! line per stage in a log. All of it goes to stderr.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::console;

/// The stage in which duplicates are looked for, and the one in which what they leave is seeded.
pub const DEDUPLICATE: &str = "deduplicate";
const SEED_AGAIN: &str = "seed again";

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// A bar on a terminal, else one line per stage
    Auto,
    /// One JSON object per line
    Json,
    /// No progress
    None,
}

/// At least this long passes between two JSON lines of the same step.
const JSON_EVERY: Duration = Duration::from_millis(250);
/// At least this long passes between two looks at the memory in use.
const MEMORY_EVERY: Duration = Duration::from_millis(100);
const BAR_UNITS: u64 = 1000;

/// Shows the progress of one run and remembers how long each stage took.
pub struct Reporter {
    style: Style,
    bar: Option<ProgressBar>,
    begun: Instant,
    stage: RefCell<Stage>,
    seconds: RefCell<Vec<(String, f64)>>,
    last_line: Cell<Option<Instant>>,
    last_memory: Cell<Option<Instant>>,
    peak_memory: Cell<u64>,
    /// The inertia of the last finished iteration of a clustering.
    inertia: Cell<Option<f64>>,
}

struct Stage {
    name: String,
    begun: Instant,
    rows: u64,
    steps: u64,
    most_steps: u64,
    step_begun: Instant,
    note: String,
}

impl Reporter {
    /// A reporter in the given style.
    pub fn new(style: Style) -> Self {
        let bar = (style == Style::Auto && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(BAR_UNITS), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{prefix:<12} {bar:28} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar
        });
        // A terminal that cannot redraw a line (TERM=dumb) gets a line per stage.
        let bar = bar.filter(|bar| !bar.is_hidden());
        let now = Instant::now();
        let stage = Stage {
            name: String::new(),
            begun: now,
            rows: 0,
            steps: 0,
            most_steps: 0,
            step_begun: now,
            note: String::new(),
        };
        Self {
            style,
            bar,
            begun: now,
            stage: RefCell::new(stage),
            seconds: RefCell::default(),
            last_line: Cell::new(None),
            last_memory: Cell::new(None),
            peak_memory: Cell::new(0),
            inertia: Cell::new(None),
        }
    }

    /// Begins a stage over `rows` rows with at most `most_steps` steps (0: not stepwise).
    pub fn stage(&self, name: &str, rows: u64, most_steps: u64) {
        self.end_stage();
        let now = Instant::now();
        *self.stage.borrow_mut() = Stage {
            name: name.to_string(),
            begun: now,
            rows,
            steps: 0,
            most_steps,
            step_begun: now,
            note: String::new(),
        };
        if let Some(bar) = &self.bar {
            bar.set_prefix(name.to_string());
            bar.set_position(0);
            bar.set_message("");
        }
        if self.style == Style::Json {
            self.json(json!({"event": "stage", "stage": name, "rows": rows, "most_steps": most_steps}));
        }
    }

    /// Name of the current stage.
    pub fn stage_name(&self) -> String {
        self.stage.borrow().name.clone()
    }

    fn end_stage(&self) {
        let stage = self.stage.borrow();
        if stage.name.is_empty() {
            return;
        }
        let seconds = stage.begun.elapsed().as_secs_f64();
        let mut all = self.seconds.borrow_mut();
        match all.iter_mut().find(|(name, _)| *name == stage.name) {
            Some((_, sum)) => *sum += seconds,
            None => all.push((stage.name.clone(), seconds)),
        }
        if self.style == Style::Auto && self.bar.is_none() {
            let steps = if stage.most_steps > 0 {
                format!(", {}", counted(stage.steps, "iteration"))
            } else {
                String::new()
            };
            console::say(&format!("{:<12} {seconds:8.2} s{steps}{}", stage.name, stage.note));
        }
    }

    /// What the library says while it works; called often.
    pub fn library(&self, progress: &pauca::Progress) {
        self.look_at_memory();
        // D4 seeds its second clustering in the step that deduplicates, and may be longest at it.
        if progress.stage == pauca::Stage::Seed && self.stage_name() == DEDUPLICATE {
            let rows = self.stage.borrow().rows;
            self.stage(SEED_AGAIN, rows, 0);
        }
        if let Some(iteration) = progress.iteration {
            self.inertia.set(Some(iteration.objective));
        }
        let share = progress.done as f64 / progress.total.max(1) as f64;
        let stage = self.stage.borrow();
        if let Some(bar) = &self.bar {
            let whole = match stage.most_steps {
                0 => share,
                most => (stage.steps as f64 + share.min(0.999)) / most as f64,
            };
            bar.set_position((whole.min(1.0) * BAR_UNITS as f64) as u64);
            bar.set_message(stage.message(Some((progress.stage.name(), share))));
        }
        if self.style == Style::Json && self.last_line.get().is_none_or(|t| t.elapsed() > JSON_EVERY) {
            self.json(json!({
                "event": "progress", "stage": stage.name, "step": stage.steps,
                "doing": progress.stage.name(), "done": progress.done, "total": progress.total,
            }));
        }
    }

    /// Of what the current stage is `doing`, `done` of `total` is done; called often.
    pub fn share(&self, doing: &str, done: u64, total: u64) {
        self.look_at_memory();
        let share = done as f64 / total.max(1) as f64;
        let stage = self.stage.borrow();
        if let Some(bar) = &self.bar {
            bar.set_position((share.min(1.0) * BAR_UNITS as f64) as u64);
            bar.set_message(stage.message(Some((doing, share))));
        }
        if self.style == Style::Json && self.last_line.get().is_none_or(|t| t.elapsed() > JSON_EVERY) {
            self.json(json!({
                "event": "progress", "stage": stage.name, "step": stage.steps, "doing": doing, "done": done, "total": total,
            }));
        }
    }

    /// A step of the current stage is done; `moved` rows changed their cluster in it.
    pub fn step(&self, steps: u64, moved: u64) {
        let mut stage = self.stage.borrow_mut();
        let rate = stage.rows as f64 / stage.step_begun.elapsed().as_secs_f64().max(1e-9);
        stage.steps = steps;
        stage.step_begun = Instant::now();
        let moved = moved as f64 / stage.rows.max(1) as f64;
        let inertia = self.inertia.take();
        stage.note = format!(", {} of rows moved, {} rows/s", percent(moved), si(rate));
        if let Some(inertia) = inertia {
            stage.note.push_str(&format!(", inertia {inertia:.4}"));
        }
        if let Some(bar) = &self.bar {
            bar.set_message(stage.message(None));
        }
        if self.style == Style::Json {
            self.json(json!({
                "event": "step", "stage": stage.name, "step": steps, "most_steps": stage.most_steps,
                "moved": moved, "inertia": inertia, "rows_per_second": rate, "eta_seconds_at_most": stage.eta(),
            }));
        }
    }

    /// `steps` of the current stage are done; `note` says how it goes.
    pub fn advance(&self, steps: u64, note: &str) {
        self.look_at_memory();
        let mut stage = self.stage.borrow_mut();
        stage.steps = steps;
        stage.note = note.to_string();
        if let Some(bar) = &self.bar {
            bar.set_position(BAR_UNITS * steps / stage.most_steps.max(1));
            bar.set_message(stage.message(None));
        }
        if self.style == Style::Json && self.last_line.get().is_none_or(|t| t.elapsed() > JSON_EVERY) {
            self.json(json!({
                "event": "step", "stage": stage.name, "step": steps, "most_steps": stage.most_steps,
                "eta_seconds_at_most": stage.eta(),
            }));
        }
    }

    /// A line for the log.
    pub fn note(&self, text: &str) {
        match (self.style, &self.bar) {
            (Style::None, _) => {}
            (Style::Json, _) => self.json(json!({"event": "note", "text": text})),
            (Style::Auto, Some(bar)) => bar.println(console::visible(text)),
            (Style::Auto, None) => console::say(text),
        }
    }

    /// Ends the last stage and the display; returns the seconds of each stage.
    pub fn finish(&self) -> Vec<(String, f64)> {
        self.end_stage();
        self.stage.borrow_mut().name.clear();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.seconds.borrow().clone()
    }

    /// Seconds since the program began.
    pub fn elapsed(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// The most anonymous memory seen, in bytes, where the system tells (Linux).
    pub fn peak_anonymous(&self) -> Option<u64> {
        self.last_memory.set(None);
        self.look_at_memory();
        Some(self.peak_memory.get()).filter(|bytes| *bytes > 0)
    }

    fn json(&self, line: Value) {
        self.last_line.set(Some(Instant::now()));
        console::say(&line.to_string());
    }

    fn look_at_memory(&self) {
        if self.last_memory.get().is_some_and(|t| t.elapsed() < MEMORY_EVERY) {
            return;
        }
        self.last_memory.set(Some(Instant::now()));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib: u64 = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        self.peak_memory.set(self.peak_memory.get().max(kib << 10));
    }
}

impl Stage {
    fn eta(&self) -> Option<f64> {
        let left = self.most_steps.saturating_sub(self.steps);
        (self.steps > 0).then(|| self.begun.elapsed().as_secs_f64() / self.steps as f64 * left as f64)
    }

    fn message(&self, doing: Option<(&str, f64)>) -> String {
        let mut text = match self.most_steps {
            0 => String::new(),
            most => format!("{}/{most}", self.steps),
        };
        text.push_str(&self.note);
        if let Some(eta) = self.eta() {
            text.push_str(&format!(", at most {} left", duration(eta)));
        }
        if let Some((name, share)) = doing {
            text.push_str(&format!("  {name} {:.0} %", 100.0 * share));
        }
        text
    }
}

/// Seconds for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A share for people: one decimal, two below one percent.
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value != 0.0 && value < 1.0 { format!("{value:.2} %") } else { format!("{value:.1} %") }
}

/// A number with a decimal prefix.
pub fn si(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.1}G", v / 1e9),
        v if v >= 1e6 => format!("{:.1}M", v / 1e6),
        v if v >= 1e4 => format!("{:.0}k", v / 1e3),
        v => format!("{v:.0}"),
    }
}

/// A count with thin groups of three: 12,345.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `noun` alone for one, with an s for more.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!([0, 1, 2000].map(|n| counted(n, "row")), ["0 rows", "1 row", "2,000 rows"]);
        assert_eq!(
            (percent(0.5), percent(0.001), percent(0.0)),
            ("50.0 %".into(), "0.10 %".into(), "0.0 %".into())
        );
        assert_eq!((si(812_345.0), duration(3.21)), ("812k".into(), "3.2 s".into()));
    }
}
