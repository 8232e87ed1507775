//! Programs of C against the library: every entry point with wrong arguments, rows through every door, runs, forks, an
//! earlier header; and the symbols of the library.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it saw and skipped")]

#[path = "tools/mod.rs"]
mod tools;

use std::process::Command;

use tools::{compile, folder, has, installed_names, libraries, must, root, text};

/// Compiles a program of `tests/c` and returns what it printed.
fn program(name: &str, more: &[&str], arguments: &[&str]) -> String {
    if !has("cc", "programs of C are not built") {
        return String::new();
    }
    let folder = folder(&format!("program-{name}"));
    let libraries = installed_names(&folder);
    let path = folder.join(name);
    compile(&root().join(format!("tests/c/{name}.c")), &path, &libraries, more);
    let output = Command::new(&path).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{name}: {}\n{}", output.status, text(&output));
    assert!(output.stderr.is_empty(), "{name} printed on stderr: {}", text(&output));
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    println!("{out}");
    out
}

/// Two programs send every function that can fail through `every.h`, which makes each of its arguments wrong in every way.
#[test]
fn every_entry_point_refuses_what_is_wrong() {
    let said = program("table", &[], &[]) + &program("rows", &[], &[]);
    if said.is_empty() {
        return;
    }
    // calls.h is that of the header: a test of its own says so.
    let calls = std::fs::read_to_string(root().join("tests/c/calls.h")).expect("the calls");
    let (mut function, mut parameters, mut untried) = ("", 0, Vec::new());
    for line in calls.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("static const Function of_") {
            function = name.trim_end_matches(" = {");
        } else if let Some(parameter) = line.strip_prefix("{\"") {
            let what: Vec<_> = parameter.split([',', '"']).map(str::trim).collect();
            // A number that may be anything cannot be wrong.
            let any = what[2] == "A_NUMBER" || ["A_LENGTH", "A_CHOICE"].contains(&what[2]) && what[4] == "1";
            let name = format!("{function}.{}", what[0]);
            parameters += usize::from(!any);
            if !any && !said.lines().any(|line| line.strip_prefix("tried ") == Some(&name)) {
                untried.push(name);
            }
        }
    }
    assert!(untried.is_empty(), "in no call that works, and so never wrong: {untried:?}");
    println!("{parameters} parameters, each made wrong");
}

/// No function is left out of the table, those that cannot fail included.
#[test]
fn the_table_calls_every_function() {
    let table = std::fs::read_to_string(root().join("tests/c/table.c")).expect("the table");
    let called = |name: &String| table.contains(&format!("{name}(")) || table.contains(&format!("{name},"));
    // The last of a list of functions.
    let missing: Vec<_> =
        symbols().into_iter().filter(|name| !called(name) && name != "pauca_exact_cosine").collect();
    assert!(missing.is_empty(), "not in tests/c/table.c: {missing:?}");
}

#[test]
fn runs_give_the_same_bits_wherever_they_run() {
    // The library may have been built anew since this test was: what it has decides, not the features of the test.
    let panics = all_symbols().iter().any(|name| name == PANIC);
    let said = program("runs", if panics { &["-DPAUCA_TEST_PANIC"] } else { &[] }, &[]);
    if !panics {
        eprintln!("SKIPPED: no forced panic without the feature test-panic");
    } else if !said.is_empty() {
        assert!(said.contains("forced panics"), "{said}");
    }
}

