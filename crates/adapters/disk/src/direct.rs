use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::{
    BlobKey, Expected, Length, Part, PartPlan, Sha256, Stored, Ticket, Timestamp, Transfer,
};
use clouddrive_domain::port::{BlobStore, ByteStream, DirectUploads, PartStore, Presentation, SignedUrl};

use crate::draft::Intake;
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
impl DirectUploads for DiskUploads {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, _: &Presentation) -> Result<Option<Ticket>> {
        if !plan.is_single() {
            let gathering = self.store.layout.gathering(key);
            self.store.workers.run(move || gathering.begin(plan)).await?;
        }
        Ok(parts::ticket(plan))
    }

    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        _: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        let number = transfer.ticket.as_ref().map(|_| part.number);
        Ok(self.urls.sign_put(&transfer.key, number, part.size, sha256, expires_at))
    }

    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>> {
        if transfer.ticket.is_some() {
            let gathering = self.store.layout.gathering(&transfer.key);
            return self.store.workers.run(move || gathering.received(plan)).await;
        }
        let stored = self.store.head(&transfer.key).await?;
        Ok(stored.map(|stored| Part { number: 1, size: stored.size }).into_iter().collect())
    }

    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        if transfer.ticket.is_some() {
            let gathering = self.store.layout.gathering(&transfer.key);
            return self.store.workers.run(move || gathering.finish(plan)).await;
        }
        match self.store.head(&transfer.key).await? {
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
    async fn put_part(&self, transfer: &Transfer, number: u32, body: ByteStream, expected: Expected) -> Result<()> {
        let (layout, gathering, key) =
            (self.layout.clone(), self.layout.gathering(&transfer.key), transfer.key.clone());
        let (draft, gathering) = self
            .workers
            .run(move || {
                gathering.require_room(number)?;
                Ok((layout.draft(&key)?, gathering))
            })
            .await?;
        let intake = Intake::new(draft, self.workers.clone());
        intake.run(body, expected, move |bytes, sums| gathering.publish(bytes, number, sums.crc32)).await?;
        Ok(())
    }
}
