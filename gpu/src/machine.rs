//! A processor or a device, chosen when the program runs.

use pauca::backend::{
    Above, Backend, Best, Copies, Levels, Pair, Pairs, Products, Rank, Reassigned, Samples, SearchStats, Work,
};
use pauca::exact::{Metric, Sums};
use pauca::{Context, Cpu, Error, Result, Rows};

use crate::device::Gpu;

/// A backend that is chosen when the program runs: the processor or a device. All answers are the same.
///
/// What one kind made, the other refuses with [`Error::Conflict`], kept rows aside: they are lent as the processor's.
///
/// # Example
/// ```
/// use pauca::{Context, Cpu, KMeans, Rows};
/// use pauca_gpu::{Gpu, Machine};
/// let machine = match Gpu::auto() {
///     Ok(gpu) => Machine::Gpu(gpu),
///     Err(_) => Machine::Cpu(Cpu::new()?),
/// };
/// let x = ndarray::Array2::from_shape_fn((100, 16), |(i, j)| ((i * 7 + j * 5) % 11) as f32);
/// let kmeans = KMeans::new(5).seed(1);
/// assert_eq!(kmeans.fit_on(&machine, &Rows::F32(x.view()), None, &Context::default())?, kmeans.fit(&x)?);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Machine {
    /// The processor.
    Cpu(Cpu),
    /// A device, with the processor beside it.
    Gpu(Gpu),
}

/// What a processor or a device made of something.
#[derive(Clone, Debug)]
pub enum Either<C, G> {
    /// The processor's.
    Cpu(C),
    /// The device's.
    Gpu(G),
}

impl Machine {
    /// Its name: "cpu", or of a device the interface, the number, the kind and its own name.
    pub fn name(&self) -> String {
        match self {
            Self::Cpu(_) => "cpu".to_owned(),
            Self::Gpu(gpu) => format!("{} {}", gpu.found(), gpu.name()),
        }
    }

    /// The processor: alone, or beside a device.
    pub fn cpu(&self) -> &Cpu {
        match self {
            Self::Cpu(cpu) => cpu,
            Self::Gpu(gpu) => gpu.host(),
        }
    }
}

/// What one machine made is asked of another.
fn foreign() -> Error {
    Error::Conflict {
        first: "this machine",
        second: "rows, targets or sums of another",
        why: "they are not of its kind",
    }
}

/// `$call`, with every name the processor's or the device's. `None` is no value of `$side`.
macro_rules! on {
    ($machine:expr, $backend:ident $(, $name:ident = $side:expr)* => $call:expr) => {
        match ($machine, $($side),*) {
            (Machine::Cpu($backend), $(Either::Cpu($name)),*) => $call,
            (Machine::Gpu($backend), $(Either::Gpu($name)),*) => $call,
            #[allow(unreachable_patterns, reason = "a machine alone fits itself")]
            _ => Err(foreign()),
        }
    };
}

/// The same, where the call makes something of the machine's kind.
macro_rules! made {
    ($machine:expr, $backend:ident $(, $name:ident = $side:expr)* => $call:expr) => {
        match ($machine, $($side),*) {
            (Machine::Cpu($backend), $(Either::Cpu($name)),*) => $call.map(Either::Cpu),
            (Machine::Gpu($backend), $(Either::Gpu($name)),*) => $call.map(Either::Gpu),
            #[allow(unreachable_patterns, reason = "a machine alone fits itself")]
            _ => Err(foreign()),
        }
    };
}

