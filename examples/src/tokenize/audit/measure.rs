//! What an audit finds.

use std::io::{self, Write};

use ndarray::{Axis, s};
use pauca::causal::{AdamW, Batch, Crt, Predictor, RidgeGram, Schedule, Trainer, Transformer};
use pauca::random::Stream;
use pauca::tokens::{
    NGrams, PositionNGrams, ScalingInterval, bd_rate, lower_hull, mutual_information, pareto,
    scaling_interval,
};
use pauca::vq::{MASKED, PositionUsage, Usage};
use serde_json::{Value, json};

use super::of;
use super::read::Inputs;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::tokenize::tokenizer::{rate, serial};

/// Every so many items one is kept for judging.
const EVERY: usize = 8;
/// The ridge of the linear prediction, in units of the latents' variance.
const RIDGE: f64 = 1e-6;
/// The level of the intervals of scaling laws.
const LEVEL: f64 = 0.95;
/// Sequences of a training step of the transformer, its rate, and the stream of their order.
const BATCH: usize = 32;
const RATE: f64 = 3e-3;
const ORDER: u32 = 90;

/// One position of an item. Entropies in bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// H(x_i), plug-in.
    pub entropy: f64,
    /// H(x_i), Miller-Madow.
    pub entropy_corrected: f64,
    /// H(x_i given x_(i-1)), plug-in.
    pub conditional: f64,
    /// H(x_i given x_(i-1)), Miller-Madow.
    pub conditional_corrected: f64,
    /// I(x_(i-1); x_i), plug-in; 0 at the first.
    pub mutual: f64,
    /// exp of the entropy: codes in use.
    pub perplexity: f64,
    /// R² of the linear prediction of the latent.
    pub linear_r2: Option<f64>,
    /// R² of the transformer.
    pub transformer_r2: Option<f64>,
}

/// Rate and distortion of one tokenizer.
pub struct Rates {
    /// Its name.
    pub name: String,
    /// (rate, distortion).
    pub points: Vec<[f64; 2]>,
    /// Which of them are worth having.
    pub front: Vec<usize>,
    /// Which of them lie on the lower hull.
    pub hull: Vec<usize>,
    /// How much more rate it needs than the first, a share.
    pub against_first: Option<f64>,
}

/// Everything found.
pub struct Found {
    /// Position by position.
    pub positions: Vec<Position>,
    /// Usage of the codes over all positions.
    pub usage: Usage,
    /// Bits of an item that is coded by position, by position and the token before, and without knowing the position.
    pub bits: [f64; 3],
    /// The second by Miller-Madow.
    pub bits_corrected: f64,
    /// R² over all positions: linear, transformer.
    pub r2: [Option<f64>; 2],
    /// Mean squared error of quantization, a value.
    pub distortion: Option<f64>,
    /// Rate and distortion of tokenizers.
    pub rates: Vec<Rates>,
    /// Scaling law of each tokenizer.
    pub scaling: Vec<(String, Option<ScalingInterval>)>,
}

fn wrong(e: pauca::Error) -> Failure {
    of("audit", &e)
}

fn poll() -> Result<()> {
    if interrupt::requested() { Err(Failure::stopped()) } else { Ok(()) }
}

