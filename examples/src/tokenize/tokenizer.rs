//! Stage 1: from patches to codes and back.
//!
//! The encoder sees each patch with half a patch around it (a perceptron over the crop), the decoder
//! the codes of the patch and its eight neighbours. Latents and codes have unit length (cosine codes),
//! so that the regularizer cannot be satisfied by shrinking. Codes are running means; dead ones take
//! rows of the batch. The loss is the mean squared error of pixels in [-1, 1], plus the commitment loss,
//! plus lambda times the causal regularizer on the unit latents, in raster order.

use ndarray::{Array2, Array3};
use pauca::causal::{AdamW, Batch, Crt, Predictor, RidgeGram, Schedule, Trainer, Transformer, Window};
use pauca::random::Stream;
use pauca::vq::{
    self, CodeStats, Ema, EmaCodebook, Policy, Revival, Upstream, VectorQuantizer, kmeans_codes_on,
};
use pauca::{Context, Control, Cpu, Exec, KMeans, Metric};

use safetensors::tensor::{Dtype, TensorView};

use super::args::PredictorName;
use super::library;
use super::perceptron::Perceptron;
use super::pictures::Pictures;
use crate::failure::{Failure, Result};

/// Pictures of a step.
pub const BATCH: usize = 32;
/// Components of a latent.
pub const LATENT: usize = 8;
const ENCODER_HIDDEN: usize = 96;
const DECODER_HIDDEN: usize = 128;
const RATE: f64 = 3e-3;
const PREDICTOR_RATE: f64 = 3e-3;
const DECAY: f64 = 0.95;
/// The steps in which lambda rises are this share of all.
const WARM: f64 = 0.25;
/// Dead codes are looked for every so many steps, in the first three quarters.
const REVIVE_EVERY: usize = 10;
/// Stream of the pictures of each step.
const ORDER: u32 = 70;

/// What decides a tokenizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Pixels along the side of a patch.
    pub patch: usize,
    /// Codes.
    pub codes: usize,
    /// Weight of the regularizer.
    pub lambda: f64,
    /// Training steps.
    pub steps: usize,
    /// Seed.
    pub seed: u64,
    /// Who predicts the latents.
    pub predictor: PredictorName,
}

/// Which pixels and which neighbours belong to each patch.
struct Geometry {
    grid: usize,
    /// Pixel of every value of every crop, as an index into a picture.
    crops: Vec<Vec<usize>>,
    /// Pixel of every value of every patch.
    patches: Vec<Vec<usize>>,
    /// The nine patches around each; none beyond the border.
    around: Vec<[Option<usize>; 9]>,
}

impl Geometry {
    fn new(pictures: &Pictures, patch: usize) -> Self {
        let (side, channels) = (pictures.side, pictures.channels);
        let grid = side / patch;
        let clamp = |v: isize| v.clamp(0, side as isize - 1) as usize;
        let square = |top: isize, left: isize, size: usize| {
            let mut pixels = Vec::with_capacity(size * size * channels);
            for y in 0..size as isize {
                for x in 0..size as isize {
                    let pixel = clamp(top + y) * side + clamp(left + x);
                    pixels.extend((0..channels).map(|c| pixel * channels + c));
                }
            }
            pixels
        };
        let half = (patch / 2) as isize;
        let corners = (0..grid * grid).map(|t| ((t / grid * patch) as isize, (t % grid * patch) as isize));
        let crops = corners.clone().map(|(y, x)| square(y - half, x - half, 2 * half as usize + patch));
        let patches = corners.map(|(y, x)| square(y, x, patch));
        let around = (0..grid * grid).map(|t| {
            std::array::from_fn(|k| {
                let (y, x) = (t / grid + k / 3, t % grid + k % 3);
                ((1..=grid).contains(&y) && (1..=grid).contains(&x)).then(|| (y - 1) * grid + x - 1)
            })
        });
        Self { grid, crops: crops.collect(), patches: patches.collect(), around: around.collect() }
    }

    fn tokens(&self) -> usize {
        self.grid * self.grid
    }
}

/// A trained tokenizer.
pub struct Tokenizer {
    geometry: Geometry,
    encoder: Perceptron,
    decoder: Perceptron,
    quantizer: VectorQuantizer,
    codes: Array2<f32>,
    cpu: Cpu,
    size: usize,
}

