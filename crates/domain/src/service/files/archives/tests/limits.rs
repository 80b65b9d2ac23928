use super::*;
use crate::error::Refused;
use crate::service::MAX_ARCHIVE_PATH_BYTES;
use crate::service::testing::outage;

#[tokio::test]
async fn archives_per_user_are_limited() {
    let fixture =
        Fixture::with([for_owner(folder(FOLDER)), for_guest(folder(FOLDER), Permission::View)]).listing(sample());
    let archives = fixture.archives();
    let open = async |user| archives.open(&actor(user), &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(open(OWNER).await.ok().unwrap());
    }
    assert!(matches!(open(OWNER).await.err(), Some(Error::TooManyRunning { what: "archives", limit: 4, .. })));
    open(GUEST).await.ok().unwrap();
    running.pop();
    open(OWNER).await.ok().unwrap();
}

#[tokio::test]
async fn too_large_archives_are_refused_before_packing() {
    let many = |count: u64| -> Vec<TreeEntry> {
        let files = (1..count).map(|number| file_entry(id(number.into()), FOLDER, &format!("{number}"), 0));
        files.chain([folder_entry(FOLDER, id(0), "f")]).collect()
    };
    // Each path has at least 2 + 16 × 252 bytes.
    let deep = |count: u64| -> Vec<TreeEntry> {
        let long = |number: u128| format!("{number:0>251}");
        let mut entries = vec![folder_entry(FOLDER, id(0), "f")];
        let parent = |level: u128| if level == 0 { FOLDER } else { id(level - 1) };
        entries.extend((0..16).map(|level| folder_entry(id(level), parent(level), &long(level))));
        entries
            .extend((0..count).map(|number| file_entry(id(100 + u128::from(number)), id(15), &long(number.into()), 0)));
        entries
    };
    let per_file = 2 + 16 * 252 + 251;
    let fits = (MAX_ARCHIVE_PATH_BYTES - 100_000) / per_file;
    for (entries, limit) in [
        (many(MAX_ARCHIVE_ENTRIES), None),
        (many(MAX_ARCHIVE_ENTRIES + 1), Some(MAX_ARCHIVE_ENTRIES)),
        (deep(fits), None),
        (deep(MAX_ARCHIVE_PATH_BYTES / per_file + 1), Some(MAX_ARCHIVE_PATH_BYTES)),
    ] {
        let opened = Fixture::with([for_owner(folder(FOLDER))]).listing(entries);
        let reported = match opened.open(OWNER, &Selection::Folder(FOLDER)).await {
            Ok(_) => None,
            Err(Error::Refused(Refused::TooManyEntries { limit, .. })) => Some(limit),
            Err(error) => unreachable!("{error}"),
        };
        assert_eq!(reported, limit);
    }
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]);
    fixture.trees.expect_list().returning(|_, _| Err(outage()));
    assert!(matches!(fixture.open(OWNER, &Selection::Folder(FOLDER)).await.err(), Some(Error::Unavailable { .. })));
}
