//! One blob: how it is created, read and removed.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{BlobKey, Crc32, PartPlan, Sha256, Stored};
use clouddrive_domain::{Error, Result};

use crate::checksums::{crc32_text, parse_crc32, read_crc32};
use crate::files::{corrupt, options, remove, remove_tree, require_dir, storage_error, sync_dir};
use crate::manifest::read_part_plan;
use crate::temp_blob::{Sums, free_name};

/// A blob opened for reading.
pub(crate) enum OpenBlob {
    /// A file and its size in bytes.
    File(File, u64),
    /// A directory of parts.
    Parts(PartPlan),
}

impl OpenBlob {
    /// The size in bytes.
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            Self::Parts(plan) => plan.size(),
        }
    }
}

/// How a blob is stored.
enum Form {
    /// One file of this size in bytes.
    File(u64),
    /// A directory of parts.
    Parts(PartPlan),
}

/// The paths of one blob: a file of bytes with a checksum file beside it, or a directory of parts, which has no digest.
///
/// The digest is written before the bytes appear and removed before they do; a digest without bytes means nothing. So
/// a reader never sees a blob with the digest of another, and a crash in between is harmless.
#[derive(Clone, Debug)]
pub(crate) struct BlobPath {
    shard: PathBuf,
    blob: PathBuf,
    digest: PathBuf,
    lock: PathBuf,
    tmp: PathBuf,
}

impl BlobPath {
    /// The paths of the blob `key` below the directory `blobs`, with temporary files in `tmp`.
    pub(crate) fn new(blobs: &Path, tmp: &Path, key: &BlobKey) -> Self {
        let (shard, _) = key.as_str().split_at(2);
        let shard = blobs.join(shard);
        Self {
            blob: shard.join(key.as_str()),
            digest: shard.join(format!("{}.sha256", key.as_str())),
            lock: shard.join("lock"),
            tmp: tmp.to_owned(),
            shard,
        }
    }

    /// Checks that the shard directory exists. If not, the disk is not mounted, so a blob that seems missing may exist.
    pub(crate) fn check_mounted(&self) -> Result<()> {
        require_dir(&self.shard).map_err(storage_error)
    }

