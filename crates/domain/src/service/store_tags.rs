use std::sync::Arc;

use crate::error::Result;
use crate::model::Content;
use crate::port::{BlobRecords, BlobStore};

/// The tags that a store itself sends with its bytes. They are recorded when bytes arrive; of blobs that are older than that
/// the store is asked once.
#[derive(Clone)]
pub struct StoreTags(Option<(Arc<dyn BlobStore>, Arc<dyn BlobRecords>)>);

impl StoreTags {
    /// Those of `store`, which hands its bytes out itself.
    #[must_use]
    pub fn of(store: Arc<dyn BlobStore>, records: Arc<dyn BlobRecords>) -> Self {
        Self(Some((store, records)))
    }

    /// The store has none: all its bytes go through the API.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Notes the store's tag in `content`, as far as the store has one and has the bytes.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn complete(&self, content: &mut Content) -> Result<()> {
        let Some((store, records)) = self.0.as_ref().filter(|_| content.store_tag.is_none()) else {
            return Ok(());
        };
        content.store_tag = store.head(&content.blob).await?.and_then(|stored| stored.tag);
        if let Some(tag) = &content.store_tag {
            // It can be asked for again.
            let _ = records.note_tag(&content.blob, tag).await;
        }
        Ok(())
    }

    /// The same, where the version's own tag does for as long as the store cannot be asked.
    pub(super) async fn try_complete(&self, content: &mut Content) {
        let _ = self.complete(content).await;
    }
}
