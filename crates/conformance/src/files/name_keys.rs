//! Conformance suite for [`NameKeyRepository`](clouddrive_domain::port::NameKeyRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{Action, Limit, OrderKey, Sort};

use crate::case::persistence_suite;

persistence_suite! {
    $ name_keys uses BlobRecordRepository, NodeRepository, NameKeyRepository, UploadRepository, UserRepository;

    self of "`NameKeyRepository::refresh`: Such names were, or still are, written by older server versions." {
        every_name_has_its_keys_from_the_beginning,
    }
}

async fn every_name_has_its_keys_from_the_beginning(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "Chapter 1").await;
    let file = fixture.file(ann.id, folder, "Ärger.txt", 1).await;
    fixture.rename(ann.id, folder, "Chapter 10").await.unwrap();
    fixture.rename(ann.id, file, "ärger.txt").await.unwrap();
    for place in [ann.root, folder] {
        let grant = fixture.grant(ann.id, place, Action::Read).await;
        let limit = Limit::new(10).unwrap();
        for child in fixture.store.drive().list(grant.read(), Sort::default(), None, limit).await.unwrap() {
            assert_eq!(child.order_key, OrderKey::new(&child.node.name));
        }
    }
    assert_eq!(fixture.store.name_keys().refresh(500).await.unwrap(), 0);
}
