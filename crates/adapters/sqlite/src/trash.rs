use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, Job, Limit, Located, NodeId, NodeKind, NodeState,
    Revision, Timestamp, TrashPosition, Upload, UploadState, UserId,
};
use clouddrive_domain::port::{CleanupProgress, Purge, PurgeScope, PurgeStep, Restoration, TrashRepository, Trashed};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::ReleasedContents;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::NameColumns;
use clouddrive_sql::schema::{drives, nodes, uploads, versions};
use clouddrive_sql::statement::{FlagRow, Statement, update};
use clouddrive_sql::trash::{
    self as rows, IdRow, MAX_VERSIONS, PurgeAction, PurgeEntryRow, PurgeNodeRow, TrashItemRow, TrashedAtRow,
    TrashedRow, pair_with_nodes,
};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{Senders, UploadRow, has_no_job, is_open};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::release_contents;
use crate::changes::record_change;
use crate::drive::{raise_stored_reach, reach_within, trash_node};
use crate::idempotency_records::store_response;
use crate::jobs::queue;
use crate::locate::{self, ID_AMONG, list};
use crate::names::{existing_entry, first_free, name_error, touch};
use crate::uploads::{abort_without_access, end};

/// The condition for the entries of the folders of a [`list`].
const PARENT_AMONG: &str = "parent_id IN (SELECT unhex(value) FROM json_each(?))";

fn put(
    connection: &mut SqliteConnection,
    command: &Command,
    item: &Grant,
    seen: Option<Revision>,
) -> Result<(), SqlError> {
    let item = locate::reauthorize_at(connection, item, seen)?;
    trash_node(connection, command, &item)?;
    if item.node().kind() == NodeKind::File {
        return Ok(());
    }
    abort_without_access(connection, command, item.drive(), Senders::AllExcept(item.located().owner.id))
}

fn list_trash(connection: &mut SqliteConnection, root: &Grant, page: Statement) -> Result<Vec<Trashed>, SqlError> {
    let rows: Vec<TrashedRow> = page.load(connection)?;
    let nodes: Vec<NodeId> = rows.iter().map(TrashedRow::node).collect();
    let nodes = locate::find_many(connection, &nodes, root.actor())?;
    Ok(pair_with_nodes(rows, nodes))
}

fn restore(connection: &mut SqliteConnection, command: &Command, spec: &Restoration) -> Result<Located, SqlError> {
    let item = locate::reauthorize_at(connection, &spec.item, spec.seen)?;
    let (node, actor) = (item.node(), item.actor());
    let purged: FlagRow = rows::being_purged(node.id).get_result(connection)?;
    if purged.holds {
        return Err(Error::NotFound.into());
    }
    if let Some(after) = spec.trashed_after {
        let own: Option<IdRow> = rows::trashed_by(node.id, actor, after).get_result(connection).optional()?;
        own.ok_or(Error::NotFound)?;
    }
    let to = match &spec.to {
        Some(to) => Some(locate::reauthorize(connection, to)?),
        None => None,
    };
    let parent = Restoration::parent(&item, to.as_ref())?;
    let parent = locate::get(connection, parent, actor)?;
    if node.kind() == NodeKind::Folder {
        let reach = reach_within(connection, node.id, parent.depth_of_child_folder())?;
        raise_stored_reach(connection, &parent, reach + 1)?;
    }
    let parent = parent.node.id;
    let name = match existing_entry(connection, parent, &node.name)? {
        None => node.name.clone(),
        Some(_) => first_free(connection, parent, &node.name, node.kind())?,
    };
    let moved = node.parent != Some(parent) || name != node.name;
    let modified_at = if moved { command.at } else { node.modified_at };
    update(nodes::table.find(DbId::from(node.id)))
        .set((
            nodes::trashed_at.eq(None::<i64>),
            nodes::trashed_by.eq(None::<DbId>),
            nodes::parent_id.eq(DbId::from(parent)),
            NameColumns::from(&name),
            nodes::revision.eq(nodes::revision + 1),
            nodes::modified_at.eq(modified_at.as_millis()),
        ))
        .execute(connection)
        .map_err(|error| name_error(connection, error, parent, &name, node.kind()))?;
    touch(connection, command, parent)?;
    let after = NodeState::from_node(node).revised().placed(parent, &name);
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeRestored, &item).after(after))?;
    let restored = locate::get(connection, node.id, actor)?;
    store_response(connection, command, CommandOutcome::Changed(&restored))?;
    Ok(restored)
}

