//! Names the shared library as it is installed: `libpauca.so.0`, by the major number of the ABI. Tells the library what it
//! was built with.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let env = |name| std::env::var(name).unwrap_or_default();
    println!("cargo:rustc-env=PAUCA_TARGET={}", env("TARGET"));
    let has = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let mut features = vec![if has("STD") { "std threads" } else { "no_std" }, "f16"];
    features.extend(has("WGPU").then_some("wgpu"));
    features.extend(has("CUDA").then_some("cuda"));
    println!("cargo:rustc-env=PAUCA_FEATURES={}", features.join(" "));
    match env("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpauca.so.0");
        }
        "macos" | "ios" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libpauca.0.dylib");
        }
        _ => {}
    }
}
