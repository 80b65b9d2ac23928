//! Conformance suite for [`IdempotencyRepository`](clouddrive_domain::port::IdempotencyRepository) and every port whose
//! commands may carry one.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, Command, CommandOutcome, ConflictPolicy, IdempotencyKey, IdempotencyRecord, KeyedRequest, MediaType,
    Permission, Sha256, Stored, Timestamp, UserId,
};
use clouddrive_domain::port::{ClaimOutcome, Expiry, NewContent, NewShare};
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use crate::case::persistence_suite;
use crate::fixture::{ALL, LIFETIME, TestUser, assert_refused, in_store, name};

const HOLD: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3600);

persistence_suite! {
    $ idempotency_records uses
        BlobRecordRepository, NodeRepository, LinkRepository, IdempotencyRepository, ShareRepository, UploadRepository,
        UserRepository, VersionRepository;

    self of "`IdempotencyRepository::claim`: Of any number of concurrent claims on the same request exactly one succeeds." {
        concurrent_repeats_execute_once,
    }

    self of "`IdempotencyRepository::claim`: Claims the record." {
        a_request_is_named_by_its_caller_its_path_and_its_key,
        a_second_claim_waits_for_the_first_to_commit,
    }

    self of "`ClaimOutcome`: It completed with this stored answer." {
        repeats_get_the_stored_answer,
    }

    self of "`ClaimOutcome`: It had different content." {
        a_different_request_with_the_same_key_is_refused,
        a_request_is_the_same_by_the_digest_that_it_had_before,
    }

    self of "`IdempotencyRepository::release`: Releases the record if it is still held without an answer" {
        released_requests_may_be_sent_again,
        only_the_holder_releases_a_record,
    }

    self of "`IdempotencyRepository::claim`: A record without an answer is free again after its hold expires" {
        a_record_passes_on_when_its_time_runs_out,
    }

    self of "`IdempotencyRepository`: and change nothing, if another request holds the record by then or it has an answer" {
        a_lost_record_permits_nothing,
    }

    self of "`IdempotencyRepository`: so that after a crash there is either both or neither" {
        failures_leave_no_answer,
    }

    self of "`IdempotencyRepository::mark_repeatable`: Stores in the record that the request changes nothing" {
        repeats_of_no_ops_execute_again,
    }

    self of "`IdempotencyRepository::claim`: so is one whose retention has expired" {
        an_answer_is_kept_for_its_time,
    }

    self of "`IdempotencyRepository::prune`: Deletes up to `max` records whose retention ended at or before `before`" {
        records_are_forgotten_after_their_time,
    }

    self of "`IdempotencyRepository`: It also stores the record's [digest](IdempotencyRecord::digest) of that time." {
        a_record_gets_the_digest_of_a_body_that_came_after_the_claim,
    }

    self of "`IdempotencyRepository::renew`: Extends the hold until `until`, if that is later" {
        a_record_that_is_held_on_passes_on_later,
    }

    self of "`IdempotencyRepository::claim`: if the user no longer exists" {
        an_unknown_user_has_no_records,
    }

    self of "`IdempotencyRepository`: stores its result in the record of its" {
        every_mutation_that_may_bring_a_record_writes_into_it,
    }
}

/// Serialises an answer to short text.
fn write(answer: CommandOutcome<'_>) -> Result<String> {
    Ok(match answer {
        CommandOutcome::Made(made) => format!("made {}", made.node.id),
        CommandOutcome::Changed(changed) => format!("changed {}", changed.node.name.as_str()),
        CommandOutcome::Replaced(replaced) => format!("replaced {}", replaced.node.name.as_str()),
        CommandOutcome::UploadStarted(upload) => format!("begun {}", upload.id),
        CommandOutcome::Again => "again".to_owned(),
        CommandOutcome::Shared(share) => format!("shared {}", share.id),
        CommandOutcome::Linked(link) => format!("linked {}", link.id),
        CommandOutcome::Photo => "photo".to_owned(),
    })
}

/// A record for the request of `user` under `key`, whose body digest consists of `said`.
fn idempotency_record(fixture: &Fixture<'_>, user: UserId, key: &str, said: u8) -> IdempotencyRecord {
    idempotency_record_at(fixture, user, "/path", key, said)
}

