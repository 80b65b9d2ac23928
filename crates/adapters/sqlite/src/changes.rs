use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId, RequestId, Timestamp};
use clouddrive_domain::port::Changes;
use diesel::prelude::*;

use crate::Database;
use crate::fault::{Fault, Outcome};
use crate::schema::changes;
use crate::types::{DbId, bad_row, bytes, size};

/// Adds the row that tells of a mutation, in that mutation's own transaction.
pub(crate) fn log(
    connection: &mut SqliteConnection,
    command: &Command,
    kind: ChangeKind,
    drive: Option<DriveId>,
    node: Option<NodeId>,
) -> Outcome<()> {
    diesel::insert_into(changes::table)
        .values((
            changes::kind.eq(kind.as_str()),
            changes::drive_id.eq(drive.map(DbId::from)),
            changes::node_id.eq(node.map(DbId::from)),
            changes::actor_id.eq(command.actor.map(DbId::from)),
            changes::request_id.eq(command.request.as_str()),
            changes::at.eq(command.at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes, check_for_backend(diesel::sqlite::Sqlite))]
struct ChangeRow {
    sequence: i64,
    kind: String,
    drive_id: Option<DbId>,
    node_id: Option<DbId>,
    actor_id: Option<DbId>,
    request_id: String,
    at: i64,
}

impl TryFrom<ChangeRow> for Change {
    type Error = Fault;

    fn try_from(row: ChangeRow) -> Outcome<Self> {
        let bad = |what| bad_row("changes", row.sequence, what);
        Ok(Self {
            sequence: size(row.sequence),
            kind: ChangeKind::parse(&row.kind).ok_or_else(|| bad("kind"))?,
            drive: row.drive_id.map(Into::into),
            node: row.node_id.map(Into::into),
            command: Command {
                actor: row.actor_id.map(Into::into),
                at: Timestamp::from_millis(row.at),
                request: RequestId::parse(&row.request_id).ok_or_else(|| bad("request_id"))?,
            },
        })
    }
}

#[async_trait]
impl Changes for Database {
    async fn read_after(&self, sequence: u64, most: u32) -> Result<Vec<Change>> {
        self.read(move |connection| {
            let rows = changes::table
                .filter(changes::sequence.gt(bytes(sequence)))
                .order(changes::sequence)
                .limit(most.into())
                .select(ChangeRow::as_select())
                .load(connection)?;
            rows.into_iter().map(Change::try_from).collect()
        })
        .await
    }
}
