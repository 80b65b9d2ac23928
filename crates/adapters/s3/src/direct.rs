//! Uploads by signed URLs: a single PUT to the blob if it has one part and the store refuses overwrites, else a
//! multipart upload.

use async_trait::async_trait;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{
    BlobKey, Expected, Length, MAX_PART_BYTES, MultipartUpload, MultipartUploadId, Part, PartPlan, Sha256, Stored,
    Timestamp,
};
use clouddrive_domain::port::{ContentHeaders, DirectUploadStore, SignedUrl, StagedUploadStore};
use clouddrive_domain::{Error, Result};

use crate::bucket::object;
use crate::error::{S3Error, S3ErrorKind};
use crate::multipart;
use crate::store::S3Store;

/// How often a completion is tried if the parts change concurrently.
const MAX_ATTEMPTS: u32 = 3;

#[async_trait]
impl DirectUploadStore for S3Store {
    async fn begin(
        &self,
        key: &BlobKey,
        plan: PartPlan,
        content_headers: &ContentHeaders,
    ) -> Result<Option<MultipartUploadId>> {
        if plan.part_size() > MAX_PART_BYTES {
            return Err(Error::Refused(Refused::TooLarge { limit: MAX_PART_BYTES }));
        }
        let capabilities = self.capabilities();
        if plan.count() > capabilities.max_parts {
            let limit = u64::from(capabilities.max_parts).saturating_mul(plan.part_size());
            return Err(Error::Refused(Refused::TooLarge { limit }));
        }
        // An upload that is copied later may be overwritten.
        if plan.is_single() && (capabilities.conditional_writes || capabilities.needs_copy(plan)) {
            return Ok(None);
        }
        let (object, stored_headers) = (object(key), self.stored_headers(content_headers));
        let begin =
            |this: Self| async move { Ok(this.bucket.begin(&object, None, stored_headers.as_ref(), false).await?) };
        let id = self.run(begin).await?;
        let multipart_id = MultipartUploadId::parse(&id)
            .map_err(|_| S3Error::without_response("CreateMultipartUpload", S3ErrorKind::Other))?;
        Ok(Some(multipart_id))
    }

    async fn presign_put(
        &self,
        multipart: &MultipartUpload,
        part: Part,
        sha256: Option<Sha256>,
        content_headers: &ContentHeaders,
        expires_at: Timestamp,
    ) -> Result<SignedUrl> {
        match &multipart.multipart_id {
            // Stores may refuse an empty part. An empty object can be PUT directly, since repeating it changes nothing.
            Some(multipart_id) if part.size > 0 => {
                self.sign_part(&multipart.key, multipart_id, part, sha256, expires_at).await
            }
            multipart_id => {
                let once = multipart_id.is_none() && !self.capabilities().needs_copy(PartPlan::single(part.size));
                let stored_headers = self.stored_headers(content_headers);
                self.sign_object(&multipart.key, part.size, sha256, stored_headers.as_ref(), once, expires_at).await
            }
        }
    }

    async fn list_received(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>> {
        let multipart = multipart.clone();
        self.run(|this| async move { this.received_parts(&multipart, plan).await }).await
    }

    async fn finish(&self, multipart: &MultipartUpload, plan: PartPlan, sha256: Option<Sha256>) -> Result<Stored> {
        let multipart = multipart.clone();
        self.run(|this| async move { this.complete_upload(&multipart, plan, sha256).await }).await
    }
}

#[async_trait]
impl StagedUploadStore for S3Store {
    fn needs_copy(&self, plan: PartPlan) -> bool {
        self.capabilities().needs_copy(plan)
    }

    async fn copy(
        &self,
        multipart: &MultipartUpload,
        plan: PartPlan,
        to: &BlobKey,
        content_headers: &ContentHeaders,
    ) -> Result<Stored> {
        let (from, to, stored_headers) = (object(&multipart.key), object(to), self.stored_headers(content_headers));
        let copying = |this: Self| async move {
            match this.bucket.copy(&from, &to, plan.size(), stored_headers.as_ref()).await {
                // The client has aborted it, or another request has completed it.
                Err(error) if error.is_missing() => return Err(Error::Conflict(Conflict::UploadClosed)),
                // The client is still sending parts, which are inconsistent at the moment.
                Err(error) if error.kind() == S3ErrorKind::Other && error.is_rejected() => {
                    return Err(Error::unavailable("storage", error));
                }
                outcome => outcome?,
            }
            let found = this.bucket.find(&to).await?;
            let stored = found.ok_or(S3Error::without_response("CopyObject", S3ErrorKind::ServerError))?.stored();
            Expected { length: Length::Exactly(plan.size()), sha256: None }.check(&stored)?;
            Ok(stored)
        };
        self.run(copying).await
    }
}

/// The parts' numbers and sizes.
fn domain_parts(parts: &[multipart::Part]) -> Vec<Part> {
    let number = |part: &multipart::Part| u32::try_from(part.number).unwrap_or_default();
    parts.iter().map(|part| Part { number: number(part), size: part.size }).collect()
}

impl S3Store {
    async fn received_parts(&self, multipart: &MultipartUpload, plan: PartPlan) -> Result<Vec<Part>> {
        if let Some(parts) = self.parts(multipart).await?.filter(|parts| !parts.is_empty()) {
            return Ok(domain_parts(&parts));
        }
        Ok(match self.find_object(multipart).await? {
            None => Vec::new(),
            Some(stored) if stored.size == plan.size() => plan.parts().collect(),
            Some(stored) => vec![Part { number: 1, size: stored.size }],
        })
    }

