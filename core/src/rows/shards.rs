//! Several sources, one after the other, as one.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

use super::element::with_type;
use super::{Element, ElementType, RowElement, RowSource, Rows, Scratch};
use crate::arrays::view;
use crate::check;
use crate::error::{Error, Result, SourceError};
use crate::memory::{area, try_capacity, try_collect};
use crate::params::setters;

/// Which shard failed; its own error is the source.
#[derive(Debug, thiserror::Error)]
#[error("shard {shard} failed")]
struct ShardError {
    shard: usize,
    #[source]
    source: SourceError,
}

/// Several sources one after the other as one: the files of a data set, the parts of an array.
///
/// By default the id of a row is its position in the whole, so that seeded results have the bits of
/// the same rows in one array, whatever the split; files opened one by one all begin at id 0, and
/// rows that share an id would draw the same numbers. [`own_ids`](Shards::own_ids) takes the ids of
/// the shards instead: for a part of a larger set, whose shards know their place in it
/// ([`RawRows::first_id`](crate::RawRows::first_id)), so that the part draws what the whole does.
///
/// Sources of several kinds are `Shards<&dyn RowSource>`.
///
/// # Shapes
/// All shards have the same number of columns and one element type; a shard may have no rows.
///
/// # Errors
/// Reading gives a shard's own error, where it is [`Error::Source`] with the number of the shard
/// above it; [`Error::ShapeMismatch`] for a shard that does not give what was asked of it.
///
/// # Cost
/// A range inside one shard is that shard's, without a copy. A block over several, and rows by index
/// from several, are copied together: twice the memory of the block. A call of
/// [`gather`](RowSource::gather) asks each shard at most once. No more rows are asked of a shard at
/// once than the smallest [`block_rows`](RowSource::block_rows) of all, where the caller keeps to it.
///
/// # Example
/// ```
/// use pauca::{Blocked, Context, Cpu, KMeans, Rows, Shards};
/// let x = ndarray::Array2::from_shape_fn((50, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let (head, tail) = x.view().split_at(ndarray::Axis(0), 17);
/// let shards = Shards::new(vec![Rows::F32(head), Rows::F32(tail)])?;
/// let clusters = KMeans::new(4).seed(7).fit_on(&Cpu::new()?, &shards, None, &Context::default())?;
/// assert_eq!(clusters.labels, KMeans::new(4).seed(7).fit(&x)?.labels);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shards<S> {
    shards: Vec<S>,
    /// Where each shard begins, and the end.
    starts: Vec<usize>,
    d: usize,
    element: ElementType,
    own_ids: bool,
}

impl<S: RowSource> Shards<S> {
    /// The rows of `shards`, one after the other. Reads the first row of each, to learn its type.
    ///
    /// # Errors
    /// [`Error::Empty`] without shards; [`Error::ShapeMismatch`] when their columns differ in number,
    /// [`Error::Conflict`] when their element types do; [`Error::TooLarge`] when their rows cannot be
    /// counted; [`Error::Source`] when a first row cannot be read.
    pub fn new(shards: Vec<S>) -> Result<Self> {
        let d = shards.first().ok_or(Error::Empty { what: "list of shards" })?.dim();
        let mut starts = try_capacity(shards.len() + 1)?;
        let (mut end, mut element) = (0usize, None);
        let mut scratch = Scratch::new();
        for (s, shard) in shards.iter().enumerate() {
            check::same_length("row of a shard", d, shard.dim())?;
            starts.push(end);
            let size = shard.n_rows();
            check::at_most("rows of all shards", size, usize::MAX - end)?;
            end += size;
            if size > 0 {
                let found = match shard.resident() {
                    Some(rows) => ElementType::of(&rows),
                    None => {
                        let rows = in_shard(s, shard.read(0..1, &mut scratch))?;
                        as_asked(&rows, 1, d)?;
                        ElementType::of(&rows)
                    }
                };
                same_type(*element.get_or_insert(found), found)?;
            }
        }
        starts.push(end);
        Ok(Self { shards, starts, d, element: element.unwrap_or(ElementType::F32), own_ids: false })
    }

    setters! {
        /// Whether a row has the id that its shard gives it, not that of its position (the default). The
        /// shards must then give every row an id of its own; nobody checks that.
        own_ids: bool;
    }

    /// The shards.
    pub fn shards(&self) -> &[S] {
        &self.shards
    }

    /// The shard of row `i`, which must exist. Of shards that begin there, the last has rows.
    fn shard_of(&self, i: usize) -> usize {
        self.starts.partition_point(|&start| start <= i) - 1
    }

