//! `COVERAGE.md` says for every public function of the Rust library which C function reaches it, or when. This test holds
//! `coverage.map` against the source of the library and against the header, and the table against both.
//! `PAUCA_WRITE_COVERAGE=1 cargo test -p pauca-c --test coverage` writes it anew.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it saw and skipped")]

#[path = "tools/mod.rs"]
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tools::root;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("source").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            into.push(path);
        }
    }
}

/// The first identifier of a text.
fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty()).unwrap_or("")
}

/// The type that an `impl` is of, without its trait; none for a trait's.
fn owner(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.char_indices().find(|(i, c)| {
            depth += i32::from(*c == '<') - i32::from(*c == '>' && !rest[..*i].ends_with('-'));
            depth == 0
        })?;
        rest = &rest[end.0 + 1..];
    }
    let kind = rest.split(['{', '<']).next()?.split(" where").next()?.trim();
    (!rest.contains(" for ")).then(|| word(kind.rsplit("::").next().unwrap_or("")).to_string())
}

/// The code with what its macros write: setters as functions of their `impl`, and the `impl` inside a macro where it
/// would stand.
fn written(code: &str) -> String {
    let (mut out, mut setters, mut inside) = (String::new(), false, false);
    for line in code.lines() {
        (setters, inside) = match line {
            "    setters! {" => (true, inside),
            "    }" => (false, inside),
            "}" => (setters, false),
            _ => (setters, inside || line.starts_with("macro_rules! ")),
        };
        let setter =
            line.strip_prefix("        ").filter(|rest| setters && rest.starts_with(char::is_lowercase));
        match setter.or(line.strip_prefix("        ").filter(|_| inside)) {
            Some(rest) if setter.is_some() => out += &format!("    pub fn {}(", word(rest)),
            Some(rest) => out += rest,
            None => out += line,
        }
        out.push('\n');
    }
    out
}

/// What a macro is called with, without documentation.
fn calls(text: &str, macro_name: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.fold(String::new(), |all, line| all + line + "\n");
    let calls = code.split(macro_name).skip(1).filter_map(|call| call.split([';', '}']).next());
    calls.map(String::from).collect()
}

/// One public function: its room, and its name with that of its type.
type Function = (String, String);

/// All public functions and methods of the library, found by lines: rustfmt keeps them where they are looked for.
fn functions(core: &Path) -> BTreeSet<Function> {
    let mut paths = Vec::new();
    sources(core, &mut paths);
    let texts: Vec<(PathBuf, String)> = paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("source");
            let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or("");
            (path.strip_prefix(core).expect("inside").to_path_buf(), written(code))
        })
        .collect();
    // What is exported by name, and the modules whose items are reached by their own path.
    let (mut exported, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in &texts {
        for statement in text.split("\npub use ").skip(1) {
            let names = statement.split(';').next().unwrap_or("");
            for name in names.split(|c: char| !c.is_alphanumeric() && c != '_') {
                exported.insert(name.to_string());
            }
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let here = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let folder = if ["mod", "lib"].contains(&name.as_str()) { here } else { here.join(name) };
        for line in text.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
            open.insert(folder.join(line.trim_end_matches(';')));
        }
    }
    let mut found = BTreeSet::new();
    for (path, text) in &texts {
        let room = path.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned());
        let room = room.unwrap_or_default();
        let module = path.with_extension("");
        let module =
            if module.ends_with("mod") { module.parent().unwrap_or(Path::new("")).into() } else { module };
        let is_open = open.contains(&module);
        let is_type = |name: &str| {
            let kinds = ["pub struct ", "pub enum ", "pub trait "];
            text.lines()
                .any(|line| kinds.iter().any(|k| line.strip_prefix(k).is_some_and(|l| word(l) == name)))
        };
        let (mut of, mut is_trait) = (None, false);
        for line in text.lines() {
            if line.starts_with("impl") {
                (of, is_trait) = (owner(line), false);
            } else if let Some(rest) = line.strip_prefix("pub trait ") {
                (of, is_trait) = (Some(word(rest).to_string()), true);
            } else if line.starts_with('}') {
                of = None;
            }
            let (indent, rest) = match line.strip_prefix("    ") {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let of_trait = is_trait && indent && rest.starts_with("fn ");
            let rest = if of_trait { Some(rest) } else { rest.strip_prefix("pub ") };
            let Some(rest) = rest else { continue };
            let rest =
                ["const ", "unsafe "].iter().fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
            let Some(name) = rest.strip_prefix("fn ").map(word) else { continue };
            match (&of, indent) {
                (Some(of), true) if exported.contains(of) || (is_open && is_type(of)) => {
                    found.insert((room.clone(), format!("{of}::{name}")));
                }
                (None, false) if exported.contains(name) || is_open => {
                    found.insert((room.clone(), name.to_string()));
                }
                _ => {}
            }
        }
        // What macros write of a type.
        for call in calls(text, "to_and_from_bytes!") {
            let of = call.split_once(']').map_or("", |(_, rest)| word(rest));
            for name in ["to_bytes", "from_bytes"] {
                found.insert((room.clone(), format!("{of}::{name}")));
            }
        }
        for call in calls(text, "choices!").iter().filter(|call| call.contains('"')) {
            found.insert((room.clone(), format!("{}::name", word(call))));
        }
    }
    found
}

/// Whether a pattern with `*` fits a text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| fits(tail, &rest[i..]))
        }),
    }
}

struct Map {
    rules: Vec<(String, String)>,
}

