use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::model::{Actor, AuditAction, BlobKey, Expected, Length, MediaType, Scope, Timestamp};
use crate::port::{BlobRecords, BlobStore, ContentInfo, Drive, PhotoMaker, Presentation, SignedUrl, UrlSigner, Users};
use crate::service::Ambient;

/// Profile photos.
pub struct Photos {
    users: Arc<dyn Users>,
    drive: Arc<dyn Drive>,
    records: Arc<dyn BlobRecords>,
    store: Arc<dyn BlobStore>,
    signer: Arc<dyn UrlSigner>,
    maker: Arc<dyn PhotoMaker>,
    ambient: Ambient,
    url_lifetime: Duration,
}

impl Photos {
    /// Creates the service. Signed URLs live for `url_lifetime`.
    #[expect(clippy::too_many_arguments, reason = "a constructor that names each port once")]
    #[must_use]
    pub fn new(
        users: Arc<dyn Users>,
        drive: Arc<dyn Drive>,
        records: Arc<dyn BlobRecords>,
        store: Arc<dyn BlobStore>,
        signer: Arc<dyn UrlSigner>,
        maker: Arc<dyn PhotoMaker>,
        ambient: Ambient,
        url_lifetime: Duration,
    ) -> Self {
        Self { users, drive, records, store, signer, maker, ambient, url_lifetime }
    }

    /// Sets the caller's profile photo to `picture`.
    ///
    /// # Errors
    /// `Image` when it is not an accepted image.
    pub async fn set(&self, actor: &Actor, picture: Bytes) -> Result<SignedUrl> {
        actor.require(Scope::Write)?;
        let photo = self.maker.make(picture).await?;
        let key = self.ambient.blob_key();
        let command = self.ambient.command(actor)?;
        self.records.record(&key, &self.store.name(), command.at).await?;
        let expected = Expected { length: Length::Exactly(photo.len() as u64), sha256: None };
        let body = Box::pin(Once(Some(photo)));
        self.store.put(&key, body, expected, &presentation(None)).await?;
        self.users.set_photo(&command, actor.user, Some(&key)).await?;
        self.ambient.audit(actor, AuditAction::PhotoSet);
        self.sign(&key, command.at).await
    }

    /// A short-lived URL of the caller's profile photo.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn find(&self, actor: &Actor) -> Result<SignedUrl> {
        actor.require(Scope::Read)?;
        let home = self.drive.find_home(actor.user).await?.ok_or(Error::NotFound)?;
        let key = home.account.user.photo.ok_or(Error::NotFound)?;
        let made = self.records.recorded_at(&key).await?.ok_or(Error::NotFound)?;
        self.sign(&key, made).await
    }

    /// Removes the caller's profile photo.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn remove(&self, actor: &Actor) -> Result<()> {
        let had_one = self.users.set_photo(&self.ambient.command(actor)?, actor.user, None).await?;
        if !had_one {
            return Err(Error::NotFound);
        }
        self.ambient.audit(actor, AuditAction::PhotoRemoved);
        Ok(())
    }

    async fn sign(&self, key: &BlobKey, modified_at: Timestamp) -> Result<SignedUrl> {
        // The blob is written only once, so its key serves as the entity tag.
        let tag = key.clone().into();
        let content = Some(ContentInfo { size: None, tag, modified_at, client_modified_at: None });
        let presentation = presentation(content);
        self.signer.sign_get(key, &presentation, self.ambient.now().plus(self.url_lifetime)).await
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
fn presentation(content: Option<ContentInfo>) -> Presentation {
    Presentation { media_type: MediaType::jpeg(), attachment: None, content }
}

#[cfg(test)]
mod tests;
