use super::*;

fn multipart_id() -> Option<MultipartUploadId> {
    MultipartUploadId::parse("ticket-1").ok()
}

#[tokio::test]
async fn the_exact_announced_size_is_reserved_and_signed() {
    let mut ports = Ports::with([]);
    let upload = Upload { multipart_id: multipart_id(), ..begun(announced(), Some(10), root(OWNER).node.id) };
    let new_upload = NewUpload { upload, max_open: 20 };
    let mut order = Sequence::new();
    let begin = ports.direct.expect_begin().with(eq(nth_key(1)), eq(TEN), eq(presented()));
    begin.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(multipart_id()));
    ports
        .uploads
        .expect_begin()
        .with(eq(command(OWNER)), eq(grant_for(&root(OWNER), Action::AddTo)), eq(new_upload.clone()))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(QUOTA));
    ports
        .direct
        .expect_presign_put()
        .with(
            eq(new_upload.upload.multipart()),
            eq(part(1, 10)),
            eq(Some(DIGEST)),
            eq(presented()),
            eq(NOW.plus(SECONDS)),
        )
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _, _, _| Ok(url()));
    let begun = ports.service().begin(&actor(OWNER), None, announced(), 10).await.unwrap();
    assert_eq!(begun.progress.upload, new_upload.upload);
    assert_eq!((begun.progress.state, begun.progress.received, begun.plan), (UploadState::Open, vec![], TEN));
    let [part] = &begun.parts[..] else { panic!("{:?}", begun.parts) };
    assert_eq!((part.number, part.size), (1, 10));
    assert!(part.target == url());
}

#[tokio::test]
async fn an_editor_uploads_into_a_shared_folder_and_a_viewer_or_stranger_does_not() {
    let found = for_guest(folder(FOLDER), Permission::Edit);
    let mut ports = Ports::with([found.clone()]);
    ports
        .uploads
        .expect_begin()
        .withf(move |by, folder, new_upload| {
            *by == command(GUEST) && *folder == grant_for(&found, Action::AddTo) && new_upload.upload.sender == GUEST
        })
        .times(1)
        .returning(|_, _, _| Ok(QUOTA));
    ports.direct.expect_begin().times(1).returning(|_, _, _| Ok(None));
    ports.direct.expect_presign_put().times(1).returning(|_, _, _, _, _| Ok(url()));
    assert!(ports.service().begin(&actor(GUEST), Some(FOLDER), announced(), 0).await.is_ok());

    let refused = async |found: Located| {
        let user = found.viewer.user().unwrap();
        let mut ports = Ports::with([found]);
        ports.uploads.expect_begin().never();
        ports.direct.expect_begin().never();
        let service = ports.service();
        let begun = service.begin(&actor(user), Some(FOLDER), announced(), 10).await.unwrap_err();
        let received = service.admit(&actor(user), Some(FOLDER), None, None).await.err().unwrap();
        (begun, received)
    };
    for found in [for_guest(folder(FOLDER), Permission::View), for_guest_of_parent(folder(FOLDER), Permission::View)] {
        let faults = refused(found).await;
        let denied = |error: &Error| matches!(error, Error::Forbidden(Forbidden::Permission));
        assert!(denied(&faults.0) && denied(&faults.1));
    }
    for found in [for_outsider(folder(FOLDER)), for_owner(file(FOLDER)), trashed(for_owner(folder(FOLDER)))] {
        assert!(matches!(refused(found).await, (Error::NotFound, Error::NotFound)));
    }
}

#[tokio::test]
async fn an_overlong_upload_is_refused_before_recording() {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.uploads.expect_begin().never();
    ports.direct.expect_begin().never();
    let service = ports.service();
    let size = MAX_FILE_BYTES + 1;
    let error = service.begin(&actor(OWNER), Some(FOLDER), announced(), size).await.unwrap_err();
    let Error::Invalid(violations) = error else { panic!("{error}") };
    assert_eq!(violations[0].field, Field::FileSize);
    assert!(violations[0].message.contains(&MAX_FILE_BYTES.to_string()));

    let error = service.admit(&actor(OWNER), Some(FOLDER), Some(size), None).await.err().unwrap();
    assert!(matches!(error, Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES })));
}

