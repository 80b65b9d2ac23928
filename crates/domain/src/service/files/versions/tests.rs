use std::sync::Arc;
use std::time::Duration;

use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::{Conflict, Error, Forbidden, Gone, Refused};
use crate::model::{
    Action, AuditAction, BlobRef, Content, Expected, FormerContent, Length, Limit, Located, MAX_FILE_BYTES, MediaType,
    Permission, Precondition, Revision, Seen, Stored, Timestamp, UserId, Version, VersionId, VersionPosition,
};
use crate::port::{
    ByteStream, ContentHeaders, MockBlobRecordRepository, MockBlobStore, MockUrlPresigner, MockVersionRepository,
    NewContent, SavedNode, SignedUrl, VersionRestore,
};
use crate::service::testing::{
    FILE, GUEST, NOW, OWNER, QUOTA, STRANGER, Trail, actor, body, command, context_with, context_with_fast_clock,
    drain, drive_with, file, folder, for_guest, for_guest_of_parent, for_outsider, for_owner, grant_for, made,
    nth_blob, nth_key, one_presigner, one_store, other_store, outage, person, quota_exceeded, seen, trashed,
    unconditioned,
};
use crate::service::{ContentMetadata, ServiceContext, StoreTags, VersionService, VersionSettings, VersionStores};
use crate::testing::{content, key, name, store_name};

const MINUTE: Duration = Duration::from_secs(60);
const SETTINGS: VersionSettings = VersionSettings { max: 7, url_lifetime: MINUTE, upload_lifetime: MINUTE };

#[derive(Default)]
struct Ports {
    versions: MockVersionRepository,
    records: MockBlobRecordRepository,
    store: MockBlobStore,
    presigner: MockUrlPresigner,
    /// Signs for the second store.
    other_presigner: MockUrlPresigner,
    /// Whether the store serves its bytes itself.
    serves_itself: bool,
}

impl Ports {
    fn service(self, found: Located) -> (VersionService, Trail) {
        let trail = Trail::default();
        (self.service_with(found, context_with(NOW, trail.clone())), trail)
    }

    fn service_with(self, found: Located, context: ServiceContext) -> VersionService {
        let (records, blobs) = (Arc::new(self.records), one_store(self.store));
        let tags = match self.serves_itself {
            true => StoreTags::new(blobs.clone(), records.clone()),
            false => StoreTags::none(),
        };
        let (versions, presigners) = (
            Arc::new(self.versions),
            one_presigner(self.presigner).with(other_store(), Arc::new(self.other_presigner)),
        );
        let stores = VersionStores { versions, records, blobs, presigners, tags };
        VersionService::new(Arc::new(drive_with([found])), stores, context, SETTINGS)
    }

    /// A blob is recorded, then its bytes are stored.
    fn taking(mut self, length: Length, outcome: fn(ByteStream) -> crate::error::Result<Stored>) -> Self {
        let mut order = Sequence::new();
        let record = self.records.expect_record().with(eq(nth_key(1)), eq(store_name()), eq(NOW));
        record.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
        let put = self.store.expect_put();
        put.withf(move |key, _, expected, _| *key == nth_key(1) && *expected == Expected { length, sha256: None })
            .times(1)
            .in_sequence(&mut order)
            .returning(move |_, body, _, _| outcome(body));
        self
    }

    /// The stored bytes are deleted again.
    fn given_up(mut self) -> Self {
        self.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
        self
    }
}

fn text_plain() -> MediaType {
    MediaType::parse("text/plain").unwrap()
}

fn five_bytes(body: ByteStream) -> crate::error::Result<Stored> {
    assert_eq!(drain(body)?, b"hello");
    Ok(Stored { size: 5, ..Stored::default() })
}

fn plain_text() -> ContentMetadata {
    ContentMetadata { media_type: text_plain(), client_modified_at: Some(NOW) }
}

fn hello() -> ByteStream {
    body([Ok("hel"), Ok("lo")])
}

/// The new content of five bytes; its identifier comes from the second use of randomness.
fn hello_content(seen: Option<Seen>) -> NewContent {
    let stored = Stored { size: 5, ..Stored::default() };
    NewContent {
        version: made(2),
        blob: nth_blob(1),
        stored,
        media_type: text_plain(),
        client_modified_at: Some(NOW),
        seen,
        max_versions: 7,
    }
}

