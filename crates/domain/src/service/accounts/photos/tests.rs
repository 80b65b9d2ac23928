use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mockall::Sequence;
use mockall::predicate::eq;

use crate::error::{Error, Refused};
use crate::model::{Account, BlobKey, BlobRef, Expected, Length, MediaType, Stored, Timestamp, User};
use crate::port::{
    ContentHeaders, ContentInfo, MockBlobRecordRepository, MockBlobStore, MockNodeRepository, MockPhotoMaker,
    MockUrlPresigner, MockUserRepository, SignedUrl, UserDrive,
};
use crate::service::testing::{
    GUEST, NOW, OWNER, actor, command, context, drain, drive_with, nth_key, one_presigner, one_store, other_store,
    outage, user_drive,
};
use crate::service::{PhotoPorts, PhotoService};
use crate::testing::{blob, key, store_name};

const MINUTE: Duration = Duration::from_secs(60);
const EXPECTED: Expected = Expected { length: Length::Exactly(4), sha256: None };

#[derive(Default)]
struct Ports {
    users: MockUserRepository,
    drive: MockNodeRepository,
    records: MockBlobRecordRepository,
    store: MockBlobStore,
    presigner: MockUrlPresigner,
    /// Signs for the second store.
    other_presigner: MockUrlPresigner,
    maker: MockPhotoMaker,
}

impl Ports {
    fn service(self) -> PhotoService {
        let ports = PhotoPorts {
            users: Arc::new(self.users),
            drive: Arc::new(self.drive),
            records: Arc::new(self.records),
            stores: one_store(self.store),
            presigners: one_presigner(self.presigner).with(other_store(), Arc::new(self.other_presigner)),
            maker: Arc::new(self.maker),
        };
        PhotoService::new(ports, context(), MINUTE)
    }

    /// The owner has a photo.
    fn with_photo(blob: BlobRef) -> Self {
        let mut ports = Self::default();
        let UserDrive { account, root } = user_drive();
        let user = User { photo: Some(blob), ..account.user };
        let user_drive = UserDrive { account: Account { user, ..account }, root };
        ports.drive.expect_find_user_drive().with(eq(OWNER)).times(1).return_once(|_| Ok(Some(user_drive)));
        let recorded = ports.records.expect_recorded_at().with(eq(key()));
        recorded.times(1).returning(|_| Ok(Some(Timestamp::from_millis(5))));
        ports
    }

    /// The picture is accepted and its blob recorded.
    fn recorded() -> Self {
        let mut ports = Self::default();
        ports.maker.expect_make().returning(|_| Ok(Bytes::from_static(b"jpeg")));
        ports.records.expect_record().times(1).returning(|_, _, _| Ok(()));
        ports
    }
}

fn signed() -> SignedUrl {
    SignedUrl { url: "https://store/photo".to_owned(), headers: vec![], expires_at: NOW.plus(MINUTE) }
}

fn in_place(key: BlobKey, modified_at: Timestamp) -> ContentHeaders {
    let content = ContentInfo { size: None, tag: key.into(), modified_at, client_modified_at: None };
    ContentHeaders { media_type: MediaType::jpeg(), attachment: None, content: Some(content) }
}

fn picture() -> Bytes {
    Bytes::from_static(b"a large png")
}

#[tokio::test]
async fn the_key_is_recorded_before_the_bytes_and_the_pointer_is_set_after_them() {
    let mut ports = Ports::default();
    let mut order = Sequence::new();
    ports
        .maker
        .expect_make()
        .with(eq(picture()))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(Bytes::from_static(b"jpeg")));
    ports
        .records
        .expect_record()
        .with(eq(nth_key(1)), eq(store_name()), eq(NOW))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(()));
    ports
        .store
        .expect_put()
        .withf(|key, _, expected, content_headers| {
            *key == nth_key(1) && *expected == EXPECTED && content_headers.attachment.is_none()
        })
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, body, _, _| {
            assert_eq!(drain(body)?, b"jpeg");
            Ok(Stored { size: 4, ..Stored::default() })
        });
    ports
        .users
        .expect_set_photo()
        .withf(|by, user, photo| *by == command(OWNER) && *user == OWNER && *photo == Some(&nth_key(1)))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(true));
    ports
        .presigner
        .expect_presign_get()
        .with(eq(nth_key(1)), eq(in_place(nth_key(1), NOW)), eq(NOW.plus(MINUTE)))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(signed()));
    assert!(ports.service().set(&actor(OWNER), picture()).await.unwrap() == signed());
}