    /// The metadata of the blob's path, if it exists.
    fn find(&self) -> Result<Option<Metadata>> {
        self.check_mounted()?;
        match fs::symlink_metadata(&self.blob) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(storage_error(error)),
        }
    }

    /// Whether the blob exists.
    pub(crate) fn exists(&self) -> Result<bool> {
        Ok(self.find()?.is_some())
    }

    /// The path of the blob.
    pub(crate) fn blob(&self) -> &Path {
        &self.blob
    }

    /// The directory of temporary files.
    pub(crate) fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// The prefix of the blob's names in `tmp/`.
    pub(crate) fn stem(&self) -> &str {
        self.blob.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// How the blob is stored, if it exists.
    fn form(&self) -> Result<Option<Form>> {
        let Some(metadata) = self.find()? else { return Ok(None) };
        if metadata.is_file() {
            return Ok(Some(Form::File(metadata.len())));
        }
        if !metadata.is_dir() {
            return Err(corrupt("a blob is neither a file nor a directory"));
        }
        match read_part_plan(&self.blob) {
            Ok(plan) => Ok(Some(Form::Parts(plan))),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(storage_error(error)),
            // Removed in the meantime.
            Err(_) if self.find()?.is_none() => Ok(None),
            Err(_) => Err(corrupt("a blob in parts has no manifest")),
        }
    }

    /// Fails if the blob's path exists.
    pub(crate) fn require_absent(&self) -> Result<()> {
        if self.find()?.is_none() {
            return Ok(());
        }
        self.sync()?;
        Err(Error::Conflict(Conflict::BlobExists))
    }

    /// The size and checksums of the blob, if it exists.
    pub(crate) fn stored(&self) -> Result<Option<Stored>> {
        let stored = match self.form()? {
            None => return Ok(None),
            Some(Form::File(size)) => {
                let (sha256, crc32) = self.read_sums().map_err(storage_error)?;
                Stored { size, sha256, crc32, tag: None }
            }
            Some(Form::Parts(plan)) => {
                let crc32 = read_crc32(&self.blob).map_err(storage_error)?;
                Stored { size: plan.size(), sha256: None, crc32, tag: None }
            }
        };
        self.sync()?;
        Ok(Some(stored))
    }

    /// Syncs the shard directory, so that a blob is durable before its existence is reported: its writer may not have
    /// synced it yet, or may have crashed before it could.
    pub(crate) fn sync(&self) -> Result<()> {
        sync_dir(&self.shard).map_err(storage_error)
    }

    /// Reads the checksum file. Blobs written by earlier versions have no CRC-32.
    fn read_sums(&self) -> io::Result<(Option<Sha256>, Option<Crc32>)> {
        let file = match options().read(true).open(&self.digest) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((None, None)),
            opened => opened?,
        };
        let mut text = Vec::new();
        file.take(75).read_to_end(&mut text)?;
        let lines = std::str::from_utf8(&text).ok().and_then(|text| text.strip_suffix('\n'));
        Ok(lines.map_or((None, None), |lines| match lines.split_once('\n') {
            None => (Sha256::parse(lines).ok(), None),
            Some((sha256, crc32)) => match (Sha256::parse(sha256), parse_crc32(crc32)) {
                (Ok(sha256), Some(crc32)) => (Some(sha256), Some(crc32)),
                _ => (None, None),
            },
        }))
    }

    /// Opens the blob for reading.
    pub(crate) fn open(&self) -> Result<OpenBlob> {
        let size = match self.form()?.ok_or(Error::NotFound)? {
            Form::File(size) => size,
            Form::Parts(plan) => return Ok(OpenBlob::Parts(plan)),
        };
        match options().read(true).open(&self.blob) {
            Ok(file) => Ok(OpenBlob::File(file, size)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NotFound),
            Err(error) => Err(storage_error(error)),
        }
    }

    /// Durably publishes the synced file `bytes` as the blob, by a hard link.
    ///
    /// Of several concurrent calls, even across processes, one succeeds.
    pub(crate) fn publish(&self, bytes: &Path, sums: &Sums) -> Result<()> {
        self.check_mounted()?;
        let _lock = self.lock().map_err(storage_error)?;
        self.require_absent()?;
        let linked = self.write_sums(sums).and_then(|()| fs::hard_link(bytes, &self.blob));
        if let Err(error) = linked {
            // Clean up. If this fails as well, a digest without bytes means nothing.
            let _ = remove(&self.digest);
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => Error::Conflict(Conflict::BlobExists),
                _ => storage_error(error),
            });
        }
        // If this fails, keep the blob: another call may already have confirmed it.
        self.sync()
    }

    fn write_sums(&self, sums: &Sums) -> io::Result<()> {
        // A crash may have left a digest without bytes.
        remove(&self.digest)?;
        let mut file = options().write(true).create_new(true).open(&self.digest)?;
        file.write_all(format!("{}\n{}\n", sums.sha256, crc32_text(sums.crc32)).as_bytes())?;
        file.sync_all()
    }

    /// Durably removes the blob.
    pub(crate) fn remove(&self) -> Result<()> {
        self.check_mounted()?;
        let aside = {
            let _lock = self.lock().map_err(storage_error)?;
            let parts = self.find()?.is_some_and(|metadata| metadata.is_dir());
            let aside = if parts { self.rename_to_tmp(&self.blob).map_err(storage_error)? } else { None };
            // Remove the bytes last: the blob exists as long as they do.
            remove(&self.digest).and_then(|_| remove(&self.blob)).map_err(storage_error)?;
            // Sync even if there was nothing to remove: an earlier call may have crashed before its sync.
            self.sync()?;
            aside
        };
        // Removing many parts is slow, so do it outside the lock. A sweep removes later what fails here.
        aside.map(|tree| remove_tree(&tree).is_ok());
        Ok(())
    }

    /// Moves a directory into `tmp/`, where sweeps look; returns the new path, or `None` if it does not exist.
    pub(crate) fn rename_to_tmp(&self, directory: &Path) -> io::Result<Option<PathBuf>> {
        let aside = free_name(&self.tmp, self.stem())?;
        match fs::rename(directory, &aside) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Locks the shard against changes until the returned file is dropped or the process ends.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = options().write(true).create(true).truncate(false).open(&self.lock)?;
        file.lock()?;
        Ok(file)
    }
}
