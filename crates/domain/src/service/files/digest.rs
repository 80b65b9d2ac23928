//! Verification of digests announced by clients.

use std::future::poll_fn;

use sha2::Digest;

use crate::error::{Error, Refused, Result};
use crate::model::{BlobKey, Sha256, Stored};
use crate::port::BlobStore;

/// Verifies the bytes under `key` against the `announced` digest, if any. If their digest was not verified on arrival,
/// all bytes are read, in constant memory.
///
/// # Errors
/// `Checksum` when the digest differs from the announced one.
pub(in crate::service) async fn verified(
    store: &dyn BlobStore,
    key: &BlobKey,
    stored: Stored,
    announced: Option<Sha256>,
) -> Result<Stored> {
    let known = match stored.size {
        0 => Some(Sha256::from_bytes(sha2::Sha256::digest(b"").into())),
        _ => stored.sha256,
    };
    let Some(announced) = announced else { return Ok(Stored { sha256: known, ..stored }) };
    let found = match known {
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
