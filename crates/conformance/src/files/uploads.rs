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

use crate::Persistence;
use crate::fixture::run;

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        begin::an_upload_is_its_senders_and_is_found_as_it_began,
        begin::what_would_fail_at_the_commit_is_refused_as_a_courtesy,
        begin::a_sender_has_so_many_open_and_no_more,
        begin::an_upload_gets_more_time_and_never_less,
        begin::an_upload_that_is_over_gets_no_more_time,
    );
    run!(store;
        list::open_uploads_are_listed_for_their_sender_and_the_owner_of_the_drive,
        list::what_has_ended_or_expired_is_not_listed,
        list::open_uploads_come_in_pages,
    );
    run!(store;
        commit::an_upload_becomes_a_file,
        commit::an_upload_becomes_a_file_of_a_copy,
        commit::an_upload_of_no_bytes_becomes_a_file,
        commit::a_repeat_returns_the_same_file,
        commit::a_taken_name_leaves_the_upload_open,
        commit::to_keep_both_is_to_take_the_first_free_name,
        commit::an_upload_follows_its_folder,
        commit::an_upload_is_committed_by_its_sender_only,
        commit::an_upload_that_is_over_becomes_no_file,
    );
    run!(store;
        create::bytes_that_came_without_an_upload_become_a_file,
        create::its_name_is_decided_as_by_a_commit,
        create::a_type_that_says_nothing_is_that_of_the_name_or_of_what_is_replaced,
        create::the_last_byte_fits_for_one_of_those_who_come_at_once,
        create::nothing_is_made_without_a_share_or_of_a_blob_that_is_unknown,
    );
    run!(store;
        replace::a_replaced_file_is_the_same_file_with_another_content,
        replace::a_content_that_is_one_too_many_is_unreferenced,
        replace::what_is_not_there_is_made,
        replace::a_folder_is_never_replaced,
    );
    run!(store;
        quota::each_step_counts,
        quota::the_true_size_counts,
        quota::the_last_byte_fits_and_the_next_does_not,
        quota::a_commit_over_the_quota_leaves_the_upload_open,
        quota::guests_fill_the_drive_of_its_owner,
    );
    run!(store;
        end::an_aborted_upload_is_over,
        end::what_was_aborted_at_a_time_is_listed,
        end::a_complete_upload_is_not_aborted,
        end::what_is_over_stays_as_it_ended,
        end::uploads_expire_at_their_very_time,
        end::uploads_expire_in_batches,
        end::ended_uploads_are_forgotten,
        end::uploads_are_forgotten_in_batches,
    );
    run!(store;
        roles::a_revoked_share_ends_grants,
        roles::a_lowered_share_ends_grants,
        roles::what_left_the_shared_folder_is_out_of_reach,
        roles::with_a_share_end_the_uploads_under_it,
        roles::a_right_that_comes_from_elsewhere_too_keeps_the_uploads,
        roles::uploads_of_guests_end_when_their_folder_goes_out_of_reach,
        roles::an_owner_may_abort_what_others_bring,
    );
    run!(store;
        races::many_begin_at_the_last_bytes,
        races::many_begin_at_the_last_open_one,
        races::one_upload_is_committed_twice,
        races::one_of_many_commits_of_a_name_succeeds,
        races::all_who_keep_both_get_a_name_of_their_own,
        races::one_of_many_replacements_is_last,
        races::an_upload_is_either_committed_or_aborted,
    );
}
