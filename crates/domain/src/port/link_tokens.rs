use crate::error::Result;
use crate::model::{LinkId, LinkToken, SealedToken};

/// Encrypts the tokens of public links for their owners, so that only the server can read them. Links are looked up by
/// the token's [hash](LinkToken::hash).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkTokens: Send + Sync {
    /// Seals the token of `link`. Without the key, it MUST be impossible to learn anything about the token or to pass
    /// the result off as that of another link.
    fn seal(&self, link: LinkId, token: &LinkToken) -> Result<SealedToken>;

    /// Opens a token sealed for `link`; none if it was sealed for another link or with an unknown key.
    fn open(&self, link: LinkId, sealed: &SealedToken) -> Option<LinkToken>;
}
