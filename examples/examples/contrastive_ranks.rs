//! CLIP's loss over a ring of ranks, as a training cluster would compute it: each rank is a thread
//! that holds some rows of x and of y, knows its neighbours only, and sends bytes. The loss is that
//! of all rows together, and so are the gradients that each rank ends up with.
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use ndarray::{Array2, ArrayView2, s};
use pauca::Error;
use pauca::alignment::{InfoNce, InfoNceTotals, Matches, SigLip, SoftmaxRows};

const SCALE: f64 = 20.0;

/// What goes around: rows of y with their global ids, their statistics, and dL/dy as far as known.
struct Parcel {
    y: Array2<f32>,
    ids: Vec<u64>,
    statistics: Vec<u8>,
    dy: Array2<f64>,
}

/// The two ends that a rank holds of the ring: to the next rank, from the one before.
struct Ring {
    next: Sender<Parcel>,
    previous: Receiver<Parcel>,
    parts: Receiver<Vec<u8>>,
}

impl Ring {
    /// Passes the parcel on and takes the next one; `None` when a rank has given up.
    fn pass(&self, parcel: Parcel) -> Option<Parcel> {
        self.next.send(parcel).ok()?;
        self.previous.recv().ok()
    }
}

/// The loss of all rows, and dL/dx and dL/dy of this rank's rows.
struct Share {
    value: f64,
    dx: Array2<f64>,
    dy: Array2<f64>,
    log_scale: f64,
}

/// What one rank does. Matches are by global row number: x i belongs to y i.
///
/// `all`: to every rank, for the one small all-reduce. `None` when another rank has given up.
fn rank(
    x: ArrayView2<f32>,
    ids: Vec<u64>,
    y: Array2<f32>,
    ring: &Ring,
    all: Vec<Sender<Vec<u8>>>,
) -> Result<Option<Share>, Error> {
    let (loss, n) = (InfoNce::new(), all.len());
    let (mine, dy) = (ids.clone(), Array2::zeros(y.dim()));
    let mut rows = SoftmaxRows::new(x.nrows())?;
    let mut parcel = Parcel { statistics: SoftmaxRows::new(y.nrows())?.to_bytes()?, y, ids, dy };
    // Once around for the statistics: those of x stay, those of y travel with their rows.
    for _ in 0..n {
        let matches = Matches::Groups { x: &mine, y: &parcel.ids };
        let found = loss.block_statistics(x, parcel.y.view(), SCALE, matches)?;
        rows.merge(&found.rows)?;
        let mut columns = SoftmaxRows::from_bytes(&parcel.statistics)?;
        columns.merge(&found.columns)?;
        parcel.statistics = columns.to_bytes()?;
        let Some(next) = ring.pass(parcel) else { return Ok(None) };
        parcel = next;
    }
    // At home again: complete statistics of this rank's rows. Their totals are exchanged.
    let own = loss.totals(&rows, &SoftmaxRows::from_bytes(&parcel.statistics)?)?.to_bytes()?;
    all.iter().for_each(|to| drop(to.send(own.clone())));
    // Without senders of its own, a rank sees it when another one is gone.
    drop(all);
    let mut totals: Option<InfoNceTotals> = None;
    for _ in 0..n {
        let Ok(bytes) = ring.parts.recv() else { return Ok(None) };
        let part = InfoNceTotals::from_bytes(&bytes)?;
        match &mut totals {
            Some(totals) => totals.merge(&part)?,
            None => totals = Some(part),
        }
    }
    let Some(totals) = totals else { return Ok(None) };
    // Once more around for the gradients: dL/dx stays, dL/dy travels.
    let (mut dx, mut log_scale) = (Array2::<f64>::zeros(x.dim()), 0.0);
    for _ in 0..n {
        let matches = Matches::Groups { x: &mine, y: &parcel.ids };
        let columns = SoftmaxRows::from_bytes(&parcel.statistics)?;
        let found = totals.block_gradients(x, parcel.y.view(), matches, (&rows, &columns))?;
        dx += &found.x.mapv(f64::from);
        parcel.dy += &found.y.mapv(f64::from);
        log_scale += found.log_scale;
        let Some(next) = ring.pass(parcel) else { return Ok(None) };
        parcel = next;
    }
    Ok(Some(Share { value: totals.value()?, dx, dy: parcel.dy, log_scale }))
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |most, v| most.max(v.abs()))
}