/// What a tokenizer makes of pictures.
pub struct Tokens {
    /// [n, tokens].
    pub ids: Vec<u32>,
    /// Mean squared error of values in [0, 1].
    pub mse: f64,
    /// R² of the best linear prediction of the unit latents from the patches left and above.
    pub linear_r2: f64,
    /// [n, tokens, components], before quantization, of any length.
    pub latents: Vec<f32>,
}

/// Rows of `rows` values gathered from pictures.
fn gather(pictures: &[&[f32]], places: &[Vec<usize>]) -> Array2<f32> {
    let width = places[0].len();
    let mut rows = Vec::with_capacity(pictures.len() * places.len() * width);
    for picture in pictures {
        // Values around 0 for the networks.
        places.iter().for_each(|pixels| rows.extend(pixels.iter().map(|&p| 2.0 * picture[p] - 1.0)));
    }
    Array2::from_shape_vec((pictures.len() * places.len(), width), rows).expect("rows of one width")
}

/// Values of four bytes, little-endian.
fn little<T: bytemuck::Pod>(values: &[T]) -> Vec<u8> {
    let mut bytes = bytemuck::cast_slice(values).to_vec();
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size_of::<T>()).for_each(<[u8]>::reverse);
    }
    bytes
}

/// A training between two steps, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Steps taken.
    pub step: usize,
    /// Encoder, decoder, codes, and the regularizer where there is one.
    pub parts: Vec<Vec<u8>>,
}

/// A tokenizer in training.
pub struct Training<'p> {
    pictures: &'p Pictures,
    settings: Settings,
    tokenizer: Tokenizer,
    book: EmaCodebook<f32>,
    trainer: Option<Trainer<f32>>,
    revival: Revival,
    step: usize,
}

impl<'p> Training<'p> {
    /// A training before its first step, or where `from` left it.
    ///
    /// # Errors
    /// What the library reports; [`Failure::Data`] for a state of other settings.
    pub fn new(pictures: &'p Pictures, settings: &Settings, from: Option<&State>) -> Result<Self> {
        let mut tokenizer = Tokenizer::blank(pictures, settings)?;
        let (codes, each) = (settings.codes, (BATCH * tokenizer.tokens()) as f64 / settings.codes as f64);
        let revival = Revival::new(Policy::RandomRow).threshold(0.02 * each);
        let revival = revival.reset_count(each).seed(settings.seed);
        let mut trainer = tokenizer.trainer(settings)?;
        let mut step = 0;
        let book = match from {
            None => tokenizer.first_codes(pictures, settings, &serial())?,
            Some(state) => {
                let other = || Failure::Data("the saved state is of another training".into());
                let mut parts = state.parts.iter().map(Vec::as_slice);
                let mut next = || parts.next().ok_or_else(other);
                let (encoder, decoder) = ([next()?, next()?], [next()?, next()?]);
                tokenizer.encoder.restore(encoder).ok_or_else(other)?;
                tokenizer.decoder.restore(decoder).ok_or_else(other)?;
                let book = EmaCodebook::from_bytes(next()?).map_err(|_| other())?;
                if let Some(trainer) = &mut trainer {
                    *trainer = Trainer::from_bytes(next()?).map_err(|_| other())?;
                }
                step = state.step;
                if book.codes().dim() != (codes, LATENT) || step > settings.steps || next().is_ok() {
                    return Err(other());
                }
                book
            }
        };
        Ok(Self { pictures, settings: *settings, tokenizer, book, trainer, revival, step })
    }

    /// What [`new`](Self::new) goes on from, to the same bits.
    ///
    /// # Errors
    /// What the library reports.
    pub fn state(&self) -> Result<State> {
        let mut parts = Vec::new();
        parts.extend(self.tokenizer.encoder.state()?);
        parts.extend(self.tokenizer.decoder.state()?);
        parts.push(self.book.to_bytes().map_err(|e| library(&e))?);
        if let Some(trainer) = &self.trainer {
            parts.push(trainer.to_bytes().map_err(|e| library(&e))?);
        }
        Ok(State { step: self.step, parts })
    }

