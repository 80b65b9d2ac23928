use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::connector::open_private;

/// A lock that keeps a second server off the same database for as long as this value lives.
///
/// The operating system releases it when the process ends, even by a crash.
#[derive(Debug)]
pub struct ServerLock {
    _files: [File; 2],
}

impl ServerLock {
    /// Takes the lock of the database at `path`; returns `None` if another process holds it.
    ///
    /// It consists of two locks. The one on the file beside the database is lost if that file is deleted, but earlier
    /// versions know no other. The one on the database file itself lasts as long as the database. It is of another kind
    /// than SQLite's own locks, so they do not interfere; but the file must not be closed before the process ends,
    /// since that would release SQLite's locks as well.
    ///
    /// # Errors
    /// If a file cannot be opened, created or locked.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let Some(beside) = try_lock(OpenOptions::new().create(true).truncate(false).write(true).open(beside)?)? else {
            return Ok(None);
        };
        let database = try_lock(open_private(path)?)?;
        Ok(database.map(|database| Self { _files: [beside, database] }))
    }
}

/// Locks the file; returns `None` if another process has locked it.
fn try_lock(file: File) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clouddrive.db");
        let first = ServerLock::acquire(&path).unwrap();
        assert!(first.is_some());
        assert!(ServerLock::acquire(&path).unwrap().is_none());
        drop(first);
        assert!(ServerLock::acquire(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_outlives_the_file_beside_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clouddrive.db");
        let first = ServerLock::acquire(&path).unwrap();
        std::fs::remove_file(dir.path().join("clouddrive.db.lock")).unwrap();
        assert!(ServerLock::acquire(&path).unwrap().is_none());
        drop(first);
        assert!(ServerLock::acquire(&path).unwrap().is_some());
    }
}
