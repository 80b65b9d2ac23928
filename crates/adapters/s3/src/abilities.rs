//! What a store honours: found out at the start, by trying.

use std::fmt;

use bytes::Bytes;
use clouddrive_domain::model::BlobKey;
use clouddrive_domain::port::Random;

use crate::bucket::Bucket;
use crate::checksum::digest;
use crate::trouble::{Trouble, TroubleKind};

/// Below what the objects of trials lie, each for a moment.
pub(crate) const PREFIX: &str = ".clouddrive-probe/";

/// What a store was found to honour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// It refuses to write where something is, when asked to (`If-None-Match: *`). Where it does not, uploads go as
    /// multipart.
    pub conditional_writes: bool,
    /// It refuses bytes that have another SHA-256 than was announced, and keeps nothing of them.
    pub checksums: bool,
}

impl fmt::Display for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let honoured = |yes| if yes { "honoured" } else { "not honoured" };
        write!(f, "conditional writes {}, checksums {}", honoured(self.conditional_writes), honoured(self.checksums))
    }
}

/// The name of an object for a trial, that nothing else has.
pub(crate) fn object(random: &dyn Random) -> String {
    format!("{PREFIX}{}", BlobKey::generate(random).as_str())
}

/// Finds out what the store honours.
pub(crate) async fn probe(bucket: &Bucket, random: &dyn Random) -> Result<Abilities, Trouble> {
    let (first, second) = (object(random), object(random));
    let outcome = async {
        let conditional_writes = try_conditions(bucket, &first).await?;
        Ok(Abilities { conditional_writes, checksums: try_checksums(bucket, &second).await? })
    };
    let outcome = outcome.await;
    for object in [first, second] {
        let removed = bucket.delete(&object).await;
        if outcome.is_ok() {
            removed?;
        }
    }
    outcome
}

async fn try_conditions(bucket: &Bucket, object: &str) -> Result<bool, Trouble> {
    let put = async |text: &'static str, once| {
        bucket.put(object, Bytes::from_static(text.as_bytes()), &digest(text.as_bytes()), text, once).await
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
    let refused = match bucket.put(object, Bytes::from_static(b"bytes"), &digest(b"others"), "wrong", false).await {
        Err(trouble) if !trouble.is_refusal() || trouble.kind() == TroubleKind::Denied => return Err(trouble),
        outcome => outcome.is_err(),
    };
    // Also what tells whether the store says of an absent object that it is absent.
    Ok(bucket.look(object).await?.is_none() && refused)
}
