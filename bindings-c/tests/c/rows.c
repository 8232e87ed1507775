/* The same rows through every door give the same bits: strides, f16, f64, shards, callbacks, subsets, DLPack, Arrow.
 *
 * The structs of DLPack and Arrow are those of their own headers, written down once more: what the library has is held
 * against a second hand. */
#include "calls.h"

enum { N = 40, D = 5, K = 4 };

static float x[N * D];
static double wide[N * D];
static uint64_t expected;

static uint64_t fit(const pauca_view *view, const pauca_context *context)
{
    pauca_kmeans_options o;
    pauca_clusters *clusters = NULL;
    uint64_t bits;
    WORKS(pauca_kmeans_options_init(&o, sizeof o, &e));
    o.n_clusters = K, o.seed = 3;
    if (pauca_kmeans(view, NULL, &o, &clusters, context, &e)) {
        printf("fit: %s\n", e.message);
        return 0;
    }
    bits = bits_of(clusters);
    pauca_clusters_free(clusters);
    return bits;
}

static uint64_t fit_source(pauca_source *source)
{
    pauca_view view;
    uint64_t bits;
    WORKS(pauca_source_as_view(source, &view, &e));
    HOLDS(view.rows == N && view.cols == D);
    bits = fit(&view, NULL);
    pauca_source_free(source);
    return bits;
}

/* Strides. */
static void strides(void)
{
    static float columns[N * D], spread[N * 3 * D * 2];
    pauca_view view = packed(columns, N, D, PAUCA_F32);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++) columns[j * N + i] = spread[i * 3 * D * 2 + 2 * j] = x[i * D + j];
    view.row_stride = 1, view.col_stride = N;
    HOLDS(fit(&view, NULL) == expected);
    view = packed(spread, N, D, PAUCA_F32);
    view.row_stride = 3 * D * 2, view.col_stride = 2;
    HOLDS(fit(&view, NULL) == expected);
    view = packed(wide, N, D, PAUCA_F64);
    HOLDS(fit(&view, NULL) == expected);
}

static int heard;
static void hears(void *user, int32_t level, const char *message, uint64_t length)
{
    (void)user;
    heard += level == PAUCA_LOG_WARNING && strlen(message) == length && strstr(message, "f64");
}

static void said_aloud(void)
{
    pauca_context_options o;
    pauca_context *context;
    pauca_view view = packed(wide, N, D, PAUCA_F64);
    WORKS(pauca_context_options_init(&o, sizeof o, PAUCA_ABI_VERSION, &e));
    o.log = hears, o.threads = 1;
    WORKS(pauca_context_new(&o, &context, &e));
    HOLDS(fit(&view, context) == expected && heard == 1);
    view = packed(x, N, D, PAUCA_F32);
    HOLDS(fit(&view, context) == expected && heard == 1);
    wide[7 * D + 2] = 1e300;
    view = packed(wide, N, D, PAUCA_F64);
    pauca_kmeans_options k;
    pauca_clusters *clusters = NULL;
    WORKS(pauca_kmeans_options_init(&k, sizeof k, &e));
    k.n_clusters = K;
    FAILS(PAUCA_NON_FINITE, "row 7, column 2", pauca_kmeans(&view, NULL, &k, &clusters, context, E));
    wide[7 * D + 2] = x[7 * D + 2];
    pauca_context_free(context);
}

/* Sources. */
static int releases, reads, gathers;
static int32_t reading(void *user, uint64_t first, uint64_t count, void *out)
{
    reads++;
    memcpy(out, (float *)user + first * D, count * D * sizeof(float));
    return 0;
}
static int32_t gathering(void *user, const uint64_t *rows, uint64_t count, void *out)
{
    gathers++;
    for (uint64_t i = 0; i < count; i++) memcpy((float *)out + i * D, (float *)user + rows[i] * D, D * sizeof(float));
    return 0;
}
static void releasing(void *user)
{
    HOLDS(user == x);
    releases++;
}

