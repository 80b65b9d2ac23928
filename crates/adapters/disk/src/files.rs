//! File system operations: symlinks are not followed, and files are private to their owner.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use clouddrive_domain::Error;
use clouddrive_domain::model::Timestamp;

/// The options to open every file of the store: a symlink is an error, and new files have mode 0600.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    options
}

/// Durably creates the directory and its missing parents. An existing directory is unchanged.
pub(crate) fn make_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dirs(parent)?;
    make_dir(path)?;
    sync_dir(parent)
}

/// Creates the directory, if missing, in an existing parent. A symlink in its place is an error.
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

/// The names of the directories in the directory at `path`, without symlinks.
pub(crate) fn directories(path: &Path) -> io::Result<HashSet<OsString>> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.insert(entry.file_name());
        }
    }
    Ok(names)
}

/// Checks that `path` is a directory, and not a symlink to one.
pub(crate) fn require_dir(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { Ok(()) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// Makes the directory's entries durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    // On other systems a directory cannot be opened as a file, and the file system keeps the order by itself.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Removes the file; returns whether it existed.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the directory recursively; returns whether it existed. Symlinks are not followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The modification time.
pub(crate) fn modified(metadata: &Metadata) -> io::Result<Timestamp> {
    let start = Timestamp::from_millis(0);
    let modified = metadata.modified()?;
    Ok(modified
        .duration_since(std::time::UNIX_EPOCH)
        .map_or_else(|earlier| start.minus(earlier.duration()), |later| start.plus(later)))
}

/// Maps an I/O error: `Internal` if something is there that the store did not create, else `Unavailable` (unreachable
/// or full).
pub(crate) fn storage_error(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::InvalidData => corrupt(error),
        _ => Error::unavailable("storage", error),
    }
}

/// The error for contents that the store did not write.
pub(crate) fn corrupt(source: impl Into<clouddrive_domain::error::BoxedError>) -> Error {
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
            assert!(matches!(storage_error(kind.into()), Error::Unavailable { part: "storage", .. }), "{kind}");
        }
        assert!(matches!(storage_error(ErrorKind::IsADirectory.into()), Error::Internal { part: "storage", .. }));
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
