//! The installed library: programs of C11 and C++17, by pkg-config and by CMake, shared and static, warnings as errors,
//! from a prefix that was moved; their output is that of Rust, to the bit.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it saw and skipped")]
#![cfg(target_os = "linux")]

#[path = "tools/mod.rs"]
mod tools;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pauca::{KMeans, RawRows, RowSource, Rule, Scratch, SemDedup};
use tools::{folder, has, libraries, must, root};

/// FNV-1a.
fn mix(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The program of `examples/c`, in Rust.
fn in_rust(file: &Path, clusters: usize, epsilon: f64) -> String {
    let bytes = std::fs::read(file).expect("the rows");
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
    let shape = text.split("'shape': (").nth(1).expect("a shape");
    let mut sizes = shape.split([',', ')']).map(|size| size.trim().parse::<usize>());
    let (n, d) = (sizes.next().unwrap().unwrap(), sizes.next().unwrap().unwrap());
    assert!(text.contains("'<f2'"));
    let source = RawRows::new(bytes, header as u64.., pauca::ElementType::F16, n, d).expect("rows");
    let mut scratch = Scratch::new();
    let rows = source.read(0..n, &mut scratch).expect("rows");
    let clusters = KMeans::new(clusters).spherical(true).seed(7).fit(rows).expect("a clustering");
    let unique =
        SemDedup::new(Rule::GreedyCover).epsilon(epsilon).fit(rows, &clusters).expect("a deduplication");
    let mut hash = mix(0xcbf2_9ce4_8422_2325, clusters.labels.iter().flat_map(|l| l.to_le_bytes()));
    hash = mix(hash, clusters.centroids.iter().flat_map(|c| c.to_le_bytes()));
    hash = mix(hash, clusters.inertia.to_le_bytes());
    hash = mix(hash, unique.keep.iter().map(|keep| u8::from(*keep)));
    hash = mix(hash, unique.witness.iter().flat_map(|w| w.to_le_bytes()));
    let mut out = String::new();
    let (k, iterations) = (clusters.centroids.nrows(), clusters.n_iter);
    let _ = writeln!(out, "rows {n} x {d}");
    let _ = writeln!(out, "clusters {k}, iterations {iterations}, inertia INERTIA");
    let _ = writeln!(out, "kept {}, exact copies {}", unique.kept(), unique.exact_copies);
    let _ = writeln!(out, "checksum {hash:016x}");
    out
}

/// The output without the decimals of the inertia, whose bits are in the checksum.
fn comparable(output: &str) -> String {
    let line = |line: &str| match line.find("inertia ") {
        Some(at) => format!("{}INERTIA\n", &line[..at + 8]),
        None => format!("{line}\n"),
    };
    output.lines().map(line).collect()
}

/// A prefix that was moved after it was installed.
fn prefix(name: &str) -> PathBuf {
    let folder = folder(name);
    let script = root().join("install.sh");
    must(Command::new(script).arg(folder.join("first")).arg("--from").arg(libraries()));
    let moved = folder.join("moved there");
    std::fs::rename(folder.join("first"), &moved).expect("the prefix is moved");
    moved
}

/// Rows that ship with the examples, if this is the repository and not the package alone.
fn examples() -> Option<(PathBuf, PathBuf)> {
    let examples = root().parent()?.join("examples");
    let data = examples.join("data/mail.f16.npy");
    if data.exists() && examples.join("c").exists() {
        return Some((examples, data));
    }
    eprintln!("SKIPPED: the examples are not beside this crate");
    None
}

#[test]
fn programs_built_by_pkg_config_print_what_rust_prints() {
    let Some((examples, data)) = examples() else { return };
    if !has("pkg-config", "nothing is built by pkg-config") || !has("cc", "") || !has("c++", "") {
        return;
    }
    let expected = in_rust(&data, 20, 0.05);
    let prefix = prefix("install-pkg-config");
    let pc = prefix.join("lib/pkgconfig");
    let flags = |arguments: &[&str]| -> Vec<String> {
        let out = must(Command::new("pkg-config").env("PKG_CONFIG_PATH", &pc).args(arguments).arg("pauca"));
        // pkg-config writes a blank as "\ ".
        let joined = out.trim().replace("\\ ", "\u{1}");
        joined.split_whitespace().map(|flag| flag.replace('\u{1}', " ")).collect()
    };
    for (compiler, source, standard) in
        [("cc", "c/curate.c", "-std=c11"), ("c++", "cpp/curate.cpp", "-std=c++17")]
    {
        for is_static in [false, true] {
            let program = prefix.join(format!("by-pkg-config-{compiler}-{is_static}"));
            let mut command = Command::new(compiler);
            command.args([standard, "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
            command.args(flags(&["--cflags"])).arg(examples.join(source)).arg("-o").arg(&program);
            if is_static {
                // The archive itself, so that the linker does not take the shared library beside it.
                let archive = prefix.join("lib/libpauca.a").display().to_string();
                let all = flags(&["--static", "--libs"]);
                command.args(all.iter().map(|flag| if flag == "-lpauca" { &archive } else { flag }));
            } else {
                command.args(flags(&["--libs"]));
            }
            must(&mut command);
            let mut run = Command::new(&program);
            let output = must(run.env("LD_LIBRARY_PATH", prefix.join("lib")).arg(&data).args(["20", "0.05"]));
            assert_eq!(comparable(&output), expected, "{compiler}, static: {is_static}");
            needs(&program, !is_static);
        }
    }
    println!("four programs by pkg-config:\n{expected}");
}

/// Whether a program asks for the shared library, by its SONAME.
fn needs(program: &Path, shared: bool) {
    if has("readelf", "what a program needs is not looked at") {
        let dynamic = must(Command::new("readelf").arg("-d").arg(program));
        assert_eq!(dynamic.contains("[libpauca.so.0]"), shared, "{dynamic}");
        let other = "libpauca_c";
        assert!(!dynamic.contains(other), "{dynamic}");
    }
}

#[test]
fn programs_built_by_cmake_print_what_rust_prints() {
    let Some((examples, data)) = examples() else { return };
    if !has("cmake", "nothing is built by CMake") || !has("cc", "") || !has("c++", "") {
        return;
    }
    let expected = in_rust(&data, 20, 0.05);
    let prefix = prefix("install-cmake");
    for language in ["c", "cpp"] {
        for is_static in ["OFF", "ON"] {
            let build = prefix.join(format!("build-{language}-{is_static}"));
            must(
                Command::new("cmake")
                    .arg("-S")
                    .arg(examples.join(language))
                    .arg("-B")
                    .arg(&build)
                    .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
                    .arg(format!("-DPAUCA_STATIC={is_static}")),
            );
            must(Command::new("cmake").arg("--build").arg(&build));
            let program = build.join("curate");
            let output = must(Command::new(&program).arg(&data).args(["20", "0.05"]));
            assert_eq!(comparable(&output), expected, "{language}, static: {is_static}");
            needs(&program, is_static == "OFF");
        }
    }
    println!("four programs by CMake:\n{expected}");
}

#[test]
fn the_shared_library_has_its_name_and_needs_little() {
    if !has("readelf", "the shared library is not looked at") {
        return;
    }
    let dynamic = must(Command::new("readelf").arg("-d").arg(libraries().join("libpauca_c.so")));
    assert!(dynamic.contains("soname: [libpauca.so.0]"), "{dynamic}");
    for needed in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        let known = ["libc.so", "libgcc_s.so", "ld-linux", "libm.so", "libpthread", "libdl"];
        assert!(known.iter().any(|name| needed.contains(name)), "{needed}");
    }
}