fn version(revision: u64) -> Version {
    Version {
        content: content(10),
        revision: Revision(revision),
        created_by: person(OWNER, "olga"),
        created_at: NOW,
        is_current: false,
    }
}

/// Nodes that are not visible as the file [`FILE`], each with its viewer.
fn unseen() -> [(Located, UserId); 4] {
    [
        (for_outsider(file(FILE)), STRANGER),
        (for_owner(folder(FILE)), OWNER),
        (trashed(for_owner(file(FILE))), OWNER),
        (trashed(for_guest(file(FILE), Permission::Edit)), GUEST),
    ]
}

#[tokio::test]
async fn viewers_list_and_download_versions() {
    for found in [for_owner(file(FILE)), for_guest(file(FILE), Permission::View)] {
        let viewer = found.viewer.user().unwrap();
        let grant = grant_for(&found, Action::Read);
        let mut ports = Ports::default();
        let place = VersionPosition { revision: Revision(9), id: made(9) };
        let limit = Limit::new(1).unwrap();
        let list = ports.versions.expect_list().with(eq(grant.clone()), eq(Some(place)), eq(limit));
        list.times(1).returning(|_, _, _| Ok(vec![version(8), version(7)]));
        let id = content(10).version;
        ports.versions.expect_find().with(eq(grant), eq(id)).times(1).returning(|_, _| Ok(Some(version(8))));
        let content_headers = ContentHeaders::new(name("beach.jpg"), &content(10));
        let until = NOW.plus(MINUTE);
        let sign = ports.presigner.expect_presign_get().with(eq(key()), eq(content_headers), eq(until));
        sign.times(1).returning(move |_, _, expires_at| {
            Ok(SignedUrl { url: "https://store/x".to_owned(), headers: vec![], expires_at })
        });
        let (service, _) = ports.service(found);
        let page = service.list(&actor(viewer), FILE, Some(place), limit).await.unwrap();
        assert_eq!(page.items, [version(8)]);
        assert_eq!(page.next, Some(VersionPosition { revision: Revision(8), id }));
        let (found, url) = service.download(&actor(viewer), FILE, id).await.unwrap();
        assert_eq!((found, url.expires_at), (version(8), until));
    }
}

#[tokio::test]
async fn a_version_is_downloaded_from_its_own_store() {
    let blob = BlobRef { store: other_store(), key: key() };
    let stored = Version { content: Content { blob, ..content(10) }, ..version(8) };
    let mut ports = Ports::default();
    ports.versions.expect_find().times(1).return_once(|_, _| Ok(Some(stored)));
    let sign = ports.other_presigner.expect_presign_get();
    sign.times(1).returning(|_, _, expires_at| {
        Ok(SignedUrl { url: "https://bucket/x".to_owned(), headers: vec![], expires_at })
    });
    let (service, _) = ports.service(for_owner(file(FILE)));
    let (_, url) = service.download(&actor(OWNER), FILE, content(10).version).await.unwrap();
    assert_eq!(url.url, "https://bucket/x");
}

