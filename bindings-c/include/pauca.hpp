// pauca for C++17: handles that free themselves, errors as exceptions, arrays as vectors. Nothing more: what pauca.h says
// holds here too, and all of pauca.h can be used beside this.
#ifndef PAUCA_HPP
#define PAUCA_HPP

#include "pauca.h"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pauca {

// A call that failed: status, text and numbers of the pauca_error.
class Error : public std::runtime_error {
public:
    explicit Error(const pauca_error &error)
        : std::runtime_error(error.message), code_(error.code), detail_{error.detail[0], error.detail[1]} {}
    pauca_status code() const noexcept { return code_; }
    const char *name() const noexcept { return pauca_status_name(code_); }
    // The numbers that the code names: row and column of a NaN, for one.
    std::uint64_t detail(int i) const noexcept { return detail_[i != 0]; }

private:
    pauca_status code_;
    std::uint64_t detail_[2];
};

// Makes a call of C, with its error as the last argument.
template <class Function, class... Arguments> void call(Function function, Arguments... arguments) {
    pauca_error error = PAUCA_ERROR_INIT;
    if (pauca_status status = function(arguments..., &error)) {
        error.code = status;
        throw Error(error);
    }
}

// A handle that frees itself.
template <class T, void (*Free)(T *)> class Handle {
public:
    Handle() = default;
    explicit Handle(T *raw) : raw_(raw) {}
    T *get() const noexcept { return raw_.get(); }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

private:
    struct Deleter {
        void operator()(T *raw) const noexcept { Free(raw); }
    };
    std::unique_ptr<T, Deleter> raw_;
};

// The handle that a call of C makes.
template <class H, class Make> H made(Make make) {
    decltype(std::declval<H>().get()) raw = nullptr;
    make(&raw);
    return H(raw);
}

// Where calls run. An empty Context is the calling thread.
class Context : public Handle<pauca_context, pauca_context_free> {
public:
    using Handle::Handle;
    static pauca_context_options options() {
        pauca_context_options o;
        call(pauca_context_options_init, &o, static_cast<std::uint32_t>(sizeof o), std::uint32_t{PAUCA_ABI_VERSION});
        return o;
    }
    static Context with(const pauca_context_options &o) {
        return made<Context>([&](pauca_context **out) { call(pauca_context_new, &o, out); });
    }
    static Context threads(std::uint32_t n) {
        pauca_context_options o = options();
        o.threads = n;
        return with(o);
    }
};

// Rows side by side. For other strides and types set the fields.
inline pauca_view view(const float *data, std::size_t rows, std::size_t cols) {
    pauca_view v{};
    v.data = data;
    v.rows = rows;
    v.cols = cols;
    v.dtype = PAUCA_F32;
    return v;
}

// Saved states.
using Bytes = std::vector<unsigned char>;

template <class Save> Bytes saved(Save save) {
    using Blob = Handle<pauca_blob, pauca_blob_free>;
    Blob blob = made<Blob>(save);
    Bytes bytes(static_cast<std::size_t>(pauca_blob_size(blob.get())));
    call(pauca_blob_copy, static_cast<const pauca_blob *>(blob.get()), static_cast<void *>(bytes.data()),
         static_cast<std::uint64_t>(bytes.size()));
    return bytes;
}

// Rows larger than memory, in shards, made by the caller, or of an Arrow stream.
class Source : public Handle<pauca_source, pauca_source_free> {
public:
    using Handle::Handle;
    static Source of(const pauca_view &rows) {
        return made<Source>([&](pauca_source **out) { call(pauca_source_view, &rows, out); });
    }
    static Source of(const pauca_source_callbacks &callbacks) {
        return made<Source>([&](pauca_source **out) { call(pauca_source_of_callbacks, &callbacks, out); });
    }
    static Source shards(const std::vector<const pauca_source *> &shards, bool own_ids = false) {
        return made<Source>([&](pauca_source **out) {
            call(pauca_source_shards, shards.data(), std::uint64_t{shards.size()}, std::int32_t{own_ids}, out);
        });
    }
    static Source arrow(void *stream) {
        return made<Source>([&](pauca_source **out) { call(pauca_source_from_arrow_stream, stream, out); });
    }
    pauca_view view() const {
        pauca_view v{};
        call(pauca_source_as_view, static_cast<const pauca_source *>(get()), &v);
        return v;
    }
};

