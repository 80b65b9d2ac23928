//! Tests of multipart blobs.

use super::*;

async fn make(store: &DiskStore) -> MultipartUpload {
    let multipart = begin(store).await;
    for number in [2, 3, 1] {
        put_part(store, number).await.unwrap();
    }
    direct(store).finish(&multipart, plan(), None).await.unwrap();
    multipart
}

#[cfg(unix)]
#[tokio::test]
async fn a_blob_in_parts_is_the_directory_in_which_they_were_gathered() {
    let (root, store) = store();
    let (shard, gathered) = (root.path().join("blobs/3f"), root.path().join("parts"));
    let multipart = begin(&store).await;
    assert_eq!(fs::read_to_string(gathered.join(KEY).join("manifest")).unwrap(), "11 5\n");
    put_part(&store, 3).await.unwrap();
    assert_eq!(names(&gathered.join(KEY)), ["00003", "crc32-of-parts", "manifest"]);
    assert_eq!(names(&shard), ["lock"]);
    put_part(&store, 1).await.unwrap();
    put_part(&store, 2).await.unwrap();
    let inode = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).unwrap().ino()
    };
    let before = inode(&gathered.join(KEY).join("00002"));
    direct(&store).finish(&multipart, plan(), None).await.unwrap();
    assert_eq!(names(&gathered), nothing());
    assert_eq!(names(&shard), [KEY, "lock"]);
    assert_eq!(names(&shard.join(KEY)), ["00001", "00002", "00003", "crc32", "crc32-of-parts", "manifest"]);
    assert_eq!(inode(&shard.join(KEY).join("00002")), before, "the bytes were copied");
    assert_eq!(names(&root.path().join("tmp")), nothing());
    assert_eq!(read(&store).await, b"helloworld!");

    store.delete(&key()).await.unwrap();
    assert_eq!(names(&shard), ["lock"]);
    assert_eq!(names(&root.path().join("tmp")), nothing());
}

#[cfg(unix)]
#[tokio::test]
async fn parts_are_private() {
    use std::os::unix::fs::PermissionsExt;

    let (root, store) = store();
    make(&store).await;
    let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("parts"), mode(&format!("blobs/3f/{KEY}"))), (0o700, 0o700));
    for file in ["manifest", "00001"] {
        assert_eq!(mode(&format!("blobs/3f/{KEY}/{file}")), 0o600, "{file}");
    }
}

#[tokio::test]
async fn leftovers_of_a_crash_during_begin_or_finish_are_ignored_and_swept() {
    let (root, store) = store();
    let tmp = root.path().join("tmp");
    // A `begin` that crashed before its rename, and a `discard` that crashed after its own.
    for name in ["begun", "discarded"] {
        fs::create_dir(tmp.join(name)).unwrap();
        fs::write(tmp.join(name).join("manifest"), "11 5\n").unwrap();
    }
    let multipart = make(&store).await;
    assert_eq!(read(&store).await, b"helloworld!");
    assert_eq!(store.sweep(Timestamp::from_millis(i64::MAX)).await.unwrap(), 2);
    assert_eq!(names(&tmp), nothing());
    // A retry succeeds after the response was lost or the process crashed.
    assert_eq!(direct(&store).finish(&multipart, plan(), None).await.unwrap().size, 11);
    assert_eq!(read(&store).await, b"helloworld!");
}