#[tokio::test]
async fn a_version_of_another_file_is_not_found() {
    let mut ports = Ports::default();
    ports.versions.expect_find().times(1).returning(|_, _| Ok(None));
    let (service, _) = ports.service(for_owner(file(FILE)));
    assert!(matches!(service.download(&actor(OWNER), FILE, made(5)).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn invisible_files_show_no_versions() {
    for (found, viewer) in unseen() {
        let (service, trail) = Ports::default().service(found);
        let (me, some) = (actor(viewer), made::<VersionId>(5));
        assert!(matches!(service.list(&me, FILE, None, Limit::default()).await, Err(Error::NotFound)));
        assert!(matches!(service.download(&me, FILE, some).await, Err(Error::NotFound)));
        assert!(matches!(service.restore(&me, FILE, some, &unconditioned()).await, Err(Error::NotFound)));
        assert!(matches!(service.delete(&me, FILE, some, &unconditioned()).await, Err(Error::NotFound)));
        assert!(matches!(service.admit(&me, FILE, &unconditioned(), None).await.map(drop), Err(Error::NotFound)));
        assert_eq!(trail.read(), []);
    }
}

#[tokio::test]
async fn editors_restore_and_only_the_owner_deletes() {
    let from: VersionId = made(5);
    let reported = FormerContent { file: FILE, version: from };
    for found in [
        for_owner(file(FILE)),
        for_guest(file(FILE), Permission::Edit),
        for_guest_of_parent(file(FILE), Permission::Edit),
    ] {
        let viewer = found.viewer.user().unwrap();
        let mut ports = Ports::default();
        let spec = VersionRestore { from, version: made(1), seen: Some(Revision(1)), max_versions: 7 };
        let restore = ports.versions.expect_restore();
        restore
            .with(eq(command(viewer)), eq(grant_for(&found, Action::Replace)), eq(spec))
            .times(1)
            .returning(|_, _, _| Ok(for_owner(file(FILE)).into()));
        if viewer == OWNER {
            let delete = ports.versions.expect_delete();
            delete
                .with(eq(command(OWNER)), eq(grant_for(&found, Action::DeleteVersion)), eq(from), eq(Some(Revision(1))))
                .times(1)
                .returning(|_, _, _, _| Ok(Some(nth_blob(9))));
            // Its bytes are deleted at once and no longer count.
            ports.store.expect_delete().with(eq(nth_key(9))).times(1).returning(|_| Ok(()));
            let removal =
                ports.records.expect_remove().withf(|store, keys| *store == store_name() && keys == [nth_key(9)]);
            removal.times(1).returning(|_, _| Ok(()));
        }
        let (service, trail) = ports.service(found);
        service.restore(&actor(viewer), FILE, from, &seen(1)).await.unwrap();
        let deleted = service.delete(&actor(viewer), FILE, from, &seen(1)).await;
        let mut expected = vec![(Some(viewer), AuditAction::VersionRestored(reported))];
        if viewer == OWNER {
            deleted.unwrap();
            expected.push((Some(viewer), AuditAction::VersionDeleted(reported)));
        } else {
            assert!(matches!(deleted, Err(Error::Forbidden(Forbidden::Permission))));
        }
        assert_eq!(trail.read(), expected);
    }
    let (service, _) = Ports::default().service(for_guest_of_parent(file(FILE), Permission::View));
    let refused = service.restore(&actor(GUEST), FILE, from, &unconditioned()).await;
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
    let refused = service.admit(&actor(GUEST), FILE, &unconditioned(), None).await.map(drop);
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
}

#[tokio::test]
async fn failed_deletion_is_not_audited() {
    let mut ports = Ports::default();
    ports.versions.expect_delete().returning(|_, _, _, _| Err(Error::Conflict(Conflict::VersionInUse)));
    let (service, trail) = ports.service(for_owner(file(FILE)));
    assert!(service.delete(&actor(OWNER), FILE, made(5), &unconditioned()).await.is_err());
    assert_eq!(trail.read(), []);
}

#[tokio::test]
async fn a_content_is_recorded_stored_and_appended_in_this_order() {
    for (announced, length) in [(Some(5), Length::Exactly(5)), (None, Length::AtMost(30))] {
        let found = for_owner(file(FILE));
        let mut ports = Ports::default().taking(length, five_bytes);
        let append = ports.versions.expect_append();
        append
            .with(
                eq(command(OWNER)),
                eq(grant_for(&found, Action::Replace)),
                eq(hello_content(Some(Seen::Revision(Revision(1))))),
            )
            .times(1)
            .returning(|_, _, _| Ok(for_owner(file(FILE)).into()));
        let (service, _) = ports.service(found);
        let permit = service.admit(&actor(OWNER), FILE, &seen(1), announced).await.unwrap();
        let entry = service.receive(&actor(OWNER), permit, plain_text(), hello()).await.unwrap();
        assert_eq!(entry.node.id, FILE);
    }
}

#[tokio::test]
async fn impossible_contents_are_refused_before_reading() {
    let admit = async |seen: Option<u64>, announced| {
        let (service, _) = Ports::default().service(for_owner(file(FILE)));
        service
            .admit(&actor(OWNER), FILE, &seen.map_or_else(unconditioned, crate::service::testing::seen), announced)
            .await
            .map(drop)
    };
    assert!(matches!(admit(Some(2), None).await, Err(Error::PreconditionFailed)));
    let over = admit(Some(1), Some(31)).await;
    assert!(matches!(over, Err(Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 }))));
    let large = admit(None, Some(MAX_FILE_BYTES + 1)).await;
    assert!(matches!(large, Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES }))));
    assert!(admit(Some(1), Some(30)).await.is_ok());
}

