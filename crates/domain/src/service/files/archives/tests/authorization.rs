use super::*;
use crate::error::{Gone, Unauthenticated};
use crate::model::{Actor, Credential, Link, PasswordHash};
use crate::port::{MockLinkAccess, MockLinkDownloadRepository, MockPasswords, MockUrlPresigner};
use crate::service::testing::links::{TOKEN, hash, link};
use crate::service::testing::{STRANGER, drive_with, for_outsider, one_presigner, origin, request, trashed};
use crate::service::{LinkBearer, PublicLinkPorts, PublicLinkService, StoreTags, Throttling};

#[tokio::test]
async fn invisible_items_are_not_packed() {
    let one = |id| Selection::Items(vec![id]);
    for (found, user, selection) in [
        (for_outsider(folder(FOLDER)), STRANGER, Selection::Folder(FOLDER)),
        (for_owner(file(FOLDER)), OWNER, Selection::Folder(FOLDER)),
        (trashed(for_owner(folder(FOLDER))), OWNER, Selection::Folder(FOLDER)),
        (root(OWNER), OWNER, Selection::Folder(ROOT)),
        (root(OWNER), OWNER, one(ROOT)),
        (for_outsider(file(FILE)), STRANGER, one(FILE)),
        (trashed(for_owner(file(FILE))), OWNER, one(FILE)),
        (for_owner(file(FILE)), OWNER, Selection::Items(vec![FILE, FOLDER])),
        (for_owner(file(FILE)), STRANGER, Selection::Drive),
    ] {
        let archives = Fixture::with([found]).archives();
        let checked = archives.check(&actor(user), &selection).await;
        assert!(matches!(checked, Err(Error::NotFound)), "{selection:?}");
        let opened = archives.open(&actor(user), &selection, ArchiveNames::Unchanged).await;
        assert!(matches!(opened.err(), Some(Error::NotFound)), "{selection:?}");
    }
    let archives = Fixture::with([for_owner(file(FILE))]).archives();
    archives.check(&actor(OWNER), &one(FILE)).await.unwrap();
}

#[tokio::test]
async fn an_ended_session_opens_nothing() {
    let archives = Fixture::with([for_owner(folder(FOLDER))]).archives();
    let ended = Credential::Session(SessionId::from_uuid(Uuid::from_u128(61)));
    let actor = Actor { credential: ended, ..actor(OWNER) };
    let opened = archives.open(&actor, &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await;
    assert!(matches!(opened.err(), Some(Error::Unauthenticated(Unauthenticated::InvalidToken))));
}

#[tokio::test]
async fn a_program_that_embeds_the_services_needs_no_session() {
    let mut fixture = Fixture::with([for_owner(folder(FOLDER))]).listing(sample());
    let mut sessions = MockSessionRepository::new();
    sessions.expect_find_username().never();
    fixture.sessions = Some(sessions);
    let (archives, actor) = (fixture.archives(), Actor::embedded(OWNER, request()));
    archives.open(&actor, &Selection::Folder(FOLDER), ArchiveNames::Unchanged).await.ok().unwrap();
}

/// Opens an archive, ends its authorization with `end`, checks it just before and just after the next recheck, and
/// returns the error.
async fn after<E: FnOnce()>(fixture: Fixture, user: UserId, end: E) -> Error {
    let clock = fixture.clock.clone();
    let fixture = fixture.listing(sample());
    let mut archive = fixture.open(user, &Selection::Folder(FOLDER)).await.ok().unwrap();
    clock.advance(500);
    archive.check().await.unwrap();
    end();
    clock.advance(499);
    archive.check().await.unwrap();
    clock.advance(1);
    archive.check().await.unwrap_err()
}

#[tokio::test]
async fn an_archive_ends_within_a_second_of_its_authorization() {
    let shared = || for_guest(folder(FOLDER), Permission::View);
    for now in [vec![Located { viewer: GUEST.into(), ..for_outsider(folder(FOLDER)) }], vec![trashed(shared())], vec![]]
    {
        let found = Arc::new(Mutex::new(vec![shared()]));
        let ended = after(Fixture::finding(found.clone()), GUEST, || *found.lock().unwrap() = now).await;
        assert!(matches!(ended, Error::NotFound));
    }
    let running = Arc::new(Mutex::new(Some("gus".to_owned())));
    let mut fixture = Fixture::with([shared()]);
    let (mut sessions, name) = (MockSessionRepository::new(), running.clone());
    sessions.expect_find_username().returning(move |_, _, _| Ok(name.lock().unwrap().clone()));
    fixture.sessions = Some(sessions);
    let ended = after(fixture, GUEST, || *running.lock().unwrap() = None).await;
    assert!(matches!(ended, Error::Unauthenticated(Unauthenticated::InvalidToken)));
}

fn bearer() -> LinkBearer {
    LinkBearer { token: TOKEN.to_owned(), password: None, access: None, origin: origin() }
}

#[tokio::test]
async fn an_archive_ends_within_a_second_of_its_link() {
    type End = fn(Link, Located) -> Option<(Link, Located)>;
    type IsExpected = fn(&Error) -> bool;
    let ends: [(End, IsExpected); 4] = [
        (|_, _| None, |error| matches!(error, Error::NotFound)),
        (|link, found| Some((link, trashed(found))), |error| matches!(error, Error::NotFound)),
        (
            |link, found| Some((Link { expires_at: Some(NOW), ..link }, found)),
            |error| matches!(error, Error::Gone(Gone::LinkExpired)),
        ),
        (
            |link, found| Some((Link { password: Some(PasswordHash::new("another".to_owned())), ..link }, found)),
            |error| matches!(error, Error::Unauthenticated(Unauthenticated::LinkPassword)),
        ),
    ];
    for (end, is_expected) in ends {
        let found = Located { viewer: link().viewer(), ..for_owner(folder(FOLDER)) };
        let state = Arc::new(Mutex::new(Some((link(), found.clone()))));
        let mut fixture = Fixture::with([found.clone()]).listing(sample());
        let clock = fixture.clock.clone();
        let links = || {
            let (mut links, state) = (MockLinkRepository::new(), state.clone());
            links.expect_find_by_token().with(eq(hash())).returning(move |_| Ok(state.lock().unwrap().clone()));
            links
        };
        fixture.links = links();
        let ports = PublicLinkPorts {
            drive: Arc::new(drive_with([])),
            links: Arc::new(links()),
            downloads: Arc::new(MockLinkDownloadRepository::new()),
            passwords: Arc::new(MockPasswords::new()),
            link_access: Arc::new(MockLinkAccess::new()),
            contents: contents(MockBlobStore::new()),
            tags: StoreTags::none(),
            presigners: one_presigner(MockUrlPresigner::new()),
        };
        let lifetime = std::time::Duration::from_secs(60);
        let public_links =
            PublicLinkService::new(ports, Throttling::off(), crate::service::testing::context(), lifetime);
        let folder = public_links.open_folder(&bearer(), None).await.ok().unwrap();
        let archives = fixture.archives();
        let mut archive = archives.open_linked(&bearer(), &folder, ArchiveNames::Portable).await.ok().unwrap();
        assert_eq!(paths(&archive).last(), Some(&"holiday/b/Été 10_30"));
        clock.advance(500);
        archive.check().await.unwrap();
        *state.lock().unwrap() = end(link(), found);
        clock.advance(500);
        assert!(is_expected(&archive.check().await.unwrap_err()));
    }
}
