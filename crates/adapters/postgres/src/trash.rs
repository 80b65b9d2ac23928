use async_trait::async_trait;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, CommandOutcome, DriveId, Grant, Job, Limit, Located, NodeId, NodeKind, NodeState,
    Revision, Timestamp, TrashPosition, Upload, UploadState, UserId,
};
use clouddrive_domain::port::{CleanupProgress, Purge, PurgeScope, PurgeStep, Restoration, TrashRepository, Trashed};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::ReleasedContents;
use clouddrive_sql::changes::NewChangeRow;
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
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::release_contents;
use crate::changes::{record_change, record_changes};
use crate::drive::trash_node;
use crate::error::domain_error;
use crate::idempotency_records::store_response;
use crate::jobs::queue;
use crate::locate::{self, ID_AMONG, array};
use crate::names::{existing_entry, first_free, name_error, touch};
use crate::reach::{raise_stored_reach, reach_within};
use crate::transaction::TxMode;
use crate::uploads::{abort_without_access, end};

/// The condition for the entries of the folders of an [`array`].
const PARENT_AMONG: &str = "parent_id = ANY (CAST(? AS uuid[]))";

async fn put(
    connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    seen: Option<Revision>,
) -> Result<(), SqlError> {
    let item = locate::reauthorize_at(connection, item, seen).await?;
    trash_node(connection, command, &item).await?;
    if item.node().kind() == NodeKind::File {
        return Ok(());
    }
    let guests = Senders::AllExcept(item.located().owner.id);
    abort_without_access(connection, command, item.drive(), guests).await
}

async fn list_trash(
    mut connection: &AsyncPgConnection,
    root: &Grant,
    page: Statement,
) -> Result<Vec<Trashed>, SqlError> {
    let rows: Vec<TrashedRow> = page.load(&mut connection).await?;
    let nodes: Vec<NodeId> = rows.iter().map(TrashedRow::node).collect();
    let nodes = locate::find_many(connection, &nodes, root.actor()).await?;
    Ok(pair_with_nodes(rows, nodes))
}

/// Restores a node. The exclusive lock on the tree keeps other names in the drive from changing meanwhile.
async fn restore(
    mut connection: &AsyncPgConnection,
    command: &Command,
    spec: &Restoration,
) -> Result<Located, SqlError> {
    let item = locate::reauthorize_at(connection, &spec.item, spec.seen).await?;
    let (node, actor) = (item.node(), item.actor());
    let purged: FlagRow = rows::being_purged(node.id).get_result(&mut connection).await?;
    if purged.holds {
        return Err(Error::NotFound.into());
    }
    if let Some(after) = spec.trashed_after {
        let own: Option<IdRow> =
            rows::trashed_by(node.id, actor, after).get_result(&mut connection).await.optional()?;
        own.ok_or(Error::NotFound)?;
    }
    let to = match &spec.to {
        Some(to) => Some(locate::reauthorize(connection, to).await?),
        None => None,
    };
    let parent = Restoration::parent(&item, to.as_ref())?;
    let parent = locate::get(connection, parent, actor).await?;
    if node.kind() == NodeKind::Folder {
        let reach = reach_within(connection, node.id, parent.depth_of_child_folder()).await?;
        raise_stored_reach(connection, &parent, reach + 1).await?;
    }
    let parent = parent.node.id;
    let name = match existing_entry(connection, parent, &node.name).await? {
        None => node.name.clone(),
        Some(_) => first_free(connection, parent, &node.name, node.kind()).await?,
    };
    let moved = node.parent != Some(parent) || name != node.name;
    let modified_at = if moved { command.at } else { node.modified_at };
    let restored = update(nodes::table.find(DbId::from(node.id))).set((
        nodes::trashed_at.eq(None::<i64>),
        nodes::trashed_by.eq(None::<DbId>),
        nodes::parent_id.eq(DbId::from(parent)),
        NameColumns::from(&name),
        nodes::revision.eq(nodes::revision + 1),
        nodes::modified_at.eq(modified_at.as_millis()),
    ));
    let restored = restored.execute(&mut connection).await;
    restored.map_err(|error| name_error(error, parent, &name, node.kind()))?;
    touch(connection, command, parent).await?;
    let after = NodeState::from_node(node).revised().placed(parent, &name);
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeRestored, &item).after(after))
        .await?;
    let restored = locate::get(connection, node.id, actor).await?;
    store_response(connection, command, CommandOutcome::Changed(&restored)).await?;
    Ok(restored)
}

