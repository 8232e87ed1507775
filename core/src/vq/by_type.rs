//! The nearest codes and the sums of rows, by the element type: `f32` goes to the backend, `f64` is
//! decided by the definition (see [`wide`]).

use ndarray::ArrayView2;

use super::wide;
use crate::backend::{Backend, Copies, SearchStats};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::{Metric, Sums};
use crate::real::{Real, Typed};
use crate::rows::Rows;

/// Codes, checked and ready to be searched.
pub(super) enum Targets<B: Backend> {
    /// Codes of `f32`, packed by the backend.
    Packed(B::Targets<'static>),
    /// Codes of `f64`, which do not go through the backend.
    Wide(wide::Codes),
}

impl<B: Backend> Targets<B> {
    pub(super) fn new<T: Real>(
        backend: &B,
        codes: &ArrayView2<'_, T>,
        metric: Metric,
        cx: &Context,
    ) -> Result<Self> {
        Ok(match T::typed(codes.view()) {
            Typed::F32(codes) => {
                Self::Packed(backend.targets(Rows::F32(codes), metric, Copies::Collapse, cx)?)
            }
            Typed::F64(codes) => Self::Wide(wide::Codes::new(&codes, metric)?),
        })
    }

    /// Ids and distances of the codes nearest to `rows`, which are of the codes' element type.
    pub(super) fn nearest<T: Real>(
        &self,
        backend: &B,
        rows: ArrayView2<'_, T>,
        metric: Metric,
        ids: &mut [u32],
        distances: &mut [f64],
        cx: &Context,
    ) -> Result<SearchStats> {
        match (T::typed(rows), self) {
            (Typed::F32(rows), Self::Packed(targets)) => {
                let block = backend.load(Rows::F32(rows), metric, cx)?;
                let stats = backend.nearest(&block, targets, None, ids, cx)?;
                backend.values(&block, targets, ids, distances, cx)?;
                Ok(stats)
            }
            (Typed::F64(rows), Self::Wide(codes)) => wide::nearest(rows, codes, ids, distances, cx),
            _ => Err(Error::Mismatch { what: "element type of the codes" }),
        }
    }
}

/// Adds rows (unit rows under cosine) to the sums of their codes.
pub(super) fn accumulate<B: Backend, T: Real>(
    backend: &B,
    rows: ArrayView2<'_, T>,
    metric: Metric,
    ids: &[u32],
    sums: &mut Sums,
    cx: &Context,
) -> Result<()> {
    match T::typed(rows) {
        Typed::F32(rows) => {
            let block = backend.load(Rows::F32(rows), metric, cx)?;
            backend.collect(&block, ids, sums, cx)
        }
        Typed::F64(rows) => wide::accumulate(&rows, metric, ids, sums, cx),
    }
}
