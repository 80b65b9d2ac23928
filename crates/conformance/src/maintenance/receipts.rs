//! Conformance suite for [`Receipts`](clouddrive_domain::port::Receipts) and every port whose commands may carry one.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use clouddrive_domain::error::Conflict;
use clouddrive_domain::model::{
    Action, Answer, Command, ConflictPolicy, IdempotencyKey, KeyedRequest, MediaType, Permission, Receipt, Sha256,
    Stored, Timestamp, UserId,
};
use clouddrive_domain::port::{Claim, NewContent, NewShare, Terms};
use clouddrive_domain::{Error, Result};
use futures_util::future::{join, join_all};

use crate::Persistence;
use crate::world::{ALL, LIFETIME, Member, World, assert_refused, name, run};

const HELD: Duration = Duration::from_secs(60);
const KEPT: Duration = Duration::from_secs(3600);

/// Runs every case.
///
/// # Panics
/// If the store breaks the contract.
pub async fn suite(store: &Persistence) {
    run!(store;
        of_all_who_send_a_request_at_once_one_may_do_it,
        a_request_is_named_by_its_caller_its_path_and_its_key,
        what_was_done_is_told_to_those_who_send_it_again,
        another_request_under_the_same_key_is_told_so,
        a_request_is_the_same_by_the_digest_that_it_had_before,
        what_was_given_back_may_be_sent_again,
        only_who_holds_a_receipt_can_give_it_back,
        a_receipt_passes_on_when_its_time_runs_out,
        who_has_lost_the_receipt_does_nothing,
        a_second_claim_waits_for_the_first_to_commit,
        what_failed_leaves_no_answer,
        what_changes_nothing_is_done_again_for_a_repeat,
        an_answer_is_kept_for_its_time,
        receipts_are_forgotten_after_their_time,
        a_receipt_gets_the_digest_of_a_body_that_came_after_the_claim,
        a_receipt_that_is_held_on_passes_on_later,
        an_unknown_user_has_no_receipts,
        every_mutation_that_may_bring_a_receipt_writes_into_it,
    );
}

/// Serialises an answer to short text.
fn write(answer: Answer<'_>) -> Result<String> {
    Ok(match answer {
        Answer::Made(made) => format!("made {}", made.node.id),
        Answer::Changed(changed) => format!("changed {}", changed.node.name.as_str()),
        Answer::Replaced(replaced) => format!("replaced {}", replaced.node.name.as_str()),
        Answer::Begun(upload) => format!("begun {}", upload.id),
        Answer::Again => "again".to_owned(),
        Answer::Shared(share) => format!("shared {}", share.id),
        Answer::Linked(link) => format!("linked {}", link.id),
        Answer::Photo => "photo".to_owned(),
    })
}

/// A receipt for the request of `user` under `key`, whose body digest consists of `said`.
fn receipt(world: &World<'_>, user: UserId, key: &str, said: u8) -> Receipt {
    receipt_at(world, user, "/path", key, said)
}

fn receipt_at(world: &World<'_>, user: UserId, path: &str, key: &str, said: u8) -> Receipt {
    let key = IdempotencyKey::parse(key).unwrap();
    let digest = Some(Sha256::from_bytes([said; 32]));
    let request = KeyedRequest { user, path: path.to_owned(), key, digest, former_digest: None };
    Receipt::new(world.id(), request, Arc::new(write))
}

async fn claim_at(world: &World<'_>, receipt: &Receipt, now: Timestamp) -> Claim {
    let terms = Terms { now, held_until: now.plus(HELD), kept_until: now.plus(KEPT) };
    world.store.receipts.claim(receipt, terms).await.unwrap()
}

async fn claim(world: &World<'_>, receipt: &Receipt) -> Claim {
    claim_at(world, receipt, world.now()).await
}

fn under(world: &World<'_>, receipt: &Receipt) -> Command {
    Command { receipt: Some(receipt.clone()), ..world.command(receipt.request().user) }
}

/// Creates a folder under `receipt` and returns the answer that should be stored in it.
async fn make(world: &World<'_>, member: &Member, receipt: &Receipt, text: &str) -> Result<String> {
    let root = world.grant(member.id, member.root, Action::AddTo).await;
    let command = under(world, receipt);
    let made = world.store.drive.create_folder(&command, &root, world.id(), &name(text)).await?;
    Ok(format!("made {}", made.node.id))
}

async fn names(world: &World<'_>, member: &Member) -> usize {
    let root = world.grant(member.id, member.root, Action::Read).await;
    world.store.drive.list(root.read(), Default::default(), None, Default::default()).await.unwrap().len()
}

