//! Names in a folder: giving one to a new node, who has it already, and which are free.

use std::collections::HashSet;

use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, NameTaken};
use clouddrive_domain::model::{Command, DriveId, ItemRef, KeepBoth, Name, NodeId, NodeKind, Revision, VersionId};
use diesel::prelude::*;

use crate::fault::{Constraint, Fault, Outcome, violated};
use crate::schema::nodes;
use crate::types::{DbId, bad_row, bytes, size};

#[diesel::declare_sql_function]
extern "SQL" {
    /// How many characters a text has.
    fn length(text: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// A folder or file that is being made.
pub(crate) struct NewNode<'a> {
    pub(crate) id: NodeId,
    pub(crate) drive: DriveId,
    pub(crate) parent: NodeId,
    pub(crate) name: &'a Name,
    /// A file's first version, and its size in bytes.
    pub(crate) content: Option<(VersionId, u64)>,
}

impl NewNode<'_> {
    /// Adds the node, made by the command's actor; the unique index decides whether it may have its name.
    pub(crate) fn insert(&self, connection: &mut SqliteConnection, command: &Command) -> Outcome<()> {
        let kind = if self.content.is_some() { NodeKind::File } else { NodeKind::Folder };
        let maker = command.actor.ok_or_else(|| Error::internal("database", "a node without a maker"))?;
        diesel::insert_into(nodes::table)
            .values((
                nodes::id.eq(DbId::from(self.id)),
                nodes::drive_id.eq(DbId::from(self.drive)),
                nodes::parent_id.eq(DbId::from(self.parent)),
                nodes::kind.eq(if kind == NodeKind::File { "file" } else { "folder" }),
                nodes::name.eq(self.name.as_str()),
                nodes::sort_key.eq(self.name.sort_key()),
                nodes::size_bytes.eq(self.content.map_or(0, |(_, size)| bytes(size))),
                nodes::version_id.eq(self.content.map(|(version, _)| DbId::from(version))),
                nodes::created_by.eq(DbId::from(maker)),
                nodes::created_at.eq(command.at.as_millis()),
                nodes::modified_at.eq(command.at.as_millis()),
            ))
            .execute(connection)
            .map_err(|fault| explain(connection, fault, self.parent, self.name, kind))?;
        Ok(())
    }
}

/// A live node that has a name which somebody wants.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) item: ItemRef,
    pub(crate) revision: Revision,
}

/// Who has `name` in `folder`.
pub(crate) fn holder(connection: &mut SqliteConnection, folder: NodeId, name: &Name) -> Outcome<Option<Holder>> {
    let row = nodes::table
        .filter(nodes::parent_id.eq(DbId::from(folder)))
        .filter(nodes::name.eq(name.as_str()))
        .filter(nodes::trashed_at.is_null())
        .select((nodes::id, nodes::kind, nodes::revision))
        .first::<(DbId, String, i64)>(connection)
        .optional()?;
    let Some((id, kind, revision)) = row else {
        return Ok(None);
    };
    let id = NodeId::from(id);
    let kind = match kind.as_str() {
        "folder" => NodeKind::Folder,
        "file" => NodeKind::File,
        _ => return Err(bad_row("nodes", id, "kind").into()),
    };
    let item = ItemRef { kind, id, name: name.clone() };
    Ok(Some(Holder { item, revision: Revision(size(revision)) }))
}

/// The first name that is free beside `wanted` in `folder`, for a node of `kind`.
pub(crate) fn first_free(
    connection: &mut SqliteConnection,
    folder: NodeId,
    wanted: &Name,
    kind: NodeKind,
) -> Outcome<Name> {
    for round in KeepBoth::new(wanted, kind) {
        let prefix = round.prefix();
        // A prefix ends in '(', and ')' is the character after it: what lies between begins with the prefix.
        let end = format!("{})", prefix.trim_end_matches('('));
        let taken: HashSet<String> = nodes::table
            .filter(nodes::parent_id.eq(DbId::from(folder)))
            .filter(nodes::trashed_at.is_null())
            .filter(nodes::name.ge(&prefix))
            .filter(nodes::name.lt(&end))
            .filter(length(nodes::name).eq(i32::try_from(round.length()).unwrap_or(i32::MAX)))
            .select(nodes::name)
            .load(connection)?
            .into_iter()
            .collect();
        if let Some(free) = round.first_free(&taken) {
            return Ok(free);
        }
    }
    Err(Error::internal("database", "no free name").into())
}

/// A name that somebody wanted and another node has. Which name is free beside it is for [`Taken::explain`] to find, once
/// the transaction is over: that may take a while, and nobody else should wait for it.
#[derive(Debug)]
pub(crate) struct Taken {
    folder: NodeId,
    holder: Holder,
    /// What was to have the name.
    kind: NodeKind,
}

impl Taken {
    /// What ends the transaction in which `holder` was found to have the name.
    pub(crate) fn fault(folder: NodeId, holder: Holder, kind: NodeKind) -> Fault {
        Fault::Taken(Box::new(Self { folder, holder, kind }))
    }

    /// The answer to whoever wanted the name.
    pub(crate) fn explain(self, connection: &mut SqliteConnection) -> Outcome<Error> {
        let suggested = first_free(connection, self.folder, &self.holder.item.name, self.kind)?;
        let taken = NameTaken { item: self.holder.item, revision: self.holder.revision, suggested };
        Ok(Error::Conflict(Conflict::NameTaken(Box::new(taken))))
    }
}

/// What a failed insert or update of a node's name amounts to: the constraint has decided who has the name.
pub(crate) fn explain(
    connection: &mut SqliteConnection,
    fault: diesel::result::Error,
    folder: NodeId,
    name: &Name,
    kind: NodeKind,
) -> Fault {
    if violated(&fault) != Some(Constraint::LiveName) {
        return fault.into();
    }
    match holder(connection, folder, name) {
        Ok(Some(holder)) => Taken::fault(folder, holder, kind),
        Ok(None) => fault.into(),
        Err(other) => other,
    }
}
