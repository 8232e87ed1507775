/* pauca: exact, reproducible algorithms for choosing what a model learns from.
 * Written by cbindgen from bindings-c/src: change it there.
 *
 * Every function is safe to call from any thread. A handle is used by one call at a time, unless its description says
 * "shareable". Names begin with pauca_, constants with PAUCA_.
 *
 * Begin      pauca_context_new(NULL, &context, &e) once, for all cores; NULL in its place is the calling thread alone.
 *            Rows are a pauca_view; pauca_..._options_init; the call; then sizes by pauca_..._get_info, arrays by
 *            pauca_..._copy, and pauca_..._free. Link by: cc program.c $(pkg-config --cflags --libs pauca)
 *            and, outside of the loader's path, -Wl,-rpath,LIBDIR; libpauca.a needs pkg-config --static.
 * Status     A function that can fail returns pauca_status: PAUCA_OK (0), or a code that never changes its meaning.
 * Errors     The last argument is a pauca_error of yours, or NULL. Begin with: pauca_error e = PAUCA_ERROR_INIT;
 *            A call that fails fills it: code, numbers, a text with the place. Nothing is printed. Nothing aborts.
 *            With another struct_size a call that fails returns PAUCA_STRUCT_SIZE and writes nothing.
 * Outputs    They are written on success only. Buffers are yours; handles come from the library, and each has its
 *            pauca_..._free, for which NULL is nothing. No output may overlap an input or another output.
 * Inputs     They are never written, and not kept after the call, unless the function says "until".
 * Structs    Options and results begin with struct_size. pauca_..._options_init(&o, sizeof o, &e) writes the defaults.
 *            An older header works with a newer library of the same major ABI number.
 * Numbers    Fixed widths only. Lengths count values, not bytes. There is no bool and no enum in the ABI.
 */

#ifndef PAUCA_H
#define PAUCA_H

#include <stdint.h>

// The first value of a pauca_error.
#define PAUCA_ERROR_INIT { sizeof(pauca_error), 0, { PAUCA_NONE, PAUCA_NONE }, { 0 } }

// The version of this header: major number times 65536, plus minor number. Within a major number later libraries serve
// programs that were compiled with an earlier header.
#define PAUCA_ABI_VERSION 4

// The level that the environment variable PAUCA_SIMD names, else the best one of the machine.
#define PAUCA_SIMD_DEFAULT 0

// What every machine of the target has.
#define PAUCA_SIMD_SCALAR 1

// x86-64 with AVX2 and FMA.
#define PAUCA_SIMD_AVX2 2

// x86-64 with AVX-512F and AVX-512VL.
#define PAUCA_SIMD_AVX512 3

// AArch64 with NEON.
#define PAUCA_SIMD_NEON 4

// x86-64 with AVX-VNNI.
#define PAUCA_SIMD_AVX_VNNI 5

// x86-64 with AVX-512 VNNI.
#define PAUCA_SIMD_AVX512_VNNI 6

// x86-64 with AVX-512 VNNI and AMX-INT8, on Linux. The first question for it, or for the best level, asks Linux for the registers; from
// then on Linux refuses alternate signal stacks that are too small for them. PAUCA_SIMD=avx512vnni in the environment asks for nothing.
#define PAUCA_SIMD_AMX 7

// Length of the message of an error, the closing 0 included.
#define PAUCA_MESSAGE_SIZE 240

// No row, no number: in `detail`, in witnesses.
#define PAUCA_NONE UINT64_MAX

// The processor.
#define PAUCA_BACKEND_CPU 0

// A Vulkan, DirectX or Metal device. The library has to be built with the feature wgpu.
#define PAUCA_BACKEND_WGPU 1

// An NVIDIA device. The library has to be built with the feature cuda.
#define PAUCA_BACKEND_CUDA 2

// As a number of a device: the most capable one.
#define PAUCA_ANY_DEVICE UINT32_MAX

// A message for the log that names what the caller may want to know: rows of f64 that are rounded, a pool made anew.
#define PAUCA_LOG_WARNING 1

// A message for who looks for something.
#define PAUCA_LOG_INFO 2

// f32.
#define PAUCA_F32 1

// IEEE half precision.
#define PAUCA_F16 2

// bfloat16.
#define PAUCA_BF16 3

// f64: each value is rounded to f32 when it is read; the log of the context hears of it.
#define PAUCA_F64 4

// No values: data is a pauca_source (see pauca_source_as_view).
#define PAUCA_OF_SOURCE 100

// Memory of the host: the numbers of devices are those of DLPack.
#define PAUCA_DEVICE_CPU 1

// Memory of a CUDA device. A call copies the rows into memory of the host, on the stream of the view; f64 is refused.
#define PAUCA_DEVICE_CUDA 2

// Memory of the host that a CUDA device can read.
#define PAUCA_DEVICE_CUDA_HOST 3

// Memory that host and CUDA devices share. It is read as that of a CUDA device.
#define PAUCA_DEVICE_CUDA_MANAGED 13

// One byte each, 0 for false: a column of truth values.
#define PAUCA_BOOL 10

// u32, in a column.
#define PAUCA_U32 11

// i64, in a column.
#define PAUCA_I64 12

// u64, in a column.
#define PAUCA_U64 13

// Squared Euclidean distance.
#define PAUCA_EUCLIDEAN 0

// Cosine distance: 1 - cosine.
#define PAUCA_COSINE 1

// First centroids by k-means++.
#define PAUCA_INIT_PLUS_PLUS 0

// First centroids: distinct rows, uniformly.
#define PAUCA_INIT_RANDOM 1

// First centroids: those of init_centroids.
#define PAUCA_INIT_GIVEN 2

// A cluster that lost its rows gets the farthest row of another.
#define PAUCA_EMPTY_RELOCATE 0

// A cluster that lost its rows keeps its centroid.
#define PAUCA_EMPTY_KEEP 1

// The layout of pauca_sums_planes_get: k counts; then for each of 9 planes (weighted: 18), lowest first, k times d digits
// (weighted: d + 1, the last being the weight of the cluster).
#define PAUCA_PLANES_V1 1

// Arithmetic in f32.
#define PAUCA_PRECISION_F32 0

// Arithmetic in f64.
#define PAUCA_PRECISION_F64 1

// A row goes when any earlier row of its cluster is similar, be that one kept or not: the pseudo-code of the paper.
// Earlier means earlier in the order of preference, not a lower number.
#define PAUCA_EARLIER_MAX 0

// A row goes when a kept earlier row of its cluster is similar: every removed row has a kept witness.
#define PAUCA_GREEDY_COVER 1

// Duplicates have a similarity above 1 - epsilon.
#define PAUCA_GREATER 0

// Duplicates have a similarity of at least 1 - epsilon.
#define PAUCA_GREATER_OR_EQUAL 1

// Rows far from their centroid come first, and so are preferred.
#define PAUCA_ORDER_HARD 0

// Rows near to their centroid come first.
#define PAUCA_ORDER_EASY 1

// Rows come in random order, by order_seed.
#define PAUCA_ORDER_RANDOM 2

// Rows come in ascending order of order_keys.
#define PAUCA_ORDER_CUSTOM 3

// The rows nearest to their centroid go: the hard ones are kept.
#define PAUCA_PRUNE_NEAREST 0

// The rows farthest from their centroid go: the easy ones are kept.
#define PAUCA_PRUNE_FARTHEST 1

// A row is ranked among all rows.
#define PAUCA_SCOPE_GLOBAL 0

// A row is ranked among those of its cluster, and each cluster keeps its share.
#define PAUCA_SCOPE_PER_CLUSTER 1

// The first clustering, of all rows.
#define PAUCA_FIRST 0

// The second clustering, of the survivors.
#define PAUCA_SECOND 1

// D4 iterates the first clustering.
#define PAUCA_D4_CLUSTER 0

// D4 deduplicates in its next step.
#define PAUCA_D4_DEDUPLICATE 1

// D4 iterates the second clustering.
#define PAUCA_D4_RECLUSTER 2

// An error ended the run; its checkpoint goes on.
#define PAUCA_D4_ENDED 3

// pauca_kmeans, pauca_kmeans_start and the steps of a run.
#define PAUCA_WORK_KMEANS 0

// pauca_clusters_predict, pauca_clusters_assign.
#define PAUCA_WORK_PREDICT 1

// pauca_semdedup.
#define PAUCA_WORK_SEMDEDUP 2

// pauca_d4 and its runs.
#define PAUCA_WORK_D4 3

// pauca_semdedup_against; n_rows are those of both sides together.
#define PAUCA_WORK_SEMDEDUP_AGAINST 4

