//! `include/pauca.h` is what cbindgen makes of the source. `PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header`
//! writes it anew.

use std::fmt::Write as _;
use std::path::Path;

/// The files, in the order in which a reader meets them.
const FILES: &[&str] = &[
    "abi",
    "status",
    "device",
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
    "dedup_against",
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
 * Begin      pauca_context_new(NULL, &context, &e) once, for all cores; NULL in its place is the calling thread alone.
 *            Rows are a pauca_view; pauca_..._options_init; the call; then sizes by pauca_..._get_info, arrays by
 *            pauca_..._copy, and pauca_..._free. Link by: cc program.c $(pkg-config --cflags --libs pauca)
 *            and, outside of the loader's path, -Wl,-rpath,LIBDIR; libpauca.a needs pkg-config --static.
 * Status     A function that can fail returns pauca_status: PAUCA_OK (0), or a code that never changes its meaning.
 * Errors     The last argument is a pauca_error of yours, or NULL. Begin with: pauca_error e = PAUCA_ERROR_INIT;
 *            A call that fails fills it: code, numbers, a text with the place. Nothing is printed. Nothing aborts.
 *            With another struct_size a call that fails returns PAUCA_STRUCT_SIZE and writes nothing.
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

/// What may be NULL, or any number, by the documentation: of every function, or of one.
const FREE: &[&str] = &[
    "context",
    "error",
    "weights",
    "more",
    "made",
    "pauca_context_new.options",
    "pauca_context_info.simd_level",
    "pauca_context_info.threads",
    "pauca_source_shape.n_rows",
    "pauca_source_shape.dim",
    "pauca_clusters_from_parts.distances",
    "pauca_clusters_assign.labels",
    "pauca_clusters_assign.distances",
    "pauca_sums_shape.n_clusters",
    "pauca_sums_shape.dim",
    "pauca_sums_shape.weighted",
    "pauca_sums_counts.counts",
    "pauca_exact_cosine_error.d",
    "pauca_exact_euclidean_error.d",
    "pauca_prototypes_select.n_clusters",
    "pauca_semdedup.options",
    "pauca_semdedup_against.options",
    "pauca_prototypes_select.options",
    "pauca_density_select.options",
    "pauca_density_quotas.options",
    "pauca_d4.options",
    "pauca_d4_start.options",
    "pauca_d4_resume.options",
    "pauca_curated_get_info.n_rows",
    "pauca_curated_get_info.n_survivors",
    "pauca_curated_get_info.n_kept",
];

/// One parameter of C: its type and its name.
fn parameter(text: &str) -> (String, &str) {
    let at = text.rfind([' ', '*']).expect("a type and a name") + 1;
    (text[..at].trim().replace("struct ", ""), text[at..].trim())
}

/// Kind, alignment, size of what it points to, and the field of `Argument`.
fn described(function: &str, of: &str, name: &str) -> [String; 4] {
    let pointed = of.trim_start_matches("const ").trim_end_matches('*').trim().to_string();
    let all = |kind: &str, field: &str| {
        let align = if field == "at" { format!("_Alignof({pointed})") } else { "1".into() };
        [kind.into(), align, format!("sizeof({pointed})"), field.into()]
    };
    let plain = |kind: &str, align: &str, size: &str| [kind, align, size, "at"].map(String::from);
    let struct_of =
        |ends: &[&str]| pointed.starts_with("pauca_") && ends.iter().any(|end| pointed.ends_with(end));
    match of {
        "uint64_t" => all("A_LENGTH", "length"),
        "uint32_t" => all("A_CHOICE", "bits"),
        "int32_t" => all("A_CHOICE", "choice"),
        "double" => all("A_NUMBER", "number"),
        "const pauca_view *" => all("A_VIEW", "at"),
        "pauca_error *" => all("AN_ERROR", "at"),
        // Structs of others, whose alignment the header does not know.
        "void *" if function == "pauca_arrow_stream" => plain("AN_OUTPUT", "8", "40"),
        "void *" | "const void *" if !["bytes", "out"].contains(&name) => plain("A_HANDLE", "8", "0"),
        "void *" => plain("AN_OUTPUT", "1", "1"),
        "const void *" => plain("AN_INPUT", "1", "0"),
        _ if of.ends_with("**") => plain("AN_OUTPUT", "_Alignof(void *)", "sizeof(void *)"),
        _ if of.ends_with("*const *") => plain("AN_INPUT", "_Alignof(void *)", "0"),
        _ if of.starts_with("const") && struct_of(&["_options", "_arrays", "_callbacks"]) => {
            all("A_STRUCT", "at")
        }
        _ if struct_of(&["_info", "_state"]) => all("A_RESULT", "at"),
        _ if of.starts_with("const") && !pointed.starts_with("pauca_") || pointed == "pauca_column" => {
            all("AN_INPUT", "at")
        }
        _ if !pointed.starts_with("pauca_") || struct_of(&["_options", "_callbacks", "_view"]) => {
            all("AN_OUTPUT", "at")
        }
        _ => plain("A_HANDLE", "_Alignof(void *)", "0"),
    }
}

/// `tests/c/calls.h` sends every function that can fail through `every.h`.
fn calls() -> String {
    let header = generated();
    let mut out = String::from(
        "/* Every function of pauca.h that can fail, sent through every.h.\n \
         * Written by PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header. */\n\
         #include \"every.h\"\n",
    );
    for (at, _) in header.match_indices("\npauca_status ") {
        let text = &header[at + "\npauca_status ".len()..];
        let text = text[..text.find(");").expect("an end")].split_whitespace().collect::<Vec<_>>().join(" ");
        let (name, parameters) = text.split_once('(').expect("parameters");
        let parameters: Vec<_> = parameters.split(',').map(|text| parameter(text.trim())).collect();
        let (mut passed, mut from, mut list) = (vec![], vec![], String::new());
        for (i, (of, parameter)) in parameters.iter().enumerate() {
            let [kind, align, size, field] = described(name, of, parameter);
            let free = FREE.contains(parameter) || FREE.contains(&format!("{name}.{parameter}").as_str());
            let pointer = field == "at";
            passed.push(if pointer { format!("({of})a[{i}].at") } else { format!("a[{i}].{field}") });
            from.push(format!("{{.{field} = {}{parameter}}}", if pointer { "(uintptr_t)" } else { "" }));
            let _ = write!(list, "\n     {{\"{parameter}\", {kind}, {align}, {}, {size}}},", u8::from(free));
        }
        let typed: Vec<_> = parameters.iter().map(|(of, name)| format!("{of} {name}")).collect();
        let (n, passed, from, typed) =
            (parameters.len(), passed.join(", "), from.join(", "), typed.join(", "));
        let _ = write!(
            out,
            "
static pauca_status call_{name}(const Argument *a) {{ return {name}({passed}); }}
static const Function of_{name} = {{
    \"{name}\", call_{name}, {n}, {{{list}}}}};
static inline pauca_status every_{name}({typed})
{{
    return with_every_wrong_argument(&of_{name}, (const Argument[]){{{from}}});
}}
#define {name} every_{name}
"
        );
    }
    out
}

#[test]
fn the_calls_are_those_of_the_header() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/calls.h");
    let new = calls();
    if std::env::var_os("PAUCA_WRITE_HEADER").is_some() {
        std::fs::write(&path, &new).expect("the calls are written");
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(old == new, "tests/c/calls.h: PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header");
}
