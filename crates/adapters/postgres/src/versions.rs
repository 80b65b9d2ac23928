use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    BlobRef, Change, ChangeKind, Charge, Command, CommandOutcome, Content, Grant, Limit, Node, NodeId, Revision,
    Version, VersionId, VersionPosition,
};
use clouddrive_domain::port::{NewContent, SavedNode, VersionRepository, VersionRestore};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::versions::{self as rows, NewVersionRow, VersionRow};
use diesel::prelude::{OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::{lock, mark_referenced, release_contents};
use crate::changes::record_change;
use crate::content::{
    insert_version, prune_versions, reference_blob, remove, set_current_version, versions_over_limit,
};
use crate::idempotency_records::store_response;
use crate::locate;
use crate::quota::charge_quota;
use crate::transaction::TxMode;

/// The granted file, with its row locked until the transaction ends.
async fn locked(mut connection: &AsyncPgConnection, file: &Grant, seen: Option<Revision>) -> Result<Grant, SqlError> {
    let row = nodes::table.find(DbId::from(file.node().id)).select(nodes::id).for_no_key_update();
    row.first::<DbId>(&mut connection).await.optional()?;
    locate::reauthorize_at(connection, file, seen).await
}

async fn find(
    mut connection: &AsyncPgConnection,
    file: NodeId,
    version: VersionId,
) -> Result<Option<Version>, SqlError> {
    let row: Option<VersionRow> = rows::find(file, version).get_result(&mut connection).await.optional()?;
    Ok(row.map(Version::try_from).transpose()?)
}

async fn append(
    connection: &AsyncPgConnection,
    command: &Command,
    file: &Grant,
    new: &NewContent,
) -> Result<SavedNode, SqlError> {
    let file = locked(connection, file, None).await?;
    file.require_seen(new.seen)?;
    let id = file.node().id;
    let content = new.content(file.node(), command.at);
    reference_blob(connection, &new.blob.key, &new.stored).await?;
    let revision = set_current_version(connection, command, &file, (content.version, content.size)).await?;
    insert_version(connection, NewVersionRow::new(&content, (id, revision), file.actor())).await?;
    let released = prune_versions(connection, command, file.drive(), id, content.version, new.max_versions).await?;
    record_change(connection, command, Change::content_set(ChangeKind::FileReplaced, &file, content.version)).await?;
    // Last, to lock the drive's counters as briefly as possible.
    let freed = released.credited_bytes;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() }).await?;
    let file = locate::get(connection, id, file.actor()).await?;
    store_response(connection, command, CommandOutcome::Replaced(&file)).await?;
    Ok(SavedNode { located: file, freed: released.unreferenced()? })
}

async fn restore(
    connection: &AsyncPgConnection,
    command: &Command,
    file: &Grant,
    spec: &VersionRestore,
) -> Result<SavedNode, SqlError> {
    let file = locked(connection, file, spec.seen).await?;
    let id = file.node().id;
    let former = find(connection, id, spec.from).await?.ok_or(Error::NotFound)?;
    if file.node().content().is_some_and(|current| current.blob == former.content.blob) {
        let file = file.into_located();
        store_response(connection, command, CommandOutcome::Changed(&file)).await?;
        return Ok(file.into());
    }
    let excess = versions_over_limit(connection, command, id, spec.version, spec.max_versions).await?;
    // Lock all at once, in key order, because other files may share these blobs.
    let mut blobs: Vec<&str> = excess.iter().map(|(_, blob, ..)| blob.as_str()).collect();
    blobs.push(former.content.blob.key.as_str());
    lock(connection, &blobs).await?;
    mark_referenced(connection, &former.content.blob.key).await?;
    let content = Content { version: spec.version, created_at: command.at, ..former.content.clone() };
    let revision = set_current_version(connection, command, &file, (content.version, content.size)).await?;
    insert_version(connection, NewVersionRow::new(&content, (id, revision), file.actor())).await?;
    let released = remove(connection, command, file.drive(), excess).await?;
    record_change(connection, command, Change::content_set(ChangeKind::VersionRestored, &file, content.version))
        .await?;
    let freed = released.credited_bytes;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() }).await?;
    let file = locate::get(connection, id, file.actor()).await?;
    store_response(connection, command, CommandOutcome::Changed(&file)).await?;
    Ok(SavedNode { located: file, freed: released.unreferenced()? })
}

async fn delete(
    mut connection: &AsyncPgConnection,
    command: &Command,
    file: &Grant,
    version: VersionId,
    seen: Option<Revision>,
) -> Result<Option<BlobRef>, SqlError> {
    let file = locked(connection, file, seen).await?;
    let former = find(connection, file.node().id, version).await?.ok_or(Error::NotFound)?;
    if Node::content(file.node()).is_some_and(|current| current.version == version) {
        return Err(Error::Conflict(Conflict::VersionInUse).into());
    }
    diesel::delete(versions::table.find(DbId::from(version))).execute(&mut connection).await?;
    let content = (former.content.blob.key.as_str().to_owned(), bytes(former.content.size));
    let released = release_contents(connection, file.drive(), &[content], command.at).await?;
    record_change(connection, command, Change::version_deleted(&file, version)).await?;
    charge_quota(connection, file.drive(), Charge { freed: released.credited_bytes, ..Charge::default() }).await?;
    Ok(released.unreferenced()?.pop())
}

#[async_trait]
impl VersionRepository for Database {
    async fn list(&self, file: &Grant, after: Option<VersionPosition>, limit: Limit) -> Result<Vec<Version>> {
        let statement = rows::page(file.node().id, after, limit);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<VersionRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(Version::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn find(&self, file: &Grant, version: VersionId) -> Result<Option<Version>> {
        let file = file.node().id;
        self.read(async move |connection: &AsyncPgConnection| find(connection, file, version).await).await
    }

    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<SavedNode> {
        let mode = TxMode::WriteInTree(file.drive());
        let (command, file, new) = (command.clone(), file.clone(), content.clone());
        let work = async move |connection: &AsyncPgConnection| append(connection, &command, &file, &new).await;
        self.write(mode, work).await
    }

    async fn restore(&self, command: &Command, file: &Grant, spec: &VersionRestore) -> Result<SavedNode> {
        let mode = TxMode::WriteInTree(file.drive());
        let (command, file, spec) = (command.clone(), file.clone(), *spec);
        let work = async move |connection: &AsyncPgConnection| restore(connection, &command, &file, &spec).await;
        self.write(mode, work).await
    }

    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobRef>> {
        let mode = TxMode::WriteInTree(file.drive());
        let (command, file) = (command.clone(), file.clone());
        let work = async move |connection: &AsyncPgConnection| delete(connection, &command, &file, version, seen).await;
        self.write(mode, work).await
    }
}
