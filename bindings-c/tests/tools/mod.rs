//! What the tests that build programs of C share.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of this crate.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of this test's own, empty.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder for the test");
    path
}

/// Where cargo put `libpauca_c.so` and `libpauca_c.a` when it built this test: beside it.
pub fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let deps = test.parent().expect("its folder").to_path_buf();
    assert!(deps.join("libpauca_c.a").exists(), "no libpauca_c.a in {}", deps.display());
    deps
}

/// A folder with the names under which the libraries are installed.
pub fn installed_names(folder: &Path) -> PathBuf {
    let from = libraries();
    let link = |name: &str, to: &str| {
        std::os::unix::fs::symlink(from.join(name), folder.join(to)).expect("a link to the library");
    };
    link("libpauca_c.so", "libpauca.so");
    link("libpauca_c.so", "libpauca.so.0");
    link("libpauca_c.a", "libpauca.a");
    folder.to_path_buf()
}

pub fn text(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// Runs a command that must succeed, and returns what it printed on stdout.
pub fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Whether a program can be started; says aloud what is skipped without it.
pub fn has(program: &str, what: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: no {program}: {what}");
    }
    found
}

/// Compiles a program of C11, with warnings as errors, against the shared library of `libraries`.
pub fn compile(source: &Path, program: &Path, libraries: &Path, more: &[&str]) {
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-D_DEFAULT_SOURCE"])
        .arg(format!("-I{}", root().join("include").display()))
        .args(more.iter().filter(|arg| !arg.starts_with("-l")))
        .arg(source)
        .arg("-o")
        .arg(program)
        .arg(format!("-L{}", libraries.display()))
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .args(["-lpauca", "-lpthread", "-lm"])
        .args(more.iter().filter(|arg| arg.starts_with("-l")));
    must(&mut cc);
}
