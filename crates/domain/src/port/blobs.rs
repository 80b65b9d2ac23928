use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use super::Presentation;
use crate::error::Result;
use crate::model::{BlobKey, Expected, StoreName, Stored, Timestamp, Transfer};

/// Bytes on their way, in pieces: never whole in memory. After an error nothing more comes.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Where the bytes lie, under keys that the domain makes up.
///
/// A key is written once and never again.
///
/// # Errors
/// Every method answers [`Unavailable`](crate::Error::Unavailable) when the store is out of reach or full.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// What the store is called in the rows of its blobs.
    fn name(&self) -> StoreName;

    /// Stores `body` under `key`, durably: when this returns, a crash of the machine loses nothing of it. It is stored
    /// wholly or not at all, also when the future is dropped half-way. A store whose signed URLs do not always say what they
    /// are to say of the bytes may keep `presentation`, which is known by now, with them.
    ///
    /// # Errors
    /// [`BlobExists`](crate::error::Conflict::BlobExists) when there is a blob under `key`, whose bytes stay as they are;
    /// [`Refused`](crate::Error::Refused): `Size` when `body` has not exactly the expected length, `TooLarge` when it
    /// passes the most that is taken, `Checksum` when its digest is not the expected one; whatever error `body` yields.
    async fn put(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        presentation: &Presentation,
    ) -> Result<Stored>;

    /// What lies under `key`, if anything does.
    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>>;

    /// Of the `size` bytes under `key` those from `range.start` up to, not including, `range.end`, which is not past `size`.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) when nothing lies under `key`; [`Damaged`](crate::Error::Damaged) when the blob
    /// has not just `size` bytes.
    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream>;

    /// Removes the blob. That there is none is no error.
    async fn delete(&self, key: &BlobKey) -> Result<()>;

    /// Removes what is left of writes that began before `before` and never ended, and tells how many those were; without
    /// what [`list_begun`](Self::list_begun) finds.
    async fn sweep(&self, before: Timestamp) -> Result<u64>;

    /// Transfers that were begun before `before` and neither finished nor discarded, after `after`, in the order of their
    /// keys and tickets: some of them, or none when there are no more. Writes by [`put`](Self::put) may be among them. A
    /// store that keeps no books of transfers has none.
    async fn list_begun<'a>(&self, before: Timestamp, after: Option<&'a Transfer>) -> Result<Vec<Transfer>>;

    /// Gives a transfer up and removes what has arrived, also when it is finished. That there is none is no error.
    async fn discard(&self, transfer: &Transfer) -> Result<()>;
}
