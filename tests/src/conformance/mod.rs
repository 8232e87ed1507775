//! The conformance suite: what every backend must do, as properties of random problems.
//!
//! A crate with a backend runs all of it with one line in a file of its `tests/`:
//!
//! ```
//! use pauca::{Cpu, Exec};
//! use pauca_tests::subject::Subject;
//!
//! pauca_tests::conformance!(cpu, Cpu::new().ok().map(|cpu| Subject::new(cpu, Exec::serial())));
//! # fn main() {}
//! ```
//!
//! The first argument names the module of the tests. The second gives a [`Subject`](crate::subject::Subject),
//! or an `Option` of one, none where the machine lacks what the backend needs; it is evaluated anew in every
//! test. Names in it are those of the place of the line. `PAUCA_TEST_CASES` sets the problems of each property.
//!
//! | room | what it holds |
//! |---|---|
//! | [`search`], [`sums`], [`contract`] | the operations of a backend against their definitions, and at their edges |
//! | [`kmeans`], [`dedup`], [`against`], [`d4`], [`density`] | curation: properties, and the reference |
//! | [`codebooks`], [`corruption`], [`zero_shot`], [`alignment`] | all else that takes a backend, against the reference |
//!
//! What follows from these whatever the backend (how algorithms combine their parts, order rows and count) is listed
//! apart, in `composition!`: the project's own tests run that on one backend. Tests of what no backend takes part in
//! are no part of this.

#![allow(missing_docs, reason = "the name of a property says what it states")]

pub mod against;
pub mod alignment;
pub mod codebooks;
pub mod contract;
pub mod corruption;
pub mod d4;
pub mod dedup;
pub mod density;
pub mod harness;
pub mod kmeans;
pub mod search;
pub mod sums;
pub mod zero_shot;

/// Lists properties once, and defines a macro that tests all of them on a backend.
macro_rules! properties {
    (($d:tt) $suite:ident, $names:ident, $all:ident; $($room:ident { $($property:ident),* $(,)? })*) => {
        /// Every property of the macro, by name.
        pub const $names: &[&str] = &[$($(concat!(stringify!($room), "::", stringify!($property))),*),*];

        /// The same with the properties themselves, for programs that run them.
        pub fn $all<B: harness::Backend>() -> Vec<(&'static str, harness::Property<B>)> {
            let all: Vec<harness::Property<B>> = vec![$($($room::$property),*),*];
            $names.iter().copied().zip(all).collect()
        }

        /// One test for every property, on the backend that `$make` gives: see
        /// [`conformance`](mod@crate::conformance).
        #[macro_export]
        macro_rules! $suite {
            ($d name:ident, $d make:expr $d(,)?) => {
                mod $d name {
                    mod subject {
                        #[allow(unused_imports, reason = "what the expression names, if anything")]
                        use super::super::*;

                        pub fn subject()
                        -> ::core::option::Option<$d crate::subject::Subject<impl $d crate::conformance::harness::Backend>> {
                            ::core::convert::Into::into($d make)
                        }
                    }

                    #[test]
                    fn available() {
                        $d crate::conformance::harness::announce(::core::stringify!($d name), subject::subject());
                    }

                    $(mod $room {
                        $(#[test]
                        fn $property() {
                            $d crate::conformance::harness::check(
                                ::core::concat!(::core::stringify!($room), "::", ::core::stringify!($property)),
                                super::subject::subject(),
                                $d crate::conformance::$room::$property,
                            );
                        })*
                    })*
                }
            };
        }
    };
}

properties! { ($) conformance, PROPERTIES, properties;
    search {
        nearest_is_the_definition,
        nearest_settles_near_ties,
        nearest_settles_midpoints,
        nearest_is_equivariant,
        nearest_is_the_same_with_copies,
        values_are_the_definition,
        earlier_max_is_the_definition,
        earlier_max_goes_in_pieces,
        earlier_max_keeps_what_is_as_similar,
        pairs_above_is_the_definition,
        pairs_above_appends,
        pairs_above_asks_each_row_for_its_own,
        ranks_are_the_definition,
        nearest_ignores_what_was_before,
        kept_and_gathered_rows_are_the_rows,
        groups_of_none_and_of_one,
    }
    sums {
        are_the_definition,
        rows_of_weight_zero_are_in_none,
        labels_outside_stand_for_no_cluster,
        moves_leave_no_trace,
        blocks_add_up,
        rows_without_weights_weigh_one,
        weights_need_weighted_sums,
        centroids_are_the_definition,
        reassignment_is_its_parts,
        collecting_is_accumulating,
    }
    contract {
        bad_values_are_named,
        empty_blocks_are_served,
        a_block_of_one_row_is_served,
        no_targets_are_served_or_named,
        dimensions_must_agree,
        lengths_must_agree,
        metrics_must_agree,
        pairs_need_cosines,
        pairs_need_copies_kept,
        labels_of_values_must_be_targets,
        offsets_must_rise,
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
        steps_and_checkpoints_equal_a_run,
        sums_are_exact,
        copies_share_a_label,
        equal_centroids_collapse,
        spherical_ignores_lengths,
        seeds_are_rows_and_a_prefix,
    }
    dedup {
        earlier_max_equals_the_reference,
        greedy_cover_equals_the_reference,
        greedy_cover_has_witnesses,
        earlier_max_has_witnesses,
        what_is_kept_stays,
        rows_added_at_the_end_change_nothing,
        clusters_do_not_meet,
        the_first_row_stays_and_epsilon_two_empties,
        lengths_do_not_matter,
        rows_permute,
        block_sizes_do_not_matter,
        executors_do_not_matter,
        layouts_do_not_matter,
        half_precision_equals_its_values,
        zero_rows_stay,
        copies_go_to_their_first,
        signs_and_zero_columns_do_not_matter,
    }
    against {
        equals_the_reference,
        runs_do_not_matter,
        element_types_may_differ,
        copies_and_zeros_change_no_other_row,
        bad_rows_are_named_by_side,
    }
    d4 {
        equals_the_reference,
    }
    codebooks {
        assignment_is_the_definition,
        a_step_equals_the_reference,
        residual_stages_quantize_what_is_left,
        product_groups_quantize_their_columns,
        statistics_are_exact_sums,
        first_codes_are_centroids,
        executors_and_layouts_do_not_matter,
    }
    corruption {
        pairs_equal_the_reference,
        direction_equals_the_reference,
        block_sizes_and_executors_do_not_matter,
    }
    alignment {
        ranks_equal_the_reference,
        gains_equal_the_reference,
        hard_negatives_equal_the_reference,
        executors_do_not_matter,
    }
    zero_shot {
        classes_equal_the_reference,
        pictures_get_the_nearest_class,
        block_sizes_and_executors_do_not_matter,
    }
}

properties! { ($) composition, COMPOSITIONS, compositions;
    kmeans {
        a_tolerance_stops_at_its_shift,
        random_start_ignores_values,
        randomness_follows_row_ids,
    }
    dedup {
        kept_sets_are_nested_in_epsilon,
        earlier_max_keeps_a_subset_of_greedy_cover,
        targets_are_met,
        the_curve_tells_what_a_run_would_keep,
        random_order_is_by_row_id,
    }
    against {
        each_row_alone_is_earlier_max,
        a_cover_of_what_is_kept_is_the_cover_of_all,
    }
    d4 {
        is_its_parts,
        is_nested,
        without_dedup_is_prototypes,
        without_prototypes_is_dedup,
        steps_and_checkpoints_equal_a_run,
        block_sizes_and_executors_do_not_matter,
    }
    density {
        pruning_equals_the_reference,
    }
}