// A clustering.
class Clusters : public Handle<pauca_clusters, pauca_clusters_free> {
public:
    using Handle::Handle;
    static Clusters from_bytes(const Bytes &bytes) {
        return made<Clusters>([&](pauca_clusters **out) {
            call(pauca_clusters_from_bytes, static_cast<const void *>(bytes.data()), std::uint64_t{bytes.size()}, out);
        });
    }
    static Clusters from_parts(std::int32_t metric, const pauca_view &centroids, const std::uint32_t *labels,
                               const double *distances, std::uint64_t rows) {
        return made<Clusters>([&](pauca_clusters **out) {
            call(pauca_clusters_from_parts, metric, &centroids, labels, distances, rows, out);
        });
    }
    pauca_clusters_info info() const {
        pauca_clusters_info info{};
        info.struct_size = sizeof info;
        call(pauca_clusters_get_info, raw(), &info);
        return info;
    }
    std::vector<std::uint32_t> labels() const {
        std::vector<std::uint32_t> values(info().n_rows);
        pauca_clusters_arrays to = arrays();
        to.labels = values.data();
        to.labels_len = values.size();
        copy(to);
        return values;
    }
    std::vector<float> centroids() const {
        const pauca_clusters_info i = info();
        std::vector<float> values(i.n_clusters * i.dim);
        pauca_clusters_arrays to = arrays();
        to.centroids = values.data();
        to.centroids_len = values.size();
        copy(to);
        return values;
    }
    std::vector<double> distances() const {
        const pauca_clusters_info i = info();
        std::vector<double> values(i.has_distances ? i.n_rows : 0);
        pauca_clusters_arrays to = arrays();
        to.distances = values.data();
        to.distances_len = values.size();
        copy(to);
        return values;
    }
    std::vector<std::uint32_t> predict(const pauca_view &x, const Context &context = {}) const {
        std::vector<std::uint32_t> values(x.rows);
        call(pauca_clusters_predict, raw(), &x, values.data(), std::uint64_t{values.size()},
             static_cast<const pauca_context *>(context.get()));
        return values;
    }
    Bytes to_bytes() const {
        return saved([&](pauca_blob **out) { call(pauca_clusters_to_bytes, raw(), out); });
    }

private:
    const pauca_clusters *raw() const { return get(); }
    static pauca_clusters_arrays arrays() {
        pauca_clusters_arrays to{};
        to.struct_size = sizeof to;
        return to;
    }
    void copy(const pauca_clusters_arrays &to) const { call(pauca_clusters_copy, raw(), &to); }
};

inline pauca_kmeans_options kmeans_options(std::uint64_t clusters) {
    pauca_kmeans_options o;
    call(pauca_kmeans_options_init, &o, static_cast<std::uint32_t>(sizeof o));
    o.n_clusters = clusters;
    return o;
}

inline Clusters kmeans(const pauca_view &x, const pauca_kmeans_options &options, const Context &context = {},
                       const float *weights = nullptr) {
    return made<Clusters>([&](pauca_clusters **out) {
        call(pauca_kmeans, &x, weights, &options, out, static_cast<const pauca_context *>(context.get()));
    });
}

// A run of k-means that the caller steps. The rows must live as long as the run.
class KMeansRun : public Handle<pauca_kmeans_run, pauca_kmeans_free> {
public:
    using Handle::Handle;
    static KMeansRun start(const pauca_view &x, const pauca_kmeans_options &options, const Context &context = {},
                           const float *weights = nullptr) {
        return made<KMeansRun>([&](pauca_kmeans_run **out) {
            call(pauca_kmeans_start, &x, weights, &options, out, static_cast<const pauca_context *>(context.get()));
        });
    }
    static KMeansRun resume(const pauca_view &x, const pauca_kmeans_options &options, const Bytes &checkpoint,
                            const Context &context = {}, const float *weights = nullptr) {
        return made<KMeansRun>([&](pauca_kmeans_run **out) {
            call(pauca_kmeans_resume, &x, weights, &options, static_cast<const void *>(checkpoint.data()),
                 std::uint64_t{checkpoint.size()}, out, static_cast<const pauca_context *>(context.get()));
        });
    }
    // One iteration. Returns whether there is more to do.
    bool step(const Context &context = {}) {
        std::int32_t more = 0;
        call(pauca_kmeans_step, get(), &more, static_cast<const pauca_context *>(context.get()));
        return more != 0;
    }
    Bytes checkpoint() const {
        return saved([&](pauca_blob **out) {
            call(pauca_kmeans_checkpoint, static_cast<const pauca_kmeans_run *>(get()), out);
        });
    }
    Clusters finish(const Context &context = {}) {
        return made<Clusters>([&](pauca_clusters **out) {
            call(pauca_kmeans_finish, get(), out, static_cast<const pauca_context *>(context.get()));
        });
    }
};

