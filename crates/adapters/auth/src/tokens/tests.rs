use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const SECRET: &[u8] = b"an example secret of 32 bytes ok";
const ISSUER: &str = "https://drive.example.com";
const AUDIENCE: &str = "clouddrive";
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn tokens() -> JwtTokens {
    JwtTokens::new(&MasterKey::new(SECRET).unwrap(), Algorithm::Hs256, ISSUER, AUDIENCE)
}

fn claims() -> AccessClaims {
    AccessClaims {
        token: TokenId::from_uuid(Uuid::from_u128(1)),
        user: UserId::from_uuid(Uuid::from_u128(2)),
        session: SessionId::from_uuid(Uuid::from_u128(3)),
        scopes: Scopes::full(),
        issued_at: NOW,
        expires_at: NOW.plus(HOUR),
    }
}

/// The claims of a valid token.
fn payload() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "typ": "access",
        "sub": Uuid::from_u128(2), "sid": Uuid::from_u128(3), "jti": Uuid::from_u128(1),
        "iat": NOW.as_seconds(), "nbf": NOW.as_seconds(), "exp": NOW.plus(HOUR).as_seconds(),
    })
}

/// `payload` with one claim replaced.
fn with(claim: &str, value: Value) -> Value {
    let mut payload = payload();
    payload[claim] = value;
    payload
}

/// Signs any claims, with the key for `purpose` of `secret`.
fn sign_with(secret: &[u8], purpose: Purpose, algorithm: Algorithm, payload: &Value) -> String {
    let key: [u8; 64] = MasterKey::new(secret).unwrap().expand(purpose);
    let header = Header::new(algorithm.to_library());
    jsonwebtoken::encode(&header, payload, &EncodingKey::from_secret(&key)).unwrap()
}

/// Signs any claims as the server does.
fn sign(payload: &Value) -> String {
    sign_with(SECRET, Purpose::AccessTokens, Algorithm::Hs256, payload)
}

fn reason(token: &str, now: Timestamp) -> Option<Unauthenticated> {
    match tokens().verify(token, now) {
        Ok(_) => None,
        Err(Error::Unauthenticated(reason)) => Some(reason),
        Err(other) => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_invalid(token: &str) {
    assert_eq!(reason(token, NOW), Some(Unauthenticated::InvalidToken), "{token}");
}

#[test]
fn while_keys_are_changed_both_are_accepted_and_one_signs() {
    let other = b"another secret of 32 bytes or so";
    let key = |secret| MasterKey::new(secret).unwrap();
    let new = |secret| JwtTokens::new(&key(secret), Algorithm::Hs256, ISSUER, AUDIENCE);
    let (before, after) = (new(SECRET), new(other).accepting(&key(SECRET)));
    let (old, fresh) = (before.issue(&claims()).unwrap(), after.issue(&claims()).unwrap());
    assert_eq!(after.verify(&old, NOW).unwrap(), claims());
    assert_eq!(after.verify(&fresh, NOW).unwrap(), claims());
    assert!(before.verify(&fresh, NOW).is_err() && new(other).verify(&old, NOW).is_err());
    assert_eq!(new(other).verify(&fresh, NOW).unwrap(), claims());
}

#[test]
fn a_token_of_ours_is_read_back() {
    for algorithm in ["HS256", "HS384", "HS512"] {
        let algorithm = Algorithm::parse(algorithm).unwrap();
        let tokens = JwtTokens::new(&MasterKey::new(SECRET).unwrap(), algorithm, ISSUER, AUDIENCE);
        let token = tokens.issue(&claims()).unwrap();
        assert!(token.len() < 600, "{} bytes", token.len());
        assert_eq!(tokens.verify(&token, NOW).unwrap(), claims());
    }
    assert_eq!(reason(&sign(&payload()), NOW), None);
}

#[test]
fn other_algorithms_are_not_known() {
    for text in ["", "none", "hs256", "RS256", "HS256 "] {
        assert!(Algorithm::parse(text).is_err(), "{text}");
    }
}

#[test]
fn times_are_rounded_down_to_the_second() {
    let late = Timestamp::from_millis(NOW.as_millis() + 999);
    let token = tokens().issue(&AccessClaims { issued_at: late, expires_at: late.plus(HOUR), ..claims() }).unwrap();
    assert_eq!(tokens().verify(&token, late).unwrap(), claims());
}

#[test]
fn without_an_algorithm_no_token_is_valid() {
    let token = tokens().issue(&claims()).unwrap();
    let payload = token.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}, {"alg":"None"}, {"typ":"JWT"}
    for header in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOb25lIn0", "eyJ0eXAiOiJKV1QifQ"] {
        assert_invalid(&format!("{header}.{payload}."));
        assert_invalid(&format!("{header}.{payload}"));
    }
}

