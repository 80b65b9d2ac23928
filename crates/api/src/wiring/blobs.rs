use std::sync::Arc;

use anyhow::Context;
use clouddrive_disk::{DiskStore, DiskUploads};
use clouddrive_domain::model::MAX_PARTS;
use clouddrive_domain::port::{BlobStore, DirectUploads, PartStore, Probe, StagedUploads, UrlGate, UrlSigner};
use clouddrive_s3::{S3Store, Settings, StaticCredentials, Trouble, TroubleKind};
use secrecy::ExposeSecret;
use tokio::time::{Duration, Instant};

use super::Keys;
use crate::config::{BlobsConfig, Config, S3Config};
use crate::system::{OsRandom, SystemClock};
use crate::telemetry::blobs::Observed;
use crate::telemetry::traces;

/// The delay between attempts to open a store that is not up yet.
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// The blob store.
pub(super) enum Blobs {
    Disk(DiskStore),
    S3(S3Store),
}

/// Direct access to blobs for clients.
pub(super) struct Doors {
    pub(super) direct: Arc<dyn DirectUploads>,
    /// Copies uploads before they become files, for stores that may need it.
    pub(super) staged: Option<Arc<dyn StagedUploads>>,
    /// The maximum number of parts per upload.
    pub(super) max_parts: u32,
    pub(super) signer: Arc<dyn UrlSigner>,
    /// Verifies signed URLs served by this server and accepts their parts; `None` if the store serves them itself.
    pub(super) gate: Option<(Arc<dyn UrlGate>, Arc<dyn PartStore>)>,
}

impl Blobs {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.blobs {
            BlobsConfig::Disk(directory) => Ok(Self::Disk(DiskStore::open(directory.clone())?)),
            BlobsConfig::S3(bucket) => {
                let store = open_patiently(config, bucket).await?;
                let abilities = store.abilities();
                tracing::info!(bucket = bucket.bucket, %abilities, "the S3 store is open");
                for shortcoming in abilities.shortcomings() {
                    tracing::warn!(bucket = bucket.bucket, "the S3 store: {shortcoming}");
                }
                Ok(Self::S3(store))
            }
        }
    }

    pub(super) fn store(&self) -> Arc<dyn BlobStore> {
        let store: Arc<dyn BlobStore> = match self {
            Self::Disk(disk) => Arc::new(disk.clone()),
            Self::S3(s3) => Arc::new(s3.clone()),
        };
        Arc::new(Observed(store))
    }

    pub(super) fn probe(&self) -> Arc<dyn Probe> {
        match self {
            Self::Disk(disk) => Arc::new(disk.clone()),
            Self::S3(s3) => Arc::new(s3.clone()),
        }
    }

    /// URLs served by the store itself, or by this server under `public_url`.
    pub(super) fn doors(&self, public_url: &str, keys: &Keys) -> Doors {
        match self {
            Self::Disk(disk) => {
                let urls = keys.urls(public_url);
                let direct: Arc<dyn DirectUploads> = Arc::new(DiskUploads::new(disk.clone(), urls.clone()));
                let parts: Arc<dyn PartStore> = Arc::new(disk.clone());
                let urls = Arc::new(urls);
                let gate: Option<(Arc<dyn UrlGate>, Arc<dyn PartStore>)> =
                    Some((urls.clone(), Arc::new(Observed(parts))));
                Doors { direct: Arc::new(Observed(direct)), staged: None, max_parts: MAX_PARTS, signer: urls, gate }
            }
            Self::S3(s3) => {
                let (max_parts, s3) = (s3.abilities().max_parts, Arc::new(s3.clone()));
                let direct: Arc<dyn DirectUploads> = s3.clone();
                let staged: Arc<dyn StagedUploads> = s3.clone();
                let staged: Option<Arc<dyn StagedUploads>> = Some(Arc::new(Observed(staged)));
                Doors { direct: Arc::new(Observed(direct)), staged, max_parts, signer: s3, gate: None }
            }
        }
    }
}

/// Opens the bucket, waiting for a store that is not up yet.
async fn open_patiently(config: &Config, bucket: &S3Config) -> anyhow::Result<S3Store> {
    let settings = settings(config, bucket);
    let patience = Instant::now() + config.startup;
    loop {
        let opened = S3Store::open(settings.clone(), Arc::new(SystemClock), Arc::new(OsRandom)).await;
        let passing = |trouble: &Trouble| {
            use TroubleKind::{NoAnswer, OutOfOrder, Unreachable};
            matches!(trouble.kind(), NoAnswer | OutOfOrder | Unreachable)
        };
        match opened {
            Err(trouble) if passing(&trouble) && Instant::now() + BETWEEN_TRIES < patience => {
                tracing::warn!(%trouble, "waiting for the S3 store");
                tokio::time::sleep(BETWEEN_TRIES).await;
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
        headers: traces::outgoing,
        ..Settings::new(&bucket.bucket, &bucket.region)
    }
}
