//! Conformance suite for [`ShareRepository`](clouddrive_domain::port::ShareRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

mod managed;

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, ItemRef, Limit, Located, NodeId, NodeKind, Page, Permission, Role, Share, ShareId, SharePosition, UserId,
    UserRef,
};
use clouddrive_domain::port::NewShare;
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use crate::case::persistence_suite;
use crate::fixture::{TestUser, assert_refused, name};

persistence_suite! {
    $ shares uses
        BlobRecordRepository, NodeRepository, LinkDownloadRepository, LinkRepository, ShareRepository, UploadRepository,
        UserRepository;

    self of "`ShareRepository::create`: Shares the node that `item` grants to" {
        a_share_is_made_as_it_is_found,
        a_share_names_its_item_as_it_is_called_now,
    }

    self of "`ShareRepository`: Changes take effect before these methods return." {
        a_share_takes_effect_at_once,
    }

    self of "`ShareRepository::create`: by the store's own constraint" {
        a_node_is_shared_once_with_each_guest,
        one_of_simultaneous_shares_succeeds,
    }

    self of "`ShareRepository::create`: if the guest no longer exists" {
        a_share_needs_a_guest,
    }

    self of "`ShareRepository::change`: if the node no longer has such a share" {
        a_share_is_changed_on_its_own_node,
    }

    self of "`ShareRepository::revoke`: if the share no longer exists" {
        a_share_is_revoked_once,
        one_of_two_revocations_succeeds,
    }

    self of "`ShareRepository::list_received`: Lists what is shared with `guest`, newest first" {
        received_shares_come_newest_first,
        shares_are_received_by_their_guest_alone,
    }

    self of "`ShareRepository::list_received`: at most `limit` + 1" {
        received_shares_come_in_pages,
    }

    self of "`ShareRepository::list_received`: each with its node as seen by the guest" {
        a_received_share_has_its_node_as_the_guest_finds_it,
    }

    managed of "`ShareRepository::list_given`: Lists what `owner` has shared, newest first" {
        given_shares_come_newest_first_in_pages,
        a_node_given_to_several_is_beside_each_share,
    }

    managed of "`ShareRepository::list_by_node`: Lists the shares of the very node that `item` grants to" {
        the_shares_of_a_node_are_its_own,
    }

    managed of "`ShareRepository::list_access`: its owner, the guests of shares on it or above it" {
        access_tells_who_may_what_through_which_share_or_link,
    }

    managed of "`ShareRepository::list_access`: links not expired at `now`" {
        access_leaves_out_links_that_have_expired,
    }
}

async fn create(
    fixture: &Fixture<'_>,
    owner: &TestUser,
    node: NodeId,
    guest: UserId,
    permission: Permission,
) -> Result<Share> {
    let item = fixture.grant(owner.id, node, Action::Share).await;
    let share = NewShare { id: fixture.id(), guest, permission };
    fixture.store.shares().create(&fixture.command(owner.id), &item, &share).await
}

async fn find(fixture: &Fixture<'_>, user: UserId, share: ShareId) -> Option<Share> {
    fixture.store.shares().find(share, user).await.unwrap()
}

async fn role(fixture: &Fixture<'_>, guest: &TestUser, node: NodeId) -> Option<Role> {
    fixture.located(node, guest.id).await.role()
}

async fn a_share_is_made_as_it_is_found(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "folder").await;
    let file = fixture.file(ann.id, folder, "file", 1).await;
    let person = |user: &TestUser| UserRef { id: user.id, username: Some(user.username.clone()) };
    for (kind, node, text, permission) in
        [(NodeKind::Folder, folder, "folder", Permission::View), (NodeKind::File, file, "file", Permission::Edit)]
    {
        let item = fixture.grant(ann.id, node, Action::Share).await;
        let (new, command) = (NewShare { id: fixture.id(), guest: bob.id, permission }, fixture.command(ann.id));
        let made = fixture.store.shares().create(&command, &item, &new).await.unwrap();
        let expected = Share {
            id: new.id,
            permission,
            item: ItemRef { kind, id: node, name: name(text) },
            shared_with: person(&bob),
            shared_by: person(&ann),
            shared_at: command.at,
        };
        assert_eq!(made, expected);
        assert_eq!(find(fixture, ann.id, new.id).await.as_ref(), Some(&expected));
        // Its guest finds it too; to others it does not exist.
        assert_eq!(find(fixture, bob.id, new.id).await, Some(expected));
        let carl = fixture.user().await;
        assert_eq!(find(fixture, carl.id, new.id).await, None);
    }
    assert_eq!(find(fixture, ann.id, fixture.id()).await, None);
}

