/* Where a call runs and how it is watched: threads, the host's threads, progress, a flag that stops, saved states, sums for
 * an all-reduce, a panic. All give the same bits. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { N = 3000, D = 24, K = 40 };

static float x[N * D];
static pauca_view view;
static uint64_t expected;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pauca_kmeans_options options(void)
{
    pauca_kmeans_options o;
    WORKS(pauca_kmeans_options_init(&o, sizeof o, &e));
    o.n_clusters = K, o.seed = 11;
    return o;
}

static uint64_t fit(const pauca_context *context)
{
    pauca_kmeans_options o = options();
    pauca_clusters *clusters = NULL;
    uint64_t bits = 0;
    WORKS(pauca_kmeans(&view, NULL, &o, &clusters, context, &e));
    if (clusters) bits = bits_of(clusters);
    pauca_clusters_free(clusters);
    return bits;
}

static pauca_context *context_of(const pauca_context_options *o)
{
    pauca_context *context = NULL;
    WORKS(pauca_context_new(o, &context, &e));
    return context;
}

static pauca_context_options context_options(void)
{
    pauca_context_options o;
    WORKS(pauca_context_options_init(&o, sizeof o, PAUCA_ABI_VERSION, &e));
    o.threads = 1;
    return o;
}

static void threads_and_levels(void)
{
    const uint32_t threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < COUNT(threads); i++)
        for (int32_t level = PAUCA_SIMD_DEFAULT; level <= PAUCA_SIMD_AMX; level++) {
            if (!pauca_simd_available(level)) continue;
            pauca_context_options o = context_options();
            o.threads = threads[i], o.simd_level = level;
            pauca_context *context = context_of(&o);
            HOLDS(fit(context) == expected);
            pauca_context_free(context);
        }
}

/* The host's threads: three of them, which take tasks from the last to the first. */
typedef struct {
    pauca_task task;
    void *context;
    atomic_llong left;
} Crew;
static atomic_int tasks_run, parallel_fors;
static void *member(void *argument)
{
    Crew *crew = argument;
    for (;;) {
        long long i = atomic_fetch_sub(&crew->left, 1) - 1;
        if (i < 0) return NULL;
        crew->task(crew->context, (uint64_t)i);
        atomic_fetch_add(&tasks_run, 1);
    }
}
static void parallel_for(void *user, uint64_t tasks, pauca_task task, void *context)
{
    Crew crew = {task, context, (long long)tasks};
    pthread_t thread[3];
    (void)user;
    atomic_fetch_add(&parallel_fors, 1);
    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread[i], NULL, member, &crew)) abort();
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
}

static void host_threads(void)
{
    pauca_context_options o = context_options();
    o.parallel_for = parallel_for, o.width = 3;
    pauca_context *context = context_of(&o);
    int32_t level;
    uint32_t width;
    WORKS(pauca_context_info(context, &level, &width, &e));
    HOLDS(width == 3);
    HOLDS(fit(context) == expected);
    HOLDS(tasks_run > 0 && parallel_fors > 0);
    pauca_context_free(context);
}

/* Progress. */
static int reports, iterations, stop_at;
static double last_objective;
static pthread_t caller;
static int32_t progress(void *user, const pauca_progress *p)
{
    HOLDS(user == x && pthread_equal(pthread_self(), caller));
    HOLDS(p->struct_size >= sizeof *p && p->done <= p->total && p->stage && p->stage[0]);
    reports++;
    if (p->is_iteration) {
        HOLDS(p->iteration == 0 || p->objective <= last_objective);
        last_objective = p->objective, iterations++;
    }
    return iterations < stop_at;
}

static void watched(void)
{
    pauca_context_options o = context_options();
    o.progress = progress, o.user = x, o.report_pause = 0, o.threads = 2, caller = pthread_self();
    pauca_context *context = context_of(&o);
    stop_at = 1 << 30;
    HOLDS(fit(context) == expected);
    HOLDS(iterations > 2 && reports > iterations);
    /* A callback that answers 0 stops. */
    pauca_kmeans_options k = options();
    pauca_clusters *clusters = NULL;
    iterations = 0, stop_at = 2;
    FAILS(PAUCA_CANCELLED, "cancelled", (iterations = 0, pauca_kmeans(&view, NULL, &k, &clusters, context, E)));
    HOLDS(clusters == NULL);
    pauca_context_free(context);
}

/* An answer of 0 to the last report of a step: the step is made, the call is cancelled, and the run goes on from there. */
static void stopped_by_the_last_report(void)
{
    pauca_context_options o = context_options();
    o.progress = progress, o.user = x, o.report_pause = 0, caller = pthread_self();
    pauca_context *context = context_of(&o);
    pauca_kmeans_options k = options();
    pauca_kmeans_run *run = NULL;
    pauca_clusters *clusters = NULL;
    pauca_kmeans_state state = {.struct_size = sizeof state};
    int32_t more = 7;
    WORKS(pauca_kmeans_start(&view, NULL, &k, &run, NULL, &e));
    iterations = 0, stop_at = 1;
    HOLDS(pauca_kmeans_step(run, &more, context, &e) == PAUCA_CANCELLED && more == 7);
    WORKS(pauca_kmeans_get_state(run, &state, &e));
    HOLDS(state.n_iter == 1);
    stop_at = 1 << 30;
    for (more = 1; more;) WORKS(pauca_kmeans_step(run, &more, context, &e));
    WORKS(pauca_kmeans_finish(run, &clusters, context, &e));
    if (clusters) HOLDS(bits_of(clusters) == expected);
    pauca_clusters_free(clusters), pauca_kmeans_free(run), pauca_context_free(context);
}

