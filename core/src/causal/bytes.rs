//! A training as bytes: a run that is saved and read again goes on to the same bits.
//!
//! Numbers of both types are written as `f64`, which holds either exactly; the type stands before them.

use alloc::vec::Vec;

use super::adamw::AdamW;
use super::crt::{Crt, Flow, Norm};
use super::predictor::{Kind, Predictor};
use super::ridge::RidgeGram;
use super::schedule::{Schedule, Shape};
use super::trainer::Trainer;
use super::transformer::Transformer;
use super::window::{Middle, Start, Window};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::Result;
use crate::exact::F64Sum;
use crate::memory::try_collect;
use crate::real::Real;
use crate::vq::Reduction;

to_and_from_bytes!(
    /// 624 bytes a sum in memory are 312 here.
    impl[] RidgeGram
);
to_and_from_bytes!(
    /// [`NonFinite`](crate::Error::NonFinite) for a parameter that is not finite.
    impl[T: Real] Predictor<T>
);
to_and_from_bytes!(
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a setting that
    /// [`step`](AdamW::step) refuses, [`NonFinite`](crate::Error::NonFinite) for moments that overflowed.
    impl[T: Real] AdamW<T>
);
to_and_from_bytes!(
    /// The errors of [`Predictor::to_bytes`] and [`AdamW::to_bytes`];
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a lambda that is negative or not finite.
    impl[T: Real] Trainer<T>
);

fn write_type<T: Real>(to: &mut Writer) {
    to.u32(size_of::<T>() as u32);
}

fn read_type<T: Real>(from: &mut Reader<'_>) -> Result<()> {
    let size = from.u32()? as usize;
    from.holds(size == size_of::<T>(), "its numbers are of another type")
}

fn write_reals<T: Real>(what: &'static str, values: &[T], to: &mut Writer) -> Result<()> {
    check::finite_row(what, 0, values.iter().map(|v| v.to_f64()))?;
    to.f64s(values.iter().map(|v| v.to_f64()));
    Ok(())
}

/// Finite numbers, each one of the type.
fn read_reals<T: Real>(len: usize, from: &mut Reader<'_>) -> Result<Vec<T>> {
    let wide = from.f64s(len)?;
    let values = try_collect(wide.iter().map(|v| T::from_f64(*v)))?;
    let same = |(value, wide): (&T, &f64)| value.is_finite() && value.to_f64().to_bits() == wide.to_bits();
    from.holds(values.iter().zip(&wide).all(same), "a number is not one of its type")?;
    Ok(values)
}

impl State for Kind {
    const MARK: &'static [u8; 8] = b"paucaCK\0";
    const WHAT: &'static str = "kind of predictor";

    fn write(&self, to: &mut Writer) -> Result<()> {
        match self {
            Self::Window(Window { lags, middle, start }) => {
                let (kind, hidden) = match middle {
                    Middle::None => (0, 0),
                    Middle::Linear(rank) => (1, *rank),
                    Middle::Gelu(hidden) => (2, *hidden),
                };
                to.u32(kind);
                to.sizes(&[*lags, hidden]);
                to.choice(Start::ALL, *start);
            }
            Self::Transformer(Transformer { steps, layers, width, heads, hidden }) => {
                to.u32(3);
                to.sizes(&[*steps, *layers, *width, *heads, hidden.unwrap_or(0)]);
            }
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let kind = from.below(4)?;
        if kind == 3 {
            let [steps, layers, width, heads, hidden] = from.sizes()?;
            let hidden = (hidden > 0).then_some(hidden);
            return Ok(Self::Transformer(Transformer { steps, layers, width, heads, hidden }));
        }
        let [lags, hidden] = from.sizes()?;
        from.holds(kind > 0 || hidden == 0, "a linear predictor has no hidden units")?;
        let middle = match kind {
            0 => Middle::None,
            1 => Middle::Linear(hidden),
            _ => Middle::Gelu(hidden),
        };
        Ok(Self::Window(Window { lags, middle, start: from.choice(Start::ALL)? }))
    }
}

impl<T: Real> State for Predictor<T> {
    const MARK: &'static [u8; 8] = b"paucaCP\0";
    const WHAT: &'static str = "predictor";

    fn write(&self, to: &mut Writer) -> Result<()> {
        write_type::<T>(to);
        self.kind().write(to)?;
        to.sizes(&[self.inputs(), self.outputs()]);
        write_reals("the parameters", self.params(), to)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        read_type::<T>(from)?;
        let kind = Kind::read(from)?;
        let [inputs, outputs] = from.sizes()?;
        let layout = Self::layout(&kind, inputs, outputs);
        let layout = layout.map_err(|error| from.refused(error, "there is no such predictor"))?;
        let params = read_reals(layout.len, from)?;
        Ok(Self::of_parts(kind, inputs, outputs, layout, params))
    }
}

impl<T: Real> State for AdamW<T> {
    const MARK: &'static [u8; 8] = b"paucaCA\0";
    const WHAT: &'static str = "AdamW";

