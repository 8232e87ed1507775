"""The C ABI for ctypes. Written by make/abi.py from pauca.h: change it there."""

from ctypes import Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p

PAUCA_ABI_VERSION = 4
PAUCA_SIMD_DEFAULT = 0
PAUCA_SIMD_SCALAR = 1
PAUCA_SIMD_AVX2 = 2
PAUCA_SIMD_AVX512 = 3
PAUCA_SIMD_NEON = 4
PAUCA_SIMD_AVX_VNNI = 5
PAUCA_SIMD_AVX512_VNNI = 6
PAUCA_SIMD_AMX = 7
PAUCA_MESSAGE_SIZE = 240
PAUCA_NONE = 2**64 - 1
PAUCA_BACKEND_CPU = 0
PAUCA_BACKEND_WGPU = 1
PAUCA_BACKEND_CUDA = 2
PAUCA_ANY_DEVICE = 2**32 - 1
PAUCA_LOG_WARNING = 1
PAUCA_LOG_INFO = 2
PAUCA_F32 = 1
PAUCA_F16 = 2
PAUCA_BF16 = 3
PAUCA_F64 = 4
PAUCA_OF_SOURCE = 100
PAUCA_DEVICE_CPU = 1
PAUCA_DEVICE_CUDA = 2
PAUCA_DEVICE_CUDA_HOST = 3
PAUCA_DEVICE_CUDA_MANAGED = 13
PAUCA_BOOL = 10
PAUCA_U32 = 11
PAUCA_I64 = 12
PAUCA_U64 = 13
PAUCA_EUCLIDEAN = 0
PAUCA_COSINE = 1
PAUCA_INIT_PLUS_PLUS = 0
PAUCA_INIT_RANDOM = 1
PAUCA_INIT_GIVEN = 2
PAUCA_EMPTY_RELOCATE = 0
PAUCA_EMPTY_KEEP = 1
PAUCA_PLANES_V1 = 1
PAUCA_PRECISION_F32 = 0
PAUCA_PRECISION_F64 = 1
PAUCA_EARLIER_MAX = 0
PAUCA_GREEDY_COVER = 1
PAUCA_GREATER = 0
PAUCA_GREATER_OR_EQUAL = 1
PAUCA_ORDER_HARD = 0
PAUCA_ORDER_EASY = 1
PAUCA_ORDER_RANDOM = 2
PAUCA_ORDER_CUSTOM = 3
PAUCA_PRUNE_NEAREST = 0
PAUCA_PRUNE_FARTHEST = 1
PAUCA_SCOPE_GLOBAL = 0
PAUCA_SCOPE_PER_CLUSTER = 1
PAUCA_FIRST = 0
PAUCA_SECOND = 1
PAUCA_D4_CLUSTER = 0
PAUCA_D4_DEDUPLICATE = 1
PAUCA_D4_RECLUSTER = 2
PAUCA_D4_ENDED = 3
PAUCA_WORK_KMEANS = 0
PAUCA_WORK_PREDICT = 1
PAUCA_WORK_SEMDEDUP = 2
PAUCA_WORK_D4 = 3
PAUCA_WORK_SEMDEDUP_AGAINST = 4
PAUCA_OK = 0
PAUCA_NON_FINITE = 1
PAUCA_EMPTY = 2
PAUCA_SHAPE_MISMATCH = 3
PAUCA_INVALID_PARAMETER = 4
PAUCA_CONFLICT = 5
PAUCA_TOO_MANY_CLUSTERS = 6
PAUCA_LABEL_OUT_OF_RANGE = 7
PAUCA_ZERO_ROW = 8
PAUCA_TOO_LARGE = 9
PAUCA_OUT_OF_MEMORY = 10
PAUCA_CANCELLED = 11
PAUCA_SIMD_LEVEL = 12
PAUCA_CORRUPT = 13
PAUCA_MISMATCH = 14
PAUCA_NON_FINITE_STATE = 15
PAUCA_NO_TOKEN = 16
PAUCA_TOKEN_OUT_OF_RANGE = 17
PAUCA_NO_INFORMATIVE_FILTER = 18
PAUCA_DUPLICATE_ID = 19
PAUCA_SOURCE = 20
PAUCA_DEVICE = 21
PAUCA_NULL_POINTER = 1001
PAUCA_MISALIGNED = 1002
PAUCA_OVERLAP = 1003
PAUCA_STRUCT_SIZE = 1004
PAUCA_UNSUPPORTED_OPTION = 1005
PAUCA_UNSUPPORTED_TYPE = 1006
PAUCA_UNSUPPORTED_DEVICE = 1007
PAUCA_PANIC = 1008
PAUCA_ABI = 1009
PAUCA_NULL_VALUE = 1010


