use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::{Actor, AuditAction, BlobRef, Expected, Length, MediaType, Scope, Timestamp};
use crate::port::{
    BlobRecordRepository, BlobStores, ContentHeaders, ContentInfo, NodeRepository, PhotoMaker, SignedUrl, StoreRouter,
    UrlPresigner, UserRepository,
};
use crate::service::ServiceContext;

/// The ports of [`PhotoService`].
#[derive(Clone)]
pub struct PhotoPorts {
    /// The users, with their photos.
    pub users: Arc<dyn UserRepository>,
    /// The tree, with the account of each drive.
    pub drive: Arc<dyn NodeRepository>,
    /// The blob records.
    pub records: Arc<dyn BlobRecordRepository>,
    /// The bytes.
    pub stores: BlobStores,
    /// The URL signers.
    pub presigners: StoreRouter<dyn UrlPresigner>,
    /// Makes photos of pictures.
    pub maker: Arc<dyn PhotoMaker>,
}

/// Profile photos.
pub struct PhotoService {
    users: Arc<dyn UserRepository>,
    drive: Arc<dyn NodeRepository>,
    records: Arc<dyn BlobRecordRepository>,
    stores: BlobStores,
    presigners: StoreRouter<dyn UrlPresigner>,
    maker: Arc<dyn PhotoMaker>,
    context: ServiceContext,
    url_lifetime: Duration,
}

impl PhotoService {
    /// Creates the service. Signed URLs live for `url_lifetime`.
    #[must_use]
    pub fn new(ports: PhotoPorts, context: ServiceContext, url_lifetime: Duration) -> Self {
        let PhotoPorts { users, drive, records, stores, presigners, maker } = ports;
        Self { users, drive, records, stores, presigners, maker, context, url_lifetime }
    }

    /// Sets the caller's profile photo to `picture`.
    ///
    /// Calls `PhotoMaker::make`, `BlobRecordRepository::record`, `BlobStore::put`, `UserRepository::set_photo` and
    /// `UrlPresigner::presign_get`.
    ///
    /// # Errors
    /// `Image` when it is not an accepted image.
    pub async fn set(&self, actor: &Actor, picture: Bytes) -> Result<SignedUrl> {
        actor.require(Scope::Write)?;
        let photo = self.maker.make(picture).await?;
        let blob = self.context.new_blob(self.stores.default_name());
        let command = self.context.command(actor)?;
        self.records.record(&blob.key, &blob.store, command.at).await?;
        let expected = Expected { length: Length::Exactly(photo.len() as u64), sha256: None };
        let body = Box::pin(Once(Some(photo)));
        self.stores.get(&blob.store)?.put(&blob.key, body, expected, &content_headers(None)).await?;
        self.users.set_photo(&command, actor.user, Some(&blob.key)).await?;
        self.context.audit(actor, AuditAction::PhotoSet);
        self.sign(&blob, command.at).await
    }

    /// A short-lived URL of the caller's profile photo.
    ///
    /// Calls `NodeRepository::find_user_drive`, `BlobRecordRepository::recorded_at` and `UrlPresigner::presign_get`.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn find(&self, actor: &Actor) -> Result<SignedUrl> {
        actor.require(Scope::Read)?;
        let user_drive = self.drive.find_user_drive(actor.user).await?.ok_or(Error::NotFound)?;
        let blob = user_drive.account.user.photo.ok_or(Error::NotFound)?;
        let made = self.records.recorded_at(&blob.key).await?.ok_or(Error::NotFound)?;
        self.sign(&blob, made).await
    }

    /// Removes the caller's profile photo.
    ///
    /// Calls `UserRepository::set_photo`.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn remove(&self, actor: &Actor) -> Result<()> {
        let had_one = self.users.set_photo(&self.context.command(actor)?, actor.user, None).await?;
        if !had_one {
            return Err(Error::NotFound);
        }
        self.context.audit(actor, AuditAction::PhotoRemoved);
        Ok(())
    }

    async fn sign(&self, blob: &BlobRef, modified_at: Timestamp) -> Result<SignedUrl> {
        // The blob is written only once, so its key serves as the entity tag.
        let tag = blob.key.clone().into();
        let content = Some(ContentInfo { size: None, tag, modified_at, client_modified_at: None });
        let content_headers = content_headers(content);
        let expires_at = self.context.now().plus(self.url_lifetime);
        self.presigners.get(&blob.store)?.presign_get(&blob.key, &content_headers, expires_at).await
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
