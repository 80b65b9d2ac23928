use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Account, BlobKey, ChangeKind, Command, Email, Grant, Limit, Located, Name, Node, NodeBody, NodeId, NodeKind, Order,
    Person, Position, Quota, Revision, Sort, SortBy, SortValue, Step, Timestamp, User, UserId, Username, check_depth,
};
use clouddrive_domain::port::{Child, Drive, Home, Relocation};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::Database;
use crate::changes::log;
use crate::fault::Outcome;
use crate::locate::{self, NODE_COLUMNS, NODE_JOINS, NodeRow};
use crate::names::{NewNode, explain};
use crate::schema::{drives, nodes, users};
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, bad_row, bytes, permission, size};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite))]
struct UserRow {
    id: DbId,
    username: String,
    email: String,
    created_at: i64,
    photo_blob: Option<String>,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        let id = UserId::from(row.id);
        let bad = |what| bad_row("users", id, what);
        Ok(Self {
            id,
            username: Username::parse(&row.username).map_err(|_| bad("username"))?,
            email: Email::parse(&row.email).map_err(|_| bad("email"))?,
            created_at: Timestamp::from_millis(row.created_at),
            photo: row.photo_blob.map(|key| BlobKey::parse(&key).ok_or_else(|| bad("photo_blob"))).transpose()?,
        })
    }
}

/// The columns of a drive's quota, in the order of [`quota`].
pub(crate) const QUOTA: (drives::quota_bytes, drives::used_bytes, drives::reserved_bytes) =
    (drives::quota_bytes, drives::used_bytes, drives::reserved_bytes);

pub(crate) fn quota((total, used, reserved): (i64, i64, i64)) -> Quota {
    Quota { total: size(total), used: size(used), reserved: size(reserved) }
}

type HomeRow = (UserRow, DbId, (i64, i64, i64), DbId, i64);

fn home((user, drive, quota_row, root, revision): HomeRow) -> Result<Home> {
    let user = User::try_from(user)?;
    let owner = Person { id: user.id, username: Some(user.username.as_str().to_owned()) };
    let id = NodeId::from(root);
    let root = Node {
        id,
        drive: drive.into(),
        parent: None,
        name: Name::of_root(),
        body: NodeBody::Root,
        revision: Revision(size(revision)),
        created_by: owner.clone(),
        created_at: user.created_at,
        modified_at: user.created_at,
    };
    let lineage = vec![Step { id, name: Name::of_root(), trashed: false, share: None }];
    let root = Located { node: root, owner, viewer: user.id, lineage };
    Ok(Home { account: Account { user, quota: quota(quota_row) }, root })
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct ChildRow {
    #[diesel(embed)]
    node: NodeRow,
    #[diesel(sql_type = Nullable<Text>)]
    permission: Option<String>,
}

impl TryFrom<ChildRow> for Child {
    type Error = Error;

    fn try_from(row: ChildRow) -> Result<Self> {
        let node = Node::try_from(row.node)?;
        let share = row.permission.as_deref().map(|word| permission("shares", node.id, word)).transpose()?;
        Ok(Self { node, share })
    }
}

/// The columns of each sort order, as the indexes have them.
const fn columns(by: SortBy) -> &'static [&'static str] {
    match by {
        SortBy::Name => &["n.sort_key", "n.name", "n.id"],
        SortBy::CreatedAt => &["n.created_at", "n.id"],
        SortBy::ModifiedAt => &["n.modified_at", "n.id"],
        SortBy::Size => &["n.size_bytes", "n.id"],
    }
}

