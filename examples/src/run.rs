//! A run of a program, from its arguments to a finished folder: all that the programs do around their own work.
//!
//! | call | what happens |
//! |---|---|
//! | [`program`] | arguments, `--help`, the one line of a failure, the exit code |
//! | [`Run::begin`] | Ctrl-C is caught, progress is shown, threads stand ready |
//! | [`Run::open`], [`Run::resume`] | the output folder, if this run may write there: nobody's results are replaced unasked |
//! | [`Run::work`] | the library's context: threads, progress, Ctrl-C |
//! | [`Run::finish`] | `report.json`, then all files in place |
//! | [`Run::say`] | the last lines: facts for a person, or one JSON object |

use std::cell::{Cell, RefCell};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::parser::ValueSource;
use clap::{CommandFactory, Parser};
use pauca::{Context, Control, Exec};
use serde_json::{Map, Value, json};

use crate::checkpoint;
use crate::console;
use crate::failure::{Failure, Result, chain, usage_of};
use crate::flags::{CHANGE_NOTHING, Running};
use crate::input::file_name;
use crate::interrupt;
use crate::output::{OutDir, REPORT};
use crate::page::Fact;
use crate::progress::{Reporter, Style, duration, si};

/// Runs a program: `run` with the arguments of the process.
pub fn program<A: Parser + CommandFactory>(run: impl FnOnce(A) -> Result<()>) -> ExitCode {
    let mut command = A::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os()).and_then(|matches| {
        COMMAND.get_or_init(|| canonical(&command, &matches));
        A::from_arg_matches(&matches).map_err(|e| e.format(&mut A::command()))
    });
    let ended = match parsed {
        Ok(args) => run(args),
        Err(e) if !e.use_stderr() => {
            // --help and --version: a reader that went away has read enough.
            match e.print() {
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    Err(Failure::io(Path::new("stdout"), "written", &e))
                }
                _ => Ok(()),
            }
        }
        Err(e) => Err(usage_of(&e)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::say(&failure.line(A::command().get_name()));
            failure.exit_code()
        }
    }
}

/// The command of this process, without what changes no result.
static COMMAND: OnceLock<String> = OnceLock::new();

/// The command that gives these results: its flags in one order, files by their names alone. None where no program runs.
pub fn command() -> Option<&'static str> {
    COMMAND.get().map(String::as_str)
}

fn canonical(command: &clap::Command, matches: &clap::ArgMatches) -> String {
    let mut words = vec![command.get_name().to_string()];
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        if CHANGE_NOTHING.contains(&id) || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let mut values: Vec<String> = match matches.try_get_many::<PathBuf>(id) {
            Ok(paths) => paths.into_iter().flatten().map(|path| file_name(path)).collect(),
            Err(_) => {
                let raw = matches.get_raw(id).into_iter().flatten();
                raw.map(|value| value.to_string_lossy().into_owned()).collect()
            }
        };
        if arg.get_value_delimiter().is_some() {
            values = vec![values.join(",")];
        }
        if !arg.get_action().takes_values() {
            values.clear();
        }
        let mut values = values.iter().map(|value| quoted(value));
        match arg.get_long() {
            None => words.extend(values),
            Some(long) if arg.is_require_equals_set() => {
                words.push(format!("--{long}={}", values.next().unwrap_or_default()));
            }
            Some(long) => words.extend([format!("--{long}")].into_iter().chain(values)),
        }
    }
    if let Some((name, inner)) = matches.subcommand()
        && let Some(inner_command) = command.find_subcommand(name)
    {
        words.push(canonical(inner_command, inner));
    }
    words.join(" ")
}

/// `word` as a shell reads one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What the programs do around their own work.
pub struct Run {
    flags: Running,
    names: &'static [&'static str],
    /// Names that depend on the input.
    further: RefCell<Vec<String>>,
    exec: Exec<'static>,
    reporter: Reporter,
    /// Whether the program saves its state.
    resumes: Cell<bool>,
}

/// Where a run that may be resumed starts.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// The run starts from nothing.
    Fresh,
    /// The run goes on from the state of a stopped run.
    From(Vec<u8>),
    /// The folder holds this very run, finished.
    Finished,
}

