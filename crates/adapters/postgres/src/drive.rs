use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeKind, Command, ConflictPolicy, Grant, Limit, Located, Name, NodeId, NodeKind, NodePath, NodeState,
    PathStart, Position, ReadGrant, Sort, UserId, Viewer,
};
use clouddrive_domain::port::{FolderEntry, NodeLocation, NodeRepository, Relocated, Relocation, UserDrive};
use clouddrive_sql::drive::{FolderEntryColumnTypes, FolderEntryRow, MergeStrategy, UserDriveRow, page, user_drive};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::{NameColumns, NameConflict};
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::update;
use clouddrive_sql::types::DbId;
use clouddrive_sql::uploads::Senders;
use clouddrive_sql::versions::update_details;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::changes::record_change;
use crate::error::domain_error;
use crate::locate::{self, Find};
use crate::names::{existing_entry, first_free_ignoring, name_error, touch};
use crate::new_entries::{NewBody, NewEntry};
use crate::quota::USED_ENTRIES;
use crate::reach::{raise_stored_reach, reach_within};
use crate::transaction::TxMode;
use crate::uploads::abort_without_access;

#[async_trait]
impl NodeRepository for Database {
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>> {
        self.finds.run(self, Find { node, viewer }).await.map_err(domain_error)
    }

    async fn find_many(&self, nodes: &[NodeId], viewer: Viewer) -> Result<Vec<Located>> {
        let nodes = nodes.to_vec();
        self.read(async move |connection: &AsyncPgConnection| locate::find_many(connection, &nodes, viewer).await).await
    }

    async fn find_by_path(&self, start: PathStart, path: &NodePath, viewer: Viewer) -> Result<Option<Located>> {
        let path = path.clone();
        let work =
            async move |connection: &AsyncPgConnection| locate::find_by_path(connection, start, &path, viewer).await;
        self.read(work).await
    }

