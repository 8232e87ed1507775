/* Every entry point called rightly, which every.h turns into every kind of wrong call, and here with what is wrong for it
 * alone: the documented status, a text that names the argument or the place, outputs untouched. Inputs lie in memory that
 * can only be read, between pages that cannot be touched. */
#include "calls.h"
#include <float.h>
#include <math.h>

enum { N = 8, D = 3, K = 2 };

static const float ROWS[N * D] = {1, 0, 0, 1, .1f, 0, 0, 1, 0, 0, 1, .1f, .9f, 0, 0, 0, .9f, 0, 1, 0, 0, 0, 0, 1};
static const double DISTANCES[N] = {0, 1, 2, 3, 4, 5, 6, 7};
static const uint32_t LABELS[N] = {0, 0, 1, 1, 0, 1, 0, 1}, BAD_LABELS[N] = {0, 0, 1, 7, 0, 1, 0, 1};

static const float *rows, *nan_rows, *weights;
static const double *distances;
static const uint32_t *labels, *bad_labels;

static pauca_view good;

/* Outputs. */
static void *handle;
static uint32_t out_labels[N];
static double out_doubles[N], out_double;
static uint8_t out_bytes[N];
static uint64_t out_u64, out_u64s[N];
static int32_t out_i32;
static uint32_t out_u32;
static float out_floats[K * D];
static pauca_view out_view;

#define OUT(type) ((struct type **)&handle)
#define ODD(type, at) ((type *)((uintptr_t)(at) + 1))

static void base(void)
{
#define WORK(w, n, d, k, s, b) pauca_workspace_bytes(w, n, d, k, s, b, NULL, E)
    FAILS(PAUCA_INVALID_PARAMETER, "work is 9", WORK(9, N, D, K, 0, &out_u64));
    FAILS(PAUCA_INVALID_PARAMETER, "of_source is 2", WORK(0, N, D, K, 2, &out_u64));
    FAILS(PAUCA_NULL_POINTER, "bytes", WORK(0, N, D, K, 0, NULL));
    FAILS(PAUCA_TOO_LARGE, "n_rows", WORK(0, UINT64_MAX, D, K, 0, &out_u64));
    FAILS(PAUCA_TOO_LARGE, "workspace", WORK(0, 1, (uint64_t)1 << 47, (uint64_t)1 << 47, 0, &out_u64));
    WORKS(WORK(PAUCA_WORK_D4, N, D, K, 1, &out_u64));
    FAILS(PAUCA_ABI, "ABI 7.0", pauca_abi_check(7u << 16, E));
    FAILS(PAUCA_ABI, "library", pauca_abi_check(PAUCA_ABI_VERSION + 1, E));
    WORKS(pauca_abi_check(PAUCA_ABI_VERSION, E));
    HOLDS(pauca_abi_version() == PAUCA_ABI_VERSION);
    HOLDS(strcmp(pauca_status_name(PAUCA_NON_FINITE), "NonFinite") == 0);
    HOLDS(strcmp(pauca_status_name(PAUCA_OVERLAP), "Overlap") == 0);
    HOLDS(strcmp(pauca_status_name(-5), "?") == 0);
    HOLDS(strstr(pauca_build_info(), pauca_version_string()) != NULL);
    HOLDS(pauca_simd_available(PAUCA_SIMD_DEFAULT) && pauca_simd_available(PAUCA_SIMD_SCALAR));
    HOLDS(!pauca_simd_available(99) && strcmp(pauca_simd_name(99), "?") == 0);
    HOLDS(strcmp(pauca_simd_name(PAUCA_SIMD_AVX2), "avx2") == 0);
    /* The error itself. */
    const uint32_t wrong[] = {0, 1, 24, 28, 5000, UINT32_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        pauca_error forged;
        memset(&forged, 0x5a, sizeof forged);
        forged.struct_size = wrong[i];
        HOLDS(pauca_abi_check(9u << 16, &forged) == PAUCA_STRUCT_SIZE);
        HOLDS(forged.struct_size == wrong[i] && forged.code == 0x5a5a5a5a && forged.message[0] == 0x5a);
    }
    HOLDS(pauca_abi_check(9u << 16, ODD(pauca_error, &e)) == PAUCA_MISALIGNED);
    pauca_error *little = guarded(NULL, 40, 1);
    little->struct_size = 40;
    HOLDS(pauca_abi_check(9u << 16, little) == PAUCA_ABI && memchr(little->message, 0, 16));
}

