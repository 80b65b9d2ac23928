use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use clouddrive_domain::model::{BlobKey, Expected, StoreName, Stored, Timestamp, Transfer};
use clouddrive_domain::port::{BlobStore, ByteStream, Probe};
use clouddrive_domain::{Error, Result};
use futures_util::stream;

use crate::draft::Intake;
use crate::files::{broken, fault};
use crate::layout::Layout;
use crate::workers::Workers;

/// How many bytes are read at once.
const READ_BYTES: u64 = 256 * 1024;

/// Blobs as files below one directory of the local disk.
///
/// Any number of processes may use one directory at once. Its methods run on a Tokio runtime.
#[derive(Clone, Debug)]
pub struct DiskStore {
    layout: Layout,
    workers: Workers,
}

impl DiskStore {
    /// The store below `root`, which is made if it is missing. It waits for the disk, so it is meant for start-up.
    ///
    /// # Errors
    /// When a directory cannot be made, a symlink stands in the place of one, or the file system cannot write, lock and
    /// link files. The message names `root`.
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

    async fn put(&self, key: &BlobKey, body: ByteStream, expected: Expected) -> Result<Stored> {
        let (layout, place, key) = (self.layout.clone(), self.layout.place(key), key.clone());
        let (draft, place) = self
            .workers
            .run(move || {
                place.require_free()?;
                Ok((layout.draft(&key)?, place))
            })
            .await?;
        Intake::new(draft, self.workers.clone()).run(body, expected, place).await
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<Stored>> {
        let place = self.layout.place(key);
        self.workers.run(move || place.stored()).await
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<ByteStream> {
        let place = self.layout.place(key);
        let left = range.end.saturating_sub(range.start);
        let file = self
            .workers
            .run(move || {
                let (mut file, size) = place.open()?;
                if range.end > size {
                    return Err(Error::RangeNotSatisfiable { size });
                }
                file.seek(SeekFrom::Start(range.start)).map_err(fault)?;
                Ok(file)
            })
            .await?;
        let workers = self.workers.clone();
        Ok(Box::pin(stream::try_unfold((file, left), move |(mut file, left)| {
            let workers = workers.clone();
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let size = left.min(READ_BYTES);
                let (piece, file) = workers.run(move || Ok((read(&mut file, size)?, file))).await?;
                Ok(Some((piece, (file, left - size))))
            }
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

    async fn list_begun<'a>(&self, _: Timestamp, _: Option<&'a Transfer>) -> Result<Vec<Transfer>> {
        Ok(Vec::new())
    }

    async fn discard(&self, transfer: &Transfer) -> Result<()> {
        self.delete(&transfer.key).await
    }
}

#[async_trait]
impl Probe for DiskStore {
    async fn check(&self) -> Result<()> {
        let layout = self.layout.clone();
        self.workers.run(move || layout.trial().map_err(|error| Error::unavailable("storage", error))).await
    }
}

/// The next `size` bytes.
fn read(file: &mut std::fs::File, size: u64) -> Result<Bytes> {
    let mut piece = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(size).read_to_end(&mut piece).map_err(fault)?;
    if piece.len() as u64 == size { Ok(piece.into()) } else { Err(broken("a blob has fewer bytes than before")) }
}

#[cfg(test)]
mod tests;