impl Run {
    /// A run that shall write `names`, or some of them.
    ///
    /// # Errors
    /// [`Failure::Usage`] when the threads cannot be had.
    pub fn begin(flags: &Running, names: &'static [&'static str]) -> Result<Self> {
        interrupt::install();
        let exec = match flags.threads {
            Some(threads) => Exec::threads(threads).map_err(|e| Failure::usage(chain(&e)))?,
            None => Exec::rayon(),
        };
        Ok(Self {
            flags: flags.clone(),
            names,
            further: RefCell::default(),
            exec,
            reporter: Reporter::new(flags.progress),
            resumes: Cell::new(false),
        })
    }

    /// The run may write `names` too.
    pub fn plan(&self, names: impl IntoIterator<Item = String>) {
        self.further.borrow_mut().extend(names);
    }

    /// Who is told how the run goes.
    pub fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Threads at work.
    pub fn threads(&self) -> usize {
        self.exec.width()
    }

    /// The folder for the results, by its flag.
    ///
    /// # Errors
    /// [`Failure::Usage`] when none is named and there is no default, with the reason.
    pub fn folder(&self) -> Result<&Path> {
        let why = || self.flags.no_out.as_deref().unwrap_or("there is no default folder");
        let needed = || Failure::usage(format!("--out DIR is needed: {}", why()));
        self.flags.out.as_deref().ok_or_else(needed)
    }

    /// The output folder, where nothing that this run may write or clear is a file that it reads.
    fn claimed(&self) -> Result<OutDir> {
        let out = OutDir::open(self.folder()?)?;
        let earlier = listed(&out.earlier().unwrap_or_default());
        let further = self.further.borrow();
        let names = self.names.iter().copied().chain([checkpoint::NAME]);
        out.claim(names.chain(further.iter().chain(&earlier).map(String::as_str)))?;
        Ok(out)
    }

    /// The output folder for a run that `configuration` names: by whatever decides the bytes of its outputs.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it holds other results and `--overwrite` is not given; those of [`OutDir::open`].
    pub fn open(&self, configuration: &Value) -> Result<OutDir> {
        let out = self.claimed()?;
        if !self.flags.overwrite {
            if checkpoint::is_in(&out) {
                return Err(Failure::usage(format!(
                    "{} holds a stopped run of another program; --overwrite replaces it; another --out keeps it",
                    out.path().display()
                )));
            }
            self.admit(&out, configuration)?;
        }
        Ok(out)
    }

    /// [`open`](Run::open) for a program that saves its state: also says where the run starts.
    ///
    /// # Errors
    /// The errors of [`Run::open`] and of [`checkpoint::load`]; [`Failure::Usage`] when the folder holds a stopped run and
    /// neither `resume` nor `--overwrite` says what shall become of it.
    pub fn resume(&self, configuration: &Value, resume: bool) -> Result<(OutDir, Start)> {
        self.resumes.set(true);
        let out = self.claimed()?;
        if self.flags.overwrite {
            return Ok((out, Start::Fresh));
        }
        if resume && let Some(state) = checkpoint::load(out.path(), configuration)? {
            out.adopt_state();
            return Ok((out, Start::From(state)));
        }
        if checkpoint::is_in(&out) {
            return Err(Failure::usage(format!(
                "{} holds a stopped run; --resume continues it, --overwrite starts anew; another --out keeps it",
                out.path().display()
            )));
        }
        if out.path().join(checkpoint::NAME).exists() {
            return Err(self.unknown(&out, checkpoint::NAME));
        }
        let finished = self.admit(&out, configuration)?;
        Ok((out, if resume && finished { Start::Finished } else { Start::Fresh }))
    }

    /// Whether `out` holds this very run, finished; an error when it holds anything else that this run would replace.
    fn admit(&self, out: &OutDir, configuration: &Value) -> Result<bool> {
        let dir = out.path();
        match out.earlier() {
            Some(Value::Null) => Err(self.unknown(out, REPORT)),
            Some(there) => match checkpoint::difference(&there["configuration"], configuration) {
                None => Ok(true),
                Some(what) => Err(Failure::usage(format!(
                    "{} holds a finished run of other settings ({what}); --overwrite replaces it; another --out keeps it",
                    dir.display()
                ))),
            },
            None => {
                let further = self.further.borrow();
                let mut names = self.names.iter().copied().chain(further.iter().map(String::as_str));
                match names.find(|name| dir.join(name).exists()) {
                    None => Ok(false),
                    Some(name) => Err(self.unknown(out, name)),
                }
            }
        }
    }

    /// The refusal to write over the file `name`, which no finished run left.
    fn unknown(&self, out: &OutDir, name: &str) -> Failure {
        Failure::usage(format!(
            "{} already exists and is of no finished run; --overwrite replaces it; another --out keeps it",
            out.path().join(name).display()
        ))
    }

    /// Does `work` in a context of these threads that reports progress and stops at Ctrl-C.
    pub fn work<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let report = |progress: &pauca::Progress| self.reporter.library(progress);
        let control = Control::new().stop_when(&interrupt::requested).report_to(&report);
        work(&Context::new(self.exec.clone(), control))
    }

    /// Completes the run: writes `record` as `report.json`, with the digests of all files and, in the one field `run`,
    /// what depends on the machine (`machine` says more of that), and puts the files in place.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when the user asked to stop and nothing or only the saved state is in the folder; those of
    /// [`OutDir::commit`].
    pub fn finish(&self, out: &mut OutDir, mut record: Value, machine: Value) -> Result<()> {
        let digest = |(name, file): (&String, &crate::output::Written)| {
            (name.clone(), json!({"bytes": file.bytes, "sha256": file.sha256}))
        };
        record["outputs"] = out.written().iter().map(digest).collect::<Map<_, _>>().into();
        let stages = self.reporter.finish().into_iter().map(|(name, seconds)| (name, json!(seconds)));
        record["run"] = json!({
            "threads": self.threads(), "seconds": stages.collect::<Map<_, _>>(),
            "total_seconds": self.reporter.elapsed(), "peak_anonymous_bytes": self.reporter.peak_anonymous(),
        });
        for (name, value) in machine.as_object().into_iter().flatten() {
            record["run"][name] = value.clone();
        }
        out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
        if interrupt::requested() {
            match (out.holds_state(), self.resumes.get()) {
                (true, _) => return Err(checkpoint::kept(out)),
                (false, false) => return Err(Failure::stopped()),
                // The finished work is the only state there is.
                (false, true) => {}
            }
        }
        let stale = self.stale(out, &record["format"]);
        out.commit(&stale.iter().map(String::as_str).collect::<Vec<_>>())?;
        if checkpoint::is_in(out) { out.remove(checkpoint::NAME) } else { Ok(()) }
    }

    /// What an earlier run of this program says it wrote. Nothing else is removed: a file that this run does not write anew
    /// may be the user's.
    fn stale(&self, out: &OutDir, format: &Value) -> Vec<String> {
        listed(&out.earlier().filter(|there| there["format"] == *format).unwrap_or_default())
    }

    /// Says that the folder holds this very run, finished: there is nothing to do.
    ///
    /// # Errors
    /// [`Failure::Usage`] without a folder.
    pub fn finished(&self) -> Result<()> {
        self.reporter.finish();
        self.reporter.note(&format!("{} holds this very run, finished", self.folder()?.display()));
        Ok(())
    }

    /// The last lines of a finished run: `facts` for a person on stderr, or `done` as one JSON object on stdout.
    pub fn say(&self, out: &OutDir, done: Value, facts: &[Fact]) {
        let (place, seconds) = (out.path(), self.reporter.elapsed());
        match self.flags.progress {
            _ if self.flags.quiet => {}
            Style::Json => {
                let mut line = json!({"event": "done"});
                for (name, value) in done.as_object().into_iter().flatten() {
                    line[name] = value.clone();
                }
                line["seconds"] = json!(seconds);
                line["out"] = json!(place.display().to_string());
                // The results are in their files; a line that nobody reads is no failure.
                let _ = console::result(&line.to_string());
            }
            Style::Auto | Style::None => {
                for fact in facts {
                    console::say_wrapped(&fact.to_string(), Fact::COLUMN);
                }
                let bytes: u64 = out.written().values().map(|file| file.bytes).sum();
                let memory = self.reporter.peak_anonymous();
                let memory =
                    memory.map_or(String::new(), |bytes| format!(", {}B of memory", si(bytes as f64)));
                let open = Fact {
                    about: "open".into(),
                    value: place.join("report.html").display().to_string(),
                    detail: format!(
                        "{} files, {}B, in {}{memory}",
                        out.written().len(),
                        si(bytes as f64),
                        duration(seconds)
                    ),
                };
                console::say_wrapped(&open.to_string(), Fact::COLUMN);
            }
        }
    }
}

