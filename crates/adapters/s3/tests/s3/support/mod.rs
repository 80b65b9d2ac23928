//! Test support.

pub(crate) mod front;
mod quirks;
pub(crate) mod server;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, Expected, Length, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, Clock, Random};
use clouddrive_s3::{S3Store, Settings};
use futures_util::{TryStreamExt, stream};

/// The system clock, which the servers use too.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(since.as_millis().try_into().unwrap())
    }
}

/// The system's randomness, because tests share a bucket.
pub(crate) struct MachineRandom;

impl Random for MachineRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

pub(crate) fn key() -> BlobKey {
    BlobKey::generate(&MachineRandom)
}

pub(crate) async fn open(settings: Settings) -> S3Store {
    S3Store::open(settings, Arc::new(MachineClock), Arc::new(MachineRandom)).await.unwrap()
}

/// Bytes without local repetition.
pub(crate) fn sample(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

pub(crate) fn body(bytes: &[u8]) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(65_536).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

pub(crate) fn exactly(size: usize) -> Expected {
    Expected { length: Length::Exactly(size as u64), sha256: None }
}

pub(crate) async fn read(store: &dyn BlobStore, key: &BlobKey, size: usize) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = store.get(key, size as u64, 0..size as u64).await?.try_collect().await?;
    Ok(pieces.concat())
}
