#!/usr/bin/env bash
# The crates as they would be published: packaged and built from their packages, and a program outside of the workspace on
# the packaged library. About two minutes of one core.
source "$(dirname "$0")/common.sh"
cargo package -q -p pauca -p pauca-reference -p pauca-c
for crate in pauca pauca-reference pauca-c; do
    list=$(cargo package -q -p "$crate" --list)
    echo "$crate: $(wc -l <<< "$list") files"
    for file in Cargo.toml LICENSE-MIT LICENSE-APACHE src/lib.rs; do
        grep -qx "$file" <<< "$list" || { echo "$crate: the package has no $file" >&2; exit 1; }
    done
    if grep -E '^(target|out)/|\.(npy|so|a)$' <<< "$list"; then
        echo "$crate: the package has files that do not belong there" >&2
        exit 1
    fi
done
workplace
tar -xf "$target/package/"pauca-[0-9]*.crate -C "$work"
mkdir -p "$work/program/src"
cat > "$work/program/Cargo.toml" <<END
[package]
name = "program"
version = "0.0.0"
edition = "2024"

[dependencies]
pauca = { path = "$(echo "$work"/pauca-[0-9]*)" }
ndarray = "0.17"
END
cat > "$work/program/src/main.rs" <<'END'
use pauca::{KMeans, Rule, SemDedup};

fn main() -> Result<(), pauca::Error> {
    let x = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.001], [1.0, 0.0]];
    let clusters = KMeans::new(2).spherical(true).seed(7).fit(&x)?;
    let unique = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&x, &clusters)?;
    println!("{} of {} rows are unique", unique.kept(), unique.keep.len());
    assert_eq!(unique.kept(), 2);
    Ok(())
}
END
CARGO_TARGET_DIR=$work/target cargo run -q --manifest-path "$work/program/Cargo.toml"
