use std::io;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use clouddrive_domain::model::{BlobKey, Expected, StoreName, Stored, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, ByteStream, Presentation, Probe};
use clouddrive_domain::{Error, Result};
use futures_util::stream;

use crate::draft::Intake;
use crate::files::fault;
use crate::layout::Layout;
use crate::parts;
use crate::reader::Reader;
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
    fn name(&self) -> StoreName {
        StoreName("disk")
    }

    async fn put(&self, key: &BlobKey, body: ByteStream, expected: Expected, _: &Presentation) -> Result<Stored> {
        let (layout, place, key) = (self.layout.clone(), self.layout.place(key), key.clone());
        let (draft, place) = self
            .workers
            .run(move || {
                place.require_free()?;
                Ok((layout.draft(&key)?, place))
            })
            .await?;
        let intake = Intake::new(draft, self.workers.clone());
        intake.run(body, expected, move |bytes, sums| place.publish(bytes, sums)).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        let place = self.layout.place(key);
        self.workers.run(move || place.stored()).await
    }

    async fn get(&self, key: &BlobKey, size: u64, range: Range<u64>) -> Result<ByteStream> {
        let (place, key) = (self.layout.place(key), key.clone());
        let reader = self.workers.run(move || Reader::open(&place, &key, size, range)).await?;
        let workers = self.workers.clone();
        Ok(Box::pin(stream::try_unfold(reader, move |mut reader| {
            let workers = workers.clone();
            async move { workers.run(move || Ok(reader.next()?.map(|piece| (piece, reader)))).await }
        })))
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        let place = self.layout.place(key);
        self.workers.run(move || place.remove()).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64> {
        let layout = self.layout.clone();
        self.workers.run(move || layout.sweep(before).map_err(fault)).await
    }

    async fn list_begun<'a>(&self, before: Timestamp, after: Option<&'a Transfer>) -> Result<Vec<Transfer>> {
        let (layout, after) = (self.layout.clone(), after.cloned());
        self.workers.run(move || parts::list_begun(layout.parts(), before, after.as_ref()).map_err(fault)).await
    }

    async fn received_bytes(&self, transfer: &Transfer) -> Result<u64> {
        let gathering = self.layout.gathering(&transfer.key);
        self.workers.run(move || gathering.received_bytes()).await
    }

    async fn discard(&self, transfer: &Transfer) -> Result<()> {
        let gathering = self.layout.gathering(&transfer.key);
        self.workers.run(move || gathering.discard()).await
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
