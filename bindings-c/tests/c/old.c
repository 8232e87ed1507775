/* A program of an earlier header: it is compiled against the kept copy, and runs with the library of today. */
#include PAUCA_HEADER
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    const float x[] = {0, 1, 10, 11, 20, 21};
    struct {
        pauca_context_options options;
        unsigned char canary[16];
    } c;
    pauca_error e = PAUCA_ERROR_INIT;
    pauca_view view = {x, 6, 1, 0, 0, PAUCA_F32, 0, 0, 0, NULL};
    pauca_context *context = NULL;
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    pauca_clusters_arrays to;
    uint32_t labels[6];
    memset(&c, 0x5a, sizeof c);
    memset(&to, 0, sizeof to);
    if (pauca_abi_check(PAUCA_ABI_VERSION, &e)) return printf("abi: %s\n", e.message), 1;
    if (pauca_context_options_init(&c.options, sizeof c.options, PAUCA_ABI_VERSION, &e)) return printf("%s\n", e.message), 1;
    for (size_t i = 0; i < sizeof c.canary; i++)
        if (c.canary[i] != 0x5a) return printf("more was written than the old struct has\n"), 1;
    c.options.threads = 2;
    if (pauca_context_new(&c.options, &context, &e)) return printf("%s\n", e.message), 1;
    if (pauca_kmeans_options_init(&o, sizeof o, &e)) return printf("%s\n", e.message), 1;
    o.n_clusters = 3;
    if (pauca_kmeans(&view, NULL, &o, &clusters, context, &e)) return printf("%s\n", e.message), 1;
    to.struct_size = sizeof to, to.labels = labels, to.labels_len = 6;
    if (pauca_clusters_copy(clusters, &to, &e)) return printf("%s\n", e.message), 1;
    if (labels[0] != labels[1] || labels[2] != labels[3] || labels[0] == labels[2]) return printf("labels\n"), 1;
    pauca_clusters_free(clusters);
    pauca_context_free(context);
    printf("header %u.%u (options of %u bytes), library %u.%u\n", (unsigned)PAUCA_ABI_VERSION >> 16,
           (unsigned)PAUCA_ABI_VERSION & 0xffff, (unsigned)sizeof c.options, (unsigned)pauca_abi_version() >> 16,
           (unsigned)pauca_abi_version() & 0xffff);
    return 0;
}