    async fn find_user_drive(&self, user: UserId) -> Result<Option<UserDrive>> {
        self.read(async move |mut connection: &AsyncPgConnection| {
            let row: Option<UserDriveRow> =
                user_drive(user, USED_ENTRIES).get_result(&mut connection).await.optional()?;
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
        let statement = page(folder.viewer(), folder.node().id, sort, after, limit, MergeStrategy::SortPages);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<FolderEntryRow> =
                statement.rows_by_position::<FolderEntryColumnTypes>().load(&mut connection).await?;
            Ok(rows.into_iter().map(FolderEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        let (command, parent, body) = (command.clone(), parent.clone(), NewBody::Folder(id, name.clone()));
        let new = NewEntry { command, parent, body };
        self.explain_conflicts(|| self.create_folder(&new)).await
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Relocated> {
        let (command, spec) = (command.clone(), relocation.clone());
        let mode = TxMode::ChangeTree(spec.item.drive());
        let work = async move |connection: &AsyncPgConnection| relocate(connection, &command, &spec).await;
        self.write(mode, work).await
    }
}

async fn relocate(
    mut connection: &AsyncPgConnection,
    command: &Command,
    spec: &Relocation,
) -> Result<Relocated, SqlError> {
    let actor = spec.item.actor();
    let item = locate::reauthorize_at(connection, &spec.item, spec.seen).await?;
    let node = item.node();
    let to = match &spec.to {
        Some(to) => Some(locate::reauthorize(connection, to).await?),
        None => None,
    };
    let (place, content) = (spec.new_location(&item, to.as_ref())?, spec.metadata.changed_content(node));
    let (place, replaced) = match place {
        Some(place) => resolve_location(connection, command, spec, &item, place).await?,
        None => (None, None),
    };
    if place.is_none() && content.is_none() {
        return Ok(item.into_located().into());
    }
    if let Some(to) = to.as_ref().filter(|_| place.is_some() && node.kind() == NodeKind::Folder) {
        let reach = reach_within(connection, node.id, to.located().depth_of_child_folder()).await?;
        raise_stored_reach(connection, to.located(), reach + 1).await?;
    }
    let changed = update(nodes::table.find(DbId::from(node.id)))
        .set((nodes::revision.eq(nodes::revision + 1), nodes::modified_at.eq(command.at.as_millis())));
    changed.execute(&mut connection).await?;
    let mut after = NodeState::from_node(node).revised();
    if let Some((parent, name)) = place {
        after = after.placed(parent, &name);
        let placed = update(nodes::table.find(DbId::from(node.id)))
            .set((nodes::parent_id.eq(DbId::from(parent)), NameColumns::from(&name)));
        let placed = placed.execute(&mut connection).await;
        placed.map_err(|error| name_error(error, parent, &name, node.kind()))?;
        for folder in [node.parent, Some(parent)].into_iter().flatten().filter(|_| node.parent != Some(parent)) {
            touch(connection, command, folder).await?;
        }
    }
    if let Some(content) = content {
        update_details(&content).execute(&mut connection).await?;
    }
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeRelocated, &item).after(after))
        .await?;
    if (to.is_some() || replaced.is_some()) && node.kind() == NodeKind::Folder {
        let guests = Senders::AllExcept(item.located().owner.id);
        abort_without_access(connection, command, item.drive(), guests).await?;
    }
    Ok(Relocated { located: locate::get(connection, node.id, actor).await?, replaced })
}

/// A new parent and name, and the node that is replaced there.
type ResolvedLocation = (Option<(NodeId, Name)>, Option<NodeId>);

/// The parent and name that the granted item gets at `place`, unless it has them already, and the node there that it
/// replaces, which is trashed now. The exclusive lock on the tree keeps other names in the drive from changing
/// meanwhile.
async fn resolve_location(
    connection: &AsyncPgConnection,
    command: &Command,
    spec: &Relocation,
    item: &Grant,
    NodeLocation { parent, name }: NodeLocation<'_>,
) -> Result<ResolvedLocation, SqlError> {
    let (node, kind) = (item.node(), item.node().kind());
    let existing = match spec.conflict {
        // The unique index decides.
        ConflictPolicy::Fail => None,
        ConflictPolicy::Replace | ConflictPolicy::Keep => existing_entry(connection, parent, name).await?,
    };
    let Some(existing) = existing else {
        return Ok((Some((parent, name.clone())), None));
    };
    if spec.conflict == ConflictPolicy::Keep {
        let own = Some(&node.name).filter(|_| node.parent == Some(parent));
        let free = first_free_ignoring(connection, parent, name, kind, own).await?;
        return Ok((Some((parent, free)).filter(|(_, free)| own != Some(free)), None));
    }
    if existing.item.kind != kind {
        return Err(NameConflict { folder: parent, name: name.clone(), kind, existing: Some(existing) }.into());
    }
    let replaced = Relocation::replacing(item, locate::find(connection, existing.item.id, item.actor()).await?)?;
    trash_node(connection, command, &replaced).await?;
    Ok((Some((parent, name.clone())), Some(replaced.node().id)))
}

/// Trashes the granted node. Uploads into a folder that thereby lose their sender's access are still to be ended.
pub(crate) async fn trash_node(
    mut connection: &AsyncPgConnection,
    command: &Command,
    item: &Grant,
) -> Result<(), SqlError> {
    update(nodes::table.find(DbId::from(item.node().id)))
        .set((
            nodes::trashed_at.eq(command.at.as_millis()),
            nodes::trashed_by.eq(command.actor.map(DbId::from)),
            nodes::revision.eq(nodes::revision + 1),
        ))
        .execute(&mut connection)
        .await?;
    if let Some(parent) = item.node().parent {
        touch(connection, command, parent).await?;
    }
    let after = NodeState::from_node(item.node()).revised();
    record_change(connection, command, Change::for_item_with_before(ChangeKind::NodeTrashed, item).after(after)).await
}
