use std::io;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use clouddrive_domain::model::{BlobKey, Expected, MultipartUpload, Stored, Timestamp};
use clouddrive_domain::port::{BlobStore, ByteStream, ContentHeaders, Probe};
use clouddrive_domain::{Error, Result};
use futures_util::stream;

use crate::files::storage_error;
use crate::layout::Layout;
use crate::parts;
use crate::reader::Reader;
use crate::temp_blob::BodyWriter;
use crate::workers::Workers;

/// A blob store in a directory of the local disk. A blob is a file, or a directory of files if uploaded in parts.
///
/// Several processes may use one directory at once. The methods need a Tokio runtime.
#[derive(Clone, Debug)]
pub struct DiskStore {
    pub(crate) layout: Layout,
    pub(crate) workers: Workers,
}

impl DiskStore {
    /// Opens the store at `root`, which is created if missing. Blocks on the disk: call it at start-up.
    ///
    /// # Errors
    /// If a directory cannot be created, one below `root` is a symlink, or the file system cannot write, lock and link
    /// files. The message names `root`.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        let layout = Layout::make(&root)
            .map_err(|error| io::Error::new(error.kind(), format!("blobs below {}: {error}", root.display())))?;
        Ok(Self { layout, workers: Workers::new() })
    }
}

#[async_trait]
impl BlobStore for DiskStore {
    async fn put(&self, key: &BlobKey, body: ByteStream, expected: Expected, _: &ContentHeaders) -> Result<Stored> {
        let (layout, blob_path, key) = (self.layout.clone(), self.layout.blob_path(key), key.clone());
        let (temp_blob, blob_path) = self
            .workers
            .run(move || {
                blob_path.require_absent()?;
                Ok((layout.temp_blob(&key)?, blob_path))
            })
            .await?;
        let writer = BodyWriter::new(temp_blob, self.workers.clone());
        writer.run(body, expected, move |bytes, sums| blob_path.publish(bytes, sums)).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        let blob_path = self.layout.blob_path(key);
        self.workers.run(move || blob_path.stored()).await
    }

    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        let (blob_path, key) = (self.layout.blob_path(key), key.clone());
        let reader = self.workers.run(move || Reader::open(&blob_path, &key, size, range)).await?;
        let workers = self.workers.clone();
        Ok(Box::pin(stream::try_unfold(reader, move |mut reader| {
            let workers = workers.clone();
            async move { workers.run(move || Ok(reader.next()?.map(|piece| (piece, reader)))).await }
        })))
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        let blob_path = self.layout.blob_path(key);
        self.workers.run(move || blob_path.remove()).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64> {
        let layout = self.layout.clone();
        self.workers.run(move || layout.sweep(before).map_err(storage_error)).await
    }

    async fn list_incomplete<'a>(
        &self,
        before: Timestamp,
        after: Option<&'a MultipartUpload>,
    ) -> Result<Vec<MultipartUpload>> {
        let (layout, after) = (self.layout.clone(), after.cloned());
        self.workers
            .run(move || parts::list_incomplete(layout.parts(), before, after.as_ref()).map_err(storage_error))
            .await
    }

    async fn received_bytes(&self, multipart: &MultipartUpload) -> Result<u64> {
        let multipart_dir = self.layout.multipart_dir(&multipart.key);
        self.workers.run(move || multipart_dir.received_bytes()).await
    }

    async fn abort(&self, multipart: &MultipartUpload) -> Result<()> {
        let multipart_dir = self.layout.multipart_dir(&multipart.key);
        self.workers.run(move || multipart_dir.discard()).await
    }
}

#[async_trait]
impl Probe for DiskStore {
    async fn check(&self) -> Result<()> {
        let layout = self.layout.clone();
        self.workers.run(move || layout.check().map_err(|error| Error::unavailable("storage", error))).await
    }
}

#[cfg(test)]
mod tests;
