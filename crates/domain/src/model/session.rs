//! Sessions: what stands behind every token.

use super::{SessionId, Timestamp, TokenId, UserId};

/// What began with a login. Ending it ends every token that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The identifier.
    pub id: SessionId,
    /// Who logged in.
    pub user: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// From which address, as far as that is known.
    pub address: Option<String>,
    /// With which program, as it said of itself; at most 255 characters.
    pub user_agent: Option<String>,
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The token itself.
    pub token: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// The session that stands behind it.
    pub session: SessionId,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Who calls: what an access token and the session behind it prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub username: String,
    /// The session.
    pub session: SessionId,
    /// When the token ends.
    pub expires_at: Timestamp,
}
