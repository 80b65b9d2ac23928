//! Uploads by signed URLs: a single PUT to the blob if it has one part and the store refuses overwrites, else a
//! multipart upload.

use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{
    BlobKey, Expected, Length, MAX_PART_BYTES, Part, PartPlan, Sha256, Stored, Ticket, Timestamp, Transfer,
};
use clouddrive_domain::port::{DirectUploads, Presentation, SignedUrl, StagedUploads};
use clouddrive_domain::{Error, Result};

use crate::bucket::object;
use crate::multipart;
use crate::store::S3Store;
use crate::trouble::{Trouble, TroubleKind};

/// How often a completion is tried if the parts change concurrently.
const TRIES: u32 = 3;

#[async_trait]
impl DirectUploads for S3Store {
    async fn begin(&self, key: &BlobKey, plan: PartPlan, presentation: &Presentation) -> Result<Option<Ticket>> {
        if plan.part_size() > MAX_PART_BYTES {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_PART_BYTES }));
        }
        let abilities = self.abilities();
        if plan.count() > abilities.max_parts {
            let limit = u64::from(abilities.max_parts).saturating_mul(plan.part_size());
            return Err(Error::Refused(Refused::TooLarge { limit }));
        }
        // An upload that is copied later may be overwritten.
        if plan.is_single() && (abilities.conditional_writes || abilities.needs_copy(plan)) {
            return Ok(None);
        }
        let (object, kept) = (object(key), self.kept(presentation));
        let begin = |this: Self| async move { Ok(this.bucket.begin(&object, None, kept.as_ref(), false).await?) };
        let id = self.run(begin).await?;
        let ticket = Ticket::parse(&id).ok_or_else(|| Trouble::silent("CreateMultipartUpload", TroubleKind::Other))?;
        Ok(Some(ticket))
    }

    async fn sign_put(
        &self,
        transfer: &Transfer,
        part: Part,
        sha256: Option<Sha256>,
        presentation: &Presentation,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        match &transfer.ticket {
            // Stores may refuse an empty part. An empty object can be PUT directly, since repeating it changes nothing.
            Some(ticket) if part.size > 0 => self.sign_part(&transfer.key, ticket, part, sha256, expires_at).await,
            ticket => {
                let once = ticket.is_none() && !self.abilities().needs_copy(PartPlan::single(part.size));
                let kept = self.kept(presentation);
                self.sign_object(&transfer.key, part.size, sha256, kept.as_ref(), once, expires_at).await
            }
        }
    }

    async fn list_received(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>> {
        let transfer = transfer.clone();
        self.run(|this| async move { this.arrived(&transfer, plan).await }).await
    }

    async fn finish(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        let transfer = transfer.clone();
        self.run(|this| async move { this.make_whole(&transfer, plan, sha256).await }).await
    }
}

#[async_trait]
impl StagedUploads for S3Store {
    fn needs_copy(&self, plan: PartPlan) -> bool {
        self.abilities().needs_copy(plan)
    }

    async fn copy(
        &self,
        transfer: &Transfer,
        plan: PartPlan,
        to: &BlobKey,
        presentation: &Presentation,
    ) -> Result<Stored> {
        let (from, to, kept) = (object(&transfer.key), object(to), self.kept(presentation));
        let copying = |this: Self| async move {
            match this.bucket.copy(&from, &to, plan.size(), kept.as_ref()).await {
                // The client has aborted it, or another request has completed it.
                Err(trouble) if trouble.is_gone() => return Err(Error::Conflict(Conflict::UploadClosed)),
                // The client is still sending parts, which are inconsistent at the moment.
                Err(trouble) if trouble.kind() == TroubleKind::Other && trouble.is_refusal() => {
                    return Err(Error::unavailable("storage", trouble));
                }
                outcome => outcome?,
            }
            let found = this.bucket.look(&to).await?;
            let stored = found.ok_or(Trouble::silent("CopyObject", TroubleKind::OutOfOrder))?.stored();
            Expected { length: Length::Exactly(plan.size()), sha256: None }.check(&stored)?;
            Ok(stored)
        };
        self.run(copying).await
    }
}

/// The parts' numbers and sizes.
fn seen(parts: &[multipart::Part]) -> Vec<Part> {
    let number = |part: &multipart::Part| u32::try_from(part.number).unwrap_or_default();
    parts.iter().map(|part| Part { number: number(part), size: part.size }).collect()
}

