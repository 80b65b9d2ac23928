//! Directory layout below the root.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clouddrive_domain::Result;
use clouddrive_domain::model::{BlobKey, Timestamp};

use crate::blob_path::BlobPath;
use crate::files::{
    directories, make_dir, make_dirs, modified, remove, remove_tree, require_dir, storage_error, sync_dir,
};
use crate::parts::MultipartDir;
use crate::space;
use crate::temp_blob::TempBlob;

/// The directories of a store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    blobs: PathBuf,
    parts: PathBuf,
    tmp: PathBuf,
}

impl Layout {
    /// Creates the directories durably and tests the file system.
    pub(crate) fn make(root: &Path) -> io::Result<Self> {
        let layout = Self { blobs: root.join("blobs"), parts: root.join("parts"), tmp: root.join("tmp") };
        make_dirs(root)?;
        make_dir(&layout.tmp)?;
        make_dir(&layout.parts)?;
        make_dir(&layout.blobs)?;
        // Create all shards now, so that a missing one later means the disk is not mounted.
        let present = directories(&layout.blobs)?;
        for shard in (0..=u8::MAX).map(|shard| OsString::from(format!("{shard:02x}"))) {
            if !present.contains(&shard) {
                make_dir(&layout.blobs.join(shard))?;
            }
        }
        sync_dir(&layout.blobs)?;
        sync_dir(root)?;
        match layout.probe_write() {
            // Existing blobs can still be read and removed.
            Err(error) if space::is_full(&error) => Ok(layout),
            outcome => outcome.map(|()| layout),
        }
    }

    /// Tests the file system: writes, locks, links and removes a small file.
    pub(crate) fn probe_write(&self) -> io::Result<()> {
        let mut first = TempBlob::create(&self.tmp, "probe")?;
        first.write(b"probe")?;
        let second = first.probe_link()?;
        if remove(&second)? { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    /// Creates a temporary file for the bytes of a new blob.
    pub(crate) fn temp_blob(&self, key: &BlobKey) -> Result<TempBlob> {
        let room = require_dir(&self.tmp).and_then(|()| space::require(&self.tmp));
        room.and_then(|()| TempBlob::create(&self.tmp, key.as_str())).map_err(storage_error)
    }

    /// Checks that blobs can be written: there is space, and the file system supports what the store needs.
    pub(crate) fn check(&self) -> io::Result<()> {
        space::require(&self.tmp)?;
        self.probe_write()
    }

    /// The paths of the blob `key`.
    pub(crate) fn blob_path(&self, key: &BlobKey) -> BlobPath {
        BlobPath::new(&self.blobs, &self.tmp, key)
    }

    /// The multipart upload that collects the parts of the blob `key`.
    pub(crate) fn multipart_dir(&self, key: &BlobKey) -> MultipartDir {
        MultipartDir::new(&self.parts, key, self.blob_path(key))
    }

    /// The directory of all multipart uploads.
    pub(crate) fn parts(&self) -> &Path {
        &self.parts
    }

    /// Removes everything in `tmp/` last modified before `before`; returns the number of files and directories removed.
    pub(crate) fn sweep(&self, before: Timestamp) -> io::Result<u64> {
        require_dir(&self.tmp)?;
        let mut removed = 0;
        for entry in fs::read_dir(&self.tmp)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if modified(&metadata)? < before => {
                    let path = entry.path();
                    removed += u64::from(if metadata.is_dir() { remove_tree(&path)? } else { remove(&path)? });
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Too recent, or its write has just ended.
                _ => {}
            }
        }
        Ok(removed)
    }
}
