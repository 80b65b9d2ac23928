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
use clouddrive_sql::schema::versions;
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::NewVersionRow;
use clouddrive_sql::versions::{self as rows, VersionRow};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{dispose, refer};
use crate::changes::log;
use crate::content::{insert_version, prune_versions, reference_blob, set_current_version};
use crate::locate;
use crate::quota::charge_quota;
use crate::receipts::keep;

/// Makes `content` the current content of the granted file. Returns the blobs that are now unreferenced.
fn make_current(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    content: &Content,
    most: u32,
) -> Outcome<Vec<BlobKey>> {
    let id = file.node().id;
    let revision = set_current_version(connection, command, file, (content.version, content.size))?;
    insert_version(connection, NewVersionRow::of(content, (id, revision), file.actor()))?;
    let disposal = prune_versions(connection, command, file.drive(), id, content.version, most)?;
    let freed = disposal.given_back;
    charge_quota(connection, file.drive(), Charge { stored: content.size, freed, ..Charge::default() })?;
    Ok(disposal.freed()?)
}

fn find(connection: &mut SqliteConnection, file: NodeId, version: VersionId) -> Outcome<Option<Version>> {
    let row: Option<VersionRow> = rows::find(file, version).get_result(connection).optional()?;
    Ok(row.map(Version::try_from).transpose()?)
}

fn append(connection: &mut SqliteConnection, command: &Command, file: &Grant, new: &NewContent) -> Outcome<Saved> {
    let file = locate::renewed(connection, file)?;
    file.require_seen(new.seen)?;
    let content = new.content(file.node(), command.at);
    reference_blob(connection, &new.blob, &new.stored)?;
    let freed = make_current(connection, command, &file, &content, new.most_versions)?;
    log(connection, command, Change::content_set(ChangeKind::FileReplaced, &file, content.version))?;
    let file = locate::found(connection, file.node().id, file.actor())?;
    keep(connection, command, Answer::Replaced(&file))?;
    Ok(Saved { located: file, freed })
}

fn revive(connection: &mut SqliteConnection, command: &Command, file: &Grant, wish: &Revival) -> Outcome<Saved> {
    let file = locate::renewed_as(connection, file, wish.seen)?;
    let former = find(connection, file.node().id, wish.from)?.ok_or(Error::NotFound)?;
    if file.node().content().is_some_and(|current| current.blob == former.content.blob) {
        let file = file.into_located();
        keep(connection, command, Answer::Changed(&file))?;
        return Ok(file.into());
    }
    refer(connection, &former.content.blob)?;
    let content = Content { version: wish.version, created_at: command.at, ..former.content };
    let freed = make_current(connection, command, &file, &content, wish.most_versions)?;
    log(connection, command, Change::content_set(ChangeKind::VersionRestored, &file, content.version))?;
    let file = locate::found(connection, file.node().id, file.actor())?;
    keep(connection, command, Answer::Changed(&file))?;
    Ok(Saved { located: file, freed })
}

fn delete(
    connection: &mut SqliteConnection,
    command: &Command,
    file: &Grant,
    version: VersionId,
    seen: Option<Revision>,
) -> Outcome<Option<BlobKey>> {
    let file = locate::renewed_as(connection, file, seen)?;
    let former = find(connection, file.node().id, version)?.ok_or(Error::NotFound)?;
    if Node::content(file.node()).is_some_and(|current| current.version == version) {
        return Err(Error::Conflict(Conflict::VersionInUse).into());
    }
    diesel::delete(versions::table.find(DbId::from(version))).execute(connection)?;
    let content = (former.content.blob.as_str().to_owned(), bytes(former.content.size));
    let disposal = dispose(connection, file.drive(), &[content], command.at)?;
    charge_quota(connection, file.drive(), Charge { freed: disposal.given_back, ..Charge::default() })?;
    log(connection, command, Change::version_deleted(&file, version))?;
    Ok(disposal.freed()?.pop())
}

#[async_trait]
impl Versions for Database {
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

    async fn append(&self, command: &Command, file: &Grant, content: &NewContent) -> Result<Saved> {
        let (command, file, content) = (command.clone(), file.clone(), content.clone());
        self.write(move |connection| append(connection, &command, &file, &content)).await
    }

    async fn revive(&self, command: &Command, file: &Grant, revival: &Revival) -> Result<Saved> {
        let (command, file, revival) = (command.clone(), file.clone(), *revival);
        self.write(move |connection| revive(connection, &command, &file, &revival)).await
    }

    async fn delete(
        &self,
        command: &Command,
        file: &Grant,
        version: VersionId,
        seen: Option<Revision>,
    ) -> Result<Option<BlobKey>> {
        let (command, file) = (command.clone(), file.clone());
        self.write(move |connection| delete(connection, &command, &file, version, seen)).await
    }
}
