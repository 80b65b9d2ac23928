use std::sync::{Arc, Mutex};
use std::time::Duration;

use mockall::predicate::eq;

use super::{Bucket, ClientSubnet, Email, Ports, SECRET, Username, credentials, hash, is_refused, olga, secret};
use crate::error::{Error, Result};
use crate::model::{AuditAction, BucketKind, LoginIdentifier, LoginRefusal, LoginSubject};
use crate::port::{MockThrottleRepository, PasswordCheck};
use crate::service::testing::{NOW, OWNER, Trail, context_with, origin_at, outage};
use crate::service::{AccountService, RegistrationService};

const HERE: &str = "192.0.2.1";

fn subnet() -> ClientSubnet {
    ClientSubnet::from_address(HERE.parse().ok())
}

/// The buckets of a login to `subject`.
fn buckets(subject: LoginSubject) -> Vec<Bucket> {
    vec![
        Bucket::LoginsOfAddress(subnet()),
        Bucket::LoginFromAddress(subject.clone(), subnet()),
        Bucket::LoginOfAccount(subject),
    ]
}

fn limited(bucket: BucketKind) -> Error {
    Error::RateLimited { bucket, limit: 10, retry_after: Duration::from_secs(30) }
}

/// The log of bucket operations, in order: `-` for taken, `+` for given back, with their kinds.
type Log = Arc<Mutex<Vec<String>>>;

/// A throttle that logs its calls and in which the buckets in `empty` are empty.
fn throttle(log: &Log, empty: &'static [BucketKind]) -> MockThrottleRepository {
    let kinds = |buckets: &[Bucket]| buckets.iter().map(|bucket| bucket.kind().as_str()).collect::<Vec<_>>().join(" ");
    let (taken, given) = (log.clone(), log.clone());
    let mut throttle = MockThrottleRepository::new();
    throttle.expect_take().returning(move |buckets, _| {
        taken.lock().unwrap().push(format!("- {}", kinds(buckets)));
        match buckets.iter().map(Bucket::kind).find(|kind| empty.contains(kind)) {
            Some(kind) => Err(limited(kind)),
            None => Ok(()),
        }
    });
    throttle.expect_give_back().returning(move |buckets| {
        given.lock().unwrap().push(format!("+ {}", kinds(buckets)));
        Ok(())
    });
    throttle
}

async fn login(accounts: AccountService) -> Result<()> {
    accounts.login(origin_at(HERE), "Olga", SECRET).await.map(drop)
}

const ALL: &str = "logins_of_address login_from_address login_of_account";
const OWN: &str = "logins_of_address login_from_address";

#[tokio::test]
async fn attempts_are_taken_before_verification_and_given_back_on_success() {
    let log = Log::default();
    let mut ports = Ports { throttle: Some(throttle(&log, &[])), ..Ports::knowing(olga()) };
    let order = log.clone();
    ports.passwords.expect_verify().returning(move |_, _| {
        order.lock().unwrap().push("verified".to_owned());
        Ok(PasswordCheck::Right)
    });
    ports.sessions.expect_start().returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    login(ports.service()).await.unwrap();
    assert_eq!(*log.lock().unwrap(), [format!("- {ALL}"), "verified".to_owned(), format!("+ {ALL}")]);
}

#[tokio::test]
async fn the_buckets_are_those_of_the_account_and_of_the_address() {
    let address = LoginIdentifier::Email("olga@example.com".to_owned());
    for (identifier, known) in [(olga(), true), (address.clone(), true), (olga(), false), (address, false)] {
        let expected = if known { LoginSubject::Account(OWNER) } else { LoginSubject::Unknown(identifier.clone()) };
        let mut throttle = MockThrottleRepository::new();
        let refusal = |_: &[Bucket], _| Err(limited(BucketKind::LoginFromAddress));
        let taken = throttle.expect_take().withf(move |taken, at| taken == buckets(expected.clone()) && *at == NOW);
        taken.times(1).returning(refusal);
        let mut ports = Ports { throttle: Some(throttle), ..Ports::default() };
        ports
            .users
            .expect_find_credentials()
            .with(eq(identifier.clone()))
            .returning(move |_| Ok(known.then(credentials)));
        let text = match identifier {
            LoginIdentifier::Username(key) | LoginIdentifier::Email(key) => key,
        };
        let outcome = ports.service().login(origin_at(HERE), &text, SECRET).await;
        assert!(matches!(outcome, Err(Error::RateLimited { .. })));
    }
}