// What deduplication found.
class Dedup : public Handle<pauca_dedup, pauca_dedup_free> {
public:
    using Handle::Handle;
    pauca_dedup_info info() const {
        pauca_dedup_info info{};
        info.struct_size = sizeof info;
        call(pauca_dedup_get_info, raw(), &info);
        return info;
    }
    std::vector<std::uint8_t> keep() const {
        std::vector<std::uint8_t> values(info().n_rows);
        pauca_dedup_arrays to = arrays();
        to.keep = values.data();
        to.keep_len = values.size();
        call(pauca_dedup_copy, raw(), &to);
        return values;
    }
    std::vector<std::uint64_t> kept() const {
        std::vector<std::uint64_t> values(info().n_kept);
        pauca_dedup_arrays to = arrays();
        to.kept = values.data();
        to.kept_len = values.size();
        call(pauca_dedup_copy, raw(), &to);
        return values;
    }
    std::vector<std::uint64_t> witness() const {
        std::vector<std::uint64_t> values(info().n_rows);
        pauca_dedup_arrays to = arrays();
        to.witness = values.data();
        to.witness_len = values.size();
        call(pauca_dedup_copy, raw(), &to);
        return values;
    }
    std::vector<double> similarity() const {
        std::vector<double> values(info().n_rows);
        pauca_dedup_arrays to = arrays();
        to.similarity = values.data();
        to.similarity_len = values.size();
        call(pauca_dedup_copy, raw(), &to);
        return values;
    }
    Bytes to_bytes() const {
        return saved([&](pauca_blob **out) { call(pauca_dedup_to_bytes, raw(), out); });
    }
    static Dedup from_bytes(const Bytes &bytes) {
        return made<Dedup>([&](pauca_dedup **out) {
            call(pauca_dedup_from_bytes, static_cast<const void *>(bytes.data()), std::uint64_t{bytes.size()}, out);
        });
    }

private:
    const pauca_dedup *raw() const { return get(); }
    static pauca_dedup_arrays arrays() {
        pauca_dedup_arrays to{};
        to.struct_size = sizeof to;
        return to;
    }
};

inline pauca_semdedup_options semdedup_options() {
    pauca_semdedup_options o;
    call(pauca_semdedup_options_init, &o, static_cast<std::uint32_t>(sizeof o));
    return o;
}

inline Dedup semdedup(const pauca_view &x, const Clusters &clusters, const pauca_semdedup_options &options,
                      const Context &context = {}) {
    return made<Dedup>([&](pauca_dedup **out) {
        call(pauca_semdedup, &x, static_cast<const pauca_clusters *>(clusters.get()), &options, out,
             static_cast<const pauca_context *>(context.get()));
    });
}

// What deduplication against rows that stay found, of each new row.
struct DedupAgainst {
    std::vector<std::uint8_t> keep;
    std::vector<std::uint64_t> witness;
    std::vector<double> similarity;
    std::vector<std::uint32_t> labels;
};

inline pauca_semdedup_against_options semdedup_against_options() {
    pauca_semdedup_against_options o;
    call(pauca_semdedup_against_options_init, &o, static_cast<std::uint32_t>(sizeof o));
    return o;
}

