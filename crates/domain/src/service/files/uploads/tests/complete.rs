use super::*;
use crate::testing::blob;

#[tokio::test]
async fn the_conflict_policy_of_completion_takes_precedence() {
    for (given, expected) in [(None, ConflictPolicy::Fail), (Some(ConflictPolicy::Keep), ConflictPolicy::Keep)] {
        let arrived = Stored { size: 10, sha256: Some(DIGEST), ..Stored::default() };
        let mut ports = Ports::with_upload(upload()).arrived(arrived.clone());
        let commit = Commit {
            upload: upload().id,
            blob: blob(),
            stored: arrived,
            conflict: expected,
            file: made(1),
            version: made(2),
            max_versions: 7,
        };
        ports
            .uploads
            .expect_commit()
            .with(eq(command(OWNER)), eq(grant_for(&for_owner(folder(FOLDER)), Action::AddTo)), eq(commit))
            .times(1)
            .returning(|_, _, commit| Ok(for_owner(file(commit.file)).into()));
        let given = CompletionOptions { conflict: given, sha256: None };
        let entry = ports.service().complete(&actor(OWNER), upload().id, given).await.unwrap();
        assert_eq!(entry.node.id, made(1));
    }
}

/// The only part of [`upload`] is missing.
fn incomplete() -> Error {
    TEN.check(&[]).unwrap_err()
}

/// An upload without bytes, whose state is `then` on the second look.
fn without_bytes(then: UploadState) -> Ports {
    let mut ports = Ports::with_upload(upload());
    ports.uploads.expect_find().times(1).return_once(move |_, _| Ok(Some(Upload { state: then, ..upload() })));
    ports.direct.expect_finish().times(1).returning(|_, _, _| Err(incomplete()));
    ports.uploads.expect_commit().never();
    ports
}

#[tokio::test]
async fn bytes_that_have_not_arrived_make_no_file() {
    let refused = without_bytes(UploadState::Open)
        .service()
        .complete(&actor(OWNER), upload().id, CompletionOptions::default())
        .await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadIncomplete(missing))) if missing.first() == [1]));
}

#[tokio::test]
async fn an_upload_aborted_meanwhile_is_closed_not_incomplete() {
    let refused = without_bytes(UploadState::Aborted)
        .service()
        .complete(&actor(OWNER), upload().id, CompletionOptions::default())
        .await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn an_upload_whose_sender_loses_access_meanwhile_is_not_found() {
    let mut ports = without_bytes(UploadState::Aborted);
    let mut answers = [Some(for_owner(folder(FOLDER))), None].into_iter();
    ports.drive = MockNodeRepository::new();
    ports.drive.expect_find().times(2).returning(move |_, _| Ok(answers.next().flatten()));
    let refused = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn concurrent_completions_return_the_same_file() {
    // The concurrent request has finished the multipart upload, so this one finds no bytes, and has committed since.
    let mut ports = without_bytes(UploadState::Complete(FILE));
    ports.drive = drive_with([for_owner(folder(FOLDER)), for_owner(file(FILE))]);
    let entry = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
    assert_eq!(entry.node.id, FILE);
}

#[tokio::test]
async fn mismatched_bytes_make_no_file() {
    for refusal in [Refused::Size, Refused::Checksum] {
        let mut ports = Ports::with_upload(Upload { file: announced(), ..upload() });
        let finish = ports.direct.expect_finish().with(eq(upload().multipart()), eq(TEN), eq(Some(DIGEST)));
        let refused = refusal.clone();
        finish.times(1).returning(move |_, _, _| Err(Error::Refused(refused.clone())));
        ports.uploads.expect_commit().never();
        let outcome = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
        assert!(matches!(outcome, Err(Error::Refused(met)) if met == refusal));
    }
}

#[tokio::test]
async fn completing_again_returns_the_same_file() {
    let complete = Upload { state: UploadState::Complete(FILE), ..upload() };
    let mut ports = Ports::with_upload(complete.clone());
    ports.drive = drive_with([for_owner(file(FILE))]);
    ports.uploads.expect_commit().never();
    ports.direct.expect_finish().never();
    // Even long after the upload would have expired.
    let entry =
        ports.service_at(LATER).complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
    assert_eq!(entry.node.id, FILE);

    for gone in [vec![], vec![trashed(for_owner(file(FILE)))]] {
        let mut ports = Ports::with_upload(complete.clone());
        ports.drive = drive_with(gone);
        let answer = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
        assert!(matches!(answer, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn aborted_and_expired_uploads_are_not_completed() {
    let aborted = Ports::with_upload(Upload { state: UploadState::Aborted, ..upload() });
    let refused = aborted.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadClosed))));
    let expired = Ports::with_upload(upload());
    let refused = expired.service_at(LATER).complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::Gone(Gone::UploadExpired))));
}

