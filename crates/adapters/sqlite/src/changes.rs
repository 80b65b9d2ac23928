use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    Change, ChangeBatch, ChangeBounds, ChangePosition, Command, DriveId, Timestamp, count_prunable,
};
use clouddrive_domain::port::ChangeRepository;
use clouddrive_sql::changes::{self as rows, AgeRow, BoundsRow, ChangeRow, NewChangeRow};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::changes;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use diesel::prelude::*;

use crate::Database;

/// Selects the [`BoundsRow`]. There is one writer, so entries are committed in the order of their numbers.
const BOUNDS: &str = "SELECT epoch, 0 AS pruned_xid, pruned_id, 0 AS end_xid,
        max(pruned_id, coalesce((SELECT max(sequence) FROM changes), 0)) AS end_id
    FROM change_log";

/// Adds the log entry of a mutation, in the mutation's own transaction.
pub(crate) fn record_change(
    connection: &mut SqliteConnection,
    command: &Command,
    change: Change,
) -> Result<(), SqlError> {
    diesel::insert_into(changes::table).values(NewChangeRow::new(command, change)).execute(connection)?;
    Ok(())
}

fn bounds(connection: &mut SqliteConnection) -> Result<ChangeBounds, SqlError> {
    let row: BoundsRow = Statement::new(BOUNDS, vec![]).get_result(connection)?;
    Ok(row.into())
}

fn read(
    connection: &mut SqliteConnection,
    drive: Option<DriveId>,
    after: ChangePosition,
    max: u32,
) -> Result<ChangeBatch, SqlError> {
    let bounds = bounds(connection)?;
    bounds.require(after)?;
    let range = ("sequence > ?", vec![Parameter::Integer(bytes(after.entry))]);
    let found: Vec<ChangeRow> =
        rows::read("0 AS xid, sequence AS id", range, drive, "sequence", max).load(connection)?;
    Ok(ChangeBatch::new(rows::logged(found, &bounds)?, after, bounds, max))
}

fn prune(connection: &mut SqliteConnection, before: Timestamp, max: u32) -> Result<u32, SqlError> {
    let text = "SELECT 0 AS xid, sequence AS id, at FROM changes ORDER BY sequence LIMIT ?";
    let mut oldest: Vec<AgeRow> = Statement::new(text, vec![Parameter::Integer(max.into())]).load(connection)?;
    oldest.truncate(count_prunable(oldest.iter().map(AgeRow::time), before));
    let Some(last) = oldest.last() else {
        return Ok(0);
    };
    let last = vec![Parameter::Integer(last.id)];
    let gone = Statement::new("DELETE FROM changes WHERE sequence <= ?", last.clone()).execute(connection)?;
    Statement::new("UPDATE change_log SET pruned_id = ?", last).execute(connection)?;
    Ok(u32::try_from(gone).unwrap_or(max))
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read(&self, drive: Option<DriveId>, after: ChangePosition, max: u32) -> Result<ChangeBatch> {
        // Both queries see the same state: what is pruned between them would be missed.
        self.snapshot(move |connection| read(connection, drive, after, max)).await
    }

    async fn end(&self) -> Result<ChangePosition> {
        Ok(self.read(bounds).await?.end)
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        self.write_bulk(move |connection| prune(connection, before, max)).await
    }
}
