//! The composition root: the only module that names concrete adapters.

mod blobs;
mod database;
mod doctor;
mod secrets;
mod services;
mod verify;

use std::fs::DirBuilder;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clouddrive_auth::{Argon2Passwords, JwtTokens, MacLinkAccess, MasterKey, Purpose, SealedLinkTokens};
use clouddrive_disk::DiskUrls;
use clouddrive_domain::port::Repositories;
use clouddrive_domain::service::{
    AdministrationService, BlobRemover, CollectorSettings, CollectorStores, EndedUploads, GarbageCollector, JobQueue,
    PurgeService, ServiceContext,
};
use clouddrive_jobs::JobServices;
use clouddrive_rest::{ArchiveUrls, Cursors, Services};

use self::blobs::Blobs;
use self::database::Persistence;
use crate::config::{Algorithm, BlobsConfig, Config, DatabaseConfig, SecretKey, cores};
use crate::system::{OsRandom, SystemClock};
use crate::telemetry::audit::TracingAuditLog;

pub(crate) use self::database::{CountConnections, lock, migrate};
pub(crate) use self::doctor::doctor;
pub(crate) use self::secrets::with_secret;
pub(crate) use self::verify::verify;

/// The issuer and audience of access tokens.
const ISSUER: &str = "clouddrive";

/// The number of callers that may wait per concurrent password hash.
const QUEUE_PER_CORE: usize = 64;

/// The opened stores.
pub(crate) struct Backends {
    persistence: Persistence,
    blobs: Blobs,
    context: ServiceContext,
}

impl Backends {
    /// Opens the stores, creates missing ones, and migrates the database's schema.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::with(config, database::open(config).await?).await
    }

    /// Opens the stores without migrations, e.g. beside a running server.
    pub(crate) async fn open_current(config: &Config) -> anyhow::Result<Self> {
        Self::with(config, database::open_current(config).await?).await
    }

    async fn with(config: &Config, persistence: Persistence) -> anyhow::Result<Self> {
        let blobs = Blobs::open(config).await?;
        Ok(Self { persistence, blobs, context: system_context() })
    }

    /// Creates the collector.
    pub(crate) fn collector(&self, config: &Config) -> GarbageCollector {
        let stores = CollectorStores::new(self.persistence.repositories.clone(), self.blobs.stores());
        let settings = CollectorSettings {
            grace: config.collect_grace,
            trash_retention: config.trash_retention,
            changes_retention: config.changes_retention,
        };
        GarbageCollector::new(stores, self.context.clone(), settings)
    }

    /// Creates the queue of background jobs.
    pub(crate) fn job_queue(&self) -> JobQueue {
        JobQueue::new(self.persistence.repositories.jobs.clone(), self.context.clone())
    }

    /// Creates the services that do the work of background jobs.
    pub(crate) fn job_services(&self) -> JobServices {
        let Repositories { trash, uploads, records, .. } = self.persistence.repositories.clone();
        let remover = BlobRemover::new(records, self.blobs.stores());
        JobServices {
            purges: PurgeService::new(trash, remover.clone(), self.context.clone()),
            ended: EndedUploads::new(uploads, remover),
        }
    }

    pub(crate) fn context(&self) -> &ServiceContext {
        &self.context
    }

    /// The source of the database's connection metrics.
    pub(crate) fn connections(&self) -> CountConnections {
        self.persistence.connections.clone()
    }

    /// Creates the services; the local store's signed URLs start with `public_url`.
    pub(crate) fn services(&self, config: &Config, keys: &Keys, public_url: &str) -> anyhow::Result<Services> {
        services::Builder::new(self, config, keys, public_url)?.build()
    }
}

/// Creates the administration service, which needs only the database and runs no migrations, e.g. beside a running
/// server.
pub(crate) async fn administration(config: &Config) -> anyhow::Result<(AdministrationService, ServiceContext)> {
    let Repositories { users, accounts, .. } = database::open_current(config).await?.repositories;
    let context = system_context();
    Ok((AdministrationService::new(users, accounts, Arc::new(passwords()?), context.clone()), context))
}

pub(crate) fn system_context() -> ServiceContext {
    ServiceContext::new(Arc::new(SystemClock), Arc::new(OsRandom), Arc::new(TracingAuditLog))
}