class pauca_error(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("code", c_int32),
        ("detail", c_uint64 * 2),
        ("message", c_char * PAUCA_MESSAGE_SIZE),
    )


class pauca_progress(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("is_iteration", c_int32),
        ("stage", c_void_p),
        ("done", c_uint64),
        ("total", c_uint64),
        ("iteration", c_uint64),
        ("moved", c_uint64),
        ("objective", c_double),
    )


class pauca_context_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("abi_version", c_uint32),
        ("threads", c_uint32),
        ("simd_level", c_int32),
        ("width", c_uint32),
        ("keep_bytes", c_uint64),
        ("cancel", c_void_p),
        ("user", c_void_p),
        ("progress", c_void_p),
        ("log", c_void_p),
        ("parallel_for", c_void_p),
        ("report_pause", c_uint32),
        ("backend", c_int32),
        ("device", c_uint32),
        ("reserved", c_uint32),
    )


class pauca_view(Structure):
    _fields_ = (
        ("data", c_void_p),
        ("rows", c_uint64),
        ("cols", c_uint64),
        ("row_stride", c_int64),
        ("col_stride", c_int64),
        ("dtype", c_int32),
        ("device", c_int32),
        ("device_id", c_int32),
        ("reserved", c_int32),
        ("stream", c_void_p),
    )


class pauca_source_callbacks(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("n_rows", c_uint64),
        ("dim", c_uint64),
        ("dtype", c_int32),
        ("reserved", c_int32),
        ("block_rows", c_uint64),
        ("user", c_void_p),
        ("read", c_void_p),
        ("gather", c_void_p),
        ("release", c_void_p),
    )


class pauca_column(Structure):
    _fields_ = (
        ("name", c_void_p),
        ("values", c_void_p),
        ("valid", c_void_p),
        ("dtype", c_int32),
        ("reserved", c_int32),
    )


class pauca_clusters_info(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("metric", c_int32),
        ("n_rows", c_uint64),
        ("n_clusters", c_uint64),
        ("dim", c_uint64),
        ("inertia", c_double),
        ("n_iter", c_uint64),
        ("relocated", c_uint64),
        ("distinct_rows", c_uint64),
        ("n_empty", c_uint64),
        ("converged", c_int32),
        ("has_distances", c_int32),
        ("search_rows", c_uint64),
        ("search_f32", c_uint64),
        ("search_f64", c_uint64),
        ("search_truth", c_uint64),
        ("search_int8", c_uint64),
        ("search_leading", c_uint64),
    )


class pauca_clusters_arrays(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("labels", c_void_p),
        ("labels_len", c_uint64),
        ("centroids", c_void_p),
        ("centroids_len", c_uint64),
        ("distances", c_void_p),
        ("distances_len", c_uint64),
        ("counts", c_void_p),
        ("counts_len", c_uint64),
    )


class pauca_kmeans_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("n_clusters", c_uint64),
        ("seed", c_uint64),
        ("max_iter", c_uint64),
        ("shift_tolerance", c_double),
        ("metric", c_int32),
        ("init", c_int32),
        ("empty_clusters", c_int32),
        ("reserved", c_int32),
        ("init_centroids", c_void_p),
    )


class pauca_kmeans_state(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("is_done", c_int32),
        ("n_iter", c_uint64),
        ("moved", c_uint64),
        ("seed_distances", c_uint64),
    )


class pauca_semdedup_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("rule", c_int32),
        ("boundary", c_int32),
        ("epsilon", c_double),
        ("keep_fraction", c_double),
        ("order", c_int32),
        ("published", c_int32),
        ("order_seed", c_uint64),
        ("order_keys", c_void_p),
        ("order_keys_len", c_uint64),
    )


