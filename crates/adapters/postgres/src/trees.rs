use std::sync::LazyLock;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Answer, ChangeKind, Command, Grant, ReadGrant, check_depth};
use clouddrive_domain::port::{Copying, Saved, TreeEntry, Trees};
use clouddrive_sql::drive::Charge;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::Placement;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trees::{BATCH, EntryRow, LIVE_CHILDREN_LATERAL, TreeCopy, TreeRow, entries, one_more, tree};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::blob_records::{lock, refer_all};
use crate::changes::log;
use crate::content::{remove, versions_over_limit};
use crate::drive::raise_reach;
use crate::fault::conflict;
use crate::locate::{self, AMONG, array};
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::charge_quota;
use crate::receipts::keep;
use crate::unit::Begin;

#[async_trait]
impl Trees for Database {
    async fn copy(&self, command: &Command, copying: &Copying) -> Result<Saved> {
        let (command, wish) = (command.clone(), copying.clone());
        let begin = Begin::Between(wish.item.drive(), wish.to.drive());
        let work = async move |connection: &AsyncPgConnection| copy(connection, &command, &wish).await;
        self.write(begin, work).await
    }

    async fn list(&self, tops: &[ReadGrant], most: u64) -> Result<Vec<TreeEntry>> {
        static ENTRIES: LazyLock<String> = LazyLock::new(|| entries(AMONG, LIVE_CHILDREN_LATERAL));
        let tops = array(tops.iter().map(|top| top.node().id));
        let statement = Statement::new(ENTRIES.as_str(), vec![tops, one_more(most)]);
        self.read(async move |mut connection: &AsyncPgConnection| {
            let rows: Vec<EntryRow> = statement.load(&mut connection).await?;
            Ok(rows.into_iter().map(TreeEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}

async fn copy(connection: &AsyncPgConnection, command: &Command, wish: &Copying) -> Outcome<Saved> {
    let actor = wish.item.actor();
    let item = locate::renewed(connection, &wish.item).await?;
    let to = locate::renewed(connection, &wish.to).await?;
    let wanted = wish.place(&item, &to)?;
    let copy = read(connection, command, wish, &item, &to).await?;
    let node = NewNode { id: copy.top, drive: to.drive(), parent: to.node().id, name: wanted, content: copy.content };
    let placement = place_by_name(connection, command, &to, &node, wish.conflict).await?;
    let change = placement.change(ChangeKind::NodeCopied, &node);
    let (copy, kind) = match placement {
        Placement::Created(_) => (copy, ChangeKind::NodeCopied),
        Placement::Replaced(it) => (copy.in_place_of(it.file, it.revision), ChangeKind::FileReplaced),
    };
    let surplus = match copy.content {
        Some((version, _)) if kind == ChangeKind::FileReplaced => {
            versions_over_limit(connection, command, copy.top, version, wish.most_versions).await?
        }
        _ => Vec::new(),
    };
    if !surplus.is_empty() {
        // All at once, in key order: another copy may remove what this one refers to.
        let blobs: Vec<&str> =
            surplus.iter().map(|(_, blob, ..)| blob).chain(&copy.blobs).map(String::as_str).collect();
        lock(connection, &blobs).await?;
    }
    if !refer_all(connection, &copy.blobs).await? {
        // A file's content was replaced after it was read, and its blob is gone: retry.
        return Err(conflict("what is copied has changed").into());
    }
    insert(connection, &copy).await?;
    // Only now, since a removed version may have the same blob.
    let disposal = remove(connection, command, to.drive(), surplus).await?;
    let made = locate::found(connection, copy.top, actor).await?;
    if copy.content.is_none() {
        raise_reach(connection, &made, copy.height).await?;
    }
    if kind == ChangeKind::NodeCopied {
        touch(connection, command, to.node().id).await?;
    }
    log(connection, command, change).await?;
    // Last, to lock the drive's counters as briefly as possible.
    let entries = copy.nodes.len() as u64 + u64::from(kind == ChangeKind::NodeCopied);
    let freed = disposal.given_back;
    charge_quota(connection, to.drive(), Charge { stored: copy.bytes, freed, entries, ..Charge::default() }).await?;
    keep(connection, command, Answer::Made(&made)).await?;
    Ok(Saved { located: made, freed: disposal.freed()? })
}

/// Reads the copy of `item` in its current state, checked to be allowed at its destination.
async fn read(
    mut connection: &AsyncPgConnection,
    command: &Command,
    wish: &Copying,
    item: &Grant,
    to: &Grant,
) -> Outcome<TreeCopy> {
    if let Some(content) = item.node().content() {
        return Ok(TreeCopy::of_file(command, wish, to, content)?);
    }
    let rows: Vec<TreeRow> = tree(item.node().id, LIVE_CHILDREN_LATERAL).load(&mut connection).await?;
    let copy = TreeCopy::of_folder(command, wish, to, rows)?;
    check_depth(to.located().depth_of_child_folder(), copy.height)?;
    Ok(copy)
}

async fn insert(mut connection: &AsyncPgConnection, copy: &TreeCopy) -> Outcome<()> {
    for rows in copy.nodes.chunks(BATCH) {
        diesel::insert_into(nodes::table).values(rows).execute(&mut connection).await?;
    }
    for rows in copy.versions.chunks(BATCH) {
        diesel::insert_into(versions::table).values(rows).execute(&mut connection).await?;
    }
    Ok(())
}
