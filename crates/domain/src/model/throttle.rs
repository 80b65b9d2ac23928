//! Rate limits against guessing and probing.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{LinkId, LoginIdentifier, Timestamp, UserId};
use crate::error::Error;

/// A rate limit bucket. Each attempt takes one token; tokens are refilled at the bucket's [`RateLimit`].
///
/// Logins to an account count against two buckets: a strict one per account and address, so that guessers use up only
/// their own attempts; and a generous one per account, against distributed guessing. The latter is skipped for
/// addresses where the account has a session, so that attackers elsewhere cannot lock its owner out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bucket {
    /// Logins to one account, existing or not, from one address.
    LoginFromAddress(LoginSubject, ClientSubnet),
    /// Logins to one account, existing or not, from anywhere.
    LoginOfAccount(LoginSubject),
    /// Logins from one address, to any account.
    LoginsOfAddress(ClientSubnet),
    /// Registrations from one address: each reveals whether a name is taken.
    Registration(ClientSubnet),
    /// Checks of the current password of a logged-in user.
    CurrentPassword(UserId),
    /// E-mail address changes of a user: each reveals whether an address is taken.
    EmailChange(UserId),
    /// Look-ups of users to share with: each reveals whether a user exists.
    ShareLookup(UserId),
    /// Password attempts for one public link, by its identifier, from anywhere.
    LinkPassword(LinkId),
    /// Password attempts for public links, from one address.
    LinkPasswordFromAddress(ClientSubnet),
}

/// The account that a login is for: the same by user name or by e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginSubject {
    /// An existing account.
    Account(UserId),
    /// The given identifier, if there is no such account.
    Unknown(LoginIdentifier),
}

impl LoginSubject {
    /// The text that the bucket key hashes. The `?` keeps unknown identifiers distinct from account identifiers.
    fn text(&self) -> String {
        match self {
            Self::Account(user) => user.to_string(),
            Self::Unknown(LoginIdentifier::Username(key) | LoginIdentifier::Email(key)) => format!("?{key}"),
        }
    }
}

/// The kind of a bucket, without its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BucketKind {
    /// See [`Bucket::LoginFromAddress`].
    LoginFromAddress,
    /// See [`Bucket::LoginOfAccount`].
    LoginOfAccount,
    /// See [`Bucket::LoginsOfAddress`].
    LoginsOfAddress,
    /// See [`Bucket::Registration`].
    Registration,
    /// See [`Bucket::CurrentPassword`].
    CurrentPassword,
    /// See [`Bucket::EmailChange`].
    EmailChange,
    /// See [`Bucket::ShareLookup`].
    ShareLookup,
    /// See [`Bucket::LinkPassword`].
    LinkPassword,
    /// See [`Bucket::LinkPasswordFromAddress`].
    LinkPasswordFromAddress,
}

/// A rate: `burst` attempts at once, then one per `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The capacity of a bucket; at least 1.
    pub burst: u32,
    /// The time to refill one attempt.
    pub interval: Duration,
}

impl RateLimit {
    /// How far ahead of now a bucket may be [full again](BucketLevel::full_at) for an attempt to be allowed.
    #[must_use]
    pub const fn burst_window(self) -> Duration {
        self.interval.saturating_mul(self.burst.saturating_sub(1))
    }
}

/// The most that a clock may lag behind the latest time that a bucket has seen; a greater lag counts as this much.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// The level of a bucket, by the generic cell rate algorithm.
///
/// Concurrent attempts have timestamps of several clocks and arrive in any order. Comparing with the latest time that
/// the bucket has seen keeps a late attempt from being refused because of earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketLevel {
    /// When the bucket is full again, its *theoretical arrival time*. Each attempt advances it by one interval, at most
    /// the whole burst ahead of now.
    pub full_at: Timestamp,
    /// The latest time that the bucket has seen.
    pub seen: Timestamp,
}

impl BucketLevel {
    /// A bucket that is full at `now`, as every unknown one is.
    #[must_use]
    pub const fn full(now: Timestamp) -> Self {
        Self { full_at: now, seen: now }
    }

    /// Whether the bucket is full at `now`.
    #[must_use]
    pub fn is_full(self, now: Timestamp) -> bool {
        self.full_at <= now
    }

