//! Search in shared nodes.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{Action, Limit, NodeId, Permission};
use clouddrive_domain::port::SearchCriteria;

use super::Fixture;
use super::{criteria, ids, page, walk};
use crate::fixture::TestUser;

pub(super) async fn shared_items_are_found_and_their_siblings_are_not(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "needle on top").await;
    let shared = fixture.folder(ann.id, top, "needle that is shared").await;
    let below = fixture.folder(ann.id, shared, "hay").await;
    let deep = fixture.file(ann.id, below, "needle far below", 1).await;
    let alone = fixture.file(ann.id, top, "needle alone", 1).await;
    fixture.folder(ann.id, top, "needle beside").await;
    let own = fixture.folder(bob.id, bob.root, "needle of bob's own").await;
    assert_eq!(ids(fixture, bob.id, criteria("needle")).await, BTreeSet::from([own]));
    fixture.share(ann.id, shared, bob.id, Permission::View).await;
    fixture.share(ann.id, alone, bob.id, Permission::Edit).await;
    for text in ["needle", "ne"] {
        assert_eq!(ids(fixture, bob.id, criteria(text)).await, BTreeSet::from([own, shared, deep, alone]), "{text}");
        assert_eq!(ids(fixture, ann.id, criteria(text)).await.len(), 5, "{text}");
    }
    // Nodes that are not shared do not use up a page of one.
    for text in ["needle", "ne"] {
        let one = SearchCriteria { limit: Limit::new(1).unwrap(), ..criteria(text) };
        let first = page(fixture, bob.id, &one).await;
        assert_eq!(first.items.len(), 1, "{text}");
    }
    // A node moved into a share is found, one moved out is not.
    fixture.move_into(ann.id, alone, shared).await.unwrap();
    fixture.move_into(ann.id, deep, ann.root).await.unwrap();
    assert_eq!(ids(fixture, bob.id, criteria("needle")).await, BTreeSet::from([own, shared, alone]));
}

pub(super) async fn formerly_shared_items_are_not_found(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "needles").await;
    let file = fixture.file(ann.id, folder, "needle", 1).await;
    let on_folder = fixture.share(ann.id, folder, bob.id, Permission::View).await;
    let on_file = fixture.share(ann.id, file, bob.id, Permission::View).await;
    assert_eq!(ids(fixture, bob.id, criteria("needle")).await, BTreeSet::from([folder, file]));
    fixture.revoke(ann.id, on_folder).await;
    assert_eq!(ids(fixture, bob.id, criteria("needle")).await, BTreeSet::from([file]));
    fixture.revoke(ann.id, on_file).await;
    assert_eq!(ids(fixture, bob.id, criteria("needle")).await, BTreeSet::new());
}

pub(super) async fn a_strangers_name_never_shows(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let mut mine = BTreeSet::new();
    for user in [&ann, &bob, &carl] {
        let id = fixture.folder(user.id, user.root, "the very same name").await;
        if user.id == ann.id {
            mine.insert(id);
        }
    }
    // A share with another user does not affect ann.
    let other = fixture.folder(bob.id, bob.root, "the very same name too").await;
    fixture.share(bob.id, other, carl.id, Permission::Edit).await;
    for text in ["very same", "th"] {
        let limit = Limit::new(1).unwrap();
        let found = page(fixture, ann.id, &SearchCriteria { limit, ..criteria(text) }).await;
        assert_eq!(found.items.iter().map(|hit| hit.located.node.id).collect::<BTreeSet<_>>(), mine);
        assert_eq!(found.next, None, "{text}: that there is more is not for ann to know");
    }
    assert_eq!(ids(fixture, fixture.id(), criteria("very same")).await, BTreeSet::new());
}