fn idempotency_record_at(fixture: &Fixture<'_>, user: UserId, path: &str, key: &str, said: u8) -> IdempotencyRecord {
    let key = IdempotencyKey::parse(key).unwrap();
    let digest = Some(Sha256::from_bytes([said; 32]));
    let request = KeyedRequest { user, path: path.to_owned(), key, digest, former_digest: None };
    IdempotencyRecord::new(fixture.id(), request, Arc::new(write))
}

async fn claim_at(fixture: &Fixture<'_>, idempotency_record: &IdempotencyRecord, now: Timestamp) -> ClaimOutcome {
    let expiry = Expiry { now, held_until: now.plus(HOLD), kept_until: now.plus(RETENTION) };
    fixture.store.idempotency_records().claim(idempotency_record, expiry).await.unwrap()
}

async fn claim(fixture: &Fixture<'_>, idempotency_record: &IdempotencyRecord) -> ClaimOutcome {
    claim_at(fixture, idempotency_record, fixture.now()).await
}

fn under(fixture: &Fixture<'_>, idempotency_record: &IdempotencyRecord) -> Command {
    Command {
        idempotency_record: Some(idempotency_record.clone()),
        ..fixture.command(idempotency_record.request().user)
    }
}

/// Creates a folder under `idempotency_record` and returns the answer that should be stored in it.
async fn make(
    fixture: &Fixture<'_>,
    user: &TestUser,
    idempotency_record: &IdempotencyRecord,
    text: &str,
) -> Result<String> {
    let root = fixture.grant(user.id, user.root, Action::AddTo).await;
    let command = under(fixture, idempotency_record);
    let made = fixture.store.drive().create_folder(&command, &root, fixture.id(), &name(text)).await?;
    Ok(format!("made {}", made.node.id))
}

async fn names(fixture: &Fixture<'_>, user: &TestUser) -> usize {
    let root = fixture.grant(user.id, user.root, Action::Read).await;
    fixture.store.drive().list(root.read(), Default::default(), None, Default::default()).await.unwrap().len()
}

async fn concurrent_repeats_execute_once(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let idempotency_records: Vec<IdempotencyRecord> =
        (0..8).map(|_| idempotency_record(fixture, ann.id, "key", 1)).collect();
    let claims =
        join_all(idempotency_records.iter().map(|idempotency_record| claim(fixture, idempotency_record))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == ClaimOutcome::Held).count(), 1);
    assert_eq!(claims.iter().filter(|claim| **claim == ClaimOutcome::Running).count(), 7);
}

async fn a_request_is_named_by_its_caller_its_path_and_its_key(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    for idempotency_record in [
        idempotency_record_at(fixture, ann.id, "/a", "key", 1),
        idempotency_record_at(fixture, ann.id, "/b", "key", 1),
        idempotency_record_at(fixture, ann.id, "/a", "another", 1),
        idempotency_record_at(fixture, bob.id, "/a", "key", 1),
    ] {
        assert_eq!(claim(fixture, &idempotency_record).await, ClaimOutcome::Held, "{idempotency_record:?}");
    }
}

async fn repeats_get_the_stored_answer(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let first = idempotency_record(fixture, ann.id, "key", 1);
    assert_eq!(claim(fixture, &first).await, ClaimOutcome::Held);
    let written = make(fixture, &ann, &first, "a").await.unwrap();
    for _ in 0..2 {
        let repeat = idempotency_record(fixture, ann.id, "key", 1);
        assert_eq!(claim(fixture, &repeat).await, ClaimOutcome::Answered(written.clone()));
    }
}

async fn a_different_request_with_the_same_key_is_refused(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, other) = (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 2));
    claim(fixture, &first).await;
    assert_eq!(claim(fixture, &other).await, ClaimOutcome::Reused);
    make(fixture, &ann, &first, "a").await.unwrap();
    assert_eq!(claim(fixture, &other).await, ClaimOutcome::Reused);
}

