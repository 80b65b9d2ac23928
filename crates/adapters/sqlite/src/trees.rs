use std::sync::LazyLock;

use async_trait::async_trait;
use clouddrive_domain::model::{ChangeKind, Charge, Command, CommandOutcome, NodeId, ReadGrant, check_depth};
use clouddrive_domain::port::{CopyRequest, SavedNode, TreeEntry, TreeRepository};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::ReleasedContents;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::PlacementOutcome;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trees::{LIVE_CHILDREN, TreeCopy, TreeEntryRow, TreeRow, entries, limit_plus_one, tree};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{all_usable, mark_all_referenced};
use crate::changes::record_change;
use crate::content::prune_versions;
use crate::drive::raise_stored_reach;
use crate::idempotency_records::store_response;
use crate::locate::{self, ID_AMONG, list};
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::{charge_quota, check_charge};
use crate::reserve::Demand;
use crate::writer::Weight;

/// The most attempts at a copy, if blobs that it refers to are removed meanwhile.
const MAX_ATTEMPTS: u32 = 5;

#[async_trait]
impl TreeRepository for Database {
    /// Reads the tree, and checks most reasons for a refusal, on a reading connection; only the insertion occupies the
    /// writer.
    async fn copy(&self, command: &Command, copy_request: &CopyRequest) -> Result<SavedNode> {
        for _ in 0..MAX_ATTEMPTS {
            let (by, spec) = (command.clone(), copy_request.clone());
            let copy = self.snapshot(move |connection| read(connection, &by, &spec));
            let (copy, by, spec) = (copy.await?, command.clone(), copy_request.clone());
            let weight = if copy.nodes.is_empty() { Weight::Light } else { Weight::Bulk };
            let work = move |connection: &mut SqliteConnection| insert(connection, &by, &spec, copy);
            if let Some(made) = self.transact(Demand::Growing, weight, work).await? {
                return Ok(made);
            }
        }
        Err(Error::unavailable("database", "what is copied changes too fast"))
    }

    async fn list(&self, tops: &[ReadGrant], max: u64) -> Result<Vec<TreeEntry>> {
        static ENTRIES: LazyLock<String> = LazyLock::new(|| entries(ID_AMONG, LIVE_CHILDREN));
        let tops: Vec<NodeId> = tops.iter().map(|top| top.node().id).collect();
        let statement = Statement::new(ENTRIES.as_str(), vec![list(&tops), limit_plus_one(max)]);
        self.read(move |connection| {
            let rows: Vec<TreeEntryRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(TreeEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}

/// Reads what a copy would add in the current state.
fn read(connection: &mut SqliteConnection, command: &Command, spec: &CopyRequest) -> Result<TreeCopy, SqlError> {
    let item = locate::reauthorize(connection, &spec.item)?;
    let to = locate::reauthorize(connection, &spec.to)?;
    spec.place(&item, &to)?;
    let copy = match item.node().content() {
        Some(content) => TreeCopy::from_file(command, spec, &to, content)?,
        None => {
            let rows: Vec<TreeRow> = tree(item.node().id, LIVE_CHILDREN).load(connection)?;
            TreeCopy::from_folder(command, spec, &to, rows)?
        }
    };
    // A file may still replace another and so need less room; a folder may not.
    if copy.content.is_none() {
        check_depth(to.located().depth_of_child_folder(), copy.height)?;
        check_charge(connection, to.drive(), charge_of(&copy, true, 0))?;
    }
    Ok(copy)
}

fn charge_of(copy: &TreeCopy, new: bool, freed: u64) -> Charge {
    Charge { stored: copy.bytes, freed, entries: copy.nodes.len() as u64 + u64::from(new), ..Charge::default() }
}

/// Inserts the copy, if it is still allowed; returns `None` if a blob that it refers to is gone.
fn insert(
    connection: &mut SqliteConnection,
    command: &Command,
    spec: &CopyRequest,
    copy: TreeCopy,
) -> Result<Option<SavedNode>, SqlError> {
    let actor = spec.item.actor();
    let item = locate::reauthorize(connection, &spec.item)?;
    let to = locate::reauthorize(connection, &spec.to)?;
    let wanted = spec.place(&item, &to)?;
    if copy.content.is_none() {
        check_depth(to.located().depth_of_child_folder(), copy.height)?;
    }
    // Check this before anything is changed.
    if !all_usable(connection, &copy.blobs)? {
        return Ok(None);
    }
    let node = NewNode { id: copy.top, drive: to.drive(), parent: to.node().id, name: wanted, content: copy.content };
    let placement = place_by_name(connection, command, &to, &node, spec.conflict)?;
    let change = placement.change(ChangeKind::NodeCopied, &node);
    let (copy, kind) = match placement {
        PlacementOutcome::Created(_) => (copy, ChangeKind::NodeCopied),
        PlacementOutcome::Replaced(it) => (copy.as_version_of(it.file, it.revision), ChangeKind::FileReplaced),
    };
    mark_all_referenced(connection, &copy.blobs)?;
    // Row by row: that statement stays prepared, and one for several rows does not.
    for row in &copy.nodes {
        diesel::insert_into(nodes::table).values(row).execute(connection)?;
    }
    for row in &copy.versions {
        diesel::insert_into(versions::table).values(row).execute(connection)?;
    }
    let released = match copy.content {
        Some((version, _)) if kind == ChangeKind::FileReplaced => {
            prune_versions(connection, command, to.drive(), copy.top, version, spec.max_versions)?
        }
        _ => ReleasedContents::default(),
    };
    charge_quota(connection, to.drive(), charge_of(&copy, kind == ChangeKind::NodeCopied, released.credited_bytes))?;
    let made = locate::get(connection, copy.top, actor)?;
    if copy.content.is_none() {
        raise_stored_reach(connection, &made, copy.height)?;
    }
    if kind == ChangeKind::NodeCopied {
        touch(connection, command, to.node().id)?;
    }
    record_change(connection, command, change)?;
    store_response(connection, command, CommandOutcome::Made(&made))?;
    Ok(Some(SavedNode { located: made, freed: released.unreferenced()? }))
}
