/* A program of C that links libpauca without Rust's standard library: the memory is counted here, and a panic ends here. */
#include "pauca_host.h"
#include <inttypes.h>
#include <pauca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t live, most, allocations;

void *pauca_host_alloc(size_t size, size_t align)
{
    void *memory = aligned_alloc(align, (size + align - 1) / align * align);
    if (memory) live += size, allocations++;
    if (live > most) most = live;
    return memory;
}

void pauca_host_free(void *memory, size_t size, size_t align)
{
    (void)align;
    live -= size;
    free(memory);
}

_Noreturn void pauca_host_panic(const char *message, size_t length)
{
    fprintf(stderr, "panic: %.*s\n", (int)length, message);
    exit(70);
}

int main(void)
{
    enum { N = 300, D = 7, K = 6 };
    static float x[N * D];
    static uint32_t labels[N];
    pauca_error e = PAUCA_ERROR_INIT;
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    pauca_clusters_arrays to;
    pauca_view view;
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < N * D; i++) x[i] = (float)((i * 37 % 101) - 50) / 8;
    memset(&view, 0, sizeof view);
    view.data = x, view.rows = N, view.cols = D, view.dtype = PAUCA_F32;
    if (pauca_kmeans_options_init(&o, sizeof o, &e)) return fprintf(stderr, "%s\n", e.message), 1;
    o.n_clusters = K, o.seed = 3;
    if (pauca_kmeans(&view, NULL, &o, &clusters, NULL, &e)) return fprintf(stderr, "%s\n", e.message), 1;
    memset(&to, 0, sizeof to);
    to.struct_size = sizeof to, to.labels = labels, to.labels_len = N;
    if (pauca_clusters_copy(clusters, &to, &e)) return fprintf(stderr, "%s\n", e.message), 1;
    pauca_clusters_free(clusters);
    for (int i = 0; i < N; i++) hash = (hash ^ labels[i]) * 0x100000001b3u;
    printf("%s\nlabels %016" PRIx64 "\n", pauca_build_info(), hash);
    fprintf(stderr, "%zu allocations, at most %zu bytes, %zu live at the end\n", allocations, most, live);
    return live != 0;
}