async fn a_request_is_the_same_by_the_digest_that_it_had_before(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let first = idempotency_record(fixture, ann.id, "key", 1);
    claim(fixture, &first).await;
    let written = make(fixture, &ann, &first, "a").await.unwrap();
    let repeat = |former: u8| {
        let former_digest = Some(Sha256::from_bytes([former; 32]));
        let request = KeyedRequest { former_digest, ..idempotency_record(fixture, ann.id, "key", 2).request().clone() };
        IdempotencyRecord::new(fixture.id(), request, Arc::new(write))
    };
    assert_eq!(claim(fixture, &repeat(3)).await, ClaimOutcome::Reused);
    assert_eq!(claim(fixture, &repeat(1)).await, ClaimOutcome::Answered(written));
}

async fn released_requests_may_be_sent_again(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 2));
    claim(fixture, &first).await;
    fixture.store.idempotency_records().release(&first).await.unwrap();
    fixture.store.idempotency_records().release(&first).await.unwrap();
    assert_eq!(claim(fixture, &second).await, ClaimOutcome::Held);
}

async fn only_the_holder_releases_a_record(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 1));
    claim(fixture, &first).await;
    fixture.store.idempotency_records().release(&second).await.unwrap();
    assert_eq!(claim(fixture, &second).await, ClaimOutcome::Running);
    // Giving back does not discard a stored answer.
    let written = make(fixture, &ann, &first, "a").await.unwrap();
    fixture.store.idempotency_records().release(&first).await.unwrap();
    assert_eq!(claim(fixture, &second).await, ClaimOutcome::Answered(written));
}

async fn a_record_passes_on_when_its_time_runs_out(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 2));
    let now = fixture.now();
    claim_at(fixture, &first, now).await;
    let end = now.plus(HOLD);
    assert_eq!(claim_at(fixture, &second, end.minus(Duration::from_millis(1))).await, ClaimOutcome::Reused);
    assert_eq!(claim_at(fixture, &second, end).await, ClaimOutcome::Held);
    let written = make(fixture, &ann, &second, "a").await.unwrap();
    // An answer outlives the hold.
    assert_eq!(claim_at(fixture, &second, end.plus(HOLD * 2)).await, ClaimOutcome::Answered(written));
}

async fn a_lost_record_permits_nothing(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 1));
    let now = fixture.now();
    claim_at(fixture, &first, now).await;
    claim_at(fixture, &second, now.plus(HOLD)).await;
    assert_refused!(make(fixture, &ann, &first, "a").await, Error::Conflict(Conflict::RequestInProgress));
    assert_eq!(names(fixture, &ann).await, 0);
    make(fixture, &ann, &second, "a").await.unwrap();
    // The same record cannot be used twice either.
    assert_refused!(make(fixture, &ann, &second, "b").await, Error::Conflict(Conflict::RequestInProgress));
    assert_eq!(names(fixture, &ann).await, 1);
}

async fn a_second_claim_waits_for_the_first_to_commit(fixture: &Fixture<'_>) {
    for round in 0..10 {
        let ann = fixture.user().await;
        let key = format!("key {round}");
        let (first, second) =
            (idempotency_record(fixture, ann.id, &key, 1), idempotency_record(fixture, ann.id, &key, 1));
        let now = fixture.now();
        claim_at(fixture, &first, now).await;
        let (made, second_claim) =
            join(make(fixture, &ann, &first, "a"), claim_at(fixture, &second, now.plus(HOLD))).await;
        match (made, second_claim) {
            (Ok(written), ClaimOutcome::Answered(reported)) => assert_eq!(written, reported),
            (Err(Error::Conflict(Conflict::RequestInProgress)), ClaimOutcome::Held) => {
                assert_eq!(names(fixture, &ann).await, 0);
            }
            other => panic!("both or neither may do it: {other:?}"),
        }
    }
}

async fn failures_leave_no_answer(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    fixture.folder(ann.id, ann.root, "a").await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 1));
    claim(fixture, &first).await;
    assert_refused!(make(fixture, &ann, &first, "a").await, Error::Conflict(Conflict::NameTaken(_)));
    assert_eq!(claim(fixture, &second).await, ClaimOutcome::Running);
    fixture.store.idempotency_records().release(&first).await.unwrap();
    assert_eq!(claim(fixture, &second).await, ClaimOutcome::Held);
}

