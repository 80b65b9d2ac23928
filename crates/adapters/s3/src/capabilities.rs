//! Feature detection: what the store supports, tested at start-up. Safety depends on it, so a product name or version
//! is not trusted.

use std::fmt;

use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, MAX_PARTS, PartPlan};
use clouddrive_domain::port::Random;

use crate::bucket::{Bucket, StoredHeaders, WriteMetadata};
use crate::checksum::digest;
use crate::error::{S3Error, S3ErrorKind};

/// The key prefix of the short-lived test objects.
pub(crate) const PREFIX: &str = ".clouddrive-probe/";

/// The part limits to test; the largest that the store accepts is used.
const PART_LIMITS: [u32; 3] = [MAX_PARTS, 1000, 100];

/// The contents of the completed multipart upload, and of the part sent after completion. Both have the same length.
const COMPLETED: &[u8] = b"parts";
const REPLACEMENT_PART: &[u8] = b"other";

/// The features that a store was found to support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `If-None-Match: *` prevents overwrites. Without it, uploads are multipart.
    pub conditional_writes: bool,
    /// The store rejects bytes that do not match the announced SHA-256, and does not keep them.
    pub checksums: bool,
    /// The store accepts a SHA-256 for each part, also in a completion. Otherwise none is sent.
    pub part_checksums: bool,
    /// After a multipart upload is completed, its part URLs can no longer change the object.
    pub closes_parts: bool,
    /// Range responses have the type and name from the URL. Otherwise both are stored with the object.
    pub range_headers: bool,
    /// The maximum number of parts of a multipart upload.
    pub max_parts: u32,
}

impl Capabilities {
    /// Whether clients can change an upload after it is received, so that it must be copied before use: any upload if
    /// completion does not close the parts; a single part also if the store does not verify digests, so that the client
    /// can replace wrong bytes.
    #[must_use]
    pub const fn needs_copy(&self, plan: PartPlan) -> bool {
        !self.closes_parts || (plan.is_single() && !self.checksums)
    }

    /// Whether URLs for uploads in one part write only where there is no object.
    pub(crate) const fn signs_once(&self) -> bool {
        self.conditional_writes && !self.needs_copy(PartPlan::single(0))
    }

    /// The missing features and their consequences; empty if none costs time or space.
    #[must_use]
    pub fn limitations(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.closes_parts {
            all.push(
                "completion does not close the parts of an upload: every upload by URL is copied within the store \
                 before it becomes a file"
                    .to_owned(),
            );
        }
        if !self.checksums {
            all.push(
                "SHA-256 checksums are not verified: uploads by URL of one part are copied within the store, and those \
                 with an announced digest are read once, before they become a file"
                    .to_owned(),
            );
        }
        if self.max_parts < MAX_PARTS {
            all.push(format!("an upload has at most {} parts, so parts are larger", self.max_parts));
        }
        all
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let honoured = |yes| if yes { "honoured" } else { "not honoured" };
        write!(
            f,
            "conditional writes {}, checksums {}, checksums of parts {}, parts {} by completion, types of ranges {}, \
             at most {} parts",
            honoured(self.conditional_writes),
            honoured(self.checksums),
            honoured(self.part_checksums),
            if self.closes_parts { "closed" } else { "not closed" },
            honoured(self.range_headers),
            self.max_parts
        )
    }
}

/// A unique key for a test object.
pub(crate) fn object(random: &dyn Random) -> String {
    format!("{PREFIX}{}", BlobKey::generate(random).as_str())
}

/// Tests what the store supports. The part limit is tested unless `configured`.
pub(crate) async fn probe(
    bucket: &Bucket,
    random: &dyn Random,
    configured: Option<u32>,
) -> Result<Capabilities, S3Error> {
    let objects = [object(random), object(random), object(random)];
    let [first, second, third] = &objects;
    let outcome = async {
        let conditional_writes = try_conditions(bucket, first).await?;
        let checksums = try_checksums(bucket, second).await?;
        let (part_checksums, closes_parts) = try_multipart(bucket, third).await?;
        let range_headers = try_response_headers(bucket, first).await?;
        let max_parts = match configured {
            Some(max) => max,
            None => try_part_limit(bucket, third).await?,
        };
        Ok(Capabilities { conditional_writes, checksums, part_checksums, closes_parts, range_headers, max_parts })
    };
    let outcome = outcome.await;
    for object in &objects {
        let removed = bucket.delete(object).await;
        if outcome.is_ok() {
            removed?;
        }
    }
    outcome
}

async fn try_conditions(bucket: &Bucket, object: &str) -> Result<bool, S3Error> {
    let put = async |text: &'static str, once| {
        let (bytes, sha256) = (Bytes::from_static(text.as_bytes()), digest(text.as_bytes()));
        bucket.put(object, bytes, &sha256, &WriteMetadata::marked(text), once).await
    };
    match put("first", true).await {
        Err(error) if error.kind() == S3ErrorKind::NotImplemented => {
            put("first", false).await?;
            return Ok(false);
        }
        // A first attempt whose response was lost makes the retry fail, so look at the object.
        Err(error) if !error.is_precondition_failed() => return Err(error),
        _ => {}
    }
    let refused = match put("second", true).await {
        Err(error) if !error.is_precondition_failed() => return Err(error),
        outcome => outcome.is_err(),
    };
    let found = bucket.find(object).await?;
    Ok(refused && found.is_some_and(|found| found.was_written_by("first")))
}

