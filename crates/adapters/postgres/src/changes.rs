use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{Change, ChangeKind, Command, DriveId, NodeId};
use clouddrive_domain::port::Changes;
use clouddrive_sql::changes::{ChangeRow, NewChangeRow};
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::schema::changes;
use clouddrive_sql::statement::{Parameter, Statement};
use clouddrive_sql::types::bytes;
use diesel::dsl::exists;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::unit::Begin;

/// Takes the advisory lock for numbering rows.
const NUMBERING: &str = "SELECT pg_advisory_xact_lock(1129072714, 2)";

/// The most rows numbered at once.
const BATCH: u64 = 10_000;

/// Adds the log entry of a mutation, in the mutation's own transaction.
pub(crate) async fn log(
    connection: &AsyncPgConnection,
    command: &Command,
    kind: ChangeKind,
    drive: Option<DriveId>,
    node: Option<NodeId>,
) -> Outcome<()> {
    log_all(connection, vec![NewChangeRow::new(command, kind, drive, node)]).await
}

/// Adds rows, in order.
pub(crate) async fn log_all(mut connection: &AsyncPgConnection, mut rows: Vec<NewChangeRow>) -> Outcome<()> {
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

async fn read(mut connection: &AsyncPgConnection, sequence: i64, most: u32) -> Outcome<Vec<Change>> {
    let rows = changes::table
        .filter(changes::sequence.gt(sequence))
        .order(changes::sequence)
        .limit(most.into())
        .select(ChangeRow::as_select())
        .load(&mut connection)
        .await?;
    Ok(rows.into_iter().map(Change::try_from).collect::<Result<_>>()?)
}

/// Whether there are committed rows without a number.
async fn is_any_unnumbered(mut connection: &AsyncPgConnection) -> Outcome<bool> {
    let unnumbered = changes::table.filter(changes::sequence.is_null());
    Ok(diesel::select(exists(unnumbered)).get_result(&mut connection).await?)
}

/// Numbers up to a [`BATCH`] of the committed rows, in the order in which they were made. Concurrent calls wait for
/// each other, so a row gets a number greater than any that can have been read.
async fn number(mut connection: &AsyncPgConnection) -> Outcome<()> {
    Statement::new(NUMBERING, vec![]).execute(&mut connection).await?;
    let text = "UPDATE changes SET sequence = numbered.sequence FROM (
            SELECT id, row_number() OVER (ORDER BY id) + (SELECT coalesce(max(sequence), 0) FROM changes) AS sequence
            FROM (SELECT id FROM changes WHERE sequence IS NULL ORDER BY id LIMIT ?) AS unnumbered
        ) AS numbered
        WHERE changes.id = numbered.id";
    Statement::new(text, vec![Parameter::Integer(bytes(BATCH))]).execute(&mut connection).await?;
    Ok(())
}

#[async_trait]
impl Changes for Database {
    async fn read_after(&self, sequence: u64, most: u32) -> Result<Vec<Change>> {
        let sequence = bytes(sequence);
        loop {
            let look = async move |connection: &AsyncPgConnection| {
                // In this order, so that rows numbered between the two are read.
                let more = is_any_unnumbered(connection).await?;
                Ok((read(connection, sequence, most).await?, more))
            };
            let (rows, more) = self.read(look).await?;
            if !more || rows.len() >= most as usize {
                return Ok(rows);
            }
            self.write(Begin::Write, async |connection: &AsyncPgConnection| number(connection).await).await?;
        }
    }
}
