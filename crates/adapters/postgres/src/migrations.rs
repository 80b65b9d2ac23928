//! Schema migrations.

use std::time::Duration;

use clouddrive_domain::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::deserialize::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::Bool;
use diesel::{QueryResult, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::client::{row, rows};
use crate::connector::{ConnectError, Connector, into_diesel};
use crate::options::Options;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations/postgres");

/// Tries to take the advisory lock for migrations, which then lasts as long as the connection.
const LOCK: &str = "SELECT pg_try_advisory_lock(1129072714, 1) AS held";

/// Fails unless the database is in UTF-8, because names of any script must be stored unchanged.
pub(crate) async fn require_utf8(client: &Client) -> Result<(), ConnectError> {
    let messages = client.simple_query("SELECT current_setting('server_encoding')").await?;
    let encoding = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    match encoding {
        Some("UTF8") => Ok(()),
        other => {
            Err(ConnectError::permanent(format!("the database is in {}: it must be in UTF8", other.unwrap_or("?"))))
        }
    }
}

/// The names of the migrations that have not been applied yet.
pub(crate) async fn pending(client: &Client) -> Result<Vec<String>> {
    let pending = pending_of(client).await?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

/// Applies the pending migrations, and returns their names.
pub(crate) async fn migrate(options: &Options) -> Result<Vec<String>> {
    let target = options.migration_target.as_ref().unwrap_or(&options.target);
    let (client, _) = Connector::new(target, options)?.client().await.map_err(|failure| failure.error)?;
    if pending_of(&client).await?.is_empty() {
        return Ok(Vec::new());
    }
    let [may_create] = row(&client, "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)").await?;
    if may_create != "t" {
        return Err(not_allowed("our role may not create tables"));
    }
    let connection = into_diesel(client).await.map_err(|failure| failure.error)?;
    let migrating = tokio::task::spawn_blocking(move || apply(connection));
    migrating.await.map_err(|error| Error::internal("database", error))?
}

fn apply(connection: AsyncPgConnection) -> Result<Vec<String>> {
    let mut connection = AsyncConnectionWrapper::<AsyncPgConnection>::from(connection);
    // Instances that start at once take turns; all but the first find nothing to do.
    lock(&mut connection).map_err(|error| Error::unavailable("database", error))?;
    let applied = connection.run_pending_migrations(MIGRATIONS).map_err(|error| {
        let text = error.to_string();
        let forbidden = text.contains("permission denied") || text.contains("must be owner");
        let extension = ["pg_trgm", "btree_gin"].iter().any(|name| text.contains(&format!("\"{name}\"")));
        match (extension, forbidden) {
            (true, _) => Error::internal("database", format!("{text}: {EXTENSIONS}")),
            (false, true) => not_allowed(&text),
            (false, false) => Error::internal("database", error),
        }
    })?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// Waits without limit for the lock while other instances migrate, and logs that.
fn lock(connection: &mut AsyncConnectionWrapper<AsyncPgConnection>) -> QueryResult<()> {
    connection.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0")?;
    for round in 0_u64.. {
        let row: LockRow = diesel::sql_query(LOCK).get_result(connection)?;
        if row.held {
            break;
        }
        if round % 25 == 0 {
            tracing::warn!("waiting for another instance to migrate the database schema");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Advice if an extension cannot be created. An early migration creates them for an index that a later one drops.
const EXTENSIONS: &str = "the schema needs the extensions pg_trgm and btree_gin, of PostgreSQL's own distribution \
     (contrib); the owner of the database may create them, or a superuser: CREATE EXTENSION pg_trgm; CREATE EXTENSION \
     btree_gin";

fn not_allowed(why: &str) -> Error {
    let advice = "have `clouddrive migrate` run by a role that may change the schema";
    Error::internal("database", format!("the schema is not up to date, and {why}: {advice}"))
}

/// The pending migrations. Needs only read access; works even if no migration has ever run.
async fn pending_of(client: &Client) -> Result<Vec<Box<dyn Migration<Pg>>>> {
    let [begun] = row(client, "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL").await?;
    let applied = match begun.as_str() {
        "t" => rows(client, "SELECT version FROM __diesel_schema_migrations").await?,
        _ => Vec::new(),
    };
    let ours = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| Error::internal("database", error))?;
    let is_applied = |migration: &dyn Migration<Pg>| {
        let version = migration.name().version().to_string();
        applied.iter().any(|[known]| *known == version)
    };
    Ok(ours.into_iter().filter(|migration| !is_applied(migration.as_ref())).collect())
}
