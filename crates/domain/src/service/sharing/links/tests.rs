use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;
use uuid::Uuid;

use crate::error::{Error, Field, Forbidden};
use crate::model::{
    Action, AuditAction, Limit, LinkChange, LinkId, LinkPosition, LinkToken, LinkedItem, Located, MAX_LINK_DOWNLOADS,
    NodeKind, Password, PasswordHash, Permission, SealedToken, Timestamp,
};
use crate::port::{MockLinkRepository, MockLinkTokens, MockNodeRepository, MockPasswords, NewLink};
use crate::service::testing::links::{LINK, TOKEN, hash, link, link_of};
use crate::service::testing::{
    FILE, FOLDER, GUEST, NOW, OTHER_FOLDER, OWNER, STRANGER, Trail, actor, command, context, context_with, drive_with,
    file, folder, for_guest, for_guest_of_parent, for_outsider, for_owner, grant_for, made, trashed,
};
use crate::service::{LinkEdit, LinkPorts, LinkRequest, LinkService};

const HOUR: Duration = Duration::from_secs(3600);

/// Every token has the same seal, and every seal opens.
fn tokens() -> MockLinkTokens {
    let mut tokens = MockLinkTokens::new();
    tokens.expect_seal().withf(|_, token| token.expose() == TOKEN).returning(|_, _| Ok(SealedToken::new(vec![2])));
    tokens.expect_open().returning(|_, _| LinkToken::parse(TOKEN).ok());
    tokens
}

fn service(drive: MockNodeRepository, links: MockLinkRepository) -> LinkService {
    with(drive, links, tokens(), MockPasswords::new())
}

fn with(
    drive: MockNodeRepository,
    links: MockLinkRepository,
    tokens: MockLinkTokens,
    passwords: MockPasswords,
) -> LinkService {
    LinkService::new(ports(drive, links, tokens, passwords), context(), "https://drive.example.com")
}

fn ports(
    drive: MockNodeRepository,
    links: MockLinkRepository,
    tokens: MockLinkTokens,
    passwords: MockPasswords,
) -> LinkPorts {
    let (tokens, passwords) = (Arc::new(tokens), Arc::new(passwords));
    LinkPorts { drive: Arc::new(drive), links: Arc::new(links), tokens, passwords }
}

/// Only [`link`] exists.
fn links_with_one() -> MockLinkRepository {
    let mut links = MockLinkRepository::new();
    links.expect_find().withf(|link, _| *link == LINK).returning(|_, _| Ok(Some(link())));
    links
}

fn hashing() -> MockPasswords {
    let mut passwords = MockPasswords::new();
    let hash = |_: &Password| Ok(PasswordHash::new("hashed".to_owned()));
    passwords.expect_hash().with(eq(Password::attempt("a quiet secret").unwrap())).times(1).returning(hash);
    passwords
}

#[tokio::test]
async fn an_owner_makes_a_link_to_a_folder_or_a_file() {
    for (kind, found) in [(NodeKind::Folder, for_owner(folder(FOLDER))), (NodeKind::File, for_owner(file(FILE)))] {
        let new = NewLink {
            id: made(1),
            hash: hash(),
            sealed: SealedToken::new(vec![2]),
            password: Some(PasswordHash::new("hashed".to_owned())),
            expires_at: Some(NOW.plus(HOUR)),
            max_downloads: Some(3),
        };
        let mut links = MockLinkRepository::new();
        links
            .expect_create()
            .with(eq(command(OWNER)), eq(grant_for(&found, Action::Share)), eq(new))
            .times(1)
            .returning(|_, _, _| Ok(link()));
        let item = (kind, found.node.id);
        let service = with(drive_with([found]), links, tokens(), hashing());
        let spec = LinkRequest {
            password: Password::attempt("a quiet secret"),
            expires_at: Some(NOW.plus(HOUR)),
            max_downloads: Some(3),
        };
        let own = service.create(&actor(OWNER), item, spec).await.unwrap();
        assert_eq!(own.link, link());
        assert_eq!(own.url.as_deref(), Some("https://drive.example.com/s/CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"));
        assert!(!format!("{own:?}").contains("CCCC"), "{own:?}");
    }
}