// Bytes of a saved state: versioned, little-endian, with a checksum; the same on every machine. Shareable, read-only.
typedef struct pauca_blob pauca_blob;

// A clustering: labels, centroids, distances. Shareable, read-only.
typedef struct pauca_clusters pauca_clusters;

// Where calls run and how they are watched: threads, SIMD level or device, callbacks, a flag that stops. Never changes a
// result. Long-lived: making one starts threads. Several threads may use one at once, where its callbacks allow that. A
// forked child may go on to use it: it gets threads of its own. A context with a device is its parent's alone. NULL in
// place of a context is the calling thread and the default level.
typedef struct pauca_context pauca_context;

// What D4 chose. Shareable, read-only.
typedef struct pauca_curated pauca_curated;

// A run of D4 between two steps. It reads its rows until it is freed. Used by one thread at a time, which need not be the
// one that started it.
typedef struct pauca_d4_run pauca_d4_run;

// What deduplication found. Shareable, read-only.
typedef struct pauca_dedup pauca_dedup;

// An exact sum of f64 values. Used by one call at a time, on any thread.
typedef struct pauca_f64sum pauca_f64sum;

// A run of k-means between two iterations. It reads its rows and weights until it is freed. Used by one thread at a
// time, which need not be the one that started it. It computes on the backend of the context with which it was started;
// the contexts of its later calls give threads, callbacks and the flag that stops.
typedef struct pauca_kmeans_run pauca_kmeans_run;

// Rows that can be read again and again. pauca_source_as_view makes a pauca_view of it, which any call takes; calls and
// runs that were given such a view share the source, so that it may be freed before them. Memory and callbacks that it
// stands on must live until the source and all runs on it are freed. Shareable.
typedef struct pauca_source pauca_source;

// Exact sums of rows, for each of k clusters: integers, so that any order and any split give the same. Used by one call
// at a time, on any thread.
typedef struct pauca_sums pauca_sums;

// What a call returns: 0, or the code of what went wrong. Codes are never given a new meaning; later versions may add
// some. `pauca_status_name` names them.
typedef int32_t pauca_status;

// What went wrong, in memory of the caller. Set struct_size, or begin with PAUCA_ERROR_INIT. A call that succeeds
// leaves it as it is; a call that fails fills it. Nothing has to be freed. One error a thread.
typedef struct pauca_error {
  // sizeof(pauca_error), set by the caller.
  uint32_t struct_size;
  // The status that the call returned.
  pauca_status code;
  // The numbers that the code names, else PAUCA_NONE.
  uint64_t detail[2];
  // A text that names the argument, the place and the numbers. UTF-8, closed by 0.
  char message[PAUCA_MESSAGE_SIZE];
} pauca_error;

// How far a call has come.
typedef struct pauca_progress {
  // The size of this struct in the library; fields beyond it are not there.
  uint32_t struct_size;
  // 1 when this reports a finished iteration, else 0.
  int32_t is_iteration;
  // What is being done, "iterate" for one. Never freed.
  const char *stage;
  // Units done in this stage.
  uint64_t done;
  // Units in this stage.
  uint64_t total;
  // The number of the finished iteration, from 1; 0 is the assignment to the first centroids.
  uint64_t iteration;
  // Rows whose label the iteration changed.
  uint64_t moved;
  // The inertia after the iteration.
  double objective;
} pauca_progress;

// Hears of the progress, on the thread that made the call, as often as report_pause allows and once for each
// iteration. Returns 1 to go on and 0 to stop: the call then returns PAUCA_CANCELLED. Must return (no longjmp, no
// exception), and must not use the handles of the call.
typedef int32_t (*pauca_progress_callback)(void *user, const struct pauca_progress *progress);

// Hears of a message, on the thread that made the call. The text is UTF-8, closed by 0, and lives until the callback
// returns.
typedef void (*pauca_log_callback)(void *user, int32_t level, const char *message, uint64_t length);

// A task of the library's: to be called once for each index below the number of tasks, on any thread.
typedef void (*pauca_task)(void *task_context, uint64_t index);

// The host's own threads: calls task(task_context, i) once for every i < tasks, in any order, on any threads, and
// returns when all calls have returned. The library makes one such call at a time for each of its own calls. Results do
// not depend on order or threads.
typedef void (*pauca_parallel_for)(void *user, uint64_t tasks, pauca_task task, void *task_context);

// What a context is made of. Begin with pauca_context_options_init.
typedef struct pauca_context_options {
  // sizeof(pauca_context_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // PAUCA_ABI_VERSION, which pauca_context_options_init has been given.
  uint32_t abi_version;
  // Threads of the context's own pool: 0 for one on each core, 1 for the calling thread alone (no pool).
  uint32_t threads;
  // PAUCA_SIMD_DEFAULT or another level. Never changes a result.
  int32_t simd_level;
  // The width of parallel_for: how many of its tasks run at once.
  uint32_t width;
  // Rows of a source that a pass keeps for the next, in bytes.
  uint64_t keep_bytes;
  // NULL, or a number that any thread sets to another value than 0 to stop the calls of this context; it is read
  // atomically, and must live as long as the context.
  const int32_t *cancel;
  // What the callbacks get as their first argument.
  void *user;
  // NULL, or hears of the progress.
  pauca_progress_callback progress;
  // NULL, or hears of messages.
  pauca_log_callback log;
  // NULL, or the host's own threads, in place of a pool.
  pauca_parallel_for parallel_for;
  // At least so many milliseconds lie between two reports of the progress, those of finished iterations aside.
  // Default 50; without a clock (no std) 0.
  uint32_t report_pause;
  // PAUCA_BACKEND_CPU or another backend. Never changes a result. What the device leaves open is done by the
  // threads of the context.
  int32_t backend;
  // The number of the device, from 0 on. Default PAUCA_ANY_DEVICE.
  uint32_t device;
  // 0.
  uint32_t reserved;
} pauca_context_options;

// Rows that lie in memory of the caller: value j of row i is data[i * row_stride + j * col_stride]. Memory of the host is
// not copied: it is read during the call, and for a run (pauca_kmeans_start and so on) until the run is freed. Memory of
// a CUDA device is copied to the host once, by the call that gets the view. The library never writes to either.
//
// Strides count elements, not bytes. Where both are 0, the rows lie side by side:
// pauca_view x = {.data = data, .rows = n, .cols = d, .dtype = PAUCA_F32}; is enough. Set both strides or neither. A
// stride below 0 is refused, and so are rows that overlap: |row_stride| must be at least the reach of a
// row, or, for rows that are stored column by column, col_stride the reach of a column.
typedef struct pauca_view {
  // The first value of the first row; aligned for the type.
  const void *data;
  // n, the number of rows.
  uint64_t rows;
  // d, the number of values in a row.
  uint64_t cols;
  // Elements from a row to the next.
  int64_t row_stride;
  // Elements from a column to the next.
  int64_t col_stride;
  // PAUCA_F32, PAUCA_F16, PAUCA_BF16, PAUCA_F64.
  int32_t dtype;
  // 0 or PAUCA_DEVICE_CPU, or one of the other PAUCA_DEVICE_...
  int32_t device;
  // The number of the device. It is not looked at: the driver knows the device of an address.
  int32_t device_id;
  // 0.
  int32_t reserved;
  // The CUDA stream (CUstream) on which the data are made; NULL is the default stream. For memory of the host NULL.
  void *stream;
} pauca_view;

// Rows that the caller reads or computes. The callbacks return 0, or another number for a failure: the call then returns
// PAUCA_SOURCE with it. They are called one at a time, on the calling thread or on a thread of the context's pool, with
// room for as many rows as are asked for, row by row, and must write all of them.
typedef struct pauca_source_callbacks {
  // sizeof(pauca_source_callbacks).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // n.
  uint64_t n_rows;
  // d.
  uint64_t dim;
  // PAUCA_F32, PAUCA_F16 or PAUCA_BF16: what the callbacks write.
  int32_t dtype;
  // 0.
  int32_t reserved;
  // The most rows that read is asked for at once; 0 for 8192.
  uint64_t block_rows;
  // What the callbacks get as their first argument.
  void *user;
  // Writes the rows first .. first + count to out.
  int32_t (*read)(void *user, uint64_t first, uint64_t count, void *out);
  // Writes the rows that are named, repeats allowed, in their order. NULL: read is called for each.
  int32_t (*gather)(void *user, const uint64_t *rows, uint64_t count, void *out);
  // NULL, or called once when nothing reads the source any more.
  void (*release)(void *user);
} pauca_source_callbacks;

