#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::HashMap;

use clouddrive_domain::model::{Action, Crc32, NodeId, Permission, ReadGrant, UserId};
use clouddrive_domain::port::TreeEntry;

use super::Fixture;
use super::folder::sample;

async fn read_grant(fixture: &Fixture<'_>, viewer: UserId, node: NodeId) -> ReadGrant {
    let grant = fixture.grant(viewer, node, Action::Read).await;
    grant.read().clone()
}

async fn list(fixture: &Fixture<'_>, viewer: UserId, tops: &[NodeId], max: u64) -> Vec<TreeEntry> {
    let mut grants = Vec::new();
    for top in tops {
        grants.push(read_grant(fixture, viewer, *top).await);
    }
    fixture.store.trees().list(&grants, max).await.unwrap()
}

/// The sorted paths from the topmost nodes down, those of files with their size.
fn paths(entries: &[TreeEntry]) -> Vec<String> {
    let by_id: HashMap<NodeId, &TreeEntry> = entries.iter().map(|entry| (entry.id, entry)).collect();
    let path = |entry: &TreeEntry| {
        let mut path = entry.name.to_string();
        let mut above = entry.parent;
        while let Some(folder) = above.and_then(|id| by_id.get(&id)) {
            path = format!("{}/{path}", folder.name);
            above = folder.parent;
        }
        entry.content.as_ref().map_or_else(|| path.clone(), |content| format!("{path}: {}", content.size))
    };
    let mut paths: Vec<String> = entries.iter().map(path).collect();
    paths.sort();
    paths
}

pub(super) async fn a_folder_is_listed_with_all_below_it(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = sample(fixture, &ann).await;
    let expected = [
        "top",
        "top/Été ∅",
        "top/a",
        "top/a/b",
        "top/a/b/x.3: 300",
        "top/a/b/y.3: 0",
        "top/a/x {2}: 20",
        "top/x, \"1\": 1",
    ];
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    let entries = list(fixture, ann.id, &[top], 100).await;
    assert_eq!(paths(&entries), expected);
    for entry in &entries {
        let node = fixture.located(entry.id, ann.id).await.node;
        assert_eq!((&entry.name, entry.parent, entry.modified_at), (&node.name, node.parent, node.modified_at));
        let content = node.content().map(|content| (&content.blob, content.size, content.client_modified_at));
        let listed = entry.content.as_ref().map(|content| (&content.blob, content.size, content.client_modified_at));
        assert_eq!(listed, content);
    }
    assert_eq!(list(fixture, ann.id, &[ann.root], 100).await.len(), 9);
}

pub(super) async fn several_nodes_are_listed_together(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let file = fixture.file(ann.id, a, "x", 3).await;
    let b = fixture.folder(ann.id, ann.root, "b").await;
    fixture.file(ann.id, b, "y", 4).await;
    fixture.file(ann.id, ann.root, "z", 5).await;
    fixture.share(ann.id, b, bob.id, Permission::View).await;
    assert_eq!(paths(&list(fixture, ann.id, &[file, b], 100).await), ["b", "b/y: 4", "x: 3"]);
    assert_eq!(paths(&list(fixture, bob.id, &[b, bob.root], 100).await), ["b", "b/y: 4", "drive"]);
    assert_eq!(list(fixture, ann.id, &[], 100).await, []);
}

pub(super) async fn trashed_items_are_not_listed(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = sample(fixture, &ann).await;
    let grant = read_grant(fixture, ann.id, top).await;
    let entries = list(fixture, ann.id, &[top], 100).await;
    let a = entries.iter().find(|entry| entry.name.as_str() == "a").unwrap().id;
    fixture.trash(ann.id, a).await;
    assert_eq!(paths(&list(fixture, ann.id, &[top], 100).await), ["top", "top/x, \"1\": 1", "top/Été ∅"]);
    fixture.trash(ann.id, top).await;
    assert_eq!(fixture.store.trees().list(&[grant], 100).await.unwrap(), []);
}

pub(super) async fn lists_end_at_the_maximum(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = sample(fixture, &ann).await;
    for (max, listed) in [(0, 1), (1, 2), (6, 7), (7, 8), (8, 8), (u64::MAX, 8)] {
        assert_eq!(list(fixture, ann.id, &[top], max).await.len(), listed, "{max}");
    }
}

pub(super) async fn a_crc32_is_listed_once_it_is_known(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let file = fixture.file(ann.id, ann.root, "x", 3).await;
    let (blob, stranger) = (fixture.blob_of(file, ann.id).await, fixture.key());
    let known = async || {
        let entries = list(fixture, ann.id, &[file], 1).await;
        entries.first().unwrap().content.as_ref().unwrap().crc32
    };
    assert_eq!(known().await, None);
    let note = async |sum| {
        let sums = [(stranger.clone(), Crc32(1)), (blob.clone(), Crc32(sum))];
        fixture.store.records().record_crc32s(&sums).await.unwrap();
    };
    note(u32::MAX).await;
    assert_eq!(known().await, Some(Crc32(u32::MAX)));
    // A known CRC-32 is not overwritten.
    note(7).await;
    assert_eq!(known().await, Some(Crc32(u32::MAX)));
    fixture.store.records().record_crc32s(&[]).await.unwrap();

    let grant = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let upload = fixture.open(&grant, "y", Some(3)).await;
    let mut commit = fixture.completing(&upload, clouddrive_domain::model::ConflictPolicy::Fail);
    commit.stored.crc32 = Some(Crc32(0));
    let made = fixture.commit(&grant, &commit).await.unwrap();
    let entries = list(fixture, ann.id, &[made.node.id], 1).await;
    assert_eq!(entries.first().unwrap().content.as_ref().unwrap().crc32, Some(Crc32(0)));
}
