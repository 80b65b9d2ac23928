use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;

use crate::error::{Error, Gone, Unauthenticated};
use crate::model::{
    AuditAction, Bucket, BucketKind, ClientSubnet, Command, CountOutcome, Link, LinkDownload, LinkedItem, Located,
    Node, NodeId, NodeKind, Password, PasswordHash, Role, Step,
};
use crate::port::{
    ContentHeaders, FolderEntry, MockBlobRecordRepository, MockBlobStore, MockLinkAccess, MockLinkDownloadRepository,
    MockLinkRepository, MockNodeRepository, MockPasswords, MockThrottleRepository, MockUrlPresigner, PasswordCheck,
    SignedUrl,
};
use crate::service::testing::links::{LINK, TOKEN, hash, link, link_of};
use crate::service::testing::{
    FILE, FOLDER, NOW, OTHER_FOLDER, OWNER, PARENT, Trail, body, command, context_with, drain, drive_with, file,
    folder, for_owner, one_presigner, one_store, origin, origin_at, trashed,
};
use crate::service::{
    Contents, Delivery, LinkBearer, ListQuery, PublicLinkPorts, PublicLinkService, StoreTags, Throttling,
};
use crate::testing::{content, key, name};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Fixture {
    drive: MockNodeRepository,
    links: MockLinkRepository,
    downloads: MockLinkDownloadRepository,
    passwords: MockPasswords,
    link_access: MockLinkAccess,
    store: MockBlobStore,
    records: MockBlobRecordRepository,
    presigner: MockUrlPresigner,
    /// Whether the store serves its bytes itself.
    serves_itself: bool,
    /// `None` disables rate limiting.
    throttle: Option<MockThrottleRepository>,
    trail: Trail,
}

impl Fixture {
    /// One link and its node, as its holder finds it; nothing else.
    fn with(link: Link, node: Node) -> Self {
        let found = for_bearer(&link, node);
        let mut fixture = Self::default();
        fixture
            .links
            .expect_find_by_token()
            .with(eq(hash()))
            .returning(move |_| Ok(Some((link.clone(), found.clone()))));
        fixture
    }

    fn public_links(self) -> PublicLinkService {
        let (records, stores) = (Arc::new(self.records), one_store(self.store));
        let tags = match self.serves_itself {
            true => StoreTags::new(stores.clone(), records.clone()),
            false => StoreTags::none(),
        };
        let ports = PublicLinkPorts {
            drive: Arc::new(self.drive),
            links: Arc::new(self.links),
            downloads: Arc::new(self.downloads),
            passwords: Arc::new(self.passwords),
            link_access: Arc::new(self.link_access),
            contents: Contents::new(stores, records),
            tags,
            presigners: one_presigner(self.presigner),
        };
        let throttling = self.throttle.map_or_else(Throttling::off, |store| Throttling::new(Arc::new(store)));
        PublicLinkService::new(ports, throttling, context_with(NOW, self.trail), MINUTE)
    }

    /// The verdict on the password `text`, at most once.
    fn verdict(mut self, text: &'static str, verdict: PasswordCheck) -> Self {
        let password = Password::attempt(text).unwrap();
        self.passwords.expect_verify().with(eq(password), eq(hashed())).times(1).returning(move |_, _| Ok(verdict));
        self
    }
}

fn hashed() -> PasswordHash {
    PasswordHash::new("hashed".to_owned())
}

/// A node as the link's holder finds it.
fn for_bearer(link: &Link, node: Node) -> Located {
    Located { viewer: link.viewer(), ..for_owner(node) }
}

/// A node in [`FOLDER`].
fn below(link: &Link, node: Node) -> Located {
    let mut found = for_bearer(link, Node { parent: Some(FOLDER), ..node });
    found.lineage.insert(1, Step { id: FOLDER, name: name("holiday"), trashed: false, share: None });
    found
}

fn bearer() -> LinkBearer {
    LinkBearer { token: TOKEN.to_owned(), password: None, access: None, origin: origin() }
}

