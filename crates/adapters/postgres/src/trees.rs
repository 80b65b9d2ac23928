use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{ChangeKind, Charge, Command, CommandOutcome, Grant, ReadGrant, check_depth};
use clouddrive_domain::port::{CopyRequest, SavedNode, TreeEntry, TreeRepository};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::PlacementOutcome;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trees::{
    BATCH, LIVE_CHILDREN_LATERAL, TreeCopy, TreeEntryRow, TreeRow, entries, limit_plus_one, tree,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::{lock, mark_all_referenced};
use crate::changes::record_change;
use crate::content::{remove, versions_over_limit};
use crate::error::serialization_failure;
use crate::idempotency_records::store_response;
use crate::locate::{self, ID_AMONG, array};
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::charge_quota;
use crate::reach::{raise_reach, raise_stored_reach};
use crate::transaction::TxMode;

#[async_trait]
impl TreeRepository for Database {
    async fn copy(&self, command: &Command, copy_request: &CopyRequest) -> Result<SavedNode> {
        let (command, spec) = (command.clone(), copy_request.clone());
        let mode = TxMode::CopyTree(spec.item.drive(), spec.to.drive());
        let work = async move |connection: &AsyncPgConnection| copy(connection, &command, &spec).await;
        self.write(mode, work).await
    }

    async fn list(&self, tops: &[ReadGrant], max: u64) -> Result<Vec<TreeEntry>> {
        static ENTRIES: LazyLock<String> = LazyLock::new(|| entries(ID_AMONG, LIVE_CHILDREN_LATERAL));
        let tops = array(tops.iter().map(|top| top.node().id));
        let statement = Statement::new(ENTRIES.as_str(), vec![tops, limit_plus_one(max)]);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<TreeEntryRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(TreeEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}

async fn copy(connection: &AsyncPgConnection, command: &Command, spec: &CopyRequest) -> Result<SavedNode, SqlError> {
    let actor = spec.item.actor();
    let item = locate::reauthorize(connection, &spec.item).await?;
    let to = locate::reauthorize(connection, &spec.to).await?;
    let wanted = spec.place(&item, &to)?;
    let copy = read(connection, command, spec, &item, &to).await?;
    let node = NewNode { id: copy.top, drive: to.drive(), parent: to.node().id, name: wanted, content: copy.content };
    if copy.content.is_none() {
        raise_stored_reach(connection, to.located(), copy.height + 1).await?;
    }
    let placement = place_by_name(connection, command, &to, &node, spec.conflict).await?;
    let change = placement.change(ChangeKind::NodeCopied, &node);
    let (copy, kind) = match placement {
        PlacementOutcome::Created(_) => (copy, ChangeKind::NodeCopied),
        PlacementOutcome::Replaced(it) => (copy.as_version_of(it.file, it.revision), ChangeKind::FileReplaced),
    };
    let excess = match copy.content {
        Some((version, _)) if kind == ChangeKind::FileReplaced => {
            versions_over_limit(connection, command, copy.top, version, spec.max_versions).await?
        }
        _ => Vec::new(),
    };
    if !excess.is_empty() {
        // All at once, in key order: another copy may remove what this one refers to.
        let blobs: Vec<&str> = excess.iter().map(|(_, blob, ..)| blob).chain(&copy.blobs).map(String::as_str).collect();
        lock(connection, &blobs).await?;
    }
    if !mark_all_referenced(connection, &copy.blobs).await? {
        // A file's content was replaced after it was read, and its blob is gone: retry.
        return Err(serialization_failure("what is copied has changed").into());
    }
    insert(connection, &copy).await?;
    // Only now, since a removed version may have the same blob.
    let released = remove(connection, command, to.drive(), excess).await?;
    let made = locate::get(connection, copy.top, actor).await?;
    if copy.content.is_none() {
        raise_reach(connection, BTreeMap::from([(copy.top, copy.height)])).await?;
    }
    if kind == ChangeKind::NodeCopied {
        touch(connection, command, to.node().id).await?;
    }
    record_change(connection, command, change).await?;
    // Last, to lock the drive's counters as briefly as possible.
    let entries = copy.nodes.len() as u64 + u64::from(kind == ChangeKind::NodeCopied);
    let freed = released.credited_bytes;
    charge_quota(connection, to.drive(), Charge { stored: copy.bytes, freed, entries, ..Charge::default() }).await?;
    store_response(connection, command, CommandOutcome::Made(&made)).await?;
    Ok(SavedNode { located: made, freed: released.unreferenced()? })
}

/// Reads the copy of `item` in its current state, checked to be allowed at its destination.
async fn read(
    mut connection: &AsyncPgConnection,
    command: &Command,
    spec: &CopyRequest,
    item: &Grant,
    to: &Grant,
) -> Result<TreeCopy, SqlError> {
    if let Some(content) = item.node().content() {
        return Ok(TreeCopy::from_file(command, spec, to, content)?);
    }
    let rows: Vec<TreeRow> = tree(item.node().id, LIVE_CHILDREN_LATERAL).load(&mut connection).await?;
    let copy = TreeCopy::from_folder(command, spec, to, rows)?;
    check_depth(to.located().depth_of_child_folder(), copy.height)?;
    Ok(copy)
}

async fn insert(mut connection: &AsyncPgConnection, copy: &TreeCopy) -> Result<(), SqlError> {
    for rows in copy.nodes.chunks(BATCH) {
        diesel::insert_into(nodes::table).values(rows).execute(&mut connection).await?;
    }
    for rows in copy.versions.chunks(BATCH) {
        diesel::insert_into(versions::table).values(rows).execute(&mut connection).await?;
    }
    Ok(())
}