#[tokio::test]
async fn no_url_is_signed_for_a_refused_upload() {
    let faults: [fn() -> Error; 2] = [name_taken, quota_exceeded];
    for error in faults {
        let mut ports = Ports::with([for_owner(folder(FOLDER))]);
        ports.uploads.expect_begin().times(1).returning(move |_, _, _| Err(error()));
        ports.direct.expect_begin().times(1).returning(|_, _, _| Ok(multipart_id()));
        let multipart = MultipartUpload { key: nth_key(1), multipart_id: multipart_id() };
        ports.store.expect_abort().with(eq(multipart)).times(1).returning(|_| Ok(()));
        ports.direct.expect_presign_put().never();
        let met = ports.service().begin(&actor(OWNER), Some(FOLDER), announced(), 31).await.unwrap_err();
        assert_eq!(met.to_string(), error().to_string());
    }
}

#[tokio::test]
async fn a_transfer_whose_upload_may_have_been_recorded_is_not_discarded() {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.direct.expect_begin().times(1).returning(|_, _, _| Ok(multipart_id()));
    ports.store.expect_abort().never();
    ports.uploads.expect_begin().times(1).returning(|_, _, _| Err(outage()));
    let met = ports.service().begin(&actor(OWNER), Some(FOLDER), announced(), 31).await.unwrap_err();
    assert!(matches!(met, Error::Unavailable { part: "database", .. }));
}

#[tokio::test]
async fn nothing_is_recorded_if_the_store_refuses_to_begin() {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.direct.expect_begin().times(1).returning(|_, _, _| Err(Error::unavailable("storage", "away")));
    ports.uploads.expect_begin().never();
    let met = ports.service().begin(&actor(OWNER), Some(FOLDER), announced(), 31).await.unwrap_err();
    assert!(matches!(met, Error::Unavailable { part: "storage", .. }));
}

#[tokio::test]
async fn an_upload_reports_its_progress() {
    let mut waiting = Ports::with_upload(upload());
    waiting.direct.expect_list_received().with(eq(upload().multipart()), eq(TEN)).times(1).returning(|_, _| Ok(vec![]));
    let progress = waiting.service().progress(&actor(OWNER), upload().id).await.unwrap();
    assert_eq!((progress.state, progress.received), (UploadState::Open, vec![]));

    for state in [UploadState::Open, UploadState::Complete(FILE)] {
        let mut ports = Ports::with_upload(Upload { state, ..upload() });
        // Everything has arrived for a complete upload, wherever it is by now.
        let asked = usize::from(state == UploadState::Open);
        ports.direct.expect_list_received().times(asked).returning(|_, _| Ok(vec![part(1, 10)]));
        let progress = ports.service().progress(&actor(OWNER), upload().id).await.unwrap();
        assert_eq!((progress.state, progress.received), (state, vec![part(1, 10)]));
    }
}

#[tokio::test]
async fn aborted_and_expired_uploads_have_no_parts() {
    let aborted = Upload { state: UploadState::Aborted, ..upload() };
    for (upload, state) in [(aborted, UploadState::Aborted), (upload(), UploadState::Expired)] {
        let id = upload.id;
        let mut ports = Ports::with_upload(upload);
        ports.direct.expect_list_received().never();
        let progress = ports.service_at(LATER).progress(&actor(OWNER), id).await.unwrap();
        assert_eq!((progress.state, progress.received), (state, vec![]));
    }
}

