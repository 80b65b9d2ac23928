use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::{Actor, AuditAction, BlobKey, Expected, Length, MediaType, Timestamp};
use crate::port::{
    BlobRecordRepository, BlobStore, ContentHeaders, ContentInfo, NodeRepository, PhotoMaker, SignedUrl, UrlPresigner,
    UserRepository,
};
use crate::service::ServiceContext;

/// Profile photos.
pub struct PhotoService {
    users: Arc<dyn UserRepository>,
    drive: Arc<dyn NodeRepository>,
    records: Arc<dyn BlobRecordRepository>,
    store: Arc<dyn BlobStore>,
    presigner: Arc<dyn UrlPresigner>,
    maker: Arc<dyn PhotoMaker>,
    context: ServiceContext,
    url_lifetime: Duration,
}

impl PhotoService {
    /// Creates the service. Signed URLs live for `url_lifetime`.
    #[expect(clippy::too_many_arguments, reason = "a constructor that names each port once")]
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        drive: Arc<dyn NodeRepository>,
        records: Arc<dyn BlobRecordRepository>,
        store: Arc<dyn BlobStore>,
        presigner: Arc<dyn UrlPresigner>,
        maker: Arc<dyn PhotoMaker>,
        context: ServiceContext,
        url_lifetime: Duration,
    ) -> Self {
        Self { users, drive, records, store, presigner, maker, context, url_lifetime }
    }

    /// Sets the caller's profile photo to `picture`.
    ///
    /// # Errors
    /// `Image` when it is not an accepted image.
    pub async fn set(&self, actor: &Actor, picture: Bytes) -> Result<SignedUrl> {
        let photo = self.maker.make(picture).await?;
        let key = self.context.blob_key();
        let command = self.context.command(actor);
        self.records.record(&key, &self.store.name(), command.at).await?;
        let expected = Expected { length: Length::Exactly(photo.len() as u64), sha256: None };
        let body = Box::pin(Once(Some(photo)));
        self.store.put(&key, body, expected, &content_headers(None)).await?;
        self.users.set_photo(&command, actor.user, Some(&key)).await?;
        self.context.audit(actor, AuditAction::PhotoSet);
        self.sign(&key, command.at).await
    }

    /// A short-lived URL of the caller's profile photo.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn find(&self, actor: &Actor) -> Result<SignedUrl> {
        let home = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        let key = home.account.user.photo.ok_or(Error::NotFound)?;
        let made = self.records.recorded_at(&key).await?.ok_or(Error::NotFound)?;
        self.sign(&key, made).await
    }

    /// Removes the caller's profile photo.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn remove(&self, actor: &Actor) -> Result<()> {
        let had_one = self.users.set_photo(&self.context.command(actor), actor.user, None).await?;
        if !had_one {
            return Err(Error::NotFound);
        }
        self.context.audit(actor, AuditAction::PhotoRemoved);
        Ok(())
    }

    async fn sign(&self, key: &BlobKey, modified_at: Timestamp) -> Result<SignedUrl> {
        // The blob is written only once, so its key serves as the entity tag.
        let tag = key.clone().into();
        let content = Some(ContentInfo { size: None, tag, modified_at, client_modified_at: None });
        let content_headers = content_headers(content);
        self.presigner.presign_get(key, &content_headers, self.context.now().plus(self.url_lifetime)).await
    }
}

/// A stream of a single chunk.
struct Once(Option<Bytes>);

impl futures_core::Stream for Once {
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

/// Photos are displayed inline.
fn content_headers(content: Option<ContentInfo>) -> ContentHeaders {
    ContentHeaders { media_type: MediaType::jpeg(), attachment: None, content }
}

#[cfg(test)]
mod tests;
