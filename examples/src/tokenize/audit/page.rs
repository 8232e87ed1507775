//! The page of an audit.

use std::collections::BTreeMap;

use serde_json::Value;

use super::measure::{Found, Position};
use super::read::Inputs;
use crate::output::Written;
use crate::page::{Fact, SAME_BYTES, escape, fact_list, figure, file_list, page, section, table};
use crate::progress::{count, percent};
use crate::tokenize::charts::{Curve, Point, curves};

/// Predictability of latents by position.
pub const R2: &str = "predictability.svg";
/// Entropies by position.
pub const ENTROPIES: &str = "entropies.svg";
/// Rate and distortion.
pub const RATES: &str = "rates.svg";
/// Scaling laws.
pub const SCALING: &str = "scaling.svg";

type Plots = Vec<(&'static str, String)>;

fn curve(name: &str, colour: usize, dashed: bool, marked: bool, points: Vec<(f64, f64)>) -> Curve {
    let points = points.into_iter().map(|at| Point { at, ..Point::default() }).collect();
    Curve { name: name.to_string(), colour, dashed, marked, points }
}

/// All plots that there is something for.
pub fn plots(inputs: &Inputs, found: &Found) -> Plots {
    let mut plots = Plots::new();
    let line = |of: &dyn Fn(&Position) -> Option<f64>| -> Vec<(f64, f64)> {
        found.positions.iter().enumerate().filter_map(|(i, p)| Some((i as f64, of(p)?))).collect()
    };
    let position = "position of the token in its item";
    if found.r2[0].is_some() {
        let mut lines = vec![curve("linear", 1, false, true, line(&|p| p.linear_r2))];
        if found.r2[1].is_some() {
            lines.push(curve("transformer", 2, false, true, line(&|p| p.transformer_r2)));
        }
        plots.push((R2, curves(&lines, position, "R² of the latent, given those before", (640, 360))));
    }
    let lines = [
        curve("by itself", 1, false, true, line(&|p| Some(p.entropy))),
        curve("given the token before", 2, false, true, line(&|p| Some(p.conditional))),
        curve(
            "given the token before, Miller-Madow",
            2,
            true,
            false,
            line(&|p| Some(p.conditional_corrected)),
        ),
    ];
    plots.push((ENTROPIES, curves(&lines, position, "entropy of the token, bits", (640, 360))));
    if !found.rates.is_empty() {
        let mut lines = Vec::new();
        for (i, rates) in found.rates.iter().enumerate() {
            let at = |&j: &usize| (rates.points[j][0], rates.points[j][1]);
            lines.push(curve(&rates.name, i + 1, false, true, rates.front.iter().map(at).collect()));
            let beaten = (0..rates.points.len()).filter(|j| !rates.front.contains(j));
            for j in beaten {
                lines.push(curve("", 0, false, true, vec![at(&j)]));
            }
        }
        plots.push((RATES, curves(&lines, "rate", "distortion (down is better)", (640, 400))));
    }
    if !found.scaling.is_empty() {
        let mut lines = Vec::new();
        for (i, ((name, points), (_, law))) in inputs.runs.iter().zip(&found.scaling).enumerate() {
            for [c, loss] in points {
                lines.push(curve("", i + 1, false, true, vec![(c.log10(), *loss)]));
            }
            let Some(law) = law else { continue };
            let logs = points.iter().map(|p| p[0].log10());
            let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
            let at = |j: usize| low + (high - low) * j as f64 / 60.0;
            let fitted = (0..=60).map(|j| (at(j), law.fit.predict(10f64.powf(at(j))))).collect();
            lines.push(curve(name, i + 1, false, false, fitted));
        }
        plots.push((SCALING, curves(&lines, "log10 of compute", "loss", (640, 400))));
    }
    plots
}

/// The verdict in one sentence.
pub fn sentence(inputs: &Inputs, found: &Found) -> String {
    let uniform = inputs.positions() as f64 * (inputs.codes as f64).log2();
    let mut text = format!(
        "An item takes {:.1} bits as {} ids of {}; a coder who knows position and the token before needs {:.1}",
        uniform,
        count(inputs.positions() as u64),
        count(inputs.codes as u64),
        found.bits[1]
    );
    if let Some(r2) = found.r2[0] {
        let share = percent(r2.max(0.0));
        text.push_str(&format!(
            ", and the latents before say {share} of a latent's variance by a linear map"
        ));
    }
    text.push('.');
    text
}

fn interval([low, high]: [f64; 2]) -> String {
    let end = |v: f64| if v == f64::NEG_INFINITY { "no end".to_string() } else { format!("{v:.4}") };
    format!("{} to {}", end(low), end(high))
}

/// The page.
pub fn html(
    inputs: &Inputs,
    found: &Found,
    plots: &Plots,
    written: &BTreeMap<String, Written>,
    configuration: &Value,
) -> String {
    let plot = |name: &str| plots.iter().find(|(n, _)| *n == name).map(|(_, svg)| svg.as_str());
    let verdict = sentence(inputs, found);
    let mut body = format!(
        "<p class=\"kicker\">tokenize audit · {} items of {} positions · {} codes</p>\n<h1>{}</h1>\n",
        count(inputs.items() as u64),
        count(inputs.positions() as u64),
        count(inputs.codes as u64),
        escape(&verdict)
    );
    let fact =
        |about: &str, value: String, detail: &str| Fact { about: about.into(), value, detail: detail.into() };
    let used = found.usage.used();
    let mut facts = vec![
        fact("codes in use", count(used as u64), &format!("of {}", count(inputs.codes as u64))),
        fact("perplexity", format!("{:.1}", found.usage.perplexity()), "as many evenly used codes"),
    ];
    if let Some(r2) = found.r2[0] {
        facts.push(fact("linear R²", format!("{r2:.3}"), "of items that were not fitted"));
    }
    if let Some(r2) = found.r2[1] {
        facts.push(fact("transformer R²", format!("{r2:.3}"), "of items that were not fitted"));
    }
    if let Some(error) = found.distortion {
        facts.push(fact("quantization error", format!("{error:.5}"), "mean square of a value"));
    }
    body.push_str(&fact_list(&facts));
    let uniform = inputs.positions() as f64 * (inputs.codes as f64).log2();
    let rows = [
        ("nothing: ids of equal length", uniform),
        ("the token before, not the position (pooled)", found.bits[2]),
        ("the position", found.bits[0]),
        ("position and the token before", found.bits[1]),
        ("position and the token before, Miller-Madow", found.bits_corrected),
    ];
    let rows = rows.map(|(what, bits)| {
        vec![what.to_string(), format!("{bits:.2}"), format!("{:.3}", bits / inputs.positions() as f64)]
    });
    let lead = "What an item costs a coder, by what the coder knows. Plug-in entropies of these items: with many codes and \
                few items they are too low, and Miller-Madow says by how much about.";
    let bits = table(&["a coder who knows", "bits an item", "bits a token"], &["", "num", "num"], rows);
    body.push_str(&section("Bits", lead, &bits));
    if let Some(svg) = plot(R2) {
        let lead = "How much of the variance of a latent, before it is quantized, is predicted from the latents before it: \
                    fitted on seven of eight items, judged on the eighth. One predictor serves all positions: below 0 it is \
                    worse at a position than the mean of that position.";
        body.push_str(&section("Predictability by position", lead, &figure("", svg)));
    }
    if let Some(svg) = plot(ENTROPIES) {
        let lead = "Codes that specialize by position leave the entropy over all positions high and that at each one low.";
        body.push_str(&section("Entropy by position", lead, &figure("", svg)));
    }
    if let Some(svg) = plot(RATES) {
        let rows = found.rates.iter().map(|r| {
            let more = r.against_first.map_or("-".into(), |b| format!("{:+.1} %", 100.0 * b));
            vec![escape(&r.name), r.points.len().to_string(), r.front.len().to_string(), more]
        });
        let first = found.rates.first().map_or("the first", |r| r.name.as_str());
        let head = ["tokenizer", "points", "worth having", "rate at equal distortion"];
        let html = table(&head, &["", "num", "num", "num"], rows);
        let lead = format!(
            "Joined are the points that no other of the same tokenizer beats in both; grey are the others. Rates at \
             equal distortion are against {}.",
            escape(first)
        );
        body.push_str(&section("Rate and distortion", &lead, &format!("{}{html}", figure("", svg))));
    }
    if let Some(svg) = plot(SCALING) {
        let rows = found.scaling.iter().map(|(name, law)| match law {
            None => vec![
                escape(name),
                "no fit".into(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ],
            Some(law) => vec![
                escape(name),
                format!("{:.4}", law.fit.exponent),
                interval(law.exponent),
                format!("{:.4}", law.fit.floor),
                interval(law.floor),
                if law.fit.identified { String::new() } else { "at the end of the range".into() },
            ],
        });
        let head = ["tokenizer", "exponent", "95 % interval", "floor", "95 % interval", "note"];
        let html = table(&head, &["", "num", "num", "num", "num", ""], rows);
        let lead = "L(C) = floor + e^lambda C^exponent by least squares, with profile likelihood intervals. An interval of the \
                    exponent that reaches 0 does not rule out a straight line in ln C.";
        body.push_str(&section("Scaling", lead, &format!("{}{html}", figure("", svg))));
    }
    body.push_str(&file_list(written, configuration, SAME_BYTES));
    page(&format!("tokenize audit: {verdict}"), &body)
}
