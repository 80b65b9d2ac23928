use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::invariants::is_key;
use crate::ports::{ByteStream, CheckError, IncompleteUpload, IncompleteUploadStream, Object, ObjectStream, Objects};

/// The size of a read, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The maximum number of buffered pieces.
const MAX_BUFFERED: usize = 8;

/// The prefix for entries of `blobs/` that are not shard directories. It sorts after all keys.
const OTHER_ENTRIES: &str = "~/";

/// The suffix of the digest file beside each blob.
const DIGEST: &str = ".sha256";

/// The manifest in a directory of parts: one line with the total size and the size of all parts but the last.
const MANIFEST: &str = "manifest";

/// A store on the local disk. `blobs/` contains directories named after the first two digits of the keys. A blob is a
/// file, or a directory of parts: files named by their zero-padded numbers. Incomplete blobs are such directories in
/// `parts/`.
#[derive(Clone)]
pub struct Disk {
    name: String,
    root: PathBuf,
    gathered: PathBuf,
}

impl Disk {
    /// Creates a reader of the store in the directory `root`, which blob rows call `name`.
    #[must_use]
    pub fn new(root: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), root: root.join("blobs"), gathered: root.join("parts") }
    }

    /// The path of the blob `key`; `None` if it is not a valid key.
    fn place(&self, key: &str) -> Option<PathBuf> {
        let shard = key.get(..2).filter(|_| is_key(key))?;
        Some(self.root.join(shard).join(key))
    }
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir(directory)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// The files of a blob.
fn parts(path: &Path, metadata: &Metadata) -> io::Result<Vec<PathBuf>> {
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    // Files with other names contain metadata of the parts.
    let names = names(path)?.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(names.map(|name| path.join(name)).collect())
}

/// The modification time, in milliseconds since 1970 in UTC.
fn modified_at(metadata: &Metadata) -> io::Result<i64> {
    let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// The total size and the part size from the manifest in `directory`.
fn manifest(directory: &Path) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = Vec::new();
    match File::open(directory.join(MANIFEST)) {
        Ok(file) => file.take(64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = str::from_utf8(&bytes).unwrap_or_default();
    let numbers = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
    Ok(numbers.and_then(|(all, part)| Some((all.parse().ok()?, part.parse().ok().filter(|part| *part > 0)?))))
}

/// Why these parts (path and size) in `directory` are not a valid blob, if so.
fn broken(directory: &Path, parts: &[(PathBuf, u64)]) -> io::Result<Option<&'static str>> {
    let Some((all, part)) = manifest(directory)? else { return Ok(Some("it has no manifest that can be read")) };
    let whole = parts.len() as u64 == all.div_ceil(part)
        && (1..).zip(parts).all(|(number, (path, size))| {
            let rest = all.saturating_sub((number - 1) * part);
            path.ends_with(format!("{number:05}")) && *size == part.min(rest)
        });
    Ok((!whole).then_some("its parts are not those of its manifest"))
}

/// The object at `path`. Symlinks are not followed.
fn object(key: &str, path: &Path) -> io::Result<Option<Object>> {
    let gone = |error: io::Error| if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return gone(error),
    };
    let sizes = |parts: Vec<PathBuf>| {
        let size = |part: PathBuf| fs::symlink_metadata(&part).map(|metadata| (part, metadata.len()));
        parts.into_iter().map(size).collect::<io::Result<Vec<_>>>()
    };
    let parts = match parts(path, &metadata).and_then(sizes) {
        Ok(parts) => parts,
        Err(error) => return gone(error),
    };
    Ok(Some(Object {
        key: key.to_owned(),
        size: parts.iter().map(|(_, size)| size).sum(),
        modified_at: modified_at(&metadata)?,
        broken: if metadata.is_dir() { broken(path, &parts)? } else { None },
    }))
}