// A column of a table.
typedef struct pauca_column {
  // Its name: UTF-8, closed by 0.
  const char *name;
  // [n]: its values.
  const void *values;
  // NULL, or [n]: 0 where the value is missing, else 1.
  const uint8_t *valid;
  // PAUCA_BOOL, PAUCA_U32, PAUCA_I64, PAUCA_U64, PAUCA_F32 or PAUCA_F64.
  int32_t dtype;
  // 0.
  int32_t reserved;
} pauca_column;

// What a clustering is, in numbers. Set struct_size.
typedef struct pauca_clusters_info {
  // sizeof(pauca_clusters_info).
  uint32_t struct_size;
  // PAUCA_EUCLIDEAN or PAUCA_COSINE.
  int32_t metric;
  // n, the number of rows.
  uint64_t n_rows;
  // k, the number of clusters.
  uint64_t n_clusters;
  // d, the number of values in a row.
  uint64_t dim;
  // Sum of weight times distance, exact but for one rounding; NaN where there are no distances.
  double inertia;
  // Iterations made.
  uint64_t n_iter;
  // Rows that were moved into empty clusters.
  uint64_t relocated;
  // How many distinct rows k-means++ found, when it found fewer than clusters; else PAUCA_NONE.
  uint64_t distinct_rows;
  // Clusters without a row.
  uint64_t n_empty;
  // 1 if the last iteration changed no label, or moved the centroids less than the tolerance; else 0.
  int32_t converged;
  // 1 if the clustering has distances, else 0.
  int32_t has_distances;
  // Rows searched in the last assignment. This and the other counts of the search depend on the SIMD level.
  uint64_t search_rows;
  // Rows settled by the certificate of the f32 kernel.
  uint64_t search_f32;
  // Rows settled by the certificate of the f64 kernel.
  uint64_t search_f64;
  // Rows settled by the definition.
  uint64_t search_truth;
  // Rows settled by the certificate of 8-bit codes.
  uint64_t search_int8;
  // Rows that were searched in leading dimensions first, whatever settled them.
  uint64_t search_leading;
} pauca_clusters_info;

// Where pauca_clusters_copy puts the arrays of a clustering: NULL for what is not wanted; lengths count values and must
// be exact. Set struct_size.
typedef struct pauca_clusters_arrays {
  // sizeof(pauca_clusters_arrays).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // [n]: the cluster of each row.
  uint32_t *labels;
  // n.
  uint64_t labels_len;
  // [k, d]: the centroids, row by row.
  float *centroids;
  // k d.
  uint64_t centroids_len;
  // [n]: the distance of each row to the centroid of its cluster.
  double *distances;
  // n, or 0 where the clustering has no distances.
  uint64_t distances_len;
  // [k]: rows of each cluster.
  uint64_t *counts;
  // k.
  uint64_t counts_len;
} pauca_clusters_arrays;

// What is asked of k-means. Begin with pauca_kmeans_options_init, and set n_clusters.
typedef struct pauca_kmeans_options {
  // sizeof(pauca_kmeans_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // k, at least 1. There is no default.
  uint64_t n_clusters;
  // Seed of the first centroids. Default 0.
  uint64_t seed;
  // At most so many iterations; 0 only assigns to the first centroids. Default 100.
  uint64_t max_iter;
  // Also stop when the squared distances that the centroids moved sum to at most this. Default 0: stop when no label
  // changes.
  double shift_tolerance;
  // PAUCA_EUCLIDEAN (default), or PAUCA_COSINE for spherical k-means.
  int32_t metric;
  // PAUCA_INIT_PLUS_PLUS (default), PAUCA_INIT_RANDOM, PAUCA_INIT_GIVEN.
  int32_t init;
  // PAUCA_EMPTY_RELOCATE (default), PAUCA_EMPTY_KEEP.
  int32_t empty_clusters;
  // 0.
  int32_t reserved;
  // [k, d], copied: the first centroids for PAUCA_INIT_GIVEN; else NULL.
  const struct pauca_view *init_centroids;
} pauca_kmeans_options;

// Where a run is. Set struct_size.
typedef struct pauca_kmeans_state {
  // sizeof(pauca_kmeans_state).
  uint32_t struct_size;
  // 1 if there is nothing more to do but pauca_kmeans_finish, else 0.
  int32_t is_done;
  // Iterations made.
  uint64_t n_iter;
  // Rows whose label the last iteration changed.
  uint64_t moved;
  // Distances that k-means++ evaluated; 0 for other starts and for a resumed run.
  uint64_t seed_distances;
} pauca_kmeans_state;

// What is asked of deduplication. Begin with pauca_semdedup_options_init.
typedef struct pauca_semdedup_options {
  // sizeof(pauca_semdedup_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // PAUCA_EARLIER_MAX (default) or PAUCA_GREEDY_COVER.
  int32_t rule;
  // PAUCA_GREATER (default) or PAUCA_GREATER_OR_EQUAL.
  int32_t boundary;
  // Rows whose cosine passes 1 - epsilon are duplicates; within [0, 2]. Default 0.05.
  double epsilon;
  // NaN (default), or the share of the rows to keep, in place of epsilon; PAUCA_EARLIER_MAX only.
  double keep_fraction;
  // One of PAUCA_ORDER_... Default PAUCA_ORDER_HARD.
  int32_t order;
  // 1 for the published pseudo-code to the letter, else 0 (default).
  int32_t published;
  // The seed of PAUCA_ORDER_RANDOM. Default 0.
  uint64_t order_seed;
  // The keys of PAUCA_ORDER_CUSTOM, [n], copied; else NULL.
  const double *order_keys;
  // n, or 0.
  uint64_t order_keys_len;
} pauca_semdedup_options;

// What deduplication found, in numbers. Set struct_size.
typedef struct pauca_dedup_info {
  // sizeof(pauca_dedup_info).
  uint32_t struct_size;
  // The rule that was applied.
  int32_t rule;
  // n, the number of rows.
  uint64_t n_rows;
  // Rows that are kept.
  uint64_t n_kept;
  // k, the number of clusters.
  uint64_t n_clusters;
  // The epsilon asked for, or for a share of the rows 1 - the largest similarity kept.
  double epsilon;
  // Rows that are exact copies of an earlier row of their cluster.
  uint64_t exact_copies;
  // 0 when more rows than the share asked for have no earlier row in their cluster, else 1.
  int32_t reached;
  // 1 if pauca_dedup_kept_at and pauca_dedup_curve can be asked (PAUCA_EARLIER_MAX), else 0.
  int32_t has_curve;
  // Rows compared. This and the other counts of the search depend on the SIMD level.
  uint64_t search_rows;
  // Rows settled by the certificate of the f32 kernel.
  uint64_t search_f32;
  // Rows settled by the certificate of the f64 kernel.
  uint64_t search_f64;
  // Rows settled by the definition.
  uint64_t search_truth;
  // Rows settled by the certificate of 8-bit codes.
  uint64_t search_int8;
  // Rows that were searched in leading dimensions first, whatever settled them.
  uint64_t search_leading;
} pauca_dedup_info;

// Where pauca_dedup_copy puts its arrays: NULL for what is not wanted; lengths count values and must be exact. Set
// struct_size.
typedef struct pauca_dedup_arrays {
  // sizeof(pauca_dedup_arrays).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // [n]: 1 for a row that is kept, else 0.
  uint8_t *keep;
  // n.
  uint64_t keep_len;
  // [n_kept]: the rows that are kept, ascending.
  uint64_t *kept;
  // n_kept.
  uint64_t kept_len;
  // [n]: the most similar earlier row of the cluster, or PAUCA_NONE without one; keep says whether the row goes. With
  // PAUCA_EARLIER_MAX kept rows have a witness too, and a witness may be removed itself; with PAUCA_GREEDY_COVER only
  // removed rows have one, the first kept row that removes them.
  uint64_t *witness;
  // n.
  uint64_t witness_len;
  // [n]: the similarity to the witness; NaN without one.
  double *similarity;
  // n.
  uint64_t similarity_len;
  // [n]: the rows in the order of preference, cluster after cluster.
  uint64_t *order;
  // n.
  uint64_t order_len;
  // [k + 1]: where each cluster begins in order.
  uint64_t *offsets;
  // k + 1.
  uint64_t offsets_len;
} pauca_dedup_arrays;

