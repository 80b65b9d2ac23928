use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::port::NameKeyRepository;
use clouddrive_sql::dialect::Dialect;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::name_keys::{KeylessRow, keyless};
use clouddrive_sql::names::NameColumns;
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::update;
use diesel::prelude::QueryDsl;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join_all;

use crate::Database;
use crate::search::Postgres;
use crate::transaction::TxMode;

async fn refresh(mut connection: &AsyncPgConnection, max: u32) -> Result<u32, SqlError> {
    // Skip rows that other instances are working on.
    let statement = keyless(Postgres::KEYS_MISSING, max).before("FOR UPDATE SKIP LOCKED");
    let rows: Vec<KeylessRow> = statement.load(&mut connection).await?;
    let names = rows.iter().map(|row| Ok((row.id(), NameColumns::from(&row.name()?)))).collect::<Result<Vec<_>>>()?;
    // The updates are pipelined.
    let update = async |(id, columns)| {
        let mut connection = connection;
        update(nodes::table.find(id)).set(columns).execute(&mut connection).await
    };
    try_join_all(names.into_iter().map(update)).await?;
    Ok(u32::try_from(rows.len()).unwrap_or(max))
}

#[async_trait]
impl NameKeyRepository for Database {
    async fn refresh(&self, max: u32) -> Result<u32> {
        let work = async move |connection: &AsyncPgConnection| refresh(connection, max).await;
        self.write(TxMode::Write, work).await
    }
}
