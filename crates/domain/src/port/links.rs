use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    Command, Grant, Limit, Link, LinkChange, LinkId, LinkPosition, Located, PasswordHash, SealedToken, Timestamp,
    TokenHash, UserId,
};

/// A public link to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The identifier.
    pub id: LinkId,
    /// The hash of its token.
    pub hash: TokenHash,
    /// Its token, sealed.
    pub sealed: SealedToken,
    /// The hash of its password, if any.
    pub password: Option<PasswordHash>,
    /// When it expires, if ever.
    pub expires_at: Option<Timestamp>,
    /// The download limit, if any.
    pub max_downloads: Option<u64>,
}

/// Public links. Changes take effect before these methods return.
///
/// ```
/// use clouddrive_domain::Result;
/// use clouddrive_domain::model::{LinkToken, ReadGrant, authorize_read};
/// use clouddrive_domain::port::LinkRepository;
///
/// /// Grants the holder of a token to read what it links to.
/// async fn enter(links: &dyn LinkRepository, token: &LinkToken) -> Result<ReadGrant> {
///     let found = links.find_by_token(&token.hash()).await?;
///     authorize_read(found.map(|(_, located)| located))
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LinkRepository: Send + Sync {
    /// Creates a link to the node that `item` grants to [share](crate::model::Action::Share). A node may have any
    /// number of links.
    async fn create(&self, command: &Command, item: &Grant, link: &NewLink) -> Result<Link>;

    /// Finds the link if it is `owner`'s, in one query. Another user's link is treated as missing.
    async fn find(&self, link: LinkId, owner: UserId) -> Result<Option<Link>>;

    /// Finds the link by the hash of its token, with its node as seen by the holder, even if it is in the trash:
    /// [`authorize_read`](crate::model::authorize_read) decides. Both are read consistently.
    async fn find_by_token(&self, hash: &TokenHash) -> Result<Option<(Link, Located)>>;

    /// Lists the links of `owner`, newest first, after `after`, each with its node as seen by the owner, even if it is
    /// in the trash: at most `limit` + 1, in a fixed number of queries, by an index.
    async fn list_by_owner(
        &self,
        owner: UserId,
        after: Option<LinkPosition>,
        limit: Limit,
    ) -> Result<Vec<(Link, Located)>>;

    /// Applies `change`, which is not empty, and changes nothing else.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the node no longer has such a link.
    async fn change(&self, command: &Command, item: &Grant, link: LinkId, change: &LinkChange) -> Result<Link>;

    /// Revokes the link.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) if the node no longer has such a link.
    async fn revoke(&self, command: &Command, item: &Grant, link: LinkId) -> Result<()>;

    /// Deletes up to `max` links that expired before `before`, and returns the number. They already gave no access, so
    /// the change log gets no row.
    async fn prune_expired(&self, before: Timestamp, max: u32) -> Result<u32>;
}