// What is asked of deduplication against rows that stay. Begin with pauca_semdedup_against_options_init.
typedef struct pauca_semdedup_against_options {
  // sizeof(pauca_semdedup_against_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // Rows whose cosine passes 1 - epsilon are duplicates; within [0, 2]. Default 0.05.
  double epsilon;
  // PAUCA_GREATER (default) or PAUCA_GREATER_OR_EQUAL.
  int32_t boundary;
  // 0.
  uint32_t reserved;
} pauca_semdedup_against_options;

// Where pauca_semdedup_against puts its results: NULL for what is not wanted; lengths count values and must be exact. Set
// struct_size.
typedef struct pauca_dedup_against_arrays {
  // sizeof(pauca_dedup_against_arrays).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // [n]: 1 for a new row that is kept, else 0.
  uint8_t *keep;
  // n.
  uint64_t keep_len;
  // [n]: the most similar row of the reference in the cluster, of kept rows too, or PAUCA_NONE.
  uint64_t *witness;
  // n.
  uint64_t witness_len;
  // [n]: the similarity to the witness; NaN without one.
  double *similarity;
  // n.
  uint64_t similarity_len;
  // [n]: the cluster of each new row.
  uint32_t *labels;
  // n.
  uint64_t labels_len;
} pauca_dedup_against_arrays;

// What is asked of pruning by prototypicality. Begin with pauca_prototypes_options_init.
typedef struct pauca_prototypes_options {
  // sizeof(pauca_prototypes_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // The share of the rows to keep, within [0, 1]. Default 0.5.
  double keep_fraction;
  // PAUCA_PRUNE_NEAREST (default) or PAUCA_PRUNE_FARTHEST.
  int32_t prune;
  // PAUCA_SCOPE_GLOBAL (default) or PAUCA_SCOPE_PER_CLUSTER.
  int32_t scope;
} pauca_prototypes_options;

// What is asked of density-based pruning. Begin with pauca_density_options_init.
typedef struct pauca_density_options {
  // sizeof(pauca_density_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // The share of the rows to keep, within [0, 1]. Default 0.5.
  double keep_fraction;
  // T, above 0: the smaller, the more the complex clusters get. Default 0.5.
  double temperature;
  // How many of the nearest centroids count, at least 1. Default 20.
  uint64_t neighbours;
  // The share of an even quota that every cluster keeps, within [0, 1]. Default 0.5.
  double least;
  // PAUCA_PRUNE_NEAREST (default) or PAUCA_PRUNE_FARTHEST.
  int32_t prune;
  // 1 to give clusters of NaN complexity the mean of the others, as the published code does; else 0 (default).
  int32_t nan_as_mean;
} pauca_density_options;

// Where pauca_density_select puts its results: NULL for what is not wanted; lengths count values and must be exact. Set
// struct_size.
typedef struct pauca_density_arrays {
  // sizeof(pauca_density_arrays).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // [n]: 1 for a row that is kept, else 0.
  uint8_t *keep;
  // n.
  uint64_t keep_len;
  // [k]: rows kept of each cluster.
  uint64_t *quotas;
  // k.
  uint64_t quotas_len;
  // [k]: mean distance of the rows of a cluster to its centroid; NaN without rows.
  double *intra;
  // k.
  uint64_t intra_len;
  // [k]: mean distance of a centroid to its nearest neighbours; NaN without rows.
  double *inter;
  // k.
  uint64_t inter_len;
} pauca_density_arrays;

// What is asked of D4. Begin with pauca_d4_options_init.
typedef struct pauca_d4_options {
  // sizeof(pauca_d4_options).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // Clusters of the first clustering; 0 (default) for round(sqrt(n)).
  uint64_t clusters;
  // Clusters of the second clustering, never more than survivors; 0 (default) for as many as the first.
  uint64_t recluster;
  // The share of the rows that deduplication keeps. Default 0.75.
  double dedup_keep_fraction;
  // The share of the rows that is kept in the end, at most dedup_keep_fraction. Default 0.5.
  double keep_fraction;
  // Seed of both clusterings. Default 0.
  uint64_t seed;
  // Iterations of each clustering, at most. Default 20.
  uint64_t max_iter;
  // PAUCA_COSINE (default) or PAUCA_EUCLIDEAN, for the clusterings; duplicates are by cosine.
  int32_t metric;
  // One of PAUCA_INIT_..., for the first clustering.
  int32_t init;
  // One of PAUCA_ORDER_...: which rows deduplication prefers.
  int32_t order;
  // One of PAUCA_SCOPE_...: how the last stage ranks.
  int32_t scope;
  // The seed of PAUCA_ORDER_RANDOM. Default 0.
  uint64_t order_seed;
  // The keys of PAUCA_ORDER_CUSTOM, [n], copied; else NULL.
  const double *order_keys;
  // n, or 0.
  uint64_t order_keys_len;
  // [clusters, d], copied: the first centroids for PAUCA_INIT_GIVEN; else NULL.
  const struct pauca_view *init_centroids;
} pauca_d4_options;

// Where a run is. Set struct_size.
typedef struct pauca_d4_state {
  // sizeof(pauca_d4_state).
  uint32_t struct_size;
  // What the next step works on: one of PAUCA_D4_...
  int32_t stage;
  // Iterations made by the current clustering.
  uint64_t n_iter;
  // Rows whose label the last iteration changed.
  uint64_t moved;
} pauca_d4_state;

// Where pauca_curated_copy puts its arrays: NULL for what is not wanted; lengths count values and must be exact. Set
// struct_size.
typedef struct pauca_curated_arrays {
  // sizeof(pauca_curated_arrays).
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // [n]: 1 for a row that is kept in the end, else 0.
  uint8_t *keep;
  // n.
  uint64_t keep_len;
  // [n_kept]: the rows that are kept in the end, ascending.
  uint64_t *kept;
  // n_kept.
  uint64_t kept_len;
  // [n_survivors]: the rows that deduplication kept, ascending: the rows of the second clustering.
  uint64_t *survivors;
  // n_survivors.
  uint64_t survivors_len;
} pauca_curated_arrays;

// Success.
#define PAUCA_OK 0

// An input holds a NaN or an infinity. detail: row, column.
#define PAUCA_NON_FINITE 1

// An input without rows or without columns.
#define PAUCA_EMPTY 2

// Two lengths that must agree do not. detail: the expected one, the one found.
#define PAUCA_SHAPE_MISMATCH 3

// A parameter outside of its documented range.
#define PAUCA_INVALID_PARAMETER 4

// Two settings that exclude each other.
#define PAUCA_CONFLICT 5

// More clusters than rows that can found one. detail: clusters, rows.
#define PAUCA_TOO_MANY_CLUSTERS 6

// A label outside of the clusters. detail: row, label.
#define PAUCA_LABEL_OUT_OF_RANGE 7

// A row of zeros where it has no meaning. detail: row.
#define PAUCA_ZERO_ROW 8

// A size that integers or proven bounds cannot serve. detail: the size, the limit.
#define PAUCA_TOO_LARGE 9

// Memory that grows with the input was refused. detail: bytes.
#define PAUCA_OUT_OF_MEMORY 10

// The caller asked to stop. The state of a run is that of its last finished iteration.
#define PAUCA_CANCELLED 11

// A SIMD level that is unknown or that this machine lacks.
#define PAUCA_SIMD_LEVEL 12

// Bytes that are no state of this library, are of another version, or were damaged. detail: byte.
#define PAUCA_CORRUPT 13

// A state of other data or of another configuration.
#define PAUCA_MISMATCH 14

// A hidden state holds a NaN or an infinity. detail: row, column.
#define PAUCA_NON_FINITE_STATE 15

// A sequence without a real token. detail: sequence.
#define PAUCA_NO_TOKEN 16

// A token id that the vocabulary does not have. detail: position, id.
#define PAUCA_TOKEN_OUT_OF_RANGE 17

// Every weight is 0, so that no score is defined.
#define PAUCA_NO_INFORMATIVE_FILTER 18

// An id that must be given once was given twice. detail: id.
#define PAUCA_DUPLICATE_ID 19

// The caller's source of rows failed.
#define PAUCA_SOURCE 20

// A device failed.
#define PAUCA_DEVICE 21

// A pointer is NULL that must not be.
#define PAUCA_NULL_POINTER 1001

// A pointer is not aligned for its type.
#define PAUCA_MISALIGNED 1002

// An output overlaps an input or another output.
#define PAUCA_OVERLAP 1003

// struct_size is no size that this struct ever had. detail: the size found, the size here.
#define PAUCA_STRUCT_SIZE 1004

// A flag or a field of a later version is set, which this library does not know. detail: byte of the struct.
#define PAUCA_UNSUPPORTED_OPTION 1005

// A type of elements, or a format, that this call does not take.
#define PAUCA_UNSUPPORTED_TYPE 1006