#[tokio::test]
async fn only_owners_create_links_and_not_to_trashed_items() {
    let refused = async |found: Located, kind| {
        let mut links = MockLinkRepository::new();
        links.expect_create().never();
        let (user, item) = (found.viewer.user().unwrap(), (kind, found.node.id));
        service(drive_with([found]), links).create(&actor(user), item, LinkRequest::default()).await.unwrap_err()
    };
    for found in [
        for_guest(folder(FOLDER), Permission::Edit),
        for_guest_of_parent(folder(FOLDER), Permission::Edit),
        for_guest(folder(FOLDER), Permission::View),
    ] {
        assert!(matches!(refused(found, NodeKind::Folder).await, Error::Forbidden(Forbidden::Permission)));
    }
    assert!(matches!(refused(for_outsider(folder(FOLDER)), NodeKind::Folder).await, Error::NotFound));
    assert!(matches!(refused(trashed(for_owner(folder(FOLDER))), NodeKind::Folder).await, Error::NotFound));
    assert!(matches!(refused(for_owner(folder(FOLDER)), NodeKind::File).await, Error::NotFound));
}

fn is_invalid(error: &Error, field: Field) -> bool {
    matches!(error, Error::Invalid(violations) if violations.len() == 1 && violations[0].field == field)
}

#[tokio::test]
async fn expiry_and_limit_are_validated() {
    let mine = || drive_with([for_owner(folder(FOLDER))]);
    for (expires_at, max_downloads, field) in [
        (Some(NOW), None, Field::LinkExpiry),
        (Some(Timestamp::from_millis(0)), None, Field::LinkExpiry),
        (None, Some(0), Field::MaxDownloads),
        (None, Some(MAX_LINK_DOWNLOADS + 1), Field::MaxDownloads),
    ] {
        let mut links = links_with_one();
        links.expect_create().never();
        links.expect_change().never();
        let service = service(mine(), links);
        let spec = LinkRequest { password: None, expires_at, max_downloads };
        let error = service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), spec).await.unwrap_err();
        assert!(is_invalid(&error, field), "{error:?}");
        let edit =
            LinkEdit { password: None, expires_at: expires_at.map(Some), max_downloads: max_downloads.map(Some) };
        let error = service.change(&actor(OWNER), LINK, edit).await.unwrap_err();
        assert!(is_invalid(&error, field), "{error:?}");
    }
    for max in [1, MAX_LINK_DOWNLOADS] {
        let mut links = MockLinkRepository::new();
        links.expect_create().times(1).returning(|_, _, _| Ok(link()));
        let spec = LinkRequest { max_downloads: Some(max), ..LinkRequest::default() };
        service(mine(), links).create(&actor(OWNER), (NodeKind::Folder, FOLDER), spec).await.unwrap();
    }
}

#[tokio::test]
async fn absent_settings_stay_and_null_removes_them() {
    let found = for_owner(folder(FOLDER));
    let end = NOW.plus(HOUR);
    let hashed = PasswordHash::new("hashed".to_owned());
    let secret = || Password::attempt("a quiet secret");
    for (edit, change) in [
        (
            LinkEdit { password: Some(secret()), ..LinkEdit::default() },
            LinkChange { password: Some(Some(hashed)), ..LinkChange::default() },
        ),
        (
            LinkEdit { expires_at: Some(Some(end)), max_downloads: Some(None), ..LinkEdit::default() },
            LinkChange { expires_at: Some(Some(end)), max_downloads: Some(None), ..LinkChange::default() },
        ),
        (
            LinkEdit { password: Some(None), expires_at: Some(None), max_downloads: Some(Some(1)) },
            LinkChange { password: Some(None), expires_at: Some(None), max_downloads: Some(Some(1)) },
        ),
    ] {
        let passwords = if matches!(edit.password, Some(Some(_))) { hashing() } else { MockPasswords::new() };
        let mut links = links_with_one();
        links
            .expect_change()
            .with(eq(command(OWNER)), eq(grant_for(&found, Action::Share)), eq(LINK), eq(change))
            .times(1)
            .returning(|_, _, _, _| Ok(link()));
        let service = with(drive_with([found.clone()]), links, tokens(), passwords);
        assert_eq!(service.change(&actor(OWNER), LINK, edit).await.unwrap().link, link());
    }
}