    /// Whether steps are left.
    pub fn unfinished(&self) -> bool {
        self.step < self.settings.steps
    }

    /// The trained tokenizer.
    pub fn finish(self) -> Tokenizer {
        let codes = self.book.codes().to_owned();
        Tokenizer { codes, ..self.tokenizer }
    }

    /// One step.
    ///
    /// # Errors
    /// What the library reports.
    pub fn step(&mut self) -> Result<()> {
        let Self { pictures, settings, tokenizer: this, book, trainer, revival, step } = self;
        let (cx, step, tokens) = (serial(), *step, this.tokens());
        let batch = pick(pictures, settings.seed, step);
        let crops = gather(&batch, &this.geometry.crops);
        let targets = gather(&batch, &this.geometry.patches);
        let (z, encoded) = this.encoder.forward(&crops);
        let found = this
            .quantizer
            .forward_on(&this.cpu, z.view(), book.codes(), None, &cx)
            .map_err(|e| library(&e))?;
        let seen = this.neighbours(&found.quantized);
        let (out, decoded) = this.decoder.forward(&seen);
        let mut slope = out - &targets;
        slope *= 2.0 / slope.len() as f32;
        let (decoder_gradient, dseen) = this.decoder.backward(&seen, &decoded, &slope);
        let upstream = this.spread(&dseen);
        let upstream = Upstream::of(upstream.view());
        let back = this.quantizer.backward_in(z.view(), book.codes(), &found, upstream, &cx);
        let mut dz = back.map_err(|e| library(&e))?.latents;
        if let Some(trainer) = trainer {
            trainer.optimizer_mut().set_rate(rate(PREDICTOR_RATE, step, settings.steps));
            let latents = z.view().into_shape_with_order((batch.len(), tokens, LATENT));
            let latents = latents.expect("rows of whole pictures");
            let found = trainer.step(&Batch::new(latents).normalized(true), &cx).map_err(|e| library(&e))?;
            dz.iter_mut().zip(&found.dz).for_each(|(d, more)| *d += more);
        }
        let (encoder_gradient, _) = this.encoder.backward(&crops, &encoded, &dz);
        let rate = rate(RATE, step, settings.steps);
        this.encoder.step(&encoder_gradient, rate)?;
        this.decoder.step(&decoder_gradient, rate)?;
        let ids = found.ids.as_slice().expect("fresh ids");
        let mut stats = CodeStats::new(settings.codes, LATENT, Metric::Cosine).map_err(|e| library(&e))?;
        stats.collect_on(&this.cpu, z.view(), ids, &cx).map_err(|e| library(&e))?;
        book.update(&stats).map_err(|e| library(&e))?;
        if step % REVIVE_EVERY == REVIVE_EVERY - 1 && 4 * step < 3 * settings.steps {
            let distances = found.distances.as_slice().expect("fresh distances");
            book.revive(revival, z.view(), ids, distances, step as u64).map_err(|e| library(&e))?;
        }
        self.step += 1;
        Ok(())
    }
}

impl Tokenizer {
    /// A tokenizer without codes.
    fn blank(pictures: &Pictures, settings: &Settings) -> Result<Self> {
        let geometry = Geometry::new(pictures, settings.patch);
        let (crop, patch) = (geometry.crops[0].len(), geometry.patches[0].len());
        let seed = settings.seed;
        Ok(Self {
            encoder: Perceptron::new(crop, ENCODER_HIDDEN, LATENT, seed, 0),
            decoder: Perceptron::new(9 * LATENT, DECODER_HIDDEN, patch, seed, 1),
            quantizer: VectorQuantizer::new()
                .metric(Metric::Cosine)
                .training(vq::Training::Ema)
                .commitment(0.25),
            codes: Array2::zeros((0, LATENT)),
            cpu: Cpu::new().map_err(|e| library(&e))?,
            size: pictures.size(),
            geometry,
        })
    }

