//! Conformance suite for [`Tokens`].
#![expect(clippy::unwrap_used, reason = "a suite fails by a panic")]

use std::str::FromStr;
use std::time::Duration;

use clouddrive_domain::Error;
use clouddrive_domain::error::Unauthenticated;
use clouddrive_domain::model::{AccessClaims, Scope, Scopes, Timestamp, UserId};
use clouddrive_domain::port::Tokens;

use crate::case::suite;

suite! {
    $ tokens(tokens: &dyn Tokens) (tokens)

    self of "`Tokens::issue`: Signs `claims`." {
        a_token_says_what_it_was_made_of,
        a_token_keeps_its_scopes,
    }

    self of "`Tokens::issue`: Times are kept to the second." {
        times_are_kept_to_the_second,
    }

    self of "`Tokens::verify`: for a genuine token that has expired" {
        a_token_ends_at_its_end,
    }

    self of "`Tokens::verify`: for anything else that is not a genuine access token" {
        a_token_changed_anywhere_is_invalid,
        parts_of_two_tokens_make_no_third,
        arbitrary_text_is_no_token,
        a_token_without_a_signature_is_invalid,
        a_changed_token_is_not_called_expired,
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LIFETIME: Duration = Duration::from_secs(900);

fn user(text: &str) -> UserId {
    UserId::from_str(text).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        token: "01970000-0000-7000-8000-000000000001".parse().unwrap(),
        user: user("01970000-0000-7000-8000-000000000002"),
        session: "01970000-0000-7000-8000-000000000003".parse().unwrap(),
        scopes: Scopes::full(),
        issued_at: NOW,
        expires_at: NOW.plus(LIFETIME),
    }
}

fn assert_refused(tokens: &dyn Tokens, token: &str, now: Timestamp, why: Unauthenticated) {
    let answer = tokens.verify(token, now);
    let expected = matches!(&answer, Err(Error::Unauthenticated(reason)) if *reason == why);
    assert!(expected, "{token:?} was answered {answer:?} instead of {why:?}");
}

/// Claims round-trip, and a token is valid from its issue time on.
async fn a_token_says_what_it_was_made_of(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims()).unwrap();
    assert_eq!(tokens.verify(&token, NOW).unwrap(), claims());
    assert_eq!(tokens.verify(&token, NOW.plus(LIFETIME / 2)).unwrap(), claims());
}

/// A narrow token stays narrow.
async fn a_token_keeps_its_scopes(tokens: &dyn Tokens) {
    for scopes in [vec![], vec![Scope::Read], vec![Scope::Read, Scope::Write]] {
        let claims = AccessClaims { scopes: scopes.into_iter().collect(), ..claims() };
        assert_eq!(tokens.verify(&tokens.issue(&claims).unwrap(), NOW).unwrap(), claims);
    }
}

/// Rounding may cost less than a second of a token's lifetime, and never extends it.
async fn times_are_kept_to_the_second(tokens: &dyn Tokens) {
    let odd = Timestamp::from_millis(NOW.as_millis() + 789);
    let claims = AccessClaims { issued_at: odd, expires_at: odd.plus(LIFETIME), ..claims() };
    let read = tokens.verify(&tokens.issue(&claims).unwrap(), odd).unwrap();
    for (kept, true_time) in [(read.issued_at, claims.issued_at), (read.expires_at, claims.expires_at)] {
        let lost = true_time.as_millis() - kept.as_millis();
        assert!((0..1000).contains(&lost), "{true_time:?} was kept as {kept:?}");
    }
}

/// A token is valid until just before its expiry, and expired from then on.
async fn a_token_ends_at_its_end(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims()).unwrap();
    let end = claims().expires_at;
    assert!(tokens.verify(&token, end.minus(Duration::from_millis(1))).is_ok(), "the token ended early");
    for late in [end, end.plus(Duration::from_secs(1)), end.plus(Duration::from_secs(1_000_000))] {
        assert_refused(tokens, &token, late, Unauthenticated::TokenExpired);
    }
}

/// No byte of a token can be changed, removed or added.
async fn a_token_changed_anywhere_is_invalid(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims()).unwrap();
    let bytes = token.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let other = if *byte == b'A' { b'B' } else { b'A' };
        for middle in [vec![other], vec![], vec![*byte, other]] {
            let changed = [bytes.get(..at).unwrap(), &middle, bytes.get(at + 1..).unwrap()].concat();
            if changed != bytes {
                let changed = String::from_utf8_lossy(&changed);
                assert_refused(tokens, &changed, NOW, Unauthenticated::InvalidToken);
            }
        }
    }
    for changed in [format!(" {token}"), format!("{token} "), format!("{token}."), format!("{token}=")] {
        assert_refused(tokens, &changed, NOW, Unauthenticated::InvalidToken);
    }
}

/// A token spliced from two others is invalid.
async fn parts_of_two_tokens_make_no_third(tokens: &dyn Tokens) {
    let one = tokens.issue(&claims()).unwrap();
    let another = AccessClaims { user: user("01970000-0000-7000-8000-0000000000ff"), ..claims() };
    let other = tokens.issue(&another).unwrap();
    assert_ne!(one, other);
    for at in 1..one.len().min(other.len()) {
        let (Some(head), Some(tail)) = (one.get(..at), other.get(at..)) else {
            continue;
        };
        let spliced = format!("{head}{tail}");
        if spliced != one && spliced != other {
            assert_refused(tokens, &spliced, NOW, Unauthenticated::InvalidToken);
        }
    }
}

/// Any other text, of any length, is invalid.
async fn arbitrary_text_is_no_token(tokens: &dyn Tokens) {
    let long = "a".repeat(1_000_000);
    let dots = ".".repeat(1_000_000);
    for text in ["", ".", "..", "...", "null", "{}", "a.b.c", "ä.ö.ü", "\0", "Bearer x", &long, &dots] {
        assert_refused(tokens, text, NOW, Unauthenticated::InvalidToken);
    }
}

/// A JWT with the algorithm `none` is invalid.
async fn a_token_without_a_signature_is_invalid(tokens: &dyn Tokens) {
    let token = tokens.issue(&claims()).unwrap();
    let payload = token.split('.').nth(1).unwrap_or_default();
    let header = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    for unsigned in [format!("{header}.{payload}."), format!("{header}.{payload}")] {
        assert_refused(tokens, &unsigned, NOW, Unauthenticated::InvalidToken);
    }
}

/// Only a genuine token is reported as expired.
async fn a_changed_token_is_not_called_expired(tokens: &dyn Tokens) {
    let mut token = tokens.issue(&claims()).unwrap();
    let last = token.pop().unwrap();
    token.push(if last == 'A' { 'B' } else { 'A' });
    assert_refused(tokens, &token, claims().expires_at, Unauthenticated::InvalidToken);
}
