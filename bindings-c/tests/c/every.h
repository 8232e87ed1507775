/* Every call that works is made several times more before, with one argument wrong: a pointer misaligned or NULL, an
 * output on top of an input or of another output, a number that is huge or names nothing, a struct of a wrong size or with
 * unknown bits, a view of each wrong kind, a NaN among the rows. Each must be refused and leave all else alone.
 *
 * calls.h, written from pauca.h, sends every function through here: nothing is left out because somebody forgot it. */
#ifndef PAUCA_TEST_EVERY_H
#define PAUCA_TEST_EVERY_H

#include "check.h"
#include <math.h>

typedef enum {
    AN_OUTPUT,     /* values, structs or handles that are written */
    AN_INPUT,      /* values that are read */
    A_HANDLE,
    A_VIEW,
    A_STRUCT,      /* options, or what is wanted: begins with struct_size and flags */
    A_RESULT,      /* a struct that is written and begins with struct_size */
    AN_ERROR,
    A_LENGTH,      /* u64 */
    A_CHOICE,      /* i32 or u32 */
    A_NUMBER       /* f64 */
} Kind;

typedef union {
    uintptr_t at;
    uint64_t length;
    uint32_t bits;
    int32_t choice;
    double number;
} Argument;

typedef struct {
    const char *name;
    Kind kind;
    unsigned char align, may_be_null;
    uint32_t size; /* of what an output points to, where that is one thing */
} Parameter;

typedef struct {
    const char *name;
    pauca_status (*call)(const Argument *);
    int n;
    Parameter parameters[12];
} Function;

/* How often each kind of wrong argument was tried, and on which parameters. */
enum { MISALIGNED, NULLS, OVERLAPS, HUGES, UNKNOWN, SIZES, BITS, VIEWS_, NANS, TRIES };
static const char *const try_names[TRIES] = {"misaligned", "NULL", "overlap", "huge", "unknown number", "struct_size",
                                             "unknown bits", "wrong view", "NaN"};
static int tries[TRIES];
static struct {
    const Function *function;
    unsigned parameters; /* a bit each, for what was made wrong in some call */
} tried[256];
static size_t n_tried, now;

/* Views that no call takes: a change of a good one, the status and what the text names. */
typedef struct {
    const char *name;
    pauca_status status;
    void (*spoil)(pauca_view *);
} Spoilt;
static void no_data(pauca_view *v) { v->data = NULL; }
static void odd_data(pauca_view *v) { v->data = (const char *)v->data + 1; }
static void huge_product(pauca_view *v) { v->rows = UINT64_MAX / 2, v->cols = 8, v->row_stride = v->col_stride = 0; }
static void huge_rows(pauca_view *v) { v->rows = UINT64_MAX; }
static void huge_cols(pauca_view *v) { v->cols = UINT64_MAX; }
static void below_0(pauca_view *v) { v->row_stride = -3, v->col_stride = 1; }
static void columns_below_0(pauca_view *v) { v->row_stride = 3, v->col_stride = -1; }
static void too_near(pauca_view *v) { v->rows = 4, v->cols = 3, v->row_stride = 2, v->col_stride = 1; }
static void too_far(pauca_view *v) { v->rows = 4, v->row_stride = INT64_MAX, v->col_stride = 1; }
static void no_type(pauca_view *v) { v->dtype = 0; }
static void other_type(pauca_view *v) { v->dtype = 77; }
static void other_device(pauca_view *v) { v->device = 4; }
static void a_stream(pauca_view *v) { v->stream = v; }
static void reserved(pauca_view *v) { v->reserved = 1; }
static const Spoilt spoilt[] = {
    {"data NULL", PAUCA_NULL_POINTER, no_data},        {"misaligned", PAUCA_MISALIGNED, odd_data},
    {"n d overflows", PAUCA_TOO_LARGE, huge_product},  {"n is huge", PAUCA_TOO_LARGE, huge_rows},
    {"d is huge", PAUCA_TOO_LARGE, huge_cols},         {"row stride below 0", PAUCA_INVALID_PARAMETER, below_0},
    {"column stride below 0", PAUCA_INVALID_PARAMETER, columns_below_0},
    {"stride too small", PAUCA_INVALID_PARAMETER, too_near},
    {"stride overflows", PAUCA_TOO_LARGE, too_far},    {"no dtype", PAUCA_UNSUPPORTED_TYPE, no_type},
    {"unknown dtype", PAUCA_UNSUPPORTED_TYPE, other_type}, {"OpenCL", PAUCA_UNSUPPORTED_DEVICE, other_device},
    {"stream", PAUCA_UNSUPPORTED_DEVICE, a_stream},    {"reserved", PAUCA_UNSUPPORTED_OPTION, reserved}};

/* A refused call must leave the outputs as they are: those of all calls, and what those of this one point to, which is
 * painted meanwhile (it may never have been written: valgrind would complain of a look at it). */