static void sources(void)
{
    pauca_source *parts[3], *whole, *source;
    pauca_source_callbacks calls;
    const uint64_t sizes[] = {1, 20, 19};
    uint64_t at = 0, back[N];
    for (int i = 0; i < 3; i++) {
        pauca_view view = packed(x + at * D, sizes[i], D, PAUCA_F32);
        WORKS(pauca_source_view(&view, &parts[i], &e));
        at += sizes[i];
    }
    WORKS(pauca_source_shards((const pauca_source *const *)parts, 3, 0, &whole, &e));
    for (int i = 0; i < 3; i++) pauca_source_free(parts[i]); /* they are shared */
    /* All rows in their order, of a subset of everything. */
    for (uint64_t i = 0; i < N; i++) back[i] = i;
    WORKS(pauca_source_subset(whole, back, N, &source, &e));
    HOLDS(fit_source(whole) == expected);
    HOLDS(fit_source(source) == expected);
    for (int with_gather = 0; with_gather < 2; with_gather++) {
        pauca_view view;
        pauca_kmeans_options o;
        pauca_kmeans_run *run;
        pauca_clusters *clusters;
        int32_t more = 1, before = releases;
        WORKS(pauca_source_callbacks_init(&calls, sizeof calls, &e));
        calls.n_rows = N, calls.dim = D, calls.dtype = PAUCA_F32, calls.user = x, calls.block_rows = 7;
        calls.read = reading, calls.gather = with_gather ? gathering : NULL, calls.release = releasing;
        WORKS(pauca_source_of_callbacks(&calls, &source, &e));
        WORKS(pauca_source_as_view(source, &view, &e));
        WORKS(pauca_kmeans_options_init(&o, sizeof o, &e));
        o.n_clusters = K, o.seed = 3;
        WORKS(pauca_kmeans_start(&view, NULL, &o, &run, NULL, &e));
        pauca_source_free(source);
        HOLDS(releases == before); /* the run still reads it */
        while (more) WORKS(pauca_kmeans_step(run, &more, NULL, &e));
        WORKS(pauca_kmeans_finish(run, &clusters, NULL, &e));
        pauca_kmeans_free(run);
        HOLDS(releases == before + 1);
        HOLDS(bits_of(clusters) == expected);
        pauca_clusters_free(clusters);
    }
    HOLDS(reads > 0 && gathers > 0);
}

/* DLPack. */
typedef struct {
    void *data;
    struct { int32_t device_type, device_id; } device;
    int32_t ndim;
    struct { uint8_t code, bits; uint16_t lanes; } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
} DLTensor;
typedef struct {
    struct { uint32_t major, minor; } version;
    void *manager_ctx;
    void (*deleter)(void *);
    uint64_t flags;
    DLTensor dl_tensor;
} DLManagedTensorVersioned;

static void dlpack(void)
{
    int64_t shape[2] = {N, D}, strides[2] = {D, 1};
    DLTensor t = {(float *)x - 3, {1, 0}, 2, {2, 32, 1}, shape, NULL, 3 * sizeof(float)};
    pauca_view view;
    WORKS(pauca_view_from_dlpack(&t, &view, &e));
    HOLDS(view.data == x && fit(&view, NULL) == expected);
    t.strides = strides;
    WORKS(pauca_view_from_dlpack(&t, &view, &e));
    HOLDS(fit(&view, NULL) == expected);
    for (uint32_t minor = 0; minor < 4; minor++) {
        DLManagedTensorVersioned v = {{1, minor}, NULL, NULL, 1, t};
        WORKS(pauca_view_from_dlpack_versioned(&v, &view, &e));
        HOLDS(fit(&view, NULL) == expected);
        v.version.major = 2;
        FAILS(PAUCA_UNSUPPORTED_TYPE, "major version of DLPack is 2", pauca_view_from_dlpack_versioned(&v, &view, E));
    }
    t.ndim = 1;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "dimensions of the tensor is 1", pauca_view_from_dlpack(&t, &view, E));
    t.ndim = 2, t.dtype.lanes = 4;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "type of the tensor", pauca_view_from_dlpack(&t, &view, E));
    t.dtype.lanes = 1, t.dtype.code = 0;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "type of the tensor", pauca_view_from_dlpack(&t, &view, E));
    t.dtype.code = 2, t.device.device_type = 4;
    FAILS(PAUCA_UNSUPPORTED_DEVICE, "device 4", pauca_view_from_dlpack(&t, &view, E));
    t.device.device_type = 1, shape[0] = -1;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "shape", pauca_view_from_dlpack(&t, &view, E));
    shape[0] = 1, strides[0] = -77;
    WORKS(pauca_view_from_dlpack(&t, &view, &e)); /* a stride that is never taken */
    HOLDS(view.row_stride >= 0);
    shape[0] = N, t.shape = NULL;
    FAILS(PAUCA_NULL_POINTER, "shape", pauca_view_from_dlpack(&t, &view, E));
}

/* Arrow. */
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

static int schemas_released, arrays_released, streams_released;
static void release_schema(struct ArrowSchema *schema) { schemas_released++, schema->release = NULL; }
static void release_array(struct ArrowArray *array) { arrays_released++, array->release = NULL; }

