//! Conformance suite for [`Passwords`].
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use clouddrive_domain::Error;
use clouddrive_domain::model::{Password, PasswordHash};
use clouddrive_domain::port::{PasswordCheck, Passwords};
use futures_util::future::join_all;

use crate::case::suite;

suite! {
    $ passwords(passwords: &dyn Passwords) (passwords)

    self of "`Passwords::verify`: Verifies `password` against `hash`." {
        right_and_wrong_passwords_are_distinguished,
    }

    self of "`Passwords::hash`: the same password MUST get a different hash each time" {
        the_same_password_has_another_hash_each_time,
    }

    self of "`Passwords::hash`: Every byte of the password MUST count" {
        every_byte_of_a_password_counts,
    }

    self of "`Passwords::hash`: MUST NOT show it" {
        a_hash_does_not_show_the_password,
    }

    self of "`Passwords::verify`: An unreadable hash is [`PasswordCheck::Wrong`]." {
        a_hash_that_cannot_be_read_is_wrong,
    }

    self of "`Passwords::verify_unknown`: for a user that does not exist" {
        an_unknown_user_is_verified_without_an_error,
    }

    self of "`Passwords`: if too many calls are already waiting" {
        many_at_once_are_answered_or_turned_away,
    }
}

fn password(text: &str) -> Password {
    Password::attempt(text).unwrap()
}

/// The right password verifies, wrong ones do not, and a fresh hash is not outdated.
async fn right_and_wrong_passwords_are_distinguished(passwords: &dyn Passwords) {
    let hash = passwords.hash(&password("a quiet secret")).await.unwrap();
    assert_eq!(passwords.verify(&password("a quiet secret"), &hash).await.unwrap(), PasswordCheck::Right);
    for wrong in ["", "A quiet secret", "a quiet secret ", " a quiet secret", "a quiet secre", "a quiet secret\0"] {
        let verdict = passwords.verify(&password(wrong), &hash).await.unwrap();
        assert_eq!(verdict, PasswordCheck::Wrong, "{wrong:?} was taken for the password");
    }
}

/// Each hash has its own salt, and each verifies.
async fn the_same_password_has_another_hash_each_time(passwords: &dyn Passwords) {
    let secret = password("a quiet secret");
    let one = passwords.hash(&secret).await.unwrap();
    let other = passwords.hash(&secret).await.unwrap();
    assert_ne!(one.expose(), other.expose(), "two hashes have the same salt");
    assert_eq!(passwords.verify(&secret, &one).await.unwrap(), PasswordCheck::Right);
    assert_eq!(passwords.verify(&secret, &other).await.unwrap(), PasswordCheck::Right);
}

/// Passwords are not truncated: not after 72 bytes, not at 128 characters, not at a NUL.
async fn every_byte_of_a_password_counts(passwords: &dyn Passwords) {
    for (long, other) in [
        ("x".repeat(72) + "y", "x".repeat(72) + "z"),
        ("語".repeat(127) + "一", "語".repeat(127) + "二"),
        ("quiet\0secret".to_owned(), "quiet\0other".to_owned()),
    ] {
        let hash = passwords.hash(&password(&long)).await.unwrap();
        assert_eq!(passwords.verify(&password(&long), &hash).await.unwrap(), PasswordCheck::Right, "{long:?}");
        assert_eq!(passwords.verify(&password(&other), &hash).await.unwrap(), PasswordCheck::Wrong, "{other:?}");
    }
}

/// The hash does not contain the password.
async fn a_hash_does_not_show_the_password(passwords: &dyn Passwords) {
    let hash = passwords.hash(&password("a-quiet-secret")).await.unwrap();
    assert!(!hash.expose().contains("quiet"), "the password stands in its hash");
}

/// A malformed hash gives `PasswordCheck::Wrong`, not an error.
async fn a_hash_that_cannot_be_read_is_wrong(passwords: &dyn Passwords) {
    let secret = password("a quiet secret");
    let whole = passwords.hash(&secret).await.unwrap();
    let half: String = whole.expose().chars().take(whole.expose().len() / 2).collect();
    for text in ["", "a quiet secret", "$", "$$$$", "$2b$", "$2b$12$", "$argon2id$", "$argon2id$v=19$", "ä", &half] {
        let verdict = passwords.verify(&secret, &PasswordHash::new(text.to_owned())).await.unwrap();
        assert_eq!(verdict, PasswordCheck::Wrong, "{text:?} was taken for a hash");
    }
}

/// Verification for an unknown user succeeds.
async fn an_unknown_user_is_verified_without_an_error(passwords: &dyn Passwords) {
    passwords.verify_unknown(&password("a quiet secret")).await.unwrap();
    passwords.verify_unknown(&password("")).await.unwrap();
}

/// Each of many concurrent calls gets the right verdict or fails with `Unavailable`.
async fn many_at_once_are_answered_or_turned_away(passwords: &dyn Passwords) {
    let secret = password("a quiet secret");
    let hash = passwords.hash(&secret).await.unwrap();
    let verdicts = join_all((0..16).map(|_| passwords.verify(&secret, &hash))).await;
    assert!(verdicts.iter().any(Result::is_ok), "no caller was answered");
    for verdict in verdicts {
        let expected = matches!(verdict, Ok(PasswordCheck::Right) | Err(Error::Unavailable { .. }));
        assert!(expected, "one of many was answered {verdict:?}");
    }
}