#[tokio::test]
async fn a_rejected_picture_leaves_no_trace() {
    let mut ports = Ports::default();
    ports.maker.expect_make().returning(|_| Err(Error::Refused(Refused::Image("not an image"))));
    ports.records.expect_record().never();
    let refused = ports.service().set(&actor(OWNER), picture()).await;
    assert!(matches!(refused, Err(Error::Refused(Refused::Image(_)))));
}

#[tokio::test]
async fn no_byte_is_written_under_an_unrecorded_key() {
    let mut ports = Ports::default();
    ports.maker.expect_make().returning(|_| Ok(Bytes::from_static(b"jpeg")));
    ports.records.expect_record().returning(|_, _, _| Err(outage()));
    ports.store.expect_put().never();
    assert!(matches!(ports.service().set(&actor(OWNER), picture()).await, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn the_former_photo_stays_when_the_bytes_cannot_be_stored() {
    let mut ports = Ports::recorded();
    ports.store.expect_put().returning(|_, _, _, _| Err(Error::unavailable("storage", "full")));
    ports.users.expect_set_photo().never();
    let refused = ports.service().set(&actor(OWNER), picture()).await;
    assert!(matches!(refused, Err(Error::Unavailable { part: "storage", .. })));
}

#[tokio::test]
async fn bytes_of_an_unknown_outcome_are_left_to_the_collector() {
    let mut ports = Ports::recorded();
    ports.store.expect_put().returning(|_, _, _, _| Ok(Stored { size: 4, ..Stored::default() }));
    ports.users.expect_set_photo().returning(|_, _, _| Err(outage()));
    ports.store.expect_delete().never();
    let refused = ports.service().set(&actor(OWNER), picture()).await;
    assert!(matches!(refused, Err(Error::Unavailable { part: "database", .. })));
}

#[tokio::test]
async fn a_photo_is_signed_for_inline_display() {
    let mut ports = Ports::with_photo(blob());
    ports
        .presigner
        .expect_presign_get()
        .with(eq(key()), eq(in_place(key(), Timestamp::from_millis(5))), eq(NOW.plus(MINUTE)))
        .times(1)
        .returning(|_, _, _| Ok(signed()));
    assert!(ports.service().find(&actor(OWNER)).await.unwrap() == signed());
}

#[tokio::test]
async fn a_photo_is_signed_by_its_own_store() {
    let mut ports = Ports::with_photo(BlobRef { store: other_store(), key: key() });
    ports.other_presigner.expect_presign_get().times(1).returning(|_, _, _| Ok(signed()));
    assert!(ports.service().find(&actor(OWNER)).await.unwrap() == signed());
}

#[tokio::test]
async fn without_a_photo_or_an_account_there_is_nothing_to_show() {
    let photos = Ports { drive: drive_with([]), ..Ports::default() }.service();
    assert!(matches!(photos.find(&actor(OWNER)).await, Err(Error::NotFound)));
    assert!(matches!(photos.find(&actor(GUEST)).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_photo_is_removed_once() {
    for had_one in [true, false] {
        let mut ports = Ports::default();
        ports
            .users
            .expect_set_photo()
            .withf(|by, user, photo| *by == command(OWNER) && *user == OWNER && photo.is_none())
            .times(1)
            .returning(move |_, _, _| Ok(had_one));
        let removed = ports.service().remove(&actor(OWNER)).await;
        assert!(if had_one { removed.is_ok() } else { matches!(removed, Err(Error::NotFound)) });
    }
}
