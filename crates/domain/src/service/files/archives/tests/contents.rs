use super::*;
use crate::model::{BlobKey, BlobRef, StoreName};
use crate::service::testing::{body, drain, other_store};
use crate::testing::{key, store_name};

#[tokio::test]
async fn the_bytes_of_a_file_come_from_its_blob_and_a_folder_has_none() {
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(sample());
    let get = fixture.store.expect_get().with(eq(key()), eq(5), eq(1..5));
    get.times(1).returning(|_, _, _| Ok(body([Ok("ell"), Ok("o")])));
    let archive = fixture.open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
    let blob = archive.entry_blob(2).unwrap();
    assert_eq!(drain(archive.reader().read(&blob, 1..5).await.ok().unwrap()).unwrap(), b"ello");
    assert!(archive.entry_blob(0).is_none() && archive.entry_blob(5).is_none());
}

#[tokio::test]
async fn each_file_keeps_the_store_of_its_blob() {
    let stores = [store_name(), store_name(), other_store(), store_name(), other_store()];
    let files = (0..).zip(&stores).map(|(number, store)| {
        let mut entry = file_entry(id(number), FOLDER, &format!("{number}"), 1);
        if let Some(content) = &mut entry.content {
            content.blob = BlobRef { store: store.clone(), key: key() };
        }
        entry
    });
    // Folders between the files have no blobs.
    let folders = [folder_entry(FOLDER, id(900), "f"), folder_entry(id(901), FOLDER, "2 and a folder")];
    let fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(files.chain(folders).collect());
    let archive = fixture.open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
    let kept: Vec<StoreName> =
        (0..archive.len()).filter_map(|number| Some(archive.entry_blob(number)?.blob.store)).collect();
    assert_eq!(kept, stores);
}

#[tokio::test]
async fn learned_checksums_are_recorded_in_batches() {
    let entries = (0..150).map(|number| file_entry(id(number), FOLDER, &format!("{number:03}"), 1));
    let large = file_entry(id(200), FOLDER, "large", 16 << 20);
    let entries: Vec<TreeEntry> = entries.chain([large, folder_entry(FOLDER, id(900), "f")]).collect();
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(entries);
    let noted = Arc::new(Mutex::new(Vec::new()));
    let counts = noted.clone();
    fixture.records.expect_record_crc32s().returning(move |sums: &[(BlobKey, Crc32)]| {
        assert!(sums.iter().all(|(blob, _)| *blob == key()));
        counts.lock().unwrap().push(sums.len());
        Ok(())
    });
    let mut archive = fixture.open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
    for number in 1..=150 {
        archive.record_crc32(number, Crc32(9)).await.unwrap();
        // Known checksums are not learned again.
        archive.record_crc32(number, Crc32(8)).await.unwrap();
        assert_eq!(archive.entry(number).unwrap().file.unwrap().crc32, Some(Crc32(9)));
    }
    // Folders have none.
    archive.record_crc32(0, Crc32(9)).await.unwrap();
    assert_eq!(*noted.lock().unwrap(), [64, 64]);
    archive.record_crc32(151, Crc32(9)).await.unwrap();
    archive.flush_checksums().await.unwrap();
    archive.flush_checksums().await.unwrap();
    assert_eq!(*noted.lock().unwrap(), [64, 64, 23]);
}
