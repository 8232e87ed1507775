/* A process that has called the library forks, and both sides go on calling it: no side may hang. */
#include "check.h"
#include <signal.h>
#include <sys/wait.h>

enum { N = 2000, D = 16, K = 10 };

static float x[N * D];

static uint64_t fit(const pauca_context *context)
{
    pauca_view view = packed(x, N, D, PAUCA_F32);
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    uint64_t bits;
    if (pauca_kmeans_options_init(&o, sizeof o, &e)) return 1;
    o.n_clusters = K, o.max_iter = 3;
    if (pauca_kmeans(&view, NULL, &o, &clusters, context, &e)) return 2;
    bits = bits_of(clusters);
    pauca_clusters_free(clusters);
    return bits;
}

int main(int argc, char **argv)
{
    const int forks = argc > 1 ? atoi(argv[1]) : 200;
    pauca_context_options o;
    pauca_context *context = NULL;
    pauca_kmeans_run *run = NULL;
    pauca_view view = packed(x, N, D, PAUCA_F32);
    pauca_kmeans_options k;
    uint64_t seed = 3, expected;
    alarm(120); /* a hang ends the test, and is seen */
    for (int i = 0; i < N * D; i++) seed = seed * 6364136223846793005u + 1442695040888963407u, x[i] = (float)(seed >> 40);
    e.struct_size = sizeof e, E = &e;
    WORKS(pauca_context_options_init(&o, sizeof o, PAUCA_ABI_VERSION, &e));
    o.threads = 2;
    WORKS(pauca_context_new(&o, &context, &e));
    expected = fit(context);
    HOLDS(expected > 2 && fit(NULL) == expected);
    /* A run that is half done goes on in the child. */
    WORKS(pauca_kmeans_options_init(&k, sizeof k, &e));
    k.n_clusters = K, k.max_iter = 3;
    WORKS(pauca_kmeans_start(&view, NULL, &k, &run, context, &e));
    for (int i = 0; i < forks; i++) {
        alarm(120); /* anew, for a slow machine is no hang */
        pid_t child = fork();
        if (child < 0) abort();
        if (child == 0) {
            pauca_clusters *clusters = NULL;
            int32_t more = 1;
            alarm(60);
            if (fit(context) != expected) _exit(3);
            while (more)
                if (pauca_kmeans_step(run, &more, context, &e)) _exit(4);
            if (pauca_kmeans_finish(run, &clusters, context, &e) || bits_of(clusters) != expected) _exit(5);
            pauca_clusters_free(clusters);
            pauca_kmeans_free(run);
            if (i % 10 == 0) { /* a grandchild */
                pid_t next = fork();
                int status = 0;
                if (next == 0) _exit(fit(context) == expected ? 0 : 6);
                if (waitpid(next, &status, 0) != next || status) _exit(7);
            }
            pauca_context_free(context);
            _exit(0);
        }
        int status = 0;
        HOLDS(fit(context) == expected); /* the parent, meanwhile */
        HOLDS(waitpid(child, &status, 0) == child);
        if (status) {
            printf("child %d: exit %d, signal %d\n", i, WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
            failures++;
            break;
        }
    }
    pauca_kmeans_free(run);
    pauca_context_free(context);
    printf("%d forks, calls on both sides\n", forks);
    return summary("fork");
}
