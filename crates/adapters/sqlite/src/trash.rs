use async_trait::async_trait;
use clouddrive_domain::model::{
    Answer, Change, ChangeKind, Command, DriveId, Grant, Limit, Located, NodeId, NodeKind, NodeState, Revision,
    Timestamp, TrashPosition, Upload, UploadState, UserId,
};
use clouddrive_domain::port::{Clearance, Doomed, Purge, PurgeStep, Restoration, Trash, Trashed};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::Disposal;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::NameColumns;
use clouddrive_sql::schema::{drives, nodes, uploads, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trash::{
    self as rows, BelowRow, Fate, FlagRow, IdRow, MOST_VERSIONS, MemberRow, TrashItemRow, TrashedAtRow, TrashedRow,
    beside_nodes,
};
use clouddrive_sql::types::{DbId, bytes};
use clouddrive_sql::uploads::{Senders, UploadRow, is_open};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::dispose;
use crate::changes::log;
use crate::drive::{put_away, raise_reach, reach_within};
use crate::locate::{self, AMONG, list};
use crate::names::{explain, first_free, holder, touch};
use crate::receipts::keep;
use crate::uploads::{end, end_without_right};

/// The condition for the entries of the folders of a [`list`].
const IN_AMONG: &str = "parent_id IN (SELECT unhex(value) FROM json_each(?))";

fn put(connection: &mut SqliteConnection, command: &Command, item: &Grant, seen: Option<Revision>) -> Outcome<()> {
    let item = locate::renewed_as(connection, item, seen)?;
    put_away(connection, command, &item)?;
    if item.node().kind() == NodeKind::File {
        return Ok(());
    }
    end_without_right(connection, command, item.drive(), Senders::AllBut(item.located().owner.id))
}

fn list_trash(connection: &mut SqliteConnection, root: &Grant, page: Statement) -> Outcome<Vec<Trashed>> {
    let rows: Vec<TrashedRow> = page.load(connection)?;
    let nodes: Vec<NodeId> = rows.iter().map(TrashedRow::node).collect();
    let nodes = locate::find_many(connection, &nodes, root.actor())?;
    Ok(beside_nodes(rows, nodes))
}

fn restore(connection: &mut SqliteConnection, command: &Command, wish: &Restoration) -> Outcome<Located> {
    let item = locate::renewed_as(connection, &wish.item, wish.seen)?;
    let (node, actor) = (item.node(), item.actor());
    let purged: FlagRow = rows::being_purged(node.id).get_result(connection)?;
    if purged.holds {
        return Err(Error::NotFound.into());
    }
    if let Some(after) = wish.trashed_after {
        let own: Option<IdRow> = rows::trashed_by(node.id, actor, after).get_result(connection).optional()?;
        own.ok_or(Error::NotFound)?;
    }
    let to = match &wish.to {
        Some(to) => Some(locate::renewed(connection, to)?),
        None => None,
    };
    let parent = Restoration::parent(&item, to.as_ref())?;
    let parent = locate::found(connection, parent, actor)?;
    if node.kind() == NodeKind::Folder {
        let reach = reach_within(connection, node.id, parent.depth_of_child_folder())?;
        raise_reach(connection, &parent, reach + 1)?;
    }
    let parent = parent.node.id;
    let name = match holder(connection, parent, &node.name)? {
        None => node.name.clone(),
        Some(_) => first_free(connection, parent, &node.name, node.kind())?,
    };
    let moved = node.parent != Some(parent) || name != node.name;
    let modified_at = if moved { command.at } else { node.modified_at };
    diesel::update(nodes::table.find(DbId::from(node.id)))
        .set((
            nodes::trashed_at.eq(None::<i64>),
            nodes::trashed_by.eq(None::<DbId>),
            nodes::parent_id.eq(DbId::from(parent)),
            NameColumns::from(&name),
            nodes::revision.eq(nodes::revision + 1),
            nodes::modified_at.eq(modified_at.as_millis()),
        ))
        .execute(connection)
        .map_err(|fault| explain(connection, fault, parent, &name, node.kind()))?;
    touch(connection, command, parent)?;
    let after = NodeState::of(node).revised().placed(parent, &name);
    log(connection, command, Change::from_item(ChangeKind::NodeRestored, &item).after(after))?;
    let restored = locate::found(connection, node.id, actor)?;
    keep(connection, command, Answer::Changed(&restored))?;
    Ok(restored)
}

fn begin_purge(
    connection: &mut SqliteConnection,
    command: &Command,
    item: &Grant,
    seen: Option<Revision>,
) -> Outcome<()> {
    let item = locate::renewed_as(connection, item, seen)?;
    let id = item.node().id;
    let root = item.located().lineage.last().map_or(id, |step| step.id);
    rows::begin_purge(id, root).execute(connection)?;
    log(connection, command, Change::from_item(ChangeKind::PurgeBegun, &item))
}

fn begin_purges(connection: &mut SqliteConnection, command: &Command, doomed: &Doomed, most: u32) -> Outcome<u32> {
    let (drive, until) = match doomed {
        Doomed::All(root) => (locate::renewed(connection, root)?.drive(), None),
        Doomed::Until(until) => {
            let row: Option<IdRow> = rows::due(*until).get_result(connection).optional()?;
            match row {
                Some(row) => (DriveId::from(row.id), Some(*until)),
                None => return Ok(0),
            }
        }
    };
    let due: Vec<TrashItemRow> = rows::due_items(drive, until, most).load(connection)?;
    let nodes: Vec<NodeId> = due.iter().map(TrashItemRow::node).collect();
    rows::begin_purges(AMONG, list(&nodes)).execute(connection)?;
    for row in due {
        log(connection, command, row.purge_begun(drive)?)?;
    }
    Ok(u32::try_from(nodes.len()).unwrap_or(most))
}

fn purge(connection: &mut SqliteConnection, command: &Command, which: Purge, most: u32) -> Outcome<PurgeStep> {
    let (drive, of) = match which {
        Purge::Of(drive, node) => (drive, Some(node)),
        Purge::In(drive) => (drive, None),
        Purge::Any => {
            let row: Option<IdRow> = rows::any_member().get_result(connection).optional()?;
            match row {
                Some(row) => (DriveId::from(row.id), None),
                None => return Ok(PurgeStep::default()),
            }
        }
    };
    let members: Vec<MemberRow> = rows::members(drive, of, most).load(connection)?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for member in &members {
        if member.is_file() { files.push(member.id) } else { folders.push(NodeId::from(member.id)) }
    }
    let (mut joining, mut staying) = (Vec::new(), Vec::new());
    let room = most.saturating_sub(u32::try_from(files.len()).unwrap_or(most));
    let below: Vec<BelowRow> = rows::below(IN_AMONG, list(&folders), room).load(connection)?;
    for row in below {
        match row.fate() {
            Fate::Goes => files.push(row.id),
            Fate::Joins => joining.push(NodeId::from(row.id)),
            Fate::Stays => staying.push(row.id),
        }
    }
    let root = nodes::table.filter(nodes::drive_id.eq(DbId::from(drive)).and(nodes::parent_id.is_null()));
    // The drive has been removed meanwhile.
    let Some(root) = root.select(nodes::id).first::<DbId>(connection).optional()? else {
        return Ok(PurgeStep::default());
    };
    diesel::update(nodes::table.filter(nodes::id.eq_any(&staying)))
        .set(nodes::parent_id.eq(root))
        .execute(connection)?;
    rows::join(AMONG, list(&joining), root.into(), command.at).execute(connection)?;
    let (gone, disposal) = remove_files(connection, command, drive, files)?;
    let removed = gone + rows::remove_empty(AMONG, list(&folders)).execute(connection)?;
    if removed > 0 {
        let less = (
            drives::used_bytes.eq(drives::used_bytes - bytes(disposal.given_back)),
            drives::used_entries.eq(drives::used_entries - bytes(removed as u64)),
        );
        diesel::update(drives::table.find(DbId::from(drive))).set(less).execute(connection)?;
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(most);
    let (removed, reached, kept) = (count(removed), count(joining.len()), count(staying.len()));
    let mut step = PurgeStep { removed, reached, kept, more: false, freed: disposal.freed()? };
    if !step.is_idle() {
        log(connection, command, Change::of_drive(ChangeKind::NodesPurged, drive).at(of))?;
    }
    let more: FlagRow = rows::more(drive, of).get_result(connection)?;
    step.more = more.holds;
    Ok(step)
}

/// Removes files with all their versions, or as many of them as one step may; returns their number and the disposal of
/// their contents.
fn remove_files(
    connection: &mut SqliteConnection,
    command: &Command,
    drive: DriveId,
    files: Vec<DbId>,
) -> Outcome<(usize, Disposal)> {
    let found: Vec<(DbId, (String, i64))> = versions::table
        .filter(versions::node_id.eq_any(&files))
        .order(versions::node_id)
        .limit(MOST_VERSIONS)
        .select((versions::node_id, (versions::blob_key, versions::size_bytes)))
        .load(connection)?;
    let (files, contents) = rows::whole(files, found, usize::try_from(MOST_VERSIONS).unwrap_or(usize::MAX));
    // The versions are deleted with their files.
    let gone = diesel::delete(nodes::table.filter(nodes::id.eq_any(files))).execute(connection)?;
    Ok((gone, dispose(connection, drive, &contents, command.at)?))
}

fn clear_ownerless(connection: &mut SqliteConnection, command: &Command, most: u32) -> Outcome<Clearance> {
    let row: Option<IdRow> = rows::ownerless().get_result(connection).optional()?;
    let Some(drive) = row.map(|row| row.id) else {
        return Ok(Clearance::Nothing);
    };
    let root = nodes::table.filter(nodes::drive_id.eq(drive).and(nodes::parent_id.is_null()));
    let root: DbId = root.select(nodes::id).first(connection)?;
    let into = || uploads::table.filter(uploads::drive_id.eq(drive)).limit(most.into());
    let open = into().filter(is_open()).select(UploadRow::as_select()).load(connection)?;
    for row in open {
        let upload = Upload::try_from(row)?;
        end(connection, command, &upload, UploadState::Aborted)?;
        log(connection, command, Change::of_upload(ChangeKind::UploadAborted, &upload))?;
    }
    let over: Vec<DbId> = into().filter(uploads::state.ne("open")).select(uploads::id).load(connection)?;
    let forgotten = diesel::delete(uploads::table.filter(uploads::id.eq_any(over))).execute(connection)?;
    let begun = rows::begin_purges_of_all(root.into(), command.at, most).execute(connection)?;
    if forgotten + begun > 0 {
        log(connection, command, Change::of_drive(ChangeKind::NodesPurged, drive.into()))?;
        return Ok(Clearance::Step);
    }
    // Foreign keys prevent this while nodes or uploads remain.
    diesel::delete(nodes::table.find(root)).execute(connection)?;
    diesel::delete(drives::table.find(drive)).execute(connection)?;
    log(connection, command, Change::of_drive(ChangeKind::DriveRemoved, drive.into()))?;
    Ok(Clearance::Drive)
}

#[async_trait]
impl Trash for Database {
    async fn put(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| put(connection, &command, &item, seen)).await
    }

    async fn list(&self, root: &Grant, after: Option<TrashPosition>, limit: Limit) -> Result<Vec<Trashed>> {
        let (root, page) = (root.clone(), rows::page(root.drive(), after, limit));
        // Both queries see the same state: a node removed between them would make the page look like the last.
        self.read(move |connection| connection.transaction(|connection| list_trash(connection, &root, page))).await
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
        self.read(move |connection| {
            connection.transaction(|connection| {
                let own: Option<IdRow> = row.get_result(connection).optional()?;
                match own {
                    Some(own) => locate::find(connection, own.id.into(), user),
                    None => Ok(None),
                }
            })
        })
        .await
    }

    async fn restore(&self, command: &Command, restoration: &Restoration) -> Result<Located> {
        let (command, wish) = (command.clone(), restoration.clone());
        self.write(move |connection| restore(connection, &command, &wish)).await
    }

    async fn begin_purge(&self, command: &Command, item: &Grant, seen: Option<Revision>) -> Result<()> {
        let (command, item) = (command.clone(), item.clone());
        self.write(move |connection| begin_purge(connection, &command, &item, seen)).await
    }

    async fn begin_purges(&self, command: &Command, doomed: &Doomed, most: u32) -> Result<u32> {
        let (command, doomed) = (command.clone(), doomed.clone());
        self.write(move |connection| begin_purges(connection, &command, &doomed, most)).await
    }

    async fn purge(&self, command: &Command, which: Purge, most: u32) -> Result<PurgeStep> {
        let command = command.clone();
        self.write(move |connection| purge(connection, &command, which, most)).await
    }

    async fn clear_ownerless(&self, command: &Command, most: u32) -> Result<Clearance> {
        let command = command.clone();
        self.write(move |connection| clear_ownerless(connection, &command, most)).await
    }
}
