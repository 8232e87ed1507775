//! One suite for every backend, SIMD level and executor.
//!
//! | room | what it holds |
//! |---|---|
//! | [`search`] | the operations of a backend against the definitions |
//! | [`kmeans`], [`dedup`], [`selection`], [`density`] | properties of the algorithms, and the reference |
//! | [`random_problems`] | 2000 whole problems against the reference, to the bit |
//! | [`exhaustive`] | every small set of points with coordinates in {-1, 0, 1} |
//! | [`exact`] | sums, logarithms, random bits, made in two ways |
//! | [`torture`] | the numbered hard cases |
//! | [`published`] | SemDeDup's pseudo-code, transcribed |
//! | [`seeding_frequencies`] | k-means++ against exact D² sampling |
//! | [`bad_input`], [`callers`], [`denormal_flags`] | what callers and hosts may do to us |
//! | [`sources`] | raw files and shards against the rows in memory, and what is wrong with files |
//! | [`vectors`] | the files in tests/vectors |
//!
//! A new backend adds one `conformance!` line.

#![allow(clippy::needless_range_loop, reason = "formulas read by index")]

mod bad_input;
mod callers;
mod dedup;
mod denormal_flags;
mod density;
mod exact;
mod exhaustive;
#[macro_use]
mod harness;
mod kmeans;
mod published;
mod random_problems;
mod search;
mod seeding_frequencies;
mod selection;
mod sources;
mod torture;
mod vectors;

properties! { ($)
    search {
        nearest_is_the_definition,
        nearest_settles_near_ties,
        nearest_settles_midpoints,
        nearest_is_equivariant,
        earlier_max_is_the_definition,
        earlier_max_goes_in_pieces,
        pairs_above_is_the_definition,
    }
    kmeans {
        equals_the_reference,
        labels_equal_predict,
        block_sizes_do_not_matter,
        executors_do_not_matter,
        layouts_do_not_matter,
        half_precision_equals_its_values,
        rows_permute,
        clusters_permute,
        powers_of_two_scale,
        zero_columns_do_not_matter,
        signs_flip,
        weights_are_copies,
        weights_scale,
        weights_of_one_are_no_weights,
        rows_of_weight_zero_do_not_pull,
        rows_of_zeros_do_not_seed,
        cost_never_grows,
        fixed_points_stay,
        iterations_are_a_prefix,
        a_tolerance_stops_at_its_shift,
        steps_and_checkpoints_equal_a_run,
        sums_are_exact,
        copies_share_a_label,
        equal_centroids_collapse,
        spherical_ignores_lengths,
        seeds_are_rows_and_a_prefix,
        random_start_ignores_values,
        randomness_follows_row_ids,
    }
    dedup {
        earlier_max_equals_the_reference,
        greedy_cover_equals_the_reference,
        kept_sets_are_nested_in_epsilon,
        earlier_max_keeps_a_subset_of_greedy_cover,
        greedy_cover_has_witnesses,
        earlier_max_has_witnesses,
        what_is_kept_stays,
        rows_added_at_the_end_change_nothing,
        clusters_do_not_meet,
        the_first_row_stays_and_epsilon_two_empties,
        targets_are_met,
        the_curve_tells_what_a_run_would_keep,
        lengths_do_not_matter,
        rows_permute,
        block_sizes_do_not_matter,
        executors_do_not_matter,
        layouts_do_not_matter,
        half_precision_equals_its_values,
        zero_rows_stay,
        copies_go_to_their_first,
        signs_and_zero_columns_do_not_matter,
        random_order_is_by_row_id,
    }
    selection {
        prototypes_equal_the_reference,
        prototypes_cut_at_a_threshold,
        prototypes_complement,
        prototypes_are_nested,
        quotas_are_exact,
        d4_equals_the_reference,
        d4_is_its_parts,
        d4_is_nested,
        d4_without_dedup_is_prototypes,
        d4_without_prototypes_is_dedup,
        d4_steps_and_checkpoints_equal_a_run,
        d4_block_sizes_and_executors_do_not_matter,
    }
    density {
        pruning_equals_the_reference,
        executors_do_not_matter,
    }
}

conformance!(cpu_scalar_serial, crate::harness::cpu(pauca::Level::Scalar, pauca::Exec::serial()));
conformance!(cpu_avx2_serial, crate::harness::cpu(pauca::Level::Avx2, pauca::Exec::serial()));
conformance!(cpu_avx512_serial, crate::harness::cpu(pauca::Level::Avx512, pauca::Exec::serial()));
conformance!(cpu_neon_serial, crate::harness::cpu(pauca::Level::Neon, pauca::Exec::serial()));
conformance!(cpu_best_rayon, crate::harness::cpu(pauca::Level::detect(), pauca::Exec::rayon()));
conformance!(cpu_best_custom, crate::harness::cpu(pauca::Level::detect(), crate::harness::custom()));