/* A flag that another thread sets. */
static atomic_int flag;
static double raised;
static void *raise_later(void *argument)
{
    usleep(*(unsigned *)argument);
    raised = now();
    atomic_store(&flag, 1);
    return NULL;
}

/* Of so many rows: fewer where every instruction is dear. */
static void cancelled(int n)
{
    enum { BIG = 40000, DIM = 128 };
    static float big[BIG * DIM];
    double worst = 0;
    int stops = 0;
    pauca_context_options o = context_options();
    o.threads = 2, o.cancel = (const int32_t *)&flag;
    pauca_context *context = context_of(&o);
    pauca_view rows = packed(big, (uint64_t)n, DIM, PAUCA_F32);
    pauca_kmeans_options k = options();
    k.n_clusters = 200, k.max_iter = 6;
    uint64_t seed = 1;
    for (int i = 0; i < BIG * DIM; i++) seed = seed * 6364136223846793005u + 1442695040888963407u, big[i] = (float)(seed >> 40) / 65536.f;
    uint64_t whole = 0;
    for (unsigned delay = 20000; stops < 3 && delay < 2000000; delay *= 3) {
        pthread_t thread;
        pauca_kmeans_run *run = NULL;
        pauca_blob *blob = NULL;
        int32_t more = 1;
        pauca_status status = PAUCA_OK;
        atomic_store(&flag, 0);
        WORKS(pauca_kmeans_start(&rows, NULL, &k, &run, context, &e));
        WORKS(pauca_kmeans_step(run, &more, context, &e));
        if (pthread_create(&thread, NULL, raise_later, &delay)) abort();
        while (more && !status) status = pauca_kmeans_step(run, &more, context, &e);
        double returned = now();
        pthread_join(thread, NULL);
        atomic_store(&flag, 0);
        if (status == PAUCA_CANCELLED) {
            stops++;
            if (returned - raised > worst) worst = returned - raised;
            HOLDS(strstr(e.message, "cancelled") != NULL);
            /* The saved state goes on to the same bits, elsewhere. */
            WORKS(pauca_kmeans_checkpoint(run, &blob, &e));
            uint64_t size = pauca_blob_size(blob);
            void *bytes = malloc(size);
            pauca_clusters *one = NULL, *two = NULL;
            pauca_kmeans_run *again = NULL;
            WORKS(pauca_blob_copy(blob, bytes, size, &e));
            WORKS(pauca_kmeans_resume(&rows, NULL, &k, bytes, size, &again, context, &e));
            for (more = 1; more;) WORKS(pauca_kmeans_step(again, &more, context, &e));
            WORKS(pauca_kmeans_finish(again, &one, context, &e));
            if (!whole) {
                WORKS(pauca_kmeans(&rows, NULL, &k, &two, context, &e));
                whole = bits_of(two);
                pauca_clusters_free(two);
            }
            HOLDS(whole && bits_of(one) == whole);
            pauca_clusters_free(one);
            pauca_kmeans_free(again);
            free(bytes);
            pauca_blob_free(blob);
        }
        pauca_kmeans_free(run);
    }
    HOLDS(stops > 0);
    printf("a flag set by another thread: %d calls stopped, the slowest returned after %.1f ms\n", stops, worst * 1e3);
    HOLDS(worst < 2 || n < BIG);
    pauca_context_free(context);
}

/* D4 by steps, saved and resumed after each. */
static void d4(void)
{
    pauca_d4_options o;
    pauca_curated *whole = NULL, *part = NULL;
    pauca_d4_run *run = NULL;
    uint8_t *a = malloc(N), *b = malloc(N);
    pauca_curated_arrays to = {0};
    int32_t more = 1;
    int steps = 0;
    WORKS(pauca_d4_options_init(&o, sizeof o, &e));
    o.clusters = 12, o.max_iter = 4, o.seed = 5;
    WORKS(pauca_d4(&view, &o, &whole, NULL, &e));
    to.struct_size = sizeof to, to.keep = a, to.keep_len = N;
    WORKS(pauca_curated_copy(whole, &to, &e));
    WORKS(pauca_d4_start(&view, &o, &run, NULL, &e));
    while (more) {
        pauca_blob *blob = NULL;
        WORKS(pauca_d4_step(run, &more, NULL, &e));
        WORKS(pauca_d4_checkpoint(run, &blob, &e));
        uint64_t size = pauca_blob_size(blob);
        void *bytes = malloc(size);
        WORKS(pauca_blob_copy(blob, bytes, size, &e));
        pauca_blob_free(blob);
        pauca_d4_free(run);
        WORKS(pauca_d4_resume(&view, &o, bytes, size, &run, NULL, &e));
        free(bytes);
        /* A run that is resumed deduplicates anew: that is a step of its own. */
        if (++steps > 40) break;
        pauca_d4_state state = {0};
        state.struct_size = sizeof state;
        WORKS(pauca_d4_get_state(run, &state, &e));
        if (state.stage == PAUCA_D4_DEDUPLICATE) {
            while (more) WORKS(pauca_d4_step(run, &more, NULL, &e));
        }
    }
    WORKS(pauca_d4_finish(run, &part, NULL, &e));
    to.keep = b;
    WORKS(pauca_curated_copy(part, &to, &e));
    HOLDS(memcmp(a, b, N) == 0 && steps > 2);
    pauca_d4_free(run), pauca_curated_free(whole), pauca_curated_free(part), free(a), free(b);
}