async fn try_checksums(bucket: &Bucket, object: &str) -> Result<bool, S3Error> {
    let wrong = WriteMetadata::marked("wrong");
    let refused = match bucket.put(object, Bytes::from_static(b"bytes"), &digest(b"others"), &wrong, false).await {
        Err(error) if !error.is_rejected() || error.kind() == S3ErrorKind::AccessDenied => return Err(error),
        outcome => outcome.is_err(),
    };
    // Also tests that the store reports a missing object as missing.
    Ok(bucket.find(object).await?.is_none() && refused)
}

/// Whether a range response has the requested headers.
async fn try_response_headers(bucket: &Bucket, object: &str) -> Result<bool, S3Error> {
    let asked = StoredHeaders { content_type: "text/x-probe".to_owned(), content_disposition: "inline".to_owned() };
    let answer = bucket.get(object, Some((1, 2)), Some(&asked)).await?;
    let (content_type, disposition) = (answer.content_type(), answer.content_disposition());
    Ok(content_type == Some(&*asked.content_type) && disposition == Some(&*asked.content_disposition))
}

/// Whether part checksums are supported, and whether completion closes the parts.
async fn try_multipart(bucket: &Bucket, object: &str) -> Result<(bool, bool), S3Error> {
    use S3ErrorKind::{NotImplemented, Other, ServerError};
    let (id, part_checksums) = match complete_one(bucket, object, true).await {
        Ok(id) => (id, true),
        Err(error) if matches!(error.kind(), NotImplemented | Other | ServerError) => {
            (complete_one(bucket, object, false).await.map_err(S3Error::into_multipart_error)?, false)
        }
        Err(error) => return Err(error),
    };
    let closes_parts = match bucket.put_part(object, &id, 1, Bytes::from_static(REPLACEMENT_PART), None).await {
        Err(error) if error.is_rejected() => true,
        Err(error) => return Err(error),
        // Accepted: check whether the object has changed. An unreadable object counts as changed, too.
        Ok(_) => {
            let unchanged = holds(bucket, object, COMPLETED).await;
            let _ = bucket.abort(object, &id).await;
            unchanged
        }
    };
    Ok((part_checksums, closes_parts))
}

/// Completes a multipart upload of one part; returns its identifier.
async fn complete_one(bucket: &Bucket, object: &str, checksums: bool) -> Result<String, S3Error> {
    let mark = if checksums { "with checksums" } else { "without" };
    let id = bucket.begin(object, Some(mark), None, checksums).await?;
    let completed = async {
        let sha256 = checksums.then(|| digest(COMPLETED));
        let part = bucket.put_part(object, &id, 1, Bytes::from_static(COMPLETED), sha256).await?;
        // An upload is completed by what the store lists.
        let listed = bucket.parts(object, &id).await?.unwrap_or_default();
        if !matches!(listed.as_slice(), [only] if only.number == 1 && only.size == COMPLETED.len() as u64) {
            return Err(S3Error::without_response("ListParts", S3ErrorKind::NoMultipart));
        }
        bucket.complete(object, &id, &[part], false).await
    };
    let outcome = completed.await;
    // Retrying a completion whose response was lost fails, so look at the object.
    let found = bucket.find(object).await?;
    if found.is_some_and(|found| found.size == COMPLETED.len() as u64 && found.was_written_by(mark)) {
        return Ok(id);
    }
    let _ = bucket.abort(object, &id).await;
    Err(outcome.err().unwrap_or(S3Error::without_response("CompleteMultipartUpload", S3ErrorKind::NoMultipart)))
}

/// Whether the object can be read and has exactly these bytes.
async fn holds(bucket: &Bucket, object: &str, bytes: &[u8]) -> bool {
    match bucket.get(object, None, None).await {
        Ok(answer) => answer.body.collect().await.is_ok_and(|body| body.into_bytes() == bytes),
        Err(_) => false,
    }
}

/// The part limit, as far as the accepted part numbers reveal it.
async fn try_part_limit(bucket: &Bucket, object: &str) -> Result<u32, S3Error> {
    let id = bucket.begin(object, None, None, false).await?;
    let mut limit = Ok(1);
    for max in PART_LIMITS {
        let number = i32::try_from(max).unwrap_or(i32::MAX);
        match bucket.put_part(object, &id, number, Bytes::from_static(COMPLETED), None).await {
            Ok(_) => {
                limit = Ok(max);
                break;
            }
            Err(error) if error.is_rejected() && error.kind() == S3ErrorKind::Other => {}
            Err(error) => {
                limit = Err(error);
                break;
            }
        }
    }
    let _ = bucket.abort(object, &id).await;
    limit
}