inline DedupAgainst semdedup_against(const pauca_view &x, const pauca_view &reference, const Clusters &clusters,
                                     const pauca_semdedup_against_options &options, const Context &context = {}) {
    DedupAgainst found;
    found.keep.resize(x.rows);
    found.witness.resize(x.rows);
    found.similarity.resize(x.rows);
    found.labels.resize(x.rows);
    pauca_dedup_against_arrays to{};
    to.struct_size = sizeof to;
    to.keep = found.keep.data();
    to.witness = found.witness.data();
    to.similarity = found.similarity.data();
    to.labels = found.labels.data();
    to.keep_len = to.witness_len = to.similarity_len = to.labels_len = x.rows;
    call(pauca_semdedup_against, &x, &reference, static_cast<const pauca_clusters *>(clusters.get()), &options,
         static_cast<const pauca_dedup_against_arrays *>(&to), static_cast<const pauca_context *>(context.get()));
    return found;
}

// What D4 chose.
class Curated : public Handle<pauca_curated, pauca_curated_free> {
public:
    using Handle::Handle;
    std::vector<std::uint64_t> kept() const {
        std::uint64_t n = 0;
        std::uint64_t *none = nullptr;
        call(pauca_curated_get_info, raw(), none, none, &n);
        std::vector<std::uint64_t> values(n);
        pauca_curated_arrays to{};
        to.struct_size = sizeof to;
        to.kept = values.data();
        to.kept_len = values.size();
        call(pauca_curated_copy, raw(), static_cast<const pauca_curated_arrays *>(&to));
        return values;
    }
    Clusters clusters(std::int32_t which) const {
        return made<Clusters>([&](pauca_clusters **out) { call(pauca_curated_clusters, raw(), which, out); });
    }
    Dedup dedup() const {
        return made<Dedup>([&](pauca_dedup **out) { call(pauca_curated_dedup, raw(), out); });
    }

private:
    const pauca_curated *raw() const { return get(); }
};

inline pauca_d4_options d4_options() {
    pauca_d4_options o;
    call(pauca_d4_options_init, &o, static_cast<std::uint32_t>(sizeof o));
    return o;
}

inline Curated d4(const pauca_view &x, const pauca_d4_options &options, const Context &context = {}) {
    return made<Curated>([&](pauca_curated **out) {
        call(pauca_d4, &x, &options, out, static_cast<const pauca_context *>(context.get()));
    });
}

// Exact sums of the rows of clusters.
class Sums : public Handle<pauca_sums, pauca_sums_free> {
public:
    using Handle::Handle;
    static Sums empty(std::uint64_t clusters, std::uint64_t dim, bool weighted = false) {
        return made<Sums>([&](pauca_sums **out) { call(pauca_sums_new, clusters, dim, std::int32_t{weighted}, out); });
    }
    static Sums from_bytes(const Bytes &bytes) {
        return made<Sums>([&](pauca_sums **out) {
            call(pauca_sums_from_bytes, static_cast<const void *>(bytes.data()), std::uint64_t{bytes.size()}, out);
        });
    }
    void add(const pauca_view &x, const std::uint32_t *labels, const float *weights = nullptr,
             std::int32_t metric = PAUCA_EUCLIDEAN, const Context &context = {}) {
        call(pauca_sums_add_rows, get(), &x, labels, weights, metric, static_cast<const pauca_context *>(context.get()));
    }
    void merge(const Sums &other) { call(pauca_sums_merge, get(), static_cast<const pauca_sums *>(other.get())); }
    Bytes to_bytes() const {
        return saved([&](pauca_blob **out) { call(pauca_sums_to_bytes, static_cast<const pauca_sums *>(get()), out); });
    }
    // The flat integers for an all-reduce by addition.
    std::vector<std::int64_t> planes() const {
        const pauca_sums *raw = get();
        std::uint64_t len = 0;
        call(pauca_sums_planes_len, raw, std::uint32_t{PAUCA_PLANES_V1}, &len);
        std::vector<std::int64_t> values(len);
        call(pauca_sums_planes_get, raw, std::uint32_t{PAUCA_PLANES_V1}, values.data(), len);
        return values;
    }
    void set_planes(const std::vector<std::int64_t> &planes) {
        call(pauca_sums_planes_set, get(), std::uint32_t{PAUCA_PLANES_V1}, planes.data(), std::uint64_t{planes.size()});
    }
};

} // namespace pauca

#endif
