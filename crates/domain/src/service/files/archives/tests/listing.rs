use super::*;
use crate::model::{MediaType, Node, Step};
use crate::service::ArchiveEntry;
use crate::service::testing::OTHER_FOLDER;

#[tokio::test]
async fn folders_precede_their_contents_in_any_listing_order() {
    for found in [for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)] {
        let user = found.viewer.user().unwrap();
        let mut entries = sample();
        let dated = entries.iter_mut().find(|entry| entry.id == id(3)).unwrap().content.as_mut().unwrap();
        dated.client_modified_at = Some(Timestamp::from_millis(9));
        dated.crc32 = Some(Crc32(7));
        let archive =
            Fixture::with([found]).listing(entries).open(user, &Selection::Folder(FOLDER)).await.ok().unwrap();
        let expected = ["holiday/", "holiday/Empty/", "holiday/a.txt", "holiday/b/", "holiday/b/Été 10:30"];
        assert_eq!(paths(&archive), expected);
        let sizes: Vec<Option<u64>> = archive.entries().map(|entry| entry.file.map(|file| file.size)).collect();
        assert_eq!(sizes, [None, None, Some(5), None, Some(0)]);
        let times: Vec<i64> = archive.entries().map(|entry| entry.modified_at.as_millis()).collect();
        assert_eq!(times, [700, 700, 700, 700, 9]);
        let known = |number| archive.entry(number).and_then(|entry: ArchiveEntry<'_>| entry.file?.crc32);
        assert_eq!((known(2), known(4), archive.len(), archive.entry(5)), (None, Some(Crc32(7)), 5, None));
        assert_eq!(archive.modified_at(), Timestamp::from_millis(700));
    }
}

#[tokio::test]
async fn a_drive_is_packed_without_its_root_and_may_be_empty() {
    let listed = |mut entries: Vec<TreeEntry>| {
        entries.push(TreeEntry { parent: None, ..folder_entry(ROOT, ROOT, "drive") });
        Fixture::with([root(OWNER)]).listing(entries)
    };
    let empty = listed(Vec::new()).open(OWNER, &Selection::Drive).await.ok().unwrap();
    assert!(empty.is_empty() && empty.entry(0).is_none());
    let entries =
        vec![file_entry(FILE, ROOT, "z", 1), folder_entry(id(1), ROOT, "a"), file_entry(id(2), id(1), "x", 1)];
    let drive = listed(entries).open(OWNER, &Selection::Drive).await.ok().unwrap();
    assert_eq!(paths(&drive), ["a/", "a/x", "z"]);
    let zip = MediaType::parse("application/zip").unwrap();
    assert_eq!(drive.content_headers(zip, ".zip").attachment, Some(name("Drive.zip")));
}

/// A file in [`FOLDER`].
fn in_folder(node: Node) -> Located {
    let mut found = for_owner(Node { parent: Some(FOLDER), ..node });
    found.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    found
}

#[tokio::test]
async fn a_selection_is_packed_in_order_without_duplicates() {
    let found = [
        for_owner(folder(FOLDER)),
        in_folder(file(FILE)),
        for_owner(Node { name: name("beach.jpg"), ..file(id(9)) }),
        for_owner(Node { name: name("holiday"), ..folder(OTHER_FOLDER) }),
    ];
    let mut entries = sample();
    entries.extend([file_entry(id(9), id(0), "beach.jpg", 1), folder_entry(OTHER_FOLDER, id(0), "holiday")]);
    let mut fixture = Fixture::with(found);
    fixture.trees.expect_list().returning(move |tops, _| {
        let tops: Vec<NodeId> = tops.iter().map(|top| top.node().id).collect();
        assert_eq!(tops, [id(9), OTHER_FOLDER, FOLDER], "what lies in another is there already");
        Ok(entries.clone())
    });
    let selection = Selection::Items(vec![id(9), OTHER_FOLDER, FILE, FOLDER, id(9)]);
    let archive = fixture.open(OWNER, &selection).await.ok().unwrap();
    let expected = [
        "beach.jpg",
        "holiday/",
        "holiday (1)/",
        "holiday (1)/Empty/",
        "holiday (1)/a.txt",
        "holiday (1)/b/",
        "holiday (1)/b/Été 10:30",
    ];
    assert_eq!(paths(&archive), expected);
    let zip = MediaType::parse("application/zip").unwrap();
    assert_eq!(archive.content_headers(zip, ".zip").attachment, Some(name("Archive.zip")));
}

#[tokio::test]
async fn an_archive_is_named_after_its_folder() {
    let long = "é".repeat(127);
    let kept = format!("{}.zip", "é".repeat(125));
    for (of_folder, expected) in [("v1.2", "v1.2.zip"), (long.as_str(), kept.as_str())] {
        let mut found = for_owner(folder(FOLDER));
        found.node.name = name(of_folder);
        let archive =
            Fixture::with([found]).listing(sample()).open(OWNER, &Selection::Folder(FOLDER)).await.ok().unwrap();
        let media_type = MediaType::parse("application/zip").unwrap();
        let reported = archive.content_headers(media_type.clone(), ".zip");
        assert_eq!((reported.media_type, reported.attachment), (media_type, Some(name(expected))));
    }
}