static void contexts(void)
{
    pauca_context_options o;
    int32_t flag[2] = {0, 0};
    FAILS(PAUCA_NULL_POINTER, "context options", pauca_context_options_init(NULL, sizeof o, PAUCA_ABI_VERSION, E));
    FAILS(PAUCA_STRUCT_SIZE, "struct_size", pauca_context_options_init(&o, 9, PAUCA_ABI_VERSION, E));
    FAILS(PAUCA_ABI, "header", pauca_context_options_init(&o, sizeof o, 3u << 16, E));
    WORKS(pauca_context_options_init(&o, sizeof o, PAUCA_ABI_VERSION, E));
    HOLDS(o.struct_size == sizeof o && o.abi_version == PAUCA_ABI_VERSION && o.threads == 0);
    o.threads = 1;
    FAILS(PAUCA_NULL_POINTER, "out", pauca_context_new(&o, NULL, E));
    o.abi_version = 0x20000;
    FAILS(PAUCA_ABI, "ABI 2.0", pauca_context_new(&o, OUT(pauca_context), E));
    o.abi_version = PAUCA_ABI_VERSION;
    o.simd_level = 42;
    FAILS(PAUCA_INVALID_PARAMETER, "simd_level is 42", pauca_context_new(&o, OUT(pauca_context), E));
    o.simd_level = PAUCA_SIMD_NEON;
    if (!pauca_simd_available(PAUCA_SIMD_NEON)) FAILS(PAUCA_SIMD_LEVEL, "scalar", pauca_context_new(&o, OUT(pauca_context), E));
    o.simd_level = PAUCA_SIMD_SCALAR;
    o.cancel = ODD(const int32_t, flag);
    FAILS(PAUCA_MISALIGNED, "cancel", pauca_context_new(&o, OUT(pauca_context), E));
    o.cancel = flag;
    WORKS(pauca_context_new(&o, OUT(pauca_context), E));
    pauca_context *context = handle;
    WORKS(pauca_context_info(context, &out_i32, &out_u32, E));
    HOLDS(out_i32 == PAUCA_SIMD_SCALAR && out_u32 == 1);
    FAILS(PAUCA_NULL_POINTER, "context", pauca_context_info(NULL, &out_i32, &out_u32, E));
    FAILS(PAUCA_MISALIGNED, "simd_level", pauca_context_info(context, ODD(int32_t, &out_i32), NULL, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_context_info(context, &out_i32, (uint32_t *)&out_i32, E));
    HOLDS(!strcmp(pauca_context_backend(context), "cpu") && !strcmp(pauca_context_backend(NULL), "cpu"));
    flag[0] = 1;
    FAILS(PAUCA_CANCELLED, "cancelled", pauca_d4(&good, NULL, OUT(pauca_curated), context, E));
    pauca_context_free(context);
    pauca_context_free(NULL);

    HOLDS(o.backend == PAUCA_BACKEND_CPU && o.device == PAUCA_ANY_DEVICE);
    WORKS(pauca_device_count(PAUCA_BACKEND_CPU, &out_u32, E));
    HOLDS(out_u32 == 1);
    FAILS(PAUCA_INVALID_PARAMETER, "backend is 9", pauca_device_count(9, &out_u32, E));
    o.backend = -1;
    FAILS(PAUCA_INVALID_PARAMETER, "backend is -1", pauca_context_new(&o, OUT(pauca_context), E));
    o.backend = PAUCA_BACKEND_WGPU;
    o.device = 4242;
    WORKS(pauca_device_count(PAUCA_BACKEND_WGPU, &out_u32, E));
    if (strstr(pauca_build_info(), " wgpu")) {
        FAILS(PAUCA_DEVICE, "no such device: wgpu:4242", pauca_context_new(&o, OUT(pauca_context), E));
    } else {
        HOLDS(out_u32 == 0);
        FAILS(PAUCA_UNSUPPORTED_DEVICE, "built without", pauca_context_new(&o, OUT(pauca_context), E));
    }
}

static void k_means(pauca_clusters **fitted)
{
    pauca_kmeans_options o;
    pauca_kmeans_state state = {0};
    pauca_view centroids = packed(rows, K, D, PAUCA_F32), zero = packed(NULL, 0, D, PAUCA_F32);
    pauca_blob *blob;
    pauca_kmeans_run *run, *again;
    FAILS(PAUCA_NULL_POINTER, "k-means options", pauca_kmeans_options_init(NULL, sizeof o, E));
    FAILS(PAUCA_STRUCT_SIZE, "struct_size is 12", pauca_kmeans_options_init(&o, 12, E));
    WORKS(pauca_kmeans_options_init(&o, sizeof o, E));
    HOLDS(o.max_iter == 100 && o.n_clusters == 0);
    FAILS(PAUCA_INVALID_PARAMETER, "n_clusters", pauca_kmeans(&good, NULL, &o, OUT(pauca_clusters), NULL, E));
    o.n_clusters = K;
#define KMEANS(x, w, o, out) pauca_kmeans(x, w, o, out, NULL, E)
#define START(x, w, o, out) pauca_kmeans_start(x, w, o, out, NULL, E)
#define EACH(status, text, x, w, o)                                      \
    FAILS(status, text, KMEANS(x, w, o, OUT(pauca_clusters)));           \
    FAILS(status, text, START(x, w, o, OUT(pauca_kmeans_run)))
    EACH(PAUCA_EMPTY, "x is empty", &zero, NULL, &o);
    EACH(PAUCA_NULL_POINTER, "k-means options", &good, NULL, NULL);
    EACH(PAUCA_MISALIGNED, "weights", &good, ODD(const float, weights), &o);
    FAILS(PAUCA_NULL_POINTER, "out", KMEANS(&good, NULL, &o, NULL));
    FAILS(PAUCA_NULL_POINTER, "out", START(&good, NULL, &o, NULL));
    FAILS(PAUCA_MISALIGNED, "out", KMEANS(&good, NULL, &o, ODD(pauca_clusters *, &handle)));
    FAILS(PAUCA_OVERLAP, "out and x overlap", KMEANS(&good, NULL, &o, (pauca_clusters **)((uintptr_t)rows & ~(uintptr_t)7)));
    FAILS(PAUCA_MISALIGNED, "context", pauca_kmeans(&good, NULL, &o, OUT(pauca_clusters), ODD(pauca_context, &o), E));
    const struct { int32_t *field, value; const char *text; } choices[] = {
        {&o.metric, 2, "metric is 2"}, {&o.metric, -1, "metric is -1"}, {&o.init, 3, "init is 3"},
        {&o.empty_clusters, 9, "empty_clusters is 9"}};
    for (size_t i = 0; i < COUNT(choices); i++) {
        int32_t before = *choices[i].field;
        *choices[i].field = choices[i].value;
        EACH(PAUCA_INVALID_PARAMETER, choices[i].text, &good, NULL, &o);
        *choices[i].field = before;
    }
    o.reserved = 1;
    EACH(PAUCA_UNSUPPORTED_OPTION, "byte", &good, NULL, &o);
    o.reserved = 0, o.shift_tolerance = NAN;
    EACH(PAUCA_INVALID_PARAMETER, "shift_tolerance", &good, NULL, &o);
    o.shift_tolerance = 0, o.n_clusters = N + 1;
    EACH(PAUCA_TOO_MANY_CLUSTERS, "9 clusters", &good, NULL, &o);
    o.n_clusters = UINT64_MAX;
    EACH(PAUCA_TOO_MANY_CLUSTERS, "clusters", &good, NULL, &o);
    o.n_clusters = K, o.init = PAUCA_INIT_GIVEN;
    EACH(PAUCA_NULL_POINTER, "init_centroids", &good, NULL, &o);
    o.init_centroids = &good;
    EACH(PAUCA_SHAPE_MISMATCH, "initial centroids", &good, NULL, &o);
    pauca_view nan_view = packed(nan_rows + 3 * 4, K, D, PAUCA_F32);
    o.init_centroids = &nan_view;
    EACH(PAUCA_NON_FINITE, "initial centroids holds a NaN or an infinity, first at row 1, column 1", &good, NULL, &o);
    o.init_centroids = &centroids;
    float *nan_weights = guarded(weights, N * sizeof(float), 1);
    nan_weights[6] = NAN;
    EACH(PAUCA_NON_FINITE, "weights holds a NaN or an infinity, first at row 6", &good, nan_weights, &o);
    nan_weights[6] = -1;
    EACH(PAUCA_INVALID_PARAMETER, "weights is -1", &good, nan_weights, &o);
    WORKS(KMEANS(&good, weights, &o, OUT(pauca_clusters)));
    *fitted = handle;

    /* A run. */
    WORKS(START(&good, weights, &o, &again));
    pauca_kmeans_free(again);
    WORKS(START(&good, NULL, &o, &run));
    FAILS(PAUCA_NULL_POINTER, "run", pauca_kmeans_step(NULL, &out_i32, NULL, E));
    FAILS(PAUCA_MISALIGNED, "more", pauca_kmeans_step(run, ODD(int32_t, &out_i32), NULL, E));
    FAILS(PAUCA_MISALIGNED, "context", pauca_kmeans_step(run, &out_i32, ODD(pauca_context, &o), E));
    WORKS(pauca_kmeans_step(run, NULL, NULL, E));
    state.struct_size = sizeof state;
    FAILS(PAUCA_NULL_POINTER, "run", pauca_kmeans_get_state(NULL, &state, E));
    FAILS(PAUCA_NULL_POINTER, "state", pauca_kmeans_get_state(run, NULL, E));
    WORKS(pauca_kmeans_get_state(run, &state, E));
    HOLDS(state.n_iter == 1 && state.struct_size == sizeof state);
    FAILS(PAUCA_NULL_POINTER, "run", pauca_kmeans_checkpoint(NULL, OUT(pauca_blob), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_kmeans_checkpoint(run, NULL, E));
    WORKS(pauca_kmeans_checkpoint(run, &blob, E));
    uint64_t size = pauca_blob_size(blob);
    HOLDS(pauca_blob_size(NULL) == 0 && size > K * D * 4);
    unsigned char *bytes = guarded(NULL, size, 1);
    FAILS(PAUCA_NULL_POINTER, "blob", pauca_blob_copy(NULL, out_bytes, 8, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_blob_copy(blob, NULL, size, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "out has length", pauca_blob_copy(blob, out_bytes, 8, E));
    WORKS(pauca_blob_copy(blob, bytes, size, E));
    pauca_blob_free(blob);
    pauca_blob_free(NULL);
#define RESUME(x, w, o, b, s, out) pauca_kmeans_resume(x, w, o, b, s, out, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "bytes", RESUME(&good, NULL, &o, NULL, size, OUT(pauca_kmeans_run)));
    FAILS(PAUCA_CORRUPT, "k-means checkpoint", RESUME(&good, NULL, &o, bytes, size - 1, OUT(pauca_kmeans_run)));
    FAILS(PAUCA_CORRUPT, "k-means checkpoint", RESUME(&good, NULL, &o, NULL, 0, OUT(pauca_kmeans_run)));
    FAILS(PAUCA_TOO_LARGE, "bytes", RESUME(&good, NULL, &o, bytes, UINT64_MAX, OUT(pauca_kmeans_run)));
    FAILS(PAUCA_NULL_POINTER, "options", RESUME(&good, NULL, NULL, bytes, size, OUT(pauca_kmeans_run)));
    FAILS(PAUCA_NULL_POINTER, "out", RESUME(&good, NULL, &o, bytes, size, NULL));
    FAILS(PAUCA_MISALIGNED, "weights", RESUME(&good, ODD(const float, weights), &o, bytes, size, OUT(pauca_kmeans_run)));
    o.seed = 5;
    FAILS(PAUCA_MISMATCH, "parameter", RESUME(&good, NULL, &o, bytes, size, OUT(pauca_kmeans_run)));
    o.seed = 0;
    WORKS(RESUME(&good, weights, &o, bytes, size, &again));
    pauca_kmeans_free(again);
    FAILS(PAUCA_NULL_POINTER, "run", pauca_kmeans_finish(NULL, OUT(pauca_clusters), NULL, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_kmeans_finish(run, NULL, NULL, E));
    WORKS(pauca_kmeans_finish(run, OUT(pauca_clusters), NULL, E));
    pauca_clusters_free(handle);
    FAILS(PAUCA_CONFLICT, "ended", pauca_kmeans_finish(run, OUT(pauca_clusters), NULL, E));
    FAILS(PAUCA_CONFLICT, "ended", pauca_kmeans_step(run, &out_i32, NULL, E));
    FAILS(PAUCA_CONFLICT, "ended", pauca_kmeans_get_state(run, &state, E));
    pauca_kmeans_free(run);
    pauca_kmeans_free(NULL);
}

static void clusters(pauca_clusters *c)
{
    pauca_clusters_info info = {0};
    pauca_clusters_arrays to = {0};
    pauca_blob *blob;
    info.struct_size = sizeof info, to.struct_size = sizeof to;
    FAILS(PAUCA_NULL_POINTER, "clusters", pauca_clusters_get_info(NULL, &info, E));
    FAILS(PAUCA_NULL_POINTER, "info", pauca_clusters_get_info(c, NULL, E));
    WORKS(pauca_clusters_get_info(c, &info, E));
    HOLDS(info.n_rows == N && info.n_clusters == K && info.dim == D && info.has_distances);
    FAILS(PAUCA_NULL_POINTER, "clusters", pauca_clusters_copy(NULL, &to, E));
    FAILS(PAUCA_NULL_POINTER, "arrays", pauca_clusters_copy(c, NULL, E));
    to.labels = out_labels, to.labels_len = N, to.distances = out_doubles, to.distances_len = N;
    to.distances_len = N - 1;
    FAILS(PAUCA_SHAPE_MISMATCH, "distances has length 7, expected 8", pauca_clusters_copy(c, &to, E));
    to.distances = (double *)(void *)out_labels, to.distances_len = N;
    FAILS(PAUCA_OVERLAP, "distances and labels overlap", pauca_clusters_copy(c, &to, E));
    to.distances = ODD(double, out_doubles);
    FAILS(PAUCA_MISALIGNED, "distances", pauca_clusters_copy(c, &to, E));
    to.distances = out_doubles, to.centroids = out_floats, to.centroids_len = K * D - 1;
    FAILS(PAUCA_SHAPE_MISMATCH, "centroids", pauca_clusters_copy(c, &to, E));
    to.centroids_len = K * D, to.counts = out_u64s, to.counts_len = 0;
    FAILS(PAUCA_SHAPE_MISMATCH, "counts", pauca_clusters_copy(c, &to, E));
    to.counts_len = K;
    WORKS(pauca_clusters_copy(c, &to, E));

#define PREDICT(c, x, l, n) pauca_clusters_predict(c, x, l, n, NULL, E)
    pauca_view narrow = packed(rows, N, 2, PAUCA_F32);
    FAILS(PAUCA_NULL_POINTER, "clusters", PREDICT(NULL, &good, out_labels, N));
    FAILS(PAUCA_NULL_POINTER, "labels", PREDICT(c, &good, NULL, N));
    FAILS(PAUCA_SHAPE_MISMATCH, "labels has length 7", PREDICT(c, &good, out_labels, N - 1));
    FAILS(PAUCA_SHAPE_MISMATCH, "labels", PREDICT(c, &good, out_labels, UINT64_MAX));
    FAILS(PAUCA_MISALIGNED, "labels", PREDICT(c, &good, ODD(uint32_t, out_labels), N));
    FAILS(PAUCA_OVERLAP, "labels and x overlap", PREDICT(c, &good, (uint32_t *)(uintptr_t)rows, N));
    FAILS(PAUCA_OVERLAP, "labels and x overlap", PREDICT(c, &good, (uint32_t *)(uintptr_t)rows + N * D - 1, N));
    FAILS(PAUCA_SHAPE_MISMATCH, "dimension", PREDICT(c, &narrow, out_labels, N));
    WORKS(PREDICT(c, &good, out_labels, N));
#define ASSIGN(c, x, l, d, n) pauca_clusters_assign(c, x, l, d, n, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "clusters", ASSIGN(NULL, &good, out_labels, out_doubles, N));
    FAILS(PAUCA_SHAPE_MISMATCH, "labels", ASSIGN(c, &good, out_labels, out_doubles, N + 1));
    FAILS(PAUCA_MISALIGNED, "distances", ASSIGN(c, &good, out_labels, ODD(double, out_doubles), N));
    FAILS(PAUCA_OVERLAP, "overlap", ASSIGN(c, &good, (uint32_t *)out_doubles, out_doubles, N));
    WORKS(ASSIGN(c, &good, NULL, NULL, N));
    WORKS(ASSIGN(c, &good, out_labels, out_doubles, N));
#define MEASURE(c, x, d, n) pauca_clusters_measure(c, x, d, n, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "clusters", MEASURE(NULL, &good, out_doubles, N));
    FAILS(PAUCA_NULL_POINTER, "distances", MEASURE(c, &good, NULL, N));
    FAILS(PAUCA_SHAPE_MISMATCH, "distances", MEASURE(c, &good, out_doubles, 3));
    WORKS(MEASURE(c, &good, out_doubles, N));

#define PARTS(m, c, l, d, n, out) pauca_clusters_from_parts(m, c, l, d, n, out, E)
    pauca_view centroids = packed(rows, K, D, PAUCA_F32), none = packed(NULL, 0, D, PAUCA_F32);
    FAILS(PAUCA_INVALID_PARAMETER, "metric", PARTS(7, &centroids, labels, distances, N, OUT(pauca_clusters)));
    FAILS(PAUCA_EMPTY, "centroids", PARTS(0, &none, labels, distances, N, OUT(pauca_clusters)));
    FAILS(PAUCA_NULL_POINTER, "labels", PARTS(0, &centroids, NULL, distances, N, OUT(pauca_clusters)));
    FAILS(PAUCA_LABEL_OUT_OF_RANGE, "label 7 at row 3", PARTS(0, &centroids, bad_labels, distances, N, OUT(pauca_clusters)));
    FAILS(PAUCA_MISALIGNED, "distances", PARTS(0, &centroids, labels, ODD(double, out_doubles), N, OUT(pauca_clusters)));
    FAILS(PAUCA_TOO_LARGE, "labels", PARTS(0, &centroids, labels, distances, UINT64_MAX / 4, OUT(pauca_clusters)));
    FAILS(PAUCA_NULL_POINTER, "out", PARTS(0, &centroids, labels, distances, N, NULL));
    double *nan_distances = guarded(distances, N * 8, 1);
    nan_distances[2] = INFINITY;
    FAILS(PAUCA_NON_FINITE, "distances holds a NaN or an infinity, first at row 2", PARTS(0, &centroids, labels, nan_distances, N, OUT(pauca_clusters)));
    WORKS(PARTS(PAUCA_COSINE, &centroids, labels, distances, N, OUT(pauca_clusters)));
    pauca_clusters_free(handle);
    WORKS(PARTS(PAUCA_COSINE, &centroids, NULL, NULL, 0, OUT(pauca_clusters)));
    pauca_clusters_free(handle);
    pauca_clusters_free(NULL);

    FAILS(PAUCA_NULL_POINTER, "clusters", pauca_clusters_to_bytes(NULL, OUT(pauca_blob), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_clusters_to_bytes(c, NULL, E));
    WORKS(pauca_clusters_to_bytes(c, &blob, E));
    uint64_t size = pauca_blob_size(blob);
    unsigned char *bytes = guarded(NULL, size, 1);
    WORKS(pauca_blob_copy(blob, bytes, size, E));
    pauca_blob_free(blob);
    FAILS(PAUCA_NULL_POINTER, "bytes", pauca_clusters_from_bytes(NULL, size, OUT(pauca_clusters), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_clusters_from_bytes(bytes, size, NULL, E));
    FAILS(PAUCA_TOO_LARGE, "bytes", pauca_clusters_from_bytes(bytes, UINT64_MAX, OUT(pauca_clusters), E));
    for (uint64_t i = 0; i < size; i++) {
        bytes[i] ^= 0x10;
        FAILS(PAUCA_CORRUPT, "clusters", pauca_clusters_from_bytes(bytes, size, OUT(pauca_clusters), E));
        bytes[i] ^= 0x10;
    }
    WORKS(pauca_clusters_from_bytes(bytes, size, OUT(pauca_clusters), E));
    HOLDS(bits_of(handle) == bits_of(c));
    pauca_clusters_free(handle);
}

static void sums(void)
{
    pauca_sums *s, *other, *same;
    uint64_t len;
    FAILS(PAUCA_EMPTY, "sums", pauca_sums_new(0, D, 0, OUT(pauca_sums), E));
    FAILS(PAUCA_EMPTY, "sums", pauca_sums_new(K, 0, 0, OUT(pauca_sums), E));
    FAILS(PAUCA_TOO_LARGE, "columns", pauca_sums_new(UINT64_MAX / 4, UINT64_MAX / 4, 0, OUT(pauca_sums), E));
    FAILS(PAUCA_INVALID_PARAMETER, "weighted is 2", pauca_sums_new(K, D, 2, OUT(pauca_sums), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_sums_new(K, D, 0, NULL, E));
    WORKS(pauca_sums_new(K, D, 0, &s, E));
    WORKS(pauca_sums_new(K + 1, D, 1, &other, E));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_shape(NULL, &out_u64, NULL, NULL, E));
    FAILS(PAUCA_MISALIGNED, "n_clusters", pauca_sums_shape(s, ODD(uint64_t, out_u64s), NULL, NULL, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_sums_shape(s, &out_u64, &out_u64, NULL, E));
    WORKS(pauca_sums_shape(s, &out_u64, NULL, &out_i32, E));
    HOLDS(out_u64 == K && out_i32 == 0);
#define ROWS_OF(f, s, x, l, w, m) f(s, x, l, w, m, NULL, E)
#define BOTH(status, text, s, x, l, w, m)                                    \
    FAILS(status, text, ROWS_OF(pauca_sums_add_rows, s, x, l, w, m));        \
    FAILS(status, text, ROWS_OF(pauca_sums_remove_rows, s, x, l, w, m))
    BOTH(PAUCA_NULL_POINTER, "sums", NULL, &good, labels, NULL, 0);
    BOTH(PAUCA_NULL_POINTER, "labels", s, &good, NULL, NULL, 0);
    BOTH(PAUCA_MISALIGNED, "labels", s, &good, ODD(uint32_t, out_labels), NULL, 0);
    BOTH(PAUCA_LABEL_OUT_OF_RANGE, "label 7 at row 3", s, &good, bad_labels, NULL, 0);
    BOTH(PAUCA_MISMATCH, "weights", s, &good, labels, weights, 0);
    BOTH(PAUCA_MISMATCH, "weights", other, &good, labels, NULL, 0);
    BOTH(PAUCA_INVALID_PARAMETER, "metric", s, &good, labels, NULL, 5);
    pauca_view narrow = packed(rows, N, 2, PAUCA_F32);
    BOTH(PAUCA_SHAPE_MISMATCH, "columns", s, &narrow, labels, NULL, 0);
    float *wrong = guarded(weights, N * 4, 1);
    wrong[4] = NAN;
    BOTH(PAUCA_NON_FINITE, "row 4", other, &good, labels, wrong, 0);
    wrong[4] = -1;
    BOTH(PAUCA_INVALID_PARAMETER, "weights", other, &good, labels, wrong, 0);
    WORKS(ROWS_OF(pauca_sums_add_rows, other, &good, labels, weights, 0));
    WORKS(ROWS_OF(pauca_sums_remove_rows, other, &good, labels, weights, 0));
    FAILS(PAUCA_MISMATCH, "taken away", ROWS_OF(pauca_sums_remove_rows, s, &good, labels, NULL, 0));
    WORKS(ROWS_OF(pauca_sums_add_rows, s, &good, labels, NULL, 0));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_merge(NULL, s, E));
    FAILS(PAUCA_NULL_POINTER, "other", pauca_sums_merge(s, NULL, E));
    FAILS(PAUCA_OVERLAP, "other", pauca_sums_merge(s, s, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "clusters", pauca_sums_merge(s, other, E));
    WORKS(pauca_sums_new(K, D, 0, &same, E));
    WORKS(pauca_sums_merge(s, same, E));
    WORKS(pauca_sums_remove(s, same, E));
    pauca_sums_free(same);
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_remove(NULL, s, E));
    FAILS(PAUCA_NULL_POINTER, "other", pauca_sums_remove(s, NULL, E));
    FAILS(PAUCA_OVERLAP, "other", pauca_sums_remove(s, s, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "clusters", pauca_sums_remove(s, other, E));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_counts(NULL, out_u64s, out_doubles, K, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "counts", pauca_sums_counts(s, out_u64s, out_doubles, K + 1, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_sums_counts(s, out_u64s, (double *)out_u64s, K, E));
    WORKS(pauca_sums_counts(s, out_u64s, NULL, K, E));
    HOLDS(out_u64s[0] == 4 && out_u64s[1] == 4);
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_column_sums(NULL, out_doubles, K * D, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_sums_column_sums(s, NULL, K * D, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "out", pauca_sums_column_sums(s, out_doubles, N, E));
    WORKS(pauca_sums_column_sums(s, out_doubles, K * D, E));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_centroids(NULL, 0, out_floats, K * D, NULL, E));
    FAILS(PAUCA_NULL_POINTER, "centroids", pauca_sums_centroids(s, 0, NULL, K * D, NULL, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "centroids", pauca_sums_centroids(s, 0, out_floats, K, NULL, E));
    FAILS(PAUCA_INVALID_PARAMETER, "metric", pauca_sums_centroids(s, 9, out_floats, K * D, NULL, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_sums_centroids(s, 0, out_floats, K * D, (uint8_t *)out_floats, E));
    WORKS(pauca_sums_centroids(s, 0, out_floats, K * D, out_bytes, E));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_planes_len(NULL, PAUCA_PLANES_V1, &out_u64, E));
    FAILS(PAUCA_NULL_POINTER, "len", pauca_sums_planes_len(s, PAUCA_PLANES_V1, NULL, E));
    FAILS(PAUCA_UNSUPPORTED_TYPE, "layout is 2", pauca_sums_planes_len(s, 2, &out_u64, E));
    WORKS(pauca_sums_planes_len(s, PAUCA_PLANES_V1, &len, E));
    HOLDS(len == K + 9 * K * D);
    int64_t *planes = guarded(NULL, len * 8, 1);
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_planes_get(NULL, PAUCA_PLANES_V1, planes, len, E));
    FAILS(PAUCA_NULL_POINTER, "planes", pauca_sums_planes_get(s, PAUCA_PLANES_V1, NULL, len, E));
    FAILS(PAUCA_UNSUPPORTED_TYPE, "layout", pauca_sums_planes_get(s, 0, planes, len, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "planes", pauca_sums_planes_get(s, PAUCA_PLANES_V1, planes, len - 1, E));
    WORKS(pauca_sums_planes_get(s, PAUCA_PLANES_V1, planes, len, E));
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_planes_set(NULL, PAUCA_PLANES_V1, planes, len, E));
    FAILS(PAUCA_NULL_POINTER, "planes", pauca_sums_planes_set(s, PAUCA_PLANES_V1, NULL, len, E));
    FAILS(PAUCA_UNSUPPORTED_TYPE, "layout", pauca_sums_planes_set(s, 3, planes, len, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "planes", pauca_sums_planes_set(s, PAUCA_PLANES_V1, planes, 4, E));
    FAILS(PAUCA_TOO_LARGE, "planes", pauca_sums_planes_set(s, PAUCA_PLANES_V1, planes, UINT64_MAX, E));
    planes[0] = -4;
    FAILS(PAUCA_CORRUPT, "count", pauca_sums_planes_set(s, PAUCA_PLANES_V1, planes, len, E));
    for (uint64_t i = 0; i < len; i++) planes[i] *= 2;
    planes[0] = 8;
    WORKS(pauca_sums_planes_set(s, PAUCA_PLANES_V1, planes, len, E));
    WORKS(ROWS_OF(pauca_sums_remove_rows, s, &good, labels, NULL, 0));
    WORKS(pauca_sums_counts(s, out_u64s, NULL, K, E));
    HOLDS(out_u64s[0] == 4 && out_u64s[1] == 4);
    pauca_blob *blob;
    FAILS(PAUCA_NULL_POINTER, "sums", pauca_sums_to_bytes(NULL, OUT(pauca_blob), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_sums_to_bytes(s, NULL, E));
    WORKS(pauca_sums_to_bytes(s, &blob, E));
    len = pauca_blob_size(blob);
    unsigned char *bytes = guarded(NULL, len, 1);
    WORKS(pauca_blob_copy(blob, bytes, len, E));
    pauca_blob_free(blob);
    FAILS(PAUCA_NULL_POINTER, "bytes", pauca_sums_from_bytes(NULL, len, OUT(pauca_sums), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_sums_from_bytes(bytes, len, NULL, E));
    FAILS(PAUCA_CORRUPT, "sums", pauca_sums_from_bytes(bytes, len - 8, OUT(pauca_sums), E));
    WORKS(pauca_sums_from_bytes(bytes, len, &same, E));
    pauca_sums_free(same);
    pauca_sums_free(s);
    pauca_sums_free(other);
    pauca_sums_free(NULL);
}

static void definitions(void)
{
    pauca_status (*const two[])(const float *, const float *, uint64_t, double *, pauca_error *) = {
        pauca_exact_dot64, pauca_exact_squared_distance, pauca_exact_cosine};
    for (size_t i = 0; i < COUNT(two); i++) {
        FAILS(PAUCA_NULL_POINTER, "a is NULL", two[i](NULL, rows, D, &out_double, E));
        FAILS(PAUCA_NULL_POINTER, "b is NULL", two[i](rows, NULL, D, &out_double, E));
        FAILS(PAUCA_NULL_POINTER, "out is NULL", two[i](rows, rows, D, NULL, E));
        FAILS(PAUCA_MISALIGNED, "b", two[i](rows, ODD(const float, rows), D, &out_double, E));
        FAILS(PAUCA_TOO_LARGE, "a", two[i](rows, rows, UINT64_MAX, &out_double, E));
        FAILS(PAUCA_OVERLAP, "out and", two[i]((float *)&out_double, rows, 2, &out_double, E));
        WORKS(two[i](NULL, NULL, 0, &out_double, E));
        WORKS(two[i](rows, rows + 3, D, &out_double, E));
    }
    WORKS(pauca_exact_dot64(rows, rows + 3, D, &out_double, E));
    HOLDS(out_double == 1);
    HOLDS(pauca_exact_exp(0) == 1 && pauca_exact_ln(1) == 0 && pauca_exact_half_turns(1) == .5);
    HOLDS(isnan(pauca_exact_exp(NAN)) && isnan(pauca_exact_ln(-1)) && isnan(pauca_exact_half_turns(-1)));
    FAILS(PAUCA_INVALID_PARAMETER, "precision is 4", pauca_exact_cosine_error(4, D, &out_double, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_exact_cosine_error(0, D, NULL, E));
    WORKS(pauca_exact_cosine_error(PAUCA_PRECISION_F32, UINT64_MAX, &out_double, E));
    HOLDS(out_double == INFINITY);
    FAILS(PAUCA_INVALID_PARAMETER, "precision", pauca_exact_euclidean_error(-1, D, 1, 1, 1, &out_double, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_exact_euclidean_error(0, D, 1, 1, 1, NULL, E));
    WORKS(pauca_exact_euclidean_error(PAUCA_PRECISION_F64, D, 1, 1, 1, &out_double, E));
    pauca_f64sum *s, *other;
    FAILS(PAUCA_NULL_POINTER, "out", pauca_f64sum_new(NULL, E));
    WORKS(pauca_f64sum_new(&s, E));
    WORKS(pauca_f64sum_new(&other, E));
    FAILS(PAUCA_NULL_POINTER, "sum", pauca_f64sum_add(NULL, distances, NULL, N, E));
    FAILS(PAUCA_NULL_POINTER, "values", pauca_f64sum_add(s, NULL, NULL, N, E));
    FAILS(PAUCA_MISALIGNED, "weights", pauca_f64sum_add(s, distances, ODD(const float, weights), N, E));
    FAILS(PAUCA_TOO_LARGE, "values", pauca_f64sum_add(s, distances, NULL, UINT64_MAX, E));
    WORKS(pauca_f64sum_add(s, distances, weights, N, E));
    FAILS(PAUCA_NULL_POINTER, "sum", pauca_f64sum_merge(NULL, s, E));
    FAILS(PAUCA_NULL_POINTER, "other", pauca_f64sum_merge(s, NULL, E));
    FAILS(PAUCA_OVERLAP, "other", pauca_f64sum_merge(s, s, E));
    WORKS(pauca_f64sum_merge(other, s, E));
    FAILS(PAUCA_NULL_POINTER, "sum", pauca_f64sum_value(NULL, &out_double, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_f64sum_value(s, NULL, E));
    WORKS(pauca_f64sum_value(other, &out_double, E));
    HOLDS(out_double == 28);
    pauca_f64sum_free(s);
    pauca_f64sum_free(other);
    pauca_f64sum_free(NULL);
}

static void dedup(pauca_clusters *c)
{
    pauca_semdedup_options o;
    pauca_dedup_info info = {0};
    pauca_dedup_arrays to = {0};
    pauca_dedup *d, *greedy;
    FAILS(PAUCA_NULL_POINTER, "semdedup options", pauca_semdedup_options_init(NULL, sizeof o, E));
    FAILS(PAUCA_STRUCT_SIZE, "struct_size", pauca_semdedup_options_init(&o, 3, E));
    WORKS(pauca_semdedup_options_init(&o, sizeof o, E));
#define DEDUP(x, c, o, out) pauca_semdedup(x, c, o, out, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "clusters", DEDUP(&good, NULL, &o, OUT(pauca_dedup)));
    FAILS(PAUCA_NULL_POINTER, "out", DEDUP(&good, c, &o, NULL));
    pauca_view fewer = packed(rows, N - 1, D, PAUCA_F32);
    FAILS(PAUCA_SHAPE_MISMATCH, "x beside its clusters", DEDUP(&fewer, c, &o, OUT(pauca_dedup)));
    const struct { int32_t *field, value; const char *text; } choices[] = {
        {&o.rule, 2, "rule is 2"}, {&o.boundary, -3, "boundary is -3"}, {&o.order, 4, "order is 4"}, {&o.published, 5, "published is 5"}};
    for (size_t i = 0; i < COUNT(choices); i++) {
        *choices[i].field = choices[i].value;
        FAILS(PAUCA_INVALID_PARAMETER, choices[i].text, DEDUP(&good, c, &o, OUT(pauca_dedup)));
        *choices[i].field = 0;
    }
    o.epsilon = -1;
    FAILS(PAUCA_INVALID_PARAMETER, "epsilon is -1", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.epsilon = NAN;
    FAILS(PAUCA_INVALID_PARAMETER, "epsilon", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.epsilon = .01, o.order = PAUCA_ORDER_CUSTOM;
    FAILS(PAUCA_NULL_POINTER, "order_keys", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.order_keys = distances, o.order_keys_len = N - 1;
    FAILS(PAUCA_SHAPE_MISMATCH, "keys of the order", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.order_keys_len = UINT64_MAX;
    FAILS(PAUCA_TOO_LARGE, "order_keys", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.order_keys_len = N;
    WORKS(DEDUP(&good, c, &o, &d));
    o.rule = PAUCA_GREEDY_COVER, o.keep_fraction = .5;
    FAILS(PAUCA_CONFLICT, "keep_fraction", DEDUP(&good, c, &o, OUT(pauca_dedup)));
    o.keep_fraction = NAN;
    WORKS(DEDUP(&good, c, &o, &greedy));
    info.struct_size = sizeof info, to.struct_size = sizeof to;
    FAILS(PAUCA_NULL_POINTER, "dedup", pauca_dedup_get_info(NULL, &info, E));
    FAILS(PAUCA_NULL_POINTER, "info", pauca_dedup_get_info(d, NULL, E));
    WORKS(pauca_dedup_get_info(d, &info, E));
    HOLDS(info.n_rows == N && info.n_clusters == K && info.has_curve && info.exact_copies > 0);
    FAILS(PAUCA_NULL_POINTER, "dedup", pauca_dedup_copy(NULL, &to, E));
    FAILS(PAUCA_NULL_POINTER, "arrays", pauca_dedup_copy(d, NULL, E));
    to.keep = out_bytes, to.keep_len = N, to.witness = out_u64s, to.witness_len = N;
    to.kept = &out_u64, to.kept_len = 99;
    FAILS(PAUCA_SHAPE_MISMATCH, "kept", pauca_dedup_copy(d, &to, E));
    to.kept = NULL, to.order = out_u64s, to.order_len = N;
    FAILS(PAUCA_OVERLAP, "order and witness overlap", pauca_dedup_copy(d, &to, E));
    to.order = NULL, to.similarity = ODD(double, out_doubles), to.similarity_len = N;
    FAILS(PAUCA_MISALIGNED, "similarity", pauca_dedup_copy(d, &to, E));
    to.similarity = out_doubles, to.offsets = &out_u64, to.offsets_len = K;
    FAILS(PAUCA_SHAPE_MISMATCH, "offsets", pauca_dedup_copy(d, &to, E));
    to.offsets = NULL;
    WORKS(pauca_dedup_copy(d, &to, E));
    FAILS(PAUCA_NULL_POINTER, "dedup", pauca_dedup_kept_at(NULL, .1, 0, &out_u64, E));
    FAILS(PAUCA_NULL_POINTER, "kept", pauca_dedup_kept_at(d, .1, 0, NULL, E));
    FAILS(PAUCA_INVALID_PARAMETER, "boundary", pauca_dedup_kept_at(d, .1, 2, &out_u64, E));
    FAILS(PAUCA_CONFLICT, "curve", pauca_dedup_kept_at(greedy, .1, 0, &out_u64, E));
    WORKS(pauca_dedup_kept_at(d, .01, PAUCA_GREATER, &out_u64, E));
    HOLDS(out_u64 == info.n_kept);
    FAILS(PAUCA_NULL_POINTER, "dedup", pauca_dedup_curve(NULL, out_doubles, N, E));
    FAILS(PAUCA_NULL_POINTER, "similarities", pauca_dedup_curve(d, NULL, N, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "similarities", pauca_dedup_curve(d, out_doubles, N + 1, E));
    FAILS(PAUCA_CONFLICT, "curve", pauca_dedup_curve(greedy, out_doubles, N, E));
    WORKS(pauca_dedup_curve(d, out_doubles, N, E));
    pauca_blob *blob;
    pauca_dedup *same;
    pauca_dedup_info other = {0};
    FAILS(PAUCA_NULL_POINTER, "dedup", pauca_dedup_to_bytes(NULL, OUT(pauca_blob), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_dedup_to_bytes(d, NULL, E));
    WORKS(pauca_dedup_to_bytes(d, &blob, E));
    uint64_t size = pauca_blob_size(blob);
    uint8_t *bytes = malloc(size);
    WORKS(pauca_blob_copy(blob, bytes, size, E));
    FAILS(PAUCA_NULL_POINTER, "bytes", pauca_dedup_from_bytes(NULL, size, OUT(pauca_dedup), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_dedup_from_bytes(bytes, size, NULL, E));
    FAILS(PAUCA_CORRUPT, "deduplication", pauca_dedup_from_bytes(bytes, size - 8, OUT(pauca_dedup), E));
    WORKS(pauca_dedup_from_bytes(bytes, size, &same, E));
    bytes[size / 2] ^= 1;
    FAILS(PAUCA_CORRUPT, "deduplication", pauca_dedup_from_bytes(bytes, size, OUT(pauca_dedup), E));
    other.struct_size = sizeof other;
    WORKS(pauca_dedup_get_info(same, &other, E));
    HOLDS(other.n_kept == info.n_kept && other.epsilon == info.epsilon && other.has_curve && other.search_rows == 0);
    free(bytes);
    pauca_blob_free(blob);
    pauca_dedup_free(same);
    pauca_dedup_free(d);
    pauca_dedup_free(greedy);
    pauca_dedup_free(NULL);
}

static void dedup_against(pauca_clusters *c)
{
    pauca_semdedup_against_options o;
    pauca_dedup_against_arrays to = {0};
    FAILS(PAUCA_NULL_POINTER, "semdedup_against options", pauca_semdedup_against_options_init(NULL, sizeof o, E));
    FAILS(PAUCA_STRUCT_SIZE, "struct_size", pauca_semdedup_against_options_init(&o, 3, E));
    WORKS(pauca_semdedup_against_options_init(&o, sizeof o, E));
#define AGAINST(x, r, c, o, to) pauca_semdedup_against(x, r, c, o, to, NULL, E)
    pauca_view fewer = packed(rows, N - 1, D, PAUCA_F32), narrow = packed(rows, N, D - 1, PAUCA_F32);
    to.struct_size = sizeof to, to.keep = out_bytes, to.keep_len = N - 1;
    FAILS(PAUCA_NULL_POINTER, "reference", AGAINST(&good, NULL, c, &o, &to));
    FAILS(PAUCA_NULL_POINTER, "clusters", AGAINST(&good, &good, NULL, &o, &to));
    FAILS(PAUCA_NULL_POINTER, "arrays", AGAINST(&good, &good, c, &o, NULL));
    FAILS(PAUCA_SHAPE_MISMATCH, "keep", AGAINST(&good, &good, c, &o, &to));
    to.keep_len = N;
    FAILS(PAUCA_SHAPE_MISMATCH, "labels of the reference", AGAINST(&good, &fewer, c, &o, &to));
    FAILS(PAUCA_SHAPE_MISMATCH, "row of the reference", AGAINST(&good, &narrow, c, &o, &to));
    FAILS(PAUCA_SHAPE_MISMATCH, "centroid", AGAINST(&narrow, &narrow, c, &o, &to));
    pauca_view wrong = packed(nan_rows, N, D, PAUCA_F32);
    FAILS(PAUCA_NON_FINITE, "reference", AGAINST(&good, &wrong, c, &o, &to));
    FAILS(PAUCA_NON_FINITE, "x", AGAINST(&wrong, &good, c, &o, &to));
    o.boundary = 2;
    FAILS(PAUCA_INVALID_PARAMETER, "boundary is 2", AGAINST(&good, &good, c, &o, &to));
    o.boundary = PAUCA_GREATER_OR_EQUAL, o.epsilon = 2.5;
    FAILS(PAUCA_INVALID_PARAMETER, "epsilon is 2.5", AGAINST(&good, &good, c, &o, &to));
    o.epsilon = 0, o.reserved = 1;
    FAILS(PAUCA_UNSUPPORTED_OPTION, "semdedup_against options", AGAINST(&good, &good, c, &o, &to));
    o.reserved = 0, to.witness = out_u64s, to.witness_len = N;
    to.similarity = (double *)out_u64s, to.similarity_len = N;
    FAILS(PAUCA_OVERLAP, "similarity and witness overlap", AGAINST(&good, &good, c, &o, &to));
    to.similarity = out_doubles, to.labels = out_labels, to.labels_len = N;
    WORKS(AGAINST(&good, &good, c, &o, &to));
    HOLDS(out_u64s[0] == 0 && out_doubles[0] == 1 && !out_bytes[0]);
    WORKS(AGAINST(&good, &good, c, NULL, &to));
    /* Sides of no rows. */
    pauca_view none = packed(rows, 0, D, PAUCA_F32);
    pauca_clusters *empty;
    pauca_view centroids = packed(rows, K, D, PAUCA_F32);
    WORKS(pauca_clusters_from_parts(PAUCA_COSINE, &centroids, NULL, NULL, 0, &empty, E));
    WORKS(AGAINST(&good, &none, empty, NULL, &to));
    HOLDS(out_u64s[0] == PAUCA_NONE && isnan(out_doubles[0]) && out_bytes[0]);
    to = (pauca_dedup_against_arrays){.struct_size = sizeof to};
    WORKS(AGAINST(&none, &good, c, NULL, &to));
    pauca_clusters_free(empty);
}

static void prototypes(pauca_clusters *c)
{
    pauca_prototypes_options o;
    pauca_density_options p;
    pauca_density_arrays to = {0};
    FAILS(PAUCA_NULL_POINTER, "prototypes options", pauca_prototypes_options_init(NULL, sizeof o, E));
    WORKS(pauca_prototypes_options_init(&o, sizeof o, E));
#define SELECT(d, l, n, k, o, keep) pauca_prototypes_select(d, l, n, k, o, keep, E)
    FAILS(PAUCA_NULL_POINTER, "distances", SELECT(NULL, labels, N, K, &o, out_bytes));
    FAILS(PAUCA_NULL_POINTER, "labels", SELECT(distances, NULL, N, K, &o, out_bytes));
    FAILS(PAUCA_NULL_POINTER, "keep", SELECT(distances, labels, N, K, &o, NULL));
    FAILS(PAUCA_MISALIGNED, "distances", SELECT(ODD(const double, distances), labels, N, K, &o, out_bytes));
    FAILS(PAUCA_TOO_LARGE, "distances", SELECT(distances, labels, UINT64_MAX, K, &o, out_bytes));
    FAILS(PAUCA_LABEL_OUT_OF_RANGE, "label 7 at row 3", SELECT(distances, bad_labels, N, K, &o, out_bytes));
    FAILS(PAUCA_OVERLAP, "keep and labels overlap", SELECT(distances, (uint32_t *)out_bytes, 2, K, &o, out_bytes));
    double *wrong = guarded(distances, N * 8, 1);
    wrong[7] = NAN;
    FAILS(PAUCA_NON_FINITE, "row 7", SELECT(wrong, labels, N, K, &o, out_bytes));
    o.keep_fraction = 1.5;
    FAILS(PAUCA_INVALID_PARAMETER, "keep_fraction is 1.5", SELECT(distances, labels, N, K, &o, out_bytes));
    o.keep_fraction = .5, o.prune = 2;
    FAILS(PAUCA_INVALID_PARAMETER, "prune", SELECT(distances, labels, N, K, &o, out_bytes));
    o.prune = 0, o.scope = 2;
    FAILS(PAUCA_INVALID_PARAMETER, "scope", SELECT(distances, labels, N, K, &o, out_bytes));
    WORKS(SELECT(distances, labels, N, K, NULL, out_bytes));
    HOLDS(!out_bytes[3] && out_bytes[4]);

    FAILS(PAUCA_NULL_POINTER, "density options", pauca_density_options_init(NULL, sizeof p, E));
    WORKS(pauca_density_options_init(&p, sizeof p, E));
    to.struct_size = sizeof to, to.keep = out_bytes, to.keep_len = N;
#define DENSITY(c, o, a) pauca_density_select(c, o, a, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "clusters", DENSITY(NULL, &p, &to));
    FAILS(PAUCA_NULL_POINTER, "arrays", DENSITY(c, &p, NULL));
    p.temperature = 0;
    FAILS(PAUCA_INVALID_PARAMETER, "temperature", DENSITY(c, &p, &to));
    p.temperature = .5, p.neighbours = 0;
    FAILS(PAUCA_INVALID_PARAMETER, "neighbours", DENSITY(c, &p, &to));
    p.neighbours = 20, p.least = 2;
    FAILS(PAUCA_INVALID_PARAMETER, "least", DENSITY(c, &p, &to));
    p.least = .5, p.prune = 3;
    FAILS(PAUCA_INVALID_PARAMETER, "prune", DENSITY(c, &p, &to));
    p.prune = 0, p.nan_as_mean = 2;
    FAILS(PAUCA_INVALID_PARAMETER, "nan_as_mean", DENSITY(c, &p, &to));
    p.nan_as_mean = 0, to.keep_len = 1;
    FAILS(PAUCA_SHAPE_MISMATCH, "keep", DENSITY(c, &p, &to));
    to.keep_len = N, to.intra = out_doubles, to.intra_len = K, to.inter = out_doubles, to.inter_len = K;
    FAILS(PAUCA_OVERLAP, "inter and intra overlap", DENSITY(c, &p, &to));
    to.intra = NULL, to.quotas = out_u64s, to.quotas_len = K;
    WORKS(DENSITY(c, NULL, &to));
    HOLDS(out_u64s[0] + out_u64s[1] == N / 2);
    const uint64_t sizes[] = {4, 4};
#define QUOTAS(t, a, b, s, k, o, q) pauca_density_quotas(t, a, b, s, k, o, q, E)
    FAILS(PAUCA_EMPTY, "clusters", QUOTAS(4, NULL, NULL, NULL, 0, &p, NULL));
    FAILS(PAUCA_NULL_POINTER, "intra", QUOTAS(4, NULL, distances, sizes, K, &p, out_u64s));
    FAILS(PAUCA_NULL_POINTER, "inter", QUOTAS(4, distances, NULL, sizes, K, &p, out_u64s));
    FAILS(PAUCA_NULL_POINTER, "sizes", QUOTAS(4, distances, distances, NULL, K, &p, out_u64s));
    FAILS(PAUCA_NULL_POINTER, "quotas", QUOTAS(4, distances, distances, sizes, K, &p, NULL));
    FAILS(PAUCA_TOO_LARGE, "rows to keep is 9", QUOTAS(9, distances, distances, sizes, K, &p, out_u64s));
    FAILS(PAUCA_TOO_LARGE, "intra", QUOTAS(4, distances, distances, sizes, UINT64_MAX, &p, out_u64s));
    FAILS(PAUCA_OVERLAP, "quotas and sizes overlap", QUOTAS(4, distances, distances, out_u64s, K, &p, out_u64s));
    WORKS(QUOTAS(4, distances, distances, sizes, K, &p, out_u64s));
}

static void d4(void)
{
    pauca_d4_options o;
    pauca_d4_state state = {0};
    pauca_curated_arrays to = {0};
    pauca_d4_run *run, *again;
    pauca_curated *c;
    pauca_blob *blob;
    pauca_view zero = packed(NULL, 0, D, PAUCA_F32);
    FAILS(PAUCA_NULL_POINTER, "D4 options", pauca_d4_options_init(NULL, sizeof o, E));
    FAILS(PAUCA_STRUCT_SIZE, "struct_size", pauca_d4_options_init(&o, 0, E));
    WORKS(pauca_d4_options_init(&o, sizeof o, E));
    HOLDS(o.metric == PAUCA_COSINE && o.keep_fraction == .5);
#define CURATE(x, o, out) pauca_d4(x, o, out, NULL, E)
#define BEGIN(x, o, out) pauca_d4_start(x, o, out, NULL, E)
#define TWICE(status, text, x, o)                              \
    FAILS(status, text, CURATE(x, o, OUT(pauca_curated)));     \
    FAILS(status, text, BEGIN(x, o, OUT(pauca_d4_run)))
    TWICE(PAUCA_EMPTY, "empty", &zero, &o);
    FAILS(PAUCA_NULL_POINTER, "out", CURATE(&good, &o, NULL));
    FAILS(PAUCA_NULL_POINTER, "out", BEGIN(&good, &o, NULL));
    const struct { int32_t *field, value; const char *text; } choices[] = {
        {&o.metric, 2, "metric is 2"}, {&o.init, 3, "init is 3"}, {&o.order, -1, "order is -1"}, {&o.scope, 2, "scope is 2"}};
    for (size_t i = 0; i < COUNT(choices); i++) {
        int32_t before = *choices[i].field;
        *choices[i].field = choices[i].value;
        TWICE(PAUCA_INVALID_PARAMETER, choices[i].text, &good, &o);
        *choices[i].field = before;
    }
    o.keep_fraction = .9;
    TWICE(PAUCA_INVALID_PARAMETER, "at most dedup_keep_fraction", &good, &o);
    o.keep_fraction = .5, o.clusters = 99;
    TWICE(PAUCA_TOO_MANY_CLUSTERS, "99 clusters", &good, &o);
    o.clusters = K, o.init = PAUCA_INIT_GIVEN;
    TWICE(PAUCA_NULL_POINTER, "init_centroids", &good, &o);
    o.init = PAUCA_INIT_PLUS_PLUS, o.order = PAUCA_ORDER_CUSTOM;
    TWICE(PAUCA_NULL_POINTER, "order_keys", &good, &o);
    o.order = PAUCA_ORDER_HARD;
    WORKS(CURATE(&good, &o, &c));
    pauca_curated_free(c);
    WORKS(BEGIN(&good, &o, &run));
    FAILS(PAUCA_NULL_POINTER, "run", pauca_d4_step(NULL, &out_i32, NULL, E));
    FAILS(PAUCA_MISALIGNED, "more", pauca_d4_step(run, ODD(int32_t, &out_i32), NULL, E));
    WORKS(pauca_d4_step(run, &out_i32, NULL, E));
    state.struct_size = sizeof state;
    FAILS(PAUCA_NULL_POINTER, "run", pauca_d4_get_state(NULL, &state, E));
    FAILS(PAUCA_NULL_POINTER, "state", pauca_d4_get_state(run, NULL, E));
    WORKS(pauca_d4_get_state(run, &state, E));
    FAILS(PAUCA_NULL_POINTER, "run", pauca_d4_checkpoint(NULL, OUT(pauca_blob), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_d4_checkpoint(run, NULL, E));
    WORKS(pauca_d4_checkpoint(run, &blob, E));
    uint64_t size = pauca_blob_size(blob), kept;
    unsigned char *bytes = guarded(NULL, size, 1);
    WORKS(pauca_blob_copy(blob, bytes, size, E));
    pauca_blob_free(blob);
#define AGAIN(x, o, b, s, out) pauca_d4_resume(x, o, b, s, out, NULL, E)
    FAILS(PAUCA_NULL_POINTER, "bytes", AGAIN(&good, &o, NULL, size, OUT(pauca_d4_run)));
    FAILS(PAUCA_CORRUPT, "D4", AGAIN(&good, &o, bytes, size / 2, OUT(pauca_d4_run)));
    FAILS(PAUCA_TOO_LARGE, "bytes", AGAIN(&good, &o, bytes, UINT64_MAX, OUT(pauca_d4_run)));
    FAILS(PAUCA_NULL_POINTER, "out", AGAIN(&good, &o, bytes, size, NULL));
    WORKS(AGAIN(&good, &o, bytes, size, &again));
    pauca_d4_free(again);
    FAILS(PAUCA_NULL_POINTER, "run", pauca_d4_finish(NULL, OUT(pauca_curated), NULL, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_d4_finish(run, NULL, NULL, E));
    WORKS(pauca_d4_finish(run, &c, NULL, E));
    FAILS(PAUCA_CONFLICT, "ended", pauca_d4_step(run, &out_i32, NULL, E));
    FAILS(PAUCA_CONFLICT, "ended", pauca_d4_finish(run, OUT(pauca_curated), NULL, E));
    FAILS(PAUCA_CONFLICT, "ended", pauca_d4_get_state(run, &state, E));
    pauca_d4_free(run);
    pauca_d4_free(NULL);
    FAILS(PAUCA_NULL_POINTER, "curated", pauca_curated_get_info(NULL, &out_u64, NULL, NULL, E));
    FAILS(PAUCA_MISALIGNED, "n_rows", pauca_curated_get_info(c, ODD(uint64_t, out_u64s), NULL, NULL, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_curated_get_info(c, &out_u64, NULL, &out_u64, E));
    WORKS(pauca_curated_get_info(c, &out_u64, NULL, &kept, E));
    HOLDS(out_u64 == N && kept == N / 2);
    FAILS(PAUCA_NULL_POINTER, "curated", pauca_curated_copy(NULL, &to, E));
    FAILS(PAUCA_NULL_POINTER, "arrays", pauca_curated_copy(c, NULL, E));
    to.struct_size = sizeof to, to.keep = out_bytes, to.keep_len = N;
    to.kept = out_u64s, to.kept_len = kept + 1;
    FAILS(PAUCA_SHAPE_MISMATCH, "kept", pauca_curated_copy(c, &to, E));
    to.kept_len = kept, to.survivors = out_u64s, to.survivors_len = 6;
    FAILS(PAUCA_OVERLAP, "survivors and kept overlap", pauca_curated_copy(c, &to, E));
    to.survivors = NULL;
    WORKS(pauca_curated_copy(c, &to, E));
    FAILS(PAUCA_NULL_POINTER, "curated", pauca_curated_clusters(NULL, PAUCA_FIRST, OUT(pauca_clusters), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_curated_clusters(c, PAUCA_FIRST, NULL, E));
    FAILS(PAUCA_INVALID_PARAMETER, "which is 2", pauca_curated_clusters(c, 2, OUT(pauca_clusters), E));
    FAILS(PAUCA_NULL_POINTER, "curated", pauca_curated_dedup(NULL, OUT(pauca_dedup), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_curated_dedup(c, NULL, E));
    pauca_clusters *second;
    pauca_dedup *found;
    WORKS(pauca_curated_clusters(c, PAUCA_SECOND, &second, E));
    WORKS(pauca_curated_dedup(c, &found, E));
    pauca_curated_free(c);
    pauca_curated_free(NULL);
    HOLDS(bits_of(second) != 0);
    pauca_clusters_free(second);
    pauca_dedup_free(found);
}

static int32_t reads(void *user, uint64_t first, uint64_t count, void *out)
{
    memcpy(out, (const float *)user + first * D, count * D * sizeof(float));
    return 0;
}

static int32_t refuses(void *user, uint64_t first, uint64_t count, void *out)
{
    (void)user, (void)first, (void)count, (void)out;
    return 17;
}

static void sources(void)
{
    pauca_source *s, *of_calls, *broken;
    pauca_source_callbacks calls;
    pauca_view view;
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_view(&good, NULL, E));
    WORKS(pauca_source_view(&good, &s, E));
    const pauca_source *list[] = {s, NULL};
    FAILS(PAUCA_NULL_POINTER, "shards", pauca_source_shards(NULL, 2, 0, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "a shard", pauca_source_shards(list, 2, 0, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_shards(list, 1, 0, NULL, E));
    FAILS(PAUCA_INVALID_PARAMETER, "own_ids", pauca_source_shards(list, 1, 2, OUT(pauca_source), E));
    FAILS(PAUCA_TOO_LARGE, "shards", pauca_source_shards(list, UINT64_MAX / 9, 0, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "source callbacks", pauca_source_callbacks_init(NULL, sizeof calls, E));
    WORKS(pauca_source_callbacks_init(&calls, sizeof calls, E));
    calls.n_rows = N, calls.dim = D, calls.dtype = PAUCA_F32, calls.user = (void *)(uintptr_t)rows;
    FAILS(PAUCA_NULL_POINTER, "read", pauca_source_of_callbacks(&calls, OUT(pauca_source), E));
    calls.read = reads;
    FAILS(PAUCA_NULL_POINTER, "callbacks", pauca_source_of_callbacks(NULL, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_of_callbacks(&calls, NULL, E));
    calls.dtype = PAUCA_F64;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "dtype is 4", pauca_source_of_callbacks(&calls, OUT(pauca_source), E));
    calls.dtype = PAUCA_F32, calls.reserved = 1;
    FAILS(PAUCA_UNSUPPORTED_OPTION, "byte", pauca_source_of_callbacks(&calls, OUT(pauca_source), E));
    calls.reserved = 0;
    WORKS(pauca_source_of_callbacks(&calls, &of_calls, E));
    calls.read = refuses;
    WORKS(pauca_source_of_callbacks(&calls, &broken, E));
    const uint64_t some[] = {3, 1}, outside[] = {3, 8};
    FAILS(PAUCA_NULL_POINTER, "source", pauca_source_subset(NULL, some, 2, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "rows", pauca_source_subset(s, NULL, 2, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_subset(s, some, 2, NULL, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "row index", pauca_source_subset(s, outside, 2, OUT(pauca_source), E));
    FAILS(PAUCA_TOO_LARGE, "rows", pauca_source_subset(s, some, UINT64_MAX, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "source", pauca_source_shape(NULL, &out_u64, NULL, E));
    FAILS(PAUCA_OVERLAP, "overlap", pauca_source_shape(s, &out_u64, &out_u64, E));
    WORKS(pauca_source_shape(s, &out_u64, out_u64s, E));
    HOLDS(out_u64 == N && out_u64s[0] == D);
    FAILS(PAUCA_NULL_POINTER, "source", pauca_source_as_view(NULL, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "view", pauca_source_as_view(s, NULL, E));
    FAILS(PAUCA_NULL_POINTER, "source", pauca_source_read(NULL, 0, 1, out_floats, E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_read(s, 0, 1, NULL, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "row range", pauca_source_read(s, 7, 2, out_floats, E));
    FAILS(PAUCA_SHAPE_MISMATCH, "row range", pauca_source_read(s, UINT64_MAX, UINT64_MAX, out_floats, E));
    FAILS(PAUCA_SOURCE, "the callback returned 17", pauca_source_read(broken, 0, 1, out_floats, E));
    WORKS(pauca_source_read(of_calls, 3, 2, out_floats, E));
    HOLDS(memcmp(out_floats, rows + 3 * D, 2 * D * 4) == 0);
    WORKS(pauca_source_as_view(broken, &view, E));
    FAILS(PAUCA_SOURCE, "the callback returned 17", pauca_d4(&view, NULL, OUT(pauca_curated), NULL, E));
    pauca_view forged = packed(rows, N, D, 100);
    static const double nothing[16];
    forged.data = nothing;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "no pauca_source", pauca_d4(&forged, NULL, OUT(pauca_curated), NULL, E));
    forged.data = NULL;
    FAILS(PAUCA_NULL_POINTER, "x is NULL", pauca_d4(&forged, NULL, OUT(pauca_curated), NULL, E));
    pauca_source_free(s), pauca_source_free(of_calls), pauca_source_free(broken), pauca_source_free(NULL);
    FAILS(PAUCA_NULL_POINTER, "dl_tensor", pauca_view_from_dlpack(NULL, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "dl_managed_tensor", pauca_view_from_dlpack_versioned(NULL, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "schema", pauca_view_from_arrow(NULL, nothing, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "array", pauca_view_from_arrow(nothing, NULL, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "view", pauca_view_from_arrow(nothing, nothing, NULL, E));
    FAILS(PAUCA_UNSUPPORTED_TYPE, "released", pauca_view_from_arrow(nothing, nothing, &out_view, E));
    FAILS(PAUCA_NULL_POINTER, "stream", pauca_source_from_arrow_stream(NULL, OUT(pauca_source), E));
    FAILS(PAUCA_UNSUPPORTED_TYPE, "released", pauca_source_from_arrow_stream((void *)(uintptr_t)nothing, OUT(pauca_source), E));
    FAILS(PAUCA_NULL_POINTER, "out", pauca_source_from_arrow_stream((void *)(uintptr_t)nothing, NULL, E));
}

static void tables(void)
{
    static void *stream[8]; /* room for an ArrowArrayStream */
    pauca_column column = {.name = "label", .values = labels, .dtype = PAUCA_U32};
    FAILS(PAUCA_NULL_POINTER, "columns", pauca_arrow_stream(NULL, 1, N, (void *)stream, E));
    FAILS(PAUCA_NULL_POINTER, "stream", pauca_arrow_stream(&column, 1, N, NULL, E));
    FAILS(PAUCA_EMPTY, "columns", pauca_arrow_stream(&column, 0, N, (void *)stream, E));
    FAILS(PAUCA_TOO_LARGE, "limit", pauca_arrow_stream(&column, 1, UINT64_MAX / 2, (void *)stream, E));
    column.values = NULL;
    FAILS(PAUCA_NULL_POINTER, "values of a column", pauca_arrow_stream(&column, 1, N, (void *)stream, E));
    column.values = (const char *)labels + 1;
    FAILS(PAUCA_MISALIGNED, "values of a column", pauca_arrow_stream(&column, 1, N, (void *)stream, E));
    column.values = labels, column.name = NULL;
    FAILS(PAUCA_NULL_POINTER, "name of a column", pauca_arrow_stream(&column, 1, N, (void *)stream, E));
    column.name = "label", column.dtype = 77;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "dtype of a column", pauca_arrow_stream(&column, 1, N, (void *)stream, E));
    column.dtype = PAUCA_U32, column.reserved = 1;
    FAILS(PAUCA_UNSUPPORTED_OPTION, "byte", pauca_arrow_stream(&column, 1, N, (void *)stream, E));
    for (size_t i = 0; i < COUNT(stream); i++) HOLDS(stream[i] == NULL);
}

int main(void)
{
    float with_nan[N * D], ones[N];
    pauca_clusters *fitted = NULL;
    memcpy(with_nan, ROWS, sizeof ROWS);
    with_nan[5 * D + 1] = NAN;
    for (int i = 0; i < N; i++) ones[i] = 1;
    rows = guarded(ROWS, sizeof ROWS, 0), nan_rows = guarded(with_nan, sizeof with_nan, 0);
    weights = guarded(ones, sizeof ones, 0), distances = guarded(DISTANCES, sizeof DISTANCES, 0);
    labels = guarded(LABELS, sizeof LABELS, 0), bad_labels = guarded(BAD_LABELS, sizeof BAD_LABELS, 0);
    good = packed(rows, N, D, PAUCA_F32);
    watch(&handle, sizeof handle), watch(out_labels, sizeof out_labels), watch(out_doubles, sizeof out_doubles);
    watch(&out_double, sizeof out_double), watch(out_bytes, sizeof out_bytes), watch(&out_u64, sizeof out_u64);
    watch(out_u64s, sizeof out_u64s), watch(&out_i32, sizeof out_i32), watch(&out_u32, sizeof out_u32);
    watch(out_floats, sizeof out_floats), watch(&out_view, sizeof out_view);
    base();
    contexts();
    k_means(&fitted);
    if (fitted) {
        clusters(fitted);
        dedup(fitted);
        dedup_against(fitted);
        prototypes(fitted);
    }
    pauca_clusters_free(fitted);
    sums();
    definitions();
    d4();
    sources();
    tables();
    say_what_was_tried();
    return summary("table");
}
