//! `pauca_workspace_bytes` is an upper bound of what calls take, and no wild one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it saw and skipped")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use pauca_c::*;

struct Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;

/// A small problem takes less than its bound by what is fixed for each thread; a large one by at most so much.
const SLACK: usize = 8;

fn most_of(call: impl FnOnce()) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    call();
    MOST.load(Ordering::Relaxed) - before
}

#[test]
fn calls_take_no_more_than_they_say() {
    let none = std::ptr::null_mut();
    for (n, d, k) in [(100, 3, 5), (5000, 64, 50), (40_000, 16, 400), (3000, 512, 300), (20_000, 4, 2)] {
        let x: Vec<f32> = (0..n * d).map(|i| ((i * 7919 % 10_007) as f32 - 5000.0) / 700.0).collect();
        let view = pauca_view {
            data: x.as_ptr().cast(),
            rows: n as u64,
            cols: d as u64,
            row_stride: 0,
            col_stride: 0,
            dtype: PAUCA_F32,
            device: 0,
            device_id: 0,
            reserved: 0,
            stream: std::ptr::null_mut(),
        };
        for threads in [1u32, 2] {
            // SAFETY: pointers to values that live until the end of the block, and handles of the library.
            unsafe {
                let (mut context, mut options) = (std::ptr::null_mut(), std::mem::zeroed());
                let size = size_of::<pauca_context_options>() as u32;
                assert_eq!(pauca_context_options_init(&mut options, size, PAUCA_ABI_VERSION, none), 0);
                options.threads = threads;
                assert_eq!(pauca_context_new(&options, &mut context, none), 0);
                let mut fit: pauca_kmeans_options = std::mem::zeroed();
                assert_eq!(pauca_kmeans_options_init(&mut fit, size_of_val(&fit) as u32, none), 0);
                (fit.n_clusters, fit.max_iter) = (k as u64, 3);
                let mut d4: pauca_d4_options = std::mem::zeroed();
                assert_eq!(pauca_d4_options_init(&mut d4, size_of_val(&d4) as u32, none), 0);
                (d4.clusters, d4.max_iter) = (k as u64, 2);
                let (mut clusters, mut dedup) = (std::ptr::null_mut(), std::ptr::null_mut());
                let (mut curated, mut labels) = (std::ptr::null_mut(), vec![0u32; n]);
                // Rows that meet rows that stay do so cluster by cluster: the bound is that of one large cluster.
                let mut one = std::ptr::null_mut();
                let all = pauca_kmeans_options { n_clusters: 1, ..fit };
                assert_eq!(pauca_kmeans(&view, std::ptr::null(), &all, &mut one, context, none), 0);
                let bound = |work, n, k| {
                    let mut bytes = 0;
                    let (n, d, k) = (n as u64, d as u64, k as u64);
                    assert_eq!(pauca_workspace_bytes(work, n, d, k, 0, &mut bytes, context, none), 0);
                    bytes as usize
                };
                // Threads are started by the first call, and their stacks are not counted.
                assert_eq!(pauca_kmeans(&view, std::ptr::null(), &fit, &mut clusters, context, none), 0);
                pauca_clusters_free(clusters);
                let taken = [
                    most_of(|| {
                        let weights = std::ptr::null();
                        assert_eq!(pauca_kmeans(&view, weights, &fit, &mut clusters, context, none), 0)
                    }),
                    most_of(|| {
                        let out = labels.as_mut_ptr();
                        let len = n as u64;
                        assert_eq!(pauca_clusters_predict(clusters, &view, out, len, context, none), 0)
                    }),
                    most_of(|| {
                        let options = std::ptr::null();
                        assert_eq!(pauca_semdedup(&view, clusters, options, &mut dedup, context, none), 0)
                    }),
                    most_of(|| assert_eq!(pauca_d4(&view, &d4, &mut curated, context, none), 0)),
                    most_of(|| {
                        let options = std::ptr::null();
                        let mut to: pauca_dedup_against_arrays = std::mem::zeroed();
                        to.struct_size = size_of_val(&to) as u32;
                        let found = pauca_semdedup_against(&view, &view, one, options, &to, context, none);
                        assert_eq!(found, 0)
                    }),
                ];
                let works = [
                    (PAUCA_WORK_KMEANS, n, k),
                    (PAUCA_WORK_PREDICT, n, k),
                    (PAUCA_WORK_SEMDEDUP, n, k),
                    (PAUCA_WORK_D4, n, k),
                    (PAUCA_WORK_SEMDEDUP_AGAINST, 2 * n, 1),
                ];
                for ((work, n, k), taken) in works.into_iter().zip(taken) {
                    let bound = bound(work, n, k);
                    println!("work {work}, {n} x {d}, k {k}, threads {threads}: {taken} of {bound} bytes");
                    assert!(
                        taken <= bound,
                        "work {work}, {n} x {d}, k {k}: {taken} bytes taken, {bound} said"
                    );
                    let fixed = threads as usize * ((4 << 20) + 64 * d);
                    assert!(bound - fixed <= SLACK * taken.max(1 << 20), "{bound} is far above {taken}");
                }
                pauca_curated_free(curated);
                pauca_dedup_free(dedup);
                pauca_clusters_free(clusters);
                pauca_clusters_free(one);
                pauca_context_free(context);
            }
        }
    }
}
