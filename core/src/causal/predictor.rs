//! A predictor of each latent from those before it: its parameters, predictions and gradients.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};

use super::batch::{Batch, Latents, Place, Tile};
use super::layout::{Layout, ParamBlock, Pass, Sink};
use super::transformer::{self, Transformer};
use super::window::{self, Window};
use crate::arrays::{matrix, zeros};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::{Error, Result};
use crate::memory::{area, try_capacity, try_vec};
use crate::real::Real;

/// Which predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Linear, low-rank or one hidden layer, over the last k latents.
    Window(Window),
    /// Attention over all latents before.
    Transformer(Transformer),
}

impl From<Window> for Kind {
    fn from(window: Window) -> Self {
        Self::Window(window)
    }
}

impl From<Transformer> for Kind {
    fn from(transformer: Transformer) -> Self {
        Self::Transformer(transformer)
    }
}

/// A map from the latents before a step to what it expects at that step.
///
/// Predicts `outputs` numbers: for causal regularization as many as a latent has; for a model of code
/// indices one logit for every code, with the codes' embeddings as latents
/// ([`backpropagate`](Self::backpropagate) takes any loss, [`backpropagate_from`](Self::backpropagate_from)
/// its gradient).
///
/// **Causality.** The prediction at step t depends on the latents at steps before t alone: not a
/// bit of it changes when others do, whatever their values, nor with the sequences beside it.
///
/// # Tier
/// C across machines (the products use the machine's fused multiplications); on one machine the
/// same bits for any number of threads.
/// # Example
/// ```
/// use pauca::causal::{Batch, Predictor, Window};
/// let mut predictor = Predictor::<f64>::new(Window::linear(1), 1, 1, 0)?;
/// predictor.params_mut().copy_from_slice(&[0.5, 3.0]); // W, b
/// let z = ndarray::array![[[2.0], [4.0], [6.0]]];
/// let predicted = predictor.predict(&Batch::new(z.view()), &Default::default())?;
/// assert_eq!(predicted, ndarray::array![[[3.0], [4.0], [5.0]]]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Predictor<T> {
    kind: Kind,
    inputs: usize,
    outputs: usize,
    blocks: Vec<ParamBlock>,
    params: Vec<T>,
}

/// The gradients of a loss of predictions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PredictorGradients<T> {
    /// The gradient with respect to z [B, T, D]; exactly 0 where no position exists.
    pub dz: Array3<T>,
    /// The gradient with respect to the parameters, in their order.
    pub dparams: Array1<T>,
    /// The gradients with respect to the weight [D, d] and bias \[d\] of the projection, where there is one.
    pub dprojection: Option<(Array2<T>, Array1<T>)>,
    /// What the loss left for every row, in the order of [`Batch::places`].
    pub values: Array1<f64>,
}

/// A part of the predictions, for a loss.
#[non_exhaustive]
pub struct Predicted<'t, T> {
    /// The predictions [rows, outputs].
    pub out: ArrayView2<'t, T>,
    /// The latents of those rows [rows, inputs].
    pub latents: ArrayView2<'t, T>,
    /// Where they come from.
    pub places: &'t [Place],
    /// The loss writes its gradient here: with respect to the predictions [rows, outputs], 0 at first.
    pub dout: ArrayViewMut2<'t, T>,
    /// The loss writes here how it depends on the latents directly, as targets [rows, inputs], 0 at first.
    pub dlatents: ArrayViewMut2<'t, T>,
    /// The loss may write its value of every row here \[rows\], 0 at first.
    pub values: &'t mut [f64],
}

/// What a predictor saved for its backward pass.
enum Saved<T> {
    Window(window::Saved<T>),
    Transformer(transformer::Saved<T>),
}

impl<T: Real> Predictor<T> {
    /// A predictor from `inputs` components of a latent to `outputs` numbers. What is drawn at
    /// first is a function of `seed` (see [`Window`], [`Transformer`]).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for sizes of 0 or a width that the heads do not divide,
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn new(kind: impl Into<Kind>, inputs: usize, outputs: usize, seed: u64) -> Result<Self> {
        let kind = kind.into();
        let layout = Self::layout(&kind, inputs, outputs)?;
        let params = layout.fill(seed)?;
        Ok(Self::of_parts(kind, inputs, outputs, layout, params))
    }

