//! `report.html`: the verdict, the table, what was traded for what, and pictures to judge by.

use std::collections::BTreeMap;

use serde_json::Value;

use super::charts::{Curve, Point, curves};
use super::experiment::{Outcome, shown_rows};
use super::model::SIZES;
use super::pictures::{Pictures, strip};
use super::summary::{Estimate, Row, bits_at_equal_error, sentence, verdict};
use crate::output::Written;
use crate::page::{escape, figure, file_list, page, section, table};
use crate::progress::count;

/// Plots by file name.
pub type Plots = Vec<(&'static str, String)>;

/// Names of the plots.
pub const TRADE: &str = "trade_off.svg";
/// Validation loss against compute.
pub const COMPUTE: &str = "compute.svg";
/// Validation loss of each position.
pub const POSITIONS: &str = "positions.svg";
/// Codes used at each position.
pub const USAGE: &str = "usage.svg";

/// Which colour a row has everywhere: the plain tokenizer is grey.
fn colour(i: usize) -> usize {
    i
}

fn half(estimate: &Estimate) -> f64 {
    estimate.half.unwrap_or(0.0)
}

/// Mean over the seeds of a row of a list of numbers.
fn mean_of<'a>(outcomes: &'a [Outcome], row: &Row, list: impl Fn(&'a Outcome) -> Vec<f64>) -> Vec<f64> {
    let runs: Vec<Vec<f64>> = outcomes
        .iter()
        .filter(|o| (o.job.codes, o.job.lambda) == (row.codes, row.lambda))
        .map(list)
        .collect();
    let length = runs.iter().map(Vec::len).min().unwrap_or(0);
    (0..length).map(|i| runs.iter().map(|run| run[i]).sum::<f64>() / runs.len() as f64).collect()
}

/// All plots.
pub fn plots(outcomes: &[Outcome], rows: &[Row]) -> Plots {
    let plain_codes = rows.first().map_or(0, |row| row.codes);
    let point = |row: &Row, s: usize| Point {
        at: (row.mse.mean, row.losses[s].mean),
        half: (half(&row.mse), half(&row.losses[s])),
        label: row.name(plain_codes),
    };
    let mut trade = Vec::new();
    for (s, size) in SIZES.iter().enumerate() {
        let path = |keep: &dyn Fn(&&Row) -> bool| -> Vec<Point> {
            rows.iter().filter(keep).map(|row| point(row, s)).collect()
        };
        let with = path(&|row| row.lambda > 0.0 || row.codes == plain_codes);
        let name = format!("causal regularization, {} model", size.name);
        trade.push(Curve { name, colour: 5 + s, dashed: false, marked: true, points: with });
        let fewer = path(&|row| row.lambda == 0.0);
        if fewer.len() > 1 {
            let name = format!("fewer codes, {} model", size.name);
            trade.push(Curve { name, colour: 7 + s, dashed: true, marked: true, points: fewer });
        }
    }
    let (mut compute, mut positions, mut usage) = (Vec::new(), Vec::new(), Vec::new());
    let last = SIZES.len() - 1;
    for (i, row) in rows.iter().enumerate() {
        let name = row.name(plain_codes);
        let line = |name: String, dashed: bool, points: Vec<(f64, f64)>| Curve {
            name,
            colour: colour(i),
            dashed,
            // A point alone has no line.
            marked: points.len() == 1,
            points: points.into_iter().map(|at| Point { at, ..Point::default() }).collect(),
        };
        for s in 0..SIZES.len() {
            let flops = mean_of(outcomes, row, |o| o.models[s].curve.iter().map(|p| p.0 / 1e9).collect());
            let loss = mean_of(outcomes, row, |o| o.models[s].curve.iter().map(|p| p.1).collect());
            // The first points, of models that know nothing yet, would flatten the rest.
            let points = flops.into_iter().zip(loss).skip(1).collect();
            let name = format!("{name}, {}", SIZES[s].name);
            compute.push(line(name, s != last, points));
        }
        let numbered =
            |values: Vec<f64>| values.into_iter().enumerate().map(|(t, v)| (t as f64, v)).collect();
        let losses = mean_of(outcomes, row, |o| o.models[last].per_position.clone());
        positions.push(line(name.clone(), false, numbered(losses)));
        let used = mean_of(outcomes, row, |o| o.position_perplexity.clone());
        usage.push(line(name, false, numbered(used)));
    }
    let mse = "reconstruction error (mean square, values in [0, 1]; left is better)";
    let nats = "validation loss (nats per token)";
    let position = "position of the token, in raster order";
    vec![
        (TRADE, curves(&trade, mse, "validation loss (nats per token; down is easier)", (960, 430))),
        (COMPUTE, curves(&compute, "compute spent on training (10⁹ operations)", nats, (960, 430))),
        (POSITIONS, curves(&positions, position, nats, (960, 360))),
        (USAGE, curves(&usage, position, "codes in use (perplexity)", (960, 360))),
    ]
}

/// The page.
pub fn html(
    pictures: &Pictures,
    outcomes: &[Outcome],
    rows: &[Row],
    plots: &Plots,
    written: &BTreeMap<String, Written>,
    configuration: &Value,
    seeds: usize,
) -> String {
    let plain_codes = rows.first().map_or(0, |row| row.codes);
    let plot = |name: &str| plots.iter().find(|(n, _)| *n == name).map_or("", |(_, svg)| svg.as_str());
    let mut body = format!(
        "<p class=\"kicker\">tokenize · {} pictures of {side} x {side} · {} kept for judging · {} seed{}</p>\n<h1>{}</h1>\n",
        count(pictures.len() as u64),
        count(pictures.valid.len() as u64),
        seeds,
        if seeds == 1 { "" } else { "s" },
        escape(&sentence(rows, seeds)),
        side = pictures.side,
    );
    let intervals = match seeds {
        1 => "One seed: no intervals.".to_string(),
        n => format!("Means over {n} seeds with 95 % intervals (Student's t); differences seed by seed."),
    };
    body.push_str(&section(
        "What was traded for what",
        &format!(
            "Each point is a tokenizer: how badly it reconstructs, and how hard its tokens are for a model \
             trained with the same compute. {intervals}"
        ),
        &figure("Reconstruction against ease of modelling", plot(TRADE)),
    ));
    let head = [
        "tokenizer",
        "reconstruction error",
        "PSNR",
        "perplexity",
        "codes used",
        "linear R²",
        "bits a picture",
    ];
    let cells = rows.iter().map(|row| {
        vec![
            row.name(plain_codes),
            row.mse.text(5),
            format!("{:.2} dB", -10.0 * row.mse.mean.log10()),
            row.perplexity.text(1),
            row.used.text(0),
            row.linear_r2.text(3),
            row.bits.text(1),
        ]
    });
    let mut tables = table(&head, &["", "num", "num", "num", "num", "num", "num"], cells);
    let head = [
        "tokenizer",
        "H(token)",
        "H(token | place)",
        "H(token | previous)",
        "loss, small",
        "loss, large",
        "explained, small",
        "explained, large",
    ];
    let cells = rows.iter().map(|row| {
        vec![
            row.name(plain_codes),
            row.entropy.text(3),
            row.placed.text(3),
            row.conditional.text(3),
            row.losses[0].text(3),
            row.losses[1].text(3),
            row.explained[0].text(3),
            row.explained[1].text(3),
        ]
    });
    tables.push_str("<h3>Tokens and models of them <span>· nats a token</span></h3>\n");
    tables.push_str(&table(&head, &["", "num", "num", "num", "num", "num", "num", "num"], cells));
    let changes = rows.iter().skip(1).map(|row| {
        vec![
            row.name(plain_codes),
            row.mse_change.text(5),
            row.loss_changes[0].text(3),
            row.loss_changes[1].text(3),
            row.placed_change.text(3),
            row.explained_changes[0].text(3),
            row.explained_changes[1].text(3),
        ]
    });
    tables.push_str("<h3>Differences to the plain tokenizer</h3>\n");
    tables.push_str(&table(
        &[
            "tokenizer",
            "reconstruction error",
            "loss, small",
            "loss, large",
            "H(token | place)",
            "explained, small",
            "explained, large",
        ],
        &["", "num", "num", "num", "num", "num", "num"],
        changes,
    ));
    if let Some(more) = bits_at_equal_error(rows) {
        tables.push_str(&format!(
            "<p>At equal reconstruction error a picture takes {:+.1} % bits with the regularizer against fewer codes \
             (coded by the large model; mean over the errors that both reach).</p>\n",
            100.0 * more
        ));
    }
    body.push_str(&section(
        "The numbers",
        "Entropies and losses in nats a token. H is of all pictures, given the token before by Miller-Madow. R² says \
         how well the best linear map of the patches left and above predicts a latent before it is quantized. \
         Explained is H(token | place) less the loss: what the tokens before say of a token whose place is known. A \
         loss that falls with H(token | place) alone explains nothing. \
         Losses are of pictures that neither tokenizer nor model saw; both models got the same compute.",
        &tables,
    ));
    let mut grids = String::new();
    let (_, best) = verdict(rows, seeds);
    let shown = |outcome: &&Outcome| outcome.job.seed == 0;
    let originals: Vec<Vec<u8>> = shown_rows(pictures).iter().map(|&i| pictures.bytes(i)).collect();
    let line = |name: &str, pictures_shown: &[Vec<u8>]| {
        let address = strip(pictures_shown, pictures.side, pictures.channels, pictures_shown.len());
        format!("<h3>{}</h3>\n<img alt=\"\" style=\"max-width:100%\" src=\"{address}\">\n", escape(name))
    };
    grids.push_str(&line("originals (not trained on)", &originals));
    let row_of = |outcome: &Outcome| {
        rows.iter().find(|row| (row.codes, row.lambda) == (outcome.job.codes, outcome.job.lambda))
    };
    for outcome in outcomes.iter().filter(shown) {
        if let Some(row) = row_of(outcome) {
            let name = format!("{} · error {:.5}", row.name(plain_codes), outcome.mse);
            grids.push_str(&line(&name, &outcome.shown));
        }
    }
    body.push_str(&section("Reconstructions", "The same pictures through each tokenizer (seed 0).", &grids));
    let mut grids = String::from("<div class=\"two\">\n");
    let last = SIZES.len() - 1;
    for outcome in outcomes.iter().filter(shown) {
        let Some(row) = row_of(outcome) else { continue };
        let mark = if best.is_some_and(|best| std::ptr::eq(best, row)) { " (lowest loss)" } else { "" };
        let address = strip(&outcome.samples[last], pictures.side, pictures.channels, 8);
        grids.push_str(&format!(
            "<div><h3>{}{mark} <span>· loss {:.3}</span></h3><img alt=\"\" style=\"max-width:100%\" src=\"{address}\"></div>\n",
            escape(&row.name(plain_codes)),
            outcome.models[last].loss
        ));
    }
    grids.push_str("</div>\n");
    body.push_str(&section(
        "Samples",
        "Pictures that the large model of each tokenizer's tokens makes up, token by token (seed 0, not selected).",
        &grids,
    ));
    body.push_str(&section(
        "Loss against compute",
        "Loss on pictures not trained on while the models train. Solid: large; dashed: small.",
        &figure("", plot(COMPUTE)),
    ));
    body.push_str(&section(
        "Position by position",
        "The large model's loss, and how many codes are in use, at each place of the picture.",
        &format!("{}{}", figure("Loss", plot(POSITIONS)), figure("Codes in use", plot(USAGE))),
    ));
    let promise = "The same sheet and flags give these same bytes at any number of threads on one machine.";
    body.push_str(&file_list(written, configuration, promise));
    page("tokenize", &body)
}