/// A page of what stands in `folder`, by the index of its order.
fn page(viewer: UserId, folder: NodeId, sort: Sort, after: Option<&Position>, limit: Limit) -> Statement {
    let columns = columns(sort.by);
    let (direction, beyond) = match sort.order {
        Order::Ascending => ("ASC", ">"),
        Order::Descending => ("DESC", "<"),
    };
    let mut parameters = vec![viewer.into(), folder.into()];
    let start = after.map_or_else(String::new, |position| {
        match &position.value {
            SortValue::Name(name) => {
                parameters.push(Parameter::Text(name.sort_key()));
                parameters.push(Parameter::Text(name.as_str().to_owned()));
            }
            SortValue::Time(time) => parameters.push(Parameter::Integer(time.as_millis())),
            SortValue::Size(size) => parameters.push(Parameter::Integer(bytes(*size))),
        }
        parameters.push(position.id.into());
        let marks = vec!["?"; columns.len()].join(", ");
        format!("AND ({}) {beyond} ({marks})", columns.join(", "))
    });
    let order: Vec<String> = columns.iter().map(|column| format!("{column} {direction}")).collect();
    parameters.push(Parameter::Integer(bytes(limit.get() as u64 + 1)));
    let text = format!(
        "SELECT {NODE_COLUMNS}, s.permission FROM nodes n {NODE_JOINS}
        LEFT JOIN shares s ON s.node_id = n.id AND s.guest_id = ?
        WHERE n.parent_id = ? AND n.trashed_at IS NULL {start} ORDER BY {} LIMIT ?",
        order.join(", ")
    );
    Statement::new(text, parameters)
}

#[async_trait]
impl Drive for Database {
    async fn find(&self, node: NodeId, viewer: UserId) -> Result<Option<Located>> {
        self.read(move |connection| locate::find(connection, node, viewer)).await
    }

    async fn find_home(&self, user: UserId) -> Result<Option<Home>> {
        self.read(move |connection| {
            let row = users::table
                .inner_join(drives::table.on(drives::owner_id.eq(users::id.nullable())))
                .inner_join(nodes::table.on(nodes::drive_id.eq(drives::id).and(nodes::parent_id.is_null())))
                .filter(users::id.eq(DbId::from(user)))
                .select((UserRow::as_select(), drives::id, QUOTA, nodes::id, nodes::revision))
                .first::<HomeRow>(connection)
                .optional()?;
            Ok(row.map(home).transpose()?)
        })
        .await
    }