    /// Which parameters such a predictor has.
    pub(super) fn layout(kind: &Kind, inputs: usize, outputs: usize) -> Result<Layout> {
        check::at_least_one("inputs", inputs)?;
        check::at_least_one("outputs", outputs)?;
        match kind {
            Kind::Window(window) => window.layout(inputs, outputs),
            Kind::Transformer(transformer) => transformer.layout(inputs, outputs),
        }
    }

    /// The predictor with that layout and as many parameters.
    pub(super) fn of_parts(
        kind: Kind,
        inputs: usize,
        outputs: usize,
        layout: Layout,
        params: Vec<T>,
    ) -> Self {
        Self { kind, inputs, outputs, blocks: layout.blocks, params }
    }

    /// Which predictor.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Components of a latent.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers predicted at a step.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// All parameters, block after block.
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// All parameters, block after block, for an optimizer or a checkpoint to change.
    pub fn params_mut(&mut self) -> &mut [T] {
        &mut self.params
    }

    /// The matrices among the parameters.
    pub fn blocks(&self) -> &[ParamBlock] {
        &self.blocks
    }

    /// Predictions for every existing position, at the place of the position they predict
    /// [B, T, outputs]; 0 where no position exists.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when latents have not as many components as `inputs`,
    /// [`Error::TooLarge`] for more steps than a transformer was made for, [`Error::NonFinite`] for a
    /// NaN or infinity in z (row b T + position) or in the parameters, those of
    /// [`Batch::places`], [`Error::OutOfMemory`], [`Error::Cancelled`], [`Error::SimdLevel`] (of `PAUCA_SIMD`).
    /// # Cost
    /// About two operations a parameter and position; a copy of the latents, and the activations
    /// of 512 rows a thread.
    pub fn predict(&self, batch: &Batch<'_, T>, cx: &Context<'_>) -> Result<Array3<T>> {
        let shape = (batch.sequences(), batch.steps(), self.outputs);
        let size = area(area(shape.0, shape.1)?, shape.2)?;
        let wrong = |_| Error::ShapeMismatch { what: "predictions", expected: size, found: 0 };
        let mut out = Array3::from_shape_vec(shape, try_vec(size, T::zero())?).map_err(wrong)?;
        self.predict_into(batch, out.view_mut(), cx)?;
        Ok(out)
    }

    /// [`predict`](Self::predict) into memory of the caller's, [B, T, outputs], written only on success.
    ///
    /// # Errors
    /// The errors of [`predict`](Self::predict); [`Error::ShapeMismatch`] for memory of another shape.
    pub fn predict_into(
        &self,
        batch: &Batch<'_, T>,
        mut out: ArrayViewMut3<'_, T>,
        cx: &Context<'_>,
    ) -> Result<()> {
        self.check_shape("predictions", batch, out.dim())?;
        let latents = self.latents(batch)?;
        let rows = self.outputs_of(&latents, cx)?;
        out.fill(T::zero());
        for (place, row) in latents.places.iter().zip(rows.rows()) {
            out.slice_mut(ndarray::s![place.sequence, place.position, ..]).assign(&row);
        }
        Ok(())
    }

    fn check_shape(
        &self,
        what: &'static str,
        batch: &Batch<'_, T>,
        found: (usize, usize, usize),
    ) -> Result<()> {
        check::same_length(what, batch.sequences(), found.0)?;
        check::same_length(what, batch.steps(), found.1)?;
        check::same_length(what, self.outputs, found.2)
    }

