use super::*;

/// The sender's description of a file that goes into `folder`.
fn streamed(folder: Option<NodeId>, file: FileInfo, announced: Option<u64>) -> StreamedFile {
    StreamedFile { folder, file, announced }
}

/// The error of streaming `body` into [`FOLDER`] as its owner.
async fn refused_stream(ports: Ports, announced: Option<u64>, body: ByteStream) -> Error {
    let service = ports.service();
    let permit = match service.admit(&actor(OWNER), Some(FOLDER), announced, None).await {
        Ok(permit) => permit,
        Err(error) => return error,
    };
    let given = async move { Ok(streamed(Some(FOLDER), file_info_named("a.txt"), announced)) };
    service.receive(&actor(OWNER), permit, body, given).await.unwrap_err()
}

/// The owner's [`FOLDER`], into which bytes are streamed.
fn receiving() -> Ports {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.records.expect_record().with(eq(nth_key(1)), eq(store_name()), eq(NOW)).returning(|_, _, _| Ok(()));
    ports
}

/// The same, and the bytes are deleted again.
fn given_up() -> Ports {
    let mut ports = receiving();
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Ok(()));
    ports
}

fn new_file(file: FileInfo) -> ReceivedFile {
    ReceivedFile { file: made(2), version: made(3), blob: nth_blob(1), stored: stored(5), info: file, max_versions: 7 }
}

#[tokio::test]
async fn a_stream_is_recorded_then_stored_then_created() {
    // The length is either announced or bounded by the free space.
    for (size, length) in [(Some(5), Length::Exactly(5)), (None, Length::AtMost(30))] {
        let mut ports = Ports::with([for_owner(folder(FOLDER))]);
        let grant = grant_for(&for_owner(folder(FOLDER)), Action::AddTo);
        let info = FileInfo { conflict: ConflictPolicy::Replace, ..announced() };
        let mut order = Sequence::new();
        let record = ports.records.expect_record().with(eq(nth_key(1)), eq(store_name()), eq(NOW));
        record.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
        let expected = Expected { length, sha256: Some(DIGEST) };
        let put = ports.store.expect_put().withf(move |key, _, given, content_headers| {
            *key == nth_key(1) && *given == expected && *content_headers == presented()
        });
        put.times(1).in_sequence(&mut order).returning(|_, body, _, _| {
            assert_eq!(drain(body)?, b"hello");
            Ok(stored(5))
        });
        let create = ports.uploads.expect_create().with(eq(command(OWNER)), eq(grant), eq(new_file(info.clone())));
        create.times(1).in_sequence(&mut order).returning(|_, _, _| Ok(for_owner(file(FILE)).into()));
        let service = ports.service();
        let permit = service.admit(&actor(OWNER), Some(FOLDER), size, Some(DIGEST)).await.unwrap();
        let permit = permit.presented_as(info.name.clone(), &info.media_type);
        let given = async move { Ok(streamed(Some(FOLDER), info, size)) };
        let entry = service.receive(&actor(OWNER), permit, hello(), given).await.unwrap();
        assert_eq!(entry.node.id, FILE);
    }
}

#[tokio::test]
async fn metadata_may_follow_the_bytes() {
    let mut ports = receiving();
    // The target drive is unknown: the total of the caller's own drive is the bound, however full it is.
    let put = ports.store.expect_put().withf(|_, _, given, _| given.length == Length::AtMost(100));
    put.times(1).returning(|_, _, _, _| Ok(stored(5)));
    let grant = grant_for(&for_owner(folder(FOLDER)), Action::AddTo);
    let create =
        ports.uploads.expect_create().with(eq(command(OWNER)), eq(grant), eq(new_file(file_info_named("late"))));
    create.times(1).returning(|_, _, _| Ok(for_owner(file(FILE)).into()));
    let service = ports.service();
    let permit = service.admit(&actor(OWNER), None, None, None).await.unwrap();
    let given = async { Ok(streamed(Some(FOLDER), file_info_named("late"), Some(5))) };
    service.receive(&actor(OWNER), permit, hello(), given).await.unwrap();
}