    async fn list<'a>(
        &self,
        folder: &Grant,
        sort: Sort,
        after: Option<&'a Position>,
        limit: Limit,
    ) -> Result<Vec<Child>> {
        let statement = page(folder.actor(), folder.node().id, sort, after, limit);
        self.read(move |connection| {
            let rows: Vec<ChildRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(Child::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn create_folder(&self, command: &Command, parent: &Grant, id: NodeId, name: &Name) -> Result<Located> {
        let (command, parent, name) = (command.clone(), parent.clone(), name.clone());
        self.write(move |connection| {
            let parent = parent.renew(locate::find(connection, parent.node().id, parent.actor())?)?;
            check_depth(parent.located().depth_of_child_folder(), 0)?;
            let (drive, folder) = (parent.drive(), parent.node().id);
            NewNode { id, drive, parent: folder, name: &name, content: None }.insert(connection, &command)?;
            raise_reach(connection, parent.located(), 1)?;
            log(connection, &command, ChangeKind::FolderCreated, Some(drive), Some(id))?;
            locate::found(connection, id, parent.actor())
        })
        .await
    }

    async fn relocate(&self, command: &Command, relocation: &Relocation) -> Result<Located> {
        let (command, relocation) = (command.clone(), relocation.clone());
        self.write(move |connection| relocate(connection, &command, &relocation)).await
    }
}

fn relocate(connection: &mut SqliteConnection, command: &Command, wish: &Relocation) -> Outcome<Located> {
    let actor = wish.item.actor();
    let item = wish.item.renew(locate::find(connection, wish.item.node().id, actor)?)?;
    let node = item.node();
    if wish.seen.is_some_and(|seen| seen != node.revision) {
        return Err(Error::PreconditionFailed.into());
    }
    let to = match &wish.to {
        Some(to) => Some(to.renew(locate::find(connection, to.node().id, actor)?)?),
        None => None,
    };
    if let Some(to) = &to {
        if to.drive() != item.drive() {
            return Err(Error::Conflict(Conflict::CrossDriveMove).into());
        }
        if to.located().is_at_or_below(node.id) {
            return Err(Error::Conflict(Conflict::FolderCycle).into());
        }
    }
    let old_parent = node.parent.ok_or(Error::NotFound)?;
    let parent = to.as_ref().map_or(old_parent, |to| to.node().id);
    let name = wish.name.as_ref().unwrap_or(&node.name);
    if parent == old_parent && *name == node.name {
        return Ok(item.into_located());
    }
    if let Some(to) = to.as_ref().filter(|_| node.kind() == NodeKind::Folder) {
        let reach = reach_within(connection, node.id, to.located().depth_of_child_folder())?;
        raise_reach(connection, to.located(), reach + 1)?;
    }
    diesel::update(nodes::table.find(DbId::from(node.id)))
        .set((
            nodes::parent_id.eq(DbId::from(parent)),
            nodes::name.eq(name.as_str()),
            nodes::sort_key.eq(name.sort_key()),
            nodes::revision.eq(nodes::revision + 1),
            nodes::modified_at.eq(command.at.as_millis()),
        ))
        .execute(connection)
        .map_err(|fault| explain(connection, fault, parent, name, node.kind()))?;
    log(connection, command, ChangeKind::NodeRelocated, Some(item.drive()), Some(node.id))?;
    locate::found(connection, node.id, actor)
}

/// Notes that `levels` of folders stand below `folder`, and so more below those above it, up to the root: that much is
/// noted of one folder says nothing of those above it, whose reach may have been noted anew since.
fn raise_reach(connection: &mut SqliteConnection, folder: &Located, levels: u32) -> Outcome<()> {
    for (needed, step) in (levels..).zip(&folder.lineage) {
        let short = nodes::table.filter(nodes::id.eq(DbId::from(step.id)).and(nodes::reach.lt(i64::from(needed))));
        diesel::update(short).set(nodes::reach.eq(i64::from(needed))).execute(connection)?;
    }
    Ok(())
}

/// How many levels of folders stand below `folder`, checked to be allowed at `depth`. The noted reach never shrinks: only
/// when it seems too much are the levels counted, and noted anew.
fn reach_within(connection: &mut SqliteConnection, folder: NodeId, depth: u32) -> Outcome<u32> {
    #[derive(QueryableByName)]
    struct Levels {
        #[diesel(sql_type = BigInt)]
        levels: i64,
    }

    let row = nodes::table.find(DbId::from(folder));
    let noted: i64 = row.select(nodes::reach).first(connection)?;
    let noted = u32::try_from(noted).unwrap_or(u32::MAX);
    if check_depth(depth, noted).is_ok() {
        return Ok(noted);
    }
    let count = "WITH RECURSIVE below (id, level) AS (
            SELECT CAST(? AS BLOB), 0
            UNION ALL
            SELECT n.id, below.level + 1 FROM below JOIN nodes n ON n.parent_id = below.id WHERE n.kind = 'folder'
        )
        SELECT MAX(level) AS levels FROM below";
    let counted: Levels = Statement::new(count, vec![folder.into()]).get_result(connection)?;
    let counted = u32::try_from(counted.levels).unwrap_or(u32::MAX);
    check_depth(depth, counted)?;
    diesel::update(row).set(nodes::reach.eq(i64::from(counted))).execute(connection)?;
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use uuid::Uuid;

    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[test]
    fn every_sort_order_is_served_by_an_index_without_sorting() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute(include_str!("../../../../migrations/sqlite/2026-11-22-000000_drive/up.sql")).unwrap();
        let node = NodeId::from_uuid(Uuid::from_u128(1));
        let user = UserId::from_uuid(Uuid::from_u128(2));
        let orders = [
            (SortBy::Name, "nodes_by_name", SortValue::Name(Name::of_root())),
            (SortBy::CreatedAt, "nodes_by_created", SortValue::Time(Timestamp::from_millis(0))),
            (SortBy::ModifiedAt, "nodes_by_modified", SortValue::Time(Timestamp::from_millis(0))),
            (SortBy::Size, "nodes_by_size", SortValue::Size(0)),
        ];
        for (by, index, value) in orders {
            let position = Position { value, id: node };
            for (order, after) in [
                (Order::Ascending, None),
                (Order::Descending, None),
                (Order::Ascending, Some(&position)),
                (Order::Descending, Some(&position)),
            ] {
                let mut statement = page(user, node, Sort { by, order }, after, Limit::default());
                statement.explain();
                let plan: Vec<Plan> = statement.load(&mut connection).unwrap();
                let plan: Vec<String> = plan.into_iter().map(|line| line.detail).collect();
                let plan = plan.join("\n");
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{by:?} {order:?}\n{plan}");
            }
        }
    }
}
