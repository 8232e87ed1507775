// Clusters the rows of a .npy file, removes near duplicates, and prints what came out, with a checksum of every bit: the
// program of examples/c, in C++.
//
//     curate FILE.npy [CLUSTERS [EPSILON]]
#include "../c/npy.h"
#include <cinttypes>
#include <iostream>
#include <memory>
#include <pauca.hpp>

namespace {

// FNV-1a over bytes.
std::uint64_t mix(std::uint64_t hash, const void *bytes, std::size_t size) {
    const unsigned char *at = static_cast<const unsigned char *>(bytes);
    while (size--) hash = (hash ^ *at++) * 0x100000001b3u;
    return hash;
}

template <class T> std::uint64_t mix(std::uint64_t hash, const std::vector<T> &values) {
    return mix(hash, values.data(), values.size() * sizeof(T));
}

void curate(const pauca_view &x, std::uint64_t n_clusters, double epsilon) {
    pauca::Context context = pauca::Context::threads(2);
    pauca_kmeans_options fit = pauca::kmeans_options(n_clusters);
    fit.metric = PAUCA_COSINE;
    fit.seed = 7;
    pauca::Clusters clusters = pauca::kmeans(x, fit, context);
    pauca_semdedup_options unique = pauca::semdedup_options();
    unique.rule = PAUCA_GREEDY_COVER;
    unique.epsilon = epsilon;
    pauca::Dedup dedup = pauca::semdedup(x, clusters, unique, context);

    const pauca_clusters_info c = clusters.info();
    const pauca_dedup_info d = dedup.info();
    std::uint64_t hash = mix(0xcbf29ce484222325u, clusters.labels());
    hash = mix(hash, clusters.centroids());
    hash = mix(hash, &c.inertia, sizeof c.inertia);
    hash = mix(hash, dedup.keep());
    hash = mix(hash, dedup.witness());
    std::printf("rows %" PRIu64 " x %" PRIu64 "\n", c.n_rows, c.dim);
    std::printf("clusters %" PRIu64 ", iterations %" PRIu64 ", inertia %.17g\n", c.n_clusters, c.n_iter, c.inertia);
    std::printf("kept %" PRIu64 ", exact copies %" PRIu64 "\n", d.n_kept, d.exact_copies);
    std::printf("checksum %016" PRIx64 "\n", hash);
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " FILE.npy [CLUSTERS [EPSILON]]\n";
        return 2;
    }
    pauca_view x;
    if (const char *wrong = npy_read(argv[1], &x)) {
        std::cerr << argv[1] << ' ' << wrong << '\n';
        return 1;
    }
    std::unique_ptr<void, void (*)(void *)> memory(const_cast<void *>(x.data), std::free);
    try {
        curate(x, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 8, argc > 3 ? std::strtod(argv[3], nullptr) : 0.05);
    } catch (const pauca::Error &e) {
        std::cerr << e.what() << " (" << e.name() << ")\n";
        return 1;
    }
    return 0;
}