#[tokio::test]
async fn every_refused_login_costs_an_attempt() {
    for turn in 0..3 {
        let log = Log::default();
        let mut ports = Ports { throttle: Some(throttle(&log, &[])), ..Ports::default() };
        let known = (turn > 0).then(|| crate::model::Credentials { disabled: turn > 1, ..credentials() });
        ports.users.expect_find_credentials().returning(move |_| Ok(known.clone()));
        ports.passwords.expect_verify_unknown().returning(|_| Ok(()));
        let verdict = if turn > 1 { PasswordCheck::Right } else { PasswordCheck::Wrong };
        ports.passwords.expect_verify().returning(move |_, _| Ok(verdict));
        assert!(is_refused(login(ports.service()).await.err().as_ref()));
        assert_eq!(*log.lock().unwrap(), [format!("- {ALL}")], "{turn}");
    }
}

#[tokio::test]
async fn failed_verification_gives_the_attempt_back() {
    let log = Log::default();
    let mut ports = Ports { throttle: Some(throttle(&log, &[])), ..Ports::knowing(olga()) };
    ports.passwords.expect_verify().returning(|_, _| Err(outage()));
    assert!(matches!(login(ports.service()).await, Err(Error::Unavailable { .. })));
    assert_eq!(*log.lock().unwrap(), [format!("- {ALL}"), format!("+ {ALL}")]);
}

#[tokio::test]
async fn past_the_limit_nothing_is_hashed() {
    for empty in [&[BucketKind::LoginsOfAddress][..], &[BucketKind::LoginFromAddress]] {
        let trail = Trail::default();
        let ports = Ports { throttle: Some(throttle(&Log::default(), empty)), ..Ports::knowing(olga()) };
        let outcome = login(ports.service_in(context_with(NOW, trail.clone()))).await;
        assert!(matches!(outcome, Err(Error::RateLimited { bucket, .. }) if [bucket] == empty));
        assert_eq!(trail.read(), [(None, AuditAction::LoginRefused { reason: LoginRefusal::Throttled })]);
    }
}

#[tokio::test]
async fn distributed_guessing_does_not_lock_out_known_addresses() {
    const EMPTY: &[BucketKind] = &[BucketKind::LoginOfAccount];
    let at = |addresses: &[&str]| {
        let addresses: Vec<String> = addresses.iter().map(|&text| text.to_owned()).collect();
        let mut ports = Ports::knowing(olga());
        let found = ports.sessions.expect_find_addresses().with(eq(olga()), eq(NOW)).times(1);
        found.returning(move |_, _| Ok(addresses.clone()));
        ports
    };
    for strange in [&[][..], &["192.0.2.2", "2001:db8::1", "nonsense"]] {
        let log = Log::default();
        let ports = Ports { throttle: Some(throttle(&log, EMPTY)), ..at(strange) };
        let outcome = login(ports.service()).await;
        assert!(matches!(outcome, Err(Error::RateLimited { bucket: BucketKind::LoginOfAccount, .. })));
        assert_eq!(*log.lock().unwrap(), [format!("- {ALL}")]);
    }
    let log = Log::default();
    let mut ports = Ports { throttle: Some(throttle(&log, EMPTY)), ..at(&["2001:db8::1", HERE]) };
    ports.passwords.expect_verify().returning(|_, _| Ok(PasswordCheck::Right));
    ports.sessions.expect_start().returning(|_, _| Ok(()));
    ports.tokens.expect_issue().returning(|_| Ok("token".to_owned()));
    login(ports.service()).await.unwrap();
    assert_eq!(*log.lock().unwrap(), [format!("- {ALL}"), format!("- {OWN}"), format!("+ {OWN}")]);
}

#[tokio::test]
async fn registrations_are_counted_by_address_before_anything_is_hashed() {
    let register = async |accounts: RegistrationService| {
        let (username, email) = (Username::parse("olga").unwrap(), Email::parse("olga@example.com").unwrap());
        accounts.register(origin_at(HERE), username, email, &secret()).await.map(drop)
    };
    let mut refusing = MockThrottleRepository::new();
    let refusal = |_: &[Bucket], _| Err(limited(BucketKind::Registration));
    refusing.expect_take().withf(|taken, _| taken == [Bucket::Registration(subnet())]).times(1).returning(refusal);
    let outcome = register(Ports { throttle: Some(refusing), ..Ports::default() }.registration()).await;
    assert!(matches!(outcome, Err(Error::RateLimited { .. })));
    // Successful registrations count too.
    let log = Log::default();
    let mut ports = Ports { throttle: Some(throttle(&log, &[])), ..Ports::default() };
    ports.passwords.expect_hash().returning(|_| Ok(hash("fresh")));
    ports.users.expect_register().returning(|_, _| Ok(()));
    register(ports.registration()).await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["- registration"]);
}