#[test]
fn only_the_configured_algorithm_is_taken() {
    for algorithm in [Algorithm::Hs384, Algorithm::Hs512] {
        assert_invalid(&sign_with(SECRET, Purpose::AccessTokens, algorithm, &payload()));
    }
}

#[test]
fn only_the_key_for_access_tokens_is_taken() {
    let other = b"another secret of 32 bytes or so";
    assert_invalid(&sign_with(other, Purpose::AccessTokens, Algorithm::Hs256, &payload()));
    assert_invalid(&sign_with(SECRET, Purpose::SignedUrls, Algorithm::Hs256, &payload()));
    assert_invalid(&sign_with(SECRET, Purpose::Cursors, Algorithm::Hs256, &payload()));
}

#[test]
fn a_changed_payload_is_refused() {
    let mine = tokens().issue(&claims()).unwrap();
    let user = UserId::from_uuid(Uuid::from_u128(99));
    let other = tokens().issue(&AccessClaims { user, ..claims() }).unwrap();
    let mine: Vec<_> = mine.split('.').collect();
    let other: Vec<_> = other.split('.').collect();
    assert_invalid(&[mine[0], other[1], mine[2]].join("."));
}

#[test]
fn every_claim_is_required() {
    let names: Vec<_> = payload().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 9);
    for name in names {
        let mut payload = payload();
        payload.as_object_mut().unwrap().remove(&name);
        assert_invalid(&sign(&payload));
        assert_invalid(&sign(&with(&name, Value::Null)));
    }
}

#[test]
fn every_claim_must_have_its_own_json_type() {
    let soon = NOW.plus(HOUR).as_seconds();
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!(soon.to_string()),
            json!(NOW.as_seconds() as f64 + 0.5),
            json!(NOW.as_seconds() as f64),
            json!(true),
            json!([soon]),
            json!({ "at": soon }),
            json!(u64::MAX),
            json!(i64::MAX),
        ] {
            assert_invalid(&sign(&with(name, value)));
        }
    }
    for name in ["iss", "aud", "typ"] {
        let text = payload()[name].clone();
        assert_invalid(&sign(&with(name, json!([text]))));
        assert_invalid(&sign(&with(name, json!({ text.as_str().unwrap(): null }))));
    }
    for name in ["sub", "sid", "jti"] {
        assert_invalid(&sign(&with(name, json!(7))));
        assert_invalid(&sign(&with(name, json!("ann"))));
    }
    assert_invalid(&sign(&json!([payload()])));
}

#[test]
fn a_token_without_a_scope_has_all_and_one_with_a_scope_has_what_it_names() {
    let scopes = |claim: Option<&str>| {
        let payload = claim.map_or_else(payload, |claim| with("scope", json!(claim)));
        tokens().verify(&sign(&payload), NOW).unwrap().scopes
    };
    let of = |scopes: &[Scope]| scopes.iter().copied().collect::<Scopes>();
    assert_eq!(scopes(None), Scopes::full());
    assert_eq!(scopes(Some("read")), of(&[Scope::Read]));
    assert_eq!(scopes(Some("write read")), of(&[Scope::Read, Scope::Write]));
    assert_eq!(scopes(Some("read write account")), Scopes::full());
    for none in ["", " ", "READ", "readwrite", "admin", "read,write"] {
        assert_eq!(scopes(Some(none)), of(&[]), "{none}");
    }
    for value in [Value::Null, json!(true), json!(["read"]), json!({"read": true})] {
        assert_invalid(&sign(&with("scope", value)));
    }
}

#[test]
fn a_token_with_all_scopes_does_not_name_them() {
    let named = |scopes| {
        let token = tokens().issue(&AccessClaims { scopes, ..claims() }).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap().get("scope").cloned()
    };
    assert_eq!(named(Scopes::full()), None);
    assert_eq!(named([Scope::Write, Scope::Read].into_iter().collect()), Some(json!("read write")));
}

