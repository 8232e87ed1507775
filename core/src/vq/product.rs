//! Product quantization: columns in groups, a codebook for each.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2, s};

use super::loss::{Losses, Reduction};
use super::params::VectorQuantizer;
use super::residual::CompositeGradients;
use super::result::{Quantized, Upstream};
use crate::arrays::zeros;
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::check;
use crate::control::{Context, with_and_without_context};
use crate::error::Result;
use crate::memory::try_capacity;
use crate::real::Real;

/// Product (grouped) vector quantization: group g of the columns has its own codebook `[k_g, d_g]`, the widths
/// d_g adding up to d. k_1 k_2 ... combinations for k_1 + k_2 + ... codes.
///
/// Losses are means over the groups weighted by their widths for [`Reduction::MeanElements`] (so that they are
/// means over all elements), else sums. Under cosine every group has unit length by itself.
///
/// *Source*: Jegou et al. 2011; Baevski et al. 2020 (wav2vec 2.0).
///
/// # Example
/// ```
/// use pauca::vq::{ProductQuantizer, VectorQuantizer};
/// let z = ndarray::array![[0.9f32, 5.2]];
/// let (left, right) = (ndarray::array![[0.0f32], [1.0]], ndarray::array![[5.0f32], [6.0]]);
/// let pq = ProductQuantizer::new(VectorQuantizer::new());
/// let step = pq.forward(z.view(), &[left.view(), right.view()], None)?;
/// assert_eq!(step.quantized, ndarray::array![[1.0, 5.0]]);
/// assert_eq!((step.groups[0].ids[0], step.groups[1].ids[0]), (1, 0));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProductQuantizer {
    group: VectorQuantizer,
}

/// What a forward step of a product quantizer found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProductQuantized<T> {
    /// `[n, d]`: the codes of the groups side by side; zeros where masked.
    pub quantized: Array2<T>,
    /// The groups; their `quantized` is left empty.
    pub groups: Vec<Quantized<T>>,
    /// The losses over all groups; `entropy` is none (see the groups).
    pub losses: Losses,
}

impl ProductQuantizer {
    /// Every group as `group` says.
    pub fn new(group: VectorQuantizer) -> Self {
        Self { group }
    }

    /// First column of each group, and the end.
    fn columns<T>(&self, d: usize, codebooks: &[ArrayView2<'_, T>]) -> Result<Vec<usize>> {
        let mut ends = try_capacity(codebooks.len() + 1)?;
        ends.push(0usize);
        for codes in codebooks {
            ends.push(ends.last().map_or(0, |e| e.saturating_add(codes.ncols())));
        }
        let found = ends.last().copied().unwrap_or(0);
        check::same_length("columns of all codebooks", d, found)?;
        check::not_empty("codebooks", codebooks.len())?;
        Ok(ends)
    }

    /// Weight of the losses of a group of `width` of `d` columns.
    fn weight(&self, width: usize, d: usize) -> f64 {
        match self.group.reduction {
            Reduction::MeanElements => width as f64 / d as f64,
            Reduction::MeanRows | Reduction::Sum => 1.0,
        }
    }

    with_and_without_context! {
        /// Ids, codes, losses.
        ///
        /// # Errors
        /// As [`VectorQuantizer::forward`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when the widths do not add up.
        forward, forward_on[T: Real] on backend(
            &self, z: ArrayView2<'_, T>, codebooks: &[ArrayView2<'_, T>], mask: Option<&[bool]>; cx
        ) -> ProductQuantized<T> {
            let (n, d) = z.dim();
            let ends = self.columns(d, codebooks)?;
            let mut quantized = zeros::<T>(n, d)?;
            let mut groups = try_capacity(codebooks.len())?;
            let mut losses = Losses::default();
            for (codes, w) in codebooks.iter().zip(ends.windows(2)) {
                let part = z.slice(s![.., w[0]..w[1]]);
                let into = quantized.slice_mut(s![.., w[0]..w[1]]);
                let step = self.group.forward_into(backend, part, codes.view(), mask, into, cx)?;
                losses.add(&step.losses, self.weight(w[1] - w[0], d));
                groups.push(step);
            }
            Ok(ProductQuantized { quantized, groups, losses })
        }
    }

    /// Gradients with respect to latents and all codebooks.
    ///
    /// # Errors
    /// As [`VectorQuantizer::backward`].
    pub fn backward_in<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codebooks: &[ArrayView2<'_, T>],
        step: &ProductQuantized<T>,
        upstream: Upstream<'_, T>,
        cx: &Context,
    ) -> Result<CompositeGradients<T>> {
        let (n, d) = z.dim();
        let ends = self.columns(d, codebooks)?;
        check::same_length("groups", codebooks.len(), step.groups.len())?;
        upstream.check((n, d))?;
        let mut latents = zeros::<T>(n, d)?;
        let (mut codes, mut fallbacks) = (try_capacity(codebooks.len())?, 0);
        for ((book, group), w) in codebooks.iter().zip(&step.groups).zip(ends.windows(2)) {
            let columns = s![.., w[0]..w[1]];
            let quantized = upstream.quantized.as_ref().map(|g| g.slice(columns));
            let above = Upstream { quantized, loss: upstream.loss * self.weight(w[1] - w[0], d) };
            let mut moves = self.group.moves(book)?;
            let into = (latents.slice_mut(columns), moves.as_mut().map(|moves| moves.view_mut()));
            let part = z.slice(columns);
            fallbacks += self.group.backward_into(part, book.view(), group, above, into, cx)?;
            codes.push(moves);
        }
        Ok(CompositeGradients { latents, codes, fallbacks })
    }

    /// The codes of the ids of each group, side by side, to the bits of [`forward`](ProductQuantizer::forward).
    ///
    /// # Errors
    /// As [`VectorQuantizer::decode`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when groups differ in length.
    pub fn decode<T: Real>(&self, codebooks: &[ArrayView2<'_, T>], ids: &[&[u32]]) -> Result<Array2<T>> {
        let d = codebooks.iter().map(|c| c.ncols()).sum();
        let ends = self.columns(d, codebooks)?;
        check::same_length("groups", codebooks.len(), ids.len())?;
        let n = ids.first().map_or(0, |i| i.len());
        let mut out = zeros::<T>(n, d)?;
        for ((codes, ids), w) in codebooks.iter().zip(ids).zip(ends.windows(2)) {
            check::same_length("ids of a group", n, ids.len())?;
            out.slice_mut(s![.., w[0]..w[1]]).assign(&self.group.decode(codes.view(), ids)?);
        }
        Ok(out)
    }
}