impl Backend for Machine {
    type Block<'a> = Either<<Cpu as Backend>::Block<'a>, <Gpu as Backend>::Block<'a>>;
    type Targets<'t> = Either<<Cpu as Backend>::Targets<'t>, <Gpu as Backend>::Targets<'t>>;
    type Sums = Either<<Cpu as Backend>::Sums, <Gpu as Backend>::Sums>;
    type Carry = (<Cpu as Backend>::Carry, <Gpu as Backend>::Carry);
    type Kept = Either<<Cpu as Backend>::Kept, <Gpu as Backend>::Kept>;

    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<Self::Block<'a>> {
        made!(self, machine => machine.load(rows, metric, cx))
    }

    fn pack<'t>(
        &self,
        block: &'t Self::Block<'_>,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets<'t>> {
        made!(self, machine, block = block => machine.pack(block, copies, cx))
    }

    fn pack_pairs<'t>(
        &self,
        block: &'t Self::Block<'_>,
        pairs: u64,
        least: Option<f64>,
        cx: &Context,
    ) -> Result<Self::Targets<'t>> {
        made!(self, machine, block = block => machine.pack_pairs(block, pairs, least, cx))
    }

    fn targets(
        &self,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets<'static>> {
        made!(self, machine => machine.targets(rows, metric, copies, cx))
    }

    fn next_targets(
        &self,
        before: Self::Targets<'static>,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets<'static>> {
        made!(self, machine, before = before => machine.next_targets(before, rows, metric, copies, cx))
    }

    fn squares(&self, block: &Self::Block<'_>, out: &mut [f64], cx: &Context) -> Result<()> {
        on!(self, machine, block = block => machine.squares(block, out, cx))
    }

    fn gathers(&self) -> bool {
        match self {
            Self::Cpu(cpu) => cpu.gathers(),
            Self::Gpu(gpu) => gpu.gathers(),
        }
    }

    fn gather<'a>(
        &self,
        block: &Self::Block<'a>,
        rows: &[u32],
        cx: &Context,
    ) -> Result<Option<Self::Block<'a>>> {
        match (self, block) {
            (Self::Cpu(cpu), Either::Cpu(block)) => Ok(cpu.gather(block, rows, cx)?.map(Either::Cpu)),
            (Self::Gpu(gpu), Either::Gpu(block)) => Ok(gpu.gather(block, rows, cx)?.map(Either::Gpu)),
            _ => Err(foreign()),
        }
    }

    fn nearest(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        on!(self, machine, block = block, targets = targets => machine.nearest(block, targets, before, out, cx))
    }

    fn values(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        on!(self, machine, block = block, targets = targets => machine.values(block, targets, pair, out, cx))
    }

    fn sums(&self, k: usize, d: usize, weighted: bool, cx: &Context) -> Result<Self::Sums> {
        made!(self, machine => machine.sums(k, d, weighted, cx))
    }

    fn accumulate(
        &self,
        block: &Self::Block<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut Self::Sums,
        cx: &Context,
    ) -> Result<()> {
        on!(self, machine, block = block, sums = sums => machine.accumulate(block, from, to, weights, sums, cx))
    }

    fn centroids(&self, sums: &mut Self::Sums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()> {
        on!(self, machine, sums = sums => machine.centroids(sums, metric, out, cx))
    }

    fn counts(&self, sums: &Self::Sums, out: &mut [u64], cx: &Context) -> Result<()> {
        on!(self, machine, sums = sums => machine.counts(sums, out, cx))
    }

    fn add_to(&self, sums: &Self::Sums, host: &mut Sums, cx: &Context) -> Result<()> {
        on!(self, machine, sums = sums => machine.add_to(sums, host, cx))
    }

    fn collect(&self, block: &Self::Block<'_>, to: &[u32], host: &mut Sums, cx: &Context) -> Result<()> {
        on!(self, machine, block = block => machine.collect(block, to, host, cx))
    }

    fn reassign(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        weights: Option<&[f32]>,
        labels: &mut [u32],
        carry: &mut Self::Carry,
        sums: &mut Self::Sums,
        cx: &Context,
    ) -> Result<Reassigned> {
        match (self, block, targets, sums) {
            (Self::Cpu(cpu), Either::Cpu(block), Either::Cpu(targets), Either::Cpu(sums)) => {
                cpu.reassign(block, targets, weights, labels, &mut carry.0, sums, cx)
            }
            (Self::Gpu(gpu), Either::Gpu(block), Either::Gpu(targets), Either::Gpu(sums)) => {
                gpu.reassign(block, targets, weights, labels, &mut carry.1, sums, cx)
            }
            _ => Err(foreign()),
        }
    }

    fn earlier_max(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets<'_>,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        on!(self, machine, later = later, earlier = earlier =>
            machine.earlier_max(later, earlier, pairs, first, best, cx))
    }

    fn pairs_above(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets<'_>,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        on!(self, machine, later = later, earlier = earlier =>
            machine.pairs_above(later, earlier, pairs, above, out, cx))
    }

    fn ranks(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        levels: Levels<'_>,
        ranks: &mut [Rank],
        cx: &Context,
    ) -> Result<SearchStats> {
        on!(self, machine, block = block, targets = targets => machine.ranks(block, targets, levels, ranks, cx))
    }

    fn rows_at_once(&self, dim: usize, work: Work) -> usize {
        match self {
            Self::Cpu(cpu) => cpu.rows_at_once(dim, work),
            Self::Gpu(gpu) => gpu.rows_at_once(dim, work),
        }
    }

    fn keep(&self, block: &Self::Block<'_>, held: usize, cx: &Context) -> Result<Option<Self::Kept>> {
        match (self, block) {
            (Self::Cpu(cpu), Either::Cpu(block)) => Ok(cpu.keep(block, held, cx)?.map(Either::Cpu)),
            (Self::Gpu(gpu), Either::Gpu(block)) => Ok(gpu.keep(block, held, cx)?.map(Either::Gpu)),
            _ => Err(foreign()),
        }
    }

    /// Rows that the other kind kept are lent as the processor's: their values lie on the host whoever kept them.
    fn kept<'k>(&self, kept: &'k Self::Kept) -> Self::Block<'k> {
        match (self, kept) {
            (Self::Gpu(gpu), Either::Gpu(kept)) => Either::Gpu(gpu.kept(kept)),
            (Self::Cpu(cpu), Either::Cpu(kept)) => Either::Cpu(cpu.kept(kept)),
            (Self::Gpu(gpu), Either::Cpu(kept)) => Either::Cpu(gpu.host().kept(kept)),
            (Self::Cpu(cpu), Either::Gpu(kept)) => Either::Cpu(cpu.kept(&kept.cpu)),
        }
    }
}

