//! The program `tokenize`: bad input and flags, what it writes, the same bytes for any threads.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod workbench;

use std::process::{Command, Stdio};

use workbench::{Bench, TOKENIZE, stderr};

/// A run of seconds: little of everything.
const QUICK: [&str; 12] = [
    "--set",
    "digits",
    "--codes",
    "32",
    "--steps",
    "12",
    "--budget",
    "0.05",
    "--lambdas",
    "0.1",
    "--progress",
    "none",
];

/// With progress, which may not begin before all is checked.
#[track_caller]
fn refused(bench: &Bench, arguments: &[&str], code: i32, parts: &[&str]) {
    TOKENIZE.refused(bench, &[arguments, &["--progress", "auto"]].concat(), code, parts);
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    let bench = Bench::new();
    for (arguments, parts) in [
        (&["--codes", "0"][..], &["--codes", "at least 1"][..]),
        (&["--lambdas", "0,-1"], &["--lambdas", "from 0"]),
        (&["--lambdas", "nan"], &["--lambdas"]),
        (&["--budget", "0"], &["--budget", "above 0"]),
        (&["--seeds", "0"], &["--seeds"]),
        (&["--patch", "5"], &["--patch 5", "32 x 32"]),
        (&["--patch", "32"], &["--patch 32"]),
        (&["--codes", "100000"], &["--codes", "more codes"]),
        (&["--fewer-codes", "256"], &["--fewer-codes 256"]),
        (&["--side", "16"], &["<SHEET>"]),
        (&["--set", "letters"], &["letters", "digits"]),
        (&["--nonsense"], &["--nonsense"]),
    ] {
        refused(&bench, arguments, 2, parts);
    }
}

#[test]
fn bad_sheets_are_refused_in_one_line() {
    let bench = Bench::new();
    bench.write("text.png", b"not a picture");
    refused(&bench, &["text.png"], 1, &["text.png", "not a PNG picture"]);
    refused(&bench, &["absent.png"], 1, &["absent.png", "cannot be opened"]);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[7; 64 * 64]).unwrap();
    bench.write("small.png", &bytes);
    refused(&bench, &["small.png", "--side", "8"], 1, &["small.png", "64 pictures of 8 x 8", "512"]);
    refused(&bench, &["small.png", "--side", "128"], 1, &["small.png", "0 tiles"]);
    refused(&bench, &["small.png", "--side", "8", "--pictures", "65"], 1, &["64 tiles", "65"]);
}

