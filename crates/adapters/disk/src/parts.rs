//! Blobs uploaded in parts: a directory of files that becomes the blob by a rename.
//!
//! The directory contains its manifest before it gets its name, and a part is complete before it gets its own, so
//! neither is ever visible half-written. All changes of names are made under the lock of the blob's shard.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{BlobKey, Crc32, MultipartUpload, MultipartUploadId, Part, PartPlan, Stored, Timestamp};
use clouddrive_domain::{Error, Result};

use crate::blob_path::BlobPath;
use crate::checksums::{append_part_crc32, combined_crc32, write_whole_crc32};
use crate::files::{corrupt, make_dir, remove_tree, require_dir, storage_error, sync_dir};
use crate::manifest::{begun_at, part_name, part_path, read_part_plan, write_part_plan};
use crate::temp_blob::free_name;

/// The identifier of every multipart upload of several parts: the key alone tells them apart.
const MULTIPART_ID: &str = "parts";

/// The number of multipart uploads per page.
const PAGE: usize = 1000;

/// The multipart identifier of a multipart upload with this plan: none for a single part.
pub(crate) fn multipart_id(plan: PartPlan) -> Option<MultipartUploadId> {
    MultipartUploadId::parse(MULTIPART_ID).ok().filter(|_| !plan.is_single())
}

/// The multipart upload for `key`.
pub(crate) fn multipart(key: BlobKey) -> MultipartUpload {
    MultipartUpload { key, multipart_id: MultipartUploadId::parse(MULTIPART_ID).ok() }
}

/// A page of the multipart uploads in the directory `all` begun before `before`, starting after `after`.
pub(crate) fn list_incomplete(
    all: &Path,
    before: Timestamp,
    after: Option<&MultipartUpload>,
) -> io::Result<Vec<MultipartUpload>> {
    require_dir(all)?;
    let mut page = BTreeSet::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        let Some(key) = entry.file_name().to_str().and_then(|name| BlobKey::parse(name).ok()) else { continue };
        let begun = multipart(key);
        if after.is_some_and(|after| begun <= *after) {
            continue;
        }
        match begun_at(&entry.path()) {
            Ok(at) if at < before => _ = page.insert(begun),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            // Too recent, or has just ended.
            _ => {}
        }
        if page.len() > PAGE {
            page.pop_last();
        }
    }
    Ok(page.into_iter().collect())
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(storage_error(error)),
    }
}

/// The directory that collects the parts of one multipart upload, and the paths of the resulting blob.
#[derive(Clone, Debug)]
pub(crate) struct MultipartDir {
    /// The directory of all multipart uploads.
    all: PathBuf,
    directory: PathBuf,
    blob_path: BlobPath,
}

impl MultipartDir {
    pub(crate) fn new(all: &Path, key: &BlobKey, blob_path: BlobPath) -> Self {
        Self { all: all.to_owned(), directory: all.join(key.as_str()), blob_path }
    }

    /// Checks that the store's directories exist. If one is missing, the disk is not mounted.
    fn check_mounted(&self) -> Result<()> {
        require_dir(&self.all).map_err(storage_error)?;
        self.blob_path.check_mounted()
    }

    /// Durably creates the directory for the parts.
    pub(crate) fn begin(&self, plan: PartPlan) -> Result<()> {
        self.check_mounted()?;
        let temp_dir = free_name(self.blob_path.tmp(), self.blob_path.stem()).map_err(storage_error)?;
        let made = make_dir(&temp_dir)
            .and_then(|()| write_part_plan(&temp_dir, plan))
            .and_then(|()| sync_dir(&temp_dir))
            .and_then(|()| fs::rename(&temp_dir, &self.directory));
        if let Err(error) = made {
            // If this fails, a sweep removes it later.
            let _ = remove_tree(&temp_dir);
            return Err(storage_error(error));
        }
        sync_dir(&self.all).map_err(storage_error)
    }

    /// Fails if the part `number` has been received, or if the multipart upload has ended.
    pub(crate) fn require_missing(&self, number: u32) -> Result<()> {
        self.check_mounted()?;
        if exists(&part_path(&self.directory, number))? {
            return Err(self.part_exists_error());
        }
        if exists(&self.directory)? { Ok(()) } else { Err(self.ended_error()) }
    }

