//! Conformance suite for [`TreeRepository`](clouddrive_domain::port::TreeRepository).

mod file;
mod folder;
mod limits;
mod list;
mod races;
mod roles;

use crate::case::persistence_suite;

persistence_suite! {
    $ trees uses
        BlobRecordRepository, ChangeRepository, NodeRepository, ShareRepository, TrashRepository, TreeRepository,
        UploadRepository, UserRepository;

    file of "`TreeRepository::copy`: creates new nodes and versions on the existing blobs" {
        a_copy_is_a_file_of_its_own_on_the_same_blob,
        a_blob_stays_while_a_copy_refers_to_it,
    }

    file of "`TreeRepository::copy`: Of a file only the current content is copied; shares are not copied." {
        only_the_current_content_is_copied,
    }

    file of "`TreeRepository::copy`: The name is resolved as for an upload" {
        a_taken_name_is_refused_or_stood_beside,
        a_copy_onto_the_file_itself_keeps_its_content,
    }

    file of "`TreeRepository::copy`: also if a folder was to replace" {
        a_copy_may_replace_a_file_but_no_folder,
    }

    file of "`TreeRepository::copy`: Returns the copy, or the file that it replaced, whose excess versions are removed" {
        content_replaced_by_a_copy_counts_until_its_bytes_are_deleted,
    }

    file of "`CopyRequest::place`: [`PreconditionFailed`](Error::PreconditionFailed)" {
        a_revision_that_was_not_seen_last_is_refused,
    }

    folder of "`TreeRepository::copy`: Copies a file, or a folder with its descendants" {
        a_copy_has_all_that_lies_below,
        the_copy_and_the_original_are_independent,
        an_empty_folder_is_copied_as_one,
    }

    folder of "`CopyRequest::place`: `FolderCycle`" {
        a_folder_is_not_copied_into_itself_or_below,
    }

    folder of "`TreeRepository::copy`: also if a folder was to replace" {
        a_folder_with_a_taken_name_replaces_nothing,
    }

    folder of "`TreeRepository::copy`: Of a file only the current content is copied; shares are not copied." {
        shares_are_not_copied,
    }

    folder of "`CopyRequest::place`: for a root, which cannot be copied" {
        a_root_cannot_be_copied,
    }

    folder of "`TreeRepository::copy`: the copy is atomic" {
        a_refused_copy_leaves_nothing,
    }

    limits of "`MAX_COPY_NODES`: The maximum number of files and folders in one copy, including the copied one." {
        ten_thousand_nodes_and_no_more,
    }

    limits of "`MAX_TREE_DEPTH`: The maximum nesting depth of folders." {
        a_copied_folder_counts_with_its_descendants,
        copied_folders_count_in_later_moves,
    }

    limits of "`TreeRepository::copy`: the copied bytes are charged to the target drive" {
        the_last_byte_fits_and_the_next_does_not,
    }

    roles of "`TreeRepository::copy`: Copies a file, or a folder with its descendants" {
        a_guest_copies_out_of_what_is_shared,
    }

    roles of "`TreeRepository::copy`: the copied bytes are charged to the target drive" {
        the_copy_belongs_to_the_owner_of_its_destination,
    }

    roles of "`TreeRepository::copy`: both grants are renewed" {
        both_grants_are_renewed,
    }

    list of "`TreeRepository::list`: Lists the granted nodes and their descendants, in any order" {
        a_folder_is_listed_with_all_below_it,
        several_nodes_are_listed_together,
        a_crc32_is_listed_once_it_is_known,
    }

    list of "`TreeRepository`: Whole trees: folders with their descendants, without trashed nodes." {
        trashed_items_are_not_listed,
    }

    list of "`TreeRepository::list`: at most `max` + 1 entries, which bounds the cost" {
        lists_end_at_the_maximum,
    }

    races of "`TreeRepository::copy`: exact under any concurrency" {
        concurrent_copies_do_not_exceed_the_quota,
    }

    races of "`TreeRepository::copy`: The name is resolved as for an upload" {
        concurrent_keep_both_copies_get_distinct_names,
    }

    races of "`TreeRepository::copy`: the copy is atomic" {
        copies_in_opposite_directions_both_succeed,
        files_that_replace_each_other_both_stay,
    }

    races of "`TreeRepository::copy`: a blob marked for deletion at the same moment MUST NOT be referred to" {
        a_copy_never_refers_to_a_blob_marked_for_deletion,
    }

    races of "`TreeRepository::copy`: The source MUST be read consistently" {
        a_copy_is_of_one_moment,
    }
}
