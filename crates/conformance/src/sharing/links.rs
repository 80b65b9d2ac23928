//! Conformance suite for [`LinkRepository`](clouddrive_domain::port::LinkRepository).

#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::model::{
    Action, ItemRef, Limit, Link, LinkChange, LinkId, LinkPosition, Located, NodeId, NodeKind, Page, PasswordHash,
    Permission, Role, SealedToken, Sort, Timestamp, TokenHash, UserId, authorize_read,
};
use clouddrive_domain::port::{LinkRepository, NewLink, NodeRepository};
use clouddrive_domain::{Error, Result};
use futures_util::future::join_all;

use crate::case::persistence_suite;
use crate::fixture::{assert_refused, name};

persistence_suite! {
    $ links uses
        BlobRecordRepository, NodeRepository, LinkRepository, ShareRepository, UploadRepository, UserRepository;

    self of "`LinkRepository::create`: Creates a link to the node that `item` grants to" {
        a_link_is_made_as_it_is_found,
    }

    self of "`LinkRepository::find_by_token`: Finds the link by the hash of its token, with its node as seen by the holder" {
        a_link_is_found_by_the_hash_of_its_token_alone,
        a_link_shows_its_node_and_what_lies_below_and_nothing_else,
        a_link_bearer_lists_the_linked_folder,
        shares_give_nothing_to_the_holder_of_a_link,
        a_link_names_its_item_as_it_is_called_now,
    }

    self of "`LinkRepository::create`: A node may have any number of links." {
        a_node_may_have_many_links,
    }

    self of "`LinkRepository::change`: Applies `change`, which is not empty, and changes nothing else." {
        only_what_is_to_change_changes,
    }

    self of "`LinkRepository::change`: if the node no longer has such a link" {
        a_link_is_changed_and_revoked_on_its_own_node,
        a_link_is_revoked_once,
    }

    self of "`LinkRepository::list_by_owner`: Lists the links of `owner`, newest first" {
        links_come_newest_first_in_pages,
    }

    self of "`LinkRepository::prune_expired`: Deletes up to `max` links that expired before `before`" {
        expired_links_are_pruned,
    }
}

impl<P: ?Sized> crate::fixture::Fixture<'_, P> {
    /// A valid new link.
    pub(crate) fn new_link(&self) -> NewLink {
        let id: LinkId = self.id();
        NewLink {
            id,
            hash: Self::hash_of(id),
            sealed: SealedToken::new(id.as_uuid().as_bytes().to_vec()),
            password: None,
            expires_at: None,
            max_downloads: None,
        }
    }

    /// The token hash of a link from [`new_link`](Self::new_link).
    fn hash_of(link: LinkId) -> TokenHash {
        let mut bytes = [7; 32];
        bytes.iter_mut().zip(link.as_uuid().as_bytes()).for_each(|(byte, of_link)| *byte = *of_link);
        TokenHash::from_bytes(bytes)
    }
}

impl<P: AsRef<dyn NodeRepository> + AsRef<dyn LinkRepository> + ?Sized> crate::fixture::Fixture<'_, P> {
    /// Creates a link to `node`.
    pub(crate) async fn link(&self, owner: UserId, node: NodeId) -> Link {
        create(self, owner, node, &self.new_link()).await.unwrap()
    }
}

async fn create<P>(
    fixture: &crate::fixture::Fixture<'_, P>,
    owner: UserId,
    node: NodeId,
    link: &NewLink,
) -> Result<Link>
where
    P: AsRef<dyn NodeRepository> + AsRef<dyn LinkRepository> + ?Sized,
{
    let item = fixture.grant(owner, node, Action::Share).await;
    fixture.store.links().create(&fixture.command(owner), &item, link).await
}

async fn find(fixture: &Fixture<'_>, owner: UserId, link: LinkId) -> Option<Link> {
    fixture.store.links().find(link, owner).await.unwrap()
}

async fn change(fixture: &Fixture<'_>, owner: UserId, node: NodeId, link: LinkId, to: &LinkChange) -> Result<Link> {
    let item = fixture.grant(owner, node, Action::Share).await;
    fixture.store.links().change(&fixture.command(owner), &item, link, to).await
}

async fn revoke(fixture: &Fixture<'_>, owner: UserId, node: NodeId, link: LinkId) -> Result<()> {
    let item = fixture.grant(owner, node, Action::Share).await;
    fixture.store.links().revoke(&fixture.command(owner), &item, link).await
}

/// The node as the holder of `link` sees it.
async fn seen(fixture: &Fixture<'_>, link: &Link, node: NodeId) -> Located {
    fixture.store.drive().find(node, link.viewer()).await.unwrap().unwrap()
}

