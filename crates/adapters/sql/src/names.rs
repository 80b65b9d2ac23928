//! Names in a folder: new nodes, existing entries, and free names.

use std::collections::HashSet;

use clouddrive_domain::error::{Conflict, NameTaken};
use clouddrive_domain::model::{
    CandidateBatch, Change, ChangeKind, Command, DriveId, ItemRef, Located, Name, Node, NodeBody, NodeId, NodeKind,
    NodeState, OrderKey, Revision, Step, Timestamp, UserRef, VersionId,
};
use clouddrive_domain::port::Registration;
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::schema::nodes;
use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, bytes, invalid_row, size};

/// A folder or file to be created.
pub struct NewNode<'a> {
    /// The identifier.
    pub id: NodeId,
    /// The drive.
    pub drive: DriveId,
    /// The folder that will contain it.
    pub parent: NodeId,
    /// The name.
    pub name: &'a Name,
    /// A file's first version, and its size in bytes.
    pub content: Option<(VersionId, u64)>,
}

impl NewNode<'_> {
    /// A file, or a folder.
    #[must_use]
    pub const fn kind(&self) -> NodeKind {
        if self.content.is_some() { NodeKind::File } else { NodeKind::Folder }
    }

    /// The change by which it was created, of that `kind`.
    #[must_use]
    pub fn created(&self, kind: ChangeKind) -> Change {
        let version = self.content.map(|(version, _)| version);
        Change::for_node(kind, self.drive, self.id).after(NodeState::created(self.parent, self.name, version))
    }

    /// The row of the node, created by the command's actor.
    ///
    /// # Errors
    /// If the command has no actor.
    pub fn row(&self, command: &Command) -> Result<NewNodeRow> {
        let creator = command.actor.ok_or_else(|| Error::internal("database", "a node without an actor"))?;
        Ok(NewNodeRow {
            id: self.id.into(),
            drive_id: self.drive.into(),
            parent_id: Some(self.parent.into()),
            kind: if self.kind() == NodeKind::File { "file" } else { "folder" },
            name: self.name.into(),
            size_bytes: self.content.map_or(0, |(_, size)| bytes(size)),
            version_id: self.content.map(|(version, _)| version.into()),
            created_by: creator.into(),
            created_at: command.at.as_millis(),
            modified_at: command.at.as_millis(),
        })
    }

    /// The node as its `creator` sees it when it is created at `at`; `parent` is the folder as the creator sees it.
    #[must_use]
    pub fn located(&self, mut parent: Located, creator: UserRef, body: NodeBody, at: Timestamp) -> Located {
        parent.lineage.insert(0, Step { id: self.id, name: self.name.clone(), trashed: false, share: None });
        parent.node = Node {
            id: self.id,
            drive: self.drive,
            parent: Some(self.parent),
            name: self.name.clone(),
            body,
            revision: Revision(1),
            created_by: creator,
            created_at: at,
            modified_at: at,
        };
        parent
    }
}

/// The name of a node with the keys computed from it.
#[derive(Clone, Insertable, AsChangeset)]
#[diesel(table_name = nodes, treat_none_as_default_value = false)]
pub struct NameColumns {
    name: String,
    sort_key: String,
    order_key: Vec<u8>,
    search_key: String,
}

impl From<&Name> for NameColumns {
    fn from(name: &Name) -> Self {
        Self {
            name: name.as_str().to_owned(),
            sort_key: name.sort_key(),
            order_key: OrderKey::new(name).as_bytes().to_vec(),
            search_key: name.search_key(),
        }
    }
}

/// A row of `nodes` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = nodes, treat_none_as_default_value = false)]
pub struct NewNodeRow {
    id: DbId,
    drive_id: DbId,
    parent_id: Option<DbId>,
    kind: &'static str,
    #[diesel(embed)]
    name: NameColumns,
    size_bytes: i64,
    version_id: Option<DbId>,
    created_by: DbId,
    created_at: i64,
    modified_at: i64,
}

impl NewNodeRow {
    /// The root of a new user's drive.
    #[must_use]
    pub fn root(new: &Registration) -> Self {
        Self {
            id: new.root.into(),
            drive_id: new.drive.into(),
            parent_id: None,
            kind: "root",
            name: (&Name::root()).into(),
            size_bytes: 0,
            version_id: None,
            created_by: new.user.id.into(),
            created_at: new.user.created_at.as_millis(),
            modified_at: new.user.created_at.as_millis(),
        }
    }
}