class pauca_dedup_info(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("rule", c_int32),
        ("n_rows", c_uint64),
        ("n_kept", c_uint64),
        ("n_clusters", c_uint64),
        ("epsilon", c_double),
        ("exact_copies", c_uint64),
        ("reached", c_int32),
        ("has_curve", c_int32),
        ("search_rows", c_uint64),
        ("search_f32", c_uint64),
        ("search_f64", c_uint64),
        ("search_truth", c_uint64),
        ("search_int8", c_uint64),
        ("search_leading", c_uint64),
    )


class pauca_dedup_arrays(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep", c_void_p),
        ("keep_len", c_uint64),
        ("kept", c_void_p),
        ("kept_len", c_uint64),
        ("witness", c_void_p),
        ("witness_len", c_uint64),
        ("similarity", c_void_p),
        ("similarity_len", c_uint64),
        ("order", c_void_p),
        ("order_len", c_uint64),
        ("offsets", c_void_p),
        ("offsets_len", c_uint64),
    )


class pauca_semdedup_against_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("epsilon", c_double),
        ("boundary", c_int32),
        ("reserved", c_uint32),
    )


class pauca_dedup_against_arrays(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep", c_void_p),
        ("keep_len", c_uint64),
        ("witness", c_void_p),
        ("witness_len", c_uint64),
        ("similarity", c_void_p),
        ("similarity_len", c_uint64),
        ("labels", c_void_p),
        ("labels_len", c_uint64),
    )


class pauca_prototypes_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep_fraction", c_double),
        ("prune", c_int32),
        ("scope", c_int32),
    )


class pauca_density_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep_fraction", c_double),
        ("temperature", c_double),
        ("neighbours", c_uint64),
        ("least", c_double),
        ("prune", c_int32),
        ("nan_as_mean", c_int32),
    )


class pauca_density_arrays(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep", c_void_p),
        ("keep_len", c_uint64),
        ("quotas", c_void_p),
        ("quotas_len", c_uint64),
        ("intra", c_void_p),
        ("intra_len", c_uint64),
        ("inter", c_void_p),
        ("inter_len", c_uint64),
    )


class pauca_d4_options(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("clusters", c_uint64),
        ("recluster", c_uint64),
        ("dedup_keep_fraction", c_double),
        ("keep_fraction", c_double),
        ("seed", c_uint64),
        ("max_iter", c_uint64),
        ("metric", c_int32),
        ("init", c_int32),
        ("order", c_int32),
        ("scope", c_int32),
        ("order_seed", c_uint64),
        ("order_keys", c_void_p),
        ("order_keys_len", c_uint64),
        ("init_centroids", c_void_p),
    )


class pauca_d4_state(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("stage", c_int32),
        ("n_iter", c_uint64),
        ("moved", c_uint64),
    )


class pauca_curated_arrays(Structure):
    _fields_ = (
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("keep", c_void_p),
        ("keep_len", c_uint64),
        ("kept", c_void_p),
        ("kept_len", c_uint64),
        ("survivors", c_void_p),
        ("survivors_len", c_uint64),
    )


