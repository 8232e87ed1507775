//! What a training step is asked for.

use super::entropy::EntropyLoss;
use super::estimator::Estimator;
use super::loss::Reduction;
use crate::check;
use crate::error::Result;
use crate::exact::Metric;
use crate::params::{choices, default_is_new, setters};

/// How the codes learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Training {
    /// Codes learn by the codebook loss: [`backward`](VectorQuantizer::backward) returns their gradient for the caller's
    /// optimizer. Under cosine the codes used are the unit vectors of the stored ones.
    Gradient,
    /// Codes are running means of their rows ([`EmaCodebook`](super::EmaCodebook)): no codebook loss, no gradient.
    /// Under cosine the stored codes are unit vectors and used as they are.
    Ema,
}

choices!(Training: Gradient, Ema);

/// Vector quantization: parameters of a training step.
///
/// id_i = nearest code of z_i by the definition of the metric on the rows as given. With t = z and q = e
/// (cosine: t = z/|z|, q = e/|e|), q_i being the code of row i:
///
/// L = w mean |sg(t) - q|² + beta mean |t - sg(q)|² + entropy loss; beta multiplies the commitment
/// term only. The gradient of the output passes by the [`Estimator`]; under cosine, then, through the
/// projection to unit length.
///
/// *Source*: van den Oord et al. 2017, eq. 3; unit codes: Yu et al. 2022 (ViT-VQGAN).
///
/// # Shapes
/// z: `[n, d]`; codes: `[k, d]`; mask: `[n]`, false for rows to leave out; ids: `[n]`.
/// # Ties, NaN
/// A row equally near to several codes gets the lowest; a zero row under cosine gets code 0 (or is an error,
/// [`refuse_zero_rows`](VectorQuantizer::refuse_zero_rows)). NaN and infinities in valid rows are errors;
/// masked rows may hold anything, get id [`MASKED`](super::MASKED), a row of zeros, no loss and no gradient.
/// # Tier
/// A: ids, distances, quantized, codebook and commitment losses. C: gradients, with relative error below
/// 1e-12 in `f64` and 1e-6 of the largest entry in `f32`; entropy loss. All are the same for any number of threads.
/// # Cost
/// 2 n k d flops for the ids, O(n d) for the rest; memory beyond the results: 8 k d bytes for `f32` (packed
/// codes), O(threads) tiles. `f64` rows are decided by the definition on every pair, which is slower.
/// # Example
/// ```
/// use pauca::vq::{Upstream, VectorQuantizer};
/// let z = ndarray::array![[0.9f32, 0.1], [0.2, 0.8]];
/// let codes = ndarray::array![[1.0f32, 0.0], [0.0, 1.0]];
/// let vq = VectorQuantizer::new().commitment(0.25);
/// let step = vq.forward(z.view(), codes.view(), None)?;
/// assert_eq!(step.ids.to_vec(), [0, 1]);
/// assert_eq!(step.quantized, codes);
/// assert!((step.losses.codebook - 0.025).abs() < 1e-8);
/// let gradients = vq.backward(z.view(), codes.view(), &step, Upstream::default())?;
/// assert!((gradients.latents[[0, 0]] - 2.0 * 0.25 * (0.9 - 1.0) / 4.0).abs() < 1e-7);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorQuantizer {
    pub(super) metric: Metric,
    pub(super) commitment: f64,
    pub(super) codebook: f64,
    pub(super) reduction: Reduction,
    pub(super) estimator: Estimator,
    pub(super) training: Training,
    pub(super) entropy: Option<EntropyLoss>,
    pub(super) refuse_zero_rows: bool,
}

default_is_new!(VectorQuantizer);

impl VectorQuantizer {
    /// Euclidean, learned codes, beta 0.25, codebook weight 1, means over elements, straight-through, no
    /// entropy loss.
    pub fn new() -> Self {
        Self {
            metric: Metric::SqEuclidean,
            commitment: 0.25,
            codebook: 1.0,
            reduction: Reduction::MeanElements,
            estimator: Estimator::StraightThrough,
            training: Training::Gradient,
            entropy: None,
            refuse_zero_rows: false,
        }
    }

    setters! {
        /// Distance by which codes are chosen; cosine also uses unit latents and codes throughout.
        metric: Metric;
        /// beta, the weight of the commitment loss (and of nothing else).
        commitment: f64;
        /// Weight of the codebook loss.
        codebook_weight(weight: f64) { codebook = weight }
        /// How sums become losses.
        reduction: Reduction;
        /// How gradients pass the rounding.
        estimator: Estimator;
        /// How the codes learn.
        training: Training;
        /// Adds an entropy loss.
        entropy(loss: EntropyLoss) { entropy = Some(loss) }
        /// Whether a valid row of zeros under cosine is an error instead of code 0.
        refuse_zero_rows: bool;
    }

    pub(super) fn check(&self) -> Result<()> {
        check::not_negative("commitment", self.commitment)?;
        check::not_negative("codebook_weight", self.codebook)?;
        self.entropy.map_or(Ok(()), |e| e.check())
    }

    /// Whether latents are projected to unit length.
    pub(super) fn unit(&self) -> bool {
        self.metric == Metric::Cosine
    }
}