impl Map {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join("coverage.map")).expect("coverage.map");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rule = |line: &str| {
            let (pattern, what) = line.split_once(" = ").unwrap_or_else(|| panic!("no rule: {line}"));
            (pattern.to_string(), what.to_string())
        };
        Self { rules: lines.map(rule).collect() }
    }

    fn of(&self, function: &Function) -> Option<(usize, &str)> {
        let full = format!("{}::{}", function.0, function.1);
        let at = self.rules.iter().position(|(pattern, _)| fits(pattern, &full))?;
        Some((at, &self.rules[at].1))
    }
}

fn is_note(what: &str) -> bool {
    ["later: ", "not: ", "in C: "].iter().any(|note| what.starts_with(note))
}

/// Every name of C in a rule is a function of the header, or a field of one of its structs.
fn check_names(map: &Map, header: &str) {
    let field = |of: &str, name: &str| {
        let begin = header.split(&format!("typedef struct {of} {{")).nth(1);
        let body = begin.and_then(|rest| rest.split(&format!("}} {of};")).next()).unwrap_or("");
        body.lines().any(|line| {
            !line.trim_start().starts_with("//")
                && (line.contains(&format!(" {name};"))
                    || line.contains(&format!("*{name};"))
                    || line.contains(&format!("(*{name})(")))
        })
    };
    for (pattern, what) in &map.rules {
        for name in what.split(' ').filter(|_| !is_note(what)) {
            let there = match name.split_once('.') {
                Some((of, name)) => field(of, name),
                None => header.contains(&format!("{name}(")),
            };
            assert!(there, "{pattern}: the header has no {name}");
        }
    }
}

#[test]
fn every_public_function_has_its_place() {
    let Some(core) = root().parent().map(|root| root.join("core/src")).filter(|core| core.exists()) else {
        eprintln!("SKIPPED: the library is not beside this crate");
        return;
    };
    let (map, header) =
        (Map::read(), std::fs::read_to_string(root().join("include/pauca.h")).expect("header"));
    check_names(&map, &header);
    let all = functions(&core);
    assert!(all.len() > 500, "{} functions: the source is not read rightly", all.len());
    let without: Vec<_> = all.iter().filter(|function| map.of(function).is_none()).collect();
    assert!(without.is_empty(), "no rule in coverage.map: {without:#?}");
    let used: BTreeSet<usize> =
        all.iter().filter_map(|function| map.of(function)).map(|(at, _)| at).collect();
    let idle: Vec<_> =
        (0..map.rules.len()).filter(|at| !used.contains(at)).map(|at| &map.rules[at].0).collect();
    assert!(idle.is_empty(), "rules of coverage.map for nothing: {idle:?}");
    // The other way: what the header has is reached from somewhere, or is the ABI's own.
    let own = [
        "pauca_abi_version",
        "pauca_abi_check",
        "pauca_version_string",
        "pauca_build_info",
        "pauca_arrow_stream",
        // Devices are a crate of their own.
        "pauca_device_count",
        "pauca_context_backend",
    ];
    let listed = std::fs::read_to_string(root().join("symbols.txt")).expect("symbols.txt");
    for name in listed.lines().filter(|name| !own.contains(name)) {
        let told = map.rules.iter().any(|(_, what)| what.split(' ').any(|word| word == name));
        assert!(told, "{name} is in the library and not in coverage.map");
    }
    let new = table(&map, &all, listed.lines().count());
    let path = root().join("COVERAGE.md");
    if std::env::var_os("PAUCA_WRITE_COVERAGE").is_some() {
        std::fs::write(&path, &new).expect("the table is written");
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(old == new, "COVERAGE.md is old: PAUCA_WRITE_COVERAGE=1 cargo test -p pauca-c --test coverage");
    println!("{}", new.lines().nth(6).unwrap_or(""));
}

/// The table as Markdown: a line for each function that C reaches, one for each room that comes later.
fn table(map: &Map, all: &BTreeSet<Function>, symbols: usize) -> String {
    let mut later: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut reached, mut by_hand, mut never) = (0, 0, 0);
    let mut rows = String::new();
    for function in all {
        let what = map.of(function).map_or("", |(_, what)| what);
        if let Some(when) = what.strip_prefix("later: ") {
            *later.entry((&function.0, when)).or_default() += 1;
            continue;
        }
        match what {
            _ if what.starts_with("not: ") => never += 1,
            _ if what.starts_with("in C: ") => by_hand += 1,
            _ => reached += 1,
        }
        let what = match is_note(what) {
            true => what.to_string(),
            false => what.split(' ').map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" "),
        };
        let _ = writeln!(rows, "| {} | `{}` | {what} |", function.0.trim_end_matches(".rs"), function.1);
    }
    let coming: usize = later.values().sum();
    let mut out = String::new();
    out.push_str("# What C reaches\n\n");
    out.push_str(
        "Every public function of the Rust library, and the C function that reaches it, or when one will.\n",
    );
    out.push_str("Made of [coverage.map](coverage.map) and of the source by a test (`--test coverage`), which fails when a\n");
    out.push_str("public function has no place.\n\n");
    let _ = writeln!(
        out,
        "{} public functions: {reached} reached from C, {by_hand} in C by other means, {never} of no use to C, {coming} to come. {symbols} exported symbols.\n",
        all.len()
    );
    out.push_str("## To come\n\n| room | when | functions |\n|---|---|---|\n");
    for ((room, when), count) in later {
        let _ = writeln!(out, "| {} | {when} | {count} |", room.trim_end_matches(".rs"));
    }
    out.push_str("\n## Here\n\n| room | in Rust | in C |\n|---|---|---|\n");
    out.push_str(&rows);
    out
}
