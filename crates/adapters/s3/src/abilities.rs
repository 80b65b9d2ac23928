//! What a store supports, found out at the start by trying. Safety rests on it, so nothing is taken from a name or a version.

use std::fmt;

use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, MAX_PARTS, PartPlan};
use clouddrive_domain::port::Random;

use crate::bucket::{Bucket, Kept, Written};
use crate::checksum::digest;
use crate::trouble::{Trouble, TroubleKind};

/// Below what the objects of trials lie, each for a moment.
pub(crate) const PREFIX: &str = ".clouddrive-probe/";

/// The numbers of parts of which the largest that a store takes is its limit.
const PART_LIMITS: [u32; 3] = [MAX_PARTS, 1000, 100];

/// What the object of a completed multipart upload holds, and what is sent after the completion: of one length.
const COMPLETED: &[u8] = b"parts";
const LATE: &[u8] = b"other";

/// What a store was found to support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// It refuses to write where something is, when asked to (`If-None-Match: *`). Where it does not, uploads go as
    /// multipart.
    pub conditional_writes: bool,
    /// It refuses bytes that have another SHA-256 than was announced, and keeps nothing of them.
    pub checksums: bool,
    /// It takes the SHA-256 of each part, also when a multipart upload is completed. Where it does not, none is sent.
    pub part_checksums: bool,
    /// When a multipart upload is completed, the URLs of its parts end: nothing that comes by them changes the object.
    pub closes_parts: bool,
    /// Ranges go out with the type and the name that the URL says. Where they do not, both are kept with the object.
    pub presents_ranges: bool,
    /// How many parts a multipart upload may have.
    pub max_parts: u32,
}

impl Abilities {
    /// Whether what clients send is not final when it has arrived, so that it must be copied before anything refers to it:
    /// the bytes of several parts where completion does not close them; those of one part also where the store does not
    /// verify their digest, so that wrong ones can be replaced by the right ones.
    #[must_use]
    pub const fn needs_copy(&self, plan: PartPlan) -> bool {
        !self.closes_parts || (plan.is_single() && !self.checksums)
    }

