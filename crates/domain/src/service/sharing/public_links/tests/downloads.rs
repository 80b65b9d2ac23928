use super::*;
use crate::model::{BlobRef, Command, Content, CountOutcome, LinkDownload, NodeBody, NodeId};
use crate::port::{ContentHeaders, SignedUrl};
use crate::service::Delivery;
use crate::service::testing::{OWNER, body, command, drain};
use crate::testing::{content, key};

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
async fn a_url_is_signed_by_the_store_of_the_file() {
    let blob = BlobRef { store: other_store(), key: key() };
    let node = Node { body: NodeBody::File(Content { blob, ..content(10) }), ..file(FILE) };
    let mut fixture = Fixture::with(linked_file(), node).counted(1, || Ok(CountOutcome::New));
    fixture.other_presigner.expect_presign_get().times(1).returning(|_, _, expires_at| {
        Ok(SignedUrl { url: "https://bucket/x".to_owned(), headers: vec![], expires_at })
    });
    let public_links = fixture.public_links();
    let file = public_links.open(&bearer(), None).await.unwrap();
    assert_eq!(public_links.sign(&file).await.unwrap().url, "https://bucket/x");
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
