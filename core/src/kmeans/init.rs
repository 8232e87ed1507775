//! stub
use crate::control::Context;
use crate::error::Result;
use crate::exact::Metric;
use crate::rows::RowSource;
use alloc::vec::Vec;
pub(crate) struct Seeds {
    pub rows: Vec<usize>,
    pub distinct: Option<usize>,
}
pub(crate) fn plus_plus<S: RowSource + ?Sized>(
    s: &S,
    w: Option<&[f32]>,
    k: usize,
    _m: Metric,
    seed: u64,
    b: u32,
    cx: &Context,
) -> Result<Seeds> {
    random(s, w, k, seed, b, cx)
}
pub(crate) fn random<S: RowSource + ?Sized>(
    _s: &S,
    _w: Option<&[f32]>,
    k: usize,
    _seed: u64,
    _b: u32,
    _cx: &Context,
) -> Result<Seeds> {
    Ok(Seeds { rows: (0..k).collect(), distinct: None })
}