fn main() -> Result<(), Error> {
    let rows = |seed: usize| {
        let mut rows =
            Array2::from_shape_fn((999, 8), |(i, k)| ((i * 7919 + k * seed) % 1009) as f32 - 504.0);
        rows.outer_iter_mut().for_each(|mut row| row /= row.dot(&row).sqrt());
        rows
    };
    let (x, y) = (rows(104_729), rows(104_723));
    let ranks: [Range<usize>; 3] = [0..100, 100..101, 101..999];

    let (forward, mut backward): (Vec<_>, Vec<_>) = ranks.iter().map(|_| channel()).unzip();
    let (all, parts): (Vec<_>, Vec<_>) = ranks.iter().map(|_| channel()).unzip();
    backward.rotate_right(1);
    let mut threads = Vec::new();
    for (((range, next), previous), parts) in ranks.iter().cloned().zip(forward).zip(backward).zip(parts) {
        let (ring, all) = (Ring { next, previous, parts }, all.clone());
        let (x, y) = (x.slice(s![range.clone(), ..]).to_owned(), y.slice(s![range.clone(), ..]).to_owned());
        let ids = range.map(|i| i as u64).collect();
        threads.push(thread::spawn(move || rank(x.view(), ids, y, &ring, all)));
    }
    drop(all);

    let whole = InfoNce::new().gradients(x.view(), y.view(), SCALE, Matches::Diagonal)?;
    let (mut error, mut log_scale) = (0.0f64, 0.0);
    let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no rank panics")).collect();
    // The rank that failed says why; the others only that it is gone.
    let shares = ended.into_iter().collect::<Result<Vec<_>, Error>>()?;
    for (share, range) in shares.into_iter().zip(&ranks) {
        let share = share.expect("no rank gave up");
        assert_eq!(range.len(), share.dx.nrows());
        for (found, whole) in [(&share.dx, &whole.x), (&share.dy, &whole.y)] {
            let size = largest(whole.iter().map(|v| f64::from(*v)));
            let expected = whole.slice(s![range.clone(), ..]);
            let gap = largest(found.iter().zip(expected).map(|(a, b)| a - f64::from(*b)));
            error = error.max(gap / size);
        }
        error = error.max((share.value / whole.value - 1.0).abs());
        log_scale += share.log_scale;
    }
    error = error.max((log_scale / whole.log_scale - 1.0).abs());
    println!("ranks of 100, 1 and 898 rows give the loss {:.6} of the whole", whole.value);
    println!("and its gradients, which a single call rounds to f32, within {error:.0e}");
    // Half a unit of f32 for each of the three blocks and for the single call.
    assert!(error < 4.0 * f64::from(f32::EPSILON) / 2.0);
    sigmoid(x.view(), y.view(), &ranks)
}

/// SigLIP needs no ring of statistics: every pair is a question of its own, so blocks add up.
fn sigmoid(x: ArrayView2<f32>, y: ArrayView2<f32>, ranks: &[Range<usize>]) -> Result<(), Error> {
    let (loss, bias) = (SigLip::new().mean_over(x.nrows() as u64), -10.0);
    let whole = loss.gradients(x, y, SCALE, bias, Matches::Diagonal)?;
    let (mut value, mut of_bias) = (0.0, 0.0);
    let ids = |range: &Range<usize>| range.clone().map(|i| i as u64).collect::<Vec<_>>();
    for mine in ranks {
        for theirs in ranks {
            let matches = Matches::Groups { x: &ids(mine), y: &ids(theirs) };
            let (x, y) = (x.slice(s![mine.clone(), ..]), y.slice(s![theirs.clone(), ..]));
            let block = loss.gradients(x, y, SCALE, bias, matches)?;
            (value, of_bias) = (value + block.value, of_bias + block.bias);
        }
    }
    let error = (value / whole.value - 1.0).abs().max((of_bias / whole.bias - 1.0).abs());
    println!("SigLIP: nine blocks give its loss {:.6} within {error:.0e}", whole.value);
    // Nine values in f64, added.
    assert!(error < 16.0 * f64::EPSILON * 16.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn ranks_and_blocks_give_the_losses_of_the_whole() {
        super::main().unwrap();
    }
}
