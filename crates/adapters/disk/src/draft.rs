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

use crate::files::{fault, options, remove};
use crate::space;
use crate::workers::{Workers, finish, start};

/// The size of a write, in bytes. A transfer holds two such buffers: one is written while the other fills.
const WRITE_BYTES: usize = 512 * 1024;

/// Free disk space is checked again every this many bytes.
const LOOK_BYTES: u64 = 1 << 20;

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
pub(crate) struct Draft {
    temp: Option<Temp>,
    digest: sha2::Sha256,
    crc32: crc32fast::Hasher,
    size: u64,
    /// The number of bytes written when the free disk space was last checked.
    looked_at: u64,
}

/// The checksums of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) sha256: Sha256,
    pub(crate) crc32: Crc32,
}

/// A temporary file, unlinked on drop.
struct Temp {
    file: File,
    path: PathBuf,
}

impl Drop for Temp {
    fn drop(&mut self) {
        // If this fails, a sweep removes it later.
        let _ = remove(&self.path);
    }
}

impl Draft {
    /// Creates an empty file in `directory`, with the prefix `stem`.
    pub(crate) fn create(directory: &Path, stem: &str) -> io::Result<Self> {
        loop {
            let path = next_name(directory, stem);
            match options().write(true).create_new(true).open(&path) {
                // Process IDs repeat in containers, so a crashed process may have left this name.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    let temp = Temp { file: made?, path };
                    let (digest, crc32) = (sha2::Sha256::new(), crc32fast::Hasher::new());
                    return Ok(Self { temp: Some(temp), digest, crc32, size: 0, looked_at: 0 });
                }
            }
        }
    }

    fn temp(&mut self) -> io::Result<&mut Temp> {
        self.temp.as_mut().ok_or_else(|| io::Error::other("the write was given up"))
    }

    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let looked_at = self.looked_at;
        let due = self.size - looked_at >= LOOK_BYTES;
        let Temp { file, path } = self.temp()?;
        if let Some(directory) = path.parent().filter(|_| due) {
            space::require(directory)?;
        }
        file.write_all(bytes)?;
        self.digest.update(bytes);
        self.crc32.update(bytes);
        self.looked_at = if due { self.size } else { looked_at };
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Syncs and locks the file and hard-links it beside itself, to test that the file system supports this.
    pub(crate) fn link_beside(&mut self) -> io::Result<PathBuf> {
        let Temp { file, path } = self.temp()?;
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
        let temp = self.temp().map_err(fault)?;
        temp.file.sync_all().map_err(fault)?;
        publish(&temp.path, &Sums { sha256, crc32 })?;
        self.discard();
        Ok(Stored { size: self.size, sha256: Some(sha256), crc32: Some(crc32), tag: None })
    }

    /// Closes the file and removes its temporary name.
    fn discard(&mut self) {
        self.temp = None;
    }
}

/// Streams a body into a [`Draft`] from async code.
pub(crate) struct Intake {
    draft: Arc<Mutex<Draft>>,
    workers: Workers,
    /// The write in progress, which returns its buffer for reuse.
    writing: Option<JoinHandle<Result<Vec<u8>>>>,
    ended: bool,
}

impl Intake {
    pub(crate) fn new(draft: Draft, workers: Workers) -> Self {
        Self { draft: Arc::new(Mutex::new(draft)), workers, writing: None, ended: false }
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
                let draft = Arc::clone(&self.draft);
                self.workers.run(move || hold(&draft).commit(publish, expected.sha256)).await
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // Report the first error.
            let _ = self.settle().await;
            let draft = Arc::clone(&self.draft);
            let gone = self.workers.run(move || {
                hold(&draft).discard();
                Ok(())
            });
            let _ = gone.await;
        }
        self.ended = true;
        outcome
    }

    async fn fill(&mut self, mut body: ByteStream, length: Length) -> Result<()> {
        let (most, too_long) = match length {
            Length::Exactly(size) => (size, Refused::Size),
            Length::AtMost(limit) => (limit, Refused::TooLarge { limit }),
        };
        let mut received = 0_u64;
        // Copy the pieces: a tiny `Bytes` may keep a large network buffer alive.
        let mut buffer = Vec::new();
        while let Some(piece) = body.next().await {
            let mut piece = piece?;
            received = received.saturating_add(piece.len() as u64);
            if received > most {
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
        self.settle().await?;
        Ok(())
    }

    /// Starts to write `full` and returns an empty buffer.
    async fn write(&mut self, mut full: Vec<u8>) -> Result<Vec<u8>> {
        let empty = self.settle().await?;
        let turn = self.workers.turn().await?;
        let draft = Arc::clone(&self.draft);
        self.writing = Some(start(turn, move || {
            hold(&draft).write(&full).map_err(fault)?;
            full.clear();
            Ok(full)
        }));
        Ok(empty)
    }

    /// Waits for the write in progress, if any, and returns its buffer.
    async fn settle(&mut self) -> Result<Vec<u8>> {
        let Some(writing) = &mut self.writing else {
            return Ok(Vec::new());
        };
        let outcome = finish(writing).await;
        self.writing = None;
        outcome
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // Freeing a large file blocks for a while. Without a runtime, rely on the draft's own drop.
        if !self.ended
            && let Ok(runtime) = Handle::try_current()
        {
            let draft = Arc::clone(&self.draft);
            runtime.spawn_blocking(move || hold(&draft).discard());
        }
    }
}

fn hold(draft: &Mutex<Draft>) -> MutexGuard<'_, Draft> {
    draft.lock().unwrap_or_else(PoisonError::into_inner)
}