// Memory of a device that this library cannot read.
#define PAUCA_UNSUPPORTED_DEVICE 1007

// A defect of the library: it panicked. The handles of the call can only be freed. Please report it.
#define PAUCA_PANIC 1008

// Header and library are of versions that do not work together. detail: the header's, the library's.
#define PAUCA_ABI 1009

// A null where a value must be. detail: row, column.
#define PAUCA_NULL_VALUE 1010

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the ABI of the library, as PAUCA_ABI_VERSION has it for the header.
uint32_t pauca_abi_version(void);

// Whether a program that was compiled with a header of this version works with the library: pass PAUCA_ABI_VERSION.
// Errors: PAUCA_ABI for another major number, or a later minor number than that of the library.
pauca_status pauca_abi_check(uint32_t header_version,
                             struct pauca_error *error);

// The version of the library: "0.1.0". Never freed.
const char *pauca_version_string(void);

// Version, target and features of the library, in one line. Never freed.
const char *pauca_build_info(void);

// 1 if this machine has the level, else 0. PAUCA_SIMD_DEFAULT always is.
int32_t pauca_simd_available(int32_t simd_level);

// "scalar", "avx2", "avx512", "neon", "avxvnni", "avx512vnni" or "amx"; for PAUCA_SIMD_DEFAULT the best level of the machine; "?" for other numbers.
// Never freed.
const char *pauca_simd_name(int32_t simd_level);

// The name of a status, "NonFinite" for one; "?" for a code that this library does not know. Never freed.
const char *pauca_status_name(int status);

// How many devices of a backend there are; of PAUCA_BACKEND_CPU 1. A backend that the library was built without has
// none. Drivers are asked each time. Errors: PAUCA_INVALID_PARAMETER for a number that is no backend,
// PAUCA_UNSUPPORTED_DEVICE in a child whose parent used a device before the fork.
pauca_status pauca_device_count(int32_t backend,
                                uint32_t *count,
                                struct pauca_error *error);

// Writes the defaults: threads on all cores, the best level, no callbacks. Pass sizeof *options and PAUCA_ABI_VERSION.
// Errors: PAUCA_ABI when header and library do not work together, PAUCA_STRUCT_SIZE.
pauca_status pauca_context_options_init(struct pauca_context_options *options,
                                        uint32_t struct_size,
                                        uint32_t abi_version,
                                        struct pauca_error *error);

// Makes a context. options may be NULL for the defaults. Threads are started by the first call that needs them. A device
// is opened and tried, which takes some milliseconds and its driver's time to compile.
// Errors: PAUCA_SIMD_LEVEL, PAUCA_ABI, PAUCA_UNSUPPORTED_OPTION, PAUCA_INVALID_PARAMETER, PAUCA_UNSUPPORTED_DEVICE for a
// backend that the library was built without, PAUCA_DEVICE where there is no such device or its trial fails.
pauca_status pauca_context_new(const struct pauca_context_options *options,
                               struct pauca_context **out,
                               struct pauca_error *error);

// Frees the context and ends its threads; NULL is nothing. Not while a call uses it.
void pauca_context_free(struct pauca_context *context);

// What a context came to: its level (PAUCA_SIMD_...) and its threads. Each of the two may be NULL.
pauca_status pauca_context_info(const struct pauca_context *context,
                                int32_t *simd_level,
                                uint32_t *threads,
                                struct pauca_error *error);

// What a context computes on: "cpu", or of a device its interface, number, kind and name. NULL is "cpu". Lives until the
// context is freed.
const char *pauca_context_backend(const struct pauca_context *context);

// A source of the rows of a view, whose memory is read until the source and all runs on it are freed. Memory of a CUDA
// device is copied here, and not read later. Free the source with pauca_source_free.
pauca_status pauca_source_view(const struct pauca_view *view,
                               struct pauca_source **out,
                               struct pauca_error *error);

// One source of several, whose rows follow each other. own_ids: 0 if a row is known by its place in the whole (random
// draws and errors), 1 if by its place in its shard. The sources are shared and may be freed.
pauca_status pauca_source_shards(const struct pauca_source *const *shards,
                                 uint64_t n_shards,
                                 int32_t own_ids,
                                 struct pauca_source **out,
                                 struct pauca_error *error);

// Writes the defaults: zeros. Pass sizeof *callbacks. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_source_callbacks_init(struct pauca_source_callbacks *callbacks,
                                         uint32_t struct_size,
                                         struct pauca_error *error);

// A source of rows that the caller reads or computes. release is called once, when source and runs are freed; not if
// this call fails.
pauca_status pauca_source_of_callbacks(const struct pauca_source_callbacks *callbacks,
                                       struct pauca_source **out,
                                       struct pauca_error *error);

// Some rows of a source [n_rows], in the given order, known by their places in that source. The source is shared and may
// be freed. rows are copied. Errors: PAUCA_SHAPE_MISMATCH for a row that the source does not have.
pauca_status pauca_source_subset(const struct pauca_source *source,
                                 const uint64_t *rows,
                                 uint64_t n_rows,
                                 struct pauca_source **out,
                                 struct pauca_error *error);

// Rows and columns of a source. Either may be NULL.
pauca_status pauca_source_shape(const struct pauca_source *source,
                                uint64_t *n_rows,
                                uint64_t *dim,
                                struct pauca_error *error);

// A view of the source, which any call takes as its rows. It is good until the source is freed; runs that were started
// with it go on.
pauca_status pauca_source_as_view(const struct pauca_source *source,
                                  struct pauca_view *view,
                                  struct pauca_error *error);

// Copies the rows first .. first + count of a source, as f32: out has count d values. For who looks at what a source
// delivers.
pauca_status pauca_source_read(const struct pauca_source *source,
                               uint64_t first,
                               uint64_t count,
                               float *out,
                               struct pauca_error *error);

// Frees a source; NULL is nothing. Runs on it go on.
void pauca_source_free(struct pauca_source *source);

// A view of a DLTensor of two dimensions (dlpack.h: pass &managed->dl_tensor). The tensor is borrowed: its memory must
// live as long as the view is used, and its deleter stays the caller's to call. A tensor of a CUDA device: set the stream
// of the view where its values are made on another than the default stream.
// Errors: PAUCA_UNSUPPORTED_DEVICE, PAUCA_UNSUPPORTED_TYPE.
pauca_status pauca_view_from_dlpack(const void *dl_tensor,
                                    struct pauca_view *view,
                                    struct pauca_error *error);

// A view of a DLManagedTensorVersioned (DLPack 1.x) of two dimensions, borrowed as by pauca_view_from_dlpack.
// Errors: PAUCA_UNSUPPORTED_TYPE also for another major version, PAUCA_UNSUPPORTED_DEVICE.
pauca_status pauca_view_from_dlpack_versioned(const void *dl_managed_tensor,
                                              struct pauca_view *view,
                                              struct pauca_error *error);

// A view of an Arrow array by the C Data interface: struct ArrowSchema and struct ArrowArray. Both are borrowed: they
// must live as long as the view is used, and their release stays the caller's to call. Lists of one length, of f16, f32
// or f64.
// Errors: PAUCA_UNSUPPORTED_TYPE, PAUCA_NULL_VALUE with the row, PAUCA_SHAPE_MISMATCH with the row for lists of
// different lengths.
pauca_status pauca_view_from_arrow(const void *schema,
                                   const void *array,
                                   struct pauca_view *view,
                                   struct pauca_error *error);

// A source of the chunks of a struct ArrowArrayStream, one after the other, without a copy. The stream is consumed and
// released, also when this call fails (but for a NULL argument); its arrays are held until source and runs are freed.
// f64 is rounded as it is read. Free the source with pauca_source_free.
// Errors: as pauca_view_from_arrow, with rows counted over all chunks; PAUCA_SOURCE with the stream's own text;
// PAUCA_EMPTY without rows.
pauca_status pauca_source_from_arrow_stream(void *stream,
                                            struct pauca_source **out,
                                            struct pauca_error *error);

// A struct ArrowArrayStream of a table of n_rows rows: one chunk, a struct of the columns. The values are copied. stream
// is written over; who reads it calls its release, on any thread. For results that a data frame or a database reads.
// Errors: PAUCA_UNSUPPORTED_TYPE, PAUCA_NULL_POINTER, PAUCA_EMPTY without columns.
pauca_status pauca_arrow_stream(const struct pauca_column *columns,
                                uint64_t n_columns,
                                uint64_t n_rows,
                                void *stream,
                                struct pauca_error *error);