    /// Codes from k-means on the latents of some pictures.
    fn first_codes(
        &self,
        pictures: &Pictures,
        settings: &Settings,
        cx: &Context<'_>,
    ) -> Result<EmaCodebook<f32>> {
        let some: Vec<&[f32]> =
            (0..2).flat_map(|step| pick(pictures, settings.seed ^ 1 << 40, step)).collect();
        let (z, _) = self.encoder.forward(&gather(&some, &self.geometry.crops));
        let k_means = KMeans::new(settings.codes).spherical(true).max_iter(5).seed(settings.seed);
        let codes = kmeans_codes_on(&self.cpu, &k_means, z.view(), None, cx).map_err(|e| library(&e))?;
        Ema::new(Metric::Cosine).decay(DECAY).start(codes.view()).map_err(|e| library(&e))
    }

    /// The regularizer; none with lambda 0.
    fn trainer(&self, settings: &Settings) -> Result<Option<Trainer<f32>>> {
        if settings.lambda == 0.0 {
            return Ok(None);
        }
        let above = self.geometry.grid + 1;
        let kind: pauca::causal::Kind = match settings.predictor {
            PredictorName::Transformer => {
                Transformer::new(self.geometry.tokens()).layers(2).width(32).heads(2).into()
            }
            PredictorName::Mlp => Window::mlp(above, 64).into(),
            PredictorName::Linear => Window::linear(above).into(),
        };
        let predictor = Predictor::new(kind, LATENT, LATENT, settings.seed).map_err(|e| library(&e))?;
        let warm = (WARM * settings.steps as f64) as u64;
        let adam = AdamW::new(predictor.params().len()).betas(0.9, 0.95);
        let mut trainer =
            Trainer::new(predictor, Crt::new(), Schedule::new().max(settings.lambda).warm(warm));
        trainer.set_optimizer(adam);
        Ok(Some(trainer))
    }

