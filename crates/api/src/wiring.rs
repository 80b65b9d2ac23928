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
use clouddrive_domain::port::{Passwords, UrlSigner};
use clouddrive_domain::service::{
    AccountSettings, Accounts, Administration, Ambient, ArchiveStores, Archives, BlobRemover, Collector,
    CollectorSettings, CollectorStores, Contents, Copies, EndedUploads, Files, Folders, Idempotency, Links, Photos,
    Search, Shares, SignedBlobs, StoreTags, Throttling, Trash, UploadSettings, Uploads, UrlLifetimes, VersionSettings,
    VersionStores, Versions, Visits, Watching,
};
use clouddrive_http::slots::Slots;
use clouddrive_image::SquarePhotos;
use clouddrive_rest::{ArchiveUrls, Cursors, Digests, Part, Services, write_answer};

use self::blobs::Blobs;
use self::database::Persistence;
use crate::config::{Algorithm, BlobsConfig, Config, DatabaseConfig, SecretKey, cores};
use crate::system::{OsRandom, SystemClock};
use crate::telemetry::audit::LoggedTrail;
use crate::telemetry::throttle::Counted;

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
    ambient: Ambient,
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
        Ok(Self { persistence, blobs, ambient: system_ambient() })
    }

    /// Creates the collector.
    pub(crate) fn collector(&self, config: &Config) -> Collector {
        let Persistence {
            uploads,
            trash,
            records,
            links,
            link_downloads,
            sessions,
            throttle,
            receipts,
            chores,
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
            receipts,
            blobs,
            chores,
            name_keys,
            changes,
        };
        let settings = CollectorSettings {
            grace: config.collect_grace,
            trash_retention: config.trash_retention,
            changes_retention: config.changes_retention,
        };
        Collector::new(stores, self.ambient.clone(), settings)
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// The source of the database's connection metrics.
    pub(crate) fn connections(&self) -> CountConnections {
        self.persistence.connections.clone()
    }

    /// Creates the version service, with URLs signed by `signer`.
    fn versions(&self, config: &Config, signer: Arc<dyn UrlSigner>, tags: StoreTags) -> Versions {
        let Persistence { drive, versions, records, .. } = self.persistence.clone();
        let stores = VersionStores { versions, records, store: self.blobs.store(), signer, tags };
        let settings = VersionSettings {
            most: config.most_versions,
            url_lifetime: config.url_lifetime,
            intake_lifetime: config.upload_lifetime,
        };
        Versions::new(drive, stores, self.ambient.clone(), settings)
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
            receipts,
            probe,
            links,
            link_downloads,
            search,
            trees,
            ..
        } = self.persistence.clone();
        let (store, ambient) = (self.blobs.store(), self.ambient.clone());
        let doors = self.blobs.doors(public_url, keys);
        let cache = Arc::new(SessionCache::new(sessions.clone(), accounts));
        let throttling =
            if config.rate_limits { Throttling::new(Arc::new(Counted(throttle))) } else { Throttling::off() };
        let passwords: Arc<dyn Passwords> = Arc::new(passwords()?);
        let link_tokens = Arc::new(keys.link_tokens()?);
        let remover = BlobRemover::new(records.clone(), store.clone());
        let ended = EndedUploads::new(uploads.clone(), remover.clone());
        let accounts = Accounts::new(
            users.clone(),
            cache.clone(),
            cache.clone(),
            drive.clone(),
            passwords.clone(),
            Arc::new(keys.tokens(config.algorithm)),
            ended.clone(),
            throttling.clone(),
            ambient.clone(),
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
            most_open: config.most_open_uploads,
            part_bytes: config.part_bytes,
            max_parts: doors.max_parts,
            most_versions: config.most_versions,
        };
        let tags = match doors.gate {
            Some(_) => StoreTags::none(),
            None => StoreTags::of(store.clone(), records.clone()),
        };
        let contents = Contents::new(store.clone(), records.clone());
        let versions = self.versions(config, doors.signer.clone(), tags.clone());
        let photos = Photos::new(
            users.clone(),
            drive.clone(),
            records.clone(),
            store.clone(),
            doors.signer.clone(),
            Arc::new(SquarePhotos::new(PHOTOS_AT_ONCE, PHOTOS_WAITING)),
            ambient.clone(),
            config.url_lifetime,
        );
        let visits = Visits::new(
            drive.clone(),
            links.clone(),
            link_downloads,
            passwords.clone(),
            Arc::new(keys.link_access()),
            contents.clone(),
            tags.clone(),
            doors.signer.clone(),
            throttling.clone(),
            ambient.clone(),
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
        let links = Links::new(drive.clone(), links, link_tokens, passwords, ambient.clone(), public_url);
        let lifetimes = UrlLifetimes { download: config.url_lifetime, watch: config.watch_url_lifetime };
        let files = Files::new(drive.clone(), contents.clone(), tags, doors.signer, ambient.clone(), lifetimes);
        let archives = Archives::new(archive_stores, ambient.clone());
        let uploads = Uploads::new(
            drive.clone(),
            uploads,
            store.clone(),
            records.clone(),
            doors.direct,
            ambient.clone(),
            settings,
        );
        let uploads = match doors.staged {
            Some(staged) => uploads.with_staging(staged, records.clone()),
            None => uploads,
        };
        let watching =
            Watching { drive: drive.clone(), versions: self.persistence.versions.clone(), sessions: cache.clone() };
        let local = doors
            .gate
            .map(|(gate, parts)| Data::new(SignedBlobs::new(gate, store, parts, records, watching, ambient.clone())));
        Ok(Services {
            accounts: Data::new(accounts),
            folders: Data::new(Folders::new(drive.clone(), ended.clone(), ambient.clone())),
            files: Data::new(files),
            copies: Data::new(Copies::new(
                drive.clone(),
                trees,
                remover.clone(),
                ambient.clone(),
                config.most_versions,
            )),
            archives: Data::new(archives),
            archive_urls: Data::new(keys.archive_urls(public_url)),
            uploads: Data::new(uploads),
            search: Data::new(Search::new(drive.clone(), search)),
            trash: Data::new(Trash::new(
                drive.clone(),
                trash,
                remover,
                ended.clone(),
                ambient.clone(),
                config.trash_retention,
            )),
            versions: Data::new(versions),
            shares: Data::new(Shares::new(drive.clone(), shares, users, ended, throttling, ambient.clone())),
            links: Data::new(links),
            visits: Data::new(visits),
            photos: Data::new(photos),
            idempotency: Data::new(Idempotency::new(drive, receipts, Arc::new(write_answer), ambient.clone())),
            local,
            parts: Data::new(vec![
                Part { name: "database", probe },
                Part { name: "storage", probe: self.blobs.probe() },
            ]),
            ambient: Data::new(ambient),
            cursors: Data::new(keys.cursors()),
            digests: Data::new(Digests::new(keys.current.derive(Purpose::Receipts), keys.former(Purpose::Receipts))),
            bulk: Data::new(Slots::new(BULK_AT_ONCE, config.database_wait)),
        })
    }
}

/// Creates the administration service, which needs only the database and runs no migrations, e.g. beside a running
/// server.
pub(crate) async fn administration(config: &Config) -> anyhow::Result<(Administration, Ambient)> {
    let Persistence { users, accounts, .. } = database::open_current(config).await?;
    let ambient = system_ambient();
    Ok((Administration::new(users, accounts, Arc::new(passwords()?), ambient.clone()), ambient))
}

fn system_ambient() -> Ambient {
    Ambient::new(Arc::new(SystemClock), Arc::new(OsRandom), Arc::new(LoggedTrail))
}

fn passwords() -> anyhow::Result<Argon2Passwords> {
    let at_once = cores();
    Ok(Argon2Passwords::new(at_once, at_once * QUEUE_PER_CORE)?)
}

/// Describes where the data are stored, for the startup message.
pub(crate) fn whereabouts(config: &Config) -> String {
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
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
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