fn knowing(password: &str) -> LinkBearer {
    LinkBearer { password: Some(password.to_owned()), ..bearer() }
}

fn protected() -> Link {
    Link { password: Some(hashed()), ..link() }
}

fn asks_for_password<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated(Unauthenticated::LinkPassword)))
}

#[tokio::test]
async fn a_folder_link_shows_the_folder_and_its_contents() {
    let mut fixture = Fixture::with(link(), folder(FOLDER));
    let child = Node { parent: Some(FOLDER), ..file(FILE) };
    fixture
        .drive
        .expect_list()
        .times(1)
        .withf(|folder, _, _, _| folder.node().id == FOLDER)
        .returning(move |_, _, _, _| Ok(vec![FolderEntry::new(child.clone(), None)]));
    let view = fixture.public_links().get(&bearer(), &ListQuery::default()).await.unwrap();
    assert_eq!((view.item.node.id, view.item.role, view.item.parent), (FOLDER, Role::View, None));
    let page = view.page.unwrap();
    assert_eq!((page.items[0].node.id, page.items[0].role, page.items[0].parent), (FILE, Role::View, Some(FOLDER)));
}

#[tokio::test]
async fn a_link_to_a_file_shows_just_that() {
    let public_links = Fixture::with(link_of(LINK, NodeKind::File, FILE), file(FILE)).public_links();
    let view = public_links.get(&bearer(), &ListQuery::default()).await.unwrap();
    assert_eq!((view.item.node.id, view.item.role, view.item.parent), (FILE, Role::View, None));
    assert!(view.page.is_none());
    assert!(matches!(public_links.list(&bearer(), FILE, &ListQuery::default()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn malformed_tokens_are_not_looked_up() {
    for token in ["", "short", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC%", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"] {
        let public_links = Fixture::default().public_links();
        let bearer = LinkBearer { token: token.to_owned(), ..bearer() };
        assert!(matches!(public_links.get(&bearer, &ListQuery::default()).await, Err(Error::NotFound)), "{token}");
    }
    let mut fixture = Fixture::default();
    fixture.links.expect_find_by_token().with(eq(hash())).times(1).returning(|_| Ok(None));
    assert!(matches!(fixture.public_links().get(&bearer(), &ListQuery::default()).await, Err(Error::NotFound)));
}

/// The buckets of an attempt at a link's password.
fn buckets() -> [Bucket; 2] {
    [Bucket::LinkPassword(LINK), Bucket::LinkPasswordFromAddress(ClientSubnet::from_address("192.0.2.1".parse().ok()))]
}

fn from_there(password: &str) -> LinkBearer {
    LinkBearer { origin: origin_at("192.0.2.1"), ..knowing(password) }
}

#[tokio::test]
async fn only_wrong_passwords_count_for_link_and_address() {
    for (verdict, given_back) in [(PasswordCheck::Wrong, 0), (PasswordCheck::Right, 1)] {
        let mut throttle = MockThrottleRepository::new();
        throttle.expect_take().withf(|taken, now| taken == buckets() && *now == NOW).times(1).returning(|_, _| Ok(()));
        throttle.expect_give_back().withf(|given| given == buckets()).times(given_back).returning(|_| Ok(()));
        let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a guess", verdict);
        fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
        fixture.throttle = Some(throttle);
        let looked = fixture.public_links().get(&from_there("a guess"), &ListQuery::default()).await;
        assert_eq!(looked.is_ok(), verdict == PasswordCheck::Right);
    }
}

#[tokio::test]
async fn guesses_are_throttled_before_hashing() {
    let mut throttle = MockThrottleRepository::new();
    let limited = || Error::RateLimited { bucket: BucketKind::LinkPassword, limit: 100, retry_after: MINUTE };
    throttle.expect_take().times(1).returning(move |_, _| Err(limited()));
    let mut fixture = Fixture::with(protected(), folder(FOLDER));
    fixture.throttle = Some(throttle);
    let public_links = fixture.public_links();
    let looked = public_links.get(&from_there("a guess"), &ListQuery::default()).await;
    assert!(matches!(looked, Err(Error::RateLimited { .. })));
    // A missing password is no guess.
    assert!(asks_for_password(&public_links.get(&bearer(), &ListQuery::default()).await));
}

#[tokio::test]
async fn a_link_to_a_trashed_item_is_not_found_before_any_other_check() {
    let link = Link { expires_at: Some(NOW), ..protected() };
    let found = trashed(for_bearer(&link, folder(FOLDER)));
    let mut fixture = Fixture::default();
    fixture.links.expect_find_by_token().returning(move |_| Ok(Some((link.clone(), found.clone()))));
    let public_links = fixture.public_links();
    assert!(matches!(public_links.get(&bearer(), &ListQuery::default()).await, Err(Error::NotFound)));
    assert!(matches!(public_links.list(&bearer(), FOLDER, &ListQuery::default()).await, Err(Error::NotFound)));
    assert!(matches!(public_links.open(&bearer(), None).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn an_expired_link_opens_nothing() {
    let public_links = Fixture::with(Link { expires_at: Some(NOW), ..protected() }, folder(FOLDER)).public_links();
    let expired = |outcome: Error| matches!(outcome, Error::Gone(Gone::LinkExpired));
    assert!(expired(public_links.get(&knowing("a quiet secret"), &ListQuery::default()).await.err().unwrap()));
    assert!(expired(public_links.list(&bearer(), FOLDER, &ListQuery::default()).await.err().unwrap()));
    assert!(expired(public_links.open(&bearer(), Some(FILE)).await.err().unwrap()));
}

#[tokio::test]
async fn without_its_password_a_link_reveals_nothing() {
    for bearer in [bearer(), knowing(&"x".repeat(2_000))] {
        // A drive without expectations: any call would panic.
        let public_links = Fixture::with(protected(), folder(FOLDER)).public_links();
        assert!(asks_for_password(&public_links.get(&bearer, &ListQuery::default()).await));
        assert!(asks_for_password(&public_links.list(&bearer, OTHER_FOLDER, &ListQuery::default()).await));
        assert!(asks_for_password(&public_links.open(&bearer, Some(FILE)).await));
        assert!(asks_for_password(&public_links.open(&bearer, None).await));
    }
    let fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong);
    assert!(asks_for_password(&fixture.public_links().open(&knowing("a wrong secret"), Some(FILE)).await));
}

#[tokio::test]
async fn with_its_password_a_link_opens() {
    for verdict in [PasswordCheck::Right, PasswordCheck::Outdated] {
        let link = Link { item: link_of(LINK, NodeKind::File, FILE).item, ..protected() };
        let public_links = Fixture::with(link, file(FILE)).verdict("a quiet secret", verdict).public_links();
        assert!(public_links.get(&knowing("a quiet secret"), &ListQuery::default()).await.is_ok());
    }
    // A link without a password asks for none, and none is verified.
    let public_links = Fixture::with(link_of(LINK, NodeKind::File, FILE), file(FILE)).public_links();
    assert!(public_links.get(&knowing("whatever it may be"), &ListQuery::default()).await.is_ok());
}

#[tokio::test]
async fn the_right_password_gets_a_proof_for_an_hour_and_a_wrong_one_gets_none() {
    let end = NOW.plus(Duration::from_hours(1));
    let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a quiet secret", PasswordCheck::Right);
    fixture.link_access.expect_grant().with(eq(protected()), eq(end)).times(1).returning(|_, _| "proof".to_owned());
    let admission = fixture.public_links().admit(&knowing("a quiet secret")).await.unwrap();
    assert_eq!((admission.access.as_str(), admission.expires_at), ("proof", end));
    let wrong =
        Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong).public_links();
    assert!(asks_for_password(&wrong.admit(&knowing("a wrong secret")).await.map(drop)));
    assert!(asks_for_password(&wrong.admit(&bearer()).await.map(drop)));
}

#[tokio::test]
async fn a_proof_opens_without_a_password_and_costs_no_attempt() {
    for (good, opens) in [(true, true), (false, false)] {
        let mut fixture = Fixture::with(protected(), folder(FOLDER));
        fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
        fixture
            .link_access
            .expect_verify()
            .withf(|link, proof, at| (link, proof, *at) == (&protected(), "proof", NOW))
            .times(1)
            .returning(move |_, _, _| good);
        // A throttle without expectations: any call would panic.
        fixture.throttle = Some(MockThrottleRepository::new());
        let bearer = LinkBearer { access: Some("proof".to_owned()), ..bearer() };
        assert_eq!(fixture.public_links().get(&bearer, &ListQuery::default()).await.is_ok(), opens);
    }
    // With a stale proof, the password is used instead.
    let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a quiet secret", PasswordCheck::Right);
    fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
    fixture.link_access.expect_verify().returning(|_, _, _| false);
    let bearer = LinkBearer { access: Some("stale".to_owned()), ..knowing("a quiet secret") };
    assert!(fixture.public_links().get(&bearer, &ListQuery::default()).await.is_ok());
}

#[tokio::test]
async fn wrong_passwords_are_audited_and_missing_ones_are_not() {
    let fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong);
    let trail = fixture.trail.clone();
    let public_links = fixture.public_links();
    assert!(public_links.open(&bearer(), None).await.is_err());
    assert_eq!(trail.read(), []);
    assert!(public_links.open(&knowing("a wrong secret"), None).await.is_err());
    assert!(public_links.open(&knowing(&"x".repeat(2_000)), None).await.is_err());
    let refused = LinkedItem { link: LINK, kind: NodeKind::Folder, node: FOLDER };
    let refused = (None, AuditAction::LinkPasswordRefused(refused));
    assert_eq!(trail.read(), [refused.clone(), refused]);
}

#[tokio::test]
async fn only_nodes_below_the_linked_folder_are_visible() {
    let inner = below(&link(), folder(OTHER_FOLDER));
    let outer = for_bearer(&link(), folder(PARENT));
    let mut fixture = Fixture::with(link(), folder(FOLDER));
    fixture.drive = drive_with([inner, outer, for_bearer(&link(), file(FILE))]);
    fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
    let public_links = fixture.public_links();
    let seen = public_links.list(&bearer(), OTHER_FOLDER, &ListQuery::default()).await.unwrap();
    assert_eq!((seen.item.node.id, seen.item.parent, seen.item.role), (OTHER_FOLDER, Some(FOLDER), Role::View));
    assert_eq!(public_links.list(&bearer(), FOLDER, &ListQuery::default()).await.unwrap().item.node.id, FOLDER);
    assert!(matches!(public_links.list(&bearer(), PARENT, &ListQuery::default()).await, Err(Error::NotFound)));
    assert!(matches!(public_links.open(&bearer(), Some(FILE)).await, Err(Error::NotFound)));
    assert!(matches!(public_links.open(&bearer(), Some(OTHER_FOLDER)).await, Err(Error::NotFound)), "no file");
    assert!(matches!(public_links.open(&bearer(), None).await, Err(Error::NotFound)), "no file either");
}

/// The command that counts a download: its actor is unknown.
fn counting() -> Command {
    Command { actor: None, ..command(OWNER) }
}

/// The download of a bearer without a known address.
fn download_of(node: NodeId) -> LinkDownload {
    LinkDownload { link: LINK, node, subnet: ClientSubnet::from_address(None) }
}

impl Fixture {
    /// No download of the file has begun; each attempt to count one has this outcome.
    fn counted(mut self, times: usize, outcome: fn() -> Result<CountOutcome, Error>) -> Self {
        self.downloads.expect_is_counted().with(eq(download_of(FILE)), eq(NOW)).returning(|_, _| Ok(false));
        let count = self.downloads.expect_count().with(eq(counting()), eq(download_of(FILE)));
        count.times(times).returning(move |_, _| outcome());
        self
    }
}

fn linked_file() -> Link {
    link_of(LINK, NodeKind::File, FILE)
}

#[tokio::test]
async fn downloads_are_counted_before_sending_at_any_offset() {
    for range in [0..10, 0..1, 3..10] {
        let mut fixture = Fixture::with(link(), folder(FOLDER)).counted(1, || Ok(CountOutcome::New));
        fixture.drive = drive_with([below(&link(), file(FILE))]);
        fixture
            .store
            .expect_get()
            .with(eq(key()), eq(10), eq(range.clone()))
            .times(1)
            .returning(|_, _, _| Ok(body([Ok("by"), Ok("tes")])));
        let trail = fixture.trail.clone();
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), Some(FILE)).await.unwrap();
        assert_eq!(file.content(), &content(10));
        assert_eq!(drain(public_links.read(&file, range).await.unwrap()).unwrap(), b"bytes");
        let downloaded = LinkedItem { link: LINK, kind: NodeKind::File, node: FILE };
        assert_eq!(trail.read(), [(None, AuditAction::LinkDownloaded(downloaded))]);
    }
}

#[tokio::test]
async fn a_continued_download_counts_once() {
    // In the second case, another request of the same bearer has counted it in between.
    for before in [true, false] {
        let mut fixture = Fixture::with(linked_file(), file(FILE));
        fixture.downloads.expect_is_counted().with(eq(download_of(FILE)), eq(NOW)).returning(move |_, _| Ok(before));
        fixture.downloads.expect_count().times(usize::from(!before)).returning(|_, _| Ok(CountOutcome::Continued));
        fixture.store.expect_get().returning(|_, _, _| Ok(body([Ok("bytes")])));
        let trail = fixture.trail.clone();
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), None).await.unwrap();
        assert!(public_links.read(&file, 0..10).await.is_ok());
        assert_eq!(trail.read(), []);
    }
}