/* A column of lists, of all that it takes to describe one. */
typedef struct {
    struct ArrowSchema schema, child_schema, *schemas[1], outer_schema, *outer_schemas[1];
    struct ArrowArray array, child, *children[1], outer, *outers[1];
    const void *buffers[2], *child_buffers[2], *outer_buffers[1];
    int32_t offsets[N + 8];
    int64_t large_offsets[N + 8];
    unsigned char valid[N], child_valid[N * D];
} Column;

/* Rows first .. first + n of lists over all values, sliced at `offset`; the values themselves begin at `inner`. */
static void column(Column *c, const char *format, int64_t offset, int64_t n, const void *values, const char *type, int64_t inner)
{
    memset(c, 0, sizeof *c);
    c->schema.format = format, c->schema.n_children = 1, c->schemas[0] = &c->child_schema;
    c->schema.children = c->schemas, c->schema.release = release_schema;
    c->child_schema.format = type, c->child_schema.release = release_schema;
    c->array.length = n, c->array.offset = offset, c->array.n_children = 1, c->children[0] = &c->child;
    c->array.children = c->children, c->array.release = release_array, c->array.buffers = c->buffers;
    c->array.n_buffers = format[1] == 'w' ? 1 : 2;
    c->child.length = (offset + n) * D, c->child.offset = inner, c->child.n_buffers = 2;
    c->child.buffers = c->child_buffers, c->child_buffers[1] = values, c->child.release = release_array;
    for (int i = 0; i < N + 8; i++) c->offsets[i] = i * D, c->large_offsets[i] = i * D;
    c->buffers[1] = format[1] == 'L' ? (void *)c->large_offsets : (void *)c->offsets;
    memset(c->valid, 0xff, sizeof c->valid), memset(c->child_valid, 0xff, sizeof c->child_valid);
    c->outer_schema = c->schema, c->outer_schema.format = "+s", c->outer_schemas[0] = &c->schema;
    c->outer_schema.children = c->outer_schemas;
    c->outer = c->array, c->outer.offset = 0, c->outer.n_buffers = 1, c->outer.buffers = c->outer_buffers;
    c->outers[0] = &c->array, c->outer.children = c->outers;
}

static float padded[(N + 9) * D];

