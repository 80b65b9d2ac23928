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

use crate::case::persistence_suite;

persistence_suite! {
    $ drive uses
        AccountRepository, BlobRecordRepository, NodeRepository, ShareRepository, TrashRepository, TreeRepository,
        UploadRepository, UserRepository, VersionRepository;

    find of "`NodeRepository::find`: Finds a node with its path to the root and the `viewer`'s shares on that path" {
        absent_nodes_are_not_found,
        the_lineage_goes_from_the_node_up_to_the_root,
        a_lineage_has_the_shares_of_the_viewer,
        a_file_carries_its_content,
    }

    find of "`NodeRepository::find`: Returns it even if the viewer may not see it or it is in the trash" {
        a_node_is_found_for_any_viewer,
    }

    find of "`NodeRepository::find_user_drive`: The user's account and root." {
        a_user_drive_has_its_root,
    }

    find of "`NodeRepository::find_many`: The same for several nodes, in one query and in any order. Missing nodes are left out." {
        many_nodes_are_found_as_each_of_them,
    }

    paths of "`NodeRepository::find_by_path`: Finds the node at the end of `path`" {
        a_path_leads_to_what_it_names,
        a_path_reaches_the_bottom_of_the_deepest_tree,
    }

    paths of "`NodeRepository::find_by_path`: each name of the path is that of a live child of the folder before, byte by byte" {
        names_of_a_path_are_compared_as_in_a_folder,
        a_path_goes_around_the_trash,
    }

    paths of "`NodeRepository::find_by_path`: Returns none if the start is missing or a file, or a name leads to nothing." {
        a_file_leads_no_further,
    }

    paths of "`NodeRepository::find_by_path`: The node is returned even if the viewer may not see it" {
        a_guest_follows_paths_from_what_they_see,
    }

    create of "`NodeRepository::create_folder`: Creates a folder in the granted folder" {
        a_folder_is_made_as_it_is_found,
        a_guest_makes_a_folder_in_the_drive_of_its_owner,
    }

    create of "`NodeRepository`: also set the folder's `modified_at` to the command's time" {
        making_a_folder_leaves_its_parent_as_it_is_but_for_the_time,
    }

    create of "`NodeRepository`: A taken name is refused with the item that has it and the first free alternative." {
        a_name_conflict_reports_the_existing_item_and_a_free_name,
        the_suggested_name_fills_the_first_gap,
    }

    create of "`NodeRepository`: Live nodes of one folder have different names, compared byte by byte." {
        names_differ_by_case_and_by_folder,
    }

    create of "`port`: A method that fails changes nothing, unless its docs say otherwise." {
        a_refused_folder_is_not_there,
    }

    list of "`NodeRepository::list`: Sorting by name compares the [`OrderKey`], then the identifier, byte by byte." {
        every_order_is_the_one_that_is_promised,
        numbers_sort_as_numbers_accents_beside_their_letters_and_folders_first,
    }

    list of "`NodeRepository::list`: at most `limit` + 1" {
        a_page_has_one_row_too_many_if_there_is_more,
    }

    list of "`NodeRepository::list`: Lists the granted folder after `after`, sorted by `sort`, without trashed nodes" {
        a_list_holds_the_children_as_they_are_found,
        an_empty_folder_has_an_empty_list,
        a_place_outlives_its_item,
        children_tell_the_shares_of_the_viewer_on_them,
    }

    walk of "`NodeRepository::list`: Lists the granted folder after `after`, sorted by `sort`, without trashed nodes" {
        paging_lists_every_lasting_entry_once,
    }

    relocate of "`NodeRepository::relocate`: Renames or moves a file or folder, or both at once" {
        a_renamed_node_is_the_same_node,
        a_moved_node_takes_along_what_lies_below_it,
        name_and_place_change_at_once,
        a_file_keeps_its_content,
        the_case_of_a_name_may_change,
        shares_stay_with_what_is_relocated,
        a_name_that_was_left_is_free,
    }

    relocate of "`NodeRepository::relocate`: and updates the metadata of a file's content" {
        metadata_changes_without_new_content,
    }

    relocate of "`NodeRepository`: also set the folder's `modified_at` to the command's time" {
        a_folder_shows_when_something_was_added_or_removed,
    }

    relocate of "`NodeRepository::relocate`: If all of that is already so, nothing changes, not even the revision." {
        a_relocation_to_where_it_is_changes_nothing,
    }

    relocate of "`NodeRepository::relocate`: if `seen` is not its revision" {
        a_revision_that_was_not_seen_last_is_refused,
    }

    relocate of "`NodeRepository`: A taken name is refused with the item that has it and the first free alternative." {
        a_taken_name_is_refused_in_either_place,
    }

    relocate of "`Relocation::new_location`: `CrossDriveMove`, `FolderCycle`" {
        nothing_moves_to_another_drive,
        a_folder_cannot_be_moved_into_itself_or_a_descendant,
    }

    conflicts of "`NodeRepository::relocate`: `Replace` trashes that node as" {
        a_replaced_node_goes_to_the_trash,
        a_rename_replaces_as_well,
        a_guest_who_replaces_may_undo_it,
        uploads_of_guests_into_a_replaced_folder_end,
        concurrent_edits_of_a_replaced_file_are_not_lost,
    }

    conflicts of "`NodeRepository::relocate`: If all of that is already so, nothing changes, not even the revision." {
        a_move_to_its_own_place_replaces_nothing,
    }

    conflicts of "`NodeRepository::relocate`: `Keep` uses the first free name" {
        both_are_kept_under_the_first_free_name,
        concurrent_keep_both_moves_get_distinct_names,
    }

    conflicts of "`NodeRepository::relocate`: `NameTaken` (also if a node of the other kind was to be replaced)" {
        a_file_and_a_folder_do_not_replace_each_other,
    }

    conflicts of "`NodeRepository::relocate`: or a folder was to be replaced by what is in it" {
        a_folder_is_not_replaced_by_what_is_in_it,
    }

    conflicts of "`port`: A method that fails changes nothing, unless its docs say otherwise." {
        a_refused_request_replaces_nothing,
        a_folder_too_deep_replaces_nothing,
    }

    conflicts of "`NodeRepository`: Live nodes of one folder have different names, compared byte by byte." {
        concurrent_replacements_leave_one_node,
    }

    depth of "`MAX_TREE_DEPTH`: The maximum nesting depth of folders." {
        folders_are_nested_at_most_a_hundred_deep,
        a_moved_folder_counts_with_its_descendants,
        entries_moved_out_of_a_folder_do_not_count,
        entries_moved_back_to_a_folder_count_again,
        files_do_not_count,
    }

    roles of "`NodeRepository`: Every mutating method [renews](Grant::renew) its grants inside its own transaction" {
        a_revoked_share_ends_grants,
        a_lowered_share_ends_grants,
        items_moved_out_of_a_shared_folder_are_inaccessible,
        a_destination_is_checked_like_an_item,
    }

    entries of "`NodeRepository`: Every file and folder of a drive, also in the trash, counts as an entry." {
        live_and_trashed_entries_are_counted,
    }

    entries of "`NodeRepository`: if the drive has as many entries as it may, exact under any concurrency" {
        the_last_entry_fits_and_the_next_does_not,
        concurrent_creations_do_not_exceed_the_entry_quota,
        a_drive_may_be_given_more_or_less,
    }

    races of "`NodeRepository`: Live nodes of one folder have different names, compared byte by byte." {
        one_of_many_creations_of_a_name_succeeds,
        one_of_many_arrivals_under_a_name_succeeds,
    }

    races of "`NodeRepository::relocate`: `FolderCycle` (also if two moves race" {
        moves_that_would_close_a_cycle_do_not_all_succeed,
    }

    races of "`NodeRepository::relocate`: if `seen` is not its revision" {
        one_of_two_changes_of_the_same_revision_succeeds,
    }

    races of "`port`: A method of a port is atomic." {
        moves_of_one_node_follow_one_another,
    }

    races of "`MAX_TREE_DEPTH`: The maximum nesting depth of folders." {
        deep_moves_at_once_keep_to_the_limit,
    }
}