async fn repeats_of_no_ops_execute_again(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, other) = (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 1));
    assert_eq!(claim(fixture, &first).await, ClaimOutcome::Held);
    let refused = fixture.store.idempotency_records().mark_repeatable(&other).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::RequestInProgress))), "{refused:?}");
    fixture.store.idempotency_records().mark_repeatable(&first).await.unwrap();
    assert_eq!(claim(fixture, &other).await, ClaimOutcome::Answered("again".to_owned()));
    assert_eq!(claim(fixture, &idempotency_record(fixture, ann.id, "key", 2)).await, ClaimOutcome::Reused);
}

async fn an_answer_is_kept_for_its_time(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) =
        (idempotency_record(fixture, ann.id, "key", 1), idempotency_record(fixture, ann.id, "key", 2));
    let now = fixture.now();
    claim_at(fixture, &first, now).await;
    make(fixture, &ann, &first, "a").await.unwrap();
    let end = now.plus(RETENTION);
    assert_eq!(claim_at(fixture, &second, end.minus(Duration::from_millis(1))).await, ClaimOutcome::Reused);
    assert_eq!(claim_at(fixture, &second, end).await, ClaimOutcome::Held);
}

async fn records_are_forgotten_after_their_time(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let now = fixture.now();
    while fixture.store.idempotency_records().prune(now, ALL).await.unwrap() > 0 {}
    let early = [
        idempotency_record(fixture, ann.id, "a", 1),
        idempotency_record(fixture, ann.id, "b", 1),
        idempotency_record(fixture, ann.id, "c", 1),
    ];
    for idempotency_record in &early {
        claim_at(fixture, idempotency_record, now).await;
    }
    let late = idempotency_record(fixture, ann.id, "d", 1);
    claim_at(fixture, &late, now.plus(HOLD)).await;
    let end = now.plus(RETENTION);
    assert_eq!(fixture.store.idempotency_records().prune(end.minus(Duration::from_millis(1)), ALL).await.unwrap(), 0);
    assert_eq!(fixture.store.idempotency_records().prune(end, 2).await.unwrap(), 2);
    assert_eq!(fixture.store.idempotency_records().prune(end, 2).await.unwrap(), 1);
    assert_eq!(claim_at(fixture, &idempotency_record(fixture, ann.id, "d", 1), end).await, ClaimOutcome::Held);
}

/// A record for the request of `user` under `key`, whose body has not arrived yet.
fn streamed(fixture: &Fixture<'_>, user: UserId, key: &str) -> IdempotencyRecord {
    let request = KeyedRequest { digest: None, ..idempotency_record(fixture, user, key, 1).request().clone() };
    IdempotencyRecord::new(fixture.id(), request, Arc::new(write))
}

async fn a_record_gets_the_digest_of_a_body_that_came_after_the_claim(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let first = streamed(fixture, ann.id, "key");
    assert_eq!(claim(fixture, &first).await, ClaimOutcome::Held);
    // Its digest is not known yet.
    assert_eq!(claim(fixture, &streamed(fixture, ann.id, "key")).await, ClaimOutcome::Running);
    assert_eq!(claim(fixture, &idempotency_record(fixture, ann.id, "key", 1)).await, ClaimOutcome::Running);
    let digest = Sha256::from_bytes([1; 32]);
    first.set_digest(digest);
    let answer = make(fixture, &ann, &first, "a").await.unwrap();
    let done = ClaimOutcome::Done { answer: answer.clone(), digest };
    assert_eq!(claim(fixture, &streamed(fixture, ann.id, "key")).await, done);
    assert_eq!(claim(fixture, &idempotency_record(fixture, ann.id, "key", 1)).await, ClaimOutcome::Answered(answer));
    assert_eq!(claim(fixture, &idempotency_record(fixture, ann.id, "key", 2)).await, ClaimOutcome::Reused);
    // A request with a known digest is `Running` for one whose body has not arrived.
    assert_eq!(claim(fixture, &idempotency_record(fixture, ann.id, "other", 1)).await, ClaimOutcome::Held);
    assert_eq!(claim(fixture, &streamed(fixture, ann.id, "other")).await, ClaimOutcome::Running);
}