pub(super) async fn below_a_folder_only_what_lies_below_it_is_found(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "needle box").await;
    let inner = fixture.folder(ann.id, top, "needle case").await;
    let deep = fixture.file(ann.id, inner, "needle", 1).await;
    let elsewhere = fixture.folder(ann.id, ann.root, "needle elsewhere").await;
    fixture.share(ann.id, inner, bob.id, Permission::View).await;
    let below = async |viewer: &TestUser, folder: NodeId, text: &str| {
        let within = Some(fixture.grant(viewer.id, folder, Action::Read).await);
        ids(fixture, viewer.id, SearchCriteria { within, ..criteria(text) }).await
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
async fn tree(fixture: &Fixture<'_>, of: &TestUser, top: NodeId, wide: usize, deep: usize) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    let mut level = vec![top];
    for depth in 0..=deep {
        let mut next = Vec::new();
        for (number, folder) in level.into_iter().enumerate() {
            all.insert(fixture.file(of.id, folder, &format!("leaf {depth} {number}"), 1).await);
            for branch in 0..if depth < deep { wide } else { 0 } {
                let made = fixture.folder(of.id, folder, &format!("leafy {branch}")).await;
                all.insert(made);
                next.push(made);
            }
        }
        level = next;
    }
    all
}

pub(super) async fn a_shared_tree_of_any_shape_is_searched_completely(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let mut expected = BTreeSet::new();
    for (text, wide, deep) in [("bush", 3, 2), ("mast", 1, 6), ("stump", 0, 0), ("hedge", 5, 1)] {
        let top = fixture.folder(ann.id, ann.root, text).await;
        expected.extend(tree(fixture, &ann, top, wide, deep).await);
        fixture.share(ann.id, top, bob.id, Permission::View).await;
    }
    let alone = fixture.file(ann.id, ann.root, "leaf alone", 1).await;
    fixture.share(ann.id, alone, bob.id, Permission::View).await;
    expected.insert(alone);
    for text in ["leaf", "le", "f"] {
        let whole: Vec<NodeId> =
            walk(fixture, bob.id, criteria(text)).await.iter().map(|found| found.node.id).collect();
        assert_eq!(whole.iter().copied().collect::<BTreeSet<_>>(), expected, "{text}");
        for size in [1, 2, 5, 13] {
            let limit = Limit::new(size).unwrap();
            let found = walk(fixture, bob.id, SearchCriteria { limit, ..criteria(text) }).await;
            let found: Vec<NodeId> = found.iter().map(|found| found.node.id).collect();
            assert_eq!(found, whole, "{text} in pages of {size}");
        }
    }
}

pub(super) async fn items_shared_twice_are_found_once(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "needle case").await;
    let inner = fixture.folder(ann.id, top, "needle box").await;
    let file = fixture.file(ann.id, inner, "needle", 1).await;
    for node in [file, inner, top] {
        fixture.share(ann.id, node, bob.id, Permission::View).await;
    }
    for size in [1, 2, 10] {
        let limit = Limit::new(size).unwrap();
        assert_eq!(
            ids(fixture, bob.id, SearchCriteria { limit, ..criteria("need") }).await,
            BTreeSet::from([top, inner, file])
        );
    }
}

pub(super) async fn a_search_continues_after_a_folder_is_moved_away(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    fixture.share(ann.id, top, bob.id, Permission::View).await;
    let first = fixture.folder(ann.id, top, "first").await;
    let inner = fixture.folder(ann.id, first, "inner").await;
    for text in ["twig 1", "twig 2"] {
        fixture.file(ann.id, inner, text, 1).await;
    }
    let second = fixture.folder(ann.id, top, "second").await;
    let last = fixture.file(ann.id, second, "twig 3", 1).await;
    let one = SearchCriteria { limit: Limit::new(1).unwrap(), ..criteria("twig") };
    for gone in [inner, first] {
        let begun = page(fixture, bob.id, &one).await;
        assert_eq!(begun.items.len(), 1);
        fixture.move_into(ann.id, gone, ann.root).await.unwrap();
        let rest = walk(fixture, bob.id, SearchCriteria { after: begun.next, ..one.clone() }).await;
        assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [last]);
        fixture.move_into(ann.id, inner, first).await.unwrap();
        if gone == first {
            fixture.move_into(ann.id, first, top).await.unwrap();
        }
    }
    // Once the share is revoked, only other shares are left.
    let begun = page(fixture, bob.id, &one).await;
    let other = fixture.file(ann.id, ann.root, "twig of another tree", 1).await;
    fixture.share(ann.id, other, bob.id, Permission::View).await;
    let share = fixture.store.shares().list_received(bob.id, None, Limit::new(10).unwrap()).await.unwrap();
    let share = share.iter().find(|(_, located)| located.node.id == top).unwrap().0.id;
    fixture.revoke(ann.id, share).await;
    let rest = walk(fixture, bob.id, SearchCriteria { after: begun.next, ..one }).await;
    assert_eq!(rest.iter().map(|found| found.node.id).collect::<Vec<_>>(), [other]);
}
