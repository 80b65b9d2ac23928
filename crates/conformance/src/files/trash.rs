//! Conformance suite for [`TrashRepository`](clouddrive_domain::port::TrashRepository).

mod orphaned_drives;
mod purge;
mod put;
mod races;
mod restore;

use clouddrive_domain::model::UserId;

use crate::Persistence;
use crate::fixture::{Fixture, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        put::what_is_trashed_is_out_of_sight_with_all_below_it,
        put::its_name_is_free_at_once,
        put::nothing_comes_to_stand_below_it,
        put::its_shares_are_asleep,
        put::who_may_not_trash_does_not,
        put::it_is_trashed_as_it_was_seen,
        put::the_trash_lists_what_was_put_there_itself_newest_first,
        put::the_trash_comes_in_pages,
        put::each_drive_has_a_trash_of_its_own,
    );
    run!(store;
        restore::it_comes_back_as_it_was,
        restore::a_taken_name_gives_way_to_the_first_free_one,
        restore::it_goes_to_the_root_when_its_folder_is_in_the_trash_or_gone,
        restore::it_goes_where_it_is_told,
        restore::it_is_restored_by_its_owner_as_it_was_seen,
        restore::folders_come_back_no_deeper_than_folders_stand,
        restore::what_lies_below_comes_back_alone,
        restore::what_is_being_purged_does_not_come_back,
        restore::what_a_guest_has_trashed_is_found_by_that_guest_for_a_while,
        restore::a_guest_undoes_only_their_own,
    );
    run!(store;
        purge::a_file_goes_with_its_versions_and_shares,
        purge::what_others_still_have_is_given_back_at_once_and_not_freed,
        purge::a_content_that_a_file_had_twice_counts_once_when_it_is_gone,
        purge::a_tree_goes_whole_in_steps_of_any_size,
        purge::from_its_beginning_on_it_is_in_no_list,
        purge::what_was_trashed_by_itself_outlives_its_folder,
        purge::a_purge_goes_on_by_itself_and_leaves_others_alone,
        purge::a_trash_is_emptied_in_batches,
        purge::what_is_due_goes_and_what_is_not_stays,
        purge::uploads_into_what_is_gone_end_as_they_would,
        purge::a_purge_is_for_the_revision_that_was_seen,
        purge::drives_that_have_an_owner_are_left_alone,
    );
    run!(store;
        races::an_upload_does_not_land_in_the_trash,
        races::a_folder_is_not_made_in_the_trash,
        races::what_is_moved_and_trashed_is_in_one_place,
        races::a_restored_name_and_a_new_one_stand_side_by_side,
        races::of_a_purge_and_a_restore_one_wins,
        races::two_purges_at_once_count_each_byte_once,
        races::many_workers_share_one_purge,
    );
}

/// Runs the cases about drives without owners. `remove` deletes only a user's row and what depends on it: the drive
/// stays, without an owner.
///
/// # Panics
/// If the store breaks the contract.
pub async fn ownerless_suite(store: &Persistence, remove: impl AsyncFn(UserId)) {
    orphaned_drives::a_drive_without_an_owner_goes_with_all_that_it_holds(&Fixture::new(store), &remove).await;
    orphaned_drives::it_goes_in_steps_of_any_size(&Fixture::new(store), &remove).await;
}