impl Found {
    /// Measures.
    ///
    /// # Errors
    /// What the library reports; [`Failure::Cancelled`].
    pub fn of(inputs: &Inputs, lags: usize, transformer: usize) -> Result<Self> {
        let (n, k) = (inputs.positions(), inputs.codes);
        let flat = inputs.ids.as_slice().unwrap_or_default();
        let mut usage = Usage::new(k).map_err(wrong)?;
        let mut by_position = PositionUsage::new(n, k).map_err(wrong)?;
        let mut grams = PositionNGrams::new(n, k, 1).map_err(wrong)?;
        let mut pooled = NGrams::new(k, 1.min(n - 1)).map_err(wrong)?;
        for items in flat.chunks(n * 1024) {
            poll()?;
            usage.add(items).map_err(wrong)?;
            by_position.add(items).map_err(wrong)?;
            grams.add(items).map_err(wrong)?;
            items.chunks(n).try_for_each(|item| pooled.add(item)).map_err(wrong)?;
        }
        let perplexities = by_position.perplexities().map_err(wrong)?;
        let bit = std::f64::consts::LN_2;
        let mut positions = Vec::new();
        for (i, perplexity) in perplexities.into_iter().enumerate() {
            poll()?;
            let alone = grams.conditional_entropy(i, 0).map_err(wrong)?;
            let given = grams.conditional_entropy(i, 1).map_err(wrong)?;
            let mutual = match i {
                0 => 0.0,
                _ => mutual_information(inputs.ids.view(), i - 1, i).map_err(wrong)?,
            };
            positions.push(Position {
                entropy: alone.plug_in / bit,
                entropy_corrected: alone.miller_madow / bit,
                conditional: given.plug_in / bit,
                conditional_corrected: given.miller_madow / bit,
                mutual: mutual / bit,
                perplexity,
                ..Position::default()
            });
        }
        let sum = |f: &dyn Fn(&Position) -> f64| positions.iter().map(f).sum::<f64>();
        let bits = [
            sum(&|p| p.entropy),
            grams.bits_per_item().map_err(wrong)?,
            pooled.pooled_bits_per_item(n).map_err(wrong)?,
        ];
        let bits_corrected = sum(&|p| p.conditional_corrected);
        let mut this = Self {
            positions,
            usage,
            bits,
            bits_corrected,
            r2: [None; 2],
            distortion: distortion(inputs),
            rates: rates(inputs)?,
            scaling: scaling(inputs)?,
        };
        this.predict(inputs, lags, transformer)?;
        Ok(this)
    }

    /// How well latents are predicted from those before, on items that were not fitted.
    fn predict(&mut self, inputs: &Inputs, lags: usize, steps: usize) -> Result<()> {
        let Some(z) = inputs.latents.as_ref().filter(|z| z.dim().1 > 1) else { return Ok(()) };
        let (items, n, d) = z.dim();
        let judged: Vec<usize> = match items {
            0..EVERY => (0..items).collect(),
            _ => (0..items).filter(|i| i % EVERY == EVERY - 1).collect(),
        };
        let fitted: Vec<usize> = (0..items).filter(|i| items < EVERY || i % EVERY != EVERY - 1).collect();
        let valid = z.select(Axis(0), &judged);
        let mut gram = RidgeGram::new(lags.min(n - 1), d).map_err(wrong)?;
        for part in fitted.chunks(256) {
            poll()?;
            gram.push(&Batch::new(z.select(Axis(0), part).view())).map_err(wrong)?;
        }
        // The ridge is in units of the latents.
        let variance = f64::from(z.var(0.0));
        let fit = gram.fit(RIDGE * variance).map_err(wrong)?;
        let linear: Predictor<f32> = fit.predictor().map_err(wrong)?;
        let value = Crt::new().value(&linear, &Batch::new(valid.view()), &serial()).map_err(wrong)?;
        self.r2[0] = value.r2;
        for (p, r2) in self.positions.iter_mut().skip(n - value.r2_per_step.len()).zip(&value.r2_per_step) {
            p.linear_r2 = Some(*r2).filter(|r2| r2.is_finite());
        }
        if steps == 0 {
            return Ok(());
        }
        let kind = Transformer::new(n).layers(2).width(32).heads(2);
        let predictor = Predictor::new(kind, d, d, 0).map_err(wrong)?;
        let adam = AdamW::new(predictor.params().len()).betas(0.9, 0.95);
        let mut trainer = Trainer::new(predictor, Crt::new(), Schedule::new().max(0.0).warm(0));
        trainer.set_optimizer(adam);
        let stream = Stream::new(0, ORDER);
        for step in 0..steps {
            poll()?;
            let draw =
                |i: usize| (stream.uniform((step * BATCH + i) as u64, 0) * fitted.len() as f64) as usize;
            let rows: Vec<usize> = (0..BATCH).map(|i| fitted[draw(i)]).collect();
            trainer.optimizer_mut().set_rate(rate(RATE, step, steps));
            trainer.step(&Batch::new(z.select(Axis(0), &rows).view()), &serial()).map_err(wrong)?;
        }
        let value =
            Crt::new().value(trainer.predictor(), &Batch::new(valid.view()), &serial()).map_err(wrong)?;
        self.r2[1] = value.r2;
        for (p, r2) in self.positions.iter_mut().skip(n - value.r2_per_step.len()).zip(&value.r2_per_step) {
            p.transformer_r2 = Some(*r2).filter(|r2| r2.is_finite());
        }
        Ok(())
    }