#[test]
fn same_bytes_for_any_threads_and_a_complete_report() {
    let bench = Bench::new();
    for (out, threads) in [("one", "1"), ("two", "2")] {
        let output = TOKENIZE
            .run(&bench, &[&QUICK[..], &["--seeds", "2", "--threads", threads, "--out", out]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    bench.assert_same("one", "two");
    assert_eq!(
        bench.names("one"),
        [
            "compute.svg",
            "positions.svg",
            "report.html",
            "report.json",
            "runs.csv",
            "trade_off.svg",
            "usage.svg"
        ]
    );
    let report = bench.report("one");
    let tokenizers = report["tokenizers"].as_array().unwrap();
    assert_eq!(tokenizers.len(), 2);
    for tokenizer in tokenizers {
        for field in ["reconstruction_mse", "conditional_entropy", "perplexity"] {
            assert!(tokenizer[field]["mean"].as_f64().unwrap() > 0.0, "{field}");
            assert!(tokenizer[field]["half_width_95"].as_f64().unwrap() >= 0.0, "{field}");
        }
        for size in ["small", "large"] {
            // A model that learned anything beats no knowledge of 32 codes by far; ids are not read ahead.
            let loss = tokenizer["validation_loss"][size]["mean"].as_f64().unwrap();
            assert!(0.1 < loss && loss < 32f64.ln() + 0.5, "{size} {loss}");
        }
    }
    // Both sizes were given the same compute, but for less than a step.
    for run in report["runs"].as_array().unwrap() {
        for model in run["models"].as_array().unwrap() {
            let spent = model["curve"].as_array().unwrap().last().unwrap()[0].as_f64().unwrap();
            assert!(spent <= 0.05e9 || model["curve"].as_array().unwrap().len() == 1);
        }
    }
    let html = String::from_utf8(std::fs::read(bench.path("one/report.html")).unwrap()).unwrap();
    assert!(html.matches("data:image/png").count() >= 5 && !html.contains("src=\"http"), "nothing fetched");
    // The same run again is welcome, another one is not.
    let again = [&QUICK[..], &["--seeds", "2", "--out", "one"]].concat();
    assert!(TOKENIZE.run(&bench, &again).status.success());
    let other = TOKENIZE.run(&bench, &[&QUICK[..], &["--seeds", "1", "--out", "one"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("seeds is 2 there and 1 here"), "{}", stderr(&other));
}

#[cfg(unix)]
#[test]
fn resumed_run_ends_in_the_same_bytes() {
    let bench = Bench::new();
    let rest = |out| ["--seeds", "3", "--threads", "1", "--write-tokens", "--out", out];
    let arguments = |out| [&QUICK[..], &rest(out)].concat();
    assert!(TOKENIZE.run(&bench, &arguments("whole")).status.success());
    let mut child = TOKENIZE.command(&bench, &arguments("parts")).spawn().unwrap();
    assert!(workbench::appears(&bench.path("parts/checkpoint.bin"), 120));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    if child.wait().unwrap().code() == Some(130) {
        assert_eq!(bench.names("parts"), ["checkpoint.bin"]);
        let other = TOKENIZE.run(&bench, &arguments("parts"));
        assert!(stderr(&other).contains("--resume continues it"), "{}", stderr(&other));
        let wrong = TOKENIZE.run(&bench, &[&arguments("parts")[..], &["--resume", "--patch", "4"]].concat());
        assert!(stderr(&wrong).contains("patch is 2 there and 4 here"), "{}", stderr(&wrong));
        let resumed = TOKENIZE.run(&bench, &[&arguments("parts")[..], &["--resume"]].concat());
        assert!(resumed.status.success(), "{}", stderr(&resumed));
    } else {
        println!("SKIPPED: the run was finished before it could be stopped");
    }
    bench.assert_same("whole", "parts");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_the_tokenizer_in_training_and_says_130() {
    let bench = Bench::new();
    let endless = ["--set", "digits", "--progress", "none", "--out", "out", "--steps", "1000000"];
    let mut child = TOKENIZE.command(&bench, &endless).stderr(Stdio::piped()).spawn().unwrap();
    assert!(workbench::appears(&bench.path("out"), 60));
    // The handler is installed before the folder is made.
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.contains("to continue: ") && text.contains("--resume"), "{text}");
    assert_eq!(bench.names("out"), ["checkpoint.bin"]);
}

#[test]
fn a_training_stopped_at_step_137_of_300_goes_on_to_the_same_bits() {
    use pauca_examples::tokenize::args::PredictorName;
    use pauca_examples::tokenize::experiment::Job;
    use pauca_examples::tokenize::pictures::Pictures;
    use pauca_examples::tokenize::state::{decode, encode};
    use pauca_examples::tokenize::tokenizer::{Settings, Training};
    let sheet = pauca_examples::shipped::folder().join("digits-sheet.png");
    let pictures = Pictures::open(&sheet, 8, Some(1797)).unwrap();
    for (lambda, predictor) in
        [(0.3, PredictorName::Transformer), (0.3, PredictorName::Linear), (0.0, PredictorName::Transformer)]
    {
        let settings = Settings { patch: 2, codes: 32, lambda, steps: 300, seed: 5, predictor };
        let mut whole = Training::new(&pictures, &settings, None).unwrap();
        let mut saved = Vec::new();
        while whole.unfinished() {
            let state = whole.state().unwrap();
            if state.step == 137 {
                let job = Job { codes: 32, lambda, seed: 5 };
                saved = encode(&[], &[(job, state)]);
            }
            whole.step().unwrap();
        }
        let (finished, started) = decode(&saved).unwrap();
        assert!(finished.is_empty() && started[0].1.step == 137);
        let mut again = Training::new(&pictures, &settings, Some(&started[0].1)).unwrap();
        while again.unfinished() {
            again.step().unwrap();
        }
        assert_eq!(again.state().unwrap(), whole.state().unwrap(), "every parameter and moment, {lambda}");
        let (whole, again) = (whole.finish(), again.finish());
        let (a, b) = (
            whole.encode(&pictures, &pictures.valid).unwrap(),
            again.encode(&pictures, &pictures.valid).unwrap(),
        );
        assert_eq!(
            (a.ids, a.mse.to_bits(), a.linear_r2.to_bits()),
            (b.ids, b.mse.to_bits(), b.linear_r2.to_bits())
        );
        // A state of other settings is refused.
        let other = Settings { codes: 16, ..settings };
        assert!(Training::new(&pictures, &other, Some(&started[0].1)).is_err());
    }
}

/// What `--write-tokens` leaves is what `tokenize audit` reads: unit latents, each with its nearest code.
#[test]
fn written_tokens_are_latents_with_their_nearest_codes() {
    let bench = Bench::new();
    TOKENIZE.done(&bench, &[&QUICK[..], &["--seeds", "2", "--write-tokens", "--out", "out"]].concat());
    for lambda in ["0", "0.1"] {
        let name = format!("out/tokens.32.{lambda}.safetensors");
        let bytes = std::fs::read(bench.path(&name)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let numbers = |tensor: &str, shape: &[usize]| -> Vec<f64> {
            let tensor = file.tensor(tensor).unwrap();
            assert_eq!(tensor.shape(), shape);
            tensor.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        };
        let (z, codes) = (numbers("latents", &[1797, 16, 8]), numbers("codebook", &[32, 8]));
        let ids = file.tensor("ids").unwrap();
        assert_eq!(ids.shape(), [1797, 16]);
        let ids: Vec<u32> = ids.data().as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        /// Unit rows are rounded to f32, so codes that are as near are told apart no better.
        const UNIT: f64 = 1e-6;
        for (z, id) in z.chunks(8).zip(&ids).step_by(7) {
            let dot = |code: &[f64]| z.iter().zip(code).map(|(a, b)| a * b).sum::<f64>();
            assert!((dot(z) - 1.0).abs() < UNIT);
            let best = codes.chunks(8).map(dot).fold(-1.0, f64::max);
            assert!(dot(&codes[8 * *id as usize..][..8]) >= best - UNIT);
        }
        let flags =
            [&["audit", "--ids", &name, "--latents", &name, "--codebook", &name][..], &["--out", lambda]];
        TOKENIZE.done(&bench, &flags.concat());
        assert_eq!(bench.report(lambda)["items"], 1797);
    }
}

/// Items whose tokens and latents follow the one before, at positions that use codes of their own.
fn audited(bench: &Bench) -> (Vec<[u32; 4]>, Vec<[[f32; 2]; 4]>) {
    let mut state = 3u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    let (mut ids, mut latents) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let (mut item, mut z) = ([0; 4], [[0.0; 2]; 4]);
        for t in 0..4 {
            let new = next(4) as u32;
            item[t] = 4 * t as u32 + if t > 0 && next(3) > 0 { item[t - 1] % 4 } else { new };
            let noise = |v: u64| v as f32 / 100.0 - 0.5;
            for j in 0..2 {
                let before = if t > 0 { z[t - 1][j] } else { 0.0 };
                z[t][j] = 0.8 * before + noise(next(100)) + 0.1 * t as f32;
            }
        }
        ids.push(item);
        latents.push(z);
    }
    let flat: Vec<u8> = ids.iter().flatten().flat_map(|id| (*id as i32).to_le_bytes()).collect();
    bench.write("ids.npy", &workbench::npy_with_header("'<i4'", "False", "(400, 4)", &flat));
    let flat: Vec<u8> = latents.iter().flatten().flatten().flat_map(|v| v.to_le_bytes()).collect();
    bench.write("latents.safetensors", &workbench::safetensors(&[("latents", "F32", &[400, 4, 2], &flat)]));
    (ids, latents)
}

#[test]
fn an_audit_equals_sums_by_hand() {
    /// Sums of a few hundred logarithms.
    const SUMS: f64 = 1e-12;
    let bench = Bench::new();
    let (ids, latents) = audited(&bench);
    let rates = "tokenizer,rate,distortion\na,1,8\na,2,4\na,4,1\na,4,6\nb,0.5,8\nb,1,4\nb,2,1\n";
    bench.write("rates.csv", rates.as_bytes());
    let mut runs = String::from("tokenizer, compute, loss\n");
    for (i, noise) in [0.01, -0.01, 0.005, 0.01, -0.01].iter().enumerate() {
        let c = 10f64.powi(15 + i as i32);
        runs.push_str(&format!("mine, {c}, {}\n", 2.5 + 1e3 * c.powf(-0.2) + noise));
    }
    bench.write("runs.csv", runs.as_bytes());
    let flags = ["audit", "--ids", "ids.npy", "--latents", "latents.safetensors", "--rates", "rates.csv"];
    let all = [&flags[..], &["--runs", "runs.csv", "--transformer", "20", "--out", "audit"]].concat();
    let output = TOKENIZE.run(&bench, &all);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = bench.report("audit");
    // Entropies from counts in maps.
    let entropy = |keys: &dyn Fn(&[u32; 4]) -> (u32, u32)| {
        let mut counts = std::collections::BTreeMap::new();
        ids.iter().for_each(|item| *counts.entry(keys(item)).or_insert(0u32) += 1);
        counts.values().map(|c| f64::from(*c) / 400.0).map(|p| -p * p.log2()).sum::<f64>()
    };
    let csv = String::from_utf8(bench.contents("audit")["positions.csv"].clone()).unwrap();
    let lines: Vec<Vec<f64>> =
        csv.lines().skip(1).map(|l| l.split(',').map(|v| v.parse().unwrap_or(f64::NAN)).collect()).collect();
    let mut bits = [0.0; 2];
    for (t, line) in lines.iter().enumerate() {
        let alone = entropy(&|item| (item[t], 0));
        let given = if t == 0 { alone } else { entropy(&|i| (i[t - 1], i[t])) - entropy(&|i| (i[t - 1], 0)) };
        assert!((line[1] - alone).abs() < SUMS && (line[3] - given).abs() < SUMS, "{line:?}");
        let mutual = if t == 0 { 0.0 } else { alone - given };
        assert!((line[5] - mutual).abs() < SUMS && (line[6] - alone.exp2()).abs() < SUMS * 16.0);
        bits = [bits[0] + alone, bits[1] + given];
    }
    let found = &report["bits_per_item"];
    assert!((found["by_position"].as_f64().unwrap() - bits[0]).abs() < SUMS);
    assert!((found["by_position_given_previous"].as_f64().unwrap() - bits[1]).abs() < SUMS);
    assert_eq!((found["uniform"].as_f64().unwrap(), &report["codes_used"]), (16.0, &serde_json::json!(16)));
    // The prediction: least squares of each value on a constant and the latent before, by normal equations.
    let rows = |judged: bool| {
        let of = latents.iter().enumerate().filter(move |(i, _)| (i % 8 == 7) == judged);
        of.flat_map(|(_, z)| (1..4).map(move |t| (z[t - 1].map(f64::from), z[t].map(f64::from))))
            .collect::<Vec<_>>()
    };
    let (fitted, judged) = (rows(false), rows(true));
    let (mut squares, mut spread) = (0.0, 0.0);
    for j in 0..2 {
        let mut a = [[0.0; 4]; 3];
        for (x, y) in &fitted {
            let row = [1.0, x[0], x[1], y[j]];
            for i in 0..3 {
                for k in 0..4 {
                    a[i][k] += row[i] * row[k];
                }
            }
        }
        for i in 0..3 {
            let pivot = a[i];
            for (r, row) in a.iter_mut().enumerate().filter(|(r, _)| *r != i) {
                let factor = row[i] / pivot[i];
                assert!(r < 3);
                (0..4).for_each(|k| row[k] -= factor * pivot[k]);
            }
        }
        let w = [a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]];
        let mean = judged.iter().map(|(_, y)| y[j]).sum::<f64>() / judged.len() as f64;
        for (x, y) in &judged {
            squares += (y[j] - w[0] - w[1] * x[0] - w[2] * x[1]).powi(2);
            spread += (y[j] - mean).powi(2);
        }
    }
    /// The ridge of 1e-6 of the variance, and parameters of f32.
    const FIT: f64 = 1e-5;
    let r2 = report["linear_r2"].as_f64().unwrap();
    assert!((r2 - (1.0 - squares / spread)).abs() < FIT, "{r2} {}", 1.0 - squares / spread);
    assert!(report["transformer_r2"].as_f64().is_some() && lines[0][7].is_nan() && lines[1][7] > 0.1);
    assert_eq!(report["rates"][0]["front"], serde_json::json!([0, 1, 2]));
    assert!((report["rates"][1]["rate_against_first"].as_f64().unwrap() + 0.5).abs() < SUMS);
    let law = &report["scaling"][0];
    let [low, high] = [0, 1].map(|i| law["exponent_interval"][i].as_f64().unwrap());
    assert!(low < -0.2 && -0.2 < high && law["identified"] == true, "{law}");
    let page = String::from_utf8(bench.contents("audit")["report.html"].clone()).unwrap();
    assert!(!page.contains("NaN") && page.matches("<svg").count() == 4);
    for threads in ["1", "2"] {
        let again = [&all[..all.len() - 1], &[threads, "--threads", threads]].concat();
        assert!(TOKENIZE.run(&bench, &again).status.success());
        bench.assert_same("audit", threads);
    }
    for (flags, parts) in [
        (&["--ids", "rates.csv"][..], &["rates.csv", "neither a .npy"][..]),
        (&["--ids", "absent.npy"], &["absent.npy", "cannot be opened"]),
        (&["--ids", "ids.npy", "--codes", "5"], &["ids.npy", "id 15", "5 codes"]),
        (&["--ids", "ids.npy", "--runs", "rates.csv"], &["rates.csv", "no column 'compute'"]),
        (&["--ids", "ids.npy", "--latents", "ids.npy"], &["ids.npy", "holds integers"]),
    ] {
        TOKENIZE.refused(&bench, &[&["audit"], flags].concat(), 1, parts);
    }
}

/// Latents, codes and ids in every type, in both formats: the audit of the same numbers as f32 and i32.
#[test]
fn an_audit_reads_every_type() {
    let bench = Bench::new();
    let (ids, latents) = audited(&bench);
    let ids: Vec<u32> = ids.into_iter().flatten().collect();
    let latents: Vec<f32> = latents.into_iter().flatten().flatten().collect();
    let codes: Vec<f32> = (0..32).map(|i| i as f32 / 10.0 - 1.6).collect();
    let half = |v: f32| half::f16::from_f32(v);
    let brain = |v: f32| half::bf16::from_f32(v);
    for (name, descr, id, id_descr, size) in
        [("F16", "<f2", "I16", "<i2", 2), ("BF16", "<V2", "U16", "<u2", 2), ("F32", "<f4", "I64", "<i8", 8)]
    {
        let round = |v: &f32| match name {
            "F16" => half(*v).to_f32(),
            "BF16" => brain(*v).to_f32(),
            _ => *v,
        };
        let bytes = |v: &f32| match name {
            "F16" => half(*v).to_le_bytes().to_vec(),
            "BF16" => brain(*v).to_le_bytes().to_vec(),
            _ => v.to_le_bytes().to_vec(),
        };
        let own = |values: &[f32]| values.iter().flat_map(bytes).collect::<Vec<u8>>();
        let wide = |values: &[f32]| values.iter().flat_map(|v| round(v).to_le_bytes()).collect::<Vec<u8>>();
        let narrow: Vec<u8> =
            ids.iter().flat_map(|id| u64::from(*id).to_le_bytes()[..size].to_vec()).collect();
        let shape = |text: &str, descr: &str, bytes: &[u8]| {
            workbench::npy_with_header(&format!("'{descr}'"), "False", text, bytes)
        };
        bench.write("wide.npy", &shape("(400, 4, 2)", "<f4", &wide(&latents)));
        bench.write("codes.npy", &shape("(16, 2)", "<f4", &wide(&codes)));
        bench.write("own.npy", &shape("(400, 4, 2)", descr, &own(&latents)));
        bench.write("own-codes.npy", &shape("(16, 2)", descr, &own(&codes)));
        bench.write("own-ids.npy", &shape("(400, 4)", id_descr, &narrow));
        let tensors: [(&str, &str, &[usize], &[u8]); 3] = [
            ("latents", name, &[400, 4, 2], &own(&latents)),
            ("codebook", name, &[16, 2], &own(&codes)),
            ("ids", id, &[400, 4], &narrow),
        ];
        bench.write("all.safetensors", &workbench::safetensors(&tensors));
        let audit = |ids: &str, latents: &str, codes: &str, out: &str| {
            let flags = ["audit", "--ids", ids, "--latents", latents, "--codebook", codes, "--out", out];
            TOKENIZE.done(&bench, &[&flags[..], &["--overwrite"]].concat());
            let report = bench.report(out);
            let numbers = ["distortion", "linear_r2", "bits_per_item"].map(|key| report[key].clone());
            assert!(numbers.iter().all(|n| !n.is_null()), "{report}");
            (bench.contents(out)["positions.csv"].clone(), numbers)
        };
        let expected = audit("ids.npy", "wide.npy", "codes.npy", "wide");
        assert!(audit("own-ids.npy", "own.npy", "own-codes.npy", "npy") == expected, "{name}, .npy");
        let all = "all.safetensors";
        assert!(audit(all, all, all, "tensors") == expected, "{name}, .safetensors");
    }
}
