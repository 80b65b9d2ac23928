use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream as Body;
use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Expected, MultipartUpload, MultipartUploadId, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, Clock, ContentHeaders, Probe, Random};
use clouddrive_domain::{Error, Result};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::bucket::{Bucket, PREFIX, StoredHeaders, object};
use crate::capabilities::{self, Capabilities};
use crate::error::{S3Error, S3ErrorKind};
use crate::settings::Settings;
use crate::url_signer::UrlSigner;

/// A blob store in an S3 bucket, with presigned URLs.
///
/// Several processes may use one bucket at once. The methods need a Tokio runtime.
#[derive(Clone)]
pub struct S3Store {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) part_bytes: usize,
    pub(crate) url_signer: Arc<UrlSigner>,
    capabilities: Capabilities,
    /// One lock for each first byte of a key, which serializes this process's writes to new keys.
    key_locks: Arc<Vec<Mutex<()>>>,
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
    pub async fn open(settings: Settings, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, S3Error> {
        let bucket = Arc::new(Bucket::new(&settings).await);
        let probe = capabilities::probe(&bucket, &*random, settings.max_parts);
        let capabilities = tokio::time::timeout(settings.timeouts.call * 4, probe)
            .await
            .map_err(|_| S3Error::without_response("PutObject", S3ErrorKind::TimedOut))??;
        let url_signer = Arc::new(UrlSigner::new(&settings, bucket.clients.credentials.clone()).await?);
        let key_locks = (0..=u8::MAX).map(|_| Mutex::new(())).collect();
        Ok(Self {
            bucket,
            clock,
            random,
            part_bytes: settings.part_bytes,
            url_signer,
            capabilities,
            key_locks: Arc::new(key_locks),
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
        (&mut call.0).await.map_err(|error| Error::internal("storage", error))?
    }

    /// The features that the bucket supports.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// The headers to store with an object, so that range responses have them; `None` if URLs take care of that.
    pub(crate) fn stored_headers(&self, content_headers: &ContentHeaders) -> Option<StoredHeaders> {
        (!self.capabilities.range_headers).then(|| StoredHeaders::new(content_headers))
    }

    /// A unique name: 128 random bits in hexadecimal.
    pub(crate) fn random_mark(&self) -> String {
        BlobKey::generate(&*self.random).as_str().to_owned()
    }

    /// Locks `key` for a write and checks that it is free. Not needed if the store refuses overwrites.
    pub(crate) async fn lock_key(&self, key: &BlobKey) -> Result<Option<MutexGuard<'_, ()>>> {
        if self.capabilities.conditional_writes {
            return Ok(None);
        }
        let (shard, _) = key.as_str().split_at(2);
        let lock = self.key_locks.get(usize::from_str_radix(shard, 16).unwrap_or_default());
        let lock = match lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        match self.bucket.find(&object(key)).await? {
            Some(_) => Err(Error::Conflict(Conflict::BlobExists)),
            None => Ok(lock),
        }
    }

    /// Streams the bytes of the range.
    async fn download(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        // `Range` cannot express an empty range, and servers misread one that ends beyond `i64::MAX`.
        if range.is_empty() || i64::try_from(range.end).is_err() {
            require_size(key, size, self.size(key).await?)?;
            return Ok(Box::pin(stream::empty()));
        }
        let answer = match self.bucket.get(&object(key), Some((range.start, range.end - 1)), None).await {
            Err(error) if error.is_missing() => return Err(Error::NotFound),
            Err(error) if error.is("InvalidRange") => {
                return Err(Error::wrong_length(key, size, self.size(key).await?));
            }
            answer => answer?,
        };
        let found = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let found = found
            .ok_or_else(|| Error::internal("storage", "GetObject: the store does not tell which bytes it gives"))?;
        require_size(key, size, found)?;
        Ok(pieces(answer.body, range.end - range.start))
    }

    async fn begun_after(&self, before: Timestamp, after: Option<&MultipartUpload>) -> Result<Vec<MultipartUpload>> {
        let mut after = (
            after.map(|multipart| object(&multipart.key)),
            after.and_then(|multipart| Some(multipart.multipart_id.as_ref()?.as_str().to_owned())),
        );
        loop {
            let page = match self.bucket.uploads(PREFIX, after.clone()).await {
                // The operator then has to set a lifecycle rule.
                Err(error) if error.kind() == S3ErrorKind::NotImplemented => return Ok(Vec::new()),
                page => page?,
            };
            let mut old: Vec<MultipartUpload> =
                page.uploads().iter().filter_map(|upload| begun(upload, before)).collect();
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
        Ok(self.bucket.find(&object(key)).await?.ok_or(Error::NotFound)?.size)
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("bucket", &self.bucket.name)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for S3Store {
    async fn put(
        &self,
        key: &BlobKey,
        body: ByteStream,
        expected: Expected,
        content_headers: &ContentHeaders,
    ) -> Result<Stored> {
        let (key, stored_headers) = (key.clone(), self.stored_headers(content_headers));
        self.run(|this| async move { this.upload(&key, body, expected, stored_headers).await }).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        let object = object(key);
        self.run(|this| async move { Ok(this.bucket.find(&object).await?.map(|found| found.stored())) }).await
    }

    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        let key = key.clone();
        self.run(|this| async move { this.download(&key, size, range).await }).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        let object = object(key);
        self.run(|this| async move { Ok(this.bucket.delete(&object).await?) }).await
    }

    async fn sweep(&self, _: Timestamp) -> Result<u64> {
        Ok(0)
    }

    async fn received_bytes(&self, multipart: &MultipartUpload) -> Result<u64> {
        let multipart = multipart.clone();
        self.run(|this| async move { this.stored_bytes(&multipart).await }).await
    }

    async fn abort(&self, multipart: &MultipartUpload) -> Result<()> {
        let multipart = multipart.clone();
        let work = |this: Self| async move {
            let object = object(&multipart.key);
            match &multipart.multipart_id {
                Some(multipart_id) => this.bucket.abort(&object, multipart_id.as_str()).await?,
                // Its URL may outlive it. `delete` removes this object, too, when the blob's record goes.
                None if this.capabilities.signs_once() => return Ok(this.bucket.write_tombstone(&object).await?),
                None => {}
            }
            Ok(this.bucket.delete(&object).await?)
        };
        self.run(work).await
    }

    async fn list_incomplete<'a>(
        &self,
        before: Timestamp,
        after: Option<&'a MultipartUpload>,
    ) -> Result<Vec<MultipartUpload>> {
        let after = after.cloned();
        self.run(|this| async move { this.begun_after(before, after.as_ref()).await }).await
    }
}

#[async_trait]
impl Probe for S3Store {
    async fn check(&self) -> Result<()> {
        let check =
            |this: Self| async move { this.bucket.check().await.map_err(|error| Error::unavailable("storage", error)) };
        self.run(check).await
    }
}

/// Fails unless `found` equals `size`.
fn require_size(key: &BlobKey, size: u64, found: u64) -> Result<()> {
    if found == size { Ok(()) } else { Err(Error::wrong_length(key, size, found)) }
}

/// Streams `body`, which must have `size` bytes.
fn pieces(body: Body, size: u64) -> ByteStream {
    let broken = || Error::unavailable("storage", S3Error::without_response("GetObject", S3ErrorKind::TimedOut));
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

/// The multipart upload, if it is one of ours begun before `before`.
fn begun(upload: &aws_sdk_s3::types::MultipartUpload, before: Timestamp) -> Option<MultipartUpload> {
    let key = BlobKey::parse(upload.key()?.strip_prefix(PREFIX)?).ok()?;
    let at = Timestamp::from_millis(upload.initiated()?.to_millis().ok()?);
    let multipart_id = MultipartUploadId::parse(upload.upload_id()?).ok()?;
    (at < before).then_some(MultipartUpload { key, multipart_id: Some(multipart_id) })
}
