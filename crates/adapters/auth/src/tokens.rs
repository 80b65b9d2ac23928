//! Access tokens as JSON Web Tokens (RFC 7519), signed with HMAC.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use clouddrive_domain::error::Unauthenticated;
use clouddrive_domain::model::{AccessClaims, Scope, Scopes, SessionId, Timestamp, TokenId, UserId};
use clouddrive_domain::port::Tokens;
use clouddrive_domain::{Error, Result};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::keys::{MasterKey, Purpose};
use crate::verified_tokens::VerifiedTokens;

/// The maximum length of a token in bytes. Ours have about 500.
const MAX_BYTES: usize = 4096;

/// The `typ` claim. A token of another type, signed with the same key, is not an access token.
const ACCESS: &str = "access";

/// How far the clock of the verifying instance may lag behind that of the issuing one.
///
/// Applies to `iat` and `nbf` only. The expiry has no leeway: the session behind a token ends with it, and a clock that
/// runs ahead merely makes its user log in a little sooner.
const LEEWAY: Duration = Duration::from_secs(30);

/// The signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// Parses the name from RFC 7518.
    ///
    /// # Errors
    /// A human-readable message if the name is unknown.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "HS256" => Ok(Self::Hs256),
            "HS384" => Ok(Self::Hs384),
            "HS512" => Ok(Self::Hs512),
            _ => Err("must be HS256, HS384 or HS512"),
        }
    }

    const fn to_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Hs384 => jsonwebtoken::Algorithm::HS384,
            Self::Hs512 => jsonwebtoken::Algorithm::HS512,
        }
    }
}

/// The claims of a token. Each must have exactly this JSON type; all but `scope` are required.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: Cow<'a, str>,
    aud: Cow<'a, str>,
    typ: Cow<'a, str>,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    /// The words of the token's scopes, separated by spaces (RFC 8693, section 4.2). Without it, the token has all.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    scope: Option<Cow<'a, str>>,
}

/// What a genuine token says, whatever the time.
#[derive(Clone, Copy)]
struct VerifiedClaims {
    claims: AccessClaims,
    not_before: Timestamp,
}

/// Reads a claim that is present: `null` is not its JSON type.
fn given<'de, D: Deserializer<'de>>(claim: D) -> Result<Option<Cow<'static, str>>, D::Error> {
    String::deserialize(claim).map(|text| Some(Cow::Owned(text)))
}

/// The scopes of a token, by its claim. Words that this version does not know grant nothing.
fn scopes_of(claim: Option<&str>) -> Scopes {
    claim.map_or_else(Scopes::full, |words| words.split(' ').filter_map(|word| Scope::parse(word).ok()).collect())
}

/// The claim of a token with `scopes`.
fn claim_of(scopes: Scopes) -> Option<Cow<'static, str>> {
    let words = || scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ");
    (scopes != Scopes::full()).then(|| Cow::Owned(words()))
}

/// Access tokens as JSON Web Tokens.
///
/// Times are in whole seconds, rounded down, so a token never outlives its session.
pub struct JwtTokens {
    issuer: String,
    audience: String,
    header: Header,
    signing: EncodingKey,
    /// The signing key first, then former keys.
    verifying: Vec<DecodingKey>,
    validation: Validation,
    /// Neither the keys nor what is accepted change once there are tokens to verify.
    verified: VerifiedTokens<VerifiedClaims>,
}

impl JwtTokens {
    /// Signs with the key that `master` derives for access tokens. A token is valid only if key, algorithm, issuer and
    /// audience all match.
    #[must_use]
    pub fn new(
        master: &MasterKey,
        algorithm: Algorithm,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let key = key_of(master);
        let mut validation = Validation::new(algorithm.to_library());
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library would use the system clock; `check_times` checks against `now`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            issuer,
            audience,
            header: Header::new(algorithm.to_library()),
            signing: EncodingKey::from_secret(&key),
            verifying: vec![DecodingKey::from_secret(&key)],
            validation,
            verified: VerifiedTokens::new(),
        }
    }

    /// Also accepts tokens signed with the key of `former`, for key rotation.
    #[must_use]
    pub fn accepting(mut self, former: &MasterKey) -> Self {
        self.verifying.push(DecodingKey::from_secret(&key_of(former)));
        self
    }

    /// The claims of a genuine token, even if it is expired.
    fn verified_claims(&self, token: &str) -> Option<VerifiedClaims> {
        let decode = |key| jsonwebtoken::decode::<Claims<'static>>(token, key, &self.validation).ok();
        let claims = self.verifying.iter().find_map(decode)?.claims;
        if claims.typ != ACCESS {
            return None;
        }
        let time = |seconds: i64| seconds.checked_mul(1000).map(Timestamp::from_millis);
        Some(VerifiedClaims {
            claims: AccessClaims {
                token: TokenId::from_uuid(claims.jti),
                user: UserId::from_uuid(claims.sub),
                session: SessionId::from_uuid(claims.sid),
                scopes: scopes_of(claims.scope.as_deref()),
                issued_at: time(claims.iat)?,
                expires_at: time(claims.exp)?,
            },
            not_before: time(claims.nbf)?,
        })
    }
}

/// RFC 7518 requires a key at least as long as the hash: 64 bytes are enough for all three.
fn key_of(master: &MasterKey) -> [u8; 64] {
    master.expand(Purpose::AccessTokens)
}

impl Tokens for JwtTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<String> {
        let issued_at = claims.issued_at.as_seconds();
        let claims = Claims {
            iss: Cow::Borrowed(&self.issuer),
            aud: Cow::Borrowed(&self.audience),
            typ: Cow::Borrowed(ACCESS),
            sub: claims.user.as_uuid(),
            sid: claims.session.as_uuid(),
            jti: claims.token.as_uuid(),
            iat: issued_at,
            nbf: issued_at,
            exp: claims.expires_at.as_seconds(),
            scope: claim_of(claims.scopes),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signing).map_err(|error| Error::internal("token", error))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims> {
        if token.len() > MAX_BYTES {
            return Err(INVALID);
        }
        let verified = self.verified.find_or_verify(token, |token| self.verified_claims(token)).ok_or(INVALID)?;
        check_times(&verified, now)
    }
}

const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidToken);

/// The claims of `verified`, if they apply at `now`.
fn check_times(verified: &VerifiedClaims, now: Timestamp) -> Result<AccessClaims> {
    let VerifiedClaims { claims, not_before } = *verified;
    if claims.issued_at.max(not_before) > now.plus(LEEWAY) {
        return Err(INVALID);
    }
    if claims.expires_at <= now {
        return Err(Error::Unauthenticated(Unauthenticated::TokenExpired));
    }
    Ok(claims)
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens")
            .field("algorithm", &self.header.alg)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
