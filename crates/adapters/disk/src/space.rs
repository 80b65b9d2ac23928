//! Reserved disk space, which blobs leave free so that the database on the same disk, and deletions, keep working.

use std::io::{self, ErrorKind};
use std::path::Path;

/// The number of bytes that blobs leave free on their disk.
pub(crate) const MIN_FREE_BYTES: u64 = 24 << 20;

/// Fails if the disk has no space for more blobs.
pub(crate) fn require(directory: &Path) -> io::Result<()> {
    match free_bytes(directory)? {
        Some(free) if free < MIN_FREE_BYTES => {
            Err(io::Error::new(ErrorKind::StorageFull, format!("the disk is full: {free} bytes are free")))
        }
        _ => Ok(()),
    }
}

/// Whether the error means that there is no space left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> io::Result<Option<u64>> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}
