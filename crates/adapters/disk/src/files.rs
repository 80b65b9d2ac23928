//! What the store asks of the file system: no symlink is followed, and nobody else may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use clouddrive_domain::Error;

/// How every file of the store is opened: a symlink in its place is an error, and a new one is its owner's alone.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    options
}

/// Makes the directory, durably, and what is missing above it. One that is there stays as it is.
pub(crate) fn make_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dirs(parent)?;
    make_dir(path)?;
    sync_dir(parent)
}

/// Makes the directory in one that is there. A symlink in its place is an error.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has a mode to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && fs::symlink_metadata(path)?.is_dir() => Ok(()),
        made => made,
    }
}

/// Checks that a directory stands there, and no symlink to one.
pub(crate) fn require_dir(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { Ok(()) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// Makes durable which names the directory holds.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file, and its file system keeps the order by itself.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes the file, and tells whether there was one.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the directory and all below it, and tells whether there was one. No symlink is followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a failed call amounts to: the store is out of reach or full, unless something stands there that the store
/// never made.
pub(crate) fn fault(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::InvalidData => broken(error),
        _ => Error::unavailable("storage", error),
    }
}

/// What the store holds is not what it wrote.
pub(crate) fn broken(source: impl Into<clouddrive_domain::error::BoxedError>) -> Error {
    Error::internal("storage", source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_unavailable() {
        for kind in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::PermissionDenied,
            ErrorKind::NotFound,
            ErrorKind::Other,
        ] {
            assert!(matches!(fault(kind.into()), Error::Unavailable { part: "storage", .. }), "{kind}");
        }
        assert!(matches!(fault(ErrorKind::IsADirectory.into()), Error::Internal { part: "storage", .. }));
    }

    #[cfg(unix)]
    #[test]
    fn directories_are_made_whole_and_belong_to_their_owner() {
        use std::os::unix::fs::PermissionsExt;

        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/c");
        make_dirs(&path).unwrap();
        make_dirs(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);

        let link = home.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(make_dir(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
