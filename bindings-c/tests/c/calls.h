/* Every function of pauca.h that can fail, sent through every.h.
 * Written by PAUCA_WRITE_HEADER=1 cargo test -p pauca-c --test header. */
#include "every.h"

static pauca_status call_pauca_abi_check(const Argument *a) { return pauca_abi_check(a[0].bits, (pauca_error *)a[1].at); }
static const Function of_pauca_abi_check = {
    "pauca_abi_check", call_pauca_abi_check, 2, {
     {"header_version", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_abi_check(uint32_t header_version, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_abi_check, (const Argument[]){{.bits = header_version}, {.at = (uintptr_t)error}});
}
#define pauca_abi_check every_pauca_abi_check

static pauca_status call_pauca_device_count(const Argument *a) { return pauca_device_count(a[0].choice, (uint32_t *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_device_count = {
    "pauca_device_count", call_pauca_device_count, 3, {
     {"backend", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"count", AN_OUTPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_device_count(int32_t backend, uint32_t * count, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_device_count, (const Argument[]){{.choice = backend}, {.at = (uintptr_t)count}, {.at = (uintptr_t)error}});
}
#define pauca_device_count every_pauca_device_count

static pauca_status call_pauca_context_options_init(const Argument *a) { return pauca_context_options_init((pauca_context_options *)a[0].at, a[1].bits, a[2].bits, (pauca_error *)a[3].at); }
static const Function of_pauca_context_options_init = {
    "pauca_context_options_init", call_pauca_context_options_init, 4, {
     {"options", AN_OUTPUT, _Alignof(pauca_context_options), 0, sizeof(pauca_context_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"abi_version", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_context_options_init(pauca_context_options * options, uint32_t struct_size, uint32_t abi_version, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_context_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.bits = abi_version}, {.at = (uintptr_t)error}});
}
#define pauca_context_options_init every_pauca_context_options_init

static pauca_status call_pauca_context_new(const Argument *a) { return pauca_context_new((const pauca_context_options *)a[0].at, (pauca_context **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_context_new = {
    "pauca_context_new", call_pauca_context_new, 3, {
     {"options", A_STRUCT, _Alignof(pauca_context_options), 1, sizeof(pauca_context_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_context_new(const pauca_context_options * options, pauca_context ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_context_new, (const Argument[]){{.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_context_new every_pauca_context_new

static pauca_status call_pauca_context_info(const Argument *a) { return pauca_context_info((const pauca_context *)a[0].at, (int32_t *)a[1].at, (uint32_t *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_context_info = {
    "pauca_context_info", call_pauca_context_info, 4, {
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"simd_level", AN_OUTPUT, _Alignof(int32_t), 1, sizeof(int32_t)},
     {"threads", AN_OUTPUT, _Alignof(uint32_t), 1, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_context_info(const pauca_context * context, int32_t * simd_level, uint32_t * threads, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_context_info, (const Argument[]){{.at = (uintptr_t)context}, {.at = (uintptr_t)simd_level}, {.at = (uintptr_t)threads}, {.at = (uintptr_t)error}});
}
#define pauca_context_info every_pauca_context_info

static pauca_status call_pauca_source_view(const Argument *a) { return pauca_source_view((const pauca_view *)a[0].at, (pauca_source **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_source_view = {
    "pauca_source_view", call_pauca_source_view, 3, {
     {"view", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_view(const pauca_view * view, pauca_source ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_view, (const Argument[]){{.at = (uintptr_t)view}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_view every_pauca_source_view

static pauca_status call_pauca_source_shards(const Argument *a) { return pauca_source_shards((const pauca_source *const *)a[0].at, a[1].length, a[2].choice, (pauca_source **)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_source_shards = {
    "pauca_source_shards", call_pauca_source_shards, 5, {
     {"shards", AN_INPUT, _Alignof(void *), 0, 0},
     {"n_shards", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"own_ids", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_shards(const pauca_source *const * shards, uint64_t n_shards, int32_t own_ids, pauca_source ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_shards, (const Argument[]){{.at = (uintptr_t)shards}, {.length = n_shards}, {.choice = own_ids}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_shards every_pauca_source_shards

static pauca_status call_pauca_source_callbacks_init(const Argument *a) { return pauca_source_callbacks_init((pauca_source_callbacks *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_source_callbacks_init = {
    "pauca_source_callbacks_init", call_pauca_source_callbacks_init, 3, {
     {"callbacks", AN_OUTPUT, _Alignof(pauca_source_callbacks), 0, sizeof(pauca_source_callbacks)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_callbacks_init(pauca_source_callbacks * callbacks, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_callbacks_init, (const Argument[]){{.at = (uintptr_t)callbacks}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_source_callbacks_init every_pauca_source_callbacks_init

static pauca_status call_pauca_source_of_callbacks(const Argument *a) { return pauca_source_of_callbacks((const pauca_source_callbacks *)a[0].at, (pauca_source **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_source_of_callbacks = {
    "pauca_source_of_callbacks", call_pauca_source_of_callbacks, 3, {
     {"callbacks", A_STRUCT, _Alignof(pauca_source_callbacks), 0, sizeof(pauca_source_callbacks)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_of_callbacks(const pauca_source_callbacks * callbacks, pauca_source ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_of_callbacks, (const Argument[]){{.at = (uintptr_t)callbacks}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_of_callbacks every_pauca_source_of_callbacks

static pauca_status call_pauca_source_subset(const Argument *a) { return pauca_source_subset((const pauca_source *)a[0].at, (const uint64_t *)a[1].at, a[2].length, (pauca_source **)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_source_subset = {
    "pauca_source_subset", call_pauca_source_subset, 5, {
     {"source", A_HANDLE, _Alignof(void *), 0, 0},
     {"rows", AN_INPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"n_rows", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_subset(const pauca_source * source, const uint64_t * rows, uint64_t n_rows, pauca_source ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_subset, (const Argument[]){{.at = (uintptr_t)source}, {.at = (uintptr_t)rows}, {.length = n_rows}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_subset every_pauca_source_subset

static pauca_status call_pauca_source_shape(const Argument *a) { return pauca_source_shape((const pauca_source *)a[0].at, (uint64_t *)a[1].at, (uint64_t *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_source_shape = {
    "pauca_source_shape", call_pauca_source_shape, 4, {
     {"source", A_HANDLE, _Alignof(void *), 0, 0},
     {"n_rows", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"dim", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_shape(const pauca_source * source, uint64_t * n_rows, uint64_t * dim, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_shape, (const Argument[]){{.at = (uintptr_t)source}, {.at = (uintptr_t)n_rows}, {.at = (uintptr_t)dim}, {.at = (uintptr_t)error}});
}
#define pauca_source_shape every_pauca_source_shape

static pauca_status call_pauca_source_as_view(const Argument *a) { return pauca_source_as_view((const pauca_source *)a[0].at, (pauca_view *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_source_as_view = {
    "pauca_source_as_view", call_pauca_source_as_view, 3, {
     {"source", A_HANDLE, _Alignof(void *), 0, 0},
     {"view", AN_OUTPUT, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_as_view(const pauca_source * source, pauca_view * view, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_as_view, (const Argument[]){{.at = (uintptr_t)source}, {.at = (uintptr_t)view}, {.at = (uintptr_t)error}});
}
#define pauca_source_as_view every_pauca_source_as_view

static pauca_status call_pauca_source_read(const Argument *a) { return pauca_source_read((const pauca_source *)a[0].at, a[1].length, a[2].length, (float *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_source_read = {
    "pauca_source_read", call_pauca_source_read, 5, {
     {"source", A_HANDLE, _Alignof(void *), 0, 0},
     {"first", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"count", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(float), 0, sizeof(float)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_read(const pauca_source * source, uint64_t first, uint64_t count, float * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_read, (const Argument[]){{.at = (uintptr_t)source}, {.length = first}, {.length = count}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_read every_pauca_source_read

static pauca_status call_pauca_view_from_dlpack(const Argument *a) { return pauca_view_from_dlpack((const void *)a[0].at, (pauca_view *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_view_from_dlpack = {
    "pauca_view_from_dlpack", call_pauca_view_from_dlpack, 3, {
     {"dl_tensor", A_HANDLE, 8, 0, 0},
     {"view", AN_OUTPUT, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_view_from_dlpack(const void * dl_tensor, pauca_view * view, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_view_from_dlpack, (const Argument[]){{.at = (uintptr_t)dl_tensor}, {.at = (uintptr_t)view}, {.at = (uintptr_t)error}});
}
#define pauca_view_from_dlpack every_pauca_view_from_dlpack

static pauca_status call_pauca_view_from_dlpack_versioned(const Argument *a) { return pauca_view_from_dlpack_versioned((const void *)a[0].at, (pauca_view *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_view_from_dlpack_versioned = {
    "pauca_view_from_dlpack_versioned", call_pauca_view_from_dlpack_versioned, 3, {
     {"dl_managed_tensor", A_HANDLE, 8, 0, 0},
     {"view", AN_OUTPUT, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_view_from_dlpack_versioned(const void * dl_managed_tensor, pauca_view * view, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_view_from_dlpack_versioned, (const Argument[]){{.at = (uintptr_t)dl_managed_tensor}, {.at = (uintptr_t)view}, {.at = (uintptr_t)error}});
}
#define pauca_view_from_dlpack_versioned every_pauca_view_from_dlpack_versioned

static pauca_status call_pauca_view_from_arrow(const Argument *a) { return pauca_view_from_arrow((const void *)a[0].at, (const void *)a[1].at, (pauca_view *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_view_from_arrow = {
    "pauca_view_from_arrow", call_pauca_view_from_arrow, 4, {
     {"schema", A_HANDLE, 8, 0, 0},
     {"array", A_HANDLE, 8, 0, 0},
     {"view", AN_OUTPUT, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_view_from_arrow(const void * schema, const void * array, pauca_view * view, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_view_from_arrow, (const Argument[]){{.at = (uintptr_t)schema}, {.at = (uintptr_t)array}, {.at = (uintptr_t)view}, {.at = (uintptr_t)error}});
}
#define pauca_view_from_arrow every_pauca_view_from_arrow

static pauca_status call_pauca_source_from_arrow_stream(const Argument *a) { return pauca_source_from_arrow_stream((void *)a[0].at, (pauca_source **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_source_from_arrow_stream = {
    "pauca_source_from_arrow_stream", call_pauca_source_from_arrow_stream, 3, {
     {"stream", A_HANDLE, 8, 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_source_from_arrow_stream(void * stream, pauca_source ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_source_from_arrow_stream, (const Argument[]){{.at = (uintptr_t)stream}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_source_from_arrow_stream every_pauca_source_from_arrow_stream

static pauca_status call_pauca_arrow_stream(const Argument *a) { return pauca_arrow_stream((const pauca_column *)a[0].at, a[1].length, a[2].length, (void *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_arrow_stream = {
    "pauca_arrow_stream", call_pauca_arrow_stream, 5, {
     {"columns", AN_INPUT, _Alignof(pauca_column), 0, sizeof(pauca_column)},
     {"n_columns", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"n_rows", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"stream", AN_OUTPUT, 8, 0, 40},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_arrow_stream(const pauca_column * columns, uint64_t n_columns, uint64_t n_rows, void * stream, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_arrow_stream, (const Argument[]){{.at = (uintptr_t)columns}, {.length = n_columns}, {.length = n_rows}, {.at = (uintptr_t)stream}, {.at = (uintptr_t)error}});
}
#define pauca_arrow_stream every_pauca_arrow_stream

static pauca_status call_pauca_blob_copy(const Argument *a) { return pauca_blob_copy((const pauca_blob *)a[0].at, (void *)a[1].at, a[2].length, (pauca_error *)a[3].at); }
static const Function of_pauca_blob_copy = {
    "pauca_blob_copy", call_pauca_blob_copy, 4, {
     {"blob", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, 1, 0, 1},
     {"size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_blob_copy(const pauca_blob * blob, void * out, uint64_t size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_blob_copy, (const Argument[]){{.at = (uintptr_t)blob}, {.at = (uintptr_t)out}, {.length = size}, {.at = (uintptr_t)error}});
}
#define pauca_blob_copy every_pauca_blob_copy

static pauca_status call_pauca_clusters_get_info(const Argument *a) { return pauca_clusters_get_info((const pauca_clusters *)a[0].at, (pauca_clusters_info *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_clusters_get_info = {
    "pauca_clusters_get_info", call_pauca_clusters_get_info, 3, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"info", A_RESULT, _Alignof(pauca_clusters_info), 0, sizeof(pauca_clusters_info)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_get_info(const pauca_clusters * clusters, pauca_clusters_info * info, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_get_info, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)info}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_get_info every_pauca_clusters_get_info

static pauca_status call_pauca_clusters_copy(const Argument *a) { return pauca_clusters_copy((const pauca_clusters *)a[0].at, (const pauca_clusters_arrays *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_clusters_copy = {
    "pauca_clusters_copy", call_pauca_clusters_copy, 3, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"arrays", A_STRUCT, _Alignof(pauca_clusters_arrays), 0, sizeof(pauca_clusters_arrays)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_copy(const pauca_clusters * clusters, const pauca_clusters_arrays * arrays, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_copy, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)arrays}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_copy every_pauca_clusters_copy

static pauca_status call_pauca_clusters_predict(const Argument *a) { return pauca_clusters_predict((const pauca_clusters *)a[0].at, (const pauca_view *)a[1].at, (uint32_t *)a[2].at, a[3].length, (const pauca_context *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_clusters_predict = {
    "pauca_clusters_predict", call_pauca_clusters_predict, 6, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"labels", AN_OUTPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"labels_len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_predict(const pauca_clusters * clusters, const pauca_view * x, uint32_t * labels, uint64_t labels_len, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_predict, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)x}, {.at = (uintptr_t)labels}, {.length = labels_len}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_predict every_pauca_clusters_predict

static pauca_status call_pauca_clusters_from_parts(const Argument *a) { return pauca_clusters_from_parts(a[0].choice, (const pauca_view *)a[1].at, (const uint32_t *)a[2].at, (const double *)a[3].at, a[4].length, (pauca_clusters **)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_clusters_from_parts = {
    "pauca_clusters_from_parts", call_pauca_clusters_from_parts, 7, {
     {"metric", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"centroids", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"labels", AN_INPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"distances", AN_INPUT, _Alignof(double), 1, sizeof(double)},
     {"n_rows", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_from_parts(int32_t metric, const pauca_view * centroids, const uint32_t * labels, const double * distances, uint64_t n_rows, pauca_clusters ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_from_parts, (const Argument[]){{.choice = metric}, {.at = (uintptr_t)centroids}, {.at = (uintptr_t)labels}, {.at = (uintptr_t)distances}, {.length = n_rows}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_from_parts every_pauca_clusters_from_parts

static pauca_status call_pauca_clusters_assign(const Argument *a) { return pauca_clusters_assign((const pauca_clusters *)a[0].at, (const pauca_view *)a[1].at, (uint32_t *)a[2].at, (double *)a[3].at, a[4].length, (const pauca_context *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_clusters_assign = {
    "pauca_clusters_assign", call_pauca_clusters_assign, 7, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"labels", AN_OUTPUT, _Alignof(uint32_t), 1, sizeof(uint32_t)},
     {"distances", AN_OUTPUT, _Alignof(double), 1, sizeof(double)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_assign(const pauca_clusters * clusters, const pauca_view * x, uint32_t * labels, double * distances, uint64_t len, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_assign, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)x}, {.at = (uintptr_t)labels}, {.at = (uintptr_t)distances}, {.length = len}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_assign every_pauca_clusters_assign

static pauca_status call_pauca_clusters_measure(const Argument *a) { return pauca_clusters_measure((const pauca_clusters *)a[0].at, (const pauca_view *)a[1].at, (double *)a[2].at, a[3].length, (const pauca_context *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_clusters_measure = {
    "pauca_clusters_measure", call_pauca_clusters_measure, 6, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"distances", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"distances_len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_measure(const pauca_clusters * clusters, const pauca_view * x, double * distances, uint64_t distances_len, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_measure, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)x}, {.at = (uintptr_t)distances}, {.length = distances_len}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_measure every_pauca_clusters_measure

static pauca_status call_pauca_clusters_to_bytes(const Argument *a) { return pauca_clusters_to_bytes((const pauca_clusters *)a[0].at, (pauca_blob **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_clusters_to_bytes = {
    "pauca_clusters_to_bytes", call_pauca_clusters_to_bytes, 3, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_to_bytes(const pauca_clusters * clusters, pauca_blob ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_to_bytes, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_to_bytes every_pauca_clusters_to_bytes

static pauca_status call_pauca_clusters_from_bytes(const Argument *a) { return pauca_clusters_from_bytes((const void *)a[0].at, a[1].length, (pauca_clusters **)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_clusters_from_bytes = {
    "pauca_clusters_from_bytes", call_pauca_clusters_from_bytes, 4, {
     {"bytes", AN_INPUT, 1, 0, 0},
     {"bytes_size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_clusters_from_bytes(const void * bytes, uint64_t bytes_size, pauca_clusters ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_clusters_from_bytes, (const Argument[]){{.at = (uintptr_t)bytes}, {.length = bytes_size}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_clusters_from_bytes every_pauca_clusters_from_bytes

static pauca_status call_pauca_kmeans_options_init(const Argument *a) { return pauca_kmeans_options_init((pauca_kmeans_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_kmeans_options_init = {
    "pauca_kmeans_options_init", call_pauca_kmeans_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_kmeans_options), 0, sizeof(pauca_kmeans_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_options_init(pauca_kmeans_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_options_init every_pauca_kmeans_options_init

static pauca_status call_pauca_kmeans(const Argument *a) { return pauca_kmeans((const pauca_view *)a[0].at, (const float *)a[1].at, (const pauca_kmeans_options *)a[2].at, (pauca_clusters **)a[3].at, (const pauca_context *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_kmeans = {
    "pauca_kmeans", call_pauca_kmeans, 6, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"options", A_STRUCT, _Alignof(pauca_kmeans_options), 0, sizeof(pauca_kmeans_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans(const pauca_view * x, const float * weights, const pauca_kmeans_options * options, pauca_clusters ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)weights}, {.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans every_pauca_kmeans

static pauca_status call_pauca_kmeans_start(const Argument *a) { return pauca_kmeans_start((const pauca_view *)a[0].at, (const float *)a[1].at, (const pauca_kmeans_options *)a[2].at, (pauca_kmeans_run **)a[3].at, (const pauca_context *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_kmeans_start = {
    "pauca_kmeans_start", call_pauca_kmeans_start, 6, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"options", A_STRUCT, _Alignof(pauca_kmeans_options), 0, sizeof(pauca_kmeans_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_start(const pauca_view * x, const float * weights, const pauca_kmeans_options * options, pauca_kmeans_run ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_start, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)weights}, {.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_start every_pauca_kmeans_start

static pauca_status call_pauca_kmeans_step(const Argument *a) { return pauca_kmeans_step((pauca_kmeans_run *)a[0].at, (int32_t *)a[1].at, (const pauca_context *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_kmeans_step = {
    "pauca_kmeans_step", call_pauca_kmeans_step, 4, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"more", AN_OUTPUT, _Alignof(int32_t), 1, sizeof(int32_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_step(pauca_kmeans_run * run, int32_t * more, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_step, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)more}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_step every_pauca_kmeans_step

static pauca_status call_pauca_kmeans_get_state(const Argument *a) { return pauca_kmeans_get_state((const pauca_kmeans_run *)a[0].at, (pauca_kmeans_state *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_kmeans_get_state = {
    "pauca_kmeans_get_state", call_pauca_kmeans_get_state, 3, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"state", A_RESULT, _Alignof(pauca_kmeans_state), 0, sizeof(pauca_kmeans_state)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_get_state(const pauca_kmeans_run * run, pauca_kmeans_state * state, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_get_state, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)state}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_get_state every_pauca_kmeans_get_state

static pauca_status call_pauca_kmeans_checkpoint(const Argument *a) { return pauca_kmeans_checkpoint((const pauca_kmeans_run *)a[0].at, (pauca_blob **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_kmeans_checkpoint = {
    "pauca_kmeans_checkpoint", call_pauca_kmeans_checkpoint, 3, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_checkpoint(const pauca_kmeans_run * run, pauca_blob ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_checkpoint, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_checkpoint every_pauca_kmeans_checkpoint

static pauca_status call_pauca_kmeans_resume(const Argument *a) { return pauca_kmeans_resume((const pauca_view *)a[0].at, (const float *)a[1].at, (const pauca_kmeans_options *)a[2].at, (const void *)a[3].at, a[4].length, (pauca_kmeans_run **)a[5].at, (const pauca_context *)a[6].at, (pauca_error *)a[7].at); }
static const Function of_pauca_kmeans_resume = {
    "pauca_kmeans_resume", call_pauca_kmeans_resume, 8, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"options", A_STRUCT, _Alignof(pauca_kmeans_options), 0, sizeof(pauca_kmeans_options)},
     {"bytes", AN_INPUT, 1, 0, 0},
     {"bytes_size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_resume(const pauca_view * x, const float * weights, const pauca_kmeans_options * options, const void * bytes, uint64_t bytes_size, pauca_kmeans_run ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_resume, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)weights}, {.at = (uintptr_t)options}, {.at = (uintptr_t)bytes}, {.length = bytes_size}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_resume every_pauca_kmeans_resume

static pauca_status call_pauca_kmeans_finish(const Argument *a) { return pauca_kmeans_finish((pauca_kmeans_run *)a[0].at, (pauca_clusters **)a[1].at, (const pauca_context *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_kmeans_finish = {
    "pauca_kmeans_finish", call_pauca_kmeans_finish, 4, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_kmeans_finish(pauca_kmeans_run * run, pauca_clusters ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_kmeans_finish, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_kmeans_finish every_pauca_kmeans_finish

static pauca_status call_pauca_sums_new(const Argument *a) { return pauca_sums_new(a[0].length, a[1].length, a[2].choice, (pauca_sums **)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_sums_new = {
    "pauca_sums_new", call_pauca_sums_new, 5, {
     {"n_clusters", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"dim", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"weighted", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_new(uint64_t n_clusters, uint64_t dim, int32_t weighted, pauca_sums ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_new, (const Argument[]){{.length = n_clusters}, {.length = dim}, {.choice = weighted}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_sums_new every_pauca_sums_new

static pauca_status call_pauca_sums_shape(const Argument *a) { return pauca_sums_shape((const pauca_sums *)a[0].at, (uint64_t *)a[1].at, (uint64_t *)a[2].at, (int32_t *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_sums_shape = {
    "pauca_sums_shape", call_pauca_sums_shape, 5, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"n_clusters", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"dim", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"weighted", AN_OUTPUT, _Alignof(int32_t), 1, sizeof(int32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_shape(const pauca_sums * sums, uint64_t * n_clusters, uint64_t * dim, int32_t * weighted, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_shape, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)n_clusters}, {.at = (uintptr_t)dim}, {.at = (uintptr_t)weighted}, {.at = (uintptr_t)error}});
}
#define pauca_sums_shape every_pauca_sums_shape

static pauca_status call_pauca_sums_add_rows(const Argument *a) { return pauca_sums_add_rows((pauca_sums *)a[0].at, (const pauca_view *)a[1].at, (const uint32_t *)a[2].at, (const float *)a[3].at, a[4].choice, (const pauca_context *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_sums_add_rows = {
    "pauca_sums_add_rows", call_pauca_sums_add_rows, 7, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"labels", AN_INPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"metric", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_add_rows(pauca_sums * sums, const pauca_view * x, const uint32_t * labels, const float * weights, int32_t metric, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_add_rows, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)x}, {.at = (uintptr_t)labels}, {.at = (uintptr_t)weights}, {.choice = metric}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_sums_add_rows every_pauca_sums_add_rows

static pauca_status call_pauca_sums_remove_rows(const Argument *a) { return pauca_sums_remove_rows((pauca_sums *)a[0].at, (const pauca_view *)a[1].at, (const uint32_t *)a[2].at, (const float *)a[3].at, a[4].choice, (const pauca_context *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_sums_remove_rows = {
    "pauca_sums_remove_rows", call_pauca_sums_remove_rows, 7, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"labels", AN_INPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"metric", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_remove_rows(pauca_sums * sums, const pauca_view * x, const uint32_t * labels, const float * weights, int32_t metric, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_remove_rows, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)x}, {.at = (uintptr_t)labels}, {.at = (uintptr_t)weights}, {.choice = metric}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_sums_remove_rows every_pauca_sums_remove_rows

static pauca_status call_pauca_sums_merge(const Argument *a) { return pauca_sums_merge((pauca_sums *)a[0].at, (const pauca_sums *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_sums_merge = {
    "pauca_sums_merge", call_pauca_sums_merge, 3, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"other", A_HANDLE, _Alignof(void *), 0, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_merge(pauca_sums * sums, const pauca_sums * other, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_merge, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)other}, {.at = (uintptr_t)error}});
}
#define pauca_sums_merge every_pauca_sums_merge

static pauca_status call_pauca_sums_remove(const Argument *a) { return pauca_sums_remove((pauca_sums *)a[0].at, (const pauca_sums *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_sums_remove = {
    "pauca_sums_remove", call_pauca_sums_remove, 3, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"other", A_HANDLE, _Alignof(void *), 0, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_remove(pauca_sums * sums, const pauca_sums * other, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_remove, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)other}, {.at = (uintptr_t)error}});
}
#define pauca_sums_remove every_pauca_sums_remove

static pauca_status call_pauca_sums_counts(const Argument *a) { return pauca_sums_counts((const pauca_sums *)a[0].at, (uint64_t *)a[1].at, (double *)a[2].at, a[3].length, (pauca_error *)a[4].at); }
static const Function of_pauca_sums_counts = {
    "pauca_sums_counts", call_pauca_sums_counts, 5, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"counts", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"weights", AN_OUTPUT, _Alignof(double), 1, sizeof(double)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_counts(const pauca_sums * sums, uint64_t * counts, double * weights, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_counts, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)counts}, {.at = (uintptr_t)weights}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_sums_counts every_pauca_sums_counts

static pauca_status call_pauca_sums_column_sums(const Argument *a) { return pauca_sums_column_sums((const pauca_sums *)a[0].at, (double *)a[1].at, a[2].length, (pauca_error *)a[3].at); }
static const Function of_pauca_sums_column_sums = {
    "pauca_sums_column_sums", call_pauca_sums_column_sums, 4, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_column_sums(const pauca_sums * sums, double * out, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_column_sums, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)out}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_sums_column_sums every_pauca_sums_column_sums

static pauca_status call_pauca_sums_centroids(const Argument *a) { return pauca_sums_centroids((const pauca_sums *)a[0].at, a[1].choice, (float *)a[2].at, a[3].length, (uint8_t *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_sums_centroids = {
    "pauca_sums_centroids", call_pauca_sums_centroids, 6, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"metric", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"centroids", AN_OUTPUT, _Alignof(float), 0, sizeof(float)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"made", AN_OUTPUT, _Alignof(uint8_t), 1, sizeof(uint8_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_centroids(const pauca_sums * sums, int32_t metric, float * centroids, uint64_t len, uint8_t * made, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_centroids, (const Argument[]){{.at = (uintptr_t)sums}, {.choice = metric}, {.at = (uintptr_t)centroids}, {.length = len}, {.at = (uintptr_t)made}, {.at = (uintptr_t)error}});
}
#define pauca_sums_centroids every_pauca_sums_centroids

static pauca_status call_pauca_sums_planes_len(const Argument *a) { return pauca_sums_planes_len((const pauca_sums *)a[0].at, a[1].bits, (uint64_t *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_sums_planes_len = {
    "pauca_sums_planes_len", call_pauca_sums_planes_len, 4, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"layout", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"len", AN_OUTPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_planes_len(const pauca_sums * sums, uint32_t layout, uint64_t * len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_planes_len, (const Argument[]){{.at = (uintptr_t)sums}, {.bits = layout}, {.at = (uintptr_t)len}, {.at = (uintptr_t)error}});
}
#define pauca_sums_planes_len every_pauca_sums_planes_len

static pauca_status call_pauca_sums_planes_get(const Argument *a) { return pauca_sums_planes_get((const pauca_sums *)a[0].at, a[1].bits, (int64_t *)a[2].at, a[3].length, (pauca_error *)a[4].at); }
static const Function of_pauca_sums_planes_get = {
    "pauca_sums_planes_get", call_pauca_sums_planes_get, 5, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"layout", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"planes", AN_OUTPUT, _Alignof(int64_t), 0, sizeof(int64_t)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_planes_get(const pauca_sums * sums, uint32_t layout, int64_t * planes, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_planes_get, (const Argument[]){{.at = (uintptr_t)sums}, {.bits = layout}, {.at = (uintptr_t)planes}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_sums_planes_get every_pauca_sums_planes_get

static pauca_status call_pauca_sums_planes_set(const Argument *a) { return pauca_sums_planes_set((pauca_sums *)a[0].at, a[1].bits, (const int64_t *)a[2].at, a[3].length, (pauca_error *)a[4].at); }
static const Function of_pauca_sums_planes_set = {
    "pauca_sums_planes_set", call_pauca_sums_planes_set, 5, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"layout", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"planes", AN_INPUT, _Alignof(int64_t), 0, sizeof(int64_t)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_planes_set(pauca_sums * sums, uint32_t layout, const int64_t * planes, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_planes_set, (const Argument[]){{.at = (uintptr_t)sums}, {.bits = layout}, {.at = (uintptr_t)planes}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_sums_planes_set every_pauca_sums_planes_set

static pauca_status call_pauca_sums_to_bytes(const Argument *a) { return pauca_sums_to_bytes((const pauca_sums *)a[0].at, (pauca_blob **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_sums_to_bytes = {
    "pauca_sums_to_bytes", call_pauca_sums_to_bytes, 3, {
     {"sums", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_to_bytes(const pauca_sums * sums, pauca_blob ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_to_bytes, (const Argument[]){{.at = (uintptr_t)sums}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_sums_to_bytes every_pauca_sums_to_bytes

static pauca_status call_pauca_sums_from_bytes(const Argument *a) { return pauca_sums_from_bytes((const void *)a[0].at, a[1].length, (pauca_sums **)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_sums_from_bytes = {
    "pauca_sums_from_bytes", call_pauca_sums_from_bytes, 4, {
     {"bytes", AN_INPUT, 1, 0, 0},
     {"bytes_size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_sums_from_bytes(const void * bytes, uint64_t bytes_size, pauca_sums ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_sums_from_bytes, (const Argument[]){{.at = (uintptr_t)bytes}, {.length = bytes_size}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_sums_from_bytes every_pauca_sums_from_bytes

static pauca_status call_pauca_exact_dot64(const Argument *a) { return pauca_exact_dot64((const float *)a[0].at, (const float *)a[1].at, a[2].length, (double *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_exact_dot64 = {
    "pauca_exact_dot64", call_pauca_exact_dot64, 5, {
     {"a", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"b", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"d", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_exact_dot64(const float * a, const float * b, uint64_t d, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_exact_dot64, (const Argument[]){{.at = (uintptr_t)a}, {.at = (uintptr_t)b}, {.length = d}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_exact_dot64 every_pauca_exact_dot64

static pauca_status call_pauca_exact_squared_distance(const Argument *a) { return pauca_exact_squared_distance((const float *)a[0].at, (const float *)a[1].at, a[2].length, (double *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_exact_squared_distance = {
    "pauca_exact_squared_distance", call_pauca_exact_squared_distance, 5, {
     {"a", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"b", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"d", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_exact_squared_distance(const float * a, const float * b, uint64_t d, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_exact_squared_distance, (const Argument[]){{.at = (uintptr_t)a}, {.at = (uintptr_t)b}, {.length = d}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_exact_squared_distance every_pauca_exact_squared_distance

static pauca_status call_pauca_exact_cosine(const Argument *a) { return pauca_exact_cosine((const float *)a[0].at, (const float *)a[1].at, a[2].length, (double *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_exact_cosine = {
    "pauca_exact_cosine", call_pauca_exact_cosine, 5, {
     {"a", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"b", AN_INPUT, _Alignof(float), 0, sizeof(float)},
     {"d", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_exact_cosine(const float * a, const float * b, uint64_t d, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_exact_cosine, (const Argument[]){{.at = (uintptr_t)a}, {.at = (uintptr_t)b}, {.length = d}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_exact_cosine every_pauca_exact_cosine

static pauca_status call_pauca_exact_cosine_error(const Argument *a) { return pauca_exact_cosine_error(a[0].choice, a[1].length, (double *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_exact_cosine_error = {
    "pauca_exact_cosine_error", call_pauca_exact_cosine_error, 4, {
     {"in_precision", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"d", A_LENGTH, 1, 1, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_exact_cosine_error(int32_t in_precision, uint64_t d, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_exact_cosine_error, (const Argument[]){{.choice = in_precision}, {.length = d}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_exact_cosine_error every_pauca_exact_cosine_error

static pauca_status call_pauca_exact_euclidean_error(const Argument *a) { return pauca_exact_euclidean_error(a[0].choice, a[1].length, a[2].number, a[3].number, a[4].number, (double *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_exact_euclidean_error = {
    "pauca_exact_euclidean_error", call_pauca_exact_euclidean_error, 7, {
     {"in_precision", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"d", A_LENGTH, 1, 1, sizeof(uint64_t)},
     {"scale", A_NUMBER, 1, 0, sizeof(double)},
     {"norm_a", A_NUMBER, 1, 0, sizeof(double)},
     {"norm_b", A_NUMBER, 1, 0, sizeof(double)},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_exact_euclidean_error(int32_t in_precision, uint64_t d, double scale, double norm_a, double norm_b, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_exact_euclidean_error, (const Argument[]){{.choice = in_precision}, {.length = d}, {.number = scale}, {.number = norm_a}, {.number = norm_b}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_exact_euclidean_error every_pauca_exact_euclidean_error

static pauca_status call_pauca_f64sum_new(const Argument *a) { return pauca_f64sum_new((pauca_f64sum **)a[0].at, (pauca_error *)a[1].at); }
static const Function of_pauca_f64sum_new = {
    "pauca_f64sum_new", call_pauca_f64sum_new, 2, {
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_f64sum_new(pauca_f64sum ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_f64sum_new, (const Argument[]){{.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_f64sum_new every_pauca_f64sum_new

static pauca_status call_pauca_f64sum_add(const Argument *a) { return pauca_f64sum_add((pauca_f64sum *)a[0].at, (const double *)a[1].at, (const float *)a[2].at, a[3].length, (pauca_error *)a[4].at); }
static const Function of_pauca_f64sum_add = {
    "pauca_f64sum_add", call_pauca_f64sum_add, 5, {
     {"sum", A_HANDLE, _Alignof(void *), 0, 0},
     {"values", AN_INPUT, _Alignof(double), 0, sizeof(double)},
     {"weights", AN_INPUT, _Alignof(float), 1, sizeof(float)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_f64sum_add(pauca_f64sum * sum, const double * values, const float * weights, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_f64sum_add, (const Argument[]){{.at = (uintptr_t)sum}, {.at = (uintptr_t)values}, {.at = (uintptr_t)weights}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_f64sum_add every_pauca_f64sum_add

static pauca_status call_pauca_f64sum_merge(const Argument *a) { return pauca_f64sum_merge((pauca_f64sum *)a[0].at, (const pauca_f64sum *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_f64sum_merge = {
    "pauca_f64sum_merge", call_pauca_f64sum_merge, 3, {
     {"sum", A_HANDLE, _Alignof(void *), 0, 0},
     {"other", A_HANDLE, _Alignof(void *), 0, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_f64sum_merge(pauca_f64sum * sum, const pauca_f64sum * other, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_f64sum_merge, (const Argument[]){{.at = (uintptr_t)sum}, {.at = (uintptr_t)other}, {.at = (uintptr_t)error}});
}
#define pauca_f64sum_merge every_pauca_f64sum_merge

static pauca_status call_pauca_f64sum_value(const Argument *a) { return pauca_f64sum_value((const pauca_f64sum *)a[0].at, (double *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_f64sum_value = {
    "pauca_f64sum_value", call_pauca_f64sum_value, 3, {
     {"sum", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_f64sum_value(const pauca_f64sum * sum, double * out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_f64sum_value, (const Argument[]){{.at = (uintptr_t)sum}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_f64sum_value every_pauca_f64sum_value

static pauca_status call_pauca_semdedup_options_init(const Argument *a) { return pauca_semdedup_options_init((pauca_semdedup_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_semdedup_options_init = {
    "pauca_semdedup_options_init", call_pauca_semdedup_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_semdedup_options), 0, sizeof(pauca_semdedup_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_semdedup_options_init(pauca_semdedup_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_semdedup_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_semdedup_options_init every_pauca_semdedup_options_init

static pauca_status call_pauca_semdedup(const Argument *a) { return pauca_semdedup((const pauca_view *)a[0].at, (const pauca_clusters *)a[1].at, (const pauca_semdedup_options *)a[2].at, (pauca_dedup **)a[3].at, (const pauca_context *)a[4].at, (pauca_error *)a[5].at); }
static const Function of_pauca_semdedup = {
    "pauca_semdedup", call_pauca_semdedup, 6, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"options", A_STRUCT, _Alignof(pauca_semdedup_options), 1, sizeof(pauca_semdedup_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_semdedup(const pauca_view * x, const pauca_clusters * clusters, const pauca_semdedup_options * options, pauca_dedup ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_semdedup, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)clusters}, {.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_semdedup every_pauca_semdedup

static pauca_status call_pauca_dedup_get_info(const Argument *a) { return pauca_dedup_get_info((const pauca_dedup *)a[0].at, (pauca_dedup_info *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_dedup_get_info = {
    "pauca_dedup_get_info", call_pauca_dedup_get_info, 3, {
     {"dedup", A_HANDLE, _Alignof(void *), 0, 0},
     {"info", A_RESULT, _Alignof(pauca_dedup_info), 0, sizeof(pauca_dedup_info)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_get_info(const pauca_dedup * dedup, pauca_dedup_info * info, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_get_info, (const Argument[]){{.at = (uintptr_t)dedup}, {.at = (uintptr_t)info}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_get_info every_pauca_dedup_get_info

static pauca_status call_pauca_dedup_copy(const Argument *a) { return pauca_dedup_copy((const pauca_dedup *)a[0].at, (const pauca_dedup_arrays *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_dedup_copy = {
    "pauca_dedup_copy", call_pauca_dedup_copy, 3, {
     {"dedup", A_HANDLE, _Alignof(void *), 0, 0},
     {"arrays", A_STRUCT, _Alignof(pauca_dedup_arrays), 0, sizeof(pauca_dedup_arrays)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_copy(const pauca_dedup * dedup, const pauca_dedup_arrays * arrays, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_copy, (const Argument[]){{.at = (uintptr_t)dedup}, {.at = (uintptr_t)arrays}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_copy every_pauca_dedup_copy

static pauca_status call_pauca_dedup_kept_at(const Argument *a) { return pauca_dedup_kept_at((const pauca_dedup *)a[0].at, a[1].number, a[2].choice, (uint64_t *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_dedup_kept_at = {
    "pauca_dedup_kept_at", call_pauca_dedup_kept_at, 5, {
     {"dedup", A_HANDLE, _Alignof(void *), 0, 0},
     {"epsilon", A_NUMBER, 1, 0, sizeof(double)},
     {"boundary", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"kept", AN_OUTPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_kept_at(const pauca_dedup * dedup, double epsilon, int32_t boundary, uint64_t * kept, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_kept_at, (const Argument[]){{.at = (uintptr_t)dedup}, {.number = epsilon}, {.choice = boundary}, {.at = (uintptr_t)kept}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_kept_at every_pauca_dedup_kept_at

static pauca_status call_pauca_dedup_curve(const Argument *a) { return pauca_dedup_curve((const pauca_dedup *)a[0].at, (double *)a[1].at, a[2].length, (pauca_error *)a[3].at); }
static const Function of_pauca_dedup_curve = {
    "pauca_dedup_curve", call_pauca_dedup_curve, 4, {
     {"dedup", A_HANDLE, _Alignof(void *), 0, 0},
     {"similarities", AN_OUTPUT, _Alignof(double), 0, sizeof(double)},
     {"len", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_curve(const pauca_dedup * dedup, double * similarities, uint64_t len, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_curve, (const Argument[]){{.at = (uintptr_t)dedup}, {.at = (uintptr_t)similarities}, {.length = len}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_curve every_pauca_dedup_curve

static pauca_status call_pauca_dedup_to_bytes(const Argument *a) { return pauca_dedup_to_bytes((const pauca_dedup *)a[0].at, (pauca_blob **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_dedup_to_bytes = {
    "pauca_dedup_to_bytes", call_pauca_dedup_to_bytes, 3, {
     {"dedup", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_to_bytes(const pauca_dedup * dedup, pauca_blob ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_to_bytes, (const Argument[]){{.at = (uintptr_t)dedup}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_to_bytes every_pauca_dedup_to_bytes

static pauca_status call_pauca_dedup_from_bytes(const Argument *a) { return pauca_dedup_from_bytes((const void *)a[0].at, a[1].length, (pauca_dedup **)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_dedup_from_bytes = {
    "pauca_dedup_from_bytes", call_pauca_dedup_from_bytes, 4, {
     {"bytes", AN_INPUT, 1, 0, 0},
     {"bytes_size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_dedup_from_bytes(const void * bytes, uint64_t bytes_size, pauca_dedup ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_dedup_from_bytes, (const Argument[]){{.at = (uintptr_t)bytes}, {.length = bytes_size}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_dedup_from_bytes every_pauca_dedup_from_bytes

static pauca_status call_pauca_semdedup_against_options_init(const Argument *a) { return pauca_semdedup_against_options_init((pauca_semdedup_against_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_semdedup_against_options_init = {
    "pauca_semdedup_against_options_init", call_pauca_semdedup_against_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_semdedup_against_options), 0, sizeof(pauca_semdedup_against_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_semdedup_against_options_init(pauca_semdedup_against_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_semdedup_against_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_semdedup_against_options_init every_pauca_semdedup_against_options_init

static pauca_status call_pauca_semdedup_against(const Argument *a) { return pauca_semdedup_against((const pauca_view *)a[0].at, (const pauca_view *)a[1].at, (const pauca_clusters *)a[2].at, (const pauca_semdedup_against_options *)a[3].at, (const pauca_dedup_against_arrays *)a[4].at, (const pauca_context *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_semdedup_against = {
    "pauca_semdedup_against", call_pauca_semdedup_against, 7, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"reference", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"options", A_STRUCT, _Alignof(pauca_semdedup_against_options), 1, sizeof(pauca_semdedup_against_options)},
     {"arrays", A_STRUCT, _Alignof(pauca_dedup_against_arrays), 0, sizeof(pauca_dedup_against_arrays)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_semdedup_against(const pauca_view * x, const pauca_view * reference, const pauca_clusters * clusters, const pauca_semdedup_against_options * options, const pauca_dedup_against_arrays * arrays, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_semdedup_against, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)reference}, {.at = (uintptr_t)clusters}, {.at = (uintptr_t)options}, {.at = (uintptr_t)arrays}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_semdedup_against every_pauca_semdedup_against

static pauca_status call_pauca_prototypes_options_init(const Argument *a) { return pauca_prototypes_options_init((pauca_prototypes_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_prototypes_options_init = {
    "pauca_prototypes_options_init", call_pauca_prototypes_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_prototypes_options), 0, sizeof(pauca_prototypes_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_prototypes_options_init(pauca_prototypes_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_prototypes_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_prototypes_options_init every_pauca_prototypes_options_init

static pauca_status call_pauca_prototypes_select(const Argument *a) { return pauca_prototypes_select((const double *)a[0].at, (const uint32_t *)a[1].at, a[2].length, a[3].length, (const pauca_prototypes_options *)a[4].at, (uint8_t *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_prototypes_select = {
    "pauca_prototypes_select", call_pauca_prototypes_select, 7, {
     {"distances", AN_INPUT, _Alignof(double), 0, sizeof(double)},
     {"labels", AN_INPUT, _Alignof(uint32_t), 0, sizeof(uint32_t)},
     {"n_rows", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"n_clusters", A_LENGTH, 1, 1, sizeof(uint64_t)},
     {"options", A_STRUCT, _Alignof(pauca_prototypes_options), 1, sizeof(pauca_prototypes_options)},
     {"keep", AN_OUTPUT, _Alignof(uint8_t), 0, sizeof(uint8_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_prototypes_select(const double * distances, const uint32_t * labels, uint64_t n_rows, uint64_t n_clusters, const pauca_prototypes_options * options, uint8_t * keep, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_prototypes_select, (const Argument[]){{.at = (uintptr_t)distances}, {.at = (uintptr_t)labels}, {.length = n_rows}, {.length = n_clusters}, {.at = (uintptr_t)options}, {.at = (uintptr_t)keep}, {.at = (uintptr_t)error}});
}
#define pauca_prototypes_select every_pauca_prototypes_select

static pauca_status call_pauca_density_options_init(const Argument *a) { return pauca_density_options_init((pauca_density_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_density_options_init = {
    "pauca_density_options_init", call_pauca_density_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_density_options), 0, sizeof(pauca_density_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_density_options_init(pauca_density_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_density_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_density_options_init every_pauca_density_options_init

static pauca_status call_pauca_density_select(const Argument *a) { return pauca_density_select((const pauca_clusters *)a[0].at, (const pauca_density_options *)a[1].at, (const pauca_density_arrays *)a[2].at, (const pauca_context *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_density_select = {
    "pauca_density_select", call_pauca_density_select, 5, {
     {"clusters", A_HANDLE, _Alignof(void *), 0, 0},
     {"options", A_STRUCT, _Alignof(pauca_density_options), 1, sizeof(pauca_density_options)},
     {"arrays", A_STRUCT, _Alignof(pauca_density_arrays), 0, sizeof(pauca_density_arrays)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_density_select(const pauca_clusters * clusters, const pauca_density_options * options, const pauca_density_arrays * arrays, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_density_select, (const Argument[]){{.at = (uintptr_t)clusters}, {.at = (uintptr_t)options}, {.at = (uintptr_t)arrays}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_density_select every_pauca_density_select

static pauca_status call_pauca_density_quotas(const Argument *a) { return pauca_density_quotas(a[0].length, (const double *)a[1].at, (const double *)a[2].at, (const uint64_t *)a[3].at, a[4].length, (const pauca_density_options *)a[5].at, (uint64_t *)a[6].at, (pauca_error *)a[7].at); }
static const Function of_pauca_density_quotas = {
    "pauca_density_quotas", call_pauca_density_quotas, 8, {
     {"total", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"intra", AN_INPUT, _Alignof(double), 0, sizeof(double)},
     {"inter", AN_INPUT, _Alignof(double), 0, sizeof(double)},
     {"sizes", AN_INPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"n_clusters", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"options", A_STRUCT, _Alignof(pauca_density_options), 1, sizeof(pauca_density_options)},
     {"quotas", AN_OUTPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_density_quotas(uint64_t total, const double * intra, const double * inter, const uint64_t * sizes, uint64_t n_clusters, const pauca_density_options * options, uint64_t * quotas, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_density_quotas, (const Argument[]){{.length = total}, {.at = (uintptr_t)intra}, {.at = (uintptr_t)inter}, {.at = (uintptr_t)sizes}, {.length = n_clusters}, {.at = (uintptr_t)options}, {.at = (uintptr_t)quotas}, {.at = (uintptr_t)error}});
}
#define pauca_density_quotas every_pauca_density_quotas

static pauca_status call_pauca_d4_options_init(const Argument *a) { return pauca_d4_options_init((pauca_d4_options *)a[0].at, a[1].bits, (pauca_error *)a[2].at); }
static const Function of_pauca_d4_options_init = {
    "pauca_d4_options_init", call_pauca_d4_options_init, 3, {
     {"options", AN_OUTPUT, _Alignof(pauca_d4_options), 0, sizeof(pauca_d4_options)},
     {"struct_size", A_CHOICE, 1, 0, sizeof(uint32_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_options_init(pauca_d4_options * options, uint32_t struct_size, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_options_init, (const Argument[]){{.at = (uintptr_t)options}, {.bits = struct_size}, {.at = (uintptr_t)error}});
}
#define pauca_d4_options_init every_pauca_d4_options_init

static pauca_status call_pauca_d4(const Argument *a) { return pauca_d4((const pauca_view *)a[0].at, (const pauca_d4_options *)a[1].at, (pauca_curated **)a[2].at, (const pauca_context *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_d4 = {
    "pauca_d4", call_pauca_d4, 5, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"options", A_STRUCT, _Alignof(pauca_d4_options), 1, sizeof(pauca_d4_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4(const pauca_view * x, const pauca_d4_options * options, pauca_curated ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_d4 every_pauca_d4

static pauca_status call_pauca_d4_start(const Argument *a) { return pauca_d4_start((const pauca_view *)a[0].at, (const pauca_d4_options *)a[1].at, (pauca_d4_run **)a[2].at, (const pauca_context *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_d4_start = {
    "pauca_d4_start", call_pauca_d4_start, 5, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"options", A_STRUCT, _Alignof(pauca_d4_options), 1, sizeof(pauca_d4_options)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_start(const pauca_view * x, const pauca_d4_options * options, pauca_d4_run ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_start, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)options}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_d4_start every_pauca_d4_start

static pauca_status call_pauca_d4_step(const Argument *a) { return pauca_d4_step((pauca_d4_run *)a[0].at, (int32_t *)a[1].at, (const pauca_context *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_d4_step = {
    "pauca_d4_step", call_pauca_d4_step, 4, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"more", AN_OUTPUT, _Alignof(int32_t), 1, sizeof(int32_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_step(pauca_d4_run * run, int32_t * more, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_step, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)more}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_d4_step every_pauca_d4_step

static pauca_status call_pauca_d4_get_state(const Argument *a) { return pauca_d4_get_state((const pauca_d4_run *)a[0].at, (pauca_d4_state *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_d4_get_state = {
    "pauca_d4_get_state", call_pauca_d4_get_state, 3, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"state", A_RESULT, _Alignof(pauca_d4_state), 0, sizeof(pauca_d4_state)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_get_state(const pauca_d4_run * run, pauca_d4_state * state, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_get_state, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)state}, {.at = (uintptr_t)error}});
}
#define pauca_d4_get_state every_pauca_d4_get_state

static pauca_status call_pauca_d4_checkpoint(const Argument *a) { return pauca_d4_checkpoint((const pauca_d4_run *)a[0].at, (pauca_blob **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_d4_checkpoint = {
    "pauca_d4_checkpoint", call_pauca_d4_checkpoint, 3, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_checkpoint(const pauca_d4_run * run, pauca_blob ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_checkpoint, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_d4_checkpoint every_pauca_d4_checkpoint

static pauca_status call_pauca_d4_resume(const Argument *a) { return pauca_d4_resume((const pauca_view *)a[0].at, (const pauca_d4_options *)a[1].at, (const void *)a[2].at, a[3].length, (pauca_d4_run **)a[4].at, (const pauca_context *)a[5].at, (pauca_error *)a[6].at); }
static const Function of_pauca_d4_resume = {
    "pauca_d4_resume", call_pauca_d4_resume, 7, {
     {"x", A_VIEW, _Alignof(pauca_view), 0, sizeof(pauca_view)},
     {"options", A_STRUCT, _Alignof(pauca_d4_options), 1, sizeof(pauca_d4_options)},
     {"bytes", AN_INPUT, 1, 0, 0},
     {"bytes_size", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_resume(const pauca_view * x, const pauca_d4_options * options, const void * bytes, uint64_t bytes_size, pauca_d4_run ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_resume, (const Argument[]){{.at = (uintptr_t)x}, {.at = (uintptr_t)options}, {.at = (uintptr_t)bytes}, {.length = bytes_size}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_d4_resume every_pauca_d4_resume

static pauca_status call_pauca_d4_finish(const Argument *a) { return pauca_d4_finish((pauca_d4_run *)a[0].at, (pauca_curated **)a[1].at, (const pauca_context *)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_d4_finish = {
    "pauca_d4_finish", call_pauca_d4_finish, 4, {
     {"run", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_d4_finish(pauca_d4_run * run, pauca_curated ** out, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_d4_finish, (const Argument[]){{.at = (uintptr_t)run}, {.at = (uintptr_t)out}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_d4_finish every_pauca_d4_finish

static pauca_status call_pauca_curated_get_info(const Argument *a) { return pauca_curated_get_info((const pauca_curated *)a[0].at, (uint64_t *)a[1].at, (uint64_t *)a[2].at, (uint64_t *)a[3].at, (pauca_error *)a[4].at); }
static const Function of_pauca_curated_get_info = {
    "pauca_curated_get_info", call_pauca_curated_get_info, 5, {
     {"curated", A_HANDLE, _Alignof(void *), 0, 0},
     {"n_rows", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"n_survivors", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"n_kept", AN_OUTPUT, _Alignof(uint64_t), 1, sizeof(uint64_t)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_curated_get_info(const pauca_curated * curated, uint64_t * n_rows, uint64_t * n_survivors, uint64_t * n_kept, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_curated_get_info, (const Argument[]){{.at = (uintptr_t)curated}, {.at = (uintptr_t)n_rows}, {.at = (uintptr_t)n_survivors}, {.at = (uintptr_t)n_kept}, {.at = (uintptr_t)error}});
}
#define pauca_curated_get_info every_pauca_curated_get_info

static pauca_status call_pauca_curated_copy(const Argument *a) { return pauca_curated_copy((const pauca_curated *)a[0].at, (const pauca_curated_arrays *)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_curated_copy = {
    "pauca_curated_copy", call_pauca_curated_copy, 3, {
     {"curated", A_HANDLE, _Alignof(void *), 0, 0},
     {"arrays", A_STRUCT, _Alignof(pauca_curated_arrays), 0, sizeof(pauca_curated_arrays)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_curated_copy(const pauca_curated * curated, const pauca_curated_arrays * arrays, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_curated_copy, (const Argument[]){{.at = (uintptr_t)curated}, {.at = (uintptr_t)arrays}, {.at = (uintptr_t)error}});
}
#define pauca_curated_copy every_pauca_curated_copy

static pauca_status call_pauca_curated_clusters(const Argument *a) { return pauca_curated_clusters((const pauca_curated *)a[0].at, a[1].choice, (pauca_clusters **)a[2].at, (pauca_error *)a[3].at); }
static const Function of_pauca_curated_clusters = {
    "pauca_curated_clusters", call_pauca_curated_clusters, 4, {
     {"curated", A_HANDLE, _Alignof(void *), 0, 0},
     {"which", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_curated_clusters(const pauca_curated * curated, int32_t which, pauca_clusters ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_curated_clusters, (const Argument[]){{.at = (uintptr_t)curated}, {.choice = which}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_curated_clusters every_pauca_curated_clusters

static pauca_status call_pauca_curated_dedup(const Argument *a) { return pauca_curated_dedup((const pauca_curated *)a[0].at, (pauca_dedup **)a[1].at, (pauca_error *)a[2].at); }
static const Function of_pauca_curated_dedup = {
    "pauca_curated_dedup", call_pauca_curated_dedup, 3, {
     {"curated", A_HANDLE, _Alignof(void *), 0, 0},
     {"out", AN_OUTPUT, _Alignof(void *), 0, sizeof(void *)},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_curated_dedup(const pauca_curated * curated, pauca_dedup ** out, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_curated_dedup, (const Argument[]){{.at = (uintptr_t)curated}, {.at = (uintptr_t)out}, {.at = (uintptr_t)error}});
}
#define pauca_curated_dedup every_pauca_curated_dedup

static pauca_status call_pauca_workspace_bytes(const Argument *a) { return pauca_workspace_bytes(a[0].choice, a[1].length, a[2].length, a[3].length, a[4].choice, (uint64_t *)a[5].at, (const pauca_context *)a[6].at, (pauca_error *)a[7].at); }
static const Function of_pauca_workspace_bytes = {
    "pauca_workspace_bytes", call_pauca_workspace_bytes, 8, {
     {"work", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"n_rows", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"dim", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"n_clusters", A_LENGTH, 1, 0, sizeof(uint64_t)},
     {"of_source", A_CHOICE, 1, 0, sizeof(int32_t)},
     {"bytes", AN_OUTPUT, _Alignof(uint64_t), 0, sizeof(uint64_t)},
     {"context", A_HANDLE, _Alignof(void *), 1, 0},
     {"error", AN_ERROR, _Alignof(pauca_error), 1, sizeof(pauca_error)},}};
static inline pauca_status every_pauca_workspace_bytes(int32_t work, uint64_t n_rows, uint64_t dim, uint64_t n_clusters, int32_t of_source, uint64_t * bytes, const pauca_context * context, pauca_error * error)
{
    return with_every_wrong_argument(&of_pauca_workspace_bytes, (const Argument[]){{.choice = work}, {.length = n_rows}, {.length = dim}, {.length = n_clusters}, {.choice = of_source}, {.at = (uintptr_t)bytes}, {.at = (uintptr_t)context}, {.at = (uintptr_t)error}});
}
#define pauca_workspace_bytes every_pauca_workspace_bytes
