use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::port::NameKeyRepository;
use clouddrive_sql::dialect::Dialect;
use clouddrive_sql::error::SqlError;
use clouddrive_sql::name_keys::{KeylessRow, keyless};
use clouddrive_sql::names::NameColumns;
use clouddrive_sql::schema::nodes;
use clouddrive_sql::statement::update;
use diesel::prelude::*;

use crate::Database;
use crate::search::Sqlite;

fn refresh(connection: &mut SqliteConnection, max: u32) -> Result<u32, SqlError> {
    let rows: Vec<KeylessRow> = keyless(Sqlite::KEYS_MISSING, max).load(connection)?;
    for row in &rows {
        update(nodes::table.find(row.id())).set(NameColumns::from(&row.name()?)).execute(connection)?;
    }
    Ok(u32::try_from(rows.len()).unwrap_or(max))
}

#[async_trait]
impl NameKeyRepository for Database {
    async fn refresh(&self, max: u32) -> Result<u32> {
        // Use the writer only if there is something to write.
        let any = self.read(|connection| Ok(keyless(Sqlite::KEYS_MISSING, 1).load::<KeylessRow>(connection)?)).await?;
        if any.is_empty() {
            return Ok(0);
        }
        self.write_bulk(move |connection| refresh(connection, max)).await
    }
}