#[tokio::test]
async fn only_the_sender_finds_an_upload() {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.uploads.expect_find().with(eq(upload().id), eq(STRANGER)).times(4).returning(|_, _| Ok(None));
    ports.uploads.expect_find_abortable().with(eq(upload().id), eq(STRANGER)).times(1).returning(|_, _| Ok(None));
    let (service, stranger, id) = (ports.service(), actor(STRANGER), upload().id);
    assert!(matches!(service.progress(&stranger, id).await, Err(Error::NotFound)));
    assert!(matches!(service.sign_parts(&stranger, id, &[1]).await, Err(Error::NotFound)));
    assert!(matches!(service.complete(&stranger, id, CompletionOptions::default()).await, Err(Error::NotFound)));
    assert!(matches!(service.find_started(&stranger, id).await, Err(Error::NotFound)));
    assert!(matches!(service.abort(&stranger, id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_sender_who_lost_access_gets_no_fresh_urls() {
    for (found, forbidden) in
        [(located(folder(FOLDER), GUEST, None, None), false), (for_guest(folder(FOLDER), Permission::View), true)]
    {
        let theirs = Upload { sender: GUEST, ..upload() };
        let mut ports = Ports::with([found]);
        ports.uploads.expect_find().with(eq(theirs.id), eq(GUEST)).times(1).return_once(|_, _| Ok(Some(theirs)));
        // No URL is signed: the mock would panic.
        let refused = ports.service().find_started(&actor(GUEST), upload().id).await.unwrap_err();
        assert_eq!(matches!(refused, Error::Forbidden(_)), forbidden);
        assert_eq!(matches!(refused, Error::NotFound), !forbidden);
    }
}

/// As after the name of the store was changed. No URL is signed, and nothing is asked of the store that is there: the
/// mocks would panic.
#[tokio::test]
async fn an_upload_into_an_unknown_store_is_unavailable() {
    let elsewhere = || Ports::with_upload(Upload { store: Some(other_store()), ..upload() });
    let (sender, id) = (actor(OWNER), upload().id);
    let mut signing = elsewhere();
    signing.uploads.expect_extend().times(1).returning(|_, _, _, _| Ok(()));
    let mut completing = elsewhere();
    completing.uploads.expect_find().times(1).returning(|_, _| Ok(Some(upload())));
    let errors = [
        elsewhere().service().progress(&sender, id).await.unwrap_err(),
        signing.service().sign_parts(&sender, id, &[1]).await.unwrap_err(),
        elsewhere().service().find_started(&sender, id).await.unwrap_err(),
        completing.service().complete(&sender, id, CompletionOptions::default()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Unavailable { part: "storage", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_blob_that_is_gone_gets_no_urls() {
    let gone = Upload { state: UploadState::Complete(FILE), store: None, ..upload() };
    let refused = Ports::with_upload(gone).service().find_started(&actor(OWNER), upload().id).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_fresh_url_never_shortens_the_upload() {
    let far = Timestamp::from_millis(500_000);
    // Thirty days in total, no more.
    let (begun, old) = (upload().created_at, NOW.plus(MINUTE / 2).minus(MAX_UPLOAD_LIFETIME));
    let times = [
        (begun, LATER, NOW.plus(MINUTE)),
        (begun, far, far),
        (old, LATER, old.plus(MAX_UPLOAD_LIFETIME)),
        (old.minus(MAX_UPLOAD_LIFETIME), LATER, LATER),
    ];
    for (created_at, expires_at, until) in times {
        let file = FileInfo { sha256: Some(DIGEST), ..file_info_named("a.txt") };
        let mut ports = Ports::with_upload(Upload { created_at, expires_at, file, ..upload() });
        ports
            .uploads
            .expect_extend()
            .withf(move |by, folder, id, till| {
                (by, folder.node().id, id, till) == (&command(OWNER), FOLDER, &upload().id, &until)
            })
            .times(1)
            .returning(|_, _, _, _| Ok(()));
        ports
            .direct
            .expect_presign_put()
            .with(eq(upload().multipart()), eq(part(1, 10)), eq(Some(DIGEST)), eq(presented()), eq(NOW.plus(SECONDS)))
            .times(1)
            .returning(|_, _, _, _, _| Ok(url()));
        let (given, parts) = ports.service().sign_parts(&actor(OWNER), upload().id, &[1]).await.unwrap();
        assert_eq!(given, until);
        assert_eq!(parts.iter().map(|part| (part.number, part.size)).collect::<Vec<_>>(), [(1, 10)]);
    }
}

#[tokio::test]
async fn unknown_parts_are_not_signed() {
    for numbers in [&[][..], &[0], &[2], &[1, 2], &[1, 1]] {
        let mut ports = Ports::with_upload(upload());
        ports.uploads.expect_extend().never();
        let refused = ports.service().sign_parts(&actor(OWNER), upload().id, numbers).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{numbers:?}");
    }
    let streaming = Ports::with_upload(Upload { announced: None, ..upload() });
    let refused = streaming.service().sign_parts(&actor(OWNER), upload().id, &[1]).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

#[tokio::test]
async fn ended_uploads_get_neither_time_nor_urls() {
    for state in [UploadState::Aborted, UploadState::Complete(FILE)] {
        let mut ports = Ports::with_upload(Upload { state, ..upload() });
        ports.uploads.expect_extend().never();
        let refused = ports.service().sign_parts(&actor(OWNER), upload().id, &[1]).await;
        assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadClosed))));
    }
    let refused = Ports::with_upload(upload()).service_at(LATER).sign_parts(&actor(OWNER), upload().id, &[1]).await;
    assert!(matches!(refused, Err(Error::Gone(Gone::UploadExpired))));
}

/// Eleven parts and a bit.
const LONG: u64 = 11 * MIN_PART_BYTES + 7;

/// The upload of [`testing`](crate::testing), but large enough for multiple parts.
fn long() -> Upload {
    let file = FileInfo { sha256: Some(DIGEST), ..file_info_named("a.txt") };
    Upload { announced: Some(LONG), part_size: Some(MIN_PART_BYTES), multipart_id: multipart_id(), file, ..upload() }
}

#[tokio::test]
async fn a_multipart_upload_begins_with_the_first_hundred_urls() {
    // The digest of a multi-part upload is stored, but not signed into any URL.
    let size = 150 * MIN_PART_BYTES - 1;
    let plan = PartPlan::new(size, USUAL);
    let mut ports = Ports::beginning(Quota { total: size, used: 0, reserved: 0 });
    ports
        .direct
        .expect_begin()
        .with(eq(nth_key(1)), eq(plan), eq(presented()))
        .times(1)
        .returning(|_, _, _| Ok(multipart_id()));
    let signed = ports
        .direct
        .expect_presign_put()
        .withf(|_, part, sha256, _, _| part.size == MIN_PART_BYTES && sha256.is_none());
    signed.times(100).returning(|_, _, _, _, _| Ok(url()));
    let begun = ports.service().begin(&actor(OWNER), Some(FOLDER), announced(), size).await.unwrap();
    assert_eq!((begun.plan, begun.plan.count()), (plan, 150));
    let upload = begun.progress.upload;
    assert_eq!((upload.announced, upload.part_size), (Some(size), Some(MIN_PART_BYTES)));
    assert_eq!((upload.file.sha256, upload.plan()), (Some(DIGEST), Some(plan)));
    assert!(begun.parts.iter().map(|part| part.number).eq(1..=100));
}

#[tokio::test]
async fn any_part_gets_a_fresh_url_in_the_order_asked_for() {
    let mut ports = Ports::with_upload(long());
    ports.uploads.expect_extend().times(1).returning(|_, _, _, _| Ok(()));
    let signed = ports
        .direct
        .expect_presign_put()
        .withf(|multipart, _, sha256, _, _| *multipart == long().multipart() && sha256.is_none());
    signed.times(3).returning(|_, _, _, _, _| Ok(url()));
    let (_, parts) = ports.service().sign_parts(&actor(OWNER), upload().id, &[12, 1, 11]).await.unwrap();
    let signed: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
    assert_eq!(signed, [(12, 7), (1, MIN_PART_BYTES), (11, MIN_PART_BYTES)]);
}

#[tokio::test]
async fn part_numbers_must_be_known_distinct_and_limited() {
    let too_many: Vec<u32> = (1..=1001).collect();
    for numbers in [&[][..], &[0], &[13], &[1, 13], &[2, 3, 2], &[u32::MAX], &too_many] {
        let mut ports = Ports::with_upload(long());
        ports.uploads.expect_extend().never();
        let refused = ports.service().sign_parts(&actor(OWNER), upload().id, numbers).await;
        let Err(Error::Invalid(violations)) = refused else { panic!("{numbers:?}") };
        assert_eq!(violations[0].field, Field::PartNumbers, "{numbers:?}");
    }
    let mut ports = Ports::with_upload(Upload { announced: Some(1001 * MIN_PART_BYTES), ..long() });
    ports.uploads.expect_extend().times(1).returning(|_, _, _, _| Ok(()));
    ports.direct.expect_presign_put().times(1000).returning(|_, _, _, _, _| Ok(url()));
    let (_, parts) = ports.service().sign_parts(&actor(OWNER), upload().id, &too_many[..1000]).await.unwrap();
    assert_eq!(parts.len(), 1000);
}
