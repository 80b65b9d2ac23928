//! The composition root: the only module that names concrete adapters.

mod blobs;
mod database;
mod doctor;
mod secrets;
mod verify;

use std::fs::DirBuilder;
use std::path::Path;
use std::sync::Arc;

use actix_web::web::Data;
use anyhow::Context;
use clouddrive_auth::{Argon2Passwords, JwtTokens, MacLinkAccess, MasterKey, Purpose, SealedLinkTokens, SessionCache};
use clouddrive_disk::DiskUrls;
use clouddrive_domain::port::{Passwords, UrlPresigner};
use clouddrive_domain::service::{
    AccountService, AccountSettings, AdministrationService, ArchiveService, ArchiveStores, BlobRemover,
    CollectorSettings, CollectorStores, Contents, CopyService, EndedUploads, FileService, FolderService,
    GarbageCollector, IdempotencyService, LinkService, PhotoService, PublicLinkService, SearchService, ServiceContext,
    ShareService, SignedBlobService, StoreTags, Throttling, TrashService, UploadService, UploadSettings, UrlLifetimes,
    VersionService, VersionSettings, VersionStores, Watching,
};
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_image::SquarePhotos;
use clouddrive_rest::{ArchiveUrls, Cursors, Digests, HealthCheck, Services, encode_response};

use self::blobs::Blobs;
use self::database::Persistence;
use crate::config::{Algorithm, BlobsConfig, Config, DatabaseConfig, SecretKey, cores};
use crate::system::{OsRandom, SystemClock};
use crate::telemetry::audit::TracingAuditLog;
use crate::telemetry::throttle::MeteredThrottle;

pub(crate) use self::database::{CountConnections, lock, migrate};
pub(crate) use self::doctor::doctor;
pub(crate) use self::secrets::with_secret;
pub(crate) use self::verify::verify;

/// The issuer and audience of access tokens.
const ISSUER: &str = "clouddrive";

/// The number of callers that may wait per concurrent password hash.
const QUEUE_PER_CORE: usize = 64;

/// Profile photos processed at once (up to 500 MB each), and callers that may wait (5 MiB each).
const PHOTOS_AT_ONCE: usize = 1;
const PHOTOS_WAITING: usize = 15;

/// Concurrent copies and purges per user, on each instance.
const BULK_AT_ONCE: u32 = 4;

/// The opened stores.
pub(crate) struct Stores {
    persistence: Persistence,
    blobs: Blobs,
    context: ServiceContext,
}