// How many bytes there are; 0 for NULL.
uint64_t pauca_blob_size(const struct pauca_blob *blob);

// Copies the bytes. out: size bytes, size as pauca_blob_size says. Errors: PAUCA_SHAPE_MISMATCH for another size.
pauca_status pauca_blob_copy(const struct pauca_blob *blob,
                             void *out,
                             uint64_t size,
                             struct pauca_error *error);

// Frees the bytes; NULL is nothing.
void pauca_blob_free(struct pauca_blob *blob);

// Writes the numbers of a clustering into info.
pauca_status pauca_clusters_get_info(const struct pauca_clusters *clusters,
                                     struct pauca_clusters_info *info,
                                     struct pauca_error *error);

// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
pauca_status pauca_clusters_copy(const struct pauca_clusters *clusters,
                                 const struct pauca_clusters_arrays *arrays,
                                 struct pauca_error *error);

// The nearest centroid of each row of x [n, d]. labels: n values, n = x->rows. On the rows of the fit these are the
// labels of the fit. Rows that are equally near to several centroids get the lowest.
// Errors: PAUCA_NON_FINITE, PAUCA_SHAPE_MISMATCH for another dimension or length.
pauca_status pauca_clusters_predict(const struct pauca_clusters *clusters,
                                    const struct pauca_view *x,
                                    uint32_t *labels,
                                    uint64_t labels_len,
                                    const struct pauca_context *context,
                                    struct pauca_error *error);

// Frees a clustering; NULL is nothing.
void pauca_clusters_free(struct pauca_clusters *clusters);

// A clustering that another program made: centroids [k, d] of any dtype, labels [n] below k, distances [n] or NULL. All
// are copied. n may be 0: centroids alone can be asked too. Errors: PAUCA_EMPTY without centroids,
// PAUCA_LABEL_OUT_OF_RANGE, PAUCA_NON_FINITE.
pauca_status pauca_clusters_from_parts(int32_t metric,
                                       const struct pauca_view *centroids,
                                       const uint32_t *labels,
                                       const double *distances,
                                       uint64_t n_rows,
                                       struct pauca_clusters **out,
                                       struct pauca_error *error);

// The nearest centroid of each row of x [n, d], and the distance to it. labels, distances: n values each; either may be
// NULL. Errors: as pauca_clusters_predict.
pauca_status pauca_clusters_assign(const struct pauca_clusters *clusters,
                                   const struct pauca_view *x,
                                   uint32_t *labels,
                                   double *distances,
                                   uint64_t len,
                                   const struct pauca_context *context,
                                   struct pauca_error *error);

// The distance of each row of x [n, d] to the centroid of its own cluster, by the definition, whatever distances the
// clustering has. x: the rows that were clustered. distances: n values.
pauca_status pauca_clusters_measure(const struct pauca_clusters *clusters,
                                    const struct pauca_view *x,
                                    double *distances,
                                    uint64_t distances_len,
                                    const struct pauca_context *context,
                                    struct pauca_error *error);

// The clustering as bytes, to be saved or sent. Free them with pauca_blob_free.
pauca_status pauca_clusters_to_bytes(const struct pauca_clusters *clusters,
                                     struct pauca_blob **out,
                                     struct pauca_error *error);

// Reads what pauca_clusters_to_bytes wrote; the counts of the search are 0. Errors: PAUCA_CORRUPT with the byte.
pauca_status pauca_clusters_from_bytes(const void *bytes,
                                       uint64_t bytes_size,
                                       struct pauca_clusters **out,
                                       struct pauca_error *error);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_kmeans_options_init(struct pauca_kmeans_options *options,
                                       uint32_t struct_size,
                                       struct pauca_error *error);

// Clusters the rows of x [n, d] into k clusters (Lloyd's algorithm, every label the one of the f64 definition).
// weights: NULL, or n values, finite, at least 0 and not all 0; a row of weight 2 counts as two. options: not NULL, as k
// has no default. Spherical, a row of zeros is allowed. The result does not depend on threads or SIMD level. Free it
// with pauca_clusters_free.
// Errors: PAUCA_EMPTY, PAUCA_TOO_MANY_CLUSTERS, PAUCA_NON_FINITE with the place, PAUCA_INVALID_PARAMETER,
// PAUCA_CANCELLED (a run keeps its state: pauca_kmeans_start), PAUCA_OUT_OF_MEMORY.
pauca_status pauca_kmeans(const struct pauca_view *x,
                          const float *weights,
                          const struct pauca_kmeans_options *options,
                          struct pauca_clusters **out,
                          const struct pauca_context *context,
                          struct pauca_error *error);

// Chooses the first centroids and makes the first assignment; pauca_kmeans_step makes the iterations. x and weights are
// read until the run is freed. Free it with pauca_kmeans_free. Errors: as pauca_kmeans.
pauca_status pauca_kmeans_start(const struct pauca_view *x,
                                const float *weights,
                                const struct pauca_kmeans_options *options,
                                struct pauca_kmeans_run **out,
                                const struct pauca_context *context,
                                struct pauca_error *error);

// Makes one iteration, unless the run is done. more: NULL, or 1 if there is more to do and 0 if not. After an error (a
// cancellation, say) the run is where its last finished iteration left it, and may be stepped again.
// Errors: PAUCA_CANCELLED, PAUCA_SOURCE, PAUCA_OUT_OF_MEMORY, PAUCA_CONFLICT for a run that has ended.
pauca_status pauca_kmeans_step(struct pauca_kmeans_run *run,
                               int32_t *more,
                               const struct pauca_context *context,
                               struct pauca_error *error);

// Writes where the run is into state. Errors: PAUCA_CONFLICT for a run that has ended.
pauca_status pauca_kmeans_get_state(const struct pauca_kmeans_run *run,
                                    struct pauca_kmeans_state *state,
                                    struct pauca_error *error);

// The state after the last finished iteration, as bytes: 4 k d of them, and some. Also after an error. Free them with
// pauca_blob_free.
pauca_status pauca_kmeans_checkpoint(const struct pauca_kmeans_run *run,
                                     struct pauca_blob **out,
                                     struct pauca_error *error);

// Goes on from the bytes of a checkpoint, to the same bits. Rows, weights and options must be those of the saved run; their shape
// and the options are checked. max_iter may differ. Errors: as pauca_kmeans; PAUCA_CORRUPT, PAUCA_MISMATCH.
pauca_status pauca_kmeans_resume(const struct pauca_view *x,
                                 const float *weights,
                                 const struct pauca_kmeans_options *options,
                                 const void *bytes,
                                 uint64_t bytes_size,
                                 struct pauca_kmeans_run **out,
                                 const struct pauca_context *context,
                                 struct pauca_error *error);

// The clustering as it stands, with distances and inertia. The run has ended then, and is still to be freed; after an
// error its checkpoint can still be had. Errors: as pauca_kmeans_step.
pauca_status pauca_kmeans_finish(struct pauca_kmeans_run *run,
                                 struct pauca_clusters **out,
                                 const struct pauca_context *context,
                                 struct pauca_error *error);

// Frees a run, at any time; NULL is nothing.
void pauca_kmeans_free(struct pauca_kmeans_run *run);

// Empty sums of k clusters of d columns; weighted: 1 if rows have weights, else 0. Free them with pauca_sums_free.
pauca_status pauca_sums_new(uint64_t n_clusters,
                            uint64_t dim,
                            int32_t weighted,
                            struct pauca_sums **out,
                            struct pauca_error *error);

// Clusters, columns, and whether rows have weights. Each of the three may be NULL.
pauca_status pauca_sums_shape(const struct pauca_sums *sums,
                              uint64_t *n_clusters,
                              uint64_t *dim,
                              int32_t *weighted,
                              struct pauca_error *error);

// Adds the rows of x [n, d] to the sums of their clusters: labels [n] below k; weights NULL, or n values for weighted
// sums, finite and at least 0 (rows of weight 0 are left out). metric PAUCA_COSINE adds unit rows, as spherical k-means
// does. The sums are as before after an error.
// Errors: PAUCA_LABEL_OUT_OF_RANGE, PAUCA_NON_FINITE, PAUCA_SHAPE_MISMATCH, PAUCA_MISMATCH for weights that the sums do
// not have.
pauca_status pauca_sums_add_rows(struct pauca_sums *sums,
                                 const struct pauca_view *x,
                                 const uint32_t *labels,
                                 const float *weights,
                                 int32_t metric,
                                 const struct pauca_context *context,
                                 struct pauca_error *error);