impl S3Store {
    async fn arrived(&self, transfer: &Transfer, plan: PartPlan) -> Result<Vec<Part>> {
        if let Some(parts) = self.parts(transfer).await?.filter(|parts| !parts.is_empty()) {
            return Ok(seen(&parts));
        }
        Ok(match self.find_object(transfer).await? {
            None => Vec::new(),
            Some(stored) if stored.size == plan.size() => plan.parts().collect(),
            Some(stored) => vec![Part { number: 1, size: stored.size }],
        })
    }

    /// The bytes of the transfer's parts and of its object.
    pub(crate) async fn received(&self, transfer: &Transfer) -> Result<u64> {
        let parts = self.parts(transfer).await?.unwrap_or_default();
        let object = self.find_object(transfer).await?.map_or(0, |stored| stored.size);
        Ok(parts.iter().map(|part| part.size).sum::<u64>() + object)
    }

    async fn make_whole(&self, transfer: &Transfer, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        let expected = Expected { length: Length::Exactly(plan.size()), sha256 };
        for _ in 0..TRIES {
            let mut parts = self.parts(transfer).await?.unwrap_or_default();
            if parts.is_empty() {
                return self.finish_object(transfer, plan, expected).await;
            }
            plan.check(&seen(&parts))?;
            parts.retain(|part| u32::try_from(part.number).is_ok_and(|number| plan.part(number).is_some()));
            if let [only] = parts.as_slice() {
                expected.check(&Stored { size: only.size, sha256: only.sha256, ..Stored::default() })?;
            }
            if self.complete(transfer, &parts).await? {
                return self.finish_object(transfer, plan, expected).await;
            }
        }
        // The client keeps sending parts, or another instance is completing the upload.
        Err(Error::unavailable("storage", "CompleteMultipartUpload: the parts change while they are put together"))
    }

    /// The parts of a multipart transfer; `None` if it has no ticket or has ended.
    async fn parts(&self, transfer: &Transfer) -> Result<Option<Vec<multipart::Part>>> {
        let Some(ticket) = &transfer.ticket else { return Ok(None) };
        Ok(self.bucket.parts(&object(&transfer.key), ticket.as_str()).await?)
    }

    async fn find_object(&self, transfer: &Transfer) -> Result<Option<Stored>> {
        Ok(self.bucket.look(&object(&transfer.key)).await?.map(|found| found.stored()))
    }

    /// Completes the multipart upload. After an error, the bucket is asked for the actual outcome: `false` if the parts
    /// have changed in the meantime, or another request is completing them.
    async fn complete(&self, transfer: &Transfer, parts: &[multipart::Part]) -> Result<bool> {
        let object = object(&transfer.key);
        let ticket = transfer.ticket.as_ref().map(Ticket::as_str).unwrap_or_default();
        let abilities = self.abilities();
        let mut parts = parts.to_vec();
        if !abilities.part_checksums {
            parts.iter_mut().for_each(|part| part.sha256 = None);
        }
        let Err(trouble) = self.bucket.complete(&object, ticket, &parts, abilities.conditional_writes).await else {
            return Ok(true);
        };
        match self.bucket.look(&object).await? {
            Some(_) => Ok(true),
            None if trouble.is("InvalidPart") || trouble.is_gone() || trouble.is_unmet() => Ok(false),
            None => Err(trouble.into()),
        }
    }

    /// The blob of a completed transfer.
    async fn finish_object(&self, transfer: &Transfer, plan: PartPlan, expected: Expected) -> Result<Stored> {
        let Some(stored) = self.find_object(transfer).await? else {
            plan.check(&[])?;
            return Err(Error::Conflict(Conflict::UploadClosed));
        };
        expected.check(&stored)?;
        // The store has verified the signed digest, whether or not it reports it.
        let signed = expected.sha256.filter(|_| self.abilities().checksums);
        let stored = Stored { sha256: stored.sha256.or(signed), ..stored };
        if let Some(ticket) = transfer.ticket.as_ref().filter(|_| stored.size == 0) {
            // An empty blob was PUT directly, so the multipart upload is still open: abort it.
            self.bucket.abort(&object(&transfer.key), ticket.as_str()).await?;
        }
        Ok(stored)
    }
}
