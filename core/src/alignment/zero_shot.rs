//! Zero-shot classes: the mean direction of a class's texts, and the nearest one of a picture.

use ndarray::{Array1, Array2};

use crate::arrays::matrix;
use crate::backend::{Backend, Blocks, Copies, cpu::Cpu};
use crate::check;
use crate::control::Context;
use crate::error::*;
use crate::exact::{Metric, Sums};
use crate::memory::{area, try_vec};
use crate::rows::{IntoRows, RowSource, Rows};

/// Classes made of texts.
///
/// The embedding of class c is the direction of the sum of the unit rows of its texts (its prompt
/// templates): f32(S / sqrt(dot(S, S))), S the exact sum of f32(x / sqrt(dot(x, x))): the spherical
/// centroid of [`KMeans`](crate::KMeans). A picture gets the class of the largest cosine.
/// *Source*: Radford et al. 2021, section 3.1.4 (prompt ensembling over embeddings).
///
/// Top-k accuracy with a policy for ties is [`Retrieval`](super::Retrieval) of the pictures among
/// [`classes`](ZeroShot::classes) with [`Matches::Groups`](super::Matches): x the true classes, y
/// 0..k.
///
/// # Shapes
/// texts: [t, d], class_of: `[t]`, classes: [k, d]; pictures: [n, d], labels `[n]`.
/// # Units
/// Tier A.
/// # Ties, NaN
/// The lowest of equally similar classes is taken; so a picture of zeros gets class 0. NaN is an error.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `LabelOutOfRange`, `InvalidParameter` for a class without
/// texts, `ZeroRow` for a text of zeros or (by its number) a class whose texts cancel.
/// # Cost
/// O(t d) and 2 n k d flops.
/// # Example
/// ```
/// use pauca::alignment::ZeroShot;
/// let texts = ndarray::array![[1.0f32, 0.1], [1.0, -0.1], [0.0, 1.0]];
/// let classes = ZeroShot::from_texts(&texts, &[0, 0, 1], 2)?;
/// assert_eq!(classes.classes.row(0).to_vec(), [1.0, 0.0]);
/// let pictures = ndarray::array![[0.9f32, 0.3], [0.2, 0.9]];
/// assert_eq!(classes.predict(&pictures)?.to_vec(), [0, 1]);
/// assert_eq!(classes.accuracy(&[0, 1], &[0, 0])?.overall(), 0.5);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroShot {
    /// `[k, d]`: unit rows.
    pub classes: Array2<f32>,
}

/// How many predictions are right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accuracy {
    /// `[k]`: right predictions of pictures of class c.
    pub right: Array1<u64>,
    /// `[k]`: pictures of class c.
    pub total: Array1<u64>,
}

impl ZeroShot {
    /// Classes 0..n_classes of the texts.
    ///
    /// # Errors
    /// The errors that [`ZeroShot`] lists.
    pub fn from_texts<'a>(texts: impl IntoRows<'a>, class_of: &[u32], n_classes: usize) -> Result<Self> {
        Self::from_texts_on(&Cpu::new()?, &texts.into_rows()?, class_of, n_classes, &Context::default())
    }

    /// [`from_texts`](ZeroShot::from_texts) on any backend.
    ///
    /// # Errors
    /// The errors that [`ZeroShot`] lists.
    pub fn from_texts_on<B: Backend>(
        backend: &B,
        texts: &Rows<'_>,
        class_of: &[u32],
        n_classes: usize,
        cx: &Context,
    ) -> Result<Self> {
        let (t, d) = (texts.n_rows(), texts.dim());
        check::not_empty("texts", t.min(d))?;
        check::same_length("classes of the texts", t, class_of.len())?;
        check::labels(class_of, n_classes)?;
        let block =
            backend.load(texts.view(), Metric::Cosine, cx).map_err(|e| e.at("texts", |row| row as u64))?;
        let mut squares = try_vec(t, 0.0f64)?;
        backend.squares(&block, &mut squares, cx)?;
        squares.iter().zip(0..).try_for_each(|(square, row)| check::direction(row, *square == 0.0))?;
        let mut sums = Sums::new(n_classes, d)?;
        backend.collect(&block, class_of, &mut sums, cx)?;
        let mut classes = try_vec(area(n_classes, d)?, 0.0f32)?;
        for (c, out) in classes.chunks_exact_mut(d).enumerate() {
            let expected = "at least one text for each class";
            check::parameter("class without texts", c as f64, expected, sums.rows(c) > 0)?;
            check::direction(c as u64, !sums.direction_into(c, out)?)?;
        }
        Ok(Self { classes: matrix(n_classes, d, classes)? })
    }

    /// The class of every picture.
    ///
    /// # Errors
    /// The errors that [`ZeroShot`] lists.
    pub fn predict<'a>(&self, pictures: impl IntoRows<'a>) -> Result<Array1<u32>> {
        self.predict_on(&Cpu::new()?, &pictures.into_rows()?, &Context::default())
    }

    /// [`predict`](ZeroShot::predict) for any source on any backend.
    ///
    /// # Errors
    /// The errors that [`ZeroShot`] lists, and [`Error::Cancelled`].
    pub fn predict_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        pictures: &S,
        cx: &Context,
    ) -> Result<Array1<u32>> {
        let mut labels = try_vec(pictures.n_rows(), 0u32)?;
        let mut blocks = Blocks::of(backend, pictures, Metric::Cosine, cx)?;
        let rows = Rows::F32(self.classes.view());
        let targets = backend.targets(rows, Metric::Cosine, Copies::Collapse, cx)?;
        blocks.for_each(cx, |backend, range, block| {
            backend.nearest(block, &targets, None, &mut labels[range], cx).map(|_| ())
        })?;
        Ok(Array1::from_vec(labels))
    }

    /// Predictions against the truth.
    ///
    /// # Errors
    /// `ShapeMismatch`, `LabelOutOfRange`, `Empty`.
    pub fn accuracy(&self, predicted: &[u32], truth: &[u32]) -> Result<Accuracy> {
        let k = self.classes.nrows();
        check::same_length("predictions", truth.len(), predicted.len())?;
        check::not_empty("predictions", truth.len())?;
        let (mut right, mut total) = (try_vec(k, 0u64)?, try_vec(k, 0u64)?);
        for (row, (&p, &c)) in predicted.iter().zip(truth).enumerate() {
            check::label(row, p, k)?;
            check::label(row, c, k)?;
            total[c as usize] += 1;
            right[c as usize] += u64::from(p == c);
        }
        Ok(Accuracy { right: Array1::from_vec(right), total: Array1::from_vec(total) })
    }
}

impl Accuracy {
    /// Right predictions over all pictures.
    pub fn overall(&self) -> f64 {
        self.right.sum() as f64 / self.total.sum() as f64
    }

    /// The mean over classes that have pictures.
    pub fn by_class(&self) -> f64 {
        let shares = self.right.iter().zip(&self.total).filter(|(_, t)| **t > 0);
        let (sum, count) =
            shares.fold((0.0, 0u64), |(sum, count), (r, t)| (sum + *r as f64 / *t as f64, count + 1));
        sum / count as f64
    }
}
