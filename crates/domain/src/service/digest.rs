//! Digests that a client announces, held against the bytes.

use std::future::poll_fn;

use sha2::Digest;

use crate::error::{Error, Refused, Result};
use crate::model::{BlobKey, Sha256, Stored};
use crate::port::BlobStore;

/// What lies under `key`, verified: where nobody has verified its digest on the way, and one is `announced`, all bytes are
/// read, in constant memory.
///
/// # Errors
/// `Checksum` when it is another than announced.
pub(super) async fn verified(
    store: &dyn BlobStore,
    key: &BlobKey,
    stored: Stored,
    announced: Option<Sha256>,
) -> Result<Stored> {
    let Some(announced) = announced else { return Ok(stored) };
    let found = match stored.sha256 {
        Some(known) => known,
        None => read(store, key, stored.size).await?,
    };
    if found == announced {
        Ok(Stored { sha256: Some(found), ..stored })
    } else {
        Err(Error::Refused(Refused::Checksum))
    }
}

async fn read(store: &dyn BlobStore, key: &BlobKey, size: u64) -> Result<Sha256> {
    let mut bytes = store.get(key, size, 0..size).await?;
    let mut digest = sha2::Sha256::new();
    while let Some(piece) = poll_fn(|context| bytes.as_mut().poll_next(context)).await {
        digest.update(&piece?);
    }
    Ok(Sha256::from_bytes(digest.finalize().into()))
}