static unsigned char watched[1 << 12], pointed[1 << 12];
static void keep_outputs(const Function *f, const Argument *a)
{
    size_t used = 0;
    for (int i = 0; i < f->n; i++) {
        if (f->parameters[i].kind != AN_OUTPUT || !a[i].at) continue;
        if (used + f->parameters[i].size > sizeof pointed) abort();
        memcpy(pointed + used, (void *)a[i].at, f->parameters[i].size), used += f->parameters[i].size;
        memset((void *)a[i].at, 0xa5, f->parameters[i].size);
    }
    used = 0;
    for (size_t i = 0; i < n_outputs; used += outputs[i++].size) {
        if (used + outputs[i].size > sizeof watched) abort();
        memcpy(watched + used, outputs[i].at, outputs[i].size);
    }
}
static int kept_outputs(const Function *f, const Argument *a)
{
    size_t used = 0;
    int kept = 1;
    for (size_t i = 0; i < n_outputs; used += outputs[i++].size) kept &= !memcmp(watched + used, outputs[i].at, outputs[i].size);
    used = 0;
    for (int i = 0; i < f->n; i++) {
        if (f->parameters[i].kind != AN_OUTPUT || !a[i].at) continue;
        for (uint32_t j = 0; j < f->parameters[i].size; j++) kept &= ((unsigned char *)a[i].at)[j] == 0xa5;
        memcpy((void *)a[i].at, pointed + used, f->parameters[i].size), used += f->parameters[i].size;
    }
    return kept;
}

/* One call with argument `at` replaced; any failure will do if `expected` is PAUCA_OK. */
static void one_wrong(const Function *f, const Argument *good, int at, Argument wrong, pauca_status expected, int kind,
                      const char *what)
{
    Argument a[12];
    char text[400];
    pauca_error error;
    memcpy(a, good, sizeof *a * (size_t)f->n);
    memset(&error, 0xa5, sizeof error), error.struct_size = sizeof error;
    a[f->n - 1].at = (uintptr_t)&error;
    a[at] = wrong;
    keep_outputs(f, good);
    const pauca_status found = f->call(a);
    const int kept = kept_outputs(f, good);
    const char *complaint = NULL;
    checks++, tries[kind]++, tried[now].parameters |= 1u << at;
    if (expected ? found != expected : found == PAUCA_OK || found == PAUCA_PANIC) complaint = "another status";
    else if (!kept) complaint = "an output was written";
    else if (f->parameters[at].kind != AN_ERROR && error.code != found) complaint = "error.code is not the status";
    else if (f->parameters[at].kind != AN_ERROR && (!memchr(error.message, 0, sizeof error.message) || !error.message[0]))
        complaint = "no text";
    if (complaint) {
        snprintf(text, sizeof text, "%s, %s: %s (%s, expected %s; %.120s)", f->parameters[at].name, what, complaint,
                 pauca_status_name(found), expected ? pauca_status_name(expected) : "a failure",
                 error.code == found ? error.message : "");
        report(f->name, 0, text);
    }
}

static Argument pointing(const void *at) { return (Argument){.at = (uintptr_t)at}; }

/* Where an input's values begin, if it has any. */
static uintptr_t values_of(const Parameter *p, Argument a)
{
    if (!a.at) return 0;
    if (p->kind == AN_INPUT || p->kind == AN_OUTPUT || p->kind == A_RESULT || p->kind == A_STRUCT) return a.at;
    if (p->kind != A_VIEW) return 0;
    const pauca_view *view = (const pauca_view *)a.at;
    return view->rows && view->cols && view->dtype != PAUCA_OF_SOURCE ? (uintptr_t)view->data : 0;
}

static void wrong_structs(const Function *f, const Argument *a, int i)
{
    double room[300]; /* with what a struct of a later version has beyond */
    const uint32_t size = *(const uint32_t *)a[i].at;
    const uint32_t wrong[] = {0, 4, 7, size - 4, size + 4, 8192, UINT32_MAX};
    memset(room, 0, sizeof room), memcpy(room, (const void *)a[i].at, size);
    for (size_t w = 0; w < COUNT(wrong); w++) {
        *(uint32_t *)room = wrong[w];
        one_wrong(f, a, i, pointing(room), PAUCA_STRUCT_SIZE, SIZES, "a wrong struct_size");
    }
    if (f->parameters[i].kind != A_STRUCT) return;
    *(uint32_t *)room = size + 16, ((char *)room)[size + 5] = 1;
    one_wrong(f, a, i, pointing(room), PAUCA_UNSUPPORTED_OPTION, BITS, "a byte of a later version");
    *(uint32_t *)room = size, ((char *)room)[size + 5] = 0, ((uint32_t *)room)[1] = 1;
    one_wrong(f, a, i, pointing(room), PAUCA_UNSUPPORTED_OPTION, BITS, "a flag");
}