#[tokio::test]
async fn a_sender_who_lost_access_completes_nothing() {
    let sent_by = |user: UserId, found: Located| {
        let mut ports = Ports::with([found]);
        let upload = Upload { sender: user, ..upload() };
        ports.uploads.expect_find().return_once(|_, _| Ok(Some(upload)));
        ports.uploads.expect_commit().never();
        ports.service()
    };
    let demoted = sent_by(GUEST, for_guest(folder(FOLDER), Permission::View));
    let refused = demoted.complete(&actor(GUEST), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(Forbidden::Permission))));
    let revoked = sent_by(STRANGER, for_outsider(folder(FOLDER)));
    assert!(matches!(
        revoked.complete(&actor(STRANGER), upload().id, CompletionOptions::default()).await,
        Err(Error::NotFound)
    ));
    let trashed_root = sent_by(OWNER, trashed(for_owner(folder(FOLDER))));
    assert!(matches!(
        trashed_root.complete(&actor(OWNER), upload().id, CompletionOptions::default()).await,
        Err(Error::NotFound)
    ));
}

#[tokio::test]
async fn an_upload_whose_name_is_taken_stays_open_for_another_try() {
    let mut ports = Ports::with_upload(upload()).arrived(stored(10));
    ports.uploads.expect_commit().times(1).returning(|_, _, _| Err(name_taken()));
    ports.uploads.expect_abort().never();
    ports.store.expect_abort().never();
    let refused = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::NameTaken(_)))));
}

#[tokio::test]
async fn only_the_owner_learns_the_usage_of_the_drive_into_which_an_upload_does_not_fit() {
    let refusal = async |found: Located, error: fn() -> Error| {
        let sender = found.viewer.user().unwrap();
        let mut ports = Ports::with([found]).arrived(stored(10));
        ports.uploads.expect_find().times(1).return_once(move |_, _| Ok(Some(Upload { sender, ..upload() })));
        ports.uploads.expect_commit().times(1).returning(move |_, _, _| Err(error()));
        let refused = ports.service().complete(&actor(sender), upload().id, CompletionOptions::default()).await;
        match refused.unwrap_err() {
            Error::Forbidden(forbidden) => forbidden,
            other => panic!("{other}"),
        }
    };
    let owned = refusal(for_owner(folder(FOLDER)), quota_exceeded).await;
    assert!(matches!(owned, Forbidden::Quota { quota: QUOTA, needed: 31 }), "{owned:?}");
    let owned = refusal(for_owner(folder(FOLDER)), entry_quota_exceeded).await;
    assert!(matches!(owned, Forbidden::Entries { needed: 1, .. }), "{owned:?}");
    let shared = || for_guest_of_parent(folder(FOLDER), Permission::Edit);
    let foreign = refusal(shared(), quota_exceeded).await;
    assert!(matches!(foreign, Forbidden::QuotaOfOwner { needed: Some(31) }), "{foreign:?}");
    let foreign = refusal(shared(), entry_quota_exceeded).await;
    assert!(matches!(foreign, Forbidden::QuotaOfOwner { needed: None }), "{foreign:?}");
}

#[tokio::test]
async fn an_open_upload_is_aborted_once() {
    let mut ports = Ports::with_abortable(upload());
    ports.uploads.expect_abort().with(eq(command(OWNER)), eq(upload().id)).times(1).returning(|_, _| Ok(()));
    ports.store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Ok(()));
    ports.discarded_at(NOW);
    assert!(ports.service().abort(&actor(OWNER), upload().id).await.is_ok());

    for (state, now) in [(UploadState::Aborted, NOW), (UploadState::Expired, NOW), (UploadState::Open, LATER)] {
        let mut ports = Ports::with_abortable(Upload { state, ..upload() });
        ports.uploads.expect_abort().never();
        assert!(ports.service_at(now).abort(&actor(OWNER), upload().id).await.is_ok());
    }
}

