//! Users, credentials and accounts.

use std::fmt;

use email_address::{EmailAddress, Options};
use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::Zeroizing;

use super::{BlobRef, EntryQuota, ParseError, Quota, Timestamp, UserId};

/// The most common passwords of at least eight characters, one per line, in lower case.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

/// A user name: 3–32 of `A–Z a–z 0–9 _ . -`, unique ignoring case. Surrounding spaces, as added by keyboards and the
/// clipboard, are trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Parses a user name.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let valid = (3..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new("must be 3 to 32 of A–Z a–z 0–9 _ . -"))
        }
    }

    /// The name as entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that must be unique.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// An e-mail address of at most 254 bytes, unique ignoring case. Surrounding spaces are trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses the bare address of a mailbox at a domain with a dot.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let valid = text.len() <= 254 && EmailAddress::parse_with_options(text, options).is_ok();
        if valid { Ok(Self(text.to_owned())) } else { Err(ParseError::new("must be a valid e-mail address")) }
    }

    /// The address as entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that must be unique.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// A user name or e-mail address, as entered to identify a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginIdentifier {
    /// The key of a user name.
    Username(String),
    /// The key of an e-mail address.
    Email(String),
}

impl LoginIdentifier {
    /// Parses any text: with an `@`, which user names cannot contain, it is an e-mail address.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.contains('@') { Self::Email(text.to_lowercase()) } else { Self::Username(text.to_ascii_lowercase()) }
    }
}

/// A password in clear, in Unicode normalisation form C. Its `Debug` output is redacted; its memory is
/// zeroed when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The maximum length of accepted input, in bytes.
    const MAX_BYTES: usize = 1024;

    /// Checks a new password: 8–128 characters, and not one of the 3,000 most common.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn choose(text: &str) -> Result<Self, ParseError> {
        let length = ParseError::new("must have 8 to 128 characters");
        let password = Self::attempt(text).ok_or(length)?;
        if !(8..=128).contains(&password.0.chars().count()) {
            return Err(length);
        }
        let lower = password.0.to_lowercase();
        if COMMON_PASSWORDS.lines().any(|common| common == lower) {
            return Err(ParseError::new("is one of the commonest passwords"));
        }
        Ok(password)
    }

    /// Accepts a password at login, whatever rules applied when it was chosen; none if it is excessively long.
    #[must_use]
    pub fn attempt(text: &str) -> Option<Self> {
        let short = text.len() <= Self::MAX_BYTES;
        short.then(|| Self(Zeroizing::new(ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned())))
    }

    /// The password in clear, for hashing.
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

/// A password hash in PHC string format or bcrypt format. Its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Wraps the output of a hasher.
    #[must_use]
    pub fn new(hash: String) -> Self {
        Self(Zeroizing::new(hash))
    }

    /// The hash, for verifying or storing.
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
    /// The user name, as entered.
    pub username: Username,
    /// The e-mail address, as entered.
    pub email: Email,
    /// When the account was created.
    pub created_at: Timestamp,
    /// The blob of the profile photo.
    pub photo: Option<BlobRef>,
}

/// A user with their drive's quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The quota of the user's drive.
    pub quota: Quota,
    /// The drive's quota of files and folders.
    pub entries: EntryQuota,
}

/// The credentials that a login is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: UserId,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// How often the password was changed. Proofs made with an earlier password are invalid.
    pub generation: u64,
    /// Whether logins are disabled.
    pub disabled: bool,
}

/// An account as shown to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// The account.
    pub account: Account,
    /// When it was disabled, if it is.
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
    fn login_identifiers_match_the_registered_keys() {
        let (name, address) = (Username::parse("Ann").unwrap(), Email::parse("Ann@Example.com").unwrap());
        assert_eq!(LoginIdentifier::parse("aNN"), LoginIdentifier::Username(name.key()));
        assert_eq!(LoginIdentifier::parse("aNN@eXAMPLE.com"), LoginIdentifier::Email(address.key()));
        // Surrounding spaces do not matter, at registration or login.
        assert_eq!(
            (Username::parse(" Ann\t"), Email::parse("\u{A0}Ann@Example.com ")),
            (Ok(name.clone()), Ok(address.clone()))
        );
        assert_eq!(LoginIdentifier::parse(" ann "), LoginIdentifier::Username(name.key()));
        assert_eq!(LoginIdentifier::parse("\nann@example.com"), LoginIdentifier::Email(address.key()));
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
    fn debug_output_hides_passwords_and_hashes() {
        let password = Password::choose("a quiet secret").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert_eq!(format!("{:?}", PasswordHash::new("$argon2id$".to_owned())), "PasswordHash(…)");
    }

    #[test]
    fn a_login_identifier_with_an_at_sign_is_an_address() {
        assert_eq!(LoginIdentifier::parse("Ann"), LoginIdentifier::Username("ann".to_owned()));
        assert_eq!(LoginIdentifier::parse("Ann@Example.com"), LoginIdentifier::Email("ann@example.com".to_owned()));
    }
}