/* Sums of three ranks, added up as an all-reduce would. */
static void all_reduce(void)
{
    static uint32_t labels[N];
    static float one[K * D], all[K * D];
    const int from[] = {0, 100, 2000, N};
    int64_t *total = NULL;
    uint64_t len = 0;
    pauca_sums *whole, *back;
    for (int i = 0; i < N; i++) labels[i] = (uint32_t)(i * 7 % K);
    WORKS(pauca_sums_new(K, D, 0, &whole, &e));
    WORKS(pauca_sums_add_rows(whole, &view, labels, NULL, PAUCA_EUCLIDEAN, NULL, &e));
    WORKS(pauca_sums_planes_len(whole, PAUCA_PLANES_V1, &len, &e));
    total = calloc(len, sizeof *total);
    for (int r = 0; r < 3; r++) {
        pauca_sums *rank;
        pauca_view part = packed(x + from[r] * D, (uint64_t)(from[r + 1] - from[r]), D, PAUCA_F32);
        int64_t *planes = malloc(len * sizeof *planes);
        WORKS(pauca_sums_new(K, D, 0, &rank, &e));
        WORKS(pauca_sums_add_rows(rank, &part, labels + from[r], NULL, PAUCA_EUCLIDEAN, NULL, &e));
        WORKS(pauca_sums_planes_get(rank, PAUCA_PLANES_V1, planes, len, &e));
        for (uint64_t i = 0; i < len; i++) total[i] += planes[i];
        free(planes);
        pauca_sums_free(rank);
    }
    WORKS(pauca_sums_new(K, D, 0, &back, &e));
    WORKS(pauca_sums_planes_set(back, PAUCA_PLANES_V1, total, len, &e));
    WORKS(pauca_sums_centroids(whole, PAUCA_EUCLIDEAN, one, K * D, NULL, &e));
    WORKS(pauca_sums_centroids(back, PAUCA_EUCLIDEAN, all, K * D, NULL, &e));
    HOLDS(memcmp(one, all, sizeof one) == 0);
    /* Rows taken away again leave nothing. */
    WORKS(pauca_sums_remove_rows(back, &view, labels, NULL, PAUCA_EUCLIDEAN, NULL, &e));
    WORKS(pauca_sums_planes_get(back, PAUCA_PLANES_V1, total, len, &e));
    for (uint64_t i = 0; i < len; i++)
        if (total[i]) {
            HOLDS(!"nothing is left");
            break;
        }
    free(total);
    pauca_sums_free(whole), pauca_sums_free(back);
}

#ifdef PAUCA_TEST_PANIC
pauca_status pauca_test_panic(int32_t place, const pauca_context *context, pauca_error *error);

/* A panic is a status; nothing is printed (the test that runs this looks at stderr); the context goes on. */
static void panics(void)
{
    for (int host = 0; host < 2; host++) {
        pauca_context_options o = context_options();
        o.threads = 2;
        if (host) o.parallel_for = parallel_for, o.width = 3;
        pauca_context *context = context_of(&o);
        for (int i = 0; i < 20; i++)
            for (int32_t place = 0; place < 2; place++)
                FAILS(PAUCA_PANIC, "panicked", pauca_test_panic(place, i % 2 ? context : NULL, E));
        HOLDS(fit(context) == expected);
        pauca_context_free(context);
    }
    printf("forced panics: a status each\n");
}
#endif

int main(int argc, char **argv)
{
    uint64_t seed = 9;
    for (int i = 0; i < N * D; i++) seed = seed * 6364136223846793005u + 1442695040888963407u, x[i] = (float)(int64_t)(seed >> 33) / 1e9f;
    view = packed(x, N, D, PAUCA_F32);
    E = &e, e.struct_size = sizeof e;
    expected = fit(NULL);
    HOLDS(expected != 0);
    threads_and_levels();
    host_threads();
    watched();
    stopped_by_the_last_report();
    cancelled(argc > 1 ? atoi(argv[1]) : 40000);
    d4();
    all_reduce();
#ifdef PAUCA_TEST_PANIC
    panics();
#endif
    return summary("runs");
}
