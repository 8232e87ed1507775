//! `include/pauca.h` is what cbindgen makes of the source. `PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header`
//! writes it anew.

use std::path::Path;

/// The files, in the order in which a reader meets them.
const FILES: &[&str] = &[
    "abi",
    "status",
    "context",
    "view",
    "source",
    "dlpack",
    "arrow",
    "table",
    "blob",
    "clusters",
    "kmeans",
    "kmeans_run",
    "sums",
    "exact",
    "dedup",
    "prototypes",
    "d4",
    "workspace",
];

const HEAD: &str = "\
/* pauca: exact, reproducible algorithms for choosing what a model learns from.
 * Written by cbindgen from bindings-c/src: change it there.
 *
 * Every function is safe to call from any thread. A handle is used by one call at a time, unless its description says
 * \"shareable\". Names begin with pauca_, constants with PAUCA_.
 *
 * Status     A function that can fail returns pauca_status: PAUCA_OK (0), or a code that never changes its meaning.
 * Errors     The last argument is a pauca_error of yours, or NULL. Begin with: pauca_error e = PAUCA_ERROR_INIT;
 *            A call that fails fills it: code, numbers, a text with the place. Nothing is printed. Nothing aborts.
 * Outputs    They are written on success only. Buffers are yours; handles come from the library, and each has its
 *            pauca_..._free, for which NULL is nothing. No output may overlap an input or another output.
 * Inputs     They are never written, and not kept after the call, unless the function says \"until\".
 * Structs    Options and results begin with struct_size. pauca_..._options_init(&o, sizeof o, &e) writes the defaults.
 *            An older header works with a newer library of the same major ABI number.
 * Numbers    Fixed widths only. Lengths count values, not bytes. There is no bool and no enum in the ABI.
 */";

const AFTER: &str = "
// The first value of a pauca_error.
#define PAUCA_ERROR_INIT { sizeof(pauca_error), 0, { PAUCA_NONE, PAUCA_NONE }, { 0 } }";

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Both,
        cpp_compat: true,
        include_guard: Some("PAUCA_H".into()),
        header: Some(HEAD.into()),
        after_includes: Some(AFTER.into()),
        no_includes: true,
        sys_includes: vec!["stdint.h".into()],
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 110,
        sort_by: cbindgen::SortKey::None,
        usize_is_size_t: true,
        ..Default::default()
    };
    config.constant.allow_static_const = false;
    config.function.sort_by = Some(cbindgen::SortKey::None);
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(root.join(format!("src/{file}.rs")));
    }
    let mut out = Vec::new();
    builder.generate().expect("cbindgen reads the source").write(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_header_is_that_of_the_source() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/pauca.h");
    let new = generated();
    if std::env::var_os("PAUCA_WRITE_HEADER").is_some() {
        std::fs::write(&path, &new).expect("the header is written");
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = old.lines().zip(new.lines()).position(|(old, new)| old != new);
    assert!(
        old == new,
        "include/pauca.h is not that of the source (line {:?}): PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header",
        differs.map(|line| line + 1)
    );
}
