use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// `POST /user`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// 3–32 of `A–Z a–z 0–9 _ . -`, unique without regard to case.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "ann", min_length = 3, max_length = 32, pattern = "^[A-Za-z0-9_.-]+$")
    )]
    pub username: String,
    /// Unique without regard to case.
    #[cfg_attr(feature = "openapi", schema(example = "ann@example.com", format = "email", max_length = 254))]
    pub email: String,
    /// 8–128 characters, none of the commonest 3,000 passwords.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "correct horse battery", format = "password", min_length = 8, max_length = 128)
    )]
    pub password: String,
}

/// `POST /login` as JSON.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// User name or e-mail address.
    #[cfg_attr(feature = "openapi", schema(example = "ann"))]
    pub username: String,
    /// The password.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub password: String,
}

/// `POST /login` as a form: OAuth2's password grant. Other fields that OAuth2 clients send are passed over.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginForm {
    /// `password`, when present.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "password", pattern = "^password$"))]
    pub grant_type: Option<String>,
    /// User name or e-mail address.
    #[cfg_attr(feature = "openapi", schema(example = "ann"))]
    pub username: String,
    /// The password.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub password: String,
}

/// What a login gives.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Goes into `Authorization: Bearer …`.
    #[cfg_attr(feature = "openapi", schema(example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"))]
    pub access_token: String,
    /// `bearer`.
    #[cfg_attr(feature = "openapi", schema(example = "bearer"))]
    pub token_type: String,
    /// How long the token lives, in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 3600))]
    pub expires_in: u64,
}

/// `GET /verify-token`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifiedToken {
    /// `valid`.
    #[cfg_attr(feature = "openapi", schema(example = "valid"))]
    pub status: String,
    /// Whose token it is.
    pub user_id: Uuid,
    /// That user's name.
    #[cfg_attr(feature = "openapi", schema(example = "ann"))]
    pub username: String,
    /// When the token ends.
    pub expires_at: Time,
}

/// A drive's quota, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quota {
    /// The most that the drive may hold.
    #[cfg_attr(feature = "openapi", schema(example = 5368709120_u64))]
    pub total_bytes: u64,
    /// What it holds.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub used_bytes: u64,
    /// What open uploads have announced.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub reserved_bytes: u64,
    /// What may still be announced.
    #[cfg_attr(feature = "openapi", schema(example = 5367660544_u64))]
    pub available_bytes: u64,
}

/// The caller's own account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// The identifier.
    pub id: Uuid,
    /// The user name.
    #[cfg_attr(feature = "openapi", schema(example = "ann"))]
    pub username: String,
    /// The e-mail address.
    #[cfg_attr(feature = "openapi", schema(example = "ann@example.com"))]
    pub email: String,
    /// When the account was made.
    pub created_at: Time,
    /// Whether `GET /profile_photo` has one.
    pub has_profile_photo: bool,
    /// The quota of the user's drive.
    pub quota: Quota,
}