/// Rows of a CUDA device are copied on their stream. A library of C plays the driver.
#[test]
fn rows_of_a_device_are_copied_on_their_stream() {
    if !has("cc", "programs of C are not built") {
        return;
    }
    let folder = folder("program-device");
    let libraries = installed_names(&folder);
    let (path, source) = (folder.join("device"), |name: &str| root().join(format!("tests/c/{name}.c")));
    compile(&source("device"), &path, &libraries, &[]);
    let known = Command::new("ldconfig").arg("-p").output();
    match known.map(|output| text(&output)) {
        Ok(libraries) if !libraries.contains("libcuda.so.1") => {
            let none = Command::new(&path).arg("libcuda").output().expect("the program starts");
            assert!(none.status.success(), "without a driver: {}", text(&none));
        }
        _ => eprintln!("SKIPPED: a driver of CUDA may be installed: its absence is not tried"),
    }
    let driver = folder.join("libcuda.so.1");
    must(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&driver).arg(source("driver")));
    let log = folder.join("log");
    let run = |argument: &str, fails: &str| {
        let mut command = Command::new(&path);
        let command = command.arg(argument).env("LD_LIBRARY_PATH", &folder);
        must(command.env("DRIVER_LOG", &log).env("DRIVER_FAILS", fails))
    };
    println!("{}", run("read", ""));
    let calls = std::fs::read_to_string(&log).expect("what the driver heard");
    let of_one = "cuPointerGetAttribute 0\ncuCtxPushCurrent 0\ncuMemcpyDtoHAsync 4660\ncuStreamSynchronize 4660\n\
                  cuCtxPopCurrent 0\n";
    assert_eq!(calls, of_one.repeat(4));
    for call in [
        "cuPointerGetAttribute",
        "cuCtxPushCurrent",
        "cuMemcpyDtoHAsync",
        "cuStreamSynchronize",
        "cuCtxPopCurrent",
    ] {
        run(&format!("{call} of the CUDA driver failed with 700 (CUDA_ERROR_ILLEGAL_ADDRESS)"), call);
    }
}

#[test]
fn both_sides_of_a_fork_go_on() {
    program("fork", &[], &["200"]);
}

/// Every kept copy of an earlier header.
#[test]
fn a_program_of_an_earlier_header_runs() {
    if !has("cc", "programs of C are not built") {
        return;
    }
    let mut kept: Vec<_> = std::fs::read_dir(root().join("tests/old"))
        .expect("the kept headers")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    kept.sort();
    assert!(!kept.is_empty());
    let folder = folder("program-old");
    let libraries = installed_names(&folder);
    for header in kept {
        let path = folder.join("old");
        let define = format!("-DPAUCA_HEADER=\"{}\"", header.display());
        compile(&root().join("tests/c/old.c"), &path, &libraries, &[&define]);
        print!("{}", must(&mut Command::new(&path)));
    }
}

/// The panic that is there for tests.
const PANIC: &str = "pauca_test_panic";

fn all_symbols() -> Vec<String> {
    let nm = must(Command::new("nm").args(["-D", "--defined-only"]).arg(libraries().join("libpauca_c.so")));
    nm.lines().filter_map(|line| line.split_whitespace().nth(2)).map(String::from).collect()
}

/// The exported symbols of an installed library.
fn symbols() -> Vec<String> {
    all_symbols().into_iter().filter(|name| name != PANIC).collect()
}

/// `symbols.txt` lists what the library exports, and nothing else is exported: a symbol that goes breaks programs.
/// `PAUCA_WRITE_SYMBOLS=1` writes it.
#[test]
fn exported_symbols_are_the_committed_ones() {
    if !has("nm", "the exported symbols are not looked at") {
        return;
    }
    let (path, mut found) = (root().join("symbols.txt"), symbols());
    found.sort();
    let found = found.join("\n") + "\n";
    if std::env::var_os("PAUCA_WRITE_SYMBOLS").is_some() {
        std::fs::write(&path, &found).expect("the list is written");
    }
    let listed = std::fs::read_to_string(&path).expect("symbols.txt");
    assert_eq!(found, listed, "the library and symbols.txt differ");
    assert!(listed.lines().all(|name| name.starts_with("pauca_")));
    let header = std::fs::read_to_string(root().join("include/pauca.h")).expect("the header");
    for name in listed.lines() {
        assert!(header.contains(&format!("{name}(")), "{name} is exported and not in the header");
    }
    println!("{} exported symbols, all pauca_", listed.lines().count());
}

/// The program of README.md, as it stands there.
#[test]
fn the_quick_start_runs() {
    if !has("cc", "programs of C are not built") {
        return;
    }
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let block =
        readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program of C");
    let folder = folder("program-readme");
    let libraries = installed_names(&folder);
    let source = folder.join("quick.c");
    std::fs::write(&source, block).expect("the program is written");
    compile(&source, &folder.join("quick"), &libraries, &[]);
    let out = must(&mut Command::new(folder.join("quick")));
    assert!(["0 0 1 1\n", "1 1 0 0\n"].contains(&&*out), "{out}");
}