/// Sets the modification time of `folder` after a live node was added or removed at `at`. A root's time is only shown
/// in whole seconds, as that of an archive, so its contended row is written once a second at most. `lock` is an
/// optional locking clause for the folder.
#[must_use]
pub fn touch(folder: NodeId, at: Timestamp, lock: &str) -> Statement {
    let text = format!(
        "UPDATE nodes SET modified_at = ? WHERE id = (
            SELECT id FROM nodes
            WHERE id = ? AND (kind = 'folder' AND modified_at < ? OR kind = 'root' AND modified_at < ?) {lock})"
    );
    let (at, second) = (Parameter::Integer(at.as_millis()), Parameter::Integer(at.as_seconds() * 1000));
    Statement::new(text, vec![at.clone(), folder.into(), at, second])
}

/// The live node that has a requested name.
#[derive(Clone, Debug)]
pub struct ExistingEntry {
    /// The node.
    pub item: ItemRef,
    /// Its revision.
    pub revision: Revision,
}

/// The row of an [`ExistingEntry`].
#[derive(QueryableByName)]
pub struct ExistingEntryRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    revision: i64,
}

impl ExistingEntryRow {
    /// The node of the row, which has `name`.
    ///
    /// # Errors
    /// If the row is invalid.
    pub fn existing_entry(self, name: &Name) -> Result<ExistingEntry> {
        let id = NodeId::from(self.id);
        let kind = match self.kind.as_str() {
            "folder" => NodeKind::Folder,
            "file" => NodeKind::File,
            _ => return Err(invalid_row("nodes", id, "kind")),
        };
        Ok(ExistingEntry { item: ItemRef { kind, id, name: name.clone() }, revision: Revision(size(self.revision)) })
    }
}

/// Selects the [`ExistingEntryRow`] of `name` in `folder`.
#[must_use]
pub fn existing_entry(folder: NodeId, name: &Name) -> Statement {
    let text = "SELECT id, kind, revision FROM nodes WHERE parent_id = ? AND name = ? AND trashed_at IS NULL";
    Statement::new(text, vec![folder.into(), Parameter::Text(name.as_str().to_owned())])
}

/// The row of a name that is taken.
#[derive(QueryableByName)]
pub struct TakenNameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Selects the [`TakenNameRow`]s in `folder` of the names of `batch`.
#[must_use]
pub fn taken_names(folder: NodeId, batch: &CandidateBatch) -> Statement {
    let prefix = batch.prefix();
    // A prefix ends in '(', and ')' is the next character: names in this range begin with the prefix.
    let end = format!("{})", prefix.trim_end_matches('('));
    let text = "SELECT name FROM nodes
        WHERE parent_id = ? AND trashed_at IS NULL AND name >= ? AND name < ? AND length(name) = ?";
    let length = Parameter::Integer(bytes(batch.length() as u64));
    Statement::new(text, vec![folder.into(), Parameter::Text(prefix), Parameter::Text(end), length])
}

/// The first name of `batch` that is not `taken`; `own`, the name of the node that is to get one, counts as free.
#[must_use]
pub fn first_free(batch: &CandidateBatch, taken: Vec<TakenNameRow>, own: Option<&Name>) -> Option<Name> {
    let others = taken.into_iter().map(|row| row.name).filter(|name| own.is_none_or(|own| own.as_str() != name));
    let taken: HashSet<String> = others.collect();
    batch.first_free(&taken)
}

/// A requested name that another node has. The free name to suggest is searched for after the transaction: that may
/// take a while, and other writers must not wait for it.
#[derive(Clone, Debug)]
pub struct NameConflict {
    /// The folder.
    pub folder: NodeId,
    /// The name.
    pub name: Name,
    /// The kind of node that was to get the name.
    pub kind: NodeKind,
    /// The node that has it, if the transaction could still find it.
    pub existing: Option<ExistingEntry>,
}

impl NameConflict {
    /// A file was to get the name of `existing` in `folder`.
    #[must_use]
    pub fn for_file(folder: NodeId, existing: ExistingEntry) -> Self {
        Self { folder, name: existing.item.name.clone(), kind: NodeKind::File, existing: Some(existing) }
    }

    /// The error returned to the caller.
    #[must_use]
    pub fn error(existing: ExistingEntry, suggested: Name) -> Error {
        let taken = NameTaken { item: existing.item, revision: existing.revision, suggested };
        Error::Conflict(Conflict::NameTaken(Box::new(taken)))
    }
}
