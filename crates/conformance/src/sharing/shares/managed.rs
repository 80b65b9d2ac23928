//! Shares as their owners see them.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{
    AccessEntry, AccessVia, Action, ClientSubnet, ItemRef, Limit, LinkDownload, Located, NodeId, NodeKind, Page,
    Permission, Role, Share, SharePosition, Timestamp, UserId, UserRef,
};
use clouddrive_domain::port::NewLink;

use super::Fixture;
use super::{create, many};
use crate::fixture::{TestUser, name};

fn place(share: &Share) -> SharePosition {
    SharePosition { at: share.shared_at, id: share.id }
}

/// All that `owner` has shared, in pages of `limit`.
async fn given(fixture: &Fixture<'_>, owner: UserId, limit: u64) -> Vec<(Share, Located)> {
    let limit = Limit::new(limit).unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = fixture.store.shares().list_given(owner, after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, |(share, _)| place(share));
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// All shares of `node`, in pages of `limit`.
async fn of_node(fixture: &Fixture<'_>, owner: UserId, node: NodeId, limit: u64) -> Vec<Share> {
    let limit = Limit::new(limit).unwrap();
    let item = fixture.grant(owner, node, Action::Share).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = fixture.store.shares().list_by_node(&item, after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, place);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

pub(super) async fn given_shares_come_newest_first_in_pages(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let expected = many(fixture, &ann, bob.id).await;
    let of_carl = fixture.folder(carl.id, carl.root, "of carl").await;
    fixture.share(carl.id, of_carl, ann.id, Permission::Edit).await;
    for limit in [1, 3, 8, 100] {
        let found = given(fixture, ann.id, limit).await;
        assert_eq!(found.iter().map(|(share, _)| share.id).collect::<Vec<_>>(), expected, "in pages of {limit}");
        for (share, located) in found {
            assert_eq!(located, fixture.located(share.item.id, ann.id).await);
        }
    }
    assert_eq!(given(fixture, bob.id, 10).await, vec![]);
    fixture.revoke(bob.id, *expected.first().unwrap()).await;
    assert_eq!(given(fixture, ann.id, 100).await.len(), expected.len() - 1);
}

pub(super) async fn a_node_given_to_several_is_beside_each_share(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let first = fixture.share(ann.id, folder, bob.id, Permission::View).await;
    let second = fixture.share(ann.id, folder, carl.id, Permission::Edit).await;
    let found = given(fixture, ann.id, 10).await;
    let found: Vec<_> = found.iter().map(|(share, located)| (share.id, located.node.id)).collect();
    assert_eq!(found, [(second, folder), (first, folder)]);
}

pub(super) async fn the_shares_of_a_node_are_its_own(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.folder(ann.id, folder, "b").await;
    let first = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    create(fixture, &ann, below, bob.id, Permission::View).await.unwrap();
    let second = create(fixture, &ann, folder, carl.id, Permission::Edit).await.unwrap();
    for limit in [1, 2, 10] {
        assert_eq!(of_node(fixture, ann.id, folder, limit).await, [second.clone(), first.clone()]);
    }
    assert_eq!(of_node(fixture, ann.id, below, 10).await.len(), 1);
    fixture.revoke(ann.id, second.id).await;
    assert_eq!(of_node(fixture, ann.id, folder, 10).await, [first]);
}

/// All access entries of `node`, in pages of `limit`.
async fn access(fixture: &Fixture<'_>, owner: UserId, node: NodeId, limit: u64) -> Vec<AccessEntry> {
    let limit = Limit::new(limit).unwrap();
    let item = fixture.grant(owner, node, Action::Share).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = fixture.store.shares().list_access(&item, fixture.now(), after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, |entry| entry.via);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

fn person(user: &TestUser) -> Option<UserRef> {
    Some(UserRef { id: user.id, username: Some(user.username.clone()) })
}

pub(super) async fn access_tells_who_may_what_through_which_share_or_link(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let mid = fixture.folder(ann.id, top, "mid").await;
    let file = fixture.file(ann.id, mid, "file", 1).await;
    let beside = fixture.folder(ann.id, ann.root, "beside").await;
    let item = |kind, id, text: &str| ItemRef { kind, id, name: name(text) };
    let owner = |item| AccessEntry { person: person(&ann), role: Role::Owner, via: AccessVia::Owner(ann.id), item };
    let the_file = || item(NodeKind::File, file, "file");
    assert_eq!(access(fixture, ann.id, file, 10).await, [owner(the_file())]);

    let on_top = fixture.share(ann.id, top, bob.id, Permission::View).await;
    let on_file = fixture.share(ann.id, file, bob.id, Permission::Edit).await;
    let on_mid = fixture.share(ann.id, mid, carl.id, Permission::Edit).await;
    fixture.share(ann.id, beside, carl.id, Permission::Edit).await;
    let link = fixture.link(ann.id, mid).await;
    fixture.link(ann.id, beside).await;
    let share = |person, role, share, item| AccessEntry { person, role, via: AccessVia::Share(share), item };
    let mut shares = vec![
        share(person(&bob), Role::View, on_top, item(NodeKind::Folder, top, "top")),
        share(person(&bob), Role::Edit, on_file, the_file()),
        share(person(&carl), Role::Edit, on_mid, item(NodeKind::Folder, mid, "mid")),
    ];
    shares.sort_by_key(|entry| entry.via);
    let by_link = AccessEntry {
        person: None,
        role: Role::View,
        via: AccessVia::Link(link.id),
        item: item(NodeKind::Folder, mid, "mid"),
    };
    let expected = [vec![owner(the_file())], shares, vec![by_link]].concat();
    for limit in [1, 2, 3, 10] {
        assert_eq!(access(fixture, ann.id, file, limit).await, expected, "in pages of {limit}");
    }
    let of_top: Vec<_> = access(fixture, ann.id, top, 10).await.into_iter().map(|entry| entry.via).collect();
    assert_eq!(of_top, [AccessVia::Owner(ann.id), AccessVia::Share(on_top)], "what is below says nothing of it");
    fixture.revoke(ann.id, on_mid).await;
    assert_eq!(access(fixture, ann.id, file, 10).await.len(), expected.len() - 1);
}

pub(super) async fn access_leaves_out_links_that_have_expired(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let end = fixture.now();
    let item = fixture.grant(ann.id, folder, Action::Share).await;
    let expiring = NewLink { expires_at: Some(end), ..fixture.new_link() };
    fixture.store.links().create(&fixture.command(ann.id), &item, &expiring).await.unwrap();
    let limited = NewLink { max_downloads: Some(1), ..fixture.new_link() };
    let limited = fixture.store.links().create(&fixture.command(ann.id), &item, &limited).await.unwrap();
    let links = async |now| {
        let rows = fixture.store.shares().list_access(&item, now, None, Limit::default()).await.unwrap();
        rows.into_iter().map(|entry| entry.via).skip(1).collect::<Vec<_>>()
    };
    let just_before = Timestamp::from_millis(end.as_millis() - 1);
    let mut both = vec![AccessVia::Link(expiring.id), AccessVia::Link(limited.id)];
    both.sort();
    assert_eq!(links(just_before).await, both);
    assert_eq!(links(end).await, [AccessVia::Link(limited.id)]);
    let download = LinkDownload { link: limited.id, node: limited.item.id, subnet: ClientSubnet::from_address(None) };
    fixture.store.link_downloads().count(&fixture.command_at(None, fixture.now()), &download).await.unwrap();
    // The holder of an exhausted link still sees names.
    assert_eq!(links(end).await, [AccessVia::Link(limited.id)]);
}