/// The incomplete uploads. `parts/` may be missing, as in a copy of `blobs/` alone; that the disk is mounted is
/// checked by listing the blobs.
fn incomplete_uploads(gathered: &Path) -> io::Result<Vec<IncompleteUpload>> {
    let mut incomplete_uploads = Vec::new();
    let names = match names(gathered) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(incomplete_uploads),
        names => names?,
    };
    for key in names.into_iter().filter(|name| is_key(name)) {
        match fs::symlink_metadata(gathered.join(&key).join(MANIFEST)) {
            Ok(metadata) => incomplete_uploads.push(IncompleteUpload { key, begun_at: modified_at(&metadata)? }),
            // The upload has just ended.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(incomplete_uploads)
}

/// The objects in a shard directory, in order. A blob in the wrong shard gets its path as key, so no row matches it.
fn shard(root: &Path, shard: &str) -> io::Result<Vec<Object>> {
    let directory = root.join(shard);
    let mut objects = Vec::new();
    for name in names(&directory)? {
        if name == "lock" || name.strip_suffix(DIGEST).is_some_and(is_key) {
            continue;
        }
        let belongs = is_key(&name) && name.starts_with(shard);
        let key = if belongs { name.clone() } else { format!("{shard}/{name}") };
        objects.extend(object(&key, &directory.join(&name))?);
    }
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(objects)
}

/// Sends all objects of the store in order: shard directories are named after the prefix of their keys.
fn walk(root: &Path, found: &mpsc::Sender<Result<Object, CheckError>>) -> io::Result<()> {
    let is_shard =
        |name: &String| Ok::<_, io::Error>(name.len() == 2 && fs::symlink_metadata(root.join(name))?.is_dir());
    let mut beside = Vec::new();
    for name in names(root)? {
        let objects = if is_shard(&name)? {
            shard(root, &name)?
        } else {
            beside.extend(object(&format!("{OTHER_ENTRIES}{name}"), &root.join(&name))?);
            continue;
        };
        for object in objects {
            if found.blocking_send(Ok(object)).is_err() {
                return Ok(());
            }
        }
    }
    for object in beside {
        let _ = found.blocking_send(Ok(object));
    }
    Ok(())
}

/// Sends the bytes of the files in sequence; stops early if the blob is being removed.
fn read(parts: &[PathBuf], pieces: &mpsc::Sender<Result<Bytes, CheckError>>) -> io::Result<()> {
    for part in parts {
        let mut file = match File::open(part) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        loop {
            let mut piece = Vec::with_capacity(READ_BYTES);
            if Read::by_ref(&mut file).take(READ_BYTES as u64).read_to_end(&mut piece)? == 0 {
                break;
            }
            if pieces.blocking_send(Ok(piece.into())).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Streams what `work` sends from a blocking thread.
fn sent<T: Send + 'static>(
    work: impl FnOnce(&mpsc::Sender<Result<T, CheckError>>) -> io::Result<()> + Send + 'static,
) -> stream::BoxStream<'static, Result<T, CheckError>> {
    let (sender, receiver) = mpsc::channel(MAX_BUFFERED);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = work(&sender) {
            let _ = sender.blocking_send(Err(CheckError::storage(&error)));
        }
    });
    stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))).boxed()
}

#[async_trait]
impl Objects for Disk {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> ObjectStream {
        let root = self.root.clone();
        sent(move |found| walk(&root, found))
    }

