/* Clusters the rows of a .npy file, removes near duplicates, and prints what came out, with a checksum of every bit.
 *
 *     curate FILE.npy [CLUSTERS [EPSILON [cpu|wgpu|cuda]]]
 */
#include "npy.h"
#include <inttypes.h>

/* FNV-1a over bytes. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    while (size--) hash = (hash ^ *at++) * 0x100000001b3u;
    return hash;
}

static int failed(const char *what, const pauca_error *e)
{
    fprintf(stderr, "%s: %s (%s)\n", what, e->message, pauca_status_name(e->code));
    return 1;
}

int main(int argc, char **argv)
{
    pauca_error e = PAUCA_ERROR_INIT;
    pauca_view x;
    pauca_context_options co;
    pauca_kmeans_options ko;
    pauca_semdedup_options so;
    pauca_context *context = NULL;
    pauca_clusters *clusters = NULL;
    pauca_dedup *dedup = NULL;
    pauca_clusters_info ci = {0};
    pauca_clusters_arrays ca = {0};
    pauca_dedup_info di = {0};
    pauca_dedup_arrays da = {0};
    uint64_t hash = 0xcbf29ce484222325u;
    const char *wrong;
    int result = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE.npy [CLUSTERS [EPSILON [cpu|wgpu|cuda]]]\n", argv[0]);
        return 2;
    }
    wrong = npy_read(argv[1], &x);
    if (wrong) {
        fprintf(stderr, "%s %s\n", argv[1], wrong);
        return 1;
    }

    /* Where it runs: two threads of our own, and the device that is named. No device changes the checksum. */
    if (pauca_context_options_init(&co, sizeof co, PAUCA_ABI_VERSION, &e)) return failed("context", &e);
    co.threads = 2;
    if (argc > 4) {
        co.backend = !strcmp(argv[4], "cpu")    ? PAUCA_BACKEND_CPU
                     : !strcmp(argv[4], "wgpu") ? PAUCA_BACKEND_WGPU
                     : !strcmp(argv[4], "cuda") ? PAUCA_BACKEND_CUDA
                                                : -1; /* refused by pauca_context_new */
    }
    if (pauca_context_new(&co, &context, &e)) return failed("context", &e);

    /* Spherical k-means. */
    if (pauca_kmeans_options_init(&ko, sizeof ko, &e)) return failed("options", &e);
    ko.n_clusters = argc > 2 ? strtoull(argv[2], NULL, 10) : 8;
    ko.metric = PAUCA_COSINE;
    ko.seed = 7;
    if (pauca_kmeans(&x, NULL, &ko, &clusters, context, &e)) {
        failed("k-means", &e);
        goto done;
    }

    /* Near duplicates within clusters. */
    if (pauca_semdedup_options_init(&so, sizeof so, &e)) return failed("options", &e);
    so.rule = PAUCA_GREEDY_COVER;
    so.epsilon = argc > 3 ? strtod(argv[3], NULL) : 0.05;
    if (pauca_semdedup(&x, clusters, &so, &dedup, context, &e)) {
        failed("deduplication", &e);
        goto done;
    }

    /* Sizes first, then the arrays. */
    ci.struct_size = sizeof ci;
    di.struct_size = sizeof di;
    if (pauca_clusters_get_info(clusters, &ci, &e) || pauca_dedup_get_info(dedup, &di, &e)) {
        failed("info", &e);
        goto done;
    }
    ca.struct_size = sizeof ca;
    ca.labels_len = ci.n_rows;
    ca.labels = calloc(ci.n_rows, sizeof *ca.labels);
    ca.centroids_len = ci.n_clusters * ci.dim;
    ca.centroids = calloc(ca.centroids_len, sizeof *ca.centroids);
    da.struct_size = sizeof da;
    da.keep_len = da.witness_len = di.n_rows;
    da.keep = calloc(di.n_rows, sizeof *da.keep);
    da.witness = calloc(di.n_rows, sizeof *da.witness);
    if (!ca.labels || !ca.centroids || !da.keep || !da.witness) goto done;
    if (pauca_clusters_copy(clusters, &ca, &e) || pauca_dedup_copy(dedup, &da, &e)) {
        failed("copy", &e);
        goto done;
    }
    hash = mix(hash, ca.labels, ci.n_rows * sizeof *ca.labels);
    hash = mix(hash, ca.centroids, ca.centroids_len * sizeof *ca.centroids);
    hash = mix(hash, &ci.inertia, sizeof ci.inertia);
    hash = mix(hash, da.keep, di.n_rows);
    hash = mix(hash, da.witness, di.n_rows * sizeof *da.witness);
    printf("rows %" PRIu64 " x %" PRIu64 "\n", ci.n_rows, ci.dim);
    printf("clusters %" PRIu64 ", iterations %" PRIu64 ", inertia %.17g\n", ci.n_clusters, ci.n_iter, ci.inertia);
    printf("kept %" PRIu64 ", exact copies %" PRIu64 "\n", di.n_kept, di.exact_copies);
    if (argc > 4) printf("computed on %s\n", pauca_context_backend(context));
    printf("checksum %016" PRIx64 "\n", hash);
    result = 0;

done:
    free(ca.labels);
    free(ca.centroids);
    free(da.keep);
    free(da.witness);
    pauca_dedup_free(dedup);
    pauca_clusters_free(clusters);
    pauca_context_free(context);
    free((void *)(uintptr_t)x.data);
    return result;
}