async fn of_all_who_send_a_request_at_once_one_may_do_it(world: &World<'_>) {
    let ann = world.member().await;
    let receipts: Vec<Receipt> = (0..8).map(|_| receipt(world, ann.id, "key", 1)).collect();
    let claims = join_all(receipts.iter().map(|receipt| claim(world, receipt))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Held).count(), 1);
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Running).count(), 7);
}

async fn a_request_is_named_by_its_caller_its_path_and_its_key(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    for receipt in [
        receipt_at(world, ann.id, "/a", "key", 1),
        receipt_at(world, ann.id, "/b", "key", 1),
        receipt_at(world, ann.id, "/a", "another", 1),
        receipt_at(world, bob.id, "/a", "key", 1),
    ] {
        assert_eq!(claim(world, &receipt).await, Claim::Held, "{receipt:?}");
    }
}

async fn what_was_done_is_told_to_those_who_send_it_again(world: &World<'_>) {
    let ann = world.member().await;
    let first = receipt(world, ann.id, "key", 1);
    assert_eq!(claim(world, &first).await, Claim::Held);
    let written = make(world, &ann, &first, "a").await.unwrap();
    for _ in 0..2 {
        let repeat = receipt(world, ann.id, "key", 1);
        assert_eq!(claim(world, &repeat).await, Claim::Answered(written.clone()));
    }
}

async fn another_request_under_the_same_key_is_told_so(world: &World<'_>) {
    let ann = world.member().await;
    let (first, other) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 2));
    claim(world, &first).await;
    assert_eq!(claim(world, &other).await, Claim::Reused);
    make(world, &ann, &first, "a").await.unwrap();
    assert_eq!(claim(world, &other).await, Claim::Reused);
}

async fn a_request_is_the_same_by_the_digest_that_it_had_before(world: &World<'_>) {
    let ann = world.member().await;
    let first = receipt(world, ann.id, "key", 1);
    claim(world, &first).await;
    let written = make(world, &ann, &first, "a").await.unwrap();
    let repeat = |former: u8| {
        let former_digest = Some(Sha256::from_bytes([former; 32]));
        let request = KeyedRequest { former_digest, ..receipt(world, ann.id, "key", 2).request().clone() };
        Receipt::new(world.id(), request, Arc::new(write))
    };
    assert_eq!(claim(world, &repeat(3)).await, Claim::Reused);
    assert_eq!(claim(world, &repeat(1)).await, Claim::Answered(written));
}

async fn what_was_given_back_may_be_sent_again(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 2));
    claim(world, &first).await;
    world.store.receipts.give_back(&first).await.unwrap();
    world.store.receipts.give_back(&first).await.unwrap();
    assert_eq!(claim(world, &second).await, Claim::Held);
}

async fn only_who_holds_a_receipt_can_give_it_back(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 1));
    claim(world, &first).await;
    world.store.receipts.give_back(&second).await.unwrap();
    assert_eq!(claim(world, &second).await, Claim::Running);
    // Giving back does not discard a stored answer.
    let written = make(world, &ann, &first, "a").await.unwrap();
    world.store.receipts.give_back(&first).await.unwrap();
    assert_eq!(claim(world, &second).await, Claim::Answered(written));
}

async fn a_receipt_passes_on_when_its_time_runs_out(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 2));
    let now = world.now();
    claim_at(world, &first, now).await;
    let end = now.plus(HELD);
    assert_eq!(claim_at(world, &second, end.minus(Duration::from_millis(1))).await, Claim::Reused);
    assert_eq!(claim_at(world, &second, end).await, Claim::Held);
    let written = make(world, &ann, &second, "a").await.unwrap();
    // An answer outlives the hold.
    assert_eq!(claim_at(world, &second, end.plus(HELD * 2)).await, Claim::Answered(written));
}

async fn who_has_lost_the_receipt_does_nothing(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 1));
    let now = world.now();
    claim_at(world, &first, now).await;
    claim_at(world, &second, now.plus(HELD)).await;
    assert_refused!(make(world, &ann, &first, "a").await, Error::Conflict(Conflict::RequestInProgress));
    assert_eq!(names(world, &ann).await, 0);
    make(world, &ann, &second, "a").await.unwrap();
    // The same receipt cannot be used twice either.
    assert_refused!(make(world, &ann, &second, "b").await, Error::Conflict(Conflict::RequestInProgress));
    assert_eq!(names(world, &ann).await, 1);
}

