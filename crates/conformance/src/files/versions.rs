//! Conformance suite for [`Versions`](clouddrive_domain::port::Versions), and the versions that a replace leaves.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod append;
mod delete;
mod history;
mod races;
mod revive;

use clouddrive_domain::Result;
use clouddrive_domain::model::{Action, Limit, Located, NodeId, Page, UserId, Version, VersionId, VersionPosition};
use clouddrive_domain::port::{NewContent, Revival};

use crate::Persistence;
use crate::world::{MOST_VERSIONS, STORE, World, run};

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        history::each_content_is_a_version_and_the_newest_comes_first,
        history::versions_come_in_pages,
        history::versions_are_in_order_whatever_clocks_say,
        history::so_many_versions_stay_and_no_more,
        history::quick_replaces_leave_what_another_had_before,
        history::a_version_of_another_file_is_not_found,
    );
    run!(store;
        append::a_content_is_appended_to_the_file_wherever_it_went,
        append::a_guest_who_may_edit_may_append,
        append::who_may_not_replace_appends_nothing,
        append::a_content_is_for_the_revision_that_was_seen,
        append::a_content_is_for_the_content_that_was_seen,
        append::a_content_that_does_not_fit_leaves_the_file_as_it_was,
        append::a_blob_that_was_condemned_becomes_no_content,
        append::a_superfluous_version_counts_until_its_bytes_are_deleted,
    );
    run!(store;
        revive::a_former_content_is_current_anew,
        revive::what_is_current_stays_as_it_is,
        revive::a_blob_is_referred_to_as_long_as_any_version_is_on_it,
        revive::a_revival_is_charged,
        revive::what_a_revival_removes_counts_until_its_bytes_are_deleted,
        revive::only_what_the_file_has_is_revived,
    );
    run!(store;
        delete::a_former_version_is_deleted_and_gives_its_bytes_back,
        delete::the_current_version_is_in_use,
        delete::versions_are_their_owners_to_delete,
    );
    run!(store;
        races::of_many_who_append_all_stand_in_the_history,
        races::of_two_who_append_to_what_they_saw_one_succeeds,
        races::a_version_is_deleted_or_in_use_while_another_replaces_it,
        races::one_of_two_deletions_succeeds,
    );
}

/// A page of the versions of `file`, and the position after which the next one begins.
async fn page(
    world: &World<'_>,
    viewer: UserId,
    file: NodeId,
    after: Option<VersionPosition>,
    limit: u64,
) -> (Vec<Version>, Option<VersionPosition>) {
    let (file, limit) = (world.grant(viewer, file, Action::Read).await, Limit::new(limit).unwrap());
    let rows = world.store.versions.list(&file, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |row| VersionPosition { revision: row.revision, id: row.content.version });
    (page.items, page.next)
}

async fn list_history(world: &World<'_>, viewer: UserId, file: NodeId) -> Vec<Version> {
    page(world, viewer, file, None, 1000).await.0
}

async fn sizes(world: &World<'_>, viewer: UserId, file: NodeId) -> Vec<u64> {
    list_history(world, viewer, file).await.iter().map(|version| version.content.size).collect()
}

/// The version of `file` that has `size` bytes.
async fn version_of_size(world: &World<'_>, viewer: UserId, file: NodeId, size: u64) -> VersionId {
    let found = list_history(world, viewer, file).await.into_iter().find(|version| version.content.size == size);
    found.unwrap().content.version
}

async fn append_content(world: &World<'_>, actor: UserId, file: NodeId, new: &NewContent) -> Result<Located> {
    let file = world.grant(actor, file, Action::Replace).await;
    Ok(world.cleared_up(world.store.versions.append(&world.command(actor), &file, new).await?).await)
}

async fn revive(world: &World<'_>, actor: UserId, file: NodeId, from: VersionId) -> Result<Located> {
    let file = world.grant(actor, file, Action::Replace).await;
    let revival = Revival { from, version: world.id(), seen: None, most_versions: MOST_VERSIONS };
    Ok(world.cleared_up(world.store.versions.revive(&world.command(actor), &file, &revival).await?).await)
}

/// Deletes a version and forgets its blob, as if the bytes had been deleted.
async fn delete(world: &World<'_>, owner: UserId, file: NodeId, version: VersionId) -> Result<()> {
    let file = world.grant(owner, file, Action::DeleteVersion).await;
    let freed = world.store.versions.delete(&world.command(owner), &file, version, None).await?;
    world.store.records.forget(&STORE, freed.as_slice()).await
}
