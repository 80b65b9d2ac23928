use std::sync::Arc;
use std::time::Duration;

use crate::error::{Conflict, Error, Refused};
use crate::model::{CommandOutcome, IdempotencyKey, IdempotencyRecord, KeyedRequest, Permission, Role, Sha256};
use crate::port::{ClaimOutcome, Expiry, MockIdempotencyRepository, MockNodeRepository};
use crate::service::testing::{FOLDER, GUEST, NOW, actor, context, drive_with, folder, located, made};
use crate::service::{IdempotencyService, StartOutcome};

fn request() -> KeyedRequest {
    let key = IdempotencyKey::parse("order 7").unwrap();
    KeyedRequest {
        user: GUEST,
        path: "/drive".to_owned(),
        key,
        digest: Some(Sha256::from_bytes([7; 32])),
        former_digest: None,
    }
}

fn service(idempotency_records: MockIdempotencyRepository) -> IdempotencyService {
    on(drive_with([]), idempotency_records)
}

fn on(drive: MockNodeRepository, idempotency_records: MockIdempotencyRepository) -> IdempotencyService {
    let write = Arc::new(|_: CommandOutcome<'_>| Ok("done".to_owned()));
    IdempotencyService::new(Arc::new(drive), Arc::new(idempotency_records), write, context())
}

fn finding(claim: ClaimOutcome) -> IdempotencyService {
    let mut idempotency_records = MockIdempotencyRepository::new();
    idempotency_records.expect_claim().times(1).returning(move |_, _| Ok(claim.clone()));
    service(idempotency_records)
}

async fn first(service: &IdempotencyService) -> IdempotencyRecord {
    match service.start(request()).await.unwrap() {
        StartOutcome::First(record) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_first_request_holds_a_receipt_for_a_minute_kept_for_a_day() {
    let mut idempotency_records = MockIdempotencyRepository::new();
    let held_until = NOW.plus(Duration::from_secs(60));
    let expiry = Expiry { now: NOW, held_until, kept_until: NOW.plus(Duration::from_secs(86_400)) };
    let asked = idempotency_records
        .expect_claim()
        .withf(move |record, given| *record.request() == request() && *given == expiry);
    asked.times(1).returning(|_, _| Ok(ClaimOutcome::Held));
    assert_eq!(first(&service(idempotency_records)).await.id(), made(1));
}

#[tokio::test]
async fn a_repeat_gets_the_stored_answer() {
    let start = finding(ClaimOutcome::Answered("done".to_owned())).start(request()).await.unwrap();
    assert!(matches!(start, StartOutcome::Repeat(text) if text == "done"));
}

#[tokio::test]
async fn a_repeat_is_refused_while_the_first_runs() {
    let refused = finding(ClaimOutcome::Running).start(request()).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(Conflict::RequestInProgress)), "{refused:?}");
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let refused = finding(ClaimOutcome::Reused).start(request()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refused::KeyReused)), "{refused:?}");
}

#[tokio::test]
async fn only_done_and_answered_requests_keep_their_receipt() {
    for (done, written, given_back) in [(true, true, 0), (true, false, 1), (false, true, 1), (false, false, 1)] {
        let mut idempotency_records = MockIdempotencyRepository::new();
        idempotency_records.expect_claim().returning(|_, _| Ok(ClaimOutcome::Held));
        idempotency_records
            .expect_release()
            .withf(|record| record.id() == made(1))
            .times(given_back)
            .returning(|_| Ok(()));
        let service = service(idempotency_records);
        let record = first(&service).await;
        if written {
            assert_eq!(record.write(CommandOutcome::Again).unwrap(), "done");
        }
        service.end(&record, done).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_repeated_only_to_callers_who_still_have_its_role() {
    for (now, reported, allowed) in [
        (Some(Permission::Edit), Role::Edit, true),
        (Some(Permission::Edit), Role::View, true),
        (Some(Permission::View), Role::View, true),
        (Some(Permission::View), Role::Edit, false),
        (None, Role::View, false),
        // Owners stay owners, even of deleted items.
        (None, Role::Owner, true),
    ] {
        let service = on(drive_with([located(folder(FOLDER), GUEST, now, None)]), MockIdempotencyRepository::new());
        let outcome = service.check_repeat(&actor(GUEST), Some((FOLDER, reported))).await;
        assert_eq!(outcome.is_ok(), allowed, "{now:?} {reported:?}");
        if let Err(error) = outcome {
            assert_eq!(matches!(error, Error::Forbidden(_)), now.is_some());
            assert_eq!(matches!(error, Error::NotFound), now.is_none());
        }
    }
}

#[tokio::test]
async fn a_recorded_answer_needs_a_body_with_a_matching_digest() {
    let digests = [7, 8, 9].map(|byte| Sha256::from_bytes([byte; 32]));
    for (own, expected) in [(&digests[..1], true), (&digests[1..2], true), (&digests[2..], false), (&[], false)] {
        let claim = ClaimOutcome::Done { answer: "done".to_owned(), digest: *own.first().unwrap_or(&digests[2]) };
        let StartOutcome::Done(done) = finding(claim).start(KeyedRequest { digest: None, ..request() }).await.unwrap()
        else {
            panic!("it was done");
        };
        let reported = done.answer(&digests[..2]);
        assert_eq!(reported.ok().as_deref(), expected.then_some("done"));
    }
}

#[tokio::test]
async fn a_receipt_is_renewed_for_a_minute() {
    let mut idempotency_records = MockIdempotencyRepository::new();
    idempotency_records.expect_claim().returning(|_, _| Ok(ClaimOutcome::Held));
    let until = NOW.plus(Duration::from_secs(60));
    let renewed =
        idempotency_records.expect_renew().withf(move |record, given| record.id() == made(1) && *given == until);
    renewed.times(1).returning(|_, _| Ok(()));
    let service = service(idempotency_records);
    let record = first(&service).await;
    service.renew(&record).await.unwrap();
}

#[test]
fn a_receipt_takes_the_digest_of_its_body_once() {
    let digest = |byte| Sha256::from_bytes([byte; 32]);
    let write = || Arc::new(|_: CommandOutcome<'_>| Ok(String::new()));
    let known = IdempotencyRecord::new(made(1), request(), write());
    known.set_digest(digest(9));
    assert_eq!(known.digest(), Some(digest(7)));
    let streamed = IdempotencyRecord::new(made(1), KeyedRequest { digest: None, ..request() }, write());
    assert_eq!(streamed.digest(), None);
    streamed.set_digest(digest(9));
    streamed.clone().set_digest(digest(8));
    assert_eq!(streamed.digest(), Some(digest(9)));
}