static void wrong_views(const Function *f, const Argument *a, int i)
{
    const pauca_view *good = (const pauca_view *)a[i].at;
    if (good->dtype == PAUCA_OF_SOURCE || !good->rows) return;
    for (size_t s = 0; s < COUNT(spoilt); s++) {
        pauca_view view = *good;
        spoilt[s].spoil(&view);
        one_wrong(f, a, i, pointing(&view), spoilt[s].status, VIEWS_, spoilt[s].name);
    }
    /* Rows that are read by the call itself. */
    if (good->dtype != PAUCA_F32 || good->row_stride || good->col_stride || !strcmp(f->name, "pauca_source_view")) return;
    const size_t bytes = good->rows * good->cols * sizeof(float);
    const uint64_t places[] = {0, good->rows * good->cols / 2, good->rows * good->cols - 1};
    for (size_t p = 0; p < COUNT(places); p++) {
        float *values = malloc(bytes);
        pauca_view view = *good;
        pauca_error error = PAUCA_ERROR_INIT;
        Argument b[12];
        memcpy(values, good->data, bytes), values[places[p]] = p == 1 ? (float)INFINITY : NAN;
        view.data = values;
        one_wrong(f, a, i, pointing(&view), PAUCA_NON_FINITE, NANS, "a NaN");
        memcpy(b, a, sizeof *b * (size_t)f->n), b[i].at = (uintptr_t)&view, b[f->n - 1].at = (uintptr_t)&error;
        (void)f->call(b);
        checks++;
        if (error.detail[0] != places[p] / good->cols || error.detail[1] != places[p] % good->cols)
            report(f->name, 0, "the place of a NaN is not that in detail");
        free(values);
    }
}

/* What calls.h puts before each call: `will_work` is set by WORKS. */
static pauca_status with_every_wrong_argument(const Function *f, const Argument *a)
{
    if (!will_work) return f->call(a);
    will_work = 0;
    for (now = 0; now < n_tried && tried[now].function != f;) now++;
    if (now == COUNT(tried)) abort();
    if (now == n_tried) tried[n_tried++].function = f;
    /* The length of what nobody asks for may be anything. */
    int asked = 0;
    for (int i = 0; i < f->n; i++) asked |= f->parameters[i].kind <= AN_INPUT && a[i].at;
    for (int i = 0; i < f->n; i++) {
        const Parameter *p = &f->parameters[i];
        if (p->kind == A_LENGTH && !p->may_be_null && asked) {
            one_wrong(f, a, i, (Argument){.length = UINT64_MAX}, PAUCA_OK, HUGES, "2^64 - 1");
            one_wrong(f, a, i, (Argument){.length = (uint64_t)1 << 63}, PAUCA_OK, HUGES, "2^63");
            /* Of single bytes that is a size that memory may have: nobody can refuse it. */
            if (strcmp(p->name, "bytes_size")) one_wrong(f, a, i, (Argument){.length = (uint64_t)1 << 62}, PAUCA_OK, HUGES, "2^62");
        } else if (p->kind == A_CHOICE && !p->may_be_null) {
            one_wrong(f, a, i, (Argument){.choice = 77}, PAUCA_OK, UNKNOWN, "77");
            one_wrong(f, a, i, (Argument){.choice = -1}, PAUCA_OK, UNKNOWN, "-1");
        } else if (p->kind < A_LENGTH) {
            if (p->align > 1 && (a[i].at || p->kind != AN_INPUT)) one_wrong(f, a, i, (Argument){.at = a[i].at + 1}, PAUCA_MISALIGNED, MISALIGNED, "misaligned");
            if (a[i].at && !p->may_be_null) one_wrong(f, a, i, pointing(NULL), PAUCA_NULL_POINTER, NULLS, "NULL");
            if (a[i].at && (p->kind == A_STRUCT || p->kind == A_RESULT)) wrong_structs(f, a, i);
            if (a[i].at && p->kind == A_VIEW) wrong_views(f, a, i);
        }
        for (int j = 0; j < f->n && p->kind == AN_OUTPUT && a[i].at; j++) {
            const uintptr_t other = j == i ? 0 : values_of(&f->parameters[j], a[j]);
            /* Down to the alignment of the output, which may be wider than that of what it lies on. */
            const Argument on_top = {.at = other / p->align * p->align};
            if (other) one_wrong(f, a, i, on_top, PAUCA_OVERLAP, OVERLAPS, f->parameters[j].name);
            if (other && f->parameters[j].kind == A_VIEW)
                one_wrong(f, a, i, a[j], PAUCA_OVERLAP, OVERLAPS, "the struct of a view");
        }
    }
    return f->call(a);
}

static inline void say_what_was_tried(void)
{
    printf("wrong arguments of every call that works:");
    for (int i = 0; i < TRIES; i++) printf(" %s %d%s", try_names[i], tries[i], i + 1 < TRIES ? "," : "\n");
    for (size_t i = 0; i < n_tried; i++)
        for (int j = 0; j < tried[i].function->n; j++)
            if (tried[i].parameters >> j & 1) printf("tried %s.%s\n", tried[i].function->name, tried[i].function->parameters[j].name);
}

#endif
