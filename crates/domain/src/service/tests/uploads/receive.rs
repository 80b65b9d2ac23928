use super::*;

/// What comes of streaming `body` into [`FOLDER`] as its owner.
async fn refused_stream(ports: Ports, announced: Option<u64>, body: ByteStream) -> Error {
    ports.service().receive(&actor(OWNER), Some(FOLDER), file_info("a.txt"), announced, body).await.unwrap_err()
}

#[tokio::test]
async fn a_stream_is_recorded_stored_and_committed_in_this_order() {
    // The length is known, or it is bounded by what is free.
    for (size, length) in [(Some(5), Length::Exactly(5)), (None, Length::AtMost(30))] {
        let mut ports = Ports::with([for_owner(folder(FOLDER))]);
        ports.store.expect_name().returning(|| StoreName("disk"));
        let grant = leave(&for_owner(folder(FOLDER)), Action::AddTo);
        let info = FileInfo { conflict: ConflictPolicy::Replace, ..announced() };
        let opening = Opening { upload: begun(info.clone(), None, FOLDER), store: StoreName("disk"), most_open: 20 };
        let mut order = Sequence::new();
        ports
            .uploads
            .expect_begin()
            .with(eq(command(OWNER)), eq(grant.clone()), eq(opening))
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _, _| Ok(QUOTA));
        let expected = Expected { length, sha256: Some(DIGEST) };
        ports
            .store
            .expect_put()
            .withf(move |key, _, given| *key == made_key(1) && *given == expected)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, body, _| {
                assert_eq!(drain(body)?, b"hello");
                Ok(stored(5))
            });
        let commit = Commit {
            upload: made(2),
            blob: made_key(1),
            stored: stored(5),
            conflict: ConflictPolicy::Replace,
            file: made(3),
            version: made(4),
            most_versions: 7,
        };
        ports
            .uploads
            .expect_commit()
            .with(eq(command(OWNER)), eq(grant), eq(commit))
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _, _| Ok(for_owner(file(FILE))));
        let entry = ports.service().receive(&actor(OWNER), Some(FOLDER), info, size, hello()).await.unwrap();
        assert_eq!(entry.node.id, FILE);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let mut ports = Ports::beginning(QUOTA).given_up();
    ports.store.expect_put().times(1).returning(|_, body, _| drain(body).map(|_| stored(5)));
    ports.uploads.expect_commit().never();
    let broken = body([Ok("hel"), Err(Error::Refused(Refused::Interrupted))]);
    assert!(matches!(refused_stream(ports, None, broken).await, Error::Refused(Refused::Interrupted)));
}

#[tokio::test]
async fn a_commit_that_is_refused_leaves_nothing() {
    let mut ports = Ports::beginning(QUOTA).given_up();
    ports.store.expect_put().times(1).returning(|_, _, _| Ok(stored(5)));
    ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(name_taken()));
    let fault = refused_stream(ports, Some(5), hello()).await;
    assert!(matches!(fault, Error::Conflict(Conflict::NameTaken(_))));
}

#[tokio::test]
async fn bytes_that_may_be_a_files_by_now_are_not_removed() {
    // The connection broke during the commit: it may have happened, or nobody can tell.
    let later: [fn() -> Error; 2] = [|| Error::Conflict(Conflict::UploadClosed), outage];
    for fault in later {
        let mut ports = Ports::beginning(QUOTA);
        ports.store.expect_put().times(1).returning(|_, _, _| Ok(stored(5)));
        ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(outage()));
        ports.uploads.expect_abort().times(1).returning(move |_, _| Err(fault()));
        ports.store.expect_delete().never();
        let met = refused_stream(ports, None, hello()).await;
        assert!(matches!(met, Error::Unavailable { part: "database", .. }));
    }
}

#[tokio::test]
async fn the_caller_is_told_of_the_first_fault() {
    let mut ports = Ports::beginning(QUOTA);
    ports.store.expect_put().returning(|_, _, _| Err(Error::Refused(Refused::Checksum)));
    ports.uploads.expect_abort().times(1).returning(|_, _| Ok(()));
    ports.store.expect_delete().times(1).returning(|_| Err(Error::unavailable("storage", "gone")));
    assert!(matches!(refused_stream(ports, None, hello()).await, Error::Refused(Refused::Checksum)));
}

#[tokio::test]
async fn what_streamed_in_and_cannot_be_deleted_stays_reserved() {
    let mut ports = Ports::beginning(QUOTA);
    ports.store.expect_put().times(1).returning(|_, _, _| Ok(stored(5)));
    ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(name_taken()));
    ports.uploads.expect_abort().times(1).returning(|_, _| Ok(()));
    ports.store.expect_delete().times(1).returning(|_| Err(Error::unavailable("storage", "gone")));
    let hold = ports.records.expect_hold().withf(|key, _, bytes| *key == made_key(1) && *bytes == 5);
    hold.times(1).returning(|_, _, _| Ok(()));
    assert!(matches!(refused_stream(ports, None, hello()).await, Error::Conflict(Conflict::NameTaken(_))));
}

#[tokio::test]
async fn what_never_began_is_not_given_up() {
    let mut ports = Ports::with([for_owner(folder(FOLDER))]);
    ports.store.expect_name().returning(|| StoreName("disk"));
    ports.uploads.expect_begin().times(1).returning(|_, _, _| Err(name_taken()));
    ports.uploads.expect_abort().never();
    let fault = refused_stream(ports, None, hello()).await;
    assert!(matches!(fault, Error::Conflict(Conflict::NameTaken(_))));
}

#[tokio::test]
async fn a_stream_that_outgrows_the_drive_is_over_quota() {
    let mut unknown = Ports::beginning(QUOTA).given_up();
    unknown.store.expect_put().times(1).returning(|_, _, _| Err(Error::Refused(Refused::TooLarge { limit: 30 })));
    let fault = refused_stream(unknown, None, hello()).await;
    assert!(matches!(fault, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })));

    let mut known = Ports::beginning(QUOTA).given_up();
    known.store.expect_put().never();
    let fault = refused_stream(known, Some(31), hello()).await;
    assert!(matches!(fault, Error::Forbidden(Forbidden::Quota { quota: QUOTA, needed: 31 })));
}

#[tokio::test]
async fn a_stream_that_outgrows_every_file_is_too_large_however_much_is_free() {
    let ample = Quota { total: MAX_FILE_BYTES * 2, used: 0, reserved: 0 };
    let mut ports = Ports::beginning(ample).given_up();
    ports
        .store
        .expect_put()
        .withf(|_, _, expected| expected.length == Length::AtMost(MAX_FILE_BYTES))
        .times(1)
        .returning(|_, _, _| Err(Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES })));
    let fault = refused_stream(ports, None, hello()).await;
    assert!(matches!(fault, Error::Refused(Refused::TooLarge { limit: MAX_FILE_BYTES })));
}

#[tokio::test]
async fn a_stream_that_outgrows_what_the_store_takes_is_too_large_however_much_is_free() {
    let mut ports = Ports::beginning(QUOTA).given_up();
    ports.store.expect_put().times(1).returning(|_, _, _| Err(Error::Refused(Refused::TooLarge { limit: 29 })));
    let fault = refused_stream(ports, None, hello()).await;
    assert!(matches!(fault, Error::Refused(Refused::TooLarge { limit: 29 })));
}