async fn begin_purge(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
    seen: Option<Revision>,
) -> Result<(), SqlError> {
    let item = locate::reauthorize_at(connection, item, seen).await?;
    let id = item.node().id;
    let root = item.located().lineage.last().map_or(id, |step| step.id);
    rows::begin_purge(id, root).execute(&mut connection).await?;
    queue(connection, command, Job::PurgeTrash(item.drive())).await?;
    record_change(connection, command, Change::for_item_with_before(ChangeKind::PurgeBegun, &item)).await
}

async fn begin_purges(
    mut connection: &AsyncPgConnection,
    command: &Command,
    scope: &PurgeScope,
    drive: DriveId,
    max: u32,
) -> Result<u32, SqlError> {
    let until = match scope {
        PurgeScope::All(root) => {
            locate::reauthorize(connection, root).await?;
            None
        }
        PurgeScope::Until(until) => Some(*until),
    };
    let due: Vec<TrashItemRow> = rows::due_items(drive, until, max).load(&mut connection).await?;
    let nodes: Vec<NodeId> = due.iter().map(TrashItemRow::node).collect();
    rows::begin_purges(ID_AMONG, array(&nodes)).execute(&mut connection).await?;
    let row = |row: TrashItemRow| Ok(NewChangeRow::new(command, row.purge_begun(drive)?));
    record_changes(connection, due.into_iter().map(row).collect::<Result<_>>()?).await?;
    // The collector continues those that it begins.
    if until.is_none() && !nodes.is_empty() {
        queue(connection, command, Job::PurgeTrash(drive)).await?;
    }
    Ok(u32::try_from(nodes.len()).unwrap_or(max))
}

/// The root of a drive.
async fn root_of(mut connection: &AsyncPgConnection, drive: DriveId) -> Result<Option<NodeId>, SqlError> {
    let root = nodes::table.filter(nodes::drive_id.eq(DbId::from(drive)).and(nodes::parent_id.is_null()));
    Ok(root.select(nodes::id).first::<DbId>(&mut connection).await.optional()?.map(NodeId::from))
}

/// Runs one step of a purge. Locks its nodes; `how` is the locking clause. The entries below them cannot be moved
/// meanwhile, because the tree's shape is locked.
async fn purge(
    mut connection: &AsyncPgConnection,
    command: &Command,
    (drive, of): (DriveId, Option<NodeId>),
    how: &str,
    max: u32,
) -> Result<PurgeStep, SqlError> {
    let Some(root) = root_of(connection, drive).await? else {
        return Ok(PurgeStep::default());
    };
    let members: Vec<PurgeNodeRow> = rows::nodes_to_purge(drive, of, max).before(how).load(&mut connection).await?;
    let (files, folders): (Vec<PurgeNodeRow>, Vec<PurgeNodeRow>) = members.into_iter().partition(PurgeNodeRow::is_file);
    let mut files: Vec<DbId> = files.into_iter().map(|row| row.id).collect();
    let folders: Vec<NodeId> = folders.into_iter().map(|row| row.id.into()).collect();
    let (mut joining, mut staying) = (Vec::<NodeId>::new(), Vec::new());
    let room = max.saturating_sub(u32::try_from(files.len()).unwrap_or(max));
    let below: Vec<PurgeEntryRow> = rows::entries_of(PARENT_AMONG, array(&folders), room).load(&mut connection).await?;
    for row in below {
        match row.action() {
            PurgeAction::Remove => files.push(row.id),
            PurgeAction::Enqueue => joining.push(row.id.into()),
            PurgeAction::Keep => staying.push(row.id),
        }
    }
    if !staying.is_empty() {
        let stays = update(nodes::table.filter(nodes::id.eq_any(&staying)));
        stays.set(nodes::parent_id.eq(DbId::from(root))).execute(&mut connection).await?;
    }
    if !joining.is_empty() {
        rows::enqueue(ID_AMONG, array(&joining), root, command.at).execute(&mut connection).await?;
    }
    let (gone, released) = remove_files(connection, command, drive, files).await?;
    let removed = gone + rows::remove_empty(ID_AMONG, array(&folders)).execute(&mut connection).await?;
    let count = |count: usize| u32::try_from(count).unwrap_or(max);
    let (removed, reached, kept) = (count(removed), count(joining.len()), count(staying.len()));
    let mut step = PurgeStep { removed, reached, kept, more: false, freed: released.unreferenced()? };
    if !step.is_idle() {
        record_change(connection, command, Change::for_drive(ChangeKind::NodesPurged, drive).at(of)).await?;
    }
    let more: FlagRow = rows::has_more(drive, of).get_result(&mut connection).await?;
    step.more = more.holds;
    if removed > 0 {
        // Last, to lock the drive's counters as briefly as possible.
        let less = (
            drives::used_bytes.eq(drives::used_bytes - bytes(released.credited_bytes)),
            drives::used_entries.eq(drives::used_entries - i64::from(removed)),
        );
        update(drives::table.find(DbId::from(drive))).set(less).execute(&mut connection).await?;
    }
    Ok(step)
}