#[tokio::test]
async fn bytes_that_contradict_later_metadata_leave_nothing() {
    let other = Some(Sha256::from_bytes([8; 32]));
    for (file, size, is_expected) in [
        (file_info_named("a"), Some(6), (|error| matches!(error, Error::Refused(Refused::Size))) as fn(&Error) -> bool),
        (FileInfo { sha256: other, ..file_info_named("a") }, None, |error| {
            matches!(error, Error::Refused(Refused::Checksum))
        }),
    ] {
        let mut ports = given_up();
        let stored = Stored { size: 5, sha256: Some(DIGEST), ..Stored::default() };
        ports.store.expect_put().times(1).return_once(move |_, _, _, _| Ok(stored));
        let service = ports.service();
        let permit = service.admit(&actor(OWNER), None, None, None).await.unwrap();
        let given = async move { Ok(streamed(None, file, size)) };
        let error = service.receive(&actor(OWNER), permit, hello(), given).await.unwrap_err();
        assert!(is_expected(&error), "{error:?}");
    }
}

#[tokio::test]
async fn a_folder_named_late_is_authorized_too() {
    for (named, visible) in [(FOLDER, true), (FILE, false)] {
        let service = Ports::with([for_guest(folder(FOLDER), Permission::View)]).service();
        let refused = service.admit(&actor(GUEST), Some(named), None, None).await.err().unwrap();
        assert_eq!(matches!(refused, Error::Forbidden(Forbidden::Permission)), visible);
        assert_eq!(matches!(refused, Error::NotFound), !visible);
    }
    let mut ports = given_up();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    let service = ports.service();
    let permit = service.admit(&actor(OWNER), None, None, None).await.unwrap();
    let given = async { Ok(streamed(Some(FILE), file_info_named("a"), None)) };
    let refused = service.receive(&actor(OWNER), permit, hello(), given).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let mut ports = given_up();
    ports.store.expect_put().times(1).returning(|_, body, _, _| drain(body).map(|_| stored(5)));
    let broken = body([Ok("hel"), Err(Error::Refused(Refused::Interrupted))]);
    assert!(matches!(refused_stream(ports, None, broken).await, Error::Refused(Refused::Interrupted)));
}

#[tokio::test]
async fn a_file_that_is_refused_leaves_nothing() {
    let mut ports = given_up();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    ports.uploads.expect_create().times(1).returning(|_, _, _| Err(name_taken()));
    let error = refused_stream(ports, Some(5), hello()).await;
    assert!(matches!(error, Error::Conflict(Conflict::NameTaken(_))));
}

#[tokio::test]
async fn undeletable_bytes_of_a_refused_file_stay_reserved() {
    let mut ports = receiving();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    ports.uploads.expect_create().times(1).returning(|_, _, _| Err(name_taken()));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Err(outage()));
    let hold = ports.records.expect_hold().with(eq(nth_key(1)), eq(folder(FOLDER).drive), eq(5));
    hold.times(1).returning(|_, _, _| Ok(()));
    let error = refused_stream(ports, Some(5), hello()).await;
    assert!(matches!(error, Error::Conflict(Conflict::NameTaken(_))));
}

#[tokio::test]
async fn the_bytes_of_versions_that_a_form_made_superfluous_are_deleted() {
    let mut ports = receiving();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    let saved = SavedNode { located: for_owner(file(FILE)), freed: vec![nth_blob(8)] };
    ports.uploads.expect_create().times(1).return_once(|_, _, _| Ok(saved));
    ports.store.expect_delete().with(eq(nth_key(8))).times(1).returning(|_| Ok(()));
    let removal = ports.records.expect_remove().withf(|_, keys| keys == [nth_key(8)]);
    removal.times(1).returning(|_, _| Ok(()));
    let service = ports.service();
    let permit = service.admit(&actor(OWNER), Some(FOLDER), Some(5), None).await.unwrap();
    let given = async { Ok(streamed(Some(FOLDER), file_info_named("a.txt"), Some(5))) };
    service.receive(&actor(OWNER), permit, hello(), given).await.unwrap();
}

#[tokio::test]
async fn bytes_that_may_be_a_files_by_now_are_not_removed() {
    // The connection broke during the commit: it may have succeeded.
    let mut ports = receiving();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    ports.uploads.expect_create().times(1).returning(|_, _, _| Err(outage()));
    ports.store.expect_delete().never();
    let met = refused_stream(ports, None, hello()).await;
    assert!(matches!(met, Error::Unavailable { part: "database", .. }));
}

/// The server's own failures, which say nothing about a commit that was not tried.
fn failures() -> [Error; 2] {
    [outage(), Error::internal("storage", "no answer")]
}

