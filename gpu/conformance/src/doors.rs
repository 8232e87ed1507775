//! The doors to a device: `curate --backend wgpu`, and a context of C. What they give is what the processor gives.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser;
use pauca_examples::curate::{self, args::Args};

use super::device;

/// 300 rows of 16 values in a .npy file.
fn write_rows(path: &Path) {
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (300, 16), }}{}\n", " ".repeat(55));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    let value = |i: u32| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5;
    bytes.extend((0..300 * 16).flat_map(|i| value(i).to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// Every file of a folder but report.json, which says how long the run took.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    named
        .filter(|(name, _)| name != "report.json")
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn curate_writes_the_same_bytes_from_a_device() {
    if device().is_none() {
        return;
    }
    let root = std::env::temp_dir().join(format!("pauca-doors-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    write_rows(&root.join("rows.npy"));
    for method in ["d4", "semdedup"] {
        let run = |backend: &str| {
            let out = root.join(format!("{method}-{backend}"));
            let flags =
                ["--method", method, "--clusters", "9", "--max-iter", "4", "--quiet", "--progress", "none"];
            let paths =
                [root.join("rows.npy").into_os_string(), "--out".into(), out.clone().into_os_string()];
            let all = ["curate".into()].into_iter().chain(paths).chain(flags.map(Into::into));
            curate::run(Args::try_parse_from(all.chain(["--backend".into(), backend.into()])).unwrap())
                .unwrap();
            files(&out)
        };
        let (there, here) = (run("wgpu:0"), run("cpu"));
        assert!(here.len() > 8 && there == here, "{method}: {:?} {:?}", there.keys(), here.keys());
    }
    std::fs::remove_dir_all(&root).unwrap();
}

#[test]
fn c_opens_what_there_is_and_refuses_what_there_is_not() {
    use pauca_c::*;
    let mut count = 9;
    // SAFETY: the pointers are those of locals, or NULL where that is allowed.
    unsafe {
        assert_eq!(pauca_device_count(PAUCA_BACKEND_WGPU, &mut count, std::ptr::null_mut()), PAUCA_OK);
    }
    assert_eq!(count > 0, device().is_some());
}
