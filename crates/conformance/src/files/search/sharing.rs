//! Search in shared nodes.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{Action, Limit, NodeId, Permission};
use clouddrive_domain::port::Sought;

use super::{ids, page, sought, walk};
use crate::world::{Member, World};

pub(super) async fn what_is_shared_is_found_and_nothing_beside_it(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle on top").await;
    let shared = world.folder(ann.id, top, "needle that is shared").await;
    let below = world.folder(ann.id, shared, "hay").await;
    let deep = world.file(ann.id, below, "needle far below", 1).await;
    let alone = world.file(ann.id, top, "needle alone", 1).await;
    world.folder(ann.id, top, "needle beside").await;
    let own = world.folder(bob.id, bob.root, "needle of bob's own").await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([own]));
    world.share(ann.id, shared, bob.id, Permission::View).await;
    world.share(ann.id, alone, bob.id, Permission::Edit).await;
    for text in ["needle", "ne"] {
        assert_eq!(ids(world, bob.id, sought(text)).await, BTreeSet::from([own, shared, deep, alone]), "{text}");
        assert_eq!(ids(world, ann.id, sought(text)).await.len(), 5, "{text}");
    }
    // Nodes that are not shared do not use up a page of one.
    for text in ["needle", "ne"] {
        let one = Sought { limit: Limit::new(1).unwrap(), ..sought(text) };
        let first = page(world, bob.id, &one).await;
        assert_eq!(first.items.len(), 1, "{text}");
    }
    // A node moved into a share is found, one moved out is not.
    world.move_into(ann.id, alone, shared).await.unwrap();
    world.move_into(ann.id, deep, ann.root).await.unwrap();
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([own, shared, alone]));
}

pub(super) async fn what_is_shared_no_more_is_not_found(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "needles").await;
    let file = world.file(ann.id, folder, "needle", 1).await;
    let on_folder = world.share(ann.id, folder, bob.id, Permission::View).await;
    let on_file = world.share(ann.id, file, bob.id, Permission::View).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([folder, file]));
    world.revoke(ann.id, on_folder).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::from([file]));
    world.revoke(ann.id, on_file).await;
    assert_eq!(ids(world, bob.id, sought("needle")).await, BTreeSet::new());
}

pub(super) async fn a_strangers_name_never_shows(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let mut mine = BTreeSet::new();
    for member in [&ann, &bob, &carl] {
        let id = world.folder(member.id, member.root, "the very same name").await;
        if member.id == ann.id {
            mine.insert(id);
        }
    }
    // A share with another user does not affect ann.
    let other = world.folder(bob.id, bob.root, "the very same name too").await;
    world.share(bob.id, other, carl.id, Permission::Edit).await;
    for text in ["very same", "th"] {
        let limit = Limit::new(1).unwrap();
        let found = page(world, ann.id, &Sought { limit, ..sought(text) }).await;
        assert_eq!(found.items.iter().map(|hit| hit.located.node.id).collect::<BTreeSet<_>>(), mine);
        assert_eq!(found.next, None, "{text}: that there is more is not for ann to know");
    }
    assert_eq!(ids(world, world.id(), sought("very same")).await, BTreeSet::new());
}

pub(super) async fn below_a_folder_only_what_lies_below_it_is_found(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle box").await;
    let inner = world.folder(ann.id, top, "needle case").await;
    let deep = world.file(ann.id, inner, "needle", 1).await;
    let elsewhere = world.folder(ann.id, ann.root, "needle elsewhere").await;
    world.share(ann.id, inner, bob.id, Permission::View).await;
    let below = async |viewer: &Member, folder: NodeId, text: &str| {
        let within = Some(world.grant(viewer.id, folder, Action::Read).await);
        ids(world, viewer.id, Sought { within, ..sought(text) }).await
    };
    for text in ["needle", "ne"] {
        assert_eq!(below(&ann, top, text).await, BTreeSet::from([inner, deep]), "{text}");
        assert_eq!(below(&ann, inner, text).await, BTreeSet::from([deep]), "{text}");
        assert_eq!(below(&ann, elsewhere, text).await, BTreeSet::new(), "{text}");
        assert_eq!(below(&ann, ann.root, text).await.len(), 4, "{text}");
        assert_eq!(below(&bob, inner, text).await, BTreeSet::from([deep]), "{text}");
    }
}

