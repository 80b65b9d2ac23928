//! Conformance suite for [`VersionRepository`](clouddrive_domain::port::VersionRepository), and the versions that a
//! replace leaves.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod append;
mod delete;
mod history;
mod races;
mod restore;

use clouddrive_domain::Result;
use clouddrive_domain::model::{Action, Limit, Located, NodeId, Page, UserId, Version, VersionId, VersionPosition};
use clouddrive_domain::port::{NewContent, VersionRestore};

use crate::case::persistence_suite;
use crate::fixture::{MAX_VERSIONS, STORE, keys};

persistence_suite! {
    $ versions uses
        BlobRecordRepository, NodeRepository, ShareRepository, TrashRepository, TreeRepository, UploadRepository,
        UserRepository, VersionRepository;

    history of "`VersionRepository::list`: Lists the versions of the granted file, newest first" {
        each_content_is_a_version_and_the_newest_comes_first,
        versions_are_in_order_despite_clock_skew,
    }

    history of "`VersionRepository::list`: at most `limit` + 1" {
        versions_come_in_pages,
    }

    history of "`VersionRepository`: Versions beyond a file's maximum" {
        excess_versions_are_removed,
        frequent_replaces_keep_the_version_of_another_user,
    }

    history of "`VersionRepository::find`: none if it is another file's" {
        a_version_of_another_file_is_not_found,
    }

    append of "`VersionRepository::append`: Appends a version to the file that `file` grants to" {
        a_content_is_appended_to_the_file_wherever_it_went,
        a_guest_who_may_edit_may_append,
    }

    append of "`VersionRepository`: Every mutating method [renews](Grant::renew) its grant inside its own transaction" {
        an_append_needs_permission_to_replace,
    }

    append of "`VersionRepository`: if the file does not have the expected revision" {
        a_content_is_for_the_revision_that_was_seen,
        a_content_is_for_the_content_that_was_seen,
    }

    append of "`VersionRepository`: Each counts against the quota of the drive." {
        a_content_that_does_not_fit_leaves_the_file_as_it_was,
    }

    append of "`VersionRepository::append`: if the blob was never recorded or has been marked for deletion" {
        a_blob_that_was_marked_for_deletion_becomes_no_content,
    }

    append of "`VersionRepository`: blobs that are now unreferenced are [returned](SavedNode::freed)" {
        a_superfluous_version_counts_until_its_bytes_are_deleted,
    }

    restore of "`VersionRepository::restore`: Appends a version with the blob of a former one." {
        a_former_content_is_current_anew,
        a_blob_is_referred_to_as_long_as_any_version_is_on_it,
    }

    restore of "`VersionRepository::restore`: If the current content already uses that blob, nothing changes" {
        a_restore_of_the_current_content_changes_nothing,
    }

    restore of "`VersionRepository`: Each counts against the quota of the drive." {
        a_restore_is_charged,
    }

    restore of "`VersionRepository`: blobs that are now unreferenced are [returned](SavedNode::freed)" {
        versions_removed_by_a_restore_count_until_their_bytes_are_deleted,
    }

    restore of "`VersionRepository::restore`: if the file has no such version" {
        only_what_the_file_has_is_restored,
    }

    delete of "`VersionRepository::delete`: Deletes a former version of the file" {
        a_former_version_is_deleted_and_gives_its_bytes_back,
    }

    delete of "`VersionRepository::delete`: for the current one" {
        the_current_version_is_in_use,
    }

    delete of "`VersionRepository`: Every mutating method [renews](Grant::renew) its grant inside its own transaction" {
        versions_are_their_owners_to_delete,
    }

    races of "`VersionRepository::append`: The former content stays as a version." {
        concurrent_appends_are_all_in_the_history,
    }

    races of "`VersionRepository`: if the file does not have the expected revision" {
        one_of_two_conditional_appends_succeeds,
    }

    races of "`VersionRepository::delete`: for the current one" {
        a_version_is_deleted_or_in_use_while_another_replaces_it,
    }

    races of "`VersionRepository::delete`: if the file has no such version" {
        one_of_two_deletions_succeeds,
    }
}

/// A page of the versions of `file`, and the position after which the next one begins.
async fn page(
    fixture: &Fixture<'_>,
    viewer: UserId,
    file: NodeId,
    after: Option<VersionPosition>,
    limit: u64,
) -> (Vec<Version>, Option<VersionPosition>) {
    let (file, limit) = (fixture.grant(viewer, file, Action::Read).await, Limit::new(limit).unwrap());
    let rows = fixture.store.versions().list(&file, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |row| VersionPosition { revision: row.revision, id: row.content.version });
    (page.items, page.next)
}

async fn list_history(fixture: &Fixture<'_>, viewer: UserId, file: NodeId) -> Vec<Version> {
    page(fixture, viewer, file, None, 1000).await.0
}

async fn sizes(fixture: &Fixture<'_>, viewer: UserId, file: NodeId) -> Vec<u64> {
    list_history(fixture, viewer, file).await.iter().map(|version| version.content.size).collect()
}

/// The version of `file` that has `size` bytes.
async fn version_of_size(fixture: &Fixture<'_>, viewer: UserId, file: NodeId, size: u64) -> VersionId {
    let found = list_history(fixture, viewer, file).await.into_iter().find(|version| version.content.size == size);
    found.unwrap().content.version
}

async fn append_content(fixture: &Fixture<'_>, actor: UserId, file: NodeId, new: &NewContent) -> Result<Located> {
    let file = fixture.grant(actor, file, Action::Replace).await;
    Ok(fixture.prune_freed_blobs(fixture.store.versions().append(&fixture.command(actor), &file, new).await?).await)
}

async fn restore_version(fixture: &Fixture<'_>, actor: UserId, file: NodeId, from: VersionId) -> Result<Located> {
    let file = fixture.grant(actor, file, Action::Replace).await;
    let spec = VersionRestore { from, version: fixture.id(), seen: None, max_versions: MAX_VERSIONS };
    Ok(fixture.prune_freed_blobs(fixture.store.versions().restore(&fixture.command(actor), &file, &spec).await?).await)
}

/// Deletes a version and the record of its blob, as if the bytes had been deleted.
async fn delete(fixture: &Fixture<'_>, owner: UserId, file: NodeId, version: VersionId) -> Result<()> {
    let file = fixture.grant(owner, file, Action::DeleteVersion).await;
    let freed = fixture.store.versions().delete(&fixture.command(owner), &file, version, None).await?;
    fixture.store.records().remove(&STORE, &keys(freed.as_slice())).await
}
