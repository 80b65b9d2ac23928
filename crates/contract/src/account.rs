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
    /// 8–128 characters, not one of the 3,000 most common passwords.
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

/// `POST /login` as a form: OAuth2's password grant. Other fields that OAuth2 clients send are ignored.
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

/// The tokens issued by a login or refresh.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// The access token, to be sent as `Authorization: Bearer …`.
    #[cfg_attr(feature = "openapi", schema(example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"))]
    pub access_token: String,
    /// `bearer`.
    #[cfg_attr(feature = "openapi", schema(example = "bearer"))]
    pub token_type: String,
    /// The lifetime of the access token, in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 3600))]
    pub expires_in: u64,
    /// The refresh token for `POST /token/refresh`, which issues new access and refresh tokens.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// `POST /token/refresh` and `POST /logout`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    /// The refresh token from the login or the last refresh.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// `POST /token/refresh` as a form: OAuth2's refresh grant. Other fields that OAuth2 clients send are ignored.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshForm {
    /// `refresh_token`, when present.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "refresh_token", pattern = "^refresh_token$"))]
    pub grant_type: Option<String>,
    /// The refresh token from the login or the last refresh.
    #[cfg_attr(feature = "openapi", schema(example = "mF_9B5f-41JqM_K7wq0GZ2yR3tXnV8cLdE6hUaPsQoY"))]
    pub refresh_token: String,
}

/// An active session of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The identifier.
    pub id: Uuid,
    /// When it began.
    pub created_at: Time,
    /// When it began or was last refreshed.
    pub last_used_at: Time,
    /// The client's address at that time, if known.
    #[cfg_attr(feature = "openapi", schema(required, example = "203.0.113.9"))]
    pub address: Option<String>,
    /// The client's `User-Agent` at that time.
    #[cfg_attr(feature = "openapi", schema(required, example = "curl/8.5.0"))]
    pub user_agent: Option<String>,
    /// Whether this request belongs to it.
    pub current: bool,
}

/// `GET /session`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// Newest first.
    pub items: Vec<Session>,
    /// The cursor of the next page; null on the last.
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
    /// The current password.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", format = "password"))]
    pub current_password: String,
    /// The new password: 8–128 characters, not one of the 3,000 most common passwords.
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
    /// The token's user.
    pub user_id: Uuid,
    /// That user's name.
    #[cfg_attr(feature = "openapi", schema(example = "ann"))]
    pub username: String,
    /// When the token expires.
    pub expires_at: Time,
}

/// A drive's quota, in bytes and in files and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quota {
    /// The drive's limit, in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 5368709120_u64))]
    pub total_bytes: u64,
    /// Bytes in use, including former content that is not yet deleted.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub used_bytes: u64,
    /// Bytes reserved by open uploads, and bytes that became no file and could not be deleted yet.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub reserved_bytes: u64,
    /// Bytes still available for uploads.
    #[cfg_attr(feature = "openapi", schema(example = 5367660544_u64))]
    pub available_bytes: u64,
    /// The limit on files and folders.
    #[cfg_attr(feature = "openapi", schema(example = 2000000))]
    pub total_entries: u64,
    /// Files and folders in the drive, including the trash.
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
    /// When the account was created.
    pub created_at: Time,
    /// Whether the user has a profile photo (`GET /profile_photo`).
    pub has_profile_photo: bool,
    /// The quota of the user's drive.
    pub quota: Quota,
}