/// The files that a report lists as its run's.
fn listed(report: &Value) -> Vec<String> {
    let names = report["outputs"].as_object().into_iter().flat_map(Map::keys).cloned();
    // A name that leads out of the folder is not one of ours.
    let ours = |name: &String| {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(part) if !part.as_encoded_bytes().starts_with(b"."));
        !name.contains('\\') && Path::new(name).components().all(plain)
    };
    names.filter(ours).collect()
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn run(dir: &Path, overwrite: bool) -> Run {
        let out = Some(dir.to_path_buf());
        let flags =
            Running { out, no_out: None, threads: Some(1), overwrite, progress: Style::None, quiet: true };
        Run::begin(&flags, &["a.csv", "b.svg", REPORT]).unwrap()
    }

    fn refusal<T>(result: Result<T>) -> String {
        match result {
            Err(failure @ Failure::Usage(_)) => failure.to_string(),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("admitted"),
        }
    }

    #[test]
    fn run_replaces_nothing_unasked() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let [one, two] = [json!({"keep": 0.5}), json!({"keep": 0.6})];
        std::fs::write(dir.join("a.csv"), "mine").unwrap();
        let text = refusal(run(dir, false).open(&one));
        assert!(text.contains("a.csv already exists and is of no finished run"), "{text}");
        assert!(text.ends_with("; --overwrite replaces it; another --out keeps it"), "{text}");
        std::fs::write(dir.join(checkpoint::NAME), "no state").unwrap();
        let first = run(dir, true);
        let mut out = first.open(&one).unwrap();
        out.text("b.svg", "<svg/>").unwrap();
        first
            .finish(&mut out, json!({"format": "f", "configuration": one}), json!({"simd": "none"}))
            .unwrap();
        drop(out);
        for (name, text) in [("a.csv", "mine"), (checkpoint::NAME, "no state")] {
            assert_eq!(
                std::fs::read_to_string(dir.join(name)).unwrap(),
                text,
                "not written anew, so not touched"
            );
        }
        std::fs::remove_file(dir.join(checkpoint::NAME)).unwrap();
        let report: Value = serde_json::from_slice(&std::fs::read(dir.join(REPORT)).unwrap()).unwrap();
        assert_eq!((&report["run"]["threads"], &report["run"]["simd"]), (&json!(1), &json!("none")));
        assert_eq!(report["outputs"]["b.svg"]["bytes"], 6);
        // The same again, another one not.
        drop(run(dir, false).open(&one).unwrap());
        let text = refusal(run(dir, false).open(&two));
        assert!(text.contains("(keep is 0.5 there and 0.6 here); --overwrite replaces it"), "{text}");
        assert!(text.ends_with("; another --out keeps it"), "{text}");
        drop(run(dir, true).open(&two).unwrap());
        assert_eq!(run(dir, false).resume(&one, true).unwrap().1, Start::Finished);
        assert_eq!(run(dir, false).resume(&one, false).unwrap().1, Start::Fresh);
    }

    #[test]
    fn run_resumes_only_when_told_and_only_itself() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let [one, two] = [json!({"keep": 0.5}), json!({"keep": 0.6})];
        let (out, start) = run(dir, false).resume(&one, true).unwrap();
        assert_eq!(start, Start::Fresh);
        checkpoint::save(&out, &one, b"state").unwrap();
        drop(out);
        let text = refusal(run(dir, false).resume(&one, false));
        assert!(
            text.contains("holds a stopped run; --resume continues it, --overwrite starts anew"),
            "{text}"
        );
        assert!(text.ends_with("; another --out keeps it"), "{text}");
        let text = refusal(run(dir, false).resume(&two, true));
        assert!(text.contains("keep is 0.5 there and 0.6 here"), "{text}");
        assert_eq!(run(dir, false).resume(&one, true).unwrap().1, Start::From(b"state".to_vec()));
        let text = refusal(run(dir, false).open(&one));
        assert!(text.contains("holds a stopped run of another program"), "{text}");
        assert!(text.ends_with("; another --out keeps it"), "{text}");
        let anew = run(dir, true);
        let (mut out, start) = anew.resume(&two, false).unwrap();
        assert_eq!(start, Start::Fresh, "--overwrite starts anew");
        assert!(!out.holds_state() && checkpoint::is_in(&out), "nothing is lost before the run is complete");
        out.text("a.csv", "1").unwrap();
        anew.finish(&mut out, json!({"format": "f", "configuration": two}), Value::Null).unwrap();
        assert!(!checkpoint::is_in(&out));
    }

    #[test]
    fn run_removes_only_what_an_earlier_run_lists() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let one = json!({"keep": 0.5});
        for (round, name) in ["b.svg", "a.csv"].into_iter().enumerate() {
            let run = run(dir, round > 0);
            let mut out = run.open(&one).unwrap();
            out.text(name, "1").unwrap();
            run.finish(&mut out, json!({"format": "f", "configuration": one}), Value::Null).unwrap();
        }
        assert!(!dir.join("b.svg").exists(), "of the first run, and not of the second");
        std::fs::write(dir.join(REPORT), "[1]").unwrap();
        let text = refusal(run(dir, false).open(&one));
        assert!(text.contains("report.json already exists and is of no finished run"), "{text}");
        std::fs::remove_file(dir.join(REPORT)).unwrap();
        std::fs::remove_file(dir.join("a.csv")).unwrap();
        std::fs::write(dir.join(checkpoint::NAME), "no state").unwrap();
        let text = refusal(run(dir, false).resume(&one, false));
        assert!(text.contains("checkpoint.bin already exists and is of no finished run"), "{text}");
        drop(run(dir, false).open(&one).unwrap()); // a program that saves no state leaves it alone
    }

    #[test]
    fn command_names_what_decides_the_result() {
        #[derive(Parser)]
        #[command(name = "p")]
        struct Args {
            input: Vec<PathBuf>,
            #[arg(long, value_delimiter = ',')]
            list: Vec<u8>,
            #[arg(long)]
            flag: bool,
            #[arg(long, default_value_t = 1)]
            left: u8,
            #[arg(long, num_args = 0..=1, require_equals = true)]
            equal: Option<String>,
            #[command(flatten)]
            running: Running,
        }
        let words = [
            "p",
            "--flag",
            "--threads",
            "2",
            "a/b c.npy",
            "--list",
            "1,2",
            "--equal=it's",
            "d.npy",
            "--out",
            "o",
        ];
        let matches = Args::command().get_matches_from(words);
        let text = canonical(&Args::command(), &matches);
        assert_eq!(text, "p 'b c.npy' d.npy --list 1,2 --flag --equal='it'\\''s'");
        let args = Args::from_arg_matches(&matches).unwrap();
        assert!(args.flag && args.left == 1 && args.list == [1, 2] && args.input.len() == 2);
        assert!(args.equal.is_some() && !args.running.quiet);
    }

    #[test]
    fn run_without_a_folder_says_so() {
        for (no_out, why) in [(None, "there is no default folder"), (Some("because".into()), "because")] {
            let (out, threads, overwrite, progress, quiet) = (None, None, false, Style::None, true);
            let flags = Running { out, no_out, threads, overwrite, progress, quiet };
            let text = refusal(Run::begin(&flags, &[]).unwrap().open(&Value::Null));
            assert_eq!(text, format!("--out DIR is needed: {why}"));
        }
    }
}
