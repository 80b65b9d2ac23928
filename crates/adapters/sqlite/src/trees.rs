use std::sync::LazyLock;

use async_trait::async_trait;
use clouddrive_domain::model::{Answer, ChangeKind, Command, NodeId, ReadGrant, check_depth};
use clouddrive_domain::port::{Copying, Saved, TreeEntry, Trees};
use clouddrive_domain::{Error, Result};
use clouddrive_sql::blob_records::Disposal;
use clouddrive_sql::drive::Charge;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::placement::Placement;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trees::{BATCH, EntryRow, LIVE_CHILDREN, TreeCopy, TreeRow, entries, one_more, tree};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::{may_refer, refer_all};
use crate::changes::log;
use crate::content::prune_versions;
use crate::drive::raise_reach;
use crate::locate::{self, AMONG, list};
use crate::names::touch;
use crate::placement::place_by_name;
use crate::quota::{charge_quota, check_charge};
use crate::receipts::keep;

/// The most attempts at a copy, if blobs that it refers to are removed meanwhile.
const TRIES: u32 = 5;

#[async_trait]
impl Trees for Database {
    /// Reads the tree, and checks most reasons for a refusal, on a reading connection; only the insertion occupies the
    /// writer.
    async fn copy(&self, command: &Command, copying: &Copying) -> Result<Saved> {
        for _ in 0..TRIES {
            let (by, wish) = (command.clone(), copying.clone());
            let copy = self.read(move |connection| connection.transaction(|connection| read(connection, &by, &wish)));
            let (copy, by, wish) = (copy.await?, command.clone(), copying.clone());
            if let Some(made) = self.grow(move |connection| insert(connection, &by, &wish, copy)).await? {
                return Ok(made);
            }
        }
        Err(Error::unavailable("database", "what is copied changes too fast"))
    }

    async fn list(&self, tops: &[ReadGrant], most: u64) -> Result<Vec<TreeEntry>> {
        static ENTRIES: LazyLock<String> = LazyLock::new(|| entries(AMONG, LIVE_CHILDREN));
        let tops: Vec<NodeId> = tops.iter().map(|top| top.node().id).collect();
        let statement = Statement::new(ENTRIES.as_str(), vec![list(&tops), one_more(most)]);
        self.read(move |connection| {
            let rows: Vec<EntryRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(TreeEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}

/// Reads what a copy would add in the current state.
fn read(connection: &mut SqliteConnection, command: &Command, wish: &Copying) -> Outcome<TreeCopy> {
    let item = locate::renewed(connection, &wish.item)?;
    let to = locate::renewed(connection, &wish.to)?;
    wish.place(&item, &to)?;
    let copy = match item.node().content() {
        Some(content) => TreeCopy::of_file(command, wish, &to, content)?,
        None => {
            let rows: Vec<TreeRow> = tree(item.node().id, LIVE_CHILDREN).load(connection)?;
            TreeCopy::of_folder(command, wish, &to, rows)?
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
    wish: &Copying,
    copy: TreeCopy,
) -> Outcome<Option<Saved>> {
    let actor = wish.item.actor();
    let item = locate::renewed(connection, &wish.item)?;
    let to = locate::renewed(connection, &wish.to)?;
    let wanted = wish.place(&item, &to)?;
    if copy.content.is_none() {
        check_depth(to.located().depth_of_child_folder(), copy.height)?;
    }
    // Check this before anything is changed.
    if !may_refer(connection, &copy.blobs)? {
        return Ok(None);
    }
    let node = NewNode { id: copy.top, drive: to.drive(), parent: to.node().id, name: wanted, content: copy.content };
    let placement = place_by_name(connection, command, &to, &node, wish.conflict)?;
    let change = placement.change(ChangeKind::NodeCopied, &node);
    let (copy, kind) = match placement {
        Placement::Created(_) => (copy, ChangeKind::NodeCopied),
        Placement::Replaced(it) => (copy.in_place_of(it.file, it.revision), ChangeKind::FileReplaced),
    };
    refer_all(connection, &copy.blobs)?;
    for rows in copy.nodes.chunks(BATCH) {
        diesel::insert_into(nodes::table).values(rows).execute(connection)?;
    }
    for rows in copy.versions.chunks(BATCH) {
        diesel::insert_into(versions::table).values(rows).execute(connection)?;
    }
    let disposal = match copy.content {
        Some((version, _)) if kind == ChangeKind::FileReplaced => {
            prune_versions(connection, command, to.drive(), copy.top, version, wish.most_versions)?
        }
        _ => Disposal::default(),
    };
    charge_quota(connection, to.drive(), charge_of(&copy, kind == ChangeKind::NodeCopied, disposal.given_back))?;
    let made = locate::found(connection, copy.top, actor)?;
    if copy.content.is_none() {
        raise_reach(connection, &made, copy.height)?;
    }
    if kind == ChangeKind::NodeCopied {
        touch(connection, command, to.node().id)?;
    }
    log(connection, command, change)?;
    keep(connection, command, Answer::Made(&made))?;
    Ok(Some(Saved { located: made, freed: disposal.freed()? }))
}
