//! Conformance suite for [`TreeRepository`](clouddrive_domain::port::TreeRepository).

mod file;
mod folder;
mod limits;
mod list;
mod races;
mod roles;

use crate::Persistence;
use crate::fixture::run;

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        file::a_copy_is_a_file_of_its_own_on_the_same_blob,
        file::only_the_current_content_is_copied,
        file::a_taken_name_is_refused_or_stood_beside,
        file::a_copy_may_replace_a_file_but_no_folder,
        file::a_copy_onto_the_file_itself_keeps_its_content,
        file::what_a_copy_replaces_counts_until_its_bytes_are_deleted,
        file::a_blob_stays_while_a_copy_refers_to_it,
        file::a_revision_that_was_not_seen_last_is_refused,
    );
    run!(store;
        folder::a_copy_has_all_that_lies_below,
        folder::the_copy_and_what_was_copied_go_their_own_ways,
        folder::an_empty_folder_is_copied_as_one,
        folder::a_folder_is_not_copied_into_itself_or_below,
        folder::a_folder_stands_beside_another_and_replaces_none,
        folder::shares_are_not_copied,
        folder::a_root_cannot_be_copied,
        folder::a_refused_copy_leaves_nothing,
    );
    run!(store;
        limits::ten_thousand_nodes_and_no_more,
        limits::a_copied_folder_counts_with_what_stands_below_it,
        limits::what_was_copied_counts_for_what_is_moved_later,
        limits::the_last_byte_fits_and_the_next_does_not,
    );
    run!(store;
        roles::a_guest_copies_out_of_what_is_shared,
        roles::the_copy_is_the_owners_of_where_it_goes,
        roles::both_grants_are_renewed,
    );
    run!(store;
        list::a_folder_is_listed_with_all_below_it,
        list::several_nodes_are_listed_together,
        list::what_lies_in_the_trash_is_not_listed,
        list::nothing_is_listed_past_the_most,
        list::a_crc32_is_listed_once_it_is_known,
    );
    run!(store;
        races::the_quota_is_exact_however_many_copy,
        races::all_who_keep_both_get_a_name_of_their_own,
        races::copies_in_opposite_directions_both_succeed,
        races::a_copy_never_refers_to_a_blob_marked_for_deletion,
        races::a_copy_is_of_one_moment,
        races::files_that_replace_each_other_both_stay,
    );
}