async fn a_share_takes_effect_at_once(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.file(ann.id, folder, "b", 1).await;
    let mut before = fixture.located(folder, ann.id).await;
    assert_eq!(role(fixture, &bob, below).await, None);
    let share = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    assert_eq!(role(fixture, &bob, below).await, Some(Role::View));
    fixture.change_share(ann.id, folder, share.id, Permission::Edit).await;
    assert_eq!(role(fixture, &bob, below).await, Some(Role::Edit));
    fixture.change_share(ann.id, folder, share.id, Permission::View).await;
    assert_eq!(role(fixture, &bob, below).await, Some(Role::View));
    let later = fixture.file(ann.id, folder, "c", 1).await;
    assert_eq!(role(fixture, &bob, later).await, Some(Role::View));
    fixture.revoke(ann.id, share.id).await;
    assert_eq!(role(fixture, &bob, below).await, None);
    // Sharing does not change the node, and the new file changes only its modification time.
    before.node.modified_at = fixture.located(later, ann.id).await.node.created_at;
    assert_eq!(fixture.located(folder, ann.id).await, before);
}

async fn a_share_names_its_item_as_it_is_called_now(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (folder, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    let share = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    fixture.rename(ann.id, folder, "b").await.unwrap();
    fixture.move_into(ann.id, folder, to).await.unwrap();
    let found = find(fixture, ann.id, share.id).await.unwrap();
    assert_eq!(found, Share { item: ItemRef { name: name("b"), ..share.item.clone() }, ..share });
}

async fn a_node_is_shared_once_with_each_guest(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let below = fixture.folder(ann.id, folder, "b").await;
    let first = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    for permission in [Permission::View, Permission::Edit] {
        let again = create(fixture, &ann, folder, bob.id, permission).await;
        assert_refused!(again, Error::Conflict(Conflict::AlreadyShared));
    }
    assert_eq!(find(fixture, ann.id, first.id).await.as_ref(), Some(&first));
    create(fixture, &ann, folder, carl.id, Permission::Edit).await.unwrap();
    create(fixture, &ann, below, bob.id, Permission::Edit).await.unwrap();
    assert_eq!(role(fixture, &bob, folder).await, Some(Role::View));
    assert_eq!(role(fixture, &bob, below).await, Some(Role::Edit));
    fixture.revoke(ann.id, first.id).await;
    create(fixture, &ann, folder, bob.id, Permission::Edit).await.unwrap();
    assert_eq!(role(fixture, &bob, folder).await, Some(Role::Edit));
}

async fn one_of_simultaneous_shares_succeeds(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let rivals = (0..8).map(|_| create(fixture, &ann, folder, bob.id, Permission::View));
    let outcomes = join_all(rivals).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_refused!(outcome, Error::Conflict(Conflict::AlreadyShared));
    }
    assert_eq!(received(fixture, bob.id, None, 10).await.0.len(), 1);
}

async fn a_share_needs_a_guest(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    assert_refused!(create(fixture, &ann, folder, fixture.id(), Permission::View).await, Error::NotFound);
}

async fn a_share_is_changed_on_its_own_node(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let (folder, other) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "b").await);
    let share = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    create(fixture, &ann, other, bob.id, Permission::View).await.unwrap();
    let change = async |node: NodeId, share: ShareId| {
        let item = fixture.grant(ann.id, node, Action::Share).await;
        fixture.store.shares().change(&fixture.command(ann.id), &item, share, Permission::Edit).await
    };
    assert_refused!(change(other, share.id).await, Error::NotFound);
    assert_refused!(change(folder, fixture.id()).await, Error::NotFound);
    assert_eq!(find(fixture, ann.id, share.id).await.as_ref(), Some(&share));
    let changed = change(folder, share.id).await.unwrap();
    assert_eq!(changed, Share { permission: Permission::Edit, ..share.clone() });
    assert_eq!(change(folder, share.id).await.unwrap(), changed);
    assert_eq!(find(fixture, ann.id, share.id).await, Some(changed));
    assert_eq!(role(fixture, &bob, other).await, Some(Role::View));
    fixture.revoke(ann.id, share.id).await;
    assert_refused!(change(folder, share.id).await, Error::NotFound);
}

async fn a_share_is_revoked_once(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let share = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
    let other = create(fixture, &ann, folder, carl.id, Permission::View).await.unwrap();
    // A guest may revoke a share, as its owner may.
    fixture.revoke(bob.id, share.id).await;
    assert_eq!(find(fixture, ann.id, share.id).await, None);
    for again in [share.id, fixture.id()] {
        assert_refused!(fixture.store.shares().revoke(&fixture.command(ann.id), again).await, Error::NotFound);
    }
    assert_eq!(find(fixture, ann.id, other.id).await, Some(other));
    assert_eq!(role(fixture, &carl, folder).await, Some(Role::View));
}

