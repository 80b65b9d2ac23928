use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Answer, BlobKey, Change, ChangeKind, Command, Content, Grant, Limit, Node, NodeId, Revision, Version, VersionId,
    VersionPosition,
};
use clouddrive_domain::port::{NewContent, Revival, Saved, Versions};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::drive::Charge;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::NewVersionRow;
use clouddrive_sql::versions::{self as rows, VersionRow};
use diesel::prelude::{OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::{dispose, lock, refer};
use crate::changes::log;
use crate::content::{
    insert_version, prune_versions, reference_blob, remove, set_current_version, versions_over_limit,
};
use crate::locate;
use crate::quota::charge_quota;
use crate::receipts::keep;
use crate::unit::Begin;

/// The granted file, with its row locked until the transaction ends.
async fn locked(mut connection: &AsyncPgConnection, file: &Grant, seen: Option<Revision>) -> Outcome<Grant> {
    let row = nodes::table.find(DbId::from(file.node().id)).select(nodes::id).for_no_key_update();
    row.first::<DbId>(&mut connection).await.optional()?;
    locate::renewed_as(connection, file, seen).await
}

async fn find(mut connection: &AsyncPgConnection, file: NodeId, version: VersionId) -> Outcome<Option<Version>> {
    let row: Option<VersionRow> = rows::find(file, version).get_result(&mut connection).await.optional()?;
    Ok(row.map(Version::try_from).transpose()?)
}

async fn append(connection: &AsyncPgConnection, command: &Command, file: &Grant, new: &NewContent) -> Outcome<Saved> {
    let file = locked(connection, file, None).await?;
    file.require_seen(new.seen)?;
    let id = file.node().id;
    let content = new.content(file.node(), command.at);
    reference_blob(connection, &new.blob, &new.stored).await?;
    let revision = set_current_version(connection, command, &file, (content.version, content.size)).await?;
    insert_version(connection, NewVersionRow::of(&content, (id, revision), file.actor())).await?;
    let disposal = prune_versions(connection, command, file.drive(), id, content.version, new.most_versions).await?;
    log(connection, command, Change::content_set(ChangeKind::FileReplaced, &file, content.version)).await?;
    // Last, to lock the drive's counters as briefly as possible.
    let freed = disposal.given_back;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() }).await?;
    let file = locate::found(connection, id, file.actor()).await?;
    keep(connection, command, Answer::Replaced(&file)).await?;
    Ok(Saved { located: file, freed: disposal.freed()? })
}

async fn revive(connection: &AsyncPgConnection, command: &Command, file: &Grant, wish: &Revival) -> Outcome<Saved> {
    let file = locked(connection, file, wish.seen).await?;
    let id = file.node().id;
    let former = find(connection, id, wish.from).await?.ok_or(Error::NotFound)?;
    if file.node().content().is_some_and(|current| current.blob == former.content.blob) {
        let file = file.into_located();
        keep(connection, command, Answer::Changed(&file)).await?;
        return Ok(file.into());
    }
    let surplus = versions_over_limit(connection, command, id, wish.version, wish.most_versions).await?;
    // Lock all at once, in key order, because other files may share these blobs.
    let mut blobs: Vec<&str> = surplus.iter().map(|(_, blob, ..)| blob.as_str()).collect();
    blobs.push(former.content.blob.as_str());
    lock(connection, &blobs).await?;
    refer(connection, &former.content.blob).await?;
    let content = Content { version: wish.version, created_at: command.at, ..former.content.clone() };
    let revision = set_current_version(connection, command, &file, (content.version, content.size)).await?;
    insert_version(connection, NewVersionRow::of(&content, (id, revision), file.actor())).await?;
    let disposal = remove(connection, command, file.drive(), surplus).await?;
    log(connection, command, Change::content_set(ChangeKind::VersionRestored, &file, content.version)).await?;
    let freed = disposal.given_back;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() }).await?;
    let file = locate::found(connection, id, file.actor()).await?;
    keep(connection, command, Answer::Changed(&file)).await?;
    Ok(Saved { located: file, freed: disposal.freed()? })
}

async fn delete(
    mut connection: &AsyncPgConnection,
    command: &Command,
    file: &Grant,
    version: VersionId,
    seen: Option<Revision>,
) -> Outcome<Option<BlobKey>> {
    let file = locked(connection, file, seen).await?;
    let former = find(connection, file.node().id, version).await?.ok_or(Error::NotFound)?;
    if Node::content(file.node()).is_some_and(|current| current.version == version) {
        return Err(Error::Conflict(Conflict::VersionInUse).into());
    }
    diesel::delete(versions::table.find(DbId::from(version))).execute(&mut connection).await?;
    let content = (former.content.blob.as_str().to_owned(), bytes(former.content.size));
    let disposal = dispose(connection, file.drive(), &[content], command.at).await?;
    log(connection, command, Change::version_deleted(&file, version)).await?;
    charge_quota(connection, file.drive(), Charge { freed: disposal.given_back, ..Charge::default() }).await?;
    Ok(disposal.freed()?.pop())
}

#[async_trait]
impl Versions for Database {
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

    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<Saved> {
        let begin = Begin::Within(file.drive());
        let (command, file, new) = (command.clone(), file.clone(), content.clone());
        let work = async move |connection: &AsyncPgConnection| append(connection, &command, &file, &new).await;
        self.write(begin, work).await
    }

    async fn revive(&self, command: &Command, file: &Grant, revival: &Revival) -> Result<Saved> {
        let begin = Begin::Within(file.drive());
        let (command, file, wish) = (command.clone(), file.clone(), *revival);
        let work = async move |connection: &AsyncPgConnection| revive(connection, &command, &file, &wish).await;
        self.write(begin, work).await
    }

    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobKey>> {
        let begin = Begin::Within(file.drive());
        let (command, file) = (command.clone(), file.clone());
        let work = async move |connection: &AsyncPgConnection| delete(connection, &command, &file, version, seen).await;
        self.write(begin, work).await
    }
}
