//! Shares as their owners see them.

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{
    AccessEntry, AccessVia, Action, ItemRef, Limit, LinkDownload, Located, Network, NodeId, NodeKind, Page, Permission,
    Person, Role, Share, SharePosition, Timestamp, UserId,
};
use clouddrive_domain::port::NewLink;

use super::{create, many};
use crate::world::{Member, World, name};

fn place(share: &Share) -> SharePosition {
    SharePosition { at: share.shared_at, id: share.id }
}

/// All that `owner` has shared, in pages of `limit`.
async fn given(world: &World<'_>, owner: UserId, limit: u64) -> Vec<(Share, Located)> {
    let limit = Limit::new(limit).unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = world.store.shares.list_given(owner, after, limit).await.unwrap();
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
async fn of_node(world: &World<'_>, owner: UserId, node: NodeId, limit: u64) -> Vec<Share> {
    let limit = Limit::new(limit).unwrap();
    let item = world.grant(owner, node, Action::Share).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = world.store.shares.list_of(&item, after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, place);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

pub(super) async fn given_shares_come_newest_first_in_pages(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let expected = many(world, &ann, bob.id).await;
    let of_carl = world.folder(carl.id, carl.root, "of carl").await;
    world.share(carl.id, of_carl, ann.id, Permission::Edit).await;
    for limit in [1, 3, 8, 100] {
        let found = given(world, ann.id, limit).await;
        assert_eq!(found.iter().map(|(share, _)| share.id).collect::<Vec<_>>(), expected, "in pages of {limit}");
        for (share, located) in found {
            assert_eq!(located, world.located(share.item.id, ann.id).await);
        }
    }
    assert_eq!(given(world, bob.id, 10).await, vec![]);
    world.revoke(bob.id, *expected.first().unwrap()).await;
    assert_eq!(given(world, ann.id, 100).await.len(), expected.len() - 1);
}

pub(super) async fn a_node_given_to_several_is_beside_each_share(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let first = world.share(ann.id, folder, bob.id, Permission::View).await;
    let second = world.share(ann.id, folder, carl.id, Permission::Edit).await;
    let found = given(world, ann.id, 10).await;
    let found: Vec<_> = found.iter().map(|(share, located)| (share.id, located.node.id)).collect();
    assert_eq!(found, [(second, folder), (first, folder)]);
}

pub(super) async fn the_shares_of_a_node_are_its_own(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let folder = world.folder(ann.id, ann.root, "a").await;
    let below = world.folder(ann.id, folder, "b").await;
    let first = create(world, &ann, folder, bob.id, Permission::View).await.unwrap();
    create(world, &ann, below, bob.id, Permission::View).await.unwrap();
    let second = create(world, &ann, folder, carl.id, Permission::Edit).await.unwrap();
    for limit in [1, 2, 10] {
        assert_eq!(of_node(world, ann.id, folder, limit).await, [second.clone(), first.clone()]);
    }
    assert_eq!(of_node(world, ann.id, below, 10).await.len(), 1);
    world.revoke(ann.id, second.id).await;
    assert_eq!(of_node(world, ann.id, folder, 10).await, [first]);
}

/// All access entries of `node`, in pages of `limit`.
async fn access(world: &World<'_>, owner: UserId, node: NodeId, limit: u64) -> Vec<AccessEntry> {
    let limit = Limit::new(limit).unwrap();
    let item = world.grant(owner, node, Action::Share).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = world.store.shares.list_access(&item, world.now(), after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, |entry| entry.via);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

fn person(member: &Member) -> Option<Person> {
    Some(Person { id: member.id, username: Some(member.username.clone()) })
}

pub(super) async fn access_tells_who_may_what_through_which_share_or_link(world: &World<'_>) {
    let (ann, bob, carl) = (world.member().await, world.member().await, world.member().await);
    let top = world.folder(ann.id, ann.root, "top").await;
    let mid = world.folder(ann.id, top, "mid").await;
    let file = world.file(ann.id, mid, "file", 1).await;
    let beside = world.folder(ann.id, ann.root, "beside").await;
    let item = |kind, id, text: &str| ItemRef { kind, id, name: name(text) };
    let owner = |item| AccessEntry { person: person(&ann), role: Role::Owner, via: AccessVia::Owner(ann.id), item };
    let the_file = || item(NodeKind::File, file, "file");
    assert_eq!(access(world, ann.id, file, 10).await, [owner(the_file())]);

    let on_top = world.share(ann.id, top, bob.id, Permission::View).await;
    let on_file = world.share(ann.id, file, bob.id, Permission::Edit).await;
    let on_mid = world.share(ann.id, mid, carl.id, Permission::Edit).await;
    world.share(ann.id, beside, carl.id, Permission::Edit).await;
    let link = world.link(ann.id, mid).await;
    world.link(ann.id, beside).await;
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
        assert_eq!(access(world, ann.id, file, limit).await, expected, "in pages of {limit}");
    }
    let of_top: Vec<_> = access(world, ann.id, top, 10).await.into_iter().map(|entry| entry.via).collect();
    assert_eq!(of_top, [AccessVia::Owner(ann.id), AccessVia::Share(on_top)], "what is below says nothing of it");
    world.revoke(ann.id, on_mid).await;
    assert_eq!(access(world, ann.id, file, 10).await.len(), expected.len() - 1);
}

pub(super) async fn access_leaves_out_links_that_have_expired(world: &World<'_>) {
    let ann = world.member().await;
    let folder = world.folder(ann.id, ann.root, "a").await;
    let end = world.now();
    let item = world.grant(ann.id, folder, Action::Share).await;
    let expiring = NewLink { expires_at: Some(end), ..world.new_link() };
    world.store.links.create(&world.command(ann.id), &item, &expiring).await.unwrap();
    let limited = NewLink { max_downloads: Some(1), ..world.new_link() };
    let limited = world.store.links.create(&world.command(ann.id), &item, &limited).await.unwrap();
    let links = async |now| {
        let rows = world.store.shares.list_access(&item, now, None, Limit::default()).await.unwrap();
        rows.into_iter().map(|entry| entry.via).skip(1).collect::<Vec<_>>()
    };
    let just_before = Timestamp::from_millis(end.as_millis() - 1);
    let mut both = vec![AccessVia::Link(expiring.id), AccessVia::Link(limited.id)];
    both.sort();
    assert_eq!(links(just_before).await, both);
    assert_eq!(links(end).await, [AccessVia::Link(limited.id)]);
    let download = LinkDownload { link: limited.id, node: limited.item.id, network: Network::of(None) };
    world.store.link_downloads.count(&world.command_at(None, world.now()), &download).await.unwrap();
    // The holder of an exhausted link still sees names.
    assert_eq!(links(end).await, [AccessVia::Link(limited.id)]);
}
