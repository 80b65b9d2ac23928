use crate::error::Result;
use crate::model::{LinkId, LinkToken, SealedToken, TokenHash};

/// What becomes of the tokens of public links: a hash by which they are found, and a copy that only the server can read.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkTokens: Send + Sync {
    /// The SHA-256 of the token: the same on every instance, for good.
    fn hash(&self, token: &LinkToken) -> TokenHash;

    /// Seals the token of `link`. It MUST be impossible to learn anything of the token from it without the key, and to pass
    /// it off as that of another link.
    fn seal(&self, link: LinkId, token: &LinkToken) -> Result<SealedToken>;

    /// The token that was sealed for `link`; none when it was not, or not with a key that is known here.
    fn open(&self, link: LinkId, sealed: &SealedToken) -> Option<LinkToken>;
}
