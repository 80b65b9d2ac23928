use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId};
use clouddrive_domain::port::ChangeRepository;
use clouddrive_sql::changes::{ChangeRow, NewChangeRow};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::changes;
use clouddrive_sql::types::bytes;
use diesel::prelude::*;

use crate::Database;

/// Adds the log entry of a mutation, in the mutation's own transaction.
pub(crate) fn record_change(
    connection: &mut SqliteConnection,
    command: &Command,
    kind: ChangeKind,
    drive: Option<DriveId>,
    node: Option<NodeId>,
) -> Result<(), SqlError> {
    diesel::insert_into(changes::table).values(NewChangeRow::new(command, kind, drive, node)).execute(connection)?;
    Ok(())
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read_after(&self, sequence: u64, max: u32) -> Result<Vec<Change>> {
        self.read(move |connection| {
            let rows = changes::table
                .filter(changes::sequence.gt(bytes(sequence)))
                .order(changes::sequence)
                .limit(max.into())
                .select(ChangeRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(Change::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}
