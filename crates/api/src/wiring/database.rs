use std::sync::Arc;

use anyhow::{Context, bail};
use clouddrive_domain::port::{NameKeyRepository, Probe, Repositories};
use clouddrive_postgres::{ConnectionParams, Target};
use clouddrive_sql::pool::PoolStatus;
use clouddrive_sqlite::ServerLock;
use secrecy::{ExposeSecret, SecretString};

use super::make_directories;
use crate::config::variables::{self, Variable};
use crate::config::{Config, ConfigError, DatabaseConfig, PostgresAddress, PostgresConfig};

/// Reports the usage of database connections.
pub(crate) type CountConnections = Arc<dyn Fn() -> PoolStatus + Send + Sync>;

/// An opened database.
#[derive(Clone)]
pub(super) struct Persistence {
    pub(super) repositories: Repositories,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) connections: CountConnections,
}

impl Persistence {
    fn from_store<S>(store: S, repositories: fn(Arc<S>) -> Repositories, count: fn(&S) -> PoolStatus) -> Self
    where
        S: Probe + 'static,
    {
        let store = Arc::new(store);
        Self {
            repositories: repositories(store.clone()),
            probe: store.clone(),
            connections: Arc::new(move || count(&store)),
        }
    }
}

/// Names whose keys are computed per transaction.
const NAME_KEY_BATCH: u32 = 500;

/// Opens the database, and brings its schema and name keys up to date.
pub(super) async fn open(config: &Config) -> anyhow::Result<Persistence> {
    let persistence = open_migrated(config).await?;
    // A single bad row must not prevent startup: the collector retries and logs it.
    if let Err(error) = refresh_name_keys(&*persistence.repositories.name_keys).await {
        tracing::error!(?error, "computing the keys of names failed");
    }
    Ok(persistence)
}

/// Computes the keys of all names written by an older version, in short transactions that do not block others.
async fn refresh_name_keys(name_keys: &dyn NameKeyRepository) -> anyhow::Result<()> {
    let mut refreshed = 0_u64;
    loop {
        let step = name_keys.refresh(NAME_KEY_BATCH).await.context("the keys of names")?;
        refreshed += u64::from(step);
        if step < NAME_KEY_BATCH {
            break;
        }
        if refreshed.is_multiple_of(100 * u64::from(NAME_KEY_BATCH)) {
            tracing::info!(refreshed, "computing the keys of names");
        }
    }
    if refreshed > 0 {
        tracing::info!(refreshed, "computed the keys of names");
    }
    Ok(())
}

async fn open_migrated(config: &Config) -> anyhow::Result<Persistence> {
    match &config.database {
        DatabaseConfig::Sqlite(path) => {
            let database = clouddrive_sqlite::Database::open(path, sqlite(config)).await;
            database
                .map(|database| {
                    Persistence::from_store(
                        database,
                        Repositories::from_store,
                        clouddrive_sqlite::Database::connections,
                    )
                })
                .with_context(|| format!("the database {}", path.display()))
        }
        DatabaseConfig::Postgres(settings) => {
            let options = postgres(config, settings)?;
            let database = clouddrive_postgres::Database::open(&options).await;
            database
                .map(|database| {
                    Persistence::from_store(
                        database,
                        Repositories::from_store,
                        clouddrive_postgres::Database::connections,
                    )
                })
                .with_context(|| format!("the database {}", options.target))
        }
    }
}

/// Opens the database without migrations.
pub(super) async fn open_current(config: &Config) -> anyhow::Result<Persistence> {
    match &config.database {
        DatabaseConfig::Sqlite(path) => {
            let database = clouddrive_sqlite::Database::open_current(path, sqlite(config)).await;
            database
                .map(|database| {
                    Persistence::from_store(
                        database,
                        Repositories::from_store,
                        clouddrive_sqlite::Database::connections,
                    )
                })
                .with_context(|| format!("the database {}", path.display()))
        }
        DatabaseConfig::Postgres(settings) => {
            let options = postgres(config, settings)?;
            let database = clouddrive_postgres::Database::open_current(&options).await;
            database
                .map(|database| {
                    Persistence::from_store(
                        database,
                        Repositories::from_store,
                        clouddrive_postgres::Database::connections,
                    )
                })
                .with_context(|| format!("the database {}", options.target))
        }
    }
}

/// Migrates the schema, computes missing name keys, and returns the applied migrations.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<Vec<String>> {
    let applied = migrate_schema(config).await?;
    refresh_name_keys(&*open_current(config).await?.repositories.name_keys).await?;
    Ok(applied)
}

async fn migrate_schema(config: &Config) -> anyhow::Result<Vec<String>> {
    match &config.database {
        DatabaseConfig::Sqlite(path) => Ok(clouddrive_sqlite::Database::migrate(path).await?),
        DatabaseConfig::Postgres(settings) => {
            let options = postgres(config, settings)?;
            let applied = clouddrive_postgres::Database::migrate(&options).await;
            applied.with_context(|| format!("the database {}", options.target))
        }
    }
}

/// Locks an embedded database against other servers until dropped, and creates its directory. PostgreSQL can be shared
/// by any number of servers and needs no lock.
pub(crate) fn lock(config: &Config) -> anyhow::Result<Option<ServerLock>> {
    make_directories(config)?;
    let DatabaseConfig::Sqlite(path) = &config.database else {
        return Ok(None);
    };
    let database = path.display();
    match ServerLock::acquire(path).with_context(|| format!("the lock of the database {database}"))? {
        Some(lock) => Ok(Some(lock)),
        None => bail!("another server uses the database {database}"),
    }
}

fn sqlite(config: &Config) -> clouddrive_sqlite::Options {
    clouddrive_sqlite::Options { readers: config.database_connections, wait: config.database_wait }
}

pub(super) fn postgres(
    config: &Config,
    settings: &PostgresConfig,
) -> Result<clouddrive_postgres::Options, ConfigError> {
    let url = |variable: &Variable, url: &SecretString| {
        let unusable = |error| ConfigError::new(variable.name, format!("is not usable: {error}"));
        url.expose_secret().parse::<Target>().map_err(unusable)
    };
    let target = match &settings.address {
        PostgresAddress::Url(address) => url(&variables::DATABASE_URL, address)?,
        PostgresAddress::Parts { host, port, database, user, password, ssl_mode, ssl_root_cert } => {
            let parts = ConnectionParams {
                host: host.clone(),
                port: Some(*port),
                database: database.clone(),
                user: user.clone(),
                password: password.as_ref().map(|password| password.expose_secret().to_owned()),
                sslmode: ssl_mode.clone(),
                sslrootcert: ssl_root_cert.clone(),
            };
            Target::try_from(parts)
                .map_err(|error| ConfigError::new(variables::DATABASE.name, format!("is not usable: {error}")))?
        }
    };
    let migration_target = match &settings.migration_url {
        Some(address) => Some(url(&variables::MIGRATION_DATABASE_URL, address)?),
        None => None,
    };
    Ok(clouddrive_postgres::Options {
        migration_target,
        pool_size: config.database_connections,
        wait: config.database_wait,
        connect_timeout: settings.connect,
        start_wait: config.startup,
        statement_timeout: settings.statement,
        lock_timeout: settings.statement,
        prepared_statements: settings.prepared_statements,
        ..clouddrive_postgres::Options::new(target)
    })
}