    /// positions.csv.
    ///
    /// # Errors
    /// The writer's.
    pub fn csv(&self, w: &mut dyn Write) -> io::Result<()> {
        writeln!(
            w,
            "position,entropy_bits,entropy_bits_miller_madow,conditional_bits,conditional_bits_miller_madow,\
             mutual_information_bits,perplexity,linear_r2,transformer_r2"
        )?;
        let cell = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
        for (i, p) in self.positions.iter().enumerate() {
            writeln!(
                w,
                "{i},{},{},{},{},{},{},{},{}",
                p.entropy,
                p.entropy_corrected,
                p.conditional,
                p.conditional_corrected,
                p.mutual,
                p.perplexity,
                cell(p.linear_r2),
                cell(p.transformer_r2)
            )?;
        }
        Ok(())
    }

    /// The record but for configuration, verdict, outputs and `run`.
    pub fn record(&self, inputs: &Inputs) -> Value {
        let end = |v: f64| if v.is_finite() { json!(v) } else { Value::Null };
        let scaling = self.scaling.iter().map(|(name, found)| match found {
            None => json!({"tokenizer": name, "fit": null}),
            Some(s) => json!({
                "tokenizer": name, "exponent": s.fit.exponent, "floor": s.fit.floor, "log_scale": s.fit.log_scale,
                "residual": s.fit.residual, "identified": s.fit.identified, "level": s.level,
                "exponent_interval": s.exponent.map(end), "floor_interval": s.floor.map(end),
            }),
        });
        let rates = self.rates.iter().map(|r| {
            json!({
                "tokenizer": r.name, "points": r.points, "front": r.front, "hull": r.hull,
                "rate_against_first": r.against_first,
            })
        });
        json!({
            "format": "pauca-tokenize-audit", "format_version": 1, "version": env!("CARGO_PKG_VERSION"),
            "items": inputs.items(), "positions": inputs.positions(), "codes": inputs.codes,
            "codes_used": self.usage.used(), "perplexity": self.usage.perplexity(),
            "entropy_bits": self.usage.bits(), "gini": self.usage.gini().ok().flatten(),
            "bits_per_item": {
                "uniform": inputs.positions() as f64 * (inputs.codes as f64).log2(), "by_position": self.bits[0],
                "by_position_given_previous": self.bits[1],
                "by_position_given_previous_miller_madow": self.bits_corrected,
                "pooled_given_previous": self.bits[2],
            },
            "linear_r2": self.r2[0], "transformer_r2": self.r2[1], "distortion": self.distortion,
            "rates": rates.collect::<Vec<_>>(), "scaling": scaling.collect::<Vec<_>>(),
        })
    }
}

/// Mean squared error of the codes of the ids, a value.
fn distortion(inputs: &Inputs) -> Option<f64> {
    let (z, codes) = (inputs.latents.as_ref()?, inputs.codebook.as_ref()?);
    let (mut sum, mut values) = (0.0, 0usize);
    for ((item, position), &id) in inputs.ids.indexed_iter().filter(|(_, id)| **id != MASKED) {
        for (a, b) in z.slice(s![item, position, ..]).iter().zip(codes.row(id as usize)) {
            let difference = f64::from(*a) - f64::from(*b);
            sum += difference * difference;
            values += 1;
        }
    }
    (values > 0).then(|| sum / values as f64)
}

fn rates(inputs: &Inputs) -> Result<Vec<Rates>> {
    let first = inputs.rates.first().map(|(_, points)| points.as_slice()).unwrap_or_default();
    let of = |(i, (name, points)): (usize, &(String, Vec<[f64; 2]>))| -> pauca::Result<Rates> {
        Ok(Rates {
            name: name.clone(),
            front: pareto(points)?,
            hull: lower_hull(points)?,
            against_first: if i == 0 { None } else { bd_rate(first, points)? },
            points: points.clone(),
        })
    };
    inputs
        .rates
        .iter()
        .enumerate()
        .map(of)
        .collect::<pauca::Result<_>>()
        .map_err(|e| super::of("--rates", &e))
}

fn scaling(inputs: &Inputs) -> Result<Vec<(String, Option<ScalingInterval>)>> {
    let of = |(name, points): &(String, Vec<[f64; 2]>)| {
        let (compute, loss): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p[0], p[1])).unzip();
        let found = scaling_interval(&compute, &loss, LEVEL);
        let found = found.map_err(|e| super::of(&format!("--runs, tokenizer '{name}'"), &e))?;
        Ok((name.clone(), found))
    };
    inputs.runs.iter().map(of).collect()
}
