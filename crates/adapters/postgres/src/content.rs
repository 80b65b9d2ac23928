//! The contents of files: blobs and the versions that refer to them.

use clouddrive_domain::model::{BlobKey, Command, DriveId, Grant, NodeId, Revision, Stored, VersionId};
use clouddrive_sql::blob_records::{ReleasedContents, crc32, digest, etag};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{blobs, nodes, versions};
use clouddrive_sql::statement::update;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::versions::{FormerRow, NewVersionRow, excess_rows};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::blob_records::{release_contents, require_usable};

/// Records what was stored in the blob and marks it as referenced; it must not have been marked for deletion.
pub(crate) async fn reference_blob(
    mut connection: &AsyncPgConnection,
    blob: &BlobKey,
    stored: &Stored,
) -> Result<(), SqlError> {
    let usable = blobs::table.filter(blobs::key.eq(blob.as_str()).and(blobs::condemned_at.is_null()));
    let found = update(usable)
        .set((
            blobs::unreferenced_at.eq(None::<i64>),
            blobs::size_bytes.eq(bytes(stored.size)),
            blobs::sha256.eq(digest(stored.sha256)),
            blobs::etag.eq(etag(stored.tag.as_ref())),
            blobs::crc32.eq(crc32(stored.crc32)),
        ))
        .execute(&mut connection)
        .await?;
    require_usable(found)
}

pub(crate) async fn insert_version(mut connection: &AsyncPgConnection, row: NewVersionRow) -> Result<(), SqlError> {
    diesel::insert_into(versions::table).values(row).execute(&mut connection).await?;
    Ok(())
}

/// Points the granted, locked file at another version, of that size, and returns its new revision.
pub(crate) async fn set_current_version(
    mut connection: &AsyncPgConnection,
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
        .execute(&mut connection)
        .await?;
    Ok(revision)
}

/// The versions of `file` in excess of the maximum beside the `current` one, which the command adds.
pub(crate) async fn versions_over_limit(
    mut connection: &AsyncPgConnection,
    command: &Command,
    file: NodeId,
    current: VersionId,
    max: u32,
) -> Result<Vec<FormerRow>, SqlError> {
    let former = versions::table
        .filter(versions::node_id.eq(DbId::from(file)).and(versions::id.ne(DbId::from(current))))
        .order((versions::revision, versions::id))
        .select((versions::id, versions::blob_key, versions::size_bytes, versions::created_by, versions::created_at));
    Ok(excess_rows(command, former.load(&mut connection).await?, current, max))
}

/// Removes these versions of a file in `drive`.
pub(crate) async fn remove(
    mut connection: &AsyncPgConnection,
    command: &Command,
    drive: DriveId,
    former: Vec<FormerRow>,
) -> Result<ReleasedContents, SqlError> {
    if former.is_empty() {
        return Ok(ReleasedContents::default());
    }
    let ids: Vec<DbId> = former.iter().map(|(id, ..)| *id).collect();
    diesel::delete(versions::table.filter(versions::id.eq_any(ids))).execute(&mut connection).await?;
    let contents: Vec<(String, i64)> = former.into_iter().map(|(_, blob, bytes, ..)| (blob, bytes)).collect();
    release_contents(connection, drive, &contents, command.at).await
}

/// Removes the versions of the locked `file` in `drive` in excess of the maximum beside the `current` one, which the
/// command adds. If one of them may have its blob, the current version MUST have been inserted before.
pub(crate) async fn prune_versions(
    connection: &AsyncPgConnection,
    command: &Command,
    drive: DriveId,
    file: NodeId,
    current: VersionId,
    max: u32,
) -> Result<ReleasedContents, SqlError> {
    let former = versions_over_limit(connection, command, file, current, max).await?;
    remove(connection, command, drive, former).await
}
