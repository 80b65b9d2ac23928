use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clouddrive_domain::caller::caller;
use clouddrive_domain::port::Probe;
use clouddrive_domain::{Error, Result};
use clouddrive_sql::error::SqlError;
use clouddrive_sql::fair_semaphore::FairSemaphore;
use clouddrive_sql::pool::{ConnectionWait, PoolStatus, acquire};
use clouddrive_sql::statement::Statement;
use deadpool::Runtime;
use deadpool::managed::Pool;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connector::{Access, Connector, blocking};
use crate::error::domain_error;
use crate::names;
use crate::reserve::{Demand, DiskReserve};
use crate::writer::{Weight, Writer};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations/sqlite");

/// Options of a [`Database`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of connections that read.
    pub readers: usize,
    /// How long to wait for a connection before the database counts as unavailable.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 8, wait: Duration::from_secs(10) }
    }
}

/// An SQLite database, with one writing and several reading connections, none of which is used on an async thread.
///
/// It implements all persistence ports of the domain. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Writer>,
    readers: Pool<Connector>,
    reader_semaphore: FairSemaphore,
    reserve: Arc<DiskReserve>,
}

impl Database {
    /// Opens the database at `path`, creating it if there is none, and brings its schema up to date. Reserves disk
    /// space beside it, to be given up when the disk is full; a database with a current schema opens even on a full
    /// disk.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) and [`Internal`](Error::Internal), of the part `database`.
    pub async fn open(path: &Path, options: Options) -> Result<Self> {
        let reserve = Arc::new(DiskReserve::for_database(path));
        let refreshed = reserve.clone();
        let refresh = move || {
            refreshed.allocate_or_release();
            Ok(())
        };
        blocking(refresh.clone()).await.map_err(domain_error)?;
        Self::migrate(path).await?;
        blocking(refresh).await.map_err(domain_error)?;
        Self::connect(path, options, reserve)
    }

    /// Opens the database at `path` as it is, e.g. while a server may be using it.
    ///
    /// # Errors
    /// [`Internal`](Error::Internal), of the part `database`, if there is none or its schema is not up to date.
    pub async fn open_current(path: &Path, options: Options) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::internal("database", "there is no such file"));
        }
        let database = Self::connect(path, options, Arc::new(DiskReserve::for_database(path)))?;
        let current = database.read(|connection| {
            // Fails if no migration has ever run: a read-only connection cannot create the table of migrations.
            Ok(!connection.has_pending_migration(MIGRATIONS).unwrap_or(true))
        });
        if current.await? { Ok(database) } else { Err(Error::internal("database", "its schema is not up to date")) }
    }

    fn connect(path: &Path, options: Options, reserve: Arc<DiskReserve>) -> Result<Self> {
        let count = options.readers.max(1);
        let readers = Pool::builder(Connector::new(path, Access::Read))
            .max_size(count)
            .wait_timeout(Some(options.wait))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::internal("database", error))?;
        let writer = Connector::new(path, Access::Write);
        Ok(Self {
            writer: Arc::new(Writer::new(writer, reserve.clone(), options.wait)),
            readers,
            reader_semaphore: FairSemaphore::new(count, options.wait),
            reserve,
        })
    }

    /// Brings the schema of the database at `path` up to date, creating the file if there is none, and returns the
    /// names of the applied migrations.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn migrate(path: &Path) -> Result<Vec<String>> {
        let connector = Connector::new(path, Access::Write);
        let applied = blocking(move || {
            connector.create_private()?;
            let mut connection = connector.connect()?;
            // Processes that start at once take turns; the second finds nothing to do.
            let applied = connection.immediate_transaction(|connection| {
                let applied = connection
                    .run_pending_migrations(MIGRATIONS)
                    .map_err(|error| SqlError::Domain(Error::internal("database", error)))?;
                Ok::<_, SqlError>(applied.iter().map(ToString::to_string).collect())
            })?;
            Ok(applied)
        })
        .await;
        applied.map_err(domain_error)
    }

    /// The state of its connections, including the writer.
    #[must_use]
    pub fn connections(&self) -> PoolStatus {
        let all = PoolStatus::from_pool(&self.readers).plus(self.writer.status());
        PoolStatus { waiting: all.waiting + self.reader_semaphore.waiting(), ..all }
    }

    /// Runs `work` on a reading connection, without a transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        let wait = ConnectionWait::begin();
        let permit = self.reader_semaphore.acquire(caller()).await?;
        let mut connection = acquire(&self.readers, wait).await?;
        // Return the connection before the permit is released, even if the caller is gone.
        let work = move || {
            let _permit = permit;
            let outcome = work(&mut connection);
            drop(connection);
            outcome
        };
        blocking(work).await.map_err(domain_error)
    }

    /// Runs `work`, which reads with several statements that see the same state.
    pub(crate) async fn snapshot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.read(move |connection| connection.transaction(work)).await
    }

    /// Runs `work` in a transaction on the writing connection, atomically even if the caller is dropped meanwhile. On a
    /// full disk it uses the reserve. `work` MUST NOT begin a transaction of its own: if it panicked within one, all
    /// mutations that are committed together with it would fail.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Essential, Weight::Light, work).await
    }

    /// Like [`write`](Self::write), for `work` that adds permanent data: refused on a full disk.
    pub(crate) async fn write_growing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Growing, Weight::Light, work).await
    }

    /// Like [`write`](Self::write), for `work` that may change thousands of rows.
    pub(crate) async fn write_bulk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        self.transact(Demand::Essential, Weight::Bulk, work).await
    }

    /// Runs `work` in a transaction, as [`write`](Self::write) does.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        demand: Demand,
        weight: Weight,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T> {
        match self.writer.run(demand, weight, work).await {
            // Other writers need not wait while a free name is searched for.
            Err(SqlError::NameConflict(conflict)) => {
                Err(self.snapshot(|connection| names::conflict_error(connection, *conflict)).await?)
            }
            outcome => outcome.map_err(domain_error),
        }
    }
}

