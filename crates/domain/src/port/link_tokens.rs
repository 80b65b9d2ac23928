use crate::error::Result;
use crate::model::{LinkId, LinkToken, SealedToken};

/// Encrypts the tokens of public links for their owners, so that only the server can read them. Links are looked up by
/// the token's [hash](LinkToken::hash).
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{LinkId, LinkToken, SealedToken, TokenHash};
/// use clouddrive_domain::port::{LinkTokens, Random};
///
/// /// What is stored of the token of a new link.
/// fn stored(tokens: &dyn LinkTokens, random: &dyn Random, link: LinkId) -> Result<(TokenHash, SealedToken)> {
///     let token = LinkToken::generate(random);
///     Ok((token.hash(), tokens.seal(link, &token)?))
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
pub trait LinkTokens: Send + Sync {
    /// Seals the token of `link`. Without the key, it MUST be impossible to learn anything about the token or to pass
    /// the result off as that of another link.
    fn seal(&self, link: LinkId, token: &LinkToken) -> Result<SealedToken>;

    /// Opens a token sealed for `link`; none if it was sealed for another link or with an unknown key.
    fn open(&self, link: LinkId, sealed: &SealedToken) -> Option<LinkToken>;
}