async fn a_link_is_made_as_it_is_found(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "folder").await;
    let file = fixture.file(ann.id, folder, "file", 1).await;
    for (kind, node, text) in [(NodeKind::Folder, folder, "folder"), (NodeKind::File, file, "file")] {
        let plain = fixture.new_link();
        let full = NewLink {
            password: Some(PasswordHash::new("$example$hash".to_owned())),
            expires_at: Some(Timestamp::from_millis(4_000_000_000_000)),
            max_downloads: Some(7),
            ..fixture.new_link()
        };
        for new in [plain, full] {
            let (item, command) = (fixture.grant(ann.id, node, Action::Share).await, fixture.command(ann.id));
            let made = fixture.store.links().create(&command, &item, &new).await.unwrap();
            let expected = Link {
                id: new.id,
                item: ItemRef { kind, id: node, name: name(text) },
                created_by: ann.id,
                sealed: new.sealed,
                password: new.password,
                expires_at: new.expires_at,
                max_downloads: new.max_downloads,
                downloads: 0,
                last_download_at: None,
                created_at: command.at,
            };
            assert_eq!(made, expected);
            assert_eq!(find(fixture, ann.id, new.id).await, Some(expected));
            let bob = fixture.user().await;
            fixture.share(ann.id, node, bob.id, Permission::Edit).await;
            assert_eq!(find(fixture, bob.id, new.id).await, None);
        }
    }
    assert_eq!(find(fixture, ann.id, fixture.id()).await, None);
}

async fn a_link_is_found_by_the_hash_of_its_token_alone(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let link = fixture.link(ann.id, folder).await;
    fixture.link(ann.id, folder).await;
    let by_token = async |id| fixture.store.links().find_by_token(&Fixture::hash_of(id)).await.unwrap();
    let (found, node) = by_token(link.id).await.unwrap();
    assert_eq!(found, link);
    assert_eq!(node, seen(fixture, &link, folder).await);
    assert_eq!(by_token(fixture.id()).await, None);
    revoke(fixture, ann.id, folder, link.id).await.unwrap();
    assert_eq!(by_token(link.id).await, None);
}

async fn a_link_shows_its_node_and_what_lies_below_and_nothing_else(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let top = fixture.folder(ann.id, ann.root, "top").await;
    let linked = fixture.folder(ann.id, top, "linked").await;
    let below = fixture.folder(ann.id, linked, "below").await;
    let file = fixture.file(ann.id, below, "file", 1).await;
    let beside = fixture.file(ann.id, top, "beside", 1).await;
    let link = fixture.link(ann.id, linked).await;
    for (node, parent) in [(linked, None), (below, Some(linked)), (file, Some(below))] {
        let found = seen(fixture, &link, node).await;
        assert_eq!((found.viewer, found.role()), (link.viewer(), Some(Role::View)));
        assert_eq!(found.path().first().map(|step| step.id), Some(linked));
        assert_eq!(found.entry().unwrap().parent, parent);
    }
    for node in [ann.root, top, beside] {
        assert_eq!(seen(fixture, &link, node).await.role(), None);
    }
    // Nodes moved out are no longer visible; nodes moved in are.
    fixture.move_into(ann.id, file, top).await.unwrap();
    fixture.move_into(ann.id, beside, linked).await.unwrap();
    assert_eq!(seen(fixture, &link, file).await.role(), None);
    assert_eq!(seen(fixture, &link, beside).await.role(), Some(Role::View));
}

async fn a_link_bearer_lists_the_linked_folder(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let linked = fixture.folder(ann.id, ann.root, "linked").await;
    let shared = fixture.folder(ann.id, linked, "a").await;
    fixture.file(ann.id, linked, "b", 1).await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    let link = fixture.link(ann.id, linked).await;
    let leave = authorize_read(Some(seen(fixture, &link, linked).await)).unwrap();
    let children = fixture.store.drive().list(&leave, Sort::default(), None, Limit::default()).await.unwrap();
    let children: Vec<_> = children.into_iter().map(|child| (child.node.name, child.share)).collect();
    assert_eq!(children, [(name("a"), None), (name("b"), None)]);
}

async fn shares_give_nothing_to_the_holder_of_a_link(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let shared = fixture.folder(ann.id, ann.root, "shared").await;
    let linked = fixture.folder(ann.id, shared, "linked").await;
    fixture.share(ann.id, shared, bob.id, Permission::Edit).await;
    fixture.share(ann.id, linked, bob.id, Permission::Edit).await;
    let link = fixture.link(ann.id, linked).await;
    let found = seen(fixture, &link, linked).await;
    assert!(found.lineage.iter().all(|step| step.share.is_none()), "{found:?}");
    assert_eq!(found.role(), Some(Role::View));
    assert_eq!(seen(fixture, &link, shared).await.role(), None);
}

async fn a_link_names_its_item_as_it_is_called_now(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (folder, to) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "to").await);
    let link = fixture.link(ann.id, folder).await;
    fixture.rename(ann.id, folder, "b").await.unwrap();
    fixture.move_into(ann.id, folder, to).await.unwrap();
    let expected = Link { item: ItemRef { name: name("b"), ..link.item.clone() }, ..link.clone() };
    assert_eq!(find(fixture, ann.id, link.id).await, Some(expected));
    // The link is to that node, not to another with its former name and place.
    let other = fixture.folder(ann.id, ann.root, "a").await;
    assert_eq!(seen(fixture, &link, other).await.role(), None);
}