async fn one_of_two_revocations_succeeds(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    for _ in 0..5 {
        let share = create(fixture, &ann, folder, bob.id, Permission::View).await.unwrap();
        let commands = [fixture.command(ann.id), fixture.command(bob.id)];
        let outcomes = join_all(commands.iter().map(|command| fixture.store.shares().revoke(command, share.id))).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_refused!(outcome, Error::NotFound);
        }
    }
}

/// A page of the shares with `guest`, and the position after which the next one begins.
async fn received(
    fixture: &Fixture<'_>,
    guest: UserId,
    after: Option<SharePosition>,
    limit: u64,
) -> (Vec<(Share, Located)>, Option<SharePosition>) {
    let limit = Limit::new(limit).unwrap();
    let rows = fixture.store.shares().list_received(guest, after, limit).await.unwrap();
    assert!(rows.len() <= limit.get() + 1);
    let page = Page::cut(rows, limit, |(share, _)| SharePosition { at: share.shared_at, id: share.id });
    (page.items, page.next)
}

/// Shares with `guest`, in pairs of equal time, newest first.
async fn many(fixture: &Fixture<'_>, ann: &TestUser, guest: UserId) -> Vec<ShareId> {
    let mut shares = Vec::new();
    for pair in 0..4 {
        let at = fixture.now();
        for half in 0..2 {
            let node = fixture.folder(ann.id, ann.root, &format!("{pair}-{half}")).await;
            let item = fixture.grant(ann.id, node, Action::Share).await;
            let share = NewShare { id: fixture.id(), guest, permission: Permission::View };
            let command = fixture.command_at(Some(ann.id), at);
            fixture.store.shares().create(&command, &item, &share).await.unwrap();
            shares.push((at, share.id));
        }
    }
    shares.sort_by_key(|(at, id)| std::cmp::Reverse((*at, *id.as_uuid().as_bytes())));
    shares.into_iter().map(|(_, id)| id).collect()
}

async fn received_shares_come_newest_first(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let expected = many(fixture, &ann, bob.id).await;
    let (rows, next) = received(fixture, bob.id, None, 100).await;
    assert_eq!(rows.iter().map(|(share, _)| share.id).collect::<Vec<_>>(), expected);
    assert_eq!(next, None);
}

async fn received_shares_come_in_pages(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let expected = many(fixture, &ann, bob.id).await;
    for limit in [1, 3, 8] {
        let (mut rows, mut next) = received(fixture, bob.id, None, limit).await;
        while next.is_some() {
            let (more, after) = received(fixture, bob.id, next, limit).await;
            rows.extend(more);
            next = after;
        }
        assert_eq!(rows.iter().map(|(share, _)| share.id).collect::<Vec<_>>(), expected, "in pages of {limit}");
    }
    // A position outlives its share; newer shares come before it.
    let (_, place) = received(fixture, bob.id, None, 3).await;
    let (gone, left) = expected.split_at(3);
    for share in gone {
        fixture.revoke(ann.id, *share).await;
    }
    let node = fixture.folder(ann.id, ann.root, "new").await;
    fixture.share(ann.id, node, bob.id, Permission::View).await;
    let (rows, _) = received(fixture, bob.id, place, 100).await;
    assert_eq!(rows.iter().map(|(share, _)| share.id).collect::<Vec<_>>(), left);
}

async fn a_received_share_has_its_node_as_the_guest_finds_it(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let a = fixture.folder(ann.id, ann.root, "a").await;
    let b = fixture.folder(ann.id, a, "b").await;
    let file = fixture.file(ann.id, b, "c.txt", 5).await;
    for (node, permission) in [(file, Permission::View), (a, Permission::Edit), (b, Permission::View)] {
        create(fixture, &ann, node, bob.id, permission).await.unwrap();
    }
    let (rows, _) = received(fixture, bob.id, None, 10).await;
    assert_eq!(rows.iter().map(|(share, _)| share.item.id).collect::<Vec<_>>(), [b, a, file]);
    for (share, located) in rows {
        assert_eq!(find(fixture, ann.id, share.id).await.as_ref(), Some(&share));
        assert_eq!(located, fixture.located(share.item.id, bob.id).await);
    }
}

async fn shares_are_received_by_their_guest_alone(fixture: &Fixture<'_>) {
    let (ann, bob, carl) = (fixture.user().await, fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let share = fixture.share(ann.id, folder, bob.id, Permission::View).await;
    for other in [ann.id, carl.id, fixture.id()] {
        assert_eq!(received(fixture, other, None, 10).await, (vec![], None));
    }
    assert_eq!(received(fixture, bob.id, None, 10).await.0.len(), 1);
    fixture.revoke(ann.id, share).await;
    assert_eq!(received(fixture, bob.id, None, 10).await, (vec![], None));
}