// Takes the rows of x [n, d] away again, which must be among those that were added. The sums are as before after an
// error. Errors: as pauca_sums_add_rows, and PAUCA_MISMATCH when a cluster has fewer rows than that.
pauca_status pauca_sums_remove_rows(struct pauca_sums *sums,
                                    const struct pauca_view *x,
                                    const uint32_t *labels,
                                    const float *weights,
                                    int32_t metric,
                                    const struct pauca_context *context,
                                    struct pauca_error *error);

// Adds the sums of other, which are of the same shape. Errors: PAUCA_SHAPE_MISMATCH, PAUCA_MISMATCH; after
// PAUCA_OUT_OF_MEMORY the sums can only be freed.
pauca_status pauca_sums_merge(struct pauca_sums *sums,
                              const struct pauca_sums *other,
                              struct pauca_error *error);

// Takes the sums of other away. Errors: as pauca_sums_merge, and PAUCA_MISMATCH when a cluster has fewer rows than that.
pauca_status pauca_sums_remove(struct pauca_sums *sums,
                               const struct pauca_sums *other,
                               struct pauca_error *error);

// Rows and weight of each cluster: counts and weights have k values each; either may be NULL. Without weights the weight
// is the number of rows.
pauca_status pauca_sums_counts(const struct pauca_sums *sums,
                               uint64_t *counts,
                               double *weights,
                               uint64_t len,
                               struct pauca_error *error);

// The sum of each cluster and column, rounded once: out has k d values.
pauca_status pauca_sums_column_sums(const struct pauca_sums *sums,
                                    double *out,
                                    uint64_t len,
                                    struct pauca_error *error);

// The centroid of each cluster: its mean (PAUCA_EUCLIDEAN) or the direction of its sum (PAUCA_COSINE). centroids has
// k d values. Clusters without one (no weight, or a sum of 0) keep what the caller has put there. made: NULL, or k
// values, 1 where a centroid was written and 0 where not.
pauca_status pauca_sums_centroids(const struct pauca_sums *sums,
                                  int32_t metric,
                                  float *centroids,
                                  uint64_t len,
                                  uint8_t *made,
                                  struct pauca_error *error);

// How many i64 pauca_sums_planes_get writes: layout is PAUCA_PLANES_V1.
pauca_status pauca_sums_planes_len(const struct pauca_sums *sums,
                                   uint32_t layout,
                                   uint64_t *len,
                                   struct pauca_error *error);

// Writes the sums as flat integers, of which an all-reduce by addition (MPI_SUM or ncclSum of int64) over up to 2^30
// ranks is the sums of all ranks, exactly. planes: len values, as pauca_sums_planes_len says.
pauca_status pauca_sums_planes_get(const struct pauca_sums *sums,
                                   uint32_t layout,
                                   int64_t *planes,
                                   uint64_t len,
                                   struct pauca_error *error);

// Replaces the sums by those of such integers, added up or not. The sums are as before after an error.
// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_CORRUPT for numbers that no sums have.
pauca_status pauca_sums_planes_set(struct pauca_sums *sums,
                                   uint32_t layout,
                                   const int64_t *planes,
                                   uint64_t len,
                                   struct pauca_error *error);

// The sums as bytes: equal sums have equal bytes. Free them with pauca_blob_free.
pauca_status pauca_sums_to_bytes(const struct pauca_sums *sums,
                                 struct pauca_blob **out,
                                 struct pauca_error *error);

// Reads what pauca_sums_to_bytes wrote. Errors: PAUCA_CORRUPT with the byte.
pauca_status pauca_sums_from_bytes(const void *bytes,
                                   uint64_t bytes_size,
                                   struct pauca_sums **out,
                                   struct pauca_error *error);

// Frees sums; NULL is nothing.
void pauca_sums_free(struct pauca_sums *sums);

// The dot product of two rows of d values, in f64 and in one fixed order.
pauca_status pauca_exact_dot64(const float *a,
                               const float *b,
                               uint64_t d,
                               double *out,
                               struct pauca_error *error);

// The squared Euclidean distance of two rows of d values, as every label is decided by it.
pauca_status pauca_exact_squared_distance(const float *a,
                                          const float *b,
                                          uint64_t d,
                                          double *out,
                                          struct pauca_error *error);

// The cosine of two rows of d values, within [-1, 1], as every duplicate is decided by it; 0 where a row is all zeros.
pauca_status pauca_exact_cosine(const float *a,
                                const float *b,
                                uint64_t d,
                                double *out,
                                struct pauca_error *error);

// e^x, correctly rounded.
double pauca_exact_exp(double x);

// The natural logarithm of x, correctly rounded.
double pauca_exact_ln(double x);

// (2 / pi) atan t for t >= 0, in half turns the angle whose half has the tangent t; NaN for t < 0. Correctly rounded.
double pauca_exact_half_turns(double t);

// How far the cosine of two rows of d values, computed in a precision, may be from the definition.
pauca_status pauca_exact_cosine_error(int32_t in_precision,
                                      uint64_t d,
                                      double *out,
                                      struct pauca_error *error);

// The bound E for half the squared distance of rows of d values scaled by scale, of norms at most norm_a and norm_b,
// computed in a precision.
pauca_status pauca_exact_euclidean_error(int32_t in_precision,
                                         uint64_t d,
                                         double scale,
                                         double norm_a,
                                         double norm_b,
                                         double *out,
                                         struct pauca_error *error);

// An empty sum. Free it with pauca_f64sum_free.
pauca_status pauca_f64sum_new(struct pauca_f64sum **out, struct pauca_error *error);

// Adds len values; with weights (NULL for none) each times its weight, exactly. A NaN makes the sum NaN for good;
// infinities make it infinite, or NaN where their signs differ.
pauca_status pauca_f64sum_add(struct pauca_f64sum *sum,
                              const double *values,
                              const float *weights,
                              uint64_t len,
                              struct pauca_error *error);

// Adds the sum of other.
pauca_status pauca_f64sum_merge(struct pauca_f64sum *sum,
                                const struct pauca_f64sum *other,
                                struct pauca_error *error);

// The sum, rounded once to nearest, ties to even.
pauca_status pauca_f64sum_value(const struct pauca_f64sum *sum, double *out, struct pauca_error *error);

// Frees a sum; NULL is nothing.
void pauca_f64sum_free(struct pauca_f64sum *sum);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_semdedup_options_init(struct pauca_semdedup_options *options,
                                         uint32_t struct_size,
                                         struct pauca_error *error);

// Finds the rows of x [n, d] that are duplicates of another row of their cluster. clusters: of the same n rows. options:
// NULL for the defaults. Of duplicates the row farthest from its centroid stays; for the first row of the file to stay,
// give PAUCA_ORDER_CUSTOM the row numbers as keys. A row of zeros has no direction: it is kept, without a witness.
// Free the result with pauca_dedup_free.
// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_INVALID_PARAMETER, PAUCA_CONFLICT for a share with PAUCA_GREEDY_COVER,
// PAUCA_NON_FINITE, PAUCA_CANCELLED.
pauca_status pauca_semdedup(const struct pauca_view *x,
                            const struct pauca_clusters *clusters,
                            const struct pauca_semdedup_options *options,
                            struct pauca_dedup **out,
                            const struct pauca_context *context,
                            struct pauca_error *error);

// Writes the numbers of a deduplication into info.
pauca_status pauca_dedup_get_info(const struct pauca_dedup *dedup,
                                  struct pauca_dedup_info *info,
                                  struct pauca_error *error);

// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
pauca_status pauca_dedup_copy(const struct pauca_dedup *dedup,
                              const struct pauca_dedup_arrays *arrays,
                              struct pauca_error *error);

// How many rows another epsilon would keep, without comparing anything anew. Errors: PAUCA_CONFLICT for
// PAUCA_GREEDY_COVER.
pauca_status pauca_dedup_kept_at(const struct pauca_dedup *dedup,
                                 double epsilon,
                                 int32_t boundary,
                                 uint64_t *kept,
                                 struct pauca_error *error);

// The largest similarity of each row to an earlier one, ascending, -infinity where there is none: n values. A row is kept
// at epsilon unless its value passes 1 - epsilon. Errors: PAUCA_CONFLICT for PAUCA_GREEDY_COVER.
pauca_status pauca_dedup_curve(const struct pauca_dedup *dedup,
                               double *similarities,
                               uint64_t len,
                               struct pauca_error *error);

// Saves a deduplication: versioned, checksummed bytes, the same on every machine. Free them with pauca_blob_free.
pauca_status pauca_dedup_to_bytes(const struct pauca_dedup *dedup,
                                  struct pauca_blob **out,
                                  struct pauca_error *error);