fn begin_purge(
    connection: &mut SqliteConnection,
    command: &Command,
    item: &Grant,
    seen: Option<Revision>,
) -> Result<(), SqlError> {
    let item = locate::reauthorize_at(connection, item, seen)?;
    let id = item.node().id;
    let root = item.located().lineage.last().map_or(id, |step| step.id);
    rows::begin_purge(id, root).execute(connection)?;
    queue(connection, command, Job::PurgeTrash(item.drive()))?;
    record_change(connection, command, Change::for_item_with_before(ChangeKind::PurgeBegun, &item))
}

fn begin_purges(
    connection: &mut SqliteConnection,
    command: &Command,
    scope: &PurgeScope,
    max: u32,
) -> Result<u32, SqlError> {
    let (drive, until) = match scope {
        PurgeScope::All(root) => (locate::reauthorize(connection, root)?.drive(), None),
        PurgeScope::Until(until) => {
            let row: Option<IdRow> = rows::due(*until).get_result(connection).optional()?;
            match row {
                Some(row) => (DriveId::from(row.id), Some(*until)),
                None => return Ok(0),
            }
        }
    };
    let due: Vec<TrashItemRow> = rows::due_items(drive, until, max).load(connection)?;
    let nodes: Vec<NodeId> = due.iter().map(TrashItemRow::node).collect();
    rows::begin_purges(ID_AMONG, list(&nodes)).execute(connection)?;
    for row in due {
        record_change(connection, command, row.purge_begun(drive)?)?;
    }
    // The collector continues those that it begins.
    if until.is_none() && !nodes.is_empty() {
        queue(connection, command, Job::PurgeTrash(drive))?;
    }
    Ok(u32::try_from(nodes.len()).unwrap_or(max))
}

/// The root of a drive.
fn root_of(connection: &mut SqliteConnection, drive: DriveId) -> Result<Option<NodeId>, SqlError> {
    let root = nodes::table.filter(nodes::drive_id.eq(DbId::from(drive)).and(nodes::parent_id.is_null()));
    Ok(root.select(nodes::id).first::<DbId>(connection).optional()?.map(NodeId::from))
}