#[tokio::test]
async fn uncountable_downloads_are_refused() {
    let refusals: [fn() -> Result<CountOutcome, Error>; 2] =
        [|| Err(Error::Gone(Gone::LinkExhausted)), || Err(Error::Gone(Gone::LinkExpired))];
    for refusal in refusals {
        let mut fixture = Fixture::with(linked_file(), file(FILE)).counted(2, refusal);
        fixture.store.expect_get().returning(|_, _, _| Ok(body([Ok("bytes")])));
        fixture.presigner.expect_presign_get().returning(|_, _, expires_at| {
            Ok(SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at })
        });
        let trail = fixture.trail.clone();
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), None).await.unwrap();
        assert!(matches!(public_links.read(&file, 0..10).await, Err(Error::Gone(_))));
        assert!(matches!(public_links.sign(&file).await, Err(Error::Gone(_))));
        assert_eq!(trail.read(), []);
    }
}

#[tokio::test]
async fn damaged_bytes_are_no_download() {
    for (outcome, referred) in [(Error::NotFound, true), (Error::damaged(&key(), "it is short"), false)] {
        let mut fixture = Fixture::with(linked_file(), file(FILE));
        fixture.store.expect_get().times(1).return_once(|_, _, _| Err(outcome));
        fixture.records.expect_is_referred_to().with(eq(key())).times(usize::from(referred)).returning(|_| Ok(true));
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), None).await.unwrap();
        assert!(matches!(public_links.read(&file, 0..10).await, Err(Error::Damaged { .. })));
    }
}