#[tokio::test]
async fn a_failure_before_the_commit_leaves_nothing() {
    let is_failure = |error: &Error| matches!(error, Error::Unavailable { .. } | Error::Internal { .. });
    // The bytes cannot be stored, or not surely.
    for error in failures() {
        let mut ports = given_up();
        ports.store.expect_put().times(1).return_once(|_, _, _, _| Err(error));
        ports.uploads.expect_create().never();
        assert!(is_failure(&refused_stream(ports, None, hello()).await));
    }
    // The form cannot be read to its end.
    for error in failures() {
        let mut ports = given_up();
        ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
        ports.uploads.expect_create().never();
        let service = ports.service();
        let permit = service.admit(&actor(OWNER), Some(FOLDER), None, None).await.unwrap();
        let met = service.receive(&actor(OWNER), permit, hello(), async { Err(error) }).await.unwrap_err();
        assert!(is_failure(&met));
    }
    // The folder that is named late cannot be looked up.
    for error in failures() {
        let mut ports = given_up();
        ports.drive = MockNodeRepository::new();
        ports.drive.expect_find_user_drive().returning(|_| Ok(Some(user_drive())));
        ports.drive.expect_find().times(1).return_once(|_, _| Err(error));
        ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
        ports.uploads.expect_create().never();
        let service = ports.service();
        let permit = service.admit(&actor(OWNER), None, None, None).await.unwrap();
        let given = async { Ok(streamed(Some(FOLDER), file_info_named("a"), None)) };
        assert!(is_failure(&service.receive(&actor(OWNER), permit, hello(), given).await.unwrap_err()));
    }
}

#[tokio::test]
async fn undeletable_bytes_stay_reserved_after_a_failure_before_the_commit() {
    let mut ports = receiving();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    ports.store.expect_delete().with(eq(nth_key(1))).times(1).returning(|_| Err(outage()));
    let hold = ports.records.expect_hold().with(eq(nth_key(1)), eq(folder(FOLDER).drive), eq(5));
    hold.times(1).returning(|_, _, _| Ok(()));
    let service = ports.service();
    let permit = service.admit(&actor(OWNER), Some(FOLDER), None, None).await.unwrap();
    let met = service.receive(&actor(OWNER), permit, hello(), async { Err(outage()) }).await.unwrap_err();
    assert!(matches!(met, Error::Unavailable { .. }));
}

#[tokio::test]
async fn the_first_error_is_returned() {
    let mut ports = receiving();
    ports.store.expect_put().returning(|_, _, _, _| Err(Error::Refused(Refused::Checksum)));
    ports.store.expect_delete().times(1).returning(|_| Err(Error::unavailable("storage", "gone")));
    assert!(matches!(refused_stream(ports, None, hello()).await, Error::Refused(Refused::Checksum)));
}

#[tokio::test]
async fn bytes_that_took_too_long_are_expired() {
    let mut ports = given_up();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Ok(stored(5)));
    ports.uploads.expect_create().never();
    let service = ports.service_in(context_with_fast_clock());
    let permit = service.admit(&actor(OWNER), Some(FOLDER), None, None).await.unwrap();
    let given = async { Ok(streamed(Some(FOLDER), file_info_named("a"), None)) };
    let error = service.receive(&actor(OWNER), permit, hello(), given).await.unwrap_err();
    assert!(matches!(error, Error::Gone(Gone::UploadExpired)));
}

#[tokio::test]
async fn a_stream_that_outgrows_the_drive_is_over_quota() {
    let mut unknown = given_up();
    unknown.store.expect_put().times(1).returning(|_, _, _, _| Err(Error::Refused(Refused::TooLarge { limit: 30 })));
    let error = refused_stream(unknown, None, hello()).await;
    assert!(matches!(error, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })));

    let known = Ports::with([for_owner(folder(FOLDER))]);
    let error = refused_stream(known, Some(31), hello()).await;
    assert!(matches!(error, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })));
}

#[tokio::test]
async fn a_stream_past_the_file_or_store_limit_is_too_large() {
    let error = refused_stream(Ports::default(), Some(MAX_FILE_BYTES + 1), hello()).await;
    assert!(matches!(error, Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES })));
    let mut ports = given_up();
    ports.store.expect_put().times(1).returning(|_, _, _, _| Err(Error::Refused(Refused::TooLarge { limit: 29 })));
    let error = refused_stream(ports, None, hello()).await;
    assert!(matches!(error, Error::Refused(Refused::TooLarge { limit: 29 })));
}