    /// The rows that shard `s` gave, if they are what was asked for.
    fn checked<'r>(&self, s: usize, rows: Result<Rows<'r>>, n: usize) -> Result<Rows<'r>> {
        let rows = in_shard(s, rows)?;
        as_asked(&rows, n, self.d)?;
        same_type(self.element, ElementType::of(&rows))?;
        Ok(rows)
    }

    fn typed<'r, T: Element + RowElement>(
        &self,
        s: usize,
        rows: Result<Rows<'r>>,
        n: usize,
    ) -> Result<ArrayView2<'r, T>> {
        let rows = self.checked(s, rows, n)?;
        T::view_of(&rows).ok_or_else(|| conflict(self.element, ElementType::of(&rows)))
    }

    fn read_across<'a, T: Element + RowElement>(
        &self,
        range: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> Result<ArrayView2<'a, T>> {
        let out = scratch.elements::<T>(area(range.len(), self.d)?)?;
        let mut inner = Scratch::new();
        let mut at = range.start;
        while at < range.end {
            let s = self.shard_of(at);
            let end = range.end.min(self.starts[s + 1]);
            let local = at - self.starts[s]..end - self.starts[s];
            let view = self.typed::<T>(s, self.shards[s].read(local, &mut inner), end - at)?;
            let out = &mut out[(at - range.start) * self.d..(end - range.start) * self.d];
            for (to, from) in out.chunks_exact_mut(self.d.max(1)).zip(view.rows()) {
                copy_row(to, from);
            }
            at = end;
        }
        view(out, range.len(), self.d)
    }

    fn gather_across<'a, T: Element + RowElement>(
        &self,
        rows: &[usize],
        scratch: &'a mut Scratch,
    ) -> Result<ArrayView2<'a, T>> {
        let out = scratch.elements::<T>(area(rows.len(), self.d)?)?;
        let mut inner = Scratch::new();
        let mut order = try_collect(rows.iter().enumerate().map(|(at, &i)| (self.shard_of(i), at)))?;
        order.sort_unstable();
        let mut local: Vec<usize> = try_capacity(rows.len())?;
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let s = group[0].0;
            local.clear();
            local.extend(group.iter().map(|&(_, at)| rows[at] - self.starts[s]));
            let view = self.typed::<T>(s, self.shards[s].gather(&local, &mut inner), local.len())?;
            for (&(_, at), from) in group.iter().zip(view.rows()) {
                copy_row(&mut out[at * self.d..(at + 1) * self.d], from);
            }
        }
        view(out, rows.len(), self.d)
    }
}

impl<S: RowSource> RowSource for Shards<S> {
    fn n_rows(&self) -> usize {
        self.starts[self.shards.len()]
    }

    fn dim(&self) -> usize {
        self.d
    }

    fn row_id(&self, i: usize) -> u64 {
        if !self.own_ids {
            return i as u64;
        }
        if i >= self.n_rows() {
            return u64::MAX;
        }
        let s = self.shard_of(i);
        self.shards[s].row_id(i - self.starts[s])
    }

    fn resident(&self) -> Option<Rows<'_>> {
        // Only a shard that is the whole lies in memory as one.
        self.shards.iter().find(|shard| shard.n_rows() == self.n_rows())?.resident()
    }

    fn block_rows(&self) -> usize {
        self.shards.iter().map(RowSource::block_rows).min().unwrap_or(1)
    }

    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::range(&range, self.n_rows())?;
        if !range.is_empty() {
            let s = self.shard_of(range.start);
            let start = self.starts[s];
            if range.end <= self.starts[s + 1] {
                let (local, n) = (range.start - start..range.end - start, range.len());
                return self.checked(s, self.shards[s].read(local, scratch), n);
            }
        }
        with_type!(self.element, T => self.read_across::<T>(range, scratch).map(T::rows))
    }

    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::indices(rows, self.n_rows())?;
        if let Some(&first) = rows.first() {
            let s = self.shard_of(first);
            let (start, end) = (self.starts[s], self.starts[s + 1]);
            if rows.iter().all(|i| (start..end).contains(i)) {
                let local = try_collect(rows.iter().map(|i| i - start))?;
                return self.checked(s, self.shards[s].gather(&local, scratch), rows.len());
            }
        }
        with_type!(self.element, T => self.gather_across::<T>(rows, scratch).map(T::rows))
    }
}

fn copy_row<T: Copy>(to: &mut [T], from: ndarray::ArrayView1<'_, T>) {
    match from.to_slice() {
        Some(from) => to.copy_from_slice(from),
        None => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// Names the shard whose storage failed.
fn in_shard<T>(shard: usize, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Source(source) => Error::Source(Box::new(ShardError { shard, source })),
        other => other,
    })
}

/// A shard is a caller's code: it may not keep its word.
fn as_asked(rows: &Rows<'_>, n: usize, d: usize) -> Result<()> {
    check::same_length("block of a shard", n, rows.n_rows())?;
    check::same_length("row of a shard", d, rows.dim())
}

fn same_type(expected: ElementType, found: ElementType) -> Result<()> {
    if found == expected { Ok(()) } else { Err(conflict(expected, found)) }
}

fn conflict(first: ElementType, second: ElementType) -> Error {
    let shard = |element| match element {
        ElementType::F32 => "a shard of f32",
        #[cfg(feature = "f16")]
        ElementType::F16 => "a shard of f16",
        #[cfg(feature = "f16")]
        ElementType::Bf16 => "a shard of bf16",
    };
    let why = "rows of one source have one element type";
    Error::Conflict { first: shard(first), second: shard(second), why }
}
