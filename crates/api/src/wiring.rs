//! The one place that names concrete adapters and puts the house together.

use std::fs::DirBuilder;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clouddrive_auth::{Argon2Passwords, JwtTokens, MasterKey, Purpose};
use clouddrive_disk::{DiskStore, DiskUrls};
use clouddrive_domain::service::{
    AccountSettings, Accounts, Ambient, Collector, Files, Folders, Photos, Shares, SignedBlobs, UploadSettings, Uploads,
};
use clouddrive_image::SquarePhotos;
use clouddrive_sqlite::{Database, Options, ServerLock};

use crate::config::{Algorithm, Config, SecretKey, cores};
use crate::http::{App, Cursors, Part};
use crate::system::{OsRandom, SystemClock};

/// Who issues access tokens, and for whom.
const ISSUER: &str = "clouddrive";

/// How many callers may wait for a password hash, for each that is being made.
const QUEUE_PER_CORE: usize = 64;

/// How many profile photos are made at once, each in up to 500 MB, and how many callers may wait with 5 MiB each.
const PHOTOS_AT_ONCE: usize = 1;
const PHOTOS_WAITING: usize = 15;

/// The stores, open.
pub(crate) struct Stores {
    database: Arc<Database>,
    disk: Arc<DiskStore>,
    ambient: Ambient,
}

impl Stores {
    /// Opens the stores, makes those that are not there, and brings the database's schema up to date.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        make_directory(&config.data_dir)?;
        Self::with(config, Database::open(&config.database, options(config)).await)
    }

    /// Opens the stores as they are: beside a running server, for example.
    pub(crate) async fn open_current(config: &Config) -> anyhow::Result<Self> {
        Self::with(config, Database::open_current(&config.database, options(config)).await)
    }

    fn with(config: &Config, database: clouddrive_domain::Result<Database>) -> anyhow::Result<Self> {
        let database = database.with_context(|| format!("the database {}", config.database.display()))?;
        let disk = DiskStore::open(config.blob_dir.clone())?;
        let ambient = Ambient::new(Arc::new(SystemClock), Arc::new(OsRandom));
        Ok(Self { database: Arc::new(database), disk: Arc::new(disk), ambient })
    }

    /// The collector on these stores.
    pub(crate) fn collector(&self, config: &Config) -> Collector {
        let (database, disk) = (self.database.clone(), self.disk.clone());
        Collector::new(database.clone(), database, disk, self.ambient.clone(), config.collect_grace)
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// All that requests need, with signed URLs that start with `public_url`.
    pub(crate) fn app(&self, config: &Config, key: &MasterKey, public_url: &str) -> anyhow::Result<App> {
        let (database, disk, ambient) = (self.database.clone(), self.disk.clone(), self.ambient.clone());
        let urls = Arc::new(DiskUrls::new(public_url, key.derive(Purpose::SignedUrls)));
        let at_once = usize::try_from(cores())?;
        let accounts = Accounts::new(
            database.clone(),
            database.clone(),
            database.clone(),
            Arc::new(Argon2Passwords::new(at_once, at_once * QUEUE_PER_CORE)?),
            Arc::new(JwtTokens::new(key, algorithm(config.algorithm), ISSUER, ISSUER)),
            ambient.clone(),
            AccountSettings { quota_bytes: config.quota_bytes, token_lifetime: config.token_lifetime },
        );
        let uploads = Uploads::new(
            database.clone(),
            database.clone(),
            disk.clone(),
            urls.clone(),
            ambient.clone(),
            UploadSettings {
                lifetime: config.upload_lifetime,
                url_lifetime: config.url_lifetime,
                most_open: config.most_open_uploads,
            },
        );
        let photos = Photos::new(
            database.clone(),
            database.clone(),
            database.clone(),
            disk.clone(),
            urls.clone(),
            Arc::new(SquarePhotos::new(PHOTOS_AT_ONCE, PHOTOS_WAITING)),
            ambient.clone(),
            config.url_lifetime,
        );
        let files = Files::new(database.clone(), disk.clone(), urls.clone(), ambient.clone(), config.url_lifetime);
        Ok(App {
            accounts,
            folders: Folders::new(database.clone(), ambient.clone()),
            files: Arc::new(files),
            uploads: Arc::new(uploads),
            shares: Shares::new(database.clone(), database.clone(), database.clone(), ambient.clone()),
            photos,
            signed_blobs: Arc::new(SignedBlobs::new(urls, disk.clone(), database.clone(), ambient.clone())),
            parts: vec![Part { name: "database", probe: database }, Part { name: "storage", probe: disk }],
            ambient,
            cursors: Cursors::new(key.derive(Purpose::Cursors)),
            body_limits: config.body_limits,
        })
    }
}

fn options(config: &Config) -> Options {
    Options { readers: config.database_connections, ..Options::default() }
}

/// Keeps every other server off the same data until the lock is dropped.
pub(crate) fn lock(config: &Config) -> anyhow::Result<ServerLock> {
    make_directory(&config.data_dir)?;
    let database = config.database.display();
    match ServerLock::acquire(&config.database).with_context(|| format!("the lock of the database {database}"))? {
        Some(lock) => Ok(lock),
        None => bail!("another server uses the database {database}"),
    }
}

/// The key from which all others are derived: of the configuration, or else of the data directory.
pub(crate) fn key(config: &Config) -> anyhow::Result<MasterKey> {
    let secret = match &config.secret_key {
        Some(secret) => secret.clone(),
        None => SecretKey::in_directory(&config.data_dir, &OsRandom)?,
    };
    MasterKey::new(secret.expose()).map_err(anyhow::Error::msg)
}

const fn algorithm(configured: Algorithm) -> clouddrive_auth::Algorithm {
    match configured {
        Algorithm::Hs256 => clouddrive_auth::Algorithm::Hs256,
        Algorithm::Hs384 => clouddrive_auth::Algorithm::Hs384,
        Algorithm::Hs512 => clouddrive_auth::Algorithm::Hs512,
    }
}

/// Brings the schema up to date, and names what was applied.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<Vec<String>> {
    Ok(Database::migrate(&config.database).await?)
}

/// Makes the directory, for nobody but its owner.
fn make_directory(path: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("cannot make the directory {}", path.display()))
}