#[async_trait]
impl Probe for Database {
    async fn check(&self) -> Result<()> {
        let reserve = self.reserve.clone();
        self.read(move |connection| {
            Statement::new("SELECT 1 FROM users LIMIT 1", vec![]).execute(connection)?;
            reserve.admit(Demand::Growing)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::sync::Mutex;

    use clouddrive_conformance::{
        accounts, blob_records, changes, drive, idempotency_records, jobs, link_downloads, links, name_keys, search,
        sessions, shares, task_leases, throttle, trash, trees, uploads, users, versions,
    };
    use clouddrive_domain::port::Repositories;
    use diesel::connection::InstrumentationEvent;

    use super::*;

    #[derive(Default)]
    struct Recorded {
        executions: HashMap<String, usize>,
        prepared: HashSet<String>,
    }

    /// Statements that are not prepared: those of transactions, and those whose text has a list of varying length.
    fn is_exempt(text: &str) -> bool {
        let transactions = ["BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT"];
        // Of an empty list, diesel makes `1=0`.
        let lists = [" IN (?", "1=0"];
        transactions.iter().any(|word| text.starts_with(word)) || lists.iter().any(|list| text.contains(list))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn statements_of_mutations_are_prepared_once() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("clouddrive.db"), Options::default()).await.unwrap();
        let recorded = Arc::new(Mutex::new(Recorded::default()));
        let recorder = recorded.clone();
        let record = move |event: InstrumentationEvent<'_>| {
            let mut recorded = recorder.lock().unwrap();
            match event {
                InstrumentationEvent::StartQuery { query, .. } => {
                    let text = query.to_string();
                    let text = text.split(" -- binds: ").next().unwrap().to_owned();
                    *recorded.executions.entry(text).or_default() += 1;
                }
                InstrumentationEvent::CacheQuery { sql, .. } => {
                    recorded.prepared.insert(sql.to_owned());
                }
                _ => {}
            }
        };
        let instrument = move |connection: &mut SqliteConnection| {
            connection.set_instrumentation(record);
            Ok(())
        };
        database.write(instrument).await.unwrap();
        let store = Repositories::from_store(Arc::new(database));
        users::suite(&store).await;
        accounts::suite(&store).await;
        sessions::suite(&store).await;
        throttle::suite(&store).await;
        drive::suite(&store).await;
        trees::suite(&store).await;
        uploads::suite(&store).await;
        trash::suite(&store).await;
        versions::suite(&store).await;
        shares::suite(&store).await;
        links::suite(&store).await;
        link_downloads::suite(&store).await;
        search::suite(&store).await;
        name_keys::suite(&store).await;
        blob_records::suite(&store).await;
        changes::suite(&store).await;
        task_leases::suite(&store).await;
        jobs::suite(&store).await;
        idempotency_records::suite(&store).await;
        let recorded = recorded.lock().unwrap();
        assert!(recorded.executions.len() > 20);
        let again = recorded.executions.iter().filter(|(_, times)| **times > 1);
        let again: Vec<_> = again.filter(|(text, _)| !recorded.prepared.contains(*text) && !is_exempt(text)).collect();
        assert!(again.is_empty(), "{again:#?}");
    }
}
