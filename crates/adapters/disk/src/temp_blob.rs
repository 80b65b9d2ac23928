//! A write in progress: a file in `tmp/` that is removed when the write ends, successfully or not.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clouddrive_domain::error::Refused;
use clouddrive_domain::model::{Crc32, Expected, Length, Sha256, Stored};
use clouddrive_domain::port::ByteStream;
use clouddrive_domain::{Error, Result};
use futures_util::StreamExt;
use sha2::Digest;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::files::{options, remove, storage_error};
use crate::space;
use crate::workers::{Workers, finish, start};

/// The size of a write, in bytes. A stream holds two such buffers: one is written while the other fills.
const WRITE_BYTES: usize = 512 * 1024;

/// Free disk space is checked again every this many bytes.
const SPACE_CHECK_BYTES: u64 = 1 << 20;

/// The next number for a name in `tmp/`.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// An unused path in `directory` with the prefix `stem`.
pub(crate) fn free_name(directory: &Path, stem: &str) -> io::Result<PathBuf> {
    loop {
        let path = next_name(directory, stem);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
}

fn next_name(directory: &Path, stem: &str) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    directory.join(format!("{stem}.{}-{number}", std::process::id()))
}

/// A file being written, and the checksums of its bytes so far.
pub(crate) struct TempBlob {
    temp: Option<TempFile>,
    digest: sha2::Sha256,
    crc32: crc32fast::Hasher,
    size: u64,
    /// The number of bytes written when the free disk space was last checked.
    space_checked_at: u64,
}

/// The checksums of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) sha256: Sha256,
    pub(crate) crc32: Crc32,
}

/// A temporary file, unlinked on drop.
struct TempFile {
    file: File,
    path: PathBuf,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // If this fails, a sweep removes it later.
        let _ = remove(&self.path);
    }
}

impl TempBlob {
    /// Creates an empty file in `directory`, with the prefix `stem`.
    pub(crate) fn create(directory: &Path, stem: &str) -> io::Result<Self> {
        loop {
            let path = next_name(directory, stem);
            match options().write(true).create_new(true).open(&path) {
                // Process IDs repeat in containers, so a crashed process may have left this name.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    let temp = TempFile { file: made?, path };
                    let (digest, crc32) = (sha2::Sha256::new(), crc32fast::Hasher::new());
                    return Ok(Self { temp: Some(temp), digest, crc32, size: 0, space_checked_at: 0 });
                }
            }
        }
    }

    fn temp(&mut self) -> io::Result<&mut TempFile> {
        self.temp.as_mut().ok_or_else(|| io::Error::other("the write was given up"))
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let space_checked_at = self.space_checked_at;
        let due = self.size - space_checked_at >= SPACE_CHECK_BYTES;
        let TempFile { file, path } = self.temp()?;
        if let Some(directory) = path.parent().filter(|_| due) {
            space::require(directory)?;
        }
        file.write_all(bytes)?;
        self.digest.update(bytes);
        self.crc32.update(bytes);
        self.space_checked_at = if due { self.size } else { space_checked_at };
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Syncs and locks the file and hard-links it beside itself, to test that the file system supports this.
    pub(crate) fn probe_link(&mut self) -> io::Result<PathBuf> {
        let TempFile { file, path } = self.temp()?;
        file.sync_all()?;
        file.lock()?;
        let other = path.with_added_extension("link");
        fs::hard_link(path, &other)?;
        Ok(other)
    }

    /// Verifies the digest, syncs the file and calls `publish` to give it its final name.
    fn commit(&mut self, publish: impl FnOnce(&Path, &Sums) -> Result<()>, expected: Option<Sha256>) -> Result<Stored> {
        let sha256 = Sha256::from_bytes(self.digest.clone().finalize().into());
        let crc32 = Crc32(self.crc32.clone().finalize());
        if expected.is_some_and(|expected| expected != sha256) {
            return Err(Error::Refused(Refused::Checksum));
        }
        let temp = self.temp().map_err(storage_error)?;
        temp.file.sync_all().map_err(storage_error)?;
        publish(&temp.path, &Sums { sha256, crc32 })?;
        self.discard();
        Ok(Stored { size: self.size, sha256: Some(sha256), crc32: Some(crc32), tag: None })
    }

    /// Closes the file and removes its temporary name.
    fn discard(&mut self) {
        self.temp = None;
    }
}

