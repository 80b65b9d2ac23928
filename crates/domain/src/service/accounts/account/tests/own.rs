use mockall::predicate::eq;

use super::{Ports, SECRET, credentials, hash, secret};
use crate::error::{Conflict, Error, Forbidden};
use crate::model::{Actor, AuditAction, Bucket, BucketKind, Email, Password, UserId};
use crate::port::{MockThrottleRepository, PasswordCheck};
use crate::service::testing::{
    NOW, OWNER, Trail, actor, command, context_with, drive_with, one_ended_upload, outage, user_drive,
};

const NEW: &str = "a louder secret";

fn new() -> Password {
    Password::attempt(NEW).unwrap()
}

fn owner() -> Actor {
    actor(OWNER)
}

/// The owner's current password is verified, with this verdict.
fn asked(verdict: PasswordCheck) -> Ports {
    let mut ports = Ports::default();
    ports.accounts.expect_find_credentials_of().with(eq(OWNER)).returning(|_| Ok(Some(credentials())));
    ports.passwords.expect_verify().with(eq(secret()), eq(hash("stored"))).returning(move |_, _| Ok(verdict));
    ports
}

fn is_wrong<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Forbidden(Forbidden::WrongPassword)))
}

/// A throttle from which one attempt is taken, from the user's own bucket, and possibly given back.
fn counting(user: UserId, given_back: usize) -> MockThrottleRepository {
    let bucket = vec![Bucket::CurrentPassword(user)];
    let mut throttle = MockThrottleRepository::new();
    let same = bucket.clone();
    throttle.expect_take().withf(move |taken, at| taken == same && *at == NOW).times(1).returning(|_, _| Ok(()));
    throttle.expect_give_back().withf(move |given| given == bucket).times(given_back).returning(|_| Ok(()));
    throttle
}

#[tokio::test]
async fn a_password_change_needs_the_current_generation() {
    for verdict in [PasswordCheck::Right, PasswordCheck::Outdated] {
        let mut ports = Ports { throttle: Some(counting(OWNER, 1)), ..asked(verdict) };
        ports.passwords.expect_hash().with(eq(new())).times(1).returning(|_| Ok(hash("new")));
        ports
            .accounts
            .expect_change_password()
            .with(eq(command(OWNER)), eq(OWNER), eq(Some(3)), eq(hash("new")))
            .times(1)
            .returning(|_, _, _, _| Ok(()));
        let trail = Trail::default();
        let accounts = ports.service_in(context_with(NOW, trail.clone()));
        accounts.change_password(&owner(), SECRET, &new()).await.unwrap();
        assert_eq!(trail.read(), [(Some(OWNER), AuditAction::PasswordChanged)]);
    }
}

#[tokio::test]
async fn a_wrong_password_changes_nothing_and_counts() {
    let trail = Trail::default();
    let ports = Ports { throttle: Some(counting(OWNER, 0)), ..asked(PasswordCheck::Wrong) };
    let accounts = ports.service_in(context_with(NOW, trail.clone()));
    assert!(is_wrong(&accounts.change_password(&owner(), SECRET, &new()).await));
    let ports = Ports { throttle: Some(counting(OWNER, 0)), ..asked(PasswordCheck::Wrong) };
    assert!(is_wrong(&ports.service_in(context_with(NOW, trail.clone())).delete(&owner(), SECRET).await));
    // Text that cannot be a password counts as a guess too.
    let ports = Ports { throttle: Some(counting(OWNER, 0)), ..Ports::default() };
    let endless = "x".repeat(100_000);
    assert!(is_wrong(&ports.service_in(context_with(NOW, trail.clone())).delete(&owner(), &endless).await));
    assert_eq!(trail.read(), vec![(Some(OWNER), AuditAction::PasswordRefused); 3]);
}

#[tokio::test]
async fn failed_verification_is_no_guess() {
    let mut ports = Ports { throttle: Some(counting(OWNER, 1)), ..Ports::default() };
    ports.accounts.expect_find_credentials_of().returning(|_| Err(outage()));
    assert!(matches!(ports.service().delete(&owner(), SECRET).await, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn past_the_limit_no_password_is_verified() {
    let mut throttle = MockThrottleRepository::new();
    let refusal = || Error::RateLimited {
        bucket: BucketKind::CurrentPassword,
        limit: 10,
        retry_after: std::time::Duration::from_secs(30),
    };
    throttle.expect_take().times(1).returning(move |_, _| Err(refusal()));
    let accounts = Ports { throttle: Some(throttle), ..Ports::default() }.service();
    let outcome = accounts.change_password(&owner(), SECRET, &new()).await;
    assert!(matches!(outcome, Err(Error::RateLimited { bucket: BucketKind::CurrentPassword, .. })));
}

#[tokio::test]
async fn an_account_is_deleted_by_one_call() {
    let trail = Trail::default();
    let mut ports = asked(PasswordCheck::Right);
    ports.accounts.expect_delete().with(eq(command(OWNER)), eq(OWNER), eq(3)).times(1).returning(|_, _, _| Ok(()));
    ports.ended = Some(one_ended_upload());
    ports.service_in(context_with(NOW, trail.clone())).delete(&owner(), SECRET).await.unwrap();
    assert_eq!(trail.read(), [(Some(OWNER), AuditAction::AccountDeleted)]);
}

#[tokio::test]
async fn an_email_change_is_audited_if_it_differs() {
    let email = Email::parse("new@example.com").unwrap();
    for changed in [true, false] {
        let trail = Trail::default();
        let mut throttle = MockThrottleRepository::new();
        throttle
            .expect_take()
            .withf(|taken, _| taken == [Bucket::EmailChange(OWNER)])
            .times(1)
            .returning(|_, _| Ok(()));
        let mut ports = Ports { drive: drive_with([]), throttle: Some(throttle), ..Ports::default() };
        ports
            .accounts
            .expect_change_email()
            .with(eq(command(OWNER)), eq(OWNER), eq(email.clone()))
            .times(1)
            .returning(move |_, _, _| Ok(changed));
        let accounts = ports.service_in(context_with(NOW, trail.clone()));
        assert_eq!(accounts.change_email(&owner(), &email).await.unwrap(), user_drive().account);
        assert_eq!(trail.read().len(), usize::from(changed));
    }
    let mut taken = Ports::default();
    taken.accounts.expect_change_email().returning(|_, _, _| Err(Error::Conflict(Conflict::EmailTaken)));
    let refused = taken.service().change_email(&owner(), &email).await;
    assert!(matches!(refused, Err(Error::Conflict(Conflict::EmailTaken))));
}