    fn write(&self, to: &mut Writer) -> Result<()> {
        self.check()?;
        write_type::<T>(to);
        let [first, second] = self.betas;
        to.f64s([self.rate, first, second, self.epsilon, self.decay].into_iter());
        to.f64s(self.powers.into_iter());
        to.u64s(&[self.steps, self.len as u64]);
        write_reals("the first moment", &self.mean, to)?;
        write_reals("the second moment", &self.square, to)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        read_type::<T>(from)?;
        let (rate, betas) = (from.finite()?, [from.finite()?, from.finite()?]);
        let (epsilon, decay) = (from.finite()?, from.finite()?);
        let powers = [from.finite()?, from.finite()?];
        let (steps, len) = (from.count()?, from.size()?);
        let stored = if steps > 0 { len } else { 0 };
        let (mean, square) = (read_reals(stored, from)?, read_reals(stored, from)?);
        let adam = Self { rate, betas, epsilon, decay, len, powers, steps, mean, square };
        let share = |power: &f64| if steps > 0 { (0.0..1.0).contains(power) } else { *power == 1.0 };
        let good = powers.iter().all(share) && adam.square.iter().all(|v| *v >= T::zero());
        from.holds(good && adam.check().is_ok(), "a setting or a moment is out of range")?;
        Ok(adam)
    }
}

impl State for Crt {
    const MARK: &'static [u8; 8] = b"paucaCC\0";
    const WHAT: &'static str = "causal regularizer";

    fn write(&self, to: &mut Writer) -> Result<()> {
        check::not_negative("lambda", self.lambda)?;
        to.f64(self.lambda);
        to.choice(Norm::ALL, self.norm);
        to.choice(Reduction::ALL, self.reduction);
        to.choice(Flow::ALL, self.flow);
        to.u32(u32::from(self.first));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let lambda = from.finite()?;
        check::not_negative("lambda", lambda).map_err(|_| from.corrupt("lambda is out of range"))?;
        let (norm, reduction) = (from.choice(Norm::ALL)?, from.choice(Reduction::ALL)?);
        let (flow, first) = (from.choice(Flow::ALL)?, from.below(2)? == 1);
        Ok(Self { lambda, norm, reduction, flow, first })
    }
}

impl State for Schedule {
    const MARK: &'static [u8; 8] = b"paucaCS\0";
    const WHAT: &'static str = "schedule";

    fn write(&self, to: &mut Writer) -> Result<()> {
        self.at(0)?;
        to.u64s(&[self.max.to_bits(), self.warm]);
        to.choice(Shape::ALL, self.shape);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (max, warm) = (from.finite()?, from.u64()?);
        let schedule = Self { max, warm, shape: from.choice(Shape::ALL)? };
        schedule.at(0).map_err(|_| from.corrupt("the largest lambda is out of range"))?;
        Ok(schedule)
    }
}

impl<T: Real> State for Trainer<T> {
    const MARK: &'static [u8; 8] = b"paucaCT\0";
    const WHAT: &'static str = "trainer";

    fn write(&self, to: &mut Writer) -> Result<()> {
        self.predictor.write(to)?;
        self.crt.write(to)?;
        self.schedule.write(to)?;
        self.optimizer.write(to)?;
        to.u64(self.step);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (predictor, crt) = (Predictor::read(from)?, Crt::read(from)?);
        let (schedule, optimizer) = (Schedule::read(from)?, AdamW::read(from)?);
        Ok(Self { predictor, crt, schedule, optimizer, step: from.count()? })
    }
}

impl State for RidgeGram {
    const MARK: &'static [u8; 8] = b"paucaCR\0";
    const WHAT: &'static str = "sums of the ridge predictor";

    fn write(&self, to: &mut Writer) -> Result<()> {
        let sums = self.seen.len() + self.cross.len() + 1;
        to.u64s(&[self.lags as u64, self.dim as u64, self.rows]);
        to.reserve(sums.saturating_mul(F64Sum::BYTES));
        self.seen.iter().chain(&self.cross).chain([&self.target]).for_each(|sum| sum.write(to));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (lags, dim, rows) = (from.size()?, from.size()?, from.count()?);
        let sums =
            Self::sizes(lags, dim).ok().and_then(|(seen, cross)| seen.checked_add(cross)?.checked_add(1));
        from.expect(sums.and_then(|sums| sums.checked_mul(F64Sum::BYTES)))?;
        let mut gram = Self::new(lags, dim)?;
        gram.rows = rows;
        for sum in gram.seen.iter_mut().chain(&mut gram.cross).chain([&mut gram.target]) {
            *sum = F64Sum::read(from)?;
            from.holds(sum.value().is_finite(), "a sum is not finite")?;
        }
        from.holds(rows > 0 || gram.target.value() == 0.0, "there is a sum of no rows")?;
        Ok(gram)
    }
}
