//! What is tested: a backend, and where it runs.

use pauca::backend::Backend;
use pauca::{Blocked, Clusters, Context, Control, Exec, Executor, KMeans, Result, RowSource, Rows};

use crate::layout::array;

/// A backend with an executor.
#[derive(Debug)]
pub struct Subject<B> {
    /// The backend.
    pub backend: B,
    /// Where it runs.
    pub cx: Context<'static>,
}

impl<B: Backend> Subject<B> {
    /// `backend` on `exec`.
    pub fn new(backend: B, exec: Exec<'static>) -> Self {
        Self { backend, cx: Context::new(exec, Control::new()) }
    }

    /// k-means over rows in memory.
    pub fn kmeans(&self, config: &KMeans, x: &[Vec<f32>], weights: Option<&[f32]>) -> Result<Clusters> {
        let x = array(x);
        config.fit_on(&self.backend, &Rows::F32(x.view()), weights, &self.cx)
    }

    /// k-means over blocks of `block_rows`.
    pub fn kmeans_blocked(
        &self,
        config: &KMeans,
        x: &[Vec<f32>],
        weights: Option<&[f32]>,
        block_rows: usize,
    ) -> Result<Clusters> {
        let x = array(x);
        config.fit_on(&self.backend, &Blocked::new(Rows::F32(x.view()), block_rows)?, weights, &self.cx)
    }

    /// k-means over any source.
    pub fn kmeans_of(
        &self,
        config: &KMeans,
        x: &impl RowSource,
        weights: Option<&[f32]>,
    ) -> Result<Clusters> {
        config.fit_on(&self.backend, x, weights, &self.cx)
    }
}

/// The caller's own executor, as adverse as its contract allows: the last task first, on threads
/// of its own, a few at a time.
#[derive(Debug)]
pub struct Backwards;

impl Executor for Backwards {
    fn width(&self) -> usize {
        3
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        // A thread costs more than most tests: only every other batch is spread.
        let (near, far) = (tasks / 2, tasks);
        if tasks > 2 && tasks.is_multiple_of(2) {
            std::thread::scope(|scope| {
                scope.spawn(move || (near..far).rev().for_each(task));
                (0..near).rev().for_each(task);
            });
        } else {
            (0..tasks).rev().for_each(task);
        }
    }
}