#[tokio::test]
async fn parts_of_another_size_than_planned_make_no_blob() {
    let (root, store) = store();
    let multipart = begin(&store).await;
    for number in [1, 2, 3] {
        put_part(&store, number).await.unwrap();
    }
    fs::write(root.path().join("parts").join(KEY).join("00002"), "wor").unwrap();
    let refused = direct(&store).finish(&multipart, plan(), None).await;
    assert!(matches!(refused, Err(Error::Refused(Refused::PartSize(2)))), "{refused:?}");
    assert_eq!(store.head(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn other_files_among_the_parts_are_none() {
    let (root, store) = store();
    let multipart = begin(&store).await;
    let gathered = root.path().join("parts").join(KEY);
    for name in ["1", "000001", "00001.tmp", "notes", "99999999999"] {
        fs::write(gathered.join(name), "hello").unwrap();
    }
    assert_eq!(direct(&store).list_received(&multipart, plan()).await.unwrap(), []);
    put_part(&store, 1).await.unwrap();
    assert_eq!(direct(&store).list_received(&multipart, plan()).await.unwrap(), [Part { number: 1, size: 5 }]);
}

#[tokio::test]
async fn a_blob_that_lost_a_part_or_its_manifest_ends_in_an_error() {
    let (root, store) = store();
    make(&store).await;
    let blob = root.path().join("blobs/3f").join(KEY);
    fs::remove_file(blob.join("00002")).unwrap();
    let mut bytes = store.get(&key(), 11, 0..11).await.unwrap();
    assert_eq!(bytes.next().await.unwrap().unwrap(), "hello");
    assert!(matches!(bytes.next().await, Some(Err(Error::Damaged { .. }))));
    assert!(matches!(store.get(&key(), 11, 5..11).await.map(drop), Err(Error::Damaged { .. })));
    fs::write(blob.join("manifest"), "11 0\n").unwrap();
    assert!(matches!(store.head(&key()).await, Err(Error::Internal { .. })));
    fs::remove_file(blob.join("manifest")).unwrap();
    assert!(matches!(store.head(&key()).await, Err(Error::Internal { .. })));
    // It can still be removed.
    store.delete(&key()).await.unwrap();
    assert_eq!(store.head(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_in_parts_that_is_deleted_while_it_is_read_is_not_found_rather_than_damaged() {
    let (root, store) = store();
    make(&store).await;
    let mut deleted = store.get(&key(), 11, 0..11).await.unwrap();
    let mut unmounted = store.get(&key(), 11, 0..11).await.unwrap();
    for bytes in [&mut deleted, &mut unmounted] {
        assert_eq!(bytes.next().await.unwrap().unwrap(), "hello");
    }
    store.delete(&key()).await.unwrap();
    assert!(matches!(deleted.next().await, Some(Err(Error::NotFound))));
    assert!(deleted.next().await.is_none());
    // Without its shard nothing is known of the blob.
    fs::rename(root.path().join("blobs/3f"), root.path().join("away")).unwrap();
    assert!(matches!(unmounted.next().await, Some(Err(Error::Unavailable { part: "storage", .. }))));
}

#[cfg(unix)]
#[tokio::test]
async fn no_symlink_is_followed_to_parts() {
    use std::os::unix::fs::symlink;

    let (root, store) = store();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("00001"), "hello").unwrap();
    fs::write(elsewhere.path().join("manifest"), "11 5\n").unwrap();
    symlink(elsewhere.path(), root.path().join("blobs/3f").join(KEY)).unwrap();
    assert!(matches!(store.head(&key()).await, Err(Error::Internal { .. })));
    store.delete(&key()).await.unwrap();
    make(&store).await;
    fs::remove_file(root.path().join("blobs/3f").join(KEY).join("00001")).unwrap();
    symlink(elsewhere.path().join("00001"), root.path().join("blobs/3f").join(KEY).join("00001")).unwrap();
    let read = store.get(&key(), 11, 0..5).await.map(drop);
    assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
    store.delete(&key()).await.unwrap();
    assert_eq!(fs::read_to_string(elsewhere.path().join("00001")).unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_finish_one_blob() {
    for _ in 0..8 {
        let (root, first) = store();
        let second = DiskStore::open(root.path().to_owned()).unwrap();
        let multipart = begin(&first).await;
        for number in [1, 2, 3] {
            put_part(&second, number).await.unwrap();
        }
        let tasks = (0..6).map(|number| {
            let direct = direct(if number % 2 == 0 { &first } else { &second });
            let multipart = multipart.clone();
            tokio::spawn(async move { direct.finish(&multipart, plan(), None).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert_eq!(
                task.await.unwrap().unwrap(),
                Stored { size: 11, sha256: None, crc32: Some(Crc32(crc32fast::hash(b"helloworld!"))), tag: None }
            );
        }
        assert_eq!(read(&second).await, b"helloworld!");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_races_with_its_discard_leaves_nothing() {
    for _ in 0..16 {
        let (root, store) = store();
        let multipart = begin(&store).await;
        let racing = store.clone();
        let put = tokio::spawn(async move { put_part(&racing, 1).await });
        store.abort(&multipart).await.unwrap();
        let outcome = put.await.unwrap();
        let expected = matches!(&outcome, Ok(()) | Err(Error::Conflict(Conflict::UploadClosed)));
        assert!(expected, "{outcome:?}");
        for directory in ["tmp", "parts"] {
            assert_eq!(names(&root.path().join(directory)), nothing(), "{directory}");
        }
        assert_eq!(names(&root.path().join("blobs/3f")), ["lock"]);
    }
}

#[tokio::test]
async fn transfers_are_listed_by_their_age_and_in_pages() {
    let (root, store) = store();
    for number in 0..1_500 {
        let directory = root.path().join(format!("parts/{number:032x}"));
        fs::create_dir(&directory).unwrap();
        let manifest = File::create(directory.join("manifest")).unwrap();
        let seconds = if number % 3 == 0 { 20 } else { 10 };
        manifest.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    let list = async |before, after: Option<&MultipartUpload>| {
        store.list_incomplete(Timestamp::from_millis(before), after).await.unwrap()
    };
    assert_eq!(list(10_000, None).await, []);
    assert_eq!(list(20_000, None).await.len(), 1000);
    let first = list(20_001, None).await;
    let second = list(20_001, first.last()).await;
    assert_eq!((first.len(), second.len()), (1000, 500));
    assert!(first.iter().chain(&second).is_sorted());
    assert_eq!(list(20_001, second.last()).await, []);
}
