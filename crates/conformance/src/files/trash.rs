//! Conformance suite for [`TrashRepository`](clouddrive_domain::port::TrashRepository).

mod orphaned_drives;
mod purge;
mod put;
mod races;
mod restore;

use clouddrive_domain::model::UserId;

use crate::case::persistence_suite;

persistence_suite! {
    $ trash uses
        BlobRecordRepository, NodeRepository, ShareRepository, TrashRepository, TreeRepository, UploadRepository,
        UserRepository, VersionRepository;

    put of "`TrashRepository`: The trash: a flag on the trashed node, which also hides its descendants." {
        trashed_folders_are_invisible_with_their_descendants,
        its_shares_are_asleep,
    }

    put of "`TrashRepository::put`: Its name is free at once" {
        its_name_is_free_at_once,
    }

    put of "`TrashRepository::put`: nodes MUST NOT be added below it from then on" {
        a_trashed_folder_accepts_no_new_entries,
    }

    put of "`TrashRepository`: Every method that takes a grant [renews](Grant::renew) it inside its own transaction" {
        trashing_needs_permission,
    }

    put of "`TrashRepository`: that takes the expected revision fails with" {
        it_is_trashed_as_it_was_seen,
    }

    put of "`TrashRepository::list`: Lists the directly trashed nodes of the drive whose root is granted, newest first" {
        the_trash_lists_what_was_put_there_itself_newest_first,
        each_drive_has_a_trash_of_its_own,
    }

    put of "`TrashRepository::list`: at most `limit` + 1" {
        the_trash_comes_in_pages,
    }

    restore of "`TrashRepository::restore`: Restores the node, under its name or the first free alternative." {
        a_trashed_item_is_restored_unchanged,
        a_taken_name_gives_way_to_the_first_free_one,
    }

    restore of "`Restoration::parent`: by default the former folder, or the root of the drive if that is in the trash" {
        an_item_without_its_folder_is_restored_to_the_root,
    }

    restore of "`Restoration::parent`: The target folder or root" {
        an_item_is_restored_to_the_given_folder,
    }

    restore of "`TrashRepository`: Every method that takes a grant [renews](Grant::renew) it inside its own transaction" {
        it_is_restored_by_its_owner_as_it_was_seen,
    }

    restore of "`MAX_TREE_DEPTH`: The maximum nesting depth of folders." {
        restored_folders_stay_within_the_depth_limit,
    }

    restore of "`TrashRepository::restore`: A node below a trashed one can be restored too: then it comes back alone." {
        a_trashed_descendant_can_be_restored_alone,
    }

    restore of "`TrashRepository::restore`: below a node being purged" {
        items_being_purged_cannot_be_restored,
    }

    restore of "`TrashRepository::find_trashed_by`: if that user trashed it directly after `after` and it is not being purged" {
        items_trashed_by_a_guest_are_listed_for_that_guest_for_a_while,
    }

    restore of "`TrashRepository::restore`: is given and the actor did not trash it after that" {
        a_guest_undoes_only_their_own,
    }

    purge of "`TrashRepository::purge`: removes up to `max` nodes, with all versions and shares" {
        a_file_goes_with_its_versions_and_shares,
        a_tree_is_purged_completely_in_steps_of_any_size,
    }

    purge of "`TrashRepository::purge`: the bytes of all others be given back to the quota" {
        shared_blobs_stop_counting_at_once_and_are_not_deleted,
        a_content_that_a_file_had_twice_counts_once_when_it_is_gone,
    }

    purge of "`TrashRepository::begin_purge`: it is no longer found" {
        from_its_beginning_on_it_is_in_no_list,
    }

    purge of "`TrashRepository::purge`: Descendants that had been trashed directly stay in the trash." {
        a_separately_trashed_item_outlives_its_folder,
    }

    purge of "`TrashRepository::purge`: Continues purges" {
        a_purge_continues_by_itself_and_affects_nothing_else,
        uploads_into_a_deleted_folder_end_normally,
    }

    purge of "`TrashRepository::begin_purges`: Begins the purges of up to `max` of the nodes in `scope`, all in one drive, and returns the number." {
        a_trash_is_emptied_in_batches,
        only_due_trash_is_purged,
    }

    purge of "`TrashRepository`: that takes the expected revision fails with" {
        a_purge_is_for_the_revision_that_was_seen,
    }

    purge of "`TrashRepository::delete_orphaned_drives`: Continues the removal of a drive without an owner" {
        drives_that_have_an_owner_are_left_alone,
    }

    races of "`TrashRepository::put`: nodes MUST NOT be added below it from then on" {
        an_upload_does_not_land_in_the_trash,
        a_folder_is_not_made_in_the_trash,
    }

    races of "`port`: A method of a port is atomic." {
        a_concurrent_move_and_trash_leave_the_item_in_one_place,
    }

    races of "`TrashRepository::restore`: Restores the node, under its name or the first free alternative." {
        a_restored_name_and_a_new_one_stand_side_by_side,
    }

    races of "`TrashRepository::restore`: below a node being purged" {
        a_concurrent_purge_and_restore_have_one_winner,
    }

    races of "`TrashRepository::purge`: Callers may run concurrently." {
        two_purges_at_once_count_each_byte_once,
        many_workers_share_one_purge,
    }
}

/// Runs the cases about drives without owners. `remove` deletes only a user's row and what depends on it: the drive
/// stays, without an owner.
///
/// # Panics
/// If the store breaks the contract.
pub async fn ownerless_suite(store: &dyn Ports, remove: impl AsyncFn(UserId)) {
    orphaned_drives::a_drive_without_an_owner_goes_with_all_that_it_holds(&Fixture::new(store), &remove).await;
    orphaned_drives::a_drive_is_removed_in_steps_of_any_size(&Fixture::new(store), &remove).await;
}
