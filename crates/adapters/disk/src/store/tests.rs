//! Tests of the files on disk.

use std::fs::{self, File};
use std::path::Path;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clouddrive_domain::error::{Conflict, Refused};
use clouddrive_domain::model::{Crc32, Length, Part, PartPlan, Sha256};
use clouddrive_domain::port::{ContentHeaders, DirectUploadStore, PartStore};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use sha2::Digest;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::{DiskUploads, DiskUrls};

mod parts;

const KEY: &str = "3f112233445566778899aabbccddeeff";

fn store() -> (TempDir, DiskStore) {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    (root, store)
}

fn key() -> BlobKey {
    BlobKey::parse(KEY).unwrap()
}

fn body(bytes: &[u8]) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

fn any_length() -> Expected {
    Expected { length: Length::AtMost(u64::MAX), sha256: None }
}

fn digest(bytes: &[u8]) -> Option<Sha256> {
    Some(Sha256::from_bytes(sha2::Sha256::digest(bytes).into()))
}

async fn read(store: &DiskStore) -> Vec<u8> {
    let size = store.head(&key()).await.unwrap().unwrap().size;
    store.get(&key(), size, 0..size).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat()
}

fn direct(store: &DiskStore) -> DiskUploads {
    DiskUploads::new(store.clone(), DiskUrls::new("https://drive.example", [7; 32]))
}

/// Three parts: `hello`, `world` and `!`.
fn plan() -> PartPlan {
    PartPlan::restore(11, Some(5)).unwrap()
}

async fn begin(store: &DiskStore) -> MultipartUpload {
    let multipart_id = direct(store).begin(&key(), plan(), &ContentHeaders::unknown()).await.unwrap();
    MultipartUpload { key: key(), multipart_id }
}

async fn put_part(store: &DiskStore, number: u32) -> Result<()> {
    let multipart = MultipartUpload { key: key(), multipart_id: crate::parts::multipart_id(plan()) };
    let text = ["hello", "world", "!"][number as usize - 1];
    store.put_part(&multipart, number, body(text.as_bytes()), any_length()).await
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[tokio::test]
async fn a_blob_is_two_files_and_nothing_else() {
    let (root, store) = store();
    store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    let shard = root.path().join("blobs/3f");
    assert_eq!(names(&shard), [KEY.to_owned(), format!("{KEY}.sha256"), "lock".to_owned()]);
    assert_eq!(fs::read(shard.join(KEY)).unwrap(), b"abc");
    assert_eq!(
        fs::read_to_string(shard.join(format!("{KEY}.sha256"))).unwrap(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n352441c2\n"
    );
    assert_eq!(names(&root.path().join("tmp")), nothing());

    store.delete(&key()).await.unwrap();
    assert_eq!(names(&shard), ["lock"]);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;

    let (root, store) = store();
    store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
    for directory in ["blobs", "blobs/3f", "tmp"] {
        assert_eq!(mode(directory), 0o700, "{directory}");
    }
    for file in [format!("blobs/3f/{KEY}"), format!("blobs/3f/{KEY}.sha256")] {
        assert_eq!(mode(&file), 0o600, "{file}");
    }
}

#[test]
fn a_write_that_is_dropped_half_way_leaves_nothing() {
    let (root, store) = store();
    let tmp = root.path().join("tmp");
    for size in [10, 3_000_000] {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let (reached, arrived) = tokio::sync::oneshot::channel();
            let end = stream::once(async move {
                reached.send(()).unwrap();
                std::future::pending().await
            });
            let (key, content_headers) = (key(), ContentHeaders::unknown());
            let put = store.put(&key, Box::pin(body(&vec![7; size]).chain(end)), any_length(), &content_headers);
            let half_way = async {
                arrived.await.unwrap();
                assert_eq!(names(&tmp).len(), 1);
            };
            tokio::select! {
                outcome = put => panic!("{outcome:?}"),
                () = half_way => {}
            }
        });
        // Dropping the runtime waits for its blocking tasks.
        drop(runtime);
        assert_eq!(names(&tmp), nothing(), "{size}");
        assert_eq!(names(&root.path().join("blobs/3f")), nothing());
    }
}