fn purge(connection: &mut SqliteConnection, command: &Command, which: Purge, max: u32) -> Result<PurgeStep, SqlError> {
    let (drive, of) = match which {
        Purge::Of(drive, node) => (drive, Some(node)),
        Purge::In(drive) => (drive, None),
        Purge::Any => {
            let row: Option<IdRow> = rows::drive_to_purge().get_result(connection).optional()?;
            match row {
                Some(row) => (DriveId::from(row.id), None),
                None => return Ok(PurgeStep::default()),
            }
        }
    };
    let members: Vec<PurgeNodeRow> = rows::nodes_to_purge(drive, of, max).load(connection)?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for member in &members {
        if member.is_file() { files.push(member.id) } else { folders.push(NodeId::from(member.id)) }
    }
    let (mut joining, mut staying) = (Vec::new(), Vec::new());
    let room = max.saturating_sub(u32::try_from(files.len()).unwrap_or(max));
    let below: Vec<PurgeEntryRow> = rows::entries_of(PARENT_AMONG, list(&folders), room).load(connection)?;
    for row in below {
        match row.action() {
            PurgeAction::Remove => files.push(row.id),
            PurgeAction::Enqueue => joining.push(NodeId::from(row.id)),
            PurgeAction::Keep => staying.push(row.id),
        }
    }
    // The drive may have been removed meanwhile.
    let Some(root) = root_of(connection, drive)? else {
        return Ok(PurgeStep::default());
    };
    update(nodes::table.filter(nodes::id.eq_any(&staying)))
        .set(nodes::parent_id.eq(DbId::from(root)))
        .execute(connection)?;
    rows::enqueue(ID_AMONG, list(&joining), root, command.at).execute(connection)?;
    let (gone, released) = remove_files(connection, command, drive, files)?;
    let removed = gone + rows::remove_empty(ID_AMONG, list(&folders)).execute(connection)?;
    if removed > 0 {
        let less = (
            drives::used_bytes.eq(drives::used_bytes - bytes(released.credited_bytes)),
            drives::used_entries.eq(drives::used_entries - bytes(removed as u64)),
        );
        update(drives::table.find(DbId::from(drive))).set(less).execute(connection)?;
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(max);
    let (removed, reached, kept) = (count(removed), count(joining.len()), count(staying.len()));
    let mut step = PurgeStep { removed, reached, kept, more: false, freed: released.unreferenced()? };
    if !step.is_idle() {
        record_change(connection, command, Change::for_drive(ChangeKind::NodesPurged, drive).at(of))?;
    }
    let more: FlagRow = rows::has_more(drive, of).get_result(connection)?;
    step.more = more.holds;
    Ok(step)
}

/// Removes files with all their versions, or as many of them as one step may; returns their number and what their
/// contents release.
fn remove_files(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    files: Vec<DbId>,
) -> Result<(usize, ReleasedContents), SqlError> {
    let found: Vec<(DbId, (String, i64))> = versions::table
        .filter(versions::node_id.eq_any(&files))
        .order(versions::node_id)
        .limit(MAX_VERSIONS)
        .select((versions::node_id, (versions::blob_key, versions::size_bytes)))
        .load(connection)?;
    let (files, contents) = rows::complete_files(files, found, usize::try_from(MAX_VERSIONS).unwrap_or(usize::MAX));
    // The versions are deleted with their files.
    let gone = diesel::delete(nodes::table.filter(nodes::id.eq_any(files))).execute(connection)?;
    Ok((gone, release_contents(connection, drive, &contents, command.at)?))
}

fn delete_orphaned_drives(
    connection: &mut SqliteConnection,
    command: &Command,
    which: Option<DriveId>,
    max: u32,
) -> Result<CleanupProgress, SqlError> {
    let row: Option<IdRow> = rows::ownerless(which).get_result(connection).optional()?;
    let Some(drive) = row.map(|row| row.id) else {
        return Ok(CleanupProgress::Nothing);
    };
    let root = root_of(connection, drive.into())?.ok_or(Error::NotFound)?;
    let into = || uploads::table.filter(uploads::drive_id.eq(drive)).limit(max.into());
    let open: Vec<UploadRow> = into().filter(is_open()).select(UploadRow::as_select()).load(connection)?;
    let ended = open.len();
    for row in open {
        let upload = Upload::try_from(row)?;
        end(connection, command, &upload, UploadState::Aborted)?;
        record_change(connection, command, Change::for_upload(ChangeKind::UploadAborted, &upload))?;
    }
    // Those that just ended have jobs, too.
    let over = into().filter(uploads::state.ne("open")).filter(has_no_job());
    let over: Vec<DbId> = over.select(uploads::id).load(connection)?;
    let forgotten = diesel::delete(uploads::table.filter(uploads::id.eq_any(over))).execute(connection)?;
    let begun = rows::begin_purges_of_all(root, command.at, max).execute(connection)?;
    if ended + forgotten + begun > 0 {
        record_change(connection, command, Change::for_drive(ChangeKind::NodesPurged, drive.into()))?;
        return Ok(CleanupProgress::Step);
    }
    // Foreign keys prevent this while nodes or uploads remain.
    diesel::delete(nodes::table.find(DbId::from(root))).execute(connection)?;
    diesel::delete(drives::table.find(drive)).execute(connection)?;
    record_change(connection, command, Change::for_drive(ChangeKind::DriveRemoved, drive.into()))?;
    Ok(CleanupProgress::Drive)
}

#[async_trait]
impl TrashRepository for Database {
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| put(connection, &command, &item, seen)).await
    }

    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>> {
        let (root, page) = (root.clone(), rows::page(root.drive(), after, limit));
        // Both queries see the same state: a node removed between them would make the page look like the last.
        self.snapshot(move |connection| list_trash(connection, &root, page)).await
    }

    async fn find_oldest(&self) -> Result<Option<Timestamp>> {
        self.read(|connection| {
            let row: Option<TrashedAtRow> = rows::oldest().get_result(connection).optional()?;
            Ok(row.map(|row| row.time()))
        })
        .await
    }

    async fn find_trashed_by(&self, node: NodeId, user: UserId, after: Timestamp) -> Result<Option<Located>> {
        let row = rows::trashed_by(node, user, after);
        self.snapshot(move |connection| {
            let own: Option<IdRow> = row.get_result(connection).optional()?;
            match own {
                Some(own) => locate::find(connection, own.id.into(), user),
                None => Ok(None),
            }
        })
        .await
    }

    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located> {
        let (command, spec) = (command.clone(), restoration.clone());
        self.write(move |connection| restore(connection, &command, &spec)).await
    }

    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| begin_purge(connection, &command, &item, seen)).await
    }

    async fn begin_purges(&self, command: &Command, scope: &PurgeScope, max: u32) -> Result<u32> {
        let (command, scope) = (command.clone(), scope.clone());
        self.write_bulk(move |connection| begin_purges(connection, &command, &scope, max)).await
    }

    async fn purge(&self, command: &Command, which: Purge, max: u32) -> Result<PurgeStep> {
        let command = command.clone();
        self.write_bulk(move |connection| purge(connection, &command, which, max)).await
    }

    async fn delete_orphaned_drives(
        &self,
        command: &Command,
        drive: Option<DriveId>,
        max: u32,
    ) -> Result<CleanupProgress> {
        let command = command.clone();
        self.write_bulk(move |connection| delete_orphaned_drives(connection, &command, drive, max)).await
    }
}
