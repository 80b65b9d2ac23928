use super::*;
use crate::error::Unauthenticated;
use crate::model::{Bucket, BucketKind};
use crate::service::testing::origin_at;

fn asks_for_password<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated(Unauthenticated::LinkPassword)))
}

/// The buckets of an attempt at a link's password.
fn buckets() -> [Bucket; 2] {
    [Bucket::LinkPassword(LINK), Bucket::LinkPasswordFromAddress(ClientSubnet::from_address("192.0.2.1".parse().ok()))]
}

fn from_there(password: &str) -> LinkBearer {
    LinkBearer { origin: origin_at("192.0.2.1"), ..knowing(password) }
}

#[tokio::test]
async fn only_wrong_passwords_count_for_link_and_address() {
    for (verdict, given_back) in [(PasswordCheck::Wrong, 0), (PasswordCheck::Right, 1)] {
        let mut throttle = MockThrottleRepository::new();
        throttle.expect_take().withf(|taken, now| taken == buckets() && *now == NOW).times(1).returning(|_, _| Ok(()));
        throttle.expect_give_back().withf(|given| given == buckets()).times(given_back).returning(|_| Ok(()));
        let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a guess", verdict);
        fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
        fixture.throttle = Some(throttle);
        let looked = fixture.public_links().get(&from_there("a guess"), &ListQuery::default()).await;
        assert_eq!(looked.is_ok(), verdict == PasswordCheck::Right);
    }
}

#[tokio::test]
async fn guesses_are_throttled_before_hashing() {
    let mut throttle = MockThrottleRepository::new();
    let limited = || Error::RateLimited { bucket: BucketKind::LinkPassword, limit: 100, retry_after: MINUTE };
    throttle.expect_take().times(1).returning(move |_, _| Err(limited()));
    let mut fixture = Fixture::with(protected(), folder(FOLDER));
    fixture.throttle = Some(throttle);
    let public_links = fixture.public_links();
    let looked = public_links.get(&from_there("a guess"), &ListQuery::default()).await;
    assert!(matches!(looked, Err(Error::RateLimited { .. })));
    // A missing password is no guess.
    assert!(asks_for_password(&public_links.get(&bearer(), &ListQuery::default()).await));
}

#[tokio::test]
async fn without_its_password_a_link_reveals_nothing() {
    for bearer in [bearer(), knowing(&"x".repeat(2_000))] {
        // A drive without expectations: any call would panic.
        let public_links = Fixture::with(protected(), folder(FOLDER)).public_links();
        assert!(asks_for_password(&public_links.get(&bearer, &ListQuery::default()).await));
        assert!(asks_for_password(&public_links.list(&bearer, OTHER_FOLDER, &ListQuery::default()).await));
        assert!(asks_for_password(&public_links.open(&bearer, Some(FILE)).await));
        assert!(asks_for_password(&public_links.open(&bearer, None).await));
    }
    let fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong);
    assert!(asks_for_password(&fixture.public_links().open(&knowing("a wrong secret"), Some(FILE)).await));
}

#[tokio::test]
async fn with_its_password_a_link_opens() {
    for verdict in [PasswordCheck::Right, PasswordCheck::Outdated] {
        let link = Link { item: link_of(LINK, NodeKind::File, FILE).item, ..protected() };
        let public_links = Fixture::with(link, file(FILE)).verdict("a quiet secret", verdict).public_links();
        assert!(public_links.get(&knowing("a quiet secret"), &ListQuery::default()).await.is_ok());
    }
    // A link without a password asks for none, and none is verified.
    let public_links = Fixture::with(link_of(LINK, NodeKind::File, FILE), file(FILE)).public_links();
    assert!(public_links.get(&knowing("whatever it may be"), &ListQuery::default()).await.is_ok());
}

#[tokio::test]
async fn the_right_password_gets_a_proof_for_an_hour_and_a_wrong_one_gets_none() {
    let end = NOW.plus(Duration::from_hours(1));
    let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a quiet secret", PasswordCheck::Right);
    fixture.link_access.expect_grant().with(eq(protected()), eq(end)).times(1).returning(|_, _| "proof".to_owned());
    let proof = fixture.public_links().admit(&knowing("a quiet secret")).await.unwrap();
    assert_eq!((proof.access.as_str(), proof.expires_at), ("proof", end));
    let wrong =
        Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong).public_links();
    assert!(asks_for_password(&wrong.admit(&knowing("a wrong secret")).await.map(drop)));
    assert!(asks_for_password(&wrong.admit(&bearer()).await.map(drop)));
}

#[tokio::test]
async fn a_proof_opens_without_a_password_and_costs_no_attempt() {
    for (good, opens) in [(true, true), (false, false)] {
        let mut fixture = Fixture::with(protected(), folder(FOLDER));
        fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
        fixture
            .link_access
            .expect_verify()
            .withf(|link, proof, at| (link, proof, *at) == (&protected(), "proof", NOW))
            .times(1)
            .returning(move |_, _, _| good);
        // A throttle without expectations: any call would panic.
        fixture.throttle = Some(MockThrottleRepository::new());
        let bearer = LinkBearer { access: Some("proof".to_owned()), ..bearer() };
        assert_eq!(fixture.public_links().get(&bearer, &ListQuery::default()).await.is_ok(), opens);
    }
    // With a stale proof, the password is used instead.
    let mut fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a quiet secret", PasswordCheck::Right);
    fixture.drive.expect_list().returning(|_, _, _, _| Ok(vec![]));
    fixture.link_access.expect_verify().returning(|_, _, _| false);
    let bearer = LinkBearer { access: Some("stale".to_owned()), ..knowing("a quiet secret") };
    assert!(fixture.public_links().get(&bearer, &ListQuery::default()).await.is_ok());
}

#[tokio::test]
async fn wrong_passwords_are_audited_and_missing_ones_are_not() {
    let fixture = Fixture::with(protected(), folder(FOLDER)).verdict("a wrong secret", PasswordCheck::Wrong);
    let trail = fixture.trail.clone();
    let public_links = fixture.public_links();
    assert!(public_links.open(&bearer(), None).await.is_err());
    assert_eq!(trail.read(), []);
    assert!(public_links.open(&knowing("a wrong secret"), None).await.is_err());
    assert!(public_links.open(&knowing(&"x".repeat(2_000)), None).await.is_err());
    let refused = LinkedItem { link: LINK, kind: NodeKind::Folder, node: FOLDER };
    let refused = (None, AuditAction::LinkPasswordRefused(refused));
    assert_eq!(trail.read(), [refused.clone(), refused]);
}
