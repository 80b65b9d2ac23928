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
    /// For `POST /token/refresh`: it gives the next one with the next access token.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// `POST /token/refresh` and `POST /logout`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    /// The refresh token that the login, or the last refresh, gave.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// `POST /token/refresh` as a form: OAuth2's refresh grant. Other fields that OAuth2 clients send are passed over.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshForm {
    /// `refresh_token`, when present.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "refresh_token", pattern = "^refresh_token$"))]
    pub grant_type: Option<String>,
    /// The refresh token that the login, or the last refresh, gave.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// A session of the caller's that runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The identifier.
    pub id: Uuid,
    /// When it began.
    pub created_at: Time,
    /// When it began or was refreshed last.
    pub last_used_at: Time,
    /// From which address that was, as far as it is known.
    #[cfg_attr(feature = "openapi", schema(required, example = "203.0.113.9"))]
    pub address: Option<String>,
    /// With which program, as it said of itself.
    #[cfg_attr(feature = "openapi", schema(required, example = "curl/8.5.0"))]
    pub user_agent: Option<String>,
    /// Whether it is the one that this request was sent in.
    pub current: bool,
}

/// `GET /session`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// Newest first.
    pub items: Vec<Session>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `PATCH /user`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchUser {
    /// The new e-mail address, unique without regard to case.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "ann@example.org", format = "email", max_length = 254))]
    pub email: Option<String>,
}

/// `PUT /user/password`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub current_password: String,
    /// The password from now on: 8–128 characters, none of the commonest 3,000 passwords.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "wrong donkey lamp", format = "password", min_length = 8, max_length = 128)
    )]
    pub new_password: String,
}

/// `POST /user/delete`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    /// The current password.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub password: String,
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

/// A drive's quota, in bytes, and in files and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quota {
    /// The most that the drive may hold.
    #[cfg_attr(feature = "openapi", schema(example = 5368709120_u64))]
    pub total_bytes: u64,
    /// What it holds, with what was purged and is not deleted yet.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub used_bytes: u64,
    /// What open uploads have announced, and what arrived for ended ones and could not be deleted yet.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub reserved_bytes: u64,
    /// What may still be announced.
    #[cfg_attr(feature = "openapi", schema(example = 5367660544_u64))]
    pub available_bytes: u64,
    /// How many files and folders the drive may have.
    #[cfg_attr(feature = "openapi", schema(example = 2000000))]
    pub total_entries: u64,
    /// How many it has, live and in the trash.
    #[cfg_attr(feature = "openapi", schema(example = 42))]
    pub used_entries: u64,
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