fn passwords() -> anyhow::Result<Argon2Passwords> {
    let at_once = cores();
    Ok(Argon2Passwords::new(at_once, at_once * QUEUE_PER_CORE)?)
}

/// Describes where the data are stored, for the startup message.
pub(crate) fn describe_storage(config: &Config) -> String {
    let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    let database = match &config.database {
        DatabaseConfig::Sqlite(path) => full(path),
        DatabaseConfig::Postgres(_) => "PostgreSQL".to_owned(),
    };
    match &config.blobs {
        BlobsConfig::Disk(directory) if database.starts_with(&full(directory)) => full(directory),
        BlobsConfig::Disk(directory) => format!("{database}, {}", full(directory)),
        BlobsConfig::S3(bucket) => format!("{database}, S3 bucket {}", bucket.bucket),
    }
}

/// The key from which all others are derived, and the previous one, still accepted during key rotation.
pub(crate) struct Keys {
    current: MasterKey,
    former: Option<MasterKey>,
}

impl Keys {
    /// Reads the keys from the configuration, or else from the data directory.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let secret = match &config.secret_key {
            Some(secret) => secret.clone(),
            None => SecretKey::in_directory(&config.data_dir, &OsRandom)?,
        };
        let key = |secret: &SecretKey| MasterKey::new(secret.expose()).map_err(anyhow::Error::msg);
        let former = config.previous_secret_key.as_ref().map(key).transpose()?;
        Ok(Self { current: key(&secret)?, former })
    }

    fn former(&self, purpose: Purpose) -> Option<[u8; 32]> {
        self.former.as_ref().map(|key| key.derive(purpose))
    }

    fn tokens(&self, configured: Algorithm) -> JwtTokens {
        let tokens = JwtTokens::new(&self.current, algorithm(configured), ISSUER, ISSUER);
        self.former.iter().fold(tokens, JwtTokens::accepting)
    }

    fn urls(&self, public_url: &str) -> DiskUrls {
        let urls = DiskUrls::new(public_url, self.current.derive(Purpose::SignedUrls));
        self.former(Purpose::SignedUrls).into_iter().fold(urls, DiskUrls::accepting)
    }

    fn link_tokens(&self) -> clouddrive_domain::Result<SealedLinkTokens> {
        let tokens = SealedLinkTokens::new(self.current.derive(Purpose::LinkTokens))?;
        self.former(Purpose::LinkTokens).into_iter().try_fold(tokens, SealedLinkTokens::accepting)
    }

    fn link_access(&self) -> MacLinkAccess {
        let access = MacLinkAccess::new(self.current.derive(Purpose::LinkAccess));
        self.former(Purpose::LinkAccess).into_iter().fold(access, MacLinkAccess::accepting)
    }

    fn archive_urls(&self, public_url: &str) -> ArchiveUrls {
        let (current, former) = (self.current.derive(Purpose::ArchiveUrls), self.former(Purpose::ArchiveUrls));
        ArchiveUrls::new(public_url, current, former)
    }

    fn cursors(&self) -> Cursors {
        let cursors = Cursors::new(self.current.derive(Purpose::Cursors));
        self.former(Purpose::Cursors).into_iter().fold(cursors, Cursors::accepting)
    }
}

const fn algorithm(configured: Algorithm) -> clouddrive_auth::Algorithm {
    match configured {
        Algorithm::Hs256 => clouddrive_auth::Algorithm::Hs256,
        Algorithm::Hs384 => clouddrive_auth::Algorithm::Hs384,
        Algorithm::Hs512 => clouddrive_auth::Algorithm::Hs512,
    }
}

/// Creates the data directory with mode 0700, if anything is stored there.
fn make_directories(config: &Config) -> anyhow::Result<()> {
    let needed = config.secret_key.is_none()
        || matches!(&config.database, DatabaseConfig::Sqlite(path) if path.starts_with(&config.data_dir))
        || matches!(&config.blobs, BlobsConfig::Disk(path) if path.starts_with(&config.data_dir));
    if !needed {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let path = &config.data_dir;
    builder.create(path).with_context(|| format!("cannot make the directory {}", path.display()))
}