/// Removes files with all their versions, or as many of them as one step may; returns their number and what their
/// contents release.
async fn remove_files(
    mut connection: &AsyncPgConnection,
    command: &Command,
    drive: DriveId,
    files: Vec<DbId>,
) -> Result<(usize, ReleasedContents), SqlError> {
    if files.is_empty() {
        return Ok((0, ReleasedContents::default()));
    }
    let found: Vec<(DbId, (String, i64))> = versions::table
        .filter(versions::node_id.eq_any(&files))
        .order(versions::node_id)
        .limit(MAX_VERSIONS)
        .select((versions::node_id, (versions::blob_key, versions::size_bytes)))
        .load(&mut connection)
        .await?;
    let (files, contents) = rows::complete_files(files, found, usize::try_from(MAX_VERSIONS).unwrap_or(usize::MAX));
    // The versions are deleted with their files.
    let gone = diesel::delete(nodes::table.filter(nodes::id.eq_any(files))).execute(&mut connection).await?;
    Ok((gone, release_contents(connection, drive, &contents, command.at).await?))
}

/// Runs one step of removing the drive. The lock on its tree keeps concurrent steps and additions out.
async fn delete_orphaned_drives(
    mut connection: &AsyncPgConnection,
    command: &Command,
    drive: DriveId,
    max: u32,
) -> Result<CleanupProgress, SqlError> {
    let Some(root) = root_of(connection, drive).await? else {
        return Ok(CleanupProgress::Nothing);
    };
    let into = || uploads::table.filter(uploads::drive_id.eq(DbId::from(drive)));
    let open = into().filter(is_open()).order(uploads::id).limit(max.into());
    let open = open.select(UploadRow::as_select()).for_update().load(&mut connection).await?;
    let open: Vec<Upload> = open.into_iter().map(Upload::try_from).collect::<Result<_>>()?;
    end(connection, command, &open, UploadState::Aborted, ChangeKind::UploadAborted, None).await?;
    // Those that just ended have jobs, too.
    let over = into().filter(uploads::state.ne("open")).filter(has_no_job()).order(uploads::id).limit(max.into());
    let over: Vec<DbId> = over.select(uploads::id).for_update().load(&mut connection).await?;
    let forgotten = diesel::delete(uploads::table.filter(uploads::id.eq_any(over))).execute(&mut connection).await?;
    let begun = rows::begin_purges_of_all(root, command.at, max).execute(&mut connection).await?;
    if open.len() + forgotten + begun > 0 {
        record_change(connection, command, Change::for_drive(ChangeKind::NodesPurged, drive)).await?;
        return Ok(CleanupProgress::Step);
    }
    let left: FlagRow = rows::has_more(drive, None).get_result(&mut connection).await?;
    let upload: Option<DbId> = into().select(uploads::id).first(&mut connection).await.optional()?;
    if left.holds || upload.is_some() {
        return Ok(CleanupProgress::Nothing);
    }
    diesel::delete(nodes::table.find(DbId::from(root))).execute(&mut connection).await?;
    record_change(connection, command, Change::for_drive(ChangeKind::DriveRemoved, drive)).await?;
    diesel::delete(drives::table.find(DbId::from(drive))).execute(&mut connection).await?;
    Ok(CleanupProgress::Drive)
}