#[test]
fn tokens_of_other_kinds_and_places_are_refused() {
    assert_invalid(&sign(&with("typ", json!("refresh"))));
    assert_invalid(&sign(&with("typ", json!("Access"))));
    assert_invalid(&sign(&with("iss", json!("https://elsewhere.example.com"))));
    assert_invalid(&sign(&with("aud", json!("another"))));
    assert_invalid(&sign(&with("aud", json!([AUDIENCE, "another"]))));
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let twice = payload().to_string().replacen('{', &format!("{{\"exp\":{},", i64::from(u32::MAX)), 1);
    assert!(serde_json::from_str::<Claims<'_>>(&twice).is_err());
}

#[test]
fn a_token_ends_at_its_end_without_leeway() {
    let token = tokens().issue(&claims()).unwrap();
    let end = NOW.plus(HOUR);
    assert_eq!(reason(&token, end.minus(Duration::from_millis(1))), None);
    assert_eq!(reason(&token, end), Some(Unauthenticated::TokenExpired));
    assert_eq!(reason(&token, end.plus(HOUR)), Some(Unauthenticated::TokenExpired));
}

#[test]
fn what_is_known_of_a_token_is_checked_against_the_time_of_each_request() {
    let tokens = tokens();
    let token = tokens.issue(&claims()).unwrap();
    let (lag, end) = (Duration::from_secs(30), NOW.plus(HOUR));
    let moment = Duration::from_millis(1);
    let expired = Err(Error::Unauthenticated(Unauthenticated::TokenExpired));
    for (now, outcome) in [
        (NOW, Ok(claims())),
        (NOW.minus(lag), Ok(claims())),
        (NOW.minus(lag).minus(moment), Err(INVALID)),
        (end.minus(moment), Ok(claims())),
        (end, expired),
        (NOW, Ok(claims())),
    ] {
        assert_eq!(format!("{:?}", tokens.verify(&token, now)), format!("{outcome:?}"), "{now:?}");
    }
    let later = sign(&with("nbf", json!(NOW.as_seconds() + 31)));
    assert!(tokens.verify(&later, NOW).is_err());
    assert!(tokens.verify(&later, NOW.plus(moment * 1000)).is_ok());
}

#[test]
fn a_token_that_differs_in_one_character_from_one_that_was_verified_is_refused() {
    let tokens = tokens();
    let token = tokens.issue(&claims()).unwrap();
    assert_eq!(tokens.verify(&token, NOW).unwrap(), claims());
    for at in 0..token.len() {
        // Another character of Base64, which differs also in the bits of the last one that count.
        let other = if &token[at..=at] == "A" { "z" } else { "A" };
        let tampered = [&token[..at], other, &token[at + 1..]].concat();
        assert!(tokens.verify(&tampered, NOW).is_err(), "{tampered}");
    }
    for tampered in
        [format!("{token}A"), token[..token.len() - 1].to_owned(), format!(" {token}"), token.to_uppercase()]
    {
        assert!(tokens.verify(&tampered, NOW).is_err(), "{tampered}");
    }
    assert_eq!(tokens.verify(&token, NOW).unwrap(), claims());
}

#[test]
fn an_expired_token_that_is_not_genuine_is_invalid() {
    let expired = with("exp", json!(NOW.as_seconds() - 1));
    assert_eq!(reason(&sign(&expired), NOW), Some(Unauthenticated::TokenExpired));
    let other = b"another secret of 32 bytes or so";
    assert_invalid(&sign_with(other, Purpose::AccessTokens, Algorithm::Hs256, &expired));
    let mut refresh = expired;
    refresh["typ"] = json!("refresh");
    assert_invalid(&sign(&refresh));
}

#[test]
fn a_clock_may_lag_by_thirty_seconds() {
    for name in ["iat", "nbf"] {
        assert_eq!(reason(&sign(&with(name, json!(NOW.as_seconds() + 30))), NOW), None);
        assert_invalid(&sign(&with(name, json!(NOW.as_seconds() + 31))));
    }
}

#[test]
fn a_long_token_is_not_even_read() {
    let room = MAX_BYTES - sign(&with("note", json!(""))).len();
    let fits = sign(&with("note", json!("x".repeat(room * 3 / 4))));
    assert!(fits.len() <= MAX_BYTES);
    assert_eq!(reason(&fits, NOW), None);
    let long = sign(&with("note", json!("x".repeat(room))));
    assert!(long.len() > MAX_BYTES);
    assert_invalid(&long);
}

#[test]
fn it_prints_no_secrets() {
    let printed = format!("{:?}", tokens());
    assert_eq!(
        printed,
        "JwtTokens { algorithm: HS256, issuer: \"https://drive.example.com\", audience: \"clouddrive\", .. }"
    );
}
