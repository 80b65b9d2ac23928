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
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::error::domain_error;
use crate::locate::array;
use crate::transaction::TxMode;

/// Selects the [`BoundsRow`]. Every transaction before the oldest running one has ended, so no entry of such a number
/// can appear any more; those of later ones are held back.
const BOUNDS: &str = "SELECT epoch, pruned_xid, pruned_id,
        CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) - 1 AS end_xid,
        9223372036854775807 AS end_id
    FROM change_log";

/// Adds the log entry of a mutation, in the mutation's own transaction.
pub(crate) async fn record_change(
    connection: &AsyncPgConnection,
    command: &Command,
    change: Change,
) -> Result<(), SqlError> {
    record_changes(connection, vec![NewChangeRow::new(command, change)]).await
}

/// Adds rows, in order.
pub(crate) async fn record_changes(
    mut connection: &AsyncPgConnection,
    mut rows: Vec<NewChangeRow>,
) -> Result<(), SqlError> {
    while rows.len() > 1 {
        let more = rows.split_off(rows.len().min(1_000));
        diesel::insert_into(changes::table).values(rows).execute(&mut connection).await?;
        rows = more;
    }
    // A single row is the common case, and its statement stays prepared.
    if let Some(row) = rows.pop() {
        diesel::insert_into(changes::table).values(row).execute(&mut connection).await?;
    }
    Ok(())
}

async fn bounds(mut connection: &AsyncPgConnection) -> Result<ChangeBounds, SqlError> {
    let row: BoundsRow = Statement::new(BOUNDS, vec![]).get_result(&mut connection).await?;
    Ok(row.into())
}

async fn read(
    mut connection: &AsyncPgConnection,
    drive: Option<DriveId>,
    after: ChangePosition,
    max: u32,
) -> Result<ChangeBatch, SqlError> {
    let bounds = bounds(connection).await?;
    bounds.require(after)?;
    let range =
        [after.transaction, after.entry, bounds.end.transaction].map(|number| Parameter::Integer(bytes(number)));
    let range = ("(xid, id) > (?, ?) AND xid <= ?", range.to_vec());
    let found: Vec<ChangeRow> = rows::read("xid, id", range, drive, "xid, id", max).load(&mut connection).await?;
    Ok(ChangeBatch::new(rows::logged(found, &bounds)?, after, bounds, max))
}

async fn prune(mut connection: &AsyncPgConnection, before: Timestamp, max: u32) -> Result<u32, SqlError> {
    let end = Parameter::Integer(bytes(bounds(connection).await?.end.transaction));
    // What has been pruned is skipped: its index entries stay until a vacuum.
    let text = "SELECT xid, id, at FROM changes
        WHERE (xid, id) > ((SELECT pruned_xid FROM change_log), (SELECT pruned_id FROM change_log)) AND xid <= ?
        ORDER BY xid, id LIMIT ?";
    let oldest = Statement::new(text, vec![end, Parameter::Integer(max.into())]);
    let mut oldest: Vec<AgeRow> = oldest.load(&mut connection).await?;
    oldest.truncate(count_prunable(oldest.iter().map(AgeRow::time), before));
    let Some(last) = oldest.last() else {
        return Ok(0);
    };
    let last = vec![Parameter::Integer(last.xid), Parameter::Integer(last.id)];
    let ids = array(oldest.iter().map(|row| row.id));
    let gone = Statement::new("DELETE FROM changes WHERE id = ANY (CAST(? AS bigint[]))", vec![ids]);
    let gone = gone.execute(&mut connection).await?;
    let text = "UPDATE change_log SET pruned_xid = ?, pruned_id = ? WHERE (pruned_xid, pruned_id) < (?, ?)";
    Statement::new(text, [last.clone(), last].concat()).execute(&mut connection).await?;
    Ok(u32::try_from(gone).unwrap_or(max))
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read(&self, drive: Option<DriveId>, after: ChangePosition, max: u32) -> Result<ChangeBatch> {
        // Both queries see the same state: what is pruned between them would be missed.
        let work = async move |connection: &AsyncPgConnection| read(connection, drive, after, max).await;
        self.run(TxMode::Snapshot, work).await.map_err(domain_error)
    }

    async fn end(&self) -> Result<ChangePosition> {
        Ok(self.read(async |connection: &AsyncPgConnection| bounds(connection).await).await?.end)
    }

    async fn prune(&self, before: Timestamp, max: u32) -> Result<u32> {
        let work = async move |connection: &AsyncPgConnection| prune(connection, before, max).await;
        self.write(TxMode::Write, work).await
    }
}
