#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::model::{Action, MAX_TREE_DEPTH, NodeId};

use super::Fixture;
use crate::fixture::{TestUser, assert_refused};

/// A chain of nested folders, the topmost in the root.
struct DeepTree(Vec<NodeId>);

impl DeepTree {
    async fn create(fixture: &Fixture<'_>, ann: &TestUser, depth: u32) -> Self {
        let mut folders = Vec::new();
        let mut parent = ann.root;
        for level in 1..=depth {
            parent = fixture.folder(ann.id, parent, &format!("level {level}")).await;
            folders.push(parent);
        }
        Self(folders)
    }

    /// The folder at this depth.
    fn at(&self, depth: u32) -> NodeId {
        *self.0.get(depth as usize - 1).unwrap()
    }
}

pub(super) async fn folders_are_nested_at_most_a_hundred_deep(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let deep_tree = DeepTree::create(fixture, &ann, MAX_TREE_DEPTH).await;
    let bottom = fixture.grant(ann.id, deep_tree.at(MAX_TREE_DEPTH), Action::AddTo).await;
    assert_eq!(bottom.located().lineage.len(), MAX_TREE_DEPTH as usize + 1);
    let refused = fixture.create_folder(&bottom, "too deep").await;
    assert_refused!(refused, Error::Invalid(violations) if violations.len() == 1);
    fixture.rename(ann.id, bottom.node().id, "as deep as before").await.unwrap();
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let refused = fixture.move_into(ann.id, folder, bottom.node().id).await;
    assert_refused!(refused, Error::Invalid(violations) if violations.len() == 1);
    fixture.move_into(ann.id, folder, deep_tree.at(MAX_TREE_DEPTH - 1)).await.unwrap();
}

pub(super) async fn a_moved_folder_counts_with_its_descendants(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let deep_tree = DeepTree::create(fixture, &ann, 98).await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let middle = fixture.folder(ann.id, ann.root, "middle").await;
    let low = fixture.folder(ann.id, middle, "low").await;
    // Folders that were moved in count like those created there.
    fixture.move_into(ann.id, middle, top).await.unwrap();
    let before = fixture.located(low, ann.id).await;
    assert_refused!(fixture.move_into(ann.id, top, deep_tree.at(98)).await, Error::Invalid(_));
    assert_eq!(fixture.located(low, ann.id).await, before);
    fixture.move_into(ann.id, top, deep_tree.at(97)).await.unwrap();
    let low = fixture.grant(ann.id, low, Action::AddTo).await;
    assert_eq!(low.located().lineage.len(), 101);
    assert_refused!(fixture.create_folder(&low, "too deep").await, Error::Invalid(_));
}

pub(super) async fn entries_moved_out_of_a_folder_do_not_count(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let deep_tree = DeepTree::create(fixture, &ann, 99).await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.folder(ann.id, folder, "b").await;
    assert_refused!(fixture.move_into(ann.id, folder, deep_tree.at(99)).await, Error::Invalid(_));
    fixture.move_into(ann.id, below, ann.root).await.unwrap();
    fixture.move_into(ann.id, folder, deep_tree.at(99)).await.unwrap();
    // With the lower half moved out, the upper fits below it.
    fixture.move_into(ann.id, deep_tree.at(51), ann.root).await.unwrap();
    fixture.move_into(ann.id, deep_tree.at(1), deep_tree.at(99)).await.unwrap();
    assert_eq!(fixture.located(deep_tree.at(50), ann.id).await.lineage.len(), 100);
}

pub(super) async fn entries_moved_back_to_a_folder_count_again(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let deep_tree = DeepTree::create(fixture, &ann, 98).await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let middle = fixture.folder(ann.id, top, "middle").await;
    let low = fixture.folder(ann.id, middle, "low").await;
    fixture.move_into(ann.id, low, ann.root).await.unwrap();
    // It fits only without `low`.
    fixture.move_into(ann.id, top, deep_tree.at(98)).await.unwrap();
    fixture.move_into(ann.id, top, ann.root).await.unwrap();
    fixture.move_into(ann.id, low, middle).await.unwrap();
    assert_refused!(fixture.move_into(ann.id, top, deep_tree.at(98)).await, Error::Invalid(_));
    fixture.move_into(ann.id, low, ann.root).await.unwrap();
    fixture.move_into(ann.id, top, deep_tree.at(98)).await.unwrap();
    fixture.move_into(ann.id, top, ann.root).await.unwrap();
    fixture.folder(ann.id, middle, "low").await;
    assert_refused!(fixture.move_into(ann.id, top, deep_tree.at(98)).await, Error::Invalid(_));
}

pub(super) async fn files_do_not_count(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let deep_tree = DeepTree::create(fixture, &ann, MAX_TREE_DEPTH).await;
    let file = fixture.file(ann.id, deep_tree.at(MAX_TREE_DEPTH), "a.txt", 1).await;
    fixture.move_into(ann.id, file, ann.root).await.unwrap();
    fixture.move_into(ann.id, file, deep_tree.at(MAX_TREE_DEPTH)).await.unwrap();
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    fixture.file(ann.id, folder, "b.txt", 1).await;
    fixture.move_into(ann.id, folder, deep_tree.at(MAX_TREE_DEPTH - 1)).await.unwrap();
}
