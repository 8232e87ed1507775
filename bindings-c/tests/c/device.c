/* Rows of a CUDA device: device.c runs with driver.c in the place of the driver, or with none.
 *
 *     device read          clusters rows of a device and the same rows of the host: the same labels
 *     device TEXT          the call fails, and its message has the text
 */
#include "check.h"

enum { N = 50, D = 3 };

static void fit(const pauca_view *view, uint32_t *labels, const char *text)
{
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    pauca_clusters_arrays to = {0};
    WORKS(pauca_kmeans_options_init(&o, sizeof o, &e));
    o.n_clusters = 4;
    if (text) {
        FAILS(PAUCA_DEVICE, text, pauca_kmeans(view, NULL, &o, &clusters, NULL, E));
        HOLDS(!clusters);
        return;
    }
    WORKS(pauca_kmeans(view, NULL, &o, &clusters, NULL, &e));
    to.struct_size = sizeof to, to.labels = labels, to.labels_len = N;
    WORKS(pauca_clusters_copy(clusters, &to, &e));
    pauca_clusters_free(clusters);
}

int main(int argc, char **argv)
{
    static float x[N * 5];
    uint32_t expected[N], labels[N];
    for (int i = 0; i < N * 5; i++) x[i] = (float)(i * 7919 % 101);
    for (int device = 2; device <= 13; device += 11) /* CUDA, and memory that both share */
        for (int by_column = 0; by_column < 2; by_column++) {
            pauca_view view = {x, N, D, by_column ? 1 : 5, by_column ? N : 1, PAUCA_F32, 0, 0, 0, NULL};
            fit(&view, expected, NULL);
            view.device = device;
            view.stream = (void *)0x1234;
            fit(&view, labels, argc > 1 && strcmp(argv[1], "read") ? argv[1] : NULL);
            if (argc > 1 && strcmp(argv[1], "read")) continue;
            HOLDS(!memcmp(labels, expected, sizeof labels));
        }
    pauca_view view = {x, N, D, 0, 0, PAUCA_F64, 2, 0, 0, NULL};
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    WORKS(pauca_kmeans_options_init(&o, sizeof o, &e));
    o.n_clusters = 4;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "on a device", pauca_kmeans(&view, NULL, &o, &clusters, NULL, E));
    view.dtype = PAUCA_F32, view.device = 4;
    FAILS(PAUCA_UNSUPPORTED_DEVICE, "device 4", pauca_kmeans(&view, NULL, &o, &clusters, NULL, E));
    view.device = 2, view.data = NULL;
    FAILS(PAUCA_NULL_POINTER, "NULL", pauca_kmeans(&view, NULL, &o, &clusters, NULL, E));
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
