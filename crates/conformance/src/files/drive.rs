//! Conformance suite for [`NodeRepository`](clouddrive_domain::port::NodeRepository).

mod conflicts;
mod create;
mod depth;
mod entries;
mod find;
mod list;
mod paths;
mod races;
mod relocate;
mod roles;
mod walk;

use crate::Persistence;
use crate::fixture::run;

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        find::what_is_absent_is_not_found,
        find::a_home_has_the_root_as_it_is_found,
        find::the_lineage_goes_from_the_node_up_to_the_root,
        find::a_node_is_found_for_any_viewer,
        find::the_shares_of_the_viewer_stand_on_the_way,
        find::a_file_carries_its_content,
        find::many_nodes_are_found_as_each_of_them,
    );
    run!(store;
        paths::a_path_leads_to_what_it_names,
        paths::names_of_a_path_are_compared_as_in_a_folder,
        paths::a_file_leads_no_further,
        paths::a_path_goes_around_the_trash,
        paths::a_guest_follows_paths_from_what_they_see,
        paths::a_path_reaches_the_bottom_of_the_deepest_tree,
    );
    run!(store;
        create::a_folder_is_made_as_it_is_found,
        create::a_guest_makes_a_folder_in_the_drive_of_its_owner,
        create::making_a_folder_leaves_its_parent_as_it_is_but_for_the_time,
        create::a_taken_name_tells_who_has_it_and_which_is_free,
        create::the_suggested_name_fills_the_first_gap,
        create::names_differ_by_case_and_by_folder,
        create::a_refused_folder_is_not_there,
    );
    run!(store;
        list::every_order_is_the_one_that_is_promised,
        list::numbers_sort_as_numbers_accents_beside_their_letters_and_folders_first,
        list::a_page_has_one_row_too_many_if_there_is_more,
        list::a_list_holds_the_children_as_they_are_found,
        list::an_empty_folder_has_an_empty_list,
        list::a_place_outlives_its_item,
        list::children_tell_the_shares_of_the_viewer_on_them,
        walk::a_walk_meets_once_what_stands_throughout,
    );
    run!(store;
        relocate::a_renamed_node_is_the_same_node,
        relocate::a_moved_node_takes_along_what_lies_below_it,
        relocate::name_and_place_change_at_once,
        relocate::a_file_keeps_its_content,
        relocate::what_is_said_of_a_content_changes_without_another_content,
        relocate::a_folder_shows_when_something_was_added_or_removed,
        relocate::what_is_there_already_stays_as_it_is,
        relocate::a_revision_that_was_not_seen_last_is_refused,
        relocate::a_taken_name_is_refused_in_either_place,
        relocate::the_case_of_a_name_may_change,
        relocate::nothing_moves_to_another_drive,
        relocate::a_folder_goes_neither_into_itself_nor_below,
        relocate::shares_stay_with_what_is_relocated,
        relocate::a_name_that_was_left_is_free,
    );
    run!(store;
        conflicts::a_replaced_node_goes_to_the_trash,
        conflicts::a_rename_replaces_as_well,
        conflicts::what_is_in_its_place_replaces_nothing,
        conflicts::both_are_kept_under_the_first_free_name,
        conflicts::a_file_and_a_folder_do_not_replace_each_other,
        conflicts::a_folder_is_not_replaced_by_what_is_in_it,
        conflicts::what_is_refused_replaces_nothing,
        conflicts::a_folder_too_deep_replaces_nothing,
        conflicts::a_guest_who_replaces_may_undo_it,
        conflicts::uploads_of_guests_into_a_replaced_folder_end,
        conflicts::of_many_that_replace_at_once_one_remains,
        conflicts::of_many_that_keep_both_at_once_each_has_a_name,
        conflicts::what_is_edited_while_it_is_replaced_loses_nothing,
    );
    run!(store;
        depth::folders_stand_at_most_a_hundred_deep,
        depth::a_moved_folder_counts_with_what_stands_below_it,
        depth::what_has_left_a_folder_does_not_count,
        depth::what_returns_to_a_folder_counts_again,
        depth::files_do_not_count,
    );
    run!(store;
        roles::a_revoked_share_ends_grants,
        roles::a_lowered_share_ends_grants,
        roles::what_left_the_shared_folder_is_out_of_reach,
        roles::a_destination_is_checked_like_an_item,
    );
    run!(store;
        entries::what_stands_in_a_drive_and_lies_in_its_trash_is_counted,
        entries::the_last_entry_fits_and_the_next_does_not,
        entries::of_many_at_once_only_as_many_as_fit_arrive,
        entries::a_drive_may_be_given_more_or_less,
    );
    run!(store;
        races::one_of_many_creations_of_a_name_succeeds,
        races::one_of_many_arrivals_under_a_name_succeeds,
        races::moves_that_would_close_a_cycle_do_not_all_succeed,
        races::one_of_two_who_saw_the_same_revision_succeeds,
        races::moves_of_one_node_follow_one_another,
        races::deep_moves_at_once_keep_to_the_limit,
    );
}