async fn a_second_claim_waits_for_the_first_to_commit(world: &World<'_>) {
    for round in 0..10 {
        let ann = world.member().await;
        let key = format!("key {round}");
        let (first, second) = (receipt(world, ann.id, &key, 1), receipt(world, ann.id, &key, 1));
        let now = world.now();
        claim_at(world, &first, now).await;
        let (made, second_claim) = join(make(world, &ann, &first, "a"), claim_at(world, &second, now.plus(HELD))).await;
        match (made, second_claim) {
            (Ok(written), Claim::Answered(told)) => assert_eq!(written, told),
            (Err(Error::Conflict(Conflict::RequestInProgress)), Claim::Held) => assert_eq!(names(world, &ann).await, 0),
            other => panic!("both or neither may do it: {other:?}"),
        }
    }
}

async fn what_failed_leaves_no_answer(world: &World<'_>) {
    let ann = world.member().await;
    world.folder(ann.id, ann.root, "a").await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 1));
    claim(world, &first).await;
    assert_refused!(make(world, &ann, &first, "a").await, Error::Conflict(Conflict::NameTaken(_)));
    assert_eq!(claim(world, &second).await, Claim::Running);
    world.store.receipts.give_back(&first).await.unwrap();
    assert_eq!(claim(world, &second).await, Claim::Held);
}

async fn what_changes_nothing_is_done_again_for_a_repeat(world: &World<'_>) {
    let ann = world.member().await;
    let (first, other) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 1));
    assert_eq!(claim(world, &first).await, Claim::Held);
    let refused = world.store.receipts.keep_again(&other).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::RequestInProgress))), "{refused:?}");
    world.store.receipts.keep_again(&first).await.unwrap();
    assert_eq!(claim(world, &other).await, Claim::Answered("again".to_owned()));
    assert_eq!(claim(world, &receipt(world, ann.id, "key", 2)).await, Claim::Reused);
}

async fn an_answer_is_kept_for_its_time(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (receipt(world, ann.id, "key", 1), receipt(world, ann.id, "key", 2));
    let now = world.now();
    claim_at(world, &first, now).await;
    make(world, &ann, &first, "a").await.unwrap();
    let end = now.plus(KEPT);
    assert_eq!(claim_at(world, &second, end.minus(Duration::from_millis(1))).await, Claim::Reused);
    assert_eq!(claim_at(world, &second, end).await, Claim::Held);
}

async fn receipts_are_forgotten_after_their_time(world: &World<'_>) {
    let ann = world.member().await;
    let now = world.now();
    while world.store.receipts.forget(now, ALL).await.unwrap() > 0 {}
    let early = [receipt(world, ann.id, "a", 1), receipt(world, ann.id, "b", 1), receipt(world, ann.id, "c", 1)];
    for receipt in &early {
        claim_at(world, receipt, now).await;
    }
    let late = receipt(world, ann.id, "d", 1);
    claim_at(world, &late, now.plus(HELD)).await;
    let end = now.plus(KEPT);
    assert_eq!(world.store.receipts.forget(end.minus(Duration::from_millis(1)), ALL).await.unwrap(), 0);
    assert_eq!(world.store.receipts.forget(end, 2).await.unwrap(), 2);
    assert_eq!(world.store.receipts.forget(end, 2).await.unwrap(), 1);
    assert_eq!(claim_at(world, &receipt(world, ann.id, "d", 1), end).await, Claim::Held);
}

/// A receipt for the request of `user` under `key`, whose body has not arrived yet.
fn streamed(world: &World<'_>, user: UserId, key: &str) -> Receipt {
    let request = KeyedRequest { digest: None, ..receipt(world, user, key, 1).request().clone() };
    Receipt::new(world.id(), request, Arc::new(write))
}

async fn a_receipt_gets_the_digest_of_a_body_that_came_after_the_claim(world: &World<'_>) {
    let ann = world.member().await;
    let first = streamed(world, ann.id, "key");
    assert_eq!(claim(world, &first).await, Claim::Held);
    // Its digest is not known yet.
    assert_eq!(claim(world, &streamed(world, ann.id, "key")).await, Claim::Running);
    assert_eq!(claim(world, &receipt(world, ann.id, "key", 1)).await, Claim::Running);
    let digest = Sha256::from_bytes([1; 32]);
    first.settle(digest);
    let answer = make(world, &ann, &first, "a").await.unwrap();
    let done = Claim::Done { answer: answer.clone(), digest };
    assert_eq!(claim(world, &streamed(world, ann.id, "key")).await, done);
    assert_eq!(claim(world, &receipt(world, ann.id, "key", 1)).await, Claim::Answered(answer));
    assert_eq!(claim(world, &receipt(world, ann.id, "key", 2)).await, Claim::Reused);
    // A request with a known digest is `Running` for one whose body has not arrived.
    assert_eq!(claim(world, &receipt(world, ann.id, "other", 1)).await, Claim::Held);
    assert_eq!(claim(world, &streamed(world, ann.id, "other")).await, Claim::Running);
}