    /// How long an attempt at `now` has to wait; none if it is allowed.
    #[must_use]
    pub fn wait(self, rate: RateLimit, now: Timestamp) -> Option<Duration> {
        let due = self.full_at.minus(rate.burst_window());
        let refused = due > self.seen.clamp(now, now.plus(CLOCK_TOLERANCE));
        let wait = due.as_millis().saturating_sub(now.as_millis());
        refused.then(|| Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
    }

    /// The level after an attempt at `now`, which [need not wait](Self::wait).
    #[must_use]
    pub fn take(self, rate: RateLimit, now: Timestamp) -> Self {
        Self { full_at: self.full_at.max(now).plus(rate.interval), seen: self.seen.max(now) }
    }

    /// The level after an attempt is given back.
    #[must_use]
    pub fn give_back(self, rate: RateLimit) -> Self {
        Self { full_at: self.full_at.minus(rate.interval), ..self }
    }
}

/// The origin of attempts: an IPv4 address, or the /64 prefix of an IPv6 address, since one customer has all of it.
/// Clients without a known address share one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientSubnet(Option<IpAddr>);

impl ClientSubnet {
    /// The network of `address`.
    #[must_use]
    pub fn from_address(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    pub(super) fn text(self) -> String {
        self.0.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
    }
}

impl BucketKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::LoginFromAddress,
        Self::LoginOfAccount,
        Self::LoginsOfAddress,
        Self::Registration,
        Self::CurrentPassword,
        Self::EmailChange,
        Self::ShareLookup,
        Self::LinkPassword,
        Self::LinkPasswordFromAddress,
    ];

    /// The stable word for the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoginFromAddress => "login_from_address",
            Self::LoginOfAccount => "login_of_account",
            Self::LoginsOfAddress => "logins_of_address",
            Self::Registration => "registration",
            Self::CurrentPassword => "current_password",
            Self::EmailChange => "email_change",
            Self::ShareLookup => "share_lookup",
            Self::LinkPassword => "link_password",
            Self::LinkPasswordFromAddress => "link_password_from_address",
        }
    }

    /// The rate limit. Successful attempts are given back, so that it limits failures only.
    #[must_use]
    pub const fn rate_limit(self) -> RateLimit {
        let (burst, seconds) = match self {
            Self::LoginFromAddress | Self::CurrentPassword => (10, 30),
            Self::LoginOfAccount => (100, 10),
            Self::LoginsOfAddress => (100, 3),
            Self::Registration => (20, 60),
            Self::EmailChange => (10, 300),
            Self::ShareLookup => (100, 5),
            Self::LinkPassword => (100, 10),
            Self::LinkPasswordFromAddress => (20, 15),
        };
        RateLimit { burst, interval: Duration::from_secs(seconds) }
    }

    /// The error for an attempt that has to wait this long.
    #[must_use]
    pub const fn refusal(self, retry_after: Duration) -> Error {
        Error::RateLimited { bucket: self, limit: self.rate_limit().burst, retry_after }
    }
}

impl fmt::Display for BucketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Bucket {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> BucketKind {
        match self {
            Self::LoginFromAddress(..) => BucketKind::LoginFromAddress,
            Self::LoginOfAccount(_) => BucketKind::LoginOfAccount,
            Self::LoginsOfAddress(_) => BucketKind::LoginsOfAddress,
            Self::Registration(_) => BucketKind::Registration,
            Self::CurrentPassword(_) => BucketKind::CurrentPassword,
            Self::EmailChange(_) => BucketKind::EmailChange,
            Self::ShareLookup(_) => BucketKind::ShareLookup,
            Self::LinkPassword(_) => BucketKind::LinkPassword,
            Self::LinkPasswordFromAddress(_) => BucketKind::LinkPasswordFromAddress,
        }
    }

