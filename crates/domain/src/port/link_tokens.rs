use crate::error::Result;
use crate::model::{LinkId, LinkToken, SealedToken};

/// Keeps the tokens of public links for their owners, so that only the server can read them. They are found by their
/// [hash](LinkToken::hash).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkTokens: Send + Sync {
    /// Seals the token of `link`. It MUST be impossible to learn anything of the token from it without the key, and to pass
    /// it off as that of another link.
    fn seal(&self, link: LinkId, token: &LinkToken) -> Result<SealedToken>;

    /// The token that was sealed for `link`; none when it was not, or not with a key that is known here.
    fn open(&self, link: LinkId, sealed: &SealedToken) -> Option<LinkToken>;
}