async fn a_record_that_is_held_on_passes_on_later(fixture: &Fixture<'_>) {
    let ann = fixture.user().await;
    let (first, second) = (streamed(fixture, ann.id, "key"), streamed(fixture, ann.id, "key"));
    let now = fixture.now();
    claim_at(fixture, &first, now).await;
    let until = now.plus(HOLD).plus(HOLD);
    fixture.store.idempotency_records().renew(&first, until).await.unwrap();
    // Renewal never shortens the hold, and has no effect for a record that does not hold it.
    fixture.store.idempotency_records().renew(&first, now).await.unwrap();
    fixture.store.idempotency_records().renew(&second, until.plus(HOLD)).await.unwrap();
    assert_eq!(claim_at(fixture, &second, until.minus(Duration::from_millis(1))).await, ClaimOutcome::Running);
    assert_eq!(claim_at(fixture, &second, until).await, ClaimOutcome::Held);
    fixture.store.idempotency_records().renew(&first, until.plus(RETENTION)).await.unwrap();
    assert_eq!(claim_at(fixture, &first, until.plus(HOLD)).await, ClaimOutcome::Held);
}

async fn an_unknown_user_has_no_records(fixture: &Fixture<'_>) {
    let now = fixture.now();
    let idempotency_record = idempotency_record(fixture, fixture.id(), "key", 1);
    let expiry = Expiry { now, held_until: now.plus(HOLD), kept_until: now.plus(RETENTION) };
    assert_refused!(fixture.store.idempotency_records().claim(&idempotency_record, expiry).await, Error::NotFound);
}

async fn every_mutation_that_may_bring_a_record_writes_into_it(fixture: &Fixture<'_>) {
    let (ann, bob) = (fixture.user().await, fixture.user().await);
    let root = fixture.grant(ann.id, ann.root, Action::AddTo).await;
    let reported = async |key: &'static str| match claim(fixture, &idempotency_record(fixture, ann.id, key, 1)).await {
        ClaimOutcome::Answered(text) => text,
        other => panic!("{key}: {other:?}"),
    };
    let held = async |key: &'static str| {
        let idempotency_record = idempotency_record(fixture, ann.id, key, 1);
        assert_eq!(claim(fixture, &idempotency_record).await, ClaimOutcome::Held);
        under(fixture, &idempotency_record)
    };

    let new_upload = fixture.new_upload(&root, "a", Some(1));
    let upload = new_upload.upload.clone();
    fixture.store.uploads().begin(&held("begin").await, &root, &new_upload).await.unwrap();
    assert_eq!(reported("begin").await, format!("begun {}", upload.id));

    let until = upload.expires_at.plus(LIFETIME);
    fixture.store.uploads().extend(&held("extend").await, &root, upload.id, until).await.unwrap();
    assert_eq!(reported("extend").await, "again");

    let commit = fixture.completing(&upload, ConflictPolicy::Fail);
    let file = fixture.store.uploads().commit(&held("commit").await, &root, &commit).await.unwrap().located;
    assert_eq!(reported("commit").await, "changed a");

    let created = fixture.new_file("b").await;
    fixture.store.uploads().create(&held("create").await, &root, &created).await.unwrap();
    assert_eq!(reported("create").await, format!("made {}", created.file));

    let grant = fixture.grant(ann.id, file.node.id, Action::Replace).await;
    let content = NewContent {
        version: fixture.id(),
        blob: in_store(fixture.record().await),
        stored: Stored { size: 1, ..Stored::default() },
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        seen: None,
        max_versions: 20,
    };
    fixture.store.versions().append(&held("append").await, &grant, &content).await.unwrap();
    assert_eq!(reported("append").await, "replaced a");

    let photo = fixture.record().await;
    fixture.store.users().set_photo(&held("photo").await, ann.id, Some(&photo)).await.unwrap();
    assert_eq!(reported("photo").await, "photo");

    let item = fixture.grant(ann.id, file.node.id, Action::Share).await;
    let share = NewShare { id: fixture.id(), guest: bob.id, permission: Permission::View };
    fixture.store.shares().create(&held("share").await, &item, &share).await.unwrap();
    assert_eq!(reported("share").await, format!("shared {}", share.id));

    let link = fixture.new_link();
    fixture.store.links().create(&held("link").await, &item, &link).await.unwrap();
    assert_eq!(reported("link").await, format!("linked {}", link.id));
}
