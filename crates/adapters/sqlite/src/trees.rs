use std::sync::LazyLock;

use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Answer, ChangeKind, Command, Located, NodeId, ReadGrant, check_depth};
use clouddrive_domain::port::{Copying, TreeEntry, Trees};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::names::NewNode;
use clouddrive_sql::schema::{nodes, versions};
use clouddrive_sql::statement::Statement;
use clouddrive_sql::trees::{BATCH, EntryRow, TreeCopy, TreeRow, entries, one_more, tree};
use diesel::prelude::*;

use crate::Database;
use crate::blob_records::refer_all;
use crate::changes::log;
use crate::drive::raise_reach;
use crate::locate::{self, AMONG, list};
use crate::receipts::keep;
use crate::uploads::{charge, name};

#[async_trait]
impl Trees for Database {
    async fn copy(&self, command: &Command, copying: &Copying) -> Result<Located> {
        let (command, wish) = (command.clone(), copying.clone());
        self.grow(move |connection| copy(connection, &command, &wish)).await
    }

    async fn list(&self, tops: &[ReadGrant], most: u64) -> Result<Vec<TreeEntry>> {
        static ENTRIES: LazyLock<String> = LazyLock::new(|| entries(AMONG));
        let tops: Vec<NodeId> = tops.iter().map(|top| top.node().id).collect();
        let statement = Statement::new(ENTRIES.as_str(), vec![list(&tops), one_more(most)]);
        self.read(move |connection| {
            let rows: Vec<EntryRow> = statement.load(connection)?;
            Ok(rows.into_iter().map(TreeEntry::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}

fn copy(connection: &mut SqliteConnection, command: &Command, wish: &Copying) -> Outcome<Located> {
    let actor = wish.item.actor();
    let item = locate::renewed(connection, &wish.item)?;
    let to = locate::renewed(connection, &wish.to)?;
    let wanted = wish.place(&item, &to)?;
    let copy = match item.node().content() {
        Some(content) => TreeCopy::of_file(command, wish, &to, content)?,
        None => {
            let rows: Vec<TreeRow> = tree(item.node().id).load(connection)?;
            let copy = TreeCopy::of_folder(command, wish, &to, rows)?;
            check_depth(to.located().depth_of_child_folder(), copy.height)?;
            copy
        }
    };
    let node = NewNode { id: copy.top, drive: to.drive(), parent: to.node().id, name: wanted, content: copy.content };
    let ((top, revision), freed) = name(connection, command, actor, &node, wish.conflict, wish.most_versions)?;
    let (copy, kind) = if top == copy.top {
        (copy, ChangeKind::NodeCopied)
    } else {
        (copy.in_place_of(top, revision), ChangeKind::FileReplaced)
    };
    refer_all(connection, &copy.blobs)?;
    for rows in copy.nodes.chunks(BATCH) {
        diesel::insert_into(nodes::table).values(rows).execute(connection)?;
    }
    for rows in copy.versions.chunks(BATCH) {
        diesel::insert_into(versions::table).values(rows).execute(connection)?;
    }
    charge(connection, to.drive(), 0, copy.bytes, freed)?;
    let made = locate::found(connection, top, actor)?;
    if copy.content.is_none() {
        raise_reach(connection, &made, copy.height)?;
    }
    log(connection, command, kind, Some(to.drive()), Some(top))?;
    keep(connection, command, Answer::Made(&made))?;
    Ok(made)
}
