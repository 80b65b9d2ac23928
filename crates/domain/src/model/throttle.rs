//! How often something may be tried: what guessing and probing is counted by.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Handle, LinkId, UserId};

/// What is counted together. Each attempt takes one from its bucket, which fills up again at its [`Pace`].
///
/// An account has two buckets at its login. The strict one is that of the account from one address, so that whoever guesses
/// uses up no attempts but their own; the generous one is that of the account alone, for many who guess together. The latter
/// does not hold for addresses at which the account has a session, so nobody elsewhere can keep its owner out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Logins to one account, which may not exist, from one address.
    LoginFromAddress(LoginSubject, Network),
    /// Logins to one account, which may not exist, from anywhere.
    LoginOfAccount(LoginSubject),
    /// Logins from one address, to any account.
    LoginsOfAddress(Network),
    /// Registrations from one address: each tells whether a name is taken.
    Registration(Network),
    /// The current password, asked of a user who is logged in.
    CurrentPassword(UserId),
    /// Changes of a user's address: each tells whether one is taken.
    EmailChange(UserId),
    /// Whom a user shares with: each tells whether there is somebody of that name.
    ShareLookup(UserId),
    /// Passwords for one public link, by the link's identifier, from anywhere.
    LinkPassword(LinkId),
    /// Passwords for public links, from one address.
    LinkPasswordFromAddress(Network),
}

/// Which account a login is to. By its user name and by its e-mail address it is the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginSubject {
    /// An account.
    Account(UserId),
    /// What was typed, where there is no such account.
    Unknown(Handle),
}

impl LoginSubject {
    /// What it is kept under. No name and no address begins like the text of an unknown one.
    fn text(&self) -> String {
        match self {
            Self::Account(user) => user.to_string(),
            Self::Unknown(Handle::Username(key) | Handle::Email(key)) => format!("?{key}"),
        }
    }
}

/// What a bucket counts, without saying whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketKind {
    /// Of [`Bucket::LoginFromAddress`].
    LoginFromAddress,
    /// Of [`Bucket::LoginOfAccount`].
    LoginOfAccount,
    /// Of [`Bucket::LoginsOfAddress`].
    LoginsOfAddress,
    /// Of [`Bucket::Registration`].
    Registration,
    /// Of [`Bucket::CurrentPassword`].
    CurrentPassword,
    /// Of [`Bucket::EmailChange`].
    EmailChange,
    /// Of [`Bucket::ShareLookup`].
    ShareLookup,
    /// Of [`Bucket::LinkPassword`].
    LinkPassword,
    /// Of [`Bucket::LinkPasswordFromAddress`].
    LinkPasswordFromAddress,
}

/// So many attempts at once, and then one each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many a full bucket holds; at least 1.
    pub burst: u32,
    /// How long it takes until there is one more.
    pub interval: Duration,
}

/// Where attempts come from: an IPv4 address, or the first 64 bits of an IPv6 address, of which one customer has all the rest.
/// Somebody of whom no address is known comes from a place of that kind's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(Option<IpAddr>);

impl Network {
    /// The network of `address`.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
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

    /// A stable word for it.
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

    /// How often that may be tried. Attempts that prove somebody are given back, so these are what failures may come at.
    #[must_use]
    pub const fn pace(self) -> Pace {
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
        Pace { burst, interval: Duration::from_secs(seconds) }
    }
}

impl fmt::Display for BucketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Bucket {
    /// What it counts.
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

    /// What it is kept under: a digest, so that no name and no address is stored. It has at most 80 ASCII characters.
    #[must_use]
    pub fn key(&self) -> String {
        let text = match self {
            Self::LoginFromAddress(subject, network) => format!("{}\0{}", subject.text(), network.text()),
            Self::LoginOfAccount(subject) => subject.text(),
            Self::LoginsOfAddress(network) | Self::Registration(network) | Self::LinkPasswordFromAddress(network) => {
                network.text()
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

    fn network(text: &str) -> Network {
        Network::of(text.parse().ok())
    }

    #[test]
    fn one_customer_is_one_network() {
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("nowhere"), Network::of(None));
    }

    #[test]
    fn every_bucket_has_a_key_of_its_own_that_tells_nothing() {
        let unknown = |text| LoginSubject::Unknown(Handle::parse(text));
        let (ann, at) = (unknown("ann"), network("192.0.2.1"));
        let user = UserId::from_uuid(Uuid::from_u128(7));
        let buckets = [
            Bucket::LoginFromAddress(ann.clone(), at),
            Bucket::LoginFromAddress(ann.clone(), network("192.0.2.2")),
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
    fn every_kind_has_a_word_of_its_own_and_a_pace() {
        let words: HashSet<&str> = BucketKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), BucketKind::ALL.len());
        assert!(BucketKind::ALL.iter().all(|kind| kind.pace().burst > 0 && !kind.pace().interval.is_zero()));
    }
}
