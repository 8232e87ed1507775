/* What all C tests share: judged calls, canaries, buffers between guard pages. */
#ifndef PAUCA_TEST_CHECK_H
#define PAUCA_TEST_CHECK_H

#include <inttypes.h>
#include <pauca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static int checks, failures;
static pauca_error e;
/* The error that a judged call gets. */
static pauca_error *E;
/* Set while a call is made that must work: every.h tries it with wrong arguments first. */
static int will_work;

/* Outputs, which failing calls must leave alone. */
static struct {
    void *at;
    size_t size;
} outputs[64];
static size_t n_outputs;

static inline void watch(void *at, size_t size)
{
    outputs[n_outputs].at = at;
    outputs[n_outputs++].size = size;
}

static inline void paint(void)
{
    for (size_t i = 0; i < n_outputs; i++) memset(outputs[i].at, 0xa5, outputs[i].size);
    memset(&e, 0xa5, sizeof e);
    e.struct_size = sizeof e;
}

static inline int untouched(void)
{
    for (size_t i = 0; i < n_outputs; i++)
        for (size_t j = 0; j < outputs[i].size; j++)
            if (((unsigned char *)outputs[i].at)[j] != 0xa5) return 0;
    return 1;
}

static inline void report(const char *call, int line, const char *what)
{
    failures++;
    printf("line %d: %s: %s\n", line, call, what);
}

static inline void judge_failure(const char *call, int line, pauca_status found, pauca_status expected, const char *text)
{
    char what[512];
    checks++;
    if (found != expected) {
        snprintf(what, sizeof what, "%s, expected %s (%.200s)", pauca_status_name(found), pauca_status_name(expected),
                 found && E ? e.message : "");
        report(call, line, what);
    } else if (E && e.code != found) {
        report(call, line, "error.code is not the status");
    } else if (E && (!memchr(e.message, 0, sizeof e.message) || !strstr(e.message, text))) {
        snprintf(what, sizeof what, "\"%.200s\" does not name \"%s\"", e.message, text);
        report(call, line, what);
    } else if (!untouched()) {
        report(call, line, "an output was written");
    }
}

static inline void judge_success(const char *call, int line, pauca_status found)
{
    checks++;
    if (found) {
        char what[512];
        snprintf(what, sizeof what, "%s: %.200s", pauca_status_name(found), e.message);
        report(call, line, what);
    }
}

static inline void judge(const char *what, int line, int holds)
{
    checks++;
    if (!holds) report(what, line, "does not hold");
}

/* The call fails with this status, names the text, writes nothing: with an error and without one. */
#define FAILS(status, text, call)                                    \
    do {                                                             \
        paint(), E = &e;                                             \
        pauca_status first_ = (call);                                \
        judge_failure(#call, __LINE__, first_, status, text);        \
        paint(), E = NULL;                                           \
        pauca_status second_ = (call);                               \
        judge_failure(#call " without error", __LINE__, second_, status, text); \
        E = &e;                                                      \
    } while (0)
#define WORKS(call)                                                  \
    do {                                                             \
        E = &e, e.struct_size = sizeof e, will_work = 1;             \
        judge_success(#call, __LINE__, (call));                      \
        will_work = 0;                                               \
    } while (0)
#define HOLDS(what) judge(#what, __LINE__, (what))

/* Memory that ends at a page that cannot be touched, and begins behind one. */
static inline void *guarded(const void *values, size_t size, int writable)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
    char *base = mmap(NULL, (pages + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;
    if (base == MAP_FAILED) abort();
    if (pages && mprotect(base + page, pages * page, PROT_READ | PROT_WRITE)) abort();
    at = base + page + pages * page - size;
    if (values && size) memcpy(at, values, size);
    if (pages && !writable && mprotect(base + page, pages * page, PROT_READ)) abort();
    return at;
}

static inline pauca_view packed(const void *data, uint64_t rows, uint64_t cols, int32_t dtype)
{
    pauca_view view;
    memset(&view, 0, sizeof view);
    view.data = data, view.rows = rows, view.cols = cols, view.dtype = dtype;
    return view;
}

/* FNV-1a. */
static inline uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    while (size--) hash = (hash ^ *at++) * 0x100000001b3u;
    return hash;
}

/* A number that depends on every bit of a clustering. */
static inline uint64_t bits_of(const pauca_clusters *clusters)
{
    pauca_clusters_info info = {0};
    pauca_clusters_arrays to = {0};
    uint64_t hash = 0xcbf29ce484222325u;
    info.struct_size = sizeof info, to.struct_size = sizeof to;
    if (pauca_clusters_get_info(clusters, &info, &e)) return 0;
    to.labels_len = info.n_rows, to.labels = calloc(info.n_rows + 1, 4);
    to.centroids_len = info.n_clusters * info.dim, to.centroids = calloc(to.centroids_len, 4);
    to.distances_len = info.has_distances ? info.n_rows : 0, to.distances = calloc(info.n_rows + 1, 8);
    to.counts_len = info.n_clusters, to.counts = calloc(info.n_clusters, 8);
    if (pauca_clusters_copy(clusters, &to, &e)) return 0;
    hash = mix(hash, to.labels, to.labels_len * 4);
    hash = mix(hash, to.centroids, to.centroids_len * 4);
    hash = mix(hash, to.distances, to.distances_len * 8);
    hash = mix(hash, to.counts, to.counts_len * 8);
    hash = mix(hash, &info.inertia, 8);
    hash = mix(hash, &info.n_iter, 8);
    free(to.labels), free(to.centroids), free(to.distances), free(to.counts);
    return hash;
}

static inline int summary(const char *name)
{
    printf("%s: %d checks, %d failures\n", name, checks, failures);
    return failures != 0;
}

#endif