impl Products for Machine {
    fn host(&self) -> Result<Cpu> {
        Ok(*self.cpu())
    }

    fn pair_dots(
        &self,
        samples: Samples<'_, '_>,
        range: std::ops::Range<usize>,
        out: &mut [f64],
        cx: &Context<'_>,
    ) -> Result<()> {
        match self {
            Self::Cpu(cpu) => cpu.pair_dots(samples, range, out, cx),
            Self::Gpu(gpu) => gpu.pair_dots(samples, range, out, cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(machine: &Machine, x: &ndarray::Array2<f32>) -> Result<(Vec<u32>, SearchStats)> {
        let cx = Context::default();
        let rows = || Rows::F32(x.view());
        let block = machine.load(rows(), Metric::Cosine, &cx)?;
        let targets = machine.targets(rows(), Metric::Cosine, Copies::Keep, &cx)?;
        let mut labels = vec![0; x.nrows()];
        let stats = machine.nearest(&block, &targets, None, &mut labels, &cx)?;
        Ok((labels, stats))
    }

    #[test]
    fn a_machine_answers_as_its_kind_and_refuses_what_the_other_made() {
        let x = ndarray::Array2::from_shape_fn((70, 5), |(i, j)| ((i * 7 + j * 5 + i * j) % 11) as f32 - 4.0);
        let (cpu, cx) = (Machine::Cpu(Cpu::new().unwrap()), Context::default());
        let expected = answers(&cpu, &x).unwrap();
        assert_eq!((expected.0.len(), expected.1.rows), (70, 70));
        assert_eq!(cpu.name(), "cpu");
        let Ok(gpu) = Gpu::wgpu(0) else {
            assert!(std::env::var_os("PAUCA_GPU_REQUIRED").is_none());
            return;
        };
        let gpu = Machine::Gpu(gpu);
        assert!(gpu.name().starts_with("wgpu:0 ("), "{}", gpu.name());
        assert_eq!(answers(&gpu, &x).unwrap().0, expected.0);
        let block = cpu.load(Rows::F32(x.view()), Metric::Cosine, &cx).unwrap();
        let refused = gpu.pack(&block, Copies::Keep, &cx).err().unwrap();
        assert!(matches!(refused, Error::Conflict { .. }), "{refused}");
    }
}
