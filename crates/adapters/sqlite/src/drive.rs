use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeKind, Charge, Command, CommandOutcome, ConflictPolicy, Grant, Limit, Located, Name, NodeId, NodeKind,
    NodePath, NodeState, PathStart, Position, ReadGrant, Sort, UserId, Viewer, check_depth,
};
use clouddrive_domain::port::{FolderEntry, NodeLocation, NodeRepository, Relocated, Relocation, UserDrive};
use clouddrive_sql::drive::{
    FOLDERS, FolderEntryColumnTypes, FolderEntryRow, LevelsRow, MergeStrategy, UserDriveRow, levels, page, user_drive,
};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::{NameColumns, NameConflict, NewNode};
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::uploads::Senders;
use clouddrive_sql::versions::update_details;
use diesel::prelude::*;

use crate::Database;
use crate::changes::record_change;
use crate::idempotency_records::store_response;
use crate::locate;
use crate::names::{existing_entry, first_free_ignoring, insert, name_error, touch};
use crate::quota::charge_quota;
use crate::uploads::abort_without_access;

#[async_trait]
impl NodeRepository for Database {
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>> {
        self.read(move |connection| locate::find(connection, node, viewer)).await
    }

    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>> {
        let nodes = nodes.to_vec();
        self.read(move |connection| locate::find_many(connection, &nodes, viewer)).await
    }

    async fn find_by_path(&self, start: PathStart, path: &NodePath, viewer: Viewer) -> Result<Option<Located>> {
        let path = path.clone();
        self.read(move |connection| locate::find_by_path(connection, start, &path, viewer)).await
    }