static void arrow_arrays(void)
{
    static Column c;
    pauca_view view;
    const char *formats[] = {"+w:5", "+l", "+L"};
    memcpy(padded + 3 * D + 2, x, sizeof x); /* 3 lists sliced off, 2 values before the first list */
    for (int f = 0; f < 3; f++) {
        column(&c, formats[f], 0, N, x, "f", 0);
        WORKS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e));
        HOLDS(view.data == x && fit(&view, NULL) == expected);
        column(&c, formats[f], 0, N, wide, "g", 0);
        WORKS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e));
        HOLDS(view.dtype == PAUCA_F64 && fit(&view, NULL) == expected);
        column(&c, formats[f], 3, N, padded, "f", 2);
        WORKS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e));
        HOLDS(fit(&view, NULL) == expected);
        WORKS(pauca_view_from_arrow(&c.outer_schema, &c.outer, &view, &e));
        HOLDS(fit(&view, NULL) == expected);
        /* Nulls before the slice do not matter, nulls in it do. */
        c.buffers[0] = c.valid, c.array.null_count = -1, c.valid[0] = 0xf8;
        WORKS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e));
        c.valid[1] = 0xfb; /* list 10 is row 7 */
        FAILS(PAUCA_NULL_VALUE, "row 7 is null", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        paint();
        HOLDS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e) && e.detail[0] == 7 && e.detail[1] == PAUCA_NONE);
        c.buffers[0] = NULL, c.child_buffers[0] = c.child_valid, c.child.null_count = 1;
        c.child_valid[(2 + 3 * D + 2 * D + 4) / 8] &= (unsigned char)~(1 << ((2 + 3 * D + 2 * D + 4) % 8));
        FAILS(PAUCA_NULL_VALUE, "row 2, column 4 is null", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        column(&c, formats[f], 0, N, x, "i", 0);
        FAILS(PAUCA_UNSUPPORTED_TYPE, "f16, f32 or f64", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        column(&c, formats[f], 0, N, x, "f", 0);
        c.child.length--;
        FAILS(PAUCA_UNSUPPORTED_TYPE, "beyond their values", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        c.child.length++, c.array.offset = -1;
        FAILS(PAUCA_UNSUPPORTED_TYPE, "negative", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        c.array.offset = INT64_MAX;
        if (f == 0) FAILS(PAUCA_UNSUPPORTED_TYPE, "out of range", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
        c.array.offset = 0, c.array.length = 0;
        WORKS(pauca_view_from_arrow(&c.schema, &c.array, &view, &e));
        HOLDS(view.rows == 0);
        c.array.length = N, c.schema.dictionary = &c.child_schema;
        FAILS(PAUCA_UNSUPPORTED_TYPE, "dictionary", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
    }
    column(&c, "+l", 0, N, x, "f", 0);
    c.offsets[10] += 1; /* row 9 has one value more */
    FAILS(PAUCA_SHAPE_MISMATCH, "the list of row 9 has 6 values, expected 5", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
    column(&c, "+w:x", 0, N, x, "f", 0);
    FAILS(PAUCA_UNSUPPORTED_TYPE, "expected lists", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
    column(&c, "f", 0, N, x, "f", 0);
    FAILS(PAUCA_UNSUPPORTED_TYPE, "expected lists", pauca_view_from_arrow(&c.schema, &c.array, &view, E));
}

/* A stream of three chunks, the second empty; `broken` fails at the third, `with_null` has a null there. */
static struct { Column chunk[3]; int at, broken, with_null; } stream;

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    (void)s;
    *out = stream.chunk[0].outer_schema;
    return 0;
}
static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    (void)s;
    memset(out, 0, sizeof *out);
    if (stream.at == 2 && stream.broken) return 5;
    if (stream.at < 3) *out = stream.chunk[stream.at++].outer;
    return 0;
}
static const char *last_error(struct ArrowArrayStream *s)
{
    (void)s;
    return "the disk is on fire";
}
static void release_stream(struct ArrowArrayStream *s) { streams_released++, s->release = NULL; }

static struct ArrowArrayStream open_stream(void)
{
    struct ArrowArrayStream s = {get_schema, get_next, last_error, release_stream, NULL};
    column(&stream.chunk[0], "+w:5", 0, 13, x, "f", 0);
    column(&stream.chunk[1], "+w:5", 0, 0, x, "f", 0);
    column(&stream.chunk[2], "+w:5", 13, N - 13, x, "f", 0);
    if (stream.with_null) {
        stream.chunk[2].buffers[0] = stream.chunk[2].valid, stream.chunk[2].array.null_count = 1;
        stream.chunk[2].valid[2] = 0xfe; /* row 16 */
    }
    stream.at = 0;
    schemas_released = arrays_released = streams_released = 0;
    return s;
}

static void arrow_streams(void)
{
    pauca_source *source = NULL;
    struct ArrowArrayStream s = open_stream();
    WORKS(pauca_source_from_arrow_stream(&s, &source, &e));
    HOLDS(streams_released == 1 && schemas_released == 1 && s.release == NULL);
    HOLDS(arrays_released == 1); /* the empty chunk; the others are held */
    HOLDS(fit_source(source) == expected);
    HOLDS(arrays_released == 3);
    stream.broken = 1, s = open_stream(), e.struct_size = sizeof e;
    HOLDS(pauca_source_from_arrow_stream(&s, &source, &e) == PAUCA_SOURCE && strstr(e.message, "the disk is on fire"));
    HOLDS(streams_released == 1 && schemas_released == 1 && arrays_released == 2);
    stream.broken = 0, stream.with_null = 1, s = open_stream();
    HOLDS(pauca_source_from_arrow_stream(&s, &source, &e) == PAUCA_NULL_VALUE && e.detail[0] == 16);
    HOLDS(streams_released == 1 && schemas_released == 1 && arrays_released == 3);
    stream.with_null = 0;
}

/* A result as a table, read as a reader does: the schema, the chunk, a column that is moved out of it, the end. */
static void arrow_tables(void)
{
    enum { M = 70 };
    static int64_t row[M];
    static uint8_t keep[M], valid[M];
    static double score[M];
    const pauca_column columns[] = {
        {"row", row, NULL, PAUCA_I64, 0},
        {"keep", keep, NULL, PAUCA_BOOL, 0},
        {"score", score, valid, PAUCA_F64, 0},
    };
    pauca_column wrong[3];
    struct ArrowArrayStream s;
    struct ArrowSchema schema, moved_schema;
    struct ArrowArray array, moved, end;
    for (int i = 0; i < M; i++) row[i] = i * i, keep[i] = (uint8_t)(i % 3 * 5), valid[i] = i % 7 != 2, score[i] = i / 4.0;

    WORKS(pauca_arrow_stream(columns, 3, M, &s, &e));
    HOLDS(s.get_schema(&s, &schema) == 0 && !strcmp(schema.format, "+s") && schema.n_children == 3);
    HOLDS(!strcmp(schema.children[0]->name, "row") && !strcmp(schema.children[0]->format, "l"));
    HOLDS(!strcmp(schema.children[1]->format, "b") && schema.children[1]->flags == 0);
    HOLDS(!strcmp(schema.children[2]->format, "g") && schema.children[2]->flags == 2 && !schema.children[2]->dictionary);
    moved_schema = *schema.children[2], schema.children[2]->release = NULL;
    schema.release(&schema);
    HOLDS(!schema.release && !strcmp(moved_schema.name, "score"));
    moved_schema.release(&moved_schema);

    HOLDS(s.get_next(&s, &array) == 0 && array.length == M && array.n_children == 3 && array.n_buffers == 1);
    HOLDS(!memcmp(array.children[0]->buffers[1], row, sizeof row) && !array.children[0]->buffers[0]);
    HOLDS(array.children[2]->null_count == 10 && !memcmp(array.children[2]->buffers[1], score, sizeof score));
    for (int i = 0; i < M; i++) {
        const uint8_t *bits = array.children[1]->buffers[1], *there = array.children[2]->buffers[0];
        HOLDS((bits[i / 8] >> i % 8 & 1) == (i % 3 != 0) && (there[i / 8] >> i % 8 & 1) == valid[i]);
    }
    HOLDS(s.get_next(&s, &end) == 0 && !end.release);
    HOLDS(s.get_schema(&s, &schema) == 0 && schema.children[2]->flags == 2);
    schema.release(&schema);
    moved = *array.children[0], array.children[0]->release = NULL;
    array.release(&array);
    s.release(&s);
    HOLDS(!array.release && !s.release && !memcmp(moved.buffers[1], row, sizeof row));
    moved.release(&moved);

    WORKS(pauca_arrow_stream(columns, 3, M, &s, &e)); /* nobody reads it */
    s.release(&s);
    WORKS(pauca_arrow_stream(columns, 2, 0, &s, &e)); /* no rows */
    HOLDS(s.get_next(&s, &array) == 0 && array.length == 0 && array.n_children == 2);
    array.release(&array), s.release(&s);

    FAILS(PAUCA_EMPTY, "columns", pauca_arrow_stream(columns, 0, M, &s, E));
    FAILS(PAUCA_NULL_POINTER, "columns", pauca_arrow_stream(NULL, 3, M, &s, E));
    FAILS(PAUCA_NULL_POINTER, "stream", pauca_arrow_stream(columns, 3, M, NULL, E));
    FAILS(PAUCA_TOO_LARGE, "values of a column", pauca_arrow_stream(columns, 3, UINT64_MAX / 2, &s, E));
    memcpy(wrong, columns, sizeof wrong), wrong[1].dtype = PAUCA_F16;
    FAILS(PAUCA_UNSUPPORTED_TYPE, "dtype of a column", pauca_arrow_stream(wrong, 3, M, &s, E));
    memcpy(wrong, columns, sizeof wrong), wrong[1].reserved = 1;
    FAILS(PAUCA_UNSUPPORTED_OPTION, "column", pauca_arrow_stream(wrong, 3, M, &s, E));
    memcpy(wrong, columns, sizeof wrong), wrong[2].name = NULL;
    FAILS(PAUCA_NULL_POINTER, "name of a column", pauca_arrow_stream(wrong, 3, M, &s, E));
    memcpy(wrong, columns, sizeof wrong), wrong[0].values = (const char *)row + 4;
    FAILS(PAUCA_MISALIGNED, "values of a column", pauca_arrow_stream(wrong, 3, M, &s, E));
    memcpy(wrong, columns, sizeof wrong), wrong[0].values = NULL;
    FAILS(PAUCA_NULL_POINTER, "values of a column", pauca_arrow_stream(wrong, 3, M, &s, E));
}

int main(void)
{
    pauca_view view = packed(x, N, D, PAUCA_F32);
    for (int i = 0; i < N * D; i++) wide[i] = x[i] = (float)((i * 37 % 101) - 50) / 8;
    e.struct_size = sizeof e, E = &e;
    expected = fit(&view, NULL);
    HOLDS(expected != 0);
    strides();
    said_aloud();
    sources();
    dlpack();
    arrow_arrays();
    arrow_streams();
    arrow_tables();
    say_what_was_tried();
    return summary("rows");
}
