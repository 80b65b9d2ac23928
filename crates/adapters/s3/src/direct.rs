//! Uploads by signed URLs: into the blob itself where the store refuses a second write, else into a part beside it.

use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Expected, Sha256, Stored, Ticket, Timestamp, Transfer};
use clouddrive_domain::port::{DirectUploads, SignedUrl};
use clouddrive_domain::{Error, Result};

use crate::bucket::object;
use crate::multipart::{Part, sum};
use crate::store::S3Store;
use crate::trouble::{Trouble, TroubleKind};

/// The most bytes that one PUT may have, of an object as of a part: 5 GiB.
const MOST_BYTES: u64 = 5 << 30;

/// How often the parts are looked at anew, when they change just before they are put together.
const TRIES: u32 = 3;

#[async_trait]
impl DirectUploads for S3Store {
    async fn begin(&self, key: &BlobKey, most: u64) -> Result<Option<Ticket>> {
        if most > MOST_BYTES {
            return Err(Error::Refused(Refused::TooLarge { limit: MOST_BYTES }));
        }
        if self.abilities().conditional_writes {
            return Ok(None);
        }
        let object = object(key);
        let id = self.run(|this| async move { Ok(this.bucket.begin(&object, None).await?) }).await?;
        let ticket = Ticket::parse(&id).ok_or_else(|| Trouble::silent("CreateMultipartUpload", TroubleKind::Other))?;
        Ok(Some(ticket))
    }

    async fn sign_put(
        &self,
        transfer: &Transfer,
        length: u64,
        sha256: Option<Sha256>,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        match &transfer.ticket {
            // No store need take an empty part. An empty object can be put where it belongs: that only ever makes it
            // what it is.
            Some(ticket) if length > 0 => self.sign_part(&transfer.key, ticket, length, sha256, expires_at).await,
            ticket => self.sign_object(&transfer.key, length, sha256, ticket.is_none(), expires_at).await,
        }
    }

    async fn find_received(&self, transfer: &Transfer) -> Result<Option<Stored>> {
        let transfer = transfer.clone();
        self.run(|this| async move { this.arrived(&transfer).await }).await
    }

    async fn finish(&self, transfer: &Transfer, expected: Expected) -> Result<Stored> {
        let transfer = transfer.clone();
        self.run(|this| async move { this.make_whole(&transfer, expected).await }).await
    }
}

impl S3Store {
    async fn arrived(&self, transfer: &Transfer) -> Result<Option<Stored>> {
        match self.parts(transfer).await?.as_deref().and_then(sum) {
            Some(arrived) => Ok(Some(arrived)),
            None => self.find_object(transfer).await,
        }
    }

    async fn make_whole(&self, transfer: &Transfer, expected: Expected) -> Result<Stored> {
        for _ in 0..TRIES {
            let parts = self.parts(transfer).await?.unwrap_or_default();
            let Some(arrived) = sum(&parts) else {
                return self.finish_object(transfer, expected).await;
            };
            expected.check(arrived)?;
            if self.complete(transfer, &parts).await? {
                return self.finish_object(transfer, expected).await;
            }
        }
        // Its sender keeps sending it.
        Err(Error::Conflict(Conflict::UploadIncomplete))
    }

    /// The parts of a transfer that has a ticket and is not over.
    async fn parts(&self, transfer: &Transfer) -> Result<Option<Vec<Part>>> {
        let Some(ticket) = &transfer.ticket else { return Ok(None) };
        Ok(self.bucket.parts(&object(&transfer.key), ticket.as_str()).await?)
    }

    async fn find_object(&self, transfer: &Transfer) -> Result<Option<Stored>> {
        Ok(self.bucket.look(&object(&transfer.key)).await?.map(|found| found.stored()))
    }

    /// Makes the blob of the parts. Whether that is done is asked of the bucket, not concluded from an answer: `false`
    /// when it is not done because the parts are others by now.
    async fn complete(&self, transfer: &Transfer, parts: &[Part]) -> Result<bool> {
        let object = object(&transfer.key);
        let ticket = transfer.ticket.as_ref().map(Ticket::as_str).unwrap_or_default();
        let Err(trouble) = self.bucket.complete(&object, ticket, parts, self.abilities().conditional_writes).await
        else {
            return Ok(true);
        };
        match self.bucket.look(&object).await? {
            Some(_) => Ok(true),
            None if trouble.is("InvalidPart") || trouble.is("NoSuchUpload") => Ok(false),
            None => Err(trouble.into()),
        }
    }

    /// What the transfer has become.
    async fn finish_object(&self, transfer: &Transfer, expected: Expected) -> Result<Stored> {
        let stored = self.find_object(transfer).await?.ok_or(Error::Conflict(Conflict::UploadIncomplete))?;
        expected.check(stored)?;
        // The store has checked the digest that the URL signed, whether or not it lists it.
        let signed = expected.sha256.filter(|_| self.abilities().checksums);
        let stored = Stored { sha256: stored.sha256.or(signed), ..stored };
        if let Some(ticket) = transfer.ticket.as_ref().filter(|_| stored.size == 0) {
            // What holds no part is not over before it is said to be.
            self.bucket.abort(&object(&transfer.key), ticket.as_str()).await?;
        }
        Ok(stored)
    }
}