    async fn find_user_drive(&self, user: UserId) -> Result<Option<UserDrive>> {
        self.read(move |connection| {
            let row: Option<UserDriveRow> = user_drive(user, "d.used_entries").get_result(connection).optional()?;
            Ok(row.map(UserDrive::try_from).transpose()?)
        })
        .await
    }

    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<FolderEntry>> {
        let statement = page(folder.viewer(), folder.node().id, sort, after, limit, MergeStrategy::MergeScans);
        self.read(move |connection| {
            let rows: Vec<FolderEntryRow> = statement.rows_by_position::<FolderEntryColumnTypes>().load(connection)?;
            Ok(rows.into_iter().map(FolderEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        let (command, parent, name) = (command.clone(), parent.clone(), name.clone());
        self.write_growing(move |connection| {
            let parent = locate::reauthorize(connection, &parent)?;
            check_depth(parent.located().depth_of_child_folder(), 0)?;
            let (drive, folder) = (parent.drive(), parent.node().id);
            let node = NewNode { id, drive, parent: folder, name: &name, content: None };
            insert(connection, &command, &node)?;
            raise_stored_reach(connection, parent.located(), 1)?;
            charge_quota(connection, drive, Charge { entries: 1, ..Charge::default() })?;
            touch(connection, &command, folder)?;
            record_change(connection, &command, node.created(ChangeKind::FolderCreated))?;
            let made = locate::get(connection, id, parent.actor())?;
            store_response(connection, &command, CommandOutcome::Made(&made))?;
            Ok(made)
        })
        .await
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Relocated> {
        let (command, relocation) = (command.clone(), relocation.clone());
        self.write(move |connection| relocate(connection, &command, &relocation)).await
    }
}

fn relocate(connection: &mut SqliteConnection, command: &Command, spec: &Relocation) -> Result<Relocated, SqlError> {
    let actor = spec.item.actor();
    let item = locate::reauthorize_at(connection, &spec.item, spec.seen)?;
    let node = item.node();
    let to = match &spec.to {
        Some(to) => Some(locate::reauthorize(connection, to)?),
        None => None,
    };
    let (place, content) = (spec.new_location(&item, to.as_ref())?, spec.metadata.changed_content(node));
    let (place, replaced) = match place {
        Some(place) => resolve_location(connection, command, spec, &item, place)?,
        None => (None, None),
    };
    if place.is_none() && content.is_none() {
        return Ok(item.into_located().into());
    }
    if let Some(to) = to.as_ref().filter(|_| place.is_some() && node.kind() == NodeKind::Folder) {
        let reach = reach_within(connection, node.id, to.located().depth_of_child_folder())?;
        raise_stored_reach(connection, to.located(), reach + 1)?;
    }
    update(nodes::table.find(DbId::from(node.id)))
        .set((nodes::revision.eq(nodes::revision + 1), nodes::modified_at.eq(command.at.as_millis())))
        .execute(connection)?;
    let mut after = NodeState::from_node(node).revised();
    if let Some((parent, name)) = place {
        after = after.placed(parent, &name);
        update(nodes::table.find(DbId::from(node.id)))
            .set((nodes::parent_id.eq(DbId::from(parent)), NameColumns::from(&name)))
            .execute(connection)
            .map_err(|error| name_error(connection, error, parent, &name, node.kind()))?;
        for folder in [node.parent, Some(parent)].into_iter().flatten().filter(|_| node.parent != Some(parent)) {
            touch(connection, command, folder)?;
        }
    }
    if let Some(content) = content {
        update_details(&content).execute(connection)?;
    }
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeRelocated, &item).after(after))?;
    if (to.is_some() || replaced.is_some()) && node.kind() == NodeKind::Folder {
        abort_without_access(connection, command, item.drive(), Senders::AllExcept(item.located().owner.id))?;
    }
    Ok(Relocated { located: locate::get(connection, node.id, actor)?, replaced })
}

/// A new parent and name, and the node that is replaced there.
type ResolvedLocation = (Option<(NodeId, Name)>, Option<NodeId>);

/// The parent and name that the granted item gets at `place`, unless it has them already, and the node there that it
/// replaces, which is trashed now.
fn resolve_location(
    connection: &mut SqliteConnection,
    command: &Command,
    spec: &Relocation,
    item: &Grant,
    NodeLocation { parent, name }: NodeLocation<'_>,
) -> Result<ResolvedLocation, SqlError> {
    let (node, kind) = (item.node(), item.node().kind());
    let existing = match spec.conflict {
        // The unique index decides.
        ConflictPolicy::Fail => None,
        ConflictPolicy::Replace | ConflictPolicy::Keep => existing_entry(connection, parent, name)?,
    };
    let Some(existing) = existing else {
        return Ok((Some((parent, name.clone())), None));
    };
    if spec.conflict == ConflictPolicy::Keep {
        let own = Some(&node.name).filter(|_| node.parent == Some(parent));
        let free = first_free_ignoring(connection, parent, name, kind, own)?;
        return Ok((Some((parent, free)).filter(|(_, free)| own != Some(free)), None));
    }
    if existing.item.kind != kind {
        return Err(NameConflict { folder: parent, name: name.clone(), kind, existing: Some(existing) }.into());
    }
    let replaced = Relocation::replacing(item, locate::find(connection, existing.item.id, item.actor())?)?;
    trash_node(connection, command, &replaced)?;
    Ok((Some((parent, name.clone())), Some(replaced.node().id)))
}

/// Trashes the granted node. Uploads into a folder that thereby lose their sender's access are still to be ended.
pub(crate) fn trash_node(connection: &mut SqliteConnection, command: &Command, item: &Grant) -> Result<(), SqlError> {
    update(nodes::table.find(DbId::from(item.node().id)))
        .set((
            nodes::trashed_at.eq(command.at.as_millis()),
            nodes::trashed_by.eq(command.actor.map(DbId::from)),
            nodes::revision.eq(nodes::revision + 1),
        ))
        .execute(connection)?;
    if let Some(parent) = item.node().parent {
        touch(connection, command, parent)?;
    }
    let after = NodeState::from_node(item.node()).revised();
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeTrashed, item).after(after))
}

/// Raises the stored reach of `folder` to at least `levels`, and that of its ancestors by one more per step. Each
/// ancestor is checked, because its reach may have been lowered by a recount since.
pub(crate) fn raise_stored_reach(
    connection: &mut SqliteConnection,
    folder: &Located,
    levels: u32,
) -> Result<(), SqlError> {
    for (needed, step) in (levels..).zip(&folder.lineage) {
        let short = nodes::table.filter(nodes::id.eq(DbId::from(step.id)).and(nodes::reach.lt(i64::from(needed))));
        update(short).set(nodes::reach.eq(i64::from(needed))).execute(connection)?;
    }
    Ok(())
}

/// The number of folder levels below `folder`, checked to be allowed at `depth`. The stored reach is an upper bound;
/// only if it is too large are the levels counted and stored again.
pub(crate) fn reach_within(connection: &mut SqliteConnection, folder: NodeId, depth: u32) -> Result<u32, SqlError> {
    let row = nodes::table.find(DbId::from(folder));
    let noted: i64 = row.select(nodes::reach).first(connection)?;
    let noted = u32::try_from(noted).unwrap_or(u32::MAX);
    if check_depth(depth, noted).is_ok() {
        return Ok(noted);
    }
    let counted: LevelsRow = levels(folder, FOLDERS).get_result(connection)?;
    let counted = counted.levels();
    check_depth(depth, counted)?;
    update(row).set(nodes::reach.eq(i64::from(counted))).execute(connection)?;
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use clouddrive_domain::model::{Order, OrderKey, SortBy, SortValue, Timestamp};
    use diesel::sql_types::Text;
    use uuid::Uuid;

    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[tokio::test]
    async fn every_sort_order_is_served_by_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clouddrive.db");
        Database::migrate(&path).await.unwrap();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let node = NodeId::from_uuid(Uuid::from_u128(1));
        let user = UserId::from_uuid(Uuid::from_u128(2));
        let orders = [
            (SortBy::Name, "nodes_listed_by_name", SortValue::Name(OrderKey::new(&Name::root()))),
            (SortBy::CreatedAt, "nodes_listed_by_created", SortValue::Time(Timestamp::from_millis(0))),
            (SortBy::ModifiedAt, "nodes_listed_by_modified", SortValue::Time(Timestamp::from_millis(0))),
            (SortBy::Size, "nodes_listed_by_size", SortValue::Size(0)),
        ];
        for (by, index, value) in orders {
            let place = |kind| Position { value: value.clone(), kind, id: node };
            for after in [None, Some(place(NodeKind::Folder)), Some(place(NodeKind::File))] {
                for (order, folders_first) in
                    [Order::Ascending, Order::Descending].into_iter().flat_map(|order| [(order, false), (order, true)])
                {
                    let sort = Sort { by, order, folders_first };
                    let statement =
                        page(user.into(), node, sort, after.as_ref(), Limit::default(), MergeStrategy::MergeScans);
                    let plan: Vec<Plan> = statement.after("EXPLAIN QUERY PLAN").load(&mut connection).unwrap();
                    let plan: Vec<String> = plan.into_iter().map(|line| line.detail).collect();
                    let plan = plan.join("\n");
                    // Only the merge of two parts, one page of each, is sorted.
                    let sorts = plan.matches("TEMP B-TREE").count();
                    assert!(plan.contains(index) && !plan.contains("SCAN n"), "{sort:?}\n{plan}");
                    assert!(sorts == 0 || folders_first, "{sort:?}\n{plan}");
                }
            }
        }
    }
}