    /// The codes of each patch and its neighbours side by side; zeros beyond the border.
    fn neighbours(&self, codes: &Array2<f32>) -> Array2<f32> {
        let tokens = self.geometry.tokens();
        let mut rows = Array2::zeros((codes.nrows(), 9 * LATENT));
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            let (first, t) = (i / tokens * tokens, i % tokens);
            for (k, neighbour) in self.geometry.around[t].iter().enumerate() {
                if let Some(neighbour) = neighbour {
                    let mut part = row.slice_mut(ndarray::s![k * LATENT..(k + 1) * LATENT]);
                    part.assign(&codes.row(first + neighbour));
                }
            }
        }
        rows
    }

    /// The gradient of the codes from that of [`neighbours`](Self::neighbours).
    fn spread(&self, d: &Array2<f32>) -> Array2<f32> {
        let tokens = self.geometry.tokens();
        let mut codes = Array2::zeros((d.nrows(), LATENT));
        for (i, row) in d.rows().into_iter().enumerate() {
            let (first, t) = (i / tokens * tokens, i % tokens);
            for (k, neighbour) in self.geometry.around[t].iter().enumerate() {
                if let Some(neighbour) = neighbour {
                    let mut code = codes.row_mut(first + neighbour);
                    code += &row.slice(ndarray::s![k * LATENT..(k + 1) * LATENT]);
                }
            }
        }
        codes
    }

    /// Patches along a side.
    pub fn grid(&self) -> usize {
        self.geometry.grid
    }

    /// Tokens of a picture.
    pub fn tokens(&self) -> usize {
        self.geometry.tokens()
    }

    /// The tokens of the pictures of the given rows, and how well they stand for them.
    ///
    /// # Errors
    /// What the library reports.
    pub fn encode(&self, pictures: &Pictures, rows: &[usize]) -> Result<Tokens> {
        let (cx, tokens) = (serial(), self.tokens());
        let (mut ids, mut error) = (Vec::with_capacity(rows.len() * tokens), 0.0);
        let mut all = Vec::with_capacity(rows.len() * tokens * LATENT);
        let mut gram = RidgeGram::new(self.geometry.grid + 1, LATENT).map_err(|e| library(&e))?;
        for part in rows.chunks(128) {
            let batch: Vec<&[f32]> = part.iter().map(|&i| pictures.picture(i)).collect();
            let (z, _) = self.encoder.forward(&gather(&batch, &self.geometry.crops));
            let found = self.quantizer.assign_on(&self.cpu, z.view(), self.codes.view(), None, &cx);
            let part_ids = found.map_err(|e| library(&e))?.ids.to_vec();
            let decoded = self.decode(&part_ids)?;
            for (picture, decoded) in batch.iter().zip(&decoded) {
                let errors = picture.iter().zip(decoded).map(|(a, b)| f64::from(a - b));
                error += errors.map(|e| e * e).sum::<f64>();
            }
            all.extend(z.iter());
            let shape = (batch.len(), tokens, LATENT);
            let latents: Array3<f32> = z.into_shape_with_order(shape).expect("rows of whole pictures");
            gram.push(&Batch::new(latents.view()).normalized(true)).map_err(|e| library(&e))?;
            ids.extend(part_ids);
        }
        let fit = gram.fit(1e-6).map_err(|e| library(&e))?;
        let mse = error / (rows.len() * self.size) as f64;
        Ok(Tokens { ids, mse, linear_r2: fit.r2.unwrap_or(0.0), latents: all })
    }

    /// The tokens of all pictures, in their order, as a .safetensors file: latents of unit length, as the codes are,
    /// `[pictures, tokens, components]`; ids, `[pictures, tokens]`; the codebook.
    ///
    /// # Errors
    /// What the library reports.
    pub fn file(&self, pictures: &Pictures) -> Result<Vec<u8>> {
        let rows: Vec<usize> = (0..pictures.len()).collect();
        let Tokens { ids, latents, .. } = self.encode(pictures, &rows)?;
        let mut unit = vec![0.0f32; latents.len()];
        for (z, unit) in latents.chunks_exact(LATENT).zip(unit.chunks_exact_mut(LATENT)) {
            vq::l2_normalize(z, unit).map_err(|e| library(&e))?;
        }
        let (n, tokens) = (rows.len(), self.tokens());
        let codes: Vec<f32> = self.codes.iter().copied().collect();
        let bytes = [little(&unit), little(&ids), little(&codes)];
        let tensor = |dtype, shape: &[usize], i: usize| {
            TensorView::new(dtype, shape.to_vec(), &bytes[i]).expect("as many bytes as the shape needs")
        };
        let tensors = [
            ("latents", tensor(Dtype::F32, &[n, tokens, LATENT], 0)),
            ("ids", tensor(Dtype::U32, &[n, tokens], 1)),
            ("codebook", tensor(Dtype::F32, &[self.codes.nrows(), LATENT], 2)),
        ];
        safetensors::serialize(tensors, None).map_err(|e| Failure::Data(format!("tokens: {e}")))
    }

    /// The pictures that tokens stand for, values clipped to [0, 1].
    ///
    /// # Errors
    /// What the library reports.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<Vec<f32>>> {
        let codes = self.quantizer.decode(self.codes.view(), ids).map_err(|e| library(&e))?;
        let (out, _) = self.decoder.forward(&self.neighbours(&codes));
        let tokens = self.tokens();
        let mut pictures = vec![vec![0.0; self.size]; ids.len() / tokens];
        for (i, row) in out.rows().into_iter().enumerate() {
            for (&pixel, &value) in self.geometry.patches[i % tokens].iter().zip(row) {
                pictures[i / tokens][pixel] = (0.5 * (value + 1.0)).clamp(0.0, 1.0);
            }
        }
        Ok(pictures)
    }
}

/// The pictures of a step: drawn with replacement, by seed and step.
fn pick(pictures: &Pictures, seed: u64, step: usize) -> Vec<&[f32]> {
    let stream = Stream::new(seed, ORDER);
    let draw =
        |i: usize| (stream.uniform((step * BATCH + i) as u64, 0) * pictures.train.len() as f64) as usize;
    (0..BATCH).map(|i| pictures.picture(pictures.train[draw(i)])).collect()
}

/// The learning rate: rising for a twentieth of the steps, then falling as a cosine to a twentieth.
pub fn rate(top: f64, step: usize, steps: usize) -> f64 {
    let done = step as f64 / steps.max(1) as f64;
    let warm = ((step + 1) as f64 / (0.05 * steps as f64).max(1.0)).min(1.0);
    top * warm * (0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()))
}

/// One thread: runs are what goes side by side.
pub fn serial() -> Context<'static> {
    Context::new(Exec::serial(), Control::new())
}
