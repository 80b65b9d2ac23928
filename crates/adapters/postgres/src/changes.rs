use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId};
use clouddrive_domain::port::ChangeRepository;
use clouddrive_sql::changes::{ChangeRow, NewChangeRow};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::schema::changes;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use diesel::dsl::exists;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::transaction::TxMode;

/// Takes the advisory lock for numbering rows.
const LOCK_NUMBERING: &str = "SELECT pg_advisory_xact_lock(1129072714, 2)";

/// The most rows numbered at once.
const BATCH: u64 = 10_000;

/// Adds the log entry of a mutation, in the mutation's own transaction.
pub(crate) async fn record_change(
    connection: &AsyncPgConnection,
    command: &Command,
    kind: ChangeKind,
    drive: Option<DriveId>,
    node: Option<NodeId>,
) -> Result<(), SqlError> {
    record_changes(connection, vec![NewChangeRow::new(command, kind, drive, node)]).await
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

async fn read(mut connection: &AsyncPgConnection, sequence: i64, max: u32) -> Result<Vec<Change>, SqlError> {
    let rows = changes::table
        .filter(changes::sequence.gt(sequence))
        .order(changes::sequence)
        .limit(max.into())
        .select(ChangeRow::as_select())
        .load(&mut connection)
        .await?;
    Ok(rows.into_iter().map(Change::try_from).collect::<Result<_>>()?)
}

/// Whether there are committed rows without a number.
async fn has_unnumbered_rows(mut connection: &AsyncPgConnection) -> Result<bool, SqlError> {
    let unnumbered = changes::table.filter(changes::sequence.is_null());
    Ok(diesel::select(exists(unnumbered)).get_result(&mut connection).await?)
}

/// Numbers up to a [`BATCH`] of the committed rows, in the order in which they were made. Concurrent calls wait for
/// each other, so a row gets a number greater than any that can have been read.
async fn number_rows(mut connection: &AsyncPgConnection) -> Result<(), SqlError> {
    Statement::new(LOCK_NUMBERING, vec![]).execute(&mut connection).await?;
    let text = "UPDATE changes SET sequence = numbered.sequence FROM (
            SELECT id, row_number() OVER (ORDER BY id) + (SELECT coalesce(max(sequence), 0) FROM changes) AS sequence
            FROM (SELECT id FROM changes WHERE sequence IS NULL ORDER BY id LIMIT ?) AS unnumbered
        ) AS numbered
        WHERE changes.id = numbered.id";
    Statement::new(text, vec![Parameter::Integer(bytes(BATCH))]).execute(&mut connection).await?;
    Ok(())
}

#[async_trait]
impl ChangeRepository for Database {
    async fn read_after(&self, sequence: u64, max: u32) -> Result<Vec<Change>> {
        let sequence = bytes(sequence);
        loop {
            let read_page = async move |connection: &AsyncPgConnection| {
                // In this order, so that rows numbered between the two are read.
                let more = has_unnumbered_rows(connection).await?;
                Ok((read(connection, sequence, max).await?, more))
            };
            let (rows, more) = self.read(read_page).await?;
            if !more || rows.len() >= max as usize {
                return Ok(rows);
            }
            self.write(TxMode::Write, async |connection: &AsyncPgConnection| number_rows(connection).await).await?;
        }
    }
}