#[tokio::test]
async fn only_the_owner_finds_the_link() {
    let edit = || LinkEdit { max_downloads: Some(None), ..LinkEdit::default() };
    for found in [
        for_outsider(folder(FOLDER)),
        for_guest(folder(FOLDER), Permission::Edit),
        for_guest_of_parent(folder(FOLDER), Permission::View),
        trashed(for_owner(folder(FOLDER))),
    ] {
        let user = found.viewer.user().unwrap();
        let service = service(drive_with([found]), links_with_one());
        assert!(matches!(service.change(&actor(user), LINK, edit()).await, Err(Error::NotFound)));
        assert!(matches!(service.revoke(&actor(user), LINK).await, Err(Error::NotFound)));
    }
    let mut links = MockLinkRepository::new();
    links.expect_find().with(eq(LINK), eq(STRANGER)).times(2).returning(|_, _| Ok(None));
    let service = service(MockNodeRepository::new(), links);
    assert!(matches!(service.change(&actor(STRANGER), LINK, edit()).await, Err(Error::NotFound)));
    assert!(matches!(service.revoke(&actor(STRANGER), LINK).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_page_of_links_skips_trashed_items() {
    let id = |n| LinkId::from_uuid(Uuid::from_u128(n));
    let after = LinkPosition { at: Timestamp::from_millis(950), id: id(9) };
    let mut links = MockLinkRepository::new();
    links.expect_list_by_owner().with(eq(OWNER), eq(Some(after)), eq(Limit::new(2).unwrap())).times(1).returning(
        move |_, _, _| {
            let row = |n, node, found| (link_of(id(n), NodeKind::Folder, node), found);
            Ok(vec![
                row(3, FOLDER, for_owner(folder(FOLDER))),
                row(2, OTHER_FOLDER, trashed(for_owner(folder(OTHER_FOLDER)))),
                row(1, FOLDER, for_owner(folder(FOLDER))),
            ])
        },
    );
    let page = service(MockNodeRepository::new(), links)
        .list(&actor(OWNER), Some(after), Limit::new(2).unwrap())
        .await
        .unwrap();
    assert_eq!(page.items.iter().map(|own| own.link.id).collect::<Vec<_>>(), [id(3)]);
    assert_eq!(page.next, Some(LinkPosition { at: Timestamp::from_millis(600), id: id(2) }));
}

#[tokio::test]
async fn a_link_whose_key_is_gone_is_listed_without_its_url() {
    let mut links = MockLinkRepository::new();
    links.expect_list_by_owner().returning(|_, _, _| Ok(vec![(link(), for_owner(folder(FOLDER)))]));
    let mut tokens = MockLinkTokens::new();
    tokens.expect_open().with(eq(LINK), eq(link().sealed)).times(1).returning(|_, _| None);
    let service = with(MockNodeRepository::new(), links, tokens, MockPasswords::new());
    let page = service.list(&actor(OWNER), None, Limit::default()).await.unwrap();
    assert_eq!((page.items[0].link.id, page.items[0].url.as_deref()), (LINK, None));
}

#[tokio::test]
async fn link_changes_are_audited_and_refusals_are_not() {
    let trail = Trail::default();
    let in_trail = |drive, links| {
        let context = context_with(NOW, trail.clone());
        let ports = ports(drive, links, tokens(), MockPasswords::new());
        LinkService::new(ports, context, "https://drive.example.com")
    };
    let mine = || drive_with([for_owner(folder(FOLDER))]);
    let mut links = links_with_one();
    links.expect_create().returning(|_, _, _| Ok(link()));
    links.expect_change().returning(|_, _, _, _| Ok(link()));
    links.expect_revoke().returning(|_, _, _| Ok(()));
    let service = in_trail(mine(), links);
    service.create(&actor(OWNER), (NodeKind::Folder, FOLDER), LinkRequest::default()).await.unwrap();
    let edit = LinkEdit { password: Some(None), ..LinkEdit::default() };
    service.change(&actor(OWNER), LINK, edit).await.unwrap();
    service.revoke(&actor(OWNER), LINK).await.unwrap();
    let guest = in_trail(drive_with([for_guest(folder(FOLDER), Permission::Edit)]), links_with_one());
    assert!(guest.revoke(&actor(GUEST), LINK).await.is_err());

    let linked = LinkedItem { link: LINK, kind: NodeKind::Folder, node: FOLDER };
    let expected = [
        (Some(OWNER), AuditAction::LinkCreated(linked.clone())),
        (Some(OWNER), AuditAction::LinkChanged(linked.clone())),
        (Some(OWNER), AuditAction::LinkRevoked(linked)),
    ];
    assert_eq!(trail.read(), expected);
}