// Reads what pauca_dedup_to_bytes wrote; the counts of the search are 0. Errors: PAUCA_CORRUPT with the byte.
pauca_status pauca_dedup_from_bytes(const void *bytes,
                                    uint64_t bytes_size,
                                    struct pauca_dedup **out,
                                    struct pauca_error *error);

// Frees a deduplication; NULL is nothing.
void pauca_dedup_free(struct pauca_dedup *dedup);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_semdedup_against_options_init(struct pauca_semdedup_against_options *options,
                                                 uint32_t struct_size,
                                                 struct pauca_error *error);

// Finds the new rows x [n, d] that are duplicates of a row of the reference [m, d], all of which stay. clusters: of the
// m rows of the reference; a new row belongs to the nearest centroid (the lowest of equally near ones) and meets the rows
// of its cluster: with one cluster all of them. The most similar one is the witness, the lowest of equally similar ones.
// New rows do not remove each other: pauca_semdedup on those that are kept does that. n and m may be 0. options: NULL
// for the defaults.
// Errors: PAUCA_SHAPE_MISMATCH, PAUCA_INVALID_PARAMETER, PAUCA_NON_FINITE, PAUCA_CANCELLED.
pauca_status pauca_semdedup_against(const struct pauca_view *x,
                                    const struct pauca_view *reference,
                                    const struct pauca_clusters *clusters,
                                    const struct pauca_semdedup_against_options *options,
                                    const struct pauca_dedup_against_arrays *arrays,
                                    const struct pauca_context *context,
                                    struct pauca_error *error);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_prototypes_options_init(struct pauca_prototypes_options *options,
                                           uint32_t struct_size,
                                           struct pauca_error *error);

// Marks the rows to keep, exactly round_half_even(keep_fraction n) of them, by their distances [n] to their centroids.
// labels [n] below n_clusters; keep [n] gets 1 or 0. options: NULL for the defaults. Of equally distant rows the lower
// index is kept.
// Errors: PAUCA_NON_FINITE, PAUCA_LABEL_OUT_OF_RANGE, PAUCA_INVALID_PARAMETER.
pauca_status pauca_prototypes_select(const double *distances,
                                     const uint32_t *labels,
                                     uint64_t n_rows,
                                     uint64_t n_clusters,
                                     const struct pauca_prototypes_options *options,
                                     uint8_t *keep,
                                     struct pauca_error *error);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_density_options_init(struct pauca_density_options *options,
                                        uint32_t struct_size,
                                        struct pauca_error *error);

// Marks the rows to keep of a clustering with distances, so that clusters that are wide and lie apart keep more.
// options: NULL for the defaults.
// Errors: PAUCA_EMPTY for a clustering without distances, PAUCA_INVALID_PARAMETER, PAUCA_NON_FINITE with the cluster as
// row, PAUCA_SHAPE_MISMATCH for a wrong length.
pauca_status pauca_density_select(const struct pauca_clusters *clusters,
                                  const struct pauca_density_options *options,
                                  const struct pauca_density_arrays *arrays,
                                  const struct pauca_context *context,
                                  struct pauca_error *error);

// How many rows each of k clusters keeps of total: by intra [k], inter [k] and the sizes [k]. quotas: k values.
// Errors: PAUCA_TOO_LARGE for a total above the rows there are, PAUCA_NON_FINITE, PAUCA_INVALID_PARAMETER.
pauca_status pauca_density_quotas(uint64_t total,
                                  const double *intra,
                                  const double *inter,
                                  const uint64_t *sizes,
                                  uint64_t n_clusters,
                                  const struct pauca_density_options *options,
                                  uint64_t *quotas,
                                  struct pauca_error *error);

// Writes the defaults. Pass sizeof *options. Errors: PAUCA_STRUCT_SIZE.
pauca_status pauca_d4_options_init(struct pauca_d4_options *options,
                                   uint32_t struct_size,
                                   struct pauca_error *error);

// Chooses rows of x [n, d]: clusters them, removes duplicates, clusters the rest, drops the prototypical. options: NULL
// for the defaults. Free the result with pauca_curated_free.
// Errors: as pauca_kmeans and pauca_semdedup; PAUCA_INVALID_PARAMETER for shares out of range.
pauca_status pauca_d4(const struct pauca_view *x,
                      const struct pauca_d4_options *options,
                      struct pauca_curated **out,
                      const struct pauca_context *context,
                      struct pauca_error *error);

// Starts a run that the caller steps. x is read until the run is freed. Free it with pauca_d4_free. Errors: as pauca_d4.
pauca_status pauca_d4_start(const struct pauca_view *x,
                            const struct pauca_d4_options *options,
                            struct pauca_d4_run **out,
                            const struct pauca_context *context,
                            struct pauca_error *error);

// Makes one step: an iteration of a clustering, or the deduplication between them. more: NULL, or 1 if there is more to
// do before pauca_d4_finish and 0 if not. After an error the checkpoint is that of the last finished step.
// Errors: as pauca_d4, and PAUCA_CONFLICT for a run that has ended.
pauca_status pauca_d4_step(struct pauca_d4_run *run,
                           int32_t *more,
                           const struct pauca_context *context,
                           struct pauca_error *error);

// Writes where the run is into state. Errors: PAUCA_CONFLICT for a run that has ended.
pauca_status pauca_d4_get_state(const struct pauca_d4_run *run,
                                struct pauca_d4_state *state,
                                struct pauca_error *error);

// The state after the last finished step, as bytes. Also after an error. Free them with pauca_blob_free.
pauca_status pauca_d4_checkpoint(const struct pauca_d4_run *run,
                                 struct pauca_blob **out,
                                 struct pauca_error *error);

// Goes on from the bytes of a checkpoint, to the same bits. Rows and options must be those of the saved run; their shape
// and the options of the clusterings are checked. Errors: as pauca_d4; PAUCA_CORRUPT, PAUCA_MISMATCH.
pauca_status pauca_d4_resume(const struct pauca_view *x,
                             const struct pauca_d4_options *options,
                             const void *bytes,
                             uint64_t bytes_size,
                             struct pauca_d4_run **out,
                             const struct pauca_context *context,
                             struct pauca_error *error);

// The result; makes the steps that are left. The run has ended then, and is still to be freed; after an error the
// checkpoint is that of the run before this call. Errors: as pauca_d4_step.
pauca_status pauca_d4_finish(struct pauca_d4_run *run,
                             struct pauca_curated **out,
                             const struct pauca_context *context,
                             struct pauca_error *error);

// Frees a run, at any time; NULL is nothing.
void pauca_d4_free(struct pauca_d4_run *run);

// The numbers of what D4 chose: rows, survivors of deduplication, rows kept. Each of the three may be NULL.
pauca_status pauca_curated_get_info(const struct pauca_curated *curated,
                                    uint64_t *n_rows,
                                    uint64_t *n_survivors,
                                    uint64_t *n_kept,
                                    struct pauca_error *error);

// Copies the arrays that `arrays` asks for. Errors: PAUCA_SHAPE_MISMATCH for a wrong length, before anything is written.
pauca_status pauca_curated_copy(const struct pauca_curated *curated,
                                const struct pauca_curated_arrays *arrays,
                                struct pauca_error *error);

// One of the clusterings of D4: PAUCA_FIRST or PAUCA_SECOND. It is shared, not copied, and may outlive the result. Free
// it with pauca_clusters_free.
pauca_status pauca_curated_clusters(const struct pauca_curated *curated,
                                    int32_t which,
                                    struct pauca_clusters **out,
                                    struct pauca_error *error);

// The deduplication of D4. It is shared, not copied, and may outlive the result. Free it with pauca_dedup_free.
pauca_status pauca_curated_dedup(const struct pauca_curated *curated,
                                 struct pauca_dedup **out,
                                 struct pauca_error *error);

// Frees what D4 chose; NULL is nothing.
void pauca_curated_free(struct pauca_curated *curated);

// Bytes that a call takes at most, its result included and the rows of x not, for n_rows rows of dim values and
// n_clusters clusters (for PAUCA_WORK_D4 the larger of its two numbers; not 0). of_source: 0 for rows in memory, 1 for
// rows that are read from a source. A bound for budgets, not a promise to the byte: it may be several times too high for
// small problems, and covers threads of the context.
pauca_status pauca_workspace_bytes(int32_t work,
                                   uint64_t n_rows,
                                   uint64_t dim,
                                   uint64_t n_clusters,
                                   int32_t of_source,
                                   uint64_t *bytes,
                                   const struct pauca_context *context,
                                   struct pauca_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PAUCA_H */