/// Streams a body into a [`TempBlob`] from async code.
pub(crate) struct BodyWriter {
    temp_blob: Arc<Mutex<TempBlob>>,
    workers: Workers,
    /// The write in progress, which returns its buffer for reuse.
    writing: Option<JoinHandle<Result<Vec<u8>>>>,
    ended: bool,
}

impl BodyWriter {
    pub(crate) fn new(temp_blob: TempBlob, workers: Workers) -> Self {
        Self { temp_blob: Arc::new(Mutex::new(temp_blob)), workers, writing: None, ended: false }
    }

    /// Writes `body`, then calls `publish` with the temporary path and the checksums. Leaves nothing behind on failure.
    pub(crate) async fn run(
        mut self,
        body: ByteStream,
        expected: Expected,
        publish: impl FnOnce(&Path, &Sums) -> Result<()> + Send + 'static,
    ) -> Result<Stored> {
        let outcome = match self.fill(body, expected.length).await {
            Ok(()) => {
                let temp_blob = Arc::clone(&self.temp_blob);
                self.workers.run(move || lock(&temp_blob).commit(publish, expected.sha256)).await
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // Report the first error.
            let _ = self.finish_write().await;
            let temp_blob = Arc::clone(&self.temp_blob);
            let gone = self.workers.run(move || {
                lock(&temp_blob).discard();
                Ok(())
            });
            let _ = gone.await;
        }
        self.ended = true;
        outcome
    }

    async fn fill(&mut self, mut body: ByteStream, length: Length) -> Result<()> {
        let (max, too_long) = match length {
            Length::Exactly(size) => (size, Refused::Size),
            Length::AtMost(limit) => (limit, Refused::TooLarge { limit }),
        };
        let mut received = 0_u64;
        // Copy the pieces: a tiny `Bytes` may keep a large network buffer alive.
        let mut buffer = Vec::new();
        while let Some(piece) = body.next().await {
            let mut piece = piece?;
            received = received.saturating_add(piece.len() as u64);
            if received > max {
                return Err(Error::Refused(too_long));
            }
            while !piece.is_empty() {
                let room = WRITE_BYTES - buffer.len();
                buffer.extend_from_slice(&piece.split_to(room.min(piece.len())));
                if buffer.len() == WRITE_BYTES {
                    buffer = self.write(buffer).await?;
                }
            }
        }
        if matches!(length, Length::Exactly(size) if size != received) {
            return Err(Error::Refused(Refused::Size));
        }
        if !buffer.is_empty() {
            self.write(buffer).await?;
        }
        self.finish_write().await?;
        Ok(())
    }

    /// Starts to write `full` and returns an empty buffer.
    async fn write(&mut self, mut full: Vec<u8>) -> Result<Vec<u8>> {
        let empty = self.finish_write().await?;
        let permit = self.workers.permit().await?;
        let temp_blob = Arc::clone(&self.temp_blob);
        self.writing = Some(start(permit, move || {
            lock(&temp_blob).write(&full).map_err(storage_error)?;
            full.clear();
            Ok(full)
        }));
        Ok(empty)
    }

    /// Waits for the write in progress, if any, and returns its buffer.
    async fn finish_write(&mut self) -> Result<Vec<u8>> {
        let Some(writing) = &mut self.writing else {
            return Ok(Vec::new());
        };
        let outcome = finish(writing).await;
        self.writing = None;
        outcome
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        // Freeing a large file blocks for a while. Without a runtime, rely on the drop of `TempBlob`.
        if !self.ended
            && let Ok(runtime) = Handle::try_current()
        {
            let temp_blob = Arc::clone(&self.temp_blob);
            runtime.spawn_blocking(move || lock(&temp_blob).discard());
        }
    }
}

fn lock(temp_blob: &Mutex<TempBlob>) -> MutexGuard<'_, TempBlob> {
    temp_blob.lock().unwrap_or_else(PoisonError::into_inner)
}