    /// The bytes of the multipart upload's parts and of its object.
    pub(crate) async fn stored_bytes(&self, multipart: &MultipartUpload) -> Result<u64> {
        let parts = self.parts(multipart).await?.unwrap_or_default();
        let object = self.find_object(multipart).await?.map_or(0, |stored| stored.size);
        Ok(parts.iter().map(|part| part.size).sum::<u64>() + object)
    }

    async fn complete_upload(
        &self,
        multipart: &MultipartUpload,
        plan: PartPlan,
        sha256: Option<Sha256>,
    ) -> Result<Stored> {
        let expected = Expected { length: Length::Exactly(plan.size()), sha256 };
        for _ in 0..MAX_ATTEMPTS {
            let mut parts = self.parts(multipart).await?.unwrap_or_default();
            if parts.is_empty() {
                return self.finish_object(multipart, plan, expected).await;
            }
            plan.check(&domain_parts(&parts))?;
            parts.retain(|part| u32::try_from(part.number).is_ok_and(|number| plan.part(number).is_some()));
            if let [only] = parts.as_slice() {
                expected.check(&Stored { size: only.size, sha256: only.sha256, ..Stored::default() })?;
            }
            if self.complete(multipart, &parts).await? {
                return self.finish_object(multipart, plan, expected).await;
            }
        }
        // The client keeps sending parts, or another instance is completing the upload.
        Err(Error::unavailable("storage", "CompleteMultipartUpload: the parts change while they are put together"))
    }

    /// The parts of a multipart upload; `None` if it has no multipart identifier or has ended.
    async fn parts(&self, multipart: &MultipartUpload) -> Result<Option<Vec<multipart::Part>>> {
        let Some(multipart_id) = &multipart.multipart_id else { return Ok(None) };
        Ok(self.bucket.parts(&object(&multipart.key), multipart_id.as_str()).await?)
    }

    async fn find_object(&self, multipart: &MultipartUpload) -> Result<Option<Stored>> {
        Ok(self.bucket.find(&object(&multipart.key)).await?.map(|found| found.stored()))
    }

    /// Completes the multipart upload. After an error, the bucket is asked for the actual outcome: `false` if the parts
    /// have changed in the meantime, or another request is completing them.
    async fn complete(&self, multipart: &MultipartUpload, parts: &[multipart::Part]) -> Result<bool> {
        let object = object(&multipart.key);
        let multipart_id = multipart.multipart_id.as_ref().map(MultipartUploadId::as_str).unwrap_or_default();
        let capabilities = self.capabilities();
        let mut parts = parts.to_vec();
        if !capabilities.part_checksums {
            parts.iter_mut().for_each(|part| part.sha256 = None);
        }
        let Err(error) = self.bucket.complete(&object, multipart_id, &parts, capabilities.conditional_writes).await
        else {
            return Ok(true);
        };
        match self.bucket.find(&object).await? {
            Some(_) => Ok(true),
            None if error.is("InvalidPart") || error.is_missing() || error.is_precondition_failed() => Ok(false),
            None => Err(error.into()),
        }
    }

    /// The blob of a completed multipart upload.
    async fn finish_object(&self, multipart: &MultipartUpload, plan: PartPlan, expected: Expected) -> Result<Stored> {
        let Some(stored) = self.find_object(multipart).await? else {
            plan.check(&[])?;
            return Err(Error::Conflict(Conflict::UploadClosed));
        };
        expected.check(&stored)?;
        // The store has verified the signed digest, whether or not it reports it.
        let signed = expected.sha256.filter(|_| self.capabilities().checksums);
        let stored = Stored { sha256: stored.sha256.or(signed), ..stored };
        if let Some(multipart_id) = multipart.multipart_id.as_ref().filter(|_| stored.size == 0) {
            // An empty blob was PUT directly, so the multipart upload is still open: abort it.
            self.bucket.abort(&object(&multipart.key), multipart_id.as_str()).await?;
        }
        Ok(stored)
    }
}