    /// The gradients of any loss of the predictions.
    ///
    /// `loss` is called once for every tile of whole sequences, on any thread, with its predictions,
    /// and leaves the gradient in [`Predicted::dout`] and the value of each row in
    /// [`Predicted::values`], to be added in the order of the rows afterwards.
    ///
    /// # Errors
    /// The errors of [`predict`](Self::predict), and what `loss` returns.
    /// # Cost
    /// About six operations a parameter and position; one set of parameters' gradients a thread.
    pub fn backpropagate<L>(
        &self,
        batch: &Batch<'_, T>,
        loss: L,
        cx: &Context<'_>,
    ) -> Result<PredictorGradients<T>>
    where
        L: Fn(Predicted<'_, T>) -> Result<()> + Sync + Send,
    {
        let latents = self.latents(batch)?;
        self.backpropagate_latents(batch, &latents, loss, true, cx)
    }

    /// The gradients of a loss whose gradient with respect to the predictions, `dpredictions` [B, T, outputs], is
    /// known: for a loss that is computed elsewhere, from [`predict`](Self::predict). Positions that do not exist
    /// are not read. The [`values`](PredictorGradients::values) are 0.
    ///
    /// # Errors
    /// The errors of [`predict`](Self::predict); [`Error::ShapeMismatch`], [`Error::NonFinite`] (row b T + position) for
    /// `dpredictions`.
    /// # Cost
    /// That of [`backpropagate`](Self::backpropagate), which predicts once more.
    /// # Example
    /// ```
    /// use ndarray::array;
    /// use pauca::causal::{Batch, Predictor, Window};
    /// let predictor = Predictor::<f64>::new(Window::linear(1), 1, 1, 0)?;
    /// let (z, target) = (array![[[2.0], [4.0], [6.0]]], array![[[0.0], [1.0], [1.0]]]);
    /// let (batch, cx) = (Batch::new(z.view()), Default::default());
    /// let errors = predictor.predict(&batch, &cx)? - target; // the gradient of half the squared error
    /// let found = predictor.backpropagate_from(&batch, errors.view(), &cx)?;
    /// assert_eq!(found.dparams.to_vec(), [2.0 * -1.0 + 4.0 * -1.0, -2.0]); // W, b
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn backpropagate_from(
        &self,
        batch: &Batch<'_, T>,
        dpredictions: ArrayView3<'_, T>,
        cx: &Context<'_>,
    ) -> Result<PredictorGradients<T>> {
        self.check_shape("gradient of the predictions", batch, dpredictions.dim())?;
        let latents = self.latents(batch)?;
        let of = |place: &Place| dpredictions.slice(ndarray::s![place.sequence, place.position, ..]);
        for place in &latents.places {
            let row = (place.sequence * batch.steps() + place.position) as u64;
            check::finite_row("gradient of the predictions", row, of(place).iter().map(|v| v.to_f64()))?;
        }
        let loss = |mut part: Predicted<'_, T>| {
            part.dout
                .rows_mut()
                .into_iter()
                .zip(part.places)
                .for_each(|(mut row, place)| row.assign(&of(place)));
            Ok(())
        };
        self.backpropagate_latents(batch, &latents, loss, true, cx)
    }

