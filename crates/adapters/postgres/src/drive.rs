use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Answer, Change, ChangeKind, Command, ConflictPolicy, Grant, Limit, Located, Name, NodeBody, NodeId, NodeKind,
    NodePath, NodeState, PathStart, Position, ReadGrant, Sort, UserId, Viewer, check_depth,
};
use clouddrive_domain::port::{Child, Drive, Home, Place, Relocated, Relocation};
use clouddrive_sql::drive::{ChildRow, FOLDERS_LATERAL, HomeRow, LevelsRow, Merging, home, levels, page};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::{NameColumns, NewNode, Taken};
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::DbId;
use clouddrive_sql::uploads::Senders;
use clouddrive_sql::versions::describe;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join;

use crate::Database;
use crate::changes::log;
use crate::locate::{self, actor, array};
use crate::names::{explain, first_free_but, holder, insert, touch};
use crate::quota::{USED_ENTRIES, count_folder, is_ample};
use crate::receipts::keep;
use crate::unit::{Begin, together};
use crate::uploads::end_without_right;

#[async_trait]
impl Drive for Database {
    async fn find(&self, node: NodeId, viewer: Viewer) -> Result<Option<Located>> {
        self.read(async move |connection: &AsyncPgConnection| locate::find(connection, node, viewer).await).await
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

    async fn find_home(&self, user: UserId) -> Result<Option<Home>> {
        self.read(async move |mut connection: &AsyncPgConnection| {
            let row: Option<HomeRow> = home(user, USED_ENTRIES).get_result(&mut connection).await.optional()?;
            Ok(row.map(Home::try_from).transpose()?)
        })
        .await
    }

    async fn list<'a>(
        &self,
        folder: &ReadGrant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<Child>> {
        let statement = page(folder.viewer(), folder.node().id, sort, after, limit, Merging::OfPages);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<ChildRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(Child::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        let (command, parent, name) = (command.clone(), parent.clone(), name.clone());
        let begin = Begin::Within(parent.drive());
        let work =
            async move |connection: &AsyncPgConnection| create_folder(connection, &command, &parent, id, &name).await;
        self.write(begin, work).await
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Relocated> {
        let (command, wish) = (command.clone(), relocation.clone());
        let begin = Begin::Tree(wish.item.drive());
        let work = async move |connection: &AsyncPgConnection| relocate(connection, &command, &wish).await;
        self.write(begin, work).await
    }
}

async fn create_folder(
    connection: &AsyncPgConnection,
    command: &Command,
    parent: &Grant,
    id: NodeId,
    name: &Name,
) -> Outcome<Located> {
    let (parent, ample) = try_join(locate::renewed(connection, parent), is_ample(connection, parent.drive())).await?;
    check_depth(parent.located().depth_of_child_folder(), 0)?;
    let node = NewNode { id, drive: parent.drive(), parent: parent.node().id, name, content: None };
    let maker = actor(connection, &parent).await?;
    together([
        insert(connection, command, &node).boxed(),
        raise_reach(connection, parent.located(), 1).boxed(),
        touch(connection, command, node.parent).boxed(),
        log(connection, command, node.created(ChangeKind::FolderCreated)).boxed(),
        // Last, to lock the drive's counters as briefly as possible.
        count_folder(connection, node.drive, ample).boxed(),
    ])
    .await?;
    let made = node.located(parent.into_located(), maker, NodeBody::Folder, command.at);
    keep(connection, command, Answer::Made(&made)).await?;
    Ok(made)
}

async fn relocate(mut connection: &AsyncPgConnection, command: &Command, wish: &Relocation) -> Outcome<Relocated> {
    let actor = wish.item.actor();
    let item = locate::renewed_as(connection, &wish.item, wish.seen).await?;
    let node = item.node();
    let to = match &wish.to {
        Some(to) => Some(locate::renewed(connection, to).await?),
        None => None,
    };
    let (place, content) = (wish.place(&item, to.as_ref())?, wish.details.applied(node));
    let (place, replaced) = match place {
        Some(place) => make_room(connection, command, wish, &item, place).await?,
        None => (None, None),
    };
    if place.is_none() && content.is_none() {
        return Ok(item.into_located().into());
    }
    if let Some(to) = to.as_ref().filter(|_| place.is_some() && node.kind() == NodeKind::Folder) {
        let reach = reach_within(connection, node.id, to.located().depth_of_child_folder()).await?;
        raise_reach(connection, to.located(), reach + 1).await?;
    }
    let changed = diesel::update(nodes::table.find(DbId::from(node.id)))
        .set((nodes::revision.eq(nodes::revision + 1), nodes::modified_at.eq(command.at.as_millis())));
    changed.execute(&mut connection).await?;
    let mut after = NodeState::of(node).revised();
    if let Some((parent, name)) = place {
        after = after.placed(parent, &name);
        let placed = diesel::update(nodes::table.find(DbId::from(node.id)))
            .set((nodes::parent_id.eq(DbId::from(parent)), NameColumns::from(&name)));
        let placed = placed.execute(&mut connection).await;
        placed.map_err(|fault| explain(fault, parent, &name, node.kind()))?;
        for folder in [node.parent, Some(parent)].into_iter().flatten().filter(|_| node.parent != Some(parent)) {
            touch(connection, command, folder).await?;
        }
    }
    if let Some(content) = content {
        describe(&content).execute(&mut connection).await?;
    }
    log(connection, command, Change::from_item(ChangeKind::NodeRelocated, &item).after(after)).await?;
    if (to.is_some() || replaced.is_some()) && node.kind() == NodeKind::Folder {
        let guests = Senders::AllBut(item.located().owner.id);
        end_without_right(connection, command, item.drive(), guests).await?;
    }
    Ok(Relocated { located: locate::found(connection, node.id, actor).await?, replaced })
}

/// The parent and name that the granted item gets at `place`, unless it has them already, and the node there that it
/// replaces, which is trashed now. The exclusive lock on the tree keeps other names in the drive from changing
/// meanwhile.
async fn make_room(
    connection: &AsyncPgConnection,
    command: &Command,
    wish: &Relocation,
    item: &Grant,
    Place { parent, name }: Place<'_>,
) -> Outcome<(Option<(NodeId, Name)>, Option<NodeId>)> {
    let (node, kind) = (item.node(), item.node().kind());
    let holder = match wish.conflict {
        // The unique index decides.
        ConflictPolicy::Fail => None,
        ConflictPolicy::Replace | ConflictPolicy::Keep => holder(connection, parent, name).await?,
    };
    let Some(holder) = holder else {
        return Ok((Some((parent, name.clone())), None));
    };
    if wish.conflict == ConflictPolicy::Keep {
        let own = Some(&node.name).filter(|_| node.parent == Some(parent));
        let free = first_free_but(connection, parent, name, kind, own).await?;
        return Ok((Some((parent, free)).filter(|(_, free)| own != Some(free)), None));
    }
    if holder.item.kind != kind {
        return Err(Taken { folder: parent, name: name.clone(), kind, holder: Some(holder) }.into());
    }
    let replaced = Relocation::replacing(item, locate::find(connection, holder.item.id, item.actor()).await?)?;
    put_away(connection, command, &replaced).await?;
    Ok((Some((parent, name.clone())), Some(replaced.node().id)))
}

/// Trashes the granted node. Uploads into a folder that thereby lose their sender's access are still to be ended.
pub(crate) async fn put_away(mut connection: &AsyncPgConnection, command: &Command, item: &Grant) -> Outcome<()> {
    diesel::update(nodes::table.find(DbId::from(item.node().id)))
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
    let after = NodeState::of(item.node()).revised();
    log(connection, command, Change::from_item(ChangeKind::NodeTrashed, item).after(after)).await
}

/// Raises the stored reach of `folder` to at least `levels`, and that of its ancestors by one more per step. Each
/// ancestor is checked, because its reach may have been lowered by a recount since.
pub(crate) async fn raise_reach(mut connection: &AsyncPgConnection, folder: &Located, levels: u32) -> Outcome<()> {
    let text = "UPDATE nodes SET reach = needed.reach FROM (
            SELECT id, place - 1 + ? AS reach FROM unnest(CAST(? AS uuid[])) WITH ORDINALITY AS step (id, place)
        ) AS needed
        WHERE nodes.id = needed.id AND nodes.reach < needed.reach";
    let steps = array(folder.lineage.iter().map(|step| step.id));
    Statement::new(text, vec![Parameter::Integer(levels.into()), steps]).execute(&mut connection).await?;
    Ok(())
}

/// The number of folder levels below `folder`, checked to be allowed at `depth`. The stored reach is an upper bound;
/// only if it is too large are the levels counted and stored again.
pub(crate) async fn reach_within(mut connection: &AsyncPgConnection, folder: NodeId, depth: u32) -> Outcome<u32> {
    let row = nodes::table.find(DbId::from(folder));
    let noted: i64 = row.select(nodes::reach).first(&mut connection).await?;
    let noted = u32::try_from(noted).unwrap_or(u32::MAX);
    if check_depth(depth, noted).is_ok() {
        return Ok(noted);
    }
    let counted: LevelsRow = levels(folder, FOLDERS_LATERAL).get_result(&mut connection).await?;
    let counted = counted.levels();
    check_depth(depth, counted)?;
    diesel::update(row).set(nodes::reach.eq(i64::from(counted))).execute(&mut connection).await?;
    Ok(counted)
}