    /// Durably publishes the complete, synced file `bytes` as the part `number`.
    pub(crate) fn publish(&self, bytes: &Path, number: u32, crc32: Crc32) -> Result<()> {
        self.check_mounted()?;
        let _lock = self.blob_path.lock().map_err(storage_error)?;
        match fs::hard_link(bytes, part_path(&self.directory, number)) {
            Ok(()) => {
                sync_dir(&self.directory).map_err(storage_error)?;
                // The part is valid without a recorded checksum.
                let _ = append_part_crc32(&self.directory, number, crc32);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(self.part_exists_error()),
            Err(error) if error.kind() == ErrorKind::NotFound && !exists(&self.directory)? => Err(self.ended_error()),
            Err(error) => Err(storage_error(error)),
        }
    }

    /// The error for a part that exists. Syncs the directory first, so that the reported part is durable.
    fn part_exists_error(&self) -> Error {
        match sync_dir(&self.directory) {
            // `NotFound`: the multipart upload has just finished, so its parts are durable, too.
            Err(error) if error.kind() != ErrorKind::NotFound => storage_error(error),
            _ => Error::Conflict(Conflict::BlobExists),
        }
    }

    /// The error for a multipart upload whose directory is gone: finished, or discarded.
    fn ended_error(&self) -> Error {
        match self.blob_path.stored() {
            Ok(Some(_)) => Error::Conflict(Conflict::BlobExists),
            Ok(None) => Error::Conflict(Conflict::UploadClosed),
            Err(error) => error,
        }
    }

    /// The durable parts received so far, ordered by number; all parts of `plan` if the blob is complete.
    pub(crate) fn received(&self, plan: PartPlan) -> Result<Vec<Part>> {
        self.check_mounted()?;
        if let Some(parts) = self.list()? {
            match sync_dir(&self.directory) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(storage_error(error)),
                _ => return Ok(parts),
            }
        }
        let whole = self.blob_path.stored()?.is_some_and(|stored| stored.size == plan.size());
        Ok(if whole { plan.parts().collect() } else { Vec::new() })
    }

    /// The bytes received so far, in parts or as the blob.
    pub(crate) fn received_bytes(&self) -> Result<u64> {
        self.check_mounted()?;
        match self.list()? {
            Some(parts) => Ok(parts.iter().map(|part| part.size).sum()),
            None => Ok(self.blob_path.stored()?.map_or(0, |stored| stored.size)),
        }
    }

    fn list(&self) -> Result<Option<Vec<Part>>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(storage_error)?,
        };
        let mut parts = Vec::new();
        for entry in entries {
            let entry = entry.map_err(storage_error)?;
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(number) = number.filter(|&number| entry.file_name() == *part_name(number)) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => parts.push(Part { number, size: metadata.len() }),
                Ok(_) => return Err(corrupt("a part is not a file")),
                // The multipart upload is being discarded.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(storage_error(error)),
            }
        }
        parts.sort_by_key(|part| part.number);
        Ok(Some(parts))
    }

    /// Durably turns the parts into the blob. Concurrent calls, even across processes, all return the same result.
    pub(crate) fn finish(&self, plan: PartPlan) -> Result<Stored> {
        self.check_mounted()?;
        let _lock = self.blob_path.lock().map_err(storage_error)?;
        if let Some(stored) = self.blob_path.stored()? {
            return if stored.size == plan.size() { Ok(stored) } else { Err(Error::Refused(Refused::Size)) };
        }
        let parts = self.list()?.unwrap_or_default();
        plan.check(&parts)?;
        if read_part_plan(&self.directory).map_err(storage_error)? != plan {
            return Err(corrupt("a multipart upload has another manifest than it began with"));
        }
        let crc32 = combined_crc32(&self.directory, &parts).map_err(storage_error)?;
        if let Some(crc32) = crc32 {
            write_whole_crc32(&self.directory, crc32).map_err(storage_error)?;
        }
        sync_dir(&self.directory).map_err(storage_error)?;
        fs::rename(&self.directory, self.blob_path.blob()).map_err(storage_error)?;
        // If one of these fails, keep the blob: a retry finds it and syncs its name.
        self.blob_path.sync()?;
        sync_dir(&self.all).map_err(storage_error)?;
        Ok(Stored { size: plan.size(), sha256: None, crc32, tag: None })
    }

    /// Durably removes the parts, or the blob if the multipart upload is finished.
    pub(crate) fn discard(&self) -> Result<()> {
        self.check_mounted()?;
        let aside = {
            let _lock = self.blob_path.lock().map_err(storage_error)?;
            let aside = self.blob_path.rename_to_tmp(&self.directory).map_err(storage_error)?;
            sync_dir(&self.all).map_err(storage_error)?;
            aside
        };
        // If this fails, a sweep removes it later.
        aside.map(|tree| remove_tree(&tree).is_ok());
        self.blob_path.remove()
    }
}