    /// The key under which it is stored, at most 80 ASCII characters: a digest, so that no name or address is stored.
    #[must_use]
    pub fn key(&self) -> String {
        let text = match self {
            Self::LoginFromAddress(subject, subnet) => format!("{}\0{}", subject.text(), subnet.text()),
            Self::LoginOfAccount(subject) => subject.text(),
            Self::LoginsOfAddress(subnet) | Self::Registration(subnet) | Self::LinkPasswordFromAddress(subnet) => {
                subnet.text()
            }
            Self::CurrentPassword(user) | Self::EmailChange(user) | Self::ShareLookup(user) => user.to_string(),
            Self::LinkPassword(link) => link.to_string(),
        };
        let word = self.kind().as_str();
        let digest = Sha256::digest(format!("{word}\0{text}"));
        format!("{word}:{}", URL_SAFE_NO_PAD.encode(digest))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn subnet(text: &str) -> ClientSubnet {
        ClientSubnet::from_address(text.parse().ok())
    }

    #[test]
    fn one_customer_is_one_network() {
        assert_eq!(subnet("192.0.2.1"), subnet("::ffff:192.0.2.1"));
        assert_ne!(subnet("192.0.2.1"), subnet("192.0.2.2"));
        assert_eq!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:2:ffff::9"));
        assert_ne!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:3::1"));
        assert_eq!(subnet("nowhere"), ClientSubnet::from_address(None));
    }

    #[test]
    fn every_bucket_has_a_key_of_its_own_that_tells_nothing() {
        let unknown = |text| LoginSubject::Unknown(LoginIdentifier::parse(text));
        let (ann, at) = (unknown("ann"), subnet("192.0.2.1"));
        let user = UserId::from_uuid(Uuid::from_u128(7));
        let buckets = [
            Bucket::LoginFromAddress(ann.clone(), at),
            Bucket::LoginFromAddress(ann.clone(), subnet("192.0.2.2")),
            Bucket::LoginFromAddress(unknown("ben"), at),
            Bucket::LoginFromAddress(LoginSubject::Account(user), at),
            Bucket::LoginOfAccount(LoginSubject::Account(user)),
            Bucket::LoginOfAccount(unknown(&user.to_string())),
            Bucket::LoginOfAccount(ann),
            Bucket::LoginsOfAddress(at),
            Bucket::Registration(at),
            Bucket::CurrentPassword(user),
            Bucket::EmailChange(user),
            Bucket::ShareLookup(user),
            Bucket::LinkPassword(LinkId::from_uuid(Uuid::from_u128(7))),
            Bucket::LinkPasswordFromAddress(at),
        ];
        let keys: HashSet<String> = buckets.iter().map(Bucket::key).collect();
        assert_eq!(keys.len(), buckets.len());
        assert!(keys.iter().all(|key| key.len() <= 80 && key.is_ascii()), "{keys:?}");
        assert!(keys.iter().all(|key| !key.contains("192.0.2") && !key.contains("ann:")), "{keys:?}");
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_attempt_per_interval() {
        let rate = RateLimit { burst: 3, interval: Duration::from_secs(10) };
        let at = |seconds: u64| Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds));
        let mut level = BucketLevel::full(at(0));
        for _ in 0..3 {
            assert_eq!(level.wait(rate, at(0)), None);
            level = level.take(rate, at(0));
        }
        assert_eq!(level.wait(rate, at(4)), Some(Duration::from_secs(6)));
        assert_eq!(level.wait(rate, at(10)), None);
        assert_eq!(level.give_back(rate).wait(rate, at(0)), None);
        assert!(!level.is_full(at(29)) && level.is_full(at(30)));
    }

    #[test]
    fn a_clock_may_lag_by_the_tolerance_and_no_more() {
        let rate = RateLimit { burst: 2, interval: Duration::from_secs(10) };
        let now = Timestamp::from_millis(1_000_000);
        let level = BucketLevel::full(now).take(rate, now);
        assert_eq!(level.wait(rate, now.minus(CLOCK_TOLERANCE)), None);
        let late = CLOCK_TOLERANCE + Duration::from_millis(1);
        assert_eq!(level.wait(rate, now.minus(late)), Some(late));
    }

    #[test]
    fn every_kind_has_a_word_of_its_own_and_a_rate_limit() {
        let words: HashSet<&str> = BucketKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), BucketKind::ALL.len());
        assert!(
            BucketKind::ALL.iter().all(|kind| kind.rate_limit().burst > 0 && !kind.rate_limit().interval.is_zero())
        );
    }
}
