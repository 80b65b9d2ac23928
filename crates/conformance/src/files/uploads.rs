//! Conformance suite for [`UploadRepository`](clouddrive_domain::port::UploadRepository).

mod begin;
mod commit;
mod create;
mod end;
mod list;
mod quota;
mod races;
mod replace;
mod roles;
mod stores;

use crate::case::persistence_suite;

persistence_suite! {
    $ uploads uses
        AccountRepository, BlobRecordRepository, NodeRepository, ShareRepository, TrashRepository, UploadRepository,
        UserRepository;

    begin of "`UploadRepository::begin`: Records the upload and its blob, and reserves the announced bytes." {
        an_upload_is_its_senders_and_is_found_as_it_began,
    }

    begin of "`UploadRepository::begin`: if the commit would currently fail with them" {
        uploads_that_would_fail_at_the_commit_are_refused_early,
    }

    begin of "`UploadRepository::begin`: if the sender has too many open" {
        a_sender_has_so_many_open_and_no_more,
    }

    begin of "`UploadRepository::extend`: Extends the upload into the granted folder until `until`, if that is later than its expiry." {
        an_upload_gets_more_time_and_never_less,
        an_upload_that_is_over_gets_no_more_time,
    }

    stores of "`UploadRepository`: is returned with the store of its blob while that is recorded" {
        an_upload_is_found_with_the_store_of_its_blob,
        an_upload_is_without_a_store_once_its_blob_is_gone,
    }

    list of "`UploadRepository::list`: those of `user`, and all into the user's own drive, newest first" {
        open_uploads_are_listed_for_their_sender_and_the_owner_of_the_drive,
    }

    list of "`UploadRepository::list`: Lists the uploads that are open at `now`" {
        ended_and_expired_uploads_are_not_listed,
    }

    list of "`UploadRepository::list`: at most `limit` + 1" {
        open_uploads_come_in_pages,
    }

    commit of "`UploadRepository::commit`: Commits the upload as a file or a new version of one" {
        an_upload_becomes_a_file,
        an_upload_of_no_bytes_becomes_a_file,
        an_upload_follows_its_folder,
    }

    commit of "`Commit`: the upload's own, or a recorded copy of it" {
        an_upload_becomes_a_file_of_a_copy,
    }

    commit of "`UploadRepository::commit`: Idempotent: a repeat changes nothing and returns the same file." {
        a_repeat_returns_the_same_file,
    }

    commit of "`UploadRepository::commit`: and the upload stays open" {
        a_taken_name_leaves_the_upload_open,
    }

    commit of "`UploadRepository::commit`: resolves the name" {
        to_keep_both_is_to_take_the_first_free_name,
    }

    commit of "`UploadRepository::commit`: Those of renewing the folder's grant" {
        an_upload_is_committed_by_its_sender_only,
        an_upload_that_is_over_becomes_no_file,
    }

    create of "`UploadRepository::create`: Creates a file, or a new version of the file of that name" {
        bytes_that_came_without_an_upload_become_a_file,
        its_name_is_decided_as_by_a_commit,
    }

    create of "`ReceivedFile::content`: given the media type of the replaced content" {
        a_generic_media_type_gives_way_to_the_name_or_the_replaced_file,
    }

    create of "`UploadRepository::create`: Nothing was reserved for them, so they must fit now." {
        one_of_concurrent_uploads_gets_the_last_byte,
    }

    create of "`UploadRepository::create`: if the blob was never recorded or has been marked for deletion" {
        creation_needs_a_share_and_a_known_blob,
    }

    replace of "`UploadRepository::commit`: A former content stays as a version" {
        a_replaced_file_is_the_same_file_with_another_content,
    }

    replace of "`UploadRepository::commit`: resolves the name" {
        where_no_file_has_the_name_any_more_a_new_one_is_made,
    }

    replace of "`UploadRepository::commit`: excess versions are removed in the same transaction" {
        a_content_that_is_one_too_many_is_unreferenced,
    }

    replace of "`UploadRepository::commit`: if the actor may not replace the file of that name" {
        a_folder_is_never_replaced,
    }

    quota of "`UploadRepository::begin`: Records the upload and its blob, and reserves the announced bytes." {
        each_step_counts,
        guests_fill_the_drive_of_its_owner,
    }

    quota of "`UploadRepository::commit`: charges the true size to the quota" {
        the_true_size_counts,
    }

    quota of "`UploadRepository::begin`: They must fit beside everything that exists" {
        the_last_byte_fits_and_the_next_does_not,
    }

    quota of "`UploadRepository::commit`: and the upload stays open" {
        a_commit_over_the_quota_leaves_the_upload_open,
    }

    end of "`UploadRepository::abort`: Aborts the upload and ends its reservation." {
        an_aborted_upload_is_over,
        a_complete_upload_is_not_aborted,
        an_ended_upload_keeps_its_state,
    }

    end of "`UploadRepository::list_aborted`: aborted at exactly `at`, by any command, ordered by identifier" {
        uploads_aborted_at_a_time_are_listed,
    }

    end of "`UploadRepository::expire_due`: Ends up to `max` uploads that have expired at the command's time" {
        uploads_expire_at_their_very_time,
        uploads_expire_in_batches,
    }

    end of "`UploadRepository::prune_ended`: Deletes up to `max` records of uploads that ended in any way before `before`" {
        ended_uploads_are_pruned,
        uploads_are_pruned_in_batches,
    }

    end of "`UploadRepository::prune_ended`: Those with a job stay." {
        what_has_a_job_is_not_forgotten,
    }

    end of "`UploadRepository::find_ended`: Finds the upload if it ended without becoming a file." {
        only_what_ended_without_a_file_is_found_as_ended,
    }

    end of "`UploadRepository::note_discarded`: gives back to the quota what their blobs" {
        what_was_held_is_given_back_once_it_is_deleted,
    }

    roles of "`UploadRepository::commit`: Those of renewing the folder's grant" {
        a_revoked_share_ends_grants,
        a_lowered_share_ends_grants,
        items_moved_out_of_a_shared_folder_are_inaccessible,
    }

    roles of "`UploadRepository`: also abort the guest's open uploads into it" {
        with_a_share_end_the_uploads_under_it,
        uploads_continue_if_another_share_still_gives_access,
        uploads_of_guests_end_when_their_folder_becomes_inaccessible,
    }

    roles of "`UploadRepository::find_abortable`: Finds the upload if `user` may abort it" {
        an_owner_may_abort_uploads_of_guests,
    }

    races of "`UploadRepository::begin`: exact under any concurrency" {
        many_begin_at_the_last_bytes,
    }

    races of "`UploadRepository::begin`: if the sender has too many open" {
        many_begin_at_the_last_open_one,
    }

    races of "`UploadRepository::commit`: Idempotent: a repeat changes nothing and returns the same file." {
        one_upload_is_committed_twice,
    }

    races of "`UploadRepository::commit`: resolves the name" {
        one_of_many_commits_of_a_name_succeeds,
        concurrent_keep_both_uploads_get_distinct_names,
        one_of_many_replacements_is_last,
    }

    races of "`UploadRepository::abort`: checked in the transaction" {
        an_upload_is_either_committed_or_aborted,
    }
}
