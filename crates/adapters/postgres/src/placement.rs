//! Where a new item goes: into its folder by its name, or into the file that has this name.

use clouddrive_domain::Error;
use clouddrive_domain::model::{
    Action, Command, ConflictPolicy, Grant, NodeId, NodeKind, NodeState, VersionId, authorize,
};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::names::{NameConflict, NewNode};
use clouddrive_sql::placement::{PlacementOutcome, Replaced};
use diesel_async::AsyncPgConnection;

use crate::content::set_current_version;
use crate::locate;
use crate::names::{insert, insert_beside, insert_if_free, lock_existing_entry};
use crate::retry::MAX_ATTEMPTS;

/// Adds `node` to the granted folder, or makes it the content of the file that has its name. The unique index decides
/// who gets the name, not a query. The caller inserts the version, and prunes those over the limit.
pub(crate) async fn place_by_name(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    node: &NewNode<'_>,
    conflict: ConflictPolicy,
) -> Result<PlacementOutcome, SqlError> {
    match (conflict, node.content) {
        (ConflictPolicy::Fail, _) | (ConflictPolicy::Replace, None) => {
            insert(connection, command, node).await?;
            Ok(PlacementOutcome::Created(node.name.clone()))
        }
        (ConflictPolicy::Keep, _) => Ok(PlacementOutcome::Created(insert_beside(connection, command, node).await?)),
        (ConflictPolicy::Replace, Some(content)) => {
            for _ in 0..MAX_ATTEMPTS {
                if insert_if_free(connection, command, node).await? {
                    return Ok(PlacementOutcome::Created(node.name.clone()));
                }
                match lock_existing_entry(connection, node.parent, node.name).await? {
                    Some(existing) if existing.item.kind == NodeKind::File => {
                        return replace(connection, command, folder, existing.item.id, content).await;
                    }
                    Some(existing) => return Err(NameConflict::for_file(node.parent, existing).into()),
                    None => {}
                }
            }
            Err(Error::unavailable("database", "a name is given up and taken again too fast").into())
        }
    }
}

/// Points the locked `file` at the version that the caller inserts next.
async fn replace(
    connection: &AsyncPgConnection,
    command: &Command,
    folder: &Grant,
    file: NodeId,
    (version, size): (VersionId, u64),
) -> Result<PlacementOutcome, SqlError> {
    let grant = authorize(locate::find(connection, file, folder.actor()).await?, Action::Replace)?;
    let revision = set_current_version(connection, command, &grant, (version, size)).await?;
    let media_type = grant.node().content().map(|content| content.media_type.clone());
    Ok(PlacementOutcome::Replaced(Replaced { file, revision, former: NodeState::from_node(grant.node()), media_type }))
}
