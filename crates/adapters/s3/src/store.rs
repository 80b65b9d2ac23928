use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream as Body;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Expected, StoreName, Stored, Ticket, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, ByteStream, Clock, Presentation, Probe, Random};
use clouddrive_domain::{Error, Result};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::abilities::{self, Abilities};
use crate::bucket::{Bucket, Kept, PREFIX, object};
use crate::settings::Settings;
use crate::trouble::{Trouble, TroubleKind};

/// A blob store in an S3 bucket, with presigned URLs.
///
/// Several processes may use one bucket at once. The methods need a Tokio runtime.
#[derive(Clone)]
pub struct S3Store {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) part_bytes: usize,
    abilities: Abilities,
    /// One lock for each first byte of a key, which serializes this process's writes to new keys.
    turns: Arc<Vec<Mutex<()>>>,
    /// The runtime of the connections, which outlives the callers' runtimes.
    runtime: Handle,
}

/// A call in progress, aborted on drop.
struct Call<T>(JoinHandle<Result<T>>);

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl S3Store {
    /// Opens the store, testing the bucket first with objects below `.clouddrive-probe/`.
    ///
    /// # Errors
    /// If the bucket cannot be used; with what to do about it.
    pub async fn open(settings: Settings, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, Trouble> {
        let bucket = Arc::new(Bucket::new(&settings).await);
        let trial = abilities::probe(&bucket, &*random, settings.max_parts);
        let abilities = tokio::time::timeout(settings.timeouts.call * 4, trial)
            .await
            .map_err(|_| Trouble::silent("PutObject", TroubleKind::NoAnswer))??;
        let turns = (0..=u8::MAX).map(|_| Mutex::new(())).collect();
        Ok(Self {
            bucket,
            clock,
            random,
            part_bytes: settings.part_bytes,
            abilities,
            turns: Arc::new(turns),
            runtime: Handle::current(),
        })
    }

    /// Runs `work` on the runtime of the connections.
    pub(crate) async fn run<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mut call = Call(self.runtime.spawn(work(self.clone()).in_current_span()));
        (&mut call.0).await.map_err(|fault| Error::internal("storage", fault))?
    }

    /// The features that the bucket supports.
    #[must_use]
    pub const fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// The headers to store with an object, so that range responses have them; `None` if URLs take care of that.
    pub(crate) fn kept(&self, presentation: &Presentation) -> Option<Kept> {
        (!self.abilities.presents_ranges).then(|| Kept::of(presentation))
    }

    /// A unique name: 128 random bits in hexadecimal.
    pub(crate) fn fresh(&self) -> String {
        BlobKey::generate(&*self.random).as_str().to_owned()
    }

    /// Locks `key` for a write and checks that it is free. Not needed if the store refuses overwrites.
    pub(crate) async fn turn(&self, key: &BlobKey) -> Result<Option<MutexGuard<'_, ()>>> {
        if self.abilities.conditional_writes {
            return Ok(None);
        }
        let (shard, _) = key.as_str().split_at(2);
        let turn = self.turns.get(usize::from_str_radix(shard, 16).unwrap_or_default());
        let turn = match turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        match self.bucket.look(&object(key)).await? {
            Some(_) => Err(Error::Conflict(Conflict::BlobExists)),
            None => Ok(turn),
        }
    }

    /// Streams the bytes of the range.
    async fn hand_out(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        // `Range` cannot express an empty range, and servers misread one that ends beyond `i64::MAX`.
        if range.is_empty() || i64::try_from(range.end).is_err() {
            require_size(key, size, self.size(key).await?)?;
            return Ok(Box::pin(stream::empty()));
        }
        let answer = match self.bucket.get(&object(key), Some((range.start, range.end - 1)), None).await {
            Err(trouble) if trouble.is_gone() => return Err(Error::NotFound),
            Err(trouble) if trouble.is("InvalidRange") => {
                return Err(Error::other_length(key, size, self.size(key).await?));
            }
            answer => answer?,
        };
        let found = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let found = found
            .ok_or_else(|| Error::internal("storage", "GetObject: the store does not tell which bytes it gives"))?;
        require_size(key, size, found)?;
        Ok(pieces(answer.body, range.end - range.start))
    }

    async fn begun_after(&self, before: Timestamp, after: Option<&Transfer>) -> Result<Vec<Transfer>> {
        let mut after = (
            after.map(|transfer| object(&transfer.key)),
            after.and_then(|transfer| Some(transfer.ticket.as_ref()?.as_str().to_owned())),
        );
        loop {
            let page = match self.bucket.uploads(PREFIX, after.clone()).await {
                // The operator then has to set a lifecycle rule.
                Err(trouble) if trouble.kind() == TroubleKind::NotImplemented => return Ok(Vec::new()),
                page => page?,
            };
            let mut old: Vec<Transfer> = page.uploads().iter().filter_map(|upload| begun(upload, before)).collect();
            // Pages are in key order, but some stores use another order within a page.
            old.sort();
            let next = (page.next_key_marker, page.next_upload_id_marker);
            // A page with only recent uploads is not the end.
            if !old.is_empty() || page.is_truncated != Some(true) || next == after {
                return Ok(old);
            }
            after = next;
        }
    }

    /// The size of the blob `key` in bytes.
    async fn size(&self, key: &BlobKey) -> Result<u64> {
        Ok(self.bucket.look(&object(key)).await?.ok_or(Error::NotFound)?.size)
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("bucket", &self.bucket.name)
            .field("abilities", &self.abilities)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for S3Store {
    fn name(&self) -> StoreName {
        StoreName("s3")
    }

    async fn put(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        presentation: &Presentation,
    ) -> Result<Stored> {
        let (key, kept) = (key.clone(), self.kept(presentation));
        self.run(|this| async move { this.take_in(&key, body, expected, kept).await }).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        let object = object(key);
        self.run(|this| async move { Ok(this.bucket.look(&object).await?.map(|found| found.stored())) }).await
    }

    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        let key = key.clone();
        self.run(|this| async move { this.hand_out(&key, size, range).await }).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        let object = object(key);
        self.run(|this| async move { Ok(this.bucket.delete(&object).await?) }).await
    }

    async fn sweep(&self, _: Timestamp) -> Result<u64> {
        Ok(0)
    }

    async fn received_bytes(&self, transfer: &Transfer) -> Result<u64> {
        let transfer = transfer.clone();
        self.run(|this| async move { this.received(&transfer).await }).await
    }

    async fn discard(&self, transfer: &Transfer) -> Result<()> {
        let transfer = transfer.clone();
        let work = |this: Self| async move {
            let object = object(&transfer.key);
            match &transfer.ticket {
                Some(ticket) => this.bucket.abort(&object, ticket.as_str()).await?,
                // Its URL may outlive it. `delete` removes this object, too, when the blob's record goes.
                None if this.abilities.signs_once() => return Ok(this.bucket.block(&object).await?),
                None => {}
            }
            Ok(this.bucket.delete(&object).await?)
        };
        self.run(work).await
    }

    async fn list_begun<'a>(&self, before: Timestamp, after: Option<&'a Transfer>) -> Result<Vec<Transfer>> {
        let after = after.cloned();
        self.run(|this| async move { this.begun_after(before, after.as_ref()).await }).await
    }
}

