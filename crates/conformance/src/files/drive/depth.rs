#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::model::{Action, MAX_TREE_DEPTH, NodeId};

use crate::world::{Member, World, assert_refused};

/// A chain of nested folders, the topmost in the root.
struct Shaft(Vec<NodeId>);

impl Shaft {
    async fn dig(world: &World<'_>, ann: &Member, depth: u32) -> Self {
        let mut folders = Vec::new();
        let mut parent = ann.root;
        for level in 1..=depth {
            parent = world.folder(ann.id, parent, &format!("level {level}")).await;
            folders.push(parent);
        }
        Self(folders)
    }

    /// The folder at this depth.
    fn at(&self, depth: u32) -> NodeId {
        *self.0.get(depth as usize - 1).unwrap()
    }
}

pub(super) async fn folders_stand_at_most_a_hundred_deep(world: &World<'_>) {
    let ann = world.member().await;
    let shaft = Shaft::dig(world, &ann, MAX_TREE_DEPTH).await;
    let bottom = world.grant(ann.id, shaft.at(MAX_TREE_DEPTH), Action::AddTo).await;
    assert_eq!(bottom.located().lineage.len(), MAX_TREE_DEPTH as usize + 1);
    let refused = world.create_folder(&bottom, "too deep").await;
    assert_refused!(refused, Error::Invalid(violations) if violations.len() == 1);
    world.rename(ann.id, bottom.node().id, "as deep as before").await.unwrap();
    let folder = world.folder(ann.id, ann.root, "a").await;
    let refused = world.move_into(ann.id, folder, bottom.node().id).await;
    assert_refused!(refused, Error::Invalid(violations) if violations.len() == 1);
    world.move_into(ann.id, folder, shaft.at(MAX_TREE_DEPTH - 1)).await.unwrap();
}

pub(super) async fn a_moved_folder_counts_with_what_stands_below_it(world: &World<'_>) {
    let ann = world.member().await;
    let shaft = Shaft::dig(world, &ann, 98).await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let middle = world.folder(ann.id, ann.root, "middle").await;
    let low = world.folder(ann.id, middle, "low").await;
    // Folders that were moved in count like those created there.
    world.move_into(ann.id, middle, top).await.unwrap();
    let before = world.located(low, ann.id).await;
    assert_refused!(world.move_into(ann.id, top, shaft.at(98)).await, Error::Invalid(_));
    assert_eq!(world.located(low, ann.id).await, before);
    world.move_into(ann.id, top, shaft.at(97)).await.unwrap();
    let low = world.grant(ann.id, low, Action::AddTo).await;
    assert_eq!(low.located().lineage.len(), 101);
    assert_refused!(world.create_folder(&low, "too deep").await, Error::Invalid(_));
}

pub(super) async fn what_has_left_a_folder_does_not_count(world: &World<'_>) {
    let ann = world.member().await;
    let shaft = Shaft::dig(world, &ann, 99).await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let below = world.folder(ann.id, folder, "b").await;
    assert_refused!(world.move_into(ann.id, folder, shaft.at(99)).await, Error::Invalid(_));
    world.move_into(ann.id, below, ann.root).await.unwrap();
    world.move_into(ann.id, folder, shaft.at(99)).await.unwrap();
    // With the lower half moved out, the upper fits below it.
    world.move_into(ann.id, shaft.at(51), ann.root).await.unwrap();
    world.move_into(ann.id, shaft.at(1), shaft.at(99)).await.unwrap();
    assert_eq!(world.located(shaft.at(50), ann.id).await.lineage.len(), 100);
}

pub(super) async fn what_returns_to_a_folder_counts_again(world: &World<'_>) {
    let ann = world.member().await;
    let shaft = Shaft::dig(world, &ann, 98).await;
    let top = world.folder(ann.id, ann.root, "top").await;
    let middle = world.folder(ann.id, top, "middle").await;
    let low = world.folder(ann.id, middle, "low").await;
    world.move_into(ann.id, low, ann.root).await.unwrap();
    // It fits only without `low`.
    world.move_into(ann.id, top, shaft.at(98)).await.unwrap();
    world.move_into(ann.id, top, ann.root).await.unwrap();
    world.move_into(ann.id, low, middle).await.unwrap();
    assert_refused!(world.move_into(ann.id, top, shaft.at(98)).await, Error::Invalid(_));
    world.move_into(ann.id, low, ann.root).await.unwrap();
    world.move_into(ann.id, top, shaft.at(98)).await.unwrap();
    world.move_into(ann.id, top, ann.root).await.unwrap();
    world.folder(ann.id, middle, "low").await;
    assert_refused!(world.move_into(ann.id, top, shaft.at(98)).await, Error::Invalid(_));
}

pub(super) async fn files_do_not_count(world: &World<'_>) {
    let ann = world.member().await;
    let shaft = Shaft::dig(world, &ann, MAX_TREE_DEPTH).await;
    let file = world.file(ann.id, shaft.at(MAX_TREE_DEPTH), "a.txt", 1).await;
    world.move_into(ann.id, file, ann.root).await.unwrap();
    world.move_into(ann.id, file, shaft.at(MAX_TREE_DEPTH)).await.unwrap();
    let folder = world.folder(ann.id, ann.root, "a").await;
    world.file(ann.id, folder, "b.txt", 1).await;
    world.move_into(ann.id, folder, shaft.at(MAX_TREE_DEPTH - 1)).await.unwrap();
}