    /// [`backpropagate`](Predictor::backpropagate) for latents that are there already. Without `through_inputs`
    /// the gradient of z is only what the loss left in [`Predicted::dlatents`].
    pub(super) fn backpropagate_latents<L>(
        &self,
        batch: &Batch<'_, T>,
        latents: &Latents<T>,
        loss: L,
        through_inputs: bool,
        cx: &Context<'_>,
    ) -> Result<PredictorGradients<T>>
    where
        L: Fn(Predicted<'_, T>) -> Result<()> + Sync + Send,
    {
        let tiles = latents.tiles()?;
        let mut dx = zeros(latents.x.nrows(), self.inputs)?;
        let mut dparams = try_vec(self.params.len(), T::zero())?;
        let mut values = try_vec(latents.x.nrows(), 0.0)?;
        let (mut rest, mut rest_values) = (dx.as_slice_mut().unwrap_or(&mut []), &mut values[..]);
        let (total, mut done) = (tiles.len() as u64, 0);
        // As many tiles at once as there are threads; their gradients are added in the order of the
        // tiles, so that the number of threads leaves no trace.
        for wave in tiles.chunks(cx.exec.width()) {
            let mut jobs = try_capacity(wave.len())?;
            for tile in wave {
                let (dx, tail) = core::mem::take(&mut rest).split_at_mut(tile.rows.len() * self.inputs);
                rest = tail;
                let (values, tail) = core::mem::take(&mut rest_values).split_at_mut(tile.rows.len());
                rest_values = tail;
                jobs.push(Job::new(Work {
                    tile,
                    dx,
                    values,
                    dparams: try_vec(self.params.len(), T::zero())?,
                }));
            }
            cx.in_waves(&mut jobs, 1 << 30, |work| self.tile(latents, &loss, through_inputs, work))?;
            for job in &jobs {
                dparams.iter_mut().zip(&job.work.dparams).for_each(|(sum, part)| *sum += *part);
            }
            done += wave.len() as u64;
            cx.control.poll(Stage::Predict, done, total)?;
        }
        let pulled = batch.pull_back(latents, dx)?;
        Ok(PredictorGradients {
            dz: pulled.dz,
            dparams: Array1::from_vec(dparams),
            dprojection: pulled.projection,
            values: Array1::from_vec(values),
        })
    }

    fn tile<L>(
        &self,
        latents: &Latents<T>,
        loss: &L,
        through_inputs: bool,
        work: &mut Work<'_, T>,
    ) -> Result<()>
    where
        L: Fn(Predicted<'_, T>) -> Result<()>,
    {
        let Work { tile, dx, values, dparams } = work;
        let x = latents.rows(tile)?;
        let (out, saved) = self.forward(&x, &tile.ends)?;
        let mut dout = zeros(out.nrows(), out.ncols())?;
        let wrong = |_| Error::ShapeMismatch { what: "latents", expected: x.len(), found: 0 };
        loss(Predicted {
            out: out.view(),
            latents: x,
            places: &latents.places[tile.rows.clone()],
            dout: dout.view_mut(),
            dlatents: ArrayViewMut2::from_shape(x.dim(), &mut dx[..]).map_err(wrong)?,
            values,
        })?;
        // Where gradients must not pass through the predictor to what it sees, they go nowhere.
        let mut nowhere = try_vec(if through_inputs { 0 } else { dx.len() }, T::zero())?;
        let dx = if through_inputs { &mut dx[..] } else { &mut nowhere[..] };
        let d = dout.view();
        let (pass, to) = (self.pass(&tile.ends), Sink { dparams, dx });
        match (&self.kind, saved) {
            (Kind::Window(kind), Saved::Window(saved)) => kind.backward(&pass, saved, &d, to),
            (Kind::Transformer(kind), Saved::Transformer(saved)) => kind.backward(&pass, saved, &d, to),
            _ => Ok(()),
        }
    }

    /// The latents of a batch, after everything has been checked.
    pub(super) fn latents(&self, batch: &Batch<'_, T>) -> Result<Latents<T>> {
        check::same_length("a latent", self.inputs, batch.dim())?;
        if let Kind::Transformer(transformer) = &self.kind {
            check::at_most("the number of steps", batch.steps(), transformer.steps)?;
        }
        check::finite_row("the parameters", 0, self.params.iter().map(|p| p.to_f64()))?;
        batch.latents()
    }

    /// The predictions for all rows of a batch [rows, outputs].
    pub(super) fn outputs_of(&self, latents: &Latents<T>, cx: &Context<'_>) -> Result<Array2<T>> {
        let tiles = latents.tiles()?;
        let n = latents.x.nrows();
        let size = area(n, self.outputs)?;
        let mut out = try_vec(size, T::zero())?;
        let mut rest = &mut out[..];
        let mut jobs = try_capacity(tiles.len())?;
        for tile in &tiles {
            let (part, tail) = core::mem::take(&mut rest).split_at_mut(tile.rows.len() * self.outputs);
            rest = tail;
            jobs.push(Job::new((tile, part)));
        }
        let rows = tiles.iter().map(|tile| tile.rows.len()).max().unwrap_or(0);
        cx.in_waves(&mut jobs, (self.params.len() * rows) as u64, |(tile, part)| {
            let (rows, _) = self.forward(&latents.rows(tile)?, &tile.ends)?;
            part.copy_from_slice(view_slice(&rows));
            Ok(())
        })?;
        matrix(n, self.outputs, out)
    }

    fn pass<'a>(&'a self, ends: &'a [usize]) -> Pass<'a, T> {
        Pass { blocks: &self.blocks, params: &self.params, ends }
    }

    fn forward(&self, x: &ArrayView2<'_, T>, ends: &[usize]) -> Result<(Array2<T>, Saved<T>)> {
        let pass = self.pass(ends);
        Ok(match &self.kind {
            Kind::Window(kind) => {
                let (out, saved) = kind.forward(&pass, x)?;
                (out, Saved::Window(saved))
            }
            Kind::Transformer(kind) => {
                let (out, saved) = kind.forward(&pass, x)?;
                (out, Saved::Transformer(saved))
            }
        })
    }
}

/// What one thread does: a tile, and where its results go.
struct Work<'t, T> {
    tile: &'t Tile,
    dx: &'t mut [T],
    values: &'t mut [f64],
    dparams: Vec<T>,
}

fn view_slice<T>(rows: &Array2<T>) -> &[T] {
    rows.as_slice().unwrap_or(&[])
}