impl Database {
    /// The drive selected by `statement`.
    async fn drive_by(&self, statement: Statement) -> Result<Option<DriveId>> {
        // A write, because the statement may lock the row for a moment.
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            let row: Option<IdRow> = statement.get_result(&mut connection).await.optional()?;
            Ok(row.map(|row| row.id.into()))
        })
        .await
    }
}

#[async_trait]
impl TrashRepository for Database {
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        // Exclusive: writes begun below the node end before this returns, and nothing is added there afterwards.
        let mode = TxMode::ChangeTree(item.drive());
        let (command, item) = (command.clone(), item.clone());
        let work = async move |connection: &AsyncPgConnection| put(connection, &command, &item, seen).await;
        self.write(mode, work).await
    }

    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>> {
        let (root, page) = (root.clone(), rows::page(root.drive(), after, limit));
        // Both queries see the same state: a node removed between them would make the page look like the last.
        let work = async move |connection: &AsyncPgConnection| list_trash(connection, &root, page).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn find_oldest(&self) -> Result<Option<Timestamp>> {
        self.read(async |mut connection: &AsyncPgConnection| {
            let row: Option<TrashedAtRow> = rows::oldest().get_result(&mut connection).await.optional()?;
            Ok(row.map(|row| row.time()))
        })
        .await
    }

    async fn find_trashed_by(&self, node: NodeId, user: UserId, after: Timestamp) -> Result<Option<Located>> {
        let row = rows::trashed_by(node, user, after);
        let work = async move |mut connection: &AsyncPgConnection| {
            let own: Option<IdRow> = row.get_result(&mut connection).await.optional()?;
            match own {
                Some(own) => locate::find(connection, own.id.into(), user).await,
                None => Ok(None),
            }
        };
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located> {
        let mode = TxMode::ChangeTree(restoration.item.drive());
        let (command, spec) = (command.clone(), restoration.clone());
        let work = async move |connection: &AsyncPgConnection| restore(connection, &command, &spec).await;
        self.write(mode, work).await
    }

    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        let mode = TxMode::ChangeTree(item.drive());
        let (command, item) = (command.clone(), item.clone());
        let work = async move |connection: &AsyncPgConnection| begin_purge(connection, &command, &item, seen).await;
        self.write(mode, work).await
    }

    async fn begin_purges(&self, command: &Command, scope: &PurgeScope, max: u32) -> Result<u32> {
        let drive = match scope {
            PurgeScope::All(root) => root.drive(),
            PurgeScope::Until(until) => match self.drive_by(rows::due(*until)).await? {
                Some(drive) => drive,
                None => return Ok(0),
            },
        };
        let (command, scope) = (command.clone(), scope.clone());
        let work =
            async move |connection: &AsyncPgConnection| begin_purges(connection, &command, &scope, drive, max).await;
        self.write(TxMode::ChangeTree(drive), work).await
    }

    async fn purge(&self, command: &Command, which: Purge, max: u32) -> Result<PurgeStep> {
        // A requested purge waits for concurrent steps; the collector skips locked nodes.
        let (which, how) = match which {
            Purge::Of(drive, node) => ((drive, Some(node)), "FOR UPDATE"),
            Purge::In(drive) => ((drive, None), "FOR UPDATE"),
            Purge::Any => match self.drive_by(rows::drive_to_purge().before("FOR UPDATE SKIP LOCKED")).await? {
                Some(drive) => ((drive, None), "FOR UPDATE SKIP LOCKED"),
                None => return Ok(PurgeStep::default()),
            },
        };
        let command = command.clone();
        let work = async move |connection: &AsyncPgConnection| purge(connection, &command, which, how, max).await;
        self.write(TxMode::WriteInTree(which.0), work).await
    }

    async fn delete_orphaned_drives(
        &self,
        command: &Command,
        drive: Option<DriveId>,
        max: u32,
    ) -> Result<CleanupProgress> {
        let Some(drive) = self.drive_by(rows::ownerless(drive)).await? else {
            return Ok(CleanupProgress::Nothing);
        };
        let command = command.clone();
        let work =
            async move |connection: &AsyncPgConnection| delete_orphaned_drives(connection, &command, drive, max).await;
        self.write(TxMode::ChangeTree(drive), work).await
    }
}