/// Creates `deep` levels of folders below `top`, `wide` in each folder, and a file in every folder.
async fn tree(world: &World<'_>, of: &Member, top: NodeId, wide: usize, deep: usize) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    let mut level = vec![top];
    for depth in 0..=deep {
        let mut next = Vec::new();
        for (number, folder) in level.into_iter().enumerate() {
            all.insert(world.file(of.id, folder, &format!("leaf {depth} {number}"), 1).await);
            for branch in 0..if depth < deep { wide } else { 0 } {
                let made = world.folder(of.id, folder, &format!("leafy {branch}")).await;
                all.insert(made);
                next.push(made);
            }
        }
        level = next;
    }
    all
}

pub(super) async fn a_shared_tree_is_walked_whole_whatever_its_shape(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let mut expected = BTreeSet::new();
    for (text, wide, deep) in [("bush", 3, 2), ("mast", 1, 6), ("stump", 0, 0), ("hedge", 5, 1)] {
        let top = world.folder(ann.id, ann.root, text).await;
        expected.extend(tree(world, &ann, top, wide, deep).await);
        world.share(ann.id, top, bob.id, Permission::View).await;
    }
    let alone = world.file(ann.id, ann.root, "leaf alone", 1).await;
    world.share(ann.id, alone, bob.id, Permission::View).await;
    expected.insert(alone);
    for text in ["leaf", "le", "f"] {
        let whole: Vec<NodeId> = walk(world, bob.id, sought(text)).await.iter().map(|found| found.node.id).collect();
        assert_eq!(whole.iter().copied().collect::<BTreeSet<_>>(), expected, "{text}");
        for size in [1, 2, 5, 13] {
            let limit = Limit::new(size).unwrap();
            let found = walk(world, bob.id, Sought { limit, ..sought(text) }).await;
            let found: Vec<NodeId> = found.iter().map(|found| found.node.id).collect();
            assert_eq!(found, whole, "{text} in pages of {size}");
        }
    }
}

pub(super) async fn what_is_shared_twice_is_found_once(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "needle case").await;
    let inner = world.folder(ann.id, top, "needle box").await;
    let file = world.file(ann.id, inner, "needle", 1).await;
    for node in [file, inner, top] {
        world.share(ann.id, node, bob.id, Permission::View).await;
    }
    for size in [1, 2, 10] {
        let limit = Limit::new(size).unwrap();
        assert_eq!(ids(world, bob.id, Sought { limit, ..sought("need") }).await, BTreeSet::from([top, inner, file]));
    }
}

pub(super) async fn a_walk_goes_on_beside_what_was_moved_away(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    world.share(ann.id, top, bob.id, Permission::View).await;
    let first = world.folder(ann.id, top, "first").await;
    let inner = world.folder(ann.id, first, "inner").await;
    for text in ["twig 1", "twig 2"] {
        world.file(ann.id, inner, text, 1).await;
    }
    let second = world.folder(ann.id, top, "second").await;
    let last = world.file(ann.id, second, "twig 3", 1).await;
    let one = Sought { limit: Limit::new(1).unwrap(), ..sought("twig") };
    for gone in [inner, first] {
        let begun = page(world, bob.id, &one).await;
        assert_eq!(begun.items.len(), 1);
        world.move_into(ann.id, gone, ann.root).await.unwrap();
        let rest = walk(world, bob.id, Sought { after: begun.next, ..one.clone() }).await;
        assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [last]);
        world.move_into(ann.id, inner, first).await.unwrap();
        if gone == first {
            world.move_into(ann.id, first, top).await.unwrap();
        }
    }
    // Once the share is revoked, only other shares are left.
    let begun = page(world, bob.id, &one).await;
    let other = world.file(ann.id, ann.root, "twig of another tree", 1).await;
    world.share(ann.id, other, bob.id, Permission::View).await;
    let share = world.store.shares.list_received(bob.id, None, Limit::new(10).unwrap()).await.unwrap();
    let share = share.iter().find(|(_, located)| located.node.id == top).unwrap().0.id;
    world.revoke(ann.id, share).await;
    let rest = walk(world, bob.id, Sought { after: begun.next, ..one }).await;
    assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [other]);
}
