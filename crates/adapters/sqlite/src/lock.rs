use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A lock that keeps a second server off the same database, for as long as this value lives.
///
/// The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes the lock beside the database at `path`; none when another process has it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(fault)) => Err(fault),
        }
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
}
