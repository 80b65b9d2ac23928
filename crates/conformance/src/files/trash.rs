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
        what_is_trashed_is_out_of_sight_with_all_below_it,
        its_shares_are_asleep,
    }

    put of "`TrashRepository::put`: Its name is free at once" {
        its_name_is_free_at_once,
    }

    put of "`TrashRepository::put`: nodes MUST NOT be added below it from then on" {
        nothing_comes_to_stand_below_it,
    }

    put of "`TrashRepository`: Every method that takes a grant [renews](Grant::renew) it inside its own transaction" {
        who_may_not_trash_does_not,
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
        it_comes_back_as_it_was,
        a_taken_name_gives_way_to_the_first_free_one,
    }

    restore of "`Restoration::parent`: by default the former folder, or the root of the drive if that is in the trash" {
        it_goes_to_the_root_when_its_folder_is_in_the_trash_or_gone,
    }

    restore of "`Restoration::parent`: The target folder or root" {
        it_goes_where_it_is_told,
    }

    restore of "`TrashRepository`: Every method that takes a grant [renews](Grant::renew) it inside its own transaction" {
        it_is_restored_by_its_owner_as_it_was_seen,
    }

    restore of "`MAX_TREE_DEPTH`: The maximum nesting depth of folders." {
        folders_come_back_no_deeper_than_folders_stand,
    }

    restore of "`TrashRepository::restore`: A node below a trashed one can be restored too: then it comes back alone." {
        what_lies_below_comes_back_alone,
    }

    restore of "`TrashRepository::restore`: below a node being purged" {
        what_is_being_purged_does_not_come_back,
    }

    restore of "`TrashRepository::find_trashed_by`: if that user trashed it directly after `after` and it is not being purged" {
        what_a_guest_has_trashed_is_found_by_that_guest_for_a_while,
    }

    restore of "`TrashRepository::restore`: is given and the actor did not trash it after that" {
        a_guest_undoes_only_their_own,
    }

    purge of "`TrashRepository::purge`: removes up to `max` nodes, with all versions and shares" {
        a_file_goes_with_its_versions_and_shares,
        a_tree_goes_whole_in_steps_of_any_size,
    }

    purge of "`TrashRepository::purge`: the bytes of all others be given back to the quota" {
        what_others_still_have_is_given_back_at_once_and_not_freed,
        a_content_that_a_file_had_twice_counts_once_when_it_is_gone,
    }

    purge of "`TrashRepository::begin_purge`: it is no longer found" {
        from_its_beginning_on_it_is_in_no_list,
    }

    purge of "`TrashRepository::purge`: Descendants that had been trashed directly stay in the trash." {
        what_was_trashed_by_itself_outlives_its_folder,
    }

    purge of "`TrashRepository::purge`: Continues purges" {
        a_purge_goes_on_by_itself_and_leaves_others_alone,
        uploads_into_what_is_gone_end_as_they_would,
    }

    purge of "`TrashRepository::begin_purges`: Begins the purges of up to `max` of the nodes in `scope`, all in one drive, and returns the number." {
        a_trash_is_emptied_in_batches,
        what_is_due_goes_and_what_is_not_stays,
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
        what_is_moved_and_trashed_is_in_one_place,
    }

    races of "`TrashRepository::restore`: Restores the node, under its name or the first free alternative." {
        a_restored_name_and_a_new_one_stand_side_by_side,
    }

    races of "`TrashRepository::restore`: below a node being purged" {
        of_a_purge_and_a_restore_one_wins,
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
    orphaned_drives::it_goes_in_steps_of_any_size(&Fixture::new(store), &remove).await;
}
