//! What is asked of the distances between layers.

use crate::params::{choices, setters};

/// More layers than any network has; keeps the number of pairs far from overflow.
pub(crate) const MAX_LAYERS: usize = 1 << 15;

/// What is measured between two states of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerMetric {
    /// The angle in half turns, from 0 to 1: [`angular_distance`](super::angular_distance). Gromov et al. 2024.
    Angular,
    /// 1 - cos, from 0 to 2: [`cosine_distance`](super::cosine_distance). Its mean between neighbours is the block
    /// influence of Men et al. 2024 (ShortGPT), equation 1.
    Cosine,
}

choices!(LayerMetric: Angular, Cosine);

/// How the spread of the values is kept. Count, mean, variance and extremes are exact either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quantiles {
    /// Every value: 8 bytes for each pair of states and each sample. For texts.
    Exact,
    /// A histogram of 64 bins an octave from 2^-32 to 2: 17 kB for each pair of states, whatever
    /// the number of samples. Quantiles are within 0.8 % (2^-7) of a value of that rank. For
    /// tokens by the million.
    Histogram,
}

choices!(Quantiles: Exact, Histogram);

/// Distances between all pairs of hidden states: parameters.
///
/// # Example
/// ```
/// use pauca::Rows;
/// use pauca::layers::{Keep, LayerDistances};
/// // Two samples; three layers, of which the middle one only stretches.
/// let states = [
///     ndarray::array![[1.0f32, 0.0], [0.0, 1.0]],
///     ndarray::array![[1.0f32, 1.0], [-1.0, 1.0]],
///     ndarray::array![[3.0f32, 3.0], [-5.0, 5.0]],
///     ndarray::array![[0.0f32, 1.0], [-1.0, 0.0]],
/// ];
/// let table = LayerDistances::new(3).fit(&states.each_ref().map(|s| Rows::F32(s.view())))?;
/// assert_eq!(table.distance(1, 1), Some(0.0));
/// assert_eq!(table.best_block(1, Keep::default())?.block.layers(), 1..2);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerDistances {
    pub(crate) n_layers: usize,
    pub(crate) metric: LayerMetric,
    pub(crate) quantiles: Quantiles,
}

impl LayerDistances {
    /// The distances of a network of `n_layers` layers, whose samples have `n_layers + 1` states.
    /// Angular distance, exact quantiles.
    pub fn new(n_layers: usize) -> Self {
        Self { n_layers, metric: LayerMetric::Angular, quantiles: Quantiles::Exact }
    }

    setters! {
        /// What is measured.
        metric: LayerMetric;
        /// How the spread of the values is kept.
        quantiles: Quantiles;
    }
}
