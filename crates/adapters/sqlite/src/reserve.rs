//! Disk space reserved beside the database, so that users can still log in, delete and purge on a full disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clouddrive_domain::Error;
use clouddrive_sql::error::SqlError;
use diesel::result::Error as DieselError;

use crate::error::is_full;

/// The size of the reserve, in bytes: the usual maximum of the write-ahead log, and thousands of deletions.
const RESERVED_BYTES: u64 = 16 << 20;

/// The reserve is given up when fewer bytes than this are free on the disk.
const LOW_BYTES: u64 = 8 << 20;

/// How a transaction uses the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// It adds permanent data, such as a folder, an upload or an account.
    Growing,
    /// It is needed to free space, or is small.
    Essential,
}

/// A placeholder file that reserves disk space.
#[derive(Debug)]
pub(crate) struct DiskReserve {
    path: PathBuf,
    /// Whether the reserve has been given up.
    released: AtomicBool,
}

impl DiskReserve {
    /// The reserve of the database at `path`. Allocates nothing yet.
    pub(crate) fn for_database(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".reserve");
        Self { path: name.into(), released: AtomicBool::new(false) }
    }

    /// Allocates the reserve if there is room for it, or gives it up if there is none.
    pub(crate) fn allocate_or_release(&self) {
        let Some(free) = self.free_bytes() else { return };
        if free < LOW_BYTES {
            self.release();
            return;
        }
        let kept = fs::metadata(&self.path).is_ok_and(|file| file.len() >= RESERVED_BYTES);
        if kept || (free >= RESERVED_BYTES + 2 * LOW_BYTES && self.allocate_file().is_ok()) {
            if self.released.swap(false, Ordering::Relaxed) {
                tracing::info!("database disk has room again");
            }
        } else if !self.released.swap(true, Ordering::Relaxed) {
            tracing::warn!("database disk is almost full: writes that add data are refused");
        }
    }

    /// Checks before each transaction whether it may begin.
    ///
    /// # Errors
    /// [`Unavailable`](Error::Unavailable) for [`Demand::Growing`], on a full disk.
    pub(crate) fn admit(&self, demand: Demand) -> Result<(), SqlError> {
        if self.is_released() || self.free_bytes().is_some_and(|free| free < LOW_BYTES) {
            self.allocate_or_release();
        }
        if demand == Demand::Growing { self.check() } else { Ok(()) }
    }

    /// Gives the reserve up after an `error` of a transaction that found the disk full, so that the next one finds
    /// room.
    pub(crate) fn release_if_full(&self, error: &DieselError) {
        if is_full(error) {
            self.release();
        }
    }

    /// # Errors
    /// [`Unavailable`](Error::Unavailable) if the reserve has been given up.
    pub(crate) fn check(&self) -> Result<(), SqlError> {
        match self.is_released() {
            true => Err(Error::unavailable("database", "the disk is full: delete something, or make room").into()),
            false => Ok(()),
        }
    }

    fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    fn release(&self) {
        let had = fs::remove_file(&self.path).is_ok();
        if !self.released.swap(true, Ordering::Relaxed) {
            tracing::error!(
                reserved_bytes = if had { RESERVED_BYTES } else { 0 },
                "the disk is full: nothing can be added until there is room; what was reserved lets users \
                 log in and delete"
            );
        }
    }

    fn allocate_file(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let kept = options.open(&self.path).and_then(|mut file| allocate(&mut file));
        if kept.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        kept
    }

    /// The number of free bytes on the disk; `None` if unknown.
    fn free_bytes(&self) -> Option<u64> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        free_bytes(directory)
    }
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Allocates the file's space on the disk, without writing it if the file system supports that.
fn allocate(file: &mut File) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    match rustix::fs::fallocate(&*file, rustix::fs::FallocateFlags::empty(), 0, RESERVED_BYTES) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        outcome => return Ok(outcome?),
    }
    let block = [0x5a; 1 << 16];
    for _ in 0..RESERVED_BYTES / block.len() as u64 {
        file.write_all(&block)?;
    }
    file.sync_all().map_err(|error| io::Error::new(ErrorKind::StorageFull, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_reserved_released_and_reserved_again() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = DiskReserve::for_database(&directory.path().join("clouddrive.db"));
        let file = directory.path().join("clouddrive.db.reserve");
        reserve.admit(Demand::Growing).unwrap();
        assert!(!file.exists(), "beside a server that may be at work nothing is set aside");
        reserve.allocate_or_release();
        assert_eq!(fs::metadata(&file).unwrap().len(), RESERVED_BYTES);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            assert!(fs::metadata(&file).unwrap().blocks() * 512 >= RESERVED_BYTES, "it takes up space");
        }
        reserve.release();
        assert!(!file.exists());
        reserve.check().unwrap_err();
        // The disk has room, so the reserve is allocated again.
        reserve.admit(Demand::Growing).unwrap();
        assert!(file.exists());
    }
}
