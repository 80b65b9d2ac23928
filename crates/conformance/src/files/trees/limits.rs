#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::error::{Forbidden, Refused};
use clouddrive_domain::model::{Action, ConflictPolicy, MAX_COPY_NODES, MAX_TREE_DEPTH, NodeId, Permission, Quota};
use clouddrive_domain::port::CopyRequest;

use super::Fixture;
use super::folder::{contents, sample};
use crate::fixture::{ALL, TestUser, assert_refused, name};

pub(super) async fn ten_thousand_nodes_and_no_more(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    // Each folder has 16 copies of the one before, so that few requests make many nodes.
    let mut folder = fixture.folder(ann.id, ann.root, "0").await;
    fixture.file(ann.id, folder, "file", 1).await;
    let mut nodes = 2;
    for level in 1..=3 {
        let above = fixture.folder(ann.id, ann.root, &format!("{level}")).await;
        for number in 0..16 {
            let spec = CopyRequest {
                name: Some(name(&format!("{number}"))),
                ..fixture.copy_request(ann.id, folder, above).await
            };
            fixture.copy(&spec).await.unwrap();
        }
        folder = above;
        nodes = nodes * 16 + 1;
    }
    assert!((8_000..MAX_COPY_NODES).contains(&nodes), "{nodes}");
    let most = fixture.folder(ann.id, ann.root, "most").await;
    let full = CopyRequest { name: Some(name("full")), ..fixture.copy_request(ann.id, folder, most).await };
    let full = fixture.copy(&full).await.unwrap().node.id;
    nodes += 1;
    // Fill up to the limit with folders in the topmost one, so that they are found last.
    let part = fixture.folder(ann.id, ann.root, "part").await;
    let missing = MAX_COPY_NODES - nodes;
    let (sixteens, rest) = ((missing - 1) / 16, (missing - 1) % 16);
    fixture.copy_into(ann.id, part, most).await.unwrap();
    for number in 1..16 {
        fixture.folder(ann.id, part, &format!("{number}")).await;
    }
    for number in 0..sixteens {
        let spec =
            CopyRequest { name: Some(name(&format!("{number}"))), ..fixture.copy_request(ann.id, part, most).await };
        fixture.copy(&spec).await.unwrap();
    }
    for number in 0..rest {
        fixture.folder(ann.id, full, &format!("rest {number}")).await;
    }
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let used = fixture.quota(ann.id).await.used;
    let files = fixture.copy_into(ann.id, most, to).await.unwrap();
    assert_eq!(fixture.quota(ann.id).await.used, used + 16 * 16 * 16);
    let copy = fixture.grant(ann.id, files.node.id, Action::Read).await;
    let copied = copy.read().clone();
    let listed = fixture.store.trees().list(&[copied], ALL.into()).await.unwrap();
    assert_eq!(listed.len() as u64, MAX_COPY_NODES);
    fixture.folder(ann.id, full, "one too many").await;
    let again = CopyRequest { conflict: ConflictPolicy::Keep, ..fixture.copy_request(ann.id, most, to).await };
    assert_refused!(fixture.copy(&again).await, Error::Refused(Refused::TooManyEntries { limit: MAX_COPY_NODES, .. }));
    assert_eq!(fixture.quota(ann.id).await.used, used + 16 * 16 * 16);
}

/// Creates `depth` nested folders in the root and returns the topmost and the lowest.
async fn deep_tree(fixture: &Fixture<'_>, ann: &TestUser, text: &str, depth: u32) -> (NodeId, NodeId) {
    let top = fixture.folder(ann.id, ann.root, text).await;
    let mut lowest = top;
    for level in 1..depth {
        lowest = fixture.folder(ann.id, lowest, &format!("{level}")).await;
    }
    (top, lowest)
}

pub(super) async fn a_copied_folder_counts_with_its_descendants(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (_, deep) = deep_tree(fixture, &ann, "deep", MAX_TREE_DEPTH - 2).await;
    let (three, _) = deep_tree(fixture, &ann, "three", 3).await;
    let (two, _) = deep_tree(fixture, &ann, "two", 2).await;
    assert_refused!(fixture.copy_into(ann.id, three, deep).await, Error::Invalid(violations) if violations.len() == 1);
    let made = fixture.copy_into(ann.id, two, deep).await.unwrap();
    assert_eq!(made.lineage.len(), MAX_TREE_DEPTH as usize);
    assert_eq!(contents(fixture, ann.id, deep).await, ["/two", "/two/1"]);
    // Files do not count.
    let file = fixture.file(ann.id, ann.root, "file", 1).await;
    let (_, bottom) = deep_tree(fixture, &ann, "bottom", MAX_TREE_DEPTH).await;
    fixture.copy_into(ann.id, file, bottom).await.unwrap();
}

pub(super) async fn copied_folders_count_in_later_moves(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (_, deep) = deep_tree(fixture, &ann, "deep", MAX_TREE_DEPTH - 3).await;
    let (three, _) = deep_tree(fixture, &ann, "three", 3).await;
    let holder = fixture.folder(ann.id, ann.root, "holder").await;
    let made = fixture.copy_into(ann.id, three, holder).await.unwrap().node.id;
    // The holder does not fit with three levels in it; the copy alone does.
    assert_refused!(fixture.move_into(ann.id, holder, deep).await, Error::Invalid(_));
    fixture.move_into(ann.id, made, deep).await.unwrap();
    fixture.move_into(ann.id, holder, deep).await.unwrap();
}

pub(super) async fn the_last_byte_fits_and_the_next_does_not(fixture: &Fixture<'_>) {
    let ann = fixture.user_with_quota(642).await;
    let top = sample(fixture, &ann).await;
    let to = fixture.folder(ann.id, ann.root, "to").await;
    let one_more = fixture.file(ann.id, top, "one more", 1).await;
    let quota = Quota { total: 642, used: 322, reserved: 0 };
    assert_refused!(fixture.copy_into(ann.id, top, to).await,
        Error::Forbidden(Forbidden::Quota { quota: reported, needed: 322 }) if *reported == quota);
    fixture.move_into(ann.id, one_more, ann.root).await.unwrap();
    assert_refused!(fixture.copy_into(ann.id, top, to).await, Error::Forbidden(Forbidden::Quota { needed: 321, .. }));
    let bob = fixture.user_with_quota(321).await;
    fixture.share(ann.id, top, bob.id, Permission::View).await;
    let made = fixture.copy_into(bob.id, top, bob.root).await.unwrap().node.id;
    assert_eq!(fixture.quota(bob.id).await, Quota { total: 321, used: 321, reserved: 0 });
    // Empty files and folders fit into a full drive.
    let inner = fixture.folder(bob.id, made, "no bytes").await;
    fixture.file(bob.id, inner, "empty", 0).await;
    fixture.copy_into(bob.id, inner, bob.root).await.unwrap();
    assert_eq!(fixture.quota(bob.id).await.used, 321);
}
