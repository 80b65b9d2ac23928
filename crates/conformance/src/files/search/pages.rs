//! Order and paging of search results.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{Limit, Located, OrderKey, Permission, SearchPosition, UserId};
use clouddrive_domain::port::Sought;

use super::{folders, ids, page, sought, walk};
use crate::world::{Member, World, name};

/// Folders of two members that `ann` sees, with `tool` in their names, in the order of the search.
async fn tools(world: &World<'_>) -> (Member, Vec<Located>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shelf = world.folder(bob.id, bob.root, "shelf").await;
    world.share(bob.id, shelf, ann.id, Permission::View).await;
    let mut nodes = Vec::new();
    for text in ["tool", "Tool", "TOOL b", "tool a", "a tool", "Ä tool", "z tool", "tool_", "tools", "toolß"] {
        nodes.push(world.folder(ann.id, ann.root, text).await);
        nodes.push(world.folder(bob.id, shelf, text).await);
        world.folder(bob.id, bob.root, text).await;
    }
    let mut found = Vec::new();
    for node in nodes {
        found.push(world.located(node, ann.id).await);
    }
    let is_shared = |found: &Located| found.owner.id == bob.id;
    found.sort_by_key(|found| {
        let node = &found.node;
        let own = (!is_shared(found)).then(|| OrderKey::of(&node.name));
        (is_shared(found), own, is_shared(found).then_some(node.created_at), *node.id.as_uuid().as_bytes())
    });
    (ann, found)
}

pub(super) async fn what_is_found_comes_by_name_and_then_what_is_shared(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    let found = page(world, ann.id, &sought("tool")).await;
    let items: Vec<Located> = found.items.into_iter().map(|hit| hit.located).collect();
    assert_eq!((items, found.next), (expected, None));
}

pub(super) async fn pages_of_any_size_make_the_same_list(world: &World<'_>) {
    let (ann, expected) = tools(world).await;
    for text in ["tool", "to", "o"] {
        for size in [1, 2, 3, 7, 19, 20, 21] {
            let limit = Limit::new(size).unwrap();
            let found = walk(world, ann.id, Sought { limit, ..sought(text) }).await;
            assert_eq!(found, expected, "{text} in pages of {size}");
        }
    }
}

/// The number of items on each page of a search.
async fn pages(world: &World<'_>, viewer: UserId, mut sought: Sought) -> Vec<usize> {
    let mut counts = Vec::new();
    loop {
        let page = page(world, viewer, &sought).await;
        counts.push(page.items.len());
        sought.after = page.next;
        if sought.after.is_none() {
            return counts;
        }
    }
}

pub(super) async fn what_is_invisible_makes_no_page_more(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let shared = world.folder(ann.id, ann.root, "shared").await;
    for number in 0..3 {
        world.file(ann.id, shared, &format!("needle {number}"), 1).await;
    }
    world.share(ann.id, shared, bob.id, Permission::View).await;
    world.folder(bob.id, bob.root, "needle of bob").await;
    let searches = ["needle", "ne", "nothing"].map(|text| Sought { limit: Limit::new(2).unwrap(), ..sought(text) });
    let mut before = Vec::new();
    for search in &searches {
        before.push(pages(world, bob.id, search.clone()).await);
    }
    assert_eq!(before, [vec![2, 2], vec![2, 2], vec![0]]);
    let hidden = world.folder(ann.id, ann.root, "needle of ann").await;
    for number in 0..40 {
        world.folder(ann.id, hidden, &format!("needle, nothing {number}")).await;
    }
    for (search, before) in searches.into_iter().zip(before) {
        assert_eq!(pages(world, bob.id, search).await, before);
    }
}

pub(super) async fn a_page_ends_when_it_has_too_many_bytes(world: &World<'_>) {
    let ann = world.member().await;
    let mut folder = ann.root;
    let long = "l".repeat(255);
    for _ in 0..60 {
        folder = world.folder(ann.id, folder, &long).await;
    }
    let mut expected = BTreeSet::new();
    for number in 0..90 {
        expected.insert(world.folder(ann.id, folder, &format!("needle {number}")).await);
    }
    let counts = pages(world, ann.id, sought("needle")).await;
    // Each path has more than 60 × 255 bytes, so that fewer than 70 fit into 1 MiB.
    assert!(matches!(counts.as_slice(), [50..70, _]), "{counts:?}");
    assert_eq!(ids(world, ann.id, sought("needle")).await, expected);
}

pub(super) async fn a_page_goes_on_where_the_last_one_ended_whatever_is_gone(world: &World<'_>) {
    let ann = world.member().await;
    folders(world, &ann, &["tool 1", "tool 2", "tool 3", "tool 4"]).await;
    for text in ["tool", "to"] {
        let two = Sought { limit: Limit::new(2).unwrap(), ..sought(text) };
        let first = page(world, ann.id, &two).await;
        assert_eq!(first.items.len(), 2);
        // The last item of the page is renamed meanwhile, and a new one sorts before it.
        let last = first.items.last().unwrap().located.node.id;
        world.rename(ann.id, last, "moved on").await.unwrap();
        let new = world.folder(ann.id, ann.root, "tool 0").await;
        let rest = walk(world, ann.id, Sought { after: first.next, ..two.clone() }).await;
        let rest: Vec<String> = rest.iter().map(|found| found.node.name.to_string()).collect();
        assert_eq!(rest, ["tool 3", "tool 4"], "{text}");
        world.rename(ann.id, last, "tool 2").await.unwrap();
        world.rename(ann.id, new, &format!("elsewhere {}", text.len())).await.unwrap();
    }
    // A position is a key and an id; the node need not exist.
    let key = OrderKey::of(&name("tool 2 and a half"));
    let after = Some(SearchPosition::Own { key, id: world.id() });
    let rest = walk(world, ann.id, Sought { after, ..sought("tool") }).await;
    assert_eq!(rest.len(), 2);
}
