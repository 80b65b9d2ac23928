//! Order and paging of search results.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::collections::BTreeSet;

use clouddrive_domain::model::{Limit, Located, OrderKey, Permission, SearchPosition, UserId};
use clouddrive_domain::port::SearchCriteria;

use super::Fixture;
use super::{criteria, folders, ids, page, walk};
use crate::fixture::{TestUser, name};

/// Folders of two members that `ann` sees, with `tool` in their names, in the order of the search.
async fn tools(fixture: &Fixture<'_>) -> (TestUser, Vec<Located>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shelf = fixture.folder(bob.id, bob.root, "shelf").await;
    fixture.share(bob.id, shelf, ann.id, Permission::View).await;
    let mut nodes = Vec::new();
    for text in ["tool", "Tool", "TOOL b", "tool a", "a tool", "Ä tool", "z tool", "tool_", "tools", "toolß"] {
        nodes.push(fixture.folder(ann.id, ann.root, text).await);
        nodes.push(fixture.folder(bob.id, shelf, text).await);
        fixture.folder(bob.id, bob.root, text).await;
    }
    let mut found = Vec::new();
    for node in nodes {
        found.push(fixture.located(node, ann.id).await);
    }
    let is_shared = |found: &Located| found.owner.id == bob.id;
    found.sort_by_key(|found| {
        let node = &found.node;
        let own = (!is_shared(found)).then(|| OrderKey::new(&node.name));
        (is_shared(found), own, is_shared(found).then_some(node.created_at), *node.id.as_uuid().as_bytes())
    });
    (ann, found)
}

pub(super) async fn results_are_sorted_by_name_own_items_before_shared_ones(fixture: &Fixture<'_>) {
    let (ann, expected) = tools(fixture).await;
    let found = page(fixture, ann.id, &criteria("tool")).await;
    let items: Vec<Located> = found.items.into_iter().map(|hit| hit.located).collect();
    assert_eq!((items, found.next), (expected, None));
}

pub(super) async fn pages_of_any_size_make_the_same_list(fixture: &Fixture<'_>) {
    let (ann, expected) = tools(fixture).await;
    for text in ["tool", "to", "o"] {
        for size in [1, 2, 3, 7, 19, 20, 21] {
            let limit = Limit::new(size).unwrap();
            let found = walk(fixture, ann.id, SearchCriteria { limit, ..criteria(text) }).await;
            assert_eq!(found, expected, "{text} in pages of {size}");
        }
    }
}

/// The number of items on each page of a search.
async fn pages(fixture: &Fixture<'_>, viewer: UserId, mut criteria: SearchCriteria) -> Vec<usize> {
    let mut counts = Vec::new();
    loop {
        let page = page(fixture, viewer, &criteria).await;
        counts.push(page.items.len());
        criteria.after = page.next;
        if criteria.after.is_none() {
            return counts;
        }
    }
}

pub(super) async fn invisible_items_add_no_pages(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    for number in 0..3 {
        fixture.file(ann.id, shared, &format!("needle {number}"), 1).await;
    }
    fixture.share(ann.id, shared, bob.id, Permission::View).await;
    fixture.folder(bob.id, bob.root, "needle of bob").await;
    let searches =
        ["needle", "ne", "nothing"].map(|text| SearchCriteria { limit: Limit::new(2).unwrap(), ..criteria(text) });
    let mut before = Vec::new();
    for search in &searches {
        before.push(pages(fixture, bob.id, search.clone()).await);
    }
    assert_eq!(before, [vec![2, 2], vec![2, 2], vec![0]]);
    let hidden = fixture.folder(ann.id, ann.root, "needle of ann").await;
    for number in 0..40 {
        fixture.folder(ann.id, hidden, &format!("needle, nothing {number}")).await;
    }
    for (search, before) in searches.into_iter().zip(before) {
        assert_eq!(pages(fixture, bob.id, search).await, before);
    }
}

pub(super) async fn a_page_ends_when_it_has_too_many_bytes(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let mut folder = ann.root;
    let long = "l".repeat(255);
    for _ in 0..60 {
        folder = fixture.folder(ann.id, folder, &long).await;
    }
    let mut expected = BTreeSet::new();
    for number in 0..90 {
        expected.insert(fixture.folder(ann.id, folder, &format!("needle {number}")).await);
    }
    let counts = pages(fixture, ann.id, criteria("needle")).await;
    // Each path has more than 60 × 255 bytes, so that fewer than 70 fit into 1 MiB.
    assert!(matches!(counts.as_slice(), [50..70, _]), "{counts:?}");
    assert_eq!(ids(fixture, ann.id, criteria("needle")).await, expected);
}

pub(super) async fn a_page_continues_after_the_last_one_despite_deletions(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    folders(fixture, &ann, &["tool 1", "tool 2", "tool 3", "tool 4"]).await;
    for text in ["tool", "to"] {
        let two = SearchCriteria { limit: Limit::new(2).unwrap(), ..criteria(text) };
        let first = page(fixture, ann.id, &two).await;
        assert_eq!(first.items.len(), 2);
        // The last item of the page is renamed meanwhile, and a new one sorts before it.
        let last = first.items.last().unwrap().located.node.id;
        fixture.rename(ann.id, last, "moved on").await.unwrap();
        let new = fixture.folder(ann.id, ann.root, "tool 0").await;
        let rest = walk(fixture, ann.id, SearchCriteria { after: first.next, ..two.clone() }).await;
        let rest: Vec<String> = rest.iter().map(|found| found.node.name.to_string()).collect();
        assert_eq!(rest, ["tool 3", "tool 4"], "{text}");
        fixture.rename(ann.id, last, "tool 2").await.unwrap();
        fixture.rename(ann.id, new, &format!("elsewhere {}", text.len())).await.unwrap();
    }
    // A position is a key and an id; the node need not exist.
    let key = OrderKey::new(&name("tool 2 and a half"));
    let after = Some(SearchPosition::Own { key, id: fixture.id() });
    let rest = walk(fixture, ann.id, SearchCriteria { after, ..criteria("tool") }).await;
    assert_eq!(rest.len(), 2);
}
