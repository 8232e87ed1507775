//! A stream as bytes: shards of one corpus meet on another machine, or a run goes on later.

use super::features::{BLOCK, Features};
use super::params::{CkaPath, LayerCka};
use super::result::CkaTable;
use super::stream::{CkaStream, MAX_SAMPLES};
use crate::arrays::matrix;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::error::Result;
use crate::memory::try_all;

to_and_from_bytes!(
    /// [`Conflict`](crate::Error::Conflict) while a batch is open or after a call that was stopped.
    ///
    /// Rows kept take 4 bytes a value, sums 8.
    /// # Example
    /// ```
    /// use pauca::layers::{CkaStream, LayerCka, Tokens};
    /// use pauca::{Context, Rows};
    /// let x = ndarray::array![[1.0f32], [3.0], [5.0], [0.0]];
    /// let cx = Context::default();
    /// let mut stream = LayerCka::new(&[1])?.start()?;
    /// stream.push(&[Rows::F32(x.view())], Tokens::Rows, &cx)?;
    /// let again = CkaStream::from_bytes(&stream.to_bytes()?)?;
    /// assert_eq!(again.finish(&cx)?, stream.finish(&cx)?);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    impl[] CkaStream;
    /// [`SimdLevel`](crate::Error::SimdLevel) where `PAUCA_SIMD` names a level that the machine has not.
    ///
    /// The stream is one on the CPU. It goes on to the bits of one that was never interrupted, at the same SIMD
    /// level.
);

impl State for CkaStream {
    const MARK: &'static [u8; 8] = b"paucaLC\0";
    const WHAT: &'static str = "CKA of layers";

    fn write(&self, to: &mut Writer) -> Result<()> {
        self.closed()?;
        to.choice(CkaPath::ALL, self.config.path);
        to.u32(self.features.is_some() as u32);
        to.u64(self.config.dims.len() as u64);
        to.sizes(&self.config.dims);
        to.u64s(&[self.held as u64, self.features.as_ref().map_or(0, |sums| sums.n)]);
        for values in self.first.iter().chain(self.features.iter().flat_map(Features::values)) {
            to.f64s(values.iter().copied());
        }
        self.rows.iter().for_each(|values| to.f32s(values));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (path, summed, states) = (from.choice(CkaPath::ALL)?, from.below(2)? == 1, from.size()?);
        from.holds(states <= from.remaining() / 8, "it ends too early")?;
        let dims = try_all((0..states).map(|_| from.size()))?;
        let (held, n) = (from.size()?, from.u64()?);
        let config = LayerCka::new(&dims).map(|config| config.path(path));
        let config = config.map_err(|error| from.refused(error, "the widths are out of range"))?;
        // What a stream of this path can hold: whole blocks in the sums, less than a block beside them.
        let possible = if summed {
            path != CkaPath::Gram && held < BLOCK && n % BLOCK as u64 == 0 && n <= MAX_SAMPLES
        } else {
            n == 0 && config.keeps(held)
        };
        from.holds(possible, "the number of samples does not fit the path")?;
        // Before anything is allocated: the bytes must be there.
        let any = held > 0 || n > 0;
        from.expect(size(&dims, held, any, summed).and_then(|size| size.try_into().ok()))?;
        let mut stream = config.start()?;
        if any {
            stream.first = try_all(dims.iter().map(|dim| from.finites(*dim)))?;
        }
        if summed {
            let mut sums = match stream.features.take() {
                Some(sums) => sums,
                None => Features::new(&dims)?,
            };
            sums.n = n;
            for values in sums.values_mut() {
                *values = from.finites(values.len())?;
            }
            stream.features = Some(sums);
        }
        for (rows, dim) in stream.rows.iter_mut().zip(&dims) {
            *rows = from.f32s(held * dim)?;
            from.holds(rows.iter().all(|value| value.is_finite()), "a number is not finite")?;
        }
        stream.held = held;
        Ok(stream)
    }
}

to_and_from_bytes!(
    /// 16 bytes for each pair of states. Tables of other machines can be [added](CkaTable::add).
    impl[] CkaTable
);

impl State for CkaTable {
    const MARK: &'static [u8; 8] = b"paucaLT\0";
    const WHAT: &'static str = "table of CKA";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64s(&[self.samples, self.scale.len() as u64]);
        to.f64s(self.biased_hsic.iter().copied());
        to.f64s(self.unbiased_hsic.iter().copied());
        to.f64s(self.scale.iter().copied());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (samples, states) = (from.u64()?, from.size()?);
        let pairs = states.checked_mul(states).filter(|pairs| *pairs > 0);
        from.expect(pairs.and_then(|pairs| pairs.checked_mul(2)?.checked_add(states)?.checked_mul(8)))?;
        let mut square = || matrix(states, states, from.finites(states * states)?);
        let (biased_hsic, unbiased_hsic) = (square()?, square()?);
        let scale = from.finites(states)?;
        from.holds(scale.iter().all(|scale| *scale >= 0.0), "a scale is negative")?;
        Ok(Self { samples, biased_hsic, unbiased_hsic, scale })
    }
}

/// Bytes of the numbers of such a stream; none where they exceed all integers.
fn size(dims: &[usize], held: usize, any: bool, summed: bool) -> Option<u128> {
    let (states, mut width, mut squares) = (dims.len() as u128, 0u128, 0u128);
    for dim in dims {
        width += *dim as u128;
        squares += (*dim as u128).pow(2);
    }
    // The products of pairs l <= m, then weighted, squares, sums, norms.
    let sums = (width.pow(2) + squares) / 2 + width * states + states.pow(2) + width + states;
    let numbers = if any { width } else { 0 } + if summed { sums } else { 0 };
    (numbers * 8).checked_add(width.checked_mul(held as u128)?.checked_mul(4)?)
}
