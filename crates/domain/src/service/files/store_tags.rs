use std::sync::Arc;

use crate::error::Result;
use crate::model::{Content, StoreName};
use crate::port::{BlobRecordRepository, BlobStores};

/// The stores that serve their bytes to clients themselves, and the entity tags that they send. These are recorded on
/// arrival; for older blobs the store is asked once.
#[derive(Clone)]
pub struct StoreTags(Option<(BlobStores, Arc<dyn BlobRecordRepository>)>);

impl StoreTags {
    /// The tags of `stores`, which serve their bytes themselves.
    #[must_use]
    pub fn new(stores: BlobStores, records: Arc<dyn BlobRecordRepository>) -> Self {
        Self(Some((stores, records)))
    }

    /// No tags: all bytes are served through the API.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether the store serves its bytes itself.
    pub(in crate::service) fn serves_itself(&self, store: &StoreName) -> bool {
        self.0.as_ref().is_some_and(|(stores, _)| stores.find(store).is_some())
    }

    /// Sets the store's tag in `content`, if the store has the blob and a tag for it.
    pub(in crate::service) async fn complete(&self, content: &mut Content) -> Result<()> {
        let Some((stores, records)) = self.0.as_ref().filter(|_| content.store_tag.is_none()) else {
            return Ok(());
        };
        let Some(store) = stores.find(&content.blob.store) else {
            return Ok(());
        };
        content.store_tag = store.head(&content.blob.key).await?.and_then(|stored| stored.tag);
        if let Some(tag) = &content.store_tag {
            // On failure, the store is asked again.
            let _ = records.record_tag(&content.blob.key, tag).await;
        }
        Ok(())
    }

    /// Like `complete`, but ignores errors: the version's own tag is used until the store answers.
    pub(in crate::service) async fn try_complete(&self, content: &mut Content) {
        let _ = self.complete(content).await;
    }
}