# name: (what is returned, arguments)
FUNCTIONS = {
    "pauca_abi_version": (c_uint32, ()),
    "pauca_abi_check": (c_int32, (c_uint32, c_void_p)),
    "pauca_version_string": (c_char_p, ()),
    "pauca_build_info": (c_char_p, ()),
    "pauca_simd_available": (c_int32, (c_int32,)),
    "pauca_simd_name": (c_char_p, (c_int32,)),
    "pauca_status_name": (c_char_p, (c_int32,)),
    "pauca_device_count": (c_int32, (c_int32, c_void_p, c_void_p)),
    "pauca_context_options_init": (c_int32, (c_void_p, c_uint32, c_uint32, c_void_p)),
    "pauca_context_new": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_context_free": (None, (c_void_p,)),
    "pauca_context_info": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_context_backend": (c_char_p, (c_void_p,)),
    "pauca_source_view": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_source_shards": (c_int32, (c_void_p, c_uint64, c_int32, c_void_p, c_void_p)),
    "pauca_source_callbacks_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_source_of_callbacks": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_source_subset": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_source_shape": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_source_as_view": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_source_read": (c_int32, (c_void_p, c_uint64, c_uint64, c_void_p, c_void_p)),
    "pauca_source_free": (None, (c_void_p,)),
    "pauca_view_from_dlpack": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_view_from_dlpack_versioned": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_view_from_arrow": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_source_from_arrow_stream": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_arrow_stream": (c_int32, (c_void_p, c_uint64, c_uint64, c_void_p, c_void_p)),
    "pauca_blob_size": (c_uint64, (c_void_p,)),
    "pauca_blob_copy": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p)),
    "pauca_blob_free": (None, (c_void_p,)),
    "pauca_clusters_get_info": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_clusters_copy": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_clusters_predict": (c_int32, (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_clusters_free": (None, (c_void_p,)),
    "pauca_clusters_from_parts": (c_int32, (c_int32, c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_clusters_assign": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_clusters_measure": (c_int32, (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_clusters_to_bytes": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_clusters_from_bytes": (c_int32, (c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_kmeans_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_kmeans": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_start": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_step": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_get_state": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_checkpoint": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_resume": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_finish": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_kmeans_free": (None, (c_void_p,)),
    "pauca_sums_new": (c_int32, (c_uint64, c_uint64, c_int32, c_void_p, c_void_p)),
    "pauca_sums_shape": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_sums_add_rows": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_int32, c_void_p, c_void_p)),
    "pauca_sums_remove_rows": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_int32, c_void_p, c_void_p)),
    "pauca_sums_merge": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_sums_remove": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_sums_counts": (c_int32, (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p)),
    "pauca_sums_column_sums": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p)),
    "pauca_sums_centroids": (c_int32, (c_void_p, c_int32, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_sums_planes_len": (c_int32, (c_void_p, c_uint32, c_void_p, c_void_p)),
    "pauca_sums_planes_get": (c_int32, (c_void_p, c_uint32, c_void_p, c_uint64, c_void_p)),
    "pauca_sums_planes_set": (c_int32, (c_void_p, c_uint32, c_void_p, c_uint64, c_void_p)),
    "pauca_sums_to_bytes": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_sums_from_bytes": (c_int32, (c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_sums_free": (None, (c_void_p,)),
    "pauca_exact_dot64": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_exact_squared_distance": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_exact_cosine": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_exact_exp": (c_double, (c_double,)),
    "pauca_exact_ln": (c_double, (c_double,)),
    "pauca_exact_half_turns": (c_double, (c_double,)),
    "pauca_exact_cosine_error": (c_int32, (c_int32, c_uint64, c_void_p, c_void_p)),
    "pauca_exact_euclidean_error": (c_int32, (c_int32, c_uint64, c_double, c_double, c_double, c_void_p, c_void_p)),
    "pauca_f64sum_new": (c_int32, (c_void_p, c_void_p)),
    "pauca_f64sum_add": (c_int32, (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p)),
    "pauca_f64sum_merge": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_f64sum_value": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_f64sum_free": (None, (c_void_p,)),
    "pauca_semdedup_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_semdedup": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_dedup_get_info": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_dedup_copy": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_dedup_kept_at": (c_int32, (c_void_p, c_double, c_int32, c_void_p, c_void_p)),
    "pauca_dedup_curve": (c_int32, (c_void_p, c_void_p, c_uint64, c_void_p)),
    "pauca_dedup_to_bytes": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_dedup_from_bytes": (c_int32, (c_void_p, c_uint64, c_void_p, c_void_p)),
    "pauca_dedup_free": (None, (c_void_p,)),
    "pauca_semdedup_against_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_semdedup_against": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_prototypes_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_prototypes_select": (c_int32, (c_void_p, c_void_p, c_uint64, c_uint64, c_void_p, c_void_p, c_void_p)),
    "pauca_density_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_density_select": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_density_quotas": (c_int32, (c_uint64, c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_options_init": (c_int32, (c_void_p, c_uint32, c_void_p)),
    "pauca_d4": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_start": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_step": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_get_state": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_d4_checkpoint": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_d4_resume": (c_int32, (c_void_p, c_void_p, c_void_p, c_uint64, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_finish": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_d4_free": (None, (c_void_p,)),
    "pauca_curated_get_info": (c_int32, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "pauca_curated_copy": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_curated_clusters": (c_int32, (c_void_p, c_int32, c_void_p, c_void_p)),
    "pauca_curated_dedup": (c_int32, (c_void_p, c_void_p, c_void_p)),
    "pauca_curated_free": (None, (c_void_p,)),
    "pauca_workspace_bytes": (c_int32, (c_int32, c_uint64, c_uint64, c_uint64, c_int32, c_void_p, c_void_p, c_void_p)),
}
