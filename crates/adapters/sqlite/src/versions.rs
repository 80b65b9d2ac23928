use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobRef, Change, ChangeKind, Charge, Command, CommandOutcome, Content, Grant, Limit, Node, NodeId, Revision,
    Version, VersionId, VersionPosition,
};
use clouddrive_domain::port::{NewContent, SavedNode, VersionRepository, VersionRestore};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::versions;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::versions::{self as rows, NewVersionRow, VersionRow};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{mark_referenced, release_contents};
use crate::changes::record_change;
use crate::content::{insert_version, prune_versions, reference_blob, set_current_version};
use crate::idempotency_records::store_response;
use crate::locate;
use crate::quota::charge_quota;

/// Makes `content` the current content of the granted file. Returns the blobs that are now unreferenced.
fn make_current(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    content: &Content,
    max: u32,
) -> Result<Vec<BlobRef>, SqlError> {
    let id = file.node().id;
    let revision = set_current_version(connection, command, file, (content.version, content.size))?;
    insert_version(connection, NewVersionRow::new(content, (id, revision), file.actor()))?;
    let released = prune_versions(connection, command, file.drive(), id, content.version, max)?;
    let freed = released.credited_bytes;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() })?;
    Ok(released.unreferenced()?)
}

fn find(connection: &mut SqliteConnection, file: NodeId, version: VersionId) -> Result<Option<Version>, SqlError> {
    let row: Option<VersionRow> = rows::find(file, version).get_result(connection).optional()?;
    Ok(row.map(Version::try_from).transpose()?)
}

fn append(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    new: &NewContent,
) -> Result<SavedNode, SqlError> {
    let file = locate::reauthorize(connection, file)?;
    file.require_seen(new.seen)?;
    let content = new.content(file.node(), command.at);
    reference_blob(connection, &new.blob.key, &new.stored)?;
    let freed = make_current(connection, command, &file, &content, new.max_versions)?;
    record_change(connection, command, Change::content_set(ChangeKind::FileReplaced, &file, content.version))?;
    let file = locate::get(connection, file.node().id, file.actor())?;
    store_response(connection, command, CommandOutcome::Replaced(&file))?;
    Ok(SavedNode { located: file, freed })
}

fn restore(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    spec: &VersionRestore,
) -> Result<SavedNode, SqlError> {
    let file = locate::reauthorize_at(connection, file, spec.seen)?;
    let former = find(connection, file.node().id, spec.from)?.ok_or(Error::NotFound)?;
    if file.node().content().is_some_and(|current| current.blob == former.content.blob) {
        let file = file.into_located();
        store_response(connection, command, CommandOutcome::Changed(&file))?;
        return Ok(file.into());
    }
    mark_referenced(connection, &former.content.blob.key)?;
    let content = Content { version: spec.version, created_at: command.at, ..former.content };
    let freed = make_current(connection, command, &file, &content, spec.max_versions)?;
    record_change(connection, command, Change::content_set(ChangeKind::VersionRestored, &file, content.version))?;
    let file = locate::get(connection, file.node().id, file.actor())?;
    store_response(connection, command, CommandOutcome::Changed(&file))?;
    Ok(SavedNode { located: file, freed })
}

fn delete(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    version: VersionId,
    seen: Option<Revision>,
) -> Result<Option<BlobRef>, SqlError> {
    let file = locate::reauthorize_at(connection, file, seen)?;
    let former = find(connection, file.node().id, version)?.ok_or(Error::NotFound)?;
    if Node::content(file.node()).is_some_and(|current| current.version == version) {
        return Err(Error::Conflict(Conflict::VersionInUse).into());
    }
    diesel::delete(versions::table.find(DbId::from(version))).execute(connection)?;
    let content = (former.content.blob.key.as_str().to_owned(), bytes(former.content.size));
    let released = release_contents(connection, file.drive(), &[content], command.at)?;
    charge_quota(connection, file.drive(), Charge { freed: released.credited_bytes, ..Charge::default() })?;
    record_change(connection, command, Change::version_deleted(&file, version))?;
    Ok(released.unreferenced()?.pop())
}

#[async_trait]
impl VersionRepository for Database {
    async fn list(&self, file: &Grant, after: Option<VersionPosition>, limit: Limit) -> Result<Vec<Version>> {
        let statement = rows::page(file.node().id, after, limit);
        self.read(move |connection| {
            let rows: Vec<VersionRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(Version::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn find(&self, file: &Grant, version: VersionId) -> Result<Option<Version>> {
        let file = file.node().id;
        self.read(move |connection| find(connection, file, version)).await
    }

    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<SavedNode> {
        let (command, file, content) = (command.clone(), file.clone(), content.clone());
        self.write(move |connection| append(connection, &command, &file, &content)).await
    }

    async fn restore(&self, command: &Command, file: &Grant, spec: &VersionRestore) -> Result<SavedNode> {
        let (command, file, spec) = (command.clone(), file.clone(), *spec);
        self.write(move |connection| restore(connection, &command, &file, &spec)).await
    }

    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobRef>> {
        let (command, file) = (command.clone(), file.clone());
        self.write(move |connection| delete(connection, &command, &file, version, seen)).await
    }
}