#[test]
fn a_write_dropped_at_any_point_is_atomic() {
    let bytes = vec![7; 1_300_000];
    let mut ended = false;
    for max in 0.. {
        let (root, store) = store();
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let (key, content_headers) = (key(), ContentHeaders::unknown());
            let mut put = store.put(&key, body(&bytes), any_length(), &content_headers);
            let mut polls = 0;
            let poll = std::future::poll_fn(|context| {
                if polls == max {
                    return Poll::Ready(());
                }
                polls += 1;
                put.poll_unpin(context).map(|outcome| ended = outcome.is_ok())
            });
            poll.await;
        });
        drop(runtime);
        assert_eq!(names(&root.path().join("tmp")), nothing());
        let stored = Runtime::new().unwrap().block_on(async {
            let stored = store.head(&key()).await.unwrap()?;
            let crc32 = Some(Crc32(crc32fast::hash(&bytes)));
            assert_eq!(stored, Stored { size: 1_300_000, sha256: digest(&bytes), crc32, tag: None });
            assert_eq!(read(&store).await, bytes);
            Some(stored)
        });
        if ended {
            assert!(stored.is_some());
            break;
        }
    }
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing() {
    let (root, store) = store();
    let bytes = vec![7; 1_300_000];
    let failing = || -> ByteStream {
        let end = stream::once(async { Err(Error::Refused(Refused::Interrupted)) });
        Box::pin(body(&[7; 1_300_000]).chain(end))
    };
    let expect = |length| Expected { length, sha256: None };
    let cases = [
        (failing(), any_length(), Refused::Interrupted),
        (body(&bytes), expect(Length::Exactly(1_299_999)), Refused::Size),
        (body(&bytes), expect(Length::Exactly(1_300_001)), Refused::Size),
        (body(&bytes), expect(Length::AtMost(1_000_000)), Refused::TooLarge { limit: 1_000_000 }),
        (body(&bytes), Expected { sha256: digest(b"else"), ..any_length() }, Refused::Checksum),
    ];
    for (body, expected, refusal) in cases {
        match store.put(&key(), body, expected, &ContentHeaders::unknown()).await {
            Err(Error::Refused(refused)) => assert_eq!(refused, refusal),
            other => panic!("{other:?}"),
        }
        assert_eq!(names(&root.path().join("tmp")), nothing(), "{refusal}");
        assert_eq!(store.head(&key()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_body_longer_than_declared_is_not_read_further() {
    let (_root, store) = store();
    let endless: ByteStream = Box::pin(stream::repeat_with(|| Ok(Bytes::from_static(&[0; 4096]))));
    let expected = Expected { length: Length::Exactly(10_000), sha256: None };
    let outcome = store.put(&key(), endless, expected, &ContentHeaders::unknown()).await;
    assert!(matches!(outcome, Err(Error::Refused(Refused::Size))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_simultaneous_writes_wins_and_its_digest_is_reported() {
    for _ in 0..8 {
        let (root, first) = store();
        // Acts as another process, with its own locks and workers.
        let second = DiskStore::open(root.path().to_owned()).unwrap();
        let tasks = (0..8_u8).map(|number| {
            let store = if number % 2 == 0 { first.clone() } else { second.clone() };
            tokio::spawn(async move {
                let bytes = vec![number; 1000 + usize::from(number)];
                (store.put(&key(), body(&bytes), any_length(), &ContentHeaders::unknown()).await, bytes)
            })
        });
        let mut won = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                (Ok(stored), bytes) => won.push((stored, bytes)),
                (Err(Error::Conflict(Conflict::BlobExists)), _) => {}
                (other, _) => panic!("{other:?}"),
            }
        }
        let [(stored, bytes)] = won.try_into().unwrap();
        assert_eq!(stored.sha256, digest(&bytes));
        assert_eq!(first.head(&key()).await.unwrap(), Some(stored));
        assert_eq!(read(&second).await, bytes);
        assert_eq!(names(&root.path().join("tmp")), nothing());
    }
}

#[tokio::test]
async fn a_digest_left_by_a_crash_is_of_no_account() {
    let (root, store) = store();
    let left = root.path().join(format!("blobs/3f/{KEY}.sha256"));
    fs::write(&left, format!("{}\n", "0".repeat(64))).unwrap();
    assert_eq!(store.head(&key()).await.unwrap(), None);
    let stored = store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    assert_eq!(stored.sha256, digest(b"abc"));
    assert_eq!(store.head(&key()).await.unwrap(), Some(stored));

    store.delete(&key()).await.unwrap();
    fs::write(&left, "half").unwrap();
    store.delete(&key()).await.unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn a_blob_without_a_readable_digest_has_none() {
    let (root, store) = store();
    store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    let digest = root.path().join(format!("blobs/3f/{KEY}.sha256"));
    let without = Some(Stored { size: 3, ..Stored::default() });
    for text in [
        "",
        "half",
        &"0".repeat(64),
        &format!("{}\n0000000g\n", "0".repeat(64)),
        &format!("{}\n\n", "0".repeat(64)),
        &"\u{e9}\n".repeat(20),
    ] {
        fs::write(&digest, text).unwrap();
        assert_eq!(store.head(&key()).await.unwrap(), without, "{text:?}");
    }
    fs::remove_file(&digest).unwrap();
    assert_eq!(store.head(&key()).await.unwrap(), without);
    assert_eq!(read(&store).await, b"abc");
}

#[cfg(unix)]
#[tokio::test]
async fn no_symlink_is_followed() {
    use std::os::unix::fs::symlink;

    let (root, store) = store();
    let secret = root.path().join("secret");
    fs::write(&secret, format!("{}\n", "0".repeat(64))).unwrap();
    let shard = root.path().join("blobs/3f");

    symlink(&secret, shard.join(KEY)).unwrap();
    assert!(matches!(store.head(&key()).await, Err(Error::Internal { .. })));
    assert!(matches!(store.get(&key(), 1, 0..1).await.map(drop), Err(Error::Internal { .. })));
    let outcome = store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await;
    assert!(matches!(outcome, Err(Error::Conflict(Conflict::BlobExists))), "{outcome:?}");
    store.delete(&key()).await.unwrap();

    symlink(&secret, shard.join(format!("{KEY}.sha256"))).unwrap();
    let stored = store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    assert_eq!(store.head(&key()).await.unwrap(), Some(stored));

    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("3f");
    fs::rename(&shard, &moved).unwrap();
    symlink(&moved, &shard).unwrap();
    assert!(matches!(store.head(&key()).await, Err(Error::Internal { .. })));
    assert!(matches!(store.delete(&key()).await, Err(Error::Internal { .. })));
    assert!(moved.join(KEY).exists());
    assert_eq!(fs::read_to_string(&secret).unwrap(), format!("{}\n", "0".repeat(64)));
    assert!(DiskStore::open(root.path().to_owned()).unwrap_err().to_string().contains("blobs below"));
}

#[tokio::test]
async fn a_disk_that_is_not_there_is_no_empty_one() {
    let (root, store) = store();
    store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    store.check().await.unwrap();
    fs::rename(root.path().join("blobs"), root.path().join("away")).unwrap();
    fs::rename(root.path().join("tmp"), root.path().join("away-too")).unwrap();
    let multipart = MultipartUpload { key: key(), multipart_id: crate::parts::multipart_id(plan()) };
    let five = Expected { length: Length::Exactly(5), sha256: None };
    let outcomes = [
        store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.map(drop),
        store.head(&key()).await.map(drop),
        store.get(&key(), 1, 0..1).await.map(drop),
        store.delete(&key()).await,
        store.sweep(Timestamp::from_millis(0)).await.map(drop),
        store.check().await,
        direct(&store).begin(&key(), plan(), &ContentHeaders::unknown()).await.map(drop),
        direct(&store).list_received(&multipart, plan()).await.map(drop),
        direct(&store).finish(&multipart, plan(), None).await.map(drop),
        store.put_part(&multipart, 1, body(b"hello"), five).await,
        store.abort(&multipart).await,
    ];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert!(matches!(outcome, Err(Error::Unavailable { part: "storage", .. })), "{number}: {outcome:?}");
    }
    fs::rename(root.path().join("away"), root.path().join("blobs")).unwrap();
    assert_eq!(read(&store).await, b"abc");
}

#[tokio::test]
async fn a_blob_that_was_cut_short_ends_in_an_error() {
    let (root, store) = store();
    store.put(&key(), body(&[7; 300_000]), any_length(), &ContentHeaders::unknown()).await.unwrap();
    let mut bytes = store.get(&key(), 300_000, 0..300_000).await.unwrap();
    File::options().write(true).open(root.path().join(format!("blobs/3f/{KEY}"))).unwrap().set_len(280_000).unwrap();
    assert_eq!(bytes.next().await.unwrap().unwrap().len(), 256 * 1024);
    assert!(matches!(bytes.next().await, Some(Err(Error::Damaged { .. }))));
    assert!(bytes.next().await.is_none());
}

#[tokio::test]
async fn a_sweep_removes_only_old_files() {
    let (root, store) = store();
    let tmp = root.path().join("tmp");
    for (name, seconds) in [("old", 10), ("older", 9), ("young", 20)] {
        let file = File::create(tmp.join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    fs::create_dir(tmp.join("directory")).unwrap();
    // Discarded multipart uploads, old and recent.
    for (name, seconds) in [("old-parts", 10), ("young-parts", 20)] {
        fs::create_dir(tmp.join(name)).unwrap();
        fs::write(tmp.join(name).join("00001"), "part").unwrap();
        let times = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::open(tmp.join(name)).unwrap().set_modified(times).unwrap();
    }
    assert_eq!(store.sweep(Timestamp::from_millis(20_000)).await.unwrap(), 3);
    assert_eq!(names(&tmp), ["directory", "young", "young-parts"]);
    assert_eq!(store.sweep(Timestamp::from_millis(20_001)).await.unwrap(), 2);
    assert_eq!(store.sweep(Timestamp::from_millis(20_001)).await.unwrap(), 0);
}

#[tokio::test]
async fn the_probe_leaves_nothing() {
    let (root, store) = store();
    store.check().await.unwrap();
    assert_eq!(names(&root.path().join("tmp")), nothing());
}

#[tokio::test]
async fn a_store_that_is_opened_again_holds_what_it_held() {
    let (root, store) = store();
    store.put(&key(), body(b"abc"), any_length(), &ContentHeaders::unknown()).await.unwrap();
    fs::write(root.path().join("tmp/left"), "by a crash").unwrap();
    let store = DiskStore::open(root.path().to_owned()).unwrap();
    assert_eq!(read(&store).await, b"abc");
    assert!(root.path().join("tmp/left").exists());
}

#[test]
fn files_left_by_a_process_with_the_same_id_do_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::make(root.path()).unwrap();
    let first = layout.temp_blob(&key()).map(drop);
    assert!(first.is_ok());
    for number in 0..2_000 {
        fs::write(root.path().join(format!("tmp/{KEY}.{}-{number}", std::process::id())), "").unwrap();
    }
    assert!(layout.temp_blob(&key()).is_ok());
    assert_eq!(names(&root.path().join("tmp")).len(), 2_000);
}
