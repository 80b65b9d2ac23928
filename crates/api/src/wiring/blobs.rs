use std::sync::Arc;

use anyhow::Context;
use clouddrive_disk::{DiskStore, DiskUploads};
use clouddrive_domain::model::{MAX_PARTS, StoreName};
use clouddrive_domain::port::{
    BlobStore, BlobStores, DirectUploadStore, PartStore, Probe, SignedUrlVerifier, StagedUploadStore, StoreRouter,
    UrlPresigner,
};
use clouddrive_s3::{S3Error, S3ErrorKind, S3Store, Settings, StaticCredentials};
use secrecy::ExposeSecret;
use tokio::time::{Duration, Instant};

use super::Keys;
use crate::config::{BlobsConfig, Config, S3Config};
use crate::system::{OsRandom, SystemClock};
use crate::telemetry::blobs::InstrumentedStore;
use crate::telemetry::traces;

/// The delay between attempts to open a store that is not up yet.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The blob store, with its name.
pub(super) struct Blobs {
    name: StoreName,
    store: Store,
}

enum Store {
    Disk(DiskStore),
    S3(S3Store),
}

/// Direct access to blobs for clients.
pub(super) struct DirectAccess {
    pub(super) direct: StoreRouter<dyn DirectUploadStore>,
    /// Copies uploads before they become files, for stores that may need it.
    pub(super) staged: Option<StoreRouter<dyn StagedUploadStore>>,
    /// The maximum number of parts per upload.
    pub(super) max_parts: u32,
    pub(super) presigners: StoreRouter<dyn UrlPresigner>,
    /// Verifies signed URLs served by this server and accepts their parts; `None` if the store serves them itself.
    pub(super) verifier: Option<(Arc<dyn SignedUrlVerifier>, Arc<dyn PartStore>)>,
}

impl Blobs {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let store = match &config.blobs {
            BlobsConfig::Disk(directory) => Store::Disk(DiskStore::open(directory.clone())?),
            BlobsConfig::S3(bucket) => {
                let store = open_with_retry(config, bucket).await?;
                let capabilities = store.capabilities();
                tracing::info!(bucket = bucket.bucket, %capabilities, "the S3 store is open");
                for limitation in capabilities.limitations() {
                    tracing::warn!(bucket = bucket.bucket, "the S3 store: {limitation}");
                }
                Store::S3(store)
            }
        };
        Ok(Self { name: store_name(config)?, store })
    }

    pub(super) const fn name(&self) -> &StoreName {
        &self.name
    }

    pub(super) fn stores(&self) -> BlobStores {
        let store: Arc<dyn BlobStore> = match &self.store {
            Store::Disk(disk) => Arc::new(disk.clone()),
            Store::S3(s3) => Arc::new(s3.clone()),
        };
        BlobStores::new(self.name.clone(), Arc::new(InstrumentedStore(store)))
    }

    pub(super) fn probe(&self) -> Arc<dyn Probe> {
        match &self.store {
            Store::Disk(disk) => Arc::new(disk.clone()),
            Store::S3(s3) => Arc::new(s3.clone()),
        }
    }

    fn router<P: ?Sized>(&self, store: Arc<P>) -> StoreRouter<P> {
        StoreRouter::new(self.name.clone(), store)
    }

    /// URLs served by the store itself, or by this server under `public_url`.
    pub(super) fn direct_access(&self, public_url: &str, keys: &Keys) -> DirectAccess {
        match &self.store {
            Store::Disk(disk) => {
                let urls = keys.urls(public_url);
                let uploads: Arc<dyn DirectUploadStore> = Arc::new(DiskUploads::new(disk.clone(), urls.clone()));
                let direct: Arc<dyn DirectUploadStore> = Arc::new(InstrumentedStore(uploads));
                let parts: Arc<dyn PartStore> = Arc::new(disk.clone());
                let urls = Arc::new(urls);
                let presigner: Arc<dyn UrlPresigner> = urls.clone();
                let verifier: Option<(Arc<dyn SignedUrlVerifier>, Arc<dyn PartStore>)> =
                    Some((urls, Arc::new(InstrumentedStore(parts))));
                DirectAccess {
                    direct: self.router(direct),
                    staged: None,
                    max_parts: MAX_PARTS,
                    presigners: self.router(presigner),
                    verifier,
                }
            }
            Store::S3(s3) => {
                let (max_parts, s3) = (s3.capabilities().max_parts, Arc::new(s3.clone()));
                let uploads: Arc<dyn DirectUploadStore> = s3.clone();
                let direct: Arc<dyn DirectUploadStore> = Arc::new(InstrumentedStore(uploads));
                let staging: Arc<dyn StagedUploadStore> = s3.clone();
                let staged: Arc<dyn StagedUploadStore> = Arc::new(InstrumentedStore(staging));
                let presigner: Arc<dyn UrlPresigner> = s3;
                DirectAccess {
                    direct: self.router(direct),
                    staged: Some(self.router(staged)),
                    max_parts,
                    presigners: self.router(presigner),
                    verifier: None,
                }
            }
        }
    }
}

/// The name of the configured store in the rows of its blobs.
pub(super) fn store_name(config: &Config) -> anyhow::Result<StoreName> {
    let usual = match &config.blobs {
        BlobsConfig::Disk(_) => "disk",
        BlobsConfig::S3(_) => "s3",
    };
    config.blob_store.clone().map_or_else(|| StoreName::parse(usual).context("the name of the blob store"), Ok)
}

/// Opens the bucket, waiting for a store that is not up yet.
async fn open_with_retry(config: &Config, bucket: &S3Config) -> anyhow::Result<S3Store> {
    let settings = settings(config, bucket);
    let deadline = Instant::now() + config.startup;
    loop {
        let opened = S3Store::open(settings.clone(), Arc::new(SystemClock), Arc::new(OsRandom)).await;
        let is_transient = |error: &S3Error| {
            use S3ErrorKind::{ServerError, TimedOut, Unreachable};
            matches!(error.kind(), TimedOut | ServerError | Unreachable)
        };
        match opened {
            Err(error) if is_transient(&error) && Instant::now() + RETRY_DELAY < deadline => {
                tracing::warn!(%error, "waiting for the S3 store");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            outcome => return outcome.with_context(|| format!("the S3 bucket {}", bucket.bucket)),
        }
    }
}

pub(super) fn settings(config: &Config, bucket: &S3Config) -> Settings {
    let credentials = config.aws.credentials.as_ref().map(|key| StaticCredentials {
        key_id: key.key_id.clone(),
        secret: key.secret.expose_secret().to_owned(),
        session_token: key.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
    });
    Settings {
        endpoint: bucket.endpoint.clone(),
        public_endpoint: bucket.public_endpoint.clone(),
        path_style: Some(bucket.path_style),
        credentials,
        url_lifetime: config.url_lifetime.max(config.watch_url_lifetime),
        max_parts: bucket.max_parts,
        headers: traces::propagation_headers,
        ..Settings::new(&bucket.bucket, &bucket.region)
    }
}