    /// What the store lacks and what follows from it; empty where nothing costs time or space.
    #[must_use]
    pub fn shortcomings(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.closes_parts {
            all.push(
                "completion does not close the parts of an upload: every upload by URL is copied within the store before \
                 it becomes a file"
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

impl fmt::Display for Abilities {
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
            honoured(self.presents_ranges),
            self.max_parts
        )
    }
}

/// The name of an object for a trial, that nothing else has.
pub(crate) fn object(random: &dyn Random) -> String {
    format!("{PREFIX}{}", BlobKey::generate(random).as_str())
}

/// Finds out what the store supports. The limit of parts is tried out unless it is `configured`.
pub(crate) async fn probe(bucket: &Bucket, random: &dyn Random, configured: Option<u32>) -> Result<Abilities, Trouble> {
    let objects = [object(random), object(random), object(random)];
    let [first, second, third] = &objects;
    let outcome = async {
        let conditional_writes = try_conditions(bucket, first).await?;
        let checksums = try_checksums(bucket, second).await?;
        let (part_checksums, closes_parts) = try_multipart(bucket, third).await?;
        let presents_ranges = try_presentation(bucket, first).await?;
        let max_parts = match configured {
            Some(most) => most,
            None => try_part_limit(bucket, third).await?,
        };
        Ok(Abilities { conditional_writes, checksums, part_checksums, closes_parts, presents_ranges, max_parts })
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

async fn try_conditions(bucket: &Bucket, object: &str) -> Result<bool, Trouble> {
    let put = async |text: &'static str, once| {
        let (bytes, sha256) = (Bytes::from_static(text.as_bytes()), digest(text.as_bytes()));
        bucket.put(object, bytes, &sha256, &Written::marked(text), once).await
    };
    match put("first", true).await {
        Err(trouble) if trouble.kind() == TroubleKind::NotImplemented => {
            put("first", false).await?;
            return Ok(false);
        }
        // A first try whose answer was lost is in the way of the next: what is there tells.
        Err(trouble) if !trouble.is_unmet() => return Err(trouble),
        _ => {}
    }
    let refused = match put("second", true).await {
        Err(trouble) if !trouble.is_unmet() => return Err(trouble),
        outcome => outcome.is_err(),
    };
    let found = bucket.look(object).await?;
    Ok(refused && found.is_some_and(|found| found.is_of("first")))
}

async fn try_checksums(bucket: &Bucket, object: &str) -> Result<bool, Trouble> {
    let wrong = Written::marked("wrong");
    let refused = match bucket.put(object, Bytes::from_static(b"bytes"), &digest(b"others"), &wrong, false).await {
        Err(trouble) if !trouble.is_refusal() || trouble.kind() == TroubleKind::Denied => return Err(trouble),
        outcome => outcome.is_err(),
    };
    // Also what tells whether the store says of an absent object that it is absent.
    Ok(bucket.look(object).await?.is_none() && refused)
}

/// Whether a range goes out as asked for.
async fn try_presentation(bucket: &Bucket, object: &str) -> Result<bool, Trouble> {
    let asked = Kept { content_type: "text/x-probe".to_owned(), content_disposition: "inline".to_owned() };
    let answer = bucket.get_presented(object, (1, 2), &asked).await?;
    let (content_type, disposition) = (answer.content_type(), answer.content_disposition());
    Ok(content_type == Some(&*asked.content_type) && disposition == Some(&*asked.content_disposition))
}

/// Whether parts may have checksums, and whether completion closes the parts.
async fn try_multipart(bucket: &Bucket, object: &str) -> Result<(bool, bool), Trouble> {
    use TroubleKind::{NotImplemented, Other, OutOfOrder};
    let (id, part_checksums) = match complete_one(bucket, object, true).await {
        Ok(id) => (id, true),
        Err(trouble) if matches!(trouble.kind(), NotImplemented | Other | OutOfOrder) => {
            (complete_one(bucket, object, false).await.map_err(Trouble::of_multipart)?, false)
        }
        Err(trouble) => return Err(trouble),
    };
    let closes_parts = match bucket.put_part(object, &id, 1, Bytes::from_static(LATE), None).await {
        Err(trouble) if trouble.is_refusal() => true,
        Err(trouble) => return Err(trouble),
        // Taken: what the object holds now tells whether that matters. One that cannot be read any more was changed, too.
        Ok(_) => {
            let unchanged = holds(bucket, object, COMPLETED).await;
            let _ = bucket.abort(object, &id).await;
            unchanged
        }
    };
    Ok((part_checksums, closes_parts))
}

/// Completes a multipart upload of one part, and gives its identifier.
async fn complete_one(bucket: &Bucket, object: &str, checksums: bool) -> Result<String, Trouble> {
    let mark = if checksums { "with checksums" } else { "without" };
    let id = bucket.begin(object, Some(mark), None, checksums).await?;
    let completed = async {
        let sha256 = checksums.then(|| digest(COMPLETED));
        let part = bucket.put_part(object, &id, 1, Bytes::from_static(COMPLETED), sha256).await?;
        bucket.complete(object, &id, &[part], false).await
    };
    let outcome = completed.await;
    // A completion whose answer was lost is refused the second time: what is there tells.
    let found = bucket.look(object).await?;
    if found.is_some_and(|found| found.size == COMPLETED.len() as u64 && found.is_of(mark)) {
        return Ok(id);
    }
    let _ = bucket.abort(object, &id).await;
    Err(outcome.err().unwrap_or(Trouble::silent("CompleteMultipartUpload", TroubleKind::NoMultipart)))
}

/// Whether the object can be read and has just these bytes.
async fn holds(bucket: &Bucket, object: &str, bytes: &[u8]) -> bool {
    match bucket.get(object, None).await {
        Ok(answer) => answer.body.collect().await.is_ok_and(|body| body.into_bytes() == bytes),
        Err(_) => false,
    }
}

/// How many parts a multipart upload may have, as far as that shows by the numbers that the store takes.
async fn try_part_limit(bucket: &Bucket, object: &str) -> Result<u32, Trouble> {
    let id = bucket.begin(object, None, None, false).await?;
    let mut limit = Ok(1);
    for most in PART_LIMITS {
        let number = i32::try_from(most).unwrap_or(i32::MAX);
        match bucket.put_part(object, &id, number, Bytes::from_static(COMPLETED), None).await {
            Ok(_) => {
                limit = Ok(most);
                break;
            }
            Err(trouble) if trouble.is_refusal() && trouble.kind() == TroubleKind::Other => {}
            Err(trouble) => {
                limit = Err(trouble);
                break;
            }
        }
    }
    let _ = bucket.abort(object, &id).await;
    limit
}