#[tokio::test]
async fn a_failure_before_the_first_byte_is_not_counted() {
    for late in [false, true] {
        // Nothing is counted: the mock would panic.
        let mut fixture = Fixture::with(linked_file(), file(FILE));
        fixture.store.expect_get().times(1).returning(move |_, _, _| {
            if late {
                Ok(body([Err(Error::unavailable("storage", "lost"))]))
            } else {
                Err(Error::unavailable("storage", "out of reach"))
            }
        });
        fixture
            .presigner
            .expect_presign_get()
            .returning(|_, _, _| Err(Error::unavailable("storage", "no credentials")));
        let trail = fixture.trail.clone();
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), None).await.unwrap();
        assert!(public_links.read(&file, 0..10).await.is_err());
        assert!(public_links.sign(&file).await.is_err());
        assert_eq!(trail.read(), []);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_download_too() {
    let mut fixture = Fixture::with(linked_file(), file(FILE)).counted(1, || Ok(CountOutcome::New));
    fixture.store.expect_get().returning(|_, _, _| Ok(body([])));
    let public_links = fixture.public_links();
    let file = public_links.open(&bearer(), None).await.unwrap();
    assert_eq!(drain(public_links.read(&file, 0..0).await.unwrap()).unwrap(), b"");
}

#[tokio::test]
async fn a_url_is_signed_for_a_short_while_and_counted() {
    for link in [linked_file(), Link { max_downloads: Some(5), ..linked_file() }] {
        let mut fixture = Fixture::with(link, file(FILE)).counted(1, || Ok(CountOutcome::New));
        let attachment = ContentHeaders::new(name("beach.jpg"), &content(10));
        fixture
            .presigner
            .expect_presign_get()
            .with(eq(key()), eq(attachment), eq(NOW.plus(MINUTE)))
            .times(1)
            .returning(|_, _, expires_at| {
                Ok(SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at })
            });
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer(), None).await.unwrap();
        assert_eq!(public_links.sign(&file).await.unwrap().url, "https://store/x");
    }
}

