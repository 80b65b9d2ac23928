//! The change log.

use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId, RequestId, Timestamp};
use clouddrive_domain::{Error, Result};
use diesel::prelude::*;

use crate::schema::changes;
use crate::types::{DbId, invalid_row, size};

/// A row of `changes` to be inserted.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub struct NewChangeRow {
    kind: &'static str,
    drive_id: Option<DbId>,
    node_id: Option<DbId>,
    actor_id: Option<DbId>,
    request_id: String,
    at: i64,
}

impl NewChangeRow {
    /// The log entry of a mutation of that `kind`.
    #[must_use]
    pub fn new(command: &Command, kind: ChangeKind, drive: Option<DriveId>, node: Option<NodeId>) -> Self {
        Self {
            kind: kind.as_str(),
            drive_id: drive.map(DbId::from),
            node_id: node.map(DbId::from),
            actor_id: command.actor.map(DbId::from),
            request_id: command.request.as_str().to_owned(),
            at: command.at.as_millis(),
        }
    }
}

/// A row of the change log.
#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
pub struct ChangeRow {
    sequence: i64,
    kind: String,
    drive_id: Option<DbId>,
    node_id: Option<DbId>,
    actor_id: Option<DbId>,
    request_id: String,
    at: i64,
}

impl TryFrom<ChangeRow> for Change {
    type Error = Error;

    fn try_from(row: ChangeRow) -> Result<Self> {
        let bad = |what| invalid_row("changes", row.sequence, what);
        Ok(Self {
            sequence: size(row.sequence),
            kind: ChangeKind::parse(&row.kind).ok_or_else(|| bad("kind"))?,
            drive: row.drive_id.map(Into::into),
            node: row.node_id.map(Into::into),
            command: Command {
                actor: row.actor_id.map(Into::into),
                at: Timestamp::from_millis(row.at),
                request: RequestId::parse(&row.request_id).ok_or_else(|| bad("request_id"))?,
                idempotency_record: None,
            },
        })
    }
}