#[tokio::test]
async fn only_the_owner_learns_the_drives_usage() {
    let found = || for_guest(file(FILE), Permission::Edit);
    let (service, _) = Ports::default().service(found());
    let known = service.admit(&actor(GUEST), FILE, &unconditioned(), Some(31)).await.map(drop);
    assert!(matches!(known, Err(Error::Forbidden(Forbidden::QuotaOfOwner { needed: Some(31) }))));
    // For a streamed body, `needed` would reveal the free space.
    let too_large = |_| Err(Error::Refused(Refused::TooLarge { limit: 30 }));
    let (service, _) = Ports::default().taking(Length::AtMost(30), too_large).given_up().service(found());
    let permit = service.admit(&actor(GUEST), FILE, &unconditioned(), None).await.unwrap();
    let streaming = service.receive(&actor(GUEST), permit, plain_text(), hello()).await;
    assert!(matches!(streaming, Err(Error::Forbidden(Forbidden::QuotaOfOwner { needed: None }))));
}

#[tokio::test]
async fn only_the_owner_learns_the_usage_of_the_drive_into_which_a_restored_version_does_not_fit() {
    let refusal = async |found: Located| {
        let viewer = found.viewer.user().unwrap();
        let mut ports = Ports::default();
        ports.versions.expect_restore().times(1).returning(|_, _, _| Err(quota_exceeded()));
        let (service, trail) = ports.service(found);
        let error = service.restore(&actor(viewer), FILE, made(5), &unconditioned()).await.unwrap_err();
        assert_eq!(trail.read(), []);
        error
    };
    let owned = refusal(for_owner(file(FILE))).await;
    assert!(matches!(owned, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })), "{owned:?}");
    for found in [for_guest(file(FILE), Permission::Edit), for_guest_of_parent(file(FILE), Permission::Edit)] {
        let foreign = refusal(found).await;
        assert!(matches!(foreign, Error::Forbidden(Forbidden::QuotaOfOwner { needed: Some(31) })), "{foreign:?}");
    }
}

/// The error of streaming `body` into the file.
async fn refused(ports: Ports, body: ByteStream) -> Error {
    let (service, _) = ports.service(for_owner(file(FILE)));
    let permit = service.admit(&actor(OWNER), FILE, &unconditioned(), None).await.unwrap();
    service.receive(&actor(OWNER), permit, plain_text(), body).await.unwrap_err()
}

#[tokio::test]
async fn a_body_that_breaks_off_or_does_not_fit_leaves_nothing() {
    let broken = Ports::default().taking(Length::AtMost(30), five_bytes).given_up();
    let error = refused(broken, body([Ok("hel"), Err(Error::Refused(Refused::Interrupted))])).await;
    assert!(matches!(error, Error::Refused(Refused::Interrupted)));
    let too_large = |_| Err(Error::Refused(Refused::TooLarge { limit: 30 }));
    let error = refused(Ports::default().taking(Length::AtMost(30), too_large).given_up(), hello()).await;
    assert!(matches!(error, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })));
    let mut changed = Ports::default().taking(Length::AtMost(30), five_bytes).given_up();
    changed.versions.expect_append().times(1).returning(|_, _, _| Err(Error::PreconditionFailed));
    assert!(matches!(refused(changed, hello()).await, Error::PreconditionFailed));
}

#[tokio::test]
async fn undeletable_bytes_of_a_refused_content_stay_reserved() {
    let mut ports = Ports::default().taking(Length::AtMost(30), five_bytes);
    ports.versions.expect_append().times(1).returning(|_, _, _| Err(Error::PreconditionFailed));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Err(outage()));
    let hold = ports.records.expect_hold().with(eq(nth_key(1)), eq(file(FILE).drive), eq(5));
    hold.times(1).returning(|_, _, _| Ok(()));
    assert!(matches!(refused(ports, hello()).await, Error::PreconditionFailed));
    // A write that was refused has stored nothing.
    let too_large = |_| Err(Error::Refused(Refused::TooLarge { limit: 30 }));
    let mut ports = Ports::default().taking(Length::AtMost(30), too_large);
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Err(outage()));
    assert!(matches!(refused(ports, hello()).await, Error::Forbidden(Forbidden::Quota { .. })));
}