#[tokio::test]
async fn a_bearer_is_redirected_to_a_store_that_serves_its_bytes_unless_the_password_would_go_along() {
    let url = SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at: NOW.plus(MINUTE) };
    for (serves_itself, bearer, redirected) in
        [(false, bearer(), false), (true, bearer(), true), (true, knowing("a quiet secret"), false)]
    {
        let link = Link { password: bearer.password.as_ref().map(|_| hashed()), ..linked_file() };
        let mut fixture = Fixture { serves_itself, ..Fixture::with(link, file(FILE)) };
        fixture.store.expect_head().returning(|_| Ok(None));
        if redirected {
            let url = url.clone();
            fixture = fixture.counted(1, || Ok(CountOutcome::New));
            fixture.presigner.expect_presign_get().times(1).returning(move |_, _, _| Ok(url.clone()));
        } else if bearer.password.is_some() {
            fixture = fixture.verdict("a quiet secret", PasswordCheck::Right);
        }
        let public_links = fixture.public_links();
        let file = public_links.open(&bearer, None).await.unwrap();
        let expected = if redirected { Delivery::Redirect(url.clone()) } else { Delivery::Stream };
        assert_eq!(public_links.content(&file).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_exhausted_link_only_continues_begun_downloads() {
    for begun in [true, false] {
        let spent = Link { max_downloads: Some(1), downloads: 1, ..linked_file() };
        let mut fixture = Fixture::with(spent, file(FILE));
        fixture.downloads.expect_is_counted().with(eq(download_of(FILE)), eq(NOW)).returning(move |_, _| Ok(begun));
        fixture.store.expect_get().returning(|_, _, _| Ok(body([Ok("bytes")])));
        let public_links = fixture.public_links();
        match public_links.open(&bearer(), None).await {
            Ok(file) => assert!(begun && public_links.read(&file, 3..10).await.is_ok()),
            Err(error) => assert!(!begun && matches!(error, Error::Gone(Gone::LinkExhausted))),
        }
    }
}

#[test]
fn a_visitor_prints_no_secrets() {
    let shown = format!("{:?}", knowing("a quiet secret"));
    assert!(!shown.contains("CCC") && !shown.contains("quiet"), "{shown}");
}