    fn incomplete_uploads(&self) -> IncompleteUploadStream {
        let gathered = self.gathered.clone();
        sent(move |found| {
            for upload in incomplete_uploads(&gathered)? {
                if found.blocking_send(Ok(upload)).is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    async fn find(&self, key: &str) -> Result<Option<Object>, CheckError> {
        let (key, path) =
            (key.to_owned(), self.place(key).unwrap_or_else(|| self.root.join(key.trim_start_matches(OTHER_ENTRIES))));
        let looking = tokio::task::spawn_blocking(move || object(&key, &path));
        looking.await.map_err(|error| CheckError::storage(&error))?.map_err(|error| CheckError::storage(&error))
    }

    async fn read(&self, key: &str) -> Result<Option<ByteStream>, CheckError> {
        let Some(path) = self.place(key) else { return Ok(None) };
        let listing = tokio::task::spawn_blocking(move || match fs::symlink_metadata(&path) {
            Ok(metadata) => match parts(&path, &metadata) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                parts => parts.map(Some),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let parts =
            listing.await.map_err(|error| CheckError::storage(&error))?.map_err(|error| CheckError::storage(&error))?;
        Ok(parts.map(|parts| sent(move |pieces| read(&parts, pieces))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn objects_are_listed_by_key_and_foreign_files_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let key = |shard: &str, rest: &str| format!("{shard}{}", rest.repeat(30));
        let put = |path: String, text: &str| {
            let path = dir.path().join("blobs").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(format!("0a/{}", key("0a", "1")), "four");
        put(format!("0a/{}.sha256", key("0a", "1")), "a digest");
        put("0a/lock".to_owned(), "");
        put(format!("ff/{}/00002", key("ff", "0")), "tw");
        put(format!("ff/{}/00001", key("ff", "0")), "one");
        put(format!("ff/{}/manifest", key("ff", "0")), "5 3\n");
        put(format!("0b/{}", key("0a", "2")), "misplaced");
        put("0a.stray".to_owned(), "x");
        let disk = Disk::new(dir.path(), "disk");
        let all: Vec<Object> = disk.list().map(Result::unwrap).collect().await;
        let reported: Vec<(&str, u64)> = all.iter().map(|object| (object.key.as_str(), object.size)).collect();
        let misplaced = format!("0b/{}", key("0a", "2"));
        let (first, last) = (key("0a", "1"), key("ff", "0"));
        assert_eq!(reported, [(first.as_str(), 4), (misplaced.as_str(), 9), (last.as_str(), 5), ("~/0a.stray", 1)]);
        for object in &all {
            assert_eq!(disk.find(&object.key).await.unwrap().as_ref(), Some(object));
        }
        let pieces: Vec<Bytes> = disk.read(&last).await.unwrap().unwrap().map(Result::unwrap).collect().await;
        assert_eq!(pieces.concat(), b"onetw");
        assert_eq!(disk.find(&key("0a", "3")).await.unwrap(), None);
        assert!(disk.read(&key("0a", "3")).await.unwrap().is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn parts_that_are_not_those_of_their_manifest_make_up_no_blob() {
        let dir = tempfile::tempdir().unwrap();
        let key = "0a".repeat(16);
        let (disk, blob) = (Disk::new(dir.path(), "disk"), dir.path().join("blobs/0a").join(&key));
        fs::create_dir_all(&blob).unwrap();
        let broken = async || disk.find(&key).await.unwrap().unwrap().broken;
        for (name, bytes) in [("00001", "one"), ("00002", "tw"), (MANIFEST, "5 3\n")] {
            assert!(broken().await.is_some(), "before {name}");
            fs::write(blob.join(name), bytes).unwrap();
        }
        assert_eq!(broken().await, None);
        // A copy of `blobs/` alone is a valid store.
        assert!(disk.incomplete_uploads().next().await.is_none());
        let cases: [(_, _, &[u8]); 4] = [
            (MANIFEST, "5 3\n", b"6 3\n"),
            (MANIFEST, "5 3\n", b"5 0\n"),
            (MANIFEST, "5 3\n", b"5 \xff3\n"),
            ("00001", "one", b"on"),
        ];
        for (name, right, wrong) in cases {
            fs::write(blob.join(name), wrong).unwrap();
            assert!(broken().await.is_some(), "{name}: {wrong:?}");
            fs::write(blob.join(name), right).unwrap();
        }
        fs::write(blob.join("00003"), "").unwrap();
        assert!(broken().await.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_disk_that_is_not_there_is_no_empty_store() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<_> = Disk::new(&dir.path().join("absent"), "disk").list().collect().await;
        assert!(matches!(all.as_slice(), [Err(_)]));
    }
}