async fn a_node_may_have_many_links(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let (first, second) = (fixture.link(ann.id, folder).await, fixture.link(ann.id, folder).await);
    revoke(fixture, ann.id, folder, first.id).await.unwrap();
    assert_eq!(find(fixture, ann.id, second.id).await, Some(second));
}

async fn only_what_is_to_change_changes(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let mut expected = fixture.link(ann.id, folder).await;
    let other = fixture.link(ann.id, folder).await;
    let (hash, end) = (PasswordHash::new("$example$hash".to_owned()), Timestamp::from_millis(4_000_000_000_000));
    let to = LinkChange::default;
    for step in [
        LinkChange { password: Some(Some(hash.clone())), ..to() },
        LinkChange { expires_at: Some(Some(end)), ..to() },
        LinkChange { max_downloads: Some(Some(3)), ..to() },
        LinkChange { password: Some(None), max_downloads: Some(Some(4)), ..to() },
        LinkChange { expires_at: Some(None), ..to() },
        LinkChange { password: Some(Some(hash)), expires_at: Some(Some(end)), max_downloads: Some(None) },
    ] {
        if let Some(password) = step.password.clone() {
            expected.password = password;
        }
        expected.expires_at = step.expires_at.unwrap_or(expected.expires_at);
        expected.max_downloads = step.max_downloads.unwrap_or(expected.max_downloads);
        assert_eq!(change(fixture, ann.id, folder, expected.id, &step).await.unwrap(), expected);
        assert_eq!(find(fixture, ann.id, expected.id).await.as_ref(), Some(&expected));
    }
    assert_eq!(find(fixture, ann.id, other.id).await, Some(other));
}

async fn a_link_is_changed_and_revoked_on_its_own_node(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (folder, other) = (fixture.folder(ann.id, ann.root, "a").await, fixture.folder(ann.id, ann.root, "b").await);
    let link = fixture.link(ann.id, folder).await;
    let to = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    for (node, id) in [(other, link.id), (folder, fixture.id())] {
        assert_refused!(change(fixture, ann.id, node, id, &to).await, Error::NotFound);
        assert_refused!(revoke(fixture, ann.id, node, id).await, Error::NotFound);
    }
    assert_eq!(find(fixture, ann.id, link.id).await, Some(link));
}

async fn a_link_is_revoked_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    for _ in 0..5 {
        let link = fixture.link(ann.id, folder).await;
        let outcomes = join_all((0..2).map(|_| revoke(fixture, ann.id, folder, link.id))).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1));
        for outcome in lost {
            assert_refused!(outcome, Error::NotFound);
        }
        assert_eq!(find(fixture, ann.id, link.id).await, None);
    }
}

/// All links of `owner`, in pages of `limit`.
async fn made(fixture: &Fixture<'_>, owner: UserId, limit: u64) -> Vec<(Link, Located)> {
    let limit = Limit::new(limit).unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = fixture.store.links().list_by_owner(owner, after, limit).await.unwrap();
        assert!(rows.len() <= limit.get() + 1);
        let page = Page::cut(rows, limit, |(link, _)| LinkPosition { at: link.created_at, id: link.id });
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn links_come_newest_first_in_pages(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let file = fixture.file(ann.id, folder, "b", 1).await;
    fixture.link(bob.id, fixture.folder(bob.id, bob.root, "of bob").await).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let at = fixture.now();
        for node in [folder, file] {
            let item = fixture.grant(ann.id, node, Action::Share).await;
            let command = fixture.command_at(Some(ann.id), at);
            expected.push(fixture.store.links().create(&command, &item, &fixture.new_link()).await.unwrap());
        }
    }
    expected.sort_by_key(|link| std::cmp::Reverse((link.created_at, *link.id.as_uuid().as_bytes())));
    for limit in [1, 4, 6, 100] {
        let found = made(fixture, ann.id, limit).await;
        assert_eq!(found.iter().map(|(link, _)| link.clone()).collect::<Vec<_>>(), expected, "in pages of {limit}");
        for (link, located) in found {
            assert_eq!(located, fixture.located(link.item.id, ann.id).await);
        }
    }
}

async fn expired_links_are_pruned(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let folder = fixture.folder(ann.id, ann.root, "a").await;
    let end = fixture.now();
    while fixture.store.links().prune_expired(end, 100).await.unwrap() > 0 {}
    let mut expired = Vec::new();
    for _ in 0..3 {
        let new = NewLink { expires_at: Some(end), ..fixture.new_link() };
        expired.push(create(fixture, ann.id, folder, &new).await.unwrap().id);
    }
    let endless = fixture.link(ann.id, folder).await.id;
    assert_eq!(fixture.store.links().prune_expired(end, 100).await.unwrap(), 0);
    let after = fixture.now();
    assert_eq!(fixture.store.links().prune_expired(after, 2).await.unwrap(), 2);
    assert_eq!(fixture.store.links().prune_expired(after, 2).await.unwrap(), 1);
    for link in expired {
        assert!(find(fixture, ann.id, link).await.is_none());
    }
    assert!(find(fixture, ann.id, endless).await.is_some());
}
