//! Accounts: who can log in, and with what.

use std::fmt;

use email_address::{EmailAddress, Options};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::{BlobKey, EntryQuota, Quota, Timestamp, UserId};

/// The commonest passwords of at least eight characters, one a line, in lower case.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// A user name: 3–32 of `A–Z a–z 0–9 _ . -`, unique without regard to case. Spaces around it, as keyboards and the clipboard
/// add them, are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Checks `text`.
    ///
    /// # Errors
    /// The rule, for people, when it is broken.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let valid = (3..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if valid { Ok(Self(text.to_owned())) } else { Err("must be 3 to 32 of A–Z a–z 0–9 _ . -") }
    }

    /// The name as its user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// An e-mail address of at most 254 bytes, unique without regard to case. Spaces around it are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Checks that `text` is the bare address of a mailbox at a domain with a dot.
    ///
    /// # Errors
    /// The rule, for people, when it is broken.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let valid = text.len() <= 254 && EmailAddress::parse_with_options(text, options).is_ok();
        if valid { Ok(Self(text.to_owned())) } else { Err("must be a valid e-mail address") }
    }

    /// The address as its user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// What somebody typed to say who they or another are: a user name or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle {
    /// The key of a user name.
    Username(String),
    /// The key of an e-mail address.
    Email(String),
}

impl Handle {
    /// Tells the two apart by the `@`, which no user name has. Any text is a handle; few name somebody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.contains('@') { Self::Email(text.to_lowercase()) } else { Self::Username(text.to_ascii_lowercase()) }
    }
}

/// A password in clear, in Unicode normalisation form C. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The longest text that is even looked at, in bytes.
    const MAX_BYTES: usize = 1024;

    /// Checks a password that somebody chooses: 8–128 characters, and none of the commonest 3,000.
    ///
    /// # Errors
    /// The rule, for people, when it is broken.
    pub fn choose(text: &str) -> Result<Self, &'static str> {
        let password = Self::attempt(text).ok_or("must have 8 to 128 characters")?;
        if !(8..=128).contains(&password.0.chars().count()) {
            return Err("must have 8 to 128 characters");
        }
        let lower = password.0.to_lowercase();
        if COMMON_PASSWORDS.lines().any(|common| common == lower) {
            return Err("is one of the commonest passwords");
        }
        Ok(password)
    }

    /// Takes what somebody typed at login, whatever rules held when it was chosen; none when it is absurdly long.
    #[must_use]
    pub fn attempt(text: &str) -> Option<Self> {
        let short = text.len() <= Self::MAX_BYTES;
        short.then(|| Self(ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()))
    }

    /// The password itself, for whoever hashes it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password's hash, in PHC string format or as bcrypt writes it. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what a hasher made.
    #[must_use]
    pub const fn new(hash: String) -> Self {
        Self(hash)
    }

    /// The hash itself, for whoever verifies or stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// The user name, as its user wrote it.
    pub username: Username,
    /// The e-mail address, as its user wrote it.
    pub email: Email,
    /// When the account was made.
    pub created_at: Timestamp,
    /// The blob of the profile photo.
    pub photo: Option<BlobKey>,
}

/// A user with the quota of their drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The quota of the user's drive.
    pub quota: Quota,
    /// How many files and folders it may have, and has.
    pub entries: EntryQuota,
}

/// What a login is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub user: UserId,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// How often the password was changed. What was proven with a former one does not count any more.
    pub generation: u64,
    /// Whether nobody is let in, whatever they prove.
    pub disabled: bool,
}

/// An account as those see it who run the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// The account.
    pub account: Account,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names() {
        for text in ["ann", "Ann.Lee-2_x", &"a".repeat(32)] {
            assert!(Username::parse(text).is_ok(), "{text}");
        }
        for text in ["", "ab", "ann lee", "änn", "a@b", "a/b", &"a".repeat(33)] {
            assert!(Username::parse(text).is_err(), "{text}");
        }
        let ann = Username::parse("Ann").unwrap();
        assert_eq!((ann.as_str(), ann.key().as_str()), ("Ann", "ann"));
    }

    #[test]
    fn email_addresses() {
        for text in ["ann@example.com", "Ann.Lee+drive@mail.example.org"] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
        let long = format!("ann@{}.com", "a".repeat(260));
        for text in
            ["", "ann", "ann@", "@example.com", "ann@example", "Ann <ann@example.com>", "a b@example.com", &long]
        {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        let ann = Email::parse("Ann.Lee@Example.COM").unwrap();
        assert_eq!((ann.as_str(), ann.key().as_str()), ("Ann.Lee@Example.COM", "ann.lee@example.com"));
    }

    #[test]
    fn whoever_logs_in_is_found_under_the_key_that_they_registered_with() {
        let (name, address) = (Username::parse("Ann").unwrap(), Email::parse("Ann@Example.com").unwrap());
        assert_eq!(Handle::parse("aNN"), Handle::Username(name.key()));
        assert_eq!(Handle::parse("aNN@eXAMPLE.com"), Handle::Email(address.key()));
        // Whatever stands around it at either time.
        assert_eq!(
            (Username::parse(" Ann\t"), Email::parse("\u{A0}Ann@Example.com ")),
            (Ok(name.clone()), Ok(address.clone()))
        );
        assert_eq!(Handle::parse(" ann "), Handle::Username(name.key()));
        assert_eq!(Handle::parse("\nann@example.com"), Handle::Email(address.key()));
    }

    #[test]
    fn passwords_are_counted_in_characters_after_normalisation() {
        assert!(Password::choose("sieben7").is_err());
        assert!(Password::choose("e\u{301}e\u{301}e\u{301}e\u{301}").is_err());
        assert!(Password::choose(&"語".repeat(128)).is_ok());
        assert!(Password::choose(&"x".repeat(129)).is_err());
        assert_eq!(Password::choose("cafe\u{301} au lait").unwrap(), Password::choose("café au lait").unwrap());
        assert_eq!(Password::attempt("cafe\u{301} au lait").unwrap().expose(), "café au lait");
    }

    #[test]
    fn the_commonest_passwords_are_refused_in_any_case() {
        assert!(COMMON_PASSWORDS.lines().count() >= 3000);
        for text in ["password", "PassWord1", "1234567890", "qwertyuiop"] {
            assert!(Password::choose(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_print_as_nothing() {
        let password = Password::choose("a quiet secret").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert_eq!(format!("{:?}", PasswordHash::new("$argon2id$".to_owned())), "PasswordHash(…)");
    }

    #[test]
    fn a_handle_is_an_address_when_it_has_an_at_sign() {
        assert_eq!(Handle::parse("Ann"), Handle::Username("ann".to_owned()));
        assert_eq!(Handle::parse("Ann@Example.com"), Handle::Email("ann@example.com".to_owned()));
    }
}
