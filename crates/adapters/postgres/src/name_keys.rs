use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::port::NameKeys;
use clouddrive_sql::dialect::Dialect;
use clouddrive_sql::fault::Outcome;
use clouddrive_sql::name_keys::{KeylessRow, keyless};
use clouddrive_sql::names::NameColumns;
use clouddrive_sql::schema::nodes;
use diesel::prelude::QueryDsl;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join_all;

use crate::Database;
use crate::search::Postgres;
use crate::unit::Begin;

async fn refresh(mut connection: &AsyncPgConnection, most: u32) -> Outcome<u32> {
    // Skip rows that other instances are working on.
    let statement = keyless(Postgres::WITHOUT_KEYS, most).before("FOR UPDATE SKIP LOCKED");
    let rows: Vec<KeylessRow> = statement.load(&mut connection).await?;
    let names = rows.iter().map(|row| Ok((row.id(), NameColumns::from(&row.name()?)))).collect::<Result<Vec<_>>>()?;
    // The updates are pipelined.
    let update = async |(id, columns)| {
        let mut connection = connection;
        diesel::update(nodes::table.find(id)).set(columns).execute(&mut connection).await
    };
    try_join_all(names.into_iter().map(update)).await?;
    Ok(u32::try_from(rows.len()).unwrap_or(most))
}

#[async_trait]
impl NameKeys for Database {
    async fn refresh(&self, most: u32) -> Result<u32> {
        let work = async move |connection: &AsyncPgConnection| refresh(connection, most).await;
        self.write(Begin::Write, work).await
    }
}