#[tokio::test]
async fn undeletable_bytes_that_arrived_stay_reserved() {
    // If it cannot be found out what arrived, no more than was announced.
    let cases = [(Some(4), Some(4)), (Some(0), None), (None, Some(10))];
    for (received, held) in cases {
        let mut ports = Ports::with_abortable(upload());
        ports.uploads.expect_abort().times(1).returning(|_, _| Ok(()));
        ports.store.expect_abort().times(1).returning(|_| Err(Error::unavailable("storage", "gone")));
        let ask = ports.store.expect_received_bytes().with(eq(upload().multipart()));
        ask.times(1).returning(move |_| received.ok_or_else(outage));
        if let Some(bytes) = held {
            let hold = ports.records.expect_hold().with(eq(upload().blob), eq(upload().drive), eq(bytes));
            hold.times(1).returning(|_, _, _| Ok(()));
        }
        assert!(ports.service().abort(&actor(OWNER), upload().id).await.is_ok());
    }
}

#[tokio::test]
async fn the_bytes_of_versions_that_a_commit_made_superfluous_are_deleted() {
    let mut ports = Ports::with_upload(upload()).arrived(stored(10));
    let saved = SavedNode { located: for_owner(file(FILE)), freed: vec![nth_blob(8), nth_blob(9)] };
    ports.uploads.expect_commit().times(1).return_once(|_, _, _| Ok(saved));
    // Blobs that cannot be deleted keep their records and still count.
    ports.store.expect_delete().with(eq(nth_key(8))).times(1).returning(|_| Err(outage()));
    ports.store.expect_delete().with(eq(nth_key(9))).times(1).returning(|_| Ok(()));
    let removal = ports.records.expect_remove().withf(|_, keys| keys == [nth_key(9)]);
    removal.times(1).returning(|_, _| Ok(()));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_completed_upload_cannot_be_aborted() {
    let mut ports = Ports::with_abortable(Upload { state: UploadState::Complete(FILE), ..upload() });
    ports.uploads.expect_abort().never();
    let refused = ports.service().abort(&actor(OWNER), upload().id).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadClosed))));
}

#[tokio::test]
async fn every_command_has_the_current_time() {
    let at = Timestamp::from_millis(30_999);
    let mut ports = Ports::with_abortable(upload());
    ports.uploads.expect_abort().with(eq(command_at(OWNER, at)), eq(upload().id)).times(1).returning(|_, _| Ok(()));
    ports.store.expect_abort().with(eq(upload().multipart())).times(1).returning(|_| Ok(()));
    ports.discarded_at(at);
    assert!(ports.service_at(at).abort(&actor(OWNER), upload().id).await.is_ok());
}

#[tokio::test]
async fn a_multipart_digest_is_not_reported_as_verified() {
    let plan = PartPlan::new(3 * MIN_PART_BYTES, USUAL);
    let long = Upload { announced: Some(plan.size()), part_size: plan.cut(), file: announced(), ..upload() };
    let mut ports = Ports::with_upload(long.clone());
    let finish = ports.direct.expect_finish().with(eq(long.multipart()), eq(plan), eq(None));
    finish.times(1).returning(move |_, plan, _| Ok(stored(plan.size())));
    ports
        .uploads
        .expect_commit()
        .withf(move |_, _, commit| commit.stored == stored(plan.size()))
        .times(1)
        .returning(|_, _, commit| Ok(for_owner(file(commit.file)).into()));
    ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await.unwrap();
}

#[tokio::test]
async fn missing_parts_are_reported() {
    let plan = PartPlan::new(3 * MIN_PART_BYTES, USUAL);
    let long = Upload { announced: Some(plan.size()), part_size: plan.cut(), ..upload() };
    let mut ports = Ports::with_upload(long.clone());
    ports.uploads.expect_find().times(1).return_once(move |_, _| Ok(Some(long)));
    let arrived = [part(2, MIN_PART_BYTES)];
    ports.direct.expect_finish().times(1).returning(move |_, plan, _| Err(plan.check(&arrived).unwrap_err()));
    ports.uploads.expect_commit().never();
    let refused = ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::UploadIncomplete(missing))) if missing.first() == [1, 3]));
}

#[tokio::test]
async fn streamed_uploads_cannot_be_completed() {
    let mut ports = Ports::with_upload(Upload { announced: None, ..upload() });
    ports.direct.expect_finish().never();
    assert!(matches!(
        ports.service().complete(&actor(OWNER), upload().id, CompletionOptions::default()).await,
        Err(Error::NotFound)
    ));
}