/// The file is saved and leaves two blobs over: the first cannot be deleted, so it is not forgotten and still counts.
fn leaving_two_over(ports: &mut Ports) -> SavedNode {
    ports.store.expect_delete().with(eq(nth_key(8))).times(1).returning(|_| Err(outage()));
    ports.store.expect_delete().with(eq(nth_key(9))).times(1).returning(|_| Ok(()));
    let removal = ports.records.expect_remove().withf(|store, keys| *store == store_name() && keys == [nth_key(9)]);
    removal.times(1).returning(|_, _| Ok(()));
    SavedNode { located: for_owner(file(FILE)), freed: vec![nth_blob(8), nth_blob(9)] }
}

#[tokio::test]
async fn the_bytes_of_superfluous_versions_are_deleted_at_once() {
    let mut ports = Ports::default().taking(Length::AtMost(30), five_bytes);
    let saved = leaving_two_over(&mut ports);
    ports.versions.expect_append().times(1).return_once(|_, _, _| Ok(saved));
    let (service, _) = ports.service(for_owner(file(FILE)));
    let permit = service.admit(&actor(OWNER), FILE, &unconditioned(), None).await.unwrap();
    service.receive(&actor(OWNER), permit, plain_text(), hello()).await.unwrap();

    let mut ports = Ports::default();
    let saved = leaving_two_over(&mut ports);
    ports.versions.expect_restore().times(1).return_once(|_, _, _| Ok(saved));
    let (service, _) = ports.service(for_owner(file(FILE)));
    service.restore(&actor(OWNER), FILE, made(5), &unconditioned()).await.unwrap();
}

#[tokio::test]
async fn bytes_that_may_be_a_files_by_now_are_not_removed() {
    let mut ports = Ports::default().taking(Length::AtMost(30), five_bytes);
    ports.versions.expect_append().times(1).returning(|_, _, _| Err(outage()));
    assert!(matches!(refused(ports, hello()).await, Error::Unavailable { part: "database", .. }));
    // Nor are those of a file that already has them but is no longer visible to the caller.
    let mut ports = Ports::default().taking(Length::AtMost(30), five_bytes);
    ports.versions.expect_append().times(1).returning(|_, _, _| Ok(trashed(for_owner(file(FILE))).into()));
    assert!(matches!(refused(ports, hello()).await, Error::NotFound));
}

#[tokio::test]
async fn a_failure_to_store_the_bytes_leaves_nothing() {
    let down: fn(ByteStream) -> crate::error::Result<Stored> = |_| Err(outage());
    let silence: fn(ByteStream) -> crate::error::Result<Stored> = |_| Err(Error::internal("storage", "no answer"));
    for outcome in [down, silence] {
        // No commit was tried, so these cannot be a file's bytes.
        let mut ports = Ports::default().taking(Length::AtMost(30), outcome).given_up();
        ports.versions.expect_append().never();
        let error = refused(ports, hello()).await;
        assert!(matches!(error, Error::Unavailable { .. } | Error::Internal { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_took_too_long_is_expired() {
    let ports = Ports::default().taking(Length::AtMost(30), five_bytes).given_up();
    let service = ports.service_with(for_owner(file(FILE)), context_with_fast_clock());
    let permit = service.admit(&actor(OWNER), FILE, &unconditioned(), None).await.unwrap();
    let error = service.receive(&actor(OWNER), permit, plain_text(), hello()).await.unwrap_err();
    assert!(matches!(error, Error::Gone(Gone::UploadExpired)));
}

#[tokio::test]
async fn a_time_is_no_precondition_where_the_store_sends_one_of_its_own() {
    let earlier = Precondition::default().unmodified_since(Some(Timestamp::from_millis(-5_000)));
    for serves_itself in [false, true] {
        let (service, _) = Ports { serves_itself, ..Ports::default() }.service(for_owner(file(FILE)));
        let admitted = service.admit(&actor(OWNER), FILE, &earlier, Some(5)).await;
        assert_eq!(admitted.is_ok(), serves_itself);
        assert!(matches!(admitted.err(), None | Some(Error::PreconditionFailed)));
    }
}
