mod downloads;
mod passwords;

use std::sync::Arc;
use std::time::Duration;

use mockall::predicate::eq;

use crate::error::{Error, Gone};
use crate::model::{
    AuditAction, ClientSubnet, Link, LinkedItem, Located, Node, NodeKind, Password, PasswordHash, Role, Step,
};
use crate::port::{
    FolderEntry, MockBlobRecordRepository, MockBlobStore, MockLinkAccess, MockLinkDownloadRepository,
    MockLinkRepository, MockNodeRepository, MockPasswords, MockThrottleRepository, MockUrlPresigner, PasswordCheck,
};
use crate::service::testing::links::{LINK, TOKEN, hash, link, link_of};
use crate::service::testing::{
    FILE, FOLDER, NOW, OTHER_FOLDER, PARENT, Trail, context_with, drive_with, file, folder, for_owner, one_presigner,
    one_store, origin, other_store, trashed,
};
use crate::service::{Contents, LinkBearer, ListQuery, PublicLinkPorts, PublicLinkService, StoreTags, Throttling};
use crate::testing::name;

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
    /// Signs for the second store.
    other_presigner: MockUrlPresigner,
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
            presigners: one_presigner(self.presigner).with(other_store(), Arc::new(self.other_presigner)),
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

#[test]
fn a_bearer_prints_no_secrets() {
    let shown = format!("{:?}", knowing("a quiet secret"));
    assert!(!shown.contains("CCC") && !shown.contains("quiet"), "{shown}");
}