async fn a_receipt_that_is_held_on_passes_on_later(world: &World<'_>) {
    let ann = world.member().await;
    let (first, second) = (streamed(world, ann.id, "key"), streamed(world, ann.id, "key"));
    let now = world.now();
    claim_at(world, &first, now).await;
    let until = now.plus(HELD).plus(HELD);
    world.store.receipts.renew(&first, until).await.unwrap();
    // Renewal never shortens the hold, and has no effect for a receipt that does not hold it.
    world.store.receipts.renew(&first, now).await.unwrap();
    world.store.receipts.renew(&second, until.plus(HELD)).await.unwrap();
    assert_eq!(claim_at(world, &second, until.minus(Duration::from_millis(1))).await, Claim::Running);
    assert_eq!(claim_at(world, &second, until).await, Claim::Held);
    world.store.receipts.renew(&first, until.plus(KEPT)).await.unwrap();
    assert_eq!(claim_at(world, &first, until.plus(HELD)).await, Claim::Held);
}

async fn an_unknown_user_has_no_receipts(world: &World<'_>) {
    let now = world.now();
    let receipt = receipt(world, world.id(), "key", 1);
    let terms = Terms { now, held_until: now.plus(HELD), kept_until: now.plus(KEPT) };
    assert_refused!(world.store.receipts.claim(&receipt, terms).await, Error::NotFound);
}

async fn every_mutation_that_may_bring_a_receipt_writes_into_it(world: &World<'_>) {
    let (ann, bob) = (world.member().await, world.member().await);
    let root = world.grant(ann.id, ann.root, Action::AddTo).await;
    let told = async |key: &'static str| match claim(world, &receipt(world, ann.id, key, 1)).await {
        Claim::Answered(text) => text,
        other => panic!("{key}: {other:?}"),
    };
    let held = async |key: &'static str| {
        let receipt = receipt(world, ann.id, key, 1);
        assert_eq!(claim(world, &receipt).await, Claim::Held);
        under(world, &receipt)
    };

    let opening = world.opening(&root, "a", Some(1));
    let upload = opening.upload.clone();
    world.store.uploads.begin(&held("begin").await, &root, &opening).await.unwrap();
    assert_eq!(told("begin").await, format!("begun {}", upload.id));

    let until = upload.expires_at.plus(LIFETIME);
    world.store.uploads.extend(&held("extend").await, &root, upload.id, until).await.unwrap();
    assert_eq!(told("extend").await, "again");

    let commit = world.completing(&upload, ConflictPolicy::Fail);
    let file = world.store.uploads.commit(&held("commit").await, &root, &commit).await.unwrap().located;
    assert_eq!(told("commit").await, "changed a");

    let created = world.new_file("b").await;
    world.store.uploads.create(&held("create").await, &root, &created).await.unwrap();
    assert_eq!(told("create").await, format!("made {}", created.file));

    let grant = world.grant(ann.id, file.node.id, Action::Replace).await;
    let content = NewContent {
        version: world.id(),
        blob: world.record().await,
        stored: Stored { size: 1, ..Stored::default() },
        media_type: MediaType::octet_stream(),
        client_modified_at: None,
        seen: None,
        most_versions: 20,
    };
    world.store.versions.append(&held("append").await, &grant, &content).await.unwrap();
    assert_eq!(told("append").await, "replaced a");

    let photo = world.record().await;
    world.store.users.set_photo(&held("photo").await, ann.id, Some(&photo)).await.unwrap();
    assert_eq!(told("photo").await, "photo");

    let item = world.grant(ann.id, file.node.id, Action::Share).await;
    let share = NewShare { id: world.id(), guest: bob.id, permission: Permission::View };
    world.store.shares.create(&held("share").await, &item, &share).await.unwrap();
    assert_eq!(told("share").await, format!("shared {}", share.id));

    let link = world.new_link();
    world.store.links.create(&held("link").await, &item, &link).await.unwrap();
    assert_eq!(told("link").await, format!("linked {}", link.id));
}
