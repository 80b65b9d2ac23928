use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    BlobKey, Expected, Length, MultipartUpload, MultipartUploadId, Part, PartPlan, Sha256, Stored, Timestamp,
};
use clouddrive_domain::port::{BlobStore, ByteStream, ContentHeaders, DirectUploadStore, PartStore, SignedUrl};

use crate::temp_blob::BodyWriter;
use crate::{DiskStore, DiskUrls, parts};

/// Uploads by signed URLs that point back to this server, which writes the received bytes to the store.
///
/// The store never writes a key twice, so a single-part upload needs no state: what has been received is the blob.
/// Several parts are collected in a directory, which becomes the blob.
#[derive(Clone, Debug)]
pub struct DiskUploads {
    store: DiskStore,
    urls: DiskUrls,
}

impl DiskUploads {
    /// Creates uploads into `store`, signed by `urls`.
    #[must_use]
    pub const fn new(store: DiskStore, urls: DiskUrls) -> Self {
        Self { store, urls }
    }
}

#[async_trait]
impl DirectUploadStore for DiskUploads {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, _: &ContentHeaders) -> Result<Option<MultipartUploadId>> {
        if !plan.is_single() {
            let multipart_dir = self.store.layout.multipart_dir(key);
            self.store.workers.run(move || multipart_dir.begin(plan)).await?;
        }
        Ok(parts::multipart_id(plan))
    }

    async fn presign_put(
        &self,
        multipart: &MultipartUpload,
        part: Part,
        sha256: Option<Sha256>,
        _: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        let number = multipart.multipart_id.as_ref().map(|_| part.number);
        Ok(self.urls.presign_put(&multipart.key, number, part.size, sha256, expires_at))
    }

    async fn list_received(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>> {
        if multipart.multipart_id.is_some() {
            let multipart_dir = self.store.layout.multipart_dir(&multipart.key);
            return self.store.workers.run(move || multipart_dir.received(plan)).await;
        }
        let stored = self.store.head(&multipart.key).await?;
        Ok(stored.map(|stored| Part { number: 1, size: stored.size }).into_iter().collect())
    }

    async fn finish(&self, multipart: &MultipartUpload, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        if multipart.multipart_id.is_some() {
            let multipart_dir = self.store.layout.multipart_dir(&multipart.key);
            return self.store.workers.run(move || multipart_dir.finish(plan)).await;
        }
        match self.store.head(&multipart.key).await? {
            Some(stored) => {
                Expected { length: Length::Exactly(plan.size()), sha256 }.check(&stored)?;
                Ok(stored)
            }
            None => Err(plan.check(&[]).err().unwrap_or(clouddrive_domain::Error::NotFound)),
        }
    }
}

#[async_trait]
impl PartStore for DiskStore {
    async fn put_part(
        &self,
        multipart: &MultipartUpload,
        number: u32,
        body: ByteStream,
        expected: Expected,
    ) -> Result<()> {
        let (layout, multipart_dir, key) =
            (self.layout.clone(), self.layout.multipart_dir(&multipart.key), multipart.key.clone());
        let (temp_blob, multipart_dir) = self
            .workers
            .run(move || {
                multipart_dir.require_missing(number)?;
                Ok((layout.temp_blob(&key)?, multipart_dir))
            })
            .await?;
        let writer = BodyWriter::new(temp_blob, self.workers.clone());
        writer.run(body, expected, move |bytes, sums| multipart_dir.publish(bytes, number, sums.crc32)).await?;
        Ok(())
    }
}