impl Stores {
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
        let Persistence {
            uploads,
            trash,
            records,
            links,
            link_downloads,
            sessions,
            throttle,
            idempotency_records,
            task_leases,
            name_keys,
            changes,
            ..
        } = self.persistence.clone();
        let blobs = self.blobs.store();
        let stores = CollectorStores {
            uploads,
            trash,
            records,
            links,
            link_downloads,
            sessions,
            throttle,
            idempotency_records,
            blobs,
            task_leases,
            name_keys,
            changes,
        };
        let settings = CollectorSettings {
            grace: config.collect_grace,
            trash_retention: config.trash_retention,
            changes_retention: config.changes_retention,
        };
        GarbageCollector::new(stores, self.context.clone(), settings)
    }

    pub(crate) fn context(&self) -> &ServiceContext {
        &self.context
    }

    /// The source of the database's connection metrics.
    pub(crate) fn connections(&self) -> CountConnections {
        self.persistence.connections.clone()
    }

    /// Creates the version service, with URLs signed by `presigner`.
    fn versions(&self, config: &Config, presigner: Arc<dyn UrlPresigner>, tags: StoreTags) -> VersionService {
        let Persistence { drive, versions, records, .. } = self.persistence.clone();
        let stores = VersionStores { versions, records, store: self.blobs.store(), presigner, tags };
        let settings = VersionSettings {
            max: config.max_versions,
            url_lifetime: config.url_lifetime,
            upload_lifetime: config.upload_lifetime,
        };
        VersionService::new(drive, stores, self.context.clone(), settings)
    }

    /// Creates the services; the local store's signed URLs start with `public_url`.
    pub(crate) fn services(&self, config: &Config, keys: &Keys, public_url: &str) -> anyhow::Result<Services> {
        let Persistence {
            users,
            accounts,
            sessions,
            throttle,
            drive,
            uploads,
            trash,
            shares,
            records,
            idempotency_records,
            probe,
            links,
            link_downloads,
            search,
            trees,
            ..
        } = self.persistence.clone();
        let (store, context) = (self.blobs.store(), self.context.clone());
        let direct_access = self.blobs.direct_access(public_url, keys);
        let cache = Arc::new(SessionCache::new(sessions.clone(), accounts));
        let throttling =
            if config.rate_limits { Throttling::new(Arc::new(MeteredThrottle(throttle))) } else { Throttling::off() };
        let passwords: Arc<dyn Passwords> = Arc::new(passwords()?);
        let link_tokens = Arc::new(keys.link_tokens()?);
        let remover = BlobRemover::new(records.clone(), store.clone());
        let ended = EndedUploads::new(uploads.clone(), remover.clone());
        let accounts = AccountService::new(
            users.clone(),
            cache.clone(),
            cache.clone(),
            drive.clone(),
            passwords.clone(),
            Arc::new(keys.tokens(config.algorithm)),
            ended.clone(),
            throttling.clone(),
            context.clone(),
            AccountSettings {
                quota_bytes: config.quota_bytes,
                quota_entries: config.quota_entries,
                token_lifetime: config.token_lifetime,
                session_lifetime: config.session_lifetime,
                refresh_grace: config.refresh_grace,
            },
        );
        let settings = UploadSettings {
            lifetime: config.upload_lifetime,
            url_lifetime: config.url_lifetime,
            max_open: config.max_open_uploads,
            part_bytes: config.part_bytes,
            max_parts: direct_access.max_parts,
            max_versions: config.max_versions,
        };
        let tags = match direct_access.verifier {
            Some(_) => StoreTags::none(),
            None => StoreTags::new(store.clone(), records.clone()),
        };
        let contents = Contents::new(store.clone(), records.clone());
        let versions = self.versions(config, direct_access.presigner.clone(), tags.clone());
        let photos = PhotoService::new(
            users.clone(),
            drive.clone(),
            records.clone(),
            store.clone(),
            direct_access.presigner.clone(),
            Arc::new(SquarePhotos::new(PHOTOS_AT_ONCE, PHOTOS_WAITING)),
            context.clone(),
            config.url_lifetime,
        );
        let public_links = PublicLinkService::new(
            drive.clone(),
            links.clone(),
            link_downloads,
            passwords.clone(),
            Arc::new(keys.link_access()),
            contents.clone(),
            tags.clone(),
            direct_access.presigner.clone(),
            throttling.clone(),
            context.clone(),
            config.url_lifetime,
        );
        let archive_stores = ArchiveStores {
            drive: drive.clone(),
            trees: trees.clone(),
            contents: contents.clone(),
            records: records.clone(),
            sessions,
            links: links.clone(),
        };
        let links = LinkService::new(drive.clone(), links, link_tokens, passwords, context.clone(), public_url);
        let lifetimes = UrlLifetimes { download: config.url_lifetime, watch: config.watch_url_lifetime };
        let files = FileService::new(
            drive.clone(),
            contents.clone(),
            tags,
            direct_access.presigner,
            context.clone(),
            lifetimes,
        );
        let archives = ArchiveService::new(archive_stores, context.clone());
        let uploads = UploadService::new(
            drive.clone(),
            uploads,
            store.clone(),
            records.clone(),
            direct_access.direct,
            context.clone(),
            settings,
        );
        let uploads = match direct_access.staged {
            Some(staged) => uploads.with_staging(staged, records.clone()),
            None => uploads,
        };
        let watching =
            Watching { drive: drive.clone(), versions: self.persistence.versions.clone(), sessions: cache.clone() };
        let local = direct_access.verifier.map(|(verifier, parts)| {
            Data::new(SignedBlobService::new(verifier, store, parts, records, watching, context.clone()))
        });
        Ok(Services {
            accounts: Data::new(accounts),
            folders: Data::new(FolderService::new(drive.clone(), ended.clone(), context.clone())),
            files: Data::new(files),
            copies: Data::new(CopyService::new(
                drive.clone(),
                trees,
                remover.clone(),
                context.clone(),
                config.max_versions,
            )),
            archives: Data::new(archives),
            archive_urls: Data::new(keys.archive_urls(public_url)),
            uploads: Data::new(uploads),
            search: Data::new(SearchService::new(drive.clone(), search)),
            trash: Data::new(TrashService::new(
                drive.clone(),
                trash,
                remover,
                ended.clone(),
                context.clone(),
                config.trash_retention,
            )),
            versions: Data::new(versions),
            shares: Data::new(ShareService::new(drive.clone(), shares, users, ended, throttling, context.clone())),
            links: Data::new(links),
            public_links: Data::new(public_links),
            photos: Data::new(photos),
            idempotency: Data::new(IdempotencyService::new(
                drive,
                idempotency_records,
                Arc::new(encode_response),
                context.clone(),
            )),
            local,
            parts: Data::new(vec![
                HealthCheck { name: "database", probe },
                HealthCheck { name: "storage", probe: self.blobs.probe() },
            ]),
            context: Data::new(context),
            cursors: Data::new(keys.cursors()),
            digests: Data::new(Digests::new(keys.current.derive(Purpose::Receipts), keys.former(Purpose::Receipts))),
            bulk: Data::new(ConcurrencyLimit::new(BULK_AT_ONCE, config.database_wait)),
        })
    }
}

/// Creates the administration service, which needs only the database and runs no migrations, e.g. beside a running
/// server.
pub(crate) async fn administration(config: &Config) -> anyhow::Result<(AdministrationService, ServiceContext)> {
    let Persistence { users, accounts, .. } = database::open_current(config).await?;
    let context = system_context();
    Ok((AdministrationService::new(users, accounts, Arc::new(passwords()?), context.clone()), context))
}

fn system_context() -> ServiceContext {
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