#[async_trait]
impl Probe for S3Store {
    async fn check(&self) -> Result<()> {
        let check = |this: Self| async move {
            this.bucket.check().await.map_err(|trouble| Error::unavailable("storage", trouble))
        };
        self.run(check).await
    }
}

/// Fails unless `found` equals `size`.
fn require_size(key: &BlobKey, size: u64, found: u64) -> Result<()> {
    if found == size { Ok(()) } else { Err(Error::other_length(key, size, found)) }
}

/// Streams `body`, which must have `size` bytes.
fn pieces(body: Body, size: u64) -> ByteStream {
    let broken = || Error::unavailable("storage", Trouble::silent("GetObject", TroubleKind::NoAnswer));
    Box::pin(stream::try_unfold((body, size), move |(mut body, left)| async move {
        match body.next().await {
            Some(Ok(piece)) if piece.len() as u64 <= left => {
                let left = left - piece.len() as u64;
                Ok(Some((piece, (body, left))))
            }
            None if left == 0 => Ok(None),
            _ => Err(broken()),
        }
    }))
}

/// The transfer, if it is one of ours begun before `before`.
fn begun(upload: &aws_sdk_s3::types::MultipartUpload, before: Timestamp) -> Option<Transfer> {
    let key = BlobKey::parse(upload.key()?.strip_prefix(PREFIX)?)?;
    let at = Timestamp::from_millis(upload.initiated()?.to_millis().ok()?);
    let ticket = Ticket::parse(upload.upload_id()?)?;
    (at < before).then_some(Transfer { key, ticket: Some(ticket) })
}
