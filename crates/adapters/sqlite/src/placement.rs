//! Where a new item goes: into its folder by its name, or into the file that has this name.

use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, Grant, NodeId, NodeKind, NodeState, VersionId, authorize,
};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::{NameConflict, NewNode};
use clouddrive_sql::placement::{PlacementOutcome, Replaced};
use diesel::prelude::*;

use crate::content::set_current_version;
use crate::locate;
use crate::names::{existing_entry, first_free, insert};

/// Adds `node` to the granted folder, or makes it the content of the file that has its name. The caller inserts the
/// version, and prunes those over the limit.
pub(crate) fn place_by_name(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    node: &NewNode<'_>,
    conflict: ConflictPolicy,
) -> Result<PlacementOutcome, SqlError> {
    let Some(existing) = existing_entry(connection, node.parent, node.name)? else {
        insert(connection, command, node)?;
        return Ok(PlacementOutcome::Created(node.name.clone()));
    };
    match (conflict, node.content) {
        (ConflictPolicy::Keep, _) => {
            let free = first_free(connection, node.parent, node.name, node.kind())?;
            insert(connection, command, &NewNode { name: &free, ..*node })?;
            Ok(PlacementOutcome::Created(free))
        }
        (ConflictPolicy::Replace, Some(content)) if existing.item.kind == NodeKind::File => {
            replace(connection, command, folder, existing.item.id, content)
        }
        _ => Err(NameConflict {
            folder: node.parent,
            name: node.name.clone(),
            kind: node.kind(),
            existing: Some(existing),
        }
        .into()),
    }
}

/// Points `file` at the version that the caller inserts next.
fn replace(
    connection: &mut SqliteConnection,
    command: &Command,
    folder: &Grant,
    file: NodeId,
    (version, size): (VersionId, u64),
) -> Result<PlacementOutcome, SqlError> {
    let grant = authorize(locate::find(connection, file, folder.actor())?, Action::Replace)?;
    let revision = set_current_version(connection, command, &grant, (version, size))?;
    let media_type = grant.node().content().map(|content| content.media_type.clone());
    Ok(PlacementOutcome::Replaced(Replaced { file, revision, former: NodeState::from_node(grant.node()), media_type }))
}
