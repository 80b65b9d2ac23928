use std::sync::Arc;

use crate::error::Result;
use crate::model::Content;
use crate::port::{BlobRecordRepository, BlobStore};

/// Entity tags that a store itself sends with its bytes. They are recorded on arrival; for older blobs the store is
/// asked once.
#[derive(Clone)]
pub struct StoreTags(Option<(Arc<dyn BlobStore>, Arc<dyn BlobRecordRepository>)>);

impl StoreTags {
    /// The tags of `store`, which serves its bytes itself.
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, records: Arc<dyn BlobRecordRepository>) -> Self {
        Self(Some((store, records)))
    }

    /// No tags: all bytes are served through the API.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Sets the store's tag in `content`, if the store has the blob and a tag for it.
    pub(in crate::service) async fn complete(&self, content: &mut Content) -> Result<()> {
        let Some((store, records)) = self.0.as_ref().filter(|_| content.store_tag.is_none()) else {
            return Ok(());
        };
        content.store_tag = store.head(&content.blob).await?.and_then(|stored| stored.tag);
        if let Some(tag) = &content.store_tag {
            // On failure, the store is asked again.
            let _ = records.note_tag(&content.blob, tag).await;
        }
        Ok(())
    }

    /// Like `complete`, but ignores errors: the version's own tag is used until the store answers.
    pub(in crate::service) async fn try_complete(&self, content: &mut Content) {
        let _ = self.complete(content).await;
    }
}
