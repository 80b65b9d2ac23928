use async_trait::async_trait;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Expected, Sha256, Stored, Ticket, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, DirectUploads, SignedUrl};
use clouddrive_domain::{Error, Result};

use crate::{DiskStore, DiskUrls};

/// Uploads by signed URLs that lead back to this server, which writes what comes to the store.
///
/// The store never writes a key twice, so there are no books of transfers: what has arrived is the blob.
#[derive(Clone, Debug)]
pub struct DiskUploads {
    store: DiskStore,
    urls: DiskUrls,
}

impl DiskUploads {
    /// Uploads into `store` by `urls`.
    #[must_use]
    pub const fn new(store: DiskStore, urls: DiskUrls) -> Self {
        Self { store, urls }
    }
}

#[async_trait]
impl DirectUploads for DiskUploads {
    async fn begin(&self, _: &BlobKey, _: u64) -> Result<Option<Ticket>> {
        Ok(None)
    }

    async fn sign_put(
        &self,
        transfer: &Transfer,
        length: u64,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        Ok(self.urls.sign_put(&transfer.key, length, sha256, expires_at))
    }

    async fn find_received(&self, transfer: &Transfer) -> Result<Option<Stored>> {
        self.store.head(&transfer.key).await
    }

    async fn finish(&self, transfer: &Transfer, expected: Expected) -> Result<Stored> {
        let stored = self.store.head(&transfer.key).await?.ok_or(Error::Conflict(Conflict::UploadIncomplete))?;
        expected.check(stored)?;
        Ok(stored)
    }
}
