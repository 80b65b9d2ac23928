//! The contents of files: blobs and the versions that refer to them.

use clouddrive_domain::model::{BlobKey, Command, DriveId, Grant, NodeId, Revision, Stored, VersionId};
use clouddrive_sql::blob_records::{ReleasedContents, crc32, digest, etag};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{blobs, nodes, versions};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::versions::{FormerRow, NewVersionRow, excess_rows};
use diesel::prelude::*;

use crate::blob_records::{mark_referenced, release_contents};

/// Records what was stored in the blob and marks it as referenced; it must not have been marked for deletion.
pub(crate) fn reference_blob(
    connection: &mut SqliteConnection,
    blob: &BlobKey,
    stored: &Stored,
) -> Result<(), SqlError> {
    mark_referenced(connection, blob)?;
    update(blobs::table.find(blob.as_str()))
        .set((
            blobs::size_bytes.eq(bytes(stored.size)),
            blobs::sha256.eq(digest(stored.sha256)),
            blobs::etag.eq(etag(stored.tag.as_ref())),
            blobs::crc32.eq(crc32(stored.crc32)),
        ))
        .execute(connection)?;
    Ok(())
}

pub(crate) fn insert_version(connection: &mut SqliteConnection, row: NewVersionRow) -> Result<(), SqlError> {
    diesel::insert_into(versions::table).values(row).execute(connection)?;
    Ok(())
}

/// Points the granted file at another version, of that size, and returns its new revision.
pub(crate) fn set_current_version(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    (version, size): (VersionId, u64),
) -> Result<Revision, SqlError> {
    let revision = Revision(file.node().revision.0 + 1);
    update(nodes::table.find(DbId::from(file.node().id)))
        .set((
            nodes::version_id.eq(DbId::from(version)),
            nodes::size_bytes.eq(bytes(size)),
            nodes::revision.eq(bytes(revision.0)),
            nodes::modified_at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    Ok(revision)
}

/// The versions of `file` in excess of the maximum beside the `current` one, which the command adds.
fn versions_over_limit(
    connection: &mut SqliteConnection,
    command: &Command,
    file: NodeId,
    current: VersionId,
    max: u32,
) -> Result<Vec<FormerRow>, SqlError> {
    let former = versions::table
        .filter(versions::node_id.eq(DbId::from(file)).and(versions::id.ne(DbId::from(current))))
        .order((versions::revision, versions::id))
        .select((versions::id, versions::blob_key, versions::size_bytes, versions::created_by, versions::created_at))
        .load(connection)?;
    Ok(excess_rows(command, former, current, max))
}

/// Removes these versions of a file in `drive`.
fn remove(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    former: Vec<FormerRow>,
) -> Result<ReleasedContents, SqlError> {
    let mut contents = Vec::with_capacity(former.len());
    for (id, blob, bytes, ..) in former {
        diesel::delete(versions::table.find(id)).execute(connection)?;
        contents.push((blob, bytes));
    }
    release_contents(connection, drive, &contents, command.at)
}

/// Removes the versions of `file` in `drive` in excess of the maximum beside the `current` one. The caller MUST have
/// inserted the current version, since a removed one may have the same blob.
pub(crate) fn prune_versions(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    file: NodeId,
    current: VersionId,
    max: u32,
) -> Result<ReleasedContents, SqlError> {
    let former = versions_over_limit(connection, command, file, current, max)?;
    remove(connection, command, drive, former)
}
